"""Clients of the pooler wait for a server connection without end.

## Why it matters
With `query_wait_timeout = 0` (Odyssey: `pool_timeout`, which is 0 unless set) a client that gets no server connection waits until it gives up itself. The queue grows
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

```conf bad
# file: odyssey.conf
listen {
    host "127.0.0.1"
    port 6432
}
storage "main" {
    type "remote"
    host "10.0.0.5"
}
database "app" {
    user "app" {
        authentication "scram-sha-256"
        storage "main"
        pool "transaction"
        pool_size 20
        pool_timeout 0
    }
}
```

## Sources
- https://www.pgbouncer.org/config.html#query_wait_timeout
"""

from collections.abc import Iterator

from poolcheck.capacity.pooler_sums import pool_size
from poolcheck.model.context import Context
from poolcheck.model.pooler_config import PoolerConfig
from poolcheck.model.problem import Fix, Problem
from poolcheck.model.rule import rule
from poolcheck.model.severity import Severity
from poolcheck.rules._poolers import place


@rule(PoolerConfig, severity=Severity.WARNING, step=0)
def check(config: PoolerConfig, ctx: Context) -> Iterator[Problem]:
    """PgBouncer only where it is written: the default is 120 seconds. Odyssey's default is no end."""
    name = "query_wait_timeout"
    if config.facts is not None:
        yield from _of_pools(config, name)
        return
    found = config.setting(name)
    if found is not None and found.known and found.value.strip() in ("0", "0.0"):
        yield Problem(
            message=f"{config.name}: query_wait_timeout = 0 lets clients wait without end.",
            at=found.location,
            subject=name,
            fix=Fix("End the wait", lines=("query_wait_timeout = 30",)),
        )


def _of_pools(config: PoolerConfig, name: str) -> Iterator[Problem]:
    """The first pool that has a size and no end of the wait; without a size nobody waits."""
    for database in config.databases:
        if not pool_size(config, database) or not config.off(name, database):
            continue
        found = database.setting(name)
        own = config.own(name)
        says = f"{config.line(name, '0')} lets clients" if found else f"without {own} clients"
        yield Problem(
            message=f"{config.name}: {says} wait without end.",
            severity=None if found else Severity.INFO,
            at=found.location if found else place(config, "pool_size"),
            subject=own,
            sources=config.sources(name),
            fix=Fix("End the wait", lines=(config.line(name, "30"),)),
        )
        return
