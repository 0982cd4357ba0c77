"""The remedy sheet: the fix path with everything that an engineer would have to look up at night.

`fixpath` says what to do in this project. Here come the ways at the provider (dashboard, command line), the code of
the driver in use, the commands of the migration tool, and what a live look saw. Values come from the catalogue.
"""

import re
from collections.abc import Iterator
from dataclasses import replace

from poolcheck.catalogue.conversions import convert
from poolcheck.diagnosis.afterwards import TO_POOLER
from poolcheck.diagnosis.ground import Ground, variable
from poolcheck.diagnosis.snippets import (
    ALSO,
    DJANGO,
    HTTP_CODE,
    MIGRATE,
    PRISMA_6,
    RELEASE,
    SINGLETONS,
    local_servers,
)
from poolcheck.diagnosis.steps import steps
from poolcheck.model.look import Look, NoEntry, PoolerLook
from poolcheck.model.report import Action, Step, StepStatus
from poolcheck.model.target import Target, on_this_machine
from poolcheck.model.url_readers import Reader, engine_prisma, migration_tools
from poolcheck.record import dataclass
from poolcheck.text import plural, seconds

# First words of commands in the catalogue's steps; what follows is to be copied.
COMMANDS = frozenset("aws az gcloud heroku fly flyctl neonctl supabase railway clever doctl psql npx".split())
IN_TRANSACTION = "idle in transaction"


@dataclass(frozen=True, slots=True)
class SheetLook:
    """What a live look brought, as far as the sheet needs it."""

    looks: tuple[Look, ...] = ()
    refusals: tuple[NoEntry, ...] = ()
    poolers: tuple[PoolerLook, ...] = ()


NOTHING = SheetLook()


def sheet(ground: Ground, seen: SheetLook = NOTHING) -> tuple[Step, ...]:
    """The steps with their commands. Only steps that are to be done or checked get more than the fix path has."""
    more = {
        1: _at_the_provider,
        2: _driver_settings,
        3: _one_client,
        4: _over_http,
        5: _own_server,
        6: _migrating,
    }
    made = tuple(
        _with(step, more[step.step](ground) if step.step in more else _meanwhile(ground, seen))
        if step.status in ("do", "check") or step.step == 7
        else step
        for step in steps(ground)
    )
    if not seen.looks and not seen.refusals:
        return made
    status: StepStatus = "do" if made[-1].actions else "not needed" if seen.looks else "check"
    return (*made[:-1], replace(made[-1], status=status))


def _with(step: Step, actions: Iterator[Action]) -> Step:
    """More actions behind a step's own, none twice."""
    added = list(actions)
    if step.step == 7 and added:
        return replace(step, why=added[0].text, actions=tuple(added[1:]))
    if step.step == 3 and added:
        return replace(step, actions=tuple(added))
    said = {action.code for action in step.actions if action.code}
    return replace(step, actions=(*step.actions, *(each for each in added if each.code not in said)))


def heading(ground: Ground) -> str:
    """What the sheet is about, in one line."""
    parts = []
    for target in ground.app[:2]:
        match = target.match
        end = match.endpoint.title if match.endpoint and match.endpoint.title else _kind(target)
        where = f"{match.provider.title}, {end}" if match.provider else end
        parts.append(f"{target.name if target.origin != 'argument' else 'the string'} ({where})")
    if len(ground.app) > 2:
        parts.append(f"{len(ground.app) - 2} more")
    parts += [reader.title for reader in ground.who]
    runtime = ground.app[0].package.runtime if ground.app else None
    if runtime:
        parts.append(f"{runtime.kind} ({runtime.source})" if runtime.source else f"{runtime.kind} runtime")
    return "; ".join(parts)


def _kind(target: Target) -> str:
    if target.match.kind == "local":
        return "this machine" if on_this_machine(target) else "private network"
    return "a host that the catalogue does not know" if target.match.kind == "unknown" else target.match.kind


