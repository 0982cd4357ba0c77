"""The catalogue: providers/*.toml and drivers/*.toml as frozen types, or an exact complaint.

`core.facts` is the schema; nothing else describes the files. What this loader adds to TOML: the id is the file's
stem, `from` stands for the field `from_`, and a table `[defaults]` gives `source` and `checked` to every table
that has none of its own (`[defaults.limits]` to those of one list).

Looking up one host must not cost the parsing of every file, so the lists that name things (`suffixes`, `prefixes`,
`aliases`, `packages`) are also found in the raw text, and only the files that fit are parsed.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from types import UnionType
from typing import Any, Generic, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from poolcheck.core.facts import (
    Conversion,
    Driver,
    DriverVersion,
    Endpoint,
    Limit,
    Match,
    Provider,
    Retirement,
)
from poolcheck.core.project import Version
from poolcheck.core.url import ConnectionString, Host
from poolcheck.errors import CatalogueError

T = TypeVar("T")

_HERE = Path(__file__).parent
_PATTERNS: dict[type, tuple[str, ...]] = {
    Endpoint: ("host", "not_host", "user", "database", "user_form"),
    Conversion: ("host_pattern", "user_pattern"),
    Retirement: ("host",),
}
_WHEN = re.compile(r"(>=|<=|==|>|<)\s*(\d+(?:\.\d+)*)")


# --- from a table to a type -------------------------------------------------------------------------------------


_Shape = dict[str, tuple[str, Any, bool]]
_shapes: dict[type, _Shape] = {}


def _shape(kind: type) -> _Shape:
    """TOML key → (field name, type, required)."""
    if kind not in _shapes:
        _shapes[kind] = _read_shape(cast("type[Any]", kind))
    return _shapes[kind]


def _read_shape(kind: type[Any]) -> _Shape:
    hints = get_type_hints(kind)
    return {
        field.name.rstrip("_"): (
            field.name,
            hints[field.name],
            field.default is MISSING and field.default_factory is MISSING,
        )
        for field in fields(kind)
    }


def build(kind: type[T], table: Mapping[str, Any], where: str, defaults: Mapping[str, Any] = {}) -> T:
    """Make a `kind` of a TOML table.

    `where` names the table in complaints: `providers/neon.toml: limits[0]`. `defaults` may hold `source` and
    `checked` for tables without, and under a list's name those of that list.

    Raises:
        CatalogueError: a key is unknown or missing, a value has the wrong type or is outside its Literal, a
            pattern does not compile, a source is not https, a date is not a date, a range cannot be read.
    """
    shape = _shape(kind)
    for key in table:
        if key not in shape:
            raise CatalogueError(f"{where}: {key} is not a key; known are {', '.join(shape)}")
    values: dict[str, Any] = {}
    for key, (name, hint, required) in shape.items():
        if key in table:
            own = defaults[key] if isinstance(defaults.get(key), dict) else {}
            values[name] = _value(hint, table[key], _at(where, key), {**defaults, **own})
        elif required and key in defaults and key in ("source", "checked"):
            values[name] = _value(hint, defaults[key], _at(where, key), {})
        elif required:
            raise CatalogueError(f"{where}: {key} is missing")
    _check(kind, values, where)
    return kind(**values)


def _at(where: str, key: str) -> str:
    """The place of a key: `providers/neon.toml: title`, `providers/neon.toml: limits[0].plan`."""
    return f"{where}{' ' if where.endswith(':') else '.'}{key}"


def _value(hint: Any, value: Any, where: str, defaults: Mapping[str, Any]) -> Any:
    """One value of the type `hint`, or a complaint."""
    origin = get_origin(hint)
    if origin is Literal:
        if value not in get_args(hint):
            raise CatalogueError(f"{where}: {value!r} is none of {', '.join(map(repr, get_args(hint)))}")
        return value
    if origin in (Union, UnionType):  # TOML has no null: an optional field is there, or left out
        return _value(next(arg for arg in get_args(hint) if arg is not type(None)), value, where, defaults)
    if origin is tuple:
        return _tuple(get_args(hint), value, where, defaults)
    if is_dataclass(hint):
        if not isinstance(value, dict):
            raise CatalogueError(f"{where}: a table is wanted, not {value!r}")
        return build(cast("type[Any]", hint), value, where, defaults)
    if hint is float and type(value) is int:
        return float(value)
    if type(value) is not hint:  # exactly: True is no number, and a time of day is no date
        raise CatalogueError(f"{where}: {hint.__name__} is wanted, not {value!r}")
    return value


def _tuple(args: tuple[Any, ...], value: Any, where: str, defaults: Mapping[str, Any]) -> tuple[Any, ...]:
    """An array of any length (`tuple[X, ...]`), or of these very types (`tuple[X, Y]`)."""
    if not isinstance(value, list):
        raise CatalogueError(f"{where}: an array is wanted, not {value!r}")
    if args[-1] is Ellipsis:
        args = (args[0],) * len(value)
    if len(args) != len(value):
        raise CatalogueError(f"{where}: {len(args)} values are wanted, not {len(value)}")
    pairs = enumerate(zip(args, value, strict=True))
    return tuple(_value(arg, item, f"{where}[{index}]", defaults) for index, (arg, item) in pairs)


def _check(kind: type, values: Mapping[str, Any], where: str) -> None:
    """What types cannot say."""
    for key in ("source", "homepage"):
        text = values.get(key, "")
        if text and not re.fullmatch(r"https://[^\s/]+\.[^\s]+", text):
            raise CatalogueError(f"{_at(where, key)}: {text!r} is not an https address")
    for key in _PATTERNS.get(kind, ()):
        pattern(values.get(key, ""), _at(where, key))
    if kind is DriverVersion:
        admits(values["when"], (), _at(where, "when"))


def _check_defaults(kind: type, defaults: Any, where: str) -> None:
    """`defaults` may hold `source` and `checked`, and tables of these under the names of the file's lists."""
    if not isinstance(defaults, dict):
        raise CatalogueError(f"{where}: a table is wanted, not {defaults!r}")
    for key, value in defaults.items():
        tables = value if key in _shape(kind) and isinstance(value, dict) else {key: value}
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
        return re.compile(text, re.IGNORECASE)
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
        bound = _WHEN.fullmatch(part.strip())
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


