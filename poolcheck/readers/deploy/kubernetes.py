"""Kubernetes manifests: workloads with their replicas, surge, command and environment; autoscalers; secrets' text.

A Helm template is no YAML before its values are filled in, and gives nothing (see `readers.helm`). What a template or
`envsubst` leaves open is not known, and is told apart from what is not written.
"""

import base64
import binascii
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from poolcheck.connection.secret import Secret
from poolcheck.model.problem import Location
from poolcheck.readers.deploy import releases
from poolcheck.readers.deploy.compose import address
from poolcheck.readers.deploy.releases import RELEASES
from poolcheck.readers.yaml import UNKNOWN, Node, documents, text_of
from poolcheck.record import dataclass

_WORKLOADS = ("Deployment", "StatefulSet", "Rollout", "DaemonSet", "ReplicaSet", "DeploymentConfig", "Pod")
_JOBS = ("Job", "CronJob")
# kind → what its spec calls the least and the most
_SCALERS = {
    "HorizontalPodAutoscaler": ("minReplicas", "maxReplicas"),
    "ScaledObject": ("minReplicaCount", "maxReplicaCount"),
}
_KINDS = re.compile(
    rf"^kind:\s*[\"']?(?:{'|'.join((*_WORKLOADS, *_JOBS, *_SCALERS, *RELEASES))}|Secret|ConfigMap|Service|ExternalSecret|SealedSecret)\b"
    r"|^apiVersion:\s*[\"']?[\w.-]{0,20}(?:postgres|pgv2|zalan|stackgres)[\w.-]{0,60}/",  # operators: catalogue/objects
    re.MULTILINE,
)
_BUILT_IN = re.compile(r"(?:[\w-]+|[\w.-]*k8s\.io|)")  # groups of Kubernetes' own objects


_TEMPLATE = re.compile(r"\{\{[^{}]{0,500}\}\}")  # of External Secrets
_FILLED_IN = re.compile(rf"{UNKNOWN}|\$\{{[A-Za-z_]")  # by Helm, or by envsubst


@dataclass(frozen=True, slots=True)
class ContainerVariable:
    """One environment variable of a container: its text, or the Secret or ConfigMap that holds it."""

    name: str
    value: Secret | None  # None: elsewhere, or not known
    location: Location
    secret: str = ""  # the Secret's or ConfigMap's name
    key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """Something that runs pods: a Deployment, a StatefulSet, a Job; or one container of it."""

    name: str
    kind: str
    location: Location
    replicas: int | None = None
    replicas_at: Location | None = None  # with no number: written, and not known
    surge: str = ""  # maxSurge as written; "" when it is not
    recreate: bool = False
    images: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    command_at: Location | None = None
    environment: tuple[ContainerVariable, ...] = ()
    sources: tuple[str, ...] = ()  # Secrets and ConfigMaps of envFrom
    complete: bool = True  # every variable of the container is in this file
    namespace: str = ""
    labels: frozenset[tuple[str, str]] = frozenset()  # of its pods
    mounts: tuple[tuple[str, str, str], ...] = ()  # path, the ConfigMap or Secret there, and of it one key
    containers: tuple["Workload", ...] = ()  # each alone, those that run before the others as a Job


@dataclass(frozen=True, slots=True, kw_only=True)
class Autoscaler:
    """A HorizontalPodAutoscaler, or KEDA's ScaledObject."""

    name: str
    target: str  # "" in a patch that does not name it again
    most: int | None  # None: not known, or in a patch not written
    location: Location | None  # of the number; None: not written
    least: int = 1


@dataclass(frozen=True, slots=True)
class Layer:
    """A document, and where its rows stand."""

    document: Node
    at: Callable[[int], Location]


@dataclass(frozen=True, slots=True)
class CustomObject:
    """An object of somebody's operator, with what overlays lay over it."""

    group: str  # of its apiVersion
    kind: str
    name: str
    namespace: str
    layers: tuple[Layer, ...]  # the last one wins

    @property
    def location(self) -> Location:
        """Where it stands."""
        return self.layers[0].at(self.layers[0].document.line)

    def get(self, path: Sequence[str]) -> tuple[Node, Location] | None:
        """What stands below these keys, with its place; None when it does not."""
        for layer in reversed(self.layers):
            node = layer.document.get(*path)
            if node is not None:
                return node, layer.at(node.line)
        return None

    def table(self, path: Sequence[str]) -> dict[str, tuple[str, Location]]:
        """The scalars of a table, with their places."""
        return {
            key: (value.text, layer.at(value.line))
            for layer in self.layers
            for key, value in (layer.document.get(*path) or Node({}, 0)).pairs.items()
            if value.text is not None
        }


@dataclass(frozen=True, slots=True)
class ClusterName:
    """A Service: the name by which pods with these labels are reached."""

    name: str
    namespace: str
    selector: frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class HeldText:
    """One text in a Secret or a ConfigMap."""

    name: str  # the Secret's
    key: str
    value: Secret | None  # None: it is there, and its text is not in the repository
    location: Location


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifests:
    """What one file holds."""

    workloads: tuple[Workload, ...] = ()
    autoscalers: tuple[Autoscaler, ...] = ()
    held: tuple[HeldText, ...] = ()
    services: tuple[ClusterName, ...] = ()
    objects: tuple[CustomObject, ...] = ()


