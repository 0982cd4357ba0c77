"""Prisma Migrate's advisory lock is held by a session that does nothing.

## Why it matters
Prisma Migrate up to version 7 takes the session-level advisory lock 72707369 and waits 10 s for it. Run through a
transaction-mode pooler, the lock is taken on one server session and released on another, so it stays: every later
`migrate deploy` fails with P1002, and only ending the session helps. A lock whose holder works is a migration.

## What to do
End the session that holds it, and run migrations over a direct connection.

```json bad
{"sessions": [{"pid": 7, "state": "idle", "state_age": 90}], "advisory": [[7, "72707369", true]]}
```

```json good a migration runs
{"sessions": [{"pid": 7, "state": "active", "state_age": 90}], "advisory": [[7, "72707369", true]]}
```

```json good another application's lock
{"sessions": [{"pid": 7, "state": "idle", "state_age": 90}], "advisory": [[7, "42", true]]}
```

## Sources
- https://pris.ly/d/migrate-advisory-locking
- https://www.prisma.io/docs/orm/prisma-client/setup-and-configuration/databases-connections/pgbouncer
"""

from collections.abc import Iterator

from poolcheck.model.context import Context
from poolcheck.model.look import Look
from poolcheck.model.problem import Fix, Problem
from poolcheck.model.rule import rule
from poolcheck.model.severity import Severity
from poolcheck.text import seconds

PATIENCE = 10.0  # seconds: as long as Prisma Migrate waits for the lock


@rule(Look, severity=Severity.WARNING, step=1)
def check(look: Look, ctx: Context) -> Iterator[Problem]:
    """Held, and its holder idle for longer than anybody waits for it."""
    for lock, holder in look.migrate_locks:
        if holder is None or holder.state != "idle" or (holder.state_age or 0) < PATIENCE:
            continue
        yield Problem(
            message=f"Pid {lock.pid} holds Prisma Migrate's lock and has been idle for {seconds(holder.state_age)}.",
            why="Every later migration waits 10 s for it and fails with P1002.",
            subject=f"pid {lock.pid}",
            key=str(lock.pid),
            fix=Fix(
                "End the session, and run migrations over a direct connection",
                lines=(f"SELECT pg_catalog.pg_terminate_backend({lock.pid});",),
            ),
        )
