"""The server's usable connection slots are nearly gone.

## Why it matters
A server has `max_connections` slots, and an ordinary role cannot have all of them: `superuser_reserved_connections`
and, since PostgreSQL 16, `reserved_connections` are kept back. When the rest is taken, every further connection is
refused with `remaining connection slots are reserved ...` or `sorry, too many clients already`, whatever the load is.
So the share is taken of the usable slots: on a plan of 50 with 15 reserved, {critical_at:percent} of max_connections is never reached.
Only client sessions count. Replication, parallel workers, autovacuum and other background processes have slots of
their own, and counting them has turned healthy servers into alarms.

Defaults: a warning from {warn_at:percent} on, an error from {critical_at:percent} on or with fewer than
{min_free:count} slots left.
Earlier than the usual 80/90 %, because a deploy can double a fleet within a minute.

## What to do
See what the slots are held for (`poolcheck live` says it): a queue behind a lock is freed at its root or its middle, a slow
statement is cancelled and mended, what leaks is ended (`poolcheck reap`). Then make the pools smaller or put a pooler in
front. A higher `max_connections` needs a restart and memory for every session.

```json bad
{"server": {"max_connections": 100, "superuser_reserved": 3}, "sessions": [{"count": 85, "state": "idle"}]}
```

```json bad few slots left on a small plan
{"server": {"max_connections": 20, "superuser_reserved": 3}, "sessions": [{"count": 13, "state": "idle"}]}
```

```json good
{"server": {"max_connections": 100, "superuser_reserved": 3}, "sessions": [{"count": 60, "state": "idle"}]}
```

```json good background processes hold no slots
{"server": {"max_connections": 100, "superuser_reserved": 3},
 "sessions": [{"count": 60, "state": "idle"}, {"count": 30, "kind": "parallel worker", "state": "active"}]}
```

## Sources
- https://www.postgresql.org/docs/current/runtime-config-connection.html
- https://github.com/prometheus-community/postgres_exporter/tree/master/postgres_mixin
- https://bucardo.org/check_postgres/check_postgres.pl.html
"""

from collections.abc import Iterator

from poolcheck.model.context import Context
from poolcheck.model.look import Look
from poolcheck.model.problem import Fix, Problem
from poolcheck.model.rule import rule
from poolcheck.model.severity import Severity
from poolcheck.rules._live import ending, starting, waits_for_standby
from poolcheck.text import plural


@rule(Look, severity=Severity.ERROR, step=2)
def check(look: Look, ctx: Context) -> Iterator[Problem]:
    """Share of the usable slots, and the absolute rest."""
    snapshot, limits = look.snapshot, look.thresholds
    usable = snapshot.server.usable
    if not usable or (snapshot.ratio < limits.warn_at and snapshot.free >= limits.min_free):
        return
    few = snapshot.free < limits.min_free
    critical = few or snapshot.ratio >= limits.critical_at
    most = "At most " if snapshot.hidden and not snapshot.server.sees_all else ""
    holder = look.groups[0] if look.groups else None
    why = f"{plural(snapshot.free, 'slot is', 'slots are')} left for everybody but superusers."
    if holder:
        name = holder.application_name or (
            f"user {holder.user}" if holder.user else "logins that have not finished"
        )
        why += f" {name} holds {len(holder.members)}" + (f" from {holder.client}." if holder.client else ".")
    supers = sum(client.superuser for client in snapshot.clients)
    if supers > snapshot.server.superuser_reserved:
        why += f" {supers} sessions are superusers': they take the slots that are kept for emergencies, too."
    yield Problem(
        message=f"{most}{snapshot.used} of {usable} usable slots are taken: {snapshot.ratio:.0%}.",
        why=why,
        severity=Severity.ERROR if critical else Severity.WARNING,
        subject=snapshot.server.database,
        fix=first(look),
    )


def first(look: Look) -> Fix:
    """What most of the slots are held for decides what frees them."""
    clients = look.snapshot.clients
    half = len(clients) / 2
    if len(starting(look)) >= half:
        return Fix("Let the logins go that never finish: what logins-never-finish (PC714) says")
    if sum(client.superuser for client in clients) >= half:
        return Fix(
            "Give the application a role of its own, no superuser: then it cannot take the reserve, and make its pools smaller"
        )
    stuck = {pid for block in look.blocks for pid in (block.root, *block.waiters)}
    if look.waiting.get("SyncRep", 0) >= half or any(map(waits_for_standby, look.blocks)):
        return Fix("Let the commits go first: what commits-wait-for-standby (PC712) says")
    if sum(client.pid in stuck for client in clients) >= half:
        return Fix("Free the queue behind the lock first: what blocked-behind-one-session (PC703) says")
    runs, lost = look.busiest, sum(len(leak.members) for leak in look.leaks if leak.certainty != "possible")
    if len(runs) >= half and lost * 2 < half:
        words = (
            f"Nothing leaks: {len(runs)} sessions run one statement. Find why it is slow, or cancel its runs"
        )
        return Fix(words, lines=ending("cancel", [each.pid for each in runs]))
    if sum(client.state == "active" for client in clients) >= half and lost * 2 < half:
        return Fix(
            "Nothing leaks: most sessions work. Find what is slow (-v shows the statements), then size the pools"
        )
    return Fix("End what leaks, then make the pools smaller or put a pooler in front")