def read(text: str, path: str, at: Callable[[int], Location] | None = None) -> Manifests:
    """The workloads, autoscalers and secrets of a file; nothing when it is no manifest.

    `at` says where a row of the text really stands, when the text is a template that was filled in.
    """
    if "kind:" not in text or _KINDS.search(text) is None:
        return Manifests()
    place = at or (lambda line: Location(path, line))
    workloads: list[Workload] = []
    autoscalers: list[Autoscaler] = []
    held: list[HeldText] = []
    services: list[ClusterName] = []
    objects: list[CustomObject] = []
    for document in documents(text):
        kind = text_of(document.get("kind"))
        name, space = (text_of(document.get("metadata", key)) for key in ("name", "namespace"))
        if kind in _WORKLOADS and name:
            workloads.append(_workload(document, kind, name, space, place))
        elif kind in _JOBS and name:
            inner = document.get("spec", "jobTemplate") if kind == "CronJob" else document
            if inner is not None:
                workloads.append(_workload(inner, kind, name, space, place))
        elif kind in _SCALERS and name:
            target = document.get("spec", "scaleTargetRef", "name")
            least, most = (document.get("spec", key) for key in _SCALERS[kind])
            autoscalers.append(
                Autoscaler(
                    name=name,
                    target=text_of(target),
                    most=_whole(most),
                    location=place(most.line) if most else None,
                    least=_whole(least) or 1,
                )
            )
        elif kind in RELEASES and name:
            workloads += of_release(releases.workloads(document, kind, name, space), place)
        elif kind in ("ExternalSecret", "SealedSecret") and name:
            held += _made_elsewhere(document, name, place)
        elif kind == "Service" and name:
            selector = document.get("spec", "selector")
            if selector is not None and selector.pairs:
                services.append(ClusterName(name, space, _labels(selector)))
        elif (
            name
            and _BUILT_IN.fullmatch(group := text_of(document.get("apiVersion")).rpartition("/")[0]) is None
        ):
            objects.append(CustomObject(group, kind, name, space, (Layer(document, place),)))
        elif kind in ("Secret", "ConfigMap"):
            held += _texts(document, kind, name, place)
    return Manifests(
        workloads=tuple(workloads), autoscalers=tuple(autoscalers), held=tuple(held), services=tuple(services),
        objects=tuple(objects),
    )  # fmt: skip


def _texts(document: Node, kind: str, name: str, place: Callable[[int], Location]) -> Iterator[HeldText]:
    """The texts of a Secret or ConfigMap."""
    for group in ("data", "stringData"):
        for key, value in (document.get(group) or Node({}, 0)).pairs.items():
            written = kind == "ConfigMap" or group == "stringData"
            locked = text_of(value).startswith("ENC[")
            plain = text_of(value) if written or locked else _decoded(text_of(value))
            if plain:
                yield _held(name, key, plain, place(value.line))


def _held(name: str, key: str, plain: str, at: Location) -> HeldText:
    """A text, as far as nobody fills it in: of a string who logs in may be, and of one that SOPS has locked nothing is known."""
    filled = _TEMPLATE.sub(UNKNOWN, plain)
    known: str | None = filled
    if filled.startswith("ENC["):
        known = None
    elif _FILLED_IN.search(filled) is not None:
        known = address(filled) if "://" in filled else None
    return HeldText(name, key, Secret(known) if known is not None else None, at)


def _made_elsewhere(document: Node, name: str, place: Callable[[int], Location]) -> Iterator[HeldText]:
    """The Secret that an operator makes: its template's texts, and names of those whose text only the store has.

    https://external-secrets.io/latest/api/externalsecret/ , https://github.com/bitnami/sealed-secrets
    """
    secret = (
        text_of(document.get("spec", "target", "name"))
        or text_of(document.get("spec", "template", "metadata", "name"))
        or name
    )
    for path in (("spec", "target", "template", "data"), ("spec", "template", "data")):
        for key, value in (document.get(*path) or Node({}, 0)).pairs.items():
            if text_of(value):
                yield _held(secret, key, text_of(value), place(value.line))
    for item in (document.get("spec", "data") or Node([], 0)).items:
        if text_of(item.get("secretKey")):
            yield HeldText(secret, text_of(item.get("secretKey")), None, place(item.line))
    for key, value in (document.get("spec", "encryptedData") or Node({}, 0)).pairs.items():
        yield HeldText(secret, key, None, place(value.line))


def _open(made: Workload) -> Workload:
    """A workload that its chart may give more variables."""
    return replace(
        made, complete=False, containers=tuple(replace(each, complete=False) for each in made.containers)
    )


def _labels(node: Node | None) -> frozenset[tuple[str, str]]:
    return frozenset((name, text_of(value)) for name, value in (node.pairs if node else {}).items())


