"""What sizing asks and what it answers: numbers only. The arithmetic is in poolcheck.sizing."""

from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any, ClassVar, Literal

from poolcheck.config.settings import DEFAULTS as SETTINGS
from poolcheck.config.settings import SERVER_RESERVED
from poolcheck.errors import BadConfig
from poolcheck.record import dataclass

Status = Literal[
    "ok", "tight", "deploy_overflows", "needs_pooler", "over_capacity", "needs_cpu", "too_many_pools"
]
Formula = Literal["poolcheck", "classic"]
ClassicVerdict = Literal[
    "same", "leaves slots unused", "more than needed", "passes the warning line", "would refuse", "not usable"
]

WORKS: tuple[Status, ...] = (
    "ok",
    "tight",
)  # every other status is a fleet that gets refused, or cannot keep up


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """The busiest minute, as measured or expected."""

    tps: float  # transactions per second of the whole fleet, > 0
    hold_ms: float  # milliseconds from taking a connection to giving it back, > 0; not the query's time alone
    cv2: float = 1.0  # squared coefficient of variation of the hold time: 0 constant, 1 exponential
    wait_ms: float | None = None  # bearable wait for a connection; None: max(10 ms, hold time)
    percentile: float = 99.0  # share of transactions that wait no longer than that, > 0 and < 100

    @property
    def erlangs(self) -> float:
        """Connections that are busy on average: Little's law, arrival rate times hold time."""
        return self.tps * self.hold_ms / 1000

    @property
    def target_ms(self) -> float:
        """The bearable wait: as given, else as long as the work itself, and at least 10 ms."""
        return max(10.0, self.hold_ms) if self.wait_ms is None else self.wait_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """The database server's processors."""

    cores: int  # >= 1, without hyper-threads
    cpu_ms: float | None = None  # CPU milliseconds per transaction; None: not known
    spindles: int = 1  # disks that are waited for; 0 when the working set is cached


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What a recommendation is made from. Counts are whole numbers; see `poolcheck.sizing.check` for ranges."""

    max_connections: int
    instances: int  # the most that run at once: the autoscaler's maximum
    reserved: int = SERVER_RESERVED  # slots that an ordinary role never gets
    others: int = 0  # sessions of everything else on this server
    buffer: int = SETTINGS.buffer  # kept free, once, for psql, migrations and monitoring
    workers: int = SETTINGS.workers  # processes in an instance; each has its own pool
    surge: str = SETTINGS.surge  # instances that a deploy adds: a share, rounded up, or a count
    threads: int | None = None  # requests that a process serves at once
    fanout: int = 1  # queries that a request sends in parallel
    warn_at: float = SETTINGS.thresholds.warn_at  # the warning line, as a share of the available slots
    role_limit: int | None = None  # CONNECTION LIMIT of the role
    database_limit: int | None = None  # CONNECTION LIMIT of the database
    load: Load | None = None
    machine: Machine | None = None
    formula: Formula = "poolcheck"


DEFAULTS: Mapping[str, Any] = {
    field_.name: field_.default
    for kind in (Load, Machine, Inputs)
    for field_ in fields(kind)
    if field_.default is not MISSING
}  # for the doors of a sizing: the command, the function and the tool begin with the same numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class Functions:
    """Functions that each hold their own pool, when nothing stands between them and the server."""

    limit: int  # connections per function
    demand: int  # functions x limit
    refused: int  # connections beyond the available slots
    cap: int  # the most functions that fit with the buffer kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """One of several services on a server."""

    service: str
    instances: int
    workers: int
    peak: int  # processes while this service is being deployed
    most: int | None  # a larger pool is of no use to it
    pool_size: int

    @property
    def procs(self) -> int:
        """Processes when nothing is being deployed."""
        return self.instances * self.workers


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolerSizing:
    """A PgBouncer before the server, or several of them."""

    pairs: int  # (database, user) pairs: each has its own pool
    processes: int  # PgBouncer processes, sidecars included; each counts for itself
    reserve_pool: int  # reserve_pool_size
    largest: int  # default_pool_size that still fits
    pool_size: int  # default_pool_size
    worst: int  # server connections when every pool and its reserve is full
    need: int | None  # connections that one pool needs, when the load is known
    clients: int  # max_client_conn, of all processes together
    clients_per_process: int  # of the application: its own pool
    descriptors: int  # file descriptors that one PgBouncer process may need


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizing:
    """The answer. A section of the report."""

    name: ClassVar[str] = "sizing"

    inputs: Inputs
    status: Status
    also: tuple[Status, ...] = ()  # what is wrong besides
    pool_size: int  # connections per process; 0 when not even one fits
    recommended: int  # the same, whatever formula was asked for
    available: int
    usable: int
    instances_peak: int  # while a deploy runs
    procs: int
    procs_peak: int
    max_steady: int
    max_deploy: int
    warn_line: int  # slots: the share `warn_at` of the available ones
    comfort: int
    classic: int
    classic_verdict: ClassicVerdict = "same"
    useful: int | None = None  # a process never uses more than this
    erlangs: float | None = None
    need: int | None = None  # per process
    need_shared: int | None = None  # in one pool for all
    knee: int | None = None  # busy connections that the server can make use of
    functions: Functions | None = None
    shares: tuple[Share, ...] = ()
    pooler: PoolerSizing | None = None
    sources: tuple[
        tuple[str, str], ...
    ] = ()  # where an input comes from: ("max_connections", "Neon 0.25 CU")
    lines: tuple["ConfigLine", ...] = ()  # what to write, for the drivers in use
    ini: str = ""  # a complete pgbouncer.ini
    measured: "Measured | None" = None

    @property
    def works(self) -> bool:
        """Whether the fleet can run so."""
        return self.status in WORKS

    @property
    def total_steady(self) -> int:
        """Connections when every pool is full and nothing is being deployed."""
        if self.functions:
            return self.functions.demand
        if self.shares:
            return sum(share.procs * share.pool_size for share in self.shares)
        return self.procs * self.pool_size

    @property
    def total_deploy(self) -> int:
        """Connections when every pool is full while a deploy runs."""
        if self.functions:
            return self.functions.demand
        if self.shares:
            return sum(share.peak * share.pool_size for share in self.shares)
        return self.procs_peak * self.pool_size


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigLine:
    """Where a driver is told its pool size, and the exact line."""

    title: str  # "Prisma 4 to 6, built-in engine"
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What a sample of a server told."""

    where: str  # "pg_stat_database" or "PgBouncer SHOW STATS"
    seconds: float
    tps: float
    hold_ms: float | None  # None: there were no transactions
    erlangs: float
    idle_share: float | None = None  # of the hold time, spent idle in transaction
    busy_ratio: float | None = None  # of the sessions' time, spent holding a transaction
    cv2: float | None = None
    cv2_source: str = ""
    wait_ms: float | None = None  # PgBouncer: mean wait of a client for a server


def surge(instances: int, text: str) -> int:
    """Instances that a deploy adds before old ones stop: `25%` of them, rounded up, or a count.

    Raises:
        BadConfig: neither a share nor a count.
    """
    digits = text.strip().removesuffix("%")
    if not (digits.isascii() and digits.isdigit()) or len(digits) > 6:
        raise BadConfig(f"--surge is a share or a count, not {text!r}", "For example 25%, 0, 2 or 100%.")
    if text.strip().endswith("%"):
        return -(-instances * int(digits) // 100)
    return int(digits)
