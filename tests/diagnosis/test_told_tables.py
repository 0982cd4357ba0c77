"""Tables of the config and the map: what each is about, and what is about nothing."""

from pathlib import Path

import pytest

from poolcheck.config.file import load
from poolcheck.config.settings import Config, NamedClient, NamedServer
from poolcheck.diagnosis.told_tables import check, host_of, matches
from poolcheck.errors import BadConfig
from poolcheck.model.amount import exact
from poolcheck.model.connection_map import Client, Map, Opening, Pooler, Server
from poolcheck.model.problem import Location
from poolcheck.model.project import Package
from tests.steps import steps

pytestmark = pytest.mark.usefixtures("_here")
ONE = exact(1, "")
HERE = Location("compose.yaml", 1)


@pytest.fixture
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Config files stand in the current folder."""
    monkeypatch.chdir(tmp_path)


def client(name: str, folder: str = ".") -> Client:
    """A client of that name, its package in that folder."""
    return Client(name=name, place=HERE, package=Package(path=folder), processes=ONE)


def server(name: str, *addresses: str) -> Server:
    """A server that these addresses reach."""
    return Server(name=name, addresses=addresses, reserved=exact(3, ""))


def pooler(name: str, behind: str, *addresses: str) -> Pooler:
    """A pooler before a server, or before nobody knows what."""
    return Pooler(
        name=name,
        place=HERE,
        software="pgbouncer",
        replicas=ONE,
        addresses=addresses,
        opens=(Opening(behind),) if behind else (),
    )


MAP = Map(
    clients=(
        client("api", "apps/api"),
        client("worker", "apps/api/jobs"),
        client("shop/api", "services/shop"),
        client("apps/web", "apps/web"),
        client("apiary", "apps/apiary"),
        client("cron"),
    ),
    poolers=(
        pooler("bouncer", "orders", "PgBouncer.db.svc:6432"),
        pooler("edge", "", "edge.example.com:6432"),
    ),
    servers=(
        server("orders", "Orders.cluster-abc.eu-central-1.rds.amazonaws.com:5432", "[2001:db8::5]:5432"),
        server("billing", "billing:5432"),
    ),
)


def matched(config: Config, map_: Map = MAP) -> dict[str, tuple[str, ...]]:
    """What each table is about."""
    return {each.heading: each.matched for each in matches(config, map_)}


class TestServers:
    """By name, by address, by the address of a pooler before it."""

    @pytest.mark.parametrize(
        ("hosts", "names"),
        [
            (("orders.CLUSTER-*.rds.amazonaws.com",), ("orders",)),
            (("pgbouncer.db.svc",), ("orders",)),
            (("pgbouncer.db.svc", "orders.*"), ("orders",)),
            (("2001:db8::5",), ("orders",)),
            (("2001:db8::*",), ("orders",)),
            (("edge.example.com",), ("edge",)),
            (("*",), ("orders", "billing", "edge")),
            (("bill",), ()),
            (("*2",), ()),  # of a port nothing is asked
            ((), ()),
        ],
    )
    def test_hosts(self, hosts: tuple[str, ...], names: tuple[str, ...]) -> None:
        """Whole names without the port, whatever their case; a pooler without a server is there itself."""
        assert matched(Config(server=(NamedServer(name="x", hosts=hosts),))) == {"[server.x]": names}

    def test_name(self) -> None:
        """As the map names it, alone or beside hosts."""
        assert matched(Config(server=(NamedServer(name="billing"),))) == {"[server.billing]": ("billing",)}
        both = NamedServer(name="billing", hosts=("orders.*",))
        assert matched(Config(server=(both,))) == {"[server.billing]": ("billing", "orders")}

    @pytest.mark.parametrize(
        ("address", "host"), [("db:5432", "db"), ("[::1]:5432", "::1"), ("db", "db"), ("", ""), ("db:${PORT}", "db:${PORT}")]
    )  # fmt: skip
    def test_host_of(self, address: str, host: str) -> None:
        """A port is digits."""
        assert host_of(address) == host


class TestClients:
    """By name and folder; by the last part of the name where nothing else is there."""

    @pytest.mark.parametrize(
        ("name", "names"),
        [
            ("apps/api", ("api", "worker")),
            ("./apps/api/", ("api", "worker")),
            ("apps/ap", ()),
            ("apps", ("api", "worker", "apps/web", "apiary")),
            ("apps/web", ("apps/web",)),
            ("web", ("apps/web",)),
            ("api", ("api",)),  # and not shop/api, which only ends so
            ("shop/api", ("shop/api",)),
            ("cron", ("cron",)),
            (".", ("cron",)),
        ],
    )
    def test_names(self, name: str, names: tuple[str, ...]) -> None:
        """A folder holds what lies below it, and no folder that only begins with its letters."""
        told = matches(Config(client=(NamedClient(name=name),)), MAP)
        assert told[0].matched == names

    def test_a_folder_is_the_config_files(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """From a folder below, packages are named from there, tables from the file's folder."""
        (tmp_path / "apps" / "api").mkdir(parents=True)
        monkeypatch.chdir(tmp_path / "apps")
        config = Config(client=(NamedClient(name="apps/api"),), path=str(tmp_path / "poolcheck.toml"))

        assert matches(config, Map(clients=(client("x", "api"),)))[0].matched == ("x",)


