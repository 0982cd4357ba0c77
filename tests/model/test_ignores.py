"""Ignore comments in any comment syntax, and which of them were never needed."""

import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolcheck.catalogue.makers import makers
from poolcheck.model.ignores import Ignore, Ignores, PlacedIgnore, Unused, ignores_in_lines, parse_ignore
from poolcheck.project import collected
from poolcheck.readers import source_files
from poolcheck.readers.env import dotenv
from poolcheck.readers.poolers import pgbouncer_ini


@pytest.mark.parametrize(
    "opening", ["#", "# ", "//", "// ", "--", "-- ", ";", "/* ", "/** ", "<!-- ", "", "# noqa # "]
)
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("poolcheck: ignore", Ignore()),
        ("poolcheck: ignore we know", Ignore(reason="we know")),
        ("poolcheck: ignore[PC101]", Ignore(("pc101",))),
        ("poolcheck:ignore[pc101, PC203] its own pooler", Ignore(("pc101", "pc203"), "its own pooler")),
        (
            "Poolcheck: Ignore[direct-endpoint-for-app] -- reason",
            Ignore(("direct-endpoint-for-app",), "reason"),
        ),
        ("poolcheck: ignore-file[PC110]", Ignore(("pc110",), file_wide=True)),
        ("poolcheck: ignore-file fixtures", Ignore(reason="fixtures", file_wide=True)),
        ("poolcheck: ignore[PC101,PC101]", Ignore(("pc101",))),
    ],
)
def test_comments_are_read_in_every_syntax(opening: str, words: str, expected: Ignore) -> None:
    """The marker may be there or not."""
    assert parse_ignore(opening + words) == expected


@pytest.mark.parametrize("text", ["/* poolcheck: ignore[PC101] */", "<!-- poolcheck: ignore[PC101] -->"])
def test_a_closing_marker_is_no_reason(text: str) -> None:
    """Block comments end themselves."""
    assert parse_ignore(text) == Ignore(("pc101",))


@pytest.mark.parametrize(
    "text",
    [
        "# use poolcheck to see",
        "# poolcheck says: ignore",
        "# run poolcheck: it finds leaks",
        "# write poolcheck: ignore to silence it",
        "# poolcheck: ignored",
        "# poolcheck: ignore-next-line",
        "# noqa",
        "",
    ],
)
def test_prose_about_poolcheck_is_prose(text: str) -> None:
    """Only a comment that begins so is meant."""
    assert parse_ignore(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "# poolcheck: ignore PC101",
        "# poolcheck: ignore: PC101",
        "# poolcheck: ignore(PC101)",
        "# poolcheck: ignore=PC101",
        "# poolcheck: ignore[PC101",
        "# poolcheck: ignore[]",
        "# poolcheck: ignore[ , ]",
        "# poolcheck: ignore[PC101 PC102]",
        "# poolcheck: ignore[PC1*]",
    ],
)
def test_a_slip_silences_nothing_and_is_told(text: str) -> None:
    """A typing error must not switch off every rule."""
    ignore = parse_ignore(text)
    assert ignore is not None
    assert ignore.trouble
    assert not ignore.means("PC101", "direct-endpoint-for-app")


@given(st.text(max_size=40), st.text(max_size=40))
def test_no_comment_makes_it_raise(before: str, behind: str) -> None:
    """Whatever stands around the words."""
    parse_ignore(f"{before}poolcheck: ignore{behind}")


def placed(comment: str, line: int, *lines: int) -> PlacedIgnore:
    """A comment that covers these lines."""
    ignore = parse_ignore(comment)
    assert ignore is not None
    return PlacedIgnore(ignore, line, lines)


IGNORES = Ignores(
    (
        placed("# poolcheck: ignore[PC101, PC203]", 3, 3, 4),
        placed("# poolcheck: ignore", 7, 7),
        placed("# poolcheck: ignore-file[PC110]", 9),
        placed("# poolcheck: ignore PC101", 11, 11),
    )
)


def test_a_line_is_covered_by_id_or_by_name() -> None:
    """On the line or the line above, or for the whole file."""
    assert IGNORES.covers("PC101", "direct-endpoint", 4)
    assert not IGNORES.covers("PC102", "session-pooler", 4)
    assert not IGNORES.covers("PC101", "direct-endpoint", 5)
    assert IGNORES.covers("PC999", "anything", 7)
    assert IGNORES.covers("PC110", "placeholder-left", None)
    assert not IGNORES.covers("PC999", "anything", None)
    assert not IGNORES.covers("PC101", "direct-endpoint", 11)


