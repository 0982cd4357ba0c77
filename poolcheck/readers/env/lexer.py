"""One pass over an env file, statement by statement, as python-dotenv's parser goes.

The tests compare the two on thousands of generated files; see poolcheck.readers.env.dotenv for what comes of it.
"""

import re
from itertools import accumulate
from typing import Literal, NamedTuple

from poolcheck.record import dataclass

UnreadableKind = Literal["unterminated", "after-quote", "yaml", "not-an-assignment", "nul", "expands-too-far"]

# Repetitions are possessive, and the branches of a group exclude each other: no backtracking, so a hostile line costs
# no more than its length. A possessive group would say the same, and is matched wrongly before Python 3.11.5.
_LINE = re.compile(r"[^\r\n]*+(?:\r\n|\r|\n)|[^\r\n]++")
_BLANK = re.compile(r"\s*+")
_EXPORT = re.compile(r"(?:export[^\S\r\n]++)?")
_HEAD = re.compile(
    r"(?:(?P<export>export[^\S\r\n]++)|(?!export[^\S\r\n]))"
    r"(?:'(?P<quoted_key>[^']++)'|(?!')(?P<key>[^=#\s]++))[^\S\r\n]*+"
    r"(?:(?P<equal>=[^\S\r\n]*+)|(?!=))"
)
_TAIL = re.compile(r"[^\S\r\n]*+(?:(?P<comment>#[^\r\n]*+)|(?!#))(?:\r\n|\n|\r|\Z)")
_REST = re.compile(r"[^\r\n]*+")
_ESCAPES = {"'": r"\\[\\']", '"': r"\\[\\'\"abfnrtv]"}
_ESCAPED = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_COMMENTED_OUT = (
    r"(?i)#[#\s]*+(?=(?:export\s++)?[A-Za-z_][\w.]*+\s*+=\s*+[\"']?"
    r"(?:postgres(?:ql)?(?:\+\w+)?|prisma(?:\+postgres)?|jdbc:postgresql)://)"
)
_YAML_LIKE = r"(?:export\s++)?(?P<key>[\w.-]+):[^\S\r\n]++\S"

_QUOTE_NAMES = {'"': "the double quote", "'": "the single quote"}

_MOST_EXPANDED = 1_000_000  # characters; `${A}${A}` twenty lines long would be a million copies


class EnvComment(NamedTuple):
    """A comment, from its `#` to the end of the line. `alone`: nothing but space before it."""

    line: int
    column: int
    text: str
    alone: bool


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Entry:
    """One assignment. Holds real text, passwords included: never print its fields unmasked."""

    key: str
    value: str | None  # as python-dotenv gives it before interpolation; None: a bare name without `=`
    resolved: str | None  # after interpolation from this file alone, as if nothing were set outside
    line: int
    column: int  # where the key starts
    end_line: int  # greater than `line` when a quoted value spans lines
    raw: str  # the value as written, between the quotes; "" for a bare name
    raw_line: str  # the whole line as written, or lines, without the last newline
    quote: Literal["", "'", '"']
    value_column: int  # raw_line[value_column:] starts with `raw`; where to write, when there is no value
    value_end_column: int  # in line `end_line`
    export: bool = False
    comment: str = ""  # the comment behind the value, from its `#`
    commented: bool = False  # a commented-out alternative: no loader reads it
    interpolated: tuple[str, ...] = ()  # names in `${NAME}` and `${NAME:-default}`, in order of use

    @property
    def location_column(self) -> int:
        """The key's column from 1."""
        return self.column + 1

    def __repr__(self) -> str:
        return f"Entry({self.key!r}, line {self.line})"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class UnreadableLine:
    """Lines that python-dotenv skips with a warning, or that no loader can use. `message` holds no secret."""

    kind: UnreadableKind
    message: str
    line: int
    end_line: int
    column: int
    raw_line: str  # may hold a secret: never print
    key: str = ""  # the name that was being set, as far as it can be told

    def __repr__(self) -> str:
        return f"Unreadable({self.kind!r}, line {self.line}: {self.message})"


