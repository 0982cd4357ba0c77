"""Keys of a terminal, one at a time and without waiting for the end of a line."""

import os
import select
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec

TERMIOS = find_spec("termios") is not None  # Windows has none: the screen is shown, and no key is read
if TERMIOS:
    import termios
    import tty

ARROWS = {b"\x1b[A": "up", b"\x1b[B": "down", b"\x1bOA": "up", b"\x1bOB": "down"}
LONGEST = 16  # bytes that are read at once: one key, or what was pasted


class Keyboard:
    """Reads keys while it is open. Without a terminal to read from it only waits."""

    def __init__(self) -> None:
        self.there = sys.stdin.isatty() and TERMIOS

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Each key arrives at once and is not shown; how the terminal was comes back at the end."""
        if not self.there:
            yield
            return
        number = sys.stdin.fileno()
        before = termios.tcgetattr(number)
        try:
            yield
        finally:
            with suppress(termios.error):  # the window is closed
                termios.tcsetattr(number, termios.TCSADRAIN, before)

    def read(self, seconds: float) -> str:
        """The next key: its character, "up" or "down"; "" when none came within `seconds`, or none can come."""
        deadline = time.monotonic() + seconds
        while self.there:
            # Each time anew: a shell that had the terminal in between (Ctrl-Z, fg) leaves it as it likes it.
            with suppress(termios.error):
                tty.setcbreak(sys.stdin.fileno(), termios.TCSANOW)
            ready, _, _ = select.select([sys.stdin], [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                return ""
            data = os.read(sys.stdin.fileno(), LONGEST)
            if not data:
                self.there = False  # the other end is closed: no key will ever come
            elif key := ARROWS.get(data) or data.decode("ascii", "replace")[:1]:
                return key
        time.sleep(max(0.0, deadline - time.monotonic()))
        return ""
