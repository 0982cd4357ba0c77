"""A setting that PgBouncer, or the version in use, does not know.

## Why it matters
PgBouncer does not start: `unknown parameter`, then `FATAL cannot load config file`. A reload keeps the old settings, so
the fault shows at the next restart, which is often in the middle of something else.

## What to do
Correct the name, or use the version that brought it. Names are in lower case.

```ini bad
[databases]
app = host=10.0.0.5 dbname=app
[pgbouncer]
pool_mode = transaction
default_poolsize = 20
admin_users = dba
```

```ini good
[databases]
app = host=10.0.0.5 dbname=app
[pgbouncer]
pool_mode = transaction
default_pool_size = 20
admin_users = dba
```

## Sources
- https://www.pgbouncer.org/config.html
- https://github.com/pgbouncer/pgbouncer/blob/master/src/main.c
- https://github.com/pgbouncer/pgbouncer/blob/master/NEWS.md
"""

from collections.abc import Iterator, Mapping

from poolcheck.model.context import Context
from poolcheck.model.pooler_config import (
    DATABASE_KEYS,
    DATABASE_SINCE,
    KEYS,
    NEWEST,
    SINCE,
    USER_KEYS,
    USER_SINCE,
    PoolerConfig,
    PoolerSetting,
)
from poolcheck.model.problem import Fix, Problem
from poolcheck.model.rule import rule
from poolcheck.model.severity import Confidence, Severity
from poolcheck.text import nearest


@rule(PoolerConfig, severity=Severity.ERROR, step=0)
def check(config: PoolerConfig, ctx: Context) -> Iterator[Problem]:
    """Every section. A name near no known one may be newer than what is known here."""
    if config.software != "pgbouncer":
        return
    if not config.complete:
        return
    for setting in config.settings:
        yield from _judge(config, setting, KEYS, SINCE, "[pgbouncer]")
    for database in config.databases:
        for setting in database.settings:
            yield from _judge(config, setting, DATABASE_KEYS, DATABASE_SINCE, "[databases]")
    for user in config.users:
        for setting in user.settings:
            yield from _judge(config, setting, USER_KEYS, USER_SINCE, "[users]")


def _judge(
    config: PoolerConfig,
    setting: PoolerSetting,
    keys: frozenset[str],
    since: Mapping[str, tuple[int, int]],
    section: str,
) -> Iterator[Problem]:
    name = setting.name
    if name in keys:
        needed = since.get(name)
        if needed and config.version and config.version[:2] < needed:
            yield Problem(
                message=f"{config.name}: {name} needs PgBouncer {_dotted(needed)}, and {_dotted(config.version)} runs it ({config.version_source}): it does not start.",
                at=setting.location,
                subject=name,
                key=name,
                fix=Fix(f"Use PgBouncer {_dotted(needed)} or later, or delete the line"),
            )
        return
    near = nearest(name.lower(), sorted(keys), alike=0.8)  # it makes the finding an error
    newest = _dotted(NEWEST)
    yield Problem(
        message=f"{config.name}: {section} knows no {name}{f': {near[0]} is meant?' if near else ''}",
        why="PgBouncer does not start with it." if near else f"No PgBouncer up to {newest} starts with it.",
        severity=Severity.ERROR if near or config.version else Severity.WARNING,
        confidence=Confidence.HIGH if near else Confidence.MEDIUM,
        at=setting.location,
        subject=name,
        key=name,
        fix=Fix(
            f"Write {near[0]}", lines=(f"{near[0]} = {setting.value}",) if section == "[pgbouncer]" else ()
        )
        if near
        else Fix("Delete the line"),
    )


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))
