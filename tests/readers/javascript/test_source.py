"""JavaScript and TypeScript: where clients are made and how often, what is taken and given back, what is sent."""

import time

import pytest

from poolcheck.catalogue.makers import makers
from poolcheck.model.source import SourceFile
from poolcheck.readers import languages, source_files
from poolcheck.readers.source_files import Read, UnreadSource

PRISMA = "import { PrismaClient } from '@prisma/client'\n"
PG = "import { Pool, Client } from 'pg'\n"


def read(text: str, path: str = "src/app.ts") -> SourceFile:
    """The file as rules see it."""
    made = source_files.read(text.encode(), path, makers())
    assert isinstance(made, Read), made
    return made.file


def scopes(text: str, path: str = "src/app.ts") -> list[str]:
    """The scope of each site."""
    return [site.scope for site in read(text, path).sites]


REQUEST = {
    "route handler": ("app/api/a/route.ts", "export async function POST(req: Request) { const p = new PrismaClient() }"),
    "route handler as a constant": ("app/api/a/route.ts", "export const GET = async () => { const p = new PrismaClient() }"),
    "route handler in a wrapper": ("app/api/a/route.ts", "export const GET = withAuth(async (x) => { const p = new PrismaClient() })"),
    "pages api": ("pages/api/a.js", "export default async function h(req, res) { const p = new PrismaClient() }"),
    "pages api in a wrapper": ("pages/api/a.ts", "export default withAuth(async (a) => { const p = new PrismaClient() })"),
    "server props": ("pages/index.tsx", "export async function getServerSideProps() { const p = new PrismaClient() }"),
    "server component": ("app/users/page.tsx", "export default async function Page() { const p = new PrismaClient() }"),
    "server action file": ("app/actions.ts", "'use server'\nexport async function save() { const p = new PrismaClient() }"),
    "inline server action": ("app/form.tsx", "export function F() { async function save() { 'use server'\n const p = new PrismaClient() } }"),
    "exported by name": ("app/api/a/route.ts", "async function handle(r) { const p = new PrismaClient() }\nexport { handle as POST }"),
    "exported by assignment": ("src/fn.js", "const run = async (event) => { const p = new PrismaClient() }\nexports.handler = run"),
    "exported in an object": ("src/fn.js", "async function run(event) { const p = new PrismaClient() }\nmodule.exports = { handler: run }"),
    "exported at the end": ("pages/api/a.js", "async function run(a, b) { const p = new PrismaClient() }\nexport default run"),
    "a method of a NestJS controller": ("src/a.ts", "class A { @Get('x')\nasync find() { const p = new PrismaClient() } }"),
    "a provider for each request": ("src/a.ts", "@Injectable({ scope: Scope.REQUEST })\nclass A { constructor() { this.p = new PrismaClient() } }"),
    "a field of a provider for each request": ("src/a.ts", "@Injectable({ scope: Scope.REQUEST })\nclass A { private p = new PrismaClient() }"),
    "a factory for each request": ("src/a.ts", "const a = { provide: 'P', useFactory: () => new PrismaClient(), scope: Scope.REQUEST }"),
    "lambda": ("src/fn.mjs", "export const handler = async (event) => { const p = new PrismaClient() }"),
    "lambda, CommonJS": ("src/fn.js", "exports.handler = async (event, context) => { const p = new PrismaClient() }"),
    "express": ("src/a.js", "app.get('/x', async (req, res) => { const p = new PrismaClient() })"),
    "express router": ("src/a.js", "usersRouter.post('/', async (q, s) => { const p = new PrismaClient() })"),
    "controller": ("src/a.js", "exports.list = async (req, res) => { const p = new PrismaClient() }"),
    "controller method": ("src/a.ts", "class Users { async list(req: Request, res: Response) { const p = new PrismaClient() } }"),
    "remix loader": ("app/routes/a.tsx", "export async function loader({ params }) { const p = new PrismaClient() }"),
    "sveltekit": ("src/routes/+page.server.ts", "export const load = async ({ url }) => { const p = new PrismaClient() }"),
    "nuxt": ("server/api/a.ts", "export default defineEventHandler(async (event) => { const p = new PrismaClient() })"),
    "trpc": ("src/r.ts", "const r = router({ a: publicProcedure.input(z).query(async () => { const p = new PrismaClient() }) })"),
    "helper called by a handler": ("src/a.js", "function db() { return new PrismaClient() }\napp.get('/x', async (req, res) => { const p = db() })"),
    "overwritten by a handler": ("src/a.js", "let p\napp.get('/x', async (req, res) => { p = new PrismaClient() })"),
    "inside try": ("src/a.js", "app.get('/x', async (req, res) => { try { const p = new PrismaClient() } catch {} })"),
    "extended": ("src/a.js", "app.get('/x', async (req, res) => { const p = new PrismaClient().$extends(e) })"),
    "React's cache": ("lib/db.ts", "import { cache } from 'react'\nexport const db = cache(() => { const p = new PrismaClient(); return p })"),
    "React's cache, as a member": ("lib/db.ts", "import * as React from 'react'\nexport const db = React.cache(() => new PrismaClient())"),
    "TanStack middleware": ("src/mw.ts", "export const m = createMiddleware().server(async ({ next }) => { const p = new PrismaClient()\nreturn next() })"),
    "typed request": ("src/a.ts", "export const list = async (r: FastifyRequest) => { const p = new PrismaClient() }"),
}  # fmt: skip