class Scan:
    """One pass over a text, statement by statement, as python-dotenv's parser goes."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.lines = _LINE.findall(text)
        self.starts = [0, *accumulate(map(len, self.lines))]
        self.entries: list[Entry] = []
        self.comments: list[EnvComment] = []
        self.problems: list[UnreadableLine] = []
        self.known: dict[str, str | None] = {}
        self.commented = False
        self.row = 0

    def run(self) -> None:
        """Read the whole text; entries and comments are there afterwards."""
        text, end = self.text, len(self.text)
        pos = 1 if text.startswith("\ufeff") else 0
        while (pos := _match_end(_BLANK, text, pos)) < end:
            pos = self.statement(pos)
        for number, line in enumerate(self.lines, 1) if "\0" in text else ():
            if "\0" in line:
                self.complain(
                    "nul", "a NUL character: no environment variable can hold it", self.starts[number - 1]
                )

    def place(self, pos: int) -> tuple[int, int]:
        """Line from 1 and column from 0 of a position. Asked nearly in order, so the row moves little."""
        starts, row = self.starts, self.row
        while starts[row] > pos:
            row -= 1
        while row + 1 < len(self.lines) and starts[row + 1] <= pos:
            row += 1
        self.row = row
        return row + 1, pos - starts[row]

    def written(self, line: int, end_line: int) -> str:
        """The text of these rows, both included, counted from 1."""
        return "".join(self.lines[line - 1 : end_line]).rstrip("\r\n")

    def statement(self, pos: int) -> int:
        """Read what starts at `pos`, the first character that is not space; return where the next begins."""
        mark = _match_end(_EXPORT, self.text, pos)
        if self.text.startswith("#", mark):
            return self.comment_line(mark)
        return self.assignment(pos, len(self.text))

    def assignment(self, pos: int, end: int) -> int:
        """Read one assignment out of text[pos:end]."""
        text = self.text
        head = _HEAD.match(text, pos, end)
        if head is None:
            return self.skip("not-an-assignment", "no NAME=value here", pos, _match_end(_EXPORT, text, pos))
        after = start = head.end()
        key = head["quoted_key"] or head["key"]
        quote, value, raw = "", None, ""
        if head["equal"] is not None:
            value, first = "", text[after] if after < end else ""
            if first and first in "\"'":
                quote, start = first, after + 1
                close = _closing_quote(text, start, end, quote)
                if close is None:
                    return self.skip(
                        "unterminated", f"{_QUOTE_NAMES[quote]} is never closed", pos, after, key
                    )
                raw, after = text[start:close], close + 1
                value = _unescape(_one_newline(raw), quote)
            elif first == "#" and len(head["equal"]) > 1:
                start = head.start("equal") + 1
            else:
                value = raw = _unquoted(text[after : _match_end(_REST, text, after)])
                after += len(value)
        tail = _TAIL.match(text, after, end)
        if tail is None:
            return self.refuse(pos, after, key, quote)
        comment = tail["comment"] or ""
        if comment and not self.commented:
            self.comments.append(EnvComment(*self.place(tail.start("comment")), comment, alone=False))
        self.add(head, value, raw=raw, quote=quote, start=start, comment=comment)
        return tail.end()

    def refuse(self, pos: int, after: int, key: str, quote: str) -> int:
        """Pass over a statement with something behind its key or its closing quote."""
        if quote:
            return self.skip(
                "after-quote", f"text follows {_QUOTE_NAMES[quote]} that closes the value", pos, after, key
            )
        yaml = re.match(_YAML_LIKE, self.text[pos : _match_end(_REST, self.text, pos)])
        if yaml is not None:
            return self.skip(
                "yaml",
                "`NAME: value` is read by some loaders only; write NAME=value",
                pos,
                after,
                yaml["key"],
            )
        return self.skip("not-an-assignment", "no `=` follows the name", pos, after)

    def add(
        self, head: re.Match[str], value: str | None, *, raw: str, quote: str, start: int, comment: str
    ) -> None:
        """Keep an assignment; `start` is where its raw value is."""
        line, value_column = self.place(start)
        end_line, end_column = self.place(start + len(raw))
        key_line, column = self.place(head.start("quoted_key") if head["quoted_key"] else head.start("key"))
        key = _one_newline(head["quoted_key"] or head["key"])
        names: tuple[str, ...] = ()
        resolved = value
        if value and "${" in value:
            names, resolved = _interpolate(value, self.known)
            if resolved is None:
                self.complain("expands-too-far", "filling in ${...} makes this value enormous", start, key)
                resolved = value
        if not self.commented:
            self.known[key] = resolved
        self.entries.append(
            Entry(
                key=key,
                value=value,
                resolved=resolved,
                line=line,
                column=column if key_line == line else 0,
                end_line=end_line,
                raw=raw,
                raw_line=self.written(line, end_line),
                quote=quote,  # type: ignore[arg-type]  # one of the three by construction
                value_column=value_column,
                value_end_column=end_column,
                export=head["export"] is not None,
                comment=comment,
                commented=self.commented,
                interpolated=names,
            )
        )

    def comment_line(self, mark: int) -> int:
        """Read a line that is only a comment; a connection string commented out is kept as an entry."""
        end = _match_end(_REST, self.text, mark)
        line, column = self.place(mark)
        comment = self.text[mark:end]
        self.comments.append(EnvComment(line, column, comment, alone=True))
        if "://" in comment and (opening := re.match(_COMMENTED_OUT, comment)) is not None:
            self.commented = True
            self.assignment(mark + opening.end(), end)
            self.commented = False
        return end

    def skip(self, kind: UnreadableKind, message: str, start: int, reached: int, key: str = "") -> int:
        """Pass over a statement that cannot be read, to the end of the line that was reached."""
        end = _match_end(_REST, self.text, reached)
        if not self.commented:
            self.complain(kind, message, start, key, end)
        return end

    def complain(
        self, kind: UnreadableKind, message: str, start: int, key: str = "", end: int | None = None
    ) -> None:
        """Note a problem of the statement that begins at `start`."""
        line, column = self.place(start)
        end_line = line if end is None else self.place(end)[0]
        self.problems.append(
            UnreadableLine(
                kind=kind,
                message=message,
                line=line,
                end_line=end_line,
                column=column,
                raw_line=self.written(line, end_line),
                key=key,
            )
        )


def _match_end(pattern: re.Pattern[str], text: str, pos: int) -> int:
    """Where a pattern that always matches ends."""
    found = pattern.match(text, pos)
    return found.end() if found else pos


def _closing_quote(text: str, pos: int, end: int, quote: str) -> int | None:
    """The first `quote` from `pos` that no backslash escapes."""
    close = text.find(quote, pos, end)
    while close >= 0:
        slash = text.find("\\", pos, close)
        if slash < 0:
            return close
        pos = slash + 2
        if pos > close:
            close = text.find(quote, pos, end)
    return None


def _one_newline(text: str) -> str:
    """Newlines as Python's text files give them."""
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def _unescape(raw: str, quote: str) -> str:
    if "\\" not in raw:
        return raw
    return re.sub(_ESCAPES[quote], lambda found: _ESCAPED.get(found[0][1], found[0][1]), raw)


