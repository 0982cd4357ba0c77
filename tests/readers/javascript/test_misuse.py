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


LOST = {
    "a callback": "pool.connect((err, client, release) => { client.query('x', (e, r) => { done(e, r) }) })",
    "a callback without names": "pool.connect((err) => { console.log('connected') })",
    "awaited by nobody": "await pool.connect()\nconsole.log('connected')",
    "then without a name": "pool.connect().then(() => console.log('connected'))",
    "then that does not release": "pool.connect().then((c) => c.query('x'))",
}
KEPT = {
    "a callback that releases": "pool.connect((err, client, release) => { client.query('x', () => { release() }) })",
    "a callback with done": "pool.connect(function (err, client, done) { if (err) return done(err); go(client, done) })",
    "client.release()": "pool.connect((err, client) => { client.query('x', () => client.release()) })",
    "a callback that hands it on": "pool.connect((err, client) => { next(client) })",
    "then that releases": "pool.connect().then((c) => c.query('x').finally(() => c.release()))",
    "a client of its own": "await client.connect()",
    "another library": "socket.connect(() => 1)",
    "given on": "return pool.connect()",
}


@pytest.mark.parametrize("code", LOST.values(), ids=LOST)
def test_nobody_gives_it_back(code: str) -> None:
    """A connection without a name, or that a callback keeps."""
    found = read(f"{PG}const client = new Client()\nexport async function f(done) {{ {code} }}").checkouts

    assert [each.returned for each in found] == ["no"]


@pytest.mark.parametrize("code", KEPT.values(), ids=KEPT)
def test_somebody_gives_it_back(code: str) -> None:
    """The callback, or whoever gets it."""
    assert (
        read(f"{PG}const client = new Client()\nexport async function f(done) {{ {code} }}").checkouts == ()
    )


MODELS = {
    "sequelize": ("npm:sequelize", "await sequelize.transaction(async (t) => { const a = await Result.findOne({ where: { id } }); await Result.update(a, { transaction: t }) })"),
    "sequelize, of an object": ("npm:sequelize", "await db.sequelize.transaction(async (t) => { await models.Result.create(row) })"),
    "sequelize, returned": ("npm:sequelize", "await sequelize.transaction((t) => { return Result.create(row) })"),
    "objection": ("npm:objection", "await Quote.transaction(async (trx) => { const r = await Receiver.query().findById(id); await Quote.query(trx).insert(r) })"),
    "objection, by knex": ("npm:objection", "await knex.transaction(async (trx) => { await Receiver.query().where('id', id) })"),
}  # fmt: skip
MODELS_WITH_IT = {
    "sequelize": "await sequelize.transaction(async (t) => { await Result.findOne({ where: { id }, transaction: t }) })",
    "sequelize, options": "await sequelize.transaction(async (t) => { const options = { transaction: t }; await Result.create(row, options) })",
    "sequelize, options that are given it": "await sequelize.transaction(async (t) => { options.transaction = t; await Result.create(row, options) })",
    "sequelize, not awaited": "await sequelize.transaction(async (t) => { log(Result.create(row)) })",
    "behind it": "await sequelize.transaction(async (t) => { await Result.create(row, { transaction: t }) }); await Result.findOne({})",
    "a table of the transaction": "await prisma.$transaction(async (tx) => { await tx.Result.create({ data }) })",
    "what JavaScript has": "await sequelize.transaction(async (t) => { const o = await Object.create(null) })",
    "objection": "await Quote.transaction(async (trx) => { await Receiver.query(trx).findById(id) })",
    "objection, transacting": "await Quote.transaction(async (trx) => { await Receiver.query().transacting(trx).findById(id) })",
    "objection, bound": "await Quote.transaction(async (trx) => { const Bound = Receiver.bindKnex(trx); await Bound.query().findById(id) })",
}  # fmt: skip


@pytest.mark.parametrize(("package", "code"), MODELS.values(), ids=MODELS)
def test_a_model_inside_a_transaction(package: str, code: str) -> None:
    """A model's query without the transaction takes another connection: it counts where the ORM is asked for."""
    assert [(each.kind, each.package) for each in read(code).misuses] == [("inside", package)]


@pytest.mark.parametrize("code", MODELS_WITH_IT.values(), ids=MODELS_WITH_IT)
def test_a_model_that_is_given_the_transaction(code: str) -> None:
    """In whichever way it is handed over."""
    assert read(code).misuses == ()


