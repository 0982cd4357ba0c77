"""Sums whose numbers stand in platform files: the most instances of a service, a Procfile's processes, Terraform's limit.

Many of these files do not say which connection string their code reads. Those count only where the project has one
string for the app, and where the files run one thing.
"""

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from poolcheck.model.amount import Amount, exact
from poolcheck.model.problem import Location
from poolcheck.model.project import DriverUse, Package
from poolcheck.model.target import Target
from poolcheck.project.mapping.amounts import LIMIT_WORDS
from poolcheck.project.mapping.draft import MapDraft, Running, Way, app_targets, runs_once
from poolcheck.project.mapping.ends import NOWHERE
from poolcheck.project.mapping.pools import Beside, asked_by
from poolcheck.project.mapping.process_counts import ONE, Counted, ProcessCommands, app_amount
from poolcheck.project.mapping.written import Variable, ways
from poolcheck.project.packages import PROCESS_FILES
from poolcheck.readers.deploy import platforms as reader
from poolcheck.readers.deploy import runtime, terraform, terraform_servers
from poolcheck.readers.deploy.kubernetes import ContainerVariable
from poolcheck.readers.deploy.platforms import Deployment
from poolcheck.readers.deploy.properties import with_properties
from poolcheck.readers.deploy.terraform_module import TerraformModule, modules
from poolcheck.readers.deploy.terraform_servers import TerraformServer
from poolcheck.readers.yaml import Node, documents, text_of
from poolcheck.text import plural

if TYPE_CHECKING:
    from poolcheck.project.packages import Packages

_ONE_EACH = {"pypi", "gem", "composer"}  # languages whose request holds one connection at a time
PARTIAL = ("procfile", "fly", "railway", "render")  # files that do not show the whole environment
_FUNCTIONS = re.compile(
    r"^[^\S\n]*[\"']?(?:handler|Handler)[\"']?\s*:|^[^\S\n]*(?:image|- image)\s*:|PackageType:\s*Image",
    re.MULTILINE,
)
_PARAMETER = re.compile(
    r"(?:\$\{|\{\{)[\w:-]*:(/[\w./-]{1,200})[^{}]*\}{1,2}"
)  # ${ssm:/orders/url}, {{resolve:ssm:/orders/url:1}}
_RESOURCES = (*terraform.KINDS, *terraform_servers.KINDS)
_TERRAFORM = re.compile(
    r"name\s*=\s*\"max_connections\"[^{}]{0,300}?\bvalue\s*=\s*\"?(\d{1,6})\b"
    r"|\bvalue\s*=\s*\"?(\d{1,6})\"?[^{}]{0,300}?\bname\s*=\s*\"max_connections\""
)


def collect(draft: MapDraft, names: Sequence[str]) -> None:
    """What platform files deploy, with a string of its own, or with the one that its code reads; the servers of Terraform."""
    texts = _terraform(draft.packages, names)
    made = modules(texts) if any(kind in text for kind in _RESOURCES for text in texts.values()) else ()
    draft.terraform = _servers(texts, made)
    every = [*deployments(draft.packages, names, draft.commands), *terraform.read(made)]
    counted = [
        (each, _processes(draft, each)) for each in every
    ]  # a command may start what another file describes
    found = [(each, run) for each, run in counted if each.location.path not in draft.commands.started]
    for deployment, run in found:
        package = draft.packages.of(posixpath.join(deployment.folder, "x"))
        its = tuple(_ways(draft, deployment, package))
        if deployment.platform == "pm2" and not its and _contained(draft, package):
            continue
        its = its or tuple(_ways_of_code(draft, deployment, package, run.processes))
        if its:
            draft.running.append(_running(draft, deployment, package, its, run))
    if found:
        return
    for each in (one for name in names for one in _functions_of(draft, name)):
        package = draft.packages.of(each.place.path)
        its = tuple(ways(draft, each.variables, package, NOWHERE)) or tuple(
            _way_of_app(draft, package, each.place, Beside(environment={}, complete=False))
        )
        if its:
            draft.running.append(
                Running(
                    name=each.name, place=each.place, ways=its, package=package, instances=each.limit, why=each.why,
                    surge=exact(0, "") if each.limit else None, processes=ONE, complete=False, kind=each.platform,
                    threads=_at_once(reader.ONE_AT_ONCE if each.platform == "aws-lambda" else reader.InstanceCount(), package),
                )
            )  # fmt: skip


def _contained(draft: MapDraft, package: Package) -> bool:
    """Whether a container runs this package already: PM2's file is then another way to start it."""
    return any(
        each.package is not None and each.package.path == package.path and not each.once
        for each in draft.running
    )


