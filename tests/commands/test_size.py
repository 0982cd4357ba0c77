"""`poolcheck size`: text, JSON, exit codes, bad input, and what it measures on real servers."""

import json
import re
import shlex
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import psycopg
import pytest

from poolcheck.cli import run
from poolcheck.commands import size
from tests import servers
from tests.conftest import need_bouncer, need_extension, need_postgres
from tests.servers import Bouncer, Postgres

DESIGN_KEYS = {
    "status", "pool_size", "classic", "available", "usable", "max_steady", "max_deploy", "comfort", "total_steady",
    "total_deploy", "procs", "procs_peak", "erlangs", "need", "need_shared", "knee",
}  # fmt: skip


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty folder: no config file, no manifest."""
    monkeypatch.chdir(tmp_path)


def text(capsys: pytest.CaptureFixture[str], *args: str, code: int = 0) -> str:
    """What a run prints, each run of blanks made one."""
    assert run(["size", *args]) == code, capsys.readouterr()
    return re.sub(r"\s+", " ", capsys.readouterr().out)


def sized(capsys: pytest.CaptureFixture[str], *args: str, code: int = 0) -> dict[str, Any]:
    """The `sizing` object."""
    assert run(["size", *args, "--format", "json"]) == code, capsys.readouterr()
    found: dict[str, Any] = json.loads(capsys.readouterr().out)["sizing"]
    return found


def refused(capsys: pytest.CaptureFixture[str], *args: str) -> str:
    """The complaint; exit code 2, nothing on stdout."""
    assert run(["size", *args]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    return said.err


def test_every_sum_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """The answer, the two ceilings, the slots, the classic value, what was not checked, the lines to write."""
    said = text(capsys, "--max", "100", "--instances", "10")
    for part in (
        "Pool size per instance: 5",
        "10 instances x 5 = 50 of 97 connections; 65 while a deploy runs (13 instances) - below the 70 % line (67)",
        "Could go up to 7 and still survive a deploy (13 x 7 = 91 of 92), 9 if old instances stop first (10 x 9 = 90 of 92)",
        "97 = 100 max_connections - 3 kept for superusers; 92 = 97 - 5 kept for psql, migrations, monitoring",
        "Classic formula floor(100/10) - 5 = 5: the same",
        "Not checked: how many connections the load needs",
        "?connection_limit=5",
        "new PrismaPg({ connectionString: process.env.DATABASE_URL, max: 5 })",
        "new Pool({ connectionString: process.env.DATABASE_URL, max: 5 })",
        "postgres(process.env.DATABASE_URL, { max: 5 })",
        "create_engine(url, pool_size=5, max_overflow=0)",
        '"max_size": 5',
        "maximum-pool-size=5",
        "MaxConns = 5",
        "max_connections: 5",
    ):
        assert part in said


def test_lines_are_never_wider_than_the_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Except for lines to copy."""
    monkeypatch.setenv("COLUMNS", "60")
    run(["size", "--max", "100", "--instances", "80", "--tps", "500", "--hold-ms", "20", "--cores", "2"])
    assert all(len(line) <= 60 for line in capsys.readouterr().out.splitlines())


def test_json_has_the_documented_keys(capsys: pytest.CaptureFixture[str]) -> None:
    """And the numbers of the first golden case."""
    found = sized(capsys, "--max", "100", "--instances", "10")
    assert set(found) >= DESIGN_KEYS
    assert (found["pool_size"], found["max_steady"], found["max_deploy"], found["status"]) == (5, 9, 7, "ok")
    assert found["inputs"]["max_connections"] == 100


