"""One visual language over all commands: any width, any encoding, with colour and without, and in words alone."""

import os
import pty
import re
import select
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner

from poolcheck.cli import cli
from poolcheck.output import json as as_json
from poolcheck.output import text
from poolcheck.output.paint import Style
from poolcheck.text import width
from tests.commands.running import poolcheck
from tests.live.scenes import report as live_report
from tests.live.scenes import scene
from tests.output.sample import sample
from tests.output.test_html import crowded
from tests.servers import Postgres

ROOT = Path(__file__).parents[2]
LOG = """2026-11-21 03:00:01.100 UTC [10] FATAL:  sorry, too many clients already
2026-11-21 03:00:02.100 UTC [11] FATAL:  sorry, too many clients already
2026-11-21 03:00:04 Error: Timed out fetching a new connection from the connection pool. P2024
2026-11-21 03:00:05.000 UTC [7] ERROR: query_wait_timeout
"""
COMMANDS: dict[str, list[str]] = {
    "lint": ["lint", "examples/nextjs-prisma6-neon-direct"],
    "lint -v": ["lint", "-v", "examples/supabase-6543-without-flag"],
    "lint clean": ["lint", "examples/nextjs-prisma6-neon-mended"],
    "gate": ["gate", "examples/kubernetes-ten-replicas", "--instances", "10", "--max", "100", "--statistics"],
    "size": ["size", "--max", "100", "--instances", "10", "--tps", "200", "--hold-ms", "20", "--cores", "4"],
    "size share": ["size", "--max", "100", "--share", "web=8,worker=4x2,cron=1@1"],
    "size pooler": ["size", "--max", "100", "--instances", "200", "--pooler", "--pairs", "2"],
    "ramp": ["simulate", "--from", "8", "--to", "240", "--in", "90s", "--limit", "5", "--max", "100"],
    "traffic": ["simulate", "--rate", "67/m..2000/m", "--in", "90s", "--hold-ms", "700", "--preset", "lambda"],
    "pooler": ["simulate", "--rate", "2000/m", "--hold-ms", "720", "--limit", "5", "--pooler", "33"],
    "explain": ["explain", "Timed out fetching a new connection from the connection pool."],
    "explain log": ["explain", LOG],
    "explain unknown": ["explain", "too many clowns already in the car"],
    "explain rule": ["explain", "PC204"],
    "explain provider": ["explain", "neon"],
    "explain driver": ["explain", "prisma"],
    "explain rules": ["explain", "rules"],
    "fix": ["fix", "examples/nextjs-prisma6-neon-direct"],
    "map": ["map", "examples/compose-three-services"],
    "config": ["config"],
}  # fmt: skip
SGR = re.compile(r"\x1b\[([\d;]*)m")
CODE = "\x1b[36m"  # lines to copy are never wrapped
OURS = {
    "✖": "x",
    "▲": "!",
    "●": "i",
    "✔": "+",
    "➜": ">",
    "·": ".",
    "█": "#",
    "░": ".",
    "…": "~",
    "├": "|",
    "└": "`",
    "│": "|",
    "─": "-",
}


@pytest.fixture(autouse=True)
def _root(monkeypatch: pytest.MonkeyPatch) -> None:
    """The examples by their short names."""
    monkeypatch.chdir(ROOT)


def run(args: Sequence[str], *extra: str, columns: int = 80) -> str:
    """What a command prints at a width."""
    result = CliRunner().invoke(cli, [*args, *extra], env={"COLUMNS": str(columns)})
    assert result.exit_code in (0, 1, 3), result.output
    return result.stdout


def too_wide(shown: str, columns: int) -> list[str]:
    """Lines of prose that are wider than the screen. A long word may be, with no more than a label: it is to be copied."""
    found = []
    for line in shown.splitlines():
        plain = re.sub(r"^\S+:\d+: (?=\w+ PC\d{3} )", "", SGR.sub("", line))  # a path is never cut
        if width(plain) > columns and CODE not in line and len(plain.split()) > 2:
            found.append(plain)
    return found


