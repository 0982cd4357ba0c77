"""Clients out of a compose file: its services, beside the servers and poolers that it runs."""

import posixpath
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

from poolcheck import catalogue
from poolcheck.connection.parse import from_parts, looks_like_connection_string
from poolcheck.model.amount import at_least, exact
from poolcheck.model.problem import Location
from poolcheck.model.project import Package
from poolcheck.model.roles import other_driver
from poolcheck.project.mapping.amounts import instances_of
from poolcheck.project.mapping.draft import MapDraft, Running, Way, runs_once, string_in
from poolcheck.project.mapping.ends import Standing
from poolcheck.project.mapping.images import known
from poolcheck.project.mapping.pools import Beside
from poolcheck.project.mapping.server_limits import mounted, server_limit
from poolcheck.project.mapping.written import Variable, host_and_port, variable_of, ways
from poolcheck.readers.deploy.properties import with_properties

if TYPE_CHECKING:
    from poolcheck.model.facts import Image
    from poolcheck.readers.deploy.compose import Compose, Service, Text

_STARTS = re.compile(r"(?:^|[\s/\"'])(?:postgres|patroni|docker-entrypoint\.sh)(?:$|[\s\"'])|^-")
_TOOL = re.compile(r"\b(?:psql|pg_\w+|pgbench|createdb|createuser)\b")
_LANGUAGES = re.compile(
    r"(?:oven/)?(?:node|bun|python|golang|ruby|php|elixir|rust|openjdk|eclipse-temurin|maven|gradle)|dotnet/sdk"
)
_PAGES = frozenset(
    f"npm:{name}"
    for name in ("react", "vue", "svelte", "solid-js", "preact", "@angular/core", "vite", "next", "nuxt")
)
_OTHER_SERVERS = re.compile(r"(?:^|/)(?:mysql|mariadb|mongo|mssql)(?:-server|db|/server)?$")
_DEFAULT = re.compile(r"\$\{\w+:?-(\S+)\}")


def declare(draft: MapDraft, compose: "Compose") -> None:
    """The servers and poolers of one file."""
    if compose.joined:
        draft.ends.joined[compose.path] = {each.name for each in compose.services}
    for service in compose.services:
        image = _image(service)
        if image is not None and image.is_ == "server" and not _tool(compose, service):
            names = (service.name, *service.others, service.name)
            server = draft.ends.declare(compose.path, names, service.location)
            limit = server_limit(service, tuple(mounted(draft.packages, service)))
            if limit is not None:
                server.limit, server.reserved = limit
            user = service.env("POSTGRES_USER")
            server.superuser = user.value if user is not None else "postgres"
            server.scripts += _scripts(service)
    for config in draft.found.poolers:
        if config.path in (compose.path, *compose.parts) and config.service:
            replicas = instances_of(compose.service(config.service)) or at_least(1, "replicas are filled in")
            runs = compose.service(config.service)
            names = (config.service, *(runs.others if runs is not None else ()))
            draft.ends.declare_pooler(compose.path, names, config, replicas)


def _scripts(service: "Service") -> Iterator[str]:
    """What the image runs when its data folder is new: https://hub.docker.com/_/postgres, Initialization scripts."""
    for volume in service.volumes:
        source, _, target = volume.partition(":")
        if target.startswith("/docker-entrypoint-initdb.d") and not source.startswith("/"):
            yield posixpath.normpath(posixpath.join(posixpath.dirname(service.path), source))


def collect(draft: MapDraft, compose: "Compose") -> None:
    """The clients of one file. Where each of them has a profile, a profile is how they are started."""
    before = len(draft.running)
    _collect(draft, compose)
    mine = draft.running[before:]
    apart = {each.name: _for_a_moment(each) for each in compose.services if _apart(draft, compose, each)}
    if mine and all(each.once for each in mine):
        draft.running[before:] = [
            replace(each, once=False) if apart.get(each.name) is False else each for each in mine
        ]


def _for_a_moment(service: "Service") -> bool:
    """Whether a service is for people, or ends, whatever its profile."""
    image = catalogue.image(service.repository) if service.build is None or service.based else None
    tool = image is not None and (image.is_ == "server" or image.once)
    return tool or service.once or runs_once(service.name)


