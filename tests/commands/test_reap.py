"""`poolcheck reap`: what it would end, what it ends, and what it must never touch. On every major."""

import json
import time
from pathlib import Path

import psycopg
import pytest

from poolcheck.live import postgres as wire
from poolcheck.live import sight
from poolcheck.live.terminate import statement, terminate
from tests.commands.running import poolcheck
from tests.conftest import need_bouncer
from tests.live.scenes import eventually, scene
from tests.servers import Bouncer, Postgres

pytestmark = pytest.mark.postgres


def alive(conn: psycopg.Connection[tuple[object, ...]]) -> bool:
    """Whether the session still answers."""
    try:
        conn.execute("select 1")
    except psycopg.Error:
        return False
    return True


def pids(out: str) -> set[int]:
    """The sessions in a JSON report."""
    return {load["pid"] for load in json.loads(out)["reap"]["sessions"]}


def test_a_server_of_the_config(postgres: Postgres, tmp_path: Path) -> None:
    """By its name; without --yes nothing is changed."""
    (tmp_path / "poolcheck.toml").write_text('[server.orders]\ndsn_env = "ORDERS_URL"\n')
    with scene(postgres) as stage:
        (leak,) = stage.open(name="worker", run="begin")
        time.sleep(0.3)
        ran = poolcheck(
            "reap", "orders", "--older-than", "200ms", "--format", "json",
            cwd=tmp_path, env={"ORDERS_URL": postgres.url("app")},
        )  # fmt: skip
        assert ran.code == 1, ran.err
        assert leak.info.backend_pid in pids(ran.out)
        assert alive(leak)


class TestEveryMajor:
    """12 to 18."""

    def test_dry_run_changes_nothing(self, each_postgres: Postgres) -> None:
        """Listed with the exact statement; nobody is ended; exit code 1 because something is left."""
        with scene(each_postgres) as stage:
            (leak,) = stage.open(name="worker", run="begin")
            (fine,) = stage.open(name="web", run="select 1")
            time.sleep(0.3)
            ran = poolcheck("reap", each_postgres.url("app"), "--older-than", "200ms")
            assert ran.code == 1
            assert "dry run" in ran.out
            assert f"a.pid OPERATOR(pg_catalog.=) {leak.info.backend_pid}" in ran.out
            assert "57P01" in ran.out
            assert "worker would see" in ran.out
            assert alive(leak)
            assert alive(fine)

    def test_yes_ends_the_leak_and_only_it(self, each_postgres: Postgres) -> None:
        """The app's own role may end its own sessions, without any grant."""
        with scene(each_postgres) as stage:
            leaks = stage.open(2, name="worker", run="begin")
            (young,) = stage.open(name="web", run="select 1")
            (others,) = stage.open(user="plain", name="other", run="begin")
            time.sleep(0.3)
            ran = poolcheck(
                "reap", each_postgres.url("app"), "--older-than", "200ms", "--yes", "--format", "json"
            )
            assert pids(ran.out) == {leak.info.backend_pid for leak in leaks}
            assert all(load["ended"] for load in json.loads(ran.out)["reap"]["sessions"])
            assert ran.code == 0
            eventually(lambda: not any(alive(leak) for leak in leaks), "their end")
            assert alive(young)
            assert alive(others)

    def test_never_superusers_replication_or_itself(self, each_postgres: Postgres) -> None:
        """Also when a superuser reaps everything that is idle."""
        with scene(each_postgres) as stage:
            (boss,) = stage.open(user="postgres", name="dba", run="begin")
            (app,) = stage.open(name="worker", run="begin")
            walsender = psycopg.connect(each_postgres.url("postgres") + "?replication=true", autocommit=True)
            time.sleep(0.3)
            ran = poolcheck(
                "reap", each_postgres.url("postgres"), "--older-than", "0", "--yes", "--format", "json",
                "--state", "idle", "--state", "idle-in-transaction",
            )  # fmt: skip
            assert pids(ran.out) == {app.info.backend_pid}
            assert alive(boss)
            assert walsender.execute(b"IDENTIFY_SYSTEM").fetchone()
            walsender.close()
            assert json.loads(ran.out)["reap"]["spared"] == {"a superuser's session": 1}

    def test_used_meanwhile_is_left_alone(self, each_postgres: Postgres) -> None:
        """Between the look and the statement the session worked: pid and start fit, the state's time does not."""
        with scene(each_postgres) as stage:
            (conn,) = stage.open(name="worker", run="begin")
            link = wire.connect(
                {
                    "host": each_postgres.host,
                    "port": str(each_postgres.port),
                    "user": "postgres",
                    "dbname": "postgres",
                }
            )
            snapshot, _ = sight.look(link)
            (seen,) = snapshot.clients
            conn.execute("select 1")
            outcome = terminate(link, seen, each_postgres.major)
            assert not outcome.ended
            assert "left alone" in outcome.why
            assert alive(conn)
            (fresh,) = sight.look(link)[0].clients
            assert terminate(link, fresh, each_postgres.major).ended
            link.close()

    def test_without_the_right(self, each_postgres: Postgres) -> None:
        """pg_monitor sees, and may not end: said, and exit code 1."""
        with scene(each_postgres) as stage:
            (leak,) = stage.open(name="worker", run="begin")
            time.sleep(0.3)
            ran = poolcheck("reap", each_postgres.url("monitor"), "--older-than", "200ms", "--yes")
            assert ran.code == 1
            assert "pg_signal_backend" in ran.out
            assert alive(leak)


