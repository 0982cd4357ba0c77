"""A plan's limits, however its name is spelled: one look-up, so that every reader of it sees the same."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolcheck import catalogue
from poolcheck.commands._numbers import GivenNumbers as Asked
from poolcheck.commands._numbers import from_catalogue
from poolcheck.config.settings import Config
from poolcheck.connection.parse import parse
from poolcheck.model.amount import Amount
from poolcheck.model.context import Numbers
from poolcheck.model.facts import Limit, Provider
from poolcheck.project import assumptions
from poolcheck.project.collected import Collected
from poolcheck.project.mapping.ends import Ends
from poolcheck.project.mapping.limits import Limits
from tests.commands.running import poolcheck

PLANS = [
    (provider, limit, name)
    for provider in catalogue.providers()
    for limit in provider.limits
    for name in (limit.plan, *limit.aliases)
]
IDS = [f"{provider.id}-{name}" for provider, _, name in PLANS]
POOLED = [
    (provider, end.id, example.url)
    for provider in catalogue.providers()
    for example in provider.examples
    for end in provider.endpoints
    if example.endpoint == end.id and end.kind == "pooled" and end.mode == "transaction"
    if not parse(example.url).has_placeholder  # a template is not added up
]


def clients_of(url: str, provider: str, plan: str) -> Amount | None:
    """How many clients the map says that the pooler of a string takes."""
    conn = parse(url)
    ends = Ends(Config())
    ends.of(conn, catalogue.match(conn))
    (pooler,), _ = Limits(ends, Config(), Numbers(plan=plan, provider=provider)).finish()
    return pooler.max_clients


def all_see(provider: Provider, limit: Limit, spelled: str) -> None:
    """Everything that reads a plan finds this limit under that spelling."""
    assert catalogue.limit(provider.id, spelled) is limit
    found = assumptions.numbers(Collected(), Config(provider=provider.id, plan=spelled))
    if limit.max_connections:
        certain = None if limit.max_connections_most else limit.max_connections
        assert found.max_connections == certain
        asked = Asked({"provider": provider.id, "plan": spelled})
        from_catalogue(asked)
        assert asked.get("max_connections") == limit.max_connections
        assert asked.get("reserved") == (
            provider.default_reserved if limit.reserved is None else limit.reserved
        )
    for known, _, url in POOLED:
        if known is not provider or limit.pooler_clients is None:
            continue
        taken = clients_of(url, provider.id, spelled)
        assert taken is not None
        assert (taken.low, taken.high, taken.how) == (limit.pooler_clients, limit.pooler_clients, "catalogue")


@pytest.mark.parametrize(("provider", "limit", "name"), PLANS, ids=IDS)
def test_each_plan_under_usual_spellings(provider: Provider, limit: Limit, name: str) -> None:
    """As the file says it, shouted, as a title, and with spaces round it."""
    for spelled in (name, name.upper(), name.title(), f" {name} ", name.replace("_", "-")):
        all_see(provider, limit, spelled)


@given(st.sampled_from(PLANS), st.data())
def test_each_plan_under_any_spelling(plan: tuple[Provider, Limit, str], data: st.DataObject) -> None:
    """Case, spaces, hyphens and underscores say nothing."""
    provider, limit, name = plan
    gaps = st.sampled_from(["", "", "", " ", "-", "_", "\t"])
    spelled = "".join(data.draw(gaps) + (char.upper() if data.draw(st.booleans()) else char) for char in name)
    all_see(provider, limit, spelled)


def test_a_pooler_with_a_known_client_limit_is_among_them() -> None:
    """Else the sums above would have been skipped."""
    speaking = {
        provider.id
        for provider, _, _ in POOLED
        if any(limit.pooler_clients is not None for limit in provider.limits)
    }
    assert {"neon", "supabase"} <= speaking


def test_another_providers_plan_says_nothing() -> None:
    """`micro` is Supabase's: Neon's pooler has no such plan."""
    url = next(url for provider, _, url in POOLED if provider.id == "neon")

    assert clients_of(url, "neon", "micro") is None


@pytest.mark.parametrize("plan", ["0.25cu", "0.25 CU", "0.25"])
def test_lint_and_gate_speak_under_every_spelling(tmp_path: Path, plan: str) -> None:
    """As typed: the finding and the sum that a space in the plan's name once switched off."""
    (tmp_path / ".env").write_text(
        "DATABASE_URL=postgresql://app:x@ep-cool-darkness-123456-pooler.eu-central-1.aws.neon.tech/app?connection_limit=2000\n"
    )
    (tmp_path / "package.json").write_text('{"dependencies": {"@prisma/client": "6.19.3"}}')
    options = ("--provider", "neon", "--plan", plan, "--instances", "10", "--format", "json", ".")

    lint = json.loads(poolcheck("lint", *options, cwd=tmp_path).out)
    gate = poolcheck("gate", *options, cwd=tmp_path).out

    assert "PC204" in {each["rule"] for each in lint["findings"]}
    assert "clients 10000: Neon 0.25 CU" in gate


