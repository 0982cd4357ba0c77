"""Servers and poolers by what reaches them: addresses, their aliases, and names of secrets that nobody here can read.

Two strings reach the same server when their addresses are the same, are known aliases (a compose service; `svc`, `svc.ns`,
`svc.ns.svc.cluster.local`; a provider's direct and pooled pair; the `hosts` of a `[server.NAME]`), or when the same secret or
variable names both. What says that a stranger's host is a pooler is kept as evidence.
"""

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, NamedTuple

from poolcheck.catalogue.conversions import convert
from poolcheck.config.settings import Config, NamedServer
from poolcheck.connection.placeholder import FILLED_IN
from poolcheck.connection.string import ConnectionString
from poolcheck.model.amount import Amount, exact
from poolcheck.model.connection_map import ConnectionLimit, Mode
from poolcheck.model.facts import Match
from poolcheck.model.problem import Location

if TYPE_CHECKING:
    from poolcheck.model.pooler_config import PoolerConfig, PoolerDatabase

PORT = 5432
_POOLER_PORTS = (6432, 6543)
_POOLER_NAME = re.compile(
    r"pg[_-]?bouncer|pgcat|pgdog|odyssey|supavisor|pgpool|(?:^|[-.])pooler(?:[-.]|$)", re.IGNORECASE
)
_CLUSTER = re.compile(r"\.svc(?:\.cluster\.local)?$")
_NAME = re.compile(r"[\w.-]{0,253}|\[?[0-9a-f:.]{2,45}\]?|/[\w./:-]{1,107}", re.ASCII)
_RESOURCE = re.compile(r"(?:aws_db_proxy|aws_db_instance|aws_rds_cluster)\.[\w-]+")  # as Terraform names it
_HERE = re.compile(r"localhost|127\.[\d.]+|::1|\[::1\]|0\.0\.0\.0|")


class Key(NamedTuple):
    """An address, and where it holds."""

    scope: str  # a compose file, "manifests" or a stage of them; "": everywhere
    host: str
    port: int = PORT


class Standing(NamedTuple):
    """Where a string stands, for names that hold there only."""

    scope: str = ""
    namespace: str = ""
    pod: str = ""  # whose containers reach one another on localhost


NOWHERE = Standing()


class ServerDraft:
    """A server while the files are read."""

    def __init__(self, key: Key) -> None:
        self.key = key
        self.title = ""  # what it is called where it is declared
        self.name = ""  # given in the end
        self.addresses: dict[str, None] = {}
        self.limit: Amount | None = None
        self.reserved: Amount | None = None
        self.provider = ""
        self.place: Location | None = None
        self.declared = False  # a file runs it
        self.here = False
        self.told: NamedServer | None = None
        self.scripts: list[str] = []  # files and folders of its first start
        self.superuser = ""  # the role that its image makes
        self.caps: dict[tuple[str, str], ConnectionLimit] = {}

    @property
    def unread(self) -> bool:
        """Whether only a secret or variable names it."""
        return self.told is None and not self.addresses and not self.declared and self.key.port == 0


class PoolerDraft:
    """A pooler while the files are read."""

    def __init__(self, name: str, place: Location, scope: str) -> None:
        self.title, self.place, self.scope = name, place, scope
        self.name = ""
        self.config: PoolerConfig | None = None
        self.software = "pgbouncer"
        self.mode: Mode | None = None
        self.replicas = exact(1, "1 container", None, "default")
        self.addresses: dict[str, None] = {}
        self.evidence = ""
        self.match: Match | None = None  # of a provider's endpoint
        self.server: ServerDraft | None = None  # where no config tells
        self.fronts: dict[ServerDraft, None] = {}  # databases that it is reached over HTTP for
        self.asked: dict[tuple[str, str], None] = {}  # (database, user) that clients ask for


class End(NamedTuple):
    """What a string leads to."""

    pooler: PoolerDraft | None
    server: ServerDraft | None


