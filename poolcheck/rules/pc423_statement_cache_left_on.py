"""One of several connections of the package keeps its statement cache on, or switches it with the wrong option.

## Why it matters
Through a transaction-mode pooler that cannot track prepared statements every connection needs the switch, and the
switches are easy to mistake: `prepare_threshold=0` prepares at once, and SQLAlchemy's `prepared_statement_cache_size`
leaves asyncpg's own cache on.

## What to do
asyncpg: `statement_cache_size=0` as a keyword. SQLAlchemy with asyncpg: `connect_args={"statement_cache_size": 0}`.
psycopg 3: `prepare_threshold=None`.

```python bad file=app/db.py pypi=psycopg@3.2.0 url=supabase
import psycopg

connection = psycopg.connect(DATABASE_URL, prepare_threshold=0)
```

```python good file=app/db.py pypi=psycopg@3.2.0 url=supabase
import psycopg

connection = psycopg.connect(DATABASE_URL, prepare_threshold=None)
```

## Sources
- https://www.psycopg.org/psycopg3/docs/advanced/prepare.html
- https://magicstack.github.io/asyncpg/current/faq.html
- https://docs.sqlalchemy.org/en/20/dialects/postgresql.html
"""

from collections.abc import Iterator

from poolcheck.model.context import Context
from poolcheck.model.problem import Fix, Problem
from poolcheck.model.rule import rule
from poolcheck.model.severity import Severity
from poolcheck.model.source import Site, SourceFile
from poolcheck.rules._common import transaction_pooler
from poolcheck.rules._source import app_sites, at, other_url, pooled_target


@rule(SourceFile, severity=Severity.ERROR, step=2)
def check(file: SourceFile, ctx: Context) -> Iterator[Problem]:
    """What no switch at all does is told at the connection string; here are the switches that do not work."""
    if file.language != "python" or other_url(file, ctx):
        return
    target = pooled_target(file, ctx)
    endpoint = transaction_pooler(target) if target else None
    if target is None or endpoint is None or endpoint.tracks_prepared != "no":
        return
    for site in app_sites(file):
        found = _wrong(site, file)
        if found:
            message, line = found
            yield Problem(
                message=message,
                why=f"{target.label} goes through a pooler that cannot carry named statements over: errors 26000 and 42P05 come and go with the load.",
                at=at(file, site),
                key=site.kind,
                fix=Fix("Switch it off", lines=(line,)),
                sources=(endpoint.source,),
            )


def _wrong(site: Site, file: SourceFile) -> tuple[str, str] | None:
    mentions = file.package.mentions or frozenset()
    places = ("prepare_threshold", "kwargs.prepare_threshold", "connect_args.prepare_threshold")
    if site.kind in ("psycopg", "psycopg-pool", "sqlalchemy") and 0 in map(site.number, places):
        return (
            "prepare_threshold=0 prepares every statement at once; None switches it off.",
            'connect_args={"prepare_threshold": None},'
            if site.kind == "sqlalchemy"
            else "prepare_threshold=None,",
        )
    if site.kind in ("asyncpg", "asyncpg-pool") and site.complete and "statement_cache_size" in mentions:
        if site.option("statement_cache_size") is None:
            return (
                f"{site.call} leaves asyncpg's statement cache on, and another call of the project switches it off.",
                "statement_cache_size=0,",
            )
    if site.kind == "sqlalchemy" and site.argument.endswith("+asyncpg"):
        sizes = ("connect_args.prepared_statement_cache_size", "prepared_statement_cache_size")
        if (
            0 in map(site.number, sizes)
            and site.complete
            and site.option("connect_args.statement_cache_size") is None
        ):
            return (
                "prepared_statement_cache_size is the dialect's cache; asyncpg's own stays on.",
                'connect_args={"statement_cache_size": 0},',
            )
    return None
