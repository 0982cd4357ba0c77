"""The map while the deployment files are read: clients with what is known of each, and what has to be asked."""

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from poolcheck import catalogue
from poolcheck.config.settings import Config, NamedClient
from poolcheck.connection.parse import looks_like_connection_string, parse
from poolcheck.connection.string import ConnectionString
from poolcheck.model.amount import Amount, How, at_least, exact
from poolcheck.model.connection_map import Client, ConnectionLimit, Map, Pool, Question, Route
from poolcheck.model.context import Context, Numbers
from poolcheck.model.pooler_config import PoolerConfig
from poolcheck.model.problem import Location
from poolcheck.model.project import Package, Role, Runtime
from poolcheck.model.report import Skipped
from poolcheck.model.roles import MIGRATORS, name_claims, role_of
from poolcheck.model.sizing import surge
from poolcheck.model.target import Target, app_traffic, on_this_machine
from poolcheck.project.collected import Collected
from poolcheck.project.mapping import from_sql
from poolcheck.project.mapping.ends import NOWHERE, End, Ends, Standing
from poolcheck.project.mapping.limits import Limits
from poolcheck.project.mapping.pools import NOTHING_SET, Beside, PoolReader, string_of
from poolcheck.project.mapping.process_counts import ONE, ProcessCommands
from poolcheck.project.packages import inside
from poolcheck.readers.env import dotenv
from poolcheck.readers.env.dotenv import Entry
from poolcheck.record import dataclass
from poolcheck.text import plural

if TYPE_CHECKING:
    from poolcheck.project.packages import Packages
    from poolcheck.readers.deploy.terraform_servers import TerraformServer
    from poolcheck.readers.sql_limits import SqlLimit

