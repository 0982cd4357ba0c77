"""What platform files deploy: Cloud Run, App Engine, Azure Container Apps, Render, Railway, Fly, Heroku, and Terraform's.

Each with the most instances that the platform starts, its command and its environment. Instances that a file does not
hold (Fly's machines, Heroku's dynos) are nobody's number here. Sources of the keys:
https://cloud.google.com/run/docs/configuring/max-instances, https://cloud.google.com/run/docs/about-concurrency,
https://cloud.google.com/appengine/docs/standard/reference/app-yaml,
https://learn.microsoft.com/azure/container-apps/azure-resource-manager-api-spec, https://render.com/docs/blueprint-spec,
https://docs.railway.com/reference/config-as-code, https://fly.io/docs/reference/configuration/,
https://devcenter.heroku.com/articles/app-json-schema.
"""

import posixpath
import re
from collections.abc import Iterator
from dataclasses import replace

from poolcheck.connection.secret import Secret
from poolcheck.model.amount import Amount
from poolcheck.model.problem import Location
from poolcheck.readers.deploy.kubernetes import ContainerVariable
from poolcheck.readers.manifests.types import json_key_lines, load_json, load_toml, table
from poolcheck.readers.yaml import Node, documents, text_of
from poolcheck.record import dataclass


@dataclass(frozen=True, slots=True)
class InstanceCount:
    """The most instances. No words: the file does not tell; words and no number: it does, but not plainly."""

    number: int | None = None
    words: str = ""
    location: Location | None = None


# The old revision stays until the new one is ready, and each scales by itself:
# https://learn.microsoft.com/azure/container-apps/application-lifecycle-management
AZURE_APPS = "azure-container-apps"
ONE_AT_ONCE = InstanceCount(1, "an instance gets one request at a time")


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """One thing that a platform runs."""

    name: str
    platform: str
    location: Location
    instances: InstanceCount = InstanceCount()
    at_once: InstanceCount = InstanceCount()  # requests that the platform sends to one instance at once
    surge: int | None = (
        0  # instances that a deploy adds; None: the new ones start beside the old, how many at once is not told
    )
    command: tuple[str, ...] = ()
    command_at: Location | None = None
    environment: tuple[ContainerVariable, ...] = ()
    folder: str = "."
    processes: Amount | None = None  # of each instance, where the file counts them itself


def matches(path: str) -> bool:
    """May the file say it, by its name?"""
    name = posixpath.basename(path)
    return name in FILES or name.startswith("Procfile") or name.endswith((".yaml", ".yml"))


def read(text: str, path: str) -> tuple[Deployment, ...]:
    """What a file deploys; () for anything else."""
    name = posixpath.basename(path)
    reader = FILES.get(name)
    if reader is not None:
        return tuple(reader(text, path))
    if not name.endswith((".yaml", ".yml")):
        return ()
    if "serving.knative.dev" in text:
        return tuple(_knative(text, path))
    if "maxReplicas" in text and re.search(r"environmentId|Microsoft\.App", text, re.IGNORECASE):
        return tuple(_azure(text, path))
    if re.search(r"max_(?:num_)?instances:|manual_scaling:", text) and re.search(
        r"^(?:runtime|env):", text, re.MULTILINE
    ):
        return tuple(_app_engine(text, path))
    return ()


# --- YAML ---


def _knative(text: str, path: str) -> Iterator[Deployment]:
    for document in documents(text):
        if text_of(document.get("kind")) != "Service":
            continue
        template = document.get("spec", "template")
        limits = [
            node
            for owner in (document, template)
            for key in (
                "autoscaling.knative.dev/maxScale",
                "autoscaling.knative.dev/max-scale",
                "run.googleapis.com/maxScale",
            )
            if owner is not None and (node := owner.get("metadata", "annotations", key)) is not None
        ]
        name = text_of(document.get("metadata", "name"))
        containers = (template.get("spec", "containers") if template else None) or Node([], 1)
        lowest = min(limits, key=lambda node: int(text_of(node)) if _number(node) else 10**7, default=None)
        at = Location(path, document.line)
        made = _scaled(name or "service", "cloud-run", at, _most(lowest, "maxScale", path), containers)
        at_once = template.get("spec", "containerConcurrency") if template else None
        yield replace(made, at_once=_most(at_once, "containerConcurrency", path))


