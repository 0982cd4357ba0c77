"""The pooler's own client limit is nearly reached.

## Why it matters
PgBouncer refuses clients beyond `max_client_conn` (100 by default) with `no more connections allowed
(max_client_conn)`, while PostgreSQL behind it may be idle. It is the pools of all instances together that reach it.

## What to do
Raise `max_client_conn` together with the file-descriptor limit (PgBouncer only logs when that is too low, and clients
then hang without an error), or make the application's pools smaller.

```json bad
{"clients_used": 95, "settings": {"max_client_conn": "100"}}
```

```json good
{"clients_used": 40, "settings": {"max_client_conn": "100"}}
```

## Sources
- https://www.pgbouncer.org/config.html#max_client_conn
"""

from collections.abc import Iterator

from poolcheck.model.context import Context
from poolcheck.model.look import PoolerLook
from poolcheck.model.problem import Fix, Problem
from poolcheck.model.rule import rule
from poolcheck.model.severity import Severity


@rule(PoolerLook, severity=Severity.ERROR, step=2)
def check(look: PoolerLook, ctx: Context) -> Iterator[Problem]:
    """The shares of the slots' own thresholds."""
    limit, used = look.snapshot.number("max_client_conn"), look.snapshot.clients_used
    if not limit or used is None or used < look.thresholds.warn_at * limit:
        return
    yield Problem(
        message=f"{used} of {limit} clients that the pooler admits are connected: {used / limit:.0%}.",
        why="Beyond the limit it refuses, whatever PostgreSQL has free.",
        severity=Severity.ERROR if used >= look.thresholds.critical_at * limit else Severity.WARNING,
        subject="max_client_conn",
        fix=Fix(
            "Raise max_client_conn and the file-descriptor limit together, or make the clients' pools smaller"
        ),
    )
