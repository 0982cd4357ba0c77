"""Connections taken from a pool in JavaScript, and whether they are given back when something throws."""

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

from tree_sitter import Node

from poolcheck.model.source import Checkout, Closed, Misuse
from poolcheck.readers import session_state
from poolcheck.readers.flow import Followed, What, follow
from poolcheck.readers.javascript.bindings import Bindings
from poolcheck.readers.javascript.inside import second
from poolcheck.readers.javascript.paths import Events, Paths
from poolcheck.readers.javascript.receivers import Receivers
from poolcheck.readers.javascript.tree import (
    AROUND,
    FUNCTIONS,
    Module,
    arguments,
    bare,
    chain,
    name_of,
    parameters,
    string,
    up,
)
from poolcheck.readers.syntax import field, text, within

_TAKE = rb"\.(?:connect|reserve|createQueryRunner|transaction|startTransaction)\s*\(\s*\)|\.transaction\s*\(\s*\{|\.createQueryRunner\s*\(\s*['\"]"
_OTHERS = re.compile(
    r"^(?:mongodb|mongoose|redis|ioredis|@redis/.*|amqplib.*|mqtt|nats|ws|socket\.io.*|kafkajs|mysql2?(?:/promise)?|mariadb|mssql|"
    r"oracledb|tedious|@modelcontextprotocol/.*|imap.*|ldapjs|ssh2.*|playwright.*|puppeteer.*|basic-ftp|pg-query-stream-x)$"
)
_ENDED = re.compile(r"\.(?:commit|rollback)\s*\(")
_USED = re.compile(
    r"\.(?:query|release|unsafe|begin|manager|startTransaction|commitTransaction|queryRaw)\b|`"
)


class Tracked(NamedTuple):
    """The connections that a file takes, and what is done with them that goes wrong."""

    checkouts: tuple[Checkout, ...]
    misuses: tuple[Misuse, ...]


def tracked(module: Module, receivers: Receivers) -> Tracked:
    """Every `const client = await pool.connect()` and its like, and what becomes of it on each way."""
    reader = _Reader(module, receivers)
    if not any(_OTHERS.match(name) for name in module.modules):
        for node in module.find(_TAKE):
            call = next((outer for outer in up(node) if outer.type == "call_expression"), None)
            if call is not None:
                reader.one(call)
        for node in module.find(rb"\.connect\s*\("):
            call = node.parent.parent if node.parent is not None else None
            if call is not None and call.type == "call_expression":
                reader.unnamed(call)
    return Tracked(tuple(reader.found), tuple(reader.wrong))


class _Reader:
    def __init__(self, module: Module, receivers: Receivers) -> None:
        self.module, self.receivers = module, receivers
        self.found: list[Checkout] = []
        self.wrong: list[Misuse] = []

    def one(self, call: Node) -> None:
        """What becomes of what one call takes."""
        taken = field(call, "function")
        owner, verb = field(taken, "object"), text(field(taken, "property"))
        opens = verb in _OPENS
        if owner is None or not chain(owner) or (opens and not _opened_here(call)):
            return
        bound = _bound(call, awaited=verb != "createQueryRunner")
        if bound is None:
            return
        name, how = bound
        scope = next((outer for outer in up(call) if outer.type in FUNCTIONS), None)
        outer = scope if scope is not None else self.module.root
        if (
            how == "using"
            or name.startswith(("this.", "globalThis"))
            or not _used(self.module, name, outer, opens=opens)
        ):
            return
        declared = _declaration(self.receivers.bindings, name, call)
        if declared is None or not within(declared, outer):
            return  # somebody else's variable: it is kept there
        events = _events(self.module, self.receivers.bindings, name, declared, call)
        followed = follow(Paths(name, events).block(_body(outer)), outer.end_point.row + 1)
        function = name_of(scope) if scope is not None else ""
        self.wrong.extend(_wrong(name, followed, function))
        self.wrong.extend(self._beside(owner, name, events, function))
        returned, left_at = _verdict(events, followed)
        if any(what == "gone" for what, _ in events.values()) and not left_at:
            return
        if scope is None:
            if not _exported(call) or opens:
                return
            returned, left_at = ("no" if returned == "no" or not _gives(events) else "always"), 0
        self.found.append(
            Checkout(
                call=f"{text(owner)[-40:]}.{verb}()",
                name=name,
                line=self.module.line(call),
                column=self.module.column(call),
                give_back=f"{name}.rollback()" if opens else f"{name}.release()",
                returned=returned,
                left_at=left_at,
                at_module=scope is None,
                within=function,
                transaction=opens,
            )
        )

    def unnamed(self, call: Node) -> None:
        """A connection that a callback or nobody is given: `pool.connect((error, client, release) => ...)`."""
        owner = field(field(call, "function"), "object")
        pool = self.receivers.of(owner)
        if owner is None or pool is None or not (pool.maker is None or pool.maker.makes == "pool"):
            return
        given = arguments(call)
        if given:
            lost = given[0].type in FUNCTIONS and _callback_keeps(given[0], known=pool.maker is not None)
        else:
            lost = pool.maker is not None and _nobody_takes(call)
        if not lost:
            return
        scope = next((outer for outer in up(call) if outer.type in FUNCTIONS), None)
        self.found.append(
            Checkout(
                call=f"{text(owner)[-40:]}.connect()",
                name="",
                line=self.module.line(call),
                column=self.module.column(call),
                give_back="client.release()",
                returned="no",
                at_module=scope is None,
                within=name_of(scope) if scope is not None else "",
            )
        )

    def _beside(self, owner: Node, name: str, events: Events, function: str) -> Iterator[Misuse]:
        """Queries of the pool itself between a connection's BEGIN and what ends its transaction."""
        opens = text(field(owner.parent, "property")) in _OPENS
        begins = [node for what, node in events.values() if what == ("take" if opens else "begin")]
        ends = [node.start_byte for what, node in events.values() if what == ("perhaps" if opens else "end")]
        for begin in begins[:1]:
            around = next((each for each in up(begin) if each.type in FUNCTIONS), None)
            body = field(around, "body")
            last = max((at for at in ends if at > begin.start_byte), default=0)
            for query in second(self.module, self.receivers, owner, body, {name}) if body is not None else ():
                if begin.end_byte < query.start_byte < last and not _place(query, around or query):
                    yield Misuse(
                        kind="inside", line=self.module.line(query), column=self.module.column(query), on=text(owner),
                        text=name, detail=str(self.module.line(begin)), within=function, known=True,
                    )  # fmt: skip


