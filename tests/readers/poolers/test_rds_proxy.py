"""RDS Proxy in Terraform and CloudFormation, and HCL as far as it takes."""

import json
from textwrap import dedent

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poolcheck import catalogue
from poolcheck.model.pooler_config import PoolerConfig, translated
from poolcheck.readers import hcl
from poolcheck.readers.poolers import rds_proxy

# In the spirit of the examples of the Terraform provider's pages and of public modules.
TERRAFORM = """
# a proxy /* not a comment here */
resource "aws_db_proxy" "main" {
  name           = "${var.prefix}-proxy-${lookup({ a = "b" }, "a")}"
  engine_family  = "POSTGRESQL"
  require_tls    = false // for now
  role_arn       = aws_iam_role.proxy.arn
  vpc_subnet_ids = [
    aws_subnet.a.id,
    aws_subnet.b.id,
  ]
  auth {
    secret_arn = aws_secretsmanager_secret.db.arn
  }
  description = <<-EOT
    engine_family = "MYSQL" }
  EOT
  tags = merge(local.tags, { Name = "proxy" })
}

resource "aws_db_proxy_default_target_group" "main" {
  db_proxy_name = aws_db_proxy.main.name
  connection_pool_config {
    max_connections_percent = 80
    session_pinning_filters = ["EXCLUDE_VARIABLE_SETS"]
  }
}

resource "aws_db_proxy_target" "main" {
  db_proxy_name          = aws_db_proxy.main.name
  db_instance_identifier = aws_db_instance.main.identifier
}
"""
TEMPLATE = """
AWSTemplateFormatVersion: 2010-09-09
Resources:
  Proxy:
    Type: AWS::RDS::DBProxy
    Properties:
      Auth:
        - { AuthScheme: SECRETS, SecretArn: !Ref Secret, IAMAuth: DISABLED }
      DBProxyName: !Sub "${AWS::StackName}-proxy"
      EngineFamily: POSTGRESQL
      RequireTLS: false
      VpcSubnetIds: !Split [",", !ImportValue Subnets]
  Group:
    Type: AWS::RDS::DBProxyTargetGroup
    Properties:
      DBProxyName: !Ref Proxy
      DBInstanceIdentifiers: [!Ref Database]
      TargetGroupName: default
      ConnectionPoolConfigurationInfo:
        MaxConnectionsPercent: 75
"""


def terraform(text: str) -> list[PoolerConfig]:
    """The proxies of a .tf file, under PgBouncer's names."""
    found = rds_proxy.resources(text, "main.tf")
    assert found is not None
    return [translated(each, catalogue.pooler("rds-proxy")) for each in rds_proxy.from_terraform(found)]


def template(text: str, path: str = "template.yaml") -> list[PoolerConfig]:
    """The proxies of a template, under PgBouncer's names."""
    found = rds_proxy.from_template(text, path)
    assert found is not None
    return [translated(each, catalogue.pooler("rds-proxy")) for each in found]


def place(config: PoolerConfig, name: str) -> str:
    """Where a setting stands."""
    found = config.setting(name)
    assert found is not None
    return str(found.location)


def test_terraform() -> None:
    """The proxy with its target group and its database."""
    (config,) = terraform(TERRAFORM)

    assert (config.name, str(config.location)) == ("main.tf: aws_db_proxy.main", "main.tf:3")
    assert config.off("client_tls_sslmode") is True
    assert (config.own("client_tls_sslmode"), place(config, "client_tls_sslmode")) == (
        "require_tls",
        "main.tf:6",
    )
    assert config.number("max_connections_percent", 100) == 80
    assert place(config, "max_connections_percent") == "main.tf:24"
    assert config.databases[0].value("host") == "aws_db_instance.main.identifier"
    assert config.line("client_tls_sslmode", "true") == "require_tls = true"


@pytest.mark.parametrize(
    ("old", "new", "percent"),
    [
        ("max_connections_percent = 80", "max_connections_percent = var.percent", None),
        ("max_connections_percent = 80", "", 100),
        ("connection_pool_config {", 'dynamic "connection_pool_config" {', None),
    ],
)
def test_an_expression_is_not_known(old: str, new: str, percent: int | None) -> None:
    """A variable, a dynamic block; without either AWS's default holds."""
    (config,) = terraform(TERRAFORM.replace(old, new))

    assert config.number("max_connections_percent", 100) == percent


@pytest.mark.parametrize("family", ['"MYSQL"', "var.engine_family", '"${var.family}"'])
def test_other_engines_and_unknown_ones_are_left_out(family: str) -> None:
    """Nothing is said of a proxy that may be MySQL's."""
    assert terraform(TERRAFORM.replace('"POSTGRESQL"', family)) == []


def test_tls_that_is_not_set_is_not_known() -> None:
    """No default is documented."""
    (config,) = terraform(TERRAFORM.replace("  require_tls    = false // for now\n", ""))

    assert config.off("client_tls_sslmode") is None


def test_template() -> None:
    """The same in CloudFormation, by its own names."""
    (config,) = template(TEMPLATE)

    assert (config.name, str(config.location)) == ("template.yaml: Proxy", "template.yaml:4")
    assert (config.own("client_tls_sslmode"), place(config, "client_tls_sslmode")) == (
        "RequireTLS",
        "template.yaml:11",
    )
    assert config.number("max_connections_percent", 100) == 75
    assert config.line("client_tls_sslmode", "true") == "RequireTLS: true"


