"""Every regular expression of the package with the way it is used, and strings that are hard for it: none by hand."""

import ast
import json
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from poolcheck.catalogue import all_programs, error_texts, shelf
from poolcheck.config.path_patterns import path_patterns
from poolcheck.connection import placeholder, secret
from poolcheck.explain import prefilter
from poolcheck.model import look
from poolcheck.model.facts import Conversion
from poolcheck.readers.deploy import process_configs
from poolcheck.readers.env import lexer

PACKAGE = Path(error_texts.__file__).parent.parent
SCAN = frozenset({"search", "finditer", "findall", "sub", "subn", "split"})
ANCHORED = frozenset({"match", "fullmatch"})
_FLAGS = {"search": 2, "match": 2, "fullmatch": 2, "finditer": 2, "findall": 2, "split": 3, "sub": 4, "subn": 4, "compile": 1}  # fmt: skip


class Used(NamedTuple):
    """A pattern and one way of using it: `scan` from every place of a text, `match` and `fullmatch` from its start."""

    pattern: "re.Pattern[str] | re.Pattern[bytes]"
    how: str


@cache
def used() -> Mapping[Used, str]:
    """What the package's source and its catalogue hold → where it stands."""
    found: dict[Used, str] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        if path.stem == "__main__":
            continue
        module = import_module(_module(path))
        place = path.relative_to(PACKAGE).as_posix()
        for use, line in _in_source(module, ast.parse(path.read_text(encoding="utf-8"))):
            if use is not None:
                found.setdefault(use, f"{place}:{line}")
    for use in _in_catalogue():
        found.setdefault(use, "catalogue")
    for place, uses in AT_RUN_TIME.items():
        for use in uses():
            found.setdefault(use, place)
    return found


def given_at_run_time() -> set[str]:
    """The modules in which a call of `re` is given a whole pattern by a variable."""
    return {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if path.stem != "__main__"
        for use, _ in _in_source(import_module(_module(path)), ast.parse(path.read_text(encoding="utf-8")))
        if use is None
    }


def _module(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")


def _in_source(module: ModuleType, tree: ast.Module) -> Iterator[tuple[Used | None, int]]:
    """Every call of `re` in a module, and every pattern that one of its names holds; None: it is given at run time."""
    for node in ast.walk(tree):
        for child in ast.iter_child_nodes(node):
            child.above = node  # type: ignore[attr-defined]
    calls = _method_calls(tree)
    seen: set[str] = set()
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and ast.unparse(node.func) in {f"re.{key}" for key in _FLAGS}):
            continue
        method = ast.unparse(node.func).removeprefix("re.")
        pattern = _compiled(node, method, module)
        if pattern is None:
            yield None, node.lineno
            continue
        names = [] if method != "compile" else _holders(node)
        seen.update(names)
        ways = {method} if method != "compile" else _ways(node, names, calls, module)
        for how in {_how(way) for way in ways}:
            yield Used(pattern, how), node.lineno
    for name, value in vars(module).items():
        for pattern in _patterns(value):
            for how in {_how(way) for way in calls.get(name) or _all(calls)}:
                if name not in seen:
                    yield Used(pattern, how), 0


def _how(method: str) -> str:
    return method if method in ANCHORED else "scan"


