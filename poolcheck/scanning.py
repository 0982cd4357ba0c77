"""Logs of any size, in constant memory: blocks of bytes, and a closer look only where `prefilter` points.

A place is looked at together with the event it stands in: back to the line that has a time, forward to the next one.
What was looked at once is not looked at again, so nothing is counted twice.
"""

import bz2
import codecs
import gzip
import io
import lzma
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import BinaryIO, cast

from poolcheck.core.explanation import Explanations
from poolcheck.explaining import Tally, nearest, tally_text
from poolcheck.prefilter import places
from poolcheck.readers.log import HEAD

BLOCK = 4 << 20
SMALL = 256 << 10  # up to here the whole text is read closely: it was pasted
AROUND = 64 << 10  # bytes kept on either side of a block's end, so that no event is cut
BACK_LINES, AHEAD_LINES = 40, 120
LINE = 32 << 10  # bytes of one line that are looked at
_HEAD = re.compile(HEAD.encode())


@dataclass(frozen=True, slots=True)
class Scanned:
    """What a stream held, and why it could not be read to its end, if so."""

    found: Explanations
    broken: str = ""


def scan(stream: BinaryIO, *, dialled_pooler: bool | None = None) -> Scanned:
    """Everything that is recognised in a stream of text: plain, gzip, bzip2, xz, UTF-8 or UTF-16."""
    tally = Tally(dialled_pooler)
    total = 0
    broken = ""
    first = b""
    window = _Window(tally)
    blocks = _blocks(stream)
    while True:
        try:
            block = next(blocks, b"")
        except (EOFError, OSError, zlib.error, lzma.LZMAError, UnicodeError) as error:
            broken = f"{type(error).__name__}: {error}"
            block = b""
        total += len(block)
        if not total or (not block and total <= SMALL):
            break
        if total <= SMALL:
            first += block
            continue
        window.add(first + block, last=not block)
        first = b""
        if not block:
            break
    if total > SMALL:
        return Scanned(tally.result(total), broken)
    text = first.decode("utf-8", "replace")
    tally_text(tally, text)
    found = tally.result(total)
    return Scanned(found if found.items else replace(found, near=nearest(text)), broken)


def _blocks(stream: BinaryIO) -> Iterator[bytes]:
    """The stream's text in blocks, whatever it is packed in."""
    source = stream if isinstance(stream, io.BufferedReader) else io.BufferedReader(cast("io.RawIOBase", stream))
    magic = source.peek(6)[:6]
    packed: BinaryIO = source
    if magic.startswith(b"\x1f\x8b"):
        packed = cast("BinaryIO", gzip.GzipFile(fileobj=source))
    elif magic.startswith(b"BZh"):
        packed = cast("BinaryIO", bz2.BZ2File(source))
    elif magic.startswith(b"\xfd7zXZ"):
        packed = cast("BinaryIO", lzma.LZMAFile(source))
    elif magic.startswith(b"\x28\xb5\x2f\xfd"):
        raise OSError("it is packed with zstd: unpack it with zstd -dc")
    elif magic.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        reader = codecs.getreader("utf-16")(source, errors="replace")
        while text := reader.read(BLOCK // 4):
            yield text.encode("utf-8", "replace")
        return
    while block := packed.read(BLOCK):
        yield block


class _Window:
    """The block at hand, with the end of the one before it."""

    def __init__(self, tally: Tally) -> None:
        self.tally = tally
        self.text = b""
        self.looked = 0  # up to here in `text`, nothing is looked at again

    def add(self, block: bytes, *, last: bool) -> None:
        """Look at everything but the end, which waits for what follows it."""
        text = self.text + block
        end = len(text) if last else max(0, len(text) - AROUND)
        for place in places(text, self.looked, end):
            if place >= self.looked:
                start, self.looked = _event(text, place, self.looked)
                tally_text(self.tally, text[start : self.looked].decode("utf-8", "replace"))
        self.looked = max(self.looked, end)
        cut = max(0, min(self.looked, len(text)) - AROUND)
        self.text = text[cut:]
        self.looked -= cut


def _event(text: bytes, place: int, floor: int) -> tuple[int, int]:
    """Where the event around a place begins, not before `floor`, and where it ends."""
    start = max(text.rfind(b"\n", floor, place) + 1, floor)
    end = _line_end(text, place)
    if place - start > LINE or end - place > LINE:
        return max(start, place - LINE), min(end, place + LINE)
    headed = _HEAD.match(text, start) is not None
    if not headed:
        at = start
        for _ in range(BACK_LINES):
            if at <= floor or start - at > AROUND // 2:
                break
            at = max(text.rfind(b"\n", floor, at - 1) + 1, floor)
            if _HEAD.match(text, at):
                start, headed = at, True
                break
        if not headed:
            start = at
    for _ in range(AHEAD_LINES if headed else BACK_LINES):
        if end >= len(text) or end - place > LINE or _HEAD.match(text, end):
            break
        end = _line_end(text, end)
    return start, end


def _line_end(text: bytes, at: int) -> int:
    """Just behind the newline that ends the line around `at`."""
    found = text.find(b"\n", at)
    return len(text) if found < 0 else found + 1
