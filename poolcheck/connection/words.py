"""Words of libpq and Npgsql for one thing, and how a value is quoted for each."""

import re
from typing import Literal

from poolcheck.connection.libpq import KEYWORDS

Form = Literal["uri", "jdbc", "dsn", "parts", "npgsql"]


_NPGSQL = {
    "host": "host", "server": "host", "datasource": "host", "port": "port", "database": "dbname", "db": "dbname",
    "initialcatalog": "dbname", "username": "user", "userid": "user", "uid": "user", "user": "user",
    "password": "password", "psw": "password", "pwd": "password", "passfile": "passfile",
    "applicationname": "application_name", "options": "options", "sslmode": "sslmode",
    "targetsessionattributes": "target_session_attrs", "channelbinding": "channel_binding", "dbname": "dbname",
}  # fmt: skip


_NPGSQL_SSL = {"verifyca": "verify-ca", "verifyfull": "verify-full"}


def libpq_word(form: Form, name: str, value: str) -> tuple[str, str] | None:
    """The libpq keyword and value that a parameter amounts to, or None when libpq has none."""
    if form == "npgsql":
        word = _NPGSQL.get(name.lower().replace(" ", "").replace("_", ""))
        if word in ("sslmode", "target_session_attrs", "channel_binding"):
            value = value.lower()
        return (word, _NPGSQL_SSL.get(value, value)) if word else None
    if form == "uri" and name == "ssl" and value == "true":
        return "sslmode", "require"
    if name == "requiressl":
        return "sslmode", "require" if value.startswith("1") else "prefer"
    return (name, value) if name in KEYWORDS else None


def quote_dsn(value: str) -> str:
    """`value` as libpq's keyword/value strings want it, quoted only where needed."""
    if value and not re.search(r"[\s'\\]", value):
        return value
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