@pytest.mark.parametrize(
    ("args", "status", "code", "words"),
    [
        (["--instances", "10"], "ok", 0, "Pool size per instance: 5"),
        (["--instances", "60"], "tight", 0, "a deploy passes the 70 % line (75 of 67)"),
        (["--instances", "80"], "deploy_overflows", 1, "3 connections would be refused"),
        (["--instances", "93"], "needs_pooler", 1, "93 processes and 92 usable slots: not even one connection each"),
        (["--instances", "40", "--tps", "2000", "--hold-ms", "10"], "needs_pooler", 1, "one shared pool needs only 25"),
        (["--instances", "10", "--tps", "2000", "--hold-ms", "50"], "over_capacity", 1, "even one pool shared by all needs 125, and 92 are usable"),
        (["--instances", "10", "--tps", "500", "--hold-ms", "20", "--cores", "2", "--cpu-ms", "5"], "needs_cpu", 1, "500/s x 5 ms CPU = 2.5 busy cores of 2"),
    ],
)  # fmt: skip
def test_statuses(
    capsys: pytest.CaptureFixture[str], args: list[str], status: str, code: int, words: str
) -> None:
    """Exit code 1 for those that cannot work; words, and advice wherever it is not simply fine."""
    assert words in text(capsys, "--max", "100", *args, code=code)
    found = sized(capsys, "--max", "100", *args, code=code)
    assert found["status"] == status
    assert bool(found["advice"]) == (status != "ok")


