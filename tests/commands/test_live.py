"""`poolcheck live` as users run it: sources of the DSN, formats, exit codes, secrets, hostile names, watching."""

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.commands.running import poolcheck
from tests.conftest import need_bouncer, need_program
from tests.live.scenes import eventually, scene
from tests.servers import Bouncer, Postgres, free_port

pytestmark = pytest.mark.postgres
ESCAPE = re.compile(r"\x1b")
SECRET = "s3cr3t-hunter2"


@pytest.fixture(scope="module")
def locked() -> Iterator[Postgres]:
    """A server that asks `app` for its password."""
    hba = "host all app 127.0.0.1/32 scram-sha-256\nhost all all 127.0.0.1/32 trust\n"
    with Postgres(18, hba=hba) as server:
        server.execute(f"create role app login password '{SECRET}'")
        yield server


class TestReport:
    """What is on stdout."""

    def test_idle_server(self, postgres: Postgres) -> None:
        """Nothing is found: exit 0, and nothing on stderr."""
        with scene(postgres):
            ran = poolcheck("live", postgres.url("monitor"))
        assert ran.code == 0
        assert ran.err == ""
        assert "0 of 37 usable" in ran.out
        assert "direct, no pooler in between" in ran.out
        assert not ESCAPE.search(ran.out)

    @pytest.mark.parametrize("columns", [60, 80, 140])
    def test_fits_the_width(self, postgres: Postgres, columns: int) -> None:
        """No line of prose is wider than the terminal; code is never wrapped."""
        with scene(postgres) as stage:
            stage.open(30, name="a-service-with-a-rather-long-name-in-production")
            stage.open(2, name="worker", run="begin")
            ran = poolcheck("live", postgres.url("monitor"), env={"COLUMNS": str(columns)})
        code = re.compile(
            r"^\s+(?:ALTER|SELECT|poolcheck|new Pool|postgres\(|\.\.\.\?|export|const|if |docker)"
        )
        assert [line for line in ran.out.splitlines() if len(line) > columns and not code.match(line)] == []

    def test_json_has_every_documented_section(self, postgres: Postgres) -> None:
        """The record of the design, with the true numbers."""
        with scene(postgres) as stage:
            stage.open(28)
            (root,) = stage.open(name="worker", run="begin")
            root.execute("update t set n = 1 where id = 1")
            (waiter,) = stage.open(name="api")
            stage.busy(waiter, "update t set n = 2 where id = 1")
            waiting = waiter.info.backend_pid
            time.sleep(0.5)
            ran = poolcheck("live", postgres.url("monitor"), "--format", "json")
        said = json.loads(ran.out)
        assert ran.code == said["summary"]["exit_code"] == 1
        assert said["server"]["max_connections"] == 40
        assert said["server"]["via_pooler"] is False
        assert said["slots"]["usable"] == 37
        assert said["slots"]["used"] == 30
        assert said["slots"]["free"] == 7
        assert said["slots"]["by_state"] == {"idle": 28, "idle in transaction": 1, "active": 1}
        assert (said["groups"][0]["application_name"], said["groups"][0]["count"]) == ("web", 28)
        assert len(said["sessions"]) == 30
        (leak,) = said["leaks"]
        assert leak["state"] == "idle in transaction"
        assert leak["query"] == "update t set n = ? where id = ?"
        assert leak["confidence"] == "high"
        assert "blocks 1 session" in leak["evidence"]
        (block,) = said["blocking"]
        assert block["verb"] == "terminate"
        assert block["waiters"] == [waiting]
        assert [step["step"] for step in said["fix_path"]] == [1, 2, 3, 4, 5, 6, 7]
        assert "97" not in json.dumps(said["fix_path"])  # the live numbers, not the default server's

    def test_json_of_a_refusal(self, postgres15: Postgres) -> None:
        """The layer, the code that the text stands for, what is still possible, and the fix path."""
        with scene(postgres15) as stage:
            stage.fill("app")
            ran = poolcheck("live", postgres15.url("app"), "--format", "json")
        said = json.loads(ran.out)
        assert ran.code == 1
        assert said["refusal"]["layer"] == "slots"
        assert said["refusal"]["exhaustion"] is True
        assert said["refusal"]["still_possible"]
        (explained,) = said["explanations"]
        assert (explained["layer"], explained["sqlstate"]) == ("slots", "53300")
        assert explained["sources"][0].startswith("https://")
        assert "server" not in said
        assert said["fix_path"]

    def test_fail_on(self, postgres: Postgres) -> None:
        """The exit code follows --fail-on."""
        with scene(postgres) as stage:
            stage.open(28)
            assert poolcheck("live", postgres.url("monitor")).code == 0
            assert poolcheck("live", postgres.url("monitor"), "--fail-on", "warning").code == 1
            assert poolcheck("live", postgres.url("monitor"), "--fail-on", "never").code == 0

    def test_closed_pipe(self, postgres: Postgres) -> None:
        """`| head -1` is no error."""
        command = f"{sys.executable} -m poolcheck live '{postgres.url('monitor')}' | head -1"
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0
        assert done.stderr == ""

    def test_a_server_of_the_config(self, postgres: Postgres, tmp_path: Path) -> None:
        """By its name: its variables lead to the server and to its pooler's console; --bouncer wins over the latter."""
        need_bouncer()
        (tmp_path / "poolcheck.toml").write_text(
            '[server.orders]\ndsn_env = "ORDERS_URL"\nbouncer_env = "ORDERS_BOUNCER"\n[server.other]\ndsn_env = "OTHER"\n'
        )
        with scene(postgres), Bouncer(postgres) as bouncer, bouncer.connect("app") as client:
            client.execute("select 1")
            console = bouncer.url("stats", "pgbouncer")
            env = {"ORDERS_URL": postgres.url("monitor"), "ORDERS_BOUNCER": console}
            both = poolcheck("live", "orders", "--format", "json", cwd=tmp_path, env=env)
            env["ORDERS_BOUNCER"] = "postgresql://nobody@127.0.0.1:1/pgbouncer"
            given = poolcheck(
                "live", "orders", "--bouncer", console, "--format", "json", cwd=tmp_path, env=env
            )
            watched = poolcheck("live", "orders", "--watch", "--count", "1", cwd=tmp_path, env=env)
        for ran in (both, given):
            assert ran.code == 0, ran.err
            data = json.loads(ran.out)
            assert data["server"]["max_connections"]
            assert data["pooler"]["pools"]
            assert [each["name"] for each in data["targets"]] == ["ORDERS_URL"]
        assert watched.code == 0
        assert "no server" not in watched.out

    def test_a_server_whose_variable_is_not_set(self, tmp_path: Path) -> None:
        """Exit code 2: which table, which variable, what to do."""
        (tmp_path / "poolcheck.toml").write_text('[server.orders]\ndsn_env = "ORDERS_URL"\n')
        for command in (("live",), ("reap",), ("size", "--instances", "2", "--from"), ("fix", "--live")):
            ran = poolcheck(*command, "orders", cwd=tmp_path)
            assert ran.code == 2, command
            assert "ORDERS_URL is not set: dsn_env of [server.orders]" in ran.err
            assert "Set ORDERS_URL to the connection string" in ran.err

    def test_bouncer_beside_the_server(self, postgres: Postgres) -> None:
        """--bouncer adds the pooler's pools."""
        need_bouncer()
        with scene(postgres), Bouncer(postgres) as bouncer, bouncer.connect("app") as client:
            client.execute("select 1")
            url = bouncer.url("stats", "pgbouncer")
            ran = poolcheck("live", postgres.url("monitor"), "--bouncer", url, "--format", "json")
            text = poolcheck("live", postgres.url("monitor"), "--bouncer", url)
        said = json.loads(ran.out)
        (pool,) = [each for each in said["pooler"]["pools"] if each["user"] == "app"]
        assert pool["pool_size"] == 3
        assert pool["mode"] == "transaction"
        assert "PgBouncer 1." in text.out


