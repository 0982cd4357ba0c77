"""`poolcheck lint` as a user runs it: arguments, exit codes, bad input, and not one secret."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from poolcheck.cli import cli, run

NEON = "postgresql://app:s3cret@ep-cool-darkness-a1b2c3d4.us-east-2.aws.neon.tech/app?sslmode=require"
POOLED = NEON.replace("a1b2c3d4.", "a1b2c3d4-pooler.")


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of its own, which no config file above can change."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "poolcheck.toml").write_text("")
    return tmp_path


def lint(*arguments: str, text: str | bytes | None = None) -> Result:
    """Run the command."""
    return CliRunner().invoke(cli, ["lint", *arguments], input=text, env={"COLUMNS": "80"})


def rules(result: Result) -> set[str]:
    """The rules of a JSON report."""
    return {load["rule"] for load in json.loads(result.stdout)["findings"]}


class TestInputs:
    """What can be named."""

    def test_no_argument_is_the_current_folder(self, project: Path) -> None:
        """Every env file of the project, in subfolders too."""
        (project / "apps" / "web").mkdir(parents=True)
        (project / ".env").write_text(f"DATABASE_URL={NEON}\n")
        (project / "apps" / "web" / "env.production").write_text(f"DATABASE_URL={NEON}\n")

        record = json.loads(lint("--format", "json").stdout)

        assert [t["location"]["path"] for t in record["targets"]] == [".env", "apps/web/env.production"]

    def test_url(self) -> None:
        """A connection string in quotes."""
        assert "PC101" in rules(lint(NEON, "--format", "json"))

    def test_several_at_once(self, project: Path) -> None:
        """A file and a string."""
        (project / "a.env").write_text(f"DATABASE_URL={POOLED}\n")

        record = json.loads(lint("a.env", NEON, "--format", "json").stdout)

        assert {"a.env", ""} == {t["location"]["path"] for t in record["targets"]}

    @pytest.mark.parametrize("text", [NEON, f"DATABASE_URL={NEON}\n", f"export DATABASE_URL='{NEON}'"])
    def test_stdin(self, text: str) -> None:
        """A bare string or the text of an env file."""
        result = lint("-", "--format", "json", text=text)

        assert "PC101" in rules(result)

    def test_ignored_env_files_count_and_other_ignored_files_do_not(self, project: Path) -> None:
        """.gitignore names .env because it is secret; a folder it names is left out."""
        (project / ".gitignore").write_text(".env*\nold/\n")
        (project / ".env").write_text(f"DATABASE_URL={NEON}\n")
        (project / "old").mkdir()
        (project / "old" / ".env").write_text(f"DATABASE_URL={NEON}\n")
        (project / "node_modules" / "x").mkdir(parents=True)
        (project / "node_modules" / "x" / ".env").write_text(f"DATABASE_URL={NEON}\n")

        record = json.loads(lint("--format", "json").stdout)

        assert [t["location"]["path"] for t in record["targets"]] == [".env"]

    def test_symbolic_link_loop_ends(self, project: Path) -> None:
        """A folder that links to itself is not entered."""
        (project / "loop").symlink_to(project, target_is_directory=True)
        (project / ".env").write_text(f"DATABASE_URL={POOLED}\n")

        assert len(json.loads(lint("--format", "json").stdout)["targets"]) == 1


class TestContext:
    """What is concluded, and from which file."""

    def test_nearest_manifest_speaks(self, project: Path) -> None:
        """A package's own Prisma, not the root's."""
        (project / "package.json").write_text(
            '{"dependencies": {"prisma": "7.10.1", "@prisma/client": "7.10.1"}}'
        )
        web = project / "web"
        web.mkdir()
        (web / "package.json").write_text('{"dependencies": {"@prisma/client": "6.19.3"}}')
        (web / ".env").write_text(f"DATABASE_URL={POOLED}\n")

        record = json.loads(lint("web/.env", "--format", "json").stdout)

        assert record["context"]["drivers"][0] == {
            "id": "prisma",
            "version": "6.19.3",
            "source": "web/package.json",
        }
        assert "PC203" in {each["rule"] for each in record["findings"]}

    def test_roles_come_from_the_schema_and_not_from_names(self, project: Path) -> None:
        """The schema reads MAIN as the app's and OTHER as the migrations'."""
        (project / "package.json").write_text('{"dependencies": {"@prisma/client": "6.19.3"}}')
        (project / "schema.prisma").write_text(
            'datasource db {\n provider = "postgresql"\n url = env("MAIN")\n directUrl = env("OTHER")\n}\n'
        )
        (project / ".env").write_text(f"OTHER={POOLED}\nMAIN={POOLED}&connection_limit=1\n")

        record = json.loads(lint("--format", "json").stdout)

        assert {t["name"]: t["role"] for t in record["targets"]} == {"OTHER": "migration", "MAIN": "app"}
        assert "PC103" in {each["rule"] for each in record["findings"]}

    def test_config_only_string_serves_the_app_too(self, project: Path) -> None:
        """Prisma 7's config names the one string there is: it is judged as the app's."""
        (project / "package.json").write_text(
            '{"dependencies": {"@prisma/client": "7.10.1", "@prisma/adapter-pg": "7.10.1"}}'
        )
        (project / "prisma.config.ts").write_text(
            'import { defineConfig, env } from "prisma/config";\n'
            'export default defineConfig({ datasource: { url: env("DATABASE_URL") } });\n'
        )
        (project / ".env").write_text(f"DATABASE_URL={NEON}\n")

        assert "PC101" in rules(lint("--format", "json"))

    def test_runtime_option_wins_over_files(self, project: Path) -> None:
        """vercel.json says serverless; the option says server, and a direct endpoint is then silent."""
        (project / "vercel.json").write_text("{}")
        (project / ".env").write_text(f"DATABASE_URL={NEON}\n")

        assert "PC101" in rules(lint("--format", "json"))
        assert "PC101" not in rules(lint("--runtime", "server", "--format", "json"))

    def test_database_in_parts(self, project: Path) -> None:
        """PGHOST and its family make a target; DB_* only where PostgreSQL is named or its port is."""
        (project / ".env").write_text(
            "PGHOST=ep-cool-darkness-a1b2c3d4.us-east-2.aws.neon.tech\nPGUSER=app\nPGPASSWORD=s3cret\nPGDATABASE=app\n"
            "DB_HOST=mysql.internal\nDB_PORT=3306\n"
        )

        record = json.loads(lint("--format", "json").stdout)

        assert [t["name"] for t in record["targets"]] == ["PGHOST"]
        assert "PC101" in {each["rule"] for each in record["findings"]}


class TestExitCodes:
    """0, 1, 2, 3 as documented."""

    def test_clean(self) -> None:
        """Nothing at or above error."""
        assert lint(POOLED, "--driver", "pg").exit_code == 0

    def test_findings(self) -> None:
        """An error fails; --fail-on never does not."""
        assert lint(NEON).exit_code == 1
        assert lint(NEON, "--fail-on", "never").exit_code == 0

    def test_warning_fails_when_asked(self) -> None:
        """--fail-on warning."""
        url = f"{POOLED}&connection_limt=1"
        assert lint(url).exit_code == 0
        assert lint(url, "--fail-on", "warning").exit_code == 1

    def test_nothing_to_check(self, project: Path) -> None:
        """A gate that checks nothing must not be green."""
        (project / ".env").write_text("PORT=3000\n")
        assert lint().exit_code == 3

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (["missing.env"], "no such file"),
            (["mysql://u:s3cret@h/d"], "not a PostgreSQL"),
            ([NEON, "--select", "PC999"], "PC999"),
            ([NEON, "--driver", "prsma@6"], "Did you mean prisma"),
            ([NEON, "--provider", "nowhere"], "nowhere"),
            ([NEON, "--plan", "galaxy"], "galaxy"),
            ([NEON, "--output", "no/such/folder/x.txt"], "cannot write"),
            ([NEON, "--format", "xml"], "xml"),
            ([NEON, "--surge", "lots"], "surge"),
        ],
    )
    def test_failures_say_what_to_do(
        self, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Exit 2, on stderr, without a traceback or a password."""
        code = run(["lint", *arguments])

        captured = capsys.readouterr()
        assert code == 2
        assert said in captured.err
        assert captured.out == ""
        assert "Traceback" not in captured.err
        assert "s3cret" not in captured.err


