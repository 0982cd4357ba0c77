"""poolcheck.toml, or [tool.poolcheck] in pyproject.toml, and the options, as one frozen `Config`.

A field is written once, here, with its type, default and reason; the file's validation (config.checks), `poolcheck
config`, `poolcheck init` and the JSON Schema are derived from it.
"""

import os
from dataclasses import field, replace
from typing import Any, Protocol, TypeAlias

from poolcheck.config.path_patterns import path_patterns
from poolcheck.record import dataclass

StrPath: TypeAlias = "str | os.PathLike[str]"  # strings inside: pathlib takes 3 ms to import
RUNTIMES = ("auto", "serverless", "edge", "server", "local")
FAIL_ON = ("error", "warning", "info", "never")
REQUIRE = ("sums", "live", "all")
# What PostgreSQL has where nobody sets it: https://www.postgresql.org/docs/current/runtime-config-connection.html
SERVER_MAX, SERVER_RESERVED = 100, 3
MOST_CONNECTIONS = 262_143  # more PostgreSQL cannot have
RULE = r"(?i)pc\d{0,3}|[a-z][a-z0-9]*(-[a-z0-9]+)*"  # an id, the start of one, or a name
SERVER_NAME = r"[A-Za-z][\w.-]{0,99}"  # it is an argument, too: neither a path nor a connection string
CLIENT_NAME = r"(?!.*://)[^\x00-\x1f\x7f]{1,200}"
# A host name or an IPv6 address, where `*` may stand for any text.
HOST = r"[\w*][\w.*-]{0,252}|[\dA-Fa-f.*]*:[\dA-Fa-f.*]*:[\dA-Fa-f:.*]*"
VARIABLE = r"[A-Za-z_]\w{0,199}"


