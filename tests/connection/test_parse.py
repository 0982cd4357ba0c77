"""The parser of connection strings: what people write, what libpq reads, and what may never be shown."""

import string
import time
from urllib.parse import quote

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from psycopg import OperationalError
from psycopg.pq import Conninfo, ConnStatus, PGconn, PollingStatus

from poolcheck.connection import edit
from poolcheck.connection.libpq import KEYWORDS
from poolcheck.connection.parse import from_parts, looks_like_connection_string, parse
from poolcheck.connection.secret import Secret, redact
from poolcheck.connection.string import MAX_LENGTH, ConnectionString
from poolcheck.connection.words import Form

ANY_TEXT = st.text(st.characters(), max_size=80)  # lone surrogates, NUL and control characters included
URLISH = st.lists(
    st.sampled_from(
        [*"ab1:/@?#%&=;,[]{}<>$ \t\"'\\", "postgres://", "://", "%41", "%zz", "${A:-b/c}", "host=", "p="]
    ),
    max_size=25,
).map("".join)
WORD = st.text(string.ascii_letters + string.digits + "-_.~", min_size=1, max_size=8)
ODD = st.text(string.ascii_letters + string.digits + "-_.~@:/#?%&=+ ,;[]{}$'\"\\é", min_size=1, max_size=12)


def kinds(text: str) -> list[str]:
    """The kinds of trouble found in a text."""
    return [trouble.kind for trouble in parse(text).troubles]


def by_libpq(text: str) -> dict[str, str] | None:
    """The fields libpq reads, empty ones left out; None when it refuses."""
    try:
        options = Conninfo.parse(text.encode())
    except OperationalError:
        return None
    return {option.keyword.decode(): option.val.decode(errors="replace") for option in options if option.val}


def by_us(conn: ConnectionString) -> dict[str, str]:
    """The fields we hand to libpq, secrets revealed."""
    return {
        name: value.reveal() if isinstance(value, Secret) else value for name, value in conn.libpq().items()
    }


def alike(fields: dict[str, str]) -> dict[str, str]:
    """One port for several hosts written out; hosts or ports that are all empty left out: they mean the default."""
    port, hosts = fields.pop("port", ""), fields.get("host", "").count(",") + 1
    if "," not in port and port:
        port = ",".join([port] * hosts)
    if hosts > 1 and not fields["host"].strip(","):
        del fields["host"]
    return {**fields, "port": port} if port.strip(",") else fields


# -- fields ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "scheme", "hosts", "user", "password", "database"),
    [
        ("postgresql://u:p@h:6543/d?x=1", "postgresql", [("h", 6543)], "u", "p", "d"),
        ("postgres://u:@h", "postgres", [("h", None)], "u", "", None),
        ("postgres://u%40x:p%2Fq@h/d%20e", "postgres", [("h", None)], "u@x", "p/q", "d e"),
        ("postgresql+asyncpg://u:p@h/d", "postgresql", [("h", None)], "u", "p", "d"),
        ("prisma://accelerate.prisma-data.net/?api_key=k", "prisma", [("accelerate.prisma-data.net", None)], None, None, None),
        ("prisma+postgres://localhost:51213/?api_key=k", "prisma+postgres", [("localhost", 51213)], None, None, None),
        ("postgres://h1:1,h2,[::1]:3/d", "postgres", [("h1", 1), ("h2", None), ("::1", 3)], None, None, "d"),
        ("postgres://[fe80::1%25eth0]/d", "postgres", [("fe80::1%eth0", None)], None, None, "d"),
        ("postgres://%2Fvar%2Frun/d", "postgres", [("/var/run", None)], None, None, "d"),
        ("postgres://u:p@/d?host=/cloudsql/P:R:I", "postgres", [("/cloudsql/P:R:I", None)], "u", "p", "d"),
        ("postgresql:///d", "postgresql", [], None, None, "d"),
        ("postgres://u:p@ss/w#r?d@h/d", "postgres", [("h", None)], "u", "p@ss/w#r?d", "d"),
        ("postgres://u:12/34@h/d", "postgres", [("h", None)], "u", "12/34", "d"),
        ("postgres://u:p@h/d?email=a@b.c", "postgres", [("h", None)], "u", "p", "d"),
        ("postgres://h:1,i:2/d?user=a@b", "postgres", [("h", 1), ("i", 2)], "a@b", None, "d"),
        ("asyncpg://u:p@h:5432/d", "asyncpg", [("h", 5432)], "u", "p", "d"),
        ("ecto://u:p@h/d", "ecto", [("h", None)], "u", "p", "d"),
        ("postgis://u:p@h/d", "postgis", [("h", None)], "u", "p", "d"),
        ("jdbc:postgresql://h1:1,h2/d?user=u&password=p", "jdbc:postgresql", [("h1", 1), ("h2", None)], "u", "p", "d"),
        ("jdbc:postgresql:d", "jdbc:postgresql", [], None, None, "d"),
        ("jdbc:postgresql:/", "jdbc:postgresql", [], None, None, None),
        ("jdbc:tc:postgresql:16-alpine:///d", "jdbc:tc:postgresql", [], None, None, "d"),
        ("host=h port=5433 user=u password='a\\'b c' dbname=d", "", [("h", 5433)], "u", "a'b c", "d"),
        ("host=a,b port=1,2 user=u", "", [("a", 1), ("b", 2)], "u", None, None),
        ("host=a,b port=1", "", [("a", 1), ("b", 1)], None, None, None),
        ('Host=h;Port=6432;Username=u;Password="a;b""c";Database=d', "", [("h", 6432)], "u", 'a;b"c', "d"),
        ("Server=h;Port=5432;User Id=u;Pwd=p", "", [("h", 5432)], "u", "p", None),
        ("pgsql:host=h;port=5432;dbname=d;user=u;password=p", "pgsql", [("h", 5432)], "u", "p", "d"),
        ("psql 'postgresql://u:p@h/d'", "postgresql", [("h", None)], "u", "p", "d"),
    ],
)  # fmt: skip
def test_reads_every_form(
    text: str,
    scheme: str,
    hosts: list[tuple[str, int | None]],
    user: str | None,
    password: str | None,
    database: str | None,
) -> None:
    """Scheme, hosts, user, password and database of each form seen in the wild."""
    conn = parse(text)

    assert (scheme, hosts) == (conn.scheme, [(host.name, host.port) for host in conn.hosts])
    assert (user, database) == (conn.user, conn.database)
    assert password == (None if conn.password is None else conn.password.reveal())
    assert conn.is_postgres


