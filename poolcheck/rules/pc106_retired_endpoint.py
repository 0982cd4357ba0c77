"""The endpoint or scheme is retired, or about to be.

## Why it matters
After the date the string stops working, whatever the load. poolcheck names the date and what takes its place.

## What to do
Get a new string of the kind named, and deploy it before the date.

```dotenv bad serverless prisma@6.19.3
DATABASE_URL=prisma://accelerate.prisma-data.net/?api_key=abc.def
DIRECT_URL=postgresql://app:s3cret@db.prisma.io:5432/?sslmode=require
```

```dotenv bad
DATABASE_URL=postgresql://app:s3cret@ep-cool-darkness-a1b2c3d4-pooler.eastus2.azure.neon.tech/app?sslmode=require
```

```dotenv good local prisma@6.19.3
DATABASE_URL=prisma+postgres://localhost:51213/?api_key=abc.def
```

## Sources
- https://www.prisma.io/docs/accelerate/keep-your-database
- https://www.prisma.io/docs/postgres/database/switch-from-accelerate
- https://neon.com/docs/introduction/regions
"""

import re
from collections.abc import Iterator
from datetime import date

from poolcheck.catalogue.age import by_day
from poolcheck.model.context import Context
from poolcheck.model.problem import Fix, Problem
from poolcheck.model.rule import rule
from poolcheck.model.severity import Severity
from poolcheck.model.target import Target
from poolcheck.rules._common import at, direct_twin, pooled_fix
from poolcheck.text import plural

_ENDS = {
    "service": ("stops working on", "was switched off on", "From that day every query fails, with no relation to load."),
    "support": ("is supported until", "is not supported any more, since", "What is left there may be removed any day: then every query fails, with no relation to load."),
}  # fmt: skip


@rule(Target, severity=Severity.ERROR, step=1)
def check(target: Target, ctx: Context) -> Iterator[Problem]:
    """The catalogue has a date for this host or scheme."""
    provider = target.match.provider
    if target.commented or not target.active:
        return
    if provider is None:
        if (
            target.conn.scheme == "prisma"
            and not target.match.local
            and "host" not in target.conn.placeholders
        ):
            yield Problem(
                message=f"{target.label}: {target.conn.shown(target.conn.host) or 'no host'} is not where Prisma Accelerate answers.",
                why=by_day(
                    "Its host is accelerate.prisma-data.net, and hosted Accelerate ends on 2026-12-01.",
                    date.fromisoformat(ctx.today),
                ),
                at=at(target, target.conn.span("host")),
                fix=Fix("Take the pooled string of the database behind it"),
                sources=("https://www.prisma.io/docs/v6/accelerate/getting-started",),
            )
        return
    for gone in provider.retirements:
        if gone.schemes and target.conn.scheme not in gone.schemes:
            continue
        if gone.host and not re.fullmatch(gone.host, target.conn.host, re.IGNORECASE):
            continue
        days = (gone.on - date.fromisoformat(ctx.today)).days
        until, since, why = _ENDS[gone.ends]
        when = f"{until} {gone.on}, in {plural(days, 'day')}" if days > 0 else f"{since} {gone.on}"
        yield Problem(
            message=f"{target.label}: {gone.what} {when}.",
            why=why,
            at=at(target, target.conn.span("host") or target.conn.span("scheme")),
            fix=_before_direct(target, ctx) or Fix(gone.instead),
            sources=(gone.source,),
        )
        return


def _before_direct(target: Target, ctx: Context) -> Fix | None:
    """Accelerate stands before the database of the direct string: the pooled one is made from that."""
    twin = direct_twin(target, ctx) if target.match.kind == "http" else None
    fix = pooled_fix(twin, keep_direct=False) if twin is not None and twin.match.kind == "direct" else None
    if twin is None or fix is None:
        return None
    return Fix(f"{fix.title}, of the database behind it ({twin.name})", lines=fix.lines)
