"""Prisma up to 6 through a transaction pooler that cannot track prepared statements, without `pgbouncer=true`.

## Why it matters
Prisma's own engine names its prepared statements (`s0`, `s1`, ...). A transaction-mode pooler hands the next
transaction another server connection, where that name is unknown or taken:
`prepared statement "s0" already exists`. The flag makes the engine clear the connection in every transaction.
Poolers that track prepared statements (PgBouncer from 1.21 with `max_prepared_statements` above 0, Neon) do not
need it, and Prisma 7 has no such engine: neither is reported. Where only the name of the host or the port 6432 says PgBouncer, it is a hint.

## What to do
Add `pgbouncer=true` to the app's URL, never to the direct one.

```dotenv bad serverless prisma@6.19.3
DATABASE_URL=postgresql://postgres.abcdefghijklmnopqrst:s3cret@aws-0-eu-central-1.pooler.supabase.com:6543/postgres?connection_limit=1
DIRECT_URL=postgresql://postgres.abcdefghijklmnopqrst:s3cret@aws-0-eu-central-1.pooler.supabase.com:5432/postgres
```

```dotenv bad server prisma@6.19.3
DATABASE_URL=postgresql://app:s3cret@pgbouncer-host:6432/app?connection_limit=5
```

```dotenv good serverless prisma@6.19.3
DATABASE_URL=postgresql://postgres.abcdefghijklmnopqrst:s3cret@aws-0-eu-central-1.pooler.supabase.com:6543/postgres?pgbouncer=true&connection_limit=1
DIRECT_URL=postgresql://postgres.abcdefghijklmnopqrst:s3cret@aws-0-eu-central-1.pooler.supabase.com:5432/postgres
```

```dotenv good serverless prisma@6.19.3
DATABASE_URL=postgresql://app:s3cret@ep-cool-darkness-a1b2c3d4-pooler.us-east-2.aws.neon.tech/app?connection_limit=1
DIRECT_URL=postgresql://app:s3cret@ep-cool-darkness-a1b2c3d4.us-east-2.aws.neon.tech/app
```

## Sources
- https://www.prisma.io/docs/orm/prisma-client/setup-and-configuration/databases-connections/pgbouncer
- https://supabase.com/docs/guides/database/prisma
"""

from collections.abc import Iterator

from poolcheck.model.context import Context
from poolcheck.model.facts import CLAIMED
from poolcheck.model.problem import Problem
from poolcheck.model.rule import rule
from poolcheck.model.severity import Confidence, Severity
from poolcheck.model.target import Target, app_traffic, on_this_machine
from poolcheck.model.url_readers import Reader, engine_prisma, readers
from poolcheck.rules._common import at, has_parameter, transaction_pooler, with_parameter

PGBOUNCER = 6432  # https://www.pgbouncer.org/config.html#listen_port


@rule(Target, severity=Severity.ERROR, step=2)
def check(target: Target, ctx: Context) -> Iterator[Problem]:
    """Where the catalogue is sure that the pooler does not track statements; a hint where a name or a port says PgBouncer."""
    endpoint = transaction_pooler(target)
    if endpoint is None and app_traffic(target):
        yield from _by_its_name(target, ctx)
    if not app_traffic(target) or endpoint is None or endpoint.tracks_prepared != "no":
        return
    prisma = _unflagged(target, ctx)
    if prisma is None or prisma.own is None:
        return
    yield Problem(
        message=f"{target.label} goes through {endpoint.title or 'a transaction-mode pooler'} without pgbouncer=true.",
        why=f"{prisma.title} names its prepared statements, and this pooler does not carry them over: {prisma.own.prepared_error}.",
        at=at(target, target.conn.span("query") or target.conn.span("database")),
        fix=with_parameter(target, "Add pgbouncer=true", "pgbouncer", "true", safe=True),
        sources=(endpoint.source, prisma.own.source),
    )


def _unflagged(target: Target, ctx: Context) -> Reader | None:
    """Prisma's own engine, where it reads the string and the flag is not there."""
    prisma = next((reader for reader in readers(target, ctx) if engine_prisma(reader)), None)
    return None if prisma is None or has_parameter(target, "pgbouncer", ctx) else prisma


def _by_its_name(target: Target, ctx: Context) -> Iterator[Problem]:
    """`pgbouncer.internal:6432`: which version answers there, and in which mode, its file or a look would say."""
    endpoint = target.match.endpoint
    own = target.conn.port == PGBOUNCER or "bouncer" in (target.conn.host or "").lower()
    sign = own and endpoint is not None and endpoint.id == CLAIMED and endpoint.mode is None
    prisma = _unflagged(target, ctx) if sign and not on_this_machine(target) else None
    if prisma is None or prisma.own is None:
        return
    yield Problem(
        message=f"{target.label} seems to lead to {endpoint.title if endpoint else ''}, without pgbouncer=true.",
        why=f"{prisma.title} names its prepared statements: {prisma.own.prepared_error}, unless it pools sessions, or is 1.21 or later"
        " with max_prepared_statements above 0.",
        severity=Severity.INFO,
        confidence=Confidence.MEDIUM,
        at=at(target, target.conn.span("port") or target.conn.span("host")),
        fix=with_parameter(target, "Add pgbouncer=true", "pgbouncer", "true"),
        sources=(prisma.own.source,),
    )
