"""The examples on the pages of the rules about source code, each run as a project."""

from pathlib import Path

import pytest

from poolcheck import rules
from poolcheck.model.rule import AnyRule, Rule
from poolcheck.model.severity import Severity
from tests import told
from tests.rules.source_examples import FENCE, LANGUAGES, look

RECORDED = Path(__file__).parent / "recorded"
CASES = [
    pytest.param(rule, *found, id=f"{rule.id}-{found[0]}-{found[1]}-{number}")
    for rule in rules.load("4")
    for number, found in enumerate(FENCE.findall(rule.doc))
    if found[0] in LANGUAGES
]


@pytest.mark.parametrize(("rule", "language", "verdict", "facts", "text"), CASES)
def test_example(
    rule: AnyRule,
    language: str,
    verdict: str,
    facts: str,
    text: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    update_golden: bool,
) -> None:
    """A bad example gives a finding of this rule, as recorded; a good one gives nothing above info about source."""
    report = look(text, language, facts, tmp_path, monkeypatch)

    found = report.findings if report else ()
    if verdict == "bad":
        assert rule.id in {finding.rule.id for finding in found}
        name = told.chapter(rule.doc, text, language, facts)
        told.holds(RECORDED / f"{rule.id}.txt", name, told.findings(found), update=update_golden)
    else:
        loud = [f.rule.id for f in found if f.severity > Severity.INFO and f.rule.id.startswith("PC4")]
        assert not loud
        assert rule.id not in {finding.rule.id for finding in found}


def test_every_page_has_examples_that_run() -> None:
    """A rule about source whose examples are in no known language would go untested."""
    tried = {case.values[0].id for case in CASES if isinstance(case.values[0], Rule)}

    assert tried == {rule.id for rule in rules.load("4")}
