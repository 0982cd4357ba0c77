"""Threads against the pool: both numbers and both places, for each program that runs threads."""

from pathlib import Path

import pytest

from poolcheck.model.severity import Severity
from tests.rules.projects import run

ENV = {".env.production": "DATABASE_URL=postgresql://app:s3cretpw@pg.acme.dev/app\n"}
RAILS = "gem:rails@7.1.0 gem:pg@1.5.0 gem:sidekiq@7.2.0"
DATABASE = 'production:\n  adapter: postgresql\n  pool: {}\n  url: <%= ENV["DATABASE_URL"] %>\n'
FIVE = {"config/database.yml": DATABASE.format(5)}
ENGINE = (
    'import os\nfrom sqlalchemy import create_engine\nengine = create_engine(os.environ["DATABASE_URL"]{})\n'
)
FLASK = "pypi:sqlalchemy@2.0.41 pypi:psycopg2@2.9.10 pypi:flask@3.1.0"


def told(
    files: dict[str, str], facts: str, folder: Path, patch: pytest.MonkeyPatch
) -> list[tuple[Severity, str]]:
    """Severity and message of each finding of the rule."""
    report = run({**ENV, **files}, facts, folder, patch)
    return [(each.severity, each.message) for each in report.findings if each.rule.id == "PC604"]


@pytest.mark.parametrize(
    ("files", "facts", "severity", "threads", "pool"),
    [
        ({"Procfile": "worker: sidekiq -c 25\n", **FIVE}, RAILS, Severity.WARNING, "25 threads in a process (sidekiq -c 25, Procfile:1)", "a pool of 5 (pool: 5, config/database.yml:3)"),
        ({"Procfile": "worker: sidekiq\n", "config/sidekiq.yml": "production:\n  :concurrency: 15\n", **FIVE}, RAILS, Severity.WARNING, "15 threads", "config/database.yml:3"),
        ({"Procfile": "worker: bin/jobs\n", "config/queue.yml": "production:\n  workers:\n    - queues: '*'\n      threads: 5\n", **FIVE}, RAILS, Severity.WARNING, "7 threads in a process (threads 5, and 2 of its own, config/queue.yml:4)", "pool of 5"),
        ({"Procfile": "worker: good_job start --max-threads 5\n", **FIVE}, RAILS, Severity.INFO, "8 threads", "pool of 5"),
        ({"Procfile": "worker: good_job start --max-threads 12\n", **FIVE}, RAILS, Severity.WARNING, "15 threads", "pool of 5"),
        ({"Procfile": "web: puma -C config/puma.rb\n", "config/puma.rb": "threads 16, 16\n", **FIVE}, RAILS, Severity.WARNING, "16 threads in a process (threads 16, config/puma.rb:1)", "pool of 5"),
        ({"Procfile": "web: gunicorn app:app --threads 40\n", "app/db.py": ENGINE.format("")}, FLASK, Severity.WARNING, "40 threads", "pool of 15"),
        ({"Procfile": "worker: celery -A app worker -P threads -c 30\n", "app/db.py": ENGINE.format(", pool_size=10, max_overflow=0")}, FLASK, Severity.WARNING, "30 threads", "pool of 10"),
        ({"Procfile": "worker: dramatiq app.tasks\n", "app/db.py": ENGINE.format(", pool_size=2, max_overflow=0")}, FLASK, Severity.WARNING, "8 threads in a process (default of Dramatiq: 8 threads", "pool of 2"),
    ],
)  # fmt: skip
def test_more_threads(
    files: dict[str, str],
    facts: str,
    severity: Severity,
    threads: str,
    pool: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By option, config file and default; what a program may hold beside its threads is a hint."""
    ((found, message),) = told(files, facts, tmp_path, monkeypatch)

    assert (found, threads in message, pool in message) == (severity, True, True), message


@pytest.mark.parametrize(
    ("files", "facts"),
    [
        ({"Procfile": "worker: sidekiq -c 5\n", **FIVE}, RAILS),
        ({"Procfile": "worker: good_job start\n", **FIVE}, RAILS),
        ({"Procfile": "worker: sidekiq -c 25\n", "config/database.yml": DATABASE.format('<%= ENV.fetch("RAILS_MAX_THREADS") { 5 } %>')}, RAILS),
        ({"Procfile": "web: gunicorn app:app --workers 30\n", "app/db.py": ENGINE.format(", pool_size=2, max_overflow=0")}, FLASK),
        ({"Procfile": "web: gunicorn app:app -k uvicorn.workers.UvicornWorker\n", "app/db.py": ENGINE.format(", pool_size=2")}, FLASK),
        ({"Procfile": "worker: celery -A app worker -c 30\n", "app/db.py": ENGINE.format(", pool_size=1, max_overflow=0")}, FLASK),
        ({"Procfile": "web: gunicorn app:app --threads 40\n", "app/db.py": ENGINE.format(", poolclass=NullPool")}, FLASK),
        ({"Procfile": "web: gunicorn app:app --threads 40\n", "app/db.py": ENGINE.format(", pool_size=SIZE")}, FLASK),
        ({"Procfile": "web: gunicorn shop.wsgi --threads 8\n", "shop/settings.py": 'DATABASES = {"default": dj_database_url.config()}\n'}, "pypi:django@5.2.1 pypi:psycopg@3.2.0 pypi:dj-database-url@2.3.0"),
    ],
)  # fmt: skip
def test_enough(files: dict[str, str], facts: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many; a size that the environment sets; processes; coroutines; no pool at all; a size that is not known."""
    assert told(files, facts, tmp_path, monkeypatch) == []
