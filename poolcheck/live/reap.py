"""What `reap` does, as a function: end what is held for nothing, and nothing else."""

from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, replace

from poolcheck.config.settings import DEFAULTS, Configured
from poolcheck.errors import BadTarget, ExitCode
from poolcheck.live import terminate
from poolcheck.live.credentials import left_out
from poolcheck.live.judge import put_together
from poolcheck.live.look import Ask, LookOptions, address, begin, nobody
from poolcheck.live.postgres import Link, Lost, NoConnection
from poolcheck.model.look import Ending, Look, Reaping
from poolcheck.model.report import Report
from poolcheck.model.snapshot import Backend, Snapshot
from poolcheck.text import clean, plural, seconds

IDLE = ("idle", "idle in transaction", "idle in transaction (aborted)")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReapChoice:
    """Which sessions. Without `states`: what is judged a leak, certain or probable."""

    older_than: float = DEFAULTS.thresholds.idle_seconds  # seconds
    states: tuple[str, ...] = ()
    application: str | None = None
    most: int = 20
    pids: tuple[int, ...] = ()
    do: bool = False


def reap(options: LookOptions, choice: ReapChoice, settings: Configured, ask: Ask = nobody) -> Report:
    """Look, choose, and with `choice.do` end them, each re-checked in the statement that ends it.

    Raises:
        PoolcheckError: bad input, nothing to look at, a pooler in between, or the connection lost.
    """
    if not options.named:
        raise BadTarget(
            "no server is named: what ends sessions wants its target in words",
            'Name it: poolcheck reap "$DATABASE_URL", or poolcheck reap --env-file .env',
        )
    seen = begin(options, settings, ask)
    config, chosen = seen.config, seen.sources
    try:
        link = seen.connect(chosen.main)
    except NoConnection as refused:
        seen.not_let_in(refused, chosen.main)
        if options.admin is None:
            return seen.report("reap")
        chosen = seen.admin(options.admin)
        try:
            link = seen.connect(chosen.main)
        except NoConnection as again:
            seen.not_let_in(again, chosen.main)
            return seen.report("reap")
    with closing(link):
        try:
            snapshot = seen.first_look(link, chosen.main)
            if snapshot is None:
                return seen.report("reap")
            _no_pooler(snapshot, chosen.main.name)
            look = put_together(
                snapshot, config.thresholds, earlier=seen.earlier, show_queries=options.show_queries
            )
            reaping = planned(look, choice, address(chosen.main))
            if choice.do:
                reaping = _ended(link, reaping, look.snapshot.server.major)
            seen.options = replace(options, sample=0.0)  # what is left is seen at once
            if any(each.ended for each in reaping.endings) and (now := seen.first_look(link, chosen.main)):
                reaping = replace(reaping, after=(now.used, now.server.usable))
        except Lost as lost:
            seen.refused(lost.text, chosen.main)
            return seen.report("reap")
    return Report(
        command="reap",
        skipped=snapshot.skipped,
        sections=(reaping,),
        notes=tuple(filter(None, (chosen.note, left_out(chosen.main)))),
        exit_code=ExitCode.FINDINGS if reaping.left else ExitCode.OK,
    )


def _no_pooler(snapshot: Snapshot, name: str) -> None:
    """Through a pooler the sessions are the pooler's: ending one hits whoever holds it.

    Raises:
        BadTarget: there is one.
    """
    if snapshot.route.kind not in ("direct", "proxy"):
        raise BadTarget(
            f"{name} goes through a pooler: its sessions are the pooler's, and ending one hits whoever holds it",
            "Give the direct connection string, or end clients on the pooler's console (KILL_CLIENT, PgBouncer 1.24).",
        )


def planned(look: Look, choice: ReapChoice, target: str) -> Reaping:
    """What would be ended, and what is spared: a dry run. `target` is where, in words."""
    candidates, spared = choose(look, choice)
    major = look.snapshot.server.major
    return Reaping(
        endings=tuple(
            Ending(backend=backend, why=why, statement=terminate.statement(backend, major))
            for backend, why in candidates
        ),
        dry=True,
        spared=spared,
        hidden=look.snapshot.hidden,
        target=target,
        sampled=look.earlier is not None,
    )


