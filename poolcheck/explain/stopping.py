"""Ctrl-C and SIGTERM while a log is read: the reading ends there, and what was found so far is told.

A signal that comes while input is waited for ends the wait. One that comes while something is counted lets that be
counted; a second one is meant, and ends the program as ever.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stop:
    """Whether somebody asked to stop."""

    def __init__(self) -> None:
        self.asked = False
        self._waiting = False

    def handle(self, *_: object) -> None:
        """The handler of both signals.

        Raises:
            KeyboardInterrupt: input is waited for, or it is the second time.
        """
        again, self.asked = self.asked, True
        if self._waiting or again:
            raise KeyboardInterrupt

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Around what may wait for ever.

        Raises:
            KeyboardInterrupt: somebody has asked before, or asks meanwhile.
        """
        self._waiting = True
        try:
            if self.asked:
                raise KeyboardInterrupt
            yield
        finally:
            self._waiting = False

    @contextmanager
    def listening(self) -> Iterator["Stop"]:
        """Take the signals for the time of a reading; only the main thread can."""
        if threading.current_thread() is not threading.main_thread():
            yield self
            return
        before = {number: signal.signal(number, self.handle) for number in SIGNALS}
        try:
            yield self
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
