"""A pool on Vercel is not attached to the function's life.

## Why it matters
Vercel suspends an instance between requests, timers included. A pool's idle timeout then never fires: its connections
stay open, each suspended instance holds slots, and the server counts them all.

## What to do
Tell the platform about the pool with `attachDatabasePool(pool)` from `@vercel/functions`, and use a short idle timeout,
about five seconds: it keeps the instance awake until idle connections are closed.

```typescript bad npm=next@15.0.0,pg@8.13.0
// file: vercel.json
{}
// file: lib/db.ts
import { Pool } from 'pg'
const kept = globalThis as unknown as { pool?: Pool }
export const pool = (kept.pool ??= new Pool({ max: 5, connectionTimeoutMillis: 5000 }))
```

```typescript good npm=next@15.0.0,pg@8.13.0,@vercel/functions@3.9.9
// file: vercel.json
{}
// file: lib/db.ts
import { attachDatabasePool } from '@vercel/functions'
import { Pool } from 'pg'
const kept = globalThis as unknown as { pool?: Pool }
export const pool = (kept.pool ??= new Pool({ max: 5, connectionTimeoutMillis: 5000, idleTimeoutMillis: 5000 }))
attachDatabasePool(pool)
```

## Sources
- https://vercel.com/docs/functions/functions-api-reference/vercel-functions-package
- https://vercel.com/guides/connection-pooling-with-functions
"""

from collections.abc import Iterator

from poolcheck.model.context import Context
from poolcheck.model.problem import Fix, Problem
from poolcheck.model.rule import rule
from poolcheck.model.severity import Confidence, Severity
from poolcheck.model.source import SourceTree
from poolcheck.rules._source import app_sites, at, on_edge

ACCEPTED = ("pg-pool",)  # attachDatabasePool refuses postgres.js, and Prisma's engine has no pool to give


@rule(SourceTree, severity=Severity.WARNING, step=3)
def check(tree: SourceTree, _ctx: Context) -> Iterator[Problem]:
    """Only where a file says Vercel, and nothing in the project calls attachDatabasePool."""
    if (
        tree.attaches
        or tree.package.runtime.platform != "vercel"
        or tree.package.runtime.kind != "serverless"
    ):
        return
    for file in tree.files:
        if on_edge(file):
            continue
        for site in app_sites(file):
            if site.kind in ACCEPTED and site.scope in ("module", "cached"):
                name = site.name if site.name.isidentifier() else "pool"
                yield Problem(
                    message=f"{name} is not attached to the function: a suspended instance keeps its connections.",
                    why=f"{tree.package.runtime.source} says Vercel, and timers do not run while an instance is suspended.",
                    at=at(file, site),
                    confidence=Confidence.MEDIUM,
                    key=site.name,
                    fix=Fix(
                        "Attach it",
                        lines=(
                            "import { attachDatabasePool } from '@vercel/functions'",
                            f"attachDatabasePool({name})",
                        ),
                    ),
                )
                return