def _ended(link: Link, plan: Reaping, major: int) -> Reaping:
    """The plan carried out."""
    outcomes = [(each, terminate.terminate(link, each.backend, major)) for each in plan.endings]
    endings = tuple(replace(each, ended=outcome.ended, reason=outcome.why) for each, outcome in outcomes)
    return replace(plan, dry=False, endings=endings)


def choose(look: Look, choice: ReapChoice) -> tuple[list[tuple[Backend, str]], tuple[tuple[str, int], ...]]:
    """The sessions to end with the reason for each, what frees most first; and what was spared, counted by reason."""
    spared: dict[str, int] = {}
    found: list[tuple[Backend, str]] = []
    young = [each for each in _named(look, choice) if _too_young(each[0], look, choice)]
    if young:
        ages = sorted(each.state_age or 0 for each, _ in young)
        spared[f"younger than {seconds(choice.older_than)}: --older-than {int(ages[0])}s ends them too"] = (
            len(young)
        )
    for backend, why in _fitting(look, choice):
        if reason := _spare(backend, look.snapshot):
            spared[reason] = spared.get(reason, 0) + 1
        else:
            found.append((backend, why))
    behind = {block.root: len(block.waiters) for block in look.blocks}
    found.sort(key=lambda item: (-behind.get(item[0].pid, 0), -(item[0].state_age or 0)))
    if len(found) > choice.most:
        spared[f"beyond --most {choice.most}"] = len(found) - choice.most
    return found[: choice.most], tuple(sorted(spared.items()))


def _fitting(look: Look, choice: ReapChoice) -> Iterable[tuple[Backend, str]]:
    """Sessions that the options name and that are old enough, with the reason."""
    return (each for each in _named(look, choice) if (each[0].state_age or 0) >= choice.older_than)


def _too_young(backend: Backend, look: Look, choice: ReapChoice) -> bool:
    """Whether `live` says for certain that it is a leak, and only its age keeps it alive."""
    judged = any(backend in leak.members for leak in look.leaks if leak.certainty != "possible")
    return judged and (backend.state_age or 0) < choice.older_than and not _spare(backend, look.snapshot)


def _named(look: Look, choice: ReapChoice) -> Iterable[tuple[Backend, str]]:
    """Sessions that the options name at any age, with the reason."""
    if choice.states:
        named: list[tuple[Backend, str]] = [
            (client, f"{client.state} for {seconds(client.state_age)}")
            for client in look.snapshot.clients
            if client.state in choice.states
        ]
    else:
        # --older-than is the only age that counts here: a transaction that is idle is misuse at any age.
        named = [
            (client, _why(client, (), look)) for client in look.snapshot.clients if client.idle_in_transaction
        ]
        named += [
            (member, _why(member, leak.evidence, look))
            for leak in look.leaks
            if leak.certainty == "probable" or leak.kind == "client gone"
            for member in leak.members
        ]
    for each, why in named:
        if choice.application is not None and each.application_name != choice.application:
            continue
        if choice.pids and each.pid not in choice.pids:
            continue
        yield each, why


def _why(backend: Backend, evidence: tuple[str, ...], look: Look) -> str:
    if not backend.idle_in_transaction:
        return evidence[0]
    waiting = sum(len(block.waiters) for block in look.blocks if block.root == backend.pid)
    tail = f", blocks {plural(waiting, 'session')}" if waiting else ""
    return f"{backend.state} for {seconds(backend.state_age)}{tail}"


def _spare(backend: Backend, snapshot: Snapshot) -> str:
    """Why a session that fits is left alone; "" when it is not."""
    if backend.superuser:
        return "a superuser's session"
    if backend.database != snapshot.server.database:
        return f"another database than {clean(snapshot.server.database, limit=40)}"
    if backend.state not in IDLE and not backend.client_gone:
        return "not idle"
    if not backend.backend_start or not backend.state_change:
        return "hidden from this role"
    if not terminate.nameable(backend):
        return "times that are none"
    return ""
