"""From all that was read to the map: servers and poolers first, then everybody who connects to them."""

import posixpath
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from poolcheck import catalogue
from poolcheck.model.amount import exact
from poolcheck.model.context import Context
from poolcheck.project import assumptions
from poolcheck.project.collected import Collected, lines_of, together
from poolcheck.project.mapping import from_packages
from poolcheck.project.mapping.amounts import LIMIT_WORDS
from poolcheck.project.mapping.draft import MapDraft
from poolcheck.project.packages import PROCESS_FILES
from poolcheck.readers.index import declared

if TYPE_CHECKING:
    from poolcheck.project.packages import Packages


def collect(so_far: Collected, packages: "Packages", names: Sequence[str]) -> Collected:
    """The map of the project, the lines that it points at, and what could not be read for it."""
    ctx = Context(catalogue=catalogue, assumed=assumptions.assumed_drivers(packages.config))
    draft = MapDraft(so_far, packages, ctx, assumptions.numbers(so_far, packages.config))
    for config in so_far.poolers:
        if not config.container and config.databases:
            draft.ends.declare_pooler("", (), config, exact(1, "1 process", None, "default"))
    if any(name.endswith((".yaml", ".yml")) for name in names):
        from poolcheck.project.mapping import from_compose, from_kubernetes  # noqa: PLC0415 - only where there is YAML
        from poolcheck.project.pooler_files import composes_of  # noqa: PLC0415 - as above

        composes = [each for each in composes_of(packages, names) if not each.development]
        cluster = from_kubernetes.Cluster(draft, names)
        for compose in composes:
            from_compose.declare(draft, compose)
        from_kubernetes.declare(draft, cluster)
        for compose in composes:
            from_compose.collect(draft, compose)
        from_kubernetes.collect(draft, cluster)
    if any(_deploys(packages, name) for name in names):
        from poolcheck.project.mapping import from_platforms  # noqa: PLC0415 - only where a file deploys something

        from_platforms.collect(draft, names)
        draft.terraform = from_platforms.terraform_servers(packages, names)
    from_packages.collect(draft)
    made = draft.finish()
    # of a string alone PC204 tells
    deployed = any(each.deployed for each in made.clients) or any(not each.provided for each in made.poolers)
    poolers = tuple(replace(each, package=packages.of(each.location.path)) for each in draft.poolers)
    own = Collected(
        map=made,
        skipped=tuple(draft.skipped),
        subjects=poolers,
        poolers=poolers,
        groups=frozenset(("6" if deployed else "") + ("5" if poolers else "")),
    )
    paths = dict.fromkeys(client.place.path for client in made.clients if client.deployed)
    paths |= dict.fromkeys(each.location.path for each in poolers)
    return together(
        (own, *(lines_of(path, packages.text(path)) for path in paths if path not in so_far.lines))
    )


def _deploys(packages: "Packages", name: str) -> bool:
    """Whether a file may say what runs how often: a cheap test, before any reader of platforms is imported."""
    base = posixpath.basename(name)
    named = base.startswith("Procfile") or base in declared("deploy", "FILES")["platforms"]
    if named or name.endswith((".tf", ".yaml", ".yml")) or PROCESS_FILES.search(base):
        return True
    text = packages.text(name) if packages.kind_of(name) == "platform" else None
    return text is not None and any(word in text for word in LIMIT_WORDS)
