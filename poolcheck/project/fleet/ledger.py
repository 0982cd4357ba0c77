"""What is known of each server that a project's processes connect to, written up while the deployment files are read."""

import posixpath
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from poolcheck import catalogue
from poolcheck.connection.string import ConnectionString
from poolcheck.model.context import Context, Numbers
from poolcheck.model.fleet import Against, Amount, Fleet, Member
from poolcheck.model.problem import Location
from poolcheck.model.project import Package
from poolcheck.model.report import Skipped
from poolcheck.model.roles import name_claims
from poolcheck.model.target import Target
from poolcheck.project.collected import Collected
from poolcheck.project.fleet.pools import pool_size
from poolcheck.project.fleet.process_counts import ProcessCommands

if TYPE_CHECKING:
    from poolcheck.project.packages import Packages

# Services that run once, or for people: their few connections are what the buffer is for.
_ONCE = re.compile(
    r"migrat|seed|setup|init|backup|exporter|admin|studio|test|e2e|prestart|release", re.IGNORECASE
)
LIMIT_WORDS = (
    "oncurren",
    "axScale",
    "axInstances",
    "axinstances",
)  # a file without any of these limits no function
HERE = ("", "localhost", "127.0.0.1", "::1", "[::1]")
SIZE_HINT = "Set the size in the connection string where the driver reads it there, or use poolcheck size."


class Key(NamedTuple):
    """A server or pooler by the name that its clients use, and where that name holds."""

    place: str  # a compose file, a stage of manifests; "": everywhere
    host: str


class ServerSum:
    """One server or pooler: who connects to it, what it takes, and what no file tells."""

    def __init__(self) -> None:
        self.members: list[Member] = []
        self.missing: list[str] = []  # of services that run more than once
        self.limit: Amount | None = None
        self.reserved = 0
        self.clients: Amount | None = None  # that the pooler takes
        self.raises = ""  # how the pooler's file writes that limit
        self.kind = ""  # the way of deployment that was counted

    @property
    def asked(self) -> bool:
        """Whether anything is deployed that connects to it."""
        return bool(self.members or self.missing)

    @property
    def large(self) -> bool:
        """Whether more than one process connects, or that is not known."""
        return any(
            member.instances.number * member.workers.number > 1 or member.least for member in self.members
        )


class Project:
    """What the collectors ask of a project: its strings, packages, texts and commands."""

    def __init__(self, found: Collected, packages: "Packages", ctx: Context, numbers: Numbers) -> None:
        self.found, self.packages, self.ctx, self.numbers = found, packages, ctx, numbers
        self.commands = ProcessCommands(packages)

    def pool(self, target: Target) -> Amount | None:
        """The pool of one process that connects with this string; None where nobody tells."""
        return pool_size(target, self.ctx, self.found.subjects)

    def package(self, name: str) -> Package:
        """The package that a workload runs: the one of its name, or the only one that speaks to a database."""
        known = [package for package in self.packages.known() if package.drivers]
        named = [package for package in known if posixpath.basename(package.path) == name]
        if len(named) == 1:
            return named[0]
        return known[0] if len(known) == 1 else Package()

    def env_target(self, name: str) -> Target | None:
        """The one string of that name in the project's env files, when it is no developer's."""
        found = [
            target
            for target in self.found.targets
            if target.name == name and target.role == "app" and target.active and not target.commented
            and not target.example_file and not target.match.local and not target.conn.has_placeholder
        ]  # fmt: skip
        return found[0] if len(found) == 1 else None


