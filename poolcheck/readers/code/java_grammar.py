"""Java's grammar."""

import re

import tree_sitter_java
from tree_sitter import Node

from poolcheck.readers.code.grammar import Grammar
from poolcheck.readers.syntax import text

# What frameworks call, and what they call for each request, in the words before a method's body.
HANDLERS = re.compile(
    r"@(?:Get|Post|Put|Delete|Patch|Request)Mapping\b|@(?:GET|POST|PUT|DELETE|PATCH)\b|\bHttpServletRequest\b|\bHttpExchange\b|"
    r"\bRoutingContext\b|\bServerRequest\b|\bServerHttpRequest\b|\bAPIGatewayV?2?\w{0,10}(?:Proxy|HTTP)\w{0,10}Event\b|"
    r"@RequestScoped?\b|@Scope\(\s*(?:value\s*=\s*)?(?:\"request\"|\w{0,30}\.SCOPE_REQUEST)"
)
# What is made once: beans (but those made anew for each injection), singletons, what is called at start.
ONCE = re.compile(
    r"@(?:Bean|Produces|Provides|Singleton|ApplicationScoped|PostConstruct|Startup|BeforeAll)\b(?![\s\S]*\bprototype\b)|"
    r"(?i:\bonce\b|\blazy$|computeIfAbsent$|getOrPut$|memoiz\w{1,4}$|\bdefer$)"
)
ENTRY = re.compile(r"main|init|contextInitialized|start|onStart|onEnable|configure|module|run")
ROUTES = frozenset({"get", "post", "put", "delete", "patch", "route", "createContext", "before", "after"})
CONVERTS = frozenset(
    "parseInt parseLong valueOf intValue longValue toInt toLong toIntOrNull trim strip toString requireNonNull asInt "
    "ofNullable".split()
)
# System.getenv("X"), System.getenv().getOrDefault("X", "10"), env.getProperty("db.max"), dotenv.get("X", "10")
READS_ENV = re.compile(
    r"(?i)(?:^|\.)(?:getenv(?:\.get\w{0,20})?|\w{0,20}env\w{0,20}(?:\.get\w{0,20})?|\w{0,20}env\w{0,20}\.env)$"
)


# @Value("${db.max:10}"), Kotlin's @Value("\\${db.max:10}"), @ConfigProperty(name = "db.max", defaultValue = "10")
INJECTS = re.compile(
    r"@(?:\w{1,10}:)?(?:Value|ConfigProperty|Property)\s*\(\s*(?:(?:value|name)\s*=\s*)?\"(?:\\?[$#]\{)?([\w.-]{1,100})"
    r"(?::([^{}\"]{0,40}))?\}?\"(?:\s*,\s*defaultValue\s*=\s*\"([^\"]{0,40})\")?\s*\)"
)
# The pool is made of the keys of a config file that is read where it stands.
CONFIGURED = re.compile(
    r"@ConfigurationProperties\s*\(\s*(?:(?:prefix|value)\s*=\s*)?\"(?:spring\.(?:datasource|r2dbc)|quarkus\.datasource|datasources)\b"
)


def _imports(node: Node) -> list[tuple[str, str]]:
    """`import a.b.C` is C; `import a.b.*` brings whatever is in it: "*"."""
    words = text(next((child for child in node.named_children if child.type == "scoped_identifier"), None))
    every = any(child.type == "asterisk" for child in node.named_children)
    return [("*" if every else words.rpartition(".")[2], words)]


GRAMMAR = Grammar(
    load=tree_sitter_java.language,
    imports=_imports,
    import_nodes=frozenset({"import_declaration"}),
    names=frozenset({"identifier", "type_identifier"}),
    members={
        "method_invocation": ("object", "name"), "field_access": ("object", "field"),
        "scoped_type_identifier": (0, -1), "scoped_identifier": ("scope", "name"),
    },
    calls={"method_invocation": ("", "arguments"), "object_creation_expression": ("type", "arguments")},
    stores={
        "variable_declarator": ("name", "value"), "assignment_expression": ("left", "right"),
        "resource": ("name", "value"),
    },
    pairs={},
    literals={},
    wrappers={"parenthesized_expression": 0, "cast_expression": "value", "class_literal": 0},
    functions=frozenset({"method_declaration", "constructor_declaration"}),
    closures=frozenset({"lambda_expression"}),
    branches=frozenset({
        "if_statement", "for_statement", "enhanced_for_statement", "while_statement", "catch_clause",
        "switch_block_statement_group", "switch_rule",
    }),
    numbers=frozenset({"decimal_integer_literal", "hex_integer_literal", "decimal_floating_point_literal"}),
    strings={"string_literal": "string_fragment"},
    choices={"ternary_expression": ("condition", "consequence", "alternative")},
    makes_new=frozenset({"object_creation_expression"}),
    converts=CONVERTS,
    falls_back=frozenset({"orElse", "orElseGet", "firstNonNull"}),
    reads_env=READS_ENV,
    injects=INJECTS,
    injected=frozenset({"field_declaration", "formal_parameter"}),
    entry=ENTRY,
    handlers=HANDLERS,
    once=ONCE,
    routes=ROUTES,
    configured=CONFIGURED,
)  # fmt: skip
