"""A statement without its literals: safe to show, and the same for the same code path."""

import re
from functools import lru_cache

from poolcheck.readers.sql import tokens

_LISTS = re.compile(r"\?(?:\s*,\s*\?)+")
_ROWS = re.compile(r"\(\?(?:, \.\.\.)?\)(?:\s*,\s*\(\?(?:, \.\.\.)?\))+")

# Statements that a pool or a driver runs when a connection is given back: it was returned, not forgotten.
_RELEASE = re.compile(
    r"(?:commit|rollback|end|abort|discard\b.*|reset\b.*|deallocate\b.*|unlisten\b.*|close all"
    r"|select (?:\?|pg_advisory_unlock_all ?\( ?\).*)|show\b.*|;)?;?",
    re.IGNORECASE,
)


@lru_cache(maxsize=8192)
def normalise(query: str) -> str:
    r"""One line: comments and line breaks out, every literal and parameter as `?`, lists of them as `?, ...`.

    >>> normalise("SELECT *\n FROM t WHERE p = 'secret' AND id IN (1, 2, 3) -- note")
    'SELECT * FROM t WHERE p = ? AND id IN (?, ...)'
    """
    shown = (
        (" " if kind == "comment" else "?" if kind in ("string", "number") else query[start:end])
        for kind, start, end in tokens(query)
    )
    text = " ".join("".join(shown).split())
    return " ".join(_ROWS.sub("(?), ...", _LISTS.sub("?, ...", text)).split())


def is_release(statement: str) -> bool:
    """Whether a normalised statement is what a pool runs when it takes a connection back; empty counts too."""
    return _RELEASE.fullmatch(statement) is not None
