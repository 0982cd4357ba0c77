"""Whatever answers in PostgreSQL's place: a clear sentence and exit code 2, in time, in little memory, never "a bug"."""

import itertools
import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from poolcheck.cli import run
from poolcheck.live import postgres as wire
from poolcheck.live import sql
from tests.conftest import need_bouncer
from tests.live.hostile import (
    READY,
    Cells,
    Peer,
    Table,
    answer,
    forever,
    header,
    hello,
    message,
    parameter,
    row,
    says,
    server,
    table,
)  # fmt: skip
from tests.live.scenes import scene
from tests.servers import Bouncer, Postgres

pytestmark = pytest.mark.postgres
FORMATS = ("text", "json", "html", "prometheus", "picture")
NINES = "9" * 5000
VALUES: tuple[str | bytes | None, ...] = (
    "", None, NINES, "-1", "0", "2147483648", "9223372036854775807", "NaN", "-Infinity", "1e400", "1e99", "²", "१२",
    "many", "1.5", "-0.0", "\x1b[2J\u202e\U000e0041", b"\xff\xfe\xf0", "x" * 9000, "a=b\x1f=\x1fc" * 900, "," * 3000, "7," * 3000,
)  # fmt: skip


def captured(conn: psycopg.Connection[tuple[object, ...]], text: str) -> list[Table]:
    """What a real server answers to a message, as text."""
    pq = conn.pgconn
    pq.send_query(text.encode())
    tables: list[Table] = []
    while (result := pq.get_result()) is not None:
        names = [(result.fname(at) or b"").decode() for at in range(result.nfields)]
        assert result.status == psycopg.pq.ExecStatus.TUPLES_OK, result.error_message
        tables.append(
            (
                names,
                [[result.get_value(line, at) for at in range(len(names))] for line in range(result.ntuples)],
            )
        )
    return tables


def altered(tables: list[Table], at: int, name: str, value: str | bytes | None) -> list[Table]:
    """The same answer with another value in one column."""
    names, rows = tables[at]
    place = list(names).index(name)
    changed: list[Cells] = [[*cells[:place], value, *cells[place + 1 :]] for cells in rows]
    return [*tables[:at], (names, changed), *tables[at + 1 :]]


@pytest.fixture(scope="module")
def looked(postgres: Postgres) -> list[Table]:
    """A real look at sessions that wait, leak, hold locks and have limits: every query has rows."""
    with scene(postgres) as stage:
        (holder, waiter) = stage.open(2, run="begin")
        holder.execute("select pg_advisory_lock(72707369)")
        stage.busy(waiter, "select pg_advisory_lock(72707369)")
        stage.open(4, name="leak", run="select 1")
        postgres.execute("alter role app connection limit 30", "alter database postgres connection limit 39")
        try:
            with postgres.connect() as conn:
                names = ("guest", "facts", "sessions", "others")
                text = ";\n".join(sql.load(name, postgres.major) for name in names)
                time.sleep(0.2)
                tables = captured(conn, text.replace("{statement_timeout}", "3000"))
        finally:
            postgres.execute(
                "alter role app connection limit -1", "alter database postgres connection limit -1"
            )
    assert all(rows for _, rows in tables)
    kinds = {cells[0] for cells in tables[3][1]}
    assert {b"waits", b"advisory", b"role", b"database", b"counters"} <= kinds
    pid: str | None = "4711"
    return altered(altered(tables, 1, "backend_pid", pid), 1, "backend_age", "0.01")


def look_alike(tables: Callable[[], list[Table]]) -> Peer:
    """A server that answers every look so, and is no pgpool."""
    refused = message(b"E", b"SERROR\0VERROR\0C42704\0Mno such parameter\0\0") + READY
    return lambda client, query: client.sendall(refused if query[:4] == b"SHOW" else answer(*tables()))


def url(port: int) -> str:
    """A connection string for it."""
    return f"postgresql://u:pw@127.0.0.1:{port}/d?sslmode=disable"


def told(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, str, str]:
    """Run, and see that it is no bug."""
    code = run(list(args))
    out, err = capsys.readouterr()
    assert "bug in poolcheck" not in err, err
    assert "Traceback" not in err
    return code, out, err


