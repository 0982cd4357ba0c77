"""One look at every major: the true numbers, for every role, in one connection and one message."""

import re

import pytest

from poolcheck.config.settings import Config, Thresholds
from poolcheck.model.report import Report
from tests.live.scenes import eventually, look, report, rules, scene
from tests.servers import Postgres

pytestmark = pytest.mark.postgres


def statements(log: str) -> list[str]:
    """What the server was asked, message by message."""
    return re.findall(r"(?:statement|execute [^:]*): (.*)", log)


class TestEveryMajor:
    """12 to 18."""

    def test_numbers_states_and_limits(self, each_postgres: Postgres) -> None:
        """Superuser: everything, and exact."""
        with scene(each_postgres) as stage:
            stage.open(5, name="web", run="select 1")
            stage.open(2, name="worker", run="begin")
            (busy,) = stage.open(name="jobs")
            stage.busy(busy, "select pg_sleep(20)")
            eventually(
                lambda: (
                    each_postgres.execute("select count(*) from pg_stat_activity where state = 'active'")[0][
                        0
                    ]
                    == 2
                ),
                "a busy session",
            )
            seen = look(report(each_postgres, "postgres")).snapshot
        assert seen.server.version == each_postgres.version
        assert seen.server.major == each_postgres.major
        assert seen.server.usable == 37
        assert seen.used == 8
        assert seen.free == 29
        assert seen.by_state() == {"idle": 5, "idle in transaction": 2, "active": 1}
        assert seen.hidden == 0
        assert seen.route.kind == "direct"
        assert {client.application_name for client in seen.clients} == {"web", "worker", "jobs"}

    @pytest.mark.parametrize(("role", "sees"), [("plain", False), ("monitor", True), ("postgres", True)])
    def test_true_total_for_every_role(self, each_postgres: Postgres, role: str, sees: bool) -> None:
        """A monitoring login without grants must not see one session where there are twelve."""
        with scene(each_postgres) as stage:
            stage.open(10, name="web")
            stage.open(2, name="worker", run="begin")
            said = report(each_postgres, role)
            seen = look(said)
        assert seen.snapshot.used == 12
        assert seen.snapshot.server.sees_all is sees
        assert sum(len(group.members) for group in seen.groups) == 12
        assert bool(said.skipped) is not sees
        if not sees:
            assert seen.snapshot.hidden == 12
            assert "pg_monitor" in said.skipped[0].hint

    def test_app_sees_its_own(self, each_postgres: Postgres) -> None:
        """The app's own role needs no grant for its own sessions: that is mostly what leaks."""
        with scene(each_postgres) as stage:
            stage.open(3, name="worker", run="begin")
            stage.open(2, user="plain", name="other")
            seen = look(report(each_postgres, "app")).snapshot
        assert seen.used == 5
        assert seen.hidden == 2
        assert seen.by_state() == {"idle in transaction": 3}

    def test_one_connection_one_message(self, each_postgres: Postgres) -> None:
        """Counted from the server's log: a guest asks once."""
        with scene(each_postgres):
            mark = each_postgres.mark()
            report(each_postgres, "monitor")
            eventually(lambda: "disconnection" in each_postgres.log(mark), "goodbye")
            log = each_postgres.log(mark)
        assert log.count("connection received") == 1
        asked = statements(log)
        assert len(asked) == 1
        text = log[log.index("statement:") :]
        assert text.split("LOG:")[0].count(";\n") == 3, "four statements in the message"
        assert "ERROR" not in log
        assert "poolcheck" in log
        assert "BEGIN" not in asked[0]

    def test_unprivileged_look_makes_no_error(self, each_postgres: Postgres) -> None:
        """No `permission denied` in the log of somebody else's server."""
        with scene(each_postgres):
            mark = each_postgres.mark()
            report(each_postgres, "plain")
            assert "ERROR" not in each_postgres.log(mark)

    def test_blocking_tree(self, each_postgres: Postgres) -> None:
        """The root is the session idle in its transaction; the waiters are not to blame."""
        with scene(each_postgres) as stage:
            (root,) = stage.open(name="worker", run="begin")
            root.execute("update t set n = 1 where id = 1")
            first, second = stage.open(2, name="api")
            stage.busy(first, "update t set n = 2 where id = 1")
            stage.busy(second, "update t set n = 3 where id = 1")
            eventually(
                lambda: (
                    each_postgres.execute("select count(distinct pid) from pg_locks where not granted")[0][0]
                    == 2
                ),
                "two waiting",
            )
            privileged, plain = report(each_postgres, "monitor"), report(each_postgres, "plain")
            pids = {first.info.backend_pid, second.info.backend_pid}
            for said in (privileged, plain):
                (block,) = look(said).blocks
                assert block.root == root.info.backend_pid
                assert set(block.waiters) == pids
                assert block.slots == 3
                assert block.verb == "terminate"
        assert rules(privileged)["PC703"] == "error"

    def test_role_and_database_limits(self, each_postgres: Postgres) -> None:
        """A role's own limit, seen by a superuser who is exempt from it."""
        with scene(each_postgres) as stage:
            stage.open(9)
            each_postgres.execute("alter role app connection limit 10")
            try:
                said = report(each_postgres, "monitor")
            finally:
                each_postgres.execute("alter role app connection limit -1")
        (cap,) = look(said).snapshot.caps
        assert (cap.kind, cap.name, cap.limit, cap.used) == ("role", "app", 10, 9)
        assert rules(said)["PC706"] == "error"

    def test_migrate_lock_is_named(self, each_postgres: Postgres) -> None:
        """Prisma Migrate's advisory lock, held by an idle session."""
        with scene(each_postgres) as stage:
            (holder,) = stage.open(run="select pg_advisory_lock(72707369)")
            seen = look(report(each_postgres, "monitor"))
            ((lock, backend),) = seen.migrate_locks
            assert lock.pid == holder.info.backend_pid
            assert backend is not None
            assert backend.state == "idle"


