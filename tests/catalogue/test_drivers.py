"""The driver files: their own examples, what they say of one another, and libpq's words against the real libpq."""

import re
from collections import Counter
from collections.abc import Iterator

import psycopg
import pytest
from psycopg import pq

from poolcheck import catalogue
from poolcheck.model.facts import Driver, DriverExample, DriverParam, DriverVersion, Fate
from poolcheck.model.project import UNKNOWN_VERSION, Version

DRIVERS = catalogue.drivers()
BLOCKS = [(driver, block) for driver in DRIVERS for block in driver.versions]


def exactly(text: str) -> Version:
    """A version as a lock file pins it."""
    return Version(text, tuple(int(part) for part in text.split(".")), exact=True)


def block_of(driver_id: str, version: str) -> DriverVersion:
    """The block that holds for that version; there must be one."""
    block = catalogue.behaviour(driver_id, exactly(version))
    assert block is not None, f"{driver_id} says nothing of {version}"
    return block


def reader_of(block: DriverVersion) -> DriverVersion | None:
    """The block of the driver that really reads the URL."""
    return catalogue.behaviour(block.url_read_by, UNKNOWN_VERSION) if block.url_read_by else None


def fate(driver_id: str, version: str, param: str) -> Fate | None:
    """What becomes of a URL parameter."""
    block = block_of(driver_id, version)
    return block.fate(param, reader_of(block))


def _id(value: object) -> str:
    if isinstance(value, Driver):
        return value.id
    if isinstance(value, DriverExample):
        return f"{value.version}-{value.param or value.label}"
    return value.when if isinstance(value, DriverVersion) else str(value)


# --- the files' own examples ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("driver", "example"),
    [(driver, example) for driver in DRIVERS for example in driver.examples],
    ids=_id,
)
def test_example_holds(driver: Driver, example: DriverExample) -> None:
    """Each [[examples]] table of a file is true of that file."""
    assert example.label or example.param, "an example must claim something"
    assert bool(example.param) == bool(example.expect)
    if example.label:
        assert block_of(driver.id, example.version).label == example.label
    if example.param:
        assert fate(driver.id, example.version, example.param) == example.expect


@pytest.mark.parametrize(("driver", "block"), BLOCKS, ids=_id)
def test_every_block_has_an_example(driver: Driver, block: DriverVersion) -> None:
    """A block that no example picks could be shadowed by the one before it."""
    assert block.label
    assert any(block_of(driver.id, example.version) is block for example in driver.examples)


# --- every driver, once -----------------------------------------------------------------------------------------

EXPECTED = """
    prisma prisma-adapter-pg prisma-adapter-neon prisma-adapter-ppg prisma-migrate pg postgres-js neon vercel-postgres bun-sql
    drizzle kysely knex objection slonik pg-promise effect-sql-pg typeorm sequelize mikro-orm supabase-js
    sqlalchemy sqlalchemy-psycopg sqlalchemy-psycopg2 sqlalchemy-asyncpg sqlalchemy-pg8000 sqlmodel flask-sqlalchemy alembic aiopg databases peewee piccolo pony prisma-client-py
    psycopg psycopg-pool psycopg2 asyncpg pg8000 django dj-database-url tortoise
    libpq rails ruby-pg ecto pgx lib-pq database-sql pgjdbc hikaricp npgsql sqlx tokio-postgres diesel pdo laravel
""".split()


@pytest.mark.parametrize("driver_id", EXPECTED)
def test_driver_is_there(driver_id: str) -> None:
    """The catalogue knows it by its id."""
    found = catalogue.driver(driver_id)
    assert found is not None
    assert found.id == driver_id


@pytest.mark.parametrize(
    ("alias", "driver_id"),
    [
        ("node-postgres", "pg"),
        ("@prisma/adapter-pg", "prisma-adapter-pg"),
        ("postgres.js", "postgres-js"),
        ("activerecord", "rails"),
        ("postgrex", "ecto"),
        ("pgxpool", "pgx"),
        ("deadpool", "tokio-postgres"),
        ("r2d2", "diesel"),
        ("spring", "hikaricp"),
        ("psql", "libpq"),
        ("psycopg3", "psycopg"),
    ],
)
def test_alias(alias: str, driver_id: str) -> None:
    """The names people use lead to the right file."""
    found = catalogue.driver(alias)
    assert found is not None
    assert found.id == driver_id


