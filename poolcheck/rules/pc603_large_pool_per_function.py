"""A pool that is large, or without a bound, in code whose instances come and go with traffic.

## Why it matters
The platform starts instances as requests come, and each has a pool of its own: a size that one server could afford is
multiplied by a number that nobody set. Two pools of 100 in each instance fill PostgreSQL's usual 97 slots before the second
instance starts. No connection string is needed to see that. Pools open lazily, so it shows on the busiest day.
A pool of up to {function_pool:count} is not reported, nor is one that a driver has by default.

## What to do
Start at 1 connection for each instance, and at 5 where an instance serves several requests at once (Vercel, Cloud Run); let a
pooler in transaction mode share the server's slots. A pool before a pooler counts against the pooler's client limit.
Where the platform caps the instances, `--instances N` and `--max N` make the sum, and this rule leaves it to them.

```typescript bad npm:pg@8.16.3
// file: vercel.json
{}
// file: src/db.ts
import { Pool } from 'pg'
export const pool = new Pool({ connectionString: process.env.POSTGRES_URL, max: 100 })
```

```python bad pypi:sqlalchemy@2.0.41 pypi:psycopg2@2.9.10 serverless
# file: app/db.py
import os
from sqlalchemy import create_engine
engine = create_engine(os.environ["DATABASE_URL"], pool_size=5, max_overflow=-1)
```

```typescript good npm:pg@8.16.3
// file: vercel.json
{}
// file: src/db.ts
import { attachDatabasePool } from '@vercel/functions'
import { Pool } from 'pg'
export const pool = new Pool({ connectionString: process.env.POSTGRES_URL, max: 5 })
attachDatabasePool(pool)
```

```typescript good npm:pg@8.16.3 server
// file: src/db.ts
import { Pool } from 'pg'
export const pool = new Pool({ connectionString: process.env.POSTGRES_URL, max: 100 })
```

## Sources
- https://vercel.com/guides/connection-pooling-with-functions
- https://www.prisma.io/docs/orm/v6/prisma-client/setup-and-configuration/databases-connections
- https://www.postgresql.org/docs/current/runtime-config-connection.html
"""

from collections.abc import Iterator

from poolcheck.capacity.advice import advise
from poolcheck.capacity.asked import Asked, term_of
from poolcheck.config.settings import SERVER_MAX, SERVER_RESERVED
from poolcheck.model.amount import Amount, exact
from poolcheck.model.connection_map import Client, Pool, Server
from poolcheck.model.context import Context
from poolcheck.model.problem import Fix, Problem
from poolcheck.model.rule import rule
from poolcheck.model.severity import Severity
from poolcheck.rules._common import platform_words
from poolcheck.text import plural

FEW = 5  # as many instances start within seconds
# They give an instance one request at a time: more than one connection is in use only where that runs queries side by side.
# https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html
ONE_REQUEST = ("aws-lambda", "netlify")
PLENTY = 10_000  # clients that a pooler in transaction mode is taken to have room for, where no file tells
USUAL = SERVER_MAX - SERVER_RESERVED


@rule(Client, severity=Severity.WARNING, step=2)
def check(client: Client, ctx: Context) -> Iterator[Problem]:
    """Only where a file or option says that its instances come and go; a sum that can be made is PC601's or PC204's."""
    runtime = client.package.runtime
    if client.once or runtime.kind not in ("serverless", "edge"):
        return
    for pool in client.pools:
        size = pool.size
        if not pool.unbounded and (size is None or size.open or size.most <= ctx.thresholds.function_pool):
            continue
        there, what = _capacity(client, pool, ctx)
        capacity = USUAL if there is None else there
        if size is not None and (capacity >= FEW * size.most or _counted(client, size, there)):
            continue
        one = runtime.platform in ONE_REQUEST
        yield Problem(
            message=f"{_words(pool, size)}: each instance of {client.name} may open {_number(size)} connections{_filled(size, capacity, what)}.",
            why=f"{platform_words(runtime)}, and how many instances run is the traffic's choice."
            + (" An instance has one request at a time there: this happens where a request runs its queries side by side." if one else ""),
            severity=Severity.INFO if one else None,
            at=next((each.where for each in size.leaves if each.where), pool.place) if size else pool.place,
            subject=pool.variable or client.name,
            key=f"{pool.variable}:{pool.title}",
            fix=_fix(client, pool, ctx),
        )  # fmt: skip


def _capacity(client: Client, pool: Pool, ctx: Context) -> tuple[int | None, str]:
    """What the server or pooler takes that the pool leads to, and its words; None: not known."""
    routes = [each for each in ctx.map.routes if each.client == client.name and each.role == "app"]
    for route in [each for each in routes if each.variable == pool.variable] or routes:
        pooler, server = ctx.map.pooler(route.pooler), ctx.map.server(route.server)
        if pooler is not None and pooler.max_clients is not None:
            return pooler.max_clients.low, f"the {pooler.max_clients.low:,} clients that {pooler.name} takes"
        if pooler is not None and pooler.mode != "session":
            return PLENTY, ""
        limit = server.max_connections if server is not None and not server.here else None
        if server is not None and limit is not None and limit.low == limit.high:
            slots = max(1, limit.low - server.reserved.most)
            return slots, f"the {slots} slots of {server.name}"
    return None, f"the {USUAL} slots that PostgreSQL gives by default"


def _counted(client: Client, size: Amount, capacity: int | None) -> bool:
    """Whether the number of instances is known, and either fits or is a sum that another rule makes."""
    term = term_of(client, [each for each in client.pools if each.size == size])
    return term is not None and (capacity is not None or term.steady.most <= USUAL)


def _words(pool: Pool, size: Amount | None) -> str:
    said = ", ".join(each.words for each in size.leaves if each.most) if size is not None else pool.why
    return f"{pool.title}, {said}" if pool.title not in said else said


def _number(size: Amount | None) -> str:
    return str(size.most) if size is not None else "any number of"


def _filled(size: Amount | None, capacity: int, what: str) -> str:
    if size is None:
        return f", and {what} may go to one of them" if capacity == USUAL else ""
    count = -(-capacity // size.most)
    return f", and {plural(count, 'instance')} {'fills' if count == 1 else 'fill'} {what}"


def _fix(client: Client, pool: Pool, ctx: Context) -> Fix:
    """What the model gives each instance of a server of the usual size, for some numbers of them."""
    server = Server(name="the server", reserved=exact(SERVER_RESERVED, "", None, "default"))
    row = Asked(of=server, left=(client,), reserved=server.reserved, buffer=ctx.numbers.buffer)
    advice = advise(row, client, short_lived=True)
    code = pool.code.replace("{size}", "5")
    return Fix(
        f"Start at 1 for each instance, 5 where it serves several requests at once. {advice.words}",
        lines=(code,) if code else (),
    )