def test_the_peer_is_believed(looked: list[Table], capsys: pytest.CaptureFixture[str]) -> None:
    """What the walks below change one by one is an answer that poolcheck takes."""
    with server(look_alike(lambda: looked), hello("18.1")) as port:
        code, out, _ = told(capsys, "live", url(port), "--format", "json")
    found = json.loads(out)
    assert code in (0, 1)
    assert found["slots"]["used"] == 7  # its own among them
    assert found["server"]["role_limit"] is None


def test_every_column_holds_nonsense(looked: list[Table], capsys: pytest.CaptureFixture[str]) -> None:
    """Each column of each query, with each value: a report, or a sentence. In all formats by turns."""
    formats = itertools.cycle(FORMATS)
    current: list[Table] = looked
    codes: set[int] = set()
    with server(look_alike(lambda: current), hello("18.1")) as port:
        for at, (names, _) in enumerate(looked):
            for name, value in itertools.product(names, VALUES):
                current = altered(looked, at, name, value)
                code, _, err = told(capsys, "live", url(port), "--format", next(formats))
                assert code in (0, 1) or err.strip(), (name, value)
                codes.add(code)
    assert codes == {0, 1, 2}


@pytest.mark.parametrize("command", ["reap", "reap --yes", "watch", "size", "fix", "gate"])
def test_every_column_in_other_commands(
    looked: list[Table], postgres: Postgres, capsys: pytest.CaptureFixture[str], command: str, tmp_path: Path
) -> None:
    """The same for what other commands make of the answer."""
    with postgres.connect() as conn:
        text = f"{sql.load('guest', 18)};\n{sql.load('load', 18)}".replace("{statement_timeout}", "3000")
        base = captured(conn, text) if command == "size" else looked
    current: list[Table] = base
    with server(look_alike(lambda: current), hello("18.1")) as port:
        env = tmp_path / "named.env"
        env.write_text(f"DATABASE_URL={url(port)}\n")
        args = {
            "reap": ("reap", url(port), "--state", "idle", "--older-than", "0"),
            "reap --yes": ("reap", url(port), "--state", "idle", "--older-than", "0", "--yes"),
            "watch": ("live", "--watch", "100ms", "--count", "1", url(port)),
            "size": ("size", "--from", url(port), "--instances", "2", "--sample", "1ms"),
            "fix": ("fix", str(tmp_path), "--live", url(port)),
            "gate": ("gate", "--env-file", str(env), "--live"),
        }[command]
        for at, (names, _) in enumerate(base):
            for name, value in itertools.product(
                names, VALUES[:: {"size": 1, "gate": 7, "fix": 7}.get(command, 5)]
            ):
                current = altered(base, at, name, value)
                code, out, err = told(capsys, *args)
                assert code in (0, 1) or (out + err).strip(), (name, value)


