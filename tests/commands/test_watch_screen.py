"""The full screen of `live --watch` on a terminal: its keys, the slot it gives back, and what it leaves behind."""

import os
import pty
import re
import select
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.commands.running import poolcheck
from tests.live.scenes import eventually, scene
from tests.servers import Postgres

pytestmark = pytest.mark.postgres
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal:
    """A poolcheck on a terminal of 100x40, typed at."""

    def __init__(self, *args: str, keys: bool = True) -> None:
        self.end, inner = pty.openpty()
        termios.tcsetwinsize(inner, (40, 100))
        self.before = termios.tcgetattr(inner)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "poolcheck", "live", *args],
            stdin=inner if keys else subprocess.DEVNULL,
            stdout=inner,
            stderr=inner,
            start_new_session=True,
            env={"PATH": os.environ["PATH"], "TERM": "xterm-256color", "LANG": "C.UTF-8"},
        )
        self.inner = inner
        self.seen = ""

    def _read(self, seconds: float) -> None:
        if select.select([self.end], [], [], seconds)[0]:
            self.seen += ESCAPES.sub("", os.read(self.end, 1 << 16).decode("utf-8", "replace"))

    def until(self, text: str, seconds: float = 15) -> str:
        """What came until `text` is seen; it is forgotten."""
        deadline = time.monotonic() + seconds
        while text not in self.seen:
            assert time.monotonic() < deadline, f"no {text!r} in {self.seen[-3000:]}"
            self._read(0.2)
        found, self.seen = self.seen, ""
        return found

    def type(self, key: str, then: str) -> str:
        """Press a key; the screen that shows `then`."""
        self.seen = ""
        os.write(self.end, key.encode())
        return self.until(then)

    def left(self) -> tuple[str, int]:
        """What stands on the terminal after the end, and the exit code."""
        code = self.process.wait(15)
        while select.select([self.end], [], [], 0.3)[0]:
            self._read(0.1)
        return self.seen, code


@contextmanager
def typed(*args: str, keys: bool = True) -> Iterator[Terminal]:
    """A terminal that is gone at the end."""
    terminal = Terminal(*args, keys=keys)
    try:
        yield terminal
    finally:
        terminal.process.kill()
        terminal.process.wait(10)
        os.close(terminal.end)
        os.close(terminal.inner)


def blocked(server: Postgres) -> int:
    """Sessions that wait for a lock."""
    return int(server.execute("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")[0][0])


class TestKeys:
    """Each key does what the line of help says."""

    def test_all_of_them(self, postgres: Postgres) -> None:
        """Sessions one by one, the orders, the times, the pause, the blocked, the dry run of the marked one."""
        with scene(postgres) as stage:
            stage.open(3, name="web")
            (root,) = stage.open(name="holder", run="begin")
            root.execute("update t set n = 1 where id = 1")
            (waiter,) = stage.open(name="api")
            stage.busy(waiter, "update t set n = 2 where id = 1")
            eventually(lambda: blocked(postgres) == 1, "the second update waits")
            with typed(postgres.url("monitor"), "--watch", "300ms") as screen:
                assert "Who holds the slots" in screen.until("q quit")
                pids = screen.type("p", "transaction")
                assert "Who holds the slots" not in pids
                screen.type("\x1b[B", "> ")
                screen.type("s", "sorted by longest")
                screen.type("s", "sorted by name")
                screen.type("s", "sorted by most")
                assert re.search(r"\d\d:\d\d:\d\d", screen.type("t", " since ") + screen.until("q quit"))
                screen.type(" ", "PAUSED, the connection is closed")
                eventually(lambda: stage.others() == 5, "the look's own session is gone while it is paused")
                screen.type(" ", "every 0.3 s")
                held_up = screen.type("b", "Who waits for a lock") + screen.until("q quit")
                assert "web" not in held_up.partition("Who waits for a lock")[2].partition("Who waits")[0]
                assert f"pid {root.info.backend_pid} (holder" in held_up
                dry = screen.type("k", "Does it:") + screen.until("--yes")
                assert "blocks 1 session" in dry
                assert re.search(
                    rf'poolcheck reap "\$DATABASE_URL" --pid {root.info.backend_pid} --older-than \d+s --yes',
                    dry,
                )
                os.write(screen.end, b"q")
                _, code = screen.left()
            assert code == 1
            root.rollback()

    def test_a_session_that_reap_leaves_alone(self, postgres: Postgres) -> None:
        """One that is idle as it should be is no leak, and it is said."""
        with scene(postgres) as stage:
            stage.open(1, name="web")
            with typed(postgres.url("monitor"), "--watch", "300ms") as screen:
                screen.until("q quit")
                screen.type("k", "Mark a session with the arrows")
                screen.type("k", "nothing says that it is held for nothing")

    def test_without_a_keyboard(self, postgres: Postgres) -> None:
        """Standard input is somewhere else: the picture is drawn, no key is promised, the count is kept."""
        with (
            scene(postgres),
            typed(postgres.url("monitor"), "--watch", "200ms", "--count", "2", keys=False) as screen,
        ):
            assert "q quit" not in screen.until("Ctrl-C ends")
            assert screen.left()[1] == 0


