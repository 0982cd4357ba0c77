"""Startup parameters that poolers refuse, on a pooled URL.

## Why it matters
A pooler shares server connections, so it takes only the startup parameters that it can track. `options=-c ...` and
settings such as `statement_timeout` end the connection: `unsupported startup parameter`. Where a pooler is told to
ignore them, they are not in force.

## What to do
Set them for the role (`ALTER ROLE app SET statement_timeout = '30s'`), or with `SET LOCAL` inside the transaction.

```dotenv bad serverless
DATABASE_URL=postgresql://app:s3cret@ep-cool-darkness-a1b2c3d4-pooler.us-east-2.aws.neon.tech/app?options=-c%20statement_timeout%3D5000
```

```dotenv good serverless
DATABASE_URL=postgresql://app:s3cret@ep-cool-darkness-a1b2c3d4-pooler.us-east-2.aws.neon.tech/app?options=endpoint%3Dep-cool-darkness-a1b2c3d4
```

## Sources
- https://www.pgbouncer.org/config.html#ignore_startup_parameters
- https://neon.com/docs/connect/connection-pooling
"""

import re
from collections.abc import Iterator

from poolcheck.model.context import Context
from poolcheck.model.problem import Problem
from poolcheck.model.rule import rule
from poolcheck.model.severity import Severity
from poolcheck.model.target import Target
from poolcheck.rules._common import at, without_parameter

# What providers read from `options` to find the tenant: no setting at all.
ROUTING = re.compile(r"\s*(?:endpoint|project|reference|databaseid)=", re.IGNORECASE)
SETTING = re.compile(r"-c\s*([A-Za-z_][\w.]*)|(?<![\w.-])--([A-Za-z_][\w.-]*)=")


@rule(Target, severity=Severity.WARNING, step=2)
def check(target: Target, ctx: Context) -> Iterator[Problem]:
    """Only `options`, which libpq and most drivers send as it is, and only to a pooler of the PgBouncer kind."""
    endpoint = target.match.endpoint
    if endpoint is None or endpoint.kind != "pooled" or target.commented or not target.active:
        return
    if endpoint.software not in ("PgBouncer", "Supavisor", "RDS Proxy"):
        return
    for param in target.conn.params_named("options"):
        settings = [one or two for one, two in SETTING.findall(param.value)]
        if ROUTING.match(param.value) or not settings:
            continue
        alter = tuple(
            f"ALTER ROLE {target.conn.shown(target.conn.user) or 'app'} SET {setting} = ...;"
            for setting in settings
        )
        yield Problem(
            message=f"{target.label}: the startup option {', '.join(settings)} does not get through {endpoint.software}.",
            why="The pooler refuses the connection (unsupported startup parameter), or drops the setting where it is told to ignore it.",
            at=at(target, param.span),
            fix=without_parameter(target, "Set it for the role instead", "options", more=alter),
            sources=(endpoint.source,),
        )
