"""A config reads a variable that no env file of the project defines.

## Why it matters
Beside a string that is defined, one that is not is usually forgotten: the tool stops with `Environment variable not
found`, often only in the deploy, because the file on the developer's machine has it.
The deployment platform may set it; poolcheck sees files only, so this is said with medium confidence.

## What to do
Define the variable in the env file (and in `.env.example`), or take the reading out of the config.

```prisma bad npm:prisma@6.19.3
// file: prisma/schema.prisma
datasource db {
  provider  = "postgresql"
  url       = env("DATABASE_URL")
  directUrl = env("DIRECT_DATABASE_URL")
}
// file: .env
DATABASE_URL=postgresql://app:s3cret@localhost:5432/app
DIRECT_URL=postgresql://app:s3cret@localhost:5432/app
```

```prisma good npm:prisma@6.19.3
// file: prisma/schema.prisma
datasource db {
  provider  = "postgresql"
  url       = env("DATABASE_URL")
  directUrl = env("DIRECT_URL")
}
// file: .env
DATABASE_URL=postgresql://app:s3cret@localhost:5432/app
DIRECT_URL=postgresql://app:s3cret@localhost:5432/app
```

## Sources
- https://www.prisma.io/docs/orm/reference/prisma-schema-reference
- https://www.prisma.io/docs/orm/reference/error-reference
"""

from collections.abc import Iterator

from poolcheck.model.config_file import ConfigFile
from poolcheck.model.context import Context
from poolcheck.model.problem import Fix, Problem
from poolcheck.model.rule import rule
from poolcheck.model.severity import Confidence, Severity
from poolcheck.model.target import Target
from poolcheck.rules._configs import strings
from poolcheck.text import nearest

# What hosting platforms and database integrations set by themselves, whatever the env files say.
_SET_ELSEWHERE = ("POSTGRES_", "PG", "DATABASE_URL_UNPOOLED", "NETLIFY_", "VERCEL_", "RENDER_", "RAILWAY_")


@rule(ConfigFile, severity=Severity.WARNING, step=0)
def check(file: ConfigFile, ctx: Context) -> Iterator[Problem]:
    """Only beside another place of the same file whose variable is defined, or another string in an env file of its package."""
    if file.kind == "framework":  # a settings file may read a variable only when another one says so
        return
    known = any(strings(url, file, ctx) for url in file.urls)
    beside = next((each for each in ctx.targets if _of_package(each, file)), None)
    if not known and beside is None:
        return
    for url in file.urls:
        if not url.variables or url.literal is not None or url.conditional or url.composed:
            continue
        if url.last not in ("url", "directurl", "shadowdatabaseurl"):
            continue
        if any(variable in file.defined or variable in file.mentioned for variable in url.variables):
            continue
        name = url.variables[0]
        if any(variable.startswith(_SET_ELSEWHERE) for variable in url.variables):
            continue
        near = nearest(name, sorted(file.defined))
        yield Problem(
            message=f"{url.key} reads {name}, which no env file here defines.",
            why=f"{near[0]} is defined: is that the one meant?" if near
            else "The other strings of this config are defined, this one is not." if known or beside is None
            else f"{beside.name} is ({beside.location}), and whoever sets up the app by that file lacks this one.",
            severity=None if known or near else Severity.INFO,
            at=url.location,
            confidence=Confidence.MEDIUM,
            subject=name,
            key=name,
            fix=Fix(f"Define {name}, or read {near[0]}" if near else f"Define {name}", lines=(f'{name}="postgresql://..."',)),
        )  # fmt: skip


def _of_package(target: Target, file: ConfigFile) -> bool:
    """Whether an env file of the config's package holds a connection string."""
    own = target.package.manifests == file.package.manifests and bool(file.package.manifests)
    return own and target.origin == "env" and target.active and not target.commented
