"""A transaction has been open for long, and goes on talking.

## Why it matters
It is never idle for long, so `idle_in_transaction_session_timeout` does not end it, and no statement of it is long, so
`statement_timeout` does not either. All the while it keeps its slot and its locks, and vacuum may remove no row version
that is younger than it, in the whole server. A job that commits once at its end, a loop over a cursor, an endpoint that
calls another service between two statements, a console that somebody left open with a script in it: all look so.

Reported is a session that had been in its transaction for {transaction_seconds:time} already when its present statement,
or its present pause, began. One statement that runs for that long is another matter, and so are pg_dump and its kin.

## What to do
Commit in steps, so that each one is short; what must be read as of one moment can be read on a standby. Ending the
session rolls back what it did. PostgreSQL 17 and newer have `transaction_timeout`, which ends such transactions: set it on
the role of the application, not on the role that migrates.

```json bad
{"sessions": [{"count": 1, "state": "idle in transaction", "state_age": 0.2, "xact_age": 7200}]}
```

```json good a statement that takes long
{"sessions": [{"count": 1, "state": "active", "state_age": 7200, "xact_age": 7200}]}
```

```json good a dump
{"sessions": [{"count": 1, "state": "active", "state_age": 3, "xact_age": 7200, "application_name": "pg_dump"}]}
```

## Sources
- https://www.postgresql.org/docs/17/runtime-config-client.html#GUC-TRANSACTION-TIMEOUT
- https://www.postgresql.org/docs/current/routine-vacuuming.html
"""

from collections.abc import Iterator

from poolcheck.model.context import Context
from poolcheck.model.look import PEOPLE, TOOL, Look, driver
from poolcheck.model.problem import Fix, Problem
from poolcheck.model.rule import rule
from poolcheck.model.severity import Severity
from poolcheck.rules._live import ending
from poolcheck.text import clean, plural, seconds

TIMEOUT_SINCE = 17  # the major that brought transaction_timeout


@rule(Look, severity=Severity.WARNING, step=3)
def check(look: Look, ctx: Context) -> Iterator[Problem]:
    """Talking: it had been open for long before it did what it does now."""
    limits = look.thresholds
    judged = {each.pid for each in look.idle_in_transaction}  # PC702 says it
    found = sorted(
        (
            each
            for each in look.snapshot.clients
            if (each.xact_age or 0) - (each.state_age or 0) >= limits.transaction_seconds
            and each.pid not in judged
            and driver((each,)) != TOOL
        ),
        key=lambda each: -(each.xact_age or 0),
    )
    if not found:
        return
    oldest = found[0]
    name = clean(oldest.application_name or oldest.user, limit=60)
    server = look.snapshot.server
    timeouts = "idle_in_transaction_session_timeout and statement_timeout do not see it"
    if server.major >= TIMEOUT_SINCE:
        timeouts += "; transaction_timeout on the application's role does"
    person = driver((oldest,)) in PEOPLE
    yield Problem(
        message=(
            f"{plural(len(found), 'transaction goes', 'transactions go')} on talking,"
            f" the oldest open for {seconds(oldest.xact_age)} (pid {oldest.pid}, {name})."
        ),
        why=f"Each keeps a slot and its locks, and vacuum from removing old rows; {timeouts}.",
        subject=server.database,
        fix=Fix(
            f"Ask whoever sits before {driver((oldest,))} to commit; ending it rolls its work back"
            if person
            else "Let the job commit in steps; to have the slot now, end it: its work is rolled back",
            lines=ending("terminate", [each.pid for each in found[:5]]),
        ),
    )
