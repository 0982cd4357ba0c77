"""A server that keeps slots back under the provider's own names: `live`, `fix --live` and `gate --live` count them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from poolcheck.cli import cli
from poolcheck.model.context import Numbers
from poolcheck.model.snapshot import MEASURED, LiveServer
from tests.live.scenes import scene
from tests.servers import Postgres

# As on Amazon RDS; any server can carry settings of these names.
SETTINGS: dict[str, Any] = {
    "max_connections": 30,
    "rds.rds_reserved_connections": 4,
    "rds.rds_superuser_reserved_connections": 2,
}
USABLE = 30 - 3 - 4 - 2


@pytest.fixture(scope="module")
def reserving() -> Iterator[Postgres]:
    """A server of 30 slots, of which an ordinary role gets 21."""
    with Postgres(15, **SETTINGS) as server, scene(server):
        yield server


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reserving: Postgres) -> Path:
    """A project whose only string leads to that server, and whose config tells other numbers."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "package.json").write_text('{"dependencies": {"@prisma/client": "6.19.3"}}')
    (tmp_path / "poolcheck.toml").write_text('runtime = "server"\ninstances = 2\nmax_connections = 500\n')
    url = reserving.url("monitor", connect_timeout=5)
    (tmp_path / ".env").write_text(f"DATABASE_URL={url}&connection_limit=1\n")
    return tmp_path


def record(*arguments: str) -> Any:
    """The JSON of a command."""
    result = CliRunner().invoke(cli, [*arguments, "--format", "json"], catch_exceptions=False)
    return json.loads(result.stdout)


@pytest.mark.postgres
@pytest.mark.parametrize(
    "command", [("live", "--env-file", ".env"), ("fix", "--live"), ("gate", "--live", ".env")], ids=lambda each: each[0]
)  # fmt: skip
def test_each_look_counts_them(project: Path, reserving: Postgres, command: tuple[str, ...]) -> None:
    """The sums of all three stand on the same slots."""
    url = (reserving.url("monitor", connect_timeout=5),) if command[0] == "fix" else ()
    made = record(*command, *url)

    told = json.dumps(made["fix_path"])
    assert f"of {USABLE} slots" in told, told
    if command[0] == "gate":
        assert [each["capacity"] for each in made["verdict"]["sums"]] == [USABLE]


@pytest.mark.parametrize(
    "server",
    [
        LiveServer(max_connections=40, superuser_reserved=3),
        LiveServer(max_connections=40, reserved=5),
        LiveServer(max_connections=40, provider_reserved=7),
        LiveServer(max_connections=40, superuser_reserved=3, reserved=5, provider_reserved=7),
    ],
)
def test_every_reserve_is_in_the_servers_own_numbers(server: LiveServer) -> None:
    """Each kind by itself, and all of them; what else is known stays."""
    before = Numbers(max_connections=500, reserved=9, instances=4, sources={"instances": "--instances"})
    kept = server.superuser_reserved + server.reserved + server.provider_reserved

    made = server.over(before)

    assert (made.max_connections, made.reserved, made.instances) == (40, kept, 4)
    assert made.sources == {"instances": "--instances", "max_connections": MEASURED, "reserved": MEASURED}
