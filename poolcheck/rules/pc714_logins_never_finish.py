"""Slots are taken by logins that never finish.

## Why it matters
A backend has its slot from the moment the connection is accepted, before the client has said its password. A client that
connects and stops there (a health check of a load balancer, a scanner, a driver that hangs in TLS or SCRAM) keeps the slot
until `authentication_timeout`, 60 s by default. Enough of them and everybody is refused, while nobody seems to be connected:
up to PostgreSQL 17 such backends are in no view, and 18 lists them in state `starting`.

Reported are three or more that have been starting for longer than a login takes; and up to 17, where they cannot be seen, a
server that has just refused for want of slots and by its own count has three or more free. A burst that ended between the two
looks the same: look again.

## What to do
Find who opens them: `ss -tn` on the server's machine, `log_connections`, the health checks of load balancers. A shorter
`authentication_timeout` limits what each costs. From 18 on they can be ended.

```json bad PostgreSQL 18 shows them
{"server": {"version_num": 180000}, "sessions": [{"count": 17, "state": "starting", "user": "", "backend_start": "1970-01-01T00:00:00.000000Z"}]}
```

```json bad refused, and free by the count
{"server": {"max_connections": 20, "superuser_reserved": 3, "version_num": 150000}, "refused": true, "sessions": [{"count": 2, "state": "idle"}]}
```

```json good nobody was refused
{"server": {"max_connections": 20, "superuser_reserved": 3, "version_num": 150000}, "sessions": [{"count": 2, "state": "active"}]}
```

```json good logins that have just begun
{"server": {"version_num": 180000}, "sessions": [{"count": 17, "state": "starting", "user": "", "backend_start": "1970-01-01T00:16:39.000000Z"}]}
```

## Sources
- https://www.postgresql.org/docs/current/runtime-config-connection.html#GUC-AUTHENTICATION-TIMEOUT
- https://www.postgresql.org/docs/current/monitoring-stats.html#MONITORING-PG-STAT-ACTIVITY-VIEW
"""

from collections.abc import Iterator

from poolcheck.model.context import Context
from poolcheck.model.look import Look
from poolcheck.model.problem import Fix, Problem
from poolcheck.model.rule import rule
from poolcheck.model.severity import Confidence, Severity
from poolcheck.rules._live import ending, starting
from poolcheck.text import plural

FEWEST = 3
WHO = "Find who opens them: ss -tn on the server's machine, log_connections, health checks of load balancers"


@rule(Look, severity=Severity.ERROR, step=0)
def check(look: Look, ctx: Context) -> Iterator[Problem]:
    """What is seen from 18 on; before, what the count and the refusal say together."""
    snapshot = look.snapshot
    found = starting(look)
    if len(found) >= FEWEST:
        clients = sorted({each.client for each in found if each.client})
        where = f" from {', '.join(clients[:3])}" + (", ..." if len(clients) > 3 else "") if clients else ""
        yield Problem(
            message=f"{plural(len(found), 'login')}{where} began and never finished: each holds a slot.",
            why="They keep it until authentication_timeout (60 s by default), and then the next ones come.",
            subject="logins",
            fix=Fix(
                f"{WHO}; to free the slots now:", lines=ending("terminate", [each.pid for each in found])
            ),
        )
    elif look.refused and snapshot.free >= FEWEST and snapshot.server.major < 18:
        yield Problem(
            message=(
                f"The server has just refused for want of slots, and counts only {snapshot.used} sessions:"
                f" {snapshot.free} slots are held by logins that never finish."
            ),
            why=(
                "Up to PostgreSQL 17 no view shows them; they end after authentication_timeout (60 s by default)."
                " Or a burst has just ended: look again."
            ),
            confidence=Confidence.MEDIUM,
            subject="logins",
            fix=Fix(
                f"{WHO}; so that each costs less:",
                lines=(
                    "ALTER SYSTEM SET authentication_timeout = '10s';",
                    "SELECT pg_catalog.pg_reload_conf();",
                ),
            ),
        )
