"""What the arguments of a call come to: constants of the file, dictionaries in them, variables of the environment."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from tree_sitter import Node

from poolcheck.readers.python.literals import constant, plain, string
from poolcheck.readers.python.tree import Module, arguments, bare, body, called, dotted, keywords
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

_SCOPES = frozenset({"function_definition", "lambda", "class_definition"})
_PARAMETERS = frozenset(
    "parameters lambda_parameters default_parameter typed_parameter typed_default_parameter list_splat_pattern "
    "dictionary_splat_pattern tuple_pattern".split()
)
_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]*")
# os.getenv, os.environ.get, env.int of django-environ and environs, config of decouple, get_env_int of one's own
_READS_ENV = re.compile(
    r"(?i)(?:^|[._])(?:get_?)?env(?:iron)?(?:_\w{1,80})?(?:\.\w{1,80})?$|^(?:decouple\.)?(?:auto)?config$"
)
_COUNTS = frozenset({"int", "float"})
_CHANGES = frozenset({"update", "pop", "setdefault", "clear", "popitem"})
# a field that holds a connection string; what is named after a driver is mostly made of it by a property
_FIELD = re.compile(r"(?!sqlalchemy)(?:[a-z0-9]+_)*(?:url|uri|dsn)")
# whether a branch runs with SQLite alone: projects that have it beside PostgreSQL ask for it by its name
_SQLITE = re.compile(
    r"""(?:(not )\s*)?[\w.]+(?:\(\))?(?:\.startswith\(\s*|\s*== ?|\s* in \(\s*)["']sqlite[^()]*\)?|(["'])sqlite\2 (not )?in [\w.()]+"""
)
_PREFIX = re.compile(r"""\benv_prefix["']?\s*[=:]\s*["'](\w*)["']""")


class _Binding(NamedTuple):
    """Where a name is given its meaning: in `scope`, by `value`; None for anything but a value that is written there."""

    scope: Node
    at: Node
    value: Node | None = None


class _Change(NamedTuple):
    """`name[key] = value`; a key of "" is any, and a value that is None stands for anything else."""

    key: str
    value: Node | None
    at: Node


class _Name(NamedTuple):
    bindings: list[_Binding]
    changes: list[tuple[Node, _Change]]


class Values(Follower):
    """Follows names within one file; what a parameter, a call or another file brings is not known."""

    def __init__(self, module: Module) -> None:
        super().__init__()
        self._module = module
        self._known: dict[str, _Name] = {}

    def given(self, call: Node, places: tuple[str, ...] = ()) -> Options:
        """The arguments of a call by name, `**options` among them; `places`: the names of its first ones."""
        entries = {
            name: WrittenOption(value, self._module.line(value))
            for name, value in zip(places, arguments(call), strict=False)
            if name
        }
        complete = all(each.type != "list_splat" for each in arguments(call))
        return self._named(call, entries, complete, DEEPEST)

    def _named(self, call: Node, entries: dict[str, WrittenOption], complete: bool, deep: int) -> Options:
        for name, value in keywords(call):
            if name:
                put(entries, name, WrittenOption(value, self._module.line(value)))
                continue
            more = self.object(value.named_children[0], deep - 1) if value.named_children else None
            entries.update(more.entries if more is not None else {})
            complete = complete and more is not None and more.complete
        return Options(entries, complete)

    def assigned(self, name: str) -> Iterator[Node]:
        """What is given to a name, to a key of that name, or to a parameter of that name."""
        for at in self._module.assignments:
            target, value = bare(field(at, "left")), field(at, "right")
            key = (
                constant(_key(target)) if target is not None and target.type == "subscript" else text(target)
            )
            if value is not None and key == name:
                yield value
        for call in self._module.calls:
            yield from (value for key, value in keywords(call) if key == name)

    def inside(self, _key: str, value: Node | None) -> Options | None:
        """The dictionary under a key, whatever the key."""
        return self.object(value)

    def text(self, value: Node | None) -> str:
        """A value that can be no secret: a number, `${VARIABLE:-10}`, a name, True or False; "..." for anything else."""
        found = self.number(value)
        if found is not None:
            return found
        made = self._declared(value)
        word = made is not None and made.type in ("true", "false", "none")
        return plain(made if word else value)

    def number(self, node: Node | None, deep: int = DEEPEST, *, quoted: bool = False) -> str | None:
        """A number, or `${VARIABLE}` or `${VARIABLE:-10}` for one of the environment; None for anything else.

        `quoted`: a number in quotes counts, as where it is made a number of. Elsewhere it may be a password.
        """
        node = bare(node)
        if node is None or not self._step(deep):
            return None
        kind = node.type
        if kind in ("integer", "float"):
            return whole(text(node))
        if kind == "string":
            return whole(constant(node) or "") if quoted else None
        if kind == "unary_operator":
            said = self.number(field(node, "argument"), deep - 1)
            negative = text(field(node, "operator")) == "-" and said is not None and said.isdigit()
            return f"-{said}" if negative else None
        if kind in ("binary_operator", "boolean_operator"):
            first, second = (
                self.number(field(node, side), deep - 1, quoted=quoted) for side in ("left", "right")
            )
            operator = text(field(node, "operator"))
            if first is None:
                return None
            either = operator == "or"
            return otherwise(first, second, zero=False) if either else combined(first, operator, second)
        if kind == "conditional_expression":
            return self._conditional(node, deep, quoted=quoted)
        variable, default, counts = self._variable(node)
        if variable:
            none = default is None or default.type in ("none", "ellipsis") or constant(default) == ""
            return from_env(variable, "" if none else self.number(default, deep - 1, quoted=quoted or counts))
        if kind == "call":
            taken = arguments(node)
            if dotted(called(node)) in ("min", "max"):
                known = [self.number(each, deep - 1) for each in taken]
                return extreme(dotted(called(node)), known) if not keywords(node) else None
            counted = dotted(called(node)) in _COUNTS and len(taken) == 1
            return self.number(taken[0], deep - 1, quoted=True) if counted else None
        return self.number(self._follow(node, deep), deep - 1, quoted=quoted)

    def _conditional(self, node: Node, deep: int, *, quoted: bool) -> str | None:
        """`int(os.environ["X"]) if "X" in os.environ else 10`, either way round."""
        asked = text([child for child in node.named_children if not child.is_extra][1])
        branches = [self.number(part, deep - 1, quoted=quoted) for part in _branches(node)]
        return where_set(asked, branches)

    def _variable(self, node: Node) -> tuple[str, Node | None, bool]:
        """(variable of the environment that an expression reads by itself, default, whether it makes a number of it)."""
        if node.type == "subscript":
            name = constant(_key(node)) or ""
            owner = self._module.full(field(node, "value"))
            reads = owner.rpartition(".")[2] in ("environ", "env") and _VARIABLE.fullmatch(name)
            return (name, None, False) if reads else ("", None, False)
        if node.type == "attribute":
            return (*self._setting(node), True)
        if node.type != "call" or not arguments(node):
            return "", None, False
        name, verb = constant(arguments(node)[0]) or "", dotted(called(node))
        if not _VARIABLE.fullmatch(name) or not _READS_ENV.search(verb[-80:]):
            return "", None, False
        named = dict(keywords(node))
        counts = verb.rpartition(".")[2] in _COUNTS or dotted(named.get("cast")) in _COUNTS
        return name, named.get("default") or next(iter(arguments(node)[1:2]), None), counts

    def _setting(self, node: Node) -> tuple[str, Node | None]:
        """(variable, default) of a field of pydantic's settings in this file; ("", None) for any other attribute."""
        owner = self._class(field(node, "object"), DEEPEST)
        if owner is None or "Settings" not in text(field(owner, "superclasses")):
            return "", None
        name = text(field(node, "attribute"))
        for at in _fields(owner, name):
            default = bare(field(at, "right"))
            prefix = _PREFIX.search(text(owner)[:20_000])
            variable = ((prefix[1] if prefix else "") + name).upper()
            if default is not None and default.type == "call" and dotted(called(default)).endswith("Field"):
                named = dict(keywords(default))
                own = (constant(named.get(key)) for key in ("validation_alias", "alias", "env"))
                variable = next(filter(None, own), variable)
                default = named.get("default") or next(iter(arguments(default)), None)
            return variable, default
        return "", None

    def _class(self, node: Node | None, deep: int) -> Node | None:
        """The class of this file that an expression is, or is an instance of."""
        node = bare(node)
        if node is None or not self._step(deep):
            return None
        if node.type == "class_definition":
            return node
        if node.type == "call":
            return self._class(called(node), deep - 1)
        if node.type == "function_definition":
            results = list(_results(node))
            return self._class(results[0], deep - 1) if len(results) == 1 else None
        return self._class(self._follow(node, deep), deep - 1) if node.type == "identifier" else None

    def name(self, node: Node | None, deep: int = DEEPEST) -> str:
        """What names a connection string: `settings.DATABASE_URL`, `DATABASE_URL` of the environment; never its text."""
        node = bare(node)
        if node is None or not self._step(deep):
            return ""
        variable = self._variable(node)[0]
        if variable:
            return variable
        if node.type == "boolean_operator":
            names = [self.name(field(node, side), deep - 1) for side in ("left", "right")]
            return next(filter(is_variable, names), names[0])
        if node.type == "conditional_expression":
            return one_name(self.name(side, deep - 1) for side in _branches(node))
        if node.type in ("identifier", "attribute"):
            made = self._follow(node, deep)
            if made is not None and string(made) is not None:
                return ""
            found = self.name(made, deep - 1) if made is not None else self._one_of(node, deep)
            return found or ("" if text(node) in self._open else _as_setting(node))
        if node.type not in ("call", "subscript"):
            return ""
        key = _key(node)
        word = constant(key)
        if word is not None and _VARIABLE.fullmatch(word):
            return word
        return self._returned(node, key, deep) if node.type == "call" else dotted(key)[:80]

    def _returned(self, call: Node, first: Node | None, deep: int) -> str:
        """What names the string that a call returns: the string that it is a method of or is given, or its function's."""
        function = called(call)
        owner = field(function, "object") if function is not None and function.type == "attribute" else None
        method = self.name(owner, deep - 1) if owner is not None else ""
        if is_variable(method):
            return method  # os.environ["X"].replace(...)
        if first is not None:
            handed = self.name(first, deep - 1)
            if first.type in ("identifier", "attribute") or is_variable(handed):
                return handed
        made = (
            self._follow(function, deep) if function is not None and function.type == "identifier" else None
        )
        results = list(_results(made)) if made is not None and made.type == "function_definition" else []
        found = self.name(results[0], deep - 1) if len(results) == 1 else ""
        own = dotted(function)[:80]
        return found or ("" if is_variable(own) or own.partition(".")[0] in self._open else own)

    def _one_of(self, name: Node, deep: int) -> str:
        """The variable that every value comes from which a name is given: `url = os.environ["X"]`, `url = url.strip()`."""
        word = text(name)
        if name.type != "identifier" or word in self._open:
            return ""
        self._open.add(word)
        found = one_name(self.name(each.value, deep - 1) for each in self._innermost(name))
        self._open.discard(word)
        return found if is_variable(found) else ""

    def scheme(self, node: Node | None) -> str | None:
        """The scheme of a connection string that is written out, "" where it shows none; None for any other value."""
        written = string(self._declared(node))
        if written is None:
            return None
        scheme, sep, _ = written.texts[0].partition("://")
        return scheme.lower() if sep and len(scheme) < 30 else ""

    def object(self, node: Node | None, deep: int = DEEPEST) -> Options | None:
        """A dictionary that is written there or held in a constant of the file; None for anything else."""
        node = bare(node)
        if node is None or not self._step(deep):
            return None
        if node.type == "dictionary":
            return self._literal(node, deep)
        if node.type == "binary_operator" and text(field(node, "operator")) == "|":
            sides = [self.object(field(node, side), deep - 1) for side in ("left", "right")]
            first, second = sides
            if first is None or second is None:
                return None
            return Options({**first.entries, **second.entries}, first.complete and second.complete)
        if node.type == "conditional_expression":
            one, other = (self.object(side, deep - 1) for side in _branches(node))
            sqlite = _asks_sqlite([child for child in node.named_children if not child.is_extra][1])
            if sqlite is not None:
                return other if sqlite else one
            return either(one, other) if one is not None and other is not None else None
        if node.type == "call":
            return self._dict(node, deep)
        found = self.object(self._follow(node, deep), deep - 1)
        return self._changed(found, node) if found is not None and node.type == "identifier" else found

    def _dict(self, call: Node, deep: int) -> Options | None:
        """`dict(a=1)`, `dict(base, a=1)`, `base.copy()`."""
        function, taken = called(call), arguments(call)
        if dotted(function) == "dict" and len(taken) < 2:
            base = self.object(taken[0], deep - 1) if taken else Options({}, True)
            return self._named(call, dict(base.entries), base.complete, deep) if base is not None else None
        copies = function is not None and text(field(function, "attribute")) == "copy" and not taken
        return self.object(field(function, "object"), deep - 1) if copies else None

    def _literal(self, node: Node, deep: int) -> Options:
        entries: dict[str, WrittenOption] = {}
        complete = True
        for part in node.named_children:
            if part.type == "pair":
                key, value = constant(field(part, "key")), field(part, "value")
                if key is not None:
                    put(entries, key, WrittenOption(value, self._module.line(part)))
                    continue
            elif part.type == "dictionary_splat" and part.named_children:
                inner = self.object(part.named_children[0], deep - 1)
                complete = complete and inner is not None and inner.complete
                if inner is None or not inner.complete:
                    override(entries, None)
                entries.update(inner.entries if inner is not None else {})
                continue
            elif part.is_extra:
                continue
            complete = False
            override(entries, None)
        return Options(entries, complete)

    def _changed(self, found: Options, use: Node) -> Options:
        """The dictionary with what is done to it where it is made; what is done elsewhere leaves a key open."""
        binding = self._binding(use)
        if binding is None:
            return found
        entries, complete = dict(found.entries), found.complete
        for at, (key, value, statement) in self._of(text(use)).changes:
            if self._binding(at) != binding:
                continue
            if self._is_sqlites(at) or (
                at.start_byte > use.start_byte and self._scope(at) == self._scope(use)
            ):
                continue
            line = self._module.line(statement)
            if key and value is not None and self._level(statement) == self._level(binding.at):
                put(entries, key, WrittenOption(value, line))
                continue
            complete = False
            override(entries, [key] if key else None, line)
        return Options(entries, complete)

    def _level(self, node: Node) -> Node | None:
        """What a statement stands in; a branch that PostgreSQL takes is none."""
        outer = self._module.parent(node)
        while outer is not None and (
            outer.type == "expression_statement" or self._taken(outer, node) is False
        ):
            outer = self._module.parent(outer)
        return outer

    def _taken(self, outer: Node, node: Node) -> bool | None:
        """Whether the branch of `outer` in which a node stands is SQLite's alone; None: it is on another condition."""
        if outer.type != "if_statement" or any(child.type == "elif_clause" for child in outer.named_children):
            return None
        sqlite = _asks_sqlite(field(outer, "condition"))
        first = field(outer, "consequence")
        return sqlite if sqlite is None or (first is not None and within(node, first)) else not sqlite

    def _is_sqlites(self, node: Node) -> bool:
        """Whether a statement runs with SQLite alone."""
        return any(self._taken(outer, node) for outer in self._module.up(node))

    def _declared(self, node: Node | None, deep: int = DEEPEST) -> Node | None:
        """What a value is, names followed: the value itself, or None for a name that is not known."""
        node = bare(node)
        while node is not None and node.type in ("identifier", "attribute"):
            if not self._step(deep):
                return None
            node, deep = self._follow(node, deep), deep - 1
        return node

    def _follow(self, node: Node, deep: int) -> Node | None:
        """One step: what a constant is, a field of a class that is no settings, or what stands under a key."""
        if node.type == "subscript":
            found = self.object(field(node, "value"), deep - 1)
            entry = found.entries.get(constant(_key(node)) or "") if found is not None else None
            return bare(entry.value) if entry is not None and entry.sure else None
        if node.type == "attribute":
            owner = self._class(field(node, "object"), deep - 1)
            if owner is None or "Settings" in text(field(owner, "superclasses")):
                return None
            fields = list(_fields(owner, text(field(node, "attribute"))))
            return bare(field(fields[0], "right")) if len(fields) == 1 else None
        binding = self._binding(node) if node.type == "identifier" else None
        return bare(binding.value) if binding is not None else None

    def _binding(self, node: Node) -> _Binding | None:
        """What gives a name its only value in the innermost scope around a node that binds it; None when several do."""
        found = self._innermost(node)
        return found[0] if len(found) == 1 else None

    def _innermost(self, node: Node) -> list[_Binding]:
        """The bindings of a name in the innermost scope around a node that has any."""
        own = self._scope(node)
        around = [
            each
            for each in self._of(text(node)).bindings
            if within(node, each.scope) and (each.scope.type != "class_definition" or each.scope == own)
        ]
        inner = min(around, key=lambda each: each.scope.end_byte - each.scope.start_byte, default=None)
        found = [each for each in around if inner is not None and each.scope == inner.scope]
        return found if len(found) < 2 else [each for each in found if not self._is_sqlites(each.at)]

    def _scope(self, node: Node) -> Node:
        return next((outer for outer in self._module.up(node) if outer.type in _SCOPES), self._module.root)

    def _of(self, name: str) -> _Name:
        """Everything that the file does with a name."""
        if name not in self._known:
            found = self._known[name] = _Name([], [])
            uses = self._module.named(name)
            if len(uses) > MOST_USES:
                found.bindings.append(_Binding(self._module.root, self._module.root))
                return found
            for use in uses:
                self._note(use, found)
        return self._known[name]

    def _note(self, use: Node, found: _Name) -> None:
        """What is done with a name at one place."""
        module = self._module
        outer = module.parent(use)
        while outer is not None and outer.type in _PARAMETERS:
            name = field(outer, "name")
            if name is None and outer.type == "typed_parameter":
                name = outer.named_children[0]
            if name is not None and not within(use, name):
                return  # a type or a default: the name is read
            outer = module.parent(outer)
            if outer is not None and outer.type in _SCOPES:
                found.bindings.append(_Binding(outer, outer))
                return
        if outer is None:
            return
        kind = outer.type
        if kind in ("global_statement", "nonlocal_statement"):
            found.bindings.extend([_Binding(module.root, outer)] * 2)
        elif kind in ("dotted_name", "aliased_import", "delete_statement") or kind.startswith("import_"):
            found.bindings.append(_Binding(self._scope(outer), outer))
        elif kind in ("function_definition", "class_definition") and field(outer, "name") == use:
            found.bindings.append(_Binding(self._scope(outer), outer, outer))
        elif kind == "assignment" and bare(field(outer, "left")) == use:
            value = field(outer, "right")
            while value is not None and value.type == "assignment":
                value = field(value, "right")
            if value is not None:
                found.bindings.append(_Binding(self._scope(outer), outer, value))
        elif kind == "attribute" and field(outer, "attribute") == use:
            return
        elif kind != "keyword_argument" and module.stored(use):
            found.bindings.append(_Binding(self._scope(use), outer))
        else:
            found.changes.extend((use, change) for change in self._changes(use, outer))

    def _changes(self, use: Node, outer: Node) -> Iterator[_Change]:
        """`name[key] = value`, `del name[key]`, `name.update(key=value)`."""
        above = self._module.parent(outer)
        if above is None:
            return
        if outer.type == "subscript" and bare(field(outer, "value")) == use:
            key = constant(_key(outer)) or ""
            if above.type == "assignment" and bare(field(above, "left")) == outer:
                yield _Change(key, field(above, "right"), above)
            elif above.type in ("augmented_assignment", "delete_statement"):
                yield _Change(key, None, above)
        elif outer.type == "attribute" and above.type == "call" and called(above) == outer:
            verb = text(field(outer, "attribute"))
            named = keywords(above)
            taken = arguments(above)
            pairs = list(taken[0].named_children) if taken and taken[0].type == "dictionary" else []
            named += [(constant(field(pair, "key")) or "", field(pair, "value") or pair) for pair in pairs]
            if verb == "update" and named and len(taken) == bool(pairs) and all(name for name, _ in named):
                yield from (_Change(name, value, above) for name, value in named)
            elif verb in _CHANGES:
                yield _Change("", None, above)


def _key(node: Node) -> Node | None:
    """The first argument of a call, or what a subscript is looked up by."""
    if node.type == "call":
        return next(iter(arguments(node)), None)
    single = not any(child.type == "," for child in node.children)
    return bare(field(node, "subscript")) if single else None


def _asks_sqlite(condition: Node | None) -> bool | None:
    """Whether a condition is that the database is SQLite, or that it is not; None for any other."""
    found = _SQLITE.fullmatch(text(condition))
    return (found[1] or found[3]) is None if found is not None else None


def _fields(owner: Node, name: str) -> Iterator[Node]:
    """The assignments of a class's body to a name, annotations alone too."""
    for statement in body(owner):
        for at in statement.named_children if statement.type == "expression_statement" else ():
            if at.type == "assignment" and text(field(at, "left")) == name:
                yield at


def _branches(node: Node) -> tuple[Node, Node]:
    """The values of `one if condition else other`."""
    one, *_, other = (child for child in node.named_children if not child.is_extra)
    return one, other


def _results(function: Node) -> Iterator[Node]:
    """What a function returns, not what functions inside it do."""
    stack = body(function)[::-1]
    while stack:
        node = stack.pop()
        if node.type == "return_statement":
            yield from node.named_children[:1]
        elif node.type not in _SCOPES:
            stack.extend(reversed(node.named_children))


def _as_setting(node: Node) -> str:
    """A dotted name; a field of settings made elsewhere as pydantic looks for it in the environment: in capitals."""
    owner = bare(field(node, "object"))
    holder = dotted(called(owner) if owner is not None and owner.type == "call" else owner)
    name = text(field(node, "attribute"))
    if holder.lower().endswith("settings") and _FIELD.fullmatch(name) and "async" not in name:
        return f"{holder}.{name.upper()}"[:80]
    return dotted(node)[:80]
