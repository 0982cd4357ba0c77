"""The five steps: always five, always in order, filled with the project's values."""

from collections.abc import Callable
from pathlib import Path

import pytest

from poolcheck.capacity import asked
from poolcheck.config.file import Settings
from poolcheck.diagnosis import steps
from poolcheck.diagnosis.lint import lint as lint_
from poolcheck.model.report import Report, Step
from poolcheck.project import assumptions, collect
from tests.rules.test_pages import look

NEON = "postgresql://app:s3cret@ep-cool-darkness-a1b2c3d4.us-east-2.aws.neon.tech/app?sslmode=require"
POOLED = NEON.replace("a1b2c3d4.", "a1b2c3d4-pooler.")
UNKNOWN = "postgresql://app:s3cret@pg.acme.dev/app"
Lint = Callable[..., Report]


@pytest.fixture
def lint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lint:
    """Lint a text with the facts of a rule page's fence."""
    return lambda text, facts="": look(text + "\n", facts, tmp_path, monkeypatch)


def step(report: Report, number: int) -> Step:
    """A step by its number; 6 is migrations, 7 meanwhile."""
    return next(each for each in report.fix_path if each.step == number)


def code(one: Step) -> str:
    """All lines to copy of a step."""
    return "\n".join(line for action in one.actions for line in action.code)


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        (f"DATABASE_URL={NEON}", "serverless prisma@6.19.3"),
        (f"DATABASE_URL={POOLED}", "serverless pg@8.23.1"),
        (f"DATABASE_URL={UNKNOWN}", ""),
        ("DATABASE_URL=postgresql://app:x@localhost/app", "local"),
        ("DATABASE_URL=prisma://accelerate.prisma-data.net/?api_key=k", "edge prisma@6.19.3"),
    ],
)
def test_five_steps_and_two_parts_in_order(lint: Lint, text: str, facts: str) -> None:
    """Each with a status of the four and a reason."""
    report = lint(text, facts)

    assert [each.step for each in report.fix_path] == [1, 2, 3, 4, 5, 6, 7]
    for each in report.fix_path:
        assert each.status in ("done", "do", "check", "not needed")
        assert each.why.strip()
        assert "s3cret" not in each.why + code(each)


def test_final_line_has_every_fix(lint: Lint) -> None:
    """Pooled host and limit in one line; the direct string moves into a variable of its own."""
    report = lint(f"DATABASE_URL={NEON}", "serverless prisma@6.19.3")

    written = code(step(report, 1))
    assert "-pooler.us-east-2" in written
    assert "connection_limit=1" in written
    assert 'DIRECT_URL="postgresql://app:***@ep-cool-darkness-a1b2c3d4.us-east-2' in written


def test_pooled_string_is_done(lint: Lint) -> None:
    """Nothing to do for step 1."""
    report = lint(f"DATABASE_URL={POOLED}", "serverless pg@8.23.1")

    assert step(report, 1).status == "done"


def test_unknown_host_is_to_be_checked(lint: Lint) -> None:
    """Not guessed: the server is asked."""
    report = lint(f"DATABASE_URL={UNKNOWN}", "pg@8.23.1")

    assert step(report, 1).status == "check"
    assert "poolcheck live" in code(step(report, 1))


def test_assumed_numbers_are_said(lint: Lint) -> None:
    """Several numbers of instances and PostgreSQL's default, until somebody says otherwise."""
    assumed = lint(f"DATABASE_URL={UNKNOWN}", "server pg@8.23.1")
    told = lint(f"DATABASE_URL={UNKNOWN}", "server pg@8.23.1 instances=4 max=100")

    assert (
        "Instances 2, 5, 10, 20: pool 22, 9, 5, 2 of max_connections 100, PostgreSQL's default"
        in step(assumed, 2).why
    )
    assert "--instances N and --max N say it" in step(assumed, 2).why
    assert "max: N" in code(step(assumed, 2))
    assert "PostgreSQL's default" not in step(told, 2).why
    assert "max: 13" in code(step(told, 2))


