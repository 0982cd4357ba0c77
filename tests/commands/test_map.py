"""`poolcheck map`: a tree with every number's place, every question with its answer, and a server's own word."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.commands.running import poolcheck
from tests.live.scenes import scene
from tests.servers import Bouncer, Postgres

SECRET = "s3cr3t-canary"
MAIN = """const {{ Pool }} = require('pg')
module.exports = new Pool({{ connectionString: process.env.{0}, max: {1} }})
"""
COMPOSE = f"""services:
  db:
    image: postgres:17
    command: postgres -c max_connections=120
  web:
    build: ./web
    deploy: {{replicas: 6}}
    environment:
      DATABASE_URL: postgresql://app:{SECRET}@db:5432/app
  jobs:
    build: ./jobs
    deploy: {{replicas: 2}}
    environment:
      DATABASE_URL: postgresql://app:{SECRET}@db:5432/app
  migrate:
    build: ./web
    command: npm run migrate
    environment:
      DATABASE_URL: postgresql://app:{SECRET}@db:5432/app
"""
SECRET_REF = """apiVersion: apps/v1
kind: Deployment
metadata: {name: api, namespace: shop}
spec:
  replicas: 5
  selector: {matchLabels: {app: api}}
  template:
    metadata: {labels: {app: api}}
    spec:
      containers:
        - name: api
          image: acme/api:1
          env:
            - name: DATABASE_URL
              valueFrom:
                secretKeyRef: {name: main-db, key: url}
