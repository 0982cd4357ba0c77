"""Connections and sessions in Python that are bound to a name instead of a `with`, and whether they are given back."""

import re
from collections.abc import Mapping
from itertools import takewhile
from typing import NamedTuple

from tree_sitter import Node

from poolcheck.model.facts import Maker
from poolcheck.model.source import Checkout, Closed, Misuse
from poolcheck.readers.flow import Followed, What, follow
from poolcheck.readers.python.paths import Events, Paths
from poolcheck.readers.python.scope import Scopes, bound, is_value, name_of
from poolcheck.readers.python.tree import Module, arguments, called, dotted, verb
from poolcheck.readers.syntax import field, text, within

_TAKES = frozenset({"getconn", "acquire"})  # of a pool: a slot is lost until it is given back
_SESSIONS = re.compile(
    r"(?:^|\.)(?:\w*SessionLocal|\w*session_?maker|\w*session_factory|AsyncSession|Session)$", re.IGNORECASE
)
_SESSION_MODULES = ("sqlalchemy", "sqlmodel")
# A dependency of FastAPI that is called by hand: `next(get_db())` drops the generator, and with it what would have closed the session.
_DEPENDENCIES = re.compile(r"(?:^|\.)get_(?:async_)?(?:db|session|db_session)$")
_OTHER_POOLS = re.compile(r"(?i)lock|sem|limiter|redis|aiomysql|mysql|aioodbc|motor")


_KEPT = frozenset({"closing", "enter_context", "enter_async_context", "callback", "push_async_callback"})
_GIVES_BACK = re.compile(r"putconn|release|clos|cleanup|callback|push|enter|set_|append|return")
_CLOSES = frozenset({"close", "aclose", "release", "remove", "terminate"})


class Tracked(NamedTuple):
    """The connections that a file takes, and what is done with them that goes wrong."""

    checkouts: tuple[Checkout, ...]
    misuses: tuple[Misuse, ...]


def tracked(module: Module, scopes: Scopes, calls: list[Node], makers: Mapping[str, Maker]) -> Tracked:
    """What is taken and bound to a name in a function, and what becomes of it on each way."""
    uses_pool = any(
        name.startswith(("asyncpg", "psycopg", "psycopg2", "psycopg_pool")) for name in module.names.values()
    )
    found: list[Checkout] = []
    wrong: list[Misuse] = []
    for call in calls:
        function = module.function(call)
        taken = _taken(module, call, makers, uses_pool=uses_pool) if function is not None else ""
        if function is None or not taken:
            continue
        name = bound(module, call)
        if not name:
            lost = _returned_dependency(module, scopes, call, function) or _given_away(module, scopes, call)
            if taken == "session" and lost:
                found.append(_made(module, call, function, name="", back="", verdict=("no", 0)))
            continue
        if "." in name or (taken != "slot" and scopes.place(call).scope != "request"):
            continue
        events = _events(module, name, call, function)
        followed = follow(Paths(name, events).block(field(function, "body")), function.end_point.row + 1)
        verdict = _verdict(events, followed)
        if verdict[0] == "no" or verdict[1] or (verdict[0] == "sometimes" and taken == "slot"):
            back = _back(call, name, slot=taken == "slot")
            found.append(_made(module, call, function, name=name, back=back, verdict=verdict))
        if verb(call) == "getconn":  # the other pools take no notice
            for line in sorted(followed.twice):
                wrong.append(Misuse(kind="twice", line=line, column=1, on=name, within=name_of(function)))
    return Tracked(tuple(found), tuple(wrong))


def _taken(module: Module, call: Node, makers: Mapping[str, Maker], *, uses_pool: bool) -> str:
    """What a call takes: "slot" of a pool, "session", "connection"; "" for nothing."""
    taking, owner = verb(call), dotted(called(call)).rpartition(".")[0]
    if taking in _TAKES and owner and not _OTHER_POOLS.search(owner):
        if taking == "getconn" or ("pool" in owner.lower() and uses_pool):
            return "slot"
    full = module.full(called(call))
    if _SESSIONS.search(full) and (full.startswith(_SESSION_MODULES) or "SessionLocal" in full):
        return "session"
    if full in ("next", "anext") and (given := arguments(call)):
        inner = given[0] if given[0].type == "call" else None
        if inner is not None and _DEPENDENCIES.search(dotted(called(inner))):
            return "session"
    of_engine = taking == "connect" and owner.endswith("engine") and not arguments(call)
    made = makers.get(full)
    return "connection" if of_engine or (made is not None and made.makes == "connection") else ""