def _callback_keeps(function: Node, *, known: bool) -> bool:
    """Whether a callback of connect() never gives back what it gets; without a name for it nobody can."""
    given = parameters(function)
    body = field(function, "body")
    if body is None or any(not each.isidentifier() and ":" not in each for each in given):
        return False
    names = [each.partition(":")[0].strip(" ?") for each in given[1:3]]
    if not names:
        return known
    if len(names) > 1 and re.search(rf"(?<![\w$.]){re.escape(names[1])}\b", text(body)):
        return False
    own = re.escape(names[0])
    return (
        re.search(
            rf"(?<![\w$.]){own}\s*\??\.\s*(?:release|end)\b|[(,=:]\s*{own}\s*[),;}}\n]|return {own}\b",
            text(body),
        )
        is None
    )


def _nobody_takes(call: Node) -> bool:
    """Whether what connect() gives has no name: awaited as a statement, or a `then` that does not take or keep it."""
    inner = call
    for outer in up(call):
        if outer.type in (*AROUND, "await_expression"):
            inner = outer
        elif outer.type == "member_expression":
            then = outer.parent
            given = arguments(then) if text(field(outer, "property")) == "then" else []
            if not given or given[0].type not in FUNCTIONS:
                return False
            names = parameters(given[0])
            if not names:
                return True
            own = names[0].partition(":")[0].strip()
            said = text(field(given[0], "body"))
            return own.isidentifier() and re.search(rf"(?<![\w$.]){own}\b(?!\s*\.\s*query)", said) is None
        else:
            return outer.type == "expression_statement" and inner is not call
    return False


_OPENS = ("transaction", "startTransaction")  # what gives a transaction that ends with commit() or rollback()


def _opened_here(call: Node) -> bool:
    """Whether a transaction is handed out, and no function is run inside of it: `await knex.transaction()`."""
    return all(given.type in ("object", "undefined") for given in arguments(call))


def _wrong(name: str, followed: Followed, function: str) -> Iterator[Misuse]:
    for line in sorted(followed.twice):
        yield Misuse(kind="twice", line=line, column=1, on=name, within=function)
    begun: dict[int, bool] = {}
    for _, line, threw in sorted(followed.open):
        begun[line] = begun.get(line, True) and threw
    for line, threw in begun.items():
        detail = "throw" if threw else ""
        yield Misuse(kind="open", line=line, column=1, on=name, within=function, detail=detail)


def _body(outer: Node) -> Node | None:
    return outer if outer.type == "program" else field(outer, "body")


def _declaration(bindings: Bindings, name: str, call: Node) -> Node | None:
    for outer in up(call):
        if outer.type == "variable_declarator" and text(field(outer, "name")) == name:
            return outer
        if outer.type == "assignment_expression":
            left = field(outer, "left")
            return bindings.declaration(left) if left is not None else None
    return None


def _gives(events: Events) -> bool:
    return any(what in _GIVES for what, _ in events.values())


def _verdict(events: Events, followed: Followed) -> tuple[Closed | Literal["begin"], int]:
    """(how surely it is given back, the line on which it is lost although nothing is thrown)."""
    lost, thrown = followed.left(threw=False), followed.left(threw=True)
    if not any(what in (*_GIVES, "gone") for what, _ in events.values()):
        return ("no" if lost or thrown else "always"), 0
    if lost:
        return "sometimes", lost[0].line
    starts = {node.start_point.row + 1 for what, node in events.values() if what == "begin" or _starts(node)}
    if thrown and all(each.line in starts for each in thrown):
        return "begin", 0
    return ("sometimes" if thrown else "always"), 0


