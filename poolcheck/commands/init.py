"""`poolcheck init`: a commented poolcheck.toml from what the project shows."""

from pathlib import Path

import click

from poolcheck.commands._effective import draft
from poolcheck.commands._shared import write
from poolcheck.config.file import find
from poolcheck.config.staged import write_whole
from poolcheck.errors import BadInput


@click.command("init", short_help="Write a commented poolcheck.toml from what is found here.")
@click.option("--stdout", is_flag=True, help="Print it instead of writing the file.")
def command(stdout: bool) -> int:
    r"""Write poolcheck.toml into the current folder: every setting with its default, its reason, and what was found.

    An existing file is never overwritten.

    \b
    Examples:
      poolcheck init
      poolcheck init --stdout
    """
    here = Path("poolcheck.toml")
    found = find(".")
    present = Path(found) if found else None
    if not stdout and present is not None and present.parent == Path().absolute():
        raise BadInput(
            f"{present.name} is here already",
            "It is not overwritten; `poolcheck init --stdout` prints a new one.",
        )
    text = draft(Path())
    if stdout:
        write(text, None)
        return 0
    try:
        write_whole(here, text.encode(), new=True)
    except FileExistsError:
        raise BadInput("poolcheck.toml is here already", "It is not overwritten.") from None
    except OSError as error:
        raise BadInput(
            f"cannot write poolcheck.toml: {error.strerror}", "Check the folder's permissions."
        ) from error
    click.echo("poolcheck.toml written. `poolcheck config` shows what is in force.", err=True)
    return 0
