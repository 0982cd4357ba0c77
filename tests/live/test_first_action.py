"""The first action that `live` names, carried out on a real server: the sessions that waited go on, or the slots are free."""

import re
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest

from poolcheck.config.settings import Config, Thresholds
from poolcheck.model.finding import Finding
from poolcheck.model.report import Report
from tests.commands.running import poolcheck
from tests.conftest import need_postgres
from tests.live.scenes import Conn, Scene, eventually, look, report, report_on, rules, scene
from tests.servers import ROLES, Postgres

pytestmark = pytest.mark.postgres
WAITING = "select count(distinct pid) from pg_locks where not granted"


@pytest.fixture(scope="module", params=[12, 18], ids=lambda major: f"pg{major}")
def server(request: pytest.FixtureRequest) -> Iterator[Postgres]:
    """A server with a table of the app's own."""
    need_postgres(request.param)
    with Postgres(
        request.param, max_connections=300, max_prepared_transactions=5, max_locks_per_transaction=20
    ) as made:
        with scene(made):
            own_table(made)
        yield made


def own_table(server: Postgres) -> None:
    """The app's: a table, and a view of it that takes a while to make."""
    server.execute(
        "create table q (id int primary key, n int)",
        "insert into q values (1, 0), (2, 0)",
        "alter table q owner to app",
        "create materialized view slow as select id from q where pg_sleep(0) is not null with no data",
        "alter materialized view slow owner to app",
    )


def number(server: Postgres, sql: str = WAITING) -> int:
    """A count."""
    return int(server.execute(sql)[0][0])


def found(said: Report, rule: str = "PC703") -> Finding:
    """The one finding of a rule."""
    (finding,) = [each for each in said.findings if each.rule.id == rule]
    return finding


def carry_out(server: Postgres, said: Report, rule: str = "PC703", database: str = "postgres") -> None:
    """Run the lines of the advice, as they are printed."""
    fix = found(said, rule).fix
    assert fix is not None
    assert fix.lines
    for line in fix.lines:
        server.execute(line, database=database)


def wait_for(server: Postgres, waiters: int) -> None:
    """Until so many wait for a lock."""
    eventually(lambda: number(server) == waiters, f"{waiters} waiting")


def pile(stage: Scene, count: int, run: str = "select * from q where id = 1", name: str = "api") -> None:
    """Sessions that want the table."""
    for conn in stage.open(count, name=name):
        stage.busy(conn, run)


def dump(stage: Scene) -> int:
    """A long read, as a dump is one."""
    (conn,) = stage.open(name="pg_dump", run="begin isolation level repeatable read")
    stage.busy(conn, "select pg_sleep(600) from q limit 1")
    return int(conn.info.backend_pid)


def quiet(conn: Conn, statement: str) -> None:
    """Run a statement whose end does not matter."""
    with suppress(psycopg.Error):
        conn.execute(statement.encode())


