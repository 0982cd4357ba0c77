"""Prometheus' text format, for node_exporter's textfile collector: one look, no timestamps, `promtool` accepts it.

The collector reads at any moment: write to another file and move it, as `sponge` does.
"""

from collections.abc import Iterator, Sequence

from poolcheck.model.look import Look, NoEntry, PoolerLook
from poolcheck.model.report import Report
from poolcheck.model.severity import Severity
from poolcheck.output.paint import Style
from poolcheck.text import clean
from poolcheck.version import __version__

COMMANDS: tuple[str, ...] = ("live",)
PREFIX = "poolcheck_"
Labels = dict[str, str]
Samples = Sequence[tuple[Labels, float]]


def render(report: Report, style: Style) -> str:
    """Every metric of the look. A refusal is a metric too: `poolcheck_up` 0 and the layer that is full."""
    return "\n".join(lines(report)) + "\n"


def lines(report: Report) -> Iterator[str]:
    """HELP, TYPE and samples of each metric."""
    looks = [section for section in report.sections if isinstance(section, Look)]
    poolers = [section for section in report.sections if isinstance(section, PoolerLook)]
    refusals = [section.refusal for section in report.sections if isinstance(section, NoEntry)]
    yield from metric("build_info", "Version of poolcheck.", [({"version": __version__}, 1)])
    yield from metric("up", "Whether the server could be looked at.", [({}, float(bool(looks)))])
    if refusals:
        yield from metric(
            "refused",
            "The connection was refused; the layer says by what.",
            list(
                {
                    refusal.layer or "unknown": ({"layer": refusal.layer or "unknown"}, 1.0)
                    for refusal in refusals
                }.values()
            ),
        )
    yield from metric(
        "findings",
        "Findings of the rules, by severity.",
        [({"severity": each.word}, float(report.count(each))) for each in sorted(Severity, reverse=True)],
    )
    yield from metric("skipped", "Things that could not be looked at.", [({}, float(len(report.skipped)))])
    for look in looks:
        yield from server(look)
    for pooler in poolers:
        yield from pools(pooler)


def server(look: Look) -> Iterator[str]:
    """The metrics of a server."""
    snapshot = look.snapshot
    at = {"database": clean(snapshot.server.database)}
    yield from metric("slots_usable", "Slots that an ordinary role can have.", [(at, snapshot.server.usable)])
    yield from metric("slots_used", "Client sessions, without this look's own.", [(at, snapshot.used)])
    yield from metric("slots_max", "max_connections.", [(at, snapshot.server.max_connections)])
    yield from metric(
        "sessions_hidden", "Sessions whose state this role may not see.", [(at, snapshot.hidden)]
    )
    yield from metric(
        "via_pooler", "Whether the connection went through a pooler.", [(at, float(snapshot.route.pooled))]
    )
    groups: dict[tuple[str, str, str, str], int] = {}
    for client in snapshot.clients:
        key = (client.application_name, client.user, client.database, client.state or "hidden")
        groups[key] = groups.get(key, 0) + 1
    yield from metric(
        "sessions",
        "Client sessions by application, user, database and state.",
        [
            (
                {"application": clean(app), "user": clean(user), "database": clean(database), "state": state},
                count,
            )
            for (app, user, database, state), count in sorted(groups.items())
        ],
    )
    oldest = max((each.state_age or 0 for each in look.idle_in_transaction), default=0.0)
    yield from metric(
        "idle_in_transaction_oldest_seconds", "Age of the longest idle transaction.", [(at, round(oldest, 3))]
    )
    yield from metric(
        "blocked_sessions",
        "Sessions that wait for a lock.",
        [(at, sum(len(block.waiters) for block in look.blocks))],
    )
    leaks: dict[tuple[str, str], int] = {}
    for leak in look.leaks:
        leaks[(leak.kind, leak.certainty)] = leaks.get((leak.kind, leak.certainty), 0) + len(leak.members)
    yield from metric(
        "leaked_sessions",
        "Sessions held for nothing, by kind and certainty.",
        [
            ({"kind": kind, "certainty": certainty}, count)
            for (kind, certainty), count in sorted(leaks.items())
        ],
    )
    yield from metric(
        "limit_used",
        "Connections of a role or database that has a limit of its own.",
        [({"kind": cap.kind, "name": clean(cap.name)}, cap.used) for cap in snapshot.caps],
    )
    yield from metric(
        "limit_max",
        "Connection limit of a role or database.",
        [({"kind": cap.kind, "name": clean(cap.name)}, cap.limit) for cap in snapshot.caps],
    )
    if snapshot.counters:
        for name in ("sessions", "abandoned", "fatal", "killed"):
            suffix = "" if name == "sessions" else f"_{name}"
            yield from metric(
                f"sessions{suffix}_total",
                f"pg_stat_database: sessions{suffix}, all databases.",
                [({}, getattr(snapshot.counters, name))],
                kind="counter",
            )


def pools(look: PoolerLook) -> Iterator[str]:
    """The metrics of a PgBouncer."""
    snapshot = look.snapshot
    if snapshot.clients_used is not None:
        yield from metric("pooler_clients", "Clients of the pooler.", [({}, snapshot.clients_used)])
    limit = snapshot.number("max_client_conn")
    if limit is not None:
        yield from metric("pooler_clients_max", "max_client_conn.", [({}, limit)])
    for name, what, values in (
        ("clients_active", "Clients with a server connection, or idle.", [pool.clients_active for pool in snapshot.pools]),
        ("clients_waiting", "Clients that wait.", [pool.clients_waiting for pool in snapshot.pools]),
        ("servers_active", "Busy server connections.", [pool.servers_active for pool in snapshot.pools]),
        ("servers_idle", "Free server connections.", [pool.servers_idle for pool in snapshot.pools]),
        ("max_wait_seconds", "How long the first waiting client has waited.", [pool.max_wait_seconds for pool in snapshot.pools]),
        ("size", "Server connections that the pool may open.", [pool.pool_size or 0 for pool in snapshot.pools]),
    ):  # fmt: skip
        yield from metric(
            f"pool_{name}",
            what,
            [
                ({"database": clean(each.database), "user": clean(each.user)}, value)
                for each, value in zip(snapshot.pools, values, strict=True)
            ],
        )


def metric(name: str, what: str, samples: Samples, kind: str = "gauge") -> Iterator[str]:
    """One metric; nothing when there is no sample."""
    if not samples:
        return
    yield f"# HELP {PREFIX}{name} {what}"
    yield f"# TYPE {PREFIX}{name} {kind}"
    for labels, value in samples:
        inside = ",".join(f'{key}="{escape(text)}"' for key, text in labels.items())
        number = repr(round(float(value), 6)).removesuffix(".0")
        yield f"{PREFIX}{name}{'{' + inside + '}' if inside else ''} {number}"


def escape(text: str) -> str:
    """A label's value, as the format wants it."""
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
