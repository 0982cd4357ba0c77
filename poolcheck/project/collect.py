"""From what the user named to subjects for the rules: files are found, read once, and made into targets.

All file reading of `lint`, `fix` and `gate` is here and in `packages`; the readers only ever see text.
"""

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from poolcheck import catalogue
from poolcheck.config.settings import Config
from poolcheck.connection.secret import redact
from poolcheck.connection.string import (
    MAX_LENGTH,
    ConnectionString,
    from_parts,
    looks_like_connection_string,
    parse,
)
from poolcheck.errors import BadConfig, BadInput, BadTarget
from poolcheck.model.context import Context, Numbers
from poolcheck.model.finding import Location
from poolcheck.model.ignores import Ignores
from poolcheck.model.project import DriverUse, Package, Version
from poolcheck.model.report import Skipped
from poolcheck.model.roles import (
    KIND_VARIABLES,
    PARTS_HOST,
    POSTGRES_PORTS,
    POSTGRES_WORDS,
    SPELLINGS,
    name_claims,
    role_of,
)
from poolcheck.model.target import Disagreement, Target
from poolcheck.project.packages import Packages
from poolcheck.readers.env import dotenv
from poolcheck.readers.env.dotenv import Entry, EnvFile

if TYPE_CHECKING:
    from poolcheck.model.pooler_config import PoolerConfig
    from poolcheck.readers.configs.js_config import JsConfig
    from poolcheck.readers.configs.prisma import PrismaSchema

SOURCE_ENDINGS = frozenset(
    {".ts", ".mts", ".cts", ".tsx", ".js", ".mjs", ".cjs", ".jsx", ".vue", ".svelte", ".py", ".sql"}
)
MAX_FILE = 64 * 1024 * 1024  # bytes; a larger "env file" is none


class Found:
    """What was collected, growing while files are read."""

    # By hand: to define a dataclass takes as long as to lint a line.
    def __init__(self, *, targets: list[Target] | None = None, packages: list[Package] | None = None) -> None:
        self.targets: list[Target] = targets or []
        self.subjects: list[object] = []
        self.ignores: dict[str, Ignores] = {}
        self.lines: dict[str, Sequence[str]] = {}
        self.skipped: list[Skipped] = []
        self.files = 0
        self.packages: list[Package] = packages or []
        self.groups = "12"  # the hundreds of rules that have something to read
        self.looked_at_source = False
        self.reads: dict[str, str] = {}  # variable → the place in the source that connects with it
        self.notes: list[str] = []
        self.schemas: list[PrismaSchema] = []
        self.configs: list[JsConfig] = []
        self.poolers: list[PoolerConfig] = []
        self.sums = 0  # how many sums of services were made
        self.named = 0  # how many configs the user named that were judged


def collect(arguments: Sequence[str], config: Config, instead: Mapping[str, bytes] | None = None) -> Found:
    """Everything that the arguments name: connection strings, files, folders, `-` for stdin.

    `instead` holds, by path as shown, what is read in place of a file's own content: edits that are not written yet.

    Raises:
        BadInput: a path does not exist or cannot be read; stdin is not text.
        BadTarget: an argument looks like a connection string of another database.
    """
    found = Found()
    packages = Packages(config, found.skipped, instead)
    files: dict[str, None] = {}
    for argument in arguments:
        if argument == "-":
            read_stdin(found, packages)
        elif is_url(argument):
            found.targets.append(url_target(argument, packages.outside()))
        else:
            path = argument
            if os.path.isdir(path):
                files |= dict.fromkeys(packages.walk(path))
            elif os.path.lexists(path):
                packages.around(path)
                files[display(path)] = None
                if os.path.splitext(path)[1] in SOURCE_ENDINGS and not dotenv.matches(os.path.basename(path)):
                    packages.sources[display(path)] = None
            else:
                raise BadInput(
                    f"{redact(argument)}: no such file or folder",
                    "Give an env file, a folder, a connection string in quotes, or - for standard input.",
                )
    new = (name for name in packages.instead if not os.path.exists(name))
    packages.names |= dict.fromkeys(name for name in new if packages.kind_of(name))
    explicit = {display(each) for each in arguments if each != "-" and not is_url(each)}
    if packages.sources:
        from poolcheck.project import source_code  # noqa: PLC0415 - only where there is source code

        source_code.scan(packages.sources, found, packages)
    for name in files:
        if dotenv.matches(name) or (
            name in explicit and packages.kind_of(name) is None and name not in packages.sources
        ):
            read_env_file(name, found, packages, explicit=name in explicit)
        elif name not in packages.sources:
            found.files += 1
    finish(found, packages)
    return found


