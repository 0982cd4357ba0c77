"""A Prisma 7 schema has directUrl, which was removed.

## Why it matters
Prisma 7 stops with P1012 at every command, `generate` included: the deploy fails before anything runs.

## What to do
Delete the line. `datasource.url` in prisma.config.ts is the command line's string, so let that one read the direct
variable; the client gets the pooled one through its driver adapter.

```prisma bad npm:prisma@7.10.1
datasource db {
  provider  = "postgresql"
  directUrl = env("DIRECT_URL")
}
```

```prisma good npm:prisma@7.10.1
datasource db {
  provider = "postgresql"
}
```

```prisma good npm:prisma@6.19.3
datasource db {
  provider  = "postgresql"
  url       = env("DATABASE_URL")
  directUrl = env("DIRECT_URL")
}
```

## Sources
- https://pris.ly/d/config-datasource
- https://www.prisma.io/docs/orm/reference/prisma-config-reference
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
    url = file.url("directUrl")
    if file.kind != "schema" or file.major != 7 or url is None:
        return
    variable = url.variables[0] if url.variables else "DIRECT_URL"
    yield Problem(
        message=f"directUrl is no longer supported in the schema ({shown_version(file)}): every command stops with P1012.",
        at=url.location,
        subject="directUrl",
        fix=Fix(
            "Delete the line and give prisma.config.ts the direct variable",
            lines=(f'datasource: {{ url: env("{variable}") }}',),
        ),
    )
