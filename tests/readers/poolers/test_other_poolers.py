"""Odyssey, PgCat, PgDog and Supavisor: read as their own sources read them, and never more than is written."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poolcheck import catalogue
from poolcheck.model.pooler_config import PoolerConfig, translated
from poolcheck.readers.deploy import compose
from poolcheck.readers.manifests.types import UnreadableFile
from poolcheck.readers.poolers import odyssey, pgcat, pgdog, supavisor_env
from poolcheck.readers.poolers.lines import TomlPlaces, shown

# In the spirit of config-examples/odyssey-dev.conf and docs/configuration of yandex/odyssey.
ODYSSEY = """daemonize no
log_format "%p %t %l [%i %s] (%c) %m\\n"
client_max 1000
listen {
	host "*"
	port 6432
	tls "require"
}
listen { host "127.0.0.1" port 6433 }
storage "main" {
	type "remote"
	host "10.0.0.5"
	port 5433
	watchdog { pool "transaction" pool_size 10 watchdog_lag_query "SELECT 1" }
}
storage "local" { type "local" }
database "shop" {
	user "web" {
		authentication "scram-sha-256"
		password "s3cret"
		storage "main"
		pool "transaction"   # a comment
		pool_size 020
		pool_timeout 4000
		pool_discard no pool_cancel yes
	}
	user "ops" "10.1.0.0/16" hostssl { authentication "none" storage "main" pool "session" }
}
database default { user default { authentication "block" storage "main" pool "session" } }
database "console" { user default { authentication "none" role "admin" pool "session" storage "local" } }
"""
PGCAT = """[general]
host = "0.0.0.0"
admin_username = "admin"
admin_password = "s3cret"

[pools.shop]
pool_mode = "transaction"
prepared_statements_cache_size = 500
plugins = { intercept = { queries = [
  ["a", "text"],
] } }

[pools.shop.users.0]
username = "web"
password = "s3cret"
pool_size = 9

[pools.shop.users.1]
username = "reports"
pool_mode = "session"
pool_size = 1_000

[pools.shop.shards.0]
servers = [["10.0.0.5", 5432, "primary"], ["10.0.0.6", 5432, "replica"]]
database = "shop"
"""
PGDOG = """[general]
default_pool_size = 15
[[databases]]
name = "shop"
host = "10.0.0.5"

[[databases]]
name = "shop"
host = "10.0.0.6"
role = "replica"
pool_size = 5
"""
USERS = """[[users]]
name = "web"
database = "shop"
password = "s3cret"
pool_size = 20

[[users]]
name = "reports"
all_databases = true

[[users]]
name = "other"
database = "elsewhere"
"""


def known(config: PoolerConfig | UnreadableFile | None) -> PoolerConfig:
    """The config of a text that is one, under PgBouncer's names."""
    assert isinstance(config, PoolerConfig)
    return translated(config, catalogue.pooler(config.software))


def pools(config: PoolerConfig, *names: str) -> list[tuple[str | None, ...]]:
    """Each pool's settings of these names, its host among them."""
    return [tuple(database.value(name) for name in names) for database in config.databases]


