"""The ways through a Python function, as far as they matter to one connection that it holds."""

import re
from collections.abc import Iterator, Mapping

from tree_sitter import Node

from poolcheck.readers.flow import Deed, Either, Flow, Leave, Loop, Try, What, branch, does_only
from poolcheck.readers.python.tree import bare, called, dotted
from poolcheck.readers.syntax import field, text

# start of a use of the connection → what it does to it
Events = Mapping[int, What]
_NESTED = frozenset({"function_definition", "class_definition", "lambda"})
_QUIET = re.compile(r"^(?:print|len|str|int|isinstance|(?:self\.)?_?(?:log|logger|logging)\.\w+)$")
_GIVES: frozenset[What] = frozenset(
    {"give", "drop", "perhaps", "pass"}
)  # all that a branch behind a flag may do
_FLAG = re.compile(r"(?:not\s+)?[\w.]+")


class Paths:
    """Builds the steps of one function."""

    def __init__(self, name: str, events: Events) -> None:
        self.name, self.events = name, events

    def block(self, node: Node | None) -> Flow:
        """The steps of a statement or a block."""
        if node is None or node.type == "comment":
            return ()
        match node.type:
            case "block" | "module":
                return tuple(self.block(child) for child in node.named_children)
            case "if_statement" | "elif_clause":
                return self._if(node)
            case "else_clause" | "case_clause":
                return self.block(field(node, "body") or field(node, "consequence"))
            case "for_statement" | "while_statement":
                return self._loop(node)
            case "try_statement":
                return self._try(node)
            case "with_statement":
                first = [
                    deed
                    for child in node.named_children
                    if child.type == "with_clause"
                    for deed in self.steps(child)
                ]
                return (*first, self.block(field(node, "body")))
            case "match_statement":
                cases = getattr(field(node, "body"), "named_children", [])
                return (*self.steps(field(node, "subject")), Either((*map(self.block, cases), ())))
            case "return_statement" | "raise_statement" | "break_statement" | "continue_statement":
                return self._leave(node)
            case "function_definition" | "class_definition" | "decorated_definition":
                return ()
        return tuple(self.steps(node))

    def steps(self, node: Node | None) -> Iterator[Deed]:
        """What an expression does, in order."""
        if node is None or node.type == "comment":
            return
        line = node.start_point.row + 1
        if node.type in _NESTED:
            if any(what in ("give", "perhaps", "gone") for what in self._inside(node)):
                yield Deed("perhaps", line)
            return
        if node.type == "identifier":
            what = self.events.get(node.start_byte)
            if what is not None:
                yield Deed(what, line)
            return
        inner = [deed for child in node.named_children for deed in self.steps(child)]
        if node.type in ("conditional_expression", "boolean_operator"):
            inner = [deed._replace(what="perhaps") if deed.what == "give" else deed for deed in inner]
        yield from inner
        own = [deed for deed in inner if deed.what != "pass"]
        if node.type == "call" and not own and not _QUIET.match(dotted(called(node))):
            yield Deed("pass", line, throws=True)

    def _inside(self, node: Node) -> list[What]:
        return [what for at, what in self.events.items() if node.start_byte <= at < node.end_byte]

    def _if(self, node: Node) -> Flow:
        condition = field(node, "condition")
        then = self.block(field(node, "consequence"))
        others = node.children_by_field_name("alternative") if node.type == "if_statement" else []
        other: Flow = ()
        for each in reversed(others):
            if each.type == "elif_clause":
                other = (
                    *self.steps(field(each, "condition")),
                    Either((self.block(field(each, "consequence")), other)),
                )
            else:
                other = self.block(field(each, "body"))
        said = text(bare(condition))
        made = branch(
            then,
            other,
            node.start_point.row + 1,
            missing=_about(said, self.name),
            flagged=_FLAG.fullmatch(said) is not None and does_only(then, _GIVES),
        )
        return (*self.steps(condition), made)

    def _loop(self, node: Node) -> Flow:
        test = field(node, "condition")
        endless = node.type == "while_statement" and text(bare(test)) in ("True", "1")
        body = (*self.steps(test), self.block(field(node, "body")))
        return (
            *self.steps(field(node, "right")),
            Loop(body, endless),
            self.block(field(node, "alternative")),
        )

    def _try(self, node: Node) -> Flow:
        body: Flow = self.block(field(node, "body"))
        handlers, final = [], None
        for child in node.named_children:
            inner = next((each for each in reversed(child.named_children) if each.type == "block"), None)
            if child.type in ("except_clause", "except_group_clause"):
                handlers.append(self.block(inner))
            elif child.type == "finally_clause":
                final = self.block(inner)
            elif child.type == "else_clause":
                body = (body, self.block(field(child, "body")))
        return Try(body, Either(tuple(handlers)) if handlers else None, final)

    def _leave(self, node: Node) -> Flow:
        line = node.start_point.row + 1
        steps = [deed for child in node.named_children for deed in self.steps(child)]
        match node.type:
            case "return_statement":
                return (*steps, Leave("return", line))
            case "raise_statement":
                return (*steps, Leave("throw", line))
            case "break_statement":
                return Leave("break", line)
        return Leave("continue", line)


def _about(said: str, name: str) -> bool | None:
    """Whether a condition holds where there is no connection (True), where there is one (False), or neither."""
    own = re.escape(name)
    if re.fullmatch(rf"not\s+{own}|{own}\s+is\s+None|{own}\s*==\s*None", said):
        return True
    if re.match(rf"{own}(?:\s+is\s+not\s+None|\s*!=\s*None)?\s*(?:$|and\b)", said):
        return False
    return None
