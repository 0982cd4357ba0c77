"""A pgbouncer.ini and nothing else: `poolcheck size --pooler --format ini > pgbouncer.ini`."""

from poolcheck.errors import BadConfig
from poolcheck.model.report import Report
from poolcheck.model.sizing import Sizing
from poolcheck.output.paint import Style

COMMANDS: tuple[str, ...] = ("size",)


def render(report: Report, style: Style) -> str:
    """The file's text.

    Raises:
        BadConfig: the report has none: --pooler was not given, or no pool fits.
    """
    for section in report.sections:
        if isinstance(section, Sizing) and section.ini:
            return section.ini
    raise BadConfig(
        "there is no pgbouncer.ini to write",
        "Add --pooler; without --format ini the report says what does not fit.",
    )
