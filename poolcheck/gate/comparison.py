"""The budget as a diff: the sums of the map as it was at a revision, beside those of now; and what of the findings counts."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from poolcheck import rules
from poolcheck.capacity.asked import Asked
from poolcheck.capacity.changes import changes
from poolcheck.config.settings import Config
from poolcheck.diagnosis import engine
from poolcheck.errors import PoolcheckError
from poolcheck.gate import changed
from poolcheck.model.context import Context
from poolcheck.model.finding import Finding
from poolcheck.model.report import Skipped
from poolcheck.model.verdict import PeakChange, PeakSum
from poolcheck.project.past import Past
from poolcheck.record import dataclass
from poolcheck.text import clean, plural

NO_FILES = {  # what stands for a path where a string came from none
    "": "an argument has no past",
    "-": "standard input has no past",
    "environment": "a variable has no past",
}
SUMS = (Asked, PeakSum)  # the subjects of rules about a sum


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """What a change does to the sums; where that cannot be told, why, and no changes."""

    revision: str
    changes: tuple[PeakChange, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    excused: frozenset[str] = frozenset()  # fingerprints of findings of sums that did not rise

    def excusing(self, rows: Sequence[Asked | PeakSum], context: Context) -> "Compared":
        """With the findings that the rules make of those of the rows that did not rise, and of no other."""
        own = [each for each in rules.load(frozenset("26")) if each.subject in SUMS]
        raised: dict[tuple[str, str], bool] = {}  # of a row without a change nobody can tell
        for change in self.changes:
            key = (change.name, change.against)
            raised[key] = change.raised or raised.get(key, False)
        found: dict[bool, set[str]] = {True: set(), False: set()}
        for row in rows:
            judged = engine.run(own, [row], context)
            rose = raised.get((row.name, row.against), True)
            found[rose].update(each.fingerprint for each in judged.findings)
        return replace(self, excused=frozenset(found[False] - found[True]))

    def count(
        self,
        findings: Sequence[Finding],
        looked_at: Collection[str],
        notes: list[str],
    ) -> tuple[tuple[Finding, ...], frozenset[str]]:
        """The findings of what changed: of files by the file, of sums by the sum. And the files that did not change.

        What does not count is said in `notes`.

        Raises:
            BadInput: git cannot tell.
        """
        shown = clean(self.revision, limit=60)
        paths = {each.location.path for each in findings if each.location} | set(looked_at)
        same = changed.unchanged(self.revision, Path(), paths)
        kept, of_sums, of_files = [], 0, 0
        for each in findings:
            if each.rule.subject in SUMS:
                counts = each.fingerprint not in self.excused
                of_sums += not counts
            else:
                counts = each.location is None or each.location.path not in same
                of_files += not counts
            kept += [each] if counts else []
        if of_files:
            notes.append(
                f"{plural(of_files, 'finding')} in files that have not changed since {shown}: not counted."
            )
        if of_sums:
            notes.append(
                f"{plural(of_sums, 'finding')} of sums that no change since {shown} raises: not counted."
            )
        if not of_files and not of_sums:
            notes.append(
                f"Only files that have changed since {shown} count, and sums whose peak at deploy rose."
            )
        return tuple(kept), same


def compare(
    revision: str,
    rows: Sequence[Asked],
    rows_of: Callable[[Past, Config], Sequence[Asked]],
    over: Callable[[Mapping[str, bytes | None]], Config],
    config: Config,
) -> Compared:
    """Compare the rows of now with those of the map as it was where HEAD and the revision part.

    Args:
        revision: as given.
        rows: of now.
        rows_of: collects the project of a past, with a config, and gives its rows.
        over: the options over a config file, with what is read in place of its content.
        config: of now.

    Raises:
        BadInput: no git, no repository, no such revision.
    """
    with changed.past(revision, Path()) as past:
        try:
            was = rows_of(past, _config(past, over, config))
            made = changes(was, rows, {**past.unclear, **NO_FILES})
        except PoolcheckError as error:
            what = f"the sums as they were at {clean(revision, limit=60)}"
            why = f"{error.message}, so every finding of a sum counts"
            return Compared(revision=revision, skipped=(Skipped(what, why, error.hint),))
    return Compared(revision=revision, changes=made)


def _config(past: Past, over: Callable[[Mapping[str, bytes | None]], Config], config: Config) -> Config:
    """The numbers that the config told then; which files belong to the project, it tells now."""
    if not config.path:
        return config
    try:
        then = over({config.path: past.content(config.path)})
    except OSError:
        return config
    return replace(then, exclude=config.exclude, per_path=config.per_path)
