"""What `poolcheck gate` concludes: pass, fail or could not check, with the sums and the findings that decided."""

from typing import ClassVar, Literal

from poolcheck.core.finding import Finding, Location
from poolcheck.core.record import dataclass

Outcome = Literal["pass", "fail", "could not check"]
Against = Literal["slots", "pooler clients"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PeakSum:
    """One connection string's pools, all full while a deploy runs, against what there is for them."""

    name: str  # the variable
    location: Location
    size: int  # connections of one process's pool
    size_source: str  # "connection_limit=5", "default of node-postgres 8: 10"
    instances: int
    workers: int  # processes in an instance
    instances_peak: int  # while a deploy runs
    total: int  # instances_peak x workers x size
    against: Against
    capacity: int
    capacity_words: str  # "100 max_connections (poolcheck.toml) - 3 reserved"
    limit: float  # the share of the capacity that is allowed, above 0 and at most 1

    @property
    def share(self) -> float:
        """How much of the capacity the full pools take; above 1 they do not fit."""
        return self.total / self.capacity if self.capacity > 0 else float("inf")

    @property
    def holds(self) -> bool:
        """Whether the share is within the limit."""
        return self.share <= self.limit

    @property
    def words(self) -> str:
        """The sum in one line."""
        fleet = f"{self.instances_peak} instances"
        if self.instances_peak != self.instances:
            fleet += f" while a deploy runs ({self.instances} + {self.instances_peak - self.instances})"
        if self.workers > 1:
            fleet += f" x {self.workers} processes"
        what = "usable slots" if self.against == "slots" else "pooler clients"
        limit = f"limit {self.limit * 100:.0f} %"
        return f"{fleet} x {self.size} = {self.total:,} of {self.capacity:,} {what} ({self.share * 100:.0f} %, {limit})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The gate's section of the report."""

    name: ClassVar[str] = "verdict"

    outcome: Outcome
    reasons: tuple[str, ...]  # why, in sentences; the first one fits a headline
    decided: tuple[Finding, ...] = ()  # the findings that made it fail
    sums: tuple[PeakSum, ...] = ()
    live: str = ""  # "looked at db.example.com:5432", "not asked for", "could not look"


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """How often each rule was met; a section of the report with --statistics."""

    name: ClassVar[str] = "statistics"

    # rule id, rule name, severity word, findings, suppressed; most findings first
    rows: tuple[tuple[str, str, str, int, int], ...] = ()
