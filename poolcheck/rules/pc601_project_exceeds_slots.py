"""All services together ask for more connections than the server has slots.

## Why it matters
Each pool is harmless by itself. Replicas x processes x pool, added up over every service that shares the server, is what
the busiest day or the next rollout asks for, and the instances that come last are refused (SQLSTATE 53300).
Only numbers that files tell are added up; where a number is missing the report says so.

## What to do
Give each process the size that poolcheck computes, run fewer processes, or put a transaction-mode pooler in between.

```yaml bad npm:prisma@6.19.3 npm:@prisma/client@6.19.3
# file: docker-compose.yml
services:
  db:
    image: postgres:17
    command: postgres -c max_connections=100
  web:
    build: .
    deploy:
      replicas: 10
    environment:
      DATABASE_URL: postgresql://app:s3cret@db:5432/app?connection_limit=8
  jobs:
    build: .
    deploy:
      replicas: 4
    environment:
      DATABASE_URL: postgresql://app:s3cret@db:5432/app?connection_limit=5
```

```yaml good npm:prisma@6.19.3 npm:@prisma/client@6.19.3
# file: docker-compose.yml
services:
  db:
    image: postgres:17
    command: postgres -c max_connections=100
  web:
    build: .
    deploy:
      replicas: 10
    environment:
      DATABASE_URL: postgresql://app:s3cret@db:5432/app?connection_limit=5
  jobs:
    build: .
    deploy:
      replicas: 4
    environment:
      DATABASE_URL: postgresql://app:s3cret@db:5432/app?connection_limit=5
```

## Sources
- https://www.postgresql.org/docs/current/runtime-config-connection.html
- https://kubernetes.io/docs/concepts/workloads/controllers/deployment/
- https://docs.docker.com/reference/compose-file/deploy/
"""

from collections.abc import Iterator

from poolcheck.core.context import Context
from poolcheck.core.finding import Fix, Problem, Severity
from poolcheck.core.fleet import Fleet
from poolcheck.core.rule import rule
from poolcheck.rules._fleets import asked, fitting, places


@rule(Fleet, severity=Severity.ERROR, step=2)
def check(fleet: Fleet, ctx: Context) -> Iterator[Problem]:  # noqa: ARG001 - every rule takes both
    """Full pools against the slots of an ordinary role; what only a deploy exceeds is a warning."""
    if fleet.against != "slots" or fleet.deploy <= fleet.available:
        return
    steady = fleet.steady > fleet.available
    allowed = f"the server allows {fleet.available} ({fleet.limit.number} - {fleet.reserved} reserved)"
    extra = "" if steady else f", {fleet.deploy} while a deploy runs"
    largest, size, most = fitting(fleet)
    if largest.pooler:
        beside = fleet.deploy - largest.deploy
        left = max(1, fleet.available - fleet.buffer - beside)
        fix = Fix(
            f"Cap what {largest.name} opens: {left} are left for it", lines=(f"max_db_connections = {left}",)
        )
    elif size:
        fix = Fix(f"Give each process of {largest.name} {size}; at most {most} fits while a deploy runs")
    else:
        fix = Fix("No pool size fits: run fewer processes, or put a transaction-mode pooler in between")
    yield Problem(
        message=f"{fleet.name}: {asked(fleet)}{extra}, and {allowed}.",
        why=places(fleet),
        severity=Severity.ERROR if steady else Severity.WARNING,
        subject=fleet.name,
        key="slots",
        fix=fix,
    )
