"""Is there a pooler, which mode, and is everything as it was before? Asked on real PgBouncers."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from poolcheck.live import postgres as live_postgres
from poolcheck.live import sight
from poolcheck.live.route import find
from tests.conftest import need_bouncer, need_pgpool
from tests.live.scenes import eventually, look, report, report_on, rules, scene
from tests.servers import Bouncer, Pgpool, PoolMode, Postgres, pgbouncer_version

pytestmark = [pytest.mark.postgres, pytest.mark.bouncer]


@pytest.fixture(autouse=True)
def _need() -> None:
    need_bouncer()


@contextmanager
def forwarder(port: int) -> Iterator[int]:
    """A plain TCP forwarder, as a port mapping or a load balancer is one."""
    with socket.create_server(("127.0.0.1", 0)) as entry:
        ends: list[socket.socket] = []

        def pump(one: socket.socket, other: socket.socket) -> None:
            try:
                while data := one.recv(65536):
                    other.sendall(data)
            except OSError:
                pass
            finally:
                other.close()

        def accept() -> None:
            while True:
                try:
                    client, _ = entry.accept()
                except OSError:
                    return
                server = socket.create_connection(("127.0.0.1", port))
                ends.extend((client, server))
                for pair in ((client, server), (server, client)):
                    threading.Thread(target=pump, args=pair, daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield entry.getsockname()[1]
        for end in ends:
            end.close()


@pytest.mark.parametrize("mode", ["session", "transaction", "statement"])
def test_mode_is_proved(postgres: Postgres, mode: PoolMode) -> None:
    """Ten times out of ten, and said with the proof."""
    with scene(postgres), Bouncer(postgres, mode) as bouncer:
        for _ in range(10):
            route = look(report(bouncer, "monitor")).snapshot.route
            assert route.kind == "pooler"
            assert route.mode == mode
            assert route.how


def test_busy_transaction_pool(postgres: Postgres) -> None:
    """Other clients use the same pool meanwhile: one round would miss it, eight do not."""
    with scene(postgres), Bouncer(postgres, "transaction", pool_size=4) as bouncer:
        stop = threading.Event()

        def load() -> None:
            with bouncer.connect("monitor") as conn:
                while not stop.is_set():
                    conn.execute("select pg_sleep(0.002)")

        threads = [threading.Thread(target=load, daemon=True) for _ in range(2)]
        for thread in threads:
            thread.start()
        try:
            modes = [look(report(bouncer, "monitor")).snapshot.route.mode for _ in range(20)]
        finally:
            stop.set()
            for thread in threads:
                thread.join(10)
    assert modes == ["transaction"] * 20


def test_two_clients_that_keep_apart(postgres: Postgres) -> None:
    """A third one pushed the second to a server session of its own, and a quiet pool gives both the same ones again."""
    needs_probe(True)
    with scene(postgres), Bouncer(postgres, "transaction", pool_size=4) as bouncer:
        words = {"host": bouncer.host, "port": str(bouncer.port), "user": "monitor", "dbname": "postgres"}
        link = live_postgres.connect(words)
        third = bouncer.connect("monitor")
        third.autocommit = False
        again: list[live_postgres.Link] = []

        def second() -> live_postgres.Link:
            made = live_postgres.connect(words, named=False)
            run = made.run

            def run_then_let_go(*message: Any) -> list[list[live_postgres.Row]]:
                answer = run(*message)
                third.commit()
                return answer

            setattr(made, "run", run_then_let_go)  # noqa: B010 - the real one, and then the third client
            again.append(made)
            return made

        try:
            _, row = sight.look(link)
            third.execute("select 1")  # takes the only server session there is
            assert find(link, row, second).mode == "transaction"
            assert len(again) == 1
        finally:
            third.close()
            link.close()


def test_pool_of_one(postgres: Postgres) -> None:
    """The second client gets the only server session; the first has to wait."""
    with scene(postgres), Bouncer(postgres, "transaction", pool_size=1) as bouncer:
        assert look(report(bouncer, "monitor")).snapshot.route.mode == "transaction"


@pytest.mark.parametrize("major", [12, 15, 18])
def test_direct_is_direct(major: int, request: pytest.FixtureRequest) -> None:
    """No pooler where there is none, on old and new servers, twenty times out of twenty."""
    with Postgres(major) as server, scene(server):
        routes = [look(report(server, "monitor")).snapshot.route for _ in range(20)]
    assert {(route.kind, route.mode) for route in routes} == {("direct", None)}


def test_forwarder_is_no_pooler(postgres: Postgres) -> None:
    """Another port at the server's end alone proves nothing."""
    with scene(postgres), forwarder(postgres.port) as port:
        url = postgres.url("monitor").replace(str(postgres.port), str(port))
        route = look(report_on(url)).snapshot.route
    assert route.kind == "direct"
    assert any("forwarder" in each for each in route.how)


