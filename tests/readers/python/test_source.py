"""Python: where engines and connections are made and how often, and what is given back."""

import contextlib
import textwrap
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolcheck.catalogue.makers import makers
from poolcheck.model.source import Checkout, Site, SourceFile
from poolcheck.readers import source_files
from poolcheck.readers.python import setup_file
from poolcheck.readers.python import source as python
from poolcheck.readers.source_files import Read, UnreadSource
from poolcheck.readers.syntax import UnreadableSource


def read(text: str, path: str = "app/main.py") -> SourceFile:
    """The file as rules see it."""
    made = source_files.read(text.encode(), path, makers())
    assert isinstance(made, Read), made
    return made.file


ENGINE = "from sqlalchemy import create_engine\n"

SCOPES = {
    "module": ("module", ENGINE + "engine = create_engine(URL)"),
    "fastapi route": ("request", ENGINE + "@app.get('/')\ndef f():\n    e = create_engine(URL)"),
    "flask route": ("request", ENGINE + "@bp.route('/x', methods=['GET'])\ndef f():\n    e = create_engine(URL)"),
    "before_request": ("request", ENGINE + "@app.before_request\ndef f():\n    e = create_engine(URL)"),
    "lambda": ("request", ENGINE + "def lambda_handler(event, context):\n    e = create_engine(URL)"),
    "dependency": ("request", ENGINE + "def db():\n    e = create_engine(URL)\n    yield e\n@app.get('/')\ndef f(d=Depends(db)): pass"),
    "added route": ("request", ENGINE + "def f():\n    e = create_engine(URL)\napp.add_api_route('/', f)"),
    "helper of a route": ("request", ENGINE + "def e():\n    return create_engine(URL)\n@app.get('/')\ndef f():\n    return e()"),
    "django view": ("request", ENGINE + "def index(request):\n    e = create_engine(URL)"),
    "view class": ("request", ENGINE + "class V:\n    def get(self, request):\n        e = create_engine(URL)"),
    "flask's g": ("request", "import psycopg2\ndef db():\n    if 'db' not in g:\n        g.db = psycopg2.connect(URL)\n    return g.db"),
    "flask's g, by another name": ("request", "from psycopg_pool import ConnectionPool\ndef db():\n    if 'db' not in g:\n        pool = ConnectionPool(URL)\n        pool.open()\n        g.db = pool\n    return g.db"),
    "imported by its own name": ("request", "from psycopg2 import connect\n@app.get('/')\ndef f():\n    c = connect(URL)"),
    "imported by another name": ("request", "from psycopg2 import connect as dial\n@app.get('/')\ndef f():\n    c = dial(URL)"),
    "global if missing": ("cached", ENGINE + "e = None\n@app.get('/')\ndef f():\n    global e\n    if e is None:\n        e = create_engine(URL)"),
    "lru_cache": ("cached", ENGINE + "@lru_cache\ndef e():\n    return create_engine(URL)\n@app.get('/')\ndef f():\n    return e()"),
    "streamlit": ("cached", ENGINE + "@st.cache_resource\ndef e():\n    return create_engine(URL)"),
    "factory": ("function", ENGINE + "def make():\n    return create_engine(URL)"),
    "startup": ("function", ENGINE + "@app.on_event('startup')\nasync def f():\n    e = create_engine(URL)"),
    "lifespan": ("function", ENGINE + "@asynccontextmanager\nasync def lifespan(app):\n    e = create_engine(URL)\n    yield"),
    "celery task": ("request", ENGINE + "@celery.task\ndef f():\n    e = create_engine(URL)"),
    "method": ("function", ENGINE + "class A:\n    def __init__(self):\n        self.e = create_engine(URL)"),
    "mock": ("function", ENGINE + "@mock.patch('a.b')\ndef f(m):\n    e = create_engine(URL)"),
}  # fmt: skip


