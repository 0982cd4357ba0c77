"""The refusal is the diagnosis: the layer from the exact text of every major and of the pooler, and what is possible."""

import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from poolcheck.connection.secret import Secret
from poolcheck.live import postgres as wire
from poolcheck.live import sight
from poolcheck.live.look import NotPostgres
from poolcheck.live.postgres import Timeouts
from poolcheck.model.snapshot import Refusal
from tests.conftest import need_bouncer, need_postgres
from tests.live.scenes import eventually, look, pooler, refusal, report, report_on, rules, scene
from tests.servers import MAJORS, Bouncer, Postgres, free_port

pytestmark = pytest.mark.postgres


def words(server: Postgres) -> dict[str, str | Secret]:
    """libpq's keywords for the superuser."""
    return {"host": server.host, "port": str(server.port), "user": "postgres", "dbname": "postgres"}


def refused(server: Postgres | Bouncer, user: str, **options: Any) -> Refusal:
    """The refusal, which must be the diagnosis."""
    said = report(server, user, **options)
    assert int(said.code) == 1
    assert rules(said)["PC709"] == "error"
    assert said.fix_path
    return refusal(said).refusal


@pytest.mark.parametrize("major", MAJORS)
def test_every_depth_of_full(major: int) -> None:
    """Only reserves left, and nothing left; role and database limits; on every major."""
    need_postgres(major)
    reserved: dict[str, Any] = {"reserved_connections": 2} if major >= 16 else {}
    with (
        Postgres(major, max_connections=15, superuser_reserved_connections=2, **reserved) as server,
        scene(server) as stage,
    ):
        server.execute("alter role app connection limit 1")
        (only,) = stage.open()
        assert refused(server, "app").layer == "role-limit"
        only.close()
        server.execute("alter role app connection limit -1", "create database small connection limit 0")
        said = report_on(server.url("app", "small"))
        assert refusal(said).refusal.layer == "db-limit"

        words = stage.fill("app")
        first = refused(server, "app")
        assert first.layer == "slots"
        assert first.text.split("FATAL:")[1].split() == words.split("FATAL:")[1].split()
        assert first.options[0].code, "a session that is already open can free slots at once"
        looks = [option for option in first.options if any("--admin" in line for line in option.code)]
        assert looks, "the reserve is free, and the report says who gets in"
        if major >= 16:
            assert "pg_use_reserved_connections" in looks[0].text
            server.execute(
                "create role operator login", "grant pg_use_reserved_connections, pg_monitor to operator"
            )
            assert look(report(server, "operator")).snapshot.free == 0
            stage.fill("operator")
            assert "superuser" in " ".join(option.text for option in refused(server, "operator").options)
        stage.fill("postgres")
        last = refused(server, "postgres")
        assert last.layer == "slots"
        assert "sorry" in last.text
        assert any("Not even superusers" in option.text for option in last.options)


def test_admin_looks_when_refused(postgres15: Postgres) -> None:
    """--admin: the refusal stays the finding, and the superuser's look shows who holds the slots."""
    with scene(postgres15) as stage:
        stage.fill("app")
        said = report(postgres15, "app", admin=postgres15.url("postgres"))
    assert rules(said)["PC709"] == "error"
    assert rules(said)["PC701"] == "error"
    assert look(said).groups[0].application_name == "web"


def test_rescue_works(postgres15: Postgres) -> None:
    """The advice itself: a session of the same role frees a slot, without any further right."""
    with scene(postgres15) as stage:
        stage.fill("app")
        advice = " ".join(refused(postgres15, "app").options[0].code).replace("10 minutes", "0 seconds")
        assert stage.opened[0].execute(advice.encode()).rowcount > 0
        eventually(lambda: rules(report(postgres15, "app")).get("PC709") is None, "free slots")


