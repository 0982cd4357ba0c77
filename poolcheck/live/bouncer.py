"""PgBouncer's console: SHOW commands over the simple protocol, columns by name because they move between versions.

Works with every slot of the server taken and beyond max_client_conn: console users are exempt from it.
"""

from dataclasses import replace
from datetime import datetime

from poolcheck.live.postgres import Link, Row, StatementFailed, whole
from poolcheck.model.report import Skipped
from poolcheck.model.snapshot import BouncerSnapshot, ConsoleDatabase, LivePool
from poolcheck.text import clean

SETTINGS = frozenset(
    [
        "pool_mode",
        "max_client_conn",
        "default_pool_size",
        "min_pool_size",
        "reserve_pool_size",
        "reserve_pool_timeout",
        "max_db_connections",
        "max_user_connections",
        "max_db_client_connections",
        "max_user_client_connections",
        "max_prepared_statements",
        "query_wait_timeout",
        "query_timeout",
        "idle_transaction_timeout",
        "transaction_timeout",
        "client_idle_timeout",
        "server_idle_timeout",
        "server_lifetime",
        "server_login_retry",
        "server_reset_query",
        "server_reset_query_always",
        "ignore_startup_parameters",
        "track_extra_parameters",
        "listen_addr",
        "auth_user",
        "so_reuseport",
        "peer_id",
    ]
)


MOST_CLIENTS = 3000  # that SHOW CLIENTS is asked for
NOBODY = "(nouser)"


class NotConsole(Exception):
    """The other side answers, and is no PgBouncer console; `text` says what it said."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


def look(link: Link) -> BouncerSnapshot:
    """Pools, databases, limits and clients, one SHOW each.

    Raises:
        NotConsole: this is not PgBouncer's console.
        Lost: the connection ended, did not answer, or (Garbled) as PgBouncer would not.
    """
    version = link.parameter("server_version")
    if "bouncer" not in version:
        raise NotConsole(
            f"server_version is {clean(version, limit=60)!r}, a console says e.g. 1.24.1/bouncer"
        )
    skipped: list[Skipped] = []

    def show(what: str, hint: str = "") -> list[Row]:
        try:
            return next(iter(link.run(f"SHOW {what}")), [])
        except StatementFailed as error:
            skipped.append(Skipped(f"SHOW {what}", error.text, hint or "Add the user to stats_users."))
            return []

    databases = tuple(_database(row) for row in show("DATABASES"))
    sizes = {database.name: database.pool_size for database in databases}
    lists = {row.get("list") or "": _count(row, "items") for row in show("LISTS")}
    used = (lists.get("used_clients") or 0) + (lists.get("login_clients") or 0)
    pools = tuple(_pool(row, sizes) for row in show("POOLS") if row.get("database") != "pgbouncer")
    servers = show("SERVERS")
    if any(pool.clients_waiting for pool in pools) and used <= MOST_CLIENTS:
        pools = _with_clients(pools, show("CLIENTS"), servers)
    settings = tuple(
        (row["key"] or "", row["value"] or "") for row in show("CONFIG") if row.get("key") in SETTINGS
    )
    for _, value in settings:
        if value.removeprefix("-").isdigit():
            whole(value)
    return BouncerSnapshot(
        version=clean(version.partition("/")[0], limit=40),
        pools=pools,
        databases=databases,
        settings=settings,
        # Our own console connection is one of the clients.
        clients_used=max(0, used - 1) if "used_clients" in lists else None,
        server_pids=frozenset(pid for row in servers if (pid := _count(row, "remote_pid"))),
        skipped=tuple(skipped),
    )


def _with_clients(
    pools: tuple[LivePool, ...], clients: list[Row], servers: list[Row]
) -> tuple[LivePool, ...]:
    """The pools with what SHOW POOLS leaves out: whose clients wait and hold, waits at the login, the pooler's own login.

    PgBouncer's clock is read off our own session, which has just sent a request. A client that auth_query is to look up has
    no user yet.
    """
    now = max(
        filter(None, (_time(row, "request_time") for row in clients if row.get("database") == "pgbouncer")),
        default=None,
    )
    if now is None:
        return pools

    def longest(rows: list[Row], pool: LivePool, states: tuple[str, ...], since: str) -> float:
        ages = [
            (now - begun).total_seconds()
            for row in rows
            if row.get("database") == pool.database
            and row.get("user") in (pool.user, NOBODY)
            and row.get("state") in states
            and (begun := _time(row, since)) is not None
        ]
        return max(ages, default=0.0)

    pids = {row.get("ptr") or "": _count(row, "remote_pid") for row in servers}

    def of(pool: LivePool, states: tuple[str, ...]) -> list[Row]:
        return [
            row
            for row in clients
            if (row.get("database"), row.get("user")) == (pool.database, pool.user)
            and row.get("state") in states
        ]

    return tuple(
        replace(
            pool,
            waiting=tuple(row.get("application_name") or "" for row in of(pool, ("waiting",))),
            holding=tuple(
                (row.get("application_name") or "", pid)
                for row in of(pool, ("active",))
                if (pid := pids.get(row.get("link") or ""))
            ),
            login_wait_seconds=longest(clients, pool, ("waiting", "waiting_login"), "request_time")
            if pool.clients_waiting and not pool.max_wait_seconds
            else 0.0,
            login_seconds=longest(servers, pool, ("new", "login"), "connect_time")
            if pool.servers_login
            else 0.0,
        )
        for pool in pools
    )


def _time(row: Row, name: str) -> datetime | None:
    """A moment of PgBouncer's: `2026-12-01 04:16:02 UTC`; only differences of them are used."""
    try:
        return datetime.fromisoformat((row.get(name) or "")[:19])
    except ValueError:
        return None


def _pool(row: Row, sizes: dict[str, int]) -> LivePool:
    database = row.get("database") or ""
    return LivePool(
        database=database,
        user=row.get("user") or "",
        mode=row.get("pool_mode") or "",
        clients_active=_count(row, "cl_active"),
        clients_waiting=_count(row, "cl_waiting"),
        servers_active=_count(row, "sv_active"),
        servers_idle=_count(row, "sv_idle") + _count(row, "sv_used"),
        servers_login=_count(row, "sv_login"),
        servers_tested=_count(row, "sv_tested"),
        max_wait_seconds=_count(row, "maxwait") + _count(row, "maxwait_us") / 1e6,
        pool_size=sizes.get(database),
    )


def _database(row: Row) -> ConsoleDatabase:
    return ConsoleDatabase(
        name=row.get("name") or "",
        host=row.get("host") or "",
        port=row.get("port") or "",
        database=row.get("database") or "",
        pool_size=_count(row, "pool_size"),
        reserve=_count(row, "reserve_pool_size") or _count(row, "reserve_pool"),  # renamed in 1.24
        max_connections=_count(row, "max_connections"),
        current_connections=_count(row, "current_connections"),
        paused=row.get("paused") == "1",
        disabled=row.get("disabled") == "1",
    )


def _count(row: Row, name: str) -> int:
    return whole(row.get(name)) or 0
