"""How the loaders read a line, each against the loader itself, and what is said where they differ."""

import http.server
import json
import random
import re
import shutil
import subprocess
import threading
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import pytest

from poolcheck.model.project import DriverUse, Version
from poolcheck.model.target import Disagreement
from poolcheck.project.packages import LOADERS, loaders
from poolcheck.readers.env.dialects import DIALECTS
from poolcheck.readers.env.disagreements import LOADER_NAMES, find
from poolcheck.readers.env.dotenv import Entry, plain, read
from tests.conftest import lacking


def compared(entry: Entry, loaders: Collection[str]) -> tuple[Disagreement, ...]:
    """As discovery asks: a plain line needs no comparison."""
    return () if plain(entry, loaders) else find(entry, loaders)


ORACLE = Path(__file__).parent / "loaders" / "oracle.js"
PINNED = (
    "dotenv@18.0.10",
    "dotenv14@npm:dotenv@14.3.2",
    "dotenv-expand@1000.0.0",
    "expand12@npm:dotenv-expand@12.0.3",
    "@next/env@16.4.6",
)

# A is defined, X is not; KEY and B are never used, because two of the loaders recur until memory ends.
PIECES = [
    "KEY", "B", "DATABASE_URL", "export ", "=", "=", "=", " ", "  ", "\t", "#", " #", "'", '"', "\\", "\n", "\n", "\r\n",
    "${A}", "${X:-x}", "${X-y}", "$A", "$X", "${", "}", ":-", "$", "$$", "$1", "\\$", "\ufeff", "\xa0", "\x85", "é", "`",
    "| ", ": ", "\\n", "-", "+", "postgres://u:p@h/d?a=1&b=2", "pa#ss", "pa$word", "%24",
]  # fmt: skip
SHELL_PIECES = [
    "KEY", "A", "=", ":p", "@", "/", "?", " ", "\t", "#", " #", "'", '"', "'q r'", '"q $A"', "\\", "\\$", "\\&", "${A}",
    "${X:-x}", "${X-y}", "$A", "$X", "$", "&", ";", "|", "&&", "%24", "+", "-", "é", "postgres://u:p@h/d?a=1&b=2",
]  # fmt: skip


def generated(pieces: list[str], count: int, seed: int) -> list[str]:
    """Files around one value, and some of nothing but pieces."""
    pick = random.Random(seed)
    texts = []
    for number in range(count):
        some = "".join(pick.choices(pieces, k=pick.randint(0, 8)))
        texts.append(f"A=1\n{some}" if number % 3 == 0 else f"A=1\nKEY={some}\nexport B=z\n")
    return texts


SHAPES = [
    "KEY=postgresql://u:p#w@h/d",
    "KEY='postgresql://u:p#w@h/d' # why",
    'KEY="postgresql://u:p$w@h/d"',
    'KEY="postgresql://u:p\\$w@h/d"',
    "KEY = postgresql://h/d",
    "KEY: postgresql://h/d",
    "export KEY=postgresql://h/d",
    'KEY="a" | "b" | "c"',
    'KEY="open\nB=1',
    "KEY='${A}'",
    "KEY=`postgres://h/d`",
    "KEY=",
    "KEY= # note",
    "KEY=a#b",
    "KEY=a #b",
    'KEY="',
    "\ufeffKEY=1",
    "KEY=1\r\nB=2\r",
]


