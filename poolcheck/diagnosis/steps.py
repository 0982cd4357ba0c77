"""Report to the five steps: always in this order, filled with this project's values, computed sizes and exact lines.

After the five come migrations, and what to do meanwhile. Nothing here looks at files or servers: what is not known
is said as an assumption, and its step is `check`.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from poolcheck.capacity.sums import Assumed, size_for
from poolcheck.connection.parse import parse
from poolcheck.connection.secret import Secret
from poolcheck.model.context import Context
from poolcheck.model.finding import Finding
from poolcheck.model.problem import Severity
from poolcheck.model.report import TITLES, Action, Step
from poolcheck.model.sizing import Sizing
from poolcheck.model.target import Target, on_this_machine
from poolcheck.model.url_readers import Reader, engine_prisma, migration_tools, readers
from poolcheck.record import dataclass
from poolcheck.rules import load
from poolcheck.text import plural

LIVE = "PC7"  # rules from here on judge a server that was looked at
MIGRATIONS = ("PC103", "PC104", "PC105")
TO_POOLER = ("PC101", "PC102")  # their remedy leaves migrations without a direct string, unless it is kept
MOST_FIXES = 8  # of one string; more would be a rule that undoes another
NAMELESS = {"argument": "this connection string", "stdin": "this connection string"}
LOOK = Action(
    "Look at the server: it says whether a pooler is in between, and in which mode",
    ('poolcheck live "$DATABASE_URL"',),
)
# What to write when no manifest names the driver: the commonest, by id.
COMMON = ("prisma", "pg", "postgres-js", "sqlalchemy")
PRISMA_URL = "...?connection_limit={size}{flag}"


@dataclass(frozen=True, slots=True)
class Ground:
    """What the steps stand on."""

    ctx: Context
    findings: Sequence[Finding]
    app: tuple[Target, ...]
    who: tuple[Reader, ...]
    assumed: Assumed
    sizing: Sizing | None
    looked_at_source: bool
    # (place, subject) → the first step that changes the string, and the line with everything mended
    final: Mapping[tuple[str, str], tuple[int, str]]

    def about_migrations(self) -> list[Finding]:
        """The findings about the string that migrations use."""
        return [
            each for each in self.findings if each.rule.id in MIGRATIONS and each.severity > Severity.INFO
        ]

    def of_step(self, step: int) -> list[Finding]:
        """The findings of one step, errors and warnings only."""
        return [each for each in self.findings if each.rule.step == step and each.severity > Severity.INFO]


def plan(findings: Sequence[Finding], ctx: Context, *, looked_at_source: bool = False) -> tuple[Step, ...]:
    """The steps for what was found; () when there is no connection string at all."""
    if not ctx.targets:
        return ()
    return steps(ground_of(findings, ctx, looked_at_source=looked_at_source))


def ground_of(findings: Sequence[Finding], ctx: Context, *, looked_at_source: bool = False) -> Ground:
    """What the steps stand on."""
    app = tuple(
        target
        for target in ctx.targets
        if target.role == "app" and target.active and not target.commented and target.stage != "test"
    )
    # An example file shows what to write; it speaks only where nothing real does.
    app = tuple(target for target in app if not target.example_file) or app
    who: dict[str, Reader] = {}
    for target in app:
        for each in readers(target, ctx):
            who.setdefault(each.title, each)
    assumed, sizing = size_for(app[0] if app else None, ctx)
    final = _finals(findings, ctx)
    return Ground(ctx, findings, app, tuple(who.values()), assumed, sizing, looked_at_source, final)


def steps(ground: Ground) -> tuple[Step, ...]:
    """The five steps, then migrations, then what to do meanwhile."""
    return (
        _pooler(ground),
        _parameters(ground),
        _reuse(ground),
        _http(ground),
        _limit(ground),
        _migrations(ground),
        _meanwhile(ground),
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


def _finals(findings: Sequence[Finding], ctx: Context) -> dict[tuple[str, str], tuple[int, str]]:
    """For each string that a fix rewrites: the first step that does, and the line with everything mended."""
    final: dict[tuple[str, str], tuple[int, str]] = {}
    for each in sorted(findings, key=lambda finding: finding.rule.step or 6):
        place = f"{each.location.path}:{each.location.line}" if each.location and each.location.line else ""
        if (
            not each.fix
            or not each.fix.value
            or each.severity <= Severity.INFO
            or (place, each.subject) in final
        ):
            continue
        for target in ctx.targets:
            here = f"{target.location.path}:{target.location.line}" if target.location.line else ""
            if target.name == each.subject and here == place:
                final[place, each.subject] = (each.rule.step or 6, _final(target, ctx, each.fix.value))
    return final


def _final(target: Target, ctx: Context, value: Secret | None) -> str:
    """The string with `value`, its first fix, and then every fix of the 1xx and 2xx rules, as the line to write."""
    rules_ = load("12")
    for _ in range(MOST_FIXES):
        if value is None or value.reveal() == target.conn.raw:
            break
        conn = parse(value.reveal())
        target = replace(target, conn=conn, match=ctx.catalogue.match(conn), raw=conn.raw)
        alone = replace(
            ctx, targets=tuple(target if each.location == target.location else each for each in ctx.targets)
        )
        fixes = (
            problem.fix.value
            for rule in rules_
            if rule.subject is Target
            for problem in rule.check(target, alone)
            if problem.fix and problem.fix.value
            if problem.fix.safe or (problem.severity or rule.severity) > Severity.INFO
        )
        value = next(fixes, None)
    return f'{target.name}="{target.conn.masked()}"' if target.origin == "env" else target.conn.masked()


def _names(targets: Iterable[Target]) -> str:
    names = list(dict.fromkeys(target.label for target in targets))
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _pooler(ground: Ground) -> Step:
    found = ground.of_step(1)
    if found:
        why = " ".join(dict.fromkeys(each.message for each in found))
        return Step(step=1, title=TITLES[1], status="do", why=why, actions=_fixes(ground, 1))
    if not ground.app:
        return Step(
            step=1, title=TITLES[1], status="check", why="No connection string for app traffic was found."
        )
    kinds = {target.match.kind for target in ground.app}
    if kinds <= {"pooled", "http"}:
        titles = {t.match.endpoint.title or t.match.kind for t in ground.app if t.match.endpoint}
        modes = {t.match.mode for t in ground.app}
        unsure = None in modes and "pooled" in kinds
        why = f"{_names(ground.app)}: {', '.join(sorted(titles))}."
        if unsure:
            return Step(
                step=1,
                title=TITLES[1],
                status="check",
                why=why + " Its pool mode is not told by the URL.",
                actions=(Action("See the mode", ("poolcheck live",)),),
            )
        return Step(step=1, title=TITLES[1], status="done", why=why)
    if all(on_this_machine(target) for target in ground.app):
        why = f"{_names(ground.app)} is a server on this machine."
        return Step(step=1, title=TITLES[1], status="not needed", why=why)
    if kinds == {"local"}:
        why = f"{_names(ground.app)} is in a private network: the URL does not tell whether the server or a pooler answers there."
        return Step(step=1, title=TITLES[1], status="check", why=why, actions=(LOOK,))
    unknown = [target for target in ground.app if target.match.kind == "unknown"]
    if unknown:
        hosts = ", ".join(sorted({target.conn.shown(target.conn.host) or "(no host)" for target in unknown}))
        return Step(
            step=1, title=TITLES[1], status="check",
            why=f"The catalogue does not know {hosts}: poolcheck cannot tell from the URL whether a pooler answers there.",
            actions=(LOOK,),
        )  # fmt: skip
    runtime = ground.app[0].package.runtime
    direct = [target for target in ground.app if target.match.kind == "direct"]
    if direct and not runtime.short_lived and ground.sizing and ground.sizing.status not in ("ok", "tight"):
        ways = dict.fromkeys(t.match.provider.pooler for t in direct if t.match.provider)
        return Step(
            step=1,
            title=TITLES[1],
            status="do" if ground.assumed.certain else "check",
            why=f"{_names(direct)} is direct, and the sums of step 5 do not hold: clients have to share server connections{ground.assumed.mark}.",
            actions=tuple(Action(each) for each in ways if each),
        )
    if direct and not runtime.short_lived:
        return Step(
            step=1,
            title=TITLES[1],
            status="not needed",
            why=f"{_names(direct)} is direct, and a {runtime.kind} with a fixed number of instances may be, as long as the sums of step 2 hold.",
        )
    return Step(
        step=1,
        title=TITLES[1],
        status="check",
        why=f"{_names(ground.app)}: nothing was found against it, and the catalogue does not know a pooler there.",
    )


def _parameters(ground: Ground) -> Step:
    found = ground.of_step(2)
    said = ground.assumed.words
    actions = list(_fixes(ground, 2))
    if found:
        why = " ".join(dict.fromkeys(each.message for each in found))
        return Step(
            step=2,
            title=TITLES[2],
            status="do",
            why=f"{why} {said}".strip(),
            actions=tuple(actions) + _size_lines(ground),
        )
    if not ground.app or all(target.match.kind == "http" for target in ground.app):
        return Step(step=2, title=TITLES[2], status="not needed", why="No socket pool is opened.")
    if not ground.who:
        return Step(
            step=2,
            title=TITLES[2],
            status="check",
            why=f"No manifest names the driver: the lines are for the common ones. {said}",
            actions=_size_lines(ground),
        )
    return Step(
        step=2,
        title=TITLES[2],
        status="check",
        why=f"Nothing speaks against the URL for {', '.join(each.title for each in ground.who)}. {said}",
        actions=_size_lines(ground),
    )


def _size_lines(ground: Ground) -> tuple[Action, ...]:
    """For each driver in use (or the common ones) the exact line that sets the computed size."""
    size = ground.assumed.pool_size
    if size is None or size < 1:
        return ()
    lines = []
    for each in ground.who:
        if engine_prisma(each):
            lines.append((each.title, PRISMA_URL))
        elif each.own and each.own.size_code:
            lines.append((each.title, each.own.size_code))
    if not ground.who:
        found = [ground.ctx.catalogue.first_size_line(name) for name in COMMON]
        lines = [
            (label, PRISMA_URL if code.startswith("connection_limit") else code) for label, code in found
        ]
    flag = _flag(ground)
    return tuple(
        Action(
            f"{title}: {plural(size, 'connection')} per process",
            (code.replace("{size}", str(size)).replace("{flag}", flag),),
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


def _reuse(ground: Ground) -> Step:
    found = ground.of_step(3)
    if found:
        return Step(
            step=3,
            title=TITLES[3],
            status="do",
            why=" ".join(dict.fromkeys(e.message for e in found)),
            actions=_fixes(ground, 3),
        )
    if ground.who and all(each.driver.kind == "http" for each in ground.who):
        return Step(
            step=3, title=TITLES[3], status="not needed", why="The driver in use keeps no connections."
        )
    if ground.looked_at_source:
        return Step(
            step=3,
            title=TITLES[3],
            status="done",
            why="The source was read: no client per request and no forgotten release was found.",
        )
    languages = {each.driver.language.lower() for each in ground.who}
    code = next(
        (lines for name, lines in SINGLETON.items() if any(name in each for each in languages)),
        SINGLETON["javascript"] if not languages else (),
    )
    return Step(
        step=3, title=TITLES[3], status="check",
        why="The source was not read. Create the client once, at module level (on globalThis under a dev server that reloads), and release what is checked out in `finally`.",
        actions=(Action("One client for the process", code),) if code else (),
    )  # fmt: skip


def _http(ground: Ground) -> Step:
    found = ground.of_step(4)
    if found:
        return Step(
            step=4,
            title=TITLES[4],
            status="do",
            why=" ".join(dict.fromkeys(e.message for e in found)),
            actions=_fixes(ground, 4),
        )
    runtime = ground.app[0].package.runtime if ground.app else None
    if ground.who and all(each.driver.kind == "http" for each in ground.who):
        return Step(
            step=4, title=TITLES[4], status="done", why=f"{ground.who[0].title} sends queries over HTTP."
        )
    if runtime and runtime.kind == "edge":
        providers = {
            t.match.provider.title: t.match.provider.http_driver
            for t in ground.app
            if t.match.provider and t.match.provider.http_driver
        }
        actions = tuple(Action(f"{title}: use {driver}") for title, driver in providers.items())
        return Step(
            step=4,
            title=TITLES[4],
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
    return Step(step=4, title=TITLES[4], status="not needed", why=why)


def _limit(ground: Ground) -> Step:
    sizing, assumed = ground.sizing, ground.assumed
    if sizing is None:
        return Step(
            step=5,
            title=TITLES[5],
            status="not needed",
            why="Clients of a transaction-mode pooler share its server connections: what is computed in step 2 does not ask for more.",
        )
    if sizing.status in ("ok", "tight"):
        return Step(
            step=5, title=TITLES[5], status="not needed",
            why=f"{sizing.procs} x {sizing.pool_size} = {sizing.total_steady} of {sizing.available} slots, {sizing.total_deploy} while a deploy runs{assumed.mark}.",
        )  # fmt: skip
    provider = next((t.match.provider for t in ground.app if t.match.provider), None)
    actions = [Action(text) for text in (provider.raise_limit if provider else ())]
    need = sizing.procs_peak + (sizing.available - sizing.usable)
    if provider:
        fitting = [
            each
            for each in provider.limits
            if each.max_connections and each.max_connections - (each.reserved or 0) >= need
        ]
        if fitting:
            least = min(fitting, key=lambda each: each.max_connections or 0)
            actions.append(
                Action(
                    f"{provider.title} {least.title or least.plan}: max_connections {least.max_connections} ({least.source}, checked {least.checked})"
                )
            )
    return Step(
        step=5, title=TITLES[5], status="do" if assumed.certain else "check",
        why=f"{plural(sizing.procs_peak, 'process', 'processes')} at one connection each do not fit into {sizing.usable} usable slots{assumed.mark}: a pooler (step 1) first, a higher limit only after it.",
        actions=tuple(actions),
    )  # fmt: skip


def _migrations(ground: Ground) -> Step:
    found = ground.about_migrations()
    if found:
        return Step(
            step=6,
            title=TITLES[6],
            status="do",
            why=" ".join(dict.fromkeys(e.message for e in found)),
            actions=_fixes(ground, 6),
        )
    direct = [t for t in ground.ctx.targets if t.role == "migration" and not t.commented]
    if direct:
        return Step(
            step=6,
            title=TITLES[6],
            status="done",
            why=f"{_names(direct)} is there for migrations and goes to {direct[0].match.endpoint.title if direct[0].match.endpoint and direct[0].match.endpoint.title else direct[0].match.kind}.",
        )
    moved = [each for each in ground.of_step(1) if each.rule.id in TO_POOLER]
    if moved:
        names = ", ".join(dict.fromkeys(NAMELESS.get(each.subject, each.subject) for each in moved))
        tools = [each for target in ground.app for each in migration_tools(target.package, ground.ctx)]
        return Step(
            step=6,
            title=TITLES[6],
            status="do" if tools else "check",
            why=f"Step 1 puts a pooler before {names}: whatever runs migrations keeps the direct string.",
        )
    if any(t.match.kind == "pooled" and t.match.mode != "session" for t in ground.app):
        return Step(
            step=6,
            title=TITLES[6],
            status="check",
            why="The app's string is pooled: whatever runs migrations needs a direct (or session-mode) one.",
        )
    return Step(
        step=6,
        title=TITLES[6],
        status="not needed",
        why="The app's string is not pooled: migrations can use it.",
    )


def variable(ground: Ground) -> str:
    """The variable to look through in an incident: the direct one, since sessions behind a pooler are the pooler's."""
    names = [
        t.name for t in ground.ctx.targets if t.role == "migration" and t.origin == "env" and not t.commented
    ]
    app = [t.name for t in ground.app if t.origin == "env"]
    pooled = bool(ground.app) and all(t.match.kind == "pooled" for t in ground.app)
    return next(iter([*names, *app] if pooled else [*app, *names]), "DATABASE_URL")


def _meanwhile(ground: Ground) -> Step:
    seen = any(each.rule.id >= LIVE and each.severity > Severity.INFO for each in ground.findings)
    if not seen and ground.app and all(on_this_machine(target) for target in ground.app):
        return Step(step=7, title=TITLES[7], status="not needed", why="The server is on this machine.")
    if not seen and not any(each.severity > Severity.WARNING for each in ground.findings):
        return Step(
            step=7,
            title=TITLES[7],
            status="not needed",
            why="Nothing is failing by what was read. In an incident: poolcheck live, then poolcheck reap.",
        )
    return Step(
        step=7, title=TITLES[7], status="check",
        why="End what leaks (a dry run until --yes)."
        if seen
        else "If slots are gone right now: see who holds them, then end what leaks (a dry run until --yes).",
        actions=(
            *(() if seen else (Action("Look", (f'poolcheck live "${variable(ground)}"',)),)),
            Action("Free slots", (f'poolcheck reap "${variable(ground)}" --older-than 10m',)),
            Action("For tests, a local server with more slots", ("docker run -d -p 5432:5432 -e POSTGRES_PASSWORD=pass postgres:18 -c max_connections=500",)),
        ),
    )  # fmt: skip
