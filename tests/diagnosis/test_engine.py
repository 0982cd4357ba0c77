"""The engine: which rules run, what becomes of a problem, what an ignore comment takes out."""

from pathlib import Path

import pytest

from poolcheck import rules
from poolcheck.diagnosis import engine
from poolcheck.errors import BadConfig
from poolcheck.model.report import Report
from poolcheck.model.severity import Severity
from tests.rules.test_pages import look

NEON = "postgresql://app:s3cret@ep-cool-darkness-a1b2c3d4.us-east-2.aws.neon.tech/app?sslmode=require"


def ids(report: Report) -> list[str]:
    """The rules that spoke."""
    return [finding.rule.id for finding in report.findings]


@pytest.mark.parametrize(
    ("select", "ignore", "admitted"),
    [
        ((), (), True),
        (("PC101",), (), True),
        (("pc1",), (), True),
        (("direct-endpoint-for-app",), (), True),
        (("PC2",), (), False),
        ((), ("PC1",), False),
        (("PC101",), ("PC101",), False),
    ],
)
def test_selection(select: tuple[str, ...], ignore: tuple[str, ...], admitted: bool) -> None:
    """Ids, names and prefixes; ignore wins."""
    selection = engine.Selection(select, ignore)

    assert selection.admits("PC101", "direct-endpoint-for-app") is admitted


def test_token_that_names_no_rule_is_an_error() -> None:
    """A typing mistake must not switch the gate off."""
    with pytest.raises(BadConfig, match="PC9") as caught:
        engine.check_selection(engine.Selection(("PC999",)), rules.names())
    assert "poolcheck explain rules" in caught.value.hint


def test_fingerprint_survives_a_move(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The line is no part of it; the file, the variable and the rule are."""
    before = look(f"DATABASE_URL={NEON}\n", "serverless", tmp_path, monkeypatch)
    after = look(f"# a comment\n\nDATABASE_URL={NEON}\n", "serverless", tmp_path, monkeypatch)
    other = look(f"OTHER_URL={NEON}\n", "serverless", tmp_path, monkeypatch)

    assert [finding.fingerprint for finding in before.findings] == [
        finding.fingerprint for finding in after.findings
    ]
    assert before.findings[0].location != after.findings[0].location
    assert before.findings[0].fingerprint != other.findings[0].fingerprint


def test_example_file_gives_no_more_than_info(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a copy of it would cause is said, quietly."""
    report = look(f"DATABASE_URL={NEON}\n", "serverless file=.env.example", tmp_path, monkeypatch)

    assert "PC101" in ids(report)
    assert all(finding.severity is Severity.INFO for finding in report.findings)


def test_placeholder_gives_no_more_than_info(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the rule about placeholders themselves speaks up."""
    text = f"DATABASE_URL={NEON.replace('s3cret', '[YOUR-PASSWORD]')}\n"
    report = look(text, "serverless", tmp_path, monkeypatch)

    loud = {finding.rule.id for finding in report.findings if finding.severity > Severity.INFO}
    assert loud == {"PC110"}


def test_findings_are_in_the_order_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By line; on one line the worst first."""
    text = f"A_URL={NEON}\nB_URL={NEON}&connection_limt=1\n"
    report = look(text, "serverless prisma@6.19.3", tmp_path, monkeypatch)

    keys = [(finding.location.line, -finding.severity) for finding in report.findings if finding.location]
    assert keys == sorted(keys)


def test_caret_stands_under_the_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the masked line, however long the password was."""
    text = f"DATABASE_URL={NEON.replace('s3cret', 's' * 40)}\n"
    report = look(text, "serverless", tmp_path, monkeypatch)

    finding = next(finding for finding in report.findings if finding.rule.id == "PC101")
    assert finding.excerpt_column
    assert finding.excerpt[finding.excerpt_column - 1 :].startswith("ep-cool-darkness")
    assert "sss" not in finding.excerpt
