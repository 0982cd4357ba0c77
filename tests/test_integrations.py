"""The action, the hooks and the recipes: held against their systems' schemas, and run as far as it can be done here."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import click
import pytest
from packaging.requirements import Requirement
from ruamel.yaml import YAML

from poolcheck import __version__
from poolcheck.cli import cli
from tests.conftest import lacking

ROOT = Path(__file__).parent.parent
RECIPES = ROOT / "examples" / "ci"
NEON = "postgresql://app:hunter2canary@ep-cool-darkness-123456.us-east-2.aws.neon.tech/app?sslmode=require"
SCHEMAS = {
    "action.yml": "github-actions",
    "examples/ci/github-actions.yml": "github-workflows",
    "examples/ci/github-actions-deploy.yml": "github-workflows",
    "examples/ci/gitlab-ci.yml": "gitlab-ci",
    "examples/ci/circleci.yml": "circle-ci",
    "examples/ci/azure-pipelines.yml": "azure-pipelines",
}
TEXTS = {path.name: path.read_text(encoding="utf-8") for path in sorted(RECIPES.iterdir())}


def load(path: Path) -> Any:
    """A YAML file."""
    return YAML(typ="safe").load(path.read_text(encoding="utf-8"))


def command_lines() -> list[tuple[str, str]]:
    """Every poolcheck command line of the recipes, with its file's name."""
    found = [
        (name, line.strip().rstrip('",').strip())
        for name, text in TEXTS.items()
        for line in re.findall(r"(?m)(?<![\w.-])poolcheck(?:==[\d.]+)?( (?:gate|live|lint)[^\n&|]*)", text)
    ]
    cronjob = load(RECIPES / "cronjob.yaml")["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][
        0
    ]
    found.append(("cronjob.yaml", " ".join(cronjob["args"])))
    for name in ("github-actions.yml", "github-actions-deploy.yml"):
        for job in load(RECIPES / name)["jobs"].values():
            steps = [step for step in job["steps"] if str(step.get("uses", "")).startswith("poolcheck/")]
            found += [(name, "gate " + " ".join(step["with"]["args"].split("\n"))) for step in steps]
    hooks = load(ROOT / ".pre-commit-hooks.yaml")
    found += [("hooks", hook["entry"].removeprefix("poolcheck ")) for hook in hooks]
    return found


@pytest.mark.parametrize(("path", "schema"), SCHEMAS.items())
def test_schemas(path: str, schema: str) -> None:
    """Each file is valid by the schema of its system."""
    done = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}", str(ROOT / path)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout


def test_every_recipe_has_a_command_line() -> None:
    """The list below is not empty by mistake."""
    files = {name for name, _ in command_lines()}

    without = {"Dockerfile", "poolcheck.timer", "pre-commit-config.yaml"}
    assert files == {*TEXTS, "hooks"} - without


@pytest.mark.parametrize(("name", "line"), command_lines(), ids=[name for name, _ in command_lines()])
def test_command_lines_are_accepted(name: str, line: str) -> None:
    """Each option exists and takes its value."""
    words = shlex.split(line)
    command = cli.get_command(click.Context(cli), words[0])
    assert command is not None

    command.make_context(words[0], words[1:])


