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


def test_what_another_service_waits_for_runs_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends before the other one starts, whatever it is called."""
    url = URL.replace("HOST", "db")
    text = f"services:\n{DB}  prepare:\n    image: acme/api\n{url}  api:\n    image: acme/api\n{url}    depends_on: {{prepare: {{condition: service_completed_successfully}}, db: {{condition: service_healthy}}}}\n"
    made = map_of({"compose.yml": text}, tmp_path, monkeypatch)
    assert led(made) == {"prepare": "once db", "api": "db"}


@pytest.mark.parametrize(
    ("dependencies", "code", "pool"),
    [
        ('"@nestjs/typeorm": "10.0.0", "typeorm": "0.3.20", "pg": "8.11.0"', "import { TypeOrmModule } from '@nestjs/typeorm'\nimport { options } from './orm'\nexport const module = TypeOrmModule.forRoot(options)\n", [None]),
        ('"sequelize": "6.37.0", "pg": "8.11.0"', "import { Sequelize } from 'sequelize'\nexport const db = new Sequelize(process.env.DATABASE_URL)\n", [5]),
        ('"sequelize": "6.37.0", "pg": "8.11.0", "mysql2": "3.0.0"', "import { Sequelize } from 'sequelize'\nexport const db = new Sequelize(process.env.DATABASE_URL)\n", [5]),  # its string says PostgreSQL
        ('"sequelize": "6.37.0", "pg": "8.11.0"', "import { Sequelize } from 'sequelize'\nexport const db = new Sequelize({ dialect: 'mysql', host: 'm' })\n", [None]),
        ('"pg": "8.11.0"', "import { Pool } from 'pg'\nasync function create() {\n  const first = new Pool({ database: 'postgres' })\n  try {\n    await first.query('x')\n  } finally {\n    await first.end()\n  }\n}\nexport const pool = new Pool()\nexport default create\n", [10]),
    ],
)  # fmt: skip
def test_code_whose_database_stands_elsewhere(
    dependencies: str, code: str, pool: list[int | None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An ORM for many databases speaks to PostgreSQL where no other driver is there; what is closed in the end stays in no sum."""
    text = f"services:\n{DB}  api:\n    build: ./api\n{URL.replace('HOST', 'db')}"
    files = {
        "api/package.json": f'{{"name": "api", "dependencies": {{{dependencies}}}}}',
        "api/src/db.ts": code,
    }
    made = map_of({"compose.yml": text, **files}, tmp_path, monkeypatch)
    assert sizes(made, "api") == pool


def test_an_env_file_for_everybody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers of another kind are given it too, and are no clients."""
    shared = "    env_file: [.env]\n"
    text = f"services:\n{DB}  cache:\n    image: redis:7\n{shared}  proxy:\n    build: ./proxy\n{shared}  api:\n    image: acme/api\n{shared}"
    files = {"compose.yml": text, ".env": "POSTGRES_HOST=db\n", "proxy/Dockerfile": "FROM nginx:1.27\n"}
    assert led(map_of(files, tmp_path, monkeypatch)) == {"api": "db"}


@pytest.mark.parametrize(("driver", "clients"), [("psycopg", ["api"]), ("mysqlclient", [])])
def test_a_host_that_is_filled_in(
    driver: str, clients: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DB_HOST of a program that speaks to PostgreSQL alone leads to a server, wherever that is."""
    text = "services:\n  api:\n    build: ./api\n    environment: {DB_HOST: '${DB_HOST}'}\n"
    made = map_of({"compose.yml": text, "api/requirements.txt": f"{driver}\n"}, tmp_path, monkeypatch)
    assert list(led(made)) == clients


