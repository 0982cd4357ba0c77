"""The look at a server: one message of four statements, read into a snapshot."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

from poolcheck.live import locks, sql
from poolcheck.live.postgres import (
    DEFAULT_TIMEOUTS,
    Link,
    Lost,
    Row,
    StatementFailed,
    Timeouts,
    Unsupported,
    only,
    real,
    whole,
)
from poolcheck.live.sql.normalise import is_release, normalise
from poolcheck.model.report import Skipped
from poolcheck.model.snapshot import AdvisoryLock, Backend, Cap, Counters, LiveServer, Snapshot, Standby
from poolcheck.text import clean

FINGERPRINT = 400  # characters of a statement that tell it apart


def look(
    link: Link, timeouts: Timeouts = DEFAULT_TIMEOUTS, meanwhile: Callable[[], None] | None = None
) -> tuple[Snapshot, Row]:
    """One message of four statements. Gives the snapshot and the row about this very session.

    Raises:
        Unsupported: not PostgreSQL, or older than 12.
        Lost: the connection ended, did not answer, or (Garbled) as PostgreSQL would not.
        StatementFailed: PostgreSQL refused a statement that every role may run.
    """
    if crdb := link.parameter("crdb_version"):
        raise Unsupported(clean(crdb, limit=100))
    major = link.server_version // 10000
    if link.server_version and major < sql.OLDEST:
        raise Unsupported(_banner(link) or f"server_version {link.server_version}")
    texts = [sql.load(name, major) for name in ("facts", "sessions", "others")]
    try:
        guest, facts, sessions, others = link.ask(*texts, statement=timeouts.statement, meanwhile=meanwhile)
    except StatementFailed as error:
        banner = _banner(link)
        if banner and not (banner.startswith("PostgreSQL ") and error.sqlstate in ("57014", "42501")):
            raise Unsupported(f"{banner} ({error.text})") from None
        raise
    row = Row({**only(guest), **only(facts)})
    if not (row["version"] or "").startswith(("PostgreSQL", "EnterpriseDB")):
        raise Unsupported(clean(row["version"] or "", limit=100))
    return _snapshot(row, sessions, others, link), row


def _banner(link: Link) -> str:
    try:
        answers = link.run("SELECT pg_catalog.version()", 2)  # nothing else may be understood
        first = next(iter(answers[0][0].values())) if answers and answers[0] else None
    except (StatementFailed, Lost):
        return ""
    return clean(first or "", limit=100)


def _snapshot(row: Row, sessions: list[Row], others: list[Row], link: Link) -> Snapshot:
    server = LiveServer(
        version=next(iter((row["version"] or "").split()[1:2]), ""),
        version_num=whole(row["server_version_num"]) or 0,
        banner=clean(row["version"] or "", limit=60),
        max_connections=whole(row["max_connections"]) or 0,
        superuser_reserved=whole(row["superuser_reserved_connections"]) or 0,
        reserved=whole(row["reserved_connections"]) or 0,
        provider_reserved=(whole(row["rds_reserved"]) or 0) + (whole(row["rds_superuser_reserved"]) or 0),
        role_limit=whole(row["role_limit"]),
        database_limit=whole(row["database_limit"]),
        database=row["database"] or "",
        user=row["user"] or "",
        session_user=row["session_user"] or "",
        in_recovery=row["in_recovery"] == "t",
        sees_all=row["sees_all"] == "t",
        max_wal_senders=whole(row["max_wal_senders"]) or 0,
        tcp_keepalives_idle=row["tcp_keepalives_idle"] or "",
        synchronous_standby_names=row["synchronous_standby_names"] or "",
        read_only_source=row["read_only_source"] or "",
    )
    own = whole(row["backend_pid"])
    processes: dict[str, int] = {}
    waits = locks.waits(others)
    concerned = locks.concerned(waits)
    clients, background = [], []
    for session in sessions:
        if _may_be_client(session):
            clients.append(session)
            continue
        kind = session["backend_type"] or ""
        processes[kind] = processes.get(kind, 0) + 1
        if whole(session["pid"]) in concerned:
            background.append(session)
    backends = tuple(_backend(client, own) for client in clients)
    # An idle backend notices at once that its client is gone; a busy one does not.
    busy = {
        backend.client_port
        for backend in backends
        if backend.state == "active" and not backend.own and backend.client_port and _local(backend.client)
    }
    if busy and link.loopback():
        from poolcheck.live.orphans import clients_gone  # noqa: PLC0415 - only where there is something to look for

        gone = clients_gone(busy, whole(row["server_port"]) or 0)
        backends = tuple(
            replace(backend, client_gone=True)
            if backend.client_port in gone and backend.state == "active" and _local(backend.client)
            else backend
            for backend in backends
        )
    counters = next((other for other in others if other["kind"] == "counters"), None)
    return Snapshot(
        taken=row["taken"] or "",
        epoch=real(row["epoch"]) or 0.0,
        server=server,
        backends=backends,
        waits=waits,
        background=tuple(_backend(each, own) for each in background),
        advisory=tuple(
            AdvisoryLock(whole(other["a"]) or 0, other["name"] or "", (other["more"] or "").startswith("t"))
            for other in others
            if other["kind"] == "advisory"
        ),
        caps=_caps(others, backends),
        standbys=_standbys(others, backends),
        counters=None
        if counters is None
        else Counters(
            sessions=whole(counters["a"]) or 0,
            abandoned=whole(counters["b"]) or 0,
            fatal=whole(counters["c"]) or 0,
            killed=whole(counters["d"]) or 0,
            since=counters["more"] or "",
        ),
        processes=tuple(sorted(processes.items())),
        skipped=_skipped(server, backends),
    )


def _may_be_client(row: Row) -> bool:
    """A client's session, a walsender or a parallel worker; what is hidden counts when it has a user and a database."""
    if row["backend_type"] is not None:
        return row["backend_type"] in ("client backend", "walsender", "parallel worker")
    return row["walsender"] == "t" or (row["user"] is not None and row["database"] is not None)


