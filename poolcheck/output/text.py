"""Text for people: findings by file, then the command's own part, then the five steps, then one summary line."""

from collections.abc import Iterator
from importlib import import_module
from itertools import groupby
from typing import TYPE_CHECKING

from poolcheck.errors import ExitCode
from poolcheck.model.report import Report, Step
from poolcheck.model.severity import Severity
from poolcheck.output.paint import Paint, Style
from poolcheck.text import clean, plural, width

if TYPE_CHECKING:
    from poolcheck.model.finding import Finding

COMMANDS: tuple[str, ...] = ()  # every command


def render(report: Report, style: Style) -> str:
    """The whole report as text."""
    text = "\n".join(lines(report, Paint(style)))
    if style.plain:
        return text.replace("…", "...")
    # Where the encoding has no ellipsis: one column too, so that tables stay straight.
    return text if style.unicode else text.replace("…", "~")


def lines(report: Report, paint: Paint) -> Iterator[str]:
    """The report, line by line. Parts are divided by one empty line."""
    quiet = paint.look.verbosity < 0
    parts: list[Iterator[str]] = [
        import_module(f"poolcheck.output.sections.{section.name}").text(section, paint)
        for section in report.sections
    ]
    shown = instead(report)
    if "findings" not in shown:
        parts += [file_findings(path, list(group), paint) for path, group in groupby(report.findings, _path)]
    if not quiet:
        if paint.look.verbosity > 0 and report.targets and "notes" not in shown:
            parts.append(targets(report, paint))
        rest = {"notes": notes, "skipped": skipped}
        parts += [make(report, paint) for name, make in rest.items() if name not in shown]
        if "fix_path" not in shown:
            # One look is one screen: what is only to be checked stands there without its lines.
            brief = report.command == "live" and paint.look.verbosity <= 0
            parts.append(fix_path(report.fix_path, paint, brief=brief))
    if "summary" not in shown:
        parts.append(summary(report, paint))
    first = True
    for part in parts:
        for number, line in enumerate(part):
            if number == 0 and not first:
                yield ""
            yield line
            first = False


def instead(report: Report) -> set[str]:
    """The parts that a section shows itself, in its own way: they are not shown again."""
    return {name for section in report.sections for name in getattr(section, "instead", ())}


def _path(finding: "Finding") -> str:
    return finding.location.path if finding.location else ""


def file_findings(path: str, findings: "list[Finding]", paint: Paint) -> Iterator[str]:
    """The findings of one file under its name."""
    if path:
        yield paint.heading(clean({"-": "standard input"}.get(path, path)))
    for number, finding in enumerate(findings):
        if number:
            yield ""
        yield from one_finding(finding, paint)


def one_finding(finding: "Finding", paint: Paint) -> Iterator[str]:
    """What, where, why, what to write instead; with -v the sources."""
    head = f"{finding.rule.id} {finding.rule.name}"
    yield f"  {paint.severity(finding.severity)} {paint.style(head, 'bold')}"
    yield from paint.wrap(finding.message, indent=4)
    if finding.excerpt and finding.location:
        yield from paint.excerpt(finding.location.line, finding.excerpt, finding.excerpt_column, indent=4)
    if finding.why:
        yield from paint.wrap(finding.why, indent=4)
    if finding.confidence < 30:
        yield from paint.wrap(f"Confidence: {finding.confidence.word}.", indent=4)
    if finding.fix:
        yield from paint.wrap(finding.fix.title, indent=6, first="    " + paint.symbol("do") + " ")
        yield from paint.code(finding.fix.lines, indent=6)
    if paint.look.verbosity > 0:
        for source in finding.sources:
            yield from paint.wrap(source, indent=8, first="    see ")


def targets(report: Report, paint: Paint) -> Iterator[str]:
    """With -v: every connection string that was looked at, and what it was taken for."""
    yield paint.heading("Connection strings")
    for target in report.targets:
        match = target.match
        title = match.provider.title if match.provider else "no known provider"
        kind = match.endpoint.title or match.kind if match.endpoint else match.kind
        yield from paint.wrap(
            f"{target.location.path}:{target.location.line or ''} {target.name}: {target.role}, {title}, {kind}",
            indent=4,
            first="  ",
        )


