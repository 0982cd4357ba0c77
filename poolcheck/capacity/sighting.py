"""What a look saw, laid beside the map: which sessions are whose, where something tells.

A session is the pooler's when its console says so; else its application_name tells, else its user and database, where
they lead to one part of the map alone. What is left belongs to nobody that the map knows, and is said so.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from typing import Literal, NamedTuple

from poolcheck.model.connection_map import Map, Pooler, Route, Sighting
from poolcheck.model.snapshot import Backend, BouncerSnapshot, Snapshot
from poolcheck.text import plural


class _Owner(NamedTuple):
    kind: Literal["pooler", "client"]
    name: str


class _Signs:
    """By what the sessions of each part can be told."""

    def __init__(self, map_: Map, routes: Iterable[Route], poolers: Collection[Pooler]) -> None:
        self.names: dict[str, set[_Owner]] = {}
        self.pairs: dict[tuple[str, str], set[_Owner]] = {}
        behind = {each.name: _Owner("pooler", each.name) for each in poolers}
        titles = {each.name: each.package.title.rpartition("/")[2] for each in map_.clients}
        for each in poolers:
            for name in (each.name, each.software):
                self.names.setdefault(_plain(name), set()).add(behind[each.name])
        for route in routes:
            owner = behind.get(route.pooler, _Owner("client", route.client))
            for name in filter(None, (route.client, route.application, titles.get(route.client))):
                self.names.setdefault(_plain(name), set()).add(owner)
            if route.user and route.database:
                self.pairs.setdefault((route.user, route.database), set()).add(owner)

    def of(self, session: Backend) -> tuple[_Owner, str] | None:
        """Whose a session is, and by what; None where nothing tells."""
        parts = _plain(session.application_name).split("-")
        for end in range(len(parts), 0, -1):  # a pod's name begins with its workload's
            owners = self.names.get("-".join(parts[:end]), set())
            if len(owners) == 1 and parts[0]:
                return next(iter(owners)), "application_name"
        owners = self.pairs.get((session.user, session.database), set())
        return (next(iter(owners)), "user and database") if len(owners) == 1 else None


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def sighted(
    map_: Map, servers: Collection[str], snapshot: Snapshot, console: BouncerSnapshot | None = None
) -> Iterator[Sighting]:
    """What was seen of each of these servers, and of its poolers and clients.

    Args:
        map_: the project's.
        servers: names of those that the look was at: one, or several names of one.
        snapshot: the look.
        console: the look at the console of a pooler before it.
    """
    for server in servers:
        poolers = [each for each in map_.poolers if any(one.server == server for one in each.opens)]
        routes = [each for each in map_.routes if each.server == server]
        signs, only = (
            _Signs(map_, routes, poolers),
            _Owner("pooler", poolers[0].name) if len(poolers) == 1 else None,
        )
        counts: Counter[_Owner] = Counter()
        ways: dict[_Owner, dict[str, None]] = {}
        addresses: dict[_Owner, set[str]] = {}
        others: Counter[str] = Counter()
        for session in snapshot.clients:
            if only is not None and console is not None and session.pid in console.server_pids:
                told: tuple[_Owner, str] | None = (only, "its console")
            else:
                told = signs.of(session)
            if told is None:
                others[f"{session.application_name or 'no application_name'} as {session.user}"] += 1
                continue
            owner, way = told
            counts[owner] += 1
            ways.setdefault(owner, {})[way] = None
            addresses.setdefault(owner, set()).add(session.client)
        yield Sighting(kind="server", of=server, at=server, number=snapshot.used, how=_rest(others))
        for owner, number in counts.items():
            hosts = plural(len(addresses[owner]), "address", "addresses")
            how = f"told by {' or '.join(ways[owner])}, from {hosts}"
            yield Sighting(kind=owner.kind, of=owner.name, at=server, number=number, how=how)
        if only is not None and console is not None:
            yield from _at_console(map_, only.name, console)


def _rest(others: Counter[str]) -> str:
    """`20 of nobody on the map: psql as admin 20`."""
    if not others:
        return ""
    shown = ", ".join(f"{name} {number}" for name, number in others.most_common(3))
    more = f" and {len(others) - 3} more" if len(others) > 3 else ""
    return f"{sum(others.values())} not told apart, or of nobody on the map: {shown}{more}"


def _at_console(map_: Map, pooler: str, console: BouncerSnapshot) -> Iterator[Sighting]:
    """The clients of a pooler, by the pools of its console."""
    by_pair: dict[tuple[str, str], set[str]] = {}
    for route in map_.routes:
        if route.pooler == pooler:
            by_pair.setdefault((route.database, route.user), set()).add(route.client)
    counts: Counter[str] = Counter()
    for pool in console.pools:
        owners = by_pair.get((pool.database, pool.user), set())
        if len(owners) == 1:
            counts[next(iter(owners))] += pool.clients_active + pool.clients_waiting
    total = sum(
        each.clients_active + each.clients_waiting for each in console.pools if each.database != "pgbouncer"
    )
    yield Sighting(kind="pooler", of=pooler, at=pooler, number=total, how="SHOW POOLS")
    for client, number in counts.items():
        yield Sighting(
            kind="client", of=client, at=pooler, number=number, how="told by user and database in SHOW POOLS"
        )
