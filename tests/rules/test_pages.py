"""Every rule: its id, its page, and the page's examples, which are its first tests."""

import re
from pathlib import Path
from typing import Any

import pytest

from poolcheck import rules
from poolcheck.config.settings import Config
from poolcheck.diagnosis.lint import lint
from poolcheck.model.report import Report
from poolcheck.model.rule import AnyRule
from tests import told

ALL = rules.load()
FENCE = re.compile(r"^```(\w+) (bad|good)([^\n]*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
RECORDED = Path(__file__).parent / "recorded"  # what each bad example of a page gives, in full
RUNTIMES = ("serverless", "edge", "server", "local")


def examples() -> list[tuple[AnyRule, str, str, str, str]]:
    """Rule, language, verdict, facts and text of every example."""
    return [(rule, *found) for rule in ALL for found in FENCE.findall(rule.doc)]


class Fixed:
    """A config that no file has a say in."""

    def __init__(self, config: Config) -> None:
        self.config = config

    def over(self, start: object) -> Config:  # the start makes no difference
        return self.config


def look(text: str, facts: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Report:
    """Lint an example with the facts of its fence: a runtime, a driver, instances=, max=, file=."""
    monkeypatch.chdir(folder)
    name = ".env"
    settings: dict[str, Any] = {}
    for fact in facts.split():
        key, _, value = fact.partition("=")
        if fact in RUNTIMES:
            settings["runtime"] = fact
        elif "@" in key:
            settings["driver"] = (fact,)
        elif key == "instances":
            settings["instances"] = int(value)
        elif key in ("max", "pool"):
            settings["max_connections" if key == "max" else key] = int(value)
        elif key == "file":
            name = value
        elif key == "loaders":
            write_manifests(folder, value.split(","))
        else:
            raise AssertionError(f"an example's fence says {fact!r}, which means nothing")
    (folder / name).write_text(text, encoding="utf-8")
    return lint((name,), Fixed(Config(**settings, fail_on="never")))


def write_manifests(folder: Path, loaders: list[str]) -> None:
    """Manifests that bring these env-file loaders."""
    if "node-dotenv" in loaders:
        (folder / "package.json").write_text('{"dependencies": {"dotenv": "18.0.0"}}')
    if "python-dotenv" in loaders:
        (folder / "requirements.txt").write_text("python-dotenv==1.2.2\n")


@pytest.mark.parametrize("rule", ALL, ids=lambda rule: rule.id)
def test_page_has_what_a_page_needs(rule: AnyRule) -> None:
    """Title, why, what to do, sources, and an example of each kind."""
    assert re.fullmatch(r"PC[1-8]\d\d", rule.id)
    assert rule.title.endswith(".")
    assert len(rule.title) < 120
    for heading in ("## Why it matters", "## What to do", "## Sources"):
        assert heading in rule.doc, heading
    assert rule.sources
    assert 0 <= rule.step <= 5
    verdicts = {verdict for _, verdict, _, _ in FENCE.findall(rule.doc)}
    assert verdicts == {"bad", "good"}


def test_ids_and_names_are_unique() -> None:
    """No two rules share an id or a name."""
    assert len({rule.id for rule in ALL}) == len(ALL)
    assert len({rule.name for rule in ALL}) == len(ALL)


@pytest.mark.parametrize(
    ("rule", "language", "verdict", "facts", "text"),
    [example for example in examples() if example[1] == "dotenv"],
    ids=lambda value: value.id if hasattr(value, "id") else "",
)
def test_examples_of_env_files(
    rule: AnyRule,
    language: str,
    verdict: str,
    facts: str,
    text: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    update_golden: bool,
) -> None:
    """A bad example gives a finding of this rule, as recorded; a good one gives no finding above info at all."""
    report = look(text, facts, tmp_path, monkeypatch)

    found = {finding.rule.id for finding in report.findings}
    if verdict == "bad":
        assert rule.id in found
        name = told.chapter(rule.doc, text, language, facts)
        told.holds(RECORDED / f"{rule.id}.txt", name, told.findings(report.findings), update=update_golden)
    else:
        assert rule.id not in found
        assert not [f.rule.id for f in report.findings if f.severity > 10]


@pytest.mark.parametrize(
    "folder", [RECORDED, Path(__file__).parents[1] / "live" / "recorded"], ids=["rules", "live"]
)
def test_every_record_is_of_an_example(folder: Path) -> None:
    """What was said of an example that is gone would stay for ever."""
    examples = {
        rule.id: {told.chapter(rule.doc, text, *fence) for *fence, text in named(rule.doc)} for rule in ALL
    }
    kept = {path.stem: set(told.chapters(path)) for path in folder.glob("*.txt")}
    assert kept
    assert [rule for rule, names in kept.items() if not names <= examples.get(rule, set())] == []


def named(doc: str) -> list[tuple[str, str, str]]:
    """Language, facts and text of each example."""
    return [(language, facts, text) for language, _, facts, text in FENCE.findall(doc)]