# Services that run once, or for people: their few connections are what the buffer is for.
_COMPOSE = re.compile(r"(?:docker-)?compose(?:[._-][\w.-]+)?\.ya?ml")
_ONCE = re.compile(
    r"migrat|seed|setup|init|backup|backrest|exporter|admin|studio|test|e2e|prestart|release", re.IGNORECASE
)
_NO_RELEASE = "release-name-"  # what `helm template` writes where the release's name will stand
_STRING_NAME = re.compile(
    r"(?:\w{0,60}_)?(?:DATABASE|POSTGRES(?:QL)?|PG|DB|SQLALCHEMY\w{0,60}|JDBC\w{0,60})_?(?:\w{0,60}_)?(?:URL|URI|DSN|CONNECTION(?:_STRING)?)|\w+_DSN"
)
_DEVELOPERS = ("local", "development", "dev")  # stages of env files that speak where no other does
_OTHERS = re.compile(
    r"REDIS|SENTRY|MYSQL|MARIA|MONGO|CLICKHOUSE|AMQP|RABBIT|KAFKA|ELASTIC|MAIL|SMTP|GLITCHTIP|SQLITE"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """A variable of a client, and what it leads to."""

    variable: str
    role: Role
    end: End
    place: Location
    target: Target | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """What a file says of a client."""

    name: str
    place: Location
    ways: tuple[Way, ...]
    package: Package | None = None  # whose code it runs; None: somebody else's image
    pools: tuple[Pool, ...] | None = None  # where they are not the package's
    image: str = ""
    instances: Amount | None = None
    why: str = ""  # where instances is None: why they are not known
    surge: Amount | None = None  # None: what the settings say
    processes: Amount = ONE
    threads: Amount | None = None
    environment: Mapping[str, str | None] = field(default_factory=dict)
    complete: bool = True  # every variable of it is known
    once: bool = False
    deployed: bool = True
    kind: str = ""  # the way of deployment: two ways may be the same app twice


class MapDraft:
    """Clients in the order of their files; the servers and poolers are `ends`."""

    def __init__(self, found: Collected, packages: "Packages", ctx: Context, numbers: Numbers) -> None:
        self.found, self.packages, self.ctx, self.numbers = found, packages, ctx, numbers
        self.config: Config = packages.config
        self.commands = ProcessCommands(packages)
        self.ends = Ends(self.config)
        self.terraform: tuple[TerraformServer, ...] = ()
        self.sql: tuple[SqlLimit, ...] = ()
        self.poolers: list[PoolerConfig] = []  # that only an operator's objects configure
        self.reader = PoolReader(found.subjects, ctx)
        self.passed: set[tuple[str, int | None, str]] = (
            set()
        )  # strings that were read and lead nowhere: path, line, variable
        self.skipped: list[Skipped] = []
        self.running: list[Running] = []
        self.questions: list[Question] = []
        self._assignments: dict[str, Sequence[Entry]] = {}

    # --- what collectors ask ---

    def package(self, name: str, images: Iterable[str] = ()) -> Package | None:
        """The package that a workload runs: the one of its name or its image's, or the only one that speaks to a database."""
        only = self._speaking[0] if len(self._speaking) == 1 else None
        return self.named_package({name, *map(_last, images)}) or only

    def named_package(self, names: set[str]) -> Package | None:
        """The only package with a driver that has one of these names: its folder's, or its manifest's without the scope."""
        named = {each.path: each for name in names for each in self._by_name.get(name, ())}
        return next(iter(named.values())) if len(named) == 1 else None

    def built(self, folder: str, name: str, context: str = "") -> Package:
        """The package that is built in a folder; where its own code makes no client: the one below of that name, or the only one that does.

        `context` is looked below where the folder, the Dockerfile's, has nothing of its own.
        """
        own = self.packages.of(posixpath.join(folder, "x"))
        if self.reader.may_make(own):
            return own
        making = [each for each in self.packages.known() if self.reader.may_make(each)]
        below = [each for each in making if inside(each.path, folder)]
        below = below or [each for each in making if context and inside(each.path, context)]
        named = [
            each for each in below if name in (posixpath.basename(each.path), each.title.rpartition("/")[2])
        ]
        found = named or below
        if context and not found and not self.packages.manifest_in(folder) and self.packages.manifest_in(context):  # fmt: skip
            return self.packages.of(posixpath.join(context, "x"))  # its Dockerfile lies elsewhere
        return found[0] if len(found) == 1 else own

    @cached_property
    def _speaking(self) -> list[Package]:
        return [each for each in self.packages.known() if each.drivers or self.reader.sites(each)]

    @cached_property
    def _by_name(self) -> dict[str, list[Package]]:
        made: dict[str, list[Package]] = {}
        for each in self._speaking:
            for name in {posixpath.basename(each.path), each.title.rpartition("/")[2]} - {"", "."}:
                made.setdefault(name, []).append(each)
        return made

    def env_target(self, name: str) -> Target | None:
        """The one string of that name in the project's env files, when it is no developer's."""
        found = [
            target
            for target in self.found.targets
            if target.name == name and target.role == "app" and target.active and not target.commented
            and not target.example_file and not on_this_machine(target) and not target.conn.has_placeholder
        ]  # fmt: skip
        return found[0] if len(found) == 1 else None

    def _stacks_apart(self, path: str, other: str) -> bool:
        """Whether an env file lies with the compose file of another folder than the compose file that is read."""
        here, there = posixpath.dirname(path), posixpath.dirname(other)
        return (
            here != there
            and _COMPOSE.fullmatch(posixpath.basename(other)) is not None
            and here in self._compose_folders
        )

    @cached_property
    def _compose_folders(self) -> set[str]:
        return {
            posixpath.dirname(each)
            for each in self.packages.names
            if _COMPOSE.fullmatch(posixpath.basename(each))
        }

    def assignments(self, path: str) -> Sequence[Entry]:
        """What an env file sets that was read; of any other nothing is known. Many services are given the same one."""
        if path not in self._assignments:
            text = self.packages.text(path) if path in self.found.lines else None
            self._assignments[path] = () if text is None else dotenv.read(text, path).active
        return self._assignments[path]

    def in_container(self, package: Package | None, source: str) -> Package:
        """The package of a client that a file runs in a container, whatever else its code is deployed to."""
        home = package or self.packages.outside()
        return (
            replace(home, runtime=Runtime("server", source, "container"))
            if self.config.runtime == "auto"
            else home
        )

    def way(
        self,
        name: str,
        conn: ConnectionString,
        at: Location,
        package: Package | None,
        place: Standing = NOWHERE,
    ) -> Way | None:
        """The way of a string that a deployment file holds; None when it is none of PostgreSQL, or not filled in."""
        if not conn.is_postgres or "$" in conn.host or conn.is_placeholder:
            return None
        home = self.in_container(package, at.path) if place.scope else package or self.packages.outside()
        target = deployed_target(name, conn, at, home)
        end = self.ends.of(conn, target.match, place)
        return Way(
            variable=name, role="app" if for_app(name) else "migration", end=end, place=at, target=target
        )

    def way_of_target(self, target: Target, scope: str = "") -> Way:
        """The way of a string that an env file or a config holds."""
        end = self.ends.of(target.conn, target.match, Standing(scope))
        return Way(variable=target.name, role=target.role, end=end, place=target.location, target=target)

    def unread(self, name: str, reference: str, at: Location, package: Package | None) -> Way | None:
        """The way of a variable whose text is not in the repository: by an env file's string of its name, else by the reference."""
        return self.referred(name, reference, at) if self.is_string(name, package) else None

    def referred(self, name: str, reference: str, at: Location) -> Way:
        """The way of a variable that does lead to a server, and whose text is not in the repository."""
        known = self.env_target(name)
        if known is not None and not self._stacks_apart(known.location.path, at.path):
            return self.way_of_target(known)
        return self.by_reference(name, reference, at)

    def by_reference(self, name: str, reference: str, at: Location) -> Way:
        """The way to the server that only the reference names, or the variable itself."""
        end = self.ends.of_reference(reference or name)
        return Way(variable=name, role="app" if for_app(name) else "migration", end=end, place=at)

    def of_code(self, package: Package, at: Location, around: Beside = NOTHING_SET) -> Iterator[Way]:
        """The ways of the variables that the package's code connects with, whose text nothing here tells."""
        for variable in self.reader.variables(package, around):
            way = self.unread(variable, variable, at, package)
            if way is not None:
                yield way

    def of_config(
        self, package: Package, around: Beside, at: Location, place: Standing = NOWHERE
    ) -> Iterator[Way]:
        """The ways of the pools that the package's framework makes by its config files."""
        for pool in self.reader.configured(package, around):
            string = string_of(pool, around)
            if string is None:
                continue
            conn = string.conn
            way = None
            if conn is not None and not (place.scope and _here(conn)):  # in a container that is a developer's
                way = self.way(string.name, conn, string.place, package, place)
            elif string.missing:
                way = self.referred(string.missing, string.missing, at)
            if way is not None:
                yield way

    def is_string(self, name: str, package: Package | None) -> bool:
        """Whether a variable holds a connection string, by what reads it or by its name."""
        if package is not None:
            if name in self.reader.variables(package) or any(read.variable == name for read in package.reads):
                return True
            if self.reader.is_configured(package, name):
                return True
        return _STRING_NAME.fullmatch(name.upper()) is not None and _OTHERS.search(name.upper()) is None

    def ambiguous(self, name: str, places: Sequence[Location]) -> None:
        """Two workloads of one name: which of them runs is not known, and neither is counted."""
        where = " and ".join(map(str, places[:3]))
        self._ask(
            name,
            "deployment",
            "lint the one that is deployed, by its path",
            why=f"{name} stands in {where}",
            where=places[0],
        )

    # --- what comes out ---

    def finish(self) -> Map:
        """The map: names given, settings applied, and a question for whatever nobody tells."""
        taken: dict[str, int] = {}  # names, and how often each was wanted
        names = [_free(each.name, each.place.path, taken) for each in self.running]
        tables = self._tables(names)
        self.running = [self._led(each, table) for each, table in zip(self.running, tables, strict=True)]
        from_sql.lay(self.sql, list(dict.fromkeys(self.ends.servers.values())), self._logins())
        for each, name in zip(self.running, names, strict=True):
            _limit_instance(each, name)
        limits = Limits(self.ends, self.config, self.numbers, self.terraform)
        poolers, servers = limits.finish()
        clients: list[Client] = []
        routes: list[Route] = []
        several = self._several_kinds()
        for each, name, table in zip(self.running, names, tables, strict=True):
            clients.append(self._client(each, name, table, several))
            routes += [
                Route(
                    id=f"r{len(routes) + number}", variable=way.variable, place=way.place, role=way.role, client=name,
                    pooler=way.end.pooler.name if way.end.pooler else "", server=way.end.server.name if way.end.server else "",
                    **_session(way.target),
                )
                for number, way in enumerate(each.ways, 1)
            ]  # fmt: skip
        before = {opening.server for pooler in poolers for opening in pooler.opens}
        asked = {each.server for each in routes} | before
        servers = tuple(each for each in servers if each.name in asked)
        direct = {each.end for each in routes if each.role == "app"}
        reached = {each.pooler for each in routes}
        for server in servers:
            if (
                (server.max_connections is None or server.max_connections.low != server.max_connections.high)
                and not server.here
                and server.name in direct
            ):
                self.questions.append(limits.limit_question(server))
        # nobody's traffic: no row waits for an answer
        idle = {each.name for each in poolers} - direct - before
        self.questions += [
            each for each in limits.questions if each.what != "max_clients" or each.of not in idle
        ]
        return Map(
            clients=tuple(clients), poolers=tuple(each for each in poolers if each.name in reached or each.opens),
            servers=servers, routes=tuple(routes), questions=tuple(dict.fromkeys(self.questions)),
        )  # fmt: skip

    def _logins(self) -> Iterator[from_sql.Login]:
        """Who logs in where, by the strings."""
        for way in (way for each in self.running for way in each.ways):
            session = _session(way.target)
            if session and way.end.server is not None:
                yield way.end.server, session["user"], session["database"]

    def _several_kinds(self) -> dict[str, str]:
        """Ends that are reached by two ways of deployment, with both."""
        kinds: dict[str, dict[str, None]] = {}
        for each in self.running:
            for way in each.ways:
                end = way.end.pooler or way.end.server
                if end is not None and each.kind and way.role == "app":
                    kinds.setdefault(end.name, {})[each.kind] = None
        return {end: " and ".join(many) for end, many in kinds.items() if len(many) > 1}

    def _told(self, name: str, number: int, words: str) -> Amount:
        """A number of the settings, with the option or file that says it."""
        source = self.numbers.sources.get(name, "")
        shown = f"{words} ({source})" if source else words
        return exact(number, shown, None, self.numbers.how(name))

    def _tables(self, names: Sequence[str]) -> list[NamedClient | None]:
        """The [client."..."] table of each: of its name; else of its folder, or one above; else of its last part."""
        found: list[NamedClient | None] = [None] * len(names)
        for table in self.config.client:
            wanted = table.name.removeprefix("./").rstrip("/")
            hits = [at for at, name in enumerate(names) if name == table.name]
            hits = hits or [at for at in range(len(names)) if self._lies_in(at, wanted)]
            for at in hits or [at for at, name in enumerate(names) if name.rpartition("/")[2] == table.name]:
                found[at] = found[at] or table
        return found

    def _lies_in(self, at: int, folder: str) -> bool:
        package = self.running[at].package
        own = self.config.relative((package.path if package else "") or ".")
        return f"{own}/".startswith(f"{folder}/")

    def _led(self, each: Running, table: NamedClient | None) -> Running:
        """Where its strings lead that only a secret names: to the server of its table. What is reached over HTTP stands before the database of its direct string."""
        direct = [
            way.end.server for way in each.ways if way.role == "migration" and way.end.server is not None
        ]
        ends = []
        for pooler, server in (way.end for way in each.ways):
            if table is not None and table.server and pooler is None and server is not None and server.unread:
                ends.append(End(None, self.ends.named(table.server)))
            elif (
                pooler is not None
                and server is None
                and direct
                and pooler.match
                and pooler.match.kind == "http"
            ):
                pooler.fronts[direct[0]] = None
                ends.append(End(pooler, direct[0]))
            else:
                ends.append(End(pooler, server))
        return replace(
            each, ways=tuple(replace(way, end=end) for way, end in zip(each.ways, ends, strict=True))
        )

    def _client(
        self, each: Running, name: str, table: NamedClient | None, several: Mapping[str, str]
    ) -> Client:
        numbers = self.numbers
        instances, added, processes = each.instances, each.surge, each.processes
        if instances is None and not each.why and numbers.instances is not None:
            instances = self._told("instances", numbers.instances, plural(numbers.instances, "instance"))
        if table is not None and table.instances is not None:
            instances = exact(
                table.instances, f'{table.instances} instances, [client."{table.name}"]', None, "config"
            )
        if table is not None and table.workers is not None:
            processes = exact(
                table.workers, f'{table.workers} processes, [client."{table.name}"]', None, "config"
            )
        elif processes.how == "default" and numbers.workers != 1:
            processes = self._told(
                "workers", numbers.workers, plural(numbers.workers, "process", "processes")
            )
        if table is not None and table.surge:
            added = _surge(
                instances, table.surge, f'[client."{table.name}"] surge = "{table.surge}"', "config"
            )
        elif added is None:
            source = self.numbers.sources.get("surge", "")
            words = f"{numbers.surge} more while a deploy runs{f' ({source})' if source else ''}"
            added = _surge(instances, numbers.surge, words, numbers.how("surge"))
        for way in each.ways:
            end = way.end.pooler or way.end.server
            if end is not None and end.name in several and way.role == "app":
                instances = None
                self._ask(name, "deployment", "lint the one that is deployed, by its path", why=f"{several[end.name]} both deploy to {end.name}: which is used is not known", where=each.place, server=end.name)  # fmt: skip
        pools = self._pools(each, name, table)
        known = bool(pools) and all(pool.size is not None and not pool.size.open for pool in pools)
        if (
            known
            and processes.how == "default"
            and each.threads is None
            and numbers.workers == 1
            and _of_php(each.package)
        ):
            processes = at_least(1, "PHP-FPM starts up to pm.max_children, which no file here sets")
        if instances is None and not each.once:
            self._ask(name, "instances", f'--instances N (the autoscaler\'s maximum), or [client."{name}"] instances', why=each.why or "how many instances run at once is not known", where=each.place)  # fmt: skip
        if processes.open and not each.once:
            self._ask(
                name,
                "processes",
                f'write the number, or [client."{name}"] workers',
                why=processes.words,
                where=processes.where,
            )
        return Client(
            name=name, place=each.place, package=each.package or Package(), instances=instances, surge=added, processes=processes,
            runtime=each.package.runtime.kind if each.package else "unknown", threads=each.threads, pools=pools, once=each.once,
            deployed=each.deployed,
        )  # fmt: skip

    def _pools(self, each: Running, name: str, table: NamedClient | None) -> tuple[Pool, ...]:
        app = [way for way in each.ways if way.role == "app"]
        if table is not None and table.pool is not None:
            size = exact(table.pool, f'{table.pool} connections, [client."{table.name}"]', None, "config")
            return (Pool(driver="", title="pool", place=None, size=size),)
        pools = each.pools
        if pools is None and each.package is not None:
            targets = [way.target for way in app if way.target is not None]
            stage = next((target.stage for target in targets), "")
            around = Beside(
                environment=each.environment, complete=each.complete, targets=targets, stage=stage,
                threads=each.threads,
            )  # fmt: skip
            pools = self.reader.pools(each.package, around)
        made = pools or ()
        if not app or each.once:
            return made
        if self.numbers.pool is not None and (not made or any(pool.size is None for pool in made)):
            size = self._told("pool", self.numbers.pool, plural(self.numbers.pool, "connection"))
            return tuple(pool if pool.size else replace(pool, size=size, why="") for pool in made) or (
                Pool(driver="", title="pool", place=None, size=size),
            )
        tell = f'--pool N (the connections of one process), or [client."{name}"] pool'
        if not made:
            why = f"{each.image}: how many connections this image opens is not known" if each.image and not (each.package and each.package.manifests) else "no call that makes a pool was found in its source"  # fmt: skip
            self._ask(name, "pool", tell, why=why, where=each.place)
        for pool in made:
            if pool.size is None:
                self._ask(
                    name,
                    "pool",
                    tell,
                    why=pool.why or f"the size of {pool.title} is not known",
                    where=pool.place,
                )
            elif pool.size.open:
                self._ask(name, "pool", tell, why=pool.size.words, where=pool.place)
        return made

    def _ask(self, of: str, what: str, tell: str, **more: Any) -> None:
        self.questions.append(Question(of=of, server=more.pop("server", ""), what=what, tell=tell, **more))


def _limit_instance(each: Running, name: str) -> None:
    """What its platform lets one instance open to a provider's server."""
    for server in {way.end.server: None for way in each.ways if way.role == "app" and way.end.server}:
        known = catalogue.provider(server.provider) if server.provider else None
        for limit in known.instance_limits if known is not None else ():
            if limit.platform == each.kind:
                most = exact(limit.most, f"{limit.most} {limit.words}", None, "catalogue")
                server.caps["instance", name] = ConnectionLimit("instance", name, most)


def _free(name: str, path: str, taken: dict[str, int]) -> str:
    """A name that no client has yet: the file tells two of one name apart, then a number."""
    for wanted in (name, f"{name} ({path})"):
        taken[wanted] = taken.get(wanted, 0) + 1
        if taken[wanted] == 1:
            return wanted
    return f"{name} ({path}) {taken[wanted]}"


def _surge(instances: Amount | None, text: str, words: str, how: How) -> Amount | None:
    if instances is None:
        return None
    high = None if instances.high is None else surge(instances.high, text)
    return Amount(surge(instances.low, text), high, words, None, how)


def _session(target: Target | None) -> dict[str, str]:
    """What the server sees of the sessions of a string."""
    if target is None:
        return {}
    conn = target.conn
    named = conn.param("application_name") or ""
    return {"user": conn.user or "", "database": conn.database or conn.user or "", "application": named}


def _of_php(package: Package | None) -> bool:
    """Whether a program is PHP's, of which a process serves one request at a time, and a server runs many."""
    return package is not None and any(each.endswith("composer.json") for each in package.manifests)


def _here(conn: ConnectionString) -> bool:
    """Whether a string leads to the machine it is used on: in a container, where no server runs, it is a developer's."""
    return all(host.socket or host.name.startswith(("localhost", "127.", "::1")) for host in conn.hosts)


def _last(image: str) -> str:
    """`api` of ghcr.io/acme/api:1."""
    return image.partition("@")[0].rpartition("/")[2].partition(":")[0]


def runs_once(name: str) -> bool:
    """Whether a service of that name runs once, or for people."""
    return _ONCE.search(name.removeprefix(_NO_RELEASE)) is not None


def for_app(name: str) -> bool:
    """Whether a variable of that name may hold the app's string."""
    tool = not MIGRATORS.isdisjoint(name.lower().split("_"))
    return name_claims(name) != "direct" and "SHADOW" not in name and "TEST" not in name and not tool


def deployed_target(name: str, conn: ConnectionString, at: Location, package: Package) -> Target:
    """A string that a program is given by its deployment."""
    role, why = role_of(name, package)
    return Target(
        name=name, conn=conn, location=at, origin="config", role=role, role_source=why,
        match=catalogue.match(conn), package=package,
    )  # fmt: skip


def string_in(text: str) -> ConnectionString | None:
    """The connection string of PostgreSQL that a text is."""
    conn = parse(text) if looks_like_connection_string(text) else None
    return conn if conn is not None and conn.is_postgres else None


def expanded(text: str, environment: Mapping[str, str | None]) -> str:
    """`$(NAME)` as Kubernetes fills it in, once; what is not known stays."""
    return re.sub(r"\$\((\w+)\)", lambda match: environment.get(match[1]) or match[0], text)


def app_targets(targets: Sequence[Target]) -> list[Target]:
    """The strings that an app connects with where it is deployed, production's first.

    An example file shows what to write; a test's server is nobody's outage.
    """
    found = [
        target
        for target in targets
        if app_traffic(target)
        and not target.example_file
        and (target.origin == "argument" or not target.conn.has_placeholder)
        and (target.conn.is_postgres or target.match.kind == "http")
    ]
    deployed = [each for each in found if each.stage not in _DEVELOPERS]
    return sorted(deployed or found, key=lambda each: each.stage != "production")