def test_dialect_names_the_driver() -> None:
    """SQLAlchemy and Tortoise say the driver in the scheme."""
    assert parse("postgresql+psycopg2://h/d").dialect == "psycopg2"
    assert parse("asyncpg://h/d").dialect == "asyncpg"
    assert parse("prisma+postgres://h/?api_key=x").dialect is None


def test_conveniences() -> None:
    """First host and port, the port that is used, the last value of a parameter."""
    conn = parse("postgres://u@h1,h2:5/d?a=1&b&a=2")

    assert (conn.host, conn.port, conn.effective_port) == ("h1", None, 5432)
    assert (conn.param("a"), conn.param("b"), conn.param("c")) == ("2", "", None)
    assert [param.value for param in conn.params_named("a")] == ["1", "2"]
    assert parse("postgres:///d").host == ""
    assert parse("Host=h;SSL Mode=Require").param("sslmode") == "Require"
    assert parse("postgres://%2Ftmp/d").hosts[0].socket


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("postgresql://u:p@h:6543/db", {"scheme": "postgresql", "userinfo": "u:p", "user": "u", "password": "p",
                                        "hosts": "h:6543", "host": "h", "port": "6543", "database": "db"}),
        (" postgres://[::1]:5,h2/d?a=1&b=2 ", {"hosts": "[::1]:5,h2", "host": "::1", "port": "5", "query": "a=1&b=2"}),
        ("host=h password='a b'", {"host": "h", "password": "a b"}),
        ("jdbc:postgresql://h/d?user=u", {"scheme": "jdbc:postgresql", "user": "u", "database": "d"}),
    ],
)  # fmt: skip
def test_spans_point_into_the_raw_text(text: str, fields: dict[str, str]) -> None:
    """Each span holds the field as written."""
    conn = parse(text)
    spans = {name: conn.span(name) for name in fields}

    assert fields == {name: text[span.start : span.end] if span else None for name, span in spans.items()}


def test_param_spans() -> None:
    """A parameter knows where it stands, and where its value does."""
    text = "postgres://h/d?sslmode=require&flag"
    first, second = parse(text).params

    assert text[first.span.start : first.span.end] == "sslmode=require"
    assert first.value_span is not None
    assert text[first.value_span.start : first.value_span.end] == "require"
    assert (text[second.span.start : second.span.end], second.value_span) == ("flag", None)


