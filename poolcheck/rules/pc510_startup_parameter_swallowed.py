"""The pooler drops a startup parameter that changes what queries mean.

## Why it matters
What `ignore_startup_parameters` names is accepted and thrown away, without a word to the client. A `statement_timeout`
or `search_path` that the connection string sets then holds nowhere.

## What to do
Set it where it survives: `ALTER ROLE ... SET`, or `SET LOCAL` in the transaction; then take it out of the string.

```ini bad
; file: pgbouncer.ini
[databases]
app = host=10.0.0.5 dbname=app
[pgbouncer]
pool_mode = transaction
ignore_startup_parameters = extra_float_digits,statement_timeout
admin_users = dba
; file: .env
DATABASE_URL=postgresql://app:s3cret@10.0.0.6:6432/app?statement_timeout=5000
```

```ini good
[databases]
app = host=10.0.0.5 dbname=app
[pgbouncer]
pool_mode = transaction
ignore_startup_parameters = extra_float_digits
admin_users = dba
```

## Sources
- https://www.pgbouncer.org/config.html#ignore_startup_parameters
"""

from collections.abc import Iterator

from poolcheck.model.context import Context
from poolcheck.model.pooler_config import PoolerConfig
from poolcheck.model.problem import Fix, Problem
from poolcheck.model.rule import rule
from poolcheck.model.severity import Severity
from poolcheck.model.target import Target

# Parameters that change results, waiting or safety; extra_float_digits and the names of clients are harmless.
_MATTER = (
    "search_path", "statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout",
    "default_transaction_read_only", "default_transaction_isolation", "row_security", "role", "session_authorization",
)  # fmt: skip


@rule(PoolerConfig, severity=Severity.INFO, step=0)
def check(config: PoolerConfig, ctx: Context) -> Iterator[Problem]:
    """A warning where a string of the project sends the parameter, else only said."""
    if config.software != "pgbouncer":
        return
    found = config.setting("ignore_startup_parameters")
    if found is None or not found.known:
        return
    named = {each.strip().lower() for each in found.value.split(",")}
    tracked = {each.strip().lower() for each in (config.value("track_extra_parameters") or "").split(",")}
    lost = [name for name in _MATTER if name in named and name not in tracked]
    sent = {name: each for name in lost if (each := next((t for t in ctx.targets if _sends(t, name)), None))}
    if not lost:
        return
    (name, sender) = next(iter(sent.items()), (lost[0], None))
    yield Problem(
        message=f"{config.name}: ignore_startup_parameters throws away {', '.join(sent or lost)}"
        + (f", and {sender.label} ({sender.location}) sends {name}." if sender else "."),
        severity=Severity.WARNING if sender else Severity.INFO,
        at=found.location,
        subject="ignore_startup_parameters",
        key=name,
        fix=Fix("Set it for the role instead", lines=(f"ALTER ROLE app SET {name} = ...;",)),
    )


def _sends(target: Target, name: str) -> bool:
    if target.commented or not target.active or target.example_file:
        return False
    return target.conn.param(name) is not None or name in (target.conn.param("options") or "")
