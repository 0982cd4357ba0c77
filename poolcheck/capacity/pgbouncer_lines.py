"""A complete pgbouncer.ini for a sizing: transaction mode, every number with its reason as a comment above it.

Valid for PgBouncer 1.18 and later. PgBouncer knows no comments behind a value, no units, and refuses to start with a
key that is newer than itself, so what newer versions add is commented out.
https://www.pgbouncer.org/config.html
"""

import re
from collections.abc import Iterator

from poolcheck.model.sizing import PoolerSizing, Sizing

QUERY_WAIT_SECONDS = 30  # below the usual 60 s of a gateway in front of the app; PgBouncer's default is 120
DEFAULT_HOST = "127.0.0.1"


def render(
    sizing: Sizing, host: str = DEFAULT_HOST, port: int = 5432, auth_file: str = "userlist.txt"
) -> str:
    """The file's text. `host` and `port` are the server's; "" when no pool fits at all."""
    pooler = sizing.pooler
    if pooler is None or pooler.pool_size < 1:
        return ""
    if not re.fullmatch(r"[\w.:/@-]+", host):
        host = DEFAULT_HOST  # nothing that could end the line or the value
    return "\n".join(_lines(sizing, pooler, host, port, auth_file)) + "\n"


def _lines(sizing: Sizing, pooler: PoolerSizing, host: str, port: int, auth_file: str) -> Iterator[str]:
    pools = pooler.pairs * pooler.processes
    per_pool = pooler.pool_size + pooler.reserve_pool
    yield "; Transaction-mode pooler, sized by poolcheck. Start it with: pgbouncer pgbouncer.ini"
    yield ""
    yield "[databases]"
    yield "; Every database name goes to this server under the same name. For one database only:"
    yield f"; app = host={host} port={port} dbname=app"
    yield f"* = host={host} port={port}"
    yield ""
    yield "[pgbouncer]"
    yield "listen_addr = 127.0.0.1"
    yield "listen_port = 6432"
    yield "unix_socket_dir ="
    yield ""
    yield '; Users and their SCRAM secrets, one a line, as in pg_authid: "app" "SCRAM-SHA-256$..."'
    yield "auth_type = scram-sha-256"
    yield f"auth_file = {auth_file}"
    yield "; Lets this user read SHOW POOLS and SHOW STATS, as poolcheck live --bouncer does."
    yield "stats_users = poolcheck"
    yield ""
    yield "; A client holds a server connection for one transaction only. Session state does not survive it:"
    yield "; SET, LISTEN, session advisory locks, WITH HOLD cursors, SQL-level PREPARE. Run migrations directly."
    yield "pool_mode = transaction"
    yield ""
    yield f"; Server connections of one (database, user) pair. {pooler.processes} x {pooler.pairs} pools x {per_pool}"
    yield f"; = {pools * per_pool} of {sizing.usable} usable slots when all are full; at most {pooler.largest} would fit."
    yield f"default_pool_size = {pooler.pool_size}"
    yield "; On top of that for a pool whose clients have waited reserve_pool_timeout seconds."
    yield f"reserve_pool_size = {pooler.reserve_pool}"
    yield "reserve_pool_timeout = 5"
    yield "; A fence: no database gets more than this from this process, however many users come."
    yield f"max_db_connections = {pooler.pairs * per_pool}"
    yield ""
    clients = -(-pooler.clients // pooler.processes)
    yield f"; {sizing.procs_peak} application processes during a deploy, {pooler.clients_per_process} connections in the pool of each"
    yield f"; = {pooler.clients}" + (
        f", divided among {pooler.processes} PgBouncer processes." if pooler.processes > 1 else "."
    )
    yield f"; File descriptors: {clients} clients + 10 + {pooler.pairs} x {per_pool} = {pooler.descriptors}; PgBouncer does not refuse to start"
    yield f"; with fewer: set LimitNOFILE={max(1024, 2 * pooler.descriptors)} (systemd) or ulimit -n."
    yield f"max_client_conn = {clients}"
    yield ""
    yield "; A client that has waited this long for a server connection gets an error instead of a place in a queue"
    yield "; that only grows (seconds; default 120)."
    yield f"query_wait_timeout = {QUERY_WAIT_SECONDS}"
    yield "; A transaction left open holds a server connection: end it (seconds; default: never)."
    yield "idle_transaction_timeout = 60"
    yield "server_idle_timeout = 600"
    yield "server_lifetime = 3600"
    yield "; JDBC sends it on connecting; PgBouncer would refuse the connection."
    yield "ignore_startup_parameters = extra_float_digits"
    yield ""
    yield "; From PgBouncer 1.21: named prepared statements of drivers work (default 0, from 1.24 on 200)."
    yield "; An older PgBouncer does not start with this line; switch the driver's prepared statements off instead."
    yield "; max_prepared_statements = 200"
