"""`poolcheck size`: how many connections each process, each service and each pooler may have, with the sums."""

import os
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from poolcheck.capacity import driver_lines, pool_size
from poolcheck.commands._help import Command
from poolcheck.commands._max import max_option
from poolcheck.commands._numbers import (
    SETTINGS,
    GivenNumbers,
    duration,
    from_catalogue,
    from_config,
    number,
    of_project,
    path_argument,
)
from poolcheck.commands._shared import Output, emit, html_option, output_options
from poolcheck.config.settings import Config
from poolcheck.errors import BadConfig, ExitCode, NothingToCheck
from poolcheck.model.report import Report
from poolcheck.model.sizing import DEFAULTS, Inputs, Load, Machine, Share, Sizing
from poolcheck.model.sizing import surge as added_by

if TYPE_CHECKING:
    from poolcheck.model.project import DriverUse

SERVICE = re.compile(
    r"(?P<name>[\w.-]+)=(?P<instances>\d{1,6})(?:x(?P<workers>\d{1,4}))?"
    r"(?:\+(?P<surge>\d{1,6}%?))?(?:@(?P<most>\d{1,6}))?"
)
# What the options of a pooler are to pool_size.pooler.
POOLER_OPTIONS = {
    "pairs": "pairs",
    "pooler_processes": "processes",
    "reserve_pool": "reserve_pool",
    "limit": "client_pool",
}
POOLER_DEFAULTS = pool_size.pooler.__kwdefaults__ or {}
NEITHER = ("path", "html_path", "config_path", "isolated")  # options that go with both
OPTION_NAMES = {"dsn": "from"}
LEAST_SAMPLE = 10.0  # seconds; PostgreSQL writes its statistics about once a second


OPTIONS: tuple[Callable[[Any], Any], ...] = (
    max_option("The server's max_connections; with a name, one server's of the project."),
    number("--instances", help="Most instances at once: the autoscaler's maximum."),
    number("--workers", help=f"Processes in an instance; each has its own pool. [default: {DEFAULTS['workers']}]"),
    click.option("--surge", metavar="N|N%", help=f"Instances a deploy adds before old ones stop. [default: {DEFAULTS['surge']}]"),
    number("--reserved", help=f"Slots an ordinary role never gets. [default: {DEFAULTS['reserved']}, or the provider's]"),
    number("--others", help=f"Sessions of everything else on this server. [default: {DEFAULTS['others']}]"),
    number("--buffer", help=f"Slots kept free for psql, migrations, monitoring. [default: {DEFAULTS['buffer']}]"),
    click.option("--warn-at", type=float, metavar="SHARE", help=f"Warning line, of the available slots. [default: {DEFAULTS['warn_at']:.2f}]"),
    number("--threads", help="Requests that a process serves at once."),
    number("--fanout", help=f"Queries that a request sends in parallel. [default: {DEFAULTS['fanout']}]"),
    click.option("--tps", type=float, metavar="N", help="Transactions per second of the whole fleet, at the peak."),
    click.option("--hold-ms", type=float, metavar="MS", help="From taking a connection to giving it back."),
    click.option("--cv2", type=float, metavar="N", help=f"Squared variation of that: 0 constant, 1 exponential, 4 heavy tail. [default: {DEFAULTS['cv2']:g}]"),
    click.option("--wait-ms", type=float, metavar="MS", help="Bearable wait for a connection. [default: the hold time, at least 10]"),
    click.option("--percentile", type=float, default=DEFAULTS["percentile"], show_default=True, metavar="P", help="Share that waits no longer than that."),
    number("--cores", help="Cores of the database server, without hyper-threads."),
    click.option("--cpu-ms", type=float, metavar="MS", help="CPU time of a transaction on the database server."),
    number("--spindles", help=f"Disks that are waited for; 0 when all is cached. [default: {DEFAULTS['spindles']}]"),
    click.option("--pooler", is_flag=True, help="Size a PgBouncer in transaction mode, and write its pgbouncer.ini."),
    number("--pairs", help=f"With --pooler: (database, user) pairs; each has its own pool. [default: {POOLER_DEFAULTS['pairs']}]"),
    number("--pooler-processes", help=f"With --pooler: PgBouncer processes, sidecars included. [default: {POOLER_DEFAULTS['processes']}]"),
    number("--reserve-pool", help=f"With --pooler: reserve_pool_size. [default: {POOLER_DEFAULTS['reserve_pool']}]"),
    click.option("--runtime", type=click.Choice(["auto", "serverless", "edge", "server", "local"]), help="serverless: --instances are functions that connect directly."),
    number("--limit", hidden=True),  # the old spelling of --pool where it is for numbers alone
    click.option("--share", metavar="NAME=N[xP][+SURGE][@MOST],...", help="Several services on one server: instances, processes each, surge, most of use."),
    click.option("--provider", metavar="NAME", help="With --plan: limits from the catalogue."),
    click.option("--plan", metavar="NAME", help="Plan or compute size: 0.25cu, micro, b1ms."),
    click.option("--driver", multiple=True, metavar="NAME[@VERSION]", help="Driver in use. [default: the manifests say]"),
    click.option("--formula", type=click.Choice(["poolcheck", "classic"]), default=DEFAULTS["formula"], help="classic: floor(max / instances) - buffer as the headline."),
    click.option("--from", "dsn", metavar="DSN or NAME", help="Read the limits from a server, such as a [server.NAME] of the config; with --sample the load too."),
    click.option("--sample", metavar="TIME", help="With --from: measure for this long, such as 60s."),
    click.option("--config", "config_path", type=click.Path(exists=True, dir_okay=False), help="This config file instead of the nearest."),
    number("--pool", help=f"Connections of each process's pool, when no file of the project tells; with --runtime serverless of a function (default {pool_size.FUNCTION_POOL}), with --pooler of a process (default {pool_size.CLIENT_POOL})."),
    click.option("--isolated", is_flag=True, help="Read no config file; with numbers alone no manifest either."),
)  # fmt: skip


