"""The map as a tree for people: servers, below each its poolers and clients, below a pooler its own; every sum is `capacity.asked`'s."""

from collections.abc import Iterable, Sequence
from typing import Literal

from poolcheck.capacity.asked import Asked, Term, pool_of, rows
from poolcheck.model.amount import Amount
from poolcheck.model.connection_map import Client, Map, Pooler, Question, Route, Server, Sighting
from poolcheck.model.problem import Location
from poolcheck.model.verdict import Fit
from poolcheck.record import dataclass
from poolcheck.text import plural


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """A server, pooler or client: what is said of it in a line, where that is written, what is asked."""

    kind: Literal["server", "pooler", "client"]
    name: str
    sums: str  # "6 instances x pool of 14 = 84"
    verdict: Fit | None = None  # of a server or pooler that has a sum
    places: tuple[str, ...] = ()  # "replicas: 6 (k8s/api.yaml:8)"
    questions: tuple[Question, ...] = ()
    asked: int = 0  # at most, while a deploy runs
    usable: int | None = None
    below: tuple["Branch", ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """All of a map."""

    roots: tuple[Branch, ...]
    aside: tuple[str, ...]  # routes that no sum is about, in words
    questions: tuple[Question, ...]  # what is asked of nothing that is shown


def tree(map_: Map) -> Tree:
    """The tree of a map; linear in it."""
    return _Planter(map_).tree()


def named(server: Server) -> str:
    """A server as people call it, also where only a secret or a variable names it: `url of secret main-db`."""
    if server.addresses or server.place or server.name == "the database":
        return server.name
    *space, secret, key = ("", *server.name.split("/"))
    if not secret:
        return f"the server of {key}"
    where = f" in {space[-1]}" if space[-1:] > [""] else ""
    return f"{key} of secret {secret}{where}"


class _Planter:
    def __init__(self, map_: Map) -> None:
        self.map = map_
        self.rows = {(type(row.of), row.name): row for row in rows(map_)}
        self.clients = {each.name: each for each in map_.clients}
        self.app: dict[str, dict[str, list[Route]]] = {}  # the app's routes, by end and client
        self.rest: dict[str, list[Route]] = {}  # for migrations, by server
        self.behind: dict[str, list[Pooler]] = {}  # poolers, by the server behind them
        for route in map_.routes:
            if route.role == "app":
                self.app.setdefault(route.end, {}).setdefault(route.client, []).append(route)
            else:
                self.rest.setdefault(route.server or route.pooler, []).append(route)
        for pooler in map_.poolers:
            for name in dict.fromkeys(each.server for each in pooler.opens):
                self.behind.setdefault(name, []).append(pooler)
        self.open: dict[str, list[Question]] = {}
        for question in map_.questions:
            self.open.setdefault(question.of, []).append(question)
        self.seen = {(each.kind, each.of, each.at): each for each in map_.seen}
        self.shown: set[str] = set()  # poolers that stand below a server already

    def tree(self) -> Tree:
        over_http = [each for each in self.map.poolers if not each.sockets]
        here = [each for each in self.map.servers if each.here and (Server, each.name) not in self.rows]
        passed = {each.name for each in over_http} | {each.name for each in here}
        roots = [self._server(each) for each in self.map.servers if each.name not in passed]
        roots += [self._pooler(each, ()) for each in self.map.poolers if each.name not in self.shown | passed]
        aside = [
            self._aside(each.name, "over HTTP, where no client holds a connection") for each in over_http
        ]
        aside += [self._aside(each.name, "on this machine") for each in here]
        left = (each for many in self.open.values() for each in many)
        return Tree(
            roots=tuple(each for each in roots if each.below or each.sums), aside=tuple(filter(None, aside)),
            questions=tuple(each for each in left if each.of not in passed),
        )  # fmt: skip

    def _aside(self, end: str, how: str) -> str:
        ways = [route for many in self.app.get(end, {}).values() for route in many]
        said = dict.fromkeys(_way(each) for each in ways)
        for each in ways:
            self.open.pop(each.client, None)
        return f"{end}, {how}: {'; '.join(said)}" if said else ""

    def _server(self, server: Server) -> Branch:
        row = self.rows.get((Server, server.name))
        names = [each.title(server.name) for each in server.caps]
        below = [_cap(self.rows[Server, name]) for name in names if (Server, name) in self.rows]
        below += [self._pooler(each, (server,)) for each in self.behind.get(server.name, ())]
        below += self._ends_of(server.name, row)
        below += self._migrations(server.name)
        questions = self._asked(server.name)
        if row is not None:
            seen = self.seen.get(("server", server.name, server.name))
            places = [*_limits_of(row), *([seen.how] if seen and seen.how else [])]
            return Branch(
                kind="server", name=named(server), sums=_asked_of(row, "usable", seen), verdict=row.verdict,
                places=tuple(places), questions=questions, asked=row.deploy.most, usable=row.capacity,
                below=tuple(below),
            )  # fmt: skip
        limit = server.max_connections
        why = (
            "its pooler bounds what it opens here"
            if self.behind.get(server.name)
            else "no client of the app connects"
        )
        return Branch(
            kind="server", name=named(server), sums=f"no sum: {why}" if below else "", below=tuple(below),
            places=limit.places if limit else (),
        )  # fmt: skip

    def _pooler(self, pooler: Pooler, above: Sequence[Server]) -> Branch:
        if pooler.name in self.shown:
            return Branch(kind="pooler", name=pooler.name, sums="as above")
        self.shown.add(pooler.name)
        row = self.rows.get((Pooler, pooler.name))
        mode = f"{pooler.mode} mode" if pooler.mode else "pool mode not known"
        places = [f"{pooler.software} ({pooler.place})"] if pooler.place.path else []
        if pooler.evidence:
            places.append(f"a pooler by {pooler.evidence}")
        opens = []
        for opening in pooler.opens:
            name = f" to {opening.server}" if len(pooler.opens) > 1 or not above else ""
            if opening.most is not None:
                seen = self.seen.get(("pooler", pooler.name, opening.server))
                opens.append(f"; opens {_least(opening.most)}{opening.most.equation}{name}{_now(seen)}")
                places += opening.most.places
            elif not pooler.provided:
                opens.append(f"; what it opens{name} is not known")
        below = (*self._ends_of(pooler.name, row), *self._migrations(pooler.name))
        asked = (
            _asked_of(row, "clients", self.seen.get(("pooler", pooler.name, pooler.name)))
            if row
            else "takes as many clients as come"
            if pooler.unbounded
            else "no client found"
        )
        if row is not None:
            places += _limits_of(row)
        return Branch(
            kind="pooler", name=pooler.name, sums=f"{mode}; {asked}{''.join(opens)}",
            verdict=row.verdict if row else None, places=tuple(dict.fromkeys(places)),
            questions=self._asked(pooler.name), asked=row.deploy.most if row else 0,
            usable=row.capacity if row else None, below=below,
        )  # fmt: skip

    def _ends_of(self, end: str, row: Asked | None) -> list[Branch]:
        terms = {each.name: each for each in row.terms if not each.pooler} if row else {}
        left = {each.name for each in row.left} if row else set()
        made = []
        for name, routes in self.app.get(end, {}).items():
            client = self.clients[name]
            seen = self.seen.get(("client", name, end))
            if name in terms:
                made.append(self._counted(client, terms[name], routes, seen))
            elif (name in left or row is None) and not client.once:
                made.append(self._uncounted(client, routes, seen))
            else:
                said = (
                    "runs once or for people: not in the sum"
                    if client.once
                    else "none of its pools leads here: not counted"
                )
                made.append(
                    Branch(kind="client", name=name, sums=said + _now(seen), places=_ways(client, routes))
                )
        return made

    def _migrations(self, end: str) -> list[Branch]:
        ways = [each for each in self.rest.pop(end, ()) if not self.clients[each.client].once]
        said = tuple(dict.fromkeys(_way(each) for each in ways))
        return [Branch(kind="client", name="migrations", sums="not in the sum", places=said)] if said else []

    def _counted(self, client: Client, term: Term, routes: Sequence[Route], seen: Sighting | None) -> Branch:
        assert client.instances is not None
        assert term.pool is not None
        factors = [*_running(client, client.instances), f"pool of {_least(term.pool)}{_inner(term.pool)}"]
        said = f"{' x '.join(factors)} = {_least(term.steady)}{term.steady.most:,}{_now(seen)}"
        if term.deploy.most != term.steady.most and client.surge is not None:
            said += f"; {client.surge.most} more at deploy: {term.deploy.most:,}"
        asked = self._asked(client.name)
        known = (each for each in term.deploy.places if not (asked and each.startswith("at least ")))
        return Branch(
            kind="client", name=client.name, sums=said, questions=asked, asked=term.deploy.most,
            places=(*_ways(client, routes), *known, *_told(seen)),
        )  # fmt: skip

    def _uncounted(self, client: Client, routes: Sequence[Route], seen: Sighting | None) -> Branch:
        variables = {each.variable for each in routes}
        pools = [each for each in client.pools if each.variable in variables] or client.pools
        size = pool_of(client, pools)
        pool = "pool not known" if size.open else f"pool of {_inner(size)}"
        known = client.instances.places if client.instances else ()
        places = (*_ways(client, routes), *known, *client.processes.places)
        places += () if size.open else size.places
        places += _told(seen)
        said = f"{' x '.join((*_running(client, client.instances), pool))}: not counted{_now(seen)}"
        return Branch(
            kind="client", name=client.name, sums=said, places=places, questions=self._asked(client.name)
        )

    def _asked(self, name: str) -> tuple[Question, ...]:
        """The questions about something, where it is shown first."""
        return tuple(self.open.pop(name, ()))


def _cap(row: Asked) -> Branch:
    """The limit of a part of a server's clients, and what that part asks for."""
    return Branch(
        kind="server",
        name=row.name,
        sums=_asked_of(row, "allowed", None),
        verdict=row.verdict,
        places=tuple(_limits_of(row)),
        asked=row.deploy.most,
        usable=row.capacity,
    )


def _now(seen: Sighting | None) -> str:
    return f", seen {seen.number:,}" if seen else ""


def _told(seen: Sighting | None) -> tuple[str, ...]:
    return (seen.how,) if seen and seen.how else ()


def _asked_of(row: Asked, what: str, seen: Sighting | None) -> str:
    """`at least 30 asked, 42 at deploy, of 57 usable`; after a look `configured 30, seen 12, of 57 usable`."""
    least = "at least " if row.least else ""
    said = f"{least}{row.steady.most:,} asked" if seen is None else f"configured {least}{row.steady.most:,}"
    said = said if row.terms else "nothing counted"
    if row.deploy.most != row.steady.most:
        said += f", {row.deploy.most:,} at deploy,"
    if seen is not None:
        said = f"{said.rstrip(',')}, seen {seen.number:,},"
    if row.limit is None or row.capacity is None:
        return said.rstrip(",")
    there = f"{row.capacity:,} {'or more ' if row.limit.high != row.limit.low else ''}{what}"
    return f"{said} of {there}" if row.terms else f"{said.rstrip(',')}; {there}"


def _limits_of(row: Asked) -> list[str]:
    """The limit and what is kept of it, with where each is written."""
    said = [row.limit_words] if row.limit is not None else []
    if row.limit is not None and row.reserved is not None and row.reserved.most:
        said += row.reserved.places
        if row.reserved.how == "default" and "," not in row.reserved.words:
            said[-1] += " by default"
    return said


def _running(client: Client, instances: Amount | None) -> list[str]:
    """`6 instances`, `4 processes`."""
    if instances is None:
        made = ["instances not known"]
    else:
        made = [f"{_least(instances)}{plural(instances.most, 'instance')}"]
    if client.processes.most != 1 or client.processes.open:
        made.append(f"{_least(client.processes)}{plural(client.processes.most, 'process', 'processes')}")
    return made


def _least(amount: Amount) -> str:
    return "at least " if amount.open else ""


def _inner(amount: Amount) -> str:
    made = amount.formula
    return f"({made})" if " " in made else made


def _way(route: Route) -> str:
    return f"{route.client} by {_variable(route.variable, route.place)}"


def _variable(name: str, at: Location) -> str:
    return f"{name or 'its code'} ({at})" if at.path else name


def _ways(client: Client, routes: Iterable[Route]) -> tuple[str, ...]:
    made = dict.fromkeys(_variable(each.variable, each.place) for each in routes)
    return tuple(made) or (str(client.place),)