def _whole(node: Node | None) -> int | None:
    return int(text_of(node)) if re.fullmatch(r"\d{1,6}", text_of(node)) else None


def of_release(made: Iterable[releases.MadeWorkload], place: Callable[[int], Location]) -> Iterator[Workload]:
    """The workloads of a release of a chart."""
    for each in made:
        one = _workload(each.document, each.kind, each.name, each.namespace, place)
        yield one if each.complete else _open(one)


def is_workload(text: str) -> bool:
    """Whether the text, a template perhaps, is about something that runs."""
    return re.search(rf"^kind:\s*[\"']?(?:{'|'.join(_WORKLOADS)})\b", text, re.MULTILINE) is not None


def incomplete(made: Manifests) -> Manifests:
    """The same, where something may set variables that could not be read."""
    return replace(made, workloads=tuple(_open(workload) for workload in made.workloads))


def _decoded(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        return ""


def _workload(document: Node, kind: str, name: str, space: str, place: Callable[[int], Location]) -> Workload:
    """A workload with all its containers together, and with each of them alone."""
    spec = document.get("spec") if kind == "Pod" else document.get("spec", "template", "spec")
    # one that always restarts is a sidecar: https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/
    before = [
        (item, text_of(item.get("restartPolicy")) == "Always") for item in _items(spec, "initContainers")
    ]
    running = [*_items(spec, "containers"), *(item for item, stays in before if stays)]
    every = [*((item, kind) for item in running), *((item, "Job") for item, stays in before if not stays)]
    made = _of(document, kind, name, place, Node(running, document.line), space=space)
    if len(every) < 2:
        return made
    alone = (
        _of(document, how, f"{name}/{text_of(item.get('name'))}", place, Node([item], item.line), space=space)
        for item, how in every
    )
    return replace(made, containers=tuple(alone))


def _items(spec: Node | None, key: str) -> Sequence[Node]:
    node = spec.get(key) if spec else None
    return node.items if node else ()


def _of(
    document: Node, kind: str, name: str, place: Callable[[int], Location], containers: Node, *, space: str
) -> Workload:
    replicas = document.get("spec", "replicas")
    strategy = document.get("spec", "strategy")
    command: tuple[str, ...] = ()
    line = 0
    for container in containers.items:
        for key in ("command", "args"):
            node = container.get(key)
            if node is not None:
                words = [text_of(item) for item in node.items]
                command += (
                    tuple(words[-1].split()) if words[:1] in (["sh"], ["/bin/sh"], ["bash"]) else tuple(words)
                )
                line = line or node.line
    return Workload(
        name=name,
        kind=kind,
        location=place(document.line),
        replicas=_whole(replicas),
        replicas_at=place(replicas.line) if replicas and text_of(replicas) else None,
        surge=text_of(strategy.get("rollingUpdate", "maxSurge")) if strategy else "",
        recreate=strategy is not None and text_of(strategy.get("type")) == "Recreate",
        images=tuple(text_of(item.get("image")) for item in containers.items),
        command=command,
        command_at=place(line) if line else None,
        environment=tuple(_variables(containers, place)),
        sources=tuple(
            text_of(item.get(kind_, "name"))
            for container in containers.items
            for item in (container.get("envFrom") or Node([], 0)).items
            for kind_ in ("secretRef", "configMapRef")
            if item.get(kind_)
        ),
        complete=not any(text_of(item.get("envFrom")) for item in containers.items),
        namespace=space,
        labels=_labels(
            document.get("metadata", "labels")
            if kind == "Pod"
            else document.get("spec", "template", "metadata", "labels")
        ),
        mounts=tuple(_mounts(document, kind, containers)),
    )


def _mounts(document: Node, kind: str, containers: Node) -> Iterator[tuple[str, str, str]]:
    spec = document.get("spec") if kind == "Pod" else document.get("spec", "template", "spec")
    held = {
        text_of(item.get("name")): text_of(item.get("configMap", "name"))
        or text_of(item.get("secret", "secretName"))
        for item in _items(spec, "volumes")
    }
    for container in containers.items:
        for mount in (container.get("volumeMounts") or Node([], 0)).items:
            yield (
                text_of(mount.get("mountPath")),
                held.get(text_of(mount.get("name")), ""),
                text_of(mount.get("subPath")),
            )


def _variables(containers: Node, place: Callable[[int], Location]) -> Iterator[ContainerVariable]:
    for container in containers.items:
        for item in (container.get("env") or Node([], 0)).items:
            name, value = text_of(item.get("name")), item.get("value")
            reference = item.get("valueFrom", "secretKeyRef") or item.get("valueFrom", "configMapKeyRef")
            if name:
                text = text_of(value)
                known = text if value is not None and _FILLED_IN.search(text) is None else None
                if known is None and "://" in text:
                    known = address(text)
                yield ContainerVariable(
                    name,
                    Secret(known) if known is not None else None,
                    place(value.line if value is not None else item.line),
                    text_of(reference.get("name")) if reference else "",
                    text_of(reference.get("key")) if reference else "",
                )
