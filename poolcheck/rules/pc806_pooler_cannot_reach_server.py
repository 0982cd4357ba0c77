"""The pooler has waiting clients and no server connection.

## Why it matters
Clients wait while the pool has no server connection at all. After `query_wait_timeout` they see the same text as with a
busy pool, and a larger pool or `max_client_conn` changes nothing. What keeps it from having one is told apart as far as the
console shows it: a limit across pools (`max_db_connections`, `max_user_connections`) that others have used up, an
`auth_user` that cannot log in to look up passwords, a login that takes long (PgBouncer opens one server connection of a
pool at a time), or a server that refuses the pooler or is down.

Clients that wait at their login are in no `maxwait` of SHOW POOLS: how long they have waited is read from SHOW CLIENTS.

## What to do
What is named. Where nothing more than that is known, PgBouncer's log has the server's own words (`server login failed`,
`connect failed`, `DNS lookup failed`).

```json bad
{"pools": [{"database": "app", "user": "app", "clients_waiting": 4, "servers_login": 1, "max_wait_seconds": 3.0, "pool_size": 5}]}
```

```json bad another user has taken max_db_connections
{"databases": [{"name": "app", "max_connections": 5, "current_connections": 5}],
 "pools": [{"database": "app", "user": "app", "clients_waiting": 8, "max_wait_seconds": 6.0, "pool_size": 5},
           {"database": "app", "user": "batch", "clients_active": 5, "servers_active": 5, "pool_size": 5}]}
```

```json good a pool that just starts
{"pools": [{"database": "app", "user": "app", "clients_waiting": 1, "servers_login": 1, "max_wait_seconds": 0.01, "pool_size": 5}]}
```

## Sources
- https://www.pgbouncer.org/usage.html#show-pools
- https://www.pgbouncer.org/config.html#query_wait_timeout
- https://www.pgbouncer.org/config.html#max_db_connections
- https://www.pgbouncer.org/config.html#auth_user
"""

from collections.abc import Iterator

from poolcheck.model.context import Context
from poolcheck.model.look import PoolerLook
from poolcheck.model.problem import Fix, Problem
from poolcheck.model.rule import rule
from poolcheck.model.severity import Severity
from poolcheck.model.snapshot import LivePool
from poolcheck.text import clean, plural


@rule(PoolerLook, severity=Severity.ERROR, step=0)
def check(look: PoolerLook, ctx: Context) -> Iterator[Problem]:
    """Waiting for longer than a login takes, and nothing to wait for."""
    stopped = {database.name for database in look.snapshot.databases if database.paused or database.disabled}
    for pool in look.snapshot.pools:
        empty = not (pool.servers_active or pool.servers_idle or pool.servers_tested)
        if not pool.clients_waiting or not empty or pool.database in stopped:
            continue
        if pool.longest_wait < look.thresholds.max_wait_seconds:
            continue
        name = f"{clean(pool.database, limit=60)}/{clean(pool.user, limit=60)}"
        why, fix = cause(look, pool)
        yield Problem(
            message=(
                f"{plural(pool.clients_waiting, 'client')} of pool {name} wait, the first for {pool.longest_wait:.0f} s,"
                " and the pooler has no connection to the server for them."
            ),
            why=why,
            subject=name,
            key=name,
            fix=fix,
        )


def cause(look: PoolerLook, pool: LivePool) -> tuple[str, Fix]:
    """What keeps the pool without a server connection, and what then helps."""
    if said := used_up(look, pool):
        return said
    auth_user = look.snapshot.setting("auth_user")
    if auth_user and pool.user == auth_user:
        user = clean(auth_user, limit=60)
        return (
            f"They wait for auth_query: PgBouncer cannot log in as auth_user {user} to look up their passwords.",
            Fix(
                f"Give auth_file the password that {user} has on the server now, and reload",
                lines=("RELOAD;",),
            ),
        )
    if pool.servers_login and pool.login_seconds >= look.thresholds.max_wait_seconds:
        return (
            f"A login to the server has been going on for {pool.login_seconds:.0f} s, and a pool opens one at a time.",
            Fix(
                "See what keeps logins at the server: its machine, its authentication (LDAP, PAM, DNS), the network"
            ),
        )
    if look.usable is not None:
        return (
            "The server itself answers poolcheck: it refuses the pooler's user, or the pooler asks at another address.",
            Fix("Read the server's own words in PgBouncer's log: server login failed, or connect failed"),
        )
    return (
        "PostgreSQL refuses the pooler or is down: no setting of the pooler helps.",
        Fix("Look at PostgreSQL itself, with its direct URL"),
    )


def used_up(look: PoolerLook, pool: LivePool) -> tuple[str, Fix] | None:
    """A limit across pools that others have taken; None when none is reached."""
    spent = look.snapshot.spent(pool)
    if spent is None:
        return None
    name, limit, holders = spent
    ranked = sorted(holders, key=lambda each: -each.servers)
    who = ", ".join(
        f"{clean(each.user if name == 'max_db_connections' else each.database, limit=40)} {each.servers}"
        for each in ranked[:4]
    )
    return (
        f"{name} = {limit} is used up: {who}. The server may have slots free, and a larger pool changes nothing.",
        Fix(
            f"On the console, until the next reload, then in pgbouncer.ini; or let {clean(ranked[0].user, limit=40)} give back",
            lines=(f"SET {name} = {limit * 2};",),
        ),
    )
