"""Edits of a connection string: each gives the new raw text and touches nothing else.

The results are real text, passwords included: only `fix --write` may write them as they are.
Values are escaped as the form wants it. Parsing the result gives the new value and the old everything else.
"""

import re

from poolcheck.connection.string import ConnectionString, Param, Span
from poolcheck.connection.words import quote_dsn

_IN_QUERY = "-._~/:,"  # what a query value may hold as it is, for every reader
_IN_AUTHORITY = "-._~!*"


def _quote(text: str, *, safe: str) -> str:
    from urllib.parse import quote  # noqa: PLC0415 - takes 2 ms to import, and most runs write nothing

    return quote(text, safe=safe)


def with_param(conn: ConnectionString, name: str, value: str) -> str:
    """The text with the parameter set: its last occurrence replaced, or added at the end."""
    pair = _pair(conn, name, value)
    named = conn.params_named(name)
    if named:
        return _put(conn.raw, named[-1].span, pair)
    end = len(conn.raw.rstrip())
    if conn.form == "npgsql":
        return _put(conn.raw, Span(end, end), pair if conn.raw[:end].endswith((";", ":")) else f";{pair}")
    if conn.form in ("dsn", "parts"):
        last = conn.params[-1].value_span if conn.params else None
        empty = last is not None and last.start == last.end and conn.raw[:end].endswith("=")
        glue = "'' " if empty else " "  # `host= x=1` is host "x=1"
        return _put(conn.raw, Span(end, end), glue + pair if end else pair)
    query = conn.span("query")
    if query is not None:
        glue = "" if conn.raw[query.end - 1] in "?&" else "&"
        return _put(conn.raw, Span(query.end, query.end), glue + pair)
    place = conn.span("database") or conn.span("hosts")
    at = place.end if place else end
    return _put(conn.raw, Span(at, at), f"?{pair}")


def without_param(conn: ConnectionString, name: str) -> str:
    """The text without any parameter of that name, and without the separator it leaves behind."""
    raw = conn.raw
    for param in reversed(conn.params_named(name)):
        start, end = _with_separator(conn, param, raw)
        raw = raw[:start] + raw[end:]
    return raw


def with_host(conn: ConnectionString, host: str) -> str:
    """The text with the first host replaced by `host`: a name, an IPv6 address without brackets, or a folder."""
    if conn.form in ("dsn", "parts", "npgsql"):
        rest = ",".join(other.name for other in conn.hosts[1:])
        return with_param(conn, _word(conn, "host"), f"{host},{rest}" if len(conn.hosts) > 1 else host)
    span = conn.span("host")
    if span is None:
        return _with_authority(conn, _host_text(host))
    if _in_query(conn, span):
        return _put(conn.raw, span, _quote(host, safe=_IN_QUERY))
    if conn.raw[span.start - 1 : span.start] == "[" and conn.raw[span.end : span.end + 1] == "]":
        span = Span(span.start - 1, span.end + 1)
    return _put(conn.raw, span, _host_text(host))


def with_port(conn: ConnectionString, port: int) -> str:
    """The text with the first host's port set."""
    span = conn.span("port")
    if conn.form in ("dsn", "parts", "npgsql"):
        rest = ",".join(other.port_text for other in conn.hosts[1:])
        return with_param(conn, _word(conn, "port"), f"{port},{rest}" if len(conn.hosts) > 1 else str(port))
    if span is not None:
        return _put(conn.raw, span, str(port))
    host = conn.span("host")
    if host is None:
        return _with_authority(conn, f":{port}")
    if _in_query(conn, host):
        return with_param(conn, "port", str(port))
    end = host.end + (conn.raw[host.end : host.end + 1] == "]")
    colon = conn.raw[end : end + 1] == ":"  # `host:/db`
    return _put(conn.raw, Span(end, end + colon), f":{port}")


