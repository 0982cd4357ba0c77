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

from poolcheck.capacity.advice import fitting
from poolcheck.capacity.asked import Asked
from poolcheck.model.connection_map import Pool
from poolcheck.model.context import Context
from poolcheck.model.problem import Fix, Location, Problem
from poolcheck.model.rule import rule
from poolcheck.model.severity import Severity
from poolcheck.model.target import Target
from poolcheck.rules._common import at
from poolcheck.rules._sums import pool_fix, size_parameter, string_of


@rule(Asked, severity=Severity.ERROR, step=2)
def check(row: Asked, ctx: Context) -> Iterator[Problem]:
    """The sum of one client that no deployment file starts: its instances were told, its pool was read."""
    if row.verdict != "does not fit" or not row.of_one_string or row.capacity is None:
        return
    (term,) = row.terms
    client = term.client
    if client is None or client.instances is None:
        return
    pool = next((each for each in client.pools if each.size is not None), None)
    target = string_of(row, term, ctx)
    steady, deploy = term.steady, term.deploy
    above = row.capacity - row.buffer < steady.most
    what = "clients" if row.against == "pooler clients" else "connections"
    there = (
        f"the pooler takes {row.capacity}"
        if row.against == "pooler clients"
        else f"{row.capacity} slots are there"
    )
    words = f"{steady.equation} {what}" if above else f"{deploy.equation} {what} while a deploy runs"
    _, size, most = fitting(row)
    title = f"Give each process {size}; at most {most} fits while a deploy runs"
    yield Problem(
        message=f"{target.label if target else row.name}: {words}, and {there}.",
        why=f"{_consequence(row)} {row.places}",
        at=_place(target, pool, term.place, ctx),
        subject=target.name if target else row.name,
        key="slots",
        fix=pool_fix(row, term, size, title, ctx) if size else Fix(f"No pool size fits: {row.way_out}"),
    )


def _consequence(row: Asked) -> str:
    if row.against == "pooler clients":
        return "Beyond its client limit the pooler refuses, whatever the server has free."
    return f"Beyond the last slot the server refuses (SQLSTATE 53300); {row.buffer} are kept for psql, migrations and monitoring."


def _place(target: Target | None, pool: Pool | None, place: Location, ctx: Context) -> Location:
    """Where the size is written: in the string, else in the code."""
    if target is None:
        return (pool.place if pool else None) or place
    param = size_parameter(target, ctx)
    named = target.conn.params_named(param) if param else ()
    if not named and pool is not None and pool.place is not None:
        return pool.place
    return at(target, named[-1].span if named else None)
