"""Which sessions are held for nothing: graded verdicts with their evidence, from one look or from two. Pure.

Being idle for long proves nothing: a warm pool looks the same. What tells a forgotten release from a warm pool is how
the sessions came to rest: one by one after the same statement, instead of together, or after the statement with which
a pool takes a connection back. The shares below separate the measured cases: healthy pools with mixed queries, after
a burst, with falling load and with health checks; forgotten releases while they grow and after; frozen serverless
instances. One case cannot be told apart: a pool that reuses the newest connection first, with autocommit and one hot
statement, while its load falls. Therefore a forgotten release seen once is never more than `possible`.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

from poolcheck.config.settings import DEFAULTS, Thresholds
from poolcheck.live.blocking import blocks
from poolcheck.model.look import PEOPLE, driver
from poolcheck.model.snapshot import Backend, Certainty, Leak, LeakKind, Snapshot
from poolcheck.record import dataclass
from poolcheck.text import seconds

FEWEST_STUCK = 3  # two idle sessions are nobody's outage, and shares of two mean nothing
SAME_STATEMENT = 0.8  # share of stuck sessions with the same last statement
OWN_MOMENT = 0.6  # share of stuck sessions that came to rest alone, not in a cluster
RELEASED = 0.5  # share of stuck sessions whose last statement is a pool's release marker
USED_ONCE = 0.8  # share of stuck sessions whose last statement began within a second of their start
ONCE_SECONDS = 1.0
CLUSTER_SECONDS = 1.0  # sessions that came to rest within this time of each other belong to one burst


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is seen in one group of sessions."""

    total: int
    stuck: tuple[Backend, ...]
    same: float
    moments: float
    released: float
    once: float
    moved: int  # members that did something since the first look, or within the idle time
    new: int
    gone: int
    clients: int
    seconds: float  # between the looks; 0 for a single one

    @property
    def growing(self) -> bool:
        """More sessions than before: the strongest sign."""
        return self.new - self.gone > 0


def judge(
    snapshot: Snapshot,
    thresholds: Thresholds = DEFAULTS.thresholds,
    *,
    earlier: Snapshot | None = None,
    pooler_pids: frozenset[int] = frozenset(),
) -> tuple[Leak, ...]:
    """Every verdict about this look, the surest first. `earlier` is a look some seconds before.

    Sessions that belong to a pooler are left out of all but idle transactions: idle is their normal state.
    """
    clients = snapshot.clients
    # Where something else than the root is to be acted upon, the root is at work.
    blocking = {block.root: len(block.waiters) for block in blocks(snapshot) if block.kind == "root"}
    found = [*_idle_transactions(clients, thresholds, blocking), *_clients_gone(clients)]
    named = {member.pid for leak in found for member in leak.members}
    leading = {lock.pid for lock in snapshot.advisory if lock.granted}
    apart = [
        client
        for client in clients
        if client.pid not in named
        and client.pid not in leading
        and not _on_purpose(client)
        and not _of_pooler(client, snapshot, pooler_pids)
    ]
    found += _at_rest(apart, snapshot, thresholds, earlier)
    order = {"certain": 0, "probable": 1, "possible": 2}
    return tuple(sorted(found, key=lambda leak: (order[leak.certainty], -len(leak.members), leak.group)))


def _on_purpose(client: Backend) -> bool:
    """A session whose work is to rest: it listens, or a person sits before it. (A held advisory lock is a third kind: a leader.)"""
    return client.statement.lstrip().lower().startswith("listen ") or driver((client,)) in PEOPLE


def _of_pooler(backend: Backend, snapshot: Snapshot, pooler_pids: frozenset[int]) -> bool:
    if backend.pid in pooler_pids:
        return True
    own = next((backend for backend in snapshot.backends if backend.own), None)
    return snapshot.route.pooled and own is not None and backend.client == own.client


def _idle_transactions(
    clients: Sequence[Backend], thresholds: Thresholds, blocking: dict[int, int]
) -> list[Leak]:
    """Sessions idle in a transaction for long, or while others wait for them: certain misuse."""
    by_group: dict[tuple[str, str, str], list[Backend]] = {}
    for each in clients:
        old = (each.state_age or 0) >= thresholds.idle_in_transaction_old_seconds
        if each.idle_in_transaction and (old or each.pid in blocking):
            by_group.setdefault(each.group, []).append(each)
    found = []
    for group, members in by_group.items():
        members.sort(key=lambda each: (-blocking.get(each.pid, 0), -(each.state_age or 0)))
        oldest = max(member.state_age or 0 for member in members)
        evidence = [f"idle in transaction for {seconds(oldest)}" + (" at most" if members[1:] else "")]
        waiting = sum(blocking.get(member.pid, 0) for member in members)
        if waiting:
            evidence.append(f"blocks {waiting} session{'s' * (waiting != 1)}")
        if failed := sum(member.state.endswith("(aborted)") for member in members):
            evidence.append(f"{failed} in a failed transaction that nobody rolled back")
        found.append(
            _leak(
                "idle in transaction",
                "certain",
                group,
                members,
                evidence,
                otherwise="a batch that computes between two statements of one transaction",
                confirm="find the code after the last statement: it must commit, roll back or raise within the same block",
            )
        )
    return found


def _clients_gone(clients: Sequence[Backend]) -> list[Leak]:
    by_group: dict[tuple[str, str, str], list[Backend]] = {}
    for client in clients:
        if client.client_gone:
            by_group.setdefault(client.group, []).append(client)
    return [
        _leak(
            "client gone",
            "certain",
            group,
            members,
            [
                "the client's socket does not exist any more",
                f"{members[0].state or 'state hidden'}, still holding a slot",
            ],
            confirm="the server notices by itself only when the statement ends, or with client_connection_check_interval",
        )
        for group, members in by_group.items()
    ]


