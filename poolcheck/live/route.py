"""Does the connection go through a pooler, and in which mode? Asked without leaving anything behind.

PgBouncer 1.26 names its mode itself. For all others the first look suspects: the key that came with the connection is
not the pid of the server process, the process is older than the connection, the ports or the encryption of the two ends
differ. Only then a second client connects, and both ask which server session they are on while the second holds a
transaction: two live clients on one session, or one client on two sessions, prove a transaction pool. No SET, no
temporary object, no prepared statement, no lock: on a transaction pool those would stay on somebody else's session.
"""

import re
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import field
from typing import get_args

from poolcheck.live import sql
from poolcheck.live.postgres import (
    Link,
    Lost,
    NoConnection,
    Row,
    StatementFailed,
    only,
    real,
    whole,
)
from poolcheck.model.facts import PoolMode
from poolcheck.model.snapshot import LiveRoute, RouteKind
from poolcheck.record import dataclass
from poolcheck.text import clean

ROUNDS = 8  # with one round, a busy pool hides behind chance in a third of the cases
PAUSE = 0.004  # seconds between rounds
PATIENCE = 1.0  # seconds that a probe waits for a server session
STATEMENT_MODE = "statement pooling mode"
_UNITS = {"ms": 1, "s": 1000, "min": 60_000, "h": 3_600_000, "d": 86_400_000}
SLACK = 0.5  # seconds by which a server process may be older than our connection and still be its own


@dataclass(frozen=True, slots=True)
class Known:
    """What the catalogue says of the host: "pooled", "direct", ... and the mode and software it names."""

    kind: str = "unknown"
    mode: PoolMode | None = None
    software: str = ""


UNKNOWN = Known()


def suspect(link: Link, row: Row) -> tuple[tuple[str, ...], bool]:
    """Signs of something between us and the server; and whether it speaks the protocol, as poolers do."""
    signs = []
    speaks = False
    pid = whole(row["backend_pid"]) or 0
    if link.backend_key != pid:
        signs.append("the key given at connect is not the server process's pid")
        speaks = True
    age = real(row["backend_age"]) or 0.0
    if age > time.monotonic() - link.began + SLACK:
        signs.append(f"the server process is {age:.0f} s old, older than this connection")
        speaks = True
    if row["ssl"] is not None and (row["ssl"] == "t") != link.ssl and row["client_port"] is not None:
        signs.append("one side is encrypted and the other is not")
        speaks = True
    local = link.local_port()
    if local is not None and row["client_port"] != str(local):
        signs.append("the server sees another port than ours")
    return tuple(signs), speaks


def find(
    link: Link, row: Row, again: Callable[[], Link], *, known: Known = UNKNOWN, probe: bool = True
) -> LiveRoute:
    """How the connection came to the server. `again` opens the second client; `probe` False leaves it out."""
    left = left_behind(row)
    waited = link.waited
    if told := _told(link):
        version, mode = told
        return LiveRoute(
            kind="pooler",
            mode=mode,
            software=f"PgBouncer {version}",
            how=("PgBouncer says so to every client that logs in",),
            left_behind=left,
            waited=waited,
        )
    signs, speaks = suspect(link, row)
    if not signs:
        if known.kind == "pooled":
            return LiveRoute(
                kind="unknown",
                how=(f"the host is {known.software or 'a pooler'}'s, but the session looks direct",),
                waited=waited,
            )
        return LiveRoute(
            kind="direct", how=("key, ports and age of the session are the server's own",), waited=waited
        )
    if not speaks:
        # pgpool-II passes the server's key on, and says who it is when asked. Others do not know the word.
        if version := _pgpool(link):
            return LiveRoute(
                kind="pooler",
                mode="session",
                software=f"pgpool-II {version}",
                how=(*signs, "SHOW pool_version answers"),
                waited=waited,
            )
        return LiveRoute(kind="direct", how=(*signs, "a port forwarder or NAT, not a pooler"), waited=waited)
    if not probe:
        pooled = known.kind == "pooled"
        return LiveRoute(
            kind="pooler" if pooled or "older than this" in " ".join(signs) else "proxy",
            mode=known.mode,
            software=known.software,
            how=(*signs, "not probed (--no-probe)"),
            left_behind=left,
            waited=waited,
        )
    return _second_client(link, row, again, _Trail(signs, known, waited))


