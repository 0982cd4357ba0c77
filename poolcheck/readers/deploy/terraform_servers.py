"""Terraform: the PostgreSQL servers that it makes, with max_connections where a number says so.

A number may stand in a variable's default, in a tfvars file, in a local or in the call of a module; an expression is not known.
Sources, read 2026-11-30 in the providers' repositories: aws_db_parameter_group, azurerm_postgresql_flexible_server_configuration,
digitalocean_database_cluster (no resource of DigitalOcean sets max_connections of PostgreSQL), and for google_sql_database_instance
https://cloud.google.com/sql/docs/postgres/samples/cloud-sql-postgres-instance-flags.
"""

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence

from poolcheck.model.problem import Location
from poolcheck.readers import hcl
from poolcheck.readers.deploy.stages import PRODUCTION
from poolcheck.record import dataclass

KEY = "max_connections"
_NUMBER = re.compile(r"[1-9]\d{0,5}")
_REFERENCE = re.compile(r"(var|local)\.([\w-]+)")
_TIER = re.compile(r"^(?:B|GP|MO)_")  # of Azure, before the machine: B_Standard_B1ms
_AUTOMATIC = re.compile(r"terraform\.tfvars|.*\.auto\.tfvars")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """One kind of resource: the provider's id, and which attributes tell its host, its size and its engine."""

    provider: str
    host: str
    size: str
    engine: str = ""  # attribute that names it
    group: str = ""  # attribute that names its parameter group
    beside: str = ""  # a resource of one parameter, which names the server


_KINDS = {
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


def read(texts: Mapping[str, str]) -> tuple[TerraformServer, ...]:
    """The servers of a project's .tf and .tfvars files, by path. Read replicas are none of their own."""
    if not any(kind in text for text in texts.values() for kind in _KINDS):
        return ()
    folders: dict[str, list[tuple[str, hcl.HclBlock]]] = {}
    values: dict[str, list[tuple[str, dict[str, hcl.Value]]]] = {}  # of tfvars
    for path, text in texts.items():
        if path.endswith(".tfvars"):
            made = hcl.read(f"tfvars {{\n{text}\n}}\n") if len(text) < hcl.LONGEST else None
            values.setdefault(posixpath.dirname(path), []).append((path, made[0].attributes if made else {}))
        else:
            folders.setdefault(posixpath.dirname(path), []).extend(
                (path, each) for each in hcl.read(text) or ()
            )
    modules = {folder: _Module(folder, blocks, values.get(folder, ())) for folder, blocks in folders.items()}
    for module in modules.values():
        for _, call in module.of("module"):
            source = call.attributes.get("source")
            if source is not None and source.known and source.text.startswith("."):
                called = modules.get(
                    posixpath.normpath(posixpath.join(module.folder, source.text)).removeprefix("./")
                )
                if called is not None and called is not module:
                    called.calls.append((module, call))
    return tuple(server for module in modules.values() for server in module.servers())


class _Module:
    """The files of one folder."""

    def __init__(
        self, folder: str, blocks: Sequence[tuple[str, hcl.HclBlock]], values: Sequence[tuple[str, dict[str, hcl.Value]]]
    ) -> None:  # fmt: skip
        self.folder, self.blocks, self.values = folder, blocks, values
        self.calls: list[tuple[_Module, hcl.HclBlock]] = []  # by other folders

    def of(self, type_: str) -> Iterator[tuple[str, hcl.HclBlock]]:
        """The blocks of a type, with their files."""
        return ((path, each) for path, each in self.blocks if each.type == type_)

    def resources(self, *kinds: str) -> Iterator[tuple[str, hcl.HclBlock]]:
        """The resources of these kinds."""
        return (
            (path, each)
            for path, each in self.of("resource")
            if len(each.labels) == 2 and each.labels[0] in kinds
        )

    def servers(self) -> Iterator[TerraformServer]:
        """Every server of PostgreSQL, or of an engine that is not known."""
        for path, block in self.resources(*_KINDS):
            kind = _KINDS[block.labels[0]]
            engine = self.text(block.attributes.get(kind.engine)) or ""
            replica = {
                "replicate_source_db",
                "master_instance_name",
                "replication_source_identifier",
            } & block.attributes.keys()
            if replica or (engine and not re.match(r"(?i)(?:aurora-)?(?:postgres|pg$)", engine)):
                continue
            said = list(self._said(kind, block, path))
            numbers = {self.text(value) or "" for value, _ in said}
            number = numbers.pop() if len(numbers) == 1 else ""
            yield TerraformServer(
                provider=kind.provider, address=block.address, host=self.text(block.attributes.get(kind.host)) or "", size=_TIER.sub("", self.text(block.attributes.get(kind.size)) or ""),
                written=bool(said), number=int(number) if _NUMBER.fullmatch(number) else None,
                location=said[0][1] if said else Location(path, block.line),
            )  # fmt: skip

    def _said(self, kind: _Kind, block: hcl.HclBlock, path: str) -> Iterator[tuple[hcl.Value, Location]]:
        """max_connections of a server: in its own block, in its group's, in a resource beside it."""
        places = [(path, block)]
        if kind.group and kind.group in block.attributes:
            group = block.attributes[kind.group].text
            own = [(at, each) for at, each in self.resources(*_GROUPS) if f"{each.address}." in group]
            if not own:  # a group that is made elsewhere may say anything but AWS's own
                if not group.startswith("default."):
                    yield hcl.Value("", block.line, known=False), Location(path, block.line)
                return
            places = own
        name = f"{block.address}."
        places += [
            (at, each)
            for at, each in self.resources(kind.beside)
            if any(name in value.text for value in each.attributes.values())
        ]
        for at, each in places:
            for value in _parameters(each):
                yield value, Location(at, value.line)

    def text(self, value: hcl.Value | None, deep: int = 0) -> str | None:
        """What an attribute comes to; None when it is not known."""
        if value is None or value.known or deep > 5:
            return value.text if value is not None and value.known else None
        match = _REFERENCE.fullmatch(
            re.sub(r"\$\{([^{}]{1,200})\}|tostring\(([^()]{1,200})\)", r"\1\2", value.text)
        )
        if match is None:
            return None
        if match[1] == "local":
            found = [
                each.attributes[match[2]] for _, each in self.of("locals") if match[2] in each.attributes
            ]
            return self.text(found[0], deep + 1) if len(found) == 1 else None
        return self._variable(match[2], deep + 1)

    def _variable(self, name: str, deep: int) -> str | None:
        """A variable as its callers, its tfvars or its default have it."""
        if self.calls:
            given = {
                module.text(call.attributes[name], deep) if name in call.attributes else self._default(name)
                for module, call in self.calls
            }
            return given.pop() if len(given) == 1 else None
        told = [(path, values[name]) for path, values in self.values if name in values]
        chosen = [each for path, each in told if _AUTOMATIC.fullmatch(posixpath.basename(path))]
        chosen = (
            [each for path, each in told if PRODUCTION.search(path)] or chosen or [each for _, each in told]
        )
        texts = {each.text if each.known else None for each in chosen}
        return self._default(name) if not texts else texts.pop() if len(texts) == 1 else None

    def _default(self, name: str) -> str | None:
        found = [each for _, each in self.of("variable") if each.labels == (name,)]
        value = found[0].attributes.get("default") if found else None
        return value.text if value is not None and value.known else None


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
