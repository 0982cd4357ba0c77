"""The error catalogue proves itself: each entry's examples are its tests, and no text belongs to two layers."""

import gettext
import random
import re
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import get_args

import pytest

from poolcheck import catalogue
from poolcheck.catalogue import error_texts
from poolcheck.connection.secret import redact
from poolcheck.errors import CatalogueError
from poolcheck.explain import prefilter
from poolcheck.explain.explain import explain, explain_text
from poolcheck.explain.log import collapse
from poolcheck.explain.recognise import search
from poolcheck.explain.scan import SMALL, scan
from poolcheck.model.explanation import ErrorText, Layer

ERRORS = error_texts.errors()
EXAMPLES = [(error, text) for error in ERRORS for text in error.examples]
CROSSINGS = [(error, crossing) for error in ERRORS for crossing in error.crossings]
MESSAGES = Path("/usr/share/locale")


def name(value: object) -> str:
    return value.id if isinstance(value, ErrorText) else ""


def test_there_are_more_than_enough() -> None:
    assert len(ERRORS) >= 150
    assert len({text for _, text in EXAMPLES}) >= 250


@pytest.mark.parametrize(("error", "text"), EXAMPLES, ids=name)
def test_an_example_is_recognised_as_its_entry(error: ErrorText, text: str) -> None:
    found = explain_text(text)

    assert error.id in [item.error.id for item in found]
    assert {item.layer for item in found} == {error.layer}


@pytest.mark.parametrize(("error", "text"), EXAMPLES, ids=name)
def test_no_pattern_of_another_layer_matches(error: ErrorText, text: str) -> None:
    """Of the patterns alone, before anything is weighed."""
    assert {hit.error.layer for hit in search(collapse(text))} <= {error.layer}


@pytest.mark.parametrize(("error", "crossing"), CROSSINGS, ids=name)
def test_where_layers_meet_the_entry_says_which_and_why(error: ErrorText, crossing: object) -> None:
    text, also, why = crossing.text, crossing.also, crossing.why  # type: ignore[attr-defined]

    assert {hit.error.id for hit in search(collapse(text))} == {error.id, *also}
    assert why


@pytest.mark.parametrize("error", ERRORS, ids=name)
def test_every_pattern_is_tried_by_an_example(error: ErrorText) -> None:
    texts = [collapse(text) for text in (*error.examples, *(crossing.text for crossing in error.crossings))]

    idle = [pattern for pattern in error.patterns if not any(re.search(pattern, text) for text in texts)]

    assert idle == []


@pytest.mark.parametrize("error", ERRORS, ids=name)
def test_an_entry_says_what_the_text_does_not_mean(error: ErrorText) -> None:
    own_page = error_texts.layer(error.layer)

    assert error.not_means or error.vague or error.id.startswith("pg-reserved")
    assert own_page.title
    assert len(error.first) > 15
    assert not error.title.endswith(".")


@pytest.mark.parametrize("error", [each for each in ERRORS if each.driver], ids=name)
def test_a_driver_that_an_entry_names_is_in_the_catalogue(error: ErrorText) -> None:
    assert catalogue.driver(error.driver) is not None


def test_no_id_is_also_a_driver_or_provider() -> None:
    """`explain ID` must mean one thing."""
    for error in ERRORS:
        assert catalogue.driver(error.id) is None
        assert catalogue.provider(error.id) is None


# Errors of the same servers and drivers that have nothing to do with connections, and other software's limits.
UNRELATED = [
    'ERROR:  duplicate key value violates unique constraint "users_email_key"',
    'ERROR:  syntax error at or near "SELCT"',
    'ERROR:  relation "users" does not exist',
    'ERROR:  column "x" does not exist',
    "ERROR:  deadlock detected",
    "ERROR:  could not serialize access due to concurrent update",
    "ERROR:  division by zero",
    "SQLSTATE[HY000] [1040] Too many connections",
    "ERROR 1040 (HY000): Too many connections",
    "Error: ER_CON_COUNT_ERROR: Too many connections",
    "redis.exceptions.ConnectionError: max number of clients reached",
    "ORA-12519: TNS:no appropriate service handler found",
    "MongoServerSelectionError: connection <monitor> to 10.0.0.1:27017 closed",
    "HTTP 429 Too Many Requests",
    "LOG:  connection received: host=10.0.0.7 port=53300",
    "LOG:  connection authorized: user=app database=shop",
    "LOG:  disconnection: session time: 0:00:01.123 user=app database=shop host=10.0.0.7 port=53300",
    "LOG:  checkpoint complete: wrote 53300 buffers",
    "P2002: Unique constraint failed on the fields: (`email`)",
    "P2025: Record to update not found.",
    "max_connections = 100",
    "query_wait_timeout = 120",
    'NOTICE:  database "shop" does not exist, skipping',
    "pool_mode = transaction",
    "java.lang.NullPointerException",
    "GET /orders/53300 HTTP/1.1 200",
    "pid 53300 exited",
    "Error: connect ECONNREFUSED 127.0.0.1:6379",
    "Error: getaddrinfo ENOTFOUND api.example.com (https://api.example.com/v1)",
    'Get "https://10.0.0.1:443/api/v1/namespaces": context deadline exceeded',
    "kafka: client has run out of available brokers: read tcp: connection reset by peer",
    "MongoServerSelectionError: connect ECONNREFUSED 127.0.0.1:27017",
    "dial tcp 10.0.0.8:3306: connect: connection refused",
]


