"""JavaScript and TypeScript to what rules may know of a file."""

import re
from collections.abc import Iterable, Iterator

from tree_sitter import Node

from poolcheck.model.ignores import Comment, Ignores, ignores_of
from poolcheck.model.makers import Makers
from poolcheck.model.problem import Location
from poolcheck.model.source import UNSAID, Language, Mark, SourceFile
from poolcheck.readers import session_state
from poolcheck.readers.javascript import checkouts, inside, misuse, sites
from poolcheck.readers.javascript.receivers import Receivers
from poolcheck.readers.javascript.scope import handler_around
from poolcheck.readers.javascript.statements import Statement, statements
from poolcheck.readers.javascript.tree import (
    Module,
    arguments,
    chain,
    function_around,
    string,
    up,
)
from poolcheck.readers.syntax import TooMuch, UnreadableSource, field, text

_PRISMA = "@prisma/"  # adapters and extensions: they say how PrismaClient connects
# What closes a database; other stores have disconnect() and close() too.
_CLOSES = re.compile(
    r"\$disconnect|\bdisconnect(?:Prisma|Db|Database)\w*\(|\b\w*(?:[pP]ool|[sS]ql|[dD]b|pg|knex)\.(?:end|destroy)\("
)
_CLOSES_CLIENT = re.compile(r"\b\w*(?:[cC]lient|[cC]onnection|[sS]ource|sequelize)\.(?:end|destroy|close)\(")
_MENTIONS = ("import_specifier", "import_clause", "namespace_import", "type_query", "generic_type")


def read(code: bytes, path: str, language: Language, makers: Makers) -> tuple[SourceFile, Ignores]:
    """One file.

    Raises:
        Unreadable: it cannot be parsed, or nobody wrote it by hand.
    """
    try:
        return _read(code, path, language, makers)
    except TooMuch as error:
        raise UnreadableSource("written by a program: too many places to look at") from error


def _read(code: bytes, path: str, language: Language, makers: Makers) -> tuple[SourceFile, Ignores]:
    module = Module(code, path, language)
    if module.root.has_error and _broken(module.root) > len(code) // 2:
        raise UnreadableSource("cannot be parsed")
    every = tuple(sorted(sites.sites(module, makers), key=lambda site: (site.line, site.column)))
    found = tuple(site for site in every if site.argument != UNSAID)
    sent = tuple(statements(module))
    receivers = Receivers(module, found, makers)
    taken = checkouts.tracked(module, receivers)
    made = SourceFile(
        path=path,
        language=language,
        location=Location(path),
        sites=found,
        unsaid=tuple(site for site in every if site.argument == UNSAID),
        http=tuple(_mark(module, node, kind, url) for kind, node, url in sites.over_http(module, makers)),
        checkouts=taken.checkouts,
        disconnects=tuple(_disconnects(module)),
        hooks=tuple(_hooks(module, makers)),
        state=tuple(_state(sent, module)),
        misuses=(*misuse.misuses(module, sent, receivers), *taken.misuses, *inside.inside(module, receivers)),
        pools=tuple(receivers.pools()),
        modules=tuple(_modules(module, makers)),
        shapes=tuple(
            Mark(shape, node.start_point.row + 1, module.column(node), words)
            for shape, node, words in sites.shapes(module)
        ),
        exports=re.search(rb"^[^\S\n]*export\b|\bexports\b", code, re.MULTILINE) is not None,
        client_side="use client" in module.directives,
        server_side="use server" in module.directives or "server-only" in module.modules,
        edge=sites.edge(module),
        worker=sites.worker(module),
        handles_signals=re.search(rb"['\"]SIGTERM['\"]|\.enableShutdownHooks\(\s*[)\[]", code) is not None,
    )
    return made, ignores(module)


def _modules(module: Module, makers: Makers) -> Iterator[Mark]:
    """The modules that rules ask for: drivers, adapters, and the project's own where it matters who imports them."""
    own = "use client" in module.directives or sites.edge(module)
    for name, node in module.modules.items():
        if (own or _is_driver(name, makers)) and _as_value(module, name):
            yield _mark(module, node, name, makers.tcp.get(name, ""))


def _is_driver(name: str, makers: Makers) -> bool:
    return name in makers.modules or name in makers.tcp or name.startswith(_PRISMA)


