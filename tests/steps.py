"""Work counted instead of timed: the lines of Python that a call executes, the same on every machine."""

import gc
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any


def steps(call: Callable[[], object]) -> int:
    """How many lines of Python `call` executes. Work inside C code (regular expressions) is not seen.

    It is called once before it is counted: what the first call imports and compiles is not its work.
    """
    count = 0
    call()

    def trace(frame: FrameType, event: str, arg: Any) -> Any:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    gc.disable()  # hypothesis counts collections in a Python callback
    sys.settrace(trace)
    try:
        call()
    finally:
        sys.settrace(before)
        gc.enable()
    return count
