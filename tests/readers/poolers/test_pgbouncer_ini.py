"""pgbouncer.ini: read as PgBouncer reads it, compared with the real one where that is installed."""

import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from poolcheck import catalogue, rules
from poolcheck.cli import cli
from poolcheck.model.context import Context
from poolcheck.model.pooler_config import PoolerConfig
from poolcheck.model.rule import AnyRule
from poolcheck.readers.poolers import pgbouncer_ini
from tests.conftest import need_bouncer
from tests.servers import account, free_port, pgbouncer_binary, pgbouncer_version

BASE = """[databases]
app = host=127.0.0.1 port=5432 dbname=app
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = trust
"""
# What is added to BASE; whether PgBouncer starts with it was measured on 1.18 and is measured again below.
LINES = [
    "pool_mode = Transaction",
    "pool_mode = transaction ; shared",
    "pool_mode = 'transaction'",
    "pool_mode =",
    "pool_mode transaction",
    "pool_mode : transaction",
    "POOL_MODE = session",
    "default_pool_size = 0x10",
    "default_pool_size = 20 # comment",
    "default_pool_size =",
    "default_poolsize = 20",
    "max_client_conn = 1k",
    "max_client_conn = -5",
    "query_wait_timeout = 30s",
    "query_wait_timeout = 0.5",
    "auth_type = scram",
    "auth_type = scram-sha-256",
    "server_round_robin = yes",
    "log_connections = on",
    "admin_users = a ; b",
    "reserve_pool = 5",
    "server_lifetime = 1h",
    "; max_client_conn = 1k",
    "   # pool_mode = nothing",
    "[databases]\nq = host=127.0.0.1 pool_size=5 reserve_pool=2",
    "[databases]\nq = host=127.0.0.1 ; the other server",
    "[databases]\nq = host=127.0.0.1 nope=1",
    "[databases]\nq = host=127.0.0.1 password='a b''c' dbname=q",
    "[databases]\n* = host=127.0.0.1",
    "[users]\nq = pool_mode=transaction max_user_connections=5",
    "[users]\nq = nope=3",
    "[weird]\na = b",
    "[PgBouncer]\npool_mode = session",
    "max_prepared_statements = 200",
    "transaction_timeout = 5",
    "peer_id = 1",
    "track_extra_parameters = IntervalStyle",
    "min_pool_size = 2",
    "stats_users = a, b",
    "ignore_startup_parameters = extra_float_digits, options",
]


def judges() -> list[AnyRule]:
    """The rules that say: PgBouncer does not start."""
    return [rule for rule in rules.load("5") if rule.id in ("PC512", "PC513")]


def refused(config: PoolerConfig) -> list[str]:
    """What those rules say about a config."""
    ctx = Context(catalogue=catalogue)
    return [problem.message for rule in judges() for problem in rule.check(config, ctx)]


def read(text: str) -> PoolerConfig:
    """The config of a text that is one."""
    made = pgbouncer_ini.read(text, "pgbouncer.ini")
    assert made is not None
    return made


@pytest.fixture(scope="module")
def version() -> tuple[int, ...]:
    """The version of the PgBouncer that is installed."""
    need_bouncer()
    return pgbouncer_version()


@pytest.mark.parametrize("line", LINES)
def test_the_real_pgbouncer_agrees(line: str, version: tuple[int, ...]) -> None:
    """Whether it starts with the line is what the rules say of it."""
    text = BASE.format(port=free_port()) + line + "\n"
    config = read(text)
    said = refused(config_with(config, version))
    with tempfile.TemporaryDirectory() as folder:  # tmp_path is closed to the account that runs PgBouncer
        path = Path(folder) / "pgbouncer.ini"
        path.write_text(text)
        Path(folder).chmod(0o755)
        path.chmod(0o644)
        starts = starts_with(path)

    assert starts == (said == []), said


