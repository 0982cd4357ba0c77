"""`poolcheck live --watch`: look again and again; a full screen on a terminal, else a line a look."""

import errno
import sys
import time
from contextlib import suppress

import click

from poolcheck.commands._shared import Output, style_for
from poolcheck.commands._watch_screen import full_screen
from poolcheck.commands._watch_state import Watch, turns
from poolcheck.config.settings import Configured
from poolcheck.live.credentials import left_out
from poolcheck.live.look import Ask, LookOptions, begin
from poolcheck.model.look import Look
from poolcheck.model.severity import Severity
from poolcheck.output import text
from poolcheck.text import clean, shown


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
        if sys.stdout.isatty() and not out.plain:
            full_screen(state, style_for(out), every, count)
        else:
            with suppress(KeyboardInterrupt):
                plain_lines(state, every, count)
    except OSError as error:
        if error.errno != errno.EIO:
            raise
        raise BrokenPipeError from None  # the window was closed while it was drawn
    finally:
        state.close()
    return int(state.code)


def plain_lines(state: Watch, every: float, count: int | None) -> None:
    """One line a look."""

    def show(look: Look | None) -> None:
        click.echo(shown(line(look, state)))

    def wait(rest: float) -> bool:
        time.sleep(rest)
        return True

    turns(state, every, count, show, wait)


def line(look: Look | None, state: Watch) -> str:
    """A look in one line; the time is the server's."""
    if look is None:
        parts = [time.strftime("%H:%M:%S", time.gmtime()), state.status]
    else:
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
        if state.room:
            parts.append(state.room)
    worst = text.worst_of(state.findings)
    if worst is not None and worst.severity > Severity.INFO and worst.fix:
        parts.append(f"{worst.rule.id}: {clean((*worst.fix.lines, worst.fix.title)[0], limit=120)}")
    return "  ".join(parts)
