"""`poolcheck mcp`, through the SDK's own client and a real child process: tools, results, refusals, no secret."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

import pytest
from click.testing import CliRunner
from mcp import Client, StdioServerParameters

from poolcheck import __version__
from poolcheck.cli import cli
from tests.servers import Postgres

T = TypeVar("T")
SECRET = "hunter2-canary"
NEON = f"postgresql://app:{SECRET}@ep-cool-darkness-123456.us-east-2.aws.neon.tech/app?sslmode=require"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with a faulty env file."""
    (tmp_path / ".env").write_text(f"DATABASE_URL={NEON}\n")
    return tmp_path


def talk(folder: Path, work: Callable[[Client], Coroutine[Any, Any, T]], *options: str) -> T:
    """Start the server in the folder, do the work, and let it end."""
    server = StdioServerParameters(
        command=sys.executable, args=["-m", "poolcheck", "mcp", *options], cwd=folder
    )

    async def session() -> T:
        async with Client(server) as client:
            return await work(client)

    return asyncio.run(asyncio.wait_for(session(), 60))


def call(folder: Path, tool: str, **arguments: Any) -> tuple[bool, str, dict[str, Any]]:
    """Whether the call failed, its text, and its structured result."""

    async def work(client: Client) -> tuple[bool, str, dict[str, Any]]:
        result = await client.call_tool(tool, arguments)
        text = "".join(getattr(each, "text", "") for each in result.content)
        return bool(result.is_error), text, dict(result.structured_content or {})

    return talk(folder, work)


def test_tools_are_the_four_and_read_only(project: Path) -> None:
    """None writes or terminates; each says so; every argument is described by its schema."""

    async def work(client: Client) -> Any:
        return (await client.list_tools()).tools

    tools = {each.name: each for each in talk(project, work)}

    assert set(tools) == {"lint", "live", "size", "explain"}
    assert all(
        tool.annotations.read_only_hint and not tool.annotations.destructive_hint for tool in tools.values()
    )
    assert tools["size"].input_schema["required"] == ["max_connections", "instances"]
    assert all(tool.description for tool in tools.values())


def test_lint_gives_the_report_of_the_command(project: Path) -> None:
    """The same JSON, byte for byte but for the order."""
    failed, text, record = call(project, "lint")
    direct = CliRunner().invoke(cli, ["lint", str(project / ".env"), "--format", "json"])

    assert not failed
    assert record["poolcheck"] == __version__
    assert [each["rule"] for each in record["findings"]] == [
        load["rule"] for load in json.loads(direct.stdout)["findings"]
    ]
    assert record["findings"][0]["rule"] == "PC101"
    assert SECRET not in text
    assert SECRET not in json.dumps(record)


def test_lint_takes_paths_and_settings(project: Path) -> None:
    """A runtime over the project's own; a connection string as a path."""
    _, _, record = call(project, "lint", paths=[".env"], runtime="server")
    assert not [each for each in record["findings"] if each["rule"] == "PC101"]

    _, text, record = call(project, "lint", paths=[NEON])
    assert record["summary"]["error"] == 1
    assert SECRET not in text


def test_the_project_own_settings_hold(project: Path) -> None:
    """What the call leaves out is the config file's."""
    (project / "poolcheck.toml").write_text('runtime = "server"\n')

    _, _, record = call(project, "lint")

    assert not [each for each in record["findings"] if each["rule"] == "PC101"]


def test_size_has_the_arithmetic(project: Path) -> None:
    """The golden case of the sizing: 100 connections, 10 instances."""
    failed, _, record = call(project, "size", max_connections=100, instances=10)

    assert not failed
    assert (record["sizing"]["available"], record["sizing"]["procs_peak"]) == (97, 13)
    assert record["sizing"]["pool_size"] == 5


def test_explain_an_error_and_an_id(project: Path) -> None:
    """A text names its layer; an id gives its page."""
    _, _, record = call(project, "explain", text="FATAL: sorry, too many clients already")
    assert record["explanations"][0]["layer"] == "slots"

    _, text, _ = call(project, "explain", text="PC101")
    assert "direct-endpoint-for-app" in text


@pytest.mark.postgres
def test_live_looks_and_leaves_nothing(project: Path, postgres: Postgres) -> None:
    """One look at a real server."""
    failed, text, record = call(project, "live", dsn=postgres.url())

    assert not failed, text
    with postgres.connect() as direct:
        most = direct.execute("show max_connections").fetchone()
    assert most == (str(record["server"]["max_connections"]),)
    assert 0 < record["slots"]["usable"] < record["server"]["max_connections"]