class TestMiddle:
    """A request for a strong lock that waits, behind which the others queue."""

    def test_the_alter_is_cancelled_and_the_dump_goes_on(self, server: Postgres) -> None:
        """The readers wait for the ALTER, not for the dump."""
        with scene(server) as stage:
            root = dump(stage)
            time.sleep(0.2)
            (migrate,) = stage.open(name="migrate")
            stage.busy(migrate, "alter table q add column z int")
            wait_for(server, 1)
            pile(stage, 6)
            wait_for(server, 7)
            said = report(server)
            (block,) = look(said).blocks
            assert (block.root, block.kind, block.targets, block.frees) == (
                root,
                "middle",
                (migrate.info.backend_pid,),
                6,
            )
            assert (block.held, block.wanted, block.relation) == (
                "ACCESS SHARE",
                "ACCESS EXCLUSIVE",
                "public.q",
            )
            assert look(said).leaks == ()
            carry_out(server, said)
            wait_for(server, 0)
            assert (
                number(
                    server, f"select count(*) from pg_stat_activity where pid = {root} and state = 'active'"
                )
                == 1
            )

    def test_every_request_of_several(self, server: Postgres) -> None:
        """Two pods migrate: with one of them cancelled the readers would queue behind the other."""
        with scene(server) as stage:
            dump(stage)
            time.sleep(0.2)
            for conn in stage.open(2, name="migrate"):
                stage.busy(conn, "alter table q add column z int")
            wait_for(server, 2)
            pile(stage, 5)
            wait_for(server, 7)
            said = report(server)
            assert len(look(said).blocks[0].targets) == 2
            carry_out(server, said)
            wait_for(server, 0)

    def test_an_idle_transaction_is_ended_before_the_request_behind_it(self, server: Postgres) -> None:
        """It does nothing that would be lost, and whoever asks next would wait for it again."""
        with scene(server) as stage:
            (root,) = stage.open(name="worker", run="begin")
            root.execute("select * from q")
            (migrate,) = stage.open(name="migrate")
            stage.busy(migrate, "alter table q add column z int")
            wait_for(server, 1)
            pile(stage, 4)
            wait_for(server, 5)
            said = report(server)
            assert look(said).blocks[0].targets == (root.info.backend_pid,)
            carry_out(server, said)
            wait_for(server, 0)
        server.execute("alter table q drop column if exists z")

    def test_rows_have_no_middle(self, server: Postgres) -> None:
        """Updates of one row queue behind each other, and all of them for the first: that one is cancelled."""
        with scene(server) as stage:
            (root,) = stage.open(name="batch", run="begin")
            root.execute("update q set n = 1 where id = 1")
            stage.busy(root, "select pg_sleep(600)")
            pile(stage, 5, "update q set n = n + 1 where id = 1")
            wait_for(server, 5)
            said = report(server)
            (block,) = look(said).blocks
            assert (block.kind, block.verb, block.targets) == ("root", "cancel", (root.info.backend_pid,))
            carry_out(server, said)
            wait_for(server, 0)

    def test_a_role_that_may_not_end_the_root_is_told_who_may(self, server: Postgres) -> None:
        """Another role's session is hidden: what it does is not guessed."""
        with scene(server) as stage:
            (root,) = stage.open(name="batch", run="begin")
            root.execute("lock table q")
            pile(stage, 4)
            wait_for(server, 4)
            said = found(report(server, "plain"))
            assert "pg_signal_backend" in said.why


class TestRuns:
    """Runs of one statement that overlap."""

    def test_all_are_cancelled(self, server: Postgres) -> None:
        """With the first one alone cancelled, the second takes its place."""
        with scene(server) as stage:
            (first, *rest) = stage.open(5, name="cron", run="set statement_timeout = 0")
            slow = (
                "create or replace function slow() returns int language sql as 'select 1 from pg_sleep(600)'"
            )
            server.execute(
                slow,
                "drop materialized view if exists slow",
                "create materialized view slow as select slow() with no data",
            )
            server.execute("alter materialized view slow owner to app")
            stage.busy(first, "refresh materialized view slow")
            time.sleep(0.3)
            for conn in rest:
                stage.busy(conn, "refresh materialized view slow")
            pile(stage, 3, "select * from slow")
            wait_for(server, 7)
            said = report(server)
            (block,) = look(said).blocks
            assert (block.kind, len(block.targets), block.frees) == ("runs", 5, 3)
            carry_out(server, said)
            wait_for(server, 0)
        server.execute("drop materialized view slow")


def raw(server: Postgres, name: str) -> socket.socket:
    """A session that speaks the protocol by hand."""
    made = socket.create_connection(("127.0.0.1", server.port))
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    words = f"user\0app\0database\0postgres\0application_name\0{name}\0\0".encode()
    made.sendall(struct.pack("!II", len(words) + 8, 196608) + words)
    got = b""
    while b"Z\0\0\0\5" not in got:
        got += made.recv(65536)
    return made


def message(kind: bytes, body: bytes) -> bytes:
    """One message of the protocol."""
    return kind + struct.pack("!I", len(body) + 4) + body


