"""The fixtures themselves: what other tests lean on must stand."""

import os

import pytest

from tests.servers import Bouncer, PoolMode, Postgres

pytestmark = pytest.mark.postgres


def test_every_major_answers(each_postgres: Postgres) -> None:
    """The server that runs is the one that was asked for."""
    with each_postgres.connect() as conn:
        assert conn.info.server_version // 10000 == each_postgres.major
        assert (conn.execute("show server_version").fetchone() or ("",))[0].split()[
            0
        ] == each_postgres.version


def test_log_tells_connections_and_statements(postgres: Postgres) -> None:
    """Tests count what a command did by reading the log."""
    mark = postgres.mark()
    with postgres.connect() as conn:
        conn.execute("select 4711")
    log = postgres.log(mark)
    assert log.count("connection received") == 1
    assert log.count("statement: select 4711") == 1


def test_reserved_slots_and_restart() -> None:
    """Settings arrive, and a restart keeps port and data."""
    with Postgres(15, max_connections=12) as server:
        server.execute("create role app login")
        server.restart(max_connections=14)
        assert server.execute("show max_connections") == [("14",)]
        with server.connect("app") as conn:
            assert conn.execute("select current_user").fetchone() == ("app",)
        home = server.home
    assert not home.exists()


@pytest.mark.bouncer
@pytest.mark.parametrize("mode", ["session", "transaction", "statement"])
def test_bouncer_in_each_mode(postgres: Postgres, mode: PoolMode) -> None:
    """The console answers, and clients reach PostgreSQL through it."""
    with Bouncer(postgres, mode) as bouncer, bouncer.connect() as client:
        assert client.execute("select 1").fetchone() == (1,)
        pools = bouncer.admin("SHOW POOLS")
        assert [row["pool_mode"] for row in pools if row["database"] == "postgres"] == [mode]
        assert bouncer.admin("SHOW VERSION", user="stats")


def test_environment_is_scrubbed() -> None:
    """A developer's own settings cannot change a verdict."""
    assert not [name for name in os.environ if name.startswith(("PG", "DATABASE_URL", "GITHUB_"))]
