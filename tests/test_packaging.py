"""The wheel and the sdist: built, opened, installed in a clean environment, and run."""

import email
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from poolcheck import __version__

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "poolcheck"
DATA = sorted(
    path.relative_to(ROOT).as_posix()
    for path in PACKAGE.rglob("*")
    if path.suffix in {".toml", ".sql", ".json", ".typed"}
)
MODULES = sorted(path.relative_to(ROOT).as_posix() for path in PACKAGE.rglob("*.py"))


def build(source: Path, target: Path, kind: str) -> Path:
    """Build the wheel or the sdist of a source tree; `kind` is hatchling's option."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(target)],
        cwd=source, check=True, capture_output=True,
    )  # fmt: skip
    (made,) = target.glob("*.whl" if kind == "wheel" else "*.tar.gz")
    return made


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this tree."""
    return build(ROOT, tmp_path_factory.mktemp("wheel"), "wheel")


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sdist of this tree."""
    return build(ROOT, tmp_path_factory.mktemp("sdist"), "sdist")


def test_every_kind_of_data_file_is_looked_for() -> None:
    """The lists below are not empty by mistake, and no file of the package is of a kind that nobody looks for."""
    names = {Path(name).name for name in DATA}

    assert {"neon.toml", "prisma.toml", "postgresql.toml", "sessions_13.sql", "py.typed"} <= names
    assert "poolcheck.schema.json" in names
    assert "poolcheck/demo/keeper.py" in MODULES
    kinds = {p.suffix for p in PACKAGE.rglob("*") if p.is_file() and "__pycache__" not in p.parts}
    assert kinds == {".py", ".toml", ".sql", ".json", ".typed"}


def test_wheel_is_complete(wheel: Path) -> None:
    """Every module and data file, byte for byte; nothing else but the metadata."""
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if ".dist-info/" not in name]

        assert sorted(names) == sorted([*MODULES, *DATA])
        for name in DATA:
            assert archive.read(name) == (ROOT / name).read_bytes(), name


def test_wheel_metadata(wheel: Path) -> None:
    """Version, Python, licence, the command, and Markdown for the package index's page."""
    with zipfile.ZipFile(wheel) as archive:
        info = next(name.split("/")[0] for name in archive.namelist() if ".dist-info/" in name)
        metadata = email.message_from_bytes(archive.read(f"{info}/METADATA"))
        commands = archive.read(f"{info}/entry_points.txt").decode()

        assert f"{info}/licenses/LICENSE" in archive.namelist()
    assert wheel.name == f"poolcheck-{__version__}-py3-none-any.whl"
    assert (metadata["Version"], metadata["Requires-Python"]) == (__version__, ">=3.11")
    assert (metadata["License-Expression"], metadata["Description-Content-Type"]) == ("MIT", "text/markdown")
    assert "poolcheck = poolcheck.cli:main" in commands


def test_sdist_holds_what_its_tests_need(sdist: Path) -> None:
    """The package, its tests, the examples, and every file at the top that a test reads; no caches."""
    with tarfile.open(sdist) as archive:
        top = f"poolcheck-{__version__}/"
        names = {member.name.removeprefix(top) for member in archive.getmembers() if member.isfile()}

    assert {*MODULES, *DATA} <= names
    assert {path.relative_to(ROOT).as_posix() for path in (ROOT / "tests").rglob("*.py")} <= names
    assert {
        "README.md",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "SECURITY.md",
        "LICENSE",
        "pyproject.toml",
    } <= names
    assert {"action.yml", ".pre-commit-hooks.yaml", ".ci/run", ".ci/servers"} <= names
    assert {
        "examples/nextjs-prisma6-neon-direct/.env",
        "examples/nextjs-prisma6-neon-direct/package.json",
    } <= names
    assert not [
        name for name in names if "__pycache__" in name or "_cache/" in name or name.startswith(".git/")
    ]


def test_wheel_from_the_sdist_is_the_same(sdist: Path, wheel: Path, tmp_path: Path) -> None:
    """Who builds from the package index's source gets what the package index's wheel holds."""
    subprocess.run(["tar", "xzf", sdist, "-C", tmp_path], check=True)
    again = build(tmp_path / f"poolcheck-{__version__}", tmp_path / "dist", "wheel")

    with zipfile.ZipFile(wheel) as one, zipfile.ZipFile(again) as other:
        assert {i.filename: i.CRC for i in one.infolist()} == {i.filename: i.CRC for i in other.infolist()}