@pytest.mark.parametrize(("scope", "text"), SCOPES.values(), ids=SCOPES)
def test_how_often(scope: str, text: str) -> None:
    """Once, for each request, or by some other function."""
    path = "app/views.py" if "request" in text else "app/main.py"

    assert [site.scope for site in read(text, path).sites] == [scope]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("import psycopg2\nc = psycopg2.connect(URL)", "psycopg2"),
        ("from psycopg2 import connect\nc = connect(URL)", "psycopg2"),
        ("import psycopg as p\nc = p.connect(URL)", "psycopg"),
        (
            "from psycopg import AsyncConnection\nasync def f():\n    await AsyncConnection.connect(URL)",
            "psycopg",
        ),
        ("import asyncpg\nasync def f():\n    p = await asyncpg.create_pool(URL)", "asyncpg-pool"),
        ("from psycopg_pool import ConnectionPool\np = ConnectionPool(URL)", "psycopg-pool"),
        (
            "from sqlalchemy.ext.asyncio import create_async_engine\ne = create_async_engine(URL)",
            "sqlalchemy",
        ),
        ("from sqlmodel import create_engine\ne = create_engine('postgresql://h/d')", "sqlalchemy"),
    ],
)
def test_what_is_made(text: str, kind: str) -> None:
    """The import says what a name is."""
    assert [site.kind for site in read(text).sites] == [kind]


@pytest.mark.parametrize(
    "text",
    [
        ENGINE + "e = create_engine('sqlite:///a.db')",
        ENGINE + "e = create_engine(f'mysql+pymysql://{user}@h/d')",
        "from mylib import create_engine\ne = create_engine(URL)",
        "import sqlite3\nc = sqlite3.connect('psycopg')",
        "# psycopg2.connect(URL)\ntext = 'psycopg2.connect(URL)'",
    ],
)
def test_not_postgres(text: str) -> None:
    """Other databases, other functions, comments and strings."""
    assert read(text).sites == ()


HEAD = "import asyncpg, psycopg2\nfrom app.db import SessionLocal\n"
ROUTE = "@app.get('/')\n"

TAKES = {
    "acquired, released after": ("sometimes", "async def f(pool):\n    c = await pool.acquire()\n    await c.execute('x')\n    await pool.release(c)"),
    "acquired, never released": ("no", "async def f(pool):\n    c = await pool.acquire()\n    await c.execute('x')"),
    "getconn, never put back": ("no", "def f(pool):\n    c = pool.getconn()\n    c.cursor().execute('x')"),
    "session in a route": ("no", ROUTE + "def f():\n    db = SessionLocal()\n    return db.query(A).all()"),
    "connection in a route": ("no", ROUTE + "def f():\n    c = psycopg2.connect(URL)\n    return c.cursor()"),
}  # fmt: skip


@pytest.mark.parametrize(("returned", "text"), TAKES.values(), ids=TAKES)
def test_what_is_not_given_back(returned: str, text: str) -> None:
    """Slots of pools anywhere; sessions and connections in what runs for each request."""
    assert [take.returned for take in read(HEAD + text).checkouts] == [returned]


@pytest.mark.parametrize(
    "text",
    [
        "async def f(pool):\n    async with pool.acquire() as c:\n        await c.execute('x')",
        "async def f(pool):\n    c = await pool.acquire()\n    try:\n        await c.execute('x')\n    finally:\n        await pool.release(c)",
        "def f(pool):\n    c = pool.getconn()\n    try:\n        c.cursor()\n    finally:\n        pool.putconn(c)",
        "def f(pool):\n    c = pool.getconn()\n    return c",
        "def f():\n    db = SessionLocal()\n    return db",
        ROUTE
        + "def f():\n    db = SessionLocal()\n    try:\n        return db.all()\n    finally:\n        db.close()",
        ROUTE + "def f():\n    with SessionLocal() as db:\n        return db.all()",
        ROUTE + "def f():\n    c = psycopg2.connect(URL)\n    with closing(c):\n        return c.cursor()",
        "async def f():\n    c = await lock.acquire()\n    await work(c)",
        "async def f(semaphore_pool_lock):\n    ok = await semaphore_pool_lock.acquire()\n    use(ok)",
        "class A:\n    def open(self):\n        self.c = self.pool.getconn()",
    ],
)
def test_what_is_given_back(text: str) -> None:
    """In `with`, in `finally`, by a caller, or no connection at all."""
    assert [take for take in read(HEAD + text).checkouts if take.returned != "always"] == []


def test_dependency_that_returns_a_session() -> None:
    """Nobody closes what a dependency returns."""
    text = HEAD + "from fastapi import Depends\ndef db():\n    return SessionLocal()\n@app.get('/')\ndef f(d=Depends(db)): pass"  # fmt: skip

    assert [take.returned for take in read(text).checkouts] == ["no"]


