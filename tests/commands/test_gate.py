"""`poolcheck gate`: verdicts, exit codes, reports, baseline, --since, CI, and secrets that stay inside."""

import contextlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest
from click.testing import CliRunner, Result
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from poolcheck.cli import cli, run
from tests.servers import Postgres

NEON = "postgresql://app:s3cret@ep-cool-darkness-123456.us-east-2.aws.neon.tech/app?sslmode=require"
SERVER = "postgresql://app:s3cret@pg.acme.dev:5432/app?sslmode=require"
FORMATS = ("text", "json", "sarif", "github", "gitlab", "junit", "markdown")
SUMS = ("--instances", "10", "--max", "100")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A server project with Prisma 6, whose pool is in the URL."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "package.json").write_text(
        '{"dependencies": {"@prisma/client": "6.19.3", "prisma": "6.19.3"}}'
    )
    (tmp_path / "poolcheck.toml").write_text('runtime = "server"\n')
    return tmp_path


def env(project: Path, size: int, name: str = ".env") -> None:
    """An env file whose pool has this size."""
    (project / name).write_text(f"DATABASE_URL={SERVER}&connection_limit={size}\n")


def gate(*args: str, environ: Mapping[str, str] | None = None) -> Result:
    """Run the gate in this process."""
    return CliRunner(env=dict(environ or {})).invoke(cli, ["gate", *args], catch_exceptions=False)


def record(*args: str, environ: Mapping[str, str] | None = None) -> Any:
    """The gate's JSON."""
    return json.loads(gate("--format", "json", *args, environ=environ).stdout)


