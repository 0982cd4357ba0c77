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
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import BinaryIO, cast

from poolcheck.explain.explain import closer
from poolcheck.explain.log import HEAD
from poolcheck.explain.prefilter import places
from poolcheck.explain.stopping import Stop
from poolcheck.explain.tally import Tally, tally_text
from poolcheck.explain.workers import Crew, parts, scan_parts
from poolcheck.model.explanation import Explanations

BLOCK = 4 << 20
SMALL = 256 << 10  # up to here the whole text is read closely: it was pasted
REACH = 256 << 10  # bytes at the end of a block in which the beginning of its last event is looked for
BACK = 32 << 10  # bytes on either side of a place that may belong to its event
BACK_LINES, AHEAD_LINES = 40, 120
LINE = 8 << 10  # bytes of one line that are looked at, on either side of a place
_HEAD = re.compile(HEAD.encode())
_PACKED: tuple[tuple[bytes, Callable[[BinaryIO], BinaryIO]], ...] = (
    (b"\x1f\x8b", lambda source: cast("BinaryIO", gzip.GzipFile(fileobj=source))),
    (b"BZh", lambda source: cast("BinaryIO", bz2.BZ2File(source))),
    (b"\xfd7zXZ", lambda source: cast("BinaryIO", lzma.LZMAFile(source))),  # noqa: SIM115 - the caller closes what it opened
)


@dataclass(frozen=True, slots=True)
class Scanned:
    """What the streams held, and (name, why) of those that could not be read to their end.

    `interrupted`: somebody asked to stop before the end.
    """

    found: Explanations
    broken: tuple[tuple[str, str], ...] = ()
    interrupted: bool = False


def scan(
    streams: Iterable[tuple[str, BinaryIO]], *, dialled_pooler: bool | None = None, stop: Stop | None = None
) -> Scanned:
    """Everything that is recognised in (name, stream)s of text: plain, gzip, bzip2 or xz, UTF-8 or UTF-16.

    What a broken stream gave before it broke is counted, and what was read before `stop` was asked for.
    """
    stop = stop or Stop()
    tally = Tally(dialled_pooler)
    broken = []
    total = 0
    pasted = ""
    for name, stream in streams:
        divided = parts(stream, lambda text, at: _HEAD.match(text, at) is not None)
        if divided:
            with stop.waiting():  # the parts are read elsewhere: here a signal ends the program
                scan_parts(_count_part, divided, tally)
            total += divided[-1][2] - divided[0][1]
            continue
        reading = _Reading(stream, stop)
        pasted += _read(reading, tally)
        total += reading.size
        if reading.broken:
            broken.append((name, reading.broken))
        if stop.asked:
            break
    return Scanned(closer(pasted, tally.result(total)), tuple(broken), interrupted=stop.asked)


def _count_part(stream: BinaryIO, tally: Tally) -> None:
    """Count one part of a large file."""
    for text, end in _chunks(iter(lambda: stream.read(BLOCK), b"")):
        count_chunk(text, end, tally)


def _read(reading: "_Reading", tally: Tally) -> str:
    """Count a stream; what was short enough to have been pasted is read closely, and given back."""
    first = b""
    for block in reading:
        first += block
        if len(first) > SMALL:
            break
    else:
        text = first.decode("utf-8", "replace")
        tally_text(tally, text)
        return text
    with Crew(count_chunk, tally) as crew:
        for chunk, end in _chunks(chain((first,), reading)):
            crew.count(chunk, end)
    return ""


class _Reading:
    """The blocks of a stream; iterating again goes on. Ends at a fault of the packing, which it remembers."""

    def __init__(self, stream: BinaryIO, stop: Stop) -> None:
        self.size = 0
        self.broken = ""
        self._blocks = _blocks(stream, stop)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            block = next(self._blocks)
        except (EOFError, OSError, zlib.error, lzma.LZMAError, UnicodeError) as error:
            self.broken = str(error) or type(error).__name__
            raise StopIteration from error
        self.size += len(block)
        return block