class TestBouncer:
    """What PgBouncer says, and what its console still shows."""

    @pytest.fixture(autouse=True)
    def _need(self) -> None:
        need_bouncer()

    def test_server_full_behind_the_pooler(self, postgres15: Postgres) -> None:
        """The server's own text, or the pooler's, through the pooler: slots or upstream, never the pooler's clients."""
        with scene(postgres15) as stage, Bouncer(postgres15, "transaction") as bouncer:
            stage.fill("app")
            found = refused(bouncer, "monitor", bouncer=bouncer.url("stats", "pgbouncer"))
        assert found.layer in ("slots", "pooler-upstream")
        assert found.pooler

    def test_client_limit(self, postgres: Postgres) -> None:
        """max_client_conn is full: the console still answers, and names it."""
        with scene(postgres), Bouncer(postgres, "transaction", max_client_conn=4) as bouncer:
            held = [bouncer.connect("app") for _ in range(4)]
            try:
                alone = report(bouncer, "app")
                said = report(bouncer, "app", bouncer=bouncer.url("stats", "pgbouncer"))
            finally:
                for each in held:
                    each.close()
        assert refusal(said).refusal.layer == "pooler-clients"
        told = [
            any("PgBouncer's console" in option.text for option in refusal(each).refusal.options)
            for each in (alone, said)
        ]
        assert told == [True, False], "it is not advised when it has been looked at"
        assert rules(said)["PC802"] == "error"
        assert pooler(said).snapshot.clients_used == 4

    def test_waiting_clients_and_their_cause(self, postgres: Postgres) -> None:
        """Transactions held open by the code: the pool's size is not the cause, and the finding says so."""
        with scene(postgres), Bouncer(postgres, "transaction", pool_size=2) as bouncer:
            holders = [bouncer.connect("app") for _ in range(2)]
            waiters = [bouncer.connect("app") for _ in range(3)]
            threads = []
            try:
                for holder in holders:
                    holder.execute("begin")
                for waiter in waiters:
                    thread = threading.Thread(target=waiter.execute, args=("select 1",), daemon=True)
                    thread.start()
                    threads.append(thread)
                time.sleep(1.5)
                said = report(postgres, "monitor", bouncer=bouncer.url("stats", "pgbouncer"))
            finally:
                for holder in holders:
                    holder.close()  # what waits goes on now
                for thread in threads:
                    thread.join(10)
                for waiter in waiters:
                    waiter.close()
        (finding,) = [finding for finding in said.findings if finding.rule.id == "PC801"]
        assert "3 clients" in finding.message
        assert "idle in a transaction" in finding.why

    def test_server_down_behind_the_pooler(self) -> None:
        """The pooler is there and the server is not."""
        with Postgres(18) as server, Bouncer(server, "transaction", server_connect_timeout=1) as bouncer:
            server.stop()
            said = report(bouncer, "app", timeouts=Timeouts(connect=3, statement=1))
            assert refusal(said).refusal.layer in ("pooler-upstream", "pooler-wait", "network")

    def test_paused(self, postgres: Postgres) -> None:
        """PAUSE looks like a busy pool from outside; the console tells."""
        with scene(postgres), Bouncer(postgres, "transaction") as bouncer:
            with bouncer.connect("app") as client:
                client.execute("select 1")
            bouncer.admin("PAUSE postgres")
            said = report(postgres, "monitor", bouncer=bouncer.url("stats", "pgbouncer"))
        assert rules(said)["PC805"] == "error"

    def test_pools_against_slots(self, postgres: Postgres) -> None:
        """Pools of 30 for two users on 37 usable slots."""
        with scene(postgres), Bouncer(postgres, "transaction", pool_size=30) as bouncer:
            for user in ("app", "other"):
                postgres.execute(
                    f"do $$ begin create role {user} login; exception when duplicate_object then null; end $$"
                )
                with bouncer.connect(user) as client:
                    client.execute("select 1")
            said = report(postgres, "monitor", bouncer=bouncer.url("stats", "pgbouncer"))
        assert rules(said)["PC803"] == "warning"

    def test_not_a_console(self, postgres: Postgres) -> None:
        """--bouncer with an ordinary database is skipped with its reason; the look goes on."""
        with scene(postgres):
            said = report(postgres, "monitor", bouncer=postgres.url("monitor"))
        assert int(said.code) == 0
        assert "console" in said.skipped[0].what

    def test_no_right_on_the_console(self, postgres: Postgres) -> None:
        """A user that is neither in admin_users nor in stats_users."""
        with scene(postgres), Bouncer(postgres) as bouncer:
            said = report(postgres, "monitor", bouncer=bouncer.url("app", "pgbouncer"))
        assert "stats_users" in said.skipped[0].hint


class TestOtherReasons:
    """No exhaustion: exit code 2, and the layer all the same."""

    def code_and_layer(self, dsn: str, **options: Any) -> tuple[int, str]:
        """Exit code and layer."""
        said = report_on(dsn, **options)
        return int(said.code), refusal(said).refusal.layer

    def test_wrong_password(self) -> None:
        """Said by the server, and the password is nowhere."""
        hba = "host all postgres 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n"
        with Postgres(18, hba=hba) as server:
            server.execute("create role locked login password 'right'")
            assert self.code_and_layer(server.url("locked", password="wr0ng-s3cret")) == (2, "routing-auth")
            said = report_on(server.url("locked", password="wr0ng-s3cret"))
            assert "wr0ng" not in repr(said)
            assert look(report_on(server.url("locked", password="right"))).snapshot.used == 0

    def test_unknown_database_and_role(self, postgres: Postgres) -> None:
        """Nothing is full."""
        assert self.code_and_layer(postgres.url("postgres", "nowhere")) == (2, "routing-auth")
        assert self.code_and_layer(postgres.url("nobody_there")) == (2, "routing-auth")

    def test_nothing_listens(self) -> None:
        """The port is closed."""
        assert self.code_and_layer(f"postgresql://app@127.0.0.1:{free_port()}/app") == (2, "network")

    def test_tls_refused(self, postgres: Postgres) -> None:
        """sslmode=require on a server without TLS."""
        code, _ = self.code_and_layer(postgres.url("postgres", sslmode="require"))
        assert code == 2


