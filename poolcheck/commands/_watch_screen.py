"""The full screen of `poolcheck live --watch`: the last look as a picture, and the keys that change what it shows.

What was on the terminal before comes back at the end, and under it the last picture.
"""

import signal
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import NoReturn

import click
from rich.console import Console
from rich.live import Live
from rich.text import Text

from poolcheck.commands._keyboard import Keyboard
from poolcheck.commands._watch_state import Watch, turns
from poolcheck.live.reap import ReapChoice, planned
from poolcheck.model.look import Look
from poolcheck.model.severity import Severity
from poolcheck.output import _sessions, text
from poolcheck.output.paint import Paint, Style
from poolcheck.output.sections import live as section_live
from poolcheck.output.sections import reap as section_reap
from poolcheck.text import plural, seconds, shown

BARS = "▁▂▃▄▅▆▇█"
KEYS = "space pause, s sort, b blocked, p pids, t time, k reap, q quit"  # the line of help
HELD = 0.5  # seconds between two looks at the keyboard while nothing else happens
WIDEST = 140  # columns
FEWEST_ROWS = 5  # sessions that are shown on the smallest screen
BESIDE = 12  # lines around a table of sessions: slots, waits, heading, names, the marked statement, keys


@dataclass(slots=True)
class View:
    """What the user asked to see."""

    paused: bool = False
    pids: bool = False
    blocked: bool = False
    since: bool = False
    order: str = section_live.MOST
    marked: tuple[int, str] | None = None  # a session's identity
    below: list[str] = field(default_factory=list)  # what a key was answered, until the next key

    def press(self, key: str, look: Look | None, answer: Callable[[Look], list[str]]) -> bool:
        """Do what a key means; False for the one that quits. `answer` is what `k` shows."""
        self.below = []
        match key:
            case "q" | "Q" | "\x04":
                return False
            case " ":
                self.paused = not self.paused
            case "s":
                orders = list(section_live.ORDERS)
                self.order = orders[(orders.index(self.order) + 1) % len(orders)]
            case "b":
                self.blocked = not self.blocked
            case "p":
                self.pids = not self.pids
            case "t":
                self.since = not self.since
            case "up" | "down" if look is not None:
                self._move(-1 if key == "up" else 1, look)
            case "k" if look is not None:
                self.below = self._reap(look, answer)
        return True

    def _rows(self, look: Look) -> list[tuple[int, str]]:
        return [each.identity for each in _sessions.ordered(look, self.order, blocked=self.blocked)]

    def _move(self, by: int, look: Look) -> None:
        rows = self._rows(look)
        self.pids = self.pids or not self.blocked
        if self.marked not in rows:
            self.marked = rows[0] if rows else None
        else:
            self.marked = rows[max(0, min(rows.index(self.marked) + by, len(rows) - 1))]

    def _reap(self, look: Look, answer: Callable[[Look], list[str]]) -> list[str]:
        if self.marked not in self._rows(look) or not (self.pids or self.blocked):
            self.marked = None
            self._move(1, look)
            return ["  Mark a session with the arrows; k then shows what poolcheck reap would do with it."]
        return answer(look)


