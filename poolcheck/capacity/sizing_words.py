"""A sizing in sentences: every number with the sum it comes from. Text for people and for JSON; no layout."""

from poolcheck.capacity import formulas
from poolcheck.capacity.pool_size import useful_size
from poolcheck.config.settings import SERVER_RESERVED
from poolcheck.model.sizing import Sizing, Status
from poolcheck.text import percent, plural

VERDICTS = {
    "same": "the same",
    "leaves slots unused": "safe, but leaves {unused} of {available} slots unused while a deploy runs",
    "more than needed": "safe, more than is needed",
    "passes the warning line": "fits, but passes the warning line during a deploy ({peak} of {line})",
    "would refuse": "would refuse {refused} during a deploy ({procs_peak} x {classic} = {peak} of {available})",
    "not usable": "not usable: it takes the buffer of {buffer} once per instance",
}


def amount(value: float) -> str:
    """A rate or a time to four digits, never as 1e+04."""
    return f"{value:.0f}" if value >= 1000 or value == int(value) else f"{value:.4g}"


def headline(sizing: Sizing) -> str:
    """The answer in one line."""
    if sizing.pooler:
        return f"PgBouncer default_pool_size: {sizing.pooler.pool_size}"
    if sizing.shares:
        return "Pool size per process: " + ", ".join(
            f"{share.service} {share.pool_size}" for share in sizing.shares
        )
    if sizing.functions:
        return f"Functions that fit: {sizing.functions.cap} with {plural(sizing.functions.limit, 'connection')} each"
    per = "instance" if sizing.inputs.workers == 1 else "process"
    return f"Pool size per {per}: {sizing.pool_size}"


def verdict(sizing: Sizing, status: Status | None = None) -> str:
    """What the status means here, in numbers; "" when all is well."""
    status = status or sizing.status
    if status == "ok":
        return ""
    if status == "tight":
        return _tight(sizing)
    if status == "deploy_overflows":
        over = sizing.total_deploy - sizing.available
        what = (
            f"{plural(over, 'connection')} would be refused"
            if over > 0
            else "only by taking the slots kept free"
        )
        fits = f"{sizing.total_steady:,} connections fit, {sizing.total_deploy:,} during a deploy do not"
        return f"{fits}: {sizing.usable} are usable, {what}."
    if status == "too_many_pools" and sizing.pooler:
        pools = sizing.pooler.pairs * sizing.pooler.processes
        reserve = f" with {sizing.pooler.reserve_pool} in reserve each" if sizing.pooler.reserve_pool else ""
        return f"{pools} pools{reserve} do not fit into {sizing.usable} usable slots, not even with one connection each."
    if status == "needs_cpu":
        load, machine = sizing.inputs.load, sizing.inputs.machine
        if load and machine and machine.cpu_ms:
            cores = load.tps * machine.cpu_ms / 1000
            return f"{amount(load.tps)}/s x {amount(machine.cpu_ms)} ms CPU = {cores:.3g} busy cores of {machine.cores}: no pool size helps."
    if status == "over_capacity":
        return _over_capacity(sizing)
    return _needs_pooler(sizing)


def _tight(sizing: Sizing) -> str:
    line = percent(sizing.inputs.warn_at)
    if sizing.pooler:
        return f"Fits, but full pools pass the {line} line ({sizing.pooler.worst} of {sizing.warn_line})."
    when = "all at once pass" if sizing.functions else "a deploy passes"
    return f"Fits, but {when} the {line} line ({sizing.total_deploy} of {sizing.warn_line})."


def _over_capacity(sizing: Sizing) -> str:
    load = sizing.inputs.load
    if not load or (not sizing.need_shared and not sizing.pooler):
        if sizing.pool_size < 1:
            return f"The classic formula gives {sizing.classic}: no pool at all."
        refused = sizing.total_steady - sizing.available
        return f"{sizing.total_steady} connections on {sizing.available} slots: {refused} would be refused."
    busy = (
        f"{amount(load.tps)}/s x {amount(load.hold_ms)} ms = {load.erlangs:.3g} connections busy on average"
    )
    if sizing.pooler:
        return f"{busy}: each pool needs {sizing.pooler.need}, and {sizing.pooler.largest} fit."
    return f"{busy}: even one pool shared by all needs {sizing.need_shared}, and {sizing.usable} are usable."