INSIDE = {
    "Prisma": PRISMA + "export const f = () => prisma.$transaction(async (tx) => { await prisma.a.create({}) })",
    "Prisma in a class": "class A { constructor(private prisma: PrismaService) {}\nf() { return this.prisma.$transaction(async (tx) => { await this.prisma.a.create({}) }) } }",
    "Drizzle": PG + "import { drizzle } from 'drizzle-orm/node-postgres'\nconst db = drizzle(pool)\nexport const f = () => db.transaction(async (tx) => { await tx.insert(a); return db.insert(b) })",
    "Knex": "const knex = require('knex')({ client: 'pg' })\nexports.f = () => knex.transaction(async (trx) => { await knex('a').insert({}) })",
    "postgres.js": "import postgres from 'postgres'\nconst sql = postgres()\nexport const f = () => sql.begin(async (tx) => { await sql`select 1` })",
    "Kysely": "export const f = (db) => db.transaction().execute(async (trx) => { await db.insertInto('a').values({}).execute() })",
    "Sequelize": "import { Sequelize } from 'sequelize'\nconst db = new Sequelize('postgres://db/app')\nexport const f = () => db.transaction(async (t) => { await db.query('x') })",
    "TypeORM": "import { DataSource } from 'typeorm'\nconst source = new DataSource({ type: 'postgres' })\nexport const f = () => source.transaction(async (manager) => { await source.getRepository(A).save(a) })",
    "pg-promise": "const pgp = require('pg-promise')()\nconst db = pgp('postgres://db/app')\nexports.f = () => db.tx(async (t) => { await db.any('x') })",
    "several at once": PRISMA + "export const f = () => prisma.$transaction(async (tx) => { await Promise.all([tx.a.count(), prisma.b.count()]) })",
    "another transaction": PRISMA + "export const f = () => prisma.$transaction(async (tx) => { await prisma.$transaction(async (other) => { await other.a.count() }) })",
    "a function of the file": PRISMA + "const log = async (x) => { await prisma.log.create({ data: x }) }\nexport const f = () => prisma.$transaction(async (tx) => { await log(1) })",
    "a client": PG + "export async function f() { const c = await pool.connect()\ntry { await c.query('BEGIN'); await pool.query('x'); await c.query('COMMIT') } catch (e) { await c.query('ROLLBACK') } finally { c.release() } }",
    "a transaction as an object": "const knex = require('knex')({ client: 'pg' })\nexports.f = async () => { const trx = await knex.transaction()\ntry { await knex('a').insert({}); await trx.commit() } catch (e) { await trx.rollback() } }",
}  # fmt: skip
OUTSIDE = {
    "its own client": PRISMA + "export const f = () => prisma.$transaction(async (tx) => { await tx.a.create({}) })",
    "the same name": PRISMA + "export const f = () => prisma.$transaction(async (prisma) => { await prisma.a.create({}) })",
    "nobody waits": PRISMA + "export const f = () => prisma.$transaction(async (tx) => { void prisma.log.create({}) })",
    "before and behind": PRISMA + "export const f = async () => { await prisma.a.count(); await prisma.$transaction(async (tx) => { await tx.a.count() }); await prisma.a.count() }",
    "given the transaction": "const knex = require('knex')({ client: 'pg' })\nexports.f = () => knex.transaction(async (trx) => { await knex('a').insert({}).transacting(trx) })",
    "an option": "import { Sequelize } from 'sequelize'\nconst db = new Sequelize('postgres://db/app')\nexport const f = () => db.transaction(async (t) => { const o = { transaction: t }; await db.query('x', o) })",
    "a value": "const knex = require('knex')({ client: 'pg' })\nexports.f = () => knex.transaction(async (trx) => { await trx('a').update({ n: knex.raw('n + 1') }) })",
    "a fragment": "import postgres from 'postgres'\nconst sql = postgres()\nexport const f = () => sql.begin(async (tx) => { await tx`select ${x ? sql`a` : sql`b`}` })",
    "a function that takes the transaction": PRISMA + "const log = async (tx) => { await tx.log.create({}) }\nexport const f = () => prisma.$transaction(async (tx) => { await log(tx) })",
    "after a rollback": PG + "export async function f() { const c = await pool.connect()\ntry { await c.query('BEGIN'); await c.query('COMMIT') } catch (e) { await c.query('ROLLBACK'); await pool.query('log') } finally { c.release() } }",
    "IndexedDB": "export const f = (db) => db.transaction('a').objectStore('a')",
    "an unknown object": "export const f = (queue) => queue.transaction(async (tx) => { await queue.push(1) })",
}  # fmt: skip


@pytest.mark.parametrize("code", INSIDE.values(), ids=INSIDE)
def test_a_second_connection(code: str) -> None:
    """The pool is asked inside a transaction of its own."""
    assert [each.kind for each in read(code).misuses] == ["inside"]


@pytest.mark.parametrize("code", OUTSIDE.values(), ids=OUTSIDE)
def test_no_second_connection(code: str) -> None:
    """What the transaction's own client sends, what nobody waits for, and parts of statements."""
    assert read(code).misuses == ()


ENDED = {
    "early return": ("sometimes", 3, "const t = await knex.transaction()\nconst row = await t('a')\nif (!row) return null\nawait t.commit()"),
    "never rolled back": ("sometimes", 0, "const t = await sequelize.transaction()\nawait A.create({}, { transaction: t })\nawait t.commit()"),
    "both": ("always", 0, "const t = await sequelize.transaction()\ntry { await A.create({}, { transaction: t }); await t.commit() } catch (e) { await t.rollback() }"),
    "Kysely": ("sometimes", 0, "const t = await db.startTransaction().execute()\nawait t.insertInto('a').execute()\nawait t.commit().execute()"),
}  # fmt: skip


@pytest.mark.parametrize(("returned", "line", "code"), ENDED.values(), ids=ENDED)
def test_transactions_as_objects(returned: str, line: int, code: str) -> None:
    """They end with commit() or rollback(), on each way."""
    found = read(f"export async function f() {{ {code} }}").checkouts

    assert [(each.returned, each.left_at, each.transaction) for each in found] == [(returned, line, True)]