def size_options(function: Any) -> Any:
    """All options of a sizing, in the order of the help."""
    for option in reversed(OPTIONS):
        function = option(function)
    return function


@click.command(
    "size",
    cls=Command,
    short_help="Say how many connections each process and pooler may have, with the sums.",
)
@path_argument
@size_options
@html_option
@output_options
def command(out: Output, **options: Any) -> int:
    r"""Pool sizes that fit, are enough, and are of use.

    Of the project at PATH, or here: the pool of every client now and advised, and the sum at deploy, each number with
    the file that tells it; --max, --instances and their like hold for what no file tells. With --max (or --plan, --from) and
    --instances (or --share, --pooler) and no PATH, of these numbers alone.

    What fits: the slots that an ordinary role gets, divided by all processes that run while a deploy overlaps. What is
    enough: a queueing model of --tps and --hold-ms. What is of use: --cores.

    \b
    Exit code: 1 it cannot work so, 2 a sum that was asked for cannot be made, 3 nothing connects.

    \b
    Examples:
      poolcheck size
      poolcheck size apps/api --max orders=400 --instances 6
      poolcheck size --max 100 --instances 10
      poolcheck size --max 100 --instances 10 --tps 200 --hold-ms 20 --cores 4
      poolcheck size --provider neon --plan 0.25cu --instances 4 --workers 2
      poolcheck size --max 100 --instances 200 --runtime serverless --pool 3
      poolcheck size --max 100 --share web=8,worker=4x2,cron=1@1
      poolcheck size --max 100 --instances 10 --pooler --pairs 2 --format ini
      poolcheck size --from "$DATABASE_URL" --sample 60s --instances 10
    """
    alone = options["pooler"] or options["runtime"] in ("serverless", "edge")
    if alone and options["path"] is None and options["pool"] is not None:
        options["limit"], options["pool"] = options["pool"], None
    numbers = GivenNumbers(options)
    if asks_project(numbers):
        try:
            return emit(of_project(numbers).report, out)
        except NothingToCheck as nothing:
            _without_project(numbers, nothing)
    else:
        gather(numbers)
    answer = decide(numbers)
    return emit(
        Report(
            command="size",
            sections=(answer,),
            skipped=tuple(numbers.skipped),
            notes=tuple(numbers.notes),
            exit_code=ExitCode.OK if answer.works else ExitCode.FINDINGS,
        ),
        out,
    )


def asks_project(numbers: GivenNumbers) -> bool:
    """Whether the project has to tell numbers: a path is named, or the options are no whole sum.

    Raises:
        BadConfig: an option that belongs to numbers alone, beside one that belongs to a project.
    """
    of_numbers = [name for name in numbers.options if name not in (*SETTINGS, *NEITHER) and numbers.options[name] not in (None, False, DEFAULTS.get(name))]  # fmt: skip
    project = "a path" if numbers.get("path") else "--pool" if numbers.get("pool") is not None else ""
    if not project and numbers.get("server_limits"):
        project = "--max NAME=N"
    if project and of_numbers:
        option = OPTION_NAMES.get(of_numbers[0], of_numbers[0]).replace("_", "-")
        raise BadConfig(
            f"--{option} is for numbers alone: it does not go with {project}",
            "Give --max and --instances, and no path.",
        )
    limit = any(numbers.get(name) for name in ("max_connections", "plan"))
    whole = limit and numbers.get("instances") is not None
    return bool(project) or not (whole or of_numbers)


