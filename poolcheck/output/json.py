"""JSON, version 1: one object for every command; absent sections are left out. Fields are added, never renamed."""

from importlib import import_module
from typing import Any

from poolcheck.model.finding import Finding
from poolcheck.model.problem import Edit, Location
from poolcheck.model.report import Report, Step
from poolcheck.model.severity import Severity
from poolcheck.model.target import Target
from poolcheck.output._encode import encode
from poolcheck.output._finding import open_edits
from poolcheck.output.paint import Style
from poolcheck.text import clean
from poolcheck.version import __version__

COMMANDS: tuple[str, ...] = ()  # every command


def render(report: Report, style: Style) -> str:
    """The report as an indented JSON object."""
    return encode(record(report))


def record(report: Report) -> dict[str, Any]:
    """The report as plain data, in the order of the documented record."""
    result: dict[str, Any] = {"schema": 1, "poolcheck": __version__, "command": report.command}
    if report.packages:
        result["context"] = context(report)
    if report.targets:
        result["targets"] = [target(each) for each in report.targets]
    result["findings"] = [finding(each) for each in report.findings]
    if report.suppressed:
        result["suppressed"] = [finding(each) for each in report.suppressed]
    result["questions"] = [
        import_module("poolcheck.output.sections.map").question(each) for each in report.questions
    ]
    result["skipped"] = [{"what": s.what, "why": s.why, "hint": s.hint} for s in report.skipped]
    for section in report.sections:
        result |= import_module(f"poolcheck.output.sections.{section.name}").record(section)
    if report.fix_path:
        result["fix_path"] = [step(each) for each in report.fix_path]
    if report.facts or report.notes:
        result["notes"] = [*report.facts, *report.notes]
    result["summary"] = {
        "error": report.count(Severity.ERROR),
        "warning": report.count(Severity.WARNING),
        "info": report.count(Severity.INFO),
        "suppressed": len(report.suppressed),
        "checked": {"files": report.files, "targets": len(report.targets)},
        "exit_code": int(report.code),
    }
    return result


def context(report: Report) -> dict[str, Any]:
    """What was concluded of the project, and from which file. The first package's at the top, all below."""
    packages = [
        {
            "path": package.path,
            "runtime": package.runtime.kind,
            "runtime_source": package.runtime.source,
            "platform": package.runtime.platform,
            "drivers": [
                {"id": use.id, "version": str(use.version) or None, "source": use.source}
                for use in package.drivers
            ],
            "reads": [
                {
                    "variable": read.variable,
                    "role": read.role,
                    "tool": read.tool,
                    "location": location(read.location),
                }
                for read in package.reads
            ],
        }
        for package in report.packages
    ]
    first = packages[0]
    return {
        "runtime": first["runtime"],
        "runtime_source": first["runtime_source"],
        "drivers": first["drivers"],
        "packages": packages,
    }


def location(at: Location | None) -> dict[str, Any] | None:
    """Path, line and column, and behind the last character; what is not known is left out."""
    if at is None:
        return None
    last = at.line if at.end_column else None
    parts = {
        "path": clean(at.path),
        "line": at.line,
        "column": at.column,
        "end_line": last,
        "end_column": at.end_column,
    }
    return {key: value for key, value in parts.items() if value is not None}


def target(each: Target) -> dict[str, Any]:
    """A connection string without its password."""
    conn = each.conn
    return {
        "name": each.name,
        "location": location(each.location),
        "scheme": conn.scheme,
        "host": clean(conn.shown(conn.host)),
        "port": conn.effective_port,
        "database": None if conn.database is None else clean(conn.shown(conn.database)),
        "user": None if conn.user is None else clean(conn.shown(conn.user)),
        "provider": each.match.provider.id if each.match.provider else None,
        "endpoint": each.match.kind,
        "mode": each.match.mode,
        "role": each.role,
        "role_source": each.role_source,
        "placeholder": bool(conn.placeholders),
        "url": clean(conn.masked()),
    }


def finding(each: Finding) -> dict[str, Any]:
    """A finding. `edits` can be made as they are; what would carry a password is left out, and they are not `complete`."""
    fix = each.fix
    return {
        "rule": each.rule.id,
        "name": each.rule.name,
        "severity": each.severity.word,
        "confidence": each.confidence.word,
        "message": each.message,
        "why": each.why,
        "subject": each.subject,
        "location": location(each.location),
        "step": each.rule.step,
        "fix": None
        if fix is None
        else {
            "title": fix.title,
            "safe": fix.safe,
            "lines": list(fix.lines),
            "edits": [edit(each) for each in open_edits(fix)],
            "complete": bool(fix.edits) and len(open_edits(fix)) == len(fix.edits),
        },
        "related": [location(at) for at in each.related],
        "sources": list(each.sources),
        "fingerprint": each.fingerprint,
    }


def edit(each: Edit) -> dict[str, Any]:
    """An edit: `column` and `end_column` count from 1, `start` and `end` from 0."""
    return {
        "path": clean(each.path),
        "line": each.line,
        "start": each.start,
        "end": each.end,
        "column": each.start + 1,
        "end_column": each.end + 1,
        "new": each.new,
    }


def step(each: Step) -> dict[str, Any]:
    """A step of the fix path; `actions` are sentences, `code` the lines to copy."""
    return {
        "step": each.step,
        "title": each.title,
        "status": each.status,
        "why": each.why,
        "brief": each.brief,
        "actions": [action.text for action in each.actions],
        "code": [list(action.code) for action in each.actions],
    }