def test_pgpool_says_who_it_is(postgres15: Postgres) -> None:
    """pgpool-II passes the server's key on, so only its own word tells; asked nowhere else than behind other ports."""
    need_pgpool()
    with scene(postgres15), Pgpool(postgres15) as pool:
        for _ in range(3):
            route = look(report_on(pool.url("monitor", sslmode="disable"))).snapshot.route
            assert (route.kind, route.mode) == ("pooler", "session")
            assert route.software.startswith("pgpool-II 4")


def needs_probe(wanted: bool) -> None:
    """Skip where PgBouncer is of the other kind: from 1.26 on it names its mode, and nothing is probed."""
    if (pgbouncer_version() < (1, 26)) is not wanted:
        pytest.skip(f"PgBouncer {'names' if wanted else 'does not name'} its mode")


@pytest.mark.parametrize("mode", ["session", "transaction", "statement"])
def test_told_by_the_pooler(postgres: Postgres, mode: PoolMode) -> None:
    """One client, no probe."""
    needs_probe(False)
    with scene(postgres), Bouncer(postgres, mode) as bouncer:
        mark = bouncer.mark()
        route = look(report(bouncer, "monitor")).snapshot.route
        assert (route.kind, route.mode) == ("pooler", mode)
        assert route.software.startswith("PgBouncer 1.")
        assert bouncer.log(mark).count("login attempt") <= 2


def test_no_probe_opens_no_second_client(postgres: Postgres) -> None:
    """--no-probe: one client, and the mode stays unknown."""
    needs_probe(True)
    with scene(postgres), Bouncer(postgres, "transaction") as bouncer:
        mark = bouncer.mark()
        route = look(report(bouncer, "monitor", probe=False)).snapshot.route
        assert bouncer.log(mark).count("login attempt") == 2
    assert route.mode is None
    assert any("no-probe" in each for each in route.how)


def test_probe_opens_two_clients_at_most(postgres: Postgres) -> None:
    """Counted from the pooler's log: two at a time. Where nothing announced the pooler, the first came back unnamed."""
    needs_probe(True)
    with scene(postgres), Bouncer(postgres, "transaction") as bouncer:
        mark = bouncer.mark()
        report(bouncer, "monitor")
        assert bouncer.log(mark).count("login attempt") == 3
        (pool,) = [row for row in bouncer.admin("SHOW POOLS") if row["user"] == "monitor"]
        assert pool["sv_idle"] + pool["sv_used"] <= 2


LEFT = """select name, setting from pg_settings where source = 'session' and name not in
    ('application_name', 'client_encoding', 'DateStyle', 'TimeZone', 'IntervalStyle', 'standard_conforming_strings')"""


