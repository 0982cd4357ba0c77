"""Python: where engines and connections are made and how often, and what is given back."""

import pytest

from poolcheck.catalogue.makers import makers
from poolcheck.model.source import SourceFile
from poolcheck.readers import source_files
from poolcheck.readers.source_files import Read, Unread


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
    "celery task": ("function", ENGINE + "@celery.task\ndef f():\n    e = create_engine(URL)"),
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


@pytest.mark.parametrize("text", ["print 'old'\n", "def f(:\n", "x = " + "(" * 300 + ")" * 300, "x = '" + "\ud800"[:0] + "\\ud800'\nif"])  # fmt: skip
def test_what_is_not_python_says_so(text: str) -> None:
    """A file that cannot be parsed is left alone with its reason."""
    made = source_files.read(("import psycopg2\n" + text).encode(), "a.py", makers())

    assert isinstance(made, Unread)
    assert made.why
