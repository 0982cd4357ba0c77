"""The sums between a pool and what it must fit into, for rules and the fix path. The model is poolcheck.sizing's."""

from poolcheck.config.settings import SERVER_MAX
from poolcheck.model.context import Context, Numbers
from poolcheck.model.sizing import Inputs, Sizing
from poolcheck.model.target import Target
from poolcheck.model.url_readers import Reader
from poolcheck.record import dataclass
from poolcheck.text import plural

ASSUMED_INSTANCES = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolSum:
    """What all processes together want, against what there is."""

    fits: bool
    words: str  # "10 instances x 20 = 200 connections, and 97 are there"
    consequence: str
    fitting: int  # the pool per process that the model recommends; 0 when none fits
    most: int  # the largest that still fits while a deploy runs
    sources: tuple[str, ...] = ()


def pool_sum(target: Target, ctx: Context, size: int) -> PoolSum | None:
    """Instances x processes x pool against slots, or against a pooler's clients; None when a number is not known."""
    numbers = ctx.numbers
    if numbers.instances is None:
        return None
    if target.match.kind == "pooled" and target.match.mode != "session":
        return _against_pooler(target, ctx, size)
    if numbers.max_connections is None:
        return None
    made = sizing(numbers, numbers.max_connections, numbers.instances)
    steady, deploy = made.procs * size, made.procs_peak * size
    where = numbers.sources.get("max_connections", "")
    there = f"{made.available} slots are there ({numbers.max_connections} - {numbers.reserved} reserved{', ' + where if where else ''})"
    if steady > made.usable:
        words = f"{_fleet(numbers)} x {size} = {steady} connections, and {there}"
        return PoolSum(
            fits=False,
            words=words,
            fitting=made.pool_size if made.max_deploy else 0,
            most=made.max_deploy,
            consequence=f"Beyond the last slot the server refuses (SQLSTATE 53300); {numbers.buffer} are kept for psql, migrations and monitoring.",
        )
    if deploy > made.available:
        words = (
            f"while a deploy runs {made.procs_peak} processes x {size} = {deploy} connections, and {there}"
        )
        return PoolSum(
            fits=False,
            words=words,
            fitting=made.pool_size if made.max_deploy else 0,
            most=made.max_deploy,
            consequence=f"Old and new instances run side by side ({numbers.surge} surge): {deploy - made.available} connections are refused.",
        )
    return PoolSum(fits=True, words="", consequence="", fitting=made.pool_size, most=made.max_deploy)


def _against_pooler(target: Target, ctx: Context, size: int) -> PoolSum | None:
    """A transaction-mode pooler's own client limit, where the plan tells it."""
    numbers, provider = ctx.numbers, target.match.provider
    plan = ctx.catalogue.limit(provider.id, numbers.plan) if provider and numbers.plan else None
    if plan is None or plan.pooler_clients is None or numbers.instances is None:
        return None
    made = sizing(numbers, plan.max_connections or SERVER_MAX, numbers.instances)
    total = made.procs_peak * size
    return PoolSum(
        fits=total <= plan.pooler_clients,
        words=f"while a deploy runs {made.procs_peak} processes x {size} = {total} clients, and the pooler takes {plan.pooler_clients} ({plan.title or plan.plan})",
        consequence="Beyond its client limit the pooler refuses, whatever the server has free.",
        fitting=plan.pooler_clients // made.procs_peak,
        most=plan.pooler_clients // made.procs_peak,
        sources=(plan.source,),
    )


def _fleet(numbers: Numbers) -> str:
    fleet = plural(numbers.instances or 0, "instance")
    return fleet if numbers.workers == 1 else f"{fleet} x {plural(numbers.workers, 'process', 'processes')}"


def sizing(numbers: Numbers, most: int, instances: int) -> Sizing:
    """The model's answer for these numbers."""
    from poolcheck.capacity.pool_size import recommend  # noqa: PLC0415 - only where there is something to add up

    return recommend(
        Inputs(
            max_connections=most,
            instances=instances,
            reserved=min(numbers.reserved, most - 1),
            buffer=min(numbers.buffer, max(most - numbers.reserved - 1, 0)),
            workers=numbers.workers,
            surge=numbers.surge,
        )
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumed:
    """The pool size that step 2 names, and what it rests on."""

    pool_size: int | None
    words: str  # a sentence, "" when there is nothing to say
    certain: bool  # every number was given or read

    @property
    def mark(self) -> str:
        """Behind a sum that rests on an assumption."""
        return "" if self.certain else " (assumed numbers)"


def size_for(target: Target | None, ctx: Context) -> tuple[Assumed, Sizing | None]:
    """The pool size for the app's string: the model's, over given numbers, or over assumed ones that are said.

    Behind a transaction-mode pooler the server's slots are shared, so serverless starts at 1; the model is for
    processes that hold slots themselves.
    """
    numbers = ctx.numbers
    if target is None or target.match.kind == "http":
        return Assumed(pool_size=None, words="", certain=True), None
    pooled = target.match.kind == "pooled" and target.match.mode != "session"
    if target.package.runtime.short_lived and (pooled or _pooler_exists(target)):
        words = "Start at 1 connection per instance: the number of instances is not under your control. More only where one instance serves several requests at once."
        return Assumed(pool_size=1, words=words, certain=True), None
    most, instances = numbers.max_connections or SERVER_MAX, numbers.instances or ASSUMED_INSTANCES
    made = sizing(numbers, most, instances)
    missing = []
    if numbers.max_connections is None:
        missing.append(f"max_connections {SERVER_MAX} (PostgreSQL's default; --max)")
    if numbers.instances is None:
        missing.append(f"{ASSUMED_INSTANCES} instances (--instances)")
    words = f"{made.procs} x {made.pool_size} = {made.total_steady} of {made.available} slots, {made.total_deploy} while a deploy runs."
    if missing:
        words = f"Assumed: {' and '.join(missing)}. Then {words}"
    return Assumed(pool_size=made.pool_size, words=words, certain=not missing), made


def _pooler_exists(target: Target) -> bool:
    provider = target.match.provider
    return provider is not None and any(endpoint.kind == "pooled" for endpoint in provider.endpoints)


def configured_size(target: Target, who: Reader) -> tuple[int | None, str]:
    """The pool of one process, from the URL or the driver's default, and where it comes from."""
    param = who.url.size_param if who.url else ""
    given = target.conn.param(param) if param else None
    if given is not None:
        return (int(given), f"{param}={given}") if given.isdigit() and int(given) > 0 else (None, "")
    if who.own and who.own.pool_size and not param:
        return None, ""  # the code may set it; what it says is not seen here
    if who.own and who.own.pool_size:
        return who.own.pool_size, f"default of {who.title}: {who.own.pool}"
    return None, ""
