"""Pasted text and logs to records: one event each, escapes undone, white space collapsed, with its time and codes.

People paste errors wrapped, quoted, coloured, inside JSON, inside JSON inside JSON, with half a stack trace. What is
undone here: terminal colours, quote marks, prefixes of docker and kubectl, JSON objects, escaped newlines and quotes,
doubled quotes of CSV, HTML entities. Nothing is guessed: what cannot be read stays as it is.
"""

import html
import json
import re
from collections.abc import Iterator
from typing import Any

from poolcheck.connection.secret import MASK, is_secret_name, redact
from poolcheck.explain.log_times import MONTH, parse_moment
from poolcheck.model.explanation import Moment
from poolcheck.record import dataclass

MAX_LINES = 120  # of one record: a longer stack trace adds nothing
MAX_CHARS = 32_000
_DEPTH = 3  # JSON in a string in JSON in a string: docker around a logger around an error


@dataclass(frozen=True, slots=True)
class Record:
    """One event of a log, or one error of a pasted text."""

    lines: tuple[str, ...]  # escapes undone, the words as they were
    moment: Moment | None = None
    sqlstates: tuple[str, ...] = ()  # where the text says that they are codes
    routines: tuple[str, ...] = ()  # functions of the server, where the text says that they are
    source: tuple[str, ...] = ()  # the lines with their escapes: what tells where a quoted secret ends

    @property
    def text(self) -> str:
        """The record in one line: every run of white space is one space."""
        return collapse("\n".join(self.lines))

    @property
    def unbroken(self) -> str:
        """As `text`, for lines that were cut inside words: put together without a space."""
        return collapse("".join(line.strip(" ") for line in self.lines))

    @property
    def masked(self) -> str:
        """As `text`, without secrets: they are masked before an escaped quote becomes the end of its value."""
        return collapse(redact("\n".join(_plain(line, masked=True) for line in self.source)))


def collapse(text: str) -> str:
    """White space to single spaces, none at the ends."""
    return " ".join(text.split())


# --- from text to records ---------------------------------------------------------------------------------------

_STAMP = (
    rf"\d{{4}}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d|\d\d/{MONTH}/\d{{4}}:\d\d|{MONTH} +\d{{1,2}}[ ,]|[IWEF]\d{{4}} \d\d:"
    r"|\d\d:\d\d:\d\d|\d{10}(?:\.\d|\d{3}\b)"
)
# What goes on with the event before it although it has a time: the server's DETAIL under its own prefix, and the lines
# of a stack trace to each of which docker or CI gave the time.
_GOES_ON = (
    r"(?!(?:(?!LOG|ERROR|FATAL|PANIC|WARN|NOTICE|INFO|DEBUG|rror|xception)[^\n]){0,160}?"
    r"\b(?:DETAIL|HINT|CONTEXT|STATEMENT|QUERY|LOCATION):  ?)"
    r"(?!(?:[^\s|]{1,60} {1,30}\| )?\S{0,40}\d\d:\d\d:\d\d\S{0,20} (?:(?:stdout|stderr) [FP] )?"
    r"[\t ]{0,20}(?:\r?\n|\Z|at \S|\.\.\. \d|Caused by: |Suppressed: |Context: |Please try again))"
    r"(?!(?:[^\s|]{1,60} {1,30}\| )?\d{4}-\d\d-\d\dT[\d:.]{8,20}Z (?:(?:stdout|stderr) [FP] )?(?: {2}|\t|[}\])]))"
    r"(?!\{\"log\":\"(?:\\t|\s{2}|Caused by: ))"
)
# A line that begins an event: a time near its start, or a JSON object. Also used on bytes, so ASCII only.
HEAD = (
    _GOES_ON
    + rf"(?:[^\s|]{{1,60}} {{1,30}}\| )?(?:(?:stdout|stderr) [FP] )?[\[<(\"']{{0,2}}(?:\S{{1,60}} ){{0,4}}?[\[(\"]?(?:{_STAMP})"
    r'|(?:[^\s|]{1,60} {1,30}\| )?(?:\[pod/\S{1,150}\] )?\{ ?"'
)
_HEAD = re.compile(HEAD)
_MORE = re.compile(
    r"\s|at |\.\.\. \d+ |Caused by|Suppressed: |File \"|During handling of|The above exception|DETAIL|HINT|CONTEXT|STATEMENT"
    r"|LOCATION|LINE \d|QUERY|\^|[}\])]|\(Background|Is the server|Multiple connection attempts|Please |Context: |More info"
    r"|This probably means|\*\*|\|"
)
_TRACE = re.compile(r"\s*Traceback \(most recent call last\)|Invalid `.{0,200}` invocation")
_PARAGRAPH = re.compile(
    r"Caused by|Suppressed: |During handling of|The above exception|(?:DETAIL|HINT|CONTEXT|STATEMENT|LOCATION|QUERY):"
    r"|Please try again|Context: |More info"
)
_ONLY_A_CODE = re.compile(r"(?:[\w ]{1,40}: )?Error: P\d{4}\s*")
_CHAIN = re.compile(r"During handling of|The above exception|Traceback \(")
_ANSI = re.compile(r"(?:\x1b|\\(?:x1b|u001b|033|e))(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?)")
_PREFIX = re.compile(r"(?:[^\s|]{1,60} {1,30}\| |\[pod/\S{1,150}\] )")
_QUOTED = re.compile(r"(?:[>|] ?){1,4}(?=\S|$)")


