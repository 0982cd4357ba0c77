"""Two tasks that come first at once make two pools, and one of them is lost.

## Why it matters
`if pool is None: pool = await create_pool()` waits between the check and the assignment: a second task that comes meanwhile finds no
pool either, makes one of its own, and its assignment wins. The first pool keeps the connections that it has opened
(asyncpg opens 10 unless `min_size` says otherwise) until it is collected, which for a pool with tasks of its own may be never.
It happens at the start, when requests are waiting already, once for each process.

Reported are functions that give the pool to whoever needs it (`get_pool`, `ensure_pool`). One that makes it at start, before any
request, is none of them.

## What to do
Make the pool at start: in the app's lifespan. Or let a lock stand around check and assignment.

```python bad file=app/db.py pypi=asyncpg@0.30.0,fastapi@0.115.0
import asyncpg

pool = None


async def get_pool():
    global pool
    if pool is None:
        pool = await asyncpg.create_pool(URL, min_size=2, max_size=10)
    return pool
```

```python good file=app/db.py pypi=asyncpg@0.30.0,fastapi@0.115.0
import asyncio

import asyncpg

pool = None
lock = asyncio.Lock()


async def get_pool():
    global pool
    if pool is None:
        async with lock:
            if pool is None:
                pool = await asyncpg.create_pool(URL, min_size=2, max_size=10)
    return pool
```

```python good file=app/db.py pypi=asyncpg@0.30.0,fastapi@0.115.0
import asyncpg

pool = None


async def connect():
    global pool
    if pool is None:
        pool = await asyncpg.create_pool(URL, min_size=2, max_size=10)
```

## Sources
- https://magicstack.github.io/asyncpg/current/api/index.html#connection-pools
- https://docs.python.org/3/library/asyncio-sync.html#asyncio.Lock
- https://github.com/MagicStack/asyncpg/issues/320
"""

from collections.abc import Iterator

from poolcheck.model.context import Context
from poolcheck.model.problem import Fix, Problem
from poolcheck.model.rule import rule
from poolcheck.model.severity import Confidence, Severity
from poolcheck.model.source import SourceFile
from poolcheck.rules._source import app_sites, at


@rule(SourceFile, severity=Severity.INFO, step=3)
def check(file: SourceFile, _ctx: Context) -> Iterator[Problem]:
    """Only where the check is seen, and what makes the pool is awaited behind it."""
    for site in app_sites(file):
        if site.raced and site.made.makes != "connection":
            yield Problem(
                message=f"{site.name or site.call}: two tasks that come first at once make two pools, and one of them is lost.",
                why="It is awaited behind a check that the other has passed too, and keeps the connections that it has opened.",
                at=at(file, site),
                confidence=Confidence.MEDIUM,
                key=f"{site.kind}:{site.name}",
                fix=Fix(
                    "Make it at start, or put a lock around the check and what makes it",
                    lines=(
                        "async with lock:",
                        f"    if {site.name or 'pool'} is None:",
                        f"        {site.name or 'pool'} = await {site.call}(...)",
                    ),
                ),
            )
