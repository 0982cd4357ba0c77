"""The look at a server: how full, who holds the slots, what leaks, who blocks."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from poolcheck.connection.secret import redact
from poolcheck.model.look import Look, SessionGroup, driver
from poolcheck.model.snapshot import Backend, Block, Leak, Snapshot
from poolcheck.output._sql import laid_out
from poolcheck.output.paint import Paint
from poolcheck.text import clean, plural, seconds

SHOWN_GROUPS = 6  # rows of who holds the slots; with -v all
SHOWN_LEAKS = 4
SHOWN_BLOCKS = 3
FEWEST_WAITS = 3  # waits for a moment are normal
MOST = "most"  # the order of a single look
# How the groups of a screen stand; their members are ordered alike by `output/_sessions.py`.
ORDERS: dict[str, Callable[[Sequence[SessionGroup]], Sequence[SessionGroup]]] = {
    MOST: tuple,
    "longest": lambda groups: sorted(groups, key=lambda each: -(each.oldest_idle or 0)),
    "name": lambda groups: sorted(groups, key=lambda each: (each.application_name, each.user, each.client)),
}
NARROWEST_BAR = 8  # columns; below, the numbers speak alone


# --- JSON -------------------------------------------------------------------------------------------------------


def record(look: Look) -> dict[str, Any]:
    """The documented keys: server, slots, groups, sessions, leaks, blocking."""
    snapshot = look.snapshot
    server, route = snapshot.server, snapshot.route
    result: dict[str, Any] = {
        "server": {
            "version": server.version,
            "taken": snapshot.taken,
            "max_connections": server.max_connections,
            "superuser_reserved_connections": server.superuser_reserved,
            "reserved_connections": server.reserved,
            "provider_reserved_connections": server.provider_reserved,
            "role_limit": server.role_limit,
            "database_limit": server.database_limit,
            "database": clean(server.database),
            "user": clean(server.user),
            "in_recovery": server.in_recovery,
            "read_only_source": server.read_only_source or None,
            "synchronous_standby_names": clean(server.synchronous_standby_names) or None,
            "sees_all": server.sees_all,
            "via_pooler": route.pooled,
            "pool_mode": route.mode,
            "pooler": route.software or None,
            "route": route.kind,
            "route_evidence": list(route.how),
            "left_behind": {clean(name): clean(value) for name, value in route.left_behind},
        },
        "slots": {
            "usable": server.usable,
            "used": snapshot.used,
            "free": snapshot.free,
            "ratio": round(snapshot.ratio, 3),
            "by_state": snapshot.by_state(),
            "hidden": snapshot.hidden,
            "exact": snapshot.hidden == 0,
            "deploy_used": look.deploy_used,
        },
        "waiting_for": {clean(name): count for name, count in look.waiting.items()},
        "standbys": [
            {"name": clean(each.name), "state": each.state or None, "sync_state": each.sync or None}
            for each in snapshot.standbys
        ],
        "groups": [_group(group) for group in look.groups],
        "sessions": [_session(client, look) for client in snapshot.clients],
        "leaks": [_leaked(leak, member, look) for leak in look.leaks for member in leak.members],
        "blocking": [_block(block) for block in look.blocks],
        "others": {
            "walsenders": snapshot.walsenders,
            "max_wal_senders": server.max_wal_senders,
            "parallel_workers": sum(backend.kind == "parallel worker" for backend in snapshot.backends),
            "background": {clean(name) or "hidden": count for name, count in snapshot.processes},
        },
        "limits": [
            {"kind": cap.kind, "name": clean(cap.name), "limit": cap.limit, "used": cap.used}
            for cap in snapshot.caps
        ],
    }
    if snapshot.counters:
        counters = snapshot.counters
        result["counters"] = {
            "sessions": counters.sessions,
            "abandoned": counters.abandoned,
            "fatal": counters.fatal,
            "killed": counters.killed,
            "since": counters.since or None,
        }
    if snapshot.advisory:
        result["advisory_locks"] = [
            {"pid": lock.pid, "key": lock.key, "granted": lock.granted, "name": lock_name(lock.key)}
            for lock in snapshot.advisory
        ]
    return result


def lock_name(key: str) -> str | None:
    """Whose lock a key is, where that is known."""
    return "Prisma Migrate" if key == "72707369" else None


def _group(group: SessionGroup) -> dict[str, Any]:
    oldest = group.oldest_idle
    return {
        "application_name": clean(group.application_name),
        "user": clean(group.user),
        "database": clean(group.database),
        "client": group.client or None,
        "count": len(group.members),
        "by_state": group.by_state(),
        "oldest_idle_seconds": None if oldest is None else round(oldest, 1),
        "driver": driver(group.members) or None,
    }


def _session(each: Backend, look: Look) -> dict[str, Any]:
    return {
        "pid": each.pid,
        "backend_start": each.backend_start or None,
        "state": each.state or None,
        "seconds": None if each.state_age is None else round(each.state_age, 1),
        "transaction_seconds": None if each.xact_age is None else round(each.xact_age, 1),
        "application_name": clean(each.application_name),
        "user": clean(each.user),
        "database": clean(each.database),
        "client": each.client or None,
        "wait": f"{each.wait_type}:{each.wait_event}" if each.wait_type else None,
        "query": query(each, look) or None,
    }


def _leaked(leak: Leak, each: Backend, look: Look) -> dict[str, Any]:
    own = []
    if each.idle_in_transaction:
        own = [f"idle in transaction for {each.state_age or 0:.0f} s"]
        own += [
            f"blocks {plural(len(block.waiters), 'session')}"
            for block in look.blocks
            if block.root == each.pid
        ]
    return {
        "kind": leak.kind,
        **_session(each, look),
        "evidence": own or list(leak.evidence),
        "confidence": {"certain": "high", "probable": "medium", "possible": "low"}[leak.certainty],
        "otherwise": leak.otherwise or None,
        "confirm": leak.confirm or None,
        "driver": leak.driver or None,
    }


def _block(block: Block) -> dict[str, Any]:
    return {
        "root_pid": block.root,
        "state": block.backend.state or None if block.backend else None,
        "application_name": clean(block.backend.application_name) if block.backend else None,
        "waiters": list(block.waiters),
        "slots": block.slots,
        "verb": block.verb,
        "act_on": block.kind,
        "targets": list(block.targets),
        "frees": block.frees,
        "relation": clean(block.relation) or None,
        "held": block.held or None,
        "wanted": block.wanted or None,
        "prepared": [{"gid": clean(each.gid), "database": clean(each.database)} for each in block.prepared],
    }


def query(each: Backend, look: Look, limit: int | None = None) -> str:
    """The session's last statement: without its literals, unless they were asked for; passwords never."""
    text = redact(each.query) if look.show_queries else each.statement
    return clean(text, limit=limit).strip()


