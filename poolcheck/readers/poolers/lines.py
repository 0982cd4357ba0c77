"""What the readers of pooler files share: templates, lines that are fit to be shown, places in TOML."""

import re
from collections.abc import Iterator, Mapping

from poolcheck.model.ignores import Ignores, ignores_in_lines
from poolcheck.model.pooler_config import PoolerSetting
from poolcheck.model.problem import Location

# Whatever fills these in runs before the pooler does.
_TEMPLATE = re.compile(r"\{\{|\{%|<%|\$\{|\$\(|\$[A-Z_]{2}|%\w+%|@@?[A-Z_]+@@?|^<[\w -]+>$|__[A-Z_]+__")
# Behind a key that names a secret nothing is shown: `storage_password "..."` has no sign that `redact` knows.
_SECRET = re.compile(r"(?i)(pass(?:w|phrase)\w*[\"']?\s*+[=:]?\s*+|secret\w{0,200}[\"']?\s*+[=:]\s*+)\S.*")

_PART = r"(?:[\w-]+|\"[^\"\n]*\"|'[^'\n]*')"
_DOTTED = rf"{_PART}(?:\s*\.\s*{_PART}){{0,9}}"  # nobody nests deeper by hand
_HEADER = re.compile(rf"\s*(\[\[?)\s*({_DOTTED})\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(rf"\s*({_DOTTED})\s*=\s*(.*)")
_STRINGS = re.compile(r"\"\"\"|'''|\"[^\"\\]*+(?:\\.[^\"\\]*+)*\"?|'[^']*+'?|#.*")

Path = tuple[str | int, ...]


def known(text: str) -> bool:
    """Whether nothing fills the text in before the pooler reads it."""
    return _TEMPLATE.search(text) is None


def ignores(text: str) -> Ignores:
    """The ignore comments of a file."""
    return ignores_in_lines(text.split("\n"), "#|//|--|;") if "poolcheck" in text.lower() else Ignores()


def shown(text: str) -> tuple[str, ...]:
    """The lines of a file for excerpts, with nothing behind a key that names a secret."""
    return tuple(_SECRET.sub(r"\1***", line) for line in text.split("\n"))


class TomlPlaces:
    """The line of every key of a TOML text; `tomllib` tells the values and not where they stand.

    A key in an inline table has the line of the table. What is written in a way that is not followed here (a key in
    a string of several lines) only makes a line wrong, never a value.
    """

    def __init__(self, text: str, path: str) -> None:
        self.path = path
        self.lines: dict[Path, int] = {}
        self._read(text)

    def at(self, *path: str | int) -> Location:
        """The place of a key, else of the table that it is in."""
        while path and path not in self.lines:
            path = path[:-1]
        return Location(self.path, self.lines.get(path, 1))

    def settings(self, table: Mapping[str, object], *path: str | int) -> Iterator[PoolerSetting]:
        """The scalars of a table, true and false in lower case."""
        for key, value in table.items():
            if isinstance(value, str | int | float):
                text = str(value).lower() if isinstance(value, bool) else str(value)
                yield PoolerSetting(key, text, self.at(*path, key), known(text))

    def _read(self, text: str) -> None:
        table: Path = ()
        counts: dict[Path, int] = {}
        open_brackets, open_quote = 0, ""
        for number, line in enumerate(text.split("\n"), 1):
            if open_quote or open_brackets > 0:
                open_brackets, open_quote = _left_open(line, open_brackets, open_quote)
                continue
            header = _HEADER.match(line)
            if header is not None:
                parts = _parts(header[2])
                table = self._table(parts, counts, new=header[1] == "[[")
                self.lines.setdefault(table, number)
                continue
            pair = _KEY.match(line)
            if pair is not None:
                key: Path = (*table, *_parts(pair[1]))
                for end in range(len(table) + 1, len(key) + 1):
                    self.lines.setdefault(key[:end], number)
                open_brackets, open_quote = _left_open(pair[2], 0, "")

    def _table(self, parts: tuple[str, ...], counts: dict[Path, int], *, new: bool) -> Path:
        """The path of a table's header: the last element of each array of tables on the way."""
        path: Path = ()
        for index, part in enumerate(parts):
            path = (*path, part)
            if new and index == len(parts) - 1:
                counts[path] = counts.get(path, -1) + 1
            if path in counts:
                path = (*path, counts[path])
        return path


def _parts(text: str) -> tuple[str, ...]:
    return tuple(each.strip("\"'") for each in re.findall(_PART, text))


def _left_open(text: str, brackets: int, quote: str) -> tuple[int, str]:
    """How many brackets, and which triple quote, are open behind a line."""
    at = 0
    while True:
        if quote:
            end = text.find(quote, at)
            if end < 0:
                return brackets, quote
            at = end + len(quote)
        match = _STRINGS.search(text, at)
        brackets += _depth(text[at : match.start() if match else len(text)])
        if match is None:
            return max(0, brackets), ""
        at = match.end()
        quote = match[0] if match[0] in ('"""', "'''") else ""


def _depth(text: str) -> int:
    return text.count("[") + text.count("{") - text.count("]") - text.count("}")
