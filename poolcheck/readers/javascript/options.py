"""What the arguments of a call come to: constants of the file, objects held in them, variables of the environment."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from tree_sitter import Node

from poolcheck.readers.javascript.tree import AROUND, FUNCTIONS, Module, arguments, bare, chain, string, up
from poolcheck.readers.syntax import field, text, within
from poolcheck.readers.written_options import (
    DEEPEST,
    MOST_USES,
    Follower,
    Options,
    WrittenOption,
    combined,
    either,
    extreme,
    from_env,
    is_variable,
    one_name,
    otherwise,
    override,
    put,
    where_set,
    whole,
)

_PLAIN = frozenset({"number", "true", "false", "null", "undefined", "identifier", "unary_expression"})
_NAMES = frozenset({"identifier", "shorthand_property_identifier", "shorthand_property_identifier_pattern"})
_PATTERNS = frozenset(
    "object_pattern array_pattern pair_pattern assignment_pattern object_assignment_pattern rest_pattern "
    "required_parameter optional_parameter formal_parameters".split()
)
_ASSIGNS = frozenset({"assignment_expression", "augmented_assignment_expression", "for_in_statement"})
_BLOCKS = frozenset(
    {"statement_block", "for_statement", "for_in_statement", "switch_body", "class_static_block"}
)
# process.env, import.meta.env, Bun.env; of Workers env, c.env, this.env, context.cloudflare.env; a schema's serverEnv
_ENVIRONMENT = re.compile(r"(?:[\w$]+\??\.){0,3}(?:env|ENV|\w+Env)")
_ENV_MODULES = frozenset({"$env/dynamic/private", "process", "node:process", "cloudflare:workers"})
_STATIC_ENV = "$env/static/private"
_READS_ENV = re.compile(
    r"(?i)(?:^|\.)(?:\w{0,80}env\w{0,80}|\w{0,80}(?:env|config|configservice)\.get\w{0,80})$"
)
_HANDS_ON = re.compile(r"(?i)^string$|env|require|ensure|assert|must|url")  # a string in, a string out
_NUMERIC = frozenset("Number parseInt parseFloat Number.parseInt Number.parseFloat".split())
_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]+")
_URLS = frozenset({"connectionString", "url", "datasourceUrl", "connection"})
_AROUND_URLS = frozenset({"connection", "datasources", "db", "adapter"})  # objects that a URL may stand in


class _Binding(NamedTuple):
    """Where a name is given its meaning: in `scope`, and what it is declared as."""

    scope: Node
    at: Node
    value: Node | None = None
    key: str = ""  # taken out of the value: `const { key: name = instead } = value`
    instead: Node | None = None


class _Change(NamedTuple):
    """`name.a.b = value`; a value that is None stands for anything else that is done to it."""

    path: tuple[str, ...]
    value: Node | None
    at: Node


class _Name(NamedTuple):
    bindings: list[_Binding]
    assigned: list[Node]
    changes: list[tuple[Node, _Change]]


class Values(Follower):
    """Follows names within one file; what a parameter, a call or another file brings is not known."""

    def __init__(self, module: Module) -> None:
        super().__init__()
        self._module = module
        self._known: dict[str, _Name] = {}

    def inside(self, key: str, value: Node | None) -> Options | None:
        """The object under a key; of Prisma's adapter the one that the adapter is given."""
        made = self.declared(value) if key == "adapter" else None
        given = arguments(made)[:1] if made is not None and made.type == "new_expression" else [value]
        return self.object(given[0]) if given else None

    def line(self, node: Node) -> int:
        """The line on which a node begins."""
        return self._module.line(node)

    def returned(self, whole: Options, key: str) -> Options:
        """The options that the function under a key returns, in place of those around it; not complete without one."""
        entry = whole.entries.get(key)
        function = self.declared(entry.value) if entry is not None else None
        results = list(_results(function)) if function is not None and function.type in FUNCTIONS else []
        made = self.object(results[0]) if len(results) == 1 else None
        return made or Options({}, complete=False)

    def text(self, value: Node | None) -> str:
        """A value that can be no secret: numbers, `${VARIABLE:-10}`, names, true and false; "..." for everything else."""
        value = bare(value)
        found = self.number(value)
        if found is not None or value is None:
            return found or "..."
        if value.type in ("identifier", "shorthand_property_identifier"):
            made = self.declared(value)
            word = made is not None and made.type in ("true", "false", "null")
            return text(made if word else value)[:40]
        return text(value)[:40] if value.type in _PLAIN else "..."

    def number(self, node: Node | None, deep: int = DEEPEST, *, quoted: bool = False) -> str | None:
        """A number, or `${VARIABLE}` or `${VARIABLE:-10}` for one of the environment; None for anything else.

        `quoted`: a number in quotes counts, as where it is made a number of. Elsewhere it may be a password.
        """
        node = bare(node)
        if node is None or not self._step(deep):
            return None
        kind = node.type
        if kind == "number":
            return whole(text(node))
        if kind in ("string", "template_string"):
            return whole(string(node)) if quoted else None
        if kind == "unary_expression":
            sign, inner = text(field(node, "operator")), field(node, "argument")
            if sign == "+":
                return self.number(inner, deep - 1, quoted=True)
            said = self.number(inner, deep - 1) if sign == "-" else None
            return f"-{said}" if said is not None and said.isdigit() else None
        if kind == "binary_expression":
            return self._binary(node, deep, quoted=quoted)
        if kind == "ternary_expression":
            return self._ternary(node, deep)
        variable, instead = self.variable(node)
        if variable:
            default = self.number(instead, deep - 1, quoted=quoted) if instead is not None else ""
            return from_env(variable, default) if default is not None else None
        if kind == "call_expression":
            given, verb = arguments(node), text(field(node, "function"))
            if verb in ("Math.min", "Math.max"):
                return extreme(verb[5:], [self.number(each, deep - 1) for each in given])
            if verb not in _NUMERIC or not given:
                return None
            decimal = len(given) == 1 or text(given[1]) == "10"
            return self.number(given[0], deep - 1, quoted=True) if decimal else None
        return self.number(self._follow(node, deep), deep - 1, quoted=quoted)

    def _binary(self, node: Node, deep: int, *, quoted: bool) -> str | None:
        operator, left = text(field(node, "operator")), field(node, "left")
        first = self.number(left, deep - 1, quoted=quoted)
        if first is None:
            return None
        if operator == "??" and (inner := bare(left)) is not None and self._is_counted(inner):
            return first  # Number(undefined) is NaN, and that is not nullish
        right = bare(field(node, "right"))
        if operator in ("||", "??") and quoted and right is not None and text(right) in ("''", '""'):
            return first  # no number, as without the variable
        second = self.number(right, deep - 1, quoted=quoted)
        if operator in ("||", "??"):
            return otherwise(first, second, zero=operator == "??")
        return combined(first, operator, second)

    @staticmethod
    def _is_counted(node: Node) -> bool:
        called = node.type == "call_expression" and text(field(node, "function")) in _NUMERIC
        return called or (node.type == "unary_expression" and text(field(node, "operator")) == "+")

    def _ternary(self, node: Node, deep: int) -> str | None:
        """`process.env.X ? Number(process.env.X) : 10`, either way round: the branch that reads X is taken where it is set."""
        asked = text(field(node, "condition"))
        branches = [
            self.number(field(node, side), deep - 1, quoted=True) for side in ("consequence", "alternative")
        ]
        return where_set(asked, branches)

    def variable(self, node: Node) -> tuple[str, Node | None]:
        """The variable of the environment that an expression reads by itself, and its default; "" for none."""
        if node.type in ("member_expression", "subscript_expression"):
            last = field(node, "property") or field(node, "index")
            name = string(last) if node.type == "subscript_expression" else text(last)
            owner = bare(field(node, "object"))
            fits = _VARIABLE.fullmatch(name) is not None and owner is not None
            return (name, None) if fits and self._is_environment(owner) else ("", None)
        if node.type == "call_expression":
            given = arguments(node)
            name = string(given[0]) if given else ""
            reads = _READS_ENV.search(text(field(node, "function"))[-80:])
            if not reads or not _VARIABLE.fullmatch(name):
                return "", None
            default = given[1] if len(given) > 1 and given[1].type != "object" else None
            return name, default
        if node.type in _NAMES:
            known = self._module.imports.get(text(node))
            if known is not None and known.module == _STATIC_ENV:
                return known.exported, None
            found = self._binding(node)
            if found is not None and found.key and self._is_environment(bare(found.value)):
                return found.key, found.instead
        return "", None

    def _is_environment(self, node: Node | None, deep: int = DEEPEST) -> bool:
        """process.env and its like, a name for it, or what a schema made of it."""
        if node is None or not self._step(deep):
            return False
        known = self._module.imports.get(text(node)) if node.type == "identifier" else None
        if known is not None and (known.module in _ENV_MODULES or known.exported == "env"):
            return True
        found = self._binding(node) if node.type == "identifier" else None
        if found is not None:
            if found.value is None or found.key:
                return found.key == "env" or (
                    found.value is None and bool(_ENVIRONMENT.fullmatch(text(node)))
                )
            value = bare(found.value)
            if value is not None and value.type == "call_expression":
                return re.search(r"\b(?:process|Bun|import\.meta)\.env\b|createEnv", text(value)) is not None
            return self._is_environment(value, deep - 1)
        return _ENVIRONMENT.fullmatch(text(node)) is not None

    def name(self, node: Node | None, deep: int = DEEPEST) -> str:
        """What names a connection string: `process.env.DATABASE_URL`, `config.url`; its text may be a secret, and is left out."""
        node = bare(node)
        if node is None or not self._step(deep):
            return ""
        kind = node.type
        if kind == "binary_expression":
            names = [self.name(field(node, side), deep - 1) for side in ("left", "right")]
            either = names[: 2 if text(field(node, "operator")) in ("??", "||") else 1]
            return next(filter(is_variable, either), names[0])
        if kind == "ternary_expression":
            sides = (field(node, "consequence"), field(node, "alternative"))
            return one_name(self.name(side, deep - 1) for side in sides)
        if kind == "template_string":
            first = node.named_children[0] if node.named_children else None
            whole_of = first is not None and first.type == "template_substitution" and first.named_children
            return self.name(first.named_children[0], deep - 1) if first is not None and whole_of else ""
        variable, _ = self.variable(node)
        if kind == "call_expression":
            return variable or self._returned(node, deep)
        if kind == "subscript_expression":
            index = string(field(node, "index"))
            return f"{text(field(node, 'object'))}.{index}" if _VARIABLE.fullmatch(index) else ""
        if kind == "member_expression":
            inner = None if variable else self._follow(node, deep)
            return (self.name(inner, deep - 1) if inner is not None else "") or ".".join(chain(node))[:80]
        if kind not in _NAMES:
            return ".".join(chain(node))[:80]
        if variable:
            return f"process.env.{variable}"
        made = self._follow(node, deep)
        literal = made is not None and made.type in ("string", "template_string")
        found = self.name(made, deep - 1) if made is not None else self._one_of(node, deep)
        return found or ("" if literal or text(node) in self._open else text(node)[:80])

    def _one_of(self, name: Node, deep: int) -> str:
        """The variable that every value comes from which a name is given: `url = process.env.X`, `url = url.trim()`."""
        word, binding = text(name), self._binding(name)
        if binding is None or word in self._open:
            return ""
        self._open.add(word)
        given = [each.parent for each in self._of(word).assigned if self._binding(each) == binding]
        declared = binding.instead if binding.value is None else None if binding.key else binding.value
        values = [declared, *(field(each, "right") for each in given)]
        found = one_name(self.name(value, deep - 1) for value in values)
        self._open.discard(word)
        return found if is_variable(found) else ""

    def _returned(self, call: Node, deep: int) -> str:
        """What names the string that a call returns: a function of the file, or one that hands on what it is given."""
        called = bare(field(call, "function"))
        if called is None:
            return ""
        if called.type == "member_expression":  # process.env.X.replace(...)
            owner = self.name(field(called, "object"), deep - 1)
            return owner if is_variable(owner) else ""
        function = self.declared(called) if called.type == "identifier" else None
        if function is not None and function.type in FUNCTIONS:
            results = list(_results(function))
            return self.name(results[0], deep - 1) if len(results) == 1 else ""
        given = arguments(call)
        handed = self.name(given[0], deep - 1) if given and _HANDS_ON.search(text(called)) else ""
        return handed if is_variable(handed) else ""

    def url(self, written: Options, deep: int = 3) -> str:
        """What names the connection string among the keys of an object."""
        for key, (value, _, _) in written.entries.items():
            inner = self.inside(key, value) if deep and key in _AROUND_URLS else None
            found = self.url(inner, deep - 1) if inner is not None else ""
            if found or (inner is None and key in _URLS and (found := self.name(value))):
                return found
        return ""

    def object(self, node: Node | None, deep: int = DEEPEST) -> Options | None:
        """An object that is written there or held in a constant of the file; None for anything else."""
        node = bare(node)
        if node is None or not self._step(deep):
            return None
        if node.type == "object":
            return self._literal(node, deep)
        if node.type == "ternary_expression":
            one, other = (self.object(field(node, side), deep - 1) for side in ("consequence", "alternative"))
            return either(one, other) if one is not None and other is not None else None
        if node.type == "binary_expression":  # ...(condition && { ... })
            may = self.object(field(node, "right"), deep - 1)
            perhaps = may is not None and text(field(node, "operator")) == "&&"
            return either(may, Options({}, complete=True)) if may is not None and perhaps else None
        if node.type == "call_expression":
            given = arguments(node)
            frozen = text(field(node, "function")) in ("Object.freeze", "defineConfig") and given
            return self.object(given[0], deep - 1) if frozen else None
        found = self.object(self._follow(node, deep), deep - 1)
        if found is None or node.type not in _NAMES:
            return found
        return self._changed(found, node)

    def _literal(self, node: Node, deep: int) -> Options:
        entries: dict[str, WrittenOption] = {}
        complete = True
        for part in node.named_children:
            line = self._module.line(part)
            if part.type == "pair" and (key := _key(part)):
                put(entries, key, WrittenOption(field(part, "value"), line))
            elif part.type == "shorthand_property_identifier":
                put(entries, text(part), WrittenOption(part, line))
            elif part.type == "spread_element" and part.named_children:
                inner = self.object(part.named_children[0], deep - 1)
                if inner is None or not inner.complete:
                    complete = False
                    override(entries, None)
                for key, entry in inner.entries.items() if inner is not None else ():
                    put(entries, key, entry)
            elif part.type == "method_definition" and field(part, "name") is not None:
                put(entries, text(field(part, "name")), WrittenOption(part, line, sure=False))
            elif part.type != "comment":
                complete = False
                override(entries, None)
        return Options(entries, complete)

    def _changed(self, found: Options, use: Node) -> Options:
        """The object with what is done to it where it is declared; what is done elsewhere leaves a key open."""
        binding = self._binding(use)
        if binding is None:
            return found
        entries, complete = dict(found.entries), found.complete
        for at, (path, value, statement) in self._of(text(use)).changes:
            if self._binding(at) != binding:
                continue
            later = statement.start_byte > use.start_byte
            if later and _function(statement) == _function(use):
                continue
            line = self._module.line(statement)
            level = _level(statement) == _level(binding.at)
            if len(path) == 1 and path[0] and value is not None and level:
                put(entries, path[0], WrittenOption(value, line))
                continue
            complete = False
            override(entries, [path[0]] if path and path[0] else None, line)
        return Options(entries, complete)

    def declared(self, node: Node | None, deep: int = DEEPEST) -> Node | None:
        """What a value is, names followed: the value itself, or None for a name that is not known."""
        node = bare(node)
        while node is not None and node.type in _NAMES:
            if not self._step(deep):
                return None
            node, deep = self._follow(node, deep), deep - 1
        return node

    def first_declared(self, name: Node) -> Node | None:
        """What a name was declared as, whatever it is given afterwards."""
        binding = self._binding(name)
        return bare(binding.value) if binding is not None and not binding.key else None

    def _follow(self, node: Node, deep: int) -> Node | None:
        """One step: what a constant is declared as, or what stands under a key of an object."""
        if node.type in ("member_expression", "subscript_expression"):
            found = self.object(field(node, "object"), deep - 1)
            key = text(field(node, "property")) or string(field(node, "index"))
            entry = found.entries.get(key) if found is not None else None
            return bare(entry.value) if entry is not None and entry.sure else None
        binding = self._binding(node) if node.type in _NAMES else None
        if binding is None or binding.value is None:
            return None
        if any(self._binding(each) == binding for each in self._of(text(node)).assigned):
            return None
        if not binding.key:
            return bare(binding.value)
        found = self.object(binding.value, deep - 1)
        entry = found.entries.get(binding.key) if found is not None else None
        if entry is None and found is not None and found.complete:
            return bare(binding.instead)
        return bare(entry.value) if entry is not None and entry.sure else None

    def _binding(self, node: Node) -> _Binding | None:
        """The innermost declaration of a name around a node; None for one that is imported or that nobody declares."""
        around = [each for each in self._of(text(node)).bindings if within(node, each.scope)]
        if not around:
            return None
        inner = min(around, key=lambda each: each.scope.end_byte - each.scope.start_byte)
        several = sum(each.scope == inner.scope for each in around) > 1
        return inner._replace(value=None) if several else inner

    def _of(self, name: str) -> _Name:
        """Everything that the file does with a name."""
        if name not in self._known:
            found = self._known[name] = _Name([], [], [])
            for count, use in enumerate(self._module.uses(name, kinds=_NAMES)):
                if count == MOST_USES:
                    found.bindings[:] = [_Binding(self._module.root, self._module.root)]
                    break
                _note(use, found, self._module.root)
        return self._known[name]


