"""Transactions are read-only by default: every write fails.

## Why it matters
With `default_transaction_read_only = on` each write fails with `cannot execute INSERT in a read-only transaction` (25006).
Providers set it when the disk is full, people set it as a guard and forget it. Nothing else looks wrong: slots are free, reads
work, and the pool is blamed.

Set for the server or the database it is a warning. Set for the role that looks it is an information only: a role for
monitoring is read-only on purpose. A hot standby is read-only whatever is set.

## What to do
Where a provider set it, make room on the disk first, or grow it: the setting goes away then, or may be reset.

```json bad
{"server": {"read_only_source": "configuration file"}}
```

```json good
{"server": {"read_only_source": ""}}
```

```json good a hot standby
{"server": {"read_only_source": "configuration file", "in_recovery": true}}
```

## Sources
- https://www.postgresql.org/docs/current/runtime-config-client.html#GUC-DEFAULT-TRANSACTION-READ-ONLY
- https://www.postgresql.org/docs/current/view-pg-settings.html
"""

from collections.abc import Iterator

from poolcheck.model.context import Context
from poolcheck.model.look import Look
from poolcheck.model.problem import Fix, Problem
from poolcheck.model.rule import rule
from poolcheck.model.severity import Severity
from poolcheck.rules._live import role
from poolcheck.text import clean

SETTING = "default_transaction_read_only"
OF_ROLE = ("user", "database user")
OF_SESSION = ("client", "session", "interactive")  # the string asks for it; what is left on a pool is PC804's


@rule(Look, severity=Severity.WARNING, step=0)
def check(look: Look, ctx: Context) -> Iterator[Problem]:
    """Where the setting comes from decides whom it hits, and how it is taken back."""
    server = look.snapshot.server
    source = server.read_only_source
    if not source or server.in_recovery or source in OF_SESSION:
        return
    user, database = role(server.user), role(server.database)
    lines: tuple[str, ...]
    if source == "database":
        whom, lines = (
            f'database "{clean(server.database, limit=60)}"',
            (f"ALTER DATABASE {database} RESET {SETTING};",),
        )
    elif source in OF_ROLE:
        tail = f" IN DATABASE {database}" if source == "database user" else ""
        whom, lines = f'role "{clean(server.user, limit=60)}"', (f"ALTER ROLE {user}{tail} RESET {SETTING};",)
    else:
        whom = "the whole server"
        lines = (f"ALTER SYSTEM RESET {SETTING};", "SELECT pg_catalog.pg_reload_conf();")
    yield Problem(
        message=f"{SETTING} is on for {whom} ({clean(source)}): every write fails as read-only.",
        why="Providers set it at a full disk."
        + ("" if len(lines) > 1 else " Sessions that are open keep it: let pools connect anew afterwards."),
        severity=Severity.INFO if source in OF_ROLE else Severity.WARNING,
        subject=SETTING,
        fix=Fix("Make room on the disk if it is full, then take it back:", lines=lines),
    )
