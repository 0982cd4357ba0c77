"""Framework configs: Django, Rails, Alembic, TypeORM, Spring, Quarkus and Laravel.

Each gives the same as the JavaScript configs: which variable or literal is the app's URL, which the migrations',
and the pool settings with their lines. Values that code computes stay unknown.
"""

import posixpath
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from poolcheck.connection.secret import Secret
from poolcheck.model.problem import Location
from poolcheck.model.project import Role
from poolcheck.readers.configs import rows
from poolcheck.readers.configs.django import databases
from poolcheck.readers.configs.js_config import ConfigRead, PlainValue
from poolcheck.readers.javascript.values import ParsedFile
from poolcheck.readers.manifests.types import UnreadableFile
from poolcheck.record import dataclass

KIND = "framework"
NAMES = (
    "alembic.ini", "database.", "application", "appsettings", "datasource", "data-source", "typeorm", "ormconfig", "settings", "config/",
)  # fmt: skip  # words of the names of its files, see readers.index

_LONGEST = 1_000_000  # characters


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameworkConfig:
    """One framework config file."""

    path: str
    tool: str  # the driver id that reads it: "django", "activerecord", "sqlalchemy", "typeorm", "hikaricp", "laravel"
    reads: tuple[ConfigRead, ...] = ()
    settings: tuple[PlainValue, ...] = ()
    problem: UnreadableFile | None = None


class _Row(NamedTuple):
    """One `key: value` of a file, its key as a path."""

    key: str
    value: str
    line: int
    column: int  # of the key, from 1
    start: int  # of the value, from 0


_TOOLS = {
    "application": "hikaricp", "appsettings": "npgsql", "database.yml": "activerecord", "settings.py": "django",
    "database.php": "laravel", "config.exs": "ecto",
}  # fmt: skip  # family of files → the driver whose rules read it


def tool(path: str) -> str | None:
    """The tool whose config this is, by its name. Any settings file of Python may be Django's: `read` tells."""
    name = posixpath.basename(path)
    if name == "alembic.ini":
        return "sqlalchemy"
    known = rows.family(path)
    if known is not None:
        return _TOOLS[known.id]
    if re.fullmatch(
        r"(?:[\w-]+[.-])?(?:data-?source|typeorm(?:\.config)?|ormconfig)\.[cm]?[jt]s", name, re.IGNORECASE
    ):
        return "typeorm"
    return None


def matches(path: str) -> bool:
    """Is it a config file that this module reads?"""
    return tool(path) is not None


def read(text: str, path: str) -> FrameworkConfig:
    """What the config says about PostgreSQL; nothing for other databases. Any text is taken.

    Raises:
        ValueError: the name is none that `matches`.
    """
    found = tool(path)
    if found is None:
        raise ValueError(f"not a framework config: {path}")
    if len(text) > _LONGEST:
        return FrameworkConfig(
            path=path, tool=found, problem=UnreadableFile("is too large for a config file")
        )
    readers: dict[str, Callable[[str, str], FrameworkConfig]] = {
        "sqlalchemy": _alembic,
        "activerecord": _rails,
        "laravel": _laravel,
        "hikaricp": _spring,
        "typeorm": _typeorm,
        "django": _django,
        "npgsql": _rows_alone,
        "ecto": _rows_alone,
    }
    return readers[found](text, path)


# --- rows of YAML, properties and INI files ---

_YAML = re.compile(
    r"""(\s*(?:-\s+)?)(?:"([^"]*)"|'([^']*)'|([^\s#:'"<%{\[](?:[^:#]*[^\s:#])?))\s*:(?:\s++(.*\S|))?\s*"""
)


def _yaml(text: str) -> Iterator[_Row]:
    """Every plain `key: value` of a YAML file. ERB lines, comments and block scalars are passed over."""
    parents: list[tuple[int, str]] = []
    for number, line in enumerate(text.split("\n"), 1):
        row = line.rstrip("\r")[:2000]
        if row.startswith("---"):
            parents = []
        match = _YAML.fullmatch(row)
        if match is None or row.lstrip().startswith(("#", "<%")):
            continue
        indent = len(match[1])
        while parents and parents[-1][0] >= indent:
            parents.pop()
        key = next((part for part in match.groups()[1:4] if part is not None), "").strip()
        value = match[5] or ""
        if not value.startswith(("'", '"')):
            value = re.split(r"\s#", value, maxsplit=1)[0].strip()
        path = ".".join([*(name for _, name in parents), key])
        if value and not value.startswith(("&", "|", ">")):
            yield _Row(path, value, number, indent + 1, match.start(5))
        else:
            parents.append((indent, key))


def _properties(text: str) -> Iterator[_Row]:
    """Every `key = value` of a .properties or INI file; sections are not told apart."""
    for number, line in enumerate(text.split("\n"), 1):
        row = line.rstrip("\r")[:4000]
        match = re.fullmatch(r"(\s*)([^\s#!;=:\[][^\s=:]*)\s*[=:]\s*(.*?)\s*", row)
        if match:
            yield _Row(match[2], match[3], number, len(match[1]) + 1, match.start(3))


