"""Pools that have no limit, by the code alone."""

from pathlib import Path

import pytest

from poolcheck.model.finding import Finding
from tests.rules.projects import run

PQ = "go:github.com/lib/pq@v1.10.9"
# After https://github.com/fiatjaf/relayer/pull/22
STORE = """package store

import (
	"os"

	"github.com/jmoiron/sqlx"
	_ "github.com/lib/pq"
)

type Backend struct {
	*sqlx.DB
}

func (b *Backend) Init() error {
	db, err := sqlx.Connect("postgres", os.Getenv("DATABASE_URL"))
	if err != nil {
		return err
	}
	b.DB = db
	return nil
}
"""
LIMITED = "package store\n\nfunc Tune(b *Backend) {\n\tb.DB.SetMaxOpenConns(80)\n}\n"
COMPOSE = "services:\n  db:\n    image: postgres:17\n  relay:\n    build: .\n    environment:\n      DATABASE_URL: postgres://a:s3cret@db/a\n"


def found(files: dict[str, str], facts: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[Finding]:
    """What the rule says."""
    return [each for each in run(files, facts, folder, monkeypatch).findings if each.rule.id == "PC605"]


@pytest.mark.parametrize(
    "more",
    [{}, {"docker-compose.yml": COMPOSE, "Dockerfile": 'FROM golang\nCMD ["/app"]\n'}],
    ids=["code", "compose"],
)
def test_go(more: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the call, with what would limit it."""
    (finding,) = found({"store/init.go": STORE, **more}, PQ, tmp_path, monkeypatch)

    assert finding.severity.word == "warning"
    assert finding.location is not None
    assert (finding.location.path, finding.location.line) == ("store/init.go", 15)
    assert finding.fix is not None
    assert "db.SetMaxOpenConns(N)" in finding.fix.title


@pytest.mark.parametrize(
    "files",
    [
        {"store/init.go": STORE.replace("\tb.DB = db", "\tdb.SetMaxOpenConns(80)\n\tb.DB = db")},
        {"store/init.go": STORE, "store/tune.go": LIMITED},
        {"store/init.go": STORE, "store/tune.go": LIMITED.replace("80", "size")},
        {"store/init_test.go": STORE, ".env": "DATABASE_URL=postgres://a:s3cret@db.acme.dev/a\n"},
    ],
    ids=["there", "in another file", "a number that is computed", "a test"],
)
def test_limited(files: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever calls SetMaxOpenConns, wherever it stands, has thought of it; a test is nobody's outage."""
    assert found({"main.go": "package main\n", **files}, PQ, tmp_path, monkeypatch) == []


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("create_engine(os.environ['DATABASE_URL'], pool_size=5, max_overflow=-1)", True),
        ("create_engine(os.environ['DATABASE_URL'], pool_size=0)", True),
        ("create_engine(os.environ['DATABASE_URL'], pool_size=5, max_overflow=0)", False),
        ("create_engine(os.environ['DATABASE_URL'])", False),
    ],
)
def test_sqlalchemy(code: str, says: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A number that the driver takes for no limit."""
    files = {"app/db.py": f"import os\nfrom sqlalchemy import create_engine\nengine = {code}\n"}

    assert (
        bool(found(files, "pypi:sqlalchemy@2.0.41 pypi:psycopg2@2.9.10 server", tmp_path, monkeypatch))
        is says
    )


def test_a_function_is_another_rules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where instances come and go, PC603 says it, and once."""
    files = {
        "app/db.py": "import os\nfrom sqlalchemy import create_engine\nengine = create_engine(os.environ['DATABASE_URL'], max_overflow=-1)\n"
    }
    report = run(files, "pypi:sqlalchemy@2.0.41 pypi:psycopg2@2.9.10 serverless", tmp_path, monkeypatch)

    assert [each.rule.id for each in report.findings if each.rule.id in ("PC603", "PC605")] == ["PC603"]