@pytest.mark.parametrize(("path", "text"), REQUEST.values(), ids=REQUEST)
def test_made_for_each_request(path: str, text: str) -> None:
    """A function that runs for each request makes its client for each request."""
    head = "" if text.startswith("'use server'") else PRISMA
    whole = head + text if head else text + "\n" + PRISMA

    assert scopes(whole, path) == ["request"]


ONCE = {
    "module": ("module", "export const p = new PrismaClient()"),
    "module, immediately invoked": ("module", "const p = (() => { return new PrismaClient() })()"),
    "globalThis": ("cached", "const g = globalThis as any\nexport const p = g.p ?? new PrismaClient()"),
    "globalThis, or": ("cached", "export const p = global.p || new PrismaClient()"),
    "assignment if missing": ("cached", "let p\nfunction db() { p ??= new PrismaClient(); return p }"),
    "if missing": ("cached", "let p\nfunction db() { if (!p) { p = new PrismaClient() }\n return p }"),
    "early return": ("cached", "let p\nfunction db() { if (p) return p\n p = new PrismaClient()\n return p }"),
    "in a handler, if missing": ("cached", "let p\napp.get('/x', async (req, res) => { if (p == null) p = new PrismaClient() })"),
    "map by tenant": ("cached", "const m = new Map()\nfunction db(t) { const e = m.get(t)\n if (e) return e\n const p = new PrismaClient()\n m.set(t, p)\n return p }\napp.get('/x', (req, res) => db(req.t))"),
    "ternary": ("cached", "const p = g.p ? g.p : new PrismaClient()"),
    "a cache that is not React's": ("cached", "export const db = cache(() => new PrismaClient())"),
    "static member": ("module", "class Db { static p = new PrismaClient() }"),
    "singleton class": ("cached", "class Db { static i; static get() { if (!Db.i) { Db.i = new PrismaClient() } return Db.i } }"),
    "kept inside of another": ("cached", "let db\napp.get('/x', (req, res) => { if (!db) { const p = new PrismaClient()\ndb = wrap(p) } })"),
    "kept two steps further": ("cached", "let db\napp.get('/x', (req, res) => { if (!db) { const p = new PrismaClient()\nconst d = wrap({ p })\ndb = outer(d) } })"),
    "else of a production switch": ("cached", "let p\nfunction f() { if (g.p) { p = g.p } else { p = new PrismaClient() } }"),
}  # fmt: skip


@pytest.mark.parametrize(("scope", "text"), ONCE.values(), ids=ONCE)
def test_made_once(scope: str, text: str) -> None:
    """Module level, and everything that is kept where a second call finds it."""
    assert scopes(PRISMA + text) == [scope]


FUNCTION = {
    "factory": "export function create() { return new PrismaClient() }",
    "nest provider": "@Module({ providers: [{ provide: 'DB', useFactory: () => new PrismaClient() }] })\nclass A {}",
    "class field": "class Users { p = new PrismaClient() }",
    "constructor": "class Users { constructor() { this.p = new PrismaClient() } }",
    "job": "worker.process(async (job) => { const p = new PrismaClient() })",
    "main": "async function main() { const p = new PrismaClient() }\nmain()",
    "command": "program.command('x').action(async () => { const p = new PrismaClient() })",
    "cache lookup": "cache.get('key', async () => { const p = new PrismaClient() })",
    "start-up hook": "app.addHook('onReady', async () => { const p = new PrismaClient() })",
}


@pytest.mark.parametrize("text", FUNCTION.values(), ids=FUNCTION)
def test_made_by_some_other_function(text: str) -> None:
    """Factories, jobs and commands run when they are called: nothing is said about them."""
    assert "request" not in scopes(PRISMA + text)


