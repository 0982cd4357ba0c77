"""The ways through a JavaScript function, as far as they matter to one connection that it holds."""

import re
from collections.abc import Iterator, Mapping

from tree_sitter import Node

from poolcheck.readers.flow import Deed, Flow, Leave, Loop, Switch, Try, What, branch, does_only
from poolcheck.readers.javascript.tree import FUNCTIONS, bare
from poolcheck.readers.syntax import field, text

# start of a use of the connection → what it does to it; and which functions of this one give it back
Events = Mapping[int, tuple[What, Node]]
_SKIPPED = frozenset(
    {"function_declaration", "generator_function_declaration", "class_declaration", "comment"}
)
_GIVES: frozenset[What] = frozenset({"give", "drop", "perhaps"})  # all that a branch behind a flag may do
_FLAG = re.compile(r"!?[\w$.?]+")


class Paths:
    """Builds the steps of one function."""

    def __init__(self, name: str, events: Events) -> None:
        self.name, self.events = name, events

    def block(self, node: Node | None) -> Flow:
        """The steps of a statement or a block."""
        if node is None or node.type in _SKIPPED:
            return ()
        match node.type:
            case "if_statement":
                return self._if(node)
            case "for_statement" | "for_in_statement" | "while_statement":
                return self._for(node)
            case "do_statement":
                return self._do(node)
            case "try_statement":
                return self._try(node)
            case "switch_statement":
                return self._switch(node)
            case "return_statement" | "throw_statement" | "break_statement" | "continue_statement":
                return self._leave(node)
            case "statement_block" | "program" | "else_clause" | "labeled_statement":
                return tuple(self.block(child) for child in node.named_children)
        return tuple(self.steps(node))

    def steps(self, node: Node | None) -> Iterator[Deed]:
        """What an expression does, in order; a function inside of it runs some time, if at all."""
        if node is None or node.type == "comment":
            return
        if node.type in FUNCTIONS:
            if any(what in ("give", "drop", "perhaps") for what in self._inside(node)):
                yield Deed("perhaps", node.start_point.row + 1)
            elif "gone" in self._inside(node):
                yield Deed("gone", node.start_point.row + 1)
            return
        event = self.events.get(node.start_byte) if node.child_count == 0 else None
        if event is not None:
            what, place = event
            yield Deed(what, place.start_point.row + 1)
            return
        inner = [step for child in node.named_children for step in self.steps(child)]
        if node.type in ("binary_expression", "ternary_expression") or _optional(node):
            inner = [step._replace(what="perhaps") if step.what == "give" else step for step in inner]
        if node.type == "call_expression" and text(field(field(node, "function"), "property")) == "then":
            yield Deed("pass", node.start_point.row + 1, throws=True)
        if node.type != "await_expression" or _caught(node):
            yield from inner
            return
        yield from inner[:-1]
        last = inner[-1] if inner else Deed("pass", node.start_point.row + 1)
        if last.what in ("begin", "end", "take", "pass"):
            yield last._replace(throws=True)
        else:
            yield last
            yield Deed("pass", node.start_point.row + 1, throws=True)

    def _inside(self, node: Node) -> list[What]:
        return [what for at, (what, _) in self.events.items() if node.start_byte <= at < node.end_byte]

    def _if(self, node: Node) -> Flow:
        condition = field(node, "condition")
        then, other = self.block(field(node, "consequence")), self.block(field(node, "alternative"))
        said = text(bare(condition))
        made = branch(
            then,
            other,
            node.start_point.row + 1,
            missing=_about(said, self.name),
            flagged=_FLAG.fullmatch(said) is not None and does_only(then, _GIVES),
        )
        return (*self.steps(condition), made)

    def _for(self, node: Node) -> Flow:
        first = [*self.steps(field(node, "initializer")), *self.steps(field(node, "right"))]
        test = field(node, "condition")
        endless = node.type != "for_in_statement" and (
            text(bare(test)).strip("; ") in ("true", "1", "") if test is not None else True
        )
        waits = (Deed("pass", node.start_point.row + 1, throws=True),) if _awaits(node) else ()
        body = (
            *waits,
            *self.steps(test),
            self.block(field(node, "body")),
            *self.steps(field(node, "increment")),
        )
        return (*first, Loop(body, endless))

    def _do(self, node: Node) -> Flow:
        body = (self.block(field(node, "body")), *self.steps(field(node, "condition")))
        return (body, Loop(body))

    def _try(self, node: Node) -> Flow:
        handler, final = field(node, "handler"), field(node, "finalizer")
        return Try(
            self.block(field(node, "body")),
            self.block(field(handler, "body")) if handler is not None else None,
            self.block(field(final, "body")) if final is not None else None,
        )

    def _switch(self, node: Node) -> Flow:
        body = field(node, "body")
        cases = (
            [child for child in body.named_children if child.type != "comment"] if body is not None else []
        )
        ways: list[Flow] = [
            tuple(self.block(child) for child in case.children_by_field_name("body")) for case in cases
        ]
        if not any(case.type == "switch_default" for case in cases):
            ways.append(())
        return (*self.steps(field(node, "value")), Switch(tuple(ways)))

    def _leave(self, node: Node) -> Flow:
        way = node.type.removesuffix("_statement")
        steps = [step for child in node.named_children for step in self.steps(child)]
        line = node.start_point.row + 1
        if way == "return":
            return (*steps, Leave("return", line))
        return (*steps, Leave("throw" if way == "throw" else "break" if way == "break" else "continue", line))


def _about(said: str, name: str) -> bool | None:
    """Whether a condition holds where there is no connection (True), where there is one (False), or neither."""
    own = re.escape(name)
    if re.fullmatch(rf"!\s*{own}|{own}\s*={{2,3}}\s*(?:null|undefined)|typeof {own} === .undefined.", said):
        return True
    if re.match(rf"(?:!!)?{own}(?:\s*!={{1,2}}\s*(?:null|undefined))?\s*(?:$|&&)", said):
        return False
    return None


def _optional(node: Node) -> bool:
    """`client?.release()`: given back if there is one."""
    return node.type == "member_expression" and any(child.type == "optional_chain" for child in node.children)


def _awaits(node: Node) -> bool:
    return any(child.type == "await" for child in node.children)


def _caught(node: Node) -> bool:
    """`await client.query("ROLLBACK").catch(() => {})`: nothing is thrown there."""
    called = field(bare(node), "function")
    return text(field(called, "property")) == "catch"
