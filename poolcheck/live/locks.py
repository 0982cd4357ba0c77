"""Who waits for whom and for what, out of the rows of sql/others: no waiter is left out, and no holder either.

The server is asked who blocks them for the first of every queue only. Who stands behind those in the same queue, for the
same mode, waits for whatever they wait for. And whoever holds what is waited for, in a mode that does not go with it, blocks,
also where pg_blocking_pids says nothing: of a standby's startup process it does not.
"""

from collections.abc import Iterable

from poolcheck.live.postgres import Row, whole
from poolcheck.model.snapshot import Lock, Prepared, Wait

SHARE, ROW_SHARE, ROW, UPDATE_SHARE = (
    "AccessShareLock",
    "RowShareLock",
    "RowExclusiveLock",
    "ShareUpdateExclusiveLock",
)
SHARED, SHARE_ROW, EXCLUSIVE, ALL = (
    "ShareLock",
    "ShareRowExclusiveLock",
    "ExclusiveLock",
    "AccessExclusiveLock",
)
# https://www.postgresql.org/docs/current/explicit-locking.html (table 13.2), checked 2026-12-01
CONFLICTS = {
    SHARE: frozenset({ALL}),
    ROW_SHARE: frozenset({EXCLUSIVE, ALL}),
    ROW: frozenset({SHARED, SHARE_ROW, EXCLUSIVE, ALL}),
    UPDATE_SHARE: frozenset({UPDATE_SHARE, SHARED, SHARE_ROW, EXCLUSIVE, ALL}),
    SHARED: frozenset({ROW, UPDATE_SHARE, SHARE_ROW, EXCLUSIVE, ALL}),
    SHARE_ROW: frozenset({ROW, UPDATE_SHARE, SHARED, SHARE_ROW, EXCLUSIVE, ALL}),
    EXCLUSIVE: frozenset({ROW_SHARE, ROW, UPDATE_SHARE, SHARED, SHARE_ROW, EXCLUSIVE, ALL}),
    ALL: frozenset({SHARE, ROW_SHARE, ROW, UPDATE_SHARE, SHARED, SHARE_ROW, EXCLUSIVE, ALL}),
}


def waits(rows: Iterable[Row]) -> tuple[Wait, ...]:
    """Every session that waits for a lock."""
    by_kind: dict[str, list[Row]] = {}
    for row in rows:
        by_kind.setdefault(row["kind"] or "", []).append(row)
    locks = _locks(by_kind)
    found: list[Wait] = []
    first: dict[tuple[int | None, str], int] = {}  # the first of each queue
    for row in by_kind.get("waits", ()):
        pid, number, mode = whole(row["a"]) or 0, whole(row["b"]), row["name"] or ""
        lock = locks.get(number)
        said = tuple(each for text in (row["more"] or "").split(",") if (each := whole(text)) is not None)
        holders = (
            holder for holder, held in (lock.holders if lock else ()) if held in CONFLICTS.get(mode, ())
        )
        blockers = dict.fromkeys((*said, *(holder for holder in holders if holder != pid)))
        found.append(Wait(pid, tuple(blockers), mode, lock))
        first.setdefault((number, mode), pid)
    for row in by_kind.get("queue", ()):
        number, mode = whole(row["b"]), row["name"] or ""
        before = first.get((number, mode))
        behind = () if before is None else (before,)
        found += [
            Wait(each, behind, mode, locks.get(number))
            for text in (row["more"] or "").split(",")
            if (each := whole(text)) is not None
        ]
    return tuple(found)


def _locks(by_kind: dict[str, list[Row]]) -> dict[int | None, Lock]:
    """What is waited for, by the number that the rows give it."""
    gids = {
        whole(row["a"]): Prepared(row["name"] or "", row["more"] or "", float(whole(row["b"]) or 0))
        for row in by_kind.get("prepared", ())
    }
    holders: dict[int | None, list[tuple[int, str]]] = {}
    prepared: dict[int | None, list[Prepared]] = {}
    for row in by_kind.get("holds", ()):
        number, transaction = whole(row["b"]), whole(row["c"])
        holders.setdefault(number, []).append((whole(row["a"]) or 0, row["name"] or ""))
        if transaction in gids:
            prepared.setdefault(number, []).append(gids[transaction])
    found: dict[int | None, Lock] = {}
    for row in by_kind.get("lock", ()):
        at = whole(row["a"])
        without = tuple(dict.fromkeys(prepared.get(at, ())))
        found[at] = Lock(row["name"] or "", row["more"] or "", tuple(holders.get(at, ())), without)
    return found


def concerned(waits: Iterable[Wait]) -> frozenset[int]:
    """Every process that has a part in it."""
    return frozenset(
        pid
        for wait in waits
        for pid in (wait.pid, *wait.blockers, *((each for each, _ in wait.lock.holders) if wait.lock else ()))
    )
