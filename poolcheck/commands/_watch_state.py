"""What `live --watch` carries from look to look: the connection, the findings, and how full the server was.

The connection is kept while slots are free; where few are left it is let go between two looks, because an application
may want the slot. A lost server is said, and tried again at every turn.
"""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from poolcheck import catalogue, rules
from poolcheck.diagnosis import engine
from poolcheck.errors import ExitCode
from poolcheck.live import route, sight
from poolcheck.live.judge import put_together
from poolcheck.live.look import Inspection, known
from poolcheck.live.postgres import Link, Lost, NoConnection, StatementFailed, Unsupported
from poolcheck.model.context import Context, Numbers
from poolcheck.model.finding import Finding
from poolcheck.model.look import Look
from poolcheck.model.report import Report
from poolcheck.model.severity import SEVERITY
from poolcheck.model.snapshot import LiveRoute, Refusal, Snapshot
from poolcheck.model.target import Target
from poolcheck.text import clean

HISTORY = 600  # looks that the history can show
GROWTH_SECONDS = 30.0  # growth is judged against the look at least this old
KEEP_SECONDS = 10.0  # a snapshot of a crowded server is megabytes: not every one is kept


@dataclass(slots=True)
class Watch:
    """What is carried from look to look."""

    seen: Inspection
    link: Link | None = None
    whose: Target = field(init=False)  # whose connection it is, or was, and `way` is how
    way: LiveRoute | None = None
    refusal: Refusal | None = None
    trouble: str = ""
    lost: int = 0  # turns without a server
    let_go: bool = False  # few slots are free: the connection is closed until the next look
    last_slot: bool = False  # and the look itself had the last one
    findings: tuple[Finding, ...] = ()  # of the last look
    context: Context = field(default_factory=lambda: Context(catalogue=catalogue, numbers=Numbers()))
    shares: deque[float | None] = field(default_factory=lambda: deque(maxlen=HISTORY))
    snapshots: deque[Snapshot] = field(default_factory=deque)  # of the last minute, KEEP_SECONDS apart

    def __post_init__(self) -> None:
        """Until somebody is let in it would be the first string's."""
        self.whose = self.seen.sources.main

    def _open(self) -> Link:
        """The connection, made anew where there is none; that of --admin where the first is refused.

        Raises:
            NoConnection: neither is let in.
        """
        if self.link is not None and self.link.open:
            return self.link
        admin, before = self.seen.options.admin, self.whose
        self.whose = self.seen.sources.main
        try:
            self.link = self.seen.connect(self.whose)
        except NoConnection:
            if admin is None:
                raise
            self.whose = self.seen.admin(admin).main
            self.link = self.seen.connect(self.whose)
        if not self.let_go or before != self.whose:
            self.way = None
        return self.link

    def turn(self) -> Look | None:
        """One look; None when there is no server, and `trouble` says why."""
        self.refusal, self.trouble, self.last_slot = None, "", False
        try:
            link = self._open()
            snapshot, row = sight.look(link, self.seen.options.timeouts)
            if self.way is None:
                self.way = route.find(
                    link,
                    row,
                    lambda: self.seen.connect(self.whose),
                    known=known(self.whose),
                    probe=self.seen.options.probe,
                )
        except NoConnection as refused:
            self.refusal = self.seen.not_let_in(refused, self.whose)
            self.seen.refusals.clear()
            return self._without(self.refusal.title or refused.text.splitlines()[-1])
        except Lost as lost:
            return self._without("no answer in time" if lost.timed_out else lost.text.splitlines()[-1])
        except StatementFailed as failed:
            return self._without(failed.text)
        except Unsupported as other:
            return self._without(f"not a PostgreSQL that poolcheck knows: {other.banner}")
        self.lost = 0
        snapshot = replace(snapshot, route=self.way)
        shown = link.address
        self._make_room(snapshot)
        earlier = self._remember(snapshot)
        self.shares.append(snapshot.ratio)
        look = put_together(
            snapshot,
            self.seen.config.thresholds,
            earlier=earlier,
            show_queries=self.seen.options.show_queries,
            target=shown,
        )
        self.findings = self._judged(look)
        return look

    def _judged(self, subject: object) -> tuple[Finding, ...]:
        chosen = engine.Selection(self.seen.config.select, self.seen.config.ignore)
        return engine.run(rules.load("7"), [subject], self.context, selection=chosen).findings

    def _make_room(self, snapshot: Snapshot) -> None:
        """Give the look's own slot back where few are free; an application may want it before the next look."""
        own = 0 if snapshot.route.pooled else 1  # through a pooler the session counts among the used
        left = snapshot.free - own
        self.last_slot = left <= 0
        self.let_go = left < self.seen.config.thresholds.min_free
        if self.let_go:
            self.close()

    @property
    def full(self) -> bool:
        """Whether the last look was refused because nothing was free: a finding, and no failure."""
        return self.refusal is not None and self.refusal.exhaustion

    @property
    def code(self) -> ExitCode:
        """Of the last look: 2 when there was no server, 1 when it found what --fail-on means."""
        if self.trouble and not self.full:
            return ExitCode.FAILED
        return Report(command="live", findings=self.findings, fail_on=SEVERITY[self.seen.config.fail_on]).code

    @property
    def room(self) -> str:
        """What became of the look's own slot; "" while it is kept."""
        if not self.let_go or self.trouble:
            return ""
        had = "this look had the last slot" if self.last_slot else "few slots are free"
        return f"{had}: given back until the next look"

    @property
    def status(self) -> str:
        """Why the last look saw nothing; "" when it did."""
        return f"{'refused' if self.full else 'no server'}: {self.trouble}" if self.trouble else ""

    def _remember(self, snapshot: Snapshot) -> Snapshot | None:
        """Keep a few snapshots of the last minute, and give the one that growth is judged against, if it is there."""
        while self.snapshots and snapshot.epoch - self.snapshots[0].epoch > 2 * GROWTH_SECONDS:
            self.snapshots.popleft()
        earlier = next(iter(self.snapshots), None)
        if not self.snapshots or snapshot.epoch - self.snapshots[-1].epoch >= KEEP_SECONDS:
            self.snapshots.append(snapshot)
        grown = earlier is not None and snapshot.epoch - earlier.epoch >= GROWTH_SECONDS
        return earlier if grown else None

    def _without(self, why: str) -> Look | None:
        self.trouble = clean(why, limit=200)
        self.lost += 1
        self.shares.append(1.0 if self.full else None)
        self.findings = self._judged(self.refusal) if self.full else ()
        self.close()
        return None

    def close(self) -> None:
        """Close the connection, if there is one."""
        if self.link is not None:
            self.link.close()
            self.link = None


def turns(
    state: Watch,
    every: float,
    count: int | None,
    show: Callable[[Look | None], None],
    wait: Callable[[float], bool],
) -> None:
    """Look, show, and wait for the rest of the interval, so that slow looks do not pile up; `wait` says whether to go on."""
    done = 0
    while True:
        begun = time.monotonic()
        show(state.turn())
        done += 1
        if count is not None and done >= count:
            return
        if not wait(max(0.0, every - (time.monotonic() - begun))):
            return
