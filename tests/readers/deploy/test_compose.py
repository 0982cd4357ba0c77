"""Compose files and Kubernetes manifests; commands and the processes they start."""

import pytest

from poolcheck import catalogue
from poolcheck.model.pooler_config import PoolerConfig
from poolcheck.readers.deploy import compose, kubernetes, processes
from poolcheck.readers.poolers import in_kubernetes, pgbouncer_env

COMPOSE = """
services:
  db:
    image: postgres:17
    command: ["postgres", "-c", "max_connections=50"]
  web:
    build:
      context: ./web
    env_file: [.env]
    environment:
      - DATABASE_URL=postgresql://app:s3cret@db/app
      - WEB_CONCURRENCY=${WORKERS:-4}
    command: gunicorn -w 4 shop.wsgi
    deploy:
      replicas: 3
      update_config: {order: start-first}
    ports: ["8000:8000"]
  pooler:
    image: registry.acme.dev/mirror/edoburu/pgbouncer:v1.23.1-p2
    environment:
      DB_HOST: db
      POOL_MODE: transaction
      MAX_CLIENT_CONN: ${CLIENTS}
      USER: postgres
    ports: ["127.0.0.1:6432:5432"]
"""


def test_compose() -> None:
    """Services with every form of their keys."""
    made = compose.read(COMPOSE, "deploy/docker-compose.yml")
    assert made is not None
    web, db = made.service("web"), made.service("db")
    assert web is not None
    assert db is not None

    assert web.build == "deploy/web"
    assert web.env_files == ("deploy/.env",)
    assert web.replicas == compose.Text("3", 15)
    assert web.surge == compose.Text("start-first", 16)
    assert web.command == ("gunicorn", "-w", "4", "shop.wsgi")
    assert [each.known for _, each in web.environment] == [True, False]
    assert web.location.line == 6
    assert db.command == ("postgres", "-c", "max_connections=50")
    assert not made.development


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("postgresql://app:${DB_PASSWORD}@db:5432/app", "postgresql://app:filled-in@db:5432/app"),
        ("postgresql://${U:-app}:${P:?set it}@db/$DB", "postgresql://filled-in:filled-in@db/filled-in"),
        ("postgresql://app:a$$b@db/app", "postgresql://app:a$b@db/app"),
        ("postgresql://app:$(PASSWORD)@db/app?connection_limit=5", "postgresql://app:filled-in@db/app?connection_limit=5"),
        ("postgresql://app:x@${HOST}/app", None),
        ("postgresql://app:x@db/app?connection_limit=${POOL}", None),
        ("${DATABASE_URL}", None),
    ],
)  # fmt: skip
def test_addresses(text: str, known: str | None) -> None:
    """Who logs in is filled in when it runs; without its host or its pool a string is not known."""
    assert compose.address(text) == known


TEMPLATED = """
x-app: &app
  image: acme/app
  environment: &env
    DATABASE_URL: postgresql://app:s3cret@db/app
    WEB_CONCURRENCY: 2
  deploy: {replicas: 4}
services:
  web:
    <<: *app
    command: gunicorn shop.wsgi
  jobs:
    <<: *app
    environment:
      <<: *env
      WEB_CONCURRENCY: 8
  base:
    image: acme/app
    environment: [DATABASE_URL=postgresql://app:s3cret@db/app, POOL=5]
    deploy:
      replicas: 6
      update_config: {order: start-first}
  mail:
    extends: {service: base}
    environment: {POOL: 9}
    deploy:
      replicas: 2
  loop:
    extends: loop
    image: x
"""


def test_templates_inside_a_file() -> None:
    """Anchors, merge keys and extends: each number keeps the line where it stands."""
    made = compose.read(TEMPLATED, "compose.yml")
    assert made is not None
    web, jobs, mail = made.service("web"), made.service("jobs"), made.service("mail")
    assert web is not None
    assert jobs is not None
    assert mail is not None

    assert (web.replicas, web.location.line, web.env("WEB_CONCURRENCY")) == (compose.Text("4", 7), 9, compose.Text("2", 6))  # fmt: skip
    assert jobs.env("WEB_CONCURRENCY") == compose.Text("8", 16)
    assert jobs.env("DATABASE_URL") == web.env("DATABASE_URL")
    assert (mail.image, mail.replicas) == ("acme/app", compose.Text("2", 27))
    assert mail.surge == compose.Text("start-first", 22)
    assert mail.env("POOL") == compose.Text("9", 25)
    assert mail.env("DATABASE_URL") is not None


def test_pooler_container() -> None:
    """The environment of an image: what is not set is not known."""
    made = compose.read(COMPOSE, "docker-compose.yml")
    service = made.service("pooler") if made else None
    assert service is not None

    image = catalogue.image(service.repository)
    assert image is not None
    config = pgbouncer_env.read(service, image, {})

    assert image.pooler == "pgbouncer"
    assert config.version == (1, 23, 1)
    assert config.mode() == "transaction"
    assert config.number("max_client_conn", 100) is None
    assert config.number("default_pool_size", 20) is None
    assert config.setting("user") is None
    assert config.published is False


