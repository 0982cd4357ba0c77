"""What the catalogue holds, as frozen types. Each fact has a source and the day it was checked.

`catalogue` reads providers/*.toml and drivers/*.toml into these and complains exactly about anything else:
an unknown key, a missing key, a wrong type, a value outside a Literal.
A field without a default is required in the file. `source` and `checked` of a table hold for all its values.
"""

from datetime import date
from typing import Literal

from poolcheck.record import dataclass

EndpointKind = Literal["direct", "pooled", "http", "local", "unknown"]
PoolMode = Literal["transaction", "session", "statement"]
# what a transaction pooler makes of SET, LISTEN, temporary tables, ...
SessionState = Literal["lost", "pinned"]
Tracks = Literal["yes", "no", "unknown", "needless"]  # does the pooler track protocol-level named statements?
MigrationsHere = Literal["ok", "direct-advised", "fail", "unknown"]


# Endpoints that no provider has: a pooler of the project, and one that nothing but its string speaks of.
OWN, CLAIMED = "own", "claimed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One kind of endpoint of a provider, and how a connection string shows that it is that one.

    All given patterns must match (Python `re`, fullmatch, case-insensitive). The first endpoint in the file
    that matches wins. `port` 0 stands for "no port given" beside the port numbers listed.
    """

    id: str  # "direct", "pooled", "session-pooler", "dedicated-pooler", "accelerate", ...
    kind: EndpointKind
    source: str
    checked: date
    host: str = ""
    not_host: str = ""
    ports: tuple[int, ...] = ()  # () = any; an absent port counts as 5432
    user: str = ""
    database: str = ""
    schemes: tuple[str, ...] = ()  # () = any PostgreSQL scheme
    parameters: tuple[str, ...] = ()  # one of these must be in the query: "pooled=true"
    mode: PoolMode | None = None
    mode_note: str = ""  # e.g. "session by default; transaction can be selected"
    software: str = ""  # "PgBouncer", "Supavisor", "RDS Proxy", ...
    tracks_prepared: Tracks = "needless"  # for pooled kinds: yes | no | unknown
    session_state: SessionState = "lost"  # pinned: the client keeps its server connection from then on
    migrations: MigrationsHere = "ok"
    ipv6_only: bool = False  # its name has no IPv4 address, unless something is bought
    public: bool = True  # reached over the public internet: TLS matters
    tls: Literal["required", "advised", "not needed", "unknown"] = "unknown"
    title: str = ""  # "session-mode pooler (Supavisor, port 5432)"
    evidence: Literal["documented", "repository", "observed"] = "documented"
    user_form: str = ""  # the user name must match this here; see user_hint
    user_hint: str = ""  # e.g. "postgres.<project ref>"
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversion:
    """How to turn one endpoint of a provider into another, where that is certain.

    `host_pattern` is matched against the host and replaced by `host_replace` (Python `re.sub`, count 1).
    `cannot` instead says in words why it cannot be derived and where the other string is found.
    """

    source: str
    checked: date
    from_: str  # Endpoint.id; the key is `from` in TOML
    to: str
    host_pattern: str = ""
    host_replace: str = ""
    port: int | None = None
    user_pattern: str = ""
    user_replace: str = ""
    host_from_user: str = ""  # the new host, made of user_pattern's groups: "db.\2.supabase.co"
    database: str = ""  # set the database name to this
    cannot: str = ""
    steps: tuple[str, ...] = ()  # dashboard path or CLI command that gives the other string
    condition: str = ""  # what must hold at the provider: "pooler enabled on the compute"

    @property
    def changes(self) -> bool:
        """Whether it says what to change in the string."""
        return bool(
            self.host_pattern or self.port or self.user_pattern or self.database or self.host_from_user
        )


LimitName = Literal["max_connections", "pooler_clients", "pool_size"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """The limits of one plan or compute size."""

    plan: str  # lower case, as --plan takes it: "0.25cu", "micro", "b1ms"
    source: str
    checked: date
    title: str = ""
    aliases: tuple[str, ...] = ()
    max_connections: int | None = None
    max_connections_most: int | None = (
        None  # where nobody can say it exactly: the other one is the least then
    )
    reserved: int | None = None  # slots an ordinary role never gets
    pooler_clients: int | None = None
    pool_size: int | None = None  # the pooler's own, per (user, database)
    note: str = ""

    def span(self, name: "LimitName") -> tuple[int, int] | None:
        """The least and the most that one of its limits may be; None where it is not known."""
        least: int | None = getattr(self, name)
        most = self.max_connections_most if name == "max_connections" else None
        return None if least is None else (least, most or least)

    @property
    def connections(self) -> str:
        """`100`, `78 to 112` or "", for people."""
        return " to ".join(dict.fromkeys(f"{each:,}" for each in self.span("max_connections") or ()))


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceLimit:
    """What a platform lets one instance of a program open to this provider's servers."""

    platform: str  # "cloud-run": as deployments and runtimes are called
    most: int
    words: str  # "connections that Cloud Run gives an instance"
    source: str
    checked: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Retirement:
    """An endpoint, scheme or host that is gone or going."""

    source: str
    checked: date
    on: date  # the day it stops working, or is not supported any more
    what: str
    instead: str
    host: str = ""
    schemes: tuple[str, ...] = ()
    ends: Literal["service", "support"] = "service"  # support: it may answer for a while


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderVariable:
    """An environment variable that the provider or its integration sets."""

    name: str
    endpoint: str  # Endpoint.id it holds, or "" when it varies
    source: str
    checked: date
    platform: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quirk:
    """Something a user of this provider should know, in one or two sentences."""

    text: str
    source: str
    checked: date


