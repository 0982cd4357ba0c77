"""The map with a server's own word in it, which wins over every file."""

from collections.abc import Collection, Iterable
from dataclasses import replace

from poolcheck.model.amount import exact
from poolcheck.model.connection_map import Client, Map, Route, Server
from poolcheck.model.context import Numbers
from poolcheck.model.sizing import surge
from poolcheck.model.snapshot import MEASURED, LiveServer
from poolcheck.model.target import Target
from poolcheck.text import plural


def measured(map_: Map, hosts: Collection[str], seen: LiveServer) -> Map:
    """The map with what a server said of itself, at the server that these hosts lead to. Its word wins over every file."""
    words = f"max_connections {seen.max_connections} ({MEASURED})"
    limit = exact(seen.max_connections, words, None, "measured")
    reserved = exact(seen.kept, f"{seen.kept} reserved ({MEASURED})", None, "measured")
    tighter = None
    if seen.tighter is not None:
        tighter = exact(
            seen.tighter,
            f"the role's or database's CONNECTION LIMIT {seen.tighter} ({MEASURED})",
            None,
            "measured",
        )
    changed = reached(map_, hosts)
    return replace(
        map_,
        servers=tuple(
            replace(each, max_connections=limit, reserved=reserved, tighter=tighter)
            if each.name in changed
            else each
            for each in map_.servers
        ),
        questions=tuple(
            each for each in map_.questions if each.of not in changed or each.what != "max_connections"
        ),
    )


def reached(map_: Map, hosts: Collection[str]) -> tuple[str, ...]:
    """The names of the servers that these hosts lead to, themselves or through a pooler."""
    poolers = [each for each in map_.poolers if _reached(each.addresses, hosts)]
    behind = {opening.server for pooler in poolers for opening in pooler.opens}
    return tuple(each.name for each in map_.servers if each.name in behind or _reached(each.addresses, hosts))


def _reached(addresses: Iterable[str], hosts: Collection[str]) -> bool:
    return any(each.rpartition(":")[0] in hosts for each in addresses)


def of_string(target: Target, numbers: Numbers, seen: LiveServer) -> Map:
    """The map of a look at one server: the string's own client, with what the settings tell of it, and the server's word."""
    instances = None
    if numbers.instances is not None:
        source = numbers.sources.get("instances", "")
        words = f"{plural(numbers.instances, 'instance')}{f' ({source})' if source else ''}"
        instances = exact(numbers.instances, words, None, numbers.how("instances"))
    name, host = "the app", target.conn.shown(target.conn.host)
    client = Client(
        name=name, place=target.location, package=target.package, runtime=target.package.runtime.kind, instances=instances,
        surge=None if instances is None else exact(surge(instances.most, numbers.surge), f"{numbers.surge} more while a deploy runs"),
        processes=exact(numbers.workers, plural(numbers.workers, "process", "processes"), None, "default"),
    )  # fmt: skip
    server = Server(
        name=host or "the server", addresses=(f"{target.conn.host}:5432",), reserved=exact(seen.kept, "")
    )
    route = Route(
        id="r1", variable=target.name, place=target.location, role="app", client=name, server=server.name
    )
    return measured(Map(clients=(client,), servers=(server,), routes=(route,)), {target.conn.host}, seen)