# --- where the catalogue knows only between which numbers it is ---


def limit_of(host: str, provider: str = "", plan: str = "") -> Amount | None:
    """What the map says that a server takes."""
    conn = parse(f"postgresql://u:p@{host}/app")
    ends = Ends(Config())
    ends.of(conn, catalogue.match(conn))
    _, (server,) = Limits(ends, Config(), Numbers(plan=plan, provider=provider)).finish()
    return server.max_connections


@pytest.mark.parametrize("limit", [each for known, each, name in PLANS if known.id == "rds" and name == each.plan and "gib" in name], ids=lambda each: each.plan)  # fmt: skip
def test_classes_of_rds_by_their_formula(limit: Limit) -> None:
    """LEAST({DBInstanceClassMemory/9531392}, 5000) over all of the memory, and over the 70 % that are surely left of it."""
    memory = int(limit.plan.removesuffix("gib")) * 2**30

    assert limit.span("max_connections") == (
        min(5000, memory * 7 // 10 // 9_531_392),
        min(5000, memory // 9_531_392),
    )


@pytest.mark.parametrize(
    ("plan", "seen"),
    [("db.t4g.micro", 79), ("db.t3.micro", 81), ("db.t4g.small", 191), ("1acu", 189), ("t3.small", 191)],
)
def test_what_servers_of_rds_said_lies_between(plan: str, seen: int) -> None:
    """SHOW max_connections of servers that somebody looked at."""
    limit = limit_of("db1.c9akciq32abc.eu-central-1.rds.amazonaws.com", "rds", plan)

    assert limit is not None
    assert limit.high is not None
    assert limit.low <= seen <= limit.high


def test_a_number_that_is_not_certain_is_said_as_such() -> None:
    """With the class, and without: the smallest and the largest."""
    host = "db1.c9akciq32abc.eu-central-1.rds.amazonaws.com"

    medium, any_class = limit_of(host, "rds", "db.t4g.medium"), limit_of(host)

    assert (medium and medium.words) == "max_connections 315 to 450: Amazon RDS class with 4 GiB"
    assert (any_class and any_class.words) == "max_connections 78 to 5000, by plan: Amazon RDS"
    assert assumptions.numbers(Collected(), Config(provider="rds", plan="db.t4g.medium")).reserved == 9


def test_a_sum_between_the_two_numbers_is_undecided(tmp_path: Path) -> None:
    """4 x 50 fits, 4 x 100 depends on the machine, 10 x 50 does not fit; and no plan is asked for that was given."""
    for pool, instances, code, said in (
        (50, 4, 0, "fits"),
        (100, 4, 2, "cannot say"),
        (50, 10, 1, "does not fit"),
    ):
        (tmp_path / "package.json").write_text(json.dumps({"name": "api", "dependencies": {"pg": "8.13.0"}}))
        (tmp_path / "db.js").write_text(
            f"const {{ Pool }} = require('pg')\nmodule.exports = new Pool({{ connectionString: process.env.DATABASE_URL, max: {pool} }})\n"
        )
        (tmp_path / ".env.production").write_text(
            "DATABASE_URL=postgresql://u:s3cret@db1.c9akciq32abc.eu-central-1.rds.amazonaws.com/app?sslmode=require\n"
        )
        options = (
            "--instances",
            str(instances),
            "--surge",
            "0",
            "--provider",
            "rds",
            "--plan",
            "db.t4g.medium",
            "--runtime",
            "server",
        )

        made = poolcheck("gate", str(tmp_path), *options, cwd=tmp_path)
        shown = poolcheck("map", str(tmp_path), *options, cwd=tmp_path)

        assert (made.code, said in shown.out) == (code, True), made.out + shown.out
        assert "--plan" not in shown.out
