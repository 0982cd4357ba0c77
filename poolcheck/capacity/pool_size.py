"""Pool sizes that can be defended: what fits, what is needed, what is useful, and the one number inside all three. Pure.

`recommend` answers for processes that each keep a pool of their own; `functions`, `share` and `pooler` answer for
serverless functions, for several services on one server, and for a PgBouncer in between.

Fit: https://www.postgresql.org/docs/current/runtime-config-connection.html - an ordinary role gets max_connections
without superuser_reserved_connections (3) and reserved_connections (0). A superuser who is logged in takes one of
those slots too. Surge: https://kubernetes.io/docs/concepts/workloads/controllers/deployment/ - maxSurge is 25 %,
rounded up. Need: poolcheck.capacity.queueing. Knee: https://wiki.postgresql.org/wiki/Number_Of_Database_Connections and
https://github.com/brettwooldridge/HikariCP/wiki/About-Pool-Sizing - cores x 2 + spindles.
"""

import math
from dataclasses import replace

from poolcheck.capacity import queueing
from poolcheck.config.settings import MOST_CONNECTIONS
from poolcheck.errors import BadConfig
from poolcheck.model.sizing import (
    ClassicVerdict,
    Functions,
    Inputs,
    Load,
    Machine,
    PoolerSizing,
    Share,
    Sizing,
    Status,
    surge,
)

CLIENT_POOL = (
    10  # the default pool of node-postgres, HikariCP, asyncpg and sqlx: what an app opens to a pooler
)
FUNCTION_POOL = 1  # of a serverless function: one request at a time
OWN_DESCRIPTORS = 10  # what PgBouncer adds for its listeners, log and pipes in its own estimate


def recommend(inputs: Inputs) -> Sizing:
    """The pool size of each process, with everything it is computed from.

    Raises:
        BadConfig: a number is out of its range, or the reserve leaves no slot at all (see `check`).
    """
    check(inputs)
    load, machine = inputs.load, inputs.machine
    available = slots(inputs)
    usable = max(0, available - inputs.buffer)
    peak = inputs.instances + surge(inputs.instances, inputs.surge)
    procs, procs_peak = inputs.instances * inputs.workers, peak * inputs.workers
    max_steady, max_deploy = usable // procs, usable // procs_peak
    line = math.floor(inputs.warn_at * available + 1e-9)
    comfort = line // procs_peak
    useful = None if inputs.threads is None else inputs.threads * inputs.fanout
    need = need_shared = None
    if load:
        need_shared = needed(load, 1, inputs.fanout)
        need = needed(load, procs, inputs.fanout)
    problems: list[Status] = []
    if max_steady < 1:
        problems.append("needs_pooler")
    elif max_deploy < 1:
        problems.append("deploy_overflows")
    if load and machine and machine.cpu_ms and load.tps * machine.cpu_ms / 1000 >= machine.cores:
        problems.append("needs_cpu")
    if need is not None and need_shared is not None and max_deploy >= 1:
        if need_shared > usable:
            problems.append("over_capacity")
        elif need > max_deploy:
            problems.append("needs_pooler")
    pool = _pool(max_steady, max_deploy, comfort, need)
    if useful is not None:
        pool = min(pool, useful)
    if not problems and pool * procs_peak > line:
        problems.append("tight")
    sizing = Sizing(
        inputs=inputs,
        status=problems[0] if problems else "ok",
        also=tuple(problems[1:]),
        pool_size=pool,
        recommended=pool,
        available=available,
        usable=usable,
        instances_peak=peak,
        procs=procs,
        procs_peak=procs_peak,
        max_steady=max_steady,
        max_deploy=max_deploy,
        warn_line=line,
        comfort=comfort,
        classic=inputs.max_connections // inputs.instances - inputs.buffer,
        useful=useful,
        erlangs=load.erlangs if load else None,
        need=need,
        need_shared=need_shared,
        knee=knee(machine, load) if machine else None,
    )
    sizing = replace(sizing, classic_verdict=_classic_verdict(sizing))
    return _by_classic(sizing) if inputs.formula == "classic" else sizing


