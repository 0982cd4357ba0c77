"""Report to the five steps: always in this order, filled with this project's values, computed sizes and exact lines.

Each step is a function of the map's routes and sums and of the findings, and has no number of its own. Nothing here looks
at files or servers: what is not known is said, and its step is `check`. What was only not found is never `done`.
"""

from collections.abc import Collection, Sequence

from poolcheck.capacity.advice import Advice, fitting
from poolcheck.capacity.asked import Asked, pool_of
from poolcheck.diagnosis.afterwards import LIVE, TO_POOLER, meanwhile, migrations
from poolcheck.diagnosis.ground import Ground, ground_of
from poolcheck.diagnosis.said import Said, fixes, listed, messages, names, pointer
from poolcheck.model.connection_map import Pool, Pooler
from poolcheck.model.context import Context
from poolcheck.model.finding import Finding
from poolcheck.model.report import TITLES, Action, Step
from poolcheck.model.severity import Severity
from poolcheck.model.target import on_this_machine
from poolcheck.model.url_readers import engine_prisma

LOOK = Action(
    "Look at the server: it says whether a pooler is in between, and in which mode",
    ('poolcheck live "$DATABASE_URL"',),
)
# What to write when no manifest names the driver: the commonest, by id.
COMMON = ("prisma", "pg", "postgres-js", "sqlalchemy")
PRISMA_URL = "...?connection_limit={size}{flag}"


_SHORT = 44  # characters that fit in a row of the fix path


def plan(
    findings: Sequence[Finding], ctx: Context, *, looked_at_source: bool = False, through: str = ""
) -> tuple[Step, ...]:
    """The steps for what was found; () where nothing connects. `through` is the pooler that a look went through, in words."""
    if not ctx.targets and not ctx.map.routes:
        return ()
    return steps(ground_of(findings, ctx, looked_at_source=looked_at_source, through=through))


def steps(ground: Ground) -> tuple[Step, ...]:
    """The five steps, then migrations, then what to do meanwhile."""
    parts = (_pooler, _parameters, _reuse, _http, _limit, migrations, meanwhile)
    said = [part(ground) for part in parts]
    return tuple(
        Step(
            step=number,
            title=TITLES[number],
            status=one.status,
            why=one.why,
            brief=one.brief,
            actions=one.actions,
        )
        for number, one in enumerate(said, 1)
    )


def _pooler(ground: Ground) -> Said:
    found = ground.of_step(1)
    if found:
        return Said("do", messages(found), pointer(found), fixes(ground, 1))
    if not ground.app:
        return _by_routes(ground)
    own = names(ground.app)
    if ground.through:
        return Said("done", f"The look went through {ground.through}.", ground.through)
    kinds = {target.match.kind for target in ground.app}
    if kinds <= {"pooled", "http"}:
        return _pooled(ground, kinds)
    if all(on_this_machine(target) for target in ground.app):
        return Said("not needed", f"{own} is a server on this machine.", "a server on this machine")
    if kinds == {"local"} and (servers := _own_servers(ground)):
        return _straight(ground, f"{own} leads straight to {', '.join(servers)}")
    if kinds == {"local"}:
        why = f"{own} is in a private network: the URL does not tell whether the server or a pooler answers there."
        return Said("check", why, "a private host: server or pooler?", (LOOK,))
    if "unknown" in kinds:
        strange = [target.conn for target in ground.app if target.match.kind == "unknown"]
        hosts = ", ".join(sorted({conn.shown(conn.host) or "(no host)" for conn in strange}))
        why = f"The catalogue does not know {hosts}: poolcheck cannot tell from the URL whether a pooler answers there."
        return Said("check", why, "an unknown host: server or pooler?", (LOOK,))
    if "direct" in kinds and not ground.app[0].package.runtime.short_lived:
        return _straight(ground, f"{names(t for t in ground.app if t.match.kind == 'direct')} is direct")
    why = f"{own}: nothing was found against it, and the catalogue does not know a pooler there."
    return Said("check", why, "no pooler is known there")


def _by_routes(ground: Ground) -> Said:
    """Where no string was read: what the map knows of the ways that clients go."""
    routes = [each for each in ground.ctx.map.routes if each.role == "app"]
    if not routes:
        return Said(
            "check", "No connection string for app traffic was found.", "no string of the app was found"
        )
    poolers = [ground.ctx.map.pooler(each.pooler) for each in routes]
    if all(each is not None and each.mode == "transaction" for each in poolers):
        who = listed(f"{each.name} ({each.place})" for each in poolers if each is not None)
        return Said("done", f"Every client goes through {who}, in transaction mode.", f"through {who}")
    variables = listed(each.variable or each.client for each in routes)
    why = f"The value of {variables} is not in what was read: whether it leads to a pooler is not known."
    return Said("check", why, f"the value of {variables} was not read", (LOOK,))


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
    where = ", ".join(sorted(titles)) or "pooled"
    why = f"{names(ground.app)}: {where}."
    if "pooled" in kinds and any(target.match.mode is None for target in ground.app):
        see = Action("See the mode", ("poolcheck live",))
        return Said(
            "check", f"{why} Its pool mode is not told by the URL.", "a pooler whose mode is not told", (see,)
        )
    if any(target.match.mode == "session" for target in ground.app):
        return _session(ground, why)
    return Said("done", why, where)


