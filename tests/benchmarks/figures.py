"""Every budget beside its floor, in one run, and how the work grows; writes the README's tables.

    python -m tests.benchmarks.figures                  # print; about 20 minutes, 12 GB of memory and 2 GB of disk
    python -m tests.benchmarks.figures --only lint size # those whose name begins so
    python -m tests.benchmarks.figures --write          # and put the tables into README.md

Each figure and its floor are run in turns, as whole processes, on a machine that should do nothing else; bytecode is
written first, as an installed package has it. A budget that is broken is said, and the run ends with 1.
"""

import argparse
import compileall
import contextlib
import os
import platform
import resource
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks import inputs
from tests.benchmarks.measure import Run, measured
from tests.servers import Postgres

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "nextjs-prisma6-neon-direct"
POOLCHECK = (sys.executable, "-m", "poolcheck")
CLICK = (sys.executable, "-c", "import click")
ONE_QUERY = (
    "import psycopg, sys; c = psycopg.connect(sys.argv[1], autocommit=True);"
    "c.execute('select count(*) from pg_stat_activity').fetchall(); c.close()"
)
QUIET = {"log_statement": "none", "log_connections": "off", "log_disconnections": "off"}
MARKS = "<!-- {name}: written by tests/benchmarks/figures.py -->"


@dataclass(frozen=True)
class Row:
    """One line of the table: what was measured, its floor, and the budget of the design."""

    work: str
    run: Run
    floor: str
    budget: str
    held: bool

    def cells(self) -> tuple[str, ...]:
        """As the README has it."""
        verdict = self.budget if self.held else f"{self.budget}: **broken**"
        return self.work, shown(self.run), self.floor, verdict


def shown(run: Run) -> str:
    """Milliseconds below ten seconds, and megabytes."""
    took = f"{run.seconds * 1000:,.0f} ms" if run.seconds < 10 else f"{run.seconds:.1f} s"
    return f"{took}, {run.megabytes:.0f} MB"


def starts(work: Path) -> Iterator[Row]:
    """What starts and ends within the time that a person does not feel."""
    one = inputs.env_file(work / "one")
    many = inputs.services(work / "services", 30)
    runs = measured(
        {
            "floor": CLICK,
            "lint": (*POOLCHECK, "lint", str(one / ".env")),
            "example": (*POOLCHECK, "lint", str(EXAMPLE)),
            "size": (*POOLCHECK, "size", "--max", "100", "--instances", "10"),
            "lint 30": (*POOLCHECK, "lint", "--fail-on", "never", str(many)),
            "map 30": (*POOLCHECK, "map", str(many)),
            "gate 30": (*POOLCHECK, "gate", "--fail-on", "never", str(many)),
        },
        25,
    )
    floor = runs["floor"].seconds
    for name, title, most, memory in (
        ("lint", "`lint` of one env file", 1.8, 25),
        ("example", "`lint` of `examples/nextjs-prisma6-neon-direct`", 2.5, None),
        ("size", "`size`", 1.5, None),
    ):
        run, ratio = runs[name], runs[name].seconds / floor
        beside = f'{ratio:.2f} x `python -c "import click"` ({floor * 1000:.0f} ms)'
        held = ratio <= most and (memory is None or run.megabytes <= memory)
        yield Row(title, run, beside, f"{most} x" + (f", {memory} MB" if memory else ""), held)
    base = runs["lint 30"].seconds
    for name in ("map", "gate"):
        run = runs[f"{name} 30"]
        beside = f"{(run.seconds - base) * 1000:+.0f} ms beside `lint` of the same"
        yield Row(f"`{name}` on 30 services", run, beside, "0.3 s more", run.seconds - base <= 0.3)


def repository(work: Path) -> Iterator[Row]:
    """A large repository: files that cannot matter are not parsed."""
    few, many = inputs.repository(work / "few", 40), inputs.repository(work / "many", 7711, relevant=100)
    command = (*POOLCHECK, "lint", "--fail-on", "never")
    runs = measured({"few": (*command, str(few)), "many": (*command, str(many))}, 5)
    run = runs["many"]
    held = run.seconds <= 1.5 and run.megabytes <= 80
    beside = f"{shown(runs['few'])} for 40 files"
    yield Row("`lint` of 7,711 files, 48 MB", run, beside, "1.5 s, 80 MB", held)


def live(work: Path) -> Iterator[Row]:
    """A look at a server, and at a crowded one."""
    del work
    for sessions, rounds in ((60, 15), (5000, 5)):
        with crowded(sessions) as url:
            runs = measured(
                {
                    "floor": (sys.executable, "-c", ONE_QUERY, url),
                    "text": (*POOLCHECK, "live", url),
                    "json": (*POOLCHECK, "live", url, "--format", "json"),
                },
                rounds,
            )
        floor, text = runs["floor"], runs["text"]
        ratio = text.seconds / floor.seconds
        beside = f"{ratio:.2f} x psycopg with one query ({floor.seconds * 1000:.0f} ms)"
        if sessions < 1000:
            yield Row("`live`, direct", text, beside, "1.25 x", ratio <= 1.25)
            continue
        for name, run in (("", text), (" --format json", runs["json"])):
            held = run.seconds <= 1 and run.megabytes <= 80
            yield Row(
                f"`live{name}`, {sessions:,} sessions",
                run,
                beside if not name else "the same",
                "1 s, 80 MB",
                held,
            )


