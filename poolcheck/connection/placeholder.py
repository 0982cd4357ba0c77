"""Placeholders: text that stands where a real value belongs, or that something else fills in.

Only what is certain counts. `password` on localhost is somebody's real password; `[YOUR-PASSWORD]` is not.
"""

import re
from typing import Literal

PlaceholderKind = Literal[
    "angle", "bracket", "brace", "dollar", "percent", "template", "stars", "dots", "word", "null"
]

# Stands in a string that a deployment's file holds for what is not known before it runs.
FILLED_IN = "filled-in"
# Regions that may hold `@ : / ? #` without meaning them. Lengths are bounded, so that scanning stays linear.
_INTERPOLATION = (
    r"\$\{[^{}\n]{0,200}(?:\$\{[^{}\n]{0,100}\}[^{}\n]{0,100}){0,3}\}"  # ${X}, ${X:-y}, ${X:-${Y}}
    r"|\$\([^()\n]{0,200}\)"  # $(command)
    r"|\{\{[^{}\n]{0,200}\}\}"  # {{ template }}
    r"|<%[^%\n]{0,200}%>"  # <%= erb %>
    r"|#\{[^{}\n]{0,200}\}"  # #{ruby}
    r"|<[A-Za-z_][^<>@\n]{0,80}>"  # <DATABASE NAME HERE>
)
# Kind, the characters of which one must be there (compiling a pattern costs more than using it), pattern.
_Patterns = tuple[tuple[PlaceholderKind, str, str], ...]
_WHOLE: _Patterns = (
    ("template", "{%", r"\{\{.*\}\}|<%.*%>|#\{.*\}"),
    ("dollar", "$", r"\$\{.*\}|\$\(.*\)|\$[A-Z_][A-Z0-9_]*"),
    ("angle", "<", r"<[^<>]*>"),
    ("bracket", "[", r"\[[^\[\]]*\]"),
    ("brace", "{", r"\{[^{}]*\}"),
    ("percent", "%", r"%[A-Za-z_][A-Za-z0-9_]*%"),
)
_INSIDE: _Patterns = (
    ("template", "{%", r"\{\{[^{}]{1,200}\}\}|<%[^%]{1,200}%>|#\{[^{}]{1,200}\}"),
    ("dollar", "$", r"\$\{[^{}]{1,200}|\$\([^()]{1,200}\)"),
)
_INSIDE_NAME: _Patterns = (
    ("angle", "<", r"<[A-Za-z_][^<>]{0,80}>"),
    ("bracket", "[", r"\[[A-Za-z_][^\[\]:]{0,80}\]"),
    ("brace", "{", r"\{[A-Za-z_][^{}]{0,80}\}"),
)
_NULL = frozenset({"null", "undefined", "none", "nil"})
_WORD_HINTS = ("your", "own", "insert", "replace", "enter", "here", "holder", "dummy", "change", "todo", "fixme", "be", "redacted", "ref", "__")  # fmt: skip
_HOST_HINTS = ("xxx", "region", "your", "project", "example", "hostname", "here")
_WORD = (
    r"(?i:__\w+__|(?:your|my[-_]?own|insert|replace|enter)[-_ ]?\w[\w. -]*|[\w-]+[-_]here|placeholder|dummy"
    r"|change[-_ ]?(?:me|this|it)\w*|todo|fixme|to[-_]be[-_]\w+|redacted|(?:project|db)[-_]?ref)"
    r"|(?:DB_?|DATABASE_?|POSTGRES_?|PG_?)?(?:USER|USERNAME|USER_NAME|PASS|PASSWORD|PWD|HOST|HOSTNAME|PORT|DATABASE|DBNAME|DB|NAME|REGION)"
)
_WORD_HOST = (
    r"(?is:(?:.*[-_.])?(?:x{3,}|region|your[-_]\w{1,60}|(?:your|my)?project[-_]?(?:id|ref))(?:[-_.].*)?"
    r"|(?:.*\.)?example(?:\.(?:com|org|net))?|hostname|.*[-_.]here(?:\..*)?)"
)
# Words that are placeholders only together: `user:password@host:port/dbname`.
TOGETHER = frozenset({"user", "username", "password", "pass", "host", "port", "db", "dbname", "database", "johndoe", "randompassword"})  # fmt: skip


def placeholder_kind(text: str, field: str = "") -> PlaceholderKind | None:
    """What kind of placeholder `text` is, or None.

    `field` is "user", "password", "host", "port", "database" or "": inside a password only an interpolation
    counts, elsewhere a bracketed word in a longer text counts too.
    """
    if not text or len(text) > 1000:
        return None
    for kind, marks, pattern in _WHOLE:
        if any(mark in text for mark in marks) and re.fullmatch(pattern, text):
            return kind
    for kind, marks, pattern in _INSIDE if field in ("password", "") else _INSIDE + _INSIDE_NAME:
        if any(mark in text for mark in marks) and re.search(pattern, text):
            return kind
    lower = text.lower()
    named = field not in ("password", "")
    if _only(text, "*•", 2) or _only(lower, "x", 3) or (named and "***" in text):
        return "stars"
    if _only(text, ".", 2) or text == "…" or (named and ("..." in text or "…" in text)):
        return "dots"
    if lower in _NULL:
        return "null"
    if (text.isupper() or any(hint in lower for hint in _WORD_HINTS)) and re.fullmatch(_WORD, text):
        return "word"
    if field == "host" and any(hint in lower for hint in _HOST_HINTS) and re.fullmatch(_WORD_HOST, text):
        return "word"
    if field == "port" and text.lower() == "port":
        return "word"
    return None


def _only(text: str, marks: str, least: int) -> bool:
    return len(text) >= least and not text.strip(marks)


def shield(text: str) -> str:
    """`text`, as long as before, with every interpolation blanked out: what is split, while slices use the text."""
    if "$" not in text and "{" not in text and "<" not in text:
        return text
    return re.sub(_INTERPOLATION, lambda found: "\x01" * len(found[0]), text)
