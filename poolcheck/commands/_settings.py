"""The options that stand for settings of poolcheck.toml, the same on every command that judges a project."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from poolcheck.commands._max import max_option
from poolcheck.config import settings as configuration
from poolcheck.config.file import Settings

__all__ = ["Settings", "setting_options"]
F = TypeVar("F", bound=Callable[..., Any])


def setting_options(function: F) -> F:
    """--runtime, --driver, --max, --instances, --select, --fail-on, ...: one `settings: Settings`."""
    names = (
        "runtime",
        "driver",
        "max_connections",
        "server_limits",
        "instances",
        "pool",
        "surge",
        "workers",
        "reserved",
        "provider",
        "plan",
        "select",
        "ignore",
        "exclude",
        "fail_on",
    )

    def wrapper(*args: Any, **kwargs: Any) -> Any:
        given = {name: kwargs.pop(name) for name in names}
        for key in ("select", "ignore"):
            given[key] = tuple(token for each in given[key] for token in each.split(",") if token)
        settings = Settings(given, kwargs.pop("config_path"), kwargs.pop("isolated"))
        return function(*args, settings=settings, **kwargs)

    wrapper.__name__ = function.__name__
    wrapper.__doc__ = function.__doc__
    wrapper.__click_params__ = getattr(function, "__click_params__", [])  # type: ignore[attr-defined]  # click's own
    defaults = configuration.DEFAULTS
    options = (
        click.option(
            "--runtime",
            type=click.Choice(configuration.RUNTIMES),
            help=f"Where the code runs. [default: {defaults.runtime}, read from the project]",
        ),
        click.option(
            "--driver",
            multiple=True,
            metavar="NAME[@VERSION]",
            help="Driver in use, such as prisma@6. [default: the manifests say]",
        ),
        max_option("The server's max_connections; with a name, one server's."),
        click.option(
            "--instances",
            type=click.IntRange(min=1),
            metavar="N",
            help="Most instances at once: the autoscaler's maximum.",
        ),
        click.option(
            "--pool",
            type=click.IntRange(min=1),
            metavar="N",
            help="Connections of each process's pool, when no file tells.",
        ),
        click.option(
            "--surge",
            metavar="N|N%",
            help=f"Instances a deploy adds before old ones stop. [default: {defaults.surge}]",
        ),
        click.option(
            "--workers",
            type=click.IntRange(min=1),
            metavar="N",
            help=f"Processes in an instance. [default: {defaults.workers}]",
        ),
        click.option(
            "--reserved",
            type=click.IntRange(min=0),
            metavar="N",
            help=f"Slots an ordinary role never gets. [default: {configuration.SERVER_RESERVED}]",
        ),
        click.option(
            "--provider", metavar="NAME", help="Where the server runs, when the host does not tell."
        ),
        click.option(
            "--plan", metavar="NAME", help="Plan or compute size: takes max_connections from the catalogue."
        ),
        click.option(
            "--select",
            multiple=True,
            metavar="RULES",
            help="Only these rules: ids, names or prefixes, with commas.",
        ),
        click.option("--ignore", multiple=True, metavar="RULES", help="Not these rules."),
        click.option(
            "--exclude", multiple=True, metavar="PATTERN", help="Paths not to look at, as in .gitignore."
        ),
        click.option(
            "--fail-on",
            type=click.Choice(configuration.FAIL_ON),
            help=f"Lowest severity for exit code 1. [default: {defaults.fail_on}]",
        ),
        click.option(
            "--config",
            "config_path",
            type=click.Path(exists=True, dir_okay=False),
            help="This config file instead of the nearest.",
        ),
        click.option("--isolated", is_flag=True, help="Read no config file."),
    )
    result: Any = wrapper
    for option in reversed(options):
        result = option(result)
    return result  # type: ignore[no-any-return]  # click's decorators keep the function
