"""The only sockets to PostgreSQL: connect, look once, disconnect.

Statements go through libpq's simple protocol, several in one message: one round trip, nothing prepared, no BEGIN
that could stay open, and settings that end with the message. The first of them is sql/guest: after it no name or operator of
the database can be taken for one of PostgreSQL's. Every wait has a deadline of its own, because a server in trouble may
accept a connection and never answer; and every answer a size, because not everything that answers is a PostgreSQL.
"""

import logging
import re
import selectors
import socket
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NoReturn

import psycopg
from psycopg.pq import ExecStatus, TransactionStatus

from poolcheck.connection.secret import Secret, mask_elsewhere, redact
from poolcheck.live import sql
from poolcheck.live.memory import Room, held
from poolcheck.model.snapshot import HostAnswer
from poolcheck.record import dataclass
from poolcheck.text import clean

APPLICATION_NAME = "poolcheck"
TOO_LARGE = "what the server sends before the login is too large"
MOST_ROWS = 10_000  # of one answer; a session is a row
MOST_COLUMNS = 64
MOST_FIELD = 8192  # bytes of a value that are kept: no list or statement that is asked for is longer
MOST_BYTES = 24 << 20  # of one answer
MOST_HELD = 16 << 20  # bytes that libpq may hold: a message until it is whole, what was said at the login
MOST_MESSAGE = 20_000  # characters of an error

# psycopg logs what it cannot cancel; this module closes such connections itself.
logging.getLogger("psycopg").setLevel(logging.CRITICAL)


class NoConnection(Exception):
    """No connection. `text` is the server's, the pooler's or libpq's message; `password` when one is missing.

    `answers` has one for each host, in their order, where the string names several.
    """

    def __init__(self, text: str, *, password: bool = False, answers: tuple[HostAnswer, ...] = ()) -> None:
        super().__init__(text)
        self.text = text
        self.password = password
        self.answers = answers


class Lost(Exception):
    """The connection ended, or did not answer in time, while looking."""

    def __init__(self, text: str, *, timed_out: bool = False) -> None:
        super().__init__(text)
        self.text = text
        self.timed_out = timed_out


class Garbled(Lost):
    """What was answered is no answer of PostgreSQL's; `text` says why. The connection is of no more use."""


class Unsupported(Exception):
    """The server answers, and is not PostgreSQL, or one that is too old; `banner` is what it says it is."""

    def __init__(self, banner: str) -> None:
        super().__init__(banner)
        self.banner = banner


