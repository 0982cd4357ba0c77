"""A connection goes back to its pool inside a transaction that nobody ended.

## Why it matters
Releasing a connection ends no transaction. The next one that gets it works inside the old one: what it writes is lost or
refused (25P02), locks stay, and the session is idle in transaction for as long as the pool keeps it.

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
"""

from collections.abc import Iterator

from poolcheck.model.context import Context
from poolcheck.model.problem import Fix, Problem
from poolcheck.model.rule import rule
from poolcheck.model.severity import Severity
from poolcheck.model.source import SourceFile
from poolcheck.rules._source import at, misuses


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
