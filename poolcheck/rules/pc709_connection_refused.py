"""The connection was refused because something is full.

## Why it matters
This is the outage itself: what users see as errors is the same text. Which layer is full decides what helps: the
server's slots, a role's or a database's limit, the pooler's clients, or the pooler's server connections. Raising the
wrong one changes nothing. A text of the server that comes through a pooler means that the server behind it is full.

## What to do
What the report lists as still possible, in that order: sessions that are already open, the pooler's console, a role
with reserved slots. Then the fix path.

```json bad
{"refusal": {"text": "FATAL:  sorry, too many clients already", "layer": "slots", "title": "every slot is taken"}}
```

```json good a wrong password is no exhaustion
{"refusal": {"text": "FATAL:  password authentication failed for user app", "layer": "routing-auth"}}
```

## Sources
- https://www.postgresql.org/docs/current/runtime-config-connection.html
- https://www.pgbouncer.org/config.html
"""

from collections.abc import Iterator

from poolcheck.model.context import Context
from poolcheck.model.problem import Fix, Problem
from poolcheck.model.rule import rule
from poolcheck.model.severity import Severity
from poolcheck.model.snapshot import Refusal


@rule(Refusal, severity=Severity.ERROR, step=0)
def check(refusal: Refusal, ctx: Context) -> Iterator[Problem]:
    """Only what is exhaustion."""
    if not refusal.exhaustion:
        return
    yield Problem(
        message=f"Refused: {refusal.title or refusal.layer}.",
        why=refusal.means,
        subject=refusal.database or refusal.host,
        key=refusal.layer,
        fix=Fix(refusal.first) if refusal.first else None,
    )