class Ends:
    """Every server and pooler of a project."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.servers: dict[Key, ServerDraft] = {}
        self.poolers: dict[Key, PoolerDraft] = {}
        self._files: dict[Key, PoolerDraft] = {}  # those of files that no container runs
        self._scopes: dict[str, set[str]] = {}  # by name: the files that know it
        self.joined: dict[
            str, set[str]
        ] = {}  # compose files that share a network with others, and what each runs itself

    # --- what files declare ---

    def declare(self, scope: str, names: tuple[str, ...], place: Location) -> ServerDraft:
        """A server that a file runs, under all its names there. The last one is its alone: with the namespace, where one is known."""
        made = self.server(Key(scope, names[-1]))
        made.title = made.title or names[0]
        for name in names:
            self.servers[self._noted(Key(scope, name))] = made
        made.declared, made.place = True, made.place or place
        return made

    def declare_pooler(
        self, scope: str, names: tuple[str, ...], config: "PoolerConfig", replicas: Amount
    ) -> PoolerDraft:
        """A pooler of the project, under all its names there; at any port."""
        made = PoolerDraft(names[0] if names else config.name, config.location, scope)
        made.config, made.software, made.replicas = config, config.software, replicas
        modes = config.modes
        made.mode = _mode(next(iter(modes))) if len(modes) == 1 else None
        for key in [Key(scope, name, 0) for name in names] or [Key("", config.name, 0)]:
            self.poolers[self._noted(key)] = made
            if not scope:
                self._files[key] = made
        return made

    def _noted(self, key: Key) -> Key:
        """The key, as one more name that its file knows."""
        if key.scope:
            self._scopes.setdefault(key.host, set()).add(key.scope)
        return key

    def server(self, key: Key) -> ServerDraft:
        """The server at a key, new if need be."""
        if key not in self.servers:
            self.servers[self._noted(key)] = ServerDraft(key)
        return self.servers[key]

    def named(self, name: str) -> ServerDraft:
        """The server of a [server.NAME]."""
        made = self.server(Key(f"[server.{name}]", name, 0))
        made.told = next((each for each in self.config.server if each.name == name), NamedServer(name=name))
        return made

    # --- what strings lead to ---

    def of_reference(self, reference: str) -> End:
        """The server that only a secret or variable names."""
        return End(None, self.server(Key("", reference, 0)))

    def of(self, conn: ConnectionString, match: Match, place: Standing = NOWHERE) -> End:
        """What a connection string leads to."""
        scope, namespace, pod = place
        if conn.unclear or _NAME.fullmatch(conn.host) is None or conn.shown(conn.host) != conn.host:
            return End(
                None, self.server(Key("", "a string that cannot be read", 0))
            )  # a piece of a password may stand there
        host, port = conn.host.lower().rstrip("."), self._port(conn)
        beside = self.poolers.get(Key(scope, pod, 0)) if pod and _HERE.fullmatch(host) else None
        declared = beside or self._known(scope, host, port, namespace)
        if declared is not None:
            declared.addresses[f"{host}:{port}"] = None
            _ask(declared, conn)
            return End(declared, self.behind(declared, conn.database or "", namespace))
        told = self._told(host)
        if match.kind in ("pooled", "http") and match.provider is not None:
            return self._provided(conn, match, host, port)
        server = self._declared(scope, host, port, namespace)
        here = match.local and _HERE.fullmatch(host) is not None
        bare = not here and match.kind != "direct" and not (server and (server.declared or server.here))
        if bare and (evidence := evidence_of(conn)):
            return self._evident(told, scope, host, port, evidence)
        if server is None:
            server = self.named(told.name) if told else self.server(Key(self._place(scope, host), self._host(host), port))  # fmt: skip
            server.here = server.here or here
            server.provider = server.provider or (match.provider.id if match.provider else "")
        server.addresses[f"{host or 'localhost'}:{port}"] = None
        return End(None, server)

    def pooler_of(self, conn: ConnectionString) -> PoolerDraft | None:
        """The pooler of the project that a string of no client leads to."""
        if not self.poolers or _NAME.fullmatch(conn.host) is None:
            return None
        return self._known("", conn.host.lower().rstrip("."), self._port(conn), "")

    def _known(self, scope: str, host: str, port: int, namespace: str) -> PoolerDraft | None:
        return self._pooler(scope, host, namespace) or self._listening(host, port)

    def runs(self, host: str, place: Standing) -> bool:
        """Whether a host is a server or pooler that the files of that place run."""
        if _RESOURCE.match(host):
            return True
        names = self._names(place.scope, host.lower(), place.namespace)
        return self.is_pooler(host, place) or any(Key(*each) in self.servers for each in names)

    def in_several(self, host: str) -> bool:
        """Whether several compose files run a server of that name: which of them is meant, their own services say."""
        base = host.lower()
        scopes = [scope for scope in self._scopes.get(base, ()) if scope.endswith((".yml", ".yaml"))]
        return len(scopes) > 1 and all(
            (made := self.servers.get(Key(scope, base))) is not None and made.declared for scope in scopes
        )

    def is_pooler(self, host: str, place: Standing) -> bool:
        """Whether a host is a pooler that the files of that place run."""
        return self._pooler(place.scope, host.lower(), place.namespace) is not None

    def _port(self, conn: ConnectionString) -> int:
        return (conn.hosts[0].port if conn.hosts else None) or PORT

    def _host(self, host: str) -> str:
        """A name without the cluster's ending."""
        return _CLUSTER.sub("", host)

    def _place(self, scope: str, host: str) -> str:
        """Where a name holds: a bare one within its file, any other everywhere."""
        return scope if "." not in self._host(host) and host not in ("", "localhost") else ""

    def _names(self, scope: str, host: str, namespace: str) -> Iterator[tuple[str, str]]:
        """(scope, name) under which a host may be declared; a bare name that only one file knows is that one's."""
        base = self._host(host)
        name, _, space = base.partition(".")
        if scope and namespace and not space:
            yield scope, f"{name}.{namespace}"  # before the same name of another namespace
        yield scope, host
        if scope and (not space or "." not in space):
            yield scope, f"{name}.{space or namespace}"
            yield scope, name
        if (not scope or scope in self.joined) and "." not in base and base:
            scopes = self._scopes.get(base, set()) - {scope}
            taken = base in self.joined.get(scope, ())
            if len(scopes) == 1 and (not scope or (not taken and not scopes.isdisjoint(self.joined))):
                yield next(iter(scopes)), base

    def _pooler(self, scope: str, host: str, namespace: str) -> PoolerDraft | None:
        return next(
            (
                found
                for place, name in self._names(scope, host, namespace)
                if (found := self.poolers.get(Key(place, name, 0)))
            ),
            None,
        )

    def _listening(self, host: str, port: int) -> PoolerDraft | None:
        """The one pooler file of the project that no container runs, where host or port say that it answers."""
        free = list(dict.fromkeys(self._files.values()))
        if len(free) != 1 or free[0].config is None:
            return None
        listens = free[0].config.number("listen_port", 6432)
        here = _POOLER_NAME.search(host) is not None or (listens == port and port != PORT)
        return free[0] if here else None

    def _declared(self, scope: str, host: str, port: int, namespace: str) -> ServerDraft | None:
        for place, name in self._names(scope, host, namespace):
            for at in (port, PORT):
                found = self.servers.get(Key(place, name, at))
                if found is not None and (found.declared or (place, at) == (scope, port)):
                    return found
        return None

    def _told(self, host: str) -> NamedServer | None:
        """The [server.NAME] table whose hosts this is one of."""
        for table in self.config.server:
            if any(fnmatchcase(host, each.lower()) for each in table.hosts):
                return table
        return None

    def behind(self, pooler: PoolerDraft, database: str, namespace: str = "") -> ServerDraft | None:
        """The server that a pooler asks for a database: of its own line, else of the one for all others."""
        config = pooler.config
        if config is None:
            return pooler.server
        lines = [each for each in config.databases if each.name == database] or [
            each for each in config.databases if each.name == "*"
        ]
        lines = lines or list(config.databases[:1])
        host = next(iter(hosts_of(lines[0])), None) if lines else None
        if host and self.pooler_at(pooler, host) is not None:
            return None  # another pooler; which server is behind that one, its own line says
        return self.at(pooler, host, lines[0].value("port") if lines else None, namespace) if host else None

    def pooler_at(self, pooler: PoolerDraft, host: str) -> PoolerDraft | None:
        """The pooler of the project at a host of another one's file; of its own name only where no server has it."""
        found = self._pooler(pooler.scope, host.lower(), "")
        taken = found is pooler and self._declared(pooler.scope, host.lower(), PORT, "") is not None
        return None if taken else found

    def at(self, pooler: PoolerDraft, host: str, port: str | None, namespace: str = "") -> ServerDraft:
        """The server at a host of a pooler's file."""
        if _NAME.fullmatch(host) is None:
            return self.server(Key("", f"a database line of {pooler.title}", 0))
        resource = _RESOURCE.match(host)
        host = resource[0] if resource else host.lower()
        at = int(port) if port and port.isdigit() and len(port) < 6 else PORT
        server = self._declared(pooler.scope, host, at, namespace)
        if server is None:
            told = self._told(host)
            place = self._place(pooler.scope, host)
            server = self.named(told.name) if told else self.server(Key(place, self._host(host), at))
        server.addresses[f"{host}:{at}"] = None
        return server

    def _provided(self, conn: ConnectionString, match: Match, host: str, port: int) -> End:
        """A provider's pooler, and the server behind it: the direct half of the pair, where it can be told."""
        assert match.provider is not None
        way = convert(match.provider, conn, match.endpoint.id, "direct") if match.endpoint else None
        direct = way.conn if way is not None else None
        told = self._told(host) or (self._told(direct.host.lower()) if direct else None)
        named = direct.host.lower() if direct else f"behind {host}"
        server = None
        if match.kind != "http":
            behind = Key("", named, self._port(direct) if direct else 0)
            server = self.named(told.name) if told else self.server(behind)
            server.provider = match.provider.id
            if direct:
                server.addresses[f"{named}:{self._port(direct)}"] = None
        key = Key(
            "", f"{host}/{conn.user or ''}" if match.endpoint and match.endpoint.user_form else host, port
        )
        if key not in self.poolers:
            made = PoolerDraft(f"{match.provider.title} pooler", Location(""), "")
            made.match, made.mode, made.server = match, match.mode, server
            made.software = match.endpoint.software if match.endpoint else ""
            self.poolers[key] = made
        self.poolers[key].addresses[f"{host}:{port}"] = None
        _ask(self.poolers[key], conn)
        return End(self.poolers[key], server)

    def _evident(self, told: NamedServer | None, scope: str, host: str, port: int, evidence: str) -> End:
        """A host that nobody here runs, and that is a pooler by its port, name or parameter; behind it what a table says."""
        key = Key(self._place(scope, host), host, port)
        if key not in self.poolers:
            made = PoolerDraft(host if port == PORT else f"{host}:{port}", Location(""), scope)
            made.evidence, made.software = evidence, ""
            made.server = self.named(told.name) if told else None
            self.poolers[self._noted(key)] = made
        self.poolers[key].addresses[f"{host}:{port}"] = None
        return End(self.poolers[key], self.poolers[key].server)


