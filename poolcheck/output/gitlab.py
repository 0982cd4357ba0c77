"""GitLab's Code Quality report: https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format"""

import hashlib
from typing import Any

from poolcheck.model.finding import Finding
from poolcheck.model.report import Report
from poolcheck.model.severity import Severity
from poolcheck.output._encode import encode
from poolcheck.output._finding import line_of, numbered, path_of, words
from poolcheck.output.paint import Style
from poolcheck.text import clean

COMMANDS = ("lint", "gate")
SEVERITIES = {Severity.ERROR: "critical", Severity.WARNING: "major", Severity.INFO: "info"}


def render(report: Report, style: Style) -> str:
    """The findings as GitLab's list; an empty list when there are none."""
    found = [issue(each, number) for each, number in numbered(report.findings)]
    return encode(found)


def issue(finding: Finding, number: int) -> dict[str, Any]:
    """One finding. GitLab drops a second one with the same fingerprint, so repetitions get one of their own."""
    fingerprint = finding.fingerprint
    if number:
        fingerprint = hashlib.sha256(f"{fingerprint}:{number}".encode()).hexdigest()[:16]
    return {
        "description": f"{finding.rule.id}: {words(finding)}",
        "check_name": finding.rule.name,
        "fingerprint": fingerprint,
        "severity": SEVERITIES[finding.severity],
        "location": {"path": clean(path_of(finding)), "lines": {"begin": line_of(finding)}},
    }
