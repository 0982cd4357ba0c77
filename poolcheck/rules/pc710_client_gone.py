"""A statement runs for a client that does not exist any more.

## Why it matters
A backend that is busy does not look at its socket: when the client is killed, times out or is deployed over, the
statement runs on and keeps its slot and its locks. `client_connection_check_interval` (14 and newer) makes the server
look, and is off by default. poolcheck can know it only on the server's own machine, where the kernel's socket table
shows that the client's end is gone; elsewhere it says nothing.

## What to do
End the sessions, and set the interval for the role or the server.

```json bad
{"sessions": [{"state": "active", "state_age": 30, "client_gone": true, "query": "select pg_sleep(600)"}]}
```

```json good
{"sessions": [{"state": "active", "state_age": 30, "query": "select pg_sleep(600)"}]}
```

## Sources
- https://www.postgresql.org/docs/current/runtime-config-connection.html
"""

from collections.abc import Iterator

from poolcheck.model.context import Context
from poolcheck.model.look import Look
from poolcheck.model.problem import Fix, Problem
from poolcheck.model.rule import rule
from poolcheck.model.severity import Severity
from poolcheck.rules._live import ending, group_name, role
from poolcheck.text import plural


@rule(Look, severity=Severity.WARNING, step=3)
def check(look: Look, ctx: Context) -> Iterator[Problem]:
    """One problem a group."""
    for leak in look.leaks:
        if leak.kind != "client gone":
            continue
        pids = ", ".join(str(member.pid) for member in leak.members[:5]) + (
            ", ..." if leak.members[5:] else ""
        )
        server = look.snapshot.server
        yield Problem(
            message=f"{group_name(leak)}: {plural(len(leak.members), 'session runs', 'sessions run')} on without a client (pid {pids}).",
            why="The client's socket does not exist any more, and the server looks for that only when the statement ends.",
            subject=group_name(leak),
            key="/".join(leak.group),
            fix=Fix(
                "End them, and let the server look for vanished clients",
                lines=(
                    *ending("terminate", [member.pid for member in leak.members]),
                    *(
                        (f"ALTER ROLE {role(leak.group[1])} SET client_connection_check_interval = '10s';",)
                        if server.major >= 14 or not server.major
                        else ()
                    ),
                ),
            ),
        )
