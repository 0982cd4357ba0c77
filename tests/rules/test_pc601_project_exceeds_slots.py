"""The project's sums: from compose files and manifests, with each number's place, and silence where one is missing."""

from pathlib import Path

import pytest

from poolcheck.errors import NothingToCheck
from poolcheck.model.finding import Finding
from poolcheck.model.severity import Severity
from tests.rules.projects import run

PRISMA = "npm:prisma@6.19.3 npm:@prisma/client@6.19.3"
DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: ledger}
spec:
  replicas: 10
  template:
    spec:
      containers:
        - name: ledger
          image: acme/ledger
          env:
            - name: DATABASE_URL
              value: postgresql://app:s3cret@pg.acme.dev:5432/app?connection_limit=LIMIT&sslmode=require
"""
SCALER = """---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: ledger}
spec:
  scaleTargetRef: {kind: Deployment, name: ledger}
  maxReplicas: 40
"""


def sums(files: dict[str, str], facts: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[Finding]:
    """The findings of the 6xx rules."""
    try:
        report = run(files, facts, folder, monkeypatch)
    except NothingToCheck:
        return []
    return [finding for finding in report.findings if finding.rule.id in ("PC601", "PC602")]


def test_replicas_of_a_deployment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """10 x 12 = 120 of 97, with the file and line of both numbers, and the pool that fits."""
    (found,) = sums(
        {"k8s/web.yaml": DEPLOYMENT.replace("LIMIT", "12")}, f"{PRISMA} server max=100", tmp_path, monkeypatch
    )

    assert found.severity is Severity.ERROR
    assert "ledger 10 x 12 = 120 connections, and the server allows 97" in found.message
    assert "replicas: 10 (k8s/web.yaml:6)" in found.why
    assert "connection_limit=12 (k8s/web.yaml:14)" in found.why
    assert found.fix is not None
    assert "ledger 5; at most 7" in found.fix.title


def test_autoscaler_decides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The maximum counts, not today's replicas."""
    files = {"k8s/web.yaml": DEPLOYMENT.replace("LIMIT", "3") + SCALER}
    (found,) = sums(files, f"{PRISMA} server max=100", tmp_path, monkeypatch)

    assert "ledger 40 x 3 = 120" in found.message
    assert "maxReplicas: 40 (k8s/web.yaml:21)" in found.why


def test_only_a_deploy_exceeds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """80 fit, 104 while a deploy runs do not: a warning."""
    (found,) = sums(
        {"k8s/web.yaml": DEPLOYMENT.replace("LIMIT", "8")}, f"{PRISMA} server max=100", tmp_path, monkeypatch
    )

    assert found.severity is Severity.WARNING
    assert "104 while a deploy runs" in found.message


def test_recreate_has_no_surge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With strategy Recreate nothing runs side by side."""
    text = DEPLOYMENT.replace("LIMIT", "8").replace(
        "  template:", "  strategy: {type: Recreate}\n  template:", 1
    )

    assert sums({"k8s/web.yaml": text}, f"{PRISMA} server max=100", tmp_path, monkeypatch) == []


def test_limit_not_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without max_connections there is no verdict, and the report says what is missing."""
    report = run(
        {"k8s/web.yaml": DEPLOYMENT.replace("LIMIT", "12")}, f"{PRISMA} server", tmp_path, monkeypatch
    )

    assert [finding for finding in report.findings if finding.rule.id == "PC601"] == []
    assert [each.why for each in report.skipped if "pg.acme.dev" in each.what] == [
        "the max_connections of pg.acme.dev: not known"
    ]


def test_pool_not_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A driver whose pool the code sets: no verdict, and the report says which service."""
    report = run(
        {"k8s/web.yaml": DEPLOYMENT.replace("?connection_limit=LIMIT&", "?")},
        "npm:pg@8.23.1 server max=100",
        tmp_path,
        monkeypatch,
    )

    assert [finding for finding in report.findings if finding.rule.id == "PC601"] == []
    assert any("the pool of ledger" in each.why for each in report.skipped)


def test_overlays_are_not_added_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same workload twice: which one runs is not known."""
    text = DEPLOYMENT.replace("LIMIT", "12")
    files = {"k8s/base/web.yaml": text, "k8s/prod/web.yaml": text}

    assert sums(files, f"{PRISMA} server max=100", tmp_path, monkeypatch) == []


COMPOSE = """services:
  db:
    image: postgres:17
  web:
    build: .
    command: gunicorn -k uvicorn.workers.UvicornWorker -w 4 shop.asgi
    deploy:
      replicas: 2
    environment:
      DATABASE_URL: postgresql://app:s3cret@db:5432/app
"""
POOL = """from sqlalchemy import create_engine
import os
engine = create_engine(os.environ["DATABASE_URL"], pool_size=10, max_overflow=5)
"""


