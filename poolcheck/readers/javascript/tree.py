"""A parsed JavaScript or TypeScript file: its imports, and where a name is used. Nodes are looked up, not walked over."""

import re
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

import tree_sitter_javascript
import tree_sitter_typescript
from tree_sitter import Language, Node, Parser

from poolcheck.readers.specifiers import plain_module
from poolcheck.readers.syntax import Parsed, field, text

FUNCTIONS = frozenset(
    "arrow_function function_expression function_declaration generator_function generator_function_declaration "
    "method_definition".split()
)
CLASSES = frozenset({"class_declaration", "class", "abstract_class_declaration"})
NAMES = frozenset({"identifier", "shorthand_property_identifier", "type_identifier"})
AROUND = frozenset(  # what may stand around a value without changing which value it is
    "parenthesized_expression as_expression satisfies_expression non_null_expression await_expression "
    "type_assertion".split()
)
# node-postgres over libpq, with the same classes: https://node-postgres.com/features/native
NATIVE = "native"
# What a name goes on with; the empty end of a file is none of them.
_WORD = frozenset(
    bytes([each]) for each in b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_$"
)
_COMMENT_OR_TEXT = frozenset(
    {"comment", "string_fragment", "string", "template_string", "jsx_text", "regex_pattern"}
)


class Import(NamedTuple):
    """Where a name of the file comes from. `exported` is "default" or "*" for the whole module."""

    module: str
    exported: str


@cache
def parser(language: str) -> Parser:
    """The parser for "javascript", "typescript" or "tsx"."""
    if language == "javascript":
        return Parser(Language(tree_sitter_javascript.language()))
    made = (
        tree_sitter_typescript.language_tsx
        if language == "tsx"
        else tree_sitter_typescript.language_typescript
    )
    return Parser(Language(made()))


def string(node: Node | None) -> str:
    """What stands between the quotes of a string."""
    return text(node)[1:-1] if node is not None and node.type in ("string", "template_string") else ""


def arguments(call: Node | None) -> list[Node]:
    """The arguments of a call or a `new`."""
    found = field(call, "arguments")
    if found is None or found.type != "arguments":
        return []
    return [child for child in found.named_children if child.type != "comment"]


def up(node: Node) -> Iterator[Node]:
    """What a node stands in, from the inside out."""
    parent = node.parent
    while parent is not None:
        yield parent
        parent = parent.parent


def bare(node: Node | None) -> Node | None:
    """The value inside brackets, casts and `await`."""
    while node is not None and node.type in AROUND and node.named_children:
        node = node.named_children[-1 if node.type == "type_assertion" else 0]
    return node