class TestOdyssey:
    """Blocks, routes, storages, includes."""

    def test_routes(self) -> None:
        """One for each user's block; the console and the watchdog are none."""
        config = known(odyssey.read(ODYSSEY, "odyssey.conf"))

        assert [database.name for database in config.databases] == ["shop", "shop", "*"]
        assert pools(config, "user", "pool_mode", "pool_size", "host", "port") == [
            ("web", "transaction", "20", "10.0.0.5", "5433"),
            ("ops", "session", None, "10.0.0.5", "5433"),
            (None, "session", None, "10.0.0.5", "5433"),
        ]
        assert config.value("max_client_conn") == "1000"
        assert config.modes == {"transaction", "session"}
        assert "s3cret" not in repr(config)

    def test_places(self) -> None:
        """The line of the keyword, in its own words."""
        size = known(odyssey.read(ODYSSEY, "odyssey.conf")).databases[0].setting("pool_size")

        assert size is not None
        assert (str(size.location), size.own) == ("odyssey.conf:23", "pool_size")

    def test_a_route_for_some_addresses_lets_nobody_else_in(self) -> None:
        """Its password is not asked of the world, so nothing is said of it."""
        assert known(odyssey.read(ODYSSEY, "odyssey.conf")).databases[1].setting("auth_type") is None

    def test_the_most_open_listener_counts(self) -> None:
        """One with TLS, one that only this machine reaches; then one that is neither."""
        assert known(odyssey.read(ODYSSEY, "o.conf")).off("client_tls_sslmode") is False

        config = known(
            odyssey.read(ODYSSEY + 'listen { host "tcp://[10.0.0.9]:6432,unix:///run/x" }\n', "o.conf")
        )
        assert config.value("listen_addr") == "10.0.0.9"
        assert config.off("client_tls_sslmode") is True

    @pytest.mark.parametrize(
        ("line", "tracks"),
        [("pool_reserve_prepared_statement yes", True), ("pool_reserve_prepared_statement no", False), ("", None), ("pool_reserve_prepared_statement ${PS}", None)],
    )  # fmt: skip
    def test_prepared_statements(self, line: str, tracks: bool | None) -> None:
        """The default changed with 1.5.0, and the file does not tell the version."""
        text = f'database "a" {{ user "b" {{ pool "transaction" {line} }} }}\n'

        assert known(odyssey.read(text, "odyssey.conf")).tracks_prepared is tracks

    def test_what_something_fills_in_is_not_known(self) -> None:
        """Of a value; a file that is a template altogether is not read."""
        text = 'database "a" { user "b" { pool "${MODE}" pool_size $SIZE pool_timeout 5 } }\n'
        config = known(odyssey.read(text, "odyssey.conf"))

        assert config.modes == frozenset()
        assert pools(config, "pool_size", "query_wait_timeout") == [(None, "5")]
        assert isinstance(odyssey.read("pool_size {{ size }}\nlisten {}", "o.conf"), UnreadableFile)
        assert isinstance(odyssey.read('log_format "{%p}"\nlisten {}', "o.conf"), PoolerConfig)

    def test_a_shared_pool_is_no_routes_own(self) -> None:
        """Its size stands elsewhere and counts once."""
        text = (
            'shared_pool "p" { pool_size 3 }\ndatabase "a" { user "b" { pool "session" shared_pool "p" } }\n'
        )
        size = known(odyssey.read(text, "odyssey.conf")).databases[0].setting("pool_size")

        assert size is None or not size.known

    def test_includes(self) -> None:
        """They are listed, and read with the file that names them: a storage may stand in either."""
        text = 'include "conf.d/routes.conf"\nstorage "main" { type "remote" host "db" }\n'
        made = known(odyssey.read(text, "etc/odyssey.conf"))
        assert (made.includes, [str(each.location) for each in made.missing]) == ((), ["etc/odyssey.conf:1"])
        assert not made.complete

        route = 'database "a" { user "b" { pool "session" storage "main" } }'
        made = known(odyssey.read(text, "etc/odyssey.conf", {"etc/conf.d/routes.conf": route}))
        assert (made.includes, made.missing) == (("etc/conf.d/routes.conf",), ())
        assert pools(made, "host") == [("db",)]
        assert str(made.databases[0].location) == "etc/conf.d/routes.conf:1"

    @pytest.mark.parametrize(
        ("text", "why"),
        [
            ("listen {", "is not closed"),
            ("listen { } }", "closes nothing"),
            ('listen { host "*', "quote"),
            ("a {" * 20, "deeply"),
        ],
    )
    def test_half_a_file_is_not_read(self, text: str, why: str) -> None:
        """Nothing is concluded from it."""
        made = odyssey.read(text, "odyssey.conf")

        assert isinstance(made, UnreadableFile)
        assert why in made.message

    @pytest.mark.parametrize(
        ("path", "is_one"),
        [("odyssey.conf", True), ("deploy/odyssey/odyssey.conf", True), ("prod-odyssey.conf", True), ("odyssey.conf.j2", False), ("nginx.conf", False), ("odyssey.py", False)],
    )  # fmt: skip
    def test_names(self, path: str, is_one: bool) -> None:
        """By name alone."""
        assert odyssey.matches(path) is is_one

    def test_something_else_of_that_name(self) -> None:
        """A file without Odyssey's blocks is nobody's."""
        assert odyssey.read("a = b\n", "odyssey.conf") is None


