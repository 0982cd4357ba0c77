"""Which connection string is looked at, out of several; nothing is connected to."""

from pathlib import Path

import pytest

from poolcheck.config.settings import Config, NamedServer
from poolcheck.errors import BadInput, BadTarget, NothingToCheck
from poolcheck.live.dsn import Sources, console_target, is_pooled, sources

DIRECT = "postgresql://app:pw@ep-cool-darkness-a1b2c3d4.us-east-2.aws.neon.tech/app"
POOLED = "postgresql://app:pw@ep-cool-darkness-a1b2c3d4-pooler.us-east-2.aws.neon.tech/app"


def pick(
    folder: Path, monkeypatch: pytest.MonkeyPatch, environ: dict[str, str] | None = None, **files: str
) -> Sources:
    """The choice in a folder with these env files (`_` for the dot), and this environment."""
    monkeypatch.chdir(folder)
    for name, text in files.items():
        (folder / name.replace("_", ".")).write_text(text)
    return sources(None, Config(), environ=environ or {})


def test_argument_wins() -> None:
    """Over everything else."""
    chosen = sources("postgresql://u@h/d", Config(), environ={"DATABASE_URL": DIRECT})
    assert chosen.main.conn.host == "h"
    assert chosen.pooled is None


def test_environment_before_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What runs here is nearer than what a file says."""
    chosen = pick(
        tmp_path,
        monkeypatch,
        {"DATABASE_URL": "postgresql://u@env/d"},
        _env="DATABASE_URL=postgresql://u@file/d\n",
    )
    assert chosen.main.conn.host == "env"
    assert "environment" in chosen.note


def test_local_file_before_the_shared_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """.env.local overrides .env in every loader that knows both."""
    chosen = pick(
        tmp_path,
        monkeypatch,
        _env="DATABASE_URL=postgresql://u@shared/d\n",
        _env_local="DATABASE_URL=postgresql://u@mine/d\n",
    )
    assert chosen.main.conn.host == "mine"
    assert ".env.local" in chosen.note


def test_direct_beside_pooled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The direct one for the slots, the app's own for the probe; whatever their names are."""
    for app, other in (
        ("DATABASE_URL", "DIRECT_URL"),
        ("DATABASE_URL", "DATABASE_URL_UNPOOLED"),
        ("POSTGRES_PRISMA_URL", "POSTGRES_URL_NON_POOLING"),
    ):
        chosen = pick(tmp_path, monkeypatch, _env=f'{app}="{POOLED}"\n{other}="{DIRECT}"\n')
        assert chosen.main.name == other
        assert chosen.pooled is not None
        assert chosen.pooled.name == app
        assert other in chosen.note


def test_direct_of_another_database_is_no_pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Slots of a database that the app does not use say nothing about it."""
    chosen = pick(tmp_path, monkeypatch, _env=f'DATABASE_URL="{POOLED}"\nDIRECT_URL="{DIRECT[:-3]}other"\n')
    assert chosen.main.name == "DATABASE_URL"
    assert chosen.pooled is None


def test_commented_and_overridden_lines_do_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last assignment is the one that loaders read."""
    text = "#DATABASE_URL=postgresql://u@old/d\nDATABASE_URL=postgresql://u@first/d\nDATABASE_URL=postgresql://u@last/d\n"
    assert pick(tmp_path, monkeypatch, _env=text).main.conn.host == "last"


def test_placeholders_are_no_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file with nothing but placeholders is as good as none."""
    with pytest.raises(NothingToCheck):
        pick(tmp_path, monkeypatch, _env="DATABASE_URL=postgresql://USER:PASSWORD@HOST:5432/DATABASE\n")


def test_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PGHOST and its family, in the environment and in a file."""
    assert pick(tmp_path, monkeypatch, {"PGHOST": "h", "PGPORT": "5433"}).main.conn.effective_port == 5433
    text = "PGHOST=filehost\nPGUSER=u\nPGPASSWORD=p\nPGDATABASE=d\n"
    assert pick(tmp_path, monkeypatch, _env=text).main.conn.host == "filehost"


