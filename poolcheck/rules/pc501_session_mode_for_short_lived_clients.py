"""The pooler is in session mode and its clients come and go with traffic.

## Why it matters
In session mode a client keeps its server connection until it disconnects. A function instance that is frozen between
two requests keeps it too: the pooler multiplexes nothing and only moves the queue.

## What to do
`pool_mode = transaction`, and look for what needs a session: LISTEN, session-level SET, advisory locks,
migrations.

```ini bad serverless npm:pg@8.23.1
[databases]
app = host=10.0.0.5 dbname=app
[pgbouncer]
pool_mode = session
admin_users = dba
```

```ini good serverless npm:pg@8.23.1
[databases]
app = host=10.0.0.5 dbname=app
[pgbouncer]
pool_mode = transaction
admin_users = dba
```

```ini good server npm:pg@8.23.1
[databases]
app = host=10.0.0.5 dbname=app
[pgbouncer]
pool_mode = session
admin_users = dba
```

## Sources
- https://www.pgbouncer.org/config.html#pool_mode
- https://www.pgbouncer.org/features.html
"""

from collections.abc import Iterator

from poolcheck.model.context import Context
from poolcheck.model.pooler_config import PoolerConfig
from poolcheck.model.problem import Fix, Problem
from poolcheck.model.rule import rule
from poolcheck.model.severity import Confidence, Severity
from poolcheck.rules._poolers import clients_of, place


@rule(PoolerConfig, severity=Severity.WARNING, step=1)
def check(config: PoolerConfig, ctx: Context) -> Iterator[Problem]:
    """Only when a file says that its clients run serverless, or its package where they are not known; an unknown runtime is not enough."""
    if config.modes != {"session"}:
        return
    clients = clients_of(config, ctx)
    runtimes = [each.package.runtime for each in clients] or [config.package.runtime]
    runtime = next((each for each in runtimes if each.kind == "serverless"), None)
    if runtime is None:
        return
    said = config.setting("pool_mode") or any(database.setting("pool_mode") for database in config.databases)
    own = config.own("pool_mode")
    yield Problem(
        message=f"{config.name}: {own} is session{'' if said else ', the default,'} and the clients run serverless ({runtime.source}).",
        why="Each function instance holds a server connection for as long as it is kept warm.",
        at=place(config, "pool_mode"),
        confidence=Confidence.MEDIUM,
        subject=own,
        sources=config.sources("pool_mode"),
        fix=Fix(
            "Give server connections back after each transaction",
            lines=(config.line("pool_mode", "transaction"),),
        ),
    )
