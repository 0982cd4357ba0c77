"""Put edited files in place, all or none: what can be objected to is looked at before the first is touched.

`config.staged` writes them, so that each is whole at every moment, the old one or the new one.
"""

import contextlib
import os
import stat
from collections.abc import Iterator, Sequence

from poolcheck.config.disk import below, read_limited
from poolcheck.config.staged import Changed, Staged, leftovers
from poolcheck.errors import PoolcheckError
from poolcheck.model.fixing import LEFT_BY_A_KILLED_RUN
from poolcheck.project import git
from poolcheck.record import dataclass
from poolcheck.text import clean, plural


class WriteRefused(PoolcheckError):
    """A file must not be written as things are; nothing was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewContent:
    """What a file is to hold, and what it held when it was read. `before` None: there is no file yet."""

    path: str
    before: bytes | None
    after: bytes

    def __repr__(self) -> str:
        return f"NewContent({self.path!r})"  # the contents hold passwords


@dataclass(frozen=True, slots=True)
class WrittenFile:
    """One file that was written: under which name, through which link, and where the old content is kept."""

    path: str
    target: str = ""  # the file behind a symbolic link; "" when it is none
    backup: str = ""
    created: bool = False


def write(
    files: Sequence[NewContent], *, backup: bool = False, force: bool = False
) -> tuple[WrittenFile, ...]:
    """Write every file, or none: what speaks against one is found before the first is touched.

    Args:
        files: in this order.
        backup: keep the old content beside the file, as `<name>.bak`.
        force: also where git has uncommitted changes of the file, or the file has other names (hard links).

    Raises:
        Refused: a file changed since it was read, has uncommitted changes, is none, or cannot be written.
    """
    try:
        return _write(files, backup=backup, force=force)
    except WriteRefused as refused:  # no report follows that would name them
        left = leftovers([os.path.dirname(file.path) for file in files])
        hints = [refused.hint, *(f"{path} {LEFT_BY_A_KILLED_RUN}" for path in left)]
        raise WriteRefused(refused.message, " ".join(filter(None, hints))) from None


def _write(files: Sequence[NewContent], *, backup: bool, force: bool) -> tuple[WrittenFile, ...]:
    ready = [_Ready(file, force=force) for file in files]
    with contextlib.ExitStack() as stack:
        for each in ready:
            stack.enter_context(each.staged())
        done: list[WrittenFile] = []
        for each in ready:
            try:
                done.append(each.put(backup=backup))
            except WriteRefused as refused:
                if not done:
                    raise
                names = ", ".join(file.path for file in done)
                raise WriteRefused(
                    refused.message, f"Written before it: {names}. Run poolcheck fix again."
                ) from None
        return tuple(done)


class _Ready:
    """One file on its way: checked, then staged beside its place, then put there."""

    def __init__(self, new: NewContent, *, force: bool) -> None:
        self.new = new
        self.real = os.path.realpath(new.path)
        self.folder, self.name = os.path.split(self.real)
        self.before = self.check(force=force)
        self.content = Staged(self.real, new.after, self.before)

    def check(self, *, force: bool) -> os.stat_result | None:
        """Object before anything is touched; the old file's status, or None for a new file.

        Raises:
            Refused: with what to do about it.
        """
        path = self.new.path
        if self.new.before is None:
            if os.path.lexists(path):
                raise WriteRefused(f"{path}: it is there now, and was not when the project was read", AGAIN)
            return None
        try:
            before = os.stat(self.real)
            if not stat.S_ISREG(before.st_mode):
                raise WriteRefused(f"{path} is not a regular file", "Write the lines by hand.")
            self._unchanged()
        except OSError as error:
            raise WriteRefused(f"{path}: cannot be read again: {error.strerror}", AGAIN) from None
        if not os.access(self.folder, os.W_OK | os.X_OK):
            raise WriteRefused(
                f"{path}: its folder cannot be written to", "Run as its owner, or write by hand."
            )
        inside = not os.path.isabs(path) and not path.startswith("..")  # what reads as a place here is one
        if self.linked and inside and not force and not below(path, "."):
            raise WriteRefused(
                f"{path} is a link that leads out of the current folder", "--force writes the file behind it."
            )
        if before.st_nlink > 1 and not force:
            raise WriteRefused(
                f"{path} has {self._other_names(before)}: a hard link would keep the old content",
                "--force writes this name only.",
            )
        if not force:
            self._committed()
        return before

    def _other_names(self, before: os.stat_result) -> str:
        """The file's other names, those that stand beside it by name: a backup of a run that was killed is one."""
        with os.scandir(self.folder) as found:
            beside = sorted(
                each.name for each in found if each.inode() == before.st_ino and each.name != self.name
            )
        said = plural(before.st_nlink - 1, "other name")
        return f"{said} ({', '.join(map(clean, beside))})" if beside else said

    def _committed(self) -> None:
        path = self.new.path
        try:
            changed = uncommitted(self.real, self.new.before or b"")
        except git.GitSilent as error:
            raise WriteRefused(
                f"{path}: nobody can tell whether it has changes that are not committed: {error.message}",
                "--force writes it anyway.",
            ) from None
        if changed:
            raise WriteRefused(
                f"{path} is tracked by git and has changes that are not committed",
                "Commit or stash them first, so that the edit can be seen and undone alone; or give --force, "
                "also where git keeps another text than the file holds: no filter (git-crypt) is run to compare.",
            )

    def _unchanged(self) -> None:
        before = self.new.before or b""
        if read_limited(self.real, len(before) + 1, cut=True) != before:
            raise WriteRefused(f"{self.new.path} changed after it was read", AGAIN)

    @contextlib.contextmanager
    def staged(self) -> Iterator[None]:
        """The new content in a file beside the old one, complete and on the disk; gone afterwards in any case.

        Raises:
            Refused: the folder or the disk does not take it.
        """
        with contextlib.ExitStack() as stack:
            with self._explained():
                stack.enter_context(self.content)
            yield

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        """The system's refusals as ours."""
        try:
            yield
        except OSError as error:
            raise WriteRefused(
                f"{self.new.path}: cannot be written: {error.strerror or error}",
                "This file is as it was. Look at its folder's permissions and the space on the disk.",
            ) from None

    def put(self, *, backup: bool) -> WrittenFile:
        """Rename the staged file into its place, and make the folder remember it.

        Raises:
            Refused: the file changed at the last moment, or the system says no.
        """
        kept = ""
        with self._explained():
            if self.before is not None:
                self._unchanged()
                kept = self._keep() if backup else ""
            try:
                self.content.put(new=self.before is None, was=self.new.before)
            except Changed as changed:
                if not changed.kept:
                    raise WriteRefused(f"{self.new.path} changed after it was read", AGAIN) from None
                raise WriteRefused(
                    f"{self.new.path} changed twice while it was written",
                    f"{self._shown(changed.kept)} holds what came between.",
                ) from None
            except FileExistsError:
                raise WriteRefused(f"{self.new.path}: it is there now, and was not before", AGAIN) from None
        return WrittenFile(
            self.new.path, self._shown(self.real) if self.linked else "", kept, self.before is None
        )

    @property
    def linked(self) -> bool:
        """Whether the path leads to another one."""
        return os.path.islink(self.new.path)

    def _keep(self) -> str:
        """Give the old file a second, free name: it keeps all it had, since it is the old file."""
        number = 0
        while True:
            name = os.path.join(self.folder, f"{self.name}.bak{number or ''}")
            try:
                os.link(self.real, name)
            except FileExistsError:
                number += 1
                continue
            return self._shown(name)

    def _shown(self, real: str) -> str:
        """A path as the user would write it: beside the file as it was named, or as it is."""
        if not self.linked and os.path.dirname(real) == self.folder:
            return os.path.join(os.path.dirname(self.new.path), os.path.basename(real))
        return os.path.relpath(real)


AGAIN = "Nothing was written. Run poolcheck fix again: it reads the file anew."


def uncommitted(path: str, content: bytes) -> bool:
    """Whether git tracks the file and has changes of it that are not committed; False outside of repositories.

    Raises:
        GitSilent: git cannot tell.
    """
    repository = git.find(os.path.dirname(path))
    if repository is None:
        return False
    with repository:
        place = repository.place(path) or ""
        staged = repository.index(place)
        try:
            head = repository.commit("HEAD")
        except git.GitRefused:  # none yet
            head = ""
        committed = repository.tree(head, [place]).get(place) if head else None
    if not staged and committed is None:
        return False
    same = len(staged) == 1 and committed is not None and staged[0].id == committed.id
    return not same or not staged[0].holds(content)