def _as_value(module: Module, name: str) -> bool:
    """Whether anything of an imported module is used besides in types: compilers drop what is not."""
    locals_ = [local for local, known in module.imports.items() if known.module == name]
    return not locals_ or any(
        use.type != "type_identifier" and not any(outer.type in _MENTIONS for outer in list(up(use))[:3])
        for local in locals_
        for use in module.uses(local)
    )


def _broken(root: Node) -> int:
    """How many bytes lie in parts that do not parse."""
    return sum(child.end_byte - child.start_byte for child in root.children if child.type == "ERROR")


def _mark(module: Module, node: Node, kind: str, words: str = "") -> Mark:
    return Mark(kind, node.start_point.row + 1, module.column(node), words)


def _disconnects(module: Module) -> Iterator[Mark]:
    """`prisma.$disconnect()` by a function that runs for each request, of a client that it did not make."""
    for node in module.find(rb"\$disconnect\s*\("):
        call = next((outer for outer in up(node) if outer.type == "call_expression"), None)
        names = chain(field(field(call, "function"), "object") or node)
        if call is None or not names or names[0] == "this":
            continue
        function = function_around(call)
        if function is None:
            continue
        own = any(
            use.parent is not None
            and use.parent.type == "variable_declarator"
            and function_around(use) is not None
            for use in module.uses(names[0])
        )
        within = handler_around(module, call)
        if within and not own:
            yield _mark(module, call, ".".join(names), within)


def _hooks(module: Module, makers: Makers) -> Iterator[Mark]:
    """Shutdown hooks on `beforeExit` and `exit`: the process's that close the database, and Prisma's own."""
    drivers = any(_is_driver(name, makers) for name in module.modules)

    def closes(words: str) -> bool:
        return bool(_CLOSES.search(words) or (drivers and _CLOSES_CLIENT.search(words)))

    for node in module.find(rb"\.\$?(?:on|once)\s*\(\s*(?:['\"](?:beforeE|e)xit['\"])"):
        call = next((outer for outer in up(node) if outer.type == "call_expression"), None)
        event = string(arguments(call)[0]) if call is not None and arguments(call) else ""
        if call is None or event not in ("beforeExit", "exit"):
            continue
        taken = field(call, "function")
        owned = field(taken, "object")
        owner = ".".join(chain(owned)) if owned is not None else ""
        verb = text(field(taken, "property"))
        if verb == "$on" and event == "beforeExit":
            yield _mark(module, call, "$on", f"{owner or 'the client'}.$on('beforeExit')")
        elif owner == "process" and any(closes(each) for each in _listener(module, call)):
            yield _mark(module, call, event, f"process.on('{event}')")


def _listener(module: Module, call: Node) -> Iterator[str]:
    """The text of the function that a hook calls: written there, or named there and defined in the file."""
    yield text(call)
    for given in arguments(call)[1:2]:
        for use in module.uses(text(given)) if given.type == "identifier" else ():
            parent = use.parent
            if parent is not None and parent.type in ("function_declaration", "variable_declarator"):
                yield text(parent)


def _state(sent: Iterable[Statement], module: Module) -> Iterator[Mark]:
    """Session state in SQL that is sent: the argument of a query call, or a tagged template."""
    for each in sent:
        kind = session_state.state_of(each.sql)
        if kind:
            yield _mark(module, each.node, kind, session_state.beginning(each.sql))


def ignores(module: Module) -> Ignores:
    """The ignore comments: a comment behind code covers its line, one that stands alone the statement below."""
    comments = []
    first: dict[int, Node] = {}  # line → the comment that may stand alone in it
    for node in module.comments():
        line = node.start_point.row + 1
        start = module.code.rfind(b"\n", 0, node.start_byte) + 1
        comments.append(Comment(text(node), line, not module.code[start : node.start_byte].strip()))
        first.setdefault(line, node)
    return ignores_of(comments, lambda line: _below(first[line]))


def _below(comment: Node) -> Iterable[int]:
    """The lines of the statement below a comment; of one with a body its first one alone."""
    below = comment.next_named_sibling
    while below is not None and below.type == "comment":
        below = below.next_named_sibling
    if below is None:
        return ()
    first, last = below.start_point.row + 1, below.end_point.row + 1
    return (first,) if re.search(r"=>\s*\{|\bfunction\b|\bclass\b", text(below)) else range(first, last + 1)