class TestChoice:
    """Which sessions."""

    def test_idle_ones_are_spared_unless_named(self, postgres: Postgres) -> None:
        """A warm pool is idle too."""
        with scene(postgres) as stage:
            stage.open(3, name="web", run="select 1")
            time.sleep(0.3)
            assert poolcheck("reap", postgres.url("app"), "--older-than", "0").code == 0
            ran = poolcheck(
                "reap", postgres.url("app"), "--older-than", "0", "--state", "idle", "--format", "json"
            )
            assert len(pids(ran.out)) == 3

    def test_app_pid_and_max(self, postgres: Postgres) -> None:
        """--app, --pid and --max; what is beyond --max is said, and left."""
        with scene(postgres) as stage:
            stage.open(3, name="worker", run="begin")
            (other,) = stage.open(name="cron", run="begin")
            time.sleep(0.2)
            url, old = postgres.url("app"), ("--older-than", "100ms", "--format", "json")
            assert pids(poolcheck("reap", url, *old, "--app", "cron").out) == {other.info.backend_pid}
            pid = str(other.info.backend_pid)
            assert pids(poolcheck("reap", url, *old, "--pid", pid).out) == {other.info.backend_pid}
            ran = poolcheck("reap", url, *old, "--max", "2", "--yes")
            assert len(pids(ran.out)) == 2
            assert json.loads(ran.out)["reap"]["left"] == 2
            assert ran.code == 1

    def test_age(self, postgres: Postgres) -> None:
        """Younger ones are left out."""
        with scene(postgres) as stage:
            stage.open(1, name="worker", run="begin")
            assert poolcheck("reap", postgres.url("app")).code == 0
            assert poolcheck("reap", postgres.url("app"), "--older-than", "1h").code == 0

    def test_other_databases(self, postgres: Postgres) -> None:
        """A session of another database is somebody else's."""
        postgres.execute("create database elsewhere")
        try:
            with scene(postgres) as stage:
                stage.open(name="worker", run="begin", database="elsewhere")
                time.sleep(0.2)
                ran = poolcheck("reap", postgres.url("app"), "--older-than", "100ms", "--format", "json")
                assert pids(ran.out) == set()
                assert list(json.loads(ran.out)["reap"]["spared"]) == ["another database than postgres"]
        finally:
            postgres.execute("drop database elsewhere")

    def test_hidden_sessions_are_no_all_clear(self, postgres: Postgres) -> None:
        """A role that sees nothing says so."""
        with scene(postgres) as stage:
            stage.open(2, name="worker", run="begin")
            ran = poolcheck("reap", postgres.url("plain"), "--older-than", "0")
            assert "2 sessions are hidden" in ran.out


def test_through_a_pooler_is_refused(postgres: Postgres) -> None:
    """The sessions there are the pooler's: exit code 2, and nothing is ended."""
    need_bouncer()
    with scene(postgres), Bouncer(postgres) as bouncer, bouncer.connect("app") as client:
        client.execute("begin")
        ran = poolcheck("reap", bouncer.url("app"), "--older-than", "0", "--yes")
        assert ran.code == 2
        assert "pooler" in ran.err
        assert alive(client)


def test_full_server(postgres15: Postgres) -> None:
    """Refused: the same diagnosis as `live` gives."""
    with scene(postgres15) as stage:
        stage.fill("app")
        ran = poolcheck("reap", postgres15.url("app"), "--yes")
        assert ran.code == 1
        assert "pg_terminate_backend" in ran.out


def test_full_server_through_the_reserve(postgres15: Postgres) -> None:
    """--admin looks with a role that is let in, ends what leaks, and says how many slots are taken behind it."""
    with scene(postgres15) as stage:
        (leak,) = stage.open(name="worker", run="begin")
        stage.fill("app")
        time.sleep(0.3)
        ran = poolcheck(
            "reap", postgres15.url("app"), "--admin", postgres15.url("postgres"), "--older-than", "200ms", "--yes",
            "--format", "json",
        )  # fmt: skip
        assert pids(ran.out) == {leak.info.backend_pid}, ran.err
        after = json.loads(ran.out)["reap"]["after"]
        eventually(lambda: not alive(leak), "its end")
        assert after["used"] < after["usable"]
        with postgres15.connect("app") as another:
            assert alive(another)


@pytest.mark.parametrize("option", ["--most", "--max"])
def test_at_most_so_many(postgres: Postgres, option: str) -> None:
    """The old spelling goes on working."""
    with scene(postgres) as stage:
        leaks = stage.open(3, name="worker", run="begin")
        time.sleep(0.3)
        ran = poolcheck("reap", postgres.url("app"), "--older-than", "200ms", option, "2", "--format", "json")
        assert len(pids(ran.out)) == 2, ran.err
        assert json.loads(ran.out)["reap"]["left"] == len(leaks)


def test_what_ends_sessions_wants_its_target_in_words(postgres: Postgres, tmp_path: Path) -> None:
    """Neither the environment nor an env file that lies here is taken."""
    (tmp_path / ".env").write_text(f"DATABASE_URL={postgres.url('app')}\n")
    ran = poolcheck("reap", "--yes", cwd=tmp_path, env={"DATABASE_URL": postgres.url("app")})
    assert ran.code == 2
    assert 'poolcheck reap "$DATABASE_URL"' in ran.err


def test_a_session_that_was_not_seen_cannot_be_named(postgres: Postgres) -> None:
    """No statement is made for a hidden session, or with text that is no time."""
    with scene(postgres) as stage:
        stage.open(name="worker", run="begin")
        link = wire.connect(
            {"host": postgres.host, "port": str(postgres.port), "user": "plain", "dbname": "postgres"}
        )
        (hidden,) = sight.look(link)[0].clients
        link.close()
    with pytest.raises(ValueError, match="cannot be named"):
        statement(hidden, 18)
