"""`poolcheck simulate` over a project: the ramp that its files tell, each number with its place; options win."""

import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from poolcheck.cli import run
from poolcheck.commands import simulate, size
from tests.commands.test_size_of_project import DEPLOYMENT, NODE, api, compose
from tests.rules.projects import write


@pytest.fixture(autouse=True)
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty folder, which each test fills."""
    monkeypatch.chdir(tmp_path)


def simulated(capsys: pytest.CaptureFixture[str], *args: str, code: int) -> dict[str, Any]:
    """The `simulation` object."""
    assert run(["simulate", *args, "--format", "json"]) == code, capsys.readouterr()
    found: dict[str, Any] = json.loads(capsys.readouterr().out)["simulation"]
    return found


def said(capsys: pytest.CaptureFixture[str], *args: str, code: int) -> str:
    """The text of a run, each run of blanks made one."""
    assert run(["simulate", *args]) == code, capsys.readouterr()
    return " ".join(capsys.readouterr().out.split())


def test_the_ramp_of_an_autoscaler(capsys: pytest.CaptureFixture[str]) -> None:
    """From minReplicas to maxReplicas and the surge, with all processes' pools; only the server's limit is an option."""
    api()

    found = simulated(capsys, "--max", "200", code=1)
    ramp = found["inputs"]
    assert (ramp["first"], ramp["last"], ramp["limit"], ramp["slots"]["max_connections"]) == (2, 25, 20, 200)
    assert found["client"] == "api"
    assert "maxReplicas: 20 (k8s/api.yaml:" in found["sources"]["to"]
    assert "pool_size: 5 (app/db.py:3)" in found["sources"]["limit"]

    out = said(capsys, "--max", "200", code=1)
    assert "to: 20 + 5 = 25, maxReplicas: 20 (k8s/api.yaml:" in out
    assert "in: 60s: no file tells" in out
    assert "10 x 20 = 200 is more than 197 = 200 max_connections - 3 reserved" in out


def test_the_same_as_its_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    """What the files tell, given as options, is the same simulation; the time changes seconds alone."""
    api()
    project = simulated(capsys, "--max", "200", code=1)

    alone = simulated(
        capsys, "--from", "2", "--to", "25", "--limit", "20", "--max", "200", "--in", "60s", code=1
    )
    slower = simulated(capsys, "--max", "200", "--in", "10m", code=1)

    assert {key: project[key] for key in ("inputs", "series", "helps", "refused")} == {key: alone[key] for key in ("inputs", "series", "helps", "refused")}  # fmt: skip
    assert (slower["refused"], slower["first_refusal_instance"]) == (project["refused"], project["first_refusal_instance"])  # fmt: skip
    assert slower["first_refusal_seconds"] > project["first_refusal_seconds"]


def test_options_win(capsys: pytest.CaptureFixture[str]) -> None:
    """And lose their source: they stand on the command line."""
    api()
    found = simulated(
        capsys, ".", "--max", "2000", "--to", "40", "--limit", "3", "--from", "1", "--others", "7", code=0
    )

    ramp = found["inputs"]
    assert (ramp["first"], ramp["last"], ramp["limit"], ramp["slots"]["others"]) == (1, 40, 3, 7)
    assert {"from", "to", "limit", "others"}.isdisjoint(found["sources"])


def test_the_largest_of_several_and_another_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    """The others' pools are taken already; which client it is, and how to take another, is said."""
    compose(4, 2, ("5", "4"))

    assert "Of 2 clients web asks for most; --client NAME takes another: jobs." in said(capsys, code=0)
    assert simulated(capsys, code=0)["inputs"]["slots"]["others"] == 8

    jobs = simulated(capsys, "--client", "jobs", code=0)
    assert (jobs["client"], jobs["inputs"]["limit"], jobs["inputs"]["slots"]["others"]) == ("jobs", 4, 20)
    assert jobs["sources"]["others"] == "20 of web, all pools full"

    assert run(["simulate", "--client", "job"]) == 2
    assert "Did you mean jobs? Known: web, jobs." in capsys.readouterr().err


