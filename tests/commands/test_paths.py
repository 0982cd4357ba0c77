"""However a path is written, the same is found, and the run ends."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

URL = "postgresql://app:hunter2@ep-cool-cloud-123456.eu-central-1.aws.neon.tech/app?sslmode=require"
FILES = {
    ".env": f'DATABASE_URL="{URL}"\n',
    "package.json": '{"dependencies": {"@prisma/client": "6.19.3", "pg": "8.13.0"}}',
    "prisma/schema.prisma": 'datasource db {\n  provider = "postgresql"\n  url = env("DATABASE_URL")\n}\n',
    "compose.yml": "services:\n  web:\n    build: .\n    env_file: .env\n  cache:\n    image: redis:7\n",
    "k8s/kustomization.yaml": "resources: [app.yaml]\n",
    "k8s/app.yaml": (
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: api}\nspec:\n  replicas: 3\n  template:\n    spec:\n"
        f"      containers: [{{name: api, image: api, env: [{{name: DATABASE_URL, value: '{URL}'}}]}}]\n"
    ),
    "chart/Chart.yaml": "apiVersion: v2\nname: api\nversion: 1.0.0\n",
    "chart/values.yaml": "replicas: 2\n",
    "vercel.json": '{"framework": "nextjs"}',
    "lib/db.ts": 'import { Pool } from "pg"\nexport async function GET() {\n  const pool = new Pool()\n}\n',
    "poolcheck.toml": "instances = 10\n",
    "x/keep": "",
}
# All in one process: a command that does not end is stopped by the time limit of the process.
RUN = """
import contextlib, io, json, sys
from poolcheck.cli import run
answers = []
for arguments in json.loads(sys.argv[1]):
    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    with contextlib.redirect_stdout(out):
        code = run(arguments)
    out.flush()
    answers.append([code, out.buffer.getvalue().decode()])
json.dump(answers, sys.stdout)
"""
COMMANDS = (
    ["lint", "--format", "json"], ["lint", "--format", "github"], ["fix", "--format", "json"], ["fix", "--diff"],
    ["gate", "--no-ci", "--format", "json"], ["config", "--format", "json"],
)  # fmt: skip


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the project in it, under two names, and a link to it."""
    folder = tmp_path_factory.mktemp("home")
    for project in ("app", "my app", "dev/tests/app"):
        for name, text in FILES.items():
            path = folder / project / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    (folder / "link").symlink_to("app")
    (folder / "far").mkdir()
    (folder / "far" / "inner").symlink_to("../app/x")
    return folder


def answers(at: Path, argument: str, shown: str) -> list[tuple[int, str]]:
    """What each command says of the argument, with the prefix under which files are shown taken away."""
    asked = [[*command, argument] if argument else command for command in COMMANDS]
    done = subprocess.run(
        [sys.executable, "-c", RUN, json.dumps(asked)],
        cwd=at, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    prefix = f"{shown}/" if shown else ""
    same = []
    for code, text in json.loads(done.stdout):
        plain = text.replace(prefix, "") if prefix else text
        plain = (
            plain.replace(f"{at.resolve().parent}/", "") if prefix == "../" else plain
        )  # where the config lies
        # A finding's fingerprint is of its path, and a package is named by its folder, which lost its prefix above.
        plain = re.sub(r'"[0-9a-f]{16}"|"(?:path|folder)": "(?:\.|\.\.|[^"]*(?:app|link))"', "", plain)
        same.append((code, plain))
    return same


@pytest.fixture(scope="module")
def expected(home: Path) -> list[tuple[int, str]]:
    """What is said from inside, without an argument."""
    found = answers(home / "app", "", "")
    assert [code for code, _ in found] == [1, 1, 1, 1, 1, 0]
    assert "PC101" in found[0][1]
    assert "file=.env,line=1" in found[1][1]
    return found


@pytest.mark.parametrize(
    ("at", "argument", "shown"),
    [
        ("", "app", "app"),
        ("", "app/", "app"),
        ("", "./app/x/../", "app"),
        ("", "HOME/app", "app"),
        ("", "HOME//app/./", "app"),
        ("", "HOME/link", "link"),
        ("", "my app", "my app"),
        ("", "HOME/my app/", "my app"),
        ("app", "HOME/app", ""),
        ("app", "../app", ""),
        ("app", "HOME/far/inner/..", ""),
        ("app/x", "..", ".."),
        ("app/x", "../", ".."),
        ("far", "HOME/app", "HOME/app"),
        ("far", "/HOME/app/", "HOME/app"),
        ("far", "inner/..", "HOME/app"),
        ("far", "HOME/my app", "HOME/my app"),
        ("", "dev/tests/app", "dev/tests/app"),
        ("far", "HOME/dev/tests/app", "HOME/dev/tests/app"),
    ],
)
def test_same_findings(
    home: Path, expected: list[tuple[int, str]], at: str, argument: str, shown: str
) -> None:
    """Absolute, relative, through `..` and links, with a slash at the end and with spaces."""
    argument, shown = (text.replace("HOME", str(home)) for text in (argument, shown))

    for command, said, want in zip(COMMANDS, answers(home / at, argument, shown), expected, strict=True):
        assert said == want, command
