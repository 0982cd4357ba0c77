"""Git is asked for names and ids: no program that a repository names runs, whatever names it and wherever it lies."""

import contextlib
import os
import pty
import re
import shutil
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from poolcheck.cli import run
from poolcheck.errors import PoolcheckError
from poolcheck.fix.write import uncommitted
from poolcheck.gate.changed import unchanged
from poolcheck.project import git
from poolcheck.project.git import GitEntry
from tests.project.strange import put

pytestmark = pytest.mark.usefixtures("with_git")

URL = "postgresql://postgres.abcdefghijklmnopqrst:pw@aws-0-eu-central-1.pooler.supabase.com:6543/postgres"
ENV = f'DATABASE_URL="{URL}?connection_limit=1"\n'  # PC201, and fix adds pgbouncer=true
PACKAGE = '{"dependencies": {"prisma": "6.1.0", "@prisma/client": "6.1.0"}}'
PATH = os.environ["PATH"]


class Scene:
    """A repository with one faulty env file, and a program that leaves a witness when it is run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.top = self.where = folder / "project"
        self.witness = folder / "witness"
        self.evil = folder / "evil.sh"
        self.control: tuple[str, ...] = ("status",)  # with these words git itself runs the program
        self.broken = False  # objects are missing: neither command can be answered
        self.environ: dict[str, str] = {}
        self.tty = False
        self.file = ".env"
        self.program(self.evil)
        self.top.mkdir()
        self.project(self.top)

    def program(self, path: Path) -> Path:
        """The planted program, under another path."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f'#!/bin/sh\necho "$0 $@" >> "{self.witness}"\n')
        path.chmod(0o755)
        return path

    def project(self, top: Path) -> None:
        """One commit."""
        self.git("init", "-q", "-b", "main", folder=top)
        (top / ".env").write_text(ENV)
        (top / "package.json").write_text(PACKAGE)
        self.git("add", "-A", folder=top)
        self.git("commit", "-qm", "one", folder=top)

    def git(self, *words: str, folder: Path | None = None, check: bool = True, said: bool = False) -> str:
        """The real git, with nobody's configuration but the repository's."""
        environ = {
            **{name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
            "GIT_CONFIG_NOSYSTEM": "1", "PATH": PATH,
            "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b.invalid",
            "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b.invalid", **self.environ,
        }  # fmt: skip
        leader, terminal = pty.openpty() if self.tty else (-1, subprocess.PIPE)
        try:
            done = subprocess.run(
                ["git", *words], cwd=folder or self.top, env=environ, text=True, check=check,
                stdout=terminal, stderr=subprocess.STDOUT if self.tty else subprocess.PIPE,
                input="protocol=http\nhost=localhost\n\n", timeout=20,
            )  # fmt: skip
        finally:
            for each in (leader, terminal) if self.tty else ():
                os.close(each)
        return (done.stderr if said else done.stdout) or ""

    def config(self, **keys: str) -> None:
        """Set keys of the repository's configuration; __ stands for a dot, _ for what a name has."""
        for key, value in keys.items():
            self.git("config", key.replace("__", "."), value)

    def attributes(self, text: str) -> None:
        """Attributes for all files, where no commit shows them."""
        (self.top / ".git/info/attributes").write_text(text)

    def hook(self, folder: Path) -> None:
        """The one hook that a look runs."""
        self.program(folder / "post-index-change")

    def promisor(self, url: str) -> None:
        """A clone that fetches what is missing, when it is asked for: and the tree of the commit is."""
        tree = self.git("rev-parse", "HEAD^{tree}").strip()
        (self.top / ".git/objects" / tree[:2] / tree[2:]).unlink()
        self.config(
            core__repositoryformatversion="1", extensions__partialClone="origin",
            remote__origin__url=url, remote__origin__promisor="true",
        )  # fmt: skip
        self.control, self.broken = ("ls-tree", "HEAD"), True

    def bare_in_a_clone(self, config: str) -> None:
        """A plain `git clone` of a repository one folder of which is a bare repository itself."""
        evil = self.top / "evil"
        for name in ("objects", "refs", "info"):
            (evil / name).mkdir(parents=True)
            (evil / name / ".keep").touch()
        (evil / "HEAD").write_text("ref: refs/heads/main\n")
        (evil / ".env").write_text(ENV)
        (evil / "package.json").write_text(PACKAGE)
        (evil / "info/attributes").write_text("* filter=x\n")
        (evil / "config").write_text("[core]\nrepositoryformatversion = 0\nbare = false\nworktree = .\n")
        self.git("--git-dir=.", "add", "-f", ".env", folder=evil)
        with (evil / "config").open("a") as file:
            file.write(config)
        self.git("-c", "core.fsmonitor=false", "add", "-Af", ".")
        self.git("commit", "-qm", "two")
        self.git("clone", "-q", str(self.top), str(self.folder / "clone"))
        self.top, self.where = self.folder / "clone", self.folder / "clone/evil"
        os.utime(self.where / ".env", (1, 1))


SCENES: dict[str, Callable[[Scene], None]] = {}


def scene(plant: Callable[[Scene], None]) -> Callable[[Scene], None]:
    """One of the scenes, by its name."""
    SCENES[plant.__name__] = plant
    return plant


@scene
def fsmonitor(at: Scene) -> None:
    at.config(core__fsmonitor=str(at.evil))


@scene
def filter_clean(at: Scene) -> None:
    at.attributes("* filter=x")
    at.config(filter__x__clean=str(at.evil))


@scene
def filter_process(at: Scene) -> None:
    at.attributes("* filter=x")
    at.config(filter__x__process=str(at.evil))


@scene
def filter_of_tracked_attributes(at: Scene) -> None:
    (at.top / ".gitattributes").write_text("* filter=x\n")
    at.git("add", "-A")
    at.git("commit", "-qm", "two")
    at.config(filter__x__clean=str(at.evil), filter__x__required="true")


@scene
def filter_smudge(at: Scene) -> None:
    at.attributes("* filter=x")
    at.config(filter__x__smudge=str(at.evil))
    at.control = ("archive", "HEAD")


@scene
def attributes_file(at: Scene) -> None:
    (at.folder / "attributes").write_text("* filter=x")
    at.config(core__attributesFile=str(at.folder / "attributes"), filter__x__clean=str(at.evil))


@scene
def hook_post_index_change(at: Scene) -> None:
    at.hook(at.top / ".git/hooks")


@scene
def hooks_path(at: Scene) -> None:
    at.hook(at.folder / "hooks")
    at.config(core__hooksPath=str(at.folder / "hooks"))


@scene
def diff_textconv(at: Scene) -> None:
    at.attributes("* diff=x")
    at.config(diff__x__textconv=str(at.evil))
    at.control = ("log", "-p")


@scene
def diff_external(at: Scene) -> None:
    at.config(diff__external=str(at.evil))
    at.control = ("log", "-p", "--ext-diff")


@scene
def diff_command(at: Scene) -> None:
    at.attributes("* diff=x")
    at.config(diff__x__command=str(at.evil))
    at.control = ("log", "-p", "--ext-diff")


@scene
def pager(at: Scene) -> None:
    at.config(core__pager=str(at.evil))
    at.control, at.tty = ("log",), True


@scene
def pager_of_a_command(at: Scene) -> None:
    for command in ("ls-tree", "ls-files", "rev-parse", "merge-base"):
        at.git("config", f"pager.{command}", str(at.evil))
    at.control, at.tty = ("ls-tree", "HEAD"), True


@scene
def alias(at: Scene) -> None:
    for name in ("planted", "ls-tree", "ls-files", "rev-parse", "merge-base"):
        at.git("config", f"alias.{name}", f"!{at.evil}")
    at.control = ("planted",)


@scene
def editor(at: Scene) -> None:
    at.config(core__editor=str(at.evil))
    at.control = ("commit", "--amend", "--allow-empty")


@scene
def gpg_program(at: Scene) -> None:
    at.config(gpg__program=str(at.evil))
    at.control = ("commit", "--allow-empty", "-S", "-m", "x")


@scene
def credential_helper(at: Scene) -> None:
    at.config(credential__helper=f"!{at.evil}")
    at.control = ("credential", "fill")


@scene
def ask_pass(at: Scene) -> None:
    at.config(core__askPass=str(at.evil))
    at.control = ("credential", "fill")


@scene
def ssh_of_a_promisor(at: Scene) -> None:
    at.promisor("ssh://nobody@localhost/x")
    at.config(core__sshCommand=str(at.evil))


@scene
def upload_pack_of_a_promisor(at: Scene) -> None:
    at.promisor(str(at.top))
    at.config(remote__origin__uploadpack=str(at.evil))


@scene
def transport_of_a_promisor(at: Scene) -> None:
    at.promisor(f"ext::{at.evil} %S")
    at.config(protocol__ext__allow="always")


@scene
def proxy_of_a_promisor(at: Scene) -> None:
    at.promisor("git://localhost/x")
    at.config(core__gitProxy=str(at.evil))


@scene
def other_url_of_a_promisor(at: Scene) -> None:
    at.promisor("https://localhost/x")
    at.git("config", f"url.ext::{at.evil} .insteadOf", "https://localhost/")
    at.config(protocol__ext__allow="always")


@scene
def alternate_refs(at: Scene) -> None:
    at.config(core__alternateRefsCommand=str(at.evil))
    (at.top / ".git/objects/info/alternates").write_text(f"{at.top}/.git/objects\n")
    at.git("init", "-q", "--bare", str(at.folder / "other"))
    (at.top / ".git/objects/info/alternates").write_text(f"{at.folder}/other/objects\n")
    at.control = ("rev-list", "--alternate-refs")


@scene
def included(at: Scene) -> None:
    (at.folder / "more").write_text(f"[core]\nfsmonitor = {at.evil}\n")
    at.config(include__path=str(at.folder / "more"))


@scene
def included_by_condition(at: Scene) -> None:
    (at.folder / "more").write_text(f"[core]\nfsmonitor = {at.evil}\n")
    at.git("config", "includeIf.gitdir:**.path", str(at.folder / "more"))


@scene
def worktree_config(at: Scene) -> None:
    at.config(core__repositoryformatversion="1", extensions__worktreeConfig="true")
    (at.top / ".git/config.worktree").write_text(f"[core]\nfsmonitor = {at.evil}\n")


@scene
def work_tree_elsewhere(at: Scene) -> None:
    other = at.folder / "other"
    other.mkdir()
    (other / ".gitattributes").write_text("* filter=x\n")
    (other / ".env").write_text(ENV)
    at.config(core__worktree=str(other), filter__x__clean=str(at.evil))


@scene
def git_file(at: Scene) -> None:
    fsmonitor(at)
    (at.top / ".git").rename(at.folder / "elsewhere")
    (at.top / ".git").write_text("gitdir: ../elsewhere\n")


@scene
def linked_worktree(at: Scene) -> None:
    fsmonitor(at)
    at.git("worktree", "add", "-q", str(at.folder / "tree"), "-b", "tree")
    at.top = at.where = at.folder / "tree"


@scene
def submodule(at: Scene) -> None:
    other = at.folder / "other"
    other.mkdir()
    at.project(other)
    at.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(other), "sub")
    at.git("commit", "-qm", "two")
    at.git("config", "core.fsmonitor", str(at.evil), folder=at.top / "sub")


