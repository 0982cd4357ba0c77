"""Which files of a project are looked at: dependencies, build output and what .gitignore excludes are not.

Env files are the exception: .gitignore names them because they hold secrets, not because they do not matter.
"""

import os
import re
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from poolcheck.config.disk import FileRefused, leads_out, read_limited, refusal
from poolcheck.config.path_patterns import path_patterns

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

SKIP = frozenset(
    """
    node_modules bower_components jspm_packages .git .hg .svn .venv venv virtualenv __pycache__ site-packages
    .next .nuxt .output .svelte-kit .turbo .cache .parcel-cache dist build out target coverage .nyc_output htmlcov
    .serverless .aws-sam cdk.out .terraform .gradle .idea .tox .nox .mypy_cache .pytest_cache .ruff_cache .pnpm-store
    .yarn storybook-static vendor Pods .expo .dart_tool _build deps .eggs .angular .docusaurus .wrangler
    """.split()
)

# Bytes, lines and `*` of a .gitignore: each path is held against all of them.
LONGEST_IGNORE, MOST_PATTERNS, MOST_STARS = 64 << 10, 2_000, 6_000


def walk(
    root: str,
    wanted: Callable[[str], bool],
    always: Callable[[str], bool],
    *,
    exclude: Sequence[str] = (),
    problem: Callable[[str, OSError], None],
    refused: Callable[[str, str], None],
) -> Iterator[str]:
    """Paths below `root`, relative to it with POSIX slashes, in a stable order.

    Args:
        root: a folder.
        wanted: by file name: whether the file is of interest at all.
        always: by file name: whether it counts even where .gitignore names it.
        exclude: patterns as in .gitignore, relative to `root`; they win over `always`.
        problem: called for a folder that cannot be read.
        refused: called, with the reason, for what is no file and for a link that leads out of `root`.

    Folders that are symbolic links are not entered, so loops end.
    """
    own = path_patterns(exclude) if exclude else None
    stack: list[tuple[str, list[_Ignored]]] = [("", [])]
    while stack:
        folder, specs = stack.pop()
        try:
            with os.scandir(os.path.join(root, folder)) as scan:
                entries = sorted(scan, key=lambda entry: entry.name)
        except OSError as error:
            problem(folder or ".", error)
            continue
        if any(entry.name == ".gitignore" for entry in entries):
            specs = [*specs, *_spec(root, folder, refused)]
        inner = []
        for entry in entries:
            path = f"{folder}/{entry.name}" if folder else entry.name
            try:
                is_folder = entry.is_dir(follow_symlinks=False)
                is_file = not is_folder and entry.is_file()
            except OSError as error:
                problem(path, error)
                continue
            if is_folder:
                if (
                    entry.name in SKIP
                    or _is_venv(os.path.join(root, path))
                    or (own and own.match_file(path + "/"))
                ):
                    continue
                if not _ignored(path + "/", specs):
                    inner.append((path, specs))
            elif wanted(entry.name) and not (own and own.match_file(path)):
                if always(entry.name) or not _ignored(path, specs):
                    why = _refusal(entry, root) if not is_file or entry.is_symlink() else ""
                    if why:
                        refused(path, why)
                    elif is_file:
                        yield path
        stack += reversed(inner)


def _refusal(entry: "os.DirEntry[str]", root: str) -> str:
    """Why an entry that is a link, or no file, is not read; "" when it may be, or when nothing is there."""
    return refusal(entry.path) or (entry.is_file() and leads_out(entry.path, root)) or ""


class _Ignored:
    """One .gitignore, with its patterns joined into one: most paths match none, and one search says so.

    An ignored folder is never entered, so a pattern is held against the whole path of an entry. pathspec's own answer
    is for a path out of nowhere: to it, `!keep` brings back keep/x as well; to git, keep alone.
    """

    def __init__(self, base: str, spec: "GitIgnoreSpec") -> None:
        self.base = base
        # pathspec names a group in each expression, which joined would be one name many times; "." is its "anything".
        patterns = [
            (re.compile(".+") if pattern.regex.pattern == "." else pattern.regex, bool(pattern.include))
            for pattern in spec.patterns
            if pattern.regex
        ]
        sources = [regex.pattern.replace("(?P<ps_d>", "(?:") for regex, _ in patterns]
        self.any = re.compile("|".join(f"(?:{source})" for source in sources)) if patterns else None
        self.each = patterns[::-1]

    def verdict(self, path: str) -> bool | None:
        """Whether this file says that the path, a folder's with a slash, is ignored; None when it says nothing."""
        path = path[len(self.base) :]
        if self.any is None or self.any.fullmatch(path) is None:
            return None
        return next(include for regex, include in self.each if regex.fullmatch(path))


def _spec(root: str, folder: str, refused: Callable[[str, str], None]) -> list[_Ignored]:
    path = os.path.join(root, folder, ".gitignore")
    try:
        if os.path.islink(path):
            raise FileRefused("a link, which git does not follow either", path)  # since 2.32
        lines = read_limited(path, LONGEST_IGNORE).decode("utf-8", "replace").splitlines()
        lines = [*dict.fromkeys(reversed(lines))][::-1]  # the last one decides
        if len(lines) > MOST_PATTERNS:
            raise FileRefused(f"more than {MOST_PATTERNS:,} patterns", path)
        if sum(line.count("*") for line in lines if not line.startswith("#")) > MOST_STARS:
            raise FileRefused(f"more than {MOST_STARS:,} wildcards", path)
    except OSError as error:
        refused(f"{folder}/.gitignore" if folder else ".gitignore", error.strerror or "unknown")
        return []
    # To git `a/**` is what lies in a; to pathspec it is a too, and no later `!a/b` would count. `a/**/*` is not.
    lines = [re.sub(r"(/\*\*)(/?)\s*$", r"\1/*\2", line) for line in lines]
    return [_Ignored(folder + "/" if folder else "", path_patterns(lines))]


def _ignored(path: str, specs: list[_Ignored]) -> bool:
    """The nearest .gitignore that says anything about the path decides."""
    for spec in reversed(specs):
        verdict = spec.verdict(path)
        if verdict is not None:
            return verdict
    return False


def _is_venv(folder: str) -> bool:
    return os.path.basename(folder) in ("env", "ENV", ".env") and os.path.exists(
        os.path.join(folder, "pyvenv.cfg")
    )
