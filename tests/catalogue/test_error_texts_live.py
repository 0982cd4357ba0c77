"""The catalogue against the real thing: PostgreSQL of every major and PgBouncer say it, and it is recognised."""

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from locale import LC_MESSAGES, setlocale
from locale import Error as LocaleError
from typing import Any

import psycopg
import pytest

from poolcheck.explain.explain import explain, explain_text
from poolcheck.model.explanation import Explanation
from tests.conftest import need_bouncer, need_postgres
from tests.servers import MAJORS, Bouncer, Postgres, pgbouncer_version

pytestmark = pytest.mark.postgres


def said(action: Callable[[], object]) -> str:
    """What the driver says when the action fails."""
    with pytest.raises(psycopg.Error) as caught:
        action()
    return str(caught.value)


def run(url: str, statement: str) -> None:
    """Connect as psycopg does by default, with a transaction, and run one statement."""
    with contextlib.closing(psycopg.connect(url)) as conn:
        conn.execute(statement.encode())


def cause(text: str) -> Explanation:
    found = explain_text(text)

    assert found, text
    return found[0]


@contextlib.contextmanager
def taken(
    server: Postgres | Bouncer, count: int, user: str = "app", database: str = "postgres"
) -> Iterator[None]:
    """So many connections are open."""
    with contextlib.ExitStack() as stack:
        for _ in range(count):
            stack.callback(server.connect(user, database).close)
        yield


@pytest.fixture(scope="module", params=MAJORS, ids=lambda major: f"pg{major}")
def small(request: pytest.FixtureRequest) -> Iterator[Postgres]:
    """Six slots, three of them the superusers'."""
    need_postgres(request.param)
    with Postgres(
        request.param, max_connections=6, superuser_reserved_connections=3, max_wal_senders=0
    ) as server:
        server.execute(
            "CREATE ROLE app LOGIN",
            "CREATE ROLE one LOGIN CONNECTION LIMIT 1",
            "CREATE DATABASE narrow CONNECTION LIMIT 1",
            "CREATE DATABASE closed ALLOW_CONNECTIONS false",
        )
        yield server


