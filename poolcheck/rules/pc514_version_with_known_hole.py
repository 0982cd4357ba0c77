"""The PgBouncer version that the image's tag names has a known hole.

## Why it matters
The pooler stands between the network and the database. Before 1.24.1 it let a login pass whose password had expired
(CVE-2025-2291, with `auth_query`); before 1.25.2 anyone who reaches the port can crash it with one packet during the
SCRAM login (CVE-2026-6664).

## What to do
Use 1.25.2 or later.

```yaml bad
# file: docker-compose.yml
services:
  pgbouncer:
    image: edoburu/pgbouncer:v1.23.1-p2
    environment:
      POOL_MODE: transaction
      MAX_PREPARED_STATEMENTS: "200"
```

```yaml good
# file: docker-compose.yml
services:
  pgbouncer:
    image: edoburu/pgbouncer:v1.25.2-p0
    environment:
      POOL_MODE: transaction
```

## Sources
- https://github.com/pgbouncer/pgbouncer/blob/master/NEWS.md
- https://www.pgbouncer.org/changelog.html
"""

from collections.abc import Iterator

from poolcheck.core.context import Context
from poolcheck.core.finding import Fix, Location, Problem, Severity
from poolcheck.core.pooler_config import PoolerConfig
from poolcheck.core.rule import rule

FIXED = (1, 25, 2)  # of 2026-05-08, read from NEWS.md on 2026-11-21


@rule(PoolerConfig, severity=Severity.WARNING, step=0)
def check(config: PoolerConfig, ctx: Context) -> Iterator[Problem]:  # noqa: ARG001 - every rule takes both
    """Only a version that is written out; 1.25 alone may be any of its patch releases."""
    if config.software != "pgbouncer":
        return
    if len(config.version) < 2 or config.version >= FIXED[: len(config.version)]:
        return
    shown = ".".join(map(str, config.version))
    path, _, line = config.version_source.rpartition(":")
    holes = ["CVE-2026-6664 (a crash before login)"]
    if config.version < (1, 24, 1):
        holes.append("CVE-2025-2291 (expired passwords pass with auth_query)")
    yield Problem(
        message=f"{config.name}: PgBouncer {shown} has {' and '.join(holes)}.",
        severity=Severity.WARNING if reachable_by_strangers(config) else Severity.INFO,
        at=Location(path, int(line)) if line.isdigit() else config.location,
        subject=f"pgbouncer {shown}",
        key=shown,
        fix=Fix("Use PgBouncer 1.25.2 or later"),
    )


def reachable_by_strangers(config: PoolerConfig) -> bool:
    """A container whose port is published, or one of which that is not known."""
    return config.published is not False
