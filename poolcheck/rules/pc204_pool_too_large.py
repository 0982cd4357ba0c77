"""The pool cannot fit: size per instance times instances is above the usable slots or the pooler's clients.

## Why it matters
Pools open lazily, so this shows on the busiest day: the instances that come last are refused.
The sum counts a rolling deploy, when old and new instances run side by side, and leaves out the slots that an
ordinary role never gets.

## What to do
Give each instance the size that poolcheck computes, or put a transaction-mode pooler in between.

```dotenv bad server prisma@6.19.3 instances=10 max=100
DATABASE_URL=postgresql://app:s3cret@pg.acme.dev:5432/app?connection_limit=20
```

```dotenv good server prisma@6.19.3 instances=10 max=100
DATABASE_URL=postgresql://app:s3cret@pg.acme.dev:5432/app?connection_limit=5
```

## Sources
- https://www.postgresql.org/docs/current/runtime-config-connection.html
- https://kubernetes.io/docs/concepts/workloads/controllers/deployment/
"""

from collections.abc import Iterator

from poolcheck.capacity.sums import configured_size, pool_sum
from poolcheck.model.context import Context
from poolcheck.model.problem import Fix, Problem
from poolcheck.model.rule import rule
from poolcheck.model.severity import Severity
from poolcheck.model.target import Target, app_traffic
from poolcheck.model.url_readers import readers
from poolcheck.rules._common import at, with_parameter


@rule(Target, severity=Severity.ERROR, step=2)
def check(target: Target, ctx: Context) -> Iterator[Problem]:
    """Only with every number known: nothing is guessed."""
    if not app_traffic(target) or target.match.kind == "http":
        return
    who = readers(target, ctx)
    if len(who) != 1:
        return
    size, says = configured_size(target, who[0])
    if size is None:
        return
    total = pool_sum(target, ctx, size)
    if total is None or total.fits:
        return
    param = who[0].url.size_param if who[0].url else ""
    named = target.conn.params_named(param) if param else ()
    fitting = total.fitting
    title = f"Give each process {fitting}; at most {total.most} fits while a deploy runs"
    if fitting and param:
        fix = with_parameter(target, title, param, str(fitting))
    elif fitting and who[0].own:
        fix = Fix(title, lines=(who[0].own.size_code.replace("{size}", str(fitting)),))
    else:
        fix = Fix("No pool size fits: put a transaction-mode pooler in between")
    yield Problem(
        message=f"{target.label}: {total.words} ({says}).",
        why=total.consequence,
        at=at(target, named[-1].span if named else None),
        fix=fix,
        sources=total.sources,
    )
