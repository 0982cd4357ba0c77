"""The one door to files: what is refused, in which words, and that there is no other door."""

import ast
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from poolcheck.config.disk import (
    FileRefused,
    below,
    leads_out,
    may_read,
    only_below,
    own_bytes,
    read_limited,
    stream,
)

ROOT = Path(__file__).parent.parent.parent / "poolcheck"
DOORS = {"config/disk.py", "config/staged.py"}
# Who may read a file that the code itself names: data of the package, and a table of the kernel.
OWN = {
    "capacity/driver_lines.py", "catalogue/error_texts.py", "catalogue/shelf.py", "live/orphans.py", "live/sql/__init__.py",
    "readers/index.py",
}  # fmt: skip
METHODS = {
    "open", "fdopen", "popen", "read_text", "read_bytes", "write_text", "write_bytes", "copyfile", "copyfileobj", "copy2", "copymode",
    "mkstemp", "NamedTemporaryFile", "TemporaryFile", "SpooledTemporaryFile", "open_code", "FileIO", "getlines", "symlink_to",
    "files", "read_binary", "get_data", "mmap", "fromfile", "sendfile", "link", "hardlink_to", "rename", "truncate", "mknod", "mkfifo",
}  # fmt: skip
LOADS = {"tomllib", "json", "pickle", "yaml", "fileinput", "linecache", "shelve", "dbm", "marshal"}
MODULES = {"os", "io", "codecs", "gzip", "bz2", "lzma", "pathlib", "Path", "shutil", "tempfile", "builtins"}
ALLOWED = {
    ("fix/write.py", "os.link"),  # the old file's second name: it is made, never opened
}


def doors(code: str) -> list[tuple[int, str]]:
    """(line, text) of whatever opens, makes or renames a file in a module."""
    found = []
    tree = ast.parse(code)
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id == "open" and isinstance(node.ctx, ast.Load):
            found.append((node.lineno, "open"))
        elif isinstance(node, ast.Attribute) and (
            (node.attr in METHODS and (id(node) in called or ast.unparse(node.value) in MODULES))
            or (node.attr == "load" and ast.unparse(node.value) in LOADS)
        ):
            found.append((node.lineno, ast.unparse(node)))
        elif isinstance(node, ast.ImportFrom) and node.module in MODULES | LOADS:
            found += [
                (node.lineno, f"from {node.module} import {alias.name}")
                for alias in node.names
                if alias.name in {*METHODS, "load", "read", "copy", "move", "replace"}
            ]
        elif isinstance(node, ast.Import):
            found += [
                (node.lineno, f"import {alias.name}")
                for alias in node.names
                if alias.name in ("fileinput", "linecache", "shelve", "dbm", "mmap", "importlib.resources")
            ]
    return found


def test_nothing_else_opens_a_file() -> None:
    """Every module of the package; what is new has to go through config/disk.py or config/staged.py."""
    found: dict[tuple[str, str], str] = {}
    for path in sorted(ROOT.rglob("*.py")):
        name = path.relative_to(ROOT).as_posix()
        if name not in DOORS:
            seen = doors(path.read_text(encoding="utf-8"))
            found |= {(name, text): f"{name}:{line}: {text}" for line, text in seen}

    assert [place for key, place in found.items() if key not in ALLOWED] == []
    assert set(found) == ALLOWED, "an exception that is needed no more"


@pytest.mark.parametrize(
    "code",
    [
        "open('x')", "f = open", "Path('x').open()", "os.open('x', 0)", "Path(x).read_text()", "p.read_bytes()",
        "tomllib.load(f)", "json.load(f)", "import tomllib\ntomllib.load(open('x', 'rb'))", "io.open('x')", "from io import open",
        "from os import open as o", "gzip.open(x)", "codecs.open(x)", "tempfile.NamedTemporaryFile()", "shutil.copyfile(a, b)",
        "from shutil import copy", "os.rename(a, b)", "f = os.open", "importlib.resources.files('x')", "p.write_text('x')", "import mmap",
    ],
)  # fmt: skip
def test_each_way_is_seen(code: str) -> None:
    """A scan that saw nothing would hold nothing."""
    assert doors(code)


def test_own_files_are_read_by_those_who_name_them() -> None:
    """`own_bytes` has no limit, so nobody hands it a path from outside."""
    users = {
        path.relative_to(ROOT).as_posix()
        for path in ROOT.rglob("*.py")
        if "own_bytes(" in path.read_text(encoding="utf-8")
    }

    assert users == OWN | {"config/disk.py"}
    assert own_bytes(ROOT / "version.py").startswith(b'"""')