# --- folders of files -------------------------------------------------------------------------------------------


class Shelf(Generic[T]):
    """A folder of TOML files that each hold one `kind`. Files are read once and parsed when asked for."""

    def __init__(self, kind: type[T], folder: Path) -> None:
        self.kind = kind
        self.folder = folder
        self._texts: dict[str, bytes] | None = None
        self._built: dict[str, T] = {}

    @property
    def texts(self) -> dict[str, bytes]:
        """Id → the file's bytes, sorted by id."""
        if self._texts is None:
            files = [path for path in self.folder.iterdir() if path.suffix == ".toml"]
            self._texts = {path.stem: path.read_bytes() for path in sorted(files)}
        return self._texts

    def names(self, key: str) -> dict[str, tuple[str, ...]]:
        """Id → the strings of a top-level list such as `aliases`, without parsing the file."""
        return {stem: quick_list(text, key) for stem, text in self.texts.items()}

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
            import tomllib  # noqa: PLC0415 - 2 ms that a lint without any known host need not spend

            where = f"{self.folder.name}/{stem}.toml"
            try:
                table = tomllib.loads(self.texts[stem].decode())
            except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
                raise CatalogueError(f"{where}: {error}") from error
            if "id" in table:
                raise CatalogueError(f"{where}: id is not a key; the file's name is the id")
            defaults = table.pop("defaults", {})
            _check_defaults(self.kind, defaults, f"{where}: defaults")
            self._built[stem] = build(self.kind, {"id": stem, **table}, f"{where}:", defaults)
        return self._built[stem]


