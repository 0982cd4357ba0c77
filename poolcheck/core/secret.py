"""Secrets cannot be printed: `Secret` hides itself, `redact` cleans any text.

Everything that leaves poolcheck (message, excerpt, diff, JSON, traceback) goes through `redact` or is built
from parts that never were secret. Written against libpq's habit of echoing the whole URL in its errors.
"""


class Secret:
    """A password. `str`, `repr` and format give `***`; only `reveal` gives the text."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself: for connecting, and for `fix --write`."""
        return self._text

    def __repr__(self) -> str:
        return "***"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return "***"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __bool__(self) -> bool:
        return bool(self._text)

    def __reduce__(self) -> str:
        raise TypeError("a Secret cannot be pickled")


def redact(text: str) -> str:
    """Mask every password in `text`. A stub until the parser's own masking lands: see core.url."""
    raise NotImplementedError
