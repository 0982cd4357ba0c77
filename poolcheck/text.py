"""Text from outside, made fit to be shown: control characters out, widths as a terminal counts them."""

import re
from collections.abc import Iterable

# C0 and C1 controls, DEL, bidi overrides, zero-width and other characters that move or hide text in a terminal.
_CONTROL = r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
_ESCAPE = r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])"


def clean(text: str, *, limit: int | None = None) -> str:
    """One line without terminal escapes and control characters; cut to `limit` characters with an ellipsis."""
    if not text.isprintable():  # false for every control, format and surrogate character
        text = re.sub(_CONTROL, " ", re.sub(_ESCAPE, "", text))
    if limit is not None and len(text) > limit:
        text = text[: max(limit - 1, 0)] + "…"
    return text


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
