"""What the clients of each server and pooler ask of it, against what it takes: the one place where connections are added up.

All pools full, in every process of every instance. While a deploy runs the instances that it adds count as well.
https://www.postgresql.org/docs/current/runtime-config-connection.html: beyond the last slot the server refuses (53300).
"""

from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from typing import TYPE_CHECKING, Any

from poolcheck.model.amount import Amount, at_least, exact, plus, times, within
from poolcheck.model.connection_map import Client, ConnectionLimit, Map, Pool, Pooler, Question, Route, Server
from poolcheck.model.problem import Location
from poolcheck.record import dataclass

if TYPE_CHECKING:
    from poolcheck.model.verdict import Against, Fit


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """What one client, or one pooler, asks of a server or pooler."""

    name: str
    place: Location
    steady: Amount
    deploy: Amount
    of: Pooler | None = None  # where it is a pooler
    client: Client | None = None
    pool: Amount | None = None  # of one process

    @property
    def pooler(self) -> bool:
        """Whether its pools are already the sum of its clients."""
        return self.of is not None

    @property
    def words(self) -> str:
        """`web 10 x 4 x 5 = 200`, `web = 10`."""
        return _said(self.name, self.steady)

    @property
    def words_at_peak(self) -> str:
        """`web (10 + 3) x 4 x 5 = 260`."""
        return _said(self.name, self.deploy)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The row of one server or pooler: who asks for how much, what there is, and whether it fits."""

    of: Server | Pooler
    terms: tuple[Term, ...] = ()
    left: tuple[Client, ...] = ()  # clients whose number is not known
    unknown: tuple[str, ...] = ()  # poolers whose number is not known
    once: tuple[str, ...] = ()  # clients that run once, or for people: not in the sum
    pools: Mapping[str, tuple[Pool, ...]] = field(
        default_factory=dict
    )  # that lead there, by the client's name
    questions: tuple[Question, ...] = ()
    limit: Amount | None = None
    reserved: Amount | None = None  # of the limit, what an ordinary role never gets
    buffer: int = 0  # slots kept for psql, migrations and monitoring
    cap: ConnectionLimit | None = None  # where the limit holds for a part of a server's clients only

    @property
    def end(self) -> str:
        """What its clients connect to."""
        return self.of.name

    @property
    def name(self) -> str:
        """The server's or pooler's, with the part that it is about."""
        return self.cap.title(self.of.name) if self.cap else self.of.name

    @property
    def against(self) -> "Against":
        """What the sum is held against."""
        return "pooler clients" if isinstance(self.of, Pooler) else "slots"

    @property
    def shared(self) -> bool:
        """Whether its clients share server connections: of a pooler, unless each holds one in session mode."""
        return isinstance(self.of, Pooler) and self.of.mode != "session"

    @property
    def clients(self) -> tuple[Client, ...]:
        """Who leads there: those in the sum, then those whose number is not known."""
        return (*(each.client for each in self.terms if each.client is not None), *self.left)

    @property
    def location(self) -> Location:
        """Where the largest client stands."""
        if self.terms:
            return max(self.terms, key=lambda each: each.deploy.most).place
        return self.of.place or Location("")

    @property
    def steady(self) -> Amount:
        """All pools full."""
        return plus(*(each.steady for each in self.terms))

    @property
    def deploy(self) -> Amount:
        """All pools full while every client is deployed."""
        return plus(*(each.deploy for each in self.terms))

    @property
    def uncounted(self) -> tuple[str, ...]:
        """Who is not in the sum, because a number is not known."""
        return (*self.unknown, *(each.name for each in self.left))

    @property
    def large(self) -> bool:
        """Whether more than one deployed process leads there, or how many do is not known."""
        known = [each for each in self.clients if each.deployed]
        processes = sum(
            (each.instances.most if each.instances else 2) * each.processes.most for each in known
        )
        return processes > len(known) or any(each.processes.open for each in known)

    @property
    def capacity(self) -> int | None:
        """What the clients may share at least; None when no file, option or server tells.

        Of a provider whose plan nobody tells, what its smallest plan gives.
        """
        return None if self.limit is None else self._usable(self.limit.low)

    def _usable(self, limit: int) -> int:
        return max(0, limit - (self.reserved.most if self.reserved else 0))

    @property
    def limit_words(self) -> str:
        """The limit with its places; "" when it is not known."""
        return (", ".join(self.limit.places) or self.limit.words) if self.limit else ""

    @property
    def least(self) -> bool:
        """Whether the sum is the least that can happen: a number is not known."""
        return bool(self.uncounted) or self.deploy.open

    @property
    def verdict(self) -> "Fit":
        """What is known decides first: a sum that is too large already needs no further number."""
        if self.capacity is None or self.limit is None:
            return "cannot say"
        if self.limit.high is not None and self.deploy.most > self._usable(self.limit.high):
            return "does not fit"
        return "cannot say" if self.least or self.deploy.most > self.capacity else "fits"

    @property
    def of_one_string(self) -> bool:
        """Whether its only client is one that no deployment file starts: its numbers are options, its string or code."""
        (only, *rest) = self.terms or (None,)
        return not rest and only is not None and only.client is not None and not only.client.deployed

    @property
    def poolers_only(self) -> bool:
        """Whether nobody but poolers asks for slots, as far as is known."""
        return bool(self.terms) and all(each.pooler for each in self.terms)

    @property
    def way_out(self) -> str:
        """What helps where no pool size does."""
        if isinstance(self.of, Pooler):
            return "the pooler has to take more clients"
        if self.poolers_only:
            return "give the pooler smaller pools"
        if any(each.pooler for each in self.terms):
            return "send every client through the pooler that is there"
        return "put a transaction-mode pooler in between"

    @property
    def equation(self) -> str:
        """`web 10 x 4 x 5 = 200 + jobs 2 x 5 = 10`."""
        return " + ".join(each.words for each in self.terms)

    @property
    def places(self) -> str:
        """Each client's numbers with their places, then the limit's."""
        return f"{self.terms_places} Limit: {self.limit_words}." if self.limit else self.terms_places

    @property
    def terms_places(self) -> str:
        """Each client's numbers with their places."""
        return " ".join(f"{each.name}: {', '.join(each.deploy.places)}." for each in self.terms)


