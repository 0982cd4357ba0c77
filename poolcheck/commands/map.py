"""`poolcheck map`: who connects where, with every number's place, and what nobody tells."""

import os

import click

from poolcheck.commands._help import Command
from poolcheck.commands._settings import Settings, setting_options
from poolcheck.commands._shared import Output, emit, html_option, output_options
from poolcheck.live.mapping import map_of


@click.command(
    "map",
    cls=Command,
    short_help="Show who connects where: clients, poolers, servers, every number with its place.",
)
@click.argument("path", required=False, type=click.Path(exists=True), default=".")
@click.option(
    "--live", is_flag=True, help="Look at the server, and show what it says beside what the files say."
)
@click.option("--bouncer", metavar="DSN", help="With --live: look at this PgBouncer console too.")
@setting_options
@html_option
@output_options
def command(path: str, *, live: bool, bouncer: str | None, settings: Settings, out: Output) -> int:
    r"""Draw the map of PATH: clients, poolers, servers.

    Each number stands with the file and line that it comes from; what nobody tells is asked for, with the option
    that answers it. Nothing is connected to without --live, which looks at one server as `poolcheck live` finds it.

    \b
    Exit code: 0, also where something does not fit (`poolcheck gate` judges); 1 the server refused --live because it is
    full; 2 --max, --instances or --pool was given and a sum cannot be made, or the server could not be looked at;
    3 nothing connects anywhere.

    \b
    Examples:
      poolcheck map
      poolcheck map apps/api --max 100 --instances 6
      poolcheck map --live --bouncer postgresql://stats@127.0.0.1:6432/pgbouncer
      poolcheck map --format mermaid
      poolcheck map --format svg --output map.svg
    """
    if bouncer and not live:
        raise click.UsageError("--bouncer goes with --live")
    return emit(map_of((os.path.normpath(path),), settings, live=live, bouncer=bouncer), out)
