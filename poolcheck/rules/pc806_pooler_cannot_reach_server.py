"""The pooler has waiting clients and no server connection.

## Why it matters
Clients wait while the pool has no server connection at all: PostgreSQL refuses the pooler, or is down. After
`query_wait_timeout` they see the same text as with a busy pool, and a larger pool or `max_client_conn` changes nothing.

## What to do
Look at PostgreSQL itself: whether it runs, whether its slots are full, whether the pooler's user may log in.

```json bad
{"pools": [{"database": "app", "user": "app", "clients_waiting": 4, "servers_login": 1, "max_wait_seconds": 3.0, "pool_size": 5}]}
```

```json good a pool that just starts
{"pools": [{"database": "app", "user": "app", "clients_waiting": 1, "servers_login": 1, "max_wait_seconds": 0.01, "pool_size": 5}]}
```

## Sources
- https://www.pgbouncer.org/usage.html#show-pools
- https://www.pgbouncer.org/config.html#query_wait_timeout
"""

from collections.abc import Iterator

from poolcheck.model.context import Context
from poolcheck.model.look import PoolerLook
from poolcheck.model.problem import Fix, Problem
from poolcheck.model.rule import rule
from poolcheck.model.severity import Severity
from poolcheck.text import clean, plural


@rule(PoolerLook, severity=Severity.ERROR, step=0)
def check(look: PoolerLook, ctx: Context) -> Iterator[Problem]:
    """Waiting for longer than a login takes, and nothing to wait for."""
    stopped = {database.name for database in look.snapshot.databases if database.paused or database.disabled}
    for pool in look.snapshot.pools:
        empty = not (pool.servers_active or pool.servers_idle or pool.servers_tested)
        if not pool.clients_waiting or not empty or pool.database in stopped:
            continue
        if pool.max_wait_seconds < look.thresholds.max_wait_seconds:
            continue
        name = f"{clean(pool.database, limit=60)}/{clean(pool.user, limit=60)}"
        yield Problem(
            message=f"{plural(pool.clients_waiting, 'client')} of pool {name} wait, and the pooler has no connection to the server.",
            why="PostgreSQL refuses the pooler or is down: no setting of the pooler helps.",
            subject=name,
            key=name,
            fix=Fix("Look at PostgreSQL itself, with its direct URL"),
        )
