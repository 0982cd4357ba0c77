"""The project's sums: what all services together ask of each server, with the place of every number.

A number that no file tells is not guessed: the sum is then left out, and `Skipped` says what is missing. The number of
processes alone is taken as 1 where a command does not say more: what is found is then the least that can happen.
"""

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from poolcheck import catalogue
from poolcheck.capacity.pool_size import surge
from poolcheck.capacity.pooler_sums import most_connections, users
from poolcheck.connection.parse import from_parts, looks_like_connection_string, parse
from poolcheck.connection.string import ConnectionString
from poolcheck.model.context import Context, Numbers
from poolcheck.model.fleet import Amount, Fleet, Member
from poolcheck.model.pooler_config import PoolerConfig
from poolcheck.model.problem import Location
from poolcheck.model.project import Package
from poolcheck.model.report import Skipped
from poolcheck.model.roles import PARTS_HOST, name_claims
from poolcheck.model.target import Target
from poolcheck.project import assumptions
from poolcheck.project.collected import Collected, lines_of, together
from poolcheck.project.fleet import from_platforms
from poolcheck.project.fleet.amounts import instances_of, replicas_of, rollout_surge, server_limit
from poolcheck.project.fleet.pools import pool_size
from poolcheck.project.fleet.process_counts import ONE, Commands
from poolcheck.readers.deploy.compose import address
from poolcheck.readers.env import dotenv

if TYPE_CHECKING:
    from poolcheck.project.fleet.overlays import Group
    from poolcheck.project.packages import Packages
    from poolcheck.readers.deploy.compose import Compose, Service
    from poolcheck.readers.deploy.kubernetes import Workload
    from poolcheck.readers.deploy.platforms import Deployment

# Services that run once, or for people: their few connections are what the buffer is for.
_ONCE = re.compile(
    r"migrat|seed|setup|init|backup|exporter|admin|studio|test|e2e|prestart|release", re.IGNORECASE
)


def collect(so_far: Collected, packages: "Packages", names: Sequence[str]) -> Collected:
    """The sums of the project: its subjects, the lines they point at, and what is missing."""
    from poolcheck.project.pooler_files import composes_of  # noqa: PLC0415 - only for a project

    ctx = Context(catalogue=catalogue, assumed=assumptions.assumed_drivers(packages.config))
    builder = _Builder(so_far, packages, ctx, assumptions.numbers(so_far, packages.config))
    for compose in composes_of(packages, names):
        if not compose.development:
            builder.compose(compose)
    builder.kubernetes(names)
    builder.platforms(names)
    fleets = builder.fleets(from_platforms.terraform_limit(packages, names))
    own = Collected(
        subjects=tuple(fleets), sums=len(fleets), skipped=tuple(builder.skipped),
        groups=frozenset("6") if fleets else frozenset(),
    )  # fmt: skip
    return together(
        (own, *(lines_of(fleet.location.path, packages.text(fleet.location.path)) for fleet in fleets))
    )


_HERE = ("", "localhost", "127.0.0.1", "::1", "[::1]")


