"""Nothing is collected for nobody: each key of the catalogue's files, and each field of a look, is read by something."""

import ast
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest

from poolcheck.catalogue import error_texts
from poolcheck.model.explanation import ErrorFile
from poolcheck.model.facts import Driver, PoolerFacts, Provider
from poolcheck.model.snapshot import BouncerSnapshot, Refusal, Snapshot

PACKAGE = Path(__file__).parents[2] / "poolcheck"
RECORDS = ("model/facts.py", "model/explanation.py", "model/snapshot.py")
LOADER = "catalogue/shelf.py"  # it reads every field, to check it: that is no use of one
FOR_TESTS = {
    "expect": "what is to be made of a driver's example",
    "crossings": "texts that two errors could both mean",
    "english": "the text whose translations stand beside it, held against PostgreSQL's own",
}


@cache
def read() -> frozenset[str]:
    """Every name that some module takes from an object, or looks for in the raw text of the files."""
    found: set[str] = set()
    for path in PACKAGE.rglob("*.py"):
        name = path.relative_to(PACKAGE).as_posix()
        if name != LOADER:
            tree = ast.parse(path.read_text(encoding="utf-8"))
            for part in functions(tree) if name in RECORDS else (tree,):
                found.update(taken(part))
    return frozenset(found)


def functions(tree: ast.Module) -> Iterator[ast.AST]:
    """The properties of records: what they read of themselves, they read for somebody."""
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def taken(part: ast.AST) -> Iterator[str]:
    """The names in it: `limit.plan`, `names("suffixes")` where a shelf is searched, `tables("makers")` where it is read in part."""
    for node in ast.walk(part):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
            yield node.attr
        elif (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in ("names", "tables")
        ):
            yield from (ast.literal_eval(arg) for arg in node.args if isinstance(arg, ast.Constant))


def kinds(root: Any) -> Iterator[Any]:
    """A record, and the records in its fields."""
    seen, waiting = set(), [root]
    while waiting:
        kind = waiting.pop()
        if is_dataclass(kind) and kind not in seen:
            seen.add(kind)
            yield kind
            waiting += get_type_hints(kind).values()
        waiting += get_args(kind)


SHARED = (error_texts._Pages, error_texts._Translations, error_texts._Names)
ROOTS = (Provider, Driver, PoolerFacts, ErrorFile, *SHARED, Snapshot, BouncerSnapshot, Refusal)
FIELDS = sorted(
    {(kind.__name__, field_.name) for root in ROOTS for kind in kinds(root) for field_ in fields(kind)}
)


@pytest.mark.parametrize(("kind", "name"), FIELDS, ids=[f"{kind}.{name}" for kind, name in FIELDS])
def test_somebody_reads_it(kind: str, name: str) -> None:
    """A key that only the loader knows is a page that nobody opens: it grows stale unseen."""
    assert name in read() or name in FOR_TESTS, f"{kind}.{name} is read nowhere"


def test_what_only_tests_read() -> None:
    """No more is named here than needs it: the package reads none of these."""
    assert not FOR_TESTS.keys() & read()
