"""Releases of charts that are not in the project: Flux's HelmRelease and Argo CD's Application, by their values alone.

The app-template of bjw-s says in its values what Kubernetes is told, and is read as that:
https://bjw-s-labs.github.io/helm-charts/docs/app-template/ . Of any other chart the values tell an image, variables and the host of a
database, by the names that charts have for them; how many pods it makes by default is the chart's to know, and is not known.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from poolcheck.readers.yaml import UNKNOWN, Node, documents, text_of

RELEASES = ("HelmRelease", "Application")
_KINDS = {
    "deployment": "Deployment", "statefulset": "StatefulSet", "daemonset": "DaemonSet", "job": "Job", "cronjob": "CronJob",
}  # fmt: skip
_VARIABLES = ("env", "extraEnv", "extraEnvVars", "environment", "envVars")
_SOURCES = {
    "envFrom": "", "extraEnvFrom": "", "extraEnvVarsSecret": "secretRef", "extraEnvVarsCM": "configMapRef",
    "envFromSecret": "secretRef",
}  # fmt: skip
_SECRET = re.compile(r"\w*[eE]xistingSecret")
_DATABASE = re.compile(r"postgres|pgsql|database|(?:^|[a-z.])(?:db|sql)(?:$|[A-Z.])", re.IGNORECASE)
_HOST = re.compile(r"(?:\w*[hH]ost(?:[nN]ame)?|\w*[aA]ddr(?:ess)?|server|\w*[uU]r[li]|dsn|connectionString)")
_KIND = re.compile(r"(?i)db_?type|type|driver|engine|dialect")
_REPLICAS = (("replicaCount",), ("replicas",), ("controller", "replicas"))
_DEEPEST, _MOST = 8, 2_000  # levels, and nodes, of the values that are looked at


class MadeWorkload(NamedTuple):
    """A workload that a release makes, as a manifest of it would say it."""

    document: Node
    kind: str
    name: str
    namespace: str
    complete: bool  # every variable of it is in the values


def workloads(document: Node, kind: str, name: str, namespace: str) -> Iterator[MadeWorkload]:
    """The workloads of a release."""
    for chart, values, space in _charts(document, kind, namespace):
        yield from _of_values(chart, values, name, space)


def _of_values(chart: str, values: Node, name: str, namespace: str) -> Iterator[MadeWorkload]:
    controllers = (values.get("controllers") or values).pairs.values()
    if values.get("controllers") is not None and any(
        node.get("containers") is not None for node in controllers
    ):
        yield from _controllers(values.get("controllers") or values, name, namespace)
    else:
        yield from _other(chart, values, name, namespace)


def _charts(document: Node, kind: str, namespace: str) -> Iterator[tuple[str, Node, str]]:
    """Each chart with its values and namespace. https://fluxcd.io/flux/components/helm/helmreleases/ ,
    https://argo-cd.readthedocs.io/en/stable/user-guide/helm/
    """
    if kind == "HelmRelease":
        chart = text_of(document.get("spec", "chart", "spec", "chart")) or text_of(
            document.get("spec", "chartRef", "name")
        )
        values = document.get("spec", "values")
        if values is not None and values.pairs:
            yield (
                chart.rpartition("/")[2],
                values,
                text_of(document.get("spec", "targetNamespace")) or namespace,
            )
        return
    spec = document.get("spec")
    sources = (spec.get("sources") or Node([], 0)).items if spec is not None else []
    one = spec.get("source") if spec is not None else None
    for source in [one, *sources]:
        helm = source.get("helm") if source is not None else None
        written = helm.get("values") if helm is not None else None
        values = helm.get("valuesObject") if helm is not None else None
        if written is not None and written.text and values is None:
            values = next((_at(made, written.line) for made in documents(written.text)), None)
        if source is not None and values is not None and values.pairs:
            chart = text_of(source.get("chart")) or text_of(source.get("path"))
            space = text_of(document.get("spec", "destination", "namespace")) or namespace
            yield chart.rpartition("/")[2], values, space


def of_kustomization(chart: Node, written: str | None, namespace: str) -> Iterator[MadeWorkload]:
    """The workloads of one of `helmCharts`; `written` is its values file. https://kubectl.docs.kubernetes.io/references/kustomize/builtins/"""
    inline = chart.get("valuesInline")
    values = next(iter(documents(written)), None) if written is not None else inline
    name = text_of(chart.get("releaseName")) or text_of(chart.get("name"))
    if values is not None and values.pairs and name:
        yield from _of_values(
            text_of(chart.get("name")), values, name, text_of(chart.get("namespace")) or namespace
        )


