"""Public incidents, rebuilt on a real server: the first action that `live` names is carried out, and the waiters go on.

Each scene is written anew after the report that it names; none of them was looked at while the rules were written.
"""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import psycopg
import pytest

from poolcheck.model.report import Report
from tests.conftest import need_postgres
from tests.live.scenes import Scene, eventually, look, report, scene
from tests.live.test_first_action import WAITING, dump, message, number, own_table, pile, raw, wait_for
from tests.servers import Postgres

pytestmark = pytest.mark.postgres
STILL = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' or wait_event = 'SyncRep'"


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    """A server with the app's table and a view of it that takes long."""
    need_postgres(16)
    with Postgres(16, max_connections=60, max_prepared_transactions=5) as made:
        with scene(made):
            own_table(made)
            made.execute(
                "create function slow() returns int language sql as 'select 1 from pg_sleep(600)'",
                "create materialized view report as select slow() with no data",
                "create materialized view totals as select slow() + 1 as sum with no data",
                "alter materialized view report owner to app",
                "alter materialized view totals owner to app",
            )
        yield made


def asks(stage: Scene, statement: str, name: str) -> None:
    """A session that runs a statement in the background, and waits."""
    (conn,) = stage.open(name=name)
    before = number(stage.server)
    stage.busy(conn, statement)
    wait_for(stage.server, before + 1)


def runs(stage: Scene, statement: str, name: str, *first: str) -> None:
    """A session that runs a statement in the background, and works."""
    (conn,) = stage.open(name=name)
    for each in first:
        conn.execute(each.encode())
    stage.busy(conn, statement)
    pid = conn.info.backend_pid
    active = f"select count(*) from pg_stat_activity where pid = {pid} and state = 'active'"
    eventually(lambda: number(stage.server, active) == 1, "its statement")
    time.sleep(0.3)


def truncate_behind_a_dump(stage: Scene) -> str:
    """https://github.com/MTES-MCT/monitorfish/pull/3514"""
    dump(stage)
    time.sleep(0.2)
    asks(stage, "truncate q", "flow")
    pile(stage, 5)
    return "middle"


def truncate_behind_a_report(stage: Scene) -> str:
    """https://github.com/dalibo/temboard/issues/931"""
    runs(stage, "select pg_sleep(600) from q limit 1", "report")
    asks(stage, "truncate q", "temboard")
    pile(stage, 6, "insert into q values (100, 1) on conflict do nothing")
    return "middle"


def repack_asks_for_the_table(stage: Scene) -> str:
    """https://github.com/reorg/pg_repack/issues/408"""
    runs(stage, "select pg_sleep(600) from q limit 1", "report")
    (repack,) = stage.open(name="pg_repack", run="begin")
    stage.busy(repack, "lock table q in access exclusive mode")
    wait_for(stage.server, 1)
    pile(stage, 5)
    return "middle"


def vacuum_full_behind_a_worker(stage: Scene) -> str:
    """https://github.com/supabase/pg_net/pull/214"""
    runs(stage, "select pg_sleep(600)", "worker", "begin", "lock table q in access share mode")
    asks(stage, "vacuum full q", "maintenance")
    pile(stage, 4)
    return "middle"


def a_view_is_refreshed(stage: Scene) -> str:
    """https://github.com/bennettoxford/openprescribing/issues/2025"""
    runs(stage, "refresh materialized view report", "cron")
    pile(stage, 5, "select * from report")
    return "root"


def two_views_are_refreshed(stage: Scene) -> str:
    """https://github.com/trade-tariff/trade-tariff-backend/pull/3104"""
    runs(stage, "refresh materialized view report", "sync")
    runs(stage, "refresh materialized view totals", "sync")
    pile(stage, 4, "select * from report")
    pile(stage, 4, "select * from totals")
    return "root"


def refreshes_clobber_each_other(stage: Scene) -> str:
    """https://github.com/solgenomics/sgn/issues/3916"""
    runs(stage, "refresh materialized view report", "web")
    for _ in range(3):
        asks(stage, "refresh materialized view report", "web")
    pile(stage, 3, "select * from report")
    return "runs"


