"""Diffs of long texts: they rebuild the new text, and cost what their lines cost."""

import random
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from poolcheck.cli import cli
from poolcheck.fix import diff
from tests.steps import steps

URL = "postgresql://app:{}@h.example.com/app"


def applied(old: str, lines: tuple[str, ...]) -> str:
    """The old text with a diff applied, as patch does it."""
    before, made, at = old.splitlines(), [], 0
    for line in lines[2:]:
        place = re.match(r"@@ -(\d+)(?:,(\d+))? \+", line)
        if place:
            start = int(place[1]) - (place[2] != "0")
            made += before[at:start]
            at = start
        elif line[0] == "+":
            made.append(line[1:])
        else:
            assert before[at] == line[1:]
            made += [before[at]] if line[0] == " " else []
            at += 1
    return "".join(f"{each}\n" for each in made + before[at:])


@pytest.mark.parametrize("seed", range(60))
def test_a_diff_rebuilds_the_text(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the way for long texts too, whichever lines are alike, moved, new or gone."""
    monkeypatch.setattr(diff, "LARGE", 0)
    chance = random.Random(seed)
    old = [f"word{chance.randrange(chance.choice((3, 40, 1000)))}" for _ in range(chance.randrange(1, 60))]
    new = list(old)
    for _ in range(chance.randrange(1, 12)):
        at = chance.randrange(len(new) + 1)
        new[at : at + chance.randrange(3)] = [
            f"word{chance.randrange(60)}" for _ in range(chance.randrange(3))
        ]
    one, two = ("".join(f"{line}\n" for line in lines) for lines in (old, new))

    assert applied(one, diff.diff({"a.ts": (one, two)})) == two


LINES = {
    "each another": "V{0}=" + URL.format("pass{0}") + "\n",
    "all the same": "V=" + URL.format("secret") + "\n",
    "every other": "# a comment\nV{0}=" + URL.format("secret") + "\n",
    "nothing once": "V=" + URL.format("secret") + "\n\n",
}


@pytest.mark.parametrize("line", LINES.values(), ids=LINES)
def test_a_long_diff_costs_its_lines(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The steps for the last hundred lines are those for the hundred before."""
    monkeypatch.setattr(diff, "LARGE", 0)

    def work(count: int) -> int:
        old = "".join(line.format(number) for number in range(count))
        return steps(lambda: diff.diff({".env": (old, old.replace("h.example.com", "pooler.example.com"))}))

    first, second, third = (work(count) for count in (50, 150, 250))

    assert third - second < 1.05 * (second - first)


def test_a_patch_without_a_secret_says_nothing_of_masks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only a masked diff is called one: what git apply takes is not said to be for reading."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "package.json").write_text('{"dependencies": {"pg": "8.16.0"}}')
    host = "ep-cool-darkness-a1b2c3d4.us-east-2.aws.neon.tech"
    told = ["fix", "--diff", "--unsafe", "--runtime", "serverless"]
    for user, masked in (("app", False), ("app:s3cret", True)):
        (tmp_path / ".env").write_text(f"DATABASE_URL=postgresql://{user}@{host}/app\n")
        text = CliRunner().invoke(cli, told).stdout
        assert "-pooler" in text
        assert ("Secrets are masked" in text) is masked