@scene
def inside_a_submodule(at: Scene) -> None:
    submodule(at)
    at.where = at.top / "sub"


@scene
def nested_repository(at: Scene) -> None:
    inner = at.top / "inner"
    inner.mkdir()
    at.project(inner)
    at.git("config", "core.fsmonitor", str(at.evil), folder=inner)
    at.where = inner


@scene
def bare_repository_in_a_clone_fsmonitor(at: Scene) -> None:
    at.bare_in_a_clone(f"fsmonitor = {at.evil}\n")


@scene
def bare_repository_in_a_clone_clean(at: Scene) -> None:
    at.bare_in_a_clone(f'[filter "x"]\nclean = {at.evil}\n')


@scene
def environment_config(at: Scene) -> None:
    at.environ = {
        "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "core.fsmonitor", "GIT_CONFIG_VALUE_0": str(at.evil),
    }  # fmt: skip


@scene
def environment_parameters(at: Scene) -> None:
    at.environ = {"GIT_CONFIG_PARAMETERS": f"'core.fsmonitor'='{at.evil}'"}


@scene
def environment_of_another_repository(at: Scene) -> None:
    other = at.folder / "other"
    other.mkdir()
    at.project(other)
    at.git("config", "core.fsmonitor", str(at.evil), folder=other)
    at.environ = {"GIT_DIR": str(other / ".git")}


