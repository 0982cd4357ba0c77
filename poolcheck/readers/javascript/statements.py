"""SQL in JavaScript on its way to the server: the argument of a query call, or a tagged template."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from tree_sitter import Node

from poolcheck.readers.javascript.tree import Module, chain
from poolcheck.readers.syntax import field, text

_SQL = re.compile(
    rb"""(?i)['"`]\s*(?:SET|RESET|DISCARD|LISTEN|UNLISTEN|PREPARE|DEALLOCATE|DECLARE|CREATE|BEGIN|START\s+TRANSACTION|COMMIT|ROLLBACK)\b"""
    rb"""|set_config\s*\(|pg_(?:try_)?advisory_"""
)
_SENDS = frozenset(
    "query execute unsafe raw $queryRaw $executeRaw $queryRawUnsafe $executeRawUnsafe any none one oneOrNone manyOrNone simple run".split()
)
_TAGS = frozenset("sql db prisma pg client tx trx $queryRaw $executeRaw raw".split())


class Statement(NamedTuple):
    """One statement, or several in one string, and the call that sends it."""

    node: Node  # the string
    sql: str  # with "x" where a value is put in
    call: Node  # the outermost call that it is given to: `db.execute(sql`...`)`
    called: Node  # what is called: `db.execute`


def statements(module: Module) -> Iterator[Statement]:
    """What is sent and leaves something on a session, or begins or ends a transaction."""
    seen: set[int] = set()
    for match in _SQL.finditer(module.code):
        node = module.look(match.start(), match.end() - 1)
        while node is not None and node.type in (
            "string_fragment",
            "escape_sequence",
            "template_substitution",
        ):
            node = node.parent
        if node is None or node.type not in ("string", "template_string") or node.start_byte in seen:
            continue
        seen.add(node.start_byte)
        sent = _sent(node)
        if sent is not None:
            statement = re.sub(r"\$\{[^{}]*\}", "x", text(node)[1:-1])
            yield Statement(node, statement, *sent)


def _sent(node: Node) -> tuple[Node, Node] | None:
    """(call, what is called) of a string that is SQL on its way to the server; None for any other."""
    parent = node.parent
    if parent is not None and parent.type == "call_expression":  # a tagged template
        called = field(parent, "function")
        names = chain(called) if called is not None else ()
        if called is None or not names or names[-1] not in _TAGS:
            return None
        return _argument_of(parent) or (parent, called)
    return _argument_of(node)


def _argument_of(node: Node) -> tuple[Node, Node] | None:
    """The call that a value is an argument of, when that is one that sends SQL."""
    parent = node.parent
    while parent is not None and parent.type in (
        "pair",
        "object",
        "parenthesized_expression",
        "as_expression",
    ):
        if parent.type == "pair" and text(field(parent, "key")) not in ("text", "sql"):
            return None
        parent = parent.parent
    if parent is None or parent.type != "arguments" or parent.parent is None:
        return None
    called = field(parent.parent, "function")
    sends = called is not None and text(called).rpartition(".")[2] in _SENDS
    if called is None or not sends:
        return None
    outer = _argument_of(parent.parent) if text(called) in ("sql.raw", "raw") else None
    return outer or (parent.parent, called)
