"""One line a finding, as compilers write them: for editors, terminals, problem matchers, grep.

.env:2:55: error PC101 DATABASE_URL sends app traffic to Neon's direct endpoint, past its pooler. [fix]
"""

from poolcheck.model.finding import Finding
from poolcheck.model.report import Report
from poolcheck.output._finding import place
from poolcheck.output.paint import Style
from poolcheck.text import clean

COMMANDS = ("lint", "gate")


def render(report: Report, style: Style) -> str:
    """The findings in the order of the files; nothing where there are none."""
    return "\n".join(map(line, report.findings))


def line(finding: Finding) -> str:
    """Place, severity, rule, message, and whether `poolcheck fix` mends it."""
    mark = " [fix]" if finding.fix and finding.fix.edits else ""
    return f"{place(finding)}{finding.severity.word} {finding.rule.id} {clean(finding.message)}{mark}"
