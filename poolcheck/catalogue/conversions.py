"""From one endpoint of a provider to another: the same database, pooled or direct."""

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

from poolcheck.catalogue.endpoints import match
from poolcheck.catalogue.shelf import pattern
from poolcheck.connection.parse import parse
from poolcheck.connection.string import ConnectionString
from poolcheck.model.facts import Conversion, Endpoint, Provider


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
