"""Connections were checked out of a pool and never given back.

## Why it matters
A path that skips `release()` or `close()`, mostly after an exception, costs one slot each time it runs. The pool
opens another, until the pool or the server is full. Nothing but a restart gives the slots back.

Being idle for long is no proof: the connections of a warm pool are idle too. What is reported came to rest one by one
after the same statement, and that statement is not one with which pools take a connection back (COMMIT, DISCARD ALL, a
health check). When their number also grows between two looks (`--sample 30s`), it is probable. In a single look it
stays possible: a pool that reuses the newest connection first, with autocommit and a single hot statement, looks the
same while its load falls. Growth after a deploy is a pool that warms up: look again when it has reached its size.

## What to do
Find the code that runs the statement shown, and release in `finally` (or `with`, `using`, `defer`).
To make sure: restart one instance. Forgotten ones come back one by one, a warm pool at once.

```json bad
{"sessions": [{"pid": 1, "state": "idle", "state_age": 400, "used_for": 900, "query": "select * from carts where id = 1"},
              {"pid": 2, "state": "idle", "state_age": 460, "used_for": 900, "query": "select * from carts where id = 2"},
              {"pid": 3, "state": "idle", "state_age": 530, "used_for": 900, "query": "select * from carts where id = 3"},
              {"pid": 4, "state": "active", "state_age": 0.1, "query": "select * from carts where id = 4"}]}
```

```json good released with COMMIT
{"sessions": [{"pid": 1, "state": "idle", "state_age": 400, "used_for": 900, "query": "COMMIT"},
              {"pid": 2, "state": "idle", "state_age": 460, "used_for": 900, "query": "COMMIT"},
              {"pid": 3, "state": "idle", "state_age": 530, "used_for": 900, "query": "COMMIT"}]}
```

```json good a burst that ended
{"sessions": [{"count": 20, "state": "idle", "state_age": 700, "query": "select * from carts where id = 1"}]}
```

## Sources
- https://node-postgres.com/apis/pool
- https://github.com/brettwooldridge/HikariCP#frequently-used
- https://www.psycopg.org/psycopg3/docs/advanced/pool.html
"""

from collections.abc import Iterator

from poolcheck.model.context import Context
from poolcheck.model.look import Look
from poolcheck.model.problem import Fix, Problem
from poolcheck.model.rule import rule
from poolcheck.model.severity import Confidence, Severity
from poolcheck.rules._live import code_path, group_name
from poolcheck.text import plural


@rule(Look, severity=Severity.WARNING, step=3)
def check(look: Look, ctx: Context) -> Iterator[Problem]:
    """One problem a group of sessions; possible ones are only information."""
    for leak in look.leaks:
        if leak.kind != "forgotten release":
            continue
        probable = leak.certainty == "probable"
        yield Problem(
            message=f"{group_name(leak)}: {plural(len(leak.members), 'session')} look checked out and forgotten.",
            why=f"{'; '.join(leak.evidence)}. It could also be {leak.otherwise}. To tell: {leak.confirm}.",
            severity=Severity.WARNING if probable else Severity.INFO,
            confidence=Confidence.MEDIUM if probable else Confidence.LOW,
            subject=group_name(leak),
            key="/".join(leak.group),
            fix=Fix("Release in `finally` on the path that ends with this statement", lines=code_path(leak)),
        )
