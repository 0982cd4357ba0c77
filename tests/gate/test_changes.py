"""The budget as a diff: what a change does to each peak, in real repositories; and that nothing of them runs."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st

from poolcheck.capacity import asked
from poolcheck.capacity.changes import changes
from poolcheck.cli import cli
from poolcheck.model.amount import at_least, exact
from poolcheck.model.connection_map import Client, Map, Pool, Route, Server
from poolcheck.model.problem import Location
from poolcheck.project import git, past
from tests.project.test_git import SCENES, Scene
from tests.rules.projects import write

pytestmark = pytest.mark.usefixtures("with_git")

FORMATS = ("text", "json", "sarif", "github", "gitlab", "junit", "markdown")
MANIFEST = """apiVersion: apps/v1
kind: Deployment
metadata:
  name: {name}
spec:
  replicas: {replicas}
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}}}}}
    spec:
      containers:
        - name: {name}
          image: acme/{name}
          env:
            - name: DATABASE_URL
              valueFrom: {{secretKeyRef: {{name: db, key: url}}}}
"""
SOURCE = """import {{ Pool }} from "pg";
export const pool = new Pool({{ connectionString: process.env.DATABASE_URL, max: {size} }});
"""
ENV = "DATABASE_URL=postgresql://app:s3cret@pg.acme.dev:5432/app?sslmode=require&connection_limit={size}\n"


class Project:
    """A repository with an api of 20 pods and a worker of 4, ten connections each: 300 at deploy."""

    def __init__(self, top: Path) -> None:
        self.top = top
        top.mkdir(parents=True)
        self.git("init", "-q", "-b", "main")
        self.service("api", 20)
        self.service("worker", 4)
        self.commit()

    def git(self, *words: str, given: bytes | None = None) -> str:
        """The real git, with nobody's settings."""
        environ = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        environ |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
        who = ("-c", "user.name=a", "-c", "user.email=a@b.invalid", "-c", "protocol.file.allow=always")
        done = subprocess.run(
            ("git", *who, *words), cwd=self.top, env=environ, input=given, capture_output=True, check=True
        )
        return done.stdout.decode().strip()

    def write(self, name: str, text: str) -> None:
        """A file."""
        write(self.top, {name: text})

    def service(self, name: str, replicas: int, size: int = 10) -> None:
        """A workload with its code."""
        self.write(f"{name}/package.json", json.dumps({"name": name, "dependencies": {"pg": "8.16.3"}}))
        self.write(f"{name}/src/db.js", SOURCE.format(size=size))
        self.write(f"k8s/{name}.yaml", MANIFEST.format(name=name, replicas=replicas))

    def commit(self) -> str:
        """All that is there."""
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", "x")
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """The project, and we are in it."""
    made = Project(tmp_path / "project")
    monkeypatch.chdir(made.top)
    return made


def gate(*args: str, max_: int = 200, since: str = "HEAD") -> Result:
    """The gate in this process."""
    words = ["gate", f"--since={since}", "--max", str(max_), *args]
    return CliRunner().invoke(cli, words, catch_exceptions=False)


def record(*args: str, **more: Any) -> Any:
    """Its JSON."""
    return json.loads(gate("--format", "json", *args, **more).stdout)


def said(result: Result) -> str:
    """Its text, as if no line had an end."""
    return " ".join(result.output.split())


def moved(made: Any) -> list[tuple[Any, ...]]:
    """The numbers that moved, of the one row there is."""
    (change,) = made["verdict"]["changes"]
    return [
        (each["of"], each["what"], each["before"], each["after"], each["location"])
        for each in change["moved"]
    ]


def peaks(made: Any) -> tuple[int | None, int | None, bool]:
    """Before, after, and whether it rose, of the one row there is."""
    (change,) = made["verdict"]["changes"]
    return change["before"], change["after"], change["raised"]


def rules(made: Any) -> set[str]:
    """What was found."""
    return {each["rule"] for each in made["findings"]}


