"""Sessions were used once and left behind, as frozen serverless instances leave them.

## Why it matters
A function instance that is frozen or reaped keeps its TCP connection open on the server's side. The server learns of
it only by keepalives, two hours later by default. A burst of instances leaves as many sessions, and the next burst
finds no slots. Seen are sessions that ran their only statement within a second of their start, came to rest one by one,
and have not been touched since.

It can also be a pool's minimum of connections, opened and checked once: compare the addresses with the instances that
are alive.

## What to do
Send serverless traffic through the pooler, or let the driver close idle connections before the platform freezes it.
`idle_session_timeout` (PostgreSQL 14 and newer) on the application's role ends what stays behind.

```json bad
{"sessions": [{"pid": 1, "state": "idle", "state_age": 400, "used_for": 0.1, "client": "10.0.0.1", "query": "select * from users where id = 1"},
              {"pid": 2, "state": "idle", "state_age": 430, "used_for": 0.2, "client": "10.0.0.2", "query": "select * from users where id = 2"},
              {"pid": 3, "state": "idle", "state_age": 450, "used_for": 0.1, "client": "10.0.0.3", "query": "select * from users where id = 3"}]}
```

```json good used again and again
{"sessions": [{"pid": 1, "state": "idle", "state_age": 2, "used_for": 900, "client": "10.0.0.1", "query": "select * from users where id = 1"},
              {"pid": 2, "state": "idle", "state_age": 3, "used_for": 900, "client": "10.0.0.2", "query": "select * from users where id = 2"},
              {"pid": 3, "state": "idle", "state_age": 1, "used_for": 900, "client": "10.0.0.3", "query": "select * from users where id = 3"}]}
```

## Sources
- https://www.postgresql.org/docs/current/runtime-config-client.html
- https://vercel.com/docs/functions/functions-api-reference/vercel-functions-package
"""

from collections.abc import Iterator

from poolcheck.model.context import Context
from poolcheck.model.look import Look
from poolcheck.model.problem import Fix, Problem
from poolcheck.model.rule import rule
from poolcheck.model.severity import Confidence, Severity
from poolcheck.rules._live import group_name, role
from poolcheck.text import plural


@rule(Look, severity=Severity.WARNING, step=1)
def check(look: Look, ctx: Context) -> Iterator[Problem]:
    """One problem a group of sessions."""
    for leak in look.leaks:
        if leak.kind != "abandoned":
            continue
        server = look.snapshot.server
        note = (
            f" The server asks vanished clients for a sign of life after {server.tcp_keepalives_idle} s."
            if server.tcp_keepalives_idle not in ("", "0")
            else ""
        )
        yield Problem(
            message=f"{group_name(leak)}: {plural(len(leak.members), 'session')} used once and left behind.",
            why=f"{'; '.join(leak.evidence)}. It could also be {leak.otherwise}: {leak.confirm}.{note}",
            severity=Severity.WARNING,
            confidence=Confidence.MEDIUM if leak.certainty == "probable" else Confidence.LOW,
            subject=group_name(leak),
            key="/".join(leak.group),
            fix=Fix(
                "Send serverless traffic through the pooler; until then let the server end idle sessions",
                lines=(f"ALTER ROLE {role(leak.group[1])} SET idle_session_timeout = '5min';",)
                if server.major >= 14 or not server.major
                else (),
            ),
        )
