"""What manifest readers give: dependencies with their versions, or why the file could not be read."""

import bisect
import json
import re
import tomllib
from typing import Any

from poolcheck.config.file import LONG_KEY
from poolcheck.model.project import UNKNOWN_VERSION, Version
from poolcheck.record import dataclass


@dataclass(frozen=True, slots=True)
class UnreadableFile:
    """Why a manifest tells nothing, in one sentence, and where. Never quotes the file."""

    message: str
    line: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependency:
    """One package that a manifest asks for, or a lock file holds."""

    name: str  # as the registry has it: of "db": "npm:pg@8" it is "pg"
    version: Version = UNKNOWN_VERSION
    line: int | None = None
    dev: bool = False
    direct: bool | None = True  # None: a lock file that does not tell its own wishes from theirs
    member: str = ""  # in a lock file of several projects: the folder it holds for, "" for the root
    wanted: tuple[str, ...] = ()  # in a lock file: the ranges this release answers
    local: str = ""  # the name that code imports it by, where that is another
    extras: tuple[str, ...] = ()  # psycopg[binary,pool] → ("binary", "pool")


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """One manifest or lock file."""

    path: str
    ecosystem: str  # what stands before a package's name in the catalogue: "npm", "pypi", "gem", ...
    dependencies: tuple[Dependency, ...] = ()
    lock: bool = False
    problem: UnreadableFile | None = None
    name: str = ""  # the project's own name
    workspaces: tuple[str, ...] = ()  # patterns of member folders, as written
    scripts: tuple[tuple[str, str], ...] = ()  # npm scripts
    prisma_schema: str = ""  # package.json: "prisma": {"schema": ...}
    includes: tuple[str, ...] = ()  # other files it names: -r of requirements.txt


_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"?|[{}\[\]]|,|:', re.DOTALL)
_COMMENT = re.compile(r'"(?:[^"\\]|\\.)*"?|//[^\n]*|/\*(?:.*?\*/|.*)', re.DOTALL)
_TRAILING_COMMA = re.compile(r'"(?:[^"\\]|\\.)*"?|,(?=\s*[}\]])', re.DOTALL)


def load_json(text: str, *, comments: bool = False) -> dict[str, Any] | UnreadableFile:
    """A JSON object, or why not. `comments` also takes `//`, `/* */` and trailing commas, as bun.lock has.

    A byte order mark is passed over, as npm does.
    """
    text = text.removeprefix("\ufeff")
    if comments:
        text = without_comments(text)
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        if text.startswith(("//", "/*"), error.pos):
            return UnreadableFile(
                "holds a comment, which JSON does not allow: its own tools refuse it too", error.lineno
            )
        return UnreadableFile(f"is not valid JSON: {error.msg} at column {error.colno}", error.lineno)
    except (ValueError, RecursionError):
        return UnreadableFile("is not valid JSON: nested too deeply, or a number too long")
    if not isinstance(data, dict):
        return UnreadableFile("is not a JSON object", 1)
    return data


def without_comments(text: str) -> str:
    """JSON as it is without comments and trailing commas; line numbers stay as they are."""
    if "//" in text or "/*" in text:
        text = _COMMENT.sub(_keep_strings, text)
    return _TRAILING_COMMA.sub(_keep_strings, text)


def load_toml(text: str) -> dict[str, Any] | UnreadableFile:
    """A TOML table, or why not."""
    if re.search(LONG_KEY, text):
        return UnreadableFile("is not TOML that anybody wrote: a key has more than 100 parts")
    try:
        return tomllib.loads(text.removeprefix("\ufeff"))
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"\(at line (\d+), column (\d+)\)", str(error))
        where = f" at column {found[2]}" if found else ""
        # The text before "(at" may quote a character or a key, never a value.
        said = str(error).split(" (at ", 1)[0]
        return UnreadableFile(f"is not valid TOML: {said}{where}", int(found[1]) if found else None)
    except (ValueError, RecursionError):
        return UnreadableFile("is not valid TOML: nested too deeply, or a number too long")


def table(value: object) -> dict[str, Any]:
    """The value when it is a table, else an empty one: files are written by hand."""
    return value if isinstance(value, dict) else {}


def words(value: object) -> tuple[str, ...]:
    """The strings of a list, whatever else is in it."""
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()


def _keep_strings(match: re.Match[str]) -> str:
    return match[0] if match[0].startswith('"') else "\n" * match[0].count("\n")


class LineNumbers:
    """Offsets to line numbers, from 1."""

    def __init__(self, text: str) -> None:
        self._ends = [match.start() for match in re.finditer("\n", text)]

    def at(self, offset: int) -> int:
        """The line that holds the character at `offset`."""
        return bisect.bisect_left(self._ends, offset) + 1


def json_key_lines(text: str) -> dict[tuple[str, ...], int]:
    """The line of every key of a JSON object, by path; `json` itself forgets them. Linear; stops at 200 levels."""
    lines = LineNumbers(text)
    found: dict[tuple[str, ...], int] = {}
    path: list[str] = []
    pending: tuple[str, int] | None = None
    for match in _TOKEN.finditer(text):
        piece = match[0]
        if piece[0] == '"':
            pending = (piece[1:-1], match.start())
        elif piece == ":" and pending and path:
            path[-1] = pending[0]
            found.setdefault(tuple(path), lines.at(pending[1]))
        elif piece in "{[":
            if len(path) >= 200:
                break
            path.append("")
        elif piece in "}]" and path:
            path.pop()
        if piece[0] != '"':
            pending = None
    return found
