"""One look as frozen values: what was seen, the verdicts on it and the limits it is judged by. Rules and formats read it."""

import re
from collections import Counter
from collections.abc import Iterable
from typing import ClassVar

from poolcheck.config.settings import DEFAULTS, Thresholds
from poolcheck.model.sizing import surge
from poolcheck.model.snapshot import (
    PRISMA_MIGRATE_LOCK,
    AdvisoryLock,
    Backend,
    Block,
    BouncerSnapshot,
    Leak,
    Refusal,
    Snapshot,
)
from poolcheck.record import dataclass

TOOL = "a PostgreSQL tool"  # that reads or writes for long in one transaction, on purpose

# What drivers and tools call themselves when nobody tells them otherwise.
_APPLICATIONS = (
    (r"postgres\.js", "postgres.js"),
    (r"PostgreSQL JDBC Driver", "pgJDBC"),
    (r"psql", "psql"),
    (r"pgbouncer", "PgBouncer"),
    (r".*supavisor.*", "Supavisor"),
    (r"pgAdmin 4.*", "pgAdmin"),
    (r"DBeaver.*", "DBeaver"),
    (r"pg_dump|pg_restore|pg_basebackup|pgbench|pg_activity", TOOL),
)


PEOPLE = frozenset({"psql", "pgAdmin", "DBeaver"})  # of these names: tools that a person sits before
FEW_RUNS = 3  # active sessions with the same statement that are nothing to speak of, less one


# Names that drivers give to prepared statements and cursors; they show in DEALLOCATE, CLOSE and FETCH.
_NAMES = (
    (r"\b_pg3_\d", "psycopg 3"),
    (r"__asyncpg_stmt", "asyncpg"),
    (r"\bstmtcache_[0-9a-f]|\blrupsc_", "pgx"),
    (r"\bsqlx_s_\d", "sqlx"),
    (r"__diesel_stmt_", "diesel"),
    (r"\bpdo_stmt_[0-9a-f]{8}", "PDO"),
    (r"\becto_\d", "Ecto"),
    (r"\bPGBOUNCER_\d", "PgBouncer"),
    (r'"?\bS_\d+\b', "pgJDBC"),
    (r"_django_curs_", "Django"),
)


