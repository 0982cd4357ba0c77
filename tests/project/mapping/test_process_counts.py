"""Small projects through `map`: a process holds what it can use at once of its pool of 15."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.commands.running import poolcheck
from tests.rules.projects import write

DATABASE = "from sqlalchemy import create_engine\nimport os\nengine = create_engine(os.environ['DATABASE_URL'], pool_size=10, max_overflow=5)\n"
PYTHON = {"requirements.txt": "sqlalchemy==2.0.36\npsycopg2-binary==2.9.9\n", "app/db.py": DATABASE}
NODE = {
    "package.json": '{"dependencies": {"pg": "8.16.3"}}',
    "db.js": "const { Pool } = require('pg')\nmodule.exports = new Pool({ connectionString: process.env.DATABASE_URL, max: 15 })\n",
}
STRING = {".env.production": "DATABASE_URL=postgresql://app:s3cr3t-canary@db.shop.example:5432/app\n"}
LAMBDA = 'resource "aws_lambda_function" "fn" {\n  reserved_concurrent_executions = 30\n}\n'
RUN = 'resource "google_cloud_run_v2_service" "api" {\n  template {\n    max_instance_request_concurrency = 4\n    scaling {\n      max_instance_count = 10\n    }\n  }\n}\n'
KNATIVE = "apiVersion: serving.knative.dev/v1\nkind: Service\nmetadata: {name: api}\nspec:\n  template:\n    metadata: {annotations: {autoscaling.knative.dev/maxScale: '6'}}\n    spec:\n      containerConcurrency: 3\n      containers: [{image: api}]\n"
APP_RUNNER = 'resource "aws_apprunner_service" "api" {\n  service_name = "api"\n}\n'
SCALED = (
    APP_RUNNER[:-2]
    + '  auto_scaling_configuration_arn = aws_apprunner_auto_scaling_configuration_version.few.arn\n}\nresource "aws_apprunner_auto_scaling_configuration_version" "few" {\n  max_size = 4\n}\n'
)
SERVERLESS = "service: shop\nprovider:\n  name: aws\n  runtime: python3.12\nfunctions:\n  api:\n    handler: app.handler\n    reservedConcurrency: 20\n"


def mapped(files: dict[str, str], folder: Path) -> dict[str, Any]:
    """The map of a project, as `map --format json` gives it."""
    write(folder, files)
    ran = poolcheck("map", "--format", "json", cwd=folder)
    assert "s3cr3t-canary" not in ran.out + ran.err
    made: dict[str, Any] = json.loads(ran.out)["map"]
    return made


@pytest.mark.parametrize(
    ("command", "low", "known"),
    [
        ("gunicorn app -w 4", 4, True),
        ("gunicorn app -w 4 --threads 3", 12, True),
        ("gunicorn app -w 4 -k uvicorn.workers.UvicornWorker", 60, True),
        ("uvicorn app:app --workers 2", 30, True),
        ("granian --interface wsgi --workers 2 --blocking-threads 40 app", 30, True),
        ("uwsgi --http :80 --processes 3 --threads 2", 6, True),
        ("waitress-serve app:app", 4, True),
        ("rq worker-pool high -n 3", 3, True),
        ("dramatiq app.tasks --processes 2", 16, True),
        ("dramatiq app.tasks", 8, False),
        ("celery -A app worker", 1, False),
        ("celery -A app worker -P gevent -c 100", 15, True),
        ("python -m app", 15, True),
    ],
)
def test_commands_of_a_service(command: str, low: int, known: bool, tmp_path: Path) -> None:
    """Processes x the smaller of pool and threads; where a number depends on the machine, at least so many."""
    service = f"services:\n  db:\n    image: postgres:17\n  web:\n    build: .\n    command: {command}\n    environment:\n      DATABASE_URL: postgresql://app:s3cr3t-canary@db:5432/app\n"
    (server,) = mapped({**PYTHON, "Dockerfile": "FROM python:3.13\n", "compose.yml": service}, tmp_path)[
        "servers"
    ]

    asked = server["asked"]["deploy"]
    assert (asked["low"], asked["high"]) == (low, low if known else None)


@pytest.mark.parametrize(
    ("files", "asked"),
    [
        ({**PYTHON, "infra/main.tf": LAMBDA}, 30),
        ({**NODE, "infra/main.tf": LAMBDA}, 30 * 15),
        ({**PYTHON, "infra/main.tf": LAMBDA[:-2] + "  capacity_provider_config {\n  }\n}\n"}, 30 * 15),
        ({**PYTHON, "serverless.yml": SERVERLESS}, 20),
        ({**PYTHON, "infra/main.tf": RUN}, 40),
        ({**NODE, "infra/main.tf": RUN}, 150),
        ({**PYTHON, "infra/main.tf": RUN.replace("request_con", "x")}, 150),
        ({**PYTHON, "service.yaml": KNATIVE}, 18),
        ({**PYTHON, "infra/main.tf": APP_RUNNER}, 25 * 15),
        ({**PYTHON, "infra/main.tf": SCALED}, 4 * 15),
    ],
)
def test_requests_that_a_platform_sends_at_once(files: dict[str, str], asked: int, tmp_path: Path) -> None:
    """A request of Python holds one connection; one of Node may take the whole pool."""
    (server,) = mapped({**STRING, **files}, tmp_path)["servers"]

    assert server["asked"]["steady"]["high"] == asked


@pytest.mark.parametrize("command", ["", "    command: node server.js\n"])
@pytest.mark.parametrize(("said", "size"), [("", 40), ("      DB_POOL_MAX: '7'\n", 7)])
def test_a_pool_by_the_variables_of_its_image(command: str, said: str, size: int, tmp_path: Path) -> None:
    """ENV of a Dockerfile holds for code too, unless the service says otherwise, and whatever it runs."""
    files = {
        "package.json": '{"name": "api", "dependencies": {"pg": "^8.13.0"}}',
        "db.js": "const { Pool } = require('pg')\nmodule.exports = new Pool({ connectionString: process.env.DATABASE_URL, max: Number(process.env.DB_POOL_MAX ?? 10) })\n",
        "Dockerfile": 'FROM node:22\nENV DB_POOL_MAX=40\nCMD ["node", "server.js"]\n',
        "compose.yaml": f"services:\n  api:\n    build: .\n{command}    environment:\n      DATABASE_URL: postgres://app:pw@db:5432/x\n{said}",
    }
    (client,) = mapped(files, tmp_path)["clients"]

    assert client["pools"][0]["size"]["high"] == size
