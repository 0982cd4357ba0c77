"""Options of pools in another driver's words, in the wrong place, and misspelt; by driver."""

from pathlib import Path

import pytest

from poolcheck.model.report import Report
from tests.rules.source_examples import look

NPM = "npm=pg@8.16.0,postgres@3.4.7,knex@3.1.0,sequelize@6.37.0,typeorm@0.3.27,slonik@48.0.0,@prisma/adapter-pg@7.2.0,@prisma/client@7.2.0"
PG = "import { Pool } from 'pg'\nexport const pool = new Pool({ connectionString: process.env.DATABASE_URL, OPTIONS })\n"
JS = "import postgres from 'postgres'\nexport const sql = postgres(process.env.DATABASE_URL, { OPTIONS })\n"
KNEX = "import knex from 'knex'\nexport const db = knex({ client: 'pg', connection: { connectionString: process.env.DATABASE_URL, INNER }, OPTIONS })\n"
SEQUELIZE = "import { Sequelize } from 'sequelize'\nexport const db = new Sequelize(process.env.DATABASE_URL, { dialect: 'postgres', OPTIONS })\n"
TYPEORM = "import { DataSource } from 'typeorm'\nexport const db = new DataSource({ type: 'postgres', url: process.env.DATABASE_URL, OPTIONS })\n"
SLONIK = "import { createPool } from 'slonik'\nexport const pool = await createPool(process.env.DATABASE_URL, { OPTIONS })\n"
ADAPTER = "import { PrismaPg } from '@prisma/adapter-pg'\nexport const adapter = new PrismaPg(OPTIONS)\n"


def told(code: str, folder: Path, patch: pytest.MonkeyPatch, rule: str = "PC425") -> list[str]:
    """Message, title and line of each finding."""
    report: Report | None = look(code, "typescript", f"file=src/db.ts {NPM}", folder, patch)
    found = [each for each in report.findings if each.rule.id == rule] if report else []
    return [" | ".join((each.message, each.fix.title, *each.fix.lines) if each.fix else ()) for each in found]


@pytest.mark.parametrize(
    ("code", "options", "words"),
    [
        (PG, "connection_limit: 5", "new Pool does not read the option connection_limit. | Write max | max: 5,"),
        (PG, "pool: { max: 7 }", "new Pool does not read the option pool.max. | Write max | max: 7,"),
        (PG, "acquireTimeoutMillis: 5000", "acquireTimeoutMillis. | Write connectionTimeoutMillis, and mind its unit"),
        (PG, "connectionTimeoutMilis: 5000", "connectionTimeoutMilis. | Write connectionTimeoutMillis, and mind its unit"),
        (JS, "max_connections: Number(process.env.POOL ?? 5)", "postgres does not read the option max_connections. | Write max"),
        (JS, "idleTimeoutMillis: 1000", "idleTimeoutMillis. | Write idle_timeout, and mind its unit"),
        (KNEX, "max: 4", "knex does not read the option max. | Write pool.max | pool: { max: 4 },"),
        (KNEX.replace("INNER", "max: 4"), "", "knex does not read the option connection.max. | Write pool.max | pool: { max: 4 },"),
        (SEQUELIZE, "pool: { maxConnections: 9 }", "pool.maxConnections. | Write pool.max | pool: { max: 9 },"),
        (SEQUELIZE, "pool: { max: 9, acquireTimeoutMillis: 100 }", "pool.acquireTimeoutMillis. | Write pool.acquire, and mind its unit"),
        (TYPEORM, "extra: { connectionLimit: 3 }", "extra.connectionLimit. | Write poolSize | poolSize: 3,"),
        (SLONIK, "max: 3", "createPool does not read the option max. | Write maximumPoolSize | maximumPoolSize: 3,"),
    ],
)  # fmt: skip
def test_not_read(
    code: str, options: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The option that was meant, and its line where nothing has to be converted."""
    (found,) = told(code.replace("OPTIONS", options).replace("INNER", ""), tmp_path, monkeypatch)

    assert found.endswith(words)


@pytest.mark.parametrize(
    ("code", "options"),
    [
        (PG, "max: 5, connectionLimit: 5"),
        (PG, "poolSize: 5"),
        (PG, "idle_in_transaction_session_timeout: 1000, statement_timeout: 1000, maxUses: 7, allowExitOnIdle: true"),
        (JS, "max: 5, max_pipeline: 1, connect_timeout: 3, idle_timeout: 20"),
        (KNEX, "pool: { min: 0, max: 4, acquireTimeoutMillis: 3000 }, acquireConnectionTimeout: 3000"),
        (SEQUELIZE, "pool: { max: 4, min: 0, acquire: 3000, idle: 1000, evict: 1000 }"),
        (TYPEORM, "extra: { max: 4, connectionTimeoutMillis: 3000, idleTimeoutMillis: 1000 }"),
        (TYPEORM, "poolSize: 4, connectTimeoutMS: 3000, maxQueryExecutionTime: 100"),
        (SLONIK, "maximumPoolSize: 4, minimumPoolSize: 1, idleInTransactionSessionTimeout: 100"),
    ],
)  # fmt: skip
def test_read(code: str, options: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the driver reads, and a stray word beside what it reads."""
    assert told(code.replace("OPTIONS", options).replace("INNER", ""), tmp_path, monkeypatch) == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("{ connectionString: url }, { pool: { max: 2 } }", "`pool: { max }` in its second argument"),
        ("{ connectionString: url }, { max: 2, schema: 'app' }", "`max` in its second argument"),
        ("{ connectionString: url, pool: { max: 15 } }", "`pool: { max }` in its first argument"),
        ("{ connectionString: url, connectionLimit: 2 }", "`connectionLimit` in its first argument"),
    ],
)
def test_adapters(options: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Prisma's adapter takes the pool's options in its first argument alone."""
    code = ADAPTER.replace("OPTIONS", options.replace("url", "process.env.DATABASE_URL"))
    (found,) = told(code, tmp_path, monkeypatch, "PC410")

    assert words in found


@pytest.mark.parametrize(
    "options",
    [
        "{ connectionString: process.env.DATABASE_URL, max: 2, poolSize: 3 }, { schema: 'app', disposeExternalPool: true }",
        "new Pool({ connectionString: process.env.DATABASE_URL, max: 2 }), { schema: 'app' }",
    ],
)
def test_adapters_are_fine(options: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Options of node-postgres, or its pool."""
    code = "import { Pool } from 'pg'\n" + ADAPTER.replace("OPTIONS", options)

    assert told(code, tmp_path, monkeypatch, "PC410") == []
