"""The shared Prisma client is disconnected at the end of each request.

## Why it matters
`$disconnect()` closes the pool that the next request of a warm instance would have used. Every request then opens new
connections: slower, more handshakes for the server, and more slots taken while old ones are still closing.

## What to do
Leave it out: the platform ends the process. Call `$disconnect()` in scripts and on shutdown only.

```typescript bad file=pages/api/users.ts npm=next@15.0.0,@prisma/client@6.2.0 serverless
import { prisma } from '../../lib/prisma'

export default async function handler(req, res) {
  try {
    res.json(await prisma.user.findMany())
  } finally {
    await prisma.$disconnect()
  }
}
```

```typescript good file=pages/api/users.ts npm=next@15.0.0,@prisma/client@6.2.0 serverless
import { prisma } from '../../lib/prisma'

export default async function handler(req, res) {
  res.json(await prisma.user.findMany())
}
```

## Sources
- https://www.prisma.io/docs/orm/prisma-client/setup-and-configuration/databases-connections
"""

from collections.abc import Iterator

from poolcheck.model.context import Context
from poolcheck.model.problem import Fix, Problem
from poolcheck.model.rule import rule
from poolcheck.model.severity import Confidence, Severity
from poolcheck.model.source import SourceFile
from poolcheck.rules._source import at, on_edge


@rule(SourceFile, severity=Severity.WARNING, step=3)
def check(file: SourceFile, _ctx: Context) -> Iterator[Problem]:
    """A client that the function did not make, closed by a function that runs for each request."""
    if file.purpose != "app" or file.postgres is False or on_edge(file):
        return
    for mark in file.disconnects:
        yield Problem(
            message=f"{mark.text[0].upper() + mark.text[1:]} disconnects the shared {mark.kind}.",
            why="The next request has to connect again, and requests that run at the same time lose their pool."
            if file.package.runtime.kind == "server"
            else "The next request of a warm instance has to connect again.",
            at=at(file, mark),
            confidence=Confidence.HIGH if file.postgres else Confidence.MEDIUM,
            key=mark.text,
            fix=Fix(f"Remove {mark.kind}.$disconnect() here"),
        )
