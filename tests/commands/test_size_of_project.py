"""`poolcheck size` over a project: each client's pool now and advised, the sums, what nobody tells, and the exit codes."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from poolcheck.cli import run
from tests.rules.projects import write

ENGINE = """import os
from sqlalchemy.ext.asyncio import create_async_engine
engine = create_async_engine(os.environ["DATABASE_URL"], pool_size={size}, max_overflow=0)
"""
DEPLOYMENT = """apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}}}
spec:
  replicas: 3
  template:
    spec:
      containers:
      - name: {name}
        image: registry.example.com/{name}
        command: ["gunicorn", "-w", "4", "-k", "uvicorn.workers.UvicornWorker", "app.main:app"]
        env:
        - name: DATABASE_URL
          valueFrom: {{secretKeyRef: {{name: db, key: url}}}}
"""
SCALER = """---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {{name: {name}}}
spec:
  scaleTargetRef: {{apiVersion: apps/v1, kind: Deployment, name: {name}}}
  minReplicas: 2
  maxReplicas: {most}
"""
COMPOSE = """services:
  db:
    image: postgres:16
    command: postgres -c max_connections=60
  web:
    image: example/web
    build: web
    environment: {{DATABASE_URL: "postgresql://app:pw@db:5432/app"}}
    deploy: {{replicas: {web}}}
  jobs:
    build: jobs
    environment: {{DATABASE_URL: "postgresql://app:pw@db:5432/app"}}
    deploy: {{replicas: {jobs}}}
"""
NODE = 'const { Pool } = require("pg");\nexports.pool = new Pool({ connectionString: process.env.DATABASE_URL, max: %s });\n'


@pytest.fixture(autouse=True)
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty folder, which each test fills."""
    monkeypatch.chdir(tmp_path)


def api(most: int = 20, size: int = 5) -> None:
    """The case of asyncpg behind gunicorn and an autoscaler; the string is a Secret that no file holds."""
    write(
        Path(),
        {
            "requirements.txt": "fastapi==0.115.0\nsqlalchemy==2.0.36\nasyncpg==0.30.0\n",
            "app/db.py": ENGINE.format(size=size),
            "k8s/api.yaml": DEPLOYMENT.format(name="api") + SCALER.format(name="api", most=most),
        },
    )


def compose(web: int, jobs: int, pools: tuple[str, str]) -> None:
    """Two services of node-postgres on one server of 60."""
    manifest = json.dumps({"dependencies": {"pg": "8.11.0"}})
    write(Path(), {"docker-compose.yml": COMPOSE.format(web=web, jobs=jobs)})
    for name, pool in zip(("web", "jobs"), pools, strict=True):
        write(
            Path(),
            {
                f"{name}/package.json": manifest,
                f"{name}/db.js": NODE % pool,
                f"{name}/Dockerfile": "CMD node db.js\n",
            },
        )


def sized(capsys: pytest.CaptureFixture[str], *args: str, code: int) -> dict[str, Any]:
    """The JSON of a run."""
    assert run(["size", *args, "--format", "json"]) == code, capsys.readouterr()
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def said(capsys: pytest.CaptureFixture[str], *args: str, code: int) -> str:
    """The text of a run, each run of blanks made one."""
    assert run(["size", *args]) == code, capsys.readouterr()
    return " ".join(capsys.readouterr().out.split())


