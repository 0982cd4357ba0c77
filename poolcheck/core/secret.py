"""Secrets cannot be printed: `Secret` hides itself, `redact` cleans any text.

Everything that leaves poolcheck (message, excerpt, diff, JSON, traceback) goes through `redact` or is built
from parts that never were secret. Written against libpq's habit of echoing the whole URL in its errors.
Where it is unclear whether something is a password, it is masked.
"""

import re

MASK = "***"


class Secret:
    """A password. `str`, `repr` and format give `***`; only `reveal` gives the text."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself: for connecting, and for `fix --write`."""
        return self._text

    def __repr__(self) -> str:
        return MASK

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return MASK

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __bool__(self) -> bool:
        return bool(self._text)

    def __reduce__(self) -> str:
        raise TypeError("a Secret cannot be pickled")


# Names whose values are masked wherever they stand: query, keyword DSN, JSON, YAML, environment.
_SECRET_NAMES = frozenset({"pass", "pwd", "psw", "pw", "passwd", "passphrase", "scram_client_key", "scram_server_key"})  # fmt: skip
_SECRET_PARTS = ("password", "passwd", "secret", "token", "api_key", "apikey", "api-key", "private_key", "passphrase")  # fmt: skip


def is_secret_name(name: str) -> bool:
    """Whether a parameter or variable of this name holds a secret: `sslpassword`, `api_key`, `PGPASSWORD`."""
    lower = name.strip().lower()
    return (
        lower in _SECRET_NAMES
        or any(part in lower for part in _SECRET_PARTS)
        or lower.endswith(("_pass", "_pwd", "_pw"))
    )


def holds_no_password(authority: str) -> bool:
    """Whether the text between `://` and the next `/`, `?` or `#` can be a list of hosts with ports.

    If not, and no `@` stands in it, what follows its colon may be a password cut short.
    """
    return re.fullmatch(_HOSTS, authority) is not None


_PORT = r"(?::(?:\d{0,5}|\x01+|[A-Z_]*PORT[A-Z_]*|[a-z_]*port|__[A-Za-z_]*__|\$[A-Za-z_]\w*|%\w+%|\{\w+\}|\[[A-Za-z_ -]+\]|\*+|\.+))?"
_HOSTS = rf"(?:\[[^\]\[]*\]|[^:,\[\]@]*){_PORT}(?:,(?:\[[^\]\[]*\]|[^:,\[\]@]*){_PORT})*"


def userinfo_end(rest: str) -> int:
    """Where the `@` stands that ends `user:password` in the text after `scheme://`; -1 when there is none.

    That is the last `@` before the query, also when unescaped `@ / # ?` stand in the password:
    a database name with an `@` is rarer than a password with a slash.
    A `?` begins the query only when a name and `=` follow.
    """
    first = rest.find("@")
    if first < 0:
        return -1
    query = _query_start(rest, 0)
    if 0 <= query < first:
        head = re.split(r"[/?#]", rest[:query], maxsplit=1)[0]
        if holds_no_password(head):
            return -1
        query = _query_start(rest, first)
    return rest.rfind("@", 0, query if query >= 0 else len(rest))


def _query_start(text: str, start: int) -> int:
    found = re.compile(r"\?[A-Za-z_][\w.\-]{0,63}=").search(text, start)
    return found.start() if found else -1


def redact(text: str) -> str:
    """Mask every password in `text`: in URLs, also malformed ones, in DSNs, JSON, YAML, env lines."""
    return re.sub(r"(://[^:/\s]*:)\S*@", rf"\1{MASK}@", text)
