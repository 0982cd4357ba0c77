"""A value, a line or a section that PgBouncer refuses: a comment behind a value, a unit, a quote.

## Why it matters
PgBouncer knows comments only on lines of their own, takes seconds without a unit, whole numbers, and no quotes:
`pool_mode = transaction ; shared` is the mode "transaction ; shared", and it does not start.

## What to do
Put the comment on a line above, and write the bare value.

```ini bad
[databases]
app = host=10.0.0.5 dbname=app
[pgbouncer]
pool_mode = transaction
default_pool_size = 20 ; server connections of each pool
admin_users = dba
```

```ini bad
[databases]
app = host=10.0.0.5 dbname=app
[pgbouncer]
query_wait_timeout = 30s
admin_users = dba
```

```ini good
[databases]
app = host=10.0.0.5 dbname=app
[pgbouncer]
pool_mode = transaction
; server connections of each pool
default_pool_size = 20
query_wait_timeout = 30
admin_users = dba
```

## Sources
- https://www.pgbouncer.org/config.html
- https://github.com/pgbouncer/pgbouncer/blob/master/etc/pgbouncer.ini
"""

import re
from collections.abc import Iterator

from poolcheck.model.context import Context
from poolcheck.model.pooler_config import CHOICES, NUMBERS, SECONDS, PoolerConfig, PoolerSetting, whole
from poolcheck.model.problem import Fix, Problem
from poolcheck.model.rule import rule
from poolcheck.model.severity import Severity


@rule(PoolerConfig, severity=Severity.ERROR, step=0)
def check(config: PoolerConfig, ctx: Context) -> Iterator[Problem]:
    """What a template fills in is left alone."""
    if config.software != "pgbouncer":
        return
    for trouble in config.troubles:
        yield Problem(
            message=f"{config.name}: {trouble.message}: PgBouncer does not start.",
            at=trouble.location,
            subject="",
        )
    for setting in config.settings:
        yield from _setting(config, setting)
    for database in config.databases:
        if database.broken:
            yield Problem(
                message=f"{config.name}: the line of {database.name} holds something that is no `key=value`: PgBouncer does not start.",
                at=database.location,
                subject=database.name,
                key=database.name,
                fix=Fix("Put comments on lines of their own"),
            )
        for setting in database.settings:
            if setting.name in (
                "pool_size",
                "reserve_pool",
                "max_db_connections",
                "pool_mode",
                "min_pool_size",
            ):
                yield from _setting(config, setting)


def _setting(config: PoolerConfig, setting: PoolerSetting) -> Iterator[Problem]:
    name, value = setting.name, setting.value
    if not setting.known or _accepted(name, value):
        return
    comment = re.search(r"[;#]", value)
    bare = (value[: comment.start()] if comment else value).strip().strip("'\"")
    seconds = re.fullmatch(r"(\d+)\s*(s|sec|seconds?|m|min|minutes?|h|hours?)", bare)
    if seconds:
        bare = str(int(seconds[1]) * {"s": 1, "m": 60, "h": 3600}[seconds[2][0]])
    why = "behind a value there are no comments" if comment else _expected(name)
    yield Problem(
        message=f"{config.name}: {name} = {value} is refused: {why}.",
        at=setting.location,
        subject=name,
        key=name,
        fix=Fix("Write the bare value", lines=(f"{name} = {bare}",) if _accepted(name, bare) else ()),
    )


def _accepted(name: str, value: str) -> bool:
    if name in NUMBERS or name in ("pool_size", "reserve_pool"):
        return whole(value) is not None
    if name in SECONDS:
        return re.fullmatch(r"\d+(\.\d*)?|\.\d+", value) is not None
    return name not in CHOICES or value.lower() in CHOICES[name]


def _expected(name: str) -> str:
    if name in SECONDS:
        return "seconds, without a unit, are expected"
    if name in CHOICES:
        return f"one of {', '.join(CHOICES[name])} is expected"
    return "a whole number is expected"
