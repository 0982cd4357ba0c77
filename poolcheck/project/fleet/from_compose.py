"""Members of sums out of a compose file: its services, its servers, and its poolers, which are clients themselves."""

import posixpath
from collections.abc import Iterator
from typing import TYPE_CHECKING

from poolcheck.capacity.pooler_sums import most_connections, users
from poolcheck.connection.parse import from_parts, looks_like_connection_string, parse
from poolcheck.model.fleet import Amount, Member
from poolcheck.model.pooler_config import PoolerConfig
from poolcheck.model.problem import Location
from poolcheck.model.project import Package
from poolcheck.model.roles import PARTS_HOST
from poolcheck.model.target import Target
from poolcheck.project.fleet.amounts import instances_of, server_limit
from poolcheck.project.fleet.ledger import Key, Ledger, Project, deployed_target, for_app, runs_once
from poolcheck.project.fleet.process_counts import ONE
from poolcheck.readers.deploy.compose import address
from poolcheck.readers.env import dotenv

if TYPE_CHECKING:
    from poolcheck.readers.deploy.compose import Compose, Service

DEFAULT_CLIENTS = 100  # max_client_conn of PgBouncer: https://www.pgbouncer.org/config.html


def collect(ledger: Ledger, project: Project, compose: "Compose") -> None:
    """The servers, poolers and members of one file."""
    ledger.composes.add(compose.path)
    for service in compose.services:
        limit = server_limit(service)
        if limit is not None:
            server = ledger.of(Key(compose.path, service.name))
            server.limit, server.reserved = limit
    poolers = {config.service: config for config in project.found.poolers if config.path == compose.path}
    for name, config in poolers.items():
        _clients(ledger, Key(compose.path, name), config)
        _pooler(ledger, compose, name, config)
    for service in compose.services:
        if service.name not in poolers and not runs_once(service.name) and not service.profiles:
            _service(ledger, project, compose, service)


def _clients(ledger: Ledger, key: Key, config: PoolerConfig) -> None:
    """How many clients a pooler takes."""
    clients = config.number("max_client_conn", DEFAULT_CLIENTS)
    if not clients or config.off("max_client_conn"):
        return
    said = config.setting("max_client_conn")
    words = f"PgBouncer's default of {DEFAULT_CLIENTS} clients"
    if said:
        words = config.line("max_client_conn", str(clients))
    pooler = ledger.of(key)
    pooler.raises = config.line("max_client_conn", "{}")
    pooler.clients = Amount(clients, words, said.location if said else None)


def _pooler(ledger: Ledger, compose: "Compose", name: str, config: PoolerConfig) -> None:
    """A pooler is a client of its server: all its pools together."""
    by_host: dict[str, list[int | None]] = {}
    for database in config.databases:
        most = most_connections(config, database, users(config, database))
        by_host.setdefault(database.value("host") or "", []).append(most)
    said = config.setting("default_pool_size") or next(
        (one for database in config.databases if (one := database.setting("pool_size"))), None
    )
    at = said.location if said else config.location
    for host, sums in by_host.items():
        known = [most for most in sums if most is not None]
        server = ledger.servers.get(Key(compose.path, host))
        if server is None or server.limit is None or len(known) != len(sums):
            continue
        words = f"{len(known)} pools of the pooler" if len(known) > 1 else "its pool"
        instances = instances_of(compose.service(name))
        pool = Amount(sum(known), words, at)
        server.members.append(
            Member(name=name, location=at, instances=instances, workers=ONE, pooler=True, pool=pool)
        )


def _service(ledger: Ledger, project: Project, compose: "Compose", service: "Service") -> None:
    """A service counts once for each server that its strings lead to."""
    package = project.packages.of(posixpath.join(service.build or posixpath.dirname(service.path), "x"))
    seen: set[str] = set()
    for target in _targets(ledger, project, service, package):
        key = Key(compose.path, target.conn.host)
        if not ledger.known(key):
            if target.match.local or "." not in target.conn.host:
                continue
            key = Key("", target.conn.host)
        if key.host in seen or (not key.place and not ledger.counted_once(key, compose.path)):
            continue
        seen.add(key.host)
        pool = project.pool(target)
        instances = instances_of(service)
        if pool is None:
            if instances.number > 1:
                ledger.of(key).missing.append(f"the pool of {service.name}")
            continue
        at = Location(service.path, service.command_line)
        workers = project.commands.amount(service.command, at, _environment(project, service), service.build)
        ledger.of(key).members.append(
            Member(
                name=service.name,
                location=service.location,
                instances=instances,
                pool=pool,
                surge=1 if service.surge and service.surge.value == "start-first" else 0,
                workers=workers,
            )
        )


def _environment(project: Project, service: "Service") -> dict[str, str | None]:
    """What a service's environment and env files set; None for what compose fills in."""
    made: dict[str, str | None] = {}
    for path in service.env_files:
        if path in project.found.lines and (text := project.packages.text(path)) is not None:
            made |= {entry.key: entry.value for entry in dotenv.read(text, path).active}
    return made | {name: text.value if text.known else None for name, text in service.environment}


def _targets(ledger: Ledger, project: Project, service: "Service", package: Package) -> Iterator[Target]:
    """The app's connection strings of a service: in its environment, or in its env files."""
    for name, text in service.environment:
        if looks_like_connection_string(text.value) and (whole := address(text.value)) is not None:
            conn = parse(whole)
            if conn.is_postgres and conn.host and for_app(name):
                yield deployed_target(name, conn, Location(service.path, text.line), package)
    if service.build is not None:  # of somebody else's image we do not know the driver
        yield from _parts(ledger, service, package)
    said = {name for name, _ in service.environment}
    for target in project.found.targets:
        if target.location.path in service.env_files and target.name not in said:
            if target.active and not target.commented and target.role == "app":
                yield deployed_target(target.name, target.conn, target.location, package)


def _parts(ledger: Ledger, service: "Service", package: Package) -> Iterator[Target]:
    """Strings given in parts, where the host is a server or a pooler of the same file."""
    for name in PARTS_HOST:
        text = service.env(name)
        if text is not None and text.known and ledger.known(Key(service.path, text.value)):
            yield deployed_target(
                name, from_parts(host=text.value), Location(service.path, text.line), package
            )
