"""A large plain file is scanned in parts, one process for each processor: Python's `re` only ever uses one.

A part begins where an event begins, so the parts' counts simply add up. Only where processes can be forked: there
the compiled patterns and the open file are shared, and starting costs milliseconds.
"""

import codecs
import io
import multiprocessing
import os
import signal
import stat
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import BinaryIO

from poolcheck.prefilter import passes
from poolcheck.tallying import Plain, Tally

WORTH_IT = 48 << 20  # bytes from which a second process pays
MOST = 8  # processes: beyond that the disk or the memory is what is waited for
REACH = 256 << 10  # bytes in which the beginning of an event is looked for
_PACKED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd", codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def parts(stream: BinaryIO, begins: Callable[[bytes, int], bool]) -> list[tuple[int, int, int]]:
    """(file descriptor, start, end) of each part; [] where the stream is better read as it comes.

    `begins` says whether an event begins at an index of some bytes.
    """
    if "fork" not in multiprocessing.get_all_start_methods() or not hasattr(os, "sched_getaffinity"):
        return []
    processors = min(MOST, len(os.sched_getaffinity(0)))
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
    passes()  # compiled once, before the processes part
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(len(found), context, _quiet_end) as pool:
        counted = pool.map(_count, [work] * len(found), found, [tally.dialled_pooler] * len(found))
        for part in counted:
            tally.merge(part)


def _quiet_end() -> None:
    """Ctrl-C reaches every process of the terminal: this one ends at once and says nothing."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


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
