"""Which parts of a Python file do not parse, and what stands clearly outside them.

A parser goes on behind an error, but may then take the rest of a function for the module's, or miss the `finally` that
gives a connection back. So an error spoils the whole function, or the whole statement of the module, around it.
"""

import re
from bisect import bisect_right
from itertools import accumulate, pairwise

from tree_sitter import Node

from poolcheck.readers.python.tree import Module

# What carries on the statement above although it is not indented.
_GOES_ON = re.compile(r"\s*(?:[)\]}]|(?:else|elif|except|finally)\b)")
_BLANK = re.compile(r"\s*(?:$|#)")


class Errors:
    """The parse errors of a file."""

    def __init__(self, module: Module) -> None:
        self._module = module
        nodes = list(module.errors())
        self._broken = sum(node.end_byte - node.start_byte for node in nodes)
        found = [(node.start_point.row, node.end_point.row) for node in (*nodes, *module.misplaced)]
        self._found = sorted(found)  # first and last row of each
        self._reach = list(accumulate((last for _, last in self._found), max))  # of all up to each
        self._rows = module.code.decode("utf-8", "replace").split("\n") if found else []
        self._known: dict[int, bool] = {}

    @property
    def first(self) -> int:
        """The line of the first error, from 1."""
        return self._found[0][0] + 1 if self._found else 0

    @property
    def mostly(self) -> bool:
        """Whether the file is no Python for the most part."""
        return self._module.root.is_error or self._broken > len(self._module.code) // 2

    @property
    def words(self) -> str:
        """What to say about a file of which only a part was read; "" when there is nothing to say."""
        if not self._found:
            return ""
        return f"not Python at line {self.first}: what stands around it was not looked at"

    def outside(self, call: Node) -> bool:
        """Whether no error can have changed what a call seems to do."""
        if not self._found:
            return True
        chain = [
            outer for outer in self._module.up(call) if outer.type.endswith(("_statement", "_definition"))
        ]
        if not chain or not self._indented(chain):
            return False
        functions = [outer for outer in chain if outer.type == "function_definition"]
        whole = functions[-1] if functions else chain[-1]
        if whole.id not in self._known:
            self._known[whole.id] = self._untouched(whole)
        return self._known[whole.id]

    def _indented(self, chain: list[Node]) -> bool:
        """Whether each statement is indented as what it stands in has it: what an error cut loose is not."""
        for inner, outer in pairwise(chain):
            rows = inner.start_point.row, outer.start_point.row
            if rows[0] != rows[1] and self._margin(rows[0]) <= self._margin(rows[1]):
                return False
        return self._margin(chain[-1].start_point.row) == 0

    def _untouched(self, whole: Node) -> bool:
        """Whether no error lies in a function or a statement, or right before or behind it."""
        first, last = self._module.rows(whole)
        last = self._end(whole.start_point.row, last)
        before = bisect_right(self._found, last + 1, key=lambda rows: rows[0])
        return before == 0 or self._reach[before - 1] < first - 1

    def _end(self, first: int, last: int) -> int:
        """The last row that belongs to a statement by its indentation, if that is behind `last`."""
        margin = self._margin(first)
        for row in range(last + 1, len(self._rows)):
            self._module.spend(10)
            if not _BLANK.match(self._rows[row]):
                if self._margin(row) <= margin and not _GOES_ON.match(self._rows[row]):
                    break
                last = row
        return last

    def _margin(self, row: int) -> int:
        line = self._rows[row].rpartition("\f")[2].expandtabs(8)
        return len(line) - len(line.lstrip())
