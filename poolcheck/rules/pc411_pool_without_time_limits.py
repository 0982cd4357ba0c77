"""A pool waits without end for a slot, or never closes what idles.

## Why it matters
node-postgres and what is built on it wait for a free connection for ever unless `connectionTimeoutMillis` is set: a
full pool then looks like a hanging app. `idleTimeoutMillis: 0` keeps every connection that was ever opened, which in a
fleet of short-lived instances is what fills the server.

## What to do
Set `connectionTimeoutMillis` (5 to 10 seconds), and leave `idleTimeoutMillis` at its 10 seconds or lower it.

```typescript bad file=src/db.ts npm=pg@8.13.0 serverless
import { Pool } from 'pg'

export const pool = new Pool({ connectionString: process.env.DATABASE_URL, max: 5, idleTimeoutMillis: 0 })
```

```typescript good file=src/db.ts npm=pg@8.13.0 serverless
import { Pool } from 'pg'

export const pool = new Pool({
  connectionString: process.env.DATABASE_URL,
  max: 5,
  connectionTimeoutMillis: 5000,
})
```

## Sources
- https://node-postgres.com/apis/pool
- https://www.prisma.io/docs/orm/prisma-client/setup-and-configuration/databases-connections/connection-pool
"""

from collections.abc import Iterator

from poolcheck.model.context import Context
from poolcheck.model.problem import Fix, Problem
from poolcheck.model.rule import rule
from poolcheck.model.severity import Confidence, Severity
from poolcheck.model.source import Site, SourceFile
from poolcheck.rules._source import app_sites, at, on_edge

POOLS = ("pg-pool", "neon-pool", "vercel-pool")


@rule(SourceFile, severity=Severity.INFO, step=2)
def check(file: SourceFile, _ctx: Context) -> Iterator[Problem]:
    """Only where every option is written out: what a variable or a spread brings is not known."""
    for site in app_sites(file):
        if site.kind not in POOLS or site.scope == "request" or on_edge(file):
            continue
        title = site.made.title
        if site.number("idleTimeoutMillis") == 0:
            yield Problem(
                message=f"idleTimeoutMillis: 0 keeps every connection of {title} open for as long as the process lives.",
                why="Instances that have nothing to do keep their slots.",
                at=at(file, site),
                severity=Severity.WARNING if file.package.runtime.short_lived else Severity.INFO,
                key=f"idle:{site.name}",
                fix=Fix("Close what idles", lines=("idleTimeoutMillis: 10_000,",)),
            )
        if _waits(site):
            yield Problem(
                message=f"{title} waits for a free connection without end.",
                why="A full pool then shows as hanging requests, not as an error.",
                at=at(file, site),
                confidence=Confidence.HIGH if site.complete else Confidence.MEDIUM,
                key=f"wait:{site.name}",
                fix=Fix("Bound the wait", lines=("connectionTimeoutMillis: 5_000,",)),
            )


def _waits(site: Site) -> bool:
    missing = site.option("connectionTimeoutMillis") is None
    return site.number("connectionTimeoutMillis") == 0 or (missing and site.complete)
