"""Well-known images: each file's `[[runs]]`, in compose and in Kubernetes, and what stands beside them."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poolcheck import catalogue
from poolcheck.capacity.asked import rows
from poolcheck.catalogue.shelf import build
from poolcheck.config.settings import Config
from poolcheck.errors import CatalogueError
from poolcheck.model.connection_map import Client, Map
from poolcheck.model.facts import Image, ImageRun
from poolcheck.project import assumptions, collect
from tests.project.mapping.test_never_lost import map_of as never_lost_map_of
from tests.rules.projects import write

RUNS = [(image, run) for image in catalogue.images() for run in image.runs]
IDS = [f"{image.id}-{number}" for number, (image, _) in enumerate(RUNS)]
CLIENTS = [image for image in catalogue.images() if image.is_ == "client"]
DATABASE = "  db:\n    image: postgres:17\n"
WEB = {
    "web/package.json": '{"name": "web", "dependencies": {"pg": "8.16.0"}}',
    "web/db.js": "const { Pool } = require('pg')\nmodule.exports = new Pool({ connectionString: process.env.DATABASE_URL, max: 10 })\n",
}


def map_of(files: dict[str, str], folder: Path, monkeypatch: pytest.MonkeyPatch, **settings: Any) -> Map:
    """The map of these files."""
    write(folder, files)
    monkeypatch.chdir(folder)
    config = Config(**settings)
    return assumptions.context(collect.collect((".",), config), config).map


def name_of(image: Image) -> str:
    """A name that the image goes by."""
    return next(each.name for each in image.examples if each.fits)


def service(image: str, environment: dict[str, str], **more: Any) -> str:
    """A compose file with a database and one service."""
    return f"services:\n{DATABASE}  it: {json.dumps({'image': f'{image}:1', 'environment': environment, **more})}\n"


def manifests(image: str, environment: list[dict[str, Any]]) -> str:
    """A Deployment of an image, in YAML as JSON writes it."""
    container = {"name": "it", "image": f"ghcr.io/{image}:1", "env": environment}
    spec = {"replicas": 2, "template": {"spec": {"containers": [container]}}}
    made = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "it"}, "spec": spec}
    return "".join(f"{key}: {json.dumps(value)}\n" for key, value in made.items())


def check(image: Image, run: ImageRun, made: Map) -> None:
    """The client is what the run says."""
    client = made.client("it")
    if not run.ways:
        assert client is None
        return
    assert isinstance(client, Client)
    assert [each.variable for each in made.routes if each.client == "it"] == list(run.ways)
    assert [-1 if each.size is None else each.size.most for each in client.pools] == list(run.pools)
    assert client.processes.low == run.processes
    unknown = not image.once and (not run.pools or -1 in run.pools)
    assert any(each.of == "it" and each.what == "pool" for each in made.questions) is unknown
    assert all(each.title for each in client.pools)
    assert all(each.size is not None or each.why for each in client.pools)
    if not image.pools and not image.once:
        assert name_of(image) in next(each.why for each in made.questions if each.what == "pool")


@pytest.mark.parametrize("image", CLIENTS, ids=lambda image: image.id)
def test_every_client_has_runs(image: Image) -> None:
    """A number that no run shows could be anything; and a variable that none uses could be misspelt."""
    assert any(run.ways for run in image.runs)
    assert all(set(run.ways) <= {*image.url, *image.host} for run in image.runs)


@pytest.mark.parametrize(("image", "run"), RUNS, ids=IDS)
def test_compose(image: Image, run: ImageRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the files say of a container in compose, beside code whose pool is not its own."""
    environment = dict(each.split("=", 1) for each in run.environment)
    check(image, run, map_of({"compose.yaml": service(name_of(image), environment), **WEB}, tmp_path, monkeypatch))  # fmt: skip


