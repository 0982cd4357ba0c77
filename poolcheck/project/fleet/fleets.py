"""The project's sums: what all services together ask of each server, with the place of every number.

A number that no file tells is not guessed: the sum is then left out, and `Skipped` says what is missing. The number of
processes alone is taken as 1 where a command does not say more: what is found is then the least that can happen.
"""

import posixpath
from collections.abc import Sequence
from typing import TYPE_CHECKING

from poolcheck import catalogue
from poolcheck.model.context import Context
from poolcheck.project import assumptions
from poolcheck.project.collected import Collected, lines_of, together
from poolcheck.project.fleet.ledger import LIMIT_WORDS, Ledger, Project
from poolcheck.project.packages import PROCESS_FILES
from poolcheck.project.pooler_files import composes_of
from poolcheck.readers.index import declared

if TYPE_CHECKING:
    from poolcheck.project.packages import Packages


def collect(so_far: Collected, packages: "Packages", names: Sequence[str]) -> Collected:
    """The sums of the project: its subjects, the lines they point at, and what is missing."""
    ctx = Context(catalogue=catalogue, assumed=assumptions.assumed_drivers(packages.config))
    project = Project(so_far, packages, ctx, assumptions.numbers(so_far, packages.config))
    ledger = Ledger()
    if any(name.endswith((".yaml", ".yml")) for name in names):
        from poolcheck.project.fleet import from_compose, from_kubernetes  # noqa: PLC0415 - only where there is YAML

        for compose in composes_of(packages, names):
            if not compose.development:
                from_compose.collect(ledger, project, compose)
        from_kubernetes.collect(ledger, project, names)
    terraform = None
    if any(_deploys(packages, name) for name in names):
        from poolcheck.project.fleet import from_platforms  # noqa: PLC0415 - only where a file deploys something

        from_platforms.collect(ledger, project, names)
        terraform = from_platforms.terraform_limit(packages, names)
    fleets = tuple(ledger.fleets(project.numbers, terraform))
    own = Collected(
        subjects=fleets,
        sums=len(fleets),
        skipped=tuple(ledger.skipped),
        groups=frozenset("6") if fleets else frozenset(),
    )
    paths = dict.fromkeys(fleet.location.path for fleet in fleets)
    return together((own, *(lines_of(path, packages.text(path)) for path in paths)))


def _deploys(packages: "Packages", name: str) -> bool:
    """Whether a file may say what runs how often: a cheap test, before any reader of platforms is imported."""
    base = posixpath.basename(name)
    named = base.startswith("Procfile") or base in declared("deploy", "FILES")["platforms"]
    if named or name.endswith((".tf", ".yaml", ".yml")) or PROCESS_FILES.search(base):
        return True
    text = packages.text(name) if packages.kind_of(name) == "platform" else None
    return text is not None and any(word in text for word in LIMIT_WORDS)
