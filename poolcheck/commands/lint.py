"""`poolcheck lint`: env files, folders, connection strings → findings and the five steps."""

from dataclasses import replace

import click

from poolcheck.commands._help import Command
from poolcheck.commands._settings import Settings, setting_options
from poolcheck.commands._shared import Output, emit, html_option, output_options


@click.command(
    "lint",
    cls=Command,
    short_help="Say which connection string will cause the outage, and what to write instead.",
)
@click.argument("what", nargs=-1, metavar="[PATH or URL]...")
@setting_options
@html_option
@output_options
def command(what: tuple[str, ...], settings: Settings, out: Output) -> int:
    r"""Look at env files, folders and connection strings.

    Without an argument: the project in the current folder. `-` reads standard input. Nothing is changed, nothing is
    connected to, and no password is ever shown.

    \b
    Examples:
      poolcheck lint
      poolcheck lint .env.production --instances 10 --max 100
      poolcheck lint 'postgresql://app:secret@ep-x.eu-central-1.aws.neon.tech/app' --driver prisma@6
      cat .env | poolcheck lint - --format json
    """
    from poolcheck.diagnosis.lint import lint  # noqa: PLC0415 - `lint --help` needs none of it

    report = lint(what, settings)
    return emit(replace(report, again=settings.typed(report.again)), out)
