"""Where JavaScript makes clients and pools for PostgreSQL, with the options that are written out."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from tree_sitter import Node

from poolcheck.model.facts import Maker
from poolcheck.model.makers import Makers
from poolcheck.model.source import MIDDLEWARE, UNSAID, Closed, Site
from poolcheck.readers import session_state
from poolcheck.readers.javascript.checkouts import _place
from poolcheck.readers.javascript.options import Values
from poolcheck.readers.javascript.scope import place, reached_as
from poolcheck.readers.javascript.tree import (
    AROUND,
    CLASSES,
    FUNCTIONS,
    Module,
    arguments,
    bare,
    function_around,
    parameters,
    string,
    up,
)
from poolcheck.readers.syntax import Placed, field, text, within
from poolcheck.readers.written_options import Options, WrittenOption, is_variable, put

_DIALECT = re.compile(
    r"""(?:client|type|dialect)\s*:\s*['"](?:pg|pg-native|postgres|postgresql|cockroachdb)['"]|postgres(?:ql)?://"""
)
# process.env.X, import.meta.env.X, Bun.env.X; of Workers env.X, c.env.X, this.env.X, context.cloudflare.env.X
_ENVIRONMENT = re.compile(r"(?:[\w$]+\.){0,3}(?:env|ENV)\.\w")
_DIALECT_KEYS = frozenset({"client", "type", "dialect"})
# Kept on globalThis unless in production, or made anew there: `if (NODE_ENV !== 'production') globalThis.db = db`.
_IN_PRODUCTION = re.compile(
    rb"""if\s{0,9}\([^()]{0,80}NODE_ENV\s{0,9}!==?\s{0,9}['"]production['"]\s{0,9}\)\s{0,200}(?:\{\s{0,200})?\(?(?:globalThis|global\w{0,40}|g)\b[^=;\n]{0,80}="""
    rb"""|if\s{0,9}\([^()]{0,80}NODE_ENV\s{0,9}===?\s{0,9}['"]production['"]\s{0,9}\)\s{0,200}\{[^{}]{0,400}\bnew\b"""
)
_POSTGRES = frozenset({"pg", "pg-native", "postgres", "postgresql", "cockroachdb"})


def sites(module: Module, makers: Makers) -> Iterator[Site]:
    """Every place that makes a client or a pool for PostgreSQL, as far as the imports tell."""
    on_global = _on_global(module)
    dev_only = _IN_PRODUCTION.search(module.code) is not None
    values = Values(module)
    for made, call, node in _calls(module, makers):
        given = _arguments(values, call, made)
        unsaid = (
            made.any_database and not _DIALECT.search(text(call)) and not _is_postgres(values, given.object)
        )
        if unsaid and (given.shape == "string" or not _DIALECT_KEYS.isdisjoint(given.object.entries)):
            continue  # it says another one
        if (
            made.wraps
            and given.shape not in ("string", "env")
            and not _is_text(call)
            and "connection" not in given.object.entries
        ):
            continue  # given a client that exists already
        options = list(values.flat(given.object, deep=made.depth))
        owner = (
            next((each for each in (call, *up(call)) if each.type in CLASSES), None)
            if _of_class(call)
            else None
        )
        placed = (
            place(module, call) if owner is None else Placed("cached" if _injected(owner) else "function")
        )
        inner = function_around(call)
        yield Site(
            made=made,
            call=_as_written(call, node),
            line=call.start_point.row + 1,
            column=module.column(call),
            scope=placed.scope,
            within=placed.within,
            name=placed.name,
            on_global=on_global,
            dev_only=on_global and dev_only,
            listens=made.makes == "connection"
            and inner is not None
            and session_state.LISTENS.search(text(inner)) is not None,
            closed=closed_in(module, placed.name, inner)
            if inner is not None and placed.scope in ("request", "function")
            else "no",
            reached_as=reached_as(module, call) if placed.scope == "function" else (),
            options=tuple((key, value) for key, value, _ in options),
            option_lines=tuple(line for _, _, line in options),
            complete=given.object.complete,
            argument=UNSAID if unsaid else given.shape,
            url=given.url,
        )


_URL_NAME = re.compile(r"(?i)(?:url|uri|dsn|connection_?string)$")


def _is_text(call: Node) -> bool:
    """Whether the first argument is a parameter that holds a string, by its type or its name: `drizzle(url)`."""
    given = bare(next(iter(arguments(call)), None))
    if given is None or given.type != "identifier":
        return False
    name = text(given)
    for outer in up(call):
        if outer.type in FUNCTIONS:
            for each in parameters(outer):
                own, _, kind = each.partition(":")
                if own.strip(" ?") == name:
                    typed = kind.partition("=")[0].strip()
                    return typed == "string" if typed else _URL_NAME.search(name) is not None
    return False


