"""Go, Java, Kotlin, C# and Rust to what the map may know of a file: the pools that it makes."""

import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from poolcheck.model.facts import Maker
from poolcheck.model.ignores import Ignores
from poolcheck.model.makers import Makers
from poolcheck.model.problem import Location
from poolcheck.model.source import Language, Scope, Site, SourceFile
from poolcheck.readers.code.grammar import grammar, part
from poolcheck.readers.code.numbers import Meanings
from poolcheck.readers.code.objects import Assigned, Call, CodeFile, Function, Slot
from poolcheck.readers.syntax import TooMuch, UnreadableSource, text

_MOST_SITES = 100  # of one file; nobody writes more by hand
_MOST_OPTIONS = 60
_DATABASE = re.compile(r"(?i)jdbc:(?:\w+:)??(\w+):|r2dbc:(?:pool:)?(\w+):|^[\"'`]?(\w{3,20})://")
_POSTGRES = re.compile(r"(?i)postgres|pgx|^[\"'`]?pq[\"'`]?$|cockroach|pgdriver|cloudsqlpostgres")
_STRING_NAME = re.compile(r"[A-Z0-9_]{0,60}?(?:URL|URI|DSN|CONN)[A-Z0-9_]{0,60}")
_NONE_YET = re.compile(r"==\s*(?:null|nil)\b|\bisClosed\b|!\s*\w{0,40}(?i:initiali[sz]ed|containsKey)")
_ONE_ALREADY = re.compile(r"!=\s*(?:null|nil)\b[^{};]{0,60}\{?\s{0,200}return\b")
_PATH = re.compile(r"/[\w/{}:.*-]{0,80}")
_OTHER_DRIVER = re.compile(
    r"(?i)(?:com|org|oracle)\.[\w.]{0,60}?(?:mysql|mariadb|h2|sqlite|sqlserver|oracle|hsqldb|derby)"
)


def read(code: bytes, path: str, kind: Language, makers: Makers) -> tuple[SourceFile, Ignores]:
    """One file.

    Raises:
        UnreadableSource: nobody wrote it by hand, or it is not of that language.
    """
    try:
        module = CodeFile(code, grammar(kind), *_links(makers))
        if module.root.type == "ERROR":
            raise UnreadableSource("does not parse")
        sites = tuple(_sites(module, makers))
    except TooMuch as error:
        raise UnreadableSource("written by a program: too many places to look at") from error
    return SourceFile(path=path, language=kind, location=Location(path), sites=sites), Ignores()


def _links(makers: Makers) -> tuple[frozenset[str], frozenset[str]]:
    made = set(makers.calls.values())
    through = {name for each in made for name in each.same}
    handed = {f"{module}.{name}" for each in made for module, name in each.handed_to}
    return frozenset(through), frozenset(handed)


def _maker(module: CodeFile, call: Call, makers: Makers) -> Maker | None:
    full = module.full(call)
    found = makers.calls.get(("*", call.name))
    if found is None and full:
        of, _, name = full.rpartition(".")
        head, _, last = of.rpartition(".")
        found = makers.calls.get((of, name)) or makers.calls.get((head, f"{last}.{name}"))
        found = found or makers.calls.get((f"*/{of.rpartition('/')[2]}", name))
        for package in module.every if found is None else ():
            found = found or makers.calls.get((package, full))
    return found if found is not None and (call.new or not found.new) else None


def _sites(module: CodeFile, makers: Makers) -> Iterator[Site]:
    values = Meanings(module)
    made = [(call, found) for call in module.calls if (found := _maker(module, call, makers)) is not None]
    if len(made) > _MOST_SITES:
        raise TooMuch
    members: dict[Slot, list[Call]] = {}
    if made:
        for call in module.calls:
            members.setdefault(module.same((call.node.id, "")), []).append(call)
    for call, maker in made:
        own = module.same((call.node.id, ""))
        slots = [own] + [
            module.same(slot)
            for place in maker.configs
            if place < len(call.given) and (slot := module.slot(call.given[place][1])) is not None
        ]
        slots = list(dict.fromkeys(slots))
        around = [each for slot in slots for each in members.get(slot, ())]
        settings = [
            each
            for slot in slots
            for each in module.settings.get(slot, ())
            if _before(module, each, call, slot == own)
        ]
        if any(each.name in maker.given_options for each in settings) or _configured(module, around):
            continue
        site = _site(values, _Made(call, maker, around, settings))
        if site is not None:
            yield site


