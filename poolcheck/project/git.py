"""The only place that runs git, and git is asked for names, ids and what lies under an id, as it is stored.

A repository's configuration, attributes and hooks are programs of somebody else's: git runs what they name, some of it
at any look. So git never sees them. It gets a repository that we make, in a temporary folder, with a configuration
that we write; of the real one it gets the objects, the refs and the index. It is given no work tree: whether a file
is what a commit holds is told by the id of its bytes, computed here.
"""

import contextlib
import hashlib
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from typing import IO, Literal, Self

from poolcheck.config.disk import read_limited
from poolcheck.config.staged import write_whole
from poolcheck.errors import PoolcheckError
from poolcheck.record import dataclass
from poolcheck.text import clean

if sys.platform == "win32":
    import _winapi

SECONDS = 60.0  # for all that one repository is asked
MOST = 16 << 20  # bytes of an answer
SMALL = 1 << 20  # bytes of a file of git's own that is read here
WORDS = 20_000  # characters of one command line; Windows takes 32,767
LINK = "120000"  # the mode of a symbolic link
FILES = ("100644", "100755")  # the modes of regular files

Command = Literal[
    "rev-parse", "merge-base", "ls-tree", "ls-files", "cat-file"
]  # none touches a work tree, or fetches


class GitSilent(PoolcheckError):
    """There is a repository, and git could not be asked about it."""


class GitRefused(GitSilent):
    """Git ran, and ended with an error."""


@dataclass(frozen=True, slots=True)
class GitEntry:
    """What a commit or the index holds under a path. `stage` is above 0 in a merge that is not done."""

    mode: str
    id: str
    stage: str = "0"

    def holds(self, content: bytes) -> bool:
        """Whether these bytes are what is recorded, line ends (autocrlf, eol) and `$Id$` (ident) apart.

        Other conversions (filters, working-tree-encoding) would be the repository's programs and words: not undone.
        """
        plain = re.sub(rb"\$Id:[^$\n]*\$", b"$Id$", content)
        return any(
            self.id == _blob_id(each, len(self.id))
            for each in dict.fromkeys(
                (content, content.replace(b"\r\n", b"\n"), plain, plain.replace(b"\r\n", b"\n"))
            )
        )