def _starts(use: Node) -> bool:
    """`await queryRunner.connect()`: nothing was done yet."""
    return text(field(use.parent, "property")) == "connect"


def _events(
    module: Module, bindings: Bindings, name: str, declared: Node, call: Node
) -> dict[int, tuple[What, Node]]:
    """What each use of the connection does to it, by where it stands."""
    outer = next((each for each in up(call) if each.type in FUNCTIONS), module.root)
    made: dict[int, tuple[What, Node]] = {}
    taken = field(field(call, "function"), "property")
    if taken is not None:
        made[taken.start_byte] = ("take", call)
    for use in bindings.uses(name, outer, declared):
        parent = use.parent
        if parent is None or within(call, parent):
            continue
        what = _what(bindings, use, parent, outer)
        if what:
            made[use.start_byte] = (what, use)
    for function in _giving(made, outer):
        for use in module.uses(name_of(function), outer):
            if not within(use, function) and bindings.declaration(use) is not None:
                made.setdefault(use.start_byte, ("perhaps", use))
    return made


def _giving(events: Events, outer: Node) -> list[Node]:
    """The functions inside of this one that give the connection back, and have a name."""
    found = {}
    for what, node in events.values():
        if what in _GIVES:
            for each in up(node):
                if each == outer:
                    break
                if each.type in FUNCTIONS and name_of(each):
                    found[each.id] = each
    return list(found.values())


def _what(bindings: Bindings, use: Node, parent: Node, outer: Node) -> What | None:
    if parent.type == "member_expression" and field(parent, "object") == use:
        return _method(parent)
    if parent.type == "call_expression" and field(parent, "function") == use:
        return _of_sql(string(field(parent, "arguments")))
    if parent.type == "arguments" and parent.parent is not None:
        return _given_to(bindings, use, parent.parent, outer)
    return "gone" if _handed_on(use, parent, outer) else None


def _method(member: Node) -> What | None:
    """What a method of the connection does to it."""
    called = member.parent
    verb = text(field(member, "property"))
    direct = called is not None and called.type == "call_expression" and field(called, "function") == member
    if verb in ("commit", "rollback"):
        return "perhaps"
    if verb in ("release", "end", "destroy"):
        if not direct:
            return "perhaps"
        given = arguments(called)
        return "drop" if given and text(given[0]) not in ("false", "undefined", "null") else "give"
    if not direct:
        return None
    if verb in ("startTransaction", "connect"):
        return "begin" if verb == "startTransaction" else "pass"
    if verb in ("commitTransaction", "rollbackTransaction"):
        return "end"
    given = arguments(called)
    return _of_sql(string(bare(given[0]))) if given and verb in ("query", "unsafe", "execute") else None


def _of_sql(sql: str) -> What | None:
    found = session_state.transaction_of(sql)
    return "begin" if found == "begin" else "end" if found == "end" else None


_GIVES = ("give", "drop", "perhaps")
_TAKES_OVER = re.compile(
    r"(?i)release|cleanup|close|dispose|\.set$|\.push$|\.add$|\.run$|callback|\bcb$|resolve|^done"
)


def _given_to(bindings: Bindings, use: Node, call: Node, outer: Node) -> What | None:
    """What it says that the connection is an argument: of a function that gives it back, ends its transaction, ..."""
    callee = field(call, "function") or field(call, "constructor")
    called = text(callee)
    if _TAKES_OVER.search(called):
        return "gone"
    declared = bindings.declaration(callee) if callee is not None and callee.type == "identifier" else None
    body = text(declared) if declared is not None else ""
    if re.search(r"\.release\s*\(", body):
        return "perhaps"
    place = _place(use, outer)
    if place == "finally":
        return "gone"
    ends = place == "catch" or re.search(r"(?i)rollback|commit|abort|\bend", called + body)
    return "end" if ends or call.type == "new_expression" else None


def _bound(call: Node, *, awaited: bool) -> tuple[str, str] | None:
    """The variable that holds the result, and "using" where the language gives it back."""
    saw_await = False
    inner = call
    for outer in up(call):
        if outer.type == "member_expression" and text(field(outer, "property")) in (
            "execute",
            "setIsolationLevel",
        ):
            inner = outer
            continue
        if outer.type == "call_expression" and field(outer, "function") == inner:
            continue
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


def _used(module: Module, name: str, outer: Node, *, opens: bool) -> bool:
    """Whether the name is used as a connection to PostgreSQL is: queried, released, or as a tag."""
    used = _ENDED if opens else _USED
    return any(
        used.match(module.code[use.end_byte : use.end_byte + 40].decode("utf-8", "replace"))
        for use in module.uses(name, outer)
    )


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


def _handed_on(use: Node, parent: Node, outer: Node) -> bool:
    """Whether the connection goes to somebody who may release it: returned, stored, or inside of an argument."""
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
        return _TAKES_OVER.search(called) is not None or _place(use, outer) == "finally"
    # another name for it is not followed
    return each.type == "variable_declarator" and field(each, "value") == inner and inner == use
