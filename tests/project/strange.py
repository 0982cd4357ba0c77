"""What may stand in the place of a file."""

import os
from pathlib import Path


def put(path: Path, kind: str) -> None:
    """A pipe, a device, a gigabyte of nothing, a folder, or a link to itself."""
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "huge":
        with path.open("wb") as file:
            file.truncate(1 << 30)
    elif kind == "folder":
        path.mkdir()
    elif kind == "loop":
        path.symlink_to(path.name)
    else:
        raise AssertionError(kind)