class Repository:
    """A repository that is open for questions, as a context."""

    def __init__(self, top: str, own: str) -> None:
        """`top` is the folder that holds .git, `own` the folder with HEAD and the index, as absolute paths."""
        self.top = top
        self._own = own
        self._common = os.path.normpath(
            os.path.join(own, os.fsdecode(_read(os.path.join(own, "commondir")).strip()))
        )
        self._program = _program(top)
        self._closing = contextlib.ExitStack()
        self._ends = 0.0

    def __enter__(self) -> Self:
        try:
            self._made = self._closing.enter_context(
                tempfile.TemporaryDirectory(prefix="poolcheck-", ignore_cleanup_errors=True)
            )
            self._make()
        except OSError as error:
            self._closing.close()
            raise GitSilent(f"git cannot be asked: no temporary folder: {error.strerror}") from None
        self._ends = time.monotonic() + SECONDS
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.close()

    def _make(self) -> None:
        """Our own repository around the real one's objects, refs and index."""
        config = _read(os.path.join(self._common, "config"))
        extensions = [
            line
            for line, there in (
                ("objectFormat = sha256", re.search(rb'(?i)\bobjectformat\s*=\s*"?sha256\b', config)),
                ("refStorage = reftable", os.path.isdir(os.path.join(self._common, "reftable"))),
            )
            if there
        ]
        lines = [
            "[core]",
            f"repositoryFormatVersion = {int(bool(extensions))}",
            "bare = false",
            "[extensions]",
        ]
        os.mkdir(os.path.join(self._made, "empty"))
        os.mkdir(os.path.join(self._made, "git"))
        self._put("config", "\n".join((*lines, *extensions, "")).encode())
        self._put("HEAD", _read(os.path.join(self._own, "HEAD")))
        for folder, names in (
            (self._common, ("refs", "packed-refs", "shallow", "reftable")),
            (self._own, ("logs", *_shared_indexes(self._own))),
        ):
            for name in names:
                self._borrow(os.path.join(folder, name), name)

    def _borrow(self, source: str, name: str) -> None:
        """Let the real file or folder be seen from ours."""
        target = os.path.join(self._made, "git", name)
        if sys.platform == "win32":  # where a link to a folder needs no right, and one to a file does
            if os.path.isdir(source):
                _winapi.CreateJunction(source, target)
            elif os.path.isfile(source):
                self._put(name, read_limited(source, MOST))
        elif os.path.isdir(source) or os.path.isfile(source):
            os.symlink(source, target)

    def _put(self, name: str, content: bytes) -> None:
        write_whole(os.path.join(self._made, "git", name), content, new=True)

    def place(self, path: str) -> str | None:
        """A path as the repository names it, links in its folders resolved; None outside of it."""
        folder, name = os.path.split(path)
        place = os.path.relpath(os.path.join(os.path.realpath(folder), name), self.top).replace(os.sep, "/")
        return None if place == ".." or place.startswith("../") or os.path.isabs(place) else place

    def commit(self, revision: str) -> str:
        """The id of the commit that a revision names.

        Raises:
            GitRefused: there is none.
            GitSilent: git cannot be asked.
        """
        return _id(self._ask("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}"))

    def fork_point(self, commit: str) -> str:
        """Where HEAD and the commit part.

        Raises:
            GitRefused: nowhere, as far as the history is there.
            GitSilent: git cannot be asked.
        """
        return _id(self._ask("merge-base", commit, "HEAD").partition("\n")[0])

    def tree(self, commit: str, places: Iterable[str]) -> dict[str, GitEntry]:
        """Which of the places a commit holds.

        Raises:
            GitSilent: git cannot be asked.
        """
        return {
            place: GitEntry(words[0], words[2])
            for part in _parts(places)
            for words, place in _entries(self._ask("ls-tree", "-z", "--full-tree", "--", commit, *part))
            if words[1] == "blob"
        }

    def listing(self, commit: str) -> dict[str, GitEntry]:
        """All that a commit holds, by place: files, links, and submodules as one entry each.

        Raises:
            GitSilent: git cannot be asked, or the list is too long.
        """
        listed = self._ask("ls-tree", "-r", "-z", "--full-tree", "--", commit)
        return {place: GitEntry(words[0], words[2]) for words, place in _entries(listed)}

    def blobs(self, ids: Iterable[str], most: int) -> dict[str, bytes]:
        """The bytes under these ids, as they are stored: no filter, no conversion. Larger and missing ones are left out.

        Args:
            ids: of blobs; each is read once.
            most: bytes of one blob, at most 8 MB.

        Raises:
            GitSilent: git cannot be asked.
        """
        asked = "".join(f"{each}\n" for each in dict.fromkeys(ids)).encode()
        parts: list[list[str]] = [[]]
        length = 0
        for line in os.fsdecode(self._answer("cat-file", "--batch-check", given=asked)).splitlines():
            words = line.split(" ")  # "ID blob SIZE", or "ID missing"
            if len(words) != 3 or words[1] != "blob" or int(words[2]) > most:
                continue
            if length + int(words[2]) > MOST // 2 and parts[-1]:
                parts.append([])
                length = 0
            parts[-1].append(words[0])
            length += int(words[2]) + 100  # its head line
        found: dict[str, bytes] = {}
        for part in filter(None, parts):
            said = self._answer("cat-file", "--batch", given="".join(f"{each}\n" for each in part).encode())
            start = 0
            while (end := said.find(b"\n", start)) >= 0:
                name, _, size = os.fsdecode(said[start:end]).split(" ")
                found[name] = said[end + 1 : end + 1 + int(size)]
                start = end + 2 + int(size)
        return found

    def index(self, place: str) -> list[GitEntry]:
        """What the index holds under a place: several while a merge is not done.

        Raises:
            GitSilent: git cannot be asked.
        """
        return [
            GitEntry(*words) for words, _ in _entries(self._ask("ls-files", "--stage", "-z", "--", place))
        ]

    def _ask(self, command: Command, *words: str) -> str:
        """What git prints, as text; raises what `_answer` does."""
        return os.fsdecode(self._answer(command, *words))

    def _answer(self, command: Command, *words: str, given: bytes = b"") -> bytes:
        """What git prints when it is given these bytes to read.

        Raises:
            GitRefused: it ends with an error.
            GitSilent: it is not there, does not end, or prints too much.
        """
        try:
            done = _run((self._program, command, *words), self._environment(), self._made, self._ends, given)
        except (OSError, ValueError) as error:
            raise GitSilent(f"git cannot be run: {getattr(error, 'strerror', error)}") from None
        if done.returncode:
            said = clean(done.stderr.decode("utf-8", "replace"), limit=200).strip()
            raise GitRefused(f"git {command} failed" + (f": {said}" if said else ""))
        return done.stdout

    def _environment(self) -> dict[str, str]:
        """The caller's, but for what speaks to git: a hook's, or a stranger's."""
        own = os.path.join(self._made, "git")
        return {
            **{name: value for name, value in os.environ.items() if not name.upper().startswith("GIT_")},
            "GIT_DIR": own,
            "GIT_WORK_TREE": os.path.join(self._made, "empty"),
            "GIT_OBJECT_DIRECTORY": os.path.join(self._common, "objects"),
            "GIT_INDEX_FILE": _index(self._own),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_SYSTEM": os.devnull,
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_ATTR_NOSYSTEM": "1",
            "GIT_NO_LAZY_FETCH": "1",
            "GIT_ALLOW_PROTOCOL": "none",
            "GIT_NO_REPLACE_OBJECTS": "1",
            "GIT_LITERAL_PATHSPECS": "1",
            "GIT_OPTIONAL_LOCKS": "0",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ALLOC_LIMIT": "256m",  # one object or table; a small file may unpack to any size
            "LC_ALL": "C",
        }


