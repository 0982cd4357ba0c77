"""What JavaScript asks of a pool while it holds a transaction of that pool: a second connection."""

import re
from collections.abc import Iterator
from dataclasses import replace

from tree_sitter import Node

from poolcheck.model.source import Misuse
from poolcheck.readers.javascript.receivers import Receiver, Receivers
from poolcheck.readers.javascript.tree import (
    AROUND,
    FUNCTIONS,
    NAMES,
    Module,
    arguments,
    bare,
    chain,
    function_around,
    name_of,
    up,
)
from poolcheck.readers.syntax import below, field, text, within

_OPENS = rb"\.\s{0,9}(?:\$?transaction|begin|tx)\s{0,9}(?:<[^;{}()<>]{0,80}>\s{0,9})?\("
_POOLS = re.compile(
    r"(?i)^(?:db|database|knex|sequelize|data_?source|connection|conn|pg|kysely|orm|prisma\w*)$"
)
_MODEL = re.compile(r"[A-Z]\w*")
_BUILT_IN = frozenset(
    "Promise Math JSON Object Array Date Number String Map Set Reflect Symbol Buffer Prisma".split()
)
_SEQUELIZE = frozenset(
    "findOne findAll findByPk findOrCreate findAndCountAll create bulkCreate update destroy upsert increment decrement count".split()
)
_PARTS = frozenset({"member_expression", "non_null_expression", "subscript_expression"})
_ROOTS = frozenset({"identifier", "this"})


def inside(module: Module, receivers: Receivers) -> Iterator[Misuse]:
    """Each query of the pool inside `pool.transaction(async (tx) => ...)` that waits for another connection."""
    for node in module.find(_OPENS):
        call = next((outer for outer in up(node) if outer.type == "call_expression"), None)
        opened = _opened(call) if call is not None else None
        if opened is None:
            continue
        owner, function = opened
        pool = _pool(owner, receivers)
        if pool is None and not _MODEL.fullmatch(chain(owner)[-1]):
            continue
        held = _names(function)
        body = field(function, "body")
        if not held or body is None:
            continue
        outer = function_around(function)
        found = Misuse(
            kind="inside", line=0, column=0, on="", text=min(held, key=len), detail=str(module.line(function)),
            within=name_of(outer) if outer is not None else "", named=True,
        )  # fmt: skip
        if pool is not None:
            of_pool = replace(
                found,
                on=pool.words,
                module=pool.module,
                exported=pool.exported,
                known=pool.maker is not None,
                named=pool.named,
            )
            for each in second(module, receivers, owner, body, held):
                yield replace(of_pool, line=module.line(each), column=module.column(each))
        carrying = held | _carrying(body, held)
        for call, model, package in _of_models(body):
            if not _mentions(call, carrying) and _waited(call, body):
                yield replace(
                    found, line=module.line(call), column=module.column(call), on=model, package=package
                )


def _carrying(body: Node, held: set[str]) -> set[str]:
    """What else knows the transaction: `const Bound = Model.bindKnex(trx)`, `options.transaction = t`."""
    found: set[str] = set()
    for node in below(body):
        if node.type == "variable_declarator":
            name, value = field(node, "name"), field(node, "value")
        elif node.type == "assignment_expression":
            left = field(node, "left")
            name, value = (_root(left) if left is not None else None), field(node, "right")
        else:
            continue
        if name is not None and name.type == "identifier" and value is not None and _mentions(value, held):
            if not any(each.type == "await_expression" for each in (value, *value.named_children)):
                found.add(text(name))
    return found


def _of_models(body: Node) -> Iterator[tuple[Node, str, str]]:
    """(the whole query, the model, the ORM's package) of each query that a model makes on whichever connection is free."""
    for node in below(body):
        called = field(node, "function") if node.type == "call_expression" else None
        owner, verb = field(called, "object"), text(field(called, "property"))
        model = (
            text(field(owner, "property"))
            if owner is not None and owner.type == "member_expression"
            else text(owner)
        )
        if not _MODEL.fullmatch(model) or model in _BUILT_IN:
            continue
        if verb in _SEQUELIZE:
            yield node, model, "npm:sequelize"
        elif verb == "query" and not arguments(node):
            yield _whole(node) or node, model, "npm:objection"


def _opened(call: Node) -> tuple[Node, Node] | None:
    """(the pool, the function that runs inside the transaction); Kysely's stands in `transaction().execute(fn)`."""
    owner = field(field(call, "function"), "object")
    if owner is None:
        return None
    given = arguments(call)
    if not given:
        for outer in list(up(call))[:6]:
            if (
                outer.type == "call_expression"
                and text(field(field(outer, "function"), "property")) == "execute"
            ):
                given = arguments(outer)
                break
    function = next((each for each in given if each.type in FUNCTIONS), None)
    return (owner, function) if function is not None and chain(owner) else None


