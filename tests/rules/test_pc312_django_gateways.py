"""CONN_MAX_AGE in all its forms, and the commands that serve a Django project."""

from pathlib import Path

import pytest

from poolcheck.model.severity import Severity
from tests.rules.projects import run

ENTRY = '"ENGINE": "django.db.backends.postgresql", "NAME": "shop", "HOST": os.environ["DB_HOST"]'
OTHER = "OTHER_URL=postgresql://app:s3cretpw@pg.acme.dev/app\n"
KEPT = f'DATABASES = {{"default": {{{ENTRY}, "CONN_MAX_AGE": 60}}}}\n'
OFF = f'DATABASES = {{"default": {{{ENTRY}}}}}\n'
PROCFILE = {"Procfile": "web: daphne -b 0.0.0.0 shop.asgi:application\n"}


def told(
    files: dict[str, str], folder: Path, patch: pytest.MonkeyPatch, facts: str = "pypi:django@6.0.1"
) -> list[str]:
    """The messages of the rule, with the line to write."""
    report = run({".env": OTHER, **files}, facts, folder, patch)
    found = [each for each in report.findings if each.rule.id == "PC312"]
    return [f"{each.message} -> {each.fix.lines[0] if each.fix else ''}" for each in found]


@pytest.mark.parametrize(
    ("settings", "value", "line"),
    [
        (KEPT, "CONN_MAX_AGE = 60", '"CONN_MAX_AGE": 0,'),
        (OFF + 'DATABASES["default"]["CONN_MAX_AGE"] = 60 * 10', "CONN_MAX_AGE = 60 * 10", 'DATABASES["default"]["CONN_MAX_AGE"] = 0'),
        (OFF + "if not DEBUG:\n    DATABASES['default']['CONN_MAX_AGE'] = None", "CONN_MAX_AGE = None, for ever", "DATABASES['default']['CONN_MAX_AGE'] = 0"),
        (OFF + 'DATABASES["default"].update({"CONN_MAX_AGE": 30})', "CONN_MAX_AGE = 30", '"CONN_MAX_AGE": 0,'),
        (OFF + 'db = dj_database_url.config(conn_max_age=500)\nDATABASES["default"].update(db)', "conn_max_age = 500", "conn_max_age=0,"),
        ('DATABASES = {"default": dj_database_url.parse(os.environ["DATABASE_URL"], conn_max_age=None)}', "conn_max_age = None, for ever", "conn_max_age=0,"),
        ('DATABASES = {"default": env.db("DATABASE_URL")}\nDATABASES["default"]["CONN_MAX_AGE"] = env.int("CONN_MAX_AGE", default=60)', "CONN_MAX_AGE = 60 unless CONN_MAX_AGE says otherwise", 'DATABASES["default"]["CONN_MAX_AGE"] = 0'),
        (f'DATABASES = {{"default": {{{ENTRY}, "CONN_MAX_AGE": int(os.environ.get("DB_AGE", "300"))}}}}', "CONN_MAX_AGE = 300 unless DB_AGE says otherwise", '"CONN_MAX_AGE": 0,'),
        (f'DATABASES = {{"default": {{{ENTRY}, "CONN_MAX_AGE": config("DB_AGE", default=90, cast=int)}}}}', "CONN_MAX_AGE = 90 unless DB_AGE says otherwise", '"CONN_MAX_AGE": 0,'),
        (f'DATABASES = {{"default": {{{ENTRY}, "CONN_MAX_AGE": int(os.getenv("DB_AGE") or 45)}}}}', "CONN_MAX_AGE = 45 unless DB_AGE says otherwise", '"CONN_MAX_AGE": 0,'),
        (f'DATABASES = {{"default": {{{ENTRY}, "CONN_MAX_AGE": 0 if DEBUG else 75}}}}', "CONN_MAX_AGE = 75", '"CONN_MAX_AGE": 0,'),
        (f'AGE = 20\nDATABASES = {{"default": {{{ENTRY}, "CONN_MAX_AGE": AGE}}}}', "CONN_MAX_AGE = 20", '"CONN_MAX_AGE": 0,'),
        (f'DATABASES = {{"default": {{{ENTRY}, "CONN_MAX_AGE": int(os.environ["DB_AGE"])}}}}', "CONN_MAX_AGE = what DB_AGE says", '"CONN_MAX_AGE": 0,'),
    ],
)  # fmt: skip
def test_forms(settings: str, value: str, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the dictionary, later, by dj-database-url, environ, decouple and the environment."""
    (found,) = told({"shop/settings.py": settings, **PROCFILE}, tmp_path, monkeypatch)

    assert f" {value}, and each request" in found
    assert found.endswith(f" -> {line}")


def test_the_environment_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An env file that switches it off, and one that switches it on."""
    settings = (
        f'DATABASES = {{"default": {{{ENTRY}, "CONN_MAX_AGE": env.int("CONN_MAX_AGE", default=60)}}}}\n'
    )
    files = {"shop/settings.py": settings, **PROCFILE}

    assert told({**files, ".env": f"{OTHER}CONN_MAX_AGE=0\n"}, tmp_path, monkeypatch) == []
    (found,) = told({**files, ".env": f"{OTHER}CONN_MAX_AGE=120\n"}, tmp_path, monkeypatch)
    assert "CONN_MAX_AGE = 120," in found


@pytest.mark.parametrize(
    ("values", "severity"), [(("0",), []), (("0", "60"), [Severity.INFO]), (("60",), [Severity.WARNING])]
)
def test_a_manifest_counts(
    values: tuple[str, ...], severity: list[Severity], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two services may set it to two values: which of them serves is not known."""
    settings = f'DATABASES = {{"default": {{{ENTRY}, "CONN_MAX_AGE": env.int("DB_AGE", default=60)}}}}\n'
    rows = "".join(f"      - key: DB_AGE\n        value: {value}\n" for value in values)
    files = {"shop/settings.py": settings, "render.yaml": f"services:\n{rows}", ".env": OTHER, **PROCFILE}
    report = run(files, "pypi:django@6.0.1", tmp_path, monkeypatch)

    assert [each.severity for each in report.findings if each.rule.id == "PC312"] == severity


def test_in_the_url_of_environ(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """django-environ reads the parameter."""
    files = {
        "shop/settings.py": 'DATABASES = {"default": env.db("DATABASE_URL")}\n', **PROCFILE,
        ".env.production": "DATABASE_URL=postgres://app:s3cretpw@pg.acme.dev/app?conn_max_age=60\n",
    }  # fmt: skip
    (found,) = told(files, tmp_path, monkeypatch, "pypi:django@6.0.1 pypi:django-environ@0.12.0")

    assert "conn_max_age = 60" in found


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"Procfile": "web: uvicorn shop.asgi:application --port $PORT\n"}, "shop.asgi:application (Procfile:1)"),
        ({"Dockerfile": 'FROM python:3.13\nCMD ["hypercorn", "shop.asgi:app"]\n'}, "shop.asgi:app (Dockerfile:2)"),
        ({"docker/entrypoint.sh": "#!/bin/sh\nexec gunicorn shop.asgi \\\n  -k uvicorn_worker.UvicornWorker\n"}, "uvicorn_worker.UvicornWorker (docker/entrypoint.sh:2)"),
        ({"compose/production/django/start": "#!/bin/bash\nexec gunicorn config.asgi -k uvicorn.workers.UvicornWorker\n"}, "uvicorn.workers.UvicornWorker (compose/production/django/start:2)"),
        ({"gunicorn.conf.py": 'worker_class = "uvicorn.workers.UvicornWorker"\n'}, "uvicorn.workers.UvicornWorker (gunicorn.conf.py:1)"),
        ({"fly.toml": '[processes]\nweb = "daphne -p 8000 shop.routing:application"\n'}, "shop.routing:application (fly.toml:2)"),
        ({"k8s/web.yaml": "command:\n  - daphne\n  - shop.asgi:application\n"}, "shop.asgi:application (k8s/web.yaml:3)"),
        ({"app.service": "[Service]\nExecStart=/venv/bin/granian --interface asgi shop.asgi:application\n"}, "shop.asgi:application (app.service:2)"),
        ({"Procfile": "web: gunicorn shop.wsgi -k gevent\n"}, "gunicorn shop.wsgi -k gevent (Procfile:1)"),
        ({"Procfile": "web: gunicorn shop.wsgi\nworker: celery -A shop worker --pool=gevent -c 50\n"}, "celery -A shop worker --pool=gevent (Procfile:2)"),
        ({"shop/base_settings.py": ""}, "daphne and ASGI_APPLICATION are set here"),
    ],
)  # fmt: skip
def test_commands(files: dict[str, str], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each server, each worker class, each kind of file; Channels' settings where no command is known."""
    settings = f'INSTALLED_APPS = ["daphne"]\nASGI_APPLICATION = "shop.asgi.application"\n{KEPT}'
    (found,) = told({"shop/settings.py": settings, **files}, tmp_path, monkeypatch)

    assert words in found
    assert ("greenlet" in found) == ("gevent" in words)


@pytest.mark.parametrize(
    "files",
    [
        {"Procfile": "web: gunicorn shop.wsgi --threads 4\n"},
        {"Procfile": "web: gunicorn shop.wsgi -k gthread\n", "docker/dev/start": "uvicorn shop.asgi:application\n"},
        {"Procfile": "# web: uvicorn shop.asgi:application\nweb: gunicorn shop.wsgi\n"},
        {"docker-compose.dev.yml": "services:\n  web:\n    build: .\n    command: uvicorn shop.asgi:application\n"},
        {"start.sh": "uvicorn shop.asgi:application --reload\n"},
        {},
    ],
)  # fmt: skip
def test_threads_are_fine(files: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """WSGI, a developer's server, a comment, and nothing known at all; asgi.py lies in every project."""
    files = {"shop/settings.py": KEPT, "shop/asgi.py": "application = get_asgi_application()\n", **files}

    assert told(files, tmp_path, monkeypatch) == []


@pytest.mark.parametrize("age", ["0", "False"])
def test_off(age: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Switched off in words."""
    settings = KEPT.replace("60", age)

    assert told({"shop/settings.py": settings, **PROCFILE}, tmp_path, monkeypatch) == []


def test_health_checks_are_no_cure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said where they are on."""
    settings = KEPT.replace("60}", '60, "CONN_HEALTH_CHECKS": True}')
    report = run({"shop/settings.py": settings, **PROCFILE}, "pypi:django@4.2.20", tmp_path, monkeypatch)

    (found,) = [each for each in report.findings if each.rule.id == "PC312"]
    assert "CONN_HEALTH_CHECKS does not change that" in found.why
    assert found.fix
    assert "OPTIONS" not in found.fix.title  # there is no pool before 5.1


def test_another_project_of_the_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its command says nothing of this one's settings."""
    files = {
        "a/requirements.txt": "django==6.0.1\n", "a/a/settings.py": KEPT, "a/Procfile": "web: gunicorn a.wsgi\n",
        "b/requirements.txt": "django==6.0.1\n", "b/Procfile": "web: uvicorn b.asgi:application\n",
    }  # fmt: skip

    assert told(files, tmp_path, monkeypatch, "") == []