def _session(ground: Ground, why: str) -> Said:
    """A pooler in session mode is one only as long as all its clients fit into its pool."""
    held = "Each client holds a server connection of it for as long as it stays."
    rows = [row for row in ground.rows if row.against == "pooler clients"]
    full = next((row for row in ground.full if row.against == "pooler clients"), None)
    if full is not None:
        why = f"{why} {held} The sum does not fit: {full.equation} of {full.capacity}."
        return Said("do", why, f"session mode: {_sum(full)}")
    settled = bool(rows) and all(row.verdict == "fits" for row in rows)
    return Said(
        "done" if settled else "check", f"{why} {held}", "session mode: each client holds a connection"
    )


def _straight(ground: Ground, what: str) -> Said:
    """A string leads straight to the server, from processes that live long: they may, as long as the sums hold."""
    full = next((row for row in ground.full if row.against == "slots"), None)
    if full is None:
        if _counted(ground):
            return Said(
                "not needed", f"{what}, and the sums hold without a pooler.", "the sums hold without one"
            )
        why = f"{what}: a fixed number of processes may be, as long as the sums of step 2 hold."
        return Said("check", why, "direct: fine as long as the sums hold")
    if fitting(full)[1] or full.poolers_only:
        why = f"{what}. The sum does not fit now ({_sum(full)}), and does with the pools of step 2; a pooler would let more processes in."
        return Said("check", why, "not needed once step 2 is done")
    ways = dict.fromkeys(t.match.provider.pooler for t in ground.app if t.match.provider)
    why = f"{what}, and no pool size makes the sum fit: {full.equation} of {full.capacity}. Clients have to share server connections."
    return Said("do", why, f"no pool size fits: {_sum(full)}", tuple(Action(way) for way in ways if way))


def _sum(row: Asked) -> str:
    """`205 of 147`: what is asked at the peak that decides, and what there is."""
    at_least = "at least " if row.least else ""
    asked = (
        row.steady.most if row.capacity is not None and row.steady.most > row.capacity else row.deploy.most
    )
    return f"{at_least}{asked:,} of {row.capacity:,}"


def _counted(ground: Ground) -> bool:
    """Whether every sum was made, and holds."""
    return bool(ground.rows) and all(row.verdict == "fits" for row in ground.rows)


def _parameters(ground: Ground) -> Said:
    found = ground.of_step(2)
    said, brief = _sizes(ground)
    if found:
        why = f"{messages(found)} {said}".strip()
        brief = f"{listed(each.rule.id for each in found)}; {brief}" if brief else pointer(found)
        mended = fixes(ground, 2)
        said_now = {action.code for action in mended}
        return Said(
            "do", why, brief, (*mended, *(each for each in _size_lines(ground) if each.code not in said_now))
        )
    if ground.app and all(target.match.kind == "http" for target in ground.app):
        return Said("not needed", "No socket pool is opened.", "HTTP: no socket pool is opened")
    if settled := _settled(ground):
        return Said("done", f"The pools are as they should be: {settled}.", settled)
    if not ground.app:
        why = said or "No connection string for app traffic was found."
        return Said("check", why, brief or "no string of the app was found", _size_lines(ground))
    lead = (
        f"Nothing speaks against the URL for {', '.join(reader.title for reader in ground.who)}."
        if ground.who
        else "No manifest names the driver: the lines are for the common ones."
    )
    drivers = f"{listed(reader.use.id for reader in ground.who)}: " if ground.who else ""
    return Said(
        "check", f"{lead} {said}".strip(), f"{drivers}{brief or 'no pool is known'}", _size_lines(ground)
    )


def _sizes(ground: Ground) -> tuple[str, str]:
    """The pools that each client should have: in sentences, and in half a one."""
    advices, row = ground.advices, ground.row
    if not advices or row is None:
        return "", ""
    if len(advices) == 1:
        return advices[0].words, advices[0].brief
    if not any(each.pool_size for each in advices if not each.table):
        return f"No pool size fits all of {row.name}: {row.way_out}.", "no pool size fits all"
    of = f" of {row.capacity:,} {row.against}" if row.capacity is not None else ""
    each_has = ", ".join(_one_of(each) for each in advices)
    many = listed(_one_of(each) for each in advices)
    return f"Pools that fit together, each process{of}: {each_has}.", f"per process: {many}"


