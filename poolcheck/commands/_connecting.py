"""What the commands that connect share: where to, how long to wait, and passwords from the terminal."""

import sys

import click


class Seconds(click.ParamType):  # type: ignore[type-arg]  # generic from click 8.5 on
    """A time: 30, 30s, 10m, 1h, 500ms."""

    name = "time"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Seconds."""
        if isinstance(value, int | float):
            return float(value)
        text = str(value).strip().lower()
        number = text.rstrip("abcdefghijklmnopqrstuvwxyz")
        unit = UNITS.get(text[len(number) :].strip())
        try:
            seconds = float(number) * (unit or 0)
        except ValueError:
            seconds = -1
        if unit is None or not 0 <= seconds < 1e9:
            self.fail(f"{value!r} is not a time; write 30s, 10m or 1h", param, ctx)
        return seconds


UNITS = {"ms": 0.001, "": 1.0, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}


def ask_password(question: str) -> str | None:
    """Ask on the terminal, without echo; nobody is asked where there is none."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return None
    answer: str = click.prompt(question, hide_input=True, err=True, default="", show_default=False)
    return answer or None


dsn_argument = click.argument("dsn", required=False, metavar="[DSN or NAME]")
env_file_option = click.option(
    "--env-file", type=click.Path(), metavar="FILE", help="Take the connection string from this env file."
)
variable_option = click.option(
    "--var", "variable", metavar="NAME", help="This variable of the env file or the environment."
)
admin_option = click.option(
    "--admin",
    metavar="DSN",
    help="Look with this one when the first is refused: a superuser, or reserved slots.",
)
connect_timeout_option = click.option(
    "--connect-timeout",
    type=Seconds(),
    default=5.0,
    show_default="5s",
    metavar="TIME",
    help="How long to wait for the connection.",
)
statement_timeout_option = click.option(
    "--statement-timeout",
    type=Seconds(),
    default=3.0,
    show_default="3s",
    metavar="TIME",
    help="How long a statement may take.",
)
