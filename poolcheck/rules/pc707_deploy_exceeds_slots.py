"""A deploy started now would take more slots than there are.

## Why it matters
A rolling deploy starts new instances before the old ones stop. For a minute both hold their connections, so what
counts is not today's number but today's number times (instances + surge) / instances. Reported only when the number
of instances is known (`--instances`, or poolcheck.toml).

## What to do
Make the pools smaller so that the sum fits while a deploy runs, lower the surge, or put a pooler in front.

```json bad
{"server": {"max_connections": 100, "superuser_reserved": 3}, "sessions": [{"count": 66, "state": "idle"}], "instances": 10, "surge": "100%"}
```

```json good
{"server": {"max_connections": 100, "superuser_reserved": 3}, "sessions": [{"count": 40, "state": "idle"}], "instances": 10, "surge": "25%"}
```

```json good unknown instances
{"server": {"max_connections": 100, "superuser_reserved": 3}, "sessions": [{"count": 60, "state": "idle"}]}
```

## Sources
- https://kubernetes.io/docs/concepts/workloads/controllers/deployment/
- https://www.postgresql.org/docs/current/runtime-config-connection.html
"""

from collections.abc import Iterator

from poolcheck.core.context import Context
from poolcheck.core.finding import Fix, Problem, Severity
from poolcheck.core.rule import rule
from poolcheck.look import Look


@rule(Look, severity=Severity.ERROR, step=2)
def check(look: Look, ctx: Context) -> Iterator[Problem]:
    """Now times the share by which a deploy multiplies the instances."""
    snapshot, limits = look.snapshot, look.thresholds
    instances = ctx.numbers.instances
    usable = snapshot.server.usable
    if not instances or not usable:
        return
    more = surge(ctx.numbers.surge, instances)
    then = -(-snapshot.used * (instances + more) // instances)
    if then / usable < limits.critical_at:
        return
    over = then > usable
    yield Problem(
        message=f"A deploy started now would reach {then} of {usable} usable slots: {then / usable:.0%}.",
        why=f"{instances} instances and {more} more while the deploy runs, at {snapshot.used / instances:.1f} connections each.",
        severity=Severity.ERROR if over else Severity.WARNING,
        subject=snapshot.server.database,
        fix=Fix(
            "Size the pools for the deploy, not for the day",
            lines=(
                f"poolcheck size --max {snapshot.server.max_connections} --instances {instances} --surge {ctx.numbers.surge}",
            ),
        ),
    )


def surge(text: str, instances: int) -> int:
    """Instances that a deploy adds: "25%" of them, rounded up as Kubernetes does, or a count."""
    if text.endswith("%"):
        return -(-instances * int(text[:-1]) // 100)
    return int(text or 0)
