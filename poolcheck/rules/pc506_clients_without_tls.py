"""The pooler listens to other machines and offers no TLS.

## Why it matters
`client_tls_sslmode` is `disable` unless set: queries and their results cross the network in clear text, and a client
with `sslmode=require` cannot connect. Inside a private network, or behind something that ends TLS, this may be meant.

## What to do
`client_tls_sslmode = require` with a key and a certificate.

```ini bad
[databases]
app = host=10.0.0.5 dbname=app
[pgbouncer]
listen_addr = *
auth_type = scram-sha-256
admin_users = dba
```

```ini good
[databases]
app = host=10.0.0.5 dbname=app
[pgbouncer]
listen_addr = *
auth_type = scram-sha-256
admin_users = dba
client_tls_sslmode = require
client_tls_key_file = /etc/pgbouncer/server.key
client_tls_cert_file = /etc/pgbouncer/server.crt
```

```toml bad
# file: pgdog.toml
[general]
host = "0.0.0.0"
[[databases]]
name = "app"
host = "10.0.0.5"
```

## Sources
- https://www.pgbouncer.org/config.html#client_tls_sslmode
"""

from collections.abc import Iterator

from poolcheck.model.context import Context
from poolcheck.model.pooler_config import PoolerConfig
from poolcheck.model.problem import Fix, Problem
from poolcheck.model.rule import rule
from poolcheck.model.severity import Severity
from poolcheck.rules._poolers import place, reachable


@rule(PoolerConfig, severity=Severity.INFO, step=0)
def check(config: PoolerConfig, ctx: Context) -> Iterator[Problem]:
    """A file of its own; containers are left to those who publish their ports."""
    name = "client_tls_sslmode"
    listens = config.knows("listen_addr")  # RDS Proxy is where AWS puts it, and offers TLS to those who ask
    if config.container or (listens and not reachable(config)):
        return
    if config.facts is not None:
        if not config.off(name):
            return
        lines = config.mended(name)
    elif config.value(name, "disable") == "disable":
        lines = (f"{name} = require", "client_tls_key_file = ...", "client_tls_cert_file = ...")
    else:
        return
    yield Problem(
        message=f"{config.name}: listens on {config.value('listen_addr')} without TLS for clients."
        if listens
        else f"{config.name}: takes clients without TLS ({config.own(name)} is false).",
        at=place(config, "listen_addr" if listens else name),
        subject=config.own(name),
        sources=config.sources(name),
        fix=Fix("Offer TLS" if listens else "Ask for TLS", lines=lines),
    )
