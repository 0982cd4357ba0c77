"""Which declaration a name means at a place: the nearest one around it, block by block."""

from collections.abc import Iterator

from tree_sitter import Node

from poolcheck.readers.javascript.tree import FUNCTIONS, NAMES, Module, up
from poolcheck.readers.syntax import field, text

_DECLARING = NAMES | {"shorthand_property_identifier_pattern"}
_PATTERNS = frozenset(
    "object_pattern array_pattern pair_pattern object_assignment_pattern assignment_pattern rest_pattern".split()
)
_PARAMETERS = frozenset({"required_parameter", "optional_parameter", "formal_parameters"})
_BLOCKS = frozenset({"statement_block", "program", "for_statement", "for_in_statement", "switch_body"})


class Bindings:
    """The declarations of a file, looked up by name as they are asked for."""

    def __init__(self, module: Module) -> None:
        self.module = module
        self._known: dict[str, dict[int, Node]] = {}  # name → id of what it is declared in → its declaration

    def declaration(self, use: Node) -> Node | None:
        """The declarator, parameter, function or `catch` that a name means; None: imported, global or not declared."""
        declared = self._of(text(use))
        for outer in up(use):
            found = declared.get(outer.id)
            if found is not None:
                return found
        return None

    def uses(self, name: str, inside: Node, declared: Node | None) -> Iterator[Node]:
        """The identifiers of that name in a part of the file that mean one declaration."""
        for use in self.module.uses(name, inside):
            if self.declaration(use) == declared:
                yield use

    def _of(self, name: str) -> dict[int, Node]:
        if name not in self._known:
            made: dict[int, Node] = {}
            for use in self.module.uses(name, kinds=_DECLARING):
                declaration = _declaring(use)
                owner = _owner(declaration) if declaration is not None else None
                if declaration is not None and owner is not None:
                    made.setdefault(owner.id, declaration)
            self._known[name] = made
        return self._known[name]


def _declaring(use: Node) -> Node | None:
    """What a name stands in that declares it; None where it is used."""
    inner, outer = use, use.parent
    while outer is not None and outer.type in _PATTERNS:
        if inner in (field(outer, "key"), field(outer, "right")):
            return None
        inner, outer = outer, outer.parent
    if outer is None:
        return None
    if outer.type in ("variable_declarator", "function_declaration", "generator_function_declaration"):
        return outer if field(outer, "name") == inner else None
    if outer.type == "catch_clause" or (outer.type in FUNCTIONS and field(outer, "parameter") == inner):
        return outer if field(outer, "parameter") == inner else None
    if outer.type == "for_in_statement" and field(outer, "left") == inner:
        return outer if field(outer, "kind") is not None else None
    if outer.type not in _PARAMETERS:
        return None
    return outer if outer.type == "formal_parameters" or field(outer, "pattern") == inner else None


def _owner(declaration: Node) -> Node | None:
    """What a declaration holds in: the function of a parameter or a `var`, the block of anything else."""
    if declaration.type in ("catch_clause", "for_in_statement", "arrow_function"):
        return declaration
    parameter = declaration.type in _PARAMETERS
    var = declaration.parent is not None and declaration.parent.type == "variable_declaration"
    wanted = FUNCTIONS | {"program"} if parameter or var else _BLOCKS
    return next((outer for outer in up(declaration) if outer.type in wanted), None)
