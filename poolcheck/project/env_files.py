"""Env files and standard input to targets: connection strings, whole and in parts."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from poolcheck import catalogue
from poolcheck.config.disk import MB, FileRefused
from poolcheck.connection.parse import from_parts, looks_like_connection_string, parse
from poolcheck.connection.placeholder import placeholder_kind
from poolcheck.connection.secret import is_secret_name
from poolcheck.connection.string import MAX_LENGTH
from poolcheck.errors import BadInput
from poolcheck.model.problem import Location
from poolcheck.model.project import Package
from poolcheck.model.report import Skipped
from poolcheck.model.roles import (
    KIND_VARIABLES,
    PARTS_HOST,
    POSTGRES_PORTS,
    POSTGRES_WORDS,
    SPELLINGS,
    other_databases,
    role_of,
)
from poolcheck.model.target import Disagreement, Target
from poolcheck.project.arguments import url_target
from poolcheck.project.collected import Collected, together
from poolcheck.project.packages import Packages
from poolcheck.readers.env import dotenv
from poolcheck.readers.env.dotenv import Entry, EnvFile

MAX_FILE = 2 * MB  # a larger "env file" is none


def read_stdin(package: Package) -> Collected:
    """Standard input: one connection string, or the text of an env file."""
    data = sys.stdin.buffer.read(MAX_FILE + 1)
    if len(data) > MAX_FILE:
        raise BadInput("standard input holds more than 2 MB", "Pipe an env file or a connection string.")
    text, trouble = dotenv.decode(data)
    skipped = (Skipped("standard input", trouble, "Pipe UTF-8 text."),) if trouble else ()
    if looks_like_connection_string(text.strip()) and "\n" not in text.strip():
        target = replace(
            url_target(text.strip(), package), name="stdin", origin="stdin", location=Location("-", 1, 1)
        )
        return Collected(targets=(target,), lines={"-": [text.strip()]}, skipped=skipped)
    return together((Collected(skipped=skipped), env_targets(dotenv.read(text, "-"), package)))


def read_env_file(name: str, packages: Packages, *, explicit: bool) -> Collected:
    """One env file: what cannot be read is skipped, or an error where the user named the file."""
    text, skipped = env_text(name, packages, explicit=explicit)
    if text is None:
        return Collected(skipped=skipped)
    return together(
        (
            Collected(skipped=skipped, files=1),
            env_targets(dotenv.read(text, name), packages.of_env_file(name)),
        )
    )


def env_text(name: str, packages: Packages, *, explicit: bool) -> tuple[str | None, tuple[Skipped, ...]]:
    """The text of an env file, and what is wrong with it. None: it cannot be read.

    Raises:
        BadInput: it cannot be opened, and the user named it.
    """
    try:
        data = packages.content(name, MAX_FILE)
    except OSError as error:
        why = error.strerror or str(error)
        if explicit:
            hint = "Check the path and its permissions."
            if isinstance(error, FileRefused):
                hint = "Name an env file, or pipe its text: poolcheck lint - < FILE"
            raise BadInput(f"{name}: cannot be read: {why}", hint) from error
        return None, (Skipped(name, f"cannot be read: {why}", "Check its permissions."),)
    if packages.judged is not None:
        packages.judged.setdefault(name, data)
    text, trouble = dotenv.decode(data)
    skipped = (Skipped(name, trouble, "Save the file as UTF-8."),) if trouble else ()
    return (None if trouble and "UTF-" in trouble and "not UTF-8" not in trouble else text), skipped


def env_targets(env: EnvFile, package: Package) -> Collected:
    """The connection strings of an env file, whole and in parts."""
    targets: list[Target] = []
    skipped: list[Skipped] = []
    last = {entry.key: entry for entry in env.active}
    hosts: set[str] = set()
    for entry in env.entries:
        if len(entry.value or "") > MAX_LENGTH:
            why = f"the value of {entry.key} has {len(entry.value or ''):,} characters; no connection string has"
            skipped.append(
                Skipped(f"{env.path}:{entry.line}", why, "Check the file: a quote may be missing.")
            )
            continue
        made = entry_target(entry, env, package, last)
        if made is not None:
            targets.append(made)
            hosts.update(host.name for host in made.conn.hosts)
            hosts.update(entry.interpolated)
    targets += part_targets(env, package, last, hosts)
    if _is_template(env, targets):
        targets = [replace(each, template=True) for each in targets]
    for problem in env.problems:
        if POSTGRES_WORDS.search(problem.raw_line) or problem.kind == "nul":
            skipped.append(
                Skipped(f"{env.path}:{problem.line}", problem.message, "python-dotenv skips this line too.")
            )
    return Collected(
        targets=tuple(targets),
        skipped=tuple(skipped),
        lines={env.path: env.lines},
        ignores={env.path: env.ignores} if env.ignores else {},
    )


def _is_template(env: EnvFile, targets: Sequence[Target]) -> bool:
    """Whether all secrets of a file are placeholders, two at least: one alone was left by mistake."""
    names = {target.name: target for target in targets if target.active and not target.commented}
    left = []
    for entry in env.active:
        if entry.key in names:
            left.append(names[entry.key].conn.has_placeholder)
        elif is_secret_name(entry.key) and entry.value:
            left.append(placeholder_kind(entry.value) is not None)
    return len(left) > 1 and all(left)


def entry_target(entry: Entry, env: EnvFile, package: Package, last: Mapping[str, Entry]) -> Target | None:
    """The target of one assignment, or None when its value is no connection string of PostgreSQL.

    `last` has the assignment of each name that counts.
    """
    value = entry.value or ""
    if "://" not in value and "=" not in value and ":" not in value and ";" not in value:
        return None
    if entry.interpolated and entry.resolved and set(entry.interpolated) <= last.keys():
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
        active=entry.commented or last.get(entry.key) is entry,
        disagreements=() if entry.commented else disagreements(entry, env, package),
    )


def disagreements(entry: Entry, env: EnvFile, package: Package) -> tuple[Disagreement, ...]:
    """Where the loaders in use read the line differently. An .envrc is run by direnv, whatever the package uses."""
    loaders = {"direnv"} if env.path.rpartition("/")[2] == ".envrc" else package.loaders
    if not loaders or dotenv.plain(entry, loaders):
        return ()
    from poolcheck.readers.env.disagreements import find  # noqa: PLC0415 - few lines need the comparison

    return find(entry, loaders)


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
        if host_name.startswith(("DB_", "DATABASE_")):
            used = package.dependencies
            alone = catalogue.speak_postgres(used) and not other_databases(used)
            if not speaks_postgres(last, values[0], alone=alone):
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


def speaks_postgres(last: Mapping[str, Entry], port: str | None, *, alone: bool = False) -> bool:
    """Whether DB_* variables are about PostgreSQL: a variable says so, or the port does, or nothing else is there (`alone`)."""
    said = [last[name].value or "" for name in KIND_VARIABLES if name in last]
    if said:
        return any(POSTGRES_WORDS.search(each) for each in said)
    return port in POSTGRES_PORTS if port else alone