@dataclass(slots=True)
class Screen:
    """The last look, what the user asked to see of it, and the terminal."""

    state: Watch
    style: Style
    every: float  # seconds between two looks
    console: Console = field(default_factory=Console)
    view: View = field(default_factory=View)
    last: Look | None = None

    @property
    def paint(self) -> Paint:
        """For the terminal as wide as it is now."""
        return Paint(replace(self.style, width=max(40, min(self.console.size.width, WIDEST))))

    def press(self, key: str) -> bool:
        """Do what a key means; False for the one that quits."""
        go_on = self.view.press(key, self.last, self.dry_run)
        if self.view.paused:
            self.state.close()
        return go_on

    def picture(self, height: int = 0) -> list[str]:
        """The time, the history of the slots, what is wrong and what to do first, then who holds them.

        `height` is the terminal's, in lines; 0 for a picture that stays and has no end.
        """
        state, view, look, paint = self.state, self.view, self.last, self.paint
        lines = list(self._status(paint))
        if look is not None:
            lines.append(f"  Past   {history(state.shares, paint)}")
        lines += _found(state, paint)
        if look is None:
            return lines
        when = _sessions.clock(look) if view.since else seconds
        if not (view.pids or view.blocked):
            return [*lines, *section_live.screen(look, paint, view.order, when)]
        rows = max(FEWEST_ROWS, height - len(lines) - BESIDE) if height else len(look.snapshot.backends)
        table = _sessions.Table(
            order=view.order, blocked=view.blocked, marked=view.marked, rows=rows, when=when
        )
        return [*lines, *_sessions.screen(look, paint, table)]

    def _status(self, paint: Paint) -> Iterator[str]:
        state, look = self.state, self.last
        if state.trouble:
            turned = f" ({plural(state.lost, 'look')})" if state.lost > 1 else ""
            for line in paint.wrap(f"{state.status}{turned}", indent=2):
                yield paint.style(line, "error")
            if look is not None:
                yield paint.style("  trying again; below is the last look", "dim")
            return
        parts = [f"{look.snapshot.taken[11:19] if look else ''} UTC"]
        if self.view.paused:
            parts.append("PAUSED, the connection is closed: space goes on")
        else:
            parts += [f"every {self.every:g} s", f"sorted by {self.view.order}"]
            parts += [state.room] * bool(state.room)
        for line in paint.wrap("; ".join(parts), indent=2):
            yield paint.style(line, "dim")

    def dry_run(self, look: Look) -> list[str]:
        """What `poolcheck reap` would do with the marked session, and the command that does it."""
        paint, target = self.paint, self.state.seen.sources.main
        pid = self.view.marked[0] if self.view.marked else 0
        age = next((each.state_age or 0 for each in look.snapshot.clients if each.pid == pid), 0)
        usual = ReapChoice().older_than
        choice = ReapChoice(pids=(pid,), older_than=min(usual, int(age)))  # it was pointed at, however young
        # Growth is not asked for: it is one session that was pointed at.
        plan = replace(planned(look, choice, look.target), sampled=True)
        if not plan.endings and not plan.spared:
            said = f"reap leaves pid {pid} alone: nothing says that it is held for nothing."
            return list(paint.wrap(said, indent=2))
        lines = list(section_reap.text(plan, Paint(replace(paint.look, verbosity=-1))))
        if plan.endings:
            name = target.name if target.origin == "env" else "DATABASE_URL"
            young = f" --older-than {choice.older_than:.0f}s" if choice.older_than < usual else ""
            lines += ["  Does it:", *paint.code([f'poolcheck reap "${name}" --pid {pid}{young} --yes'])]
        return lines


def _found(state: Watch, paint: Paint) -> Iterator[str]:
    """The worst finding with its first action, and the names of the others."""
    found = [each for each in state.findings if each.severity > Severity.INFO]
    worst = text.worst_of(found)
    if worst is None or (state.trouble and not state.full):
        return
    yield from text.verdict(worst, paint)
    others = ", ".join(f"{each.rule.id} {each.rule.title}" for each in found if each is not worst)
    if others:
        yield from paint.wrap(others, indent=11, first="  Also     ")


def there() -> None:
    """The window may be closed: rich would then draw nothing, and we would look for ever.

    Raises:
        BrokenPipeError: it is.
    """
    if not sys.stdout.isatty():
        raise BrokenPipeError


def full_screen(state: Watch, style: Style, every: float, count: int | None) -> None:
    """The whole terminal, drawn anew for each look and each key; ends with Ctrl-C, q or a closed window."""
    console = Console(highlight=False, no_color=not style.color)
    keyboard, screen, drawn = Keyboard(), Screen(state, style, every, console), console.size

    def draw() -> None:
        nonlocal drawn
        drawn = console.size
        height, below = console.size.height, screen.view.below
        keys = KEYS if screen.paint.width > len(KEYS) + 2 else KEYS.replace(",", "")
        keys = screen.paint.style(f"  {keys if keyboard.there else 'Ctrl-C ends'}", "dim")
        lines = [*screen.picture(height)[: max(1, height - 2 - len(below))], *below, keys]
        live.update(Text.from_ansi(shown("\n".join(lines)), no_wrap=True), refresh=True)

    def show(look: Look | None) -> None:
        screen.last = look or screen.last
        there()
        draw()

    def wait(rest: float) -> bool:
        deadline = time.monotonic() + rest
        while screen.view.paused or time.monotonic() < deadline:
            key = keyboard.read(HELD if screen.view.paused else min(HELD, deadline - time.monotonic()))
            if key and not screen.press(key):
                return False
            there()
            if key or console.size != drawn:
                draw()
        return True

    def ended(*_: object) -> NoReturn:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, ended)
    try:
        with (
            suppress(KeyboardInterrupt),
            keyboard.listening(),
            Live(console=console, screen=True, auto_refresh=False) as live,
        ):
            turns(state, every, count, show, wait)
    finally:
        signal.signal(signal.SIGTERM, before)
    screen.view.paused = False
    click.echo(shown("\n".join(screen.picture())))


def history(shares: deque[float | None], paint: Paint) -> str:
    """The share of taken slots over the last looks, the newest at the right; `x` where there was no server."""
    room = max(10, paint.width - 12)
    marks = BARS if paint.look.unicode else "_.-=+*#@"
    past = list(shares)[-room:]
    return "".join("x" if share is None else marks[min(7, int(share * 8))] for share in past)
