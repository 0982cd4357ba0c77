"""Full pools take more of the slots than the gate allows, while a deploy runs.

## Why it matters
The sum fits, and the server still stands at its end: a burst, a second deploy or a colleague's psql leaves about a
second between the last free slot and the first refusal. The limit is `max_usage` ({max_usage:percent} unless set) and counts
instances x processes x pool with the instances that a deploy adds, against the slots that an ordinary role gets.
`poolcheck gate` adds up; what PC204, PC601 or PC602 has called an error already is not said twice.

## What to do
Give each process a smaller pool, lower the deploy's surge, or put a transaction-mode pooler in between.

```json bad
{"asked": "13 instances x 7", "processes": 13, "total": 91, "capacity": 97, "limit": 0.85}
```

```json good
{"asked": "13 instances x 6", "processes": 13, "total": 78, "capacity": 97, "limit": 0.85}
```

## Sources
- https://www.postgresql.org/docs/current/runtime-config-connection.html
- https://kubernetes.io/docs/concepts/workloads/controllers/deployment/
"""

from collections.abc import Iterator

from poolcheck.model.context import Context
from poolcheck.model.problem import Fix, Problem
from poolcheck.model.rule import rule
from poolcheck.model.severity import Severity
from poolcheck.model.verdict import PeakSum


@rule(PeakSum, severity=Severity.ERROR, step=2)
def check(total: PeakSum, ctx: Context) -> Iterator[Problem]:
    """Above the limit; what PC204 has said already is left out by who adds up."""
    if not total.exceeds or total.capacity is None:
        return
    fitting = int(total.limit * total.capacity) // total.processes if total.processes else 0
    if fitting:
        sum_ = f"{total.processes} x {fitting} = {total.processes * fitting}"
        fix = Fix(f"Give each process {fitting}: {sum_} stays within the limit")
    elif total.processes:
        fix = Fix("No pool size stays within the limit: put a transaction-mode pooler in between")
    else:
        fix = Fix("Give the largest pools less, lower the surge, or put a transaction-mode pooler in between")
    left = total.capacity - total.total
    rest = f"{left} are left for everything else" if left >= 0 else f"{-left} are refused"
    yield Problem(
        message=f"{total.name}: {total.words}.",
        why=f"{rest}: {total.asked}; {total.capacity_words} = {total.capacity}. Numbers: {total.source.rstrip('.')}.",
        fix=fix,
    )
