"""The poolers of a project: their files with what they include, containers, Kubernetes manifests, templates.

No software is named here: readers.poolers.interface finds the reader.
"""

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from poolcheck import catalogue
from poolcheck.config.disk import NO_ROOM, room
from poolcheck.model.pooler_config import PoolerConfig, translated
from poolcheck.model.report import Skipped
from poolcheck.project.collected import Collected, lines_of, together
from poolcheck.readers.manifests.types import UnreadableFile

_DEEPEST = 8  # files that include one another; real ones have two
_OWN_SETTINGS = re.compile(
    r"(?im)^[^\S\n]*(?:CMD|ENTRYPOINT)\b|\.conf\b|max_connections"
)  # of a server, in a Dockerfile

if TYPE_CHECKING:
    from poolcheck.project.packages import Packages
    from poolcheck.readers.deploy.compose import Compose, Service
    from poolcheck.readers.poolers.interface import Shows


def collect(packages: "Packages", names: Sequence[str], env_lines: Mapping[str, Sequence[str]]) -> Collected:
    """Every pooler that the files configure: its subject, its lines, its ignore comments."""
    parts: list[
        Collected
    ] = []  # what masks its lines comes first: of two readings of a file the first is shown
    files = _files(packages, [name for name in names if packages.kind_of(name) == "pooler"], parts)
    in_templates = list(_templates(packages, names, parts))
    poolers: list[PoolerConfig] = []
    for compose in composes_of(packages, names):
        for service in compose.services:
            own = _container(service, env_lines)
            if own is None:
                continue
            built = posixpath.join(service.build, "") if service.build and service.build != "." else "\0"
            mounted = [
                path
                for path, config in files.items()
                if config.software == own.software
                and (_mounts(service.volumes, service.path, path) or path.startswith(built))
            ]
            for path in mounted:
                files[path] = replace(
                    files[path], version=own.version, version_source=own.version_source, published=own.published,
                    descriptors=own.descriptors, container=True, service=own.service, path=own.path,
                )  # fmt: skip
            if not mounted and (own.settings or own.version):
                poolers.append(replace(own, package=packages.of(service.path)))
                parts.append(lines_of(service.path, packages.text(service.path)))
    poolers += _manifests(packages, names, parts)
    poolers += in_templates
    poolers += [replace(config, package=packages.of(path)) for path, config in files.items()]
    known = tuple(
        pooler if pooler.software == "pgbouncer" else translated(pooler, catalogue.pooler(pooler.software))
        for pooler in poolers
    )
    if known:
        parts.append(Collected(subjects=known, poolers=known, groups=frozenset("5")))
    return together(parts)


def _container(service: "Service", env_lines: Mapping[str, Sequence[str]]) -> PoolerConfig | None:
    """What a service says about the pooler that it runs, by its image or built here under that name; None: it runs none."""
    image = catalogue.image(service.repository or (service.name if service.build else ""))
    if image is None or not image.pooler:
        return None
    from poolcheck.readers.poolers import interface  # noqa: PLC0415 - only where there is one

    reader = interface.container_reader(image.pooler)
    if reader is not None:
        return reader.read(service, image, env_lines)
    return PoolerConfig(
        software=image.pooler, name=f"service {service.name}", location=service.location, complete=False, container=True,
        published=service.published, service=service.name, path=service.path,
    )  # fmt: skip


def _templates(packages: "Packages", names: Sequence[str], parts: list[Collected]) -> Iterator[PoolerConfig]:
    """Poolers in Terraform and in templates of CloudFormation, SAM and the Serverless Framework."""
    templates = [name for name in names if name.endswith((".tf", ".yaml", ".yml", ".json"))]
    templates = [name for name in templates if packages.kind_of(name) in ("terraform", "platform")]
    if not templates:
        return
    from poolcheck.readers.poolers import interface  # noqa: PLC0415 - only where there is one

    words = interface.template_words()
    texts: dict[str, list[tuple[str, str]]] = {}
    for name in templates:
        text = packages.text(name) or ""
        for stem, of_pooler in words.items():
            if any(word in text for word in of_pooler):
                texts.setdefault(stem, []).append((name, text))
    if not texts:
        return
    from poolcheck.readers.poolers import lines  # noqa: PLC0415 - as above

    for stem, of_reader in texts.items():
        configs, broken = interface.template_reader(stem).read_all(of_reader)
        title = catalogue.pooler(stem.replace("_", "-")).title
        for name in broken:
            why = f"cannot be read as far as its {title}"
            parts.append(_skipped(name, why, "It is judged by nothing."))
        parts += [_shown(packages, name, lines) for name, _ in of_reader if name not in broken]
        for config in configs:
            yield replace(config, package=packages.of(config.location.path))


def _manifests(packages: "Packages", names: Sequence[str], parts: list[Collected]) -> Iterator[PoolerConfig]:
    """Poolers in Kubernetes: the environment of a container, and a pooler's file in a ConfigMap."""
    for name in names:
        text = packages.text(name) if name.endswith((".yaml", ".yml")) else None
        if text is None or "apiVersion:" not in text:
            continue
        from poolcheck.readers.poolers import in_kubernetes, interface, lines  # noqa: PLC0415 - only where there is one

        if not interface.speaks_of_a_pooler(text):
            continue
        for config in in_kubernetes.poolers(text, name, lambda service: _container(service, {})):
            yield replace(config, package=packages.of(name))
            parts.append(_shown(packages, name, lines))