@pytest.fixture(scope="session")
def node_readings(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[str], list[dict[str, Any]]]:
    """Texts, and what each node loader makes of them."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        lacking("node or npm is missing")
    folder = tmp_path_factory.mktemp("loaders")
    (folder / "package.json").write_text("{}")
    installed = subprocess.run(
        [npm or "", "install", "--prefix", folder, "--no-audit", "--no-fund", "--ignore-scripts", *PINNED],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    if installed.returncode:
        lacking(f"npm install failed ({installed.stderr.strip()[-200:]})")
    texts = SHAPES + generated(PIECES, 4000, seed=1)
    answer = subprocess.run(
        [node or "", ORACLE, folder],
        input=json.dumps(texts),
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return texts, json.loads(answer.stdout)


@pytest.mark.node
@pytest.mark.parametrize(
    ("dialect", "library"),
    [
        ("node-dotenv", "node-dotenv"),
        ("node-dotenv-14", "node-dotenv-14"),
        ("nextjs", "nextjs"),
        ("dotenv-expand", "dotenv-expand"),
        ("dotenv-expand", "dotenv-expand-12"),
    ],
)
def test_node_loaders(
    dialect: str, library: str, node_readings: tuple[list[str], list[dict[str, Any]]]
) -> None:
    """Every variable of every file as the library gives it."""
    texts, readings = node_readings
    different = [
        (text, DIALECTS[dialect](text), reading[library])
        for text, reading in zip(texts, readings, strict=True)
        if DIALECTS[dialect](text) != reading[library]
    ]
    assert "\n".join(map(str, different)) == ""


@pytest.mark.parametrize(("command", "dialect"), [("dash", "shell"), ("bash", "direnv")])
def test_shells(command: str, dialect: str, tmp_path: Path) -> None:
    """What a program sees that is started after the file was sourced."""
    shell = shutil.which(command)
    if shell is None:
        lacking(f"{command} is missing")
    (tmp_path / "empty").mkdir()
    env = tmp_path / "env"
    allow = "set -a; " if dialect == "shell" else ""
    different = []
    values = (each[8:].removesuffix("\nexport B=z\n") for each in generated(SHELL_PIECES, 900, seed=2))
    made = [f"A=1\n{opening}KEY={value}\nexport B=z\n" for value in values for opening in ("", "export ")]
    # `$$` is a process id, a backslash at the end joins lines within a name: neither is in a connection string.
    for text in SHAPES + [each for each in made if not re.search(r"\$[-0-9@*#?$!]|\\\n", each)]:
        env.write_bytes(text.encode())
        ended = subprocess.run(
            [shell or "", "-c", f"{allow}. {env}; exec /usr/bin/env -0"],
            env={"PATH": str(tmp_path / "empty")},
            cwd=tmp_path / "empty",
            capture_output=True,
            check=False,
        )
        seen = dict(each.split("=", 1) for each in ended.stdout.decode().split("\0") if "=" in each)
        for name in ("PATH", "PWD", "OLDPWD", "SHLVL", "_"):
            seen.pop(name, None)
        if DIALECTS[dialect](text) != seen and not (
            dialect == "shell" and b"rror" in ended.stderr and not seen
        ):
            different.append((text, DIALECTS[dialect](text), seen))
    assert "\n".join(map(str, different)) == ""


class Daemon(http.server.BaseHTTPRequestHandler):
    """As much of Docker's API as `docker create` needs before it sends the environment."""

    received: list[list[str]]

    def answer(self, code: int, body: bytes) -> None:
        """One JSON answer."""
        self.send_response(code)
        self.send_header("Api-Version", "1.43")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_HEAD(self) -> None:
        """The ping."""
        self.answer(200, b"")

    def do_POST(self) -> None:
        """Creation: note the environment, refuse the rest."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if "containers/create" in self.path:
            type(self).received.append(json.loads(body)["Env"] or [])
        self.answer(500, b'{"message": "enough"}')

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name http.server wants
        """Keep the test's output clean."""


@pytest.fixture
def daemon() -> Iterator[str]:
    """An address that answers like a Docker daemon."""
    Daemon.received = []
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Daemon)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"tcp://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_docker_env_file(daemon: str, tmp_path: Path) -> None:
    """What the docker command line itself sends to the daemon."""
    docker = shutil.which("docker")
    if docker is None:
        pytest.skip("docker is missing")
    texts = [*SHAPES, *generated(PIECES, 30, seed=3), 'A=1\n  B= 2 \n#c\nC\nD="x"\n', "A=1\nB =2\n"]
    for text in texts:
        env = tmp_path / "env"
        env.write_bytes(text.encode())
        Daemon.received.clear()
        subprocess.run(
            [docker, "create", "--env-file", env, "image"],
            env={"DOCKER_HOST": daemon, "HOME": str(tmp_path)},
            capture_output=True,
            check=False,
        )
        sent = dict(each.split("=", 1) for each in Daemon.received[0]) if Daemon.received else {}
        assert DIALECTS["docker"](text) == sent, text


