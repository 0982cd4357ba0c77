"""Report to the five steps: always in this order, filled with this project's values, computed sizes and exact lines.

After the five come migrations, and what to do meanwhile. Nothing here looks at files or servers: what is not known
is said as an assumption, and its step is `check`.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from poolcheck.capacity.advice import fitting
from poolcheck.capacity.asked import Asked, pool_of
from poolcheck.diagnosis.ground import Ground, ground_of, variable
from poolcheck.model.context import Context
from poolcheck.model.finding import Finding
from poolcheck.model.report import TITLES, Action, Step, StepStatus
from poolcheck.model.severity import Severity
from poolcheck.model.target import Target, on_this_machine
from poolcheck.model.url_readers import engine_prisma, migration_tools

LIVE = "PC7"  # rules from here on judge a server that was looked at
TO_POOLER = ("PC101", "PC102")  # their remedy leaves migrations without a direct string, unless it is kept
NAMELESS = {"argument": "this connection string", "stdin": "this connection string"}
LOOK = Action(
    "Look at the server: it says whether a pooler is in between, and in which mode",
    ('poolcheck live "$DATABASE_URL"',),
)
# What to write when no manifest names the driver: the commonest, by id.
COMMON = ("prisma", "pg", "postgres-js", "sqlalchemy")
PRISMA_URL = "...?connection_limit={size}{flag}"


class Said(NamedTuple):
    """What one step says; its number and title come from its place."""

    status: StepStatus
    why: str
    actions: tuple[Action, ...] = ()


def plan(findings: Sequence[Finding], ctx: Context, *, looked_at_source: bool = False) -> tuple[Step, ...]:
    """The steps for what was found; () when there is no connection string at all."""
    if not ctx.targets:
        return ()
    return steps(ground_of(findings, ctx, looked_at_source=looked_at_source))


def steps(ground: Ground) -> tuple[Step, ...]:
    """The five steps, then migrations, then what to do meanwhile."""
    parts = (_pooler, _parameters, _reuse, _http, _limit, _migrations, _meanwhile)
    said = [part(ground) for part in parts]
    return tuple(
        Step(step=number, title=TITLES[number], status=one.status, why=one.why, actions=one.actions)
        for number, one in enumerate(said, 1)
    )


def _fixes(ground: Ground, step: int) -> tuple[Action, ...]:
    """What the findings of a step say to do, each once.

    A connection string is shown once, as it should be when everything about it is mended; the step that comes
    second points to it.
    """
    actions: dict[tuple[str, tuple[str, ...]], None] = {}
    for each in ground.of_step(step) if step <= 5 else ground.about_migrations():
        fix = each.fix
        if fix is None:
            continue
        place = f"{each.location.path}:{each.location.line}" if each.location and each.location.line else ""
        final = ground.final.get((place, each.subject))
        if fix.value is None or final is None:
            actions.setdefault((f"{place}: {fix.title}" if place else fix.title, fix.lines))
        elif final[0] < step:
            actions.setdefault(
                (f"{each.subject if place else 'The string'} in step {final[0]} carries it: {fix.title}", ())
            )
        else:
            beside = tuple(line for line in fix.lines[1:] if re.match(r'[A-Z][A-Z0-9_]*="', line))
            actions.setdefault((f"{place}: write" if place else "Write", (final[1], *beside)))
    return tuple(Action(text, lines) for text, lines in actions)


def _names(targets: Iterable[Target]) -> str:
    names = list(dict.fromkeys(target.label for target in targets))
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _messages(found: Iterable[Finding]) -> str:
    """What the findings say, each once."""
    return " ".join(dict.fromkeys(finding.message for finding in found))


def _pooler(ground: Ground) -> Said:
    found = ground.of_step(1)
    if found:
        return Said("do", _messages(found), _fixes(ground, 1))
    if not ground.app:
        return Said("check", "No connection string for app traffic was found.")
    names = _names(ground.app)
    kinds = {target.match.kind for target in ground.app}
    if kinds <= {"pooled", "http"}:
        return _pooled(ground, kinds)
    if all(on_this_machine(target) for target in ground.app):
        return Said("not needed", f"{names} is a server on this machine.")
    if kinds == {"local"} and (servers := _own_servers(ground)):
        why = f"{names} leads straight to {', '.join(servers)}: few processes may, as long as the sums hold."
        return Said("not needed" if _counted(ground) else "check", why)
    if kinds == {"local"}:
        why = f"{names} is in a private network: the URL does not tell whether the server or a pooler answers there."
        return Said("check", why, (LOOK,))
    if "unknown" in kinds:
        strange = [target.conn for target in ground.app if target.match.kind == "unknown"]
        hosts = ", ".join(sorted({conn.shown(conn.host) or "(no host)" for conn in strange}))
        why = f"The catalogue does not know {hosts}: poolcheck cannot tell from the URL whether a pooler answers there."
        return Said("check", why, (LOOK,))
    if "direct" in kinds and not ground.app[0].package.runtime.short_lived:
        return _direct(ground)
    return Said(
        "check", f"{names}: nothing was found against it, and the catalogue does not know a pooler there."
    )


def _own_servers(ground: Ground) -> list[str]:
    """The servers that files of the project run, `db (docker-compose.yml:2)`, where every string of the app leads to one."""
    found: dict[str, None] = {}
    for target in ground.app:
        servers = [
            ground.ctx.map.server(each.server) for each in ground.ctx.routes_of(target) if not each.pooler
        ]
        own = [
            f"{each.name} ({each.place})" for each in servers if each is not None and each.place is not None
        ]
        if not own and not on_this_machine(target):
            return []
        found |= dict.fromkeys(own)
    return list(found)


def _pooled(ground: Ground, kinds: Collection[str]) -> Said:
    """Every string of the app leads to a pooler or over HTTP."""
    titles = {t.match.endpoint.title or t.match.kind for t in ground.app if t.match.endpoint}
    why = f"{_names(ground.app)}: {', '.join(sorted(titles))}."
    if "pooled" in kinds and any(target.match.mode is None for target in ground.app):
        see = Action("See the mode", ("poolcheck live",))
        return Said("check", f"{why} Its pool mode is not told by the URL.", (see,))
    if any(target.match.mode == "session" for target in ground.app):
        return _session(ground, why)
    return Said("done", why)


def _session(ground: Ground, why: str) -> Said:
    """A pooler in session mode is one only as long as all its clients fit into its pool."""
    held = "Each client holds a server connection of it for as long as it stays."
    rows = [row for row in ground.rows if row.against == "pooler clients"]
    full = next((row for row in ground.full if row.against == "pooler clients"), None)
    if full is not None:
        return Said("do", f"{why} {held} The sum does not fit: {full.equation} of {full.capacity}.")
    settled = bool(rows) and all(row.verdict == "fits" for row in rows)
    return Said("done" if settled else "check", f"{why} {held}")


def _direct(ground: Ground) -> Said:
    """A string leads straight to the server, from processes that live long."""
    direct = [target for target in ground.app if target.match.kind == "direct"]
    full = ground.full
    if not full:
        kind = ground.app[0].package.runtime.kind
        why = f"{_names(direct)} is direct, and a {kind} with a fixed number of instances may be, as long as the sums of step 2 hold."
        return Said("not needed" if _counted(ground) else "check", why)
    ways = dict.fromkeys(t.match.provider.pooler for t in direct if t.match.provider)
    why = f"{_names(direct)} is direct, and the sum does not fit: {full[0].equation} of {full[0].capacity}. Clients have to share server connections."
    return Said("do", why, tuple(Action(way) for way in ways if way))


def _counted(ground: Ground) -> bool:
    """Whether every sum was made, and holds."""
    return bool(ground.rows) and all(row.verdict == "fits" for row in ground.rows)


def _parameters(ground: Ground) -> Said:
    found = ground.of_step(2)
    said = ground.advice.words if ground.advice else ""
    actions = list(_fixes(ground, 2))
    if found:
        why = _messages(found)
        return Said(
            status="do",
            why=f"{why} {said}".strip(),
            actions=tuple(actions) + _size_lines(ground),
        )
    if ground.app and all(target.match.kind == "http" for target in ground.app):
        return Said(status="not needed", why="No socket pool is opened.")
    if not ground.app:
        return Said("check", said or "No connection string for app traffic was found.", _size_lines(ground))
    if not ground.who:
        return Said(
            status="check",
            why=f"No manifest names the driver: the lines are for the common ones. {said}",
            actions=_size_lines(ground),
        )
    return Said(
        status="check",
        why=f"Nothing speaks against the URL for {', '.join(reader.title for reader in ground.who)}. {said}",
        actions=_size_lines(ground),
    )


def _size_lines(ground: Ground) -> tuple[Action, ...]:
    """For each driver in use (or the common ones) the exact line that sets the computed size."""
    if ground.advice is None or ground.advice.pool_size == 0:
        return ()
    size = ground.advice.size
    lines = []
    for reader in ground.who:
        if engine_prisma(reader):
            lines.append((reader.title, PRISMA_URL))
        elif reader.own and reader.own.size_code:
            lines.append((reader.title, reader.own.size_code))
    if not ground.who:
        found = [ground.ctx.catalogue.first_size_line(name) for name in COMMON]
        lines = [
            (label, PRISMA_URL if code.startswith("connection_limit") else code) for label, code in found
        ]
    flag = _flag(ground)
    return tuple(
        Action(
            f"{title}: {size} {'connection' if size == '1' else 'connections'} per process",
            (code.replace("{size}", size).replace("{flag}", flag),),
        )
        for title, code in lines
    )


def _flag(ground: Ground) -> str:
    """`&pgbouncer=true` where Prisma's engine needs it."""
    needs = any(
        t.match.endpoint and t.match.endpoint.tracks_prepared == "no" and t.match.mode == "transaction"
        for t in ground.app
    )
    return "&pgbouncer=true" if needs else ""


