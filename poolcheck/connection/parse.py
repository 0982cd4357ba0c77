"""A connection string from its text: the one entrance to the readers of its forms."""

import re
from collections.abc import Iterable
from dataclasses import replace

from poolcheck.connection.libpq import KEYWORDS
from poolcheck.connection.string import SCHEMES, ConnectionString
from poolcheck.connection.words import Form, quote_dsn


def parse(text: str, *, form: Form | None = None) -> ConnectionString:
    """Read a connection string of any form. Never raises; what cannot be read is in `troubles`.

    `form` forces one reading; without it the text decides. Linear in the text's length.
    """
    from poolcheck.connection import read_uri  # noqa: PLC0415 - with its patterns, only when there is something to read

    return read_uri.read(text, form)


def from_parts(
    *,
    host: str | None = None,
    port: str | int | None = None,
    user: str | None = None,
    password: str | None = None,
    database: str | None = None,
    params: Iterable[tuple[str, str]] = (),
) -> ConnectionString:
    """A connection string from separate values, such as PGHOST and PGPORT. None means not given.

    `raw`, and so the masked text, is the same as a keyword/value DSN.
    """
    given = [("host", host), ("port", port), ("user", user), ("password", password), ("dbname", database)]
    words = [f"{name}={quote_dsn(str(value))}" for name, value in (*given, *params) if value is not None]
    return replace(parse(" ".join(words), form="dsn"), form="parts")


def looks_like_connection_string(text: str) -> bool:
    """A cheap test: a PostgreSQL URL or DSN stands here, from the first character on.

    False for other databases' URLs, for prose, and for a bare word or interpolation.
    """
    text = text[:4096].strip().strip("\"'`")
    scheme, sep, _ = text[:64].partition("://")
    if sep and scheme.lower().partition("+")[0] in SCHEMES:
        return all(mark not in scheme for mark in " =:") and not scheme.endswith("+")
    if text.lower().startswith(("jdbc:", "r2dbc:", "host", "dbname", "user", "port", "service", "password", "sslmode", "hostaddr", "server")):  # fmt: skip
        return looks_like_keywords(text)
    return False


def looks_like_keywords(text: str) -> bool:
    """Whether `text` is a DSN, a JDBC URL or an Npgsql string that names a host or a database of PostgreSQL."""
    if re.match(r"(?i)r?2?j?dbc:(?:[a-z0-9-]+:){0,3}(?:postgresql|postgres|pgsql)(?::[\w.-]+)?:", text):
        return True
    words = {
        name.lower() for name in re.findall(r"(?:\A|[\s;])([A-Za-z_][A-Za-z_ ]{0,40}?)\s*=", text[:4096])
    }
    if ";" in text:
        return "host" in words and bool(words & {"database", "db", "username", "user id", "userid", "port"})
    return len(words & KEYWORDS) >= 2 and bool(words & {"host", "hostaddr", "dbname", "service"})
