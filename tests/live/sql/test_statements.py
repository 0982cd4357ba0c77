"""Statements: sqlparse's opinion of where one ends and what a literal is, where it can have one."""

import pytest
import sqlparse
from hypothesis import example, given
from hypothesis import strategies as st

from poolcheck.live.sql.normalise import normalise
from poolcheck.readers.sql import mask, split, tokens

SCRIPTS = [
    "SET search_path TO x; SELECT 1",
    "SELECT ';' ; SELECT 2;",
    "-- a; comment\nLISTEN jobs;\n/* b; c */ NOTIFY jobs",
    "INSERT INTO t VALUES ('it''s; fine', $1); COMMIT",
    'SELECT "a;b" FROM t; SELECT 3',
    "CREATE TABLE t (a int); CREATE INDEX ON t (a);",
]


@pytest.mark.parametrize("script", SCRIPTS)
def test_statements_end_where_sqlparse_ends_them(script: str) -> None:
    """Quotes, comments and identifiers with semicolons in them."""
    theirs = [
        sqlparse.format(each, strip_comments=True).strip().rstrip(";").strip()
        for each in sqlparse.split(script)
    ]

    ours = [sqlparse.format(piece, strip_comments=True).strip() for _, piece in split(script)]

    assert len([their for their in theirs if their]) == len([our for our in ours if our])


VALUES = st.text(alphabet="abc ;'-/*$\\\"\n%", max_size=12)


@given(values=st.lists(VALUES, min_size=1, max_size=3), numbers=st.lists(st.integers(0, 10**9), max_size=3))
def test_no_literal_that_sqlparse_finds_is_left(values: list[str], numbers: list[int]) -> None:
    """Whole statements: every string and number that sqlparse tokenises is gone from what is shown."""
    strings = ", ".join("'" + value.replace("'", "''") + "'" for value in values)
    statement = f"SELECT {strings} FROM t WHERE n IN ({', '.join(map(str, numbers)) or 'NULL'})"
    literals = {
        str(token)
        for each in sqlparse.parse(statement)
        for token in each.flatten()  # type: ignore[no-untyped-call]  # sqlparse has few types
        if token.ttype in sqlparse.tokens.Literal and len(str(token)) > 3
    }

    shown = normalise(statement)

    assert not [literal for literal in literals if literal in shown]


PIECES = st.sampled_from(
    [
        "select ",
        "a",
        "1",
        "e'",
        "'",
        "''",
        "\\",
        '"',
        "u&'",
        "$$",
        "$x$",
        "--",
        "\n",
        "/*",
        "*/",
        ";",
        "date'",
        "a$b$",
        "é",
    ]
)


@given(st.lists(PIECES, max_size=12).map("".join))
@example("a$b$ ; c$b$")  # names with a dollar in them
@example("E'it\\'s; x'; y")
def test_tokens_are_the_whole_text(text: str) -> None:
    """One after the other, nothing left out; masked, every place stays."""
    found = list(tokens(text))

    assert "".join(text[start:end] for _, start, end in found) == text
    assert all(start < end for _, start, end in found)
    masked = mask(text)
    assert [len(line) for line in masked.split("\n")] == [len(line) for line in text.split("\n")]
    assert all(
        text[start:end] == masked[start:end] for kind, start, end in found if kind in ("code", "number")
    )


def test_names_and_escapes_are_those_of_the_server() -> None:
    """A dollar within a name begins no body, and an escaped quote ends no string."""
    assert [statement for _, statement in split("select a$b$ ; set c$b$ = 1")] == [
        "select a$b$",
        "set c$b$ = 1",
    ]
    assert [statement for _, statement in split(r"select E'it\'s; x'; set y = 1")][1:] == ["set y = 1"]
