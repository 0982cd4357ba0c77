"""Connection strings as they are really written: a parser that never fails, and says what it could not read.

Interface first; the body is being written.
"""

from dataclasses import dataclass
from typing import Literal

from poolcheck.core.secret import Secret

Form = Literal["uri", "jdbc", "dsn", "parts", "npgsql"]
PlaceholderKind = Literal[
    "angle", "bracket", "brace", "dollar", "percent", "template", "stars", "dots", "word", "null"
]


@dataclass(frozen=True, slots=True)
class Host:
    """One host. `name` may be an IPv6 address without brackets, or a socket folder; `port` None when not given."""

    name: str
    port: int | None = None
    port_text: str = ""  # as written: "PORT", "${PGPORT}"

    @property
    def socket(self) -> bool:
        """A Unix-domain socket: a path, or an abstract one."""
        return self.name.startswith(("/", "@"))


@dataclass(frozen=True, slots=True)
class Span:
    """Characters start to end of the raw text."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Param:
    """One query parameter as written: order and duplicates kept, name and value percent-decoded."""

    name: str
    value: str
    span: Span  # of `name=value` in the raw text, without the `?` or `&`


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something in the text that cannot be read, or that readers disagree about."""

    kind: Literal[
        "unescaped",
        "bad-percent",
        "bad-port",
        "bracket",
        "second-question-mark",
        "whitespace",
        "no-host",
        "unknown-scheme",
        "bad-json",
        "unterminated",
        "control",
        "too-long",
        "libpq-differs",
    ]
    message: str  # never holds the text of a password
    span: Span | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionString:
    """A parsed connection string. `repr` and `str` are the masked text."""

    raw: str  # the text itself: never print
    form: Form
    scheme: (
        str  # "postgresql", "postgres", "prisma", "prisma+postgres", "jdbc:postgresql", "" for dsn and parts
    )
    dialect: str | None = None  # "asyncpg" of postgresql+asyncpg
    hosts: tuple[Host, ...] = ()
    user: str | None = None
    password: Secret | None = None
    database: str | None = None
    params: tuple[Param, ...] = ()
    placeholders: tuple[
        str, ...
    ] = ()  # fields that hold a placeholder: "user", "password", "host", "port", "database", "param:x", "all"
    troubles: tuple[Trouble, ...] = ()
    spans: tuple[
        tuple[str, Span], ...
    ] = ()  # field name → place in raw: user, password, userinfo, host, port, database, query, scheme
