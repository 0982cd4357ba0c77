"""What people paste of an error: its half, its code, its words with other values, quotes and line breaks."""

import random
import re
import textwrap
from collections.abc import Iterator

import pytest

from poolcheck.catalogue import error_texts
from poolcheck.explain import pieces
from poolcheck.explain.explain import explain
from poolcheck.explain.log import collapse
from poolcheck.model.explanation import ErrorText

ERRORS = error_texts.errors()
EXAMPLES = [(error, text) for error in ERRORS for text in error.examples]
# Numbers that are no values: codes, signals, ports by which something is known, versions.
CODES = re.compile(
    r"\b(?:[0-9]{2}[0-9A-Z]{3}|P\d{4}|signal \d+|[A-Z]{1,4}-?\d{1,5}|\d+\.\d+\.\d+\.\d+|\d)\b|\w*[A-Za-z_]\d\w*|#PID<\S+>"
)
QUOTED = re.compile(r"([\"'`])((?:\w|[.-])+)\1")


def shown(text: str) -> list[str]:
    """The ids of what a text shows, and of what it could also be."""
    found = explain(text)
    named = [re.findall(r"\(([a-z0-9-]+)\)", note) for item in found.items for note in item.notes]
    return [item.error.id for item in found.items] + [each for some in named for each in some]


@pytest.mark.parametrize(
    ("text", "first", "also"),
    [
        ("too many clients already", "pg-too-many-clients", ["pgpool-children"]),
        ("many clients alr", "pg-too-many-clients", ["pgpool-children"]),
        ("QueuePool limit of size 5 overflow 10 reached", "sqlalchemy-queuepool", []),
        (
            "sqlalchemy.exc.TimeoutError: QueuePool limit of size 20 overflow 40 reached",
            "sqlalchemy-queuepool",
            [],
        ),
        ("timeout exceeded when trying", "node-pool-timeout", []),
        (
            "psycopg2.OperationalError: FATAL:  remaining connection slots are reserved",
            "pg-reserved-for-role",
            ["pg-reserved-up-to-15"],
        ),
        (
            "2026-11-21 03:00:00 app ERROR db: too many clients already",
            "pg-too-many-clients",
            ["pgpool-children"],
        ),
        ("could not connect to server", "net-timeout", ["net-refused"]),
        ("timeout exceeded when trying to connect", "node-pool-timeout", []),
        ("remaining connection slots are reserved", "pg-reserved-for-role", ["pg-reserved-up-to-15"]),
        ("too many connections for role app", "pg-role-limit", []),
        ("FATAL: too many connections for role ‘app’", "pg-role-limit", []),
        ("prepared statement s0 already exists", "pg-prepared-exists", []),
        ("schon zu viele Verbindungen", "pg-too-many-clients", []),
        ("已经有太多的客户", "pg-too-many-clients", []),
        ("53300", "pg-53300", ["pg-role-limit", "pg-database-limit"]),
        ("SQLSTATE: 57014", "pg-statement-timeout", ["pg-canceled"]),
        ("25P02", "pg-transaction-aborted", []),
        ("P2024", "prisma-p2024", []),
        ("P1001.", "prisma-p1001", []),
        ("PoolTimeout", "psycopg-pool-timeout", ["psycopg-pool-initial"]),
        ("psycopg_pool.PoolTimeout", "psycopg-pool-timeout", ["psycopg-pool-initial"]),
        ("SQLTransientConnectionException", "hikari-timeout", []),
        ("java.sql.SQLTransientConnectionException", "hikari-timeout", []),
        ("ActiveRecord::ConnectionTimeoutError", "activerecord-timeout", []),
        ("DBConnection.ConnectionError", "ecto-queue", ["ecto-owner-timeout"]),
        ("TooManyConnectionsError", "asyncpg-too-many", []),
    ],
)
def test_a_piece_is_recognised_with_what_else_it_could_be(text: str, first: str, also: list[str]) -> None:
    ids = shown(text)

    assert ids[0] == first
    assert {*also} <= {*ids}


@pytest.mark.parametrize(
    "text",
    [
        "ERROR: too many connections",
        "too many connections",
        "2026-11-21 03:00:00 app ERROR: too many connections",
    ],
)
def test_what_postgresql_never_says_is_contradicted(text: str) -> None:
    (item,) = explain(text).items

    assert item.error.id == "too-many-connections-alone"
    assert "never says" in item.error.title