def _key(pair: Node) -> str:
    """The key of a pair; "" for one that is computed."""
    key = field(pair, "key")
    return "" if key is None or key.type == "computed_property_name" else text(key).strip("'\"")


def _results(function: Node) -> Iterator[Node]:
    """What a function returns, not what functions inside it do."""
    body = field(function, "body")
    if body is not None and body.type != "statement_block":
        yield body
        return
    stack = [body] if body is not None else []
    while stack:
        node = stack.pop()
        if node.type == "return_statement":
            yield from node.named_children[:1]
        elif node.type not in FUNCTIONS:
            stack.extend(reversed(node.named_children))


def _function(node: Node) -> Node | None:
    return next((outer for outer in up(node) if outer.type in FUNCTIONS), None)


def _level(node: Node) -> Node | None:
    """The block that a statement stands in; of one without brackets the statement around it."""
    statement = next(
        (each for each in (node, *up(node)) if each.type.endswith(("statement", "declaration"))), None
    )
    outer = statement.parent if statement is not None else None
    return outer.parent if outer is not None and outer.type == "export_statement" else outer


def _note(use: Node, found: _Name, root: Node) -> None:
    """What is done with a name at one place."""
    inner, outer = use, use.parent
    keys: list[str] = []
    instead: Node | None = None
    patterns = 0
    while outer is not None and outer.type in _PATTERNS:
        if inner in (field(outer, "right"), field(outer, "value")) and outer.type != "pair_pattern":
            return  # a default: the name is read
        if outer.type == "pair_pattern":
            keys.append(text(field(outer, "key")))
        else:
            instead = field(outer, "right") or field(outer, "value") or instead
        patterns += outer.type in ("object_pattern", "array_pattern", "rest_pattern")
        inner, outer = outer, outer.parent
    if outer is None:
        return
    kind = outer.type
    if kind == "variable_declarator" and field(outer, "name") == inner:
        wide = outer.parent is not None and outer.parent.type == "variable_declaration"
        made = _Binding(_scope(outer, root, wide=wide), outer)
        if not patterns:
            made = made._replace(value=field(outer, "value"))
        elif patterns == 1 and inner.type == "object_pattern":
            key = keys[0] if keys else text(use)
            made = made._replace(value=field(outer, "value"), key=key, instead=instead)
        found.bindings.append(made)
    elif (other := _otherwise_bound(inner, outer, root)) is not None:
        found.bindings.append(other._replace(instead=None if patterns else instead))
    elif kind == "update_expression" or (kind in _ASSIGNS and field(outer, "left") == inner):
        found.assigned.append(use)
    else:
        _note_change(use, found)


