"""Migrations go through a transaction-mode pooler.

## Why it matters
Migration tools take session advisory locks, prepare statements and change session settings.
A transaction-mode pooler may run each transaction on another server connection: the lock stays behind on a shared
connection and the next deploy hangs, or the run stops with `prepared statement "s0" already exists`.

## What to do
Give the migration variable the direct string, or a session-mode pooler where only that is reachable.

```dotenv bad serverless prisma@6.19.3
DATABASE_URL=postgresql://postgres.abcdefghijklmnopqrst:s3cret@aws-0-eu-central-1.pooler.supabase.com:6543/postgres?pgbouncer=true&connection_limit=1
DIRECT_URL=postgresql://postgres.abcdefghijklmnopqrst:s3cret@aws-0-eu-central-1.pooler.supabase.com:6543/postgres
```

```dotenv good serverless prisma@6.19.3
DATABASE_URL=postgresql://postgres.abcdefghijklmnopqrst:s3cret@aws-0-eu-central-1.pooler.supabase.com:6543/postgres?pgbouncer=true&connection_limit=1
DIRECT_URL=postgresql://postgres.abcdefghijklmnopqrst:s3cret@aws-0-eu-central-1.pooler.supabase.com:5432/postgres
```

## Sources
- https://www.prisma.io/docs/orm/prisma-client/setup-and-configuration/databases-connections/pgbouncer
- https://neon.com/docs/connect/connection-pooling
- https://supabase.com/docs/guides/database/connecting-to-postgres
"""

from collections.abc import Iterator

from poolcheck.model.context import Context
from poolcheck.model.problem import Problem
from poolcheck.model.rule import rule
from poolcheck.model.severity import Severity
from poolcheck.model.target import Target
from poolcheck.model.url_readers import migration_tools
from poolcheck.rules._common import at, migration_fix


@rule(Target, severity=Severity.ERROR, step=0)
def check(target: Target, ctx: Context) -> Iterator[Problem]:
    """A variable that migrations read, on an endpoint known to be in transaction mode."""
    endpoint = target.match.endpoint
    if target.role != "migration" or target.commented or not target.active or endpoint is None:
        return
    if endpoint.kind != "pooled" or endpoint.mode not in ("transaction", "statement"):
        return
    tools = migration_tools(target.package, ctx)
    if not tools and target.role_source == "its name":
        return  # only the name says so: PC108 holds it against the host
    safe = bool(tools) and all(tool.own and tool.own.migrations_need_direct == "no" for tool in tools)
    if endpoint.migrations == "ok" or safe:
        return
    fails = endpoint.migrations == "fail"
    tool = next((tool for tool in tools if tool.own and tool.own.migrations_need_direct == "yes"), None)
    yield Problem(
        message=f"{target.label} is read for migrations, but it is a transaction-mode pooler.",
        why=(
            tool.own.migrations
            if tool and tool.own
            else "Session locks and settings do not survive from one transaction to the next there."
        )
        + ("" if fails else " The provider advises the direct endpoint."),
        severity=Severity.ERROR if fails else Severity.WARNING,
        at=at(target, target.conn.span("port") or target.conn.span("host")),
        fix=migration_fix(target),
        sources=(endpoint.source,),
    )