def _collect(draft: MapDraft, compose: "Compose") -> None:
    poolers = {
        config.service
        for config in draft.found.poolers
        if config.path in (compose.path, compose.over, *compose.parts)
    }
    builds = any(service.build is not None for service in compose.services)
    unknown = {service.repository for service in compose.services if _stranger(service)}
    like = _alike(draft, compose)
    by_code: dict[str, Way] = {}
    silent: list[tuple[Service, bool]] = []
    for service in compose.services:
        image = _image(service)
        if service.name in poolers or (
            image is not None and image.is_ != "client" and not _tool(compose, service)
        ):
            continue
        own = service.build is not None or (
            not builds and len(unknown) == 1 and service.repository in unknown
        )
        key = _runs(draft, service)
        same = like.get(key) if key and not any(_written(draft, compose, service, None)) else None
        found = _service(
            draft, compose, service, (replace(same, place=service.location),) if same else (), own=own
        )
        code = _code(draft, service)
        if (
            code and found and not found[0].variable
        ):  # it starts after its database, and the code says the rest
            by_code.setdefault(code, found[0])
        if key and found:
            like.setdefault(key, found[0])
        elif not found:
            silent.append((service, own))
    only = _only_server(draft, compose)
    for service, own in silent:
        way = like.get(_runs(draft, service)) or by_code.get(_code(draft, service))
        way = way or (only if _speaks(draft, service) else None)
        if way is not None:
            _service(draft, compose, service, (replace(way, place=service.location),), own=own)


_Runs: TypeAlias = "tuple[str, tuple[str, ...]] | None"


def _runs(draft: MapDraft, service: "Service") -> _Runs:
    """What services have in common that run the same program with the same env files made elsewhere; None: nothing is."""
    elsewhere = any(path not in draft.found.lines for path in service.env_files)
    program = f"{service.build} {service.context} {service.dockerfile}" if service.build else service.image
    return (program, service.env_files) if elsewhere and program else None


def _only_server(draft: MapDraft, compose: "Compose") -> Way | None:
    """The way to the one server that a file runs, where no pooler stands before it."""
    here = Standing(compose.path)
    named = [each for each in compose.services if draft.ends.runs(each.name, here)]
    if len(named) != 1 or draft.ends.is_pooler(named[0].name, here):
        return None
    return draft.way("", from_parts(host=named[0].name), named[0].location, None, here)


def _speaks(draft: MapDraft, service: "Service") -> bool:
    """Whether a service is built from code with a driver of PostgreSQL and of no other database, and its env file is made elsewhere."""
    if service.build is None or _whole(draft, service):
        return False
    package = draft.built(service.build, service.name, service.context)
    others = other_driver(package.dependencies)
    speaks = bool(package.drivers) or bool(draft.reader.sites(package))
    return bool(package.manifests) and speaks and not others and not _shown(draft, package)


def _code(draft: MapDraft, service: "Service") -> str:
    """The folder of the code that a service is built from, where that makes a pool."""
    if service.build is None:
        return ""
    package = draft.built(service.build, service.name, service.context)
    return (package.path or ".") if draft.reader.sites(package) else ""


def _alike(draft: MapDraft, compose: "Compose") -> dict[_Runs, Way]:
    """By program and env files: the way of a service that starts after its database."""
    made: dict[_Runs, Way] = {}
    for service in compose.services:
        key = _runs(draft, service)
        if key is None or (
            service.build and _shown(draft, draft.packages.of(posixpath.join(service.build, "x")))
        ):
            continue
        if (way := _needed(draft, compose, service)) is not None:
            made.setdefault(key, way)
    return made


def _image(service: "Service") -> "Image | None":
    """What a service runs that is well known: by its image, built here under that name, or a server by the service's name."""
    image = catalogue.image(service.repository)
    named = catalogue.image(service.name) if image is None else None
    return (
        named
        if named is not None and (service.build or named.is_ == "server") and named.is_ != "other"
        else image
    )


def _tool(compose: "Compose", service: "Service") -> bool:
    """Whether a service takes a server's image for its tools: a backup, a script that waits for the server or fills it."""
    words = " ".join((*service.entrypoint, *service.command))
    if not words or _STARTS.search(words):
        return False
    names = {name for each in compose.services if each is not service for name in (each.name, *each.others)}
    hosts = {host_and_port(text.value)[0] for name, text in service.environment if "HOST" in name.upper()}
    keeps = any(volume.partition(":")[2].startswith("/var/lib/postgresql") for volume in service.volumes)
    named = runs_once(service.name) and not names.isdisjoint(service.needs)
    return not keeps and (named or not names.isdisjoint(hosts) or _TOOL.search(words) is not None)


# Databases of other makers: no program of the project, as every other unknown image may be.
_DATABASES = re.compile(
    r"(?:^|/)(?:mysql|mariadb|percona|mongo(?:db)?|redis|valkey|memcached|cassandra|clickhouse|elasticsearch|opensearch|rabbitmq|kafka)(?:-server)?$"
)


