"""Sessions sit idle inside a transaction.

## Why it matters
Such a session holds its slot, its locks and, for the whole server, every row version that vacuum could remove.
Some of them are normal at any moment: a transaction of five statements is idle four times. Their number follows from
the load (1,000 transactions a second with four gaps of 1 ms are four at any moment), so count and age are judged
together: a warning for more than {idle_in_transaction_count:count} that are older than
{idle_in_transaction_seconds:time}, an error when more than {idle_in_transaction_count:count} are older than
{idle_in_transaction_old_seconds:time}, when one is older than {idle_in_transaction_oldest_seconds:time}, or when others
wait for one of them.

## What to do
The code after the last statement shown is the place: a network call, a user's answer or an exception between BEGIN and
COMMIT. Until it is mended, `idle_in_transaction_session_timeout` on the application's role ends such sessions.
A cancel does nothing here, there is no statement to cancel: only ending the session frees what it holds.

```json bad
{"sessions": [{"count": 1, "state": "idle in transaction", "state_age": 611}]}
```

```json bad eleven for six seconds
{"sessions": [{"count": 11, "state": "idle in transaction", "state_age": 6}]}
```

```json good gaps between statements
{"sessions": [{"count": 30, "state": "idle in transaction", "state_age": 0.02}]}
```

```json good
{"sessions": [{"count": 4, "state": "idle in transaction", "state_age": 12}]}
```

## Sources
- https://www.postgresql.org/docs/current/runtime-config-client.html
- https://www.postgresql.org/docs/current/routine-vacuuming.html
"""

from collections.abc import Iterator

from poolcheck.model.context import Context
from poolcheck.model.look import PEOPLE, Look, driver
from poolcheck.model.problem import Fix, Problem
from poolcheck.model.rule import rule
from poolcheck.model.severity import Severity
from poolcheck.model.snapshot import Backend
from poolcheck.rules._live import role
from poolcheck.text import clean, plural, seconds


@rule(Look, severity=Severity.ERROR, step=3)
def check(look: Look, ctx: Context) -> Iterator[Problem]:
    """Count and age together; locks that others wait for make one enough."""
    limits = look.thresholds
    found = look.idle_in_transaction
    if not found:
        return
    oldest = found[0]
    old = [each for each in found if (each.state_age or 0) >= limits.idle_in_transaction_old_seconds]
    blocking = {block.root for block in look.blocks if block.kind == "root"} & {each.pid for each in found}
    emergency = (
        len(old) > limits.idle_in_transaction_count
        or (oldest.state_age or 0) >= limits.idle_in_transaction_oldest_seconds
        or bool(blocking)
    )
    if not emergency and len(found) <= limits.idle_in_transaction_count:
        return
    name = clean(oldest.application_name or oldest.user, limit=60)
    yield Problem(
        message=(
            f"{plural(len(found), 'session sits', 'sessions sit')} idle in a transaction,"
            f" the oldest for {seconds(oldest.state_age)} (pid {oldest.pid}, {name})."
        ),
        why="Each holds a slot and its locks, and keeps vacuum from removing old rows."
        + (f" Others wait for {plural(len(blocking), 'of them', 'of them')}." if blocking else ""),
        severity=Severity.ERROR if emergency else Severity.WARNING,
        subject=look.snapshot.server.database,
        fix=advice(oldest),
    )


def advice(oldest: Backend) -> Fix:
    """A person's tool has no code to mend, and its role is often the application's."""
    tool = driver((oldest,))
    if tool in PEOPLE:
        return Fix(f"Ask whoever sits before {tool} to commit or roll back, and to turn auto-commit on there")
    return Fix(
        "Commit, roll back or raise in the block that began it; until then let the server end such sessions",
        lines=(f"ALTER ROLE {role(oldest.user)} SET idle_in_transaction_session_timeout = '60s';",),
    )
