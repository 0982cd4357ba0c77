"""The gate's verdict in text and JSON: the word, why, and the sums."""

from collections.abc import Iterator
from typing import Any

from poolcheck.model.problem import Location
from poolcheck.model.verdict import MovedNumber, PeakChange, PeakSum, Verdict
from poolcheck.output.paint import Paint
from poolcheck.text import clean

STYLE = {"pass": "ok", "fail": "error", "could not check": "warning"}
SYMBOL = {"pass": "done", "fail": "error", "could not check": "check"}


def record(section: Verdict) -> dict[str, Any]:
    """Under `verdict`: the outcome, the reasons, what decided, the sums, and with --since what became of them."""
    return {
        "verdict": {
            "outcome": section.outcome,
            "reasons": [clean(reason) for reason in section.reasons],
            "decided": [each.fingerprint for each in section.decided],
            "live": section.live,
            "sums": [peak(each) for each in section.sums],
            "changes": [change(each) for each in section.changes],
        }
    }


def peak(each: PeakSum) -> dict[str, Any]:
    """One sum as plain data."""
    return {
        "subject": clean(each.name),
        "location": at(each.location),
        "asked": clean(each.asked),
        "source": clean(each.source),
        "pool": each.size or None,
        "instances": each.instances or None,
        "instances_peak": each.instances_peak or None,
        "workers": each.workers or None,
        "steady": each.steady,
        "total": each.total,
        "at_least": each.least,
        "against": each.against,
        "capacity": each.capacity,
        "capacity_source": clean(each.capacity_words),
        "usage": None if each.share is None else round(each.share, 4),
        "max_usage": each.limit,
        "verdict": each.verdict,
        "unknown": [clean(one) for one in each.unknown],
        "holds": each.holds,
    }


def change(each: PeakChange) -> dict[str, Any]:
    """What became of one sum, as plain data. `before` and `after` null: nothing led there."""
    return {
        "subject": clean(each.name),
        "against": each.against,
        "before": each.before,
        "after": each.after,
        "capacity_before": each.usable_before,
        "capacity": each.usable,
        "raised": each.raised,
        "moved": [number(one) for one in each.moved],
        "unknown": [clean(one) for one in each.unknown],
    }


def number(each: MovedNumber) -> dict[str, Any]:
    """One number that moved, as plain data. null: it was not there, or is not known."""
    place = at(each.place) if each.place else {}
    return {
        "of": clean(each.of),
        "what": clean(each.what),
        "before": each.before,
        "after": each.after,
        "location": place,
    }


def at(place: Location) -> dict[str, Any]:
    """A path, and a line where there is one."""
    return {"path": clean(place.path)} | ({} if place.line is None else {"line": place.line})


def text(section: Verdict, paint: Paint) -> Iterator[str]:
    """The verdict first, then why; then a row for each server and pooler, with its sum and what became of it."""
    word = paint.marked(SYMBOL[section.outcome], section.outcome)
    yield f"Gate: {paint.style(word, STYLE[section.outcome])}"
    open_ = [row for row in section.sums if row.verdict == "cannot say"]
    asked = tuple(f"Cannot say whether {row.name} fits: " for row in open_)
    for reason in section.reasons:
        if not reason.startswith(asked or "\n"):  # its row tells it
            yield from paint.wrap(reason, indent=2)
    if open_:
        names = ", ".join(row.name for row in open_)
        which = (
            f"{names} fits" if len(open_) == 1 else f"these {len(open_)} of {len(section.sums)} fit: {names}"
        )
        yield from paint.wrap(f"Cannot say whether {which}.", indent=2)
    said = [finding.why for finding in section.decided]
    changes = {(each.name, each.against): each for each in section.changes}
    for row in section.sums:
        sign = paint.symbol(sign_of(row))
        yield from paint.wrap(f"{row.name}: {row.words}: {row.judged}", indent=4, first=f"  {sign} ")
        told = [line for line in details(row) if not any(line in why for why in said)]
        for line in (*told, *row.unknown, *changed(changes.pop((row.name, row.against), None))):
            yield from paint.wrap(line, indent=8, first="      ")
    for gone in changes.values():
        yield from paint.wrap(gone.words, indent=4, first="  ")


def sign_of(row: PeakSum) -> str:
    """The symbol of a row: a tick and a cross are verdicts, and `cannot say` is none."""
    if row.verdict == "cannot say":
        return "check"
    return "done" if row.holds else "error"


def details(row: PeakSum) -> Iterator[str]:
    """How a row was added up, and where its numbers stand."""
    if row.asked:
        yield row.asked
    if row.source:
        yield row.source
    if row.capacity_words and row.capacity is not None:
        yield f"usable: {row.capacity_words}"


def changed(each: PeakChange | None) -> Iterator[str]:
    """What became of a row, in a sentence."""
    if each is not None:
        yield each.words
