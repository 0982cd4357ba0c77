"""Prisma up to 6 on serverless without `connection_limit`.

## Why it matters
Without it every PrismaClient opens up to `physical CPUs x 2 + 1` connections, and on x86 it counts the CPUs of the
machine, not the container's share. A hundred warm instances then want hundreds of connections.

## What to do
Start with `connection_limit=1` on serverless and raise it only while the sums fit: `poolcheck size` does them.
Where one instance serves several requests at once (Vercel Fluid, Cloud Run), 1 makes them queue: use the number
that `poolcheck size` gives.

```dotenv bad serverless prisma@6.19.3
DATABASE_URL=postgresql://app:s3cret@ep-cool-darkness-a1b2c3d4-pooler.us-east-2.aws.neon.tech/app
DIRECT_URL=postgresql://app:s3cret@ep-cool-darkness-a1b2c3d4.us-east-2.aws.neon.tech/app
```

```dotenv good serverless prisma@6.19.3
DATABASE_URL=postgresql://app:s3cret@ep-cool-darkness-a1b2c3d4-pooler.us-east-2.aws.neon.tech/app?connection_limit=1
DIRECT_URL=postgresql://app:s3cret@ep-cool-darkness-a1b2c3d4.us-east-2.aws.neon.tech/app
```

```dotenv good serverless prisma@7.10.1
DATABASE_URL=postgresql://app:s3cret@ep-cool-darkness-a1b2c3d4-pooler.us-east-2.aws.neon.tech/app
DIRECT_URL=postgresql://app:s3cret@ep-cool-darkness-a1b2c3d4.us-east-2.aws.neon.tech/app
```

## Sources
- https://www.prisma.io/docs/v6/orm/prisma-client/setup-and-configuration/databases-connections
- https://github.com/prisma/prisma-engines/pull/4341
"""

from collections.abc import Iterator

from poolcheck.model.context import Context
from poolcheck.model.problem import Problem
from poolcheck.model.rule import rule
from poolcheck.model.severity import Severity
from poolcheck.model.target import Target, app_traffic
from poolcheck.model.url_readers import engine_prisma, readers
from poolcheck.rules._common import at, has_parameter, runtime_words, with_parameter


@rule(Target, severity=Severity.WARNING, step=2)
def check(target: Target, ctx: Context) -> Iterator[Problem]:
    """Only Prisma's own engine reads the parameter, and only a remote server is at risk."""
    if not app_traffic(target) or not target.package.runtime.short_lived:
        return
    if (
        target.match.kind in ("http", "local")
        or target.conn.scheme.startswith("prisma")
        or has_parameter(target, "connection_limit", ctx)
    ):
        return
    prisma = next((reader for reader in readers(target, ctx) if engine_prisma(reader)), None)
    if prisma is None or prisma.own is None:
        return
    yield Problem(
        message=f"{target.label} sets no connection_limit: the pool of each instance is as large as its CPUs make it.",
        why=f"{runtime_words(target)}: the number of instances is not under your control, the size of each pool is.",
        at=at(target, target.conn.span("query") or target.conn.span("database")),
        fix=with_parameter(target, "Start with connection_limit=1", "connection_limit", "1"),
        sources=(prisma.own.source,),
    )