def _at_the_provider(ground: Ground) -> Iterator[Action]:
    """Where the other string is shown, or made, for each provider."""
    moving = {each.subject for each in ground.of_step(1) if each.rule.id in TO_POOLER}
    for target in ground.app:
        provider, endpoint = target.match.provider, target.match.endpoint
        if provider is None or endpoint is None or target.name not in moving:
            continue
        extension = re.search(r"CREATE EXTENSION \w+", provider.pooler)
        if extension:
            yield Action("In the database, once", (f"{extension[0]};",))
        ends = [
            endpoint.id
            for endpoint in provider.endpoints
            if endpoint.kind == "pooled" and endpoint.mode != "session"
        ]
        for end in ends:
            made = convert(provider, target.conn, endpoint.id, end)
            if (
                made
                and made.conversion.steps
                and (made.conn or not any(_said(ground, s) for s in made.conversion.steps))
            ):
                yield from (_action(provider.title, step) for step in made.conversion.steps)
                break


def _said(ground: Ground, text: str) -> bool:
    """Whether a finding's own fix says it already."""
    return any(finding.fix and text in finding.fix.lines for finding in ground.findings)


def _action(where: str, text: str) -> Action:
    """A step of the catalogue: words, or words and a command."""
    lead, _, command = text.partition(": ")
    if command.partition(" ")[0] in COMMANDS:
        return Action(f"{where}: {lead}", (command,))
    if text.partition(" ")[0] in COMMANDS:
        command, _, rest = text.partition(", then ")
        return Action(f"{where}, on the command line{f', then {rest}' if rest else ''}", (command,))
    return Action(text if text.startswith(where.partition(" ")[0]) else f"{where}: {text}")


def _driver_settings(ground: Ground) -> Iterator[Action]:
    """Beside the pool size: named statements behind a pooler that does not carry them, and how long a query waits."""
    untracked = any(
        t.match.endpoint and t.match.mode == "transaction" and t.match.endpoint.tracks_prepared == "no"
        for t in ground.app
    )
    for reader in ground.who:
        own = reader.own
        if own is None:
            continue
        if untracked and own.named_prepared == "yes" and own.prepared_off and not engine_prisma(reader):
            yield Action(f"{reader.title}: no named statements through this pooler", (own.prepared_off,))
        if own.wait_code and own.pool_wait:
            yield Action(
                f"{reader.title}: bound the wait for a slot (by default {own.pool_wait})", (own.wait_code,)
            )


def _one_client(ground: Ground) -> Iterator[Action]:
    """The code of the driver in use, with the computed size."""
    size = ground.size if ground.advised else "1"
    for reader in ground.who:
        name = reader.use.id if not reader.use.id.startswith("sqlalchemy") else "sqlalchemy"
        name = ALSO.get(name, name)
        lines = PRISMA_6 if engine_prisma(reader) else SINGLETONS.get(name)
        if name in DJANGO:
            yield Action("Django makes one connection per thread by itself: nothing to write")
        if lines is None or (name == "prisma" and reader.own is None):
            continue
        code = tuple(line.replace("{size}", size) for line in lines)
        yield Action(f"{reader.title}: one client for the process", code)
        if name == "pg":
            yield Action("What is checked out goes back, also after an error", RELEASE)


def _over_http(ground: Ground) -> Iterator[Action]:
    """The import and the call of the provider's HTTP driver."""
    names = {t.match.provider.http_driver for t in ground.app if t.match.provider}
    for name in sorted(names & set(HTTP_CODE)):
        yield Action(
            "One query, one HTTP request: no socket is kept, but the server's limit stays", HTTP_CODE[name]
        )


def _own_server(ground: Ground) -> Iterator[Action]:
    """The SQL for a server that is nobody's service."""
    full = ground.full_server
    written = full is not None and full.limit is not None and full.limit.where is not None
    if (
        full is not None
        and not written
        and full.cap is None
        and not any(t.match.provider for t in ground.app)
    ):
        need = full.deploy.most + full.buffer + (full.reserved.most if full.reserved else 0)
        yield Action(
            "On a server of your own, after a look at its memory; takes effect at the next restart",
            (f"ALTER SYSTEM SET max_connections = {-(-need // 10) * 10};",),
        )


def _migrating(ground: Ground) -> Iterator[Action]:
    """For each migration tool: what makes it read the direct string, and its command."""
    names = [t.name for t in ground.ctx.targets if t.role == "migration" and not t.commented]
    for target in ground.app[:1]:
        name = next(iter(names), _direct_name(target))
        for tool in migration_tools(target.package, ground.ctx):
            own = tool.own
            if own is None or own.migrations_need_direct == "no":
                continue
            yield from _config_line(tool, name)
            if tool.use.id in MIGRATE:
                yield Action(
                    f"{tool.title}: run it with the direct string",
                    (MIGRATE[tool.use.id].replace("{name}", name),),
                )