class TestPgCat:
    """Pools, users, servers."""

    def test_each_user_has_a_pool_on_each_server(self) -> None:
        """The user's mode wins over the pool's."""
        config = known(pgcat.read(PGCAT, "pgcat.toml"))

        assert pools(config, "user", "pool_mode", "pool_size", "host") == [
            ("web", "transaction", "9", "10.0.0.5"),
            ("web", "transaction", "9", "10.0.0.6"),
            ("reports", "session", "1000", "10.0.0.5"),
            ("reports", "session", "1000", "10.0.0.6"),
        ]
        assert config.tracks_prepared is True
        assert "s3cret" not in repr(config)

    def test_places(self) -> None:
        """Behind a value of several lines too."""
        size = known(pgcat.read(PGCAT, "pgcat.toml")).databases[0].setting("pool_size")

        assert size is not None
        assert str(size.location) == "pgcat.toml:16"

    @pytest.mark.parametrize(
        ("pool", "general", "tracks"),
        [("", "", False), ("prepared_statements_cache_size = 0", "", False), ("", "prepared_statements_cache_size = 500", None), ("", "prepared_statements_cache_size = 0", False)],
    )  # fmt: skip
    def test_prepared_statements(self, pool: str, general: str, tracks: bool | None) -> None:
        """Off unless set; up to 1.1 it stood in [general], which later versions pass over."""
        text = f'[general]\n{general}\n[pools.a]\n{pool}\n[pools.a.users.0]\nusername = "b"\npool_size = 1\n'

        assert known(pgcat.read(text, "pgcat.toml")).tracks_prepared is tracks

    @pytest.mark.parametrize(("password", "same"), [("s3cret", True), ("another", False)])
    def test_the_administrators_login(self, password: str, same: bool) -> None:
        """Its name counts where its password is the app's too."""
        text = (
            f'[general]\nadmin_username = "web"\nadmin_password = "{password}"\n' + PGCAT.partition("\n\n")[2]
        )
        config = known(pgcat.read(text, "pgcat.toml"))

        assert (config.setting("admin_users") is not None) is same

    @pytest.mark.parametrize("text", ["", "[general]\nport = 6432\n", "pools = 3\n", "[pools]\n"])
    def test_nothing_to_read(self, text: str) -> None:
        """No pool, nothing to say."""
        assert pgcat.read(text, "etc/pgcat-dev.toml") is None
        assert pgcat.read(text, "pgcat.toml") == UnreadableFile("has no [pools]")


