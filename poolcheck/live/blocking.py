"""Who is to be acted upon so that a lock's queue moves: the root of the tree, or a request in the middle. Pure.

What holds for the choice, each of it tried on real servers (tests/live/test_first_action.py):
- A root that is idle in a transaction has no statement to cancel: it is terminated, and everybody goes on.
- Nor does a cancel reach a root that is active and waits for its client (ClientRead, ClientWrite): the server looks at
  cancels only between two messages. It is terminated.
- A root that works (a dump, a report, a vacuum) holds a weak lock mostly; what the others queue behind is a request for a
  strong one. Cancel that request, and they go on although the root does.
- Of runs of one statement that overlap the next takes the place of the first: all of them are cancelled.
- An autovacuum that prevents wraparound comes back when it is ended; another one gives way by itself.
- On a standby nobody ends the startup process: whoever replay waits for is ended.
"""

from collections.abc import Collection, Iterable, Mapping

from poolcheck.model.snapshot import Backend, Block, BlockKind, Prepared, Snapshot, Verb, Wait
from poolcheck.record import dataclass

FEWEST_RUNS = 2  # that wait behind a run of the same statement
WRAPAROUND = "(to prevent wraparound)"  # autovacuum's own note in pg_stat_activity
DUMPS = ("pg_dump", "pg_dumpall", "pg_restore")  # idle in a transaction for moments, at work all the same
DUMP_REST = 5.0  # seconds between two statements of theirs, at most


@dataclass(frozen=True, slots=True)
class _Tree:
    """Who waits for whom."""

    edges: dict[int, set[int]]  # pid to those that it waits for
    behind: dict[int, set[int]]  # pid to those that wait for it
    waits: dict[int, Wait]
    by_pid: dict[int, Backend]

    @property
    def roots(self) -> list[int]:
        """Those that others wait for and that wait for nobody."""
        return [pid for pid in self.behind if not self.edges.get(pid)]

    def reached(self, starts: Iterable[int], without: Collection[int] = ()) -> set[int]:
        """All that wait for one of these, also through others, when those of `without` are not there."""
        seen: set[int] = set()
        todo = [pid for pid in starts if pid not in without]
        while todo:
            for each in self.behind.get(todo.pop(), ()):
                if each not in seen and each not in without:
                    seen.add(each)
                    todo.append(each)
        return seen

    def freed(self, without: Collection[int]) -> set[int]:
        """Waiters that wait for nobody any more when those have ended or gave up."""
        return set(self.waits) - self.reached(self.roots, without) - set(without)


def blocks(snapshot: Snapshot) -> tuple[Block, ...]:
    """A block for each root, the one with most behind it first."""
    tree = _tree(snapshot)
    found = [_block(root, tree) for root in tree.roots]
    return tuple(sorted(found, key=lambda block: (-len(block.waiters), block.root)))


def _tree(snapshot: Snapshot) -> _Tree:
    leader = {backend.pid: backend.leader for backend in snapshot.backends if backend.leader}
    edges: dict[int, set[int]] = {}
    waits: dict[int, Wait] = {}
    for wait in snapshot.waits:
        pid = leader.get(wait.pid) or wait.pid
        waits[pid] = wait
        edges.setdefault(pid, set()).update(
            blocker for each in wait.blockers if (blocker := leader.get(each) or each) != pid
        )
    behind: dict[int, set[int]] = {}
    for pid, blockers in edges.items():
        for each in blockers:
            behind.setdefault(each, set()).add(pid)
    return _Tree(
        edges, behind, waits, {each.pid: each for each in (*snapshot.background, *snapshot.backends)}
    )


def _block(root: int, tree: _Tree) -> Block:
    waiters = tree.reached([root])
    backend = tree.by_pid.get(root)
    kind, verb, targets = _action(root, backend, tree)
    frees = tree.freed(targets if root else (0,))
    wait = next(
        (tree.waits[pid] for pid in (*targets, *sorted(tree.behind[root])) if pid in tree.waits), None
    )
    lock = wait.lock if wait else None
    held = next((mode for pid, mode in (lock.holders if lock else ()) if pid == root), "")
    return Block(
        root=root,
        backend=backend,
        waiters=tuple(sorted(waiters)),
        slots=len(waiters) + (root != 0),
        verb=verb,
        targets=targets,
        frees=len(frees),
        kind=kind,
        lock=lock.kind if lock else "",
        relation=lock.relation if lock else "",
        held=words(held),
        wanted=words(wait.mode) if wait else "",
        prepared=_prepared(tree) if root == 0 else (),
    )