def hosts_of(database: "PoolerDatabase") -> list[str]:
    """The hosts of a line of PgBouncer, which takes turns between them: https://www.pgbouncer.org/config.html, host."""
    host = database.value("host")
    return [] if host is None else [each.strip() for each in host.split(",") if each.strip()] or [host]


def _ask(pooler: PoolerDraft, conn: ConnectionString) -> None:
    """Note which database and user a client asks for; what it does not say, or somebody fills in, is what another one says."""
    said = tuple("" if each == FILLED_IN else each or "" for each in (conn.database, conn.user))
    for other in pooler.asked:
        if all(one == two or not one or not two for one, two in zip(said, other, strict=True)):
            del pooler.asked[other]
            said = tuple(one or two for one, two in zip(said, other, strict=True))
            break
    pooler.asked[said[0], said[1]] = None


def _mode(text: str | None) -> Mode | None:
    return text if text in ("transaction", "session", "statement") else None  # type: ignore[return-value]  # one of them


def evidence_of(conn: ConnectionString) -> str:
    """What a string says of its host being a pooler; "" where it says nothing."""
    host, port = conn.host.lower(), (conn.hosts[0].port if conn.hosts else None) or PORT
    if port in _POOLER_PORTS:
        return f"port {port}"
    if flagged(conn):
        return "pgbouncer=true"
    return f"its name, {host}" if _POOLER_NAME.search(host) else ""


def flagged(conn: ConnectionString) -> bool:
    """Whether a string says that there is a PgBouncer, as Prisma is told."""
    return (conn.param("pgbouncer") or "").lower() in ("true", "1")
