"""A report with everything that a format can stumble over, made by hand: rules and the catalogue have no say in it."""

from dataclasses import replace

from poolcheck import catalogue
from poolcheck.connection.parse import parse
from poolcheck.errors import ExitCode
from poolcheck.model.context import Context
from poolcheck.model.finding import Finding
from poolcheck.model.problem import Edit, Fix, Location
from poolcheck.model.project import Package
from poolcheck.model.report import Action, Report, Skipped, Step
from poolcheck.model.rule import Rule
from poolcheck.model.severity import Confidence, Severity
from poolcheck.model.target import Target
from poolcheck.model.verdict import PeakSum, Statistics, Verdict

SECRET = "hunter2-canary"
URL = f"postgresql://app:{SECRET}@db.example.com:5432/app"
PAGE = """Pools are larger than what is there.

## Why it matters
The server refuses
beyond the last slot.

## What to do
Write `a <smaller> pool | 5`.

## Sources
- https://www.postgresql.org/docs/current/
"""


def _nothing(subject: object, ctx: Context) -> "tuple[()]":
    return ()


def rule(rule_id: str, name: str, severity: Severity) -> "Rule[object]":
    """A rule that was never run."""
    return Rule(
        id=rule_id, name=name, subject=object, severity=severity, step=2, since="0.1.0", written=PAGE.strip(),
        check=lambda subject, ctx: iter(_nothing(subject, ctx)),
    )  # fmt: skip


BIG = rule("PC204", "pool-too-large", Severity.ERROR)
ODD = rule("PC205", "misspelt-parameter", Severity.WARNING)
CALM = rule("PC209", "wait-for-slot-without-end", Severity.INFO)
LIVE = rule("PC701", "slots-running-out", Severity.ERROR)

FIRST = Finding(
    rule=BIG,
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    message="DATABASE_URL: 13 x 20 = 260 connections, and 97 are there (100 %).",
    why="Beyond the last slot the server refuses.",
    subject="DATABASE_URL",
    location=Location(".env.production", 3, 14),
    excerpt='DATABASE_URL="postgresql://app:***@db.example.com:5432/app"',
    fix=Fix(
        "Give each process 5",
        lines=('DATABASE_URL="postgresql://app:***@db.example.com:5432/app?connection_limit=5"',),
        edits=(
            Edit(
                ".env.production",
                3,
                14,
                20,
                URL,
                URL + "?connection_limit=5",
                "postgresql://app:***@db.example.com",
            ),
        ),
    ),
    sources=("https://www.postgresql.org/docs/current/",),
    key="",
)
TWICE = replace(  # with an edit that anybody may make, and another place
    FIRST,
    location=Location(".env.production", 9, 14, 30),
    related=(Location("worker.env", 2, 1, 5),),
    fix=Fix(
        "Give each process 5",
        safe=True,
        edits=(Edit(".env.production", 9, 72, 72, "", "?connection_limit=5", "?connection_limit=5"),),
    ),
)
ODD_PLACE = replace(
    FIRST,
    rule=ODD,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    message="`@everyone` <b>\x1b[31mred\x1b[0m</b>\n::error::x | #12, connection_limt: 5 %0A \x00\ufffe\u202e]]>",
    location=Location("apps/ä b/:x,y%#?.env", 1, None),
    fix=Fix("Write connection_limit"),
)
WHOLE_FILE = replace(
    FIRST, rule=CALM, severity=Severity.INFO, confidence=Confidence.LOW, message="Nobody waits", why="", fix=None,
    location=Location("schema.prisma"), subject="",
)  # fmt: skip
NOWHERE = replace(
    FIRST, rule=LIVE, message="96 of 97 slots are taken.", location=None, subject="the server", fix=None
)
TARGET = Target(
    name="DATABASE_URL", conn=parse(URL), location=Location(".env.production", 3, 1), role="app",
    match=catalogue.match(parse(URL)), package=Package(), raw=URL, line_text=f'DATABASE_URL="{URL}"',
)  # fmt: skip
FINE = replace(TARGET, name="DIRECT_URL", location=Location(".env.production", 4, 1))
PEAK = PeakSum(
    name="DATABASE_URL", location=Location(".env.production", 3, 1), asked="13 instances while a deploy runs (10 + 3) x 20",
    source="connection_limit=20", total=260, against="slots", capacity=97,
    capacity_words="100 max_connections (--max) - 3 reserved", limit=0.85,
    verdict="does not fit", steady=200, size=20, processes=13, instances=10, workers=1, instances_peak=13,
)  # fmt: skip
HOLDS = replace(
    PEAK,
    name="WORKER_URL",
    asked="13 instances while a deploy runs (10 + 3) x 2",
    source="--pool",
    verdict="fits",
    size=2,
    steady=20,
    total=26,
)
STEP = Step(
    step=2,
    title="Set the driver's pool parameters",
    status="do",
    why="13 x 20 does not fit.",
    actions=(
        Action("Prisma: 5 connections per process", ("...?connection_limit=5", "```` a fence in a line")),
    ),
)


def sample() -> Report:
    """A gate's report that fails."""
    findings = (
        FIRST,
        TWICE,
        ODD_PLACE,
        WHOLE_FILE,
        NOWHERE,
    )
    return Report(
        command="gate",
        findings=findings,
        suppressed=(replace(FIRST, rule=CALM),),
        skipped=(Skipped("apps/web/.env", "not UTF-8 at byte 7", "Save the file as UTF-8."),),
        targets=(TARGET, FINE),
        fix_path=(STEP, Step(step=5, title="Raise the limit", status="not needed", why="It fits.")),
        sections=(
            Verdict(
                outcome="fail",
                reasons=("3 findings at or above error: PC204, PC701.",),
                decided=(FIRST,),
                sums=(PEAK, HOLDS),
                live="was looked at",
            ),
            Statistics(rows=(("PC204", "pool-too-large", "error", 2, 0),)),
        ),
        notes=("Runtime: serverless (vercel.json).",),
        files=1,
    )


def clean_lint() -> Report:
    """A lint that found nothing."""
    return Report(command="lint", targets=(FINE,), files=1)


def unchecked() -> Report:
    """A gate that could not check."""
    verdict = Verdict(
        outcome="could not check", reasons=("The server could not be looked at: no route, 100 %.",)
    )
    return Report(command="gate", targets=(FINE,), files=1, sections=(verdict,), exit_code=ExitCode.FAILED)
