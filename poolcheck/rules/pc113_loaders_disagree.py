"""The line means different things to the loaders in use.

## Why it matters
`$`, `#`, quotes and `export` are read differently by node's dotenv, dotenv-expand (which Next.js runs),
python-dotenv, Compose and shells. The app then connects in one place and fails in another, with the same file.

## What to do
Percent-encode the character inside the URL (`$` is `%24`, `#` is `%23`) and put the value in double quotes.

```dotenv bad loaders=node-dotenv,python-dotenv
DATABASE_URL=postgresql://app:s3#cret@localhost:5432/app
```

```dotenv good loaders=node-dotenv,python-dotenv
DATABASE_URL="postgresql://app:s3%23cret@localhost:5432/app"
```

## Sources
- https://github.com/motdotla/dotenv#readme
- https://github.com/motdotla/dotenv-expand#readme
- https://docs.docker.com/compose/how-tos/environment-variables/variable-interpolation/
"""

from collections.abc import Iterator

from poolcheck.model.context import Context
from poolcheck.model.problem import Location, Problem
from poolcheck.model.rule import rule
from poolcheck.model.severity import Severity
from poolcheck.model.target import Target
from poolcheck.rules._common import quote_value


@rule(Target, severity=Severity.WARNING, step=0)
def check(target: Target, ctx: Context) -> Iterator[Problem]:
    """The reader compared the loaders that this package uses; the first disagreement is told."""
    if target.commented or not target.active:
        return
    for disagreement in target.disagreements:
        at = Location(target.location.path, target.location.line, disagreement.column)
        yield Problem(
            message=f"{target.label}: {disagreement.cause} is read differently by {disagreement.who}.",
            why=f"{disagreement.effect[0].upper()}{disagreement.effect[1:]}.",
            at=at,
            key=disagreement.cause,
            fix=quote_value(target),
        )
        return
