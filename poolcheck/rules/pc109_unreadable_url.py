"""The URL cannot be read, or libpq and the app's driver read it differently.

## Why it matters
An unescaped `@ : / # ? %` in a password moves the border between password and host. One driver connects, another
looks up a host that contains half the password, and a third stops with a message that prints it.

## What to do
Percent-encode the special characters of the password: `@` is `%40`, `#` is `%23`, `/` is `%2F`, `:` is `%3A`,
`?` is `%3F`, `%` is `%25`.

```dotenv bad
DATABASE_URL=postgresql://app:s3c@ret@pg.acme.dev:5432/app
```

```dotenv good
DATABASE_URL=postgresql://app:s3c%40ret@pg.acme.dev:5432/app
```

## Sources
- https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-URIS
- https://www.rfc-editor.org/rfc/rfc3986#section-2.1
"""

from collections.abc import Iterator

from poolcheck.connection.edit import percent_encode_password
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


@rule(Target, severity=Severity.ERROR, step=1)
def check(target: Target, ctx: Context) -> Iterator[Problem]:
    """One problem a string: the first trouble the parser met that changes what is read."""
    if target.commented or not target.active or "all" in target.conn.placeholders:
        return
    for trouble in target.conn.troubles:
        if FIELD.get(trouble.kind, "") in target.conn.placeholders:
            continue  # the placeholder is what it trips over
        new = (
            percent_encode_password(target.conn)
            if trouble.kind in ("unescaped", "bad-percent", "libpq-differs")
            else None
        )
        changed = new is not None and new != target.conn.raw
        fix = (
            rewrite(target, "Percent-encode the password", new, safe=True)
            if new is not None and changed
            else None
        )
        yield Problem(
            message=f"{target.label}: {trouble.message}",
            why="Drivers disagree about such a string: one connects, the next looks for another host or stops.",
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
