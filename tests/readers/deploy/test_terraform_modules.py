"""What Terraform's variables, files and modules say of the things that a project deploys."""

from pathlib import Path

import pytest

from poolcheck.readers.deploy import terraform
from poolcheck.readers.deploy.terraform_module import modules
from tests.commands.running import mapped

RUN = """
resource "google_cloud_run_v2_service" "this" {
  template {
    scaling { max_instance_count = VALUE }
    containers {
      env {
        name  = "DB_POOL_MAX"
        value = var.pool
      }
    }
  }
}
"""
MOST = 'variable "most" {\n  default = 30\n}\n'


def counts(texts: dict[str, str]) -> dict[str, int | None]:
    """The most instances by name."""
    return {each.name: each.instances.number for each in terraform.read(modules(texts))}


@pytest.mark.parametrize(
    ("texts", "number"),
    [
        ({"run.tf": RUN.replace("VALUE", "var.most"), "variables.tf": MOST}, 30),
        ({"run.tf": RUN.replace("VALUE", "local.most"), "l.tf": "locals {\n  most = 31\n}\n"}, 31),
        ({"run.tf": RUN.replace("VALUE", "var.most"), "v.tf": MOST, "prod.tfvars": "most = 40\n", "dev.tfvars": "most = 2\n"}, 40),
        ({"run.tf": RUN.replace("VALUE", "var.most"), "v.tf": MOST, "a.tfvars": "most = 40\n", "b.tfvars": "most = 2\n"}, None),
        ({"run.tf": RUN.replace("VALUE", "var.most + 1"), "v.tf": MOST}, None),
        ({"run.tf": RUN.replace("VALUE", "var.most")}, None),
        ({"run.tf": RUN.replace("VALUE", "var.most"), "elsewhere/v.tf": MOST}, None),  # another module's variable
        ({"run.tf": RUN.replace("VALUE", "var.most"), "v.tf": MOST.replace("30", "-1")}, None),
        ({"run.tf": RUN.replace("VALUE", "local.a"), "l.tf": "locals {\n  a = local.b\n  b = local.a\n}\n"}, None),
    ],
)  # fmt: skip
def test_most_instances(texts: dict[str, str], number: int | None) -> None:
    """As for max_connections of a server: what is computed, said twice or by nobody is not known."""
    assert counts(texts) == {"this": number}


@pytest.mark.parametrize(
    ("several", "number", "words"),
    [
        ("count = 3", 90, "count = 3, max_instance_count = var.most, 30"),
        ("count = var.regions", 60, "count = 2, max_instance_count = var.most, 30"),
        ("count = 1", 30, "max_instance_count = var.most, 30"),
        ("count = var.enabled ? 1 : 0", 30, "max_instance_count = var.most, 30"),
        ("count = length(var.names)", None, "count makes several of it"),
        ("for_each = toset(var.names)", None, "for_each makes several of it"),
    ],
)
def test_several_of_one_resource(several: str, number: int | None, words: str) -> None:
    """Each of them starts its own instances: added up, or asked for."""
    text = RUN.replace("VALUE", "var.most").replace('"this" {', f'"this" {{\n  {several}', 1)
    more = MOST + 'variable "regions" {\n  default = 2\n}\n'
    (made,) = terraform.read(modules({"run.tf": text, "v.tf": more}))

    assert (made.instances.number, made.instances.words) == (number, words)


def test_the_variable_stands_beside_its_number() -> None:
    """At the line of the service, in words that find the variable."""
    (made,) = terraform.read(modules({"a/run.tf": RUN.replace("VALUE", "var.most"), "a/v.tf": MOST}))

    assert (made.instances.words, str(made.instances.location)) == (
        "max_instance_count = var.most, 30",
        "a/run.tf:4",
    )


CALL = 'module "NAME" {\n  source = "SOURCE"\n  most = MOST\n}\n'


def call(name: str, most: int, source: str = "./m") -> str:
    """The call of a module."""
    return CALL.replace("NAME", name).replace("SOURCE", source).replace("MOST", str(most))


