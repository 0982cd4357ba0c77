"""App traffic uses a direct endpoint although the provider has a pooler.

## Why it matters
Every instance of a serverless or autoscaled app opens its own connections.
On the direct endpoint each of them takes one of the server's slots (97 of the stock 100), so a burst is refused
long before the database is busy. The provider's pooler lets thousands of clients share those slots.
On a server with a known number of instances the direct endpoint is fine as long as the sums fit; then this rule is silent.

## What to do
Point the app's variable at the pooled endpoint and keep the direct string for migrations.
Where the pooled string cannot be derived from the direct one, poolcheck says where to find it.

```dotenv bad serverless
DATABASE_URL=postgresql://app:s3cret@ep-cool-darkness-a1b2c3d4.us-east-2.aws.neon.tech/app?sslmode=require
```

```dotenv good serverless
DATABASE_URL=postgresql://app:s3cret@ep-cool-darkness-a1b2c3d4-pooler.us-east-2.aws.neon.tech/app?sslmode=require
DIRECT_URL=postgresql://app:s3cret@ep-cool-darkness-a1b2c3d4.us-east-2.aws.neon.tech/app?sslmode=require
```

```dotenv good server
DATABASE_URL=postgresql://app:s3cret@ep-cool-darkness-a1b2c3d4.us-east-2.aws.neon.tech/app?sslmode=require
```

## Sources
- https://neon.com/docs/connect/connection-pooling
- https://supabase.com/docs/guides/database/connecting-to-postgres
- https://www.prisma.io/docs/orm/prisma-client/setup-and-configuration/databases-connections
"""

from collections.abc import Iterator

from poolcheck.model.context import Context
from poolcheck.model.problem import Fix, Problem
from poolcheck.model.rule import rule
from poolcheck.model.severity import Severity
from poolcheck.model.target import Target, app_traffic
from poolcheck.model.url_readers import readers
from poolcheck.rules._common import (
    at,
    direct_twin,
    endpoint_of_kind,
    pooled_fix,
    runtime_severity,
    runtime_words,
)


@rule(Target, severity=Severity.ERROR, step=1)
def check(target: Target, ctx: Context) -> Iterator[Problem]:
    """A direct endpoint of a provider with a pooler, read by something that keeps sockets."""
    provider = target.match.provider
    if not app_traffic(target) or provider is None or target.match.kind != "direct":
        return
    if not target.package.runtime.short_lived or not endpoint_of_kind(target, "pooled"):
        return
    who = readers(target, ctx)
    if who and all(reader.driver.kind == "http" for reader in who):
        return  # no socket is kept; the HTTP drivers take the direct string as well
    if pooled_by_add_on(target, ctx):
        return
    yield Problem(
        message=f"{target.label} sends app traffic to {provider.title}'s direct endpoint, past its pooler.",
        why=f"{runtime_words(target)}: every instance takes slots of its own, and a burst is refused when they are gone.",
        severity=runtime_severity(target),
        at=at(target, target.conn.span("host")),
        fix=pooled_fix(target, keep_direct=direct_twin(target, ctx) is None)
        or Fix(provider.pooler or "Use the pooled string"),
        sources=(target.match.endpoint.source,) if target.match.endpoint else (),
    )


def pooled_by_add_on(target: Target, ctx: Context) -> bool:
    """Railway swaps the variables when pooling is added: a sibling *_UNPOOLED_* then tells that this one is pooled.

    https://docs.railway.com/databases/postgresql-pgbouncer
    """
    siblings = ctx.groups(_unpooled).get((True, *_unpooled(target)[1:]), ())
    at_its_host = ctx.groups(_unpooled_at).get((True, *_unpooled_at(target)[1:]), ())
    return len(siblings) > len(at_its_host)


def _unpooled(target: Target) -> tuple[bool, str, str]:
    provider = target.match.provider
    return "UNPOOLED" in target.name.upper(), target.location.path, provider.id if provider else ""


def _unpooled_at(target: Target) -> tuple[bool, str, str, str | None]:
    return (*_unpooled(target), target.conn.host)
