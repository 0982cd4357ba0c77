"""Python to what rules may know of a file: read by its grammar, whatever Python runs poolcheck."""

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import takewhile

from tree_sitter import Node

from poolcheck.model.facts import Maker
from poolcheck.model.ignores import Comment, Ignores, following, ignores_of
from poolcheck.model.makers import Makers
from poolcheck.model.problem import Location
from poolcheck.model.source import Closed, Mark, Site, SourceFile
from poolcheck.readers import session_state
from poolcheck.readers.python.checkouts import closed_at, tracked
from poolcheck.readers.python.damage import Errors
from poolcheck.readers.python.literals import string
from poolcheck.readers.python.misuse import SENDS, Pools, misuses
from poolcheck.readers.python.options import Values
from poolcheck.readers.python.scope import MOST_CALLS, Scopes
from poolcheck.readers.python.tree import Module, arguments, bare, called, dotted, verb
from poolcheck.readers.syntax import TooMuch, UnreadableSource, field, text
from poolcheck.readers.written_options import Options, WrittenOption

_CLOSES = frozenset({"close", "dispose", "closeall", "terminate", "aclose"})


def read(source: str, path: str, makers: Makers) -> tuple[SourceFile, Ignores, str]:
    """One file, and why parts of it were not looked at: "" when all of it was.

    Raises:
        Unreadable: most of it is not Python, or nobody wrote it by hand.
    """
    try:
        return _read(source, path, makers)
    except TooMuch as error:
        raise UnreadableSource("written by a program: too many places to look at") from error


def _read(source: str, path: str, makers: Makers) -> tuple[SourceFile, Ignores, str]:
    if "\0" in source:
        raise UnreadableSource("holds characters that no source has")
    module = Module(source, path)
    errors = Errors(module)
    if errors.mostly:
        raise UnreadableSource(f"is not Python (line {errors.first})")
    calls = [call for call in module.calls if errors.outside(call)]
    known = {f"{of}.{name}": maker for (of, name), maker in makers.calls.items()}
    settings = {name: maker for maker in known.values() for name in maker.settings}
    if sum(_matters(module, call, known) for call in calls) > 2 * MOST_CALLS:
        raise TooMuch
    scopes = Scopes(module, calls)
    taken = tracked(module, scopes, calls, known)
    found = tuple(_sites(module, scopes, calls, known))
    pools = Pools(module, found)
    made = SourceFile(
        path=path,
        language="python",
        location=Location(path),
        sites=(*found, *_settings(module, settings)),
        checkouts=taken.checkouts,
        misuses=(*taken.misuses, *misuses(module, calls, pools)),
        pools=tuple(pools.marks()),
        state=tuple(_state(module, calls)),
        modules=tuple(Mark(name.partition(".")[0], 1, 1) for name in sorted(set(module.names.values()))),
    )
    return made, _ignores(module), errors.words


def _matters(module: Module, call: Node, makers: Mapping[str, Maker]) -> bool:
    """Whether a call makes or takes a connection, or may."""
    function = called(call)
    return (
        verb(call) in ("connect", "acquire", "getconn")
        or "ession" in dotted(function)
        or module.full(function) in makers
    )


def _sites(module: Module, scopes: Scopes, calls: list[Node], makers: Mapping[str, Maker]) -> Iterator[Site]:
    values = Values(module)
    for call in calls:
        made = makers.get(module.full(called(call))) or makers.get(f"*.{verb(call)}")
        if made is None:
            continue
        given = values.given(call, made.places)
        url, database = _url(values, call, given, made.places)
        if database and not database.startswith(("postgres", "cockroach")):
            continue
        placed = scopes.place(call)
        options = list(values.flat(given, deep=made.depth))
        yield Site(
            made=made,
            call=dotted(called(call))[:60],
            line=module.line(call),
            column=module.column(call),
            scope=placed.scope,
            within=placed.within,
            name=placed.name,
            closed=closed_in(module, call, placed.name),
            listens=made.makes == "connection" and _listens(module, call),
            raced=placed.scope == "cached" and _raced(module, call),
            reached_as=scopes.reached_as(call) if placed.scope == "function" else (),
            options=tuple((key, value) for key, value, _ in options),
            option_lines=tuple(line for _, _, line in options),
            complete=given.complete,
            argument=database,
            url=url,
        )


