"""PgBouncer as manifests run it: by the environment of its container, or with a ConfigMap's pgbouncer.ini."""

from collections.abc import Iterator
from dataclasses import replace

from poolcheck.model.pooler_config import PoolerConfig
from poolcheck.readers.deploy.compose import Service, Text
from poolcheck.readers.deploy.kubernetes import read
from poolcheck.readers.poolers import pgbouncer_env, pgbouncer_ini
from poolcheck.readers.yaml import Node, documents, text_of


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
                (each.name, Text(each.value.reveal(), each.location.line or 1))
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
            if text_of(document.get("kind")) == "ConfigMap" and pgbouncer_ini.matches(key) and value.text:
                # the lines of a block begin below its key
                made = pgbouncer_ini.read("\n" * value.line + value.text, path)
                if made is not None:
                    yield replace(made, name=f"{path} {key}", container=True)
