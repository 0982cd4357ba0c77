"""A reader of large logs that is killed leaves no process behind."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

from tests.live.scenes import eventually

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="/proc tells the children")
READ = """
import sys
from poolcheck.explain import workers
workers.WORTH_IT, workers._processors = 1 << 20, lambda: 3
from poolcheck.cli import run
run(["explain", "--file", sys.argv[1]])
"""
LINE = b'2026-01-01 00:00:00 UTC [1] FATAL:  password authentication failed for user "app"\n'


def children(pid: int) -> list[int]:
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def runs(pid: int) -> bool:
    """Neither gone nor waiting for somebody to read how it ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def pour(pipe: IO[bytes]) -> None:
    with contextlib.suppress(BrokenPipeError):
        pipe.write(LINE * (1 << 18))


@pytest.fixture(params=["a file at work", "a pipe that waits"])
def reader(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A run of explain that takes long."""
    if request.param == "a file at work":
        log = tmp_path / "a.log"
        with log.open("wb") as file:
            for _ in range(40):
                file.write(LINE * (1 << 16))
        with subprocess.Popen([sys.executable, "-c", READ, str(log)], stdout=subprocess.DEVNULL) as process:
            yield process
        return
    command = [sys.executable, "-c", READ, "-"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
        assert process.stdin is not None
        feed = threading.Thread(target=pour, args=(process.stdin,), daemon=True)
        feed.start()
        yield process
        feed.join(10)


def test_workers_end_with_their_parent(reader: subprocess.Popen[bytes]) -> None:
    """Killed by -9, which no handler sees: at work, and while they wait for more."""
    eventually(lambda: len(children(reader.pid)) >= 2, "the workers start", 60)
    found = children(reader.pid)
    os.kill(reader.pid, signal.SIGKILL)
    reader.wait(10)
    try:
        eventually(lambda: not any(map(runs, found)), "the workers end", 60)
    finally:
        for pid in filter(runs, found):
            os.kill(pid, signal.SIGKILL)