@pytest.mark.parametrize("columns", [60, 80, 140])
@pytest.mark.parametrize("name", COMMANDS)
def test_fits_the_width(name: str, columns: int) -> None:
    """No line of prose is wider than the screen."""
    assert too_wide(run(COMMANDS[name], "--color", "always", columns=columns), columns) == []


@pytest.mark.parametrize("columns", [60, 80, 140])
def test_made_reports_fit_too(columns: int) -> None:
    """A crowded server, its pooler, and a gate with everything."""
    for made in (crowded(), sample()):
        shown = text.render(made, Style(width=columns, color=True))
        assert too_wide(shown, columns) == [], made.command


@pytest.mark.parametrize("name", COMMANDS)
def test_colour_is_never_alone(name: str) -> None:
    """Only the terminal's own eight colours, no backgrounds; without them the same words."""
    colored = run(COMMANDS[name], "--color", "always")
    codes = {code for found in SGR.findall(colored) for code in found.split(";")}

    assert codes <= {"0", "1", "2", "31", "32", "33", "36"}
    assert "\x1b" not in SGR.sub("", colored)
    plain = run(COMMANDS[name], "--color", "never")
    if name.startswith("explain "):  # rich's page: its blank lines may stand elsewhere
        assert SGR.sub("", colored).split() == plain.split()
    else:
        assert SGR.sub("", colored) == plain


def on_terminal(env: dict[str, str]) -> bytes:
    """What a terminal of 80 columns gets."""
    end, inner = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "poolcheck", *COMMANDS["lint"]],
        stdin=subprocess.DEVNULL, stdout=inner, stderr=inner,
        env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "TERM": "xterm", "COLUMNS": "80", **env},
    )  # fmt: skip
    os.close(inner)
    seen = b""
    while select.select([end], [], [], 30)[0]:
        try:
            part = os.read(end, 65536)
        except OSError:  # Linux's way to say that the other side is closed
            break
        if not part:
            break
        seen += part
    process.wait(30)
    os.close(end)
    return seen


def test_colour_on_terminals_only() -> None:
    """A terminal gets colour; with NO_COLOR, TERM=dumb or in a pipe nobody does."""
    assert b"\x1b[1;31m" in on_terminal({})
    for quiet in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        shown = on_terminal(quiet)
        assert b"PC101" in shown
        assert b"\x1b" not in shown
    assert "\x1b" not in poolcheck(*COMMANDS["lint"]).out


@pytest.mark.parametrize("name", ["lint", "gate", "size", "ramp", "explain", "explain log", "fix", "map"])
def test_code_pages(name: str) -> None:
    """Where the encoding lacks our symbols, ASCII stands for them; nothing is lost and nothing is a question mark."""

    def at(coding: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "poolcheck", *COMMANDS[name]],
            env={"PATH": os.environ["PATH"], "PYTHONIOENCODING": coding, "COLUMNS": "80"},
            capture_output=True, check=False, timeout=60,
        )  # fmt: skip
        assert done.stderr == b""
        return done.stdout.decode(coding)

    everything = at("utf-8")
    for encoding in ("cp1252", "cp437", "cp850", "cp932", "ascii", "latin-1"):
        assert at(encoding) == "".join(OURS.get(char, char) for char in everything), encoding


