"""A direct URL is defined, and nothing reads it: migrations use the pooled one.

## Why it matters
The variable looks as if migrations were taken care of. Without a reader the migration tool takes the app's pooled
string: its session lock and its prepared statements do not survive a transaction pooler.

## What to do
Prisma 4.10 to 6: `directUrl = env("DIRECT_URL")` beside `url`. Prisma 7: `datasource.url` in prisma.config.ts is for
the command line alone, so let it read the direct variable. drizzle-kit: `dbCredentials.url`.

```prisma bad npm:prisma@6.19.3
// file: prisma/schema.prisma
datasource db {
  provider = "postgresql"
  url      = env("DATABASE_URL")
}
// file: .env
DATABASE_URL=postgresql://postgres.abcdefghijklmnopqrst:s3cret@aws-0-eu-central-1.pooler.supabase.com:6543/postgres?pgbouncer=true&connection_limit=1
DIRECT_URL=postgresql://postgres.abcdefghijklmnopqrst:s3cret@aws-0-eu-central-1.pooler.supabase.com:5432/postgres
```

```prisma good npm:prisma@6.19.3
// file: prisma/schema.prisma
datasource db {
  provider  = "postgresql"
  url       = env("DATABASE_URL")
  directUrl = env("DIRECT_URL")
}
// file: .env
DATABASE_URL=postgresql://postgres.abcdefghijklmnopqrst:s3cret@aws-0-eu-central-1.pooler.supabase.com:6543/postgres?pgbouncer=true&connection_limit=1
DIRECT_URL=postgresql://postgres.abcdefghijklmnopqrst:s3cret@aws-0-eu-central-1.pooler.supabase.com:5432/postgres
```

## Sources
- https://www.prisma.io/docs/orm/prisma-client/setup-and-configuration/databases-connections/pgbouncer
- https://supabase.com/docs/guides/database/prisma
- https://orm.drizzle.team/docs/drizzle-config-file
"""

from collections.abc import Iterator

from poolcheck.model.config_file import ConfigFile, ConfigUrl
from poolcheck.model.context import Context
from poolcheck.model.problem import Fix, Problem
from poolcheck.model.roles import name_claims
from poolcheck.model.rule import rule
from poolcheck.model.severity import Confidence, Severity
from poolcheck.model.target import Target
from poolcheck.rules._configs import fails_migrations, strings


@rule(ConfigFile, severity=Severity.WARNING, step=0)
def check(file: ConfigFile, ctx: Context) -> Iterator[Problem]:
    """The string that migrations read is pooled, and an unread variable beside it claims to be direct."""
    place = _read_by_migrations(file)
    if place is None:
        return
    pooled = next((string for string in strings(place, file, ctx) if _transaction(string)), None)
    if pooled is None:
        return
    unread = next((target for target in ctx.targets if _spare(target, pooled, file, ctx)), None)
    if unread is None:
        return
    # drizzle-kit's migrations take no session lock: there the direct string is advised, not needed
    fails = file.tool == "prisma" and fails_migrations(place, file, ctx) is not None
    yield Problem(
        message=f"{unread.name} is defined ({unread.location}) and nothing reads it: migrations use {pooled.name}, which is pooled.",
        why="Code that poolcheck did not see may read it."
        if not fails
        else "Migrations fail through this pooler.",
        severity=Severity.ERROR if fails else Severity.INFO if file.tool == "drizzle" else Severity.WARNING,
        confidence=Confidence.MEDIUM,
        at=place.location,
        subject=unread.name,
        key=unread.name,
        fix=_fix(file, unread.name),
    )


def _read_by_migrations(file: ConfigFile) -> ConfigUrl | None:
    """Where the migration tool takes its string from, when that is known and nothing better is beside it."""
    if file.kind == "schema":
        major = file.major
        if major is None or major > 6 or file.url("directUrl") is not None:
            return None
        return file.url("url")
    if file.tool == "prisma":
        if file.major != 7 and file.engine != "classic":
            return None  # Prisma 6 reads the schema unless told otherwise
        return None if file.url("datasource.directUrl") else file.url("datasource.url")
    if file.tool == "drizzle":
        return next((url for url in file.urls if url.last in ("url", "connectionstring")), None)
    return None


def _transaction(target: Target) -> bool:
    return target.match.kind == "pooled" and target.match.mode == "transaction"


def _spare(target: Target, pooled: Target, file: ConfigFile, ctx: Context) -> bool:
    """A direct string beside the pooled one, whose name says so, and that no config and no other file names."""
    return (
        target.origin in ("env", "deployment")
        and target.active
        and not target.commented
        and target.location.path == pooled.location.path
        and name_claims(target.name) == "direct"
        and not _transaction(target)
        and target.name not in file.mentioned
        and not any(target.name in url.variables for url in file.urls)
        and not any(read.variable == target.name for package in ctx.packages for read in package.reads)
    )


def _fix(file: ConfigFile, name: str) -> Fix:
    if file.kind == "schema":
        return Fix("Let migrations read it", lines=(f'directUrl = env("{name}")',))
    key = "datasource.url" if file.tool == "prisma" else "dbCredentials.url"
    return Fix(f"Let {key} read it", lines=(f"url: process.env.{name}",))
