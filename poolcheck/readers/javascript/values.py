"""The values of an exported JavaScript or TypeScript object, with what each reads from the environment."""

import re
from collections.abc import Iterator
from dataclasses import replace

import tree_sitter_javascript
import tree_sitter_typescript
from tree_sitter import Language, Node, Parser

from poolcheck.record import dataclass

_JAVASCRIPT = Language(tree_sitter_javascript.language())
_TYPESCRIPT = Language(tree_sitter_typescript.language_typescript())
_DEEPEST = 12  # steps through constants, wrappers and nested objects; real files need five
_MOST_STEPS = (
    20_000  # constants that name each other twice double at every step; a real config needs a hundred
)
_THROUGH = {
    "as_expression",
    "satisfies_expression",
    "non_null_expression",
    "parenthesized_expression",
    "await_expression",
    "type_assertion",
}
_FUNCTIONS = {"arrow_function", "function_expression", "function_declaration", "generator_function"}
_PLAIN = ("number", "true", "false", "null")
_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]{2,}")


@dataclass(frozen=True, slots=True)
class Found:
    """One value: its path of keys and what it says."""

    key: str
    variables: tuple[str, ...] = ()
    literal: str | None = None  # may hold a password: only ever shown as a Secret
    plain: str = ""  # a number, true or false
    composed: bool = False
    conditional: bool = False
    line: int = 1
    column: int = 1
    literal_line: int | None = None
    start: int = 0
    end: int = 0


@dataclass(frozen=True, slots=True)
class _Value:
    variables: tuple[str, ...] = ()
    literal: Node | None = None
    composed: bool = False
    conditional: bool = False


