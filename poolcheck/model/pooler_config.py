"""What is known of a pooler's configuration: settings with their places, databases, users, and what is broken.

PgBouncer's names are the vocabulary: rules ask by them, whatever the software. What another pooler calls the same
thing, and its defaults, stand in poolers/*.toml; `translated` brings its settings under the common names.

Names, defaults and first versions are PgBouncer's, read from src/main.c and src/loader.c of every release from 1.12
to 1.25 and of the branch that becomes 1.26: https://github.com/pgbouncer/pgbouncer
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

from poolcheck.model.facts import PoolerFacts
from poolcheck.model.problem import Location
from poolcheck.model.project import Package
from poolcheck.record import dataclass

Kind = Literal["text", "number", "seconds", "choice"]
Mode = Literal["session", "transaction", "statement"]

NUMBERS = frozenset(
    "application_name_add_host default_pool_size disable_pqexec listen_backlog listen_port log_connections"
    " log_disconnections log_pooler_errors log_stats max_client_conn max_db_client_connections max_db_connections"
    " max_packet_size max_prepared_statements max_user_client_connections max_user_connections min_pool_size peer_id"
    " pkt_buf query_wait_notify reserve_pool_size sbuf_loopcnt scram_iterations server_fast_close"
    " server_reset_query_always server_round_robin so_reuseport stats_period syslog tcp_keepalive tcp_keepcnt"
    " tcp_keepidle tcp_keepintvl tcp_socket_buffer tcp_user_timeout unix_socket_mode verbose".split()
)
SECONDS = frozenset(
    "autodb_idle_timeout cancel_wait_timeout client_idle_timeout client_login_timeout dns_max_ttl dns_nxdomain_ttl"
    " dns_zone_check_period idle_transaction_timeout pool_idle_timeout query_timeout query_wait_timeout"
    " reserve_pool_timeout server_check_delay server_connect_timeout server_idle_timeout server_lifetime"
    " server_login_retry suspend_timeout transaction_timeout".split()
)
TEXTS = frozenset(
    "admin_users auth_dbname auth_file auth_hba_file auth_ident_file auth_ldap_options auth_query auth_user"
    " client_tls13_ciphers client_tls_ca_file client_tls_cert_file client_tls_ciphers client_tls_dheparams"
    " client_tls_ecdhcurve client_tls_key_file client_tls_protocols conffile ignore_startup_parameters job_name"
    " listen_addr logfile login_notify_message pidfile resolv_conf server_check_query server_reset_query"
    " server_tls13_ciphers server_tls_ca_file server_tls_cert_file server_tls_ciphers server_tls_key_file"
    " server_tls_protocols service_name stats_users syslog_facility syslog_ident tcp_defer_accept"
    " track_extra_parameters unix_socket_dir unix_socket_group user".split()
)
_TLS = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
CHOICES = {
    "pool_mode": ("session", "transaction", "statement"),
    "auth_type": ("any", "trust", "plain", "md5", "cert", "hba", "ldap", "pam", "scram-sha-256"),
    "client_tls_sslmode": _TLS,
    "server_tls_sslmode": _TLS,
}
KEYS = NUMBERS | SECONDS | TEXTS | frozenset(CHOICES)
DATABASE_KEYS = frozenset(
    "application_name auth_dbname auth_query auth_user client_encoding connect_query datestyle dbname host"
    " load_balance_hosts max_db_client_connections max_db_connections min_pool_size password pool_mode pool_size port"
    " query_wait_timeout reserve_pool reserve_pool_size server_lifetime timezone user".split()
)
USER_KEYS = frozenset(
    "client_idle_timeout idle_transaction_timeout max_user_client_connections max_user_connections pool_mode"
    " pool_size query_timeout query_wait_timeout reserve_pool_size transaction_timeout".split()
)
# What 1.12 did not know yet: the first version that does. An older PgBouncer refuses to start.
SINCE: dict[str, tuple[int, int]] = {
    "tcp_user_timeout": (1, 13),
    "cancel_wait_timeout": (1, 19),
    "auth_dbname": (1, 19),
    "peer_id": (1, 19),
    "track_extra_parameters": (1, 20),
    "max_prepared_statements": (1, 21),
    "auth_ident_file": (1, 23),
    "max_db_client_connections": (1, 24),
    "max_user_client_connections": (1, 24),
    "auth_ldap_options": (1, 25),
    "client_tls13_ciphers": (1, 25),
    "query_wait_notify": (1, 25),
    "scram_iterations": (1, 25),
    "server_tls13_ciphers": (1, 25),
    "transaction_timeout": (1, 25),
    "login_notify_message": (1, 26),
    "pool_idle_timeout": (1, 26),
}
DATABASE_SINCE: dict[str, tuple[int, int]] = {
    "min_pool_size": (1, 16),
    "auth_dbname": (1, 19),
    "auth_query": (1, 22),
    "server_lifetime": (1, 23),
    "load_balance_hosts": (1, 24),
    "max_db_client_connections": (1, 24),
    "reserve_pool_size": (1, 24),
    "query_wait_timeout": (1, 26),
}
USER_SINCE: dict[str, tuple[int, int]] = {
    "pool_size": (1, 23),
    "client_idle_timeout": (1, 24),
    "idle_transaction_timeout": (1, 24),
    "max_user_client_connections": (1, 24),
    "query_timeout": (1, 24),
    "reserve_pool_size": (1, 24),
    "transaction_timeout": (1, 25),
    "query_wait_timeout": (1, 26),
}
NEWEST = (1, 26)  # the newest version whose keys are known here
DEFAULT_POOL_SIZE = 20
OWN_DESCRIPTORS = 10  # what PgBouncer adds in its own estimate


@dataclass(frozen=True, slots=True)
class PoolerSetting:
    """One setting as written. `value` holds a mark of a template when `known` is false."""

    name: str
    value: str
    location: Location
    known: bool = True
    own: str = ""  # what the software calls it, where that is not PgBouncer


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolerDatabase:
    """One line of [databases], or one route, pool or user with a pool of its own. Passwords are not kept."""

    name: str  # "*" for every other
    location: Location
    settings: tuple[PoolerSetting, ...] = ()
    broken: bool = False  # the line does not parse: PgBouncer refuses it

    def value(self, *names: str) -> str | None:
        """A setting of the line by any of its names; None when it is not there, or not known."""
        return _last(self.settings, names)

    def setting(self, *names: str) -> PoolerSetting | None:
        """The same with its place, also when its value is not known."""
        return next((setting for setting in reversed(self.settings) if setting.name in names), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolerUser:
    """One line of [users]."""

    name: str
    location: Location
    settings: tuple[PoolerSetting, ...] = ()


@dataclass(frozen=True, slots=True)
class PoolerTrouble:
    """A line that PgBouncer does not read: everything behind it is not read either."""

    message: str
    location: Location


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolerConfig:
    """One pooler: its configuration file, or what the environment of its container says."""

    software: str = "pgbouncer"  # the stem of poolers/*.toml for any other
    facts: PoolerFacts | None = None  # what that file says; None for PgBouncer
    name: str  # for sentences: the file, or "service pgbouncer"
    location: Location
    complete: bool = True  # an ini file: what is absent has PgBouncer's default. False: an image may set it
    version: tuple[int, ...] = ()  # () when not known
    version_source: str = ""
    settings: tuple[PoolerSetting, ...] = ()
    databases: tuple[PoolerDatabase, ...] = ()
    users: tuple[PoolerUser, ...] = ()
    logins: tuple[str, ...] = ()  # names of userlist.txt
    troubles: tuple[PoolerTrouble, ...] = ()
    includes: tuple[str, ...] = ()  # paths of the files that were read with this one
    missing: tuple[PoolerTrouble, ...] = ()  # what it names and the project does not have
    published: bool | None = None  # whether a container's port is open beyond this machine; None: not known
    descriptors: PoolerSetting | None = None  # the limit of open files, where a file sets it
    container: bool = False
    service: str = ""  # the compose service that runs it
    path: str = ""  # the compose file of that service
    resource: str = ""  # as Terraform's other resources name it: aws_db_proxy.app
    package: Package = Package()
    beside: tuple[
        "PoolerConfig", ...
    ] = ()  # RDS Proxy: the others of the same database, at the first of them

    @property
    def title(self) -> str:
        """The software, for sentences."""
        return self.facts.title if self.facts else "PgBouncer"

    def setting(self, name: str) -> PoolerSetting | None:
        """A setting of [pgbouncer]: the last one counts."""
        return next((setting for setting in reversed(self.settings) if setting.name == name), None)

    def value(self, name: str, default: str = "") -> str | None:
        """The value in force. None when a template, or an image's own default, decides."""
        found = self.setting(name)
        if found is not None:
            return found.value if found.known else None
        if self.facts is not None:
            option = self.facts.option(name)
            return option.default if option and self.complete else None
        return default if self.complete else None

    def knows(self, name: str) -> bool:
        """Whether the software has such a setting, as far as is known."""
        return self.facts is None or self.facts.option(name) is not None

    def off(self, name: str, database: PoolerDatabase | None = None) -> bool | None:
        """Whether a setting of another software is switched off, by its value or its default; None: not known."""
        option = self.facts.option(name) if self.facts else None
        found = database.setting(name) if database else None
        value = (found.value if found.known else None) if found else self.value(name)
        return None if option is None or value is None else value.lower() in option.off

    def own(self, name: str) -> str:
        """What the software calls a setting: as the file writes it, else as the catalogue knows it."""
        option = self.facts.option(name) if self.facts else None
        if option is None:
            return name
        return option.terraform if option.terraform and self.location.path.endswith(".tf") else option.name

    def sources(self, name: str) -> tuple[str, ...]:
        """Where another software's setting is documented."""
        option = self.facts.option(name) if self.facts else None
        return (option.source,) if option else ()

    def line(self, name: str, value: str) -> str:
        """A setting as the file writes it; `value` in PgBouncer's units, or `{}` for a number that is put in later."""
        option = self.facts.option(name) if self.facts else None
        if self.facts is None or option is None:
            return f"{name} = {value}"
        if value.isdigit():
            value = str(int(value) * option.per_second)
        elif self.facts.quoted and value not in ("yes", "no", "true", "false", "{}"):
            value = f'"{value}"'
        write = "{name} = {value}" if self.location.path.endswith(".tf") else self.facts.write
        return write.format(name=self.own(name), value=value)

    def mended(self, name: str) -> tuple[str, ...]:
        """The lines that switch a setting of another software on; () when the catalogue advises none."""
        option = self.facts.option(name) if self.facts else None
        if option is None or not option.on:
            return ()
        if option.on.isdigit():
            return (self.line(name, str(int(option.on) // option.per_second)), *option.beside)
        return (self.line(name, option.on), *option.beside)

    def number(self, name: str, default: int) -> int | None:
        """A whole number in force; None when it is not known or does not parse."""
        return whole(self.value(name, str(default)))

    def mode(self, database: PoolerDatabase | None = None) -> str | None:
        """The pool mode of a database, or of the file."""
        own = database.setting("pool_mode") if database else None
        said = (own.value if own.known else None) if own else self.value("pool_mode", "session")
        return said.lower() if said and said.lower() in CHOICES["pool_mode"] else None

    @property
    def modes(self) -> frozenset[str]:
        """Every mode that some database is in."""
        known = [self.mode(database) for database in self.databases] or [self.mode()]
        return frozenset(each for each in known if each)

    @property
    def tracks_prepared(self) -> bool | None:
        """Whether named prepared statements survive transaction mode. PgBouncer learned it with 1.21, and does so by default from 1.24."""
        if self.facts is not None:
            shared = [
                database for database in self.databases if self.mode(database) in ("transaction", "statement")
            ]
            lost = [self.off("max_prepared_statements", each) for each in shared]
            lost = lost or [self.off("max_prepared_statements")]
            return False if True in lost else None if None in lost else True
        found = self.setting("max_prepared_statements")
        if found is not None:
            number = whole(found.value) if found.known else None
            return None if number is None else number > 0
        if not self.version:
            return None
        return self.version >= (1, 24) if self.complete or self.version < (1, 21) else None


def translated(config: PoolerConfig, facts: PoolerFacts) -> PoolerConfig:
    """The configuration with its settings under PgBouncer's names; those that no rule asks for are left out."""
    names = {
        own: option.concept for option in facts.options for own in (option.name, option.terraform) if own
    }

    def known(settings: tuple[PoolerSetting, ...], kept: tuple[str, ...]) -> Iterator[PoolerSetting]:
        for setting in settings:
            if setting.name in kept:
                yield setting
            elif setting.name in names:
                yield replace(setting, name=names[setting.name], own=setting.name)

    return replace(
        config,
        facts=facts,
        beside=tuple(translated(each, facts) for each in config.beside),
        settings=tuple(known(config.settings, ())),
        databases=tuple(
            replace(database, settings=tuple(known(database.settings, ("host", "port", "user"))))
            for database in config.databases
        ),
    )


def whole(text: str | None) -> int | None:
    """A whole number as PgBouncer reads it: decimal, 0x, or octal behind a zero; None when it is none."""
    if text is None:
        return None
    digits = text.strip()
    try:
        if len(digits) > 1 and digits.lstrip("-").startswith("0") and digits.isdigit():
            return int(digits, 8)
        return int(digits, 0)
    except ValueError:
        return None


def _last(settings: tuple[PoolerSetting, ...], names: tuple[str, ...]) -> str | None:
    return next(
        (setting.value for setting in reversed(settings) if setting.name in names and setting.known), None
    )
