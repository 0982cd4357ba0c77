"""The picture: drawn from a real run, loads nothing, well-formed whatever the text holds, straight columns."""

import re
import shutil
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from poolcheck.cli import cli
from poolcheck.output import picture
from poolcheck.output.paint import Style
from poolcheck.text import width
from tests.output.sample import SECRET, sample
from tests.output.test_hostile import TEXT, report

ROOT = Path(__file__).parents[2]
SVG = "{http://www.w3.org/2000/svg}"


def test_the_readmes_picture_is_what_the_program_draws(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, update_golden: bool
) -> None:
    """`poolcheck lint -q --format picture --output ../report.svg` in the example's folder makes it anew."""
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    monkeypatch.chdir(tmp_path / "examples" / "nextjs-prisma6-neon-direct")
    shown = CliRunner().invoke(cli, ["lint", "-q", "--format", "picture"], env={"COLUMNS": "80"})
    if update_golden:
        (ROOT / "examples" / "report.svg").write_text(shown.stdout, encoding="utf-8")

    assert shown.exit_code == 1
    assert shown.stdout == (ROOT / "examples" / "report.svg").read_text(encoding="utf-8")


def test_nothing_is_loaded() -> None:
    """No font, image, link or script; no password."""
    drawn = picture.render(sample(), Style())

    assert not re.search(r"url\(|@import|@font-face|<script|<image|<a |<use|href|javascript", drawn)
    assert re.findall(r"https?://[^\s\"<]*", drawn.split(">", 1)[0]) == ["http://www.w3.org/2000/svg"]
    assert SECRET not in drawn


@settings(max_examples=100, deadline=None)
@given(TEXT)
def test_well_formed_whatever_it_says(text: str) -> None:
    """Hostile text stays text, and what XML cannot hold is left out."""
    root = ET.fromstring(picture.render(report(text, ".env"), Style()))

    assert {each.tag for each in root.iter()} == {
        f"{SVG}{name}" for name in ("svg", "title", "style", "rect", "text")
    }


def test_long_lines_go_on_below() -> None:
    """No stretch ends right of the frame, at any width; nothing is lost."""
    for columns in (40, 80, 120):
        root = ET.fromstring(picture.render(sample(), Style(width=columns)))
        wide = float(root.attrib["width"])
        for each in root.iter(f"{SVG}text"):
            end = float(each.attrib["x"]) + float(each.attrib.get("textLength", 0))
            assert end <= wide - picture.EDGE + 0.5, each.text


@given(st.text(alphabet="ab ü漢\x1b[1;31m", max_size=60), st.integers(2, 20))
def test_fold_keeps_every_character(line: str, columns: int) -> None:
    """The pieces together are the line."""
    pieces = list(picture.fold(f"\x1b[1;31m{line}\x1b[0m", columns))

    plain = picture.SGR.sub("", line)
    assert "".join(words for piece in pieces for words, _ in piece) == plain
    assert all(sum(width(words) for words, _ in piece) <= columns for piece in pieces)


def test_style_of_the_caller_gives_the_width_only() -> None:
    """A plain or colourless style draws the same picture."""
    assert picture.render(sample(), Style()) == picture.render(
        sample(), replace(Style(), plain=True, unicode=False)
    )