class TestClient:
    """A root that is active, and waits for its client: no cancel reaches it."""

    @contextmanager
    def held(self, server: Postgres, sent: bytes, event: str) -> Iterator[tuple[Scene, int]]:
        """A client that sends this and nothing more, and sessions that wait for it."""
        with scene(server) as stage:
            client = raw(server, "autopilot")
            try:
                client.sendall(sent)
                of = f"from pg_stat_activity where application_name = 'autopilot' and wait_event = '{event}' and state = 'active'"
                eventually(lambda: number(server, f"select count(*) {of}") == 1, event)
                pile(stage, 5, "update q set n = n where id = 1")
                wait_for(server, 5)
                yield stage, number(server, f"select pid {of}")
            finally:
                client.close()

    @pytest.mark.parametrize("event", ["ClientRead", "ClientWrite"])
    def test_it_is_terminated(self, server: Postgres, event: str) -> None:
        """A message without its end; an answer that nobody reads."""
        half = message(b"P", b"\0update q set n = 2 where id = 1\0\0\0") + message(b"B", bytes(8))
        half += message(b"E", bytes(5)) + message(b"H", b"")
        unread = b"begin; update q set n = 2 where id = 1; select repeat('x', 1000) from generate_series(1, 300000)\0"
        with self.held(server, half if event == "ClientRead" else message(b"Q", unread), event) as (_, root):
            said = report(server)
            (block,) = look(said).blocks
            assert (block.verb, block.targets) == ("terminate", (root,))
            if (
                event == "ClientRead"
            ):  # in ClientWrite one gets through as soon as the socket takes a byte more
                server.execute(f"select pg_cancel_backend({root})")
                time.sleep(0.5)
                assert number(server) == 5, "a cancel frees nobody"
            carry_out(server, said)
            wait_for(server, 0)


class TestPrepared:
    """A root without a session."""

    def test_by_its_gid(self, server: Postgres) -> None:
        """Of two prepared transactions the one that is waited for, with a quote in its name."""
        with scene(server) as stage:
            for gid, row in (("or''phan", 1), ("innocent", 2)):
                (conn,) = stage.open(run="begin")
                conn.execute(f"update q set n = 5 where id = {row}".encode())
                conn.execute(f"prepare transaction '{gid}'".encode())
            pile(stage, 3, "update q set n = n where id = 1")
            wait_for(server, 3)
            said = report(server)
            finding = found(said)
            assert finding.fix is not None
            assert finding.fix.lines == ("ROLLBACK PREPARED 'or''phan';",)
            carry_out(server, said)
            wait_for(server, 0)
            server.execute("rollback prepared 'innocent'")


def test_more_waiters_than_are_asked_about(server: Postgres) -> None:
    """Of 230 the server is asked about 200; all are counted, in both of two queues."""
    with scene(server) as stage:
        (root,) = stage.open(name="batch", run="begin")
        root.execute("lock table q")
        pile(stage, 220)
        pile(stage, 10, "update q set n = n where id = 2")
        wait_for(server, 230)
        said = report(server)
        (block,) = look(said).blocks
        assert (len(block.waiters), block.frees) == (230, 230)
        assert "blocks 230 sessions" in found(said).message
        carry_out(server, said)
        eventually(lambda: number(server) == 0, "nobody waits", 30)


class TestAutovacuum:
    """One that prevents wraparound does not give way, and comes back."""

    def test_the_request_in_the_middle_is_cancelled(self) -> None:
        """The vacuum's mode does no harm to readers; the ALTER does."""
        settings: dict[str, Any] = {
            "autovacuum_naptime": "1s", "autovacuum_freeze_max_age": 100000, "autovacuum_vacuum_cost_delay": "100ms",
            "autovacuum_vacuum_cost_limit": 1, "log_statement": "none",
        }  # fmt: skip
        with Postgres(15, **settings) as server, scene(server) as stage:
            server.execute(
                "create table big (id int, v text) with (autovacuum_enabled = off)",
                "insert into big select g, repeat('x', 500) from generate_series(1, 60000) g",
                "alter table big owner to app",
                "create procedure burn(n int) language plpgsql as $$ begin for i in 1..n loop perform txid_current(); commit; end loop; end $$",
                "call burn(135000)",
            )
            worker = "select count(*) from pg_stat_activity where backend_type = 'autovacuum worker' and query like '%big%wraparound%'"
            eventually(lambda: number(server, worker) == 1, "the vacuum", 60)
            (migrate,) = stage.open(name="migrate")
            stage.busy(migrate, "alter table big add column z int")
            wait_for(server, 1)
            (block,) = look(report(server)).blocks
            assert block.kind == "let"
            pile(stage, 5, "select * from big where id = 1")
            wait_for(server, 6)
            said = report(server)
            (block,) = look(said).blocks
            assert (block.kind, block.targets) == ("middle", (migrate.info.backend_pid,))
            assert "autovacuum (to prevent wraparound)" in found(said).message
            assert "comes back" in found(said).why
            carry_out(server, said)
            wait_for(server, 0)
            assert number(server, worker) == 1, "the vacuum goes on"


