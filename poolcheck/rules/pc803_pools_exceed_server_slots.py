"""The pooler's pools together may open more connections than the server has slots.

## Why it matters
PgBouncer has one pool for each pair of database and user, and each may grow to its `pool_size` plus reserve. Three
databases with four users at `default_pool_size = 20` are 240 connections. When the server refuses, the pooler's clients
see the server's text or `query_wait_timeout`, and raising the pooler's limits makes it worse.

The sum is over the pools that exist now, within `max_db_connections`; pools of other pooler processes come on top.

## What to do
Lower `default_pool_size`, or cap with `max_db_connections`, so that the sum leaves room for direct connections.

```json bad
{"usable": 97, "pools": [{"database": "a", "user": "x", "pool_size": 60}, {"database": "b", "user": "x", "pool_size": 60}]}
```

```json good
{"usable": 97, "pools": [{"database": "a", "user": "x", "pool_size": 40}, {"database": "b", "user": "x", "pool_size": 40}]}
```

```json good the server was not looked at
{"pools": [{"database": "a", "user": "x", "pool_size": 400}]}
```

## Sources
- https://www.pgbouncer.org/config.html#default_pool_size
- https://www.pgbouncer.org/config.html#max_db_connections
"""

from collections.abc import Iterator

from poolcheck.model.context import Context
from poolcheck.model.look import PoolerLook
from poolcheck.model.problem import Fix, Problem
from poolcheck.model.rule import rule
from poolcheck.model.severity import Severity
from poolcheck.text import plural


@rule(PoolerLook, severity=Severity.WARNING, step=2)
def check(look: PoolerLook, ctx: Context) -> Iterator[Problem]:
    """The sum of the pools against the slots of the server that was looked at too."""
    total = look.snapshot.server_connections
    if look.usable is None or total <= look.usable:
        return
    yield Problem(
        message=f"{plural(len(look.snapshot.pools), 'pool')} may open {total} connections together; the server has {look.usable} usable slots.",
        why="The server refuses the pooler when they do, and its clients queue until query_wait_timeout.",
        subject="default_pool_size",
        fix=Fix(
            "Lower default_pool_size, or cap each database",
            lines=(
                f"default_pool_size = {max(1, (look.usable - ctx.numbers.buffer) // max(1, len(look.snapshot.pools)))}",
            ),
        ),
    )
