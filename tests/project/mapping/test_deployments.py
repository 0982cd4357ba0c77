"""Ten deployments as people run them, and what the map must say of each; written before the map was run.

A folder of `deployments/` holds the files and `expect.toml`: `max_connections` as an option, the exit code of `gate`, `[client]` with
"instances x processes x pool -> end" (`?` where nobody tells, `1+` for at least; both are asked for), `[end]` with "steady deploy of
capacity: verdict", `[route]` and `questions`. Clients, ends and questions are all there are.
"""

import shutil
import tomllib
from pathlib import Path
from typing import Any

import pytest

from poolcheck.capacity.asked import pool_of, rows
from poolcheck.config.file import Settings
from poolcheck.config.settings import Config
from poolcheck.gate.gate import GateOptions, gate
from poolcheck.model.amount import Amount
from poolcheck.model.connection_map import Client, Map
from poolcheck.project import assumptions, collect

DEPLOYMENTS = sorted(path.parent for path in (Path(__file__).parent / "deployments").glob("*/expect.toml"))


def said(map_: Map, client: Client) -> str:
    """A client as `expect.toml` writes it."""
    ends = dict.fromkeys(
        each.end for each in map_.routes if each.client == client.name and each.role == "app"
    )
    if client.once:
        return f"once -> {', '.join(ends)}"
    size = pool_of(client, client.pools)
    return f"{_most(client.instances)} x {_most(client.processes)} x {_most(size)} -> {', '.join(ends)}"


def _most(amount: Amount | None) -> str:
    return "?" if amount is None else f"{amount.most}{'+' if amount.open else ''}"


def read(map_: Map) -> dict[str, Any]:
    """The whole map as `expect.toml` writes it."""
    return {
        "client": {each.name: said(map_, each) for each in map_.clients},
        "end": {
            each.name: f"{each.steady.most} {each.deploy.most} of {'?' if each.capacity is None else each.capacity}: {each.verdict}"
            for each in rows(map_)
        },
        "route": {
            each.variable: f"{each.role} {' -> '.join(filter(None, (each.client, each.pooler, each.server)))}"
            for each in map_.routes
        },
        "questions": sorted(f"{each.of}: {each.what}" for each in map_.questions),
    }


def map_of(config: Config) -> Map:
    """The map of the current folder."""
    return assumptions.context(collect.collect((".",), config), config).map


@pytest.mark.parametrize("folder", DEPLOYMENTS, ids=lambda path: path.name)
def test_deployment(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who connects, with which numbers, to what; and what has to be asked."""
    wanted = tomllib.loads((folder / "expect.toml").read_text(encoding="utf-8"))
    shutil.copytree(folder, tmp_path / "it", ignore=shutil.ignore_patterns("expect.toml"))
    monkeypatch.chdir(tmp_path / "it")
    given = {"max_connections": wanted.pop("max_connections", None)}
    code = wanted.pop("gate", None)

    made = read(map_of(Settings(given, isolated=True).over(".")))

    assert {key: made[key] for key in wanted} == wanted
    if code is not None:
        assert gate(GateOptions(), Settings(given, isolated=True), {}).exit_code == code
