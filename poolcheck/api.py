"""What programs call: `lint`, `look` and `size`, with the results that the commands of the same work print.

Nothing is printed, nothing is asked for, and the process is never ended: what stops the work is a `PoolcheckError`.
Passwords stay in `Secret` objects, which show as `***`.

>>> import poolcheck
>>> report = poolcheck.lint("examples/nextjs-prisma6-neon-direct")
>>> [finding.rule.id for finding in report.findings]
['PC101', 'PC203']
>>> poolcheck.size(max_connections=100, instances=10).pool_size
5
"""

import os
from collections.abc import Sequence
from typing import Any, TypedDict, Unpack

from poolcheck.config.file import Settings
from poolcheck.config.settings import Config
from poolcheck.connection.secret import MASK
from poolcheck.errors import BadConfig
from poolcheck.model.report import Report
from poolcheck.model.sizing import DEFAULTS, Inputs, Load, Machine, Sizing

Where = str | os.PathLike[str]


class Given(TypedDict, total=False):
    """Settings of poolcheck.toml; what is given wins over the file. `poolcheck config` shows each with its reason."""

    runtime: str  # auto, serverless, edge, server or local
    driver: Sequence[str]  # ["prisma@6"]; default: the manifests say
    instances: int  # the most that run at once
    workers: int  # processes in an instance
    max_connections: int
    reserved: int  # slots that an ordinary role never gets
    surge: str  # instances that a deploy adds: "25%" or a count
    provider: str
    plan: str
    select: Sequence[str]  # rules: ids, names, or prefixes such as PC2
    ignore: Sequence[str]
    exclude: Sequence[str]  # paths, as in .gitignore
    fail_on: str  # error, warning, info or never: what `report.code` is 1 for


def lint(
    what: Where | Sequence[Where] = (),
    *,
    config: Where | None = None,
    isolated: bool = False,
    **settings: Unpack[Given],
) -> Report:
    """Judge env files, folders and connection strings. Connects to nothing and changes nothing.

    Args:
        what: A path, a connection string, or several; nothing: the current folder.
        config: This config file, instead of the nearest above the path.
        isolated: Read no config file.
        **settings: See `Given`.

    Returns:
        The findings, the five steps, and what could not be looked at (`report.skipped`).

    Raises:
        PoolcheckError: A setting or path is wrong, or there was nothing to check (`NothingToCheck`).
        TypeError: A setting that does not exist.
    """
    from poolcheck.diagnosis import lint as linting  # noqa: PLC0415 - the rules are loaded only by who lints

    names = (what,) if isinstance(what, str | os.PathLike) else what
    return linting.lint(
        tuple(os.fspath(name) for name in names), _settings(settings, config, isolated=isolated)
    )


def look(
    dsn: str | None = None,
    *,
    bouncer: str | None = None,
    admin: str | None = None,
    probe: bool = True,
    sample: float = 0.0,
    show_queries: bool = False,
    connect_timeout: float = 5.0,
    statement_timeout: float = 3.0,
    config: Where | None = None,
    isolated: bool = False,
    **settings: Unpack[Given],
) -> Report:
    """Look once at a server, and at its pooler, disconnect, and judge. Nothing is changed or left behind.

    Args:
        dsn: A connection string, Prisma's and SQLAlchemy's forms too; None: the environment, then env files here.
        bouncer: A PgBouncer console to look at too.
        admin: Look with this one when the first is refused.
        probe: Whether a second client may ask a suspected pooler for its mode.
        sample: Seconds between two looks, which judge growth; 0: one look.
        show_queries: Keep the literals of statements.
        connect_timeout: Seconds, above 0.
        statement_timeout: Seconds, above 0.
        config: This config file, instead of the nearest.
        isolated: Read no config file.
        **settings: See `Given`.

    Returns:
        The findings; `as_dict(report)` has `server`, `slots`, `groups`, `leaks`, `blocking` and `pooler`. A refusal
        because something is full is a finding (`report.code` is 1); a server that cannot be reached for another
        reason is no exception either: `report.code` is 2, and `as_dict(report)["refusal"]` says why.

    Raises:
        PoolcheckError: Wrong input, nothing to look at, not PostgreSQL, or lost while looking.
        TypeError: A setting that does not exist.
    """
    from poolcheck.live import look as looking  # noqa: PLC0415 - brings psycopg
    from poolcheck.live.postgres import Timeouts  # noqa: PLC0415 - as above

    for name, seconds in (("connect_timeout", connect_timeout), ("statement_timeout", statement_timeout)):
        if seconds <= 0:
            raise BadConfig(f"{name} must be above 0 seconds, not {seconds:g}")
    if sample < 0:
        raise BadConfig(f"sample cannot be negative: {sample:g}")
    options = looking.LookOptions(
        dsn=dsn,
        bouncer=bouncer,
        admin=admin,
        probe=probe,
        sample=sample,
        show_queries=show_queries,
        timeouts=Timeouts(connect=connect_timeout, statement=statement_timeout),
    )
    return looking.live(options, _settings(settings, config, isolated=isolated))


