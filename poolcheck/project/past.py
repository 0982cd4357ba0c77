"""The project as a commit holds it: its content laid over the files of now, in memory. Nothing is written anywhere.

What git does not hold is taken as it is now, and named in `unclear`: an env file that .gitignore names, another
repository in the folder, a file outside.
"""

import os
import posixpath
from typing import TYPE_CHECKING, Literal

from poolcheck.config.disk import MB, read_limited
from poolcheck.config.path_patterns import path_patterns
from poolcheck.project.git import FILES, LINK, GitEntry, GitSilent, Repository
from poolcheck.project.walk import SKIP
from poolcheck.readers import languages
from poolcheck.readers.env import dotenv

if TYPE_CHECKING:
    from poolcheck.project.packages import Packages

MOST_FILES = 10_000  # that differ; more are not compared
LARGEST, MOST = 6 * MB, 48 * MB  # bytes of one file, as much as is ever read of one, and of all
LINKS = 8  # from link to link
Was = GitEntry | Literal["same", "absent", "unclear"]


class Past:
    """One commit of an open repository, and how the files of now differ from it."""

    def __init__(self, repository: Repository, commit: str) -> None:
        """Raises GitSilent: the commit cannot be listed."""
        self.unclear: dict[str, str] = {}  # by file: why it is taken as it is now
        self._repository = repository
        self._held = repository.listing(commit)
        self._folders: dict[str, str | None] = {}  # as the repository names them, with a slash
        self._foreign: dict[str, bool] = {
            "": False
        }  # by folder of the repository: whether it is another one's

    def content(self, path: str) -> bytes | None:
        """What one file held; None: it was not there. Of a file that is the same, or not to be compared, its bytes of now.

        Raises:
            GitSilent: git cannot be asked.
            OSError: it cannot be read.
        """
        was = self._was(path)
        if was == "absent":
            return None
        if isinstance(was, GitEntry) and (found := self._repository.blobs([was.id], LARGEST)):
            return found[was.id]
        return read_limited(path, LARGEST)

    def lay_over(self, packages: "Packages", env: dict[str, None]) -> None:
        """Make the files that were found those of the commit: contents, those that came, those that are gone.

        Args:
            packages: after all folders were looked through, before anything was read.
            env: the env files, and whatever else was named; changed in place.

        Raises:
            GitSilent: git cannot be asked, or too much differs.
        """
        changed: dict[str, GitEntry] = {}
        for name in list(dict.fromkeys((*packages.names, *packages.sources, *env))):
            was = self._was(name)
            if was == "absent":
                for names in (packages.names, packages.sources, env):
                    names.pop(name, None)
            elif isinstance(was, GitEntry):
                changed[name] = was
        gone = self._gone(packages)
        if len(changed) + len(gone) > MOST_FILES:
            raise GitSilent(f"{len(changed) + len(gone):,} files differ: more than {MOST_FILES:,}")
        differ = {**changed, **gone}
        blobs = self._repository.blobs((each.id for each in differ.values()), LARGEST)
        if sum(map(len, blobs.values())) > MOST:
            raise GitSilent(f"the files that differ have more than {MOST // MB} MB")
        for name, entry in differ.items():
            if entry.id not in blobs:
                self.unclear[name] = f"git has no content of it, or more than {LARGEST // MB} MB"
        read = {name: blobs[entry.id] for name, entry in differ.items() if entry.id in blobs}
        packages.instead = {**packages.instead, **read}
        self._add([name for name in gone if name in read], packages, env)

    def _add(self, names: list[str], packages: "Packages", env: dict[str, None]) -> None:
        """Files that are gone take their places again, in the order of a walk."""
        for name in names:
            if dotenv.matches(posixpath.basename(name)):
                env[name] = None
                continue
            if packages.kind_of(name):
                packages.names[name] = None
                if any(deep and name.startswith(folder) for folder, deep in packages.folders.items()):
                    packages.walked.append(name)
            if languages.matches(name):
                packages.sources[name] = None
        there = packages.names
        packages.walked = sorted((name for name in packages.walked if name in there), key=_as_walked)
        packages.named = [name for name in packages.named if name in there]
        if names:
            for found in (packages.names, packages.sources, env):
                order = sorted(found, key=_as_walked)
                found.clear()
                found.update(dict.fromkeys(order))

    def _gone(self, packages: "Packages") -> dict[str, GitEntry]:
        """What the commit holds and is there no more, by the name under which it would have been found."""
        own = path_patterns(packages.config.exclude) if packages.config.exclude else None
        folders = {}
        for shown, deep in packages.folders.items():
            place = self._folder(os.path.abspath(shown))
            if place is not None:
                folders[place] = (shown, deep)
        found: dict[str, GitEntry] = {}
        for place, entry in self._held.items():
            base = posixpath.basename(place)
            if entry.mode not in FILES or not _safe(place):
                continue
            for folder, (shown, deep) in folders.items():
                inner = place[len(folder) :]
                if not place.startswith(folder) or (not deep and "/" in inner):
                    continue
                name = shown + inner
                wanted = packages.kind_of(name) is not None
                wanted = wanted or (deep and (dotenv.matches(base) or languages.matches(name)))
                skipped = not SKIP.isdisjoint(inner.split("/")[:-1]) or (own and own.match_file(inner))
                if wanted and not skipped and not os.path.lexists(os.path.join(self._repository.top, place)):
                    found[posixpath.normpath(name)] = entry
        return found

    def _was(self, name: str) -> Was:
        """What a file that is there now was in the commit."""
        path = os.path.abspath(name)
        for _ in range(LINKS):
            place = self._place(path)
            if place is None or self._is_foreign(posixpath.dirname(place)):
                return self._not_clear(name, "it lies in another repository, or in none")
            entry = self._held.get(place)
            if not os.path.islink(path):
                break
            to = os.readlink(path)
            if entry is None or entry.mode != LINK or not entry.holds(os.fsencode(to)):
                return self._not_clear(name, "it is a link, or was one")
            path = os.path.join(os.path.dirname(path), to)
        else:
            return self._not_clear(name, "its links lead to links")
        if entry is None:
            if dotenv.matches(posixpath.basename(place)) and not self._repository.index(place):
                return self._not_clear(name, "git does not hold it")
            return "absent"
        if entry.mode not in FILES:
            return self._not_clear(name, "it was a link, or a repository")
        try:
            return "same" if entry.holds(read_limited(path, LARGEST)) else entry
        except OSError:
            return self._not_clear(name, "it cannot be read")

    def _place(self, path: str) -> str | None:
        folder, base = os.path.split(path)
        place = self._folder(folder)
        return None if place is None else place + base

    def _folder(self, path: str) -> str | None:
        """What stands before the names of a folder's files: "", or its place and a slash; None outside."""
        if path not in self._folders:
            place = self._repository.place(os.path.join(path, "x"))
            self._folders[path] = None if place is None else place[:-1]
        return self._folders[path]

    def _not_clear(self, name: str, why: str) -> Was:
        self.unclear[name] = why
        return "unclear"

    def _is_foreign(self, folder: str) -> bool:
        """Whether a folder is of another repository: a submodule, or one that lies there."""
        if folder not in self._foreign:
            above = posixpath.dirname(folder)
            own = os.path.join(self._repository.top, folder, ".git")
            self._foreign[folder] = self._is_foreign(above) or os.path.lexists(own)
        return self._foreign[folder]


def _safe(place: str) -> bool:
    """Whether a name of a tree is one that a file below the folder can have: a tree may be made by hand."""
    parts = place.split("/")
    return not {"", ".", "..", ".git"}.intersection(parts) and (os.sep == "/" or os.sep not in place)


def _as_walked(name: str) -> list[tuple[bool, str]]:
    """The key that gives the order in which `walk` finds files: a folder's own before those further down."""
    *folders, base = name.split("/")
    return [*((True, each) for each in folders), (False, base)]
