"""Kotlin's grammar: its own nodes, and Java's words for what frameworks do."""

import tree_sitter_kotlin
from tree_sitter import Node

from poolcheck.readers.code.grammar import Grammar
from poolcheck.readers.code.java_grammar import (
    CONFIGURED,
    CONVERTS,
    ENTRY,
    HANDLERS,
    INJECTS,
    ONCE,
    READS_ENV,
    ROUTES,
)
from poolcheck.readers.syntax import text


def _imports(node: Node) -> list[tuple[str, str]]:
    """`import a.b.C as D` is D; `import a.b.*` brings whatever is in it: "*"."""
    path = next((child for child in node.named_children if child.type == "qualified_identifier"), None)
    alias = [text(child) for child in node.named_children if child.type == "identifier"]
    every = any(child.type == "*" for child in node.children)
    words = text(path)
    return [("*" if every else next(iter(alias), words.rpartition(".")[2]), words)]


GRAMMAR = Grammar(
    load=tree_sitter_kotlin.language,
    imports=_imports,
    import_nodes=frozenset({"import"}),
    names=frozenset({"identifier"}),
    members={"navigation_expression": (0, -1)},
    calls={"call_expression": (0, "value_arguments")},
    chained=True,
    stores={"property_declaration": ("variable_declaration", -1), "assignment": ("left", "right")},
    pairs={},
    literals={},
    wrappers={
        "parenthesized_expression": 0, "value_argument": -1, "variable_declaration": 0, "property_delegate": 0, "as_expression": 0,
        "unary_expression": 0,
    },
    functions=frozenset({"function_declaration", "secondary_constructor"}),
    parameters="function_value_parameters",
    closures=frozenset({"lambda_literal"}),
    branches=frozenset({"if_expression", "when_entry", "for_statement", "while_statement", "catch_block"}),
    returns=frozenset({"return_expression", "function_body"}),
    numbers=frozenset({"number_literal", "float_literal"}),
    strings={"string_literal": "string_content", "multiline_string_literal": "string_content"},
    choices={"if_expression": (0, 1, 2)},
    otherwise=frozenset({"?:"}),
    converts=CONVERTS,
    falls_back=frozenset({"orElse", "getOrElse", "ifEmpty", "ifBlank"}),
    reads_env=READS_ENV,
    receivers={"apply": "this", "also": "it"},
    injects=INJECTS,
    injected=frozenset({"property_declaration", "class_parameter", "function_value_parameters"}),
    entry=ENTRY,
    handlers=HANDLERS,
    once=ONCE,
    routes=ROUTES,
    configured=CONFIGURED,
)  # fmt: skip
