"""The last statement of a leak, at length."""

import time
from pathlib import Path

import pytest

from tests.commands.running import poolcheck
from tests.live.scenes import scene
from tests.servers import Postgres

pytestmark = pytest.mark.postgres
HELD = "begin; select relname, 's3cret' from pg_class where relname in ('a', 'b') and relkind = 'r'"


@pytest.mark.parametrize("columns", [60, 80, 140])
@pytest.mark.parametrize("command", [["live", "-v"], ["reap", "-v", "--older-than", "1s"]])
def test_statement_is_laid_out(postgres: Postgres, tmp_path: Path, command: list[str], columns: int) -> None:
    """One clause a line, masked, within the terminal; the line alone without -v."""
    (tmp_path / "poolcheck.toml").write_text("[thresholds]\nidle_in_transaction_old_seconds = 1\n")
    with scene(postgres) as stage:
        stage.open(2, name="worker", run=HELD)
        time.sleep(2)
        ran = poolcheck(*command, postgres.url("monitor"), cwd=tmp_path, env={"COLUMNS": str(columns)})
    lines = [line.strip() for line in ran.out.splitlines()]
    assert "from pg_class" in lines
    assert "and relkind = ?" in lines
    assert "s3cret" not in ran.out
