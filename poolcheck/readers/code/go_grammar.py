"""Go's grammar."""

import re

import tree_sitter_go
from tree_sitter import Node

from poolcheck.readers.code.grammar import Grammar
from poolcheck.readers.syntax import field, text

_MAJOR = re.compile(r"v\d+|\d+")


def _imports(spec: Node) -> list[tuple[str, str]]:
    """`p "a/b/v5"` is p, `"a/b/v5"` is b: the package's name is the last part that is no version."""
    path = text(field(spec, "path")).strip('"`')
    named = text(field(spec, "name"))
    parts = [each for each in path.split("/") if not _MAJOR.fullmatch(each)]
    own = parts[-1].partition(".")[0].removeprefix("go-") if parts else ""
    return [(named or own, path)]


GRAMMAR = Grammar(
    load=tree_sitter_go.language,
    imports=_imports,
    import_nodes=frozenset({"import_spec"}),
    names=frozenset({"identifier", "field_identifier", "type_identifier", "package_identifier"}),
    members={"selector_expression": ("operand", "field"), "qualified_type": ("package", "name")},
    calls={"call_expression": ("function", "arguments")},
    stores={
        "short_var_declaration": ("left", "right"), "assignment_statement": ("left", "right"),
        "var_spec": ("name", "value"), "const_spec": ("name", "value"),
    },
    pairs={"keyed_element": (0, 1)},
    literals={"composite_literal": ("type", "body")},
    wrappers={
        "parenthesized_expression": 0, "unary_expression": "operand", "literal_element": 0,
        "type_assertion_expression": "operand", "pointer_type": 0,
    },
    functions=frozenset({"function_declaration", "method_declaration"}),
    closures=frozenset({"func_literal"}),
    branches=frozenset({"if_statement", "for_statement", "expression_case", "default_case", "communication_case", "type_case"}),
    lists=frozenset({"expression_list"}),
    numbers=frozenset({"int_literal", "float_literal"}),
    strings={"interpreted_string_literal": "interpreted_string_literal_content", "raw_string_literal": "raw_string_literal_content"},
    converts=frozenset(
        "int int8 int16 int32 int64 uint uint8 uint16 uint32 uint64 Atoi ParseInt ParseUint TrimSpace ToInt ToInt32 "
        "ToInt64 ToIntE Must".split()
    ),
    # os.Getenv, env.Int of one's own, viper.GetInt("DB_MAX"), getEnvAsInt("DB_MAX", 10)
    reads_env=re.compile(r"(?i)(?:^|\.)(?:os\.(?:getenv|lookupenv)|\w{0,20}env\w{0,20}|env\w{0,20}\.\w{1,30}|viper\.get\w{0,20})$"),
    entry=re.compile(r"main|init"),
    handlers=re.compile(r"http\.ResponseWriter|\*gin\.Context|\becho\.Context|\bfiber\.Ctx|events\.\w+Request\b"),
    once=re.compile(r"(?i)once\w{0,30}(?:\.Do)?$|OnceValues?$"),
)  # fmt: skip
