"""How fast `explain` reads an ordinary log, beside `grep -c -E` on patterns of its catalogue, in the same run.

    python tests/benchmarks/explain_log.py [MEGABYTES]

Writes a log of ordinary lines with a few errors, and prints medians of three runs, MB/s and the ratio to grep, which
also reads on one processor only. The target is a quarter of grep's speed.
"""

import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

RUNS = 3
PATTERNS = (  # of the catalogue, as a person would give them to grep
    "remaining connection slots are reserved for non-replication superuser connections",
    "sorry, too many clients already|remaining connection slots are reserved",
    "[Cc]onnection refused|ECONNREFUSED",
    r"QueuePool limit of size [0-9]+ overflow -?[0-9]+ reached, connection timed out",
    "too many connections for (role|database)|[Ss]orry, too many clients|terminating connection due to|query_wait_timeout",
)
ERRORS = (
    (
        "2026-11-21 03:{minute:02d}:07.123 UTC [4711] app@shop FATAL:  remaining connection slots are reserved for "
        "non-replication superuser connections\n"
    ),
    (
        "2026-11-21T03:{minute:02d}:09.500Z ERROR Timed out fetching a new connection from the connection pool. More info: "
        "http://pris.ly/d/connection-pool (Current connection pool timeout: 10, connection limit: 5)\n"
    ),
)


def lines(number: int, chance: random.Random) -> str:
    """A hundred ordinary lines: access log, application log, statements, JSON, and connections of PostgreSQL."""
    made = []
    for each in range(number, number + 100):
        stamp = f"2026-11-21T03:{each // 6000 % 60:02d}:{each // 100 % 60:02d}.{each % 1000:03d}Z"
        kind = chance.random()
        if kind < 0.5:
            made.append(
                f'{stamp} 10.0.{each % 250}.{each % 199} - - "GET /api/orders/{each} HTTP/1.1" 200 {each % 50000} "-" '
                '"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36"\n'
            )
        elif kind < 0.7:
            made.append(
                f"{stamp} INFO  [http-nio-8080-exec-{each % 40}] shop.OrderService : order {each} stored in {each % 70} ms\n"
            )
        elif kind < 0.85:
            made.append(
                f"{stamp} UTC [{each % 30000}] app@shop LOG:  duration: {each % 900}.{each % 999:03d} ms  execute <unnamed>: "
                "SELECT o.id, o.total FROM orders o WHERE o.customer_id = $1 ORDER BY o.created DESC LIMIT 20\n"
            )
        elif kind < 0.95:
            made.append(
                f'{{"level":"info","time":17952{each % 10**8:08d},"req":{{"method":"GET","url":"/items/{each}"}},"msg":"request completed"}}\n'
            )
        elif kind < 0.99:
            made.append(
                f"{stamp} WARN  cache miss for key session:{each:x} (ttl {each % 3600}s), fetching from origin\n"
            )
        else:
            made.append(
                f"{stamp} UTC [{each % 30000}] [unknown]@[unknown] LOG:  connection received: host=10.0.0.7 port={each % 60000}\n"
            )
    return "".join(made)


def write_log(path: Path, megabytes: int) -> None:
    """An ordinary log; an error every 50 MB or so."""
    chance = random.Random(5)
    size = 0
    number = 0
    with path.open("w", encoding="utf-8") as log:
        while size < megabytes << 20:
            text = lines(number, chance)
            if number % 400_000 == 0:
                text += ERRORS[number // 400_000 % 2].format(minute=number // 400_000 % 60)
            size += log.write(text)
            number += 100


def median(action: Callable[[], object]) -> float:
    """Seconds, the median of a few runs."""
    times = []
    for _ in range(RUNS):
        began = time.perf_counter()
        action()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def explain(path: Path, *, piped: bool) -> subprocess.CompletedProcess[bytes]:
    """The command as a user runs it, its start included."""
    command = [sys.executable, "-m", "poolcheck", "explain", "--format", "json"]
    if piped:
        return subprocess.run(
            ["sh", "-c", f"cat {path} | {' '.join(command)}"], capture_output=True, check=True
        )
    with path.open("rb") as log:
        return subprocess.run(command, stdin=log, capture_output=True, check=True)


def main() -> None:
    """Measure and print."""
    megabytes = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    folder = Path(tempfile.mkdtemp(prefix="poolcheck-bench-"))
    try:
        path = folder / "app.log"
        write_log(path, megabytes)
        size = path.stat().st_size / 1e6
        print(f"{size:.0f} MB of ordinary lines; medians of {RUNS}")
        subprocess.run(
            ["cat", str(path)], stdout=subprocess.DEVNULL, check=True
        )  # both read from the page cache
        file_time = median(lambda: explain(path, piped=False))
        pipe_time = median(lambda: explain(path, piped=True))
        print(f"explain < file   {file_time:6.2f} s  {size / file_time:6.0f} MB/s")
        print(f"cat | explain    {pipe_time:6.2f} s  {size / pipe_time:6.0f} MB/s")
        for pattern in PATTERNS:
            grep_time = median(
                lambda each=pattern: subprocess.run(
                    ["grep", "-c", "-E", each, str(path)], capture_output=True, check=False
                )  # type: ignore[misc]
            )
            print(
                f"grep -c -E       {grep_time:6.2f} s  {size / grep_time:6.0f} MB/s  explain is {grep_time / file_time:4.2f} of it: {pattern[:60]}"
            )
        print(f"largest child    {resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024:.0f} MB")
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
