"""`poolcheck fix`: the five steps for this project, the edits as a diff, or the edits made."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from poolcheck.commands._help import Command
from poolcheck.commands._settings import Settings, setting_options
from poolcheck.commands._shared import Output, emit, output_options
from poolcheck.fix.diff import diff
from poolcheck.fix.fix import FixOptions, fix
from poolcheck.fix.rounds import MendChoice
from poolcheck.text import shown

if TYPE_CHECKING:
    from poolcheck.fix.rounds import Answer, Mend
    from poolcheck.model.fixing import Asked

ANSWERS: "dict[str, Answer]" = {"y": "yes", "n": "no", "a": "all", "q": "quit"}


@click.command(
    "fix",
    cls=Command,
    short_help="The way out, for this project: five steps; --diff shows edits, --write makes them.",
)
@click.argument("what", nargs=-1, metavar="[PATH or URL]...")
@click.option("--diff", "show_diff", is_flag=True, help="Show the edits as a diff, secrets masked.")
@click.option("--write", is_flag=True, help="Make the edits, then lint again.")
@click.option("--unsafe", is_flag=True, help="Also edits that may change behaviour.")
@click.option("--interactive", is_flag=True, help="Ask before each edit. Goes with --write.")
@click.option("--backup", is_flag=True, help="Keep the old file as NAME.bak. Goes with --write.")
@click.option("--force", is_flag=True, help="Write also over changes that git has not committed.")
@click.option("--live", metavar="DSN or NAME", help="Look at this server too: its limits, its leaks.")
@setting_options
@output_options
def command(
    *,
    what: tuple[str, ...],
    show_diff: bool,
    write: bool,
    unsafe: bool,
    interactive: bool,
    backup: bool,
    force: bool,
    live: str | None,
    settings: Settings,
    out: Output,
) -> int:
    r"""Show the way out of an exhausted pool, for this project; show the edits; make them.

    Alone it prints the five steps with this project's values, then migrations, then what to do meanwhile. Edits are
    certain ones only: endpoint, parameters, DIRECT_URL, directUrl, escapes. Everything else of a file stays byte for
    byte, a file is whole at every moment, and a second run changes nothing. Only the files get passwords.

    \b
    Examples:
      poolcheck fix
      poolcheck fix --diff --unsafe
      poolcheck fix .env.production --write --backup
      poolcheck fix --write --select PC201 --interactive
      poolcheck fix --live "$DATABASE_URL" --format markdown
    """
    if show_diff and write:
        raise click.UsageError("--diff shows and --write makes: choose one")
    for option, given in (("--interactive", interactive), ("--backup", backup), ("--force", force)):
        if given and not write:
            raise click.UsageError(f"{option} goes with --write")
    asked: Asked = "write" if write else "diff" if show_diff else "sheet"
    select = settings.given.get("select") or ()
    choice = MendChoice(unsafe=unsafe, select=select, ask=_ask if interactive else None)
    options = FixOptions(asked=asked, choice=choice, backup=backup, force=force, live=live)
    # --select chooses edits. Everything is judged: an edit must not bring what nobody was looking for.
    judging = Settings({**settings.given, "select": ()}, settings.config_path, settings.isolated)
    return emit(fix(what, judging, options), out)


def _ask(mend: "Mend", steps: "Mapping[str, tuple[str, str]]") -> "Answer":
    """Show one edit on the terminal and ask; the answer holds for all of its lines."""
    click.echo("", err=True)
    click.echo(
        shown(f"{mend.place} {mend.rule} {mend.title}" + ("" if mend.safe else " (may change behaviour)")),
        err=True,
    )
    for line in diff(dict(steps)):
        click.echo(shown(f"  {line}"), err=True)
    given = click.prompt(
        "Make it? (yes, no, all, quit)", type=click.Choice(list(ANSWERS)), default="n", err=True
    )
    return ANSWERS[given]