@pytest.mark.parametrize(("image", "run"), RUNS, ids=IDS)
def test_kubernetes(image: Image, run: ImageRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And in a Deployment."""
    environment = [{"name": key, "value": value} for key, value in (each.split("=", 1) for each in run.environment)]  # fmt: skip
    made = map_of({"k8s/it.yaml": manifests(name_of(image), environment), **WEB}, tmp_path, monkeypatch)
    check(image, run, made)
    if run.ways:
        client = made.client("it")
        assert client is not None
        assert client.instances is not None
        assert client.instances.most == 2


# --- beside others ---


def test_beside_own_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keycloak and n8n keep their own pools, and their sum is the server's; an image that nobody knows is a question."""
    compose = """services:
  db: {image: "postgres:17", command: postgres -c max_connections=100}
  web: {build: ./web, environment: {DATABASE_URL: "postgresql://app:pw@db:5432/app"}, deploy: {replicas: 3}}
  keycloak: {image: "quay.io/keycloak/keycloak:26.0", environment: {KC_DB: postgres, KC_DB_URL: "jdbc:postgresql://db:5432/kc", KC_DB_POOL_MAX_SIZE: "100"}}
  n8n: {image: n8nio/n8n, environment: {DB_TYPE: postgresdb, DB_POSTGRESDB_HOST: db, DB_POSTGRESDB_POOL_SIZE: "40"}}
"""
    made = map_of({"compose.yml": compose, **WEB}, tmp_path, monkeypatch)
    (row,) = rows(made)
    assert (row.steady.most, row.capacity, row.verdict) == (170, 97, "does not fit")
    assert made.questions == ()

    stranger = compose.replace("quay.io/keycloak/keycloak:26.0", "acme/login")
    (row,) = rows(map_of({"compose.yml": stranger}, tmp_path, monkeypatch))
    assert (row.steady.low, row.steady.high) == (71, None)  # one at least
    assert any("acme/login" in each.why for each in row.questions)


def test_defaults_hold_where_nothing_else_may_set_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    """An env file that is made elsewhere may hold the size: it is asked for, by the variable's name."""
    environment = {"DB_TYPE": "postgresdb", "DB_POSTGRESDB_HOST": "db"}
    text = service("n8nio/n8n", environment, env_file=["n8n.env"])
    made = map_of({"compose.yaml": text}, tmp_path, monkeypatch)
    assert ["DB_POSTGRESDB_POOL_SIZE" in each.why for each in made.questions if each.what == "pool"] == [True]

    client = map_of({"compose.yaml": text, "n8n.env": "DB_POSTGRESDB_POOL_SIZE=7\n"}, tmp_path, monkeypatch).client("it")  # fmt: skip
    assert client is not None
    assert [str(each.size) for each in client.pools] == ["DB_POSTGRESDB_POOL_SIZE=7 (n8n.env:1)"]


@pytest.mark.parametrize("size", ["${POOL}", "${POOL:-20}", "0", "-1", "many", "9" * 9])
def test_a_size_that_is_no_number(size: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is filled in, or says no number, is a question and never the default."""
    environment = {"DATABASE_URL": "postgresql://u:p@db/app", "DATABASE_MAX_CONNS": size}
    made = map_of({"compose.yaml": service("vaultwarden/server", environment)}, tmp_path, monkeypatch)
    assert ["DATABASE_MAX_CONNS" in each.why for each in made.questions if each.what == "pool"] == [True]


def test_a_server_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own variables lead to hosts that no file runs; a string wins over the parts beside it."""
    environment = {"KC_DB": "postgres", "KC_DB_URL_HOST": "pg.acme.dev", "KC_DB_URL_PORT": "6000"}
    made = map_of({"compose.yaml": service("keycloak/keycloak", environment)}, tmp_path, monkeypatch)
    assert [each.addresses for each in made.servers] == [("pg.acme.dev:6000",)]

    environment["KC_DB_URL"] = "jdbc:postgresql://other.acme.dev/kc"
    made = map_of({"compose.yaml": service("keycloak/keycloak", environment)}, tmp_path, monkeypatch)
    assert [each.variable for each in made.routes] == ["KC_DB_URL"]
    assert [each.addresses for each in made.servers] == [("other.acme.dev:5432",)]


def test_processes_that_nobody_tells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each process of Airflow keeps a pool: the sum is at least, and the number is asked for."""
    environment = {"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "postgresql+psycopg2://u:p@db/airflow"}
    made = map_of({"compose.yaml": service("apache/airflow", environment)}, tmp_path, monkeypatch)
    (row,) = rows(made)
    assert (row.steady.low, row.steady.high, row.verdict) == (15, None, "cannot say")
    assert {(each.of, each.what) for each in made.questions} == {("it", "processes")}


def test_a_secret_names_the_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that only a Secret holds is one server for all that name it, and --pool answers what is asked."""
    held = {"secretKeyRef": {"name": "pg", "key": "host"}}
    environment = [{"name": "AUTHENTIK_POSTGRESQL__HOST", "valueFrom": held}]
    text = manifests("goauthentik/server", environment)
    made = map_of({"k8s/it.yaml": text}, tmp_path, monkeypatch)
    assert [each.name for each in made.servers] == ["pg/host"]
    assert ("it", "pool") in {(each.of, each.what) for each in made.questions}
    told = map_of({"k8s/it.yaml": text}, tmp_path, monkeypatch, pool=7)
    assert ("it", "pool") not in {(each.of, each.what) for each in told.questions}


def test_the_line_that_sets_a_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes on top of a size is switched off by the advice, which counts both."""
    environment = {"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "postgresql+psycopg2://u:p@db/airflow"}
    client = map_of({"compose.yaml": service("apache/airflow", environment)}, tmp_path, monkeypatch).client("it")  # fmt: skip
    assert client is not None
    assert client.pools[0].code == "AIRFLOW__DATABASE__SQL_ALCHEMY_POOL_SIZE={size} AIRFLOW__DATABASE__SQL_ALCHEMY_MAX_OVERFLOW=0"  # fmt: skip


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(CLIENTS), st.text(max_size=30), st.text(max_size=12))
def test_any_text(image: Image, host: str, number: str) -> None:
    """Whatever stands in the variables, the map is made, and its sizes are written in digits."""
    names = {*image.url, *image.host, *image.port, *image.user, *image.dbname}
    numbers = {name for each in (*image.pools, *image.processes) for name in (*each.variables, *each.beyond)}
    environment = dict.fromkeys(names, host) | dict.fromkeys(numbers, number)
    made = never_lost_map_of({"compose.yaml": service(name_of(image), environment)})
    sizes = [each.size for client in made.clients for each in client.pools if each.size is not None]
    assert all(each.how == "catalogue" or number.isascii() for size in sizes for each in size.leaves)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"url": []}, "url: which variables name its server is missing"),
        ({"engine": ["DB_TYPE"]}, "postgres: it is there where engine is"),
        ({"max_variable": "MAX"}, "max_variable: not of a client"),
        ({"pools": [{"title": "it"}]}, r"pools\[0\]\.why: it is there where default is not"),
        ({"pools": [{"title": "it", "default": 5, "why": "so"}]}, r"pools\[0\]\.why: it is there where default is not"),
    ],
)  # fmt: skip
def test_files_that_contradict_themselves(change: dict[str, Any], complaint: str) -> None:
    """Nobody would read the wrong half."""
    image = CLIENTS[0]
    table = {
        "id": "x", "title": "X", "homepage": "https://x.example", "words": ["x"], "pattern": "x", "is": "client",
        "url": ["X_URL"], "source": "https://x.example", "checked": image.checked, "examples": [],
    }  # fmt: skip
    defaults = {"source": "https://x.example", "checked": image.checked}
    with pytest.raises(CatalogueError, match=complaint):
        build(Image, table | change, "images/x.toml:", defaults)