REFUSALS: tuple[tuple[str, dict[str, Any], str], ...] = (
    ("lint", {"paths": ["nowhere.env"]}, "no such file or folder"),
    ("lint", {"paths": ["-"]}, "Standard input carries the protocol"),
    ("lint", {"runtime": "cloud"}, "is not one of"),
    ("size", {"max_connections": 0, "instances": 1}, "greater than or equal to 1"),
    ("size", {"max_connections": 10, "instances": 1, "tps": 5}, "give both or none"),
    ("size", {"max_connections": 10, "instances": 1, "surge": "many"}, "--surge"),
    ("live", {"dsn": f"mysql://root:{SECRET}@127.0.0.1/x"}, "not a PostgreSQL connection string"),
    ("live", {"dsn": f"postgresql://app:{SECRET}@127.0.0.1:1/app"}, "refused"),
    ("live", {"dsn": [f"postgresql://app:{SECRET}@127.0.0.1/app"]}, "valid string"),
    ("live", {}, "no connection string"),
)


def test_refusals_are_clear_and_tell_no_secret(tmp_path: Path) -> None:
    """A tool error with what to do; the server lives on; the password of a wrong argument is not repeated."""

    async def work(client: Client) -> list[tuple[bool, str]]:
        results = [await client.call_tool(tool, arguments) for tool, arguments, _ in REFUSALS]
        return [(bool(result.is_error), result.model_dump_json()) for result in results]

    for (tool, arguments, said), (failed, text) in zip(REFUSALS, talk(tmp_path, work), strict=True):
        assert said in text, (tool, arguments)
        assert failed or '"exit_code":2' in text.replace(" ", "").replace("\\", ""), (tool, arguments)
        assert SECRET not in text, (tool, arguments)


def test_only_the_working_folder_is_read(tmp_path: Path) -> None:
    """By no path, link or env file; whether something is there is not told either; --allow opens a folder."""
    work, other = tmp_path / "work", tmp_path / "other"
    work.mkdir()
    other.mkdir()
    (other / "a.env").write_text(f"DATABASE_URL={NEON.replace('ep-cool', 'ep-victim')}\n")
    (tmp_path / "package.json").write_text('{"dependencies": {"pg": "8"}}')
    (work / "link.env").symlink_to("../other/a.env")
    (work / ".env").write_text(f"DATABASE_URL={NEON}\n")
    os.mkfifo(work / "pipe.env")
    outside = (
        "../other/a.env",
        str(other / "a.env"),
        str(other),
        "link.env",
        "/etc/passwd",
        "../other/none",
        "/",
        "a/../..",
    )

    async def ask(client: Client) -> list[str]:
        calls = [("lint", {"paths": [path]}) for path in outside] + [
            ("live", {"env_file": path}) for path in outside
        ]
        said = [(await client.call_tool(tool, arguments)).model_dump_json() for tool, arguments in calls]
        said.append((await client.call_tool("lint", {"paths": ["pipe.env"]})).model_dump_json())
        said.append((await client.call_tool("lint", {})).model_dump_json())
        return said

    *refused, pipe, own = talk(work, ask)
    assert all("lies outside of the working folder" in text and "victim" not in text for text in refused)
    assert "a pipe, not a file" in pipe
    assert "a link that leads out" in own
    assert "victim" not in own
    assert "PC101" in own

    *allowed, _, own = talk(work, ask, "--allow", str(other))
    assert ["victim" in text for text in allowed[: len(outside)]] == [True] * 4 + [False] * 4


def test_a_bad_config_is_told(project: Path) -> None:
    """File and line, as on the command line."""
    (project / "poolcheck.toml").write_text("instnces = 1\n")

    failed, text, _ = call(project, "lint")

    assert failed
    assert "Did you mean instances" in text


def test_without_the_extra_it_says_what_to_install() -> None:
    """A plain installation has no SDK: a clear sentence, exit code 2."""
    code = "import sys; sys.modules['mcp'] = None\nfrom poolcheck.cli import run\nsys.exit(run(['mcp']))\n"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.returncode == 2
    assert "pip install 'poolcheck[mcp]'" in done.stderr
    assert done.stdout == ""