@pytest.fixture(scope="module", params=[12, 15, 18], ids=lambda major: f"pg{major}")
def pair(request: pytest.FixtureRequest) -> Iterator[tuple[Postgres, Postgres]]:
    """A primary, and a standby that waits for its readers for ever."""
    need_postgres(request.param)
    with Postgres(request.param) as primary:
        with scene(primary):
            own_table(primary)
        with primary.standby() as standby:
            standby.configure(max_standby_streaming_delay=-1)
            standby.execute("select pg_reload_conf()")
            yield primary, standby


class TestStandby:
    """The startup process is not ended; what it waits for is."""

    def replayed(self, pair: tuple[Postgres, Postgres]) -> None:
        """Until the standby has what the primary has."""
        primary, standby = pair
        eventually(
            lambda: (
                standby.execute("select pg_last_wal_replay_lsn()")
                >= primary.execute("select pg_current_wal_lsn()")
            ),
            "replay",
            30,
        )

    @pytest.mark.parametrize("works", [False, True])
    def test_a_report_keeps_replay_back(self, pair: tuple[Postgres, Postgres], works: bool) -> None:
        """An ALTER of the primary waits for the report, and the readers wait for it."""
        primary, standby = pair
        self.replayed(pair)
        held: list[threading.Thread] = []
        with closing(standby.connect("app", application_name="metabase")) as root:
            root.execute("begin isolation level repeatable read")
            root.execute("select * from q")
            if works:
                held.append(threading.Thread(target=quiet, args=(root, "select pg_sleep(600)"), daemon=True))
                held[-1].start()
            primary.execute("alter table q add column if not exists y int", "alter table q drop column y")
            readers = [standby.connect("app", application_name="api") for _ in range(4)]
            eventually(
                lambda: number(standby, "select count(*) from pg_locks where not granted") == 1,
                "replay waits",
            )
            for reader in readers:
                held.append(threading.Thread(target=quiet, args=(reader, "select * from q"), daemon=True))
                held[-1].start()
            wait_for(standby, 5)
            said = report(standby)
            (block,) = look(said).blocks
            assert block.targets == (root.info.backend_pid,)
            carry_out(standby, said)
            wait_for(standby, 0)
            for thread in held:
                thread.join(10)
            for reader in readers:
                reader.close()

    def test_a_transaction_of_the_primary(self, pair: tuple[Postgres, Postgres]) -> None:
        """It holds the lock on the standby, too: it is ended on the primary, and nothing is to be run here."""
        primary, standby = pair
        self.replayed(pair)
        with closing(primary.connect("app")) as root, closing(standby.connect("app")) as reader:
            root.execute("begin")
            root.execute("lock table q")
            primary.execute("select pg_switch_wal()")
            eventually(
                lambda: (
                    number(standby, "select count(*) from pg_locks where mode = 'AccessExclusiveLock'") == 1
                ),
                "the lock",
            )
            thread = threading.Thread(target=quiet, args=(reader, "select * from q"), daemon=True)
            thread.start()
            wait_for(standby, 1)
            time.sleep(5.5)
            said = report(standby)
            (block,) = look(said).blocks
            assert (block.kind, block.targets) == ("replay", ())
            finding = found(said)
            assert finding.fix is not None
            assert "primary" in finding.fix.title
            rows = primary.execute(finding.fix.lines[0])
            assert root.info.backend_pid in [row[0] for row in rows]
            primary.execute(f"select pg_terminate_backend({root.info.backend_pid})")
            wait_for(standby, 0)
            thread.join(10)


class TestStandbyIsGone:
    """Commits that wait for a confirmation that nobody gives."""

    @pytest.mark.parametrize("major", [12, 18])
    def test_commits_go_on_without_the_name(self, major: int) -> None:
        """All twelve have changed their row when the advice was carried out."""
        need_postgres(major)
        with Postgres(major) as server, scene(server) as stage:
            own_table(server)
            server.execute(
                "alter system set synchronous_standby_names = 'replica1'", "select pg_reload_conf()"
            )
            pile(stage, 12, "update q set n = 7 where id = 1")
            done = "select count(*) from pg_stat_activity where wait_event = 'SyncRep'"
            eventually(lambda: number(server, done) >= 1, "commits waiting")
            pile(stage, 3, "update q set n = 8 where id = 2")
            eventually(lambda: number(server, done) == 2, "both rows")
            time.sleep(1.1)
            said = report(server)
            finding = found(said, "PC712")
            assert finding.message.startswith("2 sessions wait"), "one a row"
            assert finding.message.endswith("13 more wait for their locks.")
            assert "PC703" not in rules(said), "cancelled, each makes room for the next"
            assert "'replica1'; connected: no standby at all" in finding.why
            assert look(said).waiting == {"Lock": 13, "SyncRep": 2}
            carry_out(server, said, "PC712")
            busy = "select count(*) from pg_stat_activity where backend_type = 'client backend' and state = 'active'"
            eventually(lambda: number(server, busy) == 1, "all fifteen have committed")


