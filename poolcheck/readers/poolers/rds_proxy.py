"""RDS Proxy as Terraform and CloudFormation make it: the proxy, and the target group that says how much it may open.

Only proxies for PostgreSQL; a value that a parameter or an expression decides about is not known.
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-rds-dbproxy.html
https://github.com/hashicorp/terraform-provider-aws/blob/main/website/docs/r/db_proxy.html.markdown
"""

import json
import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from poolcheck.model.pooler_config import PoolerConfig, PoolerDatabase, PoolerSetting
from poolcheck.model.problem import Location
from poolcheck.readers import hcl
from poolcheck.readers.yaml import Node, documents, text_of
from poolcheck.record import dataclass

WORDS = ("aws_db_proxy", "AWS::RDS::DBProxy")
_PROXY = re.compile(r"aws_db_proxy\.([\w-]+)")
_TYPES = ("AWS::RDS::DBProxy", "AWS::RDS::DBProxyTargetGroup")
_KEYS = frozenset(
    "Type Properties EngineFamily RequireTLS DBProxyName ConnectionPoolConfigurationInfo MaxConnectionsPercent"
    " DBClusterIdentifiers DBInstanceIdentifiers Ref".split()
)
_MOST = 100  # resources of one JSON file: AWS takes 500 of all kinds


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource of Terraform: its block and its file."""

    block: hcl.HclBlock
    path: str

    @property
    def name(self) -> str:
        """The name that other resources use."""
        return self.block.labels[1] if len(self.block.labels) > 1 else ""


def read_all(texts: Iterable[tuple[str, str]]) -> tuple[tuple[PoolerConfig, ...], tuple[str, ...]]:
    """The proxies of several (path, text), and the paths that cannot be read. The .tf files of one folder are one module.

    Proxies of one database know of each other.
    """
    made: list[PoolerConfig] = []
    modules: dict[str, list[Resource]] = {}
    broken: list[str] = []
    for path, text in texts:
        if path.endswith(".tf"):
            own = resources(text, path)
            modules.setdefault(posixpath.dirname(path), []).extend(own or ())
            broken += [path] if own is None else []
        else:
            found = from_template(text, path)
            made += found or ()
            broken += [path] if found is None else []
    for module in modules.values():
        made += from_terraform(module)
    return tuple(_grouped(made)), tuple(broken)


def _grouped(proxies: Iterable[PoolerConfig]) -> Iterator[PoolerConfig]:
    """The first proxy of a database, in a folder, knows of the others."""
    groups: dict[tuple[str, str], list[PoolerConfig]] = {}
    for number, proxy in enumerate(proxies):
        target = proxy.databases[0].value("host") or str(number)
        groups.setdefault((posixpath.dirname(proxy.location.path), target), []).append(proxy)
    for group in groups.values():
        yield replace(group[0], beside=tuple(group[1:]))
        yield from group[1:]


def resources(text: str, path: str) -> tuple[Resource, ...] | None:
    """The resources of a .tf file that are about proxies; None when it cannot be read."""
    made = hcl.read(text)
    if made is None:
        return None
    return tuple(
        Resource(each, path)
        for each in made
        if each.type == "resource" and len(each.labels) == 2 and each.labels[0].startswith("aws_db_proxy")
    )


def from_terraform(found: Sequence[Resource]) -> Iterator[PoolerConfig]:
    """The proxies of one folder, which is one module."""
    first: dict[tuple[str, str], Resource] = {}  # by proxy and kind
    for each in found:
        first.setdefault((_of(each), each.block.labels[0]), each)
    for each in found:
        block = each.block
        family = block.attributes.get("engine_family")
        if block.labels[0] != "aws_db_proxy" or not family or not family.known or family.text != "POSTGRESQL":
            continue
        group = first.get((each.name, "aws_db_proxy_default_target_group"))
        target = first.get((each.name, "aws_db_proxy_target"))
        at = Location(each.path, block.line)
        settings = [*_values(block.attributes, ("require_tls",), each.path)]
        pool = group.block.block("connection_pool_config") if group else None
        if group and pool:
            settings += _values(pool.attributes, ("max_connections_percent",), group.path)
        elif group and group.block.block("dynamic"):
            settings.append(PoolerSetting("max_connections_percent", "", at, known=False))
        yield _config(f"aws_db_proxy.{each.name}", at, settings, _target(target) if target else "")


def _of(each: Resource) -> str:
    """The proxy that a resource belongs to."""
    name = each.block.attributes.get("db_proxy_name")
    match = _PROXY.match(name.text) if name is not None else None
    return match[1] if match else ""


def _target(each: Resource) -> str:
    """The database behind a proxy, as the expression that names it."""
    for key in ("db_cluster_identifier", "db_instance_identifier"):
        value = each.block.attributes.get(key)
        if value is not None and value.text not in ("null", ""):
            return value.text
    return ""


def _values(attributes: Mapping[str, hcl.Value], names: Iterable[str], path: str) -> Iterator[PoolerSetting]:
    for name in names:
        value = attributes.get(name)
        if value is not None and value.text != "null":
            yield PoolerSetting(
                name, value.text if value.known else "", Location(path, value.line), value.known
            )


def from_template(text: str, path: str) -> tuple[PoolerConfig, ...] | None:
    """The proxies of a CloudFormation, SAM or Serverless Framework file; None when it cannot be read."""
    if path.endswith(".json") or text.lstrip()[:1] == "{":
        found = _of_json(text)
        if found is None:
            return None
    else:
        made = documents(text)
        if not made:
            return None
        found = {name: node for each in made for name, node in _resources(each)}
    return tuple(_from_resources(found, path))


def _resources(root: Node) -> Iterator[tuple[str, Node]]:
    """`Resources` at the top, or below `resources`, which may be a list of such."""
    below = root.get("resources")
    for each in (root, *([below] if below else []), *(below.items if below else [])):
        for name, node in (each.get("Resources") or Node({}, 0)).pairs.items():
            kind = node.get("Type")
            if kind is not None and kind.text in _TYPES:
                yield name, node


def _of_json(text: str) -> dict[str, Node] | None:
    """The same from JSON, which names no lines: those of a resource are looked for by its name."""
    try:
        made = json.loads(text) if len(text) <= hcl.LONGEST else None
    except (ValueError, RecursionError):
        return None
    if made is None:
        return None
    rows = made.get("Resources") if isinstance(made, dict) else None
    found: dict[str, Node] = {}
    for name, value in rows.items() if isinstance(rows, dict) else ():
        if isinstance(value, dict) and value.get("Type") in _TYPES and len(found) < _MOST:
            start = max(text.find(f'"{name}"'), 0)
            found[name] = _node(value, text, start, text.count("\n", 0, start) + 1)
    return found


def _node(value: object, text: str, start: int, line: int, deep: int = 0) -> Node:
    """A part of a resource. Only the few keys that are asked for are looked for, so the search stays short."""
    if deep > 6:
        return Node("", line)
    if isinstance(value, dict):
        pairs = {}
        for key in _KEYS & value.keys():
            at = text.find(f'"{key}"', start)
            at = at if at >= 0 else start
            pairs[key] = _node(value[key], text, at, line + text.count("\n", start, at), deep + 1)
        return Node(pairs, line)
    if isinstance(value, list):
        return Node([_node(each, text, start, line, deep + 1) for each in value[:2]], line)
    return Node(str(value).lower() if isinstance(value, bool) else str(value), line)


def _from_resources(found: Mapping[str, Node], path: str) -> Iterator[PoolerConfig]:
    groups = [node for node in found.values() if text_of(node.get("Type")) == _TYPES[1]]
    for name, node in found.items():
        if (
            text_of(node.get("Type")) != _TYPES[0]
            or text_of(node.get("Properties", "EngineFamily")) != "POSTGRESQL"
        ):
            continue
        settings = [*_plain(node.get("Properties"), ("RequireTLS",), path)]
        group = next(
            (group for group in groups if _names(group.get("Properties", "DBProxyName"), name, node)), None
        )
        target = ""
        if group is not None:
            pool = group.get("Properties", "ConnectionPoolConfigurationInfo")
            settings += _plain(pool, ("MaxConnectionsPercent",), path)
            for key in ("DBClusterIdentifiers", "DBInstanceIdentifiers"):
                listed = group.get("Properties", key)
                target = target or (_plain_text(listed.items[0]) if listed and len(listed.items) == 1 else "")
        else:  # what it opens is not known without one
            settings.append(
                PoolerSetting("MaxConnectionsPercent", "", Location(path, node.line), known=False)
            )
        yield _config(name, Location(path, max(node.line - 1, 1)), settings, target)


def _names(node: Node | None, name: str, proxy: Node) -> bool:
    """Whether a target group is the proxy's: by `!Ref`, or by the name that both give."""
    said = _plain_text(node) if node else ""
    return bool(said) and said in (name, _plain_text(proxy.get("Properties", "DBProxyName")))


def _plain_text(node: Node | None) -> str:
    """A text, or what `Ref` names."""
    if node is None:
        return ""
    return text_of(node.get("Ref")) or text_of(node)


def _plain(node: Node | None, names: Iterable[str], path: str) -> Iterator[PoolerSetting]:
    for name in names:
        value = node.get(name) if node is not None else None
        if value is not None:
            text = (value.text or "").lower()
            known = text.isdigit() or text in ("true", "false")
            yield PoolerSetting(name, text if known else "", Location(path, value.line), known)


def _config(name: str, at: Location, settings: Sequence[PoolerSetting], target: str) -> PoolerConfig:
    host = (PoolerSetting("host", target, at),) if target else ()
    return PoolerConfig(
        software="rds-proxy",
        name=f"{at.path}: {name}",
        resource=name if name.startswith("aws_db_proxy.") else "",
        location=at,
        settings=tuple(settings),
        databases=(PoolerDatabase(name=name, location=at, settings=host),),
    )
