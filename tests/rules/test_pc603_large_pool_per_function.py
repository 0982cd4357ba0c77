"""Pools that are too large where instances come and go, by the code alone."""

from pathlib import Path

import pytest

from poolcheck.model.finding import Finding
from tests.rules.projects import run

POOL = "import { Pool } from 'pg'\nexport const pool = new Pool({\n  connectionString: process.env.POSTGRES_URL,\n  max: <max>,\n})\n"
PG = "npm:pg@8.16.3"
VERCEL = {"vercel.json": "{}"}


def found(files: dict[str, str], facts: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[Finding]:
    """What the rule says."""
    return [each for each in run(files, facts, folder, monkeypatch).findings if each.rule.id == "PC603"]


@pytest.mark.parametrize(
    ("size", "says"),
    [
        ("100", "100 connections, and 1 instance fills the 97 slots"),
        ("50", "50 connections, and 2 instances fill the 97 slots"),
        ("21", "21 connections, and 5 instances fill the 97 slots"),
        ("20", ""),
        ("5", ""),
        ("Number(process.env.MAX ?? 5)", ""),
        ("size", ""),
    ],
)
def test_size(size: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the option's own line, with its number; what is computed is no finding."""
    several = found({**VERCEL, "src/db.ts": POOL.replace("<max>", size)}, PG, tmp_path, monkeypatch)

    assert [says in each.message for each in several] == [True] * bool(says)
    assert all(
        each.location is not None and (each.location.path, each.location.line) == ("src/db.ts", 4)
        for each in several
    )


@pytest.mark.parametrize(
    ("platform", "severity"),
    [
        ({"vercel.json": "{}"}, "warning"),
        ({"netlify.toml": ""}, "info"),
        ({"samconfig.toml": ""}, "info"),
        ({"fly.toml": 'app = "a"\n'}, None),
        ({"docker-compose.yml": "services:\n  a:\n    build: .\n    environment: {POSTGRES_URL: 'postgresql://a:s3cret@pg.acme.dev/a'}\n"}, None),
        ({}, None),
    ],
)  # fmt: skip
def test_where_it_runs(
    platform: dict[str, str], severity: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server's pool is as large as its sum allows; a runtime that no file tells is nobody's fault."""
    several = found({**platform, "src/db.ts": POOL.replace("<max>", "100")}, PG, tmp_path, monkeypatch)

    assert [each.severity.word for each in several] == ([severity] if severity else [])


@pytest.mark.parametrize(
    ("env", "facts", "many"),
    [
        ("POSTGRES_URL=postgresql://a:s3cret@pg.acme.dev/a\n", "max=1000", 0),  # 10 instances
        ("POSTGRES_URL=postgresql://a:s3cret@pg.acme.dev/a\n", "max=300", 1),
        ("POSTGRES_URL=postgresql://a:s3cret@pg.acme.dev/a\n", "max=300 instances=9", 0),  # PC204's
        ("POSTGRES_URL=postgresql://a:s3cret@ep-cool-darkness-a1b2c3d4-pooler.us-east-2.aws.neon.tech/a\n", "", 0),
        ("POSTGRES_URL=postgresql://a:s3cret@localhost/a\n", "", 1),
    ],
)  # fmt: skip
def test_what_it_leads_to(
    env: str, facts: str, many: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a server or pooler is known to take counts, and a sum that can be made is another rule's."""
    files = {**VERCEL, ".env": env, "src/db.ts": POOL.replace("<max>", "100")}

    assert len(found(files, f"{PG} {facts}", tmp_path, monkeypatch)) == many


def test_two_pools_of_the_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of two is named, once."""
    text = POOL.replace("<max>", "100")
    second = text.partition("\n")[2].replace("pool =", "replica =").replace("POSTGRES_URL", "REPLICA_URL")

    assert len(found({**VERCEL, "src/db.ts": text + second}, PG, tmp_path, monkeypatch)) == 2