class TestReadOnly:
    """Writes that fail while everything else looks well."""

    @pytest.mark.parametrize("where", ["system", "database postgres"])
    def test_writes_work_again(self, server: Postgres, where: str) -> None:
        """Set for the server, and for a database."""
        with scene(server) as stage:
            server.execute(f"alter {where} set default_transaction_read_only = on", "select pg_reload_conf()")
            time.sleep(0.3)
            (app,) = stage.open(name="api")
            with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
                app.execute("update q set n = 3 where id = 1")
            said = report(server)
            assert found(said, "PC713").severity.word == "warning"
            fix = found(said, "PC713").fix
            assert fix is not None
            for line in fix.lines:
                with server.connect(options="-c default_transaction_read_only=off") as admin:
                    admin.execute(line.encode())
            time.sleep(0.3)
            (app,) = stage.open(name="api")
            app.execute("update q set n = 3 where id = 1")
            assert "PC713" not in [each.rule.id for each in report(server).findings]

    def test_a_role_for_monitoring_is_read_only_on_purpose(self, server: Postgres) -> None:
        """It is said, and is no warning."""
        with scene(server):
            server.execute("alter role monitor set default_transaction_read_only = on")
            try:
                assert found(report(server), "PC713").severity.word == "info"
            finally:
                server.execute("alter role monitor reset default_transaction_read_only")


def test_every_slot_runs_the_same_statement() -> None:
    """Nothing leaks: the statement is shown, and cancelled every slot is idle again."""
    with Postgres(15, max_connections=30) as server, scene(server) as stage:
        for conn in stage.open(25, name="api"):
            stage.busy(conn, "select count(*) from t, pg_sleep(300) where n = 4711")
        eventually(
            lambda: number(server, "select count(*) from pg_stat_activity where state = 'active'") == 26,
            "all busy",
        )
        said = report(server)
        finding = found(said, "PC701")
        assert finding.fix is not None
        assert "Nothing leaks" in finding.fix.title
        assert look(said).busiest[0].statement == "select count(*) from t, pg_sleep(?) where n = ?"
        carry_out(server, said, "PC701")
        eventually(
            lambda: number(server, "select count(*) from pg_stat_activity where state = 'active'") == 1,
            "all idle",
        )


def test_the_first_screen_tells_it(server: Postgres) -> None:
    """24 lines of 80 columns: the verdict, the first action, how full, and who holds the slots, of many groups."""
    with scene(server) as stage:
        (root,) = stage.open(name="worker", run="begin")
        root.execute("lock table q")
        pid = root.info.backend_pid
        for at in range(9):
            stage.open(2, name=f"a-service-with-a-rather-long-name-{at}")
        pile(stage, 5)
        wait_for(server, 5)
        ran = poolcheck("live", server.url("monitor"), env={"COLUMNS": "80"})
    first = ran.out.splitlines()[:24]
    assert first[0].startswith("  Verdict  Pid ")
    shown = "\n".join(first)
    assert f"SELECT pg_catalog.pg_terminate_backend({pid});" in shown
    assert "24 of 297 usable" in shown
    assert "wait for Lock 5" in shown
    assert shown.count("a-service-with") >= 4
    assert max(map(len, first)) <= 80


GONE = """
import psycopg, sys, threading, time
conns = [psycopg.connect(sys.argv[1], autocommit=True, application_name="burst") for _ in range(12)]
[threading.Thread(target=conn.execute, args=("select pg_sleep(600)",), daemon=True).start() for conn in conns]
time.sleep(600)
"""
BURST = "select count(*) from pg_stat_activity where application_name = 'burst' and state = 'active'"


@contextmanager
def vanished(server: Postgres) -> Iterator[None]:
    """Twelve statements whose client was killed."""
    if not Path("/proc/net/tcp").exists():
        pytest.skip("the kernel's socket table is Linux's")
    with scene(server):
        child = subprocess.Popen([sys.executable, "-c", GONE, server.url("app")])
        try:
            eventually(lambda: number(server, BURST) == 12, "twelve statements")
        finally:
            child.kill()
            child.wait(10)
        yield


