"""A deploy started now would take more slots than there are.

## Why it matters
A rolling deploy starts new instances before the old ones stop. For a minute both hold their connections, so what
counts is not today's number but today's number times (instances + surge) / instances. Only the sessions of the role and
database that the look came with are multiplied, where there are any: other tenants do not deploy with it. Reported only when the number
of instances is known (`--instances`, or poolcheck.toml).

## What to do
Make the pools smaller so that the sum fits while a deploy runs, lower the surge, or put a pooler in front.

```json bad
{"server": {"max_connections": 100, "superuser_reserved": 3}, "sessions": [{"count": 66, "state": "idle"}], "instances": 10, "surge": "100%"}
```

```json good
{"server": {"max_connections": 100, "superuser_reserved": 3}, "sessions": [{"count": 40, "state": "idle"}], "instances": 10, "surge": "25%"}
```

```json good most sessions are other tenants'
{"server": {"max_connections": 60, "superuser_reserved": 3, "user": "app"}, "instances": 4, "surge": "100%",
 "sessions": [{"count": 8, "state": "idle"}, {"count": 28, "state": "idle", "user": "tenant"}]}
```

```json good unknown instances
{"server": {"max_connections": 100, "superuser_reserved": 3}, "sessions": [{"count": 60, "state": "idle"}]}
```

## Sources
- https://kubernetes.io/docs/concepts/workloads/controllers/deployment/
- https://www.postgresql.org/docs/current/runtime-config-connection.html
"""

from collections.abc import Iterator

from poolcheck.model.context import Context
from poolcheck.model.look import Look
from poolcheck.model.problem import Fix, Problem
from poolcheck.model.rule import rule
from poolcheck.model.severity import Severity


@rule(Look, severity=Severity.ERROR, step=2)
def check(look: Look, ctx: Context) -> Iterator[Problem]:
    """Now times the share by which a deploy multiplies the instances."""
    snapshot, then = look.snapshot, look.deploy_used
    usable = snapshot.server.usable
    if then is None or not look.instances or not usable or then / usable < look.thresholds.critical_at:
        return
    each = look.own_used / look.instances
    rest = snapshot.used - look.own_used
    others = f"; {rest} more are other roles' or databases'" if rest else ""
    size = f"poolcheck size --max {snapshot.server.max_connections} --instances {look.instances} --surge {look.surge}"
    yield Problem(
        message=f"A deploy started now would reach {then} of {usable} usable slots: {then / usable:.0%}.",
        why=f"{look.instances} instances, and {look.surge_instances} more while the deploy runs, at {each:.1f} connections each{others}.",
        severity=Severity.ERROR if then > usable else Severity.WARNING,
        subject=snapshot.server.database,
        fix=Fix("Size the pools for the deploy, not for the day", lines=(size,)),
    )
