"""The same variable twice in one file, with different values.

## Why it matters
Most loaders take the last one, shells too, but some frameworks keep the first. What runs is not what was read by
the person who changed the other line.

## What to do
Delete one, or comment it out.

```dotenv bad
DATABASE_URL=postgresql://app:s3cret@localhost:5432/app
DATABASE_URL=postgresql://app:s3cret@localhost:5432/other
```

```dotenv good
DATABASE_URL=postgresql://app:s3cret@localhost:5432/app
# DATABASE_URL=postgresql://app:s3cret@localhost:5432/other
```

## Sources
- https://github.com/motdotla/dotenv#readme
- https://github.com/theskumar/python-dotenv#readme
"""

from collections.abc import Iterator

from poolcheck.model.context import Context
from poolcheck.model.problem import Problem
from poolcheck.model.rule import rule
from poolcheck.model.severity import Severity
from poolcheck.model.target import Target


@rule(Target, severity=Severity.WARNING, step=0)
def check(target: Target, ctx: Context) -> Iterator[Problem]:
    """A line that a later line of the same file overrides with another value."""
    if target.active or target.commented or target.origin != "env":
        return
    later = next(iter(ctx.groups(_in_force).get((target.location.path, target.name), ())), None)
    if later and later.conn.raw != target.conn.raw:
        yield Problem(
            message=f"{target.label} is set again on line {later.location.line} to another value; that one counts.",
            why="This line looks as if it were in force.",
        )


def _in_force(target: Target) -> tuple[str, str] | None:
    return (target.location.path, target.name) if target.active and not target.commented else None
