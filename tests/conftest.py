"""Fixtures that every test may use, and a clean environment for all of them."""

import os
import shutil
import signal
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import NoReturn

import pytest
from hypothesis import HealthCheck, is_hypothesis_test, settings

from tests.servers import (
    MAJORS,
    ROLES,
    Bouncer,
    Missing,
    Postgres,
    drop_copies,
    pg_install,
    pg_version,
    pgbouncer_binary,
    pgbouncer_version,
    pgpool_binary,
)

# What a developer's shell or a CI runner sets, and what would change a report. Kept: POOLCHECK_CI, POOLCHECK_PG_CACHE.
SCRUBBED = (
    "PG", "DATABASE", "DIRECT", "POSTGRES", "SHADOW", "SUPABASE", "NEON", "GITHUB_", "GITLAB_", "CI", "BUILDKITE",
    "NO_COLOR", "FORCE_COLOR", "CLICOLOR", "COLUMNS", "LINES", "POOLCHECK_", "VERCEL", "AWS_", "FLY_", "RAILWAY_",
)  # fmt: skip
SOAK = 10  # times as many examples as usual
KEPT = ("POOLCHECK_CI", "POOLCHECK_PG_CACHE")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--update-golden` writes recorded reports anew; a person reads the diff."""
    parser.addoption("--update-golden", action="store_true", help="write recorded reports anew")


@pytest.fixture
def update_golden(request: pytest.FixtureRequest) -> bool:
    """Whether recorded reports are written instead of compared."""
    return bool(request.config.getoption("--update-golden"))


def pytest_configure(config: pytest.Config) -> None:
    """Scrub the environment before anything of the project is imported; children inherit it."""
    # A job in the background of a script starts with SIGINT ignored, and so would what the tests stop with Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # A run judges the code, not the dice: the same inputs for everybody. What looks for new ones is asked for.
    # No clock: an example that a busy machine was slow at is no failure, and neither is one that is slow to make.
    unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.register_profile("poolcheck", unhurried, derandomize=True)
    settings.register_profile("soak", unhurried, derandomize=False, print_blob=True)
    soak = "soak" if os.environ.get("POOLCHECK_SOAK") else "poolcheck"
    settings.load_profile(config.getoption("--hypothesis-profile") or soak)
    for name in list(os.environ):
        if name.startswith(SCRUBBED) and name not in KEPT:
            del os.environ[name]


def soaking() -> bool:
    """Whether POOLCHECK_SOAK asks for all that can be tried; the variable itself is scrubbed by then."""
    return settings.get_current_profile_name() == "soak"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A soak runs the property tests alone, each with many times its usual examples, and what is measured if asked for."""
    if not soaking():
        return
    properties = [
        item for item in items if isinstance(item, pytest.Function) and is_hypothesis_test(item.obj)
    ]
    kept = [item for item in items if item in properties or item.get_closest_marker("measured")]
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = kept
    for test in {item.function for item in properties}:
        usual = test._hypothesis_internal_use_settings  # there is no other way to a test's own number
        test._hypothesis_internal_use_settings = settings(usual, max_examples=usual.max_examples * SOAK)


def pytest_report_header() -> list[str]:
    """The servers that the tests will run against."""
    found = []
    for major in MAJORS:
        try:
            found.append(pg_version(major))
        except Missing:
            found.append(f"{major} missing")
    try:
        bouncer = ".".join(map(str, pgbouncer_version()))
    except Missing:
        bouncer = "missing"
    return [f"PostgreSQL: {', '.join(found)}; PgBouncer: {bouncer}"]


def lacking(reason: object) -> NoReturn:
    """Skip on a developer's machine; fail in CI, where everything must be there."""
    if os.environ.get("POOLCHECK_CI") == "1":
        pytest.fail(str(reason), pytrace=False)
    pytest.skip(str(reason))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """A program that turns out to be missing in the middle of a test is missing all the same."""
    try:
        return (yield)
    except Missing as reason:
        lacking(reason)


def need_program(*names: str, package: str) -> str:
    """The path of the first of these programs that is there; where there is none, skip, or in CI fail."""
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        lacking(f"no {names[0]}: apt-get install {package}")
    return found


def need_postgres(major: int) -> None:
    """Skip, or in CI fail, when that major is not there."""
    try:
        pg_install(major)
    except Missing as reason:
        lacking(reason)


def need_extension(major: int, name: str) -> None:
    """Skip, or in CI fail, when that major is not there or comes without the extension."""
    need_postgres(major)
    folders = (pg_install(major) / "share", Path(f"/usr/share/postgresql/{major}"))
    if not any(list(folder.glob(f"**/{name}.control")) for folder in folders):
        lacking(f"this PostgreSQL {major} comes without {name}")


def need_bouncer() -> None:
    """Skip, or in CI fail, when there is no PgBouncer."""
    try:
        pgbouncer_binary()
    except Missing as reason:
        lacking(reason)


def need_pgpool() -> None:
    """Skip, or in CI fail, when there is no pgpool-II."""
    try:
        pgpool_binary()
    except Missing as reason:
        lacking(reason)


@pytest.fixture(scope="session", autouse=True)
def _tidy() -> Iterator[None]:
    yield
    drop_copies()


@pytest.fixture(scope="session")
def with_git() -> None:
    """Skip, or in CI fail, when there is no git."""
    need_program("git", package="git")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """PostgreSQL 18, shared, with the roles of the scenes: a test closes what it opens."""
    need_postgres(18)
    with Postgres(18) as server:
        server.execute(*ROLES)
        yield server


@pytest.fixture(scope="session")
def postgres15() -> Iterator[Postgres]:
    """PostgreSQL 15, shared."""
    need_postgres(15)
    with Postgres(15) as server:
        yield server


@pytest.fixture(scope="session", params=MAJORS, ids=lambda major: f"pg{major}")
def each_postgres(request: pytest.FixtureRequest) -> Iterator[Postgres]:
    """Every major, one after the other."""
    need_postgres(request.param)
    with Postgres(request.param) as server:
        yield server


@pytest.fixture(scope="session")
def bouncer(postgres: Postgres) -> Iterator[Bouncer]:
    """PgBouncer in transaction mode before the shared PostgreSQL 18."""
    need_bouncer()
    with Bouncer(postgres) as server:
        yield server
