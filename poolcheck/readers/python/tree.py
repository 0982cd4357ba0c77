"""A parsed Python file: what stands in what, its calls, its imports. The grammar decides, not the Python that runs."""

from bisect import bisect_left
from collections.abc import Callable, Iterator
from functools import cache
from itertools import groupby

import tree_sitter_python
from tree_sitter import Language, Node, Parser

from poolcheck.readers.syntax import Parsed, TooMuch, field, text, within

# What may stand between a thing and what it belongs to, and is neither.
_THROUGH = frozenset(
    "argument_list parenthesized_expression block decorated_definition with_clause else_clause as_pattern pair "
    "type".split()
)
_LONGEST_RUN = 500  # lines; the parser looks through the rest of a run of comments for each of them
_HANDLERS = frozenset({"except_clause", "except_group_clause", "finally_clause"})
_DOTS = 30  # in one name; nobody writes more


@cache
def parser() -> Parser:
    """The parser for Python."""
    return Parser(Language(tree_sitter_python.language()))


class Module(Parsed):
    """One parsed file: parents of nodes, imported names, calls, and where each name stands."""

    def __init__(self, source: str, path: str) -> None:
        lines = source.replace("\r\n", "\n").replace("\r", "\n")
        super().__init__(_without_long_runs(lines).encode("utf-8", "surrogatepass"), parser())
        self.path = path
        self.names: dict[str, str] = {}  # local name → dotted name of what it is
        self.own: dict[
            str, tuple[str, str]
        ] = {}  # local name → (module, name there), also of the project itself
        self.calls: list[Node] = []
        self.assignments: list[Node] = []
        self.with_items: list[Node] = []
        self.outer_names: list[Node] = []  # global and nonlocal statements
        self.misplaced: list[Node] = []  # statements whose indentation fits nothing, and blocks without any
        # by the line on which they begin, the innermost of several; only where a comment may speak of them
        self.statements: dict[int, Node] = {}
        self._commented = b"poolcheck" in self.code.lower()
        self._decorators: dict[int, list[Node]] = {}
        self._parents: dict[int, Node] = {}
        self._functions: dict[int, Node] = {}
        self._identifiers: dict[str, list[Node]] = {}
        self._walk()

    def _walk(self) -> None:
        notes = self._notes()
        stack: list[tuple[Node, Node | None, Node | None]] = [(self.root, None, None)]
        while stack:
            node, parent, function = stack.pop()
            kind = node.type
            if kind == "ERROR" and parent is not None:
                continue
            if parent is not None:
                self._parents[node.id] = parent
            if function is not None and kind in ("call", "function_definition"):
                self._functions[node.id] = function
            if self._commented and kind.endswith(("_statement", "_definition", "elif_clause")):
                self._note_statement(node, kind, parent)
            note = notes.get(kind)
            if note is not None:
                note(node)
            if kind == "decorated_definition":
                self._decorated(node, parent, function, stack)
                continue
            inner = parent if kind in _THROUGH else node
            within_function = node if kind == "function_definition" else function
            for child in reversed(node.named_children):
                stack.append((child, inner, within_function))

    def _notes(self) -> dict[str, Callable[[Node], None]]:
        return {
            "call": self.calls.append,
            "identifier": lambda node: self._identifiers.setdefault(text(node), []).append(node),
            "assignment": self.assignments.append,
            "with_item": self.with_items.append,
            "global_statement": self.outer_names.append,
            "nonlocal_statement": self.outer_names.append,
            "import_statement": self._import,
            "import_from_statement": self._import_from,
            "future_import_statement": self._import_from,
            "try_statement": self._whole_try,
            "block": self._indentation,
            "module": self._indentation,
        }

    def _decorated(
        self,
        node: Node,
        parent: Node | None,
        function: Node | None,
        stack: list[tuple[Node, Node | None, Node | None]],
    ) -> None:
        """Decorators belong to what they decorate."""
        made = field(node, "definition")
        if made is None:
            return
        self._decorators[made.id] = [child for child in node.named_children if child.type == "decorator"]
        own = made if made.type == "function_definition" else function
        stack.append((made, parent, function))
        for decorator in reversed(self._decorators[made.id]):
            stack.extend((child, made, own) for child in decorator.named_children)

    def _note_statement(self, node: Node, kind: str, parent: Node | None) -> None:
        if kind != "decorated_definition":
            whole = parent if kind == "elif_clause" and parent is not None else node
            self.statements[node.start_point.row + 1] = whole

    def _import(self, node: Node) -> None:
        for one in reversed(node.children_by_field_name("name")):
            alias = text(field(one, "alias"))
            whole = _words(field(one, "name") if alias else one)
            first = whole.partition(".")[0]
            self.names.setdefault(alias or first, whole if alias else first)

    def _import_from(self, node: Node) -> None:
        module = field(node, "module_name")
        for one in node.children_by_field_name("name"):
            alias = text(field(one, "alias"))
            name = _words(field(one, "name") if alias else one)
            self.own.setdefault(alias or name, (text(module), name))
        if module is not None and module.type != "dotted_name":
            return  # of the project itself
        came = _words(module) if module is not None else "__future__"
        for one in reversed(node.children_by_field_name("name")):
            alias = text(field(one, "alias"))
            name = _words(field(one, "name") if alias else one)
            self.names.setdefault(alias or name, f"{came}.{name}")
        if any(child.type == "wildcard_import" for child in node.named_children):
            self.names.setdefault("*", f"{came}.*")

    def _indentation(self, block: Node) -> None:
        statements = [child for child in block.named_children if not child.is_extra]
        if block.type == "block" and not statements:
            self.misplaced.append(block)
        if block.type == "block" and len({child.start_point.column for child in statements}) < 2:
            return
        wanted = "" if block.type == "module" else None
        for child in statements:
            if wanted == "" and child.start_point.column == 0:
                continue
            margin = self.before(child)
            if margin.strip():
                continue
            width = margin.rpartition("\f")[2].expandtabs(8)
            wanted = width if wanted is None else wanted
            if width != wanted and not self._goes_on(child):
                self.misplaced.append(child)

    def _whole_try(self, node: Node) -> None:
        """A `try` alone is no Python, whatever the grammar says."""
        if not any(child.type in _HANDLERS for child in node.named_children):
            self.misplaced.append(node)

    def before(self, node: Node) -> str:
        """What stands on a node's line before it."""
        return self.code[node.start_byte - node.start_point.column : node.start_byte].decode(
            "utf-8", "replace"
        )

    def _goes_on(self, node: Node) -> bool:
        """Whether the line before ends with a backslash."""
        start = node.start_byte - node.start_point.column
        return self.code[max(start - 2, 0) : start] == b"\\\n"

    def full(self, node: Node | None) -> str:
        """The dotted name of what an expression names, imports resolved: "psycopg2.connect"."""
        words = dotted(node)
        first, _, rest = words.partition(".")
        known = self.names.get(first)
        return words if known is None else known + (f".{rest}" if rest else "")

    def full_words(self, words: str) -> str:
        """The dotted name of a dotted name, where its first part is imported; "" where it is not."""
        first, _, rest = words.partition(".")
        known = self.names.get(first)
        return f"{known}.{rest}" if known is not None and rest else ""

    def parent(self, node: Node) -> Node | None:
        """What a node belongs to; brackets are none."""
        return self._parents.get(node.id)

    def up(self, node: Node) -> Iterator[Node]:
        """What a node stands in, from the inside out."""
        found = self._parents.get(node.id)
        while found is not None:
            self.spend(10)
            yield found
            found = self._parents.get(found.id)

    def at_top(self, node: Node) -> bool:
        """Whether a node is a statement of the module itself."""
        statement = self.parent(node)
        outer = self.parent(statement) if statement is not None else None
        return outer is not None and outer.type == "module"

    def function(self, node: Node) -> Node | None:
        """The function that a call or a function stands in."""
        return self._functions.get(node.id)

    def decorators(self, function: Node) -> list[str]:
        """The dotted name of each decorator, with or without arguments; calls end with "()"."""
        made = []
        for decorator in self._decorators.get(function.id, ()):
            value = bare(next((child for child in decorator.named_children if not child.is_extra), None))
            called = value is not None and value.type == "call"
            made.append(dotted(field(value, "function")) + "()" if called else dotted(value))
        return made

    def span(self, function: Node) -> tuple[int, int]:
        """Where a function begins and ends, in bytes, decorators included."""
        decorators = self._decorators.get(function.id)
        return (decorators[0] if decorators else function).start_byte, function.end_byte

    def rows(self, node: Node) -> tuple[int, int]:
        """The rows of a statement, from 0, decorators included."""
        decorators = self._decorators.get(node.id)
        return (decorators[0] if decorators else node).start_point.row, node.end_point.row

    def inside(self, nodes: list[Node], function: Node) -> Iterator[Node]:
        """Those of `nodes`, which are in order, that stand in a function."""
        start, end = self.span(function)
        for at in range(bisect_left(nodes, start, key=_start), len(nodes)):
            if nodes[at].start_byte >= end:
                break
            self.spend(150)
            yield nodes[at]

    def uses(self, name: str, function: Node) -> Iterator[Node]:
        """Where an identifier stands in a function, whatever it does there."""
        return self.inside(self._identifiers.get(name, []), function)

    def named(self, name: str) -> list[Node]:
        """Where an identifier stands in the file, whatever it does there."""
        return self._identifiers.get(name, [])

    def stored(self, node: Node) -> bool:
        """Whether a name or an attribute is given a value at `node`."""
        for outer in self.up(node):
            if outer.type in ("assignment", "augmented_assignment", "for_statement", "for_in_clause"):
                left = field(outer, "left")
                return left is not None and within(node, left)
            if outer.type in ("named_expression", "as_pattern_target"):
                return outer.type != "named_expression" or outer.start_byte == node.start_byte
            if outer.type not in _PATTERNS:
                break
        return False