def _stranger(service: "Service") -> bool:
    if _DATABASES.search(service.repository):
        return False
    image = catalogue.image(service.repository)
    return service.build is None and bool(service.repository) and (image is None or image.is_ == "client")


def _service(
    draft: MapDraft, compose: "Compose", service: "Service", given: tuple[Way, ...], *, own: bool
) -> tuple[Way, ...]:
    """A service counts once for each server that its strings lead to; `given` are ways that it shares with another."""
    package: Package | None = None
    image = catalogue.image(service.repository) if service.build is None or service.based else None
    tool = image is not None and image.is_ == "server"
    mounted = _mounted_code(draft, service)
    theirs = None
    if image is not None and not tool:  # somebody else's: no code of this project is its
        complete = all(path in draft.found.lines for path in service.env_files)
        every = (*_own_variables(service), *_in_files(draft, service))
        theirs = known(
            draft,
            image,
            every,
            Standing(compose.path),
            complete=complete,
            where=(service.name, service.location),
        )
        given = given or theirs.ways
    elif mounted is not None:
        package = draft.packages.of(posixpath.join(mounted, "x"))
    elif own and not tool:
        package = draft.built(service.build or posixpath.dirname(service.path), service.name, service.context)
    elif service.repository:
        package = draft.named_package({service.repository.rpartition("/")[2]})
    if package is not None:
        package = draft.in_container(package, compose.path)
    found = given or tuple(_ways(draft, compose, service, package))
    if not found and theirs is not None and theirs.unseen is not None:
        found = (draft.referred(theirs.unseen.name, theirs.unseen.reference, theirs.unseen.place),)
    if not found or (theirs is not None and not theirs.speaks):
        return ()
    if not any(way.target for way in found) and _of_another_kind(compose, service):
        return ()
    environment = _environment(draft, service)
    at = Location(service.command_path or service.path, service.command_line)
    folder = service.build if service.build is not None or package is None else package.path
    running = draft.commands.amount(
        service.entrypoint + service.command,
        at,
        environment,
        folder,
        dockerfile=service.dockerfile,
        built=service.build is not None,
    )
    added = (
        exact(1, "order: start-first")
        if service.surge and service.surge.value == "start-first"
        else exact(0, "")
    )
    instances = instances_of(service)
    draft.running.append(
        Running(
            name=service.name, place=service.location, ways=found, package=package, image=service.repository,
            instances=instances, why="" if instances else "its replicas are filled in when it is deployed", surge=added if instances else None,
            processes=theirs.processes if theirs else running.processes, pools=theirs.pools if theirs else None, threads=running.threads,
            environment=running.environment, complete=_whole(draft, service), once=tool or (image is not None and image.once) or service.once or runs_once(service.name) or _apart(draft, compose, service), kind=_kind(compose),
        )
    )  # fmt: skip
    return found


def _kind(compose: "Compose") -> str:
    """The way of deployment: files of several folders that share a network are one, whatever their names' spelling."""
    base = posixpath.basename(compose.path)
    return f"{base.rpartition('.')[0].removeprefix('docker-')}.yml" if compose.joined else compose.path


def _of_another_kind(compose: "Compose", service: "Service") -> bool:
    """Whether a service starts after databases of other kinds alone; what it is given is theirs where nothing says more."""
    needed = [each for each in compose.services if not {each.name, *each.others}.isdisjoint(service.needs)]
    return any(_OTHER_SERVERS.search(each.repository) for each in needed) and not any(
        (image := catalogue.image(each.repository)) is not None and image.is_ in ("server", "pooler")
        for each in needed
    )


def _mounted_code(draft: MapDraft, service: "Service") -> str | None:
    """The folder of the project that an image of a language alone runs: the one with a manifest that is mounted into it."""
    if service.build is not None or _LANGUAGES.fullmatch(service.repository) is None:
        return None
    folder = posixpath.dirname(service.path)
    sources = (volume.partition(":")[0] for volume in service.volumes)
    found = [posixpath.normpath(posixpath.join(folder, each)) for each in sources if each.startswith(".")]
    return next((each for each in found if draft.packages.manifest_in(each)), None)


def _apart(draft: MapDraft, compose: "Compose", service: "Service") -> bool:
    """Whether a service starts only when somebody asks for it: not where every service has a profile, nor where .env turns it on."""
    beside = (
        draft.assignments(posixpath.join(posixpath.dirname(compose.path), ".env")) if service.profiles else ()
    )
    on = {
        name.strip()
        for each in beside
        if each.key == "COMPOSE_PROFILES"
        for name in (each.value or "").split(",")
    }
    return (
        bool(service.profiles)
        and on.isdisjoint((*service.profiles, "*"))
        and not all(each.profiles for each in compose.services)
    )


