"""An engine keeps a pool of its own in front of a transaction-mode pooler.

## Why it matters
The pooler already shares the server's connections. SQLAlchemy's default pool keeps up to 15 more for each process, all of
them clients of the pooler: they count against its client limit, stay open while idle, and multiply with every process.
With `prepared_statement_name_func` it is worse: names are never used twice, so a kept connection gathers statements.

## What to do
`poolclass=NullPool` leaves pooling to the pooler, and is what SQLAlchemy's own page shows for PgBouncer. It costs a
connect to the pooler for each checkout: where that is slow, keep a small pool (`pool_size=2, max_overflow=0`) instead.
With the direct string the engine's pool is right as it is, and so is this rule's silence.

```python bad file=app/db.py pypi=sqlalchemy@2.0.30,psycopg2@2.9.9 url=supabase
from sqlalchemy import create_engine

engine = create_engine(DATABASE_URL)
```

```python good file=app/db.py pypi=sqlalchemy@2.0.30,psycopg2@2.9.9 url=supabase
from sqlalchemy import NullPool, create_engine

engine = create_engine(DATABASE_URL, poolclass=NullPool)
```

```python good file=app/db.py pypi=sqlalchemy@2.0.30,psycopg2@2.9.9 url=direct
from sqlalchemy import create_engine

engine = create_engine(DATABASE_URL)
```

## Sources
- https://docs.sqlalchemy.org/en/20/dialects/postgresql.html#prepared-statement-name-with-pgbouncer
- https://docs.sqlalchemy.org/en/20/core/pooling.html#switching-pool-implementations
"""

from collections.abc import Iterator

from poolcheck.model.context import Context
from poolcheck.model.problem import Fix, Problem
from poolcheck.model.rule import rule
from poolcheck.model.severity import Confidence, Severity
from poolcheck.model.source import Site, SourceFile
from poolcheck.rules._common import transaction_pooler
from poolcheck.rules._source import app_sites, at, other_url, pooled_target

SIZE, OVERFLOW = 5, 10  # QueuePool's defaults
SMALL = 5  # connections of one engine; up to here a pool of its own does no harm
NAMED = "connect_args.prepared_statement_name_func"


@rule(SourceFile, severity=Severity.INFO, step=2)
def check(file: SourceFile, ctx: Context) -> Iterator[Problem]:
    """Only where the app's string is known to be a pooler's, and every keyword of the call is written out."""
    if file.language != "python" or other_url(file, ctx):
        return
    target = pooled_target(file, ctx)
    endpoint = transaction_pooler(target) if target else None
    if target is None or endpoint is None:
        return
    for site in app_sites(file):
        if site.kind != "sqlalchemy" or site.scope == "request" or not _keeps(site):
            continue
        most = _most(site)
        gathers = site.option(NAMED) is not None
        if most is None or (0 < most <= SMALL and not gathers):
            continue
        held = f"up to {most} connections" if most else "any number of connections"
        yield Problem(
            message=f"{site.name or site.call} keeps {held} of its own in front of the pooler of {target.label}.",
            why="Each prepared statement has a name of its own, so kept connections gather statements that nobody uses again."
            if gathers
            else "Each process holds clients of the pooler that it does not use.",
            at=at(file, site),
            confidence=Confidence.MEDIUM,
            key=site.name,
            fix=Fix("Leave pooling to the pooler", lines=("poolclass=NullPool,  # from sqlalchemy.pool",)),
            sources=(endpoint.source,),
        )


def _keeps(site: Site) -> bool:
    """Whether the engine pools: nothing else is written, and no keyword is hidden in a variable."""
    poolclass = site.option("poolclass")
    return (
        site.complete and (poolclass is None or poolclass.endswith("QueuePool")) and not site.option("pool")
    )


def _most(site: Site) -> int | None:
    """How many connections the engine may hold; 0 for no limit, None when the numbers are not written out."""
    size = SIZE if site.option("pool_size") is None else site.number("pool_size")
    overflow = OVERFLOW if site.option("max_overflow") is None else site.number("max_overflow")
    if size is None or overflow is None or size < 0 or overflow < -1:
        return None
    return 0 if size == 0 or overflow == -1 else size + overflow
