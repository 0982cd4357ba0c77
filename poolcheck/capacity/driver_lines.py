"""The exact line that tells a driver its pool size, from the catalogue's `size_code`."""

import os
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from poolcheck.config.disk import own_bytes
from poolcheck.model.sizing import ConfigLine

if TYPE_CHECKING:
    from poolcheck.model.context import Catalogue
    from poolcheck.model.project import DriverUse

DRIVERS = os.path.join(os.path.dirname(os.path.dirname(__file__)), "catalogue", "drivers")

# Shown when nothing names the driver: id and how many of its version blocks, newest behaviours that differ.
COMMON = (("prisma", 2), ("pg", 1), ("postgres-js", 1), ("sqlalchemy", 1), ("django", 1), ("hikaricp", 1), ("pgx", 1), ("rails", 1))  # fmt: skip
URL = 'DATABASE_URL="postgresql://USER:PASSWORD@HOST:5432/DATABASE?{}"'


def common(size: int) -> tuple[ConfigLine, ...]:
    """The lines of the drivers that most projects use.

    Read from the files' text: parsing them would cost a plain sizing a third of its time. A test compares the lines
    with those of the catalogue.
    """
    lines = []
    for stem, blocks in COMMON:
        text = own_bytes(os.path.join(DRIVERS, f"{stem}.toml")).decode()
        title, *versions = text.split("\n[[versions]]\n")
        found = [
            line(_string(v, "label") or _string(title, "title"), code, _string(v, "size_param"), size)
            for v in versions
            if (code := _string(v, "size_code"))
        ]
        lines += found[:blocks]
    return tuple(lines)


def _string(text: str, key: str) -> str:
    """The value of `key = "..."` at the start of a line; "" when there is none."""
    found = re.search(rf'^{key} = "((?:[^"\\]|\\.)*)"$', text, re.MULTILINE)
    return re.sub(r"\\(.)", r"\1", found[1]) if found else ""


def of(uses: "Iterable[DriverUse]", size: int, catalogue: "Catalogue") -> tuple[ConfigLine, ...]:
    """The lines of these drivers; one whose version is not known well enough gives those of all its versions."""
    found: dict[str, ConfigLine] = {}
    for use in uses:
        driver = catalogue.driver(use.id)
        if driver is None:
            continue
        known = catalogue.behaviour(use.id, use.version)
        for each in (known,) if known else driver.versions:
            if each.size_code:
                made = line(each.label or driver.title, each.size_code, each.size_param, size)
                found.setdefault(made.code, made)
    return tuple(found.values())


def line(title: str, code: str, param: str, size: int) -> ConfigLine:
    """`size_code` with the size in it; a parameter of the URL is shown in a URL."""
    code = code.replace("{size}", str(size))
    if param and code == f"{param}={size}":
        code = URL.format(code)
    return ConfigLine(title=title, code=code)
