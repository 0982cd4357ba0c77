"""The env-file reader: values against python-dotenv itself, places against the text."""

import io
import logging
from pathlib import PurePosixPath, PureWindowsPath

import pytest
from dotenv import dotenv_values
from dotenv.parser import parse_stream
from hypothesis import example, given, settings
from hypothesis import strategies as st

from poolcheck.readers.env.dotenv import EnvFile, decode, is_example, matches, read, stage
from tests.steps import steps

# What env files are made of, and what breaks readers. No name of a variable that the test's own environment has.
PIECES = [
    "A", "B", "KEY", "DATABASE_URL", "export ", "export", "=", "=", " = ", " ", "\t", "#", " # ", "'", '"', "\\", "\\n",
    "\n", "\n", "\r\n", "\r", "${A}", "${B:-x}", "${KEY}", "${", "}", ":", ":-", "$", "$A", "`", "|", ": ", "\ufeff",
    "\x0b", "\xa0", "\x85", "\u2028", "é", "\0", "postgres://u:p@h:5432/d?sslmode=require&x=1", "\\'", '\\"',
    "# A=postgres://h/d\n", "[YOUR-PASSWORD]", "<DATABASE NAME HERE>", "{DB_USER}", "****", "prisma:error,query",
]  # fmt: skip
TEXTS = st.lists(st.sampled_from(PIECES), max_size=30).map("".join) | st.text(max_size=60)

# Each met in a real file, or found to divide the libraries.
SHAPES = [
    'DATABASE_URL="postgresql://u:p@h/d" # behind',
    "DATABASE_URL=postgresql://u:p#w@h/d",
    "DATABASE_URL=postgresql://u:p @h/d # behind",
    "DATABASE_URL = postgresql://h/d",
    "DATABASE_URL: postgresql://h/d",
    'LOG="a" | "b" | "c"',
    'DATABASE_URL="postgresql://h/d\nDIRECT_URL=postgresql://h/e\n',
    "A='${B}'\nB=1\nC=${B}-${LATER}\nLATER=2",
    "A=1\nA=2\nB=${A}",
    "EMPTY=\nBARE\nexport BARE\nSPACE= \nNOTE= # note\nHASH=#no",
    "\ufeffDATABASE_URL=postgres://h/d\r\nB='x'\r\n",
    'A="two\r\nlines"\rB=3\r',
    "KEY='it\\'s' # c",
    "'quoted key'=1",
    "export\nexport =x\nexport  \nexport #",
    "A=${A}\nB=${B:-${A}}\nC=${:-d}\nD=${A:x}",
]


def by_python_dotenv(text: str) -> tuple[list[tuple[str, str | None]], dict[str, str | None]]:
    """Bindings in order, and the values in the end, of a file with this text."""
    logging.getLogger("dotenv").setLevel(logging.CRITICAL)
    bindings = [
        (binding.key, binding.value)
        for binding in parse_stream(io.StringIO(text, newline=None))
        if binding.key is not None
    ]
    return bindings, dict(dotenv_values(stream=io.StringIO(text, newline=None)))


def check(text: str) -> EnvFile:
    """Everything that must hold for every text."""
    env = read(text, ".env")
    bindings, values = by_python_dotenv(text)
    assert [(entry.key, entry.value) for entry in env.active] == bindings
    assert {entry.key: entry.resolved for entry in env.active} == values
    assert "".join(env.lines) == text
    for entry in env.entries:
        cut = "".join(env.lines[entry.line - 1 : entry.end_line])[entry.value_column :]
        assert cut.startswith(entry.raw + entry.quote)
        if entry.line == entry.end_line:
            assert entry.raw_line[entry.value_column : entry.value_end_column] == entry.raw
        if entry.quote:
            assert env.lines[entry.line - 1][entry.value_column - 1] == entry.quote
    for comment in env.comments:
        assert env.lines[comment.line - 1][comment.column :].rstrip("\r\n") == comment.text
    for problem in env.problems:
        assert 1 <= problem.line <= problem.end_line <= len(env.lines)
    return env


@settings(max_examples=2500, deadline=None)
@given(TEXTS)
@example("A=\\\n'")
@example("A='x'y")
def test_every_text_is_read_as_python_dotenv_reads_it(text: str) -> None:
    """Keys, values, interpolation; nothing of the text is lost and columns point at the value."""
    check(text)


@pytest.mark.parametrize("text", SHAPES)
def test_shapes_of_real_files(text: str) -> None:
    """As above, for the shapes that were seen or that libraries disagree about."""
    check(text)


