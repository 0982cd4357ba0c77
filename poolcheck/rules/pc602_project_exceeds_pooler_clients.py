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
```

## Sources
- https://www.pgbouncer.org/config.html#max_client_conn
"""

from collections.abc import Iterator

from poolcheck.model.context import Context
from poolcheck.model.fleet import Fleet
from poolcheck.model.problem import Fix, Problem
from poolcheck.model.rule import rule
from poolcheck.model.severity import Severity
from poolcheck.rules._fleets import asked, places


@rule(Fleet, severity=Severity.ERROR, step=2)
def check(fleet: Fleet, ctx: Context) -> Iterator[Problem]:
    """Full pools against the pooler's client limit."""
    if fleet.against != "pooler clients" or fleet.deploy <= fleet.available:
        return
    steady = fleet.steady > fleet.available
    extra = "" if steady else f", {fleet.deploy} while a deploy runs"
    yield Problem(
        message=f"{fleet.name}: {asked(fleet)}{extra}, and the pooler takes {fleet.available} clients.",
        why=places(fleet),
        severity=Severity.ERROR if steady else Severity.WARNING,
        subject=fleet.name,
        key="clients",
        fix=Fix("Let the pooler take them", lines=(fleet.raises.format(fleet.deploy + fleet.deploy // 4),)),
    )
