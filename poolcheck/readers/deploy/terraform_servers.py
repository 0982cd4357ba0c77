"""Terraform: the PostgreSQL servers that it makes, with max_connections where a number says so.

Sources, read 2026-11-30 in the providers' repositories: aws_db_parameter_group, azurerm_postgresql_flexible_server_configuration,
digitalocean_database_cluster (no resource of DigitalOcean sets max_connections of PostgreSQL), and for google_sql_database_instance
https://cloud.google.com/sql/docs/postgres/samples/cloud-sql-postgres-instance-flags.
"""

import re
from collections.abc import Iterable, Iterator

from poolcheck.model.problem import Location
from poolcheck.readers import hcl
from poolcheck.readers.deploy.terraform_module import TerraformModule
from poolcheck.record import dataclass

KEY = "max_connections"
_NUMBER = re.compile(r"[1-9]\d{0,5}")
_TIER = re.compile(r"^(?:B|GP|MO)_")  # of Azure, before the machine: B_Standard_B1ms


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """One kind of resource: the provider's id, and which attributes tell its host, its size and its engine."""

    provider: str
    host: str
    size: str
    engine: str = ""  # attribute that names it
    group: str = ""  # attribute that names its parameter group
    beside: str = ""  # a resource of one parameter, which names the server


KINDS = {
    "aws_db_instance": _Kind(provider="rds", host="identifier", size="instance_class", engine="engine", group="parameter_group_name"),
    "aws_rds_cluster": _Kind(
        provider="rds", host="cluster_identifier", size="", engine="engine", group="db_cluster_parameter_group_name"
    ),
    "google_sql_database_instance": _Kind(provider="cloud-sql", host="name", size="tier", engine="database_version"),
    "azurerm_postgresql_flexible_server": _Kind(
        provider="azure", host="name", size="sku_name", beside="azurerm_postgresql_flexible_server_configuration"
    ),
    "digitalocean_database_cluster": _Kind(provider="digitalocean", host="name", size="size", engine="engine"),
}  # fmt: skip
_GROUPS = ("aws_db_parameter_group", "aws_rds_cluster_parameter_group")


@dataclass(frozen=True, slots=True, kw_only=True)
class TerraformServer:
    """One server. `written`: its max_connections is said, if only by what is not known here."""

    provider: str
    address: str = ""  # by which other resources name it: aws_db_instance.orders
    host: str  # the first part of its host; "" when not known
    size: str  # of the machine, as the provider calls it
    written: bool = False
    number: int | None = None
    location: Location


def read(modules: Iterable[TerraformModule]) -> tuple[TerraformServer, ...]:
    """The servers of a project's modules. Read replicas are none of their own."""
    return tuple(server for module in modules for server in _servers(module))


def _servers(module: TerraformModule) -> Iterator[TerraformServer]:
    """Every server of PostgreSQL, or of an engine that is not known."""
    for path, block in module.resources(*KINDS):
        kind = KINDS[block.labels[0]]
        engine = module.text(block.attributes.get(kind.engine)) or ""
        replica = {
            "replicate_source_db",
            "master_instance_name",
            "replication_source_identifier",
        } & block.attributes.keys()
        if replica or (engine and not re.match(r"(?i)(?:aurora-)?(?:postgres|pg$)", engine)):
            continue
        said = list(_said(module, kind, block, path))
        numbers = {module.text(value) or "" for value, _ in said}
        number = numbers.pop() if len(numbers) == 1 else ""
        yield TerraformServer(
            provider=kind.provider, address=block.address, host=module.text(block.attributes.get(kind.host)) or "", size=_TIER.sub("", module.text(block.attributes.get(kind.size)) or ""),
            written=bool(said), number=int(number) if _NUMBER.fullmatch(number) else None,
            location=said[0][1] if said else Location(path, block.line),
        )  # fmt: skip


def _said(
    module: TerraformModule, kind: _Kind, block: hcl.HclBlock, path: str
) -> Iterator[tuple[hcl.Value, Location]]:
    """max_connections of a server: in its own block, in its group's, in a resource beside it."""
    places = [(path, block)]
    if kind.group and kind.group in block.attributes:
        group = block.attributes[kind.group].text
        own = [(at, each) for at, each in module.resources(*_GROUPS) if f"{each.address}." in group]
        if not own:  # a group that is made elsewhere may say anything but AWS's own
            if not group.startswith("default."):
                yield hcl.Value("", block.line, known=False), Location(path, block.line)
            return
        places = own
    name = f"{block.address}."
    places += [
        (at, each)
        for at, each in module.resources(kind.beside)
        if any(name in value.text for value in each.attributes.values())
    ]
    for at, each in places:
        for value in _parameters(each):
            yield value, Location(at, value.line)


def _parameters(block: hcl.HclBlock) -> Iterator[hcl.Value]:
    """The values of max_connections in a block: an attribute of that name, or one of its `name` and `value` pairs."""
    if KEY in block.attributes:
        yield block.attributes[KEY]
    name = block.attributes.get("name")
    if name is not None and name.text == KEY and "value" in block.attributes:
        yield block.attributes["value"]
    for each in block.blocks:
        if each.type == "dynamic":
            if each.labels and each.labels[0] in ("parameter", "database_flags"):
                yield hcl.Value("", each.line, known=False)  # made from a list that is not followed
        else:
            yield from _parameters(each)
