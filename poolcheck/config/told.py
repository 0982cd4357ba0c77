"""Texts that tell a default: the number is written in the settings, and here put into pages and help."""

import re
from dataclasses import fields
from typing import Any

from poolcheck.config.settings import DEFAULTS
from poolcheck.text import percent

_PLACE = re.compile(r"\{(\w+):(percent|time|count)\}")


def filled(text: str) -> str:
    """The text with the default of each setting in its place: `{warn_at:percent}`, `{min_free:count}`.

    Raises:
        KeyError: there is no such setting.
    """
    return _PLACE.sub(lambda place: _told(_default(place[1]), place[2]), text)


def _default(name: str) -> Any:
    for table in (DEFAULTS, DEFAULTS.thresholds):
        if name in (field_.name for field_ in fields(table)):
            return getattr(table, name)
    raise KeyError(name)


def _told(value: Any, form: str) -> str:
    """`40 %`, `90 s`, `3 min`, `12`."""
    if form == "percent":
        return percent(float(value.rstrip("%")) / 100 if isinstance(value, str) else value)
    if form == "time":
        return f"{value:g} s" if value < 120 else f"{value / 60:g} min"
    return f"{value:g}"
