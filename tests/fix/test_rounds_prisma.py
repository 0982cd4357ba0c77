"""What the edits leave is what Prisma itself takes: its own command line judges mended schemas and configs."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from poolcheck.cli import cli
from tests.conftest import lacking

pytestmark = [pytest.mark.node, pytest.mark.slow]
EXAMPLES = Path(__file__).parents[2] / "examples"
NODE = (20, 19)  # Prisma 7 starts with no older one; Debian 12's own is 18
PINNED = {6: ("prisma@6.19.3",), 7: ("prisma@7.10.1", "dotenv@17.2.3")}


@pytest.fixture(scope="module")
def installs(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """Prisma 6 and 7, from npm, without running their install scripts."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        lacking("node or npm is missing")
    folders = {}
    for major, packages in PINNED.items():
        folders[major] = tmp_path_factory.mktemp(f"prisma{major}")
        done = subprocess.run(
            [npm or "", "install", "--prefix", str(folders[major]), "--no-audit", "--no-fund", "--ignore-scripts", *packages],
            capture_output=True, text=True, check=False, timeout=300,
        )  # fmt: skip
        if done.returncode:
            lacking(f"npm install failed ({done.stderr.strip()[-200:]})")
    return folders


def need_node() -> None:
    """Skip where Node.js is too old for Prisma 7."""
    said = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    if tuple(map(int, said.removeprefix("v").split(".")[:2])) < NODE:
        pytest.skip(f"Prisma 7 needs Node.js {NODE[0]}.{NODE[1]}; here is {said}")


def validate(folder: Path, install: Path) -> str:
    """What `prisma validate` says. It asks for engines and does not run them: any file is good enough."""
    link = folder / "node_modules"
    if not link.exists():
        link.symlink_to(install / "node_modules")
    environment = {
        **os.environ, "CHECKPOINT_DISABLE": "1", "NO_COLOR": "1", "PRISMA_SCHEMA_ENGINE_BINARY": "/bin/true",
        "PRISMA_QUERY_ENGINE_LIBRARY": "/bin/true", "PRISMA_HIDE_UPDATE_MESSAGE": "1",
    }  # fmt: skip
    script = install / "node_modules" / "prisma" / "build" / "index.js"
    done = subprocess.run(
        ["node", str(script), "validate"], cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=120
    )  # fmt: skip
    return done.stdout + done.stderr


def fix(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make every edit."""
    monkeypatch.chdir(folder)
    assert CliRunner().invoke(cli, ["fix", "--write", "--unsafe"]).exit_code == 0


def test_direct_url_in_a_prisma_6_schema(
    installs: dict[int, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Valid with the env file that was written beside it; without the variable it is not, hence not a safe edit."""
    folder = Path(shutil.copytree(EXAMPLES / "nextjs-prisma6-neon-direct", tmp_path / "project"))
    fix(folder, monkeypatch)

    assert "is valid" in validate(folder, installs[6])
    kept = [line for line in Path(".env").read_text().splitlines() if not line.startswith("DIRECT_URL")]
    Path(".env").write_text("\n".join(kept))
    assert "Environment variable not found: DIRECT_URL" in validate(folder, installs[6])


@pytest.mark.parametrize("config", [True, False])
def test_prisma_7_schema_and_config(
    installs: dict[int, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, config: bool
) -> None:
    """Refused before, valid after: with the config that was there, and with the one that was made."""
    need_node()
    folder = Path(shutil.copytree(EXAMPLES / "prisma7-with-old-schema", tmp_path / "project"))
    if not config:
        (folder / "prisma.config.ts").unlink()
        (folder / "package.json").write_text('{"dependencies": {"prisma": "7.10.1", "dotenv": "17.2.3"}}')
    before = validate(folder, installs[7])
    fix(folder, monkeypatch)
    after = validate(folder, installs[7])

    assert "P1012" in before
    assert "is no longer supported in schema files" in before
    assert "Loaded Prisma config from prisma.config.ts" in after
    assert "is valid" in after
