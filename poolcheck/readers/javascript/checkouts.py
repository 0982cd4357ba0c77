"""Connections taken from a pool in JavaScript, and whether they are given back when something throws."""

import re
from collections.abc import Iterator

from tree_sitter import Node

from poolcheck.model.source import Checkout, Closed
from poolcheck.readers.javascript.tree import (
    AROUND,
    FUNCTIONS,
    Module,
    chain,
    function_around,
    name_of,
    up,
)
from poolcheck.readers.syntax import field, text, within

_TAKE = rb"\.(?:connect|reserve|createQueryRunner)\s*\(\s*\)|\.createQueryRunner\s*\(\s*['\"]"
_OTHERS = re.compile(
    r"^(?:mongodb|mongoose|redis|ioredis|@redis/.*|amqplib.*|mqtt|nats|ws|socket\.io.*|kafkajs|mysql2?(?:/promise)?|mariadb|mssql|"
    r"oracledb|tedious|@modelcontextprotocol/.*|imap.*|ldapjs|ssh2.*|playwright.*|puppeteer.*|basic-ftp|pg-query-stream-x)$"
)
_USED = re.compile(
    r"\.(?:query|release|unsafe|begin|manager|startTransaction|commitTransaction|queryRaw)\b|`"
)


def checkouts(module: Module) -> Iterator[Checkout]:
    """Every `const client = await pool.connect()` and its like, with how it is given back."""
    if any(_OTHERS.match(name) for name in module.modules):
        return
    for node in module.find(_TAKE):
        call = next((outer for outer in up(node) if outer.type == "call_expression"), None)
        if call is None:
            continue
        taken = field(call, "function")
        owner = field(taken, "object")
        if taken is None or owner is None or not chain(owner):
            continue
        verb = text(field(taken, "property"))
        bound = _bound(call, awaited=verb != "createQueryRunner")
        if bound is None:
            continue
        name, how = bound
        scope = function_around(call)
        if how == "using" or name.startswith(("this.", "globalThis")):
            continue
        outer = scope if scope is not None else module.root
        if not _used(module, name, outer):
            continue
        returned = _returned(module, name, call, outer)
        if returned is None:
            continue
        if scope is None and not _exported(call):
            continue
        yield Checkout(
            call=f"{text(owner)[-40:]}.{verb}()",
            name=name,
            line=call.start_point.row + 1,
            column=module.column(call),
            give_back=f"{name}.release()",
            returned=returned,
            at_module=scope is None,
            within=name_of(scope) if scope is not None else "",
        )


def _bound(call: Node, *, awaited: bool) -> tuple[str, str] | None:
    """The variable that holds the result, and "using" where the language gives it back."""
    saw_await = False
    for outer in up(call):
        if outer.type in AROUND:
            saw_await = saw_await or outer.type == "await_expression"
            continue
        if awaited and not saw_await:
            return None
        if outer.type == "variable_declarator":
            declaration = outer.parent
            kind = text(field(declaration, "kind"))
            how = (
                "using"
                if "using" in kind or (declaration is not None and "using" in text(declaration)[:12])
                else ""
            )
            name = field(outer, "name")
            return (text(name), how) if name is not None and name.type == "identifier" else None
        if outer.type == "assignment_expression":
            how = "using" if any(child.type == "using" for child in outer.children) else ""
            left = field(outer, "left")
            return (text(left), how) if left is not None and left.type == "identifier" else None
        return None
    return None


def _exported(call: Node) -> bool:
    return any(outer.type == "export_statement" for outer in up(call))


def _used(module: Module, name: str, outer: Node) -> bool:
    """Whether the name is used as a connection to PostgreSQL is: queried, released, or as a tag."""
    return any(
        _USED.match(module.code[use.end_byte : use.end_byte + 40].decode("utf-8", "replace"))
        for use in module.uses(name, outer)
    )


def _returned(module: Module, name: str, call: Node, outer: Node) -> Closed | None:
    """How surely the connection is given back; None when somebody else has to."""
    released: list[Node] = []
    in_catch = in_finally = False
    for use in module.uses(name, outer):
        if use.start_byte < call.start_byte and use.end_byte > call.start_byte - 1:
            continue
        parent = use.parent
        if parent is None:
            continue
        if parent.type == "member_expression" and text(field(parent, "property")) in (
            "release",
            "end",
            "destroy",
        ):
            place = _place(parent, outer)
            in_finally = in_finally or place == "finally"
            in_catch = in_catch or place == "catch"
            released.append(parent)
        elif _handed_on(use, parent, outer, call):
            return None
    if in_finally:
        return "always"
    if not released:
        return "no"
    if in_catch and len(released) > 1:
        return "always"
    if not _awaits_between(call, min(released, key=lambda node: node.start_byte), outer):
        return "always"
    return "sometimes"


def _place(node: Node, outer: Node) -> str:
    """Whether a release stands in `finally`, in `.finally(...)`, in `catch`, or elsewhere."""
    inner = node
    for each in up(node):
        if each == outer:
            return ""
        if each.type == "finally_clause":
            return "finally"
        if each.type == "catch_clause":
            return "catch"
        if each.type == "call_expression" and inner.type == "arguments":
            if text(field(field(each, "function"), "property")) == "finally":
                return "finally"
        inner = each
    return ""


def _handed_on(use: Node, parent: Node, outer: Node, call: Node) -> bool:
    """Whether the connection goes to somebody who may release it: returned, stored, or a bare argument in `finally`."""
    if within(call, parent) and parent.type == "variable_declarator":
        return False
    inner = use
    each: Node | None = parent
    while each is not None and each.type in (*AROUND, "object", "pair", "array"):
        inner, each = each, each.parent
    if each is None:
        return False
    if each.type == "return_statement" or (each.type == "arrow_function" and field(each, "body") == inner):
        return True
    if each.type == "yield_expression":
        return True
    if each.type == "assignment_expression" and field(each, "right") == inner:
        return True
    if each.type == "arguments" and each.parent is not None:
        called = text(field(each.parent, "function"))
        if re.search(
            r"(?i)release|cleanup|close|dispose|\.set$|\.push$|\.add$|\.run$|callback|\bcb$|resolve|^done",
            called,
        ):
            return True
        return _place(use, outer) == "finally"
    # another name for it is not followed
    return each.type == "variable_declarator" and field(each, "value") == inner and inner == use


def _awaits_between(call: Node, release: Node, outer: Node) -> bool:
    """Whether anything is awaited after the connection is taken and before it is given back."""
    start = next((each for each in up(call) if each.type == "await_expression"), call).end_byte
    stack = [outer]
    while stack:
        node = stack.pop()
        if node.end_byte <= start or node.start_byte >= release.start_byte:
            continue
        if node.type in ("await_expression", "for_in_statement") and node.start_byte >= start:
            return True
        if node.type == "throw_statement" and node.start_byte >= start:
            return True
        if node.type == "return_statement" and node.start_byte >= start:
            return True
        if node.type in FUNCTIONS and node != outer and not within(call, node):
            continue
        stack.extend(node.children)
    return False