def test_unused_comments_are_found_rule_by_rule() -> None:
    """Of a comment that names two rules, the one that met nothing is named."""
    found = [
        ("PC101", "direct-endpoint", 4),
        ("PC110", "placeholder-left", 20),
        ("PC101", "direct-endpoint", 11),
    ]
    unused = IGNORES.unused(found)
    assert [(each.line, each.rule) for each in unused] == [(3, "pc203"), (7, ""), (11, "")]
    assert "brackets" in unused[-1].why


def test_a_rule_that_did_not_run_is_not_called_unused() -> None:
    """`--select` must not make comments look superfluous."""
    unused = IGNORES.unused([], ran={"pc101"})
    assert [(each.line, each.rule) for each in unused] == [(3, "pc101"), (11, "")]


def test_no_comments_cover_nothing() -> None:
    """The usual file."""
    assert not Ignores()
    assert Ignores().covers("PC101", "direct-endpoint", 1) is None
    assert Ignores().unused([("PC101", "direct-endpoint", 1)]) == ()
    assert Unused(1, "", "why").line == 1


def of_source(path: str) -> Callable[[str], Ignores]:
    """The ignore comments that the readers of source find."""

    def read(text: str) -> Ignores:
        made = source_files.read(text.encode(), path, makers())
        assert isinstance(made, source_files.Read), made
        return made.ignores

    return read


def of_env(text: str) -> Ignores:
    """Those of an env file."""
    return dotenv.read(text).ignores


def of_ini(text: str) -> Ignores:
    """Those of a pgbouncer.ini."""
    return pgbouncer_ini.ignores(text)


def of_schema(text: str) -> Ignores:
    """Those of a file that nobody parses for its comments."""
    return collected.lines_of("schema.prisma", text).ignores.get("schema.prisma", Ignores())


# reader, mark, a line of code that is a statement, and whether a comment may stand behind code
KINDS = {
    "env": (of_env, "#", "A=postgresql://u:p@h/a", True),
    "ini": (of_ini, ";", "[databases]", False),
    "schema": (of_schema, "//", "datasource db {}", True),
    "python": (of_source("a.py"), "#", "import psycopg2", True),
    "javascript": (of_source("a.js"), "//", "const pg = require('pg')", True),
    "sql": (of_source("a.sql"), "--", "SET search_path = x;", True),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_comment_covers_the_same_lines_in_every_language(kind: str) -> None:
    """Behind code its own line, alone the line below, and of a stack each the line below the stack."""
    read, mark, code, behind = KINDS[kind]
    note = f"{mark} poolcheck: ignore[PC101]"

    def lines(*rows: str) -> list[tuple[int, set[int]]]:
        placed = read("\n".join(rows) + "\n").placed
        return [
            (one.line, set(one.lines) - {line for line in one.lines if rows[line - 1] == note})
            for one in placed
        ]

    assert lines(code, note, code, code) == [(2, {3})]
    assert lines(code, note, note, code, code) == [(2, {4}), (3, {4})]
    if behind:
        assert lines(code, f"{code} {note}", code) == [(2, {2})]


@given(
    st.lists(
        st.sampled_from(["", "x", "; ", "#", "# poolcheck: ignore", "x # poolcheck: ignore[PC101]", ";"])
    ),
    st.booleans(),
    st.sampled_from(["", ";"]),
)
def test_lines_are_covered_from_the_comment_on(lines: list[str], behind: bool, end: str) -> None:
    """Each ignore comment that may stand there is placed, and covers itself and lines behind it that exist."""
    placed = ignores_in_lines(lines, "#", behind=behind, end=end).placed

    alone = [number for number, line in enumerate(lines, 1) if line.startswith("# poolcheck")]
    mixed = [number for number, line in enumerate(lines, 1) if line.startswith("x # poolcheck")]
    assert [one.line for one in placed] == sorted(alone + (mixed if behind else []))
    for one in placed:
        assert one.lines[0] == one.line
        assert list(one.lines) == sorted(set(one.lines))
        assert one.lines[-1] <= len(lines)


def test_a_file_of_ignore_comments_alone() -> None:
    """The work is linear: each finds the code below without a walk of its own."""
    lines = ["# poolcheck: ignore"] * 20_000
    start = time.process_time()

    assert len(ignores_in_lines(lines, "#|//", end=";").placed) == 20_000
    assert time.process_time() - start < 2
