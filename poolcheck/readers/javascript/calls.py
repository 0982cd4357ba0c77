"""Which functions of other files a JavaScript file calls for each request."""

from collections.abc import Iterator

from tree_sitter import Node

from poolcheck.model.source import CallForEach
from poolcheck.readers.javascript.scope import place, reached_as
from poolcheck.readers.javascript.sites import closed_in, edge, worker
from poolcheck.readers.javascript.tree import Module, function_around
from poolcheck.readers.syntax import field, text


def calls(code: bytes, path: str, language: str, wanted: frozenset[str]) -> Iterator[CallForEach]:
    """The calls of wanted names, and of what a module exports as its default, by what runs for each request or may."""
    module = Module(code, path, language)
    if edge(module) or worker(module):
        return  # there a client for each request is right
    for local, known in list(module.imports.items()):
        if known.module.startswith("node:"):
            continue
        for use in module.uses(local):
            called, exported = use, known.exported
            outer = use.parent
            if outer is not None and outer.type == "member_expression" and field(outer, "object") == use:
                called, exported = outer, text(field(outer, "property"))
            if exported not in wanted and exported not in ("default", "*"):
                continue
            call = _call(called)
            placed = place(module, call) if call is not None else None
            if call is None or placed is None or placed.scope not in ("request", "function"):
                continue
            name = "default" if exported == "*" else exported
            function = function_around(call)
            closed = closed_in(module, placed.name, function) if function is not None else "no"
            through = reached_as(module, call) if placed.scope == "function" else ()
            if placed.scope == "request" or through:
                yield CallForEach(known.module, name, placed.within, module.line(call), closed, through)


def _call(called: Node) -> Node | None:
    call = called.parent
    if call is None or call.type not in ("call_expression", "new_expression"):
        return None
    part = field(call, "function") or field(call, "constructor")
    return call if part == called else None
