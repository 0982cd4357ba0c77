"""A statement for people: one clause a line, by sqlparse.

Only what `live.sql.normalise` has masked comes here: of a string that the server cut off, sqlparse makes names, and a
password in it would stand there as one. For finding anything in statements it is too lenient and too slow.
"""

import sqlparse
from sqlparse.exceptions import SQLParseError

from poolcheck.text import clean, width

LONGEST = 1_000  # characters: brackets cost sqlparse time that grows with the square
MOST_LINES = 16
_INDENT = 4  # of a line that does not fit where sqlparse puts it


def laid_out(statement: str, room: int) -> list[str]:
    """The lines of a masked statement, each at most `room` columns; the statement in one line where there is no better.

    The words stay as they are: a layout that changes any is not taken.
    """
    line = clean(statement).strip()
    lines = _lines(line, room) if len(line) <= LONGEST else []
    if "".join("".join(lines).split()) != "".join(line.split()):
        lines = [line]
    if len(lines) > MOST_LINES:
        lines = [*lines[: MOST_LINES - 1], "…"]
    return [_fitted(line, room) for line in lines]


def _lines(line: str, room: int) -> list[str]:
    try:
        text: str = sqlparse.format(line, reindent=True, indent_width=2, wrap_after=min(room, 100))
    except (SQLParseError, RecursionError):
        return []
    return [each.rstrip() for each in text.split("\n") if each.strip()]


def _fitted(line: str, room: int) -> str:
    """The line within the room: less indented, and cut where that is not enough."""
    if width(line) > room and len(line) - len(line.lstrip()) > _INDENT:
        line = " " * _INDENT + line.lstrip()
    while width(line) > room:  # wide characters take two columns
        line = clean(line, limit=max(1, len(line) - max(1, (width(line) - room) // 2)))
    return line