class ParsedFile:
    """One parsed file: its imports, its constants and what it exports."""

    def __init__(self, text: str, *, typescript: bool) -> None:
        code = text.encode("utf-8", "surrogatepass")
        self._rows = code.split(b"\n")
        self._root = Parser(_TYPESCRIPT if typescript else _JAVASCRIPT).parse(code).root_node
        self._named: dict[str, list[Node]] = {}  # constant → the values it is given, in order
        self._from_env: dict[str, str] = {}  # const { A: b } = process.env: b → A
        self._exports: list[Node] = []
        self._made: list[Node] = []  # new X(...)
        imports: list[str] = []
        self._broken: int | None = None
        self._steps = 0
        stack = [self._root]
        while stack:
            node = stack.pop()
            stack.extend(reversed(node.children))
            kind = node.type
            if kind == "ERROR" and self._broken is None:
                self._broken = node.start_point.row + 1
            elif kind == "import_statement":
                source = node.child_by_field_name("source")
                if source is not None:
                    imports.append(_string(source))
            elif kind == "variable_declarator":
                self._declare(node)
            elif kind == "assignment_expression":
                self._assign(node)
            elif kind == "function_declaration":
                name = node.child_by_field_name("name")
                if name is not None:
                    self._named.setdefault(_text(name), []).append(node)
            elif kind == "export_statement":
                value = node.child_by_field_name("value")
                if value is not None:
                    self._exports.append(value)
            elif kind == "new_expression":
                self._made.append(node)
            elif kind == "call_expression" and _text(node.child_by_field_name("function")) == "require":
                imports.extend(_string(argument) for argument in _arguments(node)[:1])
        self.imports = tuple(imports)

    @property
    def broken_line(self) -> int | None:
        """The first line that does not parse, or None."""
        return self._broken

    def exported(self) -> tuple[tuple[Found, ...], str]:
        """Every value of the exported object, flattened, and the name of the outermost function around it."""
        for node in self._exports:
            obj, wrapper = self._object(node, _DEEPEST)
            if obj is not None:
                return tuple(self._values(obj, "", conditional=False, deep=_DEEPEST)), wrapper
        return (), ""

    def constructed(self, name: str) -> tuple[Found, ...]:
        """Every value of the object that the first `new <name>({...})` is given; () when there is none."""
        for node in self._made:
            if _text(node.child_by_field_name("constructor")) == name:
                for argument in _arguments(node)[:1]:
                    obj, _ = self._object(argument, _DEEPEST)
                    if obj is not None:
                        return tuple(self._values(obj, "", conditional=False, deep=_DEEPEST))
        return ()

    def listed(self, key: str) -> tuple[tuple[tuple[Found, ...], ...], bool]:
        """Every object in the list under `key` of what is exported, or in an exported list; and whether that is all."""
        for node in [*self._exports, *self._named.get(key, [])]:
            found: list[tuple[Found, ...]] = []
            complete = self._listed(node, key, found, _DEEPEST)
            if found:
                return tuple(found), complete
        return (), False

    def _listed(self, node: Node, key: str, found: list[tuple[Found, ...]], deep: int) -> bool:
        self._steps += 1
        if deep <= 0 or self._steps > _MOST_STEPS:
            return False
        if node.type in _THROUGH and node.named_children:
            return self._listed(_inside(node), key, found, deep - 1)
        if node.type == "identifier":
            values = self._named.get(_text(node), [])
            return len(values) == 1 and self._listed(values[0], key, found, deep - 1)
        if node.type == "array":
            complete = True
            for item in node.named_children:
                if item.type == "comment":
                    continue
                if item.type == "spread_element" and item.named_children:
                    complete &= self._listed(item.named_children[0], key, found, deep - 1)
                    continue
                inner, _ = self._object(item, deep - 1)
                if inner is None:
                    complete = False
                else:
                    found.append(tuple(self._values(inner, "", conditional=False, deep=deep - 1)))
            return complete
        inner, _ = self._object(node, deep - 1)
        for part in inner.named_children if inner is not None else ():
            name, value = part.child_by_field_name("key"), part.child_by_field_name("value")
            if part.type == "shorthand_property_identifier" and _text(part) == key:
                values = self._named.get(key, [])
                return len(values) == 1 and self._listed(values[0], key, found, deep - 1)
            if name is not None and value is not None and _string(name) == key:
                return self._listed(value, key, found, deep - 1)
        return False

    def _declare(self, node: Node) -> None:
        name, value = node.child_by_field_name("name"), node.child_by_field_name("value")
        if name is None or value is None:
            return
        if name.type == "identifier":
            self._named.setdefault(_text(name), []).append(value)
        elif name.type == "object_pattern" and _is_environment(value):
            for part in name.named_children:
                if part.type == "shorthand_property_identifier_pattern":
                    self._from_env[_text(part)] = _text(part)
                elif part.type == "pair_pattern":
                    self._from_env[_text(part.child_by_field_name("value"))] = _text(
                        part.child_by_field_name("key")
                    )
                elif part.type == "object_assignment_pattern":
                    left = _text(part.child_by_field_name("left"))
                    self._from_env[left] = left

    def _assign(self, node: Node) -> None:
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        if left is None or right is None:
            return
        if left.type == "identifier":
            self._named.setdefault(_text(left), []).append(right)
        elif _text(left) in ("module.exports", "exports.default", "module.exports.default"):
            self._exports.append(right)

    def _object(self, node: Node, deep: int) -> tuple[Node | None, str]:
        """The object that an expression is, through wrappers, constants and functions, and the first wrapper's name."""
        self._steps += 1
        if deep <= 0 or self._steps > _MOST_STEPS:
            return None, ""
        if node.type == "object":
            return node, ""
        if node.type in _THROUGH and node.named_children:
            return self._object(_inside(node), deep - 1)
        if node.type == "identifier":
            for value in self._named.get(_text(node), ()):
                found = self._object(value, deep - 1)
                if found[0] is not None:
                    return found
        if node.type == "call_expression":
            called = _text(node.child_by_field_name("function"))
            for argument in _arguments(node)[:1]:
                inner, _ = self._object(argument, deep - 1)
                if inner is not None:
                    return inner, called
            made, _ = self._object(node.child_by_field_name("function") or node, deep - 1)
            return made, ""
        if node.type in _FUNCTIONS:
            body = node.child_by_field_name("body")
            for result in _results(body) if body is not None else ():
                found = self._object(result, deep - 1)
                if found[0] is not None:
                    return found
        return None, ""

    def _values(self, obj: Node, prefix: str, *, conditional: bool, deep: int) -> Iterator[Found]:
        if deep <= 0 or self._steps > _MOST_STEPS:
            return
        for part in obj.named_children:
            if part.type == "pair":
                key, value = part.child_by_field_name("key"), part.child_by_field_name("value")
                if key is not None and value is not None:
                    path = prefix + _string(key)
                    yield from self._value(key, value, path, conditional=conditional, deep=deep)
            elif part.type == "shorthand_property_identifier":
                yield from self._value(part, part, prefix + _text(part), conditional=conditional, deep=deep)
            elif part.type == "spread_element" and part.named_children:
                for inner, maybe in self._spread(part.named_children[0], deep - 1):
                    yield from self._values(inner, prefix, conditional=conditional or maybe, deep=deep - 1)

    def _value(self, key: Node, value: Node, path: str, *, conditional: bool, deep: int) -> Iterator[Found]:
        inner, _ = self._object(value, deep - 1)
        if inner is not None:
            yield from self._values(inner, path + ".", conditional=conditional, deep=deep - 1)
            return
        said = self._reading(value, deep - 1)
        found = Found(
            path,
            variables=tuple(dict.fromkeys(said.variables)),
            composed=said.composed,
            conditional=conditional or said.conditional,
            line=key.start_point.row + 1,
            column=self._column(key.start_point.row, key.start_point.column) + 1,
            plain=_text(value) if value.type in _PLAIN or _negative(value) else "",
        )
        if said.literal is not None:
            row = said.literal.start_point.row
            found = replace(
                found,
                literal=_string(said.literal),
                literal_line=row + 1,
                start=self._column(row, said.literal.start_point.column) + 1,
                end=self._column(said.literal.end_point.row, said.literal.end_point.column) - 1,
            )
        yield found

    def _spread(self, node: Node, deep: int) -> Iterator[tuple[Node, bool]]:
        """The objects that a spread may add, and whether it may not."""
        if deep <= 0:
            return
        if node.type in _THROUGH and node.named_children:
            yield from self._spread(_inside(node), deep - 1)
        elif node.type == "ternary_expression":
            for field in ("consequence", "alternative"):
                branch = node.child_by_field_name(field)
                if branch is not None:
                    yield from ((inner, True) for inner, _ in self._spread(branch, deep - 1))
        elif node.type == "binary_expression":
            right = node.child_by_field_name("right")
            if right is not None:
                yield from ((inner, True) for inner, _ in self._spread(right, deep - 1))
        else:
            inner, _ = self._object(node, deep - 1)
            if inner is not None:
                yield inner, False

    def _reading(self, node: Node, deep: int) -> _Value:
        """The variables and the literal that an expression may give."""
        self._steps += 1
        if deep <= 0 or self._steps > _MOST_STEPS:
            return _Value(composed=True)
        kind = node.type
        if kind == "string" or (kind == "template_string" and not node.named_children):
            return _Value(literal=node)
        if kind == "template_string" and all(
            child.type == "string_fragment" for child in node.named_children
        ):
            return _Value(literal=node)
        if kind in _THROUGH and node.named_children:
            return self._reading(_inside(node), deep - 1)
        variable = _environment(node)
        if variable:
            return _Value((variable,))
        if kind in ("identifier", "shorthand_property_identifier"):
            name = _text(node)
            if name in self._from_env:
                return _Value((self._from_env[name],))
            return self._together(self._named.get(name, [])[:8], deep, conditional=True)
        if kind == "binary_expression":
            sides = [
                side for side in (node.child_by_field_name("left"), node.child_by_field_name("right")) if side
            ]
            operator = _text(node.child_by_field_name("operator"))
            said = self._together(sides, deep, conditional=False)
            return said if operator in ("??", "||") else replace(said, composed=True, literal=None)
        if kind == "ternary_expression":
            branches = [node.child_by_field_name(field) for field in ("consequence", "alternative")]
            return self._together([one for one in branches if one], deep, conditional=True)
        if kind == "template_string":
            inner = [child.named_children[0] for child in node.named_children if child.named_children]
            only = len(node.named_children) == 1  # `${process.env.X}` is X itself
            said = self._together(inner, deep, conditional=False)
            return said if only else replace(said, composed=True, literal=None)
        if kind == "call_expression":
            return self._called(node, deep)
        return _Value(composed=True)

    def _called(self, node: Node, deep: int) -> _Value:
        """`env("X")`, `Deno.env.get("X")`, `required("X")`; any other call leaves the value composed of its arguments."""
        arguments = _arguments(node)
        first = arguments[0] if arguments else None
        if first is not None and first.type == "string" and _VARIABLE.fullmatch(_string(first)):
            return _Value((_string(first),))
        said = self._together(arguments[:4], deep, conditional=False)
        target = node.child_by_field_name("function")
        called = _text(target)
        if called in ("String", "Number", "parseInt"):
            return said
        bodies = [
            one.child_by_field_name("body") for one in self._named.get(called, []) if one.type in _FUNCTIONS
        ]
        if bodies:
            results = [result for body in bodies if body is not None for result in _results(body)]
            return self._together(results[:8], deep, conditional=True)
        if target is not None and target.type == "member_expression":  # process.env.X.replace(...)
            owner = target.child_by_field_name("object")
            if owner is not None:
                said = self._together([owner, *arguments[:4]], deep, conditional=False)
        return replace(said, composed=True, literal=None)

    def _together(self, nodes: list[Node], deep: int, *, conditional: bool) -> _Value:
        parts = [self._reading(node, deep - 1) for node in nodes]
        return _Value(
            variables=tuple(variable for part in parts for variable in part.variables)[:20],
            literal=next((part.literal for part in parts if part.literal is not None), None),
            composed=not parts or any(part.composed for part in parts),
            conditional=(conditional and len(parts) > 1) or any(part.conditional for part in parts),
        )

    def _column(self, row: int, column: int) -> int:
        """Characters before a byte column, from 0."""
        return len(self._rows[row][:column].decode("utf-8", "replace"))


