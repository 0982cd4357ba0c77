"""Session state in a migration or a tool: what counts is the string that the script itself reads."""

from pathlib import Path

import pytest

from tests.rules.projects import run

POOLED = (
    "postgresql://postgres.abcdefghijklmnopqrst:s3cret@aws-0-eu-central-1.pooler.supabase.com:6543/postgres"
)
DIRECT = "postgresql://postgres:s3cret@db.abcdefghijklmnopqrst.supabase.co:5432/postgres"
SCRIPT = """import os
import psycopg

conn = psycopg.connect(os.environ["<name>"])
conn.execute("SELECT pg_advisory_lock(1000)")
"""


@pytest.mark.parametrize(
    ("name", "env", "found"),
    [
        ("DATABASE_URL", f"DATABASE_URL={POOLED}\nDIRECT_URL={DIRECT}\n", True),  # https://github.com/goauthentik/authentik/issues/23876
        ("DATABASE_URL", f"DATABASE_URL={POOLED}\n", True),
        ("DIRECT_URL", f"DATABASE_URL={POOLED}\nDIRECT_URL={DIRECT}\n", False),
        ("ELSEWHERE_URL", f"DATABASE_URL={POOLED}\nDIRECT_URL={DIRECT}\n", False),
        ("DATABASE_URL", f"DATABASE_URL={DIRECT}\n", False),
    ],
)  # fmt: skip
def test_the_string_that_it_reads(
    name: str, env: str, found: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lock that is taken through a transaction-mode pooler is found, whatever the file is called."""
    files = {".env": env, "lifecycle/migrate.py": SCRIPT.replace("<name>", name)}
    report = run(files, "pypi:psycopg@3.2.9 server", tmp_path, monkeypatch)

    assert ("PC413" in {each.rule.id for each in report.findings}) is found
