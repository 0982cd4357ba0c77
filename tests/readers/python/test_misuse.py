"""Python: what is sent to a pool, what a second connection is taken for, and ways that lose one."""

import pytest

from tests.readers.python.test_source import read

ASYNCPG = "import asyncpg\npool = asyncpg.create_pool(URL)\n"
PRISMA = "from prisma import Prisma\ndb = Prisma()\n"
ALCHEMY = "from sqlalchemy import create_engine\nengine = create_engine(URL)\n"
PSYCOPG = "from psycopg_pool import ConnectionPool\npool = ConnectionPool(URL)\n"

WRONG = {
    "BEGIN": (ASYNCPG + "async def f():\n    await pool.execute('BEGIN')", "begin"),
    "a lock": (ASYNCPG + "async def f():\n    await pool.fetchval('select pg_try_advisory_lock(1)')", "state"),
    "a field": ("import asyncpg\nclass A:\n    async def f(self):\n        await self.pool.execute('SET search_path TO a')", "state"),
    "an f-string": (PRISMA + "async def f(org):\n    await db.execute_raw(f\"SET app.org = '{org}'\")", "state"),
    "SET LOCAL": (ASYNCPG + "async def f():\n    await pool.execute('SET LOCAL statement_timeout = 1')", "local"),
    "databases": ("from databases import Database\ndb = Database(URL)\nasync def f():\n    await db.execute('LISTEN jobs')", "state"),
    "asyncpg's pool inside acquire()": (ASYNCPG + "async def f():\n    async with pool.acquire() as c:\n        await c.execute('x')\n        await pool.fetch('y')", "inside"),
    "psycopg's pool": (PSYCOPG + "def f():\n    with pool.connection() as c:\n        with pool.connection() as d:\n            d.execute('x')", "inside"),
    "an engine": (ALCHEMY + "def f():\n    with engine.begin() as c:\n        c.execute(x)\n        with engine.connect() as d:\n            d.execute(y)", "inside"),
    "an engine that is handed on": (ALCHEMY + "def f(frame):\n    with engine.begin() as c:\n        c.execute(x)\n        frame.to_sql('a', engine)", "inside"),
    "sessions": ("def f():\n    with SessionLocal() as a:\n        with SessionLocal() as b:\n            b.add(a)", "inside"),
    "Prisma": (PRISMA + "async def f():\n    async with db.tx() as tx:\n        await db.user.create({})", "inside"),
    "put back twice": (PSYCOPG + "def f():\n    c = pool.getconn()\n    try:\n        c.execute('x')\n        pool.putconn(c)\n    finally:\n        pool.putconn(c)", "twice"),
}  # fmt: skip
RIGHT = {
    "a whole transaction": ASYNCPG + "async def f():\n    await pool.execute('BEGIN; update a set b = 1; COMMIT')",
    "one connection": ASYNCPG + "async def f():\n    async with pool.acquire() as c:\n        await c.execute('SET search_path TO a')",
    "another pool": "import aiomysql\nasync def f(pool):\n    await pool.execute('BEGIN')",
    "a thread pool": "from multiprocessing import Pool\ndef f(pool):\n    pool.execute('BEGIN')",
    "its own connection": ASYNCPG + "async def f():\n    async with pool.acquire() as c:\n        await c.fetch('x')",
    "one behind the other": ASYNCPG + "async def f():\n    async with pool.acquire() as c:\n        await c.fetch('x')\n    await pool.fetch('y')",
    "a function in between": ALCHEMY + "def f():\n    with engine.begin() as c:\n        def later():\n            return engine.connect()\n        c.execute(x)",
    "two engines": ALCHEMY + "def f():\n    with engine.begin() as c:\n        with other_engine.connect() as d:\n            d.execute(y)",
    "Prisma's transaction": PRISMA + "async def f():\n    async with db.tx() as tx:\n        await tx.user.create({})",
    "put back on one way each": PSYCOPG + "def f():\n    c = pool.getconn()\n    try:\n        c.execute('x')\n    except Exception:\n        pool.putconn(c)\n        raise\n    pool.putconn(c)",
}  # fmt: skip