def _text(node: Node | None) -> str:
    return node.text.decode("utf-8", "replace") if node is not None and node.text is not None else ""


_ESCAPE = re.compile(r"\\(?:u\{([0-9a-fA-F]{1,6})\}|u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(.))", re.DOTALL)
_CONTROL = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v", "0": "\0", "\n": ""}


def _string(node: Node) -> str:
    """The text of a string, or of a key without quotes."""
    text = _text(node)
    if node.type not in ("string", "template_string") or len(text) < 2:
        return text

    def plain(match: re.Match[str]) -> str:
        digits = match[1] or match[2] or match[3]
        if digits:
            return chr(int(digits, 16)) if int(digits, 16) <= 0x10FFFF else "\ufffd"
        return _CONTROL.get(match[4], match[4])

    return _ESCAPE.sub(plain, text[1:-1])


def _negative(node: Node) -> bool:
    argument = node.child_by_field_name("argument") if node.type == "unary_expression" else None
    return argument is not None and argument.type == "number"


def _inside(node: Node) -> Node:
    """What a cast, an assertion or brackets stand around. Only `<Type>value` has it last."""
    return node.named_children[-1 if node.type == "type_assertion" else 0]


def _arguments(call: Node) -> list[Node]:
    arguments = call.child_by_field_name("arguments")
    if arguments is None or arguments.type != "arguments":
        return []
    return [child for child in arguments.named_children if child.type != "comment"]


def _is_environment(node: Node) -> bool:
    """process.env, import.meta.env, Bun.env, or an `env` object that a validation library gives."""
    return _text(node) in ("process.env", "import.meta.env", "Bun.env", "env")


def _environment(node: Node) -> str:
    """The variable that `process.env.X`, `process.env["X"]` and their like read, or ""."""
    owner = node.child_by_field_name("object")
    if owner is None or not _is_environment(owner):
        return ""
    if node.type == "member_expression":
        return _text(node.child_by_field_name("property"))
    index = node.child_by_field_name("index")
    return _string(index) if index is not None and index.type == "string" else ""


def _results(body: Node) -> list[Node]:
    """What a function returns: its expression, or its return statements, not those of functions inside it."""
    if body.type != "statement_block":
        return [body]
    found: list[Node] = []
    stack = [body]
    while stack:
        node = stack.pop()
        if node.type == "return_statement":
            found.extend(node.named_children[:1])
        elif node is body or node.type not in _FUNCTIONS:
            stack.extend(reversed(node.children))
    return found