class TestVanished:
    """Clients that are gone while their statements run."""

    def test_one_line_ends_them_all(self, server: Postgres) -> None:
        """Not three of twelve."""
        with vanished(server):
            said = report(server)
            carry = found(said, "PC710").fix
            assert carry is not None
            server.execute(carry.lines[0])
            eventually(lambda: number(server, BURST) == 0, "their slots")

    def test_reap_ends_them(self, server: Postgres) -> None:
        """What live calls certain: a dry run first, and then for real."""
        with vanished(server):
            time.sleep(0.3)
            dry = poolcheck("reap", server.url("app"), "--older-than", "200ms")
            assert "Would end 12 sessions" in dry.out
            assert number(server, BURST) == 12
            ran = poolcheck("reap", server.url("app"), "--older-than", "200ms", "--yes")
            assert "Ended 12 of 12" in ran.out
            assert number(server, BURST) == 0


class TestReap:
    """What `live` calls certain is ended, or the option is named that ends it."""

    def test_the_option_that_it_names(self, server: Postgres) -> None:
        """A blocker younger than the default: said, with the option; with it, the waiters go on."""
        with scene(server) as stage:
            (root,) = stage.open(name="worker", run="begin")
            root.execute("lock table q")
            pile(stage, 4)
            wait_for(server, 4)
            time.sleep(1.2)
            said = poolcheck("reap", server.url("app"))
            option = re.search(r"younger than 5 min: --older-than (\d+)s", " ".join(said.out.split()))
            assert option
            ran = poolcheck("reap", server.url("app"), "--older-than", f"{option[1]}s", "--yes")
            assert "Ended 1 of 1" in ran.out
            wait_for(server, 0)

    def test_whoever_frees_most_is_ended_first(self, server: Postgres) -> None:
        """The blocker, although another transaction is older."""
        with scene(server) as stage:
            stage.open(2, name="old", run="begin")
            time.sleep(0.3)
            (root,) = stage.open(name="blocker", run="begin")
            root.execute("lock table q")
            pile(stage, 2)
            wait_for(server, 2)
            time.sleep(0.3)
            ran = poolcheck("reap", server.url("app"), "--older-than", "200ms", "--most", "1", "--yes")
            assert "Ended 1 of 1" in ran.out
            wait_for(server, 0)

    def test_growth_between_two_looks(self, server: Postgres) -> None:
        """One look ends nothing and says what would; two find what was forgotten."""
        with scene(server) as stage:
            stop = threading.Event()

            def leak() -> None:
                while not stop.is_set():
                    stage.open(name="shop", run="select n from q where id = 1")
                    time.sleep(1.2)

            thread = threading.Thread(target=leak, daemon=True)
            thread.start()
            try:
                time.sleep(6)
                once = poolcheck("reap", server.url("app"), "--older-than", "2s")
                twice = poolcheck("reap", server.url("app"), "--older-than", "2s", "--sample", "3s", "--yes")
            finally:
                stop.set()
                thread.join(10)
            assert "Nothing to end" in once.out
            assert "--sample 30s" in once.out
            assert int(twice.out.partition("Ended ")[2].split()[0]) >= 3


def test_sessions_that_rest_on_purpose_are_no_leak(server: Postgres) -> None:
    """Workers that listen, a leader with its lock, people at psql: opened one by one, used once, and at work."""
    with scene(server) as stage:
        for _ in range(3):
            stage.open(name="worker", run="listen jobs")
            stage.open(name="leader", run="select pg_advisory_lock_shared(42)")
            stage.open(name="psql", run="select count(*) from q")
            time.sleep(1.1)
        time.sleep(1.5)
        quick = Config(thresholds=Thresholds(idle_seconds=1))
        assert look(report(server, "monitor", quick)).leaks == ()
        said = report(server, "monitor", quick, sample=2.0)
        assert look(said).leaks == ()
        assert rules(said) == {}


