"""A reset query is set in transaction mode: it does nothing, or runs after every transaction.

## Why it matters
`server_reset_query` cleans up between clients of session mode and is not used in transaction mode. With
`server_reset_query_always = 1` a `DISCARD ALL` follows each transaction: one more round trip each time, and drivers lose
the statements they have prepared.

## What to do
Delete both lines; in transaction mode a client may leave no session state anyway.

```ini bad
[databases]
app = host=10.0.0.5 dbname=app
[pgbouncer]
pool_mode = transaction
server_reset_query_always = 1
admin_users = dba
```

```ini good
[databases]
app = host=10.0.0.5 dbname=app
[pgbouncer]
pool_mode = transaction
admin_users = dba
```

## Sources
- https://www.pgbouncer.org/config.html#server_reset_query
- https://www.pgbouncer.org/config.html#server_reset_query_always
"""

from collections.abc import Iterator

from poolcheck.model.context import Context
from poolcheck.model.pooler_config import PoolerConfig
from poolcheck.model.problem import Fix, Problem
from poolcheck.model.rule import rule
from poolcheck.model.severity import Severity


@rule(PoolerConfig, severity=Severity.WARNING, step=0)
def check(config: PoolerConfig, ctx: Context) -> Iterator[Problem]:
    """Only when every database is in transaction mode."""
    if config.software != "pgbouncer":
        return
    if config.modes != {"transaction"}:
        return
    always = config.setting("server_reset_query_always")
    query = config.setting("server_reset_query")
    if always is not None and config.number("server_reset_query_always", 0):
        if query is None or query.value:
            yield Problem(
                message=f"{config.name}: {(query.value if query else 'DISCARD ALL') or 'DISCARD ALL'} runs after every transaction (server_reset_query_always = {always.value}).",
                at=always.location,
                subject="server_reset_query_always",
                fix=Fix("Delete the line"),
            )
    elif query is not None and query.known and query.value:
        yield Problem(
            message=f"{config.name}: server_reset_query is not used in transaction mode.",
            severity=Severity.INFO,
            at=query.location,
            subject="server_reset_query",
            fix=Fix("Delete the line"),
        )
