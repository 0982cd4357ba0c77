"""max_connections of servers in containers: options, variables, and the files that are mounted."""

import json
from pathlib import Path

import pytest

from poolcheck.project.mapping.server_limits import settings_of
from tests.project.mapping.test_images import map_of

WEB = "  web:\n    image: acme/web\n    environment: {DATABASE_URL: 'postgresql://app:pw@db:5432/app'}\n"
CONF = "# max_connections = 7\nlisten_addresses = '*'\nmax_connections = 240\t# (change requires restart)\n"
NAMED = ["postgres", "-c", "config_file=/etc/postgresql.conf"]
DATA = "/var/lib/postgresql/data"


def limit_of(files: dict[str, str], folder: Path, monkeypatch: pytest.MonkeyPatch) -> int | None:
    """max_connections of the only server; None where it is asked for."""
    (server,) = map_of(files, folder, monkeypatch).servers
    return server.max_connections.high if server.max_connections is not None else None


def compose(service: dict[str, object], more: str = "") -> str:
    """A database and a service that connects to it."""
    return f"services:\n  db: {json.dumps(service)}\n{WEB}{more}"


@pytest.mark.parametrize(
    ("service", "files", "number"),
    [
        ({"image": "postgres:17"}, {}, 100),
        ({"image": "postgres:17", "command": ["-N", "60"]}, {}, 60),
        ({"image": "postgres:17", "command": "postgres -c shared_buffers=1GB -cmax_connections=70 -c max_connections=80"}, {}, 80),
        ({"image": "postgres:17", "command": "--max_connections=90"}, {}, 90),
        ({"image": "postgres:17", "command": "postgres -c max_connections=${MOST}"}, {}, None),
        ({"image": "postgres:17", "environment": {"POSTGRES_INITDB_ARGS": "--data-checksums"}}, {}, 100),
        ({"image": "postgres:17", "environment": {"POSTGRES_INITDB_ARGS": "--data-checksums -c max_connections=300"}}, {}, 300),
        ({"image": "postgres:17", "environment": {"POSTGRES_INITDB_ARGS": "${ARGS}"}}, {}, None),
        ({"image": "postgres:17", "command": NAMED, "volumes": ["./pg/my.conf:/etc/postgresql.conf:ro"]}, {"pg/my.conf": CONF}, 240),
        ({"image": "postgres:17", "command": [*NAMED, "-c", "max_connections=50"], "volumes": ["./pg/my.conf:/etc/postgresql.conf"]}, {"pg/my.conf": CONF}, 50),
        ({"image": "postgres:17", "command": NAMED, "volumes": ["./pg/my.conf:/etc/postgresql.conf"]}, {}, None),
        ({"image": "postgres:17", "command": NAMED}, {"pg/my.conf": CONF}, None),
        ({"image": "postgres:17", "volumes": ["./my.conf:/etc/postgresql/postgresql.conf"]}, {"my.conf": CONF}, None),  # nothing names it
        ({"image": "postgres:17", "volumes": [f"./my.conf:{DATA}/postgresql.conf", f"data:{DATA}"]}, {"my.conf": CONF}, 240),
        ({"image": "postgres:17", "volumes": [{"type": "bind", "source": "./my.conf", "target": f"{DATA}/postgresql.conf"}]}, {"my.conf": CONF}, 240),
        ({"image": "postgres:17", "volumes": ["./pg_hba.conf:/etc/postgresql/pg_hba.conf"]}, {"pg_hba.conf": "host all all all md5\n"}, 100),
        ({"image": "postgres:17", "command": NAMED, "configs": [{"source": "pg", "target": "/etc/postgresql.conf"}]}, {"pg/my.conf": CONF}, 240),
        ({"image": "postgres:17", "command": NAMED, "configs": [{"source": "here", "target": "/etc/postgresql.conf"}]}, {}, 33),
        ({"image": "postgres:17", "command": NAMED, "configs": [{"source": "far", "target": "/etc/postgresql.conf"}]}, {}, None),
        ({"image": "bitnami/postgresql:17"}, {}, 100),
        ({"image": "bitnamilegacy/postgresql:17", "environment": {"POSTGRESQL_MAX_CONNECTIONS": "150"}}, {}, 150),
        ({"image": "bitnami/postgresql:17", "environment": {"POSTGRESQL_EXTRA_FLAGS": "-c max_connections=400"}}, {}, 400),
        ({"image": "bitnami/postgresql:17", "volumes": ["./conf:/bitnami/postgresql/conf"]}, {"conf/conf.d/more.conf": "max_connections 500\n"}, 500),
        ({"image": "bitnami/postgresql:17", "volumes": ["./x.conf:/bitnami/postgresql/conf/postgresql.conf"], "environment": {"POSTGRESQL_MAX_CONNECTIONS": "150"}}, {"x.conf": CONF}, 240),
        ({"image": "timescale/timescaledb:latest-pg17"}, {}, None),
        ({"image": "timescale/timescaledb-ha:pg17", "environment": {"TS_TUNE_MAX_CONNS": "200"}}, {}, 200),
        ({"image": "timescale/timescaledb:latest-pg17", "environment": {"TS_TUNE_MAX_CONNS": "20"}}, {}, None),
        ({"image": "supabase/postgres:17.4.1", "command": ["postgres", "-c", "config_file=/etc/postgresql/postgresql.conf"]}, {}, 100),
        ({"image": "postgis/postgis:17-3.5", "command": ["-c", "max_connections=120"]}, {}, 120),
        ({"image": "pgvector/pgvector:pg17"}, {}, 100),
        ({"image": "acme/our-postgres"}, {}, None),
        ({"image": "acme/our-postgres", "command": ["-c", "max_connections=44"]}, {}, 44),
        ({"build": "./db"}, {"db/Dockerfile": "FROM postgres:17\nCOPY a.sql /docker-entrypoint-initdb.d/\n"}, 100),
        ({"build": "./db"}, {"db/Dockerfile": "FROM postgres:17\nCOPY my.conf /etc/\n"}, None),
        ({"build": "./db"}, {"db/Dockerfile": 'FROM postgres:17\nCMD ["postgres", "-N", "20"]\n'}, None),
        ({"build": "./db", "command": "-N 30"}, {"db/Dockerfile": 'FROM postgres:17\nCMD ["postgres", "-N", "20"]\n'}, 30),
        ({"build": {"context": "./db", "dockerfile": "Dockerfile.pg"}}, {"db/Dockerfile.pg": "FROM postgres:17 AS base\nFROM base\n"}, 100),
        ({"build": "./db"}, {}, None),
    ],
)  # fmt: skip
def test_compose(
    service: dict[str, object], files: dict[str, str], number: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    """An option, then a file that the server reads, then a variable, then the default; what is not seen is asked for."""
    more = "configs:\n  pg: {file: ./pg/my.conf}\n  here: {content: 'max_connections = 33'}\n  far: {external: true}\n"

    assert limit_of({"compose.yml": compose(service, more), **files}, tmp_path, monkeypatch) == number


def manifests(mount: str, args: str, key: str) -> str:
    """A server whose file is a ConfigMap's."""
    return f"""apiVersion: apps/v1
kind: StatefulSet
metadata: {{name: db}}
spec:
  template:
    metadata: {{labels: {{app: db}}}}
    spec:
      containers:
        - name: db
          image: postgres:17
          args: {args}
          volumeMounts: [{{name: conf, {mount}}}, {{name: data, mountPath: {DATA}}}]
      volumes:
        - {{name: conf, configMap: {{name: pgconf}}}}
---
apiVersion: v1
kind: Service
metadata: {{name: db}}
spec: {{selector: {{app: db}}}}
---
apiVersion: v1
kind: ConfigMap
metadata: {{name: pgconf}}
data:
  {key}: |
    shared_buffers = 1GB
    max_connections = 320
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web}}
spec:
  template:
    spec:
      containers:
        - {{name: web, image: acme/web, env: [{{name: DATABASE_URL, value: "postgresql://a:b@db:5432/a"}}]}}
"""


@pytest.mark.parametrize(
    ("mount", "args", "key", "number"),
    [
        ("mountPath: /etc/pg", '["-c", "config_file=/etc/pg/postgresql.conf"]', "postgresql.conf", 320),
        ("mountPath: /etc/pg/my.conf, subPath: own.conf", '["-c", "config_file=/etc/pg/my.conf"]', "own.conf", 320),
        ("mountPath: /etc/pg/my.conf, subPath: own.conf", '["-c", "config_file=/etc/pg/my.conf"]', "other.conf", None),
        ("mountPath: /etc/pg", '["-c", "max_connections=60"]', "postgresql.conf", 60),
        ("mountPath: /etc/pg", "[]", "postgresql.conf", None),  # nothing names it
        ("mountPath: /docker-entrypoint-initdb.d", "[]", "init.sql", None),  # a script that speaks of it
        ("mountPath: /etc/pg", "[]", "pg_hba.conf", 100),
    ],
)  # fmt: skip
def test_config_map(
    mount: str, args: str, key: str, number: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key that is mounted is the file of that name."""
    assert limit_of({"k8s/db.yaml": manifests(mount, args, key)}, tmp_path, monkeypatch) == number


def test_line_of_a_setting() -> None:
    """Each stands where its file has it; comments and the rest of a line do not count."""
    found = dict(settings_of(CONF, "my.conf"))

    assert (found["max_connections"].value, str(found["max_connections"].place)) == ("240", "my.conf:3")
