"""One parsed file of any language that has a table: its calls, what is given a value, and which names are one object."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from tree_sitter import Node, Parser

from poolcheck.readers.code.grammar import Grammar, Part, part
from poolcheck.readers.syntax import Parsed, TooMuch, text, within

_DOTS = 8
_MOST_NODES = 600_000  # of one file; a megabyte of source has half as many
Slot = tuple[
    int, str
]  # a variable of a function, or of the file (0); what a call gives is ("id of its node", "")


class Call(NamedTuple):
    """A call, or a literal of a type, which is much the same."""

    node: Node
    owner: Node | None  # `a.b` of `a.b.c()`
    name: str
    given: list[tuple[str, Node]]  # arguments with their names, "" where there is none
    new: bool


class Assigned(NamedTuple):
    """`object.name = value`, `object.name(value)`, or `{name: value}`."""

    name: str
    value: Node | None
    at: Node


class Store(NamedTuple):
    """`name = value`."""

    value: Node
    at: Node


class Function(NamedTuple):
    """A function or a closure: its name, its parameters in order, and its head as one line."""

    node: Node
    name: str
    parameters: tuple[str, ...]
    head: str


class CodeFile(Parsed):
    """One file. `through`: methods that give the object they are called on; `handed`: calls that give one they are given."""

    def __init__(
        self, code: bytes, table: tuple[Grammar, Parser], through: frozenset[str], handed: frozenset[str]
    ) -> None:
        self.grammar, parser = table
        super().__init__(code, parser)
        self._through, self._handed = through, handed
        self.names: dict[str, str] = {}  # imported name → what it is in full
        self.every: list[str] = []  # packages of which all names are imported
        self.calls: list[Call] = []
        self._call_at: dict[int, Call] = {}
        self.functions: dict[int, Function] = {}
        self.stores: dict[Slot, list[Store]] = {}
        self.by_name: dict[str, list[int]] = {}  # functions
        self.called: dict[str, list[Call]] = {}
        self.returned: dict[int, list[Node]] = {}
        self._parents: dict[int, Node] = {}
        self._within: dict[int, Node | None] = {}  # the function that a node stands in
        self._declared: dict[int, set[str]] = {}
        self._receivers: dict[int, Slot] = {}  # by the node of a block
        self._settings: list[tuple[Slot, Assigned]] = []
        self._joined: dict[Slot, Slot] = {}
        stores, returns = self._walk()
        self._link(stores, returns)
        self.settings: dict[Slot, list[Assigned]] = {}
        for slot, setting in self._settings:
            self.settings.setdefault(self.same(slot), []).append(setting)

    def _walk(self) -> tuple[list[tuple[Node, Node, Node]], list[tuple[Node, Node]]]:
        grammar, seen = self.grammar, 0
        stores: list[tuple[Node, Node, Node]] = []
        returns: list[tuple[Node, Node]] = []
        stack: list[tuple[Node, Node | None]] = [(self.root, None)]
        while stack:
            node, function = stack.pop()
            seen += 1
            if seen > _MOST_NODES:
                raise TooMuch
            kind = node.type
            if kind == "ERROR" and node is not self.root:
                continue
            self._within[node.id] = function
            if kind in grammar.functions or kind in grammar.closures:
                self._function(node)
                function = node
            elif kind in grammar.import_nodes:
                self._import(node)
                continue
            if kind in grammar.calls or kind in grammar.literals:
                self._call(node, kind)
            if kind in grammar.stores:
                for target, value in self._sides(node, grammar.stores[kind]):
                    stores.append((target, value, node))
                    if "assignment" not in kind:
                        inside = function.id if function is not None else 0
                        self._declared.setdefault(inside, set()).add(text(self.bare(target)))
            elif kind in grammar.returns and function is not None:
                returns.extend((function, child) for child in self._given_back(node))
            if kind in grammar.injected:
                stores.extend(self._injected(node))
            children = node.named_children
            if grammar.tests.pattern and children:
                children = list(self._without_tests(children))
            for child in reversed(children):
                self._parents[child.id] = node
                stack.append((child, function))
        return stores, returns

    def _import(self, node: Node) -> None:
        for name, full in self.grammar.imports(node):
            if name == "*":
                self.every.append(full)
            else:
                self.names.setdefault(name, full)

    def _given_back(self, node: Node) -> Iterator[Node]:
        """The first value of a `return`, or of a body that is no block: Kotlin's `fun size() = 6`."""
        for child in list(self._each(node.named_children[:1]))[:1]:
            if child.type != "block":
                yield child

    def _injected(self, node: Node) -> Iterator[tuple[Node, Node, Node]]:
        """The names that an annotation gives a value: the annotation is that value."""
        note: Node | None = None
        for child in node.named_children:
            if child.type.endswith("modifiers"):
                injects = self.grammar.injects
                note = next((one for one in child.named_children if injects.search(text(one)[:300])), None)
            elif note is not None:
                found = child if child.type in self.grammar.names else child.child_by_field_name("name")
                inner = (each for each in child.named_children if each.type in self.grammar.names)
                target = found or (next(inner, None) if "type" not in child.type else None)
                if target is not None:
                    yield target, note, child
                    note = None
        named = node.child_by_field_name("name")
        if note is not None and named is not None:
            yield named, note, node

    def _without_tests(self, children: list[Node]) -> Iterator[Node]:
        """Rust's `#[cfg(test)] mod tests`: the attribute stands before what it speaks of."""
        skip = False
        for child in children:
            if child.type == "attribute_item":
                skip = skip or self.grammar.tests.search(text(child)[:200]) is not None
            elif not skip:
                yield child
            else:
                skip = child.is_extra

    def _function(self, node: Node) -> None:
        name = text(part(node, "name") if node.type in self.grammar.functions else None)
        given = part(node, self.grammar.parameters)
        found: list[str] = [text(given)] if given is not None and given.type in self.grammar.names else []
        for child in given.named_children if given is not None else ():
            if "modifiers" in child.type or not ("param" in child.type or child.type in self.grammar.names):
                continue
            named = child.children_by_field_name("name") or child.children_by_field_name("pattern")
            first = next((one for one in child.named_children if one.type in self.grammar.names), child)
            found += [text(one) for one in named or [first]]
        body = part(node, "body")
        start = node.start_byte
        head = self.code[start : min(body.start_byte if body is not None else node.end_byte, start + 600)]
        self.functions[node.id] = Function(node, name, tuple(found), head.decode("utf-8", "replace"))
        self.by_name.setdefault(name, []).append(node.id)
        self._declared.setdefault(node.id, set()).update(found)

    def _call(self, node: Node, kind: str) -> None:
        grammar = self.grammar
        literal = kind in grammar.literals
        function, arguments = (grammar.literals if literal else grammar.calls)[kind]
        callee = self.bare(part(node, function)) if function != "" else node
        if callee is None:
            return
        own = self.last(part(node, "name")) if function == "" else self.last(callee)
        owner, name = self.member(callee) or (None, own)
        given = [] if literal else list(self._given(part(node, arguments)))
        call = Call(node, owner, name, given, literal or kind in grammar.makes_new)
        self.calls.append(call)
        self._call_at[node.id] = call
        self.called.setdefault(name, []).append(call)
        body = part(node, arguments) if literal else part(node, "initializer")
        for child in body.named_children if body is not None else ():
            sides = grammar.pairs.get(child.type)
            if sides is not None:
                for target, value in self._sides(child, sides):
                    self._settings.append(((node.id, ""), Assigned(self.last(target), value, child)))
        said = grammar.receivers.get(name)
        if said is not None and owner is not None:
            for child in node.named_children:
                block = child if child.type in grammar.closures else part(child, next(iter(grammar.closures)))
                if block is not None:
                    self._receivers[block.id] = (node.id, "")

    def _given(self, arguments: Node | None) -> Iterator[tuple[str, Node]]:
        for child in arguments.named_children if arguments is not None else ():
            if child.is_extra:
                continue
            whole = [one for one in child.named_children if not one.is_extra]
            named = child.type in ("argument", "value_argument") and len(whole) == 2
            value = self.bare(whole[1] if named else child)
            if value is not None:
                yield (text(whole[0]) if named else ""), value

    def _each(self, nodes: Iterable[Node]) -> Iterator[Node]:
        for node in nodes:
            if node.type in self.grammar.lists:
                yield from node.named_children
            else:
                yield node

    def _sides(self, node: Node, sides: tuple[Part, Part]) -> Iterator[tuple[Node, Node]]:
        first, second = part(node, sides[0]), part(node, sides[1])
        if first is None or second is None or first == second:
            return
        targets, values = list(self._each([first])), list(self._each([second]))
        if len(targets) == len(values):
            yield from zip(targets, values, strict=True)
        elif len(values) == 1 and targets:
            yield targets[0], values[0]

    def _link(self, stores: list[tuple[Node, Node, Node]], returns: list[tuple[Node, Node]]) -> None:
        for target, value, at in stores:
            self._stored(target, value, at)
        for function, value in returns:
            self.returned.setdefault(function.id, []).append(value)
            self._join((function.id, "return"), self.slot(value))
        for call in self.calls:
            own = (call.node.id, "")
            if call.owner is not None:
                self._set_by_call(call)
            elif (receiver := self._receiver(call.node)) is not None and call.given:
                self._settings.append((receiver, self._by_call(call)))
            owner = self.bare(call.owner)
            chained = owner is not None and owner.type in self.grammar.calls
            if owner is not None and (
                chained or call.name in self._through or call.name in self.grammar.receivers
            ):
                self._join(own, self.slot(owner))
            if self.full(call) in self._handed:
                for _, value in call.given:
                    self._join(own, self.slot(value))
            for _, value in call.given:
                # `pool(p -> p.maxSize(9))`: the parameter is a part of what is called
                closure = self.functions.get(value.id)
                if closure is not None and len(closure.parameters) == 1:
                    self._join((value.id, closure.parameters[0]), own)
            for known in self.by_name.get(call.name, ()) if call.name else ():
                self._join(own, (known, "return"))
                for name, (_, value) in zip(self.functions[known].parameters, call.given, strict=False):
                    self._join((known, name), self.slot(value))

    def _stored(self, target: Node, value: Node, at: Node) -> None:
        target = self.bare(target) or target
        slot = self.slot(target)
        if slot is not None:
            self._join(slot, self.slot(value))
        owned = self.member(target)
        if owned is None:
            if slot is not None:
                self.stores.setdefault(slot, []).append(Store(value, at))
            receiver = self._receiver(target)
            if receiver is not None:
                self._settings.append((receiver, Assigned(text(target), value, at)))
            return
        owner, path = owned[0], owned[1]
        if text(owner) == "this":
            self.stores.setdefault((0, path), []).append(Store(value, at))
        receiver = self._receiver(target)
        for _ in range(_DOTS):
            whose = receiver if receiver is not None and self._is_receiver(owner) else self.slot(owner)
            if whose is not None:
                self._settings.append((whose, Assigned(path, value, at)))
            above = self.member(self.bare(owner))
            if above is None:
                break
            owner, path = above[0], f"{above[1]}.{path}"

    def _by_call(self, call: Call) -> Assigned:
        return Assigned(call.name, call.given[0][1] if len(call.given) == 1 else None, call.node)

    def _set_by_call(self, call: Call) -> None:
        slot = self.slot(call.owner)
        receiver = self._receiver(call.node)
        if receiver is not None and call.owner is not None and self._is_receiver(call.owner):
            slot = receiver
        if slot is not None and call.given:
            self._settings.append((slot, self._by_call(call)))

    def _is_receiver(self, owner: Node) -> bool:
        return text(owner) in ("this", "it")

    def _receiver(self, node: Node) -> Slot | None:
        """What the block around a node is called on."""
        function = self._within.get(node.id)
        return self._receivers.get(function.id) if function is not None else None

    def _join(self, one: Slot | None, other: Slot | None) -> None:
        if one is not None and other is not None:
            first, second = self.same(one), self.same(other)
            if first != second:
                self._joined[first] = second

    def same(self, slot: Slot) -> Slot:
        """One name for all the names of an object."""
        path = []
        while (above := self._joined.get(slot)) is not None:
            path.append(slot)
            slot = above
        for each in path:
            self._joined[each] = slot
        return slot

    def slot(self, node: Node | None) -> Slot | None:
        """Where an object is kept; None for anything but a name, a field and what a call gives."""
        node = self.bare(node)
        if node is None:
            return None
        if node.type in self.grammar.calls or node.type in self.grammar.literals:
            return node.id, ""
        if node.type in self.grammar.names:
            return self.variable(node)
        owned = self.member(node)
        if owned is not None and owned[1] in self._through:
            return self.slot(owned[0])
        return (0, owned[1]) if owned is not None else None

    def variable(self, node: Node) -> Slot:
        """Whose variable a name is: of the innermost function that declares it, else of the file."""
        name = text(node)
        function = self._within.get(node.id)
        while function is not None:
            self.spend(1)
            if name in self._declared.get(function.id, ()):
                return function.id, name
            function = self._within.get(function.id)
        return 0, name

    def bare(self, node: Node | None) -> Node | None:
        """The value inside brackets and what else only stands around it."""
        for _ in range(50):
            if node is None or node.type not in self.grammar.wrappers or text(node)[:1] == "-":
                return node
            node = part(node, self.grammar.wrappers[node.type])
        return None

    def member(self, node: Node | None) -> tuple[Node, str] | None:
        """(owner, name) of `a.b`."""
        sides = self.grammar.members.get(node.type) if node is not None else None
        if node is None or sides is None:
            return None
        owner, name = part(node, sides[0]), part(node, sides[1])
        return (owner, self.last(name)) if owner is not None and name is not None and owner != name else None

    def last(self, node: Node | None) -> str:
        """The last name of a name or a type, without what stands in its angle brackets."""
        owned = self.member(node)
        if owned is not None:
            return owned[1]
        node = self.bare(node)
        if node is None or node.type in self.grammar.calls:
            return ""
        return text(node)[:100].partition("<")[0].strip().rpartition(".")[2]

    def dotted(self, node: Node | None) -> str:
        """`a.b.c`; "" for anything but names."""
        parts: list[str] = []
        node = self.bare(node)
        for _ in range(_DOTS):
            if self.grammar.chained and node is not None and node.type in self.grammar.calls:
                node = self.bare(part(node, self.grammar.calls[node.type][0]))
            owned = self.member(node)
            if owned is None:
                break
            parts.append(owned[1])
            node = self.bare(owned[0])
        if node is None or (node.type not in self.grammar.names and text(node) not in ("this", "self")):
            return ""
        return ".".join([self.last(node), *reversed(parts)])

    def full(self, call: Call) -> str:
        """The name of what is called, imports resolved: "github.com/jackc/pgx/v5.Connect"."""
        owner = self.dotted(call.owner) if call.owner is not None else ""
        if call.owner is not None and not owner:
            return ""
        words = f"{owner}.{call.name}" if owner else call.name
        first, dot, rest = words.partition(".")
        if call.owner is not None and self._shadowed(call.node, first):
            return ""
        return self.names.get(first, first) + dot + rest

    def _shadowed(self, node: Node, name: str) -> bool:
        """Whether a variable has the name of an import there."""
        function = self._within.get(node.id)
        while function is not None:
            self.spend(1)
            if name in self._declared.get(function.id, ()):
                return True
            function = self._within.get(function.id)
        return False

    def call_at(self, node: Node) -> Call | None:
        """The call that a node is; None for any other node, and for one that only wraps what is called."""
        return self._call_at.get(node.id)

    def function(self, node: Node) -> Function | None:
        """The function or closure that a node stands in."""
        found = self._within.get(node.id)
        return self.functions.get(found.id) if found is not None else None

    def up(self, node: Node) -> Iterator[Node]:
        """What a node stands in, from the inside out."""
        found = self._parents.get(node.id)
        while found is not None:
            self.spend(10)
            yield found
            found = self._parents.get(found.id)

    def may_not_run(self, node: Node, beside: Node | None = None) -> bool:
        """Whether a branch of its function decides that; none that `beside` stands in, too."""
        function = self._within.get(node.id)
        for outer in self.up(node):
            if outer == function:
                return False
            if outer.type in self.grammar.branches and (beside is None or not within(beside, outer)):
                return True
        return False