def notes(report: Report, paint: Paint) -> Iterator[str]:
    """What was concluded and assumed."""
    if report.notes:
        yield paint.heading("What this rests on")
        for note in report.notes:
            yield from paint.wrap(note, indent=4, first="  - ")


def skipped(report: Report, paint: Paint) -> Iterator[str]:
    """What could not be looked at."""
    if report.skipped:
        yield paint.heading("Not checked")
        for each in report.skipped:
            text = f"{each.what}: {each.why}"
            yield from paint.wrap(f"{text} {each.hint}".rstrip(), indent=4, first="  - ")


def fix_path(steps: tuple[Step, ...], paint: Paint, *, brief: bool = False) -> Iterator[str]:
    """The five steps, then migrations and what to do meanwhile. `brief`: only what is to be done has its actions."""
    if not steps:
        return
    yield paint.heading("Fix path")
    for step in steps:
        label = f"{step.step}. " if step.step <= 5 else ""
        if step.status in ("done", "not needed") or (brief and step.status == "check" and step.step <= 5):
            yield from settled(step, label, paint)
            continue
        head = f"  {paint.style(label + step.title, 'bold')}:"
        if len(f"  {label}{step.title}: x {step.status}") <= paint.width:
            yield f"{head} {paint.status(step.status)}"
        else:
            yield head
            yield f"     {paint.status(step.status)}"
        yield from paint.wrap(step.why, indent=5)
        for action in step.actions:
            yield from paint.wrap(action.text, indent=7, first="     - ")
            yield from paint.code(action.code, indent=9)
    if brief and any(step.status == "check" and step.actions and step.step <= 5 for step in steps):
        yield paint.style("  -v shows what to write where it says check.", "dim")


def settled(step: Step, label: str, paint: Paint) -> Iterator[str]:
    """A step with nothing to do: one paragraph, its title and status still standing out."""
    title, status = f"{label}{step.title}", paint.marked(step.status, step.status)
    for number, line in enumerate(paint.wrap(f"{title}: {status}. {step.why}", indent=5, first="  ")):
        if number == 0:
            # The status may have been wrapped to the next line: then it stays plain.
            yield line.replace(title, paint.style(title, "bold"), 1).replace(
                status, paint.status(step.status), 1
            )
        else:
            yield line


def summary(report: Report, paint: Paint) -> Iterator[str]:
    """One line: how many findings, in what, and the exit code."""
    counts = [
        paint.style(plural(report.count(severity), severity.word), severity.word)
        for severity in (Severity.ERROR, Severity.WARNING)
        if report.count(severity)
    ]
    if report.count(Severity.INFO):
        counts.append(paint.style(f"{report.count(Severity.INFO)} info", "info"))
    if counts:
        found = ", ".join(counts)
    elif report.code is ExitCode.FAILED:  # no all-clear: nobody looked
        found = paint.style(paint.marked("check", "could not look"), "check")
    elif report.code is ExitCode.NOTHING:
        found = paint.style(paint.marked("check", "nothing was there to check"), "check")
    else:
        found = paint.style(paint.marked("done", "nothing found"), "ok")
    looked = []
    if report.targets:
        looked.append(plural(len(report.targets), "connection string"))
    if report.files:
        looked.append(plural(report.files, "file"))
    tail = f" in {', '.join(looked)}" if looked else ""
    if report.suppressed:
        tail += f"; {plural(len(report.suppressed), 'finding')} ignored"
    if report.skipped:
        tail += f"; {len(report.skipped)} not checked"
    if not (report.findings or looked):
        return
    tail += f" (exit code {int(report.code)})"
    if width(clean(found + tail)) <= paint.width:
        yield found + tail
    else:
        yield found
        yield from paint.wrap(tail, indent=2)
