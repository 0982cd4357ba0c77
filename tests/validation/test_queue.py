"""The queueing model against a real PostgreSQL: how long a request waits for one of c connections."""

import random
import threading
import time
from collections.abc import Iterator
from heapq import heapify, heapreplace
from queue import SimpleQueue

import psycopg
import pytest

from poolcheck.capacity import queueing
from tests.capacity.queue_oracle import wait_percentile
from tests.conftest import need_bouncer, need_postgres
from tests.servers import Bouncer, Postgres

pytestmark = [pytest.mark.measured, pytest.mark.slow, pytest.mark.postgres]

SECONDS = 30.0
CLIENTS = 80
# Measured over 22 runs of two minutes: 1.7 % on average, 7.7 % at worst, and 0.8 ms of the clients' own.
AT_P99, CLIENTS_OWN = 0.15, 0.004


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    """PostgreSQL with room for all."""
    need_postgres(15)
    with Postgres(15, max_connections=120, log_statement="none") as found:
        yield found


def fifo(servers: int, moments: list[float], held: list[float]) -> list[float]:
    """Waits of these very requests in an ideal queue."""
    free = [0.0] * servers
    heapify(free)
    found = []
    for came, hold in zip(moments, held, strict=True):
        start = max(free[0], came)
        heapreplace(free, start + hold)
        found.append(start - came)
    return found


def perform(
    url: str, clients: int, moments: list[float], holds: list[float]
) -> tuple[list[float], list[float]]:
    """Waits and holds of real requests: `clients` connections take them in order."""
    work: SimpleQueue[int | None] = SimpleQueue()
    waits, held = [0.0] * len(moments), [0.0] * len(moments)
    begun = 0.0

    def client() -> None:
        with psycopg.connect(url, autocommit=True, prepare_threshold=None) as conn:
            while (number := work.get()) is not None:
                start = time.monotonic()
                conn.execute(f"SELECT pg_sleep({holds[number]:.3f})".encode())
                held[number] = time.monotonic() - start
                waits[number] = start - begun - moments[number]

    threads = [threading.Thread(target=client) for _ in range(clients)]
    for thread in threads:
        thread.start()
    time.sleep(1)
    begun = time.monotonic()
    for number, moment in enumerate(moments):
        time.sleep(max(0.0, begun + moment - time.monotonic()))
        work.put(number)
    for _ in threads:
        work.put(None)
    for thread in threads:
        thread.join()
    return waits, held


def requests(rate: float, mean: float, cv2: float, seed: int) -> tuple[list[float], list[float]]:
    """Poisson arrivals, holds in whole milliseconds."""
    draw = random.Random(seed)
    hold = queueing.holds(draw, mean, cv2)
    moments: list[float] = []
    now = 0.0
    while (now := now + draw.expovariate(rate)) < SECONDS:
        moments.append(now)
    return moments, [max(0.001, round(hold(), 3)) for _ in moments]


@pytest.mark.parametrize(("servers", "rate", "cv2"), [(10, 160, 0.0), (5, 80, 1.0), (2, 28, 1.0)])
def test_waits_for_a_pool(server: Postgres, servers: int, rate: float, cv2: float) -> None:
    """An application's pool of c connections."""
    moments, holds = requests(rate, 0.05, cv2, seed=5)
    waits, held = perform(server.url(), servers, moments, holds)
    told = queueing.percentile_of(fifo(servers, moments, held), 99)
    real = queueing.percentile_of(waits, 99)
    print(f"pool {servers}, {rate}/s: p99 wait {told * 1000:.1f} ms told, {real * 1000:.1f} ms real")
    assert real == pytest.approx(told, rel=AT_P99, abs=CLIENTS_OWN)


@pytest.mark.bouncer
def test_waits_for_a_pgbouncer(server: Postgres) -> None:
    """PgBouncer queues as an ideal pool does: the response time is the wait and the hold."""
    need_bouncer()
    moments, holds = requests(160, 0.05, 1.0, seed=6)
    with Bouncer(server, pool_size=10, max_client_conn=200) as bouncer:
        waits, took = perform(bouncer.url(), CLIENTS, moments, holds)
    held = [hold + 0.0015 for hold in holds]
    told = fifo(10, moments, held)
    real = [wait + each - hold for wait, each, hold in zip(waits, took, held, strict=True)]
    p99 = queueing.percentile_of(told, 99), queueing.percentile_of(real, 99)
    print(f"PgBouncer 10, 160/s: p99 wait {p99[0] * 1000:.1f} ms told, {p99[1] * 1000:.1f} ms real")
    assert p99[1] == pytest.approx(p99[0], rel=AT_P99 + 0.1, abs=CLIENTS_OWN)


def test_closed_form_against_a_long_simulation() -> None:
    """Erlang C is within 6 % of 300,000 simulated arrivals at the 99th percentile."""
    for servers, rate in ((5, 80), (10, 160), (20, 320)):
        simulated = queueing.percentile_of(queueing.waits(servers, rate, 0.05, arrivals=300_000), 99)
        assert wait_percentile(servers, rate, 0.05, 99) == pytest.approx(simulated, rel=0.08)