def over_http(module: Module, makers: Makers) -> Iterator[tuple[str, Node, str]]:
    """(title, place, what names the string) of clients that hold no connection between queries."""
    values = Values(module)
    for local, known in list(module.imports.items()):
        made = makers.of(known.module, known.exported)
        if made is None or made.wire != "http":
            continue
        for use in module.uses(local):
            call = use.parent
            if call is None or call.type != "call_expression" or field(call, "function") != use:
                continue
            if made.variable:
                yield made.title, call, made.variable
                break
            given = arguments(call)
            url = values.name(given[0]) if given else ""
            if not made.wraps or url.rpartition(".")[2].isupper():
                yield made.title, call, url


def _calls(module: Module, makers: Makers) -> Iterator[tuple[Maker, Node, Node]]:
    """(what is made, call, what is called) for every call of something that makes a client."""
    seen: set[int] = set()
    for local, known in list(module.imports.items()):
        if known.module not in makers.modules and known.exported not in makers.everywhere:
            continue
        for use in module.uses(local):
            called, exported = _member(use, known.exported)
            call = called.parent
            if call is None:
                continue
            if made := _made(makers, known.module, f"{exported}()"):  # const pgp = pgPromise(); pgp(...)
                for once, again in _again(module, call):
                    if once.start_byte not in seen:
                        seen.add(once.start_byte)
                        yield made, once, again
            made = _made(makers, known.module, exported)
            if made and made.new and call.type in ("extends_clause", "class_heritage"):
                yield from ((made, each, own) for each, own in _own_class(module, call))
            elif made and _is_made(call, called, made) and call.start_byte not in seen:
                seen.add(call.start_byte)
                yield made, call, called
    for use in module.find(rb"\brequire\s*\("):
        required = use.parent  # require("knex")({...})
        call = required.parent if required is not None else None
        if required is None or call is None or required.type != "call_expression" or not arguments(required):
            continue
        module_name = string(arguments(required)[0])
        twice = _made(makers, module_name, "*()") if field(call, "function") == required else None
        if twice is not None:
            yield from ((twice, each, name) for each, name in _again(module, call))
        made = _made(makers, module_name, "*")
        if made and _is_made(call, required, made):
            yield made, call, required
    for name in makers.everywhere:
        yield from _anywhere(module, makers, name, seen)


def _member(use: Node, exported: str) -> tuple[Node, str]:
    """(`a.b.c` around an imported name, what that is of the module: "b.c", or "a.b.c" of a name of its own)."""
    while (
        (outer := use.parent) is not None and outer.type == "member_expression" and outer.children[0] == use
    ):
        name = text(field(outer, "property"))
        use, exported = outer, name if exported in ("default", "*") else f"{exported}.{name}"
    return use, exported


def _again(module: Module, call: Node) -> Iterator[tuple[Node, Node]]:
    """(call, what is called) where the function that a call returns is called."""
    declared = next((outer for outer in up(call) if outer.type not in AROUND), None)
    if declared is not None and declared.type == "call_expression":
        yield declared, call
    elif declared is not None and declared.type == "variable_declarator":
        for use in module.uses(text(field(declared, "name"))):
            if use.parent is not None and field(use.parent, "function") == use:
                yield use.parent, use


def _own_class(module: Module, heritage: Node) -> Iterator[tuple[Node, Node]]:
    """(what gives the options, name) of a class that extends a client: its `super(...)`, or each `new` of it.

    A class that no place of the file makes, and that has no constructor, is given whatever somebody else gives it: the
    class itself stands for it.
    """
    owner = next(outer for outer in up(heritage) if outer.type in CLASSES)
    own = field(owner, "name")
    if own is None:
        return
    body = field(owner, "body")
    constructor = (
        next((each for each in body.named_children if text(field(each, "name")) == "constructor"), None)
        if body is not None
        else None
    )
    found = []
    if constructor is not None:
        found = [node.parent for node in module.find(rb"\bsuper\s*\(") if within(node, constructor)]
    else:
        found = [use.parent for use in module.uses(text(own)) if field(use.parent, "constructor") == use]
    yield from ((each, own) for each in [call for call in found if call is not None] or [owner])


def _as_written(call: Node, called: Node) -> str:
    """`postgres`, `new Pool`: what is called as the file has it, without arguments."""
    return (
        f"new {text(called)[:60]}" if call.type == "new_expression" or _of_class(call) else text(called)[:60]
    )


def _of_class(call: Node) -> bool:
    """Whether the options are those of a class of the project that extends a client."""
    return call.type in CLASSES or text(field(call, "function")) == "super"


