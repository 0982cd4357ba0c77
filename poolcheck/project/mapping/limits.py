"""What the servers and poolers of the map take: from their files, the settings, the options, the provider's plan."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, product
from typing import TYPE_CHECKING, NamedTuple

from poolcheck import catalogue
from poolcheck.config.settings import Config, NamedServer
from poolcheck.model.amount import Amount, exact, plus, times
from poolcheck.model.connection_map import Opening, Pooler, Question, Server
from poolcheck.model.context import Numbers
from poolcheck.model.problem import Location
from poolcheck.project.assumptions import known_plan, known_provider
from poolcheck.project.mapping.ends import PORT, Ends, PoolerDraft, ServerDraft, hosts_of
from poolcheck.text import plural

if TYPE_CHECKING:
    from poolcheck.model.facts import Limit, LimitName
    from poolcheck.model.pooler_config import PoolerConfig
    from poolcheck.readers.deploy.terraform_servers import TerraformServer

DEFAULT_CLIENTS = 100  # max_client_conn of PgBouncer: https://www.pgbouncer.org/config.html
MOST_DATABASES = 1_000  # of one pooler, of which a sum is made


class _Plan(NamedTuple):
    title: str
    limit: "Limit"


class _Opened(NamedTuple):
    to: ServerDraft | PoolerDraft
    most: Amount | None
    user: str = ""


class Limits:
    """Gives servers and poolers their names, limits and what they open; what is missing becomes a Question."""

    def __init__(
        self, ends: Ends, config: Config, numbers: Numbers, terraform: "tuple[TerraformServer, ...]" = ()
    ) -> None:
        self.ends, self.config, self.numbers = ends, config, numbers
        self.terraform = terraform
        self.questions: list[Question] = []

    def finish(self) -> tuple[tuple[Pooler, ...], tuple[Server, ...]]:
        """The poolers and servers with their names, limits and what they open; what is missing becomes a Question.

        Raises:
            BadConfig: a table of a server names a provider that nobody knows, or a plan that it does not have.
        """
        poolers = list(dict.fromkeys(self.ends.poolers.values()))
        behind = {each: tuple(self._openings(each)) for each in poolers}
        servers = list(dict.fromkeys(self.ends.servers.values()))
        _name(
            chain(
                ((each, _server_name(each), each.key.scope) for each in servers),
                ((each, each.title, each.scope) for each in poolers),
            )
        )
        by_name = {each.name: each for each in self.config.server}
        for server in servers:
            server.told = server.told or by_name.get(server.name)
            if server.told is not None:
                _place(server, server.told)
        ends = tuple(self._server(each, len(servers)) for each in servers)
        limits = {each.name: each.max_connections for each in ends}
        return tuple(self._finished(each, behind[each], limits) for each in poolers), ends

    def _openings(self, pooler: PoolerDraft) -> Iterator[_Opened]:
        """The servers behind a pooler, or other poolers, with what it may open to each."""
        config = pooler.config
        if config is None:
            if pooler.server is not None:
                yield _Opened(pooler.server, self._provided_opens(pooler))
            yield from (_Opened(each, None) for each in pooler.fronts)
            return
        if len(config.databases) > MOST_DATABASES:
            host = config.databases[0].value("host")  # nobody wrote them by hand; a Question says so
            if host is not None:
                yield _Opened(self.ends.at(pooler, host, config.databases[0].value("port")), None)
            return
        from poolcheck.capacity import pooler_sums  # noqa: PLC0415 - only where a file configures a pooler

        by_server: dict[ServerDraft | PoolerDraft, list[Amount | None]] = {}
        logins: dict[ServerDraft | PoolerDraft, set[str]] = {}
        for line in config.databases:
            host = line.value("host")
            if host is not None and _by_share(config):
                by_server[self.ends.at(pooler, host, None)] = [None]
                continue
            if host is None:
                continue
            names = {database for database, _ in pooler.asked if database == line.name}
            if line.name == "*":
                own = {each.name for each in config.databases}
                names = {database for database, _ in pooler.asked if database not in own}
            if config.facts is not None and config.facts.per_client:
                names = set()  # the same pools for all
            here = {user for _, user in pooler.asked if user}  # of those whom nobody asks for as well
            for name, host in product(names or {line.name}, hosts_of(line)):
                users = {user for database, user in pooler.asked if database == name and user}
                users = users or (set() if names else here)
                most = pooler_sums.opened(
                    config, line, len(users) if users and not line.value("user") else None
                )
                behind = self.ends.pooler_at(pooler, host) or self.ends.at(pooler, host, line.value("port"))
                by_server.setdefault(behind, []).append(most)
                logins.setdefault(behind, set()).add(line.value("user") or "")
        by_server.pop(pooler, None)  # a file that names the pooler itself
        for server, sums in by_server.items():
            known = [most for most in sums if most is not None]
            user = "".join(logins.get(server, ())) if len(logins.get(server, ())) == 1 else ""
            most = times(pooler.replicas, plus(*known)) if len(known) == len(sums) else None
            yield _Opened(server, most, user)

    def _plan(self, provider_id: str, name: str) -> _Plan | None:
        """What a provider's plan gives; None where it has none of that name."""
        known = catalogue.provider(provider_id)
        limit = catalogue.limit(provider_id, name) if known is not None and name else None
        if known is None or limit is None:
            return None
        return _Plan(f"{known.title} {limit.title or limit.plan}", limit)

    def _by_plan(self, provider_id: str, name: "LimitName", what: str) -> Amount | None:
        """What the smallest and the largest plan of a provider give; None where one of them is not known."""
        known = catalogue.provider(provider_id)
        spans = [each.span(name) for each in known.limits] if known is not None else []
        told = [each for each in spans if each is not None]
        if known is None or not told or len(told) < len(spans):
            return None
        span = min(low for low, _ in told), max(high for _, high in told)
        return _between(span, what, f"{', by plan' if span[0] != span[1] else ''}: {known.title}")

    def _plan_name(self, server: ServerDraft | None, provider_id: str) -> str:
        if server is not None and server.told is not None and server.told.plan:
            return server.told.plan
        return self.numbers.plan if self.numbers.provider in ("", provider_id) else ""

    def _provided_opens(self, pooler: PoolerDraft) -> Amount | None:
        """What a provider's pooler may open: one pool for each user and database; in session mode one for all clients."""
        if pooler.mode == "session":
            return self._provided_clients(pooler)
        size = self._provided(pooler, "pool_size", "server connections")
        if size is None or pooler.mode is None:
            return None
        pools = max(1, len(pooler.asked))
        return times(size, exact(pools, plural(pools, "pool") if pools > 1 else ""))

    def _provided_clients(self, pooler: PoolerDraft) -> Amount | None:
        """How many clients a provider's pooler takes; in session mode as many as its pool has connections."""
        if pooler.mode == "session":
            return self._provided(pooler, "pool_size", "clients in session mode")
        return self._provided(pooler, "pooler_clients", "clients")

    def _provided(self, pooler: PoolerDraft, which: "LimitName", what: str) -> Amount | None:
        """A number of a provider's pooler: of its plan, else between its smallest and its largest."""
        if pooler.match is None or pooler.match.provider is None:
            return None
        provider = pooler.match.provider
        name = self._plan_name(pooler.server, provider.id)
        plan = self._plan(provider.id, name)
        if plan is None:
            return None if name else self._by_plan(provider.id, which, what)
        span = plan.limit.span(which)
        return None if span is None else _between(span, what, f": {plan.title}")

    def _clients(self, pooler: PoolerDraft) -> Amount | None:
        """How many clients a pooler takes, all its replicas together."""
        config = pooler.config
        if config is None:
            return self._provided_clients(pooler)
        number = config.number("max_client_conn", DEFAULT_CLIENTS)
        if not number or config.off("max_client_conn"):
            return None
        said = config.setting("max_client_conn")
        words = (
            config.line("max_client_conn", str(number))
            if said
            else f"PgBouncer's default of {DEFAULT_CLIENTS} clients"
        )
        return times(
            pooler.replicas,
            exact(number, words, said.location if said else None, "file" if said else "default"),
        )

    def _finished(
        self, pooler: PoolerDraft, behind: tuple[_Opened, ...], limits: Mapping[str, Amount | None]
    ) -> Pooler:
        clients, config = self._clients(pooler), pooler.config
        sockets = pooler.match is None or pooler.match.kind != "http"
        if config is not None and len(config.databases) > MOST_DATABASES:
            why = f"its file names {len(config.databases)} databases, more than are added up"
            self.questions.append(Question(pooler.name, "", "server connections", "write max_db_connections, and lint one pooler at a time", why))  # fmt: skip
        managed = pooler.match is not None or (config is not None and _by_share(config))
        if config is not None and _by_share(config):
            behind = tuple(each._replace(most=_share(config, limits.get(each.to.name))) for each in behind)
        unlimited = config is not None and (config.off("max_client_conn") or _by_share(config))
        if sockets and not unlimited and (clients is None or clients.low != clients.high):
            provider = pooler.match.provider if pooler.match else None
            tell = "name its file: poolcheck lint PATH/pgbouncer.ini"
            if provider:
                plan = _plan_option(provider.id, "pooler_clients")
                tell = plan or f"look up how many clients {provider.title} takes: no option says it"
            self.questions.append(Question(pooler.name, pooler.name, "max_clients", tell))  # fmt: skip
        return Pooler(
            name=pooler.name, place=pooler.place, software=pooler.software, mode=pooler.mode, addresses=tuple(pooler.addresses),
            replicas=pooler.replicas, max_clients=clients, evidence=pooler.evidence,
            opens=tuple(Opening(server.name, most, user) for server, most, user in behind), sockets=sockets,
            raises=config.line("max_client_conn", "{}") if config else "", provided=managed, unbounded=unlimited,
        )  # fmt: skip

    def _of_terraform(self, server: ServerDraft, many: int) -> Amount | None:
        """What Terraform says of a server: of the one whose name its host begins with, else where all say the same of the only one.

        Of a server whose max_connections is not written, what its machine gives.
        """
        near = [
            each for each in self.terraform if each.provider in ("", server.provider) or not server.provider
        ]
        socket = server.key.host.startswith("/")  # /cloudsql/project:region:instance
        host = server.key.host.rpartition(":")[2] if socket else server.key.host.partition(".")[0]
        named = [
            each
            for each in near
            if (each.host and each.host == host)
            or (each.address and f"{server.key.host}.".startswith(f"{each.address}."))
        ]
        chosen = named if len(named) == 1 else near if many == 1 else []
        numbers = [self._number(each) for each in chosen]
        told = {each.most: each for each in numbers if each is not None}
        return next(iter(told.values())) if len(told) == 1 and None not in numbers else None

    def _number(self, made: "TerraformServer") -> Amount | None:
        if not made.written:
            return _of_plan(self._plan(made.provider, made.size), made.location)
        if made.number is None:
            return None
        return exact(made.number, "max_connections in Terraform", made.location)

    def _server(self, server: ServerDraft, many: int) -> Server:
        """What was said of this one first, then its own file, then the numbers that hold for every other server."""
        numbers, told = self.numbers, server.told
        limit, reserved, plan = server.limit, server.reserved, self._plan_name(server, server.provider)
        if told is not None and told.max_connections is not None:
            by_option = bool(told.source)
            said = f"(--max {told.name}={told.max_connections})" if by_option else f"([server.{told.name}])"
            words = f"max_connections {told.max_connections} {said}"
            limit = exact(told.max_connections, words, None, "option" if by_option else "config")
        source = numbers.sources.get("max_connections", "")
        for_all = bool(source) and (
            self.config.max_connections is not None or numbers.provider in ("", server.provider)
        )
        if limit is None and numbers.max_connections is not None and for_all and not (told and told.plan):
            how = "catalogue" if self.config.max_connections is None else numbers.how("max_connections")
            words = f"max_connections {numbers.max_connections} ({source})"
            limit = exact(numbers.max_connections, words, None, how)
        facts = self._plan(server.provider, plan) if server.provider else None
        if limit is None:
            limit = _of_plan(facts, None)
        if limit is None and server.provider and not plan:
            limit = self._by_plan(server.provider, "max_connections", "max_connections")
        if (limit is None or limit.low != limit.high) and not server.declared:
            limit = self._of_terraform(server, many) or limit
        if told is not None and told.reserved is not None:
            reserved = exact(told.reserved, f"{told.reserved} reserved, [server.{told.name}]", None, "config")
        if (
            reserved is None
            and server.provider
            and numbers.provider != server.provider
            and facts is not None
            and facts.limit.reserved is not None
        ):
            reserved = exact(
                facts.limit.reserved, f"{facts.limit.reserved} reserved: {facts.title}", None, "catalogue"
            )
        if reserved is None:
            said = numbers.sources.get("reserved", "")
            reserved = exact(
                numbers.reserved, f"{numbers.reserved} reserved{', ' + said if said else ''}", None, "default"
            )
        return Server(
            name=server.name, addresses=tuple(server.addresses), provider=server.provider, plan=plan if facts else "",
            max_connections=limit, reserved=reserved, place=server.place, here=server.here, caps=tuple(server.caps.values()),
        )  # fmt: skip

    def limit_question(self, server: Server) -> Question:
        """What tells a server's max_connections."""
        plan = "" if server.plan else _plan_option(server.provider, "max_connections")
        tell = f"--max N{' or ' if plan else ''}{plan}, or [server.NAME] max_connections"
        return Question(server.name, server.name, "max_connections", tell)


