"""Sessions wait behind one that holds a lock, and each of them costs a slot.

## Why it matters
A lock that is not given back fills a server: every request that needs it takes a slot and waits. What must end is the
root of the tree, not one of the waiters. When the root is idle in a transaction, `pg_cancel_backend` returns true and
changes nothing, because there is no statement to cancel; only `pg_terminate_backend` frees the lock. When the root
still runs a statement, a cancel is enough. A root that is a prepared transaction has no session at all.

A waiter or two for a moment is normal life: reported is a root that is idle in a transaction, or a tree with more than
3 waiters, or one whose waiters have waited for more than 5 s.

## What to do
End the root as shown. Then find the code that keeps the transaction open, or set `lock_timeout` for what waits.

```json bad
{"sessions": [{"pid": 10, "state": "idle in transaction", "state_age": 40},
              {"pid": 11, "state": "active", "wait_type": "Lock"}, {"pid": 12, "state": "active", "wait_type": "Lock"}],
 "waits": [[11, [10]], [12, [11]]]}
```

```json good nobody waits
{"sessions": [{"pid": 10, "state": "idle in transaction", "state_age": 1}, {"pid": 11, "state": "active"}]}
```

```json good a short wait
{"sessions": [{"pid": 10, "state": "active"}, {"pid": 11, "state": "active", "wait_type": "Lock", "state_age": 0.1}],
 "waits": [[11, [10]]]}
```

## Sources
- https://www.postgresql.org/docs/current/functions-info.html
- https://www.postgresql.org/docs/current/functions-admin.html
"""

from collections.abc import Iterator

from poolcheck.model.context import Context
from poolcheck.model.look import Look
from poolcheck.model.problem import Fix, Problem
from poolcheck.model.rule import rule
from poolcheck.model.severity import Severity
from poolcheck.model.snapshot import Block
from poolcheck.text import clean, plural, seconds

FEW_WAITERS = 3
SHORT_WAIT = 5.0  # seconds


@rule(Look, severity=Severity.ERROR, step=3)
def check(look: Look, ctx: Context) -> Iterator[Problem]:
    """One problem a tree, about its root."""
    ages = {backend.pid: backend.state_age or 0 for backend in look.snapshot.backends}
    for block in look.blocks:
        idle = block.backend is not None and block.backend.idle_in_transaction
        longest = max((ages.get(pid, 0) for pid in block.waiters), default=0)
        many = len(block.waiters) > FEW_WAITERS
        if not (idle or block.root == 0 or many or longest > SHORT_WAIT):
            continue
        pids = ", ".join(map(str, block.waiters[:5])) + (", ..." if len(block.waiters) > 5 else "")
        lots = len(block.waiters) > look.thresholds.waiting_sessions
        yield Problem(
            message=f"{describe(block)} blocks {plural(len(block.waiters), 'session')}: {plural(block.slots, 'slot')} in all.",
            why=f"Pid {pids} wait behind it, and whatever needs that lock will."
            + (" A cancel does nothing to it." if idle else ""),
            severity=Severity.ERROR if idle or block.root == 0 or many or lots else Severity.WARNING,
            subject=f"pid {block.root}",
            key=str(block.root),
            fix=Fix(TITLES[block.verb], lines=lines(block)),
        )


TITLES = {
    "terminate": "End the root of the tree, not one of the waiters",
    "cancel": "Cancel the root's statement",
    "finish": "Finish the prepared transaction",
}


def describe(block: Block) -> str:
    """The root, in words."""
    if block.root == 0:
        return "A prepared transaction"
    if block.backend is None:
        return f"Pid {block.root}, no session of a client,"
    each = block.backend
    name = clean(each.application_name or each.user, limit=60)
    state = f", {each.state} for {seconds(each.state_age)}" if each.state else ""
    return f"Pid {block.root} ({name}{state})"


def lines(block: Block) -> tuple[str, ...]:
    """What to run."""
    if block.verb == "finish":
        return (
            "SELECT gid, prepared, owner FROM pg_catalog.pg_prepared_xacts;",
            "ROLLBACK PREPARED '<gid>';",
        )
    return (f"SELECT pg_catalog.pg_{block.verb}_backend({block.root});",)
