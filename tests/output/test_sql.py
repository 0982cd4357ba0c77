"""Masked statements, laid out: within the room, nothing added, and at once whatever the server sends."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poolcheck.live.sql.normalise import normalise
from poolcheck.output._sql import LONGEST, MOST_LINES, laid_out
from poolcheck.text import clean, width


def test_one_clause_a_line() -> None:
    """As one would write it."""
    masked = normalise(
        "SELECT a, b FROM t JOIN u ON t.id = u.id WHERE p = 'secret' AND id IN (1, 2, 3) LIMIT 5"
    )

    assert laid_out(masked, 60) == [
        "SELECT a, b", "FROM t", "JOIN u ON t.id = u.id", "WHERE p = ?", "  AND id IN (?, ...)", "LIMIT ?",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "piece",
    [
        "(",
        "()",
        "((a)",
        "select ",
        "case ",
        "begin ",
        "a,",
        "[",
        "a and ",
        "'",
        '"',
        "/*",
        "--",
        "$$",
        "€",
        "\x1b[2J",
    ],
)
@pytest.mark.parametrize("size", [LONGEST, 100_000])
def test_hostile_statement_is_shown_at_once(piece: str, size: int) -> None:
    """Deep nesting and long lists: laid out, or one line; never an error."""
    started = time.process_time()
    lines = laid_out(piece * (size // len(piece)), 60)

    assert time.process_time() - started < 2
    assert len(lines) <= MOST_LINES
    assert all(width(line) <= 60 and clean(line) == line for line in lines)


SQL = st.lists(
    st.sampled_from(["select ", "from t ", "where ", "(", ")", "?", ", ...", "a", '"b c"', "and ", "case when ", "end ", ";", "\n", "/*", "€", "日本"]),
    max_size=40,
).map("".join)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.one_of(SQL, st.text(max_size=80)), st.integers(34, 120))
def test_words_stay_and_lines_fit(text: str, room: int) -> None:
    """Whatever the statement: the words in their order, as far as they are shown."""
    lines = laid_out(normalise(text), room)
    shown, whole = "".join("".join(lines).split()), "".join(clean(normalise(text)).split())

    assert all(width(line) <= room and clean(line) == line for line in lines)
    if "…" not in shown:
        assert shown == whole
