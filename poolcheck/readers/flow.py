"""What becomes of one connection on each way through a function, whatever the language: a small model of its statements.

A reader turns a function into steps that matter to one connection; `follow` walks every way through them.
"""

from collections.abc import Container, Iterable
from typing import Literal, NamedTuple, TypeAlias

# take: from now on it is held. give: it is given back. drop: it is given back to be closed. perhaps: given back, if it
# was not yet. gone: somebody else has to. none: here there is none. begin, end: of a transaction on it. pass: something
# else that may throw.
What = Literal["take", "give", "drop", "perhaps", "gone", "none", "begin", "end", "pass"]
Way = Literal["on", "return", "throw", "break", "continue"]
_ROUNDS = 3  # through a loop: what is not known by then is not found
_MOST = 60  # states at one point; nobody writes a function with more


class Deed(NamedTuple):
    """One thing that happens. `throws`: it may throw; what is taken or begun is then not."""

    what: What
    line: int
    throws: bool = False


class Leave(NamedTuple):
    """The end of a way: `return`, `throw`, `break`, `continue`."""

    way: Way
    line: int


class Either(NamedTuple):
    """One of several ways."""

    ways: "tuple[Flow, ...]"


class Loop(NamedTuple):
    """A body that runs again and again. `endless`: only `break` leads on."""

    body: "Flow"
    endless: bool = False


class Switch(NamedTuple):
    """One of several ways, of which `break` leads on."""

    ways: "tuple[Flow, ...]"


class Try(NamedTuple):
    """`try`, what catches all that is thrown in it, and what runs in every case."""

    body: "Flow"
    handler: "Flow | None" = None
    final: "Flow | None" = None


Flow: TypeAlias = "Deed | Leave | Either | Loop | Switch | Try | tuple[Flow, ...]"


def branch(then: Flow, other: Flow, line: int, *, missing: bool | None, flagged: bool) -> Either:
    """The two ways of a condition. `missing`: it holds where there is no connection (True), or where there is one (False).

    `flagged`: it is a flag, and what it leads to gives the connection back and nothing else.
    """
    if missing is True:
        then = (Deed("none", line), then)
    elif missing is False:
        other = (Deed("none", line), other)
    elif flagged and other == ():
        then = other = (Deed("perhaps", line),)  # the flag says whether it is still held
    return Either((then, other))


def does_only(flow: Flow, deeds: Container[What]) -> bool:
    """Whether a branch does something, and nothing besides these deeds."""
    if isinstance(flow, Deed):
        return flow.what in deeds
    if isinstance(flow, (Leave, Either, Loop, Switch, Try)):
        return False
    return bool(flow) and all(does_only(each, deeds) for each in flow if each != ())


class State(NamedTuple):
    """What holds at one point of one way."""

    held: Literal["none", "held", "given", "gone"] = "none"
    begun: int = 0  # the line of the BEGIN of an open transaction; 0 for none
    threw: bool = False  # something was thrown on the way


class Exit(NamedTuple):
    """One way out of the function."""

    way: Way  # on: at its end
    line: int
    state: State


class Followed(NamedTuple):
    """What was found on the ways through a function."""

    exits: frozenset[Exit]
    twice: frozenset[int]  # lines on which it is given back again, without anything thrown since or before
    open: frozenset[
        tuple[int, int, bool]
    ]  # (line, BEGIN's line, whether something threw) where it is given back inside one

    def left(self, *, threw: bool) -> list[Exit]:
        """The ways out on which it is still held, in order: those with or without something thrown."""
        found = [
            each
            for each in self.exits
            if each.state.held == "held" and (each.state.threw or each.way == "throw") == threw
        ]
        return sorted(found, key=lambda each: each.line)


_Out: TypeAlias = dict[Way, dict[State, int]]  # state → the line on which that way was taken


