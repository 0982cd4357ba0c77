"""Which edits, in which order, in memory: apply a fix, read and judge again, until nothing is left to do.

Two fixes of one line are never laid over each other: the second is made for the line as the first has left it. So
the result is the same whatever the order of the findings, and mending it once more changes nothing.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

from poolcheck import rules
from poolcheck.config import settings
from poolcheck.config.settings import Config
from poolcheck.diagnosis import lint
from poolcheck.diagnosis.engine import Selection
from poolcheck.fix import orm_edits
from poolcheck.fix.diff import split_lines
from poolcheck.model.finding import Finding
from poolcheck.model.problem import Edit
from poolcheck.model.report import Report
from poolcheck.model.severity import Severity
from poolcheck.model.target import Target
from poolcheck.project import arguments, collect
from poolcheck.project.collected import Collected
from poolcheck.record import dataclass

ROUNDS = 24  # of one string at most; each round mends one fault of every line, and a line has no more faults than that
IN_SCHEMA = ("PC303", "PC304")  # a Prisma 7 schema that still has a URL
NAMES = rules.names()
Key = tuple[str, str, str, str, str]
Answer = Literal["yes", "no", "all", "quit"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mend:
    """One thing to do, with all its edits: all are made, or none."""

    title: str
    safe: bool
    edits: tuple[Edit, ...]
    rule: str
    subject: str = ""
    key: str = ""
    notes: tuple[str, ...] = ()  # what the user has to do besides

    @property
    def place(self) -> str:
        """File and line of the first edit."""
        return f"{self.edits[0].path}:{self.edits[0].line}"

    @property
    def identity(self) -> Key:
        """The same mend in the next round, wherever its line has moved to."""
        return (self.rule, self.edits[0].path, self.subject, self.key, self.title)


@dataclass(frozen=True, slots=True)
class HeldMend:
    """A mend that was not made, and why."""

    mend: Mend
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MendChoice:
    """Which mends are wanted."""

    unsafe: bool = False  # also those that change behaviour
    select: tuple[str, ...] = ()  # of these rules only
    ask: "Callable[[Mend, Mapping[str, tuple[str, str]]], Answer] | None" = (
        None  # path → (old text, new text)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Mended:
    """What the project would be: nothing is written yet."""

    config: Config
    before: Report
    read: Collected  # what was there before
    after: Report
    made: tuple[Mend, ...]
    held: tuple[HeldMend, ...]
    texts: Mapping[str, tuple[str | None, str]]  # path → (old text or None, new text): only files that differ

    def __repr__(self) -> str:
        return f"Mended({len(self.made)} made, {len(self.held)} held)"  # the texts hold passwords


class _Stale(Exception):
    """The text is not what the edit was made for."""


def mend(what: Sequence[str], settings: settings.Configured, choice: MendChoice) -> Mended:
    """The project with every wanted fix made, judged again.

    A fix after which a rule speaks in a file where it was silent, and which no further fix silences, is taken back.

    Raises:
        PoolcheckError: bad config, bad input, or nothing to check.
    """
    what = tuple(what) or (".",)
    mending = _Mending(what, settings.over(_start(what)), choice)
    mended = mending.settle()
    for _ in range(ROUNDS):
        if not mending.excluded:
            break
        # What did harm on the way from the old text may do none from here: without this, a second `fix` would make it.
        made = len(mended.made)
        mending.begin_at(mended)
        mended = mending.settle()
        if len(mended.made) == made:
            break
    return mended


def _start(what: Sequence[str]) -> Path:
    first = next((Path(each) for each in what if each != "-" and not arguments.is_url(each)), Path())
    return first if first.exists() else Path()


class _Mending:
    """One attempt after another, each without the mends that turned out to do harm."""

    def __init__(self, what: Sequence[str], config: Config, choice: MendChoice) -> None:
        self.what = what
        self.config = config
        self.choice = choice
        self.selection = Selection(choice.select)
        self.excluded: dict[Key, str] = {}
        self.answers: dict[Key, bool] = {}
        self.all = choice.ask is None
        self.stopped = False
        self.first: tuple[Collected, Report] | None = None
        self.judged: dict[str, bytes] = {}  # by path: what the first look read, and every edit is made on
        self.base: Mended | None = None
        self.spoke: set[tuple[str, str]] = set()  # the rules that spoke before, and where

    def settle(self) -> Mended:
        """Mend, and again without what turned out to do harm, until nothing does."""
        while True:
            mended = self.run()
            blamed = self.blamed(mended)
            if not blamed:
                return mended
            for guilty, why in blamed:
                self.exclude(guilty, why)

    def begin_at(self, mended: Mended) -> None:
        """Go on from what was reached, with nothing left out."""
        self.base = mended
        self.excluded = {}

    def exclude(self, mend_: Mend, why: str) -> None:
        """Leave a mend out from now on."""
        self.excluded[mend_.identity] = why

    def look(self, texts: Mapping[str, str]) -> tuple[Collected, Report]:
        """Read and judge the project with these texts in place of the files' own."""
        if not texts:
            if self.first is None:
                self.first = self._look({})
            return self.first
        return self._look({**self.judged, **{path: text.encode() for path, text in texts.items()}})

    def old(self, path: str) -> str | None:
        """The text that was judged, with its byte order mark; None where none was, or it is not UTF-8.

        Never the file's own: what came into it since then was not judged, and the edit is not for it.
        """
        try:
            return self.judged[path].decode()
        except (KeyError, UnicodeDecodeError):
            return None

    def _look(self, instead: Mapping[str, bytes]) -> tuple[Collected, Report]:
        found = collect.collect(self.what, self.config, instead, None if instead else self.judged)
        return found, lint.report_on(found, self.config, self.what)

    def run(self) -> Mended:
        """Mend until no wanted mend is left."""
        base, old = self.base, self.old
        texts = {path: new for path, (_, new) in base.texts.items()} if base else {}
        made: list[Mend] = []
        held: dict[Key, HeldMend] = {}
        states = {_state(texts)}
        found, report = start = self.look(texts)
        self.spoke = {_kind(finding) for finding in report.findings}
        for _ in range(ROUNDS):
            held.clear()
            changed = dict(texts)
            done: list[Mend] = []
            for proposal in self.proposals(found, report, texts):
                if proposal.identity in self.excluded:
                    held[proposal.identity] = HeldMend(proposal, self.excluded[proposal.identity])
                elif self.choice.select and not self.selection.admits(proposal.rule, NAMES[proposal.rule]):
                    held[proposal.identity] = HeldMend(proposal, "not selected")
                elif not proposal.safe and not self.choice.unsafe:
                    held[proposal.identity] = HeldMend(proposal, "changes behaviour: --unsafe makes it")
                elif not _beside(proposal, done):
                    continue  # the next round makes it for the line as it is then
                else:
                    try:
                        edited = apply(proposal.edits, changed, old)
                    except _Stale as stale:
                        held[proposal.identity] = HeldMend(proposal, str(stale))
                        continue
                    if not self.wanted(proposal, changed, edited):
                        held[proposal.identity] = HeldMend(proposal, "declined")
                        continue
                    changed |= edited
                    done.append(proposal)
            if not done or _state(changed) in states:
                break
            states.add(_state(changed))
            texts, made = changed, [*made, *done]
            found, report = self.look(texts)
        return Mended(
            config=self.config,
            before=base.before if base else start[1],
            read=base.read if base else start[0],
            after=report,
            made=(*(base.made if base else ()), *made),
            held=tuple(held.values()),
            texts={path: (old(path), text) for path, text in texts.items() if old(path) != text},
        )

    def wanted(self, each: Mend, now: Mapping[str, str], edited: Mapping[str, str]) -> bool:
        """Whether the user says yes to it; asked once."""
        if self.choice.ask is None or self.all:
            return True
        if self.stopped:
            return False
        if each.identity not in self.answers:
            steps = {path: (now.get(path, self.old(path) or ""), text) for path, text in edited.items()}
            answer = self.choice.ask(each, steps)
            self.all, self.stopped = answer == "all", answer == "quit"
            self.answers[each.identity] = answer in ("yes", "all")
        return self.answers[each.identity]

    def proposals(self, found: Collected, report: Report, texts: Mapping[str, str]) -> Iterator[Mend]:
        """Every mend that has edits, in the order of the steps: the endpoint before its parameters."""
        if "-" in self.what:
            return  # what came through a pipe cannot be written back, nor read twice

        def text(path: str) -> str | None:
            return texts[path] if path in texts else self.old(path)

        by_step = sorted(
            report.findings, key=lambda finding: (finding.rule.step or 6, finding.rule.id, finding.sort_key)
        )
        for each in by_step:
            if each.fix and each.fix.edits:
                yield _of(each, found, text)
            elif each.fix and each.location:
                yield from _in_config(each, found, text)
        refused = {each.location.path for each in by_step if each.rule.id in IN_SCHEMA and each.location}
        for moved in orm_edits.url_out_of_schema(found, text):
            if moved.path in refused:
                yield Mend(
                    title=moved.title,
                    safe=moved.safe,
                    edits=moved.edits,
                    notes=moved.notes,
                    rule=IN_SCHEMA[-1],
                    subject="url",
                )

    def blamed(self, mended: Mended) -> list[tuple[Mend, str]]:
        """The mends to take back, and why: after them a rule speaks in a file where it was silent before."""
        mends = mended.made[len(self.base.made) if self.base else 0 :]
        found = []
        for finding in mended.after.findings:
            if _kind(finding) in self.spoke:
                continue
            path, line = (finding.location.path, finding.location.line) if finding.location else ("", None)
            near = [m for m in mends if any(e.path == path and e.line == line for e in m.edits)]
            here = [m for m in mends if any(e.path == path for e in m.edits)]
            guilty = next(iter(near or here or mends), None)
            if guilty is not None:
                found.append(
                    (guilty, f"would bring {finding.rule.id} ({finding.rule.name}), which nothing here mends")
                )
        return found