def _at(node: Node, line: int) -> Node:
    """A node of a text that stands in another one, with the line of that text."""
    if isinstance(node.value, dict):
        return Node({key: _at(each, line) for key, each in node.value.items()}, line)
    if isinstance(node.value, list):
        return Node([_at(each, line) for each in node.value], line)
    return Node(node.value, line, node.quoted)


def _controllers(controllers: Node, name: str, namespace: str) -> Iterator[MadeWorkload]:
    """The controllers of an app-template: one pod each unless it says otherwise, and the old one goes first."""
    running = {
        key: node for key, node in controllers.pairs.items() if text_of(node.get("enabled")) != "false"
    }
    for key, node in running.items():
        kind = _KINDS.get(text_of(node.get("type")) or "deployment", "Deployment")
        own = name if len(running) == 1 or key in (name, "main") else f"{name}-{key}"
        containers = [_container(inner, each) for inner, each in _enabled(node.get("containers"))]
        before = [_container(inner, each) for inner, each in _enabled(node.get("initContainers"))]
        strategy = text_of(node.get("strategy")) or "Recreate"
        surge = node.get("rollingUpdate", "surge")
        said = {
            "type": Node(strategy, node.line),
            **({"rollingUpdate": Node({"maxSurge": surge}, surge.line)} if surge else {}),
        }
        document = _document(node, node.get("replicas"), said, containers, before)
        yield MadeWorkload(document, kind, own, namespace, True)


def _enabled(node: Node | None) -> Iterator[tuple[str, Node]]:
    for key, each in node.pairs.items() if node is not None else ():
        if text_of(each.get("enabled")) != "false":
            yield key, each


def _document(
    about: Node, replicas: Node | None, strategy: dict[str, Node], containers: list[Node], before: list[Node]
) -> Node:
    line = about.line
    pod = Node({"containers": Node(containers, line), "initContainers": Node(before, line)}, line)
    spec = {"template": Node({"spec": pod}, line), "strategy": Node(strategy, line)}
    if replicas is not None and replicas.text:
        spec["replicas"] = replicas
    return Node({"spec": Node(spec, line)}, line)


def _container(name: str, node: Node) -> Node:
    """A container of the values as one of Kubernetes."""
    made = {"name": Node(name, node.line), "image": _image(node.get("image"))}
    made |= {
        key: found for key in ("command", "args", "restartPolicy") if (found := node.get(key)) is not None
    }
    made["env"] = Node(list(_variables(node.get("env"))), node.line)
    made["envFrom"] = Node(list(_sources(node.get("envFrom"), "")), node.line)
    return Node(made, node.line)


def _image(node: Node | None) -> Node:
    """`repository` and `registry` of a mapping, or the text."""
    if node is None or node.text is not None:
        return node or Node("", 1)
    registry, repository = text_of(node.get("registry")), text_of(node.get("repository"))
    return Node(f"{registry}/{repository}" if registry and repository else repository, node.line)


def _variables(node: Node | None) -> Iterator[Node]:
    """Variables as a list of names, or as a mapping of names to texts, values or references."""
    if node is None:
        return
    yield from (item for item in node.items if item.get("name") is not None)
    for name, value in node.pairs.items():
        inner = {key: found for key in ("value", "valueFrom") if (found := value.get(key)) is not None}
        reference = value.get("secretKeyRef") or value.get("configMapKeyRef")
        if reference is not None:
            inner = {"valueFrom": value}
        yield Node({"name": Node(name, value.line), **(inner or {"value": value})}, value.line)


