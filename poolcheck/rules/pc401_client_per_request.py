"""Each request makes a client or a pool of its own.

## Why it matters
A pool is made to be shared. One for each request opens new connections for each request, and leaves them open until
they idle out: a few dozen requests at once fill the server's slots, and every one of them pays for a handshake.

## What to do
Make the client once, at module level, and import it. Where a framework's dev server loads modules anew, keep it on
`globalThis`. On Workers and edge runtimes, where a socket may not outlive its request, this rule is silent.

```typescript bad file=app/api/users/route.ts npm=next@15.0.0,@prisma/client@6.2.0
import { PrismaClient } from '@prisma/client'

export async function GET() {
  const prisma = new PrismaClient()
  return Response.json(await prisma.user.findMany())
}
```

```javascript bad file=server.js npm=express@5.0.0,pg@8.13.0
const express = require('express')
const { Pool } = require('pg')
const app = express()

app.get('/users', async (req, res) => {
  const pool = new Pool({ connectionString: process.env.DATABASE_URL })
  const { rows } = await pool.query('select * from users')
  res.json(rows)
})
```

```typescript good file=app/api/users/route.ts npm=next@15.0.0,pg@8.13.0
import { Pool } from 'pg'

let pool: Pool | undefined
function getPool() {
  if (!pool) pool = new Pool({ max: 5, connectionTimeoutMillis: 5000 })
  return pool
}

export async function GET() {
  return Response.json((await getPool().query('select 1')).rows)
}
```

```typescript good file=src/index.ts npm=@neondatabase/serverless@1.0.0
import { Pool } from '@neondatabase/serverless'

export default {
  async fetch(request: Request, env: Env, ctx: ExecutionContext) {
    const pool = new Pool({ connectionString: env.DATABASE_URL })
    const { rows } = await pool.query('select 1')
    ctx.waitUntil(pool.end())
    return Response.json(rows)
  },
}
```

## Sources
- https://www.prisma.io/docs/orm/prisma-client/setup-and-configuration/databases-connections
- https://node-postgres.com/features/pooling
- https://github.com/neondatabase/serverless#pool-and-client
"""

from collections.abc import Iterator

from poolcheck.model.context import Context
from poolcheck.model.problem import Problem
from poolcheck.model.rule import rule
from poolcheck.model.severity import Severity
from poolcheck.model.source import SourceFile
from poolcheck.rules._source import app_sites, at, on_edge, shared_client, sure


@rule(SourceFile, severity=Severity.ERROR, step=3)
def check(file: SourceFile, _ctx: Context) -> Iterator[Problem]:
    """Silent where a client per request is right: on the edge, and for Neon's WebSocket clients that are ended."""
    if file.language == "python" or on_edge(file):
        return
    for site in app_sites(file):
        made = site.made
        if site.scope != "request" or (made.wire == "websocket" and site.closed != "no"):
            continue
        single = made.makes == "connection"
        if single and site.closed == "always":
            message = f"{site.within} opens a connection of its own ({site.call}) for each request."
            why = "It is closed again, but as many requests as come at once hold as many slots, and each pays for a handshake."
        else:
            message = f"{site.within} makes {made.title} for each request."
            why = (
                "It is never closed, so its connections stay open after the request."
                if site.closed == "no"
                else "Each request opens connections of its own, and closes them only when nothing throws."
                if site.closed == "sometimes"
                else "Each request opens connections of its own, and a burst of requests fills the slots."
            )
        yield Problem(
            message=message[0].upper() + message[1:],
            why=why,
            at=at(file, site),
            severity=Severity.WARNING if single and site.closed == "always" else None,
            confidence=sure(file, site),
            key=f"{site.kind}:{site.within}",
            fix=shared_client(file, site),
        )