class TestReadLimited:
    """Regular files, and so much of them."""

    def test_size_is_the_limit(self, tmp_path: Path) -> None:
        """Exactly as many bytes are read; one more is refused, or cut."""
        path = tmp_path / "x"
        for size in (0, 1, 99, 100):
            path.write_bytes(b"a" * size)
            assert read_limited(path, 100) == b"a" * size
        path.write_bytes(b"a" * 101)
        assert read_limited(path, 100, cut=True) == b"a" * 100
        with pytest.raises(FileRefused) as refused:
            read_limited(path, 100)
        assert refused.value.strerror == "larger than 0 kB"

    def test_gigabytes_of_nothing(self, tmp_path: Path) -> None:
        """A sparse file is refused unread, or read as far as asked."""
        path = tmp_path / "x"
        with path.open("wb") as file:
            file.truncate(1 << 40)

        with pytest.raises(FileRefused, match="larger than 4 MB"):
            read_limited(path, 4 << 20)
        assert len(read_limited(path, 5000, cut=True)) == 5000

    def test_file_that_grows(self, tmp_path: Path) -> None:
        """Whatever is added meanwhile: at most the limit comes back."""
        path = tmp_path / "x"
        path.write_bytes(b"a" * 1000)
        done = threading.Event()

        def grow() -> None:
            with path.open("ab") as file:
                while not done.is_set() and file.tell() < 50_000_000:
                    file.write(b"a" * 65_536)
                    file.flush()

        writer = threading.Thread(target=grow)
        writer.start()
        try:
            for _ in range(200):
                assert len(read_limited(path, 100_000, cut=True)) <= 100_000
        finally:
            done.set()
            writer.join()

    @pytest.mark.parametrize(
        ("path", "why"),
        [
            ("fifo", "a pipe, not a file"), ("socket", "a socket, not a file"), ("folder", "a folder, not a file"),
            ("/dev/zero", "a device, not a file"), ("/dev/null", "a device, not a file"), ("link", "a device, not a file"),
            ("a\0b", "no file can have this name"), ("\ud800", "no file can have this name"), ("gone", "No such file"),
            ("loop", "Too many levels"), ("/proc/self/mem", "error"), ("x" * 5000, "name too long"),
        ],
    )  # fmt: skip
    def test_what_is_no_file(self, tmp_path: Path, path: str, why: str) -> None:
        """At once, in words, with no descriptor left open."""
        os.mkfifo(tmp_path / "fifo")
        (tmp_path / "folder").mkdir()
        (tmp_path / "link").symlink_to("/dev/zero")
        (tmp_path / "loop").symlink_to("loop")
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(str(tmp_path / "socket"))
            before = len(os.listdir("/proc/self/fd"))
            with pytest.raises(OSError) as refused:
                read_limited(os.path.join(tmp_path, path), 1000)
            assert len(os.listdir("/proc/self/fd")) == before

        assert why in (refused.value.strerror or "")

    def test_files_of_the_kernel(self) -> None:
        """Their size is 0, and they come in pieces."""
        assert read_limited("/proc/self/status", 100_000).startswith(b"Name:")


class TestLinks:
    """Where a path really is."""

    def test_below(self, tmp_path: Path) -> None:
        """Links are followed, names that only begin alike are not taken for the folder."""
        (tmp_path / "a").mkdir()
        (tmp_path / "ab").mkdir()
        (tmp_path / "a" / "out").symlink_to("../ab")
        (tmp_path / "a" / "in").symlink_to(".")

        assert below(tmp_path / "a" / "x", tmp_path / "a")
        assert below(tmp_path / "a" / "in" / "in" / "x", tmp_path / "a")
        assert not below(tmp_path / "a" / "out" / "x", tmp_path / "a")
        assert not below(tmp_path / "ab", tmp_path / "a")
        assert not below(tmp_path / "a" / ".." / "ab", tmp_path / "a")
        assert not below("a\0b", tmp_path)
        assert below("/etc", "/")

    def test_git_is_outside(self, tmp_path: Path) -> None:
        """`.git/config` holds the token of a CI job."""
        (tmp_path / ".git").mkdir()
        (tmp_path / "x").symlink_to(".git/config")

        assert leads_out(str(tmp_path / "x"), str(tmp_path)) == "a link that leads into .git"

    def test_only_below(self, tmp_path: Path) -> None:
        """Everything else is refused while it holds, and only then."""
        (tmp_path / "in").mkdir()
        (tmp_path / "in" / "a").write_text("a")
        (tmp_path / "out").write_text("b")
        (tmp_path / "in" / "link").symlink_to("../out")

        with only_below((str(tmp_path / "in"),)):
            assert read_limited(tmp_path / "in" / "a", 9) == b"a"
            for path in (tmp_path / "out", tmp_path / "in" / "link", tmp_path / "gone"):
                assert not may_read(path)
                with pytest.raises(FileRefused, match="outside"):
                    read_limited(path, 9)
        assert read_limited(tmp_path / "in" / "link", 9) == b"b"


class TestStream:
    """What `explain --file` reads."""

    def test_process_substitution(self, tmp_path: Path) -> None:
        """A pipe with a writer is a log."""
        os.mkfifo(tmp_path / "log")
        code = "import sys, time; time.sleep(0.3); open(sys.argv[1], 'w').write('FATAL: sorry\\n' * 9000)"
        with subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "log")]) as writer:
            with stream(str(tmp_path / "log")) as opened:
                assert opened.read() == b"FATAL: sorry\n" * 9000
            assert writer.wait() == 0

    def test_pipe_without_a_writer(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """It ends in words."""
        monkeypatch.setattr("poolcheck.config.disk.PIPE_SECONDS", 0.1)
        os.mkfifo(tmp_path / "log")

        with pytest.raises(FileRefused, match="nobody has written"):
            stream(str(tmp_path / "log"))

    def test_device(self) -> None:
        """A device has no end."""
        with pytest.raises(FileRefused, match="a device"):
            stream("/dev/zero")