def config_with(config: PoolerConfig, version: tuple[int, ...]) -> PoolerConfig:
    """The config, run by that version."""

    return replace(config, version=version, version_source="pgbouncer --version:1")


def starts_with(path: Path) -> bool:
    """Whether PgBouncer gets as far as listening."""
    user = account()
    drop: dict[str, Any] = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user else {}
    process = subprocess.Popen(
        [pgbouncer_binary(), str(path)],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        **drop,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        for line in process.stdout:
            if "process up" in line:
                return True
            if "FATAL" in line:
                return False
        return False
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close()


def test_databases_keep_no_password() -> None:
    """The password of a database line is nowhere in what was read."""
    config = read("[databases]\napp = host=db password=s3cret user=app\n[pgbouncer]\npool_mode=transaction\n")

    assert "s3cret" not in repr(config)
    assert config.databases[0].value("user") == "app"
    assert config.mode() == "transaction"


def test_absent_settings_have_defaults() -> None:
    """An ini file is complete: session mode, pools of 20, 100 clients."""
    config = read("[databases]\napp = host=db\n[pgbouncer]\nlisten_port = 6432\n")

    assert (config.mode(), config.number("default_pool_size", 20), config.number("max_client_conn", 100)) == (
        "session",
        20,
        100,
    )


def test_the_last_one_counts_and_templates_are_not_known() -> None:
    """Duplicate keys, and what something fills in before PgBouncer runs."""
    config = read("[pgbouncer]\npool_mode = session\npool_mode = transaction\nmax_client_conn = ${CLIENTS}\n")

    assert config.mode() == "transaction"
    assert config.number("max_client_conn", 100) is None
    assert refused(config) == []


@pytest.mark.parametrize(
    ("version", "setting", "tracks"),
    [((1, 20, 1), "", False), ((1, 22), "", False), ((1, 24), "", True), ((), "", None), ((), "max_prepared_statements = 0", False), ((1, 21), "max_prepared_statements = 100", True)],
)  # fmt: skip
def test_prepared_statements_by_version(version: tuple[int, ...], setting: str, tracks: bool | None) -> None:
    """1.21 brought the setting, 1.24 switched it on."""
    config = config_with(read(f"[pgbouncer]\npool_mode = transaction\n{setting}\n"), version)

    assert config.tracks_prepared is tracks


@pytest.mark.parametrize(
    ("path", "is_one"),
    [("pgbouncer.ini", True), ("docker/pgbouncer/pgbouncer.ini", True), ("config/prod-pgbouncer.ini", True), ("alembic.ini", False), ("pgbouncer.ini.j2", False), ("setup.cfg", False)],
)  # fmt: skip
def test_names(path: str, is_one: bool) -> None:
    """By name alone; templates are nobody's config yet."""
    assert pgbouncer_ini.matches(path) is is_one


def test_something_else_of_that_name() -> None:
    """A file without PgBouncer's sections is not read."""
    assert pgbouncer_ini.read("[metrics]\na = b\n", "pgbouncer.ini") is None


def test_userlist_gives_names_only() -> None:
    """The secrets stay where they are."""
    assert pgbouncer_ini.userlist('"app" "SCRAM-SHA-256$4096:abc"\n;"old" "md5x"\n"we""ird" ""\n') == (
        "app",
        'we"ird',
    )


@pytest.mark.parametrize(
    "line",
    [
        "app = host=db password=Tr0ub4dor ; x",
        "app host db password Tr0ub4dor",
        "app = host=db password='Tr0ub4dor x' y",
    ],
)
def test_no_excerpt_holds_a_password(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even of a line that is broken."""
    (tmp_path / "pgbouncer.ini").write_text(f"[databases]\n{line}\n[pgbouncer]\npool_mode = transaction\n")
    monkeypatch.chdir(tmp_path)

    said = CliRunner().invoke(cli, ["lint", "."])

    assert "PC513" in said.output
    assert "Tr0ub4dor" not in said.output