def _running(
    draft: MapDraft, deployment: "Deployment", package: Package, its: tuple[Way, ...], running: Counted
) -> Running:
    count = deployment.instances
    known = exact(count.number, count.words, count.location) if count.number is not None else None
    numbers, why = draft.numbers, f"{count.words}" if count.words and known is None else ""
    if known is None and not why and deployment.platform == "pm2" and numbers.instances is None:
        known = exact(1, "1 machine", None, "default")
    return Running(
        name=deployment.name, place=(known.where if known else None) or running.processes.where or deployment.location, ways=its,
        package=package, instances=known, why=why, surge=exact(deployment.surge, "") if known is not None and deployment.surge is not None else None,
        processes=running.processes, threads=_lesser(running.threads, _at_once(deployment.at_once, package)), environment=running.environment,
        complete=_whole(deployment),
        once=runs_once(deployment.name), kind=deployment.platform,
    )  # fmt: skip


def _at_once(count: reader.InstanceCount, package: Package) -> Amount | None:
    """The requests that the platform sends to an instance at once, where each holds one connection.

    A request of Node's or Go's may run several queries at once and take the whole pool.
    """
    ecosystems = {name.partition(":")[0] for name in package.dependencies}
    if count.number is None or not ecosystems or not ecosystems <= _ONE_EACH:
        return None
    return exact(count.number, count.words, count.location)


def _lesser(first: Amount | None, second: Amount | None) -> Amount | None:
    return min(
        (each for each in (first, second) if each is not None), key=lambda each: each.most, default=None
    )


def _whole(deployment: "Deployment") -> bool:
    """Whether a file shows every variable that its platform sets."""
    return deployment.platform not in PARTIAL and not deployment.platform.startswith("aws")


def _environment(deployment: "Deployment") -> dict[str, str | None]:
    made = {one.name: one.value.reveal() if one.value else None for one in deployment.environment}
    return with_properties(made, deployment.command)


def _processes(draft: MapDraft, deployment: "Deployment") -> Counted:
    """The processes of one instance."""
    environment = _environment(deployment)
    if deployment.processes:
        return Counted(deployment.processes, environment=environment)
    at = deployment.command_at or deployment.location
    return draft.commands.amount(
        deployment.command, at, environment, deployment.folder, complete=_whole(deployment)
    )


def _ways(draft: MapDraft, deployment: "Deployment", package: Package) -> Iterator[Way]:
    """The strings that a deployment's environment holds, or names."""
    variables = [
        Variable(each.name, each.value.reveal() if each.value else None, each.location, each.key)
        for each in deployment.environment
    ]
    return ways(draft, variables, package, NOWHERE, deployment.command)


def _ways_of_code(
    draft: MapDraft, deployment: "Deployment", package: Package, workers: Amount
) -> Iterator[Way]:
    """A file that says more of its deployment than that there is one, and not which string its code reads."""
    around = Beside(environment=_environment(deployment), complete=_whole(deployment))
    told = deployment.instances.words and deployment.instances.number != 1
    asked = {name for pool in draft.reader.configured(package, around) for name in asked_by(pool)}
    told = told or not asked.isdisjoint(around.environment)
    if not told and workers.most == 1 and not workers.open and deployment.platform not in PARTIAL:
        return
    found = tuple(_way_of_app(draft, package, deployment.location, around))
    yield from found
    if (
        not found
        and deployment.platform == "procfile"
        and any(_of_postgres(draft, each) for each in package.drivers)
    ):
        # its add-on sets it: https://devcenter.heroku.com/articles/heroku-postgresql#designating-a-primary-database
        way = draft.unread("DATABASE_URL", "", deployment.location, package)
        if way is not None:
            yield way


def _of_postgres(draft: MapDraft, use: DriverUse) -> bool:
    """Whether a driver speaks to nothing but PostgreSQL."""
    known = draft.ctx.catalogue.driver(use.id)
    return known is not None and known.kind == "driver"


def _way_of_app(draft: MapDraft, package: Package, at: Location, around: Beside) -> Iterator[Way]:
    """The project's only string, else what its framework's config makes, else the variables that the code reads."""
    target = app_target(draft.found.targets)
    if target is not None:
        yield draft.way_of_target(target)
        return
    found = tuple(draft.of_config(package, around, at))
    yield from found or draft.of_code(package, at, around)


def app_target(targets: Sequence[Target]) -> Target | None:
    """The project's only connection string for the app that leads somewhere real."""
    found = {
        target.conn.host: target
        for target in app_targets(targets)
        if target.origin in ("env", "parts") and not target.match.local
    }
    return next(iter(found.values())) if len(found) == 1 else None