# --- text -------------------------------------------------------------------------------------------------------


def text(look: Look, paint: Paint) -> Iterator[str]:
    """One screen. Who blocks is said by the findings that follow; with -v here too."""
    yield from _head(look, paint)
    if paint.look.verbosity < 0:
        return
    yield from _holders(look, paint)
    yield from _leaks(look, paint)
    if paint.look.verbosity > 0:
        yield from blocking(look, paint)
    yield from _others(look, paint)


def screen(look: Look, paint: Paint, order: str, when: Callable[[float | None], str]) -> Iterator[str]:
    """The same for a screen without findings: everything that is going on, its groups in an order of `ORDERS`.

    `when` says how long something has lasted, or since when.
    """
    yield from _head(look, paint)
    yield from _holders(look, paint, order, when)
    yield from _leaks(look, paint)
    yield from blocking(look, paint)
    yield from _others(look, paint)


def _head(look: Look, paint: Paint) -> Iterator[str]:
    snapshot = look.snapshot
    server = snapshot.server
    where = f"{paint.name(server.database, 40)} as {paint.name(server.user, 40)}"
    kind = " (hot standby: takes no writes)" if server.in_recovery else ""
    yield from paint.wrap(
        f"PostgreSQL {server.version}{kind}, {where}{' at ' + look.target if look.target else ''}", indent=2
    )
    yield from paint.wrap(route_words(snapshot), indent=9, first="  Route  ")
    yield from slots(look, paint)
    parts = [f"{server.max_connections} max_connections", f"{server.superuser_reserved} for superusers"]
    if server.reserved:
        parts.append(f"{server.reserved} reserved")
    if server.provider_reserved:
        parts.append(f"{server.provider_reserved} for Amazon RDS")
    note = " - ".join(parts)
    if not snapshot.route.pooled:
        note += "; this look's own session is not counted"
    yield from paint.wrap(note, indent=9)
    if look.deploy_used is not None and server.usable:
        words = f"a deploy started now would reach {look.deploy_used}: {look.deploy_used / server.usable:.0%}"
        yield from paint.wrap(
            f"{words} ({look.instances} instances and {look.surge_instances} more)", indent=9
        )
    states = [f"{count} {clean(state)}" for state, count in snapshot.by_state().items()]
    if snapshot.hidden:
        states.append(f"{snapshot.hidden} hidden from this role")
    yield from paint.wrap(", ".join(states) or "no client is connected", indent=9, first="  State  ")
    yield from _doing(look, paint)
    for cap in snapshot.caps:
        if cap.limit and cap.used:
            yield from paint.wrap(
                f"{cap.kind} {paint.name(cap.name, 40)}: {cap.used} of {cap.limit} connections",
                indent=9,
                first="  Limit  ",
            )