def quick_list(text: bytes, key: str) -> tuple[str, ...]:
    """The strings of a top-level `key = [...]` in raw TOML. A test holds it against the parsed files."""
    text = b"\n" + text
    start = text.find(f"\n{key} = [".encode())
    if start < 0:
        return ()
    return tuple(re.findall(r'"([^"]*)"', text[start : text.index(b"]", start)].decode()))


_PROVIDERS = Shelf(Provider, _HERE / "providers")
_DRIVERS = Shelf(Driver, _HERE / "drivers")


def provider(name: str) -> Provider | None:
    """A provider by id or alias; None when the catalogue has none."""
    return _PROVIDERS.find(name)


def providers() -> tuple[Provider, ...]:
    """All providers, sorted by id."""
    return _PROVIDERS.all()


def driver(driver_id: str) -> Driver | None:
    """A driver by id or alias; None when the catalogue has none."""
    return _DRIVERS.find(driver_id)


def drivers() -> tuple[Driver, ...]:
    """All drivers, sorted by id."""
    return _DRIVERS.all()


def drivers_for_packages(names: Iterable[str]) -> dict[str, str]:
    """Package name (`npm:pg`) → driver id, for those names that the catalogue knows. Parses nothing."""
    index = {package: stem for stem, packages in _DRIVERS.names("packages").items() for package in packages}
    return {name: index[name] for name in names if name in index}


def behaviour(driver_id: str, version: Version) -> DriverVersion | None:
    """How that version of the driver behaves: the first block whose `when` admits it.

    A version that is not exact (`^6.2.0`) stands for everything from there to the end of its major version; where
    the blocks differ within that, or where nothing is known of the version and there is more than one block, the
    answer is None: no guess.
    """
    known = driver(driver_id)
    if known is None:
        return None
    if not version.parts:
        return known.versions[0] if len(known.versions) == 1 else None
    last = version.parts if version.exact else (version.parts[0], 10**9)
    found = _block(known, version.parts)
    return found if found is _block(known, last) else None


def _block(known: Driver, release: tuple[int, ...]) -> DriverVersion | None:
    return next((block for block in known.versions if admits(block.when, release)), None)


def limit(provider_id: str, plan: str) -> Limit | None:
    """The limits of a provider's plan or compute size, by name or alias; None when it has no such plan."""
    known = provider(provider_id)
    wanted = " ".join(plan.lower().split())
    if known is None:
        return None
    return next((found for found in known.limits if wanted in (found.plan, *found.aliases)), None)


# --- recognising a connection string ----------------------------------------------------------------------------

_OTHER_SCHEMES = frozenset({"", "postgis", "pgsql", "jdbc:pgsql", "cockroachdb", "timescaledb", "ecto"})
_LOCAL = re.compile(
    r"localhost|127(\.\d{1,3}){3}|0\.0\.0\.0|::1?|0:0:0:0:0:0:0:[01]"
    r"|10(\.\d{1,3}){3}|192\.168(\.\d{1,3}){2}|172\.(1[6-9]|2\d|3[01])(\.\d{1,3}){2}|169\.254(\.\d{1,3}){2}"
    r"|f[cd][0-9a-f]{2}:.*|fe[89ab][0-9a-f]:.*"  # unique-local and link-local IPv6
    r"|[a-z0-9_][a-z0-9_-]*"  # a service name of Compose or Kubernetes
    r"|.+\.(local|localhost|internal)|.+\.svc(\.cluster\.local)?",
    re.IGNORECASE,
)
# `fly mpg proxy` listens here by default, so this "local" server may be production: nothing is claimed about it.
# https://fly.io/docs/mpg/client-configuration/
_TUNNEL_PORTS = frozenset({16380})