def _injected(owner: Node) -> bool:
    """Whether NestJS makes the class, once and without arguments of anybody's.

    https://docs.nestjs.com/fundamentals/injection-scopes
    """
    around = [owner, *([owner.parent] if owner.parent is not None else [])]
    return any(
        text(each) == "@Injectable()" for node in around for each in node.children if each.type == "decorator"
    )


def _anywhere(
    module: Module, makers: Makers, name: str, seen: set[int]
) -> Iterator[tuple[Maker, Node, Node]]:
    """`new PrismaClient()` where no import tells what that is: the client is generated into the project."""
    made = _made(makers, "*", name)
    own = {
        text(field(node, "name")) for node in module.root.named_children if node.type == "class_declaration"
    }
    if made is None or name in own:
        return
    pattern = rb"(?<=new)\s+(?:[A-Za-z_$][\w$]*\.)*" + re.escape(name.encode()) + rb"(?![\w$])"
    for found in module.find(pattern):
        call = found if found.type == "new_expression" else found.parent
        if call is None or call.type != "new_expression" or call.start_byte in seen:
            continue
        constructor = field(call, "constructor")
        if constructor is not None and text(constructor).endswith(name):
            seen.add(call.start_byte)
            yield made, call, constructor


def _made(makers: Makers, module: str, exported: str) -> Maker | None:
    """What is made; what goes over HTTP is looked for apart."""
    made = makers.of(module, exported)
    return made if made is not None and made.wire != "http" else None


def _is_made(call: Node, called: Node, made: Maker) -> bool:
    if call.type == "new_expression":
        return field(call, "constructor") == called
    return call.type == "call_expression" and not made.new and field(call, "function") == called


class _Given(NamedTuple):
    """What a call is given: its options, the shape of the first argument, and what names the URL."""

    object: Options
    shape: str
    url: str


def _arguments(values: Values, call: Node, made: Maker) -> _Given:
    given = arguments(call)
    if not given:
        return _Given(Options({}, call.type not in CLASSES or _injected(call)), "", "")
    shape = _shape(values, bare(given[0]))
    parts = len(given) > 2  # Sequelize's database, user and password
    named = shape in ("env", "string", "other") and not parts and values.object(given[0]) is None
    url = values.name(given[0]) if named else ""
    url = url if shape != "string" or is_variable(url) else ""
    whole = Options({}, True)
    for at, each in enumerate(given):
        if at < len(made.places) and made.places[at]:
            put(whole.entries, made.places[at], WrittenOption(each, values.line(each)))
            continue
        found = values.object(each)
        if found is not None:
            whole = Options(whole.entries | found.entries, whole.complete and found.complete)
        elif _shape(values, bare(each)) not in ("string", "env"):
            whole = whole._replace(complete=False)
    if made.factory:
        whole = values.returned(whole, made.factory)
    adapter = whole.entries.get("adapter")
    client = values.declared(adapter.value) if adapter is not None and adapter.sure else None
    if client is not None and _shape(values, next(iter(arguments(client)), None)) == "pool":
        shape = "pool"
    return _Given(whole, shape, url or values.url(whole))


def _is_postgres(values: Values, given: Options) -> bool:
    """Whether options that stand elsewhere in the file say so, as `_DIALECT` does of the call."""
    named = (given.entries[key].value for key in _DIALECT_KEYS if key in given.entries)
    return any(string(values.declared(value)) in _POSTGRES for value in named)


def _shape(values: Values, node: Node | None) -> str:
    """What an argument is: object, string, env, a pool or neon() by its name or where it was made, or other."""
    if node is None:
        return "other"
    if node.type == "object":
        return "object"
    if node.type in ("string", "template_string"):
        return "string"
    if node.type == "identifier":
        made = values.first_declared(node)
        if made is not None and made.type != "identifier":
            return _shape(values, made)
        return "pool" if re.fullmatch(r"(?i)\w*pool", text(node)) else "other"
    if node.type == "member_expression" and _ENVIRONMENT.match(text(node)):
        return "env"
    if node.type in ("new_expression", "call_expression"):
        called = text(field(node, "constructor") or field(node, "function"))
        if called.rpartition(".")[2].endswith("Pool"):
            return "pool"
        return "neon" if called == "neon" else "other"
    if node.type == "binary_expression":
        left = bare(field(node, "left"))
        return _shape(values, left) if left is not None and left.type != "binary_expression" else "other"
    return "other"


def _on_global(module: Module) -> bool:
    return (
        re.search(
            rb"\bglobalThis\b|\bglobal\s*(?:\.|\[|\bas\b)|\bglobalFor|\(global\s|=\s*global\b", module.code
        )
        is not None
    )


