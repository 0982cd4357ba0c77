"""schema.prisma: a scanner of our own for the datasource and generator blocks.

Models are skipped, not parsed: what matters here is which variable holds the URL and which client is generated.
Comments, strings, nested brackets and unknown blocks are walked by character, so a model field called `generator`,
a block that is commented out, or a brace inside a string is not taken for what it is not.
"""

import posixpath
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from poolcheck.connection.secret import Secret
from poolcheck.model.problem import Location
from poolcheck.readers.manifests.types import LineNumbers
from poolcheck.record import dataclass

KIND = "prisma"
NAMES = (".prisma",)  # words of the names of its files, see readers.index

POSTGRES = ("postgresql", "postgres")
_GENERATED = frozenset({"generated", "dist", "build", "node_modules", ".prisma", ".next", "out"})
_MARK = re.compile(r"\{\{|\{%|<%|\$\{")
_OUTSIDE = re.compile(r'//[^\n]*|/\*(?:.*?\*/|.*)|"(?:[^"\\\n]|\\.)*"?|(' + _MARK.pattern + ")", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class UrlField:
    """`url`, `directUrl` or `shadowDatabaseUrl` of a datasource: a variable, or the URL itself."""

    variable: str = ""  # env("DATABASE_URL") → "DATABASE_URL"
    literal: Secret | None = None  # url = "postgresql://..." : never printed
    location: Location  # of the key
    start: int = 0  # characters of the value's line, from 0: where env( or the quote begins
    end: int = 0  # and where it ends


@dataclass(frozen=True, slots=True, kw_only=True)
class Datasource:
    """A datasource block. A missing field is None."""

    name: str
    provider: str
    location: Location
    end_line: int
    url: UrlField | None = None
    direct_url: UrlField | None = None
    shadow_url: UrlField | None = None

    @property
    def postgres(self) -> bool:
        """Is it a PostgreSQL database? Prisma takes both spellings."""
        return self.provider in POSTGRES


@dataclass(frozen=True, slots=True, kw_only=True)
class Generator:
    """A generator block: a Prisma client, or any other tool's."""

    name: str
    provider: str
    location: Location
    output: str = ""
    engine_type: str = ""
    runtime: str = ""
    preview_features: tuple[str, ...] = ()

    @property
    def client(self) -> bool:
        """Does it generate Prisma's own JavaScript client?"""
        return self.provider in ("prisma-client-js", "prisma-client")


@dataclass(frozen=True, slots=True, kw_only=True)
class PrismaSchema:
    """One .prisma file. A schema may be spread over a folder; then most files have no datasource."""

    path: str
    datasources: tuple[Datasource, ...] = ()
    generators: tuple[Generator, ...] = ()
    is_template: bool = False  # holds {{...}}: what it will say is not known
    is_generated_copy: bool = False  # below generated/, dist/, node_modules/ ...
    prisma_8: bool = False  # "// use prisma-8"

    @property
    def datasource(self) -> Datasource | None:
        """The datasource. Prisma allows one."""
        return self.datasources[0] if self.datasources else None


class _Pair(NamedTuple):
    key: str
    value: str
    at: int  # offset of the key
    value_at: int


class _Block(NamedTuple):
    kind: str
    name: str
    at: int
    end: int
    pairs: tuple[_Pair, ...]


def matches(path: str) -> bool:
    """Is it a Prisma schema?"""
    return path.endswith(".prisma")


def read(text: str, path: str) -> PrismaSchema:
    """The datasource and generator blocks. Any text is taken; one that is no schema has neither."""
    lines = LineNumbers(text)
    datasources: list[Datasource] = []
    generators: list[Generator] = []
    blocks = tuple(_blocks(text))
    for block in blocks:
        values = {pair.key: pair for pair in reversed(block.pairs)}  # the first one counts
        at = _location(text, lines, path, block.at)
        if block.kind == "datasource":
            urls = {
                key: _url(text, lines, path, values.get(key))
                for key in ("url", "directUrl", "shadowDatabaseUrl")
            }
            datasources.append(
                Datasource(
                    name=block.name,
                    provider=_first_string(values.get("provider")),
                    location=at,
                    end_line=lines.at(block.end),
                    url=urls["url"],
                    direct_url=urls["directUrl"],
                    shadow_url=urls["shadowDatabaseUrl"],
                )
            )
        else:
            features = values.get("previewFeatures")
            generators.append(
                Generator(
                    name=block.name,
                    provider=_first_string(values.get("provider")),
                    location=at,
                    output=_first_string(values.get("output")),
                    engine_type=_first_string(values.get("engineType")),
                    runtime=_first_string(values.get("runtime")),
                    preview_features=tuple(_strings(features.value)) if features else (),
                )
            )
    return PrismaSchema(
        path=path,
        datasources=tuple(datasources),
        generators=tuple(generators),
        is_template=_is_template(text, (pair for block in blocks for pair in block.pairs)),
        is_generated_copy=not _GENERATED.isdisjoint(posixpath.dirname(path).split("/")),
        prisma_8=re.search(r"^[^\S\n]*//+[^\S\n]*use prisma-8\b", text, re.MULTILINE) is not None,
    )


# One piece: a comment, a string (ends at the line's end at the latest), a bracket, a word, or any character.
_TOKEN = re.compile(
    r'//[^\n]*|/\*(?:.*?\*/|.*)|"(?:[^"\\\n]|\\.)*"?|[{}\[\]()=\n]|[A-Za-z_][\w-]*|[^\S\n]+|.', re.DOTALL
)


def _blocks(text: str) -> Iterator[_Block]:  # noqa: C901 - a state machine: one token, one step
    """Every datasource and generator block that opens at depth 0."""
    head: list[tuple[str, int]] = []  # words of the line so far, at depth 0
    kind = name = ""
    start = depth = nested = 0
    pairs: list[_Pair] = []
    key: tuple[str, int] | None = None  # last word at depth 1
    value: list[tuple[str, int]] | None = None  # tokens after "="
    for match in _TOKEN.finditer(text):
        piece, at = match[0], match.start()
        if piece.startswith(("//", "/*")):
            continue
        if value is not None and key is not None:
            if nested or piece not in ("\n", "}", "="):
                nested += (piece in ("[", "(", "{")) - (piece in ("]", ")", "}"))
                value.append((piece, at))
                continue
            # "=" without a line's end before it: the whole block is on one line, and the last word is the next key
            following = _last_word(value) if piece == "=" else None
            pairs.append(_pair(key, value))
            key, value, nested = following, None, 0
        if piece == "{":
            depth += 1
            if depth == 1:
                kind, name, start = (head[0][0], head[1][0], head[0][1]) if len(head) == 2 else ("", "", at)
                pairs = []
        elif piece == "}":
            depth = max(depth - 1, 0)
            if depth == 0:
                if kind in ("datasource", "generator"):
                    yield _Block(kind, name, start, at, tuple(pairs))
                kind, head, key = "", [], None
        elif depth == 0:
            if piece == "\n":
                head = []
            elif not piece.isspace():
                head.append((piece, at))
        elif depth == 1 and kind in ("datasource", "generator"):
            if piece == "=" and key is not None:
                value = []
            elif piece == "\n":
                key = None
            elif piece[0].isalpha() or piece[0] == "_":
                key = (piece, at)


def _last_word(value: list[tuple[str, int]]) -> tuple[str, int] | None:
    """Take the last word off the tokens of a value."""
    while value:
        piece, at = value.pop()
        if not piece.isspace():
            return (piece, at) if piece[0].isalpha() else None
    return None


def _pair(key: tuple[str, int], value: list[tuple[str, int]]) -> _Pair:
    solid = [place for place, (piece, _) in enumerate(value) if not piece.isspace()]
    if not solid:
        return _Pair(key[0], "", key[1], key[1])
    kept = value[solid[0] : solid[-1] + 1]
    return _Pair(key[0], "".join(piece for piece, _ in kept), key[1], kept[0][1])


_STRING = re.compile(r'(?<!\\)"((?:[^"\\]|\\.)*)"', re.DOTALL)
_ENV = re.compile(r'env\s*\(\s*"((?:[^"\\]|\\.)*)"\s*\)', re.DOTALL)


def _strings(value: str) -> list[str]:
    return [_unescape(found) for found in _STRING.findall(value)]


def _first_string(pair: _Pair | None) -> str:
    """The first string: old schemas list several providers."""
    return next(iter(_strings(pair.value)), "") if pair else ""


def _unescape(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL)


def _url(text: str, lines: LineNumbers, path: str, pair: _Pair | None) -> UrlField | None:
    if pair is None:
        return None
    variable = _ENV.match(pair.value)
    literal = None if variable else _STRING.match(pair.value)
    found = variable or literal
    line_start = text.rfind("\n", 0, pair.value_at) + 1
    return UrlField(
        variable=_unescape(variable[1]) if variable else "",
        literal=Secret(_unescape(literal[1])) if literal else None,
        location=_location(text, lines, path, pair.at),
        start=pair.value_at - line_start,
        end=pair.value_at - line_start + (found.end() if found else 0),
    )


def _location(text: str, lines: LineNumbers, path: str, offset: int) -> Location:
    return Location(path, lines.at(offset), offset - text.rfind("\n", 0, offset))


def _is_template(text: str, pairs: Iterable[_Pair]) -> bool:
    """Does a template language's mark stand where Prisma has none, or in a value that is read here?"""
    return any(match[1] for match in _OUTSIDE.finditer(text)) or any(
        _MARK.search(pair.value) for pair in pairs
    )