def test_serverless_framework() -> None:
    """Below `resources`, also as a list of fragments."""
    inner = TEMPLATE.partition("Resources:")[2]
    single = "resources:\n  Resources:" + inner.replace("\n", "\n  ")
    many = "resources:\n  - ${file(other.yml)}\n  - Resources:" + inner.replace("\n", "\n      ")

    assert [each.name for each in template(single, "serverless.yml")] == ["serverless.yml: Proxy"]
    assert [each.name for each in template(many, "serverless.yml")] == ["serverless.yml: Proxy"]


@pytest.mark.parametrize(
    "value", ["!Ref Tls", "!If [Prod, true, false]", "{Ref: Tls}", "'{{resolve:ssm:tls}}'"]
)
def test_parameters_are_not_known(value: str) -> None:
    """What a stack fills in."""
    (config,) = template(TEMPLATE.replace("RequireTLS: false", f"RequireTLS: {value}"))

    assert config.off("client_tls_sslmode") is None


def test_json() -> None:
    """A template in JSON: the lines are looked for."""
    made = {
        "Resources": {
            "Proxy": {
                "Type": "AWS::RDS::DBProxy",
                "Properties": {"EngineFamily": "POSTGRESQL", "RequireTLS": False, "DBProxyName": "p"},
            },
            "Group": {
                "Type": "AWS::RDS::DBProxyTargetGroup",
                "Properties": {
                    "DBProxyName": {"Ref": "Proxy"},
                    "DBClusterIdentifiers": [{"Ref": "Cluster"}],
                    "ConnectionPoolConfigurationInfo": {"MaxConnectionsPercent": 60},
                },
            },
        }
    }
    text = json.dumps(made, indent=2)
    (config,) = template(text, "template.json")

    assert config.number("max_connections_percent", 100) == 60
    assert config.databases[0].value("host") == "Cluster"
    line = next(n for n, each in enumerate(text.split("\n"), 1) if "RequireTLS" in each)
    assert place(config, "client_tls_sslmode") == f"template.json:{line}"


@pytest.mark.parametrize(
    "text", ["resource {", 'a = "b', "a = [", "a = <<EOT\nx\n", "}", "a b", "= 1", 'a = "${"', "a = )"]
)
def test_half_a_file_is_not_read(text: str) -> None:
    """Nothing is concluded from it."""
    assert hcl.read(text) is None


def test_values() -> None:
    """Literals are known; everything else keeps its text."""
    made = hcl.read(
        dedent("""
        a = "x"
        b = 1.5
        c = true
        d = "${a}"
        e = [1, 2]
        f = x.y["z"]
        g = {
          h = 1
        }
        block "l" m { n = "q" }
        /* o = 1
        */ p = "\\"}"
        """)
    )
    assert made is not None
    (block,) = made
    assert (block.type, block.labels, block.line) == ("block", ("l", "m"), 11)
    assert block.attributes["n"].text == "q"

    whole = hcl.read("z {\n" + 'a = "x"\nb = 1.5\nc = true\nd = "${a}"\ne = [1, 2]\nf = x.y["z"]\n' + "}")
    assert whole is not None
    assert {name: (each.text, each.known) for name, each in whole[0].attributes.items()} == {
        "a": ("x", True), "b": ("1.5", True), "c": ("true", True), "d": ("${a}", False),
        "e": ("[1,2]", False), "f": ("x.y[z]", False),
    }  # fmt: skip


PIECES = st.sampled_from(
    [
        *"{}[]()=,.\"'#\n %$\\é\0\ud800:!-",
        *(
            'resource "aws_db_proxy" "a" {\n',
            'engine_family = "POSTGRESQL"\n',
            "${",
            "%{",
            "<<EOT\n",
            "EOT\n",
            "/*",
            "*/",
        ),
        *(
            "Resources:\n",
            "  P:\n",
            "    Type: AWS::RDS::DBProxy\n",
            "    Properties:\n",
            "      EngineFamily: POSTGRESQL\n",
        ),
        *(
            '{"Resources": {"P": {"Type": "AWS::RDS::DBProxy", "Properties": ',
            '{"EngineFamily": "POSTGRESQL"}',
            "}}}",
            "!Ref ",
        ),
    ]
)


@given(text=st.one_of(st.text(), st.lists(PIECES, max_size=60).map("".join)))
@settings(max_examples=500, deadline=None)
def test_no_text_raises(text: str) -> None:
    """Any text is a template, nothing, or not read."""
    found = rds_proxy.resources(text, "main.tf")
    list(rds_proxy.from_terraform(found or ()))
    rds_proxy.from_template(text, "template.yaml")
    rds_proxy.from_template(text, "template.json")


@pytest.mark.parametrize(
    "piece",
    ['"${', '"', "a {\n", "a = [", "<<A\n", "/*", "a = 1\n", '"${"', "#", "\\", 'resource "aws_db_proxy" "a" {}\n', "a = b.c[\n", "%{"],
)  # fmt: skip
def test_linear(piece: str) -> None:
    """A third of a megabyte of anything."""
    text = piece * (300_000 // len(piece))
    found = rds_proxy.resources(text, "main.tf")
    list(rds_proxy.from_terraform(found or ()))


def test_linear_json() -> None:
    """Many resources, and keys that are written in another way."""
    resources = {
        f"P{n}": {"Type": "AWS::RDS::DBProxy", "Properties": {"EngineFamily": "POSTGRESQL"}}
        for n in range(5_000)
    }
    text = json.dumps({"Resources": resources}).replace("Engine", "\\u0045ngine")

    assert rds_proxy.from_template(text, "template.json")
    assert rds_proxy.from_template("[" * 200_000, "template.json") is None
