"""Threads that wait for a pool with fewer connections."""

from pathlib import Path

import pytest

from tests.rules.projects import run

GEMS = "gem:rails@7.1.0 gem:pg@1.5.9 server"


def said(pool: str, procfile: str, folder: Path, monkeypatch: pytest.MonkeyPatch, **more: str) -> list[str]:
    """What the rule says of a process with such a pool."""
    files = {
        "Procfile": f"worker: {procfile}\n",
        "config/database.yml": f"production:\n  adapter: postgresql\n  url: <%= ENV['DATABASE_URL'] %>\n{pool}",
        ".env.production": "DATABASE_URL=postgresql://app:s3cretpw@10.1.2.3:5432/app\n",
        **{f"config/{name}.{'rb' if name == 'puma' else 'yml'}": text for name, text in more.items()},
    }
    report = run(files, GEMS, folder, monkeypatch)
    return [each.message for each in report.findings if each.rule.id == "PC604"]


@pytest.mark.parametrize(
    ("pool", "procfile", "config", "wait"),
    [
        ("  pool: 5\n", "bundle exec sidekiq -C config/sidekiq.yml", {"sidekiq": ":concurrency: 20\n"}, 15),
        ("", "bundle exec sidekiq -c 12", {}, 7),  # Active Record's own five
        ("  pool: 20\n", "bundle exec sidekiq -C config/sidekiq.yml", {"sidekiq": ":concurrency: 20\n"}, 0),
        ("  pool: 3\n", "bundle exec puma -t 5:5", {}, 2),
        ("  pool: <%= ENV['DB_POOL'] %>\n", "bundle exec sidekiq -c 12", {}, 0),  # not known
        ("  pool: 5\n", "bundle exec rake jobs", {}, 0),
    ],
)  # fmt: skip
def test_threads(
    pool: str,
    procfile: str,
    config: dict[str, str],
    wait: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Both numbers out of their files; where one is not known, nothing is said."""
    messages = said(pool, procfile, tmp_path, monkeypatch, **config)

    assert [f": {wait} wait when all work" in each for each in messages] == ([True] if wait else [])
