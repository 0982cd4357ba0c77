"""Prisma's adapter is given an argument that it takes for something else.

## Why it matters
The adapters accept more than one shape of argument, and which ones changed between versions. A shape that a version
does not know is not refused: the adapter falls back to its defaults and connects to localhost, or builds a second pool
that nobody ends.

## What to do
Pass what the installed version takes: `new PrismaPg({ connectionString, max })` everywhere, `new PrismaPg(pool)` from 6.13.

```typescript bad file=src/db.ts npm=@prisma/adapter-pg@7.2.0,@prisma/client@7.2.0,pg@8.13.0
import { PrismaPg } from '@prisma/adapter-pg'
import { Pool } from 'pg'

const pool = new Pool({ connectionString: process.env.DATABASE_URL, connectionTimeoutMillis: 5000 })
export const adapter = new PrismaPg({ pool })
```

```typescript bad file=src/db.ts npm=@prisma/adapter-pg@7.2.0,@prisma/client@7.2.0
import { PrismaPg } from '@prisma/adapter-pg'

export const adapter = new PrismaPg(
  { connectionString: process.env.DATABASE_URL, connectionTimeoutMillis: 5000 },
  { pool: { max: 2 } },
)
```

```typescript bad file=src/db.ts npm=@prisma/adapter-pg@7.2.0,@prisma/client@7.2.0
import { PrismaPg } from '@prisma/adapter-pg'

export const adapter = new PrismaPg({ connectionString: process.env.DATABASE_URL, connection_limit: 2 })
```

```typescript good file=src/db.ts npm=@prisma/adapter-pg@7.2.0,@prisma/client@7.2.0
import { PrismaPg } from '@prisma/adapter-pg'

export const adapter = new PrismaPg(
  { connectionString: process.env.DATABASE_URL, max: 2, connectionTimeoutMillis: 5000 },
  { schema: 'app' },
)
```

```typescript good file=src/db.ts npm=@prisma/adapter-pg@7.2.0,@prisma/client@7.2.0,pg@8.13.0
import { PrismaPg } from '@prisma/adapter-pg'
import { Pool } from 'pg'

const pool = new Pool({ connectionString: process.env.DATABASE_URL, connectionTimeoutMillis: 5000 })
export const adapter = new PrismaPg(pool)
```

## Sources
- https://www.prisma.io/docs/orm/overview/databases/database-drivers
- https://github.com/prisma/prisma/tree/main/packages/adapter-pg
- https://github.com/prisma/prisma/tree/main/packages/adapter-neon
"""

from collections.abc import Iterator

from poolcheck.model.context import Context
from poolcheck.model.problem import Fix, Problem
from poolcheck.model.rule import rule
from poolcheck.model.severity import Severity
from poolcheck.model.source import SourceFile
from poolcheck.rules._source import at

GOOD = "new PrismaPg({ connectionString: process.env.DATABASE_URL, max: 5 })"
GOOD_NEON_MAX = "new PrismaNeon({ connectionString: process.env.DATABASE_URL, max: 5 })"
GOOD_NEON = "new PrismaNeon({ connectionString: process.env.DATABASE_URL })"


@rule(SourceFile, severity=Severity.ERROR, step=2)
def check(file: SourceFile, _ctx: Context) -> Iterator[Problem]:
    """By the adapter's version where the shape was right once; `{ pool }` never was."""
    for mark in file.shapes:
        adapter, _, shape = mark.kind.partition(":")
        if shape in ("first", "second"):
            yield Problem(
                message=f"{adapter} does not read `{mark.text}` in its {shape} argument.",
                why="The options of its pool are those of node-postgres, directly in the first argument. What stands elsewhere, or has"
                " another driver's name, has no effect: the pool stays at 10.",
                severity=Severity.WARNING,
                at=at(file, mark),
                key=f"{mark.kind}:{mark.text}",
                fix=Fix("Put max into the first argument", lines=(GOOD if adapter == "PrismaPg" else GOOD_NEON_MAX,)),
            )  # fmt: skip
            continue
        use = file.package.driver("prisma-adapter-pg" if adapter == "PrismaPg" else "prisma-adapter-neon")
        version = (use.version.parts if use else ())[:2]
        why = _why(adapter, shape, version if len(version) == 2 else ())
        if why:
            yield Problem(
                message=f"{mark.text} is not what {adapter} takes"
                + (f" in {use.version}." if use and shape != "wrapped-pool" else "."),
                why=why,
                at=at(file, mark),
                key=mark.kind,
                fix=Fix("Pass the options themselves", lines=(GOOD if adapter == "PrismaPg" else GOOD_NEON,)),
            )


def _why(adapter: str, shape: str, version: tuple[int, ...]) -> str:
    """What goes wrong; "" when nothing does, or the version does not tell."""
    if adapter == "PrismaPg":
        if shape == "wrapped-pool":
            return "An object with the key `pool` names no server, so the adapter connects to localhost:5432."
        if shape == "pool" and version and (6, 6) <= version < (6, 13):
            return "From 6.6 to 6.12 a Pool is read as plain options: the adapter builds a second pool of its own."
        if shape in ("string", "env") and version and version < (7, 6):
            return (
                "Before 7.6 the adapter takes an object; a string leaves it at its defaults, localhost:5432."
            )
        return ""
    if shape in ("pool", "neon", "wrapped-pool") and version and version >= (6, 6):
        return "From 6.6 on it takes options; a pool or neon() leaves it without a host, and the first query fails."
    return ""