# -- troubles -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("postgresql://u:p@h:5432/d?sslmode=require", []),
        ("postgresql://u:p@h/d?pgbouncer=true&connection_limit=1&schema=public", []),  # unknown to libpq, not wrong
        ("postgres://u:a:b@h/d", []),  # every reader splits at the first colon
        ("postgresql:///d", []),
        ("postgres://u:p#w@h/d", ["unescaped"]),
        ("postgres://u:p?w@h/d", ["unescaped"]),
        ("postgres://u:p@w@h/d", ["unescaped", "libpq-differs"]),
        ("postgres://u:p/w@h/d", ["unescaped", "libpq-differs"]),
        ("postgres://u@x:p@h", ["unescaped", "libpq-differs"]),
        ("postgres://u:p%zz@h", ["bad-percent"]),
        ("postgres://u:p[w@h", ["bracket"]),
        ("postgres://[::1/d", ["bracket"]),
        ("postgres://[]/d", ["bracket"]),
        ("postgres://u:p@fe80::1/d", ["bracket", "libpq-differs"]),
        ("postgres://h:70000/d", ["bad-port"]),
        ("postgres://h:abc/d", ["bad-port", "libpq-differs"]),
        ("postgres://u:p@h:5432x/d", ["bad-port"]),
        ("postgres://u:p@h/d?a=b?c=d", ["separator"]),
        ("postgres://u:p@h/d??a=b", ["separator"]),
        ("postgres://u:p@h/d&a=b", ["separator", "libpq-differs"]),
        ("jdbc:postgresql://h/d&a=b", ["separator"]),
        ("postgres://u:p@h/d?a=b&amp;c=d", ["separator"]),
        ("postgres://u:p@h/a&b", []),
        ("postgres://u:p@h/d?a=b?", []),
        ("postgres://u:p@h/d?a=b;c=d", ["libpq-differs"]),
        ("postgres://u:p@h/d?flag", ["libpq-differs"]),
        ("postgres://u:p@h/d#x", ["libpq-differs"]),
        ("postgres://u:p w@h/d", ["whitespace"]),
        (" postgres://u:p@h/d", ["whitespace"]),
        ("postgres://u:p@/d", ["no-host"]),
        ("postgres://u:p@/d?host=/tmp", []),
        ("mysql://u:p@h/d", ["unknown-scheme"]),
        ("postgres:u:p@h/d", ["unknown-scheme"]),
        ("u:p@h/d", ["unknown-scheme"]),
        ("POSTGRES://u:p@h/d", ["libpq-differs"]),
        ("psql 'postgresql://u:p@h/d'", ["unknown-scheme"]),
        ("jdbc:postgresql://u:p@h/d", ["unescaped"]),
        ("host=h password='x", ["unterminated"]),
        ("host=h word", ["libpq-differs"]),
        ("postgres://u:p\x00@h/d", ["control", "libpq-differs"]),
        ("x" * (MAX_LENGTH + 1), ["too-long"]),
    ],
)  # fmt: skip
def test_troubles(text: str, expected: list[str]) -> None:
    """What readers refuse or disagree about is named; what they all read the same is not."""
    assert expected == kinds(text)


def test_trouble_names_the_character_and_its_escape() -> None:
    """Enough to mend the text, and not the password."""
    (trouble, _) = parse("postgres://u:sec/ret@h/d").troubles

    assert trouble.message == "the password holds an unescaped `/`: write %2F"


# -- placeholders ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("postgresql://postgres.ref:[YOUR-PASSWORD]@aws-0-eu-west-1.pooler.supabase.com:6543/postgres", ["password"]),
        ("postgresql://<USER-HERE>:<PASS WORD>@h/<DATABASE NAME HERE>", ["user", "password", "database"]),
        ("postgresql://{DB_USER}:{DB_PASS}@__HOST__:PORT/d", ["user", "password", "host", "port"]),
        ("postgres://u:****@h/d", ["password"]),
        ("postgres://u:...@h/d", ["password"]),
        ("postgres://u:p@ep-xxx.eu-central-1.aws.neon.tech/d", ["host"]),
        ("postgres://u:your_password@h/d", ["password"]),
        ("postgres://u:changeme@h/d", ["password"]),
        ("postgresql://USER:PASSWORD@HOST:PORT/DATABASE", ["user", "password", "host", "port", "database"]),
        ("user:password@host:port", ["user", "password", "host", "port"]),
        ("postgres://${U}:${P:-a@b/c}@${H}:${PORT:-5432}/${D?no}", ["user", "password", "host", "port", "database"]),
        ("postgres://$USER:%PASS%@{{ host }}/<%= db %>", ["user", "password", "host", "database"]),
        ("prisma://accelerate.prisma-data.net/?api_key=your_api_key_here", ["param:api_key"]),
        ("host=${H} password=<secret>", ["host", "password"]),
        ("${DATABASE_URL}", ["all"]),
        ("NULL", ["all"]),
        ("****", ["all"]),
        ("your-connection-string", ["all"]),
        ("postgres://postgres:password@localhost:5432/db", []),
        ("postgresql://app:pa$$word@localhost/test", []),
        ("postgres://user:password@host.internal:5432/db", []),
        ("postgres://myuser:x@my-host/mydb", []),
        ("postgres://[::1]/d", []),
    ],
)  # fmt: skip
def test_placeholders(text: str, expected: list[str]) -> None:
    """Made-up fields are named; a short real password is none."""
    assert sorted(expected) == sorted(parse(text).placeholders)


