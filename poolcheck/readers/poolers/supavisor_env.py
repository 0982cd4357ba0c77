"""Supavisor in a container, as Supabase's docker-compose.yml for self-hosting runs it.

POOLER_* are read by the script that makes its one tenant; the compose file fills most of them in from the `.env` beside
it. What is not set is that script's choice, and not known.
https://github.com/supabase/supabase/blob/master/docker/docker-compose.yml
"""

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence

from poolcheck.model.facts import Image
from poolcheck.model.pooler_config import PoolerConfig, PoolerDatabase, PoolerSetting
from poolcheck.model.problem import Location
from poolcheck.readers.deploy.compose import Service, Text
from poolcheck.readers.poolers.interface import EnvLines

ENVIRONMENT = ("supavisor",)
_FILLED_IN = re.compile(r"\$\{(\w+)\}|\$(\w+)")
_HOST = re.compile(r"[a-z]+://[^/@]*@([^:/@?]+)")
Values = Mapping[str, tuple[str, Location]]


def env_values(lines: Sequence[str], path: str) -> dict[str, tuple[str, Location]]:
    """The plain assignments of the `.env` beside a compose file that this reader asks for, and where they stand."""
    found = {}
    for number, line in enumerate(lines, 1):
        match = re.match(r"((?:POOLER_|POSTGRES_HOST)\w*)=([\w.-]+)\s*(?:#.*)?$", line)
        if match is not None:
            found[match[1]] = (match[2], Location(path, number))
    return found


def read(service: Service, _image: Image, env_lines: EnvLines) -> PoolerConfig:
    """The settings that the service's environment makes, with what the `.env` beside the file fills in."""
    beside = posixpath.join(posixpath.dirname(service.path), ".env")
    values = env_values(env_lines.get(beside, ()), beside)
    made = {name: _setting(name, text, service, values) for name, text in service.environment}
    return PoolerConfig(
        software="supavisor",
        name=f"service {service.name}",
        location=service.location,
        complete=False,
        settings=tuple(made.values()),
        databases=tuple(_databases(service, made, values)),
        published=service.published,
        container=True,
        service=service.name,
        path=service.path,
    )


def _setting(name: str, text: Text, service: Service, values: Values) -> PoolerSetting:
    match = _FILLED_IN.fullmatch(text.value)
    if match is not None and (match[1] or match[2]) in values:
        value, at = values[match[1] or match[2]]
        return PoolerSetting(name, value, at)
    known = text.known and "PASSWORD" not in name and "://" not in text.value
    return PoolerSetting(name, text.value if known else "", Location(service.path, text.line), known)


def _databases(
    service: Service, made: Mapping[str, PoolerSetting], values: Values
) -> Iterator[PoolerDatabase]:
    """The tenant's pool, and the one of Supavisor's own tables, on the server that DATABASE_URL names."""
    url = service.env("DATABASE_URL")
    found = _HOST.match(url.value) if url else None
    given = values.get("POSTGRES_HOST")
    host = found[1] if found else ""
    if host.startswith("$"):
        host = given[0] if given else ""
    where = (PoolerSetting("host", host, service.location),) if host else ()
    if "POOLER_DEFAULT_POOL_SIZE" in made:
        size = made["POOLER_DEFAULT_POOL_SIZE"]
        yield PoolerDatabase(name="the tenant", location=size.location, settings=where)
    if "DB_POOL_SIZE" in made:
        size = made["DB_POOL_SIZE"]
        user = PoolerSetting("user", "supabase_admin", service.location)
        yield PoolerDatabase(name="its own tables", location=size.location, settings=(size, user, *where))