@contextlib.contextmanager
def crowded(sessions: int) -> Iterator[str]:
    """A server with as many sessions of forty services, each with a statement of 200 characters."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(max(soft, sessions + 200), hard), hard))
    with Postgres(18, max_connections=sessions + 40, **QUIET) as server:  # type: ignore[arg-type]  # settings
        held = [server.connect(application_name=f"service-{number % 40}") for number in range(sessions)]
        for number, conn in enumerate(held):
            conn.execute(f"select {number} as padding, '{'x' * 200}'".encode())
        yield server.url()
        for conn in held:
            conn.close()


def explain(work: Path) -> Iterator[Row]:
    """A gigabyte of a log, beside grep with four texts, which reads on one core only."""
    path = str(inputs.log(work / "app.log", 1000))
    runs = measured(
        {
            "grep": ("grep", "-c", "-E", inputs.GREP, path),
            "explain": (*POOLCHECK, "explain", "--file", path, "--format", "json"),
        },
        3,
    )
    speed = runs["grep"].seconds / runs["explain"].seconds
    beside = f"{speed:.2f} of the speed of `grep -c -E` on four texts ({runs['grep'].seconds:.2f} s)"
    yield Row("`explain` of a log of 1 GB", runs["explain"], beside, "a quarter of it", speed >= 0.25)


FIGURES: dict[str, Callable[[Path], Iterator[Row]]] = {
    "start": starts,
    "repository": repository,
    "live": live,
    "explain": explain,
}


def growth(work: Path) -> Iterator[tuple[str, ...]]:
    """Seconds at 1, 10 and 100 times the size."""
    lint = (*POOLCHECK, "lint", "--fail-on", "never")

    def line(
        name: str, sizes: Sequence[int], command: Callable[[Path, int], tuple[str, ...]]
    ) -> tuple[str, ...]:
        commands = {str(size): command(work / f"{name}-{size}", size) for size in sizes}
        runs = measured(commands, 3)
        return name, f"{sizes[0]:,}", *(f"{runs[str(size)].seconds:.2f} s" for size in sizes)

    yield line("files", (70, 700, 7000), lambda at, size: (*lint, str(inputs.repository(at, size))))
    yield line("variables", (10, 100, 1000), lambda at, size: (*lint, str(inputs.env_file(at, size))))
    yield line("findings", (10, 100, 1000), lambda at, size: (*lint, str(inputs.findings(at, size))))
    yield line("services", (3, 30, 300), lambda at, size: (*lint, str(inputs.services(at, size))))
    yield line(
        "log, MB",
        (10, 100, 1000),
        lambda at, size: (*POOLCHECK, "explain", "--file", str(inputs.log(at, size))),
    )
    seconds = []
    for sessions in (50, 500, 5000):
        with crowded(sessions) as url:
            seconds.append(measured({"live": (*POOLCHECK, "live", url)}, 3)["live"].seconds)
    yield "sessions", "50", *(f"{each:.2f} s" for each in seconds)


def table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """In Markdown."""
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def write(name: str, text: str) -> None:
    """Between the two marks of that name in the README.

    Raises:
        SystemExit: the README has no such marks.
    """
    readme, mark = ROOT / "README.md", MARKS.format(name=name)
    before, *rest = readme.read_text(encoding="utf-8").split(mark)
    if len(rest) != 2:
        raise SystemExit(f"README.md: {mark} has to stand there twice")
    readme.write_text(f"{before}{mark}\n{text}\n{mark}{rest[1]}", encoding="utf-8")


def main() -> int:
    """Measure, print, and write where asked to."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", metavar="NAME", help=f"of {', '.join((*FIGURES, 'growth'))}")
    parser.add_argument("--write", action="store_true", help="put the tables into README.md")
    given = parser.parse_args()

    def wanted(name: str) -> bool:
        return not given.only or any(name.startswith(each) for each in given.only)

    compileall.compile_dir(ROOT / "poolcheck", quiet=2)
    rows: list[Row] = []
    grown: list[tuple[str, ...]] = []
    with tempfile.TemporaryDirectory(prefix="poolcheck-figures-") as outer:
        work = Path(outer)
        for name, figure in FIGURES.items():
            if wanted(name):
                for row in figure(work / name):
                    rows.append(row)
                    print(" | ".join(row.cells()), flush=True)
        if wanted("growth"):
            for cells in growth(work / "growth"):
                grown.append(cells)
                print(" | ".join(cells), flush=True)
    if given.write and rows:
        machine = f"{os.cpu_count()} cores, Python {platform.python_version()}, {platform.system()}"
        write(
            "figures",
            f"Medians on {machine}; figure and floor in turns, whole processes.\n\n"
            + table(("work", "median", "its floor", "budget"), [row.cells() for row in rows]),
        )
    if given.write and grown:
        write("growth", table(("grows with", "1 x", "takes", "10 x", "100 x"), grown))
    broken = [row.work for row in rows if not row.held]
    print(f"budgets broken: {', '.join(broken)}" if broken else "within every budget")
    return int(bool(broken))


if __name__ == "__main__":
    sys.exit(main())
