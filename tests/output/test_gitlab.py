"""GitLab's Code Quality report: the golden file and the documented format."""

import json

from poolcheck.output import gitlab
from poolcheck.output.paint import Style
from tests.output.goldens import FORMATS, golden
from tests.output.sample import SECRET, clean_lint, sample

KEYS = {"description", "check_name", "fingerprint", "severity", "location"}
SEVERITIES = {"info", "minor", "major", "critical", "blocker"}


def test_golden() -> None:
    """The sample report gives the golden file."""
    assert FORMATS["gitlab.json"] == golden("gitlab.json")


def test_documented_format() -> None:
    """Exactly the documented keys, severities and relative paths; every fingerprint once."""
    found = json.loads(gitlab.render(sample(), Style()))

    assert all(set(each) == KEYS for each in found)
    assert {each["severity"] for each in found} <= SEVERITIES
    assert all(each["location"]["lines"]["begin"] >= 1 for each in found)
    assert not [each for each in found if each["location"]["path"].startswith(("/", "./"))]
    assert len({each["fingerprint"] for each in found}) == len(found) == 5


def test_no_findings_is_an_empty_list() -> None:
    """GitLab reads the file either way; an empty one would be an error."""
    assert gitlab.render(clean_lint(), Style()) == "[]"
    assert SECRET not in gitlab.render(sample(), Style())
