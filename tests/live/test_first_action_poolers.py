"""The first action that `live` names before a PgBouncer, carried out on a real one: the clients that waited are served."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psycopg
import pytest

from poolcheck.model.finding import Finding
from poolcheck.model.report import Report
from tests.commands.running import poolcheck
from tests.conftest import need_bouncer
from tests.live.scenes import eventually, report, report_on, rules
from tests.servers import ROLES, Bouncer, Postgres

pytestmark = pytest.mark.postgres


@pytest.fixture(scope="module", autouse=True)
def _bouncer() -> None:
    need_bouncer()


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    """A server of a module's own, with the roles."""
    with Postgres(15, max_connections=40) as made:
        made.execute(*ROLES, "create role batch login", "grant all on t to batch")
        yield made


class Clients:
    """Clients of a pooler, each in a thread of its own; `served` counts those that got an answer."""

    def __init__(self, bouncer: Bouncer) -> None:
        self.bouncer = bouncer
        self.served = 0
        self.threads: list[threading.Thread] = []

    def ask(self, count: int, user: str = "app", statement: str = "select 1", *, stay: float = 0.0) -> None:
        """Log in, ask, and go when `stay` seconds are over."""

        def work() -> None:
            with suppress(psycopg.Error), self.bouncer.connect(user) as conn:
                conn.execute(statement.encode())
                self.served += 1
                time.sleep(stay)

        for _ in range(count):
            self.threads.append(threading.Thread(target=work, daemon=True))
            self.threads[-1].start()


@contextmanager
def pool(
    server: Postgres, mode: str = "transaction", **settings: object
) -> Iterator[tuple[Bouncer, Clients]]:
    """A PgBouncer and its clients."""
    users = ("postgres", "app", "monitor", "batch")
    with Bouncer(server, mode, users=users, **settings) as made:  # type: ignore[arg-type]  # a mode, and settings
        clients = Clients(made)
        try:
            yield made, clients
        finally:
            with suppress(psycopg.Error):
                server.execute(
                    "select pg_terminate_backend(pid) from pg_stat_activity where usename in ('app', 'batch')"
                )
    for thread in clients.threads:
        thread.join(10)


def console(bouncer: Bouncer) -> str:
    """The URL of its console."""
    return bouncer.url("stats", "pgbouncer")


def waiting(bouncer: Bouncer, count: int) -> None:
    """Until so many clients wait."""
    eventually(
        lambda: sum(int(row["cl_waiting"]) for row in bouncer.admin("SHOW POOLS")) == count,
        f"{count} waiting",
    )


def found(said: Report, rule: str) -> Finding:
    """The one finding of a rule."""
    (finding,) = [each for each in said.findings if each.rule.id == rule]
    return finding


def carry_out(bouncer: Bouncer, said: Report, rule: str) -> None:
    """Run the lines of the advice on the console, as they are printed."""
    fix = found(said, rule).fix
    assert fix is not None
    assert fix.lines
    for line in fix.lines:
        bouncer.admin(line.rstrip(";"))


@pytest.mark.parametrize("limit", ["max_db_connections", "max_user_connections"])
def test_a_limit_across_pools_is_used_up(server: Postgres, limit: str) -> None:
    """Its own pool has no connection, the server has slots free: the limit is named, with who has taken it."""
    holder = "batch" if limit == "max_db_connections" else "app"
    server.execute("create database other owner app")
    try:
        settings: dict[str, Any] = {limit: 3}
        with pool(server, pool_size=3, **settings) as (bouncer, clients):
            clients.ask(3, holder, "select pg_sleep(60)")
            eventually(lambda: len(bouncer.admin("SHOW SERVERS")) == 3, "three server connections")
            late = Clients(bouncer)
            for _ in range(4):
                database = "postgres" if holder == "batch" else "other"
                late.threads.append(threading.Thread(target=ask_in, args=(late, database), daemon=True))
                late.threads[-1].start()
            waiting(bouncer, 4)
            time.sleep(2.1)
            said = report(server, bouncer=console(bouncer))
            finding = found(said, "PC806")
            assert f"{limit} = 3 is used up: {'batch' if holder == 'batch' else 'postgres'} 3" in finding.why
            assert "down" not in finding.why
            assert late.served == 0
            carry_out(bouncer, said, "PC806")
            eventually(lambda: late.served == 4, "all four served")
    finally:
        eventually(
            lambda: not server.execute("select 1 from pg_stat_activity where datname = 'other'"),
            "nobody there",
        )
        server.execute("drop database other")


def ask_in(clients: Clients, database: str) -> None:
    """One statement in that database."""
    with suppress(psycopg.Error), clients.bouncer.connect("app", database) as conn:
        conn.execute("select 1")
        clients.served += 1