def is_url(argument: str) -> bool:
    """Whether an argument is meant as a connection string rather than a path.

    Raises:
        BadTarget: it is a URL of something that is not PostgreSQL.
    """
    if looks_like_connection_string(argument):
        return True
    scheme, sep, _ = argument.partition("://")
    if sep and scheme.replace("+", "").isalnum() and not os.path.exists(argument):
        raise BadTarget(
            f"{scheme}:// is not a PostgreSQL connection string",
            "poolcheck reads postgresql://, postgres://, prisma://, JDBC URLs and key=value strings.",
        )
    return False


def display(path: "str | os.PathLike[str]") -> str:
    """The path as it is shown: relative to the current folder where it is below it, POSIX slashes.

    Made of strings: pathlib takes 3 ms to import, a tenth of what a lint may take to start.
    """
    text = os.fspath(path)
    here = os.getcwd()
    if os.path.isabs(text) and text.startswith(here + os.sep):
        text = os.path.relpath(text, here)
    text = text.replace(os.sep, "/")
    while text.startswith("./"):
        text = text[2:].lstrip("/")
    return text


def read_stdin(found: Found, packages: Packages) -> None:
    """Standard input: one connection string, or the text of an env file."""
    data = sys.stdin.buffer.read(MAX_FILE + 1)
    if len(data) > MAX_FILE:
        raise BadInput("standard input holds more than 64 MB", "Pipe an env file or a connection string.")
    text, trouble = dotenv.decode(data)
    if trouble:
        found.skipped.append(Skipped("standard input", trouble, "Pipe UTF-8 text."))
    if looks_like_connection_string(text.strip()) and "\n" not in text.strip():
        target = url_target(text.strip(), packages.outside())
        found.targets.append(replace(target, name="stdin", origin="stdin", location=Location("-", 1, 1)))
        found.lines["-"] = [text.strip()]
        return
    env_targets(dotenv.read(text, "-"), packages.outside(), found)


def read_env_file(name: str, found: Found, packages: Packages, *, explicit: bool) -> None:
    """One env file: what cannot be read is skipped, or an error where the user named the file."""
    try:
        data = packages.instead.get(name) or _bytes(name)
    except OSError as error:
        why = error.strerror or str(error)
        if explicit:
            raise BadInput(f"{name}: cannot be read: {why}", "Check the path and its permissions.") from error
        found.skipped.append(Skipped(name, f"cannot be read: {why}", "Check its permissions."))
        return
    text, trouble = dotenv.decode(data)
    if trouble:
        found.skipped.append(Skipped(name, trouble, "Save the file as UTF-8."))
        if "UTF-" in trouble and "not UTF-8" not in trouble:
            return
    found.files += 1
    env_targets(dotenv.read(text, name), packages.of(name), found)


def _bytes(name: str) -> bytes:
    size = os.stat(name).st_size
    if size > MAX_FILE:
        raise OSError(None, f"larger than 64 MB ({size // 1_000_000} MB)")
    with open(name, "rb") as file:
        return file.read()


def env_targets(env: EnvFile, package: Package, found: Found) -> None:
    """The connection strings of an env file, whole and in parts."""
    found.lines[env.path] = env.lines
    if env.ignores:
        found.ignores[env.path] = env.ignores
    last = {entry.key: entry for entry in env.active}
    hosts: set[str] = set()
    for entry in env.entries:
        if len(entry.value or "") > MAX_LENGTH:
            why = f"the value of {entry.key} has {len(entry.value or ''):,} characters; no connection string has"
            found.skipped.append(
                Skipped(f"{env.path}:{entry.line}", why, "Check the file: a quote may be missing.")
            )
            continue
        made = entry_target(entry, env, package, active=entry.commented or last.get(entry.key) is entry)
        if made is not None:
            found.targets.append(made)
            hosts.update(host.name for host in made.conn.hosts)
            hosts.update(entry.interpolated)
    found.targets += part_targets(env, package, last, hosts)
    for problem in env.problems:
        if POSTGRES_WORDS.search(problem.raw_line) or problem.kind == "nul":
            found.skipped.append(
                Skipped(f"{env.path}:{problem.line}", problem.message, "python-dotenv skips this line too.")
            )


