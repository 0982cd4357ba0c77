"""CONNECTION LIMIT of roles and databases, and ALTER SYSTEM SET max_connections, in migrations and init scripts.

https://www.postgresql.org/docs/current/sql-createrole.html, sql-alterdatabase.html, sql-altersystem.html: the last word
holds, -1 is no limit, and superusers have none. Bodies of DO are looked into, those of functions are not: who calls them
is not known. What a migration tool would undo is left out.
"""

import re
from bisect import bisect
from collections.abc import Iterator
from typing import Literal

from poolcheck.model.problem import Location
from poolcheck.readers import sql
from poolcheck.record import dataclass

LONGEST = 1 << 20  # bytes: what is larger is a dump
_DOWN = re.compile(r"(?:^|[/._-])(?:down|rollback|undo|revert)(?=[/._-])", re.IGNORECASE)
_UNDO = re.compile(
    r"^--\s*(?:\+goose\s+down|\+migrate\s+down|migrate:down|rollback|//@UNDO)\b.*",
    re.IGNORECASE | re.MULTILINE | re.DOTALL,
)
_NAME = r'(?P<name>"[^"]{1,63}"|[a-z_][\w$]{0,62})'
_WORDS = re.compile(
    rf"\b(?:CREATE|ALTER)\s++(?P<kind>ROLE|USER|DATABASE)\s++{_NAME}|\bCONNECTION\s++LIMIT(?:\s*+=)?\s*+(?P<number>-?\d{{1,9}})\b"
    r"|\bALTER\s++SYSTEM\s++SET\s++max_connections(?:\s*+=|\s++TO\b)\s*+'?(?P<most>\d{1,6})\b|(?P<end>;)",
    re.IGNORECASE,
)
_DO = re.compile(r"\bDO(?:\s+LANGUAGE\s+\w{1,60})?\s*\Z", re.IGNORECASE)


Kind = Literal["role", "database", "server"]


@dataclass(frozen=True, slots=True)
class SqlLimit:
    """What one statement says. `number` None: no limit."""

    kind: Kind
    name: str  # of the role or the database
    number: int | None
    location: Location


def read(text: str, path: str) -> tuple[SqlLimit, ...]:
    """The limits of a file, in its order. Linear in its text."""
    if _DOWN.search(path) or not re.search(r"CONNECTION\s+LIMIT|max_connections", text, re.IGNORECASE):
        return ()
    breaks = [match.start() for match in re.finditer("\n", text)]
    forward = _UNDO.sub("", text)
    said = _in_shell(forward) if path.endswith(".sh") else _statements(forward)
    made = [each for start, statement in said for each in _limits(statement, start)]
    made.sort(key=lambda each: each[0])
    return tuple(
        SqlLimit(kind, name, number, Location(path, bisect(breaks, at) + 1))
        for at, kind, name, number in made
    )


def _limits(text: str, start: int) -> Iterator[tuple[int, Kind, str, int | None]]:
    """Where each limit of a statement begins, what it is about, and the number."""
    kind, name, at = None, "", 0
    for match in _WORDS.finditer(text):
        if match["most"]:
            yield start + match.start(), "server", "", int(match["most"])
        elif match["kind"]:
            kind = match["kind"].upper()
            at, name = start + match.start(), match["name"].lower()
            if name.startswith('"'):
                name = match["name"][1:-1]
        elif match["end"] or "$" in name:  # a shell fills it in
            kind = None
        elif kind is not None:
            number = int(match["number"])
            yield at, "database" if kind == "DATABASE" else "role", name, None if number < 0 else number


def _in_shell(text: str) -> Iterator[tuple[int, str]]:
    """What a script hands to psql stands among its own words; its comments are blanked."""
    yield 0, re.sub(r"^[ \t]*(?:#|--).*$", lambda match: " " * len(match[0]), text, flags=re.MULTILINE)


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """The statements of a text without its comments and strings, and those of the bodies of DO."""
    yield from sql.split(text)
    for kind, at, end in sql.tokens(text):
        if kind == "string" and text[at] == "$" and _DO.search(text, max(0, at - 80), at):
            tag = text.index("$", at + 1) + 1
            yield from ((tag + to, each) for to, each in sql.split(text[tag : end - (tag - at)]))