def find(folder: str) -> Repository | None:
    """The repository around a folder: the nearest .git upwards; its link, in a worktree or submodule, is followed.

    Raises:
        GitSilent: there is one, and no git.
    """
    for top in _upwards(os.path.realpath(folder)):
        own = os.path.join(top, ".git")
        link = _read(own)
        if link.startswith(b"gitdir:"):
            own = os.path.normpath(os.path.join(top, os.fsdecode(link[7:].strip())))
        if os.path.isfile(os.path.join(own, "HEAD")):
            return Repository(top, own)
    return None


def _upwards(folder: str) -> Iterator[str]:
    while True:
        yield folder
        above = os.path.dirname(folder)
        if above == folder:
            return
        folder = above


def _read(path: str) -> bytes:
    """A small regular file of git's own; what is none is empty."""
    try:
        return read_limited(path, SMALL, cut=True)
    except (OSError, ValueError):
        return b""


def _index(own: str) -> str:
    """The index; a pipe in its place is none."""
    path = os.path.join(own, "index")
    return path if os.path.isfile(path) else os.path.join(own, "no index")


def _shared_indexes(own: str) -> list[str]:
    """The other halves of a split index."""
    return [name for name in os.listdir(own) if re.fullmatch(r"sharedindex\.[0-9a-f]{40,64}", name)]


def _program(top: str) -> str:
    """Git, from a folder of PATH that is not the repository's: neither the current folder nor one below `top`.

    Raises:
        GitSilent: there is none.
    """
    for folder in os.get_exec_path():
        path = os.path.join(os.path.realpath(folder), "git.exe" if os.name == "nt" else "git")
        inside = path.startswith(top + os.sep)
        if os.path.isabs(folder) and not inside and os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    raise GitSilent("there is no git outside of the repository")


def _parts(places: Iterable[str]) -> Iterator[list[str]]:
    """The places, as many at a time as a command line takes."""
    part: list[str] = []
    length = 0
    for place in places:
        if length + len(place) > WORDS and part:
            yield part
            part, length = [], 0
        part.append(place)
        length += len(place) + 1
    if part:
        yield part


def _entries(listed: str) -> Iterator[tuple[list[str], str]]:
    """`mode type id TAB path` or `mode id stage TAB path`, ended by NUL each."""
    for line in listed.split("\0"):
        words, tab, place = line.partition("\t")
        if tab:
            yield words.split(" "), place


def _id(said: str) -> str:
    """What git printed, if it is an id.

    Raises:
        GitSilent: it is none.
    """
    if not re.fullmatch(r"[0-9a-f]{40,64}", said.strip()):
        raise GitSilent("git gave another answer than an id")
    return said.strip()


def _blob_id(content: bytes, digits: int) -> str:
    """The id that git gives to these bytes, in a repository whose ids have so many digits."""
    kind = "sha1" if digits == 40 else "sha256"
    return hashlib.new(kind, b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def _run(
    words: tuple[str, ...], environment: dict[str, str], folder: str, ends: float, given: bytes
) -> subprocess.CompletedProcess[bytes]:
    """Run a program, and end it with all that it started when time is over or it prints too much.

    Raises:
        OSError, ValueError: it cannot be started.
        GitSilent: it did not end by itself.
    """
    with subprocess.Popen(
        words,
        cwd=folder,
        env=environment,
        stdin=subprocess.PIPE if given else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        late = threading.Event()

        def end() -> None:
            late.set()
            _kill(process)

        timer = threading.Timer(max(0.0, ends - time.monotonic()), end)
        timer.start()
        feeder = threading.Thread(target=_feed, args=(process.stdin, given), daemon=True)
        feeder.start()
        try:
            assert process.stdout is not None
            assert process.stderr is not None
            out = process.stdout.read(MOST + 1)
            if len(out) > MOST:
                raise GitSilent(f"git printed more than {MOST >> 20} MB")
            said = process.stderr.read(SMALL)
            code = process.wait()
        finally:
            timer.cancel()
            if process.poll() is None:
                _kill(process)
            feeder.join()
    if late.is_set():
        raise GitSilent(f"git did not answer within {SECONDS:g} s")
    return subprocess.CompletedProcess(words, code, out, said)


def _feed(pipe: IO[bytes] | None, given: bytes) -> None:
    """Hand the bytes over while the answer is read; a program that ends early wants no more."""
    if pipe is not None:
        with contextlib.suppress(OSError), pipe:
            pipe.write(given)


def _kill(process: "subprocess.Popen[bytes]") -> None:
    with contextlib.suppress(OSError):
        if sys.platform == "win32":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
