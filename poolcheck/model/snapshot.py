"""What one look at a server or a pooler saw: frozen, complete, free of sockets. Rules judge it afterwards."""

from dataclasses import replace
from typing import Literal

from poolcheck.model.context import Numbers
from poolcheck.model.facts import PoolMode
from poolcheck.model.report import Action, Skipped
from poolcheck.record import dataclass

RouteKind = Literal["direct", "proxy", "pooler", "unknown"]
MEASURED = "the server"  # where a number comes from that the server itself told
PRISMA_MIGRATE_LOCK = "72707369"  # the key of Prisma Migrate's advisory lock, Prisma 4 to 7


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveServer:
    """What the server is and allows. Limits are None where there is none."""

    version: str = ""  # "18.6"
    version_num: int = 0  # 180006
    banner: str = ""  # version(), first words
    max_connections: int = 0
    superuser_reserved: int = 0
    reserved: int = 0  # reserved_connections, 16 and newer
    provider_reserved: int = 0  # kept back by Amazon RDS, under names of its own
    role_limit: int | None = None
    database_limit: int | None = None
    database: str = ""
    user: str = ""
    session_user: str = ""  # who logged in; another than `user` after SET ROLE
    in_recovery: bool = False
    sees_all: bool = True  # pg_read_all_stats, or superuser
    max_wal_senders: int = 0
    tcp_keepalives_idle: str = ""
    synchronous_standby_names: str = ""
    read_only_source: str = (
        ""  # where default_transaction_read_only = on comes from, as pg_settings.source says it
    )

    @property
    def major(self) -> int:
        """18 of 18.6; 0 when unknown."""
        return self.version_num // 10000

    @property
    def kept(self) -> int:
        """Slots that an ordinary role never gets."""
        return self.superuser_reserved + self.reserved + self.provider_reserved

    @property
    def usable(self) -> int:
        """Slots that an ordinary role can have."""
        return max(0, self.max_connections - self.kept)

    def over(self, numbers: Numbers) -> Numbers:
        """The numbers with the server's own limits in place of those assumed or read."""
        return replace(
            numbers,
            max_connections=self.max_connections,
            reserved=self.kept,
            sources={**numbers.sources, "max_connections": MEASURED, "reserved": MEASURED},
        )

    @property
    def tighter(self) -> int | None:
        """The role's or the database's CONNECTION LIMIT, the smaller one; None when neither has one."""
        return min(
            (each for each in (self.role_limit, self.database_limit) if each is not None), default=None
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """One session. What the server hides from this role is "" or None; ages are seconds on the server's clock."""

    pid: int
    backend_start: str = ""  # ISO 8601, UTC, microseconds: with the pid it names the session
    state_change: str = ""
    database: str = ""
    user: str = ""
    application_name: str = ""
    client: str = ""  # address; "" for a local socket, or hidden
    client_port: int | None = None
    kind: str = ""  # backend_type; "" hidden
    state: str = ""  # "" hidden
    wait_type: str = ""
    wait_event: str = ""
    xact_age: float | None = None
    state_age: float | None = None
    used_for: float | None = None  # from the session's start to its last statement
    superuser: bool = False
    leader: int | None = None
    query: str = ""  # as the server has it: only for --show-queries
    statement: str = ""  # without literals
    released: bool = False  # the last statement is one that pools run when a connection is given back
    own: bool = False  # this look's own session
    client_gone: bool = False  # its client's socket does not exist any more

    @property
    def hidden(self) -> bool:
        """Whether this role may not see what the session does."""
        return not self.kind

    @property
    def idle_in_transaction(self) -> bool:
        """Idle in a transaction, failed or not."""
        return self.state.startswith("idle in transaction")

    @property
    def group(self) -> tuple[str, str, str]:
        """Application, user and database: one pool, or several of the same service."""
        return (self.application_name, self.user, self.database)

    @property
    def identity(self) -> tuple[int, str]:
        """Survives the reuse of pids."""
        return (self.pid, self.backend_start)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A prepared transaction: it holds its locks without a session, until somebody finishes it by its gid."""

    gid: str
    database: str
    age: float  # seconds since PREPARE TRANSACTION


@dataclass(frozen=True, slots=True)
class Lock:
    """What sessions wait for, and who has it."""

    kind: str  # as pg_locks.locktype has it: relation, tuple, transactionid, advisory, ...
    relation: str = ""  # with its schema; "" when it is no lock on a relation
    holders: tuple[tuple[int, str], ...] = ()  # pid (0: a prepared transaction) and mode
    prepared: tuple[Prepared, ...] = ()  # those of the holders without a session


@dataclass(frozen=True, slots=True)
class Wait:
    """A session waits for others. Pid 0 stands for a prepared transaction."""

    pid: int
    blockers: tuple[int, ...]
    mode: str = ""  # as pg_locks.mode has it
    lock: Lock | None = None


@dataclass(frozen=True, slots=True)
class AdvisoryLock:
    """An advisory lock, held or waited for."""

    pid: int
    key: str
    granted: bool


@dataclass(frozen=True, slots=True)
class Cap:
    """A connection limit of a role or a database."""

    kind: Literal["role", "database"]
    name: str
    limit: int
    used: int


@dataclass(frozen=True, slots=True)
class Counters:
    """How sessions ended since `since`, all databases; 14 and newer. Refused connections are in none of them."""

    sessions: int
    abandoned: int  # the client vanished without goodbye
    fatal: int
    killed: int
    since: str = ""


@dataclass(frozen=True, slots=True)
class Standby:
    """A connection that gets the server's log."""

    name: str  # application_name: what synchronous_standby_names means
    state: str  # streaming, catchup, ...; "" hidden from this role
    sync: str  # sync, quorum, potential, async; "" hidden


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveRoute:
    """How the connection came to the server, and what says so."""

    kind: RouteKind = "unknown"
    mode: PoolMode | None = None
    software: str = ""  # "pgpool-II" when it says so itself, or the catalogue's name for the host
    how: tuple[str, ...] = ()  # the evidence, in sentences
    left_behind: tuple[tuple[str, str], ...] = ()  # settings that somebody else left on the pooled session
    looked_at: int = 1  # different server sessions that were seen through the pooler
    waited: float = 0.0  # seconds that the slowest statement of the look waited for a server connection

    @property
    def pooled(self) -> bool:
        """Whether the connection goes through a pooler."""
        return self.kind == "pooler"


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """One look at a PostgreSQL server."""

    taken: str = ""  # ISO 8601, UTC, the server's clock
    epoch: float = 0.0  # the same in seconds
    server: LiveServer = LiveServer()
    backends: tuple[
        Backend, ...
    ] = ()  # client backends, walsenders and parallel workers; hidden ones: see `slots`
    waits: tuple[Wait, ...] = ()
    advisory: tuple[AdvisoryLock, ...] = ()
    caps: tuple[Cap, ...] = ()
    counters: Counters | None = None
    standbys: tuple[Standby, ...] = ()
    processes: tuple[tuple[str, int], ...] = ()  # background processes by kind
    background: tuple[Backend, ...] = ()  # those of them that have a part in somebody's waiting
    route: LiveRoute = LiveRoute()
    skipped: tuple[Skipped, ...] = ()

    @property
    def clients(self) -> tuple[Backend, ...]:
        """The sessions that hold a slot, this look's own left out.

        Of other roles' sessions an unprivileged role cannot tell parallel workers apart: then this is at most.
        Through a pooler the session belongs to the pooler and outlives the look, so it counts.
        """
        return tuple(
            backend
            for backend in self.backends
            if backend.kind in ("client backend", "") and (not backend.own or self.route.pooled)
        )

    @property
    def used(self) -> int:
        """Slots in use."""
        return len(self.clients)

    @property
    def free(self) -> int:
        """Slots that an ordinary role can still get."""
        return max(0, self.server.usable - self.used)

    @property
    def ratio(self) -> float:
        """Used of usable; 0 when nothing is known."""
        return self.used / self.server.usable if self.server.usable else 0.0

    @property
    def hidden(self) -> int:
        """Sessions whose state this role may not see."""
        return sum(client.hidden for client in self.clients)

    @property
    def walsenders(self) -> int:
        """Replication connections: they have slots of their own."""
        return sum(backend.kind == "walsender" for backend in self.backends)

    def by_state(self) -> dict[str, int]:
        """Sessions by state, most first; hidden ones are not in it."""
        counts: dict[str, int] = {}
        for client in self.clients:
            if client.state:
                counts[client.state] = counts.get(client.state, 0) + 1
        return dict(sorted(counts.items(), key=lambda item: -item[1]))


LeakKind = Literal["idle in transaction", "forgotten release", "abandoned", "client gone"]
Verb = Literal[
    "terminate", "cancel", "finish"
]  # what frees what the session holds; finish: a prepared transaction
# What is acted upon: the root of the tree; a request in the middle, that everybody else queues behind; all runs of one
# statement that overlap; on a standby whoever replay waits for; nothing, because the holder must be let finish.
BlockKind = Literal["root", "middle", "runs", "replay", "let"]
Certainty = Literal["certain", "probable", "possible"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Leak:
    """One verdict about a group of sessions: what was seen, how sure, what else it could be, how to make sure."""

    kind: LeakKind
    certainty: Certainty
    group: tuple[str, str, str]  # application, user, database
    members: tuple[Backend, ...]
    evidence: tuple[str, ...]
    otherwise: str = ""  # the innocent explanation
    confirm: str = ""  # the test that tells
    driver: str = ""  # guessed driver or tool
    growing: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A session that others wait for and that waits for nobody, and everything behind it."""

    root: int  # pid; 0: a prepared transaction
    backend: Backend | None  # None when it is already gone; a background process is one, too
    waiters: tuple[int, ...]
    slots: int  # the chain costs so many
    verb: Verb
    targets: tuple[int, ...] = ()  # pids that the verb is for: the root, or who waits in the middle
    frees: int = 0  # waiters that go on when it is done
    kind: BlockKind = "root"
    lock: str = ""  # the kind of lock: relation, transactionid, advisory, ...
    relation: str = ""  # what the targets, or the waiters behind the root, wait for; "" no relation
    held: str = ""  # the root's mode there, in words of SQL
    wanted: str = ""  # the mode that is waited for
    prepared: tuple[Prepared, ...] = ()  # the transactions behind root 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LivePool:
    """One pool of PgBouncer: a database and a user."""

    database: str
    user: str
    mode: str
    clients_active: int
    clients_waiting: int
    servers_active: int
    servers_idle: int  # sv_idle and sv_used: free capacity
    servers_login: int
    servers_tested: int
    max_wait_seconds: float
    pool_size: int | None
    login_wait_seconds: float = (
        0.0  # of the first client that waits to be logged in: max_wait_seconds leaves those out
    )
    login_seconds: float = 0.0  # how long the pooler's own login to the server has been going on
    waiting: tuple[str, ...] = ()  # application_name of each client that waits, as far as they were asked for
    holding: tuple[
        tuple[str, int], ...
    ] = ()  # application_name of each client with a server session, and its pid

    @property
    def servers(self) -> int:
        """Server connections, those that log in included: what limits count."""
        return self.servers_active + self.servers_idle + self.servers_tested + self.servers_login

    @property
    def longest_wait(self) -> float:
        """Seconds that the first client has waited, at its login or after it."""
        return max(self.max_wait_seconds, self.login_wait_seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsoleDatabase:
    """One entry of SHOW DATABASES."""

    name: str
    host: str
    port: str
    database: str
    pool_size: int
    reserve: int
    max_connections: int
    current_connections: int
    paused: bool
    disabled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class BouncerSnapshot:
    """One look at a PgBouncer console."""

    software: str = "pgbouncer"
    version: str = ""
    pools: tuple[LivePool, ...] = ()
    databases: tuple[ConsoleDatabase, ...] = ()
    settings: tuple[tuple[str, str], ...] = ()
    clients_used: int | None = None  # with those that log in
    server_pids: frozenset[int] = frozenset()  # PostgreSQL's pids of the pooler's own sessions
    skipped: tuple[Skipped, ...] = ()

    def setting(self, name: str) -> str:
        """A setting's value, "" when this version does not have it."""
        return dict(self.settings).get(name, "")

    @property
    def one_of_several(self) -> str:
        """The setting that says other processes share this address, "" when none does: they are not in these numbers."""
        if self.setting("so_reuseport") in ("1", "on", "yes"):
            return "so_reuseport"
        return "peer_id" if self.number("peer_id") else ""

    def spent(self, pool: LivePool) -> tuple[str, int, tuple[LivePool, ...]] | None:
        """The limit across pools that keeps this one from another server connection, and who has taken it."""
        entry = next((each for each in self.databases if each.name == pool.database), None)
        of_database = tuple(each for each in self.pools if each.database == pool.database and each.servers)
        if entry and 0 < entry.max_connections <= max(
            entry.current_connections, sum(each.servers for each in of_database)
        ):
            return "max_db_connections", entry.max_connections, of_database
        of_user = tuple(each for each in self.pools if each.user == pool.user and each.servers)
        limit = self.number("max_user_connections") or 0
        if 0 < limit <= sum(each.servers for each in of_user):
            return "max_user_connections", limit, of_user
        return None

    def number(self, name: str) -> int | None:
        """A setting's value as a number; None when this version does not have it."""
        value = self.setting(name)
        return int(value) if value.lstrip("-").isdigit() else None

    @property
    def server_connections(self) -> int:
        """Server connections that the pools seen now may open together, with their reserve, within the caps."""
        by_database: dict[str, int] = {}
        known = {database.name: database for database in self.databases}
        for pool in self.pools:
            entry = known.get(pool.database)
            size = (pool.pool_size or 0) + (entry.reserve if entry else 0)
            by_database[pool.database] = by_database.get(pool.database, 0) + size
        total = 0
        for name, size in by_database.items():
            entry = known.get(name)
            total += min(size, entry.max_connections) if entry and entry.max_connections else size
        return total


@dataclass(frozen=True, slots=True)
class HostAnswer:
    """What one host of several said instead of letting us in."""

    where: str  # host and port
    text: str  # its own words
    entry: str = ""  # the id in the error catalogue


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """The server or the pooler said no, or did not answer."""

    text: str  # the message, cleaned and redacted, without the driver's wrapping
    layer: str  # as the error catalogue names it; "" when unknown
    title: str = ""
    means: str = ""
    first: str = ""  # what to do first
    entry: str = ""  # the id in the error catalogue
    sqlstate: str = ""  # the code that the text stands for; drivers give none while connecting
    sources: tuple[str, ...] = ()
    host: str = ""
    port: int | None = None
    database: str = ""
    user: str = ""
    pooler: bool = False  # a pooler was dialled
    options: tuple[Action, ...] = ()  # what is still possible, the quickest first
    hosts: tuple[HostAnswer, ...] = ()  # where the string names several: what each of them said

    @property
    def weight(self) -> int:
        """How much the answer says, of several hosts': what is full, what a server said, what is known, nothing."""
        if self.exhaustion:
            return 3
        return 2 if self.layer not in ("", "network") else 1 if self.layer else 0

    @property
    def exhaustion(self) -> bool:
        """Whether this is the diagnosis (exit code 1), not a failure of ours (2)."""
        return self.layer in (
            "slots",
            "role-limit",
            "db-limit",
            "walsender-limit",
            "pooler-clients",
            "pooler-wait",
            "pooler-upstream",
        )