def test_pool_out_of_the_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """2 replicas x 4 workers x (10 + 5) = 120, the size from the only engine of the package."""
    (found,) = sums(
        {"docker-compose.yml": COMPOSE, "shop/db.py": POOL},
        "pypi:sqlalchemy@2.0.44 pypi:psycopg2@2.9.11 server",
        tmp_path,
        monkeypatch,
    )

    assert "web 2 x 4 x (10 + 5) = 120" in found.message
    assert "gunicorn -w 4 (docker-compose.yml:6)" in found.why
    assert "pool_size: 10 (shop/db.py:3), max_overflow: 5 (shop/db.py:3)" in found.why


def test_developers_compose_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A developer's machine is nobody's production."""
    files = {"docker-compose.dev.yml": COMPOSE, "shop/db.py": POOL}

    assert sums(files, "pypi:sqlalchemy@2.0.44 pypi:psycopg2@2.9.11 server", tmp_path, monkeypatch) == []


def test_pooler_is_a_member(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its pools and the services that go past it share the server's slots."""
    compose = """services:
  db:
    image: postgres:17
    command: postgres -c max_connections=50
  pgbouncer:
    image: edoburu/pgbouncer:v1.26.1-p0
    environment: {DB_HOST: db, DB_USER: app, POOL_MODE: transaction, DEFAULT_POOL_SIZE: "40", RESERVE_POOL_SIZE: "0", MAX_DB_CONNECTIONS: "0", MAX_CLIENT_CONN: "500"}
  jobs:
    build: .
    deploy: {replicas: 2}
    environment:
      DATABASE_URL: postgresql://app:s3cret@db:5432/app?connection_limit=10
"""
    (found,) = sums({"docker-compose.yml": compose}, f"{PRISMA} server", tmp_path, monkeypatch)

    assert "pgbouncer = 40 + jobs 2 x 10 = 20: 60 connections, and the server allows 47" in found.message


def test_an_ignore_comment_silences_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the file's own comment syntax, on the line that the finding points at."""
    text = DEPLOYMENT.replace("LIMIT", "12").replace(
        "replicas: 10", "replicas: 10  # poolcheck: ignore[PC601] drill"
    )

    assert sums({"k8s/web.yaml": text}, f"{PRISMA} server max=100", tmp_path, monkeypatch) == []


ENV = "DATABASE_URL=postgresql://app:s3cret@pg.acme.dev:5432/app?connection_limit=4&sslmode=require\n"
FUNCTION = """service: api
provider:
  name: aws
functions:
  api:
    handler: src/api.handler
    reservedConcurrency: 50
"""
TERRAFORM = """resource "aws_db_parameter_group" "pg" {
  family = "postgres17"
  parameter {
    name  = "max_connections"
    value = "120"
  }
}
"""


def test_concurrency_of_a_function_against_terraform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """50 instances x 4 = 200 of 117, both numbers out of files."""
    files = {".env.production": ENV, "serverless.yml": FUNCTION, "infra/db.tf": TERRAFORM}
    (found,) = sums(files, PRISMA, tmp_path, monkeypatch)

    assert (
        "aws-lambda 50 x 4 = 200 connections, and the server allows 117 (120 - 3 reserved)" in found.message
    )
    assert "reservedConcurrency: 50 (serverless.yml:7)" in found.why
    assert "Limit: max_connections in Terraform (infra/db.tf:4)" in found.why


def test_two_functions_of_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one with a limit is counted, and the sum is the least: the other is asked for."""
    files = {
        ".env.production": ENV,
        "serverless.yml": FUNCTION + "  mail:\n    handler: src/mail.handler\n",
        "infra/db.tf": TERRAFORM,
    }
    (found,) = sums(files, PRISMA, tmp_path, monkeypatch)

    assert "at least" in found.message
    assert "api 50 x 4 = 200" in found.message


def test_processes_of_a_procfile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The config knows the instances, the Procfile the processes: 5 x 8 x 4 = 160."""
    files = {".env.production": ENV, "Procfile": "release: migrate\nweb: pm2-runtime start app.js -i 8\n"}
    (found,) = sums(files, f"{PRISMA} server instances=5 max=100", tmp_path, monkeypatch)

    assert "web 5 x 8 x 4 = 160 connections, and the server allows 97" in found.message
    assert "pm2-runtime -i 8 (Procfile:2)" in found.why


def test_gunicorn_config_beside_the_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """10 replicas x 12 workers x 15 in `gunicorn.conf.py` of the folder that is built."""
    files = {
        "docker-compose.yml": COMPOSE.replace(" -w 4", ""),
        "shop/db.py": POOL,
        "gunicorn.conf.py": "bind = '0.0.0.0:80'\nworkers = 12\n",
    }
    (found,) = sums(files, "pypi:sqlalchemy@2.0.44 pypi:psycopg2@2.9.11 server", tmp_path, monkeypatch)

    assert "web 2 x 12 x (10 + 5) = 360" in found.message
    assert "workers 12 (gunicorn.conf.py:2)" in found.why


