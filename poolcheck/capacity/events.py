"""Requests, instances and slots, event by event: the engine of `simulation.traffic`. Pure.

An instance takes requests up to its concurrency; the one that was used last is used next. A request takes a free
connection of its instance's pool, opens one, or waits for one. A refused one fails, or tries again; its instance is
free at once, which is why instances without a connection swallow request after request.
"""

from collections import deque
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count
from math import inf

from poolcheck.model.simulation import Point, Traffic

POINTS = 240  # moments of a series


@dataclass(slots=True, eq=False)
class _Instance:
    """A process with its pool."""

    number: int
    busy: int = 0  # requests
    open: int = 0  # connections, those being opened included
    free: list[float] = field(default_factory=list)  # unused connections, since when: last in, first out
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


class Run:
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
        slots = asked.slots
        self.lines = [share * slots.available for share in (slots.warn_at, slots.critical_at)]
        self.passed: list[float | None] = [None, None]

    # --- the clock ---

    def run(self) -> None:
        """Work through every event; ends when the last request has been served, refused or turned away."""
        asked, heap = self.asked, self.heap
        for _ in range(min(asked.warm, asked.max_instances or asked.warm)):
            self._stack(self._start(0.0))
        step = asked.seconds / POINTS
        sample, deploy = 0.0, asked.deploy_at
        actions = (self._served, self._begin, self._denied, self._acquire)
        pending = iter(self.requests)
        request = next(pending, None)
        while request is not None or heap:
            came = request.came if request is not None else inf
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