def _skipped(server: LiveServer, backends: tuple[Backend, ...]) -> tuple[Skipped, ...]:
    hidden = sum(backend.hidden for backend in backends)
    if server.sees_all or not hidden:
        return ()
    return (
        Skipped(
            f"state, age and statement of {hidden} sessions of other roles",
            f'role "{clean(server.user)}" may not see them, so idle transactions and leaks among them are unknown;'
            " their number is exact, apart from parallel workers that it may include.",
            f'GRANT pg_monitor TO "{clean(server.session_user or server.user)}"; -- or look with the URL of the app itself',
        ),
    )


def _backend(row: Row, own: int | None) -> Backend:
    pid = whole(row["pid"]) or 0
    query = row["query"] or ""
    visible = row["backend_type"] is not None
    statement = normalise(query[:FINGERPRINT]) if visible else ""
    return Backend(
        pid=pid,
        backend_start=row["backend_start"] or "",
        state_change=row["state_change"] or "",
        database=row["database"] or "",
        user=row["user"] or "",
        application_name=row["application_name"] or "",
        client=row["client"] or "",
        client_port=whole(row["client_port"]),
        kind=row["backend_type"] or ("walsender" if row["walsender"] == "t" else ""),
        state=row["state"] or "",
        wait_type=row["wait_event_type"] or "",
        wait_event=row["wait_event"] or "",
        xact_age=_age(row["xact_age"]),
        state_age=_age(row["state_age"]),
        used_for=_age(row["used_for"]),
        superuser=row["superuser"] == "t",
        leader=whole(row["leader_pid"]),
        query=query if visible else "",
        statement=statement,
        released=visible and is_release(statement),
        own=pid == own,
    )


def _caps(others: list[Row], backends: tuple[Backend, ...]) -> tuple[Cap, ...]:
    clients = [backend for backend in backends if backend.kind in ("client backend", "") and not backend.own]
    users = Counter(client.user for client in clients)
    databases = Counter(client.database for client in clients)
    caps: list[Cap] = []
    for row in others:
        name, limit = row["name"] or "", whole(row["a"]) or 0
        if row["kind"] == "role":
            caps.append(Cap("role", name, limit, users[name]))
        elif row["kind"] == "database":
            caps.append(Cap("database", name, limit, databases[name]))
    return tuple(caps)


def _standbys(others: list[Row], backends: tuple[Backend, ...]) -> tuple[Standby, ...]:
    names = {backend.pid: backend.application_name for backend in backends}
    return tuple(
        Standby(names.get(whole(row["a"]) or 0, ""), row["more"] or "", row["name"] or "")
        for row in others
        if row["kind"] == "standby"
    )


def _local(address: str) -> bool:
    return address.startswith("127.") or address == "::1"


def _age(text: str | None) -> float | None:
    value = real(text)
    return None if value is None else max(0.0, value)