@pytest.mark.parametrize("text", UNRELATED)
def test_what_is_no_connection_trouble_is_not_explained(text: str) -> None:
    assert explain(text).items == ()


def test_examples_hold_no_secret() -> None:
    for _, text in EXAMPLES:
        assert "://" not in text or redact(text) == text


# --- the layers' pages ------------------------------------------------------------------------------------------


def test_every_layer_has_a_page_with_the_five_steps() -> None:
    pages = error_texts.layers()

    assert tuple(page.id for page in pages) == get_args(Layer)
    for page in pages:
        assert [step.step for step in page.steps] == [1, 2, 3, 4, 5]
        assert page.run
        for step in page.steps:
            assert step.status != "do" or step.do or step.code, (page.id, step.step)


def test_every_layer_has_entries() -> None:
    assert {error.layer for error in ERRORS} == set(get_args(Layer))


# --- translations -----------------------------------------------------------------------------------------------

TRANSLATED = [
    (translation.id, translation.english, language, text)
    for translation in error_texts.translations()
    for language, text in translation.texts
]


def filled(text: str) -> str:
    return text.replace("%s", "shop").replace("%d", "10").replace("%m", "Cannot allocate memory")


@pytest.mark.parametrize(("error_id", "english", "language", "text"), TRANSLATED)
def test_a_translated_message_is_recognised(error_id: str, english: str, language: str, text: str) -> None:
    assert [item.error.id for item in explain_text(f"FATAL:  {filled(text)}")] == [error_id], language
    assert [item.error.id for item in explain_text(f"FATAL:  {filled(english)}")] == [error_id]


@pytest.mark.parametrize("language", sorted({language for _, _, language, _ in TRANSLATED}))
def test_translations_are_word_for_word_those_of_postgresql(language: str) -> None:
    path = MESSAGES / language / "LC_MESSAGES" / "postgres-15.mo"
    if not path.exists():
        pytest.skip(f"no message catalogue of PostgreSQL 15 for {language}: apt-get install postgresql-15")
    with path.open("rb") as file:
        messages = gettext.GNUTranslations(file)

    for _, english, _, text in [each for each in TRANSLATED if each[2] == language]:
        assert collapse(messages.gettext(english)) == text


# --- the prefilter finds what the patterns find -----------------------------------------------------------------


@pytest.mark.parametrize("error", [each for each in ERRORS if each.patterns], ids=name)
def test_every_pattern_has_an_anchor_in_what_it_matches(error: ErrorText) -> None:
    texts = [collapse(text) for text in (*error.examples, *(crossing.text for crossing in error.crossings))]

    for pattern in error.patterns:
        anchors = prefilter.anchors(pattern)

        assert anchors
        for found in [match for text in texts if (match := re.search(pattern, text))]:
            assert any(anchor in found[0] for anchor in anchors), (pattern, anchors)


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        ("sorry, too many clients", ["sorry, too many clients"]),
        ("abcdefg|efghij", ["abcdefg", "efghij"]),
        (r"(?:ECONNREFUSED|ETIMEDOUT)", ["ECONNREFUSED", "ETIMEDOUT"]),
        (r"x?Error and more", ["Error and more", "xError and more"]),
        (r"no (?:such )?end of it", ["no end of it", "no such end of it"]),
        (r"[Cc]onnection (?P<what>closed|lost)(?!, x)", ["Connection closed", "connection lost"]),
        (r"\(EPOOL[A-Z]*\)", ["(EPOOL)", "(EPOOLX)"]),
        (r"a{0,3}bcdefg", ["bcdefg", "aabcdefg"]),
    ],
)
def test_anchors_are_in_every_match(pattern: str, matches: list[str]) -> None:
    anchors = prefilter.anchors(pattern)

    assert anchors
    for text in matches:
        assert re.search(pattern, text)
        assert any(anchor in text for anchor in anchors)


def test_a_few_passes_stand_for_all_patterns() -> None:
    """Each costs a walk over the log: a new text must not bring one of its own."""
    assert len(prefilter.passes()) <= 6


def test_without_enough_literal_text_there_is_no_anchor() -> None:
    assert prefilter.anchors(r"\d+ms") == ()
    assert prefilter.anchors(r"abcdef|\w+") == ()


