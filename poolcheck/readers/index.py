"""Which modules of a package may read a file: they say so themselves, and are asked without being imported.

A module names what it reads in a constant at the left edge, a tuple or the keys of a dict. `lint` of one env file
asks about every file beside it, and importing a dozen modules for an answer takes ten times as long as reading them.
"""

import os
import re
from functools import cache

_HERE = os.path.dirname(__file__)


@cache
def declared(package: str, key: str) -> dict[str, tuple[str, ...]]:
    """Module name → the strings of its constant `key`, for the modules of `poolcheck.readers.<package>` that have it.

    A test holds it against the imported modules.
    """
    folder = os.path.join(_HERE, package)
    found = {}
    for name in sorted(os.listdir(folder)):
        if name.endswith(".py"):
            with open(os.path.join(folder, name), "rb", buffering=0) as file:
                text = file.readall()
            start = text.find(f"\n{key} = ".encode())
            if start >= 0:
                found[name.removesuffix(".py")] = _strings(text, start + 1)
    return found


def _strings(text: bytes, start: int) -> tuple[str, ...]:
    """The strings of an assignment: up to the end of its line, or to the bracket that stands at the left edge again."""
    end = text.find(b"\n", start)
    if text[start:end].rstrip().endswith((b"(", b"{")):
        closes = re.compile(rb"\n[)}]").search(text, end)
        end = closes.start() if closes else len(text)
    return tuple(word.decode() for word in re.findall(rb'"([^"\n]*)"', text[start:end]))
