"""Ignore comments in any comment syntax, and which of them were never needed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolcheck.model.ignores import Ignore, Ignores, Placed, Unused, parse_ignore


@pytest.mark.parametrize(
    "opening", ["#", "# ", "//", "// ", "--", "-- ", ";", "/* ", "/** ", "<!-- ", "", "# noqa # "]
)
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("poolcheck: ignore", Ignore()),
        ("poolcheck: ignore we know", Ignore(reason="we know")),
        ("poolcheck: ignore[PC101]", Ignore(("pc101",))),
        ("poolcheck:ignore[pc101, PC203] its own pooler", Ignore(("pc101", "pc203"), "its own pooler")),
        (
            "Poolcheck: Ignore[direct-endpoint-for-app] -- reason",
            Ignore(("direct-endpoint-for-app",), "reason"),
        ),
        ("poolcheck: ignore-file[PC110]", Ignore(("pc110",), file_wide=True)),
        ("poolcheck: ignore-file fixtures", Ignore(reason="fixtures", file_wide=True)),
        ("poolcheck: ignore[PC101,PC101]", Ignore(("pc101",))),
    ],
)
def test_comments_are_read_in_every_syntax(opening: str, words: str, expected: Ignore) -> None:
    """The marker may be there or not."""
    assert parse_ignore(opening + words) == expected


@pytest.mark.parametrize("text", ["/* poolcheck: ignore[PC101] */", "<!-- poolcheck: ignore[PC101] -->"])
def test_a_closing_marker_is_no_reason(text: str) -> None:
    """Block comments end themselves."""
    assert parse_ignore(text) == Ignore(("pc101",))


@pytest.mark.parametrize(
    "text",
    [
        "# use poolcheck to see",
        "# poolcheck says: ignore",
        "# run poolcheck: it finds leaks",
        "# write poolcheck: ignore to silence it",
        "# poolcheck: ignored",
        "# poolcheck: ignore-next-line",
        "# noqa",
        "",
    ],
)
def test_prose_about_poolcheck_is_prose(text: str) -> None:
    """Only a comment that begins so is meant."""
    assert parse_ignore(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "# poolcheck: ignore PC101",
        "# poolcheck: ignore: PC101",
        "# poolcheck: ignore(PC101)",
        "# poolcheck: ignore=PC101",
        "# poolcheck: ignore[PC101",
        "# poolcheck: ignore[]",
        "# poolcheck: ignore[ , ]",
        "# poolcheck: ignore[PC101 PC102]",
        "# poolcheck: ignore[PC1*]",
    ],
)
def test_a_slip_silences_nothing_and_is_told(text: str) -> None:
    """A typing error must not switch off every rule."""
    ignore = parse_ignore(text)
    assert ignore is not None
    assert ignore.trouble
    assert not ignore.means("PC101", "direct-endpoint-for-app")


@given(st.text(max_size=40), st.text(max_size=40))
def test_no_comment_makes_it_raise(before: str, behind: str) -> None:
    """Whatever stands around the words."""
    parse_ignore(f"{before}poolcheck: ignore{behind}")


def placed(comment: str, line: int, *lines: int) -> Placed:
    """A comment that covers these lines."""
    ignore = parse_ignore(comment)
    assert ignore is not None
    return Placed(ignore, line, lines)


IGNORES = Ignores(
    (
        placed("# poolcheck: ignore[PC101, PC203]", 3, 3, 4),
        placed("# poolcheck: ignore", 7, 7),
        placed("# poolcheck: ignore-file[PC110]", 9),
        placed("# poolcheck: ignore PC101", 11, 11),
    )
)


def test_a_line_is_covered_by_id_or_by_name() -> None:
    """On the line or the line above, or for the whole file."""
    assert IGNORES.covers("PC101", "direct-endpoint", 4)
    assert not IGNORES.covers("PC102", "session-pooler", 4)
    assert not IGNORES.covers("PC101", "direct-endpoint", 5)
    assert IGNORES.covers("PC999", "anything", 7)
    assert IGNORES.covers("PC110", "placeholder-left", None)
    assert not IGNORES.covers("PC999", "anything", None)
    assert not IGNORES.covers("PC101", "direct-endpoint", 11)


def test_unused_comments_are_found_rule_by_rule() -> None:
    """Of a comment that names two rules, the one that met nothing is named."""
    found = [
        ("PC101", "direct-endpoint", 4),
        ("PC110", "placeholder-left", 20),
        ("PC101", "direct-endpoint", 11),
    ]
    unused = IGNORES.unused(found)
    assert [(each.line, each.rule) for each in unused] == [(3, "pc203"), (7, ""), (11, "")]
    assert "brackets" in unused[-1].why


def test_a_rule_that_did_not_run_is_not_called_unused() -> None:
    """`--select` must not make comments look superfluous."""
    unused = IGNORES.unused([], ran={"pc101"})
    assert [(each.line, each.rule) for each in unused] == [(3, "pc101"), (11, "")]


def test_no_comments_cover_nothing() -> None:
    """The usual file."""
    assert not Ignores()
    assert Ignores().covers("PC101", "direct-endpoint", 1) is None
    assert Ignores().unused([("PC101", "direct-endpoint", 1)]) == ()
    assert Unused(1, "", "why").line == 1