# -- agreement with libpq ---------------------------------------------------------------------------------------


def test_keywords_are_those_of_the_library() -> None:
    """Our list holds what the installed libpq knows."""
    known = {option.keyword.decode() for option in Conninfo.get_defaults()}

    assert known <= KEYWORDS


HOST = st.one_of(WORD, st.just("[::1]"), st.just("%2Ftmp"), st.just(""))
PORT = st.one_of(st.just(""), st.integers(1, 65535).map(lambda port: f":{port}"))
QUERY = st.lists(
    st.tuples(st.sampled_from(["host", "port", "user", "password", "dbname", "sslmode", "options", "connect_timeout", "ssl"]),
              st.one_of(ODD.map(lambda text: quote(text, safe="")), st.sampled_from(["true", "", "5432"]))),
    max_size=3,
)  # fmt: skip


@st.composite
def uris(draw: st.DrawFn, text: st.SearchStrategy[str]) -> str:
    """URIs with every part there or not; user, password and database are made of `text`."""
    user, password = draw(st.one_of(st.none(), text)), draw(st.one_of(st.none(), st.just(""), text))
    login = "" if user is None else user if password is None else f"{user}:{password}"
    hosts = draw(st.lists(st.tuples(HOST, PORT).map("".join), min_size=1, max_size=3))
    database, query = draw(st.one_of(st.none(), st.just(""), text)), draw(QUERY)
    return (
        draw(st.sampled_from(["postgres://", "postgresql://"]))
        + ("" if user is None else f"{login}@")
        + ",".join(hosts)
        + ("" if database is None else f"/{database}")
        + ("?" + "&".join(f"{name}={value}" for name, value in query) if query else "")
    )


@settings(max_examples=1000, deadline=None)
@given(uris(ODD.map(lambda text: quote(text, safe=""))))
def test_well_formed_uri_reads_as_libpq_does(text: str) -> None:
    """The same fields, and no trouble that says otherwise."""
    theirs = by_libpq(text)
    if theirs is None:
        assert parse(text).troubles or parse(text).foreign
        return
    conn = parse(text)

    assert alike(theirs) == alike(by_us(conn))
    assert "libpq-differs" not in kinds(text)


@settings(max_examples=2000, deadline=None)
@given(st.one_of(uris(ODD), URLISH.map(lambda rest: f"postgres://{rest}")))
@example("postgres://u:p/w@h/d")
@example("postgres://h/d?host=1;port=2")
def test_where_libpq_differs_a_trouble_says_so(text: str) -> None:
    """Any text at all: either we agree with libpq, or there is a trouble."""
    theirs = by_libpq(text.partition("\0")[0])
    conn = parse(text)

    if theirs is None:
        assert conn.troubles or conn.foreign or any(param.name == "" for param in conn.params)
    elif alike(theirs) != alike(by_us(conn)):
        assert conn.troubles


DSN_VALUE = st.one_of(
    ODD.filter(lambda text: not any(mark in text for mark in " '\\")),
    st.text(string.ascii_letters + ' =é"', max_size=8).map(lambda text: f"'{text}'"),
    st.just("a\\ b"),
    st.just("'it\\'s'"),
    st.just(""),
)
DSN = st.lists(
    st.tuples(
        st.sampled_from(["host", "port", "user", "password", "dbname", "sslmode", "options"]),
        st.sampled_from(["=", " = "]),
        DSN_VALUE,
    ).map("".join),
    min_size=1,
    max_size=5,
).map(" ".join)


@settings(max_examples=1000, deadline=None)
@given(DSN)
def test_dsn_reads_as_libpq_does(text: str) -> None:
    """Quotes and backslashes as in libpq; `host= port=5` gives host the value `port=5` there and here."""
    theirs = by_libpq(text)
    if theirs is None:
        assert parse(text, form="dsn").troubles or parse(text, form="dsn").foreign
        return
    assert alike(theirs) == alike(by_us(parse(text, form="dsn")))


SOCKET = "/nonexistent/poolcheck"  # no server, no name to look up: libpq is done at once
ADDRESS = "127.0.0.999"  # no address: the same
PORTS = st.lists(
    st.one_of(
        st.integers(-1, 70000).map(str),
        st.sampled_from(
            [
                "",
                "5432",
                " 5432\t",
                " ",
                "+5432",
                "+ 1",
                "-5",
                "0",
                "000000065535",
                "65536",
                "9" * 30,
                "5432x",
            ]
        ),
        st.sampled_from([";", "${PORT", "0x10", "5_432", "٥٤٣٢", "\u00a05432", "54\n32"]),
        st.text(string.printable.replace(",", ""), max_size=4).filter(
            lambda text: text != "***"
        ),  # ours: hidden
    ),
    max_size=4,
)


