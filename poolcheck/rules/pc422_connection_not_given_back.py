"""A connection or session is bound to a name and not given back when something throws.

## Why it matters
What `pool.acquire()` or `pool.getconn()` returns is missing from the pool until it is given back. An exception before
that loses it for good; a session that nobody closes holds its connection until it is collected. A worker's job (Celery, Dramatiq) is judged as a request is.
`next(get_db())` calls a dependency by hand: what would have closed the session is dropped with the generator.

## What to do
Use `with` (or `async with`): it gives back in every case. In a FastAPI dependency, `yield` inside the `with`.

```python bad file=app/work.py pypi=asyncpg@0.30.0
import asyncpg


async def work(pool: asyncpg.Pool):
    connection = await pool.acquire()
    await connection.execute("update jobs set done = true")
    await pool.release(connection)
```

```python bad file=app/deps.py pypi=fastapi@0.115.0,sqlalchemy@2.0.30,psycopg2@2.9.9
from fastapi import Depends, FastAPI

from app.db import SessionLocal

app = FastAPI()


def get_db():
    return SessionLocal()


@app.get("/users")
def users(db=Depends(get_db)):
    return db.execute("select 1")
```

```python bad file=app/find.py pypi=psycopg2@2.9.9
import psycopg2


def find(pool, number):
    connection = pool.getconn()
    if number is None:
        return None
    try:
        return connection.cursor().execute("select 1")
    finally:
        pool.putconn(connection)
```

```python bad file=app/jobs.py pypi=celery@5.4.0,sqlalchemy@2.0.30,psycopg2@2.9.9
from celery import Celery

from app.db import SessionLocal, get_db

app = Celery("jobs")


@app.task
def clean():
    db = SessionLocal()
    db.execute("delete from queue where idle")
    db.commit()


@app.task
def sync():
    db = next(get_db())
    db.execute("select 1")
```

```python bad file=app/jobs.py pypi=celery@5.4.0,sqlalchemy@2.0.30,psycopg2@2.9.9
from celery import Celery

from app.db import SessionLocal
from app.users import delete_expired

app = Celery("jobs")


@app.task
def clean_sessions():
    delete_expired(SessionLocal())
```

```python good file=app/jobs.py pypi=celery@5.4.0,sqlalchemy@2.0.30,psycopg2@2.9.9
from celery import Celery

from app.db import SessionLocal

app = Celery("jobs")


def delete_expired(db):
    with db:
        db.execute("delete from sessions where expired")


@app.task
def clean_sessions():
    delete_expired(SessionLocal())
```

```python good file=app/jobs.py pypi=celery@5.4.0,sqlalchemy@2.0.30,psycopg2@2.9.9
from celery import Celery

from app.db import SessionLocal

app = Celery("jobs")


@app.task
def clean():
    with SessionLocal() as db:
        db.execute("delete from queue where idle")
        db.commit()
```

```python good file=app/work.py pypi=asyncpg@0.30.0
import asyncpg


async def work(pool: asyncpg.Pool):
    async with pool.acquire() as connection:
        await connection.execute("update jobs set done = true")
```

```python good file=app/deps.py pypi=fastapi@0.115.0,sqlalchemy@2.0.30,psycopg2@2.9.9
from fastapi import Depends, FastAPI

from app.db import SessionLocal

app = FastAPI()


def get_db():
    db = SessionLocal()
    try:
        yield db
    finally:
        db.close()


@app.get("/users")
def users(db=Depends(get_db)):
    return db.execute("select 1")
```

## Sources
- https://docs.sqlalchemy.org/en/20/orm/session_basics.html
- https://fastapi.tiangolo.com/tutorial/dependencies/dependencies-with-yield/
- https://magicstack.github.io/asyncpg/current/api/index.html#connection-pools
"""

from collections.abc import Iterator

from poolcheck.model.context import Context
from poolcheck.model.problem import Fix, Problem
from poolcheck.model.rule import rule
from poolcheck.model.severity import Severity
from poolcheck.model.source import SourceFile
from poolcheck.rules._source import at


@rule(SourceFile, severity=Severity.WARNING, step=3)
def check(file: SourceFile, _ctx: Context) -> Iterator[Problem]:
    """A slot of a pool that is never given back is an error; the rest are warnings."""
    if file.language != "python" or file.purpose != "app":
        return
    for take in file.checkouts:
        own = any(
            take.call.startswith(each) for each in ("psycopg", "asyncpg.")
        )  # else a session: of any database
        if take.returned == "always" or (file.postgres is False and not own):
            continue
        slot = "putconn" in take.give_back or ".release(" in take.give_back
        never = "is never given back" if slot else "is never closed"
        yield Problem(
            message=f"{take.name + ' = ' if take.name else ''}{take.call} in {take.within}() "
            + (
                f"{never}."
                if take.returned == "no"
                else f"is not given back when the function ends at line {take.left_at}."
                if take.left_at
                else "is not given back when something throws."
            ),
            why="Each such call takes a connection out of the pool for good."
            if slot
            else "Its connection is held until Python collects it, which under load is too late.",
            at=at(file, take),
            severity=Severity.ERROR if slot and (take.returned == "no" or take.left_at) else Severity.WARNING,
            key=f"{take.within}:{take.name}:{take.call}",
            fix=Fix(
                "Use a with block, or give it back in finally",
                lines=("try:", "    ...", "finally:", f"    {take.give_back}"),
            )
            if take.name
            else Fix(
                "Yield it inside a with block", lines=(f"with {take.call} as session:", "    yield session")
            ),
        )
