"""JUnit XML, as the xUnit plugin's junit-10.xsd has it: for Azure, CircleCI, Jenkins and whatever else shows tests.

A finding at or above --fail-on is a failed test. Every connection string and every sum without one is a passed test,
so that a report of a clean project shows what was looked at. What could not be looked at is a skipped test.
"""

import re
from collections import Counter
from collections.abc import Iterator
from html import escape

from poolcheck.model.finding import Finding
from poolcheck.model.report import Report
from poolcheck.model.verdict import Verdict
from poolcheck.output._finding import advice_lines, not_looked_at, numbered, path_of, words, worst_first
from poolcheck.output.paint import Style
from poolcheck.record import dataclass
from poolcheck.text import clean

COMMANDS = ("lint", "gate")
NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Case:
    """A test: `kind` is "", "failure", "error" or "skipped"; `output` what is said beside a passed one."""

    group: str
    name: str
    kind: str = ""
    message: str = ""
    label: str = ""
    body: str = ""
    output: str = ""


def render(report: Report, style: Style) -> str:
    """The report as one test suite."""
    made = list(cases(report))
    counts = {kind: sum(each.kind == kind for each in made) for kind in ("failure", "error", "skipped")}
    totals = f'tests="{len(made)}" failures="{counts["failure"]}" errors="{counts["error"]}"'
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<testsuites name="poolcheck" {totals}>',
        f'  <testsuite name="poolcheck {report.command}" {totals} skipped="{counts["skipped"]}">',
        *(line for each in made for line in element(each)),
        "  </testsuite>",
        "</testsuites>",
    ]
    return "\n".join(lines)


def cases(report: Report) -> Iterator[Case]:
    """Failed tests first, then what is fine, then what was not looked at."""
    failing = [
        finding
        for finding in report.findings
        if report.fail_on is not None and finding.severity >= report.fail_on
    ]
    for each, number in numbered(worst_first(failing)):
        yield failure(each, number)
    beside: dict[tuple[str, str], list[str]] = {}
    for finding in report.findings:
        beside.setdefault((path_of(finding), finding.subject), []).append(
            f"{finding.severity.word} {finding.rule.id}: {words(finding)}"
        )
    failed = {(path_of(each), each.subject) for each in failing}
    times: Counter[tuple[str, str]] = Counter()
    for target in report.targets:
        place = (target.location.path or "poolcheck", target.name)
        times[place] += 1
        if place not in failed:
            name = target.name + (f" ({times[place]})" if times[place] > 1 else "")
            yield Case(place[0], name, output="\n".join(beside.get(place, ())))
    for section in report.sections:
        if isinstance(section, Verdict):
            yield from sums(section)
            if section.outcome == "could not check":
                yield Case("gate", "verdict", "error", " ".join(section.reasons), "could not check")
    for skipped in report.skipped:
        yield Case("not checked", skipped.what, "skipped", not_looked_at(skipped))


def sums(section: Verdict) -> Iterator[Case]:
    """A row that holds as a passed test; one without a verdict, or that a change is not to blame for, as a skipped one.

    Any other is a finding's failed test.
    """
    excused = {(each.name, each.against): each for each in section.changes if not each.raised}
    for row in section.sums:
        name, said = f"{row.name} {row.location.path}".rstrip(), f"{row.words}: {row.judged}"
        if row.holds:
            yield Case("sums", name, output=said)
        elif row.verdict == "cannot say" or (row.name, row.against) in excused:
            change = excused.get((row.name, row.against))
            yield Case("sums", name, "skipped", f"{said}. {change.words if change else ''}".strip())


def failure(finding: Finding, number: int) -> Case:
    """A finding as a failed test: its place, words and lines in the body. Names have no line: they are tracked."""
    place = (
        f"{path_of(finding)}:{finding.location.line}"
        if finding.location and finding.location.line
        else path_of(finding)
    )
    body = "\n".join(
        (place, words(finding), *advice_lines(finding), *(f"see {url}" for url in finding.sources[:1]))
    )
    name = f"{finding.rule.id} {finding.rule.name}: {finding.subject}".rstrip(": ") + (
        f" ({number + 1})" if number else ""
    )
    return Case(path_of(finding), name, "failure", finding.message, finding.severity.word, body)


def element(case: Case) -> Iterator[str]:
    """The XML of a test."""
    head = f'    <testcase classname="{attribute(case.group)}" name="{attribute(case.name)}"'
    if case.kind == "skipped":
        yield f"{head}>"
        yield f'      <skipped message="{attribute(case.message)}"/>'
    elif case.kind:
        label = f' type="{attribute(case.label)}"'
        yield f"{head}>"
        yield f'      <{case.kind} message="{attribute(case.message)}"{label}>{content(case.body)}</{case.kind}>'
    elif case.output:
        yield f"{head}>"
        yield f"      <system-out>{content(case.output)}</system-out>"
    else:
        yield f"{head}/>"
        return
    yield "    </testcase>"


def attribute(text: str) -> str:
    """An attribute's value: one line, no character that XML does not have."""
    return escape(NOT_XML.sub(" ", clean(text)))


def content(text: str) -> str:
    """An element's text: lines kept, everything else as in an attribute."""
    return "\n".join(attribute(line) for line in text.split("\n"))