def refused(text: str) -> bool:
    """Whether libpq refuses the ports: their number, or one of those that it comes to."""
    connection = PGconn.connect_start(text.encode())
    status = connection.connect_poll() if connection.status != ConnStatus.BAD else PollingStatus.FAILED
    assert status == PollingStatus.FAILED
    message = connection.error_message
    assert any(word in message for word in (b"No such file", b"port", b"parse network address")), message
    return any(word in message for word in (b"port number", b'connection option "port"'))


@settings(max_examples=500, deadline=None)
@given(st.integers(1, 3), PORTS, st.sampled_from(["dsn", "query", "authority", "hostaddr"]))
@example(1, ["", ";"], "dsn")
@example(2, ["1", "2", "3"], "authority")
@example(1, [""], "dsn")
@example(2, ["", ""], "query")
@example(2, ["1", "0"], "hostaddr")
def test_ports_are_refused_where_libpq_refuses_them(hosts: int, ports: list[str], place: str) -> None:
    """Several ports, of which some are no numbers, empty, too large: in every place that a port may stand in."""
    folder, listed = quote(SOCKET, safe=""), ",".join(ports)
    if place == "authority":
        ports = (ports + [""] * hosts)[:hosts]
        pairs = ",".join(f"{folder}:{quote(port, safe='')}" if port else folder for port in ports)
        text = (
            f"postgresql://u@{pairs}/d"  # a user: without, what is no port is taken for a password cut short
        )
    elif place == "query":
        text = f"postgresql:///d?host={','.join([folder] * hosts)}&port={quote(listed, safe='')}"
    else:
        text = from_parts(host=",".join([SOCKET] * hosts), port=listed, database="d").raw
        if place == "hostaddr":  # of several addresses the number counts, and no name is needed
            text = text.replace("host=", "hostaddr=").replace(SOCKET, ADDRESS)
    assume("\0" not in text)
    conn = parse(text, form="uri" if "://" in text else "dsn")
    complained = any(trouble.kind == "bad-port" for trouble in conn.troubles)

    assert complained == refused(text) or "port" in conn.placeholders
    assert alike(by_libpq(text) or {}) == alike(by_us(conn))


@settings(max_examples=500, deadline=None)
@given(host=WORD, user=ODD, password=ODD, database=ODD)
def test_parts_reach_libpq_unchanged(host: str, user: str, password: str, database: str) -> None:
    """from_parts quotes what needs it; libpq reads the raw text as the same values."""
    conn = from_parts(host=host, port=6543, user=user, password=password, database=database)
    expected = {"host": host, "port": "6543", "user": user, "password": password, "dbname": database}

    assert conn.form == "parts"
    assert expected == by_us(conn) == by_libpq(conn.raw)


def test_foreign_parameters_are_kept_apart() -> None:
    """A Prisma URL can be used to connect: what libpq does not know is listed, not passed on."""
    conn = parse("postgresql://u:p@h:6543/d?pgbouncer=true&connection_limit=1&sslmode=require&schema=x")

    assert [param.name for param in conn.foreign] == ["pgbouncer", "connection_limit", "schema"]
    assert by_us(conn) == {
        "host": "h",
        "port": "6543",
        "user": "u",
        "password": "p",
        "dbname": "d",
        "sslmode": "require",
    }


def test_npgsql_words_become_libpq_words() -> None:
    """Host, Username and SSL Mode have their libpq names; the rest is foreign."""
    conn = parse("Host=h;Username=u;Password=p;SSL Mode=VerifyFull;Maximum Pool Size=5")

    assert by_us(conn) == {"host": "h", "user": "u", "password": "p", "sslmode": "verify-full"}
    assert [param.name for param in conn.foreign] == ["Maximum Pool Size"]


# -- recognition ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "postgres://h", "postgresql://u:p@h/d", "postgresql+asyncpg://h", "prisma://h", "prisma+postgres://h", "POSTGRES://h",
        "jdbc:postgresql://h/d", "jdbc:postgresql:d", "host=h dbname=d", "dbname=d user=u", "asyncpg://h/d",
        "Host=h;Port=5432;Database=d", '"postgres://h/d"',
    ],
)  # fmt: skip
def test_looks_like_one(text: str) -> None:
    """URLs and DSNs of PostgreSQL."""
    assert looks_like_connection_string(text)


