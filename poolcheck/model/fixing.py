"""What `fix` shows and did: the command's own section of the report. Free of secrets: every line is masked."""

from typing import ClassVar, Literal

from poolcheck.model.report import Step
from poolcheck.record import dataclass

Asked = Literal["sheet", "diff", "write"]
LEFT_BY_A_KILLED_RUN = (
    "was left by a run that was killed; it holds a copy of a file, passwords included: remove it."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One thing that was changed, or would be. `why` is "" for what is made."""

    rule: str  # "" for what no rule has found
    subject: str
    path: str
    line: int
    title: str
    safe: bool
    why: str = ""  # why it is not made


@dataclass(frozen=True, slots=True, kw_only=True)
class FileDone:
    """One file that was written."""

    path: str
    target: str = ""  # where a symbolic link led
    backup: str = ""
    created: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Fixing:
    """The sheet, the edits and what became of them."""

    name: ClassVar[str] = "fix"
    asked: Asked
    heading: str  # what the sheet is about: "DATABASE_URL (Neon, direct endpoint), Prisma 6.19.3, serverless"
    steps: tuple[Step, ...]
    made: tuple[
        Change, ...
    ] = ()  # with --write: written; otherwise what --write would do with the same options
    held: tuple[Change, ...] = ()  # have edits, and are not made
    diff: tuple[str, ...] = ()
    files: tuple[FileDone, ...] = ()
    besides: tuple[str, ...] = ()  # what the user has to do beside the edits
    leftovers: tuple[str, ...] = ()  # temporary files of a run that was killed

    @property
    def instead(self) -> frozenset[str]:
        """The parts of a report that this section stands for, so that they are not shown a second time."""
        if self.asked == "diff":
            return frozenset({"findings", "notes", "skipped", "fix_path", "summary"})
        return frozenset({"fix_path", "findings"}) if self.asked == "sheet" else frozenset()

    @property
    def waiting(self) -> tuple[Change, ...]:
        """What --unsafe would make."""
        return tuple(each for each in self.held if each.why.endswith("--unsafe makes it"))
