"""PgBouncer in a container: what the environment of an image says.

The images spell the settings in capitals: POOL_MODE (edoburu, bitnami's older ones) or PGBOUNCER_POOL_MODE (bitnami),
and give the server as DB_HOST, POSTGRESQL_HOST or DATABASE_URL. What is not set is the image's choice, and not known.
"""

import re

from poolcheck.model.pooler_config import KEYS, PoolerConfig, PoolerDatabase, PoolerSetting
from poolcheck.model.problem import Location
from poolcheck.readers.deploy.compose import Service, Text

_HOSTS = ("DB_HOST", "POSTGRESQL_HOST", "PGBOUNCER_DB_HOST")
_ON_THIS_MACHINE = re.compile(r"(?:127\.0\.0\.1|localhost|\[::1\]):")


def is_pgbouncer(service: Service) -> bool:
    """Does the service run PgBouncer: by its image, or built here under that name?"""
    name = service.repository.rpartition("/")[2] or (service.name if service.build else "")
    return name.startswith("pgbouncer") and "exporter" not in name


def version_of(tag: str) -> tuple[int, ...]:
    """The PgBouncer version that an image's tag names: v1.23.1-p2, 1.18.0; () when it names none."""
    match = re.match(r"v?(1\.\d{1,2}(?:\.\d{1,2})?)(?=$|[-_+.])", tag)
    return tuple(int(part) for part in match[1].split(".")) if match else ()


def read(service: Service) -> PoolerConfig:
    """The settings that the service's environment makes."""
    settings: list[PoolerSetting] = []
    for name, text in service.environment:
        key = name.lower().removeprefix("pgbouncer_")
        if key in KEYS and key not in ("user", "service_name") and name.isupper():
            settings.append(_setting(key, text, service.path))
    return PoolerConfig(
        name=f"service {service.name}",
        location=service.location,
        complete=False,
        version=version_of(service.tag),
        version_source=f"{service.path}:{service.image_line}" if version_of(service.tag) else "",
        settings=tuple(settings),
        databases=tuple(_databases(service)),
        published=published(service.ports),
        descriptors=_setting("nofile", service.descriptors, service.path) if service.descriptors else None,
        container=True,
        service=service.name,
        path=service.path,
    )


def _setting(key: str, text: Text, path: str) -> PoolerSetting:
    return PoolerSetting(key, text.value, Location(path, text.line), text.known)


def _databases(service: Service) -> list[PoolerDatabase]:
    """The one server that the environment names; a forced user makes one pool of it."""
    host = next((text for name in _HOSTS if (text := service.env(name))), None)
    if host is None:
        return []
    settings = [_setting("host", host, service.path)]
    for name, key in (("DB_USER", "user"), ("DB_NAME", "dbname"), ("POSTGRESQL_USERNAME", "user")):
        text = service.env(name)
        if text is not None:
            settings.append(_setting(key, text, service.path))
    named = service.env("DB_NAME") or service.env("PGBOUNCER_DATABASE") or service.env("POSTGRESQL_DATABASE")
    return [
        PoolerDatabase(
            name=named.value if named else "*",
            location=Location(service.path, host.line),
            settings=tuple(settings),
        )
    ]


def published(ports: tuple[str, ...] | None) -> bool | None:
    """Whether a port is open beyond this machine. No ports: only other containers reach it."""
    if ports is None:
        return False
    return any(not _ON_THIS_MACHINE.match(each) for each in ports)
