"""A program runs more threads than its pool has connections.

## Why it matters
A thread takes a connection when it first needs one and keeps it for its job or request. Where Sidekiq, Solid Queue,
GoodJob, Puma, gunicorn, Celery or Dramatiq run more threads than the pool of their process holds, the others wait: after 5
seconds in Rails (`ActiveRecord::ConnectionTimeoutError`), after 30 in SQLAlchemy (`QueuePool limit ... reached`). The server
has free slots meanwhile. Solid Queue needs two more than its threads, for polling and the heartbeat.

## What to do
Give the pool as many connections as the process has threads, or run fewer threads; then see whether all processes together
still fit the server (`poolcheck map`).

```yaml bad gem:rails@7.1.0 gem:pg@1.5.0 gem:sidekiq@7.2.0
# file: Procfile
worker: bundle exec sidekiq -C config/sidekiq.yml
# file: config/sidekiq.yml
:concurrency: 20
# file: config/database.yml
production:
  adapter: postgresql
  pool: 5
  url: <%= ENV["DATABASE_URL"] %>
# file: .env.production
DATABASE_URL=postgresql://app:s3cret@pg.acme.dev/app
```

```python bad pypi:sqlalchemy@2.0.41 pypi:psycopg2@2.9.10 pypi:dramatiq@1.17.0
# file: Procfile
worker: dramatiq app.tasks --threads 32
# file: app/db.py
import os
from sqlalchemy import create_engine
engine = create_engine(os.environ["DATABASE_URL"], pool_size=5, max_overflow=0)
```

```yaml good gem:rails@7.1.0 gem:pg@1.5.0 gem:sidekiq@7.2.0
# file: Procfile
worker: bundle exec sidekiq -c 10
# file: config/database.yml
production:
  adapter: postgresql
  pool: 10
  url: <%= ENV["DATABASE_URL"] %>
# file: .env.production
DATABASE_URL=postgresql://app:s3cret@pg.acme.dev/app
```

## Sources
- https://github.com/sidekiq/sidekiq/wiki/Advanced-Options#concurrency
- https://github.com/rails/solid_queue#threads-processes-and-signals
- https://docs.sqlalchemy.org/en/20/core/pooling.html#api-documentation-available-pool-implementations
"""

import re
from collections.abc import Iterator

from poolcheck.model.amount import Amount
from poolcheck.model.connection_map import Client, Pool
from poolcheck.model.context import Context
from poolcheck.model.problem import Fix, Problem
from poolcheck.model.rule import rule
from poolcheck.model.severity import Severity

OWN = ("django", "dj-database-url")  # without a pool each thread has its own connection
_MAYBE = r"and up to (\d+) of its own"


@rule(Client, severity=Severity.WARNING, step=2)
def check(client: Client, ctx: Context) -> Iterator[Problem]:
    """Both numbers must be known: a pool that may be larger is not judged, nor how many requests a platform sends."""
    threads = client.threads
    if threads is None or client.once or client.runtime in ("serverless", "edge"):
        return
    for pool in client.pools:
        size = pool.size
        if size is None or size.open or not 0 < size.most < threads.most or pool.driver in OWN:
            continue
        maybe = re.search(_MAYBE, threads.words)
        certain = threads.most - (int(maybe[1]) if maybe else 0)
        yield Problem(
            message=f"{client.name} runs {threads.most} threads in a process ({_place(threads)}) over a pool of {size.most} ({_size(pool, size)}).",
            why=f"Each thread keeps a connection while it works: {threads.most - size.most} of them wait for one, and fail when that takes too long.",
            severity=None if certain > size.most else Severity.INFO,
            at=next((each.where for each in size.leaves if each.where), pool.place) or client.place,
            subject=client.name,
            key=f"{pool.variable}:{pool.title}",
            fix=Fix(
                f"As many connections as threads, {threads.most}; or {size.most} threads",
                lines=(pool.code.replace("{size}", str(threads.most)),) if pool.code else (),
            ),
        )  # fmt: skip


def _place(amount: Amount) -> str:
    return f"{amount.words}, {amount.where}" if amount.where else amount.words


def _size(pool: Pool, size: Amount) -> str:
    """`pool: 5, config/database.yml:3`; what it was made from."""
    said = "; ".join(_place(each) for each in size.leaves if each.most)
    return said or pool.title
