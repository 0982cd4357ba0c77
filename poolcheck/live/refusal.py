"""A refusal, explained: which layer said no, what that means, and what is still possible. Pure."""

import re

from poolcheck.connection.string import DEFAULT_PORT
from poolcheck.explain.explain import explain_text
from poolcheck.model.report import Action
from poolcheck.model.snapshot import Refusal
from poolcheck.model.target import Target
from poolcheck.text import clean

_WRAPPING = re.compile(
    r"^(?:connection failed: |connection is bad: |Multiple connection attempts failed\..*)", re.DOTALL
)

RESCUE = Action(
    "From a session that is already open with the same role: end its idle siblings; the slots are free at once",
    (
        "SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity",
        "  WHERE usename OPERATOR(pg_catalog.=) current_user AND state OPERATOR(pg_catalog.=) 'idle'",
        "  AND pid OPERATOR(pg_catalog.<>) pg_catalog.pg_backend_pid()",
        "  AND pg_catalog.age(pg_catalog.now(), state_change) OPERATOR(pg_catalog.>) interval '10 minutes';",
    ),
)
CONSOLE = ("poolcheck live --bouncer postgresql://stats@HOST:6432/pgbouncer",)


def refusal_of(text: str, target: Target, *, pooler: bool, like: str = "", console: bool = False) -> Refusal:
    """What the text of a failed connection says. `pooler`: a pooler was dialled, as far as that can be known.

    `console`: whether the pooler's console has been looked at already. `like` is the text that means the same, where the other side said nothing at all.
    """
    bare = _WRAPPING.sub("", text).strip() or text
    found = explain_text(like or bare, dialled_pooler=pooler)
    first = found[0].error if found else None
    layer = first.layer if first else ""
    conn = target.conn
    return Refusal(
        text=bare,
        layer=layer,
        entry=first.id if first else "",
        sqlstate=first.sqlstate if first else "",
        sources=(first.source,) if first else (),
        title=first.title if first else "",
        means=" ".join((first.means, *found[0].notes)) if first else "",
        first=first.first if first else "",
        host=conn.host,
        port=conn.effective_port,
        database=conn.database or "",
        user=conn.user or "",
        pooler=pooler,
        options=tuple(
            options(
                layer,
                bare,
                target,
                pooler=pooler,
                bouncer=first is not None and "PgBouncer" in first.who and not console,
                console=console,
            )
        ),
    )


def options(
    layer: str, text: str, target: Target, *, pooler: bool, bouncer: bool, console: bool = False
) -> list[Action]:
    """What can still be done, the quickest first. `bouncer`: the words are PgBouncer's, and its console is still to be seen."""
    said: list[Action] = []
    provider = target.match.provider
    ask_it = (
        bouncer and provider is None
    )  # of other poolers, and of a provider's, nothing is known of a console
    direct = Action("Look at the server itself, with its direct URL")
    if layer == "slots":
        if pooler:
            said.append(
                Action("The server is full behind the pooler: raising the pooler's limits does not help")
            )
        said.append(RESCUE)
        if not console:
            said.append(Action("If a PgBouncer is in front, look at its console: it needs no slot", CONSOLE))
        said += _reserve(text, target)
    elif layer == "role-limit":
        said.append(RESCUE)
        alter = f'ALTER ROLE "{_name(target.conn.user)}" CONNECTION LIMIT -1;'
        said.append(
            Action("Other roles still get in; one that may alter this role lifts the limit", (alter,))
        )
    elif layer == "db-limit":
        alter = f'ALTER DATABASE "{_name(target.conn.database)}" CONNECTION LIMIT -1;'
        said.append(Action("Other databases still answer; from there the owner lifts the limit", (alter,)))
        said.append(RESCUE)
    elif layer == "pooler-clients":
        if ask_it:
            said.append(Action("PgBouncer's console is exempt from its client limit", CONSOLE))
        said.append(direct)
    elif layer in ("pooler-wait", "pooler-upstream"):
        if ask_it:
            said.append(
                Action("PgBouncer's console tells a busy pool from a server that is full or down", CONSOLE)
            )
        said.append(direct)
    if said and provider is not None:
        said.append(Action(f"{provider.title}'s dashboard shows and ends sessions without a slot of yours"))
    return said


def _reserve(text: str, target: Target) -> list[Action]:
    """What the exact words tell about the slots that are kept back."""
    conn = target.conn
    host, database = conn.shown(conn.host or "localhost"), clean(conn.database or "postgres", limit=60)
    where = host if conn.effective_port == DEFAULT_PORT else f"{host}:{conn.effective_port}"
    plain = not host.startswith("/") and re.fullmatch(r"[\w.:\[\]-]{1,253}/\w{1,60}", f"{where}/{database}")
    look = (
        f"poolcheck live --admin postgresql://ADMIN@{f'{where}/{database}' if plain else 'HOST/DATABASE'}",
    )
    if "pg_use_reserved_connections" in text or "rds_reserved" in text:
        return [
            Action("reserved_connections are free: a role granted pg_use_reserved_connections gets in", look)
        ]
    if "SUPERUSER" in text or "non-replication superuser" in text:
        return [Action("superuser_reserved_connections are free: a superuser gets in", look)]
    if "sorry, too many clients" in text:
        return [Action("Not even superusers get in: every reserved slot is taken too")]
    return []


def _name(text: str | None) -> str:
    return clean(text or "", limit=60).replace('"', '""')
