"""The map in text and JSON: clients, poolers, servers, with what is asked of each and whether it fits."""

from collections.abc import Iterator
from typing import Any

from poolcheck.capacity.asked import Asked, rows
from poolcheck.model.amount import Amount
from poolcheck.model.connection_map import Client, Map, Pooler, Question, Server
from poolcheck.model.problem import Location
from poolcheck.output.paint import Paint
from poolcheck.text import clean


def record(section: Map) -> dict[str, Any]:
    """Under `map`: every part of it, sums and verdicts beside each server and pooler."""
    by_name = {(type(row.of), row.name): row for row in rows(section)}
    return {
        "map": {
            "clients": [_client(section, each) for each in section.clients],
            "poolers": [_pooler(each, by_name.get((Pooler, each.name))) for each in section.poolers],
            "servers": [_server(each, by_name.get((Server, each.name))) for each in section.servers],
            "routes": [
                {
                    "id": each.id, "variable": clean(each.variable), "role": each.role, "client": clean(each.client),
                    "pooler": clean(each.pooler) or None, "server": clean(each.server) or None, "place": place(each.place),
                }
                for each in section.routes
            ],
        }
    }  # fmt: skip


def question(each: Question) -> dict[str, Any]:
    """One question as plain data."""
    return {
        "of": clean(each.of), "server": clean(each.server), "what": each.what, "tell": clean(each.tell),
        "why": clean(each.why), "where": place(each.where),
    }  # fmt: skip


def amount(each: Amount | None) -> dict[str, Any] | None:
    """An amount as plain data; a sum or product with its terms."""
    if each is None:
        return None
    made: dict[str, Any] = {
        "low": each.low,
        "high": each.high,
        "how": each.how,
        "words": clean(each.words or each.equation),
    }
    if each.where is not None:
        made["where"] = place(each.where)
    if each.terms:
        made["sign"] = each.sign
        made["terms"] = [amount(term) for term in each.terms]
    return made


def place(at: Location | None) -> dict[str, Any]:
    """A place as plain data; {} for none."""
    if at is None or not at.path:
        return {}
    return {"path": clean(at.path)} | ({"line": at.line} if at.line else {})


def _client(map_: Map, each: Client) -> dict[str, Any]:
    return {
        "name": clean(each.name), "place": place(each.place), "package": clean(each.package.path), "runtime": each.runtime,
        "instances": amount(each.instances), "surge": amount(each.surge), "processes": amount(each.processes),
        "threads": amount(each.threads), "once": each.once, "deployed": each.deployed,
        "pools": [
            {
                "driver": pool.driver, "title": clean(pool.title), "size": amount(pool.size), "place": place(pool.place),
                "variable": clean(pool.variable),
            }
            for pool in each.pools
        ],
        "routes": [route.id for route in map_.routes if route.client == each.name],
    }  # fmt: skip


def _pooler(each: Pooler, row: Asked | None) -> dict[str, Any]:
    known = [opening.most for opening in each.opens if opening.most is not None]
    return {
        "name": clean(each.name), "place": place(each.place), "software": each.software, "mode": each.mode,
        "addresses": [clean(address) for address in each.addresses], "replicas": amount(each.replicas),
        "max_clients": amount(each.max_clients), "server_connections": amount(known[0]) if len(known) == 1 else None,
        "server": clean(each.opens[0].server) if each.opens else None,
        "opens": [{"server": clean(one.server), "most": amount(one.most)} for one in each.opens],
        "evidence": clean(each.evidence), "asked": _asked(row), "verdict": row.verdict if row else None,
    }  # fmt: skip


def _server(each: Server, row: Asked | None) -> dict[str, Any]:
    return {
        "name": clean(each.name), "place": place(each.place), "addresses": [clean(address) for address in each.addresses],
        "provider": each.provider or None, "plan": each.plan or None, "max_connections": amount(each.max_connections),
        "reserved": amount(each.reserved), "asked": _asked(row), "verdict": row.verdict if row else None,
    }  # fmt: skip


def _asked(row: Asked | None) -> dict[str, Any]:
    if row is None:
        return {}
    return {
        "steady": amount(row.steady), "deploy": amount(row.deploy), "usable": row.capacity,
        "not_counted": [clean(name) for name in row.uncounted], "once": [clean(name) for name in row.once],
    }  # fmt: skip


def text(section: Map, paint: Paint) -> Iterator[str]:
    """Each server and pooler with its sum."""
    for row in rows(section):
        yield from paint.wrap(f"{row.name}: {row.equation} of {row.capacity}: {row.verdict}", indent=2)
