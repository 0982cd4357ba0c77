"""Sums whose numbers stand in platform files: the most instances of a service, a Procfile's processes, Terraform's limit.

Many of these files do not say which connection string their code reads. Those count only where the project has one
string for the app, and where the files run one thing.
"""

import posixpath
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

from poolcheck.connection.parse import looks_like_connection_string, parse
from poolcheck.model.context import Numbers
from poolcheck.model.fleet import Amount, Member
from poolcheck.model.problem import Location
from poolcheck.model.sizing import surge
from poolcheck.model.target import Target
from poolcheck.project.fleet.ledger import (
    LIMIT_WORDS,
    Key,
    Ledger,
    Project,
    deployed_target,
    elsewhere,
    for_app,
    runs_once,
)
from poolcheck.project.fleet.process_counts import ProcessCommands, app_amount
from poolcheck.project.packages import PROCESS_FILES
from poolcheck.readers.deploy import platforms as reader
from poolcheck.readers.deploy import runtime, terraform
from poolcheck.readers.deploy.kubernetes import ContainerVariable
from poolcheck.readers.deploy.platforms import Deployment

if TYPE_CHECKING:
    from poolcheck.project.packages import Packages

MOST_NAMED = 5  # deployments in one sentence
PARTIAL = ("procfile", "fly", "railway", "render")  # files that do not show the whole environment
_FUNCTIONS = re.compile(
    r"^[^\S\n]*[\"']?(?:handler|Handler)[\"']?\s*:|^[^\S\n]*(?:image|- image)\s*:|PackageType:\s*Image",
    re.MULTILINE,
)
_TERRAFORM = re.compile(
    r"name\s*=\s*\"max_connections\"[^{}]{0,300}?\bvalue\s*=\s*\"?(\d{1,6})\b"
    r"|\bvalue\s*=\s*\"?(\d{1,6})\"?[^{}]{0,300}?\bname\s*=\s*\"max_connections\""
)


def collect(ledger: Ledger, project: Project, names: Sequence[str]) -> None:
    """What platform files deploy: with a string of its own, or the one thing of a project that has one string."""
    bare: list[Deployment] = []
    for deployment in deployments(project.packages, names, project.commands):
        if runs_once(deployment.name):
            continue
        own = _target_of(project, deployment)
        if own is None:
            bare.append(deployment)
        elif ledger.counted_once(Key("", own.conn.host), deployment.platform):
            _deployment(ledger, project, deployment, own)
    target = app_target(project.found.targets)
    if target is None or ledger.asked(key := Key("", target.conn.host)):
        return
    pool = project.pool(target)
    made = functions(project.packages, names, pool) if pool is not None else []
    told = [deployment for deployment in bare if _tells(project, deployment)]
    told = [deployment for deployment in told if deployment.location.path not in project.commands.started]
    if len(made) == 1 and not told:
        ledger.of(key).members += made
    elif len(told) == 1 and not made:
        _deployment(ledger, project, told[0], target)
    elif len(told) > 1:
        which = ", ".join(dict.fromkeys(f"{one.name} ({one.location.path})" for one in told[:MOST_NAMED]))
        ledger.of(key).missing.append(f"which of {which} use {target.name}")


def _tells(project: Project, deployment: "Deployment") -> bool:
    """Whether a file says more of its deployment than that there is one."""
    if deployment.instances.words and deployment.instances.number != 1:
        return True
    workers = _processes(project, deployment)
    return instances(deployment, project.numbers) is not None and (workers.number > 1 or workers.least)


def _processes(project: Project, deployment: "Deployment") -> Amount:
    """The processes of one instance."""
    if deployment.processes:
        return deployment.processes
    environment = {one.name: one.value.reveal() if one.value else None for one in deployment.environment}
    at = deployment.command_at or deployment.location
    whole = deployment.platform not in PARTIAL and not deployment.platform.startswith("aws")
    return project.commands.amount(deployment.command, at, environment, deployment.folder, complete=whole)


def _target_of(project: Project, deployment: "Deployment") -> Target | None:
    """The string that a deployment's environment holds, or that it names and the project's env files hold."""
    for variable in deployment.environment:
        if not for_app(variable.name):
            continue
        text = variable.value.reveal() if variable.value else ""
        if text and looks_like_connection_string(text):
            conn = parse(text)
            if elsewhere(conn) and not conn.has_placeholder:
                package = project.packages.of(posixpath.join(deployment.folder, "x"))
                return deployed_target(variable.name, conn, variable.location, package)
        elif variable.secret and (known := project.env_target(variable.name)) is not None:
            return known
    return None


