"""A pool is given an option that its driver does not read: another driver's word, or a word in the wrong place.

## Why it matters
The same thing has another name in each driver, and most of them in JavaScript pass over what they do not know: the pool that
somebody has made small stays at its default of 10, and the wait that somebody has bounded has no end. Nothing says so.

## What to do
Write the option that this driver reads; the report names it. In URLs PC205 and PC206 say the same.

```typescript bad file=src/db.ts npm=pg@8.16.0
import { Pool } from 'pg'

export const pool = new Pool({ connectionString: process.env.DATABASE_URL, connectionLimit: 5, connectionTimeoutMillis: 5000 })
```

```typescript bad file=src/db.ts npm=postgres@3.4.7
import postgres from 'postgres'

export const sql = postgres(process.env.DATABASE_URL, { pool: { max: 5 } })
```

```typescript bad file=src/db.ts npm=typeorm@0.3.27,pg@8.16.0
import { DataSource } from 'typeorm'

export const source = new DataSource({ type: 'postgres', url: process.env.DATABASE_URL, extra: { connectionLimit: 5 } })
```

```typescript good file=src/db.ts npm=pg@8.16.0
import { Pool } from 'pg'

export const pool = new Pool({ connectionString: process.env.DATABASE_URL, max: 5, connectionTimeoutMillis: 5000 })
```

```typescript good file=src/db.ts npm=postgres@3.4.7
import postgres from 'postgres'

export const sql = postgres(process.env.DATABASE_URL, { max: 5, connection: { statement_timeout: 10_000 } })
```

## Sources
- https://node-postgres.com/apis/pool
- https://github.com/porsager/postgres#all-postgres-options
- https://knexjs.org/guide/#pool
- https://sequelize.org/docs/v6/other-topics/connection-pool/
- https://typeorm.io/docs/drivers/postgres
- https://github.com/gajus/slonik#api
"""

import re
from collections.abc import Iterator
from itertools import islice

from poolcheck.model.context import Context
from poolcheck.model.problem import Fix, Location, Problem
from poolcheck.model.rule import rule
from poolcheck.model.severity import Severity
from poolcheck.model.source import Site, SourceFile
from poolcheck.rules._source import app_sites
from poolcheck.text import nearest

LONG, ALIKE = 8, 0.9  # letters; likeness from 0 to 1


@rule(SourceFile, severity=Severity.WARNING, step=2)
def check(file: SourceFile, ctx: Context) -> Iterator[Problem]:
    """Only words that the catalogue knows as read elsewhere, where the option that was meant is not set as well."""
    for site in app_sites(file):
        for meant, key in (*_foreign(site), *_misspelt(site)):
            yield Problem(
                message=f"{site.call} does not read the option {key}.",
                why=_why(site, meant),
                at=Location(file.path, site.line_of(key)),
                subject=site.name,
                key=f"{site.kind}:{key}",
                fix=Fix(_title(meant), lines=_lines(site, meant, site.option(key) or "")),
            )


def _foreign(site: Site) -> Iterator[tuple[str, str]]:
    """(what was meant, the first word that stands for it) of other drivers' words."""
    for meant, words in site.made.unread:
        if not _is_set(site, meant):
            found = (key for key in words.split() if site.option(key) not in (None, "null", "undefined"))
            yield from ((meant, key) for key in islice(found, 1))


def _misspelt(site: Site) -> Iterator[tuple[str, str]]:
    """(what was meant, what is written); only long words, and those that differ by a letter or two."""
    known = [*(meant for meant, _ in site.made.unread), *_sizes(site)]
    words = {word for _, some in site.made.unread for word in some.split()}
    for key, _ in site.options:
        if known and len(key) >= LONG and key not in known and key not in words:
            near = nearest(key, known, alike=ALIKE)
            if near and not _is_set(site, near[0]):
                yield near[0], key


def _is_set(site: Site, meant: str) -> bool:
    """Whether the option that was meant is there as well; the size may be any of those that set it."""
    names = _sizes(site) if meant in _sizes(site) else (meant,)
    return any(site.option(name) is not None for name in names)


def _sizes(site: Site) -> tuple[str, ...]:
    return site.made.size_options


def _why(site: Site, meant: str) -> str:
    if meant in _sizes(site):
        return (
            f"It has no effect, and no error says so: the pool of {site.made.title} keeps its default size."
        )
    return f"It has no effect, and no error says so; {site.made.title} calls it {meant}."


def _title(meant: str) -> str:
    """Units differ between drivers: a wait or an age is looked at, a number of connections is not."""
    same = re.search(r"(?i)(?:^|\.)(?:max|min|\w*pool_?size)$", meant) is not None
    return f"Write {meant}" if same else f"Write {meant}, and mind its unit"


def _lines(site: Site, meant: str, value: str) -> tuple[str, ...]:
    if meant not in _sizes(site) or not value.isdigit():
        return ()
    *around, last = meant.split(".")
    line = f"{last}: {value}"
    for name in reversed(around):
        line = f"{name}: {{ {line} }}"
    return (f"{line},",)
