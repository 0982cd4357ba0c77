"""Where JavaScript makes clients and pools for PostgreSQL, with the options that are written out."""

import re
from collections.abc import Iterator

from tree_sitter import Node

from poolcheck.model.facts import Maker
from poolcheck.model.makers import Makers
from poolcheck.model.source import MIDDLEWARE, Closed, Site
from poolcheck.readers.javascript.checkouts import _place
from poolcheck.readers.javascript.scope import place
from poolcheck.readers.javascript.tree import (
    Module,
    arguments,
    bare,
    chain,
    function_around,
    string,
    up,
)
from poolcheck.readers.syntax import field, text

_PLAIN = frozenset({"number", "true", "false", "null", "undefined", "identifier", "unary_expression"})
_DIALECT = re.compile(
    r"""(?:client|type|dialect)\s*:\s*['"](?:pg|pg-native|postgres|postgresql|cockroachdb)['"]|postgres(?:ql)?://"""
)
# process.env.X, import.meta.env.X, Bun.env.X; of Workers env.X, c.env.X, this.env.X, context.cloudflare.env.X
_ENVIRONMENT = re.compile(r"(?:[\w$]+\.){0,3}env\.\w")
_URL_KEYS = frozenset({"connectionString", "url", "datasourceUrl", "connection"})


def sites(module: Module, makers: Makers) -> Iterator[Site]:
    """Every place that makes a client or a pool for PostgreSQL, as far as the imports tell."""
    on_global = _on_global(module)
    for made, call, node in _calls(module, makers):
        options, complete, argument, url = _arguments(module, call)
        if made.any_database and not _DIALECT.search(text(call)):
            continue
        if made.wraps and argument not in ("string", "env") and not _connects(call):
            continue  # given a client that exists already
        placed = place(module, call)
        inner = function_around(call)
        yield Site(
            made=made,
            call=text(node)[:60] if call.type == "call_expression" else f"new {text(node)[:60]}",
            line=call.start_point.row + 1,
            column=module.column(call),
            scope=placed.scope,
            within=placed.within,
            name=placed.name,
            on_global=on_global,
            closed=_closed(module, placed.name, inner)
            if inner is not None and placed.scope == "request"
            else "no",
            options=options,
            complete=complete,
            argument=argument,
            url=url,
        )


def over_http(module: Module, makers: Makers) -> Iterator[tuple[str, Node, str]]:
    """(title, place, what names the string) of clients that hold no connection between queries."""
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
            url = _named(given[0]) if given else ""
            if not made.wraps or url.rpartition(".")[2].isupper():
                yield made.title, call, url


def _calls(module: Module, makers: Makers) -> Iterator[tuple[Maker, Node, Node]]:
    """(what is made, call, what is called) for every call of something that makes a client."""
    seen: set[int] = set()
    for local, known in list(module.imports.items()):
        if known.module not in makers.modules and known.exported not in makers.everywhere:
            continue
        for use in module.uses(local):
            called, exported = use, known.exported
            while (
                called.parent is not None
                and called.parent.type == "member_expression"
                and called.parent.children[0] == called
            ):
                exported = text(field(called.parent, "property")) if exported in ("default", "*") else ""
                called = called.parent
            call = called.parent
            made = _made(makers, known.module, exported)
            if made and call is not None and _is_made(call, called, made) and call.start_byte not in seen:
                seen.add(call.start_byte)
                yield made, call, called
    for use in module.find(rb"\brequire\s*\("):
        required = use.parent  # require("knex")({...})
        call = required.parent if required is not None else None
        if required is None or call is None or required.type != "call_expression" or not arguments(required):
            continue
        made = _made(makers, string(arguments(required)[0]), "*")
        if made and _is_made(call, required, made):
            yield made, call, required
    for name in makers.everywhere:
        yield from _anywhere(module, makers, name, seen)


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


def _arguments(module: Module, call: Node) -> tuple[tuple[tuple[str, str], ...], bool, str, str]:
    """Options that are written out, whether that is all, the shape of the first argument, and the URL's name."""
    given = arguments(call)
    if not given:
        return (), True, "", ""
    first = bare(given[0])
    shape = _shape(module, first)
    url = _named(first) if shape in ("env", "other") else ""
    objects = [one for one in (_object(module, each) for each in given) if one is not None]
    options: list[tuple[str, str]] = []
    complete = all(
        (one := bare(each)) is not None and (one.type == "object" or _shape(module, one) in ("string", "env"))
        for each in given
    )
    for found in objects:
        for part in found.named_children:
            if part.type == "pair":
                key, value = text(field(part, "key")).strip("'\""), bare(field(part, "value"))
                options += [(key, _plain(value)), *_inside(key, value)]
                if key in _URL_KEYS and not url:
                    url = _named(value)
            elif part.type == "shorthand_property_identifier":
                options.append((text(part), text(part)))
                url = url or (text(part) if text(part) in _URL_KEYS else "")
            elif part.type != "comment":
                complete = False
    return tuple(options), complete, shape, url


