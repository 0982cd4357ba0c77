"""Django uses server-side cursors through a transaction pooler.

## Why it matters
`QuerySet.iterator()` opens a cursor that outlives its transaction. The next fetch goes to another server connection:
`cursor "_django_curs_..." does not exist`.

## What to do
Set `DISABLE_SERVER_SIDE_CURSORS` to True for that database, or wrap every `iterator()` in `transaction.atomic()`.

```python bad pypi:django@5.2.1
# file: shop/settings.py
DATABASES = {"default": dj_database_url.config(default="sqlite:///db.sqlite3", conn_max_age=0)}
# file: .env
DATABASE_URL=postgresql://app:s3cret@ep-cool-darkness-a1b2c3d4-pooler.us-east-2.aws.neon.tech/app?sslmode=require
```

```python good pypi:django@5.2.1
# file: shop/settings.py
DATABASES = {"default": dj_database_url.config(conn_max_age=0, disable_server_side_cursors=True)}
# file: .env
DATABASE_URL=postgresql://app:s3cret@ep-cool-darkness-a1b2c3d4-pooler.us-east-2.aws.neon.tech/app?sslmode=require
```

## Sources
- https://docs.djangoproject.com/en/5.2/ref/databases/#transaction-pooling-and-server-side-cursors
"""

from collections.abc import Iterator

from poolcheck.model.config_file import ConfigFile
from poolcheck.model.context import Context
from poolcheck.model.problem import Fix, Problem
from poolcheck.model.rule import rule
from poolcheck.model.severity import Severity
from poolcheck.model.target import app_traffic
from poolcheck.rules._configs import strings

_WORDS = frozenset(
    {"DISABLE_SERVER_SIDE_CURSORS", "disable_server_side_cursors"}
)  # by code, or for another alias


@rule(ConfigFile, severity=Severity.WARNING, step=2)
def check(file: ConfigFile, ctx: Context) -> Iterator[Problem]:
    """Only where the string is known to lead to a pooler in transaction mode."""
    if file.tool != "django" or not _WORDS.isdisjoint(file.words):
        return
    for url in file.urls:
        alias = url.group
        if url.last != "url":
            continue
        pooled = next(
            (
                string
                for string in strings(url, file, ctx)
                if app_traffic(string) and string.match.mode == "transaction"
            ),
            None,
        )
        if pooled is not None:
            yield Problem(
                message=f"{alias}: {pooled.name} leads to a transaction pooler, and server-side cursors are on.",
                at=url.location,
                subject=alias,
                key=alias,
                fix=Fix("Switch them off for this database", lines=('"DISABLE_SERVER_SIDE_CURSORS": True,',)),
            )
