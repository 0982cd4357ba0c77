"""The user name's form does not fit the endpoint.

## Why it matters
A shared pooler finds the tenant by the user name. Without it the login fails with a text that names neither
(`Tenant or user not found`), and people reset passwords that were right.

## What to do
Copy the user name from the same tab of the dashboard as the host.

```dotenv bad serverless
DATABASE_URL=postgresql://postgres:s3cret@aws-0-eu-central-1.pooler.supabase.com:6543/postgres
```

```dotenv good serverless
DATABASE_URL=postgresql://postgres.abcdefghijklmnopqrst:s3cret@aws-0-eu-central-1.pooler.supabase.com:6543/postgres
```

## Sources
- https://github.com/supabase/supavisor/blob/main/docs/connecting/overview.md
- https://supabase.com/docs/guides/database/connecting-to-postgres
"""

import re
from collections.abc import Iterator

from poolcheck.model.context import Context
from poolcheck.model.problem import Fix, Problem
from poolcheck.model.rule import rule
from poolcheck.model.severity import Severity
from poolcheck.model.target import Target
from poolcheck.rules._common import at


@rule(Target, severity=Severity.ERROR, step=1)
def check(target: Target, ctx: Context) -> Iterator[Problem]:
    """The endpoint asks for a form of user name, and this one has another."""
    endpoint, user = target.match.endpoint, target.conn.user
    if endpoint is None or not endpoint.user_form or not user or "user" in target.conn.placeholders:
        return
    if target.commented or not target.active or re.fullmatch(endpoint.user_form, user, re.IGNORECASE):
        return
    options = target.conn.param("options") or ""
    if "reference=" in options or "project=" in options or "endpoint=" in options:
        return  # the tenant is named there instead
    yield Problem(
        message=f"{target.label}: the user name {target.conn.shown(user)!r} does not fit this endpoint, which wants {endpoint.user_hint}.",
        why="The pooler finds the tenant by the user name; this login fails as if the user did not exist.",
        at=at(target, target.conn.span("user")),
        fix=Fix(f"Write the user name as {endpoint.user_hint}"),
        sources=(endpoint.source,),
    )
