"""Ends the demo's server when the demo ends, however it ends: also by `kill -9`.

Runs as a child of its own. Its standard input is a pipe from the demo: the end of that pipe is the end of the demo.
A `k` written to it first means: keep the server, remove nothing.
"""

import os
import shutil
import signal
import sys
import time

PATIENCE = 5.0  # seconds until the server is killed outright


def alive(pid: int) -> bool:
    """Whether a process of that number is there and is ours to signal."""
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True


def end(pid: int, folder: str) -> None:
    """Stop the server at once (immediate shutdown) and remove its folder."""
    for sign in (signal.SIGQUIT, signal.SIGKILL):
        if not alive(pid):
            break
        try:
            os.kill(pid, sign)
        except OSError:
            break
        deadline = time.monotonic() + PATIENCE
        while alive(pid) and time.monotonic() < deadline:
            time.sleep(0.02)
    shutil.rmtree(folder, ignore_errors=True)


def main() -> None:
    """`python -m poolcheck.demo.keeper PID FOLDER`."""
    for sign in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(sign, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the pipe tells when to act
    pid, folder = int(sys.argv[1]), sys.argv[2]
    if b"k" not in sys.stdin.buffer.read():
        end(pid, folder)


if __name__ == "__main__":
    main()
