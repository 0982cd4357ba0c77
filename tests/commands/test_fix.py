"""`poolcheck fix` as a user runs it: the sheet, the diff, the edits, what is refused, and not one secret."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import psycopg
import pytest
from click.testing import CliRunner, Result

from poolcheck import catalogue
from poolcheck.cli import cli, run
from poolcheck.diagnosis.snippets import MIGRATE, local_servers
from tests import servers
from tests.conftest import need_postgres
from tests.live.scenes import scene
from tests.servers import Postgres

EXAMPLES = Path(__file__).parent.parent.parent / "examples"
CANARY = "c4n4ry"
NEON = f"postgresql://app:{CANARY}@ep-cool-darkness-a1b2c3d4.us-east-2.aws.neon.tech/app?sslmode=require"
POOLED = NEON.replace("a1b2c3d4.", "a1b2c3d4-pooler.")
SUPABASE = f"postgresql://postgres.abcdefghijklmnopqrst:{CANARY}@aws-0-eu-central-1.pooler.supabase.com:6543/postgres?connection_limit=1"


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of its own, which no config file above can change."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "poolcheck.toml").write_text("")
    return tmp_path


def fix(*arguments: str, text: str | None = None) -> Result:
    """Run the command."""
    return CliRunner().invoke(cli, ["fix", *arguments], input=text, env={"COLUMNS": "100"})


def record(*arguments: str) -> dict[str, Any]:
    """Its JSON."""
    result: dict[str, Any] = json.loads(fix(*arguments, "--format", "json").stdout)
    return result


def example(name: str, to: Path) -> Path:
    """A copy of an example project."""
    return Path(shutil.copytree(EXAMPLES / name, to / name, ignore=shutil.ignore_patterns("expected.*")))


class TestExamples:
    """Every example that edits can mend is mended by them, and lints clean afterwards."""

    # What edits mend, though no text to edit is in the finding itself.
    IN_CONFIG: ClassVar = {"PC302", "PC303", "PC304", "PC305"}

    @pytest.mark.parametrize(
        "name", sorted(each.name for each in EXAMPLES.iterdir() if (each / "expected.json").exists())
    )
    def test_mended(self, name: str, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Written, linted, and a second run finds nothing to do."""
        monkeypatch.chdir(example(name, project))
        before = {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}
        # A proxy to be created, options to be set in code, sums over services: those are for a person.
        lint = ["lint", "--format", "json"]
        by_hand = {
            load["rule"]
            for load in json.loads(CliRunner().invoke(cli, lint).stdout)["findings"]
            if not (load["fix"] and load["fix"]["edits"])
        }

        fix("--write", "--unsafe")

        after = json.loads(CliRunner().invoke(cli, lint).stdout)
        assert {each["rule"] for each in after["findings"]} <= by_hand - self.IN_CONFIG
        assert not any(each["fix"] and each["fix"]["edits"] for each in after["findings"])
        written = {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}
        assert set(written) == set(before)
        second = fix("--write", "--unsafe")
        assert "No edit to make" in second.stdout
        assert written == {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}

    @pytest.mark.parametrize(
        "name",
        [
            "django-server",
            "kubernetes-ten-replicas",
            "nextjs-prisma6-neon-direct",
            "supabase-6543-without-flag",
        ],
    )
    def test_nothing_at_all_is_left(self, name: str, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Where edits are all it takes."""
        monkeypatch.chdir(example(name, project))

        assert fix("--write", "--unsafe").exit_code == 0
        assert "nothing found" in CliRunner().invoke(cli, ["lint"]).stdout

    def test_the_direct_neon_example_becomes_the_mended_one(
        self, project: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Byte for byte, but for the comment at its top."""
        monkeypatch.chdir(example("nextjs-prisma6-neon-direct", project))

        fix("--write", "--unsafe")

        mended = EXAMPLES / "nextjs-prisma6-neon-mended"
        assert Path(".env").read_text().splitlines()[1:] == (mended / ".env").read_text().splitlines()[1:]
        assert Path("prisma/schema.prisma").read_bytes() == (mended / "prisma" / "schema.prisma").read_bytes()


class TestSheet:
    """Without options: what to do, in this order."""

    def test_order_and_values(self, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Five steps, migrations, meanwhile, then what was not needed and why; then the edits."""
        monkeypatch.chdir(example("nextjs-prisma6-neon-direct", project))

        text = fix().stdout

        parts = [
            "Fix path for DATABASE_URL (Neon, direct endpoint); Prisma 4 to 6, built-in engine;",
            "1. Send app traffic through the pooler: ➜ do", "-pooler.us-east-2", "Neon Console, Connect", "2. Set the driver's",
            "...?connection_limit=1", "3. Reuse one client", "globalForDb.prisma ?? new PrismaClient()", "Migrations: ➜ do",
            'directUrl = env("DIRECT_URL")', "npx prisma migrate deploy", "Meanwhile: ? check", 'poolcheck reap "$DATABASE_URL"',
            "docker run", "embedded-postgres", "Not needed, and why", "5. Raise the limit: not needed", "Edits",
            "--write --unsafe makes 2 edits", "1 error, 1 warning",
        ]  # fmt: skip
        places = [text.find(part) for part in parts]
        assert -1 not in places, parts[places.index(-1)]
        assert places == sorted(places)
        assert Path(".env").read_bytes() == (EXAMPLES / "nextjs-prisma6-neon-direct" / ".env").read_bytes()

    @pytest.mark.parametrize("columns", ["40", "60", "140"])
    def test_width(self, columns: str, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Nothing but lines to copy is wider than the terminal."""
        monkeypatch.chdir(example("kubernetes-ten-replicas", project))

        text = CliRunner().invoke(cli, ["fix"], env={"COLUMNS": columns}).stdout

        code = {line for step in record()["fix_path"] for lines in step["code"] for line in lines}
        wide = [
            line for line in text.splitlines()[:-1] if len(line) > int(columns) and line.strip() not in code
        ]
        assert not [line for line in wide if " " in line.strip().removeprefix("- ")], wide

    def test_nothing_wrong(self, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Exit 0, and each step says why."""
        monkeypatch.chdir(example("nextjs-prisma6-neon-mended", project))

        result = fix()

        assert result.exit_code == 0
        assert "Edits" not in result.stdout
        assert "Nothing to do, and why" in result.stdout

    def test_url(self) -> None:
        """Nothing to write, but a way out all the same."""
        result = fix(NEON, "--driver", "prisma@6")

        assert result.exit_code == 1
        assert "-pooler." in result.stdout
        assert "Edits" not in result.stdout

    @pytest.mark.parametrize(
        ("driver", "line"),
        [
            ("prisma@6.19.3", "...?connection_limit="),
            ("prisma@7.10.1", "new PrismaPg({ connectionString: process.env.DATABASE_URL, max: 5 })"),
            ("postgres-js@3.4.9", "postgres(process.env.DATABASE_URL!, { max: 5 })"),
            ("sqlalchemy@2.0.44", "pool_size=5, max_overflow=0"),
            ("pg@8.16.0", "client.release()"),
        ],
    )
    def test_by_driver_and_version(self, driver: str, line: str) -> None:
        """The computed size stands in the driver's own words."""
        text = fix(
            "postgresql://app:x@db.example.com/app",
            "--driver",
            driver,
            "--runtime",
            "server",
            "--max",
            "100",
            "--instances",
            "10",
        ).stdout

        assert line in text

    def test_commands_of_the_provider(self) -> None:
        """A command line is to be copied, words are not."""
        steps = record("postgresql://app:x@x.postgres.database.azure.com:5432/app")["fix_path"]

        pairs = [pair for step in steps for pair in zip(step["actions"], step["code"], strict=True)]
        (command,) = [code for _, code in pairs if any("az postgres" in line for line in code)]
        assert command[0].startswith("az postgres flexible-server parameter set --name pgbouncer.enabled")

    def test_raising_the_limit_of_an_own_server(self) -> None:
        """The SQL, only where the processes do not fit at one connection each."""
        text = fix(
            "postgresql://app:x@db.example.com/app",
            "--runtime",
            "server",
            "--max",
            "20",
            "--instances",
            "40",
            "--driver",
            "pg@8.16.0",
        ).stdout

        assert re.search(r"ALTER SYSTEM SET max_connections = \d+;", text)

    def test_pooler_first_where_the_sums_do_not_hold(self) -> None:
        """On a server too; where they hold, a direct endpoint is fine there."""
        url = "postgresql://app:x@ep-cool-darkness-a1b2c3d4.us-east-2.aws.neon.tech/app"
        url += "?connection_limit=5"
        options = ["--runtime", "server", "--driver", "prisma@6.19.3", "--plan", "0.25cu"]

        many = record(url, *options, "--instances", "200")["fix_path"]
        few = record(url, *options, "--instances", "2")["fix_path"]

        assert [many[0]["status"], many[4]["status"]] == ["do", "do"]
        assert "-pooler" in many[0]["actions"][0]
        assert [few[0]["status"], few[4]["status"]] == ["not needed", "not needed"]

    def test_incident_behind_a_pooler_uses_the_direct_string(self, project: Path) -> None:
        """`reap` refuses a pooler: the sheet does not send anybody there."""
        (project / ".env").write_text(
            f"DATABASE_URL={SUPABASE}\nDIRECT_URL={SUPABASE.replace(':6543', ':5432')}\n"
        )

        text = fix("--driver", "prisma@6.19.3").stdout

        assert 'poolcheck reap "$DIRECT_URL" --older-than 10m' in text

    def test_every_command_line_of_poolcheck_in_it_is_one(self, project: Path) -> None:
        """Options that do not exist would be found out at night."""
        (project / ".env").write_text(f"DATABASE_URL={NEON}\n")
        lines = re.findall(r"^\s+(poolcheck .*)$", fix().stdout, re.MULTILINE)
        lines = [line for line in lines if not line.endswith((":", ";")) and "edit" not in line]

        assert len(lines) >= 2
        for line in lines:
            words = shlex.split(line.replace('"$DATABASE_URL"', "postgresql://app@127.0.0.1:1/app"))[1:]
            assert (
                CliRunner().invoke(cli, words).exit_code != 2
                or "cannot" in CliRunner().invoke(cli, words).output.lower()
            )

    def test_migration_commands_name_drivers_that_are_known(self) -> None:
        """By the catalogue's ids."""
        assert {driver.id for driver in catalogue.drivers()} >= set(MIGRATE)

    def test_markdown(self, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """For a pull request: steps as headings, lines in fences, what was not needed folded away."""
        monkeypatch.chdir(example("nextjs-prisma6-neon-direct", project))

        text = fix("--format", "markdown").stdout

        assert text.startswith("<!-- poolcheck -->\n## poolcheck fix: 1 error, 1 warning")
        assert "### 👉 1. Send app traffic through the pooler" in text
        assert "<details><summary>Not needed, and why</summary>" in text
        assert len(re.findall(r"^ *```", text, re.MULTILINE)) % 2 == 0

    def test_json(self, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """The documented sections, and what --write would do."""
        monkeypatch.chdir(example("nextjs-prisma6-neon-direct", project))

        data = record()

        assert [step["step"] for step in data["fix_path"]] == [1, 2, 3, 4, 5, 6, 7]
        assert data["command"] == "fix"
        assert data["fix"]["asked"] == "sheet"
        assert data["fix"]["written"] is False
        assert [(each["rule"], each["safe"]) for each in data["fix"]["edits"]] == [
            ("PC101", False),
            ("PC203", False),
        ]
        assert {each["rule"] for each in data["findings"]} == {"PC101", "PC203"}


class TestDiff:
    """--diff."""

    def test_only_the_diff(self, project: Path) -> None:
        """One line says that it cannot be applied, as a line that `patch` passes over."""
        (project / ".env").write_text(f"A=1\nDATABASE_URL={SUPABASE}\n")

        result = fix("--diff", "--driver", "prisma@6.19.3")

        masked = SUPABASE.replace(CANARY, "***")
        assert result.stdout == (
            "Secrets are masked: this diff is for reading and cannot be applied. poolcheck fix --write makes the edits.\n"
            f"--- a/.env\n+++ b/.env\n@@ -2 +2,2 @@\n-DATABASE_URL={masked}\n+DATABASE_URL={masked}&pgbouncer=true\n"
            f"+DIRECT_URL={masked.partition('?')[0].replace(':6543', ':5432')}\n"
        )
        done = subprocess.run(
            ["patch", "-p1", "--dry-run"], input=result.stdout, text=True, capture_output=True, check=False
        )
        assert "checking file .env" in done.stdout
        assert "FAILED" in done.stdout
        assert (project / ".env").read_text() == f"A=1\nDATABASE_URL={SUPABASE}\n"

    def test_unsafe_edits_are_counted(self, project: Path) -> None:
        """And how to see them."""
        (project / ".env").write_text(f"DATABASE_URL={NEON}\n")

        assert (
            fix("--diff").stdout
            == "No edit that is safe. 1 edit would change behaviour: poolcheck fix --diff --unsafe shows them.\n"
        )
        assert "+DIRECT_URL=" in fix("--diff", "--unsafe").stdout

    def test_colour(self, project: Path) -> None:
        """Red and green only where colour is asked for."""
        (project / ".env").write_text(f"DATABASE_URL={NEON}\n")

        assert "\x1b[1;31m-DATABASE_URL" in fix("--diff", "--unsafe", "--color", "always").stdout
        assert "\x1b" not in fix("--diff", "--unsafe").stdout


class TestWrite:
    """--write."""

    def test_safe_edits_only(self, project: Path) -> None:
        """What would change behaviour is named, and stays."""
        (project / ".env").write_text(f"DATABASE_URL={SUPABASE.replace('connection_limit=1', 'a=b')}\n")

        result = fix("--write", "--driver", "prisma@6.19.3")

        assert (project / ".env").read_text().count("pgbouncer=true") == 1
        assert "connection_limit" not in (project / ".env").read_text()
        assert "Written: 1 file" in result.stdout
        assert "Not made" in result.stdout
        assert "PC203" in result.stdout

    def test_what_is_left_is_linted(self, project: Path) -> None:
        """The exit code is that of the lint afterwards, and its findings follow."""
        (project / ".env").write_text(f"DATABASE_URL={SUPABASE}\n")

        clean = fix("--write", "--driver", "prisma@6.19.3")

        assert clean.exit_code == 0
        assert "nothing found in 2 connection strings" in clean.stdout
        (project / ".env").write_text(f"DATABASE_URL={SUPABASE}\nNEXT_PUBLIC_DATABASE_URL={SUPABASE}\n")
        left = fix("--write", "--driver", "prisma@6.19.3")
        assert left.exit_code == 1
        assert "error PC111" in left.stdout
        assert "error PC201" not in left.stdout

    def test_direct_string_of_supabase_is_one_that_answers_everywhere(self, project: Path) -> None:
        """The session pooler: the direct host has IPv6 only, unless an add-on is paid for."""
        (project / ".env").write_text(f"DATABASE_URL={SUPABASE}\n")

        fix("--write", "--driver", "prisma@6.19.3")

        direct = SUPABASE.replace(":6543", ":5432").partition("?")[0]
        assert f"\nDIRECT_URL={direct}\n" in (project / ".env").read_text()

    @pytest.mark.parametrize(
        "arguments",
        [["--diff", "--write"], ["--backup"], ["--force"], ["--interactive"], ["--diff", "--interactive"]],
    )
    def test_options_that_do_not_go_together(self, arguments: list[str]) -> None:
        """Usage: exit 2."""
        assert fix(NEON, *arguments).exit_code == 2

    def test_select(self, project: Path) -> None:
        """Edits of one rule; a name that is none is an error."""
        (project / ".env").write_text(f"DATABASE_URL={NEON}\n")

        fix("--write", "--unsafe", "--select", "PC203", "--driver", "prisma@6.19.3")

        assert (project / ".env").read_text() == f"DATABASE_URL={NEON}&connection_limit=1\n"
        assert fix("--write", "--select", "PC999").exit_code == 2
        fix("--write", "--unsafe", "--select", "direct-endpoint-for-app", "--driver", "prisma@6.19.3")
        assert "-pooler." in (project / ".env").read_text()

    def test_standard_input(self) -> None:
        """Judged, and shown; there is nothing to write back to."""
        text = f"DATABASE_URL={NEON}\n"

        assert fix("-", text=text).exit_code == 1
        assert "-pooler." in fix("-", text=text).stdout
        assert "No edit to make" in fix("-", "--diff", "--unsafe", text=text).stdout
        result = fix("-", "--write", text=text)
        assert result.exit_code == 2
        assert "cannot be written back" in result.output

    def test_backup_and_link(self, project: Path) -> None:
        """The link is said, the old content kept beside the file."""
        (project / "shared").mkdir()
        (project / "shared" / "env").write_text(f"DATABASE_URL={SUPABASE}\n")
        (project / ".env").symlink_to("shared/env")

        result = fix(".env", "--write", "--backup", "--driver", "prisma@6.19.3")

        assert "through the link to shared/env" in result.stdout
        assert (project / "shared" / "env.bak").read_text() == f"DATABASE_URL={SUPABASE}\n"
        assert "pgbouncer=true" in (project / "shared" / "env").read_text()
        assert (project / ".env").is_symlink()

    def test_named_link_that_leads_out(self, project: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
        """What reads as a place of the project is one, also where the user wrote the name; --force says otherwise."""
        outside = tmp_path_factory.mktemp("outside") / "env"
        outside.write_text(f"DATABASE_URL={SUPABASE}\n")
        (project / ".env").symlink_to(outside)
        command = (".env", "--write", "--driver", "prisma@6.19.3")

        refused = fix(*command)
        assert refused.exit_code == 2
        assert "leads out of the current folder" in refused.output
        assert outside.read_text() == f"DATABASE_URL={SUPABASE}\n"

        assert fix(*command, "--force").exit_code == 0
        assert "pgbouncer=true" in outside.read_text()

    def test_leftovers_of_a_killed_run(self, project: Path) -> None:
        """Named while there is something to write, and when the killed run had written all."""
        (project / ".env").write_text(f"DATABASE_URL={SUPABASE}\n")
        (project / ".poolcheck-0123456789abcdef.tmp").write_text("")
        for _ in range(2):
            assert ".poolcheck-0123456789abcdef.tmp" in fix("--write", "--driver", "prisma@6.19.3").output

    def test_uncommitted_changes(self, project: Path) -> None:
        """Refused with exit 2; nothing is written; --force writes."""
        (project / ".env").write_text("A=1\n")
        for words in (
            ["init", "-q"],
            ["add", "-f", ".env"],
            ["-c", "user.name=a", "-c", "user.email=a@b.invalid", "commit", "-qm", "x"],
        ):
            subprocess.run(["git", *words], check=True, capture_output=True)
        (project / ".env").write_text(f"DATABASE_URL={SUPABASE}\n")

        result = fix("--write", "--driver", "prisma@6.19.3")

        assert result.exit_code == 2
        assert "pgbouncer" not in (project / ".env").read_text()
        assert fix("--write", "--force", "--driver", "prisma@6.19.3").exit_code in (0, 1)
        assert "pgbouncer" in (project / ".env").read_text()

    def test_readonly_folder(self, project: Path) -> None:
        """A clear error, and no traceback; root writes anywhere, so this is run as somebody else."""
        (project / ".env").write_text(f"DATABASE_URL={SUPABASE}\n")
        project.chmod(0o555)
        try:
            if os.geteuid() == 0:
                pytest.skip("root may write everywhere")
            result = fix("--write", "--driver", "prisma@6.19.3")
        finally:
            project.chmod(0o755)

        assert result.exit_code == 2
        assert "cannot be written to" in result.output

    def test_leftover_of_a_killed_run_is_said(self, project: Path) -> None:
        """It may hold passwords."""
        (project / ".env").write_text(f"DATABASE_URL={SUPABASE}\n")
        (project / ".poolcheck-0011.tmp").write_text("x")

        assert (
            ".poolcheck-0011.tmp was left by a run that was killed"
            in fix("--write", "--driver", "prisma@6.19.3").stdout
        )

    def test_interactive(self, project: Path) -> None:
        """One question per edit, on stderr; no, then yes."""
        (project / ".env").write_text(f"DATABASE_URL={NEON}\n")

        result = fix("--write", "--unsafe", "--interactive", "--driver", "prisma@6.19.3", text="n\ny\n")

        assert (project / ".env").read_text() == f"DATABASE_URL={NEON}&connection_limit=1\n"
        assert result.stderr.count("Make it?") == 2
        assert "-pooler" in result.stderr
        assert "Make it?" not in result.stdout
        assert CANARY not in result.output

    @pytest.mark.parametrize(("answers", "made"), [("q\n", 0), ("a\n", 2)])
    def test_interactive_all_or_none_of_the_rest(self, project: Path, answers: str, made: int) -> None:
        """One answer for all that follow."""
        (project / ".env").write_text(f"DATABASE_URL={NEON}\n")

        result = fix("--write", "--unsafe", "--interactive", "--driver", "prisma@6.19.3", text=answers)

        text = (project / ".env").read_text()
        assert ("-pooler" in text) + ("connection_limit=1" in text) == made
        assert result.stderr.count("Make it?") == 1

    def test_interactive_without_an_answer_writes_nothing(self, project: Path) -> None:
        """End of input is a stop."""
        (project / ".env").write_text(f"DATABASE_URL={NEON}\n")

        assert fix("--write", "--unsafe", "--interactive", text="").exit_code != 0
        assert (project / ".env").read_text() == f"DATABASE_URL={NEON}\n"


class TestSecrets:
    """Only the file gets real text."""

    FILES: ClassVar = {
        "neon": f"API_KEY={CANARY}\n# old: {CANARY}\nexport DATABASE_URL='{NEON}' # pw {CANARY}\nOTHER={CANARY}\n",
        "broken": f"DATABASE_URL=postgresql://app:{CANARY}@x/{CANARY}#{CANARY}@db.example.com:5432/app?sslmode=verify-ful\nX={CANARY}\n",
        "supabase": f'MULTI="a\n{CANARY}"\nDATABASE_URL="{SUPABASE}&password={CANARY}"\n',
        "parameters": f"DATABASE_URL=postgresql://db.example.com/app?user=app&password={CANARY}&sslmode=verify-ful\n",
    }  # fmt: skip

    @pytest.mark.parametrize("name", FILES)
    @pytest.mark.parametrize(
        "mode",
        [
            [],
            ["--diff"],
            ["--diff", "--unsafe"],
            ["--write", "--unsafe", "--backup"],
            ["--write", "--unsafe", "--interactive"],
        ],
    )
    @pytest.mark.parametrize("form", ["text", "json", "markdown"])
    def test_canaries(self, name: str, mode: list[str], form: str, project: Path) -> None:
        """In no output of any kind, and in no file but the env file and its backup."""
        (project / ".env").write_text(self.FILES[name])

        result = fix(*mode, "--format", form, "--driver", "prisma@6.19.3", "-v", text="y\n" * 9)

        assert result.exit_code in (0, 1)
        shown = result.output.replace(
            f"pw {CANARY}", ""
        )  # a comment's free text is no password that could be known
        assert CANARY not in shown
        holding = {path.name for path in project.iterdir() if CANARY in path.read_text()}
        assert holding <= {".env", ".env.bak"}
        assert (project / ".env").read_text().count(CANARY) >= self.FILES[name].count(CANARY)

    def test_nothing_is_left_in_temporary_folders(
        self, project: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The only temporary file is beside the env file, and gone."""
        folder = tmp_path_factory.mktemp("tmpdir")
        monkeypatch.setenv("TMPDIR", str(folder))
        (project / ".env").write_text(self.FILES["neon"])

        code = "import sys; from poolcheck.cli import main; sys.argv = ['poolcheck', 'fix', '--write', '--unsafe']; main()"
        subprocess.run([sys.executable, "-c", code], check=False, capture_output=True)

        assert "-pooler" in (project / ".env").read_text()
        assert list(folder.iterdir()) == []
        assert {each.name for each in project.iterdir()} == {".env", "poolcheck.toml"}

    def test_refusals_and_errors(self, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """Also when something goes wrong."""
        path = project / f"{CANARY}.env"
        path.write_text(self.FILES["neon"])
        os.link(path, project / "other")

        assert run(["fix", str(path), "--write", "--unsafe"]) == 2
        shown = capsys.readouterr()
        assert CANARY not in (shown.out + shown.err).replace(f"{CANARY}.env", "")


@pytest.fixture
def account_home() -> Iterator[Path]:
    """A folder of the account that runs servers."""
    home = servers._home("pc-fix-")
    yield home
    shutil.rmtree(home, ignore_errors=True)


@pytest.mark.postgres
class TestLive:
    """--live."""

    def test_leaks_and_limits(self, postgres: Postgres, project: Path) -> None:
        """The reap command names the sessions; sizes come from the server's own limit."""
        (project / ".env").write_text(f"DATABASE_URL={postgres.url('app')}\n")
        (project / "poolcheck.toml").write_text("[thresholds]\nidle_in_transaction_old_seconds = 1\n")
        with scene(postgres) as stage:
            (leak,) = stage.open(name="worker", run="begin")
            pid = leak.info.backend_pid
            stage.open(3, name="web", run="select 1")
            time.sleep(1.5)
            data = record("--live", postgres.url("monitor"), "--runtime", "server", "--driver", "pg@8.16.0")

        meanwhile = data["fix_path"][6]
        usable = data["slots"]["usable"]
        commands = [line for code in meanwhile["code"] for line in code]
        assert data["leaks"], "the server saw none"
        assert f"of {usable} slots are taken, 1 leak seen" in meanwhile["why"]
        assert meanwhile["status"] == "do"
        assert commands[0] == f'poolcheck reap "$DATABASE_URL" --pid {pid} --older-than 1s'
        assert "of max_connections 40 (the server)" in data["fix_path"][1]["why"]

    def test_calm_server(self, postgres: Postgres, project: Path) -> None:
        """Nothing to do meanwhile, and it says what was seen."""
        (project / ".env").write_text(f"DATABASE_URL={postgres.url('app')}\n")
        with scene(postgres) as stage:
            stage.open(2, name="web", run="select 1")
            meanwhile = record("--live", postgres.url("monitor"), "--runtime", "server")["fix_path"][6]

        assert (meanwhile["status"], meanwhile["actions"]) == ("not needed", [])
        assert "2 of 37 slots are taken, and no leak is seen" in meanwhile["why"]

    def test_look_that_fails_for_another_reason(self, postgres: Postgres, project: Path) -> None:
        """The sheet is there, and the exit code says that the look is not."""
        (project / ".env").write_text(f"DATABASE_URL={POOLED}\n")

        result = fix("--live", postgres.url("nobody_of_this_name"))

        assert result.exit_code == 2
        assert "Fix path for DATABASE_URL" in result.stdout
        assert "The look at the server failed: there is no such role" in result.stdout

    def test_no_slot_left(self, postgres: Postgres, project: Path) -> None:
        """A refusal is no failure: the sheet says how to get in."""
        (project / ".env").write_text(f"DATABASE_URL={postgres.url('app')}\n")
        with scene(postgres) as stage:
            stage.fill()
            result = fix("--live", postgres.url("app"), "--runtime", "server")

        assert result.exit_code == 1
        assert "No session can be opened" in result.stdout
        assert (
            f"poolcheck live --admin postgresql://ADMIN@{postgres.host}:{postgres.port}/"
            in result.stdout.partition("Meanwhile")[2]
        )

    def test_lines_for_a_local_server(self, account_home: Path) -> None:
        """Taken from the sheet and run: the server is there, with more slots."""
        need_postgres(18)
        container, wheel = list(local_servers())
        assert re.search(r"docker run .* postgres:18 -c max_connections=500$", container.code[0])
        find = wheel.code[1].replace("$(python ", f"$({sys.executable} ")
        shown = subprocess.run(
            ["bash", "-c", f"{find}; echo $bin"], text=True, capture_output=True, check=True
        ).stdout.strip()
        assert (Path(shown) / "initdb").exists()

        port = servers.free_port()
        lines = [
            line.replace("5433", str(port)).replace("-k /tmp", f"-k {account_home}")
            for line in wheel.code[2:]
        ]
        program = f"bin={servers._usable_install(18)}/bin\n" + "\n".join(lines)
        try:
            subprocess.run(
                ["bash", "-ec", program],
                cwd=account_home,
                env=servers.CLEAN,
                check=True,
                stdout=subprocess.DEVNULL,
                **servers._as_account(),
            )
            with psycopg.connect(f"postgresql://postgres@127.0.0.1:{port}/postgres") as conn:
                row = conn.execute("SHOW max_connections").fetchone()
        finally:
            subprocess.run(
                [f"{servers._usable_install(18)}/bin/pg_ctl", "-D", "pgtest", "-m", "immediate", "stop"],
                cwd=account_home, env=servers.CLEAN, check=False, capture_output=True, **servers._as_account(),
            )  # fmt: skip
        assert row == ("500",)


def test_help_has_examples_and_every_line_of_them_runs(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it stands there, the live one left out."""
    text = fix("--help").stdout
    lines = re.findall(r"^ +(poolcheck fix.*)$", text, re.MULTILINE)
    assert len(lines) == 5
    monkeypatch.chdir(example("supabase-6543-without-flag", project))
    shutil.copy(".env", ".env.production")
    for line in lines[:4]:
        assert fix(*line.split()[2:], text="y\n" * 5).exit_code in (0, 1), line
