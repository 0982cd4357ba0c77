"""What a setup.py asks for, as far as that is written out."""

from collections.abc import Iterator

from tree_sitter import Node

from poolcheck.readers.python.damage import Errors
from poolcheck.readers.python.literals import constant
from poolcheck.readers.python.tree import Module, bare, keywords
from poolcheck.readers.syntax import TooMuch, field, text


def install_requires(source: str, path: str) -> tuple[tuple[tuple[str, int], ...], int]:
    """The requirements with their lines, and the line of the first part that is not Python: 0 when all of it is."""
    try:
        module = Module(source.removeprefix("\ufeff"), path)
        errors = Errors(module)
        return () if errors.mostly else tuple(_asked(module, errors)), errors.first
    except TooMuch:
        return (), 1


def _asked(module: Module, errors: Errors) -> Iterator[tuple[str, int]]:
    lists = _lists(module, errors)
    for call in module.calls:
        if not errors.outside(call):
            continue
        for name, value in keywords(call):
            wanted = lists.get(text(value)) if value.type == "identifier" else value
            if name != "install_requires" or wanted is None or wanted.type not in ("list", "tuple"):
                continue
            for item in wanted.named_children:
                requirement = constant(item)
                if requirement is not None:
                    yield requirement, module.line(item)


def _lists(module: Module, errors: Errors) -> dict[str, Node]:
    """What the names of the module are set to, the last time."""
    found = {}
    for node in module.assignments:
        if not module.at_top(node) or not errors.outside(node):
            continue
        names: list[Node | None] = []
        value: Node | None = node
        while value is not None and value.type == "assignment":  # a = b = []
            if field(value, "type") is None:
                names.append(field(value, "left"))
            value = bare(field(value, "right"))
        for name in names:
            if name is not None and name.type == "identifier" and value is not None:
                found[text(name)] = value
    return found