class Module(Parsed):
    """One parsed file."""

    def __init__(self, code: bytes, path: str, language: str) -> None:
        super().__init__(code, parser(language))
        self.path, self.language = path, language
        self.directives = self._directives()
        self.imports: dict[str, Import] = {}
        self.modules: dict[str, Node] = {}  # imported as values, by the module's name
        self._exports: list[tuple[str, str, str]] | None = None
        for node in self.root.named_children:
            self._import(node)
        self._requires()

    def find(self, pattern: bytes) -> Iterator[Node]:
        """The smallest node at each match of a pattern that is code: not a comment, not the inside of a string."""
        for match in re.finditer(pattern, self.code):
            node = self.look(match.start(), match.start() + 1)
            if node is not None and node.type not in _COMMENT_OR_TEXT:
                yield node

    def uses(self, name: str, inside: Node | None = None, *, kinds: frozenset[str] = NAMES) -> Iterator[Node]:
        """The identifiers of that name."""
        start, end = (inside.start_byte, inside.end_byte) if inside is not None else (0, len(self.code))
        word = name.encode()
        at = self.code.find(word, start, end) if word else -1
        while at >= 0:
            after = at + len(word)
            if self.code[at - 1 : at] not in _WORD and self.code[after : after + 1] not in _WORD:
                node = self.look(at, after)
                if node is not None and node.type in kinds:
                    yield node
            at = self.code.find(word, after, end)

    def exports_of(self, name: str) -> list[tuple[str, str]]:
        """(exported name, "named" or "default") of what stands apart from a declaration: `export { handle as POST }`."""
        if self._exports is None:
            self._exports = list(self._exported_apart())
        return [(exported, how) for local, exported, how in self._exports if local == name and name]

    def _exported_apart(self) -> Iterator[tuple[str, str, str]]:
        for node in self.root.named_children:
            if node.type == "export_statement":
                if field(node, "source") is not None:
                    continue
                value = field(node, "value")
                if value is not None and value.type == "identifier":
                    yield text(value), text(value), "default"
                for clause in (child for child in node.named_children if child.type == "export_clause"):
                    for one in clause.named_children:
                        local = text(field(one, "name"))
                        exported = text(field(one, "alias")) or local
                        yield local, exported, "default" if exported == "default" else "named"
            elif node.type == "expression_statement" and node.named_children:
                yield from _assigned_export(node.named_children[0])

    def _directives(self) -> tuple[str, ...]:
        found = []
        for node in self.root.named_children:
            if node.type == "comment":
                continue
            if node.type != "expression_statement" or node.named_children[0].type != "string":
                break
            found.append(string(node.named_children[0]))
        return tuple(found)

    def _import(self, node: Node) -> None:
        if node.type == "export_statement":
            source = field(node, "source")
            if source is not None and not any(child.type == "type" for child in node.children):
                self.modules.setdefault(plain_module(string(source)), node)
            return
        if node.type != "import_statement" or any(child.type == "type" for child in node.children):
            return
        module = plain_module(string(field(node, "source")))
        clause = next((child for child in node.named_children if child.type == "import_clause"), None)
        values = clause is None
        for part in clause.named_children if clause is not None else ():
            if part.type == "identifier":
                self.imports[text(part)], values = Import(module, "default"), True
            elif part.type == "namespace_import" and part.named_children:
                self.imports[text(part.named_children[0])], values = Import(module, "*"), True
            elif part.type == "named_imports":
                for one in part.named_children:
                    if one.type != "import_specifier" or any(child.type == "type" for child in one.children):
                        continue
                    exported = text(field(one, "name"))
                    self.imports[text(field(one, "alias")) or exported] = Import(module, exported)
                    values = True
        if values:
            self.modules.setdefault(module, node)

    def _requires(self) -> None:
        """`require("x")` and `await import("x")`, and names taken out of a module: `const { Pool } = pg`."""
        for node in self.find(rb"\brequire\s*\(|\bimport\s*\("):
            call = node.parent
            call = call.parent if call is not None and call.type == "import" else call
            if call is None or call.type != "call_expression" or not arguments(call):
                continue
            module = plain_module(string(arguments(call)[0]))
            if not module:
                continue
            self.modules.setdefault(module, call)
            value: Node = call
            exported = "*"
            while value.parent is not None and value.parent.type in (*AROUND, "member_expression"):
                value = value.parent
                if value.type == "member_expression":
                    exported = text(field(value, "property"))
            self._bind(value.parent, Import(module, exported))
        for node in list(self.find(rb"\}\s*(?::\s*[^=;]{1,80})?=\s*[A-Za-z_$]")):
            pattern = node.parent
            declarator = pattern.parent if pattern is not None else None
            if pattern is None or declarator is None or pattern.type != "object_pattern":
                continue
            known = self._whole(field(declarator, "value"))
            if known:
                self._bind(declarator, Import(known, "*"))

    def _whole(self, value: Node | None) -> str:
        """The module that a value is, whole: `pg`, and `pg.native || pg`, which has the same in it; "" for none."""
        value = bare(value)
        if value is None:
            return ""
        if value.type == "binary_expression" and text(field(value, "operator")) in ("||", "??"):
            return self._whole(field(value, "left")) or self._whole(field(value, "right"))
        if value.type == "member_expression" and text(field(value, "property")) == NATIVE:
            return self._whole(field(value, "object"))
        known = self.imports.get(text(value))
        return known.module if known is not None and known.exported in ("default", "*", NATIVE) else ""

    def _bind(self, declarator: Node | None, known: Import) -> None:
        if declarator is None or declarator.type != "variable_declarator":
            return
        name = field(declarator, "name")
        if name is None:
            return
        if name.type == "identifier":
            self.imports[text(name)] = known
        elif name.type == "object_pattern":
            for part in name.named_children:
                if part.type == "shorthand_property_identifier_pattern":
                    self.imports[text(part)] = Import(known.module, text(part))
                elif part.type == "pair_pattern":
                    self.imports[text(field(part, "value"))] = Import(known.module, text(field(part, "key")))


