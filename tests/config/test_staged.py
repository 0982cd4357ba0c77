"""The one way in which files are written: whole, with the old mode, through no planted link."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from poolcheck.config.disk import FileRefused
from poolcheck.config.staged import appending, write_whole


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder; `victim` lies beside it."""
    (tmp_path / "victim").write_text("mine")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "here"


@pytest.mark.parametrize("made", ["relative", "absolute"])
@pytest.mark.parametrize(
    ("links", "path"),
    [
        ({"r": "../victim"}, "r"), ({"r": "VICTIM"}, "r"), ({"r": "../new"}, "r"), ({"r": "s", "s": "../victim"}, "r"),
        ({"d": ".."}, "d/victim"), ({"d": ".."}, "d/new"), ({"d": "../elsewhere"}, "d/x"), ({"r": "/dev/null"}, "r"),
        ({"r": "/proc/self/mem"}, "r"), ({"r": "r"}, "r"), ({"r": "/dev/stdout"}, "r"),
    ],
)  # fmt: skip
def test_no_planted_link_is_followed(here: Path, links: dict[str, str], path: str, made: str) -> None:
    """A link in the current folder that leads out of it: refused, nothing written anywhere, nothing left."""
    (here.parent / "elsewhere").mkdir()
    for name, target in links.items():
        (here / name).symlink_to(target.replace("VICTIM", str(here.parent / "victim")))
    before = {each: each.lstat().st_ino for each in here.parent.rglob("*")}

    with pytest.raises(OSError):
        write_whole(path if made == "relative" else here / path, b"theirs")

    assert (here.parent / "victim").read_text() == "mine"
    assert {each: each.lstat().st_ino for each in here.parent.rglob("*")} == before


def test_link_in_a_shared_folder(here: Path) -> None:
    """In a folder such as /tmp too, where anybody may plant one."""
    (here.parent / "shared").mkdir()
    (here.parent / "shared" / "r").symlink_to(here.parent / "victim")

    with pytest.raises(FileRefused, match="a link leads out"):
        write_whole(here.parent / "shared" / "r", b"theirs")
    assert (here.parent / "victim").read_text() == "mine"


def test_mode_and_links_inside_are_kept(here: Path) -> None:
    """A link within the folder is the user's own order of things; a new file has what the umask leaves."""
    (here / "real").write_text("old")
    (here / "real").chmod(0o640)
    (here / "r").symlink_to("real")
    mask = os.umask(0o027)
    try:
        write_whole("r", b"new")
        write_whole("fresh", b"new")
    finally:
        os.umask(mask)

    assert (here / "r").is_symlink()
    assert [(here / name).read_bytes() for name in ("real", "fresh")] == [b"new", b"new"]
    assert [stat.S_IMODE((here / name).stat().st_mode) for name in ("real", "fresh")] == [0o640, 0o640]
    assert sorted(os.listdir(here)) == ["fresh", "r", "real"]


def test_new_is_never_over_anything(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a file nor a link to nowhere; on a file system without hard links neither."""
    (here / "a").write_text("old")
    (here / "b").symlink_to("nowhere")
    for name in ("a", "b"):
        with pytest.raises(FileExistsError):
            write_whole(name, b"new", new=True)

    def refuse(*_: object) -> None:
        raise PermissionError(1, "no hard links")

    monkeypatch.setattr(os, "link", refuse)
    write_whole("c", b"new", new=True)
    assert (here / "c").read_bytes() == b"new"
    assert sorted(os.listdir(here)) == ["a", "b", "c"]


def test_pipe_without_a_reader(here: Path) -> None:
    """It does not wait."""
    os.mkfifo(here / "r")

    with pytest.raises(FileRefused, match="nobody reads"):
        write_whole("r", b"x")
    with pytest.raises(OSError):
        appending("r")


def test_own_streams(here: Path) -> None:
    """`--output /dev/stdout`, whatever stands behind it, is written whole, behind what is there."""
    code = "from poolcheck.config.staged import write_whole; write_whole('/dev/stdout', b'x' * 300_000)"
    piped = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    with (here / "log").open("ab") as log:
        log.write(b"first ")
        log.flush()
        subprocess.run([sys.executable, "-c", code], stdout=log, check=True)

    assert len(piped.stdout) == 300_000
    assert (here / "log").read_bytes() == b"first " + b"x" * 300_000


def test_folder_and_its_like(here: Path) -> None:
    """Clear refusals of the system."""
    (here / "d").mkdir()
    for name in ("d", "no/such/x", "a\0b"):
        with pytest.raises((OSError, ValueError)):
            write_whole(name, b"x")
    assert os.listdir(here) == ["d"]


def test_appending_follows_no_link(here: Path) -> None:
    """The summary of a job is a file."""
    (here / "r").symlink_to("../victim")
    with pytest.raises(OSError):
        appending("r")
    with appending("s") as file:
        file.write(b"a")
    with appending("s") as file:
        file.write(b"b")
    assert (here / "s").read_bytes() == b"ab"