class TestSources:
    """Where the connection string comes from."""

    def test_prisma_url(self, postgres: Postgres) -> None:
        """Parameters that make eight of eight other tools refuse."""
        url = postgres.url("monitor") + "?pgbouncer=true&connection_limit=1&pool_timeout=20&schema=public"
        ran = poolcheck("live", url)
        assert ran.code == 0
        assert "connection_limit" in ran.out
        assert "pgbouncer" in ran.out

    def test_sqlalchemy_url(self, postgres: Postgres) -> None:
        """postgresql+asyncpg://."""
        url = postgres.url("monitor").replace("postgresql://", "postgresql+asyncpg://")
        assert poolcheck("live", url).code == 0

    def test_env_file(self, postgres: Postgres, tmp_path: Path) -> None:
        """--env-file, with and without --var."""
        (tmp_path / "app.env").write_text(
            f'DATABASE_URL="{postgres.url("monitor")}"\nOTHER_URL={postgres.url("plain")}\nNOTHING=1\n'
        )
        assert "as monitor" in poolcheck("live", "--env-file", "app.env", cwd=tmp_path).out
        assert (
            "as plain" in poolcheck("live", "--env-file", "app.env", "--var", "OTHER_URL", cwd=tmp_path).out
        )
        missing = poolcheck("live", "--env-file", "app.env", "--var", "NOTHING", cwd=tmp_path)
        assert missing.code == 2
        assert "DATABASE_URL, OTHER_URL" in missing.err
        assert poolcheck("live", "--env-file", "no.env", cwd=tmp_path).code == 2

    def test_environment_then_project(self, postgres: Postgres, tmp_path: Path) -> None:
        """No argument: the environment first, then the folder's env files."""
        (tmp_path / ".env").write_text(f"DATABASE_URL={postgres.url('plain')}\n")
        inside = poolcheck("live", cwd=tmp_path)
        assert "as plain" in inside.out
        assert "DATABASE_URL is used (.env)" in inside.out
        env = {"DATABASE_URL": postgres.url("monitor")}
        assert "as monitor" in poolcheck("live", cwd=tmp_path, env=env).out
        parts = {
            "PGHOST": postgres.host,
            "PGPORT": str(postgres.port),
            "PGUSER": "monitor",
            "PGDATABASE": "postgres",
        }
        assert "as monitor" in poolcheck("live", cwd=tmp_path, env=parts).out

    def test_nothing_anywhere(self, tmp_path: Path) -> None:
        """Exit code 3, and how to say it."""
        ran = poolcheck("live", cwd=tmp_path)
        assert ran.code == 3
        assert "--env-file" in ran.err

    def test_direct_for_slots_pooled_for_the_probe(self, postgres: Postgres, tmp_path: Path) -> None:
        """DATABASE_URL through the pooler and DIRECT_URL beside it: both are used, and it is said."""
        need_bouncer()
        with scene(postgres) as stage, Bouncer(postgres) as bouncer:
            stage.open(4, name="web")
            (tmp_path / ".env").write_text(
                f"DATABASE_URL={bouncer.url('app')}\nDIRECT_URL={postgres.url('monitor')}\n"
            )
            said = json.loads(poolcheck("live", "--format", "json", cwd=tmp_path).out)
        assert said["server"]["via_pooler"] is False
        assert said["slots"]["used"] >= 4
        assert "DIRECT_URL is used for the slots, DATABASE_URL for the probe" in said["notes"][0]
        assert "transaction mode" in said["notes"][1]

    @pytest.mark.parametrize(
        "text", ["mysql://a:b@c/d", "not a url", "postgresql://USER:PASSWORD@HOST:5432/DB"]
    )
    def test_no_connection_string(self, text: str) -> None:
        """Exit code 2, in words."""
        ran = poolcheck("live", text)
        assert ran.code == 2
        assert "Traceback" not in ran.err
        assert "poolcheck:" in ran.err

    def test_http_endpoint(self) -> None:
        """Prisma Accelerate is no PostgreSQL."""
        ran = poolcheck("live", "prisma://accelerate.prisma-data.net/?api_key=abc")
        assert ran.code == 2
        assert "HTTP" in ran.err


