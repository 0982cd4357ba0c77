"""Several files of one app each make a client of their own.

## Why it matters
Each client has a pool of its own, so the pool size that was computed for the process is multiplied by the number of
files: twelve files with a pool of ten are 120 connections from one process.

A client that is kept on `globalThis` for the dev server alone counts: in production each file makes its own.

## What to do
Make the client in one module and import it everywhere else.

```typescript bad npm=express@5.0.0,@prisma/client@6.2.0
// file: src/users.ts
import { PrismaClient } from '@prisma/client'
const prisma = new PrismaClient()
export const users = () => prisma.user.findMany()
// file: src/posts.ts
import { PrismaClient } from '@prisma/client'
const prisma = new PrismaClient()
export const posts = () => prisma.post.findMany()
// file: src/tags.ts
import { PrismaClient } from '@prisma/client'
const prisma = new PrismaClient()
export const tags = () => prisma.tag.findMany()
```

```typescript bad npm=next@15.0.0,@prisma/client@6.2.0
// file: lib/users.ts
import { PrismaClient } from '@prisma/client'
const g = globalThis as unknown as { users?: PrismaClient }
export const prisma = g.users ?? new PrismaClient()
if (process.env.NODE_ENV !== 'production') g.users = prisma
// file: lib/posts.ts
import { PrismaClient } from '@prisma/client'
const g = globalThis as unknown as { posts?: PrismaClient }
export const prisma = g.posts ?? new PrismaClient()
if (process.env.NODE_ENV !== 'production') g.posts = prisma
// file: lib/tags.ts
import { PrismaClient } from '@prisma/client'
const g = globalThis as unknown as { tags?: PrismaClient }
export const prisma = g.tags ?? new PrismaClient()
if (process.env.NODE_ENV !== 'production') g.tags = prisma
```

```typescript good npm=next@15.0.0,@prisma/client@6.2.0
// file: lib/users.ts
import { PrismaClient } from '@prisma/client'
const g = globalThis as unknown as { db?: PrismaClient }
export const prisma = (g.db ??= new PrismaClient())
// file: lib/posts.ts
import { PrismaClient } from '@prisma/client'
const g = globalThis as unknown as { db?: PrismaClient }
export const prisma = (g.db ??= new PrismaClient())
// file: lib/tags.ts
import { PrismaClient } from '@prisma/client'
const g = globalThis as unknown as { db?: PrismaClient }
export const prisma = (g.db ??= new PrismaClient())
```

```typescript good npm=express@5.0.0,@prisma/client@6.2.0
// file: src/db.ts
import { PrismaClient } from '@prisma/client'
export const prisma = new PrismaClient()
// file: src/users.ts
import { prisma } from './db'
export const users = () => prisma.user.findMany()
```

## Sources
- https://www.prisma.io/docs/orm/prisma-client/setup-and-configuration/databases-connections
- https://docs.sqlalchemy.org/en/20/core/connections.html
"""

from collections.abc import Iterator

from poolcheck.model.context import Context
from poolcheck.model.problem import Problem
from poolcheck.model.rule import rule
from poolcheck.model.severity import Confidence, Severity
from poolcheck.model.source import Site, SourceFile, SourceTree
from poolcheck.rules._source import app_sites, at, on_edge, shared_client, sure

# Where each function is bundled apart, every file is a process of its own.
APART = ("aws-lambda", "netlify", "azure-functions", "gcp-functions", "aws-amplify")
MANY = 3  # two may be two programs of one package; three are a habit


@rule(SourceTree, severity=Severity.WARNING, step=3)
def check(tree: SourceTree, _ctx: Context) -> Iterator[Problem]:
    """Clients of the same kind with the same connection string, in several files of one package."""
    if tree.package.runtime.platform in APART:
        return
    groups: dict[tuple[str, str, str], list[tuple[SourceFile, Site]]] = {}
    for file in tree.files:
        if on_edge(file) or not file.exports:
            continue
        for site in app_sites(file):
            kept = site.scope == "module" and not site.on_global
            if (kept or _in_production(site)) and site.made.makes != "connection":
                groups.setdefault(
                    (site.kind, site.url, "py" if file.language == "python" else "js"), []
                ).append((file, site))
    for (name, url, _), many in groups.items():
        files = list(dict.fromkeys(file.path for file, _ in many))
        if len(files) < 2:
            continue
        file, site = many[0]
        listed = ", ".join(files[1:6]) + (f" and {len(files) - 6} more" if len(files) > 6 else "")
        yield Problem(
            message=f"{len(files)} files each make {site.made.title}: this one, {listed}.",
            why=f"A process that loads them holds {len(files)} pools, and opens up to {len(files)} times the connections that were planned.",
            at=at(file, site),
            related=tuple(at(other, made) for other, made in many[1:]),
            subject=tree.package.path,
            severity=Severity.WARNING if len(files) >= MANY else Severity.INFO,
            confidence=Confidence.MEDIUM if len(files) < MANY else sure(file, site),
            key=f"{name}:{url}",
            fix=shared_client(file, site),
        )


def _in_production(site: Site) -> bool:
    """Whether each file has one of its own in production: kept on globalThis for the dev server alone."""
    return site.dev_only and site.scope in ("module", "cached")