def entry_target(entry: Entry, env: EnvFile, package: Package, *, active: bool) -> Target | None:
    """The target of one assignment, or None when its value is no connection string of PostgreSQL."""
    value = entry.value or ""
    if "://" not in value and "=" not in value and ":" not in value and ";" not in value:
        return None
    names = {each.key for each in env.active}
    if entry.interpolated and entry.resolved and set(entry.interpolated) <= names:
        value = entry.resolved
    if not looks_like_connection_string(value):
        return None
    conn = parse(value)
    if not conn.is_postgres:
        return None
    role, why = role_of(entry.key, package)
    return Target(
        name=entry.key,
        conn=conn,
        location=Location(env.path, entry.line, entry.location_column),
        role=role,
        role_source=why,
        match=catalogue.match(conn),
        package=package,
        value_column=entry.value_column if entry.line == entry.end_line else None,
        raw=entry.raw,
        line_text=entry.raw_line if entry.line == entry.end_line else "",
        export=entry.export,
        quote=entry.quote,
        stage=env.stage,
        example_file=env.example,
        commented=entry.commented,
        active=active,
        disagreements=() if entry.commented else disagreements(entry, env, package),
    )


def disagreements(entry: Entry, env: EnvFile, package: Package) -> tuple[Disagreement, ...]:
    """Where the loaders in use read the line differently. An .envrc is run by direnv, whatever the package uses."""
    loaders = {"direnv"} if env.path.rpartition("/")[2] == ".envrc" else package.loaders
    return dotenv.disagreements(entry, loaders)


def part_targets(
    env: EnvFile, package: Package, last: Mapping[str, Entry], hosts: Iterable[str]
) -> list[Target]:
    """Targets given in parts: PGHOST and its family. Left out where a URL of the same file is made of them."""
    made = []
    for host_name, names in PARTS_HOST.items():
        entry = last.get(host_name)
        if entry is None or not (entry.resolved or entry.value) or host_name in hosts:
            continue
        values = [part(last, name) for name in names]
        if host_name.startswith(("DB_", "DATABASE_")) and not speaks_postgres(last, values[0]):
            continue
        conn = from_parts(
            host=entry.resolved or entry.value,
            port=values[0],
            user=values[1],
            password=values[2],
            database=values[3],
            params=(("sslmode", values[4]),) if values[4] else (),
        )
        if conn.host in hosts:
            continue
        role, why = role_of(host_name, package)
        made.append(
            Target(
                name=host_name, conn=conn, location=Location(env.path, entry.line, entry.location_column), origin="parts",
                role=role, role_source=why, match=catalogue.match(conn), package=package, stage=env.stage,
                example_file=env.example,
            )
        )  # fmt: skip
    return made


def part(last: Mapping[str, Entry], name: str) -> str | None:
    """The value of one part, in any of its spellings."""
    for each in (name, *SPELLINGS.get(name, ())):
        entry = last.get(each)
        if entry is not None and (entry.resolved or entry.value):
            return entry.resolved or entry.value
    return None


def speaks_postgres(last: Mapping[str, Entry], port: str | None) -> bool:
    """Whether DB_* variables are about PostgreSQL: a variable says so, or the port does."""
    said = [last[name].value or "" for name in KIND_VARIABLES if name in last]
    return any(POSTGRES_WORDS.search(each) for each in said) if said else port in POSTGRES_PORTS


def url_target(text: str, package: Package) -> Target:
    """A connection string given as an argument: taken as app traffic."""
    conn: ConnectionString = parse(text)
    return Target(
        name="argument", conn=conn, location=Location("", None, None), origin="argument", role="app",
        role_source="an argument is taken as the app's", match=catalogue.match(conn), package=package,
    )  # fmt: skip


def finish(found: Found, packages: Packages) -> None:
    """Order the targets, and list the packages that have any, or that were walked."""
    if packages.walked or packages.named:
        from poolcheck.project import config_files  # noqa: PLC0415 - a lint of one file judges no config

        config_files.add(found, packages)
    found.targets = [also_app(target, found.targets) for target in found.targets]
    found.targets.sort(key=lambda target: (target.location.path, target.location.line or 0))
    found.subjects += found.targets
    seen = {target.package.path: target.package for target in found.targets}
    found.packages = list(seen.values()) or packages.known()
    found.notes += packages.against
    found.schemas, found.configs = packages.schemas, packages.js_configs