def closed_in(module: Module, name: str, function: Node) -> Closed:
    """Whether the function that makes a client also closes it."""
    if not name:
        return "no"
    found: Closed = "no"
    for use in module.uses(name, function):
        parent = use.parent
        if parent is None or parent.type != "member_expression":
            continue
        if text(field(parent, "property")) in ("end", "$disconnect", "destroy", "close"):
            deferred = any(
                each.type == "call_expression"
                and re.search(r"(?:waitUntil|after)$", text(field(each, "function")))
                for each in up(parent)
            )
            if deferred or _place(parent, function) == "finally":
                return "always"
            found = "sometimes"
    return found


def shapes(module: Module) -> Iterator[tuple[str, Node, str]]:
    """(shape, place, text) for adapters given an argument that they do not understand and do not refuse."""
    values = Values(module)
    for local, known in list(module.imports.items()):
        adapter = {"@prisma/adapter-pg": "PrismaPg", "@prisma/adapter-neon": "PrismaNeon"}.get(known.module)
        if adapter is None or known.exported != adapter:
            continue
        for use in module.uses(local):
            call = use.parent
            if call is None or call.type != "new_expression" or not arguments(call):
                continue
            first = bare(arguments(call)[0])
            shape = _shape(values, first)
            wraps = (
                first is not None
                and first.type == "object"
                and re.fullmatch(r"\{\s*pool\s*(?::[^,{}]*)?(?:,\s*)?\}", text(first))
            )
            if wraps:
                shape = "wrapped-pool"
            if shape in ("wrapped-pool", "pool", "string", "env", "neon"):
                yield f"{adapter}:{shape}", call, f"new {local}({'{ pool }' if wraps else '...'})"
            for index, argument in enumerate(arguments(call)[: 1 if wraps else 2]):
                yield from _unread(values, adapter, argument, first=index == 0)


# What sizes and bounds a pool, in the words of any driver, and those of them that the adapter's first argument reads.
_POOL_WORDS = frozenset(
    "pool max min maxUses maxLifetimeSeconds idleTimeoutMillis connectionTimeoutMillis connectionLimit connection_limit "
    "poolSize pool_size maxConnections max_connections connectTimeout connect_timeout idleTimeout idle_timeout poolTimeout "
    "pool_timeout acquireTimeoutMillis maxPoolSize".split()
)
_READ_WORDS = frozenset(
    "max min maxUses maxLifetimeSeconds idleTimeoutMillis connectionTimeoutMillis poolSize".split()
)


def _unread(values: Values, adapter: str, argument: Node, *, first: bool) -> Iterator[tuple[str, Node, str]]:
    """Options of a pool that an adapter does not read: in its second argument all, in its first those of other drivers."""
    node = bare(argument)
    found = values.object(node) if node is not None and node.type in ("object", "identifier") else None
    for key, option in found.entries.items() if found is not None else ():
        if key in _POOL_WORDS and not (first and key in _READ_WORDS) and option.value is not None:
            held = values.object(option.value) if key == "pool" else None
            if key == "pool" and first and held is None:
                continue  # a Pool of its own, which other shapes tell
            inner = ", ".join(held.entries) if held is not None else ""
            yield (
                f"{adapter}:{'first' if first else 'second'}",
                option.value,
                f"{key}: {{ {inner} }}" if inner else key,
            )


def edge(module: Module) -> str:
    """Why the file runs on an edge runtime by its own words, or ""; middleware counts where Next.js looks for it."""
    for node in module.root.named_children:
        if node.type != "export_statement":
            continue
        declared = text(node)[:400]
        if re.match(r"export\s+const\s+runtime\s*(?::[^=]+)?=\s*['\"](?:experimental-)?edge['\"]", declared):
            return "export const runtime = 'edge'"
        if re.match(r"export\s+const\s+config\b", declared) and re.search(
            r"\bruntime\s*:\s*['\"](?:experimental-)?edge['\"]", declared
        ):
            return "export const config = { runtime: 'edge' }"
    named = re.search(rb"^export\s+(?:async\s+)?(?:function|const)\s+middleware\b", module.code, re.MULTILINE)
    if re.search(r"(?:^|/)middleware\.[jt]s$", module.path) and ("next/server" in module.modules or named):
        return "" if re.search(rb"runtime\s*:\s*['\"]nodejs['\"]", module.code) else MIDDLEWARE
    return ""


def worker(module: Module) -> bool:
    """Whether the file is written for Workers, where bindings come with each request."""
    if any(name.startswith(("cloudflare:", "@cloudflare/workers-types")) for name in module.modules):
        return True
    if re.search(
        rb"\bHYPERDRIVE\b|\bc\.env\b|\bctx\.waitUntil\b|getCloudflareContext|getRequestContext\(\)|platform\??\.env\b",
        module.code,
    ):
        return True
    return any(
        node.type == "export_statement"
        and re.match(r"export\s+default\s*\{", text(node)[:40])
        and re.search(r"\bfetch\s*[(:]", text(node))
        for node in module.root.named_children
    )
