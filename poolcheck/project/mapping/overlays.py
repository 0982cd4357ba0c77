"""Plain manifests, and Kustomize overlays laid over them: replicas, patches of workloads, patches of autoscalers."""

import posixpath
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

from poolcheck.model.problem import Location
from poolcheck.model.report import Skipped
from poolcheck.project.packages import Packages, upwards
from poolcheck.readers.deploy import kubernetes, releases
from poolcheck.readers.deploy.kubernetes import Autoscaler, CustomObject, HeldText, Manifests, Workload
from poolcheck.readers.deploy.stages import PRODUCTION
from poolcheck.readers.yaml import Node, documents, text_of
from poolcheck.record import dataclass

_NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")


@dataclass(frozen=True, slots=True)
class _Layer:
    """One kustomization: the folders below it, and what it changes."""

    folder: str
    path: str
    bases: tuple[str, ...]
    document: Node


class DeployedGroup:
    """The objects that are deployed together."""

    def __init__(self, origin: str, stage: str, files: Sequence[Manifests]) -> None:
        self.origin = origin  # "" for plain manifests, else the chart's folder
        self.stage = stage  # the values file, where several are for production
        self.files = files
        self.held: dict[str, dict[str, HeldText]] = {}  # Secrets and ConfigMaps: name, key
        for each in (each for file in files for each in file.held):
            self.held.setdefault(each.name, {}).setdefault(each.key, each)
        self._scalers = {
            autoscaler.target: autoscaler for file in reversed(files) for autoscaler in file.autoscalers
        }

    def scaler(self, workload: str) -> Autoscaler | None:
        """The autoscaler of a workload."""
        return self._scalers.get(workload)


def groups(packages: Packages, names: Sequence[str], skipped: list[Skipped]) -> Iterator[DeployedGroup]:
    """The plain manifests, with the one overlay that runs in production laid over its base."""
    layers = {each.folder: each for name in names if (each := _layer(packages, name)) is not None}
    over: dict[str, list[_Layer]] = {}
    for layer in layers.values():
        for base in layer.bases:
            # what many apps take a part from is no base that they are variants of
            if base in layers and text_of(layers[base].document.get("kind")) != "Component":
                over.setdefault(base, []).append(layer)
    chosen: list[_Layer] = []
    unclear: dict[str, str] = {}  # base → why
    for base, many in over.items():
        production = [each for each in many if PRODUCTION.search(each.folder)]
        one = many if len(many) == 1 else production
        if len(one) == 1:
            chosen.append(one[0])
        else:
            unclear[base] = ", ".join(sorted(each.folder for each in many))
    overlays = {layer.folder for many in over.values() for layer in many}
    left_out = overlays - {each.folder for each in chosen}
    patches = {path for layer in layers.values() for path in _patch_files(layer)}
    files: dict[str, Manifests] = {}
    for name in names:
        folder = posixpath.dirname(name)
        text = packages.text(name)
        if text is not None and name not in patches and not _within(folder, left_out):
            files[name] = kubernetes.read(text, name)
    for layer in layers.values():
        if not _within(layer.folder, left_out) and (made := tuple(_charts(layer, packages))):
            files[layer.path] = replace(files.get(layer.path, Manifests()), workloads=made)
    for base, which in unclear.items():
        known = [name for name in files if posixpath.dirname(name) == base and files[name].workloads]
        if known:
            skipped.append(Skipped(f"{base}: its replicas", f"several overlays lie over it ({which}): which one runs is not known", "Lint the one that runs: kustomize build OVERLAY > rendered.yaml"))  # fmt: skip
            for name in known:
                del files[name]
    for layer in chosen:
        files = _laid_over(files, layer, packages)
    yield DeployedGroup("", "", tuple(files.values()))


def _layer(packages: Packages, name: str) -> _Layer | None:
    if posixpath.basename(name) not in _NAMES:
        return None
    made = documents(packages.text(name) or "")
    if len(made) != 1:
        return None
    folder = posixpath.dirname(name)
    listed = [
        item.text
        for key in ("resources", "bases", "components")
        for item in (made[0].get(key) or Node([], 0)).items
        if item.text
    ]
    bases = tuple(posixpath.normpath(posixpath.join(folder, each)) for each in listed if "://" not in each)
    return _Layer(folder, name, bases, made[0])


def _charts(layer: _Layer, packages: Packages) -> Iterator[Workload]:
    """The workloads of the charts that a kustomization fills in."""
    space = text_of(layer.document.get("namespace"))
    for chart in (layer.document.get("helmCharts") or Node([], 0)).items:
        file = text_of(chart.get("valuesFile"))
        path = posixpath.normpath(posixpath.join(layer.folder, file)) if file else layer.path
        text = packages.text(path) if file and path in packages.names else None
        made = releases.of_kustomization(chart, text, space)
        yield from kubernetes.of_release(made, partial(Location, path))


def _patch_files(layer: _Layer) -> Iterator[str]:
    for key in ("patches", "patchesStrategicMerge", "patchesJson6902"):
        for item in (layer.document.get(key) or Node([], 0)).items:
            path = item.text or text_of(item.get("path"))
            if path and "\n" not in path:
                yield posixpath.normpath(posixpath.join(layer.folder, path))