class Ledger:
    """Servers by key, in the order in which somebody first connects to them."""

    def __init__(self) -> None:
        self.servers: dict[Key, ServerSum] = {}
        self.composes: set[str] = set()
        self.skipped: list[Skipped] = []

    def of(self, key: Key) -> ServerSum:
        """The server of that key, new if need be."""
        return self.servers.setdefault(key, ServerSum())

    def known(self, key: Key) -> bool:
        """Whether its limit, or a pooler's number of clients, is known."""
        server = self.servers.get(key)
        return server is not None and (server.limit is not None or server.clients is not None)

    def asked(self, key: Key) -> bool:
        """Whether anything was counted for it, or is missing."""
        server = self.servers.get(key)
        return server is not None and server.asked

    def skip(self, what: str, why: str, hint: str) -> None:
        """Say what is left out."""
        self.skipped.append(Skipped(what, why, hint))

    def counted_once(self, key: Key, kind: str) -> bool:
        """Whether what connects to a host is deployed in one way only: two ways may be the same app twice."""
        server = self.of(key)
        server.kind = server.kind or kind
        if server.kind != kind:
            why = f"{server.kind} and {kind} both deploy to it: which is used is not known"
            self.skip(f"the sum of connections to {key.host}", why, "Lint the one that is deployed.")
        return server.kind == kind

    def fleets(self, numbers: Numbers, terraform: Amount | None) -> Iterator[Fleet]:
        """Every host with a known limit; what is missing only makes its sum larger."""
        asked = {key: server for key, server in self.servers.items() if server.asked}
        outside = {key.host for key in asked if key.place not in self.composes}
        for key, server in asked.items():
            if server.limit is None and key.place not in self.composes and len(outside) == 1:
                server.limit, server.reserved = _told(numbers, terraform), numbers.reserved
            self._say_missing(key, server)
            if server.members and server.clients is not None:
                yield _fleet(key, server, server.clients, against="pooler clients")
            elif (
                server.members
                and server.limit is not None
                and not self._said_by_url_rule(key, server, numbers)
            ):
                yield _fleet(key, server, server.limit, against="slots", buffer=numbers.buffer)

    def _say_missing(self, key: Key, server: ServerSum) -> None:
        """What no file tells: it makes the sum larger, or there is none."""
        what = f"the sum of connections to {key.host}"
        limited = server.limit is not None or server.clients is not None
        if server.missing:
            missing = ", ".join(dict.fromkeys(server.missing))
            self.skip(what, f"{missing}: not known from the files", SIZE_HINT)
        elif not limited and server.large:
            self.skip(what, "the server's max_connections is not known", "Give --max N or --plan NAME.")
        for member in server.members if limited else ():
            workers = member.workers
            if workers.least:
                why = f"{workers.words} ({workers.location}); counted as {workers.number}"
                self.skip(
                    f"the processes of {member.name}",
                    why,
                    "Write the number, so that the sum is the real one.",
                )

    def _said_by_url_rule(self, key: Key, server: ServerSum, numbers: Numbers) -> bool:
        """With instances and max_connections in the config, the sum of one string is PC204's, as far as it exceeds."""
        if key.place in self.composes or numbers.instances is None or numbers.max_connections is None:
            return False
        if len(server.members) != 1:
            return False
        (one,) = server.members
        slots = numbers.max_connections - numbers.reserved
        return one.workers.number == 1 or one.instances.number * one.pool.number > slots


def _told(numbers: Numbers, terraform: Amount | None) -> Amount | None:
    """The limit of the one server that no compose file runs: the config's, else Terraform's."""
    if numbers.max_connections is None:
        return terraform
    source = numbers.sources.get("max_connections", "an option")
    return Amount(numbers.max_connections, f"max_connections {numbers.max_connections}, {source}")


def _fleet(key: Key, server: ServerSum, limit: Amount, *, against: Against, buffer: int = 0) -> Fleet:
    largest = max(server.members, key=lambda member: member.deploy)
    return Fleet(
        name=key.host, location=largest.location, members=tuple(server.members), limit=limit, against=against,
        reserved=server.reserved if against == "slots" else 0, buffer=buffer,
        raises=server.raises if against == "pooler clients" else "",
    )  # fmt: skip


def runs_once(name: str) -> bool:
    """Whether a service of that name runs once, or for people."""
    return _ONCE.search(name) is not None


def for_app(name: str) -> bool:
    """Whether a variable of that name may hold the app's string."""
    return name_claims(name) != "direct" and "SHADOW" not in name and "TEST" not in name


def deployed_target(name: str, conn: ConnectionString, at: Location, package: Package) -> Target:
    """The app's string as a deployment file holds it."""
    match = catalogue.match(conn)
    return Target(
        name=name, conn=conn, location=at, origin="config", role="app", match=match, package=package
    )


def elsewhere(conn: ConnectionString) -> bool:
    """Whether a string leads to a server of PostgreSQL that is not this machine, and whose name is written out."""
    return conn.is_postgres and conn.host not in HERE and "$" not in conn.host


def expanded(text: str, environment: Mapping[str, str | None]) -> str:
    """`$(NAME)` as Kubernetes fills it in, once; what is not known stays."""
    return re.sub(r"\$\((\w+)\)", lambda match: environment.get(match[1]) or match[0], text)