GUEST = ["search_path", "statement_timeout", "guarded", "read_only", "limited"]
SHAPES: dict[str, bytes] = {
    "copy out": message(b"H", bytes(3)) + message(b"d", b"x") * 10,
    "copy in": message(b"G", bytes(3)),
    "copy both": message(b"W", bytes(3)),
    "copy after a result": table(GUEST, [["", "0", "", "", ""]]) + message(b"H", bytes(3)),
    "nothing": READY,
    "empty query": message(b"I") + READY,
    "one result": table(["x"], [["1"]]) + READY,
    "five results": table(["x"], [["1"]]) * 5 + READY,
    "no rows": table(["x"], []) * 4 + READY,
    "other columns": table(["x"], [["1"]]) * 4 + READY,
    "two rows": table(["x"], [["1"], ["2"]]) * 4 + READY,
    "no names": table(["", "", ""], [["1", "2", "3"]]) * 4 + READY,
    "names of control characters": table(["\x1b[2J", "\u202e"], [["1", "2"]]) * 4 + READY,
    "names that are no UTF-8": header(["x"]).replace(b"x", b"\xff")
    + row(["1"])
    + message(b"C", b"S\0")
    + READY,
    "30,000 columns": table([f"c{at}" for at in range(30_000)], [["1"] * 30_000]) + READY,
    "commands": message(b"C", b"SET\0") * 4 + READY,
    "fewer cells": header(["a", "b"]) + row(["1"]) + message(b"C", b"S\0") + READY,
    "a row before its header": row(["1"]) + READY,
    "unknown message": b"?" + bytes(8),
    "encoding unknown": parameter("client_encoding", "\x1b[2J") + table(["x"], [["1"]]) * 4 + READY,
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("command", [("live",), ("reap",), ("size", "--instances", "2", "--from")])
def test_shapes(command: tuple[str, ...], shape: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Answers that are none: said, with exit code 2."""
    with server(says(SHAPES[shape])) as port:
        begun = time.monotonic()
        code, out, err = told(capsys, *command, url(port))
    assert code == 2
    assert time.monotonic() - begun < 12
    assert re.search("not as PostgreSQL does|none of PostgreSQL's|lost|out of sync|Refused by", err + out)


def test_encodings(looked: list[Table], capsys: pytest.CaptureFixture[str]) -> None:
    """An encoding that Python does not have is read for its ASCII: the numbers are there."""
    for name in ("EUC_TW", "MULE_INTERNAL", "SQL_ASCII", "LATIN1", "nonsense"):
        with server(says(parameter("client_encoding", name) + answer(*looked)), hello("18.1")) as port:
            code, out, _ = told(capsys, "live", url(port), "--format", "json")
        assert code in (0, 1)
        assert json.loads(out)["slots"]["used"] == 7  # its own among them


def pages(port: int, *args: str) -> tuple[int, float, int, str]:
    """Run as a process: exit code, seconds, most memory in MB, what was said."""
    script = (
        "import re, sys; from poolcheck.cli import run; code = run(sys.argv[1:]);"
        "print('PEAK', re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1]); sys.exit(code)"
    )
    begun = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", script, *args, url(port)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    (peak,) = re.findall(r"PEAK (\d+)", done.stdout)
    return done.returncode, time.monotonic() - begun, int(peak) // 1024, done.stdout + done.stderr


def endless_field(client: socket.socket, _: bytes) -> None:
    """One row with one value of a gigabyte."""
    client.sendall(
        header(["a"]) + b"D" + (2**30 + 10).to_bytes(4, "big") + b"\0\1" + (2**30).to_bytes(4, "big")
    )
    for part in (bytes(2**20) for number in range(1024)):
        client.sendall(part)


def new_parameters(client: socket.socket, _: bytes) -> None:
    """Never the same one."""
    for number in itertools.count():
        client.sendall(parameter(f"p{number}", "x" * 20_000) * 2)


ENDLESS: dict[str, Peer] = {
    "a field": endless_field,
    "long rows": forever(header(["a"]), row(["x" * 50_000]) * 20),
    "short rows": forever(header(["a"]), row(["x"]) * 2000),
    "wide rows": forever(header([f"a{at}" for at in range(60)]), row(["x"] * 60) * 100),
    "results": forever(b"", message(b"C", b"SELECT\0") * 100),
    "parameters": new_parameters,
    "notices": forever(b"", message(b"N", b"SNOTICE\0C00000\0M" + b"n" * 60_000 + b"\0\0")),
    "notifications": forever(b"", message(b"A", bytes(4) + b"channel\0" + b"x" * 7000 + b"\0") * 20),
    "errors": forever(b"", message(b"E", b"SERROR\0C57014\0M" + b"p" * 5000 + b"\0\0") * 20),
    "copy data": forever(message(b"H", bytes(3)), message(b"d", b"x" * 1000) * 1000),
    "a long error": says(
        message(b"E", b"SERROR\0C57014\0M" + b"postgresql://a:" * 800_000 + b"\0\0") + READY
    ),
    "a longer error": says(message(b"E", b"SERROR\0C57014\0M" + b"password= " * 2_000_000 + b"\0\0") + READY),
}


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is read from /proc")
@pytest.mark.parametrize("what", ENDLESS)
def test_without_end(what: str) -> None:
    """Of anything: over soon, below 150 MB, with exit code 2."""
    with server(ENDLESS[what]) as port:
        code, seconds, megabytes, said = pages(port, "live")
    assert code == 2, said
    assert "bug in poolcheck" not in said
    assert megabytes < 150
    assert seconds < 20


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is read from /proc")
def test_the_most_that_is_believed(looked: list[Table]) -> None:
    """As many sessions as an answer may have, each with as much text as fits, and a chain of locks: judged and shown."""
    guest, facts, (names, rows), (kinds, others) = looked
    place = list(names).index("query")
    base = [list(cells) for cells in rows]
    many: list[Cells] = []
    for at in range(wire.MOST_ROWS - 600):
        cells: list[str | bytes | None] = [*base[at % len(base)]]
        cells[0], cells[place] = str(5000 + at), f"select {at} /* \U0001f4a3 */ " + "x" * 120
        many.append(cells)
    waits: list[Cells] = [
        ["waits", None, str(5000 + at), None, None, None, str(5001 + at)] for at in range(300)
    ]
    with server(says(answer(guest, facts, (names, many), (kinds, [*others, *waits]))), hello("18.1")) as port:
        code, seconds, megabytes, said = pages(port, "live", "--format", "json")
    assert code == 1, said[-500:]
    assert megabytes < 150
    assert seconds < 30


def test_login_without_end(capsys: pytest.CaptureFixture[str]) -> None:
    """Parameters instead of the end of the login."""
    many = b"".join(parameter(f"p{at}", "x" * 20_000) for at in range(3000))
    with server(says(b""), message(b"R", bytes(4)) + many) as port:
        code, out, _ = told(capsys, "live", url(port))
    assert code == 2
    # libpq either says that its room is full, or waits in vain for more of it until the time for connecting is over.
    assert "before the login is too large" in out or "connection timeout expired" in out


def test_a_password_in_an_error_of_the_server(capsys: pytest.CaptureFixture[str]) -> None:
    """Also after the login, and also bare."""
    said = b"SERROR\0C42501\0Mno hunter2secret here: postgresql://u:hunter2secret@h/d" + b" x" * 30_000
    with server(says(message(b"E", said + b"\0\0") + READY)) as port:
        for command in (("live",), ("size", "--instances", "2", "--from")):
            code, out, err = told(capsys, *command, url(port).replace(":pw@", ":hunter2secret@"))
            assert code == 2
            assert "hunter2secret" not in out + err
            assert "no *** here" in out + err
            assert len(err) < 30_000


def consoles(bouncer: Bouncer) -> Iterator[tuple[str, Table]]:
    """What a real console answers."""
    for command in ("DATABASES", "POOLS", "LISTS", "CONFIG", "SERVERS", "STATS"):
        rows = bouncer.admin(f"SHOW {command}")
        names = list(rows[0]) if rows else ["nothing"]
        yield (
            command,
            (names, [[None if cell is None else str(cell) for cell in each.values()] for each in rows]),
        )


@pytest.mark.bouncer
def test_a_console_of_nonsense(
    postgres: Postgres, looked: list[Table], capsys: pytest.CaptureFixture[str]
) -> None:
    """Each column of each SHOW: the console is shown or left out, and the server is looked at in any case."""
    need_bouncer()
    with Bouncer(postgres) as bouncer, bouncer.connect("app") as client:
        client.execute("select 1")
        real = dict(consoles(bouncer))
    current = real

    def console(client: socket.socket, query: bytes) -> None:
        client.sendall(answer(current[query.decode().split()[1]]))

    formats = itertools.cycle(FORMATS)
    with (
        server(console, hello("1.24.1/bouncer")) as behind,
        server(look_alike(lambda: looked), hello("18.1")) as port,
    ):
        code, out, _ = told(capsys, "live", url(port), "--bouncer", url(behind), "--format", "json")
        assert json.loads(out)["pooler"]["version"] == "1.24.1"
        for command, (names, rows) in real.items():
            for name, value in itertools.product(names if rows else [], VALUES[::4]):
                (changed,) = altered([(names, rows)], 0, name, value)
                current = {**real, command: changed}
                if command == "STATS":
                    told(capsys, "size", "--instances", "2", "--sample", "1ms", "--from", url(behind))
                    continue
                code, out, _ = told(
                    capsys, "live", url(port), "--bouncer", url(behind), "--format", next(formats)
                )
                assert code in (0, 1)
        for odd_answer in SHAPES.values():
            with server(says(odd_answer), hello("1.24.1/bouncer")) as odd:
                code, out, _ = told(capsys, "live", url(port), "--bouncer", url(odd))
                assert code in (0, 1)
                assert told(capsys, "size", "--instances", "2", "--sample", "1ms", "--from", url(odd))[0] != 0
