"""The gate's verdict in text and JSON: the word, why, and the sums."""

from collections.abc import Iterator
from typing import Any

from poolcheck.model.verdict import PeakSum, Verdict
from poolcheck.output.paint import Paint
from poolcheck.text import clean

STYLE = {"pass": "ok", "fail": "error", "could not check": "warning"}
SYMBOL = {"pass": "done", "fail": "error", "could not check": "check"}


def record(section: Verdict) -> dict[str, Any]:
    """Under `verdict`: the outcome, the reasons, what decided, the sums."""
    return {
        "verdict": {
            "outcome": section.outcome,
            "reasons": [clean(reason) for reason in section.reasons],
            "decided": [each.fingerprint for each in section.decided],
            "live": section.live,
            "sums": [peak(each) for each in section.sums],
        }
    }


def peak(each: PeakSum) -> dict[str, Any]:
    """One sum as plain data."""
    return {
        "subject": clean(each.name),
        "location": {
            key: value
            for key, value in (("path", clean(each.location.path)), ("line", each.location.line))
            if value is not None
        },
        "asked": clean(each.asked),
        "source": clean(each.source),
        "pool": each.size or None,
        "instances": each.instances or None,
        "instances_peak": each.instances_peak or None,
        "workers": each.workers or None,
        "total": each.total,
        "against": each.against,
        "capacity": each.capacity,
        "capacity_source": clean(each.capacity_words),
        "usage": None if each.share is None else round(each.share, 4),
        "max_usage": each.limit,
        "holds": each.holds,
    }


def text(section: Verdict, paint: Paint) -> Iterator[str]:
    """The verdict first, then why, then the sums."""
    word = paint.marked(SYMBOL[section.outcome], section.outcome)
    yield f"Gate: {paint.style(word, STYLE[section.outcome])}"
    for reason in section.reasons:
        yield from paint.wrap(reason, indent=2)
    for total in section.sums:
        where = f" ({total.location})" if total.location.path else ""
        sign = paint.symbol("done" if total.holds else "error")
        yield from paint.wrap(f"{total.name}{where}: {total.words}", indent=4, first=f"  {sign} ")
        yield from paint.wrap(f"{total.source.rstrip('.')}; {total.capacity_words}", indent=4)
