"""Strings of deployment files as targets, and every string as what it leads to."""

import json
from pathlib import Path

import pytest

from poolcheck.config.settings import Config
from poolcheck.fix.fix import FixOptions, fix
from poolcheck.model.finding import Finding
from poolcheck.model.report import Report
from tests.rules.projects import Fixed, run

NEON = "ep-cool-darkness-a1b2c3d4.us-east-2.aws.neon.tech"
COMPOSE = """
services:
  db: {image: 'postgres:16'}
  pgbouncer:
    image: edoburu/pgbouncer:1.18.0
    environment: {DB_HOST: db, POOL_MODE: <mode>}
  web:
    build: .
    environment:
      <written>
"""
PRISMA = "npm:prisma@6.19.3 npm:@prisma/client@6.19.3"


def compose(written: str, mode: str = "transaction") -> dict[str, str]:
    """A compose file whose app has that line in its environment."""
    return {"docker-compose.yml": COMPOSE.replace("<mode>", mode).replace("<written>", written)}


def of(report: Report, rule: str) -> list[Finding]:
    """The findings of one rule."""
    return [each for each in report.findings if each.rule.id == rule]


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        (
            "docker-compose.yml",
            "services:\n  a:\n    build: .\n    environment:\n      - DATABASE_URL=URL\n",
            5,
        ),
        ("docker-compose.yml", "services:\n  a:\n    build: .\n    environment: {DATABASE_URL: 'URL'}\n", 4),
        (
            "k8s/api.yaml",
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec:\n  template:\n    spec:\n      containers:\n        - image: a\n          env:\n            - name: DATABASE_URL\n              value: URL\n",
            11,
        ),
        (
            "k8s/s.yaml",
            "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData:\n  DATABASE_URL: URL\n",
            5,
        ),
        (
            "render.yaml",
            "services:\n  - type: web\n    name: w\n    runtime: node\n    envVars:\n      - key: DATABASE_URL\n        value: URL\n",
            7,
        ),
    ],
)
def test_a_string_of_any_file_is_judged_where_it_stands(
    name: str, text: str, line: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"postgresql://app:s3cretpw@{NEON}/app?connection_limt=5"
    report = run({name: text.replace("URL", url, 2).replace(f"DATABASE_{url}", "DATABASE_URL").replace(url, url)}, "npm:pg@8.16.3", tmp_path, monkeypatch)  # fmt: skip

    (target,) = report.targets
    (found,) = of(report, "PC205")
    assert (target.location.path, target.location.line, target.origin) == (name, line, "deployment")
    assert found.location is not None
    assert found.location.line == line
    assert "s3cretpw" not in found.excerpt
    assert "connection_limt" in found.excerpt
    assert found.fix is not None
    assert found.fix.lines[0] in found.excerpt.replace("limt", "limit")


@pytest.mark.parametrize(
    "value",
    [
        "postgresql://${USER}:${PASSWORD}@" + NEON + "/app?connection_limt=5",
        "postgresql://user:password@host:5432/db?connection_limt=5",
        "postgresql://app:s3cretpw@db.example.com/app?connection_limt=5",
    ],
)
def test_what_is_filled_in_or_left_is_nobodys_string(
    value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = run(compose(f"DATABASE_URL: {value}"), "npm:pg@8.16.3", tmp_path, monkeypatch)

    assert not report.targets
    assert not of(report, "PC205")


def test_a_string_is_judged_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An env file that a service reads, and a Secret that two workloads are given."""
    files = {
        ".env": f"DATABASE_URL=postgresql://app:s3cretpw@{NEON}/app?connection_limt=5\n",
        "docker-compose.yml": "services:\n  a: {build: ., env_file: .env}\n  b: {build: ., env_file: [.env]}\n",
    }
    report = run(files, "npm:pg@8.16.3", tmp_path, monkeypatch)

    assert [target.origin for target in report.targets] == ["env"]
    assert len(of(report, "PC205")) == 1


def test_a_container_is_a_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a compose file runs is not taken as serverless, whatever else the code is deployed to."""
    url = f"DATABASE_URL: postgresql://app:s3cretpw@{NEON}/app"
    report = run({**compose(url), "vercel.json": "{}"}, "npm:pg@8.16.3", tmp_path, monkeypatch)

    assert not of(report, "PC101")


@pytest.mark.parametrize(
    ("written", "mode", "facts", "rules"),
    [
        ("DATABASE_URL: postgresql://app:s3cretpw@pgbouncer/app", "transaction", PRISMA, {"PC104", "PC201"}),
        ("DATABASE_URL: postgresql://app:s3cretpw@pgbouncer/app", "session", PRISMA, set()),
        (
            "DATABASE_URL: postgresql://app:s3cretpw@pgbouncer/app?pgbouncer=true",
            "transaction",
            PRISMA,
            {"PC104"},
        ),
        ("DATABASE_URL: postgresql://app:s3cretpw@db/app", "transaction", PRISMA, {"PC502"}),
        ("DATABASE_URL: postgresql://app:s3cretpw@db/app?pgbouncer=true", "transaction", PRISMA, {"PC202"}),
        (
            "DATABASE_URL: postgresql://app:s3cretpw@pgbouncer/app",
            "transaction",
            "npm:postgres@3.4.7",
            {"PC502"},
        ),
        ("DATABASE_URL: postgresql://app:s3cretpw@pgbouncer/app", "transaction", "npm:pg@8.16.3", set()),
        (
            "DATABASE_URL: postgresql://app:s3cretpw@pgbouncer/app?pgbouncer=true\n      DIRECT_URL: postgresql://app:s3cretpw@pgbouncer/app",
            "transaction",
            PRISMA,
            {"PC103"},
        ),
        (
            "DATABASE_URL: postgresql://app:s3cretpw@pgbouncer/app?pgbouncer=true\n      DIRECT_URL: postgresql://app:s3cretpw@db/app",
            "transaction",
            PRISMA,
            set(),
        ),
    ],
)
def test_a_pooler_of_the_project(
    written: str, mode: str, facts: str, rules: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each rule of endpoints by where the string leads; nothing says the same of the pooler's own lines."""
    report = run(compose(written, mode), facts, tmp_path, monkeypatch)

    said = {each.rule.id for each in report.findings} & {
        *("PC101", "PC102", "PC103", "PC104", "PC201", "PC202", "PC208", "PC502"),
    }
    assert said == rules
    assert "not pooled" not in json.dumps([step.why for step in report.fix_path]) or "@db" in written


def test_the_edit_is_exact(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`fix --write` changes the string in its file, and nothing else of it."""
    before = compose("- 'DATABASE_URL=postgresql://app:s3cretpw@pgbouncer/app?connection_limit=3' ")
    run(before, PRISMA, tmp_path, monkeypatch)
    fix((".",), Fixed(Config(fail_on="never")), FixOptions(asked="write", force=True))

    after = (tmp_path / "docker-compose.yml").read_text()
    assert after.strip() == before["docker-compose.yml"].replace("limit=3", "limit=3&pgbouncer=true").strip()


def test_session_state_through_a_pooler_of_the_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = "import { Pool } from 'pg'\nconst pool = new Pool({ connectionString: process.env.DATABASE_URL })\nexport const f = () => pool.query('SET search_path TO a')\n"
    url = "DATABASE_URL: postgresql://app:s3cretpw@{}/app"
    pooled = run(
        {**compose(url.format("pgbouncer")), "src/db.ts": source}, "npm:pg@8.16.3", tmp_path, monkeypatch
    )
    direct = run({**compose(url.format("db")), "src/db.ts": source}, "npm:pg@8.16.3", tmp_path, monkeypatch)

    assert of(pooled, "PC413")
    assert not of(direct, "PC413")


def test_what_a_string_claims(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`pgbouncer=true` says pooled: a direct string that nothing reads is seen. A port alone says nothing of a mode."""
    schema = 'datasource db {\n  provider = "postgresql"\n  url = env("DATABASE_URL")\n}\n'
    env = 'DATABASE_URL="postgresql://app:s3cretpw@pool.acme.io:6543/app{}"\nDIRECT_URL="postgresql://app:s3cretpw@pool.acme.io:5432/app"\n'
    files = {"prisma/schema.prisma": schema, ".env": env.format("?pgbouncer=true")}
    claimed = run(files, f"{PRISMA} serverless", tmp_path, monkeypatch)
    alone = run({**files, ".env": env.format("")}, f"{PRISMA} serverless", tmp_path, monkeypatch)

    assert of(claimed, "PC302")
    assert not of(alone, "PC302")
    assert not of(alone, "PC103")
    assert not of(alone, "PC201")


def test_accelerate_stands_before_the_direct_string(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    env = f"DATABASE_URL=prisma://accelerate.prisma-data.net/?api_key=abcabcabc\nDIRECT_URL=postgresql://app:s3cretpw@{NEON}/app\n"
    report = run({".env": env}, f"{PRISMA} serverless", tmp_path, monkeypatch)

    assert not of(report, "PC101")
    assert not of(report, "PC105")
    (gone,) = of(report, "PC106")
    assert gone.fix is not None
    assert "-pooler." in gone.fix.lines[0]


def test_pools_of_a_pooler_against_the_server_that_runs_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PC503 by the server's own line, without an option."""
    text = COMPOSE.replace("<mode>", "transaction, DEFAULT_POOL_SIZE: '80', RESERVE_POOL_SIZE: '0', MAX_DB_CONNECTIONS: '0'").replace("{image: 'postgres:16'}", "{image: 'postgres:16', command: postgres -c max_connections=50}")  # fmt: skip
    text = text.replace("<written>", "DATABASE_URL: postgresql://app:s3cretpw@pgbouncer/app")
    report = run({"docker-compose.yml": text}, "npm:pg@8.16.3", tmp_path, monkeypatch)

    (found,) = of(report, "PC503")
    assert "80 connections, and 47 slots are there (50 - 3 reserved" in found.message
    assert not of(report, "PC601")


def test_a_server_that_the_same_file_runs_is_no_riddle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first step says what answers there, where the URL alone would not tell."""
    report = run(
        compose("DATABASE_URL: postgresql://app:s3cretpw@db/app"), "npm:pg@8.16.3", tmp_path, monkeypatch
    )

    assert report.fix_path[0].why.startswith("DATABASE_URL leads straight to db (docker-compose.yml:3)")


def test_a_bare_name_that_says_pooler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service of another file: a pooler by its name, in a mode that nobody tells."""
    text = "services:\n  a:\n    build: .\n    environment: {DATABASE_URL: 'postgresql://a:s3cretpw@pg_bouncer/a'}\n"
    report = run({"docker-compose.yml": text}, PRISMA, tmp_path, monkeypatch)

    (target,) = report.targets
    assert (target.match.kind, target.match.mode) == ("pooled", None)
    assert not [each for each in report.findings if each.severity.word != "info"]
