"""What `reap` would end, or has ended: who, why, the exact statement, and whose errors to expect."""

from collections.abc import Iterator, Sequence
from typing import Any

from poolcheck.model.look import Ending, Reaping
from poolcheck.output._sql import laid_out
from poolcheck.output.paint import Paint
from poolcheck.text import clean, plural


def record(section: Reaping) -> dict[str, Any]:
    """The key `reap`."""
    return {
        "reap": {
            "dry_run": section.dry,
            "sessions": [_one(ending) for ending in section.endings],
            "spared": dict(section.spared),
            "left": section.left,
            "after": {"used": section.after[0], "usable": section.after[1]} if section.after else None,
        }
    }


def _one(each: Ending) -> dict[str, Any]:
    backend = each.backend
    return {
        "pid": backend.pid,
        "backend_start": backend.backend_start,
        "state": backend.state,
        "seconds": round(backend.state_age or 0, 1),
        "application_name": clean(backend.application_name),
        "user": clean(backend.user),
        "client": backend.client or None,
        "query": clean(backend.statement) or None,
        "why": each.why,
        "statement": each.statement,
        "ended": each.ended,
        "reason": each.reason or None,
    }


def text(section: Reaping, paint: Paint) -> Iterator[str]:
    """A row a session, then what to run."""
    count = len(section.endings)
    if not count:
        seen = (
            f", as far as this role sees: {section.hidden} sessions are hidden from it"
            if section.hidden
            else ""
        )
        yield paint.heading(f"Nothing to end at {section.target}{seen}")
        if not section.sampled:
            yield from paint.wrap(
                "A leak that grows shows between two looks: --sample 30s", indent=4, first="  "
            )
    elif section.dry:
        yield paint.heading(
            f"Would end {plural(count, 'session')} at {section.target} (dry run; --yes does it)"
        )
    else:
        ended = sum(bool(ending.ended) for ending in section.endings)
        now = f": {section.after[0]} of {section.after[1]} slots are taken now" if section.after else ""
        yield paint.heading(f"Ended {ended} of {plural(count, 'session')} at {section.target}{now}")
    rows = [
        (
            str(ending.backend.pid),
            paint.name(ending.backend.application_name or ending.backend.user, 24),
            ending.backend.client or "(local)",
            ending.why,
            "" if ending.ended is None else "ended" if ending.ended else "not ended",
        )
        for ending in section.endings
    ]
    yield from paint.table(rows, header=("pid", "application", "client", "why", ""), align=">")
    if paint.look.verbosity > 0:
        yield from _statements(section.endings, paint)
    for ending in section.endings:
        if ending.reason:
            yield from paint.wrap(f"pid {ending.backend.pid}: {ending.reason}", indent=4, first="  ")
    if expected := errors_to_expect(section):
        yield ""
        yield from paint.wrap(expected, indent=2)
    for why, number in section.spared:
        yield from paint.wrap(f"Left alone: {plural(number, 'session')}, {why}", indent=4, first="  ")
    if section.dry and section.endings and paint.look.verbosity >= 0:
        yield ""
        yield paint.heading(f"The statement (pid {section.endings[0].backend.pid}, the others alike)")
        yield from paint.code(section.endings[0].statement.splitlines(), indent=2)


def _statements(endings: Sequence[Ending], paint: Paint) -> Iterator[str]:
    """What each session ran last, masked; the same statement of several sessions once."""
    pids: dict[str, list[int]] = {}
    for ending in endings:
        if ending.backend.statement.strip():
            pids.setdefault(ending.backend.statement, []).append(ending.backend.pid)
    for statement, of in pids.items():
        named = ", ".join(map(str, of))
        yield from paint.wrap(f"pid {named} last ran:", indent=4, first="  ")
        yield from paint.code(laid_out(statement, max(34, paint.width - 4)), indent=4)


def errors_to_expect(reaping: Reaping) -> str:
    """What whoever loses a session will see."""
    names = sorted(
        {
            clean(ending.backend.application_name or ending.backend.user, limit=40)
            for ending in reaping.endings
        }
    )
    if not names:
        return ""
    will = "would see" if reaping.dry else "may see"
    return f'{", ".join(names)} {will}: "terminating connection due to administrator command" (57P01) at its next statement'
