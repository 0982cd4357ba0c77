"""The only door by which files are written: whole at every moment, the old one or the new one.

The new content goes into a temporary file in the same folder, of a name that nobody can guess, readable by nobody
else, is forced to the disk, gets the old file's mode, and is renamed into its place. Where the old content is known, the two
change places instead, and what came away is looked at: what somebody wrote in the last moment is put back. A run that is
killed leaves at most such a temporary file. No link that was planted is followed.
"""

import contextlib
import errno
import os
import secrets
import stat
import sys
from collections.abc import Iterator, Sequence
from typing import BinaryIO, Self

from poolcheck.config.disk import FileRefused, below, read_limited

PREFIX, SUFFIX = (
    ".poolcheck-",
    ".tmp",
)  # no reader of env files or sources takes such a name for one of its own
_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)
_NONBLOCK = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)
# The process's own streams by name: links that the system makes, and nobody else can.
_STREAMS = ("/dev/stdout", "/dev/stderr", "/dev/fd/", "/proc/self/fd/")


class Changed(Exception):
    """The file is not what it was; it is left, or put back. `kept` is where more of it is, "" where there is no more."""

    def __init__(self, kept: str = "") -> None:
        super().__init__()
        self.kept = kept


class Staged:
    """New content beside its place, complete and on the disk while the context is open; `put` renames it there."""

    def __init__(
        self, real: str, after: bytes, before: os.stat_result | None, *, strict: bool = True
    ) -> None:
        """What goes where.

        Args:
            real: the path behind every link.
            after: the content.
            before: the status of the file that is replaced; None for a new one.
            strict: rather fail than change the owner.
        """
        self.real, self.after, self.before, self.strict = real, after, before, strict
        self.staging = os.path.join(os.path.dirname(real), f"{PREFIX}{secrets.token_hex(8)}{SUFFIX}")
        self.inode = (0, 0)

    def __enter__(self) -> Self:
        """Stage it.

        Raises:
            OSError: the folder or the disk does not take it.
        """
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NOFOLLOW
        descriptor = os.open(
            self.staging, flags, 0o600
        )  # what somebody has put there is not ours to take away
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(self.after)
                file.flush()
                self._owner(descriptor)
                os.fsync(descriptor)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is left beside the file, in any case; but what came away and is somebody's."""
        if self.staging:
            with contextlib.suppress(OSError):
                os.unlink(self.staging)

    def put(self, *, new: bool = False, was: bytes | None = None) -> None:
        """Rename it into its place, and make the folder remember it. `was` is what has to stand there until then.

        Raises:
            Changed: it does not.
            FileExistsError: `new`, and something is there.
            OSError: the system says no.
        """
        self._like_before()
        if was is not None and exchange(self.staging, self.real):
            self._compare(was)
        elif not new:
            os.replace(self.staging, self.real)
        else:  # a rename would take the place of a file that just came
            try:
                os.link(self.staging, self.real)
            except FileExistsError:
                raise
            except OSError:  # a file system without hard links
                os.close(os.open(self.real, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
                os.replace(self.staging, self.real)
        _sync_folder(os.path.dirname(self.real))

    def _compare(self, was: bytes) -> None:
        """Look at what came away, and put it back where it is not what it has to be."""
        if _holds(self.staging, was):
            return
        came, self.staging = self.staging, ""
        exchange(came, self.real)
        if not _holds(came, self.after):
            raise Changed(came)
        self.staging = came
        raise Changed

    def _owner(self, descriptor: int) -> None:
        now = os.fstat(descriptor)
        self.inode = (now.st_dev, now.st_ino)
        before = self.before or now
        if (now.st_uid, now.st_gid) != (before.st_uid, before.st_gid) and hasattr(os, "fchown"):
            try:
                os.fchown(descriptor, before.st_uid, before.st_gid)
            except OSError:
                if self.strict:  # better not written than given away
                    raise

    def _like_before(self) -> None:
        """Extended attributes and mode of the old file, at the last moment; a new one gets what the umask leaves."""
        if not hasattr(os, "fchmod"):  # Windows, where a file takes the rights of its folder
            return
        descriptor = os.open(self.staging, os.O_RDONLY | _NOFOLLOW | _NONBLOCK)
        try:
            now = os.fstat(descriptor)
            if (now.st_dev, now.st_ino) != self.inode:
                raise OSError(errno.ESTALE, "the temporary file was replaced")
            if self.before is None:
                mask = os.umask(0)
                os.umask(mask)
                mode = 0o666 & ~mask
            else:
                mode = stat.S_IMODE(self.before.st_mode)
                _copy_attributes(self.real, descriptor)
            os.fchmod(descriptor, mode)  # after the owner: that clears setuid
        finally:
            os.close(descriptor)


def _copy_attributes(real: str, descriptor: int) -> None:
    if hasattr(os, "listxattr"):
        with contextlib.suppress(OSError):  # a file system without them
            for name in os.listxattr(real):
                with contextlib.suppress(OSError):  # one that only the system may set
                    os.setxattr(descriptor, name, os.getxattr(real, name))


def _holds(path: str, content: bytes) -> bool:
    """Whether a regular file of that very name has this content."""
    with contextlib.suppress(OSError):
        return not os.path.islink(path) and read_limited(path, len(content) + 1, cut=True) == content
    return False


def exchange(one: str, other: str) -> bool:
    """Swap two files in one step; False where the system or the file system cannot.

    Raises:
        OSError: it can, and one is not there or must not be moved.
    """
    here, swap = -100, 2  # AT_FDCWD; RENAME_EXCHANGE of Linux and RENAME_SWAP of macOS have one value
    paths = os.fsencode(one), os.fsencode(other)
    if sys.platform not in ("linux", "darwin"):
        return False
    import ctypes  # noqa: PLC0415 - only where a file is replaced

    libc = ctypes.CDLL(None, use_errno=True)
    if hasattr(libc, "renameat2"):
        failed = libc.renameat2(here, paths[0], here, paths[1], swap)
    elif hasattr(libc, "renamex_np"):
        failed = libc.renamex_np(*paths, swap)
    else:
        return False
    number = ctypes.get_errno()
    if failed and number not in (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EPERM):
        raise OSError(number, os.strerror(number))
    return not failed


def write_whole(path: "str | os.PathLike[str]", data: bytes, *, new: bool = False) -> None:
    """Write the file that the user named.

    What reads as a place below the current folder is one, or is refused; elsewhere, as a place in its own folder. A
    link that stays there is written through. The process's own streams and a pipe or device of that name are written to.

    Raises:
        FileExistsError: `new`, and something is there.
        FileRefused: a link leads elsewhere, or nobody reads from the pipe.
        OSError: the system says no.
    """
    path = os.fspath(path)
    if path.startswith(_STREAMS):
        return _into(path, data)
    whole, here = os.path.abspath(path), os.getcwd()
    top = here if whole.startswith(here.rstrip(os.sep) + os.sep) else os.path.dirname(whole)
    if new and os.path.lexists(path):
        raise FileExistsError(errno.EEXIST, "it is there already", path)
    if not below(path, top):
        raise FileRefused("a link leads out of its folder", path)
    real = os.path.realpath(path)
    try:
        before: os.stat_result | None = os.stat(real)
    except FileNotFoundError:
        before = None
    if before is not None and stat.S_ISDIR(before.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    if before is not None and not stat.S_ISREG(before.st_mode):
        return _into(path, data)
    with Staged(real, data, before, strict=False) as staged:
        staged.put(new=new)
    return None


def _into(path: str, data: bytes) -> None:
    """Write into a stream or device; one that nobody reads from does not make us wait."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | _NONBLOCK)
    except OSError as error:
        if error.errno == errno.ENXIO:
            raise FileRefused("nobody reads from it", path) from None
        raise
    with os.fdopen(descriptor, "wb") as file:
        if hasattr(os, "set_blocking"):
            os.set_blocking(descriptor, True)
        file.write(data)


def appending(path: "str | os.PathLike[str]") -> BinaryIO:
    """A file to add to at its end, made where it is not there.

    Raises:
        FileRefused: it is no regular file.
        OSError: a link, or the system says no.
    """
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | _NOFOLLOW | _NONBLOCK | getattr(os, "O_BINARY", 0)
    file = os.fdopen(os.open(path, flags, 0o666), "ab")
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise FileRefused("not a file", path)
    return file


def mute_stdout() -> None:
    """Give standard output, whose reader has left, somewhere to write: Python flushes it once more at the end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def leftovers(folders: Sequence[str]) -> Iterator[str]:
    """Temporary files that a killed run left: copies of a file it was about to write, passwords included."""
    for folder in dict.fromkeys(folders):
        with contextlib.suppress(OSError), os.scandir(folder or ".") as found:
            yield from sorted(
                each.path.removeprefix("./")
                for each in found
                if each.name.startswith(PREFIX) and each.name.endswith(SUFFIX)
            )


def _sync_folder(folder: str) -> None:
    """Make the rename itself survive a power cut, where a folder can be opened."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