def test_an_assignment_knows_its_place() -> None:
    """Columns cut the value out of the line, quotes left outside."""
    (entry,) = read('# note\n  export DATABASE_URL = "postgres://h/d" # why\n', ".env").entries
    assert (entry.key, entry.value, entry.line, entry.quote) == ("DATABASE_URL", "postgres://h/d", 2, '"')
    assert entry.export
    assert entry.comment == "# why"
    assert entry.location_column == 10
    assert entry.raw_line[entry.value_column : entry.value_end_column] == "postgres://h/d"


def test_replacing_between_the_columns_touches_nothing_else() -> None:
    """An edit by columns changes the value and not one other byte."""
    text = "\ufeff# é\r\nA = 'x' # c\r\nDATABASE_URL=\"postgres://h/d\"  # why\r\nB=\r\n"
    env = read(text, ".env")
    entry = next(entry for entry in env.entries if entry.key == "DATABASE_URL")
    line = env.lines[entry.line - 1]
    lines = list(env.lines)
    lines[entry.line - 1] = line[: entry.value_column] + "postgres://other" + line[entry.value_end_column :]
    assert "".join(lines) == text.replace("postgres://h/d", "postgres://other")
    assert (env.bom, env.newline) == (True, "crlf")


@pytest.mark.parametrize("line", ["A=", "A= # note", 'A="" # note', "A=''", "export A="])
def test_a_value_can_be_written_where_there_is_none(line: str) -> None:
    """The columns of an empty value are where one may be inserted."""
    (entry,) = read(line, ".env").entries
    assert entry.value_column == entry.value_end_column
    written = line[: entry.value_column] + "x" + line[entry.value_end_column :]
    assert [entry.value for entry in read(written, ".env").entries] == ["x"]


@pytest.mark.parametrize(
    ("text", "newline"),
    [
        ("", ""),
        ("A=1", ""),
        ("A=1\n", "lf"),
        ("A=1\r\n", "crlf"),
        ("A=1\rB=2\r", "cr"),
        ("A=1\r\nB=2\n", "mixed"),
    ],
)
def test_newlines_are_known(text: str, newline: str) -> None:
    """What an editor must write at the end of a new line."""
    assert read(text, ".env").newline == newline


def test_a_quoted_value_may_span_lines() -> None:
    """The end is known too; a newline of the file is one newline in the value."""
    env = read('A="one\r\ntwo" # c\r\nB=3\r\n', ".env")
    first, second = env.entries
    assert (first.value, first.raw, first.line, first.end_line) == ("one\ntwo", "one\r\ntwo", 1, 2)
    assert first.raw_line == 'A="one\r\ntwo" # c'
    assert (second.line, second.value) == (3, "3")


def test_interpolation_names_what_it_uses() -> None:
    """Names in order of use; the value of this file alone, as with nothing set outside."""
    env = read("HOST=h\nURL=postgres://${USER_X}:${PW:-pw}@${HOST}/$DB\nURL2='${URL}'\n", ".env")
    assert env.entries[1].interpolated == ("USER_X", "PW", "HOST")
    assert env.entries[1].resolved == "postgres://:pw@h/$DB"
    assert env.entries[2].resolved == env.entries[1].resolved


def test_a_value_that_doubles_without_end_is_left_alone() -> None:
    """Sixty lines that would need more memory than there is."""
    text = "A=xxxxxxxxxx\n" + "A=${A}${A}\n" * 60
    env = read(text, ".env")
    assert {problem.kind for problem in env.problems} == {"expands-too-far"}
    assert all(len(entry.resolved or "") <= 1_000_000 for entry in env.entries)


@pytest.mark.parametrize(
    ("line", "key", "value"),
    [
        ("# DATABASE_URL=postgres://h/d", "DATABASE_URL", "postgres://h/d"),
        (
            '#DATABASE_URL="postgresql+asyncpg://u:p@h/d" # old',
            "DATABASE_URL",
            "postgresql+asyncpg://u:p@h/d",
        ),
        ("## export DIRECT_URL = 'prisma://h/?api_key=k'", "DIRECT_URL", "prisma://h/?api_key=k"),
    ],
)
def test_commented_out_connection_strings_are_kept(line: str, key: str, value: str) -> None:
    """Twenty of 214 real files keep an alternative in a comment."""
    env = read(f"A=1\n{line}\n", ".env")
    entry = env.entries[1]
    assert (entry.key, entry.value, entry.commented, entry.line) == (key, value, True, 2)
    assert env.lines[1][entry.value_column : entry.value_end_column] == value
    assert [each.key for each in env.active] == ["A"]


