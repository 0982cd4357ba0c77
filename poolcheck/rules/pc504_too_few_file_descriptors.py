"""The pooler may have more clients than its container may open files.

## Why it matters
PgBouncer logs the shortage at start and goes on. At the limit the connect still succeeds and then nothing comes:
clients see a timeout, the log `accept() failed: Too many open files`, and no error text names the reason.

## What to do
Raise the limit of open files to more than `max_client_conn` + 10 + all pools, or lower `max_client_conn`.

```yaml bad
# file: docker-compose.yml
services:
  pgbouncer:
    image: bitnami/pgbouncer:1.24.1
    environment:
      PGBOUNCER_MAX_CLIENT_CONN: "5000"
      PGBOUNCER_DEFAULT_POOL_SIZE: "20"
    ulimits:
      nofile: 1024
```

```yaml good
# file: docker-compose.yml
services:
  pgbouncer:
    image: bitnami/pgbouncer:1.26.1
    environment:
      PGBOUNCER_MAX_CLIENT_CONN: "5000"
      PGBOUNCER_DEFAULT_POOL_SIZE: "20"
    ulimits:
      nofile: 16384
```

## Sources
- https://www.pgbouncer.org/config.html#max_client_conn
- https://github.com/pgbouncer/pgbouncer/blob/master/src/main.c
"""

from collections.abc import Iterator

from poolcheck.capacity.pooler_sums import descriptors
from poolcheck.model.context import Context
from poolcheck.model.pooler_config import PoolerConfig, whole
from poolcheck.model.problem import Fix, Problem
from poolcheck.model.rule import rule
from poolcheck.model.severity import Severity
from poolcheck.rules._poolers import place


@rule(PoolerConfig, severity=Severity.WARNING, step=0)
def check(config: PoolerConfig, ctx: Context) -> Iterator[Problem]:
    """Only where a file sets the limit."""
    if config.software != "pgbouncer":
        return
    limit = whole(config.descriptors.value) if config.descriptors and config.descriptors.known else None
    clients = config.number("max_client_conn", 100)
    if limit is None or limit <= 0 or clients is None:
        return
    need = descriptors(config) or clients
    if need > limit and config.descriptors is not None:
        yield Problem(
            message=f"{config.name}: {clients} clients and the pools need {need} open files, and {limit} are allowed ({config.descriptors.location}).",
            at=place(config, "max_client_conn"),
            subject="max_client_conn",
            fix=Fix("Allow twice what is needed", lines=(f"nofile: {2 * need}",)),
        )
