"""Whether a pattern can take more than a length of time that grows with the text: read from the pattern, without a clock.

A backtracking matcher takes the square of a text, or worse, where the same characters lead from one repeat of a pattern
both back to it and on to a second one that they lead back to as well (Weideman, van der Merwe, Berglund and Watson,
"Analyzing Matching Time Behavior of Backtracking Regular Expression Matchers by Using Ambiguity of NFA", CIAA 2016).
A scan begins anew at every place: it is a first repeat that takes everything. Characters before and behind a place are
known to `^`, `$`, `\\b` and to looks at one character; longer looks are taken for true.
"""

import re
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from tests.patterns import _OPS, _PARSER, _REPEATS, Used, _is_in

MANY = 500  # what repeats more often than that is as good as without an end
_COPIES = 16  # states that a repeat with an end is written out to
_SOME = "aZ0_ \n\x01é\x85.-:,;=\"'\\/([{$#@"
_TURNS = 40
_LINES, _DOTALL, _CASELESS = int(re.MULTILINE), int(re.DOTALL), int(re.IGNORECASE)
_MOST = 3_000  # places that are looked at on the way from one repeat to another


class Shape(NamedTuple):
    """A text that is hard for a pattern: what stands before, what is said again and again, what it ends with."""

    before: str
    pump: str
    after: str


class _State(NamedTuple):
    takes: Any  # a test of one character: (op, value, flags)
    held: bool  # in a possessive repeat: nothing is given back


