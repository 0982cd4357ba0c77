"""The catalogue: what providers, drivers and poolers/*.toml say, and which of it a connection string shows.

Looking up one host must not cost the parsing of every file. So the lists that name things (`suffixes`, `prefixes`,
`aliases`, `packages`) are found in the raw text, and only the files that fit are parsed.
"""

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass, replace
from datetime import date, timedelta
from functools import cache
from typing import Any, NamedTuple

from poolcheck.catalogue.shelf import Shelf, admits, pattern
from poolcheck.catalogue.shelf import build as build  # noqa: PLC0414 - the error catalogue takes it from here
from poolcheck.connection.string import ConnectionString, Host, parse
from poolcheck.model.facts import Conversion, Driver, DriverVersion, Endpoint, Limit, Match, Pooler, Provider
from poolcheck.model.project import Version

_HERE = os.path.dirname(__file__)  # pathlib takes 3 ms to import
_PROVIDERS = Shelf(Provider, os.path.join(_HERE, "providers"))
_DRIVERS = Shelf(Driver, os.path.join(_HERE, "drivers"))
_POOLERS = Shelf(Pooler, os.path.join(_HERE, "poolers"))


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


def pooler(software: str) -> Pooler:
    """What a pooler other than PgBouncer calls its settings, by the file's stem.

    Raises:
        KeyError: the catalogue has no such file.
    """
    return _POOLERS.load(software)


def poolers() -> tuple[Pooler, ...]:
    """All poolers but PgBouncer, sorted by id."""
    return _POOLERS.all()


def drivers_for_packages(names: Iterable[str]) -> dict[str, str]:
    """Package name (`npm:pg`) → driver id, for those names that the catalogue knows. Parses nothing."""
    index = {package: stem for stem, packages in _DRIVERS.names("packages").items() for package in packages}
    return {name: index[name] for name in names if name in index}


def driver_of_dialect(dialect: str) -> str | None:
    """The id of the driver that lists this scheme suffix; None when none does. Parses nothing."""
    return next((stem for stem, names in _DRIVERS.names("dialects").items() if dialect in names), None)


def first_size_line(driver_id: str) -> tuple[str, str]:
    """Label and size line of a driver's first version block, from the raw text: parses nothing.

    For a report that names the commonest drivers because it knows of none. A test holds it against the parsed file.
    """
    text = _DRIVERS.texts[driver_id]
    found = [
        re.search(rb'^%s = ("(?:[^"\\]|\\.)*")$' % key, text, re.MULTILINE)
        for key in (b"label", b"size_code")
    ]
    # The two escapes that these lines have; the test would meet a third.
    label, code = ((each[1][1:-1].decode().replace('\\"', '"') if each else "") for each in found)
    return label, code


@cache
def parameter_names() -> frozenset[str]:
    """Every URL parameter that some driver knows. Parses nothing: only a parameter's table has a `name`."""
    return frozenset(
        name for text in _DRIVERS.texts.values() for name in re.findall(r'\bname = "([^"]+)"', text.decode())
    )


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
    if known is None:
        return None
    wanted = _plain(plan)
    return next(
        (found for found in known.limits if wanted in map(_plain, (found.plan, *found.aliases))), None
    )


def _plain(plan: str) -> str:
    """`0.25 CU`, `0.25cu` and `Standard_B1ms`, `standard-b1ms` are the same plan."""
    return re.sub(r"[\s_-]", "", plan.lower())


# --- recognising a connection string ----------------------------------------------------------------------------

