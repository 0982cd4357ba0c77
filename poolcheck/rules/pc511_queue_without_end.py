"""Clients of the pooler wait for a server connection without end.

## Why it matters
With `query_wait_timeout = 0` a client that gets no server connection waits until it gives up itself. The queue grows
while the app's own time runs out, and work is done for users who have left.

## What to do
A limit below the timeout of whatever waits in front of the app: 30 seconds is usual, PgBouncer's default is 120.

```ini bad
[databases]
app = host=10.0.0.5 dbname=app
[pgbouncer]
query_wait_timeout = 0
admin_users = dba
```

```ini good
[databases]
app = host=10.0.0.5 dbname=app
[pgbouncer]
query_wait_timeout = 30
admin_users = dba
```

## Sources
- https://www.pgbouncer.org/config.html#query_wait_timeout
"""

from collections.abc import Iterator

from poolcheck.core.context import Context
from poolcheck.core.finding import Fix, Problem, Severity
from poolcheck.core.pooler_config import PoolerConfig
from poolcheck.core.rule import rule


@rule(PoolerConfig, severity=Severity.WARNING, step=0)
def check(config: PoolerConfig, ctx: Context) -> Iterator[Problem]:  # noqa: ARG001 - every rule takes both
    """Only when it is written: the default is 120 seconds."""
    found = config.setting("query_wait_timeout")
    if found is not None and found.known and found.value.strip() in ("0", "0.0"):
        yield Problem(
            message=f"{config.name}: query_wait_timeout = 0 lets clients wait without end.",
            at=found.location,
            subject="query_wait_timeout",
            fix=Fix("End the wait", lines=("query_wait_timeout = 30",)),
        )