class TestVerdict:
    """Pass, fail, could not check."""

    def test_pass_with_its_sum(self, project: Path) -> None:
        """13 instances x 5 = 65 of 97: below 85 %."""
        env(project, 5)

        made = record(*SUMS)

        verdict = made["verdict"]
        assert (verdict["outcome"], made["summary"]["exit_code"]) == ("pass", 0)
        total = verdict["sums"][0]
        assert (total["instances_peak"], total["total"], total["capacity"], total["usage"]) == (
            13,
            65,
            97,
            0.6701,
        )
        assert (total["holds"], total["against"], total["max_usage"]) == (True, "slots", 0.85)
        assert len(made["fix_path"]) == 7

    def test_fail_above_the_limit_though_it_fits(self, project: Path) -> None:
        """13 x 7 = 91 of 97 is 94 %: fits, and fails the gate by a rule of its own, with the size that passes."""
        env(project, 7)

        made = record(*SUMS)

        assert made["verdict"]["outcome"] == "fail"
        assert [each["rule"] for each in made["findings"]] == ["PC651"]
        assert made["findings"][0]["fix"]["title"].startswith("Give each process 6: 13 x 6 = 78")
        assert made["findings"][0]["location"] == {
            "path": ".env",
            "line": 1,
            "column": 1,
            "end_line": 1,
            "end_column": 13,
        }
        assert record(*SUMS, "--max-usage", "95%")["verdict"]["outcome"] == "pass"
        assert gate(*SUMS, "--max-usage", "95%").exit_code == 0

    def test_fail_when_it_does_not_fit_is_said_once(self, project: Path) -> None:
        """PC204 has spoken: the gate's own rule is silent."""
        env(project, 20)

        assert [each["rule"] for each in record(*SUMS)["findings"] if each["severity"] == "error"] == [
            "PC204"
        ]
        assert gate(*SUMS).exit_code == 1

    def test_surge_and_workers_count(self, project: Path) -> None:
        """20 instances at the peak x 2 processes x 2."""
        env(project, 2)

        total = record(*SUMS, "--surge", "100%", "--workers", "2")["verdict"]["sums"][0]

        assert (total["instances_peak"], total["workers"], total["total"]) == (20, 2, 80)

    def test_no_slot_at_all(self, project: Path) -> None:
        """Everything is reserved: the sum has no share, and the JSON is still JSON."""
        env(project, 5)

        result = gate("--instances", "10", "--max", "3", "--reserved", "3", "--format", "json")

        assert "Infinity" not in result.stdout
        total = json.loads(result.stdout)["verdict"]["sums"][0]
        assert (total["usage"], total["capacity"], total["holds"]) == (None, 0, False)
        assert result.exit_code == 1

    def test_a_sum_that_cannot_be_made_is_told(self, project: Path) -> None:
        """A limit was given, so the sum was asked for: without --instances it is no pass. Nobody asked: it is, and says so."""
        env(project, 5)

        made = record("--max", "100")
        assert made["verdict"]["outcome"] == "could not check"
        assert "Cannot say whether pg.acme.dev fits" in made["verdict"]["reasons"][0]
        assert "--instances" in made["skipped"][0]["hint"]
        assert gate("--max", "100").exit_code == 2

        assert gate("--max", "pg.acme.dev=100").exit_code == 2  # of one server by its name, as for all

        unasked = record()
        assert unasked["verdict"]["outcome"] == "pass"
        assert "Cannot say whether pg.acme.dev fits" in unasked["verdict"]["reasons"][1]
        assert gate("--require", "sums").exit_code == 2
        (project / "poolcheck.toml").write_text('require = ["sums"]\n')
        assert gate().exit_code == 2

    def test_the_pool_may_be_given(self, project: Path) -> None:
        """Where code sets the pool, --pool says it."""
        (project / "package.json").write_text('{"dependencies": {"pg": "8.16.3"}}')
        (project / ".env").write_text(f"DATABASE_URL={SERVER}\n")

        assert [each["verdict"] for each in record(*SUMS)["verdict"]["sums"]] == ["cannot say"]
        assert "5 connections (--pool)" in record(*SUMS, "--pool", "5")["verdict"]["sums"][0]["source"]

    def test_replicas_of_the_project_are_added_up(self, project: Path) -> None:
        """Compose says 10 replicas and the server's limit: no option is needed, and 85 % is above."""
        (project / "docker-compose.yml").write_text(
            "services:\n"
            "  db:\n    image: postgres:17\n    command: postgres -c max_connections=100\n"
            "  web:\n    build: .\n    deploy:\n      replicas: 10\n"
            "    environment:\n      DATABASE_URL: postgresql://app:s3cret@db:5432/app?connection_limit=9\n"
        )

        made = record()

        total = made["verdict"]["sums"][0]
        assert (total["subject"], total["capacity"], total["instances"]) == ("db", 97, 10)
        assert "docker-compose.yml:8" in total["source"]
        assert made["verdict"]["outcome"] == "fail"
        assert "PC651" in [each["rule"] for each in made["findings"]]
        assert made["findings"][0]["location"]["path"] == "docker-compose.yml"
        assert gate("--max-usage", "100%").exit_code == 0

    def test_pooler_clients_are_the_capacity_behind_a_pooler(self, project: Path) -> None:
        """Supabase Micro takes 200 clients."""
        url = "postgresql://postgres.abcdefghijklmnopqrst:s3cret@aws-0-eu-central-1.pooler.supabase.com:6543/postgres"
        (project / ".env").write_text(
            f"DATABASE_URL={url}?pgbouncer=true&connection_limit=5&sslmode=require\n"
        )

        total = record("--instances", "10", "--plan", "micro")["verdict"]["sums"][0]

        assert (total["against"], total["capacity"], total["total"]) == ("pooler clients", 200, 65)

    def test_fail_on(self, project: Path) -> None:
        """Findings decide at the severity that is asked for."""
        (project / ".env").write_text(f"DATABASE_URL={NEON}\n")
        (project / "poolcheck.toml").write_text('runtime = "serverless"\n')

        assert gate().exit_code == 1
        assert gate("--fail-on", "never").exit_code == 0
        assert record()["verdict"]["decided"] == [
            each["fingerprint"] for each in record()["findings"] if each["severity"] == "error"
        ]

    def test_nothing_to_check_is_not_green(self, project: Path) -> None:
        """Exit code 3, a verdict, and every report that was asked for."""
        result = gate("--report", "sarif=out.sarif")

        assert result.exit_code == 3
        assert "could not check" in result.output
        log = json.loads((project / "out.sarif").read_text())
        assert log["runs"][0]["invocations"][0]["executionSuccessful"] is False

    def test_nothing_that_could_be_read_is_not_green_either(self, project: Path) -> None:
        """The only env file is one that no reader takes."""
        (project / ".env").write_bytes("DATABASE_URL=postgresql://a:b@h/d\n".encode("utf-16"))

        result = gate(*SUMS)

        assert result.exit_code == 3
        assert "could not check" in result.output

    def test_nothing_to_check_may_be_allowed(self, project: Path) -> None:
        """A hook runs on commits that touch no connection string; a finding is still one."""
        (project / ".env").write_text("A=1\n")
        assert gate(".env").exit_code == 3
        assert gate(".env", "--allow-empty").exit_code == 0

        env(project, 20)
        assert gate(".env", "--allow-empty", *SUMS).exit_code == 1

    def test_require_all(self, project: Path) -> None:
        """An unreadable env file is a gap; required, it is exit code 2."""
        env(project, 5)
        (project / ".env.local").write_bytes(b"A=1\nDATABASE_URL=postgresql://a:b@h/\xff\xfe\n")

        assert gate(*SUMS).exit_code == 0
        assert gate(*SUMS, "--require", "all").exit_code == 2