def _needs_pooler(sizing: Sizing) -> str:
    if sizing.functions:
        function = sizing.functions
        count = f"{plural(sizing.inputs.instances, 'function')} x {function.limit} = {function.demand} connections"
        if function.refused:
            return f"{count} on {sizing.available} slots: {function.refused} would be refused."
        return (
            f"{count} fit into {sizing.available} slots only by taking the {sizing.inputs.buffer} kept free."
        )
    if sizing.max_steady < 1:
        return f"{plural(sizing.procs, 'process', 'processes')} and {sizing.usable} usable slots: not even one connection each."
    need, peak = sizing.need or 1, sizing.procs_peak
    return (
        f"{sizing.procs} private pools need {sizing.procs} x {need} = {sizing.procs * need} connections"
        f" ({peak} x {need} = {peak * need} during a deploy) of {sizing.usable};"
        f" one shared pool needs only {sizing.need_shared}."
    )


def advice(sizing: Sizing, status: Status | None = None) -> tuple[str, ...]:
    """What to do about the status, most useful first; () when all is well."""
    status = status or sizing.status
    pooled = "Put a transaction-mode pooler in between (PgBouncer, RDS Proxy, the provider's own)"
    if status == "tight":
        return ("Lower the surge (Kubernetes maxSurge) so that a deploy adds fewer instances.", f"{pooled}.")
    if status == "deploy_overflows":
        return ("Stop old instances first: Kubernetes maxSurge: 0, maxUnavailable: 1.", f"{pooled}.")
    if status == "needs_pooler":
        size = (
            sizing.need_shared if sizing.knee is None else min(sizing.need_shared or sizing.knee, sizing.knee)
        )
        sized = f" with default_pool_size = {size}" if size and size <= sizing.usable else ""
        first = f"{pooled}{sized}; poolcheck size --pooler writes its pgbouncer.ini."
        if sizing.functions:
            cap = f"Until then cap the functions' concurrency at floor({sizing.usable} / {sizing.functions.limit}) = {sizing.functions.cap}."
            return (first, cap)
        return (first, "Or run fewer processes: threads inside one process share its pool.")
    if status == "over_capacity":
        if sizing.inputs.load is None:
            return ("Use the size that poolcheck recommends.",) if sizing.recommended else (f"{pooled}.",)
        idle = sizing.measured.idle_share if sizing.measured else None
        share = f" ({idle:.0%} of it is idle in transaction)".replace("%", " %") if idle else ""
        return (
            f"Shorten the time a connection is held{share}: first whatever happens between statements of a transaction.",
            "Send reads to replicas.",
            "Only then raise max_connections, if memory and cores allow.",
        )
    if status == "needs_cpu":
        return ("Make the queries cheaper, or the compute larger.",)
    if status == "too_many_pools":
        return (
            "Let services share a database user: PgBouncer keeps one pool per (database, user) pair.",
            "Run fewer PgBouncer processes: each counts for itself.",
        )
    return ()


def sums(sizing: Sizing) -> tuple[str, ...]:
    """How the numbers come about, one sum a line."""
    if sizing.pooler:
        return (*_pooler_sums(sizing), *_slots(sizing))
    if sizing.shares:
        return (*_share_sums(sizing), *_slots(sizing))
    if sizing.functions:
        return (*_function_sums(sizing), *_slots(sizing), *_load(sizing))
    return (*_totals(sizing), *_slots(sizing), *_load(sizing), _classic(sizing))


def _fleet(instances: int, workers: int) -> str:
    words = plural(instances, "instance")
    return words if workers == 1 else f"{words} x {plural(workers, 'process', 'processes')}"


def _line(sizing: Sizing, total: int) -> str:
    share = percent(sizing.inputs.warn_at)
    return f"{'below' if total <= sizing.warn_line else 'above'} the {share} line ({sizing.warn_line})"


def _totals(sizing: Sizing) -> tuple[str, ...]:
    asked = sizing.inputs
    fleet = _fleet(asked.instances, asked.workers)
    if sizing.pool_size == 0:
        return ()
    first = f"{fleet} x {sizing.pool_size} = {sizing.total_steady} of {sizing.available} connections"
    if sizing.procs_peak != sizing.procs:
        first += f"; {sizing.total_deploy} while a deploy runs ({plural(sizing.instances_peak, 'instance')})"
    first += f" - {_line(sizing, sizing.total_deploy)}"
    lines = [first]
    steady = f"{sizing.procs} x {sizing.max_steady} = {sizing.procs * sizing.max_steady} of {sizing.usable}"
    deploy = f"{sizing.procs_peak} x {sizing.max_deploy} = {sizing.procs_peak * sizing.max_deploy} of {sizing.usable}"
    if sizing.procs_peak == sizing.procs:
        lines.append(f"Most that fits: {sizing.max_steady} ({steady}); a deploy adds no instance")
    elif sizing.max_deploy < 1:
        lines.append(
            f"Most that fits: {sizing.max_steady} if old instances stop first ({steady}); none during a deploy"
        )
    else:
        lines.append(
            f"Could go up to {sizing.max_deploy} and still survive a deploy ({deploy}),"
            f" {sizing.max_steady} if old instances stop first ({steady})"
        )
    if sizing.useful is not None:
        asked_fanout = f" x {asked.fanout} queries" if asked.fanout > 1 else ""
        lines.append(
            f"More than {sizing.useful} is never used: {asked.threads} requests at once{asked_fanout} per process"
        )
    return tuple(lines)


