"""Records behave as the standard dataclasses that mypy takes them for."""

import dataclasses
import inspect
from collections.abc import Callable
from typing import Any, ClassVar

import pytest

from poolcheck import record

Decorator = Callable[..., Any]
KINDS = [{"frozen": True, "slots": True}, {"slots": True}, {"frozen": True, "slots": True, "kw_only": True}]


def made(decorator: Decorator, kind: dict[str, bool]) -> Any:
    """The same class by one decorator or the other."""

    @decorator(**kind)
    class Slot:
        shared: ClassVar[int] = 7
        pid: int
        state: str = "idle"
        waits: list[int] = dataclasses.field(default_factory=list)

        def doubled(self) -> int:
            return self.pid * 2

    return Slot


def outcome(call: Callable[[], Any]) -> object:
    """What a call gives, or the kind of error that it raises."""
    try:
        return call()
    except Exception as error:  # noqa: BLE001 - the two are compared
        return type(error)


@pytest.mark.parametrize("kind", KINDS)
def test_as_the_standard_one(kind: dict[str, bool]) -> None:
    """Made, shown, compared, changed, copied and hashed alike."""
    ours, theirs = (made(each, kind) for each in (record.dataclass, dataclasses.dataclass))

    def change(one: Any) -> str:
        one.state = "active"
        return str(one.state)

    calls: list[Callable[[Any], Any]] = [
        lambda cls: repr(cls(pid=1)),
        lambda cls: repr(cls(1, "active")),
        lambda cls: cls(pid=1) == cls(pid=1),
        lambda cls: cls(pid=1) == cls(pid=2),
        lambda cls: cls(pid=1) == (1, "idle", []),
        lambda cls: cls(pid=3).doubled(),
        lambda cls: change(cls(pid=1)),
        lambda cls: repr(dataclasses.replace(cls(pid=1), state="active")),
        lambda cls: [field.name for field in dataclasses.fields(cls)],
        lambda cls: dataclasses.asdict(cls(pid=1)),
        lambda cls: cls(pid=1).waits is cls(pid=1).waits,
        lambda cls: isinstance(hash(cls(pid=1, waits=())), int),
        lambda cls: {cls(pid=1, waits=()): 1}[cls(pid=1, waits=())],
        lambda cls: cls(),
        lambda cls: cls(pid=1, mode="x"),
        lambda cls: cls(1, "a", [], 4),
        lambda cls: cls(1, pid=2),
        lambda cls: cls.__match_args__,
        lambda cls: cls.shared,
    ]
    for call in calls:
        assert outcome(lambda: call(ours)) == outcome(lambda: call(theirs)), inspect.getsource(call)  # noqa: B023 - called at once


def test_other_kinds_are_refused() -> None:
    """No silent difference from the decorator that mypy sees."""
    with pytest.raises(TypeError, match="slotted"):
        made(record.dataclass, {"frozen": True})
    with pytest.raises(ValueError, match="mutable default"):

        @record.dataclass(frozen=True, slots=True)
        class Wrong:
            waits: list[int] = []  # noqa: RUF012 - what is refused
