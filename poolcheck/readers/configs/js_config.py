"""prisma.config.*, drizzle.config.* and knexfile.*: which variable is read as which URL, by structure.

The exported object is followed through `defineConfig(...)`, `satisfies`, constants, conditional spreads and
functions that return it. What cannot be followed (a helper from another file, a computed string) is left unknown.
"""

import posixpath
import re
from typing import TYPE_CHECKING, Literal

from poolcheck.connection.secret import Secret
from poolcheck.model.problem import Location
from poolcheck.model.project import Role
from poolcheck.readers.manifests.types import UnreadableFile
from poolcheck.record import dataclass

if TYPE_CHECKING:
    from poolcheck.readers.javascript.values import Found

KIND = "js-config"
NAMES = ("prisma", "drizzle", "knexfile")  # words of the names of its files, see readers.index

Tool = Literal["prisma", "drizzle", "knex"]

_NAMES: tuple[tuple[re.Pattern[str], Tool], ...] = (
    (re.compile(r"(?:.*/)?prisma7?\.config\.[cm]?[jt]s"), "prisma"),
    (re.compile(r"(?:.*/)?\.config/prisma7?\.[cm]?[jt]s"), "prisma"),
    (re.compile(r"(?:.*/)?drizzle[\w-]*(?:\.[\w-]+){0,9}\.config(?:\.[\w-]+){0,9}\.[cm]?[jt]s"), "drizzle"),
    (re.compile(r"(?:.*/)?drizzle\.config(?:\.[\w-]+)*\.[cm]?[jt]s"), "drizzle"),
    (re.compile(r"(?:.*/)?knexfile(?:\.[\w-]+)*\.[cm]?[jt]s"), "knex"),
)
# A file without any of these words names no connection: it is not worth a parser.
_WORDS = ("url", "Url", "URL", "connection", "host", "datasource", "dbCredentials", "definePrismaConfig")
_LONGEST = 1_000_000  # characters; a config file of that size was not written by hand
_PARTS = ("host", "port", "user", "password", "database", "ssl", "filename")
_URL_LIKE = re.compile(r"(?:.*url|connectionstring|connection|dsn)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigRead:
    """One value of a config file that is, or is a part of, a connection string."""

    key: str  # the path of keys: "datasource.url", "dbCredentials.host", "production.connection"
    role: Role
    variables: tuple[str, ...] = ()  # environment variables, in the order they are tried
    literal: Secret | None = None  # text in the file itself; with variables, what stands in when none is set
    composed: bool = False  # something is appended or put around it: the value is not the variable's
    conditional: bool = False  # below a spread or branch that may not be taken
    location: Location  # of the key
    literal_line: int | None = None  # a constant may stand far above the key
    start: int = 0  # characters of that line, from 0, quotes not included
    end: int = 0

    @property
    def whole(self) -> bool:
        """Is it a connection string, not one of its parts (host, port, ...)?"""
        return self.key.rpartition(".")[2] not in _PARTS

    @property
    def known(self) -> bool:
        """Was anything made out of it?"""
        return bool(self.variables) or self.literal is not None


@dataclass(frozen=True, slots=True)
class PlainValue:
    """A plain value beside the connection: `pool.max`, `ssl`."""

    key: str
    value: str
    line: int
    before: str = ""  # of Django: what stands before the value, "conn_max_age="


@dataclass(frozen=True, slots=True, kw_only=True)
class JsConfig:
    """One JavaScript or TypeScript config file."""

    path: str
    tool: Tool
    reads: tuple[ConfigRead, ...] = ()
    unread: tuple[ConfigRead, ...] = ()  # connection strings under keys the tool does not read: migrate.url
    settings: tuple[PlainValue, ...] = ()
    wrapped: str = ""  # the function around the exported object: "defineConfig"; "" for a plain object
    imports: tuple[str, ...] = ()  # modules, in order: "prisma/config", "dotenv/config"
    generation: int | None = None  # 7 or 8 where the file can only be Prisma 7's or 8's
    dialect: str = ""  # drizzle's dialect, knex's client
    engine: str = ""  # Prisma 6: "classic", "js"
    schema: str = ""  # place of the schema, as written
    problem: UnreadableFile | None = None


def tool(path: str) -> Tool | None:
    """The tool whose config file this is, by its name."""
    return next((found for pattern, found in _NAMES if pattern.fullmatch(path)), None)


def matches(path: str) -> bool:
    """Is it a config file that this module reads?"""
    return tool(path) is not None


def read(text: str, path: str) -> JsConfig:
    """What the config says. Any text is taken; a file that does not parse says so in `problem`.

    Raises:
        ValueError: the name is none that `matches`.
    """
    found_tool = tool(path)
    if found_tool is None:
        raise ValueError(f"not a config file: {path}")
    if len(text) > _LONGEST:
        return JsConfig(path=path, tool=found_tool, problem=UnreadableFile("is too large for a config file"))
    if not any(word in text for word in _WORDS):
        return JsConfig(path=path, tool=found_tool)
    from poolcheck.readers.javascript.values import ParsedFile  # noqa: PLC0415 - tree-sitter only when a config is read

    source = ParsedFile(text, typescript=posixpath.splitext(path)[1].endswith("ts"))
    values, wrapper = source.exported()
    shape = {"prisma": _prisma, "drizzle": _drizzle, "knex": _knex}[found_tool]
    shaped = [(found, shape(found.key, values)) for found in values]
    generation = None
    if wrapper == "definePrismaConfig" or "@prisma/cli-engine" in source.imports:
        generation = 8
    elif posixpath.basename(path).startswith("prisma7") or "@prisma/prisma7/config" in source.imports:
        generation = 7
    problem = None
    if not values:
        line = source.broken_line
        problem = (
            UnreadableFile("does not parse", line)
            if line
            else UnreadableFile("exports no object that can be followed")
        )
    return JsConfig(
        path=path,
        tool=found_tool,
        reads=tuple(_as_read(found, role, path) for found, role in shaped if role is not None),
        unread=tuple(
            _as_read(found, "other", path)
            for found, role in shaped
            if role is None and _is_stray(found_tool, found)
        ),
        settings=tuple(
            PlainValue(found.key, found.plain, found.line)
            for found, role in shaped
            if role is None and found.plain and re.match(r"(?:.*\.)?pool\.|(?:.*\.)?ssl$", found.key)
        ),
        wrapped=wrapper,
        imports=source.imports,
        generation=generation,
        dialect=_text(values, "dialect") or _text(values, "client") or _text(values, "driver"),
        engine=_text(values, "engine"),
        schema=_text(values, "schema"),
        problem=problem,
    )


def _prisma(key: str, values: "tuple[Found, ...]") -> Role | None:
    """The URL of the config is the command line's: migrations. Only Prisma 6 also knows a direct one beside it."""
    if key in ("datasource.url", "db.connection", "orm.db.connection"):
        direct = any(found.key == "datasource.directUrl" for found in values)
        return "app" if direct and _text(values, "engine") == "classic" else "migration"
    return {"datasource.directUrl": "migration", "datasource.shadowDatabaseUrl": "shadow"}.get(key)  # type: ignore[return-value]


def _drizzle(key: str, _values: "tuple[Found, ...]") -> Role | None:
    group, _, last = key.rpartition(".")
    if group == "dbCredentials" and last in ("url", "connectionString", *_PARTS):
        return "migration"
    return None


def _knex(key: str, _values: "tuple[Found, ...]") -> Role | None:
    parts = key.split(".")
    if parts[-1] == "connection":
        return "app"
    if parts[-2:-1] == ["connection"] and parts[-1] in ("connectionString", *_PARTS):
        return "app"
    return None


def _is_stray(found_tool: Tool, found: "Found") -> bool:
    """A connection string where the tool does not look: only where it reads an env variable or is a database URL."""
    if found_tool == "knex" or not _URL_LIKE.fullmatch(found.key.rpartition(".")[2]):
        return False
    return bool(found.variables) or re.match(r"postgres(?:ql)?:", found.literal or "") is not None


def _text(values: "tuple[Found, ...]", key: str) -> str:
    """The first plain string under this key, at the top or one level down (knexfile's environments)."""
    for found in values:
        if found.key == key or (key == "client" and found.key.endswith(".client")):
            return found.literal or ""
    return ""


def _as_read(found: "Found", role: Role, path: str) -> ConfigRead:
    return ConfigRead(
        key=found.key,
        role=role,
        variables=found.variables,
        literal=None if found.literal is None else Secret(found.literal),
        composed=found.composed,
        conditional=found.conditional,
        location=Location(path, found.line, found.column),
        literal_line=found.literal_line,
        start=found.start,
        end=found.end,
    )
