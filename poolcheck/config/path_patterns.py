"""Patterns for paths, read by pathspec as git reads them, in time that grows with the path: a pattern may be hostile.

pathspec lets each wildcard of a pattern try every length again, for every one before it. None needs to: once what
follows a wildcard stands as early as it can, no later place leaves more for the next one.
"""

import re
from collections.abc import Iterable
from itertools import count
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

_ANYTHING, _DEEPER, _FOLDERS = (
    "[^/]*",
    "(?:/.+)?",
    "^(?:.+/)?",
)  # how pathspec says `*`, `/**/` and a path's beginning
_CLASS = r"\[\^?+\]?+[^\]]*+(?:\]|\Z)"
_ESCAPED_OR_CLASS = re.compile(rf"\\.|\[\^/\][*+]?|({_CLASS})", re.DOTALL)
_WITHIN_FOLDER = re.compile(rf"(?:\\.|(?:\(\?!/\))?{_CLASS}|[^/()\\\[\]])+", re.DOTALL)
_NUMBER = count()


def path_patterns(lines: Iterable[str]) -> "GitIgnoreSpec":
    """The patterns of a .gitignore, or of a setting that is written like one."""
    from pathspec import GitIgnoreSpec  # noqa: PLC0415 - it costs a third of `import click`, and only patterns need it
    from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern  # noqa: PLC0415 - the same

    class Linear(GitIgnoreSpecPattern):
        @classmethod
        def pattern_to_regex(cls, pattern: str) -> tuple[str | None, bool | None]:  # type: ignore[override]  # text alone
            source, include = super().pattern_to_regex(pattern)
            return source and linear(source), include

    return GitIgnoreSpec.from_lines(lines, Linear)


def linear(source: str) -> str:
    """An expression that pathspec made of a pattern, matching the same paths without coming back to a wildcard.

    A class such as `[!a]` takes no slash, as in git; in pathspec it does.
    """
    source = _ESCAPED_OR_CLASS.sub(lambda found: f"(?!/){found[0]}" if found[1] else found[0], source)
    head = _FOLDERS if source.startswith(_FOLDERS) else ""
    parts = [_in_folder(part) for part in source.removeprefix(head).split(_DEEPER)]
    if len(parts) == 1:
        return head + parts[0]
    begin = _once(rf"^(?:.+?/)??{parts[0]}(?=/)") if head else parts[0]
    return begin + "".join(_once(rf"(?:/.+?)??{part}(?=/)") for part in parts[1:-1]) + _DEEPER + parts[-1]


def _in_folder(source: str) -> str:
    """The same for the `*` of a pattern, which takes no slash."""
    first, *rest = source.split(_ANYTHING)
    made = first
    for at, piece in enumerate(rest):
        if at + 1 < len(rest) and (not piece or _WITHIN_FOLDER.fullmatch(piece)):
            made += _once(f"[^/]*?{piece}") if piece else ""
        else:
            made += _ANYTHING + piece
    return made


def _once(source: str) -> str:
    """What matches like `source`, and is not tried again: an atomic group, which Python 3.11.0 has not got right."""
    name = f"once{next(_NUMBER)}"
    return f"(?=(?P<{name}>{source}))(?P={name})"