@pytest.mark.parametrize(
    ("files", "clients"),
    [
        ({"Gemfile": "gem 'rails'\ngem 'pg'\n"}, 1),
        ({"mix.exs": 'defp deps do\n  [{:postgrex, ">= 0.0.0"}]\nend\n'}, 1),
        ({"Gemfile": "gem 'rails'\ngem 'pg'\ngem 'mysql2'\n"}, 0),
        ({"package.json": '{"dependencies": {"pg": "8.16.0"}}'}, 0),  # its calls are read, and there is none
    ],
)
def test_only_a_manifest_tells(
    files: dict[str, str], clients: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the language's calls are not read, a driver of PostgreSQL is a client that is asked about."""
    made = map_of(files, tmp_path, monkeypatch)
    assert len(made.clients) == clients
    assert len([each for each in made.questions if each.what == "pool"]) == clients


def test_code_that_is_mounted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The image of a language alone runs the folder that is mounted into it."""
    text = f"services:\n{DB}  api:\n    image: node:22-alpine\n    volumes: ['./web:/app', '/app/node_modules']\n    depends_on: [db]\n"
    made = map_of({"compose.yml": text, **WEB}, tmp_path, monkeypatch)
    assert (led(made), sizes(made, "api")) == ({"api": "db"}, [10])


def test_a_shell_around_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is looked into where the command is one text, too."""
    text = f"""services:\n{DB}  jobs:\n    image: acme/api\n{URL.replace("HOST", "db")}    command: sh -c "cd /app && celery -A app worker --concurrency=4"\n"""
    client = map_of({"compose.yml": text}, tmp_path, monkeypatch).client("jobs")
    assert client is not None
    assert client.processes.most == 4


def test_what_a_pooler_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that names no database, or one that is filled in, asks for no pool of its own beside one that does."""
    ini = "[databases]\n* = host=db\n[pgbouncer]\nlisten_port = 6432\ndefault_pool_size = 8\n"
    pool = "  pool:\n    image: edoburu/pgbouncer\n    volumes: ['./pgbouncer.ini:/etc/pgbouncer/pgbouncer.ini']\n"
    rest = "  api:\n    image: acme/api\n    environment: {DATABASE_URL: 'postgresql://app:pw@pool:6432/shop'}\n  one:\n    image: acme/one\n    environment: {DATABASE_URL: 'postgresql://${U}:${P}@pool:6432/${D}'}\n  two:\n    image: acme/two\n    environment: {PGHOST: pool}\n"
    made = map_of(
        {"compose.yml": f"services:\n{DB}{pool}{rest}", "pgbouncer.ini": ini}, tmp_path, monkeypatch
    )
    (pooler,) = made.poolers
    assert [each.most.most for each in pooler.opens if each.most is not None] == [8]


def test_strings_of_migration_tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """GOOSE_DBSTRING is the migrations' string, not the app's."""
    url = "postgresql://app:pw@db:5432/app"
    text = f"services:\n{DB}  api:\n    image: acme/api\n    environment: {{DATABASE_URL: '{url}', GOOSE_DBSTRING: '{url}', SPRING_FLYWAY_URL: 'jdbc:{url}'}}\n"
    made = map_of({"compose.yml": text}, tmp_path, monkeypatch)
    assert [each.variable for each in made.routes if each.role == "app"] == ["DATABASE_URL"]


def test_profiles_that_the_env_file_turns_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """COMPOSE_PROFILES of .env starts what has one of them; the rest starts when somebody asks."""
    url = URL.replace("HOST", "db")
    text = f"services:\n{DB}  jobs:\n    image: acme/api\n{url}    profiles: [full]\n  fix:\n    image: acme/api\n{url}    profiles: [tools]\n"
    made = map_of({"compose.yml": text, ".env": "COMPOSE_PROFILES=full,more\n"}, tmp_path, monkeypatch)
    assert led(made) == {"jobs": "db", "fix": "once db"}


def test_built_at_the_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The only package below that makes a client is what runs, where the root's own code makes none."""
    text = f"services:\n{DB}  backend:\n    build: .\n{URL.replace('HOST', 'db')}"
    files = {f"packages/{path}": code for path, code in WEB.items()}
    root = {"package.json": '{"name": "all", "private": true, "dependencies": {"pg": "8.16.0"}}'}
    assert sizes(map_of({"compose.yml": text, **root, **files}, tmp_path, monkeypatch), "backend") == [10]


def test_what_is_kept_and_not_deployed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A compose file below an archive runs nothing."""
    url = URL.replace("HOST", "db")
    old = f"services:\n  gone:\n    image: acme/gone\n{url.replace('db', 'db.acme.internal')}"
    files = {
        "compose.yml": f"services:\n{DB}  api:\n    image: acme/api\n{url}",
        ".archive/shop/compose.yml": old,
    }
    assert led(map_of(files, tmp_path, monkeypatch)) == {"api": "db"}


@pytest.mark.parametrize("kind", ["SHOP_DATABASE_TYPE: postgres", "SHOP_DATABASE_TYPE: mysql"])
def test_the_kind_of_a_family_of_variables(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What stands beside a host with the same beginning says whose it is."""
    text = f"services:\n  shop:\n    image: acme/shop\n    environment: {{{kind}, SHOP_DATABASE_HOST: '${{HOST}}'}}\n"
    assert list(led(map_of({"compose.yml": text}, tmp_path, monkeypatch))) == (
        ["shop"] if "postgres" in kind else []
    )


SQLALCHEMY = {
    "backend/requirements.txt": "sqlalchemy==2.0.30\n",
    "backend/app/db.py": "import os\nfrom sqlalchemy import create_engine\n\nengine = create_engine(os.environ['DATABASE_URL'], pool_size=3, max_overflow=1)\n",
}


def test_the_deployment_says_what_the_code_speaks_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No manifest names a driver, and the string is one of PostgreSQL; of another database nothing is said."""
    for url, pools in (
        ("postgresql+asyncpg://app:pw@db:5432/app", [4]),
        ("mysql+aiomysql://app:pw@m/app", None),
    ):
        folder = tmp_path / url[:5]
        folder.mkdir()
        text = f"services:\n{DB}  api:\n    build: ./backend\n    environment: {{DATABASE_URL: '{url}'}}\n"
        made = map_of({"compose.yml": text, **SQLALCHEMY}, folder, monkeypatch)
        assert (sizes(made, "api") if made.clients else None) == pools


def test_a_dockerfile_apart_from_its_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the build is sent is looked below, where the Dockerfile's own folder holds nothing."""
    text = f'services:\n{DB}  api:\n    build: {{context: ., dockerfile: docker/api.Dockerfile}}\n{URL.replace("HOST", "db")}    command: bash -lc "exec gunicorn --workers 3 app:app"\n'
    files = {"docker/api.Dockerfile": "FROM python:3.13\n", **SQLALCHEMY}
    made = map_of({"compose.yml": text, **files}, tmp_path, monkeypatch)
    client = made.client("api")
    assert client is not None
    assert (client.processes.most, sizes(made, "api")) == (3, [4])


def test_nobody_asks_how_many_processes_run_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A migration is in no sum, whatever its program would start."""
    text = f"services:\n{DB}  kong-migration:\n    image: kong:3.5\n    environment: {{KONG_DATABASE: postgres, KONG_PG_HOST: db}}\n"
    made = map_of({"compose.yml": text}, tmp_path, monkeypatch)
    assert led(made) == {"kong-migration": "once db"}
    assert not made.questions


def test_an_env_file_of_another_stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What stands beside another compose file is that one's; what starts after MySQL alone is no client."""
    url = "    environment: {DATABASE_URL: '${DATABASE_URL}'}\n"
    made = map_of(
        {
            "tracker/compose.yml": f"services:\n{DB}  tracker:\n    image: acme/tracker\n    env_file: [tracker.env]\n",
            "tracker/tracker.env": "DATABASE_URL=postgres://app:pw@db:5432/app\n",
            "wiki/compose.yml": f"services:\n  wiki:\n    image: acme/wiki\n{url}",
            "shop/compose.yml": f"services:\n  store:\n    image: mysql:8\n  shop:\n    image: acme/shop\n    depends_on: [store]\n{url}",
        },
        tmp_path, monkeypatch,
    )  # fmt: skip
    assert led(made) == {"tracker": "db", "wiki": "DATABASE_URL"}


def test_one_network_and_two_spellings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that share a network are one deployment, called compose.yml here and docker-compose.yaml there."""
    net = "networks:\n  shared:\n    external: true\n"
    url = URL.replace("HOST", "db")
    on = "    networks: [shared]\n"
    made = map_of(
        {
            "db/docker-compose.yml": f"services:\n{DB}{on}{net}",
            "one/docker-compose.yaml": f"services:\n  one:\n    image: acme/one\n{url}{on}{net}",
            "two/compose.yml": f"services:\n  two:\n    image: acme/two\n{url}{on}{net}",
        },
        tmp_path, monkeypatch,
    )  # fmt: skip
    assert led(made) == {"one": "db", "two": "db"}
    assert not [each for each in made.questions if each.what == "deployment"]


def test_dockerfiles_of_one_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two services are not the same program because their Dockerfiles lie together."""
    built = (
        "  NAME:\n    build: {context: ./NAME, dockerfile: ../docker/NAME.Dockerfile}\n    env_file: [.env]\n"
    )
    made = map_of(
        {
            "compose.yml": f"services:\n{DB}{built.replace('NAME', 'api')}    depends_on: [db]\n{built.replace('NAME', 'page')}    depends_on: [api]\n",
            "docker/api.Dockerfile": "FROM node:22\n",
            "docker/page.Dockerfile": "FROM node:22\n",
            "api/package.json": '{"dependencies": {"pg": "8.13.0"}}',
            "api/db.js": 'import { Pool } from "pg"\nexport const pool = new Pool({ max: 7 })\n',
            "page/package.json": '{"dependencies": {"react": "19.0.0"}}',
        },
        tmp_path, monkeypatch,
    )  # fmt: skip
    assert led(made) == {"api": "db"}
    assert sizes(made, "api") == [7]


def test_lines_of_a_pooler_that_nobody_asks_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pool for each user that is seen, whoever else may log in; each of several hosts may get all of it."""
    ini = "[databases]\nmain = host=db\nreads = host=r1,r2\n[pgbouncer]\nauth_file = userlist.txt\ndefault_pool_size = 20\npool_mode = transaction\n"
    made = map_of(
        {
            "compose.yml": f"services:\n{DB}  r1:\n    image: postgres:17\n  r2:\n    image: postgres:17\n"
            "  bouncer:\n    image: edoburu/pgbouncer\n    volumes: ['./pgbouncer.ini:/etc/pgbouncer/pgbouncer.ini']\n"
            "  api:\n    image: acme/api\n    environment: {DATABASE_URL: 'postgresql://app:pw@bouncer:6432/main'}\n",
            "pgbouncer.ini": ini,
            "userlist.txt": '"app" "x"\n"reports" "x"\n"replicator" "x"\n',
        },
        tmp_path, monkeypatch,
    )  # fmt: skip
    opened = {each.server: each.most and each.most.high for each in made.poolers[0].opens}
    assert opened == {"db": 20, "r1": 20, "r2": 20}


def test_pm2_beside_a_container(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of PM2 for code that a container runs is another way to start it."""
    made = map_of(
        {
            "compose.yml": f"services:\n{DB}  api:\n    build: .\n{URL.replace('HOST', 'db')}",
            "Dockerfile": 'FROM node:22\nCMD ["node", "server.js"]\n',
            "ecosystem.config.js": "module.exports = { apps: [{ name: 'shop', script: './server.js', instances: 2 }] }\n",
            "package.json": '{"dependencies": {"pg": "8.13.0"}}',
            "server.js": 'import { Pool } from "pg"\nexport const pool = new Pool({ connectionString: process.env.DATABASE_URL })\n',
        },
        tmp_path, monkeypatch,
    )  # fmt: skip
    assert led(made) == {"api": "db"}


def test_files_that_are_included(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a compose file includes is its own, whatever it is called, with the names that hold between all of them."""
    made = map_of(
        {
            "compose.yml": "include:\n  - parts/db.yml\n  - path: parts/all.yml\nservices:\n  api:\n    image: acme/api\n" + URL.replace("HOST", "db"),
            "parts/db.yml": f"services:\n{DB}    command: -c max_connections=50\n",
            "parts/all.yml": "include: [jobs.yml, table.yml, all.yml]\n",
            "parts/jobs.yml": "services:\n  jobs:\n    image: acme/jobs\n    env_file: [jobs.env]\n",
            "parts/jobs.env": "DATABASE_URL=postgres://app:pw@db:5432/app\n",
            "parts/table.yml": "services:\n  table:\n    image: nocodb/nocodb\n    environment: {NC_DB: 'pg://db:5432?u=${U}&p=${P}&d=t'}\n",
        },
        tmp_path, monkeypatch,
    )  # fmt: skip
    assert led(made) == {"api": "db", "jobs": "db", "table": "db"}
    (server,) = made.servers
    assert server.max_connections is not None
    assert server.max_connections.high == 50
    assert {each.place.path for each in made.clients} == {"compose.yml", "parts/jobs.yml", "parts/table.yml"}


def test_a_pooler_in_an_included_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It stands before the server of the file that includes it, and is no client."""
    made = map_of(
        {
            "docker-compose.yml": f"include: [parts/pool.yml]\nservices:\n{DB}  api:\n    image: acme/api\n{URL.replace('HOST', 'bouncer')}",
            "parts/pool.yml": "services:\n  bouncer:\n    image: edoburu/pgbouncer\n    environment: {DB_HOST: db, DEFAULT_POOL_SIZE: '9', POOL_MODE: transaction}\n",
        },
        tmp_path, monkeypatch,
    )  # fmt: skip
    assert led(made) == {"api": "bouncer"}
    (pooler,) = made.poolers
    assert [(each.server, each.most and each.most.high) for each in pooler.opens] == [("db", 9)]


def test_a_name_with_an_underscore(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """docker-compose_tls.yml is one as well."""
    text = f"services:\n{DB}  api:\n    image: acme/api\n{URL.replace('HOST', 'db')}"
    assert led(map_of({"docker-compose_tls.yml": text}, tmp_path, monkeypatch)) == {"api": "db"}


def test_a_framework_that_makes_the_pool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing deploys it, and no call of its own makes a pool: it is named, and asked about."""
    manifest = '{"name": "blog", "dependencies": {"@strapi/strapi": "5.0.0", "pg": "8.13.0"}}'
    made = map_of({"package.json": manifest, "package-lock.json": "{}"}, tmp_path, monkeypatch)
    assert [(each.name, each.place.path) for each in made.clients] == [("blog", "package.json")]


def test_a_second_service_of_the_same_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its code makes a pool, and only the other service waits for the database: it is named all the same."""
    same = "    build: ./app\n"
    made = map_of(
        {
            "compose.yml": f"services:\n{DB}  worker:\n{same}    command: celery -A app worker -c 3\n  web:\n{same}    depends_on: [db, worker]\n  page:\n    build: ./page\n",
            "app/requirements.txt": "sqlalchemy==2.0.36\npsycopg2==2.9.10\ncelery==5.4.0\n",
            "app/app.py": 'from sqlalchemy import create_engine\nengine = create_engine("postgresql://app:pw@elsewhere/app", pool_size=4, max_overflow=0)\n',
            "page/package.json": '{"dependencies": {"react": "19.0.0"}}',
        },
        tmp_path, monkeypatch,
    )  # fmt: skip
    assert led(made) == {"web": "db", "worker": "db"}
    assert (sizes(made, "web"), made.client("worker") is not None) == ([4], True)


def test_a_string_of_somebodys_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a container localhost is no server: what starts after the database connects to it."""
    text = f"services:\n{DB}  worker:\n    build: ./web\n    env_file: [.env_docker]\n    depends_on: [db]\n"
    files = {"compose.yml": text, ".env_docker": "RESULTS=postgresql://app:pw@localhost:5432/app\n", **WEB}
    assert led(map_of(files, tmp_path, monkeypatch)) == {"worker": "db"}


def test_everything_has_a_profile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where each client has one, a profile is how they are started; a tool stays one."""
    url = URL.replace("HOST", "db")
    text = (
        f"services:\n{DB}  api:\n    image: acme/api\n    profiles: [app]\n{url}"
        f"  jobs:\n    image: acme/jobs\n    profiles: [app]\n{url}  pgadmin:\n    image: dpage/pgadmin4\n    profiles: [app]\n    depends_on: [db]\n"
    )
    made = map_of({"compose.yml": text}, tmp_path, monkeypatch)
    assert led(made) == {"api": "db", "jobs": "db", "pgadmin": "once db"}


def test_a_host_with_a_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It runs there where nobody sets another; of one without a default nothing is known but the variable."""
    jdbc = "    environment: {JDBC_URL: 'jdbc:postgresql://${H}:${P:-5432}/${N}'}\n"
    text = f"services:\n{DB}  one:\n    image: acme/one\n{jdbc.replace('{H}', '{H:-db}')}  two:\n    image: acme/two\n{jdbc}"
    assert led(map_of({"compose.yml": text}, tmp_path, monkeypatch)) == {"one": "db", "two": "H"}


def test_an_env_file_that_is_made_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is built from code with a driver is a client of the only server; what a browser shows is none."""
    same = "    build: ./NAME\n    env_file: [.env]\n"
    text = f"services:\n{DB}  api:\n{same.replace('NAME', 'api')}  page:\n{same.replace('NAME', 'page')}"
    files = {
        "api/requirements.txt": "psycopg2==2.9.10\n",
        "page/package.json": '{"dependencies": {"react": "19.0.0"}}',
    }
    assert led(map_of({"compose.yml": text, **files}, tmp_path, monkeypatch)) == {"api": "db"}
