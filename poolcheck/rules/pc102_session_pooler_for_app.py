"""App traffic uses a session-mode pooler from serverless.

## Why it matters
In session mode the pooler gives each client a server connection for as long as the client stays connected.
Warm function instances stay connected, so nothing is shared: the pool is full after as many instances as it has
connections, and the next one waits or is refused.

## What to do
Use the transaction-mode endpoint for the app. The session-mode string is a good home for migrations.

```dotenv bad serverless
DATABASE_URL=postgresql://postgres.abcdefghijklmnopqrst:s3cret@aws-0-eu-central-1.pooler.supabase.com:5432/postgres
```

```dotenv good serverless
DATABASE_URL=postgresql://postgres.abcdefghijklmnopqrst:s3cret@aws-0-eu-central-1.pooler.supabase.com:6543/postgres
DIRECT_URL=postgresql://postgres.abcdefghijklmnopqrst:s3cret@aws-0-eu-central-1.pooler.supabase.com:5432/postgres
```

```dotenv good server
DATABASE_URL=postgresql://postgres.abcdefghijklmnopqrst:s3cret@aws-0-eu-central-1.pooler.supabase.com:5432/postgres
```

## Sources
- https://supabase.com/docs/guides/database/connecting-to-postgres
- https://www.pgbouncer.org/features.html
"""

from collections.abc import Iterator

from poolcheck.model.context import Context
from poolcheck.model.facts import OWN
from poolcheck.model.problem import Problem
from poolcheck.model.rule import rule
from poolcheck.model.severity import Severity
from poolcheck.model.target import Target, app_traffic
from poolcheck.rules._common import at, direct_twin, pooled_fix, runtime_severity, runtime_words


@rule(Target, severity=Severity.ERROR, step=1)
def check(target: Target, ctx: Context) -> Iterator[Problem]:
    """A pooled endpoint that is known to be in session mode, where instances come and go."""
    endpoint = target.match.endpoint
    if not app_traffic(target) or endpoint is None or endpoint.kind != "pooled" or endpoint.mode != "session":
        return
    if not target.package.runtime.short_lived or endpoint.id == OWN:
        return  # of a pooler of the project PC501 says what its file should say
    yield Problem(
        message=f"{target.label} uses a session-mode pooler for app traffic: each client holds a server connection.",
        why=f"{runtime_words(target)}: warm instances stay connected, so the pool is full after as many instances as it has connections.",
        severity=runtime_severity(target),
        at=at(target, target.conn.span("port") or target.conn.span("host")),
        fix=pooled_fix(target, keep_direct=direct_twin(target, ctx) is None),
        sources=(endpoint.source,),
    )
