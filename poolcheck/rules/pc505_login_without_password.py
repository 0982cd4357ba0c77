"""Whoever reaches the pooler may log in: auth_type is trust, any or plain, and other machines can reach it.

## Why it matters
`trust` asks for no password, `any` not even for a known user: an open door to the database, with the rights of the
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

## Sources
- https://www.pgbouncer.org/config.html#auth_type
"""

from collections.abc import Iterator

from poolcheck.core.context import Context
from poolcheck.core.finding import Fix, Problem, Severity
from poolcheck.core.pooler_config import PoolerConfig
from poolcheck.core.rule import rule
from poolcheck.rules._poolers import place, reachable

_MEANS = {
    "trust": "asks for no password",
    "any": "asks for no password and takes any user name",
    "plain": "compares passwords in clear text",
}


@rule(PoolerConfig, severity=Severity.ERROR, step=0)
def check(config: PoolerConfig, ctx: Context) -> Iterator[Problem]:  # noqa: ARG001 - every rule takes both
    """A container without published ports is reached by its neighbours only: said, not called an error."""
    said = (config.value("auth_type") or "").lower()
    open_ = reachable(config)
    if said not in _MEANS or open_ is None or (not open_ and not config.container):
        return
    severity = Severity.ERROR if open_ and said != "plain" else Severity.WARNING if open_ else Severity.INFO
    yield Problem(
        message=f"{config.name}: auth_type = {said} {_MEANS[said]}, and {'other machines' if open_ else 'other containers'} can connect.",
        severity=severity,
        at=place(config, "auth_type"),
        subject="auth_type",
        fix=Fix("Ask for a password", lines=("auth_type = scram-sha-256",)),
    )