class _Machine:
    """The states of a pattern that take a character, and how one goes from one to the next without taking any."""

    def __init__(self, use: Used) -> None:
        self.flags = use.pattern.flags
        self.states: list[_State] = []
        self.free: list[list[tuple[int, Any]]] = []  # node → (node, what has to hold in between)
        self.taking: dict[int, tuple[int, int]] = {}  # node → (state, node behind it)
        self.groups: dict[int, list[Any]] = {}
        self.held = 0
        tree = _PARSER.parse(use.pattern.pattern, use.pattern.flags & ~re.DEBUG)
        self.start = self._node()
        self.end = self._items(list(tree), self.start)
        # A byte pattern and a text pattern differ in nothing that counts here.
        letters = {*_SOME, *self._written(list(tree))}
        if isinstance(use.pattern.pattern, bytes):
            letters = {each for each in letters if each.isascii()}
        kinds: dict[tuple[bool, ...], str] = {}
        for letter in sorted(letters, key=lambda each: (each not in _SOME, _SOME.find(each), each)):
            sign = (letter == "\n", _word(letter), *(self._is(each.takes, letter) for each in self.states))
            kinds.setdefault(sign, letter)
        self.letters = [*kinds.values()]
        self.taken = [
            frozenset(letter for letter in self.letters if self._is(each.takes, letter))
            for each in self.states
        ]
        self.behind = dict(self.taking.values())
        # Letter → the first one that is as good as it to whatever looks back.
        looks = [holds for edges in self.free for _, holds in edges if _looks_back(holds)]
        firsts: dict[tuple[bool, ...], str] = {}
        self.past: dict[str | None, str | None] = {None: None}
        for letter in self.letters:
            sees = tuple(self._holds(each, letter, now) for each in looks for now in self.letters)
            self.past[letter] = firsts.setdefault(sees, letter)
        self.before: list[set[int]] = []  # state → those that lead to it
        self._steps: dict[tuple[int, str | None, str], tuple[int, ...]] = {}

    def _node(self) -> int:
        self.free.append([])
        return len(self.free) - 1

    def _join(self, one: int, other: int, holds: Any = None) -> None:
        self.free[one].append((other, holds))

    def _items(self, items: list[Any], at: int) -> int:
        for op, value in items:
            at = self._item(op, value, at)
        return at

    def _item(self, op: Any, value: Any, at: int) -> int:
        if op in (_OPS.LITERAL, _OPS.NOT_LITERAL, _OPS.IN, _OPS.ANY):
            end = self._node()
            self.taking[at] = (len(self.states), end)
            self.states.append(_State((op, value, self.flags), bool(self.held)))
            return end
        if op in _REPEATS:
            return self._repeat(op, value, at)
        end = self._node()
        if op is _OPS.BRANCH:
            for branch in value[1]:
                begin = self._node()
                self._join(at, begin)
                self._join(self._items(list(branch), begin), end)
        elif op is _OPS.SUBPATTERN:
            if value[0] is not None:
                self.groups[value[0]] = list(value[3])
            before, self.flags = self.flags, (self.flags | value[1]) & ~value[2]
            self._join(self._items(list(value[3]), at), end)
            self.flags = before
        elif op is getattr(_OPS, "ATOMIC_GROUP", None):
            self.held += 1
            self._join(self._items(list(value), at), end)
            self.held -= 1
        elif op is _OPS.GROUPREF:
            self.held += 1  # what a group has taken is taken whole
            self._join(self._items(self.groups[value], at), end)
            self.held -= 1
        elif op is _OPS.GROUPREF_EXISTS:
            for branch in (value[1], value[2] or []):
                begin = self._node()
                self._join(at, begin)
                self._join(self._items(list(branch), begin), end)
        elif op in (_OPS.ASSERT, _OPS.ASSERT_NOT):
            self._join(at, end, (op, value))
            if value[0] > 0:  # what it reads ahead of the place is read, and leads nowhere
                begin = self._node()
                self._join(at, begin)
                self._items(list(value[1]), begin)
        elif op is _OPS.AT:
            self._join(at, end, (op, value))
        else:
            raise NotImplementedError(op)
        return end

    def _repeat(self, op: Any, value: Any, at: int) -> int:
        low, high, sub = value
        self.held += op is _OPS.POSSESSIVE_REPEAT
        # Who gives nothing back stops only where there is no more.
        full = (_OPS.ASSERT_NOT, (1, sub)) if op is _OPS.POSSESSIVE_REPEAT else None
        items = list(sub)
        endless = high > MANY
        size = max(len(self.states), 1)
        turns = 0
        while turns < low and (turns < 2 or len(self.states) - size < _COPIES):
            begin = self._node()
            self._join(at, begin)
            at = self._items(items, begin)
            turns += 1
        end = self._node()
        if endless:
            begin, hub = self._node(), self._node()
            self._join(at, hub)
            self._join(hub, begin)
            self._join(self._items(items, begin), hub)
            self._join(hub, end, full)
        else:
            while turns < high and (turns < low + 2 or len(self.states) - size < _COPIES):
                self._join(at, end, full)
                begin = self._node()
                self._join(at, begin)
                at = self._items(items, begin)
                turns += 1
            self._join(at, end)
        self.held -= op is _OPS.POSSESSIVE_REPEAT
        return end

    def _written(self, items: list[Any]) -> Iterator[str]:
        """The characters that a pattern names, and the neighbours of its ranges."""
        for op, value in items:
            if op in (_OPS.LITERAL, _OPS.NOT_LITERAL):
                yield chr(value)
            elif op is _OPS.IN:
                for kind, each in value:
                    if kind is _OPS.LITERAL:
                        yield chr(each)
                    elif kind is _OPS.RANGE:
                        yield from (chr(each[0]), chr(each[1]), chr(min(each[1] + 1, 0x10FFFF)))
            else:
                yield from self._written(list(_inside(op, value)))

    def _is(self, takes: Any, letter: str | None) -> bool:
        if letter is None:
            return False
        op, value, flags = takes
        if op is _OPS.ANY:
            return letter != "\n" or bool(flags & _DOTALL)
        spelled = {letter, letter.lower(), letter.upper()} if flags & _CASELESS else {letter}
        spelled = {each for each in spelled if len(each) == 1}
        if op is _OPS.LITERAL:
            return any(ord(each) == value for each in spelled)
        if op is _OPS.NOT_LITERAL:
            return all(ord(each) != value for each in spelled)
        negated = bool(value) and value[0][0] is _OPS.NEGATE
        return negated != any(_is_in(kind, each, one) for kind, each in value for one in spelled)

    def any_takes(self, states: Iterable[int], letter: str) -> bool:
        return any(letter in self.taken[each] for each in states)

    def _holds(self, condition: Any, last: str | None, now: str | None) -> bool:
        if condition is None:
            return True
        op, value = condition
        if op is _OPS.AT:
            name = str(value)
            if name == "AT_BEGINNING_STRING" or (name == "AT_BEGINNING" and not self.flags & _LINES):
                return last is None
            if name == "AT_BEGINNING":
                return last in (None, "\n")
            if name == "AT_END_STRING":
                return now is None
            if name == "AT_END":
                return now in (None, "\n")
            edge = (last is not None and _word(last)) != (now is not None and _word(now))
            return edge == (name == "AT_BOUNDARY")
        ahead, items = value
        letter = now if ahead > 0 else last
        first = self._single(list(items) if ahead > 0 else list(items)[-1:], letter, last, now)
        if op is _OPS.ASSERT:
            return first is not False
        exact = first is True and self._width_one(list(items))
        return not exact

    def _single(self, items: list[Any], letter: str | None, last: str | None, now: str | None) -> bool | None:
        """Whether a look's one character is taken; None when that is not told by one character."""
        if not items:
            return None
        op, value = items[0]
        if op in (_OPS.LITERAL, _OPS.NOT_LITERAL, _OPS.IN, _OPS.ANY):
            return self._is((op, value, self.flags), letter)
        if op is _OPS.AT:
            return self._holds((op, value), last, now) and (len(items) == 1 or None)
        if op is _OPS.SUBPATTERN and len(items) == 1:
            return self._single(list(value[3]), letter, last, now)
        if op is _OPS.BRANCH:
            answers = {self._single(list(branch), letter, last, now) for branch in value[1]}
            return True if True in answers else None if None in answers else False
        return None

    def _width_one(self, items: list[Any]) -> bool:
        if len(items) != 1:
            return False
        op, value = items[0]
        if op is _OPS.SUBPATTERN:
            return self._width_one(list(value[3]))
        if op is _OPS.BRANCH:
            return all(self._width_one(list(branch)) for branch in value[1])
        return op in (_OPS.LITERAL, _OPS.NOT_LITERAL, _OPS.IN, _OPS.ANY, _OPS.AT)

    def step(self, state: int, last: str | None, now: str) -> tuple[int, ...]:
        """The states that have taken a character after another has; -1: the place before the pattern, where a scan
        may stay. A state that is reached in two ways comes twice.
        """
        last = self.past[last]
        key = (state, last, now)
        if key not in self._steps:
            found: list[int] = []
            node = self.start if state < 0 else self.behind[state]
            pending = [(node, frozenset({node}))]
            while pending:
                node, seen = pending.pop()
                if node in self.taking and now in self.taken[self.taking[node][0]]:
                    found.append(self.taking[node][0])
                for other, condition in self.free[node]:
                    if other not in seen and self._holds(condition, last, now):
                        pending.append((other, seen | {other}))
            self._steps[key] = tuple(found)
        return self._steps[key]


