"""GitHub annotations as workflow commands, errors first: GitHub shows ten errors, warnings and notices of a step each.

https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
"""

from collections.abc import Iterator

from poolcheck.model.finding import Finding
from poolcheck.model.report import Report
from poolcheck.model.severity import Severity
from poolcheck.model.verdict import Verdict
from poolcheck.output._finding import NO_FILE, path_of, words, worst_first
from poolcheck.output.paint import Style
from poolcheck.text import clean

COMMANDS = ("lint", "gate")
KINDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}


def render(report: Report, style: Style) -> str:
    """One line for each finding, for each peak that the change raises, and for a gate that could not check."""
    findings = (annotation(each) for each in worst_first(report.findings))
    return "\n".join([*findings, *raised(report), *unchecked(report)])


def annotation(finding: Finding) -> str:
    """A finding as a workflow command."""
    at, path = finding.location, path_of(finding)
    places = []
    if path != NO_FILE:
        places.append(f"file={attribute(path)}")
        places += [f"line={at.line}"] if at and at.line else []
        places += [f"col={at.column}"] if at and at.line and at.column else []
    places.append(f"title={attribute(f'{finding.rule.id} {finding.rule.name}')}")
    return f"::{KINDS[finding.severity]} {','.join(places)}::{data(words(finding))}"


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