@pytest.mark.parametrize(
    "line",
    [
        "# Format: postgresql://USER:PASSWORD@HOST/DB",
        "# INCORRECT: DATABASE_URL=postgres://h/d?pgbouncer=true",
        "# CORRECT: DATABASE_URL=postgres://h/d",
        "# see https://example.com/?a=postgres://h",
        "# DEBUG=1",
        "# LOGGING=prisma:error",
        '# DATABASE_URL="postgres://h/d',
    ],
)
def test_prose_in_comments_is_prose(line: str) -> None:
    """Only a comment that would be an assignment without its `#` is one, and only of a connection string."""
    env = read(line, ".env")
    assert env.entries == ()
    assert env.problems == ()
    assert [comment.text for comment in env.comments] == [line]


def test_commented_out_values_are_not_interpolated_into_others() -> None:
    """No loader sees them."""
    env = read("# A=postgres://old/d\nB=${A}\n", ".env")
    assert env.entries[1].resolved == ""


@pytest.mark.parametrize(
    ("text", "kind", "line", "key"),
    [
        ('\nA="open\nB=1\n', "unterminated", 2, "A"),
        ('LOG="a" | "b" | "c"\n', "after-quote", 1, "LOG"),
        ("DATABASE_URL: postgres://h/d\n", "yaml", 1, "DATABASE_URL"),
        ("just words here\n", "not-an-assignment", 1, ""),
        ("=x\n", "not-an-assignment", 1, ""),
        ("A=1\nB=\0\n", "nul", 2, ""),
    ],
)
def test_what_cannot_be_read_is_told(text: str, kind: str, line: int, key: str) -> None:
    """Kind, place and name; never the value."""
    (problem,) = read(text, ".env").problems
    assert (problem.kind, problem.line, problem.key) == (kind, line, key)
    assert "open" not in problem.message
    assert "postgres" not in problem.message


def test_reading_goes_on_behind_an_open_quote() -> None:
    """One bad line costs one line."""
    env = read("A='open\nB=1\nC=2\n", ".env")
    assert [entry.key for entry in env.entries] == ["B", "C"]


def test_no_repr_shows_a_value() -> None:
    """Reprs end up in tracebacks and logs."""
    env = read("A=postgres://u:canary@h/d\nB='canary\n", ".env")
    assert "canary" not in repr((env, *env.entries, *env.problems))


def test_ignore_comments_apply_where_they_stand() -> None:
    """Behind a value: that line. Alone: the statement below, stacked ones too. ignore-file: everywhere."""
    env = read(
        "# poolcheck: ignore-file[PC110]\n"
        "A=1 # poolcheck: ignore[PC101] known\n"
        "B=2\n"
        "# poolcheck: ignore[PC101]\n"
        "# poolcheck: ignore[wait-for-slot]\n"
        "C=3\n"
        "D='x\n"
        "y' # poolcheck: ignore\n"
        "# poolcheck: ignore[PC102]\n"
        "\n"
        "E=5\n"
        "# F=postgres://h/d # poolcheck: ignore[PC101]\n",
        ".env",
    )
    silenced = {line for line in range(1, 13) if env.ignores.covers("PC101", "direct-endpoint", line)}
    assert silenced == {2, 4, 6, 7, 8, 12}
    assert env.ignores.covers("PC209", "wait-for-slot", 6)
    assert not env.ignores.covers("PC209", "wait-for-slot", 3)
    assert env.ignores.covers("PC110", "placeholder-left", 3)
    assert not env.ignores.covers("PC102", "session-pooler", 11)


MATCHING = (
    ".env .env.local .env.example .env-example .env_example .env.production.local postgres.env variables.env env.example "
    "env.sample env.prod env-example .envrc .envrc.example .dev.vars .dev.vars.staging docker.env.dist .flaskenv "
    ".environment .env.txt .ENV .env.schema"
).split()
OTHER = (
    ".environment.ts env.ts env.d.ts env.py env.js env.mjs .env.schema.json environment.prod.ts vite-env.d.ts env env. "
    ".env.local.php .envoy .env.swp .env~ .env.vault .env.bak environment.env.ts .env- .dev.varsx dev.vars myenv env-prod "
    "env.go .env.gpg requirements.txt settings.env.yaml"
).split()


