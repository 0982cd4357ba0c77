"""The series of a simulation, one moment a line: `poolcheck simulate ... --format csv`."""

from dataclasses import astuple, fields

from poolcheck.model.report import Report
from poolcheck.model.simulation import Point, Simulation
from poolcheck.output.paint import Style

COMMANDS: tuple[str, ...] = ("simulate",)


def render(report: Report, style: Style) -> str:
    """A header and one line for each moment; times in seconds."""
    lines = [",".join(field.name for field in fields(Point))]
    for section in report.sections:
        if isinstance(section, Simulation):
            lines += [",".join(f"{value:g}" for value in astuple(point)) for point in section.series]
    return "\n".join(lines)