def test_console_by_convention(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable named for it is the console, and never the server."""
    text = f"PGBOUNCER_URL=postgresql://stats@pool:6432/pgbouncer\nDATABASE_URL={DIRECT}\n"
    chosen = pick(tmp_path, monkeypatch, _env=text)
    assert chosen.console is not None
    assert chosen.console.conn.host == "pool"
    assert chosen.main.name == "DATABASE_URL"


@pytest.mark.parametrize(
    ("url", "pooled"),
    [
        (POOLED, True),
        (DIRECT, False),
        ("postgresql://u@h:6432/d", True),
        ("postgresql://u@h:6543/d", True),
        ("postgresql://u@h/d", False),
    ],
)
def test_is_pooled(url: str, pooled: bool) -> None:
    """The catalogue's hosts, and the ports that poolers have."""
    assert is_pooled(sources(url, Config()).main) is pooled


def test_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """--var names one, and says what there is when it is not there."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.env").write_text(f"A_URL={DIRECT}\nB_URL={POOLED}\n")
    assert sources(None, Config(), env_file="x.env", variable="B_URL", environ={}).main.name == "B_URL"
    with pytest.raises(BadInput, match="C_URL") as error:
        sources(None, Config(), env_file="x.env", variable="C_URL", environ={})
    assert "A_URL, B_URL" in error.value.hint
    with pytest.raises(BadInput):
        sources(None, Config(), variable="NOT_THERE", environ={})


@pytest.mark.parametrize("text", ["mysql://u:p@h/d", "prisma://h/?api_key=x", "prisma+postgres://h/?api_key=x", "postgresql://user:password@host/db", "hello"])  # fmt: skip
def test_unusable(text: str) -> None:
    """Said in words; the password is in none of them."""
    with pytest.raises(BadTarget) as error:
        sources(text, Config())
    assert "password@" not in error.value.message


def test_console_target() -> None:
    """--bouncer without a database means the console's own, at PgBouncer's port."""
    made = console_target("postgresql://stats:pw@h", Config()).conn
    assert (made.host, made.effective_port, made.database, made.user) == ("h", 6432, "pgbouncer", "stats")
    given = console_target("postgresql://stats@h:7000/pgbouncer", Config()).conn
    assert given.effective_port == 7000


ORDERS = NamedServer(name="orders", dsn_env="ORDERS_URL", bouncer_env="ORDERS_BOUNCER")
CONSOLE = "postgresql://stats:pw@pool:6432/pgbouncer"


class TestServersOfTheConfig:
    """A name in place of a string; or no argument, where the config names one server."""

    def test_name(self) -> None:
        """Both variables of the table; the string counts as the user's own."""
        chosen = sources(
            "orders", Config(server=(ORDERS,)), environ={"ORDERS_URL": DIRECT, "ORDERS_BOUNCER": CONSOLE}
        )
        assert (chosen.main.name, chosen.main.trusted) == ("ORDERS_URL", True)
        assert chosen.main.conn.raw == DIRECT
        assert chosen.console is not None
        assert (chosen.console.name, chosen.console.conn.host) == ("ORDERS_BOUNCER", "pool")
        assert chosen.note == "ORDERS_URL is used ([server.orders])."

    def test_console_not_set(self) -> None:
        """The server is looked at all the same, and the lack is told."""
        chosen = sources("orders", Config(server=(ORDERS,)), environ={"ORDERS_URL": DIRECT})
        assert chosen.console is None
        assert "ORDERS_BOUNCER is not set" in chosen.note

    @pytest.mark.parametrize(
        ("server", "environ", "said", "hint"),
        [
            (ORDERS, {}, "ORDERS_URL is not set: dsn_env of [server.orders]", "Set ORDERS_URL"),
            (ORDERS, {"ORDERS_URL": " "}, "ORDERS_URL is not set", "Set ORDERS_URL"),
            (NamedServer(name="orders"), {}, "[server.orders] does not say where", 'Write dsn_env = "'),
            (ORDERS, {"ORDERS_URL": "canary"}, "ORDERS_URL holds no PostgreSQL", "It should be postgresql://"),
            (ORDERS, {"ORDERS_URL": "mysql://u:canary@h/d"}, "ORDERS_URL holds no PostgreSQL", "It should be"),
            (ORDERS, {"ORDERS_URL": DIRECT, "ORDERS_BOUNCER": "canary"}, "ORDERS_BOUNCER holds no", "It should be"),
        ],
    )  # fmt: skip
    def test_unusable(self, server: NamedServer, environ: dict[str, str], said: str, hint: str) -> None:
        """Which table, which variable, what to do; never what is in it: a config may name any variable."""
        with pytest.raises((BadInput, BadTarget)) as error:
            sources("orders", Config(server=(server,)), environ=environ)
        assert said in error.value.message
        assert hint in error.value.hint
        assert "canary" not in error.value.message + error.value.hint

    def test_misspelt(self) -> None:
        """The nearest name, where there is one."""
        config = Config(server=(ORDERS,))
        with pytest.raises(BadTarget, match=r"no \[server.NAME\] of that name") as error:
            sources("ordrs", config, environ={})
        assert error.value.hint == "Did you mean orders?"
        with pytest.raises(BadTarget, match="not a PostgreSQL connection string"):
            sources("hunter2canary", config, environ={})

    def test_the_only_one_without_an_argument(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Before what the environment has beside; an option for a file or variable comes first."""
        monkeypatch.chdir(tmp_path)
        (tmp_path / "x.env").write_text("A_URL=postgresql://u@file/d\n")
        environ = {"DATABASE_URL": "postgresql://u@env/d", "ORDERS_URL": DIRECT}
        config = Config(server=(ORDERS, NamedServer(name="billing", max_connections=10)))
        assert sources(None, config, environ=environ).main.name == "ORDERS_URL"
        assert sources(None, config, environ=environ, variable="DATABASE_URL").main.name == "DATABASE_URL"
        assert sources(None, config, environ=environ, env_file="x.env").main.conn.host == "file"

    def test_several_are_none(self) -> None:
        """Which one is meant nobody says."""
        config = Config(server=(ORDERS, NamedServer(name="billing", dsn_env="BILLING_URL")))
        chosen = sources(None, config, environ={"DATABASE_URL": "postgresql://u@env/d", "ORDERS_URL": DIRECT})
        assert chosen.main.name == "DATABASE_URL"

    def test_the_only_one_not_set(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """What else is there is used, and that is said; where there is nothing, too."""
        monkeypatch.chdir(tmp_path)
        config = Config(server=(ORDERS,))
        said = "ORDERS_URL is not set (dsn_env of [server.orders])"
        assert said in sources(None, config, environ={"DATABASE_URL": "postgresql://u@env/d"}).note
        with pytest.raises(NothingToCheck) as error:
            sources(None, config, environ={})
        assert said in error.value.message
        (tmp_path / ".env").write_text("A_URL=postgresql://u@file/d\n")
        assert said in sources(None, config, environ={}).note