def _pool(max_steady: int, max_deploy: int, comfort: int, need: int | None) -> int:
    """The recommendation before anything is known of threads: as in the module's docstring, hard stops first."""
    if max_steady < 1:
        return 0
    if max_deploy < 1:
        return 1
    if need is None:
        return max(1, min(comfort, max_deploy))
    return min(need, max_deploy)


def _by_classic(sizing: Sizing) -> Sizing:
    """The same with the classic value as the headline, and the status that it earns."""
    status: Status = "ok"
    total, peak = sizing.classic * sizing.procs, sizing.classic * sizing.procs_peak
    if sizing.classic < 1 or total > sizing.available:
        status = "needs_pooler" if sizing.max_steady < 1 else "over_capacity"
    elif peak > sizing.available:
        status = "deploy_overflows"
    elif peak > sizing.warn_line:
        status = "tight"
    return replace(sizing, status=status, also=(), pool_size=max(0, sizing.classic))


def _classic_verdict(sizing: Sizing) -> ClassicVerdict:
    """What is to be said of the classic value beside the recommended one."""
    at_peak = sizing.classic * sizing.procs_peak
    if sizing.classic < 1:
        return "not usable"
    if sizing.classic == sizing.recommended:
        return "same"
    if at_peak > sizing.available:
        return "would refuse"
    if sizing.classic < sizing.recommended:
        return "leaves slots unused"
    return "passes the warning line" if at_peak > sizing.warn_line else "more than needed"


def check(inputs: Inputs) -> None:
    """Complain about numbers that cannot be.

    Raises:
        BadConfig: with the option's name.
    """
    wrong = [
        (inputs.max_connections < 1, f"--max must be at least 1, not {inputs.max_connections}"),
        (
            inputs.max_connections > MOST_CONNECTIONS,
            f"--max cannot be above {MOST_CONNECTIONS:,}, PostgreSQL's own limit",
        ),
        (inputs.instances < 1, f"--instances must be at least 1, not {inputs.instances}"),
        (inputs.workers < 1, f"--workers must be at least 1, not {inputs.workers}"),
        (inputs.reserved < 0, f"--reserved cannot be negative: {inputs.reserved}"),
        (inputs.others < 0, f"--others cannot be negative: {inputs.others}"),
        (inputs.buffer < 0, f"--buffer cannot be negative: {inputs.buffer}"),
        (inputs.threads is not None and inputs.threads < 1, "--threads must be at least 1"),
        (inputs.fanout < 1, f"--fanout must be at least 1, not {inputs.fanout}"),
        (not 0 < inputs.warn_at <= 1, f"--warn-at is a share above 0 and at most 1, not {inputs.warn_at}"),
    ]
    for is_wrong, words in wrong:
        if is_wrong:
            raise BadConfig(words)
    surge(inputs.instances, inputs.surge)
    if inputs.load:
        check_load(inputs.load)
    if inputs.machine:
        check_machine(inputs.machine)
    if slots(inputs) < 1:
        taken = f"{inputs.max_connections} - {inputs.reserved} reserved - {inputs.others} for others"
        raise BadConfig(
            f"no slot is left for the app: {taken} = {slots(inputs)}",
            "Raise --max, or lower --reserved or --others; `SHOW max_connections` tells the server's value.",
        )


def check_load(load: Load) -> None:
    """Complain about a load that cannot be.

    Raises:
        BadConfig: with the option's name.
    """
    for value, option in ((load.tps, "--tps"), (load.hold_ms, "--hold-ms")):
        if not (math.isfinite(value) and value > 0):
            raise BadConfig(f"{option} must be above 0, not {value:g}")
    if load.wait_ms is not None and not (math.isfinite(load.wait_ms) and load.wait_ms >= 0):
        raise BadConfig(f"--wait-ms cannot be negative: {load.wait_ms:g}")
    if not (math.isfinite(load.cv2) and load.cv2 >= 0):
        raise BadConfig(
            f"--cv2 cannot be negative: {load.cv2:g}", "0: constant holds, 1: exponential, 4: heavy tail."
        )
    if not 0 < load.percentile < 100:
        raise BadConfig(
            f"--percentile must be above 0 and below 100, not {load.percentile:g}",
            "No pool is large enough for every single transaction never to wait longer.",
        )
    if load.erlangs > MOST_CONNECTIONS:
        raise BadConfig(
            f"--tps {load.tps:g} x --hold-ms {load.hold_ms:g} keeps {load.erlangs:,.0f} connections busy: more than"
            f" PostgreSQL can have ({MOST_CONNECTIONS:,})",
            "--tps is per second, --hold-ms in milliseconds.",
        )