def _back(call: Node, name: str, *, slot: bool) -> str:
    """What gives it back."""
    owner = dotted(called(call)).rpartition(".")[0]
    if verb(call) == "getconn":
        return f"{owner}.putconn({name})"
    return f"{owner}.release({name})" if slot else f"{name}.close()"


def _made(
    module: Module, call: Node, function: Node, *, name: str, back: str, verdict: tuple[Closed, int]
) -> Checkout:
    return Checkout(
        call=text(call)[:40] if verb(call) in ("next", "anext") else f"{dotted(called(call))[-40:]}()",
        name=name,
        line=module.line(call),
        column=module.column(call),
        give_back=back,
        returned=verdict[0],
        left_at=verdict[1],
        within=name_of(function),
    )


def _returned_dependency(module: Module, scopes: Scopes, call: Node, function: Node) -> bool:
    """`return SessionLocal()` in a FastAPI dependency: nobody closes it."""
    outer = module.parent(call)
    return outer is not None and outer.type == "return_statement" and name_of(function) in scopes.depends


def _given_away(module: Module, scopes: Scopes, call: Node) -> bool:
    """`work(SessionLocal())` in what runs for each request or job: only a function that closes what it is given could close it."""
    taker = module.parent(call)
    if taker is None or call not in arguments(taker) or scopes.place(call).scope != "request":
        return False
    name = dotted(called(taker)).rpartition(".")[2]
    if not name.islower() or name in _KEPT or _GIVES_BACK.search(name):
        return False
    defined = (module.parent(use) for use in module.named(name))
    own = next((each for each in defined if each is not None and each.type == "function_definition"), None)
    return own is None or not re.search(r"\bclose\b|\bwith\b", text(own))


def _verdict(events: Events, followed: Followed) -> tuple[Closed, int]:
    """(how surely it is given back, the line on which it is lost although nothing is raised)."""
    lost, raised = followed.left(threw=False), followed.left(threw=True)
    said = set(events.values())
    if not said & {"give", "perhaps", "gone"}:
        return ("no" if lost or raised else "always"), 0
    if lost and "gone" not in said:
        return "sometimes", lost[0].line
    return ("sometimes" if raised and "gone" not in said else "always"), 0


def _events(module: Module, name: str, call: Node, function: Node) -> dict[int, What]:
    """What each use of the connection does to it, by where it stands."""
    made: dict[int, What] = {}
    for node in module.uses(name, function):
        outer = module.parent(node)
        if outer is None or within(call, outer):
            continue
        what = _use(module, node, outer)
        if what:
            made[node.start_byte] = what
    attribute = called(call)
    while attribute is not None and attribute.type == "attribute":
        attribute = field(attribute, "object")
    if attribute is not None:
        made[attribute.start_byte] = "take"
    return made


def _use(module: Module, node: Node, outer: Node) -> What | None:
    """What one use of a connection does to it; None: nothing."""
    if outer.type in ("with_item", "return_statement", "lambda"):
        return "gone"
    if outer.type in _INSIDE:
        above = next((each for each in module.up(outer) if each.type not in _INSIDE), None)
        return "gone" if above is None or above.type in ("return_statement", "yield", "assignment") else None
    if outer.type == "assignment" and field(outer, "type") is None and is_value(outer, node):
        return "gone"
    if outer.type == "keyword_argument":
        above = module.parent(outer)
        return _handed(above, node) if above is not None and above.type == "call" else None
    if outer.type == "call":
        return _handed(outer, node)
    if not _closes(outer, node):
        return None
    above = module.parent(outer)
    return "give" if above is not None and above.type == "call" else "perhaps"


_INSIDE = frozenset({"expression_list", "tuple", "list", "dictionary", "pair", "set"})


def _closes(outer: Node, node: Node) -> bool:
    owner = field(outer, "object") if outer.type == "attribute" else None
    return owner is not None and within(node, owner) and text(field(outer, "attribute")) in _CLOSES


def _handed(call: Node, node: Node) -> What | None:
    """What it says that a connection is an argument of a call; gone: an object holds it now."""
    function_part = field(call, "function")
    if function_part is not None and within(node, function_part):
        return None
    taker = dotted(called(call)).rpartition(".")[2]
    if taker in ("putconn", "release"):
        return "give"
    if taker in _KEPT:
        return "gone"
    if _GIVES_BACK.search(taker):
        return "perhaps"
    return "gone" if taker[:1].isupper() else None


def closed_at(module: Module, node: Node, function: Node | None = None) -> Closed:
    """How surely what stands at `node` runs: in `finally`, always. Looked at as far as `function`, if one is given."""
    around = takewhile(lambda outer: outer != function, module.up(node))
    return "always" if any(outer.type == "finally_clause" for outer in around) else "sometimes"