def slots(look: Look, paint: Paint) -> Iterator[str]:
    """How full it is: a bar, and the numbers."""
    snapshot = look.snapshot
    role = (
        "error"
        if snapshot.ratio >= look.thresholds.critical_at or snapshot.free < look.thresholds.min_free
        else ""
    )
    role = role or ("warning" if snapshot.ratio >= look.thresholds.warn_at else "ok")
    most = "at most " if snapshot.hidden else ""
    numbers = f"{most}{snapshot.used} of {snapshot.server.usable} usable, {snapshot.free} free"
    share = f"{snapshot.ratio:.0%}"
    room = paint.width - len(f"  Slots   {share}  {numbers}")
    marks = (look.thresholds.warn_at, look.thresholds.critical_at)
    bar = (
        paint.style(paint.bar(snapshot.ratio, min(30, room), marks), role) + " "
        if room >= NARROWEST_BAR and not paint.look.plain
        else ""
    )
    if room < 0:  # a narrow terminal: the numbers take a line of their own
        numbers = f"\n         {numbers}"
    yield from f"  Slots  {bar}{paint.style(share, role, 'bold')}  {numbers}".split("\n")


def waits_for(look: Look, paint: Paint) -> Iterator[str]:
    """What the active ones wait for."""
    waiting = look.waiting
    if sum(waiting.values()) >= FEWEST_WAITS:
        said = ", ".join(f"{clean(name, limit=30)} {count}" for name, count in waiting.items())
        yield from paint.wrap(f"active sessions wait for {said}", indent=9, first="  Waits  ")


def _doing(look: Look, paint: Paint) -> Iterator[str]:
    """What the active ones wait for, and the statement that most of them run."""
    yield from waits_for(look, paint)
    if runs := look.busiest:
        ages = " to ".join(dict.fromkeys(seconds(runs[at].state_age) for at in (-1, 0)))
        yield from paint.wrap(
            f"{len(runs)} active sessions run one statement, for {ages}:", indent=9, first="  Runs   "
        )
        yield from paint.code(_statement(runs[0], look, paint), indent=9)