def follow(flow: Flow, last: int) -> Followed:
    """Every way through a function whose last line is `last`."""
    walk = _Walk()
    out = walk.run(flow, {State(): 0})
    exits = {
        Exit(way, line if way != "on" else last, state)
        for way, states in out.items()
        for state, line in states.items()
    }
    return Followed(frozenset(exits), frozenset(walk.twice), frozenset(walk.open))


class _Walk:
    def __init__(self) -> None:
        self.twice: set[int] = set()
        self.open: set[tuple[int, int, bool]] = set()

    def run(self, flow: Flow, states: dict[State, int]) -> _Out:
        if not states:
            return {}
        if isinstance(flow, Deed):
            return self._step(flow, states)
        if isinstance(flow, Leave):
            return {flow.way: dict.fromkeys(states, flow.line)}
        if isinstance(flow, Either):
            return _together(self.run(way, states) for way in flow.ways)
        if isinstance(flow, Switch):
            out = _together(self.run(way, states) for way in flow.ways)
            _add(out, {"on": out.pop("break", {})})
            return out
        if isinstance(flow, Loop):
            return self._loop(flow, states)
        if isinstance(flow, Try):
            return self._try(flow, states)
        out = {}
        for each in flow:
            found = self.run(each, states)
            states = dict(list(found.pop("on", {}).items())[:_MOST])
            _add(out, found)
        _add(out, {"on": states})
        return out

    def _step(self, step: Deed, states: dict[State, int]) -> _Out:
        after = {self._after(step, state): step.line for state in states}
        out: _Out = {"on": after}
        if step.throws:
            before = step.what in ("take", "begin", "pass")
            out["throw"] = dict.fromkeys(states if before else after, step.line)
        return out

    def _after(self, step: Deed, state: State) -> State:
        what = step.what
        if what == "take":
            return State("held", 0, state.threw)
        if what == "none":
            return state._replace(held="none")
        if state.held in ("none", "gone"):
            return state
        if what == "gone":
            return state._replace(held="gone")
        if what == "begin":
            return state._replace(begun=step.line)
        if what == "end":
            return state._replace(begun=0)
        if what in ("give", "drop", "perhaps"):
            if state.held == "given" and what != "perhaps":
                self.twice.add(step.line)
            if state.held == "held" and state.begun and what != "drop":
                self.open.add((step.line, state.begun, state.threw))
            return state._replace(held="given", begun=0)
        return state

    def _loop(self, loop: Loop, states: dict[State, int]) -> _Out:
        out: _Out = {}
        after: dict[State, int] = {} if loop.endless else dict(states)
        seen, now = set(states), states
        for _ in range(_ROUNDS):
            found = self.run(loop.body, now)
            after |= found.pop("break", {})
            again = found.pop("continue", {}) | found.pop("on", {})
            _add(out, found)
            if not loop.endless:
                after |= again
            now = {state: line for state, line in again.items() if state not in seen}
            seen |= set(now)
            if not now:
                break
        _add(out, {"on": after})
        return out

    def _try(self, flow: Try, states: dict[State, int]) -> _Out:
        out = self.run(flow.body, states)
        thrown = out.pop("throw", {})
        if flow.handler is None:
            _add(out, {"throw": thrown})
        else:
            caught = {state._replace(threw=True): line for state, line in thrown.items()}
            _add(out, self.run(flow.handler, caught))
        if flow.final is None:
            return out
        whole: _Out = {}
        for way, found in out.items():
            lines = found if way != "throw" else {s._replace(threw=True): line for s, line in found.items()}
            for state, line in lines.items():
                ended = self.run(flow.final, {state: line})
                _add(whole, {way: dict.fromkeys(ended.pop("on", {}), line)})
                _add(whole, ended)
        return whole


def _add(out: _Out, more: _Out) -> None:
    for way, states in more.items():
        if states:
            out.setdefault(way, {}).update({s: n for s, n in states.items() if s not in out.get(way, {})})


def _together(outs: Iterable[_Out]) -> _Out:
    whole: _Out = {}
    for out in outs:
        _add(whole, out)
    return whole
