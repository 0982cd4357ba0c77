"""The remedy sheet, the edits as a diff, and what was written."""

from collections.abc import Iterator, Sequence
from typing import Any

from poolcheck.model.fixing import LEFT_BY_A_KILLED_RUN, Change, Fixing
from poolcheck.model.report import Report, Step
from poolcheck.output.markdown import STATUS, code, counts, esc, fenced, not_checked
from poolcheck.output.paint import Paint
from poolcheck.text import clean, plural

MASKED = "Secrets are masked: this diff is for reading and cannot be applied. poolcheck fix --write makes the edits."


def record(section: Fixing) -> dict[str, Any]:
    """Under `fix`: what was asked, the edits that are made and those that are not, the files, the masked diff."""
    return {
        "fix": {
            "asked": section.asked,
            "about": clean(section.heading),
            "written": bool(section.files),
            "edits": [change(each) for each in section.made],
            "not_made": [change(each) for each in section.held],
            "besides": [clean(beside) for beside in section.besides],
            "diff": "\n".join([*section.diff, ""]) if section.diff else "",
            "files": [
                {
                    "path": clean(file.path),
                    "target": clean(file.target) or None,
                    "backup": clean(file.backup) or None,
                    "created": file.created,
                }
                for file in section.files
            ],
            "leftovers": [clean(leftover) for leftover in section.leftovers],
        }
    }


def change(each: Change) -> dict[str, Any]:
    """One edit, without its text: that is in the diff."""
    result = {
        "rule": each.rule or None,
        "subject": clean(each.subject),
        "location": {"path": clean(each.path), "line": each.line},
        "title": clean(each.title),
        "safe": each.safe,
    }
    return {**result, "why": clean(each.why)} if each.why else result


# --- text -------------------------------------------------------------------------------------------------------


def text(section: Fixing, paint: Paint) -> Iterator[str]:
    """The sheet, the diff, or what was written."""
    if section.asked == "diff":
        yield from diff(section, paint)
    elif section.asked == "write":
        yield from written(section, paint)
    else:
        yield from sheet(section, paint)
        yield from edits(section, paint)


def diff(section: Fixing, paint: Paint) -> Iterator[str]:
    """The diff, with a line before it that `patch` passes over."""
    if any("***" in line for line in section.diff):
        yield MASKED
    styles = {"-": "error", "+": "ok", "@": "check"}
    for line in section.diff:
        role = styles.get(line[:1])
        yield paint.style(line, role) if role and not line.startswith(("---", "+++")) else line
    if not section.diff:
        yield nothing_to_do(section)


def nothing_to_do(section: Fixing) -> str:
    """Why there is no edit."""
    if section.waiting:
        count = plural(len(section.waiting), "edit")
        return (
            f"No edit that is safe. {count} would change behaviour: poolcheck fix --diff --unsafe shows them."
        )
    return "No edit to make: nothing was found that an edit mends."


def sheet(section: Fixing, paint: Paint) -> Iterator[str]:
    """Steps with something to do, migrations, meanwhile; then what was not needed, and why."""
    title = f"Fix path for {section.heading}" if section.heading else "Fix path"
    for number, line in enumerate(paint.wrap(title, indent=2)):
        yield line[2:].replace("Fix path", paint.heading("Fix path"), 1) if number == 0 else line
    open_, settled = divided(section.steps)
    for step in open_:
        yield ""
        label = f"{step.step}. " if step.step <= 5 else ""
        gap = " " if len(f"{label}{step.title}: x {step.status}") <= paint.width else "\n   "
        yield from f"{paint.style(label + step.title, 'bold')}:{gap}{paint.status(step.status)}".split("\n")
        yield from paint.wrap(step.why, indent=3)
        for action in step.actions:
            yield from paint.wrap(action.text, indent=5, first="   - ")
            yield from paint.code(action.code, indent=7)
    if settled:
        yield ""
        yield paint.heading("Not needed, and why" if open_ else "Nothing to do, and why")
        for step in settled:
            label = f"{step.step}. " if step.step <= 5 else ""
            yield from paint.wrap(
                f"{label}{step.title}: {step.status}. {step.why}",
                indent=4,
                first=f"  {paint.marked(step.status, '')}",
            )


def divided(steps: Sequence[Step]) -> tuple[list[Step], list[Step]]:
    """Steps that ask for something, and those that do not."""
    return (
        [step for step in steps if step.status in ("do", "check")],
        [step for step in steps if step.status not in ("do", "check")],
    )