class TestStage:
    """One stage: its env file, or its variables."""

    def test_env_file_alone(self, project: Path) -> None:
        """The other env files have no say."""
        env(project, 5, ".env.production")
        env(project, 90, ".env.development")

        made = record(*SUMS, "--env-file", ".env.production")

        assert made["verdict"]["outcome"] == "pass"
        assert {each["location"]["path"] for each in made["targets"]} == {".env.production"}

    def test_variables_by_name(self, project: Path) -> None:
        """Read from the environment with the project's drivers; nothing else is, and nothing is written."""
        before = sorted(os.listdir(project))
        environ = {"DATABASE_URL": f"{SERVER}&connection_limit=7", "OTHER_URL": NEON}

        made = record(*SUMS, "--var", "DATABASE_URL", environ=environ)

        assert [each["name"] for each in made["targets"]] == ["DATABASE_URL"]
        assert made["context"]["drivers"][0]["id"] == "prisma"
        assert [each["rule"] for each in made["findings"]] == ["PC651"]
        assert sorted(os.listdir(project)) == before

    def test_a_server_in_parts(self, project: Path) -> None:
        """PGHOST stands for its family; the password of the family stays inside."""
        environ = {
            "PGHOST": "pg.acme.dev",
            "PGUSER": "app",
            "PGPASSWORD": "hunter2canary",
            "PGDATABASE": "app",
        }

        result = gate("--format", "json", "--var", "PGHOST", environ=environ)

        (found,) = json.loads(result.stdout)["targets"]
        assert (found["host"], found["user"], found["database"]) == ("pg.acme.dev", "app", "app")
        assert "hunter2canary" not in result.output

    def test_files_and_variables_together(self, project: Path) -> None:
        """Each is judged."""
        env(project, 5)

        made = record(".", *SUMS, "--var", "PROD_DATABASE_URL", environ={"PROD_DATABASE_URL": SERVER})

        assert {each["name"] for each in made["targets"]} == {"DATABASE_URL", "PROD_DATABASE_URL"}

    @pytest.mark.parametrize(
        ("environ", "said"),
        [
            ({}, "DATABASE_URL is not in the environment"),
            ({"DATABASE_URL": ""}, "DATABASE_URL is empty"),
            ({"DATABASE_URL": "hunter2-canary"}, "holds no PostgreSQL connection string"),
            ({"DATABASE_URL": "mysql://u:hunter2-canary@h/d"}, "not a PostgreSQL"),
        ],
    )
    def test_a_variable_that_is_not_there(
        self,
        project: Path,
        environ: dict[str, str],
        said: str,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        """Exit code 2: a gate that did not get its secret must not be green, nor show it."""
        for name, value in environ.items():
            monkeypatch.setenv(name, value)

        assert run(["gate", "--var", "DATABASE_URL"]) == 2
        err = capsys.readouterr().err
        assert said in err
        assert "hunter2" not in err


def fill(url: str) -> list[psycopg.Connection[tuple[Any, ...]]]:
    """Connections until the server refuses one."""
    held = []
    with contextlib.suppress(psycopg.OperationalError):
        while True:
            held.append(psycopg.connect(url))
    return held


class TestLive:
    """A look at the server."""

    @pytest.mark.postgres
    def test_the_server_tells_its_slots(self, project: Path, postgres: Postgres) -> None:
        """max_connections is the server's own, for the string that leads to it."""
        url = postgres.url(connect_timeout=5)
        (project / ".env").write_text(f"DATABASE_URL={url}&connection_limit=1\n")

        made = record("--instances", "2", "--live", "--env-file", ".env")

        assert made["verdict"]["live"] == "was looked at"
        server, total = made["server"], made["verdict"]["sums"][0]
        assert total["capacity"] == server["max_connections"] - server["superuser_reserved_connections"]
        assert "max_connections 40 (the server)" in total["capacity_source"]
        assert total["total"] == 3
        assert (made["verdict"]["outcome"], made["summary"]["exit_code"]) == ("pass", 0)

    @pytest.mark.postgres
    def test_the_only_server_of_the_config(
        self, project: Path, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Its dsn_env is what is looked at; a variable that is named comes first."""
        (project / "poolcheck.toml").write_text('[server.orders]\ndsn_env = "ORDERS_URL"\n')
        monkeypatch.setenv("DATABASE_URL", "postgresql://app@127.0.0.1:1/app")
        monkeypatch.setenv("ORDERS_URL", postgres.url("monitor", connect_timeout=5))

        assert record("--live")["verdict"]["live"] == "was looked at"
        assert record("--live", "--var", "DATABASE_URL")["verdict"]["live"] == "could not be looked at"

    @pytest.mark.postgres
    def test_a_full_server_fails_the_gate(self, project: Path, postgres: Postgres) -> None:
        """The refusal is the finding: exit code 1, not 2; what is planned is judged all the same."""
        with Postgres(postgres.major) as server:
            with server.connect() as admin:
                admin.execute("create role app login password 'hunter2canary'")
            url = server.url("app", "postgres", "hunter2canary")
            (project / ".env").write_text(f'DATABASE_URL="{url}?connection_limit=1"\n')
            held = fill(url)
            try:
                full = gate("--live", ".env", "--format", "json")
            finally:
                for each in held:
                    each.close()

        made = json.loads(full.stdout)
        assert full.exit_code == 1
        assert [each["rule"] for each in made["findings"]] == ["PC709"]
        assert made["verdict"]["outcome"] == "fail"
        assert "hunter2canary" not in full.output

    @pytest.mark.parametrize(("live", "code"), [("--live", 2), ("--live=optional", 0)])
    def test_an_unreachable_server(self, project: Path, live: str, code: int) -> None:
        """Could not check, with the lint's part all the same; optional, it is a gap that is told."""
        (project / ".env").write_text(
            "DATABASE_URL=postgresql://app:s3cret@127.0.0.1:1/app?connection_limit=5\n"
        )

        made = gate("--instances", "10", "--max", "100", live, ".env", "--format", "json")
        report = json.loads(made.stdout)

        assert made.exit_code == code
        assert report["verdict"]["outcome"] == ("could not check" if code else "pass")
        assert report["verdict"]["live"] == "could not be looked at"
        assert any(each["what"] == "the server" for each in report["skipped"])
        assert report["fix_path"]

    def test_the_folder_that_was_named_is_looked_at(self, project: Path) -> None:
        """Not the current folder's string, and not the environment's."""
        (project / "apps").mkdir()
        (project / "apps" / ".env").write_text("DATABASE_URL=postgresql://app:s3cret@127.0.0.1:1/named\n")
        (project / ".env").write_text("DATABASE_URL=postgresql://app:s3cret@127.0.0.1:2/other\n")

        made = record("apps", "--live", environ={"DATABASE_URL": "postgresql://app:s3cret@127.0.0.1:3/third"})

        assert [each["why"] for each in made["skipped"] if each["what"] == "the server"] == [
            "127.0.0.1:1: nothing listens there"
        ]

    def test_require_live_means_look(self, project: Path) -> None:
        """--require live without --live is not a gate that can never pass."""
        (project / ".env").write_text("DATABASE_URL=postgresql://app:s3cret@127.0.0.1:1/app\n")

        assert record("--require", "live")["verdict"]["live"] == "could not be looked at"

    def test_lint_findings_win_over_a_missing_look(self, project: Path) -> None:
        """What was found is found, whether the server answers or not."""
        (project / ".env").write_text(
            "DATABASE_URL=postgresql://app:s3cret@127.0.0.1:1/app?sslmode=verify-ful\n"
        )

        assert gate("--live").exit_code == 1


class TestReports:
    """Several at once, and what CI gets."""

    def test_several_at_once(self, project: Path) -> None:
        """Every format into a file of its own, text on stdout."""
        env(project, 7)
        names = [f"--report={name}=out.{name}" for name in FORMATS]

        result = gate(*SUMS, *names)

        assert result.exit_code == 1
        assert result.output.startswith("Gate: ")
        for name in FORMATS:
            assert "PC651" in (project / f"out.{name}").read_text(encoding="utf-8"), name

    @pytest.mark.parametrize(
        ("value", "said"),
        [
            ("sarif", "FORMAT=FILE"),
            ("xml=a", "'xml' is not one of"),
            ("sarif=nowhere/x.sarif", "cannot write"),
            ("prometheus=a", "has no format"),
        ],
    )
    def test_wrong_reports(
        self, project: Path, value: str, said: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Usage errors are exit code 2."""
        env(project, 5)

        assert run(["gate", "--report", value]) == 2
        assert said in capsys.readouterr().err

    def test_github_gets_annotations_and_a_summary_beside_the_text(self, project: Path) -> None:
        """People keep their text; nothing of it is read as a command; an earlier summary is kept."""
        env(project, 7)
        summary = project / "summary.md"
        summary.write_text("before\n")
        environ = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(summary)}

        lines = gate(*SUMS, environ=environ).output.splitlines()

        token = lines[0].removeprefix("::stop-commands::")
        assert re.fullmatch("[0-9a-f]{32}", token)
        assert lines[1].startswith("Gate: ")
        after = lines.index(f"::{token}::")
        assert [line.startswith("::error file=.env,line=1") for line in lines[after + 1 :]] == [True]
        assert summary.read_text().startswith("before\n<!-- poolcheck -->\n## poolcheck gate: ❌ fail")
        assert "::" not in gate(*SUMS, "--no-ci", environ=environ).output.splitlines()[0]

    def test_paths_count_from_the_root_of_the_repository(
        self, project: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A job that runs in a folder below points at that folder's files, and people see their own path."""
        below = project / "apps" / "web"
        below.mkdir(parents=True)
        env(below, 7)
        monkeypatch.chdir(below)
        args = (*SUMS, "--driver", "prisma@6")

        for name in ("GITHUB_WORKSPACE", "CI_PROJECT_DIR", "BUILD_SOURCESDIRECTORY"):
            made = json.loads(gate(*args, "--format", "gitlab", environ={name: str(project)}).stdout)
            assert made[0]["location"]["path"] == "apps/web/.env"
        github = {"GITHUB_ACTIONS": "true", "GITHUB_WORKSPACE": str(project)}
        output = gate(*args, "--report", "sarif=out.sarif", environ=github).output
        assert "::error file=apps/web/.env,line=1" in output
        assert "(.env:1:1)" in output
        assert '"uri": "apps/web/.env"' in (below / "out.sarif").read_text()
        elsewhere = gate(*args, "--format", "gitlab", environ={"CI_PROJECT_DIR": "/no/such/root"})
        assert json.loads(elsewhere.stdout)[0]["location"]["path"] == ".env"

    def test_azure_reads_no_command_from_a_file(self, project: Path) -> None:
        """A host in an env file that is one of the agent's logging commands."""
        (project / ".env").write_text("DATABASE_URL=postgresql://a:b@h/##vso[task.setvariable]x\n")
        args = (".env", "--fail-on", "never", "-v")

        assert "# #vso[" in gate(*args).output
        assert "##vso[" not in gate(*args, environ={"TF_BUILD": "True"}).output

    def test_the_summary_is_written_with_every_format(self, project: Path) -> None:
        """Also where stdout is SARIF."""
        env(project, 7)
        environ = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(project / "summary.md")}

        log = gate(*SUMS, "--format", "sarif", environ=environ).stdout

        assert json.loads(log)["version"] == "2.1.0"
        assert "❌ fail" in (project / "summary.md").read_text()

    def test_other_formats_are_left_alone_in_ci(self, project: Path) -> None:
        """JSON on stdout stays JSON."""
        env(project, 7)

        assert json.loads(gate(*SUMS, "--format", "json", environ={"GITHUB_ACTIONS": "true"}).stdout)

    def test_statistics(self, project: Path) -> None:
        """How often each rule was met, also the ignored ones."""
        env(project, 7)
        (project / ".env.staging").write_text(
            f"# poolcheck: ignore[PC204] behind a pooler\nDATABASE_URL={SERVER.replace('pg.', 'db.')}&connection_limit=90\n"
        )

        rows = {each["rule"]: each for each in record(*SUMS, "--statistics")["statistics"]}

        assert (rows["PC651"]["findings"], rows["PC651"]["severity"]) == (1, "error")
        assert (rows["PC204"]["findings"], rows["PC204"]["suppressed"]) == (0, 1)
        assert "1 error   PC651 deploy-peak-above-limit" in gate(*SUMS, "--statistics").output


class TestBaseline:
    """Only new findings fail."""

    def test_accept_then_only_new_ones_fail(self, project: Path) -> None:
        """Written, passed, line moved, still passed; a new one fails; a mended one is told and dropped."""
        (project / "poolcheck.toml").write_text('runtime = "serverless"\n')
        (project / ".env").write_text(f"DATABASE_URL={NEON}\n")
        assert gate().exit_code == 1

        written = gate("--baseline", "base.json", "--update-baseline")
        assert written.exit_code == 0
        assert "base.json written" in written.output
        assert "s3cret" not in (project / "base.json").read_text()

        (project / ".env").write_text(f"# moved\n\nA=1\nDATABASE_URL={NEON}\n")
        moved = gate("--baseline", "base.json")
        assert moved.exit_code == 0
        assert "2 accepted by the baseline" in moved.output

        (project / ".env.production").write_text(f"DATABASE_URL={NEON}\n")
        made = record("--baseline", "base.json")
        assert {each["location"]["path"] for each in made["findings"]} == {".env.production"}
        assert made["summary"]["exit_code"] == 1

        (project / ".env.production").unlink()
        (project / ".env").write_text(
            "DATABASE_URL=" + NEON.replace("-123456.", "-123456-pooler.") + "&connection_limit=1\n"
        )
        gone = gate("--baseline", "base.json")
        assert "no longer occur: PC101 .env" in " ".join(gone.output.split())
        gate("--baseline", "base.json", "--update-baseline")
        assert "PC101" not in (project / "base.json").read_text()

    def test_from_the_config(self, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """`baseline` is relative to the config file."""
        env(project, 7)
        (project / "poolcheck.toml").write_text('runtime = "server"\nbaseline = "base.json"\n')

        assert gate(*SUMS, "--update-baseline").exit_code == 0
        assert (project / "base.json").exists()
        assert gate(*SUMS).exit_code == 0

    @pytest.mark.parametrize(
        ("args", "said"),
        [
            (["--baseline", "missing.json"], "no such baseline"),
            (["--update-baseline"], "--update-baseline needs a file"),
            (["--baseline", "no/such/dir.json", "--update-baseline"], "cannot write"),
        ],
    )
    def test_wrong_baselines(
        self, project: Path, args: list[str], said: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """A baseline that is not there is not an empty one."""
        env(project, 5)

        assert run(["gate", *args]) == 2
        assert said in capsys.readouterr().err


@pytest.mark.usefixtures("with_git")
class TestSince:
    """Only findings in files that changed."""

    @pytest.fixture
    def repository(self, project: Path) -> Path:
        """Two faulty env files, committed."""
        for name in (".env.production", ".env.staging"):
            env(project, 7, name)
        git("init", "-q", "-b", "main")
        git("add", ".")
        git("commit", "-q", "-m", "one")
        return project

    def test_only_the_changed_file_fails(self, repository: Path) -> None:
        """An untouched fault is counted in a sentence, not in the verdict."""
        assert gate(*SUMS).exit_code == 1
        assert gate(*SUMS, "--since", "HEAD").exit_code == 0

        env(repository, 8, ".env.staging")
        made = record(*SUMS, "--since", "HEAD")

        assert {each["location"]["path"] for each in made["findings"]} == {".env.staging"}
        assert any("have changed since HEAD count" in note for note in made["notes"])

    def test_what_the_other_branch_changed_is_not_ours(self, repository: Path) -> None:
        """The fork point counts: main went on, and this branch touched nothing."""
        git("checkout", "-q", "-b", "feature")
        git("checkout", "-q", "main")
        env(repository, 8, ".env.staging")
        git("commit", "-q", "-am", "two")
        git("checkout", "-q", "feature")

        assert record(*SUMS, "--since", "main")["findings"] == []

    def test_a_file_that_git_does_not_know_counts(self, repository: Path) -> None:
        """Nobody can tell that an ignored env file has not changed."""
        (repository / ".gitignore").write_text(".env.billing\n")
        billing = f"DATABASE_URL={SERVER.replace('pg.acme.dev', 'billing.acme.dev')}&connection_limit=8\n"
        (repository / ".env.billing").write_text(billing)

        assert {each["location"]["path"] for each in record(*SUMS, "--since", "HEAD")["findings"]} == {
            ".env.billing"
        }

    def test_from_a_folder_below(self, repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Paths are those that poolcheck shows, relative to where it runs."""
        below = repository / "apps"
        below.mkdir()
        env(below, 7)
        git("add", ".")
        git("commit", "-q", "-m", "below")
        monkeypatch.chdir(below)

        told = (*SUMS, "--driver", "prisma@6")
        assert record(*told, "--since", "HEAD")["findings"] == []
        assert record(*told, "--since", "HEAD~1")["findings"]

    def test_a_variable_of_the_environment_counts(self, repository: Path) -> None:
        """It is no file, though one of the name it is shown under is there and has not changed."""
        (repository / "environment").write_text("A=1\n")
        git("add", ".")
        git("commit", "-q", "-m", "two")
        env(repository, 8, ".env.staging")
        url = (repository / ".env.staging").read_text().partition("=")[2].strip().strip('"')

        result = gate(
            *SUMS, "--since", "HEAD", "--var", "PROD_URL", "--format", "json", environ={"PROD_URL": url}
        )

        assert "environment" in {each["location"]["path"] for each in json.loads(result.stdout)["findings"]}

    @pytest.mark.parametrize("revision", ["no-such-branch", "--output=x", "", "HEAD:.env.staging"])
    def test_no_such_revision(
        self, repository: Path, revision: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Exit code 2, also for what git would take as an option."""
        assert run(["gate", f"--since={revision}"]) == 2
        assert "--since" in capsys.readouterr().err
        assert not (repository / "x").exists()

    def test_no_repository(self, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """Said plainly."""
        env(project, 5)

        assert run(["gate", "--since", "HEAD"]) == 2
        assert "needs a git repository" in capsys.readouterr().err


def git(*words: str) -> None:
    """Run git with an author and nothing of the machine's settings."""
    environ = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}
    subprocess.run(
        ("git", "-c", "user.name=a", "-c", "user.email=a@example.com", *words),
        check=True,
        env=environ,
        capture_output=True,
    )


class TestSecrets:
    """Never in any format."""

    @settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        before=st.sampled_from(["", "#", "@", ":", "p@ss", "%zz", "a/b", "$", "`", "<b>", "|", "::", "\\"]),
        after=st.sampled_from(["", "!", "?x", "&y", "ü", "%25", "#", "@h", "/x"]),
        encoded=st.booleans(),
        host=st.sampled_from(
            ["ep-a-1.eu-central-1.aws.neon.tech", "db.abcdefghijklmnopqrst.supabase.co", "pg.acme.dev"]
        ),
        query=st.sampled_from(
            ["?connection_limit=90", "?sslmode=verify-ful&connection_limt=5", "?options=-c%20x%3D1", ""]
        ),
    )
    def test_canaries_stay_inside(
        self,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        before: str,
        after: str,
        encoded: bool,
        host: str,
        query: str,
    ) -> None:
        """Passwords of every shape, encoded or as people paste them, in files and variables: in no format, no baseline."""
        canary = "hunter2canary"
        monkeypatch.chdir(tmp_path)
        secret = quote(before + canary + after, safe="") if encoded else before + canary + after
        url = f"postgresql://app:{secret}@{host}:5432/app{query}"
        (tmp_path / ".env").write_text(f'DATABASE_URL="{url}"\nNEXT_PUBLIC_DATABASE_URL={url}\n')
        args = [
            "--instances",
            "10",
            "--max",
            "100",
            "--driver",
            "prisma@6",
            "--fail-on",
            "never",
            "--var",
            "PROD_URL",
            ".",
        ]
        reports = [f"--report={name}=out.{name}" for name in FORMATS]

        result = gate(*args, *reports, "--baseline", "b.json", "--update-baseline", environ={"PROD_URL": url})

        assert result.exit_code in (0, 2)  # 2: a sum was asked for, and nobody tells a number
        outputs = {
            path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir() if path.name != ".env"
        }
        assert len(outputs) >= len(FORMATS) + 1
        for name, text in {**outputs, "stdout": result.output}.items():
            assert canary not in text, name


def test_help_is_exact_about_codes() -> None:
    """Every exit code is in the help."""
    text = gate("--help").output

    assert "0 pass, 1 fail, 2 could not check, 3 nothing to check" in text


def test_a_path_behind_bare_live_is_a_path(project: Path) -> None:
    """`--live .env` looks, and judges .env."""
    env(project, 5)

    made = record("--live=optional", ".env")
    again = json.loads(gate("--live", ".env", "--format", "json").stdout)

    assert made["targets"] == again["targets"] != []


def test_starts_without_what_it_does_not_need(project: Path) -> None:
    """A gate without --live imports neither psycopg nor rich nor the SDK."""
    env(project, 5)
    code = (
        "import sys; from poolcheck.cli import run; run(['gate', '--instances', '10', '--max', '100']);"
        "print([name for name in ('psycopg', 'rich', 'mcp', 'subprocess') if name in sys.modules], file=sys.stderr)"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stderr.strip() == "[]"


def test_variables_alone_are_judged_with_the_source(project: Path) -> None:
    """What the code does is judged beside the job's string; an env file that lies here is not."""
    (project / "src").mkdir()
    (project / "src" / "route.ts").write_text(
        "import { PrismaClient } from '@prisma/client'\n"
        "export async function GET() { const db = new PrismaClient(); return Response.json(await db.user.findMany()) }\n"
    )
    env(project, 7)

    made = record(*SUMS, "--var", "PROD_URL", environ={"PROD_URL": f"{SERVER}&connection_limit=1"})

    assert [each["name"] for each in made["targets"]] == ["PROD_URL"]
    assert "PC401" in {each["rule"] for each in made["findings"]}
