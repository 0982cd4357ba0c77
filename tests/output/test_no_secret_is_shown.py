"""20,000 passwords in every shape of the table, in every format: none is shown, whole or by a piece of six characters."""

import html
import json
import random
import re
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

import pytest

from poolcheck.cli import run
from poolcheck.commands._shared import FormatType, rendered
from poolcheck.config.file import Settings
from poolcheck.diagnosis.lint import lint
from poolcheck.errors import ExitCode
from poolcheck.explain.explain import explain
from poolcheck.fix.fix import FixOptions, fix
from poolcheck.model.report import Report
from poolcheck.output.paint import Style
from tests.output.secret_shapes import SHAPES, libpq, npgsql, url
from tests.rules.projects import write

LETTERS = "QXZJqxzj"  # two of them side by side stand in no word of ours
ODD = " '\"\\@:/?#%&=+;,[]{}$!*<>|~^`é.-_"
PIECE = 6
ROUNDS, EACH = 70, 6  # 70 x 6 x the number of shapes; in smaller projects, for each service has all the pools
FILES = [shape for shape in SHAPES if shape.path]
PASTED = [shape for shape in SHAPES if not shape.path]


def secret(dice: random.Random, without: str = "") -> str:
    """A password: letters in threes and more, between them whatever breaks quoting."""
    odd = [char for char in ODD if char not in without]
    groups = ["".join(dice.choices(LETTERS, k=dice.randint(3, 8))) for _ in range(dice.randint(2, 4))]
    made = groups[0]
    for group in groups[1:]:
        made += "".join(dice.choices(odd, k=dice.randint(0, 2))) + group
    return "".join(dice.choices([*odd, ""], k=1)).strip() + made


def pieces(word: str) -> Iterator[str]:
    """Every stretch of six characters that has two letters of the secret's own side by side."""
    for start in range(max(1, len(word) - PIECE + 1)):
        if re.search(f"[{LETTERS}]{{2}}", word[start : start + PIECE]):
            yield word[start : start + PIECE]


def leaks(planted: dict[str, str], outputs: dict[str, str]) -> list[str]:
    """Shapes, formats and the places where a piece of a planted secret stands."""
    owner = {piece: name for name, word in planted.items() for piece in pieces(word)}
    found = []
    for form, text in outputs.items():
        for form_of in {text, html.unescape(text), text.replace("\\\\", "\\").replace('\\"', '"')}:
            for met in re.finditer(f"[{LETTERS}]{{2}}", form_of):
                for start in range(met.start() - PIECE + 1, met.start() + 1):
                    piece = form_of[max(start, 0) : start + PIECE]
                    if piece in owner:
                        found.append(f"{owner[piece]}, {form}: {form_of[max(0, start - 60) : start + 12]!r}")
                        break
    return list(dict.fromkeys(found))


def shown(report: Report) -> dict[str, str]:
    """The report in each format of its command."""
    return {name: rendered(report, name, Style(verbosity=1)) for name in FormatType().names(report.command)}


def shown_with_diff(report: Report) -> dict[str, str]:
    """That, and `fix --diff` of the current folder in each of its formats."""
    diff = fix((), Settings({}), FixOptions(asked="diff"))
    return shown(report) | {f"diff {name}": text for name, text in shown(diff).items()}


def project(folder: Path, dice: random.Random) -> dict[str, str]:
    """A project with many passwords in each file; the secrets by shape and number."""
    planted = {}
    (folder / "package.json").write_text('{"dependencies": {"prisma": "6.1.0", "pg": "8.0.0"}}')
    (folder / "requirements.txt").write_text("psycopg2\nsqlalchemy\nalembic\n")
    (folder / "pom.xml").write_text("<project><artifactId>postgresql</artifactId></project>")
    for shape in FILES:
        parts = []
        for number in range(EACH):
            word = planted[f"{shape.name} {number}"] = secret(dice, shape.without)
            parts.append(shape.text.format(n=number, s=shape.encode(word)))
        write(folder, {shape.path: f"{shape.head}{chr(10).join(parts)}\n{shape.tail}"})
    return planted


