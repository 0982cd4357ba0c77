"""The map: which programs open connections, through which poolers, to which servers. Every conclusion is computed from it.

It holds what was read and nothing that follows from it: sums, verdicts and advised sizes are `capacity.asked`'s.
"""

from typing import ClassVar, Literal

from poolcheck.model.amount import Amount
from poolcheck.model.problem import Location
from poolcheck.model.project import Package, Role, RuntimeKind
from poolcheck.record import dataclass

Mode = Literal["transaction", "session", "statement"]


@dataclass(frozen=True, slots=True)
class Question:
    """What nobody tells, of whom, and the exact option or key that would."""

    of: str  # the client, pooler or server
    server: str  # the server or pooler whose sum waits for it; "" where it is known of none
    what: str  # "instances", "pool", "processes", "max_connections", "reads", ...
    tell: str  # "--instances N, or [client.\"api\"] instances"
    why: str = ""  # half a sentence: "max is `size`, which is computed"
    where: Location | None = None

    @property
    def ask(self) -> str:
        """`give --instances N`, or what else there is to do: `name its file: poolcheck map FILE`."""
        return f"give {self.tell}" if self.tell.startswith("-") else self.tell

    @property
    def words(self) -> str:
        """`the pool of api: max is computed (src/db.js:3)`."""
        why = self.why or "not known"
        return f"the {self.what} of {self.of}: {why}{f' ({self.where})' if self.where else ''}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """One client object of the code, or an engine's or image's own pool: so many connections of one process."""

    driver: str  # the stem of drivers/*.toml, or "" for an image's own
    title: str  # "pg.Pool", "the SQLAlchemy engine"
    place: Location | None
    size: Amount | None  # None: not known, and a Question says why
    variable: str = ""  # that its connection string comes from; "" when the reader does not see it
    why: str = ""  # where size is None: why it is not known
    unbounded: bool = False  # and whether it is known to have no limit
    code: str = ""  # the line that sets its size, with {size}; "" when the catalogue has none
    in_code: bool = False  # a call of the source that was read makes it
    kept: bool = False  # and makes it once for the process: at module level, or where a second call finds it


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """A program that opens connections: a service, workload, function, job, or somebody's well-known image."""

    name: str
    place: Location
    package: Package = Package()
    runtime: RuntimeKind = "unknown"
    instances: Amount | None = None  # the most that run at once; None: not known
    surge: Amount | None = None  # what a deploy adds before old ones stop; None: with the instances not known
    processes: Amount  # in each instance
    threads: Amount | None = None  # requests that a process serves at once; None: as many as come
    pools: tuple[Pool, ...] = ()
    once: bool = False  # it runs once, or for people: named, and not in the sum
    deployed: bool = False  # a deployment file starts it; False: it is known by its code or its string alone


@dataclass(frozen=True, slots=True)
class Opening:
    """What a pooler may open to one server, or to another pooler, all its replicas and pools together."""

    server: str  # its name
    most: Amount | None = None  # None: not known, or a provider bounds it
    user: str = ""  # whom it logs in as; "": as its clients do


@dataclass(frozen=True, slots=True, kw_only=True)
class Pooler:
    """PgBouncer and its kin in the project, or a provider's endpoint with limits of its own."""

    name: str
    place: Location
    software: str  # "pgbouncer", "supavisor", ...
    mode: Mode | None = None
    addresses: tuple[str, ...] = ()  # that reach it, host:port
    replicas: Amount
    max_clients: Amount | None = None  # of all replicas together
    opens: tuple[Opening, ...] = ()  # a server behind it each; () when none is known
    evidence: str = ""  # what says that it is a pooler, where no file of it was read: "port 6432"
    raises: str = ""  # how its file writes the client limit: "max_client_conn = {}"
    provided: bool = False  # a provider's: what it opens to the server is bounded there
    unbounded: bool = False  # it takes as many clients as come
    sockets: bool = True  # False: reached over HTTP, where no client holds a connection


@dataclass(frozen=True, slots=True)
class ConnectionLimit:
    """A limit on a part of what a server is asked for: of a role, of a database, or of one instance of a program."""

    kind: Literal["role", "database", "instance"]
    of: str  # the user, the database, the client
    most: Amount
    exempt: str = ""  # a user that it does not hold for: the superuser

    def holds(self, route: "Route") -> bool:
        """Whether a connection of that route counts."""
        part = {"role": route.user, "database": route.database, "instance": route.client}[self.kind]
        return part == self.of and not (self.exempt and route.user == self.exempt)

    def title(self, server: str) -> str:
        """`role app of db`, `one instance of api at db`."""
        return (
            f"one instance of {self.of} at {server}"
            if self.kind == "instance"
            else f"{self.kind} {self.of} of {server}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """One PostgreSQL: what reaches it, and what it takes."""

    name: str
    addresses: tuple[str, ...] = ()  # host:port; () when only a secret or variable names it
    provider: str = ""
    plan: str = ""
    max_connections: Amount | None = None
    reserved: Amount
    tighter: Amount | None = (
        None  # CONNECTION LIMIT of the role or the database that was looked at, below max_connections
    )
    caps: tuple[ConnectionLimit, ...] = ()  # what files say of parts of its clients
    place: Location | None = None
    here: bool = False  # this machine: an incident there is nobody's night


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A variable of a client leads to a server, through a pooler or not."""

    id: str
    variable: str
    place: Location
    role: Role
    client: str
    pooler: str = ""
    server: str = ""
    user: str = ""  # as the string has them; "" where it was not read
    database: str = ""
    application: str = ""  # application_name

    @property
    def end(self) -> str:
        """What the client itself connects to: the pooler, or the server where there is none."""
        return self.pooler or self.server


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """What a look saw of one part of the map: connections at that moment."""

    kind: Literal["server", "pooler", "client"]
    of: str  # its name
    at: str  # the server or pooler that was looked at
    number: int
    how: str = ""  # what told them from others: "application_name api, from 3 addresses"


@dataclass(frozen=True, slots=True, kw_only=True)
class Map:
    """Clients, poolers, servers and the routes between them. Names are unique within each kind."""

    name: ClassVar[str] = "map"
    instead: ClassVar[tuple[str, ...]] = ("summary",)  # its verdicts stand at its servers

    clients: tuple[Client, ...] = ()
    poolers: tuple[Pooler, ...] = ()
    servers: tuple[Server, ...] = ()
    routes: tuple[Route, ...] = ()
    questions: tuple[Question, ...] = ()
    seen: tuple[Sighting, ...] = ()  # by a look; () without one

    def client(self, name: str) -> Client | None:
        """The client of that name."""
        return next((each for each in self.clients if each.name == name), None)

    def pooler(self, name: str) -> Pooler | None:
        """The pooler of that name."""
        return next((each for each in self.poolers if each.name == name), None)

    def server(self, name: str) -> Server | None:
        """The server of that name."""
        return next((each for each in self.servers if each.name == name), None)
