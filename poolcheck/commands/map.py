"""`poolcheck map`: who connects where, with every number's place, and what nobody tells."""

import os

import click

from poolcheck.commands._settings import Settings, setting_options
from poolcheck.commands._shared import Output, emit, output_options
from poolcheck.diagnosis.mapping import map_of


@click.command(
    "map", short_help="Show who connects where: clients, poolers, servers, every number with its place."
)
@click.argument("path", required=False, type=click.Path(exists=True), default=".")
@setting_options
@output_options
def command(path: str, settings: Settings, out: Output) -> int:
    r"""Draw the map of PATH: clients, poolers, servers.

    Each number stands with the file and line that it comes from; what nobody tells is asked for, with the option
    that answers it. Exit code 3 when nothing connects anywhere.

    \b
    Examples:
      poolcheck map
      poolcheck map apps/api --max 100 --instances 6
      poolcheck map --format json
    """
    return emit(map_of((os.path.normpath(path),), settings), out)
