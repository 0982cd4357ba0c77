"""What the formats for machines share about a finding: its place, its words, its rule's page."""

import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from poolcheck.model.finding import Finding
from poolcheck.model.problem import Edit, Fix
from poolcheck.model.report import Report, Skipped
from poolcheck.model.rule import AnyRule
from poolcheck.model.severity import Severity
from poolcheck.text import clean

HOME = "https://github.com/poolcheck/poolcheck"
SITE = "https://poolcheck.github.io/poolcheck"
STDIN = "<stdin>"
NO_FILE = "poolcheck"  # stands for a path where a finding has none: a live server, a variable, an argument


def path_of(finding: Finding) -> str:
    """The file, relative, POSIX slashes; `NO_FILE` where there is none."""
    path = finding.location.path if finding.location else ""
    return NO_FILE if path in ("", "-") else str(PurePosixPath(path))


def place(finding: Finding) -> str:
    """`path:line:column: `, as compilers write it and editors open it; nothing where no file is meant."""
    at = finding.location
    if at is None or not at.path:
        return ""
    path = STDIN if at.path == "-" else at.path
    return clean(":".join(str(part) for part in (path, at.line, at.column) if part is not None)) + ": "


def line_of(finding: Finding) -> int:
    """The line, from 1; 1 where the finding is about the whole file."""
    return (finding.location.line if finding.location else None) or 1


def marked(finding: Finding) -> tuple[int | None, str, int | None, int | None]:
    """The line of the file as it may be shown, with its number, and where the fault in it begins and ends."""
    line = finding.location.line if finding.location else None
    return line, finding.excerpt, finding.excerpt_column, finding.excerpt_end


def mended_by(report: Report) -> Iterator[tuple[str, str]]:
    """How many findings `fix` mends, and the command: with the paths and options that the report was made with."""
    if report.again is None:
        return
    edits = [finding.fix for finding in report.findings if finding.fix and finding.fix.edits]
    safe = sum(fix.safe for fix in edits)
    command = shlex.join(("poolcheck", "fix", *report.again))
    if safe:
        yield f"{safe} can be mended", f"{command} --write"
    if len(edits) > safe:
        more = f"{len(edits) - safe} more" if safe else f"{len(edits)} can be mended"
        yield more, f"{command} --write --unsafe"
    if not edits:
        yield "the way out", command


def open_edits(fix: Fix) -> tuple[Edit, ...]:
    """The edits that anybody may make: those that carry no secret."""
    return tuple(edit for edit in fix.edits if not edit.secret)


def words(finding: Finding) -> str:
    """Message, reason and advice in one paragraph, without control characters."""
    parts = [finding.message, finding.why]
    if finding.fix:
        parts.append(finding.fix.title if finding.fix.title.endswith((".", "!")) else f"{finding.fix.title}.")
    return clean(" ".join(part for part in parts if part))


def advice_lines(finding: Finding) -> tuple[str, ...]:
    """The lines to write, ready to copy, secrets masked."""
    return tuple(clean(line) for line in finding.fix.lines) if finding.fix else ()


def not_looked_at(skipped: Skipped) -> str:
    """What could not be looked at, why, and what would change that, in one line."""
    why = skipped.why.rstrip(".")
    return clean(f"{why}. {skipped.hint}" if skipped.hint else f"{why}.")


def page_url(rule: AnyRule) -> str:
    """Where the rule's page is on the site that the release workflow publishes."""
    return f"{SITE}/rules/{rule.id.lower()}.html"


def worst_first(findings: Sequence[Finding]) -> list[Finding]:
    """Errors first: consumers cut long lists at the end."""
    return sorted(findings, key=lambda finding: (-finding.severity, finding.sort_key))


def numbered(findings: Sequence[Finding]) -> Iterator[tuple[Finding, int]]:
    """Each finding, and which one of its fingerprint it is, from 0."""
    seen: Counter[str] = Counter()
    for finding in findings:
        yield finding, seen[finding.fingerprint]
        seen[finding.fingerprint] += 1


LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
