"""Text for people: the command's own part, the findings, the five steps, and last what was found and how to mend it."""

from collections.abc import Iterator, Sequence
from importlib import import_module
from typing import TYPE_CHECKING

from poolcheck.errors import ExitCode
from poolcheck.model.report import Report, Step
from poolcheck.model.severity import Severity
from poolcheck.model.verdict import Verdict
from poolcheck.output._finding import marked, mended_by, not_looked_at, place
from poolcheck.output.paint import Paint, Style
from poolcheck.text import clean, plural, sentence, width

if TYPE_CHECKING:
    from poolcheck.model.finding import Finding
    from poolcheck.model.problem import Fix

COMMANDS: tuple[str, ...] = ()  # every command
MOST = 14  # rows of a finding on 80 columns; -v shows the rest
MOST_PROSE = 4  # rows of one paragraph in it
MOST_FIRST = 2  # lines of the first action above everything else
# What is the cause of others comes first among findings of the same severity: a full server is a consequence mostly.
CAUSES = ("PC805", "PC712", "PC714", "PC703", "PC806", "PC710", "PC801", "PC702", "PC706", "PC701", "PC715")
MOST_IDS = 4  # rules named in the count of infos
NARROWEST_TABLE = 60  # columns
LABELS = {1: "Pooler", 2: "Pool size", 3: "One client", 4: "HTTP driver", 5: "Limit"}  # the steps, in a table


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
    first_of_all = worst_of(report.findings) if looked_at(report) else None
    parts: list[Iterator[str]] = [verdict(first_of_all, paint)] if first_of_all is not None else []
    parts += [
        import_module(f"poolcheck.output.sections.{section.name}").text(section, paint)
        for section in report.sections
    ]
    shown = instead(report)
    if "findings" not in shown:
        said: dict[object, str] = {}
        if first_of_all is not None:  # what stands at the top is not said again
            said[first_of_all] = first_of_all.rule.id
        parts += [one_finding(each, paint, said) for each in report.findings if told(each, report, paint)]
    if not quiet:
        if paint.look.verbosity > 0 and report.targets and "notes" not in shown:
            parts.append(targets(report, paint))
        rest = {"notes": notes, "skipped": skipped}
        parts += [make(report, paint) for name, make in rest.items() if name not in shown]
        if "fix_path" not in shown:
            parts.append(fix_path(report.fix_path, paint))
    if "summary" not in shown:
        parts.append(summary(report, paint))
    first = True
    for part in parts:
        for number, line in enumerate(part):
            if number == 0 and not first:
                yield ""
            yield line
            first = False


def looked_at(report: Report) -> bool:
    """Whether a server or a pooler answered, and something is wrong with it."""
    names = {section.name for section in report.sections}
    wrong = any(finding.severity > Severity.INFO for finding in report.findings)
    return report.command == "live" and bool(names & {"live", "pooler"}) and wrong


def worst_of(findings: Sequence["Finding"]) -> "Finding | None":
    """The one that says most: the worst, and of several the cause of the others."""
    order = {name: place for place, name in enumerate(CAUSES)}
    return min(
        findings, key=lambda each: (-each.severity, order.get(each.rule.id, len(CAUSES))), default=None
    )


def verdict(finding: "Finding", paint: Paint) -> Iterator[str]:
    """What is wrong and what to do first, above everything else: it has to be on the first screen of an incident."""
    yield from paint.wrap(
        finding.message, indent=11, first=f"  {paint.style('Verdict', finding.severity.word)}  "
    )
    if finding.fix:
        yield from paint.wrap(finding.fix.title, indent=11, first="  First    ")
        shown = finding.fix.lines[:MOST_FIRST]
        yield from paint.code(shown, indent=11)
        if len(finding.fix.lines) > len(shown):
            yield f"           ... {plural(len(finding.fix.lines) - len(shown), 'more line')} below"


def instead(report: Report) -> set[str]:
    """The parts that a section shows itself, in its own way: they are not shown again."""
    return {name for section in report.sections for name in getattr(section, "instead", ())}


def told(finding: "Finding", report: Report, paint: Paint) -> bool:
    """Whether a finding is shown: an info is only counted, unless it decides the exit code."""
    decides = report.fail_on is Severity.INFO
    return finding.severity > Severity.INFO or paint.look.verbosity > 0 or decides


