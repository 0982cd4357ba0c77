"""What the commands share: the options of every report, and the way a report leaves."""

import os
import sys
import time
from collections.abc import Callable
from importlib import import_module
from typing import Any, TypeVar

import click

from poolcheck.errors import BadInput
from poolcheck.model.report import Report
from poolcheck.output.paint import Style
from poolcheck.record import dataclass
from poolcheck.text import clean, shown

F = TypeVar("F", bound=Callable[..., Any])
# The options that say what a report looks like: not what it is an answer to.
FORM_OPTIONS = frozenset({"--format", "--output", "-o", "--color", "--html"})
FORM_FLAGS = frozenset({"--plain", "-q", "--quiet", "-v", "--verbose"})
FORMATS = os.path.join(os.path.dirname(os.path.dirname(__file__)), "output")  # pathlib takes 3 ms


@dataclass(frozen=True, slots=True)
class Output:
    """Where and how a report goes."""

    format: str = "text"
    path: str | None = None
    color: str = "auto"
    verbosity: int = 0
    plain: bool = False
    html: str | None = None  # a page is written there too


class FormatType(click.ParamType):  # type: ignore[type-arg]  # generic from click 8.5 on
    """A format: a file of poolcheck/output whose COMMANDS names the command, or is empty for all commands."""

    name = "format"

    def names(self, command: str) -> list[str]:
        """The formats of a command, text first."""
        files = (name.removesuffix(".py") for name in os.listdir(FORMATS) if name.endswith(".py"))
        found = [name for name in files if not name.startswith(("_", "paint"))]
        fitting = [name for name in sorted(found) if command in (load(name).COMMANDS or (command,))]
        return sorted(fitting, key=lambda name: (name != "text", name != "json", name))

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:  # noqa: ARG002 - click's signature
        """`[text|json|...]`, for the help."""
        return "[" + "|".join(self.names(ctx.info_name or "")) + "]"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Check the name; only the module that is asked for is imported."""
        name = str(value).lower()
        command = (ctx.info_name if ctx else None) or ""
        path = os.path.join(FORMATS, f"{name}.py")
        if name.startswith(("paint", "_")) or not name.isidentifier() or not os.path.exists(path):
            self.fail(f"{name!r} is not one of: {', '.join(self.names(command))}", param, ctx)
        if command not in (load(name).COMMANDS or (command,)):
            self.fail(
                f"{command} has no format {name!r}; it has {', '.join(self.names(command))}", param, ctx
            )
        return name

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[Any]:  # noqa: ARG002
        """Complete format names."""
        from click.shell_completion import CompletionItem  # noqa: PLC0415 - only the shell asks

        return [
            CompletionItem(name) for name in self.names(ctx.info_name or "") if name.startswith(incomplete)
        ]


def load(name: str) -> Any:
    """The module of a format."""
    return import_module(f"poolcheck.output.{name}")


def output_options(function: F) -> F:
    """--format, --output, --color, --plain, -q, -v: the command gets them as one `out: Output`."""

    def wrapper(*args: Any, **kwargs: Any) -> Any:
        verbosity = kwargs.pop("verbose_count") - kwargs.pop("quiet_count")
        out = Output(
            kwargs.pop("format_name"),
            kwargs.pop("output_path"),
            kwargs.pop("color_when"),
            verbosity,
            plain=kwargs.pop("plain"),
            html=kwargs.pop("html_path", None),
        )
        return function(*args, out=out, **kwargs)

    wrapper.__name__ = function.__name__
    wrapper.__doc__ = function.__doc__
    wrapper.__click_params__ = getattr(function, "__click_params__", [])  # type: ignore[attr-defined]  # click's own
    options = (
        click.option(
            "--format",
            "format_name",
            type=FormatType(),
            default="text",
            show_default=True,
            help="How to report.",
        ),
        click.option(
            "-o",
            "--output",
            "output_path",
            type=click.Path(dir_okay=False),
            help="Write the report to this file.",
        ),
        click.option(
            "--color",
            "color_when",
            type=click.Choice(["auto", "always", "never"]),
            default="auto",
            show_default=True,
            help="Colour: auto asks the terminal and NO_COLOR.",
        ),
        click.option(
            "--plain",
            is_flag=True,
            help="Words only, for screen readers: no symbols, bars, columns or colour.",
        ),
        click.option(
            "-v", "--verbose", "verbose_count", count=True, help="More: sources, what was looked at."
        ),
        click.option("-q", "--quiet", "quiet_count", count=True, help="Less: findings only."),
    )
    result: Any = wrapper
    for option in reversed(options):
        result = option(result)
    return result  # type: ignore[no-any-return]  # click's decorators keep the function


def html_option(function: F) -> F:
    """--html, for commands whose report makes a page; stands above `output_options`."""
    return click.option(
        "--html",
        "html_path",
        type=click.Path(dir_okay=False),
        metavar="FILE",
        help="Write the report as a page there too: one file, no scripts.",
    )(function)


def style_for(out: Output) -> Style:
    """The style that fits where the report goes: terminal or pipe, colour, width, encoding."""
    terminal = out.path is None and sys.stdout.isatty()
    if out.plain:
        return Style(color=False, unicode=False, verbosity=out.verbosity, plain=True)
    if out.color == "auto":
        color = terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    else:
        color = out.color == "always"
    columns = os.environ.get("COLUMNS", "")
    if columns.isdigit() and int(columns) > 0:
        size = int(columns)
    elif terminal:
        size = os.get_terminal_size(sys.stdout.fileno()).columns or 80
    else:
        size = 80
    encoding = "utf-8" if out.path else (sys.stdout.encoding or "ascii")
    try:
        "✖█…➜".encode(encoding)
        plain = False
    except (UnicodeEncodeError, LookupError):
        plain = True
    return Style(width=min(max(size, 40), 140), color=color, unicode=not plain, verbosity=out.verbosity)


def emit(report: Report, out: Output) -> int:
    """Write the report and give the exit code.

    Raises:
        BadInput: the file of --output cannot be written.
    """
    if report.targets or report.packages or report.command == "explain":
        report = import_module("poolcheck.commands._age").with_age(
            report
        )  # what rests on the catalogue has loaded it
    if out.html is not None or out.format == "picture":
        from dataclasses import replace  # noqa: PLC0415 - only for what is kept

        made = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
        report = replace(report, line=typed(), made=made)
    write_page(report, out)
    write(rendered(report, out.format, style_for(out)), out.path)
    return int(report.code)


def typed() -> str:
    """The command line of this run, masked, as it can be typed again; the form of the report is left out."""
    from shlex import quote  # noqa: PLC0415 - only a page or a picture shows it

    from poolcheck.connection.secret import redact  # noqa: PLC0415 - as above

    ctx = click.get_current_context(silent=True)
    words = list(ctx.meta.get("poolcheck.words", ())) if ctx is not None else []
    kept, skip = [], False
    for word in words:
        name, _, value = word.partition("=")
        if skip or word in FORM_FLAGS:
            skip = False
        elif name in FORM_OPTIONS:
            skip = not value
        else:
            kept.append(quote(redact(word)))
    return clean(" ".join(["poolcheck", *kept]), limit=200) if kept else ""


def rendered(report: Report, name: str, style: Style) -> str:
    """The report in a format, through the last door: `shown`."""
    return shown(load(name).render(report, style), commands=name == "github")


def write_page(report: Report, out: Output) -> None:
    """Write the page of --html, where that was asked for."""
    if out.html is not None:
        write(rendered(report, "html", Style()), out.html)


def write(text: str, path: str | None) -> None:
    """Write to the file, or to stdout whose reader may have left: that is no error."""
    if text and not text.endswith("\n"):
        text += "\n"
    if path is not None:
        from poolcheck.config.staged import write_whole  # noqa: PLC0415 - most runs write to stdout

        try:  # whole or not at all: a collector may read it at any moment
            write_whole(path, text.encode())
        except OSError as error:
            raise BadInput(
                f"cannot write {path}: {error.strerror}", "Name a file in a folder that exists."
            ) from error
        return
    try:
        encoding = sys.stdout.encoding or "ascii"
        sys.stdout.write(text.encode(encoding, "replace").decode(encoding))
        sys.stdout.flush()
    except BrokenPipeError:
        from poolcheck.config.staged import mute_stdout  # noqa: PLC0415 - as above

        mute_stdout()
