"""What is said of an example, in full and recorded: message, numbers, place, fix and what it would write.

A record is a text of chapters, `=== NAME`. `--update-golden` (without -n: chapters of one file are written one by one)
writes them anew; a person reads the diff, since every line of it is something that a user is told otherwise than before.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from poolcheck.model.finding import Finding
from poolcheck.model.problem import Fix

CHAPTER = re.compile(r"^=== (.+)\n", re.MULTILINE)
FENCE = re.compile(r"^```\w+ (?:bad|good)[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)


def chapters(path: Path) -> dict[str, str]:
    """The chapters of a record, by name; none where there is no such file."""
    parts = CHAPTER.split(path.read_text(encoding="utf-8")) if path.exists() else [""]
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def chapter(page: str, text: str, language: str, facts: str) -> str:
    """What the record calls an example of a page: its place on it, and its fence."""
    place = [fence[1] for fence in FENCE.finditer(page)].index(text) + 1
    return f"{place:02} {language}{facts}"


def holds(path: Path, name: str, said: str, *, update: bool) -> None:
    """The chapter is what is said."""
    recorded = chapters(path)
    said = said.rstrip("\n") + "\n"
    if update:
        recorded[name] = said
        path.parent.mkdir(exist_ok=True)
        every = (f"=== {key}\n{recorded[key]}" for key in sorted(recorded))
        path.write_text("".join(every), encoding="utf-8")
    assert chapters(path).get(name) == said, f"read the change, then --update-golden: {path.name}"


def findings(found: Iterable[Finding]) -> str:
    """All that is said of an example, a finding after the other."""
    return "\n".join(line for each in found for line in lines(each)) or "nothing"


def lines(finding: Finding) -> Iterator[str]:
    """A finding in full; the day does not count."""
    place = finding.location
    to = f"-{place.end_column}" if place and place.end_column else ""
    yield f"{finding.rule.id} {finding.severity.name} {finding.confidence.name} {place or 'no place'}{to} {finding.subject}"
    for text in (finding.message, finding.why):
        yield "  " + re.sub(r"\b([Ee])nded on\b", r"\1nds on", text).replace("\n", "\n  ")
    if finding.excerpt:
        yield f"  |{finding.excerpt_column}-{finding.excerpt_end}| {finding.excerpt}"
    yield from (f"  see {place}" for place in finding.related)
    if finding.fix:
        yield from fix(finding.fix)


def fix(given: Fix) -> Iterator[str]:
    """A fix in full, secrets masked."""
    yield f"  {'safe' if given.safe else 'unsafe'}: {given.title}"
    yield from (f"    > {line}" for line in given.lines)
    for edit in given.edits:
        yield f"    edit {edit.path}:{edit.line} {edit.start}-{edit.end} {edit.shown!r}"