KINDS = {
    "pg-pool": PG + "const p = new Pool()",
    "pg-client": PG + "const c = new Client()",
    "postgres-js": "import postgres from 'postgres'\nconst sql = postgres(process.env.DATABASE_URL!)",
    "neon-pool": "import { Pool as P } from '@neondatabase/serverless'\nconst p = new P()",
    "drizzle": "import { drizzle } from 'drizzle-orm/node-postgres'\nconst db = drizzle(process.env.DATABASE_URL!)",
    "drizzle ": "import { drizzle } from 'drizzle-orm/node-postgres'\nconst f = (c) => drizzle(c.env.DATABASE_URL)",
    "knex": "const db = require('knex')({ client: 'pg', connection: process.env.DATABASE_URL })",
    "typeorm": "import { DataSource } from 'typeorm'\nconst d = new DataSource({ type: 'postgres' })",
    "sequelize": "const { Sequelize } = require('sequelize')\nconst s = new Sequelize(u, { dialect: 'postgres' })",
    "vercel-pool": "import { createPool } from '@vercel/postgres'\nconst p = createPool()",
    "prisma": "import { PrismaClient } from '../generated/prisma/client'\nconst p = new PrismaClient()",
}


@pytest.mark.parametrize(("kind", "text"), KINDS.items(), ids=KINDS)
def test_what_is_made(kind: str, text: str) -> None:
    """The import says what a name is."""
    assert [site.kind for site in read(text).sites] == [kind.strip()]


IMPORTS = {
    "default object": "import pg from 'pg'\nconst p = new pg.Pool()",
    "taken out of it": "import pg from 'pg'\nconst { Pool } = pg\nconst p = new Pool()",
    "native, where it is there": "import pg from 'pg'\nconst { Pool } = pg.native || pg\nconst p = new Pool()",
    "native": "import pg from 'pg'\nconst { native } = pg\nconst { Pool } = native\nconst p = new Pool()",
    "native of require": "const { Pool } = require('pg').native\nconst p = new Pool()",
    "namespace": "import * as pg from 'pg'\nconst p = new pg.Pool()",
    "require": "const { Pool } = require('pg')\nconst p = new Pool()",
    "member of require": "const Pool = require('pg').Pool\nconst p = new Pool()",
    "renamed": "const { Pool: P } = require('pg')\nconst p = new P()",
    "dynamic import": "const { Pool } = await import('pg')\nconst p = new Pool()",
}


@pytest.mark.parametrize("text", IMPORTS.values(), ids=IMPORTS)
def test_ways_of_importing(text: str) -> None:
    """Every way of getting at node-postgres."""
    assert [site.kind for site in read(text).sites] == ["pg-pool"]


@pytest.mark.parametrize(
    "text",
    [
        "import { Pool } from 'generic-pool'\nconst p = new Pool()",
        "import { Pool } from 'undici'\nconst p = new Pool('https://x')",
        "import { Client } from 'discord.js'\nconst c = new Client()",
        "import knex from 'knex'\nconst db = knex({ client: 'mysql2' })",
        "import { DataSource } from 'typeorm'\nconst d = new DataSource({ type: 'sqlite' })",
        "import { drizzle } from 'drizzle-orm/node-postgres'\nconst db = drizzle(pool)",
        "import type { Pool } from 'pg'\ntype A = Pool",
        "import { neon } from '@neondatabase/serverless'\nconst sql = neon(process.env.DATABASE_URL!)",
        "class PrismaClient {}\nconst p = new PrismaClient()",
        "// const p = new PrismaClient()\nconst text = 'new PrismaClient()'",
        "import { PrismaClient } from '@prisma/client'\nexport class Service extends Base { constructor() { super() } }",
    ],
)
def test_not_a_client(text: str) -> None:
    """Other databases, other pools, types, comments, and a client that exists already."""
    assert read(text).sites == ()


def test_options_are_noted_without_what_may_be_secret() -> None:
    """Numbers and names are kept, text is not; a spread makes the rest unknown."""
    text = "const p = new Pool({ ...rest, max: 5, password: 'hunter2', ssl: { ca: 'x' } })"
    (site,) = read(PG + text).sites

    assert site.option("max") == "5"
    assert site.option("password") == "..."
    assert not site.complete
    assert "hunter2" not in repr(site)


@pytest.mark.parametrize(
    "argument",
    [
        "process.env.URL || 'postgres://app:hunter2@h/d'",
        "'postgres://app:hunter2@h/d'",
        "`postgres://app:${'hunter2'}@h/d`",
        "make('hunter2')",
        "{ connectionString: process.env.URL ?? 'postgres://app:hunter2@h/d' }",
        "{ connectionString: 'postgres://app:hunter2@h/d' }",
        "{ password: 'hunter2', user: `hunter2` }",
        "urls['hunter2']",
        "cond ? 'hunter2' : other",
    ],
)
def test_no_part_of_a_connection_string_is_kept(argument: str) -> None:
    """Where it comes from is a name, never its text."""
    made = read(f"import {{ Pool }} from 'pg'\nexport const p = new Pool({argument})\nawait p.connect()")

    assert made.sites
    assert "hunter2" not in repr(made)


