"""Clients that no deployment file starts: a package by its env files and its code, or a string that was given."""

import posixpath
import re
from collections.abc import Iterable

from poolcheck.model.problem import Location
from poolcheck.model.project import Package
from poolcheck.model.roles import DRIVER, other_driver
from poolcheck.model.target import Target, on_this_machine
from poolcheck.project.mapping.draft import MapDraft, Running, Way, app_targets
from poolcheck.project.mapping.pools import NOTHING_SET, same

_CONFIG = re.compile(r"(?:^|/)(?:database\.(?:ya?ml|php)|application[\w.-]{0,60}\.(?:ya?ml|properties))$")
_UNREAD = re.compile(r"(?:maven|nuget|gem|hex|composer|crate):")
_FRAMEWORKS = frozenset(  # that make the pool themselves
    f"npm:{name}"
    for name in ("@strapi/strapi", "@adonisjs/lucid", "@keystone-6/core", "@payloadcms/db-postgres", "@medusajs/medusa", "directus")
)  # fmt: skip


def collect(draft: MapDraft) -> None:
    """Each package whose strings or pools no deployed client has; one client for each stage of it."""
    reached: dict[object, set[object]] = {}
    for each in draft.running:
        if each.package is not None:
            reached.setdefault(same(each.package), set()).update(_ends(each.ways))
    deployed = set(reached)
    found = app_targets(draft.found.targets) or _examples(draft.found.targets)
    groups: dict[tuple[object, str], list[tuple[Target, Way]]] = {}
    homes: dict[tuple[object, object], str] = {}  # the stage that a package's end was first met in
    routed = {(way.place.path, way.place.line, way.variable) for each in draft.running for way in each.ways}
    routed |= draft.passed
    for target in found:
        if (target.location.path, target.location.line, target.name) in routed:
            continue
        way = draft.way_of_target(target)
        if target.origin != "argument" and (_of_containers(way) or draft.ends.in_several(target.conn.host)):
            continue  # a name that holds between the containers of a file: its services are the clients
        key = same(target.package)
        if reached.get(key, set()).isdisjoint(_ends((way,))):
            # files that lead to one server are one deployment: a later file of a cascade wins, or another says the same
            stage = target.stage if target.origin in ("env", "parts", "config") else ""
            stage = homes.setdefault((key, way.end.pooler or way.end.server), stage)
            groups.setdefault((key, stage), []).append((target, way))
    real = [key for (key, _), pairs in groups.items() if not on_this_machine(pairs[0][0])]
    several = {key for key in real if real.count(key) > 1}
    migrations = [
        each
        for each in draft.found.targets
        if each.role == "migration" and each.active and not each.commented and not each.conn.has_placeholder
    ]
    for (key, stage), pairs in groups.items():
        target = pairs[0][0]
        name = "this connection string" if target.origin == "argument" else _title(target.package)
        mark = stage or posixpath.basename(target.location.path)
        apart = key in several or key in deployed or (key in real and on_this_machine(target))
        name = f"{name} ({mark})" if apart else name
        files = {each.location.path for each, _ in pairs if each.origin in ("env", "parts")}
        beside = [draft.way_of_target(each) for each in migrations if each.location.path in files and same(each.package) == key]  # fmt: skip
        _add(draft, name, (target.location, target.package), (*(way for _, way in pairs), *beside), files)
    seen = deployed | {key for key, _ in groups}
    # a workload whose program is not known may run it, and is asked about already
    anonymous = any(each.deployed and each.package is None and each.pools is None for each in draft.running)
    for package in (*draft.packages.known(), *draft.reader.packages()):
        made = draft.reader.makes(package, code=draft.found.looked_at_source or not anonymous)
        if same(package) in seen or not made:
            continue
        seen.add(same(package))
        at = made[0]
        known = tuple(draft.of_config(package, NOTHING_SET, at)) or tuple(draft.of_code(package, at))
        if not known:
            end = draft.ends.of_reference("the database")
            known = (Way(variable="", role="app", end=end, place=at),)
        _add(draft, _title(package), (at, package), known)
    _by_manifest(draft, seen)


def _by_manifest(draft: MapDraft, seen: set[object]) -> None:
    """Where nothing else is a client: the packages that bring a driver of PostgreSQL, in languages whose calls are not read."""
    if draft.running or any(_CONFIG.search(name) for name in draft.packages.names):
        return  # what a config says was read
    for package in draft.packages.known():
        brought = [each for each in package.dependencies if _UNREAD.match(each) and DRIVER.search(each)]
        if not package.dependencies.isdisjoint(_FRAMEWORKS):
            brought += [each for each in package.dependencies if DRIVER.search(each)]
        if not brought or same(package) in seen or other_driver(package.dependencies):
            continue
        seen.add(same(package))
        at = Location(next((each for each in package.manifests if "lock" not in each), package.manifests[0]))
        end = draft.ends.of_reference("the database")
        _add(draft, _title(package), (at, package), (Way(variable="", role="app", end=end, place=at),))


def _of_containers(way: Way) -> bool:
    scope = way.end.server.key.scope if way.end.server is not None and way.end.server.declared else ""
    if way.end.pooler is not None and way.end.pooler.config is not None:
        scope = way.end.pooler.scope
    return scope.endswith((".yml", ".yaml"))


def _examples(targets: tuple[Target, ...]) -> list[Target]:
    """An example file shows what to write; it speaks only where nothing real does."""
    return [each for each in targets if each.role == "app" and each.active and not each.commented and each.example_file and not each.conn.has_placeholder]  # fmt: skip


def _ends(ways: tuple[Way, ...]) -> list[object]:
    return [way.end.pooler or way.end.server for way in ways if way.role == "app"]


def _title(package: Package) -> str:
    return package.title.rpartition("/")[2] or posixpath.basename(package.path.strip(".")) or "the app"


def _add(
    draft: MapDraft,
    name: str,
    place: tuple[Location, Package],
    ways: tuple[Way, ...],
    files: Iterable[str] = (),
) -> None:
    """A client with the variables of its env files."""
    at, package = place
    environment = {each.key: each.value for path in sorted(files) for each in draft.assignments(path)}
    running = draft.commands.amount((), at, environment, package.path if package.manifests else None)
    draft.running.append(
        Running(
            name=name, place=at, ways=ways, package=package, processes=running.processes, threads=running.threads,
            environment=running.environment, deployed=False,
        )
    )  # fmt: skip
