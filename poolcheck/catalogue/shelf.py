"""TOML tables as frozen dataclasses, or an exact complaint; and folders of such files.

The dataclass is the schema; nothing else describes the files. What this adds to TOML: the id is the file's stem,
`from` stands for the field `from_`, and a table `[defaults]` gives `source` and `checked` to every table that has
none of its own (`[defaults.limits]` to those of one list).
"""

import os
import re
from collections.abc import Mapping
from functools import cache
from typing import Any, Generic, TypeVar, cast

from poolcheck.catalogue.age import by_day, today
from poolcheck.config.disk import own_bytes
from poolcheck.config.tables import Complaint, Keys, Walk, shape
from poolcheck.errors import CatalogueError
from poolcheck.model.facts import Conversion, DriverVersion, Endpoint, Image, Maker, Provider, Retirement

T = TypeVar("T")
U = TypeVar("U")

_PATTERNS: dict[type, tuple[str, ...]] = {
    Endpoint: ("host", "not_host", "user", "database", "user_form"),
    Conversion: ("host_pattern", "user_pattern"),
    Retirement: ("host",),
    Image: ("pattern", "not_pattern"),
}
_WHEN = r"(>=|<=|==|>|<)\s*(\d+(?:\.\d+)*)"


def build(kind: type[T], table: Mapping[str, Any], where: str, defaults: Mapping[str, Any] = {}) -> T:
    """Make a `kind` of a TOML table.

    `where` names the table in complaints: `providers/neon.toml: limits[0]`. `defaults` may hold `source` and
    `checked` for tables without, and under a list's name those of that list.

    Raises:
        CatalogueError: with every complaint: a key is unknown or missing, a value has the wrong type or is outside
            its Literal, a pattern does not compile, a source is not https, a date is not a date, a range cannot be read.
    """
    walk = Walk(check=lambda part, values, keys: _check(part, values, _place(where, keys)))
    made = walk.table(kind, table, defaults=defaults)
    if walk.complaints:
        raise CatalogueError("\n  ".join(_said(complaint, where) for complaint in walk.complaints))
    return cast("T", made)


def _said(complaint: Complaint, where: str) -> str:
    """A complaint with its place; those of `_check` bring theirs."""
    place = _place(where, complaint.keys)
    text = complaint.what if complaint.what.startswith(place) else f"{place.rstrip(':')}: {complaint.what}"
    return f"{text}. {complaint.hint}" if complaint.hint else text


def _place(where: str, keys: Keys) -> str:
    """The place of a value: `providers/neon.toml: title`, `providers/neon.toml: limits[0].plan`."""
    for key in keys:
        where = f"{where}[{key}]" if isinstance(key, int) else _at(where, key)
    return where


def _at(where: str, key: str) -> str:
    return f"{where}{' ' if where.endswith(':') else '.'}{key}"


def _check(kind: type, values: Mapping[str, Any], where: str) -> None:
    """What types cannot say."""
    for key in ("source", "homepage"):
        text = values.get(key, "")
        if text and not re.fullmatch(r"https://[^\s/.]+\.\S+", text):
            raise CatalogueError(f"{_at(where, key)}: {text!r} is not an https address")
    for key in _PATTERNS.get(kind, ()):
        pattern(values.get(key, ""), _at(where, key))
    if kind is DriverVersion:
        admits(values["when"], (), _at(where, "when"))
    elif kind is Endpoint:
        _check_endpoint(values, where)
    elif kind is Provider:
        _check_provider(values, where)
    elif kind is Maker:
        _check_maker(values, where)
    elif kind is Image:
        _check_image(values, where)


def _check_endpoint(values: Mapping[str, Any], where: str) -> None:
    """What rules ask of a pooled endpoint has no default: silence would be an answer."""
    if values["kind"] != "pooled":
        return
    if values.get("tracks_prepared", "needless") == "needless":
        raise CatalogueError(
            f"{_at(where, 'tracks_prepared')}: a pooled endpoint says whether it tracks named statements: "
            "yes, no or unknown"
        )
    if not values.get("mode") and not values.get("mode_note"):
        raise CatalogueError(
            f"{_at(where, 'mode')}: a pooled endpoint has a mode, or a mode_note that says which are possible"
        )


