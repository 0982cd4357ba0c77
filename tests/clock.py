"""The processor's time that a call takes, and no more of it than it may have."""

import signal
import time
from collections.abc import Callable


class Late(BaseException):
    """It took too long; nothing in the package catches this. A pattern looks for signals now and then."""


def _late(number: int, frame: object) -> None:
    raise Late


def seconds(call: Callable[[], object], most: float) -> float:
    """What `call` takes of the processor's time; `most` when it was stopped."""
    before = signal.signal(signal.SIGVTALRM, _late)
    start = time.process_time()
    signal.setitimer(signal.ITIMER_VIRTUAL, most)
    try:
        call()
    except Late:
        return most
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
    return time.process_time() - start
