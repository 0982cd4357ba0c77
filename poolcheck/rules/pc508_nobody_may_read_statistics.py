"""Nobody may look into the pooler: neither stats_users nor admin_users names anyone.

## Why it matters
`SHOW POOLS` is the only place that tells clients that wait from servers that are full. Without a user for the console
the incident is diagnosed from outside, by guesses.

## What to do
`stats_users = monitoring`: it may read everything but the descriptors, and change nothing.

```ini bad
[databases]
app = host=10.0.0.5 dbname=app
[pgbouncer]
pool_mode = transaction
```

```ini good
[databases]
app = host=10.0.0.5 dbname=app
[pgbouncer]
pool_mode = transaction
stats_users = monitoring
```

## Sources
- https://www.pgbouncer.org/config.html#stats_users
"""

from collections.abc import Iterator

from poolcheck.model.context import Context
from poolcheck.model.pooler_config import PoolerConfig
from poolcheck.model.problem import Fix, Problem
from poolcheck.model.rule import rule
from poolcheck.model.severity import Severity


@rule(PoolerConfig, severity=Severity.INFO, step=0)
def check(config: PoolerConfig, ctx: Context) -> Iterator[Problem]:
    """An ini file: an image may set a user of its own."""
    if config.software != "pgbouncer":
        return
    if (
        config.complete
        and not config.setting("stats_users")
        and not config.setting("admin_users")
        and config.settings
    ):
        yield Problem(
            message=f"{config.name}: neither stats_users nor admin_users is set: nobody may run SHOW POOLS.",
            subject="stats_users",
            fix=Fix("Let a monitoring user read the statistics", lines=("stats_users = monitoring",)),
        )
