"""The examples in the pages of the live rules: a bad one gives a finding of that rule, a good one none at all."""

import json
import re
from pathlib import Path

import pytest

from poolcheck import rules
from poolcheck.diagnosis import engine
from poolcheck.model.rule import AnyRule
from tests import told
from tests.live import build

FENCE = re.compile(r"^```json (bad|good)([^\n]*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
RECORDED = Path(__file__).parent / "recorded"  # what each bad example gives, in full
ALL = rules.load("78")
EXAMPLES = [(rule, *found) for rule in ALL for found in FENCE.findall(rule.doc)]


def test_every_live_rule_has_both_kinds() -> None:
    """A page without examples is a rule without tests."""
    for rule in ALL:
        assert {verdict for each, verdict, _, _ in EXAMPLES if each is rule} == {"bad", "good"}, rule.id


@pytest.mark.parametrize(
    ("rule", "verdict", "words", "text"), EXAMPLES, ids=lambda value: getattr(value, "id", None)
)
def test_example(rule: AnyRule, verdict: str, words: str, text: str, update_golden: bool) -> None:
    """Judged by all live rules, not by its own alone: a good example is good altogether."""
    given = json.loads(text)
    judged = engine.run(ALL, build.subjects(given), build.context(given))
    found = {finding.rule.id for finding in judged.findings}
    if verdict == "bad":
        assert rule.id in found
        name = told.chapter(rule.doc, text, "json", words)
        told.holds(RECORDED / f"{rule.id}.txt", name, told.findings(judged.findings), update=update_golden)
    else:
        assert not found, (words, found)
