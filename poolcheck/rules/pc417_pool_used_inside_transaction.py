"""A transaction or a `with` holds one connection, and its code asks the same pool for another.

## Why it matters
Each such request needs two connections at once. As many of them at a time as the pool has connections, and each holds
one and waits for a second that nobody can give: the pool stands still until its time limit, or for ever. What is sent
that way is also not part of the transaction: it does not see its rows, and stays when that is rolled back.

## What to do
Send everything inside a transaction through its own client: `tx`, `trx`, `client`. What must not be part of it goes
before or behind it.

```typescript bad file=src/orders.ts npm=@prisma/client@6.2.0
import { PrismaClient } from '@prisma/client'
const prisma = new PrismaClient()

export const place = (item: string) =>
  prisma.$transaction(async (tx) => {
    const order = await tx.order.create({ data: { item } })
    await prisma.log.create({ data: { order: order.id } })
  })
```

```javascript bad file=src/orders.js npm=knex@3.1.0,pg@8.13.0
const knex = require('knex')({ client: 'pg' })

exports.save = (list) =>
  knex.transaction(async (trx) => {
    const rows = await trx('orders').insert(list).returning('id')
    await knex('log').insert({ n: rows.length })
  })
```

```typescript bad file=src/transfer.ts npm=pg@8.13.0
import { pool } from './db'

export async function transfer(from: number) {
  const client = await pool.connect()
  try {
    await client.query('BEGIN')
    await client.query('update accounts set balance = balance - 1 where id = $1', [from])
    await pool.query('insert into log(account) values ($1)', [from])
    await client.query('COMMIT')
  } catch (error) {
    await client.query('ROLLBACK')
    throw error
  } finally {
    client.release()
  }
}
```

```typescript good file=src/orders.ts npm=@prisma/client@6.2.0
import { PrismaClient } from '@prisma/client'
const prisma = new PrismaClient()

export async function place(item: string) {
  const order = await prisma.$transaction(async (tx) => tx.order.create({ data: { item } }))
  await prisma.log.create({ data: { order: order.id } })
}
```

```javascript good file=src/orders.js npm=knex@3.1.0,pg@8.13.0
const knex = require('knex')({ client: 'pg' })

exports.save = (list) =>
  knex.transaction(async (trx) => {
    await knex('log').insert({ n: list.length }).transacting(trx)
    await trx('orders').insert({ at: knex.fn.now() })
  })
```

```javascript bad file=src/results.js npm=sequelize@6.37.5,pg@8.16.3
const { sequelize, Result } = require('./models')

exports.save = (rows) =>
  sequelize.transaction(async (t) => {
    for (const row of rows) {
      const old = await Result.findOne({ where: { id: row.id } })
      await Result.update(row, { where: { id: old.id }, transaction: t })
    }
  })
```

```javascript good file=src/results.js npm=sequelize@6.37.5,pg@8.16.3
// file: src/models.js
const { Sequelize } = require('sequelize')
Sequelize.useCLS(require('cls-hooked').createNamespace('transactions'))
exports.sequelize = new Sequelize(process.env.DATABASE_URL, { dialect: 'postgres' })
// file: src/results.js
const { sequelize, Result } = require('./models')

exports.find = (id) => sequelize.transaction(async (t) => {
  return await Result.findOne({ where: { id } })
})
```

```javascript good file=src/results.js npm=other-orm@1.0.0,pg@8.16.3
const { sequelize, Result } = require('./models')

exports.find = (id) => sequelize.transaction(async (t) => {
  return await Result.findOne({ where: { id } })
})
```

```python bad file=app/orders.py pypi=sqlalchemy@2.0.30,psycopg2@2.9.9
from sqlalchemy import create_engine, text

engine = create_engine(URL)


def place(item):
    with engine.begin() as connection:
        connection.execute(text("insert into orders(item) values (:item)"), {"item": item})
        with engine.connect() as other:
            other.execute(text("insert into log(item) values (:item)"), {"item": item})
```

```python good file=app/orders.py pypi=asyncpg@0.30.0
import asyncpg


async def place(pool: asyncpg.Pool, item: str):
    async with pool.acquire() as connection:
        await connection.execute("insert into orders(item) values ($1)", item)
    await pool.execute("insert into log(item) values ($1)", item)
```

## Sources
- https://github.com/brettwooldridge/HikariCP/wiki/About-Pool-Sizing#pool-locking
- https://github.com/knex/knex/issues/1040
- https://github.com/PrairieLearn/PrairieLearn/pull/5419
- https://www.prisma.io/docs/orm/prisma-client/queries/transactions
"""

from collections.abc import Iterator

from poolcheck.model.context import Context
from poolcheck.model.problem import Fix, Problem
from poolcheck.model.rule import rule
from poolcheck.model.severity import Severity
from poolcheck.model.source import SourceFile
from poolcheck.rules._source import at, misuses, pool_seen


@rule(SourceFile, severity=Severity.WARNING, step=3)
def check(file: SourceFile, ctx: Context) -> Iterator[Problem]:
    """Only what the transaction waits for: what nobody awaits takes a connection, and blocks nothing."""
    for each in misuses(file, ctx, "inside"):
        yield Problem(
            message=f"{each.on} is asked for a second connection while one is held since line {each.detail}.",
            why="Enough of them at once, and every one waits for a connection that another of them holds.",
            at=at(file, each),
            confidence=pool_seen(each),
            key=f"{each.within}:{each.on}",
            fix=Fix(f"Send it through {each.text}, or before or behind the transaction"),
        )
