"""Kill the writer at every line it runs, and tell what each death left. A program of its own: it forks.

`python crash.py FOLDER new|old|backup|two` prints one JSON list: for each line N at which the child was
killed (SIGKILL, so no handler runs) the content of every file in the folder, then the end of a run nobody killed.
"""

import json
import os
import shutil
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Any

from poolcheck.config import staged
from poolcheck.fix import write
from poolcheck.fix.write import NewContent

OLD, NEW = b"DATABASE_URL=old\n" * 500, b"DATABASE_URL=new\n" * 700


def job(folder: Path, kind: str) -> tuple[list[NewContent], bool]:
    """The files of a kind of run, and whether backups are asked for."""
    first = NewContent(path=str(folder / ".env"), before=OLD, after=NEW)
    second = NewContent(path=str(folder / "schema.prisma"), before=OLD, after=NEW)
    fresh = NewContent(path=str(folder / "prisma.config.ts"), before=None, after=NEW)
    return {
        "old": ([first], False),
        "backup": ([first], True),
        "two": ([first, second], False),
        "new": ([fresh], False),
    }[kind]


def prepare(folder: Path, kind: str) -> list[NewContent]:
    """A fresh folder with the old files."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    files, _ = job(folder, kind)
    for file in files:
        if file.before is not None:
            Path(file.path).write_bytes(file.before)
            os.chmod(file.path, 0o640)
    return files


def killer(number: int) -> Any:
    """A trace function that kills this process before it runs its `number`th line of the writer."""
    seen = 0

    def trace(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal seen
        if frame.f_code.co_filename not in (write.__file__, staged.__file__):
            return None
        if event == "line":
            seen += 1
            if seen == number:
                os.kill(os.getpid(), signal.SIGKILL)
        return trace

    return trace


def main() -> None:
    """Fork, kill, look; one line further each time."""
    folder, kind = Path(sys.argv[1]) / "project", sys.argv[2]
    deaths = []
    number = 0
    while True:
        number += 1
        files = prepare(folder, kind)
        child = os.fork()
        if child == 0:
            sys.settrace(killer(number))
            write.write(files, backup=job(folder, kind)[1])
            os._exit(0)
        _, status = os.waitpid(child, 0)
        left = {each.name: each.read_bytes().decode() for each in sorted(folder.iterdir())}
        modes = {each.name: each.stat().st_mode & 0o777 for each in folder.iterdir()}
        deaths.append({"killed": os.WIFSIGNALED(status), "status": status, "left": left, "modes": modes})
        if not os.WIFSIGNALED(status):
            break
    print(json.dumps(deaths))


if __name__ == "__main__":
    main()