def _assigned_export(node: Node) -> Iterator[tuple[str, str, str]]:
    """`module.exports = handle`, `module.exports = { handler: handle }`, `exports.handler = handle`."""
    left, right = text(field(node, "left")), bare(field(node, "right"))
    if node.type != "assignment_expression" or right is None:
        return
    if left in ("module.exports", "exports.default"):
        if right.type == "identifier":
            yield text(right), text(right), "default"
        for part in right.named_children if right.type == "object" else ():
            if part.type == "shorthand_property_identifier":
                yield text(part), text(part), "named"
            elif part.type == "pair":
                yield text(field(part, "value")), text(field(part, "key")), "named"
    elif left.startswith(("exports.", "module.exports.")) and right.type == "identifier":
        yield text(right), left.rpartition(".")[2], "named"


def chain(node: Node) -> tuple[str, ...]:
    """`a.b.c` as its names; () when it is no plain chain."""
    found: list[str] = []
    inner: Node | None = bare(node)
    while inner is not None and inner.type == "member_expression":
        found.append(text(field(inner, "property")))
        inner = bare(field(inner, "object"))
    if inner is None or inner.type not in ("identifier", "this"):
        return ()
    return (text(inner), *reversed(found))


def function_around(node: Node) -> Node | None:
    """The nearest function that a node stands in; a function that is called where it is written is none."""
    for outer in up(node):
        if outer.type in FUNCTIONS and called_at_once(outer) is None:
            return outer
    return None


def called_at_once(function: Node) -> Node | None:
    """The call of an immediately invoked function: `(() => {...})()`."""
    inner = function
    parent = function.parent
    while parent is not None and parent.type == "parenthesized_expression":
        inner, parent = parent, parent.parent
    if parent is not None and parent.type == "call_expression" and field(parent, "function") == inner:
        return parent
    return None


def name_of(function: Node) -> str:
    """The name by which a function is called; "" for one without."""
    own = field(function, "name")
    if own is not None:
        return text(own)
    parent = function.parent
    while parent is not None and parent.type in AROUND:
        parent = parent.parent
    if parent is None:
        return ""
    if parent.type == "variable_declarator":
        return text(field(parent, "name"))
    if parent.type == "pair":
        return text(field(parent, "key")).strip("'\"")
    if parent.type == "assignment_expression":
        return text(field(parent, "left")).rpartition(".")[2]
    if parent.type in ("public_field_definition", "field_definition"):
        return text(field(parent, "name") or field(parent, "property"))
    return ""


def parameters(function: Node) -> tuple[str, ...]:
    """The text of each parameter."""
    many = field(function, "parameters")
    if many is not None:
        return tuple(text(child) for child in many.named_children if child.type != "comment")
    one = field(function, "parameter")
    return (text(one),) if one is not None else ()


def exported(node: Node) -> str:
    """How the declaration that a function belongs to is exported: "default", "named" or ""."""
    for outer in up(node):
        if outer.type == "export_statement":
            return "default" if any(child.type == "default" for child in outer.children) else "named"
        if outer.type in FUNCTIONS or outer.type in ("statement_block", "class_body"):
            return ""
        if outer.type == "assignment_expression":
            left = text(field(outer, "left"))
            if left in ("module.exports", "exports.default"):
                return "default"
            if left.startswith(("exports.", "module.exports.")):
                return "named"
    return ""
