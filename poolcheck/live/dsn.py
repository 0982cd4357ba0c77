"""Which server `live` and `reap` look at: the argument, an env file, the config's one server, the environment, env files here.

Where a pooled and a direct connection string are there, the direct one is for the slots, because through a pooler one
sees the pooler's sessions; the pooled one is for the probe of the pooler.
"""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from poolcheck import catalogue
from poolcheck.config.disk import leads_out, refusal
from poolcheck.config.settings import SERVER_NAME, Config, NamedServer
from poolcheck.connection.parse import from_parts, looks_like_connection_string, parse
from poolcheck.errors import BadInput, BadTarget, NothingToCheck
from poolcheck.model.problem import Location
from poolcheck.model.project import Package, Runtime
from poolcheck.model.roles import PARTS_HOST, SPELLINGS, name_claims, role_of
from poolcheck.model.target import Target
from poolcheck.project.arguments import is_url
from poolcheck.record import dataclass
from poolcheck.text import clean, did_you_mean

# Later ones are looked at only when the earlier ones hold nothing: what runs here, then what runs there.
ENV_FILES = (
    ".env.local", ".env", ".env.production.local", ".env.production", ".env.development.local", ".env.development",
    ".dev.vars",
)  # fmt: skip
CONSOLE = (
    "PGBOUNCER_ADMIN_URL",
    "PGBOUNCER_URL",
    "PGBOUNCER_STATS_URL",
)  # a console's own string, by convention
PREFERRED = ("DATABASE_URL", "POSTGRES_URL", "POSTGRES_PRISMA_URL", "POSTGRESQL_URL", "PG_URL", "DB_URL")
POOLER_PORTS = (6432, 6543)


@dataclass(frozen=True, slots=True)
class Sources:
    """What to look at. `pooled` is the app's own string when `main` is the direct one beside it."""

    main: Target
    pooled: Target | None = None
    console: Target | None = None
    note: str = ""


def sources(
    argument: str | None,
    config: Config,
    *,
    env_file: str | None = None,
    variable: str | None = None,
    environ: Mapping[str, str] | None = None,
    environment: bool = True,
    trusted: bool = True,
) -> Sources:
    """The first source that is there.

    `environment`: whether the user named the env file with --env-file: only then `${NAME}` in it is filled in from the
    environment, and it is given credentials of this machine. `trusted`: whether the argument is the user's own word.

    Raises:
        BadTarget: what was given is no connection string of PostgreSQL, and no server that the config names.
        BadInput: the env file cannot be read, or does not have the variable; or the variable of a server is not set.
        NothingToCheck: there is no connection string anywhere.
    """
    environ = os.environ if environ is None else environ
    if argument is not None:
        if (server := named_server(argument, config.server)) is not None:
            return _of_table(server, config, environ)
        return Sources(usable(_argument(argument, config, trusted=trusted)))
    if env_file is not None:
        return _named_file(env_file, variable, config, environment=environment)
    found = _environment(environ)
    if variable is not None:
        if not any(each.name == variable for each in found):
            raise BadInput(
                f"{variable} is not in the environment, or no connection string", "Add --env-file FILE."
            )
        return choose(found, variable, "the environment")
    told = [each for each in config.server if each.dsn_env]
    refused = ""
    if len(told) == 1:
        if environ.get(told[0].dsn_env):
            return _of_table(told[0], config, environ)
        refused = f" {told[0].dsn_env} is not set (dsn_env of [server.{told[0].name}])."
    if _real(found):
        chosen = choose(found, None, "the environment")
        return replace(chosen, note=chosen.note + refused)
    for name in ENV_FILES:
        if why := refusal(name) or (Path(name).is_file() and leads_out(name, ".")):
            refused += f" {name} was not read: {why}."
        elif Path(name).is_file() and _real(inside := _file(name, config, environment=False)[0]):
            chosen = choose(inside, None, name)
            return replace(chosen, note=chosen.note + refused)
    raise NothingToCheck(
        f"no connection string: none given, none in the environment, none in an env file here.{refused}".rstrip(
            "."
        ),
        'Give one: poolcheck live "$DATABASE_URL", or poolcheck live --env-file .env',
    )


def named_server(argument: str, servers: Sequence[NamedServer]) -> NamedServer | None:
    """The server of the config that an argument names; None where it is no bare word, or there are none.

    Raises:
        BadTarget: none of them has that name, and one has nearly.
    """
    found = next((each for each in servers if each.name == argument), None)
    if found is None and re.fullmatch(SERVER_NAME, argument, re.ASCII):
        near = did_you_mean(argument, (each.name for each in servers))
        if near:
            raise BadTarget("the config has no [server.NAME] of that name", near)
    return found