class TestTheEnd:
    """What is left on the terminal."""

    @pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM, "q"], ids=str)
    def test_the_last_picture_and_the_terminal_as_it_was(
        self, postgres: Postgres, stop: signal.Signals | str
    ) -> None:
        """The shell's own screen again, the picture under it, and keys that are echoed as before."""
        with scene(postgres) as stage:
            stage.open(5)
            with typed(postgres.url("monitor"), "--watch", "300ms") as screen:
                screen.until("q quit")
                if isinstance(stop, str):
                    os.write(screen.end, stop.encode())
                else:
                    screen.process.send_signal(stop)
                said, code = screen.left()
                assert termios.tcgetattr(screen.inner) == screen.before
        assert code == 0
        last = said.rpartition("UTC")[2]
        assert "5 of 37 usable" in last
        assert "Who holds the slots" in last
        assert "q quit" not in last


class TestFewSlots:
    """A look must not be what an application fails for."""

    def test_the_last_slot_is_given_back(self, postgres: Postgres) -> None:
        """36 of 37 are taken: between two looks the 37th is free for whoever wants it."""
        with scene(postgres) as stage:
            stage.open(36)
            with typed(postgres.url("monitor"), "--watch", "2s") as screen:
                screen.until("this look had the last slot")
                eventually(lambda: stage.others() == 36, "the look's session is gone")
                stage.open()  # the application gets it
                screen.until("refused")
                os.write(screen.end, b"q")
                said, code = screen.left()
        assert "Refused: only the superusers' reserve is left" in said
        assert code == 1

    def test_kept_while_five_are_free(self, postgres: Postgres) -> None:
        """With 31 of 37 taken the look's own session leaves five; with 32 it leaves four, and goes."""
        for taken, kept in ((31, 1), (32, 0)):
            with scene(postgres) as stage:
                stage.open(taken)
                with typed(postgres.url("monitor"), "--watch", "30s") as screen:
                    words = screen.until("q quit")
                    time.sleep(0.3)
                    assert stage.others() == taken + kept
                    assert ("few slots are free: given back" in words) is not bool(kept)

    def test_said_in_lines_too(self, postgres: Postgres) -> None:
        """Piped: a look a line; refused is exit code 1, with what to do."""
        with scene(postgres) as stage:
            stage.open(36)
            ran = poolcheck("live", postgres.url("monitor"), "--watch", "100ms", "--count", "2")
            assert all("had the last slot" in line for line in ran.out.splitlines())
            stage.open()
            ran = poolcheck("live", postgres.url("app"), "--watch", "100ms", "--count", "1")
        assert ran.code == 1
        assert "refused" in ran.out
        assert "PC709" in ran.out