def records(text: str) -> Iterator[Record]:
    """The events of a text, in their order.

    Where lines carry times, a line without one belongs to the event before it. Where none does, every line is an
    event of its own unless it looks like the continuation of a stack trace or of the server's report.
    """
    lines = [_bare(line) for line in text.replace("\r\n", "\n").split("\n")]
    for group in _grouped(lines):
        yield record(group)


def whole(text: str) -> Record:
    """The text as a single event: for what was wrapped by a terminal or a mail."""
    return record([_bare(line) for line in text.replace("\r\n", "\n").split("\n")])


def event_moment(lines: list[str]) -> Moment | None:
    """The time of an event: that of the first of its first three lines that has one."""
    return next((found for line in lines[:3] if (found := parse_moment(_bare(line))) is not None), None)


def record(lines: list[str]) -> Record:
    """One event of its lines. Its time is that of the first line that has one."""
    kept = lines[:MAX_LINES]
    moment = event_moment(kept)
    parts: list[str] = []
    source: list[str] = []
    room = MAX_CHARS
    for line in kept:
        source.append(line[:room])
        parts += _plain(line[:room]).split("\n")
        room -= len(line)
        if room <= 0:
            break
    text = "\n".join(parts)
    return Record(
        tuple(parts),
        moment,
        tuple(dict.fromkeys(_sqlstates(text))),
        tuple(dict.fromkeys(_ROUTINE.findall(text))),
        tuple(source),
    )


def _bare(line: str) -> str:
    """A line without colours, quote marks and the prefix of docker compose or kubectl."""
    if "\x1b" in line or "\\x1b" in line or "\\u001b" in line or "\\033" in line or "\\e[" in line:
        line = _ANSI.sub("", line)
    line = line.replace("\x00", "").rstrip("\r")
    if line[:1] in "|>":
        line = _QUOTED.sub("", line, count=1)
    found = _PREFIX.match(line)
    return line[found.end() :] if found else line


def _grouped(lines: list[str]) -> Iterator[list[str]]:
    timed = any(_HEAD.match(line) for line in lines)
    group: list[str] = []
    trace = gap = False
    for line in lines:
        if timed:
            begins = _HEAD.match(line) is not None
        elif not line.strip():
            gap = True
            continue
        elif gap and group and not trace and not _in_a_trace(group):
            begins = not _goes_on_behind_a_gap(group, line)
        elif trace:
            begins = False
            # the line that ends a traceback names the exception; what follows is another event, or a chained one
            trace = line[:1].isspace() or _TRACE.match(line) is not None or _CHAIN.match(line) is not None
            trace = trace or line.startswith(("File ", "Invalid `"))
        else:
            begins = _MORE.match(line) is None and not (group and _CHAIN.match(line))
        gap = False
        if begins and group:
            yield group
            group = []
        if not timed and _TRACE.match(line):
            trace = True
        group.append(line)
    if any(line.strip() for line in group):
        yield group


def _in_a_trace(group: list[str]) -> bool:
    """Whether an empty line inside this group is part of it: chained tracebacks, Prisma's invocation texts."""
    return any(_TRACE.match(line) for line in group)