@pytest.mark.parametrize(
    "text",
    [
        "does not exist",
        "connection",
        "OperationalError",
        "the connection",
        "timed out",
        "SQLSTATE",
        "99999",
        "[ERROR]",
        "0",
        "TimeoutError",
        "ConnectionError",
        "Exception",
        "max connections: 100",
        "error: server closed",
    ],
)
def test_words_that_many_texts_hold_are_no_piece(text: str) -> None:
    assert explain(text).items == ()


# --- every text of the catalogue, as somebody else met it -------------------------------------------------------


def other_numbers(text: str) -> str:
    """Every number another one, codes and addresses left alone."""
    order = random.Random(text)
    kept = [match.span() for match in CODES.finditer(text)]

    def change(match: re.Match[str]) -> str:
        inside = any(start <= match.start() < end for start, end in kept)
        return match[0] if inside else str(order.randint(11, 9000))

    return re.sub(r"\d+", change, text)


def other_names(error: ErrorText, text: str) -> str:
    """What stands in quotes and is one word, another word: the names of roles, databases, statements; no code."""
    order = random.Random(text)
    fixed = " ".join((*error.patterns, *error.routines))

    def change(match: re.Match[str]) -> str:
        if re.fullmatch(r"[A-Z0-9_]+|\w+Error", match[2]) or match[2] in fixed:
            return match[0]
        return f"{match[1]}{order.choice(['billing', 'x9', 'Orders-2', 'a_b'])}{match[1]}"

    return QUOTED.sub(change, text)


def other_quotes(text: str) -> Iterator[str]:
    for pair in ("''", '""', "``", "“”", "«»", "‘’"):
        yield QUOTED.sub(lambda match, pair=pair: f"{pair[0]}{match[2]}{pair[1]}", text)  # type: ignore[misc]


def wrapped(text: str) -> Iterator[str]:
    """As a terminal, a mail or a ticket breaks it."""
    for width in (24, 40, 79):
        lines = textwrap.wrap(collapse(text), width, break_on_hyphens=False, break_long_words=False)
        yield "\n".join(lines)
        yield "> " + "\n> ".join(lines)


# Names that tell which program it is, or that the entry is about: with another name it is another text.
NAMED = {
    "pg-prepared-pgbouncer-name", "pg-reserved-for-role", "pg-cursor-missing", "libpq-bad-value", "python-unexpected-keyword",
    "sqlalchemy-url-string", "npgsql-pool", "npgsql-keyword", "pgbouncer-auth",
}  # fmt: skip


@pytest.mark.parametrize(
    ("error", "text"), EXAMPLES, ids=lambda each: each.id if isinstance(each, ErrorText) else ""
)
def test_a_text_that_differs_by_values_quotes_or_breaks_is_that_text(error: ErrorText, text: str) -> None:
    variants = [other_numbers(text), *wrapped(text)]
    if error.id not in NAMED:
        variants += [other_names(error, text), *other_quotes(text)]

    missed = [
        variant for variant in variants if error.id not in shown(variant) and not _said_better(error, variant)
    ]

    assert missed == []


CHARACTERISTIC = [
    (error, match[0])
    for error, text in EXAMPLES
    for pattern in error.patterns
    if (match := re.search(pattern, collapse(text)))
]


@pytest.mark.parametrize(
    ("error", "part"), CHARACTERISTIC, ids=lambda each: each.id if isinstance(each, ErrorText) else ""
)
def test_a_text_cut_to_what_is_characteristic_is_that_text(error: ErrorText, part: str) -> None:
    """Alone, and without its first or its last word where four are left: as itself, or named as what it could also be."""
    words = part.split()
    variants = [part]
    if sum(re.search(r"[^\W\d_]{2}", word) is not None for word in words) > 4:
        variants += [" ".join(words[1:]), " ".join(words[:-1])]

    missed = [
        variant for variant in variants if error.id not in shown(variant) and not _said_better(error, variant)
    ]

    assert missed == []


def _said_better(error: ErrorText, text: str) -> bool:
    """Whether another text of the same layer is told, or it is one of many that hold the same words."""
    found = explain(text)
    return any(item.layer == error.layer for item in found.items) or len(found.near) == pieces.MOST_OTHERS
