"""Statements without their literals: nothing secret is left, also where the server cut the text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolcheck.live.sql.normalise import is_release, normalise


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        (
            "SELECT *\n FROM t WHERE p = 'secret' AND id IN (1, 2, 3) -- note",
            "SELECT * FROM t WHERE p = ? AND id IN (?, ...)",
        ),
        ("select 'it''s secret', x", "select ?, x"),
        (r"update t set p = E'it\'s secret', q = $1", "update t set p = ?, q = ?"),
        ("select $$secret$$, $tag$ it's secret $tag$ from t", "select ?, ... from t"),
        ("insert into t values (1,'a'),(2,'b')", "insert into t values (?), ..."),
        ("select c1, t2.c3, x$y from t1 where a=-3.5e10", "select c1, t2.c3, x$y from t1 where a=-?"),
        ("select /* why 'secret' */ 1 -- secret", "select ?"),
        ("select U&'\\0041', B'0101', \"Na me\"", 'select ?, ..., "Na me"'),
        ("ALTER ROLE app PASSWORD 'hunter2'", "ALTER ROLE app PASSWORD ?"),
        ("select 1_000_000, 0xFF, .5", "select ?, ..."),
        ("select 1 /* a /* b */ 'secret' secret */ from t", "select ? from t"),
        ("", ""),
    ],
)
def test_literals_are_gone(text: str, normal: str) -> None:
    """Each kind of literal and comment that PostgreSQL knows."""
    assert normalise(text) == normal


@pytest.mark.parametrize(
    "text",
    [
        "select 'secret hunter",
        "select E'secret\\",
        "select $$secret hunter",
        "select $x$secret $$ hunter",
        "select 1 /* secret hunter",
        "select 1 -- secret hunter",
    ],
)
def test_cut_inside_a_literal(text: str) -> None:
    """The server cuts at track_activity_query_size: the rest of the text is the literal."""
    assert "secret" not in normalise(text)
    assert "hunter" not in normalise(text)


@given(st.text(alphabet=st.sampled_from("ab'\"$E\\-/* \n;(1,"), max_size=60), st.integers(0, 60))
def test_never_fails_and_stays_one_line(text: str, cut: int) -> None:
    """Whatever is in it, and wherever it is cut."""
    normal = normalise(text[:cut])
    assert "\n" not in normal
    assert normalise(normal) is not None


@given(st.text(alphabet="abc'", max_size=30))
def test_quoted_text_never_shows(secret: str) -> None:
    """A literal written as PostgreSQL wants it is one `?`."""
    quoted = "'" + secret.replace("'", "''") + "'"
    assert normalise(f"select {quoted}, x") == "select ?, x"


def test_linear() -> None:
    """Hostile text costs no more than its length."""
    assert normalise("'" * 100_001) == "?"
    assert normalise("/*" * 50_000) == ""
    assert len(normalise("$" * 20_000)) <= 20_000


@pytest.mark.parametrize(
    ("statement", "release"),
    [("COMMIT", True), ("rollback", True), ("DISCARD ALL;", True), ("select ?", True), ("", True), ("SHOW TRANSACTION ISOLATION LEVEL", True),
     ("DEALLOCATE ALL", True), ("select * from t", False), ("commit prepared ?", False), ("update t set a=?", False)],
)  # fmt: skip
def test_release(statement: str, release: bool) -> None:
    """What pools run when they take a connection back."""
    assert is_release(statement) is release