def _azure(text: str, path: str) -> Iterator[Deployment]:
    for document in documents(text)[:1]:
        template = document.get("properties", "template")
        if template is None or template.get("containers") is None:
            continue
        most = template.get("scale", "maxReplicas")
        containers = template.get("containers") or Node([], 1)
        name = text_of(document.get("name")) or text_of(
            containers.items[0].get("name") if containers.items else None
        )
        at = Location(path, document.line)
        made = _scaled(name or "app", AZURE_APPS, at, _most(most, "maxReplicas", path), containers)
        yield replace(made, surge=None)


def _scaled(name: str, platform: str, at: Location, most: InstanceCount, containers: Node) -> Deployment:
    command: tuple[str, ...] = ()
    command_at: Location | None = None
    variables = []
    for container in containers.items:
        for part in ("command", "args"):
            node = container.get(part)
            for item in node.items if node else ():
                command += tuple(text_of(item).split())
                command_at = command_at or Location(at.path, item.line)
        for item in (container.get("env") or Node([], 0)).items:
            value = item.get("value")
            known = value is not None and "$" not in text_of(value)
            elsewhere = text_of(item.get("secretRef")) or text_of(
                item.get("valueFrom", "secretKeyRef", "name")
            )
            variables.append(
                ContainerVariable(
                    text_of(item.get("name")),
                    Secret(text_of(value)) if known else None,
                    Location(at.path, value.line if value else item.line),
                    elsewhere,
                )
            )
    return Deployment(
        name=name,
        platform=platform,
        location=at,
        command=command,
        command_at=command_at,
        environment=tuple(variables),
        folder=posixpath.dirname(at.path) or ".",
        instances=most,
    )


def _app_engine(text: str, path: str) -> Iterator[Deployment]:
    for document in documents(text)[:1]:
        limits = [
            (node, key)
            for group, key in (
                ("automatic_scaling", "max_instances"),
                ("automatic_scaling", "max_num_instances"),
                ("basic_scaling", "max_instances"),
                ("manual_scaling", "instances"),
            )
            if (node := document.get(group, key)) is not None
        ]
        node, key = limits[0] if len(limits) == 1 else (None, "")
        line = document.get("entrypoint")
        yield Deployment(
            name=text_of(document.get("service")) or "default",
            platform="app-engine",
            location=Location(path, document.line),
            command=tuple(text_of(line).split()),
            command_at=Location(path, line.line) if line else None,
            environment=tuple(_pairs(document.get("env_variables"), path)),
            folder=posixpath.dirname(path) or ".",
            instances=_most(node, key, path),
        )


def _render(text: str, path: str) -> Iterator[Deployment]:
    made = documents(text)
    services = made[0].get("services") if len(made) == 1 else None
    for each in services.items if services else ():
        if (
            text_of(each.get("type")) not in ("web", "worker", "pserv")
            or text_of(each.get("runtime")) == "static"
        ):
            continue
        most, key = each.get("scaling", "maxInstances"), "maxInstances"
        if most is None:
            most, key = each.get("numInstances"), "numInstances"
        line = each.get("startCommand") or each.get("dockerCommand")
        variables = []
        for item in (each.get("envVars") or Node([], 0)).items:
            value = item.get("value")
            source = (
                item.get("fromDatabase")
                or item.get("fromService")
                or item.get("sync")
                or item.get("fromGroup")
            )
            database = text_of(item.get("fromDatabase", "name"))
            name = text_of(item.get("key"))
            if name:
                variables.append(
                    ContainerVariable(
                        name,
                        Secret(text_of(value)) if value else None,
                        Location(path, value.line if value else item.line),
                        "elsewhere" if source else "",
                        database,
                    )
                )
        inner = text_of(each.get("rootDir"))
        count = _most(most, key, path) if most else InstanceCount(1, "1 instance")
        yield Deployment(
            name=text_of(each.get("name")) or "service",
            platform="render",
            location=Location(path, each.line),
            command=tuple(text_of(line).split()),
            command_at=Location(path, line.line) if line else None,
            environment=tuple(variables),
            folder=posixpath.normpath(posixpath.join(posixpath.dirname(path), inner)),
            instances=count,
            # https://render.com/articles/how-render-handles-zero-downtime-deploys: beside the old one, but for a disk
            surge=0 if each.get("disk") else None,
        )


def _most(node: Node | None, key: str, path: str) -> InstanceCount:
    """Instances, the words and the place, as far as a node tells them."""
    if node is None:
        return InstanceCount()
    at = Location(path, node.line)
    if _number(node):
        return InstanceCount(int(text_of(node)), f"{key}: {text_of(node)}", at)
    return InstanceCount(None, f"{key} is filled in when it is deployed", at)


