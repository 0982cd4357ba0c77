"""What is known of a source file: where it makes clients, takes connections, closes them, and what SQL it sends."""

import re
from typing import Literal

from poolcheck.model.facts import Maker
from poolcheck.model.problem import Location
from poolcheck.model.project import Package
from poolcheck.record import dataclass

Language = Literal[
    "javascript", "typescript", "tsx", "python", "sql", "go", "java", "kotlin", "csharp", "rust"
]
# Those that readers/code reads, for the map alone: the rules about source code know JavaScript and Python.
MAPPED_LANGUAGES = frozenset({"go", "java", "kotlin", "csharp", "rust"})
# module: made once, when the file is loaded. cached: made once, kept where a second call finds it.
# request: made by a function that runs for each request. function: made by any other function (a factory, a job).
Scope = Literal["module", "cached", "function", "request"]
Closed = Literal["no", "sometimes", "always"]
Purpose = Literal["app", "test", "script"]
MIDDLEWARE = "Next.js middleware"
TASK = "the task "  # how `within` begins where a worker runs it for each job
UNSAID = "unsaid"  # the argument of a site whose kind of database the file does not say
_ENV_VALUE = re.compile(r"\$\{([A-Za-z_]\w*)(?::-([^{}]*))?\}")


def env_value(text: str) -> tuple[str, str | None] | None:
    """(variable, default) of an option that the environment sets: "${POOL_MAX:-10}", or "${POOL_MAX}" without a default.

    None for any other text.
    """
    found = _ENV_VALUE.fullmatch(text)
    return (found[1], found[2]) if found is not None else None


def fits(key: str, name: str) -> bool:
    """Whether an option's key is the one that a name asks for, in which `*` is any key of an object."""
    return re.fullmatch(re.escape(name).replace(r"\*", "[^.]*"), key) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """One place where source code makes a client, a pool or a connection."""

    made: Maker  # what the call makes, by the driver's file
    call: str  # "new PrismaClient": as the file has it, without arguments
    line: int
    column: int
    scope: Scope
    within: str = ""  # request: what runs for each request, in words: "the route handler GET"
    name: str = ""  # the variable it is bound to
    on_global: bool = False  # kept on globalThis, or the file keeps one there
    closed: Closed = "no"  # in the function that makes it; always: also when something throws
    listens: bool = False  # the function that makes it waits for notifications on it
    dev_only: bool = False  # kept on globalThis, but not in production
    raced: bool = False  # cached: awaited behind a check that nothing locks, so that two at once make two
    reached_as: tuple[str, ...] = ()  # function: the exported names by which other files have it made
    # keys that are written out, there or in constants of the file, with numbers, names and true or false; a value of
    # the environment is "${NAME}" or "${NAME:-10}", one that is not understood "..."; `pool.max` is a key of the object
    # `pool`, and `pool.*` stands for those of its keys that are not known
    options: tuple[tuple[str, str], ...] = ()
    option_lines: tuple[int, ...] = ()  # where each of them stands, in the same order
    complete: bool = (
        False  # there is nothing besides `options`: no spread, no variable that is not understood
    )
    # what the first argument is: "", "object", "string", "pool", "neon", "env", "other"; "pool" for a PrismaClient whose
    # adapter is given a pool; in Python the URL's scheme, and "setting" where a config says what holds for such a call
    argument: str = ""
    # where the connection string comes from, when that is a name: "process.env.DIRECT_URL", "settings.DATABASE_URL"; in
    # capitals behind the last dot it is a variable of the environment
    url: str = ""

    @property
    def kind(self) -> str:
        """What is made: "prisma", "pg-pool", "asyncpg-pool", ..."""
        return self.made.kind

    def option(self, name: str) -> str | None:
        """What an option is set to; None when it is not written out, "..." where `*` in its name stands for several."""
        found = [value for key, value in self.options if key == name or ("*" in name and fits(key, name))]
        return "..." if len(found) > 1 and "*" in name else next(iter(found), None)

    def number(self, name: str) -> int | None:
        """What an option is set to, as a whole number; of one of the environment its default. None: not known."""
        said = self.option(name) or ""
        found = env_value(said)
        said = found[1] or "" if found is not None else said
        return int(said) if re.fullmatch(r"-?\d{1,15}", said) else None

    def line_of(self, name: str) -> int:
        """The line on which an option stands; the call's when it is not written out."""
        lines = (line for (key, _), line in zip(self.options, self.option_lines, strict=False) if key == name)
        return next(lines, self.line)


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkout:
    """A connection taken from a pool and bound to a name."""

    call: str  # "pool.connect()"
    name: str
    line: int
    column: int
    give_back: str  # "client.release()": what returns it
    returned: (
        Closed | Literal["begin"]
    )  # always: also when something throws; begin: unless BEGIN itself throws
    at_module: bool = False
    within: str = ""  # the function, for sentences
    left_at: int = 0  # the line on which the function ends with it although nothing is thrown; 0 for none
    transaction: bool = False  # what is taken is a transaction: it ends with commit() or rollback()


