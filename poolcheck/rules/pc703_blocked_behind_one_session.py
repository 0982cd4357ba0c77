"""Sessions wait behind one that holds a lock, and each of them costs a slot.

## Why it matters
A lock that is not given back fills a server: every request that needs it takes a slot and waits. When the root of the
tree is idle in a transaction, `pg_cancel_backend` returns true and changes nothing, because there is no statement to
cancel; only `pg_terminate_backend` frees the lock. The same holds for a root that is active and waits for its client.
When the root runs a statement, a cancel is enough. A root that is a prepared transaction has no session at all.

When the root works and holds a weak lock (a dump, a report, a vacuum), the others do not wait for it: they queue behind
a request for ACCESS EXCLUSIVE (`ALTER TABLE`, `TRUNCATE`, `VACUUM FULL`) that waits for it. Cancel that request, and they
go on at once. Where runs of one statement overlap, the next takes the place of the first: cancel them all, and stop the
job. An autovacuum that prevents wraparound comes back when it is ended. On a standby the startup process is not ended:
whoever replay waits for is.

A waiter or two for a moment is normal life: reported is a root that is idle in a transaction, or a tree with more than
3 waiters, or one whose waiters have waited for more than 5 s.

## What to do
What is shown, and nothing else. Then find the code that keeps the transaction open, and set `lock_timeout` for whatever
asks for a strong lock: it gives up then, instead of holding up all others.

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
- https://www.postgresql.org/docs/current/explicit-locking.html
- https://www.postgresql.org/docs/current/routine-vacuuming.html
- https://www.postgresql.org/docs/current/hot-standby.html
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
from poolcheck.rules._live import ending, waits_for_standby
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
        if waits_for_standby(block) or not (idle or block.root == 0 or many or longest > SHORT_WAIT):
            continue  # cancelled, a commit that waits for a standby makes room for the next one: PC712
        lots = len(block.waiters) > look.thresholds.waiting_sessions
        yield Problem(
            message=f"{describe(block)} blocks {plural(len(block.waiters), 'session')}: {plural(block.slots, 'slot')} in all.",
            why=" ".join(filter(None, (reason(block, look), allowed(block, look)))),
            severity=Severity.ERROR if idle or block.root == 0 or many or lots else Severity.WARNING,
            subject=f"pid {block.root}",
            key=str(block.root),
            fix=Fix(title(block), lines=lines(block)),
        )


def describe(block: Block) -> str:
    """The root, in words."""
    if block.root == 0:
        ages = [each.age for each in block.prepared]
        made = f" (made {seconds(max(ages))} ago)" if ages else ""
        return (
            f"A prepared transaction{made}" if len(ages) < 2 else f"One of {len(ages)} prepared transactions"
        )
    each = block.backend
    if each is None:
        return f"Pid {block.root}, no session of a client,"
    if each.kind == "autovacuum worker":
        note = f" {WRAPAROUND}" if WRAPAROUND in each.query else ""
        return f"Pid {block.root} (autovacuum{note}, {seconds(each.state_age)})"
    if each.kind == "startup":
        return f"Pid {block.root} (the startup process, which replays the primary's log)"
    name = clean(each.application_name or each.user, limit=60) or each.kind or "no session of a client"
    state = f", {each.state} for {seconds(each.state_age)}" if each.state else ""
    return f"Pid {block.root} ({name}{state})"


def reason(block: Block, look: Look) -> str:
    """Who waits for what, and what follows from it."""
    on = f" on {clean(block.relation, limit=60)}" if block.relation else ""
    asked = f"{block.wanted}{on}" if block.wanted else "it"
    asked = "an advisory lock" if block.lock == "advisory" else asked
    holds = f"it holds {block.held}{on}" if block.held else "it holds the lock"
    each = block.backend
    if block.kind == "middle":
        who = ", ".join(named(pid, look) for pid in block.targets[:3])
        harm = " It comes back when it is ended." if each is not None and WRAPAROUND in each.query else ""
        return (
            f"In the middle {who} {'asks' if len(block.targets) == 1 else 'ask'} for {asked}; {holds}."
            f" {plural(block.frees, 'session')} behind that {'goes' if block.frees == 1 else 'go'} on when it is"
            f" cancelled, and pid {block.root} may work on.{harm}"
        )
    if block.kind == "runs":
        return f"{len(block.targets)} runs of one statement overlap{on}: cancelled alone, the first makes room for the next."
    if block.kind == "let":
        comes = (
            "comes back when it is ended"
            if each is not None and WRAPAROUND in each.query
            else "gives way by itself"
        )
        return f"{named(block.targets[0], look).capitalize()} asks for {asked}; {holds}, and {comes}."
    if block.kind == "replay":
        return (
            f"Replay waits for a snapshot of {named(block.targets[0], look)}, and holds {block.held or 'the lock'}{on} meanwhile."
            if block.targets
            else f"A transaction that is open on the primary holds {block.held or 'the lock'}{on}: it ends there, not here."
        )
    if each is not None and (each.own or (block.lock == "advisory" and look.snapshot.route.pooled)):
        sat = ", on which this look sat," if each.own else ""
        return (
            f"The pooled server session{sat} holds an advisory lock that another client took and did not give back there:"
            " in transaction mode the unlock lands on another session. What locks so needs a direct connection."
        )
    if block.lock == "advisory" and each is not None and each.state == "idle":
        return f"They wait for an advisory lock, which belongs to the session, not to a transaction: it is {each.state} and keeps it."
    pids = ", ".join(map(str, block.waiters[:5])) + (", ..." if len(block.waiters) > 5 else "")
    said = f"Pid {pids} wait behind it, and whatever needs that lock will."
    if block.wanted:
        said = f"They wait for {asked}; {holds}."
    if each is not None and each.idle_in_transaction:
        return f"{said} A cancel does nothing to it."
    if each is not None and each.client_gone:
        return f"{said} Its client is gone: nobody waits for what it does."
    if each is not None and each.state == "active" and block.verb == "terminate":
        return f"{said} It waits for its client ({each.wait_event}), where no cancel reaches it."
    return said


def allowed(block: Block, look: Look) -> str:
    """Who may do it, when this role may not."""
    server = look.snapshot.server
    by_pid = {backend.pid: backend for backend in look.snapshot.backends}
    others = [each for pid in block.targets if (each := by_pid.get(pid)) and each.user != server.user]
    if any(each.superuser for each in others):
        return "Only a superuser may end a superuser's session."
    if any(each.hidden for each in others):
        return f'Role "{clean(server.user, limit=60)}" may neither see nor end it: a role with pg_monitor and pg_signal_backend may.'
    return ""


def named(pid: int, look: Look) -> str:
    """A session, in words."""
    each = next((backend for backend in look.snapshot.backends if backend.pid == pid), None)
    name = clean(each.application_name or each.user, limit=60) if each else ""
    return f"pid {pid} ({name})" if name else f"pid {pid}"


def title(block: Block) -> str:
    """What to do."""
    if block.kind == "middle":
        return "Cancel the request in the middle, not the root; run it again with lock_timeout"
    if block.kind == "runs":
        return "Cancel all runs of it, and stop the job that starts them"
    if block.kind == "let":
        return "Let it end; or cancel what waits, and run that later with lock_timeout"
    if block.kind == "replay":
        return (
            "End the session that replay waits for"
            if block.targets
            else "On the primary, end the transaction that holds it"
        )
    if block.verb == "finish":
        where = {each.database for each in block.prepared}
        tail = f", in database {clean(where.pop(), limit=60)}" if len(where) == 1 else ""
        return f"Finish the prepared transaction{tail}: COMMIT PREPARED keeps its work"
    return (
        "Cancel the root's statement"
        if block.verb == "cancel"
        else "End the root of the tree, not one of the waiters"
    )


def lines(block: Block) -> tuple[str, ...]:
    """What to run."""
    if block.verb == "finish":
        found = "SELECT gid, prepared, owner FROM pg_catalog.pg_prepared_xacts;"
        ends = tuple(
            "ROLLBACK PREPARED '" + clean(each.gid).replace("'", "''") + "';" for each in block.prepared[:4]
        )
        return ends if len(ends) == 1 else (found, *(ends or ("ROLLBACK PREPARED '<gid>';",)))
    if block.kind == "replay" and not block.targets:
        return (HOLDERS,)
    return ending(block.verb, block.targets)


WRAPAROUND = "(to prevent wraparound)"  # autovacuum's own note
HOLDERS = (
    "SELECT pid, xact_start, query FROM pg_catalog.pg_stat_activity"
    " WHERE state OPERATOR(pg_catalog.=) 'idle in transaction' ORDER BY xact_start;"
)