def _without_project(numbers: GivenNumbers, nothing: NothingToCheck) -> None:
    """Where there is no project, the numbers of the options and the config file alone.

    Raises:
        NothingToCheck: there are none, or a project was named.
        BadConfig: what is missing beside those that there are.
    """
    if numbers.get("path") or numbers.get("pool") or numbers.get("server_limits"):
        raise nothing
    try:
        gather(numbers)
    except BadConfig:
        if any(numbers.get(name) is not None for name in ("max_connections", "instances", "plan")):
            raise
        raise nothing from None


def gather(numbers: GivenNumbers) -> GivenNumbers:
    """Options over a live server over the config file over the catalogue; the server knows its own limits best.

    Raises:
        PoolcheckError: a file or option is wrong, or the server cannot be asked.
    """
    options = numbers.options
    numbers.drivers = options["driver"]
    if not options["isolated"] or options["config_path"]:
        from_config(numbers)
    _check_combination(numbers)  # before a minute is spent on measuring
    if options["dsn"]:
        _from_server(numbers)
    if numbers.get("provider") or numbers.get("plan"):
        from_catalogue(numbers)
    return numbers


def _from_server(numbers: GivenNumbers) -> None:
    from poolcheck.live import dsn, measure  # noqa: PLC0415 - psycopg only where a server is asked

    seconds = duration(numbers.get("sample")) if numbers.get("sample") else None
    if seconds is not None and seconds < LEAST_SAMPLE:
        numbers.notes.append(
            f"A sample of {seconds:g} s is short: statistics are written about once a second."
        )
    text = numbers.get("dsn")
    if (server := dsn.named_server(text, numbers.servers)) is not None:
        text = dsn.string_of(server, os.environ)
    seen = measure.measure(text, seconds, _progress)
    if seen.max_connections is not None:  # a pooler is no host for a pgbouncer.ini
        numbers.host, numbers.port = seen.host, seen.port
    for name, value in (("max_connections", seen.max_connections), ("reserved", seen.reserved)):
        if value is not None and name in numbers.sources:
            numbers.options[name] = None  # the config file's
        numbers.offer(name, value, "the server")
    numbers.role_limit, numbers.database_limit = seen.role_limit, seen.database_limit
    numbers.skipped += seen.skipped
    numbers.measured = seen.load
    load = seen.load
    if load and load.hold_ms and numbers.get("tps") is None and numbers.get("hold_ms") is None:
        numbers.offer("tps", load.tps, load.where)
        numbers.offer("hold_ms", load.hold_ms, load.where)
        numbers.offer("cv2", load.cv2, load.cv2_source)


def _progress(text: str) -> None:
    if sys.stderr.isatty():
        click.echo(text, err=True)


def decide(numbers: GivenNumbers) -> Sizing:
    """The sizing that the options ask for.

    Raises:
        BadConfig: a number is missing, wrong, or does not go with another option.
    """
    if numbers.get("max_connections") is None:
        raise BadConfig(
            "how many connections may the server have?",
            "Add --max N (SHOW max_connections tells it), --provider NAME --plan NAME, or --from DSN.",
        )
    asked = _inputs(numbers)
    if numbers.get("share"):
        answer = pool_size.share(asked, services(numbers.get("share"), asked.surge))
    elif numbers.get("pooler"):
        base = pool_size.recommend(asked)
        answer = pool_size.pooler(
            base,
            **{POOLER_OPTIONS[name]: value for name, value in numbers.given(*POOLER_OPTIONS).items()},
        )
    elif numbers.get("runtime") in ("serverless", "edge"):
        answer = pool_size.functions(asked, **numbers.given("limit"))
    else:
        answer = pool_size.recommend(asked)
    answer = replace(answer, sources=tuple(numbers.sources.items()), measured=numbers.measured)
    if answer.pooler:
        from poolcheck.capacity import pgbouncer_lines  # noqa: PLC0415 - only with --pooler

        return replace(
            answer,
            ini=pgbouncer_lines.render(answer, numbers.host or pgbouncer_lines.DEFAULT_HOST, numbers.port),
        )
    return replace(answer, lines=_lines(numbers, answer))