@pytest.mark.parametrize(
    "text",
    [
        "", "LOGGING=prisma:error", "prisma:error,prisma:warn", "file:./dev.db", "mysql://u:p@h/d", "mongodb://h", "sqlite:///x",
        "redis://h", "Format: postgresql://u:p@h/d", "postgres", "host", "hostname: x", "${DATABASE_URL}", "host=h",
        "user=u;password=p", "Server=h;Database=d;User Id=u", "jdbc:mysql://h/d", "https://h", "postgres: postgres://h",
    ],
)  # fmt: skip
def test_looks_like_none(text: str) -> None:
    """Other databases, prose, look-alikes."""
    assert not looks_like_connection_string(text)


# -- hostile input and secrets ------------------------------------------------------------------------------------


@settings(max_examples=2000, deadline=None)
@given(st.one_of(ANY_TEXT, URLISH), st.sampled_from([None, "uri", "jdbc", "dsn", "npgsql", "parts"]))
def test_never_raises(text: str, form: Form | None) -> None:
    """Whatever the text: a result whose spans lie inside it, whose views all work."""
    conn = parse(text, form=form)

    assert all(0 <= span.start <= span.end <= len(text) for _, span in conn.spans)
    assert repr(conn) == f"ConnectionString({conn.masked()!r})"
    assert conn.libpq() is not None
    assert isinstance(looks_like_connection_string(text), bool)
    assert isinstance(redact(text), str)


CANARY = "Zq9canary7X"
PASSWORDS = [
    CANARY, f"a@{CANARY}", f"{CANARY}/b", f"a#{CANARY}", f"{CANARY}?b", f"a:{CANARY}", f"%zz{CANARY}", f"a/b@{CANARY}",
    f"{CANARY}@x/y", f"a?b=c{CANARY}", f"[{CANARY}]", f"a&{CANARY}", f"{CANARY}%40", f"12/{CANARY}", f"a@b?c=d{CANARY}",
    f"a@b/{CANARY}", f"a,{CANARY}:1", f"1,{CANARY}", f"a {CANARY}", f"a;{CANARY}", f"${CANARY}", f"a\\{CANARY}", f"'{CANARY}",
]  # fmt: skip
SHAPES = [
    "postgresql://u:{}@h:5432/d?sslmode=require", "postgres://u:{}@h", "postgres://:{}@h/d", "postgresql+asyncpg://u:{}@h/d",
    "mysql://u:{}@h/d", "postgres:u:{}@h/d", "postgres:/u:{}@h/d", "u:{}@h:5432/d", "postgres://u:{}@", "postgres://u:{}@/d?host=/x",
    "postgres://a,b:{}@h/d", "postgres://u:{}@h1:1,h2:2/d", "postgres://u:{}@[::1]:5/d", "postgres://u:{}@h:PORT/d", "jdbc:postgresql://u:{}@h/d",
    "psql postgres://u:{}@h/d", "postgres://u:{}@h/d#x", "postgres://u:{}@h/d?a=b?c=d", "postgres://u:{}@h/d?email=a@b.c",
]  # fmt: skip


def leaks(shown: str) -> bool:
    """Whether the canary stands in what is shown."""
    return CANARY in shown


def views(conn: ConnectionString) -> list[str]:
    """Everything of a connection string that may be printed."""
    return [
        str(conn),
        repr(conn),
        conn.masked(),
        repr(conn.params),
        repr(conn.troubles),
        repr(conn.libpq().get("password")),
    ]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("password", PASSWORDS)
def test_password_is_never_shown(shape: str, password: str) -> None:
    """However badly it is written, and percent-encoded too."""
    for text in (shape.format(password), shape.format(quote(password, safe=""))):
        assert not [view for view in views(parse(text)) if leaks(view)], text


@pytest.mark.parametrize("cut", ["postgres://u:{}", "postgres://u:{}/d", "postgresql://u:{}?sslmode=require"])
def test_password_cut_short_is_never_shown(cut: str) -> None:
    """Without `@` libpq takes the password for a port; it stays hidden."""
    conn = parse(cut.format(CANARY))

    assert not [view for view in [*views(conn), repr(conn.hosts), repr(conn.libpq())] if leaks(view)]


@pytest.mark.parametrize(
    "text",
    [
        f"prisma://h/?api_key={CANARY}", f"prisma+postgres://localhost:51213/?api_key={CANARY}&x=1",
        f"jdbc:postgresql://h/d?user=u&password={CANARY}", f"postgres://h/d?sslpassword={CANARY}", f"postgres://h/d?p%61ssword={CANARY}",
        f"host=h password={CANARY}", f"host=h password='a\\'{CANARY}", f"host=h password=a {CANARY} user=u", f"password = '{CANARY} b'",
        f"host=h sslpassword={CANARY}", f"Host=h;Password={CANARY}", f"Host=h;Password=a;{CANARY};Database=d", f"Host=h;PWD='{CANARY}'",
        f"pgsql:host=h;password={CANARY}", f"dbname=postgres://u:{CANARY}@h/d", f"postgres://u%3A{CANARY}@h/d",
        f"postgres://h/d?fallback=postgres://u:{CANARY}@i", f"DATABASE_URL=postgres://u:{CANARY}@h/d",
    ],
)  # fmt: skip
def test_other_secrets_are_never_shown(text: str) -> None:
    """Keys and passwords in queries, DSNs, Npgsql strings, and URLs inside other values."""
    assert not [view for view in views(parse(text)) if leaks(view)]