def _said(name: str, number: Amount) -> str:
    equation = number.equation
    return f"{name} {equation}" if "=" in equation else f"{name} = {equation}"


def rows(map_: Map, buffer: int = 0) -> tuple[Asked, ...]:
    """A row for every pooler and server that a client for the app's traffic leads to, poolers first.

    A provider's pooler bounds what it opens to the server: the server has a row only where somebody else asks for slots.
    Nor has a server on this machine that was not looked at, what is reached over HTTP, or a pooler that takes whoever comes.
    """
    ends = _Ends(map_)
    made = [_of_pooler(ends, each) for each in map_.poolers if each.sockets and not each.unbounded]
    for server in (each for each in map_.servers if not each.here or _measured(each)):
        made.append(_of_server(ends, server, buffer))
        made += [_of_cap(ends, server, each) for each in server.caps]
    return tuple(each for each in made if any(one.deploy.most for one in each.terms) or each.uncounted)


def _measured(server: Server) -> bool:
    return server.max_connections is not None and server.max_connections.how == "measured"


class _Ends:
    """What leads to each server and pooler, looked up once: linear in the map."""

    def __init__(self, map_: Map) -> None:
        self.map = map_
        self.routes: dict[str, list[Route]] = {}  # by client, for the app's traffic
        clients: dict[str, dict[str, None]] = {}  # by end
        for each in map_.routes:
            if each.role == "app":
                self.routes.setdefault(each.client, []).append(each)
                clients.setdefault(each.end, {})[each.client] = None
        by_name = {each.name: each for each in map_.clients}
        self.named = by_name
        self.clients = {
            end: [by_name[name] for name in names if name in by_name] for end, names in clients.items()
        }
        self.behind: dict[str, list[tuple[Pooler, Amount | None]]] = {}  # poolers by the server behind them
        for pooler in map_.poolers:
            for opening in pooler.opens:
                self.behind.setdefault(opening.server, []).append((pooler, opening.most))
        self.parts: dict[
            tuple[str, str, str], dict[str, None]
        ] = {}  # clients by end, and what limits a part of them
        self.through: dict[tuple[str, str], list[Route]] = {}  # by pooler and the server behind it
        for each in map_.routes:
            if each.role == "app":
                for kind, name in (
                    ("role", each.user),
                    ("database", each.database),
                    ("instance", each.client),
                ):
                    self.parts.setdefault((each.end, kind, name), {})[each.client] = None
            if each.pooler:
                self.through.setdefault((each.pooler, each.server), []).append(each)
        self._pools: dict[str, dict[str, list[Pool]]] = {}  # by client and end
        self.questions: dict[str, list[Question]] = {}
        for question in map_.questions:
            self.questions.setdefault(question.of, []).append(question)

    def part(self, end: str, cap: ConnectionLimit) -> list[Client]:
        """The clients that a limit is about."""
        return [
            self.named[name] for name in self.parts.get((end, cap.kind, cap.of), ()) if name in self.named
        ]

    def pools(self, client: Client, end: str) -> tuple[Pool, ...]:
        """The pools that lead to an end: by their variable, else by the first of the client's routes."""
        if client.name not in self._pools:
            ends: dict[str, str] = {}
            for each in self.routes.get(client.name, ()):
                ends.setdefault(each.variable, each.end)
            first = next(iter(ends.values()), "")
            by_end: dict[str, list[Pool]] = {}
            for pool in client.pools:
                by_end.setdefault(ends.get(pool.variable, first), []).append(pool)
            self._pools[client.name] = by_end
        return tuple(self._pools[client.name].get(end, ()))