def test_a_pooler_in_between_is_called_one(capsys: pytest.CaptureFixture[str]) -> None:
    """Its clients are no slots of a server, and nobody is advised the pooler that is there."""
    compose(4, 2, ("20", "4"))
    text = Path("docker-compose.yml").read_text().replace("@db:5432", "@bouncer:6432")
    pooler = '  bouncer:\n    image: edoburu/pgbouncer\n    environment: {DB_HOST: db, MAX_CLIENT_CONN: "50", POOL_MODE: transaction, LISTEN_PORT: "6432"}\n'  # fmt: skip
    write(Path(), {"docker-compose.yml": text + pooler})

    found = simulated(capsys, "--client", "web", code=1)
    assert found["inputs"]["slots"]["of"] == "clients of bouncer"
    assert (found["inputs"]["slots"]["max_connections"], found["inputs"]["slots"]["reserved"]) == (50, 0)
    assert not [each for each in found["helps"] if "pooler" in each["change"]]
    assert "max_connections" not in said(capsys, "--client", "web", code=1)


@pytest.mark.parametrize(
    ("files", "args", "words"),
    [
        ({}, [], "what shall be simulated?"),
        ({}, ["--max", "100"], "what shall be simulated?"),
        ({"db.js": NODE % 4}, [], "nobody tells how many instances of app run at most\n  --to N says it."),
        ({"db.js": NODE % 4}, ["--client", "app", "--to", "9"], "nobody tells how many connections db.acme-orders.net takes\n  --max N says it."),
        ({"db.js": NODE % "size"}, ["--client", "app", "--to", "9", "--max", "50"], "nobody tells how many connections an instance of app opens"),
        ({"db.js": NODE % 4}, [".", "--rate", "5/s"], "a project tells a ramp"),
    ],
)  # fmt: skip
def test_what_nobody_tells_is_asked_for(
    capsys: pytest.CaptureFixture[str], files: dict[str, str], args: list[str], words: str
) -> None:
    """Exit code 2, one question, with the option that answers it."""
    if files:
        write(Path(), {"package.json": '{"name": "app", "dependencies": {"pg": "8.11.0"}}', ".env.production": "DATABASE_URL=postgresql://app:pw@db.acme-orders.net/app\n", **files})  # fmt: skip

    assert run(["simulate", *args]) == 2
    told = capsys.readouterr()
    assert words in told.err
    assert told.out == ""


def test_examples_of_the_help_run(capsys: pytest.CaptureFixture[str]) -> None:
    """Those over a project, of `size` and of `simulate`, in one that has what they name."""
    api()
    compose(2, 1, ("10", "5"))
    for name in ("api", "worker"):
        write(
            Path(),
            {
                f"apps/{name}/package.json": '{"dependencies": {"pg": "8.11.0"}}', f"apps/{name}/db.js": NODE % 4,
                f"apps/{name}/.env.production": "DATABASE_URL=postgresql://app:pw@db.acme-orders.net/app\n",
            }
        )  # fmt: skip
    write(Path(), {"apps/api/k8s/worker.yaml": DEPLOYMENT.format(name="worker"), "poolcheck.toml": 'max_connections = 500\n[server.orders]\nhosts = ["db.acme-orders.net"]\n'})  # fmt: skip
    found = [line.strip() for each in (size.command, simulate.command) for line in (each.help or "").splitlines() if line.strip().startswith("poolcheck ")]  # fmt: skip
    lines = [line for line in found if "apps/" in line or "--" not in line]

    assert len(lines) == 4
    for line in lines:
        assert run(shlex.split(line)[1:]) in (0, 1, 2), line
        told = capsys.readouterr()
        assert told.out, told.err


@pytest.mark.parametrize("columns", [60, 80])
def test_lines_keep_to_the_width(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    """The places of the numbers too."""
    monkeypatch.setenv("COLUMNS", str(columns))
    api()

    run(["simulate", "--max", "200"])

    assert [line for line in capsys.readouterr().out.splitlines() if len(line) > columns] == []
