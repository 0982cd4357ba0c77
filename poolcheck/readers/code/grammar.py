"""What the reader has to be told of a language: the names of its grammar's nodes, and its words for a few things."""

import re
from collections.abc import Callable, Mapping
from dataclasses import field
from functools import cache
from importlib import import_module

from tree_sitter import Language, Node, Parser

from poolcheck.record import dataclass

# A child: by its field, else by its type; a number is its place among the named children.
Part = str | int
_NOTHING = re.compile(r"(?!)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Grammar:
    """One language. Every table is by the type of a node."""

    load: Callable[[], object]  # the grammar's own language()
    imports: Callable[[Node], list[tuple[str, str]]]  # (name in the file, full name) that a statement brings
    import_nodes: frozenset[str]
    names: frozenset[str]  # identifiers
    members: Mapping[str, tuple[Part, Part]]  # `a.b`: its owner and its name
    calls: Mapping[str, tuple[Part, Part]]  # what is called, and its arguments; "" is the node itself
    stores: Mapping[str, tuple[Part, Part]]  # what is given a value, and the value
    pairs: Mapping[str, tuple[Part, Part]]  # the same of a literal: `{Max: 5}`
    literals: Mapping[str, tuple[Part, Part]]  # `T{...}`: its type and its body
    wrappers: Mapping[str, Part]  # what only stands around a value: brackets, `await`, `&`
    functions: frozenset[str]
    parameters: Part = "parameters"
    closures: frozenset[str] = frozenset()
    branches: frozenset[str] = frozenset()  # what stands in it may not run
    lists: frozenset[str] = frozenset()  # several values: `a, err`
    returns: frozenset[str] = frozenset({"return_statement"})
    numbers: frozenset[str]
    strings: Mapping[str, str]  # to the type of the text in it
    binaries: frozenset[str] = frozenset({"binary_expression"})
    choices: Mapping[str, tuple[Part, Part, Part]] = field(default_factory=dict)  # `a ? b : c`
    otherwise: frozenset[str] = frozenset()  # operators that give their second value where there is no first
    makes_new: frozenset[str] = frozenset()  # nodes that call a constructor by the name of its type
    # calls that give what they are given as another type, or fail: `int32(x)`, `x.parse()`
    converts: frozenset[str]
    falls_back: frozenset[str] = frozenset()  # methods that give their argument where the owner has no value
    reads_env: re.Pattern[str]  # calls that read the variable which is their first argument
    receivers: Mapping[str, str] = field(
        default_factory=dict
    )  # Kotlin's `apply` and `also`: how their block calls what they are called on
    # names are followed through calls too: `a().b` is a.b, where `calls` are no `members`
    chained: bool = False
    # an annotation that gives a name its value, `@Value("${db.max:10}")`: the key, and what stands in for it
    injects: re.Pattern[str] = _NOTHING
    injected: frozenset[str] = frozenset()  # what such an annotation stands in, before or with the name
    entry: re.Pattern[str] = re.compile(r"main")  # functions that run once, by their name
    handlers: re.Pattern[str] = _NOTHING  # what a function's head says when it runs for each request
    # what stands around something that is made once: a head, or the call that a closure is given to
    once: re.Pattern[str] = _NOTHING
    # calls that are given a path and what runs for each request: `get("/", ...)`
    routes: frozenset[str] = frozenset()
    # what a function's head says where a config file makes the pool, or the framework by one
    configured: re.Pattern[str] = _NOTHING
    tests: re.Pattern[str] = _NOTHING  # what stands before code that only tests run


@cache
def grammar(language: str) -> tuple[Grammar, Parser]:
    """The table of a language and a parser for it; imported when the first such file is read."""
    made: Grammar = import_module(f"poolcheck.readers.code.{language}_grammar").GRAMMAR
    return made, Parser(Language(made.load()))


def part(node: Node | None, key: Part) -> Node | None:
    """A child of a node; the node itself for ""."""
    if node is None or key == "":
        return node
    if isinstance(key, int):
        found = [child for child in node.named_children if not child.is_extra]
        return found[key] if -len(found) <= key < len(found) else None
    named = node.child_by_field_name(key)
    return named or next((child for child in node.named_children if child.type == key), None)
