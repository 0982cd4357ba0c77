"""What a run costs, beside its floor in the same run: `python tests/benchmarks/startup.py`.

The floor is `python -c "import click"`. Runs alternate, so that a busy machine slows both alike. Bytecode is written
first, as an installed package has it.
"""

import compileall
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROUNDS = 25
ROOT = Path(__file__).parent.parent.parent
URL = "postgresql://app:x@ep-cool-darkness-a1b2c3d4.us-east-2.aws.neon.tech/app?sslmode=require"
TASKS = {
    'python -c "import click" (floor)': [sys.executable, "-c", "import click"],
    "lint of one env file": [sys.executable, "-m", "poolcheck", "lint", ".env"],
    "size": [sys.executable, "-m", "poolcheck", "size", "--max", "100", "--instances", "10"],
}


def once(command: list[str], folder: str) -> tuple[float, float]:
    """Milliseconds and peak megabytes of one run."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    start = time.perf_counter()
    child = subprocess.Popen(
        command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment
    )
    _, _, usage = os.wait4(child.pid, 0)
    child.returncode = 0
    return (time.perf_counter() - start) * 1000, usage.ru_maxrss / 1024


def main() -> None:
    """Print the table of the README."""
    compileall.compile_dir(ROOT / "poolcheck", quiet=2)
    assert resource.RUSAGE_CHILDREN  # wait4 needs a POSIX system
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in TASKS}
    with tempfile.TemporaryDirectory() as outer:
        folder = str(
            Path(outer, "project")
        )  # the folder above is looked at too, and /tmp is full of other things
        Path(folder).mkdir()
        Path(folder, ".env").write_text(f"DATABASE_URL={URL}\n")
        for _ in range(ROUNDS):
            for name, command in TASKS.items():
                taken[name].append(once(command, folder))
    floor = statistics.median(ms for ms, _ in next(iter(taken.values())))
    print("| work | ms, median | times the floor | MB, median |")
    print("|---|---|---|---|")
    for name, runs in taken.items():
        ms = statistics.median(ms for ms, _ in runs)
        print(f"| {name} | {ms:.0f} | {ms / floor:.2f} | {statistics.median(mb for _, mb in runs):.0f} |")


if __name__ == "__main__":
    main()