def _one_of(advice: Advice) -> str:
    """`web 5`; of a client whose instances nobody tells the pool of the fewest and of the most."""
    if advice.table:
        (few, most), (many, least) = advice.table[0], advice.table[-1]
        return f"{advice.client} {most} at {few} instances, {least} at {many}"
    return f"{advice.client} {advice.size}"


def _settled(ground: Ground) -> str:
    """Why the pools may stay as they are: every sum was made and holds, or each instance has as few as is advised."""
    if _counted(ground):
        return "; ".join(
            f"{row.name} {_sum(row)}" if len(ground.rows) > 1 else f"{row.equation} of {row.capacity:,}"
            for row in ground.rows[:2]
        )
    row = ground.row
    if row is None or len(ground.advices) != 1 or ground.advices[0].sizing or not ground.advices[0].pool_size:
        return ""
    held = [pool for client in row.clients for pool in row.pools.get(client.name, ())]
    most = [pool.size for pool in held if pool.size is not None and not pool.size.open]
    if not held or len(most) < len(held) or any(each.most > ground.advices[0].pool_size for each in most):
        return ""
    return listed(each.words for each in most)


def _size_lines(ground: Ground) -> tuple[Action, ...]:
    """For each driver in use (or the common ones) the exact line that sets the computed size; of several clients each one's."""
    if not ground.advised:
        return ()
    if len(ground.advices) > 1 and ground.row is not None:
        return _lines_of_clients(ground, ground.row)
    size = ground.size
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
    return tuple(_line(ground, title, code, size) for title, code in lines)


def _lines_of_clients(ground: Ground, row: Asked) -> tuple[Action, ...]:
    """The lines of those clients whose pool changes, where the line that sets it is known."""
    made = []
    for advice in ground.advices:
        pools = row.pools.get(advice.client, ())
        now = [pool.size.most for pool in pools if pool.size is not None and not pool.size.open]
        if not advice.pool_size or now == [advice.pool_size] or len(pools) != 1 or not pools[0].code:
            continue
        code = PRISMA_URL if pools[0].code.startswith("connection_limit") else pools[0].code
        made.append(_line(ground, advice.client, code, advice.size))
    return tuple(made)


def _line(ground: Ground, title: str, code: str, size: str) -> Action:
    unit = "connection" if size == "1" else "connections"
    line = code.replace("{size}", size).replace("{flag}", _flag(ground))
    return Action(f"{title}: {size} {unit} per process", (line,))


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
        return Said("do", messages(found), pointer(found), fixes(ground, 3))
    if ground.who and all(reader.driver.kind == "http" for reader in ground.who):
        return Said("not needed", "The driver in use keeps no connections.", "HTTP: no connection is kept")
    if kept := _kept(ground):
        where = listed(str(each.place) for each in kept)
        why = f"Made once for the process: {listed(f'{each.title} ({each.place})' for each in kept)}."
        one = f"{kept[0].title}, {where}" if len(kept) == 1 else where
        return Said("done", why, f"made once: {one if len(one) < _SHORT else where}")
    languages = {reader.driver.language.lower() for reader in ground.who}
    code = next(
        (lines for name, lines in SINGLETON.items() if any(name in language for language in languages)),
        SINGLETON["javascript"] if not languages else (),
    )
    actions = (Action("One client for the process", code),) if code else ()
    if ground.looked_at_source:
        why = "No client per request and no forgotten release was found in the source that was read, which does not show that there is none."
        return Said("check", why, "nothing against it in the source that was read")
    why = "The source was not read. Create the client once, at module level (on globalThis under a dev server that reloads), and release what is checked out in `finally`."
    return Said("check", why, "the source was not read", actions)


def _kept(ground: Ground) -> list[Pool]:
    """The pools of the code where it makes each of them once for the process; none where one is made otherwise."""
    made = [pool for client in ground.ctx.map.clients for pool in client.pools if pool.in_code]
    return made if all(each.kept for each in made) else []


