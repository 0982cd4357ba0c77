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
        """The share for people: "67 %"."""
        return "no slot is left" if self.share is None else f"{self.share * 100:.0f} %"

    @property
    def words(self) -> str:
        """The sum in one line."""
        what = "usable slots" if self.against == "slots" else "pooler clients"
        asked = f"{'at least ' if self.least else ''}{self.asked or 'nothing that is known'}"
        if self.capacity is None:
            return f"{asked}; how many {what} there are is not known"
        peak = f", {self.steady:,} when nothing is deployed" if self.steady != self.total else ""
        limit = f"limit {self.limit * 100:.0f} %"
        return (
            f"{asked} of {max(0, self.capacity):,} {what} while a deploy runs{peak} ({self.percent}, {limit})"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The gate's section of the report."""

    name: ClassVar[str] = "verdict"

    outcome: Outcome
    reasons: tuple[str, ...]  # why, in sentences; the first one fits a headline
    decided: tuple[Finding, ...] = ()  # the findings that made it fail
    sums: tuple[PeakSum, ...] = ()
    live: str = ""  # "was looked at", "was not looked at", "could not be looked at"


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """How often each rule was met; a section of the report with --statistics."""

    name: ClassVar[str] = "statistics"

    # rule id, rule name, severity word, findings, suppressed; most findings first
    rows: tuple[tuple[str, str, str, int, int], ...] = ()