def test_enough_of_them() -> None:
    """The number that is promised."""
    assert ROUNDS * EACH * len(SHAPES) >= 20_000


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_files(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`lint` in its eleven formats, and every third time `fix --diff` too, over files of every kind."""
    monkeypatch.chdir(tmp_path)
    planted = project(tmp_path, random.Random(seed))
    report = lint((), Settings({"max_connections": 100, "instances": 10}))
    assert len(report.findings) > EACH

    found = leaks(planted, shown(report) if seed % 3 else shown_with_diff(report))
    assert not found, "\n".join(found[:20])


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_pasted_texts(seed: int) -> None:
    """`explain`, each text alone."""
    dice = random.Random(1000 + seed)
    planted: dict[str, str] = {}
    outputs: dict[str, str] = {}
    for shape in PASTED:
        for number in range(EACH):
            name = f"{shape.name} {number}"
            word = planted[name] = secret(dice, shape.without)
            text = shape.text.format(n=number, s=shape.encode(word))
            found = explain(text)
            assert found.items, text
            report = Report(command="explain", sections=(found,), exit_code=ExitCode.OK)
            outputs |= {f"{name} {form}": said for form, said in shown(report).items()}

    met = leaks(planted, outputs)
    assert not met, "\n".join(met[:20])


def said(*args: str) -> str:
    """All that a run in this process says."""
    out = StringIO()
    with redirect_stdout(out), redirect_stderr(out):
        run(args)
    return out.getvalue()


SETTINGS = ("runtime", "driver", "provider", "plan", "baseline", "exclude", "select", "max_usage", "fail_on")
STRINGS: dict[str, Callable[[str], str]] = {
    "url": lambda word: f"postgresql://app:{url(word)}@db.example.com/app",
    "dsn": lambda word: f"host=db.example.com password={libpq(word)} user=app",
    "npgsql": lambda word: f"Host=db.example.com;Password={npgsql(word)};Port=5432",
}


@pytest.mark.parametrize("form", STRINGS)
def test_options_and_settings(form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection string in the place of an option's or a setting's value, as a name, and as a key."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("DATABASE_URL=postgresql://app@db.example.com/app\n")
    dice = random.Random(9)
    planted, outputs = {}, {}
    for name in (*SETTINGS, "key", "[per-path]", "[server]", "[client]", "hosts", "plan of one"):
        word = planted[name] = secret(dice)
        value = STRINGS[form](word)
        text = json.dumps(value, ensure_ascii=False)
        lines = {
            "key": f"{text} = 1\n",
            "[per-path]": f'[per-path.{text}]\nignore = ["PC101"]\n',
            "[server]": f"[server.{text}]\nreserved = 3\n",
            "[client]": f"[client.{text}]\ninstances = 3\n",
            "hosts": f"[server.a]\nhosts = {text}\ndsn_env = {text}\n[client.b]\nserver = {text}\n",
            "plan of one": f"[server.a]\nplan = {text}\n[server.b]\nprovider = {text}\n",
        }
        for form_of in (text, f"[{text}]"):
            (tmp_path / "poolcheck.toml").write_text(lines.get(name, f"{name} = {form_of}\n"))
            for command in ("config", "config --format json", "lint", "gate", "size"):
                outputs[f"{name} {form_of[:1]} {command}"] = said(*command.split())
        (tmp_path / "poolcheck.toml").unlink()
        if name in SETTINGS:
            option = "--" + name.replace("_", "-")
            for command in ("lint", "gate", "size", "config", "fix"):
                outputs[f"{option} {command}"] = said(command, option, value)
    for command in ("--format", "--nonsense", "--max", "--instances", "-o", "--report", "--since", "--color"):
        word = planted[command] = secret(dice)
        outputs[command] = said("gate", command, STRINGS[form](word)) + said(
            "gate", f"{command}={STRINGS[form](word)}"
        )
    word = planted["command"] = secret(dice)
    outputs["command"] = said(STRINGS[form](word)) + said("explain", STRINGS[form](word))

    found = leaks(planted, outputs)
    assert not found, "\n".join(found[:20])


@pytest.mark.parametrize(
    "word", ["postgres", "postgresql", "app", "local", "prod", "Prod", "db", "example", "connection"]
)
def test_an_ordinary_word_masks_its_own_place_alone(
    word: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is shown does not depend on the password: not in one format, not in a diff, not in an explanation."""
    monkeypatch.chdir(tmp_path)
    seen = []
    for each in (word, "Qx7zZq9kJxQz"[: len(word)]):
        (tmp_path / "package.json").write_text('{"dependencies": {"postgres": "3.4.9"}}')
        (tmp_path / ".env").write_text(
            f"# app, prod, local: postgres of the app's connection\n"
            f"DATABASE_URL=postgresql://postgres:{each}@10.1.2.3:5432/postgres?connection_limt=5\n"
            f'OTHER_URL="host=db.example.com user=app password={each} dbname=app conect_timeout=5"\n'
            f"NET_URL=Host=prod.example.com;Username=local;Password={each};Maximum Pool Size=500;Tyop=1\n"
        )
        (tmp_path / "m.sql").write_text(
            f"SET search_path=app; ALTER ROLE postgres PASSWORD '{each}'; -- local\n"
        )
        outputs = shown_with_diff(lint((), Settings({"max_connections": 100, "instances": 10})))
        text = f"postgresql://postgres:{each}@h/postgres: FATAL:  sorry, too many clients already"
        seen.append({**outputs, "explain": said("explain", text)})

    assert seen[0] == seen[1]
    assert "postgresql://postgres:***@10.1.2.3:5432/postgres" in seen[0]["text"]


MALFORMED = {
    "user with a space": "postgresql://user name:{s}'x@db.example.com/app",
    "raw & in the query": "postgresql://u:p@h/d?sslpassword=a&{s}",
    "raw & and more": "postgresql://u:p@h/d?sslpassword=a&b&{s}&sslmode=require",
    "raw # in the query": "postgresql://u:p@h/d?sslpassword=a#{s}",
    "raw / ? @ in a key": "prisma+postgres://localhost:51213/?api_key=a/b?c@{s}",
    "password, @@": "postgresql://app:a@@{s}/d",
    "path, @@": "postgresql://app:a/@@{s}/d",
    "@#": "postgresql://app:x@#{s}/d",
    "@?": "postgresql://app:x@?{s}/d",
    "npgsql, nameless": "Host=h;Password=x;={s};Port=5432",
    "npgsql, quoted, cut by #": 'Host=h;Password="a #{s}"',
    "dsn, two words": "host=h password=a {s} user=u",
    "dsn, at the end": "host=h user=u password=a ?{s}",
    "dsn, a word that looks like a key": "host=h password=a {s}=1 user=u",
    "dsn, a word that looks like a key, spaces": "host=h password=a {s} = 1 user=u",
    "pgbouncer, a word that looks like a key": "host=h password=a {s}=1 pool_size=9",
    "yaml, words of prose": "password: a {s}",
    "yaml, a word and more": "password: true {s}",
    "jdbc, two words": "jdbc:postgresql://h/d?user=a&password=x {s}",
    "pgbouncer": "host=h password=a ?{s} pool_size=9",
    "cut short": "postgresql://app:a{s}",
}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What no syntax allows and people write: in env files, YAML, INI, comments of ours, as an argument."""
    monkeypatch.chdir(tmp_path)
    dice = random.Random(name)
    words = ["".join(dice.choices(LETTERS, k=9)) for _ in range(6)]
    texts = [MALFORMED[name].replace("{s}", word) for word in words]
    (tmp_path / "pom.xml").write_text("<project><artifactId>postgresql</artifactId></project>")
    (tmp_path / "package.json").write_text('{"dependencies": {"prisma": "6.1.0"}}')
    (tmp_path / ".env").write_text(f"A={texts[0]}\nB='{texts[1]}'\n# poolcheck: ignore[PC101] {texts[2]}\n")
    (tmp_path / "application.yml").write_text(
        f"spring:\n  datasource:\n    url: {texts[3]}\n    hikari: {{maximum-pool-size: 900}}\n"
    )
    (tmp_path / "pgbouncer.ini").write_text(
        f"[databases]\napp = {texts[4]}\n[pgbouncer]\npool_mode=transaction\n"
    )
    (tmp_path / "alembic.ini").write_text(f"[alembic]\nsqlalchemy.url = {texts[5]}\n")
    outputs = shown_with_diff(lint((), Settings({"max_connections": 100, "instances": 10})))
    outputs["argument"] = said("lint", texts[0], "-v") + said("lint", "--driver", texts[1])

    found = leaks(dict(zip(texts, words, strict=True)), outputs)
    assert not found, "\n".join(found[:20])
