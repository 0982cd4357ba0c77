"""How often a piece of JavaScript runs: once, for each request, or when some other function calls it."""

import re
from typing import NamedTuple

from tree_sitter import Node

from poolcheck.readers.javascript.tree import (
    AROUND,
    CLASSES,
    FUNCTIONS,
    Module,
    arguments,
    bare,
    called_at_once,
    exported,
    function_around,
    name_of,
    parameters,
    string,
    up,
)
from poolcheck.readers.syntax import Placed, field, text, within

_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})
_ROUTES = frozenset({"get", "post", "put", "patch", "delete", "all", "use", "options", "head"})
_APPS = re.compile(r"(?i)^(?:app|router|server|fastify|hono|api|routes?|\w*router|\w*app)$")
_WRAPPERS = frozenset(
    "defineEventHandler eventHandler defineCachedEventHandler createMiddleware serve createServer onRequest onCall "
    "createServerFn createEdgeRouter withSession withApiAuthRequired withIronSessionApiRoute".split()
)
_KEEPERS = frozenset("cache once memoize memo lazy lazily singleton remember globalSingleton useOnce".split())
_REQUEST_TYPES = re.compile(
    r"\b(?:NextRequest|NextApiRequest|NextApiResponse|APIGatewayProxyEvent\w*|APIGatewayEvent|FastifyRequest|"
    r"LoaderFunctionArgs|ActionFunctionArgs|LoaderArgs|ActionArgs|RequestEvent|GetServerSidePropsContext|"
    r"VercelRequest|IncomingMessage|HandlerEvent|SQSEvent|APIContext)\b"
)
_ROUTE_DECORATOR = re.compile(
    r"@(?:Get|Post|Put|Patch|Delete|All|Head|Options|Query|Mutation|ResolveField|MessagePattern|EventPattern|Sse)\s*\("
)
_PER_REQUEST = re.compile(r"scope\s*:\s*(?:Scope\.)?(?:REQUEST|TRANSIENT)\b")
_FIRST = re.compile(r"^_?(?:req|request)\b")
_SECOND = re.compile(r"^_?(?:res|response|reply|rep|h)\b")
_EVENT, _CONTEXT = re.compile(r"^_?(?:event|evt)\b"), re.compile(r"^_?(?:context|ctx)\b")
_INSIDE = (
    "object",
    "pair",
    "arguments",
    "call_expression",
    "new_expression",
)  # what a value may be made part of
_MISSING = re.compile(
    r"^\(?\s*!|(?:===?|!==?)\s*(?:null|undefined)|typeof|\b(?:null|undefined)\s*===?|isInitialized|\.has\("
)


class _Kept(NamedTuple):
    """What stands between a value and the function that makes it."""

    guarded: bool
    target: str  # what it is assigned to, as the file has it; "" for nothing
    own: bool  # the target is declared right there
    field: str  # "static", "instance" for a class field
    keeper: bool  # an argument of a function that keeps the first result


def place(module: Module, site: Node, *, deep: int = 0) -> Placed:
    """How often the value at `site` is made, and which variable it is bound to."""
    function = function_around(site)
    kept = _kept(site, function)
    name = kept.target.rpartition(".")[2] if kept.target else ""
    scoped = _by_scope(site)
    if scoped and kept.field != "static":
        return Placed("request", scoped, name)
    if kept.field:
        return Placed("module" if kept.field == "static" else "function", name=name)
    if function is None:
        return Placed("cached" if kept.guarded else "module", name=name)
    if _by_react(module, function):
        return Placed("request", "React's cache()", name)
    if kept.keeper or _is_kept_function(function):
        return Placed("cached", name=name)
    outlives = _outlives(module, kept, function)
    if outlives and (kept.guarded or _returns_early(function, site)):
        return Placed("cached", name=name)
    if kept.guarded and kept.target and not kept.own:
        return Placed("cached", name=name)
    if _inside_of_guard(module, site, function):
        return Placed("cached", name=name)
    found = handler_around(module, site)
    if found:
        return Placed("request", found, name)
    if deep == 0:
        called = _callers(module, function)
        if called is not None:
            return called._replace(name=name)
    return Placed("function", name=name)