def _sources(node: Node | None, kind: str) -> Iterator[Node]:
    """Secrets and ConfigMaps that are taken whole: by reference, or by the name alone where the key says of which kind it is."""
    if node is None:
        return
    if node.text and kind:
        yield Node({kind: Node({"name": node}, node.line)}, node.line)
    for item in node.items:
        if item.get("secretRef") is not None or item.get("configMapRef") is not None:
            yield item
        elif (named := item.get("secret") or item.get("configMap")) is not None and named.text:
            key = "secretRef" if item.get("secret") is not None else "configMapRef"
            yield Node({key: Node({"name": named}, item.line)}, item.line)


def _other(chart: str, values: Node, name: str, namespace: str) -> Iterator[MadeWorkload]:
    """A release of a chart that is not known: one workload with all that its values say of variables and databases."""
    found = list(_walk(values, (), [_MOST]))
    env = [item for path, node in found if path and path[-1] in _VARIABLES for item in _variables(node)]
    sources = [
        item for path, node in found if path and (kind := _source(path[-1])) is not None for item in _sources(node, kind)
    ]  # fmt: skip
    hosts = [_named(path, node) for path, node in found if node.text and _leads(path)]
    if not hosts:  # that it is PostgreSQL is said, and where it is stands elsewhere
        hosts = [
            _named(path, Node(UNKNOWN, node.line)) for path, node in found if _says_postgres(path, node)
        ][:1]
    bundled = next(
        (
            node
            for path, node in found
            if path in (("postgresql", "enabled"), ("postgres", "enabled")) and node.text == "true"
        ),
        None,
    )
    if bundled is not None:  # the chart brings a server of its own
        server = f"{name}-postgresql"
        image = Node(
            {"name": Node(server, bundled.line), "image": Node("postgresql-of-the-chart", bundled.line)},
            bundled.line,
        )
        yield MadeWorkload(_document(bundled, None, {}, [image], []), "StatefulSet", server, namespace, False)
        hosts = [_named(("postgresql", "host"), Node(server, bundled.line))]
    if not env and not sources and not hosts:
        return
    image = _image(values.get("image"))
    container = {
        "name": Node(name, values.line), "image": image if image.text else Node(chart, values.line),
        "env": Node([*hosts, *env], values.line), "envFrom": Node(sources, values.line),
    }  # fmt: skip
    replicas = next(
        (said for path in _REPLICAS if (said := values.get(*path)) is not None),
        Node("of the chart", values.line),
    )
    yield MadeWorkload(
        _document(values, replicas, {}, [Node(container, values.line)], []),
        "Deployment",
        name,
        namespace,
        False,
    )


def _walk(node: Node, path: tuple[str, ...], left: list[int]) -> Iterator[tuple[tuple[str, ...], Node]]:
    """Every node of the values with its path; what is switched off, and lists, are not looked into."""
    left[0] -= 1
    if left[0] < 0 or len(path) > _DEEPEST:
        return
    yield path, node
    if text_of(node.get("enabled")) == "false":
        return
    for key, each in node.pairs.items():
        yield from _walk(each, (*path, key), left)


def _source(key: str) -> str | None:
    """How a key names Secrets or ConfigMaps: "" where its items say of which kind they are; None where it names none."""
    return _SOURCES.get(key, "secretRef" if _SECRET.fullmatch(key) else None)


def _leads(path: tuple[str, ...]) -> bool:
    """Whether a value is where a database is reached."""
    return (
        len(path) > 1
        and _HOST.fullmatch(path[-1]) is not None
        and any(_DATABASE.search(each) for each in path[:-1])
    )


def _says_postgres(path: tuple[str, ...], node: Node) -> bool:
    """Whether a value is the kind of a database, and that is PostgreSQL."""
    kind = (
        len(path) > 1
        and _KIND.fullmatch(path[-1]) is not None
        and any(_DATABASE.search(each) for each in path[:-1])
    )
    return kind and re.fullmatch(r"(?i)postgres(?:ql|db)?|pgsql", text_of(node)) is not None


def _named(path: tuple[str, ...], node: Node) -> Node:
    """A value under its path; what it names a file or a variable for (`file:///...`) is not known."""
    text = text_of(node)
    known = "://" not in text or re.match(r"(?:jdbc:)?postg", text) is not None
    return Node(
        {"name": Node(".".join(path), node.line), "value": node if known else Node(UNKNOWN, node.line)},
        node.line,
    )
