"""JavaScript: what is sent to a pool and belongs on one connection."""

import pytest

from tests.readers.javascript.test_source import read

PG = "import { Pool, Client } from 'pg'\nconst pool = new Pool()\n"
PRISMA = "import { PrismaClient } from '@prisma/client'\nconst prisma = new PrismaClient()\n"
SQL = "import { sql } from 'drizzle-orm'\n"

WRONG = {
    "BEGIN": (PG, "await pool.query('BEGIN')", "begin"),
    "begin, in small letters": (PG, "await pool.query('begin transaction isolation level serializable')", "begin"),
    "START TRANSACTION": (PG, "await pool.query(`START TRANSACTION`)", "begin"),
    "BEGIN and more": (PG, "await pool.query('BEGIN; update a set b = 1')", "begin"),
    "an object": (PG, "await pool.query({ text: 'BEGIN' })", "begin"),
    "a promise chain": (PG, "return pool.query('BEGIN').then(() => 1)", "begin"),
    "a field": ("import { Pool } from 'pg'\nclass A { constructor(private readonly db: Pool) {}\nasync f() { await this.db.query('BEGIN') } }", "", "begin"),
    "a field by its name": ("class A { async f() { await this.pool.query('BEGIN') } }", "", "begin"),
    "a getter": ("import { getPool } from './db'", "await getPool().query('BEGIN')", "begin"),
    "a parameter": ("", "const f = async (pool) => { await pool.query('BEGIN') }", "begin"),
    "a parameter by its type": ("import { Pool } from 'pg'", "const f = async (db: Pool) => { await db.query('BEGIN') }", "begin"),
    "a helper of the file": (PG + "const query = (t: string) => pool.query(t)\n", "await query('BEGIN')", "begin"),
    "Prisma": (PRISMA, "await prisma.$executeRawUnsafe('BEGIN')", "begin"),
    "Prisma made by a function": ("import { PrismaClient } from '@prisma/client'\nconst make = () => new PrismaClient()\nconst db = globalThis.db || make()\n", "await db.$executeRaw`SET search_path TO a`", "state"),
    "Drizzle on a pool": (PG + SQL + "import { drizzle } from 'drizzle-orm/node-postgres'\nconst db = drizzle(pool)\n", "await db.execute(sql`BEGIN`)", "begin"),
    "Knex": ("const knex = require('knex')({ client: 'pg' })\n", "await knex.raw('BEGIN')", "begin"),
    "Sequelize": ("import { Sequelize } from 'sequelize'\nconst db = new Sequelize('postgres://db/app')\n", "await db.query('BEGIN')", "begin"),
    "TypeORM": ("import { DataSource } from 'typeorm'\nconst source = new DataSource({ type: 'postgres' })\n", "await source.query('BEGIN')", "begin"),
    "postgres.js": ("import postgres from 'postgres'\nconst sql = postgres()\n", "await sql`SET search_path TO a`", "state"),
    "SET ROLE": (PG, "await pool.query('SET ROLE app')", "state"),
    "set_config(.., false)": (PG, "await pool.query(`select set_config('a.b', $1, false)`, [1])", "state"),
    "LISTEN": (PG, "await pool.query('LISTEN jobs')", "state"),
    "a lock": (PG, "await pool.query('select pg_try_advisory_lock(1)')", "state"),
    "SET LOCAL": (PG, "await pool.query('SET LOCAL statement_timeout = 1')", "local"),
    "set_config(.., true)": (PG, "await pool.query(\"SELECT set_config('app.tenant', $1, true)\", [1])", "local"),
}  # fmt: skip
RIGHT = {
    "a whole transaction in one string": (PG, "await pool.query('BEGIN; update a set b = 1; COMMIT')"),
    "one connection": (PG, "const client = await pool.connect()\nawait client.query('BEGIN')"),
    "a connection that is called pool": (PG, "const f = async () => { const pool = await other.connect(); await pool.query('BEGIN') }"),
    "a connection by its type": (PG, "const f = async (pool: PoolClient) => { await pool.query('BEGIN') }"),
    "a client of its own": ("import { Client } from 'pg'\nconst db = new Client()\n", "await db.query('BEGIN')"),
    "a pool of one": ("import { Pool } from 'pg'\nconst pool = new Pool({ max: 1 })\n", "await pool.query('BEGIN')"),
    "another variable of that name": (PG, "await pool2.transaction(async (pool) => { await run(async (db) => { await db.query('SET LOCAL a = 1') }) })"),
    "an unknown object": ("", "await db.query('BEGIN')"),
    "an array for one transaction": (PRISMA, "await prisma.$transaction([prisma.$executeRaw`SET LOCAL a = 1`, prisma.a.findMany()])"),
    "not sent yet": (PRISMA, "const first = prisma.$executeRaw`SET LOCAL a = 1`"),
    "Prisma's transaction": (PRISMA, "await prisma.$transaction(async (tx) => { await tx.$executeRaw`SET LOCAL a = 1` })"),
    "a transaction of that name": (PRISMA, "await prisma.$transaction(async (prisma) => { await prisma.$executeRaw`SET LOCAL a = 1` })"),
    "with its transaction": ("import { Sequelize } from 'sequelize'\nconst db = new Sequelize('postgres://db/app')\n", "await db.query('SET LOCAL a = 1', { transaction })"),
    "an event of the pool": (PG, "pool.on('connect', (client) => { client.query('SET a = 1') })"),
    "RESET": (PG, "await pool.query('RESET ALL')"),
    "SET inside of an update": (PG, "await pool.query('UPDATE a SET b = 1')"),
    "a function's body": (PG, "await pool.query('CREATE FUNCTION f() RETURNS void BEGIN ATOMIC SELECT 1; END')"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_sent_to_a_pool(name: str) -> None:
    """Whatever the pool is called and however it is reached."""
    before, code, kind = WRONG[name]

    found = read(f"{before}\nexport async function work() {{ {code} }}").misuses

    assert [each.kind for each in found] == [kind]


@pytest.mark.parametrize("name", RIGHT)
def test_sent_to_one_connection(name: str) -> None:
    """Or to something that is not known to be a pool, or that is sent as one transaction."""
    before, code = RIGHT[name]

    assert not read(f"{before}\nexport async function work() {{ {code} }}").misuses


def test_an_unlock_is_said_with_its_lock() -> None:
    """The lock alone; an unlock without one is said itself."""
    lock, unlock = (
        "await pool.query('select pg_advisory_lock(1)')",
        "await pool.query('select pg_advisory_unlock(1)')",
    )

    both = read(f"{PG}export async function f() {{ {lock}\n{unlock} }}").misuses
    one = read(f"{PG}export async function f() {{ {unlock} }}").misuses

    assert [each.line for each in both] == [3]
    assert len(one) == 1
