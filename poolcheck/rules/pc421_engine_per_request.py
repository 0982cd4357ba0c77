"""Each request makes an engine, a pool or a connection of its own.

## Why it matters
An engine is a pool: SQLAlchemy's holds up to 15 connections, asyncpg's opens 10 at once. One for each request opens
connections that the next request cannot use, and leaves them to the garbage collector. A worker's job (Celery, Dramatiq) is judged
as a request is, but for a connection of its own that it closes.

## What to do
Make the engine or pool once for each process: at module level, or in the app's lifespan. Per request take a session or
a connection from it, in a `with` block.

```python bad file=app/main.py pypi=fastapi@0.115.0,sqlalchemy@2.0.30,psycopg2@2.9.9
from fastapi import FastAPI
from sqlalchemy import create_engine, text

app = FastAPI()


@app.get("/users")
def users():
    engine = create_engine(DATABASE_URL)
    with engine.connect() as connection:
        return connection.execute(text("select 1")).all()
```

```python bad file=app/main.py pypi=fastapi@0.115.0,asyncpg@0.30.0
import asyncpg
from fastapi import FastAPI

app = FastAPI()


@app.get("/users")
async def users():
    pool = await asyncpg.create_pool(DATABASE_URL)
    return await pool.fetch("select 1")
```

```python good file=app/main.py pypi=fastapi@0.115.0,sqlalchemy@2.0.30,psycopg2@2.9.9
from fastapi import FastAPI
from sqlalchemy import create_engine, text

app = FastAPI()
engine = create_engine(DATABASE_URL)


@app.get("/users")
def users():
    with engine.connect() as connection:
        return connection.execute(text("select 1")).all()
```

## Sources
- https://docs.sqlalchemy.org/en/20/core/connections.html
- https://magicstack.github.io/asyncpg/current/usage.html#connection-pools
- https://www.psycopg.org/psycopg3/docs/advanced/pool.html
"""

from collections.abc import Iterator

from poolcheck.model.context import Context
from poolcheck.model.problem import Problem
from poolcheck.model.rule import rule
from poolcheck.model.severity import Severity
from poolcheck.model.source import TASK, SourceFile
from poolcheck.rules._source import app_sites, at, shared_client, sure


@rule(SourceFile, severity=Severity.ERROR, step=3)
def check(file: SourceFile, _ctx: Context) -> Iterator[Problem]:
    """Engines and pools are errors; a single connection that is opened for each request is a warning."""
    if file.language != "python":
        return
    for site in app_sites(file):
        if site.scope != "request":
            continue
        job = site.within.startswith(TASK)
        single = site.made.makes == "connection" or "NullPool" in (site.option("poolclass") or "")
        if job and single and site.closed == "always":
            continue  # as many at once as the worker has jobs at once
        each = "job" if job else "request"
        message = (
            f"{site.within} opens a connection of its own ({site.call}) for each {each}."
            if single
            else f"{site.within} makes {site.made.title} for each {each}."
        )
        yield Problem(
            message=message[0].upper() + message[1:],
            why=f"As many {each}s as come at once hold as many slots, and each pays for a handshake."
            if single
            else f"Its connections are of no use to the next {each}, and stay open until they are collected.",
            at=at(file, site),
            severity=Severity.WARNING if single else None,
            confidence=sure(file, site),
            key=f"{site.kind}:{site.within}",
            fix=shared_client(file, site),
        )
