"""Where a program connects by what its deployment sets: strings, hosts in variables of their own, and names of secrets."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from poolcheck.connection.parse import from_parts, looks_like_connection_string
from poolcheck.model.problem import Location
from poolcheck.model.project import Package
from poolcheck.model.roles import (
    KIND_VARIABLES,
    PARTS_HOST,
    POSTGRES_PORTS,
    POSTGRES_WORDS,
    only_postgres,
)
from poolcheck.project.mapping.draft import MapDraft, Way, string_in
from poolcheck.project.mapping.ends import Standing
from poolcheck.readers.deploy.compose import address

_HOST = re.compile(
    r"[\w.]*(?:HOST|HOSTNAME|HOST_NAME|ADDR|ADDRESS|SERVER|SEEDS)", re.IGNORECASE
)  # with dots: values of a chart
_OF_POSTGRES = re.compile(
    r"PGHOST|(?:\w*_)?(?:POSTGRES(?:QL)?|PGSQL)_+(?:HOST|HOSTNAME|HOST_NAME|ADDR|ADDRESS|SERVER|SEEDS)"
    r"|(?i:(?:[\w-]+\.){0,8}[\w-]{0,40}(?:postgres|pgsql)[\w-]{0,40}\.[\w.-]+)"  # externalPostgresql.host, of a chart's values
)
_KINDS = ("TYPE", "ENGINE", "DRIVER", "DIALECT", "CLIENT", "KIND", "VENDOR", "CONNECTION", "DB_TYPE")
_CHART_KIND = re.compile(r"(?i)(?:[\w-]+\.){1,8}(?:db_?type|type|driver|engine|dialect)")
_MOST = 200  # words of a command that are looked at


class Variable(NamedTuple):
    """A variable as a deployment file sets it."""

    name: str
    text: str | None  # None: it is not in the repository
    place: Location
    reference: str = ""  # the secret, parameter or database that holds it then; "": its own name
    a_string: bool = False  # it is one of PostgreSQL's, as far as it is known


def variable_of(name: str, text: str, place: Location) -> Variable:
    """A variable whose text may have parts that are filled in: a string without its host leads to what that is filled in with."""
    whole = _keywords(text) or address(text)
    if whole is None and "://" in text:
        host = re.split(r"[/?]", text.partition("://")[2].rpartition("@")[2])[0]
        return Variable(
            name,
            None,
            place,
            "".join(re.findall(r"\A\$[{(]?(\w+)", host)),
            looks_like_connection_string(text),
        )
    return Variable(name, whole or "", place)


def _keywords(text: str) -> str | None:
    """`Host=db;Password=${PASSWORD}` with whatever is filled in beside the host; None: it is no such text, or its host is filled in."""
    if ";" not in text or "$" not in text or not looks_like_connection_string(text):
        return None
    made = re.sub(r"\$\{[^{}]*\}|\$\w+", "filled-in", text)
    host = re.search(r"(?i)(?:\A|;)\s*(?:host|server)\s*=\s*([^;]*)", made)
    return made if host is not None and "filled-in" not in host[1] else None


def ways(
    draft: MapDraft,
    variables: Sequence[Variable],
    package: Package | None,
    place: Standing,
    command: Sequence[str] = (),
) -> Iterator[Way]:
    """Every way of a program, in the order of its variables; those of its command behind."""
    for each in variables:
        way: Way | None = None
        if each.a_string:
            way = draft.by_reference(each.name, each.reference, each.place)
        elif each.text is None:
            way = draft.unread(each.name, each.reference, each.place, package)
        elif (conn := string_in(each.text)) is not None and conn.host:
            way = draft.way(each.name, conn, each.place, package, place)
            if way is not None and way.target is not None:
                way = replace(way, target=replace(way.target, origin="deployment"))
        if way is not None:
            yield way
    yield from _of_hosts(draft, variables, package, place)
    at = variables[0].place if variables else Location("")
    for word in command[:_MOST]:
        option, _, behind = word.partition("=") if word.startswith("-") else ("", "", word)
        conn = string_in(behind)
        if (
            conn is not None
            and conn.host
            and (way := draft.way(option.removeprefix("-D").lstrip("-"), conn, at, package, place))
        ):
            yield way


def _of_hosts(
    draft: MapDraft, variables: Sequence[Variable], package: Package | None, place: Standing
) -> Iterator[Way]:
    """A host in a variable of its own: one that the files run, or one whose variable is PostgreSQL's."""
    every = {each.name: each.text for each in variables}
    for each in variables:
        if _HOST.fullmatch(each.name) is None and _CHART_KIND.fullmatch(each.name) is None:
            continue
        host, port = host_and_port(each.text or "")
        beside = PARTS_HOST.get(each.name, ("",))[0] or re.sub(r"HOST(?:_?NAME)?$", "PORT", each.name)
        port = port or every.get(beside) or ""
        is_postgres = (
            _OF_POSTGRES.fullmatch(each.name) is not None
            or _of_kind(each.name, every)
            or (
                each.name in PARTS_HOST
                and (_speaks(every, port) or (package is not None and _alone(every, port, package)))
            )
        )
        if each.text is None:
            if is_postgres:
                end = draft.ends.of_reference(each.reference or each.name)
                yield Way(variable=each.name, role="app", end=end, place=each.place)
        elif is_postgres or draft.ends.runs(host, place):
            conn = from_parts(host=host, port=port if port.isdigit() else None)
            way = draft.way(each.name, conn, each.place, package, place)
            if way is not None:
                yield way


def host_and_port(text: str) -> tuple[str, str]:
    """`host:port` in two; of a host alone, or an IPv6 address, the port is ""."""
    host, _, port = text.partition(":") if text.count(":") == 1 else (text, "", "")
    return host, port


def _of_kind(name: str, every: dict[str, str | None]) -> bool:
    """Whether a variable beside a host's says PostgreSQL: SHOP_DATABASE_TYPE of SHOP_DATABASE_HOST; of a chart the kind alone is there."""
    head = re.sub(r"(?i)(?:HOST(?:_?NAME)?|ADDR(?:ESS)?|SERVER)$", "", name)
    kinds = (every.get(f"{head}{kind}") for kind in _KINDS) if head != name else ()
    if _CHART_KIND.fullmatch(name) is not None and (own := every.get(name, "")) != "":
        return own is None or POSTGRES_WORDS.search(own) is not None  # None: a release's, which was looked at
    return any(POSTGRES_WORDS.search(each or "") for each in kinds)


def _alone(every: dict[str, str | None], port: str, package: Package) -> bool:
    """Whether DB_HOST is PostgreSQL's by its program: nothing says what it is, and the program has no other driver."""
    said = any(name in every for name in KIND_VARIABLES)
    of_other = port.isdigit() and port not in POSTGRES_PORTS
    return not said and not of_other and only_postgres(package.dependencies)


def _speaks(every: dict[str, str | None], port: str) -> bool:
    """Whether DB_HOST is PostgreSQL's: by what is said of the kind of database, else by the port."""
    said = [every[name] or "" for name in KIND_VARIABLES if name in every]
    return any(POSTGRES_WORDS.search(each) for each in said) if said else port in POSTGRES_PORTS
