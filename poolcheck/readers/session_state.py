"""Statements that leave something on a server connection: what a transaction-mode pooler loses or hands on.

Each pattern stands against PgBouncer's own list and was tried on PgBouncer in transaction mode.
"""

import re
from collections.abc import Iterator

_STATE = (
    ("role", r"^\s*SET\s+(?!LOCAL\b)(?:SESSION\s+)?(?:ROLE|AUTHORIZATION)\b|^\s*SET\s+SESSION\s+AUTHORIZATION\b"),
    ("set", r"^\s*SET\s+SESSION\s+CHARACTERISTICS\b"),
    ("set", r"^\s*SET\s+(?!LOCAL\b|TRANSACTION\b|CONSTRAINTS\b)(?:SESSION\s+(?!CHARACTERISTICS\b|AUTHORIZATION\b))?(?!ROLE\b|SESSION\b)[\w.\"]+(?:\s+ZONE)?\s*(?:=|\s+TO\b|\s)"),
    ("reset", r"^\s*(?:RESET\s+\S+|DISCARD\s+(?:ALL|TEMP|TEMPORARY|SEQUENCES|PLANS))"),
    ("set", r"\bset_config\s*\([^;]{0,300}?,\s*(?:is_local\s*=>\s*)?(?:false|'f(?:alse)?'|0)(?:\s*::\s*bool(?:ean)?)?\s*\)"),
    ("listen", r"^\s*(?:UN)?LISTEN\s+[\w\"*]+"),
    ("prepare", r"^\s*PREPARE\s+(?!TRANSACTION\b)[\w\"]+(?:\s*\([^)]*\))?\s+AS\b"),
    ("prepare", r"^\s*DEALLOCATE\s+(?:PREPARE\s+)?(?!ALL\b)[\w\"]+"),
    ("hold", r"^\s*DECLARE\s+[\w\"]+\s+(?:BINARY\s+|(?:IN|A)SENSITIVE\s+|(?:NO\s+)?SCROLL\s+)*CURSOR\s+WITH\s+HOLD\b"),
    ("temp", r"^\s*CREATE\s+(?:OR\s+REPLACE\s+)?(?:GLOBAL\s+|LOCAL\s+)?TEMP(?:ORARY)?\s+(?:RECURSIVE\s+)?(?:TABLE|SEQUENCE|VIEW)\b(?![\s\S]*\bON\s+COMMIT\s+DROP\b)"),
    ("lock", r"\bpg_(?:try_)?advisory_(?:lock(?:_shared)?|unlock(?:_shared|_all)?)\s*\("),
)  # fmt: skip
_PATTERNS = tuple((kind, re.compile(pattern, re.IGNORECASE)) for kind, pattern in _STATE)
# PgBouncer carries these over to the next server connection, so a SET of them is kept.
_CARRIED = re.compile(
    r"^\s*SET\s+(?:SESSION\s+)?(?:TIME\s*ZONE|DateStyle|client_encoding|standard_conforming_strings|application_name|IntervalStyle)\b",
    re.IGNORECASE,
)
_UPDATE_PART = re.compile(
    r"^\s*SET\s+[\w.\"]+\s*=[\s\S]*(?:\bWHERE\b|\bRETURNING\b|,\s*[\w\"]+\s*=)", re.IGNORECASE
)
LONGEST = 20_000  # characters of a statement that are looked at
# What any of them holds, in capitals: a cheap look before the patterns.
WORDS = (
    "SET ",
    "RESET ",
    "DISCARD",
    "SET_CONFIG",
    "LISTEN",
    "PREPARE",
    "DEALLOCATE",
    "DECLARE",
    "TEMP",
    "ADVISORY_",
)


def state_of(statement: str) -> str:
    """The kind of session state that one SQL statement leaves behind, or ""."""
    statement = statement[:LONGEST]
    upper = statement.upper()
    if not any(word in upper for word in WORDS) or _CARRIED.match(statement) or _UPDATE_PART.match(statement):
        return ""
    return next((kind for kind, pattern in _PATTERNS if pattern.search(statement)), "")


def beginning(statement: str) -> str:
    """The first words of a statement for a message: up to where a value may stand."""
    words = " ".join(statement.split())
    words = re.split(r"[=(;'$]|\sTO\s", words, maxsplit=1)[0].strip()
    return words[:60]


def split(text: str) -> Iterator[tuple[int, str]]:
    """The statements of an SQL text with the offset where each begins; comments and quoted text are blanked.

    Knows '…', "…", $tag$…$tag$, -- and nested /* */ comments. Bodies of functions are not looked into.
    """
    masked = mask(text)
    start = 0
    while start < len(masked):
        end = masked.find(";", start)
        end = len(masked) if end < 0 else end
        piece = masked[start:end]
        if piece.strip():
            yield start + len(piece) - len(piece.lstrip()), text_of(text, masked, start, end)
        start = end + 1


def text_of(text: str, masked: str, start: int, end: int) -> str:
    """A statement with its comments blanked and its short quoted words kept: set_config(..., 'false')."""
    piece = list(masked[start:end])
    for match in re.finditer(r"'\w{0,8}'", text[start:end]):
        if piece[match.start()] == "'":
            piece[match.start() : match.end()] = match.group()
    return "".join(piece).strip()


_TOKEN = re.compile(r"--[^\n]*|/\*|'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|\$(\w*)\$", re.DOTALL)


def mask(text: str) -> str:
    """The text with comments and the inside of quotes as blanks; offsets and lines stay."""
    out: list[str] = []
    at = 0
    while found := _TOKEN.search(text, at):
        token = found.group()
        end = found.end()
        if token == "/*":  # noqa: S105 - not a password
            end = _comment_end(text, found.start())
        elif token.startswith("$"):
            close = text.find(token, end)
            end = len(text) if close < 0 else close + len(token)
        body = text[found.start() : end]
        keep = token[0] if token[0] in "'\"" else " "
        inner = (
            body.replace(";", " ")
            if keep == '"'
            else keep + re.sub(r"[^\n]", " ", body[1:-1]) + (keep if len(body) > 1 else "")
        )
        out += [text[at : found.start()], inner]
        at = end
    out.append(text[at:])
    return "".join(out)


def _comment_end(text: str, start: int) -> int:
    depth, at = 0, start
    for found in re.compile(r"/\*|\*/").finditer(text, start):
        depth += 1 if found.group() == "/*" else -1
        at = found.end()
        if depth == 0:
            return at
    return len(text)