@settings(max_examples=500, deadline=None)
@given(ODD, ODD)
def test_random_password_is_never_shown(before: str, after: str) -> None:
    """A canary between random characters, without anything that may begin a query of its own."""
    password = f"{before}{CANARY}{after}"
    for text in (f"postgres://u:{password}@h:5432/d", f"postgres://u:{quote(password, safe='')}@h:5432/d"):
        assert not [view for view in views(parse(text)) if leaks(view)], text


def test_masked_changes_nothing_else() -> None:
    """Byte for byte, white space and odd order included."""
    text = "  postgres://u:p%40w@h:5432/d?password=x&a=%20b&&c#f "

    assert parse(text).masked() == "  postgres://u:***@h:5432/d?password=***&a=%20b&&c#f "


def test_masked_again_is_the_same() -> None:
    """A masked text can be parsed and masked again."""
    for shape in SHAPES:
        once = parse(shape.format("s3cret")).masked()
        assert once == parse(once).masked()


@pytest.mark.parametrize(
    "piece",
    [
        "a:",
        "@",
        "://",
        "postgres://",
        "?a=",
        "${",
        "{{",
        "<a",
        "'",
        "\\",
        "=",
        "[",
        "%",
        "a=b ",
        ";a=",
        "&",
        ",",
        " ",
    ],
)
@pytest.mark.parametrize("start", ["", "postgres://", "postgres://u:", "host='", "Host="])
def test_hostile_text_takes_no_time(start: str, piece: str) -> None:
    """The longest text that is read, made of what patterns stumble over."""
    text = (start + piece * MAX_LENGTH)[:MAX_LENGTH]
    begun = time.process_time()
    conn = parse(text)

    assert len(conn.masked()) <= MAX_LENGTH * 4
    assert conn.libpq() is not None
    assert time.process_time() - begun < 2  # measured: 0.3 s at worst; a quadratic pattern takes minutes


def test_too_long_is_hidden_whole() -> None:
    """Nothing of it is read, so nothing of it is shown."""
    assert parse("postgres://u:" + CANARY * MAX_LENGTH).masked() == "***"


# -- edits ------------------------------------------------------------------------------------------------------

EDITABLE = st.one_of(
    uris(ODD.map(lambda text: quote(text, safe=""))).filter(lambda text: "bad-port" not in kinds(text)),
    DSN.filter(lambda text: not parse(text).troubles and parse(text).form == "dsn"),
    st.sampled_from(["jdbc:postgresql://h/d?user=u", "Host=h;Port=5;Username=u", "Host=h;", "postgresql://h/d?", "postgresql://h"]),
)  # fmt: skip


def fields(conn: ConnectionString) -> dict[str, object]:
    """All fields, for comparison."""
    return {
        "hosts": conn.hosts, "user": conn.user, "password": conn.password, "database": conn.database,
        "params": [(param.name, param.value) for param in conn.params], "scheme": conn.scheme,
    }  # fmt: skip


@settings(max_examples=500, deadline=None)
@given(EDITABLE, WORD.filter(lambda name: name.lower() not in KEYWORDS and "host" not in name), ODD)
def test_with_param_sets_it_and_nothing_else(text: str, name: str, value: str) -> None:
    """Added, then changed, then removed: the first text again."""
    conn = parse(text)
    assume(conn.param(name) is None and conn.form != "npgsql")
    added = parse(edit.with_param(conn, name, "1"), form=conn.form)
    changed = parse(edit.with_param(added, name, value), form=conn.form)

    assert value == changed.param(name)
    rest = fields(changed)
    rest["params"] = [(param.name, param.value) for param in changed.params if param.name != name]
    assert fields(conn) == rest
    removed = edit.without_param(changed, name)
    assert fields(conn) == fields(parse(removed, form=conn.form))


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from(["1", "x%3F", "${V}"])), min_size=1),
    st.data(),
)
def test_with_separators_keeps_every_parameter(pairs: list[tuple[str, str]], data: st.DataObject) -> None:
    """Whatever stands between them: once mended nothing is left to say, and the names and values are the same."""
    between = st.sampled_from(["&", "?", "&amp;", "??"])
    first = data.draw(st.sampled_from(["?", "&", "??"]))
    joined = first + "".join(
        f"{data.draw(between) if at else ''}{name}={value}" for at, (name, value) in enumerate(pairs)
    )

    broken = parse(f"postgresql://u:{CANARY}@h/d{joined}")
    mended = parse(edit.with_separators(broken))

    assert mended.raw == f"postgresql://u:{CANARY}@h/d?" + "&".join(
        f"{name}={value}" for name, value in pairs
    )
    assert fields(broken) == fields(mended)
    assert "separator" not in kinds(mended.raw)
    assert CANARY not in broken.masked()


