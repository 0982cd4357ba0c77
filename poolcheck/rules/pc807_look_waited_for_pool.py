"""poolcheck's own statement had to wait for the pooler.

## Why it matters
One statement of a few milliseconds waited for a server connection: the pool is busy, and every request of the
application waits the same way. It is seen from the client's side, so it needs no access to the pooler's console.

## What to do
Look at the pooler (`--bouncer`) and at the server itself: whether the pool's sessions run slow statements, or hold
transactions open.

```json bad
{"route": {"kind": "pooler", "mode": "transaction", "waited": 1.8}}
```

```json good
{"route": {"kind": "pooler", "mode": "transaction", "waited": 0.02}}
```

## Sources
- https://www.pgbouncer.org/usage.html#show-pools
"""

from collections.abc import Iterator

from poolcheck.model.context import Context
from poolcheck.model.look import Look
from poolcheck.model.problem import Fix, Problem
from poolcheck.model.rule import rule
from poolcheck.model.severity import Severity


@rule(Look, severity=Severity.WARNING, step=2)
def check(look: Look, ctx: Context) -> Iterator[Problem]:
    """The slowest of our own messages, through a pooler."""
    route = look.snapshot.route
    if route.pooled and route.waited >= look.thresholds.max_wait_seconds:
        yield Problem(
            message=f"A look of a few milliseconds waited {route.waited:.1f} s for a server connection of the pool.",
            why="Every request of the application waits the same way.",
            subject="pool",
            fix=Fix("See what holds the pool: poolcheck live with --bouncer, and with the server's own URL"),
        )
