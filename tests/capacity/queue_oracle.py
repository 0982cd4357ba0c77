"""What the M/M/c queue says of waits, from Erlang C as the books print it: beside it the sizes are checked."""

import math

from poolcheck.capacity.queueing import erlang_c


def mean_wait(servers: int, rate: float, hold: float, cv2: float = 1.0) -> float:
    """Mean wait for a connection; infinite when the servers cannot keep up."""
    erlangs = rate * hold
    if erlangs >= servers:
        return math.inf
    return erlang_c(servers, erlangs) * hold / (servers - erlangs) * (1 + cv2) / 2


def wait_percentile(servers: int, rate: float, hold: float, percentile: float, cv2: float = 1.0) -> float:
    """The wait that `percentile` percent of arrivals do not exceed; infinite when the servers cannot keep up."""
    erlangs = rate * hold
    if erlangs >= servers:
        return math.inf
    waiting, beyond = erlang_c(servers, erlangs), 1 - percentile / 100
    longest = math.log(waiting / beyond) / (servers - erlangs) if waiting > beyond else 0.0
    return longest * hold * (1 + cv2) / 2