def _configured(module: CodeFile, around: Sequence[Call]) -> bool:
    """Whether a config file that is read elsewhere makes the pool, or what it is made of."""
    functions = (module.function(each.node) for each in around)
    return any(module.grammar.configured.search(each.head) for each in functions if each is not None)


def _before(module: CodeFile, setting: Assigned, call: Call, own: bool) -> bool:
    """Whether something set on a config is set when the pool is made of it."""
    same = module.function(setting.at) == module.function(call.node)
    return own or not same or setting.at.start_byte < call.node.end_byte


class _Made(NamedTuple):
    """A call that makes a pool, the calls that made what it is made of, and what is set on any of it."""

    call: Call
    maker: Maker
    around: Sequence[Call]
    settings: Sequence[Assigned]


def _site(values: Meanings, made: _Made) -> Site | None:
    module, (call, maker, around, settings) = values.module, made
    by_name: dict[str, list[Assigned]] = {}
    for each in settings:
        by_name.setdefault(each.name, []).append(each)
    options = [
        (name, values.option(many, call.node), module.line(many[-1].at))
        for name, many in list(by_name.items())[:_MOST_OPTIONS]
    ]
    for place, name in enumerate(maker.places):
        if place < len(call.given) and name:
            value = call.given[place][1]
            options.append((name, values.option([Assigned(name, value, call.node)]), module.line(value)))
    asked = [value for each in around for _, value in each.given] + [each.value for each in settings]
    written = [said for value in asked for said in values.texts(value)]
    argument = _database(written, call, values, maker)
    if argument is None:
        return None
    for name in maker.string_options:
        options += [(name, said, module.line(call.node)) for said in _in_strings(name, written)]
    scope, within = _place(module, call)
    named = [found for value in asked if (found := values.name(value))]
    variables = list(dict.fromkeys(name for name in named if _STRING_NAME.fullmatch(name)))
    return Site(
        made=maker,
        call=_words(module, call),
        line=module.line(call.node),
        column=module.column(call.node),
        scope=scope,
        within=within,
        options=tuple((name, said) for name, said, _ in options),
        option_lines=tuple(line for _, _, line in options),
        complete=_complete(module, made),
        argument=argument,
        url=variables[0] if len(variables) == 1 else "",
    )


def _words(module: CodeFile, call: Call) -> str:
    words = ".".join(filter(None, [module.dotted(call.owner), call.name]))
    return (f"new {words}" if call.new else words)[:60]


def _database(written: Sequence[str], call: Call, values: Meanings, maker: Maker) -> str | None:
    """Postgres where a string or a driver's name says so, "" where nothing does; None for another database."""
    if maker.any_database and call.given:
        first = [value for _, value in call.given[:2]]  # a context may stand before the driver's name
        driver = next((found for value in first if (found := values.texts(value))), [])
        if any(_POSTGRES.search(each) for each in [*driver, text(first[0])]):
            return "postgres"
        return None if driver else ""
    for each in written:
        scheme = _DATABASE.search(each)
        said = next(filter(None, scheme.groups()), "") if scheme is not None else ""
        if said and said.lower() not in ("http", "https", "classpath", "file"):
            return (
                "postgres" if _POSTGRES.search(said) or said.lower() in ("pgsql", "aws", "wrapper") else None
            )
        if _OTHER_DRIVER.search(each):
            return None
        if "org.postgresql" in each:
            return "postgres"
    return ""


def _in_strings(name: str, written: Sequence[str]) -> Iterator[str]:
    """What a parameter of a connection string is set to where that is written out."""
    pattern = re.compile(rf"(?i)\b{re.escape(name)}\s*=\s*(\d{{1,9}})?")
    for each in written:
        found = pattern.search(each)
        if found is not None:
            yield found[1] or "..."
            return


