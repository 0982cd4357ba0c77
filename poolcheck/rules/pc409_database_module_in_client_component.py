"""A client component imports the module that makes the database client.

## Why it matters
What a `"use client"` file imports is bundled for the browser. A database client cannot run there, the build fails on
Node's modules or the page on its first query, and what the module holds may end up in public JavaScript.

## What to do
Query in a server component or a server action and pass the result down. `import 'server-only'` in the database module
turns such an import into a clear build error.

```tsx bad npm=next@15.0.0,pg@8.13.0
// file: lib/db.ts
import { Pool } from 'pg'
const kept = globalThis as unknown as { pool?: Pool }
export const pool = (kept.pool ??= new Pool({ connectionTimeoutMillis: 5000 }))
// file: app/users.tsx
'use client'
import { pool } from '../lib/db'

export default function Users() {
  return <button onClick={() => pool.query('select 1')}>load</button>
}
```

```tsx good npm=next@15.0.0,pg@8.13.0
// file: lib/db.ts
import 'server-only'
import { Pool } from 'pg'
const kept = globalThis as unknown as { pool?: Pool }
export type Row = { id: number }
export const pool = (kept.pool ??= new Pool({ connectionTimeoutMillis: 5000 }))
// file: app/users.tsx
'use client'
import type { Row } from '../lib/db'

export default function Users({ rows }: { rows: Row[] }) {
  return <ul>{rows.map((row) => <li key={row.id}>{row.id}</li>)}</ul>
}
```

## Sources
- https://nextjs.org/docs/app/getting-started/server-and-client-components
- https://react.dev/reference/rsc/use-client
"""

from collections.abc import Iterator

from poolcheck.model.context import Context
from poolcheck.model.problem import Fix, Problem
from poolcheck.model.rule import rule
from poolcheck.model.severity import Severity
from poolcheck.model.source import SourceFile
from poolcheck.rules._source import app_sites, at


@rule(SourceFile, severity=Severity.ERROR, step=3)
def check(file: SourceFile, _ctx: Context) -> Iterator[Problem]:
    """Values only: an import of types leaves nothing in the bundle."""
    if not file.client_side or file.purpose != "app":
        return
    for mark in file.reaches:
        yield Problem(
            message=f"This client component imports {mark.text}, and {mark.kind} makes a database client.",
            why="The import puts the client, and what it holds, into the browser's bundle.",
            at=at(file, mark),
            key=mark.kind,
            fix=Fix(
                "Query on the server and pass the result down",
                lines=(f"import 'server-only'  // first line of {mark.kind}",),
            ),
        )
    for site in app_sites(file):
        yield Problem(
            message=f"This client component makes {site.made.title} itself.",
            why="A database client cannot run in a browser.",
            at=at(file, site),
            key=site.kind,
            fix=Fix("Query on the server and pass the result down"),
        )
    for mark in file.modules if not file.sites else ():
        if mark.text:
            yield Problem(
                message=f"This client component imports {mark.kind}.",
                why="A database driver cannot run in a browser.",
                at=at(file, mark),
                key=mark.kind,
                fix=Fix("Query on the server and pass the result down"),
            )
