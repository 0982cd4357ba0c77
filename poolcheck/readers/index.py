"""Which modules of a package may read a file: they say so themselves, and are asked without being imported.

A module names what it reads in a constant at the left edge, a tuple or the keys of a dict. `lint` of one env file
asks about every file beside it, and importing a dozen modules for an answer takes ten times as long as reading them.
"""

import os
import re
from fnmatch import fnmatchcase
from functools import cache
from importlib import import_module
from typing import Any

from poolcheck.config.disk import own_bytes

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
            text = own_bytes(os.path.join(folder, name))
            start = text.find(f"\n{key} = ".encode())
            if start >= 0:
                found[name.removesuffix(".py")] = _strings(text, start + 1)
    return found


@cache
def _manifests() -> tuple[dict[str, tuple[str, str]], tuple[tuple[str, str], ...]]:
    """Whole names → (module, name), and (module, pattern) of the names with a `*`."""
    pairs = [(stem, name) for stem, names in declared("manifests", "FILES").items() for name in names]
    whole = {name: (stem, name) for stem, name in pairs if "*" not in name}
    return whole, tuple((stem, name) for stem, name in pairs if "*" in name)


def manifest_of(path: str) -> tuple[str, str] | None:
    """The module of readers.manifests that reads a file, and under which of its names; None when none does.

    Only the name counts, and for requirements/base.txt its folder.
    """
    whole, patterns = _manifests()
    folder, _, name = path.rpartition("/")
    found = whole.get(name)
    if found is not None:
        return found
    place = f"{folder.rpartition('/')[2]}/{name}"
    for stem, pattern in patterns:
        if name.endswith(pattern.rpartition("*")[2]) and fnmatchcase(
            place if "/" in pattern else name, pattern
        ):
            return stem, pattern
    return None


def reader_of(package: str, path: str) -> Any:
    """The module of a package that reads a file; None when none does.

    A module's `NAMES` are words, in lower case, of which a file of its has one in its name or its folder's: those
    modules alone are imported, and `matches` decides.
    """
    folder, _, name = path.lower().rpartition("/")
    place = f"{folder.rpartition('/')[2]}/{name}"
    for stem, words in declared(package, "NAMES").items():
        for word in words:
            if word in place:
                module = import_module(f"poolcheck.readers.{package}.{stem}")
                if module.matches(path):
                    return module
                break
    return None


def _strings(text: bytes, start: int) -> tuple[str, ...]:
    """The strings of an assignment: up to the end of its line, or to the bracket that stands at the left edge again."""
    end = text.find(b"\n", start)
    if text[start:end].rstrip().endswith((b"(", b"{")):
        closes = re.compile(rb"\n[)}]").search(text, end)
        end = closes.start() if closes else len(text)
    return tuple(word.decode() for word in re.findall(rb'"([^"\n]*)"', text[start:end]))