"""


def package(folder: Path, name: str, pool: object, variable: str = "DATABASE_URL") -> None:
    """A package of node-postgres whose pool has this size."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "package.json").write_text(json.dumps({"name": name, "dependencies": {"pg": "8.16.3"}}))
    (folder / "db.js").write_text(MAIN.format(variable, pool))
    (folder / "Dockerfile").write_text('FROM node:22\nCMD ["node", "db.js"]\n')


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Three services on one server: one is counted, one has a pool that is computed, one runs once."""
    (tmp_path / "compose.yml").write_text(COMPOSE)
    package(tmp_path / "web", "web", 10)
    package(tmp_path / "jobs", "jobs", "Math.ceil(cpus() / 2)")
    return tmp_path


def shown(
    *args: str, cwd: Path, code: int = 0, columns: int = 80, env: Mapping[str, str] | None = None
) -> str:
    """What `map` prints."""
    ran = poolcheck("map", *args, cwd=cwd, env={"COLUMNS": str(columns), **(env or {})})
    assert (ran.code, ran.err) == (code, ""), ran.err
    return ran.out


def words(text: str) -> str:
    """The text without its branches and line ends."""
    return " ".join(re.sub(r"[│├└─]", " ", text).split())


def record(*args: str, cwd: Path, code: int = 0, env: Mapping[str, str] | None = None) -> Any:
    """The JSON of `map`."""
    return json.loads(shown(*args, "--format", "json", cwd=cwd, code=code, env=env))


class TestTree:
    """What an engineer sees."""

    def test_sum_with_factors_and_places(self, project: Path) -> None:
        """The server with its limit; below it the client, its factors in words, and where each is written."""
        said = words(shown(cwd=project))

        assert said.startswith(
            "db: ? cannot say. At least 62 asked of 117 usable max_connections=120 (compose.yml:4)"
        )
        assert "web: 6 instances x pool of 10 = 60" in said
        assert "DATABASE_URL (compose.yml:9); replicas: 6 (compose.yml:7); max: 10 (web/db.js:2)" in said

    def test_nobody_is_lost(self, project: Path) -> None:
        """A client whose pool is not known counts as the least that it can be, and one that runs once as such."""
        said = words(shown(cwd=project))

        assert "jobs: 2 instances x pool of at least 1 = at least 2" in said
        assert "migrate: runs once or for people: not in the sum DATABASE_URL (compose.yml:19)" in said

    def test_question_stands_below_what_it_is_about(self, project: Path) -> None:
        """With the option that answers it; given, it is gone, and the sum is made."""
        said = words(shown(cwd=project))
        after = said[said.index("jobs: 2 instances") : said.index("migrate:")]
        assert '--pool N (the connections of one process), or [client."jobs"] pool' in after
        assert "jobs/db.js:2" in after

        answered = words(shown("--pool", "5", cwd=project))
        assert answered.startswith("db: ✔ fits. 70 asked of 117 usable")
        assert "jobs: 2 instances x pool of 5 = 10" in answered
        assert "?" not in answered

    @pytest.mark.parametrize("columns", [40, 60, 80, 140])
    def test_width(self, project: Path, columns: int) -> None:
        """No line is wider than the screen but for a word that is to be copied; at most 3 lines a counted client at 80."""
        lines = shown(cwd=project, columns=columns).splitlines()

        assert [line for line in lines if len(line) > columns and len(line.split()) > 4] == []
        if columns >= 80:
            start = next(number for number, line in enumerate(lines) if "web:" in line)
            assert "jobs:" in "".join(lines[start + 1 : start + 4])

    def test_plain_and_ascii(self, project: Path) -> None:
        """No branch is drawn for a screen reader; in an old encoding they are ASCII."""
        plain = shown("--plain", cwd=project, columns=40)
        assert plain.isascii()
        assert not re.search(r"[|`]-", plain)
        assert "check: " in plain
        assert "|- web: 6 instances" in shown(cwd=project, env={"PYTHONIOENCODING": "ascii"})

    def test_server_that_a_secret_names(self, tmp_path: Path) -> None:
        """It reads as people call it."""
        package(tmp_path, "api", 14)
        (tmp_path / "api.yaml").write_text(SECRET_REF)
        said = words(shown("--max", "100", cwd=tmp_path))

        assert said.startswith(
            "url of secret main-db in shop: ✖ does not fit. 70 asked, 98 at deploy, of 97 usable"
        )
        assert "api: 5 instances x pool of 14 = 70; 2 more at deploy: 98" in said

    def test_release_without_a_name_is_no_job(self, tmp_path: Path) -> None:
        """`helm template` calls it release-name: its workloads run on."""
        package(tmp_path, "api", 14)
        (tmp_path / "chart" / "templates").mkdir(parents=True)
        (tmp_path / "chart" / "Chart.yaml").write_text("apiVersion: v2\nname: shop\nversion: 1.0.0\n")
        (tmp_path / "chart" / "values.yaml").write_text("count: 5\n")
        text = SECRET_REF.replace("name: api, namespace: shop", 'name: "{{ .Release.Name }}-api"').replace(
            ": 5", ": {{ .Values.count }}"
        )
        (tmp_path / "chart" / "templates" / "api.yaml").write_text(text)

        assert "release-name-api: 5 instances x pool of 14 = 70" in words(shown(cwd=tmp_path))

    def test_what_is_not_summed_is_named(self, tmp_path: Path) -> None:
        """A server on this machine: its client in one line."""
        package(tmp_path, "api", 4)
        (tmp_path / ".env").write_text(f"DATABASE_URL=postgresql://app:{SECRET}@localhost/app\n")

        assert "Not summed: localhost, on this machine: api by DATABASE_URL (.env:1" in words(
            shown(cwd=tmp_path)
        )


class TestExitCode:
    """`map` shows; it fails where it was asked for sums and cannot make them."""

    def test_does_not_fit_is_shown(self, project: Path) -> None:
        """The gate judges."""
        assert "✖ does not fit" in shown("--pool", "40", cwd=project)

    def test_sum_that_was_asked_for(self, project: Path) -> None:
        """A limit was given, and a pool is not known: 2."""
        assert record("--max", "300", cwd=project, code=2)["summary"]["exit_code"] == 2
        assert record("--max", "300", "--pool", "3", cwd=project)["summary"]["exit_code"] == 0

    def test_nothing_there(self, tmp_path: Path) -> None:
        """Nothing connects anywhere: 3."""
        (tmp_path / "a.txt").write_text("hello\n")
        ran = poolcheck("map", cwd=tmp_path)
        assert (ran.code, ran.out) == (3, "")

    def test_console_without_a_look(self, project: Path) -> None:
        """--bouncer alone is a mistake."""
        ran = poolcheck("map", "--bouncer", "postgresql://localhost:6432/pgbouncer", cwd=project)
        assert ran.code == 2
        assert "--bouncer goes with --live" in ran.err


class TestFormats:
    """JSON, a flowchart, a picture, a page: the same sums."""

    def test_json_is_the_documented_shape(self, project: Path) -> None:
        """Every amount has its five keys; sums and verdict at the server; the question at the top."""
        made = record(cwd=project)
        (server,) = made["map"]["servers"]
        web = next(each for each in made["map"]["clients"] if each["name"] == "web")

        assert server["asked"]["steady"]["low"] == server["asked"]["deploy"]["low"] == 62
        assert server["asked"]["deploy"]["high"] is None
        assert server["asked"]["once"] == ["migrate"]
        assert server["verdict"] == "cannot say"
        for amount in (
            web["instances"],
            web["processes"],
            web["pools"][0]["size"],
            server["max_connections"],
        ):
            assert {"low", "high", "how", "words", "where"} <= amount.keys()
        assert web["pools"][0]["size"]["where"] == {"path": "web/db.js", "line": 2}
        assert [(each["of"], each["what"]) for each in made["questions"]] == [("jobs", "pool")]

    @pytest.mark.parametrize("format_name", ["text", "json", "mermaid", "svg", "html"])
    def test_no_secret(self, project: Path, format_name: str) -> None:
        """Nothing of a password, in any format."""
        made = shown("--format", format_name, "-v", cwd=project)
        assert "web" in made
        assert SECRET not in made


class TestLive:
    """A real server: its word wins, and what it holds is laid beside the files."""

    def files(self, project: Path, server: Postgres, users: Mapping[str, str]) -> None:
        """Clients of 2 x 10 that reach the server at its own address; web's string has a name for its sessions."""
        for client, user in users.items():
            at = server.url(user)
            named = f"{'&' if '?' in at else '?'}application_name=shop-web" if client == "web" else ""
            package(project / client, client, 10)
            (project / client / ".env").write_text(f"DATABASE_URL={at}{named}\n")

    def look(self, project: Path, server: Postgres) -> tuple[str, Any]:
        """The map with a look: its words and its JSON."""
        args, env = ("--live", "--instances", "2"), {"DATABASE_URL": server.url("monitor")}
        return words(shown(*args, cwd=project, env=env)), record(*args, cwd=project, env=env)["map"]

    @pytest.mark.postgres
    def test_seen_beside_configured(self, postgres: Postgres, tmp_path: Path) -> None:
        """40 are configured, 9 are there: of one user, told by name, a pod's begins with its client's; 2 of nobody."""
        self.files(tmp_path, postgres, {"web": "app", "jobs": "app"})
        with scene(postgres) as stage:
            stage.open(4, name="shop-web")
            stage.open(3, name="jobs-7f9c5-x2")
            stage.open(2, name="psql")
            text, made = self.look(tmp_path, postgres)

        assert "✖ does not fit. Configured 40, 60 at deploy, seen 9, of 37 usable" in text
        assert "2 instances x pool of 10 = 20, seen 4" in text
        assert "max_connections 40 (the server" in text
        assert "2 not told apart, or of nobody on the map: psql as app 2" in text
        (server,) = made["servers"]
        seen = {(each["kind"], each["of"]): each["number"] for each in made["seen"]}
        assert seen == {("server", server["name"]): 9, ("client", "web"): 4, ("client", "jobs"): 3}
        assert (server["max_connections"]["low"], server["max_connections"]["how"]) == (40, "measured")

    @pytest.mark.postgres
    def test_told_by_user(self, postgres: Postgres, tmp_path: Path) -> None:
        """Sessions without a name, each client with a user of its own."""
        self.files(tmp_path, postgres, {"web": "app", "jobs": "plain"})
        with scene(postgres) as stage:
            stage.open(4, name="")
            stage.open(3, user="plain", name="")
            _, made = self.look(tmp_path, postgres)

        seen = {each["of"]: each["number"] for each in made["seen"] if each["kind"] == "client"}
        assert seen == {"web": 4, "jobs": 3}

    @pytest.mark.postgres
    def test_pooler(self, bouncer: Bouncer, postgres: Postgres, tmp_path: Path) -> None:
        """The console counts the pooler's clients and tells which of the server's sessions are its own."""
        package(tmp_path, "web", 10)
        (tmp_path / ".env").write_text(f"DATABASE_URL={bouncer.url('app', 'postgres')}\n")
        (tmp_path / "pgbouncer.ini").write_text(
            f"[databases]\npostgres = host=127.0.0.1 port={postgres.port}\n[pgbouncer]\nlisten_port = {bouncer.port}\n"
            "pool_mode = transaction\nmax_client_conn = 50\ndefault_pool_size = 5\n"
        )
        env = {"DATABASE_URL": postgres.url("monitor")}
        args = ("--live", "--bouncer", bouncer.url("stats", "pgbouncer"), "--instances", "2")
        with scene(postgres) as stage, bouncer.connect("app") as one, bouncer.connect("app") as two:
            one.execute("select 1")
            two.execute("select 1")
            stage.open(3, user="plain", name="psql")
            text = words(shown(*args, cwd=tmp_path, env=env))

        assert "configured 20, 30 at deploy, seen 2, of 50 clients" in text.lower()
        assert re.search(r"opens 5, seen [12]\b", text)
        assert "2 instances x pool of 10 = 20, seen 2; 1 more at deploy: 30" in text
        assert "3 not told apart, or of nobody on the map: psql as plain 3" in text

    @pytest.mark.postgres
    def test_full(self, postgres: Postgres, project: Path) -> None:
        """A server that refuses because it is full is a finding: 1, and the map is shown above it."""
        with scene(postgres) as stage:
            stage.fill()
            text = words(shown("--live", cwd=project, code=1, env={"DATABASE_URL": postgres.url("app")}))

        assert "web: 6 instances x pool of 10 = 60" in text
        assert "remaining connection slots are reserved" in text

    @pytest.mark.postgres
    def test_other_server(self, postgres: Postgres, project: Path) -> None:
        """A server that no client leads to changes nothing, and that is said."""
        text = words(shown("--live", cwd=project, env={"DATABASE_URL": postgres.url("monitor")}))

        assert "120 (compose.yml:4)" in text
        assert "it is none of the map's: nothing leads to 127.0.0.1" in text

    def test_cannot_be_reached(self, project: Path) -> None:
        """The map is shown all the same; exit code 2."""
        env = {"DATABASE_URL": f"postgresql://app:{SECRET}@127.0.0.1:1/app"}
        text = shown("--live", cwd=project, code=2, env=env)

        assert "web: 6 instances x pool of 10 = 60" in text
        assert "Not checked" in text
        assert SECRET not in text
