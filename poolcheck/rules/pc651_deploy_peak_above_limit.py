"""Full pools take more of the slots than the gate allows, while a deploy runs.

## Why it matters
The sum fits, and the server still stands at its end: a burst, a second deploy or a colleague's psql leaves about a
second between the last free slot and the first refusal. The limit is `max_usage` (85 % unless set) and counts
instances x processes x pool with the instances that a deploy adds, against the slots that an ordinary role gets.
`poolcheck gate` adds up; what PC204 has found already is not said twice.

## What to do
Give each process a smaller pool, lower the deploy's surge, or put a transaction-mode pooler in between.

```json bad
{"instances": 10, "instances_peak": 13, "size": 7, "capacity": 97}
```

```json good
{"instances": 10, "instances_peak": 13, "size": 6, "capacity": 97}
```

## Sources
- https://www.postgresql.org/docs/current/runtime-config-connection.html
- https://kubernetes.io/docs/concepts/workloads/controllers/deployment/
"""

from collections.abc import Iterator

from poolcheck.core.context import Context
from poolcheck.core.finding import Fix, Problem, Severity
from poolcheck.core.rule import rule
from poolcheck.core.verdict import PeakSum


@rule(PeakSum, severity=Severity.ERROR, step=2)
def check(total: PeakSum, ctx: Context) -> Iterator[Problem]:  # noqa: ARG001 - a rule takes both
    """Above the limit; what PC204 has said already is left out by who adds up."""
    if total.holds:
        return
    processes = total.instances_peak * total.workers
    fitting = int(total.limit * total.capacity) // processes
    if fitting:
        fix = Fix(
            f"Give each process {fitting}: {processes} x {fitting} = {processes * fitting} stays within the limit"
        )
    else:
        fix = Fix("No pool size stays within the limit: put a transaction-mode pooler in between")
    left = total.capacity - total.total
    rest = f"{left} are left for everything else" if left >= 0 else f"{-left} are refused"
    yield Problem(
        message=f"{total.name}: {total.words}; each process has {total.size} ({total.size_source}).",
        why=f"{rest}: {total.capacity_words} = {total.capacity}.",
        fix=fix,
    )
