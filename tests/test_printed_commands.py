"""Every command of ours that any text names is one: its name and each of its options, wherever the text stands.

Sentences, hints, pages, error texts and recorded reports are walked, so that a renamed option cannot stay behind in one.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from poolcheck.cli import cli

ROOT = Path(__file__).parents[1]
NAMES = cli.list_commands(click.Context(cli))
# From the command's name to where a sentence, a span of code or another command goes on.
COMMAND = re.compile(rf"poolcheck ({'|'.join(NAMES)})((?: +(?![-–&|;]+ )[^\s`;|&()]+)*)")
# A word that is an option, without its value.
OPTION = re.compile(r"(?<![\w-])(--?[a-z][a-z-]*)")


def literals(path: Path) -> Iterator[str]:
    """Every text of a module; what an f-string fills in is N."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(each.value) if isinstance(each, ast.Constant) else "N" for each in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def texts() -> Iterator[tuple[str, str]]:
    """Where, and the text."""
    for path in sorted((ROOT / "poolcheck").rglob("*.py")):
        for text in literals(path):
            yield path.relative_to(ROOT).as_posix(), text
    others = [*(ROOT / "poolcheck").rglob("*.toml"), *(ROOT / "examples").rglob("*"), *ROOT.glob("*.md")]
    others += [ROOT / "action.yml", ROOT / ".pre-commit-hooks.yaml", *(ROOT / ".github").rglob("*.yml")]
    for path in sorted(set(others)):
        if path.is_file() and path.suffix in (".toml", ".md", ".yml", ".yaml", ".txt", ".json", ".sh", ""):
            yield path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8").replace("\\\n", " ")


def wrong(text: str) -> Iterator[str]:
    """The options in a text that the command before them does not have."""
    for name, words in COMMAND.findall(text):
        command = cli.get_command(click.Context(cli), name)
        assert command is not None
        known = {
            option
            for each in command.get_params(click.Context(command))
            if isinstance(each, click.Option) and not each.hidden
            for option in (*each.opts, *each.secondary_opts)
        }
        yield from (f"poolcheck {name} {option}" for option in OPTION.findall(words) if option not in known)


def test_every_option_that_is_printed_is_there() -> None:
    """By a walk over the package's texts, its data, the examples and their reports, the documents and the actions."""
    found = {
        f"{where}: {words}" for where, text in texts() for words in wrong(text) if where != "CHANGELOG.md"
    }

    assert found == set()


@pytest.mark.parametrize(
    "text",
    ["run poolcheck live --nonsense", "`poolcheck size --limit 3`", "poolcheck gate . --report x=y --livee"],
)
def test_one_that_is_not_there_is_seen(text: str) -> None:
    """A walk that finds nothing would hold nothing; old spellings are taken, and not printed."""
    assert list(wrong(text))
