"""A connection string stands under a key that the tool does not read.

## Why it matters
Nothing complains. The tool takes its string from somewhere else, or has none: migrations go to another server than
the file says.

## What to do
Prisma: `datasource.url` (6 with `engine: "classic"`, 7) or `db.connection` (8). drizzle-kit: `dbCredentials.url`.

```typescript bad npm:prisma@7.10.1
import { defineConfig, env } from "prisma/config"
export default defineConfig({
  schema: "prisma/schema.prisma",
  migrate: { url: env("DIRECT_URL") },
})
```

```typescript good npm:prisma@7.10.1
import { defineConfig, env } from "prisma/config"
export default defineConfig({
  schema: "prisma/schema.prisma",
  datasource: { url: env("DIRECT_URL") },
})
```

## Sources
- https://www.prisma.io/docs/orm/reference/prisma-config-reference
- https://orm.drizzle.team/docs/drizzle-config-file
"""

from collections.abc import Iterator

from poolcheck.model.config_file import ConfigFile
from poolcheck.model.context import Context
from poolcheck.model.problem import Fix, Problem
from poolcheck.model.rule import rule
from poolcheck.model.severity import Severity

_READ = {"prisma": "datasource.url", "drizzle": "dbCredentials.url"}
# Keys that were met with the mistake; anything else may be an option that is not known here.
_MISTAKEN = {
    "prisma": ("migrate.url", "migrations.url", "migrate.directUrl", "url", "db.url", "database.url", "directUrl", "datasources.db.url"),
    "drizzle": ("url", "connectionString", "dbCredentials.uri", "dbCredentials.databaseUrl", "databaseUrl", "datasource.url"),
}  # fmt: skip


@rule(ConfigFile, severity=Severity.WARNING, step=0)
def check(file: ConfigFile, ctx: Context) -> Iterator[Problem]:
    """Only where the tool's own key is missing: then it has no string from this file."""
    read = _READ.get(file.tool)
    if file.kind != "config" or read is None or file.generation == 8 or file.urls:
        return
    for url in file.unread:
        if url.key in _MISTAKEN[file.tool]:
            value = f"process.env.{url.variables[0]}" if url.variables else "process.env.DIRECT_URL"
            group, _, last = read.partition(".")
            yield Problem(
                message=f"{url.key} is not read by {'Prisma' if file.tool == 'prisma' else 'drizzle-kit'}: the key is {read}.",
                at=url.location,
                subject=url.key,
                key=url.key,
                fix=Fix(f"Write it as {read}", lines=(f"{group}: {{ {last}: {value} }}",)),
            )