class TestPgDog:
    """Databases and users."""

    def test_each_user_has_a_pool_on_each_server(self) -> None:
        """The user's size wins over the database's, and that over the default."""
        config = known(pgdog.read(PGDOG, "pgdog.toml", {"users.toml": USERS}))

        assert pools(config, "user", "pool_size", "host") == [
            ("web", "20", "10.0.0.5"),
            ("reports", None, "10.0.0.5"),
            ("web", "20", "10.0.0.6"),
            ("reports", "5", "10.0.0.6"),
        ]
        assert config.value("default_pool_size") == "15"
        assert (config.mode(), config.tracks_prepared) == ("transaction", True)
        assert "s3cret" not in repr(config)

    def test_without_users_each_database_has_one(self) -> None:
        """Whoever they are."""
        assert len(known(pgdog.read(PGDOG, "pgdog.toml")).databases) == 2

    def test_a_size_by_role_is_not_known(self) -> None:
        """pool_size_replica decides in a way of its own."""
        text = PGDOG.replace("pool_size = 5", "pool_size_replica = 5")
        size = known(pgdog.read(text, "pgdog.toml")).databases[1].setting("pool_size")

        assert size is not None
        assert not size.known

    @pytest.mark.parametrize("text", ["[general]\n", "databases = 1\n", ""])
    def test_nothing_to_read(self, text: str) -> None:
        """No database, nothing to say."""
        assert pgdog.read(text, "pgdog-dev.toml") is None
        assert pgdog.read(text, "pgdog.toml") == UnreadableFile("has no [[databases]]")

    def test_broken(self) -> None:
        """TOML that is none is said with its line; so are the users beside it."""
        made = pgdog.read('[general\nport = "s3cret"', "pgdog.toml")
        beside = pgdog.read(PGDOG, "pgdog.toml", {"users.toml": "[[users]\n"})

        assert isinstance(made, UnreadableFile)
        assert made.line == 1
        assert "s3cret" not in made.message
        assert isinstance(beside, UnreadableFile)
        assert "users.toml" in beside.message


# As docker/docker-compose.yml of supabase/supabase has it.
SUPAVISOR = """services:
  supavisor:
    image: supabase/supavisor:2.7.4
    ports: ["${POSTGRES_PORT}:5432"]
    environment:
      DATABASE_URL: ecto://supabase_admin:${POSTGRES_PASSWORD}@${POSTGRES_HOST}:${POSTGRES_PORT}/_supabase
      POOLER_TENANT_ID: ${POOLER_TENANT_ID}
      POOLER_DEFAULT_POOL_SIZE: ${POOLER_DEFAULT_POOL_SIZE}
      POOLER_MAX_CLIENT_CONN: ${POOLER_MAX_CLIENT_CONN}
      POOLER_POOL_MODE: transaction
      DB_POOL_SIZE: ${POOLER_DB_POOL_SIZE}
"""
ENV = "POSTGRES_HOST=db\nPOOLER_DEFAULT_POOL_SIZE=20\nPOOLER_MAX_CLIENT_CONN=100 # clients\nPOOLER_DB_POOL_SIZE=5\n"


def test_supavisor() -> None:
    """The compose file's settings, with what the `.env` beside it fills in."""
    made, image = compose.read(SUPAVISOR, "docker-compose.yml"), catalogue.image("supabase/supavisor")
    assert made is not None
    assert image is not None
    config = known(supavisor_env.read(made.services[0], image, {".env": ENV.splitlines()}))

    clients = config.setting("max_client_conn")
    assert clients is not None
    assert (clients.value, str(clients.location)) == ("100", ".env:3")
    assert config.value("default_pool_size") == "20"
    assert pools(config, "pool_size", "host") == [(None, "db"), ("5", "db")]
    assert config.modes == frozenset()  # the port decides, and both are there


def test_supavisor_without_the_env_file() -> None:
    """Then nothing is known."""
    made, image = compose.read(SUPAVISOR, "docker-compose.yml"), catalogue.image("supabase/supavisor")
    assert made is not None
    assert image is not None
    config = known(supavisor_env.read(made.services[0], image, {}))

    assert config.number("max_client_conn", 100) is None
    assert "POSTGRES_PASSWORD" not in repr(config.settings)


