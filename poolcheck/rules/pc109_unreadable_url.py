"""The URL cannot be read, or libpq and the app's driver read it differently.

## Why it matters
An unescaped `@ : / # ? %` in a password moves the border between password and host. One driver connects, another
looks up a host that contains half the password, and a third stops with a message that prints it.

A parameter list without its `?`, with a second one, or with HTML's `&amp;` is no parameter list: it becomes part of the
database's name or of the value before it, so neither the pool's size nor the flag that stands there is in force.

## What to do
Percent-encode the special characters of the password: `@` is `%40`, `#` is `%23`, `/` is `%2F`, `:` is `%3A`,
`?` is `%3F`, `%` is `%25`.

```dotenv bad
DATABASE_URL=postgresql://app:s3c@ret@pg.acme.dev:5432/app
```

```dotenv good
DATABASE_URL=postgresql://app:s3c%40ret@pg.acme.dev:5432/app
```

Write one `?` before the first parameter, and `&` between them.

```dotenv bad
DATABASE_URL=postgresql://app:s3cret@pg.acme.dev:5432/app&connection_limit=5
```

```dotenv good
DATABASE_URL=postgresql://app:s3cret@pg.acme.dev:5432/app?connection_limit=5&pool_timeout=20
```

## Sources
- https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-URIS
- https://www.rfc-editor.org/rfc/rfc3986#section-2.1
"""

from collections.abc import Iterator

from poolcheck.connection.edit import percent_encode_password, with_separators
from poolcheck.model.context import Context
from poolcheck.model.problem import Problem
from poolcheck.model.rule import rule
from poolcheck.model.severity import Confidence, Severity
from poolcheck.model.target import Target
from poolcheck.model.url_readers import readers
from poolcheck.rules._common import at, rewrite

# The field whose placeholder explains a trouble away.
FIELD = {
    "bad-port": "port",
    "bracket": "host",
    "unescaped": "password",
    "libpq-differs": "password",
    "no-host": "host",
}

DISAGREE = "Drivers disagree about such a string: one connects, the next looks for another host or stops."
SEPARATOR = (
    "No driver reads the parameters that were meant: they become part of the value or name before them."
)


@rule(Target, severity=Severity.ERROR, step=1)
def check(target: Target, ctx: Context) -> Iterator[Problem]:
    """One problem a string: the first trouble the parser met that changes what is read."""
    if target.commented or not target.active or "all" in target.conn.placeholders:
        return
    for trouble in target.conn.troubles:
        if FIELD.get(trouble.kind, "") in target.conn.placeholders:
            continue  # the placeholder is what it trips over
        if trouble.kind == "separator":
            title, new = (
                "Write `?` before the first parameter and `&` between them",
                with_separators(target.conn),
            )
        elif trouble.kind in ("unescaped", "bad-percent", "libpq-differs"):
            title, new = "Percent-encode the password", percent_encode_password(target.conn)
        else:
            title, new = "", target.conn.raw
        fix = rewrite(target, title, new, safe=True) if new != target.conn.raw else None
        yield Problem(
            message=f"{target.label}: {trouble.message}",
            why=SEPARATOR if trouble.kind == "separator" else DISAGREE,
            at=at(target, trouble.span),
            fix=fix,
        )
        return
    yield from _refused_scheme(target, ctx)


def _refused_scheme(target: Target, ctx: Context) -> Iterator[Problem]:
    """SQLAlchemy from 1.4 has no dialect called `postgres`; much code rewrites the scheme, hence a warning."""
    who = readers(target, ctx)
    if len(who) != 1 or not who[0].driver.schemes or target.conn.scheme != "postgres":
        return
    if "postgres" not in who[0].driver.schemes:
        yield Problem(
            message=f"{target.label}: {who[0].title} does not know the scheme postgres://.",
            why="It stops at it (Can't load plugin: sqlalchemy.dialects:postgres), unless the code rewrites the scheme first.",
            severity=Severity.WARNING,
            confidence=Confidence.MEDIUM,
            at=at(target, target.conn.span("scheme")),
            key="scheme",
            fix=rewrite(
                target, "Write postgresql://", "postgresql" + target.conn.raw[len("postgres") :], safe=True
            ),
            sources=(who[0].driver.homepage,),
        )
