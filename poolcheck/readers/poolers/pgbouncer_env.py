"""PgBouncer in a container: what the environment of an image says; catalogue/images tells which variable is what.

What is not set is the image's choice, and not known.
"""

import re
from collections.abc import Iterator

from poolcheck.model.facts import Image
from poolcheck.model.pooler_config import KEYS, PoolerConfig, PoolerDatabase, PoolerSetting
from poolcheck.model.problem import Location
from poolcheck.readers.deploy.compose import Service, Text
from poolcheck.readers.poolers.interface import EnvLines

ENVIRONMENT = ("pgbouncer",)


def version_of(tag: str) -> tuple[int, ...]:
    """The PgBouncer version that an image's tag names: v1.23.1-p2, 1.18.0; () when it names none."""
    match = re.match(r"v?(1\.\d{1,2}(?:\.\d{1,2})?)(?=$|[-_+.])", tag)
    return tuple(int(part) for part in match[1].split(".")) if match else ()


def read(service: Service, image: Image, _env_lines: EnvLines) -> PoolerConfig:
    """The settings that the service's environment makes."""
    settings: list[PoolerSetting] = []
    for name, text in service.environment:
        key = name.lower().removeprefix(image.prefix.lower())
        if key in KEYS and key not in ("user", "service_name") and name.isupper():
            settings.append(_setting(key, text, service.path))
    return PoolerConfig(
        name=f"service {service.name}",
        location=service.location,
        complete=False,
        version=version_of(service.tag),
        version_source=f"{service.path}:{service.image_line}" if version_of(service.tag) else "",
        settings=tuple(settings),
        databases=tuple(_databases(service, image)),
        published=service.published,
        descriptors=_setting("nofile", service.descriptors, service.path) if service.descriptors else None,
        container=True,
        service=service.name,
        path=service.path,
    )


def _setting(key: str, text: Text, path: str) -> PoolerSetting:
    return PoolerSetting(key, text.value, Location(path, text.line), text.known)


def _databases(service: Service, image: Image) -> Iterator[PoolerDatabase]:
    """The one server that the environment names; a forced user makes one pool of it."""
    host = _first(service, image.host)
    if host is None:
        return
    named = _first(service, image.database)
    pairs = (("host", host), ("user", _first(service, image.user)), ("dbname", _first(service, image.dbname)))
    yield PoolerDatabase(
        name=named.value if named else "*",
        location=Location(service.path, host.line),
        settings=tuple(_setting(key, text, service.path) for key, text in pairs if text is not None),
    )


def _first(service: Service, names: tuple[str, ...]) -> Text | None:
    """The first of these variables that is set."""
    return next((text for name in names if (text := service.env(name))), None)
