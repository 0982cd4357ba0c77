"""What the pools of a pooler's configuration may open together."""

from poolcheck.model.pooler_config import (
    DEFAULT_POOL_SIZE,
    OWN_DESCRIPTORS,
    PoolerConfig,
    PoolerDatabase,
    whole,
)


def pool_size(config: PoolerConfig, database: PoolerDatabase) -> int | None:
    """Server connections of one pool of this database, with its reserve; None when not known. 0 is no limit."""
    default = "default_pool_size" if config.knows("default_pool_size") else "pool_size"
    size = _number(config, database, ("pool_size",), default, DEFAULT_POOL_SIZE)
    reserve = _number(config, database, ("reserve_pool", "reserve_pool_size"), "reserve_pool_size", 0)
    return None if size is None or reserve is None or size <= 0 else size + max(reserve, 0)


def _number(
    config: PoolerConfig, database: PoolerDatabase, names: tuple[str, ...], default: str, otherwise: int
) -> int | None:
    """A number of the database, else the one for all; `otherwise` where the software has no such setting."""
    own = database.setting(*names)
    if own is not None:
        return whole(own.value) if own.known else None
    return config.number(default, otherwise) if config.knows(default) else otherwise


def users(config: PoolerConfig, database: PoolerDatabase) -> int:
    """How many pools a database has: one for a forced user, else one for each user that is known, at least one."""
    return 1 if database.value("user") else max(1, len(config.logins))


def most_connections(config: PoolerConfig, database: PoolerDatabase, pools: int) -> int | None:
    """What the pools of one database may open together, within its max_db_connections."""
    size = pool_size(config, database)
    if size is None:
        return None
    cap = _number(config, database, ("max_db_connections",), "max_db_connections", 0)
    return None if cap is None else min(size * pools, cap) if cap > 0 else size * pools


def descriptors(config: PoolerConfig) -> int | None:
    """The open files that PgBouncer itself expects: clients + 10 + every pool. None when a number is not known."""
    clients = config.number("max_client_conn", 100)
    if clients is None:
        return None
    total = clients + OWN_DESCRIPTORS
    for database in config.databases:
        size = pool_size(config, database)
        if size is None:
            return None
        total += size * users(config, database)
    return total