def _read(
    row: _Row,
    path: str,
    role: Role,
    variables: tuple[str, ...],
    literal: str | None,
    *,
    composed: bool = False,
) -> ConfigRead:
    text = row.value
    at = text.find(literal) if literal else -1
    start = row.start + max(at, 0)
    return ConfigRead(
        key=row.key,
        role=role,
        variables=variables,
        literal=None if literal is None else Secret(literal),
        composed=composed,
        location=Location(path, row.line, row.column),
        literal_line=row.line if at >= 0 else None,
        start=start if at >= 0 else 0,
        end=start + len(literal) if literal and at >= 0 else 0,
    )


def _unquote(value: str) -> str:
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'" else value


# --- Rails ---

_ERB = re.compile(r"<%=((?:[^<%\n]|%(?!>)|<(?!%))*)%>")
_RUBY_ENV = re.compile(r"""ENV(?:\[\s*|\.fetch\(?\s*)["']([^"']+)["']""")
_RAILS_POOL = (
    "pool",
    "max_connections",
    "min_connections",
    "checkout_timeout",
    "idle_timeout",
    "reaping_frequency",
)
_RAILS_FLAGS = ("prepared_statements", "advisory_locks", "statement_limit", "connect_timeout")


def _rails(text: str, path: str) -> FrameworkConfig:
    lines = list(_yaml(text))
    adapters = {
        row.key.rpartition(".")[0]: _unquote(row.value) for row in lines if row.key.endswith("adapter")
    }
    if adapters and not any(name in ("postgresql", "postgis") for name in adapters.values()):
        return FrameworkConfig(path=path, tool="activerecord")
    reads: list[ConfigRead] = []
    settings: list[PlainValue] = []
    for row in lines:
        last = row.key.rpartition(".")[2]
        code = "".join(_ERB.findall(row.value))
        variables = tuple(_RUBY_ENV.findall(code))
        plain = _unquote(_ERB.sub("", row.value).strip())
        if last in ("url", "host", "username", "password", "database", "port"):
            composed = bool(code) and (bool(plain) or not variables)
            reads.append(
                _read(row, path, "app", variables, plain or None if not code else None, composed=composed)
            )
        elif last in _RAILS_POOL or last in _RAILS_FLAGS:
            # ENV.fetch("RAILS_MAX_THREADS") { 5 }: the variable decides, 5 is what stands in
            fallback = re.search(r"\{\s*(\d+)\s*\}|,\s*[\"']?(\d+)[\"']?\s*\)", code)
            settings.append(
                PlainValue(row.key, next(filter(None, fallback.groups())) if fallback else plain, row.line)
            )
    return FrameworkConfig(path=path, tool="activerecord", reads=tuple(reads), settings=tuple(settings))


# --- Alembic ---


def _alembic(text: str, path: str) -> FrameworkConfig:
    reads = []
    for row in _properties(text):
        if row.key.rpartition(".")[2] == "url" and "sqlalchemy" in row.key:
            # alembic init leaves this placeholder; env.py sets the real one
            if row.value in ("", "driver://user:pass@localhost/dbname"):
                continue
            variables = tuple(re.findall(r"%\((\w+)\)s", row.value)) + tuple(
                re.findall(r"\$\{(\w+)", row.value)
            )
            literal = None if variables else row.value
            only = re.fullmatch(r"%\(\w+\)s|\$\{\w+\}", row.value) is not None
            reads.append(
                _read(row, path, "migration", variables, literal, composed=bool(variables) and not only)
            )
    return FrameworkConfig(path=path, tool="sqlalchemy", reads=tuple(reads))


# --- Spring and Quarkus ---

_PLACEHOLDER = re.compile(r"\$\{\s*([\w.-]+)\s*(?::([^}]{0,500}))?\}")
_SPRING_ROLES: dict[str, Role] = {
    "spring.datasource": "app",
    "spring.r2dbc": "app",
    "spring.flyway": "migration",
    "spring.liquibase": "migration",
    "quarkus.datasource": "app",
    "quarkus.datasource.jdbc": "app",
    "quarkus.datasource.reactive": "app",
}
_SPRING_SETTINGS = re.compile(
    r"spring\.datasource\.hikari\..+|spring\.r2dbc\.pool\..+|quarkus\.datasource\..*(?:min|max)-?size"
)