def _state(texts: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(texts.items()))


def _kind(finding: Finding) -> tuple[str, str]:
    return (finding.rule.id, finding.location.path if finding.location else "")


def _of(finding: Finding, found: Collected, text: orm_edits.Text) -> Mend:
    """The mend of a finding: its fix, and where that adds a direct URL, what lets the migration tool read it."""
    fix = finding.fix
    assert fix is not None
    made = Mend(
        title=fix.title,
        safe=fix.safe,
        edits=fix.edits,
        rule=finding.rule.id,
        subject=finding.subject,
        key=finding.key,
    )
    added = next(iter(_added_names(fix.edits)), None)
    target = next(
        (
            target
            for target in found.targets
            if target.name == finding.subject and target.location.path == fix.edits[0].path and target.active
        ),
        None,
    )
    if added is None or target is None:
        return made
    beside = orm_edits.direct_url_readers(found, target, added, text)
    shown = tuple(_in_templates(found, target, added, text))
    # A schema that reads a variable which the deployment does not set stops its migrations: for the worse, unless
    # they fail already.
    safe = made.safe and (not beside.edits or finding.severity >= Severity.ERROR)
    return Mend(
        title=made.title,
        safe=safe,
        edits=(*made.edits, *beside.edits, *shown),
        rule=made.rule,
        subject=made.subject,
        key=made.key,
        notes=beside.notes,
    )


