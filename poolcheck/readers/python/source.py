"""Python to what rules may know of a file. Read with the language's own parser: what it refuses is not looked at."""

import ast
import contextlib
import io
import re
import tokenize
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence

from poolcheck.model.facts import Maker
from poolcheck.model.ignores import Comment, Ignores, following, ignores_of
from poolcheck.model.makers import Makers
from poolcheck.model.problem import Location
from poolcheck.model.source import Closed, Mark, Site, SourceFile
from poolcheck.readers import session_state
from poolcheck.readers.python.checkouts import checkouts
from poolcheck.readers.python.scope import MOST_CALLS, Module, dotted, place

_SENDS = frozenset(
    {"execute", "executemany", "fetch", "fetchval", "fetchrow", "exec_driver_sql", "text", "mogrify"}
)
_CLOSES = frozenset({"close", "dispose", "closeall", "terminate", "aclose"})


class Unreadable(Exception):
    """Why a file is not looked at, in a few words."""


def read(text: str, path: str, makers: Makers) -> tuple[SourceFile, Ignores]:
    """One file.

    Raises:
        Unreadable: it is not Python that this interpreter can parse.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about escapes in the file's own strings
            module = Module(text, path)
            calls = {f"{of}.{name}": maker for (of, name), maker in makers.calls.items()}
        if sum(_matters(module, call, calls) for call in module.calls) > 2 * MOST_CALLS:
            raise Unreadable("written by a program: too many places to look at")
        made = SourceFile(
            path=path,
            language="python",
            location=Location(path),
            sites=tuple(_sites(module, calls)),
            checkouts=tuple(checkouts(module, calls)),
            state=tuple(_state(module)),
            modules=tuple(Mark(name.partition(".")[0], 1, 1) for name in sorted(set(module.names.values()))),
        )
    except SyntaxError as error:
        raise Unreadable(f"is not Python as this version reads it (line {error.lineno})") from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise Unreadable("is nested too deep, or holds characters that no source has") from error
    return made, _ignores(text, module)


def _matters(module: Module, call: ast.Call, calls: Mapping[str, Maker]) -> bool:
    """Whether a call makes or takes a connection, or may."""
    verb = call.func.attr if isinstance(call.func, ast.Attribute) else ""
    return (
        verb in ("connect", "acquire", "getconn")
        or "ession" in dotted(call.func)
        or module.full(call.func) in calls
    )


def _sites(module: Module, calls: Mapping[str, Maker]) -> Iterator[Site]:
    for call in module.calls:
        made = calls.get(module.full(call.func))
        if made is None:
            continue
        url, database = _url(call)
        if database and not database.startswith(("postgres", "cockroach")):
            continue
        placed = place(module, call)
        yield Site(
            made=made,
            call=dotted(call.func)[:60],
            line=call.lineno,
            column=call.col_offset + 1,
            scope=placed.scope,
            within=placed.within,
            name=placed.name,
            closed=_closed(module, call, placed.name),
            options=tuple(_options(call)),
            complete=not any(each.arg is None for each in call.keywords),
            argument=database,
            url=url,
        )


def _url(call: ast.Call) -> tuple[str, str]:
    """(what names the URL, its scheme when that is written out)."""
    given = (
        call.args[0]
        if call.args
        else next((each.value for each in call.keywords if each.arg in ("url", "dsn", "conninfo")), None)
    )
    if isinstance(given, ast.JoinedStr) and given.values and isinstance(given.values[0], ast.Constant):
        given = given.values[0]
    if isinstance(given, ast.Constant) and isinstance(given.value, str):
        scheme, sep, _ = given.value.partition("://")
        return "", scheme.lower() if sep and len(scheme) < 30 else ""
    return (_named(given), "") if given is not None else ("", "")


def _named(node: ast.expr) -> str:
    """What names a connection string: `settings.database_url`, `DATABASE_URL` of the environment; never its text."""
    if isinstance(node, ast.Call | ast.Subscript):
        given = node.args[:1] if isinstance(node, ast.Call) else [node.slice]
        for each in given:
            if isinstance(each, ast.Constant) and re.fullmatch(r"[A-Z][A-Z0-9_]*", str(each.value)):
                return str(each.value)
            if isinstance(each, ast.Name | ast.Attribute):
                return dotted(each)[:80]
        return dotted(node.func)[:80] if isinstance(node, ast.Call) else ""
    return dotted(node)[:80]


def _options(call: ast.Call) -> Iterator[tuple[str, str]]:
    """Keywords with values that can be no secret; one level into dictionaries: connect_args.statement_cache_size."""
    for each in call.keywords:
        if each.arg is None:
            continue
        yield each.arg, _plain(each.value)
        if isinstance(each.value, ast.Dict):
            for key, value in zip(each.value.keys, each.value.values, strict=True):
                if isinstance(key, ast.Constant) and isinstance(key.value, str):
                    yield f"{each.arg}.{key.value}", _plain(value)


def _plain(node: ast.expr) -> str:
    if isinstance(node, ast.Constant) and not isinstance(node.value, str | bytes):
        return repr(node.value)
    if (
        isinstance(node, ast.UnaryOp)
        and isinstance(node.op, ast.USub)
        and isinstance(node.operand, ast.Constant)
    ):
        return f"-{_plain(node.operand)}"
    return dotted(node)[:40] or "..."


def _in_with(module: Module, call: ast.Call) -> bool:
    return any(isinstance(each, ast.withitem) for each in list(module.up(call))[:3])


def _closed(module: Module, call: ast.Call, name: str) -> Closed:
    """Whether the function that makes it also closes it."""
    if _in_with(module, call):
        return "always"
    function = module.function(call)
    if function is None or not name:
        return "no"
    found: Closed = "no"
    for node in ast.walk(function):
        if isinstance(node, ast.Attribute) and node.attr in _CLOSES and dotted(node.value) == name:
            inner: ast.AST = node
            for outer in module.up(node):
                if isinstance(outer, ast.Try) and any(inner is each for each in outer.finalbody):
                    return "always"
                inner = outer
            found = "sometimes"
        if isinstance(node, ast.withitem) and name in ast.unparse(node.context_expr):
            return "always"
    return found


def _state(module: Module) -> Iterator[Mark]:
    """Session state in SQL that is sent: the argument of execute() and its like."""
    for call in module.calls:
        verb = dotted(call.func).rpartition(".")[2] or (
            call.func.attr if isinstance(call.func, ast.Attribute) else ""
        )
        if verb not in _SENDS or not call.args:
            continue
        given = call.args[0]
        if isinstance(given, ast.JoinedStr):
            statement = "".join(
                str(each.value) if isinstance(each, ast.Constant) else "x" for each in given.values
            )
        elif isinstance(given, ast.Constant) and isinstance(given.value, str):
            statement = given.value
        else:
            continue
        kind = session_state.state_of(statement)
        if kind:
            yield Mark(kind, given.lineno, given.col_offset + 1, session_state.beginning(statement))


def _ignores(text: str, module: Module) -> Ignores:
    """The ignore comments: behind code for its line, alone for the statement below."""
    if "poolcheck" not in text.lower():
        return Ignores()
    rows = text.splitlines()
    statements = {node.lineno: node for node in ast.walk(module.tree) if isinstance(node, ast.stmt)}
    code = following([re.match(r"\s*(?:#|$)", row) is None for row in rows])

    def below(line: int) -> Iterable[int]:
        """The lines of a statement; of a function or class its first one alone."""
        first = code[line]
        if not first:
            return ()
        statement = statements.get(first)
        if statement is None or isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            return (first,)
        return range(first, (statement.end_lineno or first) + 1)

    return ignores_of(_comments(text, rows), below)


def _comments(text: str, rows: Sequence[str]) -> Iterator[Comment]:
    """The comments, as far as the file can be read."""
    with contextlib.suppress(tokenize.TokenError, IndentationError):
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT:
                line, column = token.start
                yield Comment(token.string, line, not rows[line - 1][:column].strip())
