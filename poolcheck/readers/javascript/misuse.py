"""What JavaScript sends to a pool that belongs on one connection: BEGIN, and what stays on a session."""

import re
from collections.abc import Iterable, Iterator

from tree_sitter import Node

from poolcheck.model.source import Misuse
from poolcheck.readers import session_state
from poolcheck.readers.javascript.receivers import Receiver, Receivers
from poolcheck.readers.javascript.statements import Statement
from poolcheck.readers.javascript.tree import AROUND, Module, arguments, function_around, name_of, up
from poolcheck.readers.syntax import field, text

_TOGETHER = re.compile(r"\.(?:\$transaction|batch|transaction)$")  # what sends an array of statements as one


def misuses(module: Module, sent: Iterable[Statement], receivers: Receivers) -> Iterator[Misuse]:
    """Each statement that needs one connection and is sent to a pool."""
    locked: set[str] = set()
    for each in sent:
        said = session_state.needs_one_connection(each.sql)
        if not said or _beside_others(each.call) or _in_transaction(each.call) or not _sent_now(each.call):
            continue
        pool = _pool(each.called, receivers)
        if pool is None or pool.size == 1:
            continue
        if "unlock" in each.sql.lower() and pool.words in locked:
            continue
        if said == "lock":
            locked.add(pool.words)
        function = function_around(each.call)
        yield Misuse(
            kind="begin" if said == "begin" else "local" if said == "local" else "state",
            line=module.line(each.node),
            column=module.column(each.node),
            on=pool.words,
            text=session_state.beginning(each.sql),
            detail=said,
            within=name_of(function) if function is not None else "",
            transaction=pool.maker.transaction if pool.maker is not None else "",
            module=pool.module,
            exported=pool.exported,
            known=pool.maker is not None,
            named=pool.named,
        )


def _pool(called: Node, receivers: Receivers) -> Receiver | None:
    owner = field(called, "object")
    if owner is not None:
        prisma = text(field(called, "property")).startswith("$")
        return receivers.of_prisma(owner) if prisma else receivers.of(owner)
    return receivers.function(called) if text(called) in ("query", "execute") else receivers.of(called)


def _in_transaction(call: Node) -> bool:
    """Whether the call names the transaction that it belongs to: `sequelize.query(sql, { transaction })`."""
    return any(
        given.type in ("object", "identifier")
        and re.search(r"\b(?:transaction|transacting|t|trx|tx|queryRunner|options|opts)\b", text(given))
        for given in arguments(call)[1:]
    )


def _beside_others(call: Node) -> bool:
    """Whether the statement stands in an array that is sent as one transaction."""
    inner = call
    for outer in up(call):
        if outer.type == "arguments" and inner.type == "array" and outer.parent is not None:
            return _TOGETHER.search(text(field(outer.parent, "function"))) is not None
        if outer.type not in (*AROUND, "array", "spread_element", "arguments"):
            return False
        inner = outer
    return False


def _sent_now(call: Node) -> bool:
    """Whether a call is no value that somebody else sends: kept in a variable without `await`, or in an array."""
    for outer in up(call):
        if outer.type in ("variable_declarator", "array", "pair", "assignment_expression"):
            return False
        if outer.type in ("await_expression", "arrow_function") or outer.type.endswith("_statement"):
            return True
    return True
