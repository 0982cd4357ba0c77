"""Clients out of Kubernetes: the workloads of plain manifests, overlays and charts, beside their servers and poolers."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from poolcheck import catalogue
from poolcheck.model.amount import Amount, exact
from poolcheck.model.pooler_config import PoolerConfig
from poolcheck.model.project import Package
from poolcheck.model.target import Target
from poolcheck.project.mapping import charts, from_objects
from poolcheck.project.mapping.amounts import replicas_of, rollout_surge
from poolcheck.project.mapping.draft import (
    MapDraft,
    Running,
    Way,
    deployed_target,
    expanded,
    runs_once,
    string_in,
)
from poolcheck.project.mapping.ends import Standing
from poolcheck.project.mapping.images import known
from poolcheck.project.mapping.pools import Beside, asked_by
from poolcheck.project.mapping.server_limits import Mounted, server_limit
from poolcheck.project.mapping.written import Variable, variable_of, ways
from poolcheck.readers.deploy.compose import Service, Text
from poolcheck.readers.deploy.kubernetes import ContainerVariable
from poolcheck.readers.deploy.properties import with_properties

if TYPE_CHECKING:
    from poolcheck.model.facts import Image
    from poolcheck.project.mapping.overlays import DeployedGroup
    from poolcheck.readers.deploy.kubernetes import Workload

_JOBS = ("Job", "CronJob")


class Cluster:
    """What is deployed together, read once: which of two workloads of one name runs is not known, and neither is counted."""

    def __init__(self, draft: MapDraft, names: Sequence[str]) -> None:
        self.workloads: list[tuple[Workload, DeployedGroup]] = []
        seen: dict[tuple[str, str, str], list[tuple[Workload, DeployedGroup]]] = {}
        self.groups = tuple(charts.groups(draft.packages, names, draft.skipped))
        for group in self.groups:
            for workload in (one for file in group.files for one in file.workloads):
                seen.setdefault((group.stage, workload.namespace, workload.name), []).append(
                    (workload, group)
                )
        self.workloads = [several[-1] for several in seen.values() if len(several) == 1]
        for (_, _, name), several in seen.items():
            if len(several) > 1:
                draft.ambiguous(name, [workload.location for workload, _ in several])


def scope_of(group: "DeployedGroup") -> str:
    """Where the names of a group hold."""
    return f"manifests {group.stage}".rstrip()


def declare(draft: MapDraft, cluster: Cluster) -> None:
    """The servers and poolers that the cluster runs, under the names of their Services."""
    draft.poolers += from_objects.declare(draft, ((scope_of(group), group) for group in cluster.groups))
    for workload, group in cluster.workloads:
        image = next((each for each in _known(workload) if each.is_ in ("server", "pooler")), None)
        if image is None:
            continue
        names = tuple(_names(workload, group))
        if image.is_ == "server":
            server = draft.ends.declare(scope_of(group), names, workload.location)
            limit = server_limit(_as_service(workload), tuple(_mounted(workload, group)))
            if limit is not None:
                server.limit, server.reserved = limit
            continue
        config = _config_of(draft, workload)
        replicas = replicas_of(workload, group.scaler(workload.name))
        if config is not None and replicas is not None:
            draft.ends.declare_pooler(scope_of(group), (*names, pod_of(workload)), config, replicas)


def pod_of(workload: "Workload") -> str:
    """The name under which the containers of its pods reach one another."""
    return f"localhost of {workload.namespace}/{workload.name.partition('/')[0]}"


def _names(workload: "Workload", group: "DeployedGroup") -> Iterator[str]:
    """The Services that lead to a workload, each alone and with its namespace; its own name where there is none."""
    services = [
        each
        for file in group.files
        for each in file.services
        if each.selector and each.selector <= workload.labels
    ]
    named = [(each.name, each.namespace) for each in services] or [(workload.name, "")]
    for name, namespace in named:
        space = namespace or workload.namespace
        yield name
        if space:
            yield f"{name}.{space}"


def _repository(image: str) -> str:
    return Service(name="", path="", line=1, image=image).repository


def _known(workload: "Workload") -> "Iterator[Image]":
    """Those of its images that the catalogue knows."""
    return (made for name in workload.images if (made := catalogue.image(_repository(name))))


def _as_service(workload: "Workload") -> Service:
    """A workload as the reader of a server's limit sees it."""
    return Service(
        name=workload.name, path=workload.location.path, line=workload.location.line or 1,
        image=next((each for each in workload.images if catalogue.image(_repository(each))), ""),
        command=workload.command, command_line=(workload.command_at or workload.location).line or 1,
        environment=tuple((each.name, Text(each.value.reveal() if each.value else "$", each.location.line or 1)) for each in workload.environment),
        volumes=tuple(f":{path}" for path, _, _ in workload.mounts),
    )  # fmt: skip


