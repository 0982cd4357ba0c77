"""What has changed since a revision: `gate --since` judges the files that did, and the sums that rose."""

import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from poolcheck.config.disk import MB, read_limited
from poolcheck.errors import BadInput
from poolcheck.project import git
from poolcheck.project.past import Past
from poolcheck.text import clean

MOST = 16 * MB  # a file above counts as changed
LINKS = 8  # from link to link; more count as changed


def unchanged(revision: str, folder: Path, paths: Collection[str]) -> frozenset[str]:
    """Those of `paths`, relative to `folder`, whose files are as they were at the revision's fork point.

    What that commit does not hold (an env file in .gitignore) is not among them: nobody can tell that it has not
    changed. Nor is what a filter or an encoding of .gitattributes makes of a file: no filter is run.

    Raises:
        BadInput: no git, no repository, no such revision.
    """
    with _opened(revision, folder) as (repository, base):
        chains = {path: _chain(repository, os.path.join(folder, path)) for path in paths}
        held = repository.tree(base, dict.fromkeys(place for chain in chains.values() for place in chain))
        return frozenset(
            path
            for path, chain in chains.items()
            if chain and all(place in held and _same(repository, place, held[place]) for place in chain)
        )


@contextmanager
def past(revision: str, folder: Path) -> Iterator[Past]:
    """The project at the revision's fork point, open for questions.

    Raises:
        BadInput: no git, no repository, no such revision.
    """
    with _opened(revision, folder) as (repository, base):
        yield Past(repository, base)


@contextmanager
def _opened(revision: str, folder: Path) -> Iterator[tuple[git.Repository, str]]:
    """The repository, and the commit where HEAD and the revision part.

    Raises:
        BadInput: no git, no repository, no such revision.
    """
    shown = clean(revision, limit=60)
    if revision.startswith("-") or not revision.strip():
        raise BadInput(f"--since {shown!r} is no revision", "For example --since origin/main.")
    try:
        repository = git.find(str(folder))
        if repository is None:
            raise BadInput(
                "--since needs a git repository, and the current folder is in none", "Leave --since out."
            )
        with repository:
            yield repository, _fork_point(repository, revision)
    except git.GitSilent as error:
        raise BadInput(f"--since {shown}: {error.message}", "Leave --since out.") from None


def _fork_point(repository: git.Repository, revision: str) -> str:
    """Where HEAD and the revision part: what the branch changed, not what the other side did since."""
    try:
        return repository.fork_point(repository.commit(revision))
    except git.GitRefused:
        hint = (
            "Its settings are not read, where the upstream stands: name the branch, such as origin/main."
            if "@{" in revision
            else "A shallow clone has too little of it: actions/checkout takes fetch-depth: 0, GitLab GIT_DEPTH: 0."
        )
        raise BadInput(
            f"--since {clean(revision, limit=60)}: git knows no such commit, or no common history", hint
        ) from None


def _chain(repository: git.Repository, path: str) -> list[str]:
    """The file and, where it is a link, what it leads to, as the repository names them; empty if it leaves that."""
    chain = []
    for _ in range(LINKS):
        place = repository.place(path)
        if place is None:
            return []
        chain.append(place)
        if not os.path.islink(path):
            return chain
        path = os.path.join(os.path.dirname(path), os.readlink(path))
    return []


def _same(repository: git.Repository, place: str, entry: git.GitEntry) -> bool:
    """Whether the file there now is what the commit holds."""
    path = os.path.join(repository.top, place)
    try:
        if os.path.islink(path) or entry.mode == git.LINK:
            return entry.mode == git.LINK and entry.holds(os.fsencode(os.readlink(path)))
        return entry.holds(read_limited(path, MOST))
    except OSError:
        return False
