"""How often a piece of Python runs: once, for each request, or when some other function calls it."""

import ast
import re
from collections.abc import Iterator
from typing import NamedTuple

from poolcheck.model.source import Scope

Function = ast.FunctionDef | ast.AsyncFunctionDef
_ROUTES = frozenset(
    "get post put patch delete head options route api_route websocket websocket_route before_request after_request "
    "teardown_request middleware errorhandler on_request on_call http".split()
)
_NOT_ROUTES = frozenset({"command", "task", "fixture", "group", "on_event"})
MOST_CALLS = (
    200  # of one function that are looked at, and twice as many connections: nobody writes more by hand
)
_KEEPERS = re.compile(
    r"(?:^|\.)(?:lru_cache|cache|cached|cache_resource|cached_property|singleton|memoize|once)$"
)


_PER_REQUEST = ("g.", "request.")  # flask's, and what frameworks hand to a view


class Placed(NamedTuple):
    """Where a value is made, and which variable it is bound to."""

    scope: Scope
    within: str = ""
    name: str = ""


class Module:
    """One parsed file: parents of nodes, imported names, functions by name."""

    def __init__(self, text: str, path: str) -> None:
        self.path = path
        self.tree = ast.parse(text)
        self.parents: dict[ast.AST, ast.AST] = {}
        self.names: dict[str, str] = {}  # local name → dotted name of what it is
        self.calls: list[ast.Call] = []
        self.depends: set[str] = set()
        self.routes: set[str] = set()  # functions given to add_api_route() and its like
        stack: list[ast.AST] = [self.tree]
        while stack:
            node = stack.pop()
            for child in ast.iter_child_nodes(node):
                self.parents[child] = node
                stack.append(child)
            if isinstance(node, ast.Import):
                for alias in node.names:
                    bound = alias.asname or alias.name.partition(".")[0]
                    self.names[bound] = alias.name if alias.asname else alias.name.partition(".")[0]
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                self.names.update(
                    {each.asname or each.name: f"{node.module}.{each.name}" for each in node.names}
                )
            elif isinstance(node, ast.Call):
                self.calls.append(node)
                verb = dotted(node.func).rpartition(".")[2]
                if verb in ("Depends", "Security") and node.args:
                    self.depends.add(dotted(node.args[0]))
                elif verb in ("add_api_route", "add_route", "add_url_rule") and len(node.args) > 1:
                    self.routes.add(dotted(node.args[-1]))
        self.calls.sort(key=lambda call: (call.lineno, call.col_offset))
        self.called: dict[str, list[ast.Call]] = {}  # by the name that is called
        for call in self.calls:
            self.called.setdefault(dotted(call.func), []).append(call)

    def full(self, node: ast.AST) -> str:
        """The dotted name of what an expression names, imports resolved: "psycopg2.connect"."""
        words = dotted(node)
        first, _, rest = words.partition(".")
        known = self.names.get(first)
        return words if known is None else known + (f".{rest}" if rest else "")

    def up(self, node: ast.AST) -> Iterator[ast.AST]:
        """What a node stands in, from the inside out."""
        found = self.parents.get(node)
        while found is not None:
            yield found
            found = self.parents.get(found)

    def function(self, node: ast.AST) -> Function | None:
        """The function a node stands in."""
        for outer in self.up(node):
            if isinstance(outer, ast.FunctionDef | ast.AsyncFunctionDef):
                return outer
        return None


