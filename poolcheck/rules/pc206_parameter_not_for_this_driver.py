"""A parameter that this driver and version ignores, rejects, or passes to the server.

## Why it matters
The same word means a pool size to one driver, nothing to the next, and a refused connection to a third: node-postgres
ignores `connection_limit`, psycopg stops at it, postgres.js sends it to the server, which refuses it.

## What to do
Write the setting where this driver reads it; the report names the place.

```dotenv bad server pg@8.23.1
DATABASE_URL=postgresql://app:s3cret@pg.acme.dev:5432/app?connection_limit=5
```

```dotenv bad server psycopg@3.3.9
DATABASE_URL=postgresql://app:s3cret@pg.acme.dev:5432/app?pgbouncer=true
```

```dotenv good server prisma@6.19.3
DATABASE_URL=postgresql://app:s3cret@pg.acme.dev:5432/app?connection_limit=5
```

## Sources
- https://node-postgres.com/apis/pool
- https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS
"""

from collections.abc import Iterator

from poolcheck.connection.string import Param
from poolcheck.model.context import Context
from poolcheck.model.problem import Fix, Problem
from poolcheck.model.rule import rule
from poolcheck.model.severity import Severity
from poolcheck.model.target import Target
from poolcheck.model.url_readers import Reader, readers
from poolcheck.rules._common import at, misspelt, rewrite, without_parameter


@rule(Target, severity=Severity.WARNING, step=2)
def check(target: Target, ctx: Context) -> Iterator[Problem]:
    """Reported only when no driver that reads this string makes use of the parameter."""
    if target.commented or not target.active or target.role == "shadow":
        return
    who = [reader for reader in readers(target, ctx) if reader.own]
    if not who:
        return
    for param in target.conn.params:
        verdicts = [verdict(reader, param.name, ctx) for reader in who]
        if any(each is None for each in verdicts) or misspelt(param.name, ctx):
            continue
        if target.role == "migration" and any(reader.use.id.startswith("prisma") for reader in who):
            continue  # the schema engine reads its own list, whatever the client does
        if param.name == "pgbouncer" and verdicts[0] and verdicts[0][0] == "ignores":
            continue  # PC202 says more about it
        if param.name == "channel_binding" and target.match.provider and target.match.provider.id == "neon":
            continue  # Neon writes it into every string it shows, and whether its proxy passes it on is not known
        word, why = verdicts[0] or ("", "")
        if (param.name, param.value, word) == ("schema", "public", "ignores"):
            continue  # it is the schema that everybody has without it
        code = who[0].own.size_code if who[0].own and param.name in SIZES else ""
        title = f"Remove {param.name} from the URL" + (" and set the size in code" if code else "")
        more = (code.replace("{size}", param.value),) if code else ()
        yield Problem(
            message=f"{target.label}: {who[0].title} {word} the parameter {param.name}.",
            why=why,
            severity=Severity.ERROR if word == "refuses" else None,
            at=at(target, param.span),
            key=param.name,
            fix=_renamed(target, param, who[0])
            or without_parameter(
                target,
                title,
                param.name,
                more=more,
                safe=word == "refuses" and not param.name.startswith("ssl"),
            ),
            sources=(who[0].own.source,) if who[0].own else (),
        )


def _renamed(target: Target, param: Param, who: Reader) -> Fix | None:
    """SQLAlchemy's asyncpg dialect knows libpq's sslmode as `ssl`, with the same values."""
    if param.name != "sslmode" or param.value not in SSL_WORDS or not who.own:
        return None
    if not any(param.name == "ssl" and set(param.values) == SSL_WORDS for param in who.own.params):
        return None
    start = param.span.start
    new = target.conn.raw[:start] + "ssl" + target.conn.raw[start + len("sslmode") :]
    return rewrite(target, f"Write ssl={param.value}", new, safe=True)


SSL_WORDS = frozenset("disable allow prefer require verify-ca verify-full".split())
SIZES = frozenset({"connection_limit", "pool_size", "max", "pool_max_conns", "maxsize", "pool"})


def verdict(who: Reader, name: str, ctx: Context) -> tuple[str, str] | None:
    """What this driver does with the parameter, and what that means; None when it is used, harmless or not known."""
    if who.own is None:
        return None
    fate = who.own.fate(name, who.url if who.url is not who.own else None)
    own_words = {**dict(who.url.ignored if who.url else ()), **dict(who.own.ignored)}
    refused = {**dict(who.url.rejected if who.url else ()), **dict(who.own.rejected)}
    if fate == "rejected":
        text = refused.get(name) or (who.own.unknown_text or "").replace("{name}", name)
        return "refuses", f"The connection fails: {text}" if text else "The connection fails."
    if fate == "ignored" and name in own_words:
        return "ignores", f"Here it has no effect: {own_words[name]}."
    if fate in ("server-setting", "keyword") and name in ctx.catalogue.parameter_names() and name not in GUCS:
        return (
            "refuses",
            f"It is passed on as a setting: {(who.own.unknown_text or '').replace('{name}', name)}",
        )
    return None


# Parameters of PostgreSQL itself that URLs carry: to pass them on is what their author wants.
GUCS = frozenset(
    """application_name client_encoding datestyle timezone search_path statement_timeout lock_timeout extra_float_digits
    idle_in_transaction_session_timeout idle_session_timeout default_transaction_read_only default_transaction_isolation
    work_mem geqo jit role options""".split()
)