@pytest.mark.parametrize(
    ("package", "driver_id"),
    [
        ("npm:prisma", "prisma"),
        ("npm:@prisma/client", "prisma"),
        ("npm:@prisma/adapter-pg", "prisma-adapter-pg"),
        ("npm:pg", "pg"),
        ("npm:postgres", "postgres-js"),
        ("pypi:sqlalchemy", "sqlalchemy"),
        ("pypi:psycopg2-binary", "psycopg2"),
        ("gem:pg", "ruby-pg"),
        ("go:github.com/jackc/pgx/v5", "pgx"),
        ("maven:org.postgresql:postgresql", "pgjdbc"),
        ("hex:postgrex", "ecto"),
        ("crate:sqlx", "sqlx"),
        ("composer:laravel/framework", "laravel"),
        ("nuget:Npgsql", "npgsql"),
    ],
)
def test_package_names_the_driver(package: str, driver_id: str) -> None:
    """What a manifest lists is found without parsing the files."""
    assert catalogue.drivers_for_packages([package]) == {package: driver_id}


@pytest.mark.parametrize("what", ["names", "packages", "dialects"])
def test_nothing_is_claimed_twice(what: str) -> None:
    """No two drivers share an id, an alias, a package or a dialect."""
    claimed: Counter[str] = Counter()
    for driver in DRIVERS:
        own = {
            "names": (driver.id, *driver.aliases),
            "packages": driver.packages,
            "dialects": driver.dialects,
        }
        claimed.update({name.lower() for name in own[what]})
    assert [name for name, count in claimed.items() if count > 1] == []


# --- what the files say of one another, and of themselves -------------------------------------------------------


def test_references_lead_somewhere() -> None:
    """`over` and `url_read_by` name files, and a reader of URLs has one block that reads for itself."""
    ids = {driver.id for driver in DRIVERS}
    for driver in DRIVERS:
        assert set(driver.over) <= ids - {driver.id}, driver.id
        for block in driver.versions:
            if not block.url_read_by:
                continue
            reader = catalogue.driver(block.url_read_by)
            assert reader is not None, f"{driver.id} reads through {block.url_read_by}"
            assert len(reader.versions) == 1, (
                f"{reader.id}: its version is not known where {driver.id} is found"
            )
            assert not reader.versions[0].url_read_by
            assert reader.versions[0].unknown_params is not None


@pytest.mark.parametrize(("driver", "block"), BLOCKS, ids=_id)
def test_block_is_sound(driver: Driver, block: DriverVersion) -> None:
    """What a block says in one place agrees with what it says in another."""
    reader = reader_of(block)
    known = {param.name for part in (block, reader) if part for param in part.params}
    own = [param.name for param in block.params]
    elsewhere = [name for name, _ in (*block.ignored, *block.rejected)]
    assert len(own + elsewhere) == len(set(own + elsewhere)), "a parameter is in two places"
    assert not block.size_code or "{size}" in block.size_code
    assert not block.unknown_text or "{name}" in block.unknown_text or block.unknown_params == "warned"
    assert not block.unknown_params or block.unknown_params == "ignored" or block.unknown_text
    assert not block.size_param or block.size_param in known
    assert {name for name, _ in block.prepared_off_params} <= known
    assert not block.waits_forever or "for ever" in block.pool_wait
    if block.named_prepared == "yes":
        assert block.prepared_error
        assert block.prepared_off
    if block.migrations_need_direct != "unknown" and driver.id != "libpq":
        assert block.migrations
    for text in (block.exhausted, block.pool, block.pool_wait, block.note, block.migrations):
        assert text == text.strip()


def _params() -> Iterator[tuple[str, DriverParam]]:
    for driver, block in BLOCKS:
        for param in block.params:
            yield driver.id, param


def test_param_values_make_sense() -> None:
    """Bad values are not among the good ones, and a bool or a word has values that fit its type."""
    for driver_id, param in _params():
        where = f"{driver_id}: {param.name}"
        assert not {value for value, _ in param.bad_values} & set(param.values), where
        assert all(what for _, what in param.bad_values), where
        assert param.type != "bool" or not param.values or len(param.values) == 2, where
        assert param.minimum is None or param.type == "int", where
        if param.values and param.default:
            assert param.default in param.values, where


def test_rejected_texts_name_the_parameter() -> None:
    """Of a refused parameter the driver's words name it, or say what Python makes of the text."""
    for driver, block in BLOCKS:
        for name, text in block.rejected:
            python = re.search(
                r"instances of|'str' object|unsupported operand|must be tuple|Dict\[str, str\]", text
            )
            assert name in text or python, f"{driver.id}: {name}: {text}"


# --- one idea, many words ---------------------------------------------------------------------------------------