def copies(stage: Scene, name: str, statements: bytes) -> None:
    """A client whose last statement is a COPY that gets none of its data."""
    client = raw(stage.server, name)
    client.sendall(message(b"Q", statements + b"\0"))
    keep.append(client.close)
    eventually(
        lambda: (
            number(
                stage.server,
                "select count(*) from pg_stat_activity where wait_event = 'ClientRead' and state = 'active'",
            )
            == 1
        ),
        "COPY",
    )


def a_copy_without_its_data(stage: Scene) -> str:
    """https://github.com/postgresql-interfaces/psqlodbc/issues/200"""
    copies(stage, "pyodbc", b"begin; lock table q; copy q from stdin")
    pile(stage, 5)
    return "root"


def a_load_that_truncates_first(stage: Scene) -> str:
    """https://github.com/dathere/datapusher-plus/issues/258"""
    copies(stage, "datapusher", b"begin; truncate q; copy q from stdin")
    pile(stage, 5, "select count(*) from q")
    return "root"


def a_client_that_is_stopped(stage: Scene) -> str:
    """https://github.com/greenplum-db/gpdb/issues/13065"""
    client = raw(stage.server, "psql-stopped")
    big = (
        b"begin; update q set n = 3 where id = 1; select repeat('x', 1000) from generate_series(1, 300000)\0"
    )
    client.sendall(message(b"Q", big))
    keep.append(client.close)
    eventually(
        lambda: (
            number(stage.server, "select count(*) from pg_stat_activity where wait_event = 'ClientWrite'")
            == 1
        ),
        "an answer",
    )
    pile(stage, 5, "update q set n = n where id = 1")
    return "root"


KILLED = """
import psycopg, sys
conn = psycopg.connect(sys.argv[1], autocommit=True, application_name="killed")
for each in sys.argv[2:]:
    conn.execute(each)
"""


def killed(stage: Scene, *statements: str) -> None:
    """A client that is killed while its last statement runs."""
    child = subprocess.Popen([sys.executable, "-c", KILLED, stage.server.url("app"), *statements])
    last = statements[-1]
    eventually(
        lambda: bool(
            stage.server.execute(
                f"select 1 from pg_stat_activity where application_name = 'killed' and query = '{last}'"
            )
        ),
        "the last statement",
    )
    child.kill()
    child.wait(10)


def a_migration_whose_container_was_killed(stage: Scene) -> str:
    """https://github.com/prisma/orm/issues/12999"""
    killed(stage, "select pg_advisory_lock(72707369)", "select pg_sleep(600)")
    for _ in range(4):
        asks(stage, "select pg_advisory_lock(72707369)", "migrate")
    return "root"


def a_query_that_its_client_gave_up(stage: Scene) -> str:
    """https://github.com/brianc/node-postgres/issues/1954"""
    killed(stage, "begin", "update q set n = 9 where id = 1", "select pg_sleep(600)")
    pile(stage, 5, "update q set n = n where id = 1")
    return "root"


def a_lock_that_stays_on_a_pooled_connection(stage: Scene) -> str:
    """https://github.com/lakekeeper/lakekeeper/pull/1790"""
    stage.open(name="lakekeeper", run="select pg_advisory_lock(815)")
    for _ in range(4):
        asks(stage, "select pg_advisory_lock(815)", "lakekeeper")
    return "root"


def a_process_that_hangs_with_the_lock(stage: Scene) -> str:
    """https://github.com/dbos-inc/dbos-transact-py/issues/636"""
    (root,) = stage.open(name="dbos", run="begin")
    root.execute("select pg_advisory_xact_lock(1234567890)")
    for _ in range(4):
        asks(stage, "select pg_advisory_xact_lock(1234567890)", "dbos")
    return "root"


def drop_table_behind_a_prepared_transaction(stage: Scene) -> str:
    """https://github.com/HazyResearch/deepdive/pull/321"""
    (conn,) = stage.open(run="begin")
    conn.execute("update q set n = 4 where id = 1")
    conn.execute("prepare transaction '_$XC$3220'")
    asks(stage, "alter table q add column dropped int", "deepdive")
    pile(stage, 4)
    return "root"


def monitoring_piles_up(stage: Scene) -> str:
    """https://github.com/innogames/igcollect/pull/192"""
    runs(stage, "select pg_sleep(600)", "maintenance", "begin", "lock table q in access exclusive mode")
    pile(stage, 6, "select pg_total_relation_size('q')", name="igcollect")
    return "root"


