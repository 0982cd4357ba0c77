"""Leaks made for real, with the pools that people use; and healthy pools, which must stay unsuspected."""

import json
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from poolcheck.config.settings import Config, Thresholds
from tests.conftest import lacking
from tests.live.scenes import eventually, look, report, rules, scene
from tests.servers import Postgres

pytestmark = pytest.mark.postgres

# Tests cannot wait five minutes for a session to count as idle for long; the shares are the real ones.
QUICK = Config(thresholds=Thresholds(idle_seconds=2, idle_in_transaction_old_seconds=2))


def verdicts(server: Postgres, **options: float) -> list[tuple[str, str, int]]:
    """Kind, certainty and number of sessions."""
    found = look(report(server, "monitor", QUICK, **options)).leaks
    return [(leak.kind, leak.certainty, len(leak.members)) for leak in found]


def rest(seconds: float = 2.5) -> None:
    """Let sessions rest for longer than the threshold."""
    time.sleep(seconds)


class TestHealthy:
    """None of these is a leak."""

    def test_twenty_idle_connections_of_a_pool_in_use(self, postgres: Postgres) -> None:
        """Twenty sessions that are used in turn, by twenty threads at a time and then by one."""
        with scene(postgres) as stage:
            pool = stage.open(20, name="web")
            stop = threading.Event()

            def work() -> None:
                turn = 0
                while not stop.is_set():
                    pool[turn % 20].execute("select id, n from t where id = 1")
                    turn += 1
                    time.sleep(0.01)

            thread = threading.Thread(target=work, daemon=True)
            thread.start()
            try:
                rest()
                assert verdicts(postgres) == []
                assert verdicts(postgres, sample=2.5) == []
                assert rules(report(postgres, "monitor", QUICK)) == {}
            finally:
                stop.set()
                thread.join(10)

    def test_warm_after_a_burst(self, postgres: Postgres) -> None:
        """Twenty sessions, one query each in one burst, then silence: warm, reclaimable, no evidence."""
        with scene(postgres) as stage:
            for conn in stage.open(20, name="web"):
                conn.execute("select id, n from t where id = 2")
            rest()
            assert verdicts(postgres) == []
            assert verdicts(postgres, sample=2.5) == []

    def test_pool_that_ends_with_commit(self, postgres: Postgres) -> None:
        """Given back one by one, as an ORM's pool under falling load does."""
        with scene(postgres) as stage:
            for conn in stage.open(5, name="orm"):
                conn.execute("begin")
                conn.execute("select id from t")
                conn.execute("commit")
                time.sleep(1.1)
            rest()
            assert verdicts(postgres) == []


