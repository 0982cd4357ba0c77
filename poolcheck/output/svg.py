"""A simulation or the map as a picture to paste: `poolcheck simulate ... --svg burst.svg`, `poolcheck map --format svg`.

Readable on light and dark pages.
"""

from collections.abc import Callable, Iterator
from html import escape

from poolcheck.model.connection_map import Map
from poolcheck.model.report import Report
from poolcheck.model.simulation import Point, Simulation, Traffic
from poolcheck.output._map_picture import draw_map
from poolcheck.output.paint import Style
from poolcheck.output.sections.simulation import verdict

COMMANDS: tuple[str, ...] = ("simulate", "map")
WIDTH, HEIGHT = 760, 380
LEFT, RIGHT, TOP, BOTTOM = 60, 48, 64, 64  # margins
INK, QUIET, CONNECTIONS, LIMIT, INSTANCES, WAITING = (
    "#1f2933",
    "#7b8794",
    "#2f6fde",
    "#c62828",
    "#b7791f",
    "#7b3fa0",
)


def render(report: Report, style: Style) -> str:
    """The picture of the report's simulation or map; "" when there is none."""
    for section in report.sections:
        if isinstance(section, Simulation | Map):
            return "\n".join(draw(section) if isinstance(section, Simulation) else draw_map(section)) + "\n"
    return ""


def draw(section: Simulation, *, width: int = WIDTH, heading: bool = True) -> Iterator[str]:
    """The elements, line by line. `width` in pixels, at least 300; the height stays."""
    series = section.series
    end = series[-1].t or 1.0
    pooled = isinstance(section.inputs, Traffic) and section.inputs.pooler is not None
    top = 1.08 * max(section.slots, *(max(p.connections, p.waiting if pooled else 0) for p in series))
    most = max(1, *(p.instances for p in series))  # the axis at the right: instances are no connections

    def x(t: float) -> float:
        return LEFT + t / end * (width - LEFT - RIGHT)

    def y(value: float) -> float:
        return HEIGHT - BOTTOM - value / top * (HEIGHT - TOP - BOTTOM)

    def at_right(instances: float) -> float:
        return y(instances * top / (1.08 * most))

    def line(of: Callable[[Point], int], height: Callable[[float], float] = y) -> str:
        return " ".join(f"{x(point.t):.1f},{height(of(point)):.1f}" for point in series)

    said = verdict(section)
    above = 0 if heading else TOP - 24
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 {above} {width} {HEIGHT - above}" width="{width}" height="{HEIGHT - above}"'
        f' role="img" font-family="system-ui, sans-serif" font-size="12">'
    )
    yield f"<title>{escape(said)}</title>"
    yield f'<rect width="{width}" height="{HEIGHT}" rx="6" fill="#ffffff"/>'
    if heading:
        yield from _heading(said)
    yield f'<polygon points="{x(0):.1f},{y(0):.1f} {line(lambda p: p.connections)} {x(end):.1f},{y(0):.1f}" fill="{CONNECTIONS}" fill-opacity="0.25"/>'
    yield f'<polyline points="{line(lambda p: p.connections)}" fill="none" stroke="{CONNECTIONS}" stroke-width="2"/>'
    yield f'<polyline points="{line(lambda p: p.instances, at_right)}" fill="none" stroke="{INSTANCES}" stroke-width="2" stroke-dasharray="2 3"/>'
    if pooled:
        yield f'<polyline points="{line(lambda p: p.waiting)}" fill="none" stroke="{WAITING}" stroke-width="1.5"/>'
    yield f'<line x1="{x(0):.1f}" x2="{x(end):.1f}" y1="{y(section.slots):.1f}" y2="{y(section.slots):.1f}" stroke="{LIMIT}" stroke-width="1.5" stroke-dasharray="7 4"/>'
    yield f'<text x="{x(end):.1f}" y="{y(section.slots) - 6:.1f}" text-anchor="end" fill="{LIMIT}">{section.slots} slots</text>'
    if section.first_refusal_seconds is not None:
        at = x(section.first_refusal_seconds)
        yield f'<circle cx="{at:.1f}" cy="{y(section.slots):.1f}" r="5" fill="{LIMIT}"/>'
        anchor = "start" if at < width / 2 else "end"
        gap = 8 if anchor == "start" else -8
        yield f'<text x="{at + gap:.1f}" y="{y(section.slots) - 8:.1f}" text-anchor="{anchor}" fill="{LIMIT}" stroke="#ffffff" stroke-width="4" paint-order="stroke">first refusal, {section.first_refusal_seconds:.2f} s</text>'
    yield from _axes(x, y, end, top)
    for value in _ticks(1.08 * most):
        yield f'<text x="{x(end) + 8:.1f}" y="{at_right(value) + 4:.1f}" fill="{INSTANCES}">{value}</text>'
    yield from _legend(pooled=pooled, width=width)
    yield "</svg>"


def _heading(said: str) -> Iterator[str]:
    """The verdict over at most two lines."""
    words, lines = said.split(), [""]
    for word in words:
        if len(lines[-1]) + len(word) > 108:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    for number, text in enumerate(lines[:2]):
        cut = text if number < 1 or len(lines) <= 2 else text + " ..."
        yield f'<text x="16" y="{24 + 17 * number}" fill="{INK}" font-weight="600">{escape(cut)}</text>'


def _axes(x: Callable[[float], float], y: Callable[[float], float], end: float, top: float) -> Iterator[str]:
    yield f'<line x1="{x(0):.1f}" x2="{x(end):.1f}" y1="{y(0):.1f}" y2="{y(0):.1f}" stroke="{QUIET}"/>'
    for quarter in range(5):
        t = end * quarter / 4
        yield f'<text x="{x(t):.1f}" y="{y(0) + 18:.1f}" text-anchor="middle" fill="{QUIET}">{t:g} s</text>'
    for value in _ticks(top):
        yield f'<text x="{x(0) - 8:.1f}" y="{y(value) + 4:.1f}" text-anchor="end" fill="{QUIET}">{value}</text>'


def _ticks(top: float) -> range:
    """Round numbers from 0 to `top`, four to nine of them: steps of 1, 2 or 5 times a power of ten."""
    step = next(unit * 10**power for power in range(12) for unit in (1, 2, 5) if top / (unit * 10**power) < 9)
    return range(0, int(top) + 1, step)


def _legend(*, pooled: bool, width: int) -> Iterator[str]:
    entries = [("connections", CONNECTIONS), ("slots", LIMIT), ("instances (right axis)", INSTANCES)]
    if pooled:
        entries.append(("waiting clients", WAITING))
    start = LEFT if width >= WIDTH else 16
    row = (width - start) // 150  # entries beside one another
    for number, (word, colour) in enumerate(entries):
        left, top = start + 150 * (number % row), HEIGHT - 28 + 16 * (number // row)
        yield f'<rect x="{left}" y="{top}" width="18" height="4" fill="{colour}"/>'
        yield f'<text x="{left + 24}" y="{top + 6}" fill="{INK}">{word}</text>'
