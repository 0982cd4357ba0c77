"""Pages of `explain` on a terminal with colour: rich's, tuned. Elsewhere they stay as they were."""

import re

import pytest

from poolcheck import reference
from poolcheck.commands.explain import LISTS
from poolcheck.model.explanation import Page, Pages
from poolcheck.output.paint import Paint, Style
from poolcheck.output.sections import pages
from poolcheck.text import width
from tests.commands.running import poolcheck

COLOUR = re.compile(r"\x1b\[[\d;]*m")


def shown(markdown: str, *, columns: int, color: bool) -> list[str]:
    """The lines of a page."""
    section = Pages(items=(Page(id="x", markdown=markdown),))
    return list(pages.text(section, Paint(Style(width=columns, color=color))))


@pytest.mark.parametrize("name", sorted(reference.names()))
@pytest.mark.parametrize("columns", [60, 80])
def test_no_word_is_lost_and_every_line_fits(name: str, columns: int) -> None:
    """`*.neon.tech`, `<host>` and `a_b_` are text; only what cannot be cut goes beyond the width: URLs and code."""
    markdown = reference.page(name) or ""
    plain = shown(markdown, columns=columns, color=False)
    lines = [COLOUR.sub("", line) for line in shown(markdown, columns=columns, color=True)]

    assert "".join(" ".join(lines).split()) == "".join(" ".join(plain).split())
    assert all(line.isprintable() for line in lines)
    code = {line for line in plain if width(line) > columns}
    assert all(width(line) <= columns or " " not in line.strip() or line in code for line in lines)


@pytest.mark.parametrize("name", LISTS)
def test_lists_name_everything_whole(name: str) -> None:
    """No id is cut, however narrow."""
    coloured = poolcheck("explain", name, "--color", "always", env={"COLUMNS": "60"})
    plain = poolcheck("explain", name, env={"COLUMNS": "60"})

    assert COLOUR.sub("", coloured.out).split() == plain.out.split()


def test_inline_code_has_its_colour() -> None:
    """And its backticks, as without colour."""
    assert shown("Use `max: 1` here.", columns=80, color=True) == ["Use \x1b[36m`max: 1`\x1b[0m here."]
    assert shown("Use `max: 1` here.", columns=80, color=False) == ["Use `max: 1` here."]


def test_control_characters_are_dropped() -> None:
    """In code, too."""
    lines = shown("# a\x1b[2J\n\n```\nb\x1b]0;x\x07\n```\n\n- `c\x9b`", columns=80, color=True)

    assert all(line.isprintable() for line in (COLOUR.sub("", line) for line in lines))