def route_words(snapshot: Snapshot) -> str:
    """How the connection came to the server, how that is known, and whose numbers the rest are."""
    route = snapshot.route
    if route.kind == "direct":
        extra = next((f" ({each})" for each in route.how if "forwarder" in each), "")
        return f"direct, no pooler in between{extra}"
    proof = route.how[-1] if route.how else ""
    if route.pooled:
        software = route.software or "a pooler"
        mode = f", {route.mode} mode" if route.mode else ", mode unknown"
        return (
            f"through {software}{mode}: {proof}. The sessions below are the pooler's, not the app's clients"
        )
    if route.kind == "proxy":
        return f"through a proxy: {proof}"
    return f"not known: {proof}"


def _holders(
    look: Look, paint: Paint, order: str = MOST, when: Callable[[float | None], str] = seconds
) -> Iterator[str]:
    groups = ORDERS[order](look.groups)
    if not groups:
        return
    yield ""
    yield paint.heading("Who holds the slots")
    shown = groups if paint.look.verbosity > 0 else groups[:SHOWN_GROUPS]
    narrow = paint.width < 72
    rows = [
        (
            str(len(each.members)),
            paint.name(each.application_name, 24) or "(no name)",
            *(() if narrow else (paint.name(each.user, 20), paint.name(each.database, 20))),
            each.client or "(local)" if not all(member.hidden for member in each.members) else "(hidden)",
            _states(each, when),
        )
        for each in shown
    ]
    names = ("user", "database")
    idle = "longest idle" if when is seconds else "idle since"
    header = ("n", "application", *(() if narrow else names), "client", f"doing ({idle})")
    yield from paint.table(rows, header=header, align=">")
    if len(groups) > len(shown):
        rest = sum(len(group.members) for group in groups[len(shown) :])
        yield f"  {rest:>{max(1, len(str(len(groups[0].members))))}}  in {plural(len(groups) - len(shown), 'more group')} (-v)"


def _states(group: SessionGroup, when: Callable[[float | None], str]) -> str:
    states = group.by_state()
    if list(states) == ["hidden"]:
        return "hidden"
    words = [f"{count} {state}" for state, count in states.items()]
    oldest = group.oldest_idle
    return ", ".join(words) + (f" ({when(oldest)})" if oldest is not None else "")


def _leaks(look: Look, paint: Paint) -> Iterator[str]:
    if not look.leaks:
        return
    yield ""
    yield paint.heading("Held for nothing")
    shown = look.leaks if paint.look.verbosity > 0 else look.leaks[:SHOWN_LEAKS]
    for leak in shown:
        roles = {"certain": "error", "probable": "warning", "possible": "info"}
        application, user, _ = leak.group
        name = paint.name(application or f"user {user}", 40) + (f", {leak.driver}" if leak.driver else "")
        head = paint.style(leak.certainty, roles[leak.certainty])
        evidence = [each for each in leak.evidence if not each.startswith(f"{leak.kind} for")]
        oldest = max(member.state_age or 0 for member in leak.members)
        age = f" for {seconds(oldest)}" if len(evidence) < len(leak.evidence) else ""
        words = f"{plural(len(leak.members), 'session')} of {name}: {leak.kind}{age}"
        room = paint.width - len(f"  {leak.certainty}  {words} (pid , ...)")
        yield from paint.wrap(f"{words}{_pids(leak, room)}", indent=6, first=f"  {head}  ")
        if evidence:
            yield from paint.wrap("; ".join(evidence), indent=6)
        yield from paint.code(_statement(leak.members[0], look, paint), indent=6)
        if leak.certainty != "certain" and leak.otherwise:
            yield from paint.wrap(f"Or: {leak.otherwise}. To tell: {leak.confirm}.", indent=6)
    if len(look.leaks) > len(shown):
        yield f"  and {plural(len(look.leaks) - len(shown), 'more group')} (-v)"


