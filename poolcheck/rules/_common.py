"""What several rules need: the place of a value in its line, words for the runtime, neighbours of a target."""

import re
from collections.abc import Iterable

from poolcheck.catalogue.conversions import Converted, convert
from poolcheck.connection.edit import changes, with_param, without_param
from poolcheck.connection.libpq import KEYWORDS
from poolcheck.connection.parse import parse
from poolcheck.connection.placeholder import placeholder_kind
from poolcheck.connection.secret import Secret, mask_elsewhere, redact
from poolcheck.connection.string import ConnectionString, Span
from poolcheck.model.context import Context
from poolcheck.model.facts import OWN, Endpoint
from poolcheck.model.problem import Edit, Fix, Location
from poolcheck.model.project import Runtime
from poolcheck.model.severity import Severity
from poolcheck.model.target import Target
from poolcheck.text import nearest

# What stands in a plain or quoted text of YAML, TOML and JSON as it is.
_PLAIN = re.compile(r"[\w:/@.?&=%~+*!-]+", re.ASCII)


def at(target: Target, span: Span | None) -> Location:
    """The place of a part of the connection string in its file."""
    if span is None or target.value_column is None or target.location.line is None:
        return target.location
    start = target.value_column + 1
    return Location(target.location.path, target.location.line, start + span.start, start + span.end)


def replace_value(target: Target, new: str) -> tuple[Edit, ...]:
    """The edits that make another connection string of this one; none where the place is not known.

    They leave secrets where they are; where one changes itself, the whole value is replaced.
    A value whose text is not what the parser saw (escapes, interpolation) is left to the user.
    """
    if target.value_column is None or target.location.line is None or target.raw != target.conn.raw:
        return ()
    if target.origin == "deployment" and _PLAIN.fullmatch(new) is None:
        return ()  # what its file would make of any other character depends on its quotes
    made, quote = parse(new), '"' if shell_would_split(target, new) else ""
    small = None if target.conn.unclear else changes(target.conn, made)
    if small is None:
        parts = [(0, len(target.raw), new, mask(target, new))]
    else:
        parts = [(start, end, text, _masked(target, made, text)) for start, end, text in small]
    if quote:
        parts = [(0, 0, quote, quote), *parts, (len(target.raw), len(target.raw), quote, quote)]
    path, line, first = target.location.path, target.location.line, target.value_column
    return tuple(
        Edit(path, line, first + start, first + end, target.raw[start:end], text, shown)
        for start, end, text, shown in parts
    )


def shell_would_split(target: Target, new: str) -> bool:
    """Whether a file that a shell reads needs quotes now: `&` came into a value that has none, and `export` is there."""
    special = re.compile(r"[&;()<>|*]")
    return (
        target.export
        and not target.quote
        and not special.search(target.raw)
        and special.search(new) is not None
        and re.search(r"[\"'\\$`\s#]", new) is None
    )


def quote_value(target: Target) -> Fix | None:
    """The fix that puts a value into double quotes, where those change nothing inside it."""
    if target.quote or not target.raw or target.value_column is None or target.location.line is None:
        return None
    if re.search(r"[\"'\\$`]", target.raw):
        return None
    edits = tuple(
        Edit(target.location.path, target.location.line, at, at, "", '"', '"')
        for at in (target.value_column, target.value_column + len(target.raw))
    )
    shown = mask(target, target.raw)
    return Fix("Put the value into double quotes", edits=edits, lines=(f'{target.name}="{shown}"',))


def direct_name(target: Target) -> str:
    """The variable for a direct string: the one that the migration tool reads already, else DIRECT_URL."""
    read = (read.variable for read in target.package.reads if read.role == "migration")
    return next((name for name in read if name != target.name), "DIRECT_URL")


def mask(target: Target, new: str) -> str:
    """A string made from the target's, to be shown: the parser knows where the secrets of the new one stand.

    Where a fix has moved the border of a broken password, the old password's text is looked for as well.
    """
    if target.conn.unclear:  # an edit may cut a secret in two
        return redact(target.conn.masked())
    made = parse(new)
    return _masked(target, made, made.masked())


def _masked(target: Target, made: ConnectionString, text: str) -> str:
    return redact(mask_elsewhere(text, target.conn.password, made.password))


def assignment(target: Target, new: str) -> str:
    """`NAME="..."` with the password masked, or as its own file writes it: the line to write."""
    shown, start = mask(target, new), target.value_column
    if target.origin == "deployment" and start is not None:
        return f"{target.line_text[:start]}{shown}{target.line_text[start + len(target.raw) :]}".strip()
    return f'{target.name}="{shown}"' if target.origin == "env" else shown


def runtime_words(target: Target) -> str:
    """Why instances are taken to come and go with traffic, in half a sentence."""
    runtime = target.package.runtime
    if runtime.kind == "unknown":
        return "No platform file says where this runs, so it is taken as serverless"
    return platform_words(runtime)


