"""What the steps stand on: the app's strings, their readers, the sums, and every string as it is when all is mended."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from poolcheck.capacity import asked
from poolcheck.capacity.advice import Advice, advise
from poolcheck.capacity.asked import Asked
from poolcheck.connection.parse import parse
from poolcheck.connection.secret import Secret
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
    advice: Advice | None  # the pool of the app's client; None: no socket pool, or nobody to advise
    rows: tuple[Asked, ...]  # of every server and pooler
    looked_at_source: bool
    # (place, subject) → the first step that changes the string, and the line with everything mended
    final: Mapping[tuple[str, str], tuple[int, str]]

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


def ground_of(findings: Sequence[Finding], ctx: Context, *, looked_at_source: bool = False) -> Ground:
    """What the steps stand on."""
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
    advice = _advice(app[0], rows, ctx) if app else _of_code(rows)
    final = finals(findings, ctx)
    return Ground(ctx, findings, app, tuple(who.values()), advice, rows, looked_at_source, final)


def _of_code(rows: Sequence[Asked]) -> Advice | None:
    """Where no string is known: what the first client that connects with sockets may have."""
    for row in rows:
        for client in row.clients:
            return advise(row, client, short_lived=client.package.runtime.short_lived)
    return None


def _advice(target: Target, rows: Sequence[Asked], ctx: Context) -> Advice | None:
    """What the client of a string may have at the server or pooler that the string leads to."""
    for route in ctx.routes_of(target):
        own = [each for each in rows if each.end == route.end and (not each.cap or each.cap.holds(route))]
        row = next((each for each in own if each.verdict == "does not fit"), next(iter(own), None))
        client = ctx.map.client(route.client)
        if row is not None and client is not None:
            provider = target.match.provider
            pooler = provider is not None and any(each.kind == "pooled" for each in provider.endpoints)
            return advise(row, client, short_lived=target.package.runtime.short_lived, pooler=pooler)
    return None


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