def test_classic_formula_as_the_headline(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 1 when it is zero or less, or over-commits; the recommended size stays in sight."""
    assert "Pool size per instance: 5" in text(
        capsys, "--max", "100", "--instances", "10", "--formula", "classic"
    )
    said = text(capsys, "--max", "100", "--instances", "20", "--formula", "classic", code=1)
    assert "Pool size per instance: 0" in said
    assert "it takes the buffer of 5 once per instance. Recommended: 2" in said
    assert (
        sized(capsys, "--max", "100", "--instances", "4", "--formula", "classic", code=1)["pool_size"] == 20
    )


def test_functions(capsys: pytest.CaptureFixture[str]) -> None:
    """Demand, refusals and the concurrency that fits."""
    said = text(
        capsys, "--max", "100", "--instances", "200", "--runtime", "serverless", "--limit", "3", code=1
    )
    assert "200 functions x 3 = 600 connections on 97 slots: 503 would be refused" in said
    assert "floor(92 / 3) = 30" in said
    found = sized(capsys, "--max", "100", "--instances", "80", "--runtime", "serverless")
    assert found["functions"] == {"limit": 1, "demand": 80, "refused": 0, "cap": 92}
    assert found["total_steady"] == 80


def test_share(capsys: pytest.CaptureFixture[str]) -> None:
    """Several services, processes in each, a surge of its own, a cap."""
    said = text(capsys, "--max", "100", "--share", "web=8,worker=4x2,cron=1+0@1")
    assert "web: 8 instances x 3 = 24, 10 x 3 = 30 while it is deployed" in said
    assert "worker: 4 instances x 2 processes x 3 = 24, 10 x 3 = 30 while it is deployed" in said
    assert "All deployed at once: 30 + 30 + 1 = 61 of 97 connections - below the 70 % line (67)" in said
    found = sized(capsys, "--max", "100", "--share", "web=60,worker=40", code=1)
    assert found["status"] == "needs_pooler"


def test_provider_and_plan(capsys: pytest.CaptureFixture[str]) -> None:
    """Limits from the catalogue, with their source; an option wins."""
    said = text(capsys, "--provider", "neon", "--plan", "0.25cu", "--instances", "10")
    assert "97 = 104 max_connections (Neon 0.25 CU) - 7 reserved" in said
    assert "https://neon.com/" in said
    found = sized(capsys, "--provider", "neon", "--plan", "0.25", "--instances", "10", "--max", "50")
    assert found["available"] == 43


def test_config_file_and_options_over_it(capsys: pytest.CaptureFixture[str]) -> None:
    """The nearest poolcheck.toml; --isolated does not read it."""
    Path("poolcheck.toml").write_text(
        'max_connections = 200\ninstances = 4\nsurge = "0"\n[thresholds]\nwarn_at = 0.5\n'
    )
    found = sized(capsys)
    assert (found["available"], found["procs_peak"], found["warn_line"]) == (197, 4, 98)
    assert sized(capsys, "--instances", "8")["procs"] == 8
    assert "how many connections" in refused(capsys, "--isolated", "--instances", "8")


@pytest.mark.parametrize(
    ("driver", "line"),
    [
        ("prisma@6", "?connection_limit=5"),
        ("prisma@7", "new PrismaPg("),
        ("pg", "new Pool("),
        ("postgres-js", "postgres(process.env.DATABASE_URL, { max: 5 })"),
        ("sqlalchemy", "pool_size=5, max_overflow=0"),
        ("hikaricp", "maximum-pool-size=5"),
    ],
)
def test_exact_line_of_a_driver(capsys: pytest.CaptureFixture[str], driver: str, line: str) -> None:
    """For the driver that was named, and no other."""
    lines = sized(capsys, "--max", "100", "--instances", "10", "--driver", driver)["lines"]
    assert all(line in each["code"] for each in lines)
    assert lines


def test_drivers_of_the_project(capsys: pytest.CaptureFixture[str]) -> None:
    """The manifest says which."""
    Path("package.json").write_text(json.dumps({"dependencies": {"pg": "8.11.0"}}))
    lines = sized(capsys, "--max", "100", "--instances", "10")["lines"]
    assert [line["code"] for line in lines] == [
        "new Pool({ connectionString: process.env.DATABASE_URL, max: 5 })"
    ]


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--instances", "5"], "how many connections may the server have?"),
        (["--from", "postgresql://127.0.0.1:1/x", "--sample", "600s"], "how many instances run at once?"),
        (["--max", "100"], "how many instances run at once?"),
        (["--max", "100", "--instances", "0"], "--instances must be at least 1, not 0"),
        (["--max", "2", "--instances", "1"], "no slot is left for the app: 2 - 3 reserved"),
        (["--max", "100", "--instances", "1", "--tps", "-1", "--hold-ms", "1"], "--tps must be above 0, not -1"),
        (["--max", "100", "--instances", "1", "--tps", "1", "--hold-ms", "-1"], "--hold-ms must be above 0"),
        (["--max", "100", "--instances", "1", "--tps", "nan", "--hold-ms", "1"], "--tps must be above 0, not nan"),
        (["--max", "100", "--instances", "1", "--tps", "1"], "--hold-ms is missing"),
        (["--max", "100", "--instances", "1", "--tps", "1", "--hold-ms", "1", "--percentile", "100"], "--percentile must be above 0 and below 100"),
        (["--max", "100", "--instances", "1", "--surge", "x"], "--surge is a share or a count"),
        (["--max", "100", "--instances", "1", "--pairs", "2"], "--pairs needs --pooler"),
        (["--max", "100", "--instances", "1", "--limit", "2"], "--pool of numbers alone needs --runtime serverless or --pooler"),
        (["--max", "100", "--instances", "1", "--cpu-ms", "2"], "--cpu-ms needs --cores"),
        (["--max", "100", "--instances", "1", "--cpu-ms", "2", "--cores", "2"], "--cpu-ms needs the load"),
        (["--max", "100", "--share", "web"], "'web' is not NAME=INSTANCES"),
        (["--max", "100", "--share", "web=1,web=2"], "names 'web' twice"),
        (["--max", "100", "--share", "web=0"], "every number must be at least 1"),
        (["--max", "100", "--share", "web=1", "--tps", "5", "--hold-ms", "5"], "--share and --tps do not go together"),
        (["--max", "100", "--instances", "1", "--sample", "5s"], "--sample needs a server"),
        (["--from", "postgresql://127.0.0.1:1/x", "--sample", "soon", "--instances", "1"], "'soon' is no time"),
        (["--plan", "0.25cu", "--instances", "1"], "--plan needs --provider"),
        (["--provider", "nobody", "--plan", "x", "--instances", "1"], "no provider is named 'nobody'"),
        (["--provider", "neon", "--plan", "huge", "--instances", "1"], "has no plan 'huge'"),
        (["--provider", "neon", "--instances", "1"], "has several sizes"),
        (["--max", "100", "--instances", "1", "--driver", "prizma"], "no driver is named 'prizma'"),
        (["--max", "ten", "--instances", "1"], "'ten' is not a valid integer"),
        (["--max", "100", "--instances", "1", "--format", "ini"], "there is no pgbouncer.ini to write"),
        (["--from", "mysql://h/db", "--instances", "1"], "--from is no connection string"),
    ],
)  # fmt: skip
def test_bad_input_is_named(capsys: pytest.CaptureFixture[str], args: list[str], words: str) -> None:
    """Exit code 2, a message, no report."""
    assert words in refused(capsys, *args)


def test_unreachable_server_without_a_password_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2; the password is nowhere."""
    port = servers.free_port()
    said = refused(
        capsys, "--from", f"postgresql://app:hunter2secret@127.0.0.1:{port}/app", "--instances", "1"
    )
    assert "no connection" in said
    assert "hunter2secret" not in said


def test_starts_without_the_heavy_packages() -> None:
    """No psycopg, rich, tree-sitter or catalogue for a plain sizing."""
    code = (
        "import sys; from poolcheck.cli import run; assert run(['size', '--max', '100', '--instances', '10']) == 0;"
        " heavy = {'psycopg', 'rich', 'tree_sitter', 'sqlparse', 'random', 'poolcheck.catalogue'} & set(sys.modules);"
        " assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


# --- PgBouncer ----------------------------------------------------------------------------------------------------


def test_pooler_sums(capsys: pytest.CaptureFixture[str]) -> None:
    """Pools, clients, file descriptors."""
    said = text(
        capsys, "--max", "100", "--instances", "10", "--pooler", "--pairs", "6", "--reserve-pool", "5"
    )
    for part in (
        "PgBouncer default_pool_size: 10",
        "1 PgBouncer x 6 (database, user) pairs x (10 + 5) = 90 of 92 usable connections",
        "Most that fits: floor(92 / 6) - 5 in reserve = 10",
        "max_client_conn: 13 processes during a deploy x 10 connections of their own pool = 130",
        "130 clients + 10 of its own + 6 x 15 = 230",
        "default_pool_size = 10",
    ):
        assert part in said
    assert (
        sized(capsys, "--max", "60", "--instances", "10", "--pooler", "--pairs", "60", code=1)["status"]
        == "too_many_pools"
    )


@pytest.mark.bouncer
def test_a_real_pgbouncer_starts_with_the_ini(capsys: pytest.CaptureFixture[str], postgres: Postgres) -> None:
    """As written, but for the port; a client logs in with SCRAM, and its pool is as large as it says."""
    need_bouncer()
    assert run(["size", "--max", "40", "--instances", "4", "--pooler", "--reserve-pool", "2", "--tps", "100", "--hold-ms", "20", "--format", "ini"]) == 0  # fmt: skip
    ini = capsys.readouterr().out
    home = servers._home("pcini-")
    port = servers.free_port()
    (home / "pgbouncer.ini").write_text(
        ini.replace("listen_port = 6432", f"listen_port = {port}").replace(
            "port=5432", f"port={postgres.port}"
        )
    )
    postgres.execute("DROP ROLE IF EXISTS sized", "CREATE ROLE sized LOGIN PASSWORD 'correct-horse'")
    secret = postgres.execute("SELECT rolpassword FROM pg_authid WHERE rolname = 'sized'")[0][0]
    (home / "userlist.txt").write_text(f'"sized" "{secret}"\n"poolcheck" "console-password"\n')
    # Relative paths in the file are looked up where PgBouncer is started.
    with (home / "log").open("wb") as log:
        child = subprocess.Popen(
            [servers.pgbouncer_binary(), "pgbouncer.ini"],
            cwd=home,
            stdout=log,
            stderr=log,
            **servers._as_account(),
        )
    try:
        deadline = time.monotonic() + 10
        while True:
            try:
                conn = psycopg.connect(
                    host="127.0.0.1", port=port, user="sized", password="correct-horse", dbname="postgres",
                    prepare_threshold=None, connect_timeout=5,
                )  # fmt: skip
                break
            except psycopg.OperationalError:
                assert child.poll() is None, (home / "log").read_text()
                assert time.monotonic() < deadline, (home / "log").read_text()
                time.sleep(0.05)
        with conn:
            row = conn.execute("SELECT current_user").fetchone()
            assert row == ("sized",)
        with psycopg.connect(
            host="127.0.0.1", port=port, user="poolcheck", password="console-password", dbname="pgbouncer",
            autocommit=True, prepare_threshold=None,
        ) as console:  # fmt: skip
            cursor = console.execute("SHOW CONFIG")
            config = {str(row[0]): str(row[1]) for row in cursor.fetchall()}
        for key, value in re.findall(r"^(\w+) = (\S+)$", ini, re.MULTILINE):
            if key not in ("listen_port", "unix_socket_dir"):
                assert config[key] == value, key
        log_text = (home / "log").read_text()
        assert "ERROR" not in log_text
        assert "WARNING" not in log_text
    finally:
        child.terminate()
        child.wait(10)
        shutil.rmtree(home)
        postgres.execute("DROP ROLE sized")


# --- measured ------------------------------------------------------------------------------------------------------


class Work:
    """Clients that each hold a transaction for about 20 ms, then pause, and count.

    They read a table: from 15 on, a session that touches none does not report its transactions.
    """

    def __init__(self, url: str, clients: int = 4) -> None:
        self.url = url
        self.count = 0
        self.held = 0.0
        self.stop = threading.Event()
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self.client) for _ in range(clients)]

    def client(self) -> None:
        with psycopg.connect(self.url, autocommit=True, prepare_threshold=None) as conn:
            while not self.stop.is_set():
                begun = time.perf_counter()
                conn.execute("SELECT pg_sleep(0.02) FROM pg_catalog.pg_am LIMIT 1")
                with self.lock:
                    self.count += 1
                    self.held += time.perf_counter() - begun
                time.sleep(0.02)

    def __enter__(self) -> Self:
        for thread in self.threads:
            thread.start()
        time.sleep(1.5)  # the first statistics are written
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        for thread in self.threads:
            thread.join()


