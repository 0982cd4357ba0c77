"""`poolcheck live --watch`: look again and again on one connection; a full screen on a terminal, else a line a look.

The connection is kept, because on a full server there may be no second one. A lost server is said, and tried again at
every turn.
"""

import errno
import sys
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace

import click
from rich.console import Console
from rich.live import Live
from rich.text import Text

from poolcheck import catalogue, rules
from poolcheck.commands._shared import Output, style_for
from poolcheck.config.settings import Configured
from poolcheck.diagnosis import engine
from poolcheck.errors import ExitCode
from poolcheck.live import route, sight
from poolcheck.live.credentials import left_out
from poolcheck.live.judge import put_together
from poolcheck.live.look import Ask, Inspection, LookOptions, address, begin, known
from poolcheck.live.postgres import Link, Lost, NoConnection, StatementFailed, Unsupported
from poolcheck.model.context import Context, Numbers
from poolcheck.model.finding import Finding
from poolcheck.model.look import Look
from poolcheck.model.report import Report
from poolcheck.model.severity import SEVERITY, Severity
from poolcheck.model.snapshot import LiveRoute, Refusal, Snapshot
from poolcheck.model.target import Target
from poolcheck.output import text
from poolcheck.output.paint import Paint, Style
from poolcheck.output.sections import live as section_live
from poolcheck.text import clean, plural, shown

HISTORY = 600  # looks that the history can show
GROWTH_SECONDS = 30.0  # growth is judged against the look at least this old
KEEP_SECONDS = 10.0  # a snapshot of a crowded server is megabytes: not every one is kept
BARS = "▁▂▃▄▅▆▇█"


@dataclass(slots=True)
class Watch:
    """What is carried from look to look."""

    seen: Inspection
    link: Link | None = None
    way: LiveRoute | None = None
    refusal: Refusal | None = None
    trouble: str = ""
    lost: int = 0  # turns without a server
    findings: tuple[Finding, ...] = ()  # of the last look
    context: Context = field(default_factory=lambda: Context(catalogue=catalogue, numbers=Numbers()))
    shares: deque[float | None] = field(default_factory=lambda: deque(maxlen=HISTORY))
    snapshots: deque[Snapshot] = field(default_factory=deque)  # of the last minute, KEEP_SECONDS apart

    def _let_in(self, target: Target) -> tuple[Link, Target]:
        """A connection, and whose: with --admin that role's where the first is refused.

        Raises:
            NoConnection: neither is let in.
        """
        admin = self.seen.options.admin
        try:
            return self.seen.connect(target), target
        except NoConnection:
            if admin is None:
                raise
            target = self.seen.admin(admin).main
            return self.seen.connect(target), target

    def turn(self) -> Look | None:
        """One look; None when there is no server, and `trouble` says why."""
        target = self.seen.sources.main
        self.refusal, self.trouble = None, ""
        try:
            if self.link is None or not self.link.open:
                self.link, target = self._let_in(target)
                self.way = None
            snapshot, row = sight.look(self.link, self.seen.options.timeouts)
            if self.way is None:
                self.way = route.find(
                    self.link,
                    row,
                    lambda: self.seen.connect(target),
                    known=known(target),
                    probe=self.seen.options.probe,
                )
        except NoConnection as refused:
            self.refusal = self.seen.refused(refused.text, target)
            self.seen.refusals.clear()
            return self._without(self.refusal.title or refused.text.splitlines()[-1])
        except Lost as lost:
            return self._without("no answer in time" if lost.timed_out else lost.text.splitlines()[-1])
        except StatementFailed as failed:
            return self._without(failed.text)
        except Unsupported as other:
            return self._without(f"not a PostgreSQL that poolcheck knows: {other.banner}")
        self.lost = 0
        snapshot = replace(snapshot, route=self.way)
        earlier = self._remember(snapshot)
        self.shares.append(snapshot.ratio)
        look = put_together(
            snapshot,
            self.seen.config.thresholds,
            earlier=earlier,
            show_queries=self.seen.options.show_queries,
            target=address(target),
        )
        chosen = engine.Selection(self.seen.config.select, self.seen.config.ignore)
        self.findings = engine.run(rules.load("7"), [look], self.context, selection=chosen).findings
        return look

    @property
    def code(self) -> ExitCode:
        """Of the last look: 2 when there was no server, 1 when it found what --fail-on means."""
        if self.trouble:
            return ExitCode.FAILED
        return Report(command="live", findings=self.findings, fail_on=SEVERITY[self.seen.config.fail_on]).code

    def _remember(self, snapshot: Snapshot) -> Snapshot | None:
        """Keep a few snapshots of the last minute, and give the one that growth is judged against, if it is there."""
        while self.snapshots and snapshot.epoch - self.snapshots[0].epoch > 2 * GROWTH_SECONDS:
            self.snapshots.popleft()
        earlier = next(iter(self.snapshots), None)
        if not self.snapshots or snapshot.epoch - self.snapshots[-1].epoch >= KEEP_SECONDS:
            self.snapshots.append(snapshot)
        grown = earlier is not None and snapshot.epoch - earlier.epoch >= GROWTH_SECONDS
        return earlier if grown else None

    def _without(self, why: str) -> Look | None:
        self.trouble = clean(why, limit=200)
        self.lost += 1
        self.shares.append(None)
        self.close()
        return None

    def close(self) -> None:
        """Close the connection, if there is one."""
        if self.link is not None:
            self.link.close()
            self.link = None


