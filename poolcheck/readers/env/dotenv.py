"""Env files: every assignment with its value as python-dotenv reads it, and its exact place in the file.

python-dotenv gives values without columns, quotes or comments, and importing it costs a third of what `lint` may
take to start. So the reading is done here, to the letter of python-dotenv 1.2 (the tests compare the two on
thousands of generated files), and nothing that was read is lost: joining `EnvFile.lines` gives the text back.

Lines count from 1. Columns count characters of a line from 0, a byte order mark included, as `Edit` wants them;
`Entry.location_column` is the same from 1, as `Location` wants it.
"""

import codecs
import re
from collections.abc import Collection
from typing import TYPE_CHECKING, Literal

from poolcheck.model import ignores
from poolcheck.model.ignores import Ignores, ignores_of, parse_ignore
from poolcheck.readers.env.lexer import Entry, EnvComment, Scan, UnreadableLine
from poolcheck.readers.env.names import is_example, matches, stage
from poolcheck.record import dataclass

if TYPE_CHECKING:
    pass

Newline = Literal["", "lf", "crlf", "cr", "mixed"]
# No loader makes anything of these.
_PLAIN = re.compile(r"[\w:/@.?=%+,~-]*")
_PLAIN_QUOTED = re.compile(r"[\w:/@.?=%+,~&;<>|()\[\]{} -]*")


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class EnvFile:
    """An env file, whole."""

    path: str
    entries: tuple[Entry, ...]
    comments: tuple[EnvComment, ...]
    problems: tuple[UnreadableLine, ...]
    lines: tuple[str, ...]  # with their newlines; joined they are the text
    ignores: Ignores
    example: bool  # the name says that it shows what to write
    stage: str  # "production", "test", "local", ... or ""
    bom: bool
    newline: Newline

    @property
    def active(self) -> tuple[Entry, ...]:
        """The entries that a loader reads: commented-out ones left out."""
        return tuple(entry for entry in self.entries if not entry.commented)

    def __repr__(self) -> str:
        return f"EnvFile({self.path!r}, {len(self.entries)} entries)"


def decode(data: bytes) -> tuple[str, str | None]:
    """The text of an env file, and what is wrong with its encoding, if anything.

    A UTF-8 byte order mark stays in the text (loaders drop it). With a complaint the text is good enough to look
    at, but must not be written back: undecodable bytes have become U+FFFD.
    """
    for mark, name in (
        (codecs.BOM_UTF32_LE, "UTF-32"),
        (codecs.BOM_UTF32_BE, "UTF-32"),
        (codecs.BOM_UTF16_LE, "UTF-16"),
        (codecs.BOM_UTF16_BE, "UTF-16"),
    ):
        if data.startswith(mark):
            text = data.decode(name.lower(), errors="replace")
            return text, f"the file is {name}; dotenv loaders read UTF-8 and see nothing usable in it"
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        return (
            data.decode("utf-8", errors="replace"),
            f"not UTF-8: byte 0x{data[error.start]:02x} at offset {error.start} (line {line})",
        )
    if "\0" not in text:
        return text, None
    at = text.index("\0")
    line = text.count("\n", 0, at) + 1
    if text.count("\0") * 3 > len(text):
        return text, "the file looks like UTF-16 without a byte order mark; dotenv loaders read UTF-8"
    return text, f"a NUL byte at line {line}: no environment variable can hold it"


def read(text: str, path: str = "") -> EnvFile:
    """Read an env file. Never raises; what cannot be read is in `problems`. Linear in the length of `text`."""
    scan = Scan(text)
    scan.run()
    lone_cr = text.count("\r") - (crlf := text.count("\r\n"))
    kinds = [
        name for name, count in (("crlf", crlf), ("lf", text.count("\n") - crlf), ("cr", lone_cr)) if count
    ]
    newline: Newline = "mixed" if len(kinds) > 1 else kinds[0] if kinds else ""  # type: ignore[assignment]
    return EnvFile(
        path=path,
        entries=tuple(scan.entries),
        comments=tuple(scan.comments),
        problems=tuple(sorted(scan.problems, key=lambda problem: problem.line)),
        lines=tuple(scan.lines),
        ignores=_ignores(scan.comments, scan.entries),
        example=is_example(path),
        stage=stage(path),
        bom=text.startswith("\ufeff"),
        newline=newline,
    )


def _ignores(comments: list[EnvComment], entries: list[Entry]) -> Ignores:
    """Where each ignore comment of the file applies: over a whole entry, of several lines too."""
    found = [one for one in comments if parse_ignore(one.text) is not None]
    if not found:
        return Ignores()
    last = {entry.line: entry.end_line for entry in entries}
    first = {entry.end_line: entry.line for entry in entries}
    below: dict[int, int] = {}  # line of a lone ignore comment → the line after its stack
    for line in sorted((one.line for one in found if one.alone), reverse=True):
        below[line] = below.get(line + 1, line + 1)
    return ignores_of(
        [ignores.Comment(one.text, one.line, one.alone) for one in found],
        below=lambda line: range(below[line], last.get(below[line], below[line]) + 1),
        beside=lambda line: range(first.get(line, line), line + 1),
    )


__all__ = [
    "Entry",
    "EnvComment",
    "EnvFile",
    "UnreadableLine",
    "decode",
    "is_example",
    "matches",
    "plain",
    "read",
    "stage",
]


def plain(entry: Entry, loaders: Collection[str]) -> bool:
    """Whether a line is read alike by all of these loaders (keys of `dialects.DIALECTS`), as most lines are.

    Where it is not plain, `disagreements.find` compares them one by one.
    """
    bare = entry.raw_line == f"{entry.key}={entry.quote}{entry.raw}{entry.quote}"
    letters = _PLAIN_QUOTED if entry.quote else _PLAIN
    return bare and letters.fullmatch(entry.raw) is not None and not (entry.quote and "docker" in loaders)
