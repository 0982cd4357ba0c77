"""How often a piece of Python runs: once, for each request, or when some other function calls it."""

import re
from collections.abc import Iterator
from itertools import takewhile

from tree_sitter import Node

from poolcheck.model.source import TASK
from poolcheck.readers.python.tree import Module, arguments, bare, body, called, dotted, parameters
from poolcheck.readers.syntax import Placed, field, text, within

_ROUTES = frozenset(
    "get post put patch delete head options route api_route websocket websocket_route before_request after_request "
    "teardown_request middleware errorhandler on_request on_call http".split()
)
_NOT_ROUTES = frozenset({"command", "task", "fixture", "group", "on_event"})
# What a worker runs for each job, in a process that stays: Celery, Dramatiq, Huey, taskiq. Tasks of Airflow, Prefect and invoke
# have a process of their own.
_JOBS = frozenset({"shared_task", "actor", "periodic_task", "db_task", "db_periodic_task"})
_WORKERS = ("app", "celery", "huey", "broker")  # how the name of what has a `task` ends
MOST_CALLS = (
    200  # of one function that are looked at, and twice as many connections: nobody writes more by hand
)
_KEEPERS = re.compile(
    r"(?:^|\.)(?:lru_cache|cache|cached|cache_resource|cached_property|singleton|memoize|once)$"
)
_PER_REQUEST = ("g.", "request.")  # flask's, and what frameworks hand to a view
_MISSING = re.compile(r"\bnot\b|\bis None\b|not in\b|hasattr ?\(|\bNone ?==|== ?None")
_LONGEST_TEST = 2_000  # characters of a condition that are looked at
_VIEWS = re.compile(r"(?:^|/)(?:views|handlers|endpoints)(?:/|\.py)")
_METHODS = frozenset({"get", "post", "put", "patch", "delete", "dispatch"})


