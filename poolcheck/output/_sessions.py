"""Sessions one by one, for a screen that is watched: who, since when, what each waits for, how many wait behind it."""

import time
from collections.abc import Callable, Iterator
from typing import Any

from poolcheck.model.look import Look
from poolcheck.model.snapshot import Backend
from poolcheck.output._sql import laid_out
from poolcheck.output.paint import Paint
from poolcheck.output.sections.live import MOST, blocking, query, slots, waits_for
from poolcheck.record import dataclass
from poolcheck.text import clean, seconds

ROOMY = 100  # columns; below, the user and the age of the transaction are left out
DAY = 86400  # seconds; what is older gets its date too


# For each of `live.ORDERS` how sessions stand: by how many wait behind one, by its age, by its name.
_KEYS: dict[str, Callable[[Backend, int], tuple[Any, ...]]] = {
    MOST: lambda each, behind: (-behind, -(each.state_age or 0), each.pid),
    "longest": lambda each, _: (-(each.state_age or 0), each.pid),
    "name": lambda each, _: (each.application_name, each.user, each.pid),
}


def clock(look: Look) -> Callable[[float | None], str]:
    """For an age the time at which it began, on the server's clock in UTC: what stands in the logs."""

    def since(age: float | None) -> str:
        if age is None:
            return "unknown"
        began = time.gmtime(look.snapshot.epoch - age)
        return time.strftime("%m-%d %H:%M" if age >= DAY else "%H:%M:%S", began)

    return since


def ordered(look: Look, order: str, *, blocked: bool = False) -> tuple[Backend, ...]:
    """The sessions in an order of `live.ORDERS`; with `blocked` only those that wait for others or hold them up."""
    behind = _behind(look)
    found = list(look.snapshot.clients)
    if blocked:
        waits = look.snapshot.waits
        part = {each.pid for each in waits} | {pid for each in waits for pid in each.blockers}
        found = [each for each in (*found, *look.snapshot.background) if each.pid in part]
    return tuple(sorted(found, key=lambda each: _KEYS[order](each, behind.get(each.pid, 0))))


def _behind(look: Look) -> dict[int, int]:
    """How many wait behind each root."""
    return {block.root: len(block.waiters) for block in look.blocks}


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Which sessions are shown, and how: at most `rows` around the marked one, in an order of `live.ORDERS`."""

    order: str
    blocked: bool
    marked: tuple[int, str] | None  # a session's identity
    rows: int
    when: Callable[[float | None], str] = seconds


def screen(look: Look, paint: Paint, table: Table) -> Iterator[str]:
    """How full it is, then its sessions, and the statement of the marked one."""
    blocked, rows, when = table.blocked, table.rows, table.when
    yield from slots(look, paint)
    yield from waits_for(look, paint)
    if blocked:
        yield from blocking(look, paint)
    found = ordered(look, table.order, blocked=blocked)
    yield ""
    yield paint.heading("Who waits for a lock, and who holds it" if blocked else "Sessions")
    if not found:
        yield "  none"
        return
    at = next((number for number, each in enumerate(found) if each.identity == table.marked), -1)
    first = max(0, min(at - rows // 2, len(found) - rows))
    shown = found[first : first + max(1, rows)]
    behind, waits = _behind(look), {each.pid: each for each in look.snapshot.waits}
    roomy = paint.width >= ROOMY
    lines = []
    for each in shown:
        wait = waits.get(each.pid)
        what = each.wait_type and f"{each.wait_type}:{each.wait_event}"
        if wait is not None and wait.lock is not None:
            what = f"{wait.mode.removesuffix('Lock')} on {wait.lock.relation or wait.lock.kind}"
        lines.append(
            (
                ">" if each.identity == table.marked else "",
                str(each.pid),
                paint.name(each.application_name or each.kind, 24) or "(hidden)",
                *((paint.name(each.user, 16),) if roomy else ()),
                each.state or "hidden",
                "" if each.state_age is None else when(each.state_age),
                *(("" if each.xact_age is None else when(each.xact_age),) if roomy else ()),
                clean("" if each.state.startswith("idle") else what, limit=40),
                str(behind.get(each.pid, "")),
            )
        )
    age, more = ("for", "transaction") if when is seconds else ("since", "transaction since")
    who = ("application", "user", "state", age, more) if roomy else ("application", "state", age)
    header = ("", "pid", *who, "waits for", "behind")
    yield from paint.table(lines, header=header, align="<>")
    if len(found) > len(shown):
        yield f"  {first + 1} to {first + len(shown)} of {len(found)}"
    if at >= 0 and (words := query(found[at], look)):
        yield ""
        yield from paint.code(laid_out(words, max(34, paint.width - 4))[:6], indent=4)
