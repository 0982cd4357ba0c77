"""Somebody else's program by its image: where its variables lead, the pools that it makes, and how often. The catalogue knows."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from poolcheck.connection.parse import from_parts, parse
from poolcheck.connection.string import ConnectionString
from poolcheck.model.amount import Amount, at_least, exact, plus, times
from poolcheck.model.connection_map import Pool
from poolcheck.model.facts import Image, ImageNumber
from poolcheck.model.problem import Location
from poolcheck.project.mapping.draft import MapDraft, Way, string_in
from poolcheck.project.mapping.ends import Standing
from poolcheck.project.mapping.process_counts import ONE
from poolcheck.project.mapping.written import Variable, host_and_port
from poolcheck.record import dataclass

_PG = re.compile(r"pg://([\w.-]{1,253})(?::(\d{1,5}))?(?![\w.:@-])")
_WHOLE = re.compile(r"[0-9]{1,6}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Theirs:
    """What one container of a known image does."""

    speaks: bool  # whether it may use PostgreSQL
    ways: tuple[Way, ...]  # () where none of its own variables is there
    pools: tuple[Pool, ...]
    processes: Amount
    unseen: Variable | None = None  # what leads it to its server, where a file sets that which is not here


def known(
    draft: MapDraft,
    image: Image,
    variables: Iterable[Variable],
    standing: Standing,
    *,
    complete: bool,
    where: tuple[str, Location] | None = None,
) -> Theirs:
    """What the variables of a container make of its image.

    The first variable of a name counts. `complete`: nothing else sets variables. Where something may, a default may not hold, and is not
    taken. `where`: the workload's name and place, where it is named even if none of its own variables is here.
    """
    given: dict[str, Variable] = {}
    for each in variables:
        given.setdefault(each.name, each)
    return Theirs(
        speaks=_speaks(image, given), ways=tuple(_ways(draft, image, given, standing)),
        unseen=None if complete or where is None else _unseen(image, given, *where),
        pools=tuple(_pool(image, each, given, complete=complete) for each in image.pools if _holds(each, given)),
        processes=times(*(_times(each, given, complete=complete) for each in image.processes)) if image.processes else ONE,
    )  # fmt: skip


def _first(names: Sequence[str], given: Mapping[str, Variable]) -> tuple[str, Variable] | None:
    return next(((name, given[name]) for name in names if name in given and given[name].text != ""), None)


def _holds(number: ImageNumber, given: Mapping[str, Variable]) -> bool:
    name, equals, value = number.where.partition("=")
    if name.startswith("!"):
        return name[1:] not in given
    return not name or (name in given and (not equals or given[name].text == value))


def _speaks(image: Image, given: Mapping[str, Variable]) -> bool:
    """Whether it may use PostgreSQL: not where the variable that chooses among databases names another."""
    said = _first(image.engine, given)
    return said is None or said[1].text is None or said[1].text.lower() in image.postgres


def _unseen(image: Image, given: Mapping[str, Variable], name: str, at: Location) -> Variable | None:
    """The variable of a program that has no other database, or is told to use this one."""
    said = _first(image.engine, given)
    if image.engine and (said is None or (said[1].text or "").lower() not in image.postgres):
        return None
    variable = next(iter((*image.url, *image.host)), "")
    return Variable(variable, None, at, f"{variable} of {name}") if variable else None


def _ways(draft: MapDraft, image: Image, given: Mapping[str, Variable], standing: Standing) -> Iterator[Way]:
    """Each string of its own, else the host in parts."""
    strings = [(name, given[name]) for name in image.url if name in given and given[name].text != ""]
    for name, text in strings:
        if text.text is None:
            yield draft.referred(name, text.reference, text.place)
        elif (conn := string_in(text.text) or _in_pg(text.text)) is not None:
            way = draft.way(name, conn, text.place, None, standing)
            if way is not None:
                yield way
    said = _first(image.host, given)
    if strings or said is None:
        return
    name, text = said
    if text.text is None:
        yield draft.referred(name, text.reference, text.place)
        return
    host, port = host_and_port(text.text)
    rest = {key: _value(names, given) for key, names in (("port", image.port), ("user", image.user), ("database", image.dbname))}  # fmt: skip
    number = port or rest["port"] or ""
    conn = from_parts(
        host=host,
        port=number if _WHOLE.fullmatch(number) else None,
        user=rest["user"],
        database=rest["database"],
    )
    way = draft.way(name, conn, text.place, None, standing)
    if way is not None:
        yield way


def _in_pg(text: str) -> ConnectionString | None:
    """`pg://host:port?...`, whose parameters are not libpq's."""
    found = _PG.match(text)
    return from_parts(host=found[1], port=found[2]) if found else None


def _value(names: Sequence[str], given: Mapping[str, Variable]) -> str | None:
    said = _first(names, given)
    return said[1].text if said else None


def _pool(image: Image, known: ImageNumber, given: Mapping[str, Variable], *, complete: bool) -> Pool:
    size = _in_string(image, known, given)
    if size is None:
        size = _number(known.title, known.variables, known.default, known.why, given, complete=complete)
    if isinstance(size, Amount) and known.beyond:
        more = _number(f"{known.title}, beyond its size", known.beyond, known.beyond_default, "", given, complete=complete, zero=True)  # fmt: skip
        size = plus(size, more) if isinstance(more, Amount) else more
    said = _first(known.variables, given)
    return Pool(
        driver="", title=known.title, place=said[1].place if said else None,
        size=size if isinstance(size, Amount) else None, why="" if isinstance(size, Amount) else size,
        code=" ".join((f"{known.variables[0]}={{size}}", *(f"{name}=0" for name in known.beyond[:1]))) if known.variables else "",
    )  # fmt: skip


def _in_string(image: Image, known: ImageNumber, given: Mapping[str, Variable]) -> Amount | str | None:
    """What a parameter of its string says; in words where the string is not here."""
    said = _first(image.url, given) if known.params else None
    if said is None:
        return None
    name, text = said
    conn = parse(text.text) if text.text is not None else None
    if conn is None:
        return f"{known.title}: {name} is filled in when it is deployed"
    for param in known.params:
        value = conn.param(param)
        if value is not None and _WHOLE.fullmatch(value) and int(value) > 0:
            return exact(int(value), f"{param}={value}", text.place)
    return None


def _times(known: ImageNumber, given: Mapping[str, Variable], *, complete: bool) -> Amount:
    number = _number(known.title, known.variables, known.default, known.why, given, complete=complete)
    return number if isinstance(number, Amount) else at_least(1, number)


def _number(
    title: str,
    names: Sequence[str],
    default: int | None,
    why: str,
    given: Mapping[str, Variable],
    *,
    complete: bool,
    zero: bool = False,
) -> Amount | str:
    """What the first variable that is set says, else the default; in words why neither is known."""
    said = _first(names, given)
    if said is None:
        if default is None:
            return f"{title}: {why}"
        if names and not complete:
            return f"{title}: {names[0]} may be set in a file that is not here"
        return exact(default, f"{title}: {default} by default", None, "catalogue")
    name, text = said
    if text.text is None:
        return f"{title}: {name} is filled in when it is deployed"
    if _WHOLE.fullmatch(text.text) is None or (int(text.text) == 0 and not zero):
        return f"{title}: {name} says no number that limits it"
    return exact(int(text.text), f"{name}={text.text}", text.place)