class TestSecrets:
    """A password is in no output, whatever happens."""

    def everywhere(self, *args: str, **env: str) -> str:
        """Everything a run says, in text and JSON."""
        return "".join(str(poolcheck("live", *args, "--format", each, env=env)) for each in ("text", "json"))

    def test_right_and_wrong(self, locked: Postgres) -> None:
        """With the right password, a wrong one, and a closed port."""
        right = locked.url("app", password=SECRET)
        assert SECRET not in self.everywhere(right)
        assert SECRET not in self.everywhere(locked.url("app", password=SECRET + "x"))
        assert SECRET not in self.everywhere(f"postgresql://app:{SECRET}@127.0.0.1:{free_port()}/app")
        assert "0 of 37 usable" in poolcheck("live", right).out

    @pytest.mark.parametrize("shape", ["postgresql://app:{}%zz@h:5/d", "postgresql://app:{}@h:99999/d", "postgresql://app:a@{}@[::1/d", "host=h password={} port=x", "postgresql://app:{}"])  # fmt: skip
    def test_malformed(self, shape: str) -> None:
        """Four peers print the password of a URL that they cannot read."""
        assert SECRET not in self.everywhere(shape.format(SECRET))

    def test_not_among_processes(self, locked: Postgres) -> None:
        """Given by the environment it is in no argument list, ours or a child's."""
        process = subprocess.Popen(
            [sys.executable, "-m", "poolcheck", "live", "--watch", "0.5"],
            env={"PATH": os.environ["PATH"], "DATABASE_URL": locked.url("app", password=SECRET)},
            stdout=subprocess.PIPE,
        )
        try:
            assert process.stdout is not None
            process.stdout.readline()
            lines = subprocess.run(
                ["ps", "-o", "args=", "-p", str(process.pid)], capture_output=True, text=True, check=True
            ).stdout
            assert SECRET not in lines
        finally:
            process.terminate()
            process.communicate(timeout=10)

    def test_asked_for_on_a_terminal(self, locked: Postgres) -> None:
        """Missing: asked for, without echo. Without a terminal: the refusal, and exit code 2."""
        refused = poolcheck("live", locked.url("app"), stdin=subprocess.DEVNULL)
        assert refused.code == 2
        assert "password" in refused.out.lower()
        shown, code = on_terminal([locked.url("app")], answers={b"Password": SECRET.encode() + b"\n"})
        assert code == 0
        assert "Password for 127.0.0.1" in shown
        assert "0 of 37 usable" in shown
        assert SECRET not in shown

    def test_literals_of_statements(self, postgres: Postgres) -> None:
        """A statement is shown without its literals, and with them only when asked; passwords in URLs never."""
        with scene(postgres) as stage:
            (conn,) = stage.open(name="worker", run="begin")
            conn.execute(f"select n from t where n = 5 and '{SECRET}' = 'postgresql://u:{SECRET}@h/d'")
            time.sleep(0.1)
            hidden = poolcheck("live", postgres.url("monitor"), "--format", "json")
            shown = poolcheck("live", postgres.url("monitor"), "--format", "json", "--show-queries")
        assert SECRET not in hidden.out
        assert "n = ?" in hidden.out
        assert "n = 5" in shown.out
        assert f"u:{SECRET}" not in shown.out


