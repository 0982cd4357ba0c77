"""JUnit XML: the golden file, the schema of the xUnit plugin, and what is a failure and what is not."""

import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest
import xmlschema

from poolcheck.model.report import Report
from poolcheck.model.severity import Severity
from poolcheck.output import junit
from poolcheck.output.paint import Style
from tests.output.goldens import FORMATS, golden
from tests.output.sample import FINE, SECRET, clean_lint, sample, unchecked

SCHEMA = xmlschema.XMLSchema(str(Path(__file__).parent / "schemas/junit-10.xsd"))


def suite(report: Report) -> ET.Element:
    """The test suite of a report."""
    found = ET.fromstring(junit.render(report, Style()).encode()).find("testsuite")
    assert found is not None
    return found


def test_golden() -> None:
    """The sample report gives the golden file."""
    assert FORMATS["junit.xml"] == golden("junit.xml")


@pytest.mark.parametrize("report", [sample(), clean_lint(), unchecked()], ids=["fail", "clean", "unchecked"])
def test_schema(report: Report) -> None:
    """Every report is valid by junit-10.xsd, which refuses a changed one."""
    text = junit.render(report, Style())

    SCHEMA.validate(text)
    assert not SCHEMA.is_valid(text.replace("<testcase ", "<testcase line='1' ", 1))


def test_counts_are_what_is_there() -> None:
    """The totals are those of the elements."""
    found = suite(sample())

    assert int(found.get("tests", "")) == len(found.findall("testcase")) == 6
    assert int(found.get("failures", "")) == len(found.findall("testcase/failure")) == 3
    assert int(found.get("skipped", "")) == len(found.findall("testcase/skipped")) == 1


def test_names_are_unique_and_have_no_line() -> None:
    """Services track tests by name: a moved line is the same test."""
    names = [(each.get("classname"), each.get("name")) for each in suite(sample()).findall("testcase")]

    assert len(set(names)) == len(names)
    assert (".env.production", "PC204 pool-too-large: DATABASE_URL (2)") in names
    twice = suite(replace(clean_lint(), targets=(FINE, FINE))).findall("testcase")
    assert [each.get("name") for each in twice] == ["DIRECT_URL", "DIRECT_URL (2)"]


def test_only_what_fails_the_gate_is_a_failure() -> None:
    """With --fail-on warning the warning fails too; with never nothing does."""
    assert len(suite(replace(sample(), fail_on=Severity.WARNING)).findall("testcase/failure")) == 4
    assert not suite(replace(sample(), fail_on=None)).findall("testcase/failure")


def test_clean_shows_what_was_looked_at() -> None:
    """A report without any test would be read as a broken one."""
    found = suite(clean_lint())

    assert [each.get("name") for each in found.findall("testcase")] == ["DIRECT_URL"]
    assert suite(unchecked()).find("testcase/error") is not None


def test_nothing_hostile_comes_through() -> None:
    """Only characters that XML has, and no secret."""
    text = junit.render(sample(), Style())

    assert SECRET not in text
    assert not junit.NOT_XML.search(text)
    assert "\x1b" not in text
