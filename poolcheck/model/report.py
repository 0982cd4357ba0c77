"""What every command ends in. Formats read it, nothing else."""

from typing import TYPE_CHECKING, ClassVar, Literal, Protocol

from poolcheck.errors import ExitCode
from poolcheck.model.severity import Severity
from poolcheck.record import dataclass

if TYPE_CHECKING:  # a sizing has none of them
    from poolcheck.model.connection_map import Question
    from poolcheck.model.finding import Finding
    from poolcheck.model.project import Package
    from poolcheck.model.target import Target

StepStatus = Literal["done", "do", "check", "not needed"]


TITLES = {
    1: "Send app traffic through the pooler",
    2: "Set the driver's pool parameters",
    3: "Reuse one client per process",
    4: "Use an HTTP driver where sockets cannot be kept",
    5: "Raise the limit",
    6: "Migrations",
    7: "Meanwhile",
}


@dataclass(frozen=True, slots=True)
class Skipped:
    """What could not be looked at, why, and what would change that. Never passed over in silence."""

    what: str
    why: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Action:
    """One thing to do: a sentence, and where there is something to copy, the exact lines."""

    text: str
    code: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One of the five steps, or one of the parts that follow them."""

    step: int  # 1 to 5; 6 migrations, 7 meanwhile
    title: str
    status: StepStatus
    why: str  # whole sentences
    brief: str = ""  # half a sentence: the reason where the path is five lines
    actions: tuple[Action, ...] = ()


class Section(Protocol):
    """A command's own part of the report: live, sizing, simulation, explanations, ...

    `output/sections/<name>.py` renders it: `record(section) -> dict` (merged into the JSON object) and
    `text(section, paint) -> Iterator[str]`. The section itself is a frozen dataclass of the model and knows neither.
    """

    name: ClassVar[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Frozen, complete, and free of secrets once rendered."""

    command: str
    line: str = ""  # the command as it was typed, masked, without the options of the report's form; "" for a program's
    made: str = ""  # when, as `2026-12-01 04:30 UTC`; "" where nobody asks
    findings: "tuple[Finding, ...]" = ()
    suppressed: "tuple[Finding, ...]" = ()
    accepted: int = 0  # how many of them the baseline accepts
    skipped: tuple[Skipped, ...] = ()
    targets: "tuple[Target, ...]" = ()
    packages: "tuple[Package, ...]" = ()
    fix_path: tuple[Step, ...] = ()
    sections: tuple[Section, ...] = ()
    questions: "tuple[Question, ...]" = ()  # what nobody tells, with the option or key that would
    facts: tuple[str, ...] = ()  # what stands plainly in files, in sentences
    notes: tuple[str, ...] = ()  # what was assumed, or is surprising
    again: tuple[str, ...] | None = (
        None  # the paths and options given, for a command that sees the same project
    )
    files: int = 0  # how many files were read
    fail_on: Severity | None = Severity.ERROR  # None: never
    exit_code: ExitCode | None = None  # set where findings alone do not decide

    def count(self, severity: Severity) -> int:
        """How many findings have exactly this severity."""
        return sum(finding.severity == severity for finding in self.findings)

    @property
    def code(self) -> ExitCode:
        """The command's exit code."""
        if self.exit_code is not None:
            return self.exit_code
        failing = self.fail_on is not None and any(f.severity >= self.fail_on for f in self.findings)
        return ExitCode.FINDINGS if failing else ExitCode.OK


__all__ = ["TITLES", "Action", "Report", "Section", "Skipped", "Step", "StepStatus"]
