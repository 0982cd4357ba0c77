"""The DATABASES setting of Django, by structure: which variables it reads, and its pool settings."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from tree_sitter import Node

from poolcheck.connection.secret import Secret
from poolcheck.model.config_text import UNKNOWN, Slot, Written
from poolcheck.model.problem import Location
from poolcheck.model.source import env_value
from poolcheck.readers.configs.js_config import ConfigRead, PlainValue
from poolcheck.readers.python.tree import parser
from poolcheck.readers.syntax import text

_POSTGRES = re.compile(r"postgres|postgis|psycopg", re.IGNORECASE)
_PARTS = {"HOST": "host", "PORT": "port", "USER": "user", "PASSWORD": "password", "NAME": "database"}
_SETTINGS = (
    "CONN_MAX_AGE",
    "CONN_HEALTH_CHECKS",
    "DISABLE_SERVER_SIDE_CURSORS",
    "OPTIONS",
    "ATOMIC_REQUESTS",
)
# Functions that make a whole entry out of a URL; the keyword arguments are Django's settings in lower case.
_FROM_URL = re.compile(r"(?:\w+\.)*(?:config|parse|db|db_url|dj_db_url)")
_VARIABLE = re.compile(r"[A-Za-z_]\w*")
_DEEPEST = 8


class Databases(NamedTuple):
    """What a settings file says of its databases, keyed "default.url", "default.HOST" and so on."""

    reads: tuple[ConfigRead, ...]
    settings: tuple[PlainValue, ...]
    rows: tuple[tuple[str, Written, int], ...]  # (key, text, line)


def databases(source: str, path: str) -> Databases:
    """The reads, settings and rows of every PostgreSQL entry of DATABASES."""
    code = source.encode("utf-8", "surrogatepass")
    reader = _Reader(code, path)
    root = parser().parse(code).root_node
    for node in _assignments(root):
        if node.type == "call":
            _update(node, reader)
            continue
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        if left is None or right is None:
            continue
        if left.type == "identifier":
            reader.names.setdefault(text(left), right)
            if text(left) == "DATABASES" and right.type == "dictionary":
                for alias, value in reader.aliases(right):
                    reader.entry(alias, value)
        elif left.type == "subscript":
            keys = re.fullmatch(r"DATABASES((?:\[\s*[\"']\w+[\"']\s*\]){1,3})", text(left))
            steps = re.findall(r"\w+", keys[1]) if keys else []
            if len(steps) == 1:
                reader.entry(steps[0], right)
            elif steps:
                reader.setting(steps[0], ".".join(steps[1:]), right, f"{text(left)} = ")
                reader.row(f"{steps[0]}.{'.'.join(steps[1:])}", right)
    return Databases(tuple(reader.reads), tuple(reader.settings), tuple(reader.rows))


def _update(call: Node, reader: "_Reader") -> None:
    """`DATABASES["default"].update(...)`, with a dictionary or what a function makes of a URL."""
    found = re.fullmatch(
        r"DATABASES\[\s*[\"'](\w+)[\"']\s*\]\.update", text(call.child_by_field_name("function"))
    )
    positional, keywords = _call_arguments(call)
    if found is not None:
        for value in positional[:1]:
            reader.entry(found[1], value)
        for key, value in keywords.items():
            if key in _SETTINGS:
                reader.setting(found[1], key, value, f"{key}=")
                reader.row(f"{found[1]}.{key}", value)


class _Reader:
    def __init__(self, code: bytes, path: str) -> None:
        self._rows = code.split(b"\n")
        self._path = path
        self.names: dict[str, Node] = {}
        self.reads: list[ConfigRead] = []
        self.settings: list[PlainValue] = []
        self.rows: list[tuple[str, Written, int]] = []

    def aliases(self, dictionary: Node) -> Iterator[tuple[str, Node]]:
        """The entries of DATABASES; the alias may be a constant."""
        for pair in dictionary.named_children:
            key, value = pair.child_by_field_name("key"), pair.child_by_field_name("value")
            if pair.type == "pair" and key is not None and value is not None:
                yield _string(self._followed(key)) or text(key), value

    def entry(self, alias: str, value: Node) -> None:
        """One database: a dictionary of parts, or a function that takes a URL."""
        value = self._followed(value)
        if value.type == "dictionary":
            pairs = list(_pairs(value))
            engine = next((item for key, _, item in pairs if key == "ENGINE"), None)
            literal = _string(self._followed(engine)) if engine is not None else None
            if literal is not None and not _POSTGRES.search(literal):
                return
            for key, _, item in pairs:
                self.row(f"{alias}.{_PARTS.get(key, key)}", item)
            for key, at, item in pairs:
                if key in _PARTS:
                    self._read(f"{alias}.{_PARTS[key]}", at, item)
                elif key in _SETTINGS:
                    self.setting(alias, key, item)
        elif value.type == "call" and _FROM_URL.fullmatch(text(value.child_by_field_name("function"))):
            self._from_url(alias, value)

    def _from_url(self, alias: str, call: Node) -> None:
        function = text(call.child_by_field_name("function")).rpartition(".")[2]
        positional, keywords = _call_arguments(call)
        first = keywords.get("env") or (positional[0] if positional else None)
        named = _string(first) if first is not None else None
        default = keywords.get("default")
        literal = _string(default) if default is not None else None
        if literal is not None and "://" in literal and not _POSTGRES.match(literal):
            default = literal = None  # sqlite:///db.sqlite3 for developers
        if function == "parse" or (named is not None and "://" in named):
            if first is not None:
                self._read(f"{alias}.url", call, first)
                self.row(f"{alias}.url", first)
        else:
            # dj_database_url.config() and env.db() read DATABASE_URL unless told otherwise
            variable = named if named and _VARIABLE.fullmatch(named) else "DATABASE_URL"
            stands_in = self.written(keywords["default"]) if "default" in keywords else None
            self.rows.append((f"{alias}.url", (Slot((variable,), stands_in),), call.start_point.row + 1))
            self._add(
                f"{alias}.url", call, (variable,), default if literal is not None else None, composed=False
            )
        for key in ("conn_max_age", "conn_health_checks", "disable_server_side_cursors"):
            if key in keywords:
                self.setting(alias, key.upper(), keywords[key], f"{key}=")
                self.row(f"{alias}.{key.upper()}", keywords[key])

    def setting(self, alias: str, key: str, value: Node, before: str = "") -> None:
        """A pool setting, dictionaries flattened: OPTIONS.pool.max_size. `before` stands before its value."""
        value = self._followed(value)
        if value.type == "dictionary":
            if key.count(".") < _DEEPEST:
                for inner, _, item in _pairs(value):
                    self.setting(alias, f"{key}.{inner}", item)
            return
        shown = self._age(value, _DEEPEST) if key == "CONN_MAX_AGE" else _plain(value)
        if shown is not None and "password" not in key.lower():
            self.settings.append(
                PlainValue(f"{alias}.{key}", shown, value.start_point.row + 1, before or f'"{key}": ')
            )

    def _age(self, node: Node, deep: int) -> str | None:
        """A number of seconds: written, computed of numbers, or "${NAME:-60}" of the environment; None: not known."""
        node = self._followed(node)
        plain = _plain(node)
        if plain is not None or deep == 0:
            return plain
        if node.type == "parenthesized_expression" and node.named_children:
            return self._age(node.named_children[0], deep - 1)
        if node.type == "binary_operator" and re.fullmatch(r"[\d\s*+()]{1,60}", text(node)):
            return text(node)
        if node.type == "conditional_expression":
            sides = [self._age(node.named_children[at], deep - 1) for at in (0, 2)]
            return next((side for side in sides if side not in (None, "0")), None)
        if node.type == "boolean_operator":
            sides = [self._age(side, deep - 1) for side in node.named_children]
            variable = env_value(sides[0] or "")
            return f"${{{variable[0]}:-{sides[-1]}}}" if variable is not None and sides[-1] else None
        if node.type not in ("call", "subscript"):
            return None
        positional, keywords = _call_arguments(node)
        first = positional[0] if positional else None
        if first is not None and text(node.child_by_field_name("function")) in ("int", "float"):
            return self._age(first, deep - 1)
        variables, _, _ = self._value(node, deep)
        fallback = keywords.get("default") or (positional[1] if len(positional) > 1 else None)
        if not variables:
            return None
        usual = self._age(fallback, deep - 1) if fallback is not None else None
        return f"${{{variables[0]}:-{usual}}}" if usual else f"${{{variables[0]}}}"

    def row(self, key: str, value: Node, deep: int = _DEEPEST) -> None:
        """A value of any kind, dictionaries flattened."""
        value = self._followed(value)
        if value.type == "dictionary" and deep:
            for inner, _, item in _pairs(value):
                self.row(f"{key}.{inner}", item, deep - 1)
        else:
            self.rows.append((key, self.written(value), value.start_point.row + 1))

    def written(self, node: Node, deep: int = _DEEPEST) -> Written:
        """What a value comes to: a literal, variables of the environment with what stands in for them, or not known."""
        node = self._followed(node)
        plain = _string(node)
        if plain is not None or node.type in ("integer", "true", "false"):
            shown = text(node).replace("_", "") if node.type == "integer" else text(node)
            made: Written = (plain if plain is not None else shown,)
            return made if made != ("",) else ()
        if node.type == "none":
            return ()
        if not deep:
            return UNKNOWN
        if node.type == "parenthesized_expression" and node.named_children:
            return self.written(node.named_children[0], deep - 1)
        if node.type == "string":
            return self._formatted(node, deep)
        if node.type == "boolean_operator" and text(node.child_by_field_name("operator")) == "or":
            return self._either(node, deep)
        if node.type == "subscript" and text(node.child_by_field_name("value")).endswith("environ"):
            index = node.child_by_field_name("subscript")
            name = _string(index) if index is not None else None
            return (Slot((name,)),) if name else UNKNOWN
        return self._called(node, deep) if node.type == "call" else UNKNOWN

    def _formatted(self, node: Node, deep: int) -> Written:
        """An f-string: its pieces."""
        pieces: list[str | Slot] = []
        for child in node.children:
            if child.type == "string_content":
                pieces.append(text(child))
            elif child.type == "interpolation":
                inner = child.child_by_field_name("expression")
                pieces += self.written(inner, deep - 1) if inner is not None else UNKNOWN
        return tuple(pieces)

    def _either(self, node: Node, deep: int) -> Written:
        """`a or b`: b where a variable is not set."""
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        first = self.written(left, deep - 1) if left is not None else UNKNOWN
        if len(first) != 1 or not isinstance(slot := first[0], Slot) or right is None:
            return first or (self.written(right, deep - 1) if right is not None else UNKNOWN)
        while slot.default and len(slot.default) == 1 and isinstance(slot.default[0], Slot):
            return UNKNOWN  # three and more
        return (slot._replace(default=self.written(right, deep - 1)),) if not slot.default else first

    def _called(self, node: Node, deep: int) -> Written:
        """os.getenv("X", "5"), env.int("X", default=5), int(...)."""
        positional, keywords = _call_arguments(node)
        called = text(node.child_by_field_name("function"))
        name = _string(positional[0]) if positional else None
        if name is None or not _VARIABLE.fullmatch(name):
            return (
                self.written(positional[0], deep - 1)
                if called in ("int", "str", "bool") and positional
                else UNKNOWN
            )
        owner, _, last = called.rpartition(".")
        reads = last in ("getenv", "env", "config") or last.startswith("get_env")
        reads = reads or (last == "get" and owner.endswith("environ"))
        if not (reads or (last in ("str", "int", "bool") and owner.endswith("env"))):
            return UNKNOWN
        stands_in = keywords.get("default") or (positional[1] if len(positional) > 1 else None)
        return (Slot((name,), self.written(stands_in, deep - 1) if stands_in is not None else None),)

    def _read(self, key: str, at: Node, value: Node) -> None:
        variables, literal, composed = self._value(value, _DEEPEST)
        self._add(key, at, variables, literal, composed=composed)

    def _add(
        self, key: str, at: Node, variables: tuple[str, ...], literal: Node | None, *, composed: bool
    ) -> None:
        line: int | None = None
        start = end = 0
        if literal is not None:
            row = literal.start_point.row
            written = text(literal)
            quote = len(written) - len(written.lstrip("rRbBuUfF")) + 1
            start = self._column(row, literal.start_point.column) + quote
            line, end = row + 1, start + max(len(written) - quote - 1, 0)
        self.reads.append(
            ConfigRead(
                key=key,
                role="app",
                variables=tuple(dict.fromkeys(variables)),
                literal=Secret(_string(literal) or "") if literal is not None else None,
                composed=composed,
                location=Location(
                    self._path,
                    at.start_point.row + 1,
                    self._column(at.start_point.row, at.start_point.column) + 1,
                ),
                literal_line=line,
                start=start,
                end=end,
            )
        )

    def _value(self, node: Node, deep: int) -> tuple[tuple[str, ...], Node | None, bool]:
        """Variables, literal, and whether something else goes in."""
        if deep == 0:
            return (), None, True
        node = self._followed(node)
        if _string(node) is not None:
            return (), node, False
        if node.type == "parenthesized_expression" and node.named_children:
            return self._value(node.named_children[0], deep - 1)
        if node.type == "subscript" and text(node.child_by_field_name("value")).endswith("environ"):
            index = node.child_by_field_name("subscript")
            found = _string(index) if index is not None else None
            return ((found,) if found else ()), None, found is None
        if node.type == "boolean_operator":
            sides = [node.child_by_field_name("left"), node.child_by_field_name("right")]
            parts = [self._value(side, deep - 1) for side in sides if side is not None]
            variables = tuple(name for part in parts for name in part[0])
            literal = next((part[1] for part in parts if part[1] is not None), None)
            return variables, literal, any(part[2] for part in parts)
        if node.type == "call":
            positional, keywords = _call_arguments(node)
            name = _string(positional[0]) if positional else None
            called = text(node.child_by_field_name("function"))
            if (
                name
                and _VARIABLE.fullmatch(name)
                and re.search(r"(?:getenv|environ\.get|env|config|str|int)$", called)
            ):
                fallback = keywords.get("default") or (positional[1] if len(positional) > 1 else None)
                inner = self._value(fallback, deep - 1) if fallback is not None else ((), None, False)
                return (name, *inner[0]), inner[1], False
        return (), None, node.type not in ("integer", "none")

    def _followed(self, node: Node) -> Node:
        """The value of a module-level name, as far as it goes."""
        for _ in range(_DEEPEST):
            if node.type != "identifier" or text(node) not in self.names:
                break
            node = self.names[text(node)]
        return node

    def _column(self, row: int, column: int) -> int:
        return len(self._rows[row][:column].decode("utf-8", "replace"))


def _string(node: Node) -> str | None:
    """The text of a plain string literal: no f-string with values in it, no bytes."""
    if node.type != "string" or any(child.type == "interpolation" for child in node.children):
        return None
    written = "".join(text(child) for child in node.children if child.type == "string_content")
    return re.sub(r"\\([\"'\\])", r"\1", written)


def _plain(node: Node) -> str | None:
    """The text of a string, number, True, False or None."""
    known = node.type in ("integer", "float", "true", "false", "none")
    return text(node) if known else _string(node)


def _assignments(root: Node) -> Iterator[Node]:
    """Every assignment, and call of update(), at module level or below an if or try, in the order of the file."""
    stack = [root]
    while stack:
        node = stack.pop()
        if node.type == "assignment" or (node.type == "call" and text(node).startswith("DATABASES")):
            yield node
        elif node.type not in ("function_definition", "class_definition", "lambda", "call"):
            stack.extend(reversed(node.children))


def _pairs(dictionary: Node) -> Iterator[tuple[str, Node, Node]]:
    for pair in dictionary.named_children:
        key, value = pair.child_by_field_name("key"), pair.child_by_field_name("value")
        if pair.type == "pair" and key is not None and value is not None:
            name = _string(key)
            if name is not None:
                yield name, key, value


def _call_arguments(call: Node) -> tuple[list[Node], dict[str, Node]]:
    arguments = call.child_by_field_name("arguments")
    positional: list[Node] = []
    keywords: dict[str, Node] = {}
    for argument in arguments.named_children if arguments is not None else []:
        name, value = argument.child_by_field_name("name"), argument.child_by_field_name("value")
        if argument.type == "keyword_argument" and name is not None and value is not None:
            keywords[text(name)] = value
        elif not argument.is_extra:
            positional.append(argument)
    return positional, keywords