def _pool(owner: Node, receivers: Receivers) -> Receiver | None:
    verb = text(field(owner.parent, "property"))
    pool = receivers.of_prisma(owner) if verb == "$transaction" else receivers.of(owner)
    if pool is not None:
        return pool
    names = chain(owner)
    return Receiver(".".join(names)) if _POOLS.match(names[-1]) or verb == "$transaction" else None


def _names(function: Node) -> set[str]:
    """The names by which a function knows its transaction, and what it puts it into."""
    given = field(function, "parameter") or next(
        iter(child for child in getattr(field(function, "parameters"), "named_children", ())), None
    )
    if given is None:
        return set()
    first = field(given, "pattern") or given
    names = {text(first)} if first.type == "identifier" else set()
    body = field(function, "body")
    for node in below(body) if body is not None and names else ():
        if node.type == "variable_declarator":
            value = bare(field(node, "value"))
            if (
                value is not None
                and value.type in ("object", "member_expression")
                and _mentions(value, names)
            ):
                names.add(text(field(node, "name")))
    return names


def second(module: Module, receivers: Receivers, owner: Node, body: Node, held: set[str]) -> Iterator[Node]:
    """The queries in a part of a function that are sent to the pool itself, and waited for."""
    names = chain(owner)
    declared = receivers.bindings.declaration(_root(owner))
    for query in _queries(module, receivers, names, declared, body):
        if not _mentions(query, held):
            yield query
    seen = set()
    for call in _calls(body):
        function = _function(receivers, call)
        if function is None or within(body, function) or _mentions(call, held) or function.id in seen:
            continue
        inner = next(_queries(module, receivers, names, declared, function), None)
        if inner is not None and _waited(call, body):
            seen.add(function.id)
            yield call


def _queries(
    module: Module, receivers: Receivers, names: tuple[str, ...], declared: Node | None, body: Node
) -> Iterator[Node]:
    for use in module.uses(names[0], body, kinds=NAMES | {"this"}):
        if use.type not in _ROOTS or (use.type != "this" and receivers.bindings.declaration(use) != declared):
            continue
        node = use
        for name in names[1:]:
            outer = node.parent
            while outer is not None and outer.type == "non_null_expression":
                node, outer = outer, outer.parent
            if outer is None or text(field(outer, "property")) != name or field(outer, "object") != node:
                break
            node = outer
        else:
            query = _whole(node)
            if query is not None and _waited(query, body):
                yield query


def _whole(node: Node) -> Node | None:
    """`db.insert(a).values(b)` around `db`; None when nothing is called."""
    called = None
    while (outer := node.parent) is not None:
        if outer.type == "call_expression" and field(outer, "function") == node:
            called = outer
        elif outer.children[0] != node or outer.type not in _PARTS:
            break
        node = outer
    return called


def _waited(query: Node, body: Node) -> bool:
    """Whether the function goes on only when the query is done: awaited, returned, or one of `Promise.all`."""
    inner = query
    for outer in up(query):
        if inner == body or outer.type == "await_expression":
            return True
        if outer.type == "return_statement":
            around = field(function_around(outer), "body")
            return around is not None and within(body, around)
        if outer.type == "call_expression":
            if not text(field(outer, "function")).startswith("Promise."):
                return False
        elif outer.type not in (*AROUND, "array", "arguments", "spread_element"):
            return False
        inner = outer
    return False


def _calls(body: Node) -> Iterator[Node]:
    return (
        node
        for node in below(body)
        if node.type == "call_expression" and text(field(node, "function")).isidentifier()
    )


def _function(receivers: Receivers, call: Node) -> Node | None:
    """The function of the file that a call names."""
    callee = field(call, "function")
    declared = receivers.bindings.declaration(callee) if callee is not None else None
    if declared is not None and declared.type == "variable_declarator":
        declared = bare(field(declared, "value"))
    return field(declared, "body") if declared is not None and declared.type in FUNCTIONS else None


def _root(node: Node) -> Node:
    while node.type == "member_expression" or node.type in AROUND:
        node = (field(node, "object") if node.type == "member_expression" else bare(node)) or node
    return node


def _mentions(node: Node, names: set[str]) -> bool:
    words = re.findall(r"[A-Za-z_$][\w$]*", text(node))
    return not names.isdisjoint(words)