def test_replication_and_parallel_workers_hold_no_slot(postgres: Postgres) -> None:
    """A walsender and parallel workers beside five sessions: five slots, for privileged and plain roles alike."""
    with scene(postgres) as stage:
        stage.open(4)
        (busy,) = stage.open()
        receiver = postgres.run_background(
            "pg_receivewal",
            "-h",
            postgres.host,
            "-p",
            str(postgres.port),
            "-U",
            "postgres",
            "-D",
            str(postgres.home),
            "--no-loop",
        )
        try:
            postgres.execute(
                "create table if not exists big as select g, repeat('x', 200) p from generate_series(1, 300000) g",
                "alter table big set (parallel_workers = 4)",
                "grant select on big to app",
            )
            for setting in (
                "parallel_setup_cost = 0",
                "parallel_tuple_cost = 0",
                "min_parallel_table_scan_size = 0",
            ):
                busy.execute(f"set {setting}".encode())
            stage.busy(busy, "select count(*) from big where pg_sleep(0.0005) is not null")
            eventually(
                lambda: (
                    postgres.execute(
                        "select count(*) from pg_stat_activity where backend_type = 'parallel worker'"
                    )[0][0]
                    > 0
                    and postgres.execute(
                        "select count(*) from pg_stat_activity where backend_type = 'walsender'"
                    )[0][0]
                    == 1
                ),
                "workers and a walsender",
            )
            privileged = look(report(postgres, "monitor")).snapshot
            plain = look(report(postgres, "plain")).snapshot
        finally:
            receiver.terminate()
            receiver.wait(10)
    assert privileged.used == 5
    assert privileged.walsenders == 1
    assert any(backend.kind == "parallel worker" for backend in privileged.backends)
    workers = sum(backend.kind == "parallel worker" for backend in privileged.backends)
    # Without the grant parallel workers cannot be told from sessions: an upper bound, and it is called one.
    assert 5 <= plain.used <= 5 + max(workers, 4)
    assert plain.walsenders == 1


class TestThresholds:
    """Used of usable, and the absolute rest."""

    def verdict(self, said: Report) -> str | None:
        """Severity of the slots' own rule."""
        return rules(said).get("PC701")

    def test_shares(self) -> None:
        """37 usable: 70 % are 26, 85 % are 32; fewer than 5 left is critical in any case."""
        with Postgres(16, max_connections=40, reserved_connections=3) as server, scene(server) as stage:
            assert look(report(server, "monitor")).snapshot.server.usable == 34
            stage.open(23)
            assert self.verdict(report(server, "monitor")) is None
            stage.open(1)
            assert self.verdict(report(server, "monitor")) == "warning"
            stage.open(5)
            assert self.verdict(report(server, "monitor")) == "error"
            relaxed = Config(thresholds=Thresholds(warn_at=0.9, critical_at=0.95, min_free=0))
            assert self.verdict(report(server, "monitor", relaxed)) is None

    def test_deploy(self, postgres: Postgres) -> None:
        """20 of 37 now, ten instances, all of them twice while the deploy runs."""
        with scene(postgres) as stage:
            stage.open(20)
            calm = report(postgres, "monitor", Config(instances=10, surge="25%"))
            storm = report(postgres, "monitor", Config(instances=10, surge="100%"))
        assert "PC707" not in rules(calm)
        assert rules(storm)["PC707"] == "error"
        (finding,) = [finding for finding in storm.findings if finding.rule.id == "PC707"]
        assert "40 of 37" in finding.message


def test_slots_that_rds_keeps_back() -> None:
    """Amazon RDS keeps slots under settings of its own; any server can carry them."""
    settings = {"rds.rds_reserved_connections": 2, "rds.rds_superuser_reserved_connections": 1}
    with Postgres(15, max_connections=20, **settings) as server, scene(server):  # type: ignore[arg-type]  # settings
        seen = look(report(server, "monitor")).snapshot.server
    assert (seen.provider_reserved, seen.usable) == (3, 14)


def test_own_session_is_not_counted(postgres: Postgres) -> None:
    """An idle server has no sessions; the look's own is none of its problems."""
    with scene(postgres):
        said = report(postgres, "monitor")
    assert look(said).snapshot.used == 0
    assert rules(said) == {}
    assert int(said.code) == 0


def test_hot_standby(postgres15: Postgres) -> None:
    """A look needs nothing that a standby refuses."""
    with scene(postgres15), postgres15.standby() as standby:
        said = report(standby, "monitor")
    seen = look(said).snapshot
    assert seen.server.in_recovery
    assert seen.used == 0
    assert int(said.code) == 0