def _unquoted(rest: str) -> str:
    """An unquoted value: up to a `#` that follows space."""
    found = re.search(r"\s#", rest) if "#" in rest else None
    return (rest[: found.start()] if found else rest).rstrip()


def _interpolate(value: str, known: dict[str, str | None]) -> tuple[tuple[str, ...], str | None]:
    """The names used in `${NAME}` and `${NAME:-default}`, and the value with them filled in; None: too long.

    Each of the three pointers only moves forward, so `${${${...` costs no more than its length.
    """
    names: list[str] = []
    parts: list[str] = []
    size = done = 0
    close = colon = -1
    at = value.find("${")
    while at >= 0:
        inside = at + 2
        if close < inside and (close := value.find("}", inside)) < 0:
            break
        if 0 <= colon < inside or colon == -1:
            colon = value.find(":", inside)
            colon = len(value) if colon < 0 else colon
        if colon < close and not value.startswith(":-", colon):
            at = value.find("${", inside)
            continue
        name = value[inside : min(colon, close)]
        default = value[colon + 2 : close] if colon < close else ""
        filled = (known[name] or "") if name in known else default
        parts += (value[done:at], filled)
        size += len(filled)
        if size > _MOST_EXPANDED:
            return tuple(names), None
        names.append(name)
        done = close + 1
        at = value.find("${", done)
    parts.append(value[done:])
    return tuple(names), "".join(parts)