def one_finding(finding: "Finding", paint: Paint, said: dict[object, str]) -> Iterator[str]:
    """Where, what, why, what to write instead, each of them once in a report; with -v the sources.

    `said` is what the report has said so far, and of which rule.
    """
    rule, full = finding.rule.id, paint.look.verbosity > 0 or paint.flows
    name = paint.style(f"{rule} {finding.rule.name}", "bold")
    yield f"{place(finding)}{paint.style(finding.severity.word, finding.severity.word)} {name}"
    shown: list[str] = []
    if finding.excerpt and finding.location:
        shown += paint.excerpt(*marked(finding))
    why = "" if (rule, finding.why) in said else finding.why
    said[rule, finding.why] = rule
    low = "Confidence: low." if finding.confidence < 30 else ""
    above = finding in said
    for words in filter(None, ("" if above else finding.message, f"{why} {low}".strip())):
        prose = list(paint.wrap(words, indent=2))
        more = len(prose) > MOST_PROSE and not full
        shown += [*prose[: MOST_PROSE - 1], f"{prose[MOST_PROSE - 1]} ..."] if more else prose
    if finding.fix and (not above or len(finding.fix.lines) > MOST_FIRST):
        shown += advice(finding.fix, rule, paint, said, MOST * max(80 // paint.width, 1) - 1 - len(shown))
    yield from shown
    if paint.look.verbosity > 0:
        for source in finding.sources:
            yield from paint.wrap(source, indent=6, first="  see ")


def advice(fix: "Fix", rule: str, paint: Paint, said: dict[object, str], room: int) -> Iterator[str]:
    """What to do, and the lines to write, unless a finding before has them; in about `room` rows."""
    whole, first = fix.lines, fix.lines[:1] if fix.value else fix.lines
    before = said.get(whole) or said.get(first) if whole else None
    code = () if said.get(whole) else whole[1:] if before else whole
    said.setdefault(whole, rule)
    said.setdefault(first, rule)
    title = f"{fix.title}: the line to write for {before} has it" if before else fix.title
    said_now = list(paint.wrap(title, indent=4, first=f"  {paint.symbol('do')} "))
    yield from said_now
    room -= len(said_now)
    for number, line in enumerate(code):
        room -= -(-(width(clean(line)) + 4) // paint.width)
        if room < 0 and number and not (paint.look.verbosity > 0 or paint.flows):
            yield f"    ... {plural(len(code) - number, 'more line')}: -v"
            return
        yield from paint.code((line,), indent=4)


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
    """What was assumed, or is surprising; with -v also what stands plainly in files."""
    said = (*report.facts, *report.notes) if paint.look.verbosity > 0 else report.notes
    if said:
        yield paint.heading("What this rests on")
        for note in said:
            yield from paint.wrap(note, indent=4, first="  - ")


def skipped(report: Report, paint: Paint) -> Iterator[str]:
    """What could not be looked at; of one thing that several keep from it, what would change that, and with -v why."""
    sums = [section.sums for section in report.sections if isinstance(section, Verdict)]
    told = {f"the sum of connections to {row.name}" for rows in sums for row in rows}  # by the row itself
    whats = [what for what in dict.fromkeys(each.what for each in report.skipped) if what not in told]
    if whats:
        yield paint.heading("Not checked")
    for what in whats:
        same = [each for each in report.skipped if each.what == what]
        brief = len(same) > 1 and paint.look.verbosity <= 0
        words = [not_looked_at(each) for each in same]
        said = (
            words
            if len(same) == 1
            else [
                each.hint if brief and each.hint else sentence(text)
                for each, text in zip(same, words, strict=True)
            ]
        )
        yield from paint.wrap(f"{what}: {' '.join(dict.fromkeys(said))}", indent=4, first="  - ")


def fix_path(steps: tuple[Step, ...], paint: Paint) -> Iterator[str]:
    """The five steps, a line each: what it is, whether there is something to do, and why. `poolcheck fix` has them in full."""
    if not steps:
        return
    yield paint.heading("Fix path")
    table = paint.width >= NARROWEST_TABLE and not paint.look.plain
    for step in steps[: len(LABELS)]:
        label, plain = f"  {step.step}. {LABELS[step.step]}", paint.marked(step.status, step.status)
        head = f"{label:<18}{plain:<14}" if table else f"{label}: {plain}: "
        for number, line in enumerate(paint.wrap(step.brief, indent=width(head) if table else 5, first=head)):
            yield line.replace(plain, paint.status(step.status), 1) if number == 0 else line


def summary(report: Report, paint: Paint) -> Iterator[str]:
    """How many findings, in what, and the exit code; then what mends them, and where a rule is explained."""
    counts = [
        paint.style(plural(report.count(severity), severity.word), severity.word)
        for severity in (Severity.ERROR, Severity.WARNING)
        if report.count(severity)
    ]
    if report.count(Severity.INFO):
        # Those that are only counted are named, so that nobody has to ask twice what they are.
        hidden = [each.rule.id for each in report.findings if not told(each, report, paint)]
        ids = list(dict.fromkeys(hidden))
        named = f" (-v: {', '.join(ids[:MOST_IDS])}{', ...' if ids[MOST_IDS:] else ''})" if ids else ""
        counts.append(paint.style(f"{report.count(Severity.INFO)} info", "info") + named)
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
    if len(report.suppressed) > report.accepted:
        tail += f"; {plural(len(report.suppressed) - report.accepted, 'finding')} ignored"
    if report.accepted:
        tail += f"; {report.accepted} accepted by the baseline"
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
    yield from ways_on(report, paint)


def ways_on(report: Report, paint: Paint) -> Iterator[str]:
    """The commands that mend what was found, and that explain the first rule."""
    shown = [each for each in report.findings if told(each, report, paint)]
    if not shown:
        return
    parts = [*mended_by(report), ("why", f"poolcheck explain {shown[0].rule.id}")]
    line = "; ".join(f"{label}: {paint.style(clean(command), 'code')}" for label, command in parts)
    if sum(width(label) + width(command) + 4 for label, command in parts) - 2 <= paint.width:
        yield line
    else:
        yield from line.split("; ")
