"""A parameter that nobody knows, near a known one.

## Why it matters
Most drivers drop an unknown parameter without a word: `connection_limt=1` leaves the default pool, and the load
test that proved the limit never tested it.

## What to do
Correct the name.

```dotenv bad serverless prisma@6.19.3
DATABASE_URL=postgresql://app:s3cret@ep-cool-darkness-a1b2c3d4-pooler.us-east-2.aws.neon.tech/app?connection_limt=1&connection_limit=1
DIRECT_URL=postgresql://app:s3cret@ep-cool-darkness-a1b2c3d4.us-east-2.aws.neon.tech/app
```

```dotenv good serverless prisma@6.19.3
DATABASE_URL=postgresql://app:s3cret@ep-cool-darkness-a1b2c3d4-pooler.us-east-2.aws.neon.tech/app?connection_limit=1
DIRECT_URL=postgresql://app:s3cret@ep-cool-darkness-a1b2c3d4.us-east-2.aws.neon.tech/app
```

## Sources
- https://github.com/prisma/prisma-engines/blob/main/quaint/src/connector/postgres/url.rs
- https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS
"""

from collections.abc import Iterator

from poolcheck.model.context import Context
from poolcheck.model.problem import Problem
from poolcheck.model.rule import rule
from poolcheck.model.severity import Severity
from poolcheck.model.target import Target
from poolcheck.rules._common import at, misspelt, rewrite, without_parameter


@rule(Target, severity=Severity.WARNING, step=2)
def check(target: Target, ctx: Context) -> Iterator[Problem]:
    """Unknown to every driver of the catalogue, and one or two letters from a name that one of them knows."""
    if target.commented or not target.active:
        return
    for param in target.conn.params:
        near = misspelt(param.name, ctx)
        if near:
            start = param.span.start
            twice = target.conn.param(near) is not None  # the right one stands there too
            new = target.conn.raw[:start] + near + target.conn.raw[start + len(param.name) :]
            yield Problem(
                message=f"{target.label}: no driver knows the parameter {param.name!r}; {near!r} was probably meant.",
                why="Most drivers drop what they do not know, so the setting is not in force.",
                at=at(target, param.span),
                key=param.name,
                fix=without_parameter(target, f"Take it out: {near} is set", param.name)
                if twice
                else rewrite(target, f"Write {near}", new),
            )
