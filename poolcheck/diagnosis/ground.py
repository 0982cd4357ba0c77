"""What the steps stand on: the app's strings, their readers, the sums, and every string as it is when all is mended."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from poolcheck.capacity import asked
from poolcheck.capacity.advice import Advice, advise, together
from poolcheck.capacity.asked import Asked
from poolcheck.connection.parse import parse
from poolcheck.connection.secret import Secret
from poolcheck.model.connection_map import Client
from poolcheck.model.context import Context
from poolcheck.model.finding import Finding
from poolcheck.model.severity import Severity
from poolcheck.model.target import Target
from poolcheck.model.url_readers import Reader, readers
from poolcheck.record import dataclass
from poolcheck.rules import load
from poolcheck.rules._common import assignment

MIGRATIONS = ("PC103", "PC104", "PC105")


MOST_FIXES = 8  # of one string; more would be a rule that undoes another
MOST_FINALS = 50  # strings shown with everything mended: each is judged anew among all others


@dataclass(frozen=True, slots=True)
class Ground:
    """What the steps stand on."""

    ctx: Context
    findings: Sequence[Finding]
    app: tuple[Target, ...]
    who: tuple[Reader, ...]
    advices: tuple[Advice, ...]  # the pool of each client of `row`; (): no socket pool, or nobody to advise
    row: Asked | None  # the server or pooler whose clients are advised
    rows: tuple[Asked, ...]  # of every server and pooler
    looked_at_source: bool
    through: str  # the pooler that a look at the server went through, in words; "" without one
    # (place, subject) → the first step that changes the string, and the line with everything mended
    final: Mapping[tuple[str, str], tuple[int, str]]

    @property
    def size(self) -> str:
        """The pool of a process, for a line to write: the number where it is the same for all, else N."""
        sizes = {each.size for each in self.advices if each.pool_size != 0}
        return sizes.pop() if len(sizes) == 1 else "N"

    @property
    def advised(self) -> bool:
        """Whether there is a size to write at all."""
        return any(each.pool_size != 0 for each in self.advices)

    @property
    def full(self) -> list[Asked]:
        """The servers and poolers that are asked for more than they take."""
        return [row for row in self.rows if row.verdict == "does not fit"]

    @property
    def full_server(self) -> Asked | None:
        """The first server among them: of its limit step 5 speaks."""
        return next((row for row in self.full if row.against == "slots"), None)

    def about_migrations(self) -> list[Finding]:
        """The findings about the string that migrations use."""
        return [
            finding
            for finding in self.findings
            if finding.rule.id in MIGRATIONS and finding.severity > Severity.INFO
        ]

    def of_step(self, step: int) -> list[Finding]:
        """The findings of one step, errors and warnings only."""
        return [
            finding
            for finding in self.findings
            if finding.rule.step == step and finding.severity > Severity.INFO
        ]


def ground_of(
    findings: Sequence[Finding], ctx: Context, *, looked_at_source: bool = False, through: str = ""
) -> Ground:
    """What the steps stand on; `through` is the pooler that a look went through, in words."""
    app = tuple(
        target
        for target in ctx.targets
        if target.role == "app" and target.active and not target.commented and target.stage != "test"
    )
    # An example file shows what to write; it speaks only where nothing real does.
    app = tuple(target for target in app if not target.example_file) or app
    # Nor does a server that the same file runs say where a deployed app goes, where another string does.
    app = (
        tuple(target for target in app if target.origin != "deployment" or target.match.kind != "local")
        or app
    )
    who: dict[str, Reader] = {}
    for target in app:
        for reader in readers(target, ctx):
            who.setdefault(reader.title, reader)
    rows = asked.rows(ctx.map, ctx.numbers.buffer)
    row, advices = _advised(app, rows, ctx)
    final = finals(findings, ctx)
    return Ground(
        ctx, findings, app, tuple(who.values()), advices, row, rows, looked_at_source, through, final
    )


def _advised(
    app: Sequence[Target], rows: Sequence[Asked], ctx: Context
) -> tuple[Asked | None, tuple[Advice, ...]]:
    """The row that matters most to the app's strings, and the pool of each of its clients.

    One that does not fit comes first; then where the first string leads; and where no string is known, the first that
    has clients.
    """
    own = [each for target in app for each in _rows_of(target, rows, ctx)] if app else list(rows)
    # A template's string leads nowhere; the code that reads its variable does.
    candidates = [each for each in own or rows if each.clients]
    full = (each for each in candidates if each.verdict == "does not fit")
    row = next(full, next(iter(candidates), None))
    if row is None:
        return None, ()
    if len(row.clients) > 1 and row.limit is not None:
        return row, together(row)
    first = next((t for t in app if row in _rows_of(t, rows, ctx)), None)
    provider = first.match.provider if first is not None else None
    pooler = provider is not None and any(each.kind == "pooled" for each in provider.endpoints)
    client = _client_of(first, row, ctx)
    short_lived = (first or client).package.runtime.short_lived
    return row, (advise(row, client, short_lived=short_lived, pooler=pooler),)


def _rows_of(target: Target, rows: Sequence[Asked], ctx: Context) -> list[Asked]:
    """The rows of what a string leads to."""
    ends = {(route.end, route) for route in ctx.routes_of(target)}
    return [
        each
        for each in rows
        if any(each.end == end and (not each.cap or each.cap.holds(route)) for end, route in ends)
    ]


def _client_of(target: Target | None, row: Asked, ctx: Context) -> Client:
    """Whose pool is advised: the client of the string, where one leads there."""
    for route in ctx.routes_of(target) if target is not None else ():
        client = ctx.map.client(route.client)
        if client is not None and route.end == row.end:
            return client
    return row.clients[0]


def whole_lines(findings: Sequence[Finding], ctx: Context) -> tuple[Finding, ...]:
    """The findings, those about one string with one line to write: the string with everything mended."""
    final = finals(findings, ctx)

    def with_line(each: Finding) -> Finding:
        found = final.get(
            (f"{each.location.path}:{each.location.line}" if each.location else "", each.subject)
        )
        if found is None or each.fix is None or each.fix.value is None:
            return each
        # An advice that is not in that line has none of its own: two lines for one variable would contradict.
        own = (found[1],) if each.severity > Severity.INFO or each.fix.safe else ()
        return replace(each, fix=replace(each.fix, lines=(*own, *each.fix.lines[1:])))

    return tuple(map(with_line, findings))


def finals(findings: Sequence[Finding], ctx: Context) -> dict[tuple[str, str], tuple[int, str]]:
    """For each string that a fix rewrites: the first step that does, and the line with everything mended."""
    return ctx.once(finals, findings, lambda: _finals(findings, ctx))


def _finals(findings: Sequence[Finding], ctx: Context) -> dict[tuple[str, str], tuple[int, str]]:
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
        if len(final) == MOST_FINALS:
            break
        for target in ctx.groups(_named).get((place, each.subject), ()):
            final[place, each.subject] = (each.rule.step or 6, _final(target, ctx, each.fix.value))
    return final


def _named(target: Target) -> tuple[str, str]:
    here = f"{target.location.path}:{target.location.line}" if target.location.line else ""
    return here, target.name


def _final(target: Target, ctx: Context, value: Secret | None) -> str:
    """The string with `value`, its first fix, and then every fix of the 1xx and 2xx rules, as the line to write."""
    rules_, first = load("12"), target
    for _ in range(MOST_FIXES):
        if value is None or value.reveal() == target.conn.raw:
            break
        conn = parse(value.reveal())
        same = target.match.routed and conn.hosts == target.conn.hosts
        match = target.match if same else ctx.catalogue.match(conn)
        target = replace(target, conn=conn, match=match, raw=conn.raw)
        alone = replace(
            ctx,
            targets=tuple(target if each.location == target.location else each for each in ctx.targets),
            memo={},
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
    return assignment(first, target.conn.raw)


def variable(ground: Ground) -> str:
    """The variable to look through in an incident: the direct one, since sessions behind a pooler are the pooler's."""
    names = [
        t.name for t in ground.ctx.targets if t.role == "migration" and t.origin == "env" and not t.commented
    ]
    app = [t.name for t in ground.app if t.origin == "env"]
    pooled = bool(ground.app) and all(t.match.kind == "pooled" for t in ground.app)
    return next(iter([*names, *app] if pooled else [*app, *names]), "DATABASE_URL")
