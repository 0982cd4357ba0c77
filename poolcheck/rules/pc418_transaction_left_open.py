"""A transaction is not ended on every way: its connection goes back to the pool inside of it, or never.

## Why it matters
Releasing a connection ends no transaction. The next one that gets it works inside the old one: what it writes is lost or
refused (25P02), locks stay, and the session is idle in transaction for as long as the pool keeps it.

A transaction that was taken as an object, `await knex.transaction()`, holds its connection until `commit()` or
`rollback()`: without one of them the slot is gone.

## What to do
`ROLLBACK` before every way out: in `catch`, and before an early `return`. `client.release(true)` closes the connection
instead, and its transaction with it.

```typescript bad file=src/transfer.ts npm=pg@8.13.0
import { pool } from './db'

export async function transfer(from: number) {
  const client = await pool.connect()
  try {
    await client.query('BEGIN')
    await client.query('update accounts set balance = balance - 1 where id = $1', [from])
    await client.query('COMMIT')
  } finally {
    client.release()
  }
}
```

```typescript bad file=src/transfer.ts npm=pg@8.13.0
import { pool } from './db'

export async function transfer(from: number) {
  const client = await pool.connect()
  try {
    await client.query('BEGIN')
    const found = await client.query('select * from accounts where id = $1 for update', [from])
    if (!found.rows.length) return null
    await client.query('COMMIT')
    return found.rows[0]
  } catch (error) {
    await client.query('ROLLBACK')
    throw error
  } finally {
    client.release()
  }
}
```

```javascript bad file=src/find.js npm=knex@3.1.0,pg@8.13.0
const knex = require('knex')({ client: 'pg' })

exports.find = async (id) => {
  const trx = await knex.transaction()
  const row = await trx('orders').where({ id }).first()
  if (!row) return null
  await trx.commit()
  return row
}
```

```javascript good file=src/find.js npm=knex@3.1.0,pg@8.13.0
const knex = require('knex')({ client: 'pg' })

exports.find = async (id) => {
  const trx = await knex.transaction()
  try {
    const row = await trx('orders').where({ id }).first()
    await trx.commit()
    return row
  } catch (error) {
    await trx.rollback()
    throw error
  }
}
```

```typescript good file=src/transfer.ts npm=pg@8.13.0
import { pool } from './db'

export async function transfer(from: number) {
  const client = await pool.connect()
  try {
    await client.query('BEGIN')
    await client.query('update accounts set balance = balance - 1 where id = $1', [from])
    await client.query('COMMIT')
  } catch (error) {
    await client.query('ROLLBACK')
    throw error
  } finally {
    client.release()
  }
}
```

## Sources
- https://node-postgres.com/features/transactions
- https://node-postgres.com/apis/pool#releasing-clients
- https://www.postgresql.org/docs/current/sql-rollback.html
- https://knexjs.org/guide/transactions.html
- https://sequelize.org/docs/v6/other-topics/transactions/
"""

from collections.abc import Iterator

from poolcheck.model.context import Context
from poolcheck.model.problem import Fix, Problem
from poolcheck.model.rule import rule
from poolcheck.model.severity import Severity
from poolcheck.model.source import SourceFile
from poolcheck.rules._source import at, misuses, speaks_postgres


@rule(SourceFile, severity=Severity.ERROR, step=3)
def check(file: SourceFile, ctx: Context) -> Iterator[Problem]:
    """An error where a way without any throw does it, a warning where it takes an error."""
    for each in misuses(file, ctx, "open"):
        threw = each.detail == "throw"
        when = "when something throws" if threw else "on a way without COMMIT or ROLLBACK"
        yield Problem(
            message=f"{each.on} goes back to its pool inside the transaction that begins here, {when}.",
            why="The next one that gets it works inside that transaction, and its locks stay.",
            at=at(file, each),
            severity=Severity.WARNING if threw else Severity.ERROR,
            key=f"{each.within}:{each.on}",
            fix=Fix(
                "Roll back in catch" if threw else "Roll back before that return, or commit",
                lines=("} catch (error) {", f"  await {each.on}.query('ROLLBACK')", "  throw error", "}")
                if threw
                else (f"await {each.on}.query('ROLLBACK')",),
            ),
        )
    if file.language == "python" or file.purpose != "app" or file.postgres is False:
        return
    for take in file.checkouts:
        if not take.transaction or take.returned == "always" or not speaks_postgres(file, ctx):
            continue
        when = (
            "is never committed or rolled back"
            if take.returned == "no"
            else f"does not end when the function does at line {take.left_at}"
            if take.left_at
            else "does not end when something throws"
        )
        yield Problem(
            message=f"{take.name} = {take.call}{f' in {take.within}()' if take.within else ''} {when}.",
            why="It keeps its connection, and its locks, for good.",
            at=at(file, take),
            severity=Severity.ERROR if take.returned == "no" or take.left_at else Severity.WARNING,
            key=f"{take.within}:{take.name}:{take.call}",
            fix=Fix(
                "Roll back in catch, and before every return",
                lines=("} catch (error) {", f"  await {take.give_back}", "  throw error", "}"),
            ),
        )
