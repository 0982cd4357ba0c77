"""Imports point one way: the ground below everything, the doors on top, packages of one floor apart."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "poolcheck"

# From the ground up. A package may import those of lower floors, and itself.
FLOORS = (
    ("errors", "record", "text", "__init__"),
    ("connection",),
    ("config",),
    ("model",),
    ("catalogue", "readers"),
    ("capacity", "explain"),
    ("rules", "project", "output"),
    ("diagnosis", "reference"),
    ("live",),
    ("gate", "fix"),
    ("api",),
    ("demo",),
    ("cli", "commands"),
    ("__main__",),
)
FLOOR = {name: floor for floor, names in enumerate(FLOORS) for name in names}
# What the moves alone left pointing up; the next commit opens it.
UP = {
    ("__init__", "api"), ("__init__", "errors"), ("__init__", "model"), ("diagnosis", "live"), ("explain", "diagnosis"),
    ("output", "live"), ("project", "rules"), ("rules", "live"),
}  # fmt: skip


def modules() -> list[Path]:
    """Every module of the package."""
    return sorted(ROOT.rglob("*.py"))


def part(path: Path) -> str:
    """The folder or module below poolcheck that a file belongs to."""
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imported(path: Path) -> set[str]:
    """The parts of poolcheck that a module imports, inside functions too; what only mypy imports is left out."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    guarded = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING"
        for node in ast.walk(block)
    }
    found = set()
    for node in ast.walk(tree):
        if id(node) in guarded:
            continue
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("poolcheck"):
            if node.module == "poolcheck":
                found |= {alias.name for alias in node.names}
            else:
                found.add(node.module.split(".")[1])
        elif isinstance(node, ast.Import):
            found |= {alias.name.split(".")[1] for alias in node.names if alias.name.startswith("poolcheck.")}
    return found - {"__version__"}


@pytest.mark.parametrize("path", modules(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_imports_point_down(path: Path) -> None:
    """No package imports one of its own floor or of a higher one."""
    own = part(path)
    for other in imported(path) - {own}:
        assert FLOOR[other] < FLOOR[own] or (own, other) in UP, f"{own} imports {other}"


@pytest.mark.parametrize("command", ["lint", "size"])
def test_heavy_libraries_stay_out(command: str) -> None:
    """A plain run imports neither psycopg nor rich, sqlparse, tree-sitter or dotenv."""
    arguments = {
        "lint": ["lint", "postgresql://app:x@localhost/app"],
        "size": ["size", "--max", "100", "--instances", "10"],
    }
    code = (
        "import sys\nfrom poolcheck.cli import run\n"
        f"run({arguments[command]!r})\n"
        "heavy = {'psycopg', 'rich', 'sqlparse', 'tree_sitter', 'dotenv', 'pathspec'} & set(sys.modules)\n"
        "sys.exit(f'imported: {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("path", modules(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_possessive_groups(path: Path) -> None:
    """`(...)?+` and its kin match wrongly before Python 3.11.5: https://github.com/python/cpython/issues/106052."""
    assert not re.search(r"\)(?:[*+?]|\{\d+(?:,\d*)?\})\+|\(\?>", path.read_text(encoding="utf-8"))
