"""Imports point one way: the ground below everything, the doors on top, packages of one floor apart."""

import ast
import re
import subprocess
import sys
from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "poolcheck"

# The plan, from the ground up: a package may import what stands on lower floors, and itself. Every module and package
# that stands directly in `poolcheck/` is named; a new one has to find its floor here, or better, a room in a package.
FLOORS = (
    ("record", "text", "version"),
    ("connection",),
    ("errors",),
    ("config",),
    ("model",),
    ("catalogue", "readers", "capacity"),
    ("rules", "project", "output", "explain"),
    ("diagnosis", "reference"),
    ("live",),
    ("gate", "fix", "api", "demo", "cli"),
    ("__init__", "__main__", "commands"),
)
TESTS = Path(__file__).parent
SHARED = {
    "validation",
    "field",
}  # models held against a real clock; public reports, whatever part they concern
UNTESTED_ALONE = {"output/sections"}  # seen through the formats
FLOOR = {name: floor for floor, names in enumerate(FLOORS) for name in names}


def modules() -> list[Path]:
    """Every module of the package."""
    return sorted(ROOT.rglob("*.py"))


def dotted(path: Path) -> str:
    """The name that a module is imported by."""
    return ".".join(path.relative_to(ROOT.parent).with_suffix("").parts).removesuffix(".__init__")


NAMES = {dotted(path) for path in modules()}


def imported(path: Path) -> set[str]:
    """The modules of poolcheck that a module imports: inside functions, and for type checkers alone, too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "poolcheck":
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                found.add(inner if inner in NAMES else node.module)
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name.split(".")[0] == "poolcheck"}
    return found - {dotted(path)}


IMPORTS = {dotted(path): imported(path) for path in modules()}


def part(name: str) -> str:
    """The package or module directly below poolcheck that a module belongs to; `__init__` is the face."""
    return name.split(".")[1] if "." in name else "__init__"


def circles(graph: Mapping[str, set[str]]) -> list[list[str]]:
    """Every ring of names that reach each other."""
    sorter = TopologicalSorter(graph)
    try:
        sorter.prepare()
    except CycleError as error:
        ring: list[str] = error.args[1]
        return [ring]
    return []


def test_every_room_at_the_top_has_its_floor() -> None:
    """What stands in `poolcheck/` is what the plan names: nothing is added there in passing."""
    there = {path.name.removesuffix(".py") for path in ROOT.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}  # fmt: skip

    assert there == set(FLOOR)
    assert len(there) <= 25


@pytest.mark.parametrize("name", sorted(IMPORTS))
def test_imports_point_down(name: str) -> None:
    """No package imports one of its own floor or of a higher one."""
    own = part(name)
    for other in {part(each) for each in IMPORTS[name]} - {own}:
        assert FLOOR[other] < FLOOR[own], f"{name} imports {other}"


def test_a_look_knows_no_format() -> None:
    """What a server said is judged the same, whoever shows it."""
    assert not [
        name for name, others in IMPORTS.items() if part(name) == "live" and "output" in map(part, others)
    ]


def test_no_circles() -> None:
    """Neither between modules of one package nor of several, lazy imports and those for types counted."""
    assert circles(IMPORTS) == []


def test_circles_are_seen() -> None:
    """A test that cannot fail would hold nothing."""
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a"}})


def test_packages_below_a_package_have_no_circles() -> None:
    """Two folders of one package do not import each other: javascript and python. One inside the other may."""
    folders: dict[str, set[str]] = {}
    for name, others in IMPORTS.items():
        own = folder(name)
        apart = {each for each in map(folder, others) if not (own + ".").startswith(each + ".")}
        folders.setdefault(own, set()).update(each for each in apart if not each.startswith(own + "."))

    assert circles(folders) == []


def test_tests_mirror_the_package() -> None:
    """What tests a package stands in the folder of its name; what tests no single one, at the top or in SHARED."""
    packages = {path.parent.relative_to(ROOT).as_posix() for path in modules() if path.name == "__init__.py"}
    tests = {path.parent.relative_to(TESTS).as_posix() for path in TESTS.rglob("test_*.py")}

    assert tests - packages - SHARED == set()
    assert packages - tests - UNTESTED_ALONE == set()


def test_module_names_mean_one_thing() -> None:
    """A stem is one job. Where a thing is seen, it keeps its name: its type, its command, its format, its section."""
    faces = {"model", "commands", "output", "output/sections"}
    homes: dict[str, set[str]] = {}
    for path in modules():
        place = path.parent.relative_to(ROOT).as_posix()
        if place not in faces and not path.stem.startswith("__"):
            homes.setdefault(path.stem, set()).add(
                re.sub(r"^readers/(javascript|python)$", "readers/LANGUAGE", place)
            )

    assert {stem: places for stem, places in homes.items() if len(places) > 1} == {}


def test_class_names_mean_one_thing() -> None:
    """Whoever reads a name need not ask whose it is. The readers of two languages are alike on purpose."""
    homes: dict[str, set[str]] = {}
    for path in modules():
        place = path.relative_to(ROOT).as_posix()
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                alike = re.sub(r"^readers/(javascript|python)/", "readers/LANGUAGE/", place)
                homes.setdefault(node.name, set()).add(alike)

    assert {name: places for name, places in homes.items() if len(places) > 1} == {}


def folder(name: str) -> str:
    """The package that a module stands in; a package's face is in it too."""
    path = ROOT.parent / Path(*name.split("."))
    return name if path.is_dir() else name.rpartition(".")[0]