def _within(folder: str, folders: set[str]) -> bool:
    return any(place in folders for place in upwards(folder))


def _laid_over(files: dict[str, Manifests], layer: _Layer, packages: Packages) -> dict[str, Manifests]:
    """What a kustomization changes in what was read."""
    workloads: list[Workload] = []
    scalers: list[Autoscaler] = []
    objects: list[CustomObject] = []
    for item in (layer.document.get("replicas") or Node([], 0)).items:
        name, count = text_of(item.get("name")), item.get("count")
        if name and count is not None:
            workloads.append(_sized(name, count, Location(layer.path, count.line)))
    for text, path, target, first in _patches(layer, packages):
        made = kubernetes.read(text, path, lambda line, path=path, first=first: Location(path, line + first))  # type: ignore[misc]
        workloads += made.workloads
        scalers += made.autoscalers
        objects += made.objects
        for key, node in _operations(text):
            at, name = Location(path, node.line + first), "" if target == ".*" else target
            if key == "/spec/replicas":
                workloads.append(_sized(name, node, at))
            else:
                most = _sized(name, node, at).replicas
                scalers.append(Autoscaler(name=name, target="", most=most, location=at))
    before, behind = text_of(layer.document.get("namePrefix")), text_of(layer.document.get("nameSuffix"))
    by_name: dict[str, list[Workload]] = {}
    for workload in workloads:
        by_name.setdefault(workload.name, []).append(workload)
    scalers_by_name: dict[str, list[Autoscaler]] = {}
    for scaler in scalers:
        scalers_by_name.setdefault(scaler.name, []).append(scaler)
    return {
        name: replace(
            file,
            workloads=tuple(
                _workload(workload, [*by_name.get(workload.name, ()), *by_name.get("", ())])
                for workload in file.workloads
            ),
            autoscalers=tuple(
                # a patch may call the workload as it is called in the end
                replace(one, target=one.target.removeprefix(before).removesuffix(behind))
                for autoscaler in file.autoscalers
                for one in [
                    _scaler(
                        autoscaler, [*scalers_by_name.get(autoscaler.name, ()), *scalers_by_name.get("", ())]
                    )
                ]
            ),
            objects=tuple(_object(each, objects) for each in file.objects),
        )
        for name, file in files.items()
    }


def _sized(name: str, count: Node, at: Location) -> Workload:
    """A patch that sets nothing but replicas."""
    number = int(text_of(count)) if re.fullmatch(r"\d{1,6}", text_of(count)) else None
    return Workload(name=name, kind="", location=at, replicas=number, replicas_at=at)


def _patches(layer: _Layer, packages: Packages) -> Iterator[tuple[str, str, str, int]]:
    """Text, path, the name it is for, and the lines above it."""
    for key in ("patches", "patchesStrategicMerge", "patchesJson6902"):
        for item in (layer.document.get(key) or Node([], 0)).items:
            target = text_of(item.get("target", "name"))
            inline = item.get("patch")
            path = item.text or text_of(item.get("path"))
            if inline is not None and inline.text:
                yield inline.text, layer.path, target, inline.line
            elif path and "\n" in path:
                yield path, layer.path, target, item.line
            elif path:
                name = posixpath.normpath(posixpath.join(layer.folder, path))
                text = packages.text(name) if name in packages.names else None
                if text is not None:
                    yield text, name, target, 0


def _operations(text: str) -> Iterator[tuple[str, Node]]:
    """`{op: replace, path: /spec/replicas, value: 5}`: the path and the value."""
    if "/spec/" not in text:
        return
    for document in documents(text)[:1]:
        for item in document.items:
            path, value = text_of(item.get("path")), item.get("value")
            if path in ("/spec/replicas", "/spec/maxReplicas") and value is not None:
                yield path, value


def _workload(workload: Workload, patches: Sequence[Workload]) -> Workload:
    for patch in patches:
        own = {each.name for each in patch.environment}
        workload = replace(
            workload,
            replicas=patch.replicas if patch.replicas_at else workload.replicas,
            replicas_at=patch.replicas_at or workload.replicas_at,
            surge=patch.surge or workload.surge,
            command=patch.command or workload.command,
            command_at=patch.command_at or workload.command_at,
            environment=(
                *(each for each in workload.environment if each.name not in own),
                *patch.environment,
            ),
        )
    return workload


def _object(each: CustomObject, patches: Sequence[CustomObject]) -> CustomObject:
    own = (patch for patch in patches if (patch.kind, patch.name) == (each.kind, each.name))
    return replace(each, layers=(*each.layers, *(layer for patch in own for layer in patch.layers)))


def _scaler(scaler: Autoscaler, patches: Sequence[Autoscaler]) -> Autoscaler:
    for patch in patches:
        scaler = replace(
            scaler,
            target=patch.target or scaler.target,
            most=patch.most if patch.location else scaler.most,
            location=patch.location or scaler.location,
        )
    return scaler
