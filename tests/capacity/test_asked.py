"""Sums over the map: what counts, what is left, and that the work grows with the map."""

import pytest

from poolcheck.capacity.asked import rows
from poolcheck.model.amount import Amount, at_least, exact, plus, times, within
from poolcheck.model.connection_map import Client, Map, Opening, Pool, Pooler, Route, Server
from poolcheck.model.problem import Location
from tests.steps import steps

AT = Location("compose.yml", 3)
ONE = exact(1, "1 process", None, "default")


def client(
    name: str, *pools: Pool, instances: int | None = 1, threads: int | None = None, once: bool = False
) -> Client:
    """A service of a compose file."""
    return Client(
        name=name, place=AT, instances=None if instances is None else exact(instances, f"replicas: {instances}", AT),
        processes=ONE, threads=None if threads is None else exact(threads, "threads"), pools=pools, once=once, deployed=True,
    )  # fmt: skip


def pool(size: int | None, variable: str = "DATABASE_URL") -> Pool:
    """One pool of a process."""
    known = None if size is None else exact(size, f"max: {size}", AT, "code")
    return Pool(driver="pg", title="pg.Pool", place=AT, size=known, variable=variable)


def route(client_: str, server: str = "db", variable: str = "DATABASE_URL", pooler: str = "") -> Route:
    """A string of a client."""
    return Route(id=f"{client_}-{variable}", variable=variable, place=AT, role="app", client=client_, server=server, pooler=pooler)  # fmt: skip


def server(name: str = "db", most: int | None = 100) -> Server:
    """A server; its limit is in a file, or nobody tells."""
    limit = None if most is None else exact(most, f"max_connections={most}", AT)
    return Server(name=name, max_connections=limit, reserved=exact(3, "3 reserved"))


@pytest.mark.parametrize(
    ("made", "steady", "verdict"),
    [
        (client("api", pool(10), pool(5), instances=4), 60, "fits"),  # several pools of one process add up
        (client("api", pool(10), instances=4, threads=1), 4, "fits"),  # one request at a time
        (client("api", pool(10), pool(10), instances=4, threads=2), 16, "fits"),
        (client("api", pool(None), instances=4), 4, "cannot say"),  # one at least
        (client("api", pool(None), instances=98), 98, "does not fit"),  # and that is too much already
        (client("api", instances=4), 4, "cannot say"),
        (client("api", pool(10), instances=None), 0, "cannot say"),
        (client("api", pool(25), instances=4), 100, "does not fit"),
    ],
)
def test_one_client(made: Client, steady: int, verdict: str) -> None:
    """Instances x processes x pools, against 97 slots."""
    (row,) = rows(Map(clients=(made,), servers=(server(),), routes=(route("api"),)))

    assert (row.steady.most, row.verdict) == (steady, verdict)


def test_a_job_is_named_and_not_counted() -> None:
    """Its few connections are what the buffer is for."""
    clients = (client("api", pool(10)), client("migrate", pool(10), once=True))
    (row,) = rows(Map(clients=clients, servers=(server(),), routes=(route("api"), route("migrate"))))

    assert (row.steady.most, row.once, row.uncounted) == (10, ("migrate",), ())


def test_pools_go_where_their_variable_leads() -> None:
    """One process with two pools on two servers asks each for its own."""
    made = client("api", pool(10), pool(30, "REPORTS_URL"), instances=2)
    routes = (route("api"), route("api", "reports", "REPORTS_URL"))
    first, second = rows(Map(clients=(made,), servers=(server(), server("reports")), routes=routes))

    assert (first.steady.most, second.steady.most) == (20, 60)


def test_a_poolers_clients_ask_the_pooler_and_the_pooler_asks_the_server() -> None:
    """Nobody is counted twice."""
    bouncer = Pooler(
        name="bouncer", place=AT, software="pgbouncer", replicas=ONE, max_clients=exact(100, "max_client_conn = 100"),
        opens=(Opening("db", exact(20, "default_pool_size 20")),),
    )  # fmt: skip
    made = Map(
        clients=(client("api", pool(40), instances=3),), poolers=(bouncer,), servers=(server(),),
        routes=(route("api", pooler="bouncer"),),
    )  # fmt: skip
    first, second = rows(made)

    assert (first.name, first.steady.most, first.verdict) == ("bouncer", 120, "does not fit")
    assert (second.name, second.steady.most, second.verdict) == ("db", 20, "fits")


def test_a_limit_between_two_plans() -> None:
    """What the smallest plan takes fits; what the largest does not take, does not; between them nobody can say."""
    wide = Server(name="db", max_connections=Amount(60, 500, "by plan"), reserved=exact(0, ""))

    def verdict(size: int) -> str:
        (row,) = rows(Map(clients=(client("api", pool(size)),), servers=(wide,), routes=(route("api"),)))
        return row.verdict

    assert [verdict(60), verdict(61), verdict(500), verdict(501)] == [
        "fits",
        "cannot say",
        "cannot say",
        "does not fit",
    ]


def test_work_grows_with_the_servers_of_one_client() -> None:
    """A client with a string for each of many servers: no look through all of them for each."""

    def work(count: int) -> int:
        names = [f"db{number}" for number in range(count)]
        routes = tuple(route("api", name, f"{name.upper()}_URL") for name in names)
        made = Map(
            clients=(client("api", pool(1)),), servers=tuple(server(name) for name in names), routes=routes
        )
        return steps(lambda: rows(made))

    first, second, third = (work(count) for count in (50, 150, 250))

    assert third - second < 1.03 * (second - first)


def test_what_is_known_of_an_open_number_counts() -> None:
    """3 to 6 replicas of at least 10: at least 30, and at least 60 where all run. Beside a number that is known, too."""
    replicas, pool = Amount(3, 6, "maxReplicas: 6"), at_least(10, "max is computed")

    of_all = times(replicas, pool)

    assert (of_all.low, of_all.high, of_all.most, of_all.equation) == (30, None, 60, "6 x 10 = 60")
    assert (plus(of_all, exact(5, "jobs")).low, plus(of_all, exact(5, "jobs")).most) == (35, 65)
    assert within(of_all, exact(50, "max_db_connections 50")).high == 50
    assert (within(of_all, at_least(40, "a cap")).most, within(of_all, at_least(40, "a cap")).high) == (
        40,
        None,
    )


def test_an_open_sum_that_is_too_large_does_not_fit() -> None:
    """At 10 instances of at least 10 there is no room for 97, whatever else is not known."""
    made = Client(
        name="api", place=AT, instances=Amount(2, 10, "maxReplicas: 10", AT), processes=ONE,
        pools=(Pool(driver="pg", title="pg.Pool", place=AT, size=at_least(10, "one per tenant")),), deployed=True,
    )  # fmt: skip

    (row,) = rows(Map(clients=(made,), servers=(server(),), routes=(route("api"),)))

    assert (row.steady.low, row.steady.most, row.verdict) == (20, 100, "does not fit")