def _place(server: ServerDraft, told: NamedServer) -> None:
    """Where the settings say that a server runs; its host need not tell."""
    known = known_provider(told.provider or server.provider) if told.provider or server.provider else None
    server.provider = known.id if known is not None else ""
    if known is not None and told.plan:
        known_plan(known, told.plan)


def _plan_option(provider_id: str, name: "LimitName") -> str:
    """The option that names the plan; "" where no plan of the provider tells this number."""
    known = catalogue.provider(provider_id)
    tells = known is not None and any(each.span(name) for each in known.limits)
    return f"--plan NAME (`poolcheck explain {provider_id}` lists them)" if tells else ""


def _of_plan(plan: _Plan | None, at: Location | None) -> Amount | None:
    """The max_connections of a plan; `at` is where a file names it."""
    span = plan.limit.span("max_connections") if plan is not None else None
    return None if plan is None or span is None else _between(span, "max_connections", f": {plan.title}", at)


def _between(span: tuple[int, int], what: str, whose: str, at: Location | None = None) -> Amount:
    """A number of the catalogue, or the least and the most that it may be."""
    words = f"{what} {' to '.join(map(str, dict.fromkeys(span)))}{whose}"
    return Amount(*span, words, at, "catalogue")


def _name(drafts: Iterable[tuple[ServerDraft | PoolerDraft, str, str]]) -> None:
    """A name for each, of (draft, wanted name, scope), and no name twice: the file, then a number tell them apart."""
    taken: dict[str, int] = {}
    for each, wanted, scope in drafts:
        name = wanted or "this machine"
        if name in taken and scope and not scope.startswith("["):
            name = f"{name} ({scope})"
        taken[name] = taken.get(name, 0) + 1
        each.name = name if taken[name] == 1 else f"{name} {taken[name]}"


def _by_share(config: "PoolerConfig") -> bool:
    """Whether it opens a share of the server's max_connections, and takes as many clients as come: RDS Proxy.

    https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-proxy-connections.html
    """
    return config.facts is not None and config.knows("max_connections_percent")


def _share(config: "PoolerConfig", limit: Amount | None) -> Amount | None:
    """Its part of a server's max_connections; None where either is not known."""
    percent = config.number("max_connections_percent", 100)
    if limit is None or limit.high is None or percent is None:
        return None
    said = config.setting("max_connections_percent")
    words = f"{percent} % of {limit.words}"
    return Amount(
        limit.low * percent // 100,
        limit.high * percent // 100,
        words,
        said.location if said else limit.where,
        limit.how,
    )


def _server_name(server: ServerDraft) -> str:
    name = server.told.name if server.told else server.title or server.key.host
    return name if server.key.port in (PORT, 0) else f"{name}:{server.key.port}"
