"""What the pools of a pooler's configuration may open together."""

from poolcheck.model.amount import Amount, exact, plus, times, within
from poolcheck.model.pooler_config import (
    DEFAULT_POOL_SIZE,
    OWN_DESCRIPTORS,
    PoolerConfig,
    PoolerDatabase,
    whole,
)
from poolcheck.text import plural


def pool_size(config: PoolerConfig, database: PoolerDatabase) -> Amount | None:
    """Server connections of one pool of this database, with its reserve; None when not known, or without a limit."""
    default = "default_pool_size" if config.knows("default_pool_size") else "pool_size"
    size = _number(config, database, ("pool_size",), default, DEFAULT_POOL_SIZE)
    reserve = _number(config, database, ("reserve_pool", "reserve_pool_size"), "reserve_pool_size", 0)
    return None if size is None or reserve is None or not size.most else plus(size, reserve)


def _number(
    config: PoolerConfig, database: PoolerDatabase, names: tuple[str, ...], default: str, otherwise: int
) -> Amount | None:
    """A number of the database, else the one for all; `otherwise` where the software has no such setting.

    Negative counts as 0.
    """
    own = database.setting(*names)
    if own is not None:
        number = whole(own.value) if own.known else None
        return None if number is None else exact(max(number, 0), f"{own.name} {number}", own.location)
    said = config.setting(default)
    number = config.number(default, otherwise) if config.knows(default) else otherwise
    if said is None and not otherwise and number is None:
        number = 0  # no image turns on a reserve or a cap of itself
    if number is None:
        return None
    name = config.own(default) if said else "default of"
    words = "" if number <= 0 else f"{name} {number}"
    return exact(max(number, 0), words, said.location if said else None, "file" if said else "default")


def users(config: PoolerConfig, database: PoolerDatabase) -> int:
    """How many pools a database has: one for a forced user, else one for each user that is known, at least one."""
    return 1 if database.value("user") else max(1, len(config.logins))


def opened(config: PoolerConfig, database: PoolerDatabase, pools: int | None = None) -> Amount | None:
    """What the pools of one database may open together, within its max_db_connections; None when not known.

    `pools`: how many users of it are known; None: as the file tells.
    """
    if config.facts is not None and config.facts.per_client:
        clients, each = (
            _number(config, database, (), name, 1) for name in ("max_client_conn", "default_pool_size")
        )
        return None if clients is None or each is None else times(clients, each)
    size, cap = (
        pool_size(config, database),
        _number(config, database, ("max_db_connections",), "max_db_connections", 0),
    )
    if size is None or cap is None:
        return None
    many = users(config, database) if pools is None else pools
    every = times(size, exact(many, plural(many, "user") if many > 1 else ""))
    return within(every, cap) if cap.most else every


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
        total += size.most * users(config, database)
    return total
