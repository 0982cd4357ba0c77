"""Text from outside, made fit to be shown: what is invisible out, no CI commands, widths as a terminal counts them."""

import re
from collections.abc import Iterable

_ESCAPE = r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])"
_COLOUR = r"(\x1b\[[\d;]*m)"
# What makes a runner obey a line of its log: GitHub trims the line first, and finds `##[` anywhere, as Azure does.
_LINE_COMMAND = rf"(?m)^([ \t]*{_COLOUR}*):(?=:[A-Za-z])"
COMMAND = r"(?i)#(?=#(?:vso|teamcity)?\[)"


def clean(text: str, *, limit: int | None = None) -> str:
    """One line without terminal escapes and invisible characters; cut to `limit` characters with an ellipsis.

    A space stands for each character that `str.isprintable` refuses: by Unicode's categories (controls, formats,
    surrogates, private, separators, and what has no category yet), so that no list of them can be too short.
    """
    if not text.isprintable():
        text = _visible(re.sub(_ESCAPE, "", text) if "\x1b" in text else text)
    if limit is not None and len(text) > limit:
        text = text[: max(limit - 1, 0)] + "…"
    return text


def clean_lines(text: str) -> str:
    """As `clean`, for a text whose line ends are its own."""
    return "\n".join(clean(line) for line in text.split("\n"))


def shown(text: str, *, commands: bool = False) -> str:
    """The last door of a whole text: lines, tabs and colours stay, nothing else invisible; no runner obeys a line of it.

    `commands`: the lines are meant for the runner.
    """
    if not text.replace("\n", "").isprintable():
        parts = re.split(_COLOUR, text)
        text = "".join(part if number % 2 else _visible(part, "\n\t") for number, part in enumerate(parts))
    if not commands and ("::" in text or "##" in text):
        text = re.sub(COMMAND, "# ", re.sub(_LINE_COMMAND, r"\1: ", text))
    return text


def _visible(text: str, kept: str = "") -> str:
    return text.translate(
        {ord(char): " " for char in set(text) if not char.isprintable() and char not in kept}
    )


def sentence(text: str) -> str:
    """The text with its first letter in upper case, and the others as they are."""
    return text[:1].upper() + text[1:]


def width(text: str) -> int:
    """Columns that a terminal gives to the text: wide East Asian characters take two, combining ones none."""
    if text.isascii():
        return len(text)
    import unicodedata  # noqa: PLC0415 - most text is ASCII

    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1
        for char in text
    )


def nearest(word: str, known: Iterable[str], *, alike: float = 0.6, most: int = 1) -> tuple[str, ...]:
    """The known words that a wrong one resembles, the nearest first, at most `most`; empty when none is near.

    `alike` is how like they must be, from 0 to 1: 0.6 for a hint, more where something rests on what was meant.
    """
    from difflib import get_close_matches  # noqa: PLC0415 - 2 ms, and only for a word that nobody knows

    return tuple(get_close_matches(word, list(known), n=most, cutoff=alike))


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`Did you mean x?`, or nothing when nothing is near."""
    near = nearest(word, known)
    return f"Did you mean {near[0]}?" if near else ""


def percent(share: float) -> str:
    """`40 %` of 0.4, `42.5 %` of 0.425: exact, for a limit that somebody set."""
    return f"{share * 100:g} %"


def plural(count: int, one: str, many: str = "") -> str:
    """`1 file`, `2 files`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def seconds(value: float | None) -> str:
    """`42 s`, `12 min`, `3 h`, `5 d`: an age for reading."""
    if value is None:
        return "an unknown time"
    if value < 120:
        return f"{round(value)} s"
    if value < 7200:
        return f"{round(value / 60)} min"
    if value < 48 * 3600:
        return f"{round(value / 3600)} h"
    return f"{round(value / 86400)} d"
