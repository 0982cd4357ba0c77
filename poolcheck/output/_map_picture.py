"""The map drawn as a tree, for `--format svg` and the page: a bar for each sum, full at what there is."""

from collections.abc import Iterator
from html import escape

from poolcheck.model.connection_map import Map
from poolcheck.model.verdict import Fit
from poolcheck.output._map_tree import Branch, tree
from poolcheck.text import clean
from poolcheck.text import width as columns

WIDTH, EDGE, STEP, LINE, BAR = (
    760,
    16,
    24,
    17,
    8,
)  # pixels: the picture, its margin, a level, a line of text, a bar
COLUMN = 7.0  # pixels of a character of the font, at most on average
INK, QUIET = "#1f2933", "#7b8794"
FILLS: dict[Fit | None, str] = {
    "fits": "#2f6fde",
    "does not fit": "#c62828",
    "cannot say": "#b7791f",
    None: QUIET,
}


def draw_map(section: Map, *, width: int = WIDTH) -> Iterator[str]:
    """The elements, line by line. `width` in pixels, at least 300; the height follows from the map."""
    made: list[str] = []
    roots = tree(section).roots
    high = float(EDGE)
    for root in roots:
        high = _branch(root, made, EDGE, high, width) + 10
    said = ", ".join(f"{each.name}: {each.verdict or each.sums}" for each in roots)
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {high:.0f}" width="{width}" height="{high:.0f}"'
        f' role="img" font-family="system-ui, sans-serif" font-size="12">'
    )
    yield f"<title>{escape(clean(said))}</title>"
    yield f'<rect width="{width}" height="{high:.0f}" rx="6" fill="#ffffff"/>'
    yield from made
    yield "</svg>"


def _branch(node: Branch, made: list[str], left: int, top: float, width: int) -> float:
    """Draw a node and what is below it; gives where the next one may begin."""
    room = int((width - left - EDGE) / COLUMN)
    name = clean(node.name, limit=max(8, room - 2))
    made.append(
        f'<rect x="{left}" y="{top + 3:.0f}" width="8" height="8" rx="{2 if node.kind == "client" else 4}" fill="{FILLS[node.verdict]}"/>'
    )
    made.append(_text(left + 14, top + 12, name, INK, ' font-weight="600"'))
    at = top + 12
    ink = FILLS["does not fit"] if node.verdict == "does not fit" else INK
    for line in _folded(f"{node.verdict}: {node.sums}" if node.verdict else node.sums, room - 2):
        at += LINE
        made.append(_text(left + 14, at, line, ink))
    if node.usable:
        at += 6
        made += _bar(node, node.usable, left + 14, at, width - left - 14 - EDGE)
        at += BAR
    end = at + 12
    trunk, last = left + 4, top + 11
    for each in node.below:
        made.append(
            f'<line x1="{trunk}" x2="{left + STEP}" y1="{end + 7:.0f}" y2="{end + 7:.0f}" stroke="{QUIET}"/>'
        )
        last = end + 7
        end = _branch(each, made, left + STEP, end, width)
    if node.below:
        made.append(f'<line x1="{trunk}" x2="{trunk}" y1="{top + 11:.0f}" y2="{last:.0f}" stroke="{QUIET}"/>')
    return end


def _bar(node: Branch, usable: int, left: float, top: float, width: float) -> Iterator[str]:
    """What is asked while a deploy runs, of what there is; a line at the limit."""
    most = max(node.asked, usable)
    limit = left + width * usable / most
    yield f'<rect x="{left}" y="{top:.1f}" width="{width:.1f}" height="{BAR}" fill="{QUIET}" fill-opacity="0.25"/>'
    yield f'<rect x="{left}" y="{top:.1f}" width="{width * node.asked / most:.1f}" height="{BAR}" fill="{FILLS[node.verdict]}"/>'
    yield f'<line x1="{limit:.1f}" x2="{limit:.1f}" y1="{top - 3:.1f}" y2="{top + BAR + 3:.1f}" stroke="{INK}" stroke-width="1.5"/>'


def _text(x: float, y: float, words: str, fill: str, more: str = "") -> str:
    return f'<text x="{x}" y="{y:.0f}" fill="{fill}"{more}>{escape(words)}</text>'


def _folded(text: str, room: int) -> Iterator[str]:
    """Lines of at most so many columns; a longer word is cut."""
    line = ""
    for word in clean(text).split():
        if line and columns(f"{line} {word}") > room:
            yield line
            line = ""
        line = clean(f"{line} {word}".strip(), limit=max(8, room))
    if line:
        yield line
