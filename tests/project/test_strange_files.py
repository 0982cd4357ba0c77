"""Folders of somebody else: pipes, devices, sockets, gigabytes of nothing, links that lead out. Each is told, none is read."""

import json
import os
import re
import resource
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.project.strange import put
from tests.rules.projects import write

URL = "DATABASE_URL=postgresql://a:pw@ep-cool-darkness-a1b2c3d4.us-east-2.aws.neon.tech/d\n"
CANARY = "OutsideText77"
SECRET = (
    f'root:{CANARY}:19000:0:99999\n"u" "{CANARY}"\nDATABASE_URL=postgresql://x:{CANARY}pw@{CANARY}host.example.com/{CANARY}db\n'
    f"[databases]\n{CANARY}db = host={CANARY}h pool_size=900\n"
)
# One of each kind of file that is read: env file, manifest, schema, source, deployment, pooler, process file, template.
NAMES = (
    ".env", "package.json", "package-lock.json", "schema.prisma", "a.ts", "a.py", "x.sql", "docker-compose.yml", "k.yaml", "main.tf",
    "pgbouncer.ini", "userlist.txt", "odyssey.conf", "Dockerfile", "Procfile", "prisma.config.ts", "pyproject.toml", "vercel.json",
)  # fmt: skip
COMMANDS = (["lint"], ["lint", "-vv"], ["fix", "--diff"], ["gate", "--no-ci"], ["live"], ["init", "--stdout"])
MOST = 150  # MB of memory


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project with one env file; `outside` beside it holds the canary."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret.txt").write_text(SECRET)
    project = tmp_path / "project"
    project.mkdir()
    (project / "base.env").write_text(URL)
    return project


def run(folder: Path, *command: str, most: int = MOST) -> tuple[int, str]:
    """The exit code and all that is said; fails where it hangs, takes more memory or meets a bug."""
    code = (
        "import re, sys\nfrom poolcheck.cli import main\n"
        "try:\n    sys.argv[0] = 'poolcheck'\n    main()\n"
        # Not getrusage: its peak counts what stood there before this program, that of a test run of hours.
        "finally:\n    print('peak', int(re.search(r'VmHWM:\\s*(\\d+)', open('/proc/self/status').read())[1]) // 1024, file=sys.stderr)"
    )
    environ = {key: value for key, value in os.environ.items() if not key.startswith("PG")}
    done = subprocess.run(
        [sys.executable, "-c", code, *command], cwd=folder, capture_output=True, text=True, errors="replace", timeout=60,
        check=False, stdin=subprocess.DEVNULL, env=environ,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30)),
    )  # fmt: skip
    said, _, peak = done.stderr.rpartition("peak ")
    assert int(peak) < most, command
    assert "bug in poolcheck" not in said, (command, said)
    return done.returncode, done.stdout + said


def skipped(folder: Path) -> dict[str, str]:
    """What `lint` says it left out, with the reason."""
    record: dict[str, Any] = json.loads(run(folder, "lint", "--format", "json")[1])
    return {each["what"]: each["why"] for each in record["skipped"]}


@pytest.mark.parametrize("kind", ["pipe", "socket", "device", "huge", "link out"])
def test_each_kind_of_file_is_told(folder: Path, kind: str) -> None:
    """Whatever kind of file is not what its name says: said by name, and the rest of the project is judged."""
    names = (*NAMES, ".gitignore")
    why = {"pipe": "a pipe", "socket": "a socket", "device": "a device", "huge": "larger than"}.get(
        kind, "leads out"
    )
    with socket.socket(socket.AF_UNIX) as listening:
        for name in names:
            path = folder / name
            if kind == "link out":
                path.symlink_to("../outside/secret.txt")
            elif kind != "socket":
                put(path, kind)
            elif name == ".env":
                listening.bind(str(path))
            else:
                path.write_text("")
        told = skipped(folder)

    expected = {".env"} if kind == "socket" else {*names}
    # Of source, what is too large matters only where it speaks of a database; userlist.txt is read for a pgbouncer.ini.
    if kind == "huge":
        expected -= {"a.ts", "a.py", "x.sql"}
    for name in expected:
        assert why in told.get(name, "") or (name == ".gitignore" and "link" in told[name]), (name, told)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("link", [True, False])
