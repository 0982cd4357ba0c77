"""Scenes on real servers: sessions that are opened, held and cleared away again."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psycopg

from poolcheck.config.settings import Config
from poolcheck.live.look import LookOptions, live
from poolcheck.model.look import Look, NoEntry, PoolerLook
from poolcheck.model.report import Report
from tests.servers import ROLES, Bouncer, Postgres

Conn = psycopg.Connection[tuple[Any, ...]]


class Fixed:
    """A config that no file has a say in."""

    def __init__(self, config: Config | None = None) -> None:
        self.config = config or Config()

    def over(self, start: object) -> Config:  # the start makes no difference
        return self.config


def eventually(test: Callable[[], bool], what: str, patience: float = 10.0) -> None:
    """Wait until it holds; servers need a moment to notice things."""
    deadline = time.monotonic() + patience
    while not test():
        assert time.monotonic() < deadline, f"did not happen: {what}"
        time.sleep(0.02)


class Scene:
    """Sessions of one test."""

    def __init__(self, server: Postgres) -> None:
        self.server = server
        self.opened: list[Conn] = []
        self.working: list[Conn] = []
        self.threads: list[threading.Thread] = []
        server.execute(*ROLES)
        self.quiet()

    def others(self) -> int:
        """Client sessions at this moment, the one that asks left out."""
        rows = self.server.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )
        return int(rows[0][0])

    def quiet(self) -> None:
        """Wait until nobody is connected."""
        eventually(lambda: self.others() == 0, "all sessions gone")

    def open(
        self,
        count: int = 1,
        user: str = "app",
        *,
        name: str = "web",
        run: str = "",
        database: str = "postgres",
    ) -> list[Conn]:
        """Sessions that have run one statement."""
        made = []
        for _ in range(count):
            conn = self.server.connect(user, database, application_name=name)
            self.opened.append(conn)
            made.append(conn)
            if run:
                conn.execute(run.encode())
        return made

    def busy(self, conn: Conn, statement: str) -> None:
        """Let a session run a statement that lasts, in the background."""

        def work() -> None:
            with suppress(psycopg.Error):  # it is ended by the test
                conn.execute(statement.encode())

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        self.threads.append(thread)
        self.working.append(conn)

    def fill(self, user: str = "app") -> str:
        """Open sessions until the server refuses; gives its words."""
        while True:
            try:
                self.open(user=user)
            except psycopg.OperationalError as error:
                return str(error)

    def close(self) -> None:
        """End everything, also what hangs."""
        # A connection that a thread works on is ended by the server first: closed here, its descriptor could be
        # given to another connection under the thread's hands.
        for conn in self.opened:
            if conn not in self.working:
                conn.close()

        def ended() -> bool:
            with suppress(psycopg.OperationalError):  # no slot is free yet
                self.server.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename IS NOT NULL AND pid <> pg_backend_pid()"
                )
                return True
            return False

        eventually(ended, "a slot for the superuser")
        for thread in self.threads:
            thread.join(10)
            assert not thread.is_alive()
        for conn in self.working:
            conn.close()
        self.quiet()


@contextmanager
def scene(server: Postgres) -> Iterator[Scene]:
    """A quiet server at the beginning and at the end."""
    made = Scene(server)
    try:
        yield made
    finally:
        made.close()


def report(
    server: Postgres | Bouncer, user: str = "monitor", config: Config | None = None, **options: Any
) -> Report:
    """What `live` says of a server."""
    return report_on(server.url(user), config, **options)


def report_on(dsn: str, config: Config | None = None, **options: Any) -> Report:
    """What `live` says of a connection string."""
    return live(LookOptions(dsn=dsn, **options), Fixed(config))


def look(report: Report) -> Look:
    """The look in a report."""
    (found,) = [section for section in report.sections if isinstance(section, Look)]
    return found


def pooler(report: Report) -> PoolerLook:
    """The look at a console in a report."""
    (found,) = [section for section in report.sections if isinstance(section, PoolerLook)]
    return found


def refusal(report: Report) -> NoEntry:
    """The refusal in a report."""
    (found,) = [section for section in report.sections if isinstance(section, NoEntry)]
    return found


def rules(report: Report) -> dict[str, str]:
    """Rule and severity of each finding."""
    return {finding.rule.id: finding.severity.word for finding in report.findings}
