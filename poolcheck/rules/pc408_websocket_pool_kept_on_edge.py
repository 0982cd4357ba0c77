"""A WebSocket pool is kept across requests where a socket may not outlive its request.

## Why it matters
In Vercel's edge functions and on Cloudflare Workers a WebSocket belongs to the request that opened it. A pool at module
level hands a later request a socket that it may not use: queries hang or fail.

## What to do
Make, use and end the pool inside the handler, or use `neon()`, which sends each query over HTTP.

```typescript bad file=app/api/users/route.ts npm=next@15.0.0,@neondatabase/serverless@1.0.0
import { Pool } from '@neondatabase/serverless'

export const runtime = 'edge'
const pool = new Pool({ connectionString: process.env.DATABASE_URL, connectionTimeoutMillis: 5000 })

export async function GET() {
  return Response.json((await pool.query('select 1')).rows)
}
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

## Sources
- https://github.com/neondatabase/serverless#pool-and-client
"""

from collections.abc import Iterator

from poolcheck.core.context import Context
from poolcheck.core.finding import Fix, Problem, Severity
from poolcheck.core.rule import rule
from poolcheck.core.source import SourceFile
from poolcheck.rules._source import app_sites, at, kind


@rule(SourceFile, severity=Severity.ERROR, step=4)
def check(file: SourceFile, _ctx: Context) -> Iterator[Problem]:
    """Only where the file itself says edge, or is deployed to Workers."""
    workers = file.worker and file.package.runtime.platform.startswith("cloudflare")
    if not (file.edge or workers):
        return
    place = "a Worker" if workers and not file.edge else "an edge function"
    for site in app_sites(file):
        if kind(site).wire == "websocket" and site.scope in ("module", "cached"):
            yield Problem(
                message=f"{site.name or site.call} is kept across requests in {place}.",
                why="A socket opened by one request may not be used by the next: its queries hang or fail.",
                at=at(file, site),
                key=site.name,
                fix=Fix(
                    "Make and end it inside the handler, or use neon() over HTTP",
                    lines=(
                        f"const pool = {site.call}({{ connectionString }})",
                        "...",
                        "ctx.waitUntil(pool.end())",
                    ),
                ),
            )
