"""A connection target: a connection string with its name, its place, its role, and what the catalogue knows of it."""

from typing import Literal

from poolcheck.connection.string import ConnectionString
from poolcheck.model.facts import Match
from poolcheck.model.problem import Location
from poolcheck.model.project import Package, Role
from poolcheck.record import dataclass

Origin = Literal["env", "argument", "parts", "config", "deployment", "source", "stdin"]


@dataclass(frozen=True, slots=True)
class Disagreement:
    """The loaders in use read the line differently. Sentences without a final stop, free of secrets."""

    cause: str  # "'#' in an unquoted value"
    who: str  # "node dotenv and python-dotenv"
    effect: str  # "node dotenv ends the value there, python-dotenv keeps it"
    column: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One place where an app or a tool is told which server to connect to."""

    name: str  # the variable's name, or "argument"
    conn: ConnectionString
    location: Location
    origin: Origin = "env"
    role: Role = "other"
    role_source: str = ""  # what says so: "schema.prisma:8", "the name", ...
    match: Match  # provider, endpoint, mode; Match() when unknown
    package: Package
    value_column: int | None = None  # character index (from 0) in the line where the raw value text starts
    raw: str = (
        ""  # the value's text exactly as the file has it, without quotes; may hold a password: never print
    )
    line_text: str = ""  # the whole line as the file has it, without its end: never print
    export: bool = False
    quote: str = ""  # '"', "'" or "" around it in the file
    stage: str = ""  # "production", "test", "local", ... from the file's name
    example_file: bool = False  # .env.example and its kin: placeholders are expected
    template: bool = False  # every secret of its file is a placeholder: somebody copies it, whatever its name
    commented: bool = False
    trusted: bool = False  # the user named it: it may have what lies on this machine, passwords and keys
    active: bool = True  # False when a later line of the same file overrides it

    disagreements: tuple[Disagreement, ...] = ()

    @property
    def label(self) -> str:
        """The subject of a sentence: the variable's name, or words for a string that has none."""
        return (
            self.name if self.origin in ("env", "parts", "config", "deployment") else "This connection string"
        )

    def __repr__(self) -> str:
        return f"Target({self.name!r}, {self.conn!r}, {self.location})"


def app_traffic(target: Target) -> bool:
    """Whether this string carries the app's queries in a deployment: not migrations, not tests, not a comment."""
    return target.role == "app" and target.active and not target.commented and target.stage != "test"


def on_this_machine(target: Target) -> bool:
    """Loopback or a socket: an incident there is nobody's night."""
    hosts = target.conn.hosts
    return target.match.local and all(
        h.socket or h.name.startswith(("localhost", "127.", "::1")) for h in hosts
    )