TAKES = {
    "released in finally": ("always", "const c = await pool.connect()\ntry { await c.query('x') } finally { c.release() }"),
    "released in promise finally": ("always", "const c = await pool.connect()\nawait work(c).finally(() => c.release())\nawait c.query('x')"),
    "released on both ways": ("always", "const c = await pool.connect()\ntry { await c.query('x'); c.release() } catch (e) { c.release(); throw e }"),
    "nothing in between": ("always", "const c = await pool.connect()\nconsole.log('ok')\nc.release()"),
    "never": ("no", "const c = await pool.connect()\nawait c.query('x')"),
    "without finally": ("sometimes", "const c = await pool.connect()\nawait c.query('x')\nc.release()"),
    "released in try only": ("sometimes", "const c = await pool.connect()\ntry { await c.query('x')\nc.release() } catch (e) { log(e) }"),
    "early return": ("sometimes", "const c = await pool.connect()\nif (x) return 1\nc.release()"),
    "reserved": ("sometimes", "const c = await sql.reserve()\nawait c`select 1`\nc.release()"),
    "declared before": ("always", "let c\ntry { c = await pool.connect()\nawait c.query('x') } finally { c.release() }"),
    "early throw": ("sometimes", "const c = await pool.connect()\nif (x) throw new Error('x')\nc.release()"),
    "released before each return": ("always", "const c = await pool.connect()\nif (x) { c.release(); return 1 }\ntry { await c.query('x') } finally { c.release() }"),
    "same name in another block": ("sometimes always", "try { const c = await pool.connect()\nawait c.query('x')\nc.release() } catch (e) { const c = await pool.connect()\nc.release() }"),
    "released if there is one": ("always", "let c\ntry { c = await pool.connect()\nawait c.query('x') } finally { if (c) c.release() }"),
    "released if it is ours": ("always", "const c = await pool.connect()\ntry { await c.query('x') } finally { if (own) c.release() }"),
    "optional chain": ("always", "let c\ntry { c = await pool.connect()\nawait c.query('x') } finally { c?.release() }"),
    "in a loop": ("always", "for (const x of y) { const c = await pool.connect()\ntry { await c.query('x') } finally { c.release() } }"),
    "left in a loop": ("sometimes", "for (const x of y) { const c = await pool.connect()\nif (x) return\nc.release() }"),
    "a switch": ("always", "const c = await pool.connect()\ntry { switch (x) { case 1: await c.query('x'); break\ndefault: return 1 } } finally { c.release() }"),
    "a function of its own": ("always", "const c = await pool.connect()\nconst done = () => c.release()\ntry { await c.query('x') } finally { done() }"),
    "nothing caught": ("sometimes", "const c = await pool.connect()\nawait c.query('x').then(() => c.release())"),
    "BEGIN before the try": ("begin", "const c = await pool.connect()\nawait c.query('BEGIN')\ntry { await c.query('x') } catch (e) { await c.query('ROLLBACK') } finally { c.release() }"),
    "query runner that starts before the try": ("begin", "const c = source.createQueryRunner()\nawait c.connect()\nawait c.startTransaction()\ntry { await c.query('x') } catch (e) { await c.rollbackTransaction() } finally { await c.release() }"),
    "query runner": ("no", "const c = source.createQueryRunner()\nawait c.startTransaction()"),
}  # fmt: skip


@pytest.mark.parametrize(("returned", "text"), TAKES.values(), ids=TAKES)
def test_what_is_taken(returned: str, text: str) -> None:
    """How surely a connection goes back to its pool."""
    found = read(f"async function f() {{ {text} }}").checkouts

    assert " ".join(take.returned for take in found) == returned


@pytest.mark.parametrize(
    "text",
    [
        "const c = await pool.connect()\nawait c.query('begin')\nreturn c",
        "const c = await pool.connect()\nawait c.query('begin')\nreturn { client: c, done: false }",
        "const c = await pool.connect()\nthis.c = c\nawait c.query('x')",
        "await client.connect()\nawait client.query('x')",
        "using c = await pool.connect()\nawait c.query('x')",
        "const ws = await socket.connect()\nws.send('x')",
        "const c = await pool.connect()\ntry { await c.query('x') } finally { giveBack(c) }",
    ],
)
def test_what_somebody_else_gives_back(text: str) -> None:
    """Returned, stored, handed on, never a checkout: nothing is said."""
    assert read(f"class A {{ async f() {{ {text} }} }}").checkouts == ()