def _without_long_runs(source: str) -> str:
    """The same lines, with hundreds of comments in a row as blanks; those that speak of poolcheck stay.

    Raises:
        TooMuch: a run of lines that nobody wrote by hand is left, such as thousands that end with a backslash.
    """
    if max(source.count("#"), source.count("\\\n")) <= _LONGEST_RUN:
        return source
    lines = source.split("\n")
    for kind, run in groupby(range(len(lines)), key=lambda row: _kind(lines[row])):
        rows = [row for row in run if lines[row].strip()] if kind else []
        if len(rows) <= _LONGEST_RUN:
            continue
        kept = [row for row in rows if kind == "\\" or "poolcheck" in lines[row].lower()]
        if len(kept) > _LONGEST_RUN:
            raise TooMuch
        for row in set(rows).difference(kept):
            lines[row] = ""
    return "\n".join(lines)


def _kind(line: str) -> str:
    """What a line is for a parser that looks ahead: a comment or blank, one that goes on, or another."""
    if line.lstrip()[:1] in ("", "#"):
        return "#"
    return "\\" if line.endswith("\\") else ""


_PATTERNS = frozenset(
    "pattern_list tuple_pattern list_pattern list_splat_pattern list_splat tuple list expression_list".split()
)


def _start(node: Node) -> int:
    return node.start_byte


