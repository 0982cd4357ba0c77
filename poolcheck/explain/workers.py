"""Large logs on every processor: Python's `re` only ever uses one, so a process for each takes a share.

A plain file is divided beforehand, and each process reads its own part; what comes through a pipe or is packed is
read here and handed out. A share begins where an event begins, so the counts simply add up. Only where processes can
be forked: there the compiled patterns and the open file are shared, and starting costs milliseconds.
"""

import codecs
import io
import multiprocessing
import os
import signal
import stat
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from functools import cache
from typing import BinaryIO, Self

from poolcheck.explain.prefilter import passes
from poolcheck.explain.stopping import SIGNALS
from poolcheck.explain.tally import Plain, Tally

WORTH_IT = 24 << 20  # bytes from which a second process pays
MOST = 8  # processes: beyond that the disk or the memory is what is waited for
PARENT_SECONDS = 0.5  # between two looks for the parent
REACH = 256 << 10  # bytes in which the beginning of an event is looked for
_PACKED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd", codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def parts(stream: BinaryIO, begins: Callable[[bytes, int], bool]) -> list[tuple[int, int, int]]:
    """(file descriptor, start, end) of each part; [] where the stream is better read as it comes.

    `begins` says whether an event begins at an index of some bytes.
    """
    processors = _processors()
    try:
        fd = stream.fileno()
        facts = os.fstat(fd)
        here = stream.tell()
    except (OSError, ValueError):  # a stream without a file, or one that cannot be told
        return []
    left = facts.st_size - here
    if not stat.S_ISREG(facts.st_mode) or left < WORTH_IT or processors < 2:
        return []
    if os.pread(fd, 6, here).startswith(_PACKED):
        return []
    ends = [_cut(fd, here + left * number // processors, begins) for number in range(1, processors)]
    ends = sorted({*ends, facts.st_size})
    return [(fd, start, end) for start, end in zip([here, *ends[:-1]], ends, strict=True)]


@cache
def _processors() -> int:
    """How many processes may share the work; 1 where they cannot be forked or cannot wait for one another."""
    try:
        multiprocessing.get_context("fork").Lock()
        return min(MOST, len(os.sched_getaffinity(0)))
    except (ValueError, AttributeError, ImportError, OSError, NotImplementedError):
        return 1  # Windows and macOS; containers without semaphores


def _cut(fd: int, at: int, begins: Callable[[bytes, int], bool]) -> int:
    """The first place from `at` on where an event begins, or else a line, or else `at` itself."""
    text = os.pread(fd, REACH, at)
    first = line = text.find(b"\n") + 1
    while 0 < line < len(text) and not begins(text, line):
        line = text.find(b"\n", line) + 1
    return at + (line if 0 < line < len(text) else first)


def scan_parts(
    work: Callable[[BinaryIO, Tally], None], found: list[tuple[int, int, int]], tally: Tally
) -> None:
    """Let `work` count every part in a process of its own, and add the counts up in the order of the file."""
    with _pool(len(found), signal.SIG_DFL) as pool:
        counted = pool.map(_count, [work] * len(found), found, [tally.dialled_pooler] * len(found))
        for part in counted:
            tally.merge(part)


class Crew:
    """Counts chunks one after the other, and once they have become many, on all processors.

    `work` counts the text up to an end. No more chunks are in memory than the processes need to stay busy.
    """

    def __init__(self, work: Callable[[bytes, int, Tally], None], tally: Tally) -> None:
        self.work, self.tally = work, tally
        self.size = 0
        self.pool: ProcessPoolExecutor | None = None
        self.pending: deque[Future[Plain]] = deque()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        while kind is None and self.pending:
            self.tally.merge(self.pending.popleft().result())
        if self.pool is not None:
            self.pool.shutdown(cancel_futures=True)

    def count(self, text: bytes, end: int) -> None:
        """Count the text up to `end`, here or elsewhere; the counts are added in the order of the chunks."""
        self.size += end
        processors = _processors()
        if self.pool is None and self.size > WORTH_IT and processors > 1:
            self.pool = _pool(processors, signal.SIG_IGN)
        if self.pool is None:
            self.work(text, end, self.tally)
            return
        self.pending.append(self.pool.submit(_count_chunk, self.work, text[:end], self.tally.dialled_pooler))
        if len(self.pending) > processors + 1:
            self.tally.merge(self.pending.popleft().result())


def _pool(processes: int, on_signal: signal.Handlers) -> ProcessPoolExecutor:
    passes()  # compiled once, before the processes part
    given = (os.getpid(), on_signal)
    return ProcessPoolExecutor(processes, multiprocessing.get_context("fork"), _as_child, given)


def _count_chunk(work: Callable[[bytes, int, Tally], None], text: bytes, pooled: bool | None) -> Plain:
    tally = Tally(pooled)
    work(text, len(text), tally)
    return tally.plain()


def _as_child(parent: int, on_signal: signal.Handlers) -> None:
    """Ctrl-C reaches every process of the terminal: what reads by itself ends at once and says nothing, what is handed
    chunks leaves the decision to the parent. And it outlives no parent.
    """
    for number in SIGNALS:
        signal.signal(number, on_signal)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    """Wait for the end of the parent, which a kill -9 lets tell nobody: the queue it leaves is open for ever."""
    while os.getppid() == parent:
        time.sleep(PARENT_SECONDS)
    os._exit(1)


def _count(work: Callable[[BinaryIO, Tally], None], part: tuple[int, int, int], pooled: bool | None) -> Plain:
    tally = Tally(pooled)
    work(io.BufferedReader(_Part(*part)), tally)
    return tally.plain()


class _Part(io.RawIOBase):
    """A stretch of an open file, read without moving the position that other processes share."""

    def __init__(self, fd: int, start: int, end: int) -> None:
        super().__init__()
        self.fd, self.at, self.end = fd, start, end

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # typeshed wants any buffer
        size = os.preadv(self.fd, [memoryview(buffer)[: max(0, self.end - self.at)]], self.at)
        self.at += size
        return size
