"""What is known of the project: packages, drivers, runtime, and which variable is read for what."""

from collections.abc import Iterable
from typing import Literal

from poolcheck.model.problem import Location
from poolcheck.record import dataclass

RuntimeKind = Literal["serverless", "edge", "server", "local", "unknown"]
Role = Literal["app", "migration", "shadow", "other"]


@dataclass(frozen=True, slots=True)
class Version:
    """A version as a manifest or lock file gives it.

    `text` is what was written ("^6.2.0", "6.19.3"); `parts` the lowest release it admits, () when unknown;
    `exact` when a lock file or an `==` pins it. `major` of "^6.2" is 6: a range over two majors has `parts` ().
    """

    text: str
    parts: tuple[int, ...] = ()
    exact: bool = False

    @property
    def major(self) -> int | None:
        """The major version, or None when the range does not tell."""
        return self.parts[0] if self.parts else None

    def __str__(self) -> str:
        return self.text


UNKNOWN_VERSION = Version("")


@dataclass(frozen=True, slots=True)
class DriverUse:
    """One driver or ORM that a package uses. `id` is the stem of drivers/<id>.toml."""

    id: str
    version: Version = UNKNOWN_VERSION
    source: str = ""  # the file that says so, or "--driver"
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Runtime:
    """Where the code runs, and which file says so."""

    kind: RuntimeKind = "unknown"
    source: str = ""  # "vercel.json", "--runtime", ...
    platform: str = ""  # "vercel", "aws-lambda", "kubernetes", ... "" when unknown
    # whether Workers are given Cloudflare's pool; None: not known, or no Workers
    hyperdrive: bool | None = None

    @property
    def short_lived(self) -> bool:
        """True where instances come and go with traffic. Unknown is treated so, and said so."""
        return self.kind in ("serverless", "edge", "unknown")


@dataclass(frozen=True, slots=True)
class VariableRead:
    """A tool reads this environment variable as a connection string, for this role."""

    variable: str
    role: Role
    tool: str  # the driver id that reads it: "prisma", "drizzle", ...
    location: Location


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """A folder with a manifest (or the project's root): the unit that shares drivers and a runtime."""

    path: str = "."  # relative to where poolcheck was started
    title: str = ""  # the name that its manifest gives it
    manifests: tuple[str, ...] = ()
    drivers: tuple[DriverUse, ...] = ()
    runtime: Runtime = Runtime()
    reads: tuple[VariableRead, ...] = ()
    dependencies: frozenset[str] = (
        frozenset()
    )  # names as the manifests spell them, all ecosystems: "npm:next"
    loaders: frozenset[str] = frozenset()  # env-file dialects in use: see readers.dotenv.DIALECTS
    # texts of interest found in the package's source ("prepare: false"); None: the source was not looked at
    mentions: frozenset[str] | None = None

    def mentions_any(self, texts: Iterable[str]) -> bool:
        """Whether the source was looked at and mentions one of these texts: of SWITCHES, WAITS, BOUNDS or CARRIES."""
        return self.mentions is not None and not self.mentions.isdisjoint(texts)

    def driver(self, driver_id: str) -> DriverUse | None:
        """The use of that driver, or None."""
        return next((use for use in self.drivers if use.id == driver_id), None)


# What in the code switches named statements off, by driver: literal texts that discovery looks for.
SWITCHES = (
    "prepare: false", "prepare:false", "statement_cache_size", "prepare_threshold", "preparedStatements: false",
    "prepared_statements: false", "default_query_exec_mode", "prepareThreshold", "ATTR_EMULATE_PREPARES",
    "prepare: :unnamed", "statement-cache-capacity", "statement_cache_capacity", "QueryExecModeExec",
    "QueryExecModeSimpleProtocol", "CacheSize::Disabled", "persistent(false)",
)  # fmt: skip


# What in the code bounds the wait, in drivers that wait for ever unless told: literal texts that discovery looks for.
WAITS = ("connectionTimeoutMillis", "connectTimeoutMS", "acquire(timeout")

# What in the code bounds a pool that has no limit of its own, wherever it stands: literal texts too.
BOUNDS = ("SetMaxOpenConns",)

# What hands a transaction to every query made inside it: https://sequelize.org/docs/v6/other-topics/transactions/#automatically-pass-transactions-to-all-queries
CARRIES = ("useCLS",)