class TestBadFiles:
    """Files as they come."""

    @pytest.mark.parametrize(
        ("name", "data", "said"),
        [
            (".env", b"DATABASE_URL=postgresql://app:s\xff3cret@localhost/app\n", "not UTF-8"),
            (".env", "DATABASE_URL=postgresql://app:x@localhost/app\n".encode("utf-16"), "UTF-16"),
            (".env", b"DATABASE_URL=postgresql://app:x@localhost/app\x00\n", "NUL"),
            ("package.json", b'{"dependencies": {', "package.json:1"),
        ],
    )
    def test_unreadable_parts_are_reported_as_skipped(
        self, project: Path, name: str, data: bytes, said: str
    ) -> None:
        """Never passed over, never a traceback."""
        (project / ".env.local").write_text(f"DATABASE_URL={POOLED}\n")
        (project / name).write_bytes(data)

        result = lint("--format", "json")

        skipped = json.loads(result.stdout)["skipped"]
        assert said in " ".join(f"{each['what']} {each['why']}" for each in skipped)

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
    def test_file_without_permission(self, project: Path) -> None:
        """Named by the user it is an error, found by walking it is skipped."""
        (project / ".env").write_text("A=1\n")
        (project / ".env").chmod(0)

        assert lint(".env").exit_code == 2

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("instances = 0\n", "poolcheck.toml:1: instances: must be at least 1"),
            ("[thresholds]\nwarn_at = 2\n", "poolcheck.toml:2: thresholds.warn_at"),
            ("instnces = 1\n", "Did you mean instances"),
            ("fail_on = 'eror'\n", "Did you mean error"),
            ("select = 3\n", "list of strings"),
            ("a = [\n", "not valid TOML"),
        ],
    )
    def test_config_complaints_are_exact(
        self, project: Path, text: str, said: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """File, line, key, and what was meant."""
        (project / "poolcheck.toml").write_text(text)

        assert run(["lint", POOLED]) == 2
        assert said in capsys.readouterr().err

    def test_hundred_thousand_lines(self, project: Path) -> None:
        """A large env file is read, and its last line judged."""
        (project / ".env").write_text(
            "".join(f"A{n}=value {n}\n" for n in range(100_000)) + f"DATABASE_URL={NEON}\n"
        )

        result = lint(".env", "--format", "json")

        assert json.loads(result.stdout)["findings"][0]["location"]["line"] == 100_001

    @pytest.mark.parametrize(("size", "code"), [(900_000, 3), (50_000_000, 2)])
    def test_line_of_megabytes(self, project: Path, size: int, code: int) -> None:
        """It ends in words, not in a hang; an env file of more than 2 MB is none."""
        (project / ".env").write_text("DATABASE_URL=postgresql://app:" + "a" * size + "@localhost/app\n")

        result = lint(".env", "--format", "json")

        assert result.exit_code == code
        if code == 2:
            assert "larger than 2 MB" in result.output
            return
        assert "characters; no connection string has" in json.loads(result.stdout)["skipped"][0]["why"]
        assert len(result.stdout) < 10_000


class TestIgnoreComments:
    """`# poolcheck: ignore[...]`."""

    def test_covers_its_line_and_is_counted(self, project: Path) -> None:
        """On the line, or on the line above."""
        (project / ".env").write_text(f"# poolcheck: ignore[PC101] nightly job\nDATABASE_URL={NEON}\n")

        record = json.loads(lint("--format", "json").stdout)

        assert record["findings"] == []
        assert [each["rule"] for each in record["suppressed"]] == ["PC101"]
        assert record["summary"]["suppressed"] == 1

    def test_unused_one_is_reported(self, project: Path) -> None:
        """With the id that covers nothing."""
        (project / ".env").write_text(f"DATABASE_URL={POOLED} # poolcheck: ignore[PC102]\n")

        assert rules(lint("--format", "json")) == {"PC115"}


CANARY = "hunter2xyzzy"
SPECIALS = st.text(alphabet="@:/#?%&=+ $!'\"\\[]{}<>,;~", max_size=4)


@st.composite
def urls(draw: st.DrawFn) -> str:
    """Connection strings, well-formed and not, with a canary wherever a secret can stand."""
    password = draw(SPECIALS) + CANARY + draw(SPECIALS)
    host = draw(
        st.sampled_from(["localhost", "ep-x-a1.us-east-2.aws.neon.tech", "db.acme.dev:5432", "[::1]", ""])
    )
    query = draw(
        st.sampled_from(
            [
                "",
                "?sslmode=require",
                f"?password={CANARY}",
                f"?sslpassword={CANARY}&x=1",
                f"?api_key={CANARY}",
            ]
        )
    )
    shape = draw(st.integers(0, 5))
    return [
        f"postgresql://app:{password}@{host}/app{query}",
        f"postgres://app:{password}@{host}{query}",
        f"postgresql+asyncpg://app:{password}@{host}/{query}",
        f"prisma://accelerate.prisma-data.net/?api_key={password.replace('&', '')}",  # an & ends the value
        f"host={host or 'h'} user=app password='{CANARY}' dbname=app",
        f"jdbc:postgresql://{host or 'h'}/app?user=app&password={CANARY}",
    ][shape]


class TestSecrets:
    """Not one secret, in any format or stream, for any input."""

    @settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(url=urls(), quote=st.sampled_from(["", '"', "'"]), verbose=st.booleans())
    @example(url=f"postgresql://app::'#{CANARY}':@localhost/app", quote="'", verbose=False)
    @example(url=f"postgresql://app:12 #{CANARY}@localhost/app", quote="", verbose=False)
    @example(url=f'postgresql://app:?{CANARY}"#@localhost/app', quote='"', verbose=False)
    def test_canaries_stay_inside(self, project: Path, url: str, quote: str, verbose: bool) -> None:
        """Planted in password, user-info and query; looked for whole and percent-decoded."""
        (project / ".env").write_text(
            f"DATABASE_URL={quote}{url}{quote}\nDIRECT_URL={quote}{url}{quote}\n", encoding="utf-8"
        )
        for form in ("text", "json"):
            result = lint(
                ".env",
                "--format",
                form,
                *(["-v"] if verbose else []),
                "--driver",
                "prisma@6",
                "--fail-on",
                "never",
            )
            assert result.exception is None or isinstance(result.exception, SystemExit)
            assert CANARY not in result.output
            assert result.exit_code in (0, 3)

    @settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(text=st.text(max_size=300))
    def test_no_text_makes_a_traceback(self, project: Path, text: str) -> None:
        """Any text at all as an env file."""
        (project / ".env").write_bytes(text.encode("utf-8", "surrogatepass"))

        result = lint(".env", "--format", "json")

        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        assert result.exit_code in (0, 1, 3)


class TestTerminals:
    """Colour, pipes, widths."""

    def test_no_escape_when_piped_and_colour_when_asked(self) -> None:
        """--color always colours; a pipe does not."""
        assert "\x1b[" not in lint(NEON).output
        assert "\x1b[" in CliRunner().invoke(cli, ["lint", NEON, "--color", "always"], color=True).output

    @pytest.mark.parametrize("width", [60, 80, 140])
    def test_lines_fit(self, width: int) -> None:
        """Nothing but lines to copy is wider than the terminal."""
        result = CliRunner().invoke(cli, ["lint", NEON, "--driver", "prisma@6"], env={"COLUMNS": str(width)})

        long = [line for line in result.output.splitlines() if len(line) > width]
        assert all("postgresql://" in line or line.startswith("         ") for line in long), long

    def test_closed_pipe_is_not_an_error(self) -> None:
        """`poolcheck lint | head -1` gives no complaint."""
        done = subprocess.run(
            f"{sys.executable} -m poolcheck lint '{NEON}' -v | head -1",
            shell=True, capture_output=True, text=True, check=False,
        )  # fmt: skip

        assert done.stderr == ""

    def test_ascii_terminal(self) -> None:
        """Where the encoding has no symbols, words and ASCII do."""
        done = subprocess.run(
            [sys.executable, "-m", "poolcheck", "lint", NEON],
            capture_output=True, check=False, env={**os.environ, "PYTHONIOENCODING": "ascii"},
        )  # fmt: skip

        assert b"error PC101" in done.stdout
        assert done.stderr == b""


class TestCommandLine:
    """The program itself."""

    def test_nearest_command_is_named(self, capsys: pytest.CaptureFixture[str]) -> None:
        """A typing mistake."""
        assert run(["lnt"]) == 2
        assert "Did you mean lint?" in capsys.readouterr().err

    def test_a_failure_is_no_all_clear(self) -> None:
        """A server that nobody could look at is not called clean."""
        result = CliRunner().invoke(cli, ["live", "postgresql://app:x@127.0.0.1:1/app", "--isolated"])

        assert result.exit_code == 2
        assert "could not look" in result.stdout
        assert "nothing found" not in result.stdout

    def test_version(self) -> None:
        """Eager, and nothing else is asked for."""
        assert CliRunner().invoke(cli, ["--version"]).output.startswith("poolcheck, version ")


class TestOutputFile:
    """--output."""

    def test_report_goes_into_the_file_whole(self, project: Path) -> None:
        """Nothing on stdout, nothing beside the file, its mode and a link to it kept."""
        real = project / "real.json"
        real.write_text("old")
        real.chmod(0o640)
        (project / "report.json").symlink_to(real)

        result = lint(NEON, "--format", "json", "-o", "report.json")

        assert result.stdout == ""
        assert json.loads(real.read_text())["command"] == "lint"
        assert real.stat().st_mode & 0o777 == 0o640
        assert (project / "report.json").is_symlink()
        assert not list(project.glob("*.tmp"))

    def test_folder_is_no_file(self, project: Path) -> None:
        """A clear error, and the folder is still there."""
        (project / "reports").mkdir()

        assert lint(NEON, "-o", "reports").exit_code == 2
        assert (project / "reports").is_dir()