def edits(section: Fixing, paint: Paint) -> Iterator[str]:
    """What --write would make."""
    safe = [each for each in section.made if each.safe]
    unsafe = [each for each in section.made if not each.safe] + list(section.waiting)
    if not safe and not unsafe:
        return
    yield ""
    yield paint.heading("Edits")
    if safe:
        yield from paint.wrap(
            f"poolcheck fix --write makes {plural(len(safe), 'edit')}; --diff shows:", indent=2
        )
        yield from _changes(safe, paint)
    if unsafe:
        count = plural(len(unsafe), "edit")
        also = "also " if safe else ""
        yield from paint.wrap(
            f"poolcheck fix --write --unsafe {also}makes {count} that may change behaviour; --diff --unsafe shows:",
            indent=2,
        )
        yield from _changes(unsafe, paint)
    yield from _besides(section, paint)


def _changes(changes: Sequence[Change], paint: Paint) -> Iterator[str]:
    for each in changes:
        rule = f"{each.rule} " if each.rule else ""
        why = f" ({each.why})" if each.why and not each.why.endswith("--unsafe makes it") else ""
        yield from paint.wrap(
            f"{each.path}:{each.line} {rule}{each.subject}: {each.title}{why}", indent=6, first="    - "
        )


def _besides(section: Fixing, paint: Paint) -> Iterator[str]:
    for beside in section.besides:
        yield from paint.wrap(beside, indent=6, first=f"    {paint.symbol('do')} ")


def written(section: Fixing, paint: Paint) -> Iterator[str]:
    """What was written where, and what was not."""
    if not section.files:
        yield nothing_to_do(section).replace("--diff --unsafe shows", "--write --unsafe makes")
    else:
        yield paint.heading(f"Written: {plural(len(section.files), 'file')}")
        for file in section.files:
            tail = [f"through the link to {file.target}" if file.target else ""]
            tail += ["new" if file.created else "", f"the old one is {file.backup}" if file.backup else ""]
            said = ", ".join(part for part in tail if part)
            yield from paint.wrap(
                file.path + (f" ({said})" if said else ""), indent=4, first=f"  {paint.symbol('done')} "
            )
        yield from _changes(section.made, paint)
        yield from _besides(section, paint)
    others = [each for each in section.held if section.files or each not in section.waiting]
    if others:
        yield paint.heading("Not made")
        for other in others:
            rule = f"{other.rule} " if other.rule else ""
            yield from paint.wrap(
                f"{other.path}:{other.line} {rule}{other.subject}: {other.title}: {other.why}",
                indent=6,
                first="    - ",
            )
    for path in section.leftovers:
        yield from paint.wrap(
            f"{path} {LEFT_BY_A_KILLED_RUN}",
            indent=4,
            first=f"  {paint.symbol('warning')} ",
        )


# --- Markdown ---------------------------------------------------------------------------------------------------


def markdown(section: Fixing, report: Report) -> Iterator[str]:
    """The sheet for a pull request or an incident channel."""
    yield f"## poolcheck fix: {counts(report)}"
    if section.heading:
        yield from ("", esc(section.heading))
    open_, settled = divided(section.steps)
    for step in open_ if section.asked == "sheet" else ():
        label = f"{step.step}. " if step.step <= 5 else ""
        yield from ("", f"### {STATUS[step.status]} {label}{esc(step.title)}", "", esc(step.why))
        if step.actions:
            yield ""
        for action in step.actions:
            yield f"- {esc(action.text)}"
            yield from fenced(tuple(clean(line) for line in action.code), indent="  ")
    if section.asked == "sheet" and settled:
        yield from ("", "<details><summary>Not needed, and why</summary>", "")
        for step in settled:
            label = f"{step.step}. " if step.step <= 5 else ""
            yield f"- {STATUS[step.status]} {label}{esc(step.title)}: {step.status}. {esc(step.why)}"
        yield from ("", "</details>")
    if section.files:
        yield from ("", f"**Written**: {', '.join(code(file.path) for file in section.files)}")
    for title, changes in (("Edits", section.made), ("Not made", section.held)):
        if changes:
            yield from ("", f"**{title}**", "")
            for each in changes:
                why = f": {esc(each.why)}" if each.why else ""
                yield f"- {code(f'{each.path}:{each.line}')} {each.rule} {esc(each.title)}{why}"
    if section.diff:
        yield from (
            "",
            "<details open><summary>Diff (secrets masked: for reading, not for applying)</summary>",
            "",
        )
        yield from (
            "```diff",
            *(line.replace("```", "'''") for line in section.diff),
            "```",
            "",
            "</details>",
        )
    yield from not_checked(report.skipped)
