"""concise: one line a finding that editors, compilers' matchers and grep read."""

import re

from poolcheck.output import concise
from poolcheck.output.paint import Style
from tests.output.goldens import FORMATS, golden
from tests.output.sample import SECRET, clean_lint, sample

GCC = re.compile(
    r"(?:(?P<path>.+?)(?::(?P<line>\d+))?(?::(?P<column>\d+))?: )?(error|warning|info) PC\d{3} .+"
)


def test_golden() -> None:
    """The sample report gives the golden file."""
    assert FORMATS["concise.txt"] == golden("concise.txt")


def test_each_line_leads_to_its_place() -> None:
    """Path, line and column are read back as compilers' lines are; nothing found prints nothing."""
    shown = concise.render(sample(), Style()).splitlines()
    found = [GCC.fullmatch(line) for line in shown]

    assert len(shown) == len(sample().findings)
    assert [(each["path"], each["line"], each["column"]) for each in found if each][0:4:3] == [
        (".env.production", "3", "14"),
        ("schema.prisma", None, None),
    ]
    assert [line.endswith(" [fix]") for line in shown] == [True, True, False, False, False]
    assert concise.render(clean_lint(), Style()) == ""
    assert SECRET not in "".join(shown)