def test_a_transaction_that_keeps_talking_is_old(server: Postgres) -> None:
    """Never idle, no long statement, always one transaction: said, and what is advised ends it and frees its lock."""
    with scene(server) as stage:
        talker, steps = stage.open(name="export", run="begin"), stage.open(name="steps")
        stop = threading.Event()

        def talk() -> None:
            with suppress(psycopg.Error):  # it is ended by the advice
                talker[0].execute("update t set n = n where id = 1")
                while not stop.wait(0.05):
                    talker[0].execute("select 1")
                    steps[0].execute("update q set n = n")

        thread = threading.Thread(target=talk, daemon=True)
        thread.start()
        try:
            time.sleep(2.5)
            said = report(server, "monitor", Config(thresholds=Thresholds(transaction_seconds=1)))
            finding = found(said, "PC715")
            assert "1 transaction goes on talking" in finding.message
            assert f"pid {talker[0].info.backend_pid}, export" in finding.message
            carry_out(server, said, "PC715")
            eventually(lambda: stage.others() == 1, "the slot")
            server.execute("set lock_timeout = '1s'; update t set n = n where id = 1")
        finally:
            stop.set()
            thread.join(10)
        assert "PC715" not in rules(report(server, "monitor"))


class TestLogins:
    """Clients that connect, say who they are, and stop before the password."""

    @contextmanager
    def half_way(self, major: int, **settings: Any) -> Iterator[Postgres]:
        """17 of them, on a server with 20 connections."""
        hba = (
            "local all all trust\nhost all postgres 127.0.0.1/32 trust\nhost all monitor 127.0.0.1/32 trust\n"
            "host all all 127.0.0.1/32 scram-sha-256\n"
        )
        need_postgres(major)
        with Postgres(major, hba=hba, max_connections=20, **settings) as server:
            server.execute(*ROLES, "alter role app password 'x'")
            words = b"user\0app\0database\0postgres\0\0"
            clients = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(17)]
            try:
                for client in clients:
                    client.sendall(struct.pack("!II", len(words) + 8, 196608) + words)
                    client.recv(1)
                yield server
            finally:
                for client in clients:
                    client.close()

    def test_they_are_ended_where_they_are_seen(self) -> None:
        """PostgreSQL 18: with the advice an ordinary role gets in again."""
        with self.half_way(18) as server:
            time.sleep(5.1)
            said = report_on(server.url("app", password="x"), admin=server.url("postgres"))
            assert "17 logins from 127.0.0.1" in found(said, "PC714").message
            carry_out(server, said, "PC714")
            eventually(lambda: not refused_now(server), "a slot")

    def test_they_are_told_from_the_count_and_the_refusal(self) -> None:
        """PostgreSQL 15 lists them nowhere; they are gone after authentication_timeout, as it is said."""
        with self.half_way(15, authentication_timeout="8s") as server:
            said = report_on(server.url("app", password="x"), admin=server.url("postgres"))
            finding = found(said, "PC714")
            assert "17 slots are held by logins that never finish" in finding.message
            carry_out(server, said, "PC714")
            assert server.execute("show authentication_timeout")[0][0] == "10s"
            eventually(lambda: not refused_now(server), "a slot", 15)
            assert "PC714" not in rules(
                report_on(server.url("app", password="x"), admin=server.url("postgres"))
            )


def refused_now(server: Postgres) -> bool:
    """Whether an ordinary role is refused."""
    try:
        server.connect("monitor").close()
    except psycopg.OperationalError:
        return True
    return False


def test_an_application_that_is_a_superuser(postgres15: Postgres) -> None:
    """It takes the reserve, too, and a full server has no way in."""
    with scene(postgres15) as stage:
        stage.open(37, user="postgres", name="api")
        said = report(postgres15, "postgres")
        finding = found(said, "PC701")
        assert "37 sessions are superusers'" in finding.why
        assert finding.fix is not None
        assert "a role of its own" in finding.fix.title


def test_watching_tells_it_too(server: Postgres) -> None:
    """Each line has the first action, as it is to be run; the exit code is the last look's."""
    with scene(server) as stage:
        (root,) = stage.open(name="worker", run="begin")
        root.execute("lock table q")
        pile(stage, 4)
        wait_for(server, 4)
        ran = poolcheck("live", server.url("monitor"), "--watch", "200ms", "--count", "2")
        assert ran.code == 1
        said = re.findall(r"PC703: (SELECT .*;)", ran.out)
        assert len(said) == 2
        server.execute(said[-1])
        wait_for(server, 0)
        ran = poolcheck("live", server.url("monitor"), "--watch", "200ms", "--count", "1")
        assert (ran.code, "PC703" in ran.out) == (0, False)