def check_machine(machine: Machine) -> None:
    """Complain about processors that cannot be.

    Raises:
        BadConfig: with the option's name.
    """
    if machine.cores < 1:
        raise BadConfig(f"--cores must be at least 1, not {machine.cores}")
    if machine.spindles < 0:
        raise BadConfig(f"--spindles cannot be negative: {machine.spindles}")
    if machine.cpu_ms is not None and not (math.isfinite(machine.cpu_ms) and machine.cpu_ms > 0):
        raise BadConfig(f"--cpu-ms must be above 0, not {machine.cpu_ms:g}")


def slots(inputs: Inputs) -> int:
    """Connections that an ordinary role can have: the tightest of server, role and database. May be below 1."""
    limits = [inputs.max_connections - inputs.reserved - inputs.others]
    limits += [limit for limit in (inputs.role_limit, inputs.database_limit) if limit is not None]
    return min(limits)


def needed(load: Load, pools: int, batch: int = 1) -> int:
    """Connections that each of `pools` equal pools needs for its share of the load."""
    return queueing.need(
        load.tps / pools / 1000, load.hold_ms, load.target_ms, load.percentile, cv2=load.cv2, batch=batch
    )


def knee(machine: Machine, load: Load | None = None) -> int:
    """Busy connections beyond which a server gains little throughput and every one costs latency.

    cores x hold / CPU when the CPU time is known, else cores x 2 + spindles, which is the case of a transaction
    that is blocked for as long as it computes.
    """
    if machine.cpu_ms and load and machine.cpu_ms <= load.hold_ms:
        return max(1, math.floor(machine.cores * load.hold_ms / machine.cpu_ms + 1e-9))
    if machine.cpu_ms and load:
        return machine.cores
    return machine.cores * 2 + machine.spindles


def functions(inputs: Inputs, limit: int = FUNCTION_POOL) -> Sizing:
    """Serverless functions that connect directly: `inputs.instances` of them, `limit` connections each.

    A deploy of functions adds no surge of its own: `instances` is the concurrency that the platform allows.

    Raises:
        BadConfig: a number is out of its range.
    """
    if limit < 1:
        raise BadConfig(f"--pool must be at least 1, not {limit}")
    base = recommend(replace(inputs, surge="0", formula="poolcheck", threads=None, workers=1))
    demand = inputs.instances * limit
    status: Status = "ok"
    if demand > base.usable:
        status = "needs_pooler"
    elif demand > base.warn_line:
        status = "tight"
    return replace(
        base,
        status=status,
        also=tuple(each for each in (base.status, *base.also) if each in ("needs_cpu", "over_capacity")),
        pool_size=limit,
        recommended=1,
        functions=Functions(
            limit=limit,
            demand=demand,
            refused=max(0, demand - base.available),
            cap=base.usable // limit,
        ),
    )


