"""A Worker opens its own connections to the database, without Hyperdrive.

## Why it matters
Cloudflare Workers can open TCP sockets, so pg and postgres.js work there. But a connection lives no longer than the
invocation that opened it: every request makes a new one, with a handshake of several round trips, and as many requests as
come at once, all over the world, hold as many slots. Hyperdrive keeps a pool near the database for all of them.

## What to do
Bind Hyperdrive and connect with `env.HYPERDRIVE.connectionString`; or use a driver that queries over HTTP. Hyperdrive
itself wants the database's direct string. A pooler in front of the database bounds the slots, not the handshakes.

```typescript bad npm=pg@8.16.3
// file: wrangler.toml
main = "src/index.ts"
compatibility_flags = ["nodejs_compat"]
// file: src/index.ts
import { Client } from 'pg'

export default {
  async fetch(request: Request, env: Env, ctx: ExecutionContext) {
    const client = new Client({ connectionString: env.DATABASE_URL })
    await client.connect()
    const { rows } = await client.query('select 1')
    ctx.waitUntil(client.end())
    return Response.json(rows)
  },
}
```

```typescript good npm=pg@8.16.3
// file: wrangler.toml
main = "src/index.ts"
compatibility_flags = ["nodejs_compat"]
[[hyperdrive]]
binding = "HYPERDRIVE"
id = "x"
// file: src/index.ts
import { Client } from 'pg'

export default {
  async fetch(request: Request, env: Env, ctx: ExecutionContext) {
    const client = new Client({ connectionString: env.HYPERDRIVE.connectionString })
    await client.connect()
    const { rows } = await client.query('select 1')
    ctx.waitUntil(client.end())
    return Response.json(rows)
  },
}
```

```typescript good npm=@neondatabase/serverless@1.0.0
// file: wrangler.toml
main = "src/index.ts"
// file: src/index.ts
import { neon } from '@neondatabase/serverless'

export default {
  async fetch(request: Request, env: Env) {
    return Response.json(await neon(env.DATABASE_URL)`select 1`)
  },
}
```

## Sources
- https://developers.cloudflare.com/hyperdrive/concepts/connection-lifecycle/
- https://developers.cloudflare.com/workers/databases/connecting-to-databases/
- https://developers.cloudflare.com/workers/runtime-apis/tcp-sockets/
"""

from collections.abc import Iterator

from poolcheck.model.context import Context
from poolcheck.model.problem import Fix, Problem
from poolcheck.model.rule import rule
from poolcheck.model.severity import Confidence, Severity
from poolcheck.model.source import SourceTree
from poolcheck.rules._source import app_sites, at, base, on_workers, over_tcp, pooled_target
from poolcheck.text import plural

TOML = ("[[hyperdrive]]", 'binding = "HYPERDRIVE"', 'id = "<from: npx wrangler hyperdrive create>"')
JSON = ('"hyperdrive": [{ "binding": "HYPERDRIVE", "id": "<from: npx wrangler hyperdrive create>" }],',)


@rule(SourceTree, severity=Severity.WARNING, step=4)
def check(tree: SourceTree, ctx: Context) -> Iterator[Problem]:
    """Only where the wrangler config was read and binds none, and no source speaks of one; once for each package."""
    if tree.hyperdrive or tree.package.runtime.hyperdrive is not False:
        return
    found = [
        (file, site)
        for file in tree.files
        if on_workers(file) and file.package.runtime.hyperdrive is False
        for site in app_sites(file)
        if over_tcp(file, site)
    ]
    if not found:
        return
    file, site = min(found, key=lambda each: (not each[0].worker, each[0].path, each[1].line))
    pooled = pooled_target(file, ctx)
    config = base(tree.package.runtime.source)
    rest = f" So {plural(len(found) - 1, 'other place')} of this package." if len(found) > 1 else ""
    yield Problem(
        message=f"{site.made.title} connects straight to the database in each request: {config} binds no Hyperdrive.",
        why=(
            f"{pooled.label} goes through a pooler, which bounds the slots; each request still pays for a handshake."
            if pooled
            else "A Worker's connections end with its request, so nothing is reused: each request at once holds a slot."
        )
        + rest,
        at=at(file, site),
        subject=tree.package.path,
        severity=Severity.INFO if pooled else Severity.WARNING,
        confidence=Confidence.HIGH if file.worker else Confidence.MEDIUM,
        key=config,
        fix=Fix(
            f"Bind Hyperdrive in {config} and connect with env.HYPERDRIVE.connectionString",
            lines=TOML if config.endswith(".toml") else JSON,
        ),
    )
