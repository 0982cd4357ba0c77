"""`poolcheck simulate`: what a burst of instances does to the slots, as a picture."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from poolcheck.capacity import burst
from poolcheck.commands._help import Command, Renamed
from poolcheck.commands._max import max_option
from poolcheck.commands._numbers import (
    GivenNumbers,
    duration,
    from_catalogue,
    from_config,
    number,
    of_project,
    path_argument,
)
from poolcheck.commands._shared import Output, emit, html_option, output_options, rendered, write
from poolcheck.config.settings import DEFAULTS, SERVER_MAX, SERVER_RESERVED
from poolcheck.errors import BadConfig, ExitCode, NothingToCheck
from poolcheck.model.report import Report
from poolcheck.model.simulation import Ramp, Simulation, Slots, Traffic
from poolcheck.output.paint import Style
from poolcheck.text import sentence

DEFAULT_LIMIT = 10  # the default pool of node-postgres, HikariCP, asyncpg and sqlx
# What a project tells, by its key in the report: those of the options as they were called in version 0.1.
LABELS = {
    "client": "client", "first": "from", "last": "to", "limit": "limit", "max_connections": "max", "reserved": "reserved",
    "others": "others", "ramp_time": "in",
}  # fmt: skip
DEFAULT_RAMP = "60s"  # of a project's ramp: no file tells it, and no number but the seconds depends on it
MOST_REQUESTS = 200_000
WHAT = (
    "what shall be simulated?",
    "Give a ramp (--instances 8..240 --in 90s) or traffic (--rate 2000/m --hold-ms 700), or name a project's folder.",
)
RATE = re.compile(r"(\d{1,9}(?:\.\d{1,6})?)\s*(?:/\s*(s|m|min|h))?")

OPTIONS: tuple[Callable[[Any], Any], ...] = (
    click.option("--instances", "growth", metavar="N..N", help="Ramp: instances at the start and at the end, such as 8..240."),
    number("--from", "first", hidden=True),  # the old spelling of the ramp, as is the next
    number("--to", "last", hidden=True),
    click.option("--rate", metavar="R[..R]", help="Traffic: requests, such as 2000/m, 30/s or 67/m..2000/m."),
    click.option("--in", "ramp_time", metavar="TIME", help="How long the growth takes: 90s, 2m."),
    click.option("--for", "length", metavar="TIME", help="How long requests come. [default: twice --in, or 60s]"),
    click.option("--client", metavar="NAME", help="Ramp: this client of the project. [default: the one that asks for most]"),
    number("--pool", "--limit", "limit", cls=Renamed, help=f"Connections per instance. [default: {DEFAULT_LIMIT}]"),
    click.option("--hold-ms", type=float, metavar="MS", help="Traffic: how long a request holds its connection."),
    click.option("--cv2", type=float, default=0.0, show_default=True, metavar="N", help="Squared variation of that: 0 constant, 1 exponential."),
    click.option("--preset", type=click.Choice(list(burst.PRESETS)), help="A platform's concurrency, limits and habits."),
    number("--concurrency", help="Requests that an instance serves at once. [default: 1]"),
    click.option("--eager", is_flag=True, default=None, help="An instance opens its whole pool with its first request."),
    click.option("--frozen/--not-frozen", default=None, help="Idle instances are suspended: their idle timers stop."),
    click.option("--cold-start", metavar="TIME", help="[default: 250ms]"),
    click.option("--idle-timeout", metavar="TIME", help="An idle connection is closed after this. [default: 10s]"),
    click.option("--instance-idle", metavar="TIME", help="An idle instance is removed after this. [default: 5m]"),
    number("--max-instances", help="The platform's cap; beyond it requests are turned away."),
    number("--warm", help="Instances at the start, without connections. [default: 0]"),
    click.option("--retry", metavar="TIME", help="A refused request tries again after this ..."),
    click.option("--give-up", metavar="TIME", help="... for as long as this. [default: 10s]"),
    number("--pooler", help="Server connections of a transaction-mode pooler in between."),
    number("--max-client-conn", "pooler_clients", help="Clients that the pooler takes. [default: no limit]"),
    click.option("--deploy-at", metavar="TIME", help="From then on requests go to new instances."),
    click.option("--seed", type=int, default=1, show_default=True, help="Of the random arrivals: the same seed, the same result."),
    max_option(f"The server's max_connections; with a name, one server's of the project. [default: {SERVER_MAX}]"),
    number("--reserved", help=f"Slots an ordinary role never gets. [default: {SERVER_RESERVED}]"),
    number("--others", help="Sessions of everything else on this server. [default: 0]"),
    number("--buffer", help=f"Slots that the advice keeps free. [default: {DEFAULTS.buffer}]"),
    click.option("--provider", metavar="NAME", help="With --plan: limits from the catalogue."),
    click.option("--plan", metavar="NAME", help="Plan or compute size: 0.25cu, micro, b1ms."),
    click.option("--svg", "svg_path", type=click.Path(dir_okay=False), metavar="FILE", help="Write a picture there too."),
    click.option("--config", "config_path", type=click.Path(exists=True, dir_okay=False), help="This config file instead of the nearest."),
    click.option("--isolated", is_flag=True, help="Read no config file."),
)  # fmt: skip


def simulate_options(function: Any) -> Any:
    """All options, in the order of the help."""
    for option in reversed(OPTIONS):
        function = option(function)
    return function


@click.command("simulate", cls=Command, short_help="Show what a burst of instances does to the slots.")
@path_argument
@simulate_options
@html_option
@output_options
def command(out: Output, **options: Any) -> int:
    r"""Simulate a burst, and what would help.

    Ramp (--instances, --in): instances that come at a steady pace, each with its whole pool. Without --instances and --rate the
    ramp of the project at PATH, or here: from the fewest instances of its largest client to the most and what a deploy adds;
    options win. Traffic (--rate, --hold-ms): requests at random, and the instances that the platform starts for them.
    Exit code 1 when connections are refused or requests fail.

    \b
    Examples:
      poolcheck simulate
      poolcheck simulate apps/api --client worker --max 200 --in 30s
      poolcheck simulate --instances 8..240 --in 90s --pool 5 --max 100
      poolcheck simulate --rate 67/m..2000/m --in 90s --hold-ms 700 --pool 5 --preset lambda
      poolcheck simulate --rate 2000/m --hold-ms 720 --pool 5 --pooler 33
      poolcheck simulate --rate 50/s --hold-ms 900 --pool 2 --svg burst.svg
      poolcheck simulate --instances 8..240 --in 90s --pool 5 --format csv
    """
    _grow(options)
    numbers = GivenNumbers(options)
    project = bool(options["path"] or options["client"] or options["server_limits"])
    if project and options["rate"]:
        raise BadConfig(
            "a project tells a ramp: --rate goes with numbers alone",
            "Leave out the path, --client and --max NAME=N.",
        )
    if project or (options["last"] is None and options["rate"] is None):
        _from_project(numbers)
    if not options["isolated"] or options["config_path"]:
        from_config(numbers, thresholds=("warn_at", "critical_at"))
    if numbers.get("provider") or numbers.get("plan"):
        from_catalogue(numbers)
    made = run(numbers)
    if numbers.client:
        told = ((label, numbers.sources[name]) for name, label in LABELS.items() if name in numbers.sources)
        made = replace(made, client=numbers.client, sources=tuple(told))
    bad = bool(made.refused or made.failed or made.throttled)
    report = Report(
        command="simulate",
        sections=(made,),
        notes=tuple(numbers.notes),
        exit_code=ExitCode.FINDINGS if bad else ExitCode.OK,
    )
    if options["svg_path"]:
        write(rendered(report, "svg", Style()), str(Path(options["svg_path"])))
    return emit(report, out)


def _grow(options: dict[str, Any]) -> None:
    """`--instances 8..240` as the ramp's start and end; one number is its end.

    Raises:
        BadConfig: no such numbers.
    """
    growth = options.pop("growth")
    if growth is None:
        return
    found = re.fullmatch(r"(?:(\d{1,9})\s*\.\.\s*)?(\d{1,9})", growth.strip())
    if found is None:
        raise BadConfig(f"--instances {growth} is no ramp of instances", "Write --instances 8..240, or 240.")
    options["first"], options["last"] = int(found[1] or 0), int(found[2])


def _from_project(numbers: GivenNumbers) -> None:
    """The ramp of a project's client, where no option gives a number of it.

    Raises:
        PoolcheckError: no such client, nothing connects, or nobody tells a number, with the option that would.
    """
    try:
        tells = of_project(numbers).ramp(numbers.get("client") or "", numbers.options)
    except NothingToCheck as nothing:
        if numbers.get("path") or numbers.get("client"):
            raise
        raise BadConfig(WHAT[0], f"{sentence(nothing.message)}. {WHAT[1]}") from nothing
    numbers.client = tells.client
    if numbers.get("client"):
        numbers.sources["client"] = tells.numbers["client"][1]
    for name, (value, source) in tells.numbers.items():
        numbers.offer(name, value, source)
    numbers.offer(
        "ramp_time", DEFAULT_RAMP, f"{DEFAULT_RAMP}: no file tells; only the seconds depend on it (--in TIME)"
    )
    numbers.notes += tells.notes


def run(numbers: GivenNumbers) -> Simulation:
    """The simulation that the options ask for.

    Raises:
        BadConfig: a number is missing, wrong, or does not go with another option.
    """
    get = numbers.get
    slots = slots_of(numbers)
    limit = _least("--pool", get("limit"), 1)
    if get("last") is not None:
        return burst.ramp(_ramp(numbers, slots, DEFAULT_LIMIT if limit is None else limit))
    if get("rate") is None:
        raise BadConfig(*WHAT)
    return replace(burst.traffic(_traffic(numbers, slots)), preset=get("preset") or "")


def slots_of(numbers: GivenNumbers) -> Slots:
    """The server's slots.

    Raises:
        BadConfig: none is left.
    """
    get = numbers.get
    least = {
        "max_connections": ("--max", 1),
        "reserved": ("--reserved", 0),
        "others": ("--others", 0),
        "buffer": ("--buffer", 0),
    }
    given: dict[str, Any] = {
        name: _least(option, get(name), number) for name, (option, number) in least.items()
    }
    given |= {name: get(name) for name in ("warn_at", "critical_at", "of")}
    slots = Slots(**{name: value for name, value in given.items() if value is not None})
    if slots.available < 1:
        raise BadConfig(
            f"no slot is left: {slots.max_connections} - {slots.reserved} reserved - {slots.others} for others"
            f" = {slots.available}"
        )
    return slots


def _ramp(numbers: GivenNumbers, slots: Slots, limit: int) -> Ramp:
    get = numbers.get
    for name in ("hold_ms", "preset", "pooler", "length", "deploy_at", "retry", "max_instances"):
        if get(name) is not None:
            option = {"length": "for"}.get(name, name).replace("_", "-")
            raise BadConfig(f"--{option} belongs to traffic (--rate), not to a ramp (--instances N..N)")
    first, last = _or(get("first"), 0), get("last")
    if first < 0 or last < 1 or last < first:
        raise BadConfig(f"--instances {first}..{last}: a ramp grows, from 0 or more to 1 or more instances")
    if last * limit > 10_000_000:
        raise BadConfig(f"--instances {last} x --pool {limit} is more than any server has been asked for")
    if get("ramp_time") is None:
        raise BadConfig("how long does the ramp take?", "Add --in, for example --in 90s.")
    rate = rates(get("rate"))[1] if get("rate") else None
    return Ramp(
        slots=slots, first=first, last=last, seconds=duration(get("ramp_time")), limit=limit, rate=rate
    )


def _traffic(numbers: GivenNumbers, slots: Slots) -> Traffic:
    get = numbers.get
    if get("first") is not None:
        raise BadConfig(
            "a ramp of instances has an end (--instances 8..240); traffic grows by --rate 67/m..2000/m"
        )
    if get("hold_ms") is None:
        raise BadConfig(
            "how long does a request hold its connection?", "Add --hold-ms, for example --hold-ms 100."
        )
    low, high = rates(get("rate"))
    ramp_seconds = duration(get("ramp_time")) if get("ramp_time") else 0.0
    if low != high and not ramp_seconds:
        raise BadConfig("how long does the traffic take to grow?", "Add --in, for example --in 90s.")
    seconds = duration(get("length")) if get("length") else 2 * ramp_seconds or 60.0
    given = _instances_and_retries(get)
    hold, cv2 = get("hold_ms"), get("cv2")
    if not 0 < hold <= 86_400_000:
        raise BadConfig(f"--hold-ms must be above 0 and at most a day, not {hold:g}")
    if not 0 <= cv2 <= 1000:
        raise BadConfig(f"--cv2 cannot be {cv2:g}", "0: constant, 1: exponential, 4: heavy tail.")
    expected = high * seconds - (high - low) * min(ramp_seconds, seconds) / 2
    if expected > MOST_REQUESTS:
        raise BadConfig(
            f"{expected:,.0f} requests are more than the {MOST_REQUESTS:,} that a simulation takes",
            "Shorten --for.",
        )
    if given.get("warm", 0) > MOST_REQUESTS:
        raise BadConfig(f"--warm {given['warm']} is too many")
    return Traffic(
        slots=slots, rate_from=low, rate_to=high, ramp_seconds=ramp_seconds, seconds=seconds, hold=hold / 1000,
        cv2=cv2, seed=get("seed"), **given,
    )  # fmt: skip


_LEAST = {"concurrency": 1, "max_instances": 1, "warm": 0, "pooler": 1, "pooler_clients": 1, "limit": 1}


def _instances_and_retries(get: Callable[[str], Any]) -> dict[str, Any]:
    """What instances, pooler and clients do: the preset's, and what the options say over it."""
    given: dict[str, Any] = dict(burst.PRESETS.get(get("preset") or "", {}))
    for name, least in _LEAST.items():
        option = "max-client-conn" if name == "pooler_clients" else name.replace("_", "-")
        value = _least(f"--{option}", get(name), least)
        if value is not None:
            given[name] = value
    given.setdefault("limit", DEFAULT_LIMIT)
    given |= {name: get(name) for name in ("eager", "frozen") if get(name) is not None}
    for name in ("cold_start", "idle_timeout", "instance_idle", "retry", "give_up", "deploy_at"):
        if get(name) is not None:
            given[name] = duration(get(name))
    if "retry" in given:
        given.setdefault("give_up", 10.0)
    elif "give_up" in given:
        raise BadConfig("--give-up needs --retry")
    if get("pooler_clients") is not None and "pooler" not in given:
        raise BadConfig("--max-client-conn needs --pooler")
    return given


def rates(text: str) -> tuple[float, float]:
    """Requests per second at the start and at the end of `2000/m` or `67/m..2000/m`; without a unit per second.

    Raises:
        BadConfig: another form, or nothing at all.
    """
    found = []
    for part in text.split(".."):
        match = RATE.fullmatch(part.strip())
        if match is None:
            raise BadConfig(f"--rate: {text!r} is no rate", "Write for example 2000/m, 30/s or 67/m..2000/m.")
        found.append(float(match[1]) / {"s": 1, "m": 60, "min": 60, "h": 3600}[match[2] or "s"])
    if len(found) > 2 or max(found) <= 0:
        raise BadConfig(f"--rate: {text!r} is no rate", "Write for example 2000/m, 30/s or 67/m..2000/m.")
    return found[0], found[-1]


def _least(option: str, value: int | None, least: int) -> int | None:
    if value is not None and value < least:
        raise BadConfig(f"{option} must be at least {least}, not {value}")
    return value


def _or(value: int | None, default: int) -> int:
    return default if value is None else value