# Pool size, prepared statements, schema, TLS: each word is right in one driver and wrong in the next.
NEAR_MISSES: list[tuple[str, dict[str, str]]] = [
    ("connection_limit", {
        "prisma@6.19.3": "known", "prisma@7.10.1": "ignored", "prisma-adapter-pg@7.10.1": "ignored",
        "pg@8.23.1": "ignored", "postgres-js@3.4.9": "rejected", "asyncpg@0.32.0": "rejected",
        "psycopg@3.3.9": "rejected", "sqlalchemy@2.1.9": "rejected", "pgx@5.7.1": "rejected",
        "rails@7.2.2": "ignored", "pgjdbc@42.7.5": "ignored", "npgsql@9.0.2": "rejected", "sqlx@0.8.2": "ignored",
        "tokio-postgres@0.7.12": "rejected", "sequelize@6.37.8": "ignored", "ecto@3.12.0": "ignored",
    }),
    ("max", {"postgres-js@3.4.9": "known", "pg@8.23.1": "ignored", "knex@3.3.0": "ignored", "prisma@6.19.3": "ignored"}),
    ("pool_max_conns", {"pgx@5.7.1": "known", "prisma@6.19.3": "ignored", "postgres-js@3.4.9": "rejected"}),
    ("maxsize", {"tortoise@1.1.9": "known", "prisma@6.19.3": "ignored"}),
    ("pool", {"rails@7.2.2": "known", "rails@8.1.0": "known", "knex@3.3.0": "ignored", "ruby-pg@1.5.9": "rejected"}),
    ("Maximum Pool Size", {"npgsql@9.0.2": "known"}),
    ("pool_size", {"ecto@3.12.0": "known", "sqlalchemy@2.1.9": "rejected", "sqlalchemy@2.0.36": "rejected"}),
    ("pgbouncer", {
        "prisma@4.16.2": "known", "prisma@7.10.1": "ignored", "prisma@8.0.0": "ignored", "pg@8.23.1": "ignored",
        "libpq@17.0": "rejected", "psycopg2@2.9.13": "rejected", "django@5.2.19": "rejected",
        "sqlalchemy-asyncpg@2.1.9": "rejected", "tortoise@1.1.9": "rejected", "postgres-js@3.4.9": "rejected",
        "pdo@8.2.0": "rejected", "diesel@2.2.4": "rejected", "laravel@12.1.0": "ignored",
    }),
    ("statement_cache_size", {
        "prisma@6.19.3": "known", "asyncpg@0.32.0": "rejected", "sqlalchemy-asyncpg@2.1.9": "rejected",
        "tortoise@1.1.9": "known", "prisma@7.10.1": "ignored",
    }),
    ("prepare", {"postgres-js@3.4.9": "known", "prisma@6.19.3": "ignored", "pg@8.23.1": "ignored"}),
    ("prepared_statement_cache_size", {"sqlalchemy-asyncpg@2.1.9": "known", "prisma@6.19.3": "ignored"}),
    ("default_query_exec_mode", {"pgx@5.7.1": "known", "lib-pq@1.10.9": "rejected"}),
    ("prepareThreshold", {"pgjdbc@42.7.5": "known", "hikaricp@5.1.0": "known", "prisma@6.19.3": "ignored"}),
    ("statement-cache-capacity", {"sqlx@0.8.2": "known"}),
    ("statement_cache_capacity", {"sqlx@0.8.2": "ignored", "pgx@5.7.1": "known"}),
    ("binary_parameters", {"lib-pq@1.10.9": "known", "pgx@5.7.1": "rejected"}),
    ("prepared_statements", {"rails@7.2.2": "known", "rails@8.1.0": "known"}),
    ("prepare_threshold", {
        "psycopg@3.3.9": "rejected", "sqlalchemy-psycopg@2.1.9": "rejected", "django@5.2.19": "known",
        "dj-database-url@3.1.2": "known",
    }),
    ("schema", {
        "prisma@6.19.3": "known", "prisma@7.10.1": "ignored", "libpq@17.0": "rejected", "asyncpg@0.32.0": "rejected",
        "postgres-js@3.4.9": "rejected", "pgjdbc@42.7.5": "ignored", "tortoise@1.1.9": "known",
    }),
    ("search_path", {
        "asyncpg@0.32.0": "known", "postgres-js@3.4.9": "known", "pgx@5.7.1": "known", "lib-pq@1.10.9": "known",
        "libpq@17.0": "rejected", "prisma@6.19.3": "ignored",
    }),
    ("currentSchema", {"pgjdbc@42.7.5": "known", "prisma@6.19.3": "ignored", "dj-database-url@3.1.2": "known"}),
    ("sslmode", {
        "prisma@6.19.3": "known", "pg@8.23.1": "known", "libpq@17.0": "known", "asyncpg@0.32.0": "known",
        "sqlalchemy@2.1.9": "known", "sqlalchemy-psycopg2@2.0.36": "known", "sqlalchemy-asyncpg@2.1.9": "rejected",
        "sqlalchemy-pg8000@2.1.9": "rejected", "tortoise@1.1.9": "rejected", "ecto@3.12.0": "ignored",
    }),
    ("ssl", {
        "sqlalchemy-asyncpg@2.1.9": "known", "tortoise@1.1.9": "known", "ecto@3.12.0": "known", "libpq@17.0": "known",
        "psycopg2@2.9.13": "known", "sqlalchemy@2.1.9": "rejected", "sqlalchemy-psycopg2@2.0.36": "rejected",
        "asyncpg@0.32.0": "rejected", "django@5.2.19": "rejected", "rails@7.2.2": "ignored",
    }),
    ("channel_binding", {
        "libpq@17.0": "known", "psycopg@3.3.9": "known", "pg@8.23.1": "ignored", "neon@1.2.0": "ignored",
        "postgres-js@3.4.9": "server-setting", "asyncpg@0.32.0": "server-setting",
        "sqlalchemy-asyncpg@2.1.9": "rejected", "pgjdbc@42.7.5": "ignored", "tokio-postgres@0.7.12": "known",
    }),
    ("conn_max_age", {"dj-database-url@3.1.2": "rejected", "django@5.2.19": "known"}),
    ("options", {"asyncpg@0.32.0": "known", "postgres-js@3.4.9": "known", "pg@8.23.1": "known", "libpq@17.0": "known"}),
    ("keepalives_count", {"libpq@17.0": "known", "tokio-postgres@0.7.12": "rejected", "prisma@6.19.3": "ignored"}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("param", "who", "expected"),
    [(param, who, expected) for param, row in NEAR_MISSES for who, expected in row.items()],
)
def test_near_miss(param: str, who: str, expected: str) -> None:
    """The same idea has another word in the next driver, and each file knows which are not its own."""
    driver_id, _, version = who.partition("@")
    assert fate(driver_id, version, param) == expected


@pytest.mark.parametrize(
    ("driver_id", "version", "expected"),
    [
        ("prisma", "6.19.3", "ignored"),
        ("prisma", "7.10.1", "ignored"),
        ("pg", "8.23.1", "ignored"),
        ("postgres-js", "3.4.9", "server-setting"),
        ("asyncpg", "0.32.0", "server-setting"),
        ("pgx", "5.7.1", "server-setting"),
        ("lib-pq", "1.10.9", "server-setting"),
        ("psycopg", "3.3.9", "rejected"),
        ("sqlalchemy", "2.1.9", "rejected"),
        ("sqlalchemy-asyncpg", "2.1.9", "keyword"),
        ("tortoise", "1.1.9", "keyword"),
        ("sqlx", "0.8.2", "warned"),
        ("tokio-postgres", "0.7.12", "rejected"),
        ("pgjdbc", "42.7.5", "ignored"),
        ("npgsql", "9.0.2", "rejected"),
        ("rails", "7.2.2", "ignored"),
        ("bun-sql", "1.3.0", None),
    ],
)
def test_unknown_parameter(driver_id: str, version: str, expected: str | None) -> None:
    """What becomes of a misspelt word; None where nobody looked."""
    assert fate(driver_id, version, "connection_limt") == expected


# --- versions ---------------------------------------------------------------------------------------------------


def test_versions_decide() -> None:
    """Prisma by major; a range over two blocks is not guessed at."""
    assert block_of("prisma", "6.19.3").size_param == "connection_limit"
    assert block_of("prisma", "7.0.0").size_param == ""
    assert block_of("prisma", "7.0.0").url_read_by == "pg"
    caret = catalogue.behaviour("prisma", Version("^6.2.0", (6, 2, 0)))
    assert caret is block_of("prisma", "6.2.0")
    assert catalogue.behaviour("prisma", UNKNOWN_VERSION) is None
    assert catalogue.behaviour("prisma", exactly("3.15.2")) is None
    assert catalogue.behaviour("sqlalchemy", Version(">=2.0", (2, 0))) is None
    assert catalogue.behaviour("laravel", exactly("13.17.0")) is None


def test_prepared_statements_by_version() -> None:
    """The default driver of a plain SQLAlchemy URL changed, and with it who names statements."""
    assert block_of("sqlalchemy", "2.0.36").named_prepared == "no"
    assert block_of("sqlalchemy", "2.1.0").named_prepared == "yes"
    assert block_of("prisma", "6.19.3").named_prepared == "yes"
    assert block_of("prisma", "7.10.1").named_prepared == "no"
    assert block_of("django", "5.2.19").named_prepared == "no"


# --- fate -------------------------------------------------------------------------------------------------------


def _block(**values: object) -> DriverVersion:
    known = block_of("pg", "8.23.1")
    return DriverVersion(when="*", source=known.source, checked=known.checked, **values)  # type: ignore[arg-type]


def test_fate_prefers_its_own_word_to_the_readers() -> None:
    """A block's own lists come first, then what its reader knows, then its own rule for the rest."""
    reader = _block(
        params=(DriverParam(name="a"), DriverParam(name="b")),
        rejected=(("r", "no"),),
        unknown_params="rejected",
    )
    block = _block(ignored=(("a", "not here"),), unknown_params="warned")
    assert block.fate("a", reader) == "ignored"
    assert block.fate("b", reader) == "known"
    assert block.fate("b") == "warned"
    assert block.fate("r", reader) == "warned"
    assert _block().fate("r", reader) == "rejected"
    assert _block().fate("z", reader) == "rejected"
    assert _block().fate("z") is None


def test_fate_folds_names_only_where_told() -> None:
    """Npgsql reads MaxPoolSize and `max pool size` alike; pgJDBC counts case."""
    assert _block(params=(DriverParam(name="Max Pool Size"),), fold_names=True).fate("maxpoolsize") == "known"
    assert _block(params=(DriverParam(name="Max Pool Size"),)).fate("maxpoolsize") is None
    assert fate("pgjdbc", "42.7.5", "preparethreshold") == "ignored"


# --- libpq's words, asked of the libpq that is here -------------------------------------------------------------

LIBPQ = block_of("libpq", "17.0")


def _since(param: DriverParam) -> int:
    """The libpq major that brought the word, 0 when it is older than all here."""
    found = re.search(r"From libpq (\d+)", param.note)
    return int(found[1]) if found else 0


def _complaint(name: str, value: str) -> str:
    try:
        pq.Conninfo.parse(f"postgresql:///db?{name}={value}".encode())
    except psycopg.OperationalError as error:
        return str(error).strip()
    return ""


def test_every_word_of_libpq_is_known() -> None:
    """The running libpq lists its own words; builds hide a few, and none is missing in the file."""
    listed = {option.keyword.decode() for option in pq.Conninfo.get_defaults()}
    assert listed - {param.name for param in LIBPQ.params} - {"authtype", "tty"} == set()


@pytest.mark.parametrize("param", LIBPQ.params, ids=lambda param: param.name)
def test_libpq_takes_the_word(param: DriverParam) -> None:
    """libpq accepts each word in a URL, unless the word is younger than the libpq that is here."""
    if _since(param) > pq.version() // 10000:
        assert _complaint(param.name, "x")
    else:
        assert _complaint(param.name, "true" if param.name == "ssl" else "1") == ""


@pytest.mark.parametrize(("name", "text"), LIBPQ.rejected)
def test_libpq_refuses_the_word(name: str, text: str) -> None:
    """And refuses the others in exactly the words of the file."""
    assert _complaint(name, "true") == text


def test_libpq_refuses_what_it_does_not_know() -> None:
    """The text for any other word."""
    assert _complaint("foo", "1") == LIBPQ.unknown_text.replace("{name}", "foo")


@pytest.mark.parametrize(
    "param",
    [param for param in LIBPQ.params if param.values and param.name != "ssl"],
    ids=lambda param: param.name,
)
def test_libpq_takes_these_values_and_no_others(param: DriverParam) -> None:
    """Values are checked by libpq itself before it dials; port 1 refuses at once."""
    if _since(param) > pq.version() // 10000:
        pytest.skip(f"libpq {pq.version() // 10000} does not know {param.name}")

    def complaint(value: str) -> str:
        conn = pq.PGconn.connect(f"host=127.0.0.1 port=1 connect_timeout=2 {param.name}={value}".encode())
        message = conn.error_message.decode()
        conn.finish()
        return message

    for value in param.values:
        assert f'invalid {param.name} value: "{value}"' not in complaint(value)
    assert f'invalid {param.name} value: "nonsense"' in complaint("nonsense")
