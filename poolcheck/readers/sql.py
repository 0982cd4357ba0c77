"""PostgreSQL's quoting: where comments, strings and quoted names stand in an SQL text, and what is left without them.

By hand because the server cuts statements at `track_activity_query_size` bytes, often inside a string: sqlparse 0.5 reads the
rest of a string that never ends as names, and a password would be shown. Here what does not end lasts until the end of the text.
"""

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

Kind = Literal["code", "comment", "string", "number", "name"]

# In the order of PostgreSQL's lexer, words and numbers whole: a prefix or a tag is one only where none of them goes on.
_TOKEN = re.compile(
    r"""
      (?P<code> (?: [^\W\d][\w$]*+ (?!&?['"]) | [^\w'"$/.\-] ){1,200} )  # most of a text: first
    | (?P<string>
          [eE]'(?:[^'\\]|\\.|'')*(?:'|\Z|\\\Z)                 # E'it\'s'
        | (?:[bBxXnN]|[uU]&)?'(?:[^']|'')*(?:'|\Z)            # 'it''s', B'01', U&'\0041'
      )
    | (?P<name> (?:[uU]&)?"(?:[^"]|"")*(?:"|\Z) )             # an identifier
    | (?P<word> [^\W\d][\w$]* )
    | (?P<body> \$(?:[^\W\d]\w*)?\$ )                         # $$body$$, $x$body$x$
    | (?P<line> --[^\n]* )
    | (?P<comment> /\* )                                      # they nest: see _comment_end
    | (?P<number>
          \$\d+                                               # a parameter
        | (?<![\w.])(?:0[xXoObB][\da-fA-F_]+ | \d[\d_]*(?:\.[\d_]*)?(?:[eE][+-]?\d+)? | \.\d+(?:[eE][+-]?\d+)?)
      )
    | (?P<other> . )
    """,
    re.VERBOSE | re.DOTALL,
)
_KINDS: dict[str, Kind] = {
    "line": "comment",
    "comment": "comment",
    "body": "string",
    "string": "string",
    "name": "name",
    "number": "number",
}
_COMMENT = re.compile(r"/\*|\*/")


class Token(NamedTuple):
    """A stretch of a text; several of code may follow one another. A string or a comment is whole, also when it was cut."""

    kind: Kind
    start: int
    end: int


def tokens(text: str) -> Iterator[Token]:
    """The whole text, piece by piece. Linear in its length."""
    at = 0
    while found := _TOKEN.match(text, at):
        name = found.lastgroup or ""
        start, at = at, found.end()
        if name == "comment":
            at = _comment_end(text, at)
        elif name == "body":
            close = text.find(found.group(), at)
            at = len(text) if close < 0 else close + len(found.group())
        yield Token(_KINDS.get(name, "code"), start, at)


def _comment_end(text: str, at: int) -> int:
    """Where the comment that began before `at` ends; the text's end when it was cut."""
    depth = 1
    for mark in _COMMENT.finditer(text, at):
        depth += 1 if mark.group() == "/*" else -1
        if not depth:
            return mark.end()
    return len(text)


def split(text: str) -> Iterator[tuple[int, str]]:
    """The statements of an SQL text with the offset where each begins; comments and quoted text are blanked.

    Bodies of functions are not looked into.
    """
    masked = mask(text)
    start = 0
    while start < len(masked):
        end = masked.find(";", start)
        end = len(masked) if end < 0 else end
        piece = masked[start:end]
        if piece.strip():
            yield start + len(piece) - len(piece.lstrip()), _with_words(text, masked, start, end)
        start = end + 1


def _with_words(text: str, masked: str, start: int, end: int) -> str:
    """A statement with its short quoted words kept: set_config(..., 'false')."""
    piece = list(masked[start:end])
    for match in re.finditer(r"'\w{0,8}'", text[start:end]):
        if piece[match.start()] == "'":
            piece[match.start() : match.end()] = match.group()
    return "".join(piece).strip()


def mask(text: str) -> str:
    """The text with comments and the inside of quotes as blanks; offsets and lines stay, and quoted names."""
    out: list[str] = []
    at = 0
    for kind, start, end in tokens(text):
        if kind in ("comment", "string", "name"):
            inner = text[start:end]
            out += [text[at:start], inner.replace(";", " ") if kind == "name" else _blank(inner)]
            at = end
    out.append(text[at:])
    return "".join(out)


def _blank(inner: str) -> str:
    """Spaces in its place; of a string in single quotes these stay."""
    blank = re.sub(r"[^\n]", " ", inner)
    if inner[0] in "-/$":
        return blank
    first = inner.index("'") + 1  # behind E, U& and the like
    closed = "'" if inner.endswith("'") and len(inner) > first else ""
    return f"{inner[:first]}{blank[first : len(blank) - len(closed)]}{closed}"
