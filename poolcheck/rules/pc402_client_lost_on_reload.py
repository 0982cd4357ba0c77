"""The client is made anew each time the dev server reloads its module.

## Why it matters
Next.js and its kin load a changed module again into the process that runs. What stood at module level is made a second
time, and the first client keeps its connections: after an afternoon of saving files a local or shared development
database refuses new ones. A deployment is not affected: this is about development.

## What to do
Keep the client on `globalThis` outside of production, which reloads do not clear.

```typescript bad file=lib/prisma.ts npm=next@15.0.0,@prisma/client@6.2.0
import { PrismaClient } from '@prisma/client'

export const prisma = new PrismaClient()
```

```typescript good file=lib/prisma.ts npm=next@15.0.0,@prisma/client@6.2.0
import { PrismaClient } from '@prisma/client'

const kept = globalThis as unknown as { prisma?: PrismaClient }
export const prisma = kept.prisma ?? new PrismaClient()
if (process.env.NODE_ENV !== 'production') kept.prisma = prisma
```

```typescript good file=src/db.ts npm=express@5.0.0,@prisma/client@6.2.0
import { PrismaClient } from '@prisma/client'

export const prisma = new PrismaClient()
```

## Sources
- https://www.prisma.io/docs/orm/more/help-and-troubleshooting/nextjs-help
- https://github.com/vercel/next.js/issues/7811
"""

from collections.abc import Iterator

from poolcheck.model.context import Context
from poolcheck.model.problem import Problem
from poolcheck.model.rule import rule
from poolcheck.model.severity import Severity
from poolcheck.model.source import SourceFile
from poolcheck.rules._source import RELOADERS, app_sites, at, on_edge, shared_client, sure


@rule(SourceFile, severity=Severity.INFO, step=3)
def check(file: SourceFile, _ctx: Context) -> Iterator[Problem]:
    """Only where the package's own framework reloads, in modules (not programs), and nothing in the file is kept on globalThis."""
    frameworks = [title for name, title in RELOADERS.items() if name in file.package.dependencies]
    if not frameworks or file.language == "python" or on_edge(file) or not file.exports:
        return
    whose = f"{frameworks[0]}'s" if len(frameworks) == 1 else "the"
    for site in app_sites(file):
        if site.scope == "module" and not site.on_global and site.made.makes != "connection":
            yield Problem(
                message=f"{site.made.title} is made again each time {whose} dev server reloads this module.",
                why="The client before it keeps its connections until the process ends. Only development is affected.",
                at=at(file, site),
                confidence=sure(file, site),
                key=f"{site.kind}:{site.name}",
                fix=shared_client(file, site),
            )
