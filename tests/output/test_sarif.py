"""SARIF: the golden file, the official schema, and what GitHub asks beyond it."""

import json
import urllib.parse
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from poolcheck.model.report import Report
from poolcheck.output import sarif
from poolcheck.output.paint import Style
from tests.output.goldens import FORMATS, golden
from tests.output.sample import SECRET, clean_lint, sample, unchecked

SCHEMA = json.loads((Path(__file__).parent / "schemas/sarif-schema-2.1.0.json").read_text(encoding="utf-8"))


def log(report: Report) -> Any:
    """The report as SARIF, read back."""
    return json.loads(sarif.render(report, Style()))


def test_golden() -> None:
    """The sample report gives the golden file."""
    assert FORMATS["sarif.json"] == golden("sarif.json")


@pytest.mark.parametrize("report", [sample(), clean_lint(), unchecked()], ids=["fail", "clean", "unchecked"])
def test_official_schema(report: Report) -> None:
    """Every report is valid by the schema of OASIS; the schema itself refuses a changed one."""
    made = log(report)

    assert not list(Draft7Validator(SCHEMA).iter_errors(made))
    del made["runs"][0]["tool"]["driver"]["name"]
    assert list(Draft7Validator(SCHEMA).iter_errors(made))


def test_places_are_relative_and_count_from_one() -> None:
    """URIs are relative, percent-encoded, and lead back to the path; lines are at least 1."""
    places = [each["locations"][0]["physicalLocation"] for each in log(sample())["runs"][0]["results"]]

    uris = [place["artifactLocation"]["uri"] for place in places]
    assert "apps/ä b/:x,y%#?.env" in [urllib.parse.unquote(uri) for uri in uris]
    assert not [uri for uri in uris if uri.startswith("/") or " " in uri or "#" in uri]
    assert all(place["region"]["startLine"] >= 1 for place in places)
    assert all(place["artifactLocation"]["uriBaseId"] == "%SRCROOT%" for place in places)


def test_a_path_outside_the_root_does_not_claim_it() -> None:
    """`..` and absolute paths have no base; what is below the root has."""
    assert sarif.artifact("../x.env") == {"uri": "../x.env"}
    assert sarif.artifact("/etc/x.env") == {"uri": "file:///etc/x.env"}
    assert sarif.artifact("x.env") == {"uri": "x.env", "uriBaseId": "%SRCROOT%"}


def test_rules_carry_their_page_and_no_security_severity() -> None:
    """Help is the rule's page; these are outages and not vulnerabilities."""
    rules = log(sample())["runs"][0]["tool"]["driver"]["rules"]

    assert [rule["id"] for rule in rules] == ["PC204", "PC205", "PC209", "PC701"]
    assert rules[0]["name"] == "PoolTooLarge"
    assert "## What to do" in rules[0]["help"]["markdown"]
    assert rules[0]["fullDescription"]["text"] == "The server refuses beyond the last slot."
    assert "security-severity" not in json.dumps(log(sample()))


def test_fingerprints_tell_two_of_a_kind_apart() -> None:
    """The same finding twice: one fingerprint, two hashes; neither knows the line."""
    results = log(sample())["runs"][0]["results"]
    twins = [result["partialFingerprints"] for result in results if result["ruleId"] == "PC204"]

    assert twins[0]["poolcheckFingerprint/v1"] == twins[1]["poolcheckFingerprint/v1"]
    assert [twin["primaryLocationLineHash"][-2:] for twin in twins] == [":1", ":2"]


def test_what_was_not_looked_at_is_a_notification() -> None:
    """Skipped files are told, and a run that could not check was not successful."""
    invocation = log(sample())["runs"][0]["invocations"][0]

    assert invocation["exitCode"] == 1
    assert invocation["executionSuccessful"]
    assert "not UTF-8 at byte 7" in invocation["toolExecutionNotifications"][0]["message"]["text"]
    assert not log(unchecked())["runs"][0]["invocations"][0]["executionSuccessful"]


def test_nothing_hostile_comes_through() -> None:
    """No secret, no escape sequence, no control character, no accidental link."""
    text = sarif.render(sample(), Style())

    assert SECRET not in text
    assert "\x1b" not in text
    assert "\\u0000" not in text
    assert "](" not in "".join(each["message"]["text"] for each in log(sample())["runs"][0]["results"])


def test_a_fix_is_there_where_it_needs_no_secret() -> None:
    """Its edits can be made as they are; one that would carry a password is no fix of SARIF's."""
    fixes = [each.get("fixes") for each in log(sample())["runs"][0]["results"] if each["ruleId"] == "PC204"]

    assert fixes[0] is None
    (change,) = fixes[1][0]["artifactChanges"]
    assert change["replacements"][0]["insertedContent"]["text"] == "?connection_limit=5"
    assert change["replacements"][0]["deletedRegion"] == {"startLine": 9, "startColumn": 73, "endColumn": 73}
