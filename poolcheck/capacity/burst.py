"""What a burst of instances does to the slots: a closed form for a steady ramp, an event simulation for traffic. Pure.

The event simulation is in poolcheck.capacity.events. It was held against up to 117 real processes on a real PostgreSQL, directly and through PgBouncer:
first refusal within 0.02 s, failures within a tenth. tests/validation repeats that.
"""

import math
import random
from dataclasses import replace
from typing import Any

from poolcheck.capacity import queueing
from poolcheck.capacity.events import POINTS, Run
from poolcheck.model.simulation import Help, Point, Ramp, Simulation, Traffic

STILL_FAILING = 0.03  # a failure in the last 3 % of the time: it did not recover


def ramp(asked: Ramp, *, helps: bool = True) -> Simulation:
    """Instance k opens its pool when the ramp reaches k; the first that does not fit is refused. No randomness.

    `asked.last` >= `asked.first` >= 0, `seconds` > 0, `limit` >= 1, and at least one slot.
    """
    slots, per_second = asked.slots.available, (asked.last - asked.first) / asked.seconds
    wanted = asked.last * asked.limit
    refused = max(0, wanted - slots)
    instance = slots // asked.limit + 1 if refused else None
    first = None if instance is None else _reached(asked, instance)
    series = []
    for number in range(POINTS + 1):
        t = asked.seconds * number / POINTS
        instances = int(asked.first + per_second * t + 1e-9)
        here = instances * asked.limit
        opened = min(here, slots)
        series.append(
            Point(t, instances, opened, opened, 0, here - opened, max(0, instances - slots // asked.limit))
        )
    return Simulation(
        mode="ramp",
        inputs=asked,
        first_refusal_seconds=first,
        first_refusal_instance=instance,
        wanted=wanted,
        open=min(wanted, slots),
        refused=refused,
        peak_instances=asked.last,
        instances_hit=max(0, asked.last - slots // asked.limit),
        warn_seconds=_lead(asked, first, asked.slots.warn_at),
        critical_seconds=_lead(asked, first, asked.slots.critical_at),
        implied_seconds=asked.last / asked.rate if asked.rate else None,
        connections_per_second=per_second * asked.limit,
        series=tuple(series),
        helps=_ramp_helps(asked) if helps and refused else (),
    )


def _reached(asked: Ramp, instance: int) -> float:
    """When the ramp reaches that instance: 0 when it was there from the start."""
    if instance <= asked.first:
        return 0.0
    return (instance - asked.first) * asked.seconds / (asked.last - asked.first)


def _lead(asked: Ramp, first: float | None, share: float) -> float | None:
    """Seconds between the instance that passes a share of the slots and the first refusal."""
    if first is None:
        return None
    passing = math.ceil(share * asked.slots.available / asked.limit - 1e-9)
    return first - _reached(asked, passing)


def _ramp_helps(asked: Ramp) -> tuple[Help, ...]:
    found = []
    if asked.limit > 1:
        single = ramp(replace(asked, limit=1), helps=False)
        found.append(
            Help(
                change="1 connection per instance",
                option="--pool 1",
                refused=single.refused,
                failed=single.instances_hit,
                of=asked.last,
                first_refusal_seconds=single.first_refusal_seconds,
            )
        )
    cap = asked.slots.usable // asked.limit
    if cap:
        words = f"at most {cap} instances, floor({asked.slots.usable}/{asked.limit})"
        found.append(
            Help(
                change=words,
                option=f"--instances {cap}",
                refused=0,
                failed=0,
                of=asked.last,
                throttled=asked.last - cap,
            )
        )
    if asked.slots.usable and asked.slots.of == "max_connections":
        words = f"pooler with {asked.slots.usable} server connections"
        found.append(Help(change=words, option="poolcheck size --pooler", refused=0, failed=0, of=asked.last))
    return tuple(found)


def arrivals(asked: Traffic, draw: random.Random) -> list[float]:
    """Moments of requests: Poisson, with a rate that grows evenly from `rate_from` to `rate_to`, then stays."""
    moments: list[float] = []
    expected = 0.0  # requests expected until now
    slope = (asked.rate_to - asked.rate_from) / asked.ramp_seconds if asked.ramp_seconds else 0.0
    at_top = asked.ramp_seconds * (asked.rate_from + asked.rate_to) / 2
    while True:
        expected += draw.expovariate(1.0)
        if expected >= at_top:
            t = asked.ramp_seconds + (expected - at_top) / asked.rate_to if asked.rate_to else math.inf
        elif abs(slope) < 1e-12:
            t = expected / asked.rate_from
        else:
            t = (math.sqrt(asked.rate_from**2 + 2 * slope * expected) - asked.rate_from) / slope
        if t >= asked.seconds:
            return moments
        moments.append(t)


def traffic(
    asked: Traffic,
    *,
    moments: list[float] | None = None,
    holds: list[float] | None = None,
    helps: bool = True,
) -> Simulation:
    """Simulate requests; with the same `seed` always the same. `moments` and `holds` replace the random ones.

    Rates and times of `asked` are finite and not negative, `hold` and `seconds` above 0, `limit`, `concurrency` and
    the slots at least 1.
    """
    draw = random.Random(asked.seed)
    moments = arrivals(asked, draw) if moments is None else moments
    if holds is None:
        hold = queueing.holds(draw, asked.hold, asked.cv2)
        holds = [hold() for _ in moments]
    run = Run(asked, moments, holds)
    run.run()
    first, instance = run.first or (None, None)
    leads = [
        None if first is None or passed is None or asked.pooler is not None else first - passed
        for passed in run.passed
    ]
    rate = max(asked.rate_from, asked.rate_to)
    ends = run.last_failure is not None and run.last_failure < asked.seconds * (1 - STILL_FAILING)
    return Simulation(
        mode="traffic",
        inputs=asked,
        first_refusal_seconds=first,
        first_refusal_instance=instance,
        wanted=run.wanted,
        open=run.most_clients if asked.pooler is None else run.most_servers,
        refused=run.refused,
        peak_instances=run.peak,
        instances_hit=run.hit,
        requests=len(moments),
        failed=run.failed,
        throttled=run.throttled,
        recovers=run.last_failure if ends else None,
        p50=queueing.percentile_of(run.took, 50),
        p99=queueing.percentile_of(run.took, 99),
        warn_seconds=leads[0],
        critical_seconds=leads[1],
        implied_seconds=run.peak * asked.concurrency / rate if rate else None,
        series=tuple(run.series),
        helps=_traffic_helps(asked, moments, holds) if helps and (run.failed or run.refused) else (),
    )


PRESETS: dict[str, dict[str, Any]] = {
    # 1,000 new environments every 10 s, one request each, 1,000 at once by default; suspended between requests.
    # https://docs.aws.amazon.com/lambda/latest/dg/scaling-behavior.html
    "lambda": {"frozen": True, "scale_burst": 1000, "scale_rate": 100.0, "max_instances": 1000},
    # An idle instance is suspended and its pool's timers with it.
    # https://vercel.com/blog/the-real-serverless-compute-to-database-connection-problem-solved
    "vercel": {"frozen": True},
    # attachDatabasePool keeps the instance awake until the idle timer has run.
    "vercel+attach": {"frozen": False},
    # 80 requests per instance, 100 instances by default; no CPU between requests.
    # https://cloud.google.com/run/docs/about-concurrency
    "cloud-run": {"concurrency": 80, "max_instances": 100, "frozen": True},
    # The autoscaler adds at most 4 pods, or as many as there are, every 15 s; a pod serves many requests.
    # https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/
    "k8s-hpa": {"concurrency": 20, "warm": 3, "scale_burst": 4, "scale_rate": 4 / 15, "cold_start": 5.0},
    # No limit on Workers; Hyperdrive opens about 100 connections on a paid plan, in transaction mode.
    # https://developers.cloudflare.com/hyperdrive/platform/limits/
    "workers+hyperdrive": {"limit": 1, "cold_start": 0.005, "pooler": 100},
}


def _traffic_helps(asked: Traffic, moments: list[float], holds: list[float]) -> tuple[Help, ...]:
    """The same requests, run again with one thing changed each time."""
    changes: list[tuple[str, str, Traffic]] = []
    if asked.limit > 1:
        changes.append(("1 connection per instance", "--pool 1", replace(asked, limit=1)))
    if asked.eager:
        changes.append(("a lazy pool", "without --eager", replace(asked, eager=False)))
    if asked.frozen and not asked.eager:
        changes.append(("idle timers that run", "--not-frozen", replace(asked, frozen=False)))
    cap = asked.slots.usable // asked.limit
    if asked.pooler is None and cap and (asked.max_instances is None or cap < asked.max_instances):
        words = f"at most {cap} instances, floor({asked.slots.usable}/{asked.limit})"
        changes.append((words, f"--max-instances {cap}", replace(asked, max_instances=cap)))
    if asked.pooler is None and asked.slots.usable:
        rate = max(asked.rate_from, asked.rate_to)
        need = queueing.need(rate, asked.hold, asked.hold, cv2=asked.cv2)
        size = min(need, asked.slots.usable)
        words = f"pooler with {size} server connections"
        changes.append((words, f"--pooler {size}", replace(asked, pooler=size, pooler_clients=None)))
    found = []
    for change, option, changed in changes:
        made = traffic(changed, moments=moments, holds=holds, helps=False)
        found.append(
            Help(
                change=change,
                option=option,
                refused=made.refused,
                failed=made.failed or 0,
                of=len(moments),
                throttled=made.throttled or 0,
                first_refusal_seconds=made.first_refusal_seconds,
                p99=made.p99,
            )
        )
    return tuple(found)
