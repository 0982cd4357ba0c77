"""Manifests and lock files of every ecosystem: which packages a project uses, and in which version.

One module of this package for each ecosystem; its `FILES` says which names it reads, and no list has it.
Text in, `Manifest` out; no file is opened here and no text makes a reader raise. A lock file's version wins over
the manifest's range, the nearest manifest over those above it.
"""

import importlib
import posixpath
from collections.abc import Callable, Iterable, Mapping, Sequence

from poolcheck.model.project import UNKNOWN_VERSION, DriverUse, Version
from poolcheck.readers.index import manifest_of
from poolcheck.readers.manifests.types import Dependency, Manifest, UnreadableFile

__all__ = ["Dependency", "Manifest", "UnreadableFile", "drivers", "names", "read"]


def read(text: str, path: str) -> Manifest:
    """The packages of one manifest. What cannot be read says so in `problem`.

    Raises:
        ValueError: no module reads a file of that name.
    """
    place = manifest_of(path)
    if place is None:
        raise ValueError(f"not a manifest: {path}")
    module, pattern = place
    reader: Callable[[str, str], Manifest] = importlib.import_module(
        f"poolcheck.readers.manifests.{module}"
    ).FILES[pattern]
    return reader(text, path)


def names(manifests: Iterable[Manifest]) -> frozenset[str]:
    """The direct dependencies of all manifests, as "npm:next" or "pypi:psycopg[pool]"; locks where they tell their own."""
    return frozenset(
        key
        for manifest in manifests
        for dependency in manifest.dependencies
        if dependency.direct and not dependency.member
        for key in _keys(manifest, dependency)
    )


def drivers(manifests: Sequence[Manifest], known: Mapping[str, str]) -> tuple[DriverUse, ...]:
    """The drivers that these manifests ask for, each once, in the order of the manifests.

    Where one driver has several packages (prisma and @prisma/client), the nearest manifest tells its version;
    in one manifest a package whose major is known, then one that is not for development only.

    Args:
        manifests: manifests and lock files of one package, nearest first, then those of the folders above.
        known: package name ("npm:pg", "pypi:psycopg", "pypi:psycopg[pool]") → driver id.
    """
    locks = [manifest for manifest in manifests if manifest.lock]
    # A lock file without a readable manifest beside it (a lone Gemfile.lock) speaks for itself.
    beside = {
        (posixpath.dirname(one.path), one.ecosystem)
        for one in manifests
        if not one.lock and one.problem is None
    }
    best: dict[str, tuple[tuple[int, bool, bool, int], DriverUse]] = {}
    for place, manifest in enumerate(manifests):
        if manifest.lock and (posixpath.dirname(manifest.path), manifest.ecosystem) in beside:
            continue
        for position, dependency in enumerate(manifest.dependencies):
            if dependency.direct is False or dependency.member:
                continue
            for driver in (known[key] for key in _keys(manifest, dependency) if key in known):
                version, source, line = _resolve(manifest, dependency, locks)
                weight = (place, not version.parts, dependency.dev, position)
                if driver not in best or weight < best[driver][0]:
                    best[driver] = (weight, DriverUse(driver, version, source, line))
    return tuple(
        use for _, use in sorted(best.values(), key=lambda found: (found[0][0], found[0][3], found[1].id))
    )


def _keys(manifest: Manifest, dependency: Dependency) -> tuple[str, ...]:
    """The names a dependency is known under: "pypi:psycopg" and, with extras, "pypi:psycopg[pool]"."""
    name = f"{manifest.ecosystem}:{dependency.name}"
    return (name, *(f"{name}[{extra}]" for extra in dependency.extras))


def _resolve(
    manifest: Manifest, dependency: Dependency, locks: Sequence[Manifest]
) -> tuple[Version, str, int | None]:
    """The version, from a lock file above the manifest if one answers, and the file and line that say so.

    A lock file left over from another package manager may contradict the manifest: one that fits its major is preferred.
    """
    declared = dependency.version
    answers: list[tuple[Version, str, int | None]] = []
    if not manifest.lock:
        folder = posixpath.dirname(manifest.path)
        for lock in locks:
            base = posixpath.dirname(lock.path)
            # Paths are relative to where poolcheck was started, and may climb: "../../pnpm-lock.yaml".
            member = posixpath.relpath(folder or ".", base or ".")
            if lock.ecosystem != manifest.ecosystem or member.split("/")[0] == "..":
                continue
            held = _held(lock, dependency, member)
            if held is not None:
                answers.append((held.version, lock.path, held.line))
    for answer in answers:
        if answer[0].exact and declared.major in (None, answer[0].major):
            return answer
    if answers and declared == UNKNOWN_VERSION:
        return answers[0]
    fitting = [answer for answer in answers if not declared.parts and answer[0].parts]
    return fitting[0] if fitting else (declared, manifest.path, dependency.line)


def _held(lock: Manifest, dependency: Dependency, member: str) -> Dependency | None:
    """The lock file's entry for this dependency of this member folder."""
    same = [one for one in lock.dependencies if one.name == dependency.name]
    own = [one for one in same if one.local == dependency.local and not one.wanted]
    member = "" if member == "." else member
    while own:
        for one in own:
            if one.member == member:
                return one
        if not member:
            break
        member = posixpath.dirname(member)
    for one in same:
        if dependency.version.text in one.wanted:
            return one
    versions = {one.version for one in same if one.version.exact}
    return same[0] if len(versions) == 1 and same[0].version.exact else None