LOST = {
    "early return": (3, "const c = await pool.connect()\ntry {\nif (x) return null\nawait c.query('x')\nc.release() } catch (e) { c.release(); throw e }"),
    "swallowed": (0, "const c = await pool.connect()\ntry { await c.query('x')\nc.release() } catch (e) { log(e) }"),
    "at the end": (3, "const c = await pool.connect()\nif (x) { await c.query('x')\nc.release() }"),
    "one of two": (2, "const c = await pool.connect()\nif (x) return c.query('x')\nreturn c"),
}  # fmt: skip


@pytest.mark.parametrize(("line", "text"), LOST.values(), ids=LOST)
def test_a_way_that_loses_it_without_an_error(line: int, text: str) -> None:
    """The line on which the function ends with the connection still taken."""
    found = read(f"async function f() {{ {text} }}").checkouts

    assert [take.left_at for take in found] == [line]


WAYS = {
    "in try and in finally": ("twice", "const c = await pool.connect()\ntry { await c.query('x'); c.release() } finally { c.release() }"),
    "in catch and in finally": ("twice", "const c = await pool.connect()\ntry { await c.query('x') } catch (e) { c.release(); throw e } finally { c.release() }"),
    "an await behind the release": ("twice", "const c = await pool.connect()\ntry { await c.query('x'); c.release(); await log() } catch (e) { c.release() }"),
    "no rollback": ("open", "const c = await pool.connect()\ntry { await c.query('BEGIN'); await c.query('x'); await c.query('COMMIT') } finally { c.release() }"),
    "returned inside": ("open", "const c = await pool.connect()\ntry { await c.query('BEGIN'); if (x) return; await c.query('COMMIT') } catch (e) { await c.query('ROLLBACK') } finally { c.release() }"),
    "TypeORM": ("open", "const c = source.createQueryRunner()\nawait c.startTransaction()\ntry { await c.manager.save(a); await c.commitTransaction() } finally { await c.release() }"),
    "rolled back to a savepoint": ("open", "const c = await pool.connect()\ntry { await c.query('BEGIN'); await c.query('x'); await c.query('COMMIT') } catch (e) { await c.query('ROLLBACK TO a') } finally { c.release() }"),
}  # fmt: skip
FINE = {
    "one way each": "const c = await pool.connect()\ntry { await c.query('x'); c.release() } catch (e) { c.release(); throw e }",
    "asked first": "const c = await pool.connect()\nlet done = false\ntry { await c.query('x'); c.release(); done = true } finally { if (!done) c.release() }",
    "rolled back": "const c = await pool.connect()\ntry { await c.query('BEGIN'); await c.query('COMMIT') } catch (e) { await c.query('ROLLBACK').catch(() => {}); throw e } finally { c.release() }",
    "rolled back by a helper": "const c = await pool.connect()\ntry { await c.query('BEGIN'); await c.query('COMMIT') } catch (e) { await undo(c); throw e } finally { c.release() }",
    "closed": "const c = await pool.connect()\ntry { await c.query('BEGIN'); await c.query('COMMIT'); c.release() } catch (e) { c.release(true) }",
    "committed in one string": "const c = await pool.connect()\ntry { await c.query('BEGIN; update a set b = 1; COMMIT') } finally { c.release() }",
}  # fmt: skip


@pytest.mark.parametrize(("kind", "text"), WAYS.values(), ids=WAYS)
def test_given_back_wrongly(kind: str, text: str) -> None:
    """A second time, or inside a transaction."""
    assert [each.kind for each in read(f"async function f() {{ {text} }}").misuses] == [kind]


@pytest.mark.parametrize("text", FINE.values(), ids=FINE)
def test_given_back_well(text: str) -> None:
    """Once on each way, with no transaction open."""
    assert read(f"async function f() {{ {text} }}").misuses == ()


@pytest.mark.parametrize(
    "text",
    [
        "let p\nexport const handler = async (event) => { if (!p) { p = new PrismaClient(); try { await p.$connect() } catch (e) { const admin = new PrismaClient(); await admin.$disconnect() } } }",
        "@Injectable()\nclass A { private p = new PrismaClient() }",
        "const a = { provide: 'P', useFactory: () => new PrismaClient() }",
        "async function handle() { const p = new PrismaClient() }\nexport { handle as POSTS }",
    ],
)  # fmt: skip
def test_what_does_not_run_for_each_request(text: str) -> None:
    """Beside what a guard makes, providers of the usual scope, other names."""
    assert "request" not in scopes(PRISMA + text)


