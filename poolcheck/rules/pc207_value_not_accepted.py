"""A value that the driver refuses or misreads.

## Why it matters
`pgbouncer=1` stops Prisma's engine, `connection_limit=0` leaves no connection, and `sslmode=verify-full` is quietly
read as `prefer` by an engine that does not know it: the setting is there, and not in force.

## What to do
Write one of the values that the driver takes; the report lists them.

```dotenv bad serverless prisma@6.19.3
DATABASE_URL=postgresql://postgres.abcdefghijklmnopqrst:s3cret@aws-0-eu-central-1.pooler.supabase.com:6543/postgres?pgbouncer=1&connection_limit=1
DIRECT_URL=postgresql://postgres.abcdefghijklmnopqrst:s3cret@aws-0-eu-central-1.pooler.supabase.com:5432/postgres
```

```dotenv bad server psycopg@3.3.9
DATABASE_URL=postgresql://app:s3cret@pg.acme.dev:5432/app?sslmode=verify-ful
```

```dotenv good server psycopg@3.3.9
DATABASE_URL=postgresql://app:s3cret@pg.acme.dev:5432/app?sslmode=verify-full
```

## Sources
- https://github.com/prisma/prisma-engines/blob/main/quaint/src/connector/postgres/url.rs
- https://www.postgresql.org/docs/current/libpq-ssl.html
"""

from collections.abc import Iterator

from poolcheck.model.context import Context
from poolcheck.model.facts import DriverParam
from poolcheck.model.problem import Fix, Problem
from poolcheck.model.rule import rule
from poolcheck.model.severity import Severity
from poolcheck.model.target import Target
from poolcheck.model.url_readers import readers
from poolcheck.rules._common import at, with_parameter
from poolcheck.text import nearest, sentence

SSLMODES = frozenset(
    "disable allow prefer require verify-ca verify-full no-verify".split()
)  # libpq's, and pg's own


@rule(Target, severity=Severity.ERROR, step=2)
def check(target: Target, ctx: Context) -> Iterator[Problem]:
    """Values against what the reading driver takes; without a known driver only an sslmode that none knows."""
    if target.commented or not target.active:
        return
    who = [reader for reader in readers(target, ctx) if reader.url]
    for param in target.conn.params:
        if f"param:{param.name}" in target.conn.placeholders or param.secret:
            continue
        if not who and param.name == "sslmode" and param.value not in SSLMODES:
            trouble: str | None = f"no driver knows it; known are {', '.join(sorted(SSLMODES))}"
            title = ""
        elif len(who) == 1 and who[0].url:
            params = (*(who[0].own.params if who[0].own else ()), *who[0].url.params)
            known = next((each for each in params if each.name == param.name), None)
            trouble = wrong(known, param.value) if known else None
            title = who[0].title
        else:
            continue
        if trouble:
            yield Problem(
                message=f"{target.label}: {param.name}={param.value} is not a value that {title or 'drivers'} can use.",
                why=f"{sentence(trouble)}.",
                severity=Severity.WARNING if "read as" in trouble else None,
                at=at(target, param.span),
                key=param.name,
                fix=_meant(target, param.name, param.value),
                sources=(known.source,) if who and known and known.source else (),
            )


def _meant(target: Target, name: str, value: str) -> Fix | None:
    """The value that must have been meant; the one that is there works nowhere."""
    if name == "pgbouncer" and value in ("1", "on", "yes", "True", "TRUE"):
        return with_parameter(target, "Write pgbouncer=true", name, "true", safe=True)
    if name == "sslmode" and value not in SSLMODES:
        # An edit rests on it, and the six words are short.
        near = nearest(value.lower().replace("_", "-"), sorted(SSLMODES), alike=0.8)
        if near:
            return with_parameter(target, f"Write sslmode={near[0]}", name, near[0], safe=True)
    return None


def wrong(known: DriverParam, value: str) -> str | None:
    """What is wrong with the value, or None."""
    told = dict(known.bad_values).get(value)
    if told:
        return told
    if known.type in ("bool", "word") and known.values and value not in known.values:
        return f"it takes {', '.join(known.values)}"
    if known.type == "int":
        digits = value.removeprefix("-")
        if not digits.isdigit():
            return "it takes a whole number"
        if known.minimum is not None and int(value) < known.minimum:
            return f"it must be at least {known.minimum}"
    return None
