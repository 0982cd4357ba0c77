"""What readers of every language do with a syntax tree: positions in characters, effort within bounds, parse errors."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from tree_sitter import Node, Parser

from poolcheck.model.source import Scope

_EFFORT = 20_000_000  # steps; finding a node passes over the root's children each time


class TooMuch(Exception):
    """Nobody wrote this by hand: looking at every place would take longer than it is worth."""


class UnreadableSource(Exception):
    """Why a file is not looked at, in a few words."""


class Placed(NamedTuple):
    """Where a value is made, and which variable it is bound to."""

    scope: Scope
    within: str = ""
    name: str = ""


def text(node: Node | None) -> str:
    """The source text of a node; "" for none."""
    return node.text.decode("utf-8", "replace") if node is not None and node.text is not None else ""


def field(node: Node | None, name: str) -> Node | None:
    """A child by its field's name."""
    return node.child_by_field_name(name) if node is not None else None


def below(node: Node) -> Iterator[Node]:
    """The node and every named one in it, in the order of the file."""
    stack = [node]
    while stack:
        node = stack.pop()
        yield node
        stack.extend(reversed(node.named_children))


def within(node: Node, outer: Node) -> bool:
    """Whether `node` lies inside `outer`."""
    return outer.start_byte <= node.start_byte and node.end_byte <= outer.end_byte


class Parsed:
    """One parsed file."""

    def __init__(self, code: bytes, parser: Parser) -> None:
        self.code = code
        self.tree = parser.parse(code)
        self.root = self.tree.root_node
        self._left = _EFFORT

    def spend(self, steps: int) -> None:
        """Count work that grows faster than the file.

        Raises:
            TooMuch: the file has more places to look at than any source that was written by hand.
        """
        self._left -= steps
        if self._left < 0:
            raise TooMuch

    def line(self, node: Node) -> int:
        """The line on which a node begins, from 1."""
        return node.start_point.row + 1

    def column(self, node: Node) -> int:
        """The column of a node, from 1, in characters."""
        start = node.start_byte - node.start_point.column
        return len(self.code[start : node.start_byte].decode("utf-8", "replace")) + 1

    def look(self, start: int, end: int) -> Node | None:
        """The smallest node around these bytes.

        Raises:
            TooMuch: as by `spend`.
        """
        self.spend(self.root.child_count + 50)
        return self.root.descendant_for_byte_range(start, end)

    def comments(self) -> Iterator[Node]:
        """The comments that mention poolcheck."""
        seen = set()
        for match in re.finditer(rb"(?i)poolcheck", self.code):
            node = self.look(match.start(), match.end())
            if node is not None and node.type == "comment" and node.start_byte not in seen:
                seen.add(node.start_byte)
                yield node

    def errors(self) -> Iterator[Node]:
        """The outermost parts that do not parse, and the places where something is missing, in order."""
        stack = [self.root]
        while stack:
            node = stack.pop()
            if node.is_error or node.is_missing:
                yield node
            elif node.has_error:
                stack.extend(reversed(node.children))
