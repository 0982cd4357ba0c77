"""A placeholder is left in a file that is not an example.

## Why it matters
The app starts, and fails at its first query with an error about a host or a password that nobody recognises.

## What to do
Put the real value in. In files such as `.env.example` placeholders are expected and not reported; in a file whose every
secret is one they are a hint.

```dotenv bad
DATABASE_URL=postgresql://postgres.abcdefghijklmnopqrst:[YOUR-PASSWORD]@aws-0-eu-central-1.pooler.supabase.com:6543/postgres
```

```dotenv good file=.env.example
DATABASE_URL=postgresql://postgres.abcdefghijklmnopqrst:[YOUR-PASSWORD]@aws-0-eu-central-1.pooler.supabase.com:6543/postgres
```

```dotenv good
DB_USER=app
DB_PASSWORD=s3cret
DATABASE_URL=postgresql://${DB_USER}:${DB_PASSWORD}@localhost:5432/app
```

## Sources
- https://supabase.com/docs/guides/database/connecting-to-postgres
"""

from collections.abc import Iterator

from poolcheck.model.context import Context
from poolcheck.model.problem import Problem
from poolcheck.model.rule import rule
from poolcheck.model.severity import Severity
from poolcheck.model.target import Target
from poolcheck.rules._common import at, interpolated


@rule(Target, severity=Severity.WARNING, step=0)
def check(target: Target, ctx: Context) -> Iterator[Problem]:
    """A placeholder that nothing will fill: `${VAR}` is left to the loader."""
    if target.example_file or target.commented or not target.active or target.origin != "env":
        return
    left = [field for field in target.conn.placeholders if not interpolated(target, field)]
    if not left:
        return
    where = (
        "the whole value"
        if left == ["all"]
        else f"the {_and([field.removeprefix('param:') for field in left])}"
    )
    yield Problem(
        message=f"{target.label}: {where} {'is' if len(left) == 1 else 'are'} still a placeholder.",
        why="The first query fails with an error about a host, user or password that does not exist.",
        at=at(target, target.conn.span(left[0])),
        severity=Severity.INFO if target.template else None,
    )


def _and(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