@pytest.mark.parametrize(
    ("name", "line"),
    [line for line in command_lines() if line[1].startswith("gate") and "--live" not in line[1]],
)
def test_gates_run(name: str, line: str, tmp_path: Path) -> None:
    """Every gate of a recipe that needs no server fails on a faulty string and writes its reports."""
    (tmp_path / ".env").write_text(f"DATABASE_URL={NEON}\n")
    (tmp_path / "reports/poolcheck").mkdir(parents=True)
    (tmp_path / "poolcheck-baseline.json").write_text('{"schema": 1, "findings": []}')
    environ = {**os.environ, "DATABASE_URL": NEON, "DIRECT_URL": NEON}

    done = subprocess.run(
        [sys.executable, "-m", "poolcheck", *shlex.split(line)],
        cwd=tmp_path, env=environ, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 1, done.stderr
    assert "PC101" in done.stdout
    assert "hunter2canary" not in done.stdout + done.stderr
    for report in re.findall(r"--report \w+=(\S+)", line):
        assert "PC101" in (tmp_path / report).read_text()


def test_recipes_name_this_version() -> None:
    """A pinned version in a recipe is the one that the recipe was tried with."""
    named = re.findall(
        r"(?:poolcheck==|poolcheck/poolcheck@v|rev: v|poolcheck:)(\d[\d.]*)", "\n".join(TEXTS.values())
    )

    assert set(named) == {__version__}
    assert len(named) >= 8


@pytest.mark.parametrize(
    "path",
    [".github", "action.yml", "examples/ci/github-actions.yml", "examples/ci/github-actions-deploy.yml"],
)
def test_zizmor(path: str) -> None:
    """No action by a name that can be moved, no injection, no cache to poison, no permission too many."""
    zizmor = Path(sys.executable).with_name("zizmor")
    done = subprocess.run(
        [str(zizmor), "--offline", "--no-progress", "--strict-collection", str(ROOT / path)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout


def test_zizmor_sees_faults(tmp_path: Path) -> None:
    """What stood here before is found: a tag, an expression in a script, credentials left behind."""
    zizmor = Path(sys.executable).with_name("zizmor")
    text = TEXTS["github-actions.yml"]
    text = re.sub(r"checkout@\w+ # \S+", "checkout@v5", text).replace(
        "persist-credentials: false", "clean: true"
    )
    text += "      - run: echo ${{ github.event.pull_request.title }}\n"
    (tmp_path / "workflow.yml").write_text(text)

    done = subprocess.run(
        [str(zizmor), "--offline", "--no-progress", "--format=json", str(tmp_path / "workflow.yml")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert {"unpinned-uses", "template-injection", "artipacked"} <= {
        each["ident"] for each in json.loads(done.stdout)
    }


def test_an_action_has_one_pin() -> None:
    """Each by a whole commit with its version beside it, the same commit everywhere."""
    files = [ROOT / "action.yml", *(ROOT / ".github/workflows").iterdir(), *RECIPES.glob("github-*.yml")]
    pins = {
        line.split("@")[0]: line
        for file in files
        for line in re.findall(r"uses: (.+)", file.read_text(encoding="utf-8"))
    }
    lines = {line for file in files for line in re.findall(r"uses: (.+)", file.read_text(encoding="utf-8"))}

    assert len(lines) == len(pins) >= 8
    for name, line in pins.items():
        assert name == "poolcheck/poolcheck" or re.fullmatch(r"\S+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line)


def test_no_module_of_a_checkout_takes_the_place_of_another() -> None:
    """`python -m NAME` looks for NAME in the current folder first, and that is a pull request's: -I does not."""
    files = [ROOT / "action.yml", *(ROOT / ".github/workflows").iterdir(), *RECIPES.iterdir()]
    started = [
        line
        for file in files
        for line in re.findall(r"\bpython[\w.\"]* .*-[mc] .*", file.read_text(encoding="utf-8"))
    ]

    assert len(started) >= 5
    assert [line for line in started if not re.match(r"python[\w.\"]* -I ", line)] == []


def test_what_the_action_installs_is_what_poolcheck_needs() -> None:
    """Every dependency, at one version that fits, with hashes, and nothing that could be built."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    text = (ROOT / ".github/requirements/action.txt").read_text(encoding="utf-8")
    entries = [each for each in re.split(r"\n(?=\w)", re.sub(r"(?m)^#.*\n", "", text)) if each.strip()]
    locked = {}
    for entry in entries:
        head = re.match(r"([\w-]+)==([\w.]+)", entry)
        assert head is not None, entry
        assert "--hash=sha256:" in entry
        locked[head[1]] = head[2]

    for each in map(Requirement, project["dependencies"]):
        assert locked[each.name] in each.specifier, each
        assert not each.extras or f"{each.name}-binary" in locked


class TestAction:
    """action.yml."""

    ACTION = load(ROOT / "action.yml")

    def step(self, name: str) -> dict[str, Any]:
        """A step of the action by its id."""
        found: dict[str, Any] = next(each for each in self.ACTION["runs"]["steps"] if each.get("id") == name)
        return found

    def test_scripts_hold_no_expression(self) -> None:
        """Inputs reach the shell as variables: an expression in a script is an injection."""
        scripts = [each["run"] for each in self.ACTION["runs"]["steps"] if "run" in each]

        assert len(scripts) == 2
        assert not [script for script in scripts if "${{" in script]

    def gate(self, folder: Path, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run the gate's script as the runner does: bash with -e and pipefail."""
        words = {
            "PATHS": "", "ARGS": "", "SARIF": "", "MARKDOWN": "", "GITHUB_ACTIONS": "true",
            "GITHUB_OUTPUT": str(folder / "output"), "GITHUB_STEP_SUMMARY": str(folder / "summary"),
            "PYTHON": sys.executable,
        }  # fmt: skip
        return subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", self.step("gate")["run"]],
            cwd=folder, env={**os.environ, **words, **environ}, capture_output=True, text=True, check=False,
        )  # fmt: skip

    def test_gate_fails_and_leaves_its_reports(self, tmp_path: Path) -> None:
        """Exit code, outputs, annotation, summary, SARIF and Markdown."""
        (tmp_path / ".env").write_text(f"DATABASE_URL={NEON}\n")

        done = self.gate(tmp_path, SARIF="out.sarif", MARKDOWN="out.md", ARGS="--instances=10\n--max=100\n")

        assert done.returncode == 1
        assert (tmp_path / "output").read_text() == "exit-code=1\nsarif=out.sarif\n"
        assert "::error file=.env,line=1" in done.stdout
        assert "## poolcheck gate" in (tmp_path / "summary").read_text()
        assert json.loads((tmp_path / "out.sarif").read_text())["version"] == "2.1.0"
        assert "hunter2canary" not in done.stdout + done.stderr + (tmp_path / "out.md").read_text()

    def test_gate_passes_and_takes_paths(self, tmp_path: Path) -> None:
        """Several paths, one with a space."""
        pooled = NEON.replace("-123456.", "-123456-pooler.") + "&connection_limit=1"
        for name in ("a b.env", ".env.production"):
            (tmp_path / name).write_text(f"DATABASE_URL={pooled}\n")
        (tmp_path / ".env").write_text(f"DATABASE_URL={NEON}\n")

        done = self.gate(tmp_path, PATHS="a b.env\n.env.production", ARGS="--runtime=serverless")

        assert done.returncode == 0, done.stdout + done.stderr
        assert "2 connection strings" in done.stdout

    def test_inputs_are_never_shell(self, tmp_path: Path) -> None:
        """Substitutions, separators and options in paths stay words."""
        for text in ("$(touch pwned)", "`touch pwned`", "; touch pwned", "--output=pwned"):
            done = self.gate(tmp_path, PATHS=text, ARGS="")
            assert done.returncode == 2
            assert not (tmp_path / "pwned").exists()

    def test_steps_run_outside_of_the_workspace_or_apart_from_it(self) -> None:
        """Every Python is started with -I, and no folder of the pull request is current while pip runs."""
        scripts = [each for each in self.ACTION["runs"]["steps"] if "run" in each]
        started = [
            line
            for each in scripts
            for line in each["run"].splitlines()
            if re.match(r'\s*"\$(PYTHON|python)"', line)
        ]

        assert len(started) == 4
        assert [line for line in started if not re.match(r'\s*"\$\w+" -I ', line)] == []
        assert self.step("install")["working-directory"] == "${{ runner.temp }}"
        assert not [each for each in self.ACTION["runs"]["steps"] if "cache" in str(each.get("uses", ""))]

    @pytest.mark.slow
    def test_nothing_of_the_pull_request_is_run(self, tmp_path: Path) -> None:
        """The whole action in a workspace whose files have the names of every module that it could import.

        The index must be there. The control: Python as it is usually started runs such a file.
        """
        workspace, witness = tmp_path / "workspace", tmp_path / "witness"
        planted = f"open({str(witness)!r}, 'a').write(__file__ + chr(10))\n"
        workspace.mkdir()
        for name in sys.stdlib_module_names | {
            "pip",
            "sitecustomize",
            "usercustomize",
            "click",
            "rich",
            "poolcheck",
            "yaml",
            "setup",
        }:
            (workspace / f"{name}.py").write_text(planted)
        (workspace / "pip.conf").write_text("[global]\nindex-url = http://localhost:9/\n")
        (workspace / "pyproject.toml").write_text('[build-system]\nrequires = ["planted"]\n')
        (workspace / "python").write_text(f"#!/bin/sh\ntouch {witness}\n")
        (workspace / "python").chmod(0o755)
        (workspace / ".env").write_text(f"DATABASE_URL={NEON}\n")
        action = checkout(tmp_path)
        environ = {
            **os.environ, "PYTHONPATH": str(workspace), "PYTHONSTARTUP": str(workspace / "pip.py"), "PYTHONUSERBASE": str(workspace),
            "PYTHON": sys.executable, "ACTION": str(action), "TEMP_FOLDER": str(tmp_path), "GITHUB_OUTPUT": str(tmp_path / "output"),
        }  # fmt: skip
        subprocess.run([sys.executable, "-m", "venv", "x"], cwd=workspace, capture_output=True, check=False)
        assert witness.exists()
        witness.unlink()

        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", self.step("install")["run"]],
            cwd=workspace, env=environ, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert not witness.exists(), witness.read_text()
        if done.returncode:
            offline(done.stdout + done.stderr)
        python = (tmp_path / "output").read_text().strip().removeprefix("python=")
        done = self.gate(
            workspace, PYTHON=python, PYTHONPATH=str(workspace), GITHUB_OUTPUT=str(tmp_path / "output"),
            ARGS="--runtime=serverless",
        )  # fmt: skip

        assert not witness.exists(), witness.read_text()
        assert done.returncode == 1
        assert "PC101" in done.stdout
        where = subprocess.run(
            [python, "-I", "-c", "import poolcheck; print(poolcheck.__file__)"], capture_output=True, text=True, check=True
        )  # fmt: skip
        assert Path(where.stdout.strip()).is_relative_to(action)


def checkout(folder: Path) -> Path:
    """A copy of what is needed to build the package, so that nothing is written into the project."""
    copy = folder / "checkout"
    copy.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE", ".pre-commit-hooks.yaml"):
        shutil.copy(ROOT / name, copy)
    shutil.copytree(ROOT / ".github", copy / ".github")
    shutil.copytree(ROOT / "poolcheck", copy / "poolcheck", ignore=shutil.ignore_patterns("__pycache__"))
    return copy


def offline(said: str) -> None:
    """Skip, or in CI fail, where there is no package index; anything else is a failure."""
    missing = any(
        each in said for each in ("No matching distribution", "Could not find a version", "ConnectionError")
    )
    if missing:
        lacking(f"no package index to install from: {said[-2_000:]}")
    pytest.fail(said[-2_000:], pytrace=False)


class TestPreCommit:
    """.pre-commit-hooks.yaml."""

    def test_manifest_and_config(self) -> None:
        """Valid by pre-commit itself."""
        for words in (
            ["validate-manifest", str(ROOT / ".pre-commit-hooks.yaml")],
            ["validate-config", str(RECIPES / "pre-commit-config.yaml")],
        ):
            subprocess.run([sys.executable, "-m", "pre_commit", *words], check=True, capture_output=True)

    @pytest.mark.parametrize(
        ("path", "changed_files", "project"),
        [
            (".env", True, True),
            ("apps/web/.env.production", True, True),
            ("prod.env", True, True),
            (".dev.vars", True, True),
            ("prisma/schema.prisma", False, True),
            ("prisma7.config.ts", False, True),
            ("vercel.json", False, True),
            ("environment.py", False, False),
            ("src/env.ts", False, False),
        ],
    )
    def test_files(self, path: str, changed_files: bool, project: bool) -> None:
        """The patterns mean what they should."""
        first, second = load(ROOT / ".pre-commit-hooks.yaml")

        assert bool(re.search(first["files"], path)) == changed_files
        assert bool(re.search(second["files"], path)) == project

    @pytest.mark.slow
    @pytest.mark.usefixtures("with_git")
    def test_real_run(self, tmp_path: Path) -> None:
        """pre-commit installs this checkout and fails a commit with a faulty env file; a harmless one passes."""
        source, project = checkout(tmp_path), tmp_path / "project"
        project.mkdir()
        (project / ".env.production").write_text(f"DATABASE_URL={NEON}\n")
        (project / ".env.test").write_text("A=1\n")
        environ = {
            **os.environ, "PRE_COMMIT_HOME": str(tmp_path / "cache"), "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.com",
            "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@example.com",
        }  # fmt: skip
        for folder in (source, project):
            for words in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "one"]):
                subprocess.run(["git", *words], cwd=folder, env=environ, check=True)

        def run(path: str) -> subprocess.CompletedProcess[str]:
            return subprocess.run(
                [sys.executable, "-m", "pre_commit", "try-repo", str(source), "poolcheck", "--files", path],
                cwd=project, env=environ, capture_output=True, text=True, check=False,
            )  # fmt: skip

        done = run(".env.production")
        if "PC101" not in done.stdout:
            offline(done.stdout + done.stderr)

        assert done.returncode == 1
        assert "hunter2canary" not in done.stdout
        assert run(".env.test").returncode == 0


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_systemd_units(tmp_path: Path) -> None:
    """systemd reads both units without a complaint; the program is put where it is here."""
    program = Path(sys.executable).parent / "poolcheck"
    for name in ("poolcheck.service", "poolcheck.timer"):
        (tmp_path / name).write_text(TEXTS[name].replace("/opt/poolcheck/bin/poolcheck", str(program)))

    done = subprocess.run(
        ["systemd-analyze", "verify", str(tmp_path / "poolcheck.timer"), str(tmp_path / "poolcheck.service")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert "poolcheck" not in done.stderr
    assert done.returncode == 0, done.stderr


def test_cronjob_never_runs_twice_and_reads_its_secret_by_reference() -> None:
    """A slow look does not pile up on a drowning server, and no password stands in the file."""
    job = load(RECIPES / "cronjob.yaml")
    pod = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]

    assert job["spec"]["concurrencyPolicy"] == "Forbid"
    assert job["spec"]["jobTemplate"]["spec"]["backoffLimit"] == 0
    assert pod["containers"][0]["env"][0]["valueFrom"]["secretKeyRef"]["key"] == "url"
    mounts = {each["name"] for each in pod["containers"][0]["volumeMounts"]}
    assert mounts == {each["name"] for each in pod["volumes"]}


def test_other_recipes_are_well_formed() -> None:
    """TOML, JSON and the Procfile are read by their own readers."""
    assert tomllib.loads(TEXTS["netlify.toml"])["build"]["command"]
    assert tomllib.loads(TEXTS["fly.toml"])["deploy"]["release_command"].startswith("poolcheck gate")
    assert json.loads(TEXTS["vercel.json"])["buildCommand"]
    assert TEXTS["Procfile"].startswith("release: poolcheck gate ")
