"""rdjson: the golden file, and what reviewdog's definition of it asks.

https://github.com/reviewdog/reviewdog/blob/master/proto/rdf/reviewdog.proto
"""

import json
from dataclasses import replace
from typing import Any

from jsonschema import Draft7Validator

from poolcheck.model.report import Report
from poolcheck.output import rdjson
from poolcheck.output.paint import Style
from tests.output.goldens import FORMATS, golden
from tests.output.sample import SECRET, clean_lint, sample


def closed(**properties: Any) -> dict[str, Any]:
    """An object with these keys and no other."""
    return {"type": "object", "properties": properties, "additionalProperties": False}


TEXT = {"type": "string"}
POSITION = closed(line={"type": "integer", "minimum": 1}, column={"type": "integer", "minimum": 1})
RANGE = {**closed(start=POSITION, end=POSITION), "required": ["start"]}
LOCATION = {**closed(path=TEXT, range=RANGE), "required": ["path"]}
DIAGNOSTIC = {
    **closed(
        message=TEXT,
        location=LOCATION,
        severity={"enum": ["ERROR", "WARNING", "INFO"]},
        code=closed(value=TEXT, url=TEXT),
        suggestions={
            "type": "array",
            "items": {**closed(range=RANGE, text=TEXT), "required": ["range", "text"]},
        },
        related_locations={"type": "array", "items": closed(message=TEXT, location=LOCATION)},
    ),
    "required": ["message", "location", "severity", "code"],
}
RESULT = Draft7Validator(
    closed(source=closed(name=TEXT, url=TEXT), diagnostics={"type": "array", "items": DIAGNOSTIC})
)


def made(report: Report) -> Any:
    """The report as rdjson, read back."""
    return json.loads(rdjson.render(report, Style()))


def test_golden() -> None:
    """The sample report gives the golden file."""
    assert FORMATS["rdjson.json"] == golden("rdjson.json")


def test_fields_are_those_of_the_definition() -> None:
    """Every report has only fields that reviewdog knows; one too many is seen."""
    for report in (sample(), clean_lint()):
        assert not list(RESULT.iter_errors(made(report)))
    assert list(RESULT.iter_errors(made(sample()) | {"more": 1}))
    assert SECRET not in rdjson.render(sample(), Style())


def test_a_suggestion_is_one_edit_of_the_same_line_that_holds_no_secret() -> None:
    """What would need the password, or more than one edit, is told in words."""
    offered = [each.get("suggestions") for each in made(sample())["diagnostics"]]

    assert [each is None for each in offered] == [True, False, True, True, True]
    assert offered[1][0]["text"] == "?connection_limit=5"


def test_columns_count_bytes_or_are_left_out() -> None:
    """A line that is not ASCII has its line only: its bytes are not known."""
    findings = tuple(replace(each, ascii=False) for each in sample().findings)
    shown = made(replace(sample(), findings=findings))["diagnostics"]

    assert [each["location"].get("range") for each in shown[:2]] == [
        {"start": {"line": 3}},
        {"start": {"line": 9}},
    ]
    assert not any("suggestions" in each for each in shown)
