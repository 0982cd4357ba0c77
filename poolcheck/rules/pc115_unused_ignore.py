"""An ignore comment covers nothing.

## Why it matters
What it excused is gone, or its id has a typing mistake: then it hides nothing today and the wrong thing tomorrow.

## What to do
Delete the comment, or correct the id.

```dotenv bad
DATABASE_URL=postgresql://app:s3cret@localhost:5432/app  # poolcheck: ignore[PC101]
```

```dotenv good serverless
# poolcheck: ignore[PC101] nightly job with one instance
DATABASE_URL=postgresql://app:s3cret@ep-cool-darkness-a1b2c3d4.us-east-2.aws.neon.tech/app?sslmode=require
```

## Sources
- https://docs.astral.sh/ruff/rules/unused-noqa/
"""

from collections.abc import Iterator

from poolcheck.model.context import Context
from poolcheck.model.finding import UnusedIgnore
from poolcheck.model.problem import Problem
from poolcheck.model.rule import rule
from poolcheck.model.severity import Severity


@rule(UnusedIgnore, severity=Severity.INFO, step=0)
def check(unused: UnusedIgnore, ctx: Context) -> Iterator[Problem]:
    """The engine asks after all other rules have run."""
    named = (
        f"[{unused.token.upper() if unused.token.startswith('pc') else unused.token}]" if unused.token else ""
    )
    yield Problem(
        message=f"poolcheck: ignore{named} covers nothing: {unused.why}.",
        subject=unused.token,
        key=unused.token,
    )