def _otherwise_bound(inner: Node, outer: Node, root: Node) -> _Binding | None:
    """The binding of a parameter, a function, a class, a loop's variable or what is caught."""
    kind = outer.type
    if kind in FUNCTIONS and inner in (field(outer, "parameters"), field(outer, "parameter")):
        return _Binding(outer, outer)
    if kind in (*FUNCTIONS, "class_declaration", "enum_declaration") and field(outer, "name") == inner:
        return _Binding(_scope(outer, root), outer, outer if kind in FUNCTIONS else None)
    caught = kind == "catch_clause" and field(outer, "parameter") == inner
    looped = kind == "for_in_statement" and field(outer, "left") == inner and field(outer, "kind") is not None
    return _Binding(outer, outer) if caught or looped else None


def _note_change(use: Node, found: _Name) -> None:
    """`name.key = value`, `delete name.key`, `Object.assign(name, ...)`."""
    path: list[str] = []
    inner, outer = use, use.parent
    while outer is not None:
        if outer.type in ("member_expression", "subscript_expression") and field(outer, "object") == inner:
            last = field(outer, "property")
            path.append(text(last) if last is not None else string(field(outer, "index")))
        elif outer.type not in AROUND:
            break
        inner, outer = outer, outer.parent
    if outer is None:
        return
    if outer.type == "arguments" and not path and outer.named_children[0] == inner:
        if outer.parent is not None and text(field(outer.parent, "function")) == "Object.assign":
            found.changes.append((use, _Change((), None, outer)))
    elif not path:
        return
    elif outer.type == "assignment_expression" and field(outer, "left") == inner:
        found.changes.append((use, _Change(tuple(path), field(outer, "right"), outer)))
    elif outer.type in ("augmented_assignment_expression", "update_expression") or (
        outer.type == "unary_expression" and text(field(outer, "operator")) == "delete"
    ):
        found.changes.append((use, _Change(tuple(path), None, outer)))


def _scope(node: Node, root: Node, *, wide: bool = False) -> Node:
    """The part of the file in which a declaration holds; `wide`: the whole function, as for `var`."""
    for outer in up(node):
        if outer.type in FUNCTIONS or (not wide and outer.type in _BLOCKS):
            return outer
    return root
