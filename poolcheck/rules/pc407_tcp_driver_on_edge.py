"""A driver that needs TCP sockets runs where there are none.

## Why it matters
Edge functions and edge middleware have no TCP sockets of Node's kind: a driver such as pg or postgres.js fails there,
at build time or with the first query.

## What to do
Run the route on Node (`export const runtime = 'nodejs'`), or use an HTTP driver there: Neon's `neon()`, Prisma Postgres,
Supabase's client.

```typescript bad file=app/api/users/route.ts npm=next@15.0.0,pg@8.13.0
import { Pool } from 'pg'

export const runtime = 'edge'
const pool = new Pool({ connectionTimeoutMillis: 5000 })

export async function GET() {
  return Response.json((await pool.query('select 1')).rows)
}
```

```typescript bad npm=next@15.0.0,pg@8.13.0
// file: lib/db.ts
import { Pool } from 'pg'
const kept = globalThis as unknown as { pool?: Pool }
export const pool = (kept.pool ??= new Pool({ connectionTimeoutMillis: 5000 }))
// file: middleware.ts
import { NextResponse } from 'next/server'
import { pool } from '@/lib/db'

export async function middleware() {
  await pool.query('select 1')
  return NextResponse.next()
}
```

```typescript bad file=middleware.ts npm=next@15.0.0,@prisma/client@6.2.0
import { PrismaClient } from '@prisma/client'
import { NextResponse } from 'next/server'

const prisma = new PrismaClient()

export async function middleware() {
  await prisma.user.findFirst()
  return NextResponse.next()
}
```

```typescript good file=app/api/users/route.ts npm=next@15.0.0,@neondatabase/serverless@1.0.0
import { neon } from '@neondatabase/serverless'

export const runtime = 'edge'
const sql = neon(process.env.DATABASE_URL!)

export async function GET() {
  return Response.json(await sql`select 1`)
}
```

## Sources
- https://nextjs.org/docs/app/api-reference/edge
- https://vercel.com/docs/functions/runtimes/edge
- https://neon.com/docs/serverless/serverless-driver
- https://www.prisma.io/docs/orm/prisma-client/deployment/edge/overview
"""

from collections.abc import Iterator

from poolcheck.model.context import Context
from poolcheck.model.problem import Fix, Problem
from poolcheck.model.rule import rule
from poolcheck.model.severity import Severity
from poolcheck.model.source import Mark, SourceFile
from poolcheck.rules._source import app_sites, at, over_http


@rule(SourceFile, severity=Severity.ERROR, step=4)
def check(file: SourceFile, _ctx: Context) -> Iterator[Problem]:
    """Vercel's edge runtime and Next.js's edge middleware; Workers have sockets of their own kind."""
    if not file.edge or file.purpose != "app" or file.package.runtime.platform.startswith("cloudflare"):
        return
    for mark, what in _needing(file):
        yield Problem(
            message=f"{what} needs TCP sockets, and this file runs on the edge ({file.edge}).",
            why="There is no TCP there: the build or the first query fails.",
            at=at(file, mark),
            key=what,
            fix=Fix(
                "Run it on Node, or query over HTTP",
                lines=("export const runtime = 'nodejs'",)
                if file.edge.startswith("export const runtime")
                else (),
            ),
        )


def _needing(file: SourceFile) -> Iterator[tuple[Mark, str]]:
    for mark in file.modules:
        if mark.text:
            yield mark, mark.text
            return
    for site in app_sites(file):  # Prisma's own engine: an adapter or Accelerate would be given to it
        if (
            site.kind == "prisma"
            and site.complete
            and not site.option("adapter")
            and not over_http(file, site)
        ):
            yield Mark("prisma", site.line, site.column), "PrismaClient without an adapter"
            return
    for mark in file.reaches:
        yield mark, f"{mark.text}, which makes a client in {mark.kind},"
        return