class StatementFailed(Exception):
    """The server refused a statement."""

    def __init__(self, text: str, sqlstate: str) -> None:
        super().__init__(text)
        self.text = text
        self.sqlstate = sqlstate


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds."""

    connect: float = 5.0
    statement: float = 3.0


DEFAULT_TIMEOUTS = Timeouts()


class Row(dict[str, str | None]):
    """The values of a row by the names of its columns."""

    def __missing__(self, name: str) -> NoReturn:
        raise Garbled(f"no column is named {name}")


def only(rows: list[Row]) -> Row:
    """The row of a query that always has one.

    Raises:
        Garbled: there is none, or another.
    """
    if len(rows) != 1:
        raise Garbled(f"{len(rows)} rows where there is always one")
    return rows[0]


class Link:
    """One connection, by libpq's own functions. Closed by `close`, always."""

    def __init__(
        self, conn: psycopg.Connection[Any], timeouts: Timeouts, began: float, secrets: Iterable[Secret] = ()
    ) -> None:
        self._conn = conn
        self._pq = conn.pgconn
        self._timeouts = timeouts
        self._secrets = tuple(secrets)
        self.began = began  # when connecting began, on the monotonic clock
        self.waited = 0.0  # seconds of the slowest message
        # of a string with several hosts: those that did not let us in
        self.passed_over: tuple[HostAnswer, ...] = ()

    @property
    def backend_key(self) -> int:
        """The pid that the other side gave at the start; a pooler's is made up."""
        return self._pq.backend_pid

    @property
    def made_up_key(self) -> bool:
        """Whether that pid can be no process of the server: PgBouncer draws 32 random bits, Linux stops at 2**22."""
        return not 0 < self.backend_key <= 2**22

    @property
    def server_version(self) -> int:
        """180006; 0 when the other side does not say."""
        return self._pq.server_version

    @property
    def ssl(self) -> bool:
        """Whether our side of the connection is encrypted."""
        return bool(self._pq.ssl_in_use)

    @property
    def address(self) -> str:
        """Host and port that answered, of several that may have been given."""
        host, port = ((value or b"").decode("utf-8", "replace") for value in (self._pq.host, self._pq.port))
        return f"{clean(host, limit=80)}:{port}"

    @property
    def open(self) -> bool:
        """Whether it can still be used."""
        return not self._conn.closed

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open and the connection can be talked to."""
        return self._pq.transaction_status in (TransactionStatus.INTRANS, TransactionStatus.INERROR)

    def parameter(self, name: str) -> str:
        """What the other side reported at the start: server_version, crdb_version, ..."""
        return (self._pq.parameter_status(name.encode()) or b"").decode("utf-8", "replace")

    def local_port(self) -> int | None:
        """Our end's port; None over a Unix-domain socket."""
        with socket.fromfd(self._pq.socket, socket.AF_INET, socket.SOCK_STREAM) as copy:
            try:
                name = copy.getsockname()
            except OSError:
                return None
        return int(name[1]) if isinstance(name, tuple) and len(name) >= 2 else None

    def loopback(self) -> bool:
        """Whether the other end is on this machine."""
        address = (self._pq.hostaddr or b"").decode()
        return not address or address.startswith(("127.", "/")) or address == "::1"

    def ask(
        self,
        *queries: str,
        seconds: float | None = None,
        statement: float | None = None,
        meanwhile: Callable[[], None] | None = None,
        begin: bool = False,
    ) -> list[list[Row]]:
        """The guest, then the queries, in one message; `begin` leaves the transaction open. Gives the rows of each.

        `statement` is the server's own limit for each of them, in seconds; the rest is as in `run`.
        """
        limit = self._timeouts.statement if statement is None else statement
        # 0 would mean for ever
        guest = sql.load("guest", sql.OLDEST).replace("{statement_timeout}", str(max(1, int(limit * 1000))))
        texts = [*["BEGIN READ ONLY"] * begin, guest, *queries]
        answers = self.run(";\n".join(texts), seconds, meanwhile)
        if len(answers) != len(texts):
            raise self._garbled(f"{len(answers)} results for {len(texts)} statements")
        return answers[begin:]

    def run(
        self, text: str, seconds: float | None = None, meanwhile: Callable[[], None] | None = None
    ) -> list[list[Row]]:
        """Send one message, give the rows of each statement in it. `meanwhile` is done while the server works.

        For words in which no name is looked up: SHOW, ROLLBACK. All else is `ask`ed.

        Raises:
            StatementFailed: the server refused it; the connection stays usable.
            Garbled: the answer is none of PostgreSQL's, or too large to be one.
            Lost: the connection ended, or there was no answer within `seconds` (default: statement timeout + 2).
        """
        limit = self._timeouts.statement + 2 if seconds is None else seconds
        begun = time.monotonic()
        try:
            self._pq.send_query(text.encode())
            self._pq.set_single_row_mode()  # a row at a time can be counted
            return self._answers(begun + limit, meanwhile)
        except psycopg.Error as error:
            raise self._lost(message(str(error), self._secrets)) from None
        finally:
            self.waited = max(self.waited, time.monotonic() - begun)

    def _answers(self, deadline: float, meanwhile: Callable[[], None] | None) -> list[list[Row]]:
        answers: list[list[Row]] = []
        reader = _Reader(self._encoding)
        failed = None
        for result in self._results(deadline, meanwhile, reader):
            status = result.status
            if status in (ExecStatus.FATAL_ERROR, ExecStatus.BAD_RESPONSE):
                failed = failed or result
            elif status == ExecStatus.SINGLE_TUPLE:
                if trouble := reader.read(result):
                    raise self._garbled(trouble)
            elif status in (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK):
                answers.append(reader.rows)
                reader.rows = []
            else:
                raise self._garbled(f"{ExecStatus(status).name} is no answer to a query")
            if len(answers) > MOST_COLUMNS:
                raise self._garbled("results without end")
        if failed is not None:
            raise self._failure(failed)
        return answers

    def _failure(self, result: Any) -> Exception:
        text = result.error_message[: 2 * MOST_MESSAGE]
        said = message(text.decode("utf-8", "replace"), self._secrets)
        severity = result.error_field(48 + 38) or b""  # PG_DIAG_SEVERITY_NONLOCALIZED, 'V'
        if severity in (b"FATAL", b"PANIC") or self._pq.transaction_status == TransactionStatus.UNKNOWN:
            return Lost(said) if severity else self._lost(said)
        if (
            not severity and result.error_field(83) is None
        ):  # 'S': every server's has one, libpq's own has none
            return self._garbled(said)
        return StatementFailed(said, (result.error_field(67) or b"").decode("ascii", "replace"))  # 'C'

    def _lost(self, said: str) -> Lost:
        """What to raise for words of libpq's own."""
        return self._garbled("it is too large") if "memory" in said else Lost(said)

    def _garbled(self, why: str) -> Garbled:
        """What to raise; there is no way back to a known state, so the connection ends here."""
        self.close()
        return Garbled(why)

    @property
    def _encoding(self) -> str:
        """Python's name of the encoding; one that Python has not, EUC_TW or an invention, is read for its ASCII."""
        try:
            return self._conn.info.encoding
        except psycopg.Error:
            return "utf-8"

    def _results(
        self, deadline: float, meanwhile: Callable[[], None] | None, reader: "_Reader"
    ) -> Iterator[Any]:
        pq = self._pq
        with selectors.DefaultSelector() as selector:
            selector.register(pq.socket, selectors.EVENT_READ | selectors.EVENT_WRITE)
            while pq.flush():
                self._wait(selector, deadline)
                pq.consume_input()
            selector.modify(pq.socket, selectors.EVENT_READ)
            if meanwhile is not None:
                meanwhile()
            most, room = held() + MOST_HELD, Room()
            while True:
                while room.within(pq.is_busy):
                    self._wait(selector, deadline)
                    room.within(pq.consume_input)
                    if held() > most + reader.bytes:
                        raise self._garbled("it is too large")
                if time.monotonic() > deadline:
                    raise Lost("no answer in time", timed_out=True)
                result = room.within(pq.get_result)
                if result is None:
                    return
                yield result

    @staticmethod
    def _wait(selector: selectors.BaseSelector, deadline: float) -> None:
        left = deadline - time.monotonic()
        if left <= 0 or not selector.select(left):
            raise Lost("no answer in time", timed_out=True)

    def close(self) -> None:
        """Say goodbye. A statement that still runs is ended by its own statement timeout."""
        self._conn.close()


