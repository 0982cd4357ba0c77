"""What `fix` does, as a function: the sheet, the diff, or the edits written and the project linted again."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from poolcheck import rules
from poolcheck.capacity.measured import measured
from poolcheck.config.settings import Configured
from poolcheck.config.staged import leftovers
from poolcheck.diagnosis import engine, lint
from poolcheck.diagnosis.ground import ground_of
from poolcheck.diagnosis.sheet import NOTHING, SheetLook, heading, sheet
from poolcheck.errors import BadInput
from poolcheck.fix import rounds, write
from poolcheck.fix.diff import diff
from poolcheck.fix.production import where_it_counts
from poolcheck.fix.rounds import HeldMend, Mend, MendChoice, Mended
from poolcheck.fix.write import NewContent
from poolcheck.model.finding import Finding
from poolcheck.model.fixing import Asked, Change, FileDone, Fixing
from poolcheck.model.look import Look, NoEntry, PoolerLook
from poolcheck.model.report import Report
from poolcheck.project import assumptions, collect
from poolcheck.project.collected import Collected
from poolcheck.record import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class FixOptions:
    """What the command line says beyond the settings."""

    asked: Asked = "sheet"
    choice: MendChoice = MendChoice()
    backup: bool = False
    force: bool = False
    live: str | None = None  # a connection string to look at as well


def fix(what: Sequence[str], settings: Configured, options: FixOptions) -> Report:
    """The five steps for a project, its edits, or the edits made.

    Raises:
        PoolcheckError: bad config, bad input, no such rule, nothing to check, or a file that must not be written.
    """
    what = tuple(what) or (".",)
    engine.check_selection(engine.Selection(options.choice.select), rules.names())
    if options.asked == "write" and "-" in what:
        raise BadInput(
            "standard input cannot be written back", "Name the file, or look at the edits with --diff."
        )
    seen = _look(options.live, settings) if options.live else None
    # The sheet names what --unsafe would make as well; nothing is made here but in memory.
    choice = options.choice if options.asked != "sheet" else replace(options.choice, unsafe=True, ask=None)
    mended = rounds.mend(what, settings, choice)
    files: tuple[FileDone, ...] = ()
    if options.asked == "write":
        files = _write(mended, options)
        found = collect.collect(what, mended.config)
        report = lint.report_on(found, mended.config, what)
    else:
        found, report = mended.read, mended.before
    return _report(report, mended, options, seen=seen, files=files, found=found)


def _write(mended: Mended, options: FixOptions) -> tuple[FileDone, ...]:
    """Env files first: a schema that reads a new variable must not be there before the variable is."""
    order = sorted(mended.texts, key=lambda path: (path.endswith((".prisma", ".ts", ".js")), path))
    contents = []
    for path in order:
        old, new = mended.texts[path]
        contents.append(
            NewContent(path=path, before=None if old is None else old.encode(), after=new.encode())
        )
    done = write.write(contents, backup=options.backup, force=options.force)
    return tuple(
        FileDone(path=each.path, target=each.target, backup=each.backup, created=each.created)
        for each in done
    )


def _report(
    report: Report,
    mended: Mended,
    options: FixOptions,
    *,
    seen: Report | None,
    files: tuple[FileDone, ...],
    found: Collected,
) -> Report:
    """The report on the project as it is on the disk now, with the sheet for it."""
    context = assumptions.context(found, mended.config)
    findings: tuple[Finding, ...] = (*report.findings, *(seen.findings if seen else ()))
    looks = (
        SheetLook(
            tuple(section for section in seen.sections if isinstance(section, Look)),
            tuple(section for section in seen.sections if isinstance(section, NoEntry)),
            tuple(section for section in seen.sections if isinstance(section, PoolerLook)),
        )
        if seen
        else NOTHING
    )
    if looks.looks:
        told = looks.looks[0].snapshot.server
        hosts = {target.conn.host for target in seen.targets} if seen else set()
        context = replace(context, numbers=told.over(context.numbers), map=measured(context.map, hosts, told))
    ground = ground_of(findings, context, looked_at_source=found.looked_at_source)
    steps = sheet(ground, looks)
    section = Fixing(
        asked=options.asked,
        heading=heading(ground),
        steps=steps if context.targets else (),
        made=tuple(change for each in mended.made for change in _changes(each, written=bool(files))),
        held=tuple(_held(each) for each in mended.held),
        diff=diff(mended.texts) if options.asked != "sheet" else (),
        files=files,
        besides=(
            *dict.fromkeys(note for each in mended.made for note in each.notes),
            *dict.fromkeys(where_it_counts(mended.made, mended.read.targets)),
            *(f"{file.backup} holds the old content: keep it out of git." for file in files if file.backup),
        ),
        # Also where nothing was left to write: a run that was killed behind its last rename has written all.
        leftovers=tuple(leftovers([str(Path(path).parent) for path in (*mended.texts, *found.lines)]))
        if options.asked == "write"
        else (),
    )
    return replace(
        report,
        command="fix",
        again=None,
        findings=findings,
        skipped=(*report.skipped, *(seen.skipped if seen else ())),
        fix_path=section.steps,
        sections=(*(seen.sections if seen else ()), section),
        notes=(*report.notes, *(seen.notes if seen else ())),
        exit_code=report.exit_code if seen is None or seen.exit_code is None else seen.exit_code,
    )


def _look(dsn: str, settings: Configured) -> Report:
    """One look at the server; a refusal is part of the report."""
    from poolcheck.live import look as looking  # noqa: PLC0415 - brings psycopg

    return looking.live(looking.LookOptions(dsn=dsn), settings)


def _changes(each: Mend, *, written: bool) -> Iterator[Change]:
    """What was made: the mend at its first edit, and once it is written what went with it in other files."""
    yield _change(each)
    first = each.edits[0].path
    for edit in each.edits:
        if written and edit.path != first:
            yield Change(
                rule=each.rule, subject=each.subject, path=edit.path, line=edit.line, title=edit.shown.strip().splitlines()[-1].strip(), safe=each.safe
            )  # fmt: skip


def _change(each: Mend, why: str = "") -> Change:
    first = each.edits[0]
    return Change(
        rule=each.rule, subject=each.subject, path=first.path, line=first.line, title=each.title, safe=each.safe, why=why
    )  # fmt: skip


def _held(each: HeldMend) -> Change:
    return _change(each.mend, each.why)
