"""The gate's sums: every pool full while a deploy runs, against the slots or the pooler's clients. Nothing is guessed."""

from collections.abc import Sequence

from poolcheck.capacity.sums import configured_size
from poolcheck.model.context import Context
from poolcheck.model.fleet import Against, Fleet, Member
from poolcheck.model.report import Skipped
from poolcheck.model.sizing import surge
from poolcheck.model.snapshot import MEASURED, Server
from poolcheck.model.target import Target, app_traffic, on_this_machine
from poolcheck.model.url_readers import readers
from poolcheck.model.verdict import PeakSum
from poolcheck.record import dataclass
from poolcheck.text import plural


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredLimits:
    """What the server itself said, for the strings that lead to it."""

    hosts: frozenset[str]
    server: Server


def peaks(
    targets: Sequence[Target],
    ctx: Context,
    *,
    limit: float,
    pool: int | None,
    server: MeasuredLimits | None = None,
    fleets: Sequence[Fleet] = (),
) -> tuple[tuple[PeakSum, ...], tuple[Skipped, ...]]:
    """The sum of every app string, and what keeps one from being made.

    Args:
        targets: connection strings; those of migrations, tests and examples are left out, and so is a server on this
            machine that was not looked at.
        ctx: with the numbers of the config.
        limit: share of the capacity that is allowed, above 0 and at most 1.
        pool: connections of each process's pool; None: as the files say.
        server: its own limits, which win over the config's.
        fleets: what the project's files say of replicas; then a string whose instances nobody gave is not missed.
    """
    sums: list[PeakSum] = [of_fleet(fleet, limit) for fleet in fleets]
    skipped: list[Skipped] = []
    for target in targets:
        measured = server is not None and target.conn.host in server.hosts
        if not app_traffic(target) or target.match.kind == "http":
            continue
        if on_this_machine(target) and not measured:
            continue
        if target.example_file or target.conn.has_placeholder or (fleets and ctx.numbers.instances is None):
            continue
        made = _one(target, ctx, limit, pool, server)
        (sums if isinstance(made, PeakSum) else skipped).append(made)  # type: ignore[arg-type]  # told apart just now
    if not sums and not skipped:
        skipped.append(Skipped("the sums", "there is no connection string of a deployed app to add up for"))
    return tuple(sums), tuple(dict.fromkeys(skipped))


def _one(
    target: Target, ctx: Context, limit: float, pool: int | None, server: MeasuredLimits | None
) -> PeakSum | Skipped:
    numbers = ctx.numbers
    what = f"the sum of {target.label}" if target.origin != "argument" else "the sum of the connection string"
    if numbers.instances is None:
        return Skipped(
            what,
            "how many instances run at once is not known",
            "Give --instances N: the autoscaler's maximum.",
        )
    size, source = (pool, "--pool") if pool else _size(target, ctx)
    if size is None:
        return Skipped(what, source, "Give --pool N: the connections of one process's pool.")
    capacity, words, against = _capacity(target, ctx, server)
    if capacity is None:
        return Skipped(what, words[0], words[1])
    added = surge(numbers.instances, numbers.surge)
    peak, workers = numbers.instances + added, numbers.workers
    asked = plural(peak, "instance")
    if added:
        asked += f" while a deploy runs ({numbers.instances} + {added})"
    if workers > 1:
        asked += f" x {workers} processes"
    return PeakSum(
        name=target.label, location=target.location, asked=f"{asked} x {size}", source=source,
        total=peak * workers * size, against=against, capacity=capacity, capacity_words=words[0], limit=limit,
        size=size, processes=peak * workers, instances=numbers.instances, workers=workers, instances_peak=peak,
    )  # fmt: skip


def of_fleet(fleet: Fleet, limit: float) -> PeakSum:
    """The sum of a project's services on one server or pooler."""
    only = fleet.members[0] if len(fleet.members) == 1 else None
    reserved = f" - {fleet.reserved} reserved" if fleet.reserved else ""
    return PeakSum(
        name=fleet.name,
        location=fleet.location,
        asked=" + ".join(_at_peak(member) for member in fleet.members),
        source=" ".join(f"{member.name}: {', '.join(member.places)}." for member in fleet.members),
        total=fleet.deploy,
        against=fleet.against,
        capacity=fleet.available,
        capacity_words=f"{fleet.limit}{reserved}",
        limit=limit,
        size=only.pool.number if only else 0,
        processes=(only.instances.number + only.surge) * only.workers.number if only else 0,
        instances=only.instances.number if only else 0,
        workers=only.workers.number if only else 0,
        instances_peak=only.instances.number + only.surge if only else 0,
    )


def _at_peak(member: Member) -> str:
    """`web 13 x 4 x 5`: instances while a deploy runs, processes, pool."""
    factors = [member.instances.number + member.surge, member.workers.number, member.pool.number]
    shown = [factor for factor in factors[:2] if factor != 1] + factors[2:]
    return f"{member.name} {' x '.join(map(str, shown))}"


def _size(target: Target, ctx: Context) -> tuple[int | None, str]:
    """The pool of one process and where it comes from; None and why it is not known."""
    who = readers(target, ctx)
    if not who:
        return None, "which driver reads it is not known"
    if len(who) > 1:
        return None, f"{' and '.join(reader.title for reader in who)} read it, each with a pool of its own"
    size, source = configured_size(target, who[0])
    if size is None:
        return None, f"the pool of {who[0].title} is set in code, or not known"
    return size, source


def _capacity(
    target: Target, ctx: Context, server: MeasuredLimits | None
) -> tuple[int | None, tuple[str, str], Against]:
    """What there is, in words; None, and why with a hint, when it is not known."""
    numbers = ctx.numbers
    if target.match.kind == "pooled" and target.match.mode != "session":
        return _clients(target, ctx)
    if server is not None and target.conn.host in server.hosts:
        numbers, tighter = server.server.over(numbers), server.server.tighter
        if tighter is not None and tighter < server.server.usable:
            return tighter, (f"the role's or database's CONNECTION LIMIT ({MEASURED})", ""), "slots"
    if numbers.max_connections is None:
        hint = "Give --max N or --plan NAME, or look at the server with --live."
        return None, ("the server's max_connections is not known", hint), "slots"
    source = numbers.sources.get("max_connections", "")
    shown = f" ({source})" if source else ""
    words = f"{numbers.max_connections} max_connections{shown} - {numbers.reserved} reserved"
    return numbers.max_connections - numbers.reserved, (words, ""), "slots"


def _clients(target: Target, ctx: Context) -> tuple[int | None, tuple[str, str], Against]:
    """The client limit of a transaction-mode pooler: known only by the plan."""
    provider, name = target.match.provider, ctx.numbers.plan
    plan = ctx.catalogue.limit(provider.id, name) if provider and name else None
    if plan is None or plan.pooler_clients is None or provider is None:
        why = "how many clients its pooler takes is not known"
        return None, (why, "Give --plan NAME, where the catalogue knows the plan."), "pooler clients"
    words = f"{plan.pooler_clients} clients of {provider.title}'s pooler ({plan.title or plan.plan})"
    return plan.pooler_clients, (words, ""), "pooler clients"