def _mounted(workload: "Workload", group: "DeployedGroup") -> Iterator[Mounted]:
    """The texts of ConfigMaps that it finds as files."""
    for path, name, inner in workload.mounts:
        for key, held in group.held.get(name, {}).items():
            if inner in ("", key):
                target = path if inner else f"{path.rstrip('/')}/{key}"
                line = (held.location.line or 1) + 1
                if held.value is not None:
                    yield Mounted(target, held.value.reveal(), held.location.path, line)


def _config_of(draft: MapDraft, workload: "Workload") -> PoolerConfig | None:
    """The pooler's configuration: its container's environment, else the one file of a ConfigMap beside it."""
    configs = [each for each in draft.found.poolers if each.container and not each.service]
    own = [each for each in configs if each.name.endswith(f" {workload.name}")]
    maps = [each for each in configs if "ConfigMap" not in each.name and each not in own and each.databases]
    return own[0] if own else maps[0] if len(maps) == 1 else None


def collect(draft: MapDraft, cluster: Cluster) -> None:
    """Every workload that runs one of the project's programs, or somebody else's that connects."""
    unknown = {
        name
        for workload, _ in cluster.workloads
        for name in workload.images
        if (image := catalogue.image(_repository(name))) is None or image.is_ == "client"
    }
    alone = len({_repository(each) for each in unknown}) <= 1
    for workload, group in cluster.workloads:
        its = _known(workload)
        if not any(image.is_ != "client" for image in its) or len(workload.images) > 1:
            _workload(draft, workload, group, alone=alone)


def strings(draft: MapDraft, cluster: Cluster) -> Iterator[Target]:
    """The connection strings that Secrets and ConfigMaps hold, whoever is given them."""
    texts = (held for group in cluster.groups for name in group.held.values() for held in name.values())
    for held in texts:
        conn = string_in(held.value.reveal()) if held.value is not None else None
        if conn is not None and conn.host:
            home = draft.in_container(None, held.location.path)
            yield replace(deployed_target(held.key, conn, held.location, home), origin="deployment")


def _workload(draft: MapDraft, workload: "Workload", group: "DeployedGroup", *, alone: bool) -> None:
    """A client of all its containers, or one for each where several connect; and those that run before them."""
    each = workload.containers
    images = {one.name: catalogue.image(_repository("".join(one.images))) for one in each}
    connecting = [
        one
        for one in each
        if one.kind not in _JOBS and not ((image := images[one.name]) and image.is_ != "client")
        and _Strings(draft, one, group, draft.package(one.name.rpartition("/")[2], one.images)).written()
    ]  # fmt: skip
    before = [one for one in each if one.kind in _JOBS and workload.kind not in _JOBS]
    several = len(connecting) > 1
    for one in (*(connecting if several else [workload]), *before):
        _client(draft, one, workload, group, alone=alone and not several)


def _client(
    draft: MapDraft, workload: "Workload", whole: "Workload", group: "DeployedGroup", *, alone: bool
) -> None:
    package = draft.package(workload.name, workload.images)
    image = next((each for each in _known(workload) if each.is_ == "client"), None)
    if image is not None:  # somebody else's, unless the names say that it runs this project's code beside it
        image, package = (None, package) if package is not None and _own(package, workload) else (image, None)
    if package is not None:
        package = draft.in_container(package, workload.location.path)
    strings = _Strings(draft, workload, group, package)
    complete = workload.complete and all(name in group.held for name in workload.sources)
    where = (workload.name, workload.location)
    theirs = (
        known(draft, image, strings.texts(), strings.standing, complete=complete, where=where)
        if image
        else None
    )
    found = (theirs.ways if theirs else ()) or tuple(_own_ways(strings.ways(), whole))
    if not found and workload.kind not in _JOBS and _prepared(whole):
        name = "INIT_POSTGRES_HOST"
        found = (draft.by_reference(name, f"the database of {workload.name}", workload.location),)
    if not found and theirs is not None and theirs.unseen is not None:
        found = (draft.referred(theirs.unseen.name, theirs.unseen.reference, theirs.unseen.place),)
    environment = strings.environment
    if not found or (theirs is not None and not theirs.speaks):
        return
    if package is not None and not alone and not _own(package, workload):
        package = None
    instances = replicas_of(whole, group.scaler(whole.name))
    once = workload.kind in _JOBS or runs_once(workload.name) or (image is not None and image.once)
    running = draft.commands.amount(
        workload.command,
        workload.command_at or workload.location,
        environment,
        None if workload.command or package is None else package.path,
        complete=complete,
    )
    draft.running.append(
        Running(
            name=workload.name, place=(instances.where if instances else None) or workload.location, ways=found, package=package,
            image=", ".join(dict.fromkeys(_repository(each) for each in workload.images if each)), instances=instances,
            why="" if instances else "the replicas are not known from the files", surge=_surge(whole, instances),
            processes=theirs.processes if theirs else running.processes, pools=theirs.pools if theirs else None,
            threads=running.threads, environment=running.environment, once=once, complete=complete,
            kind="a chart" if group.origin else "manifests",
        )
    )  # fmt: skip


