"""Advised pools of a row: they fit together, nobody is forgotten, and one client has the model's answer."""

import random

import pytest

from poolcheck.capacity.advice import together
from poolcheck.capacity.asked import Asked, at_peak, rows
from poolcheck.capacity.pool_size import recommend
from poolcheck.model.amount import Amount, at_least, exact, times
from poolcheck.model.connection_map import Client, Map, Pool, Route, Server
from poolcheck.model.problem import Location
from poolcheck.model.sizing import Inputs

HERE = Location("compose.yml", 1)


def client(name: str, instances: int | None, *, surge: int = 0, processes: int = 1, threads: int | None = None, pool: Amount | None) -> Client:  # fmt: skip
    """A client of DATABASE_URL with one pool."""
    return Client(
        name=name, place=HERE, processes=exact(processes, "processes", HERE), deployed=True,
        instances=None if instances is None else exact(instances, "replicas", HERE),
        surge=None if instances is None else exact(surge, "surge", HERE),
        threads=None if threads is None else exact(threads, "threads", HERE),
        pools=(Pool(driver="pg", title="pg.Pool", place=HERE, size=pool, variable="DATABASE_URL"),),
    )  # fmt: skip


def row(limit: Amount | None, *clients: Client, buffer: int = 5) -> Asked:
    """The one row of a server that all of them lead to."""
    server = Server(name="db", max_connections=limit, reserved=exact(3, "3 reserved"))
    routes = tuple(
        Route(id=each.name, variable="DATABASE_URL", place=HERE, role="app", client=each.name, server="db") for each in clients
    )  # fmt: skip
    return rows(Map(clients=clients, servers=(server,), routes=routes), buffer)[0]


def drawn(dice: random.Random) -> Asked:
    """A row of one to five clients, some of whose numbers nobody tells."""
    made = [
        client(
            f"c{number}", dice.choice((None, 1, 2, 5, 20)), surge=dice.randint(0, 5), processes=dice.choice((1, 1, 4)),
            threads=dice.choice((None, None, 1, 3)), pool=dice.choice((None, exact(dice.randint(1, 30), "max", HERE), at_least(3, "max", HERE))),
        )
        for number in range(dice.randint(1, 5))
    ]  # fmt: skip
    low = dice.choice((20, 60, 100, 400))
    limit = dice.choice((exact(low, "max", HERE), Amount(low, low * 4, "by plan", None, "catalogue")))
    return row(limit, *made, buffer=dice.choice((0, 5)))


@pytest.mark.parametrize("seed", range(400))
def test_advised_pools_fit_together(seed: int) -> None:
    """All of them at once, within the least that the limit may be; 0 only where it is said that none fits."""
    asked = drawn(random.Random(seed))
    advised = {each.client: each for each in together(asked)}
    known = [each.client for each in asked.terms if each.client is not None]

    assert set(advised) == {each.name for each in (*known, *asked.left)}
    assert asked.capacity is not None
    total = 0
    for each in known:
        size = advised[each.name].pool_size
        assert size is not None
        assert each.instances is not None
        total += times(at_peak(each, each.instances), each.processes, exact(size, "")).most
        if each.threads is not None and advised[each.name].words == "":
            assert size <= max(1, each.threads.most)
    assert total <= asked.capacity
    for one in asked.left:
        assert advised[one.name].pool_size is None
        assert [number for number, _ in advised[one.name].table] == [2, 5, 10, 20]


def test_one_client_has_the_models_answer() -> None:
    """The same as its numbers alone."""
    (advice,) = together(
        row(exact(300, "max"), client("web", 10, surge=3, processes=4, pool=exact(9, "max")))
    )

    assert advice.sizing == recommend(Inputs(max_connections=300, instances=10, workers=4, surge="3"))


def test_who_fits_keeps_its_pool_and_the_largest_gives_way() -> None:
    """Not a client changes without need."""
    small, large = client("small", 2, pool=exact(5, "max")), client("large", 10, pool=exact(20, "max"))

    assert [each.pool_size for each in together(row(exact(400, "max"), small, large))] == [5, 20]
    kept, less = together(row(exact(100, "max"), small, large))
    assert kept.pool_size == 5
    assert less.pool_size is not None
    assert 1 <= less.pool_size <= 8


def test_all_give_way_where_one_is_not_enough() -> None:
    """Two that are too large, each without the other: both shrink."""
    pools = together(row(exact(60, "max"), *(client(name, 8, pool=exact(10, "max")) for name in "ab")))

    assert [each.pool_size for each in pools] in ([2, 2], [3, 2], [2, 3])


def test_who_holds_no_connection_is_given_none() -> None:
    """A driver over HTTP: neither its pool nor a reproach."""
    http, large = client("http", 4, pool=exact(0, "over HTTP")), client("large", 200, pool=exact(20, "max"))

    assert [each.pool_size for each in together(row(exact(100, "max"), http, large))] == [0, 0]
    assert together(row(exact(9000, "max"), http, large))[0].pool_size == 0


def test_no_limit_no_advice() -> None:
    """PostgreSQL's default is nobody's server."""
    assert together(row(None, client("web", 2, pool=exact(5, "max")))) == ()