@pytest.mark.parametrize(
    ("argument", "made"),
    [("url: string", 1), ("databaseUrl", 1), ("client: Client", 0), ("pool", 0), ("url: URL", 0)],
)
def test_drizzle_of_a_parameter(argument: str, made: int) -> None:
    """A connection string by its type or its name; a client that exists is none of its own."""
    name = argument.partition(":")[0]
    code = f"import {{ drizzle }} from 'drizzle-orm/node-postgres'\nexport const f = ({argument}) => drizzle({name})"

    assert len(read(code).sites) == made


@pytest.mark.parametrize(
    ("path", "text", "purpose"),
    [
        (
            "functions/bin/a.ts",
            "export const handler = async (event) => { const p = new PrismaClient() }",
            "app",
        ),
        ("scripts/server.js", "app.get('/x', async (req, res) => { const p = new PrismaClient() })", "app"),
        ("scripts/fill.ts", "const p = new PrismaClient()", "script"),
        (
            "prisma/seed.ts",
            "export const handler = async (event) => { const p = new PrismaClient() }",
            "script",
        ),
        ("test/a.ts", "export const handler = async (event) => { const p = new PrismaClient() }", "test"),
    ],
)
def test_a_handler_says_more_than_its_folder(path: str, text: str, purpose: str) -> None:
    """Of folders that hold programs run by hand, and handlers too."""
    assert read(PRISMA + text, path).purpose == purpose


def test_other_libraries_connect_too() -> None:
    """A file that talks to MongoDB or Redis has another connect()."""
    assert read("import { MongoClient } from 'mongodb'\nasync function f() { const c = await pool.connect()\nawait c.query('x') }").checkouts == ()  # fmt: skip


STATE = {
    "await pool.query('SET search_path TO a')": "set",
    "await pool.query(`SET statement_timeout = ${ms}`)": "set",
    "await client.query({ text: 'LISTEN jobs' })": "listen",
    "await sql`select pg_advisory_lock(1)`": "lock",
    "await prisma.$executeRawUnsafe(`SET ROLE ${role}`)": "role",
    "await prisma.$queryRaw`SELECT pg_try_advisory_lock(${id})`": "lock",
    "await db.execute('CREATE TEMP TABLE t (a int)')": "temp",
    "await pool.query(\"select set_config('app.tenant', $1, false)\", [t])": "set",
    "await pool.query('PREPARE p AS select 1')": "prepare",
}


@pytest.mark.parametrize(("text", "kind"), STATE.items())
def test_session_state(text: str, kind: str) -> None:
    """Statements that a connection remembers, on their way to the server."""
    assert [mark.kind for mark in read(f"async function f() {{ {text} }}").state] == [kind]


@pytest.mark.parametrize(
    "text",
    [
        "await pool.query('SET LOCAL search_path TO a')",
        "await pool.query('select pg_advisory_xact_lock(1)')",
        "await pool.query(\"select set_config('app.tenant', $1, true)\", [t])",
        "await pool.query('update t set a = 1')",
        "const parts = 'SET a = 1'",
        "console.log('LISTEN to this')",
        "await pool.query('CREATE TEMP TABLE t (a int) ON COMMIT DROP')",
        "await pool.query('SET TRANSACTION ISOLATION LEVEL SERIALIZABLE')",
        "await pool.query(\"SET TIME ZONE 'UTC'\")",
        "// await pool.query('LISTEN jobs')",
        "redis.set('SET a')",
    ],
)
def test_no_session_state(text: str) -> None:
    """What ends with the transaction, what a pooler carries over, and prose."""
    assert read(f"async function f() {{ {text} }}").state == ()


def test_secrets_in_sql_are_not_kept() -> None:
    """A mark shows where a statement begins, not the value it sets."""
    made = read("async function f() { await pool.query(\"SET app.token = 'hunter2'\") }")

    assert "hunter2" not in repr(made)


def test_vue_and_svelte_keep_their_lines() -> None:
    """Only script blocks are code, and a finding names the line of the file."""
    made = read("<template>\n<p>new PrismaClient()</p>\n</template>\n<script lang='ts'>\n" + PRISMA + "const p = new PrismaClient()\n</script>\n", "src/A.vue")  # fmt: skip

    assert [site.line for site in made.sites] == [6]


HOOKS = {
    "written there": (["beforeExit"], "process.on('beforeExit', async () => { await p.$disconnect() })"),
    "a named function": (["beforeExit"], "const stop = async () => { await p.$disconnect() }\nprocess.on('beforeExit', stop)"),
    "a declared function": (["exit"], "function stop() { pool.end() }\nprocess.on('exit', stop)"),
    "Prisma's own": (["$on"], "(this as any).$on('beforeExit', async () => { await app.close() })"),
    "of a driver's client": (["beforeExit"], PG + "process.once('beforeExit', () => client.end())"),
    "of another store": ([], "process.on('beforeExit', async () => { await mongo.close() })"),
    "of telemetry": ([], "process.on('beforeExit', async () => { await posthog.flush() })"),
    "a file": ([], "process.on('exit', () => stream.end())"),
    "a server beside the driver": ([], PG + "process.on('beforeExit', () => server.close())"),
}  # fmt: skip


