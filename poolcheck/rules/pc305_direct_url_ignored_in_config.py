"""directUrl in a Prisma 7 config is accepted and does nothing.

## Why it matters
`defineConfig` lets it pass without a word, and migrations go on using `datasource.url`: through the pooler, when
that is the pooled string. In a plain object the command line refuses to read the file.

## What to do
Prisma 7's config is for the command line alone: let `datasource.url` read the direct variable and delete `directUrl`.

```typescript bad npm:prisma@7.10.1
import { defineConfig, env } from "prisma/config"
export default defineConfig({
  schema: "prisma/schema.prisma",
  datasource: { url: env("DATABASE_URL"), directUrl: env("DIRECT_URL") },
})
```

```typescript good npm:prisma@7.10.1
import { defineConfig, env } from "prisma/config"
export default defineConfig({
  schema: "prisma/schema.prisma",
  datasource: { url: env("DIRECT_URL") },
})
```

```typescript good npm:prisma@6.19.3
import { defineConfig, env } from "prisma/config"
export default defineConfig({
  engine: "classic",
  datasource: { url: env("DATABASE_URL"), directUrl: env("DIRECT_URL") },
})
```

## Sources
- https://www.prisma.io/docs/orm/reference/prisma-config-reference
"""

from collections.abc import Iterator

from poolcheck.model.config_file import ConfigFile
from poolcheck.model.context import Context
from poolcheck.model.problem import Fix, Problem
from poolcheck.model.rule import rule
from poolcheck.model.severity import Severity
from poolcheck.rules._configs import fails_migrations, shown_version


@rule(ConfigFile, severity=Severity.WARNING, step=0)
def check(file: ConfigFile, ctx: Context) -> Iterator[Problem]:
    """Only in 7: Prisma 6 reads it with engine classic, 8 has another shape."""
    url = file.url("datasource.directUrl")
    if file.kind != "config" or file.tool != "prisma" or file.major != 7 or url is None:
        return
    refused = not file.wrapped
    pooled = fails_migrations(file.url("datasource.url"), file, ctx)
    does = "makes the command line refuse the file" if refused else "is accepted and ignored"
    yield Problem(
        message=f"datasource.directUrl {does} ({shown_version(file)}): migrations use datasource.url.",
        why=f"{pooled.name} is pooled, and migrations fail there." if pooled else "",
        severity=Severity.ERROR if refused or pooled else Severity.WARNING,
        at=url.location,
        subject="directUrl",
        fix=Fix(
            "Let datasource.url read the direct variable, and delete directUrl",
            lines=(f'datasource: {{ url: env("{url.variables[0]}") }}',) if url.variables else (),
        ),
    )