def runtime_severity(target: Target) -> Severity | None:
    """A warning where nothing but an unknown runtime makes an error, in a project that could have said it."""
    package = target.package
    return Severity.WARNING if package.runtime.kind == "unknown" and package.manifests else None


def platform_words(runtime: Runtime) -> str:
    """`This runs on Vercel (vercel.json)`."""
    place = {"aws-lambda": "AWS Lambda"}.get(
        runtime.platform, runtime.platform.replace("-", " ").title()
    ) or runtime.kind
    return f"This runs on {place} ({runtime.source})" if runtime.source else f"This runs on {place}"


def direct_twin(target: Target, ctx: Context) -> Target | None:
    """The migration URL that goes with an app URL: same file first, then same package."""
    same_file = ctx.groups(_migrations_of_file).get(target.location.path, ())
    same_package = ctx.groups(_migrations_of_package).get(target.package.path, ())
    return next((each for group in (same_file, same_package) for each in group if each is not target), None)


def _migrations_of_file(target: Target) -> str | None:
    own = target.origin != "deployment"  # such a file has many clients
    return target.location.path if own and target.role == "migration" and not target.commented else None


def _migrations_of_package(target: Target) -> str | None:
    known = target.package.manifests or target.origin != "deployment"
    return target.package.path if known and target.role == "migration" and not target.commented else None


def endpoint_of_kind(target: Target, kind: str) -> Endpoint | None:
    """The provider's first endpoint of that kind."""
    provider = target.match.provider
    return (
        next((endpoint for endpoint in provider.endpoints if endpoint.kind == kind), None)
        if provider
        else None
    )


def transaction_pooler(target: Target) -> Endpoint | None:
    """The endpoint, when it is known to be a pooler in transaction mode."""
    endpoint = target.match.endpoint
    return endpoint if endpoint and endpoint.kind == "pooled" and endpoint.mode == "transaction" else None


def rewrite(target: Target, title: str, new: str, *, safe: bool = False, more: tuple[str, ...] = ()) -> Fix:
    """The fix that puts another connection string in the place of this one. `more` are lines to write besides.

    Only its title where nobody can tell where the password ends: any line would be a guess.
    """
    if target.conn.unclear:
        return Fix(title)
    return Fix(
        title,
        safe=safe,
        edits=replace_value(target, new),
        lines=(assignment(target, new), *more),
        value=Secret(new),
    )


def with_parameter(target: Target, title: str, name: str, value: str, *, safe: bool = False) -> Fix:
    """The fix that sets a query parameter."""
    return rewrite(target, title, with_param(target.conn, name, value), safe=safe)


def without_parameter(
    target: Target, title: str, name: str, *, safe: bool = False, more: tuple[str, ...] = ()
) -> Fix:
    """The fix that takes a query parameter out."""
    return rewrite(target, title, without_param(target.conn, name), safe=safe, more=more)


def pooled_fix(target: Target, *, keep_direct: bool) -> Fix | None:
    """How to get the provider's transaction-mode string: derived where that is certain, told where it is not.

    With `keep_direct` the old string moves into DIRECT_URL, on a line of its own: migrations still need it.
    """
    provider = target.match.provider
    if provider is None:
        return None
    ends = [
        endpoint
        for endpoint in provider.endpoints
        if endpoint.kind == "pooled" and endpoint.mode != "session"
    ]
    made = first_conversion(
        target, [end.id for end in sorted(ends, key=lambda each: each.mode != "transaction")]
    )
    if made is None:
        return Fix(provider.pooler) if provider.pooler else None
    if made.conn is None:
        return Fix(made.cannot, lines=made.conversion.steps)
    new = made.conn.raw
    lines = [assignment(target, new)]
    edits = replace_value(target, new)
    if keep_direct and target.origin == "env":
        lines.append(f'{direct_name(target)}="{target.conn.masked()}"')
        edits = (*edits, *add_line(target, direct_name(target), target.raw)) if edits else ()
    elif keep_direct and target.origin == "deployment":
        edits = ()  # the direct string would be gone
    title = f"Use {provider.title}'s pooled endpoint" + (
        ", and keep the direct one for migrations" if keep_direct else ""
    )
    if made.conversion.condition:
        title += f" ({made.conversion.condition})"
    return Fix(title, edits=edits, lines=tuple(lines), value=Secret(new))


def first_conversion(target: Target, ends: Iterable[str]) -> Converted | None:
    """The first of these endpoints that this string can be turned into, else the first that tells why not."""
    provider, endpoint = target.match.provider, target.match.endpoint
    if provider is None or endpoint is None:
        return None
    made = [each for end in ends if (each := convert(provider, target.conn, endpoint.id, end))]
    return next((each for each in made if each.conn), made[0] if made else None)


