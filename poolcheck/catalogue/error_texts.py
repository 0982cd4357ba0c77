"""The error catalogue: errors/*.toml as frozen types, or an exact complaint.

`core.explanation` is the schema. errors/shared holds what belongs to no single entry: the layers' pages, the
server's translations, the names that drivers give to prepared statements.
"""

import re
import tomllib
from functools import cache
from pathlib import Path
from typing import TypeVar

from poolcheck.catalogue.age import by_day, today
from poolcheck.catalogue.shelf import build
from poolcheck.config.disk import own_bytes
from poolcheck.errors import CatalogueError
from poolcheck.model.explanation import (
    ErrorFile,
    ErrorText,
    Layer,
    LayerPage,
    StatementName,
    Translation,
)
from poolcheck.record import dataclass

T = TypeVar("T")

FOLDER = Path(__file__).parent / "errors"


@dataclass(frozen=True, slots=True)
class _Pages:
    layers: tuple[LayerPage, ...]


@dataclass(frozen=True, slots=True)
class _Translations:
    translations: tuple[Translation, ...]


@dataclass(frozen=True, slots=True)
class _Names:
    names: tuple[StatementName, ...]


def _read(kind: type[T], path: Path, *, stem: bool = False) -> T:
    """One file as a `kind`; `stem`: the file's name is its id.

    Raises:
        CatalogueError: it is not TOML, or not what `kind` asks for.
    """
    where = str(path.relative_to(FOLDER.parent))
    try:
        table = tomllib.loads(by_day(own_bytes(path).decode(), today()))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CatalogueError(f"{where}: {error}") from error
    defaults = table.pop("defaults", {})
    return build(kind, {"id": path.stem, **table} if stem else table, f"{where}:", defaults)


@cache
def error_files() -> tuple[ErrorFile, ...]:
    """Every file of errors/, sorted by name.

    Raises:
        CatalogueError: a file is wrong, an id is used twice, or a pattern does not compile.
    """
    files = tuple(_read(ErrorFile, path, stem=True) for path in sorted(FOLDER.glob("*.toml")))
    seen: dict[str, str] = {}
    for file in files:
        for error in file.errors:
            where = f"errors/{file.id}.toml: {error.id}"
            if error.id in seen:
                raise CatalogueError(f"{where}: the id is already used in errors/{seen[error.id]}.toml")
            seen[error.id] = file.id
            if not (error.patterns or error.codes or error.routines):
                raise CatalogueError(f"{where}: no patterns, codes or routines: nothing can match it")
            if not error.examples:
                raise CatalogueError(f"{where}: it has no examples: nothing would test it")
            if not 1 <= error.step <= 7:
                raise CatalogueError(f"{where}: step {error.step} is not 1 to 7")
            for pattern in error.patterns:
                compiled(pattern, where)
    return files


@cache
def compiled(pattern: str, where: str = "pattern") -> re.Pattern[str]:
    """The pattern, case-sensitive: `Sorry` is pgpool-II, `sorry` is PostgreSQL.

    Raises:
        CatalogueError: it does not compile.
    """
    try:
        return re.compile(pattern)
    except re.error as error:
        raise CatalogueError(f"{where}: {pattern!r} is not a pattern: {error}") from error


@cache
def errors() -> tuple[ErrorText, ...]:
    """Every entry, in the order of the files: where two overlap in a text, the earlier of one file wins."""
    return tuple(error for file in error_files() for error in file.errors)


def error(error_id: str) -> ErrorText | None:
    """The entry with this id, upper and lower case alike; None when there is none."""
    wanted = error_id.strip().lower()
    return next((entry for entry in errors() if entry.id == wanted), None)


@cache
def layers() -> tuple[LayerPage, ...]:
    """The page of every layer."""
    return _read(_Pages, FOLDER / "shared" / "layers.toml").layers


def layer(name: Layer) -> LayerPage:
    """The page of one layer."""
    return next(page for page in layers() if page.id == name)


@cache
def translations() -> tuple[Translation, ...]:
    """The server's messages in other languages."""
    return _read(_Translations, FOLDER / "shared" / "translations.toml").translations


@cache
def statement_names() -> tuple[tuple[re.Pattern[str], str], ...]:
    """(pattern of a prepared statement's name, driver that gives such names)."""
    names = _read(_Names, FOLDER / "shared" / "statement_names.toml").names
    return tuple((compiled(entry.pattern), entry.driver) for entry in names)


def statement_driver(name: str) -> str:
    """Who prepared a statement of this name, in words; "" when the name tells nothing."""
    return next((driver for pattern, driver in statement_names() if pattern.fullmatch(name)), "")
