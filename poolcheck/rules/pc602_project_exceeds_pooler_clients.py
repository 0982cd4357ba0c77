"""All services together open more connections than the pooler takes clients.

## Why it matters
Beyond `max_client_conn` the pooler refuses (`no more connections allowed`), whatever the server behind it has free. The
default is 100, which ten processes with pools of ten already fill.

## What to do
Raise `max_client_conn`, and the limit of open files with it: clients of a transaction pooler cost memory and a
descriptor each, not a server slot.

```yaml bad npm:prisma@6.19.3 npm:@prisma/client@6.19.3
# file: docker-compose.yml
services:
  db:
    image: postgres:17
  pgbouncer:
    image: edoburu/pgbouncer:v1.26.1-p0
    environment:
      DB_HOST: db
      POOL_MODE: transaction
      MAX_CLIENT_CONN: "100"
      DEFAULT_POOL_SIZE: "20"
  web:
    build: .
    deploy:
      replicas: 20
    environment:
      DATABASE_URL: postgresql://app:s3cret@pgbouncer:5432/app?connection_limit=10
```

```yaml good npm:prisma@6.19.3 npm:@prisma/client@6.19.3
# file: docker-compose.yml
services:
  db:
    image: postgres:17
  pgbouncer:
    image: edoburu/pgbouncer:v1.26.1-p0
    environment:
      DB_HOST: db
      POOL_MODE: transaction
      MAX_CLIENT_CONN: "500"
      DEFAULT_POOL_SIZE: "20"
  web:
    build: .
    deploy:
      replicas: 20
    environment:
      DATABASE_URL: postgresql://app:s3cret@pgbouncer:5432/app?connection_limit=10
      DIRECT_URL: postgresql://app:s3cret@db:5432/app
```

## Sources
- https://www.pgbouncer.org/config.html#max_client_conn
"""

from collections.abc import Iterator

from poolcheck.capacity.advice import fitting
from poolcheck.capacity.asked import Asked
from poolcheck.model.connection_map import Pooler
from poolcheck.model.context import Context
from poolcheck.model.problem import Fix, Problem
from poolcheck.model.rule import rule
from poolcheck.model.severity import Severity
from poolcheck.rules._sums import asked, pool_fix


@rule(Asked, severity=Severity.ERROR, step=2)
def check(row: Asked, ctx: Context) -> Iterator[Problem]:
    """Full pools against the pooler's client limit."""
    pooler = row.of
    if (
        not isinstance(pooler, Pooler)
        or row.verdict != "does not fit"
        or row.of_one_string
        or row.capacity is None
    ):
        return
    steady = row.steady.most > row.capacity
    extra = "" if steady else f", {row.deploy.most} while a deploy runs"
    yield Problem(
        message=f"{row.name}: {asked(row)}{extra}, and the pooler takes {row.capacity} clients{' in session mode' if pooler.mode == 'session' else ''}.",
        why=row.places,
        severity=Severity.ERROR if steady else Severity.WARNING,
        subject=row.name,
        key="clients",
        fix=_fix(row, pooler, ctx),
    )


def _fix(row: Asked, pooler: Pooler, ctx: Context) -> Fix:
    if pooler.raises:
        most = row.deploy.most
        return Fix("Let the pooler take them", lines=(pooler.raises.format(most + most // 4),))
    largest, size, most = fitting(row)
    if size:
        title = f"Give each process of {largest.name} {size}; at most {most} fits while a deploy runs"
        return pool_fix(row, largest, size, title, ctx)
    if pooler.mode == "session":
        return Fix(
            "Send app traffic to the endpoint in transaction mode: its clients share server connections"
        )
    return Fix("Run fewer processes, or take a plan whose pooler takes more clients")