def test_no_part_of_a_connection_string_is_kept() -> None:
    """Options are numbers and names; where the URL comes from is a name."""
    made = read(ENGINE + "e = create_engine(os.getenv('URL', 'postgresql://a:hunter2@h/d'), pool_size=5, connect_args={'password': 'hunter2'})")  # fmt: skip

    assert made.sites[0].option("pool_size") == "5"
    assert made.sites[0].url == "URL"
    assert "hunter2" not in repr(made)


def test_session_state() -> None:
    """In execute() and its like only."""
    text = "def f(c):\n    c.execute('SET search_path TO a')\n    c.execute(f'SET ROLE {r}')\n    c.execute('SET LOCAL a = 1')\n    print('LISTEN a')\n"  # fmt: skip
    made = read(text)

    assert [(mark.kind, mark.line) for mark in made.state] == [("set", 2), ("role", 3)]


def test_ignore_comments() -> None:
    """Behind code: that line. Alone: the statement below, or the head of a function."""
    text = ENGINE + "# poolcheck: ignore[PC421]\ne = create_engine(\n    URL,\n)\nf = create_engine(URL)  # poolcheck: ignore\ns = '# poolcheck: ignore'\n"  # fmt: skip
    made = source_files.read(text.encode(), "a.py", makers())
    assert isinstance(made, Read)

    assert [each.lines for each in made.ignores.placed] == [(2, 3, 4, 5), (6,)]


def test_columns_are_characters() -> None:
    """What stands before on the line may be no ASCII."""
    made = read(ENGINE + "é = 'äöü'; e = create_engine(URL)\n")

    assert [(site.line, site.column) for site in made.sites] == [(2, 16)]


def test_call_inside_an_f_string() -> None:
    """It stands where it is written."""
    made = read(ENGINE + 'text = f"""a\n  {create_engine(URL)}"""\n')

    assert [(site.line, site.column) for site in made.sites] == [(3, 4)]


ROUTE_BELOW = (
    "\n@app.get('/x')\nasync def x():\n    c = await asyncpg.connect(URL)\n    return await c.fetch('x')\n"
)

GRAMMAR = {
    "type alias": "type X = int",
    "generic function": "def f[T](x: T) -> T:\n    return x",
    "generic class": "class A[T: (int, str), *U, **P](B[T]):\n    b: T",
    "f-string quotes": "x = f'{d['a']}' f\"{'\\n'.join(f\"{y}\" for y in z)}\"",
    "f-string formats": "x = f'{a!r:>{w}} {{}} {b=}' rf'\\d{c}'",
    "walrus": "while (chunk := f.read(1)):\n    print(chunk)",
    "match": "match x:\n    case {'a': [1, *_]} | None if y:\n        pass\n    case A(b=1) as c:\n        pass",
    "match as a name": "match = type = case = 1\nmatch.x(type)",
    "decorators": "@a.b[0](lambda x: x)\n@(yield_)\ndef g(a, /, b, *, c): pass",
    "async": "async def g():\n    async with a as b, c():\n        pass\n    async for x in [y async for y in z]:\n        await x",
    "brackets around with": "with (open(a) as b, open(c) as d,):\n    pass",
    "except star": "try:\n    pass\nexcept* (A, B) as e:\n    pass",
    "no brackets around except": "try:\n    pass\nexcept A, B:\n    pass",
    "Python 2": "print 'a', b\nprint >>f, x\nexec 'a' in b\ntry:\n    pass\nexcept A, e:\n    raise A, 'b'\nx = `1` <> 0777L",
    "numbers": "x = 0xFF + 1_000j + 1e-10 + 0b1 + " + "9" * 5_000,
    "backslash": "x = a \\\n    .b(\\\n  1)",
    "form feed": "x = 1\n\f\ndef g():\n    pass",
    "windows": "x = 1\r\ndef g():\r\n\tpass\r\n",
}  # fmt: skip


@pytest.mark.parametrize("text", GRAMMAR.values(), ids=GRAMMAR)
def test_every_python_is_read(text: str) -> None:
    """Whatever Python runs poolcheck: no part is left out, and the route below is seen."""
    made = source_files.read(("import asyncpg\n" + text + ROUTE_BELOW).encode(), "app/main.py", makers())
    assert isinstance(made, Read), made

    assert made.partly == ""
    assert [(site.kind, site.scope) for site in made.file.sites] == [("asyncpg", "request")]


