"""Pgpool-II: its file, the environment of its images, and num_init_children x max_pool in the map."""

from pathlib import Path

import pytest

from poolcheck.readers.poolers import pgpool
from tests.commands.running import mapped, poolcheck

FILE = """# pgpool.conf
backend_hostname0 = 'pg-0.acme.dev'
backend_port0 = 5433
backend_hostname1 = 'pg-1.acme.dev'
#num_init_children = 999
num_init_children = 50 # as many as come
max_pool = 6
"""
COMPOSE = """services:
  db:
    image: postgres:17
    command: postgres -c max_connections=500
  pool:
    image: IMAGE
    environment:
      HOST
      ENV
  web:
    image: acme/web
    deploy: {replicas: 30}
    environment:
      DATABASE_URL: postgres://u:s3cret@pool:5432/app
"""


@pytest.mark.parametrize(
    ("image", "host", "env", "clients", "opens"),
    [
        ("bitnami/pgpool:4", "PGPOOL_BACKEND_NODES: 0:db:5432", "PGPOOL_NUM_INIT_CHILDREN: 100", 100, 1500),
        ("bitnami/pgpool:4", "PGPOOL_BACKEND_NODES: 0:db:5432", "PGPOOL_MAX_POOL: 10", 32, 320),
        ("bitnami/pgpool:4", "PGPOOL_BACKEND_NODES: 0:db:5432", "PGPOOL_ENABLE_CONNECTION_CACHE: 'no'", 32, 32),
        ("bitnami/pgpool:4", "PGPOOL_BACKEND_NODES: 0:db:5432", "PGPOOL_NUM_INIT_CHILDREN: ${MANY}", None, None),
        ("pgpool/pgpool:4.5", "PGPOOL_PARAMS_BACKEND_HOSTNAME0: db", "PGPOOL_PARAMS_NUM_INIT_CHILDREN: 60", 60, None),
    ],
)  # fmt: skip
def test_container(
    image: str, host: str, env: str, clients: int | None, opens: int | None, tmp_path: Path
) -> None:
    """What the environment sets, and what the image does; what neither tells is not known."""
    (tmp_path / "compose.yml").write_text(
        COMPOSE.replace("IMAGE", image).replace("HOST", host, 1).replace("ENV", env)
    )
    (made,) = mapped(tmp_path)["poolers"]

    assert (made["max_clients"] or {}).get("high") == clients
    assert [(each["server"], each["most"] and each["most"]["high"]) for each in made["opens"]] == [
        ("db", opens)
    ]


def test_gate(tmp_path: Path) -> None:
    """1500 of 497: refused, and no setting of PgBouncer's is advised."""
    text = COMPOSE.replace("IMAGE", "bitnami/pgpool:4").replace("HOST", "PGPOOL_BACKEND_NODES: 0:db:5432", 1)
    (tmp_path / "compose.yml").write_text(text.replace("ENV", "PGPOOL_NUM_INIT_CHILDREN: 100"))
    ran = poolcheck("gate", ".", cwd=tmp_path)

    assert ran.code == 1
    assert "100 x 15 = 1500" in " ".join(ran.out.split())
    assert "max_db_connections" not in ran.out


def test_file() -> None:
    """Each backend, with its port; a comment is no setting."""
    made = pgpool.read(FILE, "pgpool.conf")
    assert made is not None

    assert [(each.value("host"), each.value("port")) for each in made.databases] == [
        ("pg-0.acme.dev", "5433"),
        ("pg-1.acme.dev", None),
    ]
    assert {each.name: each.value for each in made.settings if each.name.startswith(("num", "max"))} == {
        "num_init_children": "50",
        "max_pool": "6",
    }
    assert pgpool.read("user = 'x'\n", "pgpool.conf") is None


def test_file_in_the_map(tmp_path: Path) -> None:
    """Every backend gets all of it; the file's defaults hold where it is silent."""
    (tmp_path / "pgpool.conf").write_text(FILE.replace("max_pool = 6\n", ""))
    (made,) = mapped(tmp_path)["poolers"]

    assert made["max_clients"]["high"] == 50
    assert sorted((each["server"], each["most"]["high"]) for each in made["opens"]) == [
        ("pg-0.acme.dev:5433", 200),
        ("pg-1.acme.dev", 200),
    ]
