"""Connections and sessions in Python that are bound to a name instead of a `with`, and whether they are given back."""

import re
from collections.abc import Iterator, Mapping
from itertools import takewhile

from tree_sitter import Node

from poolcheck.model.facts import Maker
from poolcheck.model.source import Checkout, Closed
from poolcheck.readers.python.scope import Scopes, bound, is_value, name_of
from poolcheck.readers.python.tree import Module, arguments, called, dotted, verb
from poolcheck.readers.syntax import field, text, within

_TAKES = frozenset({"getconn", "acquire"})  # of a pool: a slot is lost until it is given back
_SESSIONS = re.compile(
    r"(?:^|\.)(?:\w*SessionLocal|\w*session_?maker|\w*session_factory|AsyncSession|Session)$", re.IGNORECASE
)
_SESSION_MODULES = ("sqlalchemy", "sqlmodel")
_OTHER_POOLS = re.compile(r"(?i)lock|sem|limiter|redis|aiomysql|mysql|aioodbc|motor")


_KEPT = frozenset({"closing", "enter_context", "enter_async_context", "callback", "push_async_callback"})
_GIVES_BACK = re.compile(r"putconn|release|clos|cleanup|callback|push|enter|set_|append|return")
_CLOSES = frozenset({"close", "aclose", "release", "remove", "terminate"})


def checkouts(
    module: Module, scopes: Scopes, calls: list[Node], makers: Mapping[str, Maker]
) -> Iterator[Checkout]:
    """What is taken and bound to a name in a function, with how it is given back."""
    uses_pool = any(
        name.startswith(("asyncpg", "psycopg", "psycopg2", "psycopg_pool")) for name in module.names.values()
    )
    for call in calls:
        function = module.function(call)
        taken = _taken(module, call, makers, uses_pool=uses_pool) if function is not None else ""
        if function is None or not taken:
            continue
        name = bound(module, call)
        if not name:
            if taken == "session" and _returned_dependency(module, scopes, call, function):
                yield _made(module, call, function, name="", back="", returned="no")
            continue
        if "." in name or (taken != "slot" and scopes.place(call).scope != "request"):
            continue
        returned = _returned(module, name, function)
        if returned == "no" or (returned == "sometimes" and taken == "slot"):
            back = _back(call, name, slot=taken == "slot")
            yield _made(module, call, function, name=name, back=back, returned=returned)


def _taken(module: Module, call: Node, makers: Mapping[str, Maker], *, uses_pool: bool) -> str:
    """What a call takes: "slot" of a pool, "session", "connection"; "" for nothing."""
    taking, owner = verb(call), dotted(called(call)).rpartition(".")[0]
    if taking in _TAKES and owner and not _OTHER_POOLS.search(owner):
        if taking == "getconn" or ("pool" in owner.lower() and uses_pool):
            return "slot"
    full = module.full(called(call))
    if _SESSIONS.search(full) and (full.startswith(_SESSION_MODULES) or "SessionLocal" in full):
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


def _made(module: Module, call: Node, function: Node, *, name: str, back: str, returned: Closed) -> Checkout:
    return Checkout(
        call=f"{dotted(called(call))[-40:]}()",
        name=name,
        line=module.line(call),
        column=module.column(call),
        give_back=back,
        returned=returned,
        within=name_of(function),
    )


def _returned_dependency(module: Module, scopes: Scopes, call: Node, function: Node) -> bool:
    """`return SessionLocal()` in a FastAPI dependency: nobody closes it."""
    outer = module.parent(call)
    return outer is not None and outer.type == "return_statement" and name_of(function) in scopes.depends


def _returned(module: Module, name: str, function: Node) -> Closed | None:
    """How surely it is given back; None when somebody else has to."""
    found: Closed = "no"
    in_except = False
    for node in module.uses(name, function):
        said = _use(module, node, function)
        if said is None or said == "always":
            return said
        if said == "sometimes":
            found = said
            in_except = in_except or _closed_in_except(module, node)
    return "always" if found == "sometimes" and in_except else found


def _use(module: Module, node: Node, function: Node) -> Closed | None:
    """What one use of a connection says about its way back; "no": nothing."""
    outer = module.parent(node)
    if outer is None:
        return "no"
    if outer.type == "with_item":
        return "always"
    if outer.type == "return_statement":
        return None
    if outer.type == "assignment" and field(outer, "type") is None and is_value(outer, node):
        return None
    if outer.type == "call":
        return _handed(module, outer, node, function)
    return closed_at(module, outer, function) if _closes(outer, node) else "no"


def _closes(outer: Node, node: Node) -> bool:
    owner = field(outer, "object") if outer.type == "attribute" else None
    return owner is not None and within(node, owner) and text(field(outer, "attribute")) in _CLOSES


def _closed_in_except(module: Module, node: Node) -> bool:
    outer = module.parent(node)
    return (
        outer is not None
        and outer.type == "attribute"
        and any(above.type in ("except_clause", "except_group_clause") for above in module.up(node))
    )


def _handed(module: Module, call: Node, node: Node, function: Node) -> Closed | None:
    """What it says that a connection is an argument of a call; None: an object holds it now."""
    function_part = field(call, "function")
    if function_part is not None and within(node, function_part):
        return "no"
    taker = dotted(called(call)).rpartition(".")[2]
    if taker in _KEPT:
        return "always"
    if _GIVES_BACK.search(taker):
        return closed_at(module, call, function)
    return None if taker[:1].isupper() else "no"


def closed_at(module: Module, node: Node, function: Node | None = None) -> Closed:
    """How surely what stands at `node` runs: in `finally`, always. Looked at as far as `function`, if one is given."""
    around = takewhile(lambda outer: outer != function, module.up(node))
    return "always" if any(outer.type == "finally_clause" for outer in around) else "sometimes"