_OTHER_SCHEMES = frozenset({"", "postgis", "pgsql", "jdbc:pgsql", "cockroachdb", "timescaledb", "ecto"})
_LOCAL = (
    r"localhost|127(\.\d{1,3}){3}|0\.0\.0\.0|::1?|0:0:0:0:0:0:0:[01]"
    r"|10(\.\d{1,3}){3}|192\.168(\.\d{1,3}){2}|172\.(1[6-9]|2\d|3[01])(\.\d{1,3}){2}|169\.254(\.\d{1,3}){2}"
    r"|f[cd][0-9a-f]{2}:.*|fe[89ab][0-9a-f]:.*"  # unique-local and link-local IPv6
    r"|[a-z0-9_][a-z0-9_-]*"  # a service name of Compose or Kubernetes
    r"|.+\.(local|localhost|internal)|.+\.svc(\.cluster\.local)?"
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
    local = (host.socket or pattern(_LOCAL).fullmatch(name) is not None) and _is_postgres(conn.scheme)
    return Match(local=local and not doubtful)


def _candidates(name: str, scheme: str) -> list[str]:
    """The files worth parsing: those with an ending or beginning of this host, or with a scheme of their own."""
    suffixes, prefixes = _PROVIDERS.names("suffixes"), _PROVIDERS.names("prefixes")
    own = f'"{scheme}"'.encode() if scheme.startswith("prisma") else None
    return [
        stem
        for stem, text in _PROVIDERS.texts.items()
        if name.endswith(suffixes[stem]) or name.startswith(prefixes[stem]) or (own and own in text)
    ]


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


# --- from one endpoint to another -------------------------------------------------------------------------------


class Converted(NamedTuple):
    """A connection string for another endpoint, or the words that say why there is none."""

    conversion: Conversion
    conn: ConnectionString | None = None  # its `raw` holds the password: print `masked()` only
    cannot: str = ""


def convert(known: Provider, conn: ConnectionString, from_endpoint: str, to: str) -> Converted | None:
    """The connection string `conn`, an endpoint `from_endpoint` of the provider, turned into another endpoint.

    `to` is an endpoint's id, or a kind (`pooled`, `direct`), or `migrations` for one that migrations may use; of
    several the first in the file. None when the catalogue knows no way.
    """
    ends = {end.id: end for end in known.endpoints}
    ways = [way for way in known.conversions if way.from_ == from_endpoint]
    fitting = [way for way in ways if way.to == to] or [way for way in ways if _leads(ends.get(way.to), to)]
    if not fitting:
        return None
    way = fitting[0]
    text = apply_conversion(way, conn)
    if text is None:
        return Converted(
            way, cannot=way.cannot or "The string has not the form that the other one is made from."
        )
    return Converted(way, _again(text, conn))


def _again(text: str, conn: ConnectionString) -> ConnectionString:
    """The changed text, read in the form that it had before."""
    return replace(parse(text, form="dsn" if conn.form == "parts" else conn.form), form=conn.form)


def _leads(end: Endpoint | None, to: str) -> bool:
    return end is not None and (end.kind == to or (to == "migrations" and end.migrations == "ok"))


def apply_conversion(way: Conversion, conn: ConnectionString) -> str | None:
    """The raw text with host, port, user and database changed in their places; it holds the password.

    None when the conversion cannot be derived, when the string has not the form for it or has several hosts, or
    when the result would not be recognised as the endpoint it is meant to be.
    """
    if way.cannot or len(conn.hosts) > 1:
        return None
    new: dict[str, str] = {}
    if way.user_pattern:
        fits = pattern(way.user_pattern).search(conn.user or "")
        if fits is None:
            return None
        new["user"] = pattern(way.user_pattern).sub(way.user_replace, conn.user or "", count=1)
        if way.host_from_user:
            new["host"] = fits.expand(way.host_from_user)
    if way.host_pattern:
        new["host"], count = pattern(way.host_pattern).subn(way.host_replace, conn.host, count=1)
        if not count:
            return None
    if way.port is not None:
        new["port"] = str(way.port)
    if way.database:
        new["database"] = way.database
    text = _replaced(conn, new)
    endpoint = match(_again(text, conn)).endpoint if text else None
    return text if endpoint is not None and endpoint.id == way.to else None


def _replaced(conn: ConnectionString, new: Mapping[str, str]) -> str | None:
    """The raw text with these fields in place of its own; None when one has no place in it."""
    edits = []
    for name, value in new.items():
        span = conn.span(name)
        if span is not None:
            text = value
            if conn.form == "uri" and name in ("user", "database"):
                from urllib.parse import quote  # noqa: PLC0415 - most conversions change the host alone

                text = quote(value, safe="")
            edits.append((span.start, span.end, text))
        elif name == "port" and (host := conn.span("host")) is not None:
            lead = {"uri": ":", "jdbc": ":", "npgsql": ";Port="}.get(conn.form, " port=")
            edits.append((host.end, host.end, lead + value))
        else:
            return None
    text = conn.raw
    for start, end, value in sorted(edits, reverse=True):
        text = text[:start] + value + text[end:]
    return text


# --- how old the facts are --------------------------------------------------------------------------------------


class Stale(NamedTuple):
    """A fact that was last checked long ago. `where` is like `providers/neon.toml: limits[0]`."""

    where: str
    checked: date
    source: str


def stale(days: int, today: date) -> tuple[Stale, ...]:
    """The facts of every kind that were checked more than `days` days before `today`, oldest first."""
    found = [
        old
        for shelf in (_PROVIDERS, _DRIVERS, _POOLERS)
        for item in shelf.all()
        for old in _dated(item, f"{os.path.basename(shelf.folder)}/{item.id}.toml:")
        if today - old.checked > timedelta(days=days)
    ]
    return tuple(sorted(found, key=lambda old: (old.checked, old.where)))


def _dated(item: Any, where: str) -> Iterable[Stale]:
    """All tables below `item` that carry a date."""
    for field in fields(item):
        value, name = getattr(item, field.name), field.name
        for index, part in enumerate(value if isinstance(value, tuple) else ()):
            if is_dataclass(part):
                yield from _dated(part, f"{where} {name}[{index}]")
    if hasattr(item, "checked"):
        yield Stale(where, item.checked, item.source)