class TestCheck:
    """A table about nothing is a typing error."""

    def said(self, folder: Path, text: str, map_: Map = MAP) -> str:
        """The complaint of a file, with its hint."""
        (folder / "poolcheck.toml").write_text(text)
        with pytest.raises(BadConfig) as wrong:
            check(load(folder / "poolcheck.toml"), map_)
        return f"{wrong.value.message}\n{wrong.value.hint}"

    @pytest.mark.parametrize(
        ("text", "line", "what", "hint"),
        [
            ("\n[server.ordrs]\nmax_connections = 4", 2, "server.ordrs: matches no server", "Did you mean orders?"),
            ('[server.x]\nhosts = "biling"', 1, "server.x: matches no server", "Did you mean billing?"),
            ('[server.x]\nhosts = "pgbuncer.db.svc"', 1, "server.x: matches no server", "Did you mean PgBouncer.db.svc?"),
            ("[server.zzz]\nreserved = 3", 1, "server.zzz: matches no server", "Servers here: orders, billing."),
            ('[client."apps/wbe"]\npool = 3', 1, 'client."apps/wbe": matches no client', "Did you mean apps/web?"),
            ("[client.wokrer]\npool = 3", 1, "client.wokrer: matches no client", "Did you mean worker?"),
            ("[client.zzz]\npool = 3", 1, "client.zzz: matches no client", "Clients here: api, worker, shop/api, apps/web, apiary, cron."),
        ],
    )  # fmt: skip
    def test_matches_nothing(self, tmp_path: Path, text: str, line: int, what: str, hint: str) -> None:
        """File, line, table, and what was meant."""
        said = self.said(tmp_path, text)
        assert f"poolcheck.toml:{line}: {what}" in said
        assert hint in said

    def test_all_at_once(self, tmp_path: Path) -> None:
        """In the order of the file."""
        said = self.said(tmp_path, "[client.zzz]\npool = 3\n[server.yyy]\nreserved = 1\n")
        assert said.index("toml:1: client.zzz") < said.index("toml:3: server.yyy")

    def test_pyproject(self, tmp_path: Path) -> None:
        """The line is that of its own table."""
        (tmp_path / "pyproject.toml").write_text(
            "[tool.poolcheck]\n\n[tool.poolcheck.client.zzz]\npool = 1\n"
        )
        with pytest.raises(BadConfig, match=r"pyproject\.toml:3: client\.zzz: "):
            check(load(tmp_path / "pyproject.toml"), MAP)

    def test_an_empty_map(self, tmp_path: Path) -> None:
        """There is nothing to list."""
        assert "Clients here: none." in self.said(tmp_path, "[client.zzz]\npool = 3", Map())

    def test_names_of_files_are_cleaned(self, tmp_path: Path) -> None:
        """The map's names are a repository's."""
        strange = Map(clients=(client("a\x1b[31mpp\u202e"), client("postgres://u:canary@h/d")))
        said = self.said(tmp_path, "[client.zzz]\npool = 3", strange)
        assert "\x1b" not in said
        assert "\u202e" not in said
        assert "canary" not in said

    def test_a_table_that_says_nothing_of_the_map(self) -> None:
        """Where to look, or nothing at all yet: `poolcheck init` writes such."""
        servers = (NamedServer(name="x", dsn_env="A_URL", bouncer_env="B_URL"), NamedServer(name="y"))
        told = check(Config(server=servers, client=(NamedClient(name="z"),)), MAP)
        assert [each.matched for each in told] == [()] * 3

    def test_an_option(self) -> None:
        """It has no line: the option is named."""
        option = NamedServer(name="ordrs", max_connections=4, source="--max")
        with pytest.raises(BadConfig, match="--max ordrs=N: matches no server of this project") as wrong:
            check(Config(server=(option,)), MAP)
        assert wrong.value.hint == "Did you mean orders?"

    def test_all_is_well(self) -> None:
        """The rows are those of `matches`."""
        config = Config(server=(NamedServer(name="orders", reserved=1),), client=(NamedClient(name="cron"),))
        assert check(config, MAP) == matches(config, MAP)


class TestSize:
    """A strange file and a large project: many tables times many names."""

    @staticmethod
    def config(many: int) -> Config:
        """So many tables that match, and so many that do not."""
        servers = [NamedServer(name=f"s{at}", hosts=(f"h{at}", f"x{at}.y")) for at in range(many)]
        clients = [NamedClient(name=f"apps/c{at}", server="s0") for at in range(2 * many)]
        return Config(server=tuple(servers), client=tuple(clients))

    @staticmethod
    def map(many: int) -> Map:
        """So many servers and clients."""
        return Map(
            clients=tuple(client(f"c{at}", f"apps/c{at}") for at in range(many)),
            servers=tuple(server(f"db{at}", f"h{at}:5432") for at in range(many)),
        )

    def test_work_grows_as_the_two_do(self) -> None:
        """Eight times the tables and the names: about eight times the work, and not sixty-four."""
        small, large = ((self.config(many), self.map(many)) for many in (50, 400))
        assert len([each for each in matches(*large) if each.matched]) == 800
        assert steps(lambda: matches(*large)) < 10 * steps(lambda: matches(*small))

    def test_only_what_is_shown_is_compared(self) -> None:
        """The nearest name is looked for as often as it is printed."""

        def complain(many: int) -> None:
            with pytest.raises(BadConfig, match=r"and .* more"):
                check(self.config(many), MAP)

        assert steps(lambda: complain(800)) < 12 * steps(lambda: complain(100))
