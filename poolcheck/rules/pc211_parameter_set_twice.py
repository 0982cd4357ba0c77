"""A URL parameter stands twice in one string.

## Why it matters
Readers differ in which of the two counts: libpq, Prisma and node-postgres take the last one, pgx the first. A limit that
was added at the end while another stands before it is in force for one program and not for the next.

## What to do
Keep the one that is meant.

```dotenv bad serverless prisma@6.19.3
DATABASE_URL=postgresql://app:s3cret@ep-cool-darkness-a1b2c3d4-pooler.us-east-2.aws.neon.tech/app?connection_limit=5&connection_limit=1
DIRECT_URL=postgresql://app:s3cret@ep-cool-darkness-a1b2c3d4.us-east-2.aws.neon.tech/app
```

```dotenv good serverless prisma@6.19.3
DATABASE_URL=postgresql://app:s3cret@ep-cool-darkness-a1b2c3d4-pooler.us-east-2.aws.neon.tech/app?connection_limit=1
DIRECT_URL=postgresql://app:s3cret@ep-cool-darkness-a1b2c3d4.us-east-2.aws.neon.tech/app
```

## Sources
- https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-URIS
- https://github.com/jackc/pgx/blob/728cefa8008f2b06aeca071cd3239862aa80f9af/pgconn/config.go
- https://github.com/prisma/prisma-engines/blob/main/quaint/src/connector/postgres/url.rs
"""

from collections.abc import Iterator

from poolcheck.connection.edit import without_repeats
from poolcheck.model.context import Context
from poolcheck.model.problem import Problem
from poolcheck.model.rule import rule
from poolcheck.model.severity import Severity
from poolcheck.model.target import Target
from poolcheck.rules._common import at, rewrite

# Lists by design: pgJDBC and libpq add up what several of them say, or drivers take every one.
_LISTS = frozenset({"options", "host", "hostaddr", "port"})


@rule(Target, severity=Severity.WARNING, step=2)
def check(target: Target, ctx: Context) -> Iterator[Problem]:
    """Repeats of one value are told as info, and taken out; of two values only a person knows which is meant."""
    if target.commented or not target.active:
        return
    if any(trouble.kind == "separator" for trouble in target.conn.troubles):
        return  # PC109
    for name in dict.fromkeys(param.name for param in target.conn.params):
        named = target.conn.params_named(name)
        if len(named) < 2 or name in _LISTS or name != named[0].name:
            continue
        same = len({param.value for param in named}) == 1
        shown = name if named[-1].secret else f"{name}={named[-1].value}"
        yield Problem(
            message=f"{target.label} sets {name} {len(named)} times{'' if same else ', to different values'}.",
            why=f"Most readers take the last ({shown}), pgx the first: say it once.",
            severity=Severity.INFO if same else None,
            at=at(target, named[-1].span),
            key=name,
            fix=rewrite(target, f"Say {name} once", without_repeats(target.conn, name), safe=True)
            if same
            else None,
        )