@contextmanager
def listener(answer: bytes | None) -> Iterator[int]:
    """Accepts connections; answers with some bytes, or with nothing at all."""
    with socket.create_server(("127.0.0.1", 0)) as entry:
        held: list[socket.socket] = []

        def accept() -> None:
            while True:
                try:
                    client, _ = entry.accept()
                except OSError:
                    return
                held.append(client)
                if answer is not None:
                    client.recv(4096)
                    client.sendall(answer)

        threading.Thread(target=accept, daemon=True).start()
        yield entry.getsockname()[1]
        for each in held:
            each.close()


def test_hung_network_ends_in_time() -> None:
    """Accepted, and then silence: the connect timeout holds."""
    with listener(None) as port:
        begun = time.monotonic()
        said = report_on(
            f"postgresql://app@127.0.0.1:{port}/app?sslmode=disable", timeouts=Timeouts(connect=2)
        )
    assert time.monotonic() - begun < 4
    assert int(said.code) == 2
    assert refusal(said).refusal.layer == "network"


def children(pid: int) -> list[int]:
    """The processes that this one started: a server's sessions and helpers."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError):
            continue
        if parent == pid:
            found.append(int(folder.name))
    return found


def test_frozen_server_ends_in_time() -> None:
    """The server stops answering after the login: the statement's deadline holds, and it is no exhaustion."""
    with Postgres(18) as server:
        link = wire.connect(words(server), Timeouts(statement=1))
        for child in children(server.pid):
            os.kill(child, signal.SIGSTOP)
        begun = time.monotonic()
        with pytest.raises(wire.Lost) as lost:
            sight.look(link, Timeouts(statement=1))
        assert lost.value.timed_out
        assert time.monotonic() - begun < 4
        link.close()
        assert time.monotonic() - begun < 5


def test_killed_while_looking() -> None:
    """The server is killed during the look of two: said, with exit code 2, and no traceback."""
    with Postgres(18) as server:
        threading.Timer(0.7, server.stop, args=("immediate",)).start()
        said = report(server, "postgres", sample=1.5)
        assert int(said.code) == 2
        assert refusal(said).refusal.layer in ("killed", "network", "unavailable")


def message(kind: bytes, body: bytes) -> bytes:
    """One protocol message."""
    return kind + (len(body) + 4).to_bytes(4, "big") + body


def test_cockroach_is_said_to_be_one() -> None:
    """A server that speaks the protocol and is not PostgreSQL: named, and not supported."""
    status = b"".join(
        message(b"S", name + b"\0" + value + b"\0")
        for name, value in (
            (b"server_version", b"13.0.0"),
            (b"crdb_version", b"CockroachDB CCL v24.1.0"),
            (b"client_encoding", b"UTF8"),
        )
    )
    hello = message(b"R", (0).to_bytes(4, "big")) + status + message(b"K", bytes(8)) + message(b"Z", b"I")
    with listener(hello) as port, pytest.raises(NotPostgres) as error:
        report_on(f"postgresql://app@127.0.0.1:{port}/app?sslmode=disable")
    assert "CockroachDB" in error.value.message
    assert error.value.exit_code == 2


def test_no_console_of_pgbouncer_where_another_pooler_refuses() -> None:
    """The text that Odyssey 1.5.2 gave, as it gives it: before any login."""
    text = (
        b"odyssey: c8f9eb37c0bed: too many client tcp connections (client_max for user postgres.monitor 20)"
    )
    answer = message(b"E", b"SERROR\0VERROR\0C53300\0M" + text + b"\0\0")
    with listener(answer) as port:
        found = refusal(report_on(f"postgresql://monitor@127.0.0.1:{port}/postgres?sslmode=disable")).refusal
    assert (found.layer, found.title) == ("pooler-clients", "Odyssey takes no more clients")
    assert found.options
    assert not any("console" in option.text for option in found.options)


def test_slow_look_is_cut_by_the_server(postgres: Postgres) -> None:
    """The server's own statement timeout holds within the message, and not beyond it."""
    with scene(postgres):
        link = wire.connect(words(postgres))
        with pytest.raises(wire.StatementFailed) as failed:
            link.run("SELECT set_config('statement_timeout', '200', true); SELECT pg_sleep(5)")
        assert failed.value.sqlstate == "57014"
        assert link.run("SHOW statement_timeout")[0] == [{"statement_timeout": "0"}]
        link.close()


def test_locked_catalogue_is_cut_by_the_server(postgres: Postgres) -> None:
    """Somebody holds a catalogue's lock: the server ends the look by itself, and nothing of it stays behind."""
    with scene(postgres) as stage:
        (holder,) = stage.open(user="postgres", run="begin")
        link = wire.connect(words(postgres))
        holder.execute("lock table pg_authid in access exclusive mode")
        with pytest.raises(wire.StatementFailed) as failed:
            sight.look(link, Timeouts(statement=0.5))
        holder.execute("rollback")
        link.close()
    assert failed.value.sqlstate == "57014"


def test_psycopg_gives_no_sqlstate(postgres15: Postgres) -> None:
    """Why texts are matched: the day this fails, codes could be used."""
    with scene(postgres15) as stage:
        stage.fill("app")
        with pytest.raises(psycopg.OperationalError) as error:
            postgres15.connect("app")
    assert error.value.sqlstate is None