@pytest.mark.parametrize(
    ("text", "expected"),
    [  # the parser's own cases: github.com/compose-spec/compose-go, dotenv/*_test.go and fixtures, 2026-11-21
        ("FOO=bar", "bar"),
        ("FOO =bar", "bar"),
        ("FOO= bar", "bar"),
        ('FOO="bar"', "bar"),
        ("FOO='bar'", "bar"),
        ('FOO="escaped\\"bar"', 'escaped"bar'),
        ("FOO='d'", "d"),
        ("FOO: bar", "bar"),
        ("export FOO=bar", "bar"),
        ("FOO=bar # this is foo", "bar"),
        ('FOO="bar#baz" # comment', "bar#baz"),
        ("FOO='bar#baz' # comment", "bar#baz"),
        ("FOO=123#not-an-inline-comment", "123#not-an-inline-comment"),
        ('FOO="bar\\n\\ b\\az"', "bar\n\\ b\az"),
        ("FOO='bar\\n\\ b\\az'", "bar\\n\\ b\\az"),
        ("FOO=foobar=", "foobar="),
        ("BAR=b\nFOO=${BAR}", "b"),
        ("BAR=b\nFOO='${BAR}'", "${BAR}"),
        ('BAR=b\nFOO="\\$BAR"', "$BAR"),
        ('BAR=b\nFOO="quote $BAR"', "quote b"),
        ("FOO=${UNSET:-${ALSO:-d}}", "d"),
        ("FOO=${UNSET:-a}}b", "a}b"),
        ("FOO=pa$$word", "pa$word"),
        ("FOO=a$1", "a$1"),
        ('FOO="a', None),
        ("FOO=${", None),
        ("FOO=${UNSET:?needed}", None),
        ("FO O=1", None),
        ('FOO="a\\\\b"', "a\\b"),
    ],
)
def test_compose_env_file(text: str, expected: str | None) -> None:
    """From its source and tests: it cannot be run without a daemon's plugin."""
    assert DIALECTS["compose"](text).get("FOO") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A=1\nKEY=x${A}y", "x1y"),
        ("A=1\nKEY=x$A", "x$A"),
        ("A=1\nKEY='x${A}'", "x1"),
        ("KEY=x${NONE}y", "xy"),
        ("A=1\nKEY=x\\${A}y", "x${A}y"),
        ("KEY=${KEY}", None),
        ("KEY=a#b", "a"),
    ],
)
def test_prisma_up_to_six(text: str, expected: str | None) -> None:
    """From its source: braces only, whatever the quotes."""
    assert DIALECTS["prisma"](text).get("KEY") == expected


def told(line: str, *names: str) -> tuple[str, str, str, int | None] | None:
    """Cause, who, effect and column of the first disagreement."""
    (entry,) = read(line, ".env").active
    found = compared(entry, names)
    return (found[0].cause, found[0].who, found[0].effect, found[0].column) if found else None


def test_a_hash_in_an_unquoted_password() -> None:
    """Tried with both libraries: node cuts, python-dotenv keeps."""
    assert told("URL=postgresql://u:p#w@h/d", "node-dotenv", "python-dotenv") == (
        "'#' in an unquoted value",
        "python-dotenv and node dotenv",
        "node dotenv ends the value there, python-dotenv takes it as it stands",
        21,
    )


def test_one_loader_may_disagree_with_the_rest_of_the_world() -> None:
    """With Next.js alone, `$` in a password is lost all the same."""
    assert told('URL="postgresql://u:pa$word@h/d"', "nextjs") == (
        "'$' in double quotes",
        "Next.js than by most other loaders",
        "Next.js fills in a variable there",
        23,
    )


def test_a_shell_stops_at_an_ampersand() -> None:
    """`source .env` with two unquoted parameters sets nothing at all."""
    assert told("URL=postgres://h/d?a=1&b=2", "shell", "python-dotenv") == (
        "'&' in an unquoted value",
        "python-dotenv and a shell",
        "python-dotenv takes it as it stands, a shell does not set the variable",
        23,
    )


@pytest.mark.parametrize(
    ("line", "names", "cause"),
    [
        ("URL='postgres://${A}@h/d'", ("node-dotenv", "python-dotenv"), "'$' in single quotes"),
        ('URL="postgres://h/d"', ("docker", "python-dotenv"), "the pair of double quotes"),
        ("export URL=postgres://h/d", ("docker", "python-dotenv"), "`export`"),
        ("export URL=postgres://h/d", ("node-dotenv-14", "python-dotenv"), "`export`"),
        ("URL = postgres://h/d", ("shell", "python-dotenv"), "the space around `=`"),
        ("URL=postgres://h/d # why", ("docker", "compose"), "the comment behind the value"),
        ("URL=postgres://h/d ", ("docker", "compose"), "the space behind the value"),
        ("URL=postgres://u:a\\b@h/d", ("shell", "python-dotenv"), "a backslash in an unquoted value"),
        ("URL=postgres://u:it's@h/d", ("shell", "nextjs"), "a single quote in an unquoted value"),
        ('URL="postgres://u:a\\$b@h/d"', ("nextjs", "python-dotenv"), "'$' in double quotes"),
        ('URL="postgres://u:a`b@h/d"', ("shell", "nextjs"), "'`' in double quotes"),
    ],
)
def test_causes(line: str, names: tuple[str, ...], cause: str) -> None:
    """The character or the form that makes them differ."""
    found = told(line, *names)
    assert found is not None
    assert found[0].replace("a backquote", "'`'") == cause