@dataclass(frozen=True, slots=True, kw_only=True)
class UrlExample:
    """A test of the file: this string is that endpoint. `endpoint` "" = must not match this provider at all."""

    url: str
    endpoint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """A provider of PostgreSQL or of a pooler. `id` is the file's stem."""

    id: str
    title: str
    homepage: str
    endpoints: tuple[Endpoint, ...]
    examples: tuple[UrlExample, ...]
    suffixes: tuple[
        str, ...
    ]  # literal host endings ("neon.tech"): a cheap test before the file is parsed; () = schemes
    prefixes: tuple[str, ...] = ()  # literal host beginnings, where the ending tells nothing ("/cloudsql/")
    summary: str = ""
    aliases: tuple[str, ...] = ()
    conversions: tuple[Conversion, ...] = ()
    limits: tuple[Limit, ...] = ()
    default_reserved: int | None = None
    instance_limits: tuple[InstanceLimit, ...] = ()
    retirements: tuple[Retirement, ...] = ()
    variables: tuple[ProviderVariable, ...] = ()
    quirks: tuple[Quirk, ...] = ()
    raise_limit: tuple[str, ...] = ()  # step 5: how to get more slots here
    http_driver: str = ""  # step 4: the HTTP driver that works here, e.g. "@neondatabase/serverless"
    pooler: str = (
        ""  # step 1 in one sentence: what pooler there is and how to get its string; "" = none known
    )


@dataclass(frozen=True, slots=True)
class Match:
    """What the catalogue recognises in a connection string. All empty when it recognises nothing."""

    provider: Provider | None = None
    endpoint: Endpoint | None = None
    local: bool = False  # localhost, a socket, a bare service name: no provider's public endpoint

    @property
    def kind(self) -> EndpointKind:
        """direct, pooled, http, local or unknown."""
        if self.endpoint is not None:
            return self.endpoint.kind
        return "local" if self.local else "unknown"

    @property
    def routed(self) -> bool:
        """Whether the map says what answers there, and not the catalogue."""
        return self.endpoint is not None and self.endpoint.id in (OWN, CLAIMED)

    @property
    def mode(self) -> PoolMode | None:
        """The pool mode, when it is known."""
        return self.endpoint.mode if self.endpoint else None


