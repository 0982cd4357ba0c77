"""Every call that the catalogue knows, in every form of its documentation: how many connections one process may open.

`N`: that many. `N+`: that many at least, and it is said why no more is known. `?`: a question, never a number.
"""

import pytest

from poolcheck.catalogue.makers import makers
from tests.project.mapping.test_never_lost import map_of
from tests.rules.projects import compose, manifests

# kind → (packages, ((code, size), ...)); URL is the string of the environment
JS_FORMS = {
    "pg-pool": (
        "npm:pg@8.16.3 npm:pg-pool@3.10.0",
        (
            ("import { Pool } from 'pg'\nexport const p = new Pool({ connectionString: URL, max: 7 })", "7"),
            ("import pg from 'pg'\nexport const p = new pg.Pool({ connectionString: URL, max: 7 })", "7"),
            ("import pg from 'pg'\nconst { Pool } = pg\nexport const p = new Pool({ max: 7 })", "7"),
            ("import * as pg from 'pg'\nexport const p = new pg.Pool({ max: 7 })", "7"),
            ("const { Pool } = require('pg')\nconst p = new Pool({ max: 7 })", "7"),
            ("const { Pool } = require('pg').native\nconst p = new Pool({ max: 7 })", "7"),
            ("import pg from 'pg'\nconst { native } = pg\nexport const p = new native.Pool({ max: 7 })", "7"),
            ("import Pool from 'pg-pool'\nexport const p = new Pool({ max: 7 })", "7"),
            ("const Pool = require('pg-pool')\nconst p = new Pool({ max: 7 })", "7"),
            ("import { Pool } from 'pg'\nexport const p = new Pool({ connectionString: URL })", "10"),
            ("import { Pool } from 'pg'\nexport const p = new Pool()", "10"),
            ("import { Pool } from 'pg'\nexport const p = new Pool({ poolSize: 7 })", "7"),
            ("import { Pool } from 'pg'\nexport const p = new Pool({ max: 0 })", "10"),
            ("import { Pool } from 'pg'\nexport const p = new Pool({ max: undefined })", "10"),
            ("import { Pool } from 'pg'\nconst options = { max: 7 }\nexport const p = new Pool(options)", "7"),
            ("import { Pool, PoolConfig } from 'pg'\nconst c: PoolConfig = { host: 'db' }\nc.max = 7\nexport const p = new Pool(c)", "7"),
            ("import { Pool } from 'pg'\nexport const p = new Pool({ ...shared })", "?"),
            ("import { Pool } from 'pg'\nexport const p = new Pool(options())", "?"),
            ("import { Pool } from 'pg'\nexport class Db extends Pool { constructor() { super({ max: 7 }) } }", "7"),
            ("import { Pool } from 'pg'\nexport class Db extends Pool { constructor(o) { super(o) } }", "?"),
            ("import { Pool } from 'pg'\nclass Db extends Pool {}\nexport const p = new Db({ max: 7 })", "7"),
            ("import { Pool } from 'pg'\nexport class Db extends Pool {}", "?"),
            ("import { Pool } from 'pg'\nexport class Db { pool = new Pool({ max: 7 }) }", "7"),
            ("import { Pool } from 'pg'\nexport class Db { constructor() { this.pool = new Pool({ max: 7 }) } }", "7"),
            ("import { Kysely, PostgresDialect } from 'kysely'\nimport { Pool } from 'pg'\nexport const db = new Kysely({ dialect: new PostgresDialect({ pool: new Pool({ max: 7 }) }) })", "7"),
            ("import { drizzle } from 'drizzle-orm/node-postgres'\nimport { Pool } from 'pg'\nconst pool = new Pool({ max: 7 })\nexport const db = drizzle({ client: pool })", "7"),
            ("import { PrismaPg } from '@prisma/adapter-pg'\nimport { Pool } from 'pg'\nimport { PrismaClient } from './generated/client'\nconst pool = new Pool({ max: 7 })\nexport const prisma = new PrismaClient({ adapter: new PrismaPg(pool) })", "7"),
            ("import { Pool } from 'pg'\nexport const a = new Pool({ max: 7 })\nexport const b = new Pool({ max: 5 })", "12"),
        ),
    ),
    "pg-client": ("npm:pg@8.16.3", (("import { Client } from 'pg'\nexport const c = new Client({ connectionString: URL })", "1"),)),
    "postgres-js": (
        "npm:postgres@3.4.8",
        (
            ("import postgres from 'postgres'\nexport const sql = postgres(URL, { max: 7 })", "7"),
            ("import postgres from 'postgres'\nexport const sql = postgres({ host: 'db', max: 7 })", "7"),
            ("import postgres from 'postgres'\nconst options = { max: 7, prepare: false }\nexport const sql = postgres(URL, options)", "7"),
            ("import postgres from 'postgres'\nconst MAX = 7\nexport const sql = postgres(URL, { max: MAX })", "7"),
            ("const postgres = require('postgres')\nconst sql = postgres(URL, { max: 7 })", "7"),
            ("import postgres from 'postgres'\nexport function connect() { return postgres(URL, { max: 7 }) }", "7"),
            ("import postgres from 'postgres'\nexport const sql = postgres(URL)", "10"),
            ("import postgres from 'postgres'\nexport const sql = postgres()", "10"),
            ("import postgres from 'postgres'\nexport const sql = postgres(URL, options)", "?"),
            ("import postgres from 'postgres'\nexport const make = (max: number) => postgres(URL, { max })", "?"),
            ("import { drizzle } from 'drizzle-orm/postgres-js'\nimport postgres from 'postgres'\nexport const db = drizzle(postgres(URL, { max: 7 }))", "7"),
        ),
    ),
    "drizzle": (
        "npm:drizzle-orm@0.45.4 npm:pg@8.16.3",
        (
            ("import { drizzle } from 'drizzle-orm/node-postgres'\nexport const db = drizzle(URL)", "10"),
            ("import { drizzle } from 'drizzle-orm/node-postgres'\nexport const db = drizzle(URL, { schema: {} })", "10"),
            ("import { drizzle } from 'drizzle-orm/node-postgres'\nexport const db = drizzle({ connection: URL })", "10"),
            ("import { drizzle } from 'drizzle-orm/node-postgres'\nexport const db = drizzle({ connection: { connectionString: URL, max: 7 } })", "7"),
            ("import { drizzle } from 'drizzle-orm/postgres-js'\nexport const db = drizzle({ connection: { url: URL, max: 7 } })", "7"),
            ("import { drizzle } from 'drizzle-orm/postgres-js'\nexport const db = drizzle({ connection: { url: URL, ...more } })", "?"),
            ("import { drizzle } from 'drizzle-orm/bun-sql'\nexport const db = drizzle({ connection: { url: URL, max: 7 } })", "7"),
        ),
    ),
    "drizzle-websocket": (
        "npm:drizzle-orm@0.45.4 npm:@neondatabase/serverless@1.2.0",
        (
            ("import { drizzle } from 'drizzle-orm/neon-serverless'\nexport const db = drizzle({ connection: { connectionString: URL, max: 7 } })", "7"),
            ("import { drizzle } from 'drizzle-orm/neon-serverless'\nexport const db = drizzle(URL)", "10"),
        ),
    ),
    "neon-pool": (
        "npm:@neondatabase/serverless@1.2.0",
        (("import { Pool } from '@neondatabase/serverless'\nexport const p = new Pool({ connectionString: URL, max: 7 })", "7"),),
    ),
    "neon-client": (
        "npm:@neondatabase/serverless@1.2.0",
        (("import { Client } from '@neondatabase/serverless'\nexport const c = new Client(URL)", "1"),),
    ),
    "vercel-pool": (
        "npm:@vercel/postgres@0.10.0",
        (("import { createPool } from '@vercel/postgres'\nexport const p = createPool({ connectionString: URL, max: 7 })", "7"),),
    ),
    "vercel-client": (
        "npm:@vercel/postgres@0.10.0",
        (("import { createClient } from '@vercel/postgres'\nexport const c = createClient({ connectionString: URL })", "1"),),
    ),
    "bun-sql": (
        "",
        (
            ("import { SQL } from 'bun'\nexport const db = new SQL(URL, { max: 7 })", "7"),
            ("import { SQL } from 'bun'\nexport const db = new SQL({ url: URL, max: 7 })", "7"),
        ),
    ),
    "prisma": (
        "npm:@prisma/client@7.2.0 npm:prisma@7.2.0 npm:@prisma/adapter-pg@7.2.0",
        (
            ("PRISMA\nexport const prisma = new PrismaClient({ adapter: new PrismaPg({ connectionString: URL, max: 7 }) })", "7"),
            ("PRISMA\nconst adapter = new PrismaPg({ connectionString: URL, max: 7 })\nexport const prisma = new PrismaClient({ adapter })", "7"),
            ("PRISMA\nconst adapter = new PrismaPg({ connectionString: URL })\nexport const prisma = new PrismaClient({ adapter })", "10"),
            ("PRISMA\nconst adapter = new PrismaPg({ connectionString: URL }, { schema: 'x' })\nexport const prisma = new PrismaClient({ adapter })", "10"),
            ("PRISMA\nconst adapter = new PrismaPg({ connectionString: URL }, { pool: { max: 7 } })\nexport const prisma = new PrismaClient({ adapter })", "10"),
            ("PRISMA\n@Injectable()\nexport class PrismaService extends PrismaClient { constructor() { super({ adapter: new PrismaPg({ connectionString: URL, max: 7 }) }) } }", "7"),
            ("PRISMA\n@Injectable()\nexport class PrismaService extends PrismaClient { constructor() { const adapter = new PrismaPg({ connectionString: URL, max: 7 }); super({ adapter }) } }", "7"),
            ("PRISMA\nexport const prisma = new PrismaClient({ adapter: adapter() })", "?"),
        ),
    ),
    "typeorm": (
        "npm:typeorm@0.3.28 npm:pg@8.16.3",
        (
            ("import { DataSource } from 'typeorm'\nexport const d = new DataSource({ type: 'postgres', url: URL, poolSize: 7 })", "7"),
            ("import { DataSource } from 'typeorm'\nexport const d = new DataSource({ type: 'postgres', url: URL, extra: { max: 7 } })", "7"),
            ("import { DataSource } from 'typeorm'\nexport const d = new DataSource({ type: 'postgres', url: URL, poolSize: 5, extra: { max: 7 } })", "7"),
            ("import { DataSource } from 'typeorm'\nexport const d = new DataSource({ type: 'postgres', url: URL, poolSize: 5, extra: more })", "?"),
            ("import { DataSource, DataSourceOptions } from 'typeorm'\nconst o: DataSourceOptions = { type: 'postgres', extra: { max: 7 } }\nexport const d = new DataSource(o)", "7"),
            ("import { DataSource } from 'typeorm'\nexport const d = new DataSource({ type: 'postgres', url: URL })", "10"),
        ),
    ),
    "typeorm-connection": (
        "npm:typeorm@0.3.28 npm:pg@8.16.3",
        (("import { createConnection } from 'typeorm'\nexport const c = createConnection({ type: 'postgres', url: URL, extra: { max: 7 } })", "7"),),
    ),
    "typeorm-nest": (
        "npm:typeorm@0.3.28 npm:@nestjs/typeorm@11.0.0 npm:pg@8.16.3",
        (("import { TypeOrmModule } from '@nestjs/typeorm'\n@Module({ imports: [TypeOrmModule.forRoot({ type: 'postgres', url: URL, extra: { max: 7 } })] })\nexport class AppModule {}", "7"),),
    ),
    "typeorm-nest-async": (
        "npm:typeorm@0.3.28 npm:@nestjs/typeorm@11.0.0 npm:pg@8.16.3",
        (
            ("import { TypeOrmModule } from '@nestjs/typeorm'\nexport const m = TypeOrmModule.forRootAsync({ inject: [ConfigService], useFactory: (config) => ({ type: 'postgres', url: config.get('DATABASE_URL'), extra: { max: 7 } }) })", "7"),
            ("import { TypeOrmModule } from '@nestjs/typeorm'\nexport const m = TypeOrmModule.forRootAsync({ useFactory: async () => { return { type: 'postgres', poolSize: 7 } } })", "7"),
            ("import { TypeOrmModule } from '@nestjs/typeorm'\nexport const m = TypeOrmModule.forRootAsync({ useFactory() { return { type: 'postgres', poolSize: 7 } } })", "7"),
            ("import { TypeOrmModule } from '@nestjs/typeorm'\nexport const m = TypeOrmModule.forRootAsync({ useFactory: (c) => ({ type: 'postgres', ...c.get('db') }) })", "?"),
        ),
    ),
    "sequelize": (
        "npm:sequelize@6.37.8 npm:sequelize-typescript@2.1.6 npm:pg@8.16.3",
        (
            ("import { Sequelize } from 'sequelize'\nexport const s = new Sequelize(URL, { dialect: 'postgres', pool: { max: 7 } })", "7"),
            ("import { Sequelize } from 'sequelize'\nexport const s = new Sequelize('app', 'app', process.env.PW, { dialect: 'postgres', pool: { max: 7 } })", "7"),
            ("import { Sequelize } from 'sequelize'\nexport const s = new Sequelize({ dialect: 'postgres', pool: { max: 7 } })", "7"),
            ("const Sequelize = require('sequelize')\nconst s = new Sequelize(URL, { dialect: 'postgres', pool: { max: 7 } })", "7"),
            ("import { Sequelize } from 'sequelize-typescript'\nexport const s = new Sequelize({ dialect: 'postgres', pool: { max: 7 } })", "7"),
            ("import { Sequelize } from 'sequelize'\nexport const s = new Sequelize(URL, { dialect: 'postgres' })", "5"),
        ),
    ),
    "sequelize-nest": (
        "npm:sequelize@6.37.8 npm:@nestjs/sequelize@11.0.0 npm:pg@8.16.3",
        (("import { SequelizeModule } from '@nestjs/sequelize'\nexport const m = SequelizeModule.forRoot({ dialect: 'postgres', uri: URL, pool: { max: 7 } })", "7"),),
    ),
    "sequelize-nest-async": (
        "npm:sequelize@6.37.8 npm:@nestjs/sequelize@11.0.0 npm:pg@8.16.3",
        (("import { SequelizeModule } from '@nestjs/sequelize'\nexport const m = SequelizeModule.forRootAsync({ useFactory: () => ({ dialect: 'postgres', pool: { max: 7 } }) })", "7"),),
    ),
    "knex": (
        "npm:knex@3.1.0 npm:pg@8.16.3",
        (
            ("import knex from 'knex'\nexport const db = knex({ client: 'pg', connection: URL, pool: { min: 0, max: 7 } })", "7"),
            ("const db = require('knex')({ client: 'pg', connection: URL, pool: { min: 0, max: 7 } })", "7"),
            ("import { knex } from 'knex'\nexport const db = knex({ client: 'pg', connection: URL })", "10"),
            ("import { Model } from 'objection'\nimport Knex from 'knex'\nconst knex = Knex({ client: 'pg', connection: URL, pool: { max: 7 } })\nModel.knex(knex)", "7"),
        ),
    ),
    "knex-nest": (
        "npm:knex@3.1.0 npm:nest-knexjs@0.0.27 npm:pg@8.16.3",
        (("import { KnexModule } from 'nest-knexjs'\nexport const m = KnexModule.forRoot({ config: { client: 'pg', connection: URL, pool: { max: 7 } } })", "7"),),
    ),
    "knex-nest-async": (
        "npm:knex@3.1.0 npm:nest-knexjs@0.0.27 npm:pg@8.16.3",
        (("import { KnexModule } from 'nest-knexjs'\nexport const m = KnexModule.forRootAsync({ useFactory: () => ({ config: { client: 'pg', pool: { max: 7 } } }) })", "7"),),
    ),
    "mikro-orm": (
        "npm:@mikro-orm/postgresql@7.2.5",
        (
            ("import { MikroORM } from '@mikro-orm/postgresql'\nexport const orm = await MikroORM.init({ clientUrl: URL, pool: { min: 1, max: 7 } })", "7"),
            ("import { MikroORM, defineConfig } from '@mikro-orm/postgresql'\nconst config = defineConfig({ clientUrl: URL, pool: { max: 7 } })\nexport const orm = await MikroORM.init(config)", "7"),
            ("import { MikroORM } from '@mikro-orm/postgresql'\nexport const orm = new MikroORM({ clientUrl: URL })", "10"),
            ("import { MikroORM } from '@mikro-orm/postgresql'\nexport const orm = await MikroORM.init()", "?"),
        ),
    ),
    "mikro-orm-nest": (
        "npm:@mikro-orm/postgresql@7.2.5 npm:@mikro-orm/nestjs@6.1.2",
        (("import { MikroOrmModule } from '@mikro-orm/nestjs'\nexport const m = MikroOrmModule.forRoot({ clientUrl: URL, pool: { max: 7 } })", "7"),),
    ),
    "slonik": (
        "npm:slonik@47.3.2",
        (
            ("import { createPool } from 'slonik'\nexport const pool = await createPool(URL, { maximumPoolSize: 7 })", "7"),
            ("import { createPool } from 'slonik'\nexport const pool = await createPool(URL)", "10"),
        ),
    ),
    "pg-promise": (
        "npm:pg-promise@12.7.1",
        (
            ("import pgPromise from 'pg-promise'\nconst pgp = pgPromise({ capSQL: true })\nexport const db = pgp({ connectionString: URL, max: 7 })", "7"),
            ("const pgp = require('pg-promise')()\nconst db = pgp({ connectionString: URL, max: 7 })", "7"),
            ("const db = require('pg-promise')()({ connectionString: URL, max: 7 })", "7"),
            ("import pgPromise from 'pg-promise'\nexport const db = pgPromise()(URL)", "10"),
        ),
    ),
    "effect-sql-pg": (
        "npm:@effect/sql-pg@0.50.3",
        (
            ("import { PgClient } from '@effect/sql-pg'\nexport const L = PgClient.layer({ url: Redacted.make(URL), maxConnections: 7 })", "7"),
            ("import * as PgClient from '@effect/sql-pg/PgClient'\nexport const L = PgClient.layer({ url, maxConnections: 7 })", "7"),
            ("import { PgClient } from '@effect/sql-pg'\nexport const L = PgClient.layerConfig({ url: Config.redacted('DATABASE_URL'), maxConnections: Config.integer('DB_POOL') })", "?"),
        ),
    ),
}  # fmt: skip

