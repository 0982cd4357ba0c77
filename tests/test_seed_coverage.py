"""The texts this project grew from, claim by claim: tests/seed_coverage.toml says what carries each, and is held to it."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import click
import psycopg
import pytest
from click.testing import CliRunner

from poolcheck import catalogue, rules
from poolcheck.catalogue import error_texts
from poolcheck.cli import cli
from poolcheck.config.settings import Config, Thresholds
from poolcheck.model.project import Version
from tests.live.scenes import scene
from tests.servers import Postgres

HERE = Path(__file__).parent
ROOT = HERE.parent
CLAIMS: list[dict[str, Any]] = tomllib.loads((HERE / "seed_coverage.toml").read_text(encoding="utf-8"))[
    "claim"
]
SOURCES = {"guide", "note", "manual", "course"}
KINDS = {"claim", "query", "checklist", "formula", "threshold", "pattern"}
VERDICTS = {"agrees", "contradicts", "partly", "left out"}
KEYS = {"id", "from", "kind", "says", "by", "verdict", "because", "source", "try"}
TRIES = [(claim["id"], attempt) for claim in CLAIMS for attempt in claim.get("try", ())]


def exists(carrier: str) -> bool:
    """Whether what a claim is carried by is there: `rule PC101`, `command size --formula`, `error prisma-p2024`, ..."""
    kind, _, rest = carrier.partition(" ")
    if kind == "rule":
        return rest in {name for name in rules.names() if re.fullmatch(r"PC\d{3}", name)}
    if kind == "command":
        name, _, option = rest.partition(" ")
        command = cli.get_command(click.Context(cli), name)
        return command is not None and (not option or any(option in param.opts for param in command.params))
    if kind == "error":
        return rest in {error.id for error in error_texts.errors()}
    if kind == "provider":
        name, _, endpoint = rest.partition(" ")
        provider = catalogue.provider(name)
        return provider is not None and (
            not endpoint or endpoint in {endpoint.id for endpoint in provider.endpoints}
        )
    if kind == "plan":
        name, _, plan = rest.partition(" ")
        return catalogue.limit(name, plan) is not None
    if kind == "driver":
        name, _, version = rest.partition(" ")
        return (
            catalogue.behaviour(
                name, Version(version, tuple(int(part) for part in version.split(".") if part))
            )
            is not None
        )
    if kind == "setting":
        return rest in Config.__dataclass_fields__ or rest in Thresholds.__dataclass_fields__
    if kind == "file":
        return (ROOT / rest).is_file()
    return False


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim["id"])
def test_what_carries_a_claim_exists(claim: dict[str, Any]) -> None:
    """Every entry is complete, and each rule, option, error, fact and threshold that it names is there."""
    assert set(claim) <= KEYS
    assert set(claim["from"]) <= SOURCES
    assert claim["from"]
    assert (claim["kind"] in KINDS, claim["verdict"] in VERDICTS) == (True, True)
    assert claim["by"] or claim["verdict"] == "left out"
    assert [carrier for carrier in claim["by"] if not exists(carrier)] == []
    if claim["verdict"] != "agrees":
        assert claim["because"]
    if claim["verdict"] in ("contradicts", "partly"):
        measured = re.fullmatch(r"measured: (?:.*, )?(tests/\S+)", claim["source"])
        assert claim["source"].startswith("https://") or (measured and (ROOT / measured[1]).exists())


def test_ids_are_told_apart() -> None:
    """And every source and every kind is there."""
    ids = [claim["id"] for claim in CLAIMS]

    assert len(ids) == len(set(ids))
    assert {source for claim in CLAIMS for source in claim["from"]} == SOURCES
    assert {claim["kind"] for claim in CLAIMS} == KINDS


@pytest.mark.parametrize("carrier", ["rule PC999", "rule PC1", "command size --nothing", "command nothing", "error no", "provider neon no", "plan neon no", "driver no", "setting no", "file no", "no"])  # fmt: skip
def test_what_does_not_exist_is_noticed(carrier: str) -> None:
    """The test above can fail."""
    assert not exists(carrier)


@pytest.mark.parametrize(("name", "attempt"), TRIES, ids=[f"{name}-{n}" for n, (name, _) in enumerate(TRIES)])
def test_verdict(name: str, attempt: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The text, code, connection string or sum gives the verdict that the entry states."""
    for path, text in attempt.get("files", {}).items():
        target = tmp_path / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    ran = CliRunner().invoke(cli, [*attempt["run"], "--format", "json"])
    assert ran.exit_code == attempt.get("code", 0), ran.output
    record = json.loads(ran.stdout)
    found = sorted({finding["rule"] for finding in record["findings"]})

    assert "rules" not in attempt or found == sorted(attempt["rules"])
    assert not set(found) & set(attempt.get("never", ()))
    if "errors" in attempt:
        assert [each["id"] for each in record.get("explanations", ())] == attempt["errors"]
    for path, expected in attempt.get("values", {}).items():
        value: Any = record
        for key in path.split("."):
            value = value[int(key)] if isinstance(value, list) else value[key]
        assert value == expected, path


@pytest.mark.postgres
def test_queries_of_the_sources_count_what_live_counts(postgres: Postgres) -> None:
    """By state and by application; a pool that has been idle for long is no leak, whatever its age."""
    with scene(postgres) as stage:
        stage.open(6, name="web")
        stage.open(2, name="worker", run="begin")
        url = postgres.url("monitor")
        with psycopg.connect(url, autocommit=True) as other:
            seen = "from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()"
            states: dict[str, int] = dict(
                other.execute(f"select state, count(*) {seen} group by 1").fetchall()
            )
            apps: dict[str, int] = dict(
                other.execute(f"select application_name, count(*) {seen} group by 1").fetchall()
            )
            reading = other.execute(f"select count(*) {seen} and wait_event = 'ClientRead'").fetchone()
        ran = CliRunner().invoke(cli, ["live", url, "--isolated", "--format", "json"])
    record = json.loads(ran.stdout)

    assert apps == {"web": 6, "worker": 2}
    assert {group["application_name"]: group["count"] for group in record["groups"]} == apps
    assert record["slots"]["by_state"] == states
    assert reading == (8,)  # every one of them waits for its client: that is no sign of load
    assert record["leaks"] == []