def _in_templates(found: Collected, target: Target, name: str, text: orm_edits.Text) -> Iterator[Edit]:
    """A line for the new variable wherever an example file shows the old one: whoever copies it needs both."""
    for each in found.targets:
        if (
            not each.example_file
            or each.name != target.name
            or each.package != target.package
            or each.commented
        ):
            continue
        path, line = each.location.path, each.location.line or 0
        lines = split_lines(text(path) or "")
        if not 0 < line <= len(lines) or any(_names(other, name) for other in lines):
            continue
        end = len(lines[line - 1]) - len(_end(lines[line - 1]))
        new = f'\n{"export " if each.export else ""}{name}="postgresql://USER:PASSWORD@HOST:5432/DATABASE"'
        yield Edit(path, line, end, end, "", new, new)


def _in_config(finding: Finding, found: Collected, text: orm_edits.Text) -> Iterator[Mend]:
    """The mend of a finding about an ORM's config, whose rule has seen no text to edit."""
    assert finding.fix is not None
    assert finding.location is not None
    edits: tuple[Edit, ...] = ()
    if finding.rule.id == "PC302":
        edit = orm_edits.let_migrations_read(found, finding.location, finding.subject, text)
        edits = (edit,) if edit else ()
    elif finding.rule.id == "PC305":
        edits = orm_edits.direct_url_into_url(found, finding.location.path, text)
    if edits:
        yield Mend(
            title=finding.fix.title,
            safe=finding.severity >= Severity.ERROR,
            edits=edits,
            rule=finding.rule.id,
            subject=finding.subject,
            key=finding.key,
        )