SINGLETON = {
    "javascript": (
        "const globalForDb = globalThis as unknown as { db?: ReturnType<typeof createDb> }",
        "export const db = globalForDb.db ?? createDb()",
        "if (process.env.NODE_ENV !== 'production') globalForDb.db = db",
    ),
    "python": (
        "engine = create_engine(...)  # at module level, once; sessions per request: with Session(engine) as s:",
    ),
}


def _reuse(ground: Ground) -> Said:
    found = ground.of_step(3)
    if found:
        return Said(
            status="do",
            why=_messages(found),
            actions=_fixes(ground, 3),
        )
    if ground.who and all(reader.driver.kind == "http" for reader in ground.who):
        return Said(status="not needed", why="The driver in use keeps no connections.")
    if ground.looked_at_source:
        return Said(
            status="done",
            why="The source was read: no client per request and no forgotten release was found.",
        )
    languages = {reader.driver.language.lower() for reader in ground.who}
    code = next(
        (lines for name, lines in SINGLETON.items() if any(name in language for language in languages)),
        SINGLETON["javascript"] if not languages else (),
    )
    return Said(
        status="check",
        why="The source was not read. Create the client once, at module level (on globalThis under a dev server that reloads), and release what is checked out in `finally`.",
        actions=(Action("One client for the process", code),) if code else (),
    )