def setting(default: Any, reason: str, **meta: Any) -> Any:
    """A field with its reason, and `choices`, `minimum`, `maximum`, `pattern`, `form` or `example` where it has them.

    `form` says in words what the pattern wants, where the wrong value may be a connection string: it is not shown.
    """
    return field(default=default, metadata={"reason": reason, **meta})


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """When a number becomes a finding. Shares are of usable slots, never of max_connections."""

    warn_at: float = setting(
        0.70,
        "share of usable slots; earlier than the usual 80 % because a deploy can double a fleet",
        minimum=0,
        maximum=1,
    )
    critical_at: float = setting(
        0.85,
        "share of usable slots; a burst leaves about one second between here and refusal",
        minimum=0,
        maximum=1,
    )
    min_free: int = setting(
        5, "fewer free slots than this are critical: a share says little on a server of 20 slots", minimum=0
    )
    idle_in_transaction_count: int = setting(
        10, "sessions idle in transaction, counted from idle_in_transaction_seconds on", minimum=0
    )
    idle_in_transaction_seconds: int = setting(5, "younger ones are gaps between statements", minimum=0)
    idle_in_transaction_old_seconds: int = setting(
        30, "from here on that many sessions are an emergency", minimum=0
    )
    idle_in_transaction_oldest_seconds: int = setting(
        300, "one session this old is an emergency: it holds a slot, locks and old rows", minimum=0
    )
    transaction_seconds: int = setting(
        1800,
        "a transaction that has talked for so long keeps a slot, locks and old rows; a job this long can commit in steps",
        minimum=1,
    )
    waiting_sessions: int = setting(
        20, "sessions waiting for a lock, or pooler clients waiting for a server", minimum=0
    )
    max_wait_seconds: float = setting(1.0, "oldest pooler client's wait: warning", minimum=0)
    max_wait_critical_seconds: float = setting(
        5.0, "half of the pool timeout of Prisma up to 6: users are about to see errors", minimum=0
    )
    idle_seconds: int = setting(
        300, "how long a session must be idle before it can be called stuck", minimum=1
    )
    function_pool: int = setting(
        20,
        "a larger pool in each instance that comes and goes with traffic: the fifth instance is refused where a server has its default of 100; advice for functions is 1 to 5",
        minimum=1,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PerPath:
    """What holds for some paths only: a table `[per-path."apps/web/**"]`."""

    pattern: str = ""  # as in .gitignore, relative to the config file; the table's name, not a key
    ignore: tuple[str, ...] = setting(
        (), "not these rules below this path", item=RULE, example='["no-connection-limit"]'
    )
    runtime: str = setting("auto", "where the code below this path runs", choices=RUNTIMES)
    reason: str = setting(
        "", "why, for whoever reads this file or `poolcheck config`", example='"read by the test suite only"'
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedServer:
    """What is known of one server: a table `[server.orders]`."""

    name: str = ""  # the table's name, not a key
    source: str = ""  # "an option", where one said its max_connections; not a key
    hosts: tuple[str, ...] = setting(
        (),
        "addresses that reach it, its poolers' too; `*` stands for any text",
        item=HOST,
        form="hosts without scheme, user, password, port and path",
        example='["orders.cluster-*.rds.amazonaws.com"]',
    )
    max_connections: int | None = setting(
        None, "its max_connections", minimum=1, maximum=MOST_CONNECTIONS, example="400"
    )
    reserved: int | None = setting(
        None, "slots an ordinary role never gets there", minimum=0, maximum=MOST_CONNECTIONS, example="3"
    )
    provider: str = setting("", "where it runs, when its host does not tell", example='"neon"')
    plan: str = setting("", "its plan or compute size", example='"1cu"')
    dsn_env: str = setting(
        "",
        "the variable with the string that `live` and `gate --live` look with",
        pattern=VARIABLE,
        form="the name of a variable, not what is in it",
        example='"ORDERS_MONITOR_URL"',
    )
    bouncer_env: str = setting(
        "",
        "the variable with the string of its PgBouncer's console",
        pattern=VARIABLE,
        form="the name of a variable, not what is in it",
        example='"ORDERS_PGBOUNCER_URL"',
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedClient:
    """What is known of one client: a table `[client."apps/api"]`, named by folder, service or workload."""

    name: str = ""  # the table's name, not a key
    instances: int | None = setting(
        None, "the most of it that run at once: its autoscaler's maximum", minimum=1, example="6"
    )
    surge: str = setting(
        "",
        "instances that its deploy adds before old ones stop: a share or a count",
        pattern=r"\d{1,6}%?",
        example='"25%"',
    )
    workers: int | None = setting(
        None, "processes in each instance; each has its own pools", minimum=1, example="4"
    )
    pool: int | None = setting(
        None, "connections that one process may open, all its pools together", minimum=0, example="10"
    )
    server: str = setting(
        "",
        "the [server.NAME] that its variables lead to, where no file tells",
        pattern=SERVER_NAME,
        form="the name of a [server.NAME]",
        example='"orders"',
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Every setting, with its default. Options win over the file."""

    runtime: str = setting("auto", "where the code runs; auto reads the project", choices=RUNTIMES)
    driver: tuple[str, ...] = setting(
        (),
        'drivers in use, as "prisma@6"; default: the manifests say',
        item=r"[A-Za-z][\w.-]*(@v?\d+(\.\d+)*)?",
        example='["prisma@6"]',
    )
    instances: int | None = setting(
        None, "most instances that run at once: the autoscaler's maximum", minimum=1, example="10"
    )
    workers: int = setting(1, "processes in an instance; each has its own pool", minimum=1)
    pool: int | None = setting(
        None, "connections of one process, where neither code nor string tells", minimum=1, example="10"
    )
    max_connections: int | None = setting(
        None, "the server's max_connections", minimum=1, maximum=MOST_CONNECTIONS, example="100"
    )
    reserved: int | None = setting(
        None,
        f"slots an ordinary role never gets; default {SERVER_RESERVED}, or the provider's",
        minimum=0,
        maximum=MOST_CONNECTIONS,
        example="3",
    )
    buffer: int = setting(5, "slots kept for psql, migrations and monitoring", minimum=0)
    surge: str = setting(
        "25%", "instances a deploy adds before old ones stop: a share or a count", pattern=r"\d{1,6}%?"
    )
    provider: str = setting("", "where the server runs, when its host does not tell", example='"neon"')
    plan: str = setting(
        "", "plan or compute size, as `poolcheck explain PROVIDER` names them", example='"0.25cu"'
    )
    select: tuple[str, ...] = setting(
        (), "only these rules: ids, names or prefixes such as PC2", item=RULE, example='["PC1", "PC2"]'
    )
    ignore: tuple[str, ...] = setting((), "not these rules", item=RULE, example='["PC209"]')
    exclude: tuple[str, ...] = setting(
        (), "paths not to look at, as in .gitignore", example='["examples/**"]'
    )
    fail_on: str = setting("error", "lowest severity that makes the exit code 1", choices=FAIL_ON)
    max_usage: str = setting(
        "85%",
        "share of the usable slots that full pools may take while a deploy runs; `poolcheck gate` fails above it",
        pattern=r"([1-9]\d?|100)%",
    )
    require: tuple[str, ...] = setting(
        (),
        "what `poolcheck gate` must have been able to check, else it ends with exit code 2",
        choices=REQUIRE,
        example='["sums"]',
    )
    baseline: str = setting(
        "",
        "accepted findings of `poolcheck gate`: a file in this file's folder or below",
        example='"poolcheck-baseline.json"',
    )
    thresholds: Thresholds = field(default_factory=Thresholds)
    per_path: tuple[PerPath, ...] = field(
        default=(),
        metadata={
            "heading": "pattern",
            "table": '[per-path."apps/worker/**"]',
            "example": 'Write [per-path."apps/web/**"] and below it for example ignore = ["PC203"].',
        },
    )
    server: tuple[NamedServer, ...] = field(
        default=(),
        metadata={
            "heading": "name",
            "named": SERVER_NAME,
            "table": "[server.orders]",
            "example": "Write [server.orders] and below it for example max_connections = 400.",
        },
    )
    client: tuple[NamedClient, ...] = field(
        default=(),
        metadata={
            "heading": "name",
            "named": CLIENT_NAME,
            "table": '[client."apps/api"]',
            "example": 'Write [client."apps/api"] and below it for example instances = 6.',
        },
    )
    path: str = ""  # the file this was read from; not a key
    options: tuple[str, ...] = ()  # what options said over it; not keys

    def source(self, name: str, path: str) -> str:
        """Where a setting that is not the default comes from: its option, or the file, shown as `path`."""
        if name in self.options or not path:
            return option_of(name)
        return path

    def at(self, path: str) -> "Config":
        """The settings that hold for a file or folder; a later table wins over an earlier one."""
        config = self
        for each in self.per_path if path and path != "-" else ():
            if matches(each.pattern, self.relative(path)):
                config = replace(
                    config,
                    runtime=config.runtime if each.runtime == "auto" else each.runtime,
                    ignore=(*config.ignore, *each.ignore),
                )
        return config

    def ignored_at(self, path: str) -> tuple[str, ...]:
        """The rules that [per-path] ignores there, beside those that are ignored everywhere."""
        return self.at(path).ignore[len(self.ignore) :]

    def relative(self, path: str) -> str:
        """A path as the config file's folder sees it, POSIX slashes."""
        folder = os.path.dirname(os.path.abspath(self.path)) if self.path else os.getcwd()
        return os.path.relpath(path, folder).replace(os.sep, "/")


DEFAULTS = Config()  # for whoever needs or tells one of them: no default is written a second time
INTERNAL = {"path", "options", "pattern", "name", "source"}


def option_of(name: str) -> str:
    """The option of the command line that gives a setting; one is spelled another way."""
    return "--max" if name == "max_connections" else "--" + name.replace("_", "-")


def matches(pattern: str, path: str) -> bool:
    """Whether a .gitignore pattern means this path."""
    return path_patterns([pattern]).match_file(path)


class Configured(Protocol):
    """Whatever gives the config for a path: options over the nearest file."""

    def over(self, start: "str | os.PathLike[str]") -> Config:
        """The config for what is at `start`."""
