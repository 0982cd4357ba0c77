"""What `size` and `simulate` share: where the numbers come from, and how times are written."""

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import click

from poolcheck.config import settings as configuration
from poolcheck.errors import BadConfig
from poolcheck.model.report import Skipped
from poolcheck.model.sizing import Measured

if TYPE_CHECKING:
    from poolcheck.diagnosis.planning import Plan

# Options that are settings too: what a project's files do not tell, they do.
SETTINGS = (
    "max_connections",
    "server_limits",
    "runtime",
    "driver",
    "instances",
    "surge",
    "workers",
    "reserved",
    "buffer",
    "provider",
    "plan",
    "pool",
)


@dataclass(slots=True)
class GivenNumbers:
    """What the options, the config file, the catalogue and a live server say; options first."""

    options: dict[str, Any]
    sources: dict[str, str] = field(default_factory=dict)
    skipped: list[Skipped] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    measured: Measured | None = None
    host: str = ""
    port: int = 5432
    client: str = ""  # of a project, whose numbers these are
    drivers: tuple[str, ...] = ()
    servers: tuple[configuration.NamedServer, ...] = ()  # of the config file
    role_limit: int | None = None
    database_limit: int | None = None

    def get(self, name: str) -> Any:
        """An option; None when nobody gave it."""
        return self.options.get(name)

    def given(self, *names: str) -> dict[str, Any]:
        """Those of these options that somebody gave: the rest keeps the default of what they are handed to."""
        return {name: self.options[name] for name in names if self.options.get(name) is not None}

    def offer(self, name: str, value: Any, source: str) -> None:
        """Take a value where no option, and no earlier source, gave one."""
        if value is not None and self.options.get(name) is None:
            self.options[name] = value
            self.sources[name] = source


def number(*names: str, **attributes: Any) -> Callable[[Any], Any]:
    """An option that takes a whole number."""
    return click.option(*names, **{"type": int, "metavar": "N", **attributes})


def path_argument(function: Any) -> Any:
    """The folder of a project, where its files tell the numbers."""
    return click.argument("path", required=False, type=click.Path(exists=True))(function)


def of_project(numbers: GivenNumbers) -> "Plan":
    """What the project at PATH, or here, tells; the options that are given hold for what it does not tell.

    Raises:
        PoolcheckError: a file or option is wrong, or nothing connects to a server.
    """
    from poolcheck.diagnosis import planning  # noqa: PLC0415 - numbers alone need no reader

    given = {name: numbers.get(name) for name in SETTINGS}
    return planning.plan_of(
        numbers.get("path") or ".", given, numbers.get("config_path"), isolated=numbers.get("isolated")
    )


def from_config(numbers: GivenNumbers, thresholds: Sequence[str] = ("warn_at",)) -> None:
    """Take what the nearest config file, or the one of --config, says.

    Raises:
        BadConfig: the file is wrong.
    """
    given = numbers.get("config_path")
    if not given and not _config_near():
        return
    from poolcheck.config import file  # noqa: PLC0415 - only where there is a file

    path = given or file.find(".")
    if path is None:
        return
    config = file.load(path)
    plain = configuration.Config()
    for name in (
        "max_connections",
        "instances",
        "reserved",
        "workers",
        "buffer",
        "surge",
        "provider",
        "plan",
        "runtime",
    ):
        value = getattr(config, name)
        if value != getattr(plain, name):
            numbers.offer(name, value, os.path.basename(path))
    for name in thresholds:
        value = getattr(config.thresholds, name)
        if value != getattr(plain.thresholds, name):
            numbers.offer(name, value, os.path.basename(path))
    numbers.drivers = numbers.drivers or config.driver
    numbers.servers = config.server


def _config_near() -> bool:
    """Whether a file here or above could be a config: a cheap look before anything is imported."""
    folder, below = os.getcwd(), ""  # not pathlib: it takes 3 ms to import
    while folder != below:
        if any(os.path.lexists(os.path.join(folder, name)) for name in ("poolcheck.toml", "pyproject.toml")):
            return True
        folder, below = os.path.dirname(folder), folder
    return False


def from_catalogue(numbers: GivenNumbers) -> None:
    """Take the limits of --provider and --plan.

    Raises:
        BadConfig: the catalogue does not know them.
    """
    from poolcheck import catalogue  # noqa: PLC0415 - only where a plan is named

    name, plan = numbers.get("provider"), numbers.get("plan")
    if not name:
        raise BadConfig("--plan needs --provider", "For example --provider neon --plan 0.25cu.")
    provider = catalogue.provider(name)
    if provider is None:
        ids = ", ".join(provider.id for provider in catalogue.providers())
        raise BadConfig(f"no provider is named {name!r}", f"Known: {ids}.")
    if plan:
        limit = catalogue.limit(provider.id, plan)
        plans = ", ".join(limit.plan for limit in provider.limits)
        if limit is None:
            raise BadConfig(
                f"{provider.title} has no plan {plan!r}", f"Known: {plans}." if plans else "Give --max."
            )
        source = f"{provider.title} {limit.title or limit.plan}"
        if limit.max_connections_most:
            source += f", which may be {limit.connections}"
        if limit.max_connections is None and numbers.get("max_connections") is None:
            raise BadConfig(f"the catalogue does not know max_connections of {source}", "Give --max.")
        numbers.offer("max_connections", limit.max_connections, source)
        numbers.offer("reserved", limit.reserved, source)
        numbers.notes.append(f"{source}: {limit.source} (checked {limit.checked}).")
    elif numbers.get("max_connections") is None and provider.limits:
        raise BadConfig(
            f"{provider.title} has several sizes",
            f"Add --plan, one of {', '.join(limit.plan for limit in provider.limits)}.",
        )
    numbers.offer("reserved", provider.default_reserved, provider.title)


def duration(text: str) -> float:
    """Seconds of `60s`, `2m`, `500ms`, `1h` or a bare number.

    Raises:
        BadConfig: none of these, zero, or more than a day.
    """
    found = re.fullmatch(r"(\d{1,9}(?:\.\d{1,6})?)\s*(ms|s|m|min|h)?", text.strip())
    seconds = 0.0
    if found:
        seconds = float(found[1]) * {"ms": 0.001, "m": 60, "min": 60, "h": 3600}.get(found[2] or "s", 1)
    if not 0 < seconds <= 86_400:
        raise BadConfig(f"{text!r} is no time", "Write for example 60s, 2m or 500ms; a day at most.")
    return seconds
