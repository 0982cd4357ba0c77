"""No step contradicts a finding, a sum or another step: over generated projects and over every example."""

import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from poolcheck.config.file import Settings
from poolcheck.diagnosis.lint import lint
from poolcheck.project import assumptions, collect
from tests.diagnosis.contradictions import contradictions

EXAMPLES = sorted(each for each in (Path(__file__).parents[2] / "examples").iterdir() if each.is_dir())
PRISMA = '{"dependencies": {"prisma": "6.19.3", "@prisma/client": "6.19.3"}}'
PG = '{"dependencies": {"pg": "8.16.0"}}'

numbers = st.integers(1, 40)
services = st.lists(
    st.fixed_dictionaries(
        {"replicas": st.none() | numbers, "pool": st.none() | numbers, "pooled": st.booleans()}
    ),
    min_size=1,
    max_size=4,
)
poolers = st.none() | st.fixed_dictionaries(
    {
        "mode": st.sampled_from(("transaction", "session", None)),
        "clients": st.none() | st.integers(10, 1000),
        "pool": numbers,
    }
)


def compose(limit: int | None, pooler: dict[str, object] | None, made: list[dict[str, object]]) -> str:
    """A compose file with a server, perhaps a pooler, and services that connect."""
    lines = ["services:", "  db:", "    image: postgres:17"]
    lines += [f"    command: postgres -c max_connections={limit}"] if limit else []
    if pooler is not None:
        lines += ["  pgbouncer:", "    image: edoburu/pgbouncer:v1.24.1-p1", "    environment:"]
        lines += [
            "      DATABASE_URL: postgresql://app:s3cret@db:5432/app",
            f'      DEFAULT_POOL_SIZE: "{pooler["pool"]}"',
        ]
        lines += [f"      POOL_MODE: {pooler['mode']}"] if pooler["mode"] else []
        lines += [f'      MAX_CLIENT_CONN: "{pooler["clients"]}"'] if pooler["clients"] else []
    for number, each in enumerate(made):
        host = "pgbouncer" if pooler is not None and each["pooled"] else "db"
        size = f"?connection_limit={each['pool']}" if each["pool"] else ""
        lines += [f"  svc{number}:", "    build: .", "    environment:"]
        lines += [f"      DATABASE_URL: postgresql://app:s3cret@{host}:5432/app{size}"]
        lines += [f"    deploy: {{replicas: {each['replicas']}}}"] if each["replicas"] else []
    return "\n".join([*lines, ""])


def objections(folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What a reader of the folder's report would object."""
    with monkeypatch.context() as patch:
        patch.chdir(folder)
        config = Settings({}).over(".")
        report = lint(["."], Settings({}))
        found = collect.collect((".",), config)
        return contradictions(report, assumptions.context(found, config))


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    limit=st.none() | st.integers(20, 500),
    pooler=poolers,
    made=services,
    manifest=st.sampled_from((PRISMA, PG)),
    vercel=st.booleans(),
)
def test_generated_projects(
    limit: int | None,
    pooler: dict[str, object] | None,
    made: list[dict[str, object]],
    manifest: str,
    vercel: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Servers with and without a limit, poolers of every mode, one to four services with known and unknown numbers."""
    folder = Path(tempfile.mkdtemp())
    try:
        (folder / "docker-compose.yml").write_text(compose(limit, pooler, made))
        (folder / "package.json").write_text(manifest)
        if vercel:
            (folder / "vercel.json").write_text('{"framework": "nextjs"}')
        assert objections(folder, monkeypatch) == []
    finally:
        shutil.rmtree(folder)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda each: each.name)
def test_examples(example: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is shipped as an example of a report is one."""
    assert objections(example, monkeypatch) == []
