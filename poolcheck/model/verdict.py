"""What `poolcheck gate` concludes: pass, fail or could not check, with the sums and the findings that decided."""

from typing import ClassVar, Literal

from poolcheck.model.finding import Finding
from poolcheck.model.problem import Location
from poolcheck.record import dataclass

Outcome = Literal["pass", "fail", "could not check"]
Against = Literal["slots", "pooler clients"]  # what a sum is held against
Fit = Literal["fits", "does not fit", "cannot say"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PeakSum:
    """The row of one server or pooler: all pools full while a deploy runs, against what there is for them.

    `size`, `processes`, `instances` and `workers` are 0 where several clients with pools of their own are added up.
    """

    name: str  # the server or pooler
    location: Location
    asked: str  # "(10 + 3) x 5 = 65", "web (10 + 3) x 5 = 65 + jobs 2 x 5 = 10"
    source: str  # where the numbers come from: "web: replicas: 10 (k8s/web.yaml:9), connection_limit=5"
    total: int
    against: Against
    capacity: int | None  # None: nobody tells
    capacity_words: str  # "100 max_connections (poolcheck.toml) - 3 reserved"
    limit: float  # the share of the capacity that is allowed, above 0 and at most 1
    verdict: Fit = "fits"
    steady: int = 0
    least: bool = False  # the total is the least that can happen
    certain: bool = (
        True  # False: the capacity is what the provider's smallest plan gives, and nobody tells the plan
    )
    unknown: tuple[str, ...] = ()  # what nobody tells, with the option that would
    size: int = 0  # connections of one process's pool
    processes: int = 0  # while a deploy runs
    instances: int = 0
    workers: int = 0  # processes in an instance
    instances_peak: int = 0  # while a deploy runs

    @property
    def share(self) -> float | None:
        """How much of the capacity the full pools take; above 1 they do not fit. None: there is no capacity, or it is not known."""
        return self.total / self.capacity if self.capacity else None

    @property
    def holds(self) -> bool:
        """Whether the share is known, and within the limit."""
        return self.verdict == "fits" and self.share is not None and self.share <= self.limit

    @property
    def exceeds(self) -> bool:
        """Whether what is known of the sum is above the limit already."""
        return self.certain and self.capacity is not None and self.total > self.limit * self.capacity

    @property
    def percent(self) -> str:
        """The share for people: "67 %"; "" where what is asked, or what there is, is not known."""
        if self.capacity is None or (self.least and not self.total):
            return ""
        return "no slot is left" if self.share is None else f"{self.share * 100:.0f} %"

    @property
    def judged(self) -> str:
        """The row's verdict in words: "fits", "fits, above the limit", "does not fit", "cannot say"."""
        above = self.exceeds and self.verdict != "does not fit"
        return f"{self.verdict}, above the limit{' already' if self.least else ''}" if above else self.verdict

    @property
    def words(self) -> str:
        """The row in one line: "50 asked, 65 at deploy, of 97 usable slots (67 %, limit 90 %)"."""
        what = "usable slots" if self.against == "slots" else "pooler clients"
        limit = f"limit {self.limit * 100:.0f} %"
        if self.least and not self.total:
            if self.capacity is None:
                return f"neither what is asked nor how many {what} there are is known"
            return f"what is asked is not known, of {max(0, self.capacity):,} {what} ({limit})"
        asked = f"{'at least ' if self.least else ''}{self.steady:,} asked, {self.total:,} at deploy"
        if self.capacity is None:
            return f"{asked}; how many {what} there are is not known"
        return f"{asked}, of {max(0, self.capacity):,} {what} ({self.percent}, {limit})"


@dataclass(frozen=True, slots=True, kw_only=True)
class MovedNumber:
    """A number of a sum that is not what it was; a client that came, or went."""

    of: str  # the client, pooler or server
    what: str  # "replicas", "connection_limit"; "" for all that a client or pooler asks for
    before: int | None  # None: it was not there, or was not known
    after: int | None
    place: Location | None  # where it stands now; of what is gone, where it stood

    @property
    def words(self) -> str:
        """`worker replicas 4 -> 8 (k8s/worker.yaml:7)`, `jobs added, 10 (k8s/jobs.yaml:3)`."""
        line = f":{self.place.line}" if self.place and self.place.line else ""
        where = f" ({self.place.path}{line})" if self.place and self.place.path else ""
        if not self.what and self.before is None:
            return f"{self.of} added, {self.after:,}{where}"
        if not self.what and self.after is None:
            return f"{self.of} removed, {self.before:,}{where}"
        before, after = ("not known" if each is None else f"{each:,}" for each in (self.before, self.after))
        return f"{' '.join(filter(None, (self.of, self.what)))} {before} -> {after}{where}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PeakChange:
    """What a change does to the peak at deploy of one server or pooler."""

    name: str
    against: Against
    before: int | None  # None: nothing led there
    after: int | None
    usable_before: int | None  # None: nobody tells
    usable: int | None
    moved: tuple[MovedNumber, ...] = ()
    unknown: tuple[str, ...] = ()  # what of it is not known, before or now, in half sentences
    raised: bool  # the peak rises, what there is falls, or neither can be ruled out

    @property
    def words(self) -> str:
        """In one sentence, with each number that moved and its place."""
        if self.after is None:
            return f"This change leaves nobody who connects to {self.name}: the peak at deploy was {self.before or 0:,}."
        before, after = self.before or 0, self.after
        of = "" if self.usable is None else f" of {max(0, self.usable):,}"
        verb = f"moves the peak at deploy from {before:,} to {after:,}{of}"
        if before == after:
            verb = f"leaves the peak at deploy at {after:,}{of}"
        if None not in (self.usable, self.usable_before) and self.usable != self.usable_before:
            verb += f", where there were {self.usable_before:,}"
        moved = f": {'; '.join(each.words for each in self.moved)}" if self.moved else ""
        unknown = f" Not known: {'; '.join(self.unknown)}." if self.unknown else ""
        return f"This change {verb}{moved}.{unknown}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The gate's section of the report."""

    name: ClassVar[str] = "verdict"

    outcome: Outcome
    reasons: tuple[str, ...]  # why, in sentences; the first one fits a headline
    decided: tuple[Finding, ...] = ()  # the findings that made it fail
    sums: tuple[PeakSum, ...] = ()
    changes: tuple[PeakChange, ...] = ()  # since a revision, where one was named
    live: str = ""  # "was looked at", "was not looked at", "could not be looked at"


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """How often each rule was met; a section of the report with --statistics."""

    name: ClassVar[str] = "statistics"

    # rule id, rule name, severity word, findings, suppressed; most findings first
    rows: tuple[tuple[str, str, str, int, int], ...] = ()
