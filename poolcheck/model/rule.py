"""What a rule is, and what it may know besides its subject."""

import re
import sys
from collections.abc import Callable, Iterator
from typing import Any, Generic, TypeVar

from poolcheck.model.context import Context
from poolcheck.model.problem import Problem
from poolcheck.model.severity import Severity
from poolcheck.record import dataclass

S = TypeVar("S")
Check = Callable[[S, Context], Iterator[Problem]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule(Generic[S]):
    """One rule: one file under poolcheck/rules, found by walking the folder.

    The file's stem is the id and the name, its docstring the page that `explain` prints, with the
    defaults of settings put in where it says `{warn_at:percent}`.
    """

    id: str  # "PC101"
    name: str  # "direct-endpoint-for-app": the pattern, never the cure
    subject: type[S]
    severity: Severity
    step: int  # 1 to 5: the step of the fix path; 0 when it is none of them
    since: str
    written: str  # the docstring as the file has it
    check: Check[S]

    @property
    def doc(self) -> str:
        """The page: the docstring with the defaults of settings in their places."""
        from poolcheck.config.told import filled  # noqa: PLC0415 - few runs show a page

        return filled(self.written)

    @property
    def title(self) -> str:
        """The first line of the page."""
        return self.written.partition("\n")[0].strip()

    @property
    def sources(self) -> tuple[str, ...]:
        """The links under the page's Sources heading."""
        return tuple(re.findall(r"https?://[^\s)>]+", self.written.partition("## Sources")[2]))


def rule(
    subject: type[S], *, severity: Severity, step: int, since: str = "0.1.0"
) -> Callable[[Check[S]], Rule[S]]:
    """Make the decorated generator the rule of its file. mypy checks that it takes `subject`.

    Raises:
        ValueError: the module's name is not `pcNNN_words`.
    """

    def decorate(check: Check[S]) -> Rule[S]:
        module = sys.modules[check.__module__]
        stem = check.__module__.rpartition(".")[2]
        if not re.fullmatch(r"pc\d{3}(_[a-z0-9]+)+", stem):
            raise ValueError(f"a rule's file is named pcNNN_words.py, not {stem}.py")
        number, _, words = stem.partition("_")
        return Rule(
            id=number.upper(),
            name=words.replace("_", "-"),
            subject=subject,
            severity=severity,
            step=step,
            since=since,
            written=(module.__doc__ or "").strip(),
            check=check,
        )

    return decorate


AnyRule = Rule[Any]
