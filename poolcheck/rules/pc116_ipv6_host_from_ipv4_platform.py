"""The host has only an IPv6 address, and the platform connects over IPv4 alone.

## Why it matters
The name does not resolve there (ENOTFOUND), or the connection times out: no query gets through, however good the string looks.
Supabase's direct host has no IPv4 address without the project's add-on, and its dedicated pooler stands on the same host. Vercel
and Render have no IPv6.

## What to do
Use the shared pooler's host, which answers over IPv4, or switch the project's IPv4 add-on on; then
`# poolcheck: ignore[PC116]` says so.

```json bad
// file: vercel.json
{}
// file: .env
DATABASE_URL=postgresql://postgres:s3cret@db.abcdefghijklmnopqrst.supabase.co:6543/postgres
```

```json good
// file: vercel.json
{}
// file: .env
DATABASE_URL=postgresql://postgres.abcdefghijklmnopqrst:s3cret@aws-0-eu-central-1.pooler.supabase.com:6543/postgres
```

```json good
// file: fly.toml
app = "shop"
// file: .env
DATABASE_URL=postgresql://postgres:s3cret@db.abcdefghijklmnopqrst.supabase.co:6543/postgres
```

## Sources
- https://supabase.com/docs/guides/troubleshooting/supabase--your-network-ipv4-and-ipv6-compatibility-cHe3BP
- https://supabase.com/docs/guides/platform/ipv4-address
"""

from collections.abc import Iterator

from poolcheck.model.context import Context
from poolcheck.model.problem import Fix, Problem
from poolcheck.model.rule import rule
from poolcheck.model.severity import Confidence, Severity
from poolcheck.model.target import Target, app_traffic
from poolcheck.rules._common import at, first_conversion, platform_words

IPV4_ONLY = ("vercel", "render")  # the first source names them


@rule(Target, severity=Severity.WARNING, step=1)
def check(target: Target, ctx: Context) -> Iterator[Problem]:
    """Only where a file names the platform, and no other rule sends the string to the pooler already."""
    endpoint, runtime = target.match.endpoint, target.package.runtime
    if (
        not app_traffic(target)
        or endpoint is None
        or not endpoint.ipv6_only
        or runtime.platform not in IPV4_ONLY
    ):
        return
    if endpoint.kind == "direct" and runtime.short_lived:
        return  # PC101
    ends = target.match.provider.endpoints if target.match.provider else ()
    made = first_conversion(
        target, [each.id for each in ends if each.kind == "pooled" and not each.ipv6_only]
    )
    steps = made.conversion.steps if made is not None else ()
    yield Problem(
        message=f"{target.label}: {target.conn.shown(target.conn.host)} has only an IPv6 address, and the platform has none.",
        why=f"{platform_words(runtime)}, which connects over IPv4; not so if the project has the IPv4 add-on.",
        confidence=Confidence.MEDIUM,
        at=at(target, target.conn.span("host")),
        fix=Fix("Use the shared pooler's host, or switch the IPv4 add-on on", lines=steps),
        sources=(endpoint.source,),
    )