def _deployment(ledger: Ledger, project: Project, deployment: "Deployment", target: Target) -> None:
    """One deployment that connects with this string."""
    server = ledger.of(Key("", target.conn.host))
    count = instances(deployment, project.numbers)
    if count is None:
        if deployment.instances.words:
            server.missing.append(f"the instances of {deployment.name}")
        return
    pool = project.pool(target)
    workers = _processes(project, deployment)
    if pool is None:
        if count.number * workers.number > 1 or workers.least:
            server.missing.append(f"the pool of {deployment.name}")
        return
    numbers = project.numbers
    of_config = not deployment.instances.words and count.location is None and numbers.instances is not None
    server.members.append(
        Member(
            name=deployment.name,
            location=count.location or workers.location or deployment.location,
            instances=count,
            workers=workers,
            pool=pool,
            surge=surge(count.number, numbers.surge) if of_config else deployment.surge,
        )
    )


def app_target(targets: Sequence[Target]) -> Target | None:
    """The project's only connection string for the app that leads somewhere real."""
    found = {
        target.conn.host: target
        for target in targets
        if target.role == "app" and target.origin == "env" and target.active and not target.commented
        and not target.example_file and target.stage != "test" and not target.match.local and not target.conn.has_placeholder
    }  # fmt: skip
    return next(iter(found.values())) if len(found) == 1 else None


def deployments(packages: "Packages", names: Sequence[str], commands: ProcessCommands) -> list["Deployment"]:
    """What the project's platform files deploy, PM2's apps among them."""
    made: list[Deployment] = []
    variables: dict[
        str, tuple[ContainerVariable, ...]
    ] = {}  # of app.json, by folder: they are the Procfile's
    for name in names:
        if name.endswith(".tf"):
            made += terraform.read(packages.text(name) or "", name)
        elif PROCESS_FILES.search(posixpath.basename(name)):
            made += _machines(name, commands)
        elif reader.matches(name) and (text := packages.text(name)) is not None:
            for each in reader.read(text, name):
                if each.platform == "heroku":
                    variables[each.folder] = each.environment
                else:
                    made.append(each)
    return [
        replace(each, environment=variables.get(each.folder, ())) if each.platform == "procfile" else each
        for each in made
    ]


def _machines(name: str, commands: ProcessCommands) -> Iterator["Deployment"]:
    """The apps of a PM2 file. Of several, only those that hold their own connection string are told apart."""
    file = commands.ecosystem(name)
    for app in file.apps if file else ():
        yield Deployment(
            name=app.name,
            platform="pm2",
            location=app.location,
            folder=app.folder,
            processes=app_amount(app),
            environment=tuple(
                ContainerVariable(key, value, Location(name, line)) for key, value, line in app.environment
            ),
        )


def instances(deployment: "Deployment", numbers: Numbers) -> Amount | None:
    """How many of it run; None where neither the file nor the config tells."""
    count = deployment.instances
    if count.number is not None:
        return Amount(count.number, count.words, count.location)
    if count.words:
        return None
    if numbers.instances is not None and numbers.workers == 1:
        source = numbers.sources.get("instances", "an option")
        return Amount(numbers.instances, f"{numbers.instances} instances, {source}")
    return Amount(1, "1 machine") if deployment.platform == "pm2" else None


def functions(packages: "Packages", names: Sequence[str], pool: Amount) -> list[Member]:
    """The one function that a file of the Serverless Framework, SAM and the like deploys."""
    made = []
    for name in names:
        text = packages.text(name) if packages.kind_of(name) == "platform" else None
        if text is not None and not reader.read(text, name):
            member = _function(text, name, pool, packages.below(name))
            if member is not None:
                made.append(member)
    return made


def _function(text: str, name: str, pool: Amount, below: str) -> Member | None:
    """The one function of a file, with the most instances that its platform starts."""
    if not any(word in text for word in LIMIT_WORDS):
        return None
    signal = runtime.read(text, name, below)
    if signal is None or signal.kind != "serverless" or len(_FUNCTIONS.findall(text)) != 1:
        return None
    limits = [scale for scale in runtime.scales(text, name) if scale.what == "max instances"]
    if len(limits) != 1:
        return None
    (limit,) = limits
    at = Location(name, limit.line)
    words = f"{limit.key.rpartition('.')[2]}: {limit.number}"
    return Member(
        name=signal.platform, location=at, instances=Amount(limit.number, words, at), workers=Amount(1, "1 process"), pool=pool
    )  # fmt: skip


def terraform_limit(packages: "Packages", names: Sequence[str]) -> Amount | None:
    """max_connections as the project's Terraform sets it, when it is set once."""
    found = []
    for name in names:
        text = packages.text(name) if name.endswith(".tf") else None
        if text is None or "max_connections" not in text:
            continue
        for match in islice(_TERRAFORM.finditer(text), 20):
            line = text.count("\n", 0, match.start()) + 1
            found.append(
                Amount(int(match[1] or match[2]), "max_connections in Terraform", Location(name, line))
            )
    return found[0] if len({each.number for each in found}) == 1 else None
