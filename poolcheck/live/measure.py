"""The limits and the load of a live server, for a sizing: one connection, a sample at the start and one at the end.

Every sample is one message and so one transaction, with which its settings end: nothing stays behind on a pooler's server
connection. Rates are differences of counters that everybody may read. From PostgreSQL 15 on, sessions
whose transactions touch no table report them only at their end; such a load is measured at a PgBouncer's console.
"""

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass

from poolcheck.connection.parse import looks_like_connection_string, parse
from poolcheck.errors import BadTarget, Unreachable
from poolcheck.live import sql
from poolcheck.live.credentials import dial
from poolcheck.live.postgres import (
    Garbled,
    Link,
    Lost,
    NoConnection,
    Row,
    StatementFailed,
    Timeouts,
    only,
    real,
    whole,
)
from poolcheck.model.report import Skipped
from poolcheck.model.sizing import Measured
from poolcheck.text import clean

FEW_CALLS = 100  # statements below which the variation of their time says nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """What a server told. `load` is None without a sample, or when there was no transaction in it."""

    host: str
    port: int
    max_connections: int | None = None
    reserved: int | None = None
    role_limit: int | None = None
    database_limit: int | None = None
    load: Measured | None = None
    skipped: tuple[Skipped, ...] = ()


def measure(dsn: str, seconds: float | None, progress: Callable[[str], None]) -> Measurement:
    """Read the limits; with `seconds`, watch the counters for so long.

    A PgBouncer's console (database `pgbouncer`) tells the load alone: a pooler does not know the server's limits.

    Raises:
        BadTarget: not a connection string of PostgreSQL.
        Unreachable: no connection, or it was lost; with the other side's text.
    """
    conn = parse(dsn)
    if not (looks_like_connection_string(dsn) and conn.is_postgres) or conn.has_placeholder:
        raise BadTarget(
            "--from is no connection string that can be used: "
            + (conn.masked() if conn.raw else "it is empty"),
            "Write postgresql://user:password@host:5432/database; quote it.",
        )
    try:
        with closing(dial(conn, Timeouts(), trusted=True)) as link:
            look = Console if "bouncer" in link.parameter("server_version") else Database
            return look(link, conn.host or "127.0.0.1", conn.effective_port or 5432).seen(seconds, progress)
    except NoConnection as refused:
        raise Unreachable(
            f"no connection: {refused.text}", "Give --max, or look with: poolcheck live DSN"
        ) from None
    except Garbled as garbled:
        raise Unreachable(f"the answer is none of PostgreSQL's: {garbled.text}") from None
    except Lost as lost:
        raise Unreachable(f"the connection was lost while measuring: {lost.text}") from None
    except StatementFailed as failed:
        raise Unreachable(
            f"the server refused to tell: {failed.text}", "Give --max, --tps and --hold-ms."
        ) from None