def keeping_sessions(target: Target) -> Converted | None:
    """The string that migrations can use: the direct one, or a session-mode pooler's where that one alone is certain.

    A direct host that answers only under a condition (Supabase's wants IPv6) stands behind one that has none.
    """
    provider, endpoint = target.match.provider, target.match.endpoint
    if provider is None or endpoint is None:
        return None
    direct = [endpoint.id for endpoint in provider.endpoints if endpoint.kind == "direct"]
    session = [
        endpoint.id
        for endpoint in provider.endpoints
        if endpoint.kind == "pooled" and endpoint.mode == "session"
    ]
    made = [each for end in (*direct, *session) if (each := convert(provider, target.conn, endpoint.id, end))]
    certain = [each for each in made if each.conn and not each.conversion.condition]
    return next(iter([*certain, *(each for each in made if each.conn), *made]), None)


def _if(made: Converted) -> str:
    """What must hold at the provider, behind a title."""
    return f" ({made.conversion.condition})" if made.conversion.condition else ""


def migration_fix(target: Target) -> Fix:
    """The direct string (or a session-mode one) for a migration variable."""
    made = keeping_sessions(target)
    if made and made.conn:
        new = strip_pooler_words(made.conn.raw)
        return rewrite(target, f"Use the endpoint that keeps sessions{_if(made)}", new)
    return Fix(made.cannot, lines=made.conversion.steps) if made else Fix(f"Use {_direct_words(target)}")


def _direct_words(target: Target) -> str:
    """`the direct string, with db:5432`, the server behind a pooler of the project, where it is known."""
    endpoint = target.match.endpoint
    behind = endpoint.note if endpoint is not None and endpoint.id == OWN else ""
    return f"the direct string, with {behind}" if behind else "the direct string"


def direct_addition(target: Target) -> Fix:
    """A DIRECT_URL beside a pooled app URL."""
    made = keeping_sessions(target)
    if made and made.conn:
        new = strip_pooler_words(made.conn.raw)
        return Fix(
            f"Add a direct URL and let the migration tool read it{_if(made)}",
            safe=True,
            edits=add_line(target, direct_name(target), new),
            lines=(f'{direct_name(target)}="{mask(target, new)}"',),
        )
    title = f"Add {direct_name(target)}, {_direct_words(target)}, and let the migration tool read it"
    return Fix(f"{title}. {made.cannot}", lines=made.conversion.steps) if made else Fix(title)


def strip_pooler_words(raw: str) -> str:
    """A direct string has no use for the parameters that are about poolers and pools."""
    conn = parse(raw)
    for name in ("pgbouncer", "connection_limit", "pool_timeout", "statement_cache_size"):
        if conn.param(name) is not None:
            conn = parse(without_param(conn, name))
    return conn.raw


def add_line(target: Target, name: str, value: str) -> tuple[Edit, ...]:
    """An edit that writes `name` on a line of its own below the target's, with the same quotes."""
    if (
        target.value_column is None
        or target.location.line is None
        or target.raw != target.conn.raw
        or not target.line_text
        or target.origin == "deployment"  # its line is not NAME=value
    ):
        return ()
    end = len(target.line_text)
    prefix = "export " if target.export else ""
    new = f"\n{prefix}{name}={target.quote}{value}{target.quote}"
    shown = f"\n{prefix}{name}={target.quote}{mask(target, value)}{target.quote}"
    return (Edit(target.location.path, target.location.line, end, end, "", new, shown),)


def misspelt(name: str, ctx: Context) -> str | None:
    """The known parameter that an unknown one is near to, or None."""
    if name in KEYWORDS or len(name) < 5:
        return None
    known = ctx.catalogue.parameter_names()
    if name in known:
        return None
    folded = {each.lower(): each for each in known}
    if name.lower() in folded:
        return None  # another spelling of case: for Npgsql and pgJDBC case has its own rules
    near = nearest(name.lower(), folded, alike=0.85)  # among hundreds of names some are alike by chance
    return folded[near[0]] if near and abs(len(near[0]) - len(name)) <= 2 else None


def has_parameter(target: Target, name: str, ctx: Context) -> bool:
    """Whether the string sets the parameter, or one that PC205 corrects to it: another beside it would set it twice."""
    return any(name in (each.name, misspelt(each.name, ctx)) for each in target.conn.params)


def interpolated(target: Target, field: str) -> bool:
    """Whether a placeholder is one that the loader or a template fills: `${VAR}`, `{{ x }}`, `%VAR%`."""
    span = target.conn.span(field.removeprefix("param:")) if not field.startswith("param:") else None
    text = target.conn.raw if field == "all" else target.conn.raw[span.start : span.end] if span else ""
    if field.startswith("param:"):
        text = target.conn.param(field.removeprefix("param:")) or ""
    return placeholder_kind(text, field) in ("dollar", "template", "percent")