def size(
    *,
    max_connections: int,
    instances: int,
    workers: int = DEFAULTS["workers"],
    surge: str = DEFAULTS["surge"],
    reserved: int = DEFAULTS["reserved"],
    others: int = DEFAULTS["others"],
    buffer: int = DEFAULTS["buffer"],
    threads: int | None = None,
    fanout: int = DEFAULTS["fanout"],
    warn_at: float = DEFAULTS["warn_at"],
    tps: float | None = None,
    hold_ms: float | None = None,
    cv2: float = DEFAULTS["cv2"],
    wait_ms: float | None = None,
    percentile: float = DEFAULTS["percentile"],
    cores: int | None = None,
    cpu_ms: float | None = None,
    spindles: int = DEFAULTS["spindles"],
) -> Sizing:
    """Connections that each process may have. Pure arithmetic: no file and no server is read.

    Args:
        max_connections: The server's, 1 to 262,143.
        instances: The most that run at once, at least 1.
        workers: Processes in an instance; each has its own pool.
        surge: Instances that a deploy adds before old ones stop: "25%" or a count.
        reserved: Slots that an ordinary role never gets.
        others: Sessions of everything else on the server.
        buffer: Slots kept free, once, for psql, migrations and monitoring.
        threads: Requests that a process serves at once; None: not known.
        fanout: Queries that a request sends in parallel.
        warn_at: Share of the available slots from which on somebody is warned, above 0 and at most 1.
        tps: Transactions per second of the whole fleet at the peak; goes with `hold_ms`.
        hold_ms: Milliseconds from taking a connection to giving it back.
        cv2: Squared coefficient of variation of the hold time: 0 constant, 1 exponential.
        wait_ms: Bearable wait for a connection; None: the hold time, at least 10.
        percentile: Share of transactions that wait no longer than that.
        cores: Of the database server; None: not known.
        cpu_ms: CPU milliseconds of a transaction there.
        spindles: Disks that are waited for; 0 when all is cached.

    Returns:
        `pool_size`, `status`, `works`, and every number it is computed from.

    Raises:
        PoolcheckError: A number out of its range, or one half of the load without the other.
    """
    from poolcheck.capacity import pool_size  # noqa: PLC0415 - only who sizes needs it

    if (tps is None) != (hold_ms is None):
        raise BadConfig("the load is tps times hold_ms: give both, or none")
    if cpu_ms is not None and cores is None:
        raise BadConfig("cpu_ms needs cores")
    load = machine = None
    if tps is not None and hold_ms is not None:
        load = Load(tps=tps, hold_ms=hold_ms, cv2=cv2, wait_ms=wait_ms, percentile=percentile)
    if cores is not None:
        machine = Machine(cores=cores, cpu_ms=cpu_ms, spindles=spindles)
    asked = Inputs(
        max_connections=max_connections, instances=instances, workers=workers, surge=surge, reserved=reserved,
        others=others, buffer=buffer, threads=threads, fanout=fanout, warn_at=warn_at, load=load, machine=machine,
    )  # fmt: skip
    return pool_size.recommend(asked)


def as_dict(report: Report) -> dict[str, Any]:
    """The report as the JSON of `--format json`, version 1: fields are added, never renamed; secrets are masked."""
    from poolcheck.output import json  # noqa: PLC0415 - only who stores or sends it

    return json.record(report)


def _settings(given: Given, config: Where | None, *, isolated: bool) -> Settings:
    """The settings over the config file, as the command line lays its options over it."""
    unknown = sorted(set(given) - set(Config.__dataclass_fields__.keys() & Given.__annotations__.keys()))
    if unknown:
        raise TypeError(
            f"no such setting: {', '.join(name if name.isidentifier() else MASK for name in unknown)}; there are {', '.join(Given.__annotations__)}"
        )
    lists = ("driver", "select", "ignore", "exclude")
    values: dict[str, Any] = dict(given)
    for name in lists:
        if isinstance(values.get(name), str):
            raise TypeError(f"{name} takes a list of strings, not one string")
        if name in values:
            values[name] = tuple(values[name])
    return Settings(values, None if config is None else os.fspath(config), isolated)