@pytest.mark.parametrize(("kinds", "text"), HOOKS.values(), ids=HOOKS)
def test_shutdown_hooks(kinds: list[str], text: str) -> None:
    """Hooks that close the database, also by the name of a function of the file."""
    assert [mark.kind for mark in read(text + "\n// $disconnect").hooks] == kinds


@pytest.mark.parametrize(
    ("text", "handled"),
    [
        ("process.on('SIGTERM', stop)", True),
        ("for (const s of ['SIGINT', 'SIGTERM']) process.on(s, stop)", True),
        ("app.enableShutdownHooks()", True),
        ("process.on('SIGINT', stop)", False),  # Ctrl-C; a platform sends SIGTERM
        ("class A { async enableShutdownHooks() { await f() } }", False),  # a method of that name, not a call
    ],
)
def test_what_handles_a_deploys_signal(text: str, handled: bool) -> None:
    """Only then are hooks on other events no matter."""
    assert read(text + "\n// $disconnect").handles_signals is handled


def test_directives_edge_and_workers() -> None:
    """What the file says about where it runs."""
    assert read("'use client'\nimport { Pool } from 'pg'\nnew Pool()").client_side
    assert read("export const runtime = 'edge'\n").edge == "export const runtime = 'edge'"
    assert read("export const config = { runtime: 'experimental-edge' }\n").edge
    assert not read("export const runtime = 'nodejs'\n").edge
    assert read(
        "import { NextResponse } from 'next/server'\nexport function middleware() {}", "middleware.ts"
    ).edge
    assert read("import { pool } from './db'\nexport async function middleware(request) {}", "src/middleware.ts").edge == "Next.js middleware"  # fmt: skip
    assert not read("import { NextResponse } from 'next/server'\nexport const config = { runtime: 'nodejs' }", "middleware.ts").edge  # fmt: skip
    assert read("export default { async fetch(request, env) { return 1 } }").worker


@pytest.mark.parametrize(
    ("path", "purpose"),
    [
        ("src/app.ts", "app"),
        ("src/testing-tools/x.ts", "app"),
        ("src/latest/x.ts", "app"),
        ("src/contest/x.ts", "app"),
        ("src/routers/test.js", "app"),
        ("src/pages/api/admin/seed.ts", "app"),
        ("src/test.js", "script"),
        ("packages/api/seed.ts", "script"),
        ("tests/app.ts", "test"),
        ("src/__tests__/a.ts", "test"),
        ("src/a.test.ts", "test"),
        ("src/a.spec.tsx", "test"),
        ("app/test_main.py", "test"),
        ("conftest.py", "test"),
        ("e2e/a.ts", "test"),
        ("prisma/seed.ts", "script"),
        ("scripts/x.js", "script"),
        ("packages/db/scripts/x.js", "script"),
        ("db/migrations/1.sql", "script"),
        ("alembic/env.py", "script"),
        ("src/description/a.ts", "app"),
        (".github/x.js", "script"),
        ("src/init/app.ts", "app"),
    ],
)
def test_purpose(path: str, purpose: str) -> None:
    """Tests and scripts may do what an app may not."""
    assert source_files.purpose(path) == purpose


def test_ignore_comments() -> None:
    """Behind code: that line. Alone: the statement below, or the head of a function."""
    text = (
        PG
        + "const a = new Pool() // poolcheck: ignore[PC402] why not\n"
        + "// poolcheck: ignore[PC403]\nconst b = new Pool({\n  max: 1,\n})\n"
        + "/* poolcheck: ignore[PC401] */\nexport function f() {\n  return new Pool()\n}\n"
        + "const c = 'poolcheck: ignore[PC404]'\n"
    )
    made = source_files.read(text.encode(), "a.ts", makers())
    assert isinstance(made, Read)

    assert [(each.ignore.rules, each.lines) for each in made.ignores.placed] == [
        (("pc402",), (2,)),
        (("pc403",), (3, 4, 5, 6)),
        (("pc401",), (7, 8)),
    ]


@pytest.mark.parametrize(
    ("code", "why"),
    [
        (b"var a = 1;" * 200_000, "larger than 1 MB"),
        (b"new PrismaClient();" * 2_000, "written by a bundler"),
        (b"(" * 5_000 + b"new PrismaClient()" + b")" * 5_000, "nested"),
        (b"\0\1\2 new PrismaClient()", "not text"),
    ],
    ids=["huge", "minified", "deep", "binary"],
)
def test_pathological_files_are_left_alone(code: bytes, why: str) -> None:
    """With the reason, and at once."""
    made = source_files.read(code, "a.js", makers())

    assert isinstance(made, UnreadSource)
    assert why in made.why