class TestRaised:
    """A change is told what it does, and blamed for what it raises."""

    def test_replicas(self, project: Project) -> None:
        """The sentence of an engineer; the finding counts though the file that it points at has not changed."""
        project.service("worker", 8)

        result, made = gate(), record()

        sentence = "This change moves the peak at deploy from 300 to 350 of 197: worker replicas 4 -> 8 (k8s/worker.yaml:6)."
        assert sentence in said(result)
        assert result.exit_code == 1
        assert peaks(made) == (300, 350, True)
        assert moved(made) == [("worker", "replicas", 4, 8, {"path": "k8s/worker.yaml", "line": 6})]
        assert [(each["rule"], each["location"]["path"]) for each in made["findings"]] == [
            ("PC601", "k8s/api.yaml")
        ]

    def test_a_pool_in_the_code(self, project: Project) -> None:
        """The line of the code."""
        project.service("worker", 4, size=12)

        assert moved(record()) == [("worker", "max", 10, 12, {"path": "worker/src/db.js", "line": 2})]

    def test_what_comes_and_goes(self, project: Project) -> None:
        """Committed or not; a deleted file is read as it was."""
        project.service("jobs", 2)
        shutil.rmtree(project.top / "worker")
        (project.top / "k8s/worker.yaml").unlink()

        made = record()

        assert peaks(made) == (300, 280, False)
        assert {(of, before, after) for of, _, before, after, _ in moved(made)} == {
            ("jobs", None, 30),
            ("worker", 50, None),
        }
        assert "jobs added, 30 (k8s/jobs.yaml:6)" in said(gate())
        assert "worker removed, 50 (k8s/worker.yaml:6)" in said(gate())

    def test_everything_goes(self, project: Project) -> None:
        """A server that nobody connects to any more is told of."""
        for name in ("api", "worker", "k8s"):
            shutil.rmtree(project.top / name)
        project.write(".env", ENV.format(size=1))
        project.git("add", ".env")

        made = record("--instances", "1")

        gone = [each for each in made["verdict"]["changes"] if each["after"] is None]
        assert [(each["before"], each["raised"]) for each in gone] == [(300, False)]

    def test_the_limit_falls(self, project: Project) -> None:
        """No client moved, and there is less for them."""
        project.write("poolcheck.toml", "max_connections = 400\n")
        project.commit()
        project.write("poolcheck.toml", "max_connections = 200\n")

        result = CliRunner().invoke(cli, ["gate", "--since", "HEAD"], catch_exceptions=False)

        assert result.exit_code == 1
        assert "leaves the peak at deploy at 300 of 197, where there were 397" in said(result)
        assert "max_connections 400 -> 200" in said(result)

    def test_numbers_of_the_config(self, project: Project) -> None:
        """What a table says of a client is a change like any other; an empty file then, and none, are no config."""
        table = '[client."worker"]\ninstances = 8\n'
        for before in (None, "", '[client."worker"]\ninstances = 4\n'):
            (project.top / "poolcheck.toml").unlink(missing_ok=True)
            if before is not None:
                project.write("poolcheck.toml", before)
            project.commit()
            project.write("poolcheck.toml", table)

            made = record()
            assert (peaks(made)[0], peaks(made)[2]) == (300, True)
            assert [each[:4] for each in moved(made)] == [("worker", "instances", 4, 8)]

    def test_not_known_before_and_not_now(self, project: Project) -> None:
        """Said, and never guessed; what cannot be ruled out counts."""
        code = SOURCE.replace("max: {size}", "max: size()").format()
        project.write("worker/src/db.js", code)
        now = record()
        project.commit()
        project.service("worker", 4)
        then, then_words = record(), said(gate())

        assert peaks(now) == (300, 255, True)
        assert now["verdict"]["changes"][0]["unknown"] == ["how much more than 5 worker asks for"]
        assert [each[:4] for each in moved(now)] == [("worker", "pool", 10, None)]
        assert peaks(then) == (255, 300, True)
        assert then["verdict"]["changes"][0]["unknown"] == ["how much more than 5 worker asked for"]
        assert "worker pool not known -> 10 (worker/src/db.js:2)" in then_words