def _at_rest(
    clients: Iterable[Backend], snapshot: Snapshot, thresholds: Thresholds, earlier: Snapshot | None
) -> list[Leak]:
    """Verdicts about idle sessions: per client address where it has enough of them, the rest of a group together."""
    parts: dict[tuple[tuple[str, str, str], str], list[Backend]] = {}
    for client in clients:
        if not client.hidden:
            parts.setdefault((client.group, client.client), []).append(client)
    rest: dict[tuple[str, str, str], list[Backend]] = {}
    judged: list[tuple[tuple[str, str, str], Evidence]] = []
    for (group, _), members in parts.items():
        evidence = _evidence(members, snapshot, thresholds, earlier)
        if len(evidence.stuck) >= FEWEST_STUCK:
            judged.append((group, evidence))
        else:
            rest.setdefault(group, []).extend(members)
    judged += [(group, _evidence(members, snapshot, thresholds, earlier)) for group, members in rest.items()]
    merged: dict[tuple[object, ...], Leak] = {}
    for group, evidence in judged:
        leak = _verdict(group, evidence)
        if leak:
            key = (leak.kind, leak.certainty, leak.group)
            merged[key] = replace(leak, members=merged[key].members + leak.members) if key in merged else leak
    return list(merged.values())


def _evidence(
    members: list[Backend], snapshot: Snapshot, thresholds: Thresholds, earlier: Snapshot | None
) -> Evidence:
    gap = max(0.0, snapshot.epoch - earlier.epoch) if earlier else 0.0
    before = {client.identity: client for client in earlier.clients} if earlier else {}
    now = {member.identity for member in members}
    # With two looks, "nothing changed between them" stands for the long wait of a single look.
    rest = min(float(thresholds.idle_seconds), gap) if earlier else float(thresholds.idle_seconds)

    def still(each: Backend) -> bool:
        if each.state != "idle" or (each.state_age or 0) < rest:
            return False
        old = before.get(each.identity)
        return not earlier or (old is not None and old.state_change == each.state_change)

    stuck = tuple(
        sorted((member for member in members if still(member)), key=lambda each: each.state_age or 0)
    )
    group, client = members[0].group, members[0].client
    one_client = all(member.client == client for member in members)
    gone = sum(
        each.group == group and (each.client == client or not one_client) and each.identity not in now
        for each in before.values()
    )
    count = len(stuck) or 1
    statements = Counter(each.statement for each in stuck)
    ages = [each.state_age or 0 for each in stuck]
    clusters = sum(not i or age - ages[i - 1] > CLUSTER_SECONDS for i, age in enumerate(ages))
    return Evidence(
        total=len(members),
        stuck=stuck,
        same=statements.most_common(1)[0][1] / count if stuck else 0.0,
        moments=clusters / count,
        released=sum(each.released for each in stuck) / count,
        once=sum(each.used_for is not None and each.used_for <= ONCE_SECONDS for each in stuck) / count,
        moved=len(members) - len(stuck) - (sum(key not in before for key in now) if earlier else 0),
        new=sum(key not in before for key in now) if earlier else 0,
        gone=gone,
        clients=len({each.client for each in stuck}),
        seconds=gap,
    )


def _verdict(group: tuple[str, str, str], seen: Evidence) -> Leak | None:
    """The graded verdict about one group; None for a warm pool and for anything that proves nothing."""
    if len(seen.stuck) < FEWEST_STUCK or seen.released >= RELEASED:
        return None
    if seen.same < SAME_STATEMENT or seen.moments < OWN_MOMENT:
        return None
    count = len(seen.stuck)
    span = f"{seconds(seen.stuck[0].state_age)} to {seconds(seen.stuck[-1].state_age)}"
    evidence = [
        f"{count} of {seen.total} sessions idle for {span}",
        f"{round(seen.same * 100)} % stopped after the same statement",
        "they came to rest one by one, not together",
    ]
    if seen.growing:
        evidence.insert(0, f"{seen.new - seen.gone} more sessions than {round(seen.seconds)} s ago")
        return _leak(
            "forgotten release",
            "probable",
            group,
            seen.stuck,
            evidence,
            otherwise="a pool that warms up after a deploy: look again when it has reached its size",
            confirm="restart one instance: forgotten releases come back one by one, a warm pool at once",
            growing=True,
        )
    if not seen.moved and seen.once >= USED_ONCE:
        evidence.append("each was used once, right after it was opened")
        if seen.clients > 1:
            evidence.append(f"from {seen.clients} addresses")
        return _leak(
            "abandoned",
            "probable" if seen.seconds else "possible",
            group,
            seen.stuck,
            evidence,
            otherwise="a pool's minimum of connections, opened and checked once",
            confirm="compare the addresses with the instances that are alive now",
        )
    return _leak(
        "forgotten release",
        "possible",
        group,
        seen.stuck,
        evidence,
        otherwise="a pool that reuses the newest connection first, while its load falls",
        confirm="look again with --sample 30s under load: leaked sessions stay idle while new ones appear",
    )


def _leak(
    kind: LeakKind,
    certainty: Certainty,
    group: tuple[str, str, str],
    members: Sequence[Backend],
    evidence: Sequence[str],
    *,
    otherwise: str = "",
    confirm: str = "",
    growing: bool = False,
) -> Leak:
    return Leak(
        kind=kind,
        certainty=certainty,
        group=group,
        members=tuple(members),
        evidence=tuple(evidence),
        otherwise=otherwise,
        confirm=confirm,
        driver=driver(members),
        growing=growing,
    )