@pytest.mark.slow
class TestPostgres:
    """Refusals and endings of every major."""

    @pytest.fixture(autouse=True)
    def _settled(self, small: Postgres) -> None:
        """A session that was closed keeps its slot for a moment: wait until the last one is gone."""
        others = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline and small.execute(others) != [(0,)]:
            time.sleep(0.02)

    def test_the_log_of_a_start_leaves_nothing_to_explain(self, small: Postgres) -> None:
        """Before anything is refused: the log of initdb, start and the superuser's work."""
        began = small.log()[:2000]

        assert "starting PostgreSQL" in began
        assert [
            item.error.id for item in explain(began).items if item.layer in ("slots", "killed", "network")
        ] == []

    def test_only_the_reserve_is_left(self, small: Postgres) -> None:
        with taken(small, 3):
            item = cause(said(lambda: small.connect("app")))

        assert item.layer == "slots"
        assert item.error.id == ("pg-reserved-for-superuser" if small.major >= 16 else "pg-reserved-up-to-15")
        assert ("dialled", f"127.0.0.1:{small.port}") in item.details or os.name == "nt"

    def test_nothing_is_left(self, small: Postgres) -> None:
        with taken(small, 3), taken(small, 3, "postgres"):
            assert cause(said(lambda: small.connect("app"))).error.id == "pg-too-many-clients"

    def test_the_roles_limit(self, small: Postgres) -> None:
        with taken(small, 1, "one"):
            item = cause(said(lambda: small.connect("one")))

        assert (item.error.id, item.layer) == ("pg-role-limit", "role-limit")
        assert ("role", "one") in item.details

    def test_the_databases_limit(self, small: Postgres) -> None:
        with taken(small, 1, database="narrow"):
            item = cause(said(lambda: small.connect("app", "narrow")))

        assert (item.error.id, item.layer) == ("pg-database-limit", "db-limit")
        assert ("database", "narrow") in item.details

    def test_a_closed_database(self, small: Postgres) -> None:
        assert cause(said(lambda: small.connect("app", "closed"))).error.id == "pg-database-closed"

    def test_no_such_database_and_no_such_role(self, small: Postgres) -> None:
        assert cause(said(lambda: small.connect("app", "nowhere"))).error.id == "pg-no-database"
        assert cause(said(lambda: small.connect("nobody"))).error.id == "pg-no-role"

    def test_terminated(self, small: Postgres) -> None:
        with contextlib.closing(small.connect("app")) as conn:
            small.execute(f"SELECT pg_terminate_backend({conn.info.backend_pid})")
            text = said(lambda: conn.execute("SELECT 1"))

        assert cause(text).error.id == "pg-terminated"

    def test_idle_in_transaction(self, small: Postgres) -> None:
        with contextlib.closing(small.connect("app")) as conn:
            conn.execute("SET idle_in_transaction_session_timeout = 30")
            conn.execute("BEGIN")
            time.sleep(0.3)
            text = said(lambda: conn.execute("SELECT 1"))

        assert cause(text).error.id == "pg-idle-in-transaction-timeout"

    def test_statement_and_lock_timeouts(self, small: Postgres) -> None:
        with contextlib.closing(small.connect("app")) as conn:
            conn.execute("SET statement_timeout = 20")
            assert cause(said(lambda: conn.execute("SELECT pg_sleep(5)"))).error.id == "pg-statement-timeout"
            conn.execute("SET statement_timeout = 0")
            conn.execute("SET lock_timeout = 20")
            with contextlib.closing(small.connect("app")) as other:
                other.execute("SELECT pg_advisory_lock(1)")
                assert (
                    cause(said(lambda: conn.execute("SELECT pg_advisory_lock(1)"))).error.id
                    == "pg-lock-timeout"
                )

    def test_sessions_that_only_newer_majors_end(self, small: Postgres) -> None:
        wanted = {
            "idle_session_timeout": (14, "pg-idle-session-timeout"),
            "transaction_timeout": (17, "pg-transaction-timeout"),
        }
        for setting, (since, error_id) in wanted.items():
            if small.major < since:
                continue
            with contextlib.closing(small.connect("app")) as conn:
                conn.execute(f"SET {setting} = 30")
                if setting == "transaction_timeout":
                    conn.execute("BEGIN")
                time.sleep(0.3)
                assert cause(said(lambda c=conn: c.execute("SELECT 1"))).error.id == error_id  # type: ignore[misc]

    def test_session_state(self, small: Postgres) -> None:
        small.execute("CREATE SEQUENCE IF NOT EXISTS numbers", "GRANT ALL ON SEQUENCE numbers TO app")
        with contextlib.closing(small.connect("app")) as conn:
            assert (
                cause(said(lambda: conn.execute("SELECT currval('numbers')"))).error.id == "pg-sequence-state"
            )
            assert cause(said(lambda: conn.execute("SELECT lastval()"))).error.id == "pg-sequence-state"
            assert cause(said(lambda: conn.execute("FETCH 1 FROM c"))).error.id == "pg-cursor-missing"
            assert cause(said(lambda: conn.execute("EXECUTE s"))).error.id == "pg-prepared-missing"
            conn.execute("PREPARE s AS SELECT 1")
            assert cause(said(lambda: conn.execute("PREPARE s AS SELECT 1"))).error.id == "pg-prepared-exists"
            notices: list[str] = []
            conn.add_notice_handler(lambda notice: notices.append(notice.message_primary or ""))
            conn.execute("SELECT pg_advisory_unlock(1)")
            assert cause(notices[0]).error.id == "pg-advisory-lock"

    def test_the_right_to_terminate(self, small: Postgres) -> None:
        (pid,) = small.execute("SELECT pg_backend_pid()")[0]
        with (
            contextlib.closing(small.connect("postgres")) as other,
            contextlib.closing(small.connect("app")) as conn,
        ):
            text = said(lambda: conn.execute("SELECT pg_terminate_backend(%s)", (other.info.backend_pid,)))

        assert pid
        assert cause(text).error.id == "pg-may-not-terminate"

    def test_a_parameter_that_nobody_knows(self, small: Postgres) -> None:
        text = said(lambda: psycopg.connect(small.url("app", options="-c nosuch=1")))
        assert cause(text).error.id == "pg-unknown-setting"
        text = said(lambda: psycopg.connect(small.url("app", pgbouncer="true")))
        assert cause(text).error.id == "libpq-unknown-option"
        assert ("parameter", "pgbouncer") in cause(text).details
        text = said(lambda: psycopg.connect(small.url("app", sslmode="verify-ful")))
        assert cause(text).error.id == "libpq-bad-value"
        text = said(lambda: psycopg.connect(small.url("app", sslmode="require")))
        assert cause(text).error.id == "libpq-no-ssl"

    def test_the_servers_own_log(self, small: Postgres) -> None:
        """The log that the refusals above have left, read as a log."""
        mark = small.mark()
        with taken(small, 3):
            for _ in range(3):
                said(lambda: small.connect("app"))

        found = explain(small.log(mark))
        assert [(item.layer, item.count) for item in found.items if item.layer == "slots"] == [("slots", 3)]

    def test_nobody_listens(self) -> None:
        text = said(lambda: psycopg.connect("postgresql://app@127.0.0.1:1/x", connect_timeout=2))

        assert cause(text).error.id == "net-refused"


