"""Limits of roles and databases in SQL: what a real server makes of a script is what is read."""

import pytest

from poolcheck.readers.sql_limits import SqlLimit, read
from tests.servers import Postgres

SCRIPTS = (
    "CREATE ROLE lim_a LOGIN CONNECTION LIMIT 20;",
    "create user lim_a with password 'CONNECTION LIMIT 3' connection limit 21",
    "CREATE ROLE lim_a; ALTER ROLE lim_a CONNECTION LIMIT 7; ALTER USER lim_a WITH CONNECTION LIMIT 8;",
    'CREATE ROLE lim_a CONNECTION LIMIT 9; ALTER ROLE "lim_a" CONNECTION LIMIT -1;',
    "DO $$ BEGIN IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'lim_a') THEN CREATE ROLE lim_a LOGIN CONNECTION LIMIT 12; END IF; END $$;",
    "DO LANGUAGE plpgsql $x$ BEGIN CREATE ROLE lim_a; ALTER ROLE lim_a CONNECTION LIMIT 13; END $x$;\nALTER ROLE lim_a CONNECTION LIMIT 14;",
    "ALTER ROLE lim_b CONNECTION LIMIT 5; CREATE ROLE lim_a -- CONNECTION LIMIT 1\n  NOLOGIN /* CONNECTION LIMIT 2 */ CONNECTION LIMIT 15;",
    "CREATE ROLE lim_a;\nCREATE FUNCTION pg_temp.f() RETURNS void LANGUAGE sql AS $$ ALTER ROLE lim_a CONNECTION LIMIT 6 $$;",
    "CREATE ROLE LIM_A CONNECTION\n  LIMIT   16;",
    "CREATE ROLE lim_a; COMMENT ON ROLE lim_a IS 'ALTER ROLE lim_a CONNECTION LIMIT 17;';",
)


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_role_has_what_the_server_says(postgres: Postgres, script: str) -> None:
    """The last word of each script, and none of what it only quotes."""
    postgres.execute("DROP ROLE IF EXISTS lim_a", "DROP ROLE IF EXISTS lim_b", "CREATE ROLE lim_b")
    try:
        postgres.execute(script)
        ((told,),) = postgres.execute("SELECT rolconnlimit FROM pg_roles WHERE rolname = 'lim_a'")
    finally:
        postgres.execute("DROP ROLE IF EXISTS lim_a", "DROP ROLE IF EXISTS lim_b")

    said = [each.number for each in read(script, "roles.sql") if each.name == "lim_a"]

    assert (said[-1] if said else None) == (None if told == -1 else told)


def only(text: str, path: str = "db/001.sql") -> list[tuple[str, str, int | None, int | None]]:
    """What is read of a file, with its line."""
    return [(each.kind, each.name, each.number, each.location.line) for each in read(text, path)]


def test_databases_and_the_server() -> None:
    """With their lines; words in quotes as PostgreSQL takes them."""
    text = "CREATE DATABASE shop\n  OWNER app CONNECTION LIMIT = 50;\nALTER DATABASE \"Shop\" WITH CONNECTION LIMIT 40;\n\nALTER SYSTEM SET max_connections = '300';\nALTER SYSTEM SET max_connections TO 200;"

    assert only(text) == [
        ("database", "shop", 50, 1),
        ("database", "Shop", 40, 3),
        ("server", "", 300, 5),
        ("server", "", 200, 6),
    ]


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("ALTER ROLE app CONNECTION LIMIT 5;", "migrations/003_limit.down.sql"),
        ("ALTER ROLE app CONNECTION LIMIT 5;", "db/rollback/003.sql"),
        ("SELECT 1;\n-- +goose Down\nALTER ROLE app CONNECTION LIMIT 5;", "migrations/003.sql"),
        (
            "-- migrate:up\nSELECT 1;\n-- migrate:down\nALTER ROLE app CONNECTION LIMIT 5;",
            "migrations/003.sql",
        ),
        ("ALTER ROLE :app CONNECTION LIMIT 5;", "init.sql"),
        ("ALTER ROLE app CONNECTION LIMIT :n;", "init.sql"),
        ("SELECT format('ALTER ROLE %I CONNECTION LIMIT 5', current_user);", "init.sql"),
        ("# psql -c 'ALTER ROLE app CONNECTION LIMIT 5'", "init.sh"),
        ('psql -c "CREATE ROLE $APP CONNECTION LIMIT 5"', "init.sh"),
        ('psql -c "ALTER ROLE app CONNECTION LIMIT $N"', "init.sh"),
    ],
)
def test_what_is_not_read(text: str, path: str) -> None:
    """What undoes a migration, and what something else fills in."""
    assert read(text, path) == ()


def test_a_script_of_the_shell() -> None:
    """What it hands to psql, over several lines too."""
    text = "set -e\npsql -v ON_ERROR_STOP=1 <<-EOSQL\n  CREATE USER app PASSWORD 'it''s'\n    CONNECTION LIMIT 20;\nEOSQL\npsql -c \"ALTER SYSTEM SET max_connections = 90\"\n"

    assert read(text, "initdb/01.sh")[0] == SqlLimit(
        "role", "app", 20, read(text, "initdb/01.sh")[0].location
    )
    assert only(text, "initdb/01.sh") == [("role", "app", 20, 3), ("server", "", 90, 6)]


def test_linear() -> None:
    """A megabyte of beginnings that never end."""
    assert read("ALTER ROLE app " * 60_000 + "CONNECTION LIMIT", "x.sql") == ()
    assert read("DO $$ " * 100_000 + "CONNECTION LIMIT", "x.sql") == ()
    assert only("CREATE ROLE app " + "x " * 400_000 + " CONNECTION LIMIT 4;") == [("role", "app", 4, 1)]
