"""The exact line that tells a driver its pool size, from the catalogue's `size_code`."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from poolcheck.core.project import DriverUse
from poolcheck.core.sizing import ConfigLine

DRIVERS = Path(__file__).parent / "drivers"

# Shown when nothing names the driver: id and how many of its version blocks, newest behaviours that differ.
COMMON = (("prisma", 2), ("pg", 1), ("postgres-js", 1), ("sqlalchemy", 1), ("django", 1), ("hikaricp", 1), ("pgx", 1), ("rails", 1))  # fmt: skip
URL = 'DATABASE_URL="postgresql://USER:PASSWORD@HOST:5432/DATABASE?{}"'


def common(size: int) -> tuple[ConfigLine, ...]:
    """The lines of the drivers that most projects use.

    Read straight from the files: building the whole catalogue would double the start of a plain sizing.
    """
    import tomllib  # noqa: PLC0415 - beside its only use

    lines = []
    for stem, blocks in COMMON:
        table = tomllib.loads((DRIVERS / f"{stem}.toml").read_text(encoding="utf-8"))
        versions: list[dict[str, Any]] = [each for each in table["versions"] if each.get("size_code")]
        lines += [
            line(each.get("label") or table["title"], each["size_code"], each.get("size_param", ""), size)
            for each in versions[:blocks]
        ]
    return tuple(lines)


def of(uses: Iterable[DriverUse], size: int) -> tuple[ConfigLine, ...]:
    """The lines of these drivers; one whose version is not known well enough gives those of all its versions."""
    from poolcheck import catalogue  # noqa: PLC0415 - only where a driver is named

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