def _looks_back(condition: Any) -> bool:
    """Whether the character before a place has a say in it."""
    if condition is None:
        return False
    op, value = condition
    return (
        not str(value).startswith("AT_END") if op is _OPS.AT else value[0] < 0 or "BOUNDARY" in str(value[1])
    )


def _word(letter: str) -> bool:
    return letter.isalnum() or letter == "_"


def _inside(op: Any, value: Any) -> Iterator[Any]:
    if op in _REPEATS:
        yield from value[2]
    elif op is _OPS.SUBPATTERN:
        yield from value[3]
    elif op is _OPS.BRANCH:
        for branch in value[1]:
            yield from branch
    elif op in (_OPS.ASSERT, _OPS.ASSERT_NOT):
        yield from value[1]
    elif op is getattr(_OPS, "ATOMIC_GROUP", None):
        yield from value
    elif op is _OPS.GROUPREF_EXISTS:
        yield from value[1]
        yield from value[2] or []


def shapes(use: Used) -> Iterator[Shape]:
    """What a pattern takes the square of, or worse; nothing for one that is linear."""
    machine = _Machine(use)
    loops = _loops(machine)
    begins = [(-1, frozenset({-1}))] if use.how == "scan" else []
    begins += [(one, own) for one, own in loops.items() if not machine.states[one].held]
    # Of the states of one repeat it is enough that one is come back to in two ways, and then all are. These come first:
    # what takes the power of two of a text is not tried on a long one.
    pairs = [(one, one) for one, own in begins if one == min(own) >= 0]
    pairs += [(one, other) for one, own in begins for other in loops if other not in own]
    loops[-1] = frozenset({-1})
    for one, other in pairs:
        pump = _way(machine, one, other, loops[one], loops[other])
        before = "" if one < 0 or pump is None else _reach(machine, one, pump[-1])
        if pump is not None and before is not None:
            tail = _refused(use, before, pump, scan=one < 0)
            if tail is not None:
                yield Shape(before, pump, tail)