def match(conn: ConnectionString) -> Match:
    """The provider and the endpoint that a connection string names, by its host and what else tells them apart.

    The provider alone when its host is recognised and the endpoint is not. `local` when no provider fits and the
    host is this machine, a socket, a bare service name or a private address. Several hosts must agree.
    """
    hosts = conn.hosts or tuple(
        Host(item.value) for item in conn.params if item.name == "host" and item.value
    )
    if "all" in conn.placeholders:
        return Match()
    if not hosts:
        unreadable = conn.troubles or conn.placeholders or not _is_postgres(conn.scheme)
        return Match() if unreadable else Match(local=True)  # libpq's own default: a socket, or localhost
    found = [_match_host(conn, host) for host in hosts]
    if all(other == found[0] for other in found):
        return found[0]
    same = all(other.provider is found[0].provider for other in found)
    return Match(provider=found[0].provider) if same else Match()


def _is_postgres(scheme: str) -> bool:
    return "postgres" in scheme.partition("+")[0] or scheme in _OTHER_SCHEMES


def _match_host(conn: ConnectionString, host: Host) -> Match:
    name = host.name.lower().rstrip(".")
    for stem in _candidates(name, conn.scheme):
        known = _PROVIDERS.load(stem)
        possible = [end for end in known.endpoints if _host_fits(end, name, conn.scheme)]
        if possible:
            endpoint = next((end for end in possible if _rest_fits(end, conn, host)), None)
            return Match(provider=known, endpoint=endpoint)
    doubtful = "host" in conn.placeholders or host.port in _TUNNEL_PORTS
    local = (host.socket or _LOCAL.fullmatch(name) is not None) and _is_postgres(conn.scheme)
    return Match(local=local and not doubtful)


def _candidates(name: str, scheme: str) -> list[str]:
    """The files worth parsing: those with an ending or beginning of this host, or with a scheme of their own."""
    stems = []
    for stem, text in _PROVIDERS.texts.items():
        own_scheme = scheme.startswith("prisma") and f'"{scheme}"'.encode() in text
        if (
            own_scheme
            or name.endswith(quick_list(text, "suffixes"))
            or name.startswith(quick_list(text, "prefixes"))
        ):
            stems.append(stem)
    return stems


def _host_fits(endpoint: Endpoint, name: str, scheme: str) -> bool:
    if endpoint.schemes:
        if scheme not in endpoint.schemes:
            return False
    elif not _is_postgres(scheme):
        return False
    if endpoint.host and not pattern(endpoint.host).fullmatch(name):
        return False
    return not (endpoint.not_host and pattern(endpoint.not_host).fullmatch(name))


def _rest_fits(endpoint: Endpoint, conn: ConnectionString, host: Host) -> bool:
    if endpoint.ports:
        port = host.port if host.port is not None or host.port_text else 5432
        if port not in endpoint.ports and not (
            host.port is None and not host.port_text and 0 in endpoint.ports
        ):
            return False
    if endpoint.parameter and endpoint.parameter not in (item.name for item in conn.params):
        return False
    texts = ((endpoint.user, conn.user), (endpoint.database, conn.database))
    return all(pattern(wanted).fullmatch(text or "") for wanted, text in texts if wanted)


# --- how old the facts are --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Stale:
    """A fact that was last checked long ago. `where` is like `providers/neon.toml: limits[0]`."""

    where: str
    checked: date
    source: str


def stale(days: int, today: date) -> tuple[Stale, ...]:
    """The facts of both kinds that were checked more than `days` days before `today`, oldest first."""
    found = [
        old
        for shelf in (_PROVIDERS, _DRIVERS)
        for item in shelf.all()
        for old in _dated(item, f"{shelf.folder.name}/{item.id}.toml:")
        if today - old.checked > timedelta(days=days)
    ]
    return tuple(sorted(found, key=lambda old: (old.checked, old.where)))


def _dated(item: Any, where: str) -> Iterable[Stale]:
    """All tables below `item` that carry a date."""
    for name, _, _ in _shape(type(item)).values():
        value = getattr(item, name)
        for index, part in enumerate(value if isinstance(value, tuple) else ()):
            if is_dataclass(part):
                yield from _dated(part, f"{where} {name}[{index}]")
    if hasattr(item, "checked"):
        yield Stale(where, item.checked, item.source)
