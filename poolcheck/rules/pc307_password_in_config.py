"""A password stands in a config file that is kept with the code.

## Why it matters
Whoever reads the repository can connect, from its whole history; and every environment uses the same server,
whatever its env file says. Strings of developers' own machines are left alone.

## What to do
Change the password at the server, and read the string from the environment.

```prisma bad npm:prisma@6.19.3
datasource db {
  provider = "postgresql"
  url      = "postgresql://app:s3cret@ep-cool-darkness-a1b2c3d4.us-east-2.aws.neon.tech/app"
}
```

```prisma good npm:prisma@6.19.3
datasource db {
  provider = "postgresql"
  url      = env("DATABASE_URL")
}
```

```prisma good npm:prisma@6.19.3
datasource db {
  provider = "postgresql"
  url      = "postgresql://postgres:postgres@localhost:5432/app"
}
```

## Sources
- https://www.prisma.io/docs/orm/reference/prisma-schema-reference
- https://12factor.net/config
"""

from collections.abc import Iterator

from poolcheck.connection.parse import from_parts
from poolcheck.connection.placeholder import placeholder_kind
from poolcheck.model.config_file import ConfigFile, ConfigUrl
from poolcheck.model.context import Context
from poolcheck.model.problem import Fix, Problem
from poolcheck.model.rule import rule
from poolcheck.model.severity import Severity


@rule(ConfigFile, severity=Severity.ERROR, step=0)
def check(file: ConfigFile, ctx: Context) -> Iterator[Problem]:
    """Whole strings, and the parts of one connection. Local servers and placeholders are left out."""
    for url in file.urls:
        conn = url.conn
        if conn is not None:
            if not conn.password or conn.has_placeholder or not conn.host or ctx.catalogue.match(conn).local:
                continue
            host = conn.host
        elif url.last == "password" and url.literal:
            text = url.literal.reveal()
            host = _remote_host(url, file, ctx)
            if not host or not text.strip() or placeholder_kind(text, "password") is not None:
                continue
        else:
            continue
        yield Problem(
            message=f"{url.key} holds the password of {host}.",
            why="As a stand-in for a variable it is used wherever that is not set." if url.variables else "",
            at=url.location,
            subject=url.key,
            key=url.key,
            fix=Fix("Change the password, and read the string from the environment", lines=_line(file)),
        )


def _remote_host(password: ConfigUrl, file: ConfigFile, ctx: Context) -> str:
    """The host beside a password, when it is written out and not on this machine or in its network."""
    for url in file.urls:
        if url.group == password.group and url.last == "host" and url.literal and not url.variables:
            host = url.literal.reveal()
            found = ctx.catalogue.match(from_parts(host=host, port="5432", user="x", database="x"))
            if "." in host and not found.local and placeholder_kind(host, "host") is None:
                return host
    return ""


def _line(file: ConfigFile) -> tuple[str, ...]:
    if file.kind == "schema":
        return ('url = env("DATABASE_URL")',)
    if file.kind == "config" or file.tool == "typeorm":
        return ("url: process.env.DATABASE_URL",)
    return {
        "django": ('"PASSWORD": os.environ["DB_PASSWORD"],',),
        "activerecord": ('url: <%= ENV["DATABASE_URL"] %>',),
        "hikaricp": ("password: ${DB_PASSWORD}",),
        "laravel": ("'password' => env('DB_PASSWORD'),",),
    }.get(file.tool, ())