def test_nothing_outside_is_shown(folder: Path, command: list[str], link: bool) -> None:
    """By a link of any name, or by what a file includes: no command reads or shows a file beside the project."""
    outside = "../outside/secret.txt"
    files = {
        "pgbouncer.ini": f"%include {outside}\n[databases]\na = host=h\n[pgbouncer]\nauth_type=plain\nauth_file={outside}\n",
        "docker-compose.yml": f"include: [{outside}]\nservices:\n  a:\n    env_file: [{outside}]\n    extends: {{file: {outside}, service: b}}\n"
        "    environment: {X_URL: 'postgresql://a@h/d'}\n",
        "odyssey.conf": f'include "{outside}"\n',
        "kustomization.yaml": f"resources: [{outside}]\npatches: [{{path: {outside}}}]\nconfigMapGenerator: [{{name: a, envs: [{outside}]}}]\n",
        "chart/Chart.yaml": "name: c\n",
        "requirements.txt": f"-r {outside}\n",
        "package.json": json.dumps({"prisma": {"schema": outside}, "workspaces": ["../outside/*"]}),
    }
    write(folder, files)
    if link:
        for name in (*NAMES, ".gitignore", ".env.local", "chart/values.yaml", "chart/templates.yaml"):
            (folder / name).unlink(missing_ok=True)
            (folder / name).symlink_to(
                os.path.relpath(folder.parent / "outside" / "secret.txt", (folder / name).parent)
            )

    assert CANARY not in run(folder, *command)[1]


def test_links_that_are_read(folder: Path) -> None:
    """Within the folder; and one that the user named himself, wherever it leads."""
    (folder / "sub").mkdir()
    (folder / "sub" / ".env").symlink_to("../base.env")
    (folder / "named").symlink_to("../outside/secret.txt")
    (folder / "x.env").symlink_to("gone")
    (folder / "y.env").symlink_to("y.env")

    assert skipped(folder) == {"y.env": "cannot be read: Too many levels of symbolic links"}
    assert "sub/.env" in run(folder, "lint")[1]
    assert f"{CANARY}host" in run(folder, "lint", "named", "--format", "json")[1]


def test_files_beside_a_named_one(folder: Path) -> None:
    """The context of a single file stays in its repository, or in its folder and the one above."""
    (folder / "package.json").symlink_to("../outside/secret.txt")
    (folder / "prisma").symlink_to("/dev")
    (folder / "db").symlink_to("../outside")
    (folder / ".git").mkdir()
    (folder.parent / "outside" / "schema.prisma").write_text(f"// {CANARY}\n")

    record = json.loads(run(folder, "lint", "base.env", "--format", "json")[1])

    assert {each["what"]: each["why"] for each in record["skipped"] if "link" in each["why"]} == {
        "package.json": f"a link that leads out of {folder}: it is not read",
        "db/schema.prisma": f"a link that leads out of {folder}: it is not read",
    }


@pytest.mark.parametrize("name", ["poolcheck.toml", "pyproject.toml"])
@pytest.mark.parametrize("kind", ["pipe", "device", "huge", "link out"])
def test_settings_that_are_no_file(folder: Path, name: str, kind: str) -> None:
    """Our own file is missed aloud; a pyproject.toml is somebody else's until it speaks of us."""
    (folder.parent / "outside" / "ours.toml").write_text("[tool.poolcheck]\nruntime = 'server'\n")
    if kind == "link out":
        (folder / name).symlink_to("../outside/ours.toml")
    else:
        put(folder / name, kind)

    code, said = run(folder, "lint")

    if name == "poolcheck.toml" or kind == "link out":
        assert code == 2
        assert name in said
        assert ("it is not read" in said) == (kind in ("device", "link out"))
    else:
        assert code == 1


