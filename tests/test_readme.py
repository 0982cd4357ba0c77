"""The README proves itself: its transcripts are what the program prints, its command lines run."""

import re
import shlex
import shutil
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from poolcheck.cli import cli

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
CONSOLE = re.findall(r"^```console\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
SHELL = re.findall(r"^```sh\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def transcripts() -> list[tuple[str, str]]:
    """Command and expected output of each transcript."""
    return [(head.removeprefix("$ "), rest) for block in CONSOLE for head, _, rest in [block.partition("\n")]]


def commands() -> list[str]:
    """Every poolcheck command line of the shell blocks, comments cut."""
    found = []
    for block in SHELL:
        for line in block.replace("\\\n", " ").splitlines():
            code = re.sub(r"\s+#.*$", "", line).strip()
            if re.match(r"(?:cat [\w.]+ \| |kubectl [^|]+\| )?poolcheck ", code):
                found.append(code)
    return found


@pytest.mark.parametrize(
    ("command", "expected"), transcripts(), ids=[command for command, _ in transcripts()]
)
def test_transcript_is_what_the_program_prints(
    command: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At 80 columns. A line of three dots stands for lines left out."""
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    monkeypatch.chdir(tmp_path)
    folder = re.match(r"cd (\S+) && ", command)
    if folder:
        monkeypatch.chdir(tmp_path / folder[1])
        command = command[folder.end() :]
    words = shlex.split(command)
    assert words[0] == "poolcheck"

    printed = CliRunner().invoke(cli, words[1:], env={"COLUMNS": "80"}).stdout

    pattern = "".join(
        r"(?:.*\n)*?" if line.strip() == "..." else re.escape(line) + "\n" for line in expected.splitlines()
    )
    assert re.fullmatch(pattern, printed), printed


@pytest.mark.parametrize("line", commands())
def test_command_line_is_understood(line: str) -> None:
    """The command exists and takes these options: click parses them without running anything."""
    words = shlex.split(line.rpartition("| ")[2] if "| poolcheck" in line else line)
    words = [word for word in words if word not in ("|", ">")]
    command = cli.get_command(click.Context(cli), words[1])

    assert command is not None, f"no command {words[1]}"
    arguments = [word for word in words[2:] if not word.startswith("2>")]
    command.make_context(words[1], arguments, resilient_parsing=False)


def test_every_command_has_a_place_in_the_readme() -> None:
    """No command is undocumented, and each has help with examples."""
    context = click.Context(cli)
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        assert command is not None
        assert f"poolcheck {name}" in README, name
        assert command.help
        assert command.get_short_help_str()


def test_exit_codes_are_those_of_the_program() -> None:
    """The table has every code, and no other."""
    rows = re.findall(r"^\| (\d) \|", README.partition("## Exit codes")[2], re.MULTILINE)

    assert rows == ["0", "1", "2", "3"]


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "SECURITY.md"])
def test_paths_that_are_named_are_there(page: str) -> None:
    """Whoever follows a page finds the file; NAME stands for any."""
    text = (ROOT / page).read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:tests|poolcheck|examples)/[\w./*-]+)`", text))

    assert named
    assert not [path for path in sorted(named) if not there(path)]


def there(path: str) -> bool:
    """Whether the file is there, or the folder that would hold one of that kind."""
    if re.search(r"NAME|NNN|\*", path):
        path = path.rpartition("/")[0]
    return (ROOT / path).exists()
