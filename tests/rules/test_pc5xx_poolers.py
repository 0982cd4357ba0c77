"""Pooler configurations: the edges that the pages' examples do not show."""

import re
from pathlib import Path

import pytest

from poolcheck.model.finding import Finding
from tests.rules.projects import run

INI = """[databases]
app = host=db dbname=app
[pgbouncer]
admin_users = dba
"""
COMPOSE = """services:
  pgbouncer:
    image: edoburu/pgbouncer:{tag}
    volumes: ["./pgbouncer/pgbouncer.ini:/etc/pgbouncer/pgbouncer.ini:ro"]
    {ports}
"""


def findings(
    files: dict[str, str], facts: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> list[Finding]:
    """The findings of the 5xx rules."""
    return [
        finding
        for finding in run(files, facts, folder, monkeypatch).findings
        if finding.rule.id.startswith("PC5")
    ]


def test_image_of_a_mounted_file_gives_its_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that is newer than the image: PgBouncer would not start."""
    files = {
        "pgbouncer/pgbouncer.ini": INI + "max_prepared_statements = 200\n",
        "docker-compose.yml": COMPOSE.format(tag="1.18.0", ports=""),
    }
    found = {finding.rule.id: finding for finding in findings(files, "", tmp_path, monkeypatch)}

    assert "needs PgBouncer 1.21, and 1.18.0 runs it (docker-compose.yml:3)" in found["PC512"].message
    assert str(found["PC512"].location) == "pgbouncer/pgbouncer.ini:5:27"


def test_a_compose_file_elsewhere_says_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An image that does not mount the file tells nothing about it."""
    files = {
        "other/pgbouncer.ini": INI + "max_prepared_statements = 200\n",
        "docker-compose.yml": COMPOSE.format(tag="1.18.0", ports=""),
    }

    assert "PC512" not in {finding.rule.id for finding in findings(files, "", tmp_path, monkeypatch)}


@pytest.mark.parametrize(
    ("ports", "severity"),
    [("", "info"), ('ports: ["127.0.0.1:6432:6432"]', "info"), ('ports: ["6432:6432"]', "error"), ('ports: ["0.0.0.0:6432:6432"]', "error")],
)  # fmt: skip
def test_who_reaches_a_container(
    ports: str, severity: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It listens on every address of its own network; the published port decides."""
    files = {
        "pgbouncer/pgbouncer.ini": INI + "listen_addr = 0.0.0.0\nauth_type = trust\n",
        "docker-compose.yml": COMPOSE.format(tag="v1.26.1-p0", ports=ports),
    }
    (found,) = [
        finding for finding in findings(files, "", tmp_path, monkeypatch) if finding.rule.id == "PC505"
    ]

    assert found.severity.word == severity


@pytest.mark.parametrize(
    "files",
    [
        {".env": "DATABASE_URL=postgresql://app:s3cret@10.0.0.6:6432/app?prepare=false\n"},
        {"app/db.py": 'import asyncpg\n\nasync def start():\n    return await asyncpg.create_pool("", statement_cache_size=0)\n'},
    ],
)  # fmt: skip
def test_statements_that_the_code_switches_off(
    files: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then a pooler that does not track them is right as it is."""
    ini = INI + "pool_mode = transaction\nmax_prepared_statements = 0\n"
    driver = "npm:postgres@3.4.9" if ".env" in files else "pypi:asyncpg@0.31.0"
    found = findings({**files, "pgbouncer.ini": ini}, driver, tmp_path, monkeypatch)

    assert "PC502" not in {each.rule.id for each in found}


@pytest.mark.parametrize(
    "line",
    [
        "class Settings:\n    statement_cache_size: int = 100\n",
        "OPTIONS = {'statement_cache_size': 100}\n",
        "statement_cache_size = 50\n",
        'OTHERS = "SetMaxOpenConns, useCLS, connectionTimeoutMillis"\n',
    ],
)
def test_statements_that_the_code_leaves_on(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A field that is named like the option, a cache that is merely small, or a text about pools switches nothing off."""
    code = f'import asyncpg\n\n{line}\nasync def start():\n    return await asyncpg.create_pool("")\n'
    ini = INI + "pool_mode = transaction\nmax_prepared_statements = 0\n"
    files = {"app/db.py": code, "pgbouncer.ini": ini}
    found = findings(files, "pypi:asyncpg@0.31.0", tmp_path, monkeypatch)

    assert "PC502" in {each.rule.id for each in found}


def test_every_user_of_the_list_has_a_pool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three users x one database x 40: a warning, because not every user need connect."""
    files = {"pgbouncer.ini": INI + "default_pool_size = 40\n", "userlist.txt": '"a" "x"\n"b" "x"\n"c" "x"\n'}
    (found,) = [
        finding for finding in findings(files, "max=100", tmp_path, monkeypatch) if finding.rule.id == "PC503"
    ]

    assert found.severity.word == "warning"
    assert "1 database and 3 users may open 120 connections" in found.message


@pytest.mark.parametrize(
    "line", ["max_db_connections = 30", "default_pool_size = ${SIZE}", "[databases]\nb = host=elsewhere"]
)
def test_sums_that_are_capped_or_not_known(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cap, a template, or two servers: nothing is said."""
    files = {"pgbouncer.ini": INI + f"default_pool_size = 400\n{line}\n"}

    assert "PC503" not in {finding.rule.id for finding in findings(files, "max=100", tmp_path, monkeypatch)}


def test_included_files_belong_to_the_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """%include is followed; one that is not there is said, and its absence proves nothing."""
    there = {
        "pgbouncer.ini": "%include pgbouncer-common.ini\n" + INI,
        "pgbouncer-common.ini": "[pgbouncer]\nquery_wait_timeout = 0\n",
    }
    gone = {
        "pgbouncer.ini": "%include /etc/pgbouncer/site.ini\n[databases]\napp = host=db\n[pgbouncer]\npool_mode = transaction\n"
    }

    (found,) = [
        finding for finding in findings(there, "", tmp_path / "a", monkeypatch) if finding.rule.id == "PC511"
    ]
    assert str(found.location) == "pgbouncer-common.ini:2:22"
    report = run(gone, "", tmp_path / "b", monkeypatch)
    assert "PC508" not in {finding.rule.id for finding in report.findings}
    assert any("site.ini" in each.why for each in report.skipped)


def test_an_ignore_comment_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the file's own comment syntax, on the line above."""
    text = INI + "; poolcheck: ignore[PC511] batch jobs may wait\nquery_wait_timeout = 0\n"
    report = run({"pgbouncer.ini": text}, "", tmp_path, monkeypatch)

    assert [each.rule.id for each in report.suppressed] == ["PC511"]


@pytest.mark.parametrize(
    ("tag", "holes"),
    [
        ("v1.26.0-p1", ["CVE-2026-107350"]),
        ("1.25", ["CVE-2026-107350", "CVE-2026-19888"]),  # may be 1.25.2
        ("1.25.1", ["CVE-2026-107350", "CVE-2026-6664", "CVE-2026-19888"]),
        ("1.16.1", ["CVE-2025-2291", "CVE-2026-6664", "CVE-2026-19888"]),
    ],
)
def test_versions_with_known_holes(
    tag: str, holes: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each hole has its own releases."""
    files = {
        "pgbouncer/pgbouncer.ini": INI,
        "docker-compose.yml": COMPOSE.format(tag=tag, ports='ports: ["6432:6432"]'),
    }
    (found,) = [
        finding for finding in findings(files, "", tmp_path, monkeypatch) if finding.rule.id == "PC514"
    ]

    assert re.findall(r"CVE-[\d-]+", found.message) == holes


@pytest.mark.parametrize("tag", ["latest", "1", "1.26", "1.26.1", "v1.27.0-p1"])
def test_versions_without_a_known_hole(tag: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tag that may be mended by now is none."""
    files = {
        "pgbouncer/pgbouncer.ini": INI,
        "docker-compose.yml": COMPOSE.format(tag=tag, ports='ports: ["6432:6432"]'),
    }

    assert "PC514" not in {finding.rule.id for finding in findings(files, "", tmp_path, monkeypatch)}
