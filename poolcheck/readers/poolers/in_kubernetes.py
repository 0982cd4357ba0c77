"""Poolers as manifests run them: by the environment of a container, or with a pooler's file in a ConfigMap."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from poolcheck.model.pooler_config import PoolerConfig
from poolcheck.readers.deploy.compose import Service, Text
from poolcheck.readers.deploy.kubernetes import read
from poolcheck.readers.poolers.interface import ALONE, reader_of
from poolcheck.readers.yaml import Node, documents, text_of


def poolers(
    text: str, path: str, container: Callable[[Service], PoolerConfig | None]
) -> Iterator[PoolerConfig]:
    """The poolers of a file of manifests. `container` says what a container runs, None when it is no pooler."""
    for workload in read(text, path).workloads:
        service = Service(
            name=workload.name,
            path=path,
            line=workload.location.line or 1,
            image=workload.images[0] if len(workload.images) == 1 else "",
            image_line=workload.location.line or 1,
            environment=tuple(
                (each.name, Text(each.value.reveal(), each.location.line or 1))
                for each in workload.environment
                if each.value
            ),
        )
        config = container(service)
        if config is not None and config.settings:
            yield replace(
                config, name=f"{workload.kind} {workload.name}", published=None, service="", path=""
            )
    if "ConfigMap" not in text:
        return
    for document in documents(text):
        for key, value in (document.get("data") or Node({}, 0)).pairs.items():
            reader = reader_of(key) if text_of(document.get("kind")) == "ConfigMap" else None
            if reader is not None and value.text and len(value.text) <= reader.LONGEST:
                # the lines of a block begin below its key
                made = reader.read("\n" * value.line + value.text, path, ALONE)
                if isinstance(made, PoolerConfig):
                    yield replace(made, name=f"{path} {key}", container=True)