@pytest.mark.parametrize("name", MATCHING)
def test_env_files_are_known_by_name(name: str) -> None:
    """The way people name them; folders do not matter."""
    assert matches(name)
    assert matches(PurePosixPath("apps/web") / name)
    assert matches(PureWindowsPath("C:/apps") / name)


@pytest.mark.parametrize("name", OTHER)
def test_code_and_data_are_not_env_files(name: str) -> None:
    """`env.<code extension>` is code; backups and encrypted files are read by nobody."""
    assert not matches(name)
    assert not matches(f"apps/env/.env.d/{name}")


def test_files_in_a_folder_of_env_files() -> None:
    """The layout of cookiecutter-django, whose folder gives the stage."""
    assert matches(".envs/.production/.postgres")
    assert stage(".envs/.production/.postgres") == "production"
    assert not matches(".envs/readme.md")


@pytest.mark.parametrize(
    ("name", "example_file", "expected"),
    [
        (".env", False, ""),
        (".env.example", True, ""),
        (".env.local.example", True, "local"),
        (".env.production.local", False, "production"),
        ("env.sample", True, ""),
        (".env.dist", True, ""),
        ("prod.env", False, "production"),
        (".env.staging", False, "staging"),
        (".env.test.local", False, "test"),
        (".dev.vars", False, "development"),
        (".env.preview", False, "preview"),
        ("production/.env", False, ""),
    ],
)
def test_the_name_tells_example_and_stage(name: str, example_file: bool, expected: str) -> None:
    """From the words of the name alone."""
    assert (is_example(name), stage(name)) == (example_file, expected)


@pytest.mark.parametrize(
    ("data", "text", "words"),
    [
        (b"A=1\n", "A=1\n", None),
        (b"\xef\xbb\xbfA=1", "\ufeffA=1", None),
        ("A=é".encode("utf-16"), "\ufeffA=é", "UTF-16"),
        ("A=1".encode("utf-16-le"), None, "looks like UTF-16"),
        (b"A=1\nB=\xe9\n", "A=1\nB=\ufffd\n", "byte 0xe9 at offset 6 (line 2)"),
        (b"A=1\nB=\0\nC=long enough not to look like UTF-16\n", None, "NUL byte at line 2"),
        (b"", "", None),
    ],
)
def test_encodings_are_told(data: bytes, text: str | None, words: str | None) -> None:
    """UTF-8 without complaint, everything else with one."""
    got, complaint = decode(data)
    assert (complaint is None) == (words is None)
    assert words is None or words in (complaint or "")
    assert text is None or got.removeprefix("\ufeff") == text.removeprefix("\ufeff")


@given(st.binary(max_size=80))
def test_decoding_never_raises(data: bytes) -> None:
    """Whatever a file holds, it becomes text that can be read and printed."""
    text, complaint = decode(data)
    text.encode()
    read(text, ".env")
    if complaint is None:
        assert text.encode() == data


HOSTILE = {
    "one long value": lambda n: "A=" + "x" * n,
    "spaces": lambda n: "A=" + " " * n + "x",
    "spaces and hashes": lambda n: "A=x" + " #" * (n // 2),
    "hashes": lambda n: "A=" + "#" * n,
    "open braces": lambda n: "A=" + "${" * (n // 2),
    "names with colons": lambda n: "A=" + "${a:" * (n // 4) + "}",
    "backslashes in an open quote": lambda n: 'A="' + "\\a" * (n // 2),
    "exports": lambda n: "export " * (n // 7),
    "open quotes": lambda n: "A='x\n" * (n // 5),
    "ignores": lambda n: "# poolcheck: ignore\n" * (n // 20),
    "one ignore": lambda n: "# poolcheck" + " " * n + ":",
    "commented": lambda n: "# A=postgres://\n" * (n // 16),
    "no newline": lambda n: "A" * n,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_work_is_linear(name: str) -> None:
    """Eight times the text is about eight times the work; and what is long is read at all."""
    small, large = (steps(lambda n=size: read(HOSTILE[name](n), ".env")) for size in (2_000, 16_000))  # type: ignore[misc]  # n is bound now

    assert large < 10 * small + 100
    read(HOSTILE[name](400_000), ".env")


def test_a_file_of_twenty_thousand_lines() -> None:
    """Every entry of it is there."""
    text = "".join(
        f'# c\nKEY_{n}="postgresql://u:p@h{n}/d?x=1" # note\nB{n}=${{KEY_{n}}}\n' for n in range(6667)
    )
    env = read(text, ".env")
    assert len(env.entries) == 13_334
