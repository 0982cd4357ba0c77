"""Markdown for a pull request's comment or a job's summary: the verdict, the sums, the findings, the five steps.

GitHub takes 65,536 characters in a comment. Findings are left out at the end, and said to be, until the rest fits.
"""

import re
from collections.abc import Iterator, Sequence
from importlib import import_module

from poolcheck.errors import ExitCode
from poolcheck.model.finding import Finding
from poolcheck.model.report import Report, Section, Skipped, Step
from poolcheck.model.severity import Severity
from poolcheck.model.verdict import PeakSum, Statistics, Verdict
from poolcheck.output._finding import NO_FILE, advice_lines, not_looked_at, page_url, path_of, worst_first
from poolcheck.output.paint import Paint, Style
from poolcheck.output.sections.verdict import details, sign_of
from poolcheck.text import clean, plural

COMMANDS = ("lint", "gate", "fix")
MARKER = "<!-- poolcheck -->"  # by which a job finds its own comment again
MOST = 65_000  # bytes of UTF-8: below GitHub's 65,536 however they are counted
ICONS = {Severity.ERROR: "🔴", Severity.WARNING: "🟠", Severity.INFO: "🔵"}
OUTCOMES = {"pass": "✅ pass", "fail": "❌ fail", "could not check": "⚠️ could not check"}
SIGNS = {"done": "✅", "error": "❌", "check": "❔"}
STATUS = {"done": "✅", "do": "👉", "check": "❔", "not needed": "➖"}
SPECIAL = re.compile(r"([\\`*_{}\[\]#|~<>]|^[-+])")


def render(report: Report, style: Style) -> str:
    """The report in at most 65,536 characters."""
    for section in report.sections:
        own = getattr(import_module(f"poolcheck.output.sections.{section.name}"), "markdown", None)
        if own is not None:  # the remedy sheet has a form of its own
            return "\n".join([MARKER, *own(section, report)]).strip() + "\n"
    head = [MARKER, *headline(report)]
    tail = [*steps(report.fix_path), *not_checked(report.skipped), *others(report.sections)]
    findings = [list(one_finding(each)) for each in worst_first(report.findings)]
    if size(tail) > MOST // 2:
        tail = ["", "*The rest is left out: it is longer than a comment may be. `poolcheck gate` shows it.*"]
    room = MOST - size(head) - size(tail) - 200
    shown: list[str] = []
    for number, lines in enumerate(findings):
        if size(shown) + size(lines) > room:
            left = plural(len(findings) - number, "finding")
            shown += [
                "",
                f"*{left} more, left out because a comment may not be longer. `poolcheck lint` shows all.*",
            ]
            break
        shown += lines
    return "\n".join([*head, *shown, *tail]).strip() + "\n"


def size(lines: Sequence[str]) -> int:
    """Bytes of the lines with their newlines."""
    return sum(len(line.encode("utf-8", "replace")) + 1 for line in lines)


def headline(report: Report) -> Iterator[str]:
    """The verdict, or for a lint the count; then the sums."""
    verdict = next((section for section in report.sections if isinstance(section, Verdict)), None)
    if verdict is None:
        word = "❌" if report.code == ExitCode.FINDINGS else "✅" if report.code == ExitCode.OK else "⚠️"
        yield f"## {word} poolcheck {report.command}: {counts(report)}"
        return
    yield f"## poolcheck gate: {OUTCOMES[verdict.outcome]}"
    yield ""
    yield f"{counts(report)}. {' '.join(esc(reason) for reason in verdict.reasons)}"
    if verdict.sums:
        yield from (
            "",
            "| server or pooler | asked | at deploy | usable | share | limit | |",
            "|---|--:|--:|--:|--:|--:|---|",
        )
        yield from (sum_row(each) for each in verdict.sums)
        yield ""
        yield from (f"- {code(row.name)}: {esc('; '.join(details(row)))}" for row in verdict.sums)
    if verdict.changes:
        yield from ("", "**What this change does**", "")
        yield from (f"- {code(each.name)}: {esc(each.words)}" for each in verdict.changes)


def counts(report: Report) -> str:
    """`1 error, 2 warnings in 3 connection strings`."""
    found = [
        f"{count} info" if severity == Severity.INFO else plural(count, severity.word)
        for severity in (Severity.ERROR, Severity.WARNING, Severity.INFO)
        if (count := report.count(severity))
    ]
    ignored = f", {len(report.suppressed)} ignored or accepted" if report.suppressed else ""
    return f"{', '.join(found) or 'nothing found'} in {plural(len(report.targets), 'connection string')}{ignored}"