MANY = 4_000


@pytest.mark.parametrize(
    ("text", "path"),
    [
        (
            PRISMA
            + "\n".join(f"export function f{n}() {{ return new PrismaClient() }}" for n in range(MANY)),
            "a.ts",
        ),
        (PG + "app.get('/x', async (req, res) => { const p = new Pool() })\n" * MANY, "a.ts"),
        (
            "async function f() { const c = await pool.connect(); await c.query('x'); c.release() }\n" * MANY,
            "a.ts",
        ),
        ("await c.query('SET a = 1')\n" * MANY, "a.ts"),
        ("import psycopg2\n" + "@app.get('/')\ndef f():\n    c = psycopg2.connect(U)\n" * MANY, "a.py"),
        ("SET a = 1;\n" * 100_000, "a.sql"),
        ("select set_config(a, " * 50_000, "a.sql"),
        ("select '" * 100_000, "a.sql"),
        ("/* " * 300_000, "a.sql"),
    ],
    ids=["sites", "handlers", "checkouts", "statements", "python", "sets", "calls", "quotes", "comments"],
)
def test_generated_files_take_no_time(text: str, path: str) -> None:
    """Nothing grows with the square of a file's length: what a program wrote is left alone or read at once."""
    start = time.process_time()

    made = source_files.read(text.encode(), path, makers())

    assert isinstance(made, Read | UnreadSource)
    assert time.process_time() - start < 10


@pytest.mark.parametrize("code", [b"", b"}}}}", b"const a = `", b"\xff\xfe\x00", b"new PrismaClient(", b"class {", b"import", b"\xef\xbb\xbfnew PrismaClient()"])  # fmt: skip
@pytest.mark.parametrize("path", ["a.ts", "a.tsx", "a.js", "a.vue", "a.py", "a.sql"])
def test_broken_files_are_read_or_left_alone(code: bytes, path: str) -> None:
    """Whatever the bytes are, there is a file or a reason."""
    assert isinstance(source_files.read(code, path, makers()), Read | UnreadSource)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("LISTEN jobs;", [("listen", 1)]),
        ("-- LISTEN jobs;\nselect 1;", []),
        ("select 'LISTEN jobs';\nSET search_path = a;", [("set", 2)]),
        ("create function f() returns void as $$ begin\nSET x = 1; end $$ language plpgsql;", []),
        ("/* a /* b */ LISTEN c; */\nselect pg_advisory_lock(1);", [("lock", 2)]),
        ("begin;\nSET LOCAL lock_timeout = '1s';\ncommit;", []),
        ("--\n-- PostgreSQL database dump\n--\nSET statement_timeout = 0;", []),
        ("update a\nset b = 1;", []),
    ],
)
def test_sql_files(text: str, found: list[tuple[str, int]]) -> None:
    """Statement by statement; comments, strings, function bodies and dumps are left out."""
    assert [(mark.kind, mark.line) for mark in read(text, "a.sql").state] == found


@pytest.mark.parametrize(
    ("code", "path", "wanted"),
    [
        (b"import { useState } from 'react'", "a.tsx", False),
        (b"update users SET name = 1", "a.ts", False),
        (b"import { Pool } from 'pg'", "a.ts", True),
        (b"const { Pool } = require( 'pg' )", "a.js", True),
        (b"require('knex')({ client: 'pg' })", "a.js", True),
        (b"import { Model } from 'sequelize'", "a.js", False),
        (b"const ratings = ['pg', 'r']", "a.ts", False),
        (b"await db.query('LISTEN a')", "a.ts", True),
        (b"await db.query(`\n  listen a`)", "a.ts", True),
        (b"await sql`SET search_path = a`", "a.ts", True),
        (b"await db.query('SET LOCAL lock_timeout = 1')", "a.ts", True),
        (b"await db.query('begin')", "a.ts", True),
        (b"await db.query(`START TRANSACTION`)", "a.ts", True),
        (b"t('Begin your query here')", "a.tsx", True),
        (b'await db.query(`UPDATE "Image" SET nsfw = $1`)', "a.ts", False),
        (b"useQuery(); t('Set up your TEMP folder')", "a.tsx", False),
        (b"print(1)", "a.py", False),
        (b"import psycopg", "a.py", True),
    ],
)
def test_which_files_are_worth_a_parser(code: bytes, path: str, wanted: bool) -> None:
    """By a few words in their bytes."""
    kind = languages.language(path)
    assert kind is not None

    assert source_files.matters(code, kind, makers()) is wanted