def _check_combination(numbers: GivenNumbers) -> None:
    """Options that need or exclude one another."""
    get = numbers.get
    pooler_only = [name for name in ("pairs", "pooler_processes", "reserve_pool") if get(name) is not None]
    serverless = get("runtime") in ("serverless", "edge")
    if pooler_only and not get("pooler"):
        raise BadConfig(f"--{pooler_only[0].replace('_', '-')} needs --pooler")
    if get("limit") is not None and not (serverless or get("pooler")):
        raise BadConfig(
            "--pool of numbers alone needs --runtime serverless or --pooler",
            "To see what any size does: poolcheck simulate --pool N.",
        )
    if get("share"):
        other = next((name for name in ("tps", "hold_ms", "pooler", "threads") if get(name)), None)
        if other and other not in numbers.sources:
            raise BadConfig(f"--share and --{other.replace('_', '-')} do not go together")
    if get("formula") == "classic" and (get("share") or get("pooler") or serverless):
        raise BadConfig("--formula classic knows neither services nor poolers nor functions")
    if (get("tps") is None) != (get("hold_ms") is None):
        missing = "--hold-ms" if get("hold_ms") is None else "--tps"
        raise BadConfig(f"{missing} is missing: the load is --tps times --hold-ms")
    if get("cpu_ms") is not None and get("cores") is None:
        raise BadConfig("--cpu-ms needs --cores")
    if get("cpu_ms") is not None and get("tps") is None and not get("sample"):
        raise BadConfig("--cpu-ms needs the load: --tps and --hold-ms, or --from DSN --sample 60s")
    if get("sample") and not get("dsn"):
        raise BadConfig("--sample needs a server to measure", "Add --from DSN.")
    if get("instances") is None and not (get("pooler") or get("share")):
        raise BadConfig(
            "how many instances run at once?",
            "Add --instances N: the autoscaler's maximum, not today's count.",
        )


def _inputs(numbers: GivenNumbers) -> Inputs:
    get = numbers.get
    load = machine = None
    if get("tps") is not None and not get("share"):
        load = Load(
            tps=get("tps"),
            hold_ms=get("hold_ms"),
            **numbers.given("cv2", "wait_ms", "percentile"),
        )
    if get("cores") is not None:
        machine = Machine(cores=get("cores"), **numbers.given("cpu_ms", "spindles"))
    named = ("reserved", "others", "buffer", "workers", "surge", "threads", "fanout", "warn_at", "formula")
    return Inputs(
        max_connections=get("max_connections"),
        instances=1 if get("instances") is None else get("instances"),  # a pooler or services have their own
        load=load,
        machine=machine,
        role_limit=numbers.role_limit,
        database_limit=numbers.database_limit,
        **numbers.given(*named),
    )


def services(text: str, surge: str) -> tuple[Share, ...]:
    """`web=8,worker=4x2,cron=1+0@1`: instances, processes in each, surge of its own, the most that is of use.

    Raises:
        BadConfig: another form, a number of zero, or a name twice.
    """
    found: dict[str, Share] = {}
    for part in text.split(","):
        match = SERVICE.fullmatch(part.strip())
        if match is None:
            raise BadConfig(
                f"--share: {part.strip()!r} is not NAME=INSTANCES[xPROCESSES][+SURGE][@MOST]",
                "For example web=8,worker=4x2,cron=1+0@1.",
            )
        instances, workers = int(match["instances"]), int(match["workers"] or 1)
        most = int(match["most"]) if match["most"] else None
        if min(instances, workers, 1 if most is None else most) < 1:
            raise BadConfig(f"--share: {part.strip()!r}: every number must be at least 1")
        if match["name"] in found:
            raise BadConfig(f"--share names {match['name']!r} twice")
        peak = (instances + added_by(instances, match["surge"] or surge)) * workers
        found[match["name"]] = Share(
            service=match["name"], instances=instances, workers=workers, peak=peak, most=most, pool_size=0
        )
    return tuple(found.values())


def _lines(numbers: GivenNumbers, answer: Sizing) -> tuple[Any, ...]:
    """What to write, for the drivers that are named or that the manifests name."""
    if answer.shares or answer.pool_size < 1 or not answer.works:
        return ()
    uses = _drivers(numbers)
    if not uses:
        return driver_lines.common(answer.pool_size)
    from poolcheck import catalogue  # noqa: PLC0415 - only where a driver is named

    return driver_lines.of(uses, answer.pool_size, catalogue)


def _drivers(numbers: GivenNumbers) -> "Sequence[DriverUse]":
    """The drivers that are named, else those that the manifests beside us name."""
    here = not numbers.get("isolated") and any(os.path.isfile(name) for name in MANIFESTS)
    if not numbers.drivers and not here:
        return ()
    from poolcheck.project import assumptions, packages  # noqa: PLC0415 - as above

    if numbers.drivers:
        return assumptions.assumed_drivers(Config(driver=numbers.drivers))
    known = packages.Packages(Config())
    known.around(".env")
    uses = known.of(".env").drivers
    numbers.skipped += known.skipped
    if uses:
        named = ", ".join(f"{use.id} {use.version}".strip() + f" ({use.source})" for use in uses)
        numbers.notes.append(f"Drivers: {named}.")
    return uses


MANIFESTS = (
    "package.json", "pyproject.toml", "requirements.txt", "Pipfile", "Gemfile", "go.mod", "pom.xml", "build.gradle",
    "build.gradle.kts", "mix.exs", "Cargo.toml", "composer.json",
)  # fmt: skip