def _slots(sizing: Sizing) -> tuple[str, ...]:
    asked = sizing.inputs
    server = asked.max_connections - asked.reserved - asked.others
    origin = dict(sizing.sources)
    where = f" ({origin['max_connections']})" if "max_connections" in origin else ""
    others = f" - {asked.others} for others" if asked.others else ""
    kept = (
        "kept for superusers"
        if asked.reserved == SERVER_RESERVED and "reserved" not in origin
        else "reserved"
    )
    parts = [f"{server} = {asked.max_connections} max_connections{where} - {asked.reserved} {kept}{others}"]
    for limit, owner in ((asked.role_limit, "role"), (asked.database_limit, "database")):
        if limit is not None and limit == sizing.available and limit < server:
            parts.append(f"{limit} = the {owner}'s CONNECTION LIMIT, which is tighter")
    parts.append(
        f"{sizing.usable} = {sizing.available} - {asked.buffer} kept for psql, migrations, monitoring"
    )
    return ("; ".join(parts),)


def _load(sizing: Sizing) -> tuple[str, ...]:
    asked, load = sizing.inputs, sizing.inputs.load
    lines = []
    if load and sizing.need is not None:
        target = f"{load.percentile:g} % wait at most {amount(load.target_ms)} ms"
        lines.append(
            f"Load: {amount(load.tps)}/s x {amount(load.hold_ms)} ms = {load.erlangs:.3g} connections busy on average;"
            f" {target} with {sizing.need} per process, or with {sizing.need_shared} in one pool shared by all"
        )
        split, shared = sizing.need * sizing.procs, sizing.need_shared or 1
        if sizing.procs > 1 and split > shared:
            lines.append(
                f"Splitting costs {split / shared:.1f} times the connections: {sizing.procs} x {sizing.need} = {split} against {shared}"
            )
    if sizing.knee is not None and asked.machine:
        machine = asked.machine
        if load and machine.cpu_ms:
            how = f"{machine.cores} cores x {amount(load.hold_ms)} ms / {amount(machine.cpu_ms)} ms CPU"
        else:
            how = f"{machine.cores} cores x 2 + {machine.spindles}"
        words = f"The server makes use of about {sizing.knee} busy connections ({how})"
        if sizing.total_steady > sizing.knee:
            words += f"; all {sizing.total_steady} at once would only wait inside it"
        lines.append(words)
    return tuple(lines)


def _classic(sizing: Sizing) -> str:
    asked = sizing.inputs
    peak = sizing.classic * sizing.procs_peak
    words = VERDICTS[sizing.classic_verdict].format(
        unused=sizing.available - peak,
        available=sizing.available,
        peak=peak,
        line=sizing.warn_line,
        refused=peak - sizing.available,
        procs_peak=sizing.procs_peak,
        classic=sizing.classic,
        buffer=asked.buffer,
    )
    formula = f"floor({asked.max_connections}/{asked.instances}) - {asked.buffer} = {sizing.classic}"
    if asked.formula == "classic":
        same = "the same" if sizing.recommended == sizing.classic else str(sizing.recommended)
        return f"This is the classic formula {formula}; {words}. Recommended: {same}"
    return f"Classic formula {formula}: {words}"


def _function_sums(sizing: Sizing) -> tuple[str, ...]:
    function = sizing.functions
    assert function
    fits = f"At most floor({sizing.usable} / {function.limit}) = {function.cap} functions at once fit with the reserve kept"
    if sizing.status == "needs_pooler":
        return (fits,)  # the verdict has the other sum
    count = plural(sizing.inputs.instances, "function")
    return (
        f"{count} x {function.limit} = {function.demand} of {sizing.available} connections, none refused",
        fits,
    )


