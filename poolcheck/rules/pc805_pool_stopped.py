"""A database is paused or disabled on the pooler.

## Why it matters
After `PAUSE` clients queue as if the pool were too small, and end in `query_wait_timeout`; after `DISABLE` they are
refused. Nothing is full, and sizing does not help.

## What to do
`RESUME` or `ENABLE` the database on the console, when whoever stopped it is done.

```json bad
{"databases": [{"name": "app", "paused": true}]}
```

```json good
{"databases": [{"name": "app"}]}
```

## Sources
- https://www.pgbouncer.org/usage.html#pause-db
"""

from collections.abc import Iterator

from poolcheck.model.context import Context
from poolcheck.model.look import PoolerLook
from poolcheck.model.problem import Fix, Problem
from poolcheck.model.rule import rule
from poolcheck.model.severity import Severity
from poolcheck.text import clean


@rule(PoolerLook, severity=Severity.ERROR, step=0)
def check(look: PoolerLook, ctx: Context) -> Iterator[Problem]:
    """One problem a database."""
    for database in look.snapshot.databases:
        if database.paused or database.disabled:
            name = clean(database.name, limit=60)
            yield Problem(
                message=f"Database {name} is {'paused' if database.paused else 'disabled'} on the pooler.",
                why="Its clients wait or are refused although nothing is full.",
                subject=name,
                key=name,
                fix=Fix(
                    "When the work is done, on the console:",
                    lines=(f"{'RESUME' if database.paused else 'ENABLE'} {name};",),
                ),
            )