def _goes_on_behind_a_gap(group: list[str], line: str) -> bool:
    """Whether what stands behind an empty line belongs to this group: a cause, a detail, or what a code alone announced."""
    alone = len(group) == 1 and _ONLY_A_CODE.fullmatch(group[0]) is not None
    return alone or _PARAGRAPH.match(line) is not None


# --- undoing escapes --------------------------------------------------------------------------------------------

_NEWLINE = re.compile(r"(?<!\\)\\{1,16}[nrt]")
_QUOTE = re.compile(r"(?<!\\)\\{1,16}([\"'/])")
_UNICODE = re.compile(r"(?<!\\)\\{1,16}u([0-9a-fA-F]{4})")


def _plain(line: str, depth: int = 0, *, masked: bool = False) -> str:
    """A line with its JSON taken apart and its escapes undone; `masked`: without secrets."""
    undo = _masked if masked else _unescaped
    start = line.find("{")
    while start >= 0 and '"' in line[start:]:
        try:
            value, end = json.JSONDecoder().raw_decode(line, start)
        except (ValueError, RecursionError):
            start = line.find('{"', start + 1)
            continue
        if not isinstance(value, dict) or not value:
            break
        inside = "\n".join(_leaves(value, depth, masked=masked))
        return undo(line[:start]) + "\n" + inside + "\n" + _plain(line[end:], depth, masked=masked)
    return undo(line)


def _leaves(value: Any, depth: int, key: str = "", *, masked: bool) -> Iterator[str]:
    """Every string and number of a JSON value, numbers and codes with their key before them."""
    if isinstance(value, dict):
        for name, each in value.items():
            yield from _leaves(each, depth, str(name), masked=masked)
    elif isinstance(value, list):
        for each in value:
            yield from _leaves(each, depth, key, masked=masked)
    elif masked and is_secret_name(key):
        yield f"{key}: {MASK}"
    elif isinstance(value, str):
        if depth < _DEPTH and value.lstrip()[:1] == "{":
            yield _plain(value, depth + 1, masked=masked)
        elif len(value) <= 40:
            yield f"{key}: {value}"
        elif "\\" not in value:
            yield value
        else:
            yield _masked(value) if masked else _unescaped(value)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield f"{key}: {value}"


def _unescaped(text: str) -> str:
    if "\\" in text:
        text = _NEWLINE.sub("\n", text)
        text = _QUOTE.sub(r"\1", text)
        text = _UNICODE.sub(lambda found: chr(int(found[1], 16)), text)
        text = _ANSI.sub("", text)
    if '""' in text:
        text = text.replace('""', '"')
    if "&" in text and ";" in text:
        text = html.unescape(text)
    return text


def _masked(text: str) -> str:
    """As `_unescaped`; the entities of HTML stand around the rest, and go first."""
    if "&" in text and ";" in text:
        text = html.unescape(text)
    return _unescaped(redact(text)) if "\\" in text or '""' in text else text


# --- codes ------------------------------------------------------------------------------------------------------

_ANY = r"[0-9][0-9A-Z]{4}|XX000|P0001"
_KEYED = re.compile(
    r"(?i:sql_?state|state_code|err(?:or)?_?code|pg_?code|\bcode)[\"'`\]]{0,2}\s{0,3}[:=\[(]?\s{0,3}[\"'`“‘«„]?("
    + _ANY
    + r")\b"
)
_PLACED = re.compile(
    r"(?:[^\W\d_]{3,20}[:,：]\s{0,3}\"?|\(0x[0-9a-fA-F]{8}\): |Exception: |Error: )("
    + _ANY
    + r")(?=\"?[:,：])"
)
_BARE = re.compile(r"\b(57P0[1-5]|25P0[34]|42P05|28P01|08P01)\b")  # nothing else looks like these
_ROUTINE = re.compile(r"(?:routine|func_name|LOCATION)[\"'`]?\s{0,3}[:=]\s{0,3}[\"'`“‘«„]?(\w{4,60})")


def _sqlstates(text: str) -> Iterator[str]:
    """SQLSTATEs, where a key or the place says that the five characters are one."""
    for pattern in (_KEYED, _PLACED, _BARE):
        yield from pattern.findall(text)
