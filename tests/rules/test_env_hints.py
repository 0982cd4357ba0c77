"""Strings that are judged by what stands around them: templates, names and ports of poolers."""

from pathlib import Path

import pytest

from poolcheck.model.severity import Severity
from tests.rules.projects import run

LEFT = "DATABASE_URL=postgresql://app:[YOUR-PASSWORD]@pg.acme.dev:5432/app\n"
PRISMA = "npm:prisma@6.19.3 npm:@prisma/client@6.19.3 server"


def severities(rule: str, env: str, facts: str, folder: Path, patch: pytest.MonkeyPatch) -> list[Severity]:
    """How bad each finding of the rule is."""
    report = run({".env": env}, facts, folder, patch)
    return [each.severity for each in report.findings if each.rule.id == rule]


@pytest.mark.parametrize(
    ("more", "severity"),
    [
        ("", Severity.WARNING),
        ("API_KEY=your-api-key\nPORT=3000\n", Severity.INFO),
        ("API_KEY=<key>\nSECRET_KEY=changeme\n", Severity.INFO),
        ("API_KEY=k3yk3yk3y\n", Severity.WARNING),
        ("API_KEY=your-api-key\nSECRET_KEY=k3yk3yk3y\n", Severity.WARNING),
        ("API_KEY=\n", Severity.WARNING),
    ],
)
def test_templates(more: str, severity: Severity, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file whose every secret is a placeholder is copied by somebody; one that is left among real ones was forgotten."""
    assert severities("PC110", LEFT + more, "", tmp_path, monkeypatch) == [severity]


@pytest.mark.parametrize(
    ("end", "found"),
    [
        ("pgbouncer-host:6432/app", [Severity.INFO]),
        ("pgbouncer:5432/app", [Severity.INFO]),
        ("pg_bouncer.prod.acme.dev:6432/app", [Severity.INFO]),
        ("pooler.acme.dev:6432/app", [Severity.INFO]),
        ("pgbouncer-host:6432/app?pgbouncer=true", []),
        ("pg.acme.dev:5432/app", []),
        ("localhost:6432/app", []),
    ],
)
def test_a_pooler_by_its_name(
    end: str, found: list[Severity], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A host called pgbouncer and its port 6432 are signs; a file of the pooler or a look would be proof."""
    env = f"DATABASE_URL=postgresql://app:s3cretpw@{end}\n"

    assert severities("PC201", env, PRISMA, tmp_path, monkeypatch) == found


def test_prisma_7_has_no_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its adapter names no statements."""
    env = "DATABASE_URL=postgresql://app:s3cretpw@pgbouncer-host:6432/app\n"
    facts = "npm:prisma@7.2.0 npm:@prisma/client@7.2.0 npm:@prisma/adapter-pg@7.2.0 server"

    assert severities("PC201", env, facts, tmp_path, monkeypatch) == []
