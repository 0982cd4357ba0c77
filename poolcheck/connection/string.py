"""Connection strings as they are really written: a parser that never fails, and says what it could not read.

The reading itself is in `core.url_read` (URIs, JDBC) and `core.url_keyword` (DSNs, Npgsql), which load on the
first `parse`; edits that touch nothing else are in `core.url_edit`.
"""

from typing import Literal

from poolcheck.connection.secret import MASK, Secret, hides_secret, is_secret_name
from poolcheck.connection.words import Form, libpq_word
from poolcheck.record import dataclass

TroubleKind = Literal[
    "unescaped",
    "bad-percent",
    "bad-port",
    "bracket",
    "separator",
    "whitespace",
    "no-host",
    "unknown-scheme",
    "bad-json",
    "unterminated",
    "control",
    "too-long",
    "libpq-differs",
]

MAX_LENGTH = (
    65_536  # characters; no real connection string comes near, and reading stays cheap on hostile ones
)
DEFAULT_PORT = 5432

# Schemes of PostgreSQL URLs: libpq's two, Prisma's two, and what frameworks and drivers made up.
SCHEMES = frozenset({
    "postgres", "postgresql", "prisma", "prisma+postgres", "pg", "pgsql", "psql", "ecto", "postgis",
    "asyncpg", "psycopg", "psycopg2", "timescale", "timescaledb", "timescalegis", "postgresql-psycopg2",
    "postgresql_psycopg2",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Host:
    """One host. `name` may be an IPv6 address without brackets, or a socket folder; `port` None when not given."""

    name: str
    port: int | None = None
    port_text: str = ""  # as written: "PORT", "${PGPORT}"; "***" when it may be a password cut short

    @property
    def socket(self) -> bool:
        """A Unix-domain socket: a path, or an abstract one."""
        return self.name.startswith(("/", "@"))


@dataclass(frozen=True, slots=True)
class Span:
    """Characters start to end of the raw text."""

    start: int
    end: int


@dataclass(frozen=True, slots=True, repr=False)
class Param:
    """One query parameter as written: order and duplicates kept, name and value percent-decoded."""

    name: str
    value: str
    span: Span  # of `name=value` in the raw text, without the `?` or `&`
    value_span: Span | None = None  # of the value alone; None when there is no `=`

    @property
    def secret(self) -> bool:
        """Whether the value is or may hold a secret."""
        return hides_secret(self.name, self.value)

    def __repr__(self) -> str:
        if not self.secret:
            return f"Param({self.name!r}, {self.value!r})"
        return f"Param({self.name!r}, {MASK})" if is_secret_name(self.name) else f"Param({MASK})"


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something in the text that cannot be read, or that readers disagree about."""

    kind: TroubleKind
    message: str  # never holds the text of a password
    span: Span | None = None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ConnectionString:
    """A parsed connection string. `repr` and `str` are the masked text.

    Where two places give the same field (`postgresql://u@h/d?host=x`), libpq's choice holds: the query.
    """

    raw: str  # the text itself: never print
    form: Form
    scheme: (
        str  # in lower case: "postgresql", "prisma+postgres", "jdbc:postgresql", ...; "" for dsn and parts
    )
    dialect: str | None = None  # "asyncpg" of postgresql+asyncpg
    hosts: tuple[Host, ...] = ()
    unmatched_ports: str = (
        ""  # the list as written, where it is neither one port for all hosts nor one for each
    )
    user: str | None = None
    password: Secret | None = None  # Secret("") when given and empty
    database: str | None = None
    params: tuple[Param, ...] = ()
    # fields that hold a placeholder: "user", "password", "host", "port", "database", "param:x", "all"
    placeholders: tuple[str, ...] = ()
    troubles: tuple[Trouble, ...] = ()
    # field name → place in raw: scheme, userinfo, user, password, hosts (the list), host and port (the first),
    # database, query, and "secret" for each stretch that `masked` hides
    spans: tuple[tuple[str, Span], ...] = ()

    def span(self, field: str) -> Span | None:
        """Where `field` stands in the raw text, or None."""
        return next((span for name, span in self.spans if name == field), None)

    @property
    def host(self) -> str:
        """The first host's name, "" when none is given."""
        return self.hosts[0].name if self.hosts else ""

    @property
    def port(self) -> int | None:
        """The first host's port; None when it is not given or not a number."""
        return self.hosts[0].port if self.hosts else None

    @property
    def effective_port(self) -> int:
        """The port that is used: 5432 unless another is given."""
        port = self.port
        return DEFAULT_PORT if port is None else port

    @property
    def is_postgres(self) -> bool:
        """Whether this is meant for PostgreSQL: its scheme says so, or it has none and reads as a DSN."""
        if self.form == "npgsql":  # SQL Server and MySQL use `Server=`
            return any(param.name.lower() == "host" for param in self.params) or self.port == DEFAULT_PORT
        if self.form == "uri":
            return self.scheme in SCHEMES
        return True

    def params_named(self, name: str) -> tuple[Param, ...]:
        """Every parameter of that name. Npgsql ignores case and spaces in names, so this does there."""
        if self.form == "npgsql":
            wanted = _fold(name)
            return tuple(param for param in self.params if _fold(param.name) == wanted)
        return tuple(param for param in self.params if param.name == name)

    def param(self, name: str) -> str | None:
        """The last value of the parameter `name`: the one that counts. May be a secret if the name says so."""
        named = self.params_named(name)
        return named[-1].value if named else None

    @property
    def has_placeholder(self) -> bool:
        """Whether any field holds a placeholder."""
        return bool(self.placeholders)

    @property
    def is_placeholder(self) -> bool:
        """Whether no server can be meant: the whole text is a placeholder, or the host is."""
        return "all" in self.placeholders or "host" in self.placeholders

    @property
    def unclear(self) -> bool:
        """Whether nobody can tell where the password ends: what stands behind its `@` is a secret too."""
        userinfo = self.span("userinfo")
        return userinfo is not None and any(
            name == "secret" and span.start < userinfo.end < span.end for name, span in self.spans
        )

    def masked(self) -> str:
        """The raw text with `***` for each secret, all else as it was written."""
        parts: list[str] = []
        at = 0
        for start, end in sorted((span.start, span.end) for name, span in self.spans if name == "secret"):
            if end <= at:
                continue
            if start >= at:
                parts += (self.raw[at:start], MASK)
            at = end
        return "".join(parts) + self.raw[at:]

    def shown(self, part: str | None) -> str:
        """A field to be shown: itself where the masked text has it too, else the mask.

        In a badly broken string a host, user or database can hold a piece of the password.
        """
        if not part:
            return ""
        masked = self.masked()
        if part in masked or part.lower() in masked.lower():
            return part
        from urllib.parse import unquote  # noqa: PLC0415 - only for what was percent-encoded

        return part if part in unquote(masked) else MASK

    def masked_offset(self, offset: int) -> int:
        """Where the character at `offset` of the raw text stands in `masked()`; in a secret, where its mask starts."""
        shift = 0
        for start, end in sorted((span.start, span.end) for name, span in self.spans if name == "secret"):
            if end <= offset:
                shift += len(MASK) - (end - start)
            elif start < offset:
                return start + shift
        return offset + shift

    def __str__(self) -> str:
        return self.masked()

    def __repr__(self) -> str:
        return f"ConnectionString({self.masked()!r})"

    @property
    def foreign(self) -> tuple[Param, ...]:
        """The parameters that libpq does not know: Prisma's, SQLAlchemy's, typing errors."""
        return tuple(param for param in self.params if libpq_word(self.form, param.name, param.value) is None)

    def libpq(self) -> dict[str, str | Secret]:
        """The keywords and values to connect with through libpq; what libpq does not know is left out.

        Empty values are left out too: to libpq they mean the default. Secrets come as `Secret`.
        """
        words: dict[str, str | Secret] = {}
        for param in self.params:
            word, value = libpq_word(self.form, param.name, param.value) or ("", "")
            words[word] = Secret(value) if is_secret_name(word) else value
        fields = {
            "user": self.user,
            "password": self.password,
            "dbname": self.database,
            "host": "",
            "port": "",
        }
        words.update(
            {word: value or "" for word, value in fields.items()}
        )  # the parameters' say is in them already
        if len(self.hosts) > 1 or self.host:
            words["host"] = ",".join(host.name for host in self.hosts)
        ports = ["" if host.port_text == MASK else host.port_text for host in self.hosts]
        if self.unmatched_ports or any(ports):
            words["port"] = self.unmatched_ports or ",".join(ports)
        return {word: value for word, value in words.items() if word and value}


def _fold(name: str) -> str:
    return name.lower().replace(" ", "").replace("_", "")
