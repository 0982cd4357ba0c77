"""A file of any kind that poolcheck reads, filled by somebody who means it ill: a quarter of a megabyte is read in time."""

import ast
import posixpath
import random
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

import poolcheck
from poolcheck.config.settings import Config
from poolcheck.errors import PoolcheckError
from poolcheck.project.packages import Packages
from poolcheck.readers import index, languages
from poolcheck.readers.env import dotenv
from tests import clock
from tests.conftest import soaking

URL = "postgresql://a:b@h/d"
SMALL, LARGE = 64 * 1024, 256 * 1024
FLOOR = 0.6  # seconds of the processor's time: nothing is told from less
FEW = 4  # fillings of each kind in an ordinary run
MOST = 1.0  # seconds of the processor's time, whatever the file


def again(text: str) -> Callable[[int], str]:
    return lambda size: text * (size // len(text))


FILLINGS: dict[str, Callable[[int], str]] = {
    **{
        repr(text)[1:-1]: again(text)
        for text in (
            "a", " ", "\n", "\t\n", " \n", '"', "'", "`", "\\", "\\\n", "(", "[", "{", "<", "<%=", "{{", "${", "$", "#", "# ",
            "-", "- ", "--", ",", ":", ": ", "=", "a=", "a=\n", "a: ", "a:\n", "a.", "a ", "/*", "//", "<!--", "<script>", '"""',
            "[a]\n", "a = 1\n", "é", "\U0001f600", "@", "%", "&", "*", "?", "!", "|", ";", "x,", "a(", "a[", "a{", "'a' ", '"a" ',
            "service: a\n", "CMD a\n", "FROM a\n", "workers = 1\n", "env a\n", "a b ", "new Pool(", "await a;", "if a:\n", "\x00",
        )
    },
    "deep": lambda size: "\n".join(" " * level + "a:" for level in range(int((2 * size) ** 0.5))),
    "random": lambda size: random.Random(1).randbytes(size).decode("latin-1"),
    "one line, closed": lambda size: '{"a": "' + "x" * size + '"}',
    "urls": again(f"A={URL}\n"),
    "numbers": again("9"),
}  # fmt: skip


# Kinds that only a pattern tells, whose words are in no constant.
SPELLED = (
    "docker-compose.yml", "compose.yaml", "values.yaml", "serverless.yml", "template.yaml", "app.yaml", "chart/templates/a.yaml",
    "prisma/schema.prisma", "prisma.config.ts", "drizzle.config.ts", "knexfile.js", "config/settings/production.py", "x.d/.envrc",
)  # fmt: skip


def names() -> list[str]:
    """A name for every kind of file: each constant of the readers that is the name of a file which is read; the words
    that they declare, with every ending that stands in them; and every language.
    """
    texts = {
        node.value
        for path in Path(index.__file__).parent.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and len(node.value) < 400
    }
    said = {text.replace("*", "x") for text in texts if re.fullmatch(r"[\w*./-]{3,40}", text)}
    in_patterns = {f".{word}" for text in texts if r"\." in text for word in re.findall(r"[a-z]{2,10}", text)}
    endings = (
        {text for text in said if re.fullmatch(r"\.[a-z]{2,10}", text)}
        | in_patterns
        | {*languages.LANGUAGES, ""}
    )
    words = {
        word
        for key in ("configs", "poolers")
        for each in index.declared(key, "NAMES").values()
        for word in each
    }
    kind = Packages(Config()).kind_of
    own = {
        name
        for word in words | {"config/puma", "config/database"}
        for ending in endings
        if (name := word.rstrip(".") + ending) and kind(name) not in (None, kind(f"x{ending}"))
    }
    others = {
        each
        for each in said | {f"x{ending}" for ending in endings}
        if kind(each) or languages.matches(each) or dotenv.matches(each)
    }
    return sorted(
        each
        for each in own | others | {"poolcheck.toml", ".gitignore", *SPELLED}
        if not each.startswith(("/", ".."))
    )


NAMES = names()


def seconds(folder: Path, name: str, text: str) -> float:
    """What a lint of a project with this file takes of the processor's time; MOST when it was stopped."""
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(text.encode("utf-8", "surrogatepass"))

    def judge() -> None:
        with suppress(PoolcheckError):
            poolcheck.lint(folder)

    return clock.seconds(judge, MOST)


def test_the_walk_finds_the_kinds() -> None:
    """A list that came out empty would hold nothing."""
    assert {".env", "package.json", "schema.prisma", "docker-compose.yml", "pgbouncer.ini", "Procfile", "x.ts", "x.py", "x.sql", "x.tf"} <= {posixpath.basename(name) for name in NAMES}  # fmt: skip
    assert len(NAMES) > 80


@pytest.mark.measured
@pytest.mark.parametrize("name", NAMES)
def test_a_hostile_file_is_read_in_time(name: str, tmp_path: Path) -> None:
    """A quarter of a megabyte takes less than a second, and not much more than four times what a sixteenth takes.

    In each run a few fillings for each kind, the same every time; POOLCHECK_SOAK=1 tries them all.
    """
    chosen = list(FILLINGS) if soaking() else random.Random(name).sample(list(FILLINGS), FEW)
    (tmp_path / ".env").write_text(f"DATABASE_URL={URL}\n")
    slow = {}
    for each in chosen:
        taken = seconds(tmp_path, name, FILLINGS[each](LARGE))
        if taken > FLOOR:
            few = seconds(tmp_path, name, FILLINGS[each](SMALL))
            again_ = min(taken, seconds(tmp_path, name, FILLINGS[each](LARGE)))
            if again_ >= MOST or again_ > 7 * max(few, FLOOR / 7):
                slow[each] = (round(few, 2), round(again_, 2))

    assert slow == {}