NEVER = (
    "x = = 1",
    "if x\n    pass",
    "f(1 2)",
    "return)",
    "x = $",
    "class A\n    b = 1",
)  # wherever it stands
BROKEN = (
    *NEVER, "def f(:\n    pass", "x = 'open", "else:\n    pass", "  x = 1", "def f():\nx = 1", "try:\n    pass", "if x:\n        a\n    b", "import", "@", "def f():",
)  # fmt: skip
GREEDY = ("if x\n    pass", "@")  # the grammar takes what stands below for a part of it
TAKE = "def take(pool):\n    c = pool.getconn()\n    try:\n        c.cursor()\n    finally:\n        pool.putconn(c)\n"


@pytest.mark.parametrize("text", BROKEN)
def test_what_stands_outside_an_error_is_read(text: str) -> None:
    """Above and below; the file says at which line it was not read."""
    head = "import asyncpg\n" + ROUTE_BELOW
    made = source_files.read(
        f"{head}\nx = 1\n\n{text}\n\ny = 1\n\n{ROUTE_BELOW}".encode(), "app/main.py", makers()
    )
    assert isinstance(made, Read), made

    assert made.partly.startswith("not Python at line ")
    assert int(made.partly.split(":")[0].rpartition(" ")[2]) in range(8, 14)
    assert [site.scope for site in made.file.sites] == ["request"] * (1 if text in GREEDY else 2)


@given(st.sampled_from(BROKEN), st.integers(0, 5), st.integers(0, 2))
def test_an_error_spoils_the_function_around_it(text: str, row: int, deeper: int) -> None:
    """What gives a connection back may be what was not understood."""
    rows = TAKE.splitlines()
    rows.insert(row + 1, textwrap.indent(text, "    " * (1 + deeper)))
    made = source_files.read(("import psycopg2\n" + "\n".join(rows) + "\n").encode(), "a.py", makers())

    assert (
        isinstance(made, UnreadSource)
        or [take for take in made.file.checkouts if take.returned == "no"] == []
    )


@given(st.sampled_from([*NEVER, "'''", "(", "}"]), st.integers(0, 400))
def test_an_error_is_no_reason_for_a_finding(text: str, at: int) -> None:
    """Wherever it is put: clients made once and connections given back stay that."""
    whole = HEAD + ENGINE + "engine = create_engine(URL)\n\n" + TAKE + "\n@app.get('/')\n" + TAKE
    made = source_files.read((whole[:at] + text + whole[at:]).encode(), "a.py", makers())

    assert isinstance(made, UnreadSource) or all(site.scope == "module" for site in made.file.sites)
    assert (
        isinstance(made, UnreadSource)
        or [take for take in made.file.checkouts if take.returned == "no"] == []
    )


@pytest.mark.parametrize(
    "text", ["psycopg2\n" + "(" * 300, "psycopg2 = '''", "psycopg2\n" + " " * 4_096 + "\0"]
)
def test_what_is_not_python_says_so(text: str) -> None:
    """A file of which hardly anything can be parsed is left alone with its reason."""
    made = source_files.read(text.encode(), "a.py", makers())

    assert isinstance(made, UnreadSource)
    assert made.why


def test_a_module_that_is_commented_out() -> None:
    """Comments by the hundred are passed over; one among them that speaks of poolcheck is heard."""
    hundreds = "# a\n" * 600
    text = f"{ENGINE}{hundreds}# poolcheck: ignore[PC421]\n{hundreds}e = create_engine(URL)\n"
    made = source_files.read(text.encode(), "a.py", makers())
    assert isinstance(made, Read)

    assert [site.line for site in made.file.sites] == [1203]
    assert [each.lines for each in made.ignores.placed] == [(602, 1203)]


