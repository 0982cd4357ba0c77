"""Connections and sessions in Python that are bound to a name instead of a `with`, and whether they are given back."""

import ast
import re
from collections.abc import Iterator, Mapping

from poolcheck.model.facts import Maker
from poolcheck.model.source import Checkout, Closed
from poolcheck.readers.python.scope import Function, Module, bound, dotted, place

_TAKES = frozenset({"getconn", "acquire"})  # of a pool: a slot is lost until it is given back
_SESSIONS = re.compile(
    r"(?:^|\.)(?:\w*SessionLocal|\w*session_?maker|\w*session_factory|AsyncSession|Session)$", re.IGNORECASE
)
_SESSION_MODULES = ("sqlalchemy", "sqlmodel")
_OTHER_POOLS = re.compile(r"(?i)lock|sem|limiter|redis|aiomysql|mysql|aioodbc|motor")


def checkouts(module: Module, calls: Mapping[str, Maker]) -> Iterator[Checkout]:
    """What is taken and bound to a name in a function, with how it is given back."""
    uses_pool = any(
        each.startswith(("asyncpg", "psycopg", "psycopg2", "psycopg_pool")) for each in module.names.values()
    )
    for call in module.calls:
        function = module.function(call)
        if function is None:
            continue
        verb = call.func.attr if isinstance(call.func, ast.Attribute) else ""
        owner = dotted(call.func).rpartition(".")[0]
        full = module.full(call.func)
        slot = (
            verb in _TAKES
            and bool(owner)
            and not _OTHER_POOLS.search(owner)
            and (verb == "getconn" or "pool" in owner.lower())
        )
        slot = slot and (uses_pool or verb == "getconn")
        session = bool(_SESSIONS.search(full)) and (
            full.startswith(_SESSION_MODULES) or "SessionLocal" in full
        )
        connection = (full in calls and calls[full].makes == "connection") or (
            verb == "connect" and owner.endswith("engine") and not call.args
        )
        if not (slot or session or connection):
            continue
        name = bound(module, call)
        words = f"{dotted(call.func)[-40:]}()"
        if not name:
            if session and _returned_dependency(module, call, function):
                yield _made(call, words, name="", back="", returned="no", function=function)
            continue
        if "." in name:
            continue
        if not slot and place(module, call).scope != "request":
            continue
        returned = _returned(module, name, function)
        if returned is None or returned == "always" or (returned == "sometimes" and not slot):
            continue
        back = (
            f"{owner}.putconn({name})"
            if verb == "getconn"
            else f"{owner}.release({name})"
            if slot
            else f"{name}.close()"
        )
        yield _made(call, words, name=name, back=back, returned=returned, function=function)


def _made(
    call: ast.Call, words: str, *, name: str, back: str, returned: Closed, function: Function
) -> Checkout:
    return Checkout(
        call=words, name=name, line=call.lineno, column=call.col_offset + 1, give_back=back, returned=returned,
        within=function.name,
    )  # fmt: skip


def _returned_dependency(module: Module, call: ast.Call, function: Function) -> bool:
    """`return SessionLocal()` in a FastAPI dependency: nobody closes it."""
    return isinstance(module.parents.get(call), ast.Return) and function.name in module.depends


def _returned(module: Module, name: str, function: Function) -> Closed | None:
    """How surely it is given back; None when somebody else has to."""
    found: Closed = "no"
    in_except = 0
    for node in ast.walk(function):
        if not (isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load)):
            continue
        parent = module.parents.get(node)
        if isinstance(parent, ast.withitem):
            return "always"
        if isinstance(parent, ast.Return | ast.Yield):
            if isinstance(parent, ast.Return):
                return None
            continue
        if isinstance(parent, ast.Assign) and parent.value is node:
            return None
        if isinstance(parent, ast.Call) and node in parent.args:
            verb = dotted(parent.func).rpartition(".")[2]
            if re.search(r"putconn|release|clos|cleanup|callback|push|enter|set_|append|return", verb):
                if verb in (
                    "closing",
                    "enter_context",
                    "enter_async_context",
                    "callback",
                    "push_async_callback",
                ):
                    return "always"
                found = _better(found, _closed_at(module, parent, function))
            elif verb[:1].isupper():
                return None  # an object holds it now
            continue
        if isinstance(parent, ast.Attribute) and parent.attr in (
            "close",
            "aclose",
            "release",
            "remove",
            "terminate",
        ):
            at = _closed_at(module, parent, function)
            in_except += at == "sometimes" and any(
                isinstance(each, ast.ExceptHandler) for each in module.up(parent)
            )
            found = _better(found, at)
    return "always" if found == "sometimes" and in_except else found


def _better(one: Closed, other: Closed) -> Closed:
    return "always" if "always" in (one, other) else other


def _closed_at(module: Module, node: ast.AST, function: Function) -> Closed:
    inner = node
    for outer in module.up(node):
        if outer is function:
            break
        if isinstance(outer, ast.Try) and any(inner is each for each in outer.finalbody):
            return "always"
        inner = outer
    return "sometimes"