@pytest.mark.parametrize("mode", ["session", "transaction"])
def test_nothing_is_left_behind(postgres: Postgres, mode: PoolMode) -> None:
    """What a second client finds afterwards on the very session that was used: no setting, no statement, no lock."""
    with scene(postgres), Bouncer(postgres, mode, pool_size=1 if mode == "transaction" else 3) as bouncer:
        with bouncer.connect("app") as before:
            pid = before.execute("select pg_backend_pid()").fetchone()
        mark = postgres.mark()
        for _ in range(3):
            report(bouncer, "app")
        with bouncer.connect("app") as after:
            if mode == "transaction":
                assert after.execute("select pg_backend_pid()").fetchone() == pid, (
                    "the pooled session lives on"
                )
            assert after.execute(LEFT.encode()).fetchall() == []
            assert after.execute("show statement_timeout").fetchone() == ("0",)
            assert after.execute("show default_transaction_read_only").fetchone() == ("off",)
            assert after.execute("show transaction_read_only").fetchone() == ("off",)
            assert after.execute("select count(*) from pg_prepared_statements").fetchone() == (0,)
            assert after.execute("select count(*) from pg_locks where locktype = 'advisory'").fetchone() == (
                0,
            )
            assert after.execute("show application_name").fetchone() == ("",)
            after.execute("create temp table probe_of_the_test (i int)")
        # The first three looks asked; none of it may be an error, a SET or a PREPARE.
        log = postgres.log(mark)
        assert "PREPARE" not in log
        assert "ERROR" not in log
    postgres.execute("select 1")


def test_transaction_pool_keeps_its_sessions(postgres: Postgres) -> None:
    """A client that leaves inside a transaction costs the pool a session: the probe must not."""
    with scene(postgres), Bouncer(postgres, "transaction") as bouncer:
        report(bouncer, "app")
        before = bouncer.admin("SHOW SERVERS")
        for _ in range(5):
            report(bouncer, "app")
        after = bouncer.admin("SHOW SERVERS")
        assert before
        assert {row["remote_pid"] for row in before} <= {row["remote_pid"] for row in after}
        assert "closing because: client disconnect" not in bouncer.log()


def test_poisoned_pool_is_found(postgres: Postgres) -> None:
    """Somebody's `SET` stays on the pooled session, and the next client's INSERT fails: a finding, and not ours."""
    with scene(postgres), Bouncer(postgres, "transaction", pool_size=1) as bouncer:
        assert "PC804" not in rules(report(bouncer, "app"))
        with bouncer.connect("app") as careless:
            careless.execute("set default_transaction_read_only = on")
            careless.execute("set statement_timeout = '2s'")
        said = report(bouncer, "app")
        left = dict(look(said).snapshot.route.left_behind)
        if pgbouncer_version() >= (1, 26):  # it carries over what the server reports: the timeout alone stays
            assert left == {"statement_timeout": "2000"}
            assert rules(said)["PC804"] == "warning"
            return
        assert left == {"default_transaction_read_only": "on", "statement_timeout": "2000"}
        assert rules(said)["PC804"] == "error"
        with bouncer.connect("app") as victim, pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            victim.execute("insert into t values (99, 0)")


def test_session_mode_settings_are_the_clients_own(postgres: Postgres) -> None:
    """In session mode DISCARD ALL cleans up: nothing to report."""
    with scene(postgres), Bouncer(postgres, "session") as bouncer:
        with bouncer.connect("app") as careless:
            careless.execute("set search_path = elsewhere")
        assert "PC804" not in rules(report(bouncer, "app"))


def test_sessions_through_a_pooler_are_the_poolers(postgres: Postgres) -> None:
    """Twenty clients on three server sessions: the slots show three, and the report says whose they are."""
    with scene(postgres), Bouncer(postgres, "transaction", pool_size=3) as bouncer:
        clients = [bouncer.connect("app") for _ in range(20)]
        try:
            for client in clients:
                client.execute("select 1")
            seen = look(report(bouncer, "app"))
        finally:
            for client in clients:
                client.close()
    assert seen.snapshot.route.pooled
    assert 1 <= seen.snapshot.used <= 3
    assert seen.leaks == ()


def test_saturated_pool_is_the_finding(postgres: Postgres) -> None:
    """Every server session is held in a transaction: the look itself never gets one."""
    with scene(postgres), Bouncer(postgres, "transaction", pool_size=1) as bouncer:
        with bouncer.connect("app") as holder:
            holder.execute("begin")
            url = bouncer.url("app").replace("127.0.0.1", "localhost")
            said = report_on(url)
            assert rules(said) == {"PC709": "error"}
            assert int(said.code) == 1
            holder.execute("rollback")
        eventually(lambda: rules(report(bouncer, "app")) == {}, "the pool to be free")
