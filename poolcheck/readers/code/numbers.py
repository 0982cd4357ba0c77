"""What options come to in one file: numbers, variables of the environment with what stands in for them, names."""

import re
from collections.abc import Iterable, Sequence

from tree_sitter import Node

from poolcheck.model.source import env_value
from poolcheck.readers.code.grammar import part
from poolcheck.readers.code.objects import Assigned, Call, CodeFile
from poolcheck.readers.syntax import text
from poolcheck.readers.written_options import (
    DEEPEST,
    combined,
    extreme,
    from_env,
    is_variable,
    otherwise,
    where_set,
    whole,
)

_MOST_STEPS = 20_000
_SUFFIX = re.compile(r"(?:[iu](?:8|16|32|64|size)|[uUlL]{1,2})$")
_NAME = re.compile(r"[A-Za-z][\w.-]{0,80}")
_MOST_STORES = 20  # of one name; what is set more often is nobody's pool size


class Meanings:
    """Follows names within one file, a bounded number of steps."""

    def __init__(self, module: CodeFile) -> None:
        self.module = module
        self._open: set[object] = set()
        self._made: Node | None = None
        self._steps = 0

    def call(self, node: Node | None) -> Call | None:
        """The call that a node is."""
        return self.module.call_at(node) if node is not None else None

    def string(self, node: Node | None) -> str | None:
        """The text of a string without values in it; None for anything else."""
        node = self.module.bare(node)
        inner = self.module.grammar.strings.get(node.type) if node is not None else None
        if node is None or inner is None:
            return None
        parts = [child for child in node.named_children if not child.is_extra]
        if any(child.type not in (inner, "escape_sequence") for child in parts):
            return None
        return (
            "".join(map(text, parts))
            if parts
            else text(node).strip("\"'`")
            if not node.named_children
            else ""
        )

    def option(self, settings: Sequence[Assigned], made: Node | None = None) -> str:
        """What several settings of one name come to; "..." for what is not known, and for what may be a secret.

        `made`: what is made with them. Where a branch of the code decides about both, it decides about neither.
        """
        self._made = made
        found = self._agreed([(each.value, each.at) for each in settings])
        if found is not None:
            return found
        last = settings[-1].value
        word = text(last) if last is not None and text(last) in ("true", "false") else ""
        return word or self.module.dotted(last)[:40] or "..."

    def _agreed(
        self, values: Sequence[tuple[Node | None, Node]], *, quoted: bool = False, deep: int = DEEPEST
    ) -> str | None:
        """The number that a name has in the end: the last that is set in any case, or a variable beside it.

        None where a branch of the code decides between numbers.
        """
        if not values or len(values) > _MOST_STORES:
            return None
        sure: str | None = None
        beside: list[str] = []
        for value, at in values:
            said = self.number(value, deep - 1, quoted=quoted)
            if not self.module.may_not_run(at, self._made):
                sure, beside = said, []
                if said is None:
                    return None
            elif said is None:
                return None
            else:
                beside.append(said)
        kinds = list(dict.fromkeys(([sure] if sure is not None else []) + beside))
        if len(kinds) == 1:
            return kinds[0] if sure is not None or kinds[0].startswith("$") else None
        if len(kinds) != 2:
            return None
        read, other = kinds if kinds[0].startswith("$") else kinds[::-1]
        found = env_value(read)
        if found is None or found[1] is not None or other.startswith("$"):
            return None
        return from_env(found[0], other)

    def number(self, node: Node | None, deep: int = DEEPEST, *, quoted: bool = False) -> str | None:
        """A number, or `${VARIABLE}` or `${VARIABLE:-10}` for one of the environment; None for anything else.

        `quoted`: a number in quotes counts, as where it is made a number of.
        """
        module, grammar = self.module, self.module.grammar
        self._steps += 1
        node = module.bare(node)
        if node is None or deep <= 0 or self._steps > _MOST_STEPS:
            return None
        if node.type in grammar.numbers:
            return whole(_SUFFIX.sub("", text(node)))
        if node.type in grammar.strings:
            return self._in_string(node) if quoted else None
        injected = self._injected(node)
        if injected is not None:
            return from_env(*injected)
        if text(node)[:1] == "-" and len(node.named_children) == 1:
            said = self.number(node.named_children[0], deep - 1)
            return f"-{said}" if said is not None and said.isdigit() else None
        if node.type in grammar.binaries:
            first, second = (self.number(part(node, key), deep - 1, quoted=quoted) for key in (0, -1))
            operator = text(node.child_by_field_name("operator")) or text(node.children[1])
            if first is None:
                return None
            if operator in grammar.otherwise:
                return otherwise(first, second, zero=True)
            return combined(first, operator, second)
        choice = grammar.choices.get(node.type)
        if choice is not None:
            condition, *branches = (part(node, key) for key in choice)
            return where_set(
                text(condition), [self.number(each, deep - 1, quoted=quoted) for each in branches]
            )
        call = self.call(node)
        if call is not None:
            return self._called(call, deep, quoted=quoted)
        return self._named(node, deep, quoted=quoted)

    def _in_string(self, node: Node) -> str | None:
        return whole(self.string(node) or "")

    def _injected(self, node: Node) -> tuple[str, str] | None:
        """(variable, default or "") of an annotation that gives a name its value."""
        if "annotation" not in node.type:
            return None
        found = self.module.grammar.injects.search(text(node)[:300])
        if found is None:
            return None
        default = next((each for each in found.groups()[1:] if each is not None), "")
        return _as_variable(found[1]), "" if default.startswith("$") else default

    def variable(self, node: Node | None) -> tuple[str, Node | None] | None:
        """(variable, default) that a call reads by itself."""
        call = self.call(self.module.bare(node))
        if call is None or not call.given:
            return None
        name = self.string(call.given[0][1])
        owner = self.module.dotted(call.owner)
        words = f"{owner}.{call.name}" if owner else call.name
        if (
            name is None
            or not _NAME.fullmatch(name)
            or not self.module.grammar.reads_env.search(words[-100:])
        ):
            return None
        return _as_variable(name), call.given[1][1] if len(call.given) > 1 else None

    def _called(self, call: Call, deep: int, *, quoted: bool) -> str | None:
        grammar, given = self.module.grammar, [value for _, value in call.given]
        read = self.variable(call.node)
        if read is not None:
            name, default = read
            none = default is None or self.string(default) == ""
            return from_env(name, "" if none else self.number(default, deep - 1, quoted=True))
        if call.name in ("min", "max"):
            return extreme(call.name, [self.number(each, deep - 1) for each in given])
        if call.name in grammar.falls_back:
            first = self.number(call.owner, deep - 1, quoted=quoted)
            default = given[-1] if given else None
            inner = (
                part(default, "body") if default is not None and default.type in grammar.closures else default
            )
            return otherwise(first, self.number(inner, deep - 1, quoted=True), zero=True) if first else None
        if call.name in grammar.converts:
            return self.number(given[0] if given else call.owner, deep - 1, quoted=True)
        results = self._results(call)
        return self.number(results[0], deep - 1, quoted=quoted) if len(results) == 1 else None

    def _results(self, call: Call) -> list[Node]:
        """What a function of this file gives back."""
        functions = self.module.by_name.get(call.name, ())
        own = call.owner is None or text(call.owner) in ("this", "self", "Self")
        return self.module.returned.get(functions[0], []) if len(functions) == 1 and own else []

    def _named(self, node: Node, deep: int, *, quoted: bool) -> str | None:
        """The number that a variable, a constant or a field has."""
        module = self.module
        owned = module.member(node)
        key: object = (owned[1], module.slot(owned[0])) if owned is not None else module.slot(node)
        if key is None or key in self._open:
            return None
        self._open.add(key)
        found = None
        if owned is not None:
            whose = module.slot(owned[0])
            settings = module.settings.get(module.same(whose), ()) if whose is not None else ()
            fits = [(each.value, each.at) for each in settings if each.name == owned[1]]
            found = self._agreed(fits, quoted=quoted, deep=deep)
            if not fits and text(owned[0]) in ("this", "self"):
                found = self._agreed(self._stored((0, owned[1])), quoted=quoted, deep=deep)
        elif node.type in module.grammar.names:
            slot = module.variable(node)
            stored = self._stored(slot)
            found = self._agreed(stored, quoted=quoted, deep=deep) if stored else self._handed(slot, deep)
        self._open.discard(key)
        return found

    def _stored(self, slot: tuple[int, str]) -> list[tuple[Node | None, Node]]:
        return [(each.value, each.at) for each in self.module.stores.get(slot, ())]

    def _handed(self, slot: tuple[int, str], deep: int) -> str | None:
        """What every call of its function hands to a parameter."""
        function = self.module.functions.get(slot[0])
        if function is None or slot[1] not in function.parameters or not function.name:
            return None
        place = function.parameters.index(slot[1])
        calls = self.module.called.get(function.name, ())
        if not 0 < len(calls) <= _MOST_STORES:
            return None
        said = {
            self.number(call.given[place][1], deep - 1) if place < len(call.given) else None for call in calls
        }
        return said.pop() if len(said) == 1 else None

    def name(self, node: Node | None, deep: int = DEEPEST) -> str:
        """What names a connection string: a variable of the environment, `cfg.DatabaseURL`; never its text."""
        node = self.module.bare(node)
        self._steps += 1
        if node is None or deep <= 0 or self._steps > _MOST_STEPS:
            return ""
        read = self.variable(node) or self._injected(node)
        if read is not None:
            return read[0]
        call = self.call(node)
        if call is not None:
            parts = [value for _, value in call.given] + ([call.owner] if call.owner is not None else [])
            named = {found for each in parts if is_variable(found := self.name(each, deep - 1))}
            if len(named) == 1:
                return named.pop()
            results = self._results(call)
            return self.name(results[0], deep - 1) if len(results) == 1 else ""
        owned, slot = self.module.member(node), self.module.slot(node)
        if slot is None or slot in self._open:
            return ""
        self._open.add(slot)
        if owned is not None:
            whose = self.module.slot(owned[0])
            settings = self.module.settings.get(self.module.same(whose), ()) if whose is not None else ()
            values: Iterable[Node | None] = [each.value for each in settings if each.name == owned[1]]
        else:
            values = [each.value for each in self.module.stores.get(slot, ())]
        names = {found for each in list(values)[:_MOST_STORES] if (found := self.name(each, deep - 1))}
        self._open.discard(slot)
        return names.pop() if len(names) == 1 else self.module.dotted(node)[:80] if not names else ""

    def texts(self, node: Node | None, deep: int = 6) -> list[str]:
        """The strings that stand in an expression, and in the names that it is made of."""
        found: list[str] = []
        stack = [(node, deep)]
        while stack and len(found) < _MOST_STORES:
            at, left = stack.pop()
            at = self.module.bare(at)
            self._steps += 1
            if at is None or left <= 0 or self._steps > _MOST_STEPS:
                continue
            if at.type in self.module.grammar.strings:
                found.append(text(at)[:2000])
            elif at.type in self.module.grammar.names:
                stack += [
                    (each.value, left - 1) for each in self.module.stores.get(self.module.variable(at), ())
                ]
            else:
                stack += [(child, left - 1) for child in at.named_children]
        return found


def _as_variable(name: str) -> str:
    """`db.max-conns` of a configuration is DB_MAX_CONNS of the environment."""
    return name if name.isupper() else re.sub(r"[.-]", "_", name).upper()