def _method_calls(tree: ast.Module) -> dict[str, set[str]]:
    """Name → the methods of a pattern that are called on it; "" for what is called on no plain name."""
    found: dict[str, set[str]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in SCAN | ANCHORED:
            holder = node.value
            name = getattr(holder, "id", getattr(holder, "attr", ""))
            if name != "re" and (node.attr != "split" or name.isupper()):
                found.setdefault(name, set()).add(node.attr)
    return found


def _all(calls: Mapping[str, set[str]]) -> set[str]:
    """What is called on anything that is no constant: a pattern out of a table is in a loop's variable by then."""
    return {way for name, ways in calls.items() if not name.isupper() for way in ways} or {"search"}


def _holders(node: ast.AST) -> list[str]:
    """The names that an assignment around a node gives it."""
    while not isinstance(node, ast.stmt):
        node = node.above  # type: ignore[attr-defined]
    targets = node.targets if isinstance(node, ast.Assign) else []
    return [
        name for target in targets for each in ast.walk(target) if (name := getattr(each, "id", getattr(each, "attr", "")))
    ]  # fmt: skip


def _ways(node: ast.Call, names: list[str], calls: Mapping[str, set[str]], module: ModuleType) -> set[str]:
    above = node.above  # type: ignore[attr-defined]
    if isinstance(above, ast.Attribute):
        return {above.attr}
    own = {way for name in names for way in calls.get(name, ())}
    shared = {way for name in names if not name.startswith("_") for way in _public(name)}
    return (own | shared) & (SCAN | ANCHORED) or _all(calls)


@cache
def _public(name: str) -> frozenset[str]:
    """What other modules call on a public name."""
    calls = re.compile(rf"\b{name}\.(\w+)\(")
    texts = (path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py"))
    return frozenset(way for text in texts for way in calls.findall(text))


def _compiled(node: ast.Call, method: str, module: ModuleType) -> Any:
    """The pattern of a call; None when it is given at run time, as a whole."""
    text = _value(node.args[0], module)
    if text is None:
        return None
    given = [each.value for each in node.keywords if each.arg == "flags"] + node.args[_FLAGS[method] :][:1]
    flags = eval(ast.unparse(given[0]), vars(module)) if given else 0
    return re.compile(text, flags)


def _value(node: ast.expr, module: ModuleType) -> Any:
    """A constant expression's value; a variable inside of one counts as `x`."""
    try:
        value = eval(ast.unparse(node), vars(module))
    except NameError:
        if isinstance(node, ast.JoinedStr):
            return "".join(str(_value(getattr(part, "value", part), module) or "x") if isinstance(part, ast.FormattedValue) else part.value for part in node.values)  # type: ignore[attr-defined]  # fmt: skip
        if isinstance(node, ast.BinOp):
            left, right = _value(node.left, module), _value(node.right, module)
            return (
                None if left is None and right is None else (left or type(right)()) + (right or type(left)())
            )
        return None
    return value if isinstance(value, (str, bytes)) else None


def _patterns(value: object) -> Iterator[Any]:
    """The patterns that a value holds, in tables and classes too."""
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, Mapping):
        yield from _patterns([*value.values()])
    elif isinstance(value, (list, tuple, set, frozenset)):
        for each in value:
            yield from _patterns(each)
    elif isinstance(value, type) and value.__module__.startswith("poolcheck"):
        yield from _patterns([*vars(value).values()])


def _in_catalogue() -> Iterator[Used]:
    """The error texts, the names of statements, and what the tables of providers and images call patterns."""
    for error in error_texts.errors():
        for pattern in error.patterns:
            yield Used(error_texts.compiled(pattern), "scan")
    for compiled, _ in error_texts.statement_names():
        yield Used(compiled, "fullmatch")
    keys = {key for names in shelf._PATTERNS.values() for key in names}
    for path in PACKAGE.glob("catalogue/*/*.toml"):
        for key, value in _pairs(tomllib.loads(path.read_text(encoding="utf-8"))):
            if key in keys and isinstance(value, str) and path.parent.name in ("providers", "images"):
                yield Used(
                    shelf.pattern(value), "scan" if key in shelf._PATTERNS[Conversion] else "fullmatch"
                )


def _pairs(value: object) -> Iterator[tuple[str, object]]:
    """Every key of a table and of those in it, with its value."""
    for key, inner in value.items() if isinstance(value, dict) else ():
        yield key, inner
        yield from _pairs(inner)
    for each in value if isinstance(value, list) else ():
        yield from _pairs(each)


def _arguments(function: str, at: int, keyword: str = "") -> Iterator[Any]:
    """The constants that the package's calls of a function give it."""
    for path in PACKAGE.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        if path.stem == "__main__" or f"{function}(" not in text:
            continue
        module = import_module(_module(path))
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == function:
                given = [each.value for each in node.keywords if each.arg == keyword] + node.args[at : at + 1]
                value = _value(given[0], module) if given else None
                if value is not None:
                    yield value


def _paths() -> Iterator[Used]:
    """What the worst of patterns for paths are made into."""
    for pattern in (
        "*a" * 50 + "b",
        "**/a*/" * 20 + "b",
        "a/**/*b*c/**/d*e*/f",
        "[!x]*" * 20 + "b",
        "*?" * 20 + "b",
    ):
        for each in path_patterns([pattern]).patterns:
            assert each.regex is not None
            yield Used(each.regex, "match")


def _uses(patterns: Iterable[Any], how: str, flags: int = 0) -> Iterator[Used]:
    return (Used(re.compile(pattern, flags), how) for pattern in patterns)


# Where a call is given a pattern by a variable → what it may hold.
AT_RUN_TIME: Mapping[str, Callable[[], Iterable[Used]]] = {
    "catalogue/error_texts.py": lambda: (),  # of the catalogue, as are those of the next and of two rules
    "catalogue/shelf.py": lambda: _uses([b'\nkey = "([^"]*)"'], "scan"),
    "config/schema.py": lambda: (),  # the same as in the next
    "config/tables.py": lambda: _uses(
        (value for key, value in _pairs(json_schema()) if key == "pattern"), "fullmatch"
    ),
    "connection/placeholder.py": lambda: [
        *_uses((each for *_, each in placeholder._WHOLE), "fullmatch"),
        *_uses((each for *_, each in placeholder._INSIDE + placeholder._INSIDE_NAME), "scan"),
    ],
    "connection/read_uri.py": lambda: _uses(_arguments("_find", 0), "scan"),
    "connection/secret.py": lambda: _uses((each for each, _ in secret._KEYS), "scan"),
    "explain/prefilter.py": lambda: (Used(each, "scan") for each in prefilter.passes()),
    "config/path_patterns.py": _paths,
    "model/look.py": lambda: [
        *_uses((each for each, _ in look._APPLICATIONS), "fullmatch", re.IGNORECASE | re.DOTALL),
        *_uses((each for each, _ in look._NAMES), "scan"),
    ],
    "model/source.py": lambda: _uses(
        ["pool\\.[^.]*", "[^.]*\\.[^.]*\\.max"], "fullmatch"
    ),  # names of options, with `*`
    "project/walk.py": _paths,
    # The name of a field or variable of the file, escaped, where it is declared or assigned.
    "readers/javascript/receivers.py": lambda: _uses(
        [rb"(?<![\w$.])kept\s{0,9}[!?]?\s{0,9}:\s{0,9}([\w.<>| ]{1,80})"], "scan"
    ),
    "readers/javascript/scope.py": lambda: _uses([r"(?<![\w$.])kept\s{0,9}(?:\?\?|\|\|)?=(?!=)"], "scan"),
    "readers/deploy/process_configs.py": lambda: _uses(
        (
            form % rule.setting
            for form in process_configs._FORMS.values()
            for each in all_programs()
            for rule in (*each.processes, *each.threads)
            if rule.setting
        ),
        "scan",
        re.MULTILINE,
    ),
    "readers/env/lexer.py": lambda: _uses(lexer._ESCAPES.values(), "scan"),
    "readers/javascript/tree.py": lambda: _uses(
        (each for each in _arguments("find", 0) if isinstance(each, bytes)), "scan"
    ),
    "readers/manifests/versions.py": lambda: _uses([r"\|\|?", *_arguments("span", 9, "unions")], "scan"),
    "readers/session_state.py": lambda: (),  # its table holds them compiled
    "rules/pc106_retired_endpoint.py": lambda: (),
    "rules/pc107_user_name_does_not_fit.py": lambda: (),
}


def json_schema() -> Any:
    """The schema of poolcheck.toml, which is made of the settings' own patterns."""
    return json.loads((PACKAGE / "poolcheck.schema.json").read_text(encoding="utf-8"))


# --- strings that are hard for a pattern -------------------------------------------------------------------------

_OPS: Any = import_module("re._constants")
_PARSER: Any = import_module("re._parser")
_REPEATS = (_OPS.MAX_REPEAT, _OPS.MIN_REPEAT, _OPS.POSSESSIVE_REPEAT)
_MANY = 64  # what repeats more often than that is as good as without an end
_LETTERS = " \na0.-:\"'\\([{$#=,@"
_TAILS = ("", "\n\x01")


def hard(pattern: "re.Pattern[Any]") -> list[tuple[str, str, str]]:
    """(beginning, what is said again and again, end): the characters that the pattern's own repeats take, after what
    has to stand before them, alone, two by two and with everything between, and with an end that it refuses."""
    text = pattern.pattern
    tree = _PARSER.parse(text, pattern.flags & ~re.DEBUG)
    pairs: dict[tuple[str, str], None] = {("", letter): None for letter in _LETTERS}
    for before, pump in _pumps(list(tree), ""):
        pairs[("", pump)] = pairs[(before, pump)] = pairs[("", before + pump)] = None
    whole = _sample(list(tree))
    pairs |= {("", whole): None, ("", whole[:-1]): None, ("", whole[1:]): None}
    if isinstance(text, bytes):
        pairs = {(a, b): None for a, b in pairs if (a + b).isascii()}
    return [(before, pump, tail) for before, pump in pairs if pump for tail in _TAILS]


def _pumps(items: list[Any], before: str) -> Iterator[tuple[str, str]]:
    """(what stands before it, what it takes) of every repeat without an end, inner ones too."""
    last: list[str] = []
    for op, value in items:
        inner: list[list[Any]] = []
        if op in _REPEATS:
            _, high, sub = value
            takes = list(_variants(list(sub)))
            if high > _MANY:
                for take in takes:
                    yield before, take
                for one in last[:3]:
                    for take in takes[:3]:
                        yield before, one + take
                last = takes
            inner = [list(sub)]
        elif op is _OPS.SUBPATTERN:
            inner = [list(value[3])]
        elif op is _OPS.BRANCH:
            inner = [list(branch) for branch in value[1]]
        elif op in (_OPS.ASSERT, _OPS.ASSERT_NOT):
            inner = [list(value[1])]
        elif op is getattr(_OPS, "ATOMIC_GROUP", None):
            inner = [list(value)]
        for each in inner:
            yield from _pumps(each, before)
        before += _sample([(op, value)])


def _variants(items: list[Any]) -> Iterator[str]:
    """What one turn of a repeat may take: every kind of character of a class, every branch."""
    if len(items) == 1:
        op, value = items[0]
        if op is _OPS.SUBPATTERN:
            yield from _variants(list(value[3]))
            return
        if op is _OPS.BRANCH:
            parts = [next(_variants(list(branch)), "") for branch in value[1]]
            yield from parts
            yield "".join(parts)
            return
        if op in (_OPS.IN, _OPS.NOT_LITERAL, _OPS.ANY, _OPS.LITERAL):
            yield from (letter for letter in _LETTERS + _literals(items) if _takes(op, value, letter))
            return
    yield _sample(items)
    yield _sample(items, more=1)


def _literals(items: list[Any]) -> str:
    op, value = items[0]
    return "".join(chr(each) for kind, each in value if kind is _OPS.LITERAL) if op is _OPS.IN else chr(value) if op is _OPS.LITERAL else ""  # fmt: skip


def _takes(op: Any, value: Any, letter: str) -> bool:
    """Whether a single character's place in a pattern takes a letter."""
    code = ord(letter)
    if op is _OPS.LITERAL:
        return bool(code == value)
    if op is _OPS.NOT_LITERAL:
        return bool(code != value)
    if op is _OPS.ANY:
        return letter != "\n"
    negated = bool(value) and value[0][0] is _OPS.NEGATE
    return negated != any(_is_in(kind, each, letter) for kind, each in value)


def _is_in(kind: Any, value: Any, letter: str) -> bool:
    if kind is _OPS.LITERAL:
        return bool(ord(letter) == value)
    if kind is _OPS.RANGE:
        return bool(value[0] <= ord(letter) <= value[1])
    if kind is _OPS.CATEGORY:
        name = str(value).rpartition("_")[2]
        said = (
            letter.isdigit()
            if name == "DIGIT"
            else letter.isspace()
            if name == "SPACE"
            else letter.isalnum() or letter == "_"
        )
        return ("NOT" in str(value)) != said
    return False


def _sample(items: Iterable[Any], more: int = 0) -> str:
    """A short text that a pattern takes, or nearly; `more`: how many turns beyond what its repeats need."""
    made = ""
    for op, value in items:
        if op in (_OPS.LITERAL, _OPS.NOT_LITERAL, _OPS.IN, _OPS.ANY):
            choice = _LETTERS[2:] + _LETTERS[:2] + _literals([(op, value)])
            made += next((letter for letter in choice if _takes(op, value, letter)), "")
        elif op in _REPEATS:
            made += _sample(value[2], more) * min(value[0] + more, value[1], _MANY)
        elif op is _OPS.SUBPATTERN:
            made += _sample(value[3], more)
        elif op is _OPS.BRANCH:
            made += _sample(value[1][0], more)
        elif op is getattr(_OPS, "ATOMIC_GROUP", None):
            made += _sample(value, more)
    return made