def _kept(site: Node, function: Node | None) -> _Kept:
    guarded, keeper, own, target = False, False, False, ""
    inner = site
    for outer in up(site):
        if function is not None and outer == function:
            break
        kind = outer.type
        if kind == "binary_expression" and text(field(outer, "operator")) in ("??", "||", "&&"):
            right = field(outer, "right")
            guarded = guarded or (right is not None and within(site, right))
        elif kind == "ternary_expression":
            other = [field(outer, side) for side in ("consequence", "alternative")]
            rest = [bare(one) for one in other if one is not None and not within(site, one)]
            guarded = guarded or any(
                one is not None and one.type in ("identifier", "member_expression", "subscript_expression")
                for one in rest
            )
        elif kind == "augmented_assignment_expression":
            if text(field(outer, "operator")) in ("??=", "||="):
                guarded = True
            target = target or text(bare(field(outer, "left")))
        elif kind == "assignment_expression":
            target = target or text(bare(field(outer, "left")))
        elif kind == "variable_declarator" and not target:
            target, own = text(field(outer, "name")), True
        elif kind == "if_statement":
            condition = text(field(outer, "condition"))
            alternative = field(outer, "alternative")
            in_else = alternative is not None and within(site, alternative)
            guarded = guarded or in_else or bool(_MISSING.search(condition))
        elif kind in ("call_expression", "new_expression") and inner.type == "arguments":
            called = text(field(outer, "function")).rpartition(".")[2]
            keeper = keeper or called in _KEEPERS
        elif kind in ("public_field_definition", "field_definition"):
            static = any(child.type == "static" for child in outer.children)
            return _Kept(
                guarded,
                text(field(outer, "name") or field(outer, "property")),
                False,
                "static" if static else "instance",
                keeper,
            )
        inner = outer
    return _Kept(guarded, target, own, "", keeper)


def _by_scope(site: Node) -> str:
    """A NestJS provider that is made for each request: a class by its decorator, a factory beside its scope.

    https://docs.nestjs.com/fundamentals/injection-scopes
    """
    inner = site
    for outer in up(site):
        if outer.type in CLASSES:
            around = [*outer.children, *(outer.parent.children if outer.parent is not None else [])]
            member = name_of(inner) in ("", "constructor") or inner.type.endswith("field_definition")
            if member and any(
                each.type == "decorator" and _PER_REQUEST.search(text(each)) for each in around
            ):
                return f"the provider {text(field(outer, 'name'))}"
        if outer.type == "object" and inner.type == "pair" and text(field(inner, "key")) == "useFactory":
            rest = "".join(text(each) for each in outer.named_children if each != inner)
            if _PER_REQUEST.search(rest):
                return "a provider's factory"
        if outer.type != "class_body":
            inner = outer
    return ""


def _is_kept_function(function: Node) -> bool:
    """Whether the function's result is kept: an argument of `cache`, `once`, `lazy`, or right of `??=`."""
    parent = function.parent
    if parent is None or parent.type != "arguments" or parent.parent is None:
        return False
    return text(field(parent.parent, "function")).rpartition(".")[2] in _KEEPERS


def _by_react(module: Module, function: Node) -> bool:
    """Whether React's `cache` keeps the function's result: it does so for one request, and not beyond.

    https://react.dev/reference/react/cache
    """
    parent = function.parent
    if parent is None or parent.type != "arguments" or parent.parent is None:
        return False
    called = text(field(parent.parent, "function"))
    known = module.imports.get(called.partition(".")[0])
    return (
        known is not None
        and known.module == "react"
        and "cache" in (called.rpartition(".")[2], known.exported)
    )


def _outlives(module: Module, kept: _Kept, function: Node) -> bool:
    """Whether what the value is bound to is still there after the function has returned."""
    if not kept.target:
        return False
    root = kept.target.partition(".")[0].partition("[")[0].strip("(! ")
    if not kept.own:
        return not _declares(module, function, root)
    return _handed_out(module, kept.target, function)


_GUARD = re.compile(r"\(?\s*(?:!\s*([\w$.]+)|([\w$.]+)\s*={2,3}\s*(?:null|undefined))\s*\)?")


def _inside_of_guard(module: Module, site: Node, function: Node) -> bool:
    """Whether it is made beside what a guard makes: `if (!pool) { pool = ...; const admin = new Pool() }` runs once."""
    for outer in up(site):
        if outer == function:
            return False
        found = _GUARD.fullmatch(text(field(outer, "condition"))) if outer.type == "if_statement" else None
        then = field(outer, "consequence")
        if found is None or then is None or not within(site, then):
            continue
        kept = found[1] or found[2]
        assigned = rf"(?<![\w$.]){re.escape(kept)}\s{{0,9}}(?:\?\?|\|\|)?=(?!=)"
        if re.search(assigned, text(then)) and not _declares(module, function, kept.partition(".")[0]):
            return True
    return False


