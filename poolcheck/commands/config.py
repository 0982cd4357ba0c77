"""`poolcheck config`: the settings in force, and where each comes from."""

from dataclasses import replace
from pathlib import Path

import click

from poolcheck.commands._effective import effective
from poolcheck.commands._help import Command
from poolcheck.commands._settings import Settings, setting_options
from poolcheck.commands._shared import Output, emit, output_options, write
from poolcheck.config.schema import render
from poolcheck.config.settings import Config
from poolcheck.diagnosis import told_tables
from poolcheck.model.effective import ToldTable
from poolcheck.model.report import Report
from poolcheck.project import assumptions, collect


@click.command("config", cls=Command, short_help="Show the settings in force, and where each comes from.")
@click.argument("path", required=False, type=click.Path(exists=True), default=".")
@click.option("--schema", is_flag=True, help="Print the JSON Schema of poolcheck.toml instead, for editors.")
@setting_options
@output_options
def command(path: str, schema: bool, settings: Settings, out: Output) -> int:
    r"""Show every setting for PATH: its value, and the option or line of the file it comes from.

    The nearest poolcheck.toml, or pyproject.toml with [tool.poolcheck], at or above PATH is read and checked.

    \b
    Examples:
      poolcheck config
      poolcheck config apps/web --format json
      poolcheck config --schema > poolcheck.schema.json
    """
    if schema:
        write(render(), out.path)
        return 0
    config = settings.over(Path(path))
    section = effective(config, settings.given)
    return emit(Report(command="config", sections=(replace(section, tables=_matched(config, path)),)), out)


def _matched(config: Config, path: str) -> tuple[ToldTable, ...]:
    """Which servers and clients of the map each table is about; () without tables, whose folder then is not read.

    Raises:
        BadConfig: a table matches nothing of its folder.
    """
    if not config.server and not config.client:
        return ()
    map_ = assumptions.context(collect.collect((path,), config), config).map
    if map_.servers or map_.clients:
        told_tables.check_whole((path,), config, map_)
    return told_tables.matches(config, map_)
