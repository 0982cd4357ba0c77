"""The app's own user may administer the pooler.

## Why it matters
`admin_users` may PAUSE, KILL and SHUTDOWN on the console with the same login that the app uses: one leaked
connection string stops every app behind the pooler.

## What to do
Name a user for people in `admin_users`, one for monitoring in `stats_users`, and leave the app in neither.

```ini bad
[databases]
app = host=10.0.0.5 dbname=app user=shop
[pgbouncer]
admin_users = shop
```

```ini good
[databases]
app = host=10.0.0.5 dbname=app user=shop
[pgbouncer]
admin_users = dba
```

## Sources
- https://www.pgbouncer.org/config.html#admin_users
- https://www.pgbouncer.org/usage.html#admin-console
"""

from collections.abc import Iterator

from poolcheck.model.context import Context
from poolcheck.model.pooler_config import PoolerConfig
from poolcheck.model.problem import Fix, Problem
from poolcheck.model.rule import rule
from poolcheck.model.severity import Severity
from poolcheck.model.target import app_traffic
from poolcheck.rules._poolers import place


@rule(PoolerConfig, severity=Severity.WARNING, step=0)
def check(config: PoolerConfig, ctx: Context) -> Iterator[Problem]:
    """The user of a database line, or of an app string that leads to the pooler's port.

    Elsewhere the administrator has a password of its own: only the same name with the same password counts.
    """
    admins = {each.strip() for each in (config.value("admin_users") or "").split(",")} - {""}
    app = {database.value("user") or "" for database in config.databases}
    if config.facts is None:
        port = config.number("listen_port", 6432)
        app |= {
            target.conn.user or ""
            for target in ctx.targets
            if app_traffic(target) and not target.example_file and target.conn.port == port
        }
    own = config.own("admin_users")
    lines = config.mended("admin_users") or ("admin_users = dba", "stats_users = monitoring")
    for user in sorted((admins & app) - {""}):
        yield Problem(
            message=f"{config.name}: {user} is the app's user and in admin_users."
            if config.facts is None
            else f"{config.name}: the app's login as {user} is {config.title}'s administrator too ({own}).",
            why="Whoever has the app's connection string may pause or shut down the pooler.",
            at=place(config, "admin_users"),
            subject=own,
            sources=config.sources("admin_users"),
            key=user,
            fix=Fix("Name another user", lines=lines),
        )
