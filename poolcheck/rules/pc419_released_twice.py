"""A connection is given back to its pool a second time.

## Why it matters
node-postgres throws at the second `release()`: `Release called on client which has already been released to the pool.`
psycopg2 and psycopg refuse the second `putconn()` as well.
What was done is reported as failed, and an error in `finally` hides the first one. Until then somebody else may have got
the connection.

## What to do
Release once, in `finally`, and nowhere else.

```javascript bad file=src/a.js npm=pg@8.13.0
const pool = require('./pool')

exports.find = async () => {
  const client = await pool.connect()
  try {
    const found = await client.query('select 1')
    client.release()
    return found
  } finally {
    client.release()
  }
}
```

```javascript good file=src/a.js npm=pg@8.13.0
const pool = require('./pool')

exports.find = async (id) => {
  const client = await pool.connect()
  if (!id) {
    client.release()
    return null
  }
  try {
    return await client.query('select 1')
  } finally {
    client.release()
  }
}
```

```python bad file=app/find.py pypi=psycopg2@2.9.9
import psycopg2


def find(pool):
    connection = pool.getconn()
    try:
        rows = connection.cursor().execute("select 1")
        pool.putconn(connection)
        return rows
    finally:
        pool.putconn(connection)
```

## Sources
- https://www.psycopg.org/docs/pool.html
- https://node-postgres.com/apis/pool#releasing-clients
"""

from collections.abc import Iterator

from poolcheck.model.context import Context
from poolcheck.model.problem import Fix, Problem
from poolcheck.model.rule import rule
from poolcheck.model.severity import Severity
from poolcheck.model.source import SourceFile
from poolcheck.rules._source import at, misuses


@rule(SourceFile, severity=Severity.WARNING, step=3)
def check(file: SourceFile, ctx: Context) -> Iterator[Problem]:
    """Only where some way comes to both, and neither asks first whether it was released."""
    for each in misuses(file, ctx, "twice"):
        yield Problem(
            message=f"{each.on} was already given back on one of the ways to this line.",
            why="The pool throws at the second one, and what was done before looks failed.",
            at=at(file, each),
            key=f"{each.within}:{each.on}",
            fix=Fix("Give it back once, in finally"),
        )