def _action(root: int, backend: Backend | None, tree: _Tree) -> tuple[BlockKind, Verb, tuple[int, ...]]:
    """What to do, and to whom."""
    if root == 0:
        return "root", "finish", ()
    if backend is not None and backend.kind == "startup":
        return "replay", "terminate", _replay_waits_for(backend, tree)
    if backend is not None and (backend.own or backend.client_gone):
        # A pooled session on which the look sat: what it holds is another client's. Or one that works for nobody.
        return "root", "terminate", (root,)
    rests = backend is not None and _rests(backend)
    if not rests:
        middle = _middle(root, tree)
        if middle:
            return "middle", "cancel", middle
    if backend is not None and backend.kind == "autovacuum worker":
        return "let", "cancel", tuple(sorted(tree.behind[root]))
    if backend is not None and backend.state == "active" and backend.wait_type != "Client":
        runs = _runs(root, backend, tree)
        return ("runs", "cancel", runs) if runs else ("root", "cancel", (root,))
    return "root", "terminate", (root,)


def _replay_waits_for(startup: Backend, tree: _Tree) -> tuple[int, ...]:
    """On a standby: whose snapshot keeps replay back. None when replay only holds what a transaction of the primary took."""
    if not startup.wait_event.startswith("RecoveryConflict"):
        return ()
    open_ = [
        each
        for pid, each in tree.by_pid.items()
        if each.kind == "client backend"
        and each.xact_age is not None
        and not each.own
        and pid not in tree.waits
    ]
    return (max(open_, key=lambda each: each.xact_age or 0).pid,) if open_ else ()


def _rests(backend: Backend) -> bool:
    """Whether the root does nothing: idle, or in the middle of a message that its client does not finish."""
    if backend.application_name in DUMPS and (backend.state_age or 0) < DUMP_REST:
        return False
    copies = backend.statement.lstrip().lower().startswith("copy")
    return backend.state.startswith("idle") or (backend.wait_event == "ClientRead" and not copies)


def _middle(root: int, tree: _Tree) -> tuple[int, ...]:
    """The requests for a relation that wait for the root, when the queue behind them would move without them."""
    asking = {
        pid
        for pid in tree.behind[root]
        if pid in tree.behind and (lock := tree.waits[pid].lock) is not None and lock.kind == "relation"
    }
    clients = all(
        pid in tree.by_pid and tree.by_pid[pid].user for pid in asking
    )  # never a standby's startup process
    return tuple(sorted(asking)) if asking and clients and tree.freed(asking) else ()


def _runs(root: int, backend: Backend, tree: _Tree) -> tuple[int, ...]:
    """The root and all that run the same statement on the same relation: cancelled alone it makes room for the next."""
    if not backend.statement:
        return ()
    runs = [
        pid
        for pid in tree.behind[root]
        if (lock := tree.waits[pid].lock) is not None
        and lock.kind == "relation"
        and pid in tree.by_pid
        and tree.by_pid[pid].statement == backend.statement
    ]
    return (root, *sorted(runs)) if len(runs) >= FEWEST_RUNS else ()


def _prepared(tree: _Tree) -> tuple[Prepared, ...]:
    """The prepared transactions that somebody waits for."""
    locks = [tree.waits[pid].lock for pid in tree.behind[0] if pid in tree.waits]
    return tuple(dict.fromkeys(each for lock in locks if lock is not None for each in lock.prepared))


_MODES: Mapping[str, str] = {
    "AccessShareLock": "ACCESS SHARE",
    "RowShareLock": "ROW SHARE",
    "RowExclusiveLock": "ROW EXCLUSIVE",
    "ShareUpdateExclusiveLock": "SHARE UPDATE EXCLUSIVE",
    "ShareLock": "SHARE",
    "ShareRowExclusiveLock": "SHARE ROW EXCLUSIVE",
    "ExclusiveLock": "EXCLUSIVE",
    "AccessExclusiveLock": "ACCESS EXCLUSIVE",
}


def words(mode: str) -> str:
    """A lock's mode as LOCK TABLE has it."""
    return _MODES.get(mode, "")