def _prepared(workload: "Workload") -> bool:
    """Whether a container that runs before the others makes their database."""
    before = (one for one in workload.containers if one.kind in _JOBS)
    return any(image.prepares for one in before for image in _known(one))


def _own_ways(ways: Sequence[Way], workload: "Workload") -> list[Way]:
    """Without its own address, that a database of an image of its own is told, and what only the step before it reads."""
    found = [
        way
        for way in ways
        if way.end.server is None
        or way.end.server.unread
        or way.end.server.key.host.partition(".")[0] != workload.name
    ]
    return [way for way in found if not way.variable.startswith("INIT_")] or found


def _surge(workload: "Workload", instances: Amount | None) -> Amount | None:
    if instances is None:
        return None
    if workload.recreate or workload.kind not in ("Deployment", "Rollout"):
        return exact(0, "")  # the old one goes before the new one comes
    return rollout_surge(instances, workload.surge)


def _own(package: Package, workload: "Workload") -> bool:
    """Whether a workload among several images runs this package: by its name, or its image's."""
    names = {package.title.rpartition("/")[2], package.path.rpartition("/")[2]} - {"", "."}
    return workload.name in names or any(
        _repository(each).rpartition("/")[2] in names for each in workload.images
    )


def _environment(
    workload: "Workload", group: "DeployedGroup"
) -> tuple[dict[str, str | None], list["ContainerVariable"]]:
    """The variables of a workload's containers, those of its ConfigMaps and Secrets behind its own."""
    environment = {one.name: one.value.reveal() if one.value else None for one in workload.environment}
    variables = list(workload.environment)
    for held in (held for name in workload.sources for held in group.held.get(name, {}).values()):
        if held.key not in environment:
            environment[held.key] = held.value.reveal() if held.value is not None else None
            variables.append(
                ContainerVariable(
                    held.key,
                    held.value,
                    held.location,
                    "" if held.value else held.name,
                    "" if held.value else held.key,
                )
            )
    return with_properties(environment, workload.command), variables


class _Strings:
    """Where a workload connects: strings written out, held by a Secret of the files, named by a reference, or known by its code."""

    def __init__(
        self, draft: MapDraft, workload: "Workload", group: "DeployedGroup", package: Package | None
    ) -> None:
        self.draft, self.workload, self.group, self.package = draft, workload, group, package
        self.environment, self.variables = _environment(workload, group)

    def ways(self) -> tuple[Way, ...]:
        """Every way of it; that of its code alone where no variable of it is a string."""
        found = self.written()
        if any(way.role == "app" for way in found) or self.package is None:
            return found
        return (*found, *(tuple(self._of_config(self.package)) or self._of_code(self.package)))

    @property
    def _around(self) -> Beside:
        complete = self.workload.complete and all(name in self.group.held for name in self.workload.sources)
        return Beside(environment=self.environment, complete=complete)

    def _of_config(self, package: Package) -> Iterator[Way]:
        """What the config files say of a program that is this package's beyond doubt, or that is given what they ask for."""
        around = self._around
        asked = {name for pool in self.draft.reader.configured(package, around) for name in asked_by(pool)}
        if _own(package, self.workload) or self.workload.sources or not asked.isdisjoint(self.environment):
            yield from self.draft.of_config(package, around, self.workload.location, self.standing)

    def _of_code(self, package: Package) -> Iterator[Way]:
        workload = self.workload
        if not (_own(package, workload) or workload.sources):
            return
        reference = f"{workload.sources[0]}/" if len(workload.sources) == 1 else ""
        for variable in self.draft.reader.variables(package, self._around):
            if variable not in self.environment:
                way = self.draft.unread(variable, f"{reference}{variable}", workload.location, package)
                if way is not None:
                    yield way

    @property
    def standing(self) -> Standing:
        """Where its names hold."""
        return Standing(scope_of(self.group), self.workload.namespace, pod_of(self.workload))

    def texts(self) -> Iterator[Variable]:
        """Its variables, Secrets and ConfigMaps of the files looked up."""
        space = f"{self.workload.namespace}/" if self.workload.namespace else ""
        for each in self.variables:
            held = self.group.held.get(each.secret, {}).get(each.key)
            text = each.value or (held.value if held else None)
            if text is not None:
                place = held.location if each.value is None and held else each.location
                yield variable_of(each.name, expanded(text.reveal(), self.environment), place)
            else:
                reference = f"{space}{each.secret}/{each.key}" if each.secret else ""
                yield Variable(each.name, None, each.location, reference)

    def written(self) -> tuple[Way, ...]:
        """Those that its variables and its command tell."""
        return tuple(
            ways(self.draft, tuple(self.texts()), self.package, self.standing, self.workload.command)
        )
