"""What `poolcheck demo` plays: the server, the scenes, `live` after each of them. Brings psycopg, so nothing but a run loads it."""

import sys
from dataclasses import replace
from typing import TYPE_CHECKING, NoReturn

import click
import psycopg

from poolcheck.commands._settings import Settings
from poolcheck.commands._shared import Output, rendered, style_for, write
from poolcheck.config.settings import Thresholds
from poolcheck.demo.server import DemoServer
from poolcheck.demo.story import SCENES, SETUP, STUCK_SECONDS, Scene, Stage, block
from poolcheck.live.look import LookOptions, live
from poolcheck.live.reap import ReapChoice, reap
from poolcheck.output.paint import Paint

if TYPE_CHECKING:
    from poolcheck.model.report import Report


ROOM = 4  # sessions that leave before the blocking transaction is played again


def list_scenes() -> None:
    """Each scene with what it shows."""
    for scene in SCENES:
        click.echo(f"{scene.name:6} {scene.says}")


def leave(number: int, frame: object) -> NoReturn:  # noqa: ARG001 - a signal handler's signature
    """End as if Ctrl-C had been pressed: the server is stopped on the way out."""
    sys.exit(128 + number)


def play(scene: str | None, paint: Paint, out: Output, *, keep: bool, port: int | None) -> int:
    """Play the scenes, up to the one that was asked for; the exit code."""
    click.echo("Starting a PostgreSQL with 20 slots ...", err=True)
    server = DemoServer(port)
    stage = Stage(server)
    code = 0
    try:
        with psycopg.connect(server.url, autocommit=True) as conn:
            for statement in SETUP:
                conn.execute(statement)
        for number, each in enumerate(SCENES, 1):
            each.act(stage)
            if scene in (None, each.name):
                _say(f"Scene {number} of {len(SCENES)}: {each.name}", each.says, paint)
                code = _look(server, each, paint, out)
            if scene == each.name:
                break
        if scene is None:
            _reap(server, paint, out)
        if keep:
            _kept(server, stage, again=scene is None)
    finally:
        if not keep:
            stage.close()
            server.close()
    # The demo did what it promised; only a scene that was asked for gives the look's own exit code.
    return code if scene else 0


def _say(title: str, text: str, paint: Paint) -> None:
    click.echo("")
    click.echo(paint.heading(title))
    for line in paint.wrap(text, indent=0):
        click.echo(line)
    click.echo("")


def _settings() -> Settings:
    """The looks' settings: no file of the current folder, and ages of seconds instead of minutes."""
    short = Thresholds(
        idle_seconds=STUCK_SECONDS, idle_in_transaction_seconds=0, idle_in_transaction_oldest_seconds=1
    )
    return Settings({"thresholds": short, "runtime": "server"}, isolated=True)


def _look(server: DemoServer, scene: Scene, paint: Paint, out: Output) -> int:
    """Run `live` as a monitoring role; when no slot is left, as anyone would, and then as the reserve."""
    admin = server.url if scene.name == "full" else None
    click.echo(
        paint.style("$ poolcheck live $DATABASE_URL" + (" --admin $ADMIN_URL" if admin else ""), "dim")
    )
    report = live(LookOptions(dsn=server.url_for("monitor"), admin=admin), _settings())
    # The fix path once, where it matters: when nothing is left.
    _show(report, out, brief=scene.name != "full")
    return int(report.code)


def _reap(server: DemoServer, paint: Paint, out: Output) -> None:
    """End what leaks, and look again."""
    _say(
        "The way out",
        "The leaked sessions are ended, each checked again in the statement that ends it.",
        paint,
    )
    click.echo(paint.style("$ poolcheck reap $ADMIN_URL --older-than 1s --yes", "dim"))
    _show(
        reap(LookOptions(dsn=server.url), ReapChoice(do=True, older_than=1.0), _settings()), out, brief=True
    )
    _say("After it", "The same look once more.", paint)
    click.echo(paint.style("$ poolcheck live $DATABASE_URL", "dim"))
    _show(live(LookOptions(dsn=server.url_for("monitor")), _settings()), out, brief=True)


def _show(report: "Report", out: Output, *, brief: bool = False) -> None:
    style = style_for(out)
    write(rendered(report, out.format, replace(style, verbosity=-1) if brief else style), out.path)


def _kept(server: DemoServer, stage: Stage, *, again: bool) -> None:
    """Leave the server with its sessions; where the story has ended its leak, with the leak played `again`."""
    if again:
        for each in stage.held[-ROOM:]:
            each.close()
        block(stage)
    url = server.url_for("monitor")
    pid = server.keep()
    click.echo("")
    click.echo(f"The server stays with its sessions: process {pid}, folder {server.home}")
    click.echo(f"  poolcheck live {url}")
    click.echo(f"  poolcheck reap {server.url}")
    click.echo(f"Stop it: kill -QUIT {pid}; rm -r {server.home}")
    stage.leave_to_a_child(pid)