def _blocks(stream: BinaryIO, stop: Stop) -> Iterator[bytes]:
    """The stream's text in blocks, whatever it is packed in."""
    source = (
        stream if isinstance(stream, io.BufferedReader) else io.BufferedReader(cast("io.RawIOBase", stream))
    )
    try:
        with stop.waiting():
            magic = source.peek(6)[:6]
    except KeyboardInterrupt:
        return
    packed: BinaryIO = source
    unpack = next((opener for start, opener in _PACKED if magic.startswith(start)), None)
    if unpack is not None:
        packed = unpack(source)
    elif magic.startswith(b"\x28\xb5\x2f\xfd"):
        raise OSError("it is packed with zstd: unpack it with zstd -dc")
    elif magic.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        decoder = codecs.getincrementaldecoder("utf-16")("replace")
        while block := source.read(BLOCK):
            yield decoder.decode(block).encode("utf-8", "replace")
        return
    yield from _steady(packed, stop)


def _steady(packed: BinaryIO, stop: Stop) -> Iterator[bytes]:
    """Blocks of about the same size; what came before a fault is given before it is raised, and a stop is an end."""
    fault = None
    parts: list[bytes] = []
    while fault is None:
        try:
            with stop.waiting():
                part = cast("io.BufferedIOBase", packed).read1(BLOCK)
        except KeyboardInterrupt:
            part = b""
        except (EOFError, OSError, zlib.error, lzma.LZMAError) as error:
            fault, part = error, b""
        parts.append(part)
        if not part or sum(map(len, parts)) >= BLOCK:
            yield b"".join(parts)
            parts.clear()
        if not part:
            break
    if fault is not None:
        raise fault


def _chunks(blocks: Iterable[bytes]) -> Iterator[tuple[bytes, int]]:
    """(text, end): blocks cut where an event begins, so that each can be read without the others.

    Only in a single line of megabytes can a text be cut; and where no line has a time, an event of several lines.
    """
    rest = b""
    for block in blocks:
        text = rest + block
        cut = last_beginning(text)
        yield text, cut
        rest = text[cut:]
    if rest:
        yield rest, len(rest)


def last_beginning(text: bytes) -> int:
    """Where the last event of some bytes begins: a line with a time, else one that is no continuation."""
    low = max(0, len(text) - REACH)
    line = last = text.rfind(b"\n", low) + 1
    plain = 0
    while line > low:
        if line < len(text) and _HEAD.match(text, line):
            return line
        if not plain and line < len(text) and not text[line : line + 1].isspace():
            plain = line
        line = text.rfind(b"\n", low, line - 1) + 1
    return plain or last or text.rfind(b" ", low) + 1 or len(text)


def count_chunk(text: bytes, end: int, tally: Tally) -> None:
    """Look closely at the events around the places that the prefilter finds before `end`; at none of them twice."""
    looked = 0
    for place in places(text, 0, end):
        if place >= looked:
            start, looked = _event(text, place, looked, end)
            tally.add_event(text[start:looked])


def _event(text: bytes, place: int, floor: int, ceiling: int) -> tuple[int, int]:
    """Where the event around a place begins, not before `floor`, and where it ends, not behind `ceiling`."""
    start = max(text.rfind(b"\n", floor, place) + 1, floor)
    end = _line_end(text, place, ceiling)
    if place - start > LINE or end - place > LINE:
        return max(start, place - LINE), min(end, place + LINE)
    headed = _HEAD.match(text, start) is not None
    at = start
    for _ in range(0 if headed else BACK_LINES):
        if at <= floor or start - at > BACK:
            break
        at = max(text.rfind(b"\n", floor, at - 1) + 1, floor)
        headed = _HEAD.match(text, at) is not None
        if headed:
            break
    for _ in range(AHEAD_LINES if headed else BACK_LINES):
        if end >= ceiling or end - place > BACK or _HEAD.match(text, end):
            break
        end = _line_end(text, end, ceiling)
    return at, end


def _line_end(text: bytes, at: int, ceiling: int) -> int:
    """Just behind the newline that ends the line around `at`."""
    found = text.find(b"\n", at, ceiling)
    return ceiling if found < 0 else found + 1
