"""Compose files as people write them: several laid over one another, names beside a service's own, images that are built on others."""

from pathlib import Path

import pytest

from poolcheck.model.connection_map import Map
from tests.project.mapping.test_images import WEB, map_of

DB = "  db:\n    image: postgres:17\n"
URL = "    environment: {DATABASE_URL: 'postgresql://app:pw@HOST:5432/app'}\n"


def led(map_: Map) -> dict[str, str]:
    """Each client's end; "once" in front of what is in no sum."""
    once = {each.name for each in map_.clients if each.once}
    return {each.client: f"{'once ' if each.client in once else ''}{each.end}" for each in map_.routes}


def sizes(map_: Map, name: str) -> list[int | None]:
    """The pools of a client."""
    client = map_.client(name)
    assert client is not None
    return [pool.size.low if pool.size is not None else None for pool in client.pools]


def test_a_file_for_production_is_laid_over_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its command and replicas count, its services are more clients, and it is no second deployment."""
    url = URL.replace("HOST", "db")
    made = map_of(
        {
            "docker-compose.yml": f"services:\n{DB}  api:\n    build: ./api\n{url}",
            "docker-compose.prod.yml": f"services:\n  api:\n    command: gunicorn -w 4 app:app\n    deploy: {{replicas: 3}}\n  jobs:\n    image: acme/jobs\n{url}",
            "docker-compose.dev.yml": "services:\n  api:\n    deploy: {replicas: 9}\n",
        },
        tmp_path, monkeypatch,
    )  # fmt: skip
    assert led(made) == {"api": "db", "jobs": "db"}
    api = made.client("api")
    assert api is not None
    assert api.instances is not None
    assert (api.instances.most, api.processes.most) == (3, 4)
    assert str(api.instances.where) == "docker-compose.prod.yml:4"
    assert str(api.processes.where) == "docker-compose.prod.yml:3"
    assert [each.what for each in made.questions if each.what == "deployment"] == []


def test_two_files_of_the_same_services_stay_two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that says itself what runs is no overlay: which of them is deployed is asked."""
    whole = f"services:\n{DB}  api:\n    build: ./api\n{URL.replace('HOST', 'db.acme.internal')}"
    made = map_of({"compose.yml": whole, "compose.prod.yml": whole}, tmp_path, monkeypatch)
    assert len(made.clients) == 2
    assert {each.what for each in made.questions} >= {"deployment"}


