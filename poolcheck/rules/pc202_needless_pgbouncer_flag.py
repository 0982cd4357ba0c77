"""`pgbouncer=true` where it does nothing, or harms.

## Why it matters
On a direct endpoint the flag does not make the connection pooled: it only slows every query down, and hides that
the pooler's host is missing. Through a pooler that tracks prepared statements it costs round trips, and on
PgBouncer 1.21 it breaks other clients' statements. Prisma 7 and driver adapters do not read it at all, and
tools built on libpq (psql, psycopg) refuse a URL that carries it.

## What to do
Remove the flag; on a direct endpoint, look first whether the pooled host was meant.

```dotenv bad serverless prisma@6.19.3
DATABASE_URL=postgresql://postgres:s3cret@db.abcdefghijklmnopqrst.supabase.co:5432/postgres?pgbouncer=true&connection_limit=1
```

```dotenv bad serverless prisma@7.10.1
DATABASE_URL=postgresql://app:s3cret@ep-cool-darkness-a1b2c3d4-pooler.us-east-2.aws.neon.tech/app?pgbouncer=true
DIRECT_URL=postgresql://app:s3cret@ep-cool-darkness-a1b2c3d4.us-east-2.aws.neon.tech/app
```

```dotenv good serverless prisma@6.19.3
DATABASE_URL=postgresql://postgres.abcdefghijklmnopqrst:s3cret@aws-0-eu-central-1.pooler.supabase.com:6543/postgres?pgbouncer=true&connection_limit=1
DIRECT_URL=postgresql://postgres.abcdefghijklmnopqrst:s3cret@aws-0-eu-central-1.pooler.supabase.com:5432/postgres
```

## Sources
- https://www.prisma.io/docs/orm/prisma-client/setup-and-configuration/databases-connections/pgbouncer
- https://github.com/pgbouncer/pgbouncer/issues/974
"""

from collections.abc import Iterator

from poolcheck.model.context import Context
from poolcheck.model.problem import Problem
from poolcheck.model.rule import rule
from poolcheck.model.severity import Severity
from poolcheck.model.target import Target
from poolcheck.model.url_readers import engine_prisma, readers
from poolcheck.rules._common import at, without_parameter


@rule(Target, severity=Severity.WARNING, step=2)
def check(target: Target, ctx: Context) -> Iterator[Problem]:
    """The flag is there; whether it should be depends on endpoint, pooler and Prisma's major version."""
    flags = target.conn.params_named("pgbouncer")
    if not flags or flags[-1].value != "true" or target.commented or not target.active:
        return
    endpoint, kind = target.match.endpoint, target.match.kind
    who = readers(target, ctx)
    severity, why = Severity.WARNING, ""
    prisma_seven = next(
        (e for e in who if e.use.id.startswith("prisma") and e.own and e.own.url_read_by), None
    )
    if kind == "direct" and target.match.provider:
        why = f"This is {target.match.provider.title}'s direct endpoint: the flag does not make it pooled, it only adds round trips."
    elif kind == "local" and (server := _its_own_server(target, ctx)):
        why = f"{server} is the PostgreSQL that {target.location.path} runs, and no pooler: the flag only adds round trips."
    elif prisma_seven:
        severity = Severity.INFO
        why = "A driver adapter reads this URL, and it does not know the flag; tools built on libpq refuse a URL with it."
    elif endpoint and endpoint.tracks_prepared == "yes" and any(engine_prisma(reader) for reader in who):
        severity = Severity.INFO
        why = "This pooler tracks prepared statements itself: Prisma advises against the flag there; it only adds round trips."
    if why:
        yield Problem(
            message=f"{target.label}: pgbouncer=true does nothing useful here.",
            why=why,
            severity=severity,
            at=at(target, flags[-1].span),
            fix=without_parameter(target, "Remove pgbouncer=true", "pgbouncer", safe=bool(prisma_seven)),
        )


def _its_own_server(target: Target, ctx: Context) -> str:
    """The server that the same file runs, where the string leads straight to it."""
    for route in ctx.routes_of(target):
        server = ctx.map.server(route.server) if not route.pooler else None
        if server is not None and server.place is not None and server.place.path == target.location.path:
            return server.name
    return ""