def driver(members: Iterable[Backend]) -> str:
    """The driver or tool behind some sessions, guessed from its application_name or the names it gives; "" unknown."""
    for member in members:
        for pattern, name in _APPLICATIONS:
            if re.fullmatch(pattern, member.application_name, re.IGNORECASE | re.DOTALL):
                return name
        for pattern, name in _NAMES:
            if re.search(pattern, member.query):
                return name
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionGroup:
    """Sessions of one application, user and database from one address."""

    application_name: str
    user: str
    database: str
    client: str
    members: tuple[Backend, ...]

    def by_state(self) -> dict[str, int]:
        """Sessions by state, most first; hidden ones under "hidden"."""
        counts: dict[str, int] = {}
        for member in self.members:
            counts[member.state or "hidden"] = counts.get(member.state or "hidden", 0) + 1
        return dict(sorted(counts.items(), key=lambda item: -item[1]))

    @property
    def oldest_idle(self) -> float | None:
        """Seconds that the longest idle session has been idle."""
        return max((member.state_age or 0 for member in self.members if member.state == "idle"), default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """A snapshot and what follows from it; also the command's section of the report."""

    name: ClassVar[str] = "live"
    snapshot: Snapshot
    thresholds: Thresholds = DEFAULTS.thresholds
    leaks: tuple[Leak, ...] = ()
    blocks: tuple[Block, ...] = ()
    earlier: Snapshot | None = None
    show_queries: bool = False
    target: str = ""  # which connection string, in words, masked
    instances: int | None = None  # as configured; None: unknown
    surge: str = DEFAULTS.surge
    refused: bool = False  # for want of slots, a moment before, to another role

    @property
    def surge_instances(self) -> int:
        """Instances that a deploy adds: a share of them, rounded up as Kubernetes does, or a count."""
        return surge(self.instances or 0, self.surge)

    @property
    def deploy_used(self) -> int | None:
        """Slots that would be taken while a deploy runs that started now; None when the instances are unknown.

        Only the application's own sessions are multiplied: those of the role and database that the look came with. A role
        that has no session there (one for monitoring) is nobody's application: then all of them are.
        """
        if not self.instances:
            return None
        more = -(-self.own_used * (self.instances + self.surge_instances) // self.instances)
        return self.snapshot.used - self.own_used + more

    @property
    def own_used(self) -> int:
        """The sessions that a deploy multiplies."""
        server = self.snapshot.server
        own = sum(
            (each.user, each.database) == (server.user, server.database) for each in self.snapshot.clients
        )
        return own or self.snapshot.used

    @property
    def groups(self) -> tuple[SessionGroup, ...]:
        """Who holds the slots, the biggest first."""
        parts: dict[tuple[str, str, str, str], list[Backend]] = {}
        for each in self.snapshot.clients:
            parts.setdefault((*each.group, each.client), []).append(each)
        groups = (
            SessionGroup(
                application_name=app, user=user, database=database, client=client, members=tuple(members)
            )
            for (app, user, database, client), members in parts.items()
        )
        return tuple(
            sorted(groups, key=lambda group: (-len(group.members), group.application_name, group.client))
        )

    @property
    def idle_in_transaction(self) -> tuple[Backend, ...]:
        """Sessions idle in a transaction for longer than a gap between statements, the longest first."""
        least = self.thresholds.idle_in_transaction_seconds
        found = (
            client
            for client in self.snapshot.clients
            if client.idle_in_transaction and (client.state_age or 0) >= least
        )
        return tuple(sorted(found, key=lambda each: -(each.state_age or 0)))

    @property
    def waiting(self) -> dict[str, int]:
        """What active sessions wait for, most first: a lock, a standby (SyncRep), the disk, their client, ..."""
        counts = Counter(
            client.wait_type if client.wait_type not in ("IPC", "Client", "Timeout") else client.wait_event
            for client in self.snapshot.clients
            if client.state == "active" and client.wait_type
        )
        return dict(counts.most_common())

    @property
    def busiest(self) -> tuple[Backend, ...]:
        """The active sessions that run the statement that most run, the longest first; () when no statement stands out."""
        by_statement: dict[str, list[Backend]] = {}
        active = [client for client in self.snapshot.clients if client.state == "active"]
        for client in active:
            by_statement.setdefault(client.statement, []).append(client)
        most = max(by_statement.values(), key=len, default=[])
        if len(most) < FEW_RUNS or len(most) * 2 < len(active) or not most[0].statement:
            return ()
        return tuple(sorted(most, key=lambda each: -(each.state_age or 0)))

    @property
    def migrate_locks(self) -> tuple[tuple[AdvisoryLock, Backend | None], ...]:
        """Prisma Migrate's advisory lock, where it is held, with its holder."""
        by_pid = {backend.pid: backend for backend in self.snapshot.backends}
        return tuple(
            (lock, by_pid.get(lock.pid))
            for lock in self.snapshot.advisory
            if lock.granted and lock.key == PRISMA_MIGRATE_LOCK
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolerLook:
    """A look at a pooler's console, beside what its server allows; also a section of the report."""

    name: ClassVar[str] = "pooler"
    snapshot: BouncerSnapshot
    thresholds: Thresholds = DEFAULTS.thresholds
    usable: int | None = None  # slots of the server behind, when that was looked at too
    blocks: tuple[Block, ...] = ()  # on that server
    states: tuple[tuple[str, int], ...] = ()  # states of the pooler's sessions on that server
    target: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoEntry:
    """The refusal, as a section of the report."""

    name: ClassVar[str] = "refusal"
    refusal: Refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """One session that `reap` would end, or tried to."""

    backend: Backend
    why: str
    statement: str
    ended: bool | None = None  # None: a dry run
    reason: str = ""  # why it was not ended


@dataclass(frozen=True, slots=True, kw_only=True)
class Reaping:
    """What `reap` found and did; also the command's section of the report."""

    name: ClassVar[str] = "reap"
    endings: tuple[Ending, ...]
    dry: bool
    spared: tuple[tuple[str, int], ...] = ()  # why sessions that fit were left alone, and how many
    hidden: int = 0  # sessions whose state this role may not see
    target: str = ""
    sampled: bool = False  # whether two looks were taken: only then growth is seen
    after: tuple[int, int] | None = None  # a look behind it: slots taken, of how many usable

    @property
    def left(self) -> int:
        """Sessions that should end and are still there."""
        return sum(not ending.ended for ending in self.endings) + sum(
            count for why, count in self.spared if why.startswith("beyond")
        )