class TestNotBlamed:
    """What stood there before is not this change's."""

    @pytest.mark.parametrize("replicas", [4, 3, 1])
    def test_a_peak_that_does_not_rise(self, project: Project, replicas: int) -> None:
        """Above the limit before and after: not counted, and said in the verdict, the notes and the row."""
        project.service("worker", replicas)
        project.write("README.md", "x\n")

        result, made = gate(), record()

        assert (result.exit_code, rules(made)) == (0, set())
        assert made["verdict"]["sums"][0]["verdict"] == "does not fit"
        assert any("does not fit, as before" in reason for reason in made["verdict"]["reasons"])
        assert any("finding of sums that no change since HEAD raises" in note for note in made["notes"])
        assert "✖" in result.output
        assert gate(max_=150, since="HEAD").exit_code == 0
        assert json.loads(CliRunner().invoke(cli, ["gate", "--max", "200", "--format", "json"]).stdout)[
            "summary"
        ]["error"]

    def test_other_findings_of_what_changed_count(self, project: Project) -> None:
        """An env file that came counts for what it says itself."""
        project.write(".env", "DATABASE_URL=postgresql://app:s3cret@pg.acme.dev:5432/app?connection_limt=5\n")
        project.write("package.json", '{"dependencies": {"@prisma/client": "6.19.3", "prisma": "6.19.3"}}')

        assert "PC205" in rules(record("--fail-on", "info"))

    def test_a_renamed_file_and_a_renamed_client(self, project: Project) -> None:
        """The same by its name wherever it stands; by its place whatever it is called."""
        project.git("mv", "k8s", "deploy")
        assert peaks(record()) == (300, 300, False)
        assert moved(record()) == []

        project.commit()
        text = (project.top / "deploy/worker.yaml").read_text()
        project.write("deploy/worker.yaml", text.replace("name: worker", "name: cruncher"))
        project.write(
            "worker/package.json", json.dumps({"name": "cruncher", "dependencies": {"pg": "8.16.3"}})
        )
        assert peaks(record()) == (300, 300, False)
        assert moved(record()) == []