def share(inputs: Inputs, services: tuple[Share, ...]) -> Sizing:
    """Divide one server among several services: every process gets one connection, then one more in turn.

    The turns end where the next one would pass the warning line with all services being deployed at once, so no
    service is more than one turn ahead of another, except where `most` says that more is of no use to it.
    `inputs.instances` and `inputs.surge` are not read.

    Raises:
        BadConfig: a number is out of its range, or there is no service.
    """
    if not services:
        raise BadConfig("--share names no service", "For example --share web=8,worker=4x2,cron=1.")
    base = recommend(replace(inputs, instances=1, workers=1, surge="0", load=None, formula="poolcheck"))
    sizes = dict.fromkeys((service.service for service in services), 1)
    total = at_least = sum(service.peak for service in services)
    steady = sum(service.procs for service in services)
    open_ended = [service for service in services if service.most is None or service.most > 1]
    while open_ended and total <= base.warn_line:
        for each in open_ended:
            if total + each.peak > base.warn_line:
                open_ended = []
                break
            total += each.peak
            sizes[each.service] += 1
        open_ended = [each for each in open_ended if each.most is None or sizes[each.service] < each.most]
    status: Status = "ok"
    if steady > base.usable:
        status = "needs_pooler"
        sizes = dict.fromkeys(sizes, 0)
    elif at_least > base.usable:
        status = "deploy_overflows"
    elif at_least > base.warn_line:
        status = "tight"
    shares = tuple(replace(service, pool_size=sizes[service.service]) for service in services)
    return replace(
        base,
        status=status,
        pool_size=min(sizes.values()),
        recommended=min(sizes.values()),
        procs=steady,
        procs_peak=at_least,
        max_steady=base.usable // steady,
        max_deploy=base.usable // at_least,
        comfort=base.warn_line // at_least,
        shares=shares,
    )


def pooler(
    sizing: Sizing,
    *,
    pairs: int = 1,
    processes: int = 1,
    reserve_pool: int = 0,
    client_pool: int = CLIENT_POOL,
    need: int | None = None,
) -> Sizing:
    """A PgBouncer in transaction mode before the server: `processes` of them, `pairs` (database, user) pairs each.

    PgBouncer keeps one pool per pair and counts per process: processes x pairs x (default_pool_size +
    reserve_pool_size) server connections at worst. File descriptors: max_client_conn + 10 + largest pool x pairs.
    https://www.pgbouncer.org/config.html
    `need`: connections that one pool needs; default: from the load, divided among all pools.

    Raises:
        BadConfig: a number is out of its range.
    """
    for value, option in ((pairs, "--pairs"), (processes, "--pooler-processes"), (client_pool, "--pool")):
        if value < 1:
            raise BadConfig(f"{option} must be at least 1, not {value}")
    if reserve_pool < 0:
        raise BadConfig(f"--reserve-pool cannot be negative: {reserve_pool}")
    pools = pairs * processes
    load = sizing.inputs.load
    if need is None and load:
        need = needed(load, pools, sizing.inputs.fanout)
    largest = max(0, sizing.usable // pools - reserve_pool)
    useful = useful_size(sizing, pools)
    size = min(each for each in (largest, need, useful) if each is not None)
    clients = sizing.procs_peak * client_pool
    status: Status = "ok"
    if largest < 1:
        status = "too_many_pools"
    elif "needs_cpu" in (sizing.status, *sizing.also):
        status = "needs_cpu"
    elif need is not None and need > largest:
        status = "over_capacity"
    elif pools * (size + reserve_pool) > sizing.warn_line and need is not None:
        status = "tight"
    here = -(-clients // processes)
    return replace(
        sizing,
        status=status,
        also=(),
        pooler=PoolerSizing(
            pairs=pairs,
            processes=processes,
            reserve_pool=reserve_pool,
            largest=largest,
            pool_size=size,
            worst=pools * (size + reserve_pool) if size else 0,
            need=need,
            clients=clients,
            clients_per_process=client_pool,
            descriptors=here + OWN_DESCRIPTORS + (size + reserve_pool) * pairs,
        ),
    )


def useful_size(sizing: Sizing, pools: int = 1) -> int | None:
    """Connections beyond which each of `pools` equal pools of a pooler gains nothing; None when no cores are given.

    The server's knee, divided; but cores x 2 is a rule of thumb, and a pool that is smaller than what the load keeps
    busy cannot work at all, so without a lack of CPU it is never below that.
    """
    if sizing.knee is None:
        return None
    useful = math.ceil(sizing.knee / pools)
    if sizing.erlangs is None or "needs_cpu" in (sizing.status, *sizing.also):
        return useful
    return max(useful, math.ceil(sizing.erlangs / pools / queueing.MOST_BUSY - 1e-9))