def _words(node: Node | None) -> str:
    """`a.b.c` of an import."""
    if node is None or node.type != "dotted_name":
        return text(node)
    return ".".join(text(child) for child in node.named_children if child.type == "identifier")


def bare(node: Node | None) -> Node | None:
    """The value inside brackets."""
    while node is not None and node.type == "parenthesized_expression":
        node = next((child for child in node.named_children if not child.is_extra), None)
    return node


def dotted(node: Node | None, most: int = _DOTS) -> str:
    """`a.b.c` of names and attributes; "" for anything else, and for more than `most` dots."""
    parts: list[str] = []
    node = bare(node)
    while node is not None and node.type == "attribute" and len(parts) < most:
        parts.append(text(field(node, "attribute")))
        node = bare(field(node, "object"))
    if node is None or node.type != "identifier":
        return ""
    return ".".join([text(node), *reversed(parts)])


def called(call: Node) -> Node | None:
    """What a call calls."""
    return bare(field(call, "function"))


def verb(call: Node) -> str:
    """The last part of what a call calls, when that is an attribute: `getconn` of `a().b.getconn()`."""
    function = called(call)
    return text(field(function, "attribute")) if function is not None and function.type == "attribute" else ""


def _given(call: Node) -> list[Node]:
    given = field(call, "arguments")
    if given is None or given.type != "argument_list":  # f(x for x in y)
        return [given] if given is not None else []
    return [child for child in given.named_children if not child.is_extra]


def arguments(call: Node) -> list[Node]:
    """The arguments of a call that have no name."""
    found = (
        bare(child) for child in _given(call) if child.type not in ("keyword_argument", "dictionary_splat")
    )
    return [child for child in found if child is not None]


def keywords(call: Node) -> list[tuple[str, Node]]:
    """The arguments of a call by name; "" for `**more`."""
    found = []
    for child in _given(call):
        value = bare(field(child, "value"))
        if child.type == "keyword_argument" and value is not None:
            found.append((text(field(child, "name")), value))
        elif child.type == "dictionary_splat":
            found.append(("", child))
    return found


def parameters(function: Node) -> list[str]:
    """The parameters that may be given by place or by name."""
    found: list[str] = []
    given = field(function, "parameters")
    for child in given.named_children if given is not None else ():
        if child.type in ("list_splat_pattern", "keyword_separator", "dictionary_splat_pattern"):
            break
        if child.type == "positional_separator":
            found.clear()
        elif child.type == "typed_parameter":
            first = child.named_children[0]
            if first.type != "identifier":
                break
            found.append(text(first))
        elif not child.is_extra:
            found.append(text(field(child, "name") or child))
    return found


def body(node: Node, name: str = "body") -> list[Node]:
    """The statements of a function or a branch."""
    block = field(node, name)
    return [child for child in block.named_children if not child.is_extra] if block is not None else []
