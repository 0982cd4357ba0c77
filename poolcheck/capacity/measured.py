"""The map with a server's own word in it, which wins over every file."""

from collections.abc import Collection, Iterable
from dataclasses import replace

from poolcheck.model.amount import exact
from poolcheck.model.connection_map import Map
from poolcheck.model.snapshot import MEASURED, LiveServer


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
