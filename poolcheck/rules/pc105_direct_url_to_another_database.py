"""App URL and direct URL are not the same database.

## Why it matters
Migrations then change one database and the app talks to another: the deploy succeeds, and the first query fails
on a column that does not exist.

## What to do
Copy both strings from the same place in the provider's dashboard.

```dotenv bad serverless prisma@6.19.3
DATABASE_URL=postgresql://app:s3cret@ep-cool-darkness-a1b2c3d4-pooler.us-east-2.aws.neon.tech/app?connection_limit=1
DIRECT_URL=postgresql://app:s3cret@ep-quiet-sun-e5f6a7b8.us-east-2.aws.neon.tech/app
```

```dotenv good serverless prisma@6.19.3
DATABASE_URL=postgresql://app:s3cret@ep-cool-darkness-a1b2c3d4-pooler.us-east-2.aws.neon.tech/app?connection_limit=1
DIRECT_URL=postgresql://app:s3cret@ep-cool-darkness-a1b2c3d4.us-east-2.aws.neon.tech/app
```

## Sources
- https://neon.com/docs/connect/connection-pooling
- https://supabase.com/docs/guides/database/connecting-to-postgres
"""

import re
from collections.abc import Iterator

from poolcheck.model.context import Context
from poolcheck.model.problem import Problem
from poolcheck.model.rule import rule
from poolcheck.model.severity import Severity
from poolcheck.model.target import Target, app_traffic
from poolcheck.rules._common import at, direct_twin

POOL_NAMES = frozenset(
    {"aiven", "digitalocean", "tiger", "vultr", "ovhcloud"}
)  # here the database name names a pool


@rule(Target, severity=Severity.WARNING, step=0)
def check(target: Target, ctx: Context) -> Iterator[Problem]:
    """The app's string and the migrations' string of one file name different databases."""
    twin = direct_twin(target, ctx)
    if twin is None or not app_traffic(target) or twin.location.path != target.location.path:
        return
    if target.origin == "deployment":
        return  # such a file has many clients
    if target.match.kind == "http":
        return  # Accelerate stands before the database of the direct string
    if target.conn.has_placeholder or twin.conn.has_placeholder:
        return
    if target is not _first_app(target, ctx):
        return  # a replica or a second database beside the one that migrations are for
    difference = _difference(target, twin)
    if any(_difference(each, twin) is None for each in ctx.groups(_app_of_file)[target.location.path]):
        return  # one of several strings of the app, and it is the one that migrations are for
    if difference:
        field, ours, theirs = difference
        yield Problem(
            message=f"{target.label} and {twin.name} are different databases: {field} {ours} and {theirs}.",
            why=f"Migrations would change {theirs} while the app reads {ours}.",
            at=at(twin, twin.conn.span("database" if field == "database" else "host")),
            subject=twin.name,
        )


def _first_app(target: Target, ctx: Context) -> Target:
    return ctx.groups(_app_of_file)[target.location.path][0]


def _app_of_file(target: Target) -> str | None:
    return target.location.path if app_traffic(target) else None


def _difference(app: Target, direct: Target) -> tuple[str, str, str] | None:
    """What differs, where a difference is certain: the provider, its project, or the database's name."""
    ours, theirs = app.match.provider, direct.match.provider
    if ours and theirs and ours.id != theirs.id:
        return ("provider", ours.title, theirs.title)
    if (ours and direct.match.local) or (theirs and app.match.local):
        return ("host", app.conn.shown(app.conn.host), direct.conn.shown(direct.conn.host))
    if ours and theirs:
        one, two = _project(app), _project(direct)
        if one and two and one != two:
            return ("project", one, two)
        if ours.id in POOL_NAMES:
            return None
    if (
        app.conn.database
        and direct.conn.database
        and app.conn.database != direct.conn.database
        and ours == theirs
    ):
        return ("database", app.conn.shown(app.conn.database), direct.conn.shown(direct.conn.database))
    return None


def _project(target: Target) -> str:
    """What names the project in host or user: Neon's endpoint id, Supabase's project ref."""
    provider = target.match.provider
    host = target.conn.host.lower()
    if provider and provider.id == "neon":
        return host.partition(".")[0].removesuffix("-pooler")
    if provider and provider.id == "supabase":
        found = re.fullmatch(r"db\.([a-z0-9]+)\.supabase\.co", host)
        return found[1] if found else (target.conn.user or "").partition(".")[2]
    return ""