@pytest.mark.parametrize(
    "line",
    [
        'storage_password "Tr0ub4dor"',
        '  password "Tr0ub4dor"  # x',
        'admin_password = "Tr0ub4dor"',
        'users = [{ name = "a", password = "Tr0ub4dor", pool_size = 5 }]',
        'passwords = ["Tr0ub4dor"]',
        'ldapbindpasswd "Tr0ub4dor"',
        'master_passphrase="Tr0ub4dor"',
        "approle_secret_id = 'Tr0ub4dor'",
    ],
)
def test_no_line_shows_a_password(line: str) -> None:
    """Odyssey has no sign between a key and its value."""
    assert "Tr0ub4dor" not in "\n".join(shown(line))


def test_places_of_toml() -> None:
    """Headers, arrays of tables, dotted and quoted keys, strings and arrays of several lines."""
    text = "a = 1\n[b.'c d']\nx.y = 2\n[[t]]\nk = 1\n[[t]]\nk = '''\nk = 5\n'''\nl = [\n  [1],\n]\nm = 1"
    places = TomlPlaces(text, "f")

    lines = [
        places.at(*path).line
        for path in (
            ("a",),
            ("b", "c d", "x", "y"),
            ("t", 0, "k"),
            ("t", 1, "k"),
            ("t", 1, "m"),
            ("t", 1, "n"),
            ("z",),
        )
    ]
    assert lines == [1, 3, 5, 7, 13, 6, 1]


PIECES = st.sampled_from(
    [
        *"{}[]()=,.\"'#\n %$\\é\0\ud800:",
        *(
            'database "a" ',
            'user "b" ',
            "default",
            "pool_size 10",
            "include",
            'storage "',
            "listen {",
            "\r\n",
            "${",
            "}}",
        ),
        *(
            "[pools.a",
            "[[users]]",
            "servers = [[",
            '"""',
            "= true",
            "[general]",
            "a.b.",
            "= {",
            "1_0",
            "nan",
            "= 1e400",
        ),
    ]
)
READERS: dict[str, Callable[[str], object]] = {
    "odyssey": lambda text: odyssey.read(text, "odyssey.conf", {"x.conf": text}),
    "pgcat": lambda text: pgcat.read(text, "pgcat.toml"),
    "pgdog": lambda text: pgdog.read(text, "pgdog.toml", {"users.toml": text}),
    "supavisor": lambda text: supavisor_env.env_values(tuple(text.split("\n")), ".env"),
}


@pytest.mark.parametrize("reader", READERS)
@given(text=st.one_of(st.text(), st.lists(PIECES, max_size=60).map("".join)))
@settings(max_examples=300, deadline=None)
def test_no_text_raises(reader: str, text: str) -> None:
    """Any text is a config, nothing, or a reason; and its lines can be shown."""
    made = READERS[reader](text)
    if isinstance(made, PoolerConfig):
        known(made)
    shown(text)


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize(
    "piece",
    ['"\\"', 'user "a" { ', "a b ", "{}", "[a]\n", "a.", "[[a.b]]\n", "a = '''", '"', "password ", "# \n", "${", 'include "a"\n', "a=[\n"],
)  # fmt: skip
def test_linear(reader: str, piece: str) -> None:
    """150 kB of anything: a pass that is not linear would not end."""
    text = piece * (150_000 // len(piece))
    READERS[reader](text)
    shown(text)


def test_values_of_other_kinds() -> None:
    """Files are written by hand: a table where a list is expected, a number where a name is."""
    for text in (
        "[[databases]]\nname = 5\nhost = []\n[admin]\nuser = 1\npassword = 2\n",
        "databases = [1, [2], {}]\n[general]\npooler_mode = {}\n",
        "[pools]\na = 1\n[pools.b]\nusers = []\nshards = {a = 1}\n[pools.c.users]\nx = 3\n",
        '[pools.a.users.0]\nusername = ["a"]\npassword = {}\n[pools.a.shards.0]\nservers = [[], [1], ["h"], {host = "x"}]\n',
    ):
        for reader in (pgcat.read, pgdog.read):
            assert not isinstance(reader(text, "x.toml"), UnreadableFile)
