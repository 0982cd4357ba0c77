"""How old the catalogue's facts are, who says so, and sentences that follow the clock."""

import subprocess
import sys
from datetime import date, timedelta

import pytest

from poolcheck import catalogue
from poolcheck.api import lint
from poolcheck.catalogue import error_texts, old_facts
from poolcheck.catalogue.age import OLD, by_day, older, told
from poolcheck.commands._age import with_age
from poolcheck.commands.explain import _said

FACTS = [*old_facts.facts()]
NEWEST = max(fact.checked for fact in FACTS)


def test_every_kind_of_fact_has_an_age() -> None:
    places = {fact.where for fact in FACTS}

    assert {place.split("/")[0] for place in places} == {
        "providers",
        "drivers",
        "poolers",
        "images",
        "programs",
        "objects",
        "errors",
    }
    assert {"providers/neon.toml: limits[0]", "errors/postgresql.toml: pg-too-many-clients"} <= places
    assert len(FACTS) > 900


def test_the_oldest_come_first_and_the_day_itself_is_not_old() -> None:
    old = older(FACTS, 0, NEWEST)

    assert [fact.checked for fact in old] == sorted(fact.checked for fact in old)
    assert all(fact.checked < NEWEST for fact in old)
    assert len(older(FACTS, 0, date(2100, 1, 1))) == len({*FACTS})


def test_the_list_that_ci_makes() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "poolcheck.catalogue.old_facts", "100000"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout) == (0, "")
    assert "0 facts" in done.stderr
    done = subprocess.run(
        [sys.executable, "-m", "poolcheck.catalogue.old_facts", "-1"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "errors/postgresql.toml: pg-too-many-clients https://" in done.stdout


@pytest.mark.parametrize(
    ("text", "day", "said"),
    [
        (
            "hosted Accelerate ends on 2026-12-01.",
            date(2026, 11, 30),
            "hosted Accelerate ends on 2026-12-01.",
        ),
        (
            "hosted Accelerate ends on 2026-12-01.",
            date(2026, 12, 1),
            "hosted Accelerate ended on 2026-12-01.",
        ),
        ("Ends on 2026-12-01; no successor", date(2029, 1, 1), "Ended on 2026-12-01; no successor"),
        ("it depends on 2026-12-01", date(2029, 1, 1), "it depends on 2026-12-01"),
        ("on = 2026-12-01", date(2029, 1, 1), "on = 2026-12-01"),
    ],
)
def test_a_sentence_with_a_day_follows_the_clock(text: str, day: date, said: str) -> None:
    assert by_day(text, day) == said


def test_what_rests_on_an_old_fact_says_so_in_one_line() -> None:
    error = error_texts.error("pg-too-many-clients")
    assert error is not None
    fresh, late = error.checked + timedelta(days=OLD), error.checked + timedelta(days=OLD + 1)

    assert told([error], fresh) == ""
    assert told([error], late).startswith(
        f"One fact behind this was last looked at more than {OLD} days ago, the oldest on {error.checked}"
    )
    assert "facts behind this were" in told([catalogue.provider("neon")], date(2100, 1, 1))


def test_reports_of_a_later_year() -> None:
    explained = _said(("FATAL: sorry, too many clients already",))
    linted = lint("postgresql://app:x@ep-cool-1.eu-central-1.aws.neon.tech/shop")

    for report in (explained, linted):
        assert with_age(report, NEWEST) == report
        (note,) = {*with_age(report, date(2029, 1, 1)).notes} - {*report.notes}
        assert "last looked at more than 180 days ago" in note
