"""The variable's name claims pooled or direct, and the URL is the opposite.

## Why it matters
The next person trusts the name: migrations run through a pooler, or a burst of functions goes straight to the
server. Names alone prove nothing (`DATABASE_URL` is pooled on one platform and direct on another), so only a claim
that the host contradicts is reported. A session-mode pooler under a "direct" name is accepted: migrations work there.

## What to do
Swap the values, or rename the variable.

```dotenv bad serverless
DATABASE_URL_UNPOOLED=postgresql://app:s3cret@ep-cool-darkness-a1b2c3d4-pooler.us-east-2.aws.neon.tech/app
```

```dotenv good serverless
DATABASE_URL_UNPOOLED=postgresql://app:s3cret@ep-cool-darkness-a1b2c3d4.us-east-2.aws.neon.tech/app
POSTGRES_URL_NON_POOLING=postgresql://postgres.abcdefghijklmnopqrst:s3cret@aws-0-eu-central-1.pooler.supabase.com:5432/postgres
```

## Sources
- https://neon.com/docs/guides/vercel-managed-integration
- https://docs.railway.com/databases/postgresql-pgbouncer
- https://vercel.com/marketplace/supabase
"""

from collections.abc import Iterator

from poolcheck.model.context import Context
from poolcheck.model.problem import Problem
from poolcheck.model.roles import name_claims
from poolcheck.model.rule import rule
from poolcheck.model.severity import Severity
from poolcheck.model.target import Target
from poolcheck.model.url_readers import migration_tools
from poolcheck.rules._common import at, migration_fix, pooled_fix


@rule(Target, severity=Severity.WARNING, step=1)
def check(target: Target, ctx: Context) -> Iterator[Problem]:
    """Claim against host, never the name alone."""
    claim, kind = name_claims(target.name), target.match.kind
    if not claim or target.commented or target.match.provider is None:
        return
    if target.role == "migration" and (
        target.role_source != "its name" or migration_tools(target.package, ctx)
    ):
        return  # PC103 says more: what runs migrations here, and what happens to it
    if claim == "direct" and kind == "pooled" and target.match.mode != "session":
        what = "a pooled endpoint"
    elif claim == "pooled" and kind == "direct":
        what = "the direct endpoint"
    else:
        return
    yield Problem(
        message=f"{target.label} says {claim}, but it is {what} of {target.match.provider.title}.",
        why="Whoever reads the name will use it for the wrong traffic.",
        at=at(target, target.conn.span("host")),
        fix=pooled_fix(target, keep_direct=False) if claim == "pooled" else migration_fix(target),
        sources=(target.match.endpoint.source,) if target.match.endpoint else (),
    )
