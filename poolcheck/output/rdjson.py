"""reviewdog's diagnostic format: https://github.com/reviewdog/reviewdog/tree/master/proto/rdf

Its columns count bytes of UTF-8: a line that is not ASCII has none here, since only its masked text is known.
"""

from typing import Any

from poolcheck.model.finding import Finding
from poolcheck.model.problem import Location
from poolcheck.model.report import Report
from poolcheck.output._encode import encode
from poolcheck.output._finding import HOME, NO_FILE, open_edits, page_url, path_of, words
from poolcheck.output.paint import Style
from poolcheck.text import clean

COMMANDS = ("lint", "gate")


def render(report: Report, style: Style) -> str:
    """The findings as one diagnostic result."""
    found = [diagnostic(each) for each in report.findings]
    return encode({"source": {"name": "poolcheck", "url": HOME}, "diagnostics": found})


def diagnostic(finding: Finding) -> dict[str, Any]:
    """One finding. A suggestion is offered where one edit of the same line is all it takes."""
    at = finding.location or Location("")
    made: dict[str, Any] = {
        "message": words(finding),
        "location": where(at, path_of(finding), columns=finding.ascii),
        "severity": finding.severity.word.upper(),
        "code": {"value": finding.rule.id, "url": page_url(finding.rule)},
    }
    if finding.related:
        made["related_locations"] = [
            {"message": clean(finding.message), "location": where(each, each.path, columns=False)}
            for each in finding.related
        ]
    edits = open_edits(finding.fix) if finding.fix and len(finding.fix.edits) == 1 else ()
    for edit in edits:
        if (edit.path, edit.line) == (at.path, at.line) and finding.ascii and "\n" not in edit.new:
            span = Location(edit.path, edit.line, edit.start + 1, edit.end + 1)
            made["suggestions"] = [{"range": where(span, edit.path)["range"], "text": edit.new}]
    return made


def where(at: Location, path: str, *, columns: bool = True) -> dict[str, Any]:
    """A path, and the range as far as it is known; its end is exclusive."""
    made: dict[str, Any] = {"path": clean(path) if path not in ("", "-") else NO_FILE}
    if at.line and columns and at.column:
        start = {"line": at.line, "column": at.column}
        end = {"line": at.line, "column": at.end_column or at.column}
        return made | {"range": {"start": start, "end": end}}
    return made | {"range": {"start": {"line": at.line}}} if at.line else made
