"""How old knowledge is: sentences that name a day follow the clock, and what was looked at long ago says so.

Every fact has the day on which somebody last looked at its source. Days are UTC's.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple


class Fact(NamedTuple):
    """A table of the catalogue. `where` is its place, like `providers/neon.toml: limits[0]`."""

    checked: date
    where: str
    source: str


OLD = 180  # days after which a report says that what it rests on may have changed
_END = re.compile(r"\b([Ee])nds on (\d{4}-\d\d-\d\d)\b")


def today() -> date:
    """The day, in UTC."""
    return datetime.now(UTC).date()


def by_day(text: str, day: date) -> str:
    """`ends on 2026-12-01` as it is said on a day: from that day on, `ended`."""

    def said(found: re.Match[str]) -> str:
        return found[0] if date.fromisoformat(found[2]) > day else f"{found[1]}nded on {found[2]}"

    return _END.sub(said, text)


def dated(item: Any, where: str = "") -> Iterator[Fact]:
    """Every table in a fact that carries a day, the fact itself included; its place begins with `where`."""
    if hasattr(item, "checked"):
        yield Fact(item.checked, where, item.source)
    for each in fields(item):
        value = getattr(item, each.name)
        for index, part in enumerate(value if isinstance(value, tuple) else ()):
            if is_dataclass(part):
                yield from dated(part, f"{where} {each.name}[{index}]")


def older(facts: Iterable[Fact], days: int, day: date) -> list[Fact]:
    """Those that were looked at more than `days` days before a day, oldest first."""
    return sorted(fact for fact in set(facts) if day - fact.checked > timedelta(days=days))


def told(items: Iterable[Any], day: date) -> str:
    """One sentence where some of these facts are old, with the oldest; "" where none is."""
    old = older((fact for item in items for fact in dated(item)), OLD, day)
    if not old:
        return ""
    many = "One fact behind this was" if len(old) == 1 else f"{len(old)} facts behind this were"
    return (
        f"{many} last looked at more than {OLD} days ago, the oldest on {old[0].checked} ({old[0].source}): "
        "it may have changed since."
    )