@scene
def environment_external_diff(at: Scene) -> None:
    at.environ = {"GIT_EXTERNAL_DIFF": str(at.evil)}
    at.control = ("log", "-p", "--ext-diff")


@scene
def environment_pager(at: Scene) -> None:
    at.environ = {"GIT_PAGER": str(at.evil)}
    at.control, at.tty = ("log",), True


@scene
def users_config(at: Scene) -> None:
    (at.folder / ".gitconfig").write_text(f"[core]\nfsmonitor = {at.evil}\n")
    at.environ = {"HOME": str(at.folder)}


@scene
def git_in_the_folder(at: Scene) -> None:
    at.program(at.top / "git")
    at.environ = {"PATH": f".:{PATH}"}


@scene
def git_where_path_is_empty(at: Scene) -> None:
    at.program(at.top / "git")
    at.environ = {"PATH": f":{PATH}"}


@scene
def git_in_the_folders_programs(at: Scene) -> None:
    at.program(at.top / "node_modules/.bin/git")
    at.environ = {"PATH": f"{at.top}/node_modules/.bin:{PATH}"}


@pytest.fixture
def planted(tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Scene:
    """The scene, after git itself ran its program: in a copy, whose files look touched."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    at = Scene(tmp_path)
    SCENES[request.param](at)
    copy = tmp_path / "copy"
    shutil.copytree(at.folder / "tree" if request.param == "linked_worktree" else at.top, copy, symlinks=True)
    at.git(*at.control, folder=copy / at.where.relative_to(at.top), check=False)
    assert at.witness.exists(), "the planted program is none that git runs"
    at.witness.unlink()
    at.tty = False
    os.utime(at.where / at.file, (1, 1))
    for name, value in at.environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(at.where)
    return at


@pytest.mark.parametrize("planted", SCENES, indirect=True)
def test_gate_runs_nothing(planted: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    """The file is as it was, which only git's objects can tell: so git was asked, and ran nothing."""
    code = run(["gate", planted.file, "--since", "HEAD", "--max", "100", "--instances", "1"])

    assert not planted.witness.exists(), planted.witness.read_text()
    said = capsys.readouterr()
    assert code == (2 if planted.broken else 0), said
    if not planted.broken:
        assert "have not changed since HEAD" in said.out


@pytest.mark.parametrize("planted", SCENES, indirect=True)
def test_fix_runs_nothing(planted: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    """The file is committed, which only git's objects can tell: it is written; after another change it is not."""
    path = planted.where / planted.file
    code = run(["fix", "--write", planted.file])

    assert not planted.witness.exists(), planted.witness.read_text()
    assert ("pgbouncer=true" in path.read_text()) != planted.broken, capsys.readouterr()
    if planted.broken:
        assert code == 2
    else:
        path.write_text(ENV + "#\n")
        assert run(["fix", "--write", planted.file]) == 2
        assert "not committed" in capsys.readouterr().err
        assert path.read_text() == ENV + "#\n"
    assert not planted.witness.exists(), planted.witness.read_text()


def test_scenes_are_enough() -> None:
    """No scene was lost."""
    assert len(SCENES) >= 40


@pytest.fixture
def at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    """A repository without malice."""
    made = Scene(tmp_path)
    monkeypatch.chdir(made.top)
    return made


def same(folder: Path, *paths: str, since: str = "HEAD") -> set[str]:
    """What has not changed."""
    return set(unchanged(since, folder, paths))


def differs(path: Path) -> bool:
    """Whether fix would say that it has changes."""
    return uncommitted(os.path.realpath(path), path.read_bytes())


def test_git_in_the_current_folder_is_none(at: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where PATH names the current folder, and that is not the file's."""
    at.program(at.folder / "here/git")
    monkeypatch.chdir(at.folder / "here")
    for first in (".", "", "../here"):
        monkeypatch.setenv("PATH", f"{first}:{PATH}")

        assert same(at.top, ".env") == {".env"}
        assert not at.witness.exists()


def test_git_sees_our_configuration_alone(at: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever stands in the repository's, the user's or the caller's: of all that, git knows nothing."""
    for name, plant in SCENES.items():
        if name in ("alias", "included", "hooks_path", "ssh_of_a_promisor", "worktree_config"):
            plant(at)
    for name, value in {
        "COUNT": "1",
        "KEY_0": "core.fsmonitor",
        "VALUE_0": "x",
        "PARAMETERS": "'a.b'='c'",
    }.items():
        monkeypatch.setenv(f"GIT_CONFIG_{name}", value)
    found = git.find(str(at.top))
    assert found is not None

    with found as repository:
        done = subprocess.run(
            ["git", "config", "--list", "--show-origin"],
            env=repository._environment(), capture_output=True, text=True, check=True,
        )  # fmt: skip
        origins = {line.split("\t")[0] for line in done.stdout.splitlines()}
        keys = {line.split("\t")[1].split("=")[0] for line in done.stdout.splitlines()}

    assert len(origins) == 1
    assert str(at.folder) not in origins.pop()
    assert keys == {"core.repositoryformatversion", "core.bare"}


def test_nothing_is_left_and_nothing_written(at: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """The temporary folder goes, the real one keeps every byte: nothing is removed through the borrowed folders."""
    monkeypatch.setattr("tempfile.tempdir", str(at.folder / "temporary"))
    (at.folder / "temporary").mkdir()

    def state() -> dict[Path, bytes]:
        return {path: path.read_bytes() for path in at.top.rglob("*") if path.is_file()}

    before = state()
    assert same(at.top, ".env") == {".env"}
    assert not differs(at.top / ".env")

    assert state() == before
    assert list((at.folder / "temporary").iterdir()) == []


class TestAnswers:
    """The same as git's, in every kind of repository."""

    @settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(content=st.binary(max_size=300))
    @example(content=b"")
    @example(content=b"a\r\nb\n")
    @example(content=b"$Id: x $\r\n")
    def test_ids(self, tmp_path: Path, content: bytes) -> None:
        """Of a blob, by both kinds of hash, as git computes them."""
        (tmp_path / "file").write_bytes(content)
        for kind in ("sha1", "sha256"):
            top = tmp_path / kind
            if not top.exists():
                subprocess.run(
                    ["git", "init", "-q", f"--object-format={kind}", str(top)], check=True, env={"PATH": PATH}
                )
            done = subprocess.run(
                ["git", "-C", str(top), "hash-object", "--no-filters", str(tmp_path / "file")],
                capture_output=True, text=True, check=True, env={"PATH": PATH},
            )  # fmt: skip
            assert GitEntry("100644", done.stdout.strip()).holds(content)
            assert not GitEntry("100644", done.stdout.strip()).holds(content + b"x")

    @pytest.mark.parametrize("kind", ["sha1", "sha256"])
    def test_both_hashes_and_packed(self, tmp_path: Path, kind: str) -> None:
        """SHA-256 repositories; refs and objects in packs."""
        at = Scene(tmp_path)
        at.top = tmp_path / kind
        at.top.mkdir()
        at.git("init", "-q", "-b", "main", f"--object-format={kind}")
        at.project(at.top)
        at.git("gc", "-q")
        at.git("pack-refs", "--all")

        assert same(at.top, ".env", "package.json", "none", since="main") == {".env", "package.json"}
        assert not differs(at.top / ".env")
        (at.top / ".env").write_text("A=1\n")
        assert same(at.top, ".env", "package.json") == {"package.json"}
        assert differs(at.top / ".env")

    def test_line_ends_and_ident(self, at: Scene) -> None:
        """What a checkout makes of a file by autocrlf, eol and ident is undone; git says the same."""
        (at.top / ".env").write_text(ENV + "# $Id$\n")
        (at.top / ".gitattributes").write_text("*.env text eol=crlf ident\n.env text eol=crlf ident\n")
        at.git("add", "-A")
        at.git("commit", "-qm", "two")
        (at.top / ".env").unlink()
        at.git("checkout", "--", ".env")

        content = (at.top / ".env").read_bytes()
        assert b"\r\n" in content
        assert b"$Id: " in content
        assert at.git("status", "--porcelain") == ""
        assert same(at.top, ".env") == {".env"}
        assert not differs(at.top / ".env")

    def test_what_a_filter_or_an_encoding_makes_counts_as_changed(self, at: Scene) -> None:
        """The safe side for a gate, and for fix: --force is for those."""
        (at.top / ".gitattributes").write_text("u.env working-tree-encoding=UTF-16\n")
        (at.top / "u.env").write_text(ENV, encoding="utf-16")
        at.git("add", "-A")
        at.git("commit", "-qm", "two")

        assert at.git("status", "--porcelain") == ""
        assert same(at.top, "u.env") == set()
        assert differs(at.top / "u.env")

    def test_worktree_and_submodule(self, at: Scene) -> None:
        """Their .git is a file that leads elsewhere; a worktree has a HEAD of its own."""
        submodule(at)
        at.git("worktree", "add", "-q", str(at.folder / "tree"), "-b", "tree", "HEAD~1")
        tree = at.folder / "tree"
        (tree / ".env").write_text("A=1\n")
        at.git("commit", "-qam", "three", folder=tree)

        assert same(tree, ".env") == {".env"}
        assert same(tree, ".env", since="main") == set()
        assert not differs(tree / ".env")
        assert same(at.top / "sub", ".env") == {".env"}
        assert not differs(at.top / "sub/.env")
        assert same(at.top, "sub/.env") == set()  # that is another repository's

    @pytest.mark.parametrize("words", [("update-index", "--split-index"), ("sparse-checkout", "set", "--cone", "--sparse-index", "a")])  # fmt: skip
    def test_odd_indexes(self, at: Scene, words: tuple[str, ...]) -> None:
        """Split in two files, and sparse."""
        for name in ("a/.env", "b/c/.env"):
            (at.top / name).parent.mkdir(parents=True)
            (at.top / name).write_text(ENV)
        at.git("add", "-A")
        at.git("commit", "-qm", "two")
        at.git(*words)

        assert not differs(at.top / "a/.env")
        (at.top / "a/.env").write_text("A=1\n")
        assert differs(at.top / "a/.env")

    def test_shallow_and_partial_clones(self, at: Scene) -> None:
        """What is missing is not fetched: names and ids are there, and a fork point too far away is said."""
        at.git("commit", "-q", "--allow-empty", "-m", "two")
        at.config(uploadpack__allowFilter="true")
        url = at.top.as_uri()
        at.git("clone", "-q", "--depth=1", url, str(at.folder / "shallow"))
        at.git("clone", "-q", "--no-checkout", "--filter=blob:none", url, str(at.folder / "partial"))
        (at.folder / "partial/.env").write_text(ENV)

        for clone in ("shallow", "partial"):
            assert same(at.folder / clone, ".env") == {".env"}
        with pytest.raises(Exception, match="no common history"):
            same(at.folder / "shallow", ".env", since="HEAD~1")
        assert at.git("count-objects", folder=at.folder / "partial").startswith("0 objects")

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
    def test_somebody_elses_repository(self, at: Scene) -> None:
        """In a container the checkout is another user's: git would refuse, for the sake of what it would run."""
        for path in (at.top, *at.top.rglob("*")):
            os.chown(path, 12345, 12345)

        assert "dubious ownership" in at.git("status", check=False, said=True)
        assert same(at.top, ".env") == {".env"}
        assert not differs(at.top / ".env")

    def test_before_the_first_commit(self, at: Scene) -> None:
        """What was added is not committed; what was not is git's no more than outside."""
        shutil.rmtree(at.top / ".git")
        at.git("init", "-q")
        assert not differs(at.top / ".env")

        at.git("add", ".env")
        assert differs(at.top / ".env")
        assert not differs(at.top / "package.json")

    def test_states_of_the_index(self, at: Scene) -> None:
        """Staged and put back, removed from the index, promised, and in a conflict: each is a change."""
        for words, content in (
            (("add", ".env"), "A=1\n"),
            (("rm", "-q", "--cached", ".env"), ENV),
        ):
            (at.top / ".env").write_text(content)
            at.git(*words)
            (at.top / ".env").write_text(ENV)
            assert differs(at.top / ".env"), words
            at.git("reset", "-q", "--hard")
        (at.top / "new.env").write_text(ENV)
        at.git("add", "-N", "new.env")
        assert differs(at.top / "new.env")

        at.git("checkout", "-q", "-b", "other")
        (at.top / ".env").write_text("A=1\n")
        at.git("commit", "-qam", "two")
        at.git("checkout", "-q", "main")
        (at.top / ".env").write_text("A=2\n")
        at.git("commit", "-qam", "three")
        at.git("merge", "other", check=False)
        assert differs(at.top / ".env")

    def test_odd_names(self, at: Scene) -> None:
        """What git would take for an option, a pattern or magic is a name, and so are bytes and line ends."""
        names = [
            "-rf.env",
            ":(top).env",
            "*.env",
            "a b.env",
            "a\nb.env",
            "ü.env",
            "a\t.env",
            os.fsdecode(b"\xff.env"),
        ]
        for name in names:
            (at.top / name).write_text(ENV)
        (at.top / "x.env").write_text(ENV)
        at.git("add", "-A")
        at.git("rm", "-q", "--cached", "x.env")
        at.git("commit", "-qm", "two")

        assert same(at.top, *names, "x.env") == set(names)
        assert [name for name in (*names, "x.env") if differs(at.top / name)] == []

    def test_links(self, at: Scene) -> None:
        """A link is as it was if it leads where it led, to what is as it was."""
        os.symlink("package.json", at.top / "link")
        os.symlink("link", at.top / "second")
        os.symlink("/etc/hostname", at.top / "out")
        os.symlink("loop", at.top / "loop")
        at.git("add", "-A")
        at.git("commit", "-qm", "two")
        everything = ("link", "second", "out", "loop", "package.json")

        assert same(at.top, *everything) == {"link", "second", "package.json"}
        (at.top / "package.json").write_text("{}")
        assert same(at.top, *everything) == set()
        at.git("checkout", "-q", "--", ".")
        (at.top / "second").unlink()
        os.symlink(".env", at.top / "second")
        assert same(at.top, *everything) == {"link", "package.json"}

    def test_a_gits_own_environment_of_a_hook(self, at: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
        """pre-commit runs us with GIT_DIR and GIT_INDEX_FILE set: the file's own repository counts."""
        monkeypatch.setenv("GIT_DIR", str(at.folder / "none"))
        monkeypatch.setenv("GIT_INDEX_FILE", str(at.folder / "none"))

        assert same(at.top, ".env") == {".env"}
        assert not differs(at.top / ".env")

    def test_very_many_files(self, at: Scene) -> None:
        """More names than one command line takes."""
        names = [f"{'x' * 100}{number}.env" for number in range(600)]
        for name in names:
            (at.top / name).write_text("A=1\n")
        at.git("add", "-A")
        at.git("commit", "-qm", "two")

        assert same(at.top, *names) == set(names)


class TestSilent:
    """A git that is missing, broken, hangs or prints without end is said, and nothing is written."""

    @pytest.fixture
    def program(self, at: Scene, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
        """Put a script in the place of git."""
        monkeypatch.setattr(git, "SECONDS", 1.0)
        bin_folder = at.folder / "bin"
        bin_folder.mkdir()
        monkeypatch.setenv("PATH", str(bin_folder))

        def put(script: str) -> None:
            (bin_folder / "git").write_text(f"#!/bin/sh\nPATH={PATH}\n{script}\n")
            (bin_folder / "git").chmod(0o755)

        return put

    @pytest.mark.parametrize(
        ("script", "said"),
        [
            ("", "another answer than an id"),
            ("sleep 300", "did not answer within 1 s"),
            ("sleep 300 & sleep 300", "did not answer within 1 s"),
            ("exec yes", "printed more than"),
            ("yes >&2", "did not answer within 1 s"),
            ("echo unknown option >&2; exit 129", "unknown option"),
            ("kill -9 $$", "failed"),
        ],
    )
    def test_said(self, program: Callable[[str], None], at: Scene, script: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:  # fmt: skip
        """By both commands, with exit code 2."""
        program(script)

        assert run(["gate", "--since", "HEAD", "--max", "100", "--instances", "1"]) == 2
        assert re.search(f"{said}|no such commit", capsys.readouterr().err)
        assert run(["fix", "--write", ".env"]) == 2
        assert said in capsys.readouterr().err
        assert (at.top / ".env").read_text() == ENV

    def test_missing(self, at: Scene, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:  # fmt: skip
        """Where there is a repository and no git; --force writes."""
        monkeypatch.setenv("PATH", str(at.folder))

        assert run(["gate", "--since", "HEAD"]) == 2
        assert "there is no git" in capsys.readouterr().err
        assert run(["fix", "--write", ".env"]) == 2
        assert "there is no git" in capsys.readouterr().err
        assert (at.top / ".env").read_text() == ENV
        assert run(["fix", "--write", "--force", ".env"]) == 0
        assert (at.top / ".env").read_text() != ENV

    @pytest.mark.parametrize(
        "name",
        [
            "HEAD", "config", "index", "packed-refs", "commondir", "shallow", "refs/heads/main", "logs", "sharedindex." + "0" * 40,
            "objects/info/alternates", "objects/info/commit-graph", "objects/pack/multi-pack-index",
        ],
    )  # fmt: skip
    @pytest.mark.parametrize(
        "kind",
        ["pipe", "device", "huge", "folder", "loop"],
        ids=["pipe", "zero", "large", "folder", "loop"],
    )
    def test_hostile_files_of_git(self, at: Scene, name: str, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
        """A pipe, a device, a huge file or a loop in the place of one that git or we read: an answer, or silence said."""
        monkeypatch.setattr(git, "SECONDS", 2.0)
        path = at.top / ".git" / name
        shutil.rmtree(path, ignore_errors=True)
        path.unlink(missing_ok=True)
        put(path, kind)

        for question in (lambda: same(at.top, ".env"), lambda: differs(at.top / ".env")):
            with contextlib.suppress(PoolcheckError):
                question()

    def test_an_object_that_unpacks_without_end(self, at: Scene) -> None:
        """300 KB on the disk, 300 MB in memory: refused before."""
        packer, tree = zlib.compressobj(1), at.git("rev-parse", "HEAD^{tree}").strip()
        path = at.top / ".git/objects" / tree[:2] / tree[2:]
        path.unlink()
        path.write_bytes(
            b"".join((
                packer.compress(b"tree %d\0" % (300 << 20)),
                *(packer.compress(bytes(1 << 20)) for _ in range(300)),
                packer.flush(),
            ))
        )  # fmt: skip
        code = (
            "import resource, pathlib, poolcheck.gate.changed as changed\n"
            "try: print(changed.unchanged('HEAD', pathlib.Path(), ['.env']))\n"
            "except Exception as error: print(error)\n"
            "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss >> 10)"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

        said, megabytes = done.stdout.splitlines()
        assert "git ls-tree failed" in said
        assert int(megabytes) < 150

    def test_a_git_folder_that_is_none(self, at: Scene) -> None:
        """An empty .git further down does not hide the repository."""
        (at.top / "a/.git").mkdir(parents=True)
        (at.top / "a/.env").write_text(ENV)
        at.git("add", "a/.env")
        at.git("commit", "-qm", "two")

        assert not differs(at.top / "a/.env")
        (at.top / "a/.env").write_text("A=1\n")
        assert differs(at.top / "a/.env")