@pytest.mark.parametrize(
    "path", sorted((ROOT / ".github" / "workflows").glob("*.yml")), ids=lambda path: path.name
)
def test_workflow_is_valid(path: Path) -> None:
    """By the schema of GitHub's workflows; actions are pinned to a commit, nothing gets more than it needs."""
    check = Path(sys.executable).with_name("check-jsonschema")
    subprocess.run([str(check), "--builtin-schema", "vendor.github-workflows", str(path)], check=True)
    text = path.read_text(encoding="utf-8")

    assert "permissions:\n  contents: read\n" in text
    for action in re.findall(r"uses: (.+)", text):
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action), action
    for install in re.findall(r"(?:pip|pip3) install .*", text):
        assert "--only-binary :all:" in install, install
    assert text.count("actions/checkout@") == text.count("persist-credentials: false")


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of programs of a clean environment that holds the wheel and its dependencies, nothing else."""
    home = tmp_path_factory.mktemp("venv")
    subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
    programs = home / ("Scripts" if os.name == "nt" else "bin")
    done = subprocess.run(
        [str(programs / "python"), "-m", "pip", "install", "-q", "--no-compile", "--disable-pip-version-check", str(wheel)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return programs


@pytest.mark.slow
class TestInstalled:
    """Away from the checkout: only what was packed is there."""

    def run(self, programs: Path, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a program of the clean environment in another folder."""
        env = {"PATH": os.environ["PATH"], "HOME": str(folder), "LANG": "C.UTF-8"}
        return subprocess.run(
            [str(programs / words[0]), *words[1:]], cwd=folder, env=env, capture_output=True, text=True, check=False
        )  # fmt: skip

    def test_version_both_ways(self, installed: Path, tmp_path: Path) -> None:
        """As a program and as a module."""
        for words in (("poolcheck",), ("python", "-m", "poolcheck")):
            done = self.run(installed, tmp_path, *words, "--version")
            assert (done.returncode, done.stdout) == (0, f"poolcheck, version {__version__}\n")

    def test_lint_an_example(self, installed: Path, tmp_path: Path) -> None:
        """Source files, schema, env file and manifest are read: the tree-sitter wheels are there and work."""
        project = tmp_path / "project"
        shutil.copytree(ROOT / "examples" / "nextjs-prisma6-neon-direct", project)
        done = self.run(installed, project, "poolcheck", "lint")

        assert (done.returncode, done.stderr) == (1, "")
        assert "PC101 direct-endpoint-for-app" in done.stdout

    def test_explain_and_size(self, installed: Path, tmp_path: Path) -> None:
        """The catalogue is there."""
        page = self.run(installed, tmp_path, "poolcheck", "explain", "neon")
        error = self.run(
            installed, tmp_path, "poolcheck", "explain", "FATAL: sorry, too many clients already"
        )
        size = self.run(installed, tmp_path, "poolcheck", "size", "--provider", "neon", "--plan", "0.25cu", "--instances", "10")  # fmt: skip

        assert (page.returncode, error.returncode, size.returncode) == (0, 0, 0)
        assert "Neon" in page.stdout
        assert "53300" in error.stdout
        assert "Pool size per instance: 5" in size.stdout

    def test_every_command_can_say_its_help(self, installed: Path, tmp_path: Path) -> None:
        """No command needs an extra, or a file outside the package, to say what it does."""
        listed = (
            self.run(installed, tmp_path, "poolcheck", "--help")
            .stdout.partition("Commands:")[2]
            .partition("Environment:")[0]
        )
        names = [line.split()[0] for line in listed.splitlines() if re.match(r"  \w", line)]

        assert {"lint", "live", "size", "simulate", "explain", "fix", "reap", "gate", "demo"} <= set(names)
        for name in names:
            done = self.run(installed, tmp_path, "poolcheck", name, "--help")
            assert (done.returncode, done.stderr) == (0, ""), name

    def test_without_its_extra_a_command_says_what_to_install(self, installed: Path, tmp_path: Path) -> None:
        """The demo without its PostgreSQL: exit code 2 and the command that helps, no traceback."""
        done = self.run(installed, tmp_path, "poolcheck", "demo")

        assert done.returncode == 2
        assert "poolcheck[demo]" in done.stderr
        assert "Traceback" not in done.stderr

    def test_library(self, installed: Path, tmp_path: Path) -> None:
        """The public functions, without the command line."""
        code = "import poolcheck; print(poolcheck.size(max_connections=100, instances=10).pool_size, poolcheck.lint('postgresql://a:b@localhost/c').code)"  # fmt: skip
        done = self.run(installed, tmp_path, "python", "-c", code)

        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.split()[0] == "5"