class _Builder:
    """Members by the host that they connect to."""

    def __init__(self, found: Collected, packages: "Packages", ctx: Context, numbers: Numbers) -> None:
        self.found, self.packages, self.ctx, self.numbers = found, packages, ctx, numbers
        self.skipped: list[Skipped] = []
        self.members: dict[tuple[str, str], list[Member]] = {}  # compose file or "", host
        self.missing: dict[tuple[str, str], list[str]] = {}  # of services that run more than once
        self.limits: dict[tuple[str, str], tuple[Amount, int]] = {}  # and what is reserved
        self.poolers: dict[tuple[str, str], Amount] = {}
        self.raises: dict[tuple[str, str], str] = {}  # how the pooler's file writes its limit
        self.commands = Commands(packages)
        self.composes: set[str] = set()
        self.kinds: dict[tuple[str, str], str] = {}

    # --- compose ---

    def compose(self, compose: "Compose") -> None:
        """The servers, poolers and members of one file."""
        self.composes.add(compose.path)
        for service in compose.services:
            limit = server_limit(service)
            if limit is not None:
                self.limits[(compose.path, service.name)] = limit
        poolers = {each.service: each for each in self.found.poolers if each.path == compose.path}
        for name, config in poolers.items():
            clients = config.number("max_client_conn", 100)
            said = config.setting("max_client_conn")
            if clients and not config.off("max_client_conn"):
                words = "PgBouncer's default of 100 clients"
                if said:
                    words = config.line("max_client_conn", str(clients))
                self.raises[(compose.path, name)] = config.line("max_client_conn", "{}")
                self.poolers[(compose.path, name)] = Amount(clients, words, said.location if said else None)
            self._pooler(compose, name, config)
        for service in compose.services:
            if service.name not in poolers and not _ONCE.search(service.name) and not service.profiles:
                self._service(compose, service)

    def _pooler(self, compose: "Compose", name: str, config: PoolerConfig) -> None:
        """A pooler is a client of its server: all its pools together."""
        service = compose.service(name)
        by_host: dict[str, list[int | None]] = {}
        for each in config.databases:
            by_host.setdefault(each.value("host") or "", []).append(
                most_connections(config, each, users(config, each))
            )
        for host, sums in by_host.items():
            known = [each for each in sums if each is not None]
            if (compose.path, host) not in self.limits:
                continue
            if len(known) != len(sums):
                continue
            said = config.setting("default_pool_size") or next(
                (one for each in config.databases if (one := each.setting("pool_size"))), None
            )
            self.members.setdefault((compose.path, host), []).append(
                Member(
                    name=name, location=said.location if said else config.location, instances=instances_of(service), workers=ONE, pooler=True,
                    pool=Amount(sum(known), f"{len(known)} pools of the pooler" if len(known) > 1 else "its pool", said.location if said else config.location),
                )
            )  # fmt: skip

    def _service(self, compose: "Compose", service: "Service") -> None:
        package = self.packages.of(posixpath.join(service.build or posixpath.dirname(service.path), "x"))
        seen: set[str] = set()
        for target in self._targets(service, package):
            key = (compose.path, target.conn.host)
            if key not in self.limits and key not in self.poolers:
                key = ("", target.conn.host)
                if target.match.local or "." not in target.conn.host:
                    continue
            if key[1] in seen or (not key[0] and not self._counted_once(key, compose.path)):
                continue
            seen.add(key[1])
            pool = pool_size(target, self.ctx, self.found.subjects)
            instances = instances_of(service)
            if pool is None:
                if instances.number > 1:
                    self.missing.setdefault(key, []).append(f"the pool of {service.name}")
                continue
            environment = self._environment(service)
            extra = 1 if service.surge and service.surge.value == "start-first" else 0
            self.members.setdefault(key, []).append(
                Member(
                    name=service.name, location=service.location, instances=instances, pool=pool, surge=extra,
                    workers=self.commands.amount(service.command, Location(service.path, service.command_line),
                        environment, service.build),
                )
            )  # fmt: skip

    def _environment(self, service: "Service") -> dict[str, str | None]:
        """What a service's environment and env files set; None for what compose fills in."""
        made: dict[str, str | None] = {}
        for path in service.env_files:
            if path in self.found.lines and (text := self.packages.text(path)) is not None:
                made |= {each.key: each.value for each in dotenv.read(text, path).active}
        return made | {name: text.value if text.known else None for name, text in service.environment}

    def _targets(self, service: "Service", package: Package) -> Iterator[Target]:
        """The app's connection strings of a service: in its environment, or in its env files."""
        for name, text in service.environment:
            if looks_like_connection_string(text.value) and (whole := address(text.value)) is not None:
                conn = parse(whole)
                if conn.is_postgres and conn.host and _for_app(name):
                    yield _target(name, conn, Location(service.path, text.line), package)
        if service.build is not None:  # of somebody else's image we do not know the driver
            yield from self._parts(service, package)
        for each in self.found.targets:
            if (
                each.location.path in service.env_files
                and each.active
                and not each.commented
                and each.role == "app"
            ):
                if not any(name == each.name for name, _ in service.environment):
                    yield _target(each.name, each.conn, each.location, package)

    def _parts(self, service: "Service", package: Package) -> Iterator[Target]:
        """Strings given in parts, where the host is a server or a pooler of the same file."""
        for name in PARTS_HOST:
            text = service.env(name)
            if (
                text is not None
                and text.known
                and {(service.path, text.value)} & {*self.limits, *self.poolers}
            ):
                yield _target(name, from_parts(host=text.value), Location(service.path, text.line), package)

    # --- Kubernetes ---

    def kubernetes(self, names: Sequence[str]) -> None:
        """The workloads of plain manifests, overlays and charts."""
        if not any(name.endswith((".yaml", ".yml")) for name in names):
            return
        from poolcheck.project.fleet import charts  # noqa: PLC0415 - only for a project

        seen: dict[tuple[str, str], tuple[Workload, Group]] = {}
        doubled = set()
        made = list(charts.groups(self.packages, names, self.skipped))
        for group in made:
            for workload in (each for file in group.files for each in file.workloads):
                key = (group.stage, workload.name)
                if key in seen:
                    doubled.add(key)  # which of them runs is not known
                seen[key] = (workload, group)
        for key, (workload, group) in seen.items():
            if key not in doubled and not _ONCE.search(workload.name):
                self._workload(workload, group)

    def _workload(self, workload: "Workload", group: "Group") -> None:
        instances = replicas_of(workload, group.scaler(workload.name))
        from poolcheck.readers.deploy.kubernetes import Variable  # noqa: PLC0415 - only where there is one

        environment = {
            each.name: each.value.reveal() if each.value else None for each in workload.environment
        }
        variables = list(workload.environment)
        for each in (each for name in workload.sources for each in group.held.get(name, {}).values()):
            if each.key not in environment:
                environment[each.key] = each.value.reveal()
                variables.append(Variable(each.key, each.value, each.location))
        complete = workload.complete and all(name in group.held for name in workload.sources)
        for variable in variables:
            if not _for_app(variable.name):
                continue
            elsewhere = group.held.get(variable.secret, {}).get(variable.key)
            text = variable.value or (elsewhere.value if elsewhere else None)
            revealed = _expanded(text.reveal(), environment) if text is not None else ""
            package = self._package(workload)
            if revealed and looks_like_connection_string(revealed):
                conn = parse(revealed)
                target = _target(variable.name, conn, variable.location, package)
            else:
                known = self._env_target(variable.name) if variable.secret else None
                if known is None:
                    continue
                conn, target = known.conn, known
            if not conn.is_postgres or conn.host in _HERE or "$" in conn.host:
                continue
            key = (group.stage, conn.host)
            if not self._counted_once(key, "a chart" if group.origin else "manifests"):
                return
            if instances is None:
                self.missing.setdefault(key, []).append(f"the replicas of {workload.name}")
                return
            pool = pool_size(target, self.ctx, self.found.subjects)
            if pool is None:
                if instances.number > 1:
                    self.missing.setdefault(key, []).append(f"the pool of {workload.name}")
                return
            extra = 0 if workload.recreate else rollout_surge(instances.number, workload.surge)
            self.members.setdefault(key, []).append(
                Member(
                    name=workload.name, location=instances.location or workload.location, instances=instances, pool=pool,
                    surge=extra if workload.kind != "StatefulSet" else 0,
                    workers=self.commands.amount(workload.command, workload.command_at or workload.location, environment,
                        None if workload.command else self._build(workload), complete=complete),
                )
            )  # fmt: skip
            return

    def _counted_once(self, key: tuple[str, str], kind: str) -> bool:
        """Whether what connects to a host is deployed in one way only: two ways may be the same app twice."""
        first = self.kinds.setdefault(key, kind)
        if first != kind:
            self.skipped.append(Skipped(f"the sum of connections to {key[1]}", f"{first} and {kind} both deploy to it: which is used is not known", "Lint the one that is deployed."))  # fmt: skip
        return first == kind

    def _build(self, workload: "Workload") -> str | None:
        """The folder whose Dockerfile makes the workload's image: that of the package that it runs."""
        package = self._package(workload)
        return package.path if package.drivers else None

    def _package(self, workload: "Workload") -> Package:
        """The package that a workload runs: the one of its name, or the only one that speaks to a database."""
        known = [each for each in self.packages.known() if each.drivers]
        named = [each for each in known if posixpath.basename(each.path) == workload.name]
        if len(named) == 1:
            return named[0]
        return known[0] if len(known) == 1 else Package()

    def _env_target(self, name: str) -> Target | None:
        """The one string of that name in the project's env files, when it is no developer's."""
        found = [
            each
            for each in self.found.targets
            if each.name == name and each.role == "app" and each.active and not each.commented
            and not each.example_file and not each.match.local and not each.conn.has_placeholder
        ]  # fmt: skip
        return found[0] if len(found) == 1 else None

    # --- platform files ---

    def platforms(self, names: Sequence[str]) -> None:
        """What platform files deploy: with a string of its own, or the one thing of a project that has one string."""
        bare: list[Deployment] = []
        for each in from_platforms.deployments(self.packages, names, self.commands):
            if _ONCE.search(each.name):
                continue
            target = self._target_of(each)
            if target is None:
                bare.append(each)
            elif self._counted_once(("", target.conn.host), each.platform):
                self._deployment(each, target)
        target = from_platforms.app_target(self.found.targets)
        if target is None or ("", target.conn.host) in {**self.members, **self.missing}:
            return
        key = ("", target.conn.host)
        pool = pool_size(target, self.ctx, self.found.subjects)
        made = from_platforms.functions(self.packages, names, pool) if pool is not None else []
        told = [each for each in bare if self._tells(each)]
        told = [each for each in told if each.location.path not in self.commands.started]
        if len(made) == 1 and not told:
            self.members[key] = made
        elif len(told) == 1 and not made:
            self._deployment(told[0], target)
        elif len(told) > 1:
            which = ", ".join(dict.fromkeys(f"{each.name} ({each.location.path})" for each in told[:5]))
            self.missing.setdefault(key, []).append(f"which of {which} use {target.name}")

    def _tells(self, deployment: "Deployment") -> bool:
        """Whether a file says more of its deployment than that there is one."""
        if deployment.instances.words and deployment.instances.number != 1:
            return True
        workers = self._processes(deployment)
        known = from_platforms.instances(deployment, self.numbers) is not None
        return known and (workers.number > 1 or workers.least)

    def _processes(self, deployment: "Deployment") -> Amount:
        environment = {
            each.name: each.value.reveal() if each.value else None for each in deployment.environment
        }
        return deployment.processes or self.commands.amount(
            deployment.command, deployment.command_at or deployment.location, environment, deployment.folder,
            complete=deployment.platform not in ("procfile", "fly", "railway", "render") and not deployment.platform.startswith("aws"),
        )  # fmt: skip

    def _target_of(self, deployment: "Deployment") -> Target | None:
        """The string that a deployment's environment holds, or that it names and the project's env files hold."""
        for variable in deployment.environment:
            if not _for_app(variable.name):
                continue
            text = variable.value.reveal() if variable.value else ""
            if text and looks_like_connection_string(text):
                conn = parse(text)
                if (
                    conn.is_postgres
                    and conn.host not in _HERE
                    and "$" not in conn.host
                    and not conn.has_placeholder
                ):
                    package = self.packages.of(posixpath.join(deployment.folder, "x"))
                    return _target(variable.name, conn, variable.location, package)
            elif variable.secret and (known := self._env_target(variable.name)) is not None:
                return known
        return None

    def _deployment(self, deployment: "Deployment", target: Target) -> None:
        key = ("", target.conn.host)
        count = from_platforms.instances(deployment, self.numbers)
        pool = pool_size(target, self.ctx, self.found.subjects)
        if count is None:
            if deployment.instances.words:
                self.missing.setdefault(key, []).append(f"the instances of {deployment.name}")
            return
        workers = self._processes(deployment)
        if pool is None:
            if count.number * workers.number > 1 or workers.least:
                self.missing.setdefault(key, []).append(f"the pool of {deployment.name}")
            return
        of_config = (
            not deployment.instances.words and count.location is None and self.numbers.instances is not None
        )
        self.members.setdefault(key, []).append(
            Member(
                name=deployment.name, location=count.location or workers.location or deployment.location,
                instances=count, workers=workers, pool=pool,
                surge=surge(count.number, self.numbers.surge) if of_config else deployment.surge,
            )
        )  # fmt: skip

    # --- sums ---

    def fleets(self, terraform: Amount | None) -> list[Fleet]:
        """Every host with a known limit; what is missing only makes its sum larger."""
        made = []
        outside = {host for path, host in [*self.members, *self.missing] if path not in self.composes}
        for key in {**self.members, **self.missing}:
            members = self.members.get(key, [])
            limit = self.limits.get(key)
            if (
                limit is None
                and key[0] not in self.composes
                and len(outside) == 1
                and self.numbers.max_connections is not None
            ):
                source = self.numbers.sources.get("max_connections", "an option")
                limit = (Amount(self.numbers.max_connections, f"max_connections {self.numbers.max_connections}, {source}"), self.numbers.reserved)  # fmt: skip
            elif (
                limit is None and key[0] not in self.composes and len(outside) == 1 and terraform is not None
            ):
                limit = (terraform, self.numbers.reserved)
            against: Amount | None = self.poolers.get(key)
            large = any(each.instances.number * each.workers.number > 1 or each.least for each in members)
            if key in self.missing:
                what = ", ".join(dict.fromkeys(self.missing[key]))
                self.skipped.append(Skipped(f"the sum of connections to {key[1]}", f"{what}: not known from the files", "Set the size in the connection string where the driver reads it there, or use poolcheck size."))  # fmt: skip
            elif limit is None and against is None and large:
                self.skipped.append(Skipped(f"the sum of connections to {key[1]}", "the server's max_connections is not known", "Give --max N or --plan NAME."))  # fmt: skip
            if not members or (limit is None and against is None):
                continue
            for each in members:
                if each.workers.least:
                    self.skipped.append(Skipped(f"the processes of {each.name}", f"{each.workers.words} ({each.workers.location}); counted as {each.workers.number}", "Write the number, so that the sum is the real one."))  # fmt: skip
            largest = max(members, key=lambda each: each.deploy)
            if against is not None:
                made.append(Fleet(name=key[1], location=largest.location, members=tuple(members), limit=against, against="pooler clients", raises=self.raises[key]))  # fmt: skip
            elif limit is not None and not self._said_by_url_rule(key, members):
                made.append(Fleet(name=key[1], location=largest.location, members=tuple(members), limit=limit[0], reserved=limit[1], buffer=self.numbers.buffer, against="slots"))  # fmt: skip
        return made

    def _said_by_url_rule(self, key: tuple[str, str], members: Sequence[Member]) -> bool:
        """With instances and max_connections in the config, the sum of one string is PC204's, as far as it exceeds."""
        known = self.numbers.instances is not None and self.numbers.max_connections is not None
        if key[0] in self.composes or not known or len(members) != 1:
            return False
        one = members[0]
        return (
            one.workers.number == 1
            or one.instances.number * one.pool.number
            > (self.numbers.max_connections or 0) - self.numbers.reserved
        )


def _expanded(text: str, environment: Mapping[str, str | None]) -> str:
    """`$(NAME)` as Kubernetes fills it in, once; what is not known stays."""
    return re.sub(r"\$\((\w+)\)", lambda match: environment.get(match[1]) or match[0], text)


def _for_app(name: str) -> bool:
    return name_claims(name) != "direct" and "SHADOW" not in name and "TEST" not in name


def _target(name: str, conn: ConnectionString, at: Location, package: Package) -> Target:
    return Target(
        name=name,
        conn=conn,
        location=at,
        origin="config",
        role="app",
        match=catalogue.match(conn),
        package=package,
    )