PYTHON_FORMS = {
    "sqlalchemy": (
        "pypi:sqlalchemy@2.0.43 pypi:psycopg2-binary@2.9.10",
        (
            ("from sqlalchemy import create_engine\ne = create_engine(URL, pool_size=5, max_overflow=2)", "7"),
            ("import sqlalchemy as sa\ne = sa.create_engine(URL, pool_size=5, max_overflow=2)", "7"),
            ("from sqlalchemy.ext.asyncio import create_async_engine\ne = create_async_engine(URL, pool_size=5, max_overflow=2)", "7"),
            ("from sqlmodel import create_engine\ne = create_engine(URL, pool_size=5, max_overflow=2)", "7"),
            ("from sqlalchemy import create_engine\ne = create_engine(URL)", "15"),
            ("from sqlalchemy import create_engine\ne = create_engine(URL, pool_size=7)", "17"),
            ("from sqlalchemy import create_engine\ne = create_engine(URL, max_overflow=2)", "7"),
            ("from sqlalchemy import create_engine\ne = create_engine(URL, pool_size=7, max_overflow=-1)", "?"),
            ("from sqlalchemy import create_engine\ne = create_engine(URL, pool_size=0)", "?"),
            ("from sqlalchemy import create_engine\nOPTIONS = {'pool_size': 5, 'max_overflow': 2}\ne = create_engine(URL, **OPTIONS)", "7"),
            ("from sqlalchemy import create_engine\ne = create_engine(URL, **options())", "?"),
            ("from sqlalchemy import create_engine\ne = create_engine(URL, pool_size=7, **options())", "?"),
            ("from sqlalchemy import create_engine, pool\ne = create_engine(URL, poolclass=pool.NullPool)", "1+"),
            ("from sqlalchemy import create_engine\nfrom sqlalchemy.pool import StaticPool\ne = create_engine(URL, poolclass=StaticPool)", "1"),
            ("from sqlalchemy import create_engine\nfrom sqlalchemy.pool import QueuePool\ne = create_engine(URL, poolclass=QueuePool, pool_size=5, max_overflow=2)", "7"),
            ("from sqlalchemy.ext.asyncio import create_async_engine\nfrom sqlalchemy.pool import AsyncAdaptedQueuePool\ne = create_async_engine(URL, poolclass=AsyncAdaptedQueuePool)", "15"),
            ("from sqlalchemy import create_engine\ne = create_engine(URL, poolclass=choose())", "?"),
        ),
    ),
    "sqlalchemy-config": (
        "pypi:sqlalchemy@2.0.43 pypi:psycopg2-binary@2.9.10",
        (
            ("from sqlalchemy import engine_from_config\ne = engine_from_config({'sqlalchemy.url': URL, 'sqlalchemy.pool_size': 5, 'sqlalchemy.max_overflow': 2}, 'sqlalchemy.')", "7"),
            ("from sqlalchemy import engine_from_config\ndef main(settings):\n    return engine_from_config(settings, 'sqlalchemy.')", "?"),
        ),
    ),
    "flask-sqlalchemy": (
        "pypi:flask-sqlalchemy@3.1.1 pypi:sqlalchemy@2.0.43 pypi:psycopg2-binary@2.9.10",
        (
            ("from flask_sqlalchemy import SQLAlchemy\ndb = SQLAlchemy(engine_options={'pool_size': 5, 'max_overflow': 2})", "7"),
            ("from flask_sqlalchemy import SQLAlchemy\napp.config['SQLALCHEMY_ENGINE_OPTIONS'] = {'pool_size': 5, 'max_overflow': 2}\ndb = SQLAlchemy(app)", "7"),
            ("from flask_sqlalchemy import SQLAlchemy\nclass Config:\n    SQLALCHEMY_ENGINE_OPTIONS = {'pool_size': 5, 'max_overflow': 2}\ndb = SQLAlchemy()", "7"),
            ("from flask_sqlalchemy import SQLAlchemy\napp.config.from_mapping(SQLALCHEMY_ENGINE_OPTIONS={'pool_size': 5, 'max_overflow': 2})\ndb = SQLAlchemy(app)", "7"),
            ("from flask_sqlalchemy import SQLAlchemy\nclass A:\n    SQLALCHEMY_ENGINE_OPTIONS = {'pool_size': 5}\nclass B:\n    SQLALCHEMY_ENGINE_OPTIONS = {'pool_size': 9}\ndb = SQLAlchemy()", "?"),
            ("from flask_sqlalchemy import SQLAlchemy\nSQLALCHEMY_BINDS = {'other': 'postgresql://x'}\ndb = SQLAlchemy()", "?"),
            ("from flask_sqlalchemy import SQLAlchemy\ndb = SQLAlchemy()", "15"),
        ),
    ),
    "psycopg-pool": (
        "pypi:psycopg@3.2.9 pypi:psycopg-pool@3.2.6",
        (
            ("from psycopg_pool import ConnectionPool\np = ConnectionPool(URL, min_size=1, max_size=7)", "7"),
            ("from psycopg_pool import AsyncConnectionPool\np = AsyncConnectionPool(conninfo=URL, max_size=7)", "7"),
            ("from psycopg_pool import ConnectionPool\np = ConnectionPool(URL, min_size=7)", "7"),
            ("from psycopg_pool import ConnectionPool\np = ConnectionPool(URL, min_size=7, max_size=None)", "7"),
            ("from psycopg_pool import ConnectionPool\np = ConnectionPool(URL, min_size=7, **more())", "?"),
            ("from psycopg_pool import ConnectionPool\np = ConnectionPool(URL)", "4"),
        ),
    ),
    "psycopg-null-pool": (
        "pypi:psycopg@3.2.9 pypi:psycopg-pool@3.2.6",
        (
            ("from psycopg_pool import NullConnectionPool\np = NullConnectionPool(URL, max_size=7)", "7"),
            ("from psycopg_pool import NullConnectionPool\np = NullConnectionPool(URL)", "1+"),
        ),
    ),
    "psycopg": ("pypi:psycopg@3.2.9", (("import psycopg\nc = psycopg.connect(URL)", "1"),)),
    "asyncpg-pool": (
        "pypi:asyncpg@0.30.0",
        (
            ("import asyncpg\nasync def open():\n    global p\n    p = await asyncpg.create_pool(URL, min_size=1, max_size=7)", "7"),
            ("from asyncpg import create_pool\nasync def open():\n    global p\n    p = await create_pool(dsn=URL)", "10"),
        ),
    ),
    "asyncpg": ("pypi:asyncpg@0.30.0", (("import asyncpg\nasync def f():\n    return await asyncpg.connect(URL)", "1+"),)),
    "psycopg2-pool": (
        "pypi:psycopg2-binary@2.9.10",
        (
            ("from psycopg2.pool import ThreadedConnectionPool\np = ThreadedConnectionPool(1, 7, URL)", "7"),
            ("from psycopg2 import pool\np = pool.SimpleConnectionPool(minconn=1, maxconn=7, dsn=URL)", "7"),
            ("import psycopg2.pool\np = psycopg2.pool.ThreadedConnectionPool(1, 7, URL)", "7"),
        ),
    ),
    "psycopg2": ("pypi:psycopg2-binary@2.9.10", (("import psycopg2\nc = psycopg2.connect(URL)", "1"),)),
    "aiopg-pool": (
        "pypi:aiopg@1.4.0 pypi:psycopg2-binary@2.9.10",
        (
            ("import aiopg\nasync def f():\n    return await aiopg.create_pool(URL, maxsize=7)", "7"),
            ("from aiopg.sa import create_engine\nasync def f():\n    return await create_engine(URL, maxsize=7)", "7"),
            ("import aiopg\nasync def f():\n    return await aiopg.create_pool(URL)", "10"),
            ("import aiopg\nasync def f():\n    return await aiopg.create_pool(URL, maxsize=0)", "?"),
        ),
    ),
    "aiopg": ("pypi:aiopg@1.4.0", (("import aiopg\nasync def f():\n    return await aiopg.connect(URL)", "1+"),)),
    "tortoise": (
        "pypi:tortoise-orm@0.25.1 pypi:asyncpg@0.30.0",
        (
            ("from tortoise import Tortoise\nCONFIG = {'connections': {'default': {'engine': 'tortoise.backends.asyncpg', 'credentials': {'host': 'db', 'maxsize': 7}}}, 'apps': {}}\nasync def f():\n    await Tortoise.init(config=CONFIG)", "7"),
            ("from tortoise import Tortoise\nCONFIG = {'connections': {'default': {'engine': 'tortoise.backends.asyncpg', 'credentials': {'host': 'db'}}}, 'apps': {}}\nasync def f():\n    await Tortoise.init(CONFIG)", "5"),
            ("from tortoise import Tortoise\nasync def f():\n    await Tortoise.init(db_url=URL, modules={'models': ['m']})", "5"),
            ("from tortoise import Tortoise\nasync def f():\n    await Tortoise.init(config={'connections': {'default': URL}, 'apps': {}})", "5"),
            ("from tortoise import Tortoise\nasync def f():\n    await Tortoise.init(config=config())", "?"),
            ("from tortoise import Tortoise\nasync def f():\n    await Tortoise.init(config_file='c.json')", "?"),
        ),
    ),
    "tortoise-fastapi": (
        "pypi:tortoise-orm@0.25.1 pypi:asyncpg@0.30.0",
        (
            ("from tortoise.contrib.fastapi import register_tortoise\nregister_tortoise(app, config={'connections': {'default': {'engine': 'x', 'credentials': {'maxsize': 7}}}})", "7"),
            ("from tortoise.contrib.fastapi import register_tortoise\nregister_tortoise(app, db_url=URL, modules={})", "5"),
        ),
    ),
    "peewee-pool": (
        "pypi:peewee@3.18.2 pypi:psycopg2-binary@2.9.10",
        (
            ("from playhouse.pool import PooledPostgresqlDatabase\ndb = PooledPostgresqlDatabase('app', max_connections=7, stale_timeout=300)", "7"),
            ("from playhouse.pool import PooledPostgresqlExtDatabase\ndb = PooledPostgresqlExtDatabase('app', 7)", "7"),
            ("from playhouse.pool import PooledPostgresqlDatabase\ndb = PooledPostgresqlDatabase('app', user='u')", "20"),
        ),
    ),
    "peewee": ("pypi:peewee@3.18.2", (("from peewee import PostgresqlDatabase\ndb = PostgresqlDatabase('app', user='u')", "1+"),)),
    "databases": (
        "pypi:databases@0.9.0 pypi:asyncpg@0.30.0",
        (
            ("from databases import Database\nd = Database(URL, min_size=1, max_size=7)", "7"),
            ("import databases\nd = databases.Database(URL)", "10"),
        ),
    ),
    "piccolo": (
        "pypi:piccolo@1.22.0 pypi:asyncpg@0.30.0",
        (
            ("from piccolo.engine import engine_finder\nasync def f():\n    engine = engine_finder()\n    await engine.start_connection_pool(max_size=7)", "7"),
            ("from piccolo_conf import DB\nasync def f():\n    await DB.start_connection_pool()", "?"),
        ),
    ),
    "pony": ("pypi:pony@0.7.19 pypi:psycopg2-binary@2.9.10", (("from pony.orm import Database\ndb = Database()\ndb.bind(provider='postgres', host='db')", "1+"),)),
    "prisma-py": ("pypi:prisma@0.15.0", (("from prisma import Prisma\ndb = Prisma()", "?"),)),
}  # fmt: skip