def _inside(key: str, value: Node | None) -> Iterator[tuple[str, str]]:
    """One level into an object that is written there: pool.max; `pool.*` stands for what a spread brings."""
    for part in value.named_children if value is not None and value.type == "object" else ():
        if part.type == "pair":
            inner = text(field(part, "key")).strip("'\"")
            yield f"{key}.{inner}", _plain(bare(field(part, "value")))
        elif part.type == "shorthand_property_identifier":
            yield f"{key}.{text(part)}", text(part)
        elif part.type != "comment":
            yield f"{key}.*", "..."


def _object(module: Module, given: Node) -> Node | None:
    """An argument that is an object: written there, or a constant of the file; what is added to it later is not seen."""
    one = bare(given)
    if one is not None and one.type == "identifier":
        one = _value_of(module, text(one))
    return one if one is not None and one.type == "object" else None


def _named(value: Node | None) -> str:
    """What names a connection string: `process.env.DATABASE_URL`, `config.url`. Text of the file that may be a
    secret is left out: of `a ?? b` the first that is a name.
    """
    value = bare(value)
    if value is not None and value.type == "binary_expression":
        return _named(field(value, "left"))
    if value is not None and value.type == "subscript_expression":
        index = string(field(value, "index"))
        return f"{text(field(value, 'object'))}.{index}" if re.fullmatch(r"[A-Z][A-Z0-9_]*", index) else ""
    return ".".join(chain(value))[:80] if value is not None else ""


def _plain(value: Node | None) -> str:
    """A value that can be no secret: numbers, names, true and false; "..." for everything else."""
    if value is None:
        return "..."
    if value.type in _PLAIN or (
        value.type == "binary_expression" and re.fullmatch(r"[\d\s*_]+", text(value))
    ):
        return text(value)[:40]
    return "..."


def _shape(module: Module, node: Node | None) -> str:
    """What an argument is: object, string, env, a pool or neon() by its name or where it was made, or other."""
    if node is None:
        return "other"
    if node.type == "object":
        return "object"
    if node.type in ("string", "template_string"):
        return "string"
    if node.type == "identifier":
        made = _value_of(module, text(node))
        if made is not None and made.type != "identifier":
            return _shape(module, made)
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
        return _shape(module, left) if left is not None and left.type != "binary_expression" else "other"
    return "other"


def _value_of(module: Module, name: str) -> Node | None:
    """What a constant of the file is declared as."""
    for use in module.uses(name):
        parent = use.parent
        if parent is not None and parent.type == "variable_declarator" and field(parent, "name") == use:
            return bare(field(parent, "value"))
    return None


def _connects(call: Node) -> bool:
    """Whether drizzle() is told to open its own connections: `drizzle({ connection: ... })`."""
    first = bare(arguments(call)[0]) if arguments(call) else None
    return (
        first is not None
        and first.type == "object"
        and re.search(r"\bconnection\s*[:,}]", text(first)) is not None
    )


def _on_global(module: Module) -> bool:
    return (
        re.search(
            rb"\bglobalThis\b|\bglobal\s*(?:\.|\[|\bas\b)|\bglobalFor|\(global\s|=\s*global\b", module.code
        )
        is not None
    )


def _closed(module: Module, name: str, function: Node) -> Closed:
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
    for local, known in list(module.imports.items()):
        adapter = {"@prisma/adapter-pg": "PrismaPg", "@prisma/adapter-neon": "PrismaNeon"}.get(known.module)
        if adapter is None or known.exported != adapter:
            continue
        for use in module.uses(local):
            call = use.parent
            if call is None or call.type != "new_expression" or not arguments(call):
                continue
            first = bare(arguments(call)[0])
            shape = _shape(module, first)
            wraps = (
                first is not None
                and first.type == "object"
                and re.fullmatch(r"\{\s*pool\s*(?::[^,{}]*)?,?\s*\}", text(first))
            )
            if wraps:
                shape = "wrapped-pool"
            if shape in ("wrapped-pool", "pool", "string", "env", "neon"):
                yield f"{adapter}:{shape}", call, f"new {local}({'{ pool }' if wraps else '...'})"


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
    if re.search(r"(?:^|/)middleware\.[jt]s$", module.path) and "next/server" in module.modules:
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
