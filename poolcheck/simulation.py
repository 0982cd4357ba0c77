"""What a burst of instances does to the slots: a closed form for a steady ramp, an event simulation for traffic. Pure.

The event simulation was held against up to 117 real processes on a real PostgreSQL, directly and through PgBouncer:
first refusal within 0.02 s, failures within a tenth. tests/validation repeats that.
"""

import math
import random
from collections import deque
from dataclasses import dataclass, field, replace
from heapq import heappop, heappush
from itertools import count
from typing import Any

from poolcheck import queueing
from poolcheck.core.simulation import Help, Point, Ramp, Simulation, Traffic

WARN_AT, CRITICAL_AT = 0.70, 0.85
POINTS = 240  # moments of a series
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
        warn_seconds=_lead(asked, first, WARN_AT),
        critical_seconds=_lead(asked, first, CRITICAL_AT),
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
                option="--limit 1",
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
                option=f"--to {cap}",
                refused=0,
                failed=0,
                of=asked.last,
                throttled=asked.last - cap,
            )
        )
    if asked.slots.usable:
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


@dataclass(slots=True, eq=False)
class _Instance:
    """A process with its pool."""

    number: int
    busy: int = 0  # requests
    open: int = 0  # connections, those being opened included
    free: list[float] = field(
        default_factory=list
    )  # open ones that nobody uses: since when; last in, first out
    used: float = 0.0  # when it was last given work, or done with it
    started: bool = False  # an eager pool has been opened
    stacked: bool = False  # takes requests
    old: bool = False  # a newer version has taken over
    gone: bool = False
    hit: bool = False
    waiting: deque["_Request"] = field(default_factory=deque)


@dataclass(slots=True, eq=False)
class _Request:
    came: float
    hold: float
    instance: _Instance | None = None