def _loops(machine: _Machine) -> dict[int, frozenset[int]]:
    """State → the states that it comes back to itself by."""
    follows = [
        {other for last in letters for now in machine.letters for other in machine.step(one, last, now)}
        for one, letters in enumerate(machine.taken)
    ]
    reach = []
    for one in range(len(follows)):
        seen: set[int] = set()
        pending = [*follows[one]]
        while pending:
            other = pending.pop()
            if other not in seen:
                seen.add(other)
                pending += follows[other]
        reach.append(seen)
    machine.before = [
        {one for one, seen in enumerate(reach) if other in seen} | {-1} for other in range(len(reach))
    ]
    return {
        one: frozenset(o for o in seen if one in reach[o]) for one, seen in enumerate(reach) if one in seen
    }


def _way(machine: _Machine, one: int, other: int, ones: frozenset[int], others: frozenset[int]) -> str | None:
    """Characters that lead from one state to itself, from it to the other, and from that one to itself; when they are
    the same, in two ways.
    """
    if one != other and one not in machine.before[other]:
        return None
    useful = machine.before[other]
    letters = [
        letter
        for letter in machine.letters
        if machine.any_takes(others, letter) and (one < 0 or machine.any_takes(ones, letter))
    ]
    for first in dict.fromkeys(
        machine.past[each] for each in letters
    ):  # what was taken last: it is so again after each turn
        seen = {(one, one, other, False, first): ""}
        pending = deque(seen)
        while pending and len(seen) < _MOST:
            at = pending.popleft()
            a, b, c, parted, last = at
            for now in letters:
                zs = [each for each in machine.step(c, last, now) if each in others]
                xs = zs and ([-1] if a < 0 else [each for each in machine.step(a, last, now) if each in ones])
                ys = xs and [each for each in machine.step(b, last, now) if each in useful] + [-1] * (b < 0)
                for x, y, z in {(x, y, z) for x in xs for y in ys for z in zs}:
                    apart = parted or one != other or y != z or (b == c and zs.count(z) > 1)
                    to = (x, y, z, apart, machine.past[now])
                    if to == (one, other, other, True, first):
                        return seen[at] + now
                    if to not in seen:
                        seen[to] = seen[at] + now
                        pending.append(to)
    return None


def _reach(machine: _Machine, one: int, letter: str) -> str | None:
    """Characters that lead from the beginning of a pattern to a state that takes `letter` last."""
    pending: deque[tuple[int, str | None, str]] = deque([(-1, None, "")])
    seen: set[tuple[int, str | None]] = {(-1, None)}
    while pending:
        state, last, said = pending.popleft()
        for now in machine.letters:
            for to in machine.step(state, last, now):
                if to == one and now == letter:
                    return said + now
                if (to, now) not in seen:
                    seen.add((to, now))
                    pending.append((to, now, said + now))
    return None


def _refused(use: Used, before: str, pump: str, *, scan: bool = True) -> str | None:
    """An end with which most turns of a text are in no match; None: what is taken is not tried again."""
    tails: tuple[str, ...] = ("", "\x01", *_SOME, "\n\x01")
    for tail in tails:
        text = before + pump * _TURNS + tail
        given: Any = text if isinstance(use.pattern.pattern, str) else text.encode("latin-1", "replace")
        if scan:
            inside = sum(max(len(match[0]) - 1, 0) for match in use.pattern.finditer(given))
            if inside < len(pump) * _TURNS // 2:
                return tail
            continue
        matcher: Any = use.pattern.match if use.how == "scan" else getattr(use.pattern, use.how)
        match = matcher(given[: len(before) + 12 * len(pump)] + given[len(before) + _TURNS * len(pump) :])
        if match is None or match.end() < len(before) + 6 * len(pump):
            return tail
    return None
