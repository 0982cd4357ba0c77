"""Django's pool and persistent connections are both on, which Django refuses.

## Why it matters
With `OPTIONS["pool"]` (Django 5.1 and later) a connection goes back to the pool after each request; `CONN_MAX_AGE`
keeps it instead. The first query raises `ImproperlyConfigured: Pooling doesn't support persistent connections.`

## What to do
Keep the pool and set `CONN_MAX_AGE` to 0, which is the default.

```python bad pypi:django@5.2.1
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": os.environ["DB_NAME"],
        "CONN_MAX_AGE": 60,
        "OPTIONS": {"pool": {"min_size": 2, "max_size": 4}},
    }
}
```

```python good pypi:django@5.2.1
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": os.environ["DB_NAME"],
        "OPTIONS": {"pool": {"min_size": 2, "max_size": 4}},
    }
}
```

```python good pypi:django@5.2.1
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": os.environ["DB_NAME"],
        "CONN_MAX_AGE": 60,
    }
}
```

## Sources
- https://docs.djangoproject.com/en/5.2/ref/databases/#connection-pool
- https://github.com/django/django/blob/main/django/db/backends/postgresql/base.py
"""

from collections.abc import Iterator

from poolcheck.model.config_file import ConfigFile
from poolcheck.model.context import Context
from poolcheck.model.problem import Fix, Problem
from poolcheck.model.rule import rule
from poolcheck.model.severity import Severity
from poolcheck.model.source import env_value

_OFF = ("0", "False", "None", "{}", "")


@rule(ConfigFile, severity=Severity.ERROR, step=2)
def check(file: ConfigFile, ctx: Context) -> Iterator[Problem]:
    """Both in the same entry of DATABASES. None means for ever, and is not 0."""
    if file.tool != "django":
        return
    for setting in file.settings:
        alias, _, key = setting.key.partition(".")
        if key != "CONN_MAX_AGE" or setting.value == "0" or env_value(setting.value) is not None:
            continue
        pool = [
            setting for setting in file.settings if f"{setting.key}.".startswith(f"{alias}.OPTIONS.pool.")
        ]
        if pool and not all(each.key == f"{alias}.OPTIONS.pool" and each.value in _OFF for each in pool):
            yield Problem(
                message=f"{alias}: CONN_MAX_AGE = {setting.value} beside OPTIONS['pool'] ({pool[0].location}): Django refuses both.",
                at=setting.location,
                subject=alias,
                key=alias,
                fix=Fix("Keep the pool alone", lines=('"CONN_MAX_AGE": 0,',)),
            )