@dataclass(slots=True)
class _Trail:
    """What the probe has gathered so far."""

    signs: tuple[str, ...]
    known: Known
    waited: float
    seen: set[str | None] = field(default_factory=set)
    left: set[tuple[str, str]] = field(default_factory=set)

    def note(self, row: Row) -> tuple[str | None, str | None]:
        """Remember a session, and give what names it."""
        self.seen.add(row["backend_pid"])
        self.left.update(left_behind(row))
        return row["backend_pid"], row["backend_start"]

    def route(self, mode: PoolMode | None, proof: str, kind: RouteKind = "pooler") -> LiveRoute:
        """The verdict."""
        return LiveRoute(
            kind=kind,
            mode=mode,
            software=self.known.software,
            how=(*self.signs, proof),
            left_behind=tuple(sorted(self.left)),
            looked_at=len(self.seen),
            waited=self.waited,
        )


def _second_client(link: Link, row: Row, again: Callable[[], Link], trail: _Trail) -> LiveRoute:
    last = trail.note(row)
    mode = trail.known.mode
    try:
        second = again()
    except NoConnection as refused:
        return trail.route(mode, f"a second client was refused: {_short(refused.text)}")
    try:
        for attempt in range(ROUNDS):
            try:
                # Only the second client ever holds a transaction, and never longer than the first one's question.
                theirs = trail.note(_probe(second, begin=True))
            except (StatementFailed, Lost) as error:
                if STATEMENT_MODE in error.text:
                    return trail.route("statement", "BEGIN is refused: statement pooling")
                if isinstance(error, Lost) and error.timed_out:
                    return trail.route(mode, "no server session came free for a second client within 1 s")
                return trail.route(mode, f"the second client failed: {_short(error.text)}")
            if theirs == last:
                return trail.route("transaction", "two clients at the same time were on one server session")
            try:
                ours = trail.note(_probe(link))
            except Lost as error:
                if error.timed_out:
                    return trail.route("transaction", "this connection had no session while another held one")
                raise
            if ours != last:
                return trail.route("transaction", "one connection was on two server sessions")
            second.run("ROLLBACK", PATIENCE)
            # Asked in this order too: a pool gives out what came back last, so that the two could keep apart for ever.
            if trail.note(_probe(link)) != last:
                return trail.route("transaction", "one connection was on two server sessions")
            if attempt < ROUNDS - 1:
                time.sleep(PAUSE)
    except (StatementFailed, Lost) as error:
        return trail.route(mode, f"the probe failed: {_short(error.text)}")
    finally:
        _leave(second)
    if trail.known.kind == "direct":
        return trail.route(
            None, "the provider's proxy gives each client a server session of its own", "proxy"
        )
    return trail.route("session", "clients do not share server sessions: session pooling, or a proxy")


def _probe(link: Link, *, begin: bool = False) -> Row:
    guest, probe = link.ask(sql.load("probe", sql.OLDEST), seconds=PATIENCE, begin=begin)
    return Row({**only(guest), **only(probe)})


def _told(link: Link) -> tuple[str, PoolMode | None] | None:
    """Version and mode of a PgBouncer that names them: 1.26 and later do, as parameters of the login.

    Source: https://www.pgbouncer.org/changelog.html (1.26.0, pull request 1490); seen with 1.26.1.
    """
    version = clean(link.parameter("pgbouncer.version"), limit=20)
    if not version:
        return None
    said = link.parameter("pgbouncer.pool_mode")
    return version, next((mode for mode in get_args(PoolMode) if mode == said), None)


def _leave(link: Link) -> None:
    """End the transaction before the connection: a pooler throws away a session that is left inside one."""
    if link.in_transaction:
        with suppress(StatementFailed, Lost):
            link.run("ROLLBACK", PATIENCE)
    link.close()


def _short(text: str) -> str:
    return (text.strip().splitlines() or [""])[-1][:120]


def _pgpool(link: Link) -> str:
    try:
        answers = link.run("SHOW pool_version", PATIENCE)
    except (StatementFailed, Lost):
        return ""
    # pgpool-II sends an empty result before the one with its version.
    said = next((value for rows in answers for row in rows for value in row.values() if value), "")
    return clean(said, limit=40)


def left_behind(row: Row) -> tuple[tuple[str, str], ...]:
    """Settings that somebody left on the session, by name: what the queries say, and the two that the guest replaces."""
    pairs = {
        (name, value)
        for each in (row["left_behind"] or "").split("\x1f")
        for name, given, value in (each.partition("="),)
        if given
    }
    for name, before in (
        ("search_path", row["search_path"]),
        ("statement_timeout", _milliseconds(row["statement_timeout"] or "")),
    ):
        if before != row[f"{name}_reset"]:
            pairs.add((name, before or ""))
    return tuple(sorted(pairs))


def _milliseconds(text: str) -> str:
    """As pg_settings has a time that SHOW gives with its unit."""
    found = re.fullmatch(r"(\d{1,10})(ms|s|min|h|d)", text, re.ASCII)
    return str(int(found[1]) * _UNITS[found[2]]) if found else text
