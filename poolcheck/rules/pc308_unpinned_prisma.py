"""Prisma is wanted in whatever version comes: its majors change where the URL lives and what the pool is.

## Why it matters
From 6 to 7 the URL's pool parameters stop working, `directUrl` is gone and the pool becomes 10 per process.
An install on another day is another driver.

## What to do
Pin the major, and commit the lock file.

```json bad
{"dependencies": {"@prisma/client": "latest"}, "devDependencies": {"prisma": "latest"}}
```

```json good
{"dependencies": {"@prisma/client": "^6.19.3"}, "devDependencies": {"prisma": "^6.19.3"}}
```

## Sources
- https://www.prisma.io/docs/orm/more/upgrade-guides/upgrading-versions/upgrading-to-prisma-7
- https://www.npmjs.com/package/prisma
"""

import re
from collections.abc import Iterator

from poolcheck.model.context import Context
from poolcheck.model.problem import Fix, Location, Problem
from poolcheck.model.project import Package
from poolcheck.model.rule import rule
from poolcheck.model.severity import Severity


@rule(Package, severity=Severity.WARNING, step=0)
def check(package: Package, ctx: Context) -> Iterator[Problem]:
    """A range without an upper end, or a tag; a lock file's version is pinned."""
    use = package.driver("prisma")
    if use is None or use.version.exact or not use.source.endswith("package.json"):
        return
    text = use.version.text.strip()
    if not re.fullmatch(r"latest|next|\*|x|>=?\s*\d[\w.-]*", text):
        return
    yield Problem(
        message=f'Prisma is wanted as "{text}": the next install may bring another major.',
        at=Location(use.source, use.line),
        subject="prisma",
        fix=Fix("Pin the major", lines=('"prisma": "^6.19.3"', '"@prisma/client": "^6.19.3"')),
    )
