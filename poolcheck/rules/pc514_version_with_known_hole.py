"""The PgBouncer version that the image's tag names has a known hole.

## Why it matters
The pooler stands between the network and the database. Before 1.24.1 it let a login pass whose password had expired
(CVE-2025-2291, with `auth_query`); before 1.25.2 anyone who reaches the port can crash it with one packet during the
SCRAM login (CVE-2026-6664), before 1.26.0 with another (CVE-2026-19888). From 1.17.0 to 1.26.0 who knows the SCRAM
password of one user can log in as any other SCRAM user, administrators included (CVE-2026-107350).

## What to do
Use 1.26.1 or later.

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
    image: edoburu/pgbouncer:v1.26.1-p0
    environment:
      POOL_MODE: transaction
```

## Sources
- https://github.com/pgbouncer/pgbouncer/blob/master/NEWS.md
- https://www.pgbouncer.org/changelog.html
"""

from collections.abc import Iterator

from poolcheck.model.context import Context
from poolcheck.model.pooler_config import PoolerConfig
from poolcheck.model.problem import Fix, Location, Problem
from poolcheck.model.rule import rule
from poolcheck.model.severity import Severity

# From the first release that has it, to the first that has not; the gravest first. Read from the changelog on 2026-11-21.
HOLES: tuple[tuple[tuple[int, ...], tuple[int, ...], str], ...] = (
    ((1, 17, 0), (1, 26, 1), "CVE-2026-107350 (with SCRAM, one user's password opens every other user)"),
    ((0,), (1, 24, 1), "CVE-2025-2291 (expired passwords pass with auth_query)"),
    ((0,), (1, 25, 2), "CVE-2026-6664 (a crash before login)"),
    ((1, 11, 0), (1, 26, 0), "CVE-2026-19888 (a crash before login)"),
)


@rule(PoolerConfig, severity=Severity.WARNING, step=0)
def check(config: PoolerConfig, ctx: Context) -> Iterator[Problem]:
    """Only a version that is written out; 1.26 alone may be any of its patch releases."""
    if config.software != "pgbouncer":
        return
    version = config.version
    size = len(version)
    # A version that is cut short may be the last of those it names.
    holes = [what for first, fixed, what in HOLES if first[:size] <= version < fixed[:size]]
    if size < 2 or not holes:
        return
    shown = ".".join(map(str, version))
    path, _, line = config.version_source.rpartition(":")
    yield Problem(
        message=f"{config.name}: PgBouncer {shown} has {', '.join(holes)}.",
        severity=Severity.WARNING if reachable_by_strangers(config) else Severity.INFO,
        at=Location(path, int(line)) if line.isdigit() else config.location,
        subject=f"pgbouncer {shown}",
        key=shown,
        fix=Fix("Use PgBouncer 1.26.1 or later"),
    )


def reachable_by_strangers(config: PoolerConfig) -> bool:
    """A container whose port is published, or one of which that is not known."""
    return config.published is not False