def by_name(found: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The clients of the JSON by their name."""
    return {each["client"]: each for each in found["clients"]}


def test_one_option_and_the_rest_from_the_files(capsys: pytest.CaptureFixture[str]) -> None:
    """--max holds for the server that no file knows; instances, processes and driver are the files'."""
    api()

    out = said(capsys, "--max", "600", code=0)

    for part in (
        "fits: 500 of 597 slots while a deploy runs, 400 else",
        "max_connections 600 (--max) - 3 reserved",
        "api: pool now 5",
        "at deploy (20 + 5) x 4 x 5 = 500",
        "maxReplicas: 20 (k8s/api.yaml:",
        "gunicorn -w 4 (k8s/api.yaml:11)",
        "pool_size: 5 (app/db.py:3)",
    ):
        assert part in out, part


def test_what_does_not_fit_has_the_line_to_write(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 1, the driver's own line, and the sum with the advised pool."""
    api()

    out = said(capsys, "--max", "200", code=1)
    found = sized(capsys, "--max", "200", code=1)

    (client,) = found["clients"]
    assert (client["pool"]["low"], client["advised"], client["deploy"]["high"], client["deploy_advised"]["high"]) == (5, 1, 500, 100)  # fmt: skip
    assert "with 1: (20 + 5) x 4 = 100" in out
    assert "create_async_engine(" in out
    assert client["lines"][0]["code"] in out
    assert found["sizing"]["pool_size"] == 1
    assert found["sizing"]["procs_peak"] == 100
    assert found["sums"][0]["verdict"] == "does not fit"


def test_without_any_number_instances_are_shown_or_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing was asked of a sum, so that nobody knows is no failure; a limit that is given makes it one."""
    write(Path(), {"package.json": '{"dependencies": {"pg": "8.11.0"}}', "db.js": NODE % 4, ".env.production": "DATABASE_URL=postgresql://app:pw@db.acme-orders.net/app\n"})  # fmt: skip

    bare = said(capsys, code=0)
    assert "pool now 4" in bare
    assert "advised" not in bare
    assert "--max N" in bare
    assert "--instances N" in bare

    limited = said(capsys, "--max", "100", code=2)
    assert "instances 2, 5, 10, 20: pool 22, 9, 5, 2" in limited
    (client,) = sized(capsys, "--max", "100", code=2)["clients"]
    assert client["advised"] is None
    assert [each["instances"] for each in client["advised_by_instances"]] == [2, 5, 10, 20]

    assert "how many slots there are is not known" in said(capsys, "--instances", "6", code=2)


def test_the_same_numbers_as_alone(capsys: pytest.CaptureFixture[str]) -> None:
    """One client in the map is the same sum as its numbers on the command line."""
    api(most=10)

    project = sized(capsys, "--max", "300", code=0)
    alone = sized(capsys, "--max", "300", "--instances", "10", "--workers", "4", "--surge", "3", code=0)

    keys = (
        "status",
        "pool_size",
        "available",
        "usable",
        "max_steady",
        "max_deploy",
        "comfort",
        "procs",
        "procs_peak",
    )
    assert {key: project["sizing"][key] for key in keys} == {key: alone["sizing"][key] for key in keys}
    assert "clients" not in alone


def test_numbers_alone_read_no_project(capsys: pytest.CaptureFixture[str]) -> None:
    """With --max and --instances the files are not opened: the readers are not even imported."""
    api()
    code = (
        "import sys\nfrom poolcheck.cli import run\nrun(['size', '--max', '100', '--instances', '10', '--isolated'])\n"
        "sys.exit(str([name for name in sys.modules if name.startswith(('poolcheck.readers', 'poolcheck.project', 'poolcheck.diagnosis'))] or ''))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.stderr.strip() == ""
    assert "Pool size per instance: 5" in done.stdout
    assert "clients" in sized(
        capsys, ".", "--max", "1000", "--instances", "10", code=0
    )  # a path asks for the project


def test_several_clients_that_fit_keep_their_pools(capsys: pytest.CaptureFixture[str]) -> None:
    """What is there is advised; nobody is told to grow into the others' room."""
    compose(2, 1, ("10", "5"))

    clients = by_name(sized(capsys, code=0))

    assert {name: (each["pool"]["low"], each["advised"]) for name, each in clients.items()} == {"web": (10, 10), "jobs": (5, 5)}  # fmt: skip


@pytest.mark.parametrize(
    ("web", "jobs", "pools"),
    [(8, 1, ("10", "5")), (8, 8, ("10", "10")), (4, 2, ("30", "size")), (2, 2, ("size", "size"))],
)
def test_advised_pools_fit_together(
    capsys: pytest.CaptureFixture[str], web: int, jobs: int, pools: tuple[str, str]
) -> None:
    """All of them at once, within what is usable; a pool that is not known is given one."""
    compose(web, jobs, pools)

    found = sized(capsys, code=1 if "size" not in pools or pools[0] == "30" else 0)

    asked = [each["deploy_advised"]["low"] for each in found["clients"]]
    assert len(asked) == 2
    assert all(each["advised"] >= 1 for each in found["clients"])
    assert sum(asked) <= found["sums"][0]["usable"] - 5


def test_the_smallest_change_is_advised(capsys: pytest.CaptureFixture[str]) -> None:
    """Where it is enough that the largest gives way, the other keeps what it has."""
    compose(8, 1, ("10", "5"))

    clients = by_name(sized(capsys, code=1))

    assert clients["jobs"]["advised"] == 5
    assert clients["web"]["advised"] < 10


def test_where_no_pool_fits_what_helps_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    """Not even one connection each: a pool size is no answer."""
    api(most=300)

    out = said(capsys, "--max", "100", code=1)

    assert "advised 0" in out
    assert "not even one connection each fits: put a transaction-mode pooler in between" in out


def test_a_thread_uses_one_connection(capsys: pytest.CaptureFixture[str]) -> None:
    """A sync worker is not advised a pool that it cannot use."""
    api()
    Path("k8s/api.yaml").write_text(Path("k8s/api.yaml").read_text().replace(', "-k", "uvicorn.workers.UvicornWorker"', ""))  # fmt: skip

    (client,) = sized(capsys, "--max", "2000", code=0)["clients"]

    assert (client["pool"]["low"], client["advised"]) == (1, 1)


def test_a_server_by_its_name_and_a_pool_by_option(capsys: pytest.CaptureFixture[str]) -> None:
    """--max NAME=N is one server's; --pool holds where no file tells."""
    write(
        Path(),
        {
            "package.json": '{"dependencies": {"pg": "8.11.0"}}', "db.js": NODE % "size",
            ".env.production": "DATABASE_URL=postgresql://app:pw@db.acme-orders.net/app\n",
            "poolcheck.toml": '[server.orders]\nhosts = ["db.acme-orders.net"]\n',
        }
    )  # fmt: skip

    found = sized(capsys, "--max", "orders=50", "--instances", "2", code=2)
    assert (found["sums"][0]["name"], found["sums"][0]["usable"]) == ("orders", 47)
    assert found["clients"][0]["pool"]["high"] is None

    (client,) = sized(capsys, "--max", "orders=50", "--instances", "2", "--pool", "3", code=0)["clients"]
    assert (client["pool"]["low"], client["pool"]["how"]) == (3, "option")


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        ([], 3, "nothing that connects to PostgreSQL was found in this folder"),
        (["--max", "100"], 2, "how many instances run at once?"),
        (["--instances", "5"], 2, "how many connections may the server have?"),
        (["--max", "100", "--pool", "5"], 3, "nothing that connects"),
        ([".", "--max", "100", "--instances", "5"], 3, "nothing that connects"),
        ([".", "--tps", "5"], 2, "--tps is for numbers alone: it does not go with a path"),
        (["--pool", "5", "--share", "web=1"], 2, "--share is for numbers alone: it does not go with --pool"),
        (["--max", "orders=5", "--from", "postgresql://h/d"], 2, "--from is for numbers alone"),
        (["nowhere"], 2, "does not exist"),
    ],
)  # fmt: skip
def test_an_empty_folder(capsys: pytest.CaptureFixture[str], args: list[str], code: int, words: str) -> None:
    """Exit code 3 when nothing connects; what is missing beside the options is asked for."""
    assert run(["size", *args]) == code
    told = capsys.readouterr()
    assert words in told.err
    assert told.out == ""


@pytest.mark.parametrize("columns", [60, 80])
def test_lines_keep_to_the_width(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    """Except for lines to copy."""
    monkeypatch.setenv("COLUMNS", str(columns))
    compose(8, 8, ("10", "size"))

    run(["size"])

    lines = capsys.readouterr().out.splitlines()
    assert len(lines) > 8
    assert [line for line in lines if len(line) > columns and "new Pool(" not in line] == []


def test_a_page_and_words_without_symbols(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """--html has the sums, and no all-clear above them; --plain is ASCII."""
    api()

    assert run(["size", "--max", "200", "--html", "page.html", "--plain"]) == 1
    page = Path("page.html").read_text()
    assert "500 of 197 slots" in page
    assert "nothing found" not in page
    assert capsys.readouterr().out.isascii()
    assert str(tmp_path) not in page
