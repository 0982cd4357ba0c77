"""Platform files and Terraform: the most instances of what they deploy, with its line, command and environment."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolcheck.model.problem import Location
from poolcheck.readers.deploy import platforms, terraform
from poolcheck.readers.deploy.platforms import InstanceCount
from poolcheck.readers.deploy.terraform_module import modules

KNATIVE = """apiVersion: serving.knative.dev/v1
kind: Service
metadata: {name: api}
spec:
  template:
    metadata:
      annotations:
        autoscaling.knative.dev/maxScale: "40"
    spec:
      containers:
        - image: gcr.io/acme/api
          args: [gunicorn, -w, "3", app]
          env:
            - {name: DATABASE_URL, value: "postgresql://app:s3cret@10.0.0.3/app"}
            - {name: KEY, valueFrom: {secretKeyRef: {name: keys, key: latest}}}
"""
ENGINE = "runtime: python312\nservice: web\nentrypoint: gunicorn -w 4 main:app\nautomatic_scaling:\n  max_instances: 15\nenv_variables:\n  WEB_CONCURRENCY: '2'\n"
AZURE = """type: Microsoft.App/containerApps
name: shop
properties:
  environmentId: /subscriptions/x
  template:
    containers:
      - image: acme/shop
        name: shop
        env:
          - {name: DATABASE_URL, secretRef: db}
    scale:
      minReplicas: 1
      maxReplicas: 25
"""
RENDER = """services:
  - type: web
    name: api
    startCommand: uvicorn app:app --workers 4
    scaling:
      minInstances: 1
      maxInstances: 6
    envVars:
      - key: DATABASE_URL
        fromDatabase: {name: db, property: connectionString}
      - key: WEB_CONCURRENCY
        value: 4
  - type: worker
    name: jobs
    numInstances: 3
  - {type: cron, name: nightly}
  - {type: web, name: site, runtime: static}
"""


@pytest.mark.parametrize(
    ("path", "text", "name", "count"),
    [
        ("service.yaml", KNATIVE, "api", InstanceCount(40, "maxScale: 40", Location("service.yaml", 8))),
        ("app.yaml", ENGINE, "web", InstanceCount(15, "max_instances: 15", Location("app.yaml", 5))),
        ("azure.yaml", AZURE, "shop", InstanceCount(25, "maxReplicas: 25", Location("azure.yaml", 13))),
        ("render.yaml", RENDER, "api", InstanceCount(6, "maxInstances: 6", Location("render.yaml", 7))),
        ("railway.json", '{"deploy": {\n"numReplicas": 4}}', "railway", InstanceCount(4, "numReplicas: 4", Location("railway.json", 2))),
        ("railway.toml", "[deploy]\nstartCommand = 'x'\n", "railway", InstanceCount(1, "1 replica")),
        ("railway.json", '{"deploy": {"multiRegionConfig": {"a": {"numReplicas": 4}, "b": {"numReplicas": 3}}}}', "railway", InstanceCount(7, "numReplicas: 7", Location("railway.json", 1))),
        ("fly.toml", "app = 'shop'\n[env]\nWEB_CONCURRENCY = '4'\n", "shop", InstanceCount()),
        ("Procfile", "web: gunicorn app\n# no: x\n", "web", InstanceCount()),
        ("service.yaml", KNATIVE.replace('"40"', "${MAX}"), "api", InstanceCount(None, "maxScale is filled in when it is deployed", Location("service.yaml", 8))),
    ],
)  # fmt: skip
def test_platform_files(path: str, text: str, name: str, count: InstanceCount) -> None:
    """The number and its line; what a file does not hold is not guessed."""
    made = platforms.read(text, path)

    assert (made[0].name, made[0].instances) == (name, count)


def test_all_that_render_runs() -> None:
    """Web services and workers, not crons and static sites; a variable from elsewhere has no value."""
    made = platforms.read(RENDER, "render.yaml")

    assert [(each.name, each.instances.number) for each in made] == [("api", 6), ("jobs", 3)]
    assert [(each.name, each.value is None, each.secret) for each in made[0].environment] == [("DATABASE_URL", True, "elsewhere"), ("WEB_CONCURRENCY", False, "")]  # fmt: skip
    assert made[0].command == ("uvicorn", "app:app", "--workers", "4")


TERRAFORM = """resource "google_cloud_run_v2_service" "api" {
  template {
    scaling {
      max_instance_count = 30 # each
    }
    containers { image = "x" }
  }
}
resource "aws_ecs_service" "web" {
  desired_count = 2
}
resource "aws_appautoscaling_target" "web" {
  resource_id  = "service/${aws_ecs_cluster.main.name}/${aws_ecs_service.web.name}"
  max_capacity = 12
}
resource "aws_ecs_service" "jobs" {
  desired_count                      = 4
  deployment_maximum_percent         = 150
}
resource "aws_lambda_function" "fn" {
  description                    = "reserved_concurrent_executions = 7 }"
  reserved_concurrent_executions = var.concurrency
}
resource "azurerm_container_app" "app" {
  template {
    max_replicas = 5
  }
}
resource "google_cloud_run_service" "old" {
  template { metadata { annotations = {
    "autoscaling.knative.dev/maxScale" = "9"
  } } }
}
"""


def test_terraform() -> None:
    """Plain numbers with their lines; ECS with its autoscaler, and twice of it while a deploy runs."""
    made = terraform.read(modules({"infra/main.tf": TERRAFORM}))

    said = {each.name: (each.instances.number, str(each.instances.location), each.surge) for each in made}
    assert said == {
        "api": (30, "infra/main.tf:4", 0),
        "web": (12, "infra/main.tf:14", 12),
        "jobs": (4, "infra/main.tf:17", 2),
        "fn": (None, "infra/main.tf:22", 0),
        "app": (5, "infra/main.tf:26", None),
        "old": (9, "infra/main.tf:31", 0),
    }


@given(st.text(alphabet='resource "aws_ecs"{}=\n#/*services:-[]', max_size=200))
def test_nothing_raises(text: str) -> None:
    """Whatever stands in a file."""
    for path in ("render.yaml", "fly.toml", "railway.json", "app.json", "Procfile", "app.yaml"):
        platforms.read(text, path)
        platforms.read(KNATIVE + text, "x.yaml")
        platforms.read(f'{{"deploy": {{"numReplicas": "{text}"}}}}', "railway.json")
    terraform.read(modules({"main.tf": 'resource "aws_ecs_service" "x" {' + text}))


@pytest.mark.parametrize(
    "text", ['resource "aws_ecs_service" "x" {\n' * 20_000, '{"' * 50_000, "/*" * 100_000, '"' * 200_000]
)
def test_hostile_terraform_takes_linear_time(text: str) -> None:
    """Blocks that do not end, quotes, comments."""
    start = time.process_time()

    terraform.read(modules({"main.tf": 'resource "aws_ecs_service" "x" {' + text}))

    assert time.process_time() - start < 8