class Database:
    """PostgreSQL itself, reached directly or through a pooler."""

    def __init__(self, link: Link, host: str, port: int) -> None:
        self.link, self.host, self.port = link, host, port
        self.major = link.server_version // 10000
        self.skipped: list[Skipped] = []

    def ask(self, text: str) -> Row:
        """The one row of a query, in a transaction that leaves nothing behind."""
        _, rows = self.link.ask(text)
        return only(rows)

    def seen(self, seconds: float | None, progress: Callable[[str], None]) -> Measurement:
        """Limits, and the load where it is asked for."""
        first = self.ask(sql.load("load", self.major))
        load = None
        if seconds is not None:
            shape = self.shape(first)
            progress(f"measuring {clean(first['database'] or '')} for {seconds:g} s ...")
            time.sleep(seconds)
            load = self.load(first, self.ask(sql.load("load", self.major)), shape)
        return Measurement(
            host=self.host,
            port=self.port,
            max_connections=whole(first["max_connections"]),
            reserved=whole(first["reserved"]),
            role_limit=whole(first["role_limit"]),
            database_limit=whole(first["database_limit"]),
            load=load,
            skipped=tuple(self.skipped),
        )

    def load(self, first: Row, last: Row, shape: Row | None) -> Measured | None:
        """Rates between two rows. One transaction is our own."""
        seconds = _amount(last, "epoch") - _amount(first, "epoch")
        count = _amount(last, "transactions") - _amount(first, "transactions") - 1
        if first["since"] != last["since"] or count < 0:
            self.skip("load", "the statistics were reset meanwhile, or nothing ran.", "Sample again.")
            return None
        where = f"pg_stat_database of {clean(first['database'] or '')}"
        if count < 1:
            self.skip(
                "load",
                f"no transaction in {seconds:.0f} s in {where}.",
                "Sample at the peak, or give --tps and --hold-ms.",
            )
            return None
        if last["active_ms"] is None:
            self.skip("hold time", "session times exist from PostgreSQL 14 on.", "Give --tps and --hold-ms.")
            return Measured(where=where, seconds=seconds, tps=count / seconds, hold_ms=None, erlangs=0.0)
        active = _amount(last, "active_ms") - _amount(first, "active_ms")
        idle = _amount(last, "idle_in_transaction_ms") - _amount(first, "idle_in_transaction_ms")
        sessions = _amount(last, "session_ms") - _amount(first, "session_ms")
        held = active + idle
        if held <= 0:
            self.skip(
                "hold time",
                "no time was counted: every statement took less than a clock tick.",
                "Sample for longer.",
            )
            return None
        cv2 = self.variation(shape, self.shape(last, again=True)) if shape else None
        return Measured(
            where=where,
            seconds=seconds,
            tps=count / seconds,
            hold_ms=held / count,
            erlangs=held / 1000 / seconds,
            idle_share=max(0.0, idle / held),
            busy_ratio=min(1.0, held / sessions) if sessions > 0 else None,
            cv2=cv2,
            cv2_source="pg_stat_statements" if cv2 is not None else "",
        )

    def shape(self, row: Row, *, again: bool = False) -> Row | None:
        """Sums of pg_stat_statements; None where it is not there or not readable."""
        schema, hands = row["statements_schema"], row["statements_hands"]
        why = ""
        if schema is None or self.major < 13:
            why = "pg_stat_statements is not installed here."
        elif hands:
            # A view runs with the rights of its reader what its owner put into it.
            why = f"pg_stat_statements is in the hands of {clean(hands, limit=80)}, no superuser: not read."
        elif not schema.isascii():  # it would be sent in an encoding that the database chose
            why = "pg_stat_statements lies in a schema whose name is not ASCII: not read."
        else:
            try:
                return self.ask(sql.load("statements", self.major).replace("{schema}", schema))
            except StatementFailed as failed:
                why = f"{failed.text}."
        if not again:
            self.skip("variation of the hold time", why, "--cv2 says it; 1 is assumed.")
        return None

    def variation(self, first: Row, last: Row | None) -> float | None:
        """Squared coefficient of variation of the statements' time between two rows; None of too few."""
        if last is None:
            return None
        calls, total, squared = (
            _amount(last, name) - _amount(first, name) for name in ("calls", "total_ms", "total_squared")
        )
        if calls < FEW_CALLS or total <= 0:
            return None
        mean = total / calls
        return max(0.0, squared / calls / mean**2 - 1)

    def skip(self, what: str, why: str, hint: str) -> None:
        """Remember what could not be measured."""
        self.skipped.append(Skipped(what, why, hint))


class Console:
    """PgBouncer's admin console: SHOW STATS counts transactions and their time, in microseconds."""

    def __init__(self, link: Link, host: str, port: int) -> None:
        self.link, self.host, self.port = link, host, port

    def totals(self) -> tuple[float, float, float, float]:
        """When, and transactions, seconds in transactions and seconds of waiting of all databases."""
        stats = next(iter(self.link.run("SHOW STATS")), [])
        rows = [row for row in stats if row["database"] != "pgbouncer"]
        columns = [
            sum(_amount(row, name) for row in rows)
            for name in ("total_xact_count", "total_xact_time", "total_wait_time")
        ]
        return time.monotonic(), columns[0], columns[1] / 1e6, columns[2] / 1e6

    def seen(self, seconds: float | None, progress: Callable[[str], None]) -> Measurement:
        """The load of all databases behind the pooler."""
        skipped = [
            Skipped(
                "the server's limits",
                "a PgBouncer does not know them.",
                "Give --max, or --from the server itself.",
            )
        ]
        load = None
        if seconds is not None:
            begun, count, held, waited = self.totals()
            progress(f"measuring PgBouncer for {seconds:g} s ...")
            time.sleep(seconds)
            ended, count2, held2, waited2 = self.totals()
            done, passed = count2 - count, ended - begun
            if done > 0 and held2 > held:
                load = Measured(
                    where="PgBouncer's SHOW STATS",
                    seconds=passed,
                    tps=done / passed,
                    hold_ms=(held2 - held) / done * 1000,
                    erlangs=(held2 - held) / passed,
                    wait_ms=(waited2 - waited) / done * 1000,
                )
            else:
                skipped.append(Skipped("load", f"no transaction in {passed:.0f} s.", "Sample at the peak."))
        return Measurement(host=self.host, port=self.port, load=load, skipped=tuple(skipped))


def _amount(row: Row, name: str) -> float:
    return real(row[name]) or 0.0
