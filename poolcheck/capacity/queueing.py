"""Waiting for a connection: the M/M/c queue, its corrections, and the closed model of a busy server. Pure.

`c` servers are connections, `erlangs` is the mean number of busy ones (Little: arrival rate times hold time).
Times are in the unit that the caller uses for all of them; rates are per that unit.

Sources:
    Erlang B, Erlang C, Little's law, M/M/c//N: any text on queues, e.g. L. Kleinrock, Queueing Systems I, ch. 3.
    Correction for other hold times: A. O. Allen, Probability, Statistics and Queueing Theory, ch. 5.
    All of it was held against real PostgreSQL and PgBouncer: tests/validation repeats that.
"""

import math
from collections.abc import Callable
from heapq import heapify, heapreplace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random

Draw = Callable[[], float]

# A pool that is busier than this has no room for a load that was guessed 25 % too low.
MOST_BUSY = 0.8
ARRIVALS = 100_000  # of one simulated run: the 99th percentile then moves by about 2 % from seed to seed


def erlang_b(servers: int, erlangs: float) -> float:
    """Share of arrivals that find all servers busy when nobody may wait."""
    blocked = 1.0
    for k in range(1, servers + 1):
        blocked = erlangs * blocked / (k + erlangs * blocked)
    return blocked


def erlang_c(servers: int, erlangs: float) -> float:
    """Share of arrivals that must wait; 1 when the servers cannot keep up."""
    return _must_wait(servers, erlangs, erlang_b(servers, erlangs))


def _must_wait(servers: int, erlangs: float, blocked: float) -> float:
    if erlangs >= servers:
        return 1.0
    return blocked / (1 - erlangs / servers * (1 - blocked))


def _tail(servers: int, erlangs: float, blocked: float, percentile: float) -> float:
    """The percentile of the wait in exponential hold times; `blocked` is Erlang B."""
    if erlangs >= servers:
        return math.inf
    waiting = _must_wait(servers, erlangs, blocked)
    beyond = 1 - percentile / 100
    return math.log(waiting / beyond) / (servers - erlangs) if waiting > beyond else 0.0


def need(
    rate: float,
    hold: float,
    target: float,
    percentile: float = 99.0,
    *,
    cv2: float = 1.0,
    batch: int = 1,
) -> int:
    """The least number of connections with which `percentile` percent wait at most `target`.

    Never busier than `MOST_BUSY`. Arrivals that come in batches (a request that sends several queries at once) make
    the formula far too hopeful (22 % at the 99th percentile, 70 % in the mean), so those are simulated.
    """
    erlangs = rate * hold
    least = max(1, math.ceil(erlangs / MOST_BUSY - 1e-9))
    if batch > 1:
        return _least(
            least,
            lambda servers: (
                percentile_of(waits(servers, rate, hold, cv2=cv2, batch=batch), percentile) <= target
            ),
        )
    bearable = target / hold / ((1 + cv2) / 2)
    blocked = erlang_b(least, erlangs)
    servers = least
    while _tail(servers, erlangs, blocked, percentile) > bearable:
        servers += 1
        blocked = erlangs * blocked / (servers + erlangs * blocked)
    return servers


def _least(start: int, enough: Callable[[int], bool]) -> int:
    """The least number from `start` on that is enough: double, then halve. More is never less enough."""
    low, high = start - 1, start  # low: too few
    while not enough(high):
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def waits(
    servers: int,
    rate: float,
    hold: float,
    *,
    cv2: float = 1.0,
    batch: int = 1,
    arrivals: int = ARRIVALS,
    seed: int = 1,
) -> list[float]:
    """The waits of simulated arrivals: first come, first served; `batch` of them arrive at one moment."""
    import random  # noqa: PLC0415 - 3 ms that a sizing without batches need not spend

    draw = random.Random(seed)
    hold_time = holds(draw, hold, cv2)
    gap = batch / rate
    free = [0.0] * servers
    heapify(free)
    result = []
    now = 0.0
    for number in range(arrivals):
        if number % batch == 0:
            now += draw.expovariate(1 / gap)
        start = max(free[0], now)
        heapreplace(free, start + hold_time())
        result.append(start - now)
    return result


def holds(draw: "random.Random", mean: float, cv2: float) -> Draw:
    """A drawer of hold times with that mean and squared variation: constant, gamma, exponential, log-normal."""
    if cv2 == 0:
        return lambda: mean
    if cv2 == 1:
        return lambda: draw.expovariate(1 / mean)
    if cv2 < 1:
        return lambda: draw.gammavariate(1 / cv2, mean * cv2)
    sigma2 = math.log(1 + cv2)
    return lambda: draw.lognormvariate(math.log(mean) - sigma2 / 2, math.sqrt(sigma2))


def percentile_of(values: list[float], percentile: float) -> float:
    """The smallest value that `percentile` percent of the values do not exceed; 0 of none."""
    if not values:
        return 0.0
    return sorted(values)[max(0, math.ceil(len(values) * percentile / 100) - 1)]


def throughput(cores: int, cpu: float, blocked: float, connections: int) -> float:
    """Transactions per unit of time that `connections` busy connections get out of a server.

    Each transaction computes for `cpu` on one of the cores and is blocked (disk, locks, network, the client) for
    `blocked`: M/M/C//N, the machine repairman.
    """
    if blocked == 0:
        return min(connections, cores) / cpu
    # Logarithms, because N! does not fit a float for N beyond 170.
    log_weight = 0.0
    weights = [0.0]
    for computing in range(1, connections + 1):
        log_weight += math.log((connections - computing + 1) / blocked * cpu / min(computing, cores))
        weights.append(log_weight)
    top = max(weights)
    shares = [math.exp(weight - top) for weight in weights]
    busy_cores = sum(share * min(number, cores) for number, share in enumerate(shares)) / sum(shares)
    return busy_cores / cpu