def _handed_out(module: Module, name: str, function: Node, *, deep: int = 3) -> bool:
    """Whether a variable of the function goes to one that outlives it, also inside of what is made with it:
    `const pool = new Pool(); kept = drizzle(pool)`.
    """
    for use in module.uses(name, function):
        parent = use.parent
        while parent is not None and parent.type in (*AROUND, *_INSIDE):
            called = text(field(parent, "function")) if parent.type == "call_expression" else ""
            if called.endswith((".set", ".add", ".push")):
                return True
            parent = parent.parent
        if parent is None:
            continue
        if parent.type == "assignment_expression":
            left, right = field(parent, "left"), field(parent, "right")
            if right is not None and within(use, right):
                owner = text(bare(left)).partition(".")[0].partition("[")[0].strip("(! ")
                if not _declares(module, function, owner):
                    return True
        elif parent.type == "variable_declarator" and deep:
            made = field(parent, "name")
            inner = made is not None and made.type == "identifier" and not within(use, made)
            if inner and text(made) != name and _handed_out(module, text(made), function, deep=deep - 1):
                return True
    return False


def _declares(module: Module, function: Node, name: str) -> bool:
    """Whether the function has a variable or parameter of that name of its own."""
    if name in ("this", "globalThis", "global", "process", "module", "exports"):
        return False
    for use in module.uses(name, function):
        parent = use.parent
        if parent is not None and parent.type == "variable_declarator" and field(parent, "name") == use:
            return True
        if any(outer.type in ("formal_parameters", "required_parameter") for outer in list(up(use))[:3]):
            return True
    return False


def _returns_early(function: Node, site: Node) -> bool:
    """Whether the function may return before it comes to `site`: `if (existing) return existing`."""
    body = field(function, "body")
    if body is None:
        return False
    for statement in body.named_children:
        if statement.start_byte >= site.start_byte:
            return False
        if statement.type == "if_statement" and re.search(
            r"\breturn\b", text(field(statement, "consequence"))
        ):
            return True
        if within(site, statement):
            inner = [part for part in statement.named_children if within(site, part)]
            return any(
                one.type == "if_statement"
                and re.search(r"\breturn\b", text(one)) is not None
                and one.end_byte < site.start_byte
                for part in inner
                for one in part.named_children
            )
    return False


def _callers(module: Module, function: Node) -> Placed | None:
    """Who calls the function in this file: one handler makes it run for each request; a cache or the module once."""
    name = name_of(function)
    if not name or not re.fullmatch(r"[A-Za-z_$][\w$]*", name):
        return None
    if any(outer.type in CLASSES for outer in list(up(function))[:2]):
        return None  # a method is called by whoever holds the object
    once: Placed | None = None
    for use in module.uses(name):
        call = use.parent
        if (
            call is None
            or call.type != "call_expression"
            or field(call, "function") != use
            or within(use, function)
        ):
            continue
        placed = place(module, call, deep=1)
        if placed.scope == "request":
            return placed
        if placed.scope in ("module", "cached"):
            once = placed
    return once


def handler_around(module: Module, node: Node) -> str:
    """The outermost thing that runs for each request around a node, in words; "" when there is none known."""
    for outer in up(node):
        if outer.type in FUNCTIONS and called_at_once(outer) is None:
            found = handler(module, outer)
            if found:
                return found
    return ""


def handler(module: Module, function: Node) -> str:
    """What a function is when it runs for each request, in words; "" when that is not known."""
    found = _handler(module, function, name_of(function), exported(function)) or _decorated(function)
    if found or exported(function):
        return found
    forms = (_handler(module, function, name, out) for name, out in module.exports_of(name_of(function)))
    return next(filter(None, forms), "")


def _decorated(function: Node) -> str:
    """A method that NestJS or type-graphql calls for each request, by its decorator."""
    before = function.prev_named_sibling
    while before is not None and before.type in ("decorator", "comment"):
        if before.type == "decorator" and _ROUTE_DECORATOR.match(text(before)):
            return f"the route method {name_of(function)}"
        before = before.prev_named_sibling
    return ""


def _handler(module: Module, function: Node, name: str, out: str) -> str:
    given, path = parameters(function), module.path
    first, second = (given[0] if given else ""), (given[1] if len(given) > 1 else "")
    base = path.rpartition("/")[2]
    if out and name in _METHODS and re.match(r"(?:route|\+server|index)?", base):
        return f"the route handler {name}"
    if out == "named" and name in (
        "loader",
        "action",
        "getServerSideProps",
        "onRequest",
        "onRequestGet",
        "onRequestPost",
    ):
        return name
    if out == "named" and name in ("load", "actions") and base.startswith(("+page.server", "+layout.server")):
        return f"SvelteKit's {name}"
    if out == "default" and re.search(r"(?:^|/)pages/api/", path):
        return "the API route"
    if (
        out == "default"
        and re.search(r"(?:^|/)app/", path)
        and re.search(r"^(?:page|layout|template)\.[jt]sx?$", base)
    ):
        return f"the server component of {base}"
    if out == "named" and name == "generateMetadata":
        return name
    if (
        base.startswith(("middleware.", "proxy."))
        and out
        and (name in ("middleware", "proxy") or out == "default")
    ):
        return "the middleware"
    if out and "use server" in module.directives and _is_async(function):
        return f"the server action {name}".rstrip()
    if _inline_server(function):
        return f"the server action {name}".rstrip()
    if _FIRST.match(first) and _SECOND.match(second):
        return f"the request handler {name}".rstrip()
    if (
        _EVENT.match(first)
        and (_CONTEXT.match(second) or name in ("handler", "lambdaHandler"))
        and (out or name)
    ):
        return f"the function handler {name}".rstrip()
    if given and _REQUEST_TYPES.search(" ".join(given)):
        return f"the request handler {name}".rstrip()
    if name in ("handler", "lambdaHandler") and out and not given:
        return f"the function handler {name}"
    return _argument_handler(module, function, given)


