"""Nothing invisible from outside in any output, and nothing that a CI runner obeys: every code point, every format."""

import ast
import json
import os
import re
import subprocess
import sys
import unicodedata
from dataclasses import replace
from pathlib import Path

import pytest

from poolcheck.commands._mcp_tools import _cleaned
from poolcheck.commands._shared import FORMATS, rendered
from poolcheck.connection.parse import parse
from poolcheck.errors import ExitCode
from poolcheck.model.effective import Effective, EffectiveSetting
from poolcheck.model.look import Ending, NoEntry, Reaping
from poolcheck.model.problem import Location
from poolcheck.model.report import Action, Report
from poolcheck.model.snapshot import Refusal
from poolcheck.output.json import record
from poolcheck.output.paint import Style
from poolcheck.text import clean, shown
from tests.live.build import look, pooler
from tests.output.sample import FINE
from tests.output.test_hostile import report as findings

ROOT = Path(__file__).parents[2] / "poolcheck"
CATEGORIES = ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")
INVISIBLE = [code for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code)) in CATEGORIES]
CHUNK = 12_000
NAMES = sorted(
    name.removesuffix(".py")
    for name in os.listdir(FORMATS)
    if name.endswith(".py") and not name.startswith(("_", "paint"))
)
COMMANDS = [
    "::error file=x::y", "::stop-commands::t", "  ::add-mask::x", "\t::debug::x", "##[error]x", "a ##[group]x", "##vso[task.setvariable]x", "##VSO[x]",
    "##teamcity[x]", "\x1b[0Ksection_start:1:x\r\x1b[0K", "\u00a0::error::x", "\ufeff::error::x",
]  # fmt: skip
OBEYED = re.compile(r"(?im)^\s*::[a-z]|##\[|##vso\[|##teamcity\[|section_(?:start|end):\d+:\w+\r")


def everywhere(text: str) -> Report:
    """A report with the text in names of files, variables, hosts, applications, in statements, settings and errors."""
    made = findings(text, text)
    session = {
        "application_name": text,
        "user": text,
        "database": text,
        "state": "idle in transaction",
        "query": f"SELECT {text}",
        "count": 3,
    }
    seen = look(
        {
            "sessions": [session],
            "caps": [("role", text, 5, 5)],
            "server": {"database": text, "user": text},
            "route": {"kind": "pooler", "left_behind": [(text, text)]},
        }
    )
    console = pooler(
        {"pools": [{"database": text, "user": text}], "databases": [{"name": text, "host": text}]}
    )
    backend = seen.snapshot.backends[0]
    target = replace(
        FINE, name=text, location=Location(text, 2, 1), conn=parse(f"postgresql://{text}@{text}/{text}")
    )
    refused = Refusal(
        text=text, layer="slots", host=text, database=text, user=text, options=(Action(text, (text,)),)
    )
    sections = (
        *made.sections,
        seen,
        console,
        NoEntry(refusal=refused),
        Reaping(
            endings=(Ending(backend=backend, why=text, statement=text, reason=text),), dry=True, target=text
        ),
        Effective(
            file=text,
            settings=(EffectiveSetting(name=text, value=(text,), source=text, reason=text, note=text),),
        ),
    )
    return replace(made, targets=(target,), sections=sections, notes=(text,), exit_code=ExitCode.FINDINGS)


def outputs(report: Report) -> dict[str, str]:
    """What is written in every format that takes such a report; text also as screen readers get it, and very verbose."""
    made = {name: rendered(report, name, Style(verbosity=1)) for name in NAMES if name != "ini"}
    return {**made, "plain": rendered(report, "text", Style(plain=True, verbosity=1))}


@pytest.mark.parametrize("start", range(0, len(INVISIBLE), CHUNK))
def test_every_invisible_code_point_in_every_format(start: int) -> None:
    """140,000 code points in a dozen places. JSON still says which they were; what a model reads does not."""
    chars = [chr(code) for code in INVISIBLE[start : start + CHUNK]]
    planted = "a" + "a".join(chars) + "a"
    made = everywhere(planted)

    for name, text in outputs(made).items():
        assert not (set(chars) - {"\n", "\t"}) & set(text), name
    data = json.loads(rendered(made, "json", Style()))
    assert data["findings"][0]["message"] == planted.encode("utf-8", "replace").decode()
    assert not (set(chars) - {"\n"}) & set(json.dumps(_cleaned(record(made)), ensure_ascii=False))
    assert clean(planted).isprintable()


