"""Helm charts: templates with the chart's values filled in, as far as that can be done without Helm.

Read are references to values with a default or a quote, conditions and loops over values, and `toYaml`. Whatever else
stands in a template (helpers, look-ups, `tpl` of templates) is not known: a mark that no number and no address is taken
from. Each row keeps the place where its value stands: in the values file, else in the template.
"""

import re
from collections.abc import Iterator, Sequence

from poolcheck.model.problem import Location
from poolcheck.readers.deploy.go_template import (
    Expressions,
    Leaf,
    Part,
    TemplateBlock,
    Tree,
    UnreadTemplate,
    in_quotes,
    parse,
    truth,
)
from poolcheck.readers.yaml import UNKNOWN, Node, documents
from poolcheck.record import dataclass

_MOST_VALUES = 20_000  # of one chart; the largest public ones have 3,000
_MOST_ROWS = 50_000
_MOST_STEPS = 100_000
_LONGEST = 500_000  # characters of one template
_MOST_WRITTEN = 2_000_000  # characters
_MOST_NAMED = 200
_LONGEST_KEY = 300
_DEEPEST = 30
_BEFORE_VALUE = re.compile(r"\s*(?:- )?(?:[\w./-]+:\s*)?[\"']?")
_DOUBTED = re.compile(r"^([^\S\n]*(?:- )?[\w./-]+:[^\S\n]+)(?![|>][-+]?\s*$)\S[^\n]*$", re.MULTILINE)
_ENVIRONMENT = re.compile(r"env|config", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Rendered:
    """A template with its values. `rows[i]` stands at `places[i]`."""

    rows: tuple[str, ...]
    places: tuple[Location, ...]
    doubts: tuple[str, ...] = ()  # conditions that could not be decided, as "line 7: if ..."
    holes: bool = False  # something that may set environment variables could not be read

    def at(self, line: int) -> Location:
        """Where a row of the rendered text stands, counted from 1."""
        return self.places[min(line, len(self.places)) - 1]


def values(texts: Sequence[tuple[str, str]]) -> "Tree | None":
    """The values of a chart: several files (text, path), each laid over those before; None when one cannot be read."""
    made: Tree = {}
    budget = [_MOST_VALUES]
    for text, path in texts:
        found = documents(text)
        if not found:
            if re.search(r"^[^\s#]", text, re.MULTILINE):
                return None
            continue
        try:
            made = _over(made, _tree(found[0], path, budget, 0))
        except UnreadTemplate:
            return None
    return made


def _tree(node: Node, path: str, budget: list[int], deep: int) -> Tree:
    budget[0] -= 1
    if budget[0] < 0 or deep > _DEEPEST:
        raise UnreadTemplate("the values are too many")
    if isinstance(node.value, dict):
        return {key: _tree(each, path, budget, deep + 1) for key, each in node.value.items()}
    if isinstance(node.value, list):
        return [_tree(each, path, budget, deep + 1) for each in node.value]
    if not node.quoted and node.value in ("", "null", "~"):
        return None
    return Leaf(node.value, Location(path, node.line), node.quoted)


def _over(below: Tree, above: Tree) -> Tree:
    """Mappings key by key; a list or a scalar replaces the other's. A null takes a key away."""
    if not isinstance(below, dict) or not isinstance(above, dict):
        return above
    made = dict(below)
    for key, each in above.items():
        made[key] = _over(made.get(key), each) if each is not None else None
    return made


def below(tree: Tree, name: str) -> Tree:
    """The values that a chart hands to one of its subcharts, `global` included."""
    own = tree.get(name) if isinstance(tree, dict) else None
    shared = tree.get("global") if isinstance(tree, dict) else None
    made = dict(own) if isinstance(own, dict) else {}
    if shared is not None:
        made["global"] = _over(made.get("global"), shared)
    return made


def laid_over(one: Tree, other: Tree) -> Tree:
    """`other`'s values where it has any."""
    return _over(one, other)


def switched_off(tree: Tree, name: str) -> bool:
    """Whether the values say that a subchart is not installed."""
    own = tree.get(name) if isinstance(tree, dict) else None
    enabled = own.get("enabled") if isinstance(own, dict) else None
    return isinstance(enabled, Leaf) and truth(enabled) is False


def render(text: str, path: str, tree: Tree, chart: str) -> Rendered:
    """The template with its values.

    Raises:
        Unread: it is no template, or too large a one; the message says which.
    """
    if len(text) > _LONGEST:
        raise UnreadTemplate("it is too large")
    root: Tree = {
        "Values": tree,
        "Chart": {"Name": Leaf(chart)},
        # what `helm template` calls a release that has no name
        "Release": {"Name": Leaf("release-name"), "Namespace": Leaf("default"), "Service": Leaf("Helm"), "IsInstall": Leaf("true")},
        "Capabilities": UnreadTemplate, "Files": UnreadTemplate, "Template": UnreadTemplate,
    }  # fmt: skip
    run = _Run(path, Expressions(root, chart))
    run.execute(parse(text), root, {"$": root}, 0)
    return Rendered(
        tuple(row.text for row in run.rows),
        tuple(row.place or Location(path, row.line or 1) for row in run.rows),
        tuple(dict.fromkeys(run.doubts)),
        run.holes,
    )


_Scope = dict[str, Tree]


class _Row:
    """A row being written."""

    __slots__ = ("line", "parts", "place", "size")

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.size = self.line = 0
        self.place: Location | None = None

    def add(self, text: str, line: int, place: Location | None) -> None:
        """More text, from a line of the template or a place in the values."""
        self.parts.append(text)
        self.size += len(text)
        self.place = place or self.place
        if not self.line and text.strip():
            self.line = line

    @property
    def text(self) -> str:
        """What was written."""
        if len(self.parts) > 1:
            self.parts = ["".join(self.parts)]
        return self.parts[0] if self.parts else ""


class _Run:
    """One template being filled in."""

    def __init__(self, path: str, expressions: Expressions) -> None:
        self.path, self.expressions = path, expressions
        self.rows = [_Row()]
        self.size = 0
        self.doubts: list[str] = []
        self.doubtful = 0  # conditions around us that could not be decided
        self.holes = False
        self.steps = 0

    def execute(self, parts: Sequence["Part"], dot: Tree, scope: _Scope, deep: int) -> None:
        if deep > _DEEPEST:
            raise UnreadTemplate("it is nested too deeply")
        for part in parts:
            self.steps += 1
            if self.steps > _MOST_STEPS or len(self.rows) > _MOST_ROWS:
                raise UnreadTemplate("it makes too many rows")
            if part.text:
                self._text(part.text, part.line)
            elif part.block is not None:
                self._block(part.block, part.line, dot, scope, deep)
            elif part.action:
                self._action(part.action, part.line, dot, scope)

    # --- what is written ---

    def _write(self, text: str, line: int, place: Location | None = None) -> None:
        self.size += len(text)
        if self.size > _MOST_WRITTEN:
            raise UnreadTemplate("it makes too long a text")
        self.rows[-1].add(text, line, place)

    def _text(self, text: str, line: int) -> None:
        if self.doubtful:
            text = _DOUBTED.sub(rf"\1{UNKNOWN}", text)
        for number, piece in enumerate(text.split("\n")):
            if number:
                self.rows.append(_Row())
            self._write(piece, line + number)

    def _tree(self, tree: Tree, indent: int, line: int) -> None:
        """What toYaml writes, every row at this indent."""
        for number, (text, place) in enumerate(_dump(tree, 0)):
            if number:
                self.rows.append(_Row())
            shown = _DOUBTED.sub(rf"\1{UNKNOWN}", text) if self.doubtful else text
            if number or not self.rows[-1].text.strip():
                self.rows[-1] = _Row()
                shown = " " * indent + shown
            self._write(shown, line, place)
            if len(self.rows) > _MOST_ROWS:
                raise UnreadTemplate("it makes too many rows")

    # --- what is done ---

    def _action(self, action: str, line: int, dot: Tree, scope: _Scope) -> None:
        named = re.match(r"(\$\w*)\s*:?=\s*(.*)$", action, re.DOTALL)
        if named:
            if len(scope) > _MOST_NAMED:
                raise UnreadTemplate("it names too many variables")
            scope[named[1]] = self.expressions.value(named[2], dot, scope)
            return
        action = re.sub(r"^template\b", "include", action)
        made = self.expressions.piped(action, dot, scope)
        tree, indent, newline = made.tree, made.indent, made.newline
        row = self.rows[-1]
        if tree is UnreadTemplate:
            if row.text.strip() and indent is None:
                self._write(UNKNOWN, line)
            self.holes = self.holes or _ENVIRONMENT.search(action) is not None
        elif isinstance(tree, dict | list) or (isinstance(tree, Leaf) and indent is not None):
            if newline:
                self.rows.append(_Row())
            if tree:
                self._tree(tree, indent or 0, line)
        elif isinstance(tree, Leaf):
            first = row.size < _LONGEST_KEY and _BEFORE_VALUE.fullmatch(row.text) is not None
            self._write(UNKNOWN if self.doubtful else tree.text, line, tree.location if first else None)

    def _block(self, block: "TemplateBlock", line: int, dot: Tree, scope: _Scope, deep: int) -> None:
        if block.kind == "define":
            return
        value = self.expressions.value(block.expression, dot, scope)
        if block.kind == "range":
            if value is UnreadTemplate:
                self.doubts.append(f"line {line}: range {block.expression[:60]}")
            else:
                self._range(block, value, dot, scope, deep)
            return
        decided = truth(value)
        if decided is None:
            self.doubts.append(f"line {line}: {block.kind} {block.expression[:60]}")
            self.doubtful += 1
            for body in (block.body, block.otherwise):
                self.execute(
                    body, value if block.kind == "with" and body is block.body else dot, dict(scope), deep + 1
                )
            self.doubtful -= 1
            return
        inner = dict(scope) if block.kind == "with" else scope
        if decided and block.variable:
            inner[block.variable[-1]] = value
        if decided:
            self.execute(block.body, value if block.kind == "with" else dot, inner, deep + 1)
        else:
            self.execute(block.otherwise, dot, scope, deep + 1)

    def _range(self, block: TemplateBlock, value: Tree, dot: Tree, scope: _Scope, deep: int) -> None:
        pairs: list[tuple[str, Tree]] = []
        if isinstance(value, dict):
            pairs = sorted(value.items())
        elif isinstance(value, list):
            pairs = [(str(number), each) for number, each in enumerate(value)]
        if not pairs:
            self.execute(block.otherwise, dot, scope, deep + 1)
        for key, each in pairs:
            inner = dict(scope)
            if block.variable:
                inner[block.variable[-1]] = each
            if len(block.variable) == 2:
                inner[block.variable[0]] = Leaf(key)
            self.execute(block.body, each, inner, deep + 1)


def _dump(tree: Tree, indent: int) -> Iterator[tuple[str, Location | None]]:
    """YAML rows with the place of each value."""
    pad = " " * indent
    if isinstance(tree, Leaf):
        yield pad + _scalar(tree), tree.location
    elif isinstance(tree, dict):
        for key, each in tree.items():
            if isinstance(each, dict | list) and each:
                yield f"{pad}{_key(key)}:", None
                yield from _dump(each, indent + 2)
            else:
                leaf = each if isinstance(each, Leaf) else None
                text = (
                    _scalar(leaf) if leaf else "[]" if isinstance(each, list) else "{}" if each == {} else ""
                )
                yield f"{pad}{_key(key)}: {text}".rstrip(), leaf.location if leaf else None
    elif isinstance(tree, list):
        for each in tree:
            for number, (text, place) in enumerate(_dump(each, indent + 2)):
                yield (f"{pad}- {text[indent + 2 :]}" if not number else text), place


def _key(key: str) -> str:
    return key if re.fullmatch(r"[\w./-]+", key) else in_quotes(key)


def _scalar(leaf: Leaf) -> str:
    plain = not leaf.quoted and re.fullmatch(r"(?:[\w./+]|-[\w.])[\w./%@:+,=?&-]*", leaf.text) is not None
    return leaf.text if plain and not re.search(r":(?:\s|$)", leaf.text) else in_quotes(leaf.text)
