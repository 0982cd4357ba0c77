"""The config file and the URL name different pool sizes, and the URL wins.

## Why it matters
Rails merges `DATABASE_URL` over config/database.yml. Whoever changes the number in the file changes nothing, and the
sums that were made with it are wrong.

## What to do
Keep one of the two; the URL's for a setting that differs between environments.

```yaml bad gem:rails@8.0.2
# file: config/database.yml
production:
  adapter: postgresql
  url: <%= ENV["DATABASE_URL"] %>
  pool: 5
# file: .env.production
DATABASE_URL=postgresql://app:s3cret@pg.acme.dev:5432/app?pool=25&sslmode=require
```

```yaml good gem:rails@8.0.2
# file: config/database.yml
production:
  adapter: postgresql
  url: <%= ENV["DATABASE_URL"] %>
  pool: 5
# file: .env.production
DATABASE_URL=postgresql://app:s3cret@pg.acme.dev:5432/app?sslmode=require
```

## Sources
- https://guides.rubyonrails.org/configuring.html#connection-preference
"""

from collections.abc import Iterator

from poolcheck.model.config_file import ConfigFile
from poolcheck.model.context import Context
from poolcheck.model.problem import Fix, Problem
from poolcheck.model.rule import rule
from poolcheck.model.severity import Severity
from poolcheck.model.target import app_traffic

_SIZES = ("pool", "max_connections")


@rule(ConfigFile, severity=Severity.WARNING, step=2)
def check(file: ConfigFile, ctx: Context) -> Iterator[Problem]:
    """Rails alone: other frameworks do not read a size from both."""
    if file.tool != "activerecord":
        return
    settings = [
        setting for setting in file.settings if setting.key in {f"production.{size}" for size in _SIZES}
    ]
    for setting in settings[:1]:
        for target in ctx.targets:
            said = next((value for size in _SIZES if (value := target.conn.param(size))), None)
            if (
                target.name != "DATABASE_URL"
                or not app_traffic(target)
                or said is None
                or target.example_file
            ):
                continue
            if said.isdigit() and setting.value.isdigit() and said != setting.value:
                yield Problem(
                    message=f"{setting.key} is {setting.value} here and {said} in {target.name} ({target.location}): {said} holds.",
                    at=setting.location,
                    subject=setting.key,
                    fix=Fix(f"Take the size out of the URL, or write {said} here"),
                )
