"""What the package says of its own defaults, as JSON: run by test_defaults.py over a copy with other settings."""

import inspect
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import asdict, fields
from typing import Any

import click
from click.testing import CliRunner

import poolcheck
from poolcheck.cli import cli
from poolcheck.commands import _mcp_tools, size
from poolcheck.commands._numbers import GivenNumbers
from poolcheck.config.settings import DEFAULTS
from poolcheck.model import sizing
from poolcheck.model.context import Numbers
from poolcheck.model.look import Look
from poolcheck.model.simulation import Slots
from poolcheck.model.sizing import Inputs


def told() -> Iterator[tuple[str, str, str]]:
    """Command, option and what its help calls the default."""
    context = click.Context(cli)
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        assert command is not None
        inner = click.Context(command, info_name=name)
        for option in command.params:
            record = option.get_help_record(inner)
            found = re.search(r"\[(?:.*; )?default: ([^\];,]+)", record[1]) if record else None
            if found and option.name:
                yield name, option.name, found[1]


def defaults(kind: Any) -> dict[str, Any]:
    """The fields of a record that have a default."""
    return {
        field_.name: field_.default
        for field_ in fields(kind)
        if isinstance(field_.default, int | float | str)
    }


def signature(function: Any) -> dict[str, Any]:
    """The parameters that have a default other than None."""
    found = inspect.signature(function).parameters.values()
    return {each.name: each.default for each in found if each.default not in (each.empty, None)}


def command() -> dict[str, Any]:
    """What `size` sizes with when nothing is given but the numbers that it cannot do without."""
    given = [
        "--max",
        "100",
        "--instances",
        "10",
        "--isolated",
        "--tps",
        "9",
        "--hold-ms",
        "9",
        "--cores",
        "4",
    ]
    with size.command.make_context("size", given) as context:
        given_numbers = GivenNumbers({name: context.params.get(name) for name in NAMES})
        asked = size.decide(size.gather(given_numbers)).inputs
    kinds = (asked, asked.load, asked.machine)
    return {name: getattr(kind, name) for kind in kinds for name in sizing.DEFAULTS if hasattr(kind, name)}


NAMES = [param.name for param in size.command.params]
settings = asdict(DEFAULTS)
ramp = ["simulate", "--from", "8", "--to", "240", "--in", "90s", "--limit", "5", "--isolated"]
json.dump(
    {
        "thresholds": settings.pop("thresholds"),
        "settings": settings,
        "help": list(told()),
        "simulate": CliRunner().invoke(cli, ramp).stdout,
        "sizing": dict(sizing.DEFAULTS),
        "size": {
            "the function": signature(poolcheck.size),
            "the tool": signature(_mcp_tools.size),
            "the command": {
                name: value for name, value in command().items() if name not in ("load", "machine")
            },
        },
        "records": {kind.__name__: defaults(kind) for kind in (Inputs, Look, Numbers, Slots)},
    },
    sys.stdout,
)
