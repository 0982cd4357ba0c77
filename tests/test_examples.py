"""Every project under examples/ gives its recorded report, in text and JSON, and the recorded exit code.

`pytest tests/test_examples.py --update-golden` writes them anew; the diff is then read by a person.
"""

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from poolcheck.cli import cli

ROOT = Path(__file__).parent.parent / "examples"


def projects() -> list[str]:
    """The example projects: folders with an env file."""
    return sorted(path.name for path in ROOT.iterdir() if path.is_dir() and any(path.glob(".env*")))


@pytest.fixture
def project(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the example, without its expectations, as the current folder."""
    name: str = request.param
    copy = tmp_path / name
    shutil.copytree(ROOT / name, copy, ignore=shutil.ignore_patterns("expected.*"))
    monkeypatch.chdir(copy)
    return copy


def test_there_are_examples() -> None:
    """At least eight small projects."""
    assert len(projects()) >= 8


@pytest.mark.parametrize("project", projects(), indirect=True)
def test_report_is_the_recorded_one(project: Path, update_golden: bool) -> None:
    """Text at 80 columns, JSON without what changes with the release, and the exit code."""
    runner = CliRunner()
    text = runner.invoke(cli, ["lint"], env={"COLUMNS": "80"})
    raw = runner.invoke(cli, ["lint", "--format", "json"])

    record = json.loads(raw.stdout)
    del record["poolcheck"]
    folder = ROOT / project.name
    if update_golden:
        (folder / "expected.txt").write_text(text.stdout, encoding="utf-8")
        (folder / "expected.json").write_text(
            json.dumps(record, indent=2, ensure_ascii=False) + "\n", encoding="utf-8"
        )

    assert (folder / "expected.txt").read_text(encoding="utf-8") == text.stdout
    assert json.loads((folder / "expected.json").read_text(encoding="utf-8")) == record
    assert text.exit_code == raw.exit_code == record["summary"]["exit_code"]
    assert "s3cret" not in text.output + raw.output


@pytest.mark.parametrize(
    ("name", "rules"),
    [
        ("nextjs-prisma6-neon-direct", {"PC101", "PC203"}),
        ("nextjs-prisma6-neon-mended", set()),
        ("supabase-session-port", {"PC102"}),
        ("supabase-6543-without-flag", {"PC201"}),
        ("fastapi-asyncpg-pooler", {"PC206", "PC208"}),
        ("django-server", {"PC109", "PC206"}),
        ("lambda-rds", {"PC101", "PC206"}),
        ("kubernetes-ten-replicas", {"PC601"}),
        ("pgbouncer-inline-comments", {"PC502", "PC503", "PC507", "PC509", "PC513"}),
        ("pgdog-three-users", {"PC502", "PC503", "PC507"}),
        ("compose-three-services", {"PC601"}),
        ("prisma7-with-old-schema", {"PC303", "PC304", "PC305"}),
    ],
)
def test_each_example_shows_its_fault(name: str, rules: set[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The fault that the example is there for, whatever else the recorded report says."""
    record = json.loads((ROOT / name / "expected.json").read_text(encoding="utf-8"))

    found = {each["rule"] for each in record["findings"] if each["severity"] != "info"}
    assert rules <= found if rules else not found
