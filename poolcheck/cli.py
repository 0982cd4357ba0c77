"""The command line: finds the command's module, and turns every way of failing into an exit code.

Commands live in poolcheck/commands, one file each, imported only when they run: `lint` never imports psycopg.
"""

import gc
import os
import sys
from collections.abc import Sequence
from io import StringIO

# A short run makes few objects that ever become garbage, and looking for it takes 6 % of a lint's time.
gc.set_threshold(50_000)

import click

from poolcheck.connection.secret import redact
from poolcheck.errors import ExitCode, PoolcheckError
from poolcheck.text import shown
from poolcheck.version import __version__

COMMANDS = os.path.join(os.path.dirname(__file__), "commands")  # pathlib takes 3 ms to import
ISSUES = "https://github.com/poolcheck/poolcheck/issues"


# What people type for something that has another name here.
MEANT = {
    "help": "poolcheck --help",
    "version": "poolcheck --version",
    "rules": "poolcheck explain rules",
    "providers": "poolcheck explain providers",
    "drivers": "poolcheck explain drivers",
    "errors": "poolcheck explain errors",
    "check": "poolcheck lint",
    "kill": "poolcheck reap",
    "watch": "poolcheck live --watch",
    "--fix": "poolcheck fix",
    "--write": "poolcheck fix --write",
    "--diff": "poolcheck fix --diff",
    "--watch": "poolcheck live --watch",
    "--list-rules": "poolcheck explain rules",
}


class CommandFolder(click.Group):
    """A group whose commands are the files of poolcheck/commands that do not start with an underscore."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Names, in the order of the design's table, then by name."""
        order = ("lint", "live", "size", "simulate", "explain", "fix", "reap", "gate", "demo")
        files = (name for name in os.listdir(COMMANDS) if name.endswith(".py") and not name.startswith("_"))
        found = {name.removesuffix(".py").replace("_", "-") for name in files}
        return [name for name in order if name in found] + sorted(found - set(order))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, with the nearest name when there is no such command."""
        ctx.meta["poolcheck.words"] = tuple(args)  # a page or picture shows what it is an answer to
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from poolcheck.text import did_you_mean  # noqa: PLC0415 - only on errors

            meant = MEANT.get(args[0])
            hint = f"Try: {meant}" if meant else did_you_mean(args[0], self.list_commands(ctx))
            if hint:
                raise click.UsageError(f"{error.message} {hint}", ctx) from error
            raise

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command's module, or give None for a name that is no file."""
        if cmd_name not in self.list_commands(ctx):
            return None
        from importlib import import_module  # noqa: PLC0415 - only the command that runs is imported

        module = import_module(f"poolcheck.commands.{cmd_name.replace('-', '_')}")
        command: click.Command = module.command
        # Docstrings are raw, click wants the character: without it the examples run together into one paragraph.
        command.help = (command.help or "").replace("\\b\n", "\b\n")
        return command


def _version(ctx: click.Context, param: click.Parameter, value: bool) -> None:  # noqa: ARG001 - click's signature
    """`--version`. click's own option asks for a translation of its help, which costs 1 ms of every start."""
    if value:
        click.echo(f"poolcheck, version {__version__}")
        ctx.exit()


HELP = """Find, explain and mend PostgreSQL connection-pool exhaustion.

\b
Before a deploy:      poolcheck lint
During the incident:  poolcheck live "$DATABASE_URL"
When planning:        poolcheck size --max 100 --instances 10
"""
ENVIRONMENT = """Environment: NO_COLOR (no colour), COLUMNS (width of the report), POOLCHECK_TRACEBACK (more of a bug). Variables
with connection strings, such as DATABASE_URL and PGHOST, are read by live, reap and gate --var."""


@click.group(
    cls=CommandFolder,
    help=HELP,
    epilog=ENVIRONMENT,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option(
    "-V",
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_version,
    help="Show the version and exit.",
)
def cli() -> None:
    """The group of all commands."""


@cli.result_callback()
@click.pass_context
def finish(ctx: click.Context, result: object) -> None:
    """What a command returns is its exit code."""
    ctx.exit(result if isinstance(result, int) else int(ExitCode.OK))


def run(args: Sequence[str] | None = None) -> int:
    """Run a command and give its exit code. Nothing but SystemExit codes and this int leaves it."""
    try:
        # Without its standalone mode, click gives the code of ctx.exit() back instead of raising it.
        code = cli.main(
            args=None if args is None else list(args), prog_name="poolcheck", standalone_mode=False
        )
    except PoolcheckError as error:
        _complain(f"poolcheck: {error.message}" + (f"\n  {error.hint}" if error.hint else ""))
        return error.exit_code
    except click.exceptions.Exit as error:
        return error.exit_code
    except click.Abort:
        click.echo("poolcheck: stopped", err=True)
        return int(ExitCode.FAILED)
    except click.ClickException as error:
        if isinstance(error, click.NoSuchOption) and error.option_name in MEANT:
            error = click.UsageError(f"{error.message} Try: {MEANT[error.option_name]}", error.ctx)
        said = StringIO()
        error.show(said)  # click repeats what was typed
        _complain(said.getvalue().rstrip("\n"))
        return int(ExitCode.FAILED)
    return int(code) if isinstance(code, int) else int(ExitCode.OK)


def _complain(text: str) -> None:
    """Say why nothing was done. Whatever it repeats of options, files or a server's words, no secret is shown."""
    click.echo(shown(redact(text)), err=True)


def main() -> None:
    """The entry point: as `run`, with bugs, closed pipes and Ctrl-C turned into what a user can read."""
    try:
        code = run()
        sys.stdout.flush()
    except KeyboardInterrupt:
        code = 130
    except BrokenPipeError:
        from poolcheck.config.staged import mute_stdout  # noqa: PLC0415 - rarely

        mute_stdout()  # the reader left: that is no error of ours
        code = int(ExitCode.OK)
    except Exception as error:  # noqa: BLE001 - the last fence: no input may show a traceback
        code = _bug(error)
    sys.exit(code)


def _bug(error: Exception) -> int:
    """Say that this is our fault, without a line of the user's data: a traceback could hold a password."""
    frames = []
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        frames.append(f"{os.path.basename(code.co_filename)}:{trace.tb_lineno} {code.co_name}")
        trace = trace.tb_next
    click.echo(f"poolcheck: this is a bug in poolcheck {__version__}: {type(error).__name__}", err=True)
    click.echo("  at " + "\n     ".join(frames[-6:]), err=True)
    click.echo(f"  Please report these lines: {ISSUES}", err=True)
    if os.environ.get("POOLCHECK_TRACEBACK"):
        from traceback import format_exception  # noqa: PLC0415 - only on demand

        click.echo(shown("".join(format_exception(error))), err=True)
    return int(ExitCode.FAILED)
