"""A pool with fewer connections than the process has threads, where each thread that works keeps one.

## Why it matters
Active Record gives a thread a connection of its own for as long as it works. With 20 threads of Sidekiq and a pool of 5, fifteen
wait, and after `checkout_timeout` (5 s) they fail with `ActiveRecord::ConnectionTimeoutError: could not obtain a connection from
the pool`, while the server has slots to spare. It shows under load only: an idle process never needs them all.

## What to do
Give the pool as many connections as the process has threads, by one variable for both, and see that all processes together still
fit the server's slots (PC601); or run fewer threads.

```yaml bad gem:rails@7.1.0 gem:pg@1.5.9
# file: Procfile
worker: bundle exec sidekiq -C config/sidekiq.yml
# file: config/sidekiq.yml
:concurrency: 20
# file: config/database.yml
production:
  adapter: postgresql
  url: <%= ENV["DATABASE_URL"] %>
  pool: 5
```

```yaml good gem:rails@7.1.0 gem:pg@1.5.9
# file: Procfile
worker: bundle exec sidekiq -C config/sidekiq.yml
# file: config/sidekiq.yml
:concurrency: 20
# file: config/database.yml
production:
  adapter: postgresql
  url: <%= ENV["DATABASE_URL"] %>
  pool: 20
```

## Sources
- https://guides.rubyonrails.org/configuring.html#database-pooling
- https://github.com/sidekiq/sidekiq/wiki/Advanced-Options#concurrency
"""

from collections.abc import Iterator

from poolcheck.model.connection_map import Client
from poolcheck.model.context import Context
from poolcheck.model.problem import Fix, Problem
from poolcheck.model.rule import rule
from poolcheck.model.severity import Severity


@rule(Client, severity=Severity.WARNING, step=2)
def check(client: Client, ctx: Context) -> Iterator[Problem]:
    """Only where both numbers are known, and the driver keeps a connection for each thread."""
    threads = client.threads
    if threads is None or threads.open:
        return
    for pool in client.pools:
        known = ctx.catalogue.driver(pool.driver)
        size = pool.size
        if known is None or not known.per_thread or size is None or size.open or size.most >= threads.low:
            continue
        yield Problem(
            message=f"{client.name} has {threads.low} threads in a process and a pool of {size.most} connections: {threads.low - size.most} wait when all work.",
            why=f"{threads.words}{f' ({threads.where})' if threads.where else ''}; {size.words}{f' ({size.where})' if size.where else ''}. "
            f"{known.title} keeps a connection for each thread that works.",
            at=next((each.where for each in size.leaves if each.where), pool.place),
            subject=pool.variable or client.name,
            key=f"{client.name}:{pool.variable}",
            fix=Fix(
                f"Give the pool {threads.low} connections, as many as there are threads",
                lines=(pool.code.replace("{size}", str(threads.low)),) if pool.code else (),
            ),
        )  # fmt: skip