def _check_provider(values: Mapping[str, Any], where: str) -> None:
    """The names that its tables use of each other, and what a pooled endpoint asks of the others."""
    ids = [end.id for end in values["endpoints"]]
    for index, name in enumerate(ids):
        if name in ids[:index]:
            raise CatalogueError(f"{_at(where, 'endpoints')}[{index}].id: {name!r} is there twice")
    ways = values.get("conversions", ())
    for index, way in enumerate(ways):
        place = f"{_at(where, 'conversions')}[{index}]"
        if way.from_ not in ids:
            raise CatalogueError(f"{place}.from: {way.from_!r} is none of its endpoints: {', '.join(ids)}")
        if bool(way.cannot) == way.changes:
            raise CatalogueError(
                f"{place}: it says either what to change, or in `cannot` why nobody can tell"
            )
        if way.to not in ids and not way.cannot:
            raise CatalogueError(f"{place}.to: {way.to!r} is none of its endpoints: {', '.join(ids)}")
        if way.cannot and not way.steps:
            raise CatalogueError(f"{place}.steps: `cannot` wants the steps that give the other string")
    for index, variable in enumerate(values.get("variables", ())):
        if variable.endpoint and variable.endpoint not in ids:
            raise CatalogueError(
                f"{_at(where, 'variables')}[{index}].endpoint: {variable.endpoint!r} is none of {', '.join(ids)}"
            )
    if all(end.kind != "pooled" for end in values["endpoints"]):
        return
    if not values.get("pooler"):
        raise CatalogueError(
            f"{_at(where, 'pooler')}: a provider with a pooled endpoint says in a sentence how to get its string"
        )
    for end in values["endpoints"]:
        if end.kind == "direct" and all(way.from_ != end.id for way in ways):
            raise CatalogueError(
                f"{_at(where, 'conversions')}: none leads from {end.id!r}, which stands beside a pooled endpoint; "
                "an endpoint that no pooler serves has a file of its own"
            )


_OF_IMAGES = {  # keys that only one kind has
    "server": ("own_defaults", "max_variable", "max_from", "flags", "initdb", "folders", "configs"),
    "pooler": ("pooler", "prefix", "database", "sets"),
    "client": ("url", "port", "engine", "postgres", "pools", "processes", "runs"),
}
_ENDS = ("host", "user", "dbname")  # of a pooler and a client


def _check_image(values: Mapping[str, Any], where: str) -> None:
    """No kind has settings of another; a client says where its variables lead, and a pool what is known of it."""
    kind = values["is_"]
    foreign = [key for other, keys in _OF_IMAGES.items() if other != kind for key in keys]
    for key in (*foreign, *(_ENDS if kind == "server" else ())):
        if values.get(key):
            raise CatalogueError(
                f"{_at(where, key)}: not of a {kind}, which has {', '.join(_OF_IMAGES[kind])}"
            )
    if kind == "pooler" and not values.get("pooler"):
        raise CatalogueError(f"{_at(where, 'pooler')}: which one it runs is missing")
    if kind == "client" and not (values.get("url") or values.get("host")):
        raise CatalogueError(f"{_at(where, 'url')}: which variables name its server is missing")
    if bool(values.get("engine")) != bool(values.get("postgres")):
        raise CatalogueError(f"{_at(where, 'postgres')}: it is there where engine is, and only there")
    for key in ("pools", "processes"):
        for index, number in enumerate(values.get(key, ())):
            if (number.default is None) != bool(number.why):
                raise CatalogueError(f"{_at(where, key)}[{index}].why: it is there where default is not")


def _check_maker(values: Mapping[str, Any], where: str) -> None:
    """A table that no reader could use, or that tells half of something, would be overlooked in silence."""
    if not values["calls"]:
        raise CatalogueError(f"{_at(where, 'calls')}: one [module, name] at least is wanted")
    for index, (module, name) in enumerate(values["calls"]):
        everything = values["language"] == "config" and not name  # the keys of a whole file
        if not module or not (name or everything) or (module == "*" and name == "default"):
            raise CatalogueError(
                f"{_at(where, 'calls')}[{index}]: [{module!r}, {name!r}] names nothing to look for"
            )
    if values.get("overflow") and not values.get("overflow_option"):
        raise CatalogueError(f"{_at(where, 'overflow')}: overflow_option is missing")
    if values.get("size_options") and values["makes"] == "connection":
        raise CatalogueError(f"{_at(where, 'size_options')}: a connection has no size")


def _check_defaults(kind: type, defaults: Any, where: str) -> None:
    """`defaults` may hold `source` and `checked`, and tables of these under the names of the file's lists."""
    if not isinstance(defaults, dict):
        raise CatalogueError(f"{where}: a table is wanted, not {defaults!r}")
    for key, value in defaults.items():
        tables = value if key in shape(kind) and isinstance(value, dict) else {key: value}
        for name in tables:
            if name not in ("source", "checked"):
                raise CatalogueError(f"{where}: {name} is neither source nor checked nor a list of this file")


@cache
def pattern(text: str, where: str = "pattern") -> re.Pattern[str]:
    """The compiled pattern, upper and lower case alike.

    Raises:
        CatalogueError: it does not compile.
    """
    try:
        return re.compile(text, re.IGNORECASE | re.DOTALL)  # a line end in a host would take the square
    except re.error as error:
        raise CatalogueError(f"{where}: {text!r} is not a pattern: {error}") from error