@pytest.fixture
def app(postgres: Postgres) -> Iterator[str]:
    """A database of its own, so that nobody else's transactions are counted."""
    postgres.execute("DROP DATABASE IF EXISTS sizing_app", "CREATE DATABASE sizing_app")
    yield postgres.url("postgres", "sizing_app")
    postgres.execute("DROP DATABASE sizing_app WITH (FORCE)")


@pytest.mark.postgres
def test_limits_of_a_server(
    capsys: pytest.CaptureFixture[str], postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """max_connections, reserved slots, the role's limit."""
    most = int(postgres.execute("SHOW max_connections")[0][0])
    found = sized(capsys, "--from", postgres.url(), "--instances", "2")
    assert (found["inputs"]["max_connections"], found["available"]) == (most, most - 3)
    assert found["sources"]["max_connections"] == "the server"
    monkeypatch.chdir(tmp_path)
    (tmp_path / "poolcheck.toml").write_text('[server.orders]\ndsn_env = "ORDERS_URL"\n')
    monkeypatch.setenv("ORDERS_URL", postgres.url())
    assert sized(capsys, "--from", "orders", "--instances", "2")["available"] == most - 3
    postgres.execute("DROP ROLE IF EXISTS narrow", "CREATE ROLE narrow LOGIN CONNECTION LIMIT 12")
    try:
        said = text(capsys, "--from", postgres.url("narrow"), "--instances", "2")
        assert "12 = the role's CONNECTION LIMIT, which is tighter" in said
    finally:
        postgres.execute("DROP ROLE narrow")


@pytest.mark.postgres
@pytest.mark.parametrize("route", ["direct", "transaction pooler"])
def test_load_of_a_server(
    capsys: pytest.CaptureFixture[str], postgres: Postgres, bouncer: Bouncer, app: str, route: str
) -> None:
    """Rate and hold time, within a fifth on a busy machine; through a pooler too, and nothing stays behind."""
    target = app if route == "direct" else bouncer.url("postgres", "sizing_app")
    with Work(app) as work:
        begun, before = time.monotonic(), work.count
        found = sized(capsys, "--from", target, "--sample", "5s", "--instances", "2")
        rate = (work.count - before) / (time.monotonic() - begun)
        hold_ms = work.held / work.count * 1000
    measured = found["measured"]
    assert measured["tps"] == pytest.approx(rate, rel=0.2)
    assert measured["hold_ms"] == pytest.approx(hold_ms, rel=0.2)
    assert found["need"] is not None
    if route != "direct":
        with psycopg.connect(target, autocommit=True, prepare_threshold=None) as conn:
            row = conn.execute(
                "SELECT current_setting('statement_timeout'), current_setting('transaction_read_only')"
            ).fetchone()
            assert row == ("0", "off")


@pytest.mark.bouncer
def test_load_of_a_pgbouncer(capsys: pytest.CaptureFixture[str], bouncer: Bouncer, app: str) -> None:
    """SHOW STATS has the same numbers; the limits are asked for."""
    assert app
    with Work(bouncer.url("postgres", "sizing_app")) as work:
        begun, before = time.monotonic(), work.count
        found = sized(
            capsys,
            "--from",
            bouncer.url("stats", "pgbouncer"),
            "--sample",
            "5s",
            "--max",
            "100",
            "--instances",
            "2",
        )
        rate = (work.count - before) / (time.monotonic() - begun)
    assert found["measured"]["where"] == "PgBouncer's SHOW STATS"
    assert found["measured"]["tps"] == pytest.approx(rate, rel=0.2)
    assert found["measured"]["hold_ms"] == pytest.approx(21, rel=0.25)


@pytest.mark.postgres
def test_a_quiet_server_has_no_load(capsys: pytest.CaptureFixture[str], app: str) -> None:
    """Said, not guessed."""
    assert run(["size", "--from", app, "--sample", "1s", "--instances", "2", "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["sizing"]["need"] is None
    assert any(each["what"] == "load" for each in found["skipped"])


@pytest.mark.postgres
def test_every_major_is_understood(capsys: pytest.CaptureFixture[str], each_postgres: Postgres) -> None:
    """12 and 13 have no session times: the rate is known, the hold time is not."""
    each_postgres.execute("DROP DATABASE IF EXISTS sizing_major", "CREATE DATABASE sizing_major")
    url = each_postgres.url("postgres", "sizing_major")
    try:
        with Work(url, 2):
            assert run(["size", "--from", url, "--sample", "2s", "--instances", "2", "--format", "json"]) == 0
        found = json.loads(capsys.readouterr().out)
        assert found["sizing"]["measured"]["tps"] > 5
        assert (found["sizing"]["need"] is None) == (each_postgres.major < 14)
    finally:
        each_postgres.execute("DROP DATABASE sizing_major")


@pytest.mark.postgres
def test_variation_from_pg_stat_statements(capsys: pytest.CaptureFixture[str]) -> None:
    """Constant statements vary little; without the extension the report says what it assumed."""
    need_extension(15, "pg_stat_statements")
    with Postgres(15, shared_preload_libraries="pg_stat_statements") as server:
        server.execute("CREATE EXTENSION pg_stat_statements")
        with Work(server.url(), 8):
            found = sized(capsys, "--from", server.url(), "--sample", "3s", "--instances", "2")
    assert found["measured"]["cv2_source"] == "pg_stat_statements"
    assert found["measured"]["cv2"] < 0.5


def test_examples_of_the_help_stand_on_lines_of_their_own(capsys: pytest.CaptureFixture[str]) -> None:
    """One command a line, ready to copy."""
    assert run(["size", "--help"]) == 0
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert "poolcheck size --max 100 --instances 10" in lines
    assert not any("\\b" in line for line in lines)


HELP = [
    line.strip()
    for line in (size.command.help or "").splitlines()
    if line.strip().startswith("poolcheck size")
]


@pytest.mark.parametrize(
    "line", [line for line in HELP if "--from" not in line and "--" in line and "=400" not in line]
)
def test_examples_of_the_help_run(capsys: pytest.CaptureFixture[str], line: str) -> None:
    """Each gives a report."""
    assert run(shlex.split(line)[1:]) in (0, 1)
    assert capsys.readouterr().out


@pytest.mark.postgres
def test_the_server_knows_its_limits_better_than_a_file(
    capsys: pytest.CaptureFixture[str], postgres: Postgres
) -> None:
    """And an option better than both."""
    Path("poolcheck.toml").write_text("max_connections = 5000\ninstances = 2\n")
    assert sized(capsys, "--from", postgres.url())["inputs"]["max_connections"] < 5000
    assert sized(capsys, "--from", postgres.url(), "--max", "77")["inputs"]["max_connections"] == 77


@pytest.mark.postgres
def test_the_ini_goes_to_the_measured_server(capsys: pytest.CaptureFixture[str], postgres: Postgres) -> None:
    """Host and port, nothing else of the connection string."""
    assert run(["size", "--from", postgres.url(password="hunter2secret"), "--pooler", "--format", "ini"]) == 0
    ini = capsys.readouterr().out
    assert f"* = host=127.0.0.1 port={postgres.port}" in ini
    assert "hunter2secret" not in ini


@pytest.mark.bouncer
def test_a_sample_in_words(capsys: pytest.CaptureFixture[str], bouncer: Bouncer, app: str) -> None:
    """What was measured, where, for how long, and that the peak is what counts."""
    assert app
    with Work(bouncer.url("postgres", "sizing_app"), 2):
        said = text(
            capsys,
            "--from",
            bouncer.url("stats", "pgbouncer"),
            "--sample",
            "2s",
            "--max",
            "100",
            "--instances",
            "2",
            "-v",
        )
    assert re.search(
        r"Measured for 2 s in PgBouncer's SHOW STATS: [\d.]+ transactions/s x [\d.]+ ms = [\d.]+ connections busy",
        said,
    )
    assert "clients wait" in said
    assert "sample the peak" in said
    assert "A sample of 2 s is short" in said
    assert "connections take about" in said


@pytest.mark.postgres
def test_a_server_that_goes_away_while_measuring(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2, and said so."""
    need_postgres(15)
    with Postgres(15) as server:
        ending = threading.Timer(1.0, server.stop, ["immediate"])
        ending.start()
        said = refused(capsys, "--from", server.url(), "--sample", "3s", "--instances", "2")
        ending.join()
    assert "the connection was lost while measuring" in said


def test_more_than_one_thing_is_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    """Each with its verdict and its advice."""
    said = text(
        capsys,
        "--max",
        "100",
        "--instances",
        "93",
        "--tps",
        "900",
        "--hold-ms",
        "20",
        "--cores",
        "2",
        "--cpu-ms",
        "5",
        code=1,
    )
    assert "Needs a pooler: 93 processes and 92 usable slots" in said
    assert "Needs more CPU: 900/s x 5 ms CPU = 4.5 busy cores of 2" in said