def _share_sums(sizing: Sizing) -> tuple[str, ...]:
    lines = []
    for share in sizing.shares:
        at_most = f", of no use beyond {share.most}" if share.most is not None else ""
        lines.append(
            f"{share.service}: {_fleet(share.instances, share.workers)} x {share.pool_size} = {share.procs * share.pool_size},"
            f" {share.peak} x {share.pool_size} = {share.peak * share.pool_size} while it is deployed{at_most}"
        )
    terms = " + ".join(str(share.peak * share.pool_size) for share in sizing.shares)
    lines.append(
        f"All deployed at once: {terms} = {sizing.total_deploy} of {sizing.available} connections"
        f" - {_line(sizing, sizing.total_deploy)}"
    )
    lines.append(
        "Every process gets one connection, then one more in turn, until the next turn would pass that line"
    )
    return tuple(lines)


def _pooler_sums(sizing: Sizing) -> tuple[str, ...]:
    pooler = sizing.pooler
    assert pooler
    pools = f"{plural(pooler.processes, 'PgBouncer')} x {plural(pooler.pairs, '(database, user) pair')}"
    room = f"floor({sizing.usable} / {pooler.pairs * pooler.processes})"
    reserve = f" - {pooler.reserve_pool} in reserve" if pooler.reserve_pool else ""
    each = f"({pooler.pool_size} + {pooler.reserve_pool})" if pooler.reserve_pool else str(pooler.pool_size)
    lines = []
    if pooler.pool_size:
        lines.append(
            f"{pools} x {each} = {pooler.worst} of {sizing.usable} usable connections, all pools full"
        )
    lines.append(f"Most that fits: {room}{reserve} = {pooler.largest}")
    if pooler.need is not None and (load := sizing.inputs.load):
        lines.append(
            f"Load: {amount(load.tps)}/s x {amount(load.hold_ms)} ms = {load.erlangs:.3g} connections busy on average;"
            f" {load.percentile:g} % wait at most {amount(load.target_ms)} ms with {pooler.need} in each pool"
        )
    if sizing.knee is not None:
        useful = useful_size(sizing, pooler.pairs * pooler.processes) or 0
        knee = -(-sizing.knee // (pooler.pairs * pooler.processes))
        words = f"The server makes use of about {sizing.knee} busy connections: {knee} for each pool"
        if useful > knee and sizing.inputs.machine and not sizing.inputs.machine.cpu_ms:
            words += f". That is a rule of thumb, and the load keeps more busy: {useful} it is. --cpu-ms tells which holds"
        lines.append(words)
    fleet = f"{sizing.procs_peak} processes during a deploy x {pooler.clients_per_process} connections of their own pool"
    lines.append(
        f"max_client_conn: {fleet} = {pooler.clients}"
        + (f", divided among {pooler.processes}" if pooler.processes > 1 else "")
    )
    clients = -(-pooler.clients // pooler.processes)
    lines.append(
        f"File descriptors of a process: {plural(clients, 'client')} + 10 of its own + {pooler.pairs} x {pooler.pool_size + pooler.reserve_pool} = {pooler.descriptors}"
    )
    return tuple(lines)


def memory(sizing: Sizing) -> str:
    """What the connections cost in memory: 2 MB when fresh, 5 MB after an ORM has touched some hundred tables.

    Measured as proportional set size: 1.3 MB and 0.2 MB of page tables on PostgreSQL 15; the 10 MB of old rules
    counts shared memory once per connection.
    """
    total = sizing.pooler.worst if sizing.pooler else sizing.total_deploy
    return f"{total} connections take about {total * 2:,} MB, {total * 5:,} MB behind an ORM; work_mem of busy ones comes on top"


def published(sizing: Sizing) -> str:
    """Rules that others publish and whose inputs are known; "" when there is none."""
    threads, workers = sizing.inputs.threads, sizing.inputs.workers
    if threads is None:
        return ""
    return (
        f"Rules that others publish: where a thread holds 2 connections at once, HikariCP's floor against deadlock is"
        f" {threads} x (2 - 1) + 1 = {formulas.deadlock_floor(threads, 2)} per process; GitLab counts"
        f" {workers} x ({threads} + 10) = {formulas.threaded_fleet(workers, threads)} for a Puma instance, opened when needed"
    )


def unchecked(sizing: Sizing) -> str:
    """What the answer does not rest on, and what would change that; "" when there is nothing."""
    missing = []
    if sizing.inputs.load is None and not sizing.shares:
        missing.append(
            "how many connections the load needs (--tps and --hold-ms say it, --from DSN --sample 60s measures it)"
        )
    if sizing.inputs.machine is None:
        missing.append("how many the server's processors can make use of (--cores)")
    return f"Not checked: {' and '.join(missing)}" if missing else ""
