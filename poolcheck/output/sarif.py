"""SARIF 2.1.0, for code scanning: https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/

URIs are relative to where poolcheck ran, which is the repository's root in CI. Lines and columns count from 1, columns
in characters. Left out on purpose: `security-severity` (these are outages, not vulnerabilities), snippets (their text is
masked here) and fixes that would carry a password.
"""

from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote

from poolcheck.errors import ExitCode
from poolcheck.model.finding import Finding
from poolcheck.model.problem import Fix, Location
from poolcheck.model.report import Report
from poolcheck.model.rule import AnyRule
from poolcheck.model.severity import Confidence
from poolcheck.model.verdict import Verdict
from poolcheck.output._encode import encode
from poolcheck.output._finding import (
    HOME,
    LEVELS,
    advice_lines,
    line_of,
    not_looked_at,
    numbered,
    page_url,
    path_of,
    words,
)
from poolcheck.output.paint import Style
from poolcheck.text import clean
from poolcheck.version import __version__

COMMANDS = ("lint", "gate")
SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
PRECISION = {Confidence.HIGH: "high", Confidence.MEDIUM: "medium", Confidence.LOW: "low"}
MOST_RESULTS = 25_000  # GitHub refuses a run with more; errors stand first


def render(report: Report, style: Style) -> str:
    """The report as a SARIF log with one run."""
    findings = sorted(report.findings, key=lambda each: -each.severity)[:MOST_RESULTS]
    rules = {finding.rule.id: finding.rule for finding in sorted(findings, key=lambda each: each.rule.id)}
    order = {rule_id: number for number, rule_id in enumerate(rules)}
    log = {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "poolcheck",
                        "organization": "poolcheck",
                        "version": __version__,
                        "semanticVersion": __version__,
                        "informationUri": HOME,
                        "rules": [descriptor(rule, findings) for rule in rules.values()],
                    }
                },
                "automationDetails": {"id": f"poolcheck/{report.command}/"},
                "invocations": [invocation(report)],
                "columnKind": "unicodeCodePoints",
                "originalUriBaseIds": {
                    "%SRCROOT%": {"description": {"text": "The folder in which poolcheck was started."}}
                },
                "results": [result(each, order[each.rule.id], number) for each, number in numbered(findings)],
            }
        ],
    }
    return encode(log)


def descriptor(rule: AnyRule, findings: Sequence[Finding]) -> dict[str, Any]:
    """A rule with its whole page as help."""
    lowest = min(finding.confidence for finding in findings if finding.rule.id == rule.id)
    return {
        "id": rule.id,
        "name": "".join(word.capitalize() for word in rule.name.split("-")),
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": _why(rule) or rule.title},
        "helpUri": page_url(rule),
        "help": {"text": rule.doc, "markdown": f"# {rule.id} {rule.name}\n\n{rule.doc}"},
        "defaultConfiguration": {"level": LEVELS[rule.severity]},
        "properties": {"tags": ["postgresql", "connections"], "precision": PRECISION[lowest]},
    }


def _why(rule: AnyRule) -> str:
    """The page's `Why it matters` as one paragraph."""
    return " ".join(rule.doc.partition("## Why it matters")[2].partition("\n## ")[0].split())


def result(finding: Finding, index: int, number: int) -> dict[str, Any]:
    """A finding. The hash that GitHub tracks alerts by is the fingerprint, which survives line moves."""
    lines = advice_lines(finding)
    text = words(finding) + ("\n\n" + "\n".join(lines) if lines else "")
    # A region always: GitHub shows no alert without a line, and takes the first for the whole file.
    physical = {"artifactLocation": artifact(path_of(finding)), "region": region(finding)}
    location: dict[str, Any] = {"physicalLocation": physical}
    if finding.subject:
        location["logicalLocations"] = [{"name": clean(finding.subject), "kind": "variable"}]
    more: dict[str, Any] = {}
    if finding.related:
        more["relatedLocations"] = [
            {"id": at, "physicalLocation": physical_of(each)} for at, each in enumerate(finding.related, 1)
        ]
    if finding.fix and finding.fix.edits and not any(edit.secret for edit in finding.fix.edits):
        more["fixes"] = [remedy(finding.fix)]
    return {
        "ruleId": finding.rule.id,
        "ruleIndex": index,
        "level": LEVELS[finding.severity],
        "message": {"text": text.replace("](", "] (")},  # else read as a link
        "locations": [location],
        "partialFingerprints": {
            "primaryLocationLineHash": f"{finding.fingerprint}:{number + 1}",
            "poolcheckFingerprint/v1": finding.fingerprint,
        },
        "properties": {"step": finding.rule.step, "confidence": finding.confidence.word},
    } | more


def physical_of(at: Location) -> dict[str, Any]:
    """A place: its file, and the line where one is known."""
    made: dict[str, Any] = {"artifactLocation": artifact(str(PurePosixPath(at.path)))}
    return made | {"region": span(at)} if at.line else made


def remedy(fix: Fix) -> dict[str, Any]:
    """A fix with the edits of each file it touches."""
    changes = []
    for path in dict.fromkeys(edit.path for edit in fix.edits):
        replacements = [
            {
                "deletedRegion": {
                    "startLine": edit.line,
                    "startColumn": edit.start + 1,
                    "endColumn": edit.end + 1,
                },
                "insertedContent": {"text": edit.new},
            }
            for edit in fix.edits
            if edit.path == path
        ]
        changes.append({"artifactLocation": artifact(path), "replacements": replacements})
    return {"description": {"text": clean(fix.title)}, "artifactChanges": changes}


def artifact(path: str) -> dict[str, str]:
    """A relative URI below the root; a path that leaves it, or is absolute, is given as it is."""
    try:
        raw = path.encode("utf-8", "surrogateescape")  # the bytes of a name that is no UTF-8
    except UnicodeEncodeError:
        raw = path.encode("utf-8", "replace")
    uri = quote(raw, safe="/")
    if path.startswith("/"):
        return {"uri": f"file://{uri}"}
    return {"uri": uri} if path.startswith("../") else {"uri": uri, "uriBaseId": "%SRCROOT%"}


def region(finding: Finding) -> dict[str, int]:
    """Line and columns, from 1; the first line where the finding is about the whole file."""
    at = finding.location
    return span(at) if at and at.line else {"startLine": line_of(finding)}


def span(at: Location) -> dict[str, int]:
    """A line, and the columns where they are known; the end is exclusive."""
    parts = {"startLine": at.line, "startColumn": at.column, "endColumn": at.end_column}
    return {key: value for key, value in parts.items() if value is not None}


def invocation(report: Report) -> dict[str, Any]:
    """How the run went: the exit code, what could not be looked at, and the sum of each server and pooler."""
    notes = [
        {"level": "warning", "message": {"text": clean(f"{each.what}: {not_looked_at(each)}")}}
        for each in report.skipped
    ]
    rows = [row for each in report.sections if isinstance(each, Verdict) for row in each.sums]
    notes += [
        {"level": "note", "message": {"text": clean(f"{row.name}: {row.words}: {row.judged}")}}
        for row in rows
    ]
    made: dict[str, Any] = {
        "executionSuccessful": report.code in (ExitCode.OK, ExitCode.FINDINGS),
        "exitCode": int(report.code),
    }
    if notes:
        made["toolExecutionNotifications"] = notes
    return made
