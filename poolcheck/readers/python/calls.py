"""Which functions of other files a Python file calls for each request."""

from collections.abc import Iterator

from poolcheck.model.source import CallForEach
from poolcheck.readers.python.scope import Scopes
from poolcheck.readers.python.source import closed_in
from poolcheck.readers.python.tree import Module, called, dotted


def calls(source: str, path: str, wanted: frozenset[str]) -> Iterator[CallForEach]:
    """The calls of wanted names by what runs for each request or may, and dependencies of those names."""
    module = Module(source, path)
    scopes = Scopes(module, module.calls)
    for call in module.calls:
        came = _came(module, dotted(called(call)))
        if came is None or came[1] not in wanted:
            continue
        placed = scopes.place(call)
        through = scopes.reached_as(call) if placed.scope == "function" else ()
        if placed.scope == "request" or through:
            closed = closed_in(module, call, placed.name)
            yield CallForEach(came[0], came[1], placed.within, module.line(call), closed, through)
    for name in sorted(scopes.depends):
        came = _came(module, name)
        if came is not None and came[1] in wanted:
            yield CallForEach(came[0], came[1], f"the dependency {name}()", 1)


def _came(module: Module, words: str) -> tuple[str, str] | None:
    """(module, name there) of something that is imported from another file."""
    first, _, rest = words.partition(".")
    own = module.own.get(first)
    if own is not None:
        came, name = own
        inner = f"{came}{name}" if came.endswith(".") else f"{came}.{name}"
        return (inner, rest) if rest else own
    whole = module.full_words(words)
    return (whole.rpartition(".")[0], whole.rpartition(".")[2]) if whole else None