ParamRole = Literal[
    "pool_size",
    "pool_wait",
    "connect_timeout",
    "idle",
    "lifetime",
    "prepared",
    "pooler_flag",
    "tls",
    "schema",
    "identity",
    "startup",
    "other",
]
ParamType = Literal["int", "bool", "word", "text", "duration"]
UnknownParam = Literal["ignored", "rejected", "server-setting", "warned", "keyword"]
Fate = Literal["known", "ignored", "rejected", "server-setting", "warned", "keyword"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DriverParam:
    """A URL parameter that a driver reads. Values it refuses or misreads are named."""

    name: str
    role: ParamRole = "other"
    type: ParamType = "text"
    values: tuple[str, ...] = ()  # all it takes, for words and bools
    minimum: int | None = None
    bad_values: tuple[tuple[str, str], ...] = ()  # (value, what happens)
    default: str = ""
    note: str = ""
    source: str = ""  # default: the version's


@dataclass(frozen=True, slots=True, kw_only=True)
class DriverVersion:
    """A driver's behaviour over a range of versions. The first block whose `when` admits the version holds."""

    when: str  # ">=4,<7" over release numbers; "*" for all
    source: str
    checked: date
    label: str = ""  # "Prisma 4 to 6, built-in engine"
    url_read_by: str = (
        ""  # driver id that really reads the URL's parameters at run time ("pg" for Prisma 7); "" = itself
    )
    pool: str = ""  # default pool in words: "10 per process"
    pool_size: int | None = None  # default size as a number, when it is one
    pool_unbounded: bool = False  # by default it opens as many as are asked for at once
    pool_wait: str = ""  # how long a query waits for a pool slot: "10 s", "for ever"
    waits_forever: bool = False
    exhausted: str = ""  # what the app sees when its own pool is exhausted
    unknown_params: UnknownParam | None = None
    unknown_text: str = ""  # the driver's exact words for an unknown parameter, {name} in it
    fold_names: bool = False  # upper and lower case and spaces in names do not count (Npgsql)
    params: tuple[DriverParam, ...] = ()
    ignored: tuple[tuple[str, str], ...] = ()  # (parameter, why): known elsewhere, does nothing here
    rejected: tuple[tuple[str, str], ...] = ()  # (parameter, text): makes the connection fail
    named_prepared: Literal["yes", "no", "unknown"] = "unknown"  # named server-side statements by default
    prepared_error: str = ""  # what is seen through a pooler that cannot track them
    prepared_off: str = ""  # how to switch them off, one line
    prepared_off_params: tuple[
        tuple[str, str], ...
    ] = ()  # (parameter, value) in the URL that switches them off
    size_param: str = ""  # URL parameter that sets the pool size, "" = not in the URL
    size_code: str = ""  # the line of code or config that sets it, {size} in it
    wait_code: str = ""  # the line that bounds the wait for a slot
    migrations: str = ""  # how migrations run and lock, in a sentence
    migrations_need_direct: Literal["yes", "no", "unknown"] = (
        "unknown"  # do they fail through a transaction pooler?
    )
    note: str = ""

    def fate(self, name: str, reader: "DriverVersion | None" = None) -> Fate | None:
        """What becomes of the URL parameter `name`; None when it is not known.

        `reader` is the block of the driver named in `url_read_by`: what that one reads is known here too.
        What it does with the rest holds only where this block says nothing of its own.
        """
        folded = self._folded(name)
        if folded in {self._folded(other) for other, _ in self.rejected}:
            return "rejected"
        if folded in {self._folded(other) for other, _ in self.ignored}:
            return "ignored"
        if folded in {
            self._folded(param.name) for block in (self, reader) if block for param in block.params
        }:
            return "known"
        if self.unknown_params is None and reader is not None:
            return reader.fate(name)
        return self.unknown_params

    def _folded(self, name: str) -> str:
        return name.lower().replace(" ", "") if self.fold_names else name


Wire = Literal["tcp", "websocket", "http", "engine"]


# java: Kotlin's calls, too; config: no language, but the config files of frameworks
MakerLanguage = Literal["javascript", "python", "go", "java", "csharp", "rust", "config"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Maker:
    """What calls in source code make: a client, a pool or a connection. One generic reader per language looks for them.

    `calls` are pairs of the module that is imported and what it exports. In JavaScript "default" and "*" are the
    module itself, "default()" what a call of it returns, and the module "*" is any module, or none: a client that is
    generated into the project. In Python the module "*" is any object: its method is known by name alone.
    """

    kind: str  # "pg-pool": what findings call it; no other table has it
    title: str  # "pg.Pool", for sentences
    language: MakerLanguage
    calls: tuple[tuple[str, str], ...]
    makes: Literal["client", "pool", "connection"]
    wire: Wire = (
        "tcp"  # engine: TCP unless an adapter says otherwise; http: holds no connection between queries
    )
    new: bool = False  # only with `new`: the name alone makes nothing
    any_database: bool = False  # it serves others too: the call itself has to name PostgreSQL
    elsewhere: bool = False  # which database it serves is told in another place: a schema, an engine's URL
    wraps: bool = False  # may be given a client that exists: only a connection string makes one
    places: tuple[
        str, ...
    ] = ()  # names for its first arguments, where they are no connection string; "": it may be one
    factory: str = ""  # the option whose function returns the options: "useFactory"
    config_file: bool = False  # without arguments its options stand in a file of their own
    size_options: tuple[
        str, ...
    ] = ()  # what sets the connections of one pool; the first that is there counts
    overflow_option: str = ""  # what sets how many it opens on top of that
    overflow: int = 0  # and how many that is when it is not set
    zero: Literal["no limit", "default"] = "no limit"  # what a size of 0 comes to
    bounding_options: tuple[
        str, ...
    ] = ()  # others that decide how many it opens: with one of these its size is not known
    bounds: tuple[
        tuple[str, str, str], ...
    ] = ()  # (one of these, what it may be, what then holds: size, one or each)
    # (option, words of other drivers that stand where it was meant; they have no effect here): "max", "connectionLimit size"
    unread: tuple[tuple[str, str], ...] = ()
    transaction: str = (
        ""  # its method that runs a function inside a transaction: "$transaction"; "" when it has none
    )
    once: str = (
        ""  # of a single connection: the line that makes a pool of them instead, once for each process
    )
    each: bool = False  # it keeps no pool: every thread or session that uses it has a connection of its own
    settings: tuple[
        str, ...
    ] = ()  # names in a framework's config that are options of it, wherever they are given
    variable: str = ""  # the environment variable that it reads by itself
    # Of the languages that readers/code reads, where options are set on objects, with methods or in the string:
    configs: tuple[int, ...] = ()  # which of its arguments are objects that options are set on
    config_calls: tuple[str, ...] = ()  # what makes such an object, with no option set
    same: tuple[str, ...] = ()  # methods of what it makes that give the same pool
    handed_to: tuple[
        tuple[str, str], ...
    ] = ()  # calls that are given what it makes, and give it back in other clothes
    given_options: tuple[str, ...] = ()  # with one of these it is given a pool that exists
    string_options: tuple[str, ...] = ()  # parameters of its string that `size_options` names
    shared: bool = False  # what is made with the same string shares one pool of the process
    # Of config files, whose `calls` are pairs of a family of files (readers/configs/rows.py) and the keys around a pool
    # in it, `*` for any one; what follows stands below them:
    string_keys: tuple[
        str, ...
    ] = ()  # the string; the first that is there counts; "": it stands there itself
    part_keys: tuple[tuple[str, str], ...] = ()  # (host, port, user, password or database, its key)
    kind_keys: tuple[str, ...] = ()  # what says of which database it is
    chosen_by: str = ""  # the key of the file that names the one of several pools that is used
    needs: bool = False  # of several drivers that read the same keys, the one that the manifests name
    driver: str = ""  # the stem of its file, which no table says: the catalogue does

    @property
    def depth(self) -> int:
        """How deep its options are nested, as far as anybody asks for them."""
        return max((1, *(name.count(".") for name in self.size_options)))


@dataclass(frozen=True, slots=True, kw_only=True)
class TcpModule:
    """A module that needs TCP sockets as soon as it is imported, and what sentences call it."""

    module: str
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Driver:
    """A driver or ORM. `id` is the file's stem."""

    id: str
    title: str
    language: str
    homepage: str
    kind: Literal["driver", "orm", "http", "tool"]
    versions: tuple[DriverVersion, ...]
    packages: tuple[
        str, ...
    ] = ()  # "npm:pg", "pypi:psycopg", "gem:pg", "go:github.com/jackc/pgx/v5", "maven:...", "hex:...", "crate:...", "composer:...", "nuget:..."
    aliases: tuple[str, ...] = ()  # other names --driver and explain take
    dialects: tuple[str, ...] = ()  # scheme suffixes: "asyncpg" of postgresql+asyncpg
    schemes: tuple[str, ...] = ()  # schemes it takes; () = postgres and postgresql
    over: tuple[str, ...] = ()  # driver ids it runs on: for ORMs
    makers: tuple[Maker, ...] = ()
    tcp_modules: tuple[TcpModule, ...] = ()
    quirks: tuple[Quirk, ...] = ()
    examples: tuple["DriverExample", ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DriverExample:
    """A test of the file: with this version, this holds."""

    version: str
    param: str = ""
    expect: Fate | Literal[""] = ""
    label: str = ""  # the label of the version block that must be picked


Concept = Literal[
    "pool_mode", "default_pool_size", "pool_size", "max_client_conn", "query_wait_timeout", "max_prepared_statements",
    "auth_type", "client_tls_sslmode", "admin_users", "listen_addr", "max_connections_percent",
]  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolerOption:
    """What a pooler calls a setting that PgBouncer has too: `concept` is PgBouncer's name, by which rules ask.

    `default` holds where the configuration is complete and does not set it; None: there is none, or it differs
    between versions. `off` are the values that switch it off: no tracking, no end of the wait, no TLS, no password.
    """

    concept: Concept
    name: str  # as the file writes it
    source: str
    checked: date
    terraform: str = ""  # its name in Terraform, where that is another
    default: str | None = None
    off: tuple[str, ...] = ()
    on: str = ""  # the value to advise where it is off
    beside: tuple[str, ...] = ()  # lines that the advised value needs
    per_second: int = 1  # its unit: 1 for seconds, 1000 for milliseconds
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolerFacts:
    """A pooler other than PgBouncer whose configuration is read: poolers/<id>.toml."""

    id: str
    title: str
    homepage: str
    options: tuple[PoolerOption, ...]
    write: str = "{name} = {value}"  # how its file writes a setting
    quoted: bool = False  # whether words stand in double quotes there
    per_client: bool = False  # each client that it takes may have pools of its own

    def option(self, concept: str) -> PoolerOption | None:
        """What it calls that setting; None when it has none, or nothing is known of it."""
        return next((option for option in self.options if option.concept == concept), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageExample:
    """A test of the file: whether an image of this name is one."""

    name: str
    fits: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageNumber:
    """A whole number that variables of the environment set: the first that is set counts.

    What it counts: `pools` the connections that one process may hold at once in that pool, `processes` the processes of
    one container, or what else multiplies its pools.
    """

    title: str  # "the pool for one source", "gunicorn workers"
    source: str
    checked: date
    variables: tuple[str, ...] = ()
    default: int | None = None  # where none is set; None: no source tells, or it is no number
    why: str = ""  # where default is None: half a sentence
    where: str = ""  # NAME=value: it is there only where that variable says so; NAME: where it is set; !NAME: where it is not
    params: tuple[str, ...] = ()  # of the string: parameters that set it, before any variable
    beyond: tuple[str, ...] = ()  # of a pool: variables whose number comes on top, as max_overflow
    beyond_default: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRun:
    """A test of the file: what a container with these variables opens."""

    environment: tuple[str, ...]  # NAME=value
    ways: tuple[str, ...] = ()  # the variables that lead to PostgreSQL; () when none does
    pools: tuple[int, ...] = ()  # connections of one process, pool by pool; -1: not known
    processes: int = 1  # at least


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """A kind of container image whose environment or command tells something about connections: images/<id>.toml.

    `pattern` is matched against the whole name without registry and tag (`bitnami/pgbouncer`), or that of a service
    which is built. What is left empty is not known of the image.
    """

    id: str
    title: str
    homepage: str
    words: tuple[str, ...]  # the name holds one of them: a cheap test before the file is parsed
    pattern: str
    is_: Literal[
        "server", "pooler", "client", "other"
    ]  # the key is `is` in TOML; other: it never speaks to PostgreSQL
    source: str
    checked: date
    examples: tuple[ImageExample, ...]
    not_pattern: str = ""
    otherwise: bool = False  # only where no other file fits
    prepares: bool = False  # it makes a database for the containers that it runs before
    once: bool = False  # for people or for a moment: it is named, and in no sum
    # a server
    own_defaults: bool = False  # PostgreSQL's hold where neither the command nor a file says otherwise
    max_variable: str = ""  # the variable that sets it, where no file and no option does
    max_from: int = 0  # a smaller number of that variable may not hold
    flags: tuple[str, ...] = ()  # variables that hold options of the server
    initdb: tuple[str, ...] = ()  # variables that hold options of initdb
    folders: tuple[str, ...] = ()  # of its postgresql.conf and conf.d; what lies below them is read
    configs: tuple[str, ...] = ()  # files of its own, in which its defaults stand
    # a pooler
    pooler: str = ""  # "pgbouncer", or the stem of poolers/*.toml
    prefix: str = ""  # what stands before a setting's name in capitals, or does not
    host: tuple[str, ...] = ()  # variables that name the server; the first that is there counts
    user: tuple[str, ...] = ()
    dbname: tuple[str, ...] = ()
    database: tuple[str, ...] = ()  # variables that name the database which clients ask for
    sets: tuple[str, ...] = ()  # "name value": what the image sets itself
    # somebody else's program that connects, its server by a string or by `host`, `port`, `user` and `dbname`
    url: tuple[str, ...] = ()  # variables that hold a string, JDBC's too; each leads somewhere
    port: tuple[str, ...] = ()
    engine: tuple[
        str, ...
    ] = ()  # variables that say which kind of database is used; () when there is one kind
    postgres: tuple[str, ...] = ()  # what they hold where it is PostgreSQL, in small letters
    pools: tuple[ImageNumber, ...] = ()  # of one process; () when no source tells
    processes: tuple[ImageNumber, ...] = ()  # multiplied; () when there is one
    runs: tuple[ImageRun, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CountRule:
    """How a program comes by a number: an option, else its config file, else a variable, else its default."""

    kinds: tuple[str, ...] = ()  # of worker, with which the rule holds; () with any
    options: tuple[str, ...] = ()
    setting: str = ""  # of its config file: a pattern
    variables: tuple[str, ...] = ()
    default: int = 0  # 0: not known without the machine or the code, and `why` says why
    why: str = ""  # of the default
    plus: int = 0  # connections that a process holds beside: it listens, or sends a heartbeat
    maybe: bool = False  # of those: some only where features are used, or outside of the pool


@dataclass(frozen=True, slots=True, kw_only=True)
class KindRule:
    """How a program comes by its kind of worker."""

    options: tuple[str, ...] = ()
    setting: str = ""
    variables: tuple[str, ...] = ()
    default: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A server or a worker that a command starts: programs/<id>.toml.

    `processes` and `threads` hold one rule for each kind of worker; the first that fits counts. Of no rule: one process,
    and as many requests at once as come.
    """

    id: str
    title: str
    commands: tuple[str, ...]  # its last name, or the end of its path: "gunicorn", "bin/jobs"
    source: str
    checked: date
    words: tuple[str, ...] = ()  # one of them stands among its arguments
    kind: KindRule = KindRule()
    processes: tuple[CountRule, ...] = ()
    threads: tuple[CountRule, ...] = ()  # requests, or tasks, that a process serves at once
    arguments: str = ""  # a variable that holds further arguments
    config: tuple[str, ...] = ()  # options that name its config file
    configs: tuple[
        str, ...
    ] = ()  # files that it reads where none is named; with a slash, wherever the only one is
    format: Literal["assigned", "ruby", "yaml"] = "assigned"


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectServer:
    """Which keys of an operator's object tell what its server takes, and by which Services it is reached.

    A path has its keys between slashes; `@KIND` follows the name that stands there to the object of that kind.
    """

    parameters: tuple[str, ...]  # paths of PostgreSQL's parameters
    services: tuple[str, ...]  # of the primary: "{name}-rw"
    default: tuple[
        int, ...
    ] = ()  # max_connections where none is written: the least, the most; () when not known
    reserved: int = 3  # superuser_reserved_connections where none is written
    replica_services: tuple[str, ...] = ()
    instances: str = ""  # path of their number, or of a list of sets with `replicas`
    secrets: tuple[str, ...] = ()  # that the operator makes: "{name}-app"
    secret_keys: tuple[str, ...] = ()  # of these, which lead to the primary


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectPooler:
    """Which keys of an operator's object make a PgBouncer. Its settings are PgBouncer's, by their names."""

    service: str
    also: tuple[str, ...] = ()  # more names of that Service
    server: str  # the host that it asks; `{path=default}` stands for what is written there
    on: tuple[str, ...] = ()  # it runs where the first of these that is there is not `false`; (): always
    off: str = ""  # it does not run where this is `true`
    replicas: str = ""
    default_replicas: int = 1
    settings: tuple[str, ...] = ()
    mode: str = ""
    databases: str = (
        ""  # path of lines of [databases]; written, they stand for the one that leads to `server`
    )
    elsewhere: str = ""  # written, settings stand in files that are not read
    defaults: tuple[str, ...] = ()  # "name value": what holds where nothing is written
    shared: str = ""  # path of server connections that all replicas share
    default_shared: int = 0
    shares: tuple[str, ...] = ()  # "name N": a setting is the Nth part of one replica's share


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseObject:
    """A Kubernetes object of which an operator makes a server, a pooler, or both: objects/<id>.toml."""

    id: str
    title: str
    homepage: str
    kinds: tuple[str, ...]  # a tuple, so that it is found without parsing
    groups: tuple[str, ...]  # of apiVersion, before the slash
    source: str
    checked: date
    server: ObjectServer | None = None
    pooler: ObjectPooler | None = None