def deployments(packages: "Packages", names: Sequence[str], commands: ProcessCommands) -> list["Deployment"]:
    """What the project's platform files deploy, PM2's apps among them; not what Terraform does."""
    made: list[Deployment] = []
    variables: dict[
        str, tuple[ContainerVariable, ...]
    ] = {}  # of app.json, by folder: they are the Procfile's
    for name in names:
        if PROCESS_FILES.search(posixpath.basename(name)):
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


class _Function(NamedTuple):
    name: str
    platform: str
    place: Location
    limit: Amount | None
    why: str = ""
    variables: tuple[Variable, ...] = ()


def _functions_of(draft: MapDraft, name: str) -> Iterator[_Function]:
    """The functions of a file of the Serverless Framework, SAM and the like, whose most instances it says.

    Those of it that have no limit are one client.
    """
    text = draft.packages.text(name) if draft.packages.kind_of(name) == "platform" else None
    if text is None or reader.read(text, name) or not any(word in text for word in LIMIT_WORDS):
        return
    signal = runtime.read(text, name, draft.packages.below(name))
    if signal is None or signal.kind != "serverless":
        return
    limits = [scale for scale in runtime.scales(text, name) if scale.what == "max instances"]
    parsed = documents(text)
    every = {node_name: node for document in parsed for node_name, node in _function_nodes(document)}
    if len(limits) == 1 and len(every) < 2 and len(_FUNCTIONS.findall(text)) == 1:
        variables = next((_variables_of(parsed, node, name) for node in every.values()), ())
        yield _Function(signal.platform, signal.platform, Location(name, limits[0].line), _limit(limits[0], name), "", variables)  # fmt: skip
        return
    rest: list[tuple[str, tuple[Variable, ...], int]] = []
    for function, node in every.items() if limits else ():
        own = [each for each in limits if function in each.key.split(".")]
        variables = _variables_of(parsed, node, name)
        if len(own) == 1:
            yield _Function(function, signal.platform, Location(name, own[0].line), _limit(own[0], name), "", variables)  # fmt: skip
        else:
            rest.append((function, variables, node.line))
    if rest:
        why = f"no limit is set for {', '.join(each for each, _, _ in rest[:5])}"
        shared = tuple(dict.fromkeys(one for _, variables, _ in rest for one in variables))
        yield _Function(plural(len(rest), "other function"), signal.platform, Location(name, rest[0][2]), None, why, shared)  # fmt: skip


def _limit(scale: runtime.Scale, name: str) -> Amount:
    return exact(scale.number, f"{scale.key.rpartition('.')[2]}: {scale.number}", Location(name, scale.line))


def _function_nodes(document: Node) -> Iterator[tuple[str, Node]]:
    for name, node in (document.get("functions") or Node({}, 0)).pairs.items():
        if node.get("handler") or node.get("image"):
            yield name, node
    for name, node in (document.get("Resources") or Node({}, 0)).pairs.items():
        if text_of(node.get("Type")) in ("AWS::Serverless::Function", "AWS::Lambda::Function"):
            yield name, node


def _variables_of(parsed: Sequence[Node], function: Node, path: str) -> tuple[Variable, ...]:
    """What all functions of a file are given, and this one's own."""
    made: dict[str, Variable] = {}
    shared = [
        node
        for document in parsed
        for node in (
            document.get("provider", "environment"),
            document.get("Globals", "Function", "Environment", "Variables"),
        )
    ]
    for group in (
        *shared,
        function.get("environment"),
        function.get("Properties", "Environment", "Variables"),
    ):
        for name, value in (group.pairs if group else {}).items():
            said = value.text or ""
            known = bool(said) and "$" not in said and "{{" not in said
            path_of = _PARAMETER.fullmatch(said)
            made[name] = Variable(
                name, said if known else None, Location(path, value.line), path_of[1] if path_of else name
            )
    return tuple(made.values())


def _terraform(packages: "Packages", names: Sequence[str]) -> dict[str, str]:
    files = [name for name in names if name.endswith((".tf", ".tfvars"))]
    return {name: text for name in files if (text := packages.text(name)) is not None}


def _servers(texts: Mapping[str, str], modules: Sequence[TerraformModule]) -> tuple[TerraformServer, ...]:
    """The servers that the project's Terraform makes; where it names none, the one whose max_connections is set once."""
    made = terraform_servers.read(modules)
    if made:
        return made
    found: dict[int, Location] = {}
    for name, text in texts.items():
        for match in islice(_TERRAFORM.finditer(text), 20) if "max_connections" in text else ():
            line = text.count("\n", 0, match.start()) + 1
            found.setdefault(int(match[1] or match[2]), Location(name, line))
    one = (TerraformServer(provider="", host="", size="", written=True, number=number, location=at) for number, at in found.items())  # fmt: skip
    return tuple(one) if len(found) == 1 else ()
