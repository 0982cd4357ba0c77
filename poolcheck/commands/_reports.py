"""--report FORMAT=FILE, several at once, and what GitHub Actions wants beside the text."""

import posixpath
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from poolcheck.commands._shared import FormatType, Output, emit, rendered, style_for, write, write_page
from poolcheck.config.staged import appending
from poolcheck.errors import BadInput
from poolcheck.model.finding import Finding
from poolcheck.model.report import Report
from poolcheck.output.paint import Style

ROOTED = ("sarif", "github", "gitlab")  # formats whose paths count from the repository's root
ROOTS = ("GITHUB_WORKSPACE", "CI_PROJECT_DIR", "BUILD_SOURCESDIRECTORY")  # GitHub, GitLab, Azure


class ReportType(click.ParamType):  # type: ignore[type-arg]  # generic from click 8.5 on
    """`FORMAT=FILE`, as a pair."""

    name = "report"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        """Check the format's name, and that there is a file."""
        if isinstance(value, tuple):
            return value
        name, sep, path = str(value).partition("=")
        if not sep or not path:
            self.fail(f"{value!r} is not FORMAT=FILE, such as sarif=poolcheck.sarif", param, ctx)
        return FormatType().convert(name, param, ctx), path


def emit_all(
    report: Report, out: Output, reports: Sequence[tuple[str, str]], environ: Mapping[str, str], *, ci: bool
) -> int:
    """Write every report that is asked for, then the one on stdout, and give the exit code.

    Raises:
        BadInput: a file cannot be written.
    """
    plain = Style(width=100, verbosity=out.verbosity)
    rooted = from_root(report, environ)
    for name, path in reports:
        write(rendered(rooted if name in ROOTED else report, name, plain), path)
    actions = ci and environ.get("GITHUB_ACTIONS") == "true"
    if actions:
        _job_summary(report, environ.get("GITHUB_STEP_SUMMARY", ""))
    if out.format in ROOTED:
        return emit(rooted, out)
    if out.format != "text" or out.path is not None:
        return emit(report, out)
    write_page(report, out)
    # The text is for people, and words of it come from files: no runner may take one for a command of its own.
    text = rendered(report, "text", style_for(out)).rstrip("\n")
    if actions:
        token = secrets.token_hex(16)
        commands = rendered(rooted, "github", plain)
        text = "\n".join(
            part for part in (f"::stop-commands::{token}", text, f"::{token}::", commands) if part
        )
    write(text, None)
    return int(report.code)


def from_root(report: Report, environ: Mapping[str, str]) -> Report:
    """The report with paths from the repository's root, as CI's own systems read them.

    A job of a monorepo runs in a folder below; without this its annotations would point at files of another folder.
    """
    root = next((environ[name] for name in ROOTS if environ.get(name)), "")
    try:
        prefix = Path.cwd().resolve().relative_to(Path(root).resolve()).as_posix() if root else "."
    except (ValueError, OSError):
        return report
    if prefix == ".":
        return report

    def path_of(path: str) -> str:
        own = path in ("", "-", "environment") or path.startswith("/")
        return path if own else posixpath.normpath(posixpath.join(prefix, path))

    def moved(finding: Finding) -> Finding:
        at, fix = finding.location, finding.fix
        related = tuple(replace(each, path=path_of(each.path)) for each in finding.related)
        if fix is not None:
            fix = replace(fix, edits=tuple(replace(edit, path=path_of(edit.path)) for edit in fix.edits))
        return replace(finding, location=at and replace(at, path=path_of(at.path)), related=related, fix=fix)

    return replace(report, findings=tuple(moved(finding) for finding in report.findings))


def _job_summary(report: Report, path: str) -> None:
    """Add the Markdown report to the job's summary; earlier steps may have written there."""
    if not path:
        return
    try:
        with appending(path) as file:
            file.write(f"{rendered(report, 'markdown', Style())}\n".encode())
    except OSError as error:
        raise BadInput(f"cannot write GITHUB_STEP_SUMMARY: {error.strerror}", "Add --no-ci.") from error
