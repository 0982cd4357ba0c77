"""Connections are closed in a hook that a deploy never triggers.

## Why it matters
Node emits `beforeExit` when its event loop runs empty. A platform that replaces an instance sends SIGTERM, and then the
event is not emitted: the connections stay until the server notices, while the new instance opens its own. Listeners of
`exit` may do nothing that takes time, and closing a pool does.
Prisma's own `$on('beforeExit')` throws from version 5 on.

## What to do
Close on SIGTERM: stop taking requests, end the pool, then exit.

```typescript bad file=src/main.ts npm=express@5.0.0,@prisma/client@6.2.0 server
import { prisma } from './db'

process.on('beforeExit', async () => {
  await prisma.$disconnect()
})
```

```typescript bad file=src/prisma.service.ts npm=@nestjs/core@11.0.0,@prisma/client@6.2.0,prisma@6.2.0
import { PrismaClient } from '@prisma/client'

export class PrismaService extends PrismaClient {
  async enableShutdownHooks(app) {
    this.$on('beforeExit', async () => { await app.close() })
  }
}
```

```typescript good file=src/main.ts npm=express@5.0.0,@prisma/client@6.2.0 server
import { prisma } from './db'

process.once('SIGTERM', async () => {
  await prisma.$disconnect()
  process.exit(0)
})
```

## Sources
- https://nodejs.org/api/process.html#event-beforeexit
- https://nodejs.org/api/process.html#event-exit
- https://www.prisma.io/docs/orm/more/upgrade-guides/upgrading-versions/upgrading-to-prisma-5
"""

from collections.abc import Iterator

from poolcheck.model.context import Context
from poolcheck.model.problem import Fix, Problem
from poolcheck.model.rule import rule
from poolcheck.model.severity import Confidence, Severity
from poolcheck.model.source import SourceFile
from poolcheck.rules._source import at

LINES = (
    "process.once('SIGTERM', async () => {",
    "  server.close()",
    "  await prisma.$disconnect()  // or: await pool.end()",
    "  process.exit(0)",
    "})",
)
REASONS = {
    "beforeExit": "which SIGTERM does not trigger",
    "exit": "where Node waits for nothing, and which SIGTERM does not trigger",
}


@rule(SourceFile, severity=Severity.WARNING, step=3)
def check(file: SourceFile, _ctx: Context) -> Iterator[Problem]:
    """`beforeExit` and `exit` without a handler for SIGTERM in the same file; Prisma's own hook from version 5."""
    if file.purpose != "app" or file.postgres is False:
        return
    prisma = file.package.driver("prisma")
    major = prisma.version.major if prisma else None
    for mark in file.hooks:
        if mark.kind == "$on" and (major is None or major >= 5):
            yield Problem(
                message=f"{mark.text} throws" + (f" in Prisma {major}." if major else " from Prisma 5 on."),
                why="The hook was taken out of Prisma's library engine; the app fails where it is registered.",
                at=at(file, mark),
                severity=Severity.ERROR if major else Severity.WARNING,
                confidence=Confidence.HIGH if major else Confidence.MEDIUM,
                key="$on",
                fix=Fix("Listen for the process's own signal instead", lines=LINES),
            )
        elif mark.kind in REASONS and not file.handles_signals and file.package.runtime.kind != "edge":
            yield Problem(
                message=f"The pool is closed on {mark.kind}, {REASONS[mark.kind]}.",
                why="At each deploy the old instance's connections stay open until the server notices.",
                at=at(file, mark),
                severity=Severity.WARNING if file.package.runtime.kind == "server" else Severity.INFO,
                key=mark.kind,
                fix=Fix("Close it on SIGTERM", lines=LINES),
            )