def pool_of(client: Client, pools: Sequence[Pool]) -> Amount:
    """The connections that one process of a client may open with these pools; one at least, where nobody tells.

    Several pools in one process add up. A process that serves so many requests at once uses no more of each.
    """
    sizes = [
        each.size or at_least(1, each.why or f"{each.title}: its size is not known", each.place)
        for each in pools
    ]
    if not sizes:
        sizes = [at_least(1, "how many connections it opens is not known")]
    if client.threads is not None:
        sizes = [within(size, client.threads) if size.high is not None else size for size in sizes]
    return plus(*sizes)


def term_of(client: Client, pools: Sequence[Pool]) -> Term | None:
    """What a client asks for with these pools; None where a number is not known, or it runs only once."""
    if client.once or client.instances is None:
        return None
    size = pool_of(client, pools)
    return Term(
        name=client.name, place=client.place, client=client, pool=size,
        steady=times(client.instances, client.processes, size), deploy=times(at_peak(client, client.instances), client.processes, size),
    )  # fmt: skip


def at_peak(client: Client, instances: Amount) -> Amount:
    """The instances that run while a client is deployed."""
    more = client.surge is not None and (client.surge.most or client.surge.open)
    return plus(instances, client.surge) if client.surge is not None and more else instances


def _row(
    ends: _Ends,
    of: Server | Pooler,
    limit: Amount | None,
    terms: Sequence[Term] = (),
    more: Sequence[str] = (),
    *,
    cap: ConnectionLimit | None = None,
    **rest: Any,
) -> Asked:
    """A row of the clients that lead there, beside `terms` and `more`, which are poolers; of those that a cap is about."""
    counted: list[Term] = list(terms)
    left: list[Client] = []
    once: list[str] = []
    leading: dict[str, tuple[Pool, ...]] = {}
    for client in ends.clients.get(of.name, ()) if cap is None else ends.part(of.name, cap):
        pools = ends.pools(client, of.name)
        if cap is not None:
            ways = [each for each in ends.routes[client.name] if each.end == of.name]
            other = {each.variable for each in ways if not cap.holds(each)}
            if len(other) == len({each.variable for each in ways}):
                continue
            pools = tuple(each for each in pools if each.variable not in other)
        leading[client.name] = pools
        if client.pools and not pools:
            continue  # every pool of it leads elsewhere
        one = cap is not None and cap.kind == "instance"
        asking = replace(client, instances=exact(1, ""), surge=exact(0, "")) if one else client
        made = term_of(asking, pools)
        if made is not None:
            counted.append(made)
        elif client.once:
            once.append(client.name)
        else:
            left.append(asking)
    concerned = (of.name, *more, *(each.name for each in left), *(each.name for each in counted))
    asked = (each for name in dict.fromkeys(concerned) for each in ends.questions.get(name, ()))
    return Asked(
        of=of, terms=tuple(counted), left=tuple(left), unknown=tuple(more), once=tuple(once), limit=limit, pools=leading, cap=cap,
        questions=tuple(each for each in asked if each.server in ("", of.name)), **rest,
    )  # fmt: skip


def _of_pooler(ends: _Ends, pooler: Pooler) -> Asked:
    return _row(ends, pooler, pooler.max_clients, *_before(ends, pooler.name))


def _of_server(ends: _Ends, server: Server, buffer: int) -> Asked:
    """Its own clients, and what each pooler before it may open."""
    terms, unknown = _before(ends, server.name)
    limit, reserved = server.max_connections, server.reserved
    if server.tighter is not None and (limit is None or server.tighter.most < limit.most - reserved.most):
        limit, reserved = server.tighter, exact(0, "")
    return _row(ends, server, limit, terms, unknown, reserved=reserved, buffer=buffer)


def _of_cap(ends: _Ends, server: Server, cap: ConnectionLimit) -> Asked:
    """The part of a server's clients that a limit is about, and the poolers that log in for them alone."""
    terms, unknown = [], []
    for term in _before(ends, server.name)[0]:
        user = (
            next((each.user for each in term.of.opens if each.server == server.name), "") if term.of else ""
        )
        ways = ends.through.get((term.name, server.name), ())
        held = [cap.holds(replace(each, user=user or each.user)) for each in ways]
        if held and all(held) and cap.kind != "instance":
            terms.append(term)
        elif any(held) and cap.kind != "instance":
            unknown.append(term.name)
    return _row(ends, server, cap.most, terms, unknown, cap=cap, reserved=exact(0, ""))


def _before(ends: _Ends, name: str) -> tuple[list[Term], list[str]]:
    """What each pooler before a server or pooler may open to it, and those of which it is not known.

    One that a provider bounds, and that is alone, has no need of a sum. It opens no more than its clients ask for.
    """
    terms, unknown = [], []
    for pooler, opens in ends.behind.get(name, ()):
        if (pooler.provided and name not in ends.clients) or not pooler.sockets:
            continue
        if opens is None:
            unknown.append(pooler.name)
            continue
        asking = _row(ends, pooler, None) if pooler.provided else None
        most = opens if asking is None or asking.least else within(opens, asking.deploy)
        terms.append(Term(name=pooler.name, place=pooler.place, steady=most, deploy=most, of=pooler))
    return terms, unknown
