"""The pools that the file allows add up to more connections than the server has slots.

## Why it matters
A pooler has one pool for each pair of database and user, and each may grow to its size (PgBouncer: plus reserve). When the server
refuses, every client of the pooler waits, and raising the pooler's limits makes it worse.
Where users are not known one for each database is counted, so the real sum is rather larger.

## What to do
Lower `default_pool_size`, or cap each database with `max_db_connections`, so that the sum leaves room for direct
connections: migrations, monitoring, psql.

```ini bad max=100
[databases]
app = host=10.0.0.5 dbname=app
jobs = host=10.0.0.5 dbname=jobs
audit = host=10.0.0.5 dbname=audit
[pgbouncer]
pool_mode = transaction
default_pool_size = 40
admin_users = dba
```

```ini good max=100
[databases]
app = host=10.0.0.5 dbname=app
jobs = host=10.0.0.5 dbname=jobs
audit = host=10.0.0.5 dbname=audit
[pgbouncer]
pool_mode = transaction
default_pool_size = 20
admin_users = dba
```

```toml bad max=100
# file: pgdog/pgdog.toml
[general]
host = "127.0.0.1"
default_pool_size = 40
[[databases]]
name = "app"
host = "10.0.0.5"
# file: pgdog/users.toml
[[users]]
name = "web"
database = "app"
[[users]]
name = "jobs"
database = "app"
[[users]]
name = "reports"
database = "app"
```

## Sources
- https://www.pgbouncer.org/config.html#default_pool_size
- https://www.pgbouncer.org/config.html#max_db_connections
- https://www.postgresql.org/docs/current/runtime-config-connection.html
"""

from collections.abc import Iterator

from poolcheck.capacity.pooler_sums import opened, users
from poolcheck.model.connection_map import Pooler
from poolcheck.model.context import Context
from poolcheck.model.pooler_config import PoolerConfig
from poolcheck.model.problem import Fix, Problem
from poolcheck.model.rule import rule
from poolcheck.model.severity import Severity
from poolcheck.rules._poolers import place, pooler_of
from poolcheck.text import plural


@rule(PoolerConfig, severity=Severity.ERROR, step=2)
def check(config: PoolerConfig, ctx: Context) -> Iterator[Problem]:
    """Databases on the same server, with every number known."""
    if config.beside:
        yield from _percentages(config)
    servers = {(database.value("host"), database.value("port") or "5432") for database in config.databases}
    pooler = pooler_of(config, ctx)
    there = _slots(pooler, ctx)
    # Names that lead to the same database are separate pools all the same.
    least = _sum(config, 1)
    if there is None or len(servers) > 1 or least is None or (pooler and pooler.replicas.most != 1):
        return  # of several replicas PC601 tells
    limit, reserved, source = there
    available = limit - reserved
    every = sum(users(config, database) for database in config.databases)
    total = _sum(config, 0) or least
    numbers = ctx.numbers
    own = pooler is not None and len(pooler.opens) == 1 and not pooler.provided
    opens = pooler.opens[0].most if pooler is not None and own else None
    wild = opens is not None and opens.most > total  # `*` is as many databases as its clients ask for
    if opens is not None and wild:
        every, least, total = -(-every * opens.most // total), opens.most, opens.most
    if total <= available:
        return
    pools = every if wild or total > least else len(config.databases)
    fitting = max(0, available - numbers.buffer) // max(1, pools)
    logins = f" and {plural(len(config.logins), 'user')}" if total > least else ""
    what = plural(len(config.databases), "database") + logins
    if config.facts is not None:
        what = plural(len(config.databases), "pool")
    name = "default_pool_size" if config.knows("default_pool_size") else "pool_size"
    if config.facts is not None and not config.setting(name):
        name = next(
            (n for n in ("pool_size", name) for database in config.databases if database.setting(n)), name
        )
    yield Problem(
        message=f"{config.name}: {what} may open {total} connections, and {available} slots are there ({limit} - {reserved} reserved{', ' + source if source else ''}).",
        why="With every user in every database; beyond the last slot the server refuses (SQLSTATE 53300)."
        if least <= available
        else "Beyond the last slot the server refuses (SQLSTATE 53300).",
        severity=Severity.ERROR if least > available else Severity.WARNING,
        at=place(config, name),
        subject=config.own(name),
        sources=config.sources(name),
        fix=Fix("Give each pool what fits", lines=(config.line(name, str(fitting)),))
        if fitting
        else Fix("Have fewer pools: not even one connection fits for each")
        if config.facts is not None
        else Fix("Cap the databases with max_db_connections", lines=(f"max_db_connections = {max(1, (available - numbers.buffer) // max(1, len(config.databases)))}",)),
    )  # fmt: skip


def _slots(pooler: Pooler | None, ctx: Context) -> tuple[int, int, str] | None:
    """The limit of the server behind it, what an ordinary role never gets of it, and what says so."""
    numbers = ctx.numbers
    server = ctx.map.server(pooler.opens[0].server) if pooler is not None and len(pooler.opens) == 1 else None
    limit = server.max_connections if server is not None else None
    if server is not None and limit is not None:
        said = str(limit.where or limit.words.partition("(")[2].rstrip(")") or limit.words)
        return (limit.low, server.reserved.most, said) if limit.low == limit.high else None
    if numbers.max_connections is None:
        return None
    return numbers.max_connections, numbers.reserved, numbers.sources.get("max_connections", "")


def _percentages(config: PoolerConfig) -> Iterator[Problem]:
    """RDS Proxy: each takes its share of the same max_connections."""
    name = "max_connections_percent"
    every = (config, *config.beside)
    shares = [each.number(name, 100) for each in every]
    known = [share for share in shares if share is not None]
    if len(known) < len(shares) or sum(known) <= 100:
        return
    yield Problem(
        message=f"{config.name}: {plural(len(every), 'proxy', 'proxies')} of the same database may open {' % + '.join(map(str, known))} % = {sum(known)} % of its max_connections.",
        why="Each proxy counts for itself; beyond the last slot the server refuses (SQLSTATE 53300).",
        severity=Severity.WARNING,
        at=place(config, name),
        subject=config.own(name),
        sources=config.sources(name),
        fix=Fix("Share them out", lines=(config.line(name, str(90 // len(every))),)),
    )


def _sum(config: PoolerConfig, pools: int) -> int | None:
    """All databases together, with so many users each; 0: with those that are known. None: a number is not known."""
    sums = [opened(config, database, pools or None) for database in config.databases]
    known = [each.most for each in sums if each is not None]
    return sum(known) if known and len(known) == len(sums) else None