def test_no_driver_known_names_the_common_ones(lint: Lint) -> None:
    """The path still reads sensibly, and says so."""
    report = lint(f"DATABASE_URL={UNKNOWN}", "server")

    assert "No manifest names the driver" in step(report, 2).why
    assert "connection_limit=N" in code(step(report, 2))
    assert "pool_size=N" in code(step(report, 2))


def test_edge_gets_the_provider_s_http_driver(lint: Lint) -> None:
    """Step 4 speaks on edge only."""
    edge = lint(f"DATABASE_URL={POOLED}", "edge pg@8.23.1")
    server = lint(f"DATABASE_URL={POOLED}", "server pg@8.23.1")

    assert step(edge, 4).status == "do"
    assert "@neondatabase/serverless" in " ".join(action.text for action in step(edge, 4).actions)
    assert step(server, 4).status == "not needed"


def test_limit_is_raised_only_when_nothing_fits(lint: Lint) -> None:
    """And the smallest plan that fits is named, with its source."""
    fits = lint(f"DATABASE_URL={NEON}", "server pg@8.23.1 instances=10 max=104 pool=5")
    full = lint(f"DATABASE_URL={NEON}", "server pg@8.23.1 instances=120 max=104")
    unsaid = lint(f"DATABASE_URL={NEON}", "server pg@8.23.1 instances=10 max=104")

    assert step(fits, 5).status == "not needed"
    assert step(unsaid, 5).status == "check"  # the pool is told by nobody, and 5 may be any number
    assert "--pool N" in step(unsaid, 5).why
    assert step(full, 5).status == "do"
    assert any("0.5 CU" in action.text and "https://" in action.text for action in step(full, 5).actions)


def test_migrations(lint: Lint) -> None:
    """A direct string is there, or one is missing."""
    there = lint(f"DATABASE_URL={POOLED}&connection_limit=1\nDIRECT_URL={NEON}", "serverless prisma@6.19.3")
    missing = lint(f"DATABASE_URL={POOLED}&connection_limit=1", "serverless prisma@6.19.3")

    assert step(there, 6).status == "done"
    assert step(missing, 6).status == "do"
    assert "DIRECT_URL=" in code(step(missing, 6))


def test_session_pooler_that_is_full_is_the_one_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two, the first in the file fits."""
    to = "      DATABASE_URL: postgresql://postgres.{}:pw@aws-0-{}.pooler.supabase.com:5432/postgres\n"
    service = "  {}:\n    image: acme/x\n    deploy: {{replicas: {}}}\n    environment:\n"
    small = service.format("small", 1) + to.format("abcdefghijklmnopqrst", "eu-central-1")
    web = service.format("web", 40) + to.format("zyxwvutsrqponmlkjihg", "us-east-1")
    (tmp_path / "compose.yaml").write_text(f"services:\n{small}{web}")
    (tmp_path / "poolcheck.toml").write_text(
        'provider = "supabase"\nplan = "nano"\nruntime = "server"\n[client.small]\npool = 2\n[client.web]\npool = 10\n'
    )
    monkeypatch.chdir(tmp_path)

    why = step(lint_(["."], Settings({})), 1).why

    assert "The sum does not fit: web 40 x 10 = 400 of 15." in why


def test_pools_that_lead_elsewhere_are_not_shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind a transaction pooler an instance holds the pool that leads there, not the program's other one."""
    code = (
        "const { Pool } = require('pg')\n"
        "const app = new Pool({ connectionString: process.env.DATABASE_URL, max: 7 })\n"
        "const reports = new Pool({ connectionString: process.env.REPORTS_URL, max: 20 })\n"
    )
    (tmp_path / "package.json").write_text('{"dependencies": {"pg": "8.13.0"}}')
    (tmp_path / "db.js").write_text(code)
    (tmp_path / ".env.production").write_text(
        f"DATABASE_URL={POOLED}\nREPORTS_URL=postgresql://app:x@pg.acme.dev/reports\n"
    )
    (tmp_path / "poolcheck.toml").write_text('provider = "neon"\nplan = "1cu"\n')
    monkeypatch.chdir(tmp_path)
    context = assumptions.context(collect.collect((".",), found := Settings({}).over(".")), found)
    row = next(each for each in asked.rows(context.map, 0) if each.shared)

    assert steps._shared(row).endswith(" instances of 7.")
