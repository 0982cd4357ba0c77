"""Options in source code of every language: numbers, of the environment too (`${POOL_MAX:-10}`), and objects of them."""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from tree_sitter import Node

from poolcheck.model.source import env_value
from poolcheck.readers.syntax import text

_MOST_DIGITS = 15  # of what is counted with; no option is longer
DEEPEST = 12  # steps through constants, wrappers and nested objects; real files need five
_MOST_STEPS = 20_000  # of one file: constants that name each other twice double at every step
MOST_USES = 1_000  # of one name; what is used more often is nobody's pool size


class WrittenOption(NamedTuple):
    """One key of an object, with the place of its value. Not `sure`: it may have another value, or none."""

    value: Node | None
    line: int
    sure: bool = True


class Options(NamedTuple):
    """An object as far as it is written out. `complete`: it has no other keys."""

    entries: dict[str, WrittenOption]
    complete: bool


def put(entries: dict[str, WrittenOption], key: str, member: WrittenOption) -> None:
    """Set a key; what is set last counts."""
    entries.pop(key, None)
    entries[key] = member


def override(entries: dict[str, WrittenOption], keys: Iterable[str] | None, line: int = 0) -> None:
    """Something may set these keys anew; None: any of those that are there."""
    for key in list(entries) if keys is None else keys:
        entries[key] = entries.get(key, WrittenOption(None, line))._replace(sure=False)


def either(first: Options, second: Options) -> Options:
    """One or the other, as a condition has it: what both say alike is sure."""
    entries = {}
    for key, option in {**second.entries, **first.entries}.items():
        both = [
            each
            for each in (first.entries.get(key), second.entries.get(key))
            if each is not None and each.sure
        ]
        entries[key] = option._replace(sure=len(both) == 2 and text(both[0].value) == text(both[1].value))
    return Options(entries, first.complete and second.complete)


def one_name(names: Iterable[str]) -> str:
    """What names a connection string that is one or the other: the only name of the two; "" when there are several."""
    found = set(names) - {""}
    return found.pop() if len(found) == 1 else ""


def is_variable(name: str) -> bool:
    """Whether a name ends with one of the environment's: `process.env.DATABASE_URL`."""
    return re.fullmatch(r"[A-Z][A-Z0-9_]*", name.rpartition(".")[2]) is not None


def whole(written: str) -> str | None:
    """A number without separators, as both languages write one: "10_000" is "10000"; None for anything else."""
    plain = written.replace("_", "").rstrip("nlL").strip()
    if len(plain) > _MOST_DIGITS or not re.match(r"[+-]?\.?\d", plain):
        return None
    try:
        return str(int(plain, 0 if re.match(r"0[xob]", plain, re.IGNORECASE) else 10))
    except ValueError:
        pass
    try:
        number = float(plain)
    except ValueError:
        return None
    return str(int(number)) if number.is_integer() and abs(number) < 10**_MOST_DIGITS else str(number)


def from_env(name: str, default: str | None) -> str | None:
    """The notation for a variable; a default of "" is none. None where the default is no number."""
    if default is None or default.startswith("$"):
        return None
    return f"${{{name}:-{default}}}" if default else f"${{{name}}}"


def otherwise(first: str, second: str | None, *, zero: bool) -> str | None:
    """`first`, or `second` where there is none; `zero`: 0 is one."""
    found = env_value(first)
    said = found[1] if found is not None else first
    if said is not None and (zero or said != "0"):
        return first
    if found is None or second is None:
        return second
    return from_env(found[0], second)


def combined(first: str, operator: str, second: str | None) -> str | None:
    """What two whole numbers come to; None where one is not written out, or they come to no whole number."""
    if second is None or not all(re.fullmatch(r"-?\d{1,15}", each) for each in (first, second)):
        return None
    one, other = int(first), int(second)
    if operator in ("/", "//"):
        exact = other != 0 and (operator == "//" or one % other == 0)
        return str(one // other) if exact else None
    made = {"+": one + other, "-": one - other, "*": one * other}.get(operator)
    return str(made) if made is not None and abs(made) < 10**_MOST_DIGITS else None


def extreme(name: str, numbers: Sequence[str | None]) -> str | None:
    """`min` or `max` of whole numbers; None where one is not written out."""
    known = [int(each) for each in numbers if each is not None and re.fullmatch(r"-?\d{1,15}", each)]
    complete = bool(known) and len(known) == len(numbers)
    return str(min(known) if name == "min" else max(known)) if complete else None


def where_set(condition: str, branches: Sequence[str | None]) -> str | None:
    """`X set ? number of X : 10`, either way round: the branch that reads X is taken where X is set.

    `branches` as `number` tells them. None where the condition asks something else.
    """
    for read, other in (branches, branches[::-1]):
        if read is None or other is None or not (match := re.fullmatch(r"\$\{(\w+)\}", read)):
            continue
        if re.search(rf"\b{match[1]}\b", condition) and not re.search(r"[<>]|[!=]==?\s*['\"\d]", condition):
            return otherwise(read, other, zero=True)
    return None


class Follower(ABC):
    """Follows names within one file, a bounded number of steps; what a language writes in its own way is its reader's."""

    def __init__(self) -> None:
        self._open: set[str] = set()  # names whose values are being looked at
        self._steps = 0

    @abstractmethod
    def text(self, value: Node | None) -> str:
        """A value that can be no secret; "..." for anything else."""

    @abstractmethod
    def inside(self, key: str, value: Node | None) -> Options | None:
        """The object under a key; None for any other value."""

    def flat(self, written: Options, prefix: str = "", deep: int = 1) -> Iterator[tuple[str, str, int]]:
        """(key, value, line) of an object and of the objects in it; `key.*` stands for keys that are not known."""
        for key, (value, line, sure) in written.entries.items():
            yield prefix + key, self.text(value) if sure else "...", line
            inner = self.inside(key, value) if deep and sure else None
            if inner is not None:
                yield from self.flat(inner, f"{prefix}{key}.", deep - 1)
                if not inner.complete:
                    yield f"{prefix}{key}.*", "...", line

    def _step(self, deep: int) -> bool:
        self._steps += 1
        return deep > 0 and self._steps <= _MOST_STEPS
