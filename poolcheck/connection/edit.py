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


def without_repeats(conn: ConnectionString, name: str) -> str:
    """The text with only the last parameter of that name, which is the one that `ConnectionString.param` gives."""
    raw = conn.raw
    for param in reversed(conn.params_named(name)[:-1]):
        start, end = _with_separator(conn, param, raw)
        raw = raw[:start] + raw[end:]
    return raw


def with_separators(conn: ConnectionString) -> str:
    """The URL with `?` before its first parameter and `&` between the others, as reading took them; unchanged if they are."""
    query = conn.span("query")
    if query is None or conn.form not in ("uri", "jdbc"):
        return conn.raw
    made, at = conn.raw[: query.start - 1], query.start - 1
    for param in conn.params:
        written = conn.raw[at : param.span.start]
        right = "?" if at < query.start else "&"
        made += written if written[:1] == right and not written[1:].strip("&") else right
        made += conn.raw[param.span.start : param.span.end]
        at = param.span.end
    return made + conn.raw[at:]


def percent_encode_password(conn: ConnectionString) -> str:
    """The text with user and password escaped so that every reader reads the same; unchanged if they are.

    Unchanged too where nobody can know where the password ends: `u:p@@h` may have a host or not.
    """
    raw = conn.raw
    if conn.unclear:
        return raw
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


def changes(old: ConnectionString, new: ConnectionString) -> tuple[tuple[int, int, str], ...] | None:
    """What makes `old.raw` to `new.raw`, as (start, end, text) of the old: secrets are neither touched nor carried.

    None where a secret itself changes.
    """
    one, two = _around_secrets(old), _around_secrets(new)
    if [secret for _, _, secret in one] != [secret for _, _, secret in two]:
        return None
    found = []
    for (start, was, _), (_, becomes, _) in zip(one, two, strict=True):
        head = _alike(was, becomes)
        tail = _alike(was[head:][::-1], becomes[head:][::-1])
        if was != becomes:
            found.append((start + head, start + len(was) - tail, becomes[head : len(becomes) - tail]))
    return tuple(found)


def _alike(one: str, two: str) -> int:
    """How many characters two texts begin with that are the same."""
    pairs = enumerate(zip(one, two, strict=False))
    return next((at for at, (left, right) in pairs if left != right), min(len(one), len(two)))


def _around_secrets(conn: ConnectionString) -> list[tuple[int, str, str]]:
    """The stretches of the text between its secrets, each with its place and the secret behind it."""
    found, at = [], 0
    spans = sorted((span.start, span.end) for name, span in conn.spans if name == "secret")
    for start, end in spans:
        if start >= at:
            found.append((at, conn.raw[at:start], conn.raw[start:end]))
        at = max(at, end)
    return [*found, (at, conn.raw[at:], "")]


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