def _spring(text: str, path: str) -> FrameworkConfig:
    reads: list[ConfigRead] = []
    settings: list[PlainValue] = []
    for row in _properties(text) if path.endswith(".properties") else _yaml(text):
        group, _, last = row.key.rpartition(".")
        role = _SPRING_ROLES.get(group)
        value = _unquote(row.value)
        if last == "jdbc-url" and group == "spring.datasource.hikari":
            role, last = "app", "url"
        if role and last in ("url", "username", "password", "user"):
            found = _PLACEHOLDER.findall(value)
            variables = tuple(name for name, _ in found)
            only = _PLACEHOLDER.fullmatch(value) is not None
            literal = (found[0][1] if only else None) if found else value
            reads.append(
                _read(row, path, role, variables, literal or None, composed=bool(found) and not only)
            )
        elif _SPRING_SETTINGS.fullmatch(row.key):
            match = _PLACEHOLDER.fullmatch(value)
            settings.append(PlainValue(row.key, match[2] if match else value, row.line))
    jdbc = [one.literal.reveal() for one in reads if one.literal is not None and one.key.endswith("url")]
    if any(url.startswith(("jdbc:", "r2dbc:")) and "postgres" not in url for url in jdbc) and not any(
        "postgres" in url for url in jdbc
    ):
        return FrameworkConfig(path=path, tool="hikaricp")
    return FrameworkConfig(path=path, tool="hikaricp", reads=tuple(reads), settings=tuple(settings))


# --- Laravel ---

_PHP_PAIR = re.compile(r"""\s*["'](\w+)["']\s*=>\s*(.*?),?\s*""")
_PHP_ENV = re.compile(r"""env\(\s*["'](\w+)["']\s*(?:,\s*+["']?([^"')]*+)["']?\s*)?\)""")


def _laravel(text: str, path: str) -> FrameworkConfig:
    """Only the 'pgsql' connection: Laravel's file lists every database it knows."""
    reads: list[ConfigRead] = []
    settings: list[PlainValue] = []
    depth = 0
    inside = False
    for number, line in enumerate(text.split("\n"), 1):
        row = line.rstrip("\r")[:2000]
        if row.lstrip().startswith(("//", "#", "*", "/*")):
            continue
        if not inside:
            inside = re.match(r"""\s*["']pgsql["']\s*=>\s*\[""", row) is not None
            depth = 1
            continue
        match = _PHP_PAIR.fullmatch(row)
        if match and depth == 1:
            found = _PHP_ENV.fullmatch(match[2].strip())
            plain = _unquote(match[2].strip())
            at = _Row(match[1], match[2], number, row.find(match[1]), match.start(2))
            if match[1] in ("url", "host", "port", "database", "username", "password"):
                literal = (found[2] or None) if found else plain or None
                reads.append(_read(at, path, "app", (found[1],) if found else (), literal))
            elif match[1] in ("sslmode", "search_path"):
                settings.append(PlainValue(match[1], (found[2] or "") if found else plain, number))
        elif "ATTR_" in row:
            option = re.match(r"\s*(?:\\?PDO)::(\w+)\s*=>\s*(.*?),?\s*$", row)
            if option:
                settings.append(PlainValue(f"options.{option[1]}", option[2], number))
        depth += row.count("[") - row.count("]")
        inside = depth > 0
    return FrameworkConfig(path=path, tool="laravel", reads=tuple(reads), settings=tuple(settings))


# --- TypeORM and Django: by structure ---


def _typeorm(text: str, path: str) -> FrameworkConfig:
    if "url" not in text and "host" not in text:
        return FrameworkConfig(path=path, tool="typeorm")
    source = ParsedFile(text, typescript=posixpath.splitext(path)[1].endswith("ts"))
    values = source.constructed("DataSource") or source.exported()[0]
    kind = next((found.literal for found in values if found.key == "type"), None)
    if not values or kind not in (None, "postgres", "aurora-postgres"):
        return FrameworkConfig(path=path, tool="typeorm")
    whole = ("url", "host", "port", "username", "password", "database")
    reads = tuple(
        ConfigRead(
            key=found.key,
            role="app",
            variables=found.variables,
            literal=None if found.literal is None else Secret(found.literal),
            composed=found.composed,
            conditional=found.conditional,
            location=Location(path, found.line, found.column),
            literal_line=found.literal_line,
            start=found.start,
            end=found.end,
        )
        for found in values
        if found.key in whole or found.key.removeprefix("replication.master.") in whole
    )
    settings = tuple(
        PlainValue(found.key, found.plain, found.line)
        for found in values
        if found.plain and (found.key in ("poolSize", "connectTimeoutMS") or found.key.startswith("extra."))
    )
    return FrameworkConfig(path=path, tool="typeorm", reads=reads, settings=settings)


def _rows_alone(_text: str, path: str) -> FrameworkConfig:
    """What its rows say is all that is known of it."""
    return FrameworkConfig(path=path, tool=tool(path) or "")


def _django(text: str, path: str) -> FrameworkConfig:
    if "DATABASES" not in text:
        return FrameworkConfig(path=path, tool="django")
    found = databases(text, path)
    return FrameworkConfig(path=path, tool="django", reads=found.reads, settings=found.settings)