class Scopes:
    """What the calls of a file say about its functions: which are dependencies, which routes, who calls whom."""

    def __init__(self, module: Module, calls: list[Node]) -> None:
        self.module = module
        self.depends: set[str] = set()
        self.routes: set[str] = set()  # functions given to add_api_route() and its like
        self._called: dict[str, list[Node]] = {}  # by the name that is called
        self._known: dict[int, Placed] = {}
        for call in calls:
            name = dotted(called(call))
            self._called.setdefault(name, []).append(call)
            self._registered(call, name.rpartition(".")[2])

    def _registered(self, call: Node, verb: str) -> None:
        if verb in ("Depends", "Security"):
            self.depends.update(dotted(given) for given in arguments(call)[:1])
        elif verb in ("add_api_route", "add_route", "add_url_rule"):
            given = arguments(call)
            if len(given) > 1:
                self.routes.add(dotted(given[-1]))

    def place(self, call: Node) -> Placed:
        """How often the value that a call makes is made."""
        found = self._place(call)
        function = self.module.function(call)
        if found.scope != "function" or function is None:
            return found
        for caller in self._called.get(name_of(function), ())[:MOST_CALLS]:
            if self.module.function(caller) != function:
                placed = self._place(caller)
                if placed.scope == "request":
                    return placed._replace(name=found.name)
        return found

    def reached_as(self, call: Node) -> tuple[str, ...]:
        """The names by which other files have the value made: of its function, of its class, or of who calls it."""
        function = self.module.function(call)
        if function is None:
            return ()
        found = self._name_at_top(function)
        if found:
            names = {found}
            for caller in self._called.get(found, ())[:MOST_CALLS]:
                outer = self.module.function(caller)
                if outer is not None and outer != function:
                    names.add(self._name_at_top(outer))
            return tuple(sorted(names - {""}))
        return ()

    def _name_at_top(self, function: Node) -> str:
        """The name of a function of the module, or of the class whose `__init__` it is."""
        outer = self.module.parent(function)
        if outer is not None and outer.type == "module":
            return name_of(function)
        init = outer is not None and outer.type == "class_definition" and name_of(function) == "__init__"
        return name_of(outer) if init and outer is not None else ""

    def _place(self, call: Node) -> Placed:
        """The same, as far as the function says in which it stands."""
        if call.id not in self._known:
            self._known[call.id] = self._look(call)
        return self._known[call.id]

    def _look(self, call: Node) -> Placed:
        module = self.module
        function = module.function(call)
        name = bound(module, call)
        if function is None:
            return Placed("module", name=name)
        around = list(_functions(module, call))
        if any(_kept(module, outer) for outer in around):
            return Placed("cached", name=name)
        if _guarded(module, call, function) and _outlives(module, name, function):
            return Placed("cached", name=name)
        if _inside_of_guard(module, call, function):
            return Placed("cached", name=name)
        words = next(filter(None, map(self.handler, around)), "")
        return Placed("request", words, name) if words else Placed("function", name=name)

    def handler(self, function: Node) -> str:
        """What a function is when it runs for each request, in words; "" when that is not known."""
        name = name_of(function)
        for decorator in self.module.decorators(function):
            decided = _by_decorator(decorator, name)
            if decided is not None:
                return decided
        if name in self.routes:
            return f"the route {name}()"
        if name in self.depends:
            return f"the dependency {name}()"
        return self._by_parameters(function, name) or (
            f"{name}(), once for each request," if self._bound_to_g(function) else ""
        )

    def _by_parameters(self, function: Node, name: str) -> str:
        given = parameters(function)
        if given[:2] == ["event", "context"] or name == "lambda_handler":
            return f"the function handler {name}()"
        outer = self.module.parent(function)
        if outer is not None and outer.type == "class_definition":
            method = given[:2] == ["self", "request"] and name in _METHODS
            return f"the view method {name}()" if method else ""
        return f"the view {name}()" if given[:1] == ["request"] and _VIEWS.search(self.module.path) else ""

    def _bound_to_g(self, function: Node) -> bool:
        """Whether the function puts something on flask's `g`, which lives as long as a request."""
        for node in self.module.uses("g", function):
            outer = self.module.parent(node)
            if outer is None or outer.type != "attribute" or not _begins(outer, node):
                continue
            while (above := self.module.parent(outer)) is not None and above.type == "attribute":
                outer = above
            if self.module.stored(outer):
                return True
        return False


def _begins(attribute: Node, node: Node) -> bool:
    """Whether a name is what an attribute is taken of."""
    owner = field(attribute, "object")
    return owner is not None and within(node, owner)


def _functions(module: Module, call: Node) -> Iterator[Node]:
    """The functions around a call, from the inside out."""
    outer = module.function(call)
    while outer is not None:
        module.spend(10)
        yield outer
        outer = module.function(outer)


def name_of(function: Node) -> str:
    """The name of a function."""
    return text(field(function, "name"))


def bound(module: Module, node: Node) -> str:
    """The variable that a value is bound to: `conn`, `self.pool`, `g.db`; "" when it is not."""
    outer = module.parent(node)
    while outer is not None and outer.type == "await":
        node, outer = outer, module.parent(outer)
    if outer is not None and outer.type == "assignment" and is_value(outer, node):
        above = module.parent(outer)
        several = above is not None and above.type == "assignment"
        return "" if several else dotted(field(outer, "left"))
    if outer is not None and outer.type == "named_expression" and is_value(outer, node, "value"):
        return dotted(field(outer, "name"))
    return ""


def is_value(outer: Node, node: Node, name: str = "right") -> bool:
    """Whether a node is the value of an assignment, brackets aside."""
    return bare(field(outer, name)) == node


def _kept(module: Module, function: Node) -> bool:
    """Whether what a function returns is kept and given to the next caller."""
    return any(_KEEPERS.search(name.removesuffix("()")) for name in module.decorators(function))


