"""The servers that Terraform makes, and the numbers behind their parameter groups, flags, variables and modules."""

from pathlib import Path

import pytest

from poolcheck.readers.deploy import terraform_servers
from poolcheck.readers.deploy.terraform_module import modules
from tests.commands.running import mapped

INSTANCE = """
resource "aws_db_instance" "orders" {
  identifier           = "orders-prod"
  engine               = "postgres"
  instance_class       = "db.t4g.micro"
  parameter_group_name = aws_db_parameter_group.orders.name
}
resource "aws_db_parameter_group" "orders" {
  family = "postgres17"
  parameter {
    name  = "max_connections"
    value = VALUE
  }
}
resource "aws_db_parameter_group" "other" {
  family = "postgres17"
  parameter {
    name  = "max_connections"
    value = "999"
  }
}
"""
VARIABLE = 'variable "most" {\n  default = 150\n}\n'
GOOGLE = """
resource "google_sql_database_instance" "main" {
  name             = "main"
  database_version = "POSTGRES_17"
  settings {
    tier = "db-custom-2-8192"
    database_flags {
      name  = "max_connections"
      value = "250"
    }
  }
}
"""
AZURE = """
resource "azurerm_postgresql_flexible_server" "main" {
  name     = "shop-pg"
  sku_name = "B_Standard_B1ms"
}
resource "azurerm_postgresql_flexible_server_configuration" "most" {
  name      = "max_connections"
  server_id = azurerm_postgresql_flexible_server.main.id
  value     = "80"
}
resource "azurerm_postgresql_flexible_server_configuration" "other" {
  name      = "work_mem"
  server_id = azurerm_postgresql_flexible_server.main.id
  value     = "16384"
}
"""


def read(texts: dict[str, str]) -> tuple[terraform_servers.TerraformServer, ...]:
    """The servers of these files."""
    return terraform_servers.read(modules(texts))


def number(texts: dict[str, str]) -> tuple[bool, int | None]:
    """Of the only server: whether max_connections is written, and what."""
    (server,) = read(texts)
    return server.written, server.number


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        ({"db.tf": INSTANCE.replace("VALUE", '"120"')}, (True, 120)),
        ({"db.tf": INSTANCE.replace("VALUE", "var.most"), "variables.tf": VARIABLE}, (True, 150)),
        ({"db.tf": INSTANCE.replace("VALUE", '"${var.most}"'), "variables.tf": VARIABLE}, (True, 150)),
        ({"db.tf": INSTANCE.replace("VALUE", "tostring(local.most)"), "l.tf": "locals {\n  most = 170\n}\n"}, (True, 170)),
        ({"db.tf": INSTANCE.replace("VALUE", "var.most"), "v.tf": VARIABLE, "terraform.tfvars": "most = 180\n"}, (True, 180)),
        ({"db.tf": INSTANCE.replace("VALUE", "var.most"), "v.tf": VARIABLE, "dev.tfvars": "most = 20\n", "prod.tfvars": "most = 190\n"}, (True, 190)),
        ({"db.tf": INSTANCE.replace("VALUE", "var.most"), "v.tf": VARIABLE, "a.tfvars": "most = 20\n", "b.tfvars": "most = 190\n"}, (True, None)),
        ({"db.tf": INSTANCE.replace("VALUE", "var.most")}, (True, None)),  # nobody gives it
        ({"db.tf": INSTANCE.replace("VALUE", '"LEAST({DBInstanceClassMemory/9531392},5000)"')}, (True, None)),
        ({"m/db.tf": INSTANCE.replace("VALUE", "var.most"), "m/v.tf": VARIABLE, "main.tf": 'module "db" {\n  source = "./m"\n  most = 333\n}\n'}, (True, 333)),
        ({"m/db.tf": INSTANCE.replace("VALUE", "var.most"), "m/v.tf": VARIABLE, "main.tf": 'module "db" {\n  source = "./m"\n}\n'}, (True, 150)),
        ({"m/db.tf": INSTANCE.replace("VALUE", "var.most"), "m/v.tf": VARIABLE, "main.tf": 'module "a" {\n  source = "./m"\n}\nmodule "b" {\n  source = "./m"\n  most = 1\n}\n'}, (True, None)),
        ({"db.tf": INSTANCE.replace("aws_db_parameter_group.orders.name", '"default.postgres17"')}, (False, None)),
        ({"db.tf": INSTANCE.replace("aws_db_parameter_group.orders.name", '"made-by-hand"')}, (True, None)),
        ({"db.tf": GOOGLE}, (True, 250)),
        ({"db.tf": GOOGLE.replace("max_connections", "work_mem")}, (False, None)),
        ({"db.tf": AZURE}, (True, 80)),
    ],
)  # fmt: skip
def test_number(texts: dict[str, str], said: tuple[bool, int | None]) -> None:
    """Of the server's own group and no other; what is computed, or said twice in two ways, is not known."""
    assert number(texts) == said


