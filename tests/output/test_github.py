"""GitHub annotations: the golden file, the runner's own reading of it, and nothing that could be a command."""

import re

from poolcheck.output import github
from poolcheck.output.paint import Style
from tests.output.goldens import FORMATS, golden
from tests.output.sample import SECRET, clean_lint, sample, unchecked

COMMAND = re.compile(r"::(?P<kind>\w+)(?: (?P<places>[^:]*))?::(?P<data>.*)")


def read(line: str) -> tuple[str, dict[str, str], str]:
    """A workflow command as the runner reads it: split at the signs, then unescaped."""
    found = COMMAND.fullmatch(line)
    assert found, line
    places = dict(each.split("=", 1) for each in found["places"].split(","))

    def plain(text: str) -> str:
        for sign, code in ((":", "%3A"), (",", "%2C"), ("\n", "%0A"), ("\r", "%0D"), ("%", "%25")):
            text = text.replace(code, sign)
        return text

    return found["kind"], {name: plain(value) for name, value in places.items()}, plain(found["data"])


def test_golden() -> None:
    """The sample report gives the golden file."""
    assert FORMATS["github.txt"] == golden("github.txt")


def test_the_runner_reads_what_was_meant() -> None:
    """One line a finding, worst first, with file, line, column and title intact."""
    lines = [read(line) for line in github.render(sample(), Style()).splitlines()]

    assert [kind for kind, _, _ in lines] == ["error", "error", "error", "error", "warning", "notice"]
    assert lines[1][1] == {
        "file": ".env.production",
        "line": "3",
        "col": "14",
        "title": "PC204 pool-too-large",
    }
    assert lines[4][1]["file"] == "apps/ä b/:x,y%#?.env"
    assert lines[3][1] == {
        "file": "worker.env",
        "line": "2",
        "col": "1",
        "endColumn": "5",
        "title": "PC204 pool-too-large",
    }
    assert "(100 %)" in lines[1][2]
    assert "file" not in lines[0][1]


def test_no_second_command_and_no_secret() -> None:
    """What a file says cannot begin a line of its own."""
    text = github.render(sample(), Style())

    assert len(text.splitlines()) == 6
    assert SECRET not in text
    assert "\x1b" not in text


def test_clean_is_silent_and_unchecked_is_not() -> None:
    """Nothing found prints nothing; a gate that could not check is one error."""
    assert github.render(clean_lint(), Style()) == ""
    kind, places, data = read(github.render(unchecked(), Style()))
    assert (kind, places["title"]) == ("error", "poolcheck: could not check")
    assert data == "The server could not be looked at: no route, 100 %."