class TestPlain:
    """--plain: words only."""

    @staticmethod
    def check(shown: str) -> None:
        """ASCII, no colour, no symbol for a word, no caret, bar, box or column of dots."""
        assert shown.isascii()
        assert "\x1b" not in shown
        for line in shown.splitlines():
            assert not re.match(r"\s*[-*|>+x!.?i~^#]\s", line), line
            assert not re.search(r"[#=_.\-|~^]{4,}", line), line
            assert not re.fullmatch(r"[\s^]*\^[\s^]*", line), line
            assert not re.search(r"\S {3,}\S", line), line

    @pytest.mark.parametrize(
        "name", [name for name in COMMANDS if name not in ("explain rule", "size pooler")]
    )
    def test_commands(self, name: str) -> None:
        """Every command, whatever the terminal's width and colour."""
        shown = run(COMMANDS[name], "--plain", "--color", "always", columns=40)

        self.check(shown)
        assert shown == run(COMMANDS[name], "--plain", columns=140)

    def test_nothing_is_left_out(self) -> None:
        """A paragraph is one line: each finding, its reason and its place whole."""
        shown = run(COMMANDS["lint"], "--plain").splitlines()
        words = [line.strip() for line in shown]

        assert shown[0].endswith("/.env:2:39: error PC101 direct-endpoint-for-app")
        assert "DATABASE_URL sends app traffic to Neon's direct endpoint, past its pooler." in words
        assert any(line.startswith('text: DATABASE_URL="postgresql://app:***@ep-') for line in words)
        assert "marked: ep-cool-darkness-a1b2c3d4.us-east-2.aws.neon.tech" in words
        assert any(line.startswith("do: Use Neon's pooled endpoint") for line in words)
        assert "1. Pooler: do: PC101 direct-endpoint-for-app" in words
        assert words[-2] == "1 error, 1 warning in 1 connection string, 1 file (exit code 1)"
        fix = "poolcheck fix examples/nextjs-prisma6-neon-direct --write --unsafe"
        assert words[-1] == f"2 can be mended: {fix}; why: poolcheck explain PC101"

    def test_tables_are_words(self) -> None:
        """Each cell behind the name of its column; the picture of a burst is told in numbers."""
        shown = run(COMMANDS["ramp"], "--plain")

        assert "until: 10.9 s; instances: 36; connections: 97; refused so far: 83" in shown
        assert (
            "change: 1 connection per instance; hit: 60 %; turned away: 0 %; first refusal: 34.91 s; option: --pool 1"
            in shown
        )
        assert shown.startswith("error: First refusal 4.66 s in")

    @pytest.mark.postgres
    def test_live(self, postgres: Postgres) -> None:
        """A real server, with as many sessions as it has, and a long name."""
        name = "a-service-with-a-rather-long-name-in-production"
        with scene(postgres) as stage:
            stage.open(30, name=name)
            stage.open(2, name="worker", run="begin")
            made = live_report(postgres)
            reaped = poolcheck("reap", postgres.url("postgres"), "--older-than", "0s", "--plain")
        self.check(reaped.out)
        assert re.search(r"pid: \d+; application: worker; client: [\d.]+; why: ", reaped.out)
        shown = text.render(made, Style(plain=True))

        self.check(shown)
        assert "Slots  86%  32 of 37 usable, 5 free" in shown
        assert re.search(rf"n: 30; application: {name}; .*doing \(longest idle\): 30 idle", shown)
        for finding in made.findings:
            assert f"{finding.severity.word} {finding.rule.id} " in shown
            assert finding.message in shown

    @pytest.mark.postgres
    def test_watch_on_a_terminal_is_a_line_a_look(self, postgres: Postgres) -> None:
        """No full screen, no drawn history: a screen reader reads what is new."""
        end, inner = pty.openpty()
        done = subprocess.run(
            [sys.executable, "-m", "poolcheck", "live", postgres.url("postgres"), "--watch", "100ms", "--count", "2", "--plain"],
            stdin=subprocess.DEVNULL, stdout=inner, stderr=subprocess.PIPE, check=False, timeout=60,
            env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "TERM": "xterm"},
        )  # fmt: skip
        os.close(inner)
        seen = os.read(end, 65536)
        os.close(end)

        assert done.returncode == 0, done.stderr
        assert b"\x1b" not in seen
        assert len(seen.decode().strip().splitlines()) == 2

    def test_made_reports(self) -> None:
        """A crowded server with its pooler: no bar, rows in words, every statement whole."""
        shown = text.render(crowded(), Style(plain=True))

        assert "n: 60; application: web; user: app; database: app; client: 10.0.0.7;" in shown
        assert "update accounts set balance = balance - ? where a_column_with_a_long_name = ?" in shown
        assert "#" not in shown

    def test_json_is_not_changed(self) -> None:
        """--plain is about text."""
        assert as_json.render(sample(), Style(plain=True)) == as_json.render(sample(), Style())
