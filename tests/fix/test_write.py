"""Files are put in place whole: killed at every line, refused where something speaks against it, nothing else lost."""

import json
import os
import secrets
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from poolcheck.config import staged as staging
from poolcheck.config.staged import leftovers
from poolcheck.fix import write
from poolcheck.fix.write import NewContent, WriteRefused
from tests.fix.crash import NEW, OLD

CRASH = Path(__file__).parent / "crash.py"


def new(path: Path, before: bytes | None = OLD, after: bytes = NEW) -> NewContent:
    """One file to write."""
    return NewContent(path=str(path), before=before, after=after)


@pytest.fixture
def env(tmp_path: Path) -> Path:
    """An env file with the old content, readable by its group."""
    path = tmp_path / ".env"
    path.write_bytes(OLD)
    path.chmod(0o640)
    return path


def names(folder: Path) -> set[str]:
    """What is in a folder."""
    return {each.name for each in folder.iterdir()}


def git(folder: Path, *arguments: str) -> None:
    """Run git as somebody."""
    subprocess.run(
        ["git", "-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@b.invalid", *arguments],
        check=True,
        capture_output=True,
    )


class TestCrash:
    """Killed (SIGKILL) before every line that the writer runs."""

    @pytest.mark.parametrize("kind", ["old", "backup", "two", "new"])
    def test_each_file_is_the_old_or_the_new_one_and_whole(self, kind: str, tmp_path: Path) -> None:
        """And what lies beside them is no file of the project, and nobody else may read it before it is complete."""
        done = subprocess.run(
            [sys.executable, str(CRASH), str(tmp_path), kind],
            capture_output=True,
            text=True,
            check=True,
            cwd=Path(__file__).parents[2],
        )
        deaths: list[dict[str, Any]] = json.loads(done.stdout)

        assert len(deaths) > 40
        assert [death["killed"] for death in deaths] == [True] * (len(deaths) - 1) + [False]
        old, whole = OLD.decode(), NEW.decode()
        files = {
            "old": [".env"],
            "backup": [".env"],
            "two": [".env", "schema.prisma"],
            "new": ["prisma.config.ts"],
        }
        for death in deaths:
            left: dict[str, str] = death["left"]
            for name in files[kind]:
                assert left.get(name) in ((whole, None) if kind == "new" else (old, whole)), name
            for name in set(left) - set(files[kind]):
                assert name == ".env.bak" or (name.startswith(".poolcheck-") and name.endswith(".tmp"))
                if name == ".env.bak":
                    assert left[name] == old
                elif left[name] not in (old, whole):
                    assert death["modes"][name] == 0o600
        # The new text is its owner's alone, but in the lines between its mode and the rename.
        early = [
            death["modes"][name]
            for death in deaths
            if any(death["left"].get(name) != whole for name in files[kind])
            for name in set(death["left"]) - set(files[kind])
            if death["left"][name] == whole
        ]
        assert sum(mode != 0o600 for mode in early) < 20 * len(files[kind]) < len(early)
        last = deaths[-1]["left"]
        assert all(last[name] == whole for name in files[kind])
        assert set(last) == set(files[kind]) | ({".env.bak"} if kind == "backup" else set())
        assert {frozenset(death["left"].items()) for death in deaths} >= {frozenset(last.items())}

    def test_temporary_file_of_a_killed_run_is_found(self, tmp_path: Path) -> None:
        """It holds a copy of a file: the next run says so."""
        (tmp_path / ".poolcheck-00.tmp").write_bytes(NEW)
        (tmp_path / ".env").write_bytes(OLD)

        assert list(leftovers([str(tmp_path)])) == [str(tmp_path / ".poolcheck-00.tmp")]


