"""--statistics: how often each rule was met, as a table."""

from collections.abc import Iterator
from typing import Any

from poolcheck.model.verdict import Statistics
from poolcheck.output.paint import Paint


def record(section: Statistics) -> dict[str, Any]:
    """Under `statistics`: one object for each rule that was met."""
    keys = ("rule", "name", "severity", "findings", "suppressed")
    return {"statistics": [dict(zip(keys, row, strict=True)) for row in section.rows]}


def text(section: Statistics, paint: Paint) -> Iterator[str]:
    """Count, severity and rule, most often first."""
    yield paint.heading("Statistics")
    if paint.flows:
        rows = [
            (str(count), severity, rule, name, str(ignored))
            for rule, name, severity, count, ignored in section.rows
        ]
        yield from paint.table(rows, ("findings", "severity", "rule", "name", "ignored"), "><<<>")
    for rule, name, severity, count, ignored in () if paint.flows else section.rows:
        tail = f" ({ignored} ignored)" if ignored else ""
        yield f"  {count:>5} {severity:<7} {rule} {name}{tail}"
    if not section.rows:
        yield "  no rule was met"
