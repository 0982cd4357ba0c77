"""Waiting for a slot of the app's own pool never times out.

## Why it matters
When the pool is exhausted the query waits without end: no error, no log line, only requests that hang until the
platform kills them. A bounded wait turns that into an error that names its cause.

## What to do
Set a wait of a few seconds, with the line that the report shows.

```dotenv bad serverless prisma@6.19.3
DATABASE_URL=postgresql://app:s3cret@ep-cool-darkness-a1b2c3d4-pooler.us-east-2.aws.neon.tech/app?connection_limit=1&pool_timeout=0
DIRECT_URL=postgresql://app:s3cret@ep-cool-darkness-a1b2c3d4.us-east-2.aws.neon.tech/app
```

```dotenv good serverless prisma@6.19.3
DATABASE_URL=postgresql://app:s3cret@ep-cool-darkness-a1b2c3d4-pooler.us-east-2.aws.neon.tech/app?connection_limit=1&pool_timeout=20
DIRECT_URL=postgresql://app:s3cret@ep-cool-darkness-a1b2c3d4.us-east-2.aws.neon.tech/app
```

## Sources
- https://node-postgres.com/apis/pool
- https://www.prisma.io/docs/orm/prisma-client/setup-and-configuration/databases-connections/connection-pool
"""

from collections.abc import Iterator

from poolcheck.model.context import Context
from poolcheck.model.problem import Fix, Problem
from poolcheck.model.project import WAITS
from poolcheck.model.rule import rule
from poolcheck.model.severity import Confidence, Severity
from poolcheck.model.target import Target, app_traffic
from poolcheck.model.url_readers import engine_prisma, readers
from poolcheck.rules._common import at, with_parameter

# Their pools are seen where they are made: PC411 names the line.
SEEN_IN_CODE = (
    "pg",
    "neon",
    "vercel-postgres",
    "prisma-adapter-pg",
    "prisma-adapter-neon",
    "drizzle",
    "kysely",
)


@rule(Target, severity=Severity.INFO, step=2)
def check(target: Target, ctx: Context) -> Iterator[Problem]:
    """Prisma's `pool_timeout=0`, or a driver that waits for ever unless its code says otherwise."""
    if not app_traffic(target) or target.match.kind in ("local", "http"):
        return
    for reader in readers(target, ctx):
        if engine_prisma(reader):
            if target.conn.param("pool_timeout") == "0":
                yield Problem(
                    message=f"{target.label}: pool_timeout=0 makes a query wait for a pool slot without end.",
                    why="An exhausted pool then shows as hanging requests, not as an error.",
                    at=at(target, target.conn.params_named("pool_timeout")[-1].span),
                    fix=with_parameter(target, "Bound the wait", "pool_timeout", "20"),
                )
        elif reader.own and reader.own.waits_forever:
            mentions = target.package.mentions
            if mentions is not None and (reader.use.id in SEEN_IN_CODE or not mentions.isdisjoint(WAITS)):
                continue
            doubt = (
                ""
                if mentions is not None
                else " Not so if the code bounds the wait, which was not looked at."
            )
            yield Problem(
                message=f"{target.label}: by default {reader.title} waits for a pool slot without end.",
                why="An exhausted pool then shows as hanging requests, not as an error." + doubt,
                confidence=Confidence.LOW if mentions is None else Confidence.HIGH,
                key=reader.use.id,
                fix=Fix(
                    "Bound the wait in code", lines=(reader.own.wait_code,) if reader.own.wait_code else ()
                ),
                sources=(reader.own.source,),
            )
