"""What a look costs, beside the floor: a bare psycopg connection with one query, process included.

    python -m tests.benchmarks.live_cost                  # 60 sessions, the floor beside it
    python -m tests.benchmarks.live_cost --sessions 5000  # a crowded server; needs about 12 GB for its processes

Prints medians and the most memory of each; ends with 1 when a budget is broken. Absolute times are this machine's.
"""

import argparse
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

from tests.servers import Postgres

FLOOR = (
    "import psycopg, sys; c = psycopg.connect(sys.argv[1], autocommit=True);"
    "c.execute('select count(*) from pg_stat_activity').fetchall(); c.close()"
)
BUDGET_RATIO = 1.3
BUDGET_SECONDS, BUDGET_MB = 2.0, 120.0  # with 5,000 sessions


# Memory is asked of the process itself: what its parent measures includes the parent's own, from before exec.
PEAK = "import re,sys; print(re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1], file=sys.stderr)"
RUN = f"import sys; from poolcheck.cli import run; run(sys.argv[1:]); {PEAK}"


def seconds_of(command: list[str]) -> float:
    """Wall time of one process."""
    begun = time.perf_counter()
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    seconds = time.perf_counter() - begun
    if done.returncode not in (0, 1):
        raise SystemExit(f"{command[:4]} ended with {done.returncode}")
    return seconds


def megabytes_of(code: str, *args: str) -> float:
    """The most memory that a process had, by its own account."""
    command = [sys.executable, "-c", code, *args]
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=True)
    return int(done.stderr.split()[-1]) / 1024


def medians(commands: dict[str, list[str]], rounds: int) -> dict[str, float]:
    """Of all commands, in turns, so that the machine's moods hit each alike."""
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            times[name].append(seconds_of(command))
    return {name: statistics.median(found) for name, found in times.items()}


def main() -> int:
    """Start a server, fill it, measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sessions", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=15)
    given = parser.parse_args()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(max(soft, given.sessions + 200), hard), hard))
    quiet = {"log_statement": "none", "log_connections": "off", "log_disconnections": "off"}
    with Postgres(18, max_connections=given.sessions + 40, **quiet) as server:  # type: ignore[arg-type]  # settings
        held = [server.connect(application_name=f"service-{number % 40}") for number in range(given.sessions)]
        for number, conn in enumerate(held):
            conn.execute(f"select {number} as padding, '{'x' * 200}'".encode())
        script = str(Path(sys.executable).with_name("poolcheck"))
        asked = {"live": ["live", server.url()], "json": ["live", server.url(), "--format", "json"]}
        commands = {"floor": [sys.executable, "-c", FLOOR, server.url()]}
        commands |= {name: [script, *args] for name, args in asked.items()}
        found = medians(commands, given.rounds)
        memory = {"floor": megabytes_of(f"{FLOOR}; {PEAK}", server.url())}
        memory |= {name: megabytes_of(RUN, *args) for name, args in asked.items()}
        for conn in held:
            conn.close()
    floor = found["floor"]
    for name, seconds in found.items():
        print(f"{name:6} {seconds * 1000:7.0f} ms  {seconds / floor:5.2f} x floor  {memory[name]:6.1f} MB")
    if given.sessions >= 5000:
        broken = max(found["live"], found["json"]) > BUDGET_SECONDS or max(memory.values()) > BUDGET_MB
    else:
        broken = found["live"] > BUDGET_RATIO * floor
    print("budget broken" if broken else "within budget")
    return int(broken)


if __name__ == "__main__":
    sys.exit(main())