@pytest.mark.parametrize("argument", ["pipe", "/dev/zero", "/proc/self/mem", "dir.env/../pipe"])
@pytest.mark.parametrize(
    "command",
    [("lint",), ("fix", "--diff"), ("gate", "--no-ci"), ("gate", "--no-ci", "--baseline"), ("lint", "--config"), ("live", "--env-file"),
     ("size", "--max", "9", "--instances", "1", "--config")],
    ids=" ".join,
)  # fmt: skip
def test_named_and_no_file(folder: Path, command: tuple[str, ...], argument: str) -> None:
    """Named by the user: exit 2, in words."""
    put(folder / "pipe", "pipe")
    (folder / "dir.env").mkdir()

    code, said = run(folder, *command, argument)

    assert code == 2, said
    assert "cannot be read" in said or "does not exist" in said or "is a" in said, said


def test_folders_and_newlines(folder: Path) -> None:
    """A folder called .env is walked, and a name of any characters is one line."""
    (folder / ".env").mkdir()
    (folder / ".env" / "a\n::error::b.env").write_text(URL)
    put(folder / "c\n.env", "device")

    code, said = run(folder, "lint")

    assert code == 1
    assert "\n::error::" not in said
    assert "a device" in said


def test_log_without_end(folder: Path) -> None:
    """`explain --file` streams what has an end: no device, no pipe that nobody writes into."""
    assert run(folder, "explain", "--file", "/dev/zero")[0] == 2
    put(folder / "x.log", "huge")
    assert run(folder, "explain", "--file", "x.log")[0] == 3


class TestBaseline:
    """`baseline` of a config is below it; --baseline is the user's word."""

    @pytest.mark.parametrize(
        "path", ["ABSOLUTE", "../victim", "a/../../victim", "C:/x", "\\\\host\\x", "..\\victim"]
    )
    def test_config_names_it_outside(self, folder: Path, path: str) -> None:
        """Refused with file and line by every command that reads the config; nothing is written."""
        victim = folder.parent / "victim"
        victim.write_text("mine")
        (folder / "poolcheck.toml").write_text(
            f"baseline = {json.dumps(path.replace('ABSOLUTE', str(victim)))}\n"
        )

        for command in (["gate", "--no-ci", "--update-baseline"], ["lint"], ["config"]):
            code, said = run(folder, *command)
            assert code == 2
            assert "poolcheck.toml:1: baseline: must lie in this file's folder or below" in " ".join(
                said.split()
            )
        assert victim.read_text() == "mine"

    @pytest.mark.parametrize("given", ["config", "option"])
    @pytest.mark.parametrize("target", ["../victim", "../new", "d/victim"])
    def test_planted_link(self, folder: Path, target: str, given: str) -> None:
        """Neither is a link followed, to what is there or is not."""
        (folder.parent / "victim").write_text("mine")
        (folder / "d").symlink_to("..")
        name = target if target.startswith("d/") else "b.json"
        if name == "b.json":
            (folder / name).symlink_to(target)
        options = ["--baseline", name] if given == "option" else []
        if given == "config":
            (folder / "poolcheck.toml").write_text(f'baseline = "{name}"\n')

        assert run(folder, "gate", "--no-ci", *options, "--update-baseline")[0] == 2
        assert (folder.parent / "victim").read_text() == "mine"
        assert not (folder.parent / "new").exists()

    def test_option_names_any_place(self, folder: Path) -> None:
        """Outside too."""
        path = folder.parent / "b.json"

        assert "written" in run(folder, "gate", "--no-ci", "--baseline", str(path), "--update-baseline")[1]
        assert json.loads(path.read_text())["findings"]