@pytest.mark.parametrize(("code", "kind"), WRONG.values(), ids=WRONG)
def test_wrong(code: str, kind: str) -> None:
    """Whatever the pool is called, and whatever holds its connection."""
    assert [each.kind for each in read(code).misuses] == [kind]


@pytest.mark.parametrize("code", RIGHT.values(), ids=RIGHT)
def test_right(code: str) -> None:
    """One connection for what belongs together, and other objects that are called so."""
    assert read(code).misuses == ()


LOST = {
    "early return": (3, "def f(pool):\n    c = pool.getconn()\n    if x: return None\n    c.execute('x')\n    pool.putconn(c)"),
    "left in a loop": (4, "def f(pool):\n    c = pool.getconn()\n    for x in y:\n        if x: return x\n    pool.putconn(c)"),
    "swallowed": (0, "def f(pool):\n    c = pool.getconn()\n    try:\n        c.execute('x')\n        pool.putconn(c)\n    except Exception:\n        log(1)"),
    "raised": (0, "def f(pool):\n    c = pool.getconn()\n    if not x: raise ValueError\n    pool.putconn(c)"),
}  # fmt: skip
KEPT = {
    "put back on each way": "def f(pool):\n    c = pool.getconn()\n    if x:\n        pool.putconn(c)\n        return None\n    try:\n        c.execute('x')\n    finally:\n        pool.putconn(c)",
    "returned in a tuple": "def f(pool):\n    c = pool.getconn()\n    return c, True",
    "returned in a dictionary": "def f(pool):\n    c = pool.getconn()\n    return {'c': c}",
    "put back if there is one": "def f(pool):\n    c = None\n    try:\n        c = pool.getconn()\n        c.execute('x')\n    finally:\n        if c is not None:\n            pool.putconn(c)",
    "put back if it is ours": "def f(pool, own):\n    c = pool.getconn()\n    try:\n        c.execute('x')\n    finally:\n        if own:\n            pool.putconn(c)",
    "yielded": "def f(pool):\n    c = pool.getconn()\n    try:\n        yield c\n    finally:\n        pool.putconn(c)",
    "a loop that tries again": "def f(pool):\n    while True:\n        c = pool.getconn()\n        try:\n            return c.execute('x')\n        finally:\n            pool.putconn(c)",
    "kept in a field": "def f(self, pool):\n    c = pool.getconn()\n    self.c = c",
}  # fmt: skip
HEAD = "import psycopg2\n"


@pytest.mark.parametrize(("line", "code"), LOST.values(), ids=LOST)
def test_ways_that_lose_it(line: int, code: str) -> None:
    """The line on which the function returns with it although nothing is raised; 0 where it takes an error."""
    found = read(HEAD + code).checkouts

    assert [(each.returned, each.left_at) for each in found] == [("sometimes", line and line + 1)]


@pytest.mark.parametrize("code", KEPT.values(), ids=KEPT)
def test_ways_that_keep_it(code: str) -> None:
    """Put back on each of them, or somebody else's now."""
    assert read(HEAD + code).checkouts == ()


def test_beside_what_a_guard_makes() -> None:
    """What an `if pool is None` does besides runs once."""
    code = (
        "import asyncpg\nfrom fastapi import FastAPI\napp = FastAPI()\npool = None\n@app.get('/')\nasync def f():\n"
        "    global pool\n    if pool is None:\n        admin = await asyncpg.connect(URL)\n        await admin.close()\n"
        "        pool = await asyncpg.create_pool(URL)\n    other = await asyncpg.connect(URL)\n"
    )

    assert [site.scope for site in read(code).sites] == ["cached", "cached", "request"]


def test_a_handler_says_more_than_its_folder() -> None:
    """A Lambda under bin/ is no script."""
    handler = (
        "import psycopg2\ndef lambda_handler(event, context):\n    c = psycopg2.connect(URL)\n    c.close()\n"
    )

    assert read(handler, "functions/bin/a.py").purpose == "app"
    assert read("import psycopg2\nc = psycopg2.connect(URL)\n", "functions/bin/a.py").purpose == "script"