def _environment(draft: MapDraft, service: "Service") -> dict[str, str | None]:
    """What a service's environment and env files set; None for what compose fills in."""
    made: dict[str, str | None] = {}
    for path in service.env_files:
        made |= {entry.key: entry.value for entry in draft.assignments(path)}
    made |= {name: text.value if text.known else None for name, text in service.environment}
    return with_properties(made, service.command)


def _ways(draft: MapDraft, compose: "Compose", service: "Service", package: Package | None) -> Iterator[Way]:
    """Where a service connects: by its environment, its env files, or its code alone."""
    found = list(_written(draft, compose, service, package))
    around = Beside(environment=_environment(draft, service), complete=_whole(draft, service))
    if found and all(way.end.server is not None and way.end.server.here for way in found):
        needed = _needed(
            draft, compose, service
        )  # what is on the machine of a developer is not in a container
        if needed is not None:
            draft.passed |= {(way.place.path, way.place.line, way.variable) for way in found}
            found = [needed]
    yield from found
    if not found and package is not None:
        here = Standing(compose.path)
        config = [variable_of(*each) for each in draft.reader.strings(package)]
        found = [way for way in ways(draft, config, package, here) if way.target and draft.ends.runs(way.target.conn.host, here)]  # fmt: skip
        found = found or list(draft.of_config(package, around, service.location, here))
        found = [replace(way, target=way.target and replace(way.target, origin="source")) for way in found]
        yield from found
    if (
        not found
        and (package is None or not _shown(draft, package))
        and (way := _needed(draft, compose, service)) is not None
    ):
        yield way
        return
    if any(way.role == "app" for way in found) or package is None or _shown(draft, package):
        return
    yield from draft.of_code(package, service.location, around)


def _whole(draft: MapDraft, service: "Service") -> bool:
    """Whether every variable of a service is known."""
    return all(path in draft.found.lines for path in service.env_files)


def _shown(draft: MapDraft, package: Package) -> bool:
    """Whether a package is what a browser shows: it starts after a database, and has nothing that speaks to one."""
    return (
        not package.drivers
        and not package.dependencies.isdisjoint(_PAGES)
        and not draft.reader.sites(package)
    )


def _needed(draft: MapDraft, compose: "Compose", service: "Service") -> Way | None:
    """The way of a service that starts after a database and does not say more: its env file may be made elsewhere."""
    here = Standing(compose.path)
    named = [name for name in service.needs if draft.ends.runs(name, here)]
    named = [name for name in named if draft.ends.is_pooler(name, here)] or named
    return draft.way("", from_parts(host=named[0]), service.location, None, here) if len(named) == 1 else None


def _written(
    draft: MapDraft, compose: "Compose", service: "Service", package: Package | None
) -> Iterator[Way]:
    variables = list(_own_variables(service))
    own = {each.name for each in variables}
    targets = [each for each in draft.found.targets if each.location.path in service.env_files]
    strings = {(each.location.path, each.name) for each in targets}
    variables += [
        each
        for each in _in_files(draft, service)
        if each.name not in own and (each.place.path, each.name) not in strings
    ]
    yield from ways(draft, variables, package, Standing(compose.path), service.command)
    for target in targets:
        if target.name not in own and target.active and not target.commented and target.role == "app":
            yield draft.way_of_target(target, compose.path)


def _own_variables(service: "Service") -> Iterator[Variable]:
    for name, text in service.environment:
        yield _variable(service.path, name, text)


def _in_files(draft: MapDraft, service: "Service") -> Iterator[Variable]:
    """What its env files set."""
    for path in service.env_files:
        for entry in draft.assignments(path):
            if entry.value:
                yield Variable(entry.key, entry.value, Location(path, entry.line))


def _variable(path: str, name: str, text: "Text") -> Variable:
    """A string may have parts that compose fills in; a text that is all filled in is not in the repository."""
    at = Location(text.path or path, text.line)
    default = _DEFAULT.fullmatch(text.value)
    if default is not None and string_in(default[1]) is not None:
        return variable_of(name, default[1], at)  # what runs where nobody sets another
    if text.known or "://" in text.value or looks_like_connection_string(text.value):
        return variable_of(name, text.value, at)
    first = re.match(r"\$\{?(\w+)", text.value)  # a name: what stands around it may be a piece of a password
    return Variable(name, None, at, first[1] if first else "")
