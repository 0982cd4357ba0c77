"""Members of sums out of Kubernetes: the workloads of plain manifests, overlays and charts."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from poolcheck.connection.parse import looks_like_connection_string, parse
from poolcheck.model.fleet import Member
from poolcheck.model.target import Target
from poolcheck.project.fleet import charts
from poolcheck.project.fleet.amounts import replicas_of, rollout_surge
from poolcheck.project.fleet.ledger import (
    Key,
    Ledger,
    Project,
    deployed_target,
    elsewhere,
    expanded,
    for_app,
    runs_once,
)
from poolcheck.readers.deploy.kubernetes import ContainerVariable

if TYPE_CHECKING:
    from poolcheck.project.fleet.overlays import DeployedGroup
    from poolcheck.readers.deploy.kubernetes import Workload


def collect(ledger: Ledger, project: Project, names: Sequence[str]) -> None:
    """Every workload that is deployed in one way only; which of two of one name runs is not known."""
    seen: dict[tuple[str, str], list[tuple[Workload, DeployedGroup]]] = {}
    for group in charts.groups(project.packages, names, ledger.skipped):
        for workload in (one for file in group.files for one in file.workloads):
            seen.setdefault((group.stage, workload.name), []).append((workload, group))
    for several in seen.values():
        workload, group = several[-1]
        if len(several) == 1 and not runs_once(workload.name):
            _workload(ledger, project, workload, group)


def _workload(ledger: Ledger, project: Project, workload: "Workload", group: "DeployedGroup") -> None:
    """A workload counts for the first of its strings that leads to a server."""
    environment, variables = _environment(workload, group)
    target = next(_targets(project, workload, group, environment, variables), None)
    if target is None:
        return
    key = Key(group.stage, target.conn.host)
    if not ledger.counted_once(key, "a chart" if group.origin else "manifests"):
        return
    instances = replicas_of(workload, group.scaler(workload.name))
    if instances is None:
        ledger.of(key).missing.append(f"the replicas of {workload.name}")
        return
    pool = project.pool(target)
    if pool is None:
        if instances.number > 1:
            ledger.of(key).missing.append(f"the pool of {workload.name}")
        return
    once = workload.recreate or workload.kind == "StatefulSet"  # the old one goes before the new one comes
    workers = project.commands.amount(
        workload.command,
        workload.command_at or workload.location,
        environment,
        None if workload.command else _build(project, workload),
        complete=workload.complete and all(name in group.held for name in workload.sources),
    )
    ledger.of(key).members.append(
        Member(
            name=workload.name,
            location=instances.location or workload.location,
            instances=instances,
            pool=pool,
            surge=0 if once else rollout_surge(instances.number, workload.surge),
            workers=workers,
        )
    )


def _environment(
    workload: "Workload", group: "DeployedGroup"
) -> tuple[dict[str, str | None], list["ContainerVariable"]]:
    """The variables of a workload's first container, those of its ConfigMaps and Secrets behind its own."""
    environment = {one.name: one.value.reveal() if one.value else None for one in workload.environment}
    variables = list(workload.environment)
    for held in (held for name in workload.sources for held in group.held.get(name, {}).values()):
        if held.key not in environment:
            environment[held.key] = held.value.reveal()
            variables.append(ContainerVariable(held.key, held.value, held.location))
    return environment, variables


def _targets(
    project: Project,
    workload: "Workload",
    group: "DeployedGroup",
    environment: dict[str, str | None],
    variables: Sequence["ContainerVariable"],
) -> Iterator[Target]:
    """The app's strings that lead elsewhere: written out, held by a Secret of the files, or by an env file."""
    for variable in variables:
        if not for_app(variable.name):
            continue
        held = group.held.get(variable.secret, {}).get(variable.key)
        text = variable.value or (held.value if held else None)
        written = expanded(text.reveal(), environment) if text is not None else ""
        target: Target | None = None
        if written and looks_like_connection_string(written):
            package = project.package(workload.name)
            target = deployed_target(variable.name, parse(written), variable.location, package)
        elif variable.secret:
            target = project.env_target(variable.name)
        if target is not None and elsewhere(target.conn):
            yield target


def _build(project: Project, workload: "Workload") -> str | None:
    """The folder whose Dockerfile makes the workload's image: that of the package that it runs."""
    package = project.package(workload.name)
    return package.path if package.drivers else None
