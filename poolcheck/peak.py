"""The gate's sums: every pool full while a deploy runs, against the slots or the pooler's clients. Nothing is guessed."""

from collections.abc import Sequence

from poolcheck.core.context import Context, Numbers
from poolcheck.core.record import dataclass
from poolcheck.core.report import Skipped
from poolcheck.core.target import Target
from poolcheck.core.verdict import PeakSum
from poolcheck.resolve import readers
from poolcheck.rules._common import app_traffic
from poolcheck.rules.pc204_pool_too_large import configured_size
from poolcheck.sizing import surge


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What the server itself said, for the strings that lead to it."""

    hosts: frozenset[str]
    max_connections: int
    reserved: int
    tighter: int | None = None  # the role's or the database's CONNECTION LIMIT
    where: str = "the server"


def peaks(
    targets: Sequence[Target], ctx: Context, *, limit: float, pool: int | None, server: Measured | None = None
) -> tuple[tuple[PeakSum, ...], tuple[Skipped, ...]]:
    """The sum of every app string, and what keeps one from being made.

    Args:
        targets: connection strings; those of migrations, tests, examples and local servers are left out.
        ctx: with the numbers of the config.
        limit: share of the capacity that is allowed, above 0 and at most 1.
        pool: connections of each process's pool; None: as the files say.
        server: its own limits, which win over the config's.
    """
    sums: list[PeakSum] = []
    skipped: list[Skipped] = []
    for target in targets:
        if not app_traffic(target) or target.match.local or target.match.kind in ("http", "local"):
            continue
        if target.example_file or target.conn.has_placeholder:
            continue
        made = _one(target, ctx, limit, pool, server)
        (sums if isinstance(made, PeakSum) else skipped).append(made)  # type: ignore[arg-type]  # told apart just now
    if not sums and not skipped:
        skipped.append(Skipped("the sums", "there is no connection string of a deployed app to add up for"))
    return tuple(sums), tuple(dict.fromkeys(skipped))


def _one(
    target: Target, ctx: Context, limit: float, pool: int | None, server: Measured | None
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
    capacity, words, against = _capacity(target, numbers, server)
    if capacity is None:
        return Skipped(what, words[0], words[1])
    peak = numbers.instances + surge(numbers.instances, numbers.surge)
    return PeakSum(
        name=target.label, location=target.location, size=size, size_source=source, instances=numbers.instances,
        workers=numbers.workers, instances_peak=peak, total=peak * numbers.workers * size,
        against="pooler clients" if against == "pooler clients" else "slots",
        capacity=capacity, capacity_words=words[0], limit=limit,
    )  # fmt: skip


def _size(target: Target, ctx: Context) -> tuple[int | None, str]:
    """The pool of one process and where it comes from; None and why it is not known."""
    who = readers(target, ctx)
    if not who:
        return None, "which driver reads it is not known"
    if len(who) > 1:
        return None, f"{' and '.join(each.title for each in who)} read it, each with a pool of its own"
    size, source = configured_size(target, who[0])
    if size is None:
        return None, f"the pool of {who[0].title} is set in code, or not known"
    return size, source


def _capacity(
    target: Target, numbers: Numbers, server: Measured | None
) -> tuple[int | None, tuple[str, str], str]:
    """What there is, in words; None, and why with a hint, when it is not known."""
    if target.match.kind == "pooled" and target.match.mode != "session":
        return _clients(target, numbers)
    if server is not None and target.conn.host in server.hosts:
        slots = server.max_connections - server.reserved
        words = f"{server.max_connections} max_connections ({server.where}) - {server.reserved} reserved"
        if server.tighter is not None and server.tighter < slots:
            return (
                server.tighter,
                (f"the role's or database's CONNECTION LIMIT ({server.where})", ""),
                "slots",
            )
        return slots, (words, ""), "slots"
    if numbers.max_connections is None:
        hint = "Give --max N or --plan NAME, or look at the server with --live."
        return None, ("the server's max_connections is not known", hint), "slots"
    source = numbers.sources.get("max_connections", "")
    shown = f" ({source})" if source else ""
    words = f"{numbers.max_connections} max_connections{shown} - {numbers.reserved} reserved"
    return numbers.max_connections - numbers.reserved, (words, ""), "slots"


def _clients(target: Target, numbers: Numbers) -> tuple[int | None, tuple[str, str], str]:
    """The client limit of a transaction-mode pooler: known only by the plan."""
    provider = target.match.provider
    plan = next(
        (
            each
            for each in (provider.limits if provider and numbers.plan else ())
            if numbers.plan.lower() in (each.plan, *each.aliases)
        ),
        None,
    )
    if plan is None or plan.pooler_clients is None or provider is None:
        why = "how many clients its pooler takes is not known"
        return None, (why, "Give --plan NAME, where the catalogue knows the plan."), "pooler clients"
    words = f"{plan.pooler_clients} clients of {provider.title}'s pooler ({plan.title or plan.plan})"
    return plan.pooler_clients, (words, ""), "pooler clients"
