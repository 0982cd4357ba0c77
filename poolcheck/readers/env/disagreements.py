"""Which lines mean different things to the loaders in use, by which character, and to what effect.

The line is given to each loader. Where they differ, the characters that can cause it are taken out one after the
other until they agree: that one is named. Nothing of the value is ever part of a sentence.
"""

import re
from collections.abc import Collection, Iterator
from itertools import accumulate, groupby
from typing import NamedTuple

from poolcheck.model.target import Disagreement
from poolcheck.readers.env.dialects import DIALECTS
from poolcheck.readers.env.dotenv import Entry

LOADER_NAMES = {
    "python-dotenv": "python-dotenv",
    "node-dotenv": "node dotenv",
    "node-dotenv-14": "node dotenv up to 14",
    "nextjs": "Next.js",
    "dotenv-expand": "dotenv-expand",
    "prisma": "Prisma",
    "docker": "docker run --env-file",
    "compose": "Compose",
    "shell": "a shell",
    "direnv": "direnv",
}
_LONGEST = 4_096  # characters; the loaders' own patterns are not linear, and no connection string is longer
_MEANT = re.compile(
    r"\\\$|\$(?:[A-Z][A-Z0-9_]+|\{[A-Za-z_]\w*(?:[:?+=-][^}]{0,500})?\})"
)  # `\$`, `$PGHOST`, `${host}`


_MARK_WORDS = {
    " ": "a space",
    "\t": "a tab",
    "\\": "a backslash",
    "'": "a single quote",
    '"': "a double quote",
    "`": "a backquote",
}
_NEVER_FILL = ("node-dotenv", "node-dotenv-14", "docker")


class _Line(NamedTuple):
    """A line in the parts that a loader may stumble over."""

    head: str  # up to and with `=`, without space around it and without `export`
    export: str
    name_gap: str  # the space before `=`
    gap: str  # the space after it
    quote: str
    value: str
    tail: str  # behind the closing quote or the value

    def __str__(self) -> str:
        return f"{self.export}{self.head}{self.name_gap}={self.gap}{self.quote}{self.value}{self.quote}{self.tail}"


class _Cause(NamedTuple):
    words: str
    column: int | None  # from 1
    without: _Line  # the line with the cause taken out
    mark: str


def find(entry: Entry, loaders: Collection[str]) -> tuple[Disagreement, ...]:
    """The disagreement about one line, or ().

    A single loader disagrees with the others in the world when it loses or changes what is written, unless the
    writer plainly meant it: `${HOST}`, `$PGHOST`.

    Args:
        entry: an active assignment on one line.
        loaders: keys of DIALECTS; unknown ones are passed over.
    """
    known = [loader for loader in DIALECTS if loader in loaders]
    line = _split(entry)
    if not known or line is None or entry.value is None or len(entry.raw_line) > _LONGEST:
        return ()
    readings = _readings(line, entry.key, known)
    alone = len(set(readings.values())) == 1
    if alone and readings[known[0]] in (entry.value, DIALECTS["python-dotenv"](str(line)).get(entry.key)):
        return ()
    cause = _cause(entry, line, known)
    if cause is None or (alone and cause.mark == "$" and "$" not in _MEANT.sub("", line.value)):
        return ()
    who = _and([LOADER_NAMES[loader] for loader in known])
    if alone:
        who += " than by most other loaders"
    return (Disagreement(cause.words, who, _effects(readings, entry, cause), cause.column),)


def _split(entry: Entry) -> _Line | None:
    text = entry.raw_line
    found = re.match(
        r"\s*+(?P<export>export\s++)?(?P<head>(?:[^=]*[^=\s])?)(?P<name_gap>\s*)=(?P<gap>\s*)", text
    )
    if found is None or entry.line != entry.end_line or "\n" in text or "\r" in text:
        return None
    return _Line(
        head=found["head"],
        export=found["export"] or "",
        name_gap=found["name_gap"],
        gap=found["gap"],
        quote=entry.quote,
        value=entry.raw,
        tail=text[entry.value_end_column + len(entry.quote) :],
    )


def _readings(line: _Line, key: str, loaders: Collection[str]) -> dict[str, str | None]:
    text = f"{line}\n"
    # What a later line of an .envrc exports is not seen from here: count it as exported.
    exported = text if line.export else f"export {text}"
    return {loader: DIALECTS[loader](exported if loader == "direnv" else text).get(key) for loader in loaders}


