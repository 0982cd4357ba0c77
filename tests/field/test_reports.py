"""Every report of the table, tried again as a user would: its input, the command, and what must be said of it."""

import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.commands.running import poolcheck
from tests.rules.projects import write

TABLE = Path(__file__).with_name("reports.toml")
REPORTS: list[dict[str, Any]] = tomllib.loads(TABLE.read_text(encoding="utf-8"))["report"]
KEYS = {"link", "year", "right", "first", "still", "args", "stdin", "must", "never", "code", "files"}
VERDICTS = {"solved", "partly", "missed", "wrong"}


@pytest.mark.parametrize("report", REPORTS, ids=lambda each: each["link"].removeprefix("https://github.com/"))
def test_what_is_right_is_said(report: dict[str, Any], tmp_path: Path) -> None:
    """Its words, whatever the layout; and none of those that were wrong."""
    write(tmp_path, report.get("files", {}))
    ran = poolcheck(*report["args"], cwd=tmp_path, env={"COLUMNS": "140"}, input=report.get("stdin", ""))
    said = " ".join((ran.out + ran.err).split())

    assert "Traceback" not in said
    assert [words for words in report.get("must", []) if words not in said] == []
    assert [words for words in report.get("never", []) if words in said] == []
    if "code" in report:
        assert ran.code == report["code"]


def test_the_table() -> None:
    """Each report once, with a verdict; who is not solved yet says so, and nothing is said to be solved that asserts nothing."""
    assert all(count == 1 for count in Counter(each["link"] for each in REPORTS).values())
    for each in REPORTS:
        assert each.keys() <= KEYS, each["link"]
        assert each["link"].startswith("https://")
        assert each["first"] in VERDICTS
        assert each.get("still", "partly") in VERDICTS - {"solved"}
        assert each.get("must") or "still" in each, each["link"]