def _argument_handler(module: Module, function: Node, given: tuple[str, ...]) -> str:
    """A function handed to a framework: `app.get("/", fn)`, `defineEventHandler(fn)`, `procedure.query(fn)`."""
    parent = function.parent
    while parent is not None and parent.type in AROUND:
        parent = parent.parent
    if parent is None or parent.type != "arguments" or parent.parent is None:
        return ""
    call = parent.parent
    called = field(call, "function")
    if called is None:
        return ""
    if called.type == "identifier":
        name = text(called)
        if name in _WRAPPERS:
            return name
        return _wrapped(module, call, name)
    if called.type != "member_expression":
        return ""
    verb, owner = text(field(called, "property")), text(field(called, "object"))
    first = arguments(call)[0] if arguments(call) else None
    if verb in _ROUTES and given:
        route = string(first)
        if route.startswith(("/", "*")) and first != function:
            return f'{verb.upper()} "{route[:40]}"'
        if _APPS.match(owner.rpartition(".")[2]):
            return f"the handler of {owner.rpartition('.')[2]}.{verb}()"
    if verb in ("query", "mutation", "subscription") and "procedure" in owner.lower():
        return f"the tRPC {verb}"
    if verb == "handler" and "createServerFn" in owner:
        return "the server function"
    if verb == "server" and "createMiddleware(" in owner:
        return "the middleware"
    if verb == "serve" and owner in ("Deno", "Bun"):
        return f"{owner}.serve"
    if verb == "createServer" and owner in ("http", "https"):
        return "the HTTP server"
    return ""


def _wrapped(module: Module, call: Node, name: str) -> str:
    """`export const GET = withAuth(async (req) => ...)`: the wrapper's name does not matter, the export's does."""
    parent = call.parent
    if parent is not None and parent.type == "variable_declarator" and name not in _KEEPERS:
        outer = text(field(parent, "name"))
        if exported(parent) and (outer in _METHODS or outer in ("handler", "loader", "action")):
            return f"the route handler {outer}" if outer in _METHODS else f"the {outer}"
    if (
        parent is not None
        and parent.type == "export_statement"
        and exported(call) == "default"
        and re.search(r"(?:^|/)pages/api/", module.path)
    ):
        return "the API route"
    return ""


def _is_async(function: Node) -> bool:
    return any(child.type == "async" for child in function.children)


def _inline_server(function: Node) -> bool:
    body = field(function, "body")
    if body is None or body.type != "statement_block":
        return False
    first = next((child for child in body.named_children if child.type != "comment"), None)
    return (
        first is not None
        and first.type == "expression_statement"
        and bool(first.named_children)
        and string(first.named_children[0]) == "use server"
    )


def reached_as(module: Module, site: Node) -> tuple[str, ...]:
    """The exported names by which other files have the value made: of its function, of its class, or of who calls it."""
    function = function_around(site)
    owner = next((outer for outer in up(site) if outer.type in CLASSES), None)
    if owner is not None and (function is None or within(owner, function) is False):
        member = next(
            (outer for outer in up(site) if outer.parent is not None and outer.parent.type == "class_body"),
            None,
        )
        made = member is not None and (
            member.type.endswith("field_definition") or name_of(member) == "constructor"
        )
        return _exported_as(module, owner, text(field(owner, "name"))) if made else ()
    if function is None:
        return ()
    found = _exported_as(module, function, name_of(function))
    name = name_of(function)
    for use in module.uses(name) if name and not found else ():
        outer = function_around(use)
        if outer is not None and outer != function and field(use.parent, "function") == use:
            found += _exported_as(module, outer, name_of(outer))
    return tuple(dict.fromkeys(found))


def _exported_as(module: Module, declared: Node, name: str) -> tuple[str, ...]:
    how = exported(declared)
    forms = [(name, how)] if how else module.exports_of(name)
    return tuple("default" if how == "default" else each for each, how in forms if each or how == "default")
