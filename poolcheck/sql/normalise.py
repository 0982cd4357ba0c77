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
      (?P<space> \s+ | --[^\n]* | /\*(?:[^*]|\*(?!/))*(?:\*/|\Z) )
    | (?P<literal>
          [eE]'(?:[^'\\]|\\.|'')*(?:'|\Z|\\\Z)            # E'it\'s'
        | (?:[bBxXnN]|[uU]&)?'(?:[^']|'')*(?:'|\Z)        # 'it''s', B'01', U&'\0041'
        | \$(?P<tag>[A-Za-z_\x80-\uffff]?[\w\x80-\uffff]*)\$ (?:.*?\$(?P=tag)\$ | .*\Z)   # $$body$$, $x$body$x$
        | \$\d+                                           # a parameter
        | (?<![\w.])(?:0[xXoObB][\da-fA-F_]+ | \d[\d_]*(?:\.[\d_]*)?(?:[eE][+-]?\d+)? | \.\d+(?:[eE][+-]?\d+)?)
      )
    | (?P<quoted> (?:[uU]&)?"(?:[^"]|"")*(?:"|\Z) )        # an identifier: shown as it is
    | (?P<word> [A-Za-z_\x80-\uffff][\w$\x80-\uffff]* )
    | (?P<other> . )
    """,
    re.VERBOSE | re.DOTALL,
)
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
    for match in _TOKEN.finditer(query):
        kind = match.lastgroup if match.lastgroup != "tag" else "literal"
        if kind == "space":
            if parts and parts[-1] != " ":
                parts.append(" ")
        else:
            parts.append("?" if kind == "literal" else match.group())
    text = "".join(parts).strip()
    return _ROWS.sub("(?), ...", _LISTS.sub("?, ...", text))


def is_release(statement: str) -> bool:
    """Whether a normalised statement is what a pool runs when it takes a connection back; empty counts too."""
    return _RELEASE.fullmatch(statement) is not None
