"""A role's or a database's own connection limit is nearly reached.

## Why it matters
`ALTER ROLE ... CONNECTION LIMIT` and `ALTER DATABASE ... CONNECTION LIMIT` refuse long before the server is full, with
`too many connections for role` or `for database`. Shared plans set them. Superusers are exempt, so a look as
superuser finds everything fine while the application is refused.

## What to do
Make the sum of the pools that use the role smaller than its limit, move workers to a role of their own, or raise it.

```json bad
{"caps": [["role", "app", 20, 18]]}
```

```json good
{"caps": [["role", "app", 20, 9], ["database", "app", 100, 9]]}
```

```json good a database that is closed on purpose
{"caps": [["database", "old", 0, 0]]}
```

## Sources
- https://www.postgresql.org/docs/current/sql-alterrole.html
- https://www.postgresql.org/docs/current/sql-alterdatabase.html
"""

from collections.abc import Iterator

from poolcheck.model.context import Context
from poolcheck.model.look import Look
from poolcheck.model.problem import Fix, Problem
from poolcheck.model.rule import rule
from poolcheck.model.severity import Severity
from poolcheck.rules._live import role
from poolcheck.text import clean


@rule(Look, severity=Severity.ERROR, step=2)
def check(look: Look, ctx: Context) -> Iterator[Problem]:
    """The shares of the slots' own thresholds; a limit of 0 is meant so."""
    for cap in look.snapshot.caps:
        if not cap.limit or cap.used < look.thresholds.warn_at * cap.limit:
            continue
        name = clean(cap.name, limit=60)
        yield Problem(
            message=f'{cap.used} of {cap.limit} connections that {cap.kind} "{name}" may have are taken.',
            why="Its next connections are refused, whatever is free on the server.",
            severity=Severity.ERROR
            if cap.used >= look.thresholds.critical_at * cap.limit
            else Severity.WARNING,
            subject=name,
            key=cap.kind,
            fix=Fix(
                "Make the pools that use it smaller, or raise the limit",
                lines=(f"ALTER {cap.kind.upper()} {role(cap.name)} CONNECTION LIMIT {cap.limit * 2};",),
            ),
        )