# Who starts programs or processes, and by what. Nothing else in the package may, by any door that Python has.
STARTERS = {
    "project/git.py": {"subprocess"},  # git, asked for names and ids
    "config/staged.py": {"ctypes"},  # the C library's renameat2, which Python does not have
    "demo/server.py": {"subprocess"},  # the demo's own PostgreSQL
    "demo/story.py": {"os.fork"},  # itself, to hold the sessions of --keep
    "explain/workers.py": {"multiprocessing", "concurrent.futures"},  # itself, for large logs
}
DOORS = {
    "subprocess", "multiprocessing", "concurrent.futures", "_posixsubprocess", "pty", "webbrowser", "ctypes", "cffi", "runpy", "code",
    "asyncio", "imp", "posix", "nt", "platform",
}  # fmt: skip
CALLS = re.compile(
    r"(system|popen|exec[lv]p?e?|spawn[lv]p?e?|posix_spawnp?|fork|forkpty|startfile|eval|exec|compile|__import__)$"
)


def starts(source: str) -> set[str]:
    """The doors through which a module can start a program, or run text as Python."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names = [node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)]
        found |= {door for door in DOORS for name in names if name == door or name.startswith(door + ".")}
        if (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id in ("os", "builtins")
        ):
            found |= {f"{node.value.id}.{node.attr}"} if CALLS.match(node.attr) else set()
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and CALLS.match(node.func.id):
            found.add(node.func.id)
        elif isinstance(node, ast.ImportFrom) and node.module == "os":
            found |= {f"os.{alias.name}" for alias in node.names if CALLS.match(alias.name)}
    return found


@pytest.mark.parametrize("path", modules(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_programs_are_started_in_named_places(path: Path) -> None:
    """Only there has somebody looked at what a stranger's repository could make of it."""
    assert starts(path.read_text(encoding="utf-8")) <= STARTERS.get(path.relative_to(ROOT).as_posix(), set())


@pytest.mark.parametrize(
    "source",
    [
        "import subprocess", "from subprocess import run", "import os\nos.system('x')", "from os import execvp", "import os\nos.posix_spawn()",
        "from asyncio import subprocess", "import asyncio.subprocess", "import concurrent.futures", "from concurrent import futures",
        "def f():\n import pty", "eval('1')", "import builtins\nbuiltins.exec('1')", "__import__('subprocess')", "import os\nrun = os.popen",
    ],
)  # fmt: skip
def test_starts_are_seen(source: str) -> None:
    """The walk above knows the doors."""
    assert starts(source)


@pytest.mark.parametrize("command", ["lint", "size", "help"])
def test_heavy_libraries_stay_out(command: str) -> None:
    """A plain run imports neither psycopg nor rich, sqlparse, tree-sitter, dotenv or PyYAML."""
    arguments = {
        "lint": ["lint", "postgresql://app:x@localhost/app"],
        "size": ["size", "--max", "100", "--instances", "10"],
        "help": ["--help"],
    }
    code = (
        "import sys\nfrom poolcheck.cli import run\n"
        f"run({arguments[command]!r})\n"
        "heavy = {'psycopg', 'rich', 'sqlparse', 'tree_sitter', 'dotenv', 'pathspec', 'yaml'} & set(sys.modules)\n"
        "sys.exit(f'imported: {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("project", "read"), [("nextjs-prisma6-neon-direct", False), ("kubernetes-ten-replicas", True)]
)
def test_yaml_is_imported_where_it_is_read(project: str, read: bool) -> None:
    """PyYAML takes 12 ms: a project without YAML does not pay them."""
    code = "import sys\nfrom poolcheck.cli import run\nrun(['lint'])\nprint('yaml' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT.parent / "examples" / project,
    )

    assert done.stdout.splitlines()[-1] == str(read)


@pytest.mark.parametrize("path", modules(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_possessive_groups(path: Path) -> None:
    """`(...)?+` and its kin match wrongly before Python 3.11.5: https://github.com/python/cpython/issues/106052."""
    assert not re.search(r"\)(?:[*+?]|\{\d+(?:,\d*)?\})\+|\(\?>", path.read_text(encoding="utf-8"))