def string_of(server: NamedServer, environ: Mapping[str, str], key: str = "dsn_env") -> str:
    """The connection string in the variable that a table names; it is never shown.

    Raises:
        BadInput: the table names none, or it is not set.
        BadTarget: what it holds is no connection string of PostgreSQL.
    """
    variable, table = getattr(server, key), f"[server.{server.name}]"
    if not variable:
        raise BadInput(
            f"{table} does not say where its connection string is",
            f'Write {key} = "NAME_OF_A_VARIABLE" below it, or give the string itself.',
        )
    text = environ.get(variable, "").strip()
    if not text:
        raise BadInput(
            f"{variable} is not set: {key} of {table}",
            f"Set {variable} to the connection string, or give the string itself.",
        )
    if not looks_like_connection_string(text):
        raise BadTarget(
            f"{variable} holds no PostgreSQL connection string: {key} of {table}",
            "It should be postgresql://user:password@host:5432/database.",
        )
    return text


def _of_table(server: NamedServer, config: Config, environ: Mapping[str, str]) -> Sources:
    """The server and the console that a table's variables lead to; the environment is the user's own."""
    target = _argument(string_of(server, environ), config, trusted=True)
    target = replace(target, name=server.dsn_env, location=Location("the environment"))
    note = f"{server.dsn_env} is used ([server.{server.name}])."
    console = None
    if environ.get(server.bouncer_env):
        text = string_of(server, environ, "bouncer_env")
        console = replace(console_target(text, config), name=server.bouncer_env)
    elif server.bouncer_env:
        note += f" {server.bouncer_env} is not set: its PgBouncer's console is not known."
    return Sources(usable(target), console=console, note=note)


def _argument(text: str, config: Config, *, trusted: bool) -> Target:
    if not text.strip():
        raise BadTarget(
            "the argument is empty: is the variable set?", "An env file is given with --env-file."
        )
    if not looks_like_connection_string(text):
        is_url(text)  # says so when it is a URL of another database
        raise BadTarget(
            "the argument is not a PostgreSQL connection string",
            'Write postgresql://user:password@host:5432/database or "host=... dbname=...".'
            " An env file is given with --env-file.",
        )
    conn = parse(text)
    kind = config.runtime
    runtime = Runtime() if kind == "auto" else Runtime(kind=kind, source="--runtime")  # type: ignore[arg-type]  # checked by config
    return Target(
        name="argument",
        conn=conn,
        location=Location(""),
        origin="argument",
        role="app",
        role_source="an argument is taken as the app's",
        match=catalogue.match(conn),
        package=Package(path="", runtime=runtime),
        trusted=trusted,
    )


def _file(
    name: str, config: Config, *, environment: bool
) -> "tuple[list[Target], Mapping[str, tuple[str, ...]]]":
    """The connection strings of an env file, filled in; and of those that cannot be, what is set nowhere."""
    from poolcheck.live.fill_in import fill_in  # noqa: PLC0415 - an argument needs no file
    from poolcheck.project.env_files import env_targets, env_text  # noqa: PLC0415 - as above
    from poolcheck.project.packages import Packages  # noqa: PLC0415 - as above
    from poolcheck.readers.env import dotenv  # noqa: PLC0415 - as above

    packages = Packages(config)
    text, _ = env_text(name, packages, explicit=True)
    filled = fill_in(dotenv.read(text or "", name), environment=environment)
    found = [
        replace(target, trusted=environment)
        for target in env_targets(filled.env, packages.of(name)).targets
        if target.active and not target.commented
    ]
    lacking = {target.name: names for target in found if (names := _lacks(target, filled.lacking))}
    return [target for target in found if target.name not in lacking], lacking


