"""Django keeps its connections, and no later request finds them again.

## Why it matters
`CONN_MAX_AGE` keeps a connection for the thread that opened it. Under ASGI (uvicorn, daphne, hypercorn, gunicorn with
UvicornWorker, Channels) each request runs in a thread of its own, and under gevent or eventlet in a greenlet of its own: the
connection is kept, nobody takes it again, and the slots fill up. `CONN_HEALTH_CHECKS` tests a connection that is taken
again, so it does not help.

## What to do
Set `CONN_MAX_AGE` to 0, which is the default. From Django 5.1 on, with psycopg 3, `OPTIONS["pool"]` keeps connections
for all requests of a process; otherwise a pooler beside the server does.

```python bad pypi:django@6.0.1
# file: shop/settings.py
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": os.environ["DB_NAME"],
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
    }
}
# file: Procfile
web: gunicorn shop.asgi:application -k uvicorn.workers.UvicornWorker --workers 4
```

```python bad pypi:django@5.2.1
# file: shop/settings.py
DATABASES = {"default": dj_database_url.config(conn_max_age=int(os.environ.get("DB_AGE", 600)))}
# file: entrypoint.sh
exec daphne -b 0.0.0.0 -p $PORT shop.asgi:application
```

```python good pypi:django@6.0.1
# file: shop/settings.py
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": os.environ["DB_NAME"],
        "OPTIONS": {"pool": {"min_size": 0, "max_size": 4}},
    }
}
# file: Procfile
web: gunicorn shop.asgi:application -k uvicorn.workers.UvicornWorker --workers 4
```

```python good pypi:django@6.0.1
# file: shop/settings.py
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": os.environ["DB_NAME"],
        "CONN_MAX_AGE": 60,
    }
}
# file: Procfile
web: gunicorn shop.wsgi --workers 4 --threads 2
```

## Sources
- https://docs.djangoproject.com/en/5.2/ref/databases/#persistent-connections
- https://code.djangoproject.com/ticket/33497
- https://github.com/benoitc/gunicorn/issues/996
"""

from collections.abc import Iterator

from poolcheck.model.config_file import ConfigFile, ConfigSetting, Gateway
from poolcheck.model.context import Context
from poolcheck.model.problem import Fix, Problem
from poolcheck.model.rule import rule
from poolcheck.model.severity import Confidence, Severity
from poolcheck.model.source import env_value
from poolcheck.rules._configs import strings

_INSTALLED = ("daphne", "channels")


@rule(ConfigFile, severity=Severity.WARNING, step=2)
def check(file: ConfigFile, ctx: Context) -> Iterator[Problem]:
    """By the commands of the project; by Channels and ASGI_APPLICATION where no command is known."""
    if file.tool != "django":
        return
    gateway = _gateway(file)
    apps = "" if file.gateways or "ASGI_APPLICATION" not in file.words else _installed(file)
    if gateway is None and not apps:
        return
    how = f"{gateway.text} ({gateway.location})" if gateway else f"{apps} and ASGI_APPLICATION are set here"
    own = "greenlet" if gateway and gateway.kind == "greenlets" else "thread"
    for alias, setting in _ages(file, ctx).items():
        name = "CONN_MAX_AGE" if "CONN" in setting.before else "conn_max_age"
        words, zero = _words(setting)
        unsaid = (env_value(setting.value) or ("", ""))[1] is None
        if zero or any(each.key.startswith(f"{alias}.OPTIONS.pool") for each in file.settings):
            continue  # PC310 says what Django makes of both
        yield Problem(
            message=f"{alias}: {name} = {words}, and each request has a {own} of its own: {how}.",
            why=f"The connection that a request leaves open is kept for that {own}, and no other request takes it: they pile up"
            + (" for ever." if setting.value == "None" else " until that time is over.")
            + (" CONN_HEALTH_CHECKS does not change that." if file.setting(f"{alias}.CONN_HEALTH_CHECKS") else ""),
            at=setting.location,
            subject=alias,
            key=alias,
            severity=Severity.INFO if unsaid else None,
            confidence=Confidence.HIGH if gateway and not unsaid else Confidence.MEDIUM,
            fix=Fix(_advice(file), lines=(_line(setting),)),
        )  # fmt: skip


def _gateway(file: ConfigFile) -> Gateway | None:
    return next((each for kind in ("asgi", "greenlets") for each in file.gateways if each.kind == kind), None)


def _installed(file: ConfigFile) -> str:
    return next((word for word in _INSTALLED if word in file.words), "")


def _ages(file: ConfigFile, ctx: Context) -> dict[str, ConfigSetting]:
    """The setting of each alias that counts; django-environ reads it in the URL as well."""
    found = {
        setting.key.rpartition(".")[0]: setting
        for setting in file.settings
        if setting.key.count(".") == 1 and setting.key.endswith(".CONN_MAX_AGE")
    }
    if "pypi:django-environ" in file.package.dependencies:
        for url in file.urls:
            for string in strings(url, file, ctx) if url.last == "url" else ():
                age = string.conn.param("conn_max_age")
                if age is not None:
                    found.setdefault(
                        url.group, ConfigSetting(f"{url.group}.conn_max_age", age, string.location)
                    )
    return found  # fmt: skip


def _words(setting: ConfigSetting) -> tuple[str, bool]:
    """The value for people, and whether it switches persistent connections off."""
    told = env_value(setting.value)
    if told is None:
        value = setting.value
        return ("None, for ever" if value == "None" else value), value in ("0", "False")
    variable, usual = told
    return (f"{usual} unless {variable} says otherwise" if usual else f"what {variable} says"), usual == "0"


def _line(setting: ConfigSetting) -> str:
    """What to write in that place: as it is spelled there."""
    return (
        f"{setting.before}0{'' if setting.before.endswith(' = ') else ','}"
        if setting.before
        else "conn_max_age=0"
    )


def _advice(file: ConfigFile) -> str:
    newer = file.version.parts >= (5, 1)
    pool = (
        ' and, with psycopg 3, OPTIONS["pool"] for one pool per process'
        if newer
        else ", and a pooler for what they saved"
    )
    return f"Close connections at the end of a request{pool}"  # fmt: skip
