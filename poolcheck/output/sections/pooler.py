"""The look at a pooler's console."""

from collections.abc import Iterator
from typing import Any

from poolcheck.model.look import PoolerLook
from poolcheck.output.paint import Paint
from poolcheck.text import clean

SHOWN_POOLS = 6


def record(look: PoolerLook) -> dict[str, Any]:
    """The documented key: pooler."""
    snapshot = look.snapshot
    return {
        "pooler": {
            "software": snapshot.software,
            "version": snapshot.version,
            "clients_used": snapshot.clients_used,
            "max_client_conn": snapshot.number("max_client_conn"),
            "server_connections_possible": snapshot.server_connections,
            "max_prepared_statements": snapshot.number("max_prepared_statements"),
            "pools": [
                {
                    "database": clean(pool.database),
                    "user": clean(pool.user),
                    "mode": pool.mode,
                    "clients_active": pool.clients_active,
                    "clients_waiting": pool.clients_waiting,
                    "servers_active": pool.servers_active,
                    "servers_idle": pool.servers_idle,
                    "servers_login": pool.servers_login,
                    "max_wait_seconds": round(pool.longest_wait, 3),
                    "pool_size": pool.pool_size,
                }
                for pool in snapshot.pools
            ],
            "databases": [
                {
                    "name": clean(database.name),
                    "server": f"{clean(database.host)}:{clean(database.port)}",
                    "pool_size": database.pool_size,
                    "reserve": database.reserve,
                    "max_connections": database.max_connections,
                    "current_connections": database.current_connections,
                    "paused": database.paused,
                    "disabled": database.disabled,
                }
                for database in snapshot.databases
                if database.name != "pgbouncer"
            ],
            "settings": dict(snapshot.settings),
        }
    }


def text(look: PoolerLook, paint: Paint) -> Iterator[str]:
    """Limits in a line, then a row a pool."""
    snapshot = look.snapshot
    limit = snapshot.number("max_client_conn")
    clients = (
        f"{snapshot.clients_used} of {limit} clients" if snapshot.clients_used is not None and limit else ""
    )
    yield paint.heading(f"PgBouncer {snapshot.version}" + (f" at {look.target}" if look.target else ""))
    words = [clients] if clients else []
    if look.usable is not None:
        words.append(
            f"its pools may open {snapshot.server_connections} of the server's {look.usable} usable slots"
        )
    prepared = snapshot.number("max_prepared_statements")
    if any(pool.mode == "transaction" for pool in snapshot.pools):
        words.append(
            "prepared statements are tracked"
            if prepared
            else "prepared statements are not tracked: drivers must not name them"
        )
    if words:
        yield from paint.wrap("; ".join(words), indent=2)
    if setting := snapshot.one_of_several:
        yield from paint.wrap(
            f"{setting} is set: this is one of several processes at this address, and the numbers are its own."
            " Ask again, or each at its own port, for the others",
            indent=2,
        )
    pools = sorted(snapshot.pools, key=lambda pool: (-pool.clients_waiting, -pool.clients_active))
    shown = pools if paint.look.verbosity > 0 else pools[:SHOWN_POOLS]
    rows = [
        (
            f"{paint.name(pool.database, 20)}/{paint.name(pool.user, 20)}",
            pool.mode,
            str(pool.clients_active),
            str(pool.clients_waiting),
            f"{pool.longest_wait:.1f} s",
            f"{pool.servers_active}+{pool.servers_idle}",
            "" if pool.pool_size is None else str(pool.pool_size),
        )
        for pool in shown
    ]
    yield from paint.table(
        rows, header=("pool", "mode", "clients", "waiting", "longest", "busy+idle", "size"), align="<<>>>>>"
    )
    if len(pools) > len(shown):
        yield f"  and {len(pools) - len(shown)} more pools (-v)"
