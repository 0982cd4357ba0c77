"""A statement without its literals: safe to show, and the same for the same code path.

Written by hand because the server cuts statements at `track_activity_query_size` bytes, often inside a string:
sqlparse 0.5 reads the rest of a string that never ends as names, and a password would be shown.
Here a string that does not end lasts until the end of the text.
"""

import re
from functools import lru_cache

# In the order of PostgreSQL's lexer. Each alternative that can be cut off also matches up to the end of the text.
_TOKEN = re.compile(
    r"""
      (?P<space> \s+ | --[^\n]* )
    | (?P<comment> /\* )                                  # they nest: see _comment_end
    | (?P<literal>
          [eE]'(?:[^'\\]|\\.|'')*(?:'|\Z|\\\Z)            # E'it\'s'
        | (?:[bBxXnN]|[uU]&)?'(?:[^']|'')*(?:'|\Z)        # 'it''s', B'01', U&'\0041'
        | \$(?P<tag>(?:[^\W\d]\w*)?)\$ (?:.*?\$(?P=tag)\$ | .*\Z)   # $$body$$, $x$body$x$
        | \$\d+                                           # a parameter
        | (?<![\w.])(?:0[xXoObB][\da-fA-F_]+ | \d[\d_]*(?:\.[\d_]*)?(?:[eE][+-]?\d+)? | \.\d+(?:[eE][+-]?\d+)?)
      )
    | (?P<quoted> (?:[uU]&)?"(?:[^"]|"")*(?:"|\Z) )        # an identifier: shown as it is
    | (?P<word> [^\W\d][\w$]* )
    | (?P<other> . )
    """,
    re.VERBOSE | re.DOTALL,
)
_COMMENT = re.compile(r"/\*|\*/")
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
    parts: list[str] = []
    at = 0
    while match := _TOKEN.match(query, at):
        at = match.end()
        kind = match.lastgroup
        if kind == "comment":
            at = _comment_end(query, at)
        if kind in ("space", "comment"):
            if parts and parts[-1] != " ":
                parts.append(" ")
        else:
            parts.append("?" if kind in ("literal", "tag") else match.group())
    text = "".join(parts).strip()
    return " ".join(_ROWS.sub("(?), ...", _LISTS.sub("?, ...", text)).split())


def _comment_end(query: str, at: int) -> int:
    """Where the comment that began before `at` ends; the text's end when it was cut."""
    depth = 1
    for mark in _COMMENT.finditer(query, at):
        depth += 1 if mark.group() == "/*" else -1
        if not depth:
            return mark.end()
    return len(query)


def is_release(statement: str) -> bool:
    """Whether a normalised statement is what a pool runs when it takes a connection back; empty counts too."""
    return _RELEASE.fullmatch(statement) is not None