class TestKept:
    """What a file had besides its content."""

    def test_mode(self, env: Path) -> None:
        """Owner may write, group may read, as before."""
        write.write([new(env)])

        assert env.read_bytes() == NEW
        assert stat.S_IMODE(env.stat().st_mode) == 0o640
        assert names(env.parent) == {".env"}

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
    def test_owner(self, env: Path) -> None:
        """A file of another account stays its file."""
        os.chown(env, 12345, 54321)

        write.write([new(env)])

        assert (env.stat().st_uid, env.stat().st_gid) == (12345, 54321)
        assert env.read_bytes() == NEW

    def test_extended_attributes(self, env: Path) -> None:
        """Where the file system has them."""
        try:
            os.setxattr(env, "user.note", b"mine")
        except OSError:
            pytest.skip("this file system has no extended attributes")

        write.write([new(env)])

        assert os.getxattr(env, "user.note") == b"mine"

    def test_new_file_has_the_mode_of_the_umask(self, tmp_path: Path) -> None:
        """As any program would have made it."""
        path = tmp_path / "prisma.config.ts"

        done = write.write([new(path, before=None)])

        (tmp_path / "other").write_bytes(b"")
        assert done[0].created
        assert path.read_bytes() == NEW
        assert path.stat().st_mode == (tmp_path / "other").stat().st_mode

    def test_link_is_followed_and_said(
        self, env: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The link stays a link; the file behind it is written, in its own folder."""
        (tmp_path / "web").mkdir()
        link = tmp_path / "web" / ".env"
        link.symlink_to("../.env")
        monkeypatch.chdir(tmp_path)

        done = write.write([new(Path("web/.env"))], backup=True)

        assert link.is_symlink()
        assert env.read_bytes() == NEW
        assert (done[0].path, done[0].target, done[0].backup) == ("web/.env", ".env", ".env.bak")
        assert names(tmp_path / "web") == {".env"}

    def test_backup_has_the_next_free_name(self, env: Path) -> None:
        """An older backup is not lost."""
        write.write([new(env)], backup=True)
        done = write.write([new(env, NEW, b"third")], backup=True)

        assert done[0].backup == str(env) + ".bak1"
        assert (env.parent / ".env.bak").read_bytes() == OLD
        assert (env.parent / ".env.bak1").read_bytes() == NEW
        assert env.read_bytes() == b"third"
        assert stat.S_IMODE((env.parent / ".env.bak").stat().st_mode) == 0o640


class TestPlanted:
    """Names and files that somebody else puts in the folder."""

    def test_temporary_name_is_not_followed_and_not_removed(
        self, env: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Even one that was guessed: what lies there is somebody's."""
        mine = tmp_path / "mine"
        mine.write_bytes(b"mine")
        planted = tmp_path / ".poolcheck-guessed.tmp"
        monkeypatch.setattr(secrets, "token_hex", lambda _: "guessed")
        for plant in (lambda: planted.symlink_to(mine), lambda: planted.write_bytes(b"planted")):
            plant()
            was = planted.read_bytes()
            with pytest.raises(WriteRefused, match="File exists"):
                write.write([new(env)])

            assert (planted.read_bytes(), mine.read_bytes(), env.read_bytes()) == (was, b"mine", OLD)
            planted.unlink()

    def test_temporary_names_are_drawn(self, env: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """64 bits at least, by the system's own source."""
        drawn: list[int] = []
        real = secrets.token_hex

        def draw(size: int) -> str:
            drawn.append(size)
            return real(size)

        monkeypatch.setattr(secrets, "token_hex", draw)
        write.write([new(env)])

        assert min(drawn) >= 8

    def test_temporary_file_that_was_replaced(self, env: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Its mode is not opened for another file, and that does not become the env file."""
        victim = env.parent / "victim"
        victim.write_bytes(b"victim")
        victim.chmod(0o600)
        real = os.fsync

        def swap(descriptor: int) -> None:
            real(descriptor)
            (temporary,) = env.parent.glob(".poolcheck-*")
            temporary.unlink()
            os.link(victim, temporary)

        monkeypatch.setattr(os, "fsync", swap)
        with pytest.raises(WriteRefused, match="was replaced"):
            write.write([new(env)])

        assert (env.read_bytes(), stat.S_IMODE(victim.stat().st_mode)) == (OLD, 0o600)


class TestLastMoment:
    """What is written between the last comparison and the rename is put back."""

    @pytest.mark.parametrize("how", ["in place", "by rename", "a link", "removed"])
    def test_edit(self, how: str, env: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Whichever way an editor saves."""
        outside = env.parent / "outside"
        outside.write_bytes(NEW)
        real = staging.exchange

        def late(one: str, other: str) -> bool:
            monkeypatch.setattr(staging, "exchange", real)
            if how == "in place":
                env.write_bytes(b"editor")
            elif how == "by rename":
                (env.parent / "x").write_bytes(b"editor")
                (env.parent / "x").rename(env)
            else:
                env.unlink()
                if how == "a link":
                    env.symlink_to(outside)
            return real(one, other)

        if not real(str(env), str(outside)):
            pytest.skip("this file system swaps no names")
        real(str(env), str(outside))
        monkeypatch.setattr(staging, "exchange", late)
        with pytest.raises(WriteRefused):
            write.write([new(env)])

        assert names(env.parent) == {"outside"} | ({".env"} if how != "removed" else set())
        assert env.is_symlink() is (how == "a link")
        assert how in ("a link", "removed") or env.read_bytes() == b"editor"

    def test_edit_while_it_is_put_back(self, env: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Twice within the moment: nothing is thrown away, and the message says where it is."""
        real = staging.exchange
        turn: list[bytes] = []

        def late(one: str, other: str) -> bool:
            turn.append(b"editor %d" % len(turn))
            env.write_bytes(turn[-1])
            return real(one, other)

        monkeypatch.setattr(staging, "exchange", late)
        with pytest.raises(WriteRefused, match="changed twice") as refused:
            write.write([new(env)])

        kept = {path.name: path.read_bytes() for path in env.parent.iterdir()}
        assert sorted(kept.values()) == [b"editor 0", b"editor 1"]
        assert all(name == ".env" or name in refused.value.hint for name in kept)

    def test_without_an_exchange_it_is_a_rename(self, env: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Windows, and file systems that cannot."""
        monkeypatch.setattr(staging, "exchange", lambda one, other: False)
        write.write([new(env)])

        assert (env.read_bytes(), names(env.parent)) == (NEW, {".env"})

    def test_second_file_refused_late(
        self, env: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What was written before it is said."""
        second = tmp_path / "schema.prisma"
        second.write_bytes(OLD)
        real = staging.exchange

        def late(one: str, other: str) -> bool:
            second.write_bytes(b"editor")
            return real(one, other)

        monkeypatch.setattr(staging, "exchange", late)
        with pytest.raises(WriteRefused, match=r"schema\.prisma changed") as refused:
            write.write([new(env), new(second)])

        assert f"Written before it: {env}" in refused.value.hint
        assert (env.read_bytes(), second.read_bytes()) == (NEW, b"editor")


class TestRefused:
    """What speaks against writing; nothing is touched then."""

    def refused(self, *files: NewContent, force: bool = False) -> str:
        """The message."""
        with pytest.raises(WriteRefused) as caught:
            write.write(files, force=force)
        return caught.value.message

    def test_changed_since_it_was_read(self, env: Path) -> None:
        """Somebody else's edit is not overwritten, by no option."""
        env.write_bytes(b"other")

        assert "changed after it was read" in self.refused(new(env), force=True)
        assert env.read_bytes() == b"other"

    def test_changed_while_writing(self, env: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Also in the moment between the first look and the rename."""
        real = os.fsync

        def late(descriptor: int) -> None:
            real(descriptor)
            env.write_bytes(b"other")

        monkeypatch.setattr(os, "fsync", late)

        assert "changed after it was read" in self.refused(new(env))
        assert env.read_bytes() == b"other"
        assert names(env.parent) == {".env"}

    def test_all_or_nothing_when_one_speaks_against_it(self, env: Path, tmp_path: Path) -> None:
        """The first file is not written when the second may not be."""
        second = tmp_path / "schema.prisma"
        second.write_bytes(b"changed")

        assert "schema.prisma changed" in self.refused(new(env), new(second))
        assert env.read_bytes() == OLD
        assert names(tmp_path) == {".env", "schema.prisma"}

    def test_new_file_that_came_meanwhile(self, tmp_path: Path) -> None:
        """It is not replaced."""
        path = tmp_path / "prisma.config.ts"
        path.write_bytes(b"mine")

        assert "is there now" in self.refused(new(path, before=None))
        assert path.read_bytes() == b"mine"

    def test_gone(self, tmp_path: Path) -> None:
        """A file that was removed is not made again."""
        assert "cannot be read again" in self.refused(new(tmp_path / ".env"))
        assert names(tmp_path) == set()

    def test_hard_link(self, env: Path, tmp_path: Path) -> None:
        """A rename would leave the other name with the old content."""
        os.link(env, tmp_path / "other")

        assert "1 other name (other): a hard link" in self.refused(new(env))

        write.write([new(env)], force=True)
        assert (env.read_bytes(), (tmp_path / "other").read_bytes()) == (NEW, OLD)

    def test_killed_behind_the_backup(self, env: Path, tmp_path: Path) -> None:
        """Such a run leaves the backup as a second name and a temporary file: the refusal names both."""
        os.link(env, tmp_path / ".env.bak")
        (tmp_path / ".poolcheck-0123456789abcdef.tmp").write_bytes(NEW)

        with pytest.raises(write.WriteRefused, match=r"1 other name \(\.env\.bak\)") as refused:
            write.write([new(env)])
        assert ".poolcheck-0123456789abcdef.tmp was left by a run that was killed" in refused.value.hint

    def test_disk_full(self, env: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """The old file stays, the half-written one does not."""

        def full(descriptor: int) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "fsync", full)

        assert "No space left on device" in self.refused(new(env))
        assert env.read_bytes() == OLD
        assert names(env.parent) == {".env"}

    def test_contents_are_in_no_message(self, env: Path) -> None:
        """The record hides them as well."""
        env.write_bytes(b"DATABASE_URL=canary1")

        message = self.refused(new(env, b"canary2", b"canary3"))

        assert "canary" not in message + repr(new(env, b"canary2", b"canary3"))


class TestGit:
    """A file that git tracks with changes that are not committed."""

    @pytest.fixture
    def repository(self, env: Path) -> Path:
        """One file, committed."""
        git(env.parent, "init", "-q")
        git(env.parent, "add", "-f", ".env")
        git(env.parent, "commit", "-qm", "one")
        return env

    def test_clean(self, repository: Path) -> None:
        """The edit is the only change, and can be undone."""
        write.write([new(repository)])

        assert repository.read_bytes() == NEW

    @pytest.mark.parametrize("staged", [False, True])
    def test_uncommitted(self, repository: Path, staged: bool) -> None:
        """WriteRefused, unless forced."""
        repository.write_bytes(b"changed")
        if staged:
            git(repository.parent, "add", ".env")

        with pytest.raises(WriteRefused, match="tracked by git and has changes"):
            write.write([new(repository, b"changed")])
        assert repository.read_bytes() == b"changed"

        write.write([new(repository, b"changed")], force=True)
        assert repository.read_bytes() == NEW

    def test_untracked_and_ignored(self, repository: Path) -> None:
        """Git could not bring them back anyway."""
        other = repository.parent / "a[b].env"
        ignored = repository.parent / "secret.env"
        (repository.parent / ".gitignore").write_text("secret.env\n")
        for each in (other, ignored):
            each.write_bytes(OLD)

        write.write([new(other), new(ignored)])

        assert other.read_bytes() == ignored.read_bytes() == NEW

    def test_another_file_with_changes(self, repository: Path) -> None:
        """Only the file itself counts."""
        (repository.parent / "b").write_bytes(b"1")
        git(repository.parent, "add", "b")

        write.write([new(repository)])

        assert repository.read_bytes() == NEW