def _lacks(target: Target, lacking: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """The names that are set nowhere and that the target is made of: of one variable, or of several parts."""
    parts = PARTS_HOST.get(target.name, ()) if target.origin == "parts" else ()
    variables = (target.name, *(each for part in parts for each in (part, *SPELLINGS.get(part, ()))))
    return tuple(dict.fromkeys(name for variable in variables for name in lacking.get(variable, ())))


def _named_file(name: str, variable: str | None, config: Config, *, environment: bool) -> Sources:
    """The choice out of a file that the user named.

    Raises:
        BadInput: there is no such file, or nothing usable in it; with the variable that is missing.
    """
    if not Path(name).exists():
        raise BadInput(f"{name}: no such file", "Give the env file that holds the connection string.")
    found, lacking = _file(name, config, environment=environment)
    wanted = variable or next(iter(lacking), "")
    if wanted in lacking and (variable or not _real(found)):
        said = " and ".join(f"${{{clean(each, limit=80)}}}" for each in lacking[wanted])
        if environment:
            raise BadInput(
                f"{name}: {wanted} needs {said}, set neither in the file nor in the environment",
                "Set it, or give the whole connection string as an argument.",
            )
        raise BadInput(
            f"{name}: {wanted} needs {said}, which the file does not set",
            "Only a file given with --env-file is filled in from the environment.",
        )
    chosen = choose(found, variable, name)
    if _open(chosen.main):
        raise BadInput(
            f"{name}: {chosen.main.name} holds a reference that is not filled in",
            "python-dotenv fills in ${NAME}, not $NAME: write it so, or give the whole string as an argument.",
        )
    return chosen


def _open(target: Target) -> bool:
    """Whether a field that is sent to the server is a reference: `$DB_PASS`."""
    conn = target.conn
    fields = {
        "user": conn.user,
        "password": conn.password.reveal() if conn.password else None,
        "database": conn.database,
    }
    return any(name in conn.placeholders and (value or "").startswith("$") for name, value in fields.items())


def _environment(environ: Mapping[str, str]) -> list[Target]:
    found = []
    package = Package()
    for name, value in environ.items():
        if "://" in value and looks_like_connection_string(value):
            conn = parse(value)
            role, why = role_of(name, package)
            found.append(
                Target(
                    name=name,
                    conn=conn,
                    location=Location("the environment"),
                    role=role,
                    role_source=why,
                    match=catalogue.match(conn),
                    package=package,
                    trusted=True,
                )
            )
    if environ.get("PGHOST") or environ.get("PGSERVICE"):
        # libpq itself reads the rest of the family: user, password, service file.
        conn = from_parts(
            host=environ.get("PGHOST"), port=environ.get("PGPORT"), database=environ.get("PGDATABASE")
        )
        found.append(
            Target(
                name="PGHOST",
                conn=conn,
                location=Location("the environment"),
                origin="parts",
                role="app",
                match=catalogue.match(conn),
                package=package,
                trusted=True,
            )
        )
    return found


def _real(targets: list[Target]) -> list[Target]:
    """Those that a server can be behind."""
    return [
        target
        for target in targets
        if not target.conn.has_placeholder and target.conn.is_postgres and target.name not in CONSOLE
    ]


def is_pooled(target: Target) -> bool:
    """Whether the string itself says that a pooler answers: the catalogue knows the host, or the port is a pooler's."""
    return target.match.kind == "pooled" or (
        target.match.kind in ("unknown", "local") and target.conn.effective_port in POOLER_PORTS
    )


def choose(found: list[Target], variable: str | None, where: str) -> Sources:
    """The string to look at, and the pooled one beside it.

    Raises:
        BadInput: the variable is not among them, or nothing is usable.
    """
    console = next((each for name in CONSOLE for each in found if each.name == name), None)
    if variable is not None:
        named = next((each for each in found if each.name == variable), None)
        if named is None:
            names = ", ".join(sorted({each.name for each in found})) or "none"
            raise BadInput(
                f"{where}: {variable} is no connection string there", f"Connection strings there: {names}."
            )
        return Sources(usable(named), console=console)
    real = [each for each in _real(found) if each.role in ("app", "migration")] or _real(found)
    if not real:
        raise BadInput(
            f"{where}: no usable connection string", "Placeholders are left out; give one as an argument."
        )
    apps = [each for each in real if each.role == "app"] or real
    order = {name: number for number, name in enumerate(PREFERRED)}
    app = min(apps, key=lambda each: order.get(each.name, len(order)))
    direct = [
        each
        for each in real
        if each is not app
        and not is_pooled(each)
        and _same_database(each, app)
        and (each.role == "migration" or name_claims(each.name) == "direct" or each.match.kind == "direct")
    ]
    if direct and (is_pooled(app) or direct[0].conn.hosts != app.conn.hosts):
        note = f"{direct[0].name} is used for the slots, {app.name} for the probe of the pooler ({where})."
        return Sources(usable(direct[0]), pooled=usable(app), console=console, note=note)
    return Sources(usable(app), console=console, note=f"{app.name} is used ({where}).")


def _same_database(one: Target, other: Target) -> bool:
    return not one.conn.database or not other.conn.database or one.conn.database == other.conn.database


def usable(target: Target) -> Target:
    """The target, when a server can be reached with it.

    Raises:
        BadTarget: another database's string, a placeholder, an HTTP endpoint, or one that cannot be read.
    """
    conn = target.conn
    if not conn.is_postgres:
        raise BadTarget(
            f"{target.name}: {conn.scheme}:// is not PostgreSQL", "poolcheck looks at PostgreSQL only."
        )
    if conn.is_placeholder:
        raise BadTarget(
            f"{target.name} is a placeholder: {conn.masked()}", "Give the real connection string."
        )
    if target.match.kind == "http" or conn.scheme in ("prisma", "prisma+postgres"):
        raise BadTarget(
            f"{target.name} is an HTTP endpoint: there is no PostgreSQL to look at behind it",
            "Give the database's direct connection string.",
        )
    return target


def console_target(text: str, config: Config, *, trusted: bool = True) -> Target:
    """A pooler's console from an option; its database is `pgbouncer` unless another is given.

    Raises:
        BadTarget: it is no connection string.
    """
    target = usable(_argument(text, config, trusted=trusted))
    if target.conn.database:
        return replace(target, name="--bouncer")
    conn = from_parts(
        host=target.conn.host or None,
        port=target.conn.port or POOLER_PORTS[0],
        user=target.conn.user,
        password=target.conn.password.reveal() if target.conn.password else None,
        database="pgbouncer",
    )
    return replace(target, name="--bouncer", conn=conn)