def dotted(node: ast.AST) -> str:
    """`a.b.c` of names and attributes; "" for anything else."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return ""
    return ".".join([node.id, *reversed(parts)])


def bound(module: Module, node: ast.AST) -> str:
    """The variable that a value is bound to: `conn`, `self.pool`, `g.db`; "" when it is not."""
    inner = node
    for outer in module.up(node):
        if isinstance(outer, ast.Await):
            inner = outer
            continue
        if isinstance(outer, ast.Assign) and outer.value is inner and len(outer.targets) == 1:
            return dotted(outer.targets[0])
        if isinstance(outer, ast.AnnAssign | ast.NamedExpr) and outer.value is inner:
            return dotted(outer.target)
        return ""
    return ""


def place(module: Module, node: ast.AST, *, deep: int = 0) -> Placed:
    """How often the value at `node` is made."""
    function = module.function(node)
    name = bound(module, node)
    if function is None:
        return Placed("module", name=name)
    outer: Function | None = function
    while outer is not None:
        if any(_KEEPERS.search(decorator_name(each)) for each in outer.decorator_list):
            return Placed("cached", name=name)
        outer = module.function(outer)
    if _guarded(module, node, function) and _outlives(name, function):
        return Placed("cached", name=name)
    outer = function
    while outer is not None:
        found = handler(module, outer)
        if found:
            return Placed("request", found, name)
        outer = module.function(outer)
    if deep == 0:
        for call in module.called.get(function.name, ())[:MOST_CALLS]:
            if module.function(call) is not function:
                placed = place(module, call, deep=1)
                if placed.scope == "request":
                    return placed._replace(name=name)
    return Placed("function", name=name)


def _guarded(module: Module, node: ast.AST, function: Function) -> bool:
    """Whether the value is only made when there is none yet."""
    for outer in module.up(node):
        if outer is function:
            break
        if isinstance(outer, ast.If | ast.IfExp):
            test = ast.unparse(outer.test)
            if re.search(r"\bnot\b|\bis None\b|not in\b|hasattr\(|\bNone\s*==|==\s*None", test):
                return True
        if isinstance(outer, ast.BoolOp) and isinstance(outer.op, ast.Or):
            return True
        if isinstance(outer, ast.ExceptHandler):
            return True
    for statement in function.body:
        if statement.lineno >= getattr(node, "lineno", 0):
            break
        if isinstance(statement, ast.If) and any(isinstance(each, ast.Return) for each in statement.body):
            return True
    return False


def _outlives(name: str, function: Function) -> bool:
    """Whether the name is there after the function has returned; flask's g ends with the request."""
    if name.startswith(_PER_REQUEST):
        return False
    if "." in name:
        return True
    return any(
        isinstance(each, ast.Global | ast.Nonlocal) and name in each.names for each in ast.walk(function)
    ) or any(
        isinstance(each, ast.Assign)
        and isinstance(each.targets[0], ast.Attribute | ast.Subscript)
        and dotted(each.value) == name
        and not dotted(each.targets[0]).startswith(_PER_REQUEST)
        for each in ast.walk(function)
    )


def decorator_name(node: ast.expr) -> str:
    """The dotted name of a decorator, with or without arguments."""
    return dotted(node.func if isinstance(node, ast.Call) else node)


def handler(module: Module, function: Function) -> str:
    """What a function is when it runs for each request, in words; "" when that is not known."""
    for each in function.decorator_list:
        name = decorator_name(each)
        owner, _, verb = name.rpartition(".")
        if verb in _ROUTES and owner and (isinstance(each, ast.Call) or verb in ("http", "before_request")):
            if owner.startswith(("mock", "patch", "requests", "responses")):
                continue
            return f"the route {function.name}()"
        if verb in ("api_view", "require_http_methods", "csrf_exempt"):
            return f"the view {function.name}()"
        if verb in _NOT_ROUTES:
            return ""
    given = [each.arg for each in function.args.args]
    if function.name in module.routes:
        return f"the route {function.name}()"
    if function.name in module.depends:
        return f"the dependency {function.name}()"
    if given[:2] == ["event", "context"] or function.name == "lambda_handler":
        return f"the function handler {function.name}()"
    within_class = isinstance(module.parents.get(function), ast.ClassDef)
    if (
        not within_class
        and given[:1] == ["request"]
        and re.search(r"(?:^|/)(?:views|handlers|endpoints)(?:/|\.py)", module.path)
    ):
        return f"the view {function.name}()"
    if (
        within_class
        and given[:2] == ["self", "request"]
        and function.name in ("get", "post", "put", "patch", "delete", "dispatch")
    ):
        return f"the view method {function.name}()"
    if bound_to_g(function):
        return f"{function.name}(), once for each request,"
    return ""


def bound_to_g(function: Function) -> bool:
    """Whether the function puts something on flask's `g`, which lives as long as a request."""
    return any(
        isinstance(each, ast.Attribute) and isinstance(each.ctx, ast.Store) and dotted(each).startswith("g.")
        for each in ast.walk(function)
    )