def on_terminal(
    args: list[str], *, answers: dict[bytes, bytes] | None = None, seconds: float = 20.0, until: bytes = b""
) -> tuple[str, int]:
    """Run `poolcheck live` on a terminal of 80x24; answer prompts; stop with Ctrl-C when `until` was seen."""
    answers = dict(answers or {})
    end, inner = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "poolcheck", "live", *args],
        stdin=inner,
        stdout=inner,
        stderr=inner,
        start_new_session=True,
        env={
            "PATH": os.environ["PATH"],
            "TERM": "xterm-256color",
            "LANG": "C.UTF-8",
            "COLUMNS": "80",
            "LINES": "24",
        },
    )
    os.close(inner)
    seen = b""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not select.select([end], [], [], 0.2)[0]:
            continue
        try:
            data = os.read(end, 65536)
        except OSError:
            break
        if not data:
            break
        seen += data
        for prompt in [answer for answer in answers if answer in seen]:
            os.write(end, answers.pop(prompt))
        if until and until in seen:
            process.send_signal(signal.SIGINT)
            until = b""
    os.close(end)
    return seen.decode("utf-8", "replace"), process.wait(10)


class TestHostileNames:
    """Names and statements that want to take over the terminal."""

    NASTY = "\x1b[2J\x1b]0;owned\x07evil\nname\r\u202e"

    def test_application_name_and_statement(self, postgres: Postgres) -> None:
        """Nothing that moves the cursor reaches the terminal, in any format."""
        with scene(postgres) as stage:
            (conn,) = stage.open(run="begin")
            # The server replaces what is not ASCII in application_name; in the statement it does not.
            conn.execute(
                "select set_config('application_name', %s, false)", (self.NASTY.replace("\u202e", ""),)
            )
            conn.execute(f'select 1 as "{self.NASTY}"'.encode())
            for form in ("text", "json", "prometheus"):
                ran = poolcheck("live", postgres.url("monitor"), "--format", form, "--show-queries", "-v")
                assert "\x1b" not in ran.out
                assert "\x07" not in ran.out
                assert "\u202e" not in ran.out
                assert "\\u001b" not in ran.out
                assert "evil\nname" not in ran.out

    def test_database_with_quotes(self, postgres: Postgres) -> None:
        """A database and a role whose names want to end a string."""
        name = "we\"ird 'db' %s"
        quoted = name.replace('"', '""')
        postgres.execute(f'create database "{quoted}"', f'create role "{quoted}" login')
        try:
            with scene(postgres):
                url = f"postgresql://{quote(name)}@{postgres.host}:{postgres.port}/{quote(name)}"
                ran = poolcheck("live", url, "--format", "json")
                reaped = poolcheck("reap", url)
            said = json.loads(ran.out)
            assert said["server"]["database"] == name
            assert ran.code == 0
            assert reaped.code == 0
        finally:
            postgres.execute(f'drop database "{quoted}"', f'drop role "{quoted}"')


