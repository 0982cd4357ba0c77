"""SQL that holds for one session is sent to a pool, which gives each statement to any of its connections.

## Why it matters
`SET`, `set_config(..., false)` and `SET ROLE` stay on the connection that happened to be free: the next request that
gets it works with a stranger's setting or role, and the one that asked for it may not. `pg_advisory_lock` is held by a
connection that nobody can name again, so its unlock runs elsewhere and returns false. `LISTEN` is heard by nobody.
`SET LOCAL` and `set_config(..., true)` end with their own statement. No pooler is needed for any of it.

## What to do
Take one connection for all of it, in one transaction: `SET LOCAL`, `set_config(..., true)`, `pg_advisory_xact_lock`.
What holds for every connection belongs into the connection's options, or into `ALTER ROLE ... SET`. For `LISTEN` keep
one connection of its own for the process.

```javascript bad file=src/tenant.js npm=pg@8.13.0
const { Pool } = require('pg')
const pool = new Pool()

exports.orders = async (tenant) => {
  await pool.query("select set_config('app.tenant', $1, false)", [tenant])
  return pool.query('select * from orders')
}
```

```typescript bad file=src/jobs.ts npm=pg@8.13.0
import { pool } from './pool'

export async function once(job: () => Promise<void>) {
  await pool.query('select pg_advisory_lock(1)')
  await job()
  await pool.query('select pg_advisory_unlock(1)')
}
```

```typescript bad file=src/tenant.ts npm=@prisma/client@6.2.0
import { PrismaClient } from '@prisma/client'
const prisma = new PrismaClient()

export async function orders(tenant: string) {
  await prisma.$executeRaw`SELECT set_config('app.tenant', ${tenant}, true)`
  return prisma.order.findMany()
}
```

```typescript good file=src/tenant.ts npm=@prisma/client@6.2.0
import { PrismaClient } from '@prisma/client'
const prisma = new PrismaClient()

export async function orders(tenant: string) {
  const [, found] = await prisma.$transaction([
    prisma.$executeRaw`SELECT set_config('app.tenant', ${tenant}, true)`,
    prisma.order.findMany(),
  ])
  return found
}
```

```javascript good file=src/tenant.js npm=pg@8.13.0
const { Pool } = require('pg')
const pool = new Pool({ connectionTimeoutMillis: 5000, idleTimeoutMillis: 10000 })

pool.on('connect', (client) => {
  client.query("SET statement_timeout = '5s'")
})
```

```python bad file=app/tenant.py pypi=prisma@0.15.0
from prisma import Prisma

db = Prisma()


async def enter(tenant):
    await db.execute_raw(f"SET app.tenant = '{tenant}'")
```

```python good file=app/tenant.py pypi=asyncpg@0.30.0
import asyncpg


async def orders(pool: asyncpg.Pool, tenant: str):
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("select set_config('app.tenant', $1, true)", tenant)
        return await connection.fetch("select * from orders")
```

## Sources
- https://node-postgres.com/features/pooling
- https://www.postgresql.org/docs/current/sql-set.html
- https://www.postgresql.org/docs/current/explicit-locking.html
- https://www.postgresql.org/docs/current/sql-listen.html
"""

from collections.abc import Iterator

from poolcheck.model.context import Context
from poolcheck.model.problem import Fix, Problem
from poolcheck.model.rule import rule
from poolcheck.model.severity import Severity
from poolcheck.model.source import SourceFile
from poolcheck.rules._source import at, misuses, other_url, pool_seen, pooled_target

WHAT = {
    "set": ("The next one that gets that connection works with it, and the one that asked for it may not.", "Use SET LOCAL inside a transaction on one connection; what all of them need belongs into the pool's options"),
    "role": ("Whoever gets that connection next goes on as this role.", "Use SET LOCAL ROLE inside a transaction on one connection"),
    "local": ("It ends with its own statement: the next one runs without it.", "Send it and what needs it to one connection, inside one transaction"),
    "listen": ("The connection goes back to the pool, and nobody hears what arrives on it.", "Keep one connection of its own for LISTEN, once for the process"),
    "prepare": ("The next statement may run where that name is unknown.", "Use the driver's own prepared statements"),
    "hold": ("FETCH may run on another connection, and finds no cursor.", "Use a cursor inside a transaction on one connection"),
    "temp": ("The next statement may run where that table is missing.", "Use one connection for all of it: CREATE TEMP TABLE ... ON COMMIT DROP inside a transaction"),
    "lock": ("The unlock may run on another connection and returns false; the lock stays with the one that took it.", "Use pg_advisory_xact_lock(...) inside a transaction on one connection"),
}  # fmt: skip


@rule(SourceFile, severity=Severity.WARNING, step=3)
def check(file: SourceFile, ctx: Context) -> Iterator[Problem]:
    """Silent where PC413 says that a pooler takes the state away."""
    pooled = pooled_target(file, ctx) is not None and not other_url(file, ctx)
    for each in misuses(file, ctx, "state", "local"):
        if pooled and each.kind == "state":
            continue
        why, instead = WHAT[each.detail]
        yield Problem(
            message=f"`{each.text}` holds for one session, and is sent to {each.on}: to whichever connection is free.",
            why=why,
            at=at(file, each),
            confidence=pool_seen(each),
            key=f"{each.within}:{each.detail}:{each.text}",
            fix=Fix(instead),
        )