@pytest.mark.parametrize(
    "more",
    [
        "container_name: acme-db",
        "hostname: acme-db",
        "networks: {back: {aliases: [acme-db]}}",
    ],
)
def test_other_names(more: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A container is reached by all its names."""
    text = f"services:\n{DB}    {more}\n  api:\n    image: acme/api\n{URL.replace('HOST', 'acme-db')}"
    made = map_of({"compose.yml": text}, tmp_path, monkeypatch)
    assert led(made) == {"api": "db"}
    (server,) = made.servers
    assert server.max_connections is not None
    assert server.max_connections.most == 100


def test_an_address_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pooler that is told a container's address opens its connections to that server."""
    text = f"services:\n{DB}    networks: {{back: {{ipv4_address: 172.30.0.5}}}}\n  pool:\n    image: edoburu/pgbouncer\n    environment: {{DB_HOST: 172.30.0.5, DB_NAME: app, POOL_MODE: transaction, DEFAULT_POOL_SIZE: 7}}\n  api:\n    image: acme/api\n{URL.replace('HOST', 'pool')}"
    made = map_of({"compose.yml": text}, tmp_path, monkeypatch)
    assert [(each.name, [opening.server for opening in each.opens]) for each in made.poolers] == [
        ("pool", ["db"])
    ]


@pytest.mark.parametrize(("shared", "own"), [(True, False), (False, False), (True, True)])
def test_files_that_share_a_network(
    shared: bool, own: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that another file of the network runs is that server, unless this file runs something of the name itself."""
    net = "networks: {back: {external: true}}\n" if shared else ""
    mine = "  main-db:\n    image: mariadb:11\n" if own else ""
    made = map_of(
        {
            "db/compose.yml": f"services:\n{DB}    container_name: main-db\n  one:\n    image: acme/one\n{URL.replace('HOST', 'db')}{net}",
            "api/compose.yml": f"services:\n{mine}  api:\n    image: acme/api\n{URL.replace('HOST', 'main-db')}{net}",
        },
        tmp_path, monkeypatch,
    )  # fmt: skip
    assert (led(made)["api"] == "db") is (shared and not own)
    assert [each.what for each in made.questions if each.what == "deployment"] == []


def test_built_from_a_known_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own pool counts, and no pool of the code beside it."""
    text = f"services:\n{DB}  flows:\n    build: .\n    environment: {{DB_TYPE: postgresdb, DB_POSTGRESDB_HOST: db}}\n  web:\n    build: ./web\n{URL.replace('HOST', 'db')}"
    made = map_of(
        {"compose.yml": text, "Dockerfile": "FROM n8nio/n8n:1.90\nUSER root\n", **WEB}, tmp_path, monkeypatch
    )
    assert (sizes(made, "flows"), sizes(made, "web")) == ([2], [10])


@pytest.mark.parametrize(
    ("tool", "end"),
    [
        ("entrypoint: ['/bin/sh', '-c', '/backup.sh']\n    environment: {DB_HOST: db}", "once db"),
        ("command: psql -h db -f /schema.sql\n    depends_on: [db]", "once db"),
        (
            "entrypoint: /init-replica.sh\n    depends_on: [db]",
            "",
        ),  # a server that starts in a way of its own
        ("command: postgres -c shared_buffers=1GB\n    environment: {DB_HOST: db}", ""),
    ],
)
def test_tools_of_a_servers_image(
    tool: str, end: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A backup runs in the server's image, and is a client of the server."""
    text = f"services:\n{DB}  other:\n    image: postgres:17\n    {tool}\n  api:\n    image: acme/api\n{URL.replace('HOST', 'db')}"
    made = map_of({"compose.yml": text}, tmp_path, monkeypatch)
    assert led(made).get("other", "") == end


def test_what_a_browser_shows_is_no_client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It starts after the database, and has nothing that speaks to one; a program of unknown make is asked about."""
    text = f"services:\n{DB}  front:\n    build: ./front\n    depends_on: [db]\n    links: [db]\n  back:\n    build: ./back\n    depends_on: [db]\n    links: [db]\n"
    files = {
        "front/package.json": '{"dependencies": {"react": "19.0.0"}}',
        "back/package.json": '{"dependencies": {"express": "5.0.0"}}',
    }
    made = map_of({"compose.yml": text, **files}, tmp_path, monkeypatch)
    assert led(made) == {"back": "db"}


def test_one_program_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Services of one build with one env file that is made elsewhere lead where the one leads that says so."""
    same = "    build: ./web\n    env_file: [made-elsewhere.env]\n"
    text = f"services:\n{DB}  worker:\n{same}  api:\n{same}    depends_on: [db]\n"
    made = map_of({"compose.yml": text, **WEB}, tmp_path, monkeypatch)
    assert led(made) == {"worker": "db", "api": "db"}


def test_go_code_alone_is_a_client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing deploys it, and it is named all the same; code of another database is not."""
    call = 'package main\nimport (\n\t"gorm.io/driver/KIND"\n\t"gorm.io/gorm"\n)\nfunc main() {\n\tgorm.Open(KIND.Open(dsn()), &gorm.Config{})\n}\n'
    for kind, clients in (("postgres", 1), ("mysql", 0)):
        folder = tmp_path / kind
        folder.mkdir()
        module = f"module acme/api\nrequire (\n\tgorm.io/driver/{kind} v1.5.9\n\tgorm.io/gorm v1.25.0\n)\n"
        made = map_of({"go.mod": module, "main.go": call.replace("KIND", kind)}, folder, monkeypatch)
        assert len(made.clients) == clients
