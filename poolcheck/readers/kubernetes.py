"""Kubernetes manifests: workloads with their replicas, surge, command and environment; autoscalers; secrets' text.

Only plain manifests. A Helm template is no YAML before Helm has run, and gives nothing.
"""

import re
from collections.abc import Iterator
from dataclasses import replace

from poolcheck.core.finding import Location
from poolcheck.core.pooler_config import PoolerConfig
from poolcheck.core.record import dataclass
from poolcheck.core.secret import Secret
from poolcheck.readers import pgbouncer_env, pgbouncer_ini
from poolcheck.readers._yaml import Node, documents
from poolcheck.readers.compose import Service, Text

_WORKLOADS = ("Deployment", "StatefulSet", "Rollout")
_KINDS = re.compile(
    r"^kind:\s*[\"']?(?:Deployment|StatefulSet|Rollout|HorizontalPodAutoscaler|Secret)\b", re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class Variable:
    """One environment variable of a container: its text, or the Secret that holds it."""

    name: str
    value: Secret | None
    line: int
    secret: str = ""  # the Secret's name
    key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """A Deployment or StatefulSet."""

    name: str
    kind: str
    location: Location
    replicas: int | None = None  # None: not written
    replicas_line: int = 0
    surge: str = ""  # maxSurge as written; "" when it is not
    recreate: bool = False
    images: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    command_line: int = 0
    environment: tuple[Variable, ...] = ()
    secrets: tuple[str, ...] = ()  # envFrom


@dataclass(frozen=True, slots=True, kw_only=True)
class Autoscaler:
    """A HorizontalPodAutoscaler."""

    target: str
    most: int
    location: Location


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifests:
    """What one file holds."""

    workloads: tuple[Workload, ...] = ()
    autoscalers: tuple[Autoscaler, ...] = ()
    secrets: tuple[tuple[str, str, Secret], ...] = ()  # Secret's name, key, text of stringData


def read(text: str, path: str) -> Manifests:
    """The workloads, autoscalers and secrets of a file; nothing when it is no manifest."""
    if "apiVersion:" not in text or _KINDS.search(text) is None:
        return Manifests()
    workloads: list[Workload] = []
    autoscalers: list[Autoscaler] = []
    secrets: list[tuple[str, str, Secret]] = []
    for document in documents(text):
        kind = _text(document.get("kind"))
        name = _text(document.get("metadata", "name"))
        if kind in _WORKLOADS and name:
            workloads.append(_workload(document, kind, name, path))
        elif kind == "HorizontalPodAutoscaler":
            target, most = document.get("spec", "scaleTargetRef", "name"), document.get("spec", "maxReplicas")
            if target and most and _text(most).isdigit():
                autoscalers.append(
                    Autoscaler(
                        target=_text(target), most=int(_text(most)), location=Location(path, most.line)
                    )
                )
        elif kind == "Secret" and (data := document.get("stringData")):
            secrets += [(name, key, Secret(_text(value))) for key, value in data.pairs.items()]
    return Manifests(workloads=tuple(workloads), autoscalers=tuple(autoscalers), secrets=tuple(secrets))


def poolers(text: str, path: str) -> Iterator[PoolerConfig]:
    """PgBouncer as manifests run it: by the environment of its container, or with a ConfigMap's pgbouncer.ini."""
    for workload in read(text, path).workloads:
        service = Service(
            name=workload.name,
            path=path,
            line=workload.location.line or 1,
            image=workload.images[0] if len(workload.images) == 1 else "",
            image_line=workload.location.line or 1,
            environment=tuple(
                (each.name, Text(each.value.reveal(), each.line))
                for each in workload.environment
                if each.value
            ),
        )
        config = pgbouncer_env.read(service)
        if pgbouncer_env.is_pgbouncer(service) and config.settings:
            yield replace(
                config, name=f"{workload.kind} {workload.name}", published=None, service="", path=""
            )
    if "ConfigMap" not in text:
        return
    for document in documents(text):
        for key, value in (document.get("data") or Node({}, 0)).pairs.items():
            if _text(document.get("kind")) == "ConfigMap" and pgbouncer_ini.matches(key) and value.text:
                # the lines of a block begin below its key
                made = pgbouncer_ini.read("\n" * value.line + value.text, path)
                if made is not None:
                    yield replace(made.config, name=f"{path} {key}", container=True)


def _workload(document: Node, kind: str, name: str, path: str) -> Workload:
    replicas = document.get("spec", "replicas")
    spec = document.get("spec", "template", "spec")
    containers = (spec.get("containers") if spec else None) or Node([], document.line)
    strategy = document.get("spec", "strategy")
    command: tuple[str, ...] = ()
    line = 0
    for container in containers.items:
        for key in ("command", "args"):
            node = container.get(key)
            if node is not None:
                words = [_text(each) for each in node.items]
                command += (
                    tuple(words[-1].split()) if words[:1] in (["sh"], ["/bin/sh"], ["bash"]) else tuple(words)
                )
                line = line or node.line
    return Workload(
        name=name,
        kind=kind,
        location=Location(path, document.line),
        replicas=int(_text(replicas)) if replicas and _text(replicas).isdigit() else None,
        replicas_line=replicas.line if replicas else 0,
        surge=_text(strategy.get("rollingUpdate", "maxSurge")) if strategy else "",
        recreate=strategy is not None and _text(strategy.get("type")) == "Recreate",
        images=tuple(_text(each.get("image")) for each in containers.items),
        command=command,
        command_line=line,
        environment=tuple(_variables(containers)),
        secrets=tuple(
            _text(each.get("secretRef", "name"))
            for container in containers.items
            for each in (container.get("envFrom") or Node([], 0)).items
        ),
    )


def _variables(containers: Node) -> Iterator[Variable]:
    for container in containers.items:
        for each in (container.get("env") or Node([], 0)).items:
            name, value = _text(each.get("name")), each.get("value")
            reference = each.get("valueFrom", "secretKeyRef")
            if name:
                yield Variable(
                    name,
                    Secret(_text(value)) if value is not None else None,
                    value.line if value is not None else each.line,
                    _text(reference.get("name")) if reference else "",
                    _text(reference.get("key")) if reference else "",
                )


def _text(node: Node | None) -> str:
    return (node.text or "") if node is not None else ""
