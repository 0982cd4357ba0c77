"""Statements that leave something on a server connection: what a transaction-mode pooler loses or hands on.

Each pattern stands against PgBouncer's own list and was tried on PgBouncer in transaction mode.
"""

import re

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


# What waits for notifications on a connection: it has to be one of its own.
LISTENS = re.compile(
    r"\badd_listener\s*\(|(?i:[\"'`]\s*LISTEN\s+[\w\"$\{])|\.on\(\s*[\"']notification|\.notifies\s*\("
)
_BEGIN = re.compile(r"^\s*(?:BEGIN|START\s+TRANSACTION)\b(?!\s*ATOMIC)", re.IGNORECASE)
_END = re.compile(r"\b(?:COMMIT|ROLLBACK|END)\b", re.IGNORECASE)
# A setting for the transaction alone; as a statement of its own outside of one it holds for nothing.
_LOCAL = re.compile(
    r"^\s*SET\s+LOCAL\s+\w|^\s*SELECT\s+set_config\s*\([^;()]{0,300}?,\s{0,20}(?:is_local\s{0,9}=>\s{0,9})?(?:true|'t(?:rue)?')\s{0,20}\)\s{0,200}(?:;\s{0,200})?$",
    re.IGNORECASE,
)


def needs_one_connection(statement: str) -> str:
    """Why a statement must not be sent to a pool: "begin", "local", or the kind of state it leaves; "" when it may."""
    statement = statement[:LONGEST]
    begins = _BEGIN.match(statement)
    if begins is not None:
        return "" if _END.search(statement, begins.end()) else "begin"
    if _LOCAL.match(statement):
        return "" if ";" in statement.rstrip().rstrip(";") else "local"
    kind = state_of(statement)
    return "" if kind == "reset" else kind


_ENDS = re.compile(
    r"^\s*(?:COMMIT|END|ABORT|ROLLBACK(?!\s+(?:WORK\s+|TRANSACTION\s+)?TO\b))\b", re.IGNORECASE
)


def transaction_of(statement: str) -> str:
    """Whether a statement leaves a transaction open ("begin"), or ends one ("end"); "" for neither."""
    statement = statement[:LONGEST]
    if _BEGIN.match(statement):
        return needs_one_connection(statement)
    return "end" if _ENDS.match(statement) else ""


def beginning(statement: str) -> str:
    """The first words of a statement for a message: up to where a value may stand."""
    words = " ".join(statement.split())
    words = re.split(r"[=(;'$]|\sTO\s", words, maxsplit=1)[0].strip()
    return words[:60]
