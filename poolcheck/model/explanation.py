"""What is known of an error text, and what was recognised in a text that someone pasted.

`error_catalogue` reads errors/*.toml into the first half of these types, `explaining` makes the second half.
"""

from datetime import UTC, date, datetime
from typing import ClassVar, Literal

from poolcheck.model.report import StepStatus
from poolcheck.record import dataclass

Layer = Literal[
    "slots",
    "role-limit",
    "db-limit",
    "walsender-limit",
    "pooler-clients",
    "pooler-wait",
    "pooler-upstream",
    "app-pool",
    "prepared",
    "session-state",
    "locks",
    "routing-auth",
    "unavailable",
    "killed",
    "network",
    "config",
]
Origin = Literal["server", "pooler", "network", "client"]  # who wrote the text, from the inside outwards
Proof = Literal[
    "reproduced", "source", "documented"
]  # provoked; read in the source; from documents or reports


# --- the catalogue ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """One of several causes of the same text: what shows that it is this one."""

    sign: str
    cause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossing:
    """An example in which texts of other layers stand beside this entry's, and why that is right."""

    text: str
    also: tuple[str, ...]  # the other entries' ids
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorText:
    """One error text: how to recognise it, what it says and what it does not say.

    `patterns` are Python `re`, case-sensitive, searched in text whose white space is collapsed to single spaces.
    Named groups become details of the explanation.
    """

    id: str
    layer: Layer
    origin: Origin
    title: str  # what is full or broken, in half a sentence
    who: str  # the software and its versions: "PgBouncer 1.17 to 1.23"
    means: str
    first: str  # the first thing to do, now
    step: int  # 1 to 5; 6 migrations, 7 meanwhile: it has nothing to do with the five
    proof: Proof
    source: str
    checked: date
    patterns: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()  # real texts: the entry's tests
    sqlstate: str = ""
    code: str = ""  # the driver's own code or class: "P2024", "PoolTimeout"
    codes: tuple[str, ...] = ()  # a structured field with one of these is enough to recognise it
    routines: tuple[
        str, ...
    ] = ()  # functions of the server that, beside `sqlstate`, mean this in any language
    not_means: str = ""
    causes: tuple[Cause, ...] = ()
    driver: str = ""  # id in drivers/, for texts that a driver writes
    wraps: bool = False  # carries another's text: that one is the cause
    vague: bool = False  # says little: given up when the same record holds something exact
    generic: bool = False  # words that any program uses: passed over where the event names another service
    crossings: tuple[Crossing, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorFile:
    """A file of the folder errors/."""

    id: str
    title: str
    errors: tuple[ErrorText, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerStep:
    """One of the five steps, in the light of a layer that fails."""

    step: int
    status: StepStatus
    why: str
    do: tuple[str, ...] = ()
    code: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerPage:
    """What it means that this layer fails, and what then follows."""

    id: Layer
    title: str
    means: str
    steps: tuple[LayerStep, ...]
    run: tuple[str, ...]  # poolcheck commands to run next


@dataclass(frozen=True, slots=True, kw_only=True)
class Translation:
    """A server message in other languages, as PostgreSQL's message catalogues have it; `%s` and `%d` stand for values."""

    id: str  # ErrorText.id
    english: str
    texts: tuple[tuple[str, str], ...]  # (language, text)


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementName:
    """A form of prepared-statement name that tells which driver made it."""

    pattern: str  # fullmatch
    driver: str
    proof: Proof


# --- what was recognised ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Moment:
    """A time as a log line gave it. Without a zone it is taken as it stands.

    `form` says what the line left out: a "yearless" one stands in 1904 (which has a 29 February), a "clock" on
    1 January of it. Moments of different forms cannot be compared.
    """

    at: datetime
    form: Literal["full", "yearless", "clock"] = "full"

    @property
    def order(self) -> float:
        """For comparing: seconds, a time without zone as if in UTC."""
        return (self.at if self.at.tzinfo else self.at.replace(tzinfo=UTC)).timestamp()

    def __str__(self) -> str:
        millis = f".{self.at.microsecond // 1000:03d}" if self.at.microsecond else ""
        zone = "Z" if self.at.tzinfo else ""
        if self.form == "clock":
            return f"{self.at:%H:%M:%S}{millis}"
        if self.form == "yearless":
            return f"{self.at:%m-%d %H:%M:%S}{millis}"
        return f"{self.at:%Y-%m-%dT%H:%M:%S}{millis}{zone}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """One entry that was recognised, with what the text itself proves. `evidence` is already without secrets."""

    error: ErrorText
    layer: Layer  # the entry's, or for a text that carries another's, that one's
    evidence: str = ""
    details: tuple[
        tuple[str, str], ...
    ] = ()  # (what, value) out of the text: role, limit, host, statement's driver
    notes: tuple[str, ...] = ()  # what follows from the text around it
    inside: tuple[
        str, ...
    ] = ()  # ids of the texts that stood around it in the same record, from the inside outwards
    count: int = 1
    first: Moment | None = None
    last: Moment | None = None
    led: int = 0  # events whose inner cause it is; in the others something further inside stands beside it
    led_first: Moment | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Onset:
    """When a layer began to fail."""

    layer: Layer
    error: str  # id of the layer's first error
    first: Moment | None
    count: int  # of all events whose inner cause is of this layer


@dataclass(frozen=True, slots=True, kw_only=True)
class Near:
    """A known text that resembles the unknown one."""

    error: ErrorText
    example: str
    score: float  # 0 to 1: how much of the example's own words the text has


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanations:
    """Everything that `explain` found in one text or log. Inner causes stand before what is built on them."""

    name: ClassVar[str] = "explanations"

    items: tuple[Explanation, ...]
    story: tuple[Onset, ...] = ()  # the layers in the order in which they began; only for logs
    near: tuple[Near, ...] = ()  # only when nothing was recognised
    meant: tuple[str, ...] = ()  # `Did you mean neon?`: only when nothing was recognised
    run: tuple[str, ...] = ()  # what to run next
    bytes_read: int = 0
    records: int = 0  # log records in which something was recognised
    several: bool = False  # a log: counts and times mean something


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page of the reference, as Markdown."""

    id: str
    markdown: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pages:
    """The pages that were asked for by id."""

    name: ClassVar[str] = "pages"

    items: tuple[Page, ...]