def _added_names(edits: Iterable[Edit]) -> Iterator[str]:
    """The variables that edits write on lines of their own."""
    for edit in edits:
        if edit.start == edit.end and edit.new.startswith("\n") and "=" in edit.new:
            yield edit.new.strip().removeprefix("export ").partition("=")[0].strip()


def _beside(mend_: Mend, done: Sequence[Mend]) -> bool:
    """Whether a mend touches other lines than those before it in this round, and adds no variable to their files."""
    taken = {(edit.path, edit.line) for each in done for edit in each.edits}
    grown = {edit.path for each in done if list(_added_names(each.edits)) for edit in each.edits}
    adds = bool(list(_added_names(mend_.edits)))
    return not any(
        (edit.path, edit.line) in taken or edit.path in grown or (adds and edit.path in {p for p, _ in taken})
        for edit in mend_.edits
    )


def apply(edits: Iterable[Edit], texts: Mapping[str, str], old: orm_edits.Text) -> dict[str, str]:
    """The texts of the files that the edits touch, after them. `old` tells what was judged.

    An edit that leaves nothing of a line takes the line away; an edit of a file that is not there makes it.

    Raises:
        _Stale: a line is not what the edit was made for, or a variable to be added is there already.
    """
    changed: dict[str, str] = {}
    for path in dict.fromkeys(edit.path for edit in edits):
        mine = [edit for edit in edits if edit.path == path][
            ::-1
        ]  # of two at one place the first stands first
        mine.sort(key=lambda each: (each.line, each.start, each.end), reverse=True)
        text = texts[path] if path in texts else old(path)
        if text is None:
            if len(mine) != 1 or mine[0].old or Path(path).exists():
                raise _Stale(f"{path} is not UTF-8, or not there")
            changed[path] = mine[0].new
            continue
        for name in _added_names(mine):
            if any(_names(line, name) for line in split_lines(text)):
                raise _Stale(f"{name} is in {path} already")
        changed[path] = _edited(path, text, mine)
    return changed


def _edited(path: str, text: str, edits: Sequence[Edit]) -> str:
    """One text with its edits, the last first, so that places before them stay where they are."""
    lines = split_lines(text)
    ending = next((_end(line) for line in lines if _end(line)), "\n")
    for edit in edits:
        if not 0 < edit.line <= len(lines):
            raise _Stale(f"{path} has no line {edit.line}")
        line = lines[edit.line - 1]
        end = _end(line)
        body = line[: len(line) - len(end)]
        if body[edit.start : edit.end] != edit.old or edit.end > len(body):
            raise _Stale(f"{path}:{edit.line} is not what was judged")
        body = body[: edit.start] + edit.new.replace("\n", end or ending) + body[edit.end :]
        lines[edit.line - 1] = body + end if body or not edit.old else ""
    return "".join(lines)


def _names(line: str, name: str) -> bool:
    return line.strip().removeprefix("export ").partition("=")[0].strip() == name and "=" in line


def _end(line: str) -> str:
    return line[len(line.rstrip("\r\n")) :]
