"""From all that was read to the map: servers and poolers first, then everybody who connects to them."""

import posixpath
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from poolcheck import catalogue
from poolcheck.model.amount import exact
from poolcheck.model.context import Context
from poolcheck.model.target import Target
from poolcheck.project import assumptions
from poolcheck.project.collected import Collected, lines_of, together
from poolcheck.project.mapping import from_packages, from_sql, routed
from poolcheck.project.mapping.amounts import LIMIT_WORDS
from poolcheck.project.mapping.draft import MapDraft
from poolcheck.project.packages import PROCESS_FILES
from poolcheck.readers.index import declared

_RETIRED = re.compile(
    r"(?:^|/)[._-]*(?:archived?|attic|deprecated|disabled|retired|unused)/"
)  # kept, and not deployed

if TYPE_CHECKING:
    from poolcheck.project.packages import Packages


def collect(so_far: Collected, packages: "Packages", names: Sequence[str]) -> Collected:
    """What was read with the map of the project, the strings of its deployment files, and the lines that both point at."""
    ctx = Context(catalogue=catalogue, assumed=assumptions.assumed_drivers(packages.config))
    names = [name for name in names if _RETIRED.search(packages.below(name)) is None]
    draft = MapDraft(so_far, packages, ctx, assumptions.numbers(so_far, packages.config))
    alone = [each for each in so_far.poolers if not each.container and each.databases]
    resources = Counter(each.resource for each in alone)
    for config in alone:
        alias = (config.resource,) if config.resource and resources[config.resource] == 1 else ()
        draft.ends.declare_pooler("", alias, config, exact(1, "1 process", None, "default"))
    held: tuple[Target, ...] = ()
    if any(name.endswith((".yaml", ".yml")) for name in names):
        from poolcheck.project.mapping import from_compose, from_kubernetes  # noqa: PLC0415 - only where there is YAML
        from poolcheck.project.pooler_files import composes_of  # noqa: PLC0415 - as above
        from poolcheck.readers.deploy.compose import overlaid  # noqa: PLC0415 - as above

        composes = [each for each in overlaid(composes_of(packages, names)) if not each.development]
        cluster = from_kubernetes.Cluster(draft, names)
        for compose in composes:
            from_compose.declare(draft, compose)
        from_kubernetes.declare(draft, cluster)
        for compose in composes:
            from_compose.collect(draft, compose)
        from_kubernetes.collect(draft, cluster)
        held = tuple(from_kubernetes.strings(draft, cluster))
    if any(_deploys(packages, name) for name in names):
        from poolcheck.project.mapping import from_platforms  # noqa: PLC0415 - only where a file deploys something

        from_platforms.collect(draft, names)
    scripts = [name for name in names if packages.kind_of(name) == "sql"]
    if scripts:
        draft.sql = from_sql.read(packages, scripts)
    from_packages.collect(draft)
    made = draft.finish()
    targets = routed.targets(draft, so_far.targets, held)
    # of a string alone PC204 tells, of a pool where instances come and go PC603, of one that has no limit PC605
    deployed = any(
        each.deployed
        or (each.pools and each.runtime in ("serverless", "edge"))
        or any(pool.unbounded for pool in each.pools)
        for each in made.clients
    )
    deployed = deployed or any(not each.provided for each in made.poolers)
    poolers = tuple(replace(each, package=packages.of(each.location.path)) for each in draft.poolers)
    own = Collected(
        map=made,
        skipped=tuple(draft.skipped),
        subjects=poolers,
        poolers=poolers,
        groups=frozenset(("6" if deployed else "") + ("5" if poolers else "")),
    )
    paths = [client.place.path for client in made.clients if client.deployed]
    paths += [each.location.path for each in poolers]
    paths += [each.location.path for each in targets if each.origin == "deployment"]
    more = (lines_of(path, packages.text(path)) for path in dict.fromkeys(paths) if path not in so_far.lines)
    return replace(together((so_far, own, *more)), map=made, targets=targets)


def _deploys(packages: "Packages", name: str) -> bool:
    """Whether a file may say what runs how often: a cheap test, before any reader of platforms is imported."""
    base = posixpath.basename(name)
    named = base.startswith("Procfile") or base in declared("deploy", "FILES")["platforms"]
    if named or name.endswith((".tf", ".yaml", ".yml")) or PROCESS_FILES.search(base):
        return True
    text = packages.text(name) if packages.kind_of(name) == "platform" else None
    return text is not None and any(word in text for word in LIMIT_WORDS)