def _statement(backend: Backend, look: Look, paint: Paint) -> list[str]:
    """The last statement: a line of it; with -v and on a page all of it, laid out. Unmasked, as it is."""
    room = max(34, paint.width - 6)
    if paint.look.verbosity > 0 and not look.show_queries:
        return laid_out(backend.statement, room) if backend.statement.strip() else []
    return [line] if (line := query(backend, look, limit=max(40, paint.width - 12))) else []


def _pids(leak: Leak, room: int) -> str:
    """As many pids as fit into a line."""
    shown: list[str] = []
    for member in leak.members:
        if len(", ".join([*shown, str(member.pid)])) > room:
            break
        shown.append(str(member.pid))
    more = ", ..." if len(shown) < len(leak.members) else ""
    return f" (pid {', '.join(shown)}{more})" if shown else ""


def blocking(look: Look, paint: Paint) -> Iterator[str]:
    """Who blocks whom, and what to do."""
    if not look.blocks:
        return
    yield ""
    yield paint.heading("Who blocks")
    shown = look.blocks if paint.look.verbosity > 0 else look.blocks[:SHOWN_BLOCKS]
    for block in shown:
        pids = ", ".join(map(str, block.waiters[:5])) + (", ..." if len(block.waiters) > 5 else "")
        yield from paint.wrap(
            f"{_root(block, paint)}: {plural(len(block.waiters), 'session')} wait behind it ({pids}),"
            f" {plural(block.slots, 'slot')} in all; {_to_do(block)}",
            indent=4,
            first="  ",
        )
    if len(look.blocks) > len(shown):
        yield f"  and {plural(len(look.blocks) - len(shown), 'more root')} (-v)"


def _root(block: Block, paint: Paint) -> str:
    each = block.backend
    if block.root == 0:
        return "a prepared transaction"
    if each is None:
        return f"pid {block.root}"
    name = paint.name(each.application_name or each.user or each.kind, 30)
    age = f" for {seconds(each.state_age)}" if each.state_age is not None else ""
    return f"pid {block.root} ({name}, {each.state or 'state hidden'}{age})"


def _to_do(block: Block) -> str:
    pids = ", ".join(map(str, block.targets[:5])) + (", ..." if len(block.targets) > 5 else "")
    if block.verb == "finish":
        return "ROLLBACK PREPARED"
    if block.kind == "let":
        return f"let it end, or cancel {pids}"
    if block.kind == "replay":
        return f"terminate {pids}" if pids else "end the transaction on the primary"
    if block.kind != "root":
        return f"cancel {pids}"
    idle = block.backend is not None and block.backend.state.startswith("idle")
    return f"{block.verb} it" + (": a cancel does nothing to an idle session" if idle else "")


def _others(look: Look, paint: Paint) -> Iterator[str]:
    snapshot = look.snapshot
    words = []
    if snapshot.walsenders:
        words.append(f"{plural(snapshot.walsenders, 'walsender')} of {snapshot.server.max_wal_senders}")
    if workers := sum(backend.kind == "parallel worker" for backend in snapshot.backends):
        words.append(plural(workers, "parallel worker"))
    if words:
        yield ""
        yield from paint.wrap(f"{' and '.join(words)}: they have slots of their own", indent=4, first="  ")
    counters = snapshot.counters
    if counters and counters.abandoned and (paint.look.verbosity > 0 or look.earlier):
        since = f" since {counters.since}" if counters.since else ""
        yield from paint.wrap(
            f"Of {counters.sessions} sessions{since} {counters.abandoned} were left by clients that vanished,"
            f" {counters.fatal} ended by a timeout or error, {counters.killed} terminated",
            indent=4,
            first="  ",
        )
    for lock, holder in look.migrate_locks:
        state = f", {holder.state}" if holder and holder.state else ""
        yield from paint.wrap(f"pid {lock.pid}{state} holds Prisma Migrate's lock", indent=4, first="  ")
