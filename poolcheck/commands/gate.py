"""`poolcheck gate`: lint, the sums and, when asked, a look at the server: one verdict for CI and for people."""

import os
from dataclasses import replace
from typing import Any

import click

from poolcheck.commands._help import Command
from poolcheck.commands._reports import ReportType, emit_all
from poolcheck.commands._settings import Settings, setting_options
from poolcheck.commands._shared import Output, html_option, output_options
from poolcheck.config.file import check_values
from poolcheck.config.settings import DEFAULTS, REQUIRE
from poolcheck.gate.gate import GateOptions, gate


class WithBareLive(Command):
    """`--live` alone means `--live=required`: a path behind it must not be taken for its value."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Spell the bare option out before click reads it."""
        return super().parse_args(ctx, ["--live=required" if arg == "--live" else arg for arg in args])


@click.command(
    "gate",
    cls=WithBareLive,
    short_help="Lint, add up and, with --live, look: one verdict before the deploy.",
)
@click.argument("what", nargs=-1, metavar="[PATH or URL]...")
@click.option(
    "--env-file",
    "env_files",
    multiple=True,
    metavar="FILE",
    help="Judge this env file: the stage's own, such as .env.production.",
)
@click.option(
    "--var", "variables", multiple=True, metavar="NAME", help="Judge this variable of the environment."
)
@click.option(
    "--max-usage",
    metavar="N%",
    help=f"Share of the usable slots that full pools may take while a deploy runs. [default: {DEFAULTS.max_usage}]",
)
@click.option(
    "--live",
    type=click.Choice(["required", "optional"]),
    metavar="[=optional]",
    help="Look at the server too. Unreachable is exit code 2, unless optional.",
)
@click.option("--bouncer", metavar="DSN", help="With --live: look at this PgBouncer console too.")
@click.option(
    "--require",
    multiple=True,
    type=click.Choice(REQUIRE),
    help="Exit code 2 when this could not be checked.",
)
@click.option("--baseline", metavar="FILE", help="Accepted findings: only new ones fail the gate.")
@click.option("--update-baseline", is_flag=True, help="Accept what is found now: write the baseline.")
@click.option(
    "--since",
    metavar="REV",
    help="Only what changed since this revision counts: findings in files that did, sums whose peak rose.",
)
@click.option(
    "--allow-empty", is_flag=True, help="Nothing to check is a pass: for hooks that run on every commit."
)
@click.option("--statistics", is_flag=True, help="How often each rule was met.")
@click.option(
    "--report",
    "reports",
    multiple=True,
    type=ReportType(),
    metavar="FORMAT=FILE",
    help="Write this report as well; may be given several times.",
)
@click.option(
    "--ci/--no-ci",
    default=True,
    show_default=True,
    help="In GitHub Actions: annotations behind the text, and the job's summary.",
)
@setting_options
@html_option
@output_options
def command(
    settings: Settings, out: Output, reports: tuple[tuple[str, str], ...], ci: bool, **given: Any
) -> int:
    r"""Say whether this may be deployed: pass, fail, or could not check.

    Judges the project in the current folder, or what is named: paths, connection strings, --env-file, --var. Adds up
    instances x pool while a deploy runs against the slots. Nothing is written but reports and, when asked, the baseline;
    nothing is connected to without --live; no password is ever shown.

    \b
    Exit code: 0 pass, 1 fail, 2 could not check, 3 nothing to check.

    \b
    Examples:
      poolcheck gate --instances 10 --max 100
      poolcheck gate --env-file .env.production --instances 10 --live
      poolcheck gate --var DATABASE_URL --var DIRECT_URL --require sums --instances 4 --plan micro
      poolcheck gate --report sarif=poolcheck.sarif --report junit=poolcheck.xml
      poolcheck gate --baseline poolcheck-baseline.json --update-baseline
      poolcheck gate --since origin/main --format markdown
    """
    check_values({"max_usage": given["max_usage"]})
    given["live"] = given["live"] or "no"
    if given["bouncer"] and given["live"] == "no" and "live" not in given["require"]:
        raise click.UsageError("--bouncer goes with --live")
    report = gate(GateOptions(**given), settings)
    report = replace(report, again=settings.typed(report.again))
    return emit_all(report, out, reports, os.environ, ci=ci)