def _pairs(node: Node | None, path: str) -> Iterator[ContainerVariable]:
    for name, value in (node.pairs if node else {}).items():
        yield ContainerVariable(
            name, Secret(text_of(value)) if "$" not in text_of(value) else None, Location(path, value.line)
        )


def _number(node: Node) -> bool:
    return re.fullmatch(r"[1-9]\d{0,5}", text_of(node)) is not None


# --- TOML, JSON, Procfile ---


def _fly(text: str, path: str) -> Iterator[Deployment]:
    data = load_toml(text)
    if not isinstance(data, dict):
        return
    environment = tuple(
        ContainerVariable(name, Secret(str(value)), Location(path, _row(text, name)))
        for name, value in table(data.get("env")).items()
    )
    processes = table(data.get("processes"))
    said = table(data.get("experimental")).get("cmd")
    web = (
        processes.get("app")
        or processes.get("web")
        or (" ".join(map(str, said)) if isinstance(said, list) else "")
    )
    yield Deployment(
        name=str(data.get("app") or "app"),
        platform="fly",
        location=Location(path, 1),
        command=tuple(str(web).split()) if isinstance(web, str) else (),
        command_at=Location(path, _row(text, "app|web|cmd")),
        environment=environment,
        folder=posixpath.dirname(path) or ".",
    )


def _railway(text: str, path: str) -> Iterator[Deployment]:
    data = load_toml(text) if path.endswith(".toml") else load_json(text, comments=True)
    if not isinstance(data, dict):
        return
    deploy = table(data.get("deploy"))
    regions = [table(each).get("numReplicas") for each in table(deploy.get("multiRegionConfig")).values()]
    number = deploy.get("numReplicas", None if regions else 1)
    if regions and all(isinstance(region, int) for region in regions):
        number = sum(region for region in regions if isinstance(region, int))
    count = InstanceCount(None, "numReplicas is no plain number", Location(path, 1))
    if isinstance(number, int) and 0 < number < 100_000:
        said = "numReplicas" in deploy or regions
        count = (
            InstanceCount(number, f"numReplicas: {number}", Location(path, _row(text, "numReplicas")))
            if said
            else InstanceCount(1, "1 replica")
        )
    start = deploy.get("startCommand")
    yield Deployment(
        name="railway",
        platform="railway",
        location=Location(path, 1),
        instances=count,
        surge=None,  # https://docs.railway.com/deployments/deployment-teardown: the old one goes when the new one is there
        command=tuple(start.split()) if isinstance(start, str) else (),
        command_at=Location(path, _row(text, "startCommand")),
        folder=posixpath.dirname(path) or ".",
    )


def _heroku(text: str, path: str) -> Iterator[Deployment]:
    """app.json sets the variables of new apps; its formation is for review apps, so its quantity is no number here."""
    data = load_json(text)
    if not isinstance(data, dict):
        return
    lines = json_key_lines(text)
    found = []
    for name, value in table(data.get("env")).items():
        said = value.get("value") if isinstance(value, dict) else value
        found.append(
            ContainerVariable(
                name,
                Secret(said) if isinstance(said, str) else None,
                Location(path, lines.get(("env", name))),
            )
        )
    yield Deployment(
        name="app.json", platform="heroku", location=Location(path, 1), environment=tuple(found),
        folder=posixpath.dirname(path) or ".",
    )  # fmt: skip


def _procfile(text: str, path: str) -> Iterator[Deployment]:
    for number, line in enumerate(text.split("\n"), 1):
        name, colon, command = line.partition(":")
        if colon and re.fullmatch(r"[A-Za-z][\w-]*", name):
            at = Location(path, number)
            yield Deployment(
                name=name, platform="procfile", location=at, command=tuple(command.split()), command_at=at,
                folder=posixpath.dirname(path) or ".",
            )  # fmt: skip


def _row(text: str, key: str) -> int:
    """The line on which a key of a small TOML or JSON file stands; 1 when it is nowhere."""
    found = (
        re.search(rf"^[^\S\n]*[\"']?(?:{key})[\"']?\s*[:=]", text, re.MULTILINE)
        if re.fullmatch(r"[\w|]+", key)
        else None
    )
    return text.count("\n", 0, found.end()) + 1 if found else 1


FILES = {
    "render.yaml": _render,
    "fly.toml": _fly,
    "railway.json": _railway,
    "railway.toml": _railway,
    "app.json": _heroku,
    "Procfile": _procfile,
}