def test_clients_at_their_login_before_a_server_that_is_down() -> None:
    """SHOW POOLS says maxwait 0 of them; they are served when the server is back."""
    with Postgres(15) as server:
        server.execute(*ROLES)
        server.stop()
        with pool(server, pool_size=2) as (bouncer, clients):
            clients.ask(8)
            waiting(bouncer, 8)
            time.sleep(2.1)
            said = report_on(bouncer.url("app"), bouncer=console(bouncer))
            finding = found(said, "PC806")
            assert "refuses the pooler or is down" in finding.why
            assert int(finding.message.partition("the first for ")[2].split()[0]) >= 2
            server.start()
            eventually(lambda: clients.served == 8, "all eight served", 20)


def test_a_login_that_takes_long(server: Postgres) -> None:
    """The server answers poolcheck, so it is not down: what takes long is the pooler's login."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        where = {"*": f"host=127.0.0.1 port={silent.getsockname()[1]}"}
        with pool(server, databases=where) as (bouncer, clients):
            clients.ask(3)
            waiting(bouncer, 3)
            time.sleep(2.1)
            said = report(server, bouncer=console(bouncer))
            assert "A login to the server has been going on for" in found(said, "PC806").why
            assert "down" not in found(said, "PC806").why


def test_auth_user_cannot_log_in() -> None:
    """Its password was changed on the server: the cause is auth_query, and with the new one clients are let in."""
    hba = (
        "local all all trust\nhost all postgres 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n"
    )
    with Postgres(15, hba=hba) as server:
        server.execute(
            *ROLES, "create role lookup login superuser password 'new'", "alter role app password 'apppw'"
        )
        users = server.home / "lookup.txt"
        users.write_text('"admin" "adminpw"\n"stats" "statspw"\n"lookup" "old"\n')
        settings = {
            "auth_type": "scram-sha-256", "auth_user": "lookup", "auth_file": users,
            "auth_query": "select rolname, rolpassword from pg_authid where rolname = $1",
        }  # fmt: skip
        with Bouncer(server, **settings) as bouncer:  # type: ignore[arg-type]  # settings
            url = bouncer.url("app", password="apppw")
            stats = bouncer.url("stats", "pgbouncer", password="statspw")
            said = report_on(url, bouncer=stats)
            finding = found(said, "PC806")
            assert "cannot log in as auth_user lookup" in finding.why
            (refusal,) = [each for each in said.findings if each.rule.id == "PC709"]
            assert "file descriptors" not in refusal.why
            assert "has no connection to the server" in refusal.message
            users.write_text(users.read_text().replace('"old"', '"new"'))
            fix = finding.fix
            assert fix is not None
            assert fix.lines == ("RELOAD;",)
            with psycopg.connect(
                bouncer.url("admin", "pgbouncer", password="adminpw"), autocommit=True
            ) as admin:
                admin.execute("RELOAD", prepare=False)

            def let_in() -> bool:
                with suppress(psycopg.Error), psycopg.connect(url, connect_timeout=3) as conn:
                    return conn.execute("select 1").fetchone() == (1,)
                return False

            eventually(let_in, "a login", 30)


def test_session_mode_with_statements_at_work(server: Postgres) -> None:
    """Transaction mode would change nothing: the statements are named; cancelled, the next clients are served."""
    with pool(server, "session", pool_size=3) as (bouncer, clients):
        clients.ask(3, statement="select pg_sleep(300)")
        eventually(lambda: len(bouncer.admin("SHOW SERVERS")) == 3, "three server connections")
        late = Clients(bouncer)
        late.ask(4)
        waiting(bouncer, 4)
        time.sleep(2.1)
        said = report(server, bouncer=console(bouncer))
        finding = found(said, "PC801")
        assert "run statements" in finding.why
        assert "Transaction mode would not help" in finding.why
        server.execute(
            "select pg_cancel_backend(pid) from pg_stat_activity where usename = 'app' and state = 'active'"
        )
        eventually(lambda: late.served == 4, "all four served")


def test_one_of_several_processes(server: Postgres) -> None:
    """With so_reuseport the console answers for one process: its sums are not all there is."""
    with pool(server, so_reuseport=1) as (bouncer, _):
        ran = poolcheck("live", server.url("monitor"), "--bouncer", console(bouncer))
        assert "so_reuseport is set: this is one of several processes" in " ".join(ran.out.split())
    with pool(server) as (bouncer, _):
        ran = poolcheck("live", server.url("monitor"), "--bouncer", console(bouncer))
        assert "one of several" not in ran.out


def test_the_console_alone(server: Postgres) -> None:
    """`live --bouncer URL` needs no string of a server, as it is printed; and no console is no all-clear."""
    with pool(server, max_client_conn=3) as (bouncer, clients):
        clients.ask(3, stay=5.0)
        eventually(lambda: clients.served == 3, "three clients")
        refused = poolcheck("live", bouncer.url("app"))
        assert "poolcheck live --bouncer" in refused.out
        ran = poolcheck("live", "--bouncer", console(bouncer))
        assert ran.code == 1
        assert "3 of 3 clients that the pooler admits" in " ".join(ran.out.split())
        assert "PC802" in rules(report_on(bouncer.url("monitor"), bouncer=console(bouncer)))
        nobody = poolcheck("live", "--bouncer", "postgresql://stats@127.0.0.1:1/pgbouncer")
        assert nobody.code == 2
    ran = poolcheck("live", "--admin", server.url("monitor"))
    assert ran.code == 0
    assert "of 37 usable" in ran.out


@pytest.mark.parametrize("through", ["pooler", "direct"])
def test_an_advisory_lock_that_stays_on_a_pooled_session(server: Postgres, through: str) -> None:
    """The unlock would land elsewhere; a look through the pooler lands on the holder itself, and must not cancel itself."""
    with pool(server, pool_size=1) as (bouncer, clients), bouncer.connect("app") as client:
        client.execute("select pg_advisory_lock(4711)")
        waiter = server.connect("app", application_name="pod")
        thread = threading.Thread(target=waits, args=(waiter, clients), daemon=True)
        thread.start()
        waiting_for_lock = "select 1 from pg_locks where locktype = 'advisory' and not granted"
        eventually(lambda: bool(server.execute(waiting_for_lock)), "the pod")
        time.sleep(5.2)
        said = report_on((bouncer if through == "pooler" else server).url("app"))
        finding = found(said, "PC703")
        assert "advisory lock" in finding.why
        assert ("this look sat" in finding.why) is (through == "pooler")
        fix = finding.fix
        assert fix is not None
        for line in fix.lines:
            server.execute(line)
        eventually(lambda: clients.served == 1, "the pod has the lock")
        thread.join(10)
        waiter.close()


def waits(conn: psycopg.Connection[Any], clients: Clients) -> None:
    """Wait for the lock, and count."""
    conn.execute("select pg_advisory_lock(4711)")
    clients.served += 1


def test_set_role_stays_on_a_pooled_session(server: Postgres) -> None:
    """Whoever comes next runs as another role: named, and gone after the RECONNECT that is advised."""
    server.execute("create role tenant_a", "grant tenant_a to app")
    try:
        with pool(server, pool_size=1) as (bouncer, _):
            with bouncer.connect("app") as client:
                client.execute("set role tenant_a")
                said = report_on(bouncer.url("app"))
                assert "role = tenant_a" in found(said, "PC804").message
                assert not [each for each in said.skipped if 'TO "tenant_a"' in each.hint]
                carry_out(bouncer, said, "PC804")
            assert "PC804" not in rules(report_on(bouncer.url("app")))
            server.execute("alter role app set role = tenant_a")
            bouncer.admin("RECONNECT")
            time.sleep(0.5)
            assert "PC804" not in rules(report_on(bouncer.url("app"))), "set for the role, on purpose"
    finally:
        server.execute("alter role app reset role", "revoke tenant_a from app")
        eventually(
            lambda: not server.execute("select 1 from pg_stat_activity where usename = 'app'"), "nobody there"
        )
        server.execute("drop role tenant_a")


def test_the_whole_queue_down_to_the_root_of_the_lock(server: Postgres) -> None:
    """Clients wait for the pool, the pool's sessions wait for a row, and the row is held by somebody past the pooler."""
    with (
        pool(server, pool_size=2) as (bouncer, clients),
        server.connect("app", application_name="worker") as root,
    ):
        root.execute("begin")
        root.execute("update t set n = 1 where id = 1")

        def ask(name: str) -> None:
            with suppress(psycopg.Error), bouncer.connect("app", application_name=name) as conn:
                conn.execute("update t set n = n + 1 where id = 1")
                clients.served += 1

        for name in ("orders", "orders", *["api"] * 5):
            clients.threads.append(threading.Thread(target=ask, args=(name,), daemon=True))
            clients.threads[-1].start()
            if name == "orders":
                time.sleep(0.3)
        waiting(bouncer, 5)
        time.sleep(2.1)
        said = report(server, bouncer=console(bouncer))
        finding = found(said, "PC801")
        assert finding.why.startswith("api 5 wait; orders 2 hold. ")
        assert f"whose root is pid {root.info.backend_pid} (worker)" in finding.why
        fix = found(said, "PC703").fix
        assert fix is not None
        for line in fix.lines:
            server.execute(line)
        eventually(lambda: clients.served == 7, "all seven served")
        root.close()
