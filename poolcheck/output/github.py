"""GitHub annotations as workflow commands, errors first: GitHub shows ten errors, warnings and notices of a step each.

https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
"""

from collections.abc import Iterator
from pathlib import PurePosixPath

from poolcheck.model.finding import Finding
from poolcheck.model.problem import Location
from poolcheck.model.report import Report
from poolcheck.model.severity import Severity
from poolcheck.model.verdict import Verdict
from poolcheck.output._finding import words, worst_first
from poolcheck.output.paint import Style
from poolcheck.text import clean

COMMANDS = ("lint", "gate")
KINDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}


def render(report: Report, style: Style) -> str:
    """One line for each finding, for each peak that the change raises, and for a gate that could not check."""
    findings = (line for each in worst_first(report.findings) for line in annotations(each))
    return "\n".join([*findings, *raised(report), *unchecked(report)])


def annotations(finding: Finding) -> Iterator[str]:
    """A finding as workflow commands: one for its place, and one for each other place that it is about."""
    yield annotation(finding, finding.location, words(finding))
    for each in finding.related:
        yield annotation(finding, each, clean(f"{finding.message} See {finding.location}."))


def annotation(finding: Finding, at: Location | None, said: str) -> str:
    """A workflow command about one place."""
    places = []
    if at is not None and at.path not in ("", "-"):
        places.append(f"file={attribute(str(PurePosixPath(at.path)))}")
        places += [f"line={at.line}"] if at.line else []
        places += [f"col={at.column}"] if at.line and at.column else []
        places += [f"endColumn={at.end_column}"] if at.line and at.end_column else []
    places.append(f"title={attribute(f'{finding.rule.id} {finding.rule.name}')}")
    return f"::{KINDS[finding.severity]} {','.join(places)}::{data(said)}"


def raised(report: Report) -> Iterator[str]:
    """What the change does to a peak, at the first number that moved: the finding may stand in another file."""
    for section in report.sections:
        for each in section.changes if isinstance(section, Verdict) else ():
            at = next((one.place for one in each.moved if one.place and one.place.path), None)
            if each.raised and at is not None:
                line = f",line={at.line}" if at.line else ""
                place = f"file={attribute(at.path)}{line},title={attribute('poolcheck: peak at deploy')}"
                yield f"::notice {place}::{data(clean(f'{each.name}: {each.words}'))}"


def unchecked(report: Report) -> Iterator[str]:
    """A gate that could not check is red for a reason that no finding tells."""
    for section in report.sections:
        if isinstance(section, Verdict) and section.outcome == "could not check":
            yield f"::error title=poolcheck%3A could not check::{data(clean(' '.join(section.reasons)))}"


def data(text: str) -> str:
    """A message, escaped as the runner reads it."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def attribute(text: str) -> str:
    """A property's value, escaped as the runner reads it."""
    return data(clean(text)).replace(":", "%3A").replace(",", "%2C")