FORMS = [
    (language, kind, packages, code, size)
    for language, many in (("javascript", JS_FORMS), ("python", PYTHON_FORMS))
    for kind, (packages, forms) in many.items()
    for code, size in forms
]
PRISMA = "import { PrismaPg } from '@prisma/adapter-pg'\nimport { PrismaClient } from './generated/client'"


def test_every_maker_has_a_form() -> None:
    """What is looked for in source without a form that was tried may never be found."""
    for language, many in (("javascript", JS_FORMS), ("python", PYTHON_FORMS)):
        known = makers().of("javascript" if language == "javascript" else "python").calls.values()
        assert {each.kind for each in known if each.wire != "http"} == set(many)


@pytest.mark.parametrize(
    ("language", "kind", "packages", "code", "size"), FORMS, ids=[f"{kind}-{number}" for number, (_, kind, *_) in enumerate(FORMS)]
)  # fmt: skip
def test_size(language: str, kind: str, packages: str, code: str, size: str) -> None:
    """The pools of one process, as the map adds them up."""
    url = "process.env.DATABASE_URL" if language == "javascript" else "os.environ['DATABASE_URL']"
    text = code.replace("URL", url) if "DATABASE_URL" not in code else code
    if kind == "prisma":
        text = text.replace("PRISMA", PRISMA)
    name = "src/db.ts" if language == "javascript" else "app/db.py"
    wanted = manifests(packages.split()) or {"package.json": '{"dependencies": {}}'}
    source = text if language == "javascript" else f"import os\n{text}\n"

    found = map_of({**wanted, name: source, "docker-compose.yml": compose(1)})
    (client,) = [each for each in found.clients if each.name == "web"]
    sizes = [pool.size for pool in client.pools]

    if not sizes or None in sizes:
        said = "?"
    else:
        known = [each for each in sizes if each is not None]
        said = f"{sum(each.low for each in known)}{'+' if any(each.high is None for each in known) else ''}"
    assert said == size, [pool.why for pool in client.pools]