class TestPrometheus:
    """Metrics for the textfile collector."""

    @pytest.fixture
    def promtool(self) -> str:
        """promtool, where it is installed."""
        return need_program("promtool", package="prometheus")

    def check(self, promtool: str, text: str) -> None:
        """promtool accepts it, and has nothing to remark."""
        done = subprocess.run(
            [promtool, "check", "metrics"], input=text, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""

    def test_metrics(self, postgres: Postgres, promtool: str, tmp_path: Path) -> None:
        """A busy server with its pooler, a name full of quotes, and a refusal."""
        need_bouncer()
        with scene(postgres) as stage, Bouncer(postgres) as bouncer:
            stage.open(3, name='we"ird\\name')
            stage.open(1, name="worker", run="begin")
            with bouncer.connect("app") as client:
                client.execute("select 1")
            file = tmp_path / "poolcheck.prom"
            console = bouncer.url("stats", "pgbouncer")
            args = ("--format", "prometheus", "--output", str(file), "--bouncer", console)
            assert poolcheck("live", postgres.url("monitor"), *args).code == 0
            text = file.read_text()
            self.check(promtool, text)
            assert "poolcheck_up 1\n" in text
            assert 'poolcheck_slots_usable{database="postgres"} 37' in text
            assert 'application="we\\"ird\\\\name"' in text
            assert "poolcheck_pool_size" in text
            stage.fill("app")
            refused = poolcheck("live", postgres.url("app"), "--format", "prometheus")
        assert refused.code == 1
        self.check(promtool, refused.out)
        assert "poolcheck_up 0\n" in refused.out
        assert 'poolcheck_refused{layer="slots"} 1' in refused.out

    def test_alert_rules(self, promtool: str) -> None:
        """The rules file under examples/ is accepted, and every metric in it is one that is written."""
        root = Path(__file__).parents[2]
        rules = root / "examples" / "prometheus-alerts.yml"
        done = subprocess.run(
            [promtool, "check", "rules", str(rules)], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        source = (root / "poolcheck" / "output" / "prometheus.py").read_text()
        for name in set(
            re.findall(
                r"poolcheck_(\w+)", re.sub(r"(?m)^\s*#.*|summary:.*|description:.*", "", rules.read_text())
            )
        ):
            assert f'"{name}"' in source or f'"{name.removeprefix("pool_")}"' in source, name


class TestWatch:
    """Again and again."""

    def test_lines_when_piped(self, postgres: Postgres) -> None:
        """One line a look, on one connection."""
        with scene(postgres) as stage:
            stage.open(5)
            mark = postgres.mark()
            ran = poolcheck("live", postgres.url("monitor"), "--watch", "200ms", "--count", "3")
            assert postgres.log(mark).count("connection received") == 1
        lines = ran.out.splitlines()
        assert len(lines) == 3
        assert all("5/37 14%" in line for line in lines)
        assert ran.code == 0

    def test_survives_a_lost_server(self) -> None:
        """Stopped and started again: said, and seen again."""
        with Postgres(18) as server:
            process = subprocess.Popen(
                [
                    sys.executable,
                    "-u",
                    "-m",
                    "poolcheck",
                    "live",
                    server.url(),
                    "--watch",
                    "0.3",
                    "--count",
                    "14",
                ],
                stdout=subprocess.PIPE,
                text=True,
            )
            assert process.stdout is not None
            first = process.stdout.readline()
            server.stop("immediate")
            time.sleep(1.2)
            server.start()
            rest = process.stdout.read()
            assert process.wait(30) == 0
            process.stdout.close()
        assert "0/37" in first
        assert "no server" in rest
        assert rest.splitlines()[-1].endswith(("0%", "idle")) or "0/37" in rest.splitlines()[-1]

    def test_full_screen(self, postgres: Postgres) -> None:
        """On a terminal: the alternate screen, the history, and the shell's screen again after Ctrl-C."""
        with scene(postgres) as stage:
            stage.open(5)
            seen, code = on_terminal([postgres.url("monitor"), "--watch", "300ms"], until=b"Who holds")
        assert code == 0
        assert "\x1b[?1049h" in seen
        assert "\x1b[?1049l" in seen
        assert "Past" in seen
        assert "5 of 37" in seen

    def test_closed_window(self, postgres: Postgres) -> None:
        """Nobody looks any more: the server is left alone, also where SIGINT and SIGHUP do not arrive."""
        with scene(postgres) as stage:
            end, inner = pty.openpty()
            command = [sys.executable, "-m", "poolcheck", "live", postgres.url("monitor"), "--watch", "300ms"]
            with subprocess.Popen(command, stdin=inner, stdout=inner, stderr=inner) as process:
                os.close(inner)
                eventually(lambda: stage.others() == 1, "the first look")
                os.close(end)
                assert process.wait(10) == 0

    def test_formats_are_refused(self, postgres: Postgres) -> None:
        """A screen is text."""
        ran = poolcheck("live", postgres.url("monitor"), "--watch", "--format", "json")
        assert ran.code == 2


def test_help_and_times(postgres: Postgres) -> None:
    """--help names the examples; a wrong time is said."""
    assert "poolcheck live --sample 30s" in poolcheck("live", "--help").out
    wrong = poolcheck("live", postgres.url("monitor"), "--sample", "soon")
    assert wrong.code == 2
    assert "30s" in wrong.err


def test_sample_while_it_grows(postgres: Postgres) -> None:
    """Two looks on one connection, and the time between them."""
    with scene(postgres) as stage:
        mark = postgres.mark()
        threading.Timer(0.4, stage.open, args=(2,)).start()
        begun = time.monotonic()
        ran = poolcheck("live", postgres.url("monitor"), "--sample", "1s", "--format", "json")
        assert time.monotonic() - begun >= 1
        assert json.loads(ran.out)["slots"]["used"] == 2
        assert postgres.log(mark).count("application_name=poolcheck") == 1


@pytest.mark.parametrize("offset", ["+2h", "-2h"])
def test_a_clock_that_is_wrong(postgres: Postgres, offset: str) -> None:
    """Ours, beside the server's: ages and times are the server's own, and no session is older than it is."""
    faketime = need_program("faketime", package="faketime")
    with scene(postgres) as stage:
        stage.open(2, run="begin")
        command = [faketime, "-f", offset, sys.executable, "-m", "poolcheck", "live"]
        done = subprocess.run(
            [*command, postgres.url("monitor"), "--format", "json"],
            capture_output=True,
            text=True,
            check=True,
        )
    sessions = json.loads(done.stdout)["sessions"]
    assert len(sessions) == 2
    for session in sessions:
        assert 0 <= session["seconds"] < 60
        assert abs(datetime.fromisoformat(session["backend_start"]).timestamp() - time.time()) < 60
