"""Clients vanish without closing their sessions.

## Why it matters
PostgreSQL 14 and newer count how sessions end. `sessions_abandoned` rises when a client disappears without goodbye:
a killed process, a reaped container, a frozen function, a network that dropped the connection. Each of those held its
slot until the server noticed. Forgotten releases are not in it, because those sessions never end; refused connections
are in no counter at all.

Only a rise between two looks (`--sample 30s`) is reported: the sum since the counters were reset says nothing about now.

## What to do
Close the pool when the process is told to stop (SIGTERM), and give it the time to do so.

```json bad
{"counters": {"sessions": 500, "abandoned": 40, "fatal": 0, "killed": 0},
 "earlier": {"counters": {"sessions": 480, "abandoned": 20, "fatal": 0, "killed": 0}}}
```

```json good
{"counters": {"sessions": 500, "abandoned": 40, "fatal": 0, "killed": 0},
 "earlier": {"counters": {"sessions": 480, "abandoned": 40, "fatal": 0, "killed": 0}}}
```

```json good a single look
{"counters": {"sessions": 500, "abandoned": 40, "fatal": 0, "killed": 0}}
```

## Sources
- https://www.postgresql.org/docs/current/monitoring-stats.html
"""

from collections.abc import Iterator

from poolcheck.model.context import Context
from poolcheck.model.look import Look
from poolcheck.model.problem import Fix, Problem
from poolcheck.model.rule import rule
from poolcheck.model.severity import Severity
from poolcheck.text import plural


@rule(Look, severity=Severity.INFO, step=3)
def check(look: Look, ctx: Context) -> Iterator[Problem]:
    """The difference of the counters of two looks."""
    now = look.snapshot.counters
    before = look.earlier.counters if look.earlier else None
    if now is None or before is None or now.since != before.since or now.abandoned <= before.abandoned:
        return
    gone = now.abandoned - before.abandoned
    span = look.snapshot.epoch - look.earlier.epoch if look.earlier else 0
    yield Problem(
        message=f"{plural(gone, 'client')} vanished without closing the session within {span:.0f} s.",
        why=f"{plural(now.sessions - before.sessions, 'session')} ended or began being counted in that time.",
        subject=look.snapshot.server.database,
        fix=Fix("Close the pool on SIGTERM, and let the platform wait for it"),
    )
