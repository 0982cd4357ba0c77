"""A Prisma 7 schema has url or shadowDatabaseUrl, which moved to prisma.config.ts.

## Why it matters
Prisma 7 stops with P1012 at every command. The string's two readers have parted: the command line reads
`datasource.url` of prisma.config.ts, the client what its driver adapter is given.

## What to do
Move the direct string to prisma.config.ts and give the adapter the pooled one.

```prisma bad npm:prisma@7.10.1
datasource db {
  provider = "postgresql"
  url      = env("DATABASE_URL")
}
```

```prisma good npm:prisma@7.10.1
datasource db {
  provider = "postgresql"
}
```

```prisma good npm:prisma@6.19.3
datasource db {
  provider = "postgresql"
  url      = env("DATABASE_URL")
}
```

## Sources
- https://pris.ly/d/config-datasource
- https://pris.ly/d/prisma7-client-config
"""

from collections.abc import Iterator

from poolcheck.model.config_file import ConfigFile
from poolcheck.model.context import Context
from poolcheck.model.problem import Fix, Problem
from poolcheck.model.rule import rule
from poolcheck.model.severity import Severity
from poolcheck.rules._configs import shown_version


@rule(ConfigFile, severity=Severity.ERROR, step=0)
def check(file: ConfigFile, ctx: Context) -> Iterator[Problem]:
    """Only where the manifests say 7."""
    if file.kind != "schema" or file.major != 7:
        return
    for key in ("url", "shadowDatabaseUrl"):
        url = file.url(key)
        if url is None:
            continue
        variable = url.variables[0] if url.variables else "DATABASE_URL"
        yield Problem(
            message=f"{key} is no longer supported in the schema ({shown_version(file)}): every command stops with P1012.",
            at=url.location,
            subject=key,
            key=key,
            fix=Fix(
                "Move it to prisma.config.ts, and give the client a driver adapter",
                lines=(
                    f'datasource: {{ {key}: env("{variable}") }}',
                    *(
                        ("new PrismaPg({ connectionString: process.env.DATABASE_URL })",)
                        if key == "url"
                        else ()
                    ),
                ),
            ),
        )
