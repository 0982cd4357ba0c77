"""A transaction is begun on a pool, which gives each statement to any of its connections.

## Why it matters
The statements after `BEGIN` run on other connections, outside the transaction: what fails is not undone. The connection
that got `BEGIN` goes back to the pool inside a transaction: it holds its locks and its slot, and whoever gets it next
writes into a transaction that nobody ends.

## What to do
Take one connection and send everything to it; or use what the client has for transactions: Prisma's
`$transaction(async (tx) => ...)`, `begin` of postgres.js, `transaction` of Drizzle, Knex, Sequelize and TypeORM.

```javascript bad file=src/orders.js npm=pg@8.13.0
const { Pool } = require('pg')
const pool = new Pool()

exports.place = async (item) => {
  await pool.query('BEGIN')
  await pool.query('insert into orders(item) values ($1)', [item])
  await pool.query('update stock set n = n - 1 where item = $1', [item])
  await pool.query('COMMIT')
}
```

```typescript bad file=src/orders.ts npm=pg@8.13.0
// file: src/db.ts
import { Pool } from 'pg'
const pool = new Pool({ connectionTimeoutMillis: 5000, idleTimeoutMillis: 10000 })
export const query = (text: string, values?: unknown[]) => pool.query(text, values)
// file: src/orders.ts
import * as db from './db'

export async function place(item: string) {
  await db.query('BEGIN')
  await db.query('insert into orders(item) values ($1)', [item])
  await db.query('COMMIT')
}
```

```typescript bad file=src/orders.ts npm=drizzle-orm@0.38.0,postgres@3.4.5
import { sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/postgres-js'

const db = drizzle(process.env.DATABASE_URL!)

export async function place(item: string) {
  await db.execute(sql`BEGIN`)
  await db.execute(sql`insert into orders(item) values (${item})`)
  await db.execute(sql`COMMIT`)
}
```

```typescript good file=src/orders.ts npm=pg@8.13.0
import { Pool } from 'pg'
const pool = new Pool({ connectionTimeoutMillis: 5000, idleTimeoutMillis: 10000 })

export async function place(item: string) {
  const client = await pool.connect()
  try {
    await client.query('BEGIN')
    await client.query('insert into orders(item) values ($1)', [item])
    await client.query('COMMIT')
  } catch (error) {
    await client.query('ROLLBACK')
    throw error
  } finally {
    client.release()
  }
}
```

```typescript good file=src/orders.ts npm=pg@8.13.0
import { Pool } from 'pg'
const pool = new Pool({ connectionTimeoutMillis: 5000, idleTimeoutMillis: 10000 })

export const wipe = () => pool.query('BEGIN; delete from a; delete from b; COMMIT')
```

```python bad file=app/orders.py pypi=asyncpg@0.30.0
import asyncpg


async def place(pool: asyncpg.Pool, item: str):
    await pool.execute("BEGIN")
    await pool.execute("insert into orders(item) values ($1)", item)
    await pool.execute("COMMIT")
```

```python good file=app/orders.py pypi=asyncpg@0.30.0
import asyncpg


async def place(pool: asyncpg.Pool, item: str):
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("insert into orders(item) values ($1)", item)
```

## Sources
- https://node-postgres.com/features/transactions
- https://github.com/porsager/postgres#transactions
- https://www.prisma.io/docs/orm/prisma-client/queries/transactions
- https://orm.drizzle.team/docs/transactions
- https://magicstack.github.io/asyncpg/current/api/index.html#transactions
"""

from collections.abc import Iterator

from poolcheck.model.context import Context
from poolcheck.model.problem import Fix, Problem
from poolcheck.model.rule import rule
from poolcheck.model.severity import Severity
from poolcheck.model.source import Misuse, SourceFile
from poolcheck.rules._source import at, misuses, pool_seen


@rule(SourceFile, severity=Severity.ERROR, step=3)
def check(file: SourceFile, ctx: Context) -> Iterator[Problem]:
    """Medium where only its name says that it is a pool."""
    for each in misuses(file, ctx, "begin"):
        yield Problem(
            message=f"`{each.text}` is sent to {each.on}, and each statement after it to whichever connection is free.",
            why="They run outside of the transaction, and the connection that began it stays idle in it, with its locks.",
            at=at(file, each),
            confidence=pool_seen(each),
            key=f"{each.within}:{each.on}",
            fix=Fix(
                "Send the whole transaction to one connection",
                lines=_in_python(each) if file.language == "python" else _instead(each),
            ),
        )


def _in_python(each: Misuse) -> tuple[str, ...]:
    if each.transaction:
        return (f"async with {each.on}.{each.transaction}() as tx:", "    ...  # everything through tx")
    return (
        f"async with {each.on}.acquire() as connection, connection.transaction():",
        "    ...  # everything through connection",
    )


def _instead(each: Misuse) -> tuple[str, ...]:
    if each.transaction:
        owner = each.on.rpartition(".")[0] if each.on.endswith((".manager", ".query")) else each.on
        return (f"await {owner}.{each.transaction}(async (tx) => {{", "  ...  // everything through tx", "})")
    owner = each.on if "pool" in each.on.lower() else "pool"
    return (
        f"const client = await {owner}.connect()",
        "try {",
        "  await client.query('BEGIN')",
        "  ...  // everything through client",
        "  await client.query('COMMIT')",
        "} catch (error) {",
        "  await client.query('ROLLBACK')",
        "  throw error",
        "} finally {",
        "  client.release()",
        "}",
    )
