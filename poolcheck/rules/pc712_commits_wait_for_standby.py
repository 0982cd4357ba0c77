"""Commits wait for a synchronous standby.

## Why it matters
With `synchronous_standby_names` set, each commit waits until a standby of that name has confirmed it (wait event `SyncRep`),
without any time limit. When no such standby is connected, every writing session waits for ever and keeps its slot, while
the server looks idle. A cancel does not help the next one, and no setting of a pool does.

A wait of milliseconds is how synchronous replication works. Reported are sessions that have waited for a second: more than
three of them, or one for five seconds.

## What to do
Bring the standby back, or take its name out of the setting: the waiting commits go on when the setting is reloaded. From
then on a failover may lose what was committed. Where a tool manages the setting (Patroni, a provider), change it there.

```json bad
{"server": {"synchronous_standby_names": "replica1"},
 "sessions": [{"count": 5, "state": "active", "state_age": 8, "wait_type": "IPC", "wait_event": "SyncRep"}]}
```

```json good a confirmation on its way
{"server": {"synchronous_standby_names": "replica1"},
 "sessions": [{"count": 5, "state": "active", "state_age": 0.02, "wait_type": "IPC", "wait_event": "SyncRep"}]}
```

## Sources
- https://www.postgresql.org/docs/current/warm-standby.html#SYNCHRONOUS-REPLICATION
- https://www.postgresql.org/docs/current/runtime-config-replication.html
"""

from collections.abc import Iterator

from poolcheck.model.context import Context
from poolcheck.model.look import Look
from poolcheck.model.problem import Fix, Problem
from poolcheck.model.rule import rule
from poolcheck.model.severity import Severity
from poolcheck.rules._live import waits_for_standby
from poolcheck.text import clean, plural, seconds

NORMAL_WAIT = 1.0  # seconds
SHORT_WAIT = 5.0
FEW_WAITERS = 3


@rule(Look, severity=Severity.ERROR, step=0)
def check(look: Look, ctx: Context) -> Iterator[Problem]:
    """Number and oldest wait, and which standbys are there."""
    snapshot = look.snapshot
    ages = [
        client.state_age or 0
        for client in snapshot.clients
        if client.wait_event == "SyncRep" and (client.state_age or 0) >= NORMAL_WAIT
    ]
    # What a commit changed stays locked until it is confirmed.
    behind = sum(len(block.waiters) for block in look.blocks if waits_for_standby(block))
    if not ages or (len(ages) + behind <= FEW_WAITERS and max(ages) < SHORT_WAIT):
        return
    names = clean(snapshot.server.synchronous_standby_names, limit=80)
    there = ", ".join(
        f"{clean(each.name, limit=40)} ({each.state}, {each.sync})"
        if each.state
        else clean(each.name, limit=40)
        for each in snapshot.standbys[:4]
    )
    yield Problem(
        message=(
            f"{plural(len(ages), 'session waits', 'sessions wait')} with a finished commit for a synchronous standby,"
            f" the first for {seconds(max(ages))}"
            + (f"; {behind} more wait for their locks." if behind else ".")
        ),
        why=(
            f"synchronous_standby_names = '{names}'; connected: {there or 'no standby at all'}."
            " Without the standby every commit waits for ever."
        ),
        subject="synchronous_standby_names",
        fix=Fix(
            "Bring the standby back; or do without it, and a failover may then lose commits:",
            lines=("ALTER SYSTEM SET synchronous_standby_names = '';", "SELECT pg_catalog.pg_reload_conf();"),
        ),
    )