def with_user(conn: ConnectionString, user: str) -> str:
    """The text with the user set."""
    span = conn.span("user")
    if conn.form != "uri" and (span is None or conn.form != "jdbc"):  # pgJDBC has its user in the query
        return with_param(conn, _word(conn, "user"), user)
    text = _quote(user, safe=_IN_AUTHORITY)
    if span is not None:
        return _put(conn.raw, span, text)
    start = conn.span("hosts")
    at = start.start if start else len(conn.raw.rstrip())
    return _put(conn.raw, Span(at, at), f"{text}@")


def with_database(conn: ConnectionString, database: str) -> str:
    """The text with the database set."""
    if conn.form in ("dsn", "parts", "npgsql"):
        return with_param(conn, _word(conn, "dbname"), database)
    span = conn.span("database")
    text = _quote(database, safe=_IN_AUTHORITY)
    if span is not None:
        return _put(conn.raw, span, text)
    hosts = conn.span("hosts")
    at = hosts.end if hosts else len(conn.raw.rstrip())
    return _put(conn.raw, Span(at, at), f"/{text}")


def percent_encode_password(conn: ConnectionString) -> str:
    """The text with user and password escaped so that every reader reads the same; unchanged if they are."""
    raw = conn.raw
    if conn.form not in ("uri", "jdbc") or "password" in conn.placeholders:
        return raw
    values = {"password": conn.password.reveal() if conn.password else "", "user": conn.user or ""}
    for field, value in values.items():  # the password first: it stands behind the user
        span = conn.span(field)
        if span is None or _in_query(conn, span) or field in conn.placeholders:
            continue
        if re.search(r"[@/?#\[\]\s]|%(?![0-9A-Fa-f]{2})", raw[span.start : span.end]):
            raw = _put(raw, span, _quote(value, safe=_IN_AUTHORITY))
    return raw


def _put(raw: str, span: Span, new: str) -> str:
    return raw[: span.start] + new + raw[span.end :]


def _in_query(conn: ConnectionString, span: Span) -> bool:
    query = conn.span("query")
    return query is not None and query.start <= span.start and span.end <= query.end


def _pair(conn: ConnectionString, name: str, value: str) -> str:
    if conn.form in ("dsn", "parts"):
        return f"{name}={quote_dsn(value)}"
    if conn.form == "npgsql":
        if re.search(r"[;'\"]|\A\s|\s\Z", value):
            value = '"' + value.replace('"', '""') + '"'
        return f"{name}={value}"
    return f"{_quote(name, safe=_IN_QUERY)}={_quote(value, safe=_IN_QUERY)}"


def _with_separator(conn: ConnectionString, param: Param, raw: str) -> tuple[int, int]:
    """The parameter's place, widened by the one separator that goes with it."""
    start, end = param.span.start, param.span.end
    separator = {"npgsql": ";", "dsn": " ", "parts": " "}.get(conn.form, "&")
    if raw[end : end + 1] == separator:
        return start, end + 1
    if start and raw[start - 1] in (separator, "?"):
        return start - 1, end
    return start, end


def _word(conn: ConnectionString, word: str) -> str:
    """The name under which this string already gives a field: `Server` for the host in Npgsql's."""
    if conn.form != "npgsql":
        return word
    span = conn.span("database" if word == "dbname" else word)
    for param in conn.params:
        if span is not None and param.value_span is not None and param.value_span.start == span.start:
            return param.name
    return {"host": "Host", "port": "Port", "user": "Username", "dbname": "Database"}[word]


def _host_text(host: str) -> str:
    if ":" in host and not host.startswith(("/", "@")):
        return f"[{_quote(host, safe=':')}]"
    return _quote(host, safe="-._~*")


def _with_authority(conn: ConnectionString, text: str) -> str:
    """Give a JDBC URL without a host, `jdbc:postgresql:db`, one."""
    scheme, database = conn.span("scheme"), conn.span("database")
    start = scheme.end + 1 if scheme else 0
    return _put(conn.raw, Span(start, database.start if database else start), f"//{text}/")