def _complete(module: CodeFile, made: _Made) -> bool:
    """Whether nothing besides what was read can set an option: each object is made here, and no stranger gets it."""
    call, maker, function = made.call, made.maker, module.function(made.call.node)
    if not call.given and not made.settings:
        return False  # filled in by a framework, or a file of its own
    if function is not None and "ConfigurationProperties" in function.head:
        return False
    for place in maker.configs:
        slot = module.slot(call.given[place][1]) if place < len(call.given) else None
        if slot is None:
            continue
        ours = [each for each in made.around if module.same((each.node.id, "")) == module.same(slot)]
        if not any(each.name in maker.config_calls and not each.given for each in ours):
            return False
        known = {call.node.id, *(each.node.id for each in made.around)}
        if any(_takes(module, other, slot) for other in module.calls if other.node.id not in known):
            return False
    return True


def _takes(module: CodeFile, call: Call, slot: Slot) -> bool:
    """Whether a call that is not of this file is given an object."""
    if module.by_name.get(call.name):
        return False
    slots = [module.slot(value) for _, value in call.given]
    return any(each is not None and module.same(each) == module.same(slot) for each in slots)


def _place(module: CodeFile, call: Call) -> tuple[Scope, str]:
    """How often the call runs, as far as the file says."""
    found = _look(module, call)
    function = module.function(call.node)
    if found[0] != "function" or function is None:
        return found
    while not function.name and (outer := module.function(function.node)) is not None:
        function = outer
    for caller in module.called.get(function.name, ())[:50] if function.name else ():
        if module.grammar.makes_new and caller.owner is not None and text(caller.owner) != "this":
            continue  # a method of the same name, and of another class
        placed = _look(module, caller)
        if placed[0] == "request":
            return placed
        if placed[0] == "module":
            found = placed
    return found


def _look(module: CodeFile, call: Call) -> tuple[Scope, str]:
    table, function = module.grammar, module.function(call.node)
    if function is None:
        return "module", ""
    around, node = [function], function.node
    while (outer := module.function(node)) is not None:
        module.spend(10)
        around.append(outer)
        node = outer.node
    given = {each.node.id: _given_to(module, each) for each in around if not each.name}
    if any(table.once.search(words) for words, _ in given.values() if words) or _guarded(
        module, call, function
    ):
        return "cached", ""
    for each in around:
        words, path = given.get(each.node.id, ("", ""))
        if path and words.rpartition(".")[2] in table.routes:
            return "request", f"the handler of {path}"
        if table.handlers.search(each.head):
            return "request", f"the handler {each.name}()" if each.name else "a handler"
    if any(table.entry.fullmatch(each.name) for each in around if each.name):
        return "module", ""
    if any(table.once.search(each.head) for each in around):
        return "cached", ""
    return "function", ""


def _guarded(module: CodeFile, call: Call, function: Function) -> bool:
    """Whether it is made only where there is none yet: `if (pool == null) { ... }`, `if (pool != null) return pool;`."""
    for outer in module.up(call.node):
        if outer == function.node:
            break
        if outer.type in module.grammar.branches and _NONE_YET.search(text(part(outer, "condition"))):
            return True
    before = module.code[function.node.start_byte : call.node.start_byte][-2000:].decode("utf-8", "replace")
    return _ONE_ALREADY.search(before) is not None


def _given_to(module: CodeFile, closure: Function) -> tuple[str, str]:
    """The call that a closure is given to, and the path that stands before it: ("app.get", "/users")."""
    for outer in islice(module.up(closure.node), 4):
        call = module.call_at(outer)
        if call is None:
            continue
        owner = module.dotted(call.owner)
        words = f"{owner}.{call.name}" if owner else call.name
        said = text(call.given[0][1]).strip("\"'`") if call.given else ""
        if words:
            return words[-100:], said if _PATH.fullmatch(said) else ""
    return "", ""