@dataclass(frozen=True, slots=True)
class CallForEach:
    """A function of another file that is called for each request, or by a function that may be."""

    module: str  # as the import names it
    exported: str  # the name that it has there; "default" also where the import does not tell
    within: str  # what runs for each request, in words; "" where a function calls it that other files have as `through`
    line: int
    closed: Closed = "no"  # whether the caller closes what it gets
    through: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Mark:
    """A thing of interest at a place: a closed client, a shutdown hook, a piece of session state."""

    kind: str
    line: int
    column: int
    text: str = ""  # short, in words of the file; never a value that may be a secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Misuse:
    """Something done with a pool, a connection or a transaction that loses one of them."""

    # begin: BEGIN is sent to a pool; state: session state is, what kind stands in `detail`; local: a setting that ends with
    # its own statement; twice: a connection is given back again; open: it is given back inside a transaction, `detail`
    # "throw" when that takes an error; inside: the pool is asked for another connection while a transaction of it is held,
    # which is called `text` and begins on the line `detail`
    kind: Literal["begin", "state", "local", "twice", "open", "inside"]
    line: int
    column: int
    on: str  # the pool or connection, in words of the file: "pool", "this.db"
    text: str = ""  # the statement's beginning, or what is called
    detail: str = ""
    within: str = ""  # the function, for sentences
    transaction: str = (
        ""  # the method of the pool that runs a function inside a transaction; "" when it has none
    )
    # the file of the project that the pool comes from, as the import names it, and its name there: it counts when that
    # file makes one
    module: str = ""
    exported: str = ""
    package: str = ""  # whose model is called, "npm:sequelize": it counts where the manifest asks for that
    known: bool = False  # what makes the pool was seen
    named: bool = False  # its name says that it is one


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFile:
    """One file of source code that has something to do with the database."""

    path: str
    language: Language
    location: Location
    package: Package = Package()
    purpose: Purpose = "app"
    sites: tuple[Site, ...] = ()
    unsaid: tuple[
        Site, ...
    ] = ()  # of an ORM for many databases, where this file does not say which: for the map alone
    # clients that hold no connection: kind "neon()", text what names their string
    http: tuple[Mark, ...] = ()
    checkouts: tuple[Checkout, ...] = ()
    disconnects: tuple[Mark, ...] = ()  # a shared client closed by a function that runs for each request
    hooks: tuple[Mark, ...] = ()  # shutdown hooks: kind "beforeExit", "exit" or "$on"
    state: tuple[
        Mark, ...
    ] = ()  # session state: kind as in readers._session_state, text the statement's beginning
    misuses: tuple[Misuse, ...] = ()
    pools: tuple[
        Mark, ...
    ] = ()  # what holds a pool here: kind is the maker's, text the variable's or function's name
    # what it imports as values: kind is the module's name, text the title of a driver that needs TCP sockets
    modules: tuple[Mark, ...] = ()
    shapes: tuple[Mark, ...] = ()  # arguments that go wrong without an error: kind names the shape
    client_side: bool = False  # "use client"
    exports: bool = True  # False: nothing can import it, so it is a program of its own
    server_side: bool = False  # "use server", or it imports server-only
    reaches: tuple[
        Mark, ...
    ] = ()  # files of the project that make clients and that it imports; kind is their path
    edge: str = ""  # why it runs where sockets cannot be kept: "export const runtime = 'edge'"
    worker: bool = False  # written for Workers: bindings come with each request
    handles_signals: bool = False  # SIGTERM has a handler here
    postgres: bool | None = None  # whether Prisma's clients speak to PostgreSQL; None: no datasource was seen

    @property
    def name(self) -> str:
        """The subject of its findings."""
        return self.path

    @property
    def serves(self) -> bool:
        """Whether a function of it runs for each request and makes a client."""
        return any(site.scope == "request" for site in self.sites)

    @property
    def says_anything(self) -> bool:
        """Whether any rule could have something to say about it."""
        found = (
            self.sites,
            self.unsaid,
            self.http,
            self.checkouts,
            self.disconnects,
            self.hooks,
            self.state,
            self.misuses,
            self.shapes,
            self.reaches,
        )
        return any(found) or bool(self.edge) or self.client_side

    @property
    def variables(self) -> tuple[tuple[str, int], ...]:
        """(variable, line) for each client whose connection string comes from a variable of the environment."""
        named = [(site.url, site.line) for site in self.sites] + [
            (mark.text, mark.line) for mark in self.http
        ]
        last = [(url.rpartition(".")[2], line) for url, line in named]
        return tuple((name, line) for name, line in last if name[:1].isupper() and name.upper() == name)

    @property
    def makes(self) -> tuple[Site, ...]:
        """The sites that are about PostgreSQL, as far as is known."""
        if self.postgres is not False:
            return self.sites
        return tuple(
            site for site in self.sites if not site.made.elsewhere or site.argument.startswith("postgres")
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceTree:
    """The source files of one package that have something to do with the database: for counts and absences."""

    package: Package
    files: tuple[SourceFile, ...]
    attaches: bool = False  # attachDatabasePool is called somewhere
    hyperdrive: bool = False  # some file beside a wrangler config speaks of Hyperdrive
    location: Location = Location("")

    @property
    def name(self) -> str:
        """The subject of its findings."""
        return self.package.path
