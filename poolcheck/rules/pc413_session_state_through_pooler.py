"""SQL leaves something on a session that a transaction-mode pooler takes away.

## Why it matters
In transaction mode each transaction may run on another server connection. What was set on the last one is gone, and the
next client that gets it finds it there: a `SET search_path` sends a stranger's queries to the wrong schema, a session
lock stays held by nobody, and `LISTEN` is accepted and never delivers.
RDS Proxy loses none of this: it pins the client to its connection, which then serves no other client. PgDog sends a
client's `SET` to each connection that it uses.

## What to do
Inside a transaction use what ends with it: `SET LOCAL`, `set_config(..., true)`, `pg_advisory_xact_lock`,
`CREATE TEMP TABLE ... ON COMMIT DROP`. For `LISTEN` and session locks connect with the direct string.

```typescript bad file=src/tenant.ts npm=pg@8.13.0 url=supabase
import { pool } from './db'

export async function forTenant(tenant: string) {
  await pool.query(`SET search_path TO ${tenant}`)
}
```

```typescript good file=src/tenant.ts npm=pg@8.13.0 url=supabase
import { pool } from './db'

export async function forTenant(client) {
  await client.query('begin')
  await client.query('SET LOCAL statement_timeout = 5000')
  await client.query('commit')
}
```

```typescript good file=src/jobs.ts npm=pg@8.13.0 url=direct
import { Client } from 'pg'

export async function listen() {
  const client = new Client()
  await client.connect()
  await client.query('LISTEN jobs')
}
```

```python bad file=app/lock.py pypi=psycopg2@2.9.9 url=supabase
def lock(cursor):
    cursor.execute("SELECT pg_advisory_lock(42)")
```

```sql bad file=src/queries/jobs.sql npm=pg@8.13.0 url=supabase
-- name: wait
LISTEN jobs;
```

## Sources
- https://www.pgbouncer.org/features.html
- https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/rds-proxy-pinning.html
- https://supabase.com/docs/guides/database/connecting-to-postgres
"""

from collections.abc import Iterator

from poolcheck.model.context import Context
from poolcheck.model.problem import Fix, Problem
from poolcheck.model.rule import rule
from poolcheck.model.severity import Confidence, Severity
from poolcheck.model.source import SourceFile
from poolcheck.rules._common import transaction_pooler
from poolcheck.rules._source import at, other_url, pooled_target

WHAT = {
    "set": ("a session setting", "It is lost after the transaction, and the next client of that connection gets it.", "SET LOCAL ... inside a transaction; or ALTER ROLE ... SET for a constant"),
    "role": ("the session's role", "The next client of that connection goes on as this role.", "SET LOCAL ROLE ... inside a transaction"),
    "reset": ("the session's settings", "It hits whichever connection comes next, which another client may rely on.", "nothing: a pooler resets what it hands out"),
    "listen": ("a notification channel", "The server accepts it, and no notification ever arrives.", "a connection of its own with the direct string"),
    "prepare": ("a prepared statement", "Later transactions run where the name is unknown (26000) or taken (42P05).", "protocol-level statements of the driver, or none"),
    "hold": ("a cursor", "FETCH runs on another connection and finds no cursor (34000).", "a cursor inside one transaction"),
    "temp": ("a temporary table", "It is missing on the next connection (42P01), and in the way of the next client (42P07).", "CREATE TEMP TABLE ... ON COMMIT DROP inside a transaction"),
    "lock": ("a session lock", "The unlock runs on another connection and returns false; the lock stays.", "pg_advisory_xact_lock(...) inside a transaction"),
}  # fmt: skip


PINNED = "{} pins the client to one server connection until it disconnects: nothing is lost, and nothing is shared any more."


@rule(SourceFile, severity=Severity.WARNING, step=3)
def check(file: SourceFile, ctx: Context) -> Iterator[Problem]:
    """Only where the app's string is known to go through a transaction-mode pooler, and the file uses that string."""
    if not file.state or file.purpose == "test" or other_url(file, ctx):
        return
    if file.purpose == "script":
        # a migration or a tool: it may use the direct string, unless it names another
        named = {name for name, _ in file.variables}
        targets = [target for target in ctx.targets if not target.commented]
        used = [target for target in targets if target.name in named]
        used = used or [target for target in targets if target.role == "migration"]
        if not used or any(transaction_pooler(each) is None for each in used):
            return
    target = pooled_target(file, ctx)
    endpoint = transaction_pooler(target) if target else None
    if target is None or endpoint is None:
        return
    pinned = endpoint.session_state == "pinned"
    for mark in file.state:
        if endpoint.software == "PgDog" and mark.kind in ("set", "role", "reset"):
            continue  # it sends them to each connection that the client is given
        what, why, instead = WHAT[mark.kind]
        if pinned:
            why = PINNED.format(endpoint.software or "The pooler")
        yield Problem(
            message=f"`{mark.text}` leaves {what} on a connection that {target.label} {'keeps for this client alone' if pinned else 'does not keep'}.",
            why=why,
            severity=Severity.INFO if pinned else None,
            at=at(file, mark),
            confidence=Confidence.MEDIUM,
            key=f"{mark.kind}:{mark.text}",
            fix=Fix(
                f"Use what ends with the transaction: {instead}"
                if mark.kind not in ("listen", "reset")
                else f"Use {instead}"
            ),
            sources=(endpoint.source,),
        )
