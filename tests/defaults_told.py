"""What the package says of its own defaults, as JSON: run by test_defaults.py over a copy with other settings."""

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import asdict, fields
from typing import Any

import click
from click.testing import CliRunner

from poolcheck.cli import cli
from poolcheck.config.settings import DEFAULTS
from poolcheck.model.context import Numbers
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
    return {each.name: each.default for each in fields(kind) if isinstance(each.default, int | float | str)}


settings = asdict(DEFAULTS)
ramp = ["simulate", "--from", "8", "--to", "240", "--in", "90s", "--limit", "5", "--isolated"]
json.dump(
    {
        "thresholds": settings.pop("thresholds"),
        "settings": settings,
        "help": list(told()),
        "simulate": CliRunner().invoke(cli, ramp).stdout,
        "records": {kind.__name__: defaults(kind) for kind in (Inputs, Numbers, Slots)},
    },
    sys.stdout,
)
