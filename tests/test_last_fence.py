"""What a user sees of a bug: where it is, and not a word of what was being worked on."""

import subprocess
import sys

import pytest

SECRET = "s3cr3t-hunter2"
# A real command, given what its own options can never give it: the exception's text holds the connection string.
CODE = f"""
import sys
from poolcheck import cli

@cli.cli.command("broken")
def broken():
    dsn = "postgresql://app:{SECRET}@db.internal/app"
    raise ValueError(dsn)

cli.CommandFolder.get_command = lambda self, ctx, name: self.commands.get(name)
sys.argv = ["poolcheck", "broken"]
cli.main()
"""


def run(**env: str) -> subprocess.CompletedProcess[str]:
    """Run a command line with a command in it that fails."""
    return subprocess.run([sys.executable, "-c", CODE], env=env, capture_output=True, text=True, check=False)


def test_bug_is_told_without_its_words() -> None:
    """Exit code 2, the kind of the error, the places in the program; no message, no value, no traceback."""
    done = run()

    assert done.returncode == 2
    assert done.stdout == ""
    assert "this is a bug in poolcheck" in done.stderr
    assert "ValueError" in done.stderr
    assert "cli.py" in done.stderr
    assert SECRET not in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("value", ["1", "yes"])
def test_traceback_on_demand_only(value: str) -> None:
    """POOLCHECK_TRACEBACK shows it all, as SECURITY.md warns."""
    done = run(POOLCHECK_TRACEBACK=value)

    assert done.returncode != 0
    assert "Traceback" in done.stderr
    assert SECRET in done.stderr