def a_migration_at_start_behind_a_forgotten_reader(stage: Scene) -> str:
    """https://github.com/un-fao/GeoID/issues/1233"""
    (reader,) = stage.open(name="catalog", run="begin")
    reader.execute("select * from q where id = 1")
    asks(stage, "alter table q add column if not exists dropped int", "catalog-init")
    pile(stage, 6, "select * from q where id = 2", name="catalog")
    return "root"


def a_migration_at_start_behind_live_calls(stage: Scene) -> str:
    """https://github.com/superdesigndev/treg/pull/129"""
    runs(stage, "select pg_sleep(600) from q limit 1", "call")
    runs(stage, "select pg_sleep(600) from q limit 1", "call")
    asks(stage, "alter table q add column dropped int", "init_db")
    pile(stage, 6, "insert into q values (100, 1) on conflict do nothing", name="call")
    return "middle"


keep: list[Callable[[], None]] = []  # what a scene leaves to be closed
SCENES = (
    truncate_behind_a_dump, truncate_behind_a_report, repack_asks_for_the_table, vacuum_full_behind_a_worker, a_view_is_refreshed,
    two_views_are_refreshed, refreshes_clobber_each_other, a_copy_without_its_data, a_load_that_truncates_first,
    a_client_that_is_stopped, a_migration_whose_container_was_killed, a_query_that_its_client_gave_up,
    a_lock_that_stays_on_a_pooled_connection, a_process_that_hangs_with_the_lock, drop_table_behind_a_prepared_transaction,
    monitoring_piles_up, a_migration_at_start_behind_a_forgotten_reader, a_migration_at_start_behind_live_calls,
)  # fmt: skip


def carry_out(server: Postgres, said: Report) -> None:
    """Run what is advised about the locks, as it is printed."""
    for finding in said.findings:
        if finding.rule.id == "PC703" and finding.fix:
            for line in finding.fix.lines:
                server.execute(line)


@pytest.mark.parametrize("incident", SCENES, ids=lambda each: str(each.__name__))
def test_the_waiters_go_on(server: Postgres, incident: Callable[[Scene], str]) -> None:
    """What is acted upon, and that it helps. Advisory locks go from one waiter to the next: each is ended in turn."""
    with scene(server) as stage:
        try:
            kind = incident(stage)
            before = number(server)
            said = report(server)
            (block, *_) = look(said).blocks
            assert block.kind == kind
            freed = sum(each.frees for each in look(said).blocks)
            assert freed
            carry_out(server, said)
            # The next in the queue of an exclusive lock has it now, and keeps it in this scene.
            left = max(0, before - freed - sum(len(each.targets) for each in look(said).blocks))
            left = before - 1 if block.lock == "advisory" else left
            eventually(lambda: number(server, WAITING) <= left, f"at most {left} waiting")
        finally:
            for close in keep:
                close()
            keep.clear()
            with suppress(psycopg.Error):
                server.execute("rollback prepared '_$XC$3220'")
    with suppress(psycopg.Error):
        server.execute(
            "alter table q drop column if exists dropped",
            "insert into q values (1, 0), (2, 0) on conflict do nothing",
        )


@pytest.mark.parametrize(
    "statement",
    [
        "insert into q values (7, 7)",  # https://github.com/timescale/helm-charts/issues/303
        "create table made_before_the_standby (id int)",  # https://github.com/EnterpriseDB/repmgr/issues/274
        "update q set n = 1 where id = 2",  # https://github.com/EnterpriseDB/repmgr/issues/276
    ],
)
def test_one_commit_that_waits_for_a_standby(statement: str) -> None:
    """The only session that writes waits for a standby that was never there."""
    with Postgres(16) as server, scene(server) as stage:
        own_table(server)
        server.execute(
            "grant create on schema public to app",
            "alter system set synchronous_standby_names = 'ANY 1 (standby1, standby2)'",
            "select pg_reload_conf()",
        )
        time.sleep(0.3)
        runs(stage, statement, "writer")
        eventually(lambda: number(server, STILL) == 1, "the commit")
        time.sleep(5.2)
        said = report(server)
        (finding,) = [each for each in said.findings if each.rule.id == "PC712"]
        assert finding.fix is not None
        for line in finding.fix.lines:
            server.execute(line)
        eventually(lambda: number(server, STILL) == 0, "it has committed")
