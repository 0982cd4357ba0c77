"""The examples of the 3xx, 5xx and 6xx pages: whole projects through the real engine."""

import re
from pathlib import Path

import pytest

from poolcheck import rules
from poolcheck.errors import NothingToCheck
from poolcheck.model.rule import AnyRule
from tests import told
from tests.rules.projects import run, split

FENCE = re.compile(r"^```(\w+) (bad|good)([^\n]*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
RECORDED = Path(__file__).parent / "recorded"
OURS = [rule for rule in rules.load("356") if rule.id != "PC651"]


@pytest.mark.parametrize(
    ("rule", "language", "verdict", "facts", "text"),
    [(rule, *found) for rule in OURS for found in FENCE.findall(rule.doc)],
    ids=lambda value: value.id if hasattr(value, "id") else "",
)
def test_examples(
    rule: AnyRule,
    language: str,
    verdict: str,
    facts: str,
    text: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    update_golden: bool,
) -> None:
    """A bad example gives a finding of this rule, as recorded; a good one no finding above info at all. No secret is shown."""
    try:
        report = run(split(language, text), facts, tmp_path, monkeypatch)
    except NothingToCheck:
        assert verdict == "good"
        return

    found = {finding.rule.id for finding in report.findings}
    if verdict == "bad":
        assert rule.id in found
        name = told.chapter(rule.doc, text, language, facts)
        told.holds(RECORDED / f"{rule.id}.txt", name, told.findings(report.findings), update=update_golden)
    else:
        assert rule.id not in found
        assert [f"{f.rule.id} {f.message}" for f in report.findings if f.severity > 10] == []
    said = " ".join(
        [f.message + f.why + f.excerpt + " ".join(f.fix.lines if f.fix else ()) for f in report.findings]
    )
    assert "s3cret" not in said
    assert all(f.location and f.location.path for f in report.findings)
