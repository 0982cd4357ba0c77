"""Words that resemble one that nobody knows: one search, and how like they must be."""

import ast
from pathlib import Path

import pytest

from poolcheck.text import did_you_mean, nearest

PACKAGE = Path(__file__).parents[1] / "poolcheck"


@pytest.mark.parametrize(
    ("word", "hint"),
    [("warningg", "Did you mean warning?"), ("eror", "Did you mean error?"), ("x", ""), ("", "")],
)
def test_a_hint(word: str, hint: str) -> None:
    """The nearest word, or nothing."""
    assert did_you_mean(word, ("error", "warning", "info")) == hint


def test_how_like() -> None:
    """A stricter search finds less, and no more than was asked for."""
    known = ("verify-ca", "verify-full", "require")

    assert nearest("verify-fll", known, most=3) == ("verify-full", "verify-ca")
    assert nearest("verify-fll", known, alike=0.8, most=3) == ("verify-full",)
    assert nearest("verify-fll", known) == ("verify-full",)
    assert nearest("verify-fll", known, alike=0.99) == ()


def test_nobody_searches_by_himself() -> None:
    """Only one module asks difflib which words are alike."""
    asking = [
        path.relative_to(PACKAGE).as_posix()
        for path in sorted(PACKAGE.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and "get_close_matches" in {name.name for name in node.names}
    ]
    assert asking == ["text.py"]
