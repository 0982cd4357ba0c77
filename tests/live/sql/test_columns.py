"""Each query's columns against the server's own word, asked for in another way: one that is swapped tells a lie."""

import os
import socket
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from poolcheck.live import sql
from tests.conftest import need_extension
from tests.live.scenes import Scene, eventually, scene
from tests.servers import Postgres

pytestmark = pytest.mark.postgres

Conn = psycopg.Connection[dict[str, Any]]


@pytest.fixture
def stage(each_postgres: Postgres) -> Iterator[Scene]:
    """An empty server of each major, with the roles."""
    with scene(each_postgres) as made:
        yield made


@pytest.fixture
def asking(stage: Scene) -> Iterator[Conn]:
    """A superuser in a transaction that nothing remains of."""
    with psycopg.connect(stage.server.url("postgres"), row_factory=dict_row) as conn:
        yield conn
        conn.rollback()


def one(conn: Conn, query: str) -> dict[str, Any]:
    """The only row."""
    row = conn.execute(query.encode()).fetchone()
    assert row is not None
    return row


def shown(conn: Conn, setting: str) -> str:
    return str(next(iter(one(conn, f"SHOW {setting}").values())))


def run(conn: Conn, name: str) -> dict[str, Any]:
    """The row of one of the queries."""
    return one(conn, sql.load(name, conn.info.server_version // 10000))


def limits(conn: Conn) -> None:
    """Limits of a role and of the database, no two numbers alike."""
    conn.execute("ALTER ROLE app CONNECTION LIMIT 71")
    conn.execute("ALTER DATABASE postgres CONNECTION LIMIT 72")


def test_facts(asking: Conn) -> None:
    """Every setting under its name, limits, ports, roles and what is left set."""
    major = asking.info.server_version // 10000
    limits(asking)
    for setting, value in {
        "rds.rds_reserved_connections": "2", "rds.rds_superuser_reserved_connections": "1", "work_mem": "5MB",
        "statement_timeout": "63s", "search_path": "pg_temp", "idle_in_transaction_session_timeout": "61s",
    }.items():  # fmt: skip
        asking.execute(f"SET {setting} = '{value}'".encode())
    if major >= 14:
        asking.execute("SET idle_session_timeout = '62s'")
    asking.execute("SET default_transaction_read_only = on")
    own = run(asking, "facts")
    asking.execute("SET ROLE app")
    row = run(asking, "facts")

    for name in (
        "server_version_num", "max_connections", "superuser_reserved_connections", "max_wal_senders",
        "synchronous_standby_names", "tcp_keepalives_idle", "idle_in_transaction_session_timeout",
    ):  # fmt: skip
        assert row[name] == shown(asking, name), name
    assert row["reserved_connections"] == (shown(asking, "reserved_connections") if major >= 16 else "0")
    assert row["idle_session_timeout"] == ("62s" if major >= 14 else "")
    assert (row["rds_reserved"], row["rds_superuser_reserved"]) == ("2", "1")
    assert row["version"].startswith("PostgreSQL ")
    assert (row["database"], row["user"], row["session_user"]) == ("postgres", "app", "postgres")
    assert (row["role_limit"], row["database_limit"]) == (71, 72)
    assert (row["in_recovery"], row["sees_all"], own["ssl"]) == (False, False, False)
    assert row["backend_pid"] == asking.info.backend_pid
    assert row["read_only_source"] == "session"
    left = set(row["left_behind"].split("\x1f"))
    assert {"role=app", "work_mem=5120", "default_transaction_read_only=on"} <= left
    assert not {each.split("=")[0] for each in left} & {
        "search_path",
        "statement_timeout",
        "application_name",
    }
    assert row["search_path_reset"] == '"$user", public'
    assert row["statement_timeout_reset"] == "0"
    with socket.socket(fileno=os.dup(asking.fileno())) as end:
        assert (row["client_port"], row["server_port"]) == (end.getsockname()[1], end.getpeername()[1])
    taken, began = (datetime.fromisoformat(own[name]) for name in ("taken", "backend_start"))
    assert abs(taken.timestamp() - float(own["epoch"])) < 1
    assert abs(taken.timestamp() - began.timestamp() - float(own["backend_age"])) < 1


@pytest.mark.parametrize(("role", "sees"), [("postgres", True), ("monitor", True), ("app", False)])
def test_who_sees_all(asking: Conn, role: str, sees: bool) -> None:
    """A superuser and a member of pg_read_all_stats do."""
    asking.execute(f"SET ROLE {role}".encode())
    row = run(asking, "facts")

    assert row["sees_all"] is sees
    assert row["read_only_source"] is None
    if role == "postgres":
        assert row["left_behind"] == ""


def test_load(stage: Scene, asking: Conn) -> None:
    """The limits, the counters as the server keeps them, and who could put something else in the extension's place."""
    major = asking.info.server_version // 10000
    times = "session_time, active_time, idle_in_transaction_time" if major >= 14 else "1.0, 2.0, 3.0"
    counters = f"SELECT xact_commit + xact_rollback AS done, stats_reset, {times} FROM pg_stat_database"
    counters += " WHERE datname = 'postgres'"
    (app,) = stage.open(run="begin")
    app.execute("select pg_sleep(0.02)")
    app.close()
    eventually(
        lambda: len({float(each) for each in stage.server.execute(counters)[0][-3:]} - {0.0}) == 3,
        "three times",
    )
    limits(asking)
    asking.execute("SET ROLE app")
    row, kept = run(asking, "load"), one(asking, counters)

    assert row["version"].startswith("PostgreSQL ")
    assert row["max_connections"] == shown(asking, "max_connections")
    reserved = int(shown(asking, "superuser_reserved_connections"))
    assert row["reserved"] == reserved + (int(shown(asking, "reserved_connections")) if major >= 16 else 0)
    assert (row["role_limit"], row["database_limit"], row["database"]) == (71, 72, "postgres")
    assert (row["statements_schema"], row["statements_hands"]) == (None, None)
    assert (row["transactions"], row["since"]) == (kept["done"], kept["stats_reset"])
    assert (row["session_ms"], row["active_ms"], row["idle_in_transaction_ms"]) == (
        (kept["session_time"], kept["active_time"], kept["idle_in_transaction_time"])
        if major >= 14
        else (None, None, None)
    )
    asking.execute("SET ROLE postgres")
    assert run(asking, "load")["role_limit"] is None  # a superuser has no limit


HANDS = {
    "ALTER SCHEMA odd OWNER TO app": "app",
    "ALTER VIEW odd.pg_stat_statements OWNER TO plain": "plain",
    "ALTER FUNCTION odd.pg_stat_statements(boolean) OWNER TO monitor": "monitor",
    "SELECT 1": None,
}


def test_whose_hands_the_extension_is_in(stage: Scene, asking: Conn) -> None:
    """The owners of its schema, its view and its function count, superusers do not; nothing else of theirs does."""
    need_extension(stage.server.major, "pg_stat_statements")
    asking.execute("CREATE SCHEMA odd CREATE VIEW other AS SELECT 1")
    asking.execute("CREATE SCHEMA strange AUTHORIZATION plain CREATE VIEW pg_stat_statements AS SELECT 1")
    asking.execute("CREATE EXTENSION pg_stat_statements SCHEMA odd")
    asking.execute("ALTER VIEW odd.other OWNER TO plain")
    for change, hands in HANDS.items():
        asking.execute("SAVEPOINT before")
        asking.execute(change.encode())
        row = run(asking, "load")
        asking.execute("ROLLBACK TO before")

        assert (row["statements_schema"], row["statements_hands"]) == ("odd", hands)


def test_sessions(stage: Scene, asking: Conn) -> None:
    """A session's words and ages, each from its own moment; the three ages are three numbers."""
    (app,) = stage.open(name="web", run="begin")
    app.execute("select 'first'")
    asking.execute("SET TimeZone = 'UTC'")
    pid = app.info.backend_pid
    kept = one(
        asking,
        f"SELECT *, statement_timestamp() AS now FROM pg_catalog.pg_stat_activity WHERE pid = {pid}",
    )
    major = asking.info.server_version // 10000
    rows = asking.execute(sql.load("sessions", major).encode()).fetchall()
    (row,) = [each for each in rows if each["pid"] == pid]

    assert (row["database"], row["user"], row["application_name"]) == ("postgres", "app", "web")
    assert row["client"] == str(kept["client_addr"])
    assert row["backend_type"] == "client backend"
    for name in ("client_port", "state", "wait_event_type", "wait_event", "query"):
        assert row[name] == kept[name], name
    assert (row["state"], row["wait_event_type"], row["wait_event"]) == (
        "idle in transaction", "Client", "ClientRead",
    )  # fmt: skip
    assert (row["superuser"], row["walsender"], row["leader_pid"]) == (False, False, None)
    for name in ("backend_start", "state_change"):
        assert datetime.fromisoformat(row[name]) == kept[name], name
    ages = [float(row[name]) for name in ("xact_age", "state_age", "used_for")]
    assert len(set(ages)) == 3
    apart = (kept["state_change"] - kept["xact_start"]).total_seconds()
    assert ages[0] - ages[1] == pytest.approx(apart, abs=1e-5)
    assert ages[2] == pytest.approx((kept["query_start"] - kept["backend_start"]).total_seconds(), abs=1e-5)
    assert 0 <= ages[0] - (kept["now"] - kept["xact_start"]).total_seconds() < 60
    assert [each["superuser"] for each in rows if each["pid"] == asking.info.backend_pid] == [True]


def test_only_the_session_that_was_judged_ends(stage: Scene) -> None:
    """One word that is another's, and it lives on; superusers and sessions of other databases always do."""
    server = stage.server
    text = sql.load("terminate", server.major)

    def end(
        conn: psycopg.Connection[Any], *, database: str = "postgres", **other: str
    ) -> list[tuple[Any, ...]]:
        (found,) = server.execute(
            "SELECT pid::text, backend_start::text, state_change::text, state FROM pg_stat_activity"
            f" WHERE pid = {conn.info.backend_pid}"
        )
        words = dict(zip(("pid", "backend_start", "state_change", "state"), found, strict=True))
        return server.execute(text.format(**{**words, **other}), database=database)

    (idle,) = stage.open()
    (admin,) = stage.open(user="postgres")
    (other,) = stage.open(run="select 1")
    eventually(
        lambda: all(server.execute(f"SELECT state = 'idle' FROM pg_stat_activity WHERE pid = {each.info.backend_pid}")
                    == [(True,)] for each in (idle, admin, other)), "three idle",
    )  # fmt: skip
    early = "2020-01-01 00:00:00+00"
    assert end(idle, pid=str(other.info.backend_pid)) == []  # its start is not that one's
    assert end(idle, backend_start=early) == []
    assert end(idle, state_change=early) == []
    assert end(idle, state="active") == []
    assert end(idle, database="template1") == []
    assert end(admin) == []
    assert end(idle) == [(idle.info.backend_pid, True)]
    eventually(lambda: stage.others() == 2, "the others are there")
