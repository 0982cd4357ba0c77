"""Limits that SQL of the project gives a role, a database or the server: held against what those clients ask for."""

from pathlib import Path

import pytest

from poolcheck.capacity.asked import rows
from poolcheck.config.settings import Config
from tests.commands.running import poolcheck
from tests.project.mapping.test_never_lost import map_of
from tests.rules.projects import write

PROGRAM = {
    "package.json": '{"name": "api", "dependencies": {"pg": "8.13.0"}}',
    "src/db.js": "const { Pool } = require('pg')\nmodule.exports = new Pool({ connectionString: process.env.DATABASE_URL, max: 10 })\n",
}


def compose(
    user: str,
    *,
    replicas: int = 4,
    mount: str = "./init:/docker-entrypoint-initdb.d:ro",
    command: str = "postgres",
    host: str = "db",
) -> dict[str, str]:
    """A database, and a program that logs in as `user`."""
    text = (
        f"services:\n  db:\n    image: postgres:17\n    command: {command}\n    environment: {{POSTGRES_USER: owner, POSTGRES_PASSWORD: x}}\n"
        f"    volumes: ['{mount}', 'data:/var/lib/postgresql/data']\n"
        f"  api:\n    build: .\n    deploy: {{replicas: {replicas}}}\n    environment: {{DATABASE_URL: 'postgres://{user}:s3cret@{host}:5432/shop'}}\n"
    )
    return {**PROGRAM, "compose.yml": text}


def said(files: dict[str, str]) -> dict[str, str]:
    """Every row, as `name: asked of usable: verdict`."""
    made = rows(map_of(files, Config()))
    return {each.name: f"{each.deploy.most} of {each.capacity}: {each.verdict}" for each in made}


@pytest.mark.parametrize(
    ("sql", "row"),
    [
        ("CREATE ROLE app LOGIN CONNECTION LIMIT 20;", {"role app of db": "40 of 20: does not fit"}),
        ("CREATE ROLE app LOGIN CONNECTION LIMIT 40;", {"role app of db": "40 of 40: fits"}),
        ("CREATE ROLE app LOGIN CONNECTION LIMIT 20; ALTER ROLE app CONNECTION LIMIT -1;", {}),
        ("ALTER DATABASE shop CONNECTION LIMIT 30;", {"database shop of db": "40 of 30: does not fit"}),
        ("CREATE ROLE jobs LOGIN CONNECTION LIMIT 2; CREATE DATABASE other CONNECTION LIMIT 2;", {}),
        ("ALTER ROLE owner CONNECTION LIMIT 2;", {}),
        ("ALTER SYSTEM SET max_connections = 30;", {"db": "40 of 27: does not fit"}),
    ],
)
def test_a_script_of_the_first_start(sql: str, row: dict[str, str]) -> None:
    """What it says of those who connect, and of nobody else."""
    assert said({**compose("app"), "init/01.sql": sql}) == {"db": "40 of 97: fits", **row}


def test_superusers_have_no_limit() -> None:
    """The role that the image makes is one: neither its own limit nor the database's holds."""
    sql = "ALTER ROLE owner CONNECTION LIMIT 2; ALTER DATABASE shop CONNECTION LIMIT 3;"

    assert said({**compose("owner"), "init/01.sql": sql}) == {"db": "40 of 97: fits"}


def test_the_command_line_wins() -> None:
    """`-c` comes before postgresql.auto.conf, where ALTER SYSTEM writes: https://www.postgresql.org/docs/current/config-setting.html."""
    files = compose("app", command="postgres -c max_connections=200")

    assert said({**files, "init/01.sql": "ALTER SYSTEM SET max_connections = 30;"}) == {
        "db": "40 of 197: fits"
    }


@pytest.mark.parametrize(
    "mount", ["./init/01.sql:/docker-entrypoint-initdb.d/01.sql", "./init/:/docker-entrypoint-initdb.d"]
)
def test_one_file_or_a_folder(mount: str) -> None:
    """Both are mounted."""
    files = compose("app", mount=mount)

    assert (
        said({**files, "init/01.sql": "CREATE ROLE app CONNECTION LIMIT 5;"})["role app of db"]
        == "40 of 5: does not fit"
    )


HOST = "postgresql://app:s3cret@pg.acme.dev/shop\n"


@pytest.mark.parametrize(
    ("env", "row"),
    [
        ({".env.production": f"DATABASE_URL={HOST}"}, "role app of pg.acme.dev"),
        ({".env.production": f"DATABASE_URL={HOST}REPORTS_URL={HOST.replace('pg.', 'reports.')}"}, ""),
    ],
)
def test_a_migration(env: dict[str, str], row: str) -> None:
    """It is for the only server that a string of that user leads to; of two nobody knows which."""
    code = (
        PROGRAM["src/db.js"].replace("max: 10", "max: 30")
        + "\nnew Pool({ connectionString: process.env.REPORTS_URL, max: 1 })\n"
    )
    files = {
        **PROGRAM,
        **env,
        "src/db.js": code,
        "migrations/007_limit.sql": "ALTER ROLE app CONNECTION LIMIT 25;",
    }
    made = map_of(files, Config(max_connections=100, instances=1))

    assert [each.name for each in rows(made) if each.cap] == ([row] if row else [])


PGBOUNCER = "[databases]\nshop = host=db port=5432 {user}\n[pgbouncer]\nlisten_port = 6432\nauth_file = users.txt\npool_mode = transaction\ndefault_pool_size = 25\nmax_client_conn = 500\n"


@pytest.mark.parametrize(
    ("user", "row"),
    [("", {"role app of db": "25 of 20: does not fit"}), ("user=pool", {})],
)
def test_through_a_pooler(user: str, row: dict[str, str]) -> None:
    """A pooler logs in as its clients do, unless its file names somebody else."""
    files = compose("app", host="pgbouncer")
    files["compose.yml"] += (
        "  pgbouncer:\n    image: edoburu/pgbouncer\n    volumes: ['./pgbouncer.ini:/etc/pgbouncer/pgbouncer.ini']\n"
    )
    made = said(
        {
            **files,
            "pgbouncer.ini": PGBOUNCER.format(user=user),
            "init/01.sql": "CREATE ROLE app CONNECTION LIMIT 20;",
        }
    )

    assert {name: words for name, words in made.items() if "role" in name} == row


def test_the_gate_says_it_with_numbers_and_places(tmp_path: Path) -> None:
    """The sum, the limit and the line that sets it; a part that is full to the last connection passes."""
    write(tmp_path, {**compose("app"), "init/01.sql": "\nCREATE ROLE app LOGIN CONNECTION LIMIT 20;\n"})

    full = poolcheck("gate", ".", cwd=tmp_path)
    (tmp_path / "init/01.sql").write_text("CREATE ROLE app LOGIN CONNECTION LIMIT 40;")
    fits = poolcheck("gate", ".", cwd=tmp_path)
    fix = poolcheck("fix", ".", cwd=tmp_path)

    assert full.code == 1
    assert "20 are allowed (CONNECTION LIMIT 20" in " ".join(full.out.split())
    assert "(init/01.sql:2)" in full.out
    assert fits.code == 0, fits.out
    assert "s3cret" not in full.out + fits.out + fix.out