def composes_of(packages: "Packages", names: Sequence[str]) -> "list[Compose]":
    """Every compose file that was walked and can be read."""
    names = [name for name in names if name.endswith((".yaml", ".yml"))]
    if not names:
        return []
    from poolcheck.readers.deploy import compose  # noqa: PLC0415 - only where there is YAML

    known = set(names)
    read = [_compose(packages, name, known, 0) for name in names if compose.matches(name)]
    found = [each for each in read if each is not None]
    parts = {path for each in found for path in each.parts}
    return [each for each in found if each.path not in parts]


def _compose(packages: "Packages", name: str, known: set[str], depth: int) -> "Compose | None":
    """A compose file with those that it includes."""
    from poolcheck.readers.deploy import compose  # noqa: PLC0415 - only where there is YAML

    text = packages.text(name)
    if text is None:
        return None
    made = compose.read(text, name, packages.below(name))
    if made is not None:
        made = replace(made, services=tuple(_based(packages, service) for service in made.services))
    inner = [each for each in compose.included(text, name) if each in known] if depth < _DEEPEST else []
    parts = [part for each in inner if (part := _compose(packages, each, known, depth + 1)) is not None]
    return compose.including(made, name, parts, packages.below(name)) if parts else made


def _based(packages: "Packages", service: "Service") -> "Service":
    """A service with the well-known image that its Dockerfile begins with, in place of the name of what is built."""
    text = packages.text(service.dockerfile) if service.dockerfile in packages.names else None
    if text is None:
        return service
    from poolcheck.readers.deploy import processes  # noqa: PLC0415 - only where something is built

    image = processes.docker_image(text)
    known = (
        catalogue.image(replace(service, image=image).repository) if image and "$" not in image[:1] else None
    )
    if known is None:
        return service
    if known.is_ == "server" and _OWN_SETTINGS.search(text):
        image = f"postgres-of-{service.name}"  # a server, whose settings are not the image's
    return replace(service, image=image, based=True)


class _Texts(Mapping[str, str]):
    """The texts of the pooler files that were found, each read when it is asked for."""

    def __init__(self, packages: "Packages") -> None:
        self._packages = packages

    def __getitem__(self, path: str) -> str:
        text = self._packages.text(path) if path in self._packages.names else None
        if text is None:
            raise KeyError(path)
        return text

    def __iter__(self) -> Iterator[str]:
        """Only what can be read: a reader may take each of them."""
        of = self._packages
        return (name for name in of.names if of.kind_of(name) == "pooler" and of.text(name) is not None)

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _files(packages: "Packages", names: Sequence[str], parts: list[Collected]) -> dict[str, PoolerConfig]:
    """The configurations by path; what cannot be read is said. An included file is not one of its own."""
    if not names:
        return {}
    from poolcheck.readers.poolers import interface  # noqa: PLC0415 - only where there is one

    texts = _Texts(packages)
    read: dict[str, PoolerConfig] = {}
    for name in names:
        reader, text = interface.reader_of(name), packages.text(name)
        if reader is None or text is None:
            continue
        if len(text) > reader.LONGEST:
            why = f"larger than {reader.LONGEST // 1_000_000} MB: nobody wrote it by hand"
            parts.append(_skipped(name, why, "Its pools are in no sum."))
            continue
        if not room(len(text)):
            parts.append(_skipped(name, NO_ROOM, "Its pools are in no sum."))
            continue
        made = reader.read(text, name, texts)
        if isinstance(made, UnreadableFile):
            at = f":{made.line}" if made.line else ""
            parts.append(_skipped(f"{name}{at}", made.message, "Its pools are in no sum."))
        elif made is not None:
            read[name] = made
            for missing in made.missing:
                at = f"{missing.location.path}:{missing.location.line}"
                parts.append(_skipped(at, missing.message, "Its settings are not known."))
            parts += [_shown(packages, path, reader) for path in (name, *made.includes)]
    included = {path for config in read.values() for path in config.includes}
    return {name: config for name, config in read.items() if name not in included}


def _shown(packages: "Packages", name: str, reader: "Shows") -> Collected:
    """The lines of a file for excerpts, fit to be shown, and its ignore comments."""
    text = packages.text(name) or ""
    ignores = reader.ignores(text)
    return Collected(lines={name: reader.shown(text)}, ignores={name: ignores} if ignores else {})


def _skipped(what: str, why: str, hint: str) -> Collected:
    return Collected(skipped=(Skipped(what, why, hint),))


def _mounts(volumes: Iterable[str], compose_path: str, ini: str) -> bool:
    """Whether one of the volumes is the file, or a folder that holds it."""
    for volume in volumes:
        source = posixpath.normpath(posixpath.join(posixpath.dirname(compose_path), volume.partition(":")[0]))
        if ini == source or (source != "." and ini.startswith(source + "/")):
            return True
    return False