class _Reader:
    """Rows out of results of one row each, with an end to everything."""

    def __init__(self, encoding: str) -> None:
        self.rows: list[Row] = []  # of the statement that is being answered
        self.encoding = encoding
        self.names: list[str] = []
        self.count = self.bytes = 0

    def read(self, result: Any) -> str:
        """Take the row; or say what keeps it from being one."""
        if not self.rows:
            if result.nfields > MOST_COLUMNS:
                return f"{result.nfields} columns"
            self.names = [
                (result.fname(at) or b"").decode("utf-8", "replace") for at in range(result.nfields)
            ]
        row = Row()
        for at, name in enumerate(self.names):
            value = result.get_value(0, at)
            row[name] = text = None if value is None else value[:MOST_FIELD].decode(self.encoding, "replace")
            self.bytes += max(len(value or b""), sys.getsizeof(text))
        self.bytes += sys.getsizeof(row)
        self.rows.append(row)
        self.count += 1
        if self.count > MOST_ROWS:
            return f"more than {MOST_ROWS} rows"
        return "it is too large" if self.bytes > MOST_BYTES else ""


class _Login(psycopg.Connection[Any]):
    """A connection that is given up when the other side sends more than a login needs."""

    @classmethod
    def _connect_gen(cls, *args: Any, **options: Any) -> Any:
        steps = super()._connect_gen(*args, **options)
        try:
            asked = next(steps)
            most, room = held() + MOST_HELD, Room()
            while True:
                ready = yield asked
                if held() > most:
                    raise psycopg.OperationalError(TOO_LARGE)
                asked = room.within(steps.send, ready)
        except StopIteration as done:
            return done.value
        except psycopg.OperationalError as error:
            if "out of memory" in str(error):  # of the room that it was given
                raise psycopg.OperationalError(TOO_LARGE) from None
            raise
        finally:
            steps.close()