DEEP = 10_000
HOSTILE = {
    "brackets": "x = " + "(" * DEEP + "psycopg2.connect(U)" + ")" * DEEP,
    "calls": "f(" * DEEP + "psycopg2.connect(U)" + ")" * DEEP,
    "chain": "x = (psycopg2.connect(U)" + "\n.close()" * DEEP + ")",
    "sum": "x = (psycopg2.connect(U)" + "\n+ 1" * DEEP + ")",
    "or": "x = (psycopg2.connect(U)" + "\nor 1" * DEEP + ")",
    "not": "x = " + "not " * DEEP + "psycopg2.connect(U)",
    "lambda": "x = " + "lambda: " * DEEP + "psycopg2.connect(U)",
    "minus": "psycopg2.connect(a=" + "-" * DEEP + "1)",
    "f-strings": "f'{" * DEEP,
    "number": "psycopg2.connect(a=" + "9" * 20 * DEEP + ")",
    "string": "c.execute('" + "SET role \\x41" * 5 * DEEP + "')",
    "strings": "c.execute(" + "'SET role'\n" * DEEP + ")",
    "indentation": "".join(" " * each + "if x:\n" for each in range(800)) + " " * 800 + "psycopg2.connect(U)",
    "closing": "def f():\n" + "  c = psycopg2.connect(U)\n" * 300 + "  (c" + "\n.close" * DEEP + ")",
    "assigned": "def f():\n  if not x:\n" + "   c = psycopg2.connect(U)\n" * 300 + "  a.b = c\n" * DEEP,
    "elif": "def f():\n  if x: pass\n" + "  elif y: pass\n" * DEEP + "  else:\n" + "   c = psycopg2.connect(U)\n" * 300,
    "errors": "x = = 1\n" * DEEP,
    "errors in functions": "def f(:\n  psycopg2.connect(U)\n" * DEEP,
    "callers": "def f():\n  c = psycopg2.connect(U)\n" * 390 + "def g(): f()\n" * DEEP,
    "decorators": "@a\n" * DEEP + "def f(): psycopg2.connect(U)",
    "targets": "a = \\\n" * DEEP + "psycopg2.connect(U)",
    "comments alone": "x = 1\n" + "# a\n" * DEEP + "c = psycopg2.connect(U)",
    "ignore comments alone": "x = 1\n" + "# poolcheck: ignore\n" * DEEP,
    "backslashes": "x\\\n" * DEEP,
    "arguments": "def f(p):\n" + "  c = p.getconn()\n" * 300 + "  g(" + "c,\n" * DEEP + ")",
    "comments": "x = 1  # poolcheck: ignore\n" * (DEEP // 4),
}  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_files_take_no_time(text: str) -> None:
    """No recursion, and nothing that grows with the square; asked of the reader itself, which sees no limits before."""
    start = time.process_time()

    with contextlib.suppress(UnreadableSource):
        python.read("import psycopg2\n" + text, "app/views.py", makers().python)
    setup_file.install_requires("import psycopg2\n" + text, "setup.py")

    assert time.process_time() - start < 10


PIECES = (
    "psycopg2.connect(", "create_engine(", "pool.getconn()", "def f():", "class A:", "@app.get('/')", "with ", "try:", "finally:",
    "except A:", "if not x:", "else:", "elif y:", "return ", "c = ", "self.c = ", "g.db = ", "c.close()", "(", ")", "[", "]", "{", "}",
    "'", '"', "'''", "f'", "b'", "{x}", "\n", "\n    ", "\n        ", "\\\n", "\t", "\f", "\r", "é", ",", "=", ":", "*", "**", "#",
    "# poolcheck: ignore\n", "import psycopg2", "from a import b as c", "global c", "lambda: ", "await ", "async ", "-", "1", "9" * 50, "1j",
    "0o7", "07", "...", "not ", "x.execute('SET a = 1')", "install_requires=['a==1']", "setup(", "\\N{DASH}", "\\ud800", "\\777", "match x:",
    "case 1:", "type X = ", ";",
)  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=40).map("".join))
def test_anything_is_read_or_left_alone(text: str) -> None:
    """No text raises anything else, and each place that is named holds the call that is named."""
    text = "import psycopg2\n" + ENGINE + text
    setup_file.install_requires(text, "setup.py")
    made = source_files.read(text.encode(), "app/views.py", makers())

    assert isinstance(made, Read | UnreadSource)
    rows = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    places: list[Site | Checkout] = [*made.file.sites, *made.file.checkouts] if isinstance(made, Read) else []
    for place in places:
        assert rows[place.line - 1][place.column - 1 :].startswith(
            place.call.partition(".")[0].removesuffix("()")
        )