def _http(ground: Ground) -> Said:
    found = ground.of_step(4)
    if found:
        return Said("do", messages(found), pointer(found), fixes(ground, 4))
    runtime = ground.app[0].package.runtime if ground.app else None
    if ground.who and all(reader.driver.kind == "http" for reader in ground.who):
        title = ground.who[0].title
        return Said("done", f"{title} sends queries over HTTP.", f"{title} sends queries over HTTP")
    if runtime and runtime.kind == "edge":
        providers = {
            t.match.provider.title: t.match.provider.http_driver
            for t in ground.app
            if t.match.provider and t.match.provider.http_driver
        }
        actions = tuple(Action(f"{title}: use {driver}") for title, driver in providers.items())
        why = f"{runtime.source or 'The runtime'} says edge: sockets cannot be kept there between requests."
        return Said("do" if actions else "check", why, "an edge runtime keeps no sockets", actions)
    words = {
        "serverless": "Functions keep sockets while they are warm.",
        "server": "A server keeps its sockets.",
        "local": "A local process keeps its sockets.",
    }
    said = words.get(runtime.kind if runtime else "", "")
    why = (
        said
        or "Only edge runtimes (Vercel Edge, Cloudflare Workers) cannot keep sockets; no platform file says that this one is."
    )
    brief = said[:1].lower() + said[1:].rstrip(".") if said else "no platform file says edge"
    return Said("not needed", why, brief)


def _limit(ground: Ground) -> Said:
    """Only where what is asked for exceeds what there is."""
    row = ground.full_server
    if row is None:
        return _not_raised(ground)
    provider = None if row.cap else next((t.match.provider for t in ground.app if t.match.provider), None)
    actions = [Action(text) for text in (provider.raise_limit if provider else ())]
    if row.limit is not None and row.limit.where is not None and not actions:
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
    fits = bool(fitting(row)[1])
    way = "smaller pools (step 2)" if fits else row.way_out
    deploying = f", {row.deploy.most} while a deploy runs" if row.deploy.most != row.steady.most else ""
    why = f"{row.name}: {row.equation} asked of {row.capacity} slots{deploying}: {way} first, a higher limit only after it."
    return Said(
        "do",
        why,
        f"{_sum(row)}: {'step 2' if fits else 'fewer connections'} first",
        tuple(actions),
    )


def _not_raised(ground: Ground) -> Said:
    """Why there is no limit to raise, as far as the sums were made."""
    if any(finding.rule.id >= LIVE and finding.severity >= Severity.ERROR for finding in ground.findings):
        why = "The server is short of slots now: free them first, and see what the sums say."
        return Said("check", why, "short of slots now: free them first")
    if not ground.rows:
        return _nobody(ground)
    unsaid = [row for row in ground.rows if row.verdict == "cannot say" and not row.shared]
    if any(finding.rule.id in TO_POOLER for finding in ground.of_step(1)):
        why = "Behind the pooler of step 1 clients share its server connections."
        return Said("not needed", why, "behind the pooler clients share slots")
    if all(row.shared for row in ground.rows) and not ground.full:
        return Said("not needed", _shared(ground.rows[0]), "clients share the pooler's server connections")
    if unsaid:
        give = next((each.ask for row in unsaid for each in row.questions), "")
        why = f"The sum of {unsaid[0].name} is not known{f': {give}' if give else ''}."
        option = give.partition(" (")[0].partition(",")[0]
        return Said("check", why, f"the sum is not known: {option}" if option else "the sum is not known")
    if ground.full:
        return _pooler_full(ground.full[0])
    known = [row for row in ground.rows if row.verdict == "fits"]
    said = "; ".join(
        f"{row.name}: {row.deploy.equation} of {row.capacity} {row.against}" for row in known[:3]
    )
    first = max(known, key=lambda row: row.deploy.most / max(1, row.capacity or 1))
    return Said(
        "not needed",
        f"{said}, while a deploy runs.",
        f"at most {first.deploy.most:,} of {first.capacity:,} {first.against}",
    )


def _pooler_full(row: Asked) -> Said:
    """A pooler is asked for more than it takes: its own limit, and no server's."""
    raises = row.of.raises if isinstance(row.of, Pooler) else ""
    why = f"{row.name}: {row.equation} asked of {row.capacity} clients that it takes; the server's limit is not what they run into."
    lines = (raises.format(row.deploy.most + row.buffer),) if raises and row.shared else ()
    actions = (Action(f"{row.name} has to take more clients", lines),) if lines else ()
    return Said("do" if actions else "check", why, f"{row.name}: {_sum(row)} clients", actions)


def _nobody(ground: Ground) -> Said:
    """Why there is no sum at all."""
    if ground.app and all(on_this_machine(target) for target in ground.app):
        return Said("not needed", "The server is on this machine.", "the server is on this machine")
    if ground.app and all(target.match.kind == "http" for target in ground.app):
        return Said(
            "not needed", "Nobody holds a slot of a server: queries go over HTTP.", "queries go over HTTP"
        )
    look = Action("Add up what the project's clients ask for", ("poolcheck map",))
    why = "What clients ask of this server was not added up."
    return Said("check", why, "what clients ask for was not added up", (look,))


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
