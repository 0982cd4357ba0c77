"""`poolcheck init`: what it writes is true, complete and never in place of something."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator

from poolcheck.cli import cli, run
from poolcheck.commands.init import tables
from poolcheck.config.checks import SettingsSource, build, settings_of
from poolcheck.config.file import load
from poolcheck.config.schema import schema
from poolcheck.config.settings import Config, NamedClient, NamedServer, Thresholds
from poolcheck.diagnosis.told_tables import check, matches
from poolcheck.model.amount import Amount, exact
from poolcheck.model.connection_map import Client, Map, Opening, Pool, Pooler, Question, Server
from poolcheck.model.problem import Location

NEON = "postgresql://app:s3cret-canary@ep-cool-darkness-123456.us-east-2.aws.neon.tech/app"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project on Vercel with Prisma and Neon."""
    (tmp_path / "package.json").write_text('{"dependencies": {"@prisma/client": "6.19.3"}}')
    (tmp_path / "vercel.json").write_text("{}")
    (tmp_path / ".env").write_text(f"DATABASE_URL={NEON}\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def init(*args: str) -> Result:
    """Run `poolcheck init`."""
    return CliRunner().invoke(cli, ["init", *args], catch_exceptions=False)


def test_writes_what_it_found(project: Path) -> None:
    """Runtime, driver and provider with the file that says so; the provider is set, the rest stays automatic."""
    assert init().exit_code == 0
    text = (project / "poolcheck.toml").read_text()

    assert "# Found here: serverless (vercel.json)." in text
    assert "prisma 6.19.3 (package.json)" in text
    assert load(project / "poolcheck.toml").provider == "neon"
    assert tomllib.loads(text) == {
        "provider": "neon",
        "thresholds": {},
        "server": {"ep-cool-darkness-123456.us-east-2.aws.neon.tech": {}},
        "client": {"the app": {}},
    }
    assert "# instances = ?  # nobody tells" in text
    assert "s3cret-canary" not in text


def test_every_setting_is_there_and_valid_when_uncommented(project: Path) -> None:
    """With every comment sign taken off it is still a config, by the loader and by the schema."""
    init()
    text = re.sub(r"(?m)^# ([a-z_]+ = (?!\?)|\[)", r"\1", (project / "poolcheck.toml").read_text())
    full = project / "full.toml"
    full.write_text(text)

    table = tomllib.loads(text)

    assert load(full).instances == 10
    assert not list(Draft7Validator(schema()).iter_errors(table))
    simple = {name for name, each in settings_of(Config).items() if "reason" in each.metadata}
    assert simple <= set(table)
    assert set(table["thresholds"]) == set(settings_of(Thresholds))
    assert set(table["per-path"]) == {"apps/worker/**"}
    assert set(table["server"]["orders"]) == set(settings_of(NamedServer))
    assert set(table["client"]["apps/api"]) == set(settings_of(NamedClient))


def test_the_file_changes_no_verdict(project: Path) -> None:
    """A lint says the same before and after."""
    before = CliRunner().invoke(cli, ["lint", "--format", "gitlab"]).stdout
    init()

    assert CliRunner().invoke(cli, ["lint", "--format", "gitlab"]).stdout == before


def test_never_overwrites(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither poolcheck.toml nor a [tool.poolcheck] that would be shadowed; a file above is no hindrance."""
    (project / "poolcheck.toml").write_text("instances = 3\n")
    assert run(["init"]) == 2
    assert "is here already" in capsys.readouterr().err
    assert (project / "poolcheck.toml").read_text() == "instances = 3\n"

    (project / "poolcheck.toml").unlink()
    (project / "pyproject.toml").write_text("[tool.poolcheck]\n")
    assert run(["init"]) == 2
    assert not (project / "poolcheck.toml").exists()


def test_a_file_above_is_no_hindrance(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package of a monorepo may have settings of its own."""
    (project / "poolcheck.toml").write_text("instances = 3\n")
    (project / "apps").mkdir()
    monkeypatch.chdir(project / "apps")

    assert init().exit_code == 0
    assert (project / "apps" / "poolcheck.toml").exists()


def test_stdout_writes_nothing(project: Path) -> None:
    """For those who want to look first."""
    result = init("--stdout")

    assert "[thresholds]" in result.stdout
    assert not (project / "poolcheck.toml").exists()


def amount(number: int, words: str, path: str, line: int) -> Amount:
    """A number that a file tells."""
    return exact(number, words, Location(path, line))


def server(name: str, *addresses: str, **known: Any) -> Server:
    """A server of the map."""
    return Server(
        name=name,
        addresses=addresses,
        reserved=exact(3, "default of PostgreSQL: 3", None, "default"),
        **known,
    )


def a_client(name: str, **known: Any) -> Client:
    """A client of the map, one process in an instance."""
    return Client(
        name=name, place=Location("compose.yaml", 3), processes=exact(1, "", None, "default"), **known
    )


ORDERS = server(
    "orders",
    "Orders.cluster-abc.eu-central-1.rds.amazonaws.com:5432",
    "shared.example.com:5433",
    provider="aws-rds",
    plan="db.t4g.medium",
)
MAP = Map(
    servers=(
        ORDERS,
        server("billing", max_connections=amount(60, "max_connections=60", "compose.yaml", 9)),
        server("ep-cool.neon.tech:5432", "ep-cool.neon.tech:5432"),
        server("ep cool neon tech 5432", "other.neon.tech:5432"),
        server("$SECRET/url"),
        server("local", "localhost:5432", here=True),
        server("other", "shared.example.com:5432"),
    ),
    poolers=(
        Pooler(
            name="bouncer", place=Location("pgbouncer.ini", 1), software="pgbouncer", replicas=exact(1, ""),
            opens=(Opening("orders"),), addresses=("pgbouncer:6432",),
        ),
    ),
    clients=(
        a_client(
            "apps/api",
            instances=amount(6, "maxReplicas: 6", "k8s/api.yaml", 8),
            surge=amount(2, "maxSurge: 25%", "k8s/api.yaml", 12),
            pools=(Pool(driver="pg", title="pg.Pool", place=None, size=amount(14, "max: 14", "apps/api/db.ts", 3)),),
        ),
        a_client("worker", pools=(Pool(driver="pg", title="pg.Pool", place=None, size=None),)),
        a_client("migrate", once=True),
        a_client("strange\x1b[31m"),
        a_client("strange\u202e"),
        a_client("postgres://u:s3cret-canary@h/d"),
    ),
    questions=(
        Question(of="worker", server="orders", what="pool", tell="", why="max is `size`\n[server.evil], password=s3cret-canary"),
        Question(of="worker", server="orders", what="instances", tell="--instances N"),
        Question(of="orders", server="orders", what="max_connections", tell="--max N"),
    ),
)  # fmt: skip


class TestTables:
    """What `init` writes of a map, made by hand here."""

    def read(self, folder: Path, text: str) -> Config:
        """The config that a text is, by the loader; the schema takes it as well."""
        (folder / "told.toml").write_text(text)
        assert not list(Draft7Validator(schema()).iter_errors(tomllib.loads(text)))
        return load(folder / "told.toml")

    def test_headings_and_nothing_that_could_grow_old(self, tmp_path: Path) -> None:
        """Numbers are comments; a server without a usable name gets one, and the hosts that it is known by."""
        config = self.read(tmp_path, tables(MAP))

        assert {each.name: each.hosts for each in config.server} == {
            "orders": (),
            "billing": (),
            "ep-cool.neon.tech-5432": ("ep-cool.neon.tech",),
            "ep-cool-neon-tech-5432": ("other.neon.tech",),
            "other": (),
        }
        assert all(each == NamedServer(name=each.name, hosts=each.hosts) for each in config.server)
        assert config.client == (NamedClient(name="apps/api"), NamedClient(name="worker"))

    def test_each_table_is_about_what_it_was_made_of(self, tmp_path: Path) -> None:
        """Read again, every one matches its own, and only that."""
        told = check(self.read(tmp_path, tables(MAP)), MAP)
        assert [each.matched for each in told] == [
            ("orders",),
            ("billing",),
            ("ep-cool.neon.tech:5432",),
            ("ep cool neon tech 5432",),
            ("other",),
            ("apps/api",),
            ("worker",),
        ]

    def test_what_was_found_and_what_nobody_tells(self) -> None:
        """Numbers with their places, questions with `?`."""
        lines = tables(MAP).splitlines()
        at = lines.index("[server.orders]")
        assert lines[at : at + 7] == [
            "[server.orders]",
            '# hosts = ["orders.cluster-abc.eu-central-1.rds.amazonaws.com", "pgbouncer"]',
            "# max_connections = ?  # nobody tells",
            "# reserved = 3  # default of PostgreSQL: 3",
            '# provider = "aws-rds"',
            '# plan = "db.t4g.medium"',
            '# dsn_env = "ORDERS_MONITOR_URL"  # `poolcheck live orders` looks with it',
        ]
        assert "# max_connections = 60  # max_connections=60 (compose.yaml:9)" in lines
        at = lines.index('[client."apps/api"]')
        assert lines[at + 1 : at + 5] == [
            "# instances = 6  # maxReplicas: 6 (k8s/api.yaml:8)",
            '# surge = "2"  # maxSurge: 25% (k8s/api.yaml:12)',
            "# workers = 1",
            "# pool = 14  # max: 14 (apps/api/db.ts:3)",
        ]
        at = lines.index("[client.worker]")
        assert lines[at + 1] == "# instances = ?  # nobody tells"
        assert lines[at + 3].startswith("# pool = ?  # nobody tells: max is `size` [server.evil], password=")

    def test_every_number_can_be_uncommented(self, tmp_path: Path) -> None:
        """The comment sign off what is known: still a config, and of the same servers."""
        text = re.sub(r"(?m)^# (?=[a-z_]+ = [^?])", "", tables(MAP))
        config = self.read(tmp_path, text)

        assert (config.client[0].instances, config.client[0].surge, config.client[0].pool) == (6, "2", 14)
        assert config.server[0].dsn_env == "ORDERS_MONITOR_URL"
        assert all(len(each.matched) == 1 for each in check(config, MAP))

    def test_behind_the_draft(self, project: Path) -> None:
        """One file."""
        init()
        text = (project / "poolcheck.toml").read_text() + tables(MAP)
        assert self.read(project, text).provider == "neon"

    def test_never_a_secret(self) -> None:
        """Nor anything else of a strange file that a terminal would obey."""
        text = tables(MAP)
        assert "s3cret-canary" not in text
        assert text.replace("\n", "").isprintable()
        assert tables(Map()) == ""


NAMES = st.one_of(
    st.text(max_size=12),
    st.sampled_from(["db", "DB", "db-2", "a/b", 'q"]\n[x', "s://u:s3cret-canary@h", "host:5432", "é", "x" * 300, "1.2.3.4"]),
)  # fmt: skip


@given(
    st.lists(NAMES, unique=True, max_size=5),
    st.lists(NAMES, unique=True, max_size=4),
    st.lists(NAMES, max_size=6),
)
@settings(max_examples=300, deadline=None)
def test_any_map_is_a_config(servers: list[str], clients: list[str], hosts: list[str]) -> None:
    """Whatever its names are: valid, without a secret, and each table about the thing that it was made of."""
    map_ = Map(
        servers=tuple(
            server(name, *(f"{host}:5432" for host in hosts[at::2])) for at, name in enumerate(servers)
        ),
        clients=tuple(a_client(name) for name in clients),
    )
    text = tables(map_)
    made: Config = build(Config, tomllib.loads(text), SettingsSource("x.toml", text))
    told = matches(made, map_)
    assert "s3cret-canary" not in text
    assert all(each.matched for each in told)
    own = [each.matched for each in told if each.kind == "server"]
    assert all(len(each) == 1 for each in own)
    assert len(set(own)) == len(own)