class TestRevisions:
    """However the revision is given, and wherever we stand."""

    def test_names(self, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
        """A SHA, its start, a branch, a remote's branch; from a folder below."""
        first = project.git("rev-parse", "HEAD")
        project.git("update-ref", "refs/remotes/origin/main", first)
        project.git("checkout", "-q", "-b", "feature")
        project.service("worker", 8)
        project.commit()

        for revision in (first, first[:9], "main", "origin/main", "HEAD~1"):
            assert peaks(record(since=revision)) == (300, 350, True), revision
        monkeypatch.chdir(project.top / "k8s")
        made = record("..", since="main")
        assert peaks(made) == (300, 350, True)
        assert moved(made)[0][4]["path"] == "../k8s/worker.yaml" or moved(made)[0][4]["path"].endswith(
            "worker.yaml"
        )

    def test_a_part_of_the_project(self, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
        """What is named is compared, and so is a single file with what lies around it."""
        project.write(
            "shop/package.json", '{"dependencies": {"@prisma/client": "6.19.3", "prisma": "6.19.3"}}'
        )
        project.write("shop/.env", ENV.format(size=5))
        project.commit()
        project.write("shop/.env", ENV.format(size=6))
        project.service("worker", 8)

        for named in ("shop", "shop/.env"):
            assert peaks(record(named, "--instances", "10", max_=100)) == (65, 78, True), named

    def test_sentences(self, project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """No such revision, too little history, no repository, no git: exit code 2 and a clear sentence."""
        first = project.git("rev-parse", "HEAD")
        project.commit()
        project.git("clone", "-q", "--depth=1", project.top.as_uri(), str(tmp_path / "shallow"))
        for revision in ("nowhere", "--upload-pack=x", "-x", "", first + "0"):
            result = gate(since=revision)
            assert result.exit_code == 2, revision
            assert "--since" in result.output
        monkeypatch.chdir(tmp_path / "shallow")
        assert "no common history" in said(gate(since=first))
        monkeypatch.chdir(tmp_path)
        assert "needs a git repository" in said(gate())
        monkeypatch.chdir(project.top)
        monkeypatch.setenv("PATH", str(tmp_path))
        assert "there is no git" in said(gate())

    def test_a_partial_clone(self, project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """What a file held is not there, and not fetched: it is taken as it is now, and the sum counts."""
        project.git("config", "uploadpack.allowFilter", "true")
        project.service("worker", 8)
        project.commit()
        clone = tmp_path / "partial"
        project.git("clone", "-q", "--filter=blob:none", project.top.as_uri(), str(clone))
        monkeypatch.chdir(clone)

        made = record(since="HEAD~1")

        assert rules(made) == {"PC601"}
        assert (
            "what k8s/worker.yaml held: git has no content of it"
            in made["verdict"]["changes"][0]["unknown"][0]
        )


class TestWhatGitDoesNotHold:
    """It is taken as it is now, and a sum with a number out of it counts."""

    def test_an_env_file_that_is_ignored(self, project: Project) -> None:
        """Nobody can tell what it held."""
        project.write(".gitignore", ".env\n")
        project.write("package.json", '{"dependencies": {"@prisma/client": "6.19.3", "prisma": "6.19.3"}}')
        project.commit()
        project.write(".env", ENV.format(size=9))

        made = record(".env", "--instances", "10", max_=100)

        assert peaks(made) == (117, 117, True)
        assert made["verdict"]["changes"][0]["unknown"] == ["what .env held: git does not hold it"]
        assert "PC204" in rules(made)

    def test_a_submodule_and_a_repository_inside(self, project: Project, tmp_path: Path) -> None:
        """They are neither new nor gone."""
        other = Project(tmp_path / "other")
        project.git("submodule", "--quiet", "add", other.top.as_uri(), "sub")
        project.commit()
        Project(project.top / "inner")

        for folder in ("sub", "inner"):
            before, after, raised = peaks(record(folder))
            assert (before, after, raised) == (300, 300, True), folder

    def test_links(self, project: Project) -> None:
        """A link that was none, and one that leads where it led; no link is followed in the past."""
        os.symlink("worker.yaml", project.top / "k8s/link.yaml")
        os.symlink("/etc/passwd", project.top / "k8s/out.yaml")
        project.commit()
        (project.top / "k8s/link.yaml").unlink()
        (project.top / "k8s/out.yaml").unlink()
        (project.top / "k8s/api.yaml").rename(project.top / "k8s/aim")
        os.symlink("aim", project.top / "k8s/api.yaml")

        assert gate().exit_code in (0, 1)


class TestHostile:
    """A repository is somebody else's, and so are its objects."""

    @pytest.mark.parametrize("name", SCENES)
    def test_nothing_runs(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
        """What a file held is read, and no program that the repository names is."""
        monkeypatch.setenv("HOME", str(tmp_path / "home"))
        at = Scene(tmp_path)
        SCENES[name](at)
        at.witness.unlink(missing_ok=True)
        path = at.where / at.file
        path.write_text(path.read_text().replace("connection_limit=1", "connection_limit=2"))
        for variable, value in at.environ.items():
            monkeypatch.setenv(variable, value)
        monkeypatch.chdir(at.where)

        result = gate(at.file, "--instances", "1", "--format", "json")

        assert not at.witness.exists(), at.witness.read_text()
        assert (result.exit_code == 2) == at.broken, result.output
        if not at.broken:
            assert ("connection_limit", 1, 2) in [each[1:4] for each in moved(json.loads(result.stdout))]

    def test_nothing_is_written(
        self, project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Neither in the repository nor beside it."""
        project.service("worker", 8)
        (tmp_path / "temporary").mkdir()
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))

        def state() -> dict[Path, bytes]:
            return {each: each.read_bytes() for each in project.top.rglob("*") if each.is_file()}

        before = state()
        assert peaks(record()) == (300, 350, True)
        assert state() == before
        assert list((tmp_path / "temporary").iterdir()) == []

    def test_names_that_lead_out(self, project: Project) -> None:
        """A tree made by hand, with a file of the folder above, of .git, and of none."""
        outside = project.top.parent / "k8s.yaml"
        evil = MANIFEST.format(name="evil", replicas=99).replace("acme/evil", "acme/worker").encode()
        blob = project.git("hash-object", "-w", "--stdin", given=evil)
        head = project.git("rev-parse", "HEAD^{tree}")
        entries = project.git("ls-tree", head).encode() + b"\n"
        inner = project.git("mktree", given=f"100644 blob {blob}\tk8s.yaml\n".encode())
        made = project.git("mktree", given=entries + f"040000 tree {inner}\tx1\n".encode())
        raw = subprocess.run(
            ["git", "cat-file", "tree", made], cwd=project.top, capture_output=True, check=True
        ).stdout
        for name in (b"..", b".git"):
            crafted = raw.replace(b"40000 x1\0", b"40000 " + name + b"\0")
            tree = project.git("hash-object", "-t", "tree", "--literally", "-w", "--stdin", given=crafted)
            commit = project.git("commit-tree", tree, "-m", "x")
            project.git("update-ref", "refs/heads/crafted", commit)
            project.git(
                "update-ref", "refs/heads/main", project.git("commit-tree", head, "-p", commit, "-m", "y")
            )
            assert name.decode() + "/k8s.yaml" in project.git("ls-tree", "-r", "--name-only", "crafted")

            assert peaks(record(since="crafted")) == (300, 300, False)
        assert not outside.exists()

    def test_a_huge_file(self, project: Project) -> None:
        """It is not read then, as it would not be now: taken as it is, and its sum counts."""
        project.write(
            "k8s/worker.yaml", MANIFEST.format(name="worker", replicas=4) + "#" * (past.LARGEST + 1)
        )
        project.commit()
        project.service("worker", 4)

        made = record()

        assert made["verdict"]["changes"][0]["unknown"] == [
            "what k8s/worker.yaml held: git has no content of it, or more than 6 MB"
        ]
        assert rules(made) == {"PC601"}

    def test_very_many_files(self, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
        """Five thousand that are gone are read in a handful of calls; above the limit none is, and all counts."""
        for number in range(5_000):
            project.write(f"many/{number}.py", f"x = {number}\n")
        project.commit()
        shutil.rmtree(project.top / "many")
        calls = 0
        plain = git._run

        def counted(*args: Any) -> Any:
            nonlocal calls
            calls += 1
            return plain(*args)

        monkeypatch.setattr(git, "_run", counted)
        assert peaks(record()) == (300, 300, False)
        assert calls < 30
        monkeypatch.setattr(past, "MOST_FILES", 4_999)
        made = record()
        assert made["verdict"]["changes"] == []
        assert rules(made) == {"PC601"}
        assert any("files differ" in each["why"] for each in made["skipped"])


class TestFormats:
    """Each format tells the rows, and what the change does where it has room for it."""

    def test_each_is_whole(self, project: Project) -> None:
        """No inner name, no exception."""
        project.service("worker", 8)
        for name in FORMATS:
            output = gate("--format", name).output
            assert "PC601" in output
            assert "PeakChange" not in output
        for name in ("text", "markdown"):
            assert "moves the peak at deploy from 300 to 350" in said(gate("--format", name))
        assert "350 at deploy" in gate("--format", "sarif").output
        notice = "::notice file=k8s/worker.yaml,line=6,title=poolcheck%3A peak at deploy::"
        assert notice in gate("--format", "github").output

    def test_cannot_say_is_neither_a_tick_nor_a_cross(self, project: Project) -> None:
        """In no format; the reason is in the first lines."""
        for name in ("api", "worker"):
            project.write(f"{name}/src/db.js", SOURCE.replace("max: {size}", "max: size()").format())
        result = gate(max_=300)
        row = next(line for line in result.output.splitlines() if "at least" in line)
        table = next(
            line
            for line in gate("--format", "markdown", max_=300).output.splitlines()
            if "cannot say" in line
        )

        assert result.exit_code == 2
        assert row.strip().startswith("?")
        assert not {"✅", "❌"} & set(table)
        assert "Cannot say whether" in result.output.splitlines()[1]
        assert "<skipped" in gate("--format", "junit", max_=300).output


# --- the comparison alone ---


def map_of(clients: dict[str, tuple[int, int]], limit: int | None) -> Map:
    """Clients with instances and pools, and one server."""
    at = Location("db.yaml", 4)
    made = [
        Client(
            name=name, place=Location(f"{name}.yaml", 9), instances=exact(count, f"replicas: {count}", Location(f"{name}.yaml", 9)),
            surge=exact(0, "maxSurge: 0"), processes=exact(1, "1 process"), deployed=True,
            pools=(Pool(driver="pg", title="pg.Pool", place=at, size=exact(size, f"max: {size}", Location(f"{name}.js", 3)), variable="U"),),
        )
        for name, (count, size) in clients.items()
    ]  # fmt: skip
    server = Server(
        name="db", max_connections=None if limit is None else exact(limit, f"max_connections={limit}", at), reserved=exact(3, "3 reserved")
    )  # fmt: skip
    routes = [
        Route(id=name, variable="U", place=at, role="app", client=name, server="db") for name in clients
    ]
    return Map(clients=tuple(made), servers=(server,), routes=tuple(routes))


CLIENTS = st.dictionaries(
    st.sampled_from(["web", "jobs", "api", "cron"]),
    st.tuples(st.integers(1, 9), st.integers(1, 9)),
    min_size=1,
)
LIMITS = st.one_of(st.none(), st.integers(4, 200))


@settings(max_examples=300, deadline=None)
@given(before=CLIENTS, after=CLIENTS, was=LIMITS, now=LIMITS)
def test_every_number_that_moved_is_told_and_no_other(
    before: dict[str, tuple[int, int]], after: dict[str, tuple[int, int]], was: int | None, now: int | None
) -> None:
    """From the old numbers and what moved, the new ones follow; and what cannot have risen is not said to have."""
    (change,) = changes(asked.rows(map_of(before, was)), asked.rows(map_of(after, now)))

    told = {name: list(numbers) for name, numbers in before.items()}
    for each in change.moved:
        if each.of == "db":
            continue
        if not each.what:
            told.pop(each.of, None)
            if each.after is not None:
                told[each.of] = list(after[each.of])
        else:
            told[each.of][("replicas", "max").index(each.what)] = each.after or 0
    sums = [sum(count * size for count, size in each.values()) for each in (before, after)]
    assert {name: tuple(numbers) for name, numbers in told.items()} == after
    assert (change.before, change.after) == tuple(sums)
    fell = (was is None) != (now is None) or (was is not None and now is not None and now < was)
    assert change.raised == (sums[1] > sums[0] or fell)
    assert change.words.startswith("This change ")


def test_an_open_number_may_have_risen() -> None:
    """A CPU's worth of workers: at least one, and nobody knows how many more."""
    before = map_of({"web": (4, 5)}, 100)
    client = before.clients[0]
    after = Map(
        clients=(
            Client(
                name=client.name, place=client.place, instances=client.instances, surge=client.surge, pools=client.pools,
                processes=at_least(1, "one per CPU"), deployed=True,
            ),
        ),
        servers=before.servers, routes=before.routes,
    )  # fmt: skip

    (change,) = changes(asked.rows(before), asked.rows(after))

    assert change.raised
    assert change.unknown == ("how much more than 20 web asks for",)