def also_app(target: Target, everyone: Sequence[Target]) -> Target:
    """A config's only string serves the app as well: Prisma 7 and drizzle.config name it for migrations alone.

    A name that claims to be direct stays what it is, and so does a string that has an app string beside it.
    """
    if target.role != "migration" or target.role_source == "its name" or name_claims(target.name) == "direct":
        return target
    beside = [each for each in everyone if each.location.path == target.location.path and not each.commented]
    if any(each.role == "app" for each in beside):
        return target
    return replace(
        target, role="app", role_source=f"{target.role_source}, and no other string is there for the app"
    )


def numbers(found: Found, config: Config) -> Numbers:
    """The numbers for sizing: from the config, else from the catalogue's plan; with where each comes from.

    Raises:
        BadConfig: a plan that the provider does not have.
    """
    source_code: dict[str, str] = {}
    origin = display(config.path) if config.path else "an option"
    most, reserved = config.max_connections, config.reserved
    ids = {target.match.provider.id for target in found.targets if target.match.provider}
    provider_id = config.provider or (next(iter(ids)) if len(ids) == 1 else "")
    known = catalogue.provider(provider_id) if provider_id else None
    if config.provider and known is None:
        raise BadConfig(
            f"no provider is named {config.provider!r}", "`poolcheck explain providers` lists them."
        )
    if config.plan and known is not None:
        limit = catalogue.limit(known.id, config.plan)
        if limit is None:
            plans = ", ".join(each.plan for each in known.limits)
            raise BadConfig(f"{known.title} has no plan {config.plan!r}", f"Known: {plans}." if plans else "")
        if most is None and limit.max_connections:
            most, source_code["max_connections"] = (
                limit.max_connections,
                f"{known.title} {limit.title or limit.plan}",
            )
        if reserved is None and limit.reserved is not None:
            reserved, source_code["reserved"] = limit.reserved, f"{known.title} {limit.title or limit.plan}"
    if reserved is None and known is not None and known.default_reserved is not None:
        reserved, source_code["reserved"] = known.default_reserved, known.title
    if config.max_connections is not None:
        source_code["max_connections"] = origin
    if config.instances is not None:
        source_code["instances"] = origin
    return Numbers(
        max_connections=most, reserved=3 if reserved is None else reserved, buffer=config.buffer,
        instances=config.instances, surge=config.surge, workers=config.workers, plan=config.plan,
        provider=provider_id, sources=source_code,
    )  # fmt: skip


def assumed_drivers(config: Config) -> tuple[DriverUse, ...]:
    """--driver prisma@6 as uses.

    Raises:
        BadConfig: a driver that the catalogue does not know, or a version that is none.
    """
    uses = []
    for text in config.driver:
        name, _, version = text.strip().rpartition("@") if "@" in text.strip()[1:] else (text.strip(), "", "")
        driver = catalogue.driver(name)
        if driver is None:
            from difflib import get_close_matches  # noqa: PLC0415 - only on errors

            near = get_close_matches(name, [each.id for each in catalogue.drivers()], n=1)
            hint = f"Did you mean {near[0]}? " if near else ""
            raise BadConfig(f"no driver is named {name!r}", f"{hint}`poolcheck explain drivers` lists them.")
        numbers_ = version.lstrip("v").split(".")
        if version and not all(each.isdigit() for each in numbers_):
            raise BadConfig(
                f"--driver {text}: {version!r} is not a version",
                "Write for example prisma@6 or prisma@6.19.3.",
            )
        parts = tuple(int(each) for each in numbers_) if version else ()
        uses.append(DriverUse(driver.id, Version(version, parts, exact=len(parts) > 1), "--driver"))
    return tuple(uses)


def context(found: Found, config: Config) -> Context:
    """What the rules may know."""
    from datetime import UTC, datetime  # noqa: PLC0415 - beside its only use

    return Context(
        catalogue=catalogue,
        numbers=numbers(found, config),
        targets=tuple(found.targets),
        packages=tuple(found.packages),
        today=datetime.now(UTC).date().isoformat(),
        assumed=assumed_drivers(config),
    )
