"""Somebody's session settings stay on pooled sessions and hit whoever comes next.

## Why it matters
In transaction mode a client's `SET` changes the server session that it happens to be on, and stays there for the next
client: another `search_path`, another `statement_timeout`, or `default_transaction_read_only = on`, with which writes
fail with `cannot execute INSERT in a read-only transaction`. Monitoring tools that make their session "safe" have been
seen to do this. poolcheck sets nothing that outlives its own statements, so what it finds is somebody else's.

A pooler may set such values itself (`connect_query` of PgBouncer): then every session has them, and it is meant so.

## What to do
Replace `SET` by `SET LOCAL` inside the transaction, or by `ALTER ROLE ... SET` for constants. To clean up now, let the
pooler open new server connections (`RECONNECT` on PgBouncer's console).

```json bad
{"route": {"kind": "pooler", "mode": "transaction", "left_behind": [["default_transaction_read_only", "on"]]}}
```

```json good
{"route": {"kind": "pooler", "mode": "transaction"}}
```

## Sources
- https://www.pgbouncer.org/features.html
- https://www.pgbouncer.org/usage.html#reconnect-db
"""

from collections.abc import Iterator

from poolcheck.model.context import Context
from poolcheck.model.look import Look
from poolcheck.model.problem import Fix, Problem
from poolcheck.model.rule import rule
from poolcheck.model.severity import Confidence, Severity
from poolcheck.text import clean, plural


@rule(Look, severity=Severity.WARNING, step=2)
def check(look: Look, ctx: Context) -> Iterator[Problem]:
    """What the probe saw set on the sessions it came by; in session mode it is the client's own business."""
    route = look.snapshot.route
    if not route.pooled or not route.left_behind or route.mode == "session":
        return
    named = ", ".join(
        f"{clean(name, limit=40)} = {clean(value, limit=40)}" for name, value in route.left_behind[:6]
    )
    writes = any(
        name == "default_transaction_read_only" and value == "on" for name, value in route.left_behind
    )
    yield Problem(
        message=f"Settings of other clients stay on pooled sessions: {named}.",
        why=(
            "Writes of whoever gets that session fail as read-only."
            if writes
            else "Whoever gets that session works with them."
        )
        + f" Seen on {plural(route.looked_at, 'server session')}.",
        severity=Severity.ERROR if writes else Severity.WARNING,
        confidence=Confidence.MEDIUM,
        subject="pool",
        key=",".join(name for name, _ in route.left_behind),
        fix=Fix(
            "Use SET LOCAL or ALTER ROLE ... SET; to clean up now, on the pooler's console:",
            lines=("RECONNECT;",),
        ),
    )
