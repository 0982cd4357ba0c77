"""What poolcheck says: problems as rules yield them, findings as the engine stamps them."""

from typing import TYPE_CHECKING

from poolcheck.model.problem import Fix, Location
from poolcheck.model.severity import Confidence, Severity
from poolcheck.record import dataclass

if TYPE_CHECKING:
    from poolcheck.model.rule import AnyRule


@dataclass(frozen=True, slots=True)
class UnusedIgnore:
    """An ignore comment, or one rule of it, that met no finding: the subject of a rule of its own."""

    location: Location
    token: str  # the rule it names; "" for all
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A problem and who found it. Made only by the engine."""

    rule: "AnyRule"
    severity: Severity
    confidence: Confidence
    message: str
    why: str
    subject: str
    location: Location | None
    excerpt: str  # the line with the fault, secrets masked; "" when there is none
    excerpt_column: int | None = None  # of the fault in the masked line, from 1
    excerpt_end: int | None = None  # behind it
    ascii: bool = True  # the line: its characters and bytes count alike
    related: tuple[Location, ...] = ()
    fix: Fix | None
    sources: tuple[str, ...]
    key: str

    @property
    def fingerprint(self) -> str:
        """Sixteen hex digits that survive line moves: rule, file, subject and key, never the line."""
        path = self.location.path if self.location else ""
        import hashlib  # noqa: PLC0415 - only formats that print it pay for OpenSSL

        text = f"{self.rule.id}\0{path}\0{self.subject}\0{self.key}"
        # A file's name may be no UTF-8: Python then has surrogates in it.
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]

    @property
    def sort_key(self) -> tuple[str, int, int, str, str]:
        """By file, then line, then rule."""
        at = self.location or Location("")
        return (at.path, at.line or 0, -self.severity, self.rule.id, self.subject)
