"""What `--help` says, and where a near miss leads."""

import re

import click
import pytest
from click.testing import CliRunner

from poolcheck.cli import MEANT, cli
from tests.commands.running import poolcheck

NAMES = cli.list_commands(click.Context(cli))


def test_the_first_screen() -> None:
    """Three commands on lines of their own, and the variables that are read."""
    lines = poolcheck("--help").out.splitlines()

    assert "  Before a deploy:      poolcheck lint" in lines
    assert '  During the incident:  poolcheck live "$DATABASE_URL"' in lines
    assert any("NO_COLOR" in line for line in lines)
    assert poolcheck("-V").out == poolcheck("--version").out


@pytest.mark.parametrize("name", [*NAMES, ""])
def test_no_word_of_the_library_shows(name: str) -> None:
    """No escape, no type, no range, no bracket in a bracket."""
    shown = poolcheck(*filter(None, [name]), "--help").out

    assert not re.search(r"\\b|INTEGER|FLOAT|TEXT\b(?! or ID)|x>=|\(\d+s\)\]", shown), shown


@pytest.mark.parametrize("name", ["lint", "gate", "fix", "live", "size", "simulate"])
def test_options_stand_in_groups(name: str) -> None:
    """Every option once, the report's apart from what is judged."""
    shown = poolcheck(name, "--help").out
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    rows = re.findall(r"^  (?:-\w, )?(--[a-z][\w-]*)", shown[shown.index("\nOptions:") :], re.MULTILINE)

    wanted = [
        next(name for name in each.opts if name.startswith("--"))
        for each in command.get_params(click.Context(command))
        if isinstance(each, click.Option) and not each.hidden
    ]
    assert sorted(rows) == sorted(wanted)
    assert shown.index("\nWhat is judged:") < shown.index("\nThe report:") < shown.rindex("\n  --format")


@pytest.mark.parametrize("word", MEANT)
def test_a_near_miss_leads_to_the_command(word: str) -> None:
    """What is named instead is one that works as printed."""
    args = ["lint", word] if word.startswith("-") else [word]
    done = poolcheck(*args)

    assert done.code == 2
    assert done.err.rstrip().endswith(f"Try: {MEANT[word]}")
    words = MEANT[word].split()[1:]
    assert CliRunner().invoke(cli, words if words[0].startswith("-") else [*words, "--help"]).exit_code == 0
