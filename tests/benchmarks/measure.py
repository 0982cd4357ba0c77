"""Whole processes, measured in turns: wall time, and the most memory of each."""

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

# A small process starts what is measured: what the kernel reports as a child's memory includes that of whoever forked it.
STARTER = """
import json, os, subprocess, sys, time
given = json.load(sys.stdin)
begun = time.perf_counter()
child = subprocess.Popen(given["command"], cwd=given["folder"], stdin=subprocess.DEVNULL,
                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
_, status, usage = os.wait4(child.pid, 0)
took = time.perf_counter() - begun
child.returncode = os.waitstatus_to_exitcode(status)
print(json.dumps([took, usage.ru_maxrss / 1024, child.returncode]))
"""


@dataclass(frozen=True)
class Run:
    """The median of some runs: seconds of wall time, megabytes at most."""

    seconds: float
    megabytes: float


def measured(
    commands: Mapping[str, Sequence[str]], rounds: int, folder: Path | None = None
) -> dict[str, Run]:
    """The medians of each command, run in turns, so that a busy machine slows all alike.

    Raises:
        SystemExit: a command did not do its work (poolcheck ends with 0 or 1, grep too).
    """
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            taken[name].append(_once(command, folder))
    return {
        name: Run(statistics.median(s for s, _ in runs), statistics.median(mb for _, mb in runs))
        for name, runs in taken.items()
    }


def _once(command: Sequence[str], folder: Path | None) -> tuple[float, float]:
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", STARTER],
        input=json.dumps({"command": list(command), "folder": str(folder or Path.cwd())}),
        env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    seconds, megabytes, code = json.loads(done.stdout)
    if code not in (0, 1):
        raise SystemExit(f"{' '.join(command)[:200]} ended with {code}")
    return seconds, megabytes