def message(text: str, secrets: Iterable[Secret] = ()) -> str:
    """A message of libpq or the server, on one line per line, without terminal escapes and passwords."""
    text = mask_elsewhere(text, *secrets)
    if len(text) > MOST_MESSAGE:
        text = text[:MOST_MESSAGE].rsplit(None, 1)[0]
    return "\n".join(clean(line) for line in redact(text).strip().splitlines())


def connect(
    words: Mapping[str, str | Secret], timeouts: Timeouts = DEFAULT_TIMEOUTS, *, named: bool = True
) -> Link:
    """Open one connection with libpq's keywords. Sends no startup option beyond application_name.

    `named` False leaves that out too: PgBouncer sets the name on the server session, and it stays there for every
    later client that sends none.

    Raises:
        Refused: with the other side's own text.
    """
    plain: dict[str, Any] = {
        name: value.reveal() if isinstance(value, Secret) else value for name, value in words.items()
    }
    plain["application_name"] = APPLICATION_NAME if named else ""
    plain["connect_timeout"] = max(2, round(timeouts.connect))  # libpq's own minimum is 2
    secrets = [value for value in words.values() if isinstance(value, Secret)]
    began = time.monotonic()
    try:
        # None: no statement is ever prepared. autocommit: no BEGIN of the driver's own.
        conn = _Login.connect(**plain, autocommit=True, prepare_threshold=None)
    except psycopg.Error as error:
        raise NoConnection(message(str(error), secrets), password=needs_password(error)) from None
    except (UnicodeError, ValueError) as error:
        raise NoConnection(f"the connection string cannot be used: {type(error).__name__}") from None
    return Link(conn, timeouts, began, secrets)


def needs_password(error: psycopg.Error) -> bool:
    """Whether the server wants a password and none was given."""
    conn = getattr(error, "pgconn", None)  # only this flag is read: the object holds the password
    return bool(conn is not None and conn.needs_password)


def whoami(link: Link) -> Row:
    """The row about this very session alone: for the probe of a pooler whose server is looked at directly.

    Raises:
        Lost: the connection ended or did not answer.
        StatementFailed: the server refused it.
    """
    guest, facts = link.ask(sql.load("facts", link.server_version // 10000))
    return Row({**only(guest), **only(facts)})


_WHOLE = re.compile(r"-?\d{1,19}", re.ASCII)
_REAL = re.compile(r"-?\d{1,25}(?:\.\d{1,40})?(?:e[-+]?\d\d)?", re.ASCII)


def whole(text: str | None) -> int | None:
    """A column that holds a whole number; None when it holds nothing.

    Raises:
        Garbled: it holds something else, or more digits than any number of PostgreSQL's.
    """
    return int(_number(_WHOLE, text)) if text else None


def real(text: str | None) -> float | None:
    """A column that holds a number; None when it holds nothing.

    Raises:
        Garbled: it holds something else, or no finite number.
    """
    return float(_number(_REAL, text)) if text else None


def _number(form: re.Pattern[str], text: str) -> str:
    if not form.fullmatch(text):
        raise Garbled(f"a number reads {clean(text, limit=40)}")
    return text