@pytest.mark.parametrize(
    ("tag", "version"),
    [("v1.23.1-p2", (1, 23, 1)), ("1.18.0", (1, 18, 0)), ("1.22", (1, 22)), ("latest", ()), ("1", ()), ("17.2.1", ()), ("", ())],
)  # fmt: skip
def test_versions_of_tags(tag: str, version: tuple[int, ...]) -> None:
    """A tag that names no PgBouncer version gives none."""
    assert pgbouncer_env.version_of(tag) == version


@pytest.mark.parametrize("path", ["docker-compose.dev.yml", "compose.override.yaml", ".devcontainer/docker-compose.yml", "e2e/compose.yml"])  # fmt: skip
def test_developers_files(path: str) -> None:
    """They are read, and marked."""
    made = compose.read("services:\n  db:\n    image: postgres\n", path)

    assert made is not None
    assert made.development


@pytest.mark.parametrize(
    ("command", "environment", "number"),
    [
        ("gunicorn -w 4 app:app", {}, 4),
        ("gunicorn --workers=6 app", {"WEB_CONCURRENCY": "2"}, 6),
        ("/venv/bin/gunicorn app", {"WEB_CONCURRENCY": "3"}, 3),
        ("uvicorn app:app --workers 8", {}, 8),
        ("uvicorn app:app", {}, 1),
        ("bundle exec puma -w 2 -t 5", {}, 2),
        ("pm2-runtime start app.js -i 4", {}, 4),
        ("pm2 start app.js -i max", {}, None),
        ("celery -A shop worker -c 12", {}, 12),
        ("python manage.py migrate && gunicorn -w5 shop", {}, 5),
        ("node server.js -w 9", {}, None),
    ],
)
def test_processes(command: str, environment: dict[str, str], number: int | None) -> None:
    """The number that a command names; None when it names none."""
    found = processes.read(command.split(), processes.Around(environment), catalogue.programs)

    assert (found.number if found else None) == number


def test_command_of_a_dockerfile() -> None:
    """The last stage's, in both forms, with its line."""
    text = 'FROM python AS base\nCMD ["sh"]\nFROM base\nENTRYPOINT ["gunicorn"]\nCMD ["-w", \\\n "4"]\n'

    assert processes.docker_command(text) == (("gunicorn", "-w", "4"), 5)


MANIFESTS = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 3
  strategy:
    rollingUpdate: {maxSurge: 50%}
  template:
    spec:
      containers:
        - name: web
          image: acme/web
          args: ["gunicorn", "-w", "4", "shop.wsgi"]
          env:
            - {name: DATABASE_URL, valueFrom: {secretKeyRef: {name: db, key: url}}}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web}
spec:
  scaleTargetRef: {kind: Deployment, name: web}
  maxReplicas: 10
---
apiVersion: v1
kind: Secret
metadata: {name: db}
stringData:
  url: postgresql://app:s3cret@pg.acme.dev/app
"""


def test_kubernetes() -> None:
    """Workload, autoscaler and secret of one file; the secret is not shown."""
    made = kubernetes.read(MANIFESTS, "k8s/web.yaml")
    (workload,), (scaler,) = made.workloads, made.autoscalers

    assert (workload.name, workload.replicas, str(workload.replicas_at), workload.surge) == (
        "web",
        3,
        "k8s/web.yaml:6",
        "50%",
    )
    assert workload.command[:3] == ("gunicorn", "-w", "4")
    assert (workload.environment[0].secret, workload.environment[0].key) == ("db", "url")
    assert (scaler.target, scaler.most, str(scaler.location)) == ("web", 10, "k8s/web.yaml:23")
    assert "s3cret" not in repr(made)


POOLERS = """apiVersion: apps/v1
kind: Deployment
metadata: {name: pooler}
spec:
  template:
    spec:
      containers:
        - name: pgbouncer
          image: bitnami/pgbouncer:1.23.1
          env:
            - {name: PGBOUNCER_POOL_MODE, value: transaction}
            - {name: PGBOUNCER_MAX_PREPARED_STATEMENTS, value: "0"}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: pooler}
data:
  pgbouncer.ini: |
    [databases]
    app = host=db

    [pgbouncer]
    default_pool_size = 20 ; of each pool
"""


def test_poolers_of_manifests() -> None:
    """A container's environment, and an ini file in a ConfigMap with the lines of the manifest."""

    def contained(service: compose.Service) -> PoolerConfig | None:
        image = catalogue.image(service.repository)
        return pgbouncer_env.read(service, image, {}) if image else None

    container, config_map = in_kubernetes.poolers(POOLERS, "k8s/pooler.yaml", contained)

    assert container.version == (1, 23, 1)
    assert container.mode() == "transaction"
    assert container.tracks_prepared is False
    size = config_map.setting("default_pool_size")
    assert size is not None
    assert (size.value, size.location.line) == ("20 ; of each pool", 23)
