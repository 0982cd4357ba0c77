"""The baseline: what is known, what is new, what is gone; and files that are none."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolcheck.errors import BadConfig, BadInput
from poolcheck.gate import baseline
from poolcheck.model.finding import Finding
from poolcheck.model.problem import Location
from tests.output.sample import FIRST, NOWHERE, ODD_PLACE, SECRET


def made(path: str, subject: str, line: int = 1) -> Finding:
    """A finding at a place."""
    return replace(FIRST, location=Location(path, line, 1), subject=subject)


FINDINGS = st.lists(
    st.builds(made, st.sampled_from(["a.env", "b.env"]), st.sampled_from(["X", "Y"]), st.integers(1, 9)),
    max_size=12,
)


@given(FINDINGS, st.integers(0, 50))
def test_all_are_known_to_their_own_baseline_wherever_they_move(findings: list[Finding], by: int) -> None:
    """Lines are no part of a fingerprint; repetitions are counted."""
    entries = baseline.entries_of(findings)
    moved = [
        replace(finding, location=Location(finding.location.path, (finding.location.line or 0) + by))
        for finding in findings
        if finding.location
    ]

    sifted = baseline.sift(moved, entries, looked_at={"a.env", "b.env"})

    assert sifted.new == ()
    assert sifted.gone == ()
    assert sum(entry.count for entry in entries) == len(findings)


@given(FINDINGS, FINDINGS)
def test_new_and_known_are_all(old: list[Finding], now: list[Finding]) -> None:
    """Nothing is lost, and no more are known than were accepted."""
    entries = baseline.entries_of(old)

    sifted = baseline.sift(now, entries, looked_at=set())

    assert sorted(map(id, (*sifted.new, *sifted.known))) == sorted(map(id, now))
    for entry in entries:
        known = [each for each in sifted.known if each.fingerprint == entry.fingerprint]
        assert len(known) <= entry.count


@given(FINDINGS)
def test_text_and_back(findings: list[Finding]) -> None:
    """What is written is what is read, in an order that does not depend on the findings'."""
    entries = baseline.entries_of(findings)

    assert baseline.entries_of(list(reversed(findings))) == entries
    listed = json.loads(baseline.render(entries))["findings"]
    assert tuple(baseline._entry(each, Path("x"), 1) for each in listed) == entries


def test_a_second_of_a_kind_is_new() -> None:
    """One was accepted; two are there."""
    sifted = baseline.sift([FIRST, FIRST], baseline.entries_of([FIRST]), looked_at=set())

    assert (len(sifted.known), len(sifted.new)) == (1, 1)


def test_live_findings_are_never_accepted() -> None:
    """A full server is no old debt."""
    assert baseline.entries_of([NOWHERE]) == ()
    entry = replace(baseline.entries_of([FIRST])[0], fingerprint=NOWHERE.fingerprint)
    assert baseline.sift([NOWHERE], [entry], looked_at=set()).new == (NOWHERE,)


def test_gone_is_only_what_was_looked_at() -> None:
    """An entry of a file that was not judged may still occur."""
    entries = baseline.entries_of([FIRST, ODD_PLACE])

    sifted = baseline.sift([], entries, looked_at={".env.production"})

    assert [each.path for each in sifted.gone] == [".env.production"]


def test_the_file_has_neither_secret_nor_line_nor_control_character() -> None:
    """It is made to be committed."""
    text = baseline.render(baseline.entries_of([FIRST, ODD_PLACE]))

    assert SECRET not in text
    assert '"line"' not in text
    assert "\\u001b" not in text
    assert "\x1b" not in text


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[" * 200_000, "not JSON"),
        (b"[]", "has no list of findings"),
        (b'{"findings": {}}', "has no list of findings"),
        (b'{"findings": []}', "schema None"),
        (b'{"schema": 2, "findings": []}', "schema 2; this poolcheck reads 1"),
        (b'{"schema": 1, "findings": [{}]}', "entry 1 has no fingerprint"),
        (b'{"schema": 1, "findings": [{"fingerprint": "x", "count": 0}]}', "count must be at least 1"),
        (b'{"schema": 1, "findings": [{"fingerprint": "x", "count": true}]}', "count must be at least 1"),
    ],
)
def test_files_that_are_no_baseline(tmp_path: Path, data: bytes, said: str) -> None:
    """A clear complaint, never an empty baseline."""
    file = tmp_path / "b.json"
    file.write_bytes(data)

    with pytest.raises(BadConfig, match=said):
        baseline.read(file)


def test_missing_and_unwritable(tmp_path: Path) -> None:
    """Not an empty one either."""
    with pytest.raises(BadInput, match="no such baseline"):
        baseline.read(tmp_path / "none.json")
    with pytest.raises(BadInput, match="cannot write"):
        baseline.write(tmp_path / "no" / "b.json", ())


def test_extra_keys_are_read_over(tmp_path: Path) -> None:
    """A later poolcheck may say more."""
    file = tmp_path / "b.json"
    record: dict[str, Any] = {"schema": 1, "more": 1, "findings": [{"fingerprint": "x", "more": 1}]}
    file.write_text(json.dumps(record))

    assert baseline.read(file)[0].fingerprint == "x"