def _direct_name(target: Target) -> str:
    read = (read.variable for read in target.package.reads if read.role == "migration")
    return next((each for each in read if each != target.name), "DIRECT_URL")


def _config_line(tool: Reader, name: str) -> Iterator[Action]:
    """The line of the tool's config that names the direct variable."""
    if engine_prisma(tool):
        yield Action("schema.prisma, in the datasource block", (f'directUrl = env("{name}")',))
    elif tool.use.id == "prisma":
        yield Action("prisma.config.ts", (f'datasource: {{ url: env("{name}") }},',))
    elif tool.use.id == "drizzle":
        yield Action("drizzle.config.ts", (f"dbCredentials: {{ url: process.env.{name}! }},",))


def _meanwhile(ground: Ground, seen: SheetLook) -> Iterator[Action]:
    """What frees slots now, from what was seen; and a server for tests, so that they take none.

    The first action's text is the reason of the step.
    """
    dsn = f'"${variable(ground)}"'
    failing = any(finding.severity > 20 for finding in ground.findings)
    if seen.looks:
        yield from _from_the_look(seen.looks[0], dsn)
        if _calm(seen.looks[0]):
            return
    elif seen.refusals:
        refusal = seen.refusals[0].refusal
        said = refusal.title or refusal.text
        if not refusal.exhaustion:
            yield Action(f"The look at the server failed: {said}. {refusal.first}".strip())
            return
        yield Action(f"No session can be opened: {said}. {refusal.means}".strip())
        yield from refusal.options or (
            Action(
                "Look with a role that may use the reserved slots, then end what leaks",
                (f'poolcheck live {dsn} --admin "$ADMIN_URL"', 'poolcheck reap "$ADMIN_URL" --older-than 5m'),
            ),
        )
    elif failing and ground.app and not all(on_this_machine(t) for t in ground.app):
        yield Action(
            "If slots are gone right now: see who holds them, then end what leaks (a dry run until --yes)."
        )
        yield Action("Look", (f"poolcheck live {dsn}",))
        yield Action("Free slots", (f"poolcheck reap {dsn} --older-than 10m",))
    else:
        return
    yield from local_servers()


def _calm(look: Look) -> bool:
    """Whether nothing that was seen asks for anything."""
    return not look.leaks and not look.blocks and look.snapshot.ratio < look.thresholds.warn_at


def _from_the_look(look: Look, dsn: str) -> Iterator[Action]:
    """The reap commands for the leaks of a look, each with its evidence."""
    snapshot = look.snapshot
    usable = snapshot.server.usable
    seen = f", {plural(len(look.leaks), 'leak')} seen" if look.leaks else ", and no leak is seen"
    yield Action(f"{snapshot.used} of {usable} slots are taken{seen}.")
    stuck = [member for leak in look.leaks if leak.kind == IN_TRANSACTION for member in leak.members]
    if stuck:
        ages = sorted(each.state_age or 0 for each in stuck)
        pids = " ".join(f"--pid {each.pid}" for each in stuck[:8])
        yield Action(
            f"{plural(len(stuck), 'session')} idle in a transaction, the longest for {seconds(ages[-1])}: a dry run, then the same with --yes",
            (f"poolcheck reap {dsn} {pids} --older-than {max(int(ages[0]), 1)}s",),
        )
    for leak in look.leaks:
        if leak.kind == IN_TRANSACTION:
            continue
        app = leak.group[0]
        option = f' --app "{app}"' if app and app.replace("-", "").replace("_", "").isalnum() else ""
        flag = " --state idle" if leak.certainty == "possible" else ""
        yield Action(
            f"{leak.kind} ({leak.certainty}): {leak.evidence[0]}",
            (f"poolcheck reap {dsn}{flag}{option} --older-than 5m",),
        )
    for block in look.blocks[:2]:
        yield Action(
            f"pid {block.root} blocks {plural(len(block.waiters), 'session')}: {block.verb} it first"
        )