def test_reserved_for_a_role() -> None:
    """PostgreSQL 16 and later: reserved_connections."""
    need_postgres(18)
    with Postgres(
        18, max_connections=6, superuser_reserved_connections=1, reserved_connections=2, max_wal_senders=0
    ) as server:
        server.execute("CREATE ROLE app LOGIN")
        with taken(server, 3):
            item = cause(said(lambda: server.connect("app")))

    assert item.error.id == "pg-reserved-for-role"
    assert ("role", "pg_use_reserved_connections") in item.details


def test_walsenders() -> None:
    """The places for replication are a limit of their own."""
    need_postgres(15)
    with Postgres(15, max_wal_senders=1) as server:
        url = server.url(replication="true")
        with contextlib.closing(psycopg.connect(url, autocommit=True)):
            item = cause(said(lambda: psycopg.connect(url)))

    assert (item.error.id, item.layer) == ("pg-walsenders", "walsender-limit")


def test_a_server_that_shuts_down() -> None:
    """57P03 while a smart shutdown waits for its last session."""
    need_postgres(18)
    with Postgres(18) as server:
        server.execute("CREATE ROLE app LOGIN")
        with contextlib.closing(server.connect("app")):
            os.kill(server.pid, signal.SIGTERM)
            time.sleep(0.3)
            item = cause(said(lambda: server.connect("app")))

    assert (item.error.id, item.layer) == ("pg-starting-or-stopping", "unavailable")


@pytest.mark.parametrize("locale", ["de_DE.UTF-8", "fr_FR.UTF-8", "es_ES.UTF-8"])
def test_a_server_that_speaks_another_language(locale: str) -> None:
    """Started without a locale, the server sends a question mark for every letter outside ASCII."""
    need_postgres(15)
    try:
        setlocale(LC_MESSAGES, locale)
    except LocaleError:
        pytest.skip(f"the locale {locale} is not on this machine")
    finally:
        setlocale(LC_MESSAGES, "C")
    settings: dict[str, Any] = {"max_connections": 6, "max_wal_senders": 0, "lc_messages": locale}
    with Postgres(15, **settings) as server:
        server.execute("CREATE ROLE app LOGIN")
        with taken(server, 3):
            text = said(lambda: server.connect("app"))

    assert "remaining" not in text
    assert cause(text).error.id == "pg-reserved-up-to-15"