def test_processes_that_depend_on_the_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sum says "at least", and the report says which number is missing, also when the rest fits."""
    files = {
        "docker-compose.yml": COMPOSE.replace(" -w 4", "").replace("replicas: 2", "replicas: 9"),
        "shop/db.py": POOL,
        "gunicorn.conf.py": "import multiprocessing\nworkers = multiprocessing.cpu_count() * 2 + 1\n",
    }  # fmt: skip
    report = run(files, "pypi:sqlalchemy@2.0.44 pypi:psycopg2@2.9.11 server", tmp_path, monkeypatch)
    (found,) = [finding for finding in report.findings if finding.rule.id == "PC601"]

    assert "the project asks for at least web 9 x (10 + 5) = 135 connections" in found.message
    assert "at least 1: it depends on the number of CPUs (gunicorn.conf.py:2)" in found.why
    assert [each.why for each in report.skipped if each.what == "the sum of connections to db"] == [
        "the processes of web: it depends on the number of CPUs (gunicorn.conf.py:2)"
    ]


def test_pm2_inside_a_container(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The image's command starts an ecosystem file: 3 replicas x 8 x 5 = 120."""
    files = {
        "docker-compose.yml": "services:\n  db: {image: 'postgres:17'}\n  web:\n    build: ./web\n    deploy: {replicas: 3}\n    environment: {DATABASE_URL: 'postgresql://app:s3cret@db/app?connection_limit=5'}\n",
        "web/Dockerfile": 'FROM node:22\nCMD ["npm", "run", "serve"]\n',
        "web/package.json": '{"scripts": {"serve": "pm2-runtime start ecosystem.config.cjs --env production"}, "dependencies": {"@prisma/client": "6.19.3"}}',
        "web/ecosystem.config.cjs": "module.exports = {\n  apps: [{\n    script: 'dist/main.js',\n    instances: 8,\n  }],\n}\n",
    }  # fmt: skip
    (found,) = sums(files, f"{PRISMA} server", tmp_path, monkeypatch)

    assert "web 3 x 8 x 5 = 120" in found.message
    assert "instances: 8 (web/ecosystem.config.cjs:4)" in found.why


@pytest.mark.parametrize(
    "environment",
    [
        "DATABASE_URL: postgresql://app:${DB_PASSWORD:?}@db:5432/app",
        "{POSTGRES_HOST: db, POSTGRES_PASSWORD: s3cret}",
    ],
)
def test_strings_that_are_filled_in(
    environment: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The password, and a string in parts: the host says which server it is."""
    text = COMPOSE.replace("DATABASE_URL: postgresql://app:s3cret@db:5432/app", environment)
    if environment.startswith("{"):
        text = text.replace("environment:\n      {", "environment: {")
    files = {"docker-compose.yml": text, "shop/db.py": POOL}
    (found,) = sums(files, "pypi:sqlalchemy@2.0.44 pypi:psycopg2@2.9.11 server", tmp_path, monkeypatch)

    assert "web 2 x 4 x (10 + 5) = 120" in found.message


def test_connections_are_no_pool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`psycopg2.connect` opens one each time: at least one a process, and how many at once is said not to be known."""
    code = 'import os\nimport psycopg2\n\n\ndef run():\n    return psycopg2.connect(os.environ["DATABASE_URL"])\n'
    files = {"docker-compose.yml": COMPOSE.replace("replicas: 2", "replicas: 90"), "shop/db.py": code}
    report = run(files, "pypi:psycopg2@2.9.11 server", tmp_path, monkeypatch)

    (found,) = [finding for finding in report.findings if finding.rule.id == "PC601"]
    assert "at least web 90 x 4 = 360 connections" in found.message
    assert any("the pool of web" in each.why for each in report.skipped)


def test_one_request_at_a_time_is_one_connection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sync worker cannot use a pool of 15: 20 x 4 x 1 = 80 of 97."""
    files = {"docker-compose.yml": COMPOSE.replace(" -k uvicorn.workers.UvicornWorker", "").replace("replicas: 2", "replicas: 20"), "shop/db.py": POOL}  # fmt: skip

    assert sums(files, "pypi:sqlalchemy@2.0.44 pypi:psycopg2@2.9.11 server", tmp_path, monkeypatch) == []


def test_two_ways_to_deploy_one_app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Manifests and a compose file lead to one server outside: which of them runs is not known."""
    compose = "services:\n  web:\n    build: .\n    deploy: {replicas: 9}\n    environment:\n      DATABASE_URL: postgresql://app:s3cret@pg.acme.dev:5432/app?connection_limit=9&sslmode=require\n"  # fmt: skip
    files = {"k8s/web.yaml": DEPLOYMENT.replace("LIMIT", "9"), "docker-compose.yml": compose}
    report = run(files, f"{PRISMA} server max=100", tmp_path, monkeypatch)

    assert [finding for finding in report.findings if finding.rule.id == "PC601"] == []
    assert any(
        "docker-compose.yml and manifests both deploy to pg.acme.dev" in each.why for each in report.skipped
    )