def a_log(seed: int) -> Iterator[tuple[str, str]]:
    """(text of an error, line of a log) of all examples and translations, between ordinary lines."""
    order = random.Random(seed)
    texts = [(error.id, text) for error, text in EXAMPLES]
    texts += [(error_id, f"FATAL:  {filled(text)}") for error_id, _, _, text in TRANSLATED]
    order.shuffle(texts)
    for number, (error_id, text) in enumerate(texts):
        stamp = f"2026-11-21 03:{number // 60 % 60:02d}:{number % 60:02d}.000 UTC [{number}] "
        yield error_id, f"{stamp}{text}\n"


def test_a_log_too_large_for_a_close_look_loses_nothing(tmp_path: Path) -> None:
    """Every example and translation, each amid ordinary lines, is found by the fast way as by the slow one."""
    path = tmp_path / "app.log"
    wanted: dict[str, int] = {}
    with path.open("w", encoding="utf-8") as log:
        for number, (error_id, line) in enumerate(a_log(5)):
            log.write(line)
            for filler in range(20):
                log.write(f"2026-11-21 04:00:{filler:02d}.000 INFO request {number} served in {filler} ms\n")
            if error_id in [item.error.id for item in explain_text(line)]:  # some are only known when alone
                wanted[error_id] = wanted.get(error_id, 0) + 1
    assert path.stat().st_size > 2 * SMALL

    with path.open("rb") as stream:
        found = {item.error.id: item.count for item in scan([("app.log", stream)]).found.items}

    assert len(wanted) == len(ERRORS)
    missed = {error_id: count for error_id, count in wanted.items() if found.get(error_id, 0) < count}
    assert missed == {}


# --- complaints -------------------------------------------------------------------------------------------------

GOOD = """
title = "Test"

[[errors]]
id = "test-error"
layer = "slots"
origin = "server"
title = "a test"
who = "a test"
patterns = ['abc']
means = "Nothing."
first = "Do nothing."
step = 1
proof = "reproduced"
source = "https://example.com/x"
checked = 2026-11-21
examples = ["abc"]
"""


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (
            ('layer = "slots"', 'layer = "slot"'),
            "errors/test.toml: errors[0].layer: 'slot' is not one of slots",
        ),
        (("patterns = ['abc']", "patterns = ['(']"), "errors/test.toml: test-error: '(' is not a pattern"),
        (("patterns = ['abc']", ""), "errors/test.toml: test-error: no patterns, codes or routines"),
        (('examples = ["abc"]', ""), "errors/test.toml: test-error: it has no examples"),
        (("step = 1", "step = 9"), "errors/test.toml: test-error: step 9 is not 1 to 7"),
        (('means = "Nothing."', ""), "errors/test.toml: errors[0].means: is missing"),
        (("https://", "http://"), "'http://example.com/x' is not an https address"),
        (('title = "Test"', 'title = "Test'), "errors/test.toml: Illegal character"),
        (('who = "a test"', 'who = "a test"\nwhy = "x"'), "errors/test.toml: errors[0].why: unknown key"),
    ],
)
def test_a_wrong_file_is_named_exactly(
    change: tuple[str, str], complaint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "errors"
    folder.mkdir()
    (folder / "test.toml").write_text(GOOD.replace(*change))
    monkeypatch.setattr(error_texts, "FOLDER", folder)
    error_texts.error_files.cache_clear()
    try:
        with pytest.raises(CatalogueError) as caught:
            error_texts.error_files()
    finally:
        error_texts.error_files.cache_clear()

    assert complaint in caught.value.message


def test_an_id_is_used_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "errors"
    folder.mkdir()
    for file in ("a", "b"):
        (folder / f"{file}.toml").write_text(GOOD)
    monkeypatch.setattr(error_texts, "FOLDER", folder)
    error_texts.error_files.cache_clear()
    try:
        with pytest.raises(
            CatalogueError, match=r"errors/b\.toml: test-error: the id is already used in errors/a\.toml"
        ):
            error_texts.error_files()
    finally:
        error_texts.error_files.cache_clear()


@pytest.mark.parametrize(
    ("statement", "driver"),
    [
        ("_pg3_0", "psycopg 3"),
        ("S_1", "pgJDBC"),
        ("s0", "tokio-postgres, or Prisma up to 6"),
        ("__asyncpg_stmt_4__", "asyncpg"),
        ("fetch-plan", ""),
    ],
)
def test_a_statement_name_tells_its_driver(statement: str, driver: str) -> None:
    assert error_texts.statement_driver(statement) == driver


def test_files_are_ordered_and_named() -> None:
    files = error_texts.error_files()

    assert [file.id for file in files] == sorted(file.id for file in files)
    assert all(len(list(group)) == 1 for _, group in groupby(sorted(file.title for file in files)))
