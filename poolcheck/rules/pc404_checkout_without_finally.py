"""A connection is taken from the pool and not given back when something throws.

## Why it matters
What is taken with `connect()` belongs to the caller until `release()`. When a query throws before it, the connection
never returns: after `max` such errors the pool is empty, and every later request waits, for ever by default.

## What to do
Release in `finally`. For single queries use `pool.query()`, which takes and releases by itself.

```typescript bad file=src/transfer.ts npm=pg@8.13.0
import { pool } from './db'

export async function transfer(from: number, to: number) {
  const client = await pool.connect()
  await client.query('begin')
  await client.query('update accounts set balance = balance - 1 where id = $1', [from])
  await client.query('update accounts set balance = balance + 1 where id = $1', [to])
  await client.query('commit')
  client.release()
}
```

```typescript bad file=src/find.ts npm=pg@8.13.0
import { pool } from './db'

export async function find(id?: number) {
  const client = await pool.connect()
  try {
    if (!id) return null
    const found = await client.query('select * from a where id = $1', [id])
    client.release()
    return found.rows[0]
  } catch (error) {
    client.release()
    throw error
  }
}
```

```javascript bad file=src/find.js npm=pg@8.13.0
const { Pool } = require('pg')
const pool = new Pool({ connectionTimeoutMillis: 5000, idleTimeoutMillis: 10000 })

exports.find = (id, done) => {
  pool.connect((error, client, release) => {
    if (error) return done(error)
    client.query('select * from a where id = $1', [id], (error, found) => done(error, found))
  })
}
```

```javascript good file=src/find.js npm=pg@8.13.0
const { Pool } = require('pg')
const pool = new Pool({ connectionTimeoutMillis: 5000, idleTimeoutMillis: 10000 })

exports.find = (id, done) => {
  pool.connect((error, client, release) => {
    if (error) return done(error)
    client.query('select * from a where id = $1', [id], (error, found) => {
      release()
      done(error, found)
    })
  })
}
```

```typescript good file=src/transfer.ts npm=pg@8.13.0
import { pool } from './db'

export async function transfer(from: number) {
  const client = await pool.connect()
  try {
    await client.query('begin')
    await client.query('update accounts set balance = balance - 1 where id = $1', [from])
    await client.query('commit')
  } catch (error) {
    await client.query('rollback')
    throw error
  } finally {
    client.release()
  }
}
```

## Sources
- https://node-postgres.com/features/pooling
- https://node-postgres.com/features/transactions
- https://typeorm.io/docs/query-runner
"""

from collections.abc import Iterator

from poolcheck.model.context import Context
from poolcheck.model.problem import Fix, Problem
from poolcheck.model.rule import rule
from poolcheck.model.severity import Severity
from poolcheck.model.source import Checkout, SourceFile
from poolcheck.rules._source import at, speaks_postgres


@rule(SourceFile, severity=Severity.ERROR, step=3)
def check(file: SourceFile, ctx: Context) -> Iterator[Problem]:
    """Never released, or not on a way that nothing is thrown on: an error. Released unless something throws: a warning."""
    if file.language == "python" or file.purpose != "app" or not speaks_postgres(file, ctx):
        return
    for take in file.checkouts:
        if take.returned == "always" or take.transaction:
            continue
        place = f" in {take.within}()" if take.within else ""
        what = f"{take.name} = {take.call}" if take.name else f"What {take.call} gives"
        if take.at_module:
            message = f"{take.name or what} is taken from the pool when the module is loaded, and kept."
            why = (
                "One connection serves every importer from then on; when it breaks, nothing takes a new one."
            )
        elif take.returned == "no":
            message = f"{what}{place} is never released."
            why = "Each call takes a connection out of the pool for good."
        elif take.left_at:
            message = f"{what}{place} is not released when the function ends at line {take.left_at}."
            why = "Each call that ends there takes a connection out of the pool for good."
        elif take.returned == "begin":
            message = f"{what}{place} is not released when its BEGIN fails."
            why = "It stands before the try: a connection that breaks just then is never given back."
        else:
            message = f"{what}{place} is not released when something throws."
            why = "Each error takes a connection out of the pool for good."
        yield Problem(
            message=message,
            why=why,
            at=at(file, take),
            severity=_severity(take),
            key=f"{take.within}:{take.name}:{take.call}",
            fix=Fix(
                "Use pool.query(), or take a connection for each piece of work"
                if take.at_module
                else "Begin inside the try whose finally releases it"
                if take.returned == "begin"
                else "Release it in finally",
                lines=() if take.at_module else ("try {", "  ...", "} finally {", f"  {take.give_back}", "}"),
            ),
        )


def _severity(take: Checkout) -> Severity:
    if take.returned == "begin":
        return Severity.INFO
    certain = take.returned == "no" or take.left_at > 0
    return Severity.ERROR if certain and not take.at_module else Severity.WARNING
