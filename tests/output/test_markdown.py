"""Markdown: the golden file, the size limit, and text of files that stays text."""

import re
from dataclasses import replace

from markdown_it import MarkdownIt

from poolcheck.output import markdown
from poolcheck.output.paint import Style
from tests.output.goldens import FORMATS, golden
from tests.output.sample import FIRST, SECRET, clean_lint, sample, unchecked

GITHUB_LIMIT = 65_536


def test_golden() -> None:
    """The sample report gives the golden file."""
    assert FORMATS["markdown.md"].rstrip("\n") == golden("markdown.md")


def test_starts_with_its_marker_and_the_verdict() -> None:
    """A job finds its comment by the marker; people see the verdict first."""
    lines = markdown.render(sample(), Style()).splitlines()

    assert lines[0] == markdown.MARKER
    assert lines[1] == "## poolcheck gate: ❌ fail"
    assert "⚠️ could not check" in markdown.render(unchecked(), Style())
    assert "✅ poolcheck lint: nothing found" in markdown.render(clean_lint(), Style())


def test_text_of_files_stays_text() -> None:
    """No HTML, emphasis, mention or issue reference comes from a message; a fence cannot be closed from inside."""
    html = MarkdownIt("commonmark").enable("table").render(markdown.render(sample(), Style()))

    assert "<b>" not in html
    assert "&lt;b&gt;red&lt;/b&gt;" in html
    assert not re.search(r"@\w", re.sub(r"<code>.*?</code>", "", html, flags=re.DOTALL))
    assert "```` a fence in a line" in html
    assert html.count("<table>") == 2


def test_fits_into_a_comment_and_says_what_is_left_out() -> None:
    """Two thousand findings: below the limit, errors kept, the rest counted."""
    many = replace(sample(), findings=tuple(replace(FIRST, key=str(number)) for number in range(2_000)))

    text = markdown.render(many, Style())

    assert len(text) < GITHUB_LIMIT
    assert len(text.encode()) < GITHUB_LIMIT
    shown = text.count("**error**")
    assert shown > 50
    assert f"*{2_000 - shown:,} findings more, left out" in text
    assert "The five steps" in text


def test_fits_also_when_the_steps_alone_do_not() -> None:
    """Everything is cut, and said to be."""
    step = replace(sample().fix_path[0], why="ä" * 70_000)

    text = markdown.render(replace(sample(), fix_path=(step,)), Style())

    assert len(text.encode()) < GITHUB_LIMIT
    assert "longer than a comment may be" in text


def test_no_secret() -> None:
    """Edits are not shown; lines to copy are masked."""
    assert SECRET not in markdown.render(sample(), Style())
