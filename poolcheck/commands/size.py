"""`poolcheck size`: how many connections each process, each service and each pooler may have, with the sums."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import click

from poolcheck import sizing
from poolcheck.commands._shared import Output, emit, output_options
from poolcheck.core.report import Report, Skipped
from poolcheck.core.sizing import Inputs, Load, Machine, Measured, Share, Sizing
from poolcheck.errors import BadConfig, ExitCode

SERVICE = re.compile(
    r"(?P<name>[\w.-]+)=(?P<instances>\d{1,6})(?:x(?P<workers>\d{1,4}))?"
    r"(?:\+(?P<surge>\d{1,6}%?))?(?:@(?P<most>\d{1,6}))?"
)
LEAST_SAMPLE = 10.0  # seconds; PostgreSQL writes its statistics about once a second


@dataclass(slots=True)
class Numbers:
    """What the options, the config file, the catalogue and a live server say; options first."""

    options: dict[str, Any]
    sources: dict[str, str] = field(default_factory=dict)
    skipped: list[Skipped] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    measured: Measured | None = None
    host: str = ""
    port: int = 5432
    drivers: tuple[str, ...] = ()
    role_limit: int | None = None
    database_limit: int | None = None

    def get(self, name: str) -> Any:
        """An option; None when nobody gave it."""
        return self.options.get(name)

    def offer(self, name: str, value: Any, source: str) -> None:
        """Take a value where no option, and no earlier source, gave one."""
        if value is not None and self.options.get(name) is None:
            self.options[name] = value
            self.sources[name] = source


def _number(*names: str, **attributes: Any) -> Callable[[Any], Any]:
    return click.option(*names, **{"type": int, "metavar": "N", **attributes})


OPTIONS = (
    _number("--max", "max_connections", help="The server's max_connections."),
    _number("--instances", help="Most instances at once: the autoscaler's maximum."),
    _number("--workers", help="Processes in an instance; each has its own pool. [default: 1]"),
    click.option("--surge", metavar="N|N%", help="Instances a deploy adds before old ones stop. [default: 25%]"),
    _number("--reserved", help="Slots an ordinary role never gets. [default: 3, or the provider's]"),
    _number("--others", help="Sessions of everything else on this server. [default: 0]"),
    _number("--buffer", help="Slots kept free for psql, migrations, monitoring. [default: 5]"),
    click.option("--warn-at", type=float, metavar="SHARE", help="Warning line, of the available slots. [default: 0.70]"),
    _number("--threads", help="Requests that a process serves at once."),
    _number("--fanout", help="Queries that a request sends in parallel. [default: 1]"),
    click.option("--tps", type=float, metavar="N", help="Transactions per second of the whole fleet, at the peak."),
    click.option("--hold-ms", type=float, metavar="MS", help="From taking a connection to giving it back."),
    click.option("--cv2", type=float, metavar="N", help="Squared variation of that: 0 constant, 1 exponential, 4 heavy tail. [default: 1]"),
    click.option("--wait-ms", type=float, metavar="MS", help="Bearable wait for a connection. [default: the hold time, at least 10]"),
    click.option("--percentile", type=float, default=99.0, show_default=True, metavar="P", help="Share that waits no longer than that."),
    _number("--cores", help="Cores of the database server, without hyper-threads."),
    click.option("--cpu-ms", type=float, metavar="MS", help="CPU time of a transaction on the database server."),
    _number("--spindles", help="Disks that are waited for; 0 when all is cached. [default: 1]"),
    click.option("--pooler", is_flag=True, help="Size a PgBouncer in transaction mode, and write its pgbouncer.ini."),
    _number("--pairs", help="With --pooler: (database, user) pairs; each has its own pool. [default: 1]"),
    _number("--pooler-processes", help="With --pooler: PgBouncer processes, sidecars included. [default: 1]"),
    _number("--reserve-pool", help="With --pooler: reserve_pool_size. [default: 0]"),
    click.option("--runtime", type=click.Choice(["auto", "serverless", "edge", "server", "local"]), help="serverless: --instances are functions that connect directly."),
    _number("--limit", help="Connections of a function (default 1), or with --pooler of a process (default 10)."),
    click.option("--share", metavar="NAME=N[xP][+SURGE][@MOST],...", help="Several services on one server: instances, processes each, surge, most of use."),
    click.option("--provider", metavar="NAME", help="With --plan: limits from the catalogue."),
    click.option("--plan", metavar="NAME", help="Plan or compute size: 0.25cu, micro, b1ms."),
    click.option("--driver", multiple=True, metavar="NAME[@VERSION]", help="Driver in use. [default: the manifests say]"),
    click.option("--formula", type=click.Choice(["poolcheck", "classic"]), default="poolcheck", help="classic: floor(max / instances) - buffer as the headline."),
    click.option("--from", "dsn", metavar="DSN", help="Read the limits from a server; with --sample the load too."),
    click.option("--sample", metavar="TIME", help="With --from: measure for this long, such as 60s."),
    click.option("--config", "config_path", type=click.Path(exists=True, dir_okay=False), help="This config file instead of the nearest."),
    click.option("--isolated", is_flag=True, help="Read no config file and no manifest."),
)  # fmt: skip


def size_options(function: Any) -> Any:
    """All options of a sizing, in the order of the help."""
    for option in reversed(OPTIONS):
        function = option(function)
    return function


@click.command("size", short_help="Say how many connections each process and pooler may have, with the sums.")
@size_options
@output_options
def command(out: Output, **options: Any) -> int:
    r"""Pool sizes that fit, are enough, and are of use.

    What fits: the slots that an ordinary role gets, divided by all processes that run while a deploy overlaps. What is
    enough: a queueing model of --tps and --hold-ms. What is of use: --cores. Exit code 1 when it cannot work.

    \b
    Examples:
      poolcheck size --max 100 --instances 10
      poolcheck size --max 100 --instances 10 --tps 200 --hold-ms 20 --cores 4
      poolcheck size --provider neon --plan 0.25cu --instances 4 --workers 2
      poolcheck size --max 100 --instances 200 --runtime serverless --limit 3
      poolcheck size --max 100 --share web=8,worker=4x2,cron=1@1
      poolcheck size --max 100 --instances 10 --pooler --pairs 2 --format ini
      poolcheck size --from "$DATABASE_URL" --sample 60s --instances 10
    """
    numbers = gather(options)
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


def gather(options: dict[str, Any]) -> Numbers:
    """Options over a live server over the config file over the catalogue.

    Raises:
        PoolcheckError: a file or option is wrong, or the server cannot be asked.
    """
    numbers = Numbers(options)
    numbers.drivers = options["driver"]
    if options["dsn"]:
        _from_server(numbers)
    elif options["sample"]:
        raise BadConfig("--sample needs a server to measure", "Add --from DSN.")
    if not options["isolated"] or options["config_path"]:
        _from_config(numbers)
    if numbers.get("provider") or numbers.get("plan"):
        _from_catalogue(numbers)
    return numbers


def _from_config(numbers: Numbers) -> None:
    given = numbers.get("config_path")
    if not given and not _config_near():
        return
    from poolcheck import config as configuration  # noqa: PLC0415 - only where there is a file

    path = Path(given) if given else configuration.find(Path())
    if path is None:
        return
    config = configuration.load(path)
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
            numbers.offer(name, value, path.name)
    if config.thresholds.warn_at != plain.thresholds.warn_at:
        numbers.offer("warn_at", config.thresholds.warn_at, path.name)
    numbers.drivers = numbers.drivers or config.driver


def _config_near() -> bool:
    """Whether a file that could be a config is here or above: a cheap look before anything is imported."""
    here = Path.cwd()
    return any(
        (each / name).is_file()
        for each in (here, *here.parents)
        for name in ("poolcheck.toml", "pyproject.toml")
    )


def _from_catalogue(numbers: Numbers) -> None:
    from poolcheck import catalogue  # noqa: PLC0415 - only where a plan is named

    name, plan = numbers.get("provider"), numbers.get("plan")
    if not name:
        raise BadConfig("--plan needs --provider", "For example --provider neon --plan 0.25cu.")
    provider = catalogue.provider(name)
    if provider is None:
        ids = ", ".join(each.id for each in catalogue.providers())
        raise BadConfig(f"no provider is named {name!r}", f"Known: {ids}.")
    if plan:
        limit = catalogue.limit(provider.id, plan)
        plans = ", ".join(each.plan for each in provider.limits)
        if limit is None:
            raise BadConfig(
                f"{provider.title} has no plan {plan!r}", f"Known: {plans}." if plans else "Give --max."
            )
        source = f"{provider.title} {limit.title or limit.plan}"
        if limit.max_connections is None and numbers.get("max_connections") is None:
            raise BadConfig(f"the catalogue does not know max_connections of {source}", "Give --max.")
        numbers.offer("max_connections", limit.max_connections, source)
        numbers.offer("reserved", limit.reserved, source)
        numbers.notes.append(f"{source}: {limit.source} (checked {limit.checked}).")
    elif numbers.get("max_connections") is None and provider.limits:
        raise BadConfig(
            f"{provider.title} has several sizes",
            f"Add --plan, one of {', '.join(each.plan for each in provider.limits)}.",
        )
    numbers.offer("reserved", provider.default_reserved, provider.title)


def _from_server(numbers: Numbers) -> None:
    from poolcheck.live import measure  # noqa: PLC0415 - psycopg only where a server is asked

    seconds = duration(numbers.get("sample")) if numbers.get("sample") else None
    if seconds is not None and seconds < LEAST_SAMPLE:
        numbers.notes.append(
            f"A sample of {seconds:g} s is short: statistics are written about once a second."
        )
    seen = measure.measure(numbers.get("dsn"), seconds, _progress)
    numbers.host, numbers.port = seen.host, seen.port
    numbers.offer("max_connections", seen.max_connections, "the server")
    numbers.offer("reserved", seen.reserved, "the server")
    numbers.role_limit, numbers.database_limit = seen.role_limit, seen.database_limit
    numbers.skipped += seen.skipped
    numbers.measured = seen.load
    if seen.load and seen.load.hold_ms:
        numbers.offer("tps", seen.load.tps, seen.load.where)
        numbers.offer("hold_ms", seen.load.hold_ms, seen.load.where)
        numbers.offer("cv2", seen.load.cv2, seen.load.cv2_source)


def _progress(text: str) -> None:
    stream = click.get_text_stream("stderr")
    if stream.isatty():
        click.echo(text, err=True)


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


def decide(numbers: Numbers) -> Sizing:
    """The sizing that the options ask for.

    Raises:
        BadConfig: a number is missing, wrong, or does not go with another option.
    """
    _check_combination(numbers)
    asked = _inputs(numbers)
    if numbers.get("share"):
        answer = sizing.share(asked, services(numbers.get("share"), asked.surge))
    elif numbers.get("pooler"):
        base = sizing.recommend(asked)
        answer = sizing.pooler(
            base,
            pairs=_or(numbers.get("pairs"), 1),
            processes=_or(numbers.get("pooler_processes"), 1),
            reserve_pool=_or(numbers.get("reserve_pool"), 0),
            client_pool=_or(numbers.get("limit"), sizing.CLIENT_POOL),
        )
    elif numbers.get("runtime") in ("serverless", "edge"):
        answer = sizing.functions(asked, _or(numbers.get("limit"), 1))
    else:
        answer = sizing.recommend(asked)
    answer = replace(answer, sources=tuple(numbers.sources.items()), measured=numbers.measured)
    if answer.pooler:
        from poolcheck import pgbouncer_ini  # noqa: PLC0415 - only with --pooler

        return replace(
            answer, ini=pgbouncer_ini.render(answer, numbers.host or pgbouncer_ini.DEFAULT_HOST, numbers.port)
        )
    return replace(answer, lines=_lines(numbers, answer))


def _or(value: int | None, default: int) -> int:
    return default if value is None else value


def _check_combination(numbers: Numbers) -> None:
    """Options that need or exclude one another."""
    get = numbers.get
    pooler_only = [name for name in ("pairs", "pooler_processes", "reserve_pool") if get(name) is not None]
    serverless = get("runtime") in ("serverless", "edge")
    if pooler_only and not get("pooler"):
        raise BadConfig(f"--{pooler_only[0].replace('_', '-')} needs --pooler")
    if get("limit") is not None and not (serverless or get("pooler")):
        raise BadConfig(
            "--limit needs --runtime serverless or --pooler",
            "To see what any size does: poolcheck simulate --limit N.",
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
    if get("max_connections") is None:
        raise BadConfig(
            "how many connections may the server have?",
            "Add --max N (SHOW max_connections tells it), --provider NAME --plan NAME, or --from DSN.",
        )
    if get("instances") is None and not (get("pooler") or get("share")):
        raise BadConfig(
            "how many instances run at once?",
            "Add --instances N: the autoscaler's maximum, not today's count.",
        )


def _inputs(numbers: Numbers) -> Inputs:
    get = numbers.get
    load = machine = None
    if get("tps") is not None and not get("share"):
        load = Load(
            tps=get("tps"),
            hold_ms=get("hold_ms"),
            cv2=1.0 if get("cv2") is None else get("cv2"),
            wait_ms=get("wait_ms"),
            percentile=get("percentile"),
        )
    if get("cores") is not None:
        machine = Machine(cores=get("cores"), cpu_ms=get("cpu_ms"), spindles=_or(get("spindles"), 1))
    plain = Inputs(max_connections=get("max_connections"), instances=_or(get("instances"), 1))
    named = ("reserved", "others", "buffer", "workers", "surge", "threads", "fanout", "warn_at", "formula")
    given = {name: get(name) for name in named if get(name) is not None}
    return replace(
        plain, **given, load=load, machine=machine,
        role_limit=numbers.role_limit, database_limit=numbers.database_limit,
    )  # fmt: skip


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
        peak = (instances + sizing.surge(instances, match["surge"] or surge)) * workers
        found[match["name"]] = Share(
            service=match["name"], instances=instances, workers=workers, peak=peak, most=most, pool_size=0
        )
    return tuple(found.values())


def _lines(numbers: Numbers, answer: Sizing) -> tuple[Any, ...]:
    """What to write, for the drivers that are named or that the manifests name."""
    if answer.shares or answer.pool_size < 1 or not answer.works:
        return ()
    from poolcheck import driver_lines  # noqa: PLC0415 - only where there is a size to write

    if numbers.drivers:
        from poolcheck.config import Config  # noqa: PLC0415 - only where a driver is named
        from poolcheck.discover import assumed_drivers  # noqa: PLC0415 - as above

        return driver_lines.of(assumed_drivers(Config(driver=numbers.drivers)), answer.pool_size)
    if not numbers.get("isolated") and any(Path(name).is_file() for name in MANIFESTS):
        from poolcheck.config import Config  # noqa: PLC0415 - only where there is a manifest
        from poolcheck.packages import Packages  # noqa: PLC0415 - as above

        packages = Packages(Config(), numbers.skipped)
        packages.around(Path(".env"))
        uses = packages.of(".env").drivers
        if uses:
            named = ", ".join(f"{use.id} {use.version}".strip() + f" ({use.source})" for use in uses)
            numbers.notes.append(f"Drivers: {named}.")
            return driver_lines.of(uses, answer.pool_size)
    return driver_lines.common(answer.pool_size)


MANIFESTS = (
    "package.json", "pyproject.toml", "requirements.txt", "Pipfile", "Gemfile", "go.mod", "pom.xml", "build.gradle",
    "build.gradle.kts", "mix.exs", "Cargo.toml", "composer.json",
)  # fmt: skip
