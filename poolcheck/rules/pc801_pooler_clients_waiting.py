"""Clients wait in the pooler's queue.

## Why it matters
A transaction-mode pooler lets many clients share few server connections. When all of a pool's are busy, further
clients wait, and after `query_wait_timeout` they are cut off. The number alone says little: six clients waiting 10 s
for a pool of five are worse than twenty waiting 5 ms. So the oldest wait counts too: a warning from
{max_wait_seconds:time} on, an error from {max_wait_critical_seconds:time} on, which is half of the time that Prisma up to 6 waits for its own pool.

What the pool's server sessions do tells the cause. Active ones: slow statements, or too small a pool. Idle in a
transaction: the code holds transactions, and a larger pool only hides it. Idle in session mode: the wrong mode.

## What to do
Follow the cause that is named. Raising the pool size helps only in the first case.

```json bad
{"pools": [{"database": "app", "user": "app", "mode": "transaction", "clients_active": 5, "clients_waiting": 12, "servers_active": 5, "max_wait_seconds": 6.2, "pool_size": 5}]}
```

```json good
{"pools": [{"database": "app", "user": "app", "mode": "transaction", "clients_active": 50, "clients_waiting": 2, "servers_active": 5, "max_wait_seconds": 0.01, "pool_size": 5}]}
```

## Sources
- https://www.pgbouncer.org/usage.html#show-pools
- https://github.com/grafana/jsonnet-libs/tree/master/pgbouncer-mixin
"""

from collections import Counter
from collections.abc import Iterator

from poolcheck.model.context import Context
from poolcheck.model.look import PoolerLook
from poolcheck.model.problem import Fix, Problem
from poolcheck.model.rule import rule
from poolcheck.model.severity import Severity
from poolcheck.model.snapshot import LivePool
from poolcheck.text import clean, plural


@rule(PoolerLook, severity=Severity.ERROR, step=2)
def check(look: PoolerLook, ctx: Context) -> Iterator[Problem]:
    """Number and oldest wait, pool by pool; a paused pool and a dead server are other rules'."""
    limits = look.thresholds
    stopped = {database.name for database in look.snapshot.databases if database.paused or database.disabled}
    for pool in look.snapshot.pools:
        if (
            not pool.clients_waiting
            or pool.database in stopped
            or (not pool.servers_active and not pool.servers_idle)
        ):
            continue
        if pool.clients_waiting <= limits.waiting_sessions and pool.longest_wait < limits.max_wait_seconds:
            continue
        name = f"{clean(pool.database, limit=60)}/{clean(pool.user, limit=60)}"
        bad = (
            pool.longest_wait >= limits.max_wait_critical_seconds
            or pool.clients_waiting > limits.waiting_sessions
        )
        why, title = cause(look, pool)
        why = f"{queue(pool)}{why}"
        yield Problem(
            message=(
                f"{plural(pool.clients_waiting, 'client')} of pool {name} wait for a server connection,"
                f" the first for {pool.longest_wait:.1f} s; {pool.servers_active} of {size(look, pool)} are busy."
            ),
            why=why,
            severity=Severity.ERROR if bad else Severity.WARNING,
            subject=name,
            key=name,
            fix=Fix(title),
        )


def queue(pool: LivePool) -> str:
    """Whose clients wait, and whose hold the server sessions; "" when nobody said his name."""
    said = []
    for verb, names in (("wait", pool.waiting), ("hold", tuple(name for name, _ in pool.holding))):
        counts = Counter(clean(name, limit=40) or "(no name)" for name in names)
        if counts:
            said.append(f"{', '.join(f'{name} {count}' for name, count in counts.most_common(3))} {verb}")
    return f"{'; '.join(said)}. " if said else ""


def behind_a_lock(look: PoolerLook, pool: LivePool) -> tuple[str, str] | None:
    """The lock that most of the pool's server sessions wait for; None when that is not it."""
    pids = {pid for _, pid in pool.holding}
    for block in look.blocks:
        stuck = pids & {block.root, *block.waiters}
        if stuck and len(stuck) * 2 >= max(pool.servers_active, 1):
            each = block.backend
            name = clean(each.application_name or each.user, limit=40) if each else ""
            who = (
                f"pid {block.root} ({name})"
                if name
                else f"pid {block.root}"
                if block.root
                else "a prepared transaction"
            )
            return (
                f"{len(stuck)} of its server sessions stand in the queue of a lock whose root is {who}.",
                "Free that queue first, on the server: what blocked-behind-one-session (PC703) says. No size of the pool helps",
            )
    return None


def size(look: PoolerLook, pool: LivePool) -> str:
    """How many there may be: the reserve comes on top when clients have waited."""
    entry = next((each for each in look.snapshot.databases if each.name == pool.database), None)
    reserve = entry.reserve if entry else 0
    return f"{pool.pool_size}" + (f" and {reserve} in reserve" if reserve else "")


def cause(look: PoolerLook, pool: LivePool) -> tuple[str, str]:
    """What the pool's server sessions do, and what then helps."""
    spent = look.snapshot.spent(pool)
    if spent is not None and pool.servers < (pool.pool_size or 0):
        name, limit, holders = spent
        who = ", ".join(
            f"{clean(each.database, limit=40)}/{clean(each.user, limit=40)} {each.servers}"
            for each in holders[:4]
        )
        return f"{name} = {limit} is used up: {who}.", f"Raise {name}, or make the other pools smaller"
    if locked := behind_a_lock(look, pool):
        return locked
    states = dict(look.states)
    idle_in = sum(count for state, count in states.items() if state.startswith("idle in transaction"))
    if idle_in * 2 > sum(states.values()):
        return (
            f"{idle_in} of its server sessions are idle in a transaction: the code holds transactions, a larger pool only hides it.",
            "Shorten the transactions",
        )
    active = states.get("active", 0)
    if pool.mode == "session" and active * 2 > sum(states.values()):
        return (
            f"{active} of its server sessions run statements: slow ones, or the pool is too small. Transaction mode would not help.",
            "Find the slow statements (poolcheck live with the server's own URL shows them), then size the pool",
        )
    if pool.mode == "session":
        return (
            "In session mode a client keeps its server connection until it disconnects, idle or not.",
            "Use pool_mode = transaction for short-lived clients, or let clients disconnect",
        )
    if states.get("active"):
        return (
            f"{states['active']} of its server sessions run statements: slow ones, or the pool is too small.",
            "Find the slow statements, then size the pool",
        )
    return (
        "All its server connections are in use.",
        "See what they do: poolcheck live with the server's own URL beside --bouncer",
    )
