"""Which files have changed since a revision, as git tells. `gate --since` judges those only."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

from poolcheck.errors import BadInput
from poolcheck.text import clean

TIMEOUT = 60.0  # seconds; a listing of a large repository takes one or two


def unchanged(revision: str, folder: Path) -> frozenset[str]:
    """Files below `folder` that are as they were at the revision's fork point, relative to it, POSIX slashes.

    What git does not know (an env file in .gitignore) is not among them: nobody can tell that it has not changed.

    Raises:
        BadInput: no git, no repository, no such revision.
    """
    if revision.startswith("-") or not revision.strip():
        raise BadInput(
            f"--since {clean(revision, limit=60)!r} is no revision", "For example --since origin/main."
        )
    known = set(_git(("ls-files", "-z"), folder))
    base = _fork_point(revision, folder)
    changed = set(_git(("diff", "--name-only", "--no-renames", "-z", "--relative", base, "--"), folder))
    return frozenset(known - changed)


def _fork_point(revision: str, folder: Path) -> str:
    """Where HEAD and the revision part: what the branch changed, not what the other side did since."""
    commit = _git(
        ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}"), folder, revision
    )
    found = _git(("merge-base", commit[0].strip(), "HEAD"), folder, revision)
    return found[0].strip()


def _git(words: Sequence[str], folder: Path, revision: str = "") -> list[str]:
    """What git prints, split at NUL.

    Raises:
        BadInput: it cannot be run, or fails.
    """
    try:
        done = subprocess.run(
            ("git", *words),
            cwd=folder,
            capture_output=True,
            timeout=TIMEOUT,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except FileNotFoundError:
        raise BadInput("--since needs git, and there is none", "Install git, or leave --since out.") from None
    except subprocess.TimeoutExpired:
        raise BadInput(f"git did not answer within {TIMEOUT:g} s", "Leave --since out.") from None
    if done.returncode:
        said = clean(done.stderr.decode("utf-8", "replace"), limit=200).strip()
        if "not a git repository" in said:
            raise BadInput(
                "--since needs a git repository, and the current folder is in none", "Leave --since out."
            )
        if revision:
            raise BadInput(
                f"--since {clean(revision, limit=60)}: git knows no such commit, or no common history",
                "A shallow clone has too little of it: actions/checkout takes fetch-depth: 0, GitLab GIT_DEPTH: 0.",
            )
        raise BadInput(f"git {words[0]} failed: {said}", "Leave --since out.")
    return [each for each in done.stdout.decode("utf-8", "surrogateescape").split("\0") if each]
