"""Every command that a refusal prints works as printed, with the names of this server filled in."""

import json
import shlex
from pathlib import Path

import pytest

from tests.commands.running import poolcheck
from tests.conftest import need_bouncer
from tests.live.scenes import scene
from tests.servers import Bouncer, Postgres

pytestmark = pytest.mark.postgres


def test_commands_of_a_refusal(postgres15: Postgres, tmp_path: Path) -> None:
    """On a full server, without a string in the environment: the way in through the reserve, and the pooler's console."""
    need_bouncer()
    with scene(postgres15) as stage, Bouncer(postgres15) as bouncer:
        stage.fill("app")
        ran = poolcheck("live", postgres15.url("app"), "--format", "json", cwd=tmp_path)
        options = json.loads(ran.out)["refusal"]["still_possible"]
        lines = [line for each in options for line in each["code"] if line.startswith("poolcheck ")]
        assert any("--admin" in line for line in lines), options
        assert any("--bouncer" in line for line in lines), options
        for line in lines:
            filled = line.replace("ADMIN@", "postgres@")
            if "--bouncer" in line:
                filled = f"poolcheck live --bouncer {bouncer.url('stats', 'pgbouncer')}"
            done = poolcheck(*shlex.split(filled)[1:], cwd=tmp_path)
            assert done.code in (0, 1), (filled, done.err)
            assert "Slots" in done.out or "SHOW POOLS" in done.out or "PgBouncer" in done.out, done.out


@pytest.mark.parametrize("option", ["--admin", "--bouncer"])
def test_alone_and_wrong(option: str, tmp_path: Path) -> None:
    """What stands alone is looked at, and what is wrong with it is said of it."""
    done = poolcheck("live", option, "postgresql://x@127.0.0.1:1/pgbouncer", cwd=tmp_path)
    assert done.code == 2
    assert "127.0.0.1:1" in done.out + done.err


def test_watch_through_the_reserve(postgres15: Postgres, tmp_path: Path) -> None:
    """On a full server --watch with --admin looks, turn after turn."""
    with scene(postgres15) as stage:
        stage.fill("app")
        ran = poolcheck(
            "live", postgres15.url("app"), "--admin", postgres15.url("postgres"), "--watch", "200ms", "--count", "2",
            cwd=tmp_path,
        )  # fmt: skip
    assert "no server" not in ran.out, ran.out
    assert len([line for line in ran.out.splitlines() if "100" in line]) >= 2, ran.out
    assert ran.code == 1
