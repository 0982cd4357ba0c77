"""A pooled app URL, a migration tool that needs a direct one, and no direct URL anywhere.

## Why it matters
Without a second variable the migration tool uses the pooled string. Its session lock and prepared statements do
not work there: the deploy fails, or leaves a lock behind that hangs the next one.

## What to do
Add a variable with the direct (or session-mode) string and let the tool read it: `directUrl` in the schema for
Prisma 5 and 6, `datasource.url` in `prisma.config.ts` for Prisma 7, `dbCredentials.url` for drizzle-kit.

```dotenv bad serverless prisma@6.19.3
DATABASE_URL=postgresql://app:s3cret@ep-cool-darkness-a1b2c3d4-pooler.us-east-2.aws.neon.tech/app?connection_limit=1
```

```dotenv good serverless prisma@6.19.3
DATABASE_URL=postgresql://app:s3cret@ep-cool-darkness-a1b2c3d4-pooler.us-east-2.aws.neon.tech/app?connection_limit=1
DIRECT_URL=postgresql://app:s3cret@ep-cool-darkness-a1b2c3d4.us-east-2.aws.neon.tech/app
```

```dotenv good serverless pg@8.23.1
DATABASE_URL=postgresql://app:s3cret@ep-cool-darkness-a1b2c3d4-pooler.us-east-2.aws.neon.tech/app
```

## Sources
- https://www.prisma.io/docs/orm/prisma-client/setup-and-configuration/databases-connections/pgbouncer
- https://supabase.com/docs/guides/database/prisma
"""

from collections.abc import Iterator

from poolcheck.model.context import Context
from poolcheck.model.problem import Problem
from poolcheck.model.rule import rule
from poolcheck.model.severity import Severity
from poolcheck.model.target import Target, app_traffic
from poolcheck.model.url_readers import migration_tools
from poolcheck.rules._common import at, direct_addition


@rule(Target, severity=Severity.ERROR, step=0)
def check(target: Target, ctx: Context) -> Iterator[Problem]:
    """Only one string, it is pooled, and the package's migration tool fails through it."""
    endpoint = target.match.endpoint
    if not app_traffic(target) or endpoint is None or endpoint.kind != "pooled" or endpoint.mode == "session":
        return
    if (
        endpoint.mode is None
        or endpoint.migrations == "ok"
        or target.origin not in ("env", "deployment")
        or _elsewhere(target, ctx)
    ):
        return
    tool = next(
        (t for t in migration_tools(target.package, ctx) if t.own and t.own.migrations_need_direct == "yes"),
        None,
    )
    if tool is None or tool.own is None:
        return
    fails = endpoint.migrations == "fail"
    yield Problem(
        message=f"{target.label} is pooled, {tool.driver.title} runs migrations, and there is no direct URL for them.",
        why=tool.own.migrations,
        severity=Severity.ERROR if fails else Severity.WARNING,
        at=at(target, target.conn.span("host")),
        fix=direct_addition(target),
        sources=(tool.own.source, endpoint.source),
    )


def _elsewhere(target: Target, ctx: Context) -> bool:
    """Whether any string of this package (or beside the file) could serve migrations."""
    in_package = ctx.groups(_serves_package).get(target.package.path, ())
    beside = ctx.groups(_serves_file).get(target.location.path, ())
    return any(each is not target for group in (in_package, beside) for each in group)


def _serves_package(target: Target) -> str | None:
    known = target.package.manifests or target.origin != "deployment"
    return target.package.path if known and _serves(target) else None


def _serves_file(target: Target) -> str | None:
    return target.location.path if _serves(target) else None


def _serves(target: Target) -> bool:
    direct = target.role == "migration" or target.match.kind in ("direct", "local")
    return not target.commented and (
        direct or (target.match.kind == "pooled" and target.match.mode == "session")
    )
