"""The driver keeps named prepared statements through a transaction pooler that cannot track them.

## Why it matters
A named statement lives on one server connection. In transaction mode the next transaction gets another one, where
the name is unknown (26000) or already taken (42P05): errors that come and go with the load.

## What to do
Switch the driver's named statements off, with the line that the report shows. Most drivers take it in code, not in
the URL; where the code cannot be seen, this is a warning.

```dotenv bad serverless postgres-js@3.4.9
DATABASE_URL=postgresql://postgres.abcdefghijklmnopqrst:s3cret@aws-0-eu-central-1.pooler.supabase.com:6543/postgres
```

```dotenv good serverless postgres-js@3.4.9
DATABASE_URL=postgresql://postgres.abcdefghijklmnopqrst:s3cret@aws-0-eu-central-1.pooler.supabase.com:6543/postgres?prepare=false
```

```dotenv good serverless pg@8.23.1
DATABASE_URL=postgresql://postgres.abcdefghijklmnopqrst:s3cret@aws-0-eu-central-1.pooler.supabase.com:6543/postgres
```

## Sources
- https://www.pgbouncer.org/features.html
- https://github.com/supabase/supavisor/blob/main/docs/faq.md
"""

from collections.abc import Iterator

from poolcheck.model.context import Context
from poolcheck.model.facts import OWN
from poolcheck.model.problem import Fix, Problem
from poolcheck.model.project import SWITCHES
from poolcheck.model.rule import rule
from poolcheck.model.severity import Confidence, Severity
from poolcheck.model.target import Target, app_traffic
from poolcheck.model.url_readers import engine_prisma, readers
from poolcheck.rules._common import at, transaction_pooler, with_parameter


@rule(Target, severity=Severity.ERROR, step=2)
def check(target: Target, ctx: Context) -> Iterator[Problem]:
    """Prisma's own engine is PC201's; a switch in the URL, or anywhere in the package's code, silences this."""
    endpoint = transaction_pooler(target)
    if not app_traffic(target) or endpoint is None or endpoint.tracks_prepared != "no":
        return
    if endpoint.id == OWN:
        return  # PC502 says it of the pooler, which can be told to track them
    for reader in readers(target, ctx):
        own = reader.own
        if own is None or own.named_prepared != "yes" or engine_prisma(reader):
            continue
        if any(target.conn.param(name) == value for name, value in own.prepared_off_params):
            continue
        if target.package.mentions_any(SWITCHES):
            continue
        seen = target.package.mentions is not None
        name, value = own.prepared_off_params[0] if own.prepared_off_params else ("", "")
        title = "Switch named statements off"
        off = (
            with_parameter(target, title, name, value, safe=True)
            if name
            else Fix(title, lines=(own.prepared_off,))
        )
        yield Problem(
            message=f"{target.label}: {reader.title} names prepared statements, and this pooler cannot carry them over.",
            why=f"Seen as: {own.prepared_error}."
            + ("" if seen else " Not so if the code switches them off, which was not looked at."),
            severity=Severity.ERROR if seen else Severity.WARNING,
            confidence=Confidence.HIGH if seen else Confidence.MEDIUM,
            at=at(target, target.conn.span("port") or target.conn.span("host")),
            key=reader.use.id,
            fix=off,
            sources=(own.source, endpoint.source),
        )
