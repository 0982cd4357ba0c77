"""The pooler is in transaction mode, does not track prepared statements, and a driver in use names them.

## Why it matters
A named statement lives on one server connection. The next transaction gets another one, where the name is unknown
(26000) or already taken (42P05): errors that come and go with the load.
PgBouncer tracks them from 1.21 on with `max_prepared_statements` above 0, and by default from 1.24. Others have a switch
of their own: Odyssey `pool_reserve_prepared_statement`, PgCat `prepared_statements_cache_size`, PgDog
`prepared_statements`.

## What to do
Set `max_prepared_statements = 200` on 1.21 or later, or the other pooler's switch, or switch the driver's named statements off.

```ini bad server pypi:asyncpg@0.31.0
[databases]
app = host=10.0.0.5 dbname=app
[pgbouncer]
pool_mode = transaction
max_prepared_statements = 0
admin_users = dba
```

```toml bad server pypi:asyncpg@0.31.0
# file: pgcat.toml
[general]
host = "127.0.0.1"
[pools.app]
pool_mode = "transaction"
[pools.app.users.0]
username = "app"
pool_size = 10
[pools.app.shards.0]
servers = [["10.0.0.5", 5432, "primary"]]
database = "app"
```

```ini good server pypi:asyncpg@0.31.0
[databases]
app = host=10.0.0.5 dbname=app
[pgbouncer]
pool_mode = transaction
max_prepared_statements = 200
admin_users = dba
```

```ini good server npm:pg@8.23.1
[databases]
app = host=10.0.0.5 dbname=app
[pgbouncer]
pool_mode = transaction
max_prepared_statements = 0
admin_users = dba
```

## Sources
- https://www.pgbouncer.org/config.html#max_prepared_statements
- https://github.com/pgbouncer/pgbouncer/blob/master/NEWS.md
"""

from collections.abc import Iterator

from poolcheck.model.context import Context
from poolcheck.model.pooler_config import PoolerConfig, PoolerSetting
from poolcheck.model.problem import Fix, Problem
from poolcheck.model.project import SWITCHES, Package
from poolcheck.model.rule import rule
from poolcheck.model.severity import Confidence, Severity
from poolcheck.model.target import app_traffic
from poolcheck.model.url_readers import Reader, engine_prisma, readers
from poolcheck.rules._poolers import place, preparing, strings_of


@rule(PoolerConfig, severity=Severity.WARNING, step=2)
def check(config: PoolerConfig, ctx: Context) -> Iterator[Problem]:
    """Only when the setting or the version tells; a switch anywhere in the package's code silences this."""
    if config.modes.isdisjoint({"transaction", "statement"}) or config.tracks_prepared is not False:
        return
    if _switched_off(config, ctx):
        return
    said, how = _switch(config)
    old = config.facts is None and bool(config.version) and config.version < (1, 21)
    own_name = config.own("max_prepared_statements")
    for each, package in tuple(_naming(config, ctx))[:1]:
        own = each.own
        assert own is not None
        seen = package.mentions is not None
        yield Problem(
            message=f"{config.name} does not track prepared statements ({how}), and {each.title} names them.",
            why=(f"Seen as: {own.prepared_error}. " if own.prepared_error else "")
            + ("" if seen else "Not so if the code switches them off, which was not looked at."),
            at=said.location if said else place(config, "pool_mode"),
            severity=Severity.ERROR if seen else Severity.WARNING,
            confidence=Confidence.MEDIUM,
            subject=own_name,
            key=each.use.id,
            fix=Fix(
                "Use PgBouncer 1.21 or later and let it track them"
                if old
                else f"Let {config.title} track them",
                lines=config.mended("max_prepared_statements") or ("max_prepared_statements = 200",),
            ),
            sources=(own.source, *config.sources("max_prepared_statements")),
        )


def _naming(config: PoolerConfig, ctx: Context) -> Iterator[tuple[Reader, Package]]:
    """The drivers that name statements and do not switch that off: of the strings that lead here, else of its package.

    Prisma's own engine is PC201's, where its string is known.
    """
    strings = [each for each in strings_of(config, ctx) if app_traffic(each)]
    if not strings and not config.package.mentions_any(SWITCHES):
        yield from ((each, config.package) for each in preparing(config, ctx))
    for string in strings:
        if string.package.mentions_any(SWITCHES):
            continue
        for each in readers(string, ctx):
            if each.own is not None and each.own.named_prepared == "yes" and not engine_prisma(each):
                yield each, string.package


def _switch(config: PoolerConfig) -> tuple[PoolerSetting | None, str]:
    """The setting that says so, of all or of one pool; and the words for it."""
    name = "max_prepared_statements"
    found = config.setting(name)
    if config.facts is not None:
        lost = [database for database in config.databases if config.off(name, database)]
        found = next((one for each in lost if (one := each.setting(name))), found)
        option = config.facts.option(name)
        if found is None:
            return None, f"{config.own(name)} is not set, and {option.default if option else ''} by default"
        return found, config.line(name, found.value)
    if found is not None:
        return found, f"{name} = {found.value}"
    return None, f"version {'.'.join(map(str, config.version))} ({config.version_source})"


def _switched_off(config: PoolerConfig, ctx: Context) -> bool:
    """Whether a connection string of the project switches named statements off."""
    pairs = {pair for each in preparing(config, ctx) if each.own for pair in each.own.prepared_off_params}
    return any(target.conn.param(name) == value for target in ctx.targets for name, value in pairs)