@pytest.mark.parametrize("planted", COMMANDS)
@pytest.mark.parametrize(
    "before", ["", "\n", "many words so that the next one stands at the start of a line " * 2]
)
def test_no_runner_obeys_a_line(planted: str, before: str) -> None:
    """A name that is a command of GitHub, Azure, TeamCity or GitLab: in no format, at no place of a line."""
    for name, text in outputs(everywhere(before + planted)).items():
        commands = [line for line in text.split("\n") if OBEYED.search(line)]
        ours = [
            line for line in commands if name == "github" and re.match(r"::(error|warning|notice) ", line)
        ]
        assert commands == ours, name
    data = json.loads(rendered(everywhere(planted), "json", Style()))
    assert data["findings"][0]["message"] == planted


def test_colours_and_lines_stay() -> None:
    """The door takes nothing away from what the tool itself writes; an open escape hides no text behind it."""
    text = "\x1b[1;31m✖ error\x1b[0m\n\ta ::1 b"

    assert shown(text) == text
    assert shown("::1:5432 # is an address") == "::1:5432 # is an address"
    assert clean("\x1b]0;title\x07a\x1b[31mb \x1b]c") == "ab c"


def run(folder: Path, *args: str, **env: str) -> bytes:
    """All that a run writes."""
    done = subprocess.run(
        [sys.executable, "-m", "poolcheck", *args],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8", **env},
        capture_output=True,
        check=False,
    )
    assert b"this is a bug" not in done.stderr
    return done.stdout + done.stderr


def test_names_of_files(tmp_path: Path) -> None:
    """Real files, real runs, in and out of CI: `lint`, `config`, `explain`, errors that repeat a name or an option."""
    names = [
        "::stop-commands::x.env", "::error file=x::y.env", "##[error]x.env", "\u202e\u200b\U000e0041\x9b31m.env", "a\n::error::x.env",
        os.fsdecode(b"\xff\x1b[2J.env"),
    ]  # fmt: skip
    for name in names:
        (tmp_path / name).write_text("DATABASE_URL=postgresql://a:b@h:99999/##[x]?connection_limt=5\n")
    (tmp_path / "poolcheck.toml").write_text('exclude = ["::error::x", "\\u202e"]\n')
    typed = "\n::error::x\x1b[2J\u202e"
    runs = [("lint", "-v"), ("lint", *(f"./{name}" for name in names)), ("config",), ("lint", typed), ("lint", "--driver", typed),
            ("lint", "--format", typed), (typed,), ("explain", f"FATAL: sorry, too many clients already {typed}"), ("fix",), ("fix", "--diff")]  # fmt: skip

    for args in runs:
        for env in ({}, {"GITHUB_ACTIONS": "true"}, {"TF_BUILD": "True"}):
            out = run(tmp_path, *args, **env).decode("utf-8")
            assert not OBEYED.search(out), args
            assert all(char.isprintable() or char in "\n\t" for char in out), args


def test_traceback_is_text_too() -> None:
    """What POOLCHECK_TRACEBACK shows moves no cursor."""
    code = "import sys; from poolcheck import cli\ncli.run = lambda: 1 / int('\\x1b[2J')\nsys.argv = ['poolcheck']; cli.main()"
    done = subprocess.run(
        [sys.executable, "-c", code], env={"POOLCHECK_TRACEBACK": "1"}, capture_output=True, check=False
    )

    assert b"Traceback" in done.stderr
    assert b"\x1b" not in done.stderr


def test_one_door() -> None:
    """Reports leave through `rendered`, errors through `_complain`: no command renders or writes past them."""
    past = []
    for path in sorted((ROOT / "commands").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr == "render"
            ):
                past.append(f"{path.name}: {ast.unparse(node.func)}")
    # pgbouncer_lines makes text that the report then holds
    assert past == ["_shared.py: load(name).render", "size.py: pgbouncer_lines.render"]