def test_other_engines_and_replicas() -> None:
    """MySQL has a max_connections too; a read replica is no server of its own."""
    assert read({"db.tf": INSTANCE.replace('"postgres"', '"mysql"')}) == ()
    assert (
        read(
            {"db.tf": INSTANCE.replace("engine  ", "replicate_source_db = aws_db_instance.x.id\n  engine  ")}
        )
        == ()
    )
    assert read({"db.tf": GOOGLE.replace("POSTGRES_17", "MYSQL_8_0")}) == ()


def test_parameters_from_a_list() -> None:
    """A dynamic block may set it: not known, and not what the machine gives."""
    text = (
        INSTANCE[: INSTANCE.index("  parameter {")]
        + '  dynamic "parameter" {\n    for_each = var.parameters\n  }\n}\n'
    )
    assert number({"db.tf": text}) == (True, None)


class TestMap:
    """Which server of the map it is."""

    def limits(self, folder: Path, *hosts: str) -> dict[str, int | None]:
        """max_connections by server, of services that connect to these hosts."""
        rows = [
            f"  s{at}:\n    build: .\n    environment: {{DATABASE_URL: 'postgresql://app:pw@{host}:5432/shop?sslmode=require'}}\n"
            for at, host in enumerate(hosts)
        ]
        (folder / "compose.yml").write_text("services:\n" + "".join(rows))
        made = mapped(folder)["servers"]
        return {
            each["name"].partition(".")[0]: each["max_connections"] and each["max_connections"]["high"]
            for each in made
        }

    def test_by_the_name_of_its_host(self, tmp_path: Path) -> None:
        """Two servers, each with its own group's number."""
        second = INSTANCE.replace("orders", "users").replace("VALUE", '"300"').replace('"other"', '"another"')
        (tmp_path / "db.tf").write_text(INSTANCE.replace("VALUE", '"120"') + second)
        found = self.limits(
            tmp_path,
            "orders-prod.abc.eu-west-1.rds.amazonaws.com",
            "users-prod.abc.eu-west-1.rds.amazonaws.com",
        )

        assert found == {"orders-prod": 120, "users-prod": 300}

    def test_of_several_none_is_guessed(self, tmp_path: Path) -> None:
        """A host that neither is named after takes no number."""
        second = INSTANCE.replace("orders", "users").replace("VALUE", '"300"').replace('"other"', '"another"')
        (tmp_path / "db.tf").write_text(INSTANCE.replace("VALUE", '"120"') + second)

        assert self.limits(tmp_path, "pg.acme.dev") == {"pg": None}

    def test_the_only_one(self, tmp_path: Path) -> None:
        """One server in the map, one in Terraform; a module's parameters as before."""
        (tmp_path / "db.tf").write_text(INSTANCE.replace("VALUE", '"120"'))
        assert self.limits(tmp_path, "pg.acme.dev") == {"pg": 120}

        (tmp_path / "db.tf").write_text(
            'module "db" {\n  source = "terraform-aws-modules/rds/aws"\n  parameters = [\n    { name = "max_connections", value = "140" }\n  ]\n}\n'
        )
        assert self.limits(tmp_path, "pg.acme.dev") == {"pg": 140}

    def test_the_machine_where_nothing_is_written(self, tmp_path: Path) -> None:
        """Azure's own default for the size of the server, unless its configuration says otherwise."""
        host = "shop-pg.postgres.database.azure.com"
        (tmp_path / "db.tf").write_text(
            AZURE.partition('resource "azurerm_postgresql_flexible_server_configuration')[0]
        )
        assert self.limits(tmp_path, host) == {"shop-pg": 50}

        (tmp_path / "db.tf").write_text(AZURE)
        assert self.limits(tmp_path, host) == {"shop-pg": 80}

    def test_another_provider(self, tmp_path: Path) -> None:
        """A server at Azure is none that AWS runs."""
        (tmp_path / "db.tf").write_text(INSTANCE.replace("VALUE", '"120"'))
        found = self.limits(tmp_path, "shop-pg.postgres.database.azure.com")

        assert found["shop-pg"] != 120

    def test_by_the_expression_that_names_it(self, tmp_path: Path) -> None:
        """A service of Terraform itself names the instance: no host is written anywhere."""
        second = INSTANCE.replace("orders", "users").replace("VALUE", '"300"').replace('"other"', '"another"')
        service = 'resource "aws_lambda_function" "api" {\n  reserved_concurrent_executions = 40\n  environment {\n    variables = {\n      DB_HOST = aws_db_instance.users.address\n    }\n  }\n}\n'
        (tmp_path / "db.tf").write_text(INSTANCE.replace("VALUE", '"120"') + second + service)
        (server,) = mapped(tmp_path)["servers"]

        assert server["max_connections"]["high"] == 300