def watch(
    options: LookOptions, settings: Configured, out: Output, *, every: float, count: int | None, ask: Ask
) -> int:
    """Look until Ctrl-C, or `count` times. Gives the exit code of the last look.

    Raises:
        UsageError: a format or file that is not for a screen.
    """
    if out.format != "text" or out.path or out.html:
        raise click.UsageError("--watch shows text on the screen: leave --format, --output and --html out")
    if every < 0.1:
        raise click.UsageError("--watch needs at least 100ms between two looks")
    seen = begin(options, settings, ask)
    state = Watch(seen)
    if said := left_out(seen.sources.main):
        click.echo(said, err=True)
    try:
        with suppress(KeyboardInterrupt):
            if sys.stdout.isatty() and not out.plain:
                full_screen(state, style_for(out), every, count)
            else:
                plain_lines(state, every, count)
    except OSError as error:
        if error.errno != errno.EIO:
            raise
        raise BrokenPipeError from None  # the window was closed while it was drawn
    finally:
        state.close()
    return int(state.code)


def _turns(state: Watch, every: float, count: int | None, show: Callable[[Look | None], None]) -> None:
    """Look, show, and wait for the rest of the interval, so that slow looks do not pile up."""
    done = 0
    while True:
        begun = time.monotonic()
        show(state.turn())
        done += 1
        if count is not None and done >= count:
            return
        time.sleep(max(0.0, every - (time.monotonic() - begun)))


def plain_lines(state: Watch, every: float, count: int | None) -> None:
    """One line a look."""

    def show(look: Look | None) -> None:
        click.echo(shown(line(look, state)))

    _turns(state, every, count, show)


def line(look: Look | None, state: Watch) -> str:
    """A look in one line; the time is the server's."""
    if look is None:
        return f"{time.strftime('%H:%M:%S', time.gmtime())}  no server: {state.trouble}"
    snapshot = look.snapshot
    states = ", ".join(f"{number} {clean(name)}" for name, number in snapshot.by_state().items())
    parts = [
        f"{snapshot.taken[11:19]}  {snapshot.used}/{snapshot.server.usable} {snapshot.ratio:.0%}",
        states or f"{snapshot.hidden} hidden",
    ]
    if look.leaks:
        parts.append(f"{sum(len(leak.members) for leak in look.leaks)} held for nothing")
    if look.blocks:
        parts.append(
            f"{sum(len(block.waiters) for block in look.blocks)} blocked by pid {look.blocks[0].root}"
        )
    worst = text.worst_of(state.findings)
    if worst is not None and worst.severity > Severity.INFO and worst.fix:
        parts.append(f"{worst.rule.id}: {clean((*worst.fix.lines, worst.fix.title)[0], limit=120)}")
    return "  ".join(parts)


def full_screen(state: Watch, style: Style, every: float, count: int | None) -> None:
    """The whole terminal, drawn anew for each look; what was there before comes back at the end."""
    console = Console(highlight=False, no_color=not style.color)
    last: list[Look] = []

    def show(look: Look | None) -> None:
        # The window was closed: rich would draw nothing, and we would look for ever.
        if not sys.stdout.isatty():
            raise BrokenPipeError
        if look is not None:
            last[:] = [look]
        size = console.size
        now = replace(style, width=max(40, min(size.width, 140)))
        lines = frame(last[0] if last else None, state, Paint(now), every)
        live.update(
            Text.from_ansi(shown("\n".join(lines[: max(1, size.height - 1)])), no_wrap=True), refresh=True
        )

    with Live(console=console, screen=True, auto_refresh=False) as live:
        _turns(state, every, count, show)


def frame(look: Look | None, state: Watch, paint: Paint, every: float) -> list[str]:
    """One screen: the time, the history of the slots, then what a single look shows."""
    head = f"every {every:g} s; Ctrl-C ends"
    if state.trouble:
        turns = f" ({plural(state.lost, 'look')})" if state.lost > 1 else ""
        lines = [paint.style(f"  no server{turns}: {state.trouble}", "error")[: paint.width * 4]]
        lines += [paint.style("  trying again; below is the last look", "dim")] if look else []
    else:
        lines = [paint.style(f"  {look.snapshot.taken[11:19] if look else ''} UTC, {head}", "dim")]
    if look is None:
        return lines
    lines.append(f"  Past   {history(state.shares, paint)}")
    if not state.trouble:
        worst = text.worst_of(state.findings)
        if worst is not None and worst.severity > Severity.INFO:
            lines += text.verdict(worst, paint)
    lines += section_live.screen(look, paint)
    return lines


def history(shares: deque[float | None], paint: Paint) -> str:
    """The share of taken slots over the last looks, the newest at the right; `x` where there was no server."""
    room = max(10, paint.width - 12)
    marks = BARS if paint.look.unicode else "_.-=+*#@"
    past = list(shares)[-room:]
    return "".join("x" if share is None else marks[min(7, int(share * 8))] for share in past)
