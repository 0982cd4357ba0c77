"""A pool is kept across requests where a socket may not outlive its request.

## Why it matters
In Vercel's edge functions and on Cloudflare Workers a socket belongs to the request that opened it. A pool at module
level hands a later request a socket that it may not use: queries hang or fail with `Cannot perform I/O on behalf of a
different request`. On Workers this holds for TCP as well as for WebSockets, with Hyperdrive and without.

## What to do
Make, use and end the pool inside the handler, or use `neon()`, which sends each query over HTTP. Where a framework wants
one module for the database, `maxUses: 1` makes a `pg` pool give no socket to a second request.

```typescript bad file=app/api/users/route.ts npm=next@15.0.0,@neondatabase/serverless@1.0.0
import { Pool } from '@neondatabase/serverless'

export const runtime = 'edge'
const pool = new Pool({ connectionString: process.env.DATABASE_URL, connectionTimeoutMillis: 5000 })

export async function GET() {
  return Response.json((await pool.query('select 1')).rows)
}
```

```typescript bad npm=hono@4.0.0,postgres@3.4.9
// file: wrangler.jsonc
{ "main": "src/index.ts", "hyperdrive": [{ "binding": "HYPERDRIVE", "id": "x" }] }
// file: src/index.ts
import { env } from 'cloudflare:workers'
import postgres from 'postgres'

const sql = postgres(env.HYPERDRIVE.connectionString)

export default { fetch: async () => Response.json(await sql`select 1`) }
```

```typescript good file=app/api/users/route.ts npm=next@15.0.0,@neondatabase/serverless@1.0.0
import { Pool } from '@neondatabase/serverless'

export const runtime = 'edge'

export async function GET(request: Request, context: { waitUntil: (p: Promise<unknown>) => void }) {
  const pool = new Pool({ connectionString: process.env.DATABASE_URL, connectionTimeoutMillis: 5000 })
  const { rows } = await pool.query('select 1')
  context.waitUntil(pool.end())
  return Response.json(rows)
}
```

```typescript good npm=hono@4.0.0,postgres@3.4.9
// file: wrangler.jsonc
{ "main": "src/index.ts", "hyperdrive": [{ "binding": "HYPERDRIVE", "id": "x" }] }
// file: src/index.ts
import postgres from 'postgres'

export default {
  async fetch(request: Request, env: Env) {
    const sql = postgres(env.HYPERDRIVE.connectionString, { max: 5 })
    return Response.json(await sql`select 1`)
  },
}
```

## Sources
- https://github.com/neondatabase/serverless#pool-and-client
- https://developers.cloudflare.com/hyperdrive/concepts/connection-lifecycle/
- https://opennext.js.org/cloudflare/howtos/db
"""

from collections.abc import Iterator

from poolcheck.model.context import Context
from poolcheck.model.problem import Fix, Problem
from poolcheck.model.rule import rule
from poolcheck.model.severity import Confidence, Severity
from poolcheck.model.source import Site, SourceFile
from poolcheck.rules._source import app_sites, at, on_workers


@rule(SourceFile, severity=Severity.ERROR, step=4)
def check(file: SourceFile, _ctx: Context) -> Iterator[Problem]:
    """Only where the file itself says edge, or is deployed to Workers; TCP only there, as the edge has none."""
    workers = on_workers(file)
    if not (file.edge or workers):
        return
    place = "a Worker" if workers and not file.edge else "an edge function"
    for site in app_sites(file):
        wire = site.made.wire
        kept = site.scope in ("module", "cached") and (wire == "websocket" or (workers and wire == "tcp"))
        if kept and site.number("maxUses") != 1:
            yield Problem(
                message=f"{site.name or site.call} is kept across requests in {place}.",
                why="A socket opened by one request may not be used by the next: its queries hang or fail.",
                at=at(file, site),
                confidence=Confidence.HIGH if file.edge or file.worker else Confidence.MEDIUM,
                key=site.name,
                fix=Fix("Make and end it inside the handler, or use neon() over HTTP", lines=_lines(site)),
            )


def _lines(site: Site) -> tuple[str, ...]:
    """How to make it for one request."""
    if site.made.wire == "websocket":
        return (f"const pool = {site.call}({{ connectionString }})", "...", "ctx.waitUntil(pool.end())")
    name = site.name if site.name.isidentifier() else "pool"
    given = "{ connectionString }" if site.argument in ("object", "") else "connectionString"
    return (f"const {name} = {site.call}({given})  // inside fetch()",)
