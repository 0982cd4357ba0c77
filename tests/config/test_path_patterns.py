"""Patterns for paths mean what pathspec says, and no pattern is so written that a path takes long."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pathspec import GitIgnoreSpec

from poolcheck.config.path_patterns import linear, path_patterns
from tests.ambiguity import shapes
from tests.patterns import Used

PIECES = st.lists(
    st.sampled_from(["a", "b", "*", "**", "/", "**/", "/**/", "[ab]", "[!a/]", "?", "\\*", "(", "*a*", "*b"]),
    min_size=1,
    max_size=10,
).map("".join)
PATHS = st.lists(st.text("ab*(", min_size=1, max_size=5), min_size=1, max_size=6).map("/".join)
HOSTILE = (
    "*a" * 50 + "b",
    "**/a*/" * 8 + "b",
    "a/**/*b*c/**/d*e*/f",
    "[!x]*" * 8 + "b",
    "*?" * 20 + "b",
    "*[a-c]*[(]*)b",
)


def expression(pattern: str) -> str:
    """What pathspec makes of a pattern."""
    (made,) = GitIgnoreSpec.from_lines([pattern]).patterns
    return made.regex.pattern if made.regex else ""


@given(PIECES, st.lists(PATHS, min_size=8, max_size=8), st.sampled_from(["", "/"]))
def test_paths_are_matched_as_by_pathspec(pattern: str, paths: list[str], end: str) -> None:
    """Anywhere, as a whole, and as a folder."""
    source = expression(pattern)
    if "[^" in source.replace("[^/", ""):  # takes a slash
        return
    old, new = re.compile(source), re.compile(linear(source))
    for path in paths:
        for how in ("match", "fullmatch"):
            one, two = getattr(old, how)(path + end), getattr(new, how)(path + end)
            assert (one is None) == (two is None), (source, path)
            assert one is None or one.groupdict().get("ps_d") == two.groupdict().get("ps_d")


def test_a_class_takes_no_slash() -> None:
    """As in git; to pathspec itself `a[!b]c` is a/c too."""
    spec = path_patterns(["a[!b]c"])

    assert spec.match_file("axc")
    assert not spec.match_file("a/c")


@pytest.mark.parametrize("pattern", HOSTILE)
def test_no_pattern_takes_long(pattern: str) -> None:
    """Wildcards are not tried again; what pathspec makes of each of these takes a square or worse."""
    for how in ("match", "fullmatch"):
        assert next(shapes(Used(re.compile(expression(pattern)), how)), None) is not None
        assert next(shapes(Used(re.compile(linear(expression(pattern))), how)), None) is None


def test_a_hostile_pattern_is_over() -> None:
    """With pathspec's own expression this would not end in anybody's life."""
    name = "a" * 250

    assert not path_patterns(["*a" * 120 + "b"]).match_file(name)
    assert path_patterns(["*a" * 120 + "b"]).match_file(name + "b")
