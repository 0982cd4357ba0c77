"""The pool of one process as the source writes it: each driver's own option, and nothing where it is hidden."""

from pathlib import Path

import pytest

from poolcheck.errors import NothingToCheck
from tests.rules.projects import compose, run

URL = "process.env.DATABASE_URL"
KNEX = "import knex from 'knex'\nexport const db = knex({ client: 'pg', connection: URL, POOL })\n"
SEQUELIZE = "import { Sequelize } from 'sequelize'\nexport const db = new Sequelize(URL, { dialect: 'postgres', POOL })\n"
TYPEORM = "import { DataSource } from 'typeorm'\nexport const db = new DataSource({ type: 'postgres', url: URL, POOL })\n"
DRIZZLE = "import { drizzle } from 'drizzle-orm/node-postgres'\nexport const db = drizzle({ POOL })\n"


@pytest.mark.parametrize(
    ("npm", "text", "pool", "per"),
    [
        ("knex@3.1.0", KNEX, "pool: { min: 0, max: 7 }", "7"),
        ("knex@3.1.0", KNEX, "debug: true", "10"),
        ("knex@3.1.0", KNEX, "pool: { min: 0 }", "10"),
        ("knex@3.1.0", KNEX, "pool: pools.web", ""),
        ("knex@3.1.0", KNEX, "pool: { ...shared, min: 0 }", ""),
        ("knex@3.1.0", KNEX, "pool: { max: SIZE }", ""),
        ("sequelize@6.37.8", SEQUELIZE, "pool: { max: 7 }", "7"),
        ("sequelize@6.37.8", SEQUELIZE, "logging: false", "5"),
        ("typeorm@1.1.1", TYPEORM, "poolSize: 7", "7"),
        ("typeorm@1.1.1", TYPEORM, "extra: { max: 7 }", "7"),
        ("drizzle-orm@0.45.4", DRIZZLE, "connection: { connectionString: URL, max: 7 }", "7"),
        ("drizzle-orm@0.45.4", DRIZZLE, "connection: URL", "10"),
    ],
)
def test_size_in_the_source(
    npm: str, text: str, pool: str, per: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """40 containers times what one process may open; "": not known, and so no sum."""
    code = text.replace("POOL", pool).replace("URL", URL)
    files = {"docker-compose.yml": compose(40), "src/db.ts": code}
    try:
        report = run(files, f"npm:{npm} npm:pg@8.16.0 server", tmp_path, monkeypatch)
        said = [finding.message for finding in report.findings if finding.rule.id == "PC601"]
    except NothingToCheck:
        said = []

    assert [f"web 40 x {per} = " in message for message in said] == ([True] if per else [])
