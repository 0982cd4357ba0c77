"""What providers allow: their poolers' pools beside direct clients, a share of a server, and one instance of a program."""

import pytest

from poolcheck.capacity.asked import rows
from poolcheck.config.settings import Config
from tests.project.mapping.test_never_lost import map_of

PROGRAM = "const {{ Pool }} = require('pg')\nmodule.exports = new Pool({{ connectionString: process.env.{name}, max: {size} }})\n"
PACKAGE = '{"name": "%s", "dependencies": {"pg": "8.13.0"}}'
NEON = "postgresql://{user}:s3cret@ep-x-a1b2c3d4{pooler}.us-east-2.aws.neon.tech/app?sslmode=require"


def program(folder: str, size: int, name: str = "DATABASE_URL") -> dict[str, str]:
    """A program of its own folder with one pool."""
    return {
        f"{folder}/package.json": PACKAGE % folder,
        f"{folder}/db.js": PROGRAM.format(name=name, size=size),
    }


def said(files: dict[str, str], **config: object) -> dict[str, str]:
    """Every row, as `name: asked of usable: verdict`."""
    made = rows(map_of(files, Config(**config)))  # type: ignore[arg-type]  # its fields
    return {each.name: f"{each.deploy.most} of {each.capacity}: {each.verdict}" for each in made}


def render(web: str, worker: str, instances: int) -> str:
    """Two services, each with a string."""
    text = "services:\n"
    for name, url in (("web", web), ("worker", worker)):
        text += f"  - {{type: web, name: {name}, runtime: node, rootDir: {name}, numInstances: {instances}, startCommand: node x.js, envVars: [{{key: DATABASE_URL, value: '{url}'}}]}}\n"
    return text


@pytest.mark.parametrize(
    ("instances", "slots"),
    [
        (2, "40 of 97: fits"),  # the pooler opens no more than its clients ask for
        (4, "80 of 97: fits"),
        (10, "193 of 97: does not fit"),  # 0.9 x max_connections, and 100 that go straight there
    ],
)
def test_a_pooler_beside_direct_clients(instances: int, slots: str) -> None:
    """Neon's pool is counted where somebody else asks for slots of the same compute."""
    pooled, direct = (NEON.format(user="app", pooler=each) for each in ("-pooler", ""))
    files = {**program("web", 10), **program("worker", 10), "render.yaml": render(pooled, direct, instances)}

    made = said(files, provider="neon", plan="0.25cu", surge="0")

    assert made["ep-x-a1b2c3d4.us-east-2.aws.neon.tech"] == slots
    assert made["Neon pooler"] == f"{instances * 10} of 10000: fits"


def test_each_user_has_a_pool() -> None:
    """Per user and database: two users may open twice as many, and nobody else needs to be there for the pooler's own row."""
    first, second = (NEON.format(user=each, pooler="-pooler") for each in ("app", "jobs"))
    direct = NEON.format(user="app", pooler="")
    files = {
        **program("web", 200),
        **program("worker", 200),
        "render.yaml": render(first, second, 1),
        ".env.production": f"DATABASE_URL={direct}\n",
    }

    (pooler,) = map_of(files, Config(provider="neon", plan="0.25cu")).poolers

    assert [each.most and each.most.equation for each in pooler.opens] == ["93 x 2 = 186"]


def test_a_pool_of_which_nothing_is_known_is_named() -> None:
    """Beside direct clients the sum is the least; alone the provider bounds it."""
    pooled, direct = (
        f"postgresql://u:s3cret@{each}db.prisma.io:5432/postgres?sslmode=require" for each in ("pooled.", "")
    )
    files = {**program("web", 2), **program("worker", 2), "render.yaml": render(pooled, direct, 1)}

    (row,) = (
        each
        for each in rows(map_of(files, Config(surge="0", provider="prisma-postgres", plan="pro")))
        if each.against == "slots"
    )

    assert (row.unknown, row.verdict, row.least) == (("Prisma Postgres pooler",), "cannot say", True)


PROXY = """
resource "aws_db_instance" "main" {
  identifier     = "main"
  engine         = "postgres"
  instance_class = "db.t4g.micro"
}
resource "aws_db_proxy" "app" {
  name          = "app"
  engine_family = "POSTGRESQL"
}
resource "aws_db_proxy_target" "app" {
  db_proxy_name          = aws_db_proxy.app.name
  db_instance_identifier = aws_db_instance.main.identifier
}
resource "aws_lambda_function" "api" {
  reserved_concurrent_executions = 500
  environment {
    variables = { DATABASE_URL = "postgres://app:s3cret@${aws_db_proxy.app.endpoint}/app" }
  }
}
resource "aws_ecs_service" "jobs" {
  name          = "jobs"
  desired_count = 4
}
resource "aws_ecs_task_definition" "jobs" {
  container_definitions = jsonencode([{ name = "jobs", environment = [{ name = "DATABASE_URL", value = "postgres://app:s3cret@${aws_db_instance.main.address}/app" }] }])
}
"""
GROUP = """
resource "aws_db_proxy_default_target_group" "app" {
  db_proxy_name = aws_db_proxy.app.name
  connection_pool_config { max_connections_percent = 50 }
}
"""


@pytest.mark.parametrize(("group", "opens"), [("", (78, 112)), (GROUP, (39, 56))])
def test_a_proxy_opens_its_share(group: str, opens: tuple[int, int]) -> None:
    """MaxConnectionsPercent, 100 by default, of what the instance's class gives."""
    made = map_of({"main.tf": PROXY + group}, Config(pool=1))
    (pooler,) = made.poolers
    most = pooler.opens[0].most

    assert most is not None
    assert (most.low, most.high) == opens
    assert [(each.client, each.pooler, each.server) for each in made.routes] == [
        ("api", "aws_db_proxy.app", "aws_db_instance.main")
    ]


SERVICE = """apiVersion: serving.knative.dev/v1
kind: Service
metadata: {{name: api}}
spec:
  template:
    metadata:
      annotations: {{autoscaling.knative.dev/maxScale: "2"}}
    spec:
      containers:
        - image: gcr.io/x/api
          env:
            - {{name: DATABASE_URL, value: "postgresql://app:s3cret@/app?host={host}"}}
"""


@pytest.mark.parametrize(
    ("host", "size", "row"),
    [
        ("/cloudsql/my-project:europe-west1:main", 150, "150 of 100: does not fit"),
        ("/cloudsql/my-project:europe-west1:main", 100, "100 of 100: fits"),
        ("10.8.0.3", 150, None),  # a private address has no such limit
    ],
)
def test_an_instance_of_cloud_run(host: str, size: int, row: str | None) -> None:
    """100 connections through the socket, whatever the server takes."""
    files = {
        "package.json": PACKAGE % "api",
        "db.js": PROGRAM.format(name="DATABASE_URL", size=size),
        "service.yaml": SERVICE.format(host=host),
    }

    made = said(files, max_connections=1000, surge="0")

    assert made[host] == f"{2 * size} of 997: fits"
    assert made.get(f"one instance of api at {host}") == row
