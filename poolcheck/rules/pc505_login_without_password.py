"""Whoever reaches the pooler may log in: auth_type is trust, any or plain, and other machines can reach it.

## Why it matters
`trust` (Odyssey: `none`) asks for no password, `any` not even for a known user: an open door to the database, with the rights of the
pooler's user. `plain` keeps and compares passwords in clear text.

## What to do
`auth_type = scram-sha-256` (`md5` takes SCRAM secrets too), or listen on 127.0.0.1 only.

```ini bad
[databases]
app = host=10.0.0.5 dbname=app
[pgbouncer]
listen_addr = 0.0.0.0
auth_type = trust
admin_users = dba
client_tls_sslmode = require
```

```ini good
[databases]
app = host=10.0.0.5 dbname=app
[pgbouncer]
listen_addr = 0.0.0.0
auth_type = scram-sha-256
admin_users = dba
client_tls_sslmode = require
```

```ini good
[databases]
app = host=10.0.0.5 dbname=app
[pgbouncer]
listen_addr = 127.0.0.1
auth_type = trust
admin_users = dba
```

```toml bad
# file: pgdog.toml
[general]
auth_type = "trust"
tls_certificate = "server.crt"
tls_private_key = "server.key"
[[databases]]
name = "app"
host = "10.0.0.5"
```

## Sources
- https://www.pgbouncer.org/config.html#auth_type
"""

from collections.abc import Iterator

from poolcheck.model.context import Context
from poolcheck.model.pooler_config import PoolerConfig
from poolcheck.model.problem import Fix, Problem
from poolcheck.model.rule import rule
from poolcheck.model.severity import Severity
from poolcheck.rules._poolers import reachable

_MEANS = {
    "trust": "asks for no password",
    "any": "asks for no password and takes any user name",
    "plain": "compares passwords in clear text",
}


@rule(PoolerConfig, severity=Severity.ERROR, step=0)
def check(config: PoolerConfig, ctx: Context) -> Iterator[Problem]:
    """A container without published ports is reached by its neighbours only: said, not called an error."""
    found = config.setting("auth_type")
    said = [found] if found else []
    if config.facts is not None:
        said += [one for database in config.databases if (one := database.setting("auth_type"))]
    open_ = reachable(config)
    if open_ is None or (not open_ and not config.container):
        return
    means = _MEANS if config.facts is None else dict.fromkeys(_off(config), _MEANS["trust"])
    for each in said:
        value = each.value.lower() if each.known else ""
        if value not in means:
            continue
        severity = (
            Severity.ERROR if open_ and value != "plain" else Severity.WARNING if open_ else Severity.INFO
        )
        own = config.own("auth_type")
        written = f"{own} = {value}" if config.facts is None else config.line("auth_type", value)
        yield Problem(
            message=f"{config.name}: {written} {means[value]}, and {'other machines' if open_ else 'other containers'} can connect.",
            severity=severity,
            at=each.location,
            subject=own,
            sources=config.sources("auth_type"),
            fix=Fix("Ask for a password", lines=config.mended("auth_type") or ("auth_type = scram-sha-256",)),
        )
        return


def _off(config: PoolerConfig) -> tuple[str, ...]:
    option = config.facts.option("auth_type") if config.facts else None
    return option.off if option else ()