class _Run:
    """One run: the clock, the slots, the instances, and what happened."""

    def __init__(self, asked: Traffic, moments: list[float], holds: list[float]) -> None:
        self.asked = asked
        self.requests = [_Request(came, hold) for came, hold in zip(moments, holds, strict=True)]
        # Through a pooler, clients connect to it; it opens at most what the server has.
        self.capacity = asked.slots.available if asked.pooler is None else asked.pooler_clients or 1 << 60
        self.servers = min(asked.pooler or 0, asked.slots.available)
        self.busy_servers = 0
        self.most_servers = 0
        self.queue: deque[_Request] = deque()
        self.heap: list[tuple[float, int, int, _Request]] = []
        self.order = count()
        self.clients = self.most_clients = 0
        self.ready: list[_Instance] = []  # a stack: the one that was used last is used next
        self.idle: deque[tuple[float, _Instance, float]] = deque()
        self.resting: deque[tuple[float, _Instance]] = deque()
        self.alive = self.started = self.peak = 0
        self.deployed = 0  # instances up to this number run the old version
        self.tokens = float(asked.scale_burst or 0)
        self.tokens_at = 0.0
        self.active = 0  # requests that hold a connection
        self.wanted = self.refused = self.failed = self.throttled = self.hit = 0
        self.first: tuple[float, int] | None = None
        self.last_failure: float | None = None
        self.took: list[float] = []
        self.series: list[Point] = []
        self.lines = [share * asked.slots.available for share in (WARN_AT, CRITICAL_AT)]
        self.passed: list[float | None] = [None, None]

    # --- the clock ---

    def run(self) -> None:
        asked, heap = self.asked, self.heap
        for _ in range(min(asked.warm, asked.max_instances or asked.warm)):
            self._stack(self._start(0.0))
        step = asked.seconds / POINTS
        sample, deploy = 0.0, asked.deploy_at
        actions = (self._served, self._begin, self._denied, self._acquire)
        pending = iter(self.requests)
        request = next(pending, None)
        while request is not None or heap:
            came = request.came if request is not None else math.inf
            t = heap[0][0] if heap and heap[0][0] < came else came
            while sample <= t and sample <= asked.seconds + 1e-9:
                self._expire(sample)
                self._sample(sample)
                sample += step
            if deploy is not None and t >= deploy:
                self._deploy()
                deploy = None
            self._expire(t)
            if t == came and request is not None:
                self._arrive(request, t)
                request = next(pending, None)
            else:
                _, _, kind, subject = heappop(heap)
                actions[kind](subject, t)
        while sample <= asked.seconds + 1e-9:
            self._expire(sample)
            self._sample(sample)
            sample += step

    def _sample(self, t: float) -> None:
        # A pooler keeps the server connections that it has opened.
        connections = self.clients if self.asked.pooler is None else self.most_servers
        waiting = len(self.queue)
        self.series.append(Point(t, self.alive, connections, self.active, waiting, self.refused, self.failed))

    def _at(self, t: float, kind: int, request: _Request) -> None:
        heappush(self.heap, (t, next(self.order), kind, request))

    def _expire(self, t: float) -> None:
        """Close connections and remove instances that have been idle for too long."""
        while self.idle and self.idle[0][0] <= t:
            _, instance, since = self.idle.popleft()
            suspended = self.asked.frozen and not instance.busy  # its timers do not run
            if since in instance.free and not suspended:
                self._close(instance, since)
        while self.resting and self.resting[0][0] <= t:
            _, instance = self.resting.popleft()
            if instance.busy or instance.gone or instance.used + self.asked.instance_idle > t + 1e-9:
                continue  # used since then: a later entry tells
            instance.gone = True
            self.alive -= 1
            self.clients -= instance.open
            instance.free.clear()
            if instance.stacked:
                self.ready.remove(instance)
                instance.stacked = False

    def _close(self, instance: _Instance, since: float) -> None:
        instance.free.remove(since)
        instance.open -= 1
        self.clients -= 1

    def _keep(self, instance: _Instance, t: float) -> None:
        """A connection goes back to its pool. An eager pool keeps its size; others close what is idle."""
        instance.free.append(t)
        if self.asked.idle_timeout is not None and not self.asked.eager:
            self.idle.append((t + self.asked.idle_timeout, instance, t))

    # --- instances ---

    def _start(self, t: float) -> _Instance:
        self.started += 1
        self.alive += 1
        self.peak = max(self.peak, self.alive)
        instance = _Instance(self.started, used=t)
        self.resting.append((t + self.asked.instance_idle, instance))
        return instance

    def _stack(self, instance: _Instance) -> None:
        if not (instance.stacked or instance.old):
            instance.stacked = True
            self.ready.append(instance)

    def _may_start(self, t: float) -> bool:
        asked = self.asked
        if asked.max_instances is not None and self.alive >= asked.max_instances:
            return False
        if asked.scale_burst is None:
            return True
        self.tokens = min(asked.scale_burst, self.tokens + (t - self.tokens_at) * asked.scale_rate)
        self.tokens_at = t
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True

    def _deploy(self) -> None:
        """From now on requests go to new instances; old ones finish what they have, and keep their connections."""
        for instance in self.ready:
            instance.old, instance.stacked = True, False
        self.ready.clear()
        self.deployed = self.started

    def _arrive(self, request: _Request, t: float) -> None:
        ready = self.ready
        if ready:
            instance = ready[-1]
            delay = 0.0
        elif self._may_start(t):
            instance = self._start(t)
            self._stack(instance)
            delay = self.asked.cold_start
        else:
            self.throttled += 1
            self.last_failure = t
            return
        if (
            self.asked.frozen
            and not instance.busy
            and not self.asked.eager
            and self.asked.idle_timeout is not None
        ):
            # It wakes up, and its overdue timers close all but the connection that is wanted now.
            for since in [each for each in instance.free[:-1] if each + self.asked.idle_timeout <= t]:
                self._close(instance, since)
        instance.busy += 1
        instance.used = t
        if instance.busy >= self.asked.concurrency:
            ready.pop()
            instance.stacked = False
        request.instance = instance
        if delay:
            self._at(t + delay, 3, request)
        else:
            self._acquire(request, t)

    def _leave(self, instance: _Instance, t: float) -> None:
        """A request is done with its instance."""
        instance.busy -= 1
        instance.used = t
        instance.old = instance.number <= self.deployed
        self._stack(instance)
        if not instance.busy:
            self.resting.append((t + self.asked.instance_idle, instance))

    # --- connections ---

    def _open(self, instance: _Instance, t: float) -> bool:
        """Ask for one more connection; False when there is no slot."""
        self.wanted += 1
        if self.clients >= self.capacity:
            self.refused += 1
            if not instance.hit:
                instance.hit = True
                self.hit += 1
            if self.first is None:
                self.first = (t, instance.number)
            return False
        self.clients += 1
        instance.open += 1
        if self.clients > self.most_clients:
            self.most_clients = self.clients
            for number, line in enumerate(self.lines):
                if self.passed[number] is None and self.clients >= line:
                    self.passed[number] = t
        return True

    def _acquire(self, request: _Request, t: float) -> None:
        """Take a connection of the instance's pool, open one, or wait for one."""
        instance, asked = request.instance, self.asked
        assert instance is not None
        if instance.free:
            instance.free.pop()
            self._begin(request, t)
        elif instance.open < asked.limit:
            opened = self._open(instance, t)
            if asked.eager and not instance.started:
                instance.started = True
                for _ in range(asked.limit - instance.open if opened else asked.limit - 1):
                    if self._open(instance, t):
                        self._keep(instance, t)
            if opened:
                self._at(t + asked.connect, 1, request)
            elif instance.open:
                instance.waiting.append(request)
            else:
                self._at(t + asked.refusal, 2, request)
        else:
            instance.waiting.append(request)

    def _denied(self, request: _Request, t: float) -> None:
        """The client learns that it was refused: it tries again later, or fails."""
        instance, asked = request.instance, self.asked
        assert instance is not None
        if asked.retry is not None and t + asked.retry - request.came <= asked.give_up:
            self._at(t + asked.retry, 3, request)
            return
        self.failed += 1
        self.last_failure = t
        self._leave(instance, t)

    def _begin(self, request: _Request, t: float) -> None:
        """The request has a client connection; through a pooler it also needs a server connection."""
        if self.asked.pooler is not None:
            if self.busy_servers >= self.servers:
                self.queue.append(request)
                return
            self.busy_servers += 1
            self.most_servers = max(self.most_servers, self.busy_servers)
        self.active += 1
        self._at(t + request.hold, 0, request)

    def _served(self, request: _Request, t: float) -> None:
        """Done: the connection goes to whoever waits for it."""
        instance = request.instance
        assert instance is not None
        self.active -= 1
        self.took.append(t - request.came)
        if self.asked.pooler is not None:
            self.busy_servers -= 1
            if self.queue:
                self._begin(self.queue.popleft(), t)
        if instance.waiting:
            self._begin(instance.waiting.popleft(), t)
        else:
            self._keep(instance, t)
        self._leave(instance, t)


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
    draw = random.Random(asked.seed)  # noqa: S311 - a simulation, not a secret
    moments = arrivals(asked, draw) if moments is None else moments
    if holds is None:
        hold = queueing.holds(draw, asked.hold, asked.cv2)
        holds = [hold() for _ in moments]
    run = _Run(asked, moments, holds)
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
        changes.append(("1 connection per instance", "--limit 1", replace(asked, limit=1)))
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
