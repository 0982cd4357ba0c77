"""What a rule reports: severity, place, edits and words, before the engine makes it a finding."""

from poolcheck.connection.secret import Secret
from poolcheck.model.severity import Confidence, Severity
from poolcheck.record import dataclass


@dataclass(frozen=True, slots=True)
class Location:
    """A place in a file. Lines and columns count from 1; columns count characters, not bytes."""

    path: str  # relative to where poolcheck was started, POSIX slashes; "-" is stdin, "" an argument
    line: int | None = None
    column: int | None = None
    end_column: int | None = None  # behind the last character, on the same line

    def __str__(self) -> str:
        return ":".join(str(part) for part in (self.path, self.line, self.column) if part is not None)


@dataclass(frozen=True, slots=True)
class Edit:
    """Replace characters `start` to `end` of line `line` of `path` by `new`.

    `line` counts from 1, `start` and `end` count characters of that line from 0, the line's end not included.
    `start == end` inserts. `new` may hold newlines. `old` is the text replaced: who writes compares it first.
    Real text, passwords included: only `fix --write` may use it as it is; everything else shows `shown`.
    """

    path: str
    line: int
    start: int
    end: int
    old: str
    new: str
    shown: str  # `new` with every secret masked, by whoever knows where they are

    @property
    def secret(self) -> bool:
        """Whether the new text holds a secret, so that only `fix --write` can make this edit."""
        return self.shown != self.new

    def __repr__(self) -> str:
        return f"Edit({self.path!r}, {self.line}, {self.start}, {self.end}, {self.shown!r})"


@dataclass(frozen=True, slots=True)
class Fix:
    """What to do about one problem. `edits` may be empty: some fixes are instructions.

    Safe: the behaviour of a working deployment does not change for the worse; everything else is `--unsafe`.
    """

    title: str  # imperative, one line
    safe: bool = False
    edits: tuple[Edit, ...] = ()
    lines: tuple[str, ...] = ()  # what to write, ready to copy; secrets masked or named by variable
    value: Secret | None = None  # the connection string as it should be, when that is the whole of the fix


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """All that a rule may say. Everything else the engine knows."""

    message: str  # this occurrence: what is wrong, one sentence; may not carry a secret
    why: str = ""  # why it matters here, in this project: one or two sentences
    at: Location | None = None  # default: the subject's own
    severity: Severity | None = None  # default: the rule's
    confidence: Confidence = Confidence.HIGH
    subject: str = ""  # the variable or object it is about; default: the subject's own name
    key: str = ""  # tells two problems of one rule at one place apart, in fingerprints
    fix: Fix | None = None
    related: tuple[Location, ...] = ()  # the other places that it is about
    sources: tuple[str, ...] = ()  # of the facts the verdict rests on; the rule's own sources follow