class TestForgotten:
    """Checked out and never given back."""

    def test_staircase_is_possible_and_growth_probable(self, postgres: Postgres) -> None:
        """One session a second is forgotten after the same statement; a busy one shows that the app lives."""
        with scene(postgres) as stage:
            (alive,) = stage.open(name="shop")
            stop = threading.Event()

            def leak() -> None:
                number = 0
                while not stop.is_set():
                    (conn,) = stage.open(name="shop")
                    conn.execute("select 'warm'")
                    time.sleep(1.3)  # used again later than a second after its start: no serverless instance
                    conn.execute(f"select n from t where id = {number}".encode())
                    alive.execute("select 2")
                    number += 1

            thread = threading.Thread(target=leak, daemon=True)
            thread.start()
            try:
                time.sleep(8)
                once = verdicts(postgres)
                twice = report(postgres, "monitor", QUICK, sample=3.0)
            finally:
                stop.set()
                thread.join(20)
        assert [(kind, certainty) for kind, certainty, _ in once] == [("forgotten release", "possible")]
        (leak_,) = look(twice).leaks
        assert (leak_.kind, leak_.certainty) == ("forgotten release", "probable")
        assert leak_.growing
        assert rules(twice)["PC704"] == "warning"
        (finding,) = [finding for finding in twice.findings if finding.rule.id == "PC704"]
        assert finding.fix is not None
        assert finding.fix.lines == ("select n from t where id = ?",)

    def test_idle_transactions(self, postgres: Postgres) -> None:
        """Certain, with the application's name and the statement without its literals."""
        with scene(postgres) as stage:
            for conn in stage.open(3, name="worker", run="begin"):
                conn.execute("select n from t where id = 4711")
            rest()
            said = report(postgres, "monitor", QUICK)
            (leak,) = look(said).leaks
        assert (leak.kind, leak.certainty, leak.group[0]) == ("idle in transaction", "certain", "worker")
        assert {member.statement for member in leak.members} == {"select n from t where id = ?"}

    def test_frozen_instances(self, postgres: Postgres) -> None:
        """Processes that are stopped after one query each, as a platform freezes them: abandoned, not forgotten."""
        code = textwrap.dedent(
            """
            import psycopg, sys, time
            conn = psycopg.connect(sys.argv[1], autocommit=True, application_name="lambda", prepare_threshold=None)
            conn.execute("select n from t where id = 1")
            print("ready", flush=True)
            time.sleep(60)
            """
        )
        with scene(postgres):
            frozen = []
            try:
                for _ in range(4):
                    child = subprocess.Popen(
                        [sys.executable, "-c", code, postgres.url("app")], stdout=subprocess.PIPE, text=True
                    )
                    frozen.append(child)
                    assert child.stdout is not None
                    child.stdout.readline()
                    child.send_signal(signal.SIGSTOP)
                    time.sleep(1.1)
                rest()
                assert verdicts(postgres) == [("abandoned", "possible", 4)]
                said = report(postgres, "monitor", QUICK, sample=2.0)
                assert [(leak.kind, leak.certainty) for leak in look(said).leaks] == [
                    ("abandoned", "probable")
                ]
                assert rules(said)["PC705"] == "warning"
            finally:
                for child in frozen:
                    child.kill()
                    child.wait(10)
                    assert child.stdout is not None
                    child.stdout.close()

    def test_vanished_client_of_a_running_statement(self, postgres: Postgres) -> None:
        """The client is killed while its statement runs: the session lives on, and on this machine that is known."""
        code = "import psycopg, sys; psycopg.connect(sys.argv[1], application_name='gone').execute('select pg_sleep(60)')"
        with scene(postgres):
            child = subprocess.Popen([sys.executable, "-c", code, postgres.url("app")])
            running = (
                "select count(*) from pg_stat_activity where application_name = 'gone' and state = 'active'"
            )
            eventually(lambda: postgres.execute(running)[0][0] == 1, "the statement")
            assert verdicts(postgres) == []
            child.kill()
            child.wait(10)
            said = report(postgres, "monitor", QUICK)
            assert postgres.execute(running)[0][0] == 1, "the server has not noticed"
        if not Path("/proc/net/tcp").exists():
            pytest.skip("the kernel's socket table is Linux's")
        (leak,) = look(said).leaks
        assert (leak.kind, leak.certainty) == ("client gone", "certain")
        assert rules(said)["PC710"] == "warning"

    def test_counters_of_vanished_clients(self) -> None:
        """sessions_abandoned rises between the two looks when a client is killed."""
        code = "import psycopg, sys, os; c = psycopg.connect(sys.argv[1], autocommit=True); c.execute('select 1'); os._exit(1)"
        with Postgres(18) as server, scene(server):

            def vanish() -> None:
                time.sleep(0.3)
                for _ in range(3):
                    subprocess.run([sys.executable, "-c", code, server.url("app")], check=False)

            thread = threading.Thread(target=vanish)
            thread.start()
            said = report(server, "monitor", QUICK, sample=4.0)
            thread.join()
        assert rules(said).get("PC708") == "info"


@pytest.fixture(scope="module")
def node_pg() -> Iterator[Path]:
    """A folder with node-postgres installed; skipped without node."""
    npm = shutil.which("npm")
    if not npm or not shutil.which("node"):
        lacking("no node here")
    import tempfile  # noqa: PLC0415 - only here

    with tempfile.TemporaryDirectory(prefix="pc-node-") as folder:
        done = subprocess.run(
            [npm, "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "pg@8"],
            cwd=folder, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            lacking(f"npm install pg: {done.stderr[-300:]}")
        yield Path(folder)


NODE = """
const { Pool } = require('pg')
const pool = new Pool({ connectionString: process.argv[2], max: 12, idleTimeoutMillis: 0, application_name: 'shop' })
const healthy = process.argv[3] === 'healthy'
const wait = ms => new Promise(resolve => setTimeout(resolve, ms))
async function request(id) {
  const client = await pool.connect()
  await client.query('select n from t where id = $1', [id])
  if (healthy || id % 2) client.release()      // the forgotten path: even ids
}
(async () => {
  const warm = await Promise.all(Array.from({ length: 4 }, () => pool.connect()))
  await Promise.all(warm.map(client => client.query('select 1')))
  warm.forEach(client => client.release())
  await wait(1500)
  console.log(JSON.stringify({ ready: true }))
  for (let id = 0; ; id++) { await request(id); await wait(600) }
})()
"""


@pytest.mark.node
@pytest.mark.parametrize("kind", ["healthy", "leaking"])
def test_node_pg_pool(postgres: Postgres, node_pg: Path, kind: str) -> None:
    """A real node-postgres pool: one that forgets every second release, and one that does not."""
    script = node_pg / "shop.js"
    script.write_text(NODE)
    with scene(postgres):
        child = subprocess.Popen(
            ["node", str(script), postgres.url("app"), kind], cwd=node_pg, stdout=subprocess.PIPE, text=True
        )
        try:
            assert child.stdout is not None
            assert json.loads(child.stdout.readline())["ready"]
            time.sleep(7)
            said = report(postgres, "monitor", QUICK, sample=3.0)
        finally:
            child.kill()
            child.wait(10)
            assert child.stdout is not None
            child.stdout.close()
    found = [(leak.kind, leak.group[0]) for leak in look(said).leaks]
    if kind == "healthy":
        assert found == []
    else:
        assert found == [("forgotten release", "shop")]
        assert look(said).leaks[0].certainty in ("probable", "possible")
