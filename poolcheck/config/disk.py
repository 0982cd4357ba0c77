"""The only door by which files are read: `tests/config/test_disk.py` refuses any other in the package.

A folder is somebody else's. What is called .env there may be a pipe that nobody writes into, a device without end, a
gigabyte of nothing, or a link to a file of the machine: none of them may hang a run, fill its memory or be shown.
"""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import BinaryIO

MB = 1 << 20
PIPE_SECONDS = 5.0  # how long a named pipe may take until somebody writes into it
_FLAGS = os.O_RDONLY
for _name in ("O_NONBLOCK", "O_CLOEXEC", "O_NOCTTY", "O_BINARY"):  # not each system has each
    _FLAGS |= getattr(os, _name, 0)
_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
MOST_GROWN = (
    105 * MB
)  # of memory, by a run, until no more is read: the largest file and the program come on top
NO_ROOM = "what was read before it fills the memory that a run may take"
WORST = 35  # bytes of memory that a byte of a file can take: a package.json of nothing but short names
_start: ContextVar[int] = ContextVar("start", default=0)
_only: ContextVar[tuple[str, ...] | None] = ContextVar("only", default=None)


class FileRefused(OSError):
    """A file that is not read, or not written, though the system might let us; `strerror` says why."""

    def __init__(self, why: str, path: "str | os.PathLike[str]") -> None:
        super().__init__(None, why, os.fspath(path))
        self.strerror: str = why


def read_limited(path: "str | os.PathLike[str]", most: int, *, cut: bool = False) -> bytes:
    """The bytes of a regular file; a file that grows meanwhile is read up to `most`.

    Args:
        path: links are followed; whether they may lead there is asked by `below`.
        most: bytes.
        cut: give the first `most` bytes of a larger file.

    Raises:
        FileRefused: it is no regular file, is larger, or lies outside of `only_below`.
        OSError: the system says no.
    """
    descriptor, status = _opened(path)
    try:
        if status.st_size > most and not cut:
            raise too_large(path, most)
        if not room(status.st_size):
            raise FileRefused(NO_ROOM, path)
        pieces: list[bytes] = []
        left = most + (not cut)
        while left > 0:
            # One more than there should be: what comes back shorter is whole. Files of /proc have size 0.
            piece = os.read(descriptor, min(left, max(status.st_size + 1, 1 << 16)))
            pieces.append(piece)
            left -= len(piece)
            if not piece or len(piece) == status.st_size:
                break
    finally:
        os.close(descriptor)
    data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
    if len(data) > most:
        raise too_large(path, most)
    return data


@contextmanager
def bounded() -> Iterator[None]:
    """Meanwhile no more files are read than memory has room for (on Linux); what is left out is refused, and so said."""
    before = _start.set(_start.get() or own_memory(1))
    try:
        yield
    finally:
        _start.reset(before)


def room(size: int) -> bool:
    """Whether a text of so many bytes may still be read, or made something of, in `bounded`."""
    start = _start.get()
    return not start or min(size, 2 * MB) * WORST <= MOST_GROWN - (own_memory(1) - start)


def own_memory(field: int) -> int:
    """Bytes of this process's address space (field 0), or of what it holds in memory (1); 0 where the system does not tell."""
    try:
        return int(own_bytes("/proc/self/statm").split()[field]) * os.sysconf("SC_PAGESIZE")
    except (OSError, ValueError, IndexError):
        return 0


def too_large(path: "str | os.PathLike[str]", most: int) -> FileRefused:
    """What is raised for a file of more than `most` bytes."""
    return FileRefused(f"larger than {most // MB} MB" if most >= MB else f"larger than {most >> 10} kB", path)


def stream(path: str) -> BinaryIO:
    """A log of any size, to be read block by block: a regular file, or a pipe as `<(zcat log.gz)` makes one.

    Raises:
        FileRefused: a folder, socket or device, or a pipe into which nobody writes.
        OSError: the system says no.
    """
    descriptor, status = _opened(path, pipes=True)
    if stat.S_ISFIFO(status.st_mode):
        try:
            _wait_for_writer(descriptor, path)
        except BaseException:
            os.close(descriptor)
            raise
    return os.fdopen(descriptor, "rb")


def _wait_for_writer(descriptor: int, path: str) -> None:
    import select  # noqa: PLC0415 - only for a pipe

    waiting = select.poll()
    waiting.register(descriptor, select.POLLIN)
    if not waiting.poll(PIPE_SECONDS * 1000):
        raise FileRefused(f"a pipe into which nobody has written for {PIPE_SECONDS:g} s", path)
    os.set_blocking(descriptor, True)


def own_bytes(path: "str | os.PathLike[str]") -> bytes:
    """A file that the code itself names: data of the package, a table of the kernel. Never a path from outside."""
    with open(path, "rb", buffering=0) as file:
        return file.readall()


def below(path: "str | os.PathLike[str]", folder: "str | os.PathLike[str]") -> bool:
    """Whether a path, its links followed, is the folder or lies in it; False for a path that cannot be one."""
    try:
        real, top = (os.path.normcase(os.path.realpath(each)) for each in (path, folder))
    except (OSError, ValueError):
        return False
    return real == top or real.startswith(top.rstrip(os.sep) + os.sep)


def leads_out(path: str, folder: str) -> str:
    """What is wrong with a link that leaves the folder, or enters its .git, which holds tokens; "" for any other."""
    if below(path, folder):
        inner = os.path.relpath(os.path.realpath(path), os.path.realpath(folder))
        return "a link that leads into .git" if ".git" in inner.split(os.sep) else ""
    return f"a link that leads out of {'the folder' if folder in ('', '.') else folder}"


def refusal(path: str) -> str:
    """Why what is there would not be read for what it is; "" for a regular file, a folder, and where nothing is."""
    try:
        status = os.stat(path)
        if not stat.S_ISDIR(status.st_mode):
            _check(status, path, pipes=False)
    except FileRefused as refused:
        return refused.strerror
    except (OSError, ValueError):
        pass
    return ""


@contextmanager
def only_below(folders: "tuple[str, ...]") -> Iterator[None]:
    """Whatever is read meanwhile lies in one of the folders, its links followed; all else is refused."""
    before = _only.set(folders)
    try:
        yield
    finally:
        _only.reset(before)


def may_read(path: "str | os.PathLike[str]") -> bool:
    """Whether `only_below` allows the path."""
    folders = _only.get()
    return folders is None or any(below(path, folder) for folder in folders)


def _opened(path: "str | os.PathLike[str]", *, pipes: bool = False) -> tuple[int, os.stat_result]:
    """A descriptor that never waits. Looked at before opening, since to open some devices is to use them."""
    if not may_read(path):
        raise FileRefused("it lies outside of what may be read here", path)
    try:
        _check(os.stat(path), path, pipes=pipes)
        descriptor = os.open(path, _FLAGS)
    except ValueError:  # a NUL, or half of a surrogate pair
        raise FileRefused("no file can have this name", path) from None
    except OSError as error:
        if error.errno == errno.ENXIO:  # it became a socket, or a device that is not there
            raise FileRefused("a device, not a file", path) from None
        raise
    try:
        status = os.fstat(descriptor)
        _check(status, path, pipes=pipes)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor, status


def _check(status: os.stat_result, path: "str | os.PathLike[str]", *, pipes: bool) -> None:
    kind = stat.S_IFMT(status.st_mode)
    if kind != stat.S_IFREG and not (pipes and kind == stat.S_IFIFO):
        raise FileRefused(f"{_KINDS.get(kind, 'something else')}, not a file", path)
