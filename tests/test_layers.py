"""Imports point one way: core and errors below everything, commands and cli on top, siblings apart."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "poolcheck"

# Lower may not import higher. Folders and modules not named here are found by their folder's layer.
LAYERS: dict[str, int] = {
    "core": 1, "errors": 1,
    "catalogue": 2, "shelf": 2, "config": 2, "sql": 2, "sizing": 2, "simulation": 2, "suppress": 2, "resolve": 2,
    "roles": 2, "sums": 2, "walk": 2, "error_catalogue": 2, "looks": 2, "leaks": 2, "sizing_words": 2, "queueing": 2,
    "event_simulation": 2, "formulas": 2, "config_values": 2,
    "readers": 3, "rules": 3, "live": 3, "output": 3,
    "cli": 6, "commands": 6, "__main__": 7, "__init__": 0,
}  # fmt: skip
APART = ("readers", "rules", "live", "output")


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


def layer(name: str) -> int:
    """The layer of a part; what is not listed joins things together: layer 4 or 5."""
    return LAYERS.get(name, 4)


@pytest.mark.parametrize("path", modules(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_imports_point_down(path: Path) -> None:
    """No module imports from a higher layer, and readers, rules, live and output never import one another."""
    own = part(path)
    for other in imported(path):
        assert layer(other) <= layer(own), f"{own} imports {other}"
        if own in APART and other in APART:
            assert own == other, f"{own} imports {other}"


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