@pytest.mark.bouncer
class TestPgBouncer:
    """What the pooler says on its own account, and what it passes on."""

    @pytest.fixture(scope="class")
    @classmethod
    def server(cls) -> Iterator[Postgres]:
        need_postgres(15)
        need_bouncer()
        with Postgres(15, max_connections=6, superuser_reserved_connections=3, max_wal_senders=0) as server:
            server.execute("CREATE ROLE app LOGIN")
            yield server

    def test_an_ordinary_run_leaves_nothing_to_explain(self, server: Postgres) -> None:
        """Start, work, ordinary mistakes in SQL, reload, and a client that closes: neither log shows an error."""
        mark = server.mark()
        with Bouncer(server, stats_period=1, log_stats=1, verbose=1) as pooler:
            with contextlib.closing(pooler.connect("app")) as conn:
                conn.execute("SELECT 1")
                said(lambda: conn.execute("SELECT nothing FROM nowhere"))
                said(lambda: conn.execute("SELEC 1"))
                said(lambda: conn.execute("SELECT 1/0"))
            pooler.admin("RELOAD")
            pooler.admin("SHOW POOLS")
            time.sleep(1.2)
            log = pooler.log()

        assert "stats" in log
        assert explain(log).items == ()
        assert explain(server.log(mark)).items == ()

    def test_its_client_limit(self, server: Postgres) -> None:
        with Bouncer(server, max_client_conn=2) as pooler, taken(pooler, 2):
            item = cause(said(lambda: pooler.connect("app")))

        assert (item.error.id, item.layer) == ("pgbouncer-max-client-conn", "pooler-clients")

    def test_its_queue(self, server: Postgres) -> None:
        with (
            Bouncer(server, pool_size=1, query_wait_timeout=1) as pooler,
            contextlib.closing(pooler.connect("app")) as holder,
        ):
            holder.execute("BEGIN")
            with contextlib.closing(pooler.connect("app")) as waiting:
                text = said(lambda: waiting.execute("SELECT 1"))
            log = pooler.log()

        assert (cause(text).error.id, cause(text).layer) == ("pgbouncer-query-wait-timeout", "pooler-wait")
        assert "pgbouncer-query-wait-timeout" in [item.error.id for item in explain(log).items]

    def test_the_server_is_full_behind_it(self, server: Postgres) -> None:
        with taken(server, 3), Bouncer(server, query_wait_timeout=2) as pooler:
            text = said(lambda: run(pooler.url("app"), "SELECT 1"))
            item = explain_text(text, dialled_pooler=True)[0]

        assert item.layer in ("slots", "pooler-upstream", "pooler-wait")
        if item.layer == "slots":
            assert "the server refuses the pooler" in item.notes[0]

    def test_a_database_it_does_not_know(self, server: Postgres) -> None:
        only = {"shop": f"host={server.host} port={server.port} dbname=postgres"}
        with Bouncer(server, databases=only) as pooler:
            item = cause(said(lambda: pooler.connect("app", "nowhere")))

        assert item.error.id == "pgbouncer-no-database"

    def test_startup_parameters(self, server: Postgres) -> None:
        with Bouncer(server) as pooler:
            item = cause(said(lambda: psycopg.connect(pooler.url("app", options="-c statement_timeout=5"))))

        assert (item.error.id, item.layer) == ("pgbouncer-startup-parameter", "config")

    def test_its_console(self, server: Postgres) -> None:
        with Bouncer(server) as pooler:
            begun = said(lambda: run(pooler.url("admin", "pgbouncer"), "SHOW POOLS"))
            denied = said(lambda: pooler.admin("PAUSE", "stats"))

        assert cause(begun).error.id == "pgbouncer-console"
        assert cause(denied).error.id == "pgbouncer-console"

    def test_statement_mode(self, server: Postgres) -> None:
        with Bouncer(server, "statement") as pooler, contextlib.closing(pooler.connect("app")) as conn:
            item = cause(said(lambda: conn.execute("BEGIN")))

        assert item.error.id == "pgbouncer-statement-mode"

    def test_idle_in_a_transaction(self, server: Postgres) -> None:
        with (
            Bouncer(server, idle_transaction_timeout=1) as pooler,
            contextlib.closing(pooler.connect("app")) as conn,
        ):
            conn.execute("BEGIN")
            time.sleep(2.5)
            item = cause(said(lambda: conn.execute("SELECT 1")))

        assert item.error.id == "pgbouncer-idle-transaction"

    def test_prepared_statements(self, server: Postgres) -> None:
        """Only where PgBouncer does not keep track of them."""
        off: dict[str, Any] = {"max_prepared_statements": 0} if pgbouncer_version() >= (1, 21) else {}
        with Bouncer(server, pool_size=1, **off) as pooler, contextlib.ExitStack() as stack:
            first, second = (
                stack.enter_context(psycopg.connect(pooler.url("app"), autocommit=True, prepare_threshold=0))
                for _ in range(2)
            )
            first.execute("SELECT 1")
            item = cause(said(lambda: second.execute("SELECT 1")))

        assert (item.error.id, item.layer) == ("pg-prepared-exists", "prepared")
        assert ("prepared by", "psycopg 3") in item.details