def sum_row(each: PeakSum) -> str:
    """A sum as a row of the table."""
    place = f" ({code(str(each.location))})" if each.location.path else ""
    least = "at least " if each.least else ""
    asked, peak = (
        ("not known",) * 2
        if each.least and not each.total
        else (f"{least}{each.steady:,}", f"{least}{each.total:,}")
    )
    usable = "not known" if each.capacity is None else f"{max(0, each.capacity):,} {each.against}"
    return (
        f"| {code(each.name)}{place} | {asked} | {peak} | {usable} | {each.percent}"
        f" | {each.limit * 100:.0f} % | {SIGNS[sign_of(each)]} {each.judged} |"
    )


def one_finding(finding: Finding) -> Iterator[str]:
    """A finding: place, message, reason, and the lines to write."""
    at = finding.location
    path = path_of(finding)
    place = "" if path == NO_FILE else code(f"{path}:{at.line}" if at and at.line else path)
    yield ""
    yield (
        f"{ICONS[finding.severity]} **{finding.severity.word}**"
        f" [{finding.rule.id} {esc(finding.rule.name)}]({page_url(finding.rule)}) {place}".rstrip()
    )
    yield ""
    yield esc(f"{finding.message} {finding.why}".strip())
    if finding.fix:
        yield ""
        yield f"👉 {esc(finding.fix.title)}"
        yield from fenced(advice_lines(finding))


def steps(path: tuple[Step, ...]) -> Iterator[str]:
    """The five steps and what follows them, folded away."""
    if not path:
        return
    todo = sum(step.status == "do" for step in path)
    yield from ("", f"<details><summary>The five steps: {todo} to do</summary>", "")
    for step in path:
        label = f"{step.step}. " if step.step <= 5 else ""
        yield f"{STATUS[step.status]} **{label}{esc(step.title)}**: {step.status}. {esc(step.why)}"
        yield ""
        if step.status == "not needed":
            continue
        for action in step.actions:
            yield f"- {esc(action.text)}"
            yield from fenced(tuple(clean(line) for line in action.code), indent="  ")
        if step.actions:
            yield ""
    yield "</details>"


def not_checked(skipped: tuple[Skipped, ...]) -> Iterator[str]:
    """What could not be looked at: never passed over in silence."""
    if skipped:
        yield from ("", "**Not checked**", "")
        yield from (f"- {esc(f'{each.what}: {not_looked_at(each)}')}" for each in skipped)


def others(sections: tuple[Section, ...]) -> Iterator[str]:
    """What the live look saw, as text, folded away; the statistics as a table."""
    for section in sections:
        if isinstance(section, Statistics):
            yield from ("", "| rule | | findings | ignored |", "|---|---|---|---|")
            yield from (
                f"| {rule} {esc(name)} | {word} | {count} | {ignored} |"
                for rule, name, word, count, ignored in section.rows
            )
        elif not isinstance(section, Verdict):
            text = import_module(f"poolcheck.output.sections.{section.name}").text(
                section, Paint(Style(width=100))
            )
            yield from ("", f"<details><summary>{section.name}</summary>")
            yield from fenced(tuple(text))
            yield from ("", "</details>")


def fenced(lines: tuple[str, ...], indent: str = "") -> Iterator[str]:
    """Lines to copy, in a fence that no line of them can close."""
    if lines:
        longest = max((len(run) for line in lines for run in re.findall("`+", line)), default=0)
        fence = "`" * max(3, longest + 1)
        yield ""
        yield from (indent + line for line in (fence, *lines, fence))
        yield ""


def code(text: str) -> str:
    """Text from a file in a code span, where nothing in it is Markdown, a mention or a link."""
    text = clean(text).replace("|", "¦")
    ticks = "`" * (max((len(run) for run in re.findall("`+", text)), default=0) + 1)
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{ticks}{pad}{text}{pad}{ticks}"


def esc(text: str) -> str:
    """Text as it is: no markup, no HTML, no mention, no reference to an issue."""
    text = SPECIAL.sub(r"\\\1", clean(text).replace("&", "&amp;"))
    return text.replace("@", "@<!-- -->").replace("://", ":<!-- -->//")