@pytest.mark.parametrize(
    ("new", "expected"),
    [
        (edit.with_param(parse("postgres://h"), "a", "b c"), "postgres://h?a=b%20c"),
        (edit.with_param(parse("Host=h;"), "Pooling", "true"), "Host=h;Pooling=true"),
        (edit.with_param(parse("host=h"), "options", "-c a=b"), "host=h options='-c a=b'"),
        (edit.without_param(parse("postgres://h/d?a=1&b=2&a=3"), "a"), "postgres://h/d?b=2"),
        (edit.without_param(parse("postgres://h/d?a=1"), "a"), "postgres://h/d"),
        (edit.without_param(parse("Host=h;Pooling=true;Port=1"), "pooling"), "Host=h;Port=1"),
        (edit.with_separators(parse("postgres://h/d&a=1&b=2")), "postgres://h/d?a=1&b=2"),
        (edit.with_separators(parse("postgres://h/d??a=1?b=2&amp;c=3")), "postgres://h/d?a=1&b=2&c=3"),
        (edit.with_separators(parse("postgres://h/d?a=1&&b=2")), "postgres://h/d?a=1&&b=2"),
        (edit.with_separators(parse("postgres://h/d?password=a?b=c")), "postgres://h/d?password=a?b=c"),
        (edit.with_separators(parse("host=h dbname=a&b=c")), "host=h dbname=a&b=c"),
        (edit.without_repeats(parse("postgres://h/d?a=1&b=2&a=3"), "a"), "postgres://h/d?b=2&a=3"),
        (edit.percent_encode_password(parse("postgres://u:p@s/s%40@h/d")), "postgres://u:p%40s%2Fs%40@h/d"),
        (edit.percent_encode_password(parse("postgres://u:a:b%2F@h/d")), "postgres://u:a:b%2F@h/d"),
    ],
)  # fmt: skip
def test_edits(new: str, expected: str) -> None:
    """One place changes, in the spelling the form wants."""
    assert expected == new


@settings(max_examples=500, deadline=None)
@given(ODD)
def test_escaped_password_reads_the_same_everywhere(password: str) -> None:
    """After the edit libpq agrees with what was meant before it."""
    conn = parse(f"postgres://u:{password}@h/d")
    assume(conn.password is not None and conn.host == "h" and "password" not in conn.placeholders)
    assume("%00" not in password)  # no reader has a place for it
    assume(not conn.unclear)  # nobody can tell where it ends: then nothing is edited
    new = edit.percent_encode_password(conn)
    assert conn.password is not None

    theirs = by_libpq(new)
    assert theirs is not None
    assert conn.password.reveal().strip(" ") in (theirs["password"], theirs["password"].strip(" "))


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("postgresql://u:p@h-1.x/d", "postgresql://u:p@h-1-pooler.x/d", ((20, 20, "-pooler"),)),
        ("postgresql://u:p@h/d?a=1", "postgresql://u:p@h/d?a=1&b=2", ((24, 24, "&b=2"),)),
        ("postgresql://u:p@h:5432/d", "postgresql://u.x:p@h:6543/d", ((14, 14, ".x"), (19, 23, "6543"))),
        ("postgresql://u:p@h/d", "postgresql://u:p@h/d", ()),
        ("postgresql://u:p@@h/d", "postgresql://u:p%40@h/d", None),
        ("host=h password=p dbname=d", "host=h-pooler password=p dbname=d", ((6, 6, "-pooler"),)),
    ],
)
def test_changes_leave_secrets_alone(
    old: str, new: str, expected: tuple[tuple[int, int, str], ...] | None
) -> None:
    """The fewest characters, none of them a password's; where the password changes, there is no such edit."""
    assert edit.changes(parse(old), parse(new)) == expected


@settings(deadline=None)
@given(st.text("abp:@/?=&%5", max_size=12), st.text("abp:@/?=&%5", max_size=12), st.sampled_from("ap5"))
def test_changes_make_the_new_text(head: str, tail: str, word: str) -> None:
    """Made from the last to the first they give the new text, whatever stands there."""
    old = parse(f"postgresql://u:{word}@h{tail}")
    new = parse(f"postgresql://u{head}:{word}@h-x{tail[::-1]}")
    text = old.raw
    for start, end, put in reversed(edit.changes(old, new) or ((0, len(text), new.raw),)):
        text = text[:start] + put + text[end:]
    assert text == new.raw