# What is called by whoever needs the pool; `connect` and `startup` run once.
_GETS = re.compile(r"_{0,2}(?:get|ensure|obtain)_?")


def _raced(module: Module, call: Node) -> bool:
    """Whether another task may pass the same check while this one waits for the pool: `pool = await create_pool()`."""
    function, outer = module.function(call), module.parent(call)
    if function is None or outer is None or outer.type != "await" or module.decorators(function):
        return False
    around = takewhile(lambda each: each != function, module.up(call))
    return _GETS.match(text(field(function, "name"))) is not None and not any(
        each.type == "with_statement" for each in around
    )


def _listens(module: Module, call: Node) -> bool:
    function = module.function(call)
    return function is not None and session_state.LISTENS.search(text(function)) is not None


def _settings(module: Module, settings: Mapping[str, Maker]) -> Iterator[Site]:
    """Where a framework's config is given what holds for a call elsewhere: `NAME = ...`, `config["NAME"] = ...`."""
    values = Values(module)
    for name, made in settings.items():
        for value in values.assigned(name):
            line = module.line(value)
            given = Options({name: WrittenOption(value, line)}, complete=True)
            options = list(values.flat(given, deep=made.depth))
            yield Site(
                made=made, call=name, line=line, column=module.column(value), scope="function", argument="setting",
                options=tuple((key, value) for key, value, _ in options),
                option_lines=tuple(line for _, _, line in options),
            )  # fmt: skip


def _url(values: Values, call: Node, given: Options, places: tuple[str, ...]) -> tuple[str, str]:
    """(what names the URL, its scheme when that is written out); it is no argument that `places` have a name for."""
    named = (given.entries[key].value for key in ("url", "dsn", "conninfo", "db_url") if key in given.entries)
    unnamed = (each for at, each in enumerate(arguments(call)) if at >= len(places) or not places[at])
    written = next(unnamed, None) or next(named, None)
    scheme = values.scheme(written)
    return ("", scheme) if scheme is not None else (values.name(written), "")


def closed_in(module: Module, call: Node, name: str) -> Closed:
    """Whether the function that makes it also closes it."""
    if any(outer.type == "with_item" for outer, _ in zip(module.up(call), range(3), strict=False)):
        return "always"
    function = module.function(call)
    if function is None or not name:
        return "no"
    word = name.encode()
    for item in module.inside(module.with_items, function):
        value = bare(field(item, "value"))
        if value is not None and value.type == "as_pattern":
            value = value.named_children[0]
        if value is not None and module.code.find(word, value.start_byte, value.end_byte) >= 0:
            return "always"
    closes = [closed_at(module, node) for node in _closings(module, name, function)]
    return "always" if "always" in closes else "sometimes" if closes else "no"


def _closings(module: Module, name: str, function: Node) -> Iterator[Node]:
    """Where `name.close()` and its like stand in a function."""
    for closing in _CLOSES:
        for node in module.uses(closing, function):
            outer = module.parent(node)
            if outer is not None and outer.type == "attribute" and field(outer, "attribute") == node:
                if dotted(field(outer, "object"), name.count(".")) == name:
                    yield outer


def _state(module: Module, calls: list[Node]) -> Iterator[Mark]:
    """Session state in SQL that is sent: the argument of execute() and its like."""
    for call in calls:
        sends = verb(call) or dotted(called(call))
        given = next(iter(arguments(call)), None) if sends in SENDS else None
        written = string(given)
        if given is None or written is None:
            continue
        statement = "x".join(written.texts)
        kind = session_state.state_of(statement)
        if kind:
            yield Mark(kind, module.line(given), module.column(given), session_state.beginning(statement))


def _ignores(module: Module) -> Ignores:
    """The ignore comments: behind code for its line, alone for the statement below."""
    comments = [
        Comment(text(node), module.line(node), not module.before(node).strip()) for node in module.comments()
    ]
    if not comments:
        return Ignores()
    rows = module.code.decode("utf-8", "replace").split("\n")
    code = following([re.match(r"\s*(?:#|$)", row) is None for row in rows])

    def below(line: int) -> Iterable[int]:
        """The lines of a statement; of a function or class its first one alone."""
        first = code[line]
        if not first:
            return ()
        statement = module.statements.get(first)
        if statement is None or statement.type in ("function_definition", "class_definition"):
            return (first,)
        return range(first, statement.end_point.row + 2)

    return ignores_of(comments, below)