def _http(ground: Ground) -> Said:
    found = ground.of_step(4)
    if found:
        return Said(
            status="do",
            why=_messages(found),
            actions=_fixes(ground, 4),
        )
    runtime = ground.app[0].package.runtime if ground.app else None
    if ground.who and all(reader.driver.kind == "http" for reader in ground.who):
        return Said(status="done", why=f"{ground.who[0].title} sends queries over HTTP.")
    if runtime and runtime.kind == "edge":
        providers = {
            t.match.provider.title: t.match.provider.http_driver
            for t in ground.app
            if t.match.provider and t.match.provider.http_driver
        }
        actions = tuple(Action(f"{title}: use {driver}") for title, driver in providers.items())
        return Said(
            status="do" if actions else "check",
            why=f"{runtime.source or 'The runtime'} says edge: sockets cannot be kept there between requests.",
            actions=actions,
        )
    words = {
        "serverless": "Functions keep sockets while they are warm.",
        "server": "A server keeps its sockets.",
        "local": "A local process keeps its sockets.",
    }
    why = words.get(
        runtime.kind if runtime else "",
        "Only edge runtimes (Vercel Edge, Cloudflare Workers) cannot keep sockets; no platform file says that this is one.",
    )
    return Said(status="not needed", why=why)


def _limit(ground: Ground) -> Said:
    """Only where what is asked for exceeds what there is."""
    row = ground.full_server
    if row is None:
        return _not_raised(ground)
    provider = None if row.cap else next((t.match.provider for t in ground.app if t.match.provider), None)
    actions = [Action(text) for text in (provider.raise_limit if provider else ())]
    if row.cap is not None and row.limit is not None and row.limit.where is not None:
        actions.append(Action(f"Raise it where it is written: {row.limit.where}"))
    need = row.deploy.most + row.buffer
    plans = [
        limit
        for limit in (provider.limits if provider else ())
        if limit.max_connections and limit.max_connections - (limit.reserved or 0) >= need
    ]
    if provider and plans:
        least = min(plans, key=lambda each: each.max_connections or 0)
        actions.append(
            Action(
                f"{provider.title} {least.title or least.plan}: max_connections {least.connections} ({least.source}, checked {least.checked})"
            )
        )
    first = "smaller pools (step 2) first" if fitting(row)[1] else f"{row.way_out} first"
    return Said(
        status="do",
        why=f"{row.name}: {row.equation} asked of {row.capacity} slots{_deploying(row)}: {first}, a higher limit only after it.",
        actions=tuple(actions),
    )


