"""The report as it looks on a terminal, as an SVG: for a README, a ticket or a slide.

    poolcheck lint -q --format picture --output report.svg

No font and nothing else is loaded; every run of characters is given its width, so that columns stay straight in any
monospaced font. The colours follow the reader's page, light or dark.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from html import escape

from poolcheck.model.report import Report
from poolcheck.output import text
from poolcheck.output.paint import Style
from poolcheck.text import width

COMMANDS: tuple[str, ...] = ()  # every command
CELL, LINE, SIZE, EDGE, BAR = (
    8.4,
    18,
    14,
    16,
    32,
)  # pixels: a column, a line, the font, the margin, the title's bar
NO_XML = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML has no place for these
SGR = re.compile(r"\x1b\[([\d;]*)m")
# Classes by SGR code, and their colours on light and on dark ground; each reaches a contrast of 4.5 to 1.
COLORS = {
    "31": ("#b3261e", "#ff8f84"),
    "32": ("#1b6b3a", "#74cf94"),
    "33": ("#8a5300", "#f0b354"),
    "36": ("#0f5c8c", "#74c0f0"),
}
GROUND, INK, QUIET, FRAME = (
    ("#ffffff", "#161b1f"),
    ("#1b2228", "#e4e8eb"),
    ("#5b6671", "#9aa5ae"),
    ("#d5dade", "#363e45"),
)


def render(report: Report, style: Style) -> str:
    """The text in colour, drawn; long lines go on in the next one, as a terminal does it."""
    look = replace(style, color=True, unicode=True, plain=False)
    lines = [part for line in text.render(report, look).split("\n") for part in fold(line, look.width)]
    return "\n".join(draw(lines, look.width, report.line or f"poolcheck {report.command}")) + "\n"


def runs(line: str) -> Iterator[tuple[str, str]]:
    """Text and SGR codes of each stretch of a line."""
    codes, at = "", 0
    for found in SGR.finditer(line):
        if found.start() > at:
            yield line[at : found.start()], codes
        codes, at = ("" if found[1] in ("", "0") else found[1]), found.end()
    if at < len(line):
        yield line[at:], codes


def fold(line: str, columns: int) -> Iterator[list[tuple[str, str]]]:
    """A line in pieces of at most `columns`, each a list of text and codes."""
    piece: list[tuple[str, str]] = []
    used = 0
    for words, codes in runs(line):
        start = 0
        if words.isascii() and used + len(words) <= columns:  # most of a report: a column a character
            piece.append((words, codes))
            used += len(words)
            continue
        for number, char in enumerate(words):
            size = width(char)
            if used + size > columns:
                yield [*piece, (words[start:number], codes)]
                piece, used, start = [], 0, number
            used += size
        piece.append((words[start:], codes))
    yield piece


def draw(lines: list[list[tuple[str, str]]], columns: int, title: str) -> Iterator[str]:
    """The elements: a frame, a title, and a text for each stretch."""
    wide, high = round(columns * CELL + 2 * EDGE), BAR + len(lines) * LINE + EDGE
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {high}" width="{wide}" height="{high}" role="img"'
        f' font-family="ui-monospace, Menlo, Consolas, \'DejaVu Sans Mono\', monospace" font-size="{SIZE}">'
    )
    yield f"<title>{escape(title)}</title>"
    yield f"<style>{rules(0)} @media (prefers-color-scheme: dark) {{ {rules(1)} }}</style>"
    yield f'<rect class="ground" x="0.5" y="0.5" width="{wide - 1}" height="{high - 1}" rx="8"/>'
    said = title if width(title) <= columns - 2 else f"{title[: columns - 5]}..."
    yield f'<text class="quiet" x="{EDGE}" y="21" xml:space="preserve">$ {escape(said)}</text>'
    for number, line in enumerate(lines):
        column = 0
        for words, codes in line:
            size = width(words)
            if words.strip():
                inner = words.lstrip(" ")
                skip = len(words) - len(inner)
                inner = inner.rstrip(" ")
                names = " ".join(f"c{code}" for code in codes.split(";") if code)
                yield (
                    f'<text x="{EDGE + (column + skip) * CELL:.1f}" y="{BAR + (number + 1) * LINE - 5}"'
                    f' textLength="{width(inner) * CELL:.1f}" lengthAdjust="spacingAndGlyphs" xml:space="preserve"'
                    + (f' class="{names}"' if names else "")
                    + f">{escape(NO_XML.sub(' ', inner))}</text>"
                )
            column += size
    yield "</svg>"


def rules(side: int) -> str:
    """The style's rules for light (0) or dark (1) pages."""
    colors = " ".join(f".c{code} {{ fill: {pair[side]} }}" for code, pair in COLORS.items())
    return (
        f"text {{ fill: {INK[side]} }} .ground {{ fill: {GROUND[side]}; stroke: {FRAME[side]} }}"
        f" .quiet, .c2 {{ fill: {QUIET[side]} }} .c1 {{ font-weight: 700 }} {colors}"
    )
