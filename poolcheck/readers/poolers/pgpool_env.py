"""Pgpool-II in a container: PGPOOL_NUM_INIT_CHILDREN and the like of Bitnami's image, PGPOOL_PARAMS_* of its makers'."""

from collections.abc import Iterator

from poolcheck.model.facts import Image
from poolcheck.model.pooler_config import PoolerConfig, PoolerDatabase, PoolerSetting
from poolcheck.model.problem import Location
from poolcheck.readers.deploy.compose import Service
from poolcheck.readers.poolers import pgpool
from poolcheck.readers.poolers.interface import EnvLines

ENVIRONMENT = ("pgpool",)
_NAMES = {
    "num_init_children": "num_init_children",
    "max_pool": "max_pool",
    "connection_cache": "connection_cache",
    "enable_connection_cache": "connection_cache",  # Bitnami's
}


def read(service: Service, image: Image, _env_lines: EnvLines) -> PoolerConfig:
    """The settings that the service's environment makes, behind what the image sets itself."""
    pairs = (pair.partition(" ") for pair in image.sets)
    found = [PoolerSetting(name, value, service.location) for name, _, value in pairs]
    for name, text in service.environment:
        own = _NAMES.get(name.removeprefix(image.prefix).lower()) if name.startswith(image.prefix) else None
        if own is not None:
            found.append(PoolerSetting(own, text.value, Location(service.path, text.line), text.known))
    return PoolerConfig(
        software="pgpool", name=f"service {service.name}", location=service.location, complete=False, container=True,
        settings=tuple(pgpool.settings(found)), databases=tuple(_backends(service, image)), published=service.published,
        service=service.name, path=service.path,
    )  # fmt: skip


def _backends(service: Service, image: Image) -> Iterator[PoolerDatabase]:
    """`0:pg-0:5432,1:pg-1:5432`, or the host alone."""
    for name in image.host:
        text = service.env(name)
        for node in text.value.split(",") if text is not None and text.known else ():
            parts = node.strip().split(":")
            host, port = (parts[1], parts[2] if len(parts) > 2 else "") if len(parts) > 1 else (parts[0], "")
            yield pgpool.backend(host, port, Location(service.path, text.line if text else 1))
