"""TLS is switched off towards a public host.

## Why it matters
The password and every row cross the internet in clear. Most providers refuse such a connection anyway, and the
error does not say why.

## What to do
Write `sslmode=require` at least; `verify-full` with the provider's root certificate where the driver can.

```dotenv bad
DATABASE_URL=postgresql://app:s3cret@ep-cool-darkness-a1b2c3d4-pooler.us-east-2.aws.neon.tech/app?sslmode=disable
```

```dotenv good
DATABASE_URL=postgresql://app:s3cret@ep-cool-darkness-a1b2c3d4-pooler.us-east-2.aws.neon.tech/app?sslmode=require
```

```dotenv good
DATABASE_URL=postgresql://app:s3cret@localhost:5432/app?sslmode=disable
```

## Sources
- https://www.postgresql.org/docs/current/libpq-ssl.html
- https://neon.com/faqs/find-database-url-neon
"""

from collections.abc import Iterator

from poolcheck.model.context import Context
from poolcheck.model.problem import Fix, Problem
from poolcheck.model.rule import rule
from poolcheck.model.severity import Severity
from poolcheck.model.target import Target
from poolcheck.rules._common import at, with_parameter

OFF = {("sslmode", "disable"), ("ssl", "false"), ("ssl", "0"), ("sslmode", "allow")}


@rule(Target, severity=Severity.WARNING, step=0)
def check(target: Target, ctx: Context) -> Iterator[Problem]:
    """A parameter that switches TLS off, and a host that is not on this machine or a private network."""
    if target.commented or not target.active or target.match.local or not _public(target):
        return
    for param in target.conn.params:
        if (param.name.lower(), param.value.lower()) in OFF:
            title = "Ask for TLS"
            yield Problem(
                message=f"{target.label}: {param.name}={param.value} sends the password and every row in clear.",
                why=f"{target.conn.shown(target.conn.host)} is reached over the public internet.",
                at=at(target, param.span),
                fix=with_parameter(target, title, "sslmode", "require")
                if param.name == "sslmode"
                else Fix(title),
            )
            return


def _public(target: Target) -> bool:
    """A known public endpoint, or a full domain name; never a placeholder."""
    if "host" in target.conn.placeholders or not target.conn.host:
        return False
    if target.match.endpoint is not None:
        return target.match.endpoint.public
    return (
        target.match.provider is None
        and "." in target.conn.host
        and not target.conn.host.replace(".", "").isdigit()
    )
