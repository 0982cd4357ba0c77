"""A log as it grows: each new kind of error is told when it comes, and again when there are ten, a hundred, ... of it."""

import io
import os
import select
import time
from collections.abc import Generator, Iterator
from typing import BinaryIO

from poolcheck.explain.scan import BLOCK, Scanned, count_chunk, last_beginning
from poolcheck.explain.stopping import Stop
from poolcheck.explain.tally import Tally
from poolcheck.model.explanation import Explanation

QUIET = 1.0  # seconds without a new line after which the last event is taken for whole
GROWING = 0.5  # seconds between two looks at a file that has been read to its end


class LogFollower:
    """Reads one stream until it ends or somebody asks to stop. Iterating tells what is new."""

    def __init__(self, stream: BinaryIO, stop: Stop, *, grows: bool = False) -> None:
        """`grows`: the stream is a file, whose end is not the end of the log."""
        self.tally = Tally()
        self.size = 0
        self._stream, self._stop, self._grows = stream, stop, grows
        self._told: dict[str, int] = {}

    def __iter__(self) -> Iterator[Explanation]:
        pending = b""
        while (more := self._more(waits=bool(pending))) is not None:
            pending += more
            self.size += len(more)
            end = last_beginning(pending) if more and len(pending) < BLOCK else len(pending)
            pending = yield from self._count(pending, end)
        yield from self._count(pending, len(pending))

    def result(self) -> Scanned:
        """Everything that was found, as `scan` gives it."""
        return Scanned(self.tally.result(self.size), interrupted=self._stop.asked)

    def _count(self, text: bytes, end: int) -> Generator[Explanation, None, bytes]:
        if end:
            count_chunk(text, end, self.tally)
            for item in self.tally.result().items:
                reached = 10 ** (len(str(item.count)) - 1)
                if reached > self._told.get(item.error.id, 0):
                    self._told[item.error.id] = reached
                    yield item
        return text[end:]

    def _more(self, *, waits: bool) -> bytes | None:
        """What has come; b"" when nothing came for a while, None at the end. `waits`: something waits to be counted."""
        try:
            with self._stop.waiting():
                if self._grows:
                    return self._grown()
                fd = _descriptor(self._stream)
                if fd is None:
                    return self._stream.read(BLOCK) or None
                if waits and not select.select([fd], [], [], QUIET)[0]:
                    return b""
                return os.read(fd, 1 << 16) or None
        except KeyboardInterrupt:
            return None

    def _grown(self) -> bytes:
        more = self._stream.read(BLOCK)
        if not more:
            time.sleep(GROWING)
        return more


def _descriptor(stream: BinaryIO) -> int | None:
    """To wait on; None for what is no file of the system, and where only sockets can be waited on."""
    if os.name == "nt":
        return None
    try:
        return stream.fileno()
    except (OSError, ValueError, io.UnsupportedOperation):
        return None