def _guarded(module: Module, node: Node, function: Node) -> bool:
    """Whether the value is only made when there is none yet."""
    inner = node
    for outer in takewhile(lambda outer: outer != function, module.up(node)):
        if outer.type in ("except_clause", "except_group_clause"):
            return True
        if outer.type == "boolean_operator" and text(field(outer, "operator")) == "or":
            return True
        if any(_MISSING.search(_words(test)) for test in _tests(module, outer, inner)):
            return True
        inner = outer
    for statement in body(function):
        if statement.start_point.row >= node.start_point.row:
            break
        if statement.type == "if_statement":
            if any(child.type == "return_statement" for child in body(statement, "consequence")):
                return True
    return False


_GUARD = re.compile(r"(?:not\s+([\w.]+)|([\w.]+)\s+is\s+None)")


def _inside_of_guard(module: Module, node: Node, function: Node) -> bool:
    """Whether it is made beside what a guard makes: what `if pool is None: pool = ...` does besides runs once."""
    for outer in takewhile(lambda outer: outer != function, module.up(node)):
        condition = field(outer, "condition") if outer.type == "if_statement" else None
        found = _GUARD.fullmatch(_words(condition)) if condition is not None else None
        if found is None:
            continue
        kept = found[1] or found[2]
        for assignment in module.inside(module.assignments, function):
            inside = within(assignment, outer) and dotted(field(assignment, "left")) == kept
            if inside and _outlives(module, kept, function):
                return True
    return False


def _tests(module: Module, outer: Node, inner: Node) -> Iterator[Node]:
    """The conditions that decide whether `inner` runs."""
    if outer.type == "conditional_expression":
        yield [child for child in outer.named_children if not child.is_extra][1]
    if outer.type in ("if_statement", "elif_clause"):
        yield from filter(None, [field(outer, "condition")])
    if outer.type == "if_statement":
        branches = outer.children_by_field_name("alternative")
        module.spend(100 * len(branches))
        for branch in branches:
            if branch.type == "elif_clause" and branch.start_byte < inner.start_byte:
                yield from filter(None, [field(branch, "condition")])


def _words(test: Node) -> str:
    """The text of a condition on one line, without comments."""
    lines = re.sub(r"(?m)(?:^|\s)#.*$", " ", text(test)[:_LONGEST_TEST])
    return " ".join(lines.split())


def _outlives(module: Module, name: str, function: Node) -> bool:
    """Whether the name is there after the function has returned; flask's g ends with the request."""
    if name.startswith(_PER_REQUEST):
        return False
    if "." in name:
        return True
    for statement in module.inside(module.outer_names, function):
        if name and any(text(child) == name for child in statement.named_children):
            return True
    return any(_keeps(module, node, name) for node in module.inside(module.assignments, function))


def _keeps(module: Module, assignment: Node, name: str) -> bool:
    """Whether an assignment puts the value of a name on an object or into a collection that outlives the request."""
    value = bare(field(assignment, "right"))
    if field(assignment, "type") is not None or value is None or value.type == "assignment":
        return False
    first = assignment
    while (above := module.parent(first)) is not None and above.type == "assignment":
        module.spend(10)
        first = above
    target = bare(field(first, "left"))
    return (
        target is not None
        and target.type in ("attribute", "subscript")
        and dotted(value) == name
        and not dotted(target).startswith(_PER_REQUEST)
    )


def _by_decorator(decorator: str, name: str) -> str | None:
    """What a decorator makes of a function: "" says that it is no handler, None that it does not tell."""
    calls = decorator.endswith("()")
    owner, _, verb = decorator.removesuffix("()").rpartition(".")
    if verb in _ROUTES and owner and (calls or verb in ("http", "before_request")):
        return None if owner.startswith(("mock", "patch", "requests", "responses")) else f"the route {name}()"
    if verb in _JOBS or (verb == "task" and owner.lower().endswith(_WORKERS)):
        return f"{TASK}{name}()"
    if verb in ("api_view", "require_http_methods", "csrf_exempt"):
        return f"the view {name}()"
    return "" if verb in _NOT_ROUTES else None
