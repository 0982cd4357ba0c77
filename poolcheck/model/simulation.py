"""What a burst is made of, and what came of it: numbers only. The model is in poolcheck.simulation."""

from typing import ClassVar, Literal

from poolcheck.config.settings import DEFAULTS, SERVER_MAX, SERVER_RESERVED
from poolcheck.record import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Slots:
    """The server's slots, as in a sizing."""

    max_connections: int = SERVER_MAX
    reserved: int = SERVER_RESERVED
    others: int = 0
    buffer: int = DEFAULTS.buffer  # only the advice keeps these free; a burst does not
    warn_at: float = (
        DEFAULTS.thresholds.warn_at
    )  # shares of the available slots from which on somebody is warned
    critical_at: float = DEFAULTS.thresholds.critical_at
    of: str = "max_connections"  # what is parted into slots; a pooler's clients where it is one

    @property
    def available(self) -> int:
        """What an ordinary role can have."""
        return self.max_connections - self.reserved - self.others

    @property
    def usable(self) -> int:
        """The same without what is kept for psql, migrations and monitoring."""
        return max(0, self.available - self.buffer)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ramp:
    """Instances that come at a constant pace and each open their whole pool."""

    slots: Slots = Slots()
    first: int  # instances at the start
    last: int  # instances at the end
    seconds: float  # from the one to the other
    limit: int  # connections per instance
    rate: float | None = None  # requests per second, for the consistency line only


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """Requests that come at random, and the instances that a platform starts for them. Times in seconds."""

    slots: Slots = Slots()
    rate_from: float  # requests per second at the start
    rate_to: float  # and from `ramp_seconds` on
    ramp_seconds: float = 0.0
    seconds: float = 60.0  # how long requests come
    hold: float  # mean time a request holds its connection
    cv2: float = 0.0  # squared variation of that; 0: constant
    limit: int = 1  # connections per instance
    eager: bool = False  # open the whole pool with the first request; else one when one is needed
    concurrency: int = 1  # requests that an instance serves at once
    warm: int = 0  # instances that are there at the start, without connections
    cold_start: float = 0.25
    connect: float = 0.005
    refusal: float = 0.002  # measured on loopback: 2.1 ms until a refused client knows
    idle_timeout: float | None = 10.0  # of a pooled connection; None: never
    frozen: bool = False  # the platform suspends idle instances: their idle timers stop
    instance_idle: float = 300.0  # an idle instance is removed after this
    max_instances: int | None = None
    scale_burst: int | None = None  # instances that may start at once ...
    scale_rate: float = 0.0  # ... and how many more per second
    retry: float | None = None  # a refused request tries again after this; None: it fails
    give_up: float = 0.0  # for as long as this since it came
    pooler: int | None = None  # server connections of a transaction-mode pooler in between
    pooler_clients: int | None = None  # its max_client_conn
    deploy_at: float | None = None  # from then on requests go to new instances
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Point:
    """A moment. Counts of refusals and failures are those since the start."""

    t: float
    instances: int
    connections: int
    busy: int
    waiting: int
    refused: int
    failed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Help:
    """The same burst with one thing changed."""

    change: str
    option: str  # how to ask for it
    refused: int
    failed: int  # requests; in a ramp the instances that did not get their pool
    of: int  # all of them
    throttled: int = 0
    first_refusal_seconds: float | None = None
    p99: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulation:
    """What came of it. A section of the report."""

    name: ClassVar[str] = "simulation"

    mode: Literal["ramp", "traffic"]
    inputs: Ramp | Traffic
    preset: str = ""
    first_refusal_seconds: float | None
    first_refusal_instance: int | None
    wanted: int  # connections asked for, refused ones included
    open: int  # most connections at one moment
    refused: int  # connections
    peak_instances: int
    instances_hit: int = 0  # instances that were refused at least one connection
    requests: int | None = None
    failed: int | None = None
    throttled: int | None = None  # turned away by the platform, without any connection
    recovers: float | None = None  # seconds until the last failure; None: there was none, or it goes on
    p50: float | None = None  # seconds that a successful request took
    p99: float | None = None
    warn_seconds: float | None = None  # from `slots.warn_at` to the first refusal
    critical_seconds: float | None = None  # from `slots.critical_at`
    implied_seconds: float | None = None  # Little: instances x concurrency / rate
    connections_per_second: float | None = None
    sources: tuple[
        tuple[str, str], ...
    ] = ()  # where a number comes from that no option gave: ("to", "maxReplicas: 20 (k8s/api.yaml:31)")
    client: str = ""  # whose instances these are
    series: tuple[Point, ...] = ()
    helps: tuple[Help, ...] = ()

    @property
    def slots(self) -> int:
        """The line that connections cannot pass."""
        return self.inputs.slots.available
