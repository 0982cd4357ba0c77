"""What stops poolcheck, and the exit codes.

What is wrong with the user's project is a `Finding`, never an exception.
What could not be looked at is a `Skipped` in the report.
Only what keeps poolcheck from doing its work is raised, as a `PoolcheckError`.
"""

from enum import IntEnum

import click

from poolcheck.connection.secret import redact


class ExitCode(IntEnum):
    """The exit codes of every command; the README's table is made from these comments."""

    OK = 0  # nothing at or above --fail-on
    FINDINGS = 1  # at least one finding at or above --fail-on
    FAILED = 2  # poolcheck could not do its work: usage, config, cannot connect, a bug
    NOTHING = 3  # nothing to check was found, or the text was not recognised


class PoolcheckError(click.ClickException):
    """Poolcheck could not do its work. The message says what is wrong, the hint what to do.

    Neither carries a secret: whatever they repeat of a setting, a path or a server's words is masked here, for programs
    that call poolcheck as for the command line.
    """

    exit_code = int(ExitCode.FAILED)

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(redact(message))
        self.hint = redact(hint)


class BadConfig(PoolcheckError):
    """poolcheck.toml, [tool.poolcheck] or an option is wrong: file, line and key are in the message."""


class BadTarget(PoolcheckError):
    """A connection string given as an argument cannot be used. In a file, the same fault is a finding."""


class BadInput(PoolcheckError):
    """A path given on the command line cannot be read."""


class CatalogueError(PoolcheckError):
    """A TOML file of the catalogue is wrong: file, path and reason are in the message."""


class Unreachable(PoolcheckError):
    """No connection, for a reason that is not the diagnosis."""


class NothingToCheck(PoolcheckError):
    """There was nothing to check. A gate that checks nothing must not be green."""

    exit_code = int(ExitCode.NOTHING)
