"""The refusal: who said no, what is full, what is still possible."""

from collections.abc import Iterator
from typing import Any

from poolcheck.model.look import NoEntry
from poolcheck.output.paint import Paint
from poolcheck.text import clean


def record(section: NoEntry) -> dict[str, Any]:
    """The keys `refusal` and `explanations`, the second as `explain` gives it."""
    refusal = section.refusal
    explained = {
        "id": refusal.entry,
        "title": refusal.title,
        "layer": refusal.layer,
        "sqlstate": refusal.sqlstate or None,
        "means": refusal.means,
        "first": refusal.first,
        "count": 1,
        "sources": list(refusal.sources),
    }
    return {
        "explanations": [explained] if refusal.entry else [],
        "refusal": {
            "text": clean(refusal.text),
            "layer": refusal.layer or None,
            "id": refusal.entry or None,
            "title": refusal.title or None,
            "means": refusal.means or None,
            "first": refusal.first or None,
            "exhaustion": refusal.exhaustion,
            "host": clean(refusal.host) or None,
            "port": refusal.port,
            "database": clean(refusal.database) or None,
            "user": clean(refusal.user) or None,
            "pooler_dialled": refusal.pooler,
            "hosts": [
                {"host": clean(each.where), "text": clean(each.text), "id": each.entry or None}
                for each in refusal.hosts
            ],
            "still_possible": [
                {"text": option.text, "code": list(option.code)} for option in refusal.options
            ],
        },
    }


def text(section: NoEntry, paint: Paint) -> Iterator[str]:
    """The text itself, the layer, and what can still be done."""
    refusal = section.refusal
    where = f"{clean(refusal.host)}:{refusal.port}" if refusal.port else clean(refusal.host)
    verb = "Refused by" if refusal.exhaustion or refusal.sqlstate else "Cannot reach"
    if refusal.hosts:
        yield paint.heading(f"None of {len(refusal.hosts)} hosts let poolcheck in")
        for each in refusal.hosts:
            yield from paint.wrap(f"{each.where}: {each.text}", indent=6, first="    ")
    else:
        yield paint.heading(f"{verb} {where}" if where else "Refused")
        for line in refusal.text.splitlines()[-3:]:
            yield from paint.wrap(line.strip(), indent=4)
    if refusal.layer:
        through = " (a pooler was dialled)" if refusal.pooler else ""
        at = f"{where}: " * bool(refusal.hosts)
        yield from paint.wrap(
            f"{at}{refusal.title or refusal.layer}{through}",
            indent=9,
            first="  Full   " if refusal.exhaustion else "  Cause  ",
        )
    if refusal.means and not refusal.exhaustion:  # the finding says it
        yield from paint.wrap(refusal.means, indent=9)
    if refusal.options:
        yield ""
        yield paint.heading("Still possible")
        for option in refusal.options:
            yield from paint.wrap(option.text, indent=4, first="  - ")
            yield from paint.code(option.code, indent=6)