def _causes(entry: Entry, line: _Line) -> Iterator[_Cause]:
    """What can cause a disagreement, the commonest first."""
    kind = {"": "an unquoted value", '"': "double quotes", "'": "single quotes"}[line.quote]
    for mark in "#$\\`'\"&;|<>() \t":
        at = line.value.find(mark)
        if at >= 0:
            words = _MARK_WORDS.get(mark, f"'{mark}'")
            yield _Cause(
                f"{words} in {kind}",
                entry.value_column + at + 1,
                line._replace(value=line.value.replace(mark, "x")),
                mark,
            )
    after = len(entry.raw_line) - len(line.tail)
    if line.tail.strip():
        yield _Cause("the comment behind the value", after + 1, line._replace(tail=""), "comment")
    if line.tail and not line.tail.strip():
        yield _Cause("the space behind the value", after + 1, line._replace(tail=""), "comment")
    if line.name_gap or line.gap:
        at = entry.raw_line.find("=")
        yield _Cause("the space around `=`", at + 1, line._replace(name_gap="", gap=""), "gap")
    if line.export:
        yield _Cause("`export`", entry.raw_line.find("export") + 1, line._replace(export=""), "export")
    if line.quote:
        yield _Cause(f"the pair of {kind}", entry.value_column, line._replace(quote=""), "quotes")


def _cause(entry: Entry, line: _Line, loaders: Collection[str]) -> _Cause | None:
    """The first cause without which the loaders agree with each other and with what is written."""
    causes = list(_causes(entry, line))
    for cause in causes:
        if _agree(cause.without, entry.key, loaders):
            return cause
    merged = accumulate(
        causes, lambda before, cause: cause._replace(without=_both(line, before.without, cause.without))
    )
    return next((cause for cause in merged if _agree(cause.without, entry.key, loaders)), None)


def _both(line: _Line, one: _Line, other: _Line) -> _Line:
    parts = {
        field: getattr(one if getattr(one, field) != getattr(line, field) else other, field)
        for field in _Line._fields
    }
    if line.value not in {one.value, other.value}:
        parts["value"] = "".join(
            a if a != b else c for a, b, c in zip(one.value, line.value, other.value, strict=True)
        )
    return _Line(**parts)


def _agree(line: _Line, key: str, loaders: Collection[str]) -> bool:
    return set(_readings(line, key, loaders).values()) == {line.value}


_VERBS = {
    "unset": ("does not set the variable", "do not set the variable"),
    "keep": ("takes it as it stands", "take it as it stands"),
    "end": ("ends the value there", "end the value there"),
    "shorten": ("ends the value earlier", "end the value earlier"),
    "unescape": ("takes the backslash away", "take the backslash away"),
    "fill": ("fills in a variable there", "fill in a variable there"),
    "quotes": ("makes the quotes part of the value", "make the quotes part of the value"),
    "comment": ("makes it part of the value", "make it part of the value"),
    "other": ("reads another value", "read another value"),
}


def _effects(readings: dict[str, str | None], entry: Entry, cause: _Cause) -> str:
    """Who does what, those alike together."""
    kinds = sorted(
        ((_kind(loader, reading, entry, cause), loader) for loader, reading in readings.items()),
        key=lambda kind: kind[0],
    )
    said = []
    for kind, group in groupby(kinds, key=lambda each: each[0]):
        names = [LOADER_NAMES[loader] for _, loader in group]
        said.append(f"{_and(names)} {_VERBS[kind][len(names) > 1]}")
    return ", ".join(said)


def _kind(loader: str, reading: str | None, entry: Entry, cause: _Cause) -> str:
    value = entry.value or ""
    if reading is None:
        return "unset"
    if reading == value:
        return "keep"
    if cause.mark in "$\\" and reading == re.sub(r"\\(.)", r"\1", value):
        return "unescape"
    if cause.mark == "$" and loader not in _NEVER_FILL:
        return "fill"
    if cause.mark == "quotes" and reading == entry.quote + entry.raw + entry.quote:
        return "quotes"
    if cause.mark == "comment" and value in reading:
        return "comment"
    if reading and len(cause.mark) == 1 and value.startswith(reading):
        return "end" if reading == value[: value.find(cause.mark)].rstrip() else "shorten"
    return "other"


def _and(names: list[str]) -> str:
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]
