"""What each command prints in each of its formats, recorded whole: each section of each format by what it says.

`pytest tests/output/test_recorded.py --update-golden` writes the records anew; a person reads them.
"""

import json
import re
from importlib import import_module
from pathlib import Path

import pytest
from click.testing import CliRunner

from poolcheck import output
from poolcheck.cli import cli
from poolcheck.output.paint import Style
from tests import told
from tests.output.test_html import crowded
from tests.output.test_looks import COMMANDS, ROOT

RECORDED = Path(__file__).parent / "recorded"
DEPLOYMENTS = sorted((ROOT / "tests/project/mapping/deployments").iterdir())
STILL = {
    "concise",
    "github",
    "gitlab",
    "junit",
    "rdjson",
    "sarif",
    "picture",
}  # their golden files are of one sample

LONG = ("traffic", "pooler")  # a simulation is the same in the other formats as "ramp"


def said(*args: str) -> str:
    """The output and exit code of a run."""
    done = CliRunner().invoke(cli, list(args), env={"COLUMNS": "100"})
    return f"{still(done.stdout)}\nexit {done.exit_code}"


def still(text: str) -> str:
    """What stays when the release, the day and the colours of a page change."""
    text = re.sub(r"<style>.*?</style>", "", text, flags=re.DOTALL)
    if text.startswith("{"):
        record = json.loads(text)
        record.pop("poolcheck", None)
        text = json.dumps(record, indent=1, ensure_ascii=False)
    return text


def formats(command: str) -> list[str]:
    """Those that a command can print."""
    names = sorted(path.stem for path in Path(output.__file__).parent.glob("[a-z]*.py"))
    found = []
    for name in names:
        module = import_module(f"poolcheck.output.{name}")
        commands = getattr(module, "COMMANDS", None)
        if commands is not None and (not commands or command in commands) and name not in STILL:
            found.append(name)
    return found


CASES = [
    (name, form)
    for name, args in COMMANDS.items()
    for form in formats(args[0])
    if form == "text" or name not in LONG
    if name not in ("explain rule", "explain provider", "explain driver", "explain rules", "config")
]


@pytest.fixture(autouse=True)
def _root(monkeypatch: pytest.MonkeyPatch) -> None:
    """The examples by their short names."""
    monkeypatch.chdir(ROOT)


@pytest.mark.parametrize(("name", "form"), CASES)
def test_what_a_command_prints(name: str, form: str, update_golden: bool) -> None:
    """Every word, number and order."""
    told.holds(RECORDED / f"{name}.txt", form, said(*COMMANDS[name], "--format", form), update=update_golden)


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=lambda path: path.name)
def test_the_map_of_a_deployment(deployment: Path, update_golden: bool) -> None:
    """Who connects where, with how many, and what lint says of it."""
    record = RECORDED / f"map of {deployment.name}.txt"
    told.holds(record, "map", said("map", str(deployment.relative_to(ROOT))), update=update_golden)
    told.holds(
        record,
        "json",
        said("map", str(deployment.relative_to(ROOT)), "--format", "json"),
        update=update_golden,
    )
    told.holds(record, "lint", said("lint", str(deployment.relative_to(ROOT))), update=update_golden)


@pytest.mark.parametrize("form", ["html", "json", "prometheus", "text"])
def test_a_crowded_server(form: str, update_golden: bool) -> None:
    """A look at a server and its pooler with every section."""
    module = import_module(f"poolcheck.output.{form}")
    shown = still(module.render(crowded(), Style(width=100)))
    told.holds(RECORDED / "crowded.txt", form, shown, update=update_golden)
