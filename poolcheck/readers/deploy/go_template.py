"""Go templates as Helm charts use them: their parts, and the expressions that can be followed without running one."""

import base64
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from poolcheck.model.problem import Location
from poolcheck.record import dataclass

_DEEPEST = 30
_ACTION = re.compile(
    r"\{\{(-(?=\s))?((?:/\*(?:[^*]|\*(?!/))*\*/|\"(?:[^\"\\\n]|\\.)*\"|`[^`]*`|[^}\"`/]|/(?!\*)|\}(?!\}))*)\}\}"
)
_OPENS = re.compile(r"(if|with|range|define|block)\b\s*(.*)$", re.DOTALL)
_VARIABLES = re.compile(r"(\$\w+)\s*(?:,\s*(\$\w+)\s*)?:=\s*(.*)$", re.DOTALL)
_NAMING = re.compile(r"(?:^|(?<![\w.-])[\w-]*\.)([\w.-]*)name$", re.IGNORECASE)
_ADDRESS = re.compile(r"host|user|database|db|domain|server|url", re.IGNORECASE)
_TOKEN = re.compile(
    r"""((?<!\\)"(?:[^"\\]|\\.)*"|`[^`]*`)|(\()|(\))|(\|)|(\$?\w*(?:\.[\w-]+)+|\$\w*|\.)|(-?\d[\w.]*)|([^\W\d]\w*)|(\S)"""
)
# What YAML does not let stand in a text as it is, and what it takes for the end of a row.
_NOT_PRINTED = re.compile(
    "[^\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)


_Groups = tuple[str, ...]
_LONGEST = 5_000  # characters of one expression


class UnreadTemplate(Exception):
    """A template that is not read; as a value, what is not known."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """A scalar of a values file. No location: it stands in the template."""

    text: str
    location: Location | None = None
    quoted: bool = False


Tree = Leaf | dict[str, Any] | list[Any] | type[UnreadTemplate] | None  # Unread: not known; None: not there


@dataclass(frozen=True, slots=True)
class TemplateBlock:
    """`if`, `with`, `range`, `define`, with what stands inside."""

    kind: str
    expression: str
    variable: tuple[str, ...]
    body: "list[Part]"
    otherwise: "list[Part]"


@dataclass(frozen=True, slots=True)
class Part:
    """Text, an action, or a block."""

    line: int
    text: str = ""
    action: str = ""
    block: TemplateBlock | None = None


class _Open(NamedTuple):
    """A block whose `end` has not come."""

    block: TemplateBlock
    line: int
    parts: list[Part]  # that it stands in
    branches: int  # else-ifs have one `end` between them


def parse(text: str) -> list[Part]:
    """The parts of a template.

    Raises:
        Unread: its actions do not close, or its blocks do not end.
    """
    top: list[Part] = []
    stack: list[_Open] = []
    here = top
    at, line, trim = 0, 1, False
    while True:
        start = text.find("{{", at)
        piece = text[at : start if start >= 0 else len(text)]
        first = line
        line += piece.count("\n")
        match = _ACTION.match(text, start) if start >= 0 else None
        if start >= 0 and match is None:
            raise UnreadTemplate(f"line {line}: an action does not close")
        if trim:
            first += len(piece[: len(piece) - len(piece.lstrip())].split("\n")) - 1
            piece = piece.lstrip()
        if match is not None and match[1]:
            piece = piece.rstrip()
        if piece:
            here.append(Part(first, piece))
        if match is None:
            break
        action = match[2]
        trim = re.search(r"\s-$", action) is not None
        action = action[: -1 if trim else None].strip()
        begun, at = line, match.end()
        line += match[0].count("\n")
        here = _placed(action, begun, here, stack)
    if stack:
        raise UnreadTemplate(f"line {stack[-1].line}: a block does not end")
    return top


def _placed(action: str, line: int, here: list[Part], stack: "list[_Open]") -> list[Part]:
    """Where the parts behind this action go."""
    opens = _OPENS.match(action)
    if opens:
        if len(stack) > _DEEPEST:
            raise UnreadTemplate(f"line {line}: it is nested too deeply")
        block = _opened(opens[1], opens[2])
        here.append(Part(line, block=block))
        stack.append(_Open(block, line, here, 1))
        return block.body
    if re.match(r"else\b", action):
        if not stack:
            raise UnreadTemplate(f"line {line}: else without if")
        inner = _OPENS.match(action[4:].strip())
        open_ = stack[-1]
        if inner is None:
            return open_.block.otherwise
        if open_.branches > _DEEPEST:
            raise UnreadTemplate(f"line {line}: too many branches")
        nested = _opened(inner[1], inner[2])
        open_.block.otherwise.append(Part(line, block=nested))
        stack[-1] = _Open(nested, line, open_.parts, open_.branches + 1)
        return nested.body
    if action == "end":
        if not stack:
            raise UnreadTemplate(f"line {line}: end without a block")
        return stack.pop().parts
    if action and not action.startswith("/*"):
        here.append(Part(line, action=action))
    return here


def _opened(kind: str, expression: str) -> TemplateBlock:
    named = _VARIABLES.match(expression.strip())
    variables = tuple(group for group in named.groups()[:2] if group) if named else ()
    return TemplateBlock(kind, (named[3] if named else expression).strip(), variables, [], [])


class Piped(NamedTuple):
    """A value on its way out: how far `indent` moves it."""

    tree: Tree
    indent: int | None = None
    newline: bool = False


def truth(value: Tree) -> bool | None:
    """Go's truth of a value; None when it is not known."""
    if value is UnreadTemplate:
        return None
    if isinstance(value, Leaf):
        if value.quoted:
            return value.text != ""
        return (
            value.text.lower() not in ("", "false", "null", "~")
            and re.fullmatch(r"[-+]?0+(?:\.0*)?", value.text) is None
        )
    return bool(value)


class Expressions:
    """Pipelines over one chart's values."""

    def __init__(self, root: Tree, chart: str) -> None:
        self.root, self.chart = root, chart

    def value(self, expression: str, dot: Tree, scope: Mapping[str, Tree]) -> Tree:
        """What an expression gives; Unread when that is not known."""
        return self.piped(expression, dot, scope).tree

    def piped(self, expression: str, dot: Tree, scope: Mapping[str, Tree]) -> Piped:
        """The same, with what `indent` and `nindent` do to it."""
        if len(expression) > _LONGEST:
            return Piped(UnreadTemplate)
        tokens = [match.groups("") for match in _TOKEN.finditer(expression)]
        made, rest = self._pipeline(tokens, 0, dot, scope, 0)
        return made if rest == len(tokens) else Piped(UnreadTemplate)

    def _pipeline(
        self, tokens: Sequence[_Groups], at: int, dot: Tree, scope: Mapping[str, Tree], deep: int
    ) -> tuple[Piped, int]:
        if deep > _DEEPEST:
            return Piped(UnreadTemplate), len(tokens) + 1
        made: Piped | None = None
        while True:
            function, arguments = "", []
            start = at
            while at < len(tokens) and not tokens[at][2] and not tokens[at][3]:
                text, opens, _, _, field, number, name, _ = tokens[at]
                at += 1
                if text:
                    arguments.append(Piped(Leaf(_unquoted(text), quoted=True)))
                elif opens:
                    inner, at = self._pipeline(tokens, at, dot, scope, deep + 1)
                    at += 1  # the closing bracket
                    if at < len(tokens) and tokens[at][4].startswith("."):
                        inner, at = Piped(_member(inner.tree, tokens[at][4])), at + 1
                    arguments.append(inner)
                elif field:
                    arguments.append(Piped(self._field(field, dot, scope)))
                elif number:
                    arguments.append(Piped(Leaf(number)))
                elif name in ("true", "false", "nil"):
                    arguments.append(Piped(Leaf(name) if name != "nil" else None))
                elif name and at == start + 1:
                    function = name
                else:
                    return Piped(UnreadTemplate), len(tokens) + 1
            if made is not None:
                arguments.append(made)
            made = self._call(function, arguments) if function else arguments[0] if len(arguments) == 1 else Piped(UnreadTemplate)  # fmt: skip
            if at >= len(tokens) or tokens[at][2]:
                return made, at
            at += 1

    def _field(self, field: str, dot: Tree, scope: Mapping[str, Tree]) -> Tree:
        head, _, rest = field.partition(".")
        base = dot if not head else self.root if head == "$" else scope.get(head, UnreadTemplate)
        return _member(base, rest) if rest else base

    def _call(self, name: str, given: Sequence[Piped]) -> Piped:
        trees = [each.tree for each in given]
        last = given[-1] if given else Piped(UnreadTemplate)
        if name in ("nindent", "indent") and len(trees) == 2 and isinstance(trees[0], Leaf):
            size = trees[0].text
            return Piped(last.tree, int(size) if re.fullmatch(r"\d{1,3}", size) else 0, name == "nindent")
        if name in _SAME and trees:
            return last
        if name in ("include", "tpl"):
            return Piped(self._helper(name, trees))
        made = _FUNCTIONS.get(name)
        return Piped(made(trees) if made is not None and trees else UnreadTemplate)

    def _helper(self, name: str, trees: Sequence[Tree]) -> Tree:
        first = trees[0] if trees else UnreadTemplate
        if name == "tpl":
            return UnreadTemplate if first is UnreadTemplate or "{{" in str(first) else first
        # a name of the chart's objects: "web.fullname" as `helm create` makes it, "web.jobsName" beside it
        named = _NAMING.search(first.text) if isinstance(first, Leaf) else None
        if named is None or not isinstance(first, Leaf) or _ADDRESS.search(named[1]):
            return UnreadTemplate
        part = named[1].partition(".")[2] if "." in first.text else named[1]
        part = part.removesuffix("full").removeprefix("names.").rstrip(".-")
        return Leaf(f"{self.chart}-{part}" if part else self.chart)


def _member(base: Tree, path: str) -> Tree:
    for key in path.strip(".").split("."):
        if base is UnreadTemplate:
            return UnreadTemplate
        base = base.get(key) if isinstance(base, dict) else None
    return base


def _unquoted(text: str) -> str:
    return (
        text[1:-1]
        if text[0] == "`"
        else re.sub(r"\\(.)", lambda match: {"n": "\n", "t": "\t"}.get(match[1], match[1]), text[1:-1])
    )


def _text(tree: Tree) -> str | None:
    return tree.text if isinstance(tree, Leaf) else None


def _flag(known: bool | None) -> Tree:
    return UnreadTemplate if known is None else Leaf("true" if known else "false")


def _default(trees: Sequence[Tree]) -> Tree:
    known = truth(trees[-1])
    return UnreadTemplate if known is None else trees[-1] if known else trees[0]


def _first(trees: Sequence[Tree]) -> Tree:
    for tree in trees:
        known = truth(tree)
        if known is None or known:
            return UnreadTemplate if known is None else tree
    return None


def _ternary(trees: Sequence[Tree]) -> Tree:
    known = truth(trees[-1]) if len(trees) == 3 else None
    return UnreadTemplate if known is None else trees[0] if known else trees[1]


def _and(trees: Sequence[Tree]) -> Tree:
    known = [truth(tree) for tree in trees]
    return trees[known.index(False)] if False in known else UnreadTemplate if None in known else trees[-1]


def _or(trees: Sequence[Tree]) -> Tree:
    known = [truth(tree) for tree in trees]
    return trees[known.index(True)] if True in known else UnreadTemplate if None in known else trees[-1]


def _not(trees: Sequence[Tree]) -> Tree:
    known = truth(trees[-1])
    return _flag(None if known is None else not known)


def _same(trees: Sequence[Tree]) -> Tree:
    if any(tree is UnreadTemplate for tree in trees) or len(trees) < 2:
        return UnreadTemplate
    return _flag(any(_text(trees[0]) == _text(tree) for tree in trees[1:]))


def _less(trees: Sequence[Tree]) -> bool | None:
    one, other = (_text(each) or "" for each in (trees[0], trees[-1]))
    known = len(trees) == 2 and all(re.fullmatch(r"-?\d{1,9}", each) for each in (one, other))
    return int(one) < int(other) if known else None


def _greater(trees: Sequence[Tree]) -> bool | None:
    return _less(trees[::-1])


def in_quotes(text: str) -> str:
    """The text as YAML takes it between double quotes, whatever characters it has."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return '"' + _NOT_PRINTED.sub(lambda match: f"\\U{ord(match[0]):08x}", escaped) + '"'


def _quoted(trees: Sequence[Tree]) -> Tree:
    tree = trees[-1]
    if tree is None:
        return Leaf('""')
    if not isinstance(tree, Leaf):
        return UnreadTemplate
    return Leaf(in_quotes(tree.text), tree.location)


def _printed(trees: Sequence[Tree]) -> Tree:
    form, given = _text(trees[0]), [_text(tree) for tree in trees[1:]]
    if form is None or None in given or len(re.findall(r"%[a-z]", form)) != len(given):
        return UnreadTemplate
    values = iter(given)
    return Leaf(re.sub(r"%[a-z]", lambda _: next(values) or "", form))


def _changed(how: Callable[[str], str]) -> Callable[[Sequence[Tree]], Tree]:
    def change(trees: Sequence[Tree]) -> Tree:
        last = trees[-1]
        return (
            Leaf(how(last.text), last.location)
            if isinstance(last, Leaf) and len(trees) == 1
            else UnreadTemplate
        )

    return change


def _index(trees: Sequence[Tree]) -> Tree:
    base = trees[0]
    for tree in trees[1:]:
        key = _text(tree)
        if base is UnreadTemplate or key is None:
            return UnreadTemplate
        base = base.get(key) if isinstance(base, dict) else None
    return base


def _has_key(trees: Sequence[Tree]) -> Tree:
    base, key = trees[0], _text(trees[-1])
    return _flag(None if base is UnreadTemplate or key is None else isinstance(base, dict) and key in base)


def _opposite(known: bool | None) -> bool | None:
    return None if known is None else not known


# What leaves a value as it is, as far as a number, a flag or an address goes.
_SAME = frozenset(
    "toYaml toString int int64 float64 atoi trim trimSuffix trimPrefix required squote toRawJson toJson ceil floor".split()
)
_FUNCTIONS: dict[str, Callable[[Sequence[Tree]], Tree]] = {
    "default": _default, "coalesce": _first, "ternary": _ternary, "and": _and, "or": _or, "not": _not,
    "eq": _same, "ne": lambda trees: _not([_same(trees)]), "empty": _not, "index": _index, "get": _index,
    "lt": lambda trees: _flag(_less(trees)), "gt": lambda trees: _flag(_greater(trees)),
    "le": lambda trees: _flag(_opposite(_greater(trees))), "ge": lambda trees: _flag(_opposite(_less(trees))),
    "quote": _quoted, "printf": _printed, "hasKey": _has_key,
    "b64enc": _changed(lambda text: base64.b64encode(text.encode("utf-8", "replace")).decode()),
    "upper": _changed(str.upper), "lower": _changed(str.lower),
}  # fmt: skip
