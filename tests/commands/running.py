"""poolcheck as a process: what a user types, and what comes back."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Ran:
    """A finished run."""

    code: int
    out: str
    err: str


def poolcheck(*args: str, cwd: Path | None = None, env: dict[str, str] | None = None, **options: Any) -> Ran:
    """Run the command line in a clean environment."""
    return python("-m", "poolcheck", *args, cwd=cwd, env=env, **options)


def python(*args: str, cwd: Path | None = None, env: dict[str, str] | None = None, **options: Any) -> Ran:
    """Run Python in a clean environment."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": os.environ.get("HOME", "/"),
        "LANG": "C.UTF-8",
        **(env or {}),
    }
    done = subprocess.run(
        [sys.executable, *args],
        cwd=cwd, env=environment, capture_output=True, text=True, check=False, timeout=60, **options,
    )  # fmt: skip
    return Ran(done.returncode, done.stdout, done.stderr)


def mapped(folder: Path) -> Any:
    """The map of a project, as `map --format json` gives it without a complaint; the password `s3cret` is not in it."""
    ran = poolcheck("map", "--format", "json", ".", cwd=folder)
    assert ran.err == "", ran.err
    assert "s3cret" not in ran.out
    return json.loads(ran.out)["map"]