@pytest.mark.parametrize(
    ("line", "names"),
    [
        (
            'URL="postgresql://u:p%23w@h/d"',
            ("node-dotenv", "python-dotenv", "nextjs", "prisma", "compose", "shell"),
        ),
        ("URL=postgresql://u:p@h:5432/d?sslmode=require", tuple(set(DIALECTS) - {"direnv"})),
        ("URL=postgresql://${HOST}/d", ("nextjs", "python-dotenv", "prisma", "compose", "dotenv-expand")),
        ("URL=postgresql://${HOST}/d", ("nextjs",)),
        ("URL=postgresql://${HOST}/d", ("node-dotenv",)),
        ('export URL="postgresql://$PGUSER@$PGHOST/d"', ("direnv",)),
        ('URL="postgresql://u:a\\$b@h/d"', ("nextjs",)),
        ("URL=postgresql://h/d # why", ("node-dotenv", "python-dotenv", "nextjs", "compose", "shell")),
        ("URL=postgresql://u:p#w@h/d", ()),
        ("URL=postgresql://u:p#w@h/d", ("python-dotenv",)),
        ("URL=postgresql://u:p#w@h/d", ("unheard-of",)),
        ("URL=postgresql://u:p#w@h/d" + "x" * 5000, ("node-dotenv", "python-dotenv")),
        ("URL", ("node-dotenv", "python-dotenv")),
        ('URL="a\nb"', ("docker", "python-dotenv")),
    ],
)
def test_silence_where_nothing_differs_or_it_was_meant(line: str, names: tuple[str, ...]) -> None:
    """`${HOST}`, `$PGHOST` and `\\$` are written on purpose."""
    assert told(line, *names) is None


def test_a_commented_out_line_is_read_by_nobody() -> None:
    """So nobody disagrees."""
    (entry,) = read("# URL=postgres://u:p#w@h/d").entries
    assert compared(entry, ["node-dotenv", "python-dotenv"]) == ()


def test_no_sentence_holds_a_part_of_the_value() -> None:
    """Not even when every loader reads something else."""
    pick = random.Random(5)
    said = 0
    for _ in range(1500):
        value = "".join(pick.choices([*"#$\\`'\"&;|<> ", "canary", "${canary}", "$canary", "@h/d"], k=6))
        for entry in read(f"{pick.choice(['', 'export '])}URL={value}").active:
            for found in compared(entry, list(DIALECTS)):
                said += 1
                assert "canary" not in f"{found.cause}{found.who}{found.effect}"
                assert found.column is None or 1 <= found.column <= len(entry.raw_line) + 1
    assert said > 500


def test_every_loader_has_a_name_and_every_dependency_a_loader() -> None:
    """The names that packages give are the names that readers know."""
    assert set(LOADER_NAMES) == set(DIALECTS)
    assert set(LOADERS.values()) <= set(DIALECTS)


@pytest.mark.parametrize(("version", "expected"), [((6, 19), {"prisma"}), ((7, 1), set()), ((), set())])
def test_prisma_reads_env_files_up_to_six(version: tuple[int, ...], expected: set[str]) -> None:
    """From 7 on the project brings its own loader; an unknown version brings none."""
    use = DriverUse("prisma", Version("x", version))
    assert loaders(frozenset({"npm:prisma"}), (use,)) == expected


def test_the_short_way_says_what_the_long_way_says() -> None:
    """Lines that are not compared because no character in them can divide loaders are not divided."""
    pick = random.Random(6)
    for _ in range(600):
        value = "".join(pick.choices([*"ab:/@.?=%+,~&;<>|()[]{} -_", "postgres://"], k=7)).strip()
        quote = pick.choice(["", '"', "'"])
        for entry in read(f"URL={quote}{value}{quote}").active:
            names = [name for name in DIALECTS if name not in ("docker", "direnv")]
            assert (find(entry, names) == ()) == (compared(entry, names) == ()), entry.raw_line
