"""`poolcheck init`: what it writes is true, complete and never in place of something."""

import re
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from jsonschema import Draft7Validator

from poolcheck.cli import cli, run
from poolcheck.config.checks import settings_of
from poolcheck.config.file import load
from poolcheck.config.schema import schema
from poolcheck.config.settings import Config, Thresholds

NEON = "postgresql://app:s3cret-canary@ep-cool-darkness-123456.us-east-2.aws.neon.tech/app"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project on Vercel with Prisma and Neon."""
    (tmp_path / "package.json").write_text('{"dependencies": {"@prisma/client": "6.19.3"}}')
    (tmp_path / "vercel.json").write_text("{}")
    (tmp_path / ".env").write_text(f"DATABASE_URL={NEON}\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def init(*args: str) -> Result:
    """Run `poolcheck init`."""
    return CliRunner().invoke(cli, ["init", *args], catch_exceptions=False)


def test_writes_what_it_found(project: Path) -> None:
    """Runtime, driver and provider with the file that says so; the provider is set, the rest stays automatic."""
    assert init().exit_code == 0
    text = (project / "poolcheck.toml").read_text()

    assert "# Found here: serverless (vercel.json)." in text
    assert "prisma 6.19.3 (package.json)" in text
    assert load(project / "poolcheck.toml").provider == "neon"
    assert tomllib.loads(text) == {"provider": "neon", "thresholds": {}}
    assert "s3cret-canary" not in text


def test_every_setting_is_there_and_valid_when_uncommented(project: Path) -> None:
    """With every comment sign taken off it is still a config, by the loader and by the schema."""
    init()
    text = re.sub(r"(?m)^# ([a-z_]+ = |\[)", r"\1", (project / "poolcheck.toml").read_text())
    full = project / "full.toml"
    full.write_text(text)

    table = tomllib.loads(text)

    assert load(full).instances == 10
    assert not list(Draft7Validator(schema()).iter_errors(table))
    simple = {name for name, each in settings_of(Config).items() if "reason" in each.metadata}
    assert simple <= set(table)
    assert set(table["thresholds"]) == set(settings_of(Thresholds))
    assert set(table["per-path"]) == {"apps/worker/**"}


def test_the_file_changes_no_verdict(project: Path) -> None:
    """A lint says the same before and after."""
    before = CliRunner().invoke(cli, ["lint", "--format", "gitlab"]).stdout
    init()

    assert CliRunner().invoke(cli, ["lint", "--format", "gitlab"]).stdout == before


def test_never_overwrites(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither poolcheck.toml nor a [tool.poolcheck] that would be shadowed; a file above is no hindrance."""
    (project / "poolcheck.toml").write_text("instances = 3\n")
    assert run(["init"]) == 2
    assert "is here already" in capsys.readouterr().err
    assert (project / "poolcheck.toml").read_text() == "instances = 3\n"

    (project / "poolcheck.toml").unlink()
    (project / "pyproject.toml").write_text("[tool.poolcheck]\n")
    assert run(["init"]) == 2
    assert not (project / "poolcheck.toml").exists()


def test_a_file_above_is_no_hindrance(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package of a monorepo may have settings of its own."""
    (project / "poolcheck.toml").write_text("instances = 3\n")
    (project / "apps").mkdir()
    monkeypatch.chdir(project / "apps")

    assert init().exit_code == 0
    assert (project / "apps" / "poolcheck.toml").exists()


def test_stdout_writes_nothing(project: Path) -> None:
    """For those who want to look first."""
    result = init("--stdout")

    assert "[thresholds]" in result.stdout
    assert not (project / "poolcheck.toml").exists()
