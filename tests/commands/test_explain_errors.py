"""`poolcheck explain` as a user runs it: texts, logs on standard input and in files, ids, lists, exit codes."""

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from poolcheck.catalogue import error_texts
from poolcheck.cli import cli

FULL = "FATAL:  sorry, too many clients already"
LOG = f"""\
2026-11-21 03:00:05.000 UTC [1] ERROR app: Timed out fetching a new connection from the connection pool.
2026-11-21 03:01:00.000 UTC [2] {FULL}
2026-11-21 03:01:07.000 UTC [3] {FULL}
"""


def explain(*arguments: str, text: str | bytes | None = None) -> Result:
    """Run the command."""
    return CliRunner().invoke(cli, ["explain", *arguments], input=text, env={"COLUMNS": "80"})


def record(*arguments: str, text: str | bytes | None = None) -> dict[str, Any]:
    """The JSON of the command."""
    found: dict[str, Any] = json.loads(explain(*arguments, "--format", "json", text=text).stdout)
    return found


class TestPieces:
    """Halves of lines and codes alone; and names of files that are not there."""

    @pytest.mark.parametrize(
        "words",
        [
            ("too many clients already",),
            ("QueuePool", "limit", "of", "size", "5", "overflow", "10", "reached"),
            ("53300",),
            ("P2024",),
        ],
    )
    def test_a_piece(self, words: tuple[str, ...]) -> None:
        assert explain(*words).exit_code == 0

    def test_what_else_it_could_be(self) -> None:
        result = " ".join(explain("too many clients already").stdout.split())

        assert "Taken for a piece of: FATAL: sorry, too many clients already" in result
        assert "It could also be: every child process of pgpool-II is busy (pgpool-children)" in result

    def test_a_piece_on_standard_input(self) -> None:
        assert (
            "Every connection slot of the server is taken"
            in explain(text="too many clients already\n").stdout
        )

    @pytest.mark.parametrize(
        "word",
        [
            "app.log",
            "logs/app",
            "./x",
            "/var/log/nothing",
            "my logs/app.log",
            r"C:\logs\x",
            "pg_hba.conf",
            "app.log.1",
            "postgresql.log.gz",
        ],
    )
    def test_a_file_that_is_not_there_is_said_to_be_so(
        self, word: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        result = explain(word)

        assert result.exit_code == 2
        assert f"{word}: no such file" in result.stderr

    def test_one_of_two_files(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        Path("a.log").write_text(f"{FULL}\n")

        assert "b.log: no such file" in explain("a.log", "b.log").stderr
        Path("b.log").write_text(f"{FULL}\n")
        assert "2 times" in explain("a.log", "b.log").stdout

    def test_a_folder(self, tmp_path: Path) -> None:
        assert "is a folder" in explain(str(tmp_path)).stderr

    @pytest.mark.parametrize("word", ["neon.tech", "org.postgresql.util.PSQLException", "hello"])
    def test_what_is_no_name_of_a_file(self, word: str) -> None:
        assert "no such file" not in explain(word).output


class TestTexts:
    """An error as an argument."""

    def test_a_known_one(self) -> None:
        result = explain(FULL)

        assert result.exit_code == 0
        assert "Every connection slot of the server is taken" in result.stdout
        assert "| FATAL: sorry, too many clients already" in result.stdout
        assert "poolcheck live" in result.stdout
        assert "5. Limit" in result.stdout
        assert "\x1b" not in result.stdout

    def test_the_documented_record(self) -> None:
        found = record(FULL)
        (item,) = found["explanations"]

        assert found["schema"] == 1
        assert found["command"] == "explain"
        assert found["summary"]["exit_code"] == 0
        assert item["id"] == "pg-too-many-clients"
        assert item["layer"] == "slots"
        assert item["sqlstate"] == "53300"
        assert item["count"] == 1
        assert item["means"]
        assert item["first"]
        assert item["sources"][0].startswith("https://")
        assert [step["step"] for step in found["fix_path"]] == [1, 2, 3, 4, 5]

    def test_without_quotes_around_it(self) -> None:
        assert (
            record("sorry,", "too", "many", "clients", "already")["explanations"][0]["id"]
            == "pg-too-many-clients"
        )

    def test_several(self) -> None:
        found = record(FULL, "ERROR:  query_wait_timeout")

        assert [item["id"] for item in found["explanations"]] == [
            "pg-too-many-clients",
            "pgbouncer-query-wait-timeout",
        ]

    def test_a_code(self) -> None:
        assert record("P2024")["explanations"][0]["layer"] == "app-pool"

    def test_one_that_is_not_known(self) -> None:
        result = explain(
            "could not obtain connection from the pool, waited 5.001 seconds, all pooled connections in use"
        )

        assert result.exit_code == 3
        assert "Not recognised" in result.stdout
        assert "activerecord-timeout" in result.stdout

    def test_one_that_resembles_nothing(self) -> None:
        result = explain("hello world")

        assert result.exit_code == 3
        assert "Nearest" not in result.stdout

    def test_its_record(self) -> None:
        found = record("hello world")

        assert found["explanations"] == []
        assert found["summary"]["exit_code"] == 3
        assert "fix_path" not in found

    @pytest.mark.parametrize("format_name", ["text", "json"])
    @pytest.mark.parametrize("more", [(), ("-v",), ("-q",)])
    def test_no_secret_in_any_format(self, format_name: str, more: tuple[str, ...]) -> None:
        result = explain(f"postgresql://app:hunter2@db.internal/shop {FULL}", "--format", format_name, *more)

        assert result.exit_code == 0
        assert "hunter2" not in result.output

    def test_more_and_less(self) -> None:
        assert "https://" in explain(FULL, "-v").stdout
        assert "Means" not in explain(FULL, "-q").stdout
        assert "Fix path" not in explain(FULL, "-q").stdout

    @pytest.mark.parametrize("width", ["60", "80", "200"])
    def test_every_page_fits_the_terminal(self, width: str) -> None:
        for error in error_texts.errors():
            result = CliRunner().invoke(cli, ["explain", error.id], env={"COLUMNS": width})

            assert result.exit_code == 0
            for line in result.stdout.splitlines():
                long_word = max((len(word) for word in line.split()), default=0) > 25
                assert len(line) <= int(width) or long_word or line.startswith("    "), (error.id, line)


class TestIds:
    """What has a page, and what is a list."""

    @pytest.mark.parametrize(
        ("word", "wanted"),
        [
            ("PC101", "PC101 direct-endpoint-for-app"),
            ("pc101", "PC101 direct-endpoint-for-app"),
            ("direct-endpoint-for-app", "PC101 direct-endpoint-for-app"),
            ("neon", "Neon"),
            ("asyncpg", "asyncpg"),
            ("pg-too-many-clients", "Every connection slot of the server is taken"),
        ],
    )
    def test_a_page(self, word: str, wanted: str) -> None:
        result = explain(word)

        assert result.exit_code == 0
        assert wanted in result.stdout.splitlines()[0]

    def test_several_pages(self) -> None:
        assert [page["id"] for page in record("PC101", "neon")["pages"]] == ["pc101", "neon"]

    @pytest.mark.parametrize(
        ("name", "wanted"),
        [
            ("rules", "PC101"),
            ("providers", "neon"),
            ("drivers", "asyncpg"),
            ("errors", "pg-too-many-clients"),
        ],
    )
    def test_a_list(self, name: str, wanted: str) -> None:
        result = explain(name)

        assert result.exit_code == 0
        assert wanted in result.stdout

    def test_an_id_and_a_text_are_a_text(self) -> None:
        """`neon` alone is the provider; in a sentence it is a word."""
        assert "pages" not in record("neon", "says", "sorry,", "too", "many", "clients", "already")

    def test_an_id_and_a_code(self) -> None:
        found = record("PC101", "P2024")

        assert found["pages"][0]["id"] == "pc101"
        assert found["explanations"][0]["id"] == "prisma-p2024"

    def test_an_entry_says_what_to_run_too(self) -> None:
        assert "Run next" in explain("pg-role-limit").stdout

    def test_a_text_that_begins_with_an_id(self) -> None:
        assert record("prisma P2024")["explanations"][0]["id"] == "prisma-p2024"

    def test_a_near_id(self) -> None:
        result = explain("pgpol-children")

        assert result.exit_code == 3
        assert "pgpool-children" in result.stdout


class TestLogs:
    """Standard input and files."""

    def test_standard_input_needs_no_argument(self) -> None:
        found = record(text=LOG)

        assert [(item["id"], item["count"], item["first_seen"]) for item in found["explanations"]] == [
            ("prisma-p2024", 1, "2026-11-21T03:00:05Z"),
            ("pg-too-many-clients", 2, "2026-11-21T03:01:00Z"),
        ]
        assert [onset["layer"] for onset in found["story"]] == ["app-pool", "slots"]
        assert found["read"] == {"bytes": len(LOG), "records": 3}

    def test_a_dash_is_standard_input(self) -> None:
        assert record("-", text=LOG)["explanations"]

    def test_the_story_in_words(self) -> None:
        result = explain(text=LOG)

        assert "in the order in which they began to fail" in result.stdout
        assert "2 times, 2026-11-21T03:01:00Z to 2026-11-21T03:01:07Z" in result.stdout

    @pytest.mark.parametrize("packed", [False, True])
    def test_files(self, packed: bool, tmp_path: Path) -> None:
        path = tmp_path / "app.log"
        path.write_bytes(gzip.compress(LOG.encode()) if packed else LOG.encode())

        assert record("--file", str(path))["read"]["records"] == 3
        assert record("-f", str(path), "-f", str(path))["read"]["records"] == 6

    def test_a_file_as_an_argument_is_read(self, tmp_path: Path) -> None:
        path = tmp_path / "app.log"
        path.write_text(LOG)
        found = record(str(path))

        assert found["read"]["records"] == 3
        assert "is a file" in found["notes"][0]

    def test_packed_standard_input(self) -> None:
        assert record(text=gzip.compress(LOG.encode()))["read"]["records"] == 3

    def test_a_log_that_breaks_off_is_told(self, tmp_path: Path) -> None:
        path = tmp_path / "app.log.gz"
        path.write_bytes(gzip.compress(LOG.encode() * 50)[:-9])
        result = explain("--file", str(path))

        assert result.exit_code == 0
        assert "could not be read to its end" in result.stdout

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (("--file", "nowhere.log"), "cannot read nowhere.log"),
            (("--file", "."), "cannot read ."),
            (("text", "--file", "x"), "not both"),
        ],
    )
    def test_what_cannot_be_read(self, arguments: tuple[str, ...], said: str) -> None:
        result = subprocess.run(
            [sys.executable, "-m", "poolcheck", "explain", *arguments],
            capture_output=True,
            text=True,
            check=False,
        )

        assert result.returncode == 2
        assert said in result.stderr
        assert "Traceback" not in result.stderr

    def test_nothing_in_a_log_is_no_error_but_nothing_was_recognised(self) -> None:
        assert explain(text="2026-11-21 03:00:00 INFO all is well\n").exit_code == 3
        assert explain(text="").exit_code == 3

    def test_a_report_in_a_file(self, tmp_path: Path) -> None:
        path = tmp_path / "report.json"
        result = explain(FULL, "--format", "json", "--output", str(path))

        assert (result.exit_code, result.stdout) == (0, "")
        assert json.loads(path.read_text())["explanations"]

    def test_a_reader_that_leaves_is_no_error(self, tmp_path: Path) -> None:
        path = tmp_path / "app.log"
        path.write_text(LOG * 2000)
        with path.open("rb") as log:
            child = subprocess.Popen(
                [sys.executable, "-m", "poolcheck", "explain", "-v"],
                stdin=log,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
            assert child.stdout is not None
            assert child.stderr is not None
            child.stdout.close()
            error = child.stderr.read()
            child.stderr.close()
            assert child.wait(30) in (0, 141)

        assert error == b""

    def test_a_terminal_without_text_is_asked_for_one(self) -> None:
        """Waiting for somebody to type a log would look like hanging."""
        if not hasattr(os, "openpty"):
            pytest.skip("no pseudo terminals here")
        ours, theirs = os.openpty()
        try:
            done = subprocess.run(
                [sys.executable, "-m", "poolcheck", "explain"],
                stdin=theirs,
                capture_output=True,
                text=True,
                check=False,
            )
        finally:
            os.close(ours)
            os.close(theirs)

        assert done.returncode == 2
        assert "pipe a log" in done.stderr

    def test_input_that_comes_slowly(self) -> None:
        """`kubectl logs -f ... | head | poolcheck explain`: blocks arrive in pieces."""
        child = subprocess.Popen(
            [sys.executable, "-m", "poolcheck", "explain", "--format", "json"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert child.stdin is not None
        for piece in (LOG[:1], LOG[1:60], LOG[60:150], LOG[150:]):
            child.stdin.write(piece.encode())
            child.stdin.flush()
            time.sleep(0.05)
        out, _ = child.communicate(timeout=30)

        assert json.loads(out)["read"]["records"] == 3


def started(*arguments: str) -> "subprocess.Popen[bytes]":
    """The command in a process of its own, reading from a pipe."""
    return subprocess.Popen(
        [sys.executable, "-m", "poolcheck", "explain", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "COLUMNS": "80"},
    )


def told(child: "subprocess.Popen[bytes]", *pieces: str) -> None:
    """Write to the process, which reads it before the next one comes."""
    assert child.stdin is not None
    for piece in pieces:
        child.stdin.write(piece.encode())
        child.stdin.flush()


def waits_for_input(pid: int) -> bool:
    """Whether the process sleeps, as it does in a read of a pipe that is empty."""
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "S"


def settled(pid: int) -> None:
    """Wait until the process has slept in three looks in a row."""
    seen = 0
    for _ in range(600):
        seen = seen + 1 if waits_for_input(pid) else 0
        if seen == 3:
            return
        time.sleep(0.1)
    raise AssertionError("it never waited for input")


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="there is no /proc to see a process wait")
class TestALogThatGoesOn:
    """`kubectl logs -f deploy/web | poolcheck explain`: it ends when somebody has seen enough."""

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    @pytest.mark.parametrize("arguments", [(), ("--follow",)])
    def test_a_signal_prints_what_was_found(self, number: signal.Signals, arguments: tuple[str, ...]) -> None:
        child = started(*arguments)
        told(child, LOG)
        settled(child.pid)
        child.send_signal(number)
        out, error = child.communicate(timeout=60)

        assert (child.returncode, error) == (0, b"")
        assert b"2 times, 2026-11-21T03:01:00Z to 2026-11-21T03:01:07Z" in out
        assert b"Stopped before the end of the log" in out

    def test_a_signal_before_anything_came(self) -> None:
        child = started()
        settled(child.pid)
        child.send_signal(signal.SIGINT)
        out, error = child.communicate(timeout=60)

        assert (child.returncode, error) == (3, b"")
        assert b"Stopped before the end of the log" in out

    def test_a_signal_to_every_process_of_a_large_log(self) -> None:
        """As a terminal sends it: what the other processes count is not lost."""
        child = started("--format", "json")
        quiet = '2026-11-21T03:00:00.000Z 10.0.0.7 "GET /orders HTTP/1.1" 200 1234 connection=keep-alive ok\n'
        lines = (LOG + quiet * 200) * 2_000
        told(child, lines)
        settled(child.pid)
        for one in (child.pid, *children(child.pid)):
            os.kill(one, signal.SIGINT)
        out, _ = child.communicate(timeout=120)

        assert json.loads(out)["read"]["records"] == 6_000

    def test_following_tells_as_it_comes(self) -> None:
        child = started("--follow")
        assert child.stdout is not None
        told(child, LOG.splitlines(keepends=True)[0])
        assert b"app-pool: Prisma's own pool" in child.stdout.readline()
        assert b"  First  " in child.stdout.readline()
        told(
            child,
            "".join(f"2026-11-21 03:02:{second:02d}.000 UTC [{second}] {FULL}\n" for second in range(40)),
        )
        rest, _ = child.communicate(timeout=60)

        assert b"slots: 39 x every connection slot" in rest or b"slots: 40 x every connection slot" in rest
        assert b"The layers, in the order in which they began to fail" in rest

    def test_following_a_file(self, tmp_path: Path) -> None:
        path = tmp_path / "app.log"
        path.write_text(LOG)
        child = started("--follow", "--file", str(path))
        assert child.stdout is not None
        assert b"app-pool" in child.stdout.readline()
        with path.open("a") as log:
            log.write(
                "2026-11-21 03:09:00.000 UTC [9] FATAL:  terminating connection due to administrator command\n"
            )
        while b"killed: the session was terminated" not in child.stdout.readline():
            pass
        child.send_signal(signal.SIGTERM)
        rest, _ = child.communicate(timeout=60)

        assert b"Stopped before the end of the log" in rest

    def test_following_for_programs_says_nothing_before_the_end(self) -> None:
        child = started("--follow", "--format", "json")
        out, _ = child.communicate(LOG.encode(), timeout=60)

        assert json.loads(out)["read"]["records"] == 3

    @pytest.mark.parametrize(
        "arguments", [("a text", "--follow"), ("--follow", "--file", "a", "--file", "b")]
    )
    def test_what_cannot_be_followed(self, arguments: tuple[str, ...]) -> None:
        assert "--follow reads standard input, or one --file" in explain(*arguments).stderr


def children(pid: int) -> list[int]:
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