def _nobody(ground: Ground) -> Said:
    """Why there is no sum at all."""
    if ground.app and all(on_this_machine(target) for target in ground.app):
        return Said("not needed", "The server is on this machine.")
    if ground.app and all(target.match.kind == "http" for target in ground.app):
        return Said("not needed", "Nobody holds a slot of a server: queries go over HTTP.")
    look = Action("Add up what the project's clients ask for", ("poolcheck map",))
    return Said("check", "What clients ask of this server was not added up.", (look,))


def _shared(row: Asked) -> str:
    """Behind a transaction-mode pooler the server's limit is not what clients run into."""
    said = "Clients of a transaction-mode pooler share its server connections"
    if row.capacity is None:
        return f"{said}."
    each = [
        client.processes.most * pool_of(client, row.pools.get(client.name, ())).most for client in row.left
    ]
    if row.left and sum(each):
        return f"{said}; it takes {row.capacity:,} of them, {row.capacity // sum(each):,} instances of {sum(each)}."
    return f"{said}; {row.deploy.equation} of the {row.capacity:,} that it takes."


def _deploying(row: Asked) -> str:
    return f", {row.deploy.most} while a deploy runs" if row.deploy.most != row.steady.most else ""


def _not_raised(ground: Ground) -> Said:
    """Why there is no limit to raise, as far as the sums were made."""
    if any(finding.rule.id >= LIVE and finding.severity >= Severity.ERROR for finding in ground.findings):
        return Said("check", "The server is short of slots now: free them first, and see what the sums say.")
    if not ground.rows:
        return _nobody(ground)
    if any(finding.rule.id in TO_POOLER for finding in ground.of_step(1)):
        return Said("not needed", "Behind the pooler of step 1 clients share its server connections.")
    if all(row.shared for row in ground.rows):
        return Said("not needed", _shared(ground.rows[0]))
    unsaid = [row for row in ground.rows if row.verdict == "cannot say"]
    if unsaid:
        give = next((f": {each.ask}" for row in unsaid for each in row.questions), "")
        return Said("check", f"The sum of {unsaid[0].name} is not known{give}.")
    said = "; ".join(
        f"{row.name}: {row.deploy.equation} of {row.capacity} {row.against}" for row in ground.rows[:3]
    )
    return Said("not needed", f"{said}, while a deploy runs.")


def _migrations(ground: Ground) -> Said:
    found = ground.about_migrations()
    if found:
        return Said(
            status="do",
            why=_messages(found),
            actions=_fixes(ground, 6),
        )
    direct = [t for t in ground.ctx.targets if t.role == "migration" and not t.commented]
    if direct:
        return Said(
            status="done",
            why=f"{_names(direct)} is there for migrations and goes to {direct[0].match.endpoint.title if direct[0].match.endpoint and direct[0].match.endpoint.title else direct[0].match.kind}.",
        )
    moved = [each for each in ground.of_step(1) if each.rule.id in TO_POOLER]
    if moved:
        names = ", ".join(dict.fromkeys(NAMELESS.get(each.subject, each.subject) for each in moved))
        tools = [tool for target in ground.app for tool in migration_tools(target.package, ground.ctx)]
        return Said(
            status="do" if tools else "check",
            why=f"Step 1 puts a pooler before {names}: whatever runs migrations keeps the direct string.",
        )
    if any(t.match.kind == "pooled" and t.match.mode != "session" for t in ground.app):
        return Said(
            status="check",
            why="The app's string is pooled: whatever runs migrations needs a direct (or session-mode) one.",
        )
    session = any(t.match.kind == "pooled" for t in ground.app)
    how = "pooled in session mode" if session else "not pooled"
    return Said(status="not needed", why=f"The app's string is {how}: migrations can use it.")


def _meanwhile(ground: Ground) -> Said:
    seen = any(finding.rule.id >= LIVE and finding.severity > Severity.INFO for finding in ground.findings)
    if not seen and ground.app and all(on_this_machine(target) for target in ground.app):
        return Said(status="not needed", why="The server is on this machine.")
    if not seen and not any(finding.severity > Severity.WARNING for finding in ground.findings):
        return Said(
            status="not needed",
            why="Nothing is failing by what was read. In an incident: poolcheck live, then poolcheck reap.",
        )
    return Said(
        status="check",
        why="End what leaks (a dry run until --yes)."
        if seen
        else "If slots are gone right now: see who holds them, then end what leaks (a dry run until --yes).",
        actions=(
            *(() if seen else (Action("Look", (f'poolcheck live "${variable(ground)}"',)),)),
            Action("Free slots", (f'poolcheck reap "${variable(ground)}" --older-than 10m',)),
            Action(
                "For tests, a local server with more slots",
                ("docker run -d -p 5432:5432 -e POSTGRES_PASSWORD=pass postgres:18 -c max_connections=500",),
            ),
        ),
    )