def admits(when: str, release: tuple[int, ...], where: str = "when") -> bool:
    """Whether a range such as `>=4,<7` admits a release; missing parts count as 0. `*` admits all.

    Raises:
        CatalogueError: the range cannot be read.
    """
    if when == "*":
        return True
    verdict = True
    for part in when.split(","):
        bound = re.fullmatch(_WHEN, part.strip())
        if bound is None:
            raise CatalogueError(f'{where}: {part!r} is none of >=1.2, >1.2, <=1.2, <1.2, ==1.2 or "*"')
        limit = tuple(int(number) for number in bound[2].split("."))
        length = max(len(limit), len(release))
        left, right = (numbers + (0,) * (length - len(numbers)) for numbers in (release, limit))
        verdict &= {
            ">=": left >= right,
            "<=": left <= right,
            "==": left == right,
            ">": left > right,
            "<": left < right,
        }[bound[1]]
    return verdict


class Shelf(Generic[T]):
    """A folder of TOML files that each hold one `kind`. Files are read once and parsed when asked for."""

    def __init__(self, kind: type[T], folder: "str | os.PathLike[str]") -> None:
        self.kind = kind
        self.folder = folder
        self._texts: dict[str, bytes] | None = None
        self._names: dict[str, dict[str, tuple[str, ...]]] = {}
        self._built: dict[str, T] = {}

    @property
    def texts(self) -> dict[str, bytes]:
        """Id → the file's bytes, sorted by id."""
        if self._texts is None:
            self._texts = {}
            for name in sorted(os.listdir(self.folder)):
                if name.endswith(".toml"):
                    self._texts[name.removesuffix(".toml")] = own_bytes(os.path.join(self.folder, name))
        return self._texts

    def names(self, key: str) -> dict[str, tuple[str, ...]]:
        """Id → the strings of a top-level list such as `aliases`, without parsing the file."""
        if key not in self._names:
            self._names[key] = {stem: quick_list(text, key) for stem, text in self.texts.items()}
        return self._names[key]

    def tables(self, key: str, kind: type[U]) -> dict[str, tuple[U, ...]]:
        """Id → the tables of a top-level list such as `[[makers]]`, without parsing the rest of the file.

        Raises:
            CatalogueError: one of them is not TOML, or not what `kind` asks for.
        """
        found = {}
        for stem, text in self.texts.items():
            where = f"{os.path.basename(self.folder)}/{stem}.toml: {key}"
            parts = quick_tables(text, key)
            found[stem] = tuple(
                build(kind, _toml(part, where)[key][0], f"{where}[{index}]")
                for index, part in enumerate(parts)
            )
        return found

    def find(self, name: str) -> T | None:
        """The one with this id or alias, upper and lower case alike; None when there is none."""
        wanted = name.strip().lower()
        if wanted in self.texts:
            return self.load(wanted)
        for stem, aliases in self.names("aliases").items():
            if wanted in (alias.lower() for alias in aliases):
                return self.load(stem)
        return None

    def all(self) -> tuple[T, ...]:
        """Every one, sorted by id."""
        return tuple(self.load(stem) for stem in self.texts)

    def load(self, stem: str) -> T:
        """The file `stem`.toml.

        Raises:
            CatalogueError: it is not TOML, or not what `kind` asks for.
        """
        if stem not in self._built:
            where = f"{os.path.basename(self.folder)}/{stem}.toml"
            table = _toml(self.texts[stem], where)
            if "id" in table:
                raise CatalogueError(f"{where}: id is not a key; the file's name is the id")
            defaults = table.pop("defaults", {})
            _check_defaults(self.kind, defaults, f"{where}: defaults")
            self._built[stem] = build(self.kind, {"id": stem, **table}, f"{where}:", defaults)
        return self._built[stem]


def _toml(text: bytes, where: str) -> dict[str, Any]:
    import tomllib  # noqa: PLC0415 - 2 ms that a lint without any known host need not spend

    try:
        return tomllib.loads(by_day(text.decode(), today()))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CatalogueError(f"{where}: {error}") from error


def quick_tables(text: bytes, key: str) -> list[bytes]:
    """The tables `[[key]]` of raw TOML, each with its heading. A test holds it against the parsed files."""
    head = f"[[{key}]]\n".encode()
    parts = (b"\n" + text).split(b"\n[")
    return [b"[" + part + b"\n" for part in parts if (b"[" + part + b"\n").startswith(head)]


def quick_list(text: bytes, key: str) -> tuple[str, ...]:
    """The strings of a top-level `key = [...]` in raw TOML. A test holds it against the parsed files."""
    top = (b"\n" + text).partition(b"\n[")[0]  # the keys above the first table
    start = top.find(f"\n{key} = [".encode())
    return tuple(re.findall(r'"([^"]*)"', top[start : top.index(b"]", start)].decode())) if start >= 0 else ()


def quick_word(text: bytes, key: str) -> str:
    """The value of a top-level `key = "..."` in raw TOML; "" when there is none. A test holds it against the parsed files."""
    top = (b"\n" + text).partition(b"\n[")[0]
    found = re.search(rf'\n{key} = "([^"]*)"'.encode(), top)
    return found[1].decode() if found else ""