def test_a_module_called_by_two_names() -> None:
    """Is two services, each with its own number; called once it keeps its resource's name."""
    texts = {"m/run.tf": RUN.replace("VALUE", "var.most"), "m/v.tf": MOST}

    assert counts({**texts, "main.tf": call("api", 12)}) == {"this": 12}
    assert counts({**texts, "main.tf": call("api", 12) + call("jobs", 3)}) == {"api.this": 12, "jobs.this": 3}


@pytest.mark.parametrize(
    ("several", "number"), [("count = 2", 24), ("for_each = var.names", None), ("count = var.on ? 1 : 0", 12)]
)
def test_a_module_called_several_times_by_one_call(several: str, number: int | None) -> None:
    """As a resource that is made several times; ECS's surge goes with it."""
    service = 'resource "aws_ecs_service" "this" {\n  desired_count = var.most\n}\n'
    main = call("api", 12).replace("{\n", f"{{\n  {several}\n", 1)
    (made,) = terraform.read(modules({"m/ecs.tf": service, "main.tf": main}))

    assert (made.instances.number, made.surge) == (number, number or 0)
    assert number is not None or str(made.instances.location) == "main.tf:2"


def test_stages_are_one_service() -> None:
    """Two folders call it by one name: production's number counts; of stages that nobody tells apart none does."""
    texts = {"m/run.tf": RUN.replace("VALUE", "var.most"), "m/v.tf": MOST}
    staging = {"envs/staging/main.tf": call("api", 2, "../../m")}

    assert counts({**texts, **staging, "envs/prod/main.tf": call("api", 12, "../../m")}) == {"this": 12}
    assert counts({**texts, **staging, "envs/eu/main.tf": call("api", 12, "../../m")}) == {"this": None}


def test_modules_that_call_each_other() -> None:
    """Not known, and no run without end."""
    round_ = RUN.replace("VALUE", "var.most")
    many = "".join(f'module "m{at}" {{\n  source = "../OTHER"\n  most = var.most\n}}\n' for at in range(60))
    texts = {"a/m.tf": round_ + many.replace("OTHER", "b"), "b/m.tf": round_ + many.replace("OTHER", "a")}

    assert set(counts(texts).values()) == {None}


SERVICE = 'resource "aws_ecs_service" "web" {\n  desired_count = var.least\n  task_definition = aws_ecs_task_definition.web.arn\n}\nvariable "least" {\n  default = 2\n}\n'
SCALER = 'resource "aws_appautoscaling_target" "web" {\n  resource_id  = "service/x/${aws_ecs_service.web.name}"\n  max_capacity = 12\n}\n'
TASK = 'resource "aws_ecs_task_definition" "web" {\n  container_definitions = jsonencode([{ name = "web", environment = [{ name = "WEB_CONCURRENCY", value = var.workers }, { name = "DATABASE_URL", value = var.url }] }])\n}\nvariable "workers" {\n  default = 4\n}\nvariable "url" {\n  default = "postgresql://localhost/dev"\n}\n'


def test_a_service_in_several_files() -> None:
    """Its scaler and its task stand in files of their own; a number is taken from a default, a placeholder string is not."""
    (made,) = terraform.read(modules({"ecs.tf": SERVICE, "scaling.tf": SCALER, "task.tf": TASK}))

    assert (made.instances.number, str(made.instances.location)) == (12, "scaling.tf:3")
    assert {each.name: each.value.reveal() if each.value else None for each in made.environment} == {
        "WEB_CONCURRENCY": "4",
        "DATABASE_URL": None,
    }
    assert {str(each.location) for each in made.environment} == {"task.tf:2"}


def test_map(tmp_path: Path) -> None:
    """The whole way: 30 instances of the default, for the service that the code runs as."""
    (tmp_path / "run.tf").write_text(RUN.replace("VALUE", "var.most"))
    (tmp_path / "variables.tf").write_text(MOST)
    (tmp_path / "package.json").write_text('{"name": "api", "dependencies": {"pg": "^8.13.0"}}')
    (tmp_path / "db.js").write_text(
        "const { Pool } = require('pg')\nmodule.exports = new Pool({ connectionString: process.env.DATABASE_URL, max: 5 })\n"
    )
    (client,) = mapped(tmp_path)["clients"]

    assert client["instances"]["high"] == 30