@pytest.mark.parametrize(
    "command",
    [["lint", "-o", "r"], ["lint", "--html", "r"], ["gate", "--no-ci", "--report", "json=r"], ["config", "--schema", "-o", "r"],
     ["size", "--max", "9", "--instances", "1", "-o", "r"]],
    ids=" ".join,
)  # fmt: skip
def test_reports_follow_no_planted_link(folder: Path, command: list[str]) -> None:
    """Every option that names a file to write."""
    (folder.parent / "victim").write_text("mine")
    (folder / "r").symlink_to("../victim")

    code, said = run(folder, *command)

    assert (code, (folder.parent / "victim").read_text()) == (2, "mine")
    assert "cannot write r: a link leads out of its folder" in " ".join(said.split())


def repeated(unit: str, size: int, head: str = "", tail: str = "") -> str:
    """Text of about that many bytes; `%d` in the unit counts."""
    count = size // len(unit.replace("%d", "000000"))
    return head + "".join(unit.replace("%d", f"{number:06d}") for number in range(count)) + tail


DENSE = {
    "package.json": (10, 1 << 20, '"%d":"1",', '{"dependencies":{', '"x":"1"}}'),
    ".env": (5, 2 << 20, "A%d=1\n", "", ""),
    "pgbouncer.ini": (6, 1 << 20, "a%d = host=h\n", "[databases]\n", ""),
    "yarn.lock": (8, 2 << 20, "a@%d:\n  version 1\n", "", ""),
    "package-lock.json": (3, 6 << 20, "{},", "[", "1]"),
}


@pytest.mark.parametrize("name", DENSE)
def test_many_files_that_are_each_small_enough(folder: Path, name: str) -> None:
    """Each below its own limit, and as full of names as its syntax allows: what memory has no room for is said."""
    count, size, *texts = DENSE[name]
    for number in range(count):
        (folder / f"p{number}").mkdir()
        (folder / f"p{number}" / name).write_text(repeated(texts[0], size - 99, *texts[1:]))
    told = skipped(folder)

    assert 0 < len(told) <= count
    assert all(re.search("fills the memory|so densely", why) for why in told.values()), told


@pytest.mark.parametrize(
    ("name", "unit", "head", "tail"),
    [
        (
            "package-lock.json",
            '"node_modules/a%d":{"version":"1.0.0","resolved":"https://registry.example/a/-/a-1.0.0.tgz","integrity":"sha512-'
            + "A" * 86
            + '==","license":"MIT","engines":{"node":">=10"}},',
            '{"lockfileVersion":3,"packages":{',
            '"node_modules/prisma":{"version":"6.1.0"}}}',
        ),
        (
            "pnpm-lock.yaml",
            "  /a%d@1.0.0:\n    resolution: {integrity: sha512-"
            + "A" * 86
            + "==}\n    engines: {node: '>=10'}\n\n",
            "lockfileVersion: '6.0'\n\nimporters:\n  .:\n    dependencies:\n      prisma: {specifier: ^6, version: 6.1.0}\n\npackages:\n\n",
            "",
        ),
        (
            "yarn.lock",
            'a%d@^1.0.0:\n  version "1.0.0"\n  resolved "https://registry.example/x.tgz"\n  integrity sha512-'
            + "A" * 86
            + "==\n\n",
            "",
            'prisma@^6:\n  version "6.1.0"\n',
        ),
    ],
    ids=["npm", "pnpm", "yarn"],
)
def test_the_lock_file_of_a_large_monorepo_is_read(
    folder: Path, name: str, unit: str, head: str, tail: str
) -> None:
    """As large as the largest that is known for its size, 5.7 MB."""
    (folder / "package.json").write_text('{"dependencies": {"prisma": "^6"}}')
    (folder / name).write_text(repeated(unit, 5_700_000, head, tail))
    code, said = run(folder, "lint", "--format", "json", "--driver", "prisma@6.1.0")

    assert code in (0, 1)
    assert json.loads(said)["skipped"] == []
